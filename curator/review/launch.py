"""Starts the app: on this machine alone, behind a token, with every setting given here.

Streamlit reads a user's own config.toml; flags win over it, so that no file can open the port to others.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from stat import S_ISREG
from typing import Any

import msgspec

from curator.errors import CuratorError, MissingExtraError, UsageError, WriteError
from curator.review.desk import Desk
from curator.review.filters import Filter
from curator.review.guard import HEALTH, Guard
from curator.review.index import NAME
from curator.review.settings import Settings
from curator.text.excerpt import visible
from curator.writing import keep_ignored

PORT = 8765
_TRIES = 20

# A quiet page: paper and ink, one accent; the card's style sheet goes by the same colours.
_LIGHT = {
    "primaryColor": "#27567f",
    "backgroundColor": "#faf9f7",
    "secondaryBackgroundColor": "#f1efea",
    "textColor": "#1d1c1a",
    "borderColor": "#e2ded6",
    "linkColor": "#27567f",
}
_DARK = {
    "primaryColor": "#8fbce6",
    "backgroundColor": "#141517",
    "secondaryBackgroundColor": "#1e2024",
    "textColor": "#e9e7e2",
    "borderColor": "#464b54",
    "dataframeBorderColor": "#3a3f47",
    "linkColor": "#8fbce6",
}

_FLAGS = {
    "server.headless": "true",
    "server.showEmailPrompt": "false",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "server.enableCORS": "true",
    "server.enableXsrfProtection": "true",
    "server.enableStaticServing": "false",
    "server.maxUploadSize": "1",
    "server.maxMessageSize": "64",
    "server.baseUrlPath": "",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.showSidebarNavigation": "false",
    "runner.magicEnabled": "false",
    "runner.fastReruns": "true",
    "runner.postScriptGC": "false",  # a tenth of a second in which nothing is answered; Python collects when it is due
    "global.developmentMode": "false",
    "logger.hideWelcomeMessage": "true",
    "logger.level": "error",
    "theme.baseRadius": "8px",
    "theme.baseFontSize": "15",
    "theme.showWidgetBorder": "true",
}


class _Session(msgspec.Struct):
    """What the one server of this process serves."""

    desk: Desk
    token: str
    port: int
    hosts: tuple[str, ...] = ()
    numbered: bool = False  # whether it is called by any address of the machine


_session: _Session | None = None
_TOKEN = "review.token"
_AGE = 12 * 3600  # seconds after which a token is not used again


def begin(
    settings: Settings, *, token: str = "", port: int = 0, hosts: tuple[str, ...] = (), numbered: bool = False
) -> Desk:
    """Make this process serve a review; the pages find it with `desk()`."""
    global _session
    _session = _Session(Desk(settings), token or secrets.token_urlsafe(32), port, hosts, numbered)
    return _session.desk


def kept_token(folder: Path) -> str:
    """The token of the last start, where it is this user's alone and of today, so that an open page goes on; else a new one."""
    file = folder / _TOKEN
    try:
        stat = file.lstat()
        own = not hasattr(os, "getuid") or stat.st_uid == os.getuid()
        fresh = time.time() - stat.st_mtime < _AGE
        if S_ISREG(stat.st_mode) and own and not stat.st_mode & 0o077 and fresh:
            token = file.read_text("ascii").strip()
            if len(token) >= 40 and token.replace("-", "").replace("_", "").isalnum():
                return token
        file.unlink()
    except (OSError, ValueError):
        pass
    token = secrets.token_urlsafe(32)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
            kept.write(token)
        keep_ignored(
            folder,
            f"# the decisions are meant for version control, the rest is not\n{_TOKEN}\n{NAME}*\n.{NAME}*\njobs/\n",
        )
    except OSError:
        pass  # the folder cannot be written: the page will say so
    return token


def desk() -> Desk:
    """The desk that this process serves. Raises UsageError where none was begun."""
    if _session is None:
        raise UsageError("the app was not started by curator", hint="curator review data.jsonl")
    return _session.desk


def guarded(app: Any) -> Guard:
    """The app behind the guard of this process: for every request, the lifespan included."""
    assert _session is not None
    s = _session
    return Guard(
        app, token=s.token, port=s.port, hosts=s.hosts, needed=_needed(), numbered=s.numbered, static=_static()
    )


# Parts of streamlit's page that ours are made of: it would find out one after another that it needs them.
_PARTS = "BidiComponent Multiselect ButtonGroup Selectbox TextInput Html purify.es serialization recordbatch _arrayReduce".split()
_IMPORTED = re.compile(r'(?:from|import)"\./([\w.-]+\.js)"')


def _static() -> Path:
    """Where streamlit keeps its page."""
    import streamlit

    return Path(streamlit.__file__).parent / "static"


def _needed() -> list[str]:
    """The paths of the scripts that the queue needs and the first page does not name, as this release of streamlit has them."""
    static = _static()
    scripts = static / "static" / "js"
    try:
        named = set(re.findall(r"static/js/([\w.-]+\.js)", (static / "index.html").read_text("utf-8")))
        todo = [file.name for part in _PARTS for file in sorted(scripts.glob(f"{part}.*.js"))]
        found: dict[str, None] = {}
        while todo:
            name = todo.pop()
            if name not in found and name not in named:
                found[name] = None
                todo += _IMPORTED.findall((scripts / name).read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return []  # another release: the page finds them by itself
    return [f"/static/js/{name}" for name in found]


def _warm() -> None:
    """Begin the lint where there is no index; where there is one, load what the first page needs while the browser is
    still at its scripts."""
    served = desk()
    if not served.ready():
        return
    from PIL import Image  # noqa: F401 (streamlit asks it for the icon of the page)

    from curator.review import tables  # noqa: F401 (all pages but one share it)
    from curator.review.loop import Loop

    with suppress(CuratorError):  # the page says what is wrong
        served.follow()
        Loop(served, Filter(rules=served.settings.rules, take=served.settings.take)).start()


@asynccontextmanager
async def lifespan(app: object) -> AsyncIterator[None]:
    """The lint begins with the server, and ends with it."""
    threading.Thread(target=_warm, daemon=True).start()
    yield
    desk().close()


def folder() -> Path:
    """The pages: in the wheel beside the package, in a clone in `apps/`."""
    here = Path(__file__).resolve().parent.parent
    shipped = here / "_apps" / "review"
    return shipped if shipped.is_dir() else here.parent / "apps" / "review"


def serve(settings: Settings, *, port: int | None = None, host: str = "127.0.0.1", browser: bool = True) -> None:
    """Serve until interrupted.

    Raises:
        MissingExtraError: streamlit is not installed.
        UsageError: the port is taken, or the pages are not there.
        WriteError: nothing can be written beside the data.
    """
    if find_spec("streamlit") is None:
        raise MissingExtraError("curator review", "review")
    script = folder() / "app.py"
    if not script.is_file():
        raise UsageError("the pages of the app are not installed", where=str(script), hint="install curator again")
    number = _free(host, port)
    _refuse_read_only(settings.folder)
    begin(
        settings,
        token=kept_token(settings.folder),
        port=number,
        hosts=() if host in _LOOPBACK else (_bracketed(host), socket.gethostname()),
        numbered=host in _ALL,
    )
    assert _session is not None
    shown = _bracketed(host) if host not in _ALL else socket.gethostname()
    address = f"http://{shown}:{number}/?token={_session.token}"
    who = f"reviewing {settings.name} as {settings.reviewer or 'nobody'}"
    sys.stdout.write(f"{visible(who)}\n{address}\nCtrl-C ends\n")
    sys.stdout.flush()
    if browser:
        health = f"http://{_bracketed(_ALL.get(host, host))}:{number}{HEALTH}"
        threading.Thread(target=_open, args=(health, address), daemon=True).start()
    _run(script, host, number)


def _refuse_read_only(folder: Path) -> None:
    """Raises WriteError where no decision could be kept: better now than when the first is made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        hint = "decisions and the index of findings are kept there: review a copy of the data in another folder"
        raise WriteError(f"cannot be written: {error.strerror or error}", where=str(folder), hint=hint) from None


def _bracketed(host: str) -> str:
    """A name or number as it stands in an address: one with colons stands in brackets there."""
    return f"[{host}]" if ":" in host else host


_ALL = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # what stands for every address of the machine, and one of them
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def flags(host: str, port: int) -> list[str]:
    """Every setting that must not come from anywhere else, as flags of `streamlit run`."""
    own = {"server.address": host, "server.port": str(port), "browser.serverAddress": host, **_FLAGS}
    for mode, colours in (("light", _LIGHT), ("dark", _DARK)):
        own |= {f"theme.{mode}.{name}": colour for name, colour in colours.items()}
    known = _options()
    return [f"--{name}={value}" for name, value in own.items() if name in known]


def _options() -> set[str]:
    """The settings that this release of streamlit has."""
    from streamlit import config

    return set(config._config_options_template)


def _run(script: Path, host: str, port: int) -> None:
    for name in [name for name in os.environ if name.startswith("STREAMLIT_")]:
        del os.environ[name]
    from streamlit.web import cli

    cli.main(["run", str(script), *flags(host, port)], standalone_mode=False)


def _free(host: str, wanted: int | None) -> int:
    """The port to listen on: the one asked for, else the first that is free."""
    for port in [wanted] if wanted else [*range(PORT, PORT + _TRIES), 0]:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UsageError(f"port {wanted} is taken", hint="name another with --port, or leave it out")


def _open(health: str, address: str) -> None:
    """Open a browser once the server answers."""
    import webbrowser

    for _ in range(200):
        try:
            with urllib.request.urlopen(health, timeout=1) as answer:
                if answer.status == 200:
                    webbrowser.open(address)
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)

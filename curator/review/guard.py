"""Who may talk to the review app: the browser that the command opened, and nobody else.

A random token is made at each start and stands in the address that is opened; it is exchanged for a cookie
that no script can read. Every request and every websocket must carry it, name this machine as its host, and
come from this page; a link with the token may stand on any, such as the notebook that the command was typed in.
What is answered may load nothing from elsewhere and be framed by nobody.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from html import escape
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

HEALTH = "/_stcore/health"
_FIRST = "/review"  # the page that streamlit serves at "/", and under no name
_CLOSED = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/upload_file", "/_stcore/skills")  # nothing here needs them
_LOCAL = ("127.0.0.1", "localhost", "[::1]")

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob: data:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class Guard:
    """An ASGI application in front of another.

    `hosts` are further names by which it may be called, `numbered` lets it be called by any number of a machine, as
    one that listens on all its addresses is: what a foreign name leads here is refused all the same. `needed` the paths of scripts that a page will ask for.
    """

    def __init__(
        self,
        app: App,
        *,
        token: str,
        port: int,
        hosts: Iterable[str] = (),
        needed: Iterable[str] = (),
        numbered: bool = False,
        static: Path | None = None,
    ) -> None:
        self._app, self._token, self._port, self._numbered = app, token, port, numbered
        self._needed = [(b"link", f"<{path}>; rel=modulepreload".encode()) for path in needed]
        self._static = static
        self._cookie = f"curator-{port}"
        names = {host.lower() for host in (*_LOCAL, *hosts)}
        self._hosts = {f"{name}:{port}" for name in names} | (names if port in (80, 443) else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        status, why = self._judged(scope)
        if status and scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": why})
        elif status:
            await _answer(send, status, why)
        elif scope["type"] == "http" and (given := self._given(scope)) is not None:
            lead = _lead_on if _foreign(_headers(scope)) else _lead
            await lead(send, scope, given, [(b"set-cookie", self._baked())])
        elif scope["type"] == "http" and str(scope.get("path", "")).rstrip("/") == _FIRST:
            await _lead(send, scope, scope.get("query_string", b"").decode("latin-1"), [])
        elif self._static is not None and (found := _asset(scope, self._static)) is not None:
            await send({"type": "http.response.start", "status": 200, "headers": [*found[0], *_HEADERS]})
            await send({"type": "http.response.body", "body": found[1]})
        else:
            await self._app(scope, receive, _with_headers(send, self._needed) if scope["type"] == "http" else send)

    def _judged(self, scope: Scope) -> tuple[int, str]:
        """(status to refuse with, why); 0 where the request is welcome."""
        headers = _headers(scope)
        hosts = headers.get("host", [])
        if len(hosts) != 1 or not (hosts[0].lower() in self._hosts or self._by_number(hosts[0])):
            return 400, "this address is not served here"
        origins = headers.get("origin", [])
        if any(not self._own(origin, hosts[0]) for origin in origins) or (
            scope["type"] == "websocket" and len(origins) != 1
        ):
            return 403, "asked by another page"
        path = str(scope.get("path", ""))
        if path.startswith(_CLOSED):
            return 403, "closed"
        if scope["type"] == "http" and path == HEALTH:
            return 0, ""
        if _foreign(headers) and not (_opens(headers) and self._given(scope) is not None):
            return 403, "asked by another page"
        if self._given(scope) is None and not self._known(headers.get("cookie", [])):
            return 403, "open the address that curator review printed: it holds the token"
        return 0, ""

    def _by_number(self, host: str) -> bool:
        name, _, port = host.rpartition(":")
        try:
            ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return self._numbered and port == str(self._port)

    def _own(self, origin: str, host: str) -> bool:
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()

    def _given(self, scope: Scope) -> str | None:
        """The rest of the query, where it holds the right token."""
        if scope["type"] != "http" or b"token=" not in scope.get("query_string", b""):
            return None
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        tokens = [value for name, value in pairs if name == "token"]
        if len(tokens) != 1 or not self._same(tokens[0]):
            return None
        return urlencode([pair for pair in pairs if pair[0] != "token"])

    def _same(self, token: str) -> bool:
        return hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode())

    def _known(self, cookies: list[str]) -> bool:
        for line in cookies:
            try:
                held = SimpleCookie(line).get(self._cookie)
            except CookieError:
                continue
            if held is not None and self._same(held.value):
                return True
        return False

    def _baked(self) -> bytes:
        return f"{self._cookie}={self._token}; HttpOnly; SameSite=Strict; Path=/".encode()


_KINDS = {".js": b"application/javascript", ".css": b"text/css; charset=utf-8", ".woff2": b"font/woff2"}
_HASHED = re.compile(r"/static/(?P<file>(?:js|css|media)/[\w.-]+\.[\w-]{8}(?P<kind>\.\w+))\Z", re.ASCII)


def _asset(scope: Scope, static: Path) -> tuple[list[tuple[bytes, bytes]], bytes] | None:
    """Headers and body of a part of streamlit's page that is named after its content, read at once; None for all else.

    A first page asks for some eighty of them, and each went through a handful of threads on its way.
    """
    named = _HASHED.match(str(scope.get("path", ""))) if scope["type"] == "http" else None
    if named is None or scope.get("method") != "GET" or named["kind"] not in _KINDS or "range" in _headers(scope):
        return None
    try:
        body = (static / "static" / named["file"]).read_bytes()
    except OSError:
        return None
    told = {b"content-type": _KINDS[named["kind"]], b"content-length": str(len(body)).encode()}
    return [*told.items(), (b"cache-control", b"public, immutable, max-age=31536000")], body


def _foreign(headers: dict[str, list[str]]) -> bool:
    """Whether another page asks, as far as the browser says."""
    return headers.get("sec-fetch-site", ["none"])[0] in ("cross-site", "same-site")


def _opens(headers: dict[str, list[str]]) -> bool:
    """Whether a link was followed: the answer becomes a page of its own, which the other page cannot read."""
    return (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == (["navigate"], ["document"])


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope.get("headers", ()):
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _target(scope: Scope, query: str) -> str:
    """The address without the token; the first page is found by its name too."""
    path = "/" + str(scope.get("path", "/")).lstrip("/\\")
    return ("/" if path.rstrip("/") == _FIRST else path) + (f"?{query}" if query else "")


async def _lead(send: Send, scope: Scope, query: str, more: list[tuple[bytes, bytes]]) -> None:
    """Lead to the address without the token."""
    to = _target(scope, query).encode("latin-1", "ignore")
    headers = [(b"location", to), (b"cache-control", b"no-store"), *more, *_HEADERS]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _lead_on(send: Send, scope: Scope, query: str, more: list[tuple[bytes, bytes]]) -> None:
    """Lead there from a page of ours: to where another page's link is led, a browser sends no cookie."""
    to = escape(_target(scope, query))
    body = f'<!doctype html><meta http-equiv="refresh" content="0;url={to}"><title>curator review</title>\n'.encode()
    length = (b"content-length", str(len(body)).encode())
    kind = (b"content-type", b"text/html; charset=utf-8")
    headers = [kind, length, (b"cache-control", b"no-store"), *more, *_HEADERS]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answer(send: Send, status: int, why: str) -> None:
    body = f"{why}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *_HEADERS]})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Send, needed: list[tuple[bytes, bytes]]) -> Send:
    ours = {name for name, _ in _HEADERS}

    async def guarded(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            theirs = [pair for pair in message.get("headers", ()) if pair[0].lower() not in ours]
            page = any(name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in theirs)
            message = {**message, "headers": [*theirs, *_HEADERS, *(needed if page else ())]}
        await send(message)

    return guarded

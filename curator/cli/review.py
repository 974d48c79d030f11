"""`curator review`."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import click

from curator.cli import options


def _part(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int]:
    if value is None:
        return 1, 1
    part, _, of = value.partition("/")
    if not (part.isdigit() and of.isdigit() and 1 <= int(part) <= int(of)):
        raise click.BadParameter("write the part and how many there are: 1/3", ctx, param)
    return int(part), int(of)


@click.command("review")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--reviewer", metavar="NAME", help="Who decides.  [default: the name you are logged in with]")
@click.option("--rule", "queue", multiple=True, metavar="RULE,…", help="Begin with the findings of these rules.")
@click.option("--take", callback=_part, metavar="1/3", help="Your part, where several review: each finding is in one.")
@click.option("--port", type=click.IntRange(1, 65535), metavar="N", help="Port to listen on.  [default: a free one]")
@click.option("--no-browser", is_flag=True, help="Open no browser, print the address alone.")
@click.option("--host", default="127.0.0.1", show_default=True, metavar="NAME", help="Address to listen on.")
@click.option("--allow-remote", is_flag=True, help="Let other machines in that know the token (with --host).")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where Apply writes to.  [default: PATH-reviewed]",
)
@click.option("--require-reason", is_flag=True, help="An error is kept only with a note that says why.")
@options.limiting
@options.selecting
@options.reading
def command(
    paths: tuple[str, ...],
    reviewer: str | None,
    queue: tuple[str, ...],
    take: tuple[int, int],
    port: int | None,
    no_browser: bool,
    host: str,
    allow_remote: bool,
    output: Path | None,
    require_reason: bool,
    config_file: Path | None,
    **settings: Any,
) -> None:
    """Go through what is found in a browser, a key a decision.

    Decisions are lines of .curator/decisions.jsonl beside the data: lint, clean and prepare honour them.
    The app listens on this machine alone, and only the browser that holds its token gets in.
    """
    context = click.get_current_context()
    if host not in ("127.0.0.1", "localhost", "::1") and not allow_remote:
        raise click.UsageError(f"--host {host} lets other machines in: add --allow-remote if you mean it", context)
    if "-" in paths:
        raise click.UsageError("standard input cannot be reviewed: name a file", context)
    from curator.cli import clean, split
    from curator.cli.decisions import logged_in
    from curator.config import load_rules
    from curator.errors import UsageError
    from curator.review import launch
    from curator.review.settings import Settings

    config = options.configured(paths, config_file, settings)
    if settings["map"] == options.GUESS:  # what was guessed is what was reviewed
        context.params["map"] = config.map or None
    for path in paths:
        if not Path(path).exists():
            raise UsageError("there is no such file or folder", where=path)
    chosen = tuple(word.strip() for part in queue for word in part.split(",") if word.strip())
    told = Settings(
        paths=tuple(str(Path(path)) for path in paths),
        config=config,
        reviewer=logged_in() if reviewer is None else reviewer.strip(),
        output=output or _beside(Path(paths[0])),
        take=take,
        rules=_codes(chosen, load_rules(config.pack_files)),
        model=settings.get("model") or config.model or "",
        need_reason=require_reason,
        reread=partial(options.configured, paths, config_file, {**settings, "map": context.params.get("map")}),
        options={"clean": options.shared(context, clean.command), "split": options.shared(context, split.command)},
    )
    if allow_remote and host not in ("127.0.0.1", "localhost", "::1"):
        click.echo(f"warning: other machines can reach {host}; whoever has the token can read the data", err=True)
    launch.serve(told, port=port, host=host, browser=not no_browser)


_FORM = re.compile(r"(\.(jsonl?|ndjson|csv|tsv|parquet|arrow|gz|zst|xz|bz2))+$")


def _beside(path: Path) -> Path:
    name = path.name if path.is_dir() else _FORM.sub("", path.name)
    return path.resolve().parent / f"{name.strip('.') or 'data'}-reviewed"


def _codes(named: tuple[str, ...], known: Any) -> tuple[str, ...]:
    """The codes of rules named by code, name or family."""
    from curator.errors import UsageError

    found: list[str] = []
    for name in named:
        of = [
            c
            for c, rule in known.items()
            if name.upper() == c or name == rule.slug() or (name.isalpha() and c.startswith(name.upper()))
        ]
        if not of:
            raise UsageError(f"no rule {name!r}", where="--rule", hint="curator rules lists them")
        found += of
    return tuple(dict.fromkeys(found))

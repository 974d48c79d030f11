"""`curator clean`."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from curator.cli import options
from curator.cli.output import encoded, sink


@click.command("clean")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), metavar="OUT", help="The mended copy.")
@click.option(
    "--rejected",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The rows left out, with reasons.  [default: rejected.jsonl beside OUT]",
)
@options.limiting
@click.option("--unsafe-fixes", is_flag=True, help="Make the fixes that may change meaning as well.")
@options.selecting
@options.reading
@options.spreading
@options.caching
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    paths: tuple[str, ...],
    output: Path,
    rejected: Path | None,
    unsafe_fixes: bool,
    config_file: Path | None,
    form: str,
    **settings: Any,
) -> None:
    """Write a mended copy, with the rejected rows and their reasons.

    Safe fixes and decisions are applied. Nothing is lost in silence: every row of PATH stands in OUT
    or among the rejected ones, and a table says how many and why.
    """
    from curator import cleaning as verb

    config = options.configured(paths, config_file, settings)
    result = verb.clean(paths, output, config, rejected=rejected, unsafe=unsafe_fixes)
    written = list(dict.fromkeys(loss.output for loss in result.losses))
    if settings["map"] and config.map:
        options.keep_map(config, paths, *map(Path, written))
    with sink(None) as stream:
        steps = f"what is left, in full:  {_typed('lint', written)}\n"
        if result.unsafe:
            again = options.retyped(click.get_current_context(), {"form"})
            steps += f"{result.unsafe:,} of it can be mended if you agree:  {again} --unsafe-fixes\n"
        steps += f"to make splits of it:    {_typed('split', written)} -o splits\n"
        text = verb.as_json(result) if form == "json" else encoded(verb.as_text(result) + steps)
        stream.write(text)


def _typed(verb: str, files: list[str]) -> str:
    """A command on the mended copies."""
    return shlex.join(("curator", verb, *files))

"""`curator explain`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from curator.cli import options
from curator.cli.output import coloured, sink


class _Line(click.types.IntParamType):
    """The number of a line, from 1."""

    name = "line"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number. Raises click.BadParameter for anything else."""
        if not ((text := str(value)).isascii() and text.isdecimal() and int(text) > 0):
            what = f"{text!r} is no line: a row is named by the number of a line it stands on, from 1"
            self.fail(what, param, ctx)
        return int(text)


@click.command("explain")
@click.argument("file", metavar="FILE")
@click.argument("line", type=_Line(), metavar="LINE")
@click.option("--beside", multiple=True, metavar="PATH", help="A file that is linted with FILE, as one set.")
@click.option("--reveal", is_flag=True, help="Show private values, which are masked otherwise.")
@options.limiting
@options.selecting
@options.reading
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    file: str,
    line: int,
    beside: tuple[str, ...],
    reveal: bool,
    config_file: Path | None,
    form: str,
    **settings: Any,
) -> None:
    """Show everything that is known of one row.

    How it was read, its tokens, what is trained on, what was found in it, and which other rows point
    at it. With --model or --template also the text it is rendered to, its trained parts marked.
    """
    from curator import explanation as verb

    config = options.configured((file,), config_file, settings)
    result = verb.explain(file, line, config, beside=beside, reveal=reveal)
    with sink(None) as stream:
        stream.write(
            verb.as_json(result)
            if form == "json"
            else verb.as_text(result, colour=coloured("auto", sys.stdout)).encode("utf-8", "backslashreplace")
        )

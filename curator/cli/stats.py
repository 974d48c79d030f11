"""`curator stats`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from curator.cli import options
from curator.cli.output import coloured, sink


@click.command("stats")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option(
    "--max-length", type=click.IntRange(min=1), metavar="TOKENS", help="Say what this maximum length would keep."
)
@options.counting
@click.option("--price", type=options.Amount(min=0), metavar="MONEY", help="What a million trained tokens cost.")
@click.option(
    "--epochs",
    type=options.Amount(min=0),
    default=1.0,
    show_default=True,
    metavar="N",
    help="Times the set is trained on.",
)
@options.spreading
@click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there.")
def command(
    paths: tuple[str, ...],
    config_file: Path | None,
    price: float | None,
    epochs: float,
    form: str,
    output: Path | None,
    **settings: Any,
) -> None:
    """Count rows, turns and tokens.

    With their lengths, and what each maximum length would keep.
    """
    from curator import counting as verb

    ctx = click.get_current_context()
    if price is None and ctx.get_parameter_source("epochs") == click.core.ParameterSource.COMMANDLINE:
        raise click.UsageError("--epochs multiplies the cost: add --price", ctx)
    options.refuse_overwriting(paths, output)
    config = options.configured(paths, config_file, settings)
    result = verb.stats(paths, config, price=price, epochs=epochs, workers=config.crew)
    colour = output is None and coloured("auto", sys.stdout)
    with sink(output) as stream:
        if form == "json":
            stream.write(verb.as_json(result))
        else:
            page = verb.as_html(result, ", ".join(paths)) if form == "html" else verb.as_text(result, colour=colour)
            stream.write(page.encode("utf-8", "backslashreplace"))

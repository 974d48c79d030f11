"""`curator split`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator.cli import options
from curator.cli.dividing import dividing
from curator.cli.output import encoded, progress, sink

if TYPE_CHECKING:
    from curator.splits.drawing import Wish

# Options that leaks do not depend on, and the map, which is saved beside the splits.
_NO_LEAK = {"map", "tokenizer", "model", "template", "benchmarks", "modelfile", "embeddings", "facts"}


@click.command("split")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where they go.")
@dividing
@click.option("--force", is_flag=True, help="Overwrite files in DIR that are not from a split.")
@options.finding
@options.spreading
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    paths: tuple[str, ...],
    output: Path,
    wish: Wish,
    keep: Path | None,
    fresh: bool,
    dataset: bool,
    force: bool,
    config_file: Path | None,
    form: str,
    **settings: Any,
) -> None:
    """Write train, valid and test files without leaks between them.

    Rows that repeat each other, ask the same, or are from one document or conversation stay together.
    The order of the rows does not matter, and rows that are added move no others: split.json in DIR
    remembers them. Decisions kept beside the data are honoured.

    --set gives the rules on leaks (SPT001 to SPT004) other options. --benchmark, --template, --model,
    --modelfile, --embeddings and --facts are for decisions on what was found with them.
    """
    config = options.configured(paths, config_file, settings)
    from curator.splits import splitting as verb

    with progress() as tick:
        result = verb.split(
            paths,
            output,
            config,
            wish,
            keep=keep,
            fresh=fresh,
            dataset=dataset,
            force=force,
            workers=config.crew,
            progress=tick,
        )
    from curator.cli import lint

    asked = options.shared(click.get_current_context(), lint.command, options.FORM | _NO_LEAK)
    if settings["map"] and config.map:
        options.keep_map(config, paths, output)
    with sink(None) as stream:
        text = verb.as_json(result) if form == "json" else encoded(verb.as_text(result, asked))
        stream.write(text)

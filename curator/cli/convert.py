"""`curator convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from curator.cli import options
from curator.cli.output import encoded, sink


@click.command("convert")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--to", "target", required=True, metavar="SHAPE", help="The shape to write.")
@click.option(
    "-o",
    "--output",
    "place",
    required=True,
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="The new file, or a folder for several.",
)
@click.option("--allow-loss", "accept", is_flag=True, help="Write even where something is lost.")
@click.option(
    "--form",
    "spelling",
    type=click.Choice(["auto", "plain", "conversational"]),
    default="auto",
    show_default=True,
    help="Strings or message lists, for the shapes that may be either.",
)
@click.option(
    "--rejected",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="The rows that cannot be converted, with reasons.  [default: OUT.rejected.jsonl]",
)
@options.shaping
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    paths: tuple[str, ...],
    target: str,
    place: Path,
    accept: bool,
    spelling: Any,
    rejected: Path | None,
    config_file: Path | None,
    form: str,
    **settings: Any,
) -> int:
    """Write a set in another shape, with a table of what it cannot hold.

    \b
    SHAPE is one of alpaca, anthropic-bedrock, axolotl, bedrock-converse, gemini, harmony,
    input-output, llama-factory, llama-factory-v1, mistral, oasst, openai-chat, openai-preference, openai-rft,
    prompt-completion, prompt-only, question-answer, self-instruct, sharegpt, text, trl-chat, trl-kto,
    trl-preference, trl-stepwise.

    Nothing is written while the table has a loss, unless --allow-loss is given: an empty table means
    that every row was converted back and came out as it was. What comes back in another form, while
    the meaning stays, is listed and stops nothing. OUT is JSONL, or a JSON array where it ends in
    .json; .gz and .zst pack it.

    Exit status: 1 where the conversion was refused.
    """  # noqa: D301 (click reads the character)
    from curator import conversion as verb

    config = options.configured(paths, config_file, settings)
    result = verb.convert(paths, target, place, config, allow_loss=accept, form=spelling, rejected=rejected)
    with sink(None) as stream:
        if form == "json":
            stream.write(verb.as_json(result))
        else:
            again = options.retyped(click.get_current_context(), {"form"})
            stream.write(encoded(verb.as_text(result, again)))
    return 0 if result.ok else 1

"""`curator generate`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from curator.cli.eval import configured
from curator.cli.output import sink


@click.command("generate")
@click.argument("model", metavar="MODEL|RUN")
@click.argument("prompts", metavar="TEXT…", nargs=-1, required=True)
@click.option("--system", default="", metavar="TEXT", help="System text before each prompt.")
@click.option("--max-tokens", "longest", type=click.IntRange(min=1), default=256, show_default=True, metavar="N",
              help="The longest answer.")  # fmt: skip
@click.option("--template", metavar="NAME|FILE", help="Chat template, in place of the run's or model's.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE",
              help="Configuration file to read.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    model: str,
    prompts: tuple[str, ...],
    system: str,
    longest: int,
    template: str | None,
    config_file: Path | None,
    form: str,
) -> None:
    """Ask a model, a run or a GGUF file, and print what it answers.

    Each TEXT is a conversation of its own. Answers are greedy: the same model says the same again.
    """
    config = configured((), config_file, template)
    from curator.training import answering

    found = answering.reply(model, prompts, config, system=system, longest=longest)
    with sink(None) as stream:
        if form == "json":
            stream.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
            return
        for reply in found:
            asked = f"{reply.prompt}\n  " if len(found) > 1 else ""
            cut = "" if reply.stopped else " …"
            stream.write(f"{asked}{reply.answer}{cut}\n".encode("utf-8", "backslashreplace"))

"""`curator compare`."""

from __future__ import annotations

from pathlib import Path

import click

from curator.cli.eval import configured, counting, measuring
from curator.cli.output import sink


@click.command("compare")
@click.argument("base", metavar="BASE")
@click.argument("tuned", metavar="TUNED")
@click.option("--split", default="", metavar="NAME", help="train, valid or test.  [default: the last there is]")
@measuring
@click.option("--format", "form", type=click.Choice(["text", "json", "html"]), default="text", show_default=True)
def command(
    base: str,
    tuned: str,
    split: str,
    data: tuple[str, ...],
    generate: int,
    longest: int,
    template: str | None,
    config_file: Path | None,
    output: Path | None,
    form: str,
) -> int:
    """Compare a model before and after tuning.

    Both answer the same held-out rows, and questions off their domain that show what was forgotten. Whether a
    difference is real says a paired bootstrap over rows: better, worse, or cannot tell; a score that is
    equal on every row is called the same.

    Exit status: 0 better, 1 worse or cannot tell.
    """
    config = configured(data, config_file, template)
    from curator.training import evaluation as verb

    found = verb.compare_models(
        base, tuned, data, config, split=split, generate=generate, longest=longest, told=counting("answers")
    )
    with sink(output) as stream:
        if form == "json":
            import msgspec

            stream.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        else:
            from curator.training import page

            made = page.comparison_html(found) if form == "html" else page.comparison_text(found)
            stream.write(made.encode("utf-8", "backslashreplace"))
    return 0 if found.verdict == "better" else 1

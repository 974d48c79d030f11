"""`curator rule CODE`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("rule")
@click.argument("code")
@click.option("--format", "form", type=click.Choice(["text", "json", "md"]), default="text", show_default=True)
def command(code: str, form: str) -> None:
    """Explain a rule.

    CODE is a rule's code or name: ANS005 or cut-answer. The page says why the defect harms training,
    which options the rule has, and shows the examples that test it.
    """
    from curator import docs
    from curator.config import load_config

    packs = load_config(Path.cwd()).pack_files
    click.echo(docs.explain(docs.find(code, packs), form), nl=False)

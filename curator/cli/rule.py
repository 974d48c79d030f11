"""`curator rule CODE`."""

from __future__ import annotations

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

    click.echo(docs.explain(docs.find(code), form), nl=False)

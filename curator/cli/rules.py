"""`curator rules`."""

from __future__ import annotations

import click


@click.command("rules")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(form: str) -> None:
    """List the rules.

    By family, each with its severity, the fix it offers, and a mark where it is in preview.
    """
    from curator import docs

    click.echo(docs.listing(form), nl=False)

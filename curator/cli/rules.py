"""`curator rules`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("rules")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(form: str) -> None:
    """List the rules.

    By family, each with its severity, the fix it offers, and a mark where it is in preview.
    """
    from curator import docs
    from curator.config import load_config

    click.echo(docs.listing(form, load_config(Path.cwd()).pack_files), nl=False)

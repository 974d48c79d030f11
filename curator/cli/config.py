"""`curator config`."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("config")
def command() -> None:
    """Show the configuration, or its JSON Schema.

    curator reads the nearest curator.toml, or pyproject.toml with a [tool.curator] table, from the
    folder of the data upwards.
    """


@command.command()
def schema() -> None:
    """Print the JSON Schema of curator.toml."""
    from curator import docs

    click.echo(docs.schema(), nl=False)


@command.command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--config", "file", type=click.Path(path_type=Path), help="Configuration file to read.")
def show(path: Path, file: Path | None) -> None:
    """Print what applies to the data at PATH: the file, its settings and the rules that run."""
    from curator import docs
    from curator.config import load_config

    click.echo(docs.configuration(load_config(path, file)), nl=False)


@command.command()
@click.argument("name", required=False)
def targets(name: str | None) -> None:
    """List the targets: services and trainers with their status, and when and where the facts were read.

    With NAME: print that profile. Copied to a TOML file and changed, --target takes it.
    """
    from curator import targets as profiles

    if name is None:
        click.echo(profiles.listing(), nl=False)
        return
    profiles.load(name)
    file = profiles.shipped().get(name) or Path(name)
    click.echo(file.read_text("utf-8"), nl=False)

"""The page of commands: what `--help` prints, of every verb."""

from __future__ import annotations

import click

_HEAD = "# Commands\n\nWhat `curator COMMAND --help` prints, for every command.\n"


def page() -> str:
    """The page in Markdown."""
    from curator.cli import cli

    return "\n\n".join([_HEAD.rstrip(), *_helps(cli, "curator")]) + "\n"


def _helps(command: click.Command, name: str) -> list[str]:
    """A section for a command and each below it."""
    context = click.Context(command, info_name=name, terminal_width=80, help_option_names=["-h", "--help"])
    found = [f"## `{name}`\n\n```text\n{command.get_help(context)}\n```"]
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            inner = command.get_command(context, each)
            if inner is not None:
                found += _helps(inner, f"{name} {each}")
    return found

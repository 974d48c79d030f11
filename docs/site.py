"""What mkdocs is told when it builds the site: the help of every command, and where files outside of docs/ are."""

from __future__ import annotations

import re
from typing import Any

import click

MARK = "<!-- commands -->"
NO_PAGE = re.compile(
    r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)"
    r"([^)#\s]*(?:/|\.(?!md\b|png\b)\w+)|\.\./[^)]*decisions|decisions)\)"
)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page, with the help of all commands in the place of the mark."""
    if MARK in markdown:
        from curator.cli import cli

        return markdown.replace(MARK, "\n\n".join(helps(cli, "curator")))
    # Links to files that are no pages, and to folders, lead nowhere on a site: the text stays.
    return NO_PAGE.sub(r"\1", markdown)


def helps(command: click.Command, name: str) -> list[str]:
    """A section of Markdown for a command and each below it."""
    context = click.Context(command, info_name=name, max_content_width=100)
    found = [f"## `{name}`\n\n```text\n{command.get_help(context)}\n```"]
    for each in command.list_commands(context) if isinstance(command, click.Group) else []:
        inner = command.get_command(context, each)
        if inner is not None:
            found += helps(inner, f"{name} {each}")
    return found

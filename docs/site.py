"""What mkdocs is told when it builds the site: where files outside of docs/ are."""

from __future__ import annotations

import re
from typing import Any

NO_PAGE = re.compile(
    r"(?<!!)\[([^\]]+)\]\((?![a-z]+:|#)"
    r"([^)#\s]*(?:/|\.(?!md\b|png\b)\w+)|\.\./[^)]*decisions|decisions)\)"
)


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """The page without links to folders and to files that are no pages: they lead nowhere; their text stays."""
    return NO_PAGE.sub(r"\1", markdown)

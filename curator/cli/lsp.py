"""`curator lsp`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from curator.cli import options


@click.command("lsp")
@options.selecting
@options.reading
@options.limiting
def command(config_file: Path | None, **settings: Any) -> int:
    """Underline findings in an editor: a language server on standard input and output.

    An editor starts it for JSONL files; docs/editors.md has the settings of some. Needs the extra lsp.
    """
    try:
        from curator.editor.server import server
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol", "attrs"):
            raise
        from curator.errors import MissingExtraError

        raise MissingExtraError("curator lsp", "lsp") from None
    made = server(config_file, settings)
    with os.fdopen(os.dup(1), "wb") as protocol:
        os.dup2(2, 1)  # whatever else is printed goes to the editor's log, not into the conversation
        made.start_io(sys.stdin.buffer, protocol)
    return 0

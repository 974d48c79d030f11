"""Writes a set in another shape, with a table of what that shape cannot hold.

    rows in = rows written + rows that cannot be converted (a pair may become two rows)

What is lost is told by the writer of the shape. Where it tells nothing, the row is converted back and
compared with what it was: an empty table means that every row comes back as it was, key by key. Rows
stream through, in their order, and the outputs appear together or not at all.
"""

from __future__ import annotations

from curator.conversion.result import Conversion, Copied, Form, Kind, Loss
from curator.conversion.row import Converted, convert_row, differences, form_of, read_back
from curator.conversion.running import INFO, convert, writable
from curator.conversion.table import as_json, as_text
from curator.conversion.wording import encoded

__all__ = [
    "INFO",
    "Conversion",
    "Converted",
    "Copied",
    "Form",
    "Kind",
    "Loss",
    "as_json",
    "as_text",
    "convert",
    "convert_row",
    "differences",
    "encoded",
    "form_of",
    "read_back",
    "writable",
]

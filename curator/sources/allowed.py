"""Leaks between splits that were allowed on purpose, as the record beside the splits tells."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from curator.errors import UNREADABLE

RECORD = "split.json"


class _Wish(msgspec.Struct):
    allow: tuple[str, ...] = ()


class _Split(msgspec.Struct):
    wish: _Wish
    outputs: dict[str, dict[str, object]]


def record_beside(files: Iterable[str | Path]) -> Path | None:
    """The record of the split that wrote all these files, None where there is none such."""
    folders = {Path(file).parent for file in files}
    found = next(iter(folders)) / RECORD if len(folders) == 1 else None
    return found if found is not None and found.is_file() else None


def allowed_leaks(files: Iterable[str | Path]) -> tuple[str, ...]:
    """The codes of leaks that `curator split --allow` let be when it wrote all these files."""
    files = list(files)
    record = record_beside(files)
    if record is None:
        return ()
    try:
        told = msgspec.json.decode(record.read_bytes(), type=_Split)
    except (OSError, *UNREADABLE):
        return ()
    written = {Path(str(file.get("path", ""))).name for file in told.outputs.values()}
    return told.wish.allow if {Path(file).name for file in files} <= written else ()

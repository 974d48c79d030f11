"""What a conversion did: its files, and the table of what was lost."""

from __future__ import annotations

from typing import Literal

import msgspec

from curator.model import Place

Form = Literal["auto", "plain", "conversational"]
Kind = Literal["lost", "form", "unfit"]


class Loss(msgspec.Struct, frozen=True):
    """An entry of the table: what, in how many rows, and the first of them.

    `kind` is "lost" for what the target cannot hold, "form" for what would come back written otherwise
    while the meaning stays, "unfit" for rows that cannot be converted.
    """

    kind: Kind
    what: str
    rows: int
    first: Place


class Copied(msgspec.Struct, frozen=True):
    """One file: rows + gained = written + unfit, where anything was written at all; a pair may become two rows."""

    path: str
    output: str
    shape: str
    rows: int
    written: int
    unfit: int
    gained: int = 0


class Conversion(msgspec.Struct, frozen=True):
    """What `convert` did. `ok` is False where it refused: then no file was touched.

    `rejected` names the file with the rows that cannot be converted, "" where there is none; `info`
    that of LLaMA-Factory's entry.
    """

    to: str
    ok: bool
    files: tuple[Copied, ...]
    table: tuple[Loss, ...]
    rejected: str = ""
    info: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

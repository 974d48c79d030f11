"""All that a decision says, read from its log at the place that the index knows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from curator.model import Decision

_decode = msgspec.json.Decoder(Decision).decode


class Bodies:
    """Decisions by what the index holds of them. Where a log has changed since it was followed, those it tells
    something else of are left out: following it again puts that right."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._files: dict[str, BinaryIO | None] = {}

    def __enter__(self) -> Bodies:
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files.values():
            if file is not None:
                file.close()

    def of(self, condition: str, values: Sequence[Any] = (), *, order: str = "n") -> Iterator[Decision]:
        """The decisions that fulfil a condition in SQL, in order."""
        found = self._db.execute(
            "SELECT d.id, l.path, d.start, d.size FROM decisions d JOIN logs l ON l.number = d.log"
            f" WHERE {condition} ORDER BY {order}",
            values,
        )
        for place in found:
            if (decision := self._read(*place)) is not None:
                yield decision

    def one(self, name: str) -> Decision | None:
        """The decision of an id."""
        return next(self.of("d.id = ?", (name,)), None)

    def _read(self, name: str, path: str, start: int, size: int) -> Decision | None:
        if path not in self._files:
            try:
                self._files[path] = Path(path).open("rb")  # noqa: SIM115 (closed at the end)
            except OSError:
                self._files[path] = None
        if (file := self._files[path]) is None:
            return None
        try:
            file.seek(start)
            decision = _decode(file.read(size))
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return decision if decision.id in ("", name) else None

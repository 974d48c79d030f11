"""The folder of what is kept between runs: `.curator_cache`, or where CURATOR_CACHE_DIR says.

Scans are kept by the hash of their bytes and plan, reports by the state of all they rest on. An entry
is only ever written whole, and holds a checksum: nobody waits for the disk, and a power cut may leave a part of it or
zeros under its name, which are then made anew. Those longest unused go when the folder outgrows LIMIT.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from curator.writing import keep_ignored

LIMIT = 4_000_000_000  # bytes


class Cache:
    """A folder of scan files and reports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scans = folder / "scans"
        self.reports = folder / "reports"

    @classmethod
    def open(cls) -> Cache | None:
        """The cache, or None where its folder cannot be written."""
        folder = Path(os.environ.get("CURATOR_CACHE_DIR") or ".curator_cache")
        cache = cls(folder)
        try:
            if not cache.reports.is_dir():
                cache.scans.mkdir(parents=True, exist_ok=True)
                keep_ignored(folder)
                (folder / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
                cache.reports.mkdir(exist_ok=True)  # last: where it stands, the rest was written
        except OSError:
            return None
        return cache

    def trim(self) -> None:
        """Remove the entries longest unused until the folder is within LIMIT."""
        entries = [(file, file.stat()) for part in (self.scans, self.reports) for file in part.iterdir()]
        excess = sum(stat.st_size for _, stat in entries) - LIMIT
        for file, stat in sorted(entries, key=lambda entry: max(entry[1].st_atime, entry[1].st_mtime)):
            if excess <= 0:
                return
            file.unlink(missing_ok=True)
            excess -= stat.st_size


def checksum(parts: Iterable[bytes]) -> int:
    """CRC-32 of the parts one after another."""
    found = 0
    for part in parts:
        found = zlib.crc32(part, found)
    return found


def checksum_of(file: BinaryIO) -> int:
    """CRC-32 of what is left of a file, which is never held whole."""
    return checksum(iter(partial(file.read, 1 << 20), b""))

"""The cache of scans and whole reports, in `.curator_cache` (or where CURATOR_CACHE_DIR says).

Scans are kept by the hash of their bytes and plan, reports by the plan and the stamps (size, times,
inode) of the files. An entry is only ever written whole; the oldest go when the folder outgrows LIMIT.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from curator.errors import WriteError
from curator.store import write_whole

LIMIT = 4_000_000_000  # bytes
_SETTLED = 50_000_000  # ns: a file younger than this may still change within one tick of its clock


class Cache:
    """A folder of scan files and reports."""

    def __init__(self, folder: Path) -> None:
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
                cache.reports.mkdir(exist_ok=True)
                (folder / ".gitignore").write_text("*\n")
                (folder / "CACHEDIR.TAG").write_text("Signature: 8a477f597d28d172789f06886806bc55\n")
        except OSError:
            return None
        return cache

    def report(self, key: str) -> Any | None:
        """The state of a report kept under the key, or None."""
        try:
            return msgspec.msgpack.decode((self.reports / key).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None

    def keep_report(self, key: str, state: Any) -> None:
        try:
            write_whole(self.reports / key, [msgspec.msgpack.encode(state)])
            self._trim()
        except WriteError:
            pass  # a full disk costs the next run its head start, nothing else

    def _trim(self) -> None:
        """Remove the entries longest unused until the folder is within LIMIT."""
        entries = [(file, file.stat()) for part in (self.scans, self.reports) for file in part.iterdir()]
        excess = sum(stat.st_size for _, stat in entries) - LIMIT
        for file, stat in sorted(entries, key=lambda entry: max(entry[1].st_atime, entry[1].st_mtime)):
            if excess <= 0:
                return
            file.unlink(missing_ok=True)
            excess -= stat.st_size


def report_key(paths: Sequence[str | Path], meaning: str) -> str | None:
    """The key of the report on these files, or None where one is no settled regular file.

    `meaning` stands for everything else the report depends on.
    """
    digest = hashlib.blake2b(meaning.encode(), digest_size=16)
    for path in paths:
        try:
            stat = os.stat(path)  # noqa: PTH116 - one call gives the whole stamp
        except OSError:
            return None
        if not Path(path).is_file() or time.time_ns() - stat.st_mtime_ns < _SETTLED:
            return None
        stamp = (
            str(path),
            str(Path(path).resolve()),
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
            stat.st_ino,
        )
        digest.update(repr(stamp).encode())
    return digest.hexdigest()

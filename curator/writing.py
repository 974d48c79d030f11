"""Writes a file whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from curator.errors import UsageError, WriteError


class Replacement:
    """A new file beside `path` that takes its place on `commit`; without one, nothing of it is left.

    The mode of the old file is kept, symbolic links are followed, and what is written has reached the
    disk before the old file goes. Inside the block, any OSError becomes a WriteError. What is no regular
    file (a device, a pipe, a folder) is never replaced.
    """

    def __init__(self, path: str | Path, *, hint: str = "free some space, or write to another folder") -> None:
        self.path = Path(path).resolve()
        self._shown, self._hint = str(path), hint
        self._passing: Path | None = None

    def __enter__(self) -> Replacement:
        if self.path.exists() and not self.path.is_file():
            raise WriteError("no regular file: it is not replaced", where=self._shown, hint="name another file")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            number, name = tempfile.mkstemp(prefix=f".{self.path.name[:100]}.", suffix=".part", dir=self.path.parent)
            self._passing = Path(name)
            self.file = os.fdopen(number, "wb")
        except OSError as error:
            raise self._error(error) from None
        return self

    @property
    def passing(self) -> Path:
        """What is written so far, under a passing name."""
        assert self._passing is not None
        self.file.flush()
        return self._passing

    def commit(self) -> None:
        """Put the new file in the place of the old one."""
        assert self._passing is not None
        self.file.flush()
        os.fsync(self.file.fileno())
        self.file.close()
        self._passing.chmod(_mode(self.path))
        self._passing.replace(self.path)
        self._passing = None
        _sync_folder(self.path.parent)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.file.close()
        except OSError as late:  # the disk is full and the rest could not be flushed
            error = error or late
        if self._passing is not None:
            self._passing.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise self._error(error) from None

    def _error(self, error: OSError) -> WriteError:
        return WriteError(f"cannot be written: {error.strerror or error}", where=self._shown, hint=self._hint)


class Packed:
    """Rows on their way into a file: JSONL, a JSON array for .json, packed for .gz and .zst.

    The file itself stays open. Raises UsageError for names of tables, which cannot hold every row.
    """

    def __init__(self, file: BinaryIO, path: Path) -> None:
        refuse_table(path)
        self._pack, held = _endings(path)
        self._array = held == ".json"
        self._file, self._rows = file, 0
        self._out: Any = file

    def __enter__(self) -> Packed:
        if self._pack == ".gz":
            import gzip

            self._out = gzip.GzipFile("", "wb", fileobj=self._file, mtime=0)
        elif self._pack:
            import pyarrow as pa

            self._out = pa.CompressedOutputStream(pa.PythonFile(_KeptOpen(self._file), mode="w"), "zstd")
        return self

    def write(self, row: bytes) -> None:
        """Add a row, which is JSON on one line."""
        lead = (b",\n" if self._rows else b"[\n") if self._array else b""
        self._out.write(lead + row + (b"" if self._array else b"\n"))
        self._rows += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._array and error is None:
            self._out.write(b"\n]\n" if self._rows else b"[]\n")
        if self._pack:
            self._out.close()


def _endings(path: Path) -> tuple[str, str]:
    """(how the file is packed, what it holds): ".gz", ".zst" or "", and the ending before that."""
    ending = path.suffix.lower()
    packed = ending in (".gz", ".zst")
    return (ending, Path(path.stem).suffix.lower()) if packed else ("", ending)


def refuse_table(path: Path) -> None:
    """Raises UsageError where the name is that of a table: it would fill what a row lacks with nulls."""
    if _endings(path)[1] in _TABLES:
        hint = "a table fills what a row lacks with nulls; name a file .jsonl, .json, .jsonl.gz or .jsonl.zst"
        raise UsageError("rows are not written as a table", where=str(path), hint=hint)


_TABLES = frozenset({".parquet", ".pq", ".arrow", ".feather", ".csv", ".tsv", ".tab"})


class _KeptOpen:
    """A file for pyarrow, which closes what it writes to."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self.write, self.flush = file.write, file.flush

    def close(self) -> None:
        self.flush()


def write_whole(path: str | Path, data: bytes | Sequence[bytes]) -> None:
    """Write a small file whole or not at all. Raises WriteError."""
    with Replacement(path) as new:
        new.file.writelines([data] if isinstance(data, bytes) else data)
        new.commit()


def write_passing(path: Path, parts: Sequence[bytes]) -> None:
    """Write a file that can be made again, whole or not at all, without waiting for the disk. Raises WriteError."""
    passing = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with passing.open("wb") as file:
            file.writelines(parts)
        passing.replace(path)
    except OSError as error:
        passing.unlink(missing_ok=True)
        hint = "free some space there, or set TMPDIR (CURATOR_CACHE_DIR for the cache) to a folder on a larger disk"
        raise WriteError(f"cannot be written: {error.strerror or error}", where=str(path), hint=hint) from None


def keep_copy(path: Path, folder: Path) -> Path:
    """Keep the file as it is under `folder` as NAME.1, NAME.2 and so on; the copy's path.

    A hard link where the file system has them: it costs no space, and the file is about to be
    replaced, not changed. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        copy = folder / f"{path.name}.{number}"
        try:
            os.link(path, copy)
            return copy
        except FileExistsError:
            number += 1
        except OSError:
            break
    while copy.exists():
        number += 1
        copy = folder / f"{path.name}.{number}"
    try:
        shutil.copy2(path, copy)
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    return copy


def _mode(path: Path) -> int:
    """The permissions of the file, or those a new file gets."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask


def _sync_folder(folder: Path) -> None:
    """Make a rename last through a power cut, where the system lets a folder be opened."""
    try:
        number = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(number)
    except OSError:
        pass
    finally:
        os.close(number)

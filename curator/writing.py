"""Writes a file whole or not at all, and several as one.

A process that is killed leaves no half file, but it may leave files under passing names, and of several files some that
are in place and some that are not. The former are removed by the next that writes the same file, the latter are
put in place by `recover`, from a list that was written before the first of them was moved.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from curator.errors import UNREADABLE, CuratorError, UsageError, WriteError
from curator.scratch import PASSING, hold, remove_left_over

_LIST = ".curator-commit"  # the list of a commit under way, in the folder of its files
_NAME = 255  # bytes of a file's name, at most


class Replacement:
    """A new file beside `path` that takes its place on `commit`; without one, nothing of it is left.

    The mode of the old file is kept (a new one can be read by nobody who may not read the files of `made_of`),
    symbolic links are followed, and what is written has reached the disk before the old file goes. Inside the
    block, any OSError becomes a WriteError. What is no regular file (a device, a pipe, a folder) is never replaced.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        hint: str = "free some space, or write to another folder",
        made_of: Sequence[str | Path] = (),
    ) -> None:
        self.path = Path(path).resolve()
        self._shown, self._hint, self._made_of = str(path), hint, made_of
        self._passing: Path | None = None

    def __enter__(self) -> Replacement:
        if self.path.exists() and not self.path.is_file():
            raise WriteError("no regular file: it is not replaced", where=self._shown, hint="name another file")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            prefix = f".{self.path.name[:100]}."
            remove_left_over(self.path.parent, prefix)
            number, name = tempfile.mkstemp(prefix=prefix, suffix=PASSING, dir=self.path.parent)
            hold(number)
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
        self.seal()
        self.move()
        _sync_folder(self.path.parent)

    def seal(self) -> None:
        """End the writing: what was written has reached the disk."""
        assert self._passing is not None
        self.file.flush()
        os.fsync(self.file.fileno())
        self._passing.chmod(_mode(self.path, self._made_of))
        if os.name == "nt":  # an open file cannot be moved there
            self.file.close()

    def move(self) -> None:
        """Give the sealed file its name."""
        assert self._passing is not None
        self._passing.replace(self.path)
        self._passing = None
        self.file.close()

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
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, None)
        denied = error.errno in (errno.EACCES, errno.EPERM, errno.EROFS)
        hint = self._hint if full else "check who may write there" if denied else "name another file"
        return WriteError(f"cannot be written: {error.strerror or error}", where=self._shown, hint=hint)


def commit_all(folder: Path, new: Sequence[Replacement], gone: Sequence[Path] = ()) -> None:
    """Put several files of a folder in place, and remove others, as one.

    A process killed midway leaves a list by which `recover` ends what it began. Raises WriteError or OSError.
    """
    for output in new:
        output.seal()
    folder = folder.resolve()
    steps = [
        {"passing": output.passing.name, "name": output.path.name, "stamp": _stamp(output.path)}
        for output in new
        if output.path.parent == folder  # else it is a link to elsewhere, where no list lies
    ]
    listed = {"files": steps, "gone": [{"name": path.name, "stamp": _stamp(path)} for path in gone]}
    with Replacement(folder / _LIST) as journal:
        journal.file.write(json.dumps(listed).encode())
        passing = journal.passing
        journal.seal()
        passing.replace(folder / _LIST)  # the file stays open, and with it the hold on it
        try:
            for output in new:
                output.move()
            for path in gone:
                path.unlink(missing_ok=True)
        finally:
            (folder / _LIST).unlink(missing_ok=True)
    _sync_folder(folder)


def recover(folder: Path) -> None:
    """End what a killed process began in a folder: all files of its commit, or none where somebody changed one since.

    The list names files of the folder itself, whatever it says: nothing outside is touched. Raises OSError.
    """
    try:
        with (folder / _LIST).open("rb") as file:
            if not hold(file.fileno()):
                return  # its writer lives
            listed = json.loads(file.read())
            files = [(_inside(folder, s["passing"]), _inside(folder, s["name"]), s["stamp"]) for s in listed["files"]]
            gone = [(_inside(folder, step["name"]), step["stamp"]) for step in listed["gone"]]
    except (FileNotFoundError, NotADirectoryError):
        return
    except (*UNREADABLE, KeyError, TypeError):
        files, gone = [], []
    waiting = [(passing, path, stamp) for passing, path, stamp in files if passing.is_file()]
    begun = all(_stamp(path) == stamp for _, path, stamp in waiting)
    for passing, path, _ in waiting:
        if begun:
            passing.replace(path)
        else:
            passing.unlink()
    for path, stamp in gone:
        if begun and _stamp(path) == stamp:
            path.unlink(missing_ok=True)
    (folder / _LIST).unlink(missing_ok=True)
    _sync_folder(folder)


def _inside(folder: Path, name: object) -> Path:
    """A file of the folder; raises ValueError for a name that leads elsewhere."""
    if not isinstance(name, str) or Path(name).name != name or len(os.fsencode(name)) > _NAME:
        raise ValueError(name)
    if (folder / name).is_symlink():
        raise ValueError(name)
    return folder / name


def _stamp(path: Path) -> list[int] | None:
    """What tells whether a file was changed; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ino]


@contextmanager
def passing_folder(path: Path) -> Iterator[Path]:
    """A folder beside `path`, under a passing name, that is gone afterwards; so is what killed processes left.

    Raises WriteError where none can be made.
    """
    prefix = f".{path.name[:100]}."
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_left_over(path.parent, prefix)
        made = tempfile.TemporaryDirectory(prefix=prefix, suffix=PASSING, dir=path.parent)
    except OSError as error:
        hint = "name another folder, or check who may write there"
        raise WriteError(f"cannot be written: {error.strerror or error}", where=str(path), hint=hint) from None
    with made as name:
        if os.name == "nt":  # a folder cannot be opened there
            yield Path(name)
            return
        number = os.open(name, os.O_RDONLY)
        try:
            hold(number)
            with told_as(name, path):
                yield Path(name)
        finally:
            os.close(number)


@contextmanager
def told_as(passing: str | Path, path: str | Path) -> Iterator[None]:
    """Errors of what lies under a passing name speak of `path`, by which the user knows it."""
    try:
        yield
    except CuratorError as error:
        for part in ("what", "where", "hint"):
            setattr(error, part, getattr(error, part).replace(str(passing), str(path)))
        raise
    except OSError as error:
        if isinstance(error.filename, str):
            error.filename = error.filename.replace(str(passing), str(path))
        raise


def reach_disk(folder: Path) -> None:
    """Wait until every file of a folder has reached the disk, before the folder gets its name. Raises OSError."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb+") as written:
                os.fsync(written.fileno())


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


def keep_ignored(folder: Path, lines: str = "*\n") -> None:
    """Write a folder's .gitignore, unless one stands there that says something. Raises OSError."""
    ignore = folder / ".gitignore"
    if ignore.exists() and ignore.stat().st_size:  # a full disk may have left it empty
        return
    passing = ignore.with_name(f"{ignore.name}.{os.getpid()}.part")
    try:
        passing.write_text(lines)
        passing.replace(ignore)
    except OSError:
        passing.unlink(missing_ok=True)
        raise


def write_passing(path: Path, parts: Iterable[bytes]) -> None:
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


def readable_by(paths: Iterable[str | Path]) -> int:
    """Permissions for what is made of files and folders: nobody reads it who may not read all that they hold.

    What is not there (yet) says nothing. Raises OSError.
    """
    mode = 0o666
    for path in map(Path, paths):
        inside = path.rglob("[!.]*") if path.is_dir() else ()
        for each in (path, *inside):
            if each.exists() and not any(part.startswith(".") for part in each.relative_to(path).parts):
                mode &= each.stat().st_mode
    return mode | 0o600


def open_up(folder: Path) -> None:
    """Give files that a library wrote for their owner alone (mode 600) the permissions of any new file.

    Safetensors writes so, whatever the umask says. Raises OSError.
    """
    for file in folder.rglob("*.safetensors"):
        if stat.S_IMODE(file.stat().st_mode) == 0o600:
            file.chmod(0o666 & ~_umask())


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _mode(path: Path, made_of: Sequence[str | Path] = ()) -> int:
    """The permissions of the file, or those a new file gets that is made of others."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return readable_by(made_of) & ~_umask()


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

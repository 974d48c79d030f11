"""The decisions file: read line by line, added to under a lock, written whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from curator.decisions.order import merge
from curator.errors import UNREADABLE, SourceError, WriteError
from curator.model import Decision
from curator.private.masking import masked, sealed
from curator.writing import readable_by, write_whole

FILE = Path(".curator", "decisions.jsonl")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Decision).decode
_decode_lines = msgspec.json.Decoder(Decision).decode_lines


class Problem(msgspec.Struct, frozen=True):
    """Something about a line (from 1) of a decisions file that wants an eye; a remark alone where nothing is wrong."""

    line: int
    message: str
    remark: bool = False


class Log(msgspec.Struct, frozen=True):
    """The decisions of a file in its order, with the lines they stand in, and the lines that could not be read."""

    path: str
    decisions: tuple[Decision, ...] = ()
    lines: tuple[int, ...] = ()
    unread: tuple[Problem, ...] = ()


def place(paths: Sequence[str | Path]) -> Path:
    """Where the decisions about these files or folders are kept: beside the first of them."""
    first = Path(paths[0]) if paths and str(paths[0]) != "-" else Path()
    return (first if first.is_dir() else first.parent) / FILE


def places(paths: Sequence[str | Path]) -> list[Path]:
    """The decisions files that may speak of these files or folders: beside each file, and anywhere in a folder."""
    found: dict[Path, None] = {}
    for path in paths:
        found[place([path])] = None
        if Path(path).is_dir():
            found.update(dict.fromkeys(sorted(Path(path).rglob(str(FILE)))))
    return [path for path in found if path.exists()]


def beside_data(path: Path) -> Path | None:
    """The decisions file beside a file of data; None where the file holds decisions itself, or has none beside it."""
    log = place([path])
    if path.resolve() == log.resolve() or not log.exists():
        return None
    with path.open("rb") as file:
        head = file.readline(1 << 20)
    return None if parsed(head).decisions else log


def beside(paths: Sequence[str | Path]) -> Log:
    """The decisions kept beside these files or folders, as one log (without lines where they lie in several files)."""
    logs = [read(path) for path in places(paths)]
    if len(logs) <= 1:
        return logs[0] if logs else Log(str(place(paths)))
    return Log(str(place(paths)), merge(*(log.decisions for log in logs)))


def read(path: str | Path) -> Log:
    """The decisions of a file; none where there is no file.

    A line that cannot be read, such as one that a power cut tore, is reported and passed over.
    Raises SourceError where the file exists and cannot be opened.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return Log(str(path))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path)) from None
    return parsed(data, str(path))


def parsed(data: bytes, path: str = "") -> Log:
    """The decisions in the bytes of such a file."""
    try:
        whole = _decode_lines(data)
        if len(whole) == data.count(b"\n") and data.endswith(b"\n"):
            return Log(path, tuple(whole), tuple(range(1, len(whole) + 1)))
    except UNREADABLE:
        pass  # line by line, then
    decisions: list[Decision] = []
    lines: list[int] = []
    unread: list[Problem] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            decisions.append(_decode(line))
            lines.append(number)
        except UNREADABLE as error:
            torn = number == data.count(b"\n") + 1
            cause = "the line is cut off: its writing was interrupted" if torn else f"no decision: {error}"
            unread.append(Problem(number, cause))
    return Log(path, tuple(decisions), tuple(lines), tuple(unread))


def append(path: str | Path, decisions: Iterable[Decision], data: Sequence[str | Path] = ()) -> None:
    """Add decisions about `data` to a file: all of them or none, also while others append to it.

    Raises WriteError.
    """
    with held(path, data) as file:
        file.append(decisions)


class Held:
    """A decisions file that no other process adds to meanwhile."""

    def __init__(self, number: int, path: str) -> None:
        self._number, self._path = number, path

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._number).st_size

    def append(self, decisions: Iterable[Decision]) -> None:
        """Add decisions and see them to the disk. Raises WriteError; nothing is recorded then."""
        body = as_lines(decisions)
        size = self.size
        os.lseek(self._number, max(size - 1, 0), os.SEEK_SET)
        torn = os.read(self._number, 1) not in (b"", b"\n")
        try:
            _write_all(self._number, b"\n" * torn + body)
            os.fsync(self._number)
        except OSError as error:
            os.ftruncate(self._number, size)
            hint = "nothing was recorded; free some space and decide again"
            raise WriteError(f"cannot be written: {error.strerror}", where=self._path, hint=hint) from None


@contextmanager
def held(path: str | Path, data: Sequence[str | Path] = ()) -> Iterator[Held]:
    """The decisions file, locked for this process alone. Raises WriteError.

    Where there is none it is made: it holds texts of the `data`, and nobody reads it who may not read these.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, readable_by(data))
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror}", where=str(path)) from None
    try:
        with _locked(number):
            yield Held(number, str(path))
    finally:
        os.close(number)


def write(path: str | Path, decisions: Iterable[Decision]) -> None:
    """Write a decisions file anew, whole or not at all. Raises WriteError."""
    write_whole(path, as_lines(decisions))


def as_lines(decisions: Iterable[Decision]) -> bytes:
    """Decisions as JSON lines: private values are masked in reasons, and sealed in the text of an edited row."""
    return b"".join(_encode(_without_private(decision)) + b"\n" for decision in decisions)


def _without_private(decision: Decision) -> Decision:
    why, text = masked(decision.why), sealed(decision.text) if decision.text else ""
    return decision if (why, text) == (decision.why, decision.text) else replace(decision, why=why, text=text)


def _write_all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


@contextmanager
def _locked(number: int) -> Iterator[None]:
    """Hold the file for this process alone."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(number, 0, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            os.lseek(number, 0, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(number, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(number, fcntl.LOCK_UN)

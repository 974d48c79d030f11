"""Where a verb prints: standard output or a file that appears whole, and progress on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import click

from curator.errors import WriteError


@contextmanager
def sink(path: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that takes its name only when all is written.

    A named pipe or a device is written as it comes.

    Raises:
        WriteError: the file cannot be written; what stood there before still stands.
    """
    if path is None:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        try:
            with path.open("wb") as stream:
                yield stream
        except OSError as error:
            raise WriteError(f"cannot be written: {error.strerror}", where=str(path)) from None
    else:
        from curator.writing import Replacement

        with Replacement(path) as new:
            yield new.file
            new.commit()


def shown(text: str) -> str:
    """Lines of text for a terminal, with signs for what cannot be seen in them, such as in the name of a file."""
    from curator.text.excerpt import visible

    return "\n".join(map(visible, text.split("\n")))


def encoded(text: str) -> bytes:
    """The same as bytes; what UTF-8 cannot say is escaped."""
    return shown(text).encode("utf-8", "backslashreplace")


def silence() -> None:
    """Nobody reads standard output any more: let what is left in its buffer vanish at exit."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def coloured(choice: str, stream: IO[str]) -> bool:
    """Whether to print colours: as chosen, else on a terminal, unless NO_COLOR says no."""
    if choice != "auto":
        return choice == "always"
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width() -> int:
    """Cells of a terminal line; 100 where there is no terminal."""
    import shutil

    return shutil.get_terminal_size((100, 24)).columns


@contextmanager
def progress(label: str = "") -> Iterator[Line | None]:
    """Takes (bytes done, bytes in all) and draws one line, once the work has taken over a second.

    None where standard error is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    line = Line(label)
    try:
        yield line
    finally:
        line.clear()


class Line:
    """A line of progress, redrawn in place at most ten times a second."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._started = self._drawn = time.monotonic()
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        if total and self._is_due():
            share = done / total
            left = (self._drawn - self._started) * (1 - share) / share if share else 0
            self._draw(share, f"{share:4.0%} of {total / 1e6:,.0f} MB, {left:.0f} s left")

    def judging(self, done: int, rules: int, at: str) -> None:
        """By how many of the rules on the whole set it was judged, and which is at work: forks draw it as well."""
        if self._is_due():
            self._draw(done / rules, f"judging the set by {done} of {rules} rules{at and ': '}{at}")

    def _is_due(self) -> bool:
        now = time.monotonic()
        if now - self._started < 1 or now - self._drawn < 0.1:
            return False
        self._drawn, self._shown = now, True
        return True

    def _draw(self, share: float, text: str) -> None:
        bar = "#" * round(24 * share)
        click.echo(f"\r\x1b[K{f'{self._label}[{bar:<24}] {text}'[: width() - 1]}", err=True, nl=False)

    def clear(self) -> None:
        if self._shown:
            click.echo("\r\x1b[K", err=True, nl=False)

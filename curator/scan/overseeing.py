"""What a rule does while it judges is its own: its errors, its time, what it prints and what it finds.

Rules of plugins and of users are anybody's code. Nothing of them ends a lint without a word on whose it was, on which
row, and how to go on without it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from types import FrameType

import msgspec

from curator import paths
from curator.errors import CuratorError, RuleError, UsageError
from curator.model import Edit, Flag, Put
from curator.rule import Rule, origin

SECONDS = 20.0  # of processor time that a rule of others may take for one row
_TICK = 1.0  # the same, after which it is looked at where the rule is

Place = tuple[str, int]  # a file, and the line of a row in it (from 1), or 0


class _TooLong(BaseException):
    """A rule took too long for a row; no error that it could take for one of its own."""


def is_foreign(rule: Rule) -> bool:
    """Whether others than curator bring the rule."""
    return origin(type(rule)) != "curator"


@contextmanager
def judging(
    rule: Rule, where: Callable[[], Place] = lambda: ("", 0), row: Callable[[], int] | None = None
) -> Iterator[None]:
    """What a rule does within the block is its own: an error of it names the rule, who brings it, and `where`.

    `row` tells the row that is being judged, or -1: a rule of others has SECONDS for each. What such a rule prints goes
    to standard error, since the report may stand on standard output.

    Raises:
        RuleError: the rule raised what is no error of a file, of memory or of curator's own words; it took too long for
            a row, or asked for the end of the process.
    """
    try:
        with ExitStack() as kept:
            if is_foreign(rule):
                kept.enter_context(redirect_stdout(sys.stderr))
                kept.enter_context(_no_way_out())
                if row:
                    kept.enter_context(_limited(row))
            yield
    except (Exception, SystemExit, _TooLong) as error:
        if isinstance(error, (CuratorError, OSError, MemoryError)) or os.environ.get("CURATOR_TRACEBACK"):
            raise
        file, line = where()
        said = " ".join(str(error).split())[:200]
        failed = said if isinstance(error, _TooLong) else f"failed: {type(error).__name__}: {said}"
        hint = f"leave it out: --ignore {rule.code}; CURATOR_TRACEBACK=1 shows where it failed, to report or to mend it"
        what = f"the rule {rule.code} of {origin(type(rule))} {failed}"
        raise RuleError(what, where=f"{file}:{line}" if line else file, hint=hint) from error


@contextmanager
def _limited(row: Callable[[], int]) -> Iterator[None]:
    """Raise _TooLong where a row is judged for SECONDS of processor time; nothing of it costs a row anything."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return
    seen, ticks = -1, 0

    def tick(number: int, frame: FrameType | None) -> None:
        nonlocal seen, ticks
        ticks = ticks + 1 if row() == seen else 0
        seen = row()
        if seen >= 0 and ticks * _TICK >= SECONDS:
            raise _TooLong(f"took more than {SECONDS:g} seconds of processor time for one row")

    before = signal.signal(signal.SIGVTALRM, tick)
    signal.setitimer(signal.ITIMER_VIRTUAL, _TICK, _TICK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextmanager
def _no_way_out() -> Iterator[None]:
    """Make `os._exit` an error: the lint would end with nothing said. A process that the rule starts may use it."""
    leave, mine = os._exit, os.getpid()

    def refuse(status: int) -> None:
        if os.getpid() != mine:
            leave(status)
        raise SystemExit(f"os._exit({status})")

    os._exit = refuse  # type: ignore[assignment]
    try:
        yield
    finally:
        os._exit = leave


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Flag).decode


def refuse_unsound(flag: Flag) -> None:
    """Raises TypeError or ValueError where a flag, or its fix, is not as declared: structs check nothing."""
    _decode(_encode(flag))
    changes = flag.fix.changes if flag.fix else ()
    try:
        for path in (flag.at, *(change.path for change in changes)):
            paths.parse(path)
    except UsageError as error:
        raise ValueError(error.what) from None
    for change in changes:
        if isinstance(change, Put):
            json.dumps(change.value)
        elif isinstance(change, Edit) and not 0 <= change.start <= change.end:
            raise ValueError(f"an edit of the characters from {change.start} to {change.end}")
    if flag.fix and flag.fix.lines is not None and changes:
        raise ValueError("a fix has changes or lines, not both")

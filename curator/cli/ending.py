"""Ends a command in order when the system asks for its end."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

_REQUESTS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
_AGAIN = 0.01  # seconds


class Ended(KeyboardInterrupt):
    """The system asked for the end of the command: `status` is what a shell then expects to see."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number


@contextmanager
def in_order() -> Iterator[None]:
    """Take SIGTERM and SIGHUP as Ctrl-C is taken: what passes through a run is removed, and nothing is half written.

    A second one ends the process at once. One that the caller ignores, as nohup does, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heeded = [number for number in _REQUESTS if signal.getsignal(number) is signal.SIG_DFL]
    for number in heeded:
        signal.signal(number, _end)
    try:
        with _heard() if hasattr(signal, "setitimer") else nullcontext():
            yield
    finally:
        for number in heeded:
            if signal.getsignal(number) is _end:
                signal.signal(number, signal.SIG_DFL)


def _end(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)
    raise Ended(number)


@contextmanager
def _heard() -> Iterator[None]:
    """Ask again a moment later where the request came while Python was in a finalizer or a hook.

    What is raised there goes no further. So it is with Ctrl-C.
    """
    before, lost = sys.unraisablehook, list[BaseException]()

    def take(swallowed: UnraisableHookArgs) -> None:
        if not isinstance(swallowed.exc_value, KeyboardInterrupt):
            before(swallowed)
            return
        lost.append(swallowed.exc_value)
        signal.setitimer(signal.ITIMER_REAL, _AGAIN)

    def ask(number: int, frame: FrameType | None) -> None:
        raise lost.pop() if lost else KeyboardInterrupt

    alarm = signal.signal(signal.SIGALRM, ask)
    sys.unraisablehook = take
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.unraisablehook = before
        signal.signal(signal.SIGALRM, alarm)


def status_of(error: BaseException) -> int:
    """The exit status of a command that was interrupted, or asked to end."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Ended):
            return seen.status
        seen = seen.__cause__ or seen.__context__
    return 130

"""How spans are spread over processors: small mappers of one protocol."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, TypeVar, cast

from curator.errors import CuratorError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Below this size one process is enough: workers cost a tenth more processor time in all.
SMALL = 72_000_000
_SHARED = 500_000  # the same for long tasks
_HELD = 1_600_000_000  # bytes that processes which judge groups of rules may hold together, and for a line of the set
_A_LINE = 80


class Mapper(Protocol):
    """Applies a function to the items and yields the results in the order of the items."""

    apart: bool  # whether the workers may stand on machines that share no disk with this process

    def map(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        lost: Callable[[Item, str], Result] | None = None,
    ) -> Iterator[Result]:
        """`lost` makes a result for an item that was given up, and why; without it that is an error."""
        ...


Crew = int | Mapper | None  # processes of this machine, workers elsewhere, or as many as the size calls for


class Serial:
    """One item after the other, in this process."""

    apart = False

    def map(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        lost: Callable[[Item, str], Result] | None = None,
    ) -> Iterator[Result]:
        """Nothing is ever lost."""
        yield from map(work, items)


class Processes:
    """Worker processes on this machine."""

    apart = False

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def map(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        lost: Callable[[Item, str], Result] | None = None,
    ) -> Iterator[Result]:
        """Raises CuratorError where a worker dies: what it did cannot be told from what killed it."""
        with ProcessPoolExecutor(self.workers, mp_context=_context(), initializer=_begin, initargs=(work,)) as pool:
            try:
                with _undisturbed():  # this starts the workers
                    results = pool.map(_run, items)
                yield from cast(Iterator[Result], results)
            except BrokenProcessPool:
                raise CuratorError(
                    "a worker process died, perhaps for want of memory",
                    hint="run again with --workers 1, or with fewer workers",
                ) from None
            finally:
                pool.shutdown(cancel_futures=True)


def choose(workers: Crew, size: int, spans: int) -> Mapper:
    """Serial for small work or one worker, else processes; `size` is in bytes."""
    if workers is not None and not isinstance(workers, int):
        return workers
    count = min(workers or processors(), spans)
    if count <= 1 or (workers is None and size < SMALL):
        return Serial()
    return Processes(count)


def sharing(workers: Crew, size: int, tasks: int, lines: int, *, long: bool = False) -> Mapper:
    """As `choose`, for work on what this process holds, which only its forks share.

    What a process holds grows with the lines of the set: of a large one fewer groups of rules are judged at a time.
    Of `long` tasks less is enough for several processes, but not beside threads: a fork has none of them, and the
    locks that they held.
    """
    if not _forks() or not (workers is None or isinstance(workers, int)):
        return Serial()  # a process that talks to a cluster has threads that a fork would lack
    tasks = min(tasks, max(1, _HELD // max(1, lines * _A_LINE)))
    if long and workers is None and size >= _SHARED and threading.active_count() == 1:
        return Processes(min(processors(), tasks)) if min(processors(), tasks) > 1 else Serial()
    return choose(workers, size, tasks)


def processors() -> int:
    """Processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not every system has it
        return os.cpu_count() or 1


def _context() -> multiprocessing.context.BaseContext:
    """Fork where the system forks safely: the workers then share what is loaded already."""
    return multiprocessing.get_context("fork" if _forks() else "spawn")


def _forks() -> bool:
    return os.name == "posix" and os.uname().sysname == "Linux"


_ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGINT") if hasattr(signal, name)]


class _Waiting:
    """Stands for the handlers of requests to end, and remembers which came.

    A mask would not do: a thread that has none may take the signal, and Python then calls the handler all the same.
    """

    def __init__(self) -> None:
        self.handlers = {number: signal.getsignal(number) for number in _ENDS}
        self.came: list[int] = []

    def __call__(self, number: int, frame: FrameType | None) -> None:
        self.came.append(number)

    @classmethod
    def give_back(cls) -> None:
        """Put the handlers in place again that one of these stands for."""
        for number in _ENDS:
            if isinstance(waiting := signal.getsignal(number), cls):
                signal.signal(number, waiting.handlers[number])


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Requests to end wait meanwhile: Python loses what a handler raises within the hooks of a fork, a lock may stay
    held for it, and a worker that its pool does not know of yet would stay behind."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers are called in the main thread alone
        return
    waiting = _Waiting()
    for number, handler in waiting.handlers.items():
        if callable(handler):
            signal.signal(number, waiting)
    try:
        yield
    finally:
        waiting.give_back()
        for number in waiting.came:
            signal.raise_signal(number)


_work: Callable[..., object] | None = None


def _begin(work: Callable[..., object]) -> None:
    import gc

    global _work
    _work = work
    gc.disable()
    _Waiting.give_back()
    for number in _ENDS:
        if number != signal.SIGINT:  # the command ends in order when asked to, and its workers with it
            signal.signal(number, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_command, daemon=True).start()


def _end_with_the_command() -> None:
    """End this worker when the command is gone, as it is when it was killed: its pool would wait for work for ever."""
    if (command := multiprocessing.parent_process()) is not None:
        command.join()
        os._exit(1)


def _run(item: object) -> object:
    assert _work is not None
    return _work(item)

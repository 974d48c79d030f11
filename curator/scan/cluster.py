"""Spans spread over the nodes of a Ray cluster (extra `ray`).

A task is pure: it reads a span where it runs (from a path that the node shares, or from the address of the file), else
is sent its bytes, and answers with what it found. A node that dies therefore costs time alone: Ray runs its tasks
again elsewhere, up to RETRIES times, and the results come in the order of the items all the same.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

from curator import __version__
from curator.errors import CuratorError, MissingExtraError, OutOfReachError

Item = TypeVar("Item")
Result = TypeVar("Result")

RETRIES = 4  # times a task is run anew after the worker or node that ran it died
_AHEAD = 3  # tasks handed out for each processor: enough that none waits, few enough that results do not pile up


@runtime_checkable
class Carrying(Protocol):
    """An item that can take its bytes along to a node that cannot read them."""

    def carried(self) -> Any: ...


class _Failed(NamedTuple):
    """An error that a task ended with, for the caller to raise."""

    error: CuratorError


class _Pending(NamedTuple):
    item: Any
    answer: Any  # a Ray object reference


class Ray:
    """The nodes of a Ray cluster: that at `address`, else at RAY_ADDRESS, else a new one on this machine."""

    apart = True

    def __init__(self, address: str | None = None) -> None:
        self.address = address

    def map(
        self,
        work: Callable[[Item], Result],
        items: Iterable[Item],
        lost: Callable[[Item, str], Result] | None = None,
    ) -> Iterator[Result]:
        """Results in the order of the items. Raises CuratorError where no cluster answers, or the work does."""
        ray = joined(self.address)
        held = [ray.put(work)]  # in a list, so that a worker fetches it once and not for every task
        task = ray.remote(max_retries=RETRIES, num_cpus=1)(_run)
        submit = partial(task.remote, held[0].hex(), held, __version__)
        ahead = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting = iter(items)
        pending: deque[_Pending] = deque()
        carry = False  # whether some node could not read an item by itself
        try:
            while True:
                while len(pending) < ahead and (item := next(waiting, None)) is not None:
                    pending.append(_Pending(item, submit(_sent(item, carry))))
                if not pending:
                    return
                answer = self._answer(ray, pending[0])
                if isinstance(answer, _Failed) and isinstance(answer.error, OutOfReachError) and not carry:
                    carry = True
                    pending = deque(_Pending(each.item, submit(_sent(each.item, carry))) for each in pending)
                    continue
                item = pending.popleft().item
                if isinstance(answer, _Failed):
                    raise answer.error
                if isinstance(answer, str):
                    if lost is None:
                        raise CuratorError(answer, hint="run again with --engine local, which names the fault")
                    yield lost(item, answer)
                else:
                    yield cast(Result, answer[0])
        finally:
            for each in pending:
                with contextlib.suppress(ray.exceptions.RayError):
                    ray.cancel(each.answer, force=False)

    def _answer(self, ray: Any, pending: _Pending) -> tuple[Any] | _Failed | str:
        """The result in a tuple, an error of ours, or why there is none."""
        gone = ray.exceptions
        try:
            answer: tuple[Any] | _Failed = ray.get(pending.answer)
        except (gone.WorkerCrashedError, gone.OutOfMemoryError, gone.NodeDiedError, gone.ObjectLostError) as error:
            return f"{RETRIES + 1} workers died on it, the last of {_cause(error)}"
        except gone.RayTaskError as error:
            raise CuratorError(f"a worker failed: {error.cause!r}", hint="run again with --engine local") from error
        except gone.RayError as error:
            raise CuratorError(f"the Ray cluster is gone: {str(error).splitlines()[0]}") from error
        return answer


def _sent(item: Any, carry: bool) -> Any:
    return item.carried() if carry and isinstance(item, Carrying) else item


def _cause(error: Exception) -> str:
    return "want of memory" if "Memory" in type(error).__name__ else "a crash"


def joined(address: str | None) -> Any:
    """The module ray, connected. Raises MissingExtraError without it, CuratorError where nothing answers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise MissingExtraError("--engine ray", "ray") from None
    if not ray.is_initialized():
        # "local", since ray would else wait minutes for the last cluster of this machine, which may be gone.
        address = address or os.environ.get("RAY_ADDRESS") or "local"
        settings: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
        if address == "local":
            settings["include_dashboard"] = False
        _refuse_unheard(address)
        try:
            ray.init(address=address, **settings)
        except (ConnectionError, ValueError, RuntimeError, TimeoutError) as error:
            hint = "see that it runs: ray status; or leave the address out to use this machine"
            raise CuratorError(
                f"no Ray cluster answers: {str(error).splitlines()[0]}", where=address, hint=hint
            ) from error
    return ray


_PATIENCE = 5.0  # seconds


def _refuse_unheard(address: str) -> None:
    """Raises CuratorError where nobody listens at host:port or ray://host:port: ray would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (host and colon and port.isdecimal()) or "://" in host:
        return
    import socket

    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        hint = "see that it runs: ray status; or leave the address out to use this machine"
        raise CuratorError(f"no Ray cluster answers: {error}", where=address, hint=hint) from error


# ---------------------------------------------------------------------- in the workers

_works: dict[str, Any] = {}


def _run(key: str, held: list[Any], version: str, item: Any) -> tuple[Any] | _Failed:
    """Do the work on an item. The work itself is fetched once a process: it makes what is costly only then."""
    if version != __version__:
        message = f"a node has curator {__version__}, and this is {version}"
        return _Failed(CuratorError(message, hint="install the same version on every node"))
    if key not in _works:
        import gc

        import ray

        gc.disable()
        _works.clear()
        _works[key] = ray.get(held[0])
    try:
        return (_works[key](item),)
    except CuratorError as error:
        return _Failed(error)

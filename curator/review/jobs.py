"""Work that outlives the app: each job is a process of its own, told of by two files.

`NAME.json` says what was started and, once it is over, how it ended; `NAME.log` is what it printed. While a job
runs, its process holds a lock on the first: who can take the lock knows that it is over, whatever was cut off.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from curator.errors import UNREADABLE
from curator.writing import readable_by

_TAIL = 20_000  # bytes of a log that are shown


class Job(msgspec.Struct, frozen=True):
    """A command, when it began (seconds since 1970) and how it ended: `status` is None while it runs. `decided` names what
    was decided when it began (see `applying.decided`)."""

    command: tuple[str, ...]
    began: float
    pid: int = 0
    status: int | None = None
    ended: float = 0.0
    decided: str = ""
    lost: bool = False  # it is over, and nobody wrote down how


def start(
    folder: Path, name: str, command: Sequence[str], data: Sequence[str | Path] = (), *, decided: str = ""
) -> None:
    """Start a job, unless one by this name is running. Its process belongs to no terminal and no server.

    What it prints may tell of the `data`: nobody reads it who may not read these.
    """
    if running(folder, name):
        return
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    with _own(file, data) as told:
        told.write(msgspec.json.encode(Job(tuple(command), time.time(), decided=decided)))
    with _own(folder / f"{name}.log", data) as log:
        subprocess.Popen(
            [sys.executable, "-m", "curator.review.jobs", str(file), "--", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    for _ in range(1000):  # until it holds its lock, or is over: seconds on a busy machine
        time.sleep(0.02)
        if (job := read(folder, name)) and (job.pid or job.status is not None):
            return


def _own(file: Path, data: Sequence[str | Path]) -> BinaryIO:
    """An empty file that nobody reads who may not read the data."""
    file.unlink(missing_ok=True)
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, readable_by(data)), "wb")


def read(folder: Path, name: str) -> Job | None:
    """A job as it stands; None where there was none."""
    file = folder / f"{name}.json"
    try:
        job = msgspec.json.decode(file.read_bytes(), type=Job)
    except (OSError, *UNREADABLE):
        return None
    if job.status is None and job.pid and not _locked(file):
        again = msgspec.json.decode(file.read_bytes(), type=Job)
        return again if again.status is not None else msgspec.structs.replace(again, status=-1, lost=True)
    return job


def running(folder: Path, name: str) -> bool:
    job = read(folder, name)
    return job is not None and job.status is None and bool(job.pid)


def stop(folder: Path, name: str) -> None:
    """Ask a job to end, as Ctrl-C would; nothing happens where it is over."""
    job = read(folder, name)
    if job is not None and job.status is None and job.pid:
        try:
            os.kill(job.pid, signal.SIGTERM)
        except OSError:
            return


def log(folder: Path, name: str) -> str:
    """The end of what a job printed."""
    try:
        with (folder / f"{name}.log").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            return file.read().decode("utf-8", "backslashreplace")
    except OSError:
        return ""


def _locked(file: Path) -> bool:
    """Whether another process holds the lock of a job's file."""
    try:
        import fcntl
    except ImportError:  # Windows: whether its process is there must do
        return msgspec.json.decode(file.read_bytes(), type=Job).status is None
    with file.open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


# ---------------------------------------------------------------------- the process of a job


def main(arguments: Sequence[str]) -> int:
    """Run the command behind "--" and write down how it ended."""
    file, command = Path(arguments[0]), list(arguments[2:])
    with file.open("r+b") as held:
        try:
            import fcntl

            fcntl.flock(held, fcntl.LOCK_EX)
        except ImportError:
            pass
        job = msgspec.json.decode(held.read(), type=Job)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # ignored in what a script puts into the background, and inherited
        child = subprocess.Popen(command)

        def pass_on(number: int, frame: object) -> None:
            child.send_signal(signal.SIGINT)  # as Ctrl-C: what can be saved is saved

        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGINT, pass_on)
        _write(held, msgspec.structs.replace(job, pid=os.getpid()))
        status = child.wait()
        _write(held, msgspec.structs.replace(job, pid=os.getpid(), status=status, ended=time.time()))
    return status


def _write(file: object, job: Job) -> None:
    body = msgspec.json.encode(job)
    file.seek(0)  # type: ignore[attr-defined]
    file.write(body)  # type: ignore[attr-defined]
    file.truncate()  # type: ignore[attr-defined]
    file.flush()  # type: ignore[attr-defined]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

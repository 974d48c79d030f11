"""What passes through a run lies in folders and files under passing names, and is gone when the run is.

Each is held by a lock as long as its writer lives, forks of it included. So what a killed run left is known from what
is in use, and the next run takes it away.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from functools import cache
from pathlib import Path

PASSING = ".part"  # what passing names end in

_PREFIX = "curator-"
_SETTLED = 10.0  # seconds after which what nobody holds is left over


class Scratch(tempfile.TemporaryDirectory[str]):
    """A folder in the system's temporary folder for the time of a run; `purpose` is seen in its name."""

    def __init__(self, purpose: str) -> None:
        _clear(tempfile.gettempdir())
        super().__init__(prefix=f"{_PREFIX}{purpose}-", suffix=PASSING)
        if os.name != "nt":  # a folder cannot be opened there
            number = os.open(self.name, os.O_RDONLY)
            hold(number)
            self._release = weakref.finalize(self, os.close, number)

    def cleanup(self) -> None:
        super().cleanup()
        if os.name != "nt":
            self._release()


@cache  # once a process
def _clear(folder: str) -> None:
    remove_left_over(Path(folder), _PREFIX)


def hold(number: int) -> bool:
    """Hold an open file until it is closed; False where another process does."""
    try:
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # Windows, or a file system without locks
        return True
    return True


def remove_left_over(folder: Path, prefix: str) -> None:
    """Remove what killed processes of this user left under passing names: what is at rest and held by nobody."""
    try:
        import fcntl
    except ImportError:  # Windows: nothing tells whether the writer lives
        return
    for entry in os.scandir(folder):
        if not (entry.name.startswith(prefix) and entry.name.endswith(PASSING)) or entry.is_symlink():
            continue
        try:
            stat = entry.stat()
            if stat.st_uid == os.getuid() and time.time() - stat.st_mtime > _SETTLED:
                number = os.open(entry.path, os.O_RDONLY)
                try:
                    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(entry.path) if entry.is_dir() else Path(entry.path).unlink()
                finally:
                    os.close(number)
        except OSError:  # held, gone, or on a file system without locks
            continue

"""Which checkpoints of a run are whole: a kill may leave one half written, or half taken away."""

from __future__ import annotations

from pathlib import Path

import msgspec

from curator.errors import UNREADABLE
from curator.writing import write_whole

_SEAL = "files.json"


def seal(checkpoint: Path) -> None:
    """Write down what a checkpoint holds, once it holds all of it."""
    write_whole(checkpoint / _SEAL, msgspec.json.encode(_sizes(checkpoint)))


def unseal(checkpoint: Path) -> None:
    """Call a checkpoint, where there is one, no longer whole."""
    (checkpoint / _SEAL).unlink(missing_ok=True)


def is_whole(checkpoint: Path) -> bool:
    """Whether all is there that was when it was sealed: no file is missing or cut."""
    try:
        held = msgspec.json.decode((checkpoint / _SEAL).read_bytes(), type=dict[str, int])
    except (OSError, *UNREADABLE):
        return False
    return held.items() <= _sizes(checkpoint).items()


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file in a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _SEAL)
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}

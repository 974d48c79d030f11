"""What a review is about, as the command line says it: nothing of it can be named by a browser."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from curator import decisions
from curator.review.index import NAME

if TYPE_CHECKING:
    from curator.config import Config


class Settings(msgspec.Struct, frozen=True):
    """The data, the configuration they are linted by, who reviews, and where results go.

    `take` is (i, k): part i of k of the findings. `output` is the folder that Apply writes to, `model` the
    model that a training is offered for, "" for none. `rules` preselects the queue. `options` are words for the verbs that Apply starts: what was typed
    of the options that shape what is found, or how rows are read. `reread` reads the configuration again, as it would be if the
    review began now.
    """

    paths: tuple[str, ...]
    config: Config
    reviewer: str
    output: Path
    take: tuple[int, int] = (1, 1)
    rules: tuple[str, ...] = ()
    model: str = ""
    need_reason: bool = False
    options: dict[str, tuple[str, ...]] = {}
    reread: Callable[[], Config] | None = None

    @property
    def log(self) -> Path:
        """Where decisions are appended."""
        return decisions.place(self.paths)

    @property
    def folder(self) -> Path:
        return self.log.parent

    @property
    def database(self) -> Path:
        return self.folder / NAME

    @property
    def set(self) -> str:
        """What tells these data from others: a hash of where they and their log lie."""
        places = [str(path.resolve()) for path in (self.log, *map(Path, self.paths))]
        return hashlib.blake2b("\n".join(places).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()

    @property
    def name(self) -> str:
        """What the set is called on a page."""
        names = [Path(path).name or str(path) for path in self.paths]
        return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")

"""Opens what the user names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from curator.errors import SourceError
from curator.sources.source import Source, Stamp

_SPLITS = {"train": "train", "valid": "valid", "test": "test", "dev": "valid", "validation": "valid", "val": "valid", "eval": "valid"}


class Sources(Sequence[Source]):
    """The files of a set. As a context manager it removes its spooled copies at the end."""

    def __init__(self, paths: Sequence[str | Path]) -> None:
        self._spool = tempfile.TemporaryDirectory(prefix="curator-")
        self._sources = [_open(str(path)) for path in paths]

    def __getitem__(self, index):  # type: ignore[no-untyped-def]
        return self._sources[index]

    def __len__(self) -> int:
        return len(self._sources)

    def __iter__(self) -> Iterator[Source]:
        return iter(self._sources)

    def __enter__(self) -> Sources:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._spool.cleanup()


def open_sources(paths: Sequence[str | Path]) -> Sources:
    return Sources(paths)


def _open(path: str) -> Source:
    file = Path(path)
    if not file.exists():
        raise SourceError("no such file", where=path)
    stem = file.stem
    return Source(path, _SPLITS.get(stem.lower(), stem), "jsonl", None, file, Stamp.of(file))

"""What the tests share: sample data, ways to write a set, and where the larger data lies."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import util
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from curator import cli

# A busy machine is no fault of a property: how long an example takes is measured in tests/bench.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# The same examples in every run, so that a change is judged by what it changed; `--hypothesis-profile search` looks
# for examples that nobody has tried, and what it finds becomes a test of its own.
settings.register_profile("curator", settings.get_profile("search"), derandomize=True)
settings.load_profile("curator")

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as `curator train` says to torch, and why
SHARED = ROOT.parent / "shared" / "data"
# An interpreter that runs llama.cpp.
LLAMACPP = os.environ.get("CURATOR_LLAMACPP") or (sys.executable if util.find_spec("xllamacpp") else "")
needs_llamacpp = pytest.mark.skipif(not LLAMACPP, reason="needs xllamacpp, here or where CURATOR_LLAMACPP says")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a cache of its own, so that none sees what another left."""
    monkeypatch.setenv("CURATOR_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Iterable[Any]], Path]:
    """Write rows (or raw lines, as bytes) to a file and return its path."""

    def _write(name: str, rows: Iterable[Any]) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode() for row in rows)
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return path

    return _write


class Done:
    """What a run of the command line came to."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


Run = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def _run(*arguments: Any) -> Done:
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(status, captured.out, captured.err)

    return _run


@pytest.fixture
def open_desk(tmp_path: Path, write: Callable[[str, Iterable[Any]], Path]) -> Iterator[Callable[..., Any]]:
    """Open a desk of the review app over rows (or raw lines, as bytes); `settings` are those of a curator.toml."""
    from curator.config import load_config
    from curator.review import index
    from curator.review.desk import Desk
    from curator.review.settings import Settings

    desks: list[Desk] = []

    def _open(
        rows: list[Any] | None = None,
        reviewer: str = "ana",
        name: str = "data.jsonl",
        settings: str | None = None,
        **more: Any,
    ) -> Desk:
        path = tmp_path / name if rows is None else write(name, rows)
        if settings is not None:
            (tmp_path / "curator.toml").write_text(settings)
        config = load_config(path)
        told = Settings((str(path),), config, reviewer, tmp_path / "out", **more)
        if index.key_in(told.database) != index.key_of(told.paths, config):
            index.build(told.paths, config, told.database)
        desk = Desk(told)
        assert desk.ready()
        desk.follow()
        desks.append(desk)
        return desk

    yield _open
    for desk in desks:
        desk.close()

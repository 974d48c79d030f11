"""What Apply does: a dry run, the clean set, its split with the leak proof, and a training, each a job.

The commands are those of the terminal, so that what the app does can be done without it, with the same result.
"""

from __future__ import annotations

import hashlib
import math
import shlex
import sys
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from curator import cleaning
from curator.errors import UNREADABLE, CuratorError, SourceError
from curator.review import following, jobs
from curator.review.desk import Desk
from curator.review.safe import plain
from curator.review.settings import Settings
from curator.scratch import Scratch
from curator.sources.source import Stamp

STEPS = ("clean", "split", "train")
_POINTS = 400  # of a curve that is drawn


class DryRun(msgspec.Struct, frozen=True):
    """What the clean set would be: rows written, mended and rejected; findings mended, rows rejected and findings
    left by code."""

    rows: int
    written: int
    mended: int
    rejected: int
    fixed: dict[str, int]
    rejected_for: dict[str, int]
    left: dict[str, int]
    applied: int
    unapplied: list[str]
    decided: str = ""  # what was decided then: see `decided`


def dry_run(desk: Desk) -> DryRun:
    """Clean into a folder that is thrown away.

    Raises CuratorError as `clean` does.
    """
    s = desk.settings
    then = decided(s)
    with Scratch("dry") as folder:
        result = cleaning.clean(s.paths, f"{folder}/clean/", s.config)
    return DryRun(
        rows=sum(loss.rows for loss in result.losses),
        written=sum(loss.written for loss in result.losses),
        mended=sum(loss.mended for loss in result.losses),
        rejected=sum(loss.rejected for loss in result.losses),
        fixed=result.fixed,
        rejected_for=result.rejected_for,
        left=result.left,
        applied=result.applied,
        unapplied=cleaning.unapplied_told(result.unapplied),
        decided=then,
    )


def decided(settings: Settings) -> str:
    """What names all that is decided now: a hash of the logs.

    Raises SourceError where one cannot be read.
    """
    logs = following.logs_of(settings.paths)
    told = [_hash(log, Stamp.of(log)) for log in logs if log.exists()]
    return hashlib.blake2b("\n".join(told).encode(), digest_size=16).hexdigest()


@lru_cache(maxsize=64)
def _hash(log: Path, _: Stamp) -> str:
    try:
        return hashlib.blake2b(log.read_bytes(), digest_size=16).hexdigest()
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(log)) from None


def decided_since(settings: Settings, then: str) -> bool:
    """Whether something was decided, or taken back, since what is named by `then`; not where that is "", unknown."""
    return then not in ("", decided(settings))


def stale(settings: Settings) -> bool:
    """Whether something was decided since Apply began to write the clean set."""
    job = state(settings, "clean")
    return job is not None and decided_since(settings, job.decided)


def split_stale(settings: Settings) -> bool:
    """Whether the clean set that is there was written after it was split."""
    to = places(settings)
    record, clean = to["split"] / "split.json", to["clean"]
    written = [clean] if clean.is_file() else list(clean.glob("*.jsonl"))
    try:
        return any(file.stat().st_mtime_ns > record.stat().st_mtime_ns for file in written)
    except OSError:
        return False


def places(settings: Settings) -> dict[str, Path]:
    """Where each step writes: names are fixed, below the folder that the command line chose."""
    out = settings.output
    one = len(settings.paths) == 1 and not Path(settings.paths[0]).is_dir()
    return {"clean": out / ("clean.jsonl" if one else "clean"), "split": out / "splits", "train": out / "model"}


def command(settings: Settings, step: str) -> list[str]:
    """The command of a step, as it could be typed."""
    to = places(settings)
    base = ["curator"]
    if step == "clean":
        return [
            *base,
            "clean",
            *settings.paths,
            "-o",
            str(to["clean"]),
            "--rejected",
            str(settings.output / "rejected.jsonl"),
            *_shaping(settings, step),
        ]
    if step == "split":
        return [*base, "split", str(to["clean"]), "-o", str(to["split"]), *_shaping(settings, step)]
    resume = ["--resume"] if trained(settings) in ("running", "interrupted") else []
    return [*base, "train", "run", str(to["split"]), "--model", settings.model, "--output", str(to["train"]), *resume]


def drift(settings: Settings) -> str:
    """Why a command that reads the configuration now would not do what was reviewed; "" where it would."""
    if settings.reread is None:
        return ""
    try:
        now = settings.reread()
    except CuratorError as error:
        return f"the configuration cannot be read any more: {error}"
    if now == settings.config:
        return ""
    name = Path(now.source or settings.config.source or "curator.toml").name
    return f"{name} says something else than when this review began: end it and begin it again"


def _shaping(settings: Settings, step: str) -> list[str]:
    """The options that what was reviewed rests on. A configuration that is not found from the folder of the results is named."""
    words = list(settings.options.get(step, ()))
    source = settings.config.source
    beside = not source or settings.output.resolve().is_relative_to(Path(source).resolve().parent)
    return words if step == "clean" or beside or "--config" in words else [*words, "--config", source]


def shown(settings: Settings, step: str) -> str:
    """The command of a step as one line, nothing in it hidden; MODEL stands for a model that was not named."""
    return plain(shlex.join(part or "MODEL" for part in command(settings, step)))


def due(settings: Settings) -> str:
    """The step that comes next: the first that has not written anything yet."""
    to = places(settings)
    written = {
        "clean": to["clean"].exists() and not stale(settings),
        "split": (to["split"] / "split.json").exists() and not split_stale(settings),
    }
    return next((step for step in STEPS if not written.get(step)), "")


def can_train() -> bool:
    """Whether this installation has the command `train`."""
    return find_spec("curator.cli.train") is not None


def folder(settings: Settings) -> Path:
    return settings.folder / "jobs"


def start(settings: Settings, step: str) -> None:
    """Start a step in a process of its own."""
    to = places(settings)["clean"]
    if step == "clean":
        (to.parent if to.suffix else to).mkdir(parents=True, exist_ok=True)
    typed = [sys.executable, "-m", *command(settings, step)]
    jobs.start(folder(settings), step, typed, settings.paths, decided=decided(settings))


def state(settings: Settings, step: str) -> jobs.Job | None:
    return jobs.read(folder(settings), step)


def stop(settings: Settings, step: str) -> None:
    jobs.stop(folder(settings), step)


def said(settings: Settings, step: str) -> str:
    return jobs.log(folder(settings), step)


def proof(settings: Settings) -> dict[str, Any] | None:
    """What split.json says of the split: rows by file and the leaks found in what was written."""
    try:
        record = msgspec.json.decode((places(settings)["split"] / "split.json").read_bytes())
        outputs = {name: file["rows"] for name, file in record["outputs"].items()}
        return {"outputs": outputs, "proof": dict(record["proof"]["findings"])}
    except (OSError, *UNREADABLE, KeyError, TypeError, AttributeError):
        return None


def curve(settings: Settings) -> dict[str, list[tuple[float, float]]]:
    """(step, loss) of a training so far, by name: from its record, its last checkpoint or a log of JSON lines."""
    target = places(settings)["train"]
    if not target.is_dir():
        return {}
    entries = _decoded(target / "run.json").get("history") or []
    for state in sorted(target.glob("checkpoints/*/trainer_state.json"), key=lambda file: file.stat().st_mtime)[-1:]:
        entries += _decoded(state).get("log_history") or []
    for file in sorted(target.glob("*.jsonl"))[:8]:
        entries += [_object(line) for line in file.read_bytes().splitlines()[-20_000:]]
    found: dict[str, dict[float, float]] = {}
    for entry in entries:
        step = entry.get("step") if isinstance(entry, dict) else None
        if not isinstance(step, int | float):
            continue
        for name in ("loss", "valid_loss", "eval_loss"):
            value = entry.get(name)
            if isinstance(value, int | float) and math.isfinite(value):
                found.setdefault(name, {})[float(step)] = float(value)
    return {name: _thinned(sorted(points.items())) for name, points in found.items()}


def trained(settings: Settings) -> str:
    """How the record of a training stands: "", "running", "interrupted" or "done"."""
    return str(_decoded(places(settings)["train"] / "run.json").get("status") or "")


def _decoded(file: Path) -> dict[str, Any]:
    try:
        return _object(file.read_bytes())
    except OSError:
        return {}


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    step = max(1, -(-len(points) // _POINTS))
    return points[::step] + ([points[-1]] if (len(points) - 1) % step else [])

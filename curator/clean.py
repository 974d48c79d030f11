"""Writes a mended copy: fixes and decisions applied, every row accounted for.

    rows in = rows kept + rejected + joined to another,   rows out = rows kept + rows gained by parting

Both sums are checked against lines counted apart from each other before anything is put in place.
Works for every container; the copy is JSONL, and rows that nothing changes keep their bytes.
"""

from __future__ import annotations

import tempfile
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import msgspec

from curator import decisions, engine
from curator.cache import Cache
from curator.columns import BOM, UNSET, content_id, parse
from curator.decisions import Log, Suppressions
from curator.errors import CuratorError, UsageError, WriteError
from curator.fix import ROUNDS, Mended, Plan, Tally, mend_lines, plan_round, wanted
from curator.model import Decision, Finding, Fix, Report, drop
from curator.sources import Source, open_sources
from curator.writing import Replacement

if TYPE_CHECKING:
    from curator.config import Config

REJECTED = "rejected.jsonl"


class Loss(msgspec.Struct, frozen=True):
    """What became of the rows of one file: rows = kept + rejected + joined, written = kept + gained.

    `mended` counts the kept rows that were changed; `joined` the lines that went into the row they
    belong to; `gained` the rows more that lines with several rows came to.
    """

    path: str
    output: str
    rows: int
    kept: int
    mended: int
    rejected: int
    joined: int
    gained: int
    written: int


class CleanResult(msgspec.Struct, frozen=True):
    """What `clean` did. `left` counts the findings of the copy by code, `lacking` names fixes that could not settle."""

    losses: tuple[Loss, ...]
    rejected: str
    fixed: dict[str, int]
    rejected_for: dict[str, int]
    left: dict[str, int]
    decided: int
    unapplied: tuple[Decision, ...]
    rounds: int
    stable: bool


class _Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of rejected.jsonl; `row` is the row as it stood in the source, `text` the line where it is no JSON."""

    file: str
    line: int
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    row: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str = ""


class _Reason(NamedTuple):
    code: str
    message: str


def clean(
    paths: Sequence[str | Path],
    out: str | Path,
    config: Config,
    *,
    rejected: str | Path | None = None,
    unsafe: bool = False,
    log: Log | None = None,
) -> CleanResult:
    """Write the rows with fixes and decisions applied to `out`, and those left out to `rejected`.

    `out` is a file, or a folder where the data are several files. Left out are rows that a safe fix or
    a decision drops, and lines that hold no JSON object even after mending. `log` are the decisions to
    apply; by default those kept beside the data.

    Raises:
        SourceError: a path is missing or cannot be read as data.
        UsageError: `out` would overwrite the data, or is one file for several.
        ChangedError: a file changed meanwhile.
        WriteError: an output could not be written; no output is.
    """
    plan = config.plan()
    log = decisions.read(decisions.place(paths)) if log is None else log
    cache = Cache.open() if config.cache else None
    with open_sources(paths) as opened, tempfile.TemporaryDirectory(prefix="curator-clean-") as folder:
        sources = [source for source in opened if not plan.excluded(source.path)]
        targets = _targets(sources, Path(out))
        rest = Path(rejected) if rejected else next(iter(targets)).with_name(REJECTED)
        _refuse_overwriting(sources, [*targets, rest])
        copies = [_Copy(source, Path(folder, str(n))) for n, source in enumerate(sources)]
        job = _Job(copies, log, unsafe, lambda sources: engine.lint_sources(sources, plan, cache=cache))
        report, rounds, stable = job.run()
        _reject_unreadable(copies, report)
        losses = _write(copies, targets, rest)
    settled = decisions.settle(report, log)
    return CleanResult(
        losses=losses,
        rejected=str(rest),
        fixed=_sum(copy.fixed for copy in copies),
        rejected_for=_sum(Counter(r[0].code for r in copy.rejected.values()) for copy in copies),
        left={stat.code: stat.findings for stat in settled.rules if stat.findings},
        decided=len(job.applied),
        unapplied=job.unapplied(),
        rounds=rounds,
        stable=stable,
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


# ---------------------------------------------------------------------- one file on its way


class _Trail(Tally):
    """Also keeps what became of each line: (line, lines taken, lines given)."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[tuple[int, int, int]] = []
        self.dropped_for: dict[int, list[_Reason]] = {}

    def note(self, number: int, raw: bytes, findings: Sequence[Finding], mended: Mended) -> None:
        super().note(number, raw, findings, mended)
        if mended.lines != [raw]:
            self.steps.append((number, mended.over, len(mended.lines)))
        if not mended.lines and raw.strip():
            made = [f for f, done in zip(findings, mended.made, strict=True) if done]
            self.dropped_for[number] = [_Reason(f.code, _said(f)) for f in made]


def _said(finding: Finding) -> str:
    """The finding's message, with the rows it is about."""
    places = ", ".join(f"{place.file}:{place.line}" for place in finding.related[:3])
    return f"{finding.message} ({places})" if places else finding.message


class _Copy:
    """A file of the set as it stands after some rounds; `origins[i]` is the line (from 0) it began as."""

    def __init__(self, source: Source, place: Path) -> None:
        self.source = source
        self.data = source.data
        self.origins: Sequence[int] | None = None  # None: every line is its own
        self.fixed: Counter[str] = Counter()
        self.changed: set[int] = set()
        self.joined: set[int] = set()
        self.rejected: dict[int, list[_Reason]] = {}
        self._place, self._round = place, 0

    def opened(self) -> Source:
        """The copy as a source: lines are counted as they stand in it."""
        s = self.source
        return Source(s.path, s.split, s.container, s.compression, self.data, s.stamp)

    def origin(self, line: int) -> int:
        """Where line `line` (from 1) of the copy comes from (from 0)."""
        return line - 1 if self.origins is None else self.origins[line - 1]

    def mend(self, plan: Mapping[int, Sequence[Finding]]) -> bool:
        """One round of fixes; False where none could be made."""
        trail = _Trail()
        self._round += 1
        new = self._place.with_suffix(f".{self._round}.jsonl")
        with self.data.open("rb") as old, new.open("wb") as file:
            file.writelines(mend_lines(old, plan, trail))
        if not trail.steps:
            return False
        self._follow(trail)
        if self.data != self.source.data:
            self.data.unlink()
        self.data = new
        return True

    def _follow(self, trail: _Trail) -> None:
        """Carry the origins through a round."""
        if self.origins is None:
            with self.data.open("rb") as file:
                self.origins = range(sum(1 for _ in file))
        self.fixed.update(trail.fixed)
        origins: list[int] = []
        done = 0
        for number, over, given in trail.steps:
            origins += self.origins[done : number - 1]
            first, *others = self.origins[number - 1 : number - 1 + over]
            origins += [first] * given
            self.joined.update(others)
            if given:
                self.changed.add(first)
            elif number in trail.dropped_for:
                self.rejected.setdefault(first, []).extend(trail.dropped_for[number])
            done = number - 1 + over
        origins += self.origins[done:]
        self.origins = origins
'''

"""Findings without those that were decided on or were known before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import msgspec

from curator.decisions.baseline import Baseline
from curator.decisions.deciding import place_of, seen
from curator.decisions.edits import is_row, unusable
from curator.decisions.log import Log
from curator.decisions.order import expired, standing
from curator.model import Decision, Finding, Report


def _idle(decision: Decision, rows: Mapping[str, bytes]) -> bool:
    """Whether it is an edit that cannot be applied, as far as these rows by content id tell."""
    if decision.verdict != "edit":
        return False
    raw = rows.get(decision.row)
    return bool(unusable(decision, raw)) if raw is not None else not is_row(decision.text)


class Suppressions(msgspec.Struct, frozen=True):
    """The standing decisions that say "keep", by finding id and by (content id of the row, code).

    `others` have another verdict. Where `rows` of the data by content id are given, edits that cannot be applied,
    as far as these tell, are left out.
    """

    by_finding: dict[str, Decision]
    by_row: dict[tuple[str, str], Decision]
    expired: tuple[Decision, ...]
    others: tuple[Decision, ...]

    @classmethod
    def from_decisions(
        cls, decisions: Iterable[Decision], today: date | None = None, rows: Mapping[str, bytes] | None = None
    ) -> Suppressions:
        today = today or date.today()
        by_finding: dict[str, Decision] = {}
        by_row: dict[tuple[str, str], Decision] = {}
        lapsed: list[Decision] = []
        others: list[Decision] = []
        for decision in standing(decisions, today):
            if expired(decision, today):
                lapsed.append(decision)
            elif decision.verdict != "keep":
                if rows is None or not _idle(decision, rows):
                    others.append(decision)
            elif decision.finding:
                by_finding[decision.finding] = decision
            elif decision.code:
                by_row[decision.row, decision.code] = decision
        return cls(by_finding, by_row, tuple(lapsed), tuple(others))

    def covering(self, finding: Finding) -> Decision | None:
        """The decision that keeps the finding out of the report."""
        return self.by_finding.get(finding.id) or self.by_row.get((finding.row, finding.code))

    def kept(self) -> tuple[Decision, ...]:
        """The decisions that keep something out."""
        return *self.by_finding.values(), *self.by_row.values()


class Outcome(msgspec.Struct, frozen=True):
    """What one pass over the findings came to.

    kept, fixable  findings left, and those of them with a fix, by code
    suppressed     findings that a decision keeps out
    known          findings that the baseline lists
    pending        findings left that go, or change, when the set is cleaned: they are accepted, edited or dropped
    unused         decisions to keep what is not there any more
    expired        decisions to keep something whose day has passed; they have no effect
    offers         (finding, earlier decision): the row seems to be one that was decided on and has changed since
    """

    kept: dict[str, int]
    fixable: dict[str, int]
    suppressed: int
    known: int
    unused: tuple[Decision, ...]
    expired: tuple[Decision, ...]
    offers: tuple[tuple[Finding, Decision], ...]
    pending: int = 0


class Filtered:
    """The findings that decisions and baseline leave: a stream that can be read again and again."""

    def __init__(self, findings: Iterable[Finding], suppressions: Suppressions, baseline: Baseline) -> None:
        self._findings, self._suppressions, self._baseline = findings, suppressions, baseline
        self._hints = _hints((*suppressions.kept(), *suppressions.others))
        self._outcome: Outcome | None = None

    def __iter__(self) -> Iterator[Finding]:
        left = Counter(self._baseline.counts)
        kept, fixable = Counter[str](), Counter[str]()
        suppressed = known = pending = 0
        met: set[str] = set()  # ids of findings that somebody decided on
        used: set[Decision] = set()
        offers = _Offers(self._hints)
        decided = {decision.finding for decision in self._suppressions.others}
        others = self._suppressions.others
        rows = {d.row for d in others if (d.whole or not d.finding) and d.verdict in ("drop", "edit")}
        made = {d.after for d in others if d.verdict == "edit"}  # rows that stand nowhere before the set is cleaned
        for finding in self._findings:
            offers.meet(finding)
            if finding.id in decided:
                met.add(finding.id)
            if decision := self._suppressions.covering(finding):
                used.add(decision)
                suppressed += 1
                continue
            if left and left[finding.id] > 0:
                left[finding.id] -= 1
                known += 1
                continue
            kept[finding.code] += 1
            fixable[finding.code] += finding.fix is not None
            pending += finding.id in decided or finding.row in rows
            if finding.id not in decided:
                offers.look(finding)
            yield finding
        self._outcome = Outcome(
            dict(kept),
            dict(fixable),
            suppressed,
            known,
            tuple(d for d in self._suppressions.kept() if d not in used and d.row not in made),
            self._suppressions.expired,
            tuple((f, old) for old, f in offers.found() if old not in used and old.finding not in met),
            pending,
        )

    def __len__(self) -> int:
        return sum(self.outcome.kept.values())

    def suppressed(self) -> Iterator[Finding]:
        """The findings that a decision keeps out."""
        return (finding for finding in self._findings if self._suppressions.covering(finding))

    @property
    def outcome(self) -> Outcome:
        """The counts of a whole pass, which is made where none has been."""
        if self._outcome is None:
            for _ in self:
                pass
        assert self._outcome is not None
        return self._outcome


class _Offers:
    """Decisions whose row seems to have become another: that row is gone, and a finding stands where theirs stood, or
    is the only one that shows what theirs showed."""

    def __init__(self, hints: Mapping[str, Sequence[Decision]]) -> None:
        self._hints = hints
        self._rows: set[str] = set()
        self._shown = Counter[str]()
        self._here: dict[Decision, Finding] = {}
        self._alike: dict[Decision, Finding] = {}

    def meet(self, finding: Finding) -> None:
        """Take note of a finding that is there."""
        if self._hints:
            self._rows.add(finding.row)
            self._shown[seen(finding)] += 1

    def look(self, finding: Finding) -> None:
        """Ask of a finding that was met whether its row may have been another."""
        if not self._hints:
            return
        for old in self._hints.get(place_of(finding), ()):
            self._here.setdefault(old, finding)
        if finding.excerpt is not None and finding.excerpt.text.strip():
            for old in self._hints.get(seen(finding), ()):
                self._alike.setdefault(old, finding)

    def found(self) -> Iterator[tuple[Decision, Finding]]:
        """The decisions, once all findings were met, each with the finding it may have been about."""
        alike = {old: finding for old, finding in self._alike.items() if self._shown[old.seen] == 1}
        return ((old, finding) for old, finding in {**alike, **self._here}.items() if old.row not in self._rows)


def filter_findings(
    findings: Iterable[Finding],
    decisions: Iterable[Decision] = (),
    baseline: Baseline | None = None,
    today: date | None = None,
    rows: Mapping[str, bytes] | None = None,
) -> Filtered:
    """The findings without those that a decision keeps out and those that the baseline lists; see `settle`."""
    return Filtered(findings, Suppressions.from_decisions(decisions, today, rows), baseline or Baseline())


def settle(
    report: Report,
    log: Log | None = None,
    baseline: Baseline | None = None,
    today: date | None = None,
    rows: Mapping[str, bytes] | None = None,
) -> Report:
    """The report without what decisions keep out and the baseline lists; all its counts follow.

    `rows` are rows of the data by content id, those of `sealed_edits` at least: an edit of them that cannot be applied
    settles nothing. `unused` names the decisions that had something to say about these files and rules, and had no
    effect.
    """
    from curator.engine import judge_limits

    left = filter_findings(report.findings, log.decisions if log else (), baseline, today, rows)
    outcome = left.outcome
    stats = tuple(
        msgspec.structs.replace(
            stat, findings=outcome.kept.get(stat.code, 0), fixable=outcome.fixable.get(stat.code, 0)
        )
        for stat in report.rules
    )
    codes = {stat.code for stat in report.rules}
    names = {Path(file.path).name for file in report.files}
    idle = [
        decision
        for decision in (*outcome.unused, *outcome.expired)
        if decision.code in codes and (not decision.place or _file_name(decision) in names)
    ]
    return msgspec.structs.replace(
        report,
        findings=left,
        rules=stats,
        limits=judge_limits({limit.code: limit.allowed for limit in report.limits}, stats),
        suppressed=outcome.suppressed,
        known=outcome.known,
        pending=outcome.pending,
        unused=tuple(idle),
    )


def _hints(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Decisions by what their finding showed and by where it stood."""
    hints: dict[str, list[Decision]] = {}
    for decision in decisions:
        for hint in {decision.seen, decision.place} - {""}:
            hints.setdefault(hint, []).append(decision)
    return hints


def _file_name(decision: Decision) -> str:
    file, _, _ = decision.place.rpartition(":")
    return Path(file).name

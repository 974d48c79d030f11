"""Rounds of linting and mending until nothing is left to mend, and the decisions that count in the first."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence

import msgspec

from curator import decisions
from curator.cleaning.copies import Copy, stays
from curator.cleaning.result import Unapplied
from curator.columns import BOM, content_id, parse
from curator.decisions import Log, Suppressions
from curator.fix import ROUNDS, Plan, Twins, plan_round, wanted
from curator.model import Decision, Finding, Fix, Report, drop
from curator.sources import Source

Lint = Callable[[Sequence[Source]], Report]

_OF_THE_FILE = frozenset({"FIL004", "FIL008", "FIL009"})  # faults that a copy has as well as its source


class Rounds:
    """Lints and mends the copies until nothing is left to mend; decisions count in the first round.

    They are about the rows as they stand in the source. What a decision keeps stays kept in later
    rounds, when its row has another content because something else in it was mended.
    """

    def __init__(self, copies: Sequence[Copy], log: Log, unsafe: bool, fixes: bool, lint: Lint) -> None:
        self.copies = {copy.source.path: copy for copy in copies}
        self.unsafe, self.fixes, self.lint = unsafe, fixes, lint
        self.suppressions = Suppressions.from_decisions(log.decisions)
        others = self.suppressions.others
        self.on_row = {d.row: d for d in others if (d.whole or not d.finding) and d.verdict != "accept"}
        self.on_finding = {d.finding: d for d in others if d.finding and not d.whole and _is_usable(d)}
        self.applied: set[Decision] = set()
        self.ran: set[str] = set()  # codes
        self._unoffered: set[str] = set()  # ids of findings that are there, without the fix that was accepted
        self.rounds, self.stable = 0, True
        self._kept: set[tuple[str, int, str]] = set()  # file, source line, code
        self._twins = Twins(lambda path, line: self.copies[path].origin(line))

    def run(self) -> Report:
        """Mend in at most ten rounds; the report of the last."""
        self._decide_rows()
        while True:
            report = self.lint([copy.opened() for copy in self.copies.values()])
            self.ran |= {stat.code for stat in report.rules}
            plan = self._plan(report, first=self.rounds == 0)
            if self.rounds == 0:
                self._remember(report)
            self.stable = not plan
            if self.rounds == ROUNDS or not self._mend(plan):
                return report
            self.rounds += 1

    def left(self, report: Report) -> dict[str, int]:
        """Findings on the rows that are written, by code; those that a decision keeps do not count."""
        found = Counter(finding.code for finding in self._of_rows(report))
        for copy in self.copies.values():
            found.update(fault.code for fault in copy.source.flags if fault.code in _OF_THE_FILE and stays(fault))
        return dict(sorted(found.items()))

    def unsafe_left(self, report: Report) -> int:
        """How many findings on the rows that are written a fix that may change meaning would mend, or drop the row of:
        as many as a lint of the copy counts."""
        if self.unsafe:
            return 0
        fixes = (finding.fix for finding in self._of_rows(report))
        return sum(fix is not None and fix.safety == "unsafe" for fix in fixes)

    def _of_rows(self, report: Report) -> Iterator[Finding]:
        """The findings on rows that are written, but for those that a decision keeps."""
        return (f for f in self._not_kept(report.findings) if f.line not in self.copies[f.file].unreadable)

    def gone(
        self, fixed: Mapping[str, int], rejected_for: Mapping[str, int], left: Mapping[str, int]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """The findings of the first lint that are neither mended nor left, nor why a row was rejected, by code.

        They went with a rejected row, or with what was done for another finding.
        """
        told = [copy.found_first() for copy in self.copies.values()]
        first, rejected = (summed(counts) for counts in zip(*told, strict=True))
        rows = {code: max(0, number - rejected_for.get(code, 0)) for code, number in rejected.items()}
        others = {code: n - rejected.get(code, 0) - fixed.get(code, 0) - left.get(code, 0) for code, n in first.items()}
        return summed([rows]), summed([{code: max(0, number) for code, number in others.items()}])

    def _remember(self, report: Report) -> None:
        """Take note of what the first lint found, but for what decisions keep."""
        for finding in self._not_kept(report.findings):
            copy = self.copies[finding.file]
            copy.first.setdefault(finding.code, array("q")).append(copy.origin(finding.line))

    def unapplied(self) -> tuple[Unapplied, ...]:
        """Decisions to change or drop something that nothing was done for, each with the reason."""
        doubtful = [d for d in self.suppressions.others if d not in self.applied or decisions.is_sealed(d)]
        rows = rows_in([copy.source for copy in self.copies.values()], {d.row for d in doubtful})
        told = ((decision, self._hindrance(decision, rows.get(decision.row))) for decision in doubtful)
        return tuple(Unapplied(decision, why) for decision, why in told if why)

    def kept_in_vain(self, report: Report) -> tuple[Unapplied, ...]:
        """Decisions to keep what is no row: its line goes all the same, since nothing can read it."""
        lines = (f for f in report.findings if f.line in self.copies[f.file].unreadable)
        kept = dict.fromkeys(decision for f in lines if (decision := self.suppressions.covering(f)))
        return tuple(Unapplied(decision, "its line is no row and was left out all the same") for decision in kept)

    def _hindrance(self, decision: Decision, raw: bytes | None) -> str:
        """Why nothing was done for a decision about the row, None where it is not there; "" where it was done."""
        if raw is None:
            return "its row is not there as it was"
        if decision.verdict == "edit" and (fault := decisions.unusable(decision, raw)):
            return fault
        if decision in self.applied:
            return ""
        over = self.on_row.get(decision.row)
        if over is not None and over in self.applied:
            return f"its row was {'dropped' if over.verdict == 'drop' else 'edited'} by another decision"
        if not decision.finding:
            return "it names no finding"
        if decision.code and decision.code not in self.ran:
            return f"{decision.code} did not run: name the options that it was found with (--select, --preview)"
        if decision.finding in self._unoffered:
            return "no fix is offered for it"
        return f"{decision.code} does not find it any more"

    def _mend(self, plan: Plan) -> bool:
        self._twins.keep(plan)
        made = [self.copies[path].mend(lines) for path, lines in plan.items()]
        return any(made)

    def _plan(self, report: Report, *, first: bool) -> Plan:
        forced: set[str] = set()
        offered = self._decided(report.findings, forced) if first else self._not_kept(report.findings)
        plan = plan_round(
            map(self._placed, offered),
            lambda finding: finding.id in forced or (self.fixes and wanted(finding, self.unsafe)),
            self._twins,
        )
        for lines in plan.values() if forced else ():
            for number, findings in lines.items():
                lines[number] = self._decided_first(findings)
        return {path: _effective(lines) for path, lines in plan.items() if _effective(lines)}

    def _decided(self, findings: Iterable[Finding], forced: set[str]) -> Iterator[Finding]:
        """The findings of the first round, with the fixes that decisions ask for."""
        for finding in findings:
            decision = self.on_finding.get(finding.id)
            if self.suppressions.covering(finding):
                self._kept.add(self._place(finding))
            elif decision is None:
                yield finding
            elif decision.verdict == "accept" and finding.fix is None:
                self._unoffered.add(finding.id)
            else:
                self.applied.add(decision)
                forced.add(finding.id)
                yield finding if decision.verdict == "accept" else _with_verdict(finding, decision)

    def _not_kept(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            if not self._kept or self._place(finding) not in self._kept:
                yield finding

    def _placed(self, finding: Finding) -> Finding:
        """A finding that drops its row, with the rows that speak for it in its message."""
        if not (finding.fix and finding.fix.drops and finding.related):
            return finding
        places = []
        for place in finding.related[:3]:
            copy = self.copies[place.file]
            places.append(f"{place.file}:{copy.source.lines(copy.origin(place.line), 1)[0]}")
        return msgspec.structs.replace(finding, message=f"{finding.message} ({', '.join(places)})")

    def _place(self, finding: Finding) -> tuple[str, int, str]:
        return finding.file, self.copies[finding.file].origin(finding.line), finding.code

    def _decided_first(self, findings: list[Finding]) -> list[Finding]:
        """Of the findings on a line, a row's new text or its end alone, else accepted fixes first."""
        verdicts = {f.id: self.on_finding[f.id].verdict for f in findings if f.id in self.on_finding}
        for verdict in ("drop", "edit"):
            if verdict in verdicts.values():
                return [finding for finding in findings if verdicts.get(finding.id) == verdict][:1]
        return sorted(findings, key=lambda finding: finding.id not in verdicts)

    def _decide_rows(self) -> None:
        """Apply what was decided on whole rows, which their content alone tells."""
        if not self.on_row:
            return
        for path, copy in self.copies.items():
            plan: dict[int, list[Finding]] = {}
            with copy.data.open("rb") as file:
                for number, line in enumerate(file, 1):
                    raw = line.removesuffix(b"\n")
                    row = content_id(parse(raw.removeprefix(BOM) if number == 1 else raw), raw).hex()
                    decision = self.on_row.get(row)
                    if decision and not (decision.verdict == "edit" and decisions.unusable(decision, raw)):
                        self.applied.add(decision)
                        code = decision.code or "decision"
                        finding = Finding(code, "decided", "info", path, number, "", "", "", row, -1)
                        plan[number] = [_with_verdict(finding, decision)]
            if plan:
                copy.mend(plan)


def _effective(lines: dict[int, list[Finding]]) -> dict[int, list[Finding]]:
    """Without fixes that only say how the file is read: the copy is read so already."""
    kept = {n: [f for f in found if f.fix and (f.fix.changes or f.fix.lines is not None)] for n, found in lines.items()}
    return {number: found for number, found in kept.items() if found}


def _is_usable(decision: Decision) -> bool:
    return decision.verdict != "edit" or decisions.is_row(decision.text)


def rows_in(sources: Iterable[Source], wanted: Container[str]) -> dict[str, bytes]:
    """Of the rows with these content ids those that stand in the sources, without line breaks."""
    found: dict[str, bytes] = {}
    for source in sources if wanted else ():
        with source.data.open("rb") as file:
            for number, line in enumerate(file, 1):
                raw = (line.removeprefix(BOM) if number == 1 else line).removesuffix(b"\n")
                if (row := content_id(parse(raw), raw).hex()) in wanted:
                    found[row] = raw
    return found


def _with_verdict(finding: Finding, decision: Decision) -> Finding:
    """The finding with the fix that a decision to drop or edit asks for."""
    who = decision.who or "a decision"
    message = f"{'dropped' if decision.verdict == 'drop' else 'edited'} by {who}"
    message += f": {decision.why}" if decision.why else ""
    fix = drop(message) if decision.verdict == "drop" else Fix(message, lines=(decision.text,))
    return msgspec.structs.replace(finding, fix=fix, message=message, related=())


def summed(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return {code: number for code, number in sorted(total.items()) if number}

"""What wants an eye in a decisions file."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import date

from curator.decisions.edits import is_sealed, unusable
from curator.decisions.log import Log, Problem
from curator.decisions.order import (
    all_around,
    day_of,
    drops_another,
    expired,
    identity,
    in_order,
    pair_of,
    target,
    time_of,
)
from curator.decisions.settling import filter_findings
from curator.model import Decision, Report
from curator.text.excerpt import visible


def check(
    log: Log,
    today: date | None = None,
    codes: Container[str] | None = None,
    report: Report | None = None,
    rows: Mapping[str, bytes] | None = None,
) -> tuple[Problem, ...]:
    """What wants an eye in a decisions file: unread lines, missing reasons, lapsed dates, disagreements.

    With `codes`, those of all rules there are, also decisions about a rule that is gone; with the `report` of
    the data, from before decisions count, also decisions to keep what is not found any more. `rows` are rows of the
    data by content id, those of `sealed_edits` at least: edits of them that cannot be applied are named.
    """
    found = list(log.unread)
    idle = set(filter_findings(report.findings, log.decisions, None, today).outcome.unused) if report else set()
    newest = {target(decision): decision for decision in in_order(log.decisions)}
    for number, decision in zip(log.lines, log.decisions, strict=True):
        last = newest[target(decision)]
        if decision == last:  # what another took the place of, or took back, has no effect whatever it says
            found += [Problem(number, message) for message in _faults(decision, today or date.today(), codes)]
            if decision.verdict == "keep" and not decision.why:
                found.append(Problem(number, "keep gives no reason", remark=True))
        if decision == last and is_sealed(decision) and (raw := (rows or {}).get(decision.row)) is not None:
            found += [Problem(number, fault) for fault in [unusable(decision, raw)] if fault]
        if decision in idle and decision == last:
            found.append(Problem(number, f"{decision.code} is not found any more: the row changed or is gone"))
    found += [*_disputes(log), *_rings(log, today)]
    return tuple(sorted(found, key=lambda problem: problem.line))


def _disputes(log: Log) -> Iterator[Problem]:
    """Verdicts that differ from another's, newer one about the same, which was made without this one in sight."""
    by_id = {identity(decision): decision for decision in log.decisions}
    undone = {decision.undoes for decision in log.decisions if decision.undoes}
    back = {target(d): time_of(d) for d in in_order(log.decisions) if d.verdict == "later" and d.whole}
    newest: dict[tuple[str, ...], Decision] = {}
    last_words: dict[tuple[tuple[str, ...], str], Decision] = {}
    for decision in in_order(log.decisions):
        for subject in _subjects(decision, undone):
            newest[subject] = last_words[subject, decision.who] = decision
    for number, decision in zip(log.lines, log.decisions, strict=True):
        for subject in _subjects(decision, undone):
            last = newest[subject]
            base = by_id.get(last.base)
            settled = base is not None and time_of(decision) <= time_of(base)  # the last was made with this in sight
            verdicts = {decision.verdict, last.verdict}
            sides = subject == pair_of(decision)
            differ = drops_another(decision, last) if sides or verdicts == {"drop"} else len(verdicts) == 2
            stands = last_words[subject, decision.who] == decision  # who changed their mind differs from nobody
            stands = stands and not (sides and back.get(target(decision), 0.0) >= time_of(decision))
            if differ and stands and decision.who != last.who and "later" not in verdicts and not settled:
                yield Problem(number, _differing(decision, last))
                break


def _rings(log: Log, today: date | None) -> Iterator[Problem]:
    """Rows that go beside one another all around: whoever decided on each pair meant one of its rows to stay."""
    numbers = {identity(decision): number for number, decision in zip(log.lines, log.decisions, strict=True)}
    for ring in all_around(log.decisions, today):
        said = ", ".join(f"{d.who or 'somebody'} drops {d.place} ({d.code})" for d in ring)
        stays = next(d.place for d in ring if d.row == ring[-1].beside)
        why = f"{said}: each beside another of them; the newest counts, and {stays} stays"
        yield Problem(numbers[identity(ring[-1])], visible(why))


def _subjects(decision: Decision, undone: Container[str]) -> list[tuple[str, ...]]:
    """What others may differ about: its target and, where it is about a whole row, the finding that it is for; and the
    pair of which a row goes by it."""
    target_ = target(decision)
    if not decision.finding or decision.verdict == "later" or decision.undoes or identity(decision) in undone:
        return [target_]
    pairs = [pair] if (pair := pair_of(decision)) else []
    return [target_, *pairs] if target_ == (decision.finding,) else [target_, (decision.finding,), *pairs]


def _differing(decision: Decision, last: Decision) -> str:
    if decision.verdict == last.verdict or (pair_of(decision) and pair_of(decision) == pair_of(last)):
        rows = f"{decision.who or 'somebody'} drops {decision.place}, {last.who or 'somebody'} {last.place}"
        alike = decision.finding == last.finding
        why = f"for one {decision.code} finding" if alike else f"of one pair, for {decision.code} and {last.code}"
        return visible(f"{rows} {why}; the newest counts")
    said = f"{decision.who or 'somebody'} says {decision.verdict}, {last.who or 'somebody'} says {last.verdict}"
    about = f"{decision.code} {decision.place}".strip() or "the same row"
    return visible(f"{said} of {about}; the newest counts")


def _faults(decision: Decision, today: date, codes: Container[str] | None) -> Iterator[str]:
    if codes is not None and decision.code and decision.code not in codes:
        yield f"there is no rule {decision.code}"
    if not decision.finding and not decision.code and decision.verdict in ("keep", "accept"):
        yield f"{decision.verdict} names neither a finding nor a code: it has no effect"
    if decision.verdict == "edit" and not decision.text:
        yield "edit has no text: it has no effect"
    if not decision.who:
        yield "no author is named"
    if day_of(decision.when) is None:
        yield f"{decision.when!r} is no date"
    if decision.expires and day_of(decision.expires) is None:
        yield f"expires {decision.expires!r} is no date (write 2027-01-31): it has no effect"
    elif expired(decision, today):
        yield f"expired on {decision.expires}"

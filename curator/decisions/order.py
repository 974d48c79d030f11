"""Which of several decisions counts: their order, what each is about, and the day up to which it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

import msgspec

from curator.decisions.rings import Going, rings
from curator.model import Decision


def identity(decision: Decision) -> str:
    """What names a decision: its id or, where it was made without one, a hash of what it says."""
    return decision.id or hashlib.blake2b(msgspec.json.encode(decision), digest_size=16).hexdigest()


def merge(*logs: Iterable[Decision]) -> tuple[Decision, ...]:
    """The decisions of several logs, each once, in order of time."""
    together = dict.fromkeys(decision for log in logs for decision in log)
    return in_order(together)


def in_order(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """The decisions in order of time, then of their ids: the order in which they are to be followed."""
    return tuple(sorted(decisions, key=lambda decision: (time_of(decision), decision.id)))


def standing(decisions: Iterable[Decision], today: date | None = None) -> tuple[Decision, ...]:
    """The newest decision on every finding (or row, or row and code); those taken back are left out.

    Of one that drops or edits a whole row for a finding, and one that keeps or mends that finding, the newer counts;
    of two that drop another row each for one finding, or of one pair for whatever was found in it, the newer as well.
    Where several people, each for a pair, let rows go beside one another all around, the row stays that the newest of
    these decisions leaves.
    """
    newest, passed, _ = _weighed(decisions, today)
    return tuple(d for name, d in newest.items() if d.verdict != "later" and name not in passed)


def overruled(decisions: Iterable[Decision], today: date | None = None) -> tuple[Decision, ...]:
    """The newest decisions on their finding or row that do not stand since a newer one says otherwise."""
    newest, passed, _ = _weighed(decisions, today)
    return tuple(d for name, d in newest.items() if name in passed)


_Target = tuple[str, ...]


class _Weighed(NamedTuple):
    """The newest decision on everything, those of them, by their targets, that a newer one counts before, and all by
    their ids where one undoes another."""

    newest: dict[_Target, Decision]
    passed: set[_Target]
    by_id: dict[str, Decision]


def _weighed(decisions: Iterable[Decision], today: date | None) -> _Weighed:
    told = _answered(decisions, today)
    stay = {ring[-1].beside for ring in _around(told, today)}
    spared = {name for name, d in told.newest.items() if d.row in stay and _goes_in_pair(told, name, today)}
    told.passed.update(spared)
    return told


def _answered(decisions: Iterable[Decision], today: date | None) -> _Weighed:
    """By what was decided about one finding or one pair alone."""
    ordered = in_order(decisions)
    newest = {target(decision): decision for decision in ordered}
    by_id = {identity(d): d for d in ordered} if any(decision.undoes for decision in ordered) else {}
    passed: set[_Target] = set()
    drops: dict[tuple[str, ...], list[Decision]] = {}
    for name, whole in newest.items():
        single = newest.get((whole.finding,)) if for_finding(whole) else None
        if single is not None and of_finding(single) and not (expired(whole, today) or expired(single, today)):
            passed.add(name if _said(whole, by_id) < _said(single, by_id) else target(single))
        for matter in () if expired(whole, today) else matters(whole):
            drops.setdefault(matter, []).append(whole)
    for of_one in drops.values():
        if len(of_one) > 1:
            last = restored(max(of_one, key=lambda d: _said(d, by_id)), by_id.get)
            passed |= {target(d) for d in of_one if drops_another(restored(d, by_id.get), last)}
    return _Weighed(newest, passed, by_id)


def all_around(decisions: Iterable[Decision], today: date | None = None) -> Iterator[list[Decision]]:
    """Decisions of several people by which rows go beside one another all around, the newest of each ring last: the row
    that it leaves stays."""
    return _around(_answered(decisions, today), today)


def _around(told: _Weighed, today: date | None) -> Iterator[list[Decision]]:
    goes = {n: Going(d.row, d.beside) for n, d in told.newest.items() if _goes_in_pair(told, n, today)}
    for ring in rings(goes):
        made = sorted((told.newest[name] for name in ring), key=lambda d: _said(d, told.by_id))
        if of_several(restored(decision, told.by_id.get) for decision in made):
            yield made


def _goes_in_pair(told: _Weighed, name: _Target, today: date | None) -> bool:
    return name not in told.passed and bool(pair_of(told.newest[name])) and not expired(told.newest[name], today)


def of_several(made: Iterable[Decision]) -> bool:
    """Whether more than one person made these decisions, of which one alone would have seen what goes."""
    return len({decision.who for decision in made}) > 1


def matters(decision: Decision) -> list[tuple[str, ...]]:
    """What a decision by which a row goes is about, beside that row: its finding, and the pair that the row is one of.

    Who takes out another row for the same finding, or the other one of the same pair, says otherwise.
    """
    found: list[tuple[str, ...]] = [(decision.finding,)] if decision.verdict == "drop" and decision.finding else []
    return [*found, pair] if (pair := pair_of(decision)) else found


def pair_of(decision: Decision) -> tuple[str, ...]:
    """The two rows, in a steady order, of which a decision takes out one; () where it takes out none or names none."""
    if not decision.beside or decision.verdict not in ("drop", "accept"):
        return ()
    return min(decision.row, decision.beside), max(decision.row, decision.beside)


def drops_another(one: Decision, two: Decision) -> bool:
    """Whether two decisions by which a row goes, for one finding or of one pair, are of other rows and of two acts."""
    act = (one.who, one.when) == (two.who, two.when) or (one.batch != "" and one.batch == two.batch)
    return one.row != two.row and not act


def for_finding(decision: Decision) -> bool:
    """Whether it drops or edits a whole row for a finding: who keeps or mends the finding says otherwise."""
    return decision.whole and bool(decision.finding) and decision.verdict in ("drop", "edit")


def of_finding(decision: Decision) -> bool:
    """Whether it keeps or mends a finding: who drops or edits a whole row for it says otherwise."""
    return not decision.whole and bool(decision.finding) and decision.verdict in ("keep", "accept")


def _said(decision: Decision, by_id: Mapping[str, Decision]) -> tuple[float, str]:
    """When it was said first: what an undoing restores is as old as it was before."""
    first = restored(decision, by_id.get)
    return time_of(first), identity(first)


def restored(decision: Decision, find: Callable[[str], Decision | None]) -> Decision:
    """The decision itself, or the one that it restores, as far as `find` knows those before it by their ids."""
    while decision.undoes and decision.base and (before := find(decision.base)) is not None:
        decision = before
    return decision


def is_postponed(decision: Decision) -> bool:
    """Whether it leaves a finding for later; "later" also says that something is taken back."""
    undone = bool(decision.undoes) and not decision.base
    return decision.verdict == "later" and bool(decision.id) and not decision.whole and not undone


def target(decision: Decision) -> tuple[str, ...]:
    """What a decision is about: of several about the same the newest counts."""
    if decision.whole:
        return decision.row, ""
    return (decision.finding,) if decision.finding else (decision.row, decision.code)


_EPOCH = datetime(1970, 1, 1)  # a time that names no zone is of UTC


def time_of(decision: Decision) -> float:
    """Seconds since 1970; a time that cannot be read is the oldest."""
    try:
        moment = datetime.fromisoformat(decision.when)
    except ValueError:
        return 0.0
    return moment.timestamp() if moment.tzinfo else (moment - _EPOCH).total_seconds()


def day_of(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def expired(decision: Decision, today: date | None = None) -> bool:
    """Whether the day named in `expires` has passed; a date that cannot be read counts as passed."""
    if not decision.expires:
        return False
    last = day_of(decision.expires)
    return last is None or last < (today or date.today())


def is_day(text: str, today: date | None = None) -> bool:
    """Whether `expires` can be this: a date that has not passed."""
    last = day_of(text)
    return last is not None and last >= (today or date.today())

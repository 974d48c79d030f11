"""Which of several decisions counts: their order, what each is about, and the day up to which it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime

import msgspec

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


def standing(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """The newest decision on every finding (or row, or row and code); those taken back are left out."""
    newest: dict[tuple[str, ...], Decision] = {}
    for decision in in_order(decisions):
        newest[target(decision)] = decision
    return tuple(decision for decision in newest.values() if decision.verdict != "later")


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

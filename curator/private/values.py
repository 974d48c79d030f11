"""The private values of a text: what each is and where it stands, every character belonging to one at most."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from curator.private import triggers


class Value(NamedTuple):
    """text[start:end] is private; `kind` is a key of placeholders.NAMES."""

    kind: str
    start: int
    end: int


@lru_cache(maxsize=1024)
def values(text: str) -> tuple[Value, ...]:
    """The private values of a text in the order of their places. They do not overlap."""
    found: list[Value] = []
    for kind, start, end in _claims(text):
        place = bisect_left(found, end, key=_start)
        if not place or found[place - 1].end <= start:
            found.insert(place, Value(kind, start, end))
    return tuple(found)


def _start(value: Value) -> int:
    return value.start


def _claims(text: str) -> Iterator[Value]:
    """What the detectors claim; where two claim the same characters the earlier has them.

    Detectors are imported when a text first asks for them: each has expressions to compile.
    """
    if "PRIVATE KEY" in text:
        from curator.private.secrets import private_keys

        yield from (Value("private-key", *span) for span in private_keys(text))
    if triggers.may_hold_key(text):
        from curator.private.secrets import keys

        yield from (Value("key", *span) for span in keys(text))
    if triggers.may_hold_password(text):
        from curator.private.secrets import passwords

        yield from (Value("password", *span) for span in passwords(text))
    if "@" in text:
        from curator.private.contacts import emails

        yield from (Value("email", *span) for span in emails(text))
    if windows := triggers.windows(text):
        yield from _numbers(text, windows)
    if triggers.may_hold_address(text):
        from curator.private.addresses import street_addresses

        yield from (Value("address", *span) for span in street_addresses(text))


def _numbers(text: str, windows: list[tuple[int, int]]) -> Iterator[Value]:
    from curator.private.accounts import cards, ibans
    from curator.private.contacts import ip_addresses, phones
    from curator.private.identities import national_ids

    detectors = {"iban": ibans, "national-id": national_ids, "card": cards, "ip": ip_addresses, "phone": phones}
    for kind, detector in detectors.items():
        for low, high in windows:
            yield from (Value(kind, *span) for span in detector(text, low, high))

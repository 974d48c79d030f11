"""The private values of a text: what each is and where it stands, every character belonging to one at most."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import Literal, NamedTuple

from curator.private import triggers


class Value(NamedTuple):
    """text[start:end] is private; `kind` is a key of placeholders.NAMES."""

    kind: str
    start: int
    end: int


# What may be sought together: what is spelt out, what stands around "@", what is a number, and streets.
Group = Literal["secrets", "emails", "numbers", "addresses"]
ALL: tuple[Group, ...] = ("secrets", "emails", "numbers", "addresses")


@lru_cache(maxsize=1024)
def values(text: str, groups: tuple[Group, ...] = ALL) -> tuple[Value, ...]:
    """The private values of a text in the order of their places. They do not overlap.

    Who knows that a text has none of a group may leave it out; addresses give way to all others.
    """
    if triggers.is_bare(text):
        return ()
    found: list[Value] = []
    for kind, start, end in _claims(text, groups):
        place = bisect_left(found, end, key=_start)
        if not place or found[place - 1].end <= start:
            found.insert(place, Value(kind, start, end))
    return tuple(found)


def _start(value: Value) -> int:
    return value.start


def _claims(text: str, groups: tuple[Group, ...]) -> Iterator[Value]:
    """What the detectors claim; where two claim the same characters the earlier has them.

    Detectors are imported when a text first asks for them: each has expressions to compile.
    """
    if "secrets" in groups:
        yield from _secrets(text)
    if "emails" in groups and "@" in text:
        from curator.private.contacts import emails

        yield from (Value("email", *span) for span in emails(text))
    if triggers.holds_digit(text):
        if "numbers" in groups:
            yield from _numbers(text)
        if "addresses" in groups:
            yield from _addresses(text)


def _addresses(text: str) -> Iterator[Value]:
    asked = (
        ("english", triggers.may_hold_english_address),
        ("box", triggers.may_hold_box),
        ("abroad", triggers.may_hold_address_abroad),
    )
    forms = [form for form, may_hold in asked if may_hold(text)]
    if forms:
        from curator.private.addresses import street_addresses

        yield from (Value("address", *span) for span in street_addresses(text, forms))


def _secrets(text: str) -> Iterator[Value]:
    if "PRIVATE KEY" in text:
        from curator.private.secrets import private_keys

        yield from (Value("private-key", *span) for span in private_keys(text))
    if triggers.may_hold_key(text):
        from curator.private.secrets import keys

        yield from (Value("key", *span) for span in keys(text))
    if triggers.may_hold_password(text):
        from curator.private.secrets import passwords

        yield from (Value("password", *span) for span in passwords(text))


def _numbers(text: str) -> Iterator[Value]:
    if triggers.may_hold_short_id(text):
        from curator.private.identities import short_ids

        yield from (Value("national-id", *span) for span in short_ids(text))
    windows = triggers.windows(text)
    if not windows:
        return
    from curator.private.accounts import cards, ibans
    from curator.private.contacts import ip_addresses, phones
    from curator.private.identities import national_ids

    detectors = (
        ("iban", ibans, [w for w in windows if w.mixed or w.digits > 9]),
        ("national-id", national_ids, [w for w in windows if w.mixed or w.digits > 7]),
        ("card", cards, [w for w in windows if w.digits > 11]),
        ("ip", ip_addresses, [w for w in windows if w.dotted]),
        ("phone", phones, windows),
    )
    for kind, detector, where in detectors:
        for window in where:
            yield from (Value(kind, *span) for span in detector(text, window.low, window.high))

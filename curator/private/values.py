"""The private values of a text: what each is and where it stands, every character belonging to one at most."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Literal, NamedTuple

from curator.private import triggers


class Value(NamedTuple):
    """text[start:end] is private; `kind` is a key of placeholders.NAMES."""

    kind: str
    start: int
    end: int


# What may be sought together: what is spelt out, what stands around "@", what is a number, and streets.
Group = Literal["secrets", "emails", "numbers", "addresses"]
Free = Callable[[int, int], bool]  # whether nothing was found yet in text[start:end]
ALL: tuple[Group, ...] = ("secrets", "emails", "numbers", "addresses")


def values(text: str, groups: tuple[Group, ...] = ALL) -> tuple[Value, ...]:
    """The private values of a text in the order of their places. They do not overlap.

    Who knows that a text has none of a group may leave it out; addresses give way to all others.
    """
    if len(text) < _SHORT:
        return _known_of_short(text, groups)
    return _known(text, groups) if len(text) < LONG else _known_of_long(text, groups)


_SHORT = (
    100  # characters: a row may have tens of thousands of such texts, which a dozen rules ask for one after the other
)
LONG = 10_000  # characters: of texts so long the last few alone are kept in memory to be known again


def _values(text: str, groups: tuple[Group, ...]) -> tuple[Value, ...]:
    if triggers.is_bare(text):
        return ()
    if "addresses" in groups:
        found = list(values(text, tuple(group for group in groups if group != "addresses")))
        claims = _addresses(text) if triggers.holds_digit(text) else iter(())
    else:
        found = []
        claims = _claims(text, groups, partial(_is_free, found))
    for kind, start, end in claims:
        if not found or found[-1].end <= start:
            found.append(Value(kind, start, end))
        elif _is_free(found, start, end):
            found.insert(bisect_left(found, end, key=_start), Value(kind, start, end))
    return tuple(found)


_known_of_short = lru_cache(maxsize=1 << 17)(_values)
_known = lru_cache(maxsize=1024)(_values)
_known_of_long = lru_cache(maxsize=6)(_values)


def _start(value: Value) -> int:
    return value.start


def _is_free(found: Sequence[Value], start: int, end: int) -> bool:
    """Whether no value has a character of text[start:end]."""
    if not found or found[-1].end <= start:  # nearly all come in the order of their places
        return True
    place = bisect_left(found, end, key=_start)
    return not place or found[place - 1].end <= start


def _claims(text: str, groups: tuple[Group, ...], free: Free) -> Iterator[Value]:
    """What the detectors claim; where two claim the same characters the earlier has them.

    Detectors are imported when a text first asks for them: each has expressions to compile.
    """
    if "secrets" in groups:
        yield from _secrets(text)
    if "emails" in groups and "@" in text:
        from curator.private.contacts import emails

        yield from (Value("email", *span) for span in emails(text))
    if "numbers" in groups and triggers.holds_digit(text):
        yield from _numbers(text, free)


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


def _numbers(text: str, free: Free) -> Iterator[Value]:
    if triggers.may_hold_short_id(text):
        from curator.private.identities import short_ids

        yield from (Value("national-id", *span) for span in short_ids(text))
    # No two windows share a character: what is found in one has no say in another.
    for window in triggers.windows(text):
        yield from _in_window(text, window, free)


def _in_window(text: str, window: triggers.Window, free: Free) -> Iterator[Value]:
    from curator.private.accounts import cards, ibans
    from curator.private.contacts import ip_addresses, phones
    from curator.private.identities import national_ids

    low, high = window.low, window.high
    if window.mixed or window.digits > 9:
        yield from (Value("iban", *span) for span in ibans(text, low, high))
    if window.mixed or window.digits > 7:
        yield from (Value("national-id", *span) for span in national_ids(text, low, high))
    if window.digits > 11:
        yield from (Value("card", *span) for span in cards(text, low, high))
    if window.dotted:
        yield from (Value("ip", *span) for span in ip_addresses(text, low, high))
    yield from (Value("phone", *span) for span in phones(text, low, high, free))

"""The private values of a text: what each is and where it stands, every character belonging to one at most."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

from curator.private.accounts import cards, ibans
from curator.private.addresses import street_addresses
from curator.private.contacts import emails, ip_addresses, phones
from curator.private.identities import national_ids
from curator.private.secrets import keys, passwords, private_keys

Span = tuple[int, int]


class Value(NamedTuple):
    """text[start:end] is private; `kind` is a key of KINDS."""

    kind: str
    start: int
    end: int


_SECRETS: dict[str, Callable[[str], Iterator[Span]]] = {"private-key": private_keys, "key": keys, "password": passwords}
_NUMBERS: dict[str, Callable[[str, int, int], Iterator[Span]]] = {
    "iban": ibans,
    "national-id": national_ids,
    "card": cards,
    "ip": ip_addresses,
    "phone": phones,
}
# All kinds; where two claim the same characters the earlier has them.
KINDS = (*_SECRETS, "email", *_NUMBERS, "address")

# Conditions that a text with such a value meets, cheap to ask.
_SECRET = re.compile(r"[A-Za-z0-9+/_-]{20}|PRIVATE KEY|pass|pwd|kennwort|contrase|://", re.I)
DIGITS = 6  # that stand close to each other, in every value that is a number
# Between them at most three signs of ASCII, or a blank or dash of three bytes at most: four bytes from digit to digit.
_CLUSTER = re.compile(rf"[0-9](?:(?:[\t -+\--/:-~]{{0,3}}|[\u00a0\u2010-\u2013\u202f])[0-9]){{{DIGITS - 1},}}")
_MARGIN = 28  # characters around the digits that may belong to the value, or tell its kind
_STREET = re.compile(r"\d")


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
    """What the detectors claim, in the order of KINDS."""
    if _SECRET.search(text):
        for kind, secret in _SECRETS.items():
            yield from (Value(kind, *span) for span in secret(text))
    if "@" in text:
        yield from (Value("email", *span) for span in emails(text))
    windows = list(_windows(text))
    for kind, number in _NUMBERS.items():
        for low, high in windows:
            yield from (Value(kind, *span) for span in number(text, low, high))
    if _STREET.search(text):
        yield from (Value("address", *span) for span in street_addresses(text))


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Parts of the text around digits that stand close to each other; they begin and end between words."""
    low = high = -1
    for hit in _CLUSTER.finditer(text):
        start, end = max(0, hit.start() - _MARGIN), min(len(text), hit.end() + _MARGIN)
        while start and text[start - 1].isalnum():
            start -= 1
        while end < len(text) and text[end].isalnum():
            end += 1
        if start > high >= 0:
            yield low, high
            low = start
        elif low < 0:
            low = start
        high = end
    if high >= 0:
        yield low, high

"""Rows that go beside one another all around: whoever decided on a pair of them meant one of it to stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

_Name = TypeVar("_Name")


class Going(NamedTuple):
    """That a row goes beside another, both by content id."""

    row: str
    beside: str


def rings(goes: Mapping[_Name, Going]) -> Iterator[list[_Name]]:
    """Of what is said of rows that go, each ring from which no way leads to a row that stays."""
    names: dict[str, dict[str, list[_Name]]] = defaultdict(lambda: defaultdict(list))
    for name, (row, beside) in goes.items():
        names[row][beside].append(name)
    lost = names.keys() - _led(names)
    onward = {row: min(names[row]) for row in lost}
    met: set[str] = set()
    for start in sorted(lost):
        way: dict[str, None] = {}
        at = start
        while at not in met:
            met.add(at)
            way[at] = None
            at = onward[at]
        if at in way:
            ring = [*way][[*way].index(at) :]
            yield [name for row in ring for name in names[row][onward[row]]]


def _led(goes: Mapping[str, Iterable[str]]) -> set[str]:
    """The rows that lead, beside others that go or at once, to one that stays."""
    before: defaultdict[str, list[str]] = defaultdict(list)
    for row, others in goes.items():
        for other in others:
            before[other].append(row)
    led: set[str] = set()
    ways = [other for other in before if other not in goes]
    while ways:
        new = [row for row in before[ways.pop()] if row not in led]
        led.update(new)
        ways += new
    return led

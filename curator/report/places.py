"""The other rows that a finding names, as they are listed: lines that follow one another are one stretch."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from curator.model import Finding, Place
from curator.text.excerpt import visible

_RUN = 3  # lines from which on a stretch is written "4-9"


def stretches(places: Sequence[Place]) -> Iterator[tuple[str, int, int]]:
    """(file, first line, last line) of each run of lines without a gap, in the order of the places."""
    begun: tuple[str, int, int] | None = None
    for place in places:
        if begun and begun[0] == place.file and begun[2] + 1 == place.line:
            begun = begun[0], begun[1], place.line
            continue
        if begun:
            yield begun
        begun = place.file, place.line, place.line
    if begun:
        yield begun


def first_few(stretches: Sequence[str], most: int) -> list[str]:
    """Stretches as `others` writes them, of many the first ones and how many rows more: "and 491 more"."""
    if len(stretches) <= most + 1:  # "and 1 more" takes no less room than the one
        return list(stretches)
    return [*stretches[:most], f"and {sum(map(_rows, stretches[most:])):,} more"]


def _rows(stretch: str) -> int:
    """How many rows a stretch is: 6 of "4-9" and of "b.jsonl:4-9", 1 of "12"."""
    ends = re.search(r"(?:^|[: ])(\d+)-(\d+)$", stretch)
    return int(ends[2]) - int(ends[1]) + 1 if ends else 1


def others(finding: Finding) -> Iterator[str]:
    """ "4-9", "12", "b.jsonl:3": the other rows, the lines of its own file without the name."""
    for file, first, last in stretches(finding.related):
        where = "" if file == finding.file else f"{visible(file)}:"
        if last - first + 1 >= _RUN:
            yield f"{where}{first}-{last}"
        else:
            yield from (f"{where}{line}" for line in range(first, last + 1))

"""The other rows that a finding names, as they are listed: lines that follow one another are one stretch."""

from __future__ import annotations

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


def others(finding: Finding) -> Iterator[str]:
    """ "4-9", "12", "b.jsonl:3": the other rows, the lines of its own file without the name."""
    for file, first, last in stretches(finding.related):
        where = "" if file == finding.file else f"{visible(file)}:"
        if last - first + 1 >= _RUN:
            yield f"{where}{first}-{last}"
        else:
            yield from (f"{where}{line}" for line in range(first, last + 1))

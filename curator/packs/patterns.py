"""Regular expressions of rule files: compiled, matched near their literals, refused where they could run for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from curator.packs.entries import REACH


@lru_cache(maxsize=2048)
def compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.I | re.A | re.M)


def windows(text: str, literals: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Spans of the text that reach REACH characters around the literals, merged where they overlap."""
    anchors = re.compile("|".join(re.escape(literal) for literal in literals), re.I | re.A)
    low = high = -1
    for hit in anchors.finditer(text):
        start, end = max(0, hit.start() - REACH), min(len(text), hit.end() + REACH)
        if start > high >= 0:
            yield low, high
            low = start
        elif low < 0:
            low = start
        high = end
    if high >= 0:
        yield low, high


def unsafe_part(pattern: str) -> str | None:
    """Why a pattern could take exponential time, or None: repeats inside repeats, references back."""
    from re import _parser  # type: ignore[attr-defined]  # the standard library's own reading of the pattern

    return _unsafe(_parser.parse(pattern), inside=False)


def _unsafe(parsed: Any, inside: bool) -> str | None:
    for operation, argument in parsed:
        name = str(operation)
        if name.startswith("GROUPREF"):
            return "it refers back to a group"
        repeats = name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
        if repeats and inside and argument[1] > 1:
            return "a repeat stands inside another"
        nested = inside or (repeats and argument[1] > 1)
        for part in _parts(argument):
            if reason := _unsafe(part, nested):
                return reason
    return None


def _parts(argument: Any) -> Iterator[Any]:
    """The subpatterns in the argument of a parsed operation."""
    if hasattr(argument, "data") and hasattr(argument, "state"):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for item in argument:
            yield from _parts(item)

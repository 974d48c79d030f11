"""Word-by-word differences of two texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec

_TOKENS = re.compile(r"\s+|\w+|[^\w\s]")


class Change(msgspec.Struct, frozen=True):
    """Consecutive words that differ: `before` became `after` (either may be empty).

    `at` and `to` count characters: where the change starts in the old text and in the new.
    """

    before: str
    after: str
    at: int
    to: int


def word_changes(old: str, new: str) -> list[Change]:
    """The changes that turn `old` into `new`, in order; white space counts as words."""
    from rapidfuzz.distance import Levenshtein

    before, after = _TOKENS.findall(old), _TOKENS.findall(new)
    starts, ends = _offsets(before), _offsets(after)
    changes: list[Change] = []
    for code in Levenshtein.opcodes(before, after):
        if code.tag == "equal":
            continue
        change = Change(
            "".join(before[code.src_start : code.src_end]),
            "".join(after[code.dest_start : code.dest_end]),
            starts[code.src_start],
            ends[code.dest_start],
        )
        if changes and _touch(changes[-1], change):
            last = changes.pop()
            change = Change(last.before + change.before, last.after + change.after, last.at, last.to)
        changes.append(change)
    return changes


def marked(old: str, new: str, context: int = 30) -> str:
    """One line that shows the changes: `the [-quick-] {+slow+} fox`, with some text around each."""
    parts: list[str] = []
    shown = 0  # how far the old text is shown
    for change in word_changes(old, new):
        gap = old[shown : change.at]
        if len(gap) > 2 * context:
            gap = (gap[:context] if shown else "") + " … " + gap[-context:]
        parts.append(gap)
        parts += [f"[-{change.before}-]"] if change.before else []
        parts += [f"{{+{change.after}+}}"] if change.after else []
        shown = change.at + len(change.before)
    rest = old[shown:]
    parts.append(rest if len(rest) <= context else rest[:context] + " …")
    return "".join(parts).replace("\n", "⏎")


def _offsets(words: Sequence[str]) -> list[int]:
    offsets = [0]
    for word in words:
        offsets.append(offsets[-1] + len(word))
    return offsets


def _touch(one: Change, two: Change) -> bool:
    return one.at + len(one.before) == two.at and one.to + len(one.after) == two.to


Sliced = TypeVar("Sliced", str, bytes)


def shared_start(one: Sliced, other: Sliced) -> int:
    """How many characters (or bytes) both begin with: by halves, since slices compare fast in bulk."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low

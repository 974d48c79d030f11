"""The part of two texts in which they differ."""

from __future__ import annotations

import re
from functools import lru_cache

from curator.model import Example, Turn

_BESIDE = 3  # words kept on either side, so that what a sign or a name stands beside is seen


@lru_cache(maxsize=4)  # of two rows their prompts and their answers are looked at several times
def differing(one: str, two: str) -> tuple[str, str]:
    """The texts without the beginning and the end that they share but for a few words next to what differs.

    Both are cut between words, at the same words.
    """
    if one == two:
        return "", ""
    before = shared_at(one, two, ends=False)
    behind = min(shared_at(one, two, ends=True), len(one) - before, len(two) - before)
    for _ in range(_BESIDE):
        before = _blank_before(one, before)
        behind = len(one) - _blank_behind(one, len(one) - behind)
    return one[before : len(one) - behind], two[before : len(two) - behind]


def shared_at(one: str, two: str, *, ends: bool) -> int:
    """Characters that the texts have in common at their beginning, or at their end."""
    low, high = 0, min(len(one), len(two))
    while low < high:
        middle = (low + high + 1) // 2
        same = one[len(one) - middle :] == two[len(two) - middle :] if ends else one[:middle] == two[:middle]
        low, high = (middle, high) if same else (low, middle - 1)
    return low


def _blank_before(text: str, place: int) -> int:
    """The start of the word that ends before a place, or that it stands in."""
    head = text[:place].rstrip()
    return max((head.rfind(blank) for blank in " \n\t"), default=-1) + 1


def _blank_behind(text: str, place: int) -> int:
    """The end of the word that begins behind a place, or that it stands in."""
    while place < len(text) and text[place].isspace():
        place += 1
    while place < len(text) and not text[place].isspace():
        place += 1
    return place


_WORDS = re.compile(r"\w+")


def first_difference(one: Example, two: Example, change: tuple[str, str]) -> tuple[str, tuple[int, int]] | None:
    """(path, span) of what the one row has and the other has not, in a turn that has the words of `change`.

    They are words of the other row, and those of the one in their place. Where no turn has them, in the first turn that
    differs. None where no text of the row does.
    """
    turns, texts = one.all_turns(), [turn.text for turn in two.all_turns()]
    texts += [""] * (len(turns) - len(texts))
    unlike = [(turn, text) for turn, text in zip(turns, texts, strict=False) if turn.text and turn.text != text]
    if not unlike:
        return None
    there, here = (set(side.lower().split()) for side in change)

    def says(pair: tuple[Turn, str]) -> bool:
        mine, other = (set(_WORDS.findall(part.lower())) for part in differing(pair[0].text, pair[1]))
        return here <= mine and there <= other

    turn, text = next(filter(says, unlike), unlike[0])
    start = shared_at(turn.text, text, ends=False)
    end = len(turn.text) - min(shared_at(turn.text, text, ends=True), min(len(turn.text), len(text)) - start)
    start = max(turn.text.rfind(blank, 0, start) for blank in " \n\t") + 1
    end = _blank_behind(turn.text, max(start, end - 1))
    return turn.place(start, end)

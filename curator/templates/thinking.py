"""Reasoning in the text of an answer, and the answer cut where it begins and ends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import NamedTuple

_OPENER = re.compile(r"\s*<think(?:ing)?>")
_CLOSER = re.compile(r"</think(?:ing)?>")
_EMPTY_THOUGHT = re.compile(r"<think(?:ing)?>\s*</think(?:ing)?>")
_TAG = re.compile(r"(</?think(?:ing)?>)")
_MOST_TAGS = 8
_WIDEST = 24  # characters of a tag and the space around it


class Mould(NamedTuple):
    """A text of which the `cores` may change, and the tags and space between them do not.

    There is one literal more than there are cores.
    """

    literals: tuple[str, ...]
    cores: tuple[str, ...]

    def filled(self, cores: tuple[str, ...]) -> str:
        return "".join(part for pair in zip_longest(self.literals, cores, fillvalue="") for part in pair)


def mould(text: str) -> Mould | None:
    """The answer cut at its think tags; None where it has none, or too many of them."""
    if "</think" not in text:
        return None
    parts = _TAG.split(text)
    if len(parts) > 2 * _MOST_TAGS + 1:
        return None
    literals, cores = [""], []
    for n, part in enumerate(parts):
        core = "" if n % 2 else part.strip()
        if not core:
            literals[-1] += part
            continue
        start = part.index(core)
        literals[-1] += part[:start]
        literals.append(part[start + len(core) :])
        cores.append(core)
    if not cores or max(map(len, literals)) > _WIDEST:
        return None
    return Mould(tuple(literals), tuple(cores))


def thoughts(text: str) -> Iterator[tuple[int, int]]:
    """The spans of reasoning in an answer: what stands before each </think>, without its tags."""
    at = 0
    for closer in _CLOSER.finditer(text):
        opener = _OPENER.match(text, at, closer.start())
        start = opener.end() if opener else at
        if text[start : closer.start()].strip():
            yield start, closer.start()
        at = closer.end()


def empty_thoughts(text: str) -> int:
    return len(_EMPTY_THOUGHT.findall(text))

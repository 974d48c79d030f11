"""What the rules on characters share: places in a text and what should stand there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from curator.model import Edit, Example, Safety, Turn
from curator.text.prose import in_prose


def about(example: Example, topic: re.Pattern[str]) -> bool:
    """Whether the conversation is about `topic`: then a mention is no fault. Addresses speak of nothing."""
    return any(topic.search(_ADDRESS.sub(" ", turn.text)) for turn in example.all_turns())


_ADDRESS = re.compile(r"\b(?:https?://|www\.)\S+", re.I)


def safety_of(text: str, spans: Iterable[tuple[int, int]]) -> Safety:
    """Safe in prose; unsafe where a change touches code, whose author may have meant it."""
    return "safe" if all(in_prose(text, start, end) for start, end in spans) else "unsafe"


def times(count: int) -> str:
    return "" if count == 1 else f", {count} times"


class Repair(NamedTuple):
    """text[start:end] should read `text`; None where what it should read is lost."""

    start: int
    end: int
    text: str | None


_AT_ONCE = 100_000  # edits of a fix, a hundred bytes each: what is left is found again, and mended in the next round


def edits(turn: Turn, repairs: Iterable[Repair]) -> tuple[Edit, ...]:
    """The edits that make the repairs, of very many the first."""
    made = (turn.edit(start, end, text) for start, end, text in repairs if text is not None)
    return tuple(islice(made, _AT_ONCE))


def char_class(chars: Iterable[str]) -> str:
    return f"[{''.join(map(re.escape, chars))}]"


def applied(text: str, repairs: Iterable[Repair]) -> str:
    parts, at = [], 0
    for start, end, new in repairs:
        parts += [text[at:start], text[start:end] if new is None else new]
        at = end
    return "".join([*parts, text[at:]])


QUOTES = frozenset("\"'“”‘’«»‹›„‚`")

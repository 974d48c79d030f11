"""All that a row says, as texts whose tokens count: turns, reasoning, calls, and the tools it declares."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from curator.model import Example, Turn


def turn_parts(turns: Iterable[Turn]) -> list[str]:
    """All that the turns say: texts, reasoning, and the names and arguments of calls."""
    return [part for turn in turns for part in (turn.text, *beside_text(turn))]


def beside_text(turn: Turn) -> list[str]:
    """What a turn says beside its text: reasoning, and the names and arguments of calls."""
    return [turn.reasoning, *call_parts(turn)] if turn.reasoning else call_parts(turn)


def call_parts(turn: Turn) -> list[str]:
    """The names and arguments of a turn's calls."""
    parts: list[str] = []
    for call in turn.calls:
        parts += [call.name or "", call.raw if call.raw is not None else written(call.arguments)]
    return [part for part in parts if part]


def definitions(example: Example) -> list[str]:
    """The tools a row declares, each as its JSON text."""
    return [written(tool) for tool in example.tools]


def says_more(example: Example) -> bool:
    """Whether a row says more than the texts of its turns."""
    return bool(example.tools) or any(turn.calls or turn.reasoning for turn in example.all_turns())


def written(value: Any) -> str:
    """A JSON value as its text; a text as it is."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, msgspec.EncodeError, OverflowError):  # lone surrogates, endless integers
        return json.dumps(value, default=str)

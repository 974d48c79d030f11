"""All that a row says, as texts whose tokens count: turns, reasoning, calls, and the tools it declares."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import numpy as np

from curator.model import Example, Turn

MASKED = -100  # the label of a token that the loss leaves out


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


class Ids(NamedTuple):
    """The token ids of a row that holds no text: which of them the loss is taken on, and whether labels say so."""

    trained: np.ndarray  # bool, shape (ids,)
    labelled: bool

    @property
    def tokens(self) -> int:
        return len(self.trained)

    def runs(self) -> Iterator[tuple[int, int, bool]]:
        """(start, end, trained) of the ids that are trained, or masked, in a row."""
        borders = np.flatnonzero(np.diff(self.trained)) + 1
        places = [0, *borders.tolist(), self.tokens] if self.tokens else []
        for start, end in pairwise(places):
            yield start, end, bool(self.trained[start])


def token_ids(example: Example) -> Ids | None:
    """The ids of a row that is tokenized already, None of any other. A label of -100 masks its id; without labels
    the loss is taken on all."""
    if example.shape != "tokenized":
        return None
    trained = np.ones(len(example.value["input_ids"]), dtype=bool)
    labels = example.value.get("labels")
    labelled = type(labels) is list
    if labelled:
        masked = [n for n, label in enumerate(labels[: len(trained)]) if label == MASKED]
        trained[masked] = False
    return Ids(trained, labelled)


def written(value: Any) -> str:
    """A JSON value as its text; a text as it is."""
    if isinstance(value, str):
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (UnicodeEncodeError, msgspec.EncodeError, OverflowError):  # lone surrogates, endless integers
        return json.dumps(value, default=str)

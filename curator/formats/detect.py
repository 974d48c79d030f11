"""Which shape a set is of: a vote over a sample of its rows."""

from __future__ import annotations

import ast
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from curator.formats.adapter import SURE, Row
from curator.formats.chat import matches_anthropic, matches_rft

UNKNOWN = "unknown"
HEAD = SPREAD = 200  # rows of the sample: the first, and as many spread over the rest

# Shapes that one reader takes as it finds them: a file that holds several of a family is not mixed.
FAMILY = {
    **dict.fromkeys(
        ("openai-rft", "anthropic-bedrock", "mistral", "axolotl", "harmony", "trl-chat", "llama-factory-v1"),
        "openai-chat",
    ),
    "llama-factory": "sharegpt",
}


class Detection(msgspec.Struct, frozen=True):
    """The vote: the shape (None where no row is of a known one), how sure (0 to 1), rows a shape.

    `outliers` are the indices, in the values given, of sampled rows of another shape; `keys` the
    top-level keys seen, most frequent first.
    """

    shape: str | None
    confidence: float
    counts: dict[str, int]
    outliers: tuple[int, ...]
    keys: tuple[str, ...]

    @property
    def mixed(self) -> bool:
        """True where a second known shape holds half a percent of the sample or more."""
        known = Counter[str]()
        for shape, count in self.counts.items():
            if shape != UNKNOWN:
                known[FAMILY.get(shape, shape)] += count
        total = sum(self.counts.values())
        return any(count >= 0.005 * total for _, count in known.most_common()[1:])


def sample(count: int) -> list[int]:
    """The indices of the sampled rows of `count`: the first 200, and 200 spread evenly over the rest."""
    if count <= HEAD + SPREAD:
        return list(range(count))
    step = (count - HEAD) / SPREAD
    return [*range(HEAD), *(HEAD + int(i * step) for i in range(SPREAD))]


def detect(values: Iterable[Row]) -> Detection:
    """The shape of a set by a vote over a sample of its rows. An empty set has none."""
    rows: Sequence[Any] = values if isinstance(values, Sequence) else list(values)
    shapes: dict[int, str] = {}
    sure: defaultdict[str, float] = defaultdict(float)
    keys: Counter[str] = Counter()
    ends_with_user = 0
    for index in sample(len(rows)):
        value = rows[index]
        if type(value) is not dict:
            continue
        keys.update(value.keys())
        shape, confidence = shape_of(value)
        shapes[index] = shape
        sure[shape] += confidence
        ends_with_user += shape == "openai-chat" and matches_rft(value) > 0
    counts = Counter(shapes.values())
    seen = tuple(key for key, _ in keys.most_common())
    best = _winner(counts)
    if best is None:
        return Detection(None, 0.0, dict(counts), (), seen)
    total = sum(counts.values())
    if best == "openai-chat" and ends_with_user >= 0.9 * counts[best]:
        shapes = {index: "openai-rft" if shape == best else shape for index, shape in shapes.items()}
        counts["openai-rft"] = counts.pop(best)
        sure["openai-rft"], best = 0.8 * counts["openai-rft"], "openai-rft"
    if best == "openai-chat" and counts["anthropic-bedrock"] >= 0.25 * counts[best]:
        chats = (rows[index] for index, shape in shapes.items() if shape == best)
        if all(matches_anthropic({"system": ""} | chat) for chat in chats):
            best = "anthropic-bedrock"  # rows without a system prompt are of both shapes
    family = FAMILY.get(best, best)
    agreeing = [index for index, shape in shapes.items() if FAMILY.get(shape, shape) == family]
    outliers = tuple(sorted(shapes.keys() - set(agreeing)))
    base = sure[best] / counts[best] - _doubts(rows[agreeing[0]])
    confidence = round(base * len(agreeing) / total, 4)
    return Detection(best, confidence, dict(counts), outliers, seen)


def shape_of(value: Row) -> tuple[str, float]:
    """(shape, confidence) of one row. Messages written as a JSON string count, with a doubt, as messages."""
    from curator.formats import candidates

    doubtful = (UNKNOWN, 0.0)
    for adapter in candidates(value):
        confidence = adapter.matches(value)
        if confidence >= SURE:
            return adapter.name, confidence
        if confidence > doubtful[1]:
            doubtful = (adapter.name, confidence)
    if doubtful[1]:
        return doubtful
    for key, item in value.items():
        if type(item) is str and (messages := stringified(item)):
            shape, confidence = shape_of({key: messages})
            return shape, max(0.0, confidence - 0.2)
    return UNKNOWN, 0.0


def _winner(counts: Counter[str]) -> str | None:
    """The most frequent known shape; of a family its most frequent member speaks for all."""
    families = Counter[str]()
    for shape, count in counts.items():
        if shape != UNKNOWN:
            families[FAMILY.get(shape, shape)] += count
    if not families:
        return None
    family = families.most_common(1)[0][0]
    members = {shape: n for shape, n in counts.items() if FAMILY.get(shape, shape) == family}
    return max(members, key=members.__getitem__)


def _doubts(value: Row) -> float:
    """What the form of a row takes from the confidence: both spellings of a message mixed."""
    for item in value.values():
        if type(item) is list:
            keys = {key for message in item if type(message) is dict for key in message}
            if {"from", "role"} <= keys or {"value", "content"} <= keys:
                return 0.1
    return 0.0


def stringified(text: str) -> list[Any] | None:
    """The messages that a string holds as JSON or as Python writes them, None where it holds none."""
    if text[:1] != "[" and text.lstrip()[:1] != "[":
        return None
    try:
        messages = json.loads(text)
    except (ValueError, RecursionError):
        messages = _literal(text)
    if type(messages) is not list or not messages:
        return None
    for message in messages:
        if type(message) is not dict:
            return None
        if not any(keys <= message.keys() for keys in _MESSAGE_FORMS):
            return None
    return messages


def _literal(text: str) -> Any:
    """The value of a Python literal, as a data frame writes lists into CSV; None where it is none."""
    if "'role'" not in text and "'from'" not in text:
        return None
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None


_MESSAGE_FORMS = ({"role", "content"}, {"from", "value"}, {"role", "tool_calls"}, {"role", "function_call"})

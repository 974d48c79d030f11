"""Texts that a chat template writes beside those of the turns: reasoning, arguments of calls, declared tools."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from curator import paths
from curator.columns import Batch
from curator.formats.turns import REASONING_KEYS
from curator.model import Example, ToolCall, Turn
from curator.text.content import beside_text, definitions, written
from curator.text.hashed import Column, column

_ARGUMENT_KEYS = ("function.arguments", "arguments", "input", "args")


class Beside(NamedTuple):
    """A text and where it lives. `written` is the JSON text at `path` that it is a string of, "" where it stands there
    by itself."""

    path: str
    text: str
    written: str = ""


class BesideColumn(NamedTuple):
    """The texts beside the turns of a batch, equal ones once; `lines` are the rows each stands in."""

    texts: Column
    lines: list[list[int]]


def beside_column(batch: Batch) -> BesideColumn:
    """All that rows say beside their turns, objects as their JSON texts: a column for `Batch.memo`."""
    lines: dict[str, list[int]] = {}
    for line in batch.readable:
        example = batch.example(line)
        said = definitions(example) if example.tools else []
        for turn in example.all_turns():
            if turn.calls or turn.reasoning:
                said += beside_text(turn)
        for text in said:
            lines.setdefault(text, []).append(line)
    return BesideColumn(column(list(lines)), list(lines.values()))


def beside(example: Example) -> Iterator[Beside]:
    """The strings of a row beside its turns, in the order of the turns; those of the tools come last."""
    for turn in example.all_turns():
        if turn.reasoning:
            yield _reasoning(example, turn)
        for call in turn.calls:
            yield from _arguments(example, call)
    if not example.tools:
        return
    declared = paths.get(example.value, example.tools_path)
    if type(declared) is str:
        yield from (Beside(example.tools_path, text, declared) for _, text in _strings(list(example.tools), ""))
    else:
        yield from (Beside(path, text) for path, text in _strings(declared, example.tools_path))


def _reasoning(example: Example, turn: Turn) -> Beside:
    """The reasoning at its key; at the turn where it is gathered from parts."""
    for key in REASONING_KEYS:
        if turn.base and paths.get(example.value, path := paths.join(turn.base, key)) == turn.reasoning:
            return Beside(path, turn.reasoning or "")
    return Beside(turn.base or turn.path, turn.reasoning or "", turn.reasoning or "")


def _arguments(example: Example, call: ToolCall) -> Iterator[Beside]:
    if call.raw is not None:
        at = next((path for path in _places(call) if paths.get(example.value, path) == call.raw), call.path)
        said = [text for _, text in _strings(call.arguments, "")] if call.arguments is not None else [call.raw]
        yield from (Beside(at, text, call.raw) for text in said)
        return
    for path in _places(call):
        if (given := paths.get(example.value, path)) is not None:
            yield from (Beside(at, text) for at, text in _strings(given, path))
            return
    whole = written(call.arguments)  # the whole call is a text
    yield from (Beside(call.path, text, whole) for _, text in _strings(call.arguments, ""))


def _places(call: ToolCall) -> list[str]:
    return [f"{call.path}.{key}" for key in _ARGUMENT_KEYS]


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """(path, text) of the strings in a JSON value, in order; keys are left out."""
    waiting: list[tuple[str, Any]] = [(path, value)]
    while waiting:
        at, held = waiting.pop()
        if type(held) is str:
            yield at, held
        elif type(held) is dict:
            waiting += [(paths.join(at, key), held[key]) for key in reversed(held)]
        elif type(held) is list:
            waiting += [(paths.join(at, place), held[place]) for place in reversed(range(len(held)))]

"""Shapes: one adapter each, and the reader that tries them.

Every shape is read into an `Example`; paths in it are those of the source row, so that a finding
and its fix stand where the author wrote the text. A row in no known shape is None, never an empty
conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from curator.errors import ClashError, UnknownShapeError, UsageError
from curator.formats import chat, converse, dialects, instruction, preference, text, typed_parts
from curator.formats.adapter import SURE, Adapter, Losses, Row, Written
from curator.formats.columns import ColumnGuess, ColumnMap, columns_for, example_map, guess_columns, how_to_map
from curator.formats.detect import FAMILY, Detection, detect
from curator.formats.turns import read_messages
from curator.model import Example

__all__ = [
    "ADAPTERS",
    "FAMILY",
    "SHAPES",
    "Adapter",
    "ColumnGuess",
    "Detection",
    "Reader",
    "Row",
    "Written",
    "add",
    "candidates",
    "columns_for",
    "detect",
    "example_map",
    "guess_columns",
    "how_to_map",
    "keep_only",
    "shapes",
    "unknown",
    "write",
]

# In order of trial: the first that matches reads the row.
ADAPTERS: tuple[Adapter, ...] = (
    preference.OPENAI_PREFERENCE,
    chat.GEMINI,
    converse.CONVERSE,
    text.TOKENIZED,
    typed_parts.ADAPTER,
    preference.TRL_STEPWISE,
    preference.TRL_PREFERENCE,
    preference.TRL_KTO,
    chat.ANTHROPIC,
    chat.OPENAI_CHAT,
    chat.SHAREGPT,
    instruction.SELF_INSTRUCT,
    instruction.ALPACA,
    text.TREE,
    instruction.PROMPT_COMPLETION,
    instruction.QUESTION_ANSWER,
    text.SEGMENTS,
    text.TEXT,
    instruction.PROMPT_ONLY,
)
# Rows of these are read as their kin are, unless the shape is named or the whole file tells it.
_NAMED = (chat.OPENAI_RFT, dialects.MISTRAL, dialects.AXOLOTL, dialects.HARMONY, dialects.TRL_CHAT, dialects.FACTORY)
SHAPES: dict[str, Adapter] = {adapter.name: adapter for adapter in (*ADAPTERS, *_NAMED)}

_added: list[Adapter] = []  # of plugins; tried before the others, for they know their rows better

_LONG = 32  # keys; the adapters of longer rows are not remembered
_candidates: dict[tuple[str, ...], tuple[Adapter, ...]] = {}


def add(adapter: Adapter) -> None:
    """Make a shape of one's own known, to be tried before those that ship. A plugin calls it when it is imported.

    Raises ClashError where a shape of that name is known.
    """
    if adapter.name in SHAPES:
        what = f"two shapes are called {adapter.name!r}: {_home(SHAPES[adapter.name])} and {_home(adapter)}"
        raise ClashError(what, hint="rename one, or uninstall the package that brings it")
    SHAPES[adapter.name] = adapter
    _added.append(adapter)
    _candidates.clear()


def keep_only(names: Iterable[str]) -> None:
    """Forget the added shapes but those named."""
    kept = set(names)
    _added[:] = [adapter for adapter in _added if adapter.name in kept]
    for name in SHAPES.keys() - kept:
        del SHAPES[name]
    _candidates.clear()


def shapes() -> dict[str, Adapter]:
    """Every shape by name, those of plugins with the rest."""
    from curator import plugins

    plugins.load()
    return SHAPES


def _home(adapter: Adapter) -> str:
    return str(adapter.read.__module__)


class Reader:
    """Reads a row of any known shape; the expected shape is tried first.

    What a row reads as depends on that row alone, never on the rows before it. `columns` maps the
    row's own column names to roles ("question" to "user") or to parts of a row ("dialog" to
    "messages"); then only those columns are read.

    Raises UsageError for a shape or role nobody knows.
    """

    def __init__(self, shape: str | None = None, columns: Mapping[str, str] | None = None) -> None:
        if shape is not None and shape not in shapes():
            raise UsageError(f"no shape is called {shape!r}", hint=f"known shapes: {', '.join(SHAPES)}")
        self.shape = shape
        self.columns = dict(columns or {})
        self._expected = SHAPES[shape] if shape else None
        self._map = ColumnMap(self.columns) if self.columns else None
        self._plain = self._map is None and shape in (None, "openai-chat")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.shape, self.columns)

    def __repr__(self) -> str:
        return f"Reader({self.shape!r}, {self.columns!r})"

    def read(self, value: Row) -> Example | None:
        """The row as an Example, or None where it is of no known shape. Never fails on a JSON object."""
        if self._plain and len(value) == 1 and "messages" in value:
            messages = value["messages"]
            if type(messages) is list and messages and type(first := messages[0]) is dict:  # noqa: SIM102
                if "role" in first and type(first.get("content")) is str:
                    return Example("openai-chat", read_messages(messages, "messages"), value)
        if self._map is not None and (mapped := self._map.read(value)) is not None:
            return mapped
        expected = self._expected
        if expected is not None and expected.matches(value) >= SURE:
            return expected.read(value)
        doubtful: Adapter | None = None
        for adapter in candidates(value):
            confidence = adapter.matches(value)
            if confidence >= SURE:
                return adapter.read(value)
            if confidence > 0 and doubtful is None:
                doubtful = adapter
        return doubtful.read(value) if doubtful is not None else chat.read_misspelt(value)


def candidates(value: Row) -> tuple[Adapter, ...]:
    """The adapters that read one of the row's keys, in order of trial."""
    keys = tuple(value)
    found = _candidates.get(keys)
    if found is None:
        shapes()
        found = tuple(adapter for adapter in (*_added, *ADAPTERS) if not adapter.keys.isdisjoint(keys))
        if len(keys) <= _LONG:
            if len(_candidates) > 2000:
                _candidates.clear()
            _candidates[keys] = found
    return found


def write(example: Example, shape: str) -> Written:
    """The example as a row of `shape`, and what of it that shape cannot hold.

    A row that is of the shape already, in its own columns, is given back as it is. Raises UsageError for an unknown
    shape.
    """
    if shape not in shapes():
        raise UsageError(f"no shape is called {shape!r}", hint=f"known shapes: {', '.join(SHAPES)}")
    if example.shape == shape and example.value and SHAPES[shape].exact(example.value):
        return Written(example.value, Losses())
    return SHAPES[shape].write(example)


def unknown(keys: Any, where: str = "") -> UnknownShapeError:
    """The error for rows in no known shape: it names the keys seen and the next step."""
    seen = ", ".join(repr(key) for key in keys) or "none"
    return UnknownShapeError(
        f"the rows are in no known shape; keys seen: {seen}",
        where=where,
        hint="name the columns (--map question=user,answer=assistant) or the shape (--shape alpaca)",
    )

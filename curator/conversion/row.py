"""One row in another shape: what it loses, and what it would be when it is converted back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from curator.formats import FAMILY, SHAPES, Reader, Row, Written
from curator.formats.dialects import dialect_of
from curator.formats.writing import head
from curator.model import Example, Turn
from curator.paths import format as path_of

_MOST = 60  # differences told of one row
_MISSING, _NEW, _OTHERWISE = " would be missing", " would be added", " would be written otherwise"
_CALLED = " would be called "
_EMPTY = ", which holds nothing, would be left out"
_USUAL = ", the weight that every answer has, would be left out"
_WEIGHTS = frozenset({"weight", "loss_weight", "train"})


class Converted(NamedTuple):
    """A row in the shape asked for, what it lost, what would come back otherwise, and why it cannot be one.

    Of a pair `second` is the row of the rejected answer, in a shape that has a row for each answer.
    """

    row: Row
    lost: Sequence[str] = ()
    form: Sequence[str] = ()
    unfit: str = ""
    second: Row | None = None


def answers_apart(example: Example, to: str) -> tuple[Example, ...]:
    """What becomes a row each: the two answers of a pair where the shape has a verdict on each answer, as TRL parts
    pairs for KTO itself; else the example."""
    if to != "trl-kto" or not (example.chosen and example.rejected) or example.label is not None:
        return (example,)
    return _with_one(example, example.chosen, True), _with_one(example, example.rejected, False)


def _with_one(example: Example, answer: tuple[Turn, ...], label: bool) -> Example:
    """One answer of a pair with its verdict, without the columns that only the other one was read from."""
    one = msgspec.structs.replace(example, chosen=answer, rejected=(), label=label)
    others = {head(turn.path) for turn in (*example.chosen, *example.rejected)}
    gone = others - {head(turn.path) for turn in one.all_turns()}
    return msgspec.structs.replace(one, value={key: item for key, item in example.value.items() if key not in gone})


def convert_row(example: Example, to: str, form: str = "auto") -> Converted:
    """The example in the shape `to`. `lost` and `form` are empty where converting it back gives the same row."""
    first, *second = answers_apart(example, to)
    written = _written(first, to, form)
    if second:
        other = _written(second[0], to, form)
        lost = tuple(dict.fromkeys((*written.losses, *other.losses, "which two answers are a pair")))
        lacks = (*written.losses.lacks, *other.losses.lacks)
        return Converted(written.row, lost=lost, second=other.row, unfit=lacks[0] if lacks else "")
    own = example.shape == to and SHAPES[to].exact(example.value)
    if own and form not in ("plain", "conversational") and not _renamed(example.value, written):
        return Converted(example.value)
    if written.losses.lacks:
        return Converted(written.row, unfit=written.losses.lacks[0])
    if written.losses:
        return Converted(written.row, lost=written.losses)
    if written.row == example.value:
        return Converted(written.row)
    found = _differences_on_return(example, written.row, to)
    if any(what.endswith(_MISSING) for what in found) and not any(what.endswith(_NEW) for what in found):
        return Converted(written.row, lost=found)
    return Converted(written.row, form=found)


def _renamed(value: Row, written: Written) -> bool:
    """True where the writer of the row's own shape spells its keys otherwise: `response` becomes `output`."""
    found = [] if written.losses else list(_differences(value, written.row, ()))
    return any(_CALLED in what for what in found) or all(
        any(what.endswith(end) for what in found) for end in (_MISSING, _NEW)
    )


def _written(example: Example, to: str, form: str) -> Written:
    adapter = SHAPES[to]
    return adapter.forms.get(form, adapter.write)(example)


_BLIND = Reader()


def read_back(row: Row, shape: str) -> Example | None:
    """The row as it is read where nobody says that it is of `shape`; None where it is taken for another."""
    if shape == "llama-factory":
        return Reader(shape).read(row)
    example = _BLIND.read(row)
    if example is None or FAMILY.get(example.shape, example.shape) != FAMILY.get(shape, shape):
        return None
    return msgspec.structs.replace(example, shape=shape if shape in _BY_NAME else dialect_of(example))


_BY_NAME = frozenset({"harmony", "trl-chat", "axolotl"})  # what they write may have no word of theirs


def _differences_on_return(example: Example, row: Row, to: str) -> list[str]:
    """What the row would not be as it was, were it converted back."""
    if example.shape not in SHAPES:
        return []  # columns named by hand: nothing writes them back
    again = read_back(row, to)
    if again is None:
        return [f"that it is a {to} row: by its columns it reads as another"]
    # A file in which no row has a word of the shape is taken for one of the shape it is a dialect of.
    readings = (again, _BLIND.read(row)) if to in _BY_NAME else (again,)
    found = (_differences_of(example, reading) for reading in readings if reading is not None)
    return list(dict.fromkeys(difference for told in found for difference in told))


def _differences_of(example: Example, again: Example) -> list[str]:
    """What would not be as it was in the row of `example`, written from what `again` was read as."""
    form, adapter = form_of(example), SHAPES[example.shape]
    if adapter.forms and form == "plain" and not is_plain(adapter.write(again)):
        return ["would come back as message lists"]
    back = _written(again, example.shape, form)
    found = [f"{loss} (on the way back)" for loss in back.losses]
    return found or differences(example.value, back.row)


def form_of(example: Example) -> str:
    """Whether the row is written in strings or in message objects."""
    return "conversational" if any(turn.base for turn in example.all_turns()) else "plain"


def differences(old: Row, new: Row) -> list[str]:
    """The places where two rows differ, in words, list indices left out; empty where they are equal."""
    if old == new:
        return []
    if old.get("input") and new.get("input") == "" and type(new.get("instruction")) is str:
        return ["the border between instruction and input"]
    return list(dict.fromkeys(_differences(old, new, ())))[:_MOST] or ["the numbers in it"]


def _differences(old: Any, new: Any, steps: tuple[str, ...]) -> Iterator[str]:
    if type(old) is dict and type(new) is dict:
        called = _called(old, new)
        for key in dict.fromkeys((*old, *new)):
            below = (*steps, path_of((key,)))
            if key in called:
                yield f"{_spelt(below)}{_CALLED}{called[key]!r}"
            elif key in called.values():
                continue
            elif key not in new:
                usual = key in _WEIGHTS and bool(steps) and old[key] == 1  # of another turn it is lost, and told so
                yield _spelt(below) + (_EMPTY if _says_nothing(old[key]) else _USUAL if usual else _MISSING)
            elif key not in old:
                yield _spelt(below) + _NEW
            else:
                yield from _differences(old[key], new[key], below)
    elif type(old) is list and type(new) is list and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _differences(one, other, (*steps, "[]"))
    elif old != new:
        yield _spelt(steps) + _OTHERWISE


def _called(old: Row, new: Row) -> dict[str, str]:
    """The keys that only have another name in the new object: they hold the same, or are the last that are left."""
    gone = [key for key in old if key not in new and not _says_nothing(old[key])]
    come = [key for key in new if key not in old and not _says_nothing(new[key])]
    found = {}
    for key in gone:
        if twin := next((one for one in come if new[one] == old[key] and type(new[one]) is type(old[key])), None):
            found[key] = twin
            come.remove(twin)
    left = [key for key in gone if key not in found]
    return found | ({left[0]: come[0]} if len(left) == len(come) == 1 else {})


def _says_nothing(value: Any) -> bool:
    """Whether it is null, or empty, or the JSON text of what is."""
    return value.strip() in ("", "[]", "{}", "null") if type(value) is str else value in (None, [], {})


def _spelt(steps: tuple[str, ...]) -> str:
    """The path, quoted: "'messages[].content'"."""
    return repr("".join(step if step == "[]" else f".{step}" for step in steps).lstrip("."))


def is_plain(written: Written) -> bool:
    return bool(written.losses.lacks) or type(written.row.get("prompt", "")) is str

"""Values of a configuration as the types that are wanted, and what is said of those that are none."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from curator.errors import CuratorError


@cache
def _keys(table: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """What a table of a configuration file may say, by key."""
    return {field.encode_name: field for field in msgspec.structs.fields(table)}


def table_values(
    table: Mapping[str, Any], wanted: type[msgspec.Struct], under: str, where: str, kind: type[CuratorError]
) -> dict[str, Any]:
    fields = _keys(wanted)
    values: dict[str, Any] = {}
    for written, value in table.items():
        key = written.replace("_", "-")
        if key not in fields:
            raise kind(
                f"unknown key {under + written!r}",
                where=where,
                hint=hint_for(key, fields, f"the keys are {', '.join(fields)}"),
            )
        if (name := fields[key].name) in values:
            raise kind(f"{key!r} is given twice, with hyphen and underscore", where=where)
        values[name] = converted(value, fields[key].type, under + key, where, kind)
    return values


def converted(value: Any, wanted: Any, key: str, where: str, kind: type[CuratorError]) -> Any:
    """The value as the wanted type; tables and lists entry by entry, so that the error can name the entry."""
    inner = without_none(wanted)
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, dict):
        return inner(**table_values(value, inner, f"{key}.", where, kind))
    if get_origin(inner) is dict and isinstance(value, dict):
        entry = get_args(inner)[1]
        return {name: converted(item, entry, f"{key}.{name}", where, kind) for name, item in value.items()}
    if get_origin(inner) is tuple and isinstance(value, list):
        entry = get_args(inner)[0]
        return tuple(converted(item, entry, f"{key}[{i}]", where, kind) for i, item in enumerate(value))
    try:
        if wanted is not Any and isinstance(value, float) and not math.isfinite(value):
            raise msgspec.ValidationError("no finite number")
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        says = f"{key}: expected {expected(wanted)}, got {_shown(value)}"
        choices = choices_of(wanted)
        near = nearest(value, choices) if isinstance(value, str) else None
        hint = f"did you mean {near!r}?" if near else ""
        if get_origin(inner) is tuple and isinstance(value, str):
            hint = 'a list is written ["one", "two"]'
        raise kind(says, where=where, hint=hint) from None


def without_none(wanted: Any) -> Any:
    """The type without Annotated and without `| None`."""
    if get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    parts = [part for part in get_args(wanted) if part is not type(None)]
    return parts[0] if get_origin(wanted) in (Union, UnionType) and len(parts) == 1 else wanted


def expected(wanted: Any) -> str:
    """A type in words, with its limits: "a whole number of at least 1"."""
    from msgspec import inspect

    if choices := choices_of(wanted):
        return f"one of {', '.join(choices)}"
    return _words(inspect.type_info(wanted))


def choices_of(wanted: Any) -> tuple[str, ...]:
    inner = without_none(wanted)
    return tuple(map(str, get_args(inner))) if get_origin(inner) is Literal else ()


def _words(kind: Any) -> str:
    from msgspec import inspect as i

    match kind:
        case i.Metadata():
            return (kind.extra_json_schema or {}).get("title") or _words(kind.type)
        case i.UnionType():
            return " or ".join(_words(part) for part in kind.types if not isinstance(part, i.NoneType))
        case i.IntType() | i.FloatType():
            noun = "a whole number" if isinstance(kind, i.IntType) else "a number"
            limits = [
                (kind.ge, "at least"),
                (kind.gt, "more than"),
                (kind.le, "at most"),
                (kind.lt, "less than"),
            ]
            said = " and ".join(f"{words} {limit}" for limit, words in limits if limit is not None)
            return f"{noun} of {said}" if said else noun
        case i.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case i.StrType():
            noun = f"text that matches {kind.pattern}" if kind.pattern else "text"
            return f"{noun} of at least {kind.min_length} characters" if kind.min_length else noun
        case i.BoolType():
            return "true or false"
        case i.DictType() | i.StructType():
            return "a table"
        case i.VarTupleType() | i.ListType() | i.SetType() | i.FrozenSetType():
            noun = "a list of " + _words(kind.item_type).removeprefix("a ").removeprefix("an ")
            return f"{noun}, at least {kind.min_length} of them" if kind.min_length else noun
        case _:
            return type(kind).__name__.removesuffix("Type").lower()


def _shown(value: Any) -> str:
    """A value with the name TOML gives its type."""
    names = {
        bool: "",
        int: "the number ",
        float: "the number ",
        str: "the text ",
        list: "the list ",
        dict: "the table ",
    }
    text = json.dumps(value, ensure_ascii=False, default=str)
    return names.get(type(value), "") + (text if len(text) < 60 else text[:56] + " ...")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the word, or None where none is near."""
    from rapidfuzz import fuzz, process

    by_fold = {name.lower().replace("_", "-"): name for name in known}
    found = process.extractOne(word.lower().replace("_", "-"), list(by_fold), scorer=fuzz.ratio, score_cutoff=60)
    return by_fold[found[0]] if found else None


def hint_for(word: str, known: Iterable[str], else_: str) -> str:
    near = nearest(word, known)
    return f"did you mean {near!r}?" if near else else_

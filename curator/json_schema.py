"""Tool arguments and the subset of JSON Schema that tools use.

Made for judging data, so it errs on the side of silence: a keyword that is not read never makes a
fault, and types are also known by the names that Python and Gemini give them ("str", "dict",
"STRING"); a type that nobody knows allows anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Steps = tuple[str | int, ...]

_TYPES: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("string", "str", "text"), str),
    **dict.fromkeys(("object", "dict", "map"), dict),
    **dict.fromkeys(("array", "list", "tuple"), list),
    **dict.fromkeys(("number", "float", "double"), (int, float)),
    **dict.fromkeys(("integer", "int", "long"), int),
    **dict.fromkeys(("boolean", "bool"), bool),
    "null": type(None),
}
_DEEPEST = 30
# Keywords that may name arguments in ways that are not followed here.
_OPENING = {"additionalProperties", "patternProperties", "anyOf", "oneOf", "allOf", "$ref", "if"}

_JUDGED = {"properties", "required", "enum", "items"}  # beside the type, what a schema is judged by


def kind(value: Any) -> str:
    """The JSON type of a value, in words."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")


# ---------------------------------------------------------------------- schemas


def faults_of_schema(schema: Any) -> Iterator[tuple[Steps, str]]:
    """(steps below the schema, message) for what is wrong with the argument schema of a tool."""
    if schema is None:
        return
    if not isinstance(schema, dict):
        yield (), f"the parameters are {kind(schema)}, no object"
        return
    named = schema.get("type")
    if isinstance(named, str) and _TYPES.get(named.lower(), dict) is not dict:
        yield ("type",), f"the parameters of a tool must be an object, not {named!r}"
    yield from _faults_of_node(schema, ())


def _faults_of_node(node: Any, at: Steps) -> Iterator[tuple[Steps, str]]:
    if not isinstance(node, dict) or len(at) > 2 * _DEEPEST:
        return
    properties, required = node.get("properties"), node.get("required")
    if properties is not None and not isinstance(properties, dict):
        yield (*at, "properties"), f"the properties are {kind(properties)}, no object"
        properties = None
    for name, inner in (properties or {}).items():
        if isinstance(inner, dict):
            if type(inner.get("type")) is not str or not _JUDGED.isdisjoint(inner):
                yield from _faults_of_node(inner, (*at, "properties", name))
        elif not isinstance(inner, bool):
            yield (*at, "properties", name), f"the schema of {name!r} is {kind(inner)}, no object"
    if isinstance(required, list) and properties:
        for name in required:
            if not isinstance(name, str) or name not in properties:
                yield (*at, "required"), f"{name!r} is required, but not among the properties"
                break
    if "enum" in node and not isinstance(node["enum"], list):
        yield (*at, "enum"), f"the enum is {kind(node['enum'])}, no list"
    if "type" in node and not isinstance(node["type"], str | list | dict):
        yield (*at, "type"), f"the type is {kind(node['type'])}, no name"
    yield from _faults_of_node(node.get("items"), (*at, "items"))


_STANDARD = frozenset(("string", "number", "integer", "boolean", "object", "array", "null"))


def departures(schema: Any) -> Iterator[tuple[Steps, str]]:
    """(steps below the schema, message) for what a reader of JSON Schema to the letter refuses.

    Types by the names of Python or Gemini ("dict", "int", "STRING"), and `required`, `properties` and `enum` that are
    no list or object, null among them. `faults_of_schema` is lenient on all of these.
    """
    yield from _departures(schema, ())


def _departures(node: Any, at: Steps) -> Iterator[tuple[Steps, str]]:
    if not isinstance(node, dict) or len(at) > 2 * _DEEPEST:
        return
    if "type" in node:
        names = node["type"] if isinstance(node["type"], list) else [node["type"]]
        wrong = next((name for name in names if not isinstance(name, str) or name not in _STANDARD), None)
        if wrong is not None or not names or None in names:
            yield (*at, "type"), f"{json.dumps(wrong)} is no type of JSON Schema"
    for key, form, called in (("required", list, "list"), ("enum", list, "list"), ("properties", dict, "object")):
        if key in node and not isinstance(node[key], form):
            yield (*at, key), f"{key!r} is {kind(node[key])}, no {called}"
    properties = node.get("properties")
    for name, inner in properties.items() if isinstance(properties, dict) else ():
        yield from _departures(inner, (*at, "properties", name))
    for key in ("anyOf", "oneOf", "allOf"):
        for number, inner in enumerate(node[key] if isinstance(node.get(key), list) else ()):
            yield from _departures(inner, (*at, key, number))
    yield from _departures(node.get("items"), (*at, "items"))


# ---------------------------------------------------------------------- arguments


def faults_of_arguments(arguments: dict[str, Any], schema: dict[str, Any], *, undeclared: bool = True) -> Iterator[str]:
    """What is wrong with the arguments of a call, in words.

    null for an argument that may be left out counts as left out. With `undeclared`, an argument that
    the schema does not name is a fault even where the schema does not forbid it.
    """
    if "properties" not in schema and "type" not in schema and all(isinstance(v, dict) for v in schema.values()):
        schema = {"properties": schema}  # some sets leave the outer object away
    properties, required = schema.get("properties"), schema.get("required")
    needed = required if isinstance(required, list) else []
    given = {name: value for name, value in arguments.items() if value is not None or name in needed}
    if undeclared and isinstance(properties, dict) and _OPENING.isdisjoint(schema):
        for name in given:
            if name not in properties:
                yield f"{name!r} is no argument of the tool"
    yield from _faults(given, schema, schema, "", 0)


def _faults(value: Any, schema: Any, root: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    """What is wrong with a value under a schema; `at` names the value, "" where it is the arguments."""
    if schema is False:
        yield f"{_named(at)} is not allowed"
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    if isinstance(target := schema.get("$ref"), str):
        schema = _referred(target, root)
    if value is None and schema.get("nullable") is True:
        return
    if not _is_of_type(value, schema.get("type")):
        yield f"{_named(at)} is {_shown(value)}, no {_type_name(schema['type'])}"
        return
    yield from _faults_of_value(value, schema, at)
    for key in ("anyOf", "oneOf"):
        yield from _faults_of_branches(value, schema.get(key), root, at, depth)
    branches = schema.get("allOf")
    for branch in branches if isinstance(branches, list) else ():
        yield from _faults(value, branch, root, at, depth + 1)
    if isinstance(value, dict):
        yield from _faults_of_object(value, schema, root, at, depth)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        for number, item in enumerate(value):
            yield from _faults(item, items, root, f"{at}[{number}]", depth + 1)


def _faults_of_branches(value: Any, branches: Any, root: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    if not isinstance(branches, list) or not branches:
        return
    tried = []
    for branch in branches:
        fault = next(_faults(value, branch, root, at, depth + 1), None)
        if fault is None:
            return
        tried.append(fault)
    yield tried[0] if len(tried) == 1 else f"{_named(at)} fits none of {len(tried)} allowed forms"


def _faults_of_value(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed and not any(_same(value, item) for item in allowed):
        listed = ", ".join(map(_shown, allowed[:6])) + (" …" if len(allowed) > 6 else "")
        yield f"{_named(at)} is {_shown(value)}, none of {listed}"
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{_named(at)} is {_shown(value)}, not {_shown(schema['const'])}"
    if _is_number(value):
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and _is_number(low) and value < low:
            yield f"{_named(at)} is {value}, below {low}"
        if high is not None and _is_number(high) and value > high:
            yield f"{_named(at)} is {value}, above {high}"


def _faults_of_object(
    value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str, depth: int
) -> Iterator[str]:
    properties, required = schema.get("properties"), schema.get("required")
    properties = properties if isinstance(properties, dict) else {}
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in value:
            yield f"{_below(at, name)!r} is required and missing"
    closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    for name, item in value.items():
        if name in properties:
            yield from _faults(item, properties[name], root, _below(at, name), depth + 1)
        elif closed:
            yield f"{_below(at, name)!r} is not allowed"


def _named(at: str) -> str:
    return repr(at) if at else "the object of arguments"


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _referred(target: str, root: dict[str, Any]) -> dict[str, Any]:
    """What a reference inside the schema stands for; one that leads elsewhere allows anything."""
    if not target.startswith("#"):
        return {}
    found: Any = root
    for step in filter(None, target[1:].split("/")):
        found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _is_of_type(value: Any, named: Any) -> bool:
    if isinstance(named, list):
        return not named or any(_is_of_type(value, one) for one in named)
    wanted = _TYPES.get(named.lower()) if isinstance(named, str) else None
    if wanted is None:
        return True
    if isinstance(value, bool):
        return wanted is bool
    if wanted is int and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, wanted)


def _type_name(named: Any) -> str:
    return " or ".join(map(str, named)) if isinstance(named, list) else str(named)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Equality in JSON, at any depth: true is not 1."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(item, other[key]) for key, item in one.items())
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"

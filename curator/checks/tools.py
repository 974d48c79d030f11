"""TOL: tools declared, called and answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

from curator import paths
from curator.columns import Batch
from curator.model import Example, Flag, ToolCall, Turn
from curator.rule import Bad, Row, RowRule, option

# ---------------------------------------------------------------------- rows for the examples

_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
            "required": ["city"],
        },
    },
}
_CITY = '{"city": "Oslo"}'


def _call(arguments: Any = _CITY, name: str = "get_weather", key: str = "c1") -> Row:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


def _calls(*calls: Row) -> Row:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def _result(key: str = "c1") -> Row:
    return {"role": "tool", "tool_call_id": key, "content": "4 degrees, rain"}


def _row(*turns: Row, tools: Any = (_WEATHER,)) -> Row:
    """A row of a question, the given turns, and the tools."""
    return {"messages": [{"role": "user", "content": "Is it cold in Oslo?"}, *turns], "tools": list(tools)}


_ANSWER = {"role": "assistant", "content": "Yes: 4 degrees and rain."}
_MORE = {"role": "user", "content": "And tomorrow?"}
_LEGAL = [
    _row(_calls(_call()), _result(), _ANSWER),
    _row(_calls(_call({"city": "Oslo", "days": 2, "unit": "C"}))),
    _row(_calls(_call(key="a"), _call(key="b")), _result("b"), _result("a"), _ANSWER),
    {
        "conversations": [
            {"from": "human", "value": "Is it cold in Oslo?"},
            {"from": "function_call", "value": '{"name": "get_weather", "arguments": {"city": "Oslo"}}'},
            {"from": "observation", "value": "4 degrees"},
            {"from": "gpt", "value": "Yes, 4 degrees."},
        ],
        "tools": json.dumps([_WEATHER["function"]]),
    },
]


# ---------------------------------------------------------------------- what a row declares and where


class Declared(NamedTuple):
    """A tool that a row declares: its name, the schema of its arguments (None: anything goes), its path."""

    name: str | None
    schema: Any
    path: str


def declared(example: Example) -> list[Declared]:
    """The tools of a row, whichever of the common spellings each is in."""
    return [_declared(tool, _tool_place(example, number)) for number, tool in enumerate(example.tools)]


def _tool_place(example: Example, number: int) -> str:
    """The path of a tool; where the tools are a JSON text or nested otherwise, that of the whole."""
    place = f"{example.tools_path}[{number}]"
    return place if paths.get(example.value, place) is example.tools[number] else example.tools_path


def _declared(tool: Any, place: str) -> Declared:
    if not isinstance(tool, dict):
        return Declared(None, None, place)
    for key in ("function", "toolSpec"):
        if isinstance(inner := tool.get(key), dict):
            tool, place = inner, paths.join(place, key)
    name = tool.get("name", tool.get("type"))
    return Declared(name if isinstance(name, str) else None, _arguments_schema(tool), place)


def _arguments_schema(tool: dict[str, Any]) -> Any:
    for key in ("parameters", "input_schema", "inputSchema"):
        if key in tool:
            schema = tool[key]
            return schema["json"] if isinstance(schema, dict) and set(schema) == {"json"} else schema
    return None


def _place(example: Example, call: ToolCall, key: str) -> str:
    """The path of a call's name or arguments; of the whole call where it is written as a text."""
    for place in (f"{call.path}.function.{key}", f"{call.path}.{key}"):
        if paths.get(example.value, place, _MISSING) is not _MISSING:
            return place
    return call.path


_MISSING = object()


def _all_calls(example: Example) -> Iterator[ToolCall]:
    for turn in example.all_turns():
        yield from turn.calls


def _sides(example: Example) -> list[tuple[Turn, ...]]:
    if example.chosen or example.rejected:
        return [example.turns + example.chosen, example.turns + example.rejected]
    return [example.turns]


class ToolRule(RowRule, frozen=True):
    """A rule on rows that declare, call or answer tools."""

    def candidates(self, batch: Batch) -> Iterable[int]:
        return batch.tool_rows


# ---------------------------------------------------------------------- calls


class ArgumentsNotJson(ToolRule, frozen=True):
    """The arguments of a tool call are no JSON object.

    The model learns to write calls that the program around it cannot parse. Templates that want the
    arguments as an object stop at such a row, or print the broken text between quotation marks.
    """

    code = "TOL001"
    severity = "error"
    GOOD = [*_LEGAL, _row(_calls(_call("{}")))]
    BAD = [
        Bad(_row(_calls(_call("{'city': 'Oslo'}"))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(_row(_calls(_call(""))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(_row(_calls(_call('"Oslo"'))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(_row(_calls(_call(["Oslo"]))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(
            {
                "conversations": [
                    {"from": "human", "value": "Is it cold in Oslo?"},
                    {"from": "function_call", "value": "get_weather('Oslo')"},
                ]
            },
            at="conversations[1].value",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        for call in _all_calls(example):
            if fault := _fault_of_arguments(call):
                message, span = fault
                yield Flag(_place(example, call, "arguments"), message, span)


def _fault_of_arguments(call: ToolCall) -> tuple[str, tuple[int, int] | None] | None:
    """(message, span in the argument text) where the arguments are no JSON object, else None."""
    if call.raw is None:
        if call.arguments is None or isinstance(call.arguments, dict):
            return None
        return f"the arguments are {_kind(call.arguments)}, no object", None
    if not call.raw.strip():
        return "the arguments are empty: a call without any has {}", None
    try:
        value = json.loads(call.raw)
    except (ValueError, RecursionError) as error:
        at = getattr(error, "pos", None)
        why = getattr(error, "msg", "too deeply nested")
        if re.match(r"\s*\{\s*'", call.raw):
            why = "single quotes, as Python writes a dict"
        return f"the arguments are not JSON: {why}", None if at is None else (at, min(at + 1, len(call.raw)))
    if isinstance(value, dict):
        return None
    twice = isinstance(value, str) and value.lstrip().startswith("{")
    return "the arguments are JSON in a JSON string" if twice else f"the arguments are {_kind(value)}, no object", None


def _kind(value: Any) -> str:
    """The JSON type of a value, in words."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list"}
    return names.get(type(value), "an object")


class UndeclaredTool(ToolRule, frozen=True):
    """A call names a tool that the row does not declare.

    The model learns to call what it was not offered, and to trust its memory of tools over the list
    it is given. Mostly the name is misspelt, or the list is that of another row.
    """

    code = "TOL002"
    severity = "error"
    GOOD = [*_LEGAL, _row(_calls(_call()), tools=())]
    BAD = [
        Bad(_row(_calls(_call(name="get_wether"))), at="messages[1].tool_calls[0].function.name"),
        Bad(
            _row(_calls(_call(name="book_flight", key="a"), _call(name="book_flight", key="b"))),
            at="messages[1].tool_calls[0].function.name",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        names = {tool.name for tool in declared(example)}
        if not names:
            return
        for call in _all_calls(example):
            if call.name in names or (call.name is None and call.raw is not None):
                continue
            names.add(call.name)  # named once a row
            yield Flag(_place(example, call, "name"), _undeclared(call.name, names - {call.name, None}))


def _undeclared(name: str | None, known: set[str | None]) -> str:
    if not name:
        return "a call without the name of a tool"
    from rapidfuzz import process

    found = process.extractOne(name, sorted(filter(None, known)), score_cutoff=60)
    return f"{name!r} is no declared tool" + (f"; the closest is {found[0]!r}" if found else "")


class ArgumentsBreakSchema(ToolRule, frozen=True):
    """The arguments of a call do not fit the tool's own JSON Schema.

    The model learns to leave out what is required, or to write a word where a number is wanted: the
    call fails when it is run. Judged with the schema that the row itself declares; null for an
    argument that may be left out counts as left out.
    """

    code = "TOL005"
    severity = "error"
    GOOD = [
        *_LEGAL,
        _row(_calls(_call('{"city": "Oslo", "days": null}'))),
        _row(_calls(_call('{"x": 1}', name="any")), tools=[{"name": "any"}]),
        Bad(
            _row(_calls(_call('{"city": "Oslo", "country": "Norway"}'))), at=(), options={"undeclared": False}
        ).row
        | {"tools": [{"name": "get_weather", "parameters": {"type": "object", "additionalProperties": True, "properties": {"city": {}}}}]},
    ]
    BAD = [
        Bad(_row(_calls(_call('{"days": 2}'))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(_row(_calls(_call('{"city": "Oslo", "days": "two"}'))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(_row(_calls(_call({"city": "Oslo", "unit": "K"}))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(_row(_calls(_call('{"city": "Oslo", "country": "NO"}'))), at="messages[1].tool_calls[0].function.arguments"),
        Bad(
            _row(_calls(_call('{"days": "2", "town": "Oslo"}'))),
            at="messages[1].tool_calls[0].function.arguments",
            options={"undeclared": False},
        ),
    ]

    undeclared: Annotated[
        bool, option("Arguments that the schema does not name are faults, even where it does not forbid them.")
    ] = True

    def check(self, example: Example) -> Iterator[Flag]:
        schemas = {tool.name: tool.schema for tool in declared(example) if isinstance(tool.schema, dict)}
        if not schemas:
            return
        for call in _all_calls(example):
            schema = schemas.get(call.name)
            arguments = {} if call.arguments is None and call.raw is None else call.arguments
            if schema is None or not isinstance(arguments, dict):
                continue
            faults = list(_faults_of_call(arguments, schema, self.undeclared))
            if faults:
                more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
                yield Flag(_place(example, call, "arguments"), faults[0] + more, evidence={"faults": faults[:9]})


class RepeatedCallId(ToolRule, frozen=True):
    """Two calls of one conversation have the same id.

    A result is matched to its call by the id, so one of the two results is lost or lands at the wrong
    call, and the model sees an answer to a question it did not ask.
    """

    code = "TOL008"
    severity = "error"
    GOOD = _LEGAL
    BAD = [
        Bad(_row(_calls(_call(), _call('{"city": "Bergen"}')), _result(), _result(), _ANSWER), at="messages[1].tool_calls[1]"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        told = set()
        for side in _sides(example):
            seen = set()
            for call in (call for turn in side for call in turn.calls if call.id):
                if call.id in seen and call.path not in told:
                    told.add(call.path)
                    yield Flag(call.path, f"the id {call.id!r} is taken by an earlier call")
                seen.add(call.id)


class CallsWithoutTools(ToolRule, frozen=True):
    """The assistant calls a tool, and nothing in the row says that there are any.

    In use the model is given a list of tools; trained without it, it learns to call tools from
    memory, whether they are offered or not. Tools described in the prompt's words are a list too.
    """

    code = "TOL007"
    GOOD = [
        *_LEGAL,
        {
            "messages": [
                {"role": "system", "content": "You may call get_weather(city)."},
                {"role": "user", "content": "Is it cold in Oslo?"},
                _calls(_call()),
            ]
        },
    ]
    BAD = [Bad(_row(_calls(_call()), _result(), _calls(_call(key="c2")), tools=()), at="messages[1].tool_calls[0]")]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.tools:
            return
        told = ""
        for turn in example.all_turns():
            if turn.role != "assistant":
                told += turn.text
            for call in turn.calls:
                if not call.name or call.name not in told:
                    yield Flag(call.path, f"the row declares no tools, yet {call.name or 'one'!r} is called")
                return


# ---------------------------------------------------------------------- results


class OrphanResult(ToolRule, frozen=True):
    """A tool's result answers no call.

    Providers refuse the row, and templates that look up the call's name fail; where it passes, the
    model learns that facts appear out of nowhere.
    """

    code = "TOL003"
    severity = "error"
    GOOD = [
        *_LEGAL,
        {
            "messages": [
                {"role": "user", "content": "Is it cold in Oslo?"},
                {"role": "assistant", "content": '<tool_call>{"name": "get_weather"}</tool_call>'},
                {"role": "tool", "content": "4 degrees"},
                _ANSWER,
            ]
        },
    ]
    BAD = [
        Bad(_row(_result(), _ANSWER), at="messages[1]"),
        Bad(_row(_calls(_call()), _result("c2"), _ANSWER), at="messages[2]"),
        Bad(_row(_calls(_call()), _result(), _result(), _ANSWER), at="messages[3]"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        told = set()
        for side in _sides(example):
            for turn in _matched(side, example).orphans:
                if turn.path not in told:
                    told.add(turn.path)
                    whose = f" {turn.call_id!r}" if turn.call_id else ""
                    yield Flag(turn.base or turn.path, f"no open call{whose} that this result could answer")


class UnansweredCall(ToolRule, frozen=True):
    """The conversation goes on after a tool call without its result.

    The model learns to go on as if it had an answer, that is, to make one up. A call at the end of a
    row is the target itself and needs no result.
    """

    code = "TOL004"
    GOOD = _LEGAL
    BAD = [
        Bad(_row(_calls(_call()), _ANSWER), at="messages[1].tool_calls[0]"),
        Bad(
            _row(_calls(_call(key="a"), _call(key="b")), _result("a"), _ANSWER, _MORE, _ANSWER),
            at="messages[1].tool_calls[1]",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        told = set()
        for side in _sides(example):
            for number, call in _matched(side, example).unanswered:
                if (call.path, number) not in told:
                    told.add((call.path, number))
                    yield Flag(call.path, f"{call.name or 'a tool'!r} is called, and the row goes on without its result")


class _Matched(NamedTuple):
    orphans: list[Turn]
    unanswered: list[tuple[int, ToolCall]]  # (number of the call in the conversation, call)


def _matched(turns: tuple[Turn, ...], example: Example) -> _Matched:
    """Calls without a result and results without a call.

    Results are matched by id where both sides have one, else by name and order. One result without
    an id may answer all calls that are open (some sets write parallel results as one list).
    """
    orphans: list[Turn] = []
    late: dict[int, ToolCall] = {}  # passed over by the conversation
    waiting: dict[int, ToolCall] = {}
    called = 0
    before: Turn | None = None
    for place, turn in enumerate(turns):
        if turn.role == "tool":
            number = _answered(turn, waiting, late)
            if number is not None:
                call = waiting.pop(number, None) or late.pop(number)
                last = place + 1 == len(turns) or turns[place + 1].role != "tool"
                if last and not (turn.call_id and call.id):
                    waiting.clear()
            elif called or not _calls_in_words(before):
                orphans.append(turn)
            continue
        if turn.role == "user" and _holds_result(turn, example):
            waiting.clear()
        elif turn.role == "user" or (turn.role == "assistant" and not (turn.calls and before and before.calls)):
            late |= waiting
            waiting = {}
        for call in turn.calls:
            waiting[called] = call
            called += 1
        before = turn
    return _Matched(orphans, sorted(late.items()))


def _answered(turn: Turn, waiting: dict[int, ToolCall], late: dict[int, ToolCall]) -> int | None:
    """The number of the call that a result answers, or None."""
    if turn.call_id:
        for calls in (waiting, late):
            for number, call in calls.items():
                if call.id == turn.call_id:
                    return number
        if any(call.id for call in waiting.values()):
            return None
    named = (number for number, call in waiting.items() if call.name == turn.name)
    return next(named, next(iter(waiting), None))


def _calls_in_words(turn: Turn | None) -> bool:
    """Whether an assistant turn may hold a call in its text, in one of the many ways that exist."""
    return turn is not None and turn.role == "assistant" and bool(_CALL_SIGNS.search(turn.text))


_CALL_SIGNS = re.compile(r"[<{\[`]|\w\(|\bAction\b|\bcall", re.I)
_RESULT_HEAD = re.compile(r"\s*(?:<\W?(?:tool|function)_?\w*|\[TOOL_RESULTS|(?:function|tool)[ _](?:response|result|output)|observation)\b", re.I)


def _holds_result(turn: Turn, example: Example) -> bool:
    """Whether a user turn hands over a tool's result, as sets without a tool role do."""
    if _RESULT_HEAD.match(turn.text):
        return True
    parts = paths.get(example.value, turn.path)
    return isinstance(parts, list) and any(
        isinstance(part, dict) and (part.get("type") == "tool_result" or "toolResult" in part) for part in parts
    )


# ---------------------------------------------------------------------- schemas


class InvalidToolSchema(RowRule, frozen=True):
    """A declared tool is not described as a tool must be.

    Providers refuse the file, and templates that print the tools stop or print nonsense. Judged are
    the name, and the parts of the argument schema whose form everybody agrees on.
    """

    code = "TOL006"
    severity = "error"
    GOOD = [
        *_LEGAL,
        _row(_ANSWER, tools=[{"type": "web_search"}]),
        _row(_ANSWER, tools=[{"name": "f", "parameters": {"type": "dict", "properties": {"a": {"type": "str"}}}}]),
    ]
    BAD = [
        Bad(_row(_ANSWER, tools=["get_weather"]), at="tools[0]"),
        Bad(_row(_ANSWER, tools=[{"type": "function", "function": {"parameters": {}}}]), at="tools[0].function"),
        Bad(_row(_ANSWER, tools=[{"name": "f", "parameters": "city: string"}]), at="tools[0].parameters"),
        Bad(_row(_ANSWER, tools=[{"name": "f", "parameters": {"type": "object", "properties": ["city"]}}]), at="tools[0].parameters.properties"),
        Bad(
            _row(_ANSWER, tools=[{"name": "f", "parameters": {"properties": {"city": {}}, "required": ["town"]}}]),
            at="tools[0].parameters.required",
        ),
        Bad(_row(_ANSWER, tools=[_WEATHER, _WEATHER]), at="tools[1].function"),
        Bad({**_row(_ANSWER), "tools": "[{'name': 'f'}]"}, at="tools"),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        return [i for i in batch.readable if batch.example(i).tools or _unread_tools(batch.example(i))]

    def check(self, example: Example) -> Iterator[Flag]:
        if _unread_tools(example):
            yield Flag("tools", "the tools are a text that is no JSON list")
        names: set[str] = set()
        for number, tool in enumerate(declared(example)):
            raw = example.tools[number]
            if not isinstance(raw, dict):
                yield Flag(tool.path, f"a tool is {_kind(raw)}, no object")
            elif not tool.name or (tool.name == "function" and "name" not in raw):
                yield Flag(tool.path, "a tool without a name")
            elif tool.name in names and raw.get("type") in ("function", None):
                yield Flag(tool.path, f"{tool.name!r} is declared twice")
            else:
                names.add(tool.name)
                for place, message in _faults_of_schema(tool.schema):
                    yield Flag(_schema_place(example, tool, place), message)


def _unread_tools(example: Example) -> bool:
    """Whether the row's tools are a text that could not be read."""
    if example.tools or not isinstance(example.value, dict):
        return False
    tools = example.value.get("tools")
    if not isinstance(tools, str) or not tools.strip():
        return False
    try:
        return not isinstance(json.loads(tools), list | dict | None)
    except (ValueError, RecursionError):
        return True


def _schema_place(example: Example, tool: Declared, below: tuple[str | int, ...]) -> str:
    """The path of a place in a tool's schema, as deep as the row has one."""
    for key in ("parameters", "input_schema", "inputSchema"):
        place = paths.join(tool.path, key, *below)
        if paths.get(example.value, place, _MISSING) is not _MISSING:
            return place
    return tool.path


def _faults_of_schema(schema: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """(steps below the schema, message) for what is wrong with the argument schema of a tool."""
    if schema is None:
        return
    if not isinstance(schema, dict):
        yield (), f"the parameters are {_kind(schema)}, no object"
        return
    kind = schema.get("type")
    if isinstance(kind, str) and _TYPES.get(kind.lower(), dict) is not dict:
        yield ("type",), f"the parameters of a tool must be an object, not {kind!r}"
    yield from _faults_of_node(schema, ())


def _faults_of_node(node: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if not isinstance(node, dict) or len(at) > 40:
        return
    properties, required = node.get("properties"), node.get("required")
    if properties is not None and not isinstance(properties, dict):
        yield (*at, "properties"), f"the properties are {_kind(properties)}, no object"
        properties = None
    for name, inner in (properties or {}).items():
        if isinstance(inner, dict):
            yield from _faults_of_node(inner, (*at, "properties", name))
        elif not isinstance(inner, bool):
            yield (*at, "properties", name), f"the schema of {name!r} is {_kind(inner)}, no object"
    if isinstance(required, list) and properties:
        for name in required:
            if not isinstance(name, str) or name not in properties:
                yield (*at, "required"), f"{name!r} is required, but not among the properties"
                break
    if "enum" in node and not isinstance(node["enum"], list):
        yield (*at, "enum"), f"the enum is {_kind(node['enum'])}, no list"
    if "type" in node and not isinstance(node["type"], str | list | dict):
        yield (*at, "type"), f"the type is {_kind(node['type'])}, no name"
    yield from _faults_of_node(node.get("items"), (*at, "items"))


# ---------------------------------------------------------------------- arguments against a schema
# The subset of JSON Schema that tools use; a keyword that is not read never makes a fault. Types are
# also known by the names that Python and Gemini give them; a type nobody knows allows anything.

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


def _faults_of_call(arguments: dict[str, Any], schema: dict[str, Any], undeclared: bool) -> Iterator[str]:
    """What is wrong with the arguments of a call, in words."""
    if "properties" not in schema and "type" not in schema and all(isinstance(v, dict) for v in schema.values()):
        schema = {"properties": schema}  # some sets leave the outer object away
    properties, required = schema.get("properties"), schema.get("required")
    optional = {
        name for name, value in arguments.items() if value is None and name not in (required if isinstance(required, list) else ())
    }
    given = {name: value for name, value in arguments.items() if name not in optional}
    closed = undeclared and isinstance(properties, dict) and not _OPENING & schema.keys()
    if closed:
        for name in given.keys() - properties.keys():
            yield f"{name!r} is no argument of the tool"
        given = {name: value for name, value in given.items() if name in properties}
    yield from _faults(given, schema, schema, "", 0)


_OPENING = {"additionalProperties", "patternProperties", "anyOf", "oneOf", "allOf", "$ref", "if"}


def _faults(value: Any, schema: Any, root: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    """What is wrong with a value under a schema, in words; `at` names the value."""
    if schema is False:
        yield f"{at or 'the value'} is not allowed"
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    if isinstance(target := schema.get("$ref"), str):
        schema = _referred(target, root)
    if value is None and schema.get("nullable") is True:
        return
    if not _is_of_type(value, schema.get("type")):
        yield f"{at or 'the value'} is {_shown(value)}, no {_type_name(schema['type'])}"
        return
    yield from _faults_of_value(value, schema, at)
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if isinstance(branches, list) and branches:
            tried = [next(_faults(value, branch, root, at, depth + 1), None) for branch in branches]
            if None not in tried:
                yield tried[0] if len(tried) == 1 else f"{at or 'the value'} fits none of the {len(tried)} allowed forms"
    for branch in schema["allOf"] if isinstance(schema.get("allOf"), list) else ():
        yield from _faults(value, branch, root, at, depth + 1)
    if isinstance(value, dict):
        yield from _faults_of_object(value, schema, root, at, depth)
    elif isinstance(value, list) and isinstance(items := schema.get("items"), dict):
        for number, item in enumerate(value):
            yield from _faults(item, items, root, f"{at}[{number}]", depth + 1)


def _faults_of_value(value: Any, schema: dict[str, Any], at: str) -> Iterator[str]:
    name = at or "the value"
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed and not any(_same(value, item) for item in allowed):
        yield f"{name} is {_shown(value)}, none of {', '.join(map(_shown, allowed[:6]))}" + (" …" if len(allowed) > 6 else "")
    if "const" in schema and not _same(value, schema["const"]):
        yield f"{name} is {_shown(value)}, not {_shown(schema['const'])}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum"), schema.get("maximum")
        if _is_number(low) and value < low:
            yield f"{name} is {value}, below {low}"
        if _is_number(high) and value > high:
            yield f"{name} is {value}, above {high}"


def _faults_of_object(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], at: str, depth: int) -> Iterator[str]:
    properties, required = schema.get("properties"), schema.get("required")
    properties = properties if isinstance(properties, dict) else {}
    for name in required if isinstance(required, list) else ():
        if isinstance(name, str) and name not in value:
            yield f"{_below(at, name)} is required and missing"
    for name, item in value.items():
        if name in properties:
            yield from _faults(item, properties[name], root, _below(at, name), depth + 1)
        elif schema.get("additionalProperties") is False and "patternProperties" not in schema:
            yield f"{_below(at, name)} is not allowed"


def _below(at: str, name: str) -> str:
    return f"{at}.{name}" if at else repr(name)


def _referred(target: str, root: dict[str, Any]) -> dict[str, Any]:
    """What a reference inside the schema stands for; one that leads nowhere allows anything."""
    found: Any = root
    for step in target.removeprefix("#").strip("/").split("/") if target.startswith("#") else ["?"]:
        if step:
            found = found.get(step) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _is_of_type(value: Any, kind: Any) -> bool:
    if isinstance(kind, list):
        return not kind or any(_is_of_type(value, one) for one in kind)
    wanted = _TYPES.get(kind.lower()) if isinstance(kind, str) else None
    if wanted is None:
        return True
    if isinstance(value, bool):
        return wanted is bool
    if wanted is int and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, wanted)


def _type_name(kind: Any) -> str:
    return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Equality in JSON: true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:37]}…"

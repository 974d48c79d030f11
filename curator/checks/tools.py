"""TOL: tools declared, called and answered."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, NamedTuple

from curator import paths
from curator.checks.schema.rows import messages
from curator.columns import Batch
from curator.json_schema import Steps, faults_of_arguments, faults_of_schema, kind
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
_OPEN = {
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {}}, "additionalProperties": True},
}
_CITY = '{"city": "Oslo"}'
_ARGUMENTS = "messages[1].tool_calls[0].function.arguments"


def _call(arguments: Any = _CITY, name: str = "get_weather", key: str = "c1") -> Row:
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


def _calls(*calls: Any) -> Row:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def _result(key: str = "c1") -> Row:
    return {"role": "tool", "tool_call_id": key, "content": "4 degrees, rain"}


def _row(*turns: Row, tools: Any = (_WEATHER,)) -> Row:
    """A row of a question, the given turns, and the tools."""
    return {"messages": [{"role": "user", "content": "Is it cold in Oslo?"}, *turns], "tools": list(tools)}


_OWN: Row = {"type": "custom", "custom": {"name": "ask", "description": "Takes free text."}}
_CUSTOM = {"id": "c1", "type": "custom", "custom": {"name": "ask", "input": "Is it cold in Oslo?"}}
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
    """A tool that a row declares, and the schema of its arguments (None: anything goes)."""

    name: str | None
    schema: Any


def declared(example: Example) -> list[Declared]:
    """The tools of a row, whichever of the common spellings each is in."""
    return [_declared(tool) for tool in example.tools]


def _declared(tool: Any) -> Declared:
    if not isinstance(tool, dict):
        return Declared(None, None)
    inner = tool.get("function") or tool.get("toolSpec") or (tool.get("type") == "custom" and tool.get("custom"))
    if isinstance(inner, dict):
        tool = inner
    name = tool.get("name", None if inner else tool.get("type"))
    schema = next((tool[key] for key in _SCHEMA_KEYS if key in tool), None)
    if isinstance(schema, dict) and schema.keys() == {"json"}:
        schema = schema["json"]
    return Declared(name if isinstance(name, str) else None, schema)


_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema")


def _tool_place(example: Example, number: int, below: Steps | None = None) -> str:
    """The path of a tool; with `below`, the path of what lies these steps below its argument schema.

    Where the tools are written as a JSON text it is the path of that text.
    """
    place = f"{example.tools_path}[{number}]"
    tool = example.tools[number]
    if paths.get(example.value, place) is not tool:
        return example.tools_path
    for key in ("function", "toolSpec") if isinstance(tool, dict) else ():
        if isinstance(tool.get(key), dict):
            place = f"{place}.{key}"
    if below is None:
        return place
    for key in _SCHEMA_KEYS:
        inner = paths.join(place, key, *below)
        if paths.get(example.value, inner, _MISSING) is not _MISSING:
            return inner
    return place


_NAME = ("function.name", "name", "value", "content")
_ARGUMENT_KEYS = ("function.arguments", "arguments", "input", "args", "parameters", "value", "content")


def _place(example: Example, call: ToolCall, keys: tuple[str, ...]) -> str:
    """The path of a call's name or arguments; of the whole call where it is written as a text."""
    for key in keys:
        if paths.get(example.value, place := f"{call.path}.{key}", _MISSING) is not _MISSING:
            return place
    return call.path


_MISSING = object()


def _all_calls(example: Example) -> list[ToolCall]:
    return [call for turn in example.all_turns() for call in turn.calls]


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
        Bad(_row(_calls(_call("{'city': 'Oslo'}"))), at=_ARGUMENTS),
        Bad(_row(_calls(_call(""))), at=_ARGUMENTS),
        Bad(_row(_calls(_call('"Oslo"'))), at=_ARGUMENTS),
        Bad(_row(_calls(_call(["Oslo"]))), at=_ARGUMENTS),
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
                yield Flag(_place(example, call, _ARGUMENT_KEYS), message, span)


def _fault_of_arguments(call: ToolCall) -> tuple[str, tuple[int, int] | None] | None:
    """(message, span in the argument text) where the arguments are no JSON object, else None."""
    if call.raw is None:
        if call.arguments is None or isinstance(call.arguments, dict):
            return None
        return f"the arguments are {kind(call.arguments)}, no object", None
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
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return "the arguments are JSON in a JSON string", None
    return f"the arguments are {kind(value)}, no object", None


class MalformedCall(RowRule, frozen=True):
    """A tool call is none: no object in a list, or without the name of a tool.

    Templates stop at such a row, or print nonsense where the call belongs, and services refuse the file.
    """

    code = "TOL009"
    severity = "error"
    GOOD = [*_LEGAL, _row({**_ANSWER, "tool_calls": []}), _row({**_ANSWER, "tool_calls": None, "function_call": None})]
    BAD = [
        Bad(_row({**_ANSWER, "tool_calls": "get_weather"}), at="messages[1].tool_calls"),
        Bad(_row({**_ANSWER, "tool_calls": _call()}, tools=()), at="messages[1].tool_calls"),
        Bad(_row({**_ANSWER, "function_call": "get_weather"}), at="messages[1].function_call"),
        Bad(_row(_calls(_call(), 1), tools=()), at="messages[1].tool_calls[1]"),
        Bad(_row(_calls({"id": "c1", "function": None})), at="messages[1].tool_calls[0].function"),
        Bad(_row(_calls({"id": "c1", "function": {"arguments": _CITY}})), at="messages[1].tool_calls[0].function"),
        Bad(_row(_calls(_call(name=""))), at="messages[1].tool_calls[0].function.name"),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows with calls that were read, and rows of a structure in which some are not."""
        return sorted({*batch.tool_rows, *batch.rows_of_flagged_structure(self)})

    def check(self, example: Example) -> Iterator[Flag]:
        for _, message, base in messages(example):
            for key, belongs in (("tool_calls", list), ("function_call", dict)):
                if (item := message.get(key)) is not None and type(item) is not belongs:
                    what = "a list of calls" if belongs is list else "a call, which is an object,"
                    yield Flag(f"{base}.{key}", f"{kind(item)} where {what} belongs")
        told = set()
        for call in _all_calls(example):
            if call.name or call.path in told:
                continue
            told.add(call.path)
            written = paths.get(example.value, call.path)
            if type(written) is dict or (type(written) is str and call.raw != written):
                yield Flag(_place(example, call, _NAME_OR_ABOVE), "a call without the name of a tool")
            elif type(written) is not str or call.path.endswith("]"):  # of a text that is no JSON TOL001 tells
                yield Flag(call.path, f"{kind(written)} where a call, which is an object, belongs")


_NAME_OR_ABOVE = ("function.name", "custom.name", "name", "function", "custom")


class UndeclaredTool(ToolRule, frozen=True):
    """A call names a tool that the row does not declare.

    The model learns to call what it was not offered, and to trust its memory of tools over the list
    it is given. Mostly the name is misspelt, or the list is that of another row.
    """

    code = "TOL002"
    severity = "error"
    GOOD = [*_LEGAL, _row(_calls(_call()), tools=()), _row(_calls(_CUSTOM), tools=(_OWN,))]
    BAD = [
        Bad(_row(_calls(_call(name="get_wether"))), at="messages[1].tool_calls[0].function.name"),
        Bad(
            _row(_calls(_call(name="book_flight", key="a"), _call(name="book_flight", key="b"))),
            at="messages[1].tool_calls[0].function.name",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        calls = _all_calls(example) if example.tools else []
        names = {tool.name for tool in declared(example)} if calls else set()
        for call in calls:
            if not call.name or call.name in names:
                continue
            if call.name.removeprefix("functions.") in {*names, "multi_tool_use.parallel"}:
                continue
            names.add(call.name)  # named once a row
            yield Flag(_place(example, call, _NAME), _undeclared(call.name, names - {call.name, None}))


def _undeclared(name: str, known: set[str | None]) -> str:
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
        _row(_calls(_call('{"city": "Oslo", "country": "NO"}')), tools=[_OPEN]),
    ]
    BAD = [
        Bad(_row(_calls(_call('{"days": 2}'))), at=_ARGUMENTS),
        Bad(_row(_calls(_call('{"city": "Oslo", "days": "two"}'))), at=_ARGUMENTS),
        Bad(_row(_calls(_call({"city": "Oslo", "unit": "K"}))), at=_ARGUMENTS),
        Bad(_row(_calls(_call('{"city": "Oslo", "country": "NO"}'))), at=_ARGUMENTS),
        Bad(_row(_calls(_call('{"days": 2, "town": "Oslo"}'))), at=_ARGUMENTS, options={"undeclared": False}),
    ]

    undeclared: Annotated[
        bool, option("Arguments that the schema does not name are faults, even where it does not forbid them.")
    ] = True

    def check(self, example: Example) -> Iterator[Flag]:
        calls = _all_calls(example) if example.tools else []
        schemas = {tool.name: tool.schema for tool in declared(example)} if calls else {}
        for call in calls:
            schema = schemas.get(call.name)
            arguments = {} if call.arguments is None and call.raw is None else call.arguments
            if not isinstance(schema, dict) or not isinstance(arguments, dict):
                continue
            faults = list(faults_of_arguments(arguments, schema, undeclared=self.undeclared))
            if faults:
                more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
                place = _place(example, call, _ARGUMENT_KEYS)
                yield Flag(place, f"{call.name}: {faults[0]}{more}", evidence={"faults": faults[:9]})


class RepeatedCallId(ToolRule, frozen=True):
    """Two calls of one conversation have the same id.

    A result is matched to its call by the id, so one of the two results is lost or lands at the wrong
    call, and the model sees an answer to a question it did not ask.
    """

    code = "TOL008"
    severity = "error"
    GOOD = _LEGAL
    BAD = [
        Bad(
            _row(_calls(_call(), _call('{"city": "Bergen"}')), _result(), _result(), _ANSWER),
            at="messages[1].tool_calls[1]",
        )
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        told = set()
        for side in example.sides():
            seen = set()
            for call in (call for turn in side for call in turn.calls if call.id):
                if call.id in seen and call.path not in told:
                    told.add(call.path)
                    yield Flag(call.path, f"the id {call.id!r} is taken by an earlier call")
                seen.add(call.id)


class CallsWithoutTools(ToolRule, frozen=True):
    """The assistant calls a tool, and nothing in the row says that there are any.

    In use the model is given a list of tools; trained without it, it learns to call tools from
    memory, whether they are offered or not. Tools described in the words of the prompt are a list too.
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
                if call.name and call.name not in told:
                    yield Flag(call.path, f"the row declares no tools, yet {call.name!r} is called")
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
        for side in example.sides():
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
        for side in example.sides():
            for number, call in _matched(side, example).unanswered:
                if (call.path, number) not in told:
                    told.add((call.path, number))
                    yield Flag(
                        call.path, f"{call.name or 'a tool'!r} is called, and the row goes on without its result"
                    )


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
_RESULT_HEAD = re.compile(
    r"\s*(?:<\W?(?:tool|function)_?\w*|\[TOOL_RESULTS|(?:function|tool)[ _](?:response|result|output)|observation)\b",
    re.I,
)


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
        Bad(
            _row(_ANSWER, tools=[{"name": "f", "parameters": {"type": "object", "properties": ["city"]}}]),
            at="tools[0].parameters.properties",
        ),
        Bad(
            _row(_ANSWER, tools=[{"name": "f", "parameters": {"properties": {"city": {}}, "required": ["town"]}}]),
            at="tools[0].parameters.required",
        ),
        Bad(_row(_ANSWER, tools=[_WEATHER, _WEATHER]), at="tools[1].function"),
        Bad({**_row(_ANSWER), "tools": "[{'name': 'f'}]"}, at="tools"),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows that have tools, read or not."""
        return [i for i, row in enumerate(batch.examples) if row is not None and (row.tools or "tools" in row.value)]

    def check(self, example: Example) -> Iterator[Flag]:
        if _unread_tools(example):
            yield Flag("tools", "the tools are a text that is no JSON list")
        names: set[str] = set()
        for number, (raw, tool) in enumerate(zip(example.tools, declared(example), strict=True)):
            message = ""
            if not isinstance(raw, dict):
                message = f"a tool is {kind(raw)}, no object"
            elif not tool.name or tool.name == raw.get("type") == "function":
                message = "a tool without a name"
            elif tool.name in names and raw.get("type") in ("function", None):
                message = f"{tool.name!r} is declared twice"
            if message:
                yield Flag(_tool_place(example, number), message)
                continue
            names.add(tool.name or "")
            for steps, fault in faults_of_schema(tool.schema):
                yield Flag(_tool_place(example, number, steps), fault)


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

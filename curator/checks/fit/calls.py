"""TPL004, TPL020: calls and tools that are not in what the template renders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from itertools import count, pairwise
from typing import Any

from curator.checks.fit.bases import TemplateName, TemplateRule, TemplateSetRule, asked
from curator.checks.fit.facts import UNTOLD, undescribed, untold
from curator.checks.fit.known import Known
from curator.checks.fit.looks import Look, calls_of, one_line, quoted
from curator.formats.turns import parsed
from curator.model import Flag, ToolCall, Turn
from curator.rule import Bad, chat
from curator.templates import MOST_LEAVES, Message, prepared


class ToolCallLost(TemplateRule, frozen=True):
    """A tool call is not in what the template renders, or without its arguments.

    Many templates know no calls, or only the first of several. The model then learns to say nothing where
    it should call, and to answer from results it never asked for. Others write values without the names of the
    arguments, or the calls of a turn in another order than that of their results.
    """

    code = "TPL004"
    severity = "error"
    GOOD = [chat(user="Is it warm in Oslo?", assistant="Not very.")]
    BAD = [
        Bad(asked({"place": "Oslo"}), at="messages[1].tool_calls[0]", options={"template": "llama-3"}),
        Bad(asked('{"place": "Oslo"}'), at="messages[1].tool_calls[0]", options={"template": "phi-3"}),
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        if look.seen.error:
            return
        for turn, call, what in _lost_calls(look):
            message = f"{what} of {call.name} is not in what {look.template.name} renders"
            if what == _ORDER:
                message = f"{look.template.name} writes the call of {call.name} before another one that it follows"
            written = call.raw if call.raw is not None else json.dumps(call.arguments, ensure_ascii=False, default=str)
            yield Flag(
                call.path, one_line(message), evidence={"lost": quoted(f"{call.name}({written})"), "role": turn.role}
            )


def _lost_calls(look: Look) -> list[tuple[Turn, ToolCall, str]]:
    """(turn, call, what of it) of what leaves no trace in the render.

    Told by names and arguments that stand nowhere else.
    """
    calls = calls_of(look)
    if not calls or (_argued(look) and _named(look)):
        return []
    gone = _gone(look)
    if gone is None:
        return [(turn, call, "the call") for turn, call in calls if call.name and call.name not in look.seen.text]
    lost: list[tuple[Turn, ToolCall, str]] = []
    n = 0
    for message, turn in zip(look.said.messages, look.said.turns, strict=True):
        listed = message.get("tool_calls")
        many = len(listed) if type(listed) is list else 0
        if not many and "function_call" not in message:
            continue  # calls written as text are lost with the text
        for k, call in enumerate(turn.calls):
            what = _what(call, {part for number, part in gone if number == n + k}) if k < many else "the call"
            if what:
                lost.append((turn, call, what))
        n += many
    return lost


def _what(call: ToolCall, gone: Set[int]) -> str:
    """What of a call is not written, in words; "" where all of it is."""
    names = _names_of(call.arguments)
    values = [name for j, name in enumerate(names) if j in gone]
    keys = [name for j, name in enumerate(names) if _KEYS - j in gone]
    if _NAME in gone or len(values) > 1 or (values and len(names) == 1):
        return "the call"
    if values:
        return f"the argument {values[0]!r} of the call"
    if keys:
        return f"the name of the argument {keys[0]!r} of the call"
    return _ORDER if _PLACE in gone else ""


def _argued(look: Look) -> bool:
    """Whether each call has arguments with a text in them and nothing else, and all those texts are in the render."""
    if not look.seen.exact or any(key[1] == "arguments" for key in look.seen.lost):
        return False
    told = {(n, part // MOST_LEAVES) for n, field, part in look.seen.places if field == "arguments"}
    written = [call for message in look.said.messages for call in _arguments_in(message)]
    return len(told) == sum(len(turn.calls) for turn in look.said.turns) and all(map(_only_texts, written))


_known_names = Known[bool]()


def _named(look: Look) -> bool:
    """Whether the names of the calls and of their arguments are in the render of all rows of this layout, in order: in
    the list of tools they are, too."""
    layout = look.seen.layout
    if layout is None:
        return False

    def named() -> bool:
        gone = _gone_by_kinds(look)
        return gone is not None and not any(part < 0 for _, part in gone)

    return _known_names.get(layout, "names", named)


def _only_texts(value: Any) -> bool:
    if type(value) is dict:
        return bool(value) and all(map(_only_texts, value.values()))
    return bool(value) and all(map(_only_texts, value)) if type(value) is list else type(value) is str


def _arguments_in(message: Message) -> Iterator[Any]:
    """The arguments of each call of a message, as they are written."""
    for call in calls if type(calls := message.get("tool_calls")) is list else ():
        inner = _inner(call)
        if type(inner) is dict and "arguments" in inner:
            yield inner["arguments"]


def _inner(call: Any) -> Any:
    return call.get("function", call) if type(call) is dict else call


# ---------------------------------------------------------------------- marks in the place of arguments

Owner = tuple[int, int]  # (call, argument), by their numbers
_NAME = -1  # in the place of an argument: the name of the call
_PLACE = -2  # its place among the calls of the turn
_ORDER = "the place among the others of the call"
_KEYS = -3  # the name of its first argument; that of the next one is one less
_MOST_TURNED = 8  # values of a row that are turned one by one, each of which takes a render
_known = Known[frozenset[Owner] | None]()


def _gone(look: Look) -> frozenset[Owner] | None:
    """The names and arguments of which something is not in the render; None where the template refuses marks in calls.

    Rows with arguments of the same names and kinds have that in common, where the template makes of them what their
    layouts say. A layout is of one shape, arguments and all, but for arguments that are written as JSON strings.
    """
    layout = look.seen.layout
    if not look.seen.exact or layout is None:
        return _tried(look)
    if any(call.raw is not None for _, call in calls_of(look)):
        return _gone_by_kinds(look)
    return _known.get(layout, "layout", lambda: _gone_by_kinds(look))


def _gone_by_kinds(look: Look) -> frozenset[Owner] | None:
    shown = [_outline(message) for message in _marked_calls(look, _Marks())]
    return _known.get(look.template, (bool(look.said.tools), repr(shown)), lambda: _tried(look))


def _outline(message: Message) -> Any:
    """What of a message decides on what becomes of calls; the numbers of calls do not."""
    content, calls = message.get("content"), message.get("tool_calls")
    listed = [_inner(call) for call in calls] if type(calls) is list else calls
    return message.get("role"), list(message), type(content), bool(content), listed


def _tried(look: Look) -> frozenset[Owner] | None:
    marks = _Marks()
    try:
        text = look.template.render(_marked_calls(look, marks), look.said.tools)
        gone = {owner for mark, owner in marks.owners.items() if mark not in text}
        for k, owner in enumerate(marks.turning[:_MOST_TURNED]):
            if look.template.render(_marked_calls(look, _Marks(turned=k)), look.said.tools) == text:
                gone.add(owner)
    except Exception:  # a template may raise anything
        return None
    return frozenset(gone | {*_out_of_place(look, marks, text)} | {*_keys_gone(look)})


def _out_of_place(look: Look, marks: _Marks, text: str) -> Iterator[Owner]:
    """The first call of each turn whose name stands before that of an earlier call of the turn."""
    places = {n: text.find(mark) for mark, (n, part) in marks.owners.items() if part == _NAME}
    n = 0
    for message in look.said.messages:
        calls = message.get("tool_calls")
        many = len(calls) if type(calls) is list else 0
        found = [(place, n + k) for k in range(many) if (place := places.get(n + k, -1)) >= 0]
        yield from [(later, _PLACE) for (one, _), (two, later) in pairwise(found) if two < one][:1]
        n += many


def _keys_gone(look: Look) -> Iterator[Owner]:
    """The arguments whose values are written and their names are not: where a name is another one, too.

    A template that asks for an argument by its name has it among its own words.
    """
    marks = _Marks(named=True)
    try:
        text = look.template.render(_marked_calls(look, marks), look.said.tools)
    except Exception:  # a template may raise anything
        return
    written = {owner for mark, owner in marks.owners.items() if mark in text}
    for name, (n, j) in marks.names.items():
        if name not in text and (n, j) in written:
            yield n, _KEYS - j


class _Marks:
    """Values that stand nowhere else, each of the kind of the one whose place it takes: templates go by kinds.

    `owners` are the marks as they are written, with what they stand for. True and false, null and what is empty
    cannot be marked: of these the one that is `turned` becomes another value, and the render has to change. Where they
    are `named` the arguments have other `names` as well.
    """

    def __init__(self, turned: int = -1, *, named: bool = False) -> None:
        self.owners: dict[str, Owner] = {}
        self.names: dict[str, Owner] = {}
        self._named = named
        self.turning: list[Owner] = []
        self._turned = turned

    def name(self, key: str, owner: Owner) -> str:
        """The name of an argument: its own, or one that stands nowhere else."""
        if not self._named:
            return key
        made = f"zQk{len(self.names):05d}Qz"
        self.names[made] = owner
        return made

    def put(self, value: Any, owner: Owner) -> Any:
        """The value with marks in it, as many as a call may have."""
        if value and type(value) is dict:
            return {key: self.put(item, owner) for key, item in value.items()}
        if value and type(value) is list:
            return [self.put(item, owner) for item in value[:MOST_LEAVES]]
        if type(value) is bool or value is None or type(value) in (dict, list):
            self.turning.append(owner)
            turned = len(self.turning) - 1 == self._turned
            return not turned if type(value) is bool else "zQturnedQz" if turned else value
        number = len(self.owners)
        whole = _NUMBER + number
        mark = f"zQx{number:05d}Qz" if type(value) is str else whole + 0.5 if type(value) is float else whole
        self.owners[str(mark)] = owner  # of a number that is cut off something else is written
        return mark


_NUMBER = 907_060_500_000  # the first of the numbers in the place of numbers


def _names_of(arguments: Any) -> list[str]:
    """The arguments that are marked, by name; those of a call that holds no object stand for one."""
    if type(arguments) is dict:
        return list(arguments)[:MOST_LEAVES]
    return ["value"] if arguments else []


def _marked_calls(look: Look, marks: _Marks) -> list[Message]:
    numbers = count()
    return [
        {**message, "tool_calls": [_marked_call(call, next(numbers), marks) for call in calls]}
        if type(calls := message.get("tool_calls")) is list
        else message
        for message in prepared(look.said.messages)
    ]


def _marked_call(call: Any, number: int, marks: _Marks) -> Any:
    if type(call) is not dict:
        return call
    if type(inner := call.get("function")) is dict:
        return {**call, "function": _marked_call(inner, number, marks)}
    given = call.get("arguments")
    arguments = parsed(given)[0]
    values = arguments if type(arguments) is dict else dict.fromkeys(_names_of(arguments), arguments)
    name = marks.put("name", (number, _NAME))
    owned = [(each, (number, j)) for j, each in enumerate(_names_of(values))]
    argued: Any = {marks.name(each, owner): marks.put(values[each], owner) for each, owner in owned}
    if type(given) is str:
        argued = json.dumps(argued)
    return {**call, "name": name, "arguments": argued}


_DECLARED = {**chat(user="Who wrote Peer Gynt?", assistant="Ibsen."), "tools": asked({})["tools"]}
_WEATHER: dict[str, Any] = {"name": "weather", "description": "How warm it is", "parameters": {"type": "object"}}
_DESCRIBED = {**asked('{"place": "Oslo"}'), "tools": [{"type": "function", "function": _WEATHER}]}


class ToolsLeftOut(TemplateSetRule, frozen=True):
    """The template leaves out the tools that a row declares.

    Many templates know no tools, and some write them in a request but not in a whole conversation. What the
    model then learns is to call what it was never told of, or, of rows without calls, to answer as if there
    were no tools. Others write names and descriptions, and leave out the parameters. A tool, or a parameter, of which
    a system or user turn speaks by name is told of.
    """

    code = "TPL020"
    bit = UNTOLD
    GOOD = [
        [asked({"place": "Oslo"}), _DECLARED],
        [
            {
                **chat(system="You may call weather.", user="Who wrote Peer Gynt?", assistant="Ibsen."),
                "tools": _DECLARED["tools"],
            }
        ],
    ]
    BAD = [
        Bad([chat(user="What is 2+2?", assistant="4"), _DECLARED], at="1:tools", options={"template": "llama-3"}),
        Bad([_DESCRIBED], at="0:tools", options={"template": "deepseek-v3"}),
        Bad([asked('{"place": "Oslo"}')], at="0:tools", options={"template": "phi-3"}),
    ]
    template: TemplateName = "qwen2.5"

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        names = untold(look)
        at = "tools" if "tools" in look.example.value else ""
        if not names:
            tool, lost = next(iter(undescribed(look).items()))
            message = (
                f"the parameters of {tool} are not in what {look.template.name} renders: nothing tells of {lost[0]}"
            )
            return at, message, {"lost": lost[:20], "tools": len(look.said.tools)}
        message = (
            f"the tools of the row are not in what {look.template.name} renders: nothing tells the model of {names[0]}"
        )
        return at, message, {"lost": names[:20], "tools": len(look.said.tools)}

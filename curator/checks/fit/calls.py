"""TPL004, TPL020: calls and tools that are not in what the template renders."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from curator.checks.fit.bases import TemplateName, TemplateRule, TemplateSetRule, asked
from curator.checks.fit.facts import UNTOLD, untold
from curator.checks.fit.looks import Look, calls_of, one_line, quoted
from curator.formats.turns import parsed
from curator.model import Flag, ToolCall, Turn
from curator.rule import Bad, chat
from curator.templates import MOST_LEAVES, Layout, Message, prepared


class ToolCallLost(TemplateRule, frozen=True):
    """A tool call is not in what the template renders, or without its arguments.

    Many templates know no calls, or only the first of several. The model then learns to say nothing where
    it should call, and to answer from results it never asked for.
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
        for turn, call, part in _lost_calls(look):
            what = f"the argument {part!r} of the call" if part else "the call"
            message = f"{what} of {call.name} is not in what {look.template.name} renders"
            written = call.raw if call.raw is not None else json.dumps(call.arguments, ensure_ascii=False, default=str)
            yield Flag(
                call.path, one_line(message), evidence={"lost": quoted(f"{call.name}({written})"), "role": turn.role}
            )


def _lost_calls(look: Look) -> list[tuple[Turn, ToolCall, str]]:
    """(turn, call, argument) of what leaves no trace in the render; "" where more of a call is gone than one argument.

    Told by names and arguments that stand nowhere else.
    """
    calls = calls_of(look)
    if not calls or _argued(look):
        return []
    marks = _kept_marks(look)
    if marks is None:
        return [(turn, call, "") for turn, call in calls if call.name and call.name not in look.seen.text]
    lost: list[tuple[Turn, ToolCall, str]] = []
    n = 0
    for message, turn in zip(look.said.messages, look.said.turns, strict=True):
        listed = message.get("tool_calls")
        many = len(listed) if type(listed) is list else 0
        if not many and "function_call" not in message:
            continue  # calls written as text are lost with the text
        for k, call in enumerate(turn.calls):
            names = _names_of(call.arguments)
            gone = [name for j, name in enumerate(names) if k >= many or _call_mark(n + k, f"a{j}") not in marks]
            if k >= many or _call_mark(n + k, "n") not in marks or len(gone) > 1:
                lost.append((turn, call, ""))
            elif gone:
                lost.append((turn, call, gone[0] if len(names) > 1 else ""))
        n += many
    return lost


_MOST_KEPT = 5000
_kept: dict[tuple[int, tuple[tuple[str, ...], ...]], tuple[Layout, frozenset[str] | None]] = {}


def _kept_marks(look: Look) -> frozenset[str] | None:
    """The marks of the calls that are in the render; None where the template refuses them.

    Rows of one layout, of which the template makes what the layout says, and with arguments of the same names have them alike.
    """
    layout = look.seen.layout if look.seen.exact else None
    names = tuple(tuple(_names_of(call.arguments)) for _, call in calls_of(look))
    if layout is None:
        return _marks_in(look)
    known = _kept.get((id(layout), names))
    if known is None or known[0] is not layout:
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        known = _kept[id(layout), names] = layout, _marks_in(look)
    return known[1]


def _marks_in(look: Look) -> frozenset[str] | None:
    try:
        text = look.template.render(_marked_calls(look, count()), look.said.tools)
    except Exception:  # a template may raise anything
        return None
    return frozenset(_CALL_MARK.findall(text))


def _argued(look: Look) -> bool:
    """Whether each call has arguments with a text in them, and all those texts are in the render."""
    if not look.seen.exact or any(key[1] == "arguments" for key in look.seen.lost):
        return False
    told = {(n, part // MOST_LEAVES) for n, field, part in look.seen.places if field == "arguments"}
    return len(told) == sum(len(turn.calls) for turn in look.said.turns)


def _call_mark(number: int, kind: str) -> str:
    return f"zQ{kind}x{number:05d}Qz"


_CALL_MARK = re.compile(r"zQ(?:n|a\d+)x\d{5,}Qz")


def _names_of(arguments: Any) -> list[str]:
    """The arguments that are marked, by name; those of a call that holds no object stand for one."""
    if type(arguments) is dict:
        return list(arguments)[:MOST_LEAVES]
    return ["value"] if arguments else []


def _marked_calls(look: Look, numbers: Iterator[int]) -> list[Message]:
    return [
        {**message, "tool_calls": [_marked_call(call, next(numbers)) for call in calls]}
        if type(calls := message.get("tool_calls")) is list
        else message
        for message in prepared(look.said.messages)
    ]


def _marked_call(call: Any, number: int) -> Any:
    if type(call) is not dict:
        return call
    if type(inner := call.get("function")) is dict:
        return {**call, "function": _marked_call(inner, number)}
    given = call.get("arguments")
    names = _names_of(parsed(given)[0])
    argued: Any = {name: _call_mark(number, f"a{j}") for j, name in enumerate(names)}
    if type(given) is str:
        argued = json.dumps(argued)
    return {**call, "name": _call_mark(number, "n"), "arguments": argued}


_DECLARED = {**chat(user="Who wrote Peer Gynt?", assistant="Ibsen."), "tools": asked({})["tools"]}
_WEATHER: dict[str, Any] = {"name": "weather", "description": "How warm it is", "parameters": {"type": "object"}}
_DESCRIBED = {**asked('{"place": "Oslo"}'), "tools": [{"type": "function", "function": _WEATHER}]}


class ToolsLeftOut(TemplateSetRule, frozen=True):
    """The template leaves out the tools that a row declares.

    Many templates know no tools, and some write them in a request but not in a whole conversation. What the
    model then learns is to call what it was never told of, or, of rows without calls, to answer as if there
    were no tools. A tool of which a system or user turn speaks by name is told of.
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
        message = (
            f"the tools of the row are not in what {look.template.name} renders: nothing tells the model of {names[0]}"
        )
        return at, message, {"lost": names[:20], "tools": len(look.said.tools)}

"""TPL001, TPL013: rows that the template fails on, or writes as no model calls."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from curator.checks.fit.bases import TemplateRule, asked
from curator.checks.fit.known import Known
from curator.checks.fit.looks import Look, calls_of, one_line, quoted, renderer
from curator.model import Flag
from curator.rule import Bad, chat
from curator.templates import Message, Template, prepared, reason

_DEEP = 64  # turns that are tried one by one to find where a render fails


class RenderFails(TemplateRule, frozen=True):
    """The chat template refuses the row.

    Templates raise an error for orders and roles that the model never saw, and stumble over content of a
    type they do not expect. A trainer stops there, or skips the row with a line in its log.
    """

    code = "TPL001"
    severity = "error"
    GOOD = [chat(system="Be brief.", user="What is 2+2?", assistant="4")]
    BAD = [
        Bad(
            chat(system="Be brief.", user="What is 2+2?", assistant="4"),
            at="messages[0].content",
            options={"template": "gemma"},
        ),
        Bad(
            chat(user="What is 2+2?", user2="And 3+3?", assistant="4 and 6"),
            at="messages[1].content",
            options={"template": "gemma-3"},
        ),
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        if not look.seen.error or (why := _why(look)).objects:
            return
        n, wants = why.turn, why.wants
        turn = look.said.turns[n]
        message = f"the template {look.template.name} refuses the row at its {turn.said or turn.role} turn: {look.seen.error}{wants}"
        evidence = {"error": look.seen.error, "turn": n, "role": turn.said or turn.role, "text": quoted(turn.text)}
        yield turn.flag(one_line(message), evidence=evidence)


class Why(NamedTuple):
    """Why a row is refused: for the `objects` that the template wants as arguments, or with which `turn`, and what
    it `wants` instead, in words."""

    objects: bool
    turn: int = 0
    wants: str = ""


_known = Known[Why]()


def _why(look: Look) -> Why:
    """Why a row is refused, which is tried once for all rows of its shape that are refused in the same words."""
    shape = renderer(look.spec).refused(prepared(look.said.messages), look.said.tools, look.seen.error)
    if shape is None:
        return _tried(look)
    written = [_outline(call.arguments) if call.raw is not None else None for _, call in calls_of(look)]
    nulls = [[key for key, value in message.items() if value is None] for message in look.said.messages]
    return _known.get(look.template, (shape, repr(written), repr(nulls)), lambda: _tried(look))


def _outline(value: Any) -> Any:
    """A JSON value with all its texts alike, but for whether they say anything."""
    if type(value) is dict:
        return {key: _outline(item) for key, item in value.items()}
    if type(value) is list:
        return [_outline(item) for item in value]
    return bool(value) if type(value) is str else value


def _tried(look: Look) -> Why:
    if _needs_objects(look):
        return Why(True)
    wants = " (it takes the arguments of calls as JSON strings)" if _needs_strings(look) else ""
    if any(None in message.values() for message in look.said.messages):
        nulls = render_error(look.template, look.said.messages, look.said.tools)
        wants = wants or ("" if nulls else " (it takes null, which transformers leaves out)")
    return Why(False, _failing(look), wants)


def _failing(look: Look) -> int:
    """The turn with which the render begins to fail."""
    if "it does not end" in look.seen.error:  # nor would the parts, each of which takes as long
        return len(look.said.turns) - 1
    said = prepared(look.said.messages)
    for n in range(1, min(len(said), _DEEP)):
        if render_error(look.template, said[:n], look.said.tools):
            return n - 1
    return len(said) - 1


def render_error(template: Template, said: Sequence[Message], tools: Sequence[Any]) -> str:
    try:
        template.render(said, tools)
    except Exception as error:  # a template may raise anything
        return reason(error)
    return ""


def _with_arguments(look: Look, change: Any) -> list[Message]:
    """The messages with the arguments of every call changed."""
    return [
        {**message, "tool_calls": [_changed(call, change) for call in calls]}
        if type(calls := message.get("tool_calls")) is list
        else message
        for message in prepared(look.said.messages)
    ]


def _changed(call: Any, change: Any) -> Any:
    if type(call) is not dict:
        return call
    if type(inner := call.get("function")) is dict:
        return {**call, "function": _changed(inner, change)}
    return {**call, "arguments": change(call.get("arguments"))}


def _as_object(arguments: Any) -> Any:
    if type(arguments) is not str:
        return arguments
    try:
        found = json.loads(arguments)
    except ValueError:
        return arguments
    return found if type(found) is dict else arguments


def _needs_objects(look: Look) -> bool:
    """Whether the template fails on JSON strings as arguments, and takes objects."""
    written = any(call.raw is not None for _, call in calls_of(look))
    return written and not render_error(look.template, _with_arguments(look, _as_object), look.said.tools)


def _needs_strings(look: Look) -> bool:
    """Whether the template fails on objects as arguments, and takes JSON strings."""
    if not any(type(call.arguments) is dict and call.raw is None for _, call in calls_of(look)):
        return False
    said = _with_arguments(look, lambda value: value if type(value) is str else json.dumps(value, ensure_ascii=False))
    return not render_error(look.template, said, look.said.tools)


class ArgumentsEscapedTwice(TemplateRule, frozen=True):
    """The template writes the arguments of a call as JSON once more, or fails on them.

    The arguments are a JSON string in the row, as in OpenAI's format; the template expects an object. What
    it writes is a string in quotation marks with a backslash before each quotation mark in it, and that is
    how the model learns to call.
    """

    code = "TPL013"
    severity = "error"
    exempt = TemplateRule.exempt | {"harmony", "trl-chat"}  # their arguments are objects
    GOOD = [asked({"place": "Oslo"}), chat(user="Is it warm in Oslo?", assistant="Not very.")]
    BAD = [Bad(asked('{"place": "Oslo"}'), at="messages[1].tool_calls[0]", options={"template": "qwen2.5"})]

    def judge(self, look: Look) -> Iterator[Flag]:
        calls = [call for _, call in calls_of(look) if call.raw is not None and type(call.arguments) is dict]
        fails = bool(look.seen.error and calls) and _why(look).objects
        for call in calls:
            assert call.raw is not None
            within = json.dumps(call.raw, ensure_ascii=False)
            twice = {within, json.dumps(call.raw)}
            if fails:
                message = (
                    f"{look.template.name} takes the arguments as an object, not as a JSON string: {look.seen.error}"
                )
            elif any(form in look.seen.text for form in twice):
                message = f"{look.template.name} writes the arguments as a JSON string within JSON: it takes an object"
            else:
                continue
            evidence = {"lost": quoted(call.raw), "rendered": quoted(within), "name": call.name}
            yield Flag(call.path, one_line(message), evidence=evidence)

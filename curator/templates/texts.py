"""The texts of a conversation, each under its key, and the conversation with others in their place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from curator.templates.searching import Key
from curator.templates.template import Message

MOST_LEAVES = 100  # texts in the arguments of one call that get slots of their own
_PART_KEYS = ("text", "content", "value")
THOUGHTS = ("reasoning_content", "thinking", "reasoning")  # the names of one and the same text


def texts_of(said: Sequence[Message]) -> dict[Key, str]:
    """Every text of a conversation in the order it is read: reasoning, contents, arguments and ids of calls."""
    found: dict[Key, str] = {}
    for n, message in enumerate(said):
        if type(thought := message.get("reasoning_content")) is str:
            found[n, "reasoning_content", 0] = thought
        content = message.get("content")
        if type(content) is str:
            found[n, "content", 0] = content
        elif type(content) is list:
            for k, part in enumerate(content):
                name = _part_key(part)
                if name:
                    found[n, "content", k] = part if type(part) is str else part[name]
        if "tool_calls" in message or "tool_call_id" in message:
            found |= _texts_of_calls(n, message)
    return found


def _texts_of_calls(n: int, message: Message) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for k, call in enumerate(_calls(message)):
        if type(number := call.get("id")) is str:
            found[n, "id", k] = number
        for j, leaf in enumerate(_leaves(_inner(call).get("arguments"))):
            found[n, "arguments", k * MOST_LEAVES + j] = leaf
    if type(number := message.get("tool_call_id")) is str:
        found[n, "tool_call_id", 0] = number
    return found


def _calls(message: Message) -> list[dict[str, Any]]:
    """The calls of a message; none where one of them is no object."""
    calls = message.get("tool_calls")
    return calls if type(calls) is list and all(type(call) is dict for call in calls) else []


def _inner(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function")
    return function if type(function) is dict else call


def _leaves(value: Any) -> list[str]:
    """The strings in a JSON value, keys left out; the first ones where there are very many."""
    if type(value) is str:
        return [value]
    inside = value.values() if type(value) is dict else value if type(value) is list else ()
    return [leaf for item in inside for leaf in _leaves(item)][:MOST_LEAVES]


def _with_leaves(value: Any, leaves: Iterator[str]) -> Any:
    """The JSON value with its strings replaced, for as long as there are new ones."""
    if type(value) is str:
        return next(leaves, value)
    if type(value) is dict:
        return {key: _with_leaves(item, leaves) for key, item in value.items()}
    return [_with_leaves(item, leaves) for item in value] if type(value) is list else value


def with_texts(said: Sequence[Message], marks: dict[Key, str]) -> list[Message]:
    """The messages with their texts replaced."""
    shown = []
    for n, message in enumerate(said):
        made = dict(message)
        if (mark := marks.get((n, "reasoning_content", 0))) is not None:
            made |= {key: mark for key in THOUGHTS if key in made}
        content = message.get("content")
        if type(content) is str:
            made["content"] = marks.get((n, "content", 0), content)
        elif type(content) is list:
            made["content"] = [_part_with(part, marks.get((n, "content", k))) for k, part in enumerate(content)]
        if calls := _calls(message):
            made["tool_calls"] = [_call_with(call, n, k, marks) for k, call in enumerate(calls)]
        if (mark := marks.get((n, "tool_call_id", 0))) is not None:
            made["tool_call_id"] = mark
        shown.append(made)
    return shown


def _call_with(call: dict[str, Any], n: int, k: int, marks: dict[Key, str]) -> dict[str, Any]:
    inner = _inner(call)
    made = {**call}
    if (mark := marks.get((n, "id", k))) is not None:
        made["id"] = mark
    if "arguments" in inner:
        old = enumerate(_leaves(inner["arguments"]))
        new = _with_leaves(
            inner["arguments"], iter([marks.get((n, "arguments", k * MOST_LEAVES + j), leaf) for j, leaf in old])
        )
        made |= {"function": {**inner, "arguments": new}} if inner is not call else {"arguments": new}
    return made


def _part_key(part: Any) -> str:
    if type(part) is str:
        return "text"
    if type(part) is not dict:
        return ""
    return next((key for key in _PART_KEYS if type(part.get(key)) is str), "")


def _part_with(part: Any, mark: str | None) -> Any:
    if mark is None:
        return part
    return mark if type(part) is str else {**part, _part_key(part): mark}


def thinks_once(message: Message) -> bool:
    """Whether the names of the reasoning of a message all stand for one text."""
    thoughts = [message[key] for key in THOUGHTS if key in message]
    return not thoughts or (type(thoughts[0]) is str and all(thought == thoughts[0] for thought in thoughts))


def is_blank(message: Message) -> bool:
    return type(content := message.get("content")) is str and not content.strip()

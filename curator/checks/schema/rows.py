"""Example rows, and the messages and columns of a row as its rules read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from curator.formats.chat import CONTAINERS
from curator.formats.detect import stringified
from curator.model import Example, Turn
from curator.paths import get, parse
from curator.rule import Row


def said(*messages: Any) -> Row:
    """A row in which the user says "Hi" before the messages given."""
    return {"messages": [{"role": "user", "content": "Hi"}, *messages]}


def answer(**keys: Any) -> Row:
    """A row whose answer is "Hello.", with more keys in its message or others in their place."""
    return said({"role": "assistant", "content": "Hello.", **keys})


HELLO = answer()
CALL = {"id": "call_1", "type": "function", "function": {"name": "time", "arguments": "{}"}}
TOOL: Row = {"type": "function", "function": {"name": "time", "parameters": {"type": "object"}}}
TOOLS = said(
    {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 0},
    {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
    {"role": "assistant", "reasoning_content": "It is noon.", "content": "Noon.", "weight": 1, "name": "ada"},
) | {"tools": [TOOL], "id": 7, "source": "made up"}
PIC = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
PARTS: Row = {
    "messages": [
        {"role": "user", "content": [PIC, {"type": "text", "text": "What is this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
    ]
}
REFUSAL = answer(content=None, refusal="I will not.")
SHARED: Row = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]}
ASKED = {"from": "human", "value": "Hi"}


def messages(example: Example) -> Iterator[tuple[Turn, Row, str]]:
    """(turn, its message object, path of the object) for the turns that are message objects."""
    prefix, listed = None, None
    for turn in example.all_turns():
        base = turn.base
        if not base:
            continue
        message: Any
        if base.endswith("]"):
            above, _, index = base[:-1].rpartition("[")
            if above != prefix:
                prefix, listed = above, get(example.value, above)
            message = listed[int(index)] if type(listed) is list else None
        else:
            message = get(example.value, base)
        if type(message) is dict:
            yield turn, message, base


def columns(example: Example) -> Iterator[tuple[Turn, str, Any]]:
    """(turn, column, its value or MISSING) for the turns that are columns of the row itself."""
    for turn in example.all_turns():
        if not turn.base and len(steps := parse(turn.path)) == 1:
            yield turn, turn.path, example.value.get(steps[0], MISSING)


MISSING = object()


def kind(item: Any) -> str:
    """What a JSON value is, in words."""
    if item is None:
        return "null"
    if type(item) is str:
        return "a string"
    if type(item) in (int, float, bool):
        return json.dumps(item)
    return "an object" if type(item) is dict else "a list"


_QUOTED_PAIRS = (
    ("prompt", "completion"),
    ("chosen", "rejected"),
    ("preferred_output", "non_preferred_output"),
    ("chosen_messages", "rejected_messages"),
)


def quoted(value: Row) -> dict[str, list[Any]]:
    """The messages that stand as strings where a list of them belongs, by key."""
    found = {key: messages for key, item in value.items() if type(item) is str and (messages := stringified(item))}
    # One half of a pair may be an answer that happens to be a list of messages; both are not.
    places = (*((key,) for key in CONTAINERS if key != "text"), *_QUOTED_PAIRS)
    return {key: found[key] for keys in places if found.keys() >= set(keys) for key in keys}

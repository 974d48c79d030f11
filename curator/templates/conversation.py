"""The conversations of a row as messages for a template, and the way back from a message to its turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from curator.formats.writing import wrapped_tools
from curator.model import Example, Turn
from curator.paths import get
from curator.templates.template import Message

UNTEMPLATED = frozenset({"text", "input-output", "tokenized"})  # rows that no trainer puts a template around
_RENAMED = frozenset({"axolotl", "llama-factory", "llama-factory-v1"})  # shapes of trainers that rename the roles


class Conversation(NamedTuple):
    """One side of a row: message i is what turn i became."""

    turns: tuple[Turn, ...]
    messages: list[Message]
    tools: tuple[Any, ...]


def conversations(example: Example, *, renamed: bool = False) -> Iterator[Conversation]:
    """What a trainer renders of a row: one conversation, or one for each side of a preference pair.

    Messages are handed on as the row has them, roles and all; of the spelling from/value only the keys
    are renamed, as TRL does, or with `renamed` the roles as well, as LLaMA-Factory and axolotl do. Rows of
    other shapes become messages of the canonical roles.
    """
    if example.shape in UNTEMPLATED:
        return
    for turns in example.sides():
        messages = _listed(example, turns)
        if messages is None:
            known = example.shape in _RENAMED or (renamed and example.shape == "sharegpt")
            make = canonical if known else partial(_message, example)
            messages = [make(turn) for turn in turns]
        if messages:
            yield Conversation(turns, messages, _tools(example))


def _tools(example: Example) -> tuple[Any, ...]:
    """The tools as templates want them."""
    return tuple(wrapped_tools(example)) if example.shape == "bedrock-converse" else example.tools


def _listed(example: Example, turns: Sequence[Turn]) -> list[Message] | None:
    """The message list of the commonest rows, at no cost."""
    if example.shape != "openai-chat" or type(listed := example.value.get("messages")) is not list:
        return None
    if len(listed) != len(turns) or not all(type(message) is dict and "role" in message for message in listed):
        return None
    return listed


def _message(example: Example, turn: Turn) -> Message:
    raw = get(example.value, turn.base) if turn.base else None
    if type(raw) is dict and example.shape != "bedrock-converse":
        if "role" in raw and ("content" in raw or "tool_calls" in raw or "function_call" in raw):
            return raw
        if "from" in raw and "value" in raw:
            rest = {key: value for key, value in raw.items() if key not in ("from", "value")}
            return {"role": raw["from"], "content": raw["value"], **rest}
    return canonical(turn)


def canonical(turn: Turn) -> Message:
    """A turn as an OpenAI message with its canonical role; arguments of calls as they were written."""
    message: Message = {"role": turn.role, "content": turn.text if turn.content else None}
    if turn.calls:
        message["tool_calls"] = [
            {
                "type": "function",
                **({"id": call.id} if call.id else {}),
                "function": {"name": call.name, "arguments": call.arguments if call.raw is None else call.raw},
            }
            for call in turn.calls
        ]
    extra = {"tool_call_id": turn.call_id, "name": turn.name, "reasoning_content": turn.reasoning}
    return message | {key: value for key, value in extra.items() if value is not None}

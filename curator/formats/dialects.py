"""Shapes that are read as their kin are and written in a way of their own.

Mistral, axolotl, harmony (gpt-oss), TRL and LLaMA-Factory take the message lists of openai-chat or sharegpt
with other words, and with limits of their own. A set of theirs is recognised as its kin; `dialect_of`
tells a row by the words that only they use.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from typing import Any

import msgspec

from curator.formats.adapter import Adapter, Losses, Row, Written
from curator.formats.chat import (
    OPENAI_CHAT,
    container,
    matches_anthropic,
    matches_chat,
    read_chat,
    read_sharegpt,
    shared_messages,
)
from curator.formats.preference import kto_label, read_trl_kto, read_trl_preference
from curator.formats.turns import is_shared, parsed
from curator.formats.writing import (
    answered,
    as_messages,
    bare_tools,
    carried,
    json_text,
    plain,
    put_tools,
    system_and_rest,
)
from curator.model import Example, Turn


def dialect_of(example: Example) -> str:
    """The shape that the row is of in the narrow sense, where its words tell: those of one of these, or of TRL."""
    if example.shape != "openai-chat":
        return "llama-factory" if example.shape in _FACTORY_KIN and _is_factory(example.value) else example.shape
    if matches_anthropic(example.value):
        return "anthropic-bedrock"
    if matches_harmony(example.value) > _CHAT:
        return "harmony"
    if matches_trl(example.value) > _CHAT:
        return "trl-chat"
    return "axolotl" if matches_axolotl(example.value) > _CHAT else "openai-chat"


def said_of(example: Example) -> str:
    """The shape as reports name it: a pair or a verdict that LLaMA-Factory alone reads is told from one of TRL."""
    compared = example.shape in ("trl-preference", "trl-kto")
    return "llama-factory" if compared and _is_factory(example.value) else example.shape


def _is_factory(value: Row) -> bool:
    """True for a sharegpt conversation with a system prompt, one message a side, or a verdict beside it."""
    if not matches_factory(value):
        return False
    pair = type(value.get("chosen")) is dict and type(value.get("rejected")) is dict
    return pair or type(value.get("system")) is str or type(value.get("kto_tag")) is bool


_FACTORY_KIN = frozenset({"sharegpt", "trl-preference", "trl-kto"})
_CHAT, _MARKED = 0.6, 0.85  # confidence in a row that could be any of the kin, and in one with words of the shape


def _matches(value: Row, marked: bool) -> float:
    return 0.0 if matches_chat(value) < _CHAT else _MARKED if marked else _CHAT


def _messages(value: Row) -> list[Row]:
    found = value.get("messages")
    return [message for message in found if type(message) is dict] if type(found) is list else []


def _of(shape: str, example: Example) -> Example:
    return msgspec.structs.replace(example, shape=shape)


# ---------------------------------------------------------------------- mistral

_NINE = re.compile(r"[a-zA-Z0-9]{9}")


def matches_mistral(value: Row) -> float:
    return _matches(value, "interactions" in value or "available_tools" in value)


def read_mistral(value: Row) -> Example:
    return _of("mistral", read_chat(value))


def write_mistral(example: Example) -> Written:
    """One system message, ids of nine letters and digits, and no text beside calls."""
    losses = Losses()
    turns = answered(example, losses)
    system, rest = system_and_rest(example, turns, losses)
    messages = as_messages(example, rest, losses)
    names: dict[str, str] = {}
    for message in messages:
        if "reasoning_content" in message:
            losses.note("reasoning")
            del message["reasoning_content"]
        if message.get("name") is not None and message["role"] != "tool":
            losses.note("names")
            del message["name"]
        if message.get("tool_calls"):
            if message.get("content") is not None:
                losses.note("the text beside tool calls")
                del message["content"]
            for call in message["tool_calls"]:
                call["id"] = _nine(call["id"], names, losses)
        if type(number := message.get("tool_call_id")) is str:
            message["tool_call_id"] = _nine(number, names, losses)
    if not any(turn.role == "assistant" for turn in rest):
        losses.lack("the answer")
    row: Row = {"messages": messages if system is None else [{"role": "system", "content": system}, *messages]}
    put_tools(row, example)
    if "tools" in row:
        row["tools"] = [_complete(tool) for tool in row["tools"]]
    return Written(row | carried(example, MISTRAL.keys, losses), losses)


def _nine(number: str, names: dict[str, str], losses: Losses) -> str:
    """The id as nine letters and digits: as it is where it has that form, else one made from it."""
    if _NINE.fullmatch(number):
        return number
    losses.note("tool call ids")
    return names.setdefault(number, hashlib.blake2b(number.encode("utf-8", "surrogatepass")).hexdigest()[:9])


def _complete(tool: Any) -> Any:
    """The declaration with what Mistral wants of every one, where it is missing."""
    if type(tool) is not dict or type(function := tool.get("function")) is not dict:
        return tool
    empty = {"description": "", "parameters": {"type": "object", "properties": {}}}
    missing = {key: item for key, item in empty.items() if key not in function}
    return {**tool, "function": {**function, **missing}}


# ---------------------------------------------------------------------- axolotl


def matches_axolotl(value: Row) -> float:
    return _matches(value, any("train" in message or "train_detail" in message for message in _messages(value)))


def read_axolotl(value: Row) -> Example:
    return _of("axolotl", read_chat(value))


def write_axolotl(example: Example) -> Written:
    """For `type: chat_template`; a weight becomes the flag `train`."""
    losses = Losses()
    messages = as_messages(example, answered(example, losses), losses, weighted=True)
    for message in messages:
        if (weight := message.pop("weight", None)) is not None:
            message["train"] = weight == 1
    row: Row = {"messages": messages}
    put_tools(row, example)
    return Written(row | carried(example, AXOLOTL.keys, losses), losses)


# ---------------------------------------------------------------------- harmony


def matches_harmony(value: Row) -> float:
    return _matches(value, any("thinking" in message or "channel" in message for message in _messages(value)))


def read_harmony(value: Row) -> Example:
    return _of("harmony", read_chat(value))


def write_harmony(example: Example) -> Written:
    """The messages that gpt-oss's template renders: `thinking` is the analysis channel, arguments are objects.

    A system message stays one: the template renders it as developer instructions.
    """
    losses = Losses()
    messages = as_messages(example, answered(example, losses), losses)
    for message in messages:
        if (thoughts := message.pop("reasoning_content", None)) is not None:
            message["thinking"] = thoughts
        if not message.pop("weight", 1):
            losses.note("weights")
    _as_objects(messages, losses)
    row: Row = {"messages": messages}
    put_tools(row, example)
    return Written(row | carried(example, HARMONY.keys, losses), losses)


def _as_objects(messages: list[Row], losses: Losses) -> None:
    """Make the arguments of every call an object."""
    for message in messages:
        for call in message.get("tool_calls", ()):
            found = parsed(call["function"]["arguments"])[0]
            if type(found) is dict:
                call["function"]["arguments"] = found
            else:
                losses.note("arguments that are no object")


# ---------------------------------------------------------------------- trl


def matches_trl(value: Row) -> float:
    return _matches(value, any(_has_objects(message.get("tool_calls")) for message in _messages(value)))


def _has_objects(calls: Any) -> bool:
    """True where the arguments of a call are an object: chat templates want one, openai-chat wants a string."""
    return type(calls) is list and any(
        type(call) is dict and type(inner := call.get("function")) is dict and type(inner.get("arguments")) is dict
        for call in calls
    )


def read_trl(value: Row) -> Example:
    return _of("trl-chat", read_chat(value))


def write_trl(example: Example) -> Written:
    """The messages that chat templates render: as in openai-chat, with the arguments of calls as objects."""
    losses = Losses()
    messages = as_messages(example, answered(example, losses), losses)
    _as_objects(messages, losses)
    row: Row = {"messages": messages}
    put_tools(row, example)
    return Written(row | carried(example, TRL_CHAT.keys, losses), losses)


# ---------------------------------------------------------------------- llama-factory


def matches_factory(value: Row) -> float:
    return 0.9 if container(value) == "conversations" and is_shared(value["conversations"]) else 0.0


def read_factory(value: Row) -> Example:
    """A conversation, a pair where `chosen` and `rejected` stand beside it, or a verdict where `kto_tag` does."""
    if "chosen" in value and "rejected" in value:
        return _of("llama-factory", read_trl_preference(value))
    if kto_label(value) is not None:
        return _of("llama-factory", read_trl_kto(value))
    return _of("llama-factory", read_sharegpt(value))


def write_factory(example: Example) -> Written:
    """Its sharegpt formatting: human and observation in turn with gpt and function_call, the system beside them.

    It skips rows in any other order and says so in its log alone.
    """
    losses = Losses()
    turns = example.turns if example.rejected else example.turns + example.chosen
    system, rest = system_and_rest(example, turns, losses)
    messages = _in_turn(example, plain(example, rest, losses, _KEPT), losses)
    if messages and messages[0]["from"] in _REPLIES:
        losses.lack("the question before the first answer")
    last = messages[-1]["from"] if messages else ""
    if not example.rejected and last not in _REPLIES:
        losses.lack("the answer")
    row: Row = {"conversations": messages}
    if example.rejected:
        if last in _REPLIES:
            losses.lack("the question before the two answers")
        for key, side in (("chosen", example.chosen), ("rejected", example.rejected)):
            said = _in_turn(example, plain(example, side, losses, _KEPT), losses)
            said = [message for message in said if message["from"] in _REPLIES]
            if not said:
                losses.lack(f"the {key} answer")
            if len(said) > 1 or len(side) > 1:
                losses.note("the turns after the first of a preferred or rejected answer")
            row[key] = said[0] if said else {"from": "gpt", "value": ""}
    if example.label is not None:
        row["kto_tag"] = example.label
    if system is not None:
        row["system"] = system
    if example.tools:
        row["tools"] = json_text(bare_tools(example))
    return Written(row | carried(example, FACTORY.keys, losses), losses)


_KEPT = ("tools", "tool calls", "tool results")
_REPLIES = frozenset({"gpt", "function_call"})


def _in_turn(example: Example, turns: tuple[Turn, ...], losses: Losses) -> list[Row]:
    """The turns as messages of which every other is a reply; neighbours of one kind are joined."""
    messages: list[Row] = []
    for turn in turns:
        if turn.calls and turn.content and turn.text:
            losses.note("the text beside tool calls")
        if turn.role not in ("user", "assistant", "tool"):
            losses.note(f"the role {turn.role!r}")
        made = shared_messages(example, turn, Losses())[-1]
        message = {"from": made["from"], "value": made["value"]}
        if message["from"] not in ("human", "observation", *_REPLIES):
            message["from"] = "human"
        before = messages[-1] if messages else None
        if before and (before["from"] in _REPLIES) == (message["from"] in _REPLIES):
            losses.note("the border between turns of one speaker")
            if before["from"] != message["from"]:
                losses.note("the place of tool calls and their results beside other turns")
            before["value"] += f"\n\n{message['value']}"
        else:
            messages.append(message)
    return messages


def entry(file_name: str, keys: Collection[str]) -> Row:
    """The entry of `dataset_info.json` that makes LLaMA-Factory read a file whose rows have these keys."""
    columns = {"messages": "conversations"}
    columns |= {key: key for key in ("system", "tools", "chosen", "rejected", "kto_tag") if key in keys}
    found: Row = {"file_name": file_name, "formatting": "sharegpt"}
    if "rejected" in columns:
        found["ranking"] = True
    return found | {"columns": columns}


_KEYS = OPENAI_CHAT.keys - {"weight"}  # the weight of a row is Together's
MISTRAL = Adapter("mistral", _KEYS, matches_mistral, read_mistral, write_mistral)
AXOLOTL = Adapter("axolotl", _KEYS, matches_axolotl, read_axolotl, write_axolotl)
HARMONY = Adapter("harmony", _KEYS, matches_harmony, read_harmony, write_harmony)
TRL_CHAT = Adapter("trl-chat", _KEYS, matches_trl, read_trl, write_trl)
FACTORY = Adapter(
    "llama-factory",
    frozenset({"conversations", "system", "tools", "chosen", "rejected", "kto_tag"}),
    matches_factory,
    read_factory,
    write_factory,
)

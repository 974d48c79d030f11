"""LLaMA-Factory's second format: every message is a list of parts with a type and a value, and has a loss weight.

Read in the released package (0.9.5, `v1`, which runs where USE_V1 is set). Conversations stand under `messages`,
pairs as two whole conversations under `chosen_messages` and `rejected_messages`; the tools are a JSON string.
"""

from __future__ import annotations

from typing import Any

import msgspec

from curator.formats.adapter import Adapter, Losses, Row, Written
from curator.formats.chat import conversation
from curator.formats.turns import read_messages, read_tools
from curator.formats.writing import arguments_text, beside, carried, json_text, plain, result_of, wrapped_tools
from curator.model import Example, Piece, Turn

NAME = "llama-factory-v1"
TYPES = frozenset({"text", "reasoning", "tool_call", "image_url", "video_url", "audio_url"})
_SIDES = ("chosen_messages", "rejected_messages")
_WEIGHT = {"assistant": 1.0}  # where a message names none: 0 for all others


def matches(value: Row) -> float:
    """Sure where a message among the first is a list of such parts."""
    listed = value.get("messages")
    if listed is None and all(key in value for key in _SIDES):
        listed = value[_SIDES[0]]
    if type(listed) is not list:
        return 0.0
    return 0.98 if any(_is_typed(message) for message in listed[:3]) else 0.0


def _is_typed(message: Any) -> bool:
    parts = message.get("content") if type(message) is dict and "role" in message else None
    return type(parts) is list and bool(parts) and all(_is_part(part) for part in parts)


def _is_part(part: Any) -> bool:
    return type(part) is dict and part.keys() == {"type", "value"} and part["type"] in TYPES


def read(value: Row) -> Example:
    if "messages" in value:
        found = conversation(value, NAME, _turns(value, "messages"))
        return msgspec.structs.replace(found, shape=NAME)
    chosen, rejected = (_turns(value, key) for key in _SIDES)
    shared = 0
    for one, other in zip(chosen[:-1], rejected[:-1], strict=False):
        if (one.role, one.text, one.calls) != (other.role, other.text, other.calls):
            break
        shared += 1
    tools, at = read_tools(value)
    return Example(NAME, chosen[:shared], value, tools, chosen[shared:], rejected[shared:], None, at)


def _turns(value: Row, key: str) -> tuple[Turn, ...]:
    turns = [_joined(turn) for turn in read_messages(value.get(key), key)]
    told = any(_is_told(turn) for turn in turns)
    return tuple(turn if told and turn.role == "assistant" else _without_usual_weight(turn) for turn in turns)


def _is_told(turn: Turn) -> bool:
    """Whether an answer has another weight than answers have as a rule."""
    return turn.role == "assistant" and turn.weight not in (None, 1.0)


def _without_usual_weight(turn: Turn) -> Turn:
    usual = turn.weight == _WEIGHT.get(turn.role, 0.0)
    return msgspec.structs.replace(turn, weight=None) if usual else turn


def _joined(turn: Turn) -> Turn:
    """The turn with its texts joined as the trainer joins them."""
    if len(turn.pieces) > 1:
        texts = [turn.text[piece.start : piece.start + piece.length] for piece in turn.pieces]
        starts = [sum(map(len, texts[:n])) for n in range(len(texts))]
        pieces = [Piece(p.path, start, p.length) for p, start in zip(turn.pieces, starts, strict=True)]
        return msgspec.structs.replace(turn, text="".join(texts), pieces=tuple(pieces))
    return turn


_KEPT = ("tools", "tool calls", "tool results", "weights", "reasoning", "message keys")


def write(example: Example) -> Written:
    losses = Losses()
    if example.label is not None:
        losses.note("the label")
    for turn in (*example.turns, *example.chosen, *example.rejected):
        if turn.media:
            losses.note("media")
        if turn.role != "assistant" and turn.weight is not None:
            losses.note("weights of turns that are no answers")
    prompt = _messages(example, example.turns, losses)
    row: Row = {"messages": prompt + _messages(example, example.chosen, losses)}
    if example.rejected:
        if not example.chosen:
            losses.lack("the chosen answer")
        row = {_SIDES[0]: row["messages"], _SIDES[1]: prompt + _messages(example, example.rejected, losses)}
    elif not any(turn.role == "assistant" for turn in (*example.turns, *example.chosen)):
        losses.lack("the answer")
    if example.tools:
        row["tools"] = json_text(wrapped_tools(example))
    return Written(row | carried(example, ADAPTER.keys, losses), losses)


def _messages(example: Example, turns: tuple[Turn, ...], losses: Losses) -> list[Row]:
    return [_message(example, turn) for turn in plain(example, turns, losses, _KEPT)]


def _message(example: Example, turn: Turn) -> Row:
    role = "system" if turn.role == "developer" else turn.role
    weight = _WEIGHT.get(role, 0.0) if turn.weight is None else turn.weight
    return {"role": role, "content": _parts(example, turn), "loss_weight": weight, **beside(example, turn)}


def _parts(example: Example, turn: Turn) -> list[Row]:
    parts: list[Row] = []
    if turn.reasoning is not None:
        parts.append({"type": "reasoning", "value": turn.reasoning})
    if turn.content or not (turn.calls or parts):
        text = turn.text if turn.content else result_of(example, turn) or ""
        parts.append({"type": "text", "value": text})
    for call in turn.calls:
        argued = call.arguments if type(call.arguments) is dict else arguments_text(call)
        parts.append({"type": "tool_call", "value": json_text({"name": call.name, "arguments": argued})})
    return parts


ADAPTER = Adapter(NAME, frozenset({"messages", *_SIDES, "tools"}), matches, read, write)

"""Bedrock's Converse: messages of untyped parts, the system prompt and the tools beside them.

A call is a part `toolUse` of an answer, its result a part `toolResult` of what the user says next. The tools stand
under `toolConfig`, each as a `toolSpec`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from curator.formats.adapter import Adapter, Losses, Row, Written
from curator.formats.chat import alternating, conversation
from curator.formats.turns import is_converse, parsed, read_content, read_message, read_messages
from curator.formats.writing import (
    answered,
    carried,
    made_up,
    plain,
    result_of,
    speaks,
    system_and_rest,
    wrapped_tools,
)
from curator.model import Example, Turn
from curator.paths import get

_TOOLS = "toolConfig.tools"


def matches_converse(value: Row) -> float:
    if type(version := value.get("schemaVersion")) is str and version.startswith("bedrock-conversation"):
        return 1.0
    return 0.9 if is_converse(value.get("messages")) else 0.0


def read_converse(value: Row) -> Example:
    messages = value.get("messages")
    chosen: tuple[Turn, ...] = ()
    rejected: tuple[Turn, ...] = ()
    if type(messages) is list and messages and type(messages[-1]) is dict and "candidates" in messages[-1]:
        chosen, rejected = _candidates(messages[-1], f"messages[{len(messages) - 1}]")
        messages = messages[:-1]
    turns: list[Turn] = []
    for turn in read_messages(messages, "messages"):
        turns += _results(value, turn)
    found = conversation(value, "bedrock-converse", tuple(turns))
    tools, at = _declared(value) or (found.tools, found.tools_path)
    return Example("bedrock-converse", found.turns, value, tools, chosen, rejected, None, at)


def _declared(value: Row) -> tuple[tuple[Any, ...], str] | None:
    """(the tools under `toolConfig`, their path); None where it declares none. Marks of a cache are no tools."""
    listed = get(value, _TOOLS, None) if type(value.get("toolConfig")) is dict else None
    if type(listed) is not list:
        return None
    tools = tuple(tool for tool in listed if type(tool) is not dict or "cachePoint" not in tool)
    return (tools, _TOOLS) if tools else None


def _results(value: Row, turn: Turn) -> list[Turn]:
    """The turn, with the results of tools that its parts hold as turns of their own before it."""
    parts = get(value, turn.path)
    if type(parts) is not list:
        return [turn]
    results = []
    for j, part in enumerate(parts):
        result = part.get("toolResult") if type(part) is dict else None
        if type(result) is dict:
            results.append(_result(result, f"{turn.path}[{j}].toolResult.content", turn))
    more = turn.text or turn.calls or turn.media or turn.reasoning
    return [*results, turn] if more or not results else results


def _result(result: Row, at: str, turn: Turn) -> Turn:
    """The result of a tool: its text, or the object at its path."""
    content, number = result.get("content"), result.get("toolUseId")
    number = number if type(number) is str else None
    if type(content) is list and len(content) == 1 and type(content[0]) is dict and "json" in content[0]:
        return Turn("tool", "", f"{at}[0].json", (), turn.said, False, (), number, base=turn.base)
    body = read_content(content, at)
    return Turn("tool", body.text, at, body.pieces, turn.said, body.content, (), number, base=turn.base)


def unread(value: Row) -> Iterator[str]:
    """The keys of calls, of results and of their parts that nothing is read from."""
    messages = value.get("messages")
    for message in messages if type(messages) is list else ():
        parts = message.get("content") if type(message) is dict else None
        for part in parts if type(parts) is list else ():
            for name, keys in _READ.items():
                if type(part) is dict and type(inner := part.get(name)) is dict:
                    yield from (f"{name}.{key}" for key in inner if key not in keys)
                    yield from (key for key in part if key != name)


_READ = {"toolUse": ("toolUseId", "name", "input"), "toolResult": ("toolUseId", "content")}


def _candidates(message: Row, base: str) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """(preferred, non-preferred) turns of a message that offers candidates."""
    sides: dict[bool, list[Turn]] = {True: [], False: []}
    items = message["candidates"] if type(message["candidates"]) is list else []
    for k, item in enumerate(items):
        at = f"{base}.candidates[{k}]"
        if type(item) is dict:
            turn = read_message({"role": "assistant", "content": item.get("content")}, at)
            sides[item.get("preferenceLabel") == "preferred"].append(turn)
    return tuple(sides[True]), tuple(sides[False])


_KEPT = ("reasoning", "tools", "tool calls", "tool results", "tool call ids")


def write_converse(example: Example) -> Written:
    """Neighbours of one role become one message of several parts, since roles must alternate."""
    losses = Losses()
    turns = example.turns if example.rejected else answered(example, losses)
    if example.label is not None:
        losses.note("the label")
    system, rest = system_and_rest(example, turns, losses)
    row: Row = {"schemaVersion": "bedrock-conversation-2024"}
    if system is not None:
        row["system"] = [{"text": system}]
    calls = _Calls()
    rest = plain(example, rest, losses, _KEPT)
    row["messages"] = messages = _messages(example, rest, calls, losses, paired=bool(example.rejected))
    if example.rejected:
        pair = (*example.chosen, *example.rejected)
        plain(Example(example.shape, (), example.value), pair, losses, _KEPT)
        sides = (("preferred", example.chosen), ("non-preferred", example.rejected))
        candidates = [
            {
                "content": [part for turn in side for part in _parts(example, turn, calls, losses)],
                "preferenceLabel": label,
            }
            for label, side in sides
        ]
        if max(len(example.chosen), len(example.rejected)) > 1:
            losses.note("the border between turns of one speaker")
        if not example.chosen:
            losses.lack("the chosen answer")
        messages.append({"role": "assistant", "candidates": candidates})
    if example.tools:
        row["toolConfig"] = {"tools": [_specified(tool, losses) for tool in wrapped_tools(example)]}
    return Written(row | carried(example, CONVERSE.keys, losses, strict=True), losses)


def _messages(example: Example, turns: Sequence[Turn], calls: _Calls, losses: Losses, *, paired: bool) -> list[Row]:
    """The turns as messages whose roles alternate: results of tools stand first in what the user says."""
    messages: list[Row] = []
    said: list[tuple[str, str]] = []
    before: Turn | None = None
    for turn in turns:
        if turn.role not in ("user", "assistant", "tool"):
            losses.note(f"the role {turn.role!r}")
        role = "assistant" if turn.role == "assistant" else "user"
        parts = _parts(example, turn, calls, losses)
        if messages and messages[-1]["role"] == role:
            if before is not None and before.role != "tool":
                losses.note("the border between turns of one speaker")
            messages[-1]["content"] += parts
        else:
            messages.append({"role": role, "content": parts})
            said.append((role, turn.text))
        before = turn
    if not paired:
        alternating(said, losses)
    return messages


class _Calls:
    """The ids of calls, and which of them wait for a result."""

    def __init__(self) -> None:
        self._made = 0
        self._waiting: dict[str, str | None] = {}  # id, name

    def number(self, known: str | None, name: str | None) -> str:
        self._made += 1
        number = known or made_up(self._made)
        self._waiting[number] = name
        return number

    def answered(self, turn: Turn) -> str:
        """The id of the call whose result the turn is: by its id, its name, or its place."""
        named = [number for number, name in self._waiting.items() if name == turn.name]
        number = turn.call_id or next(iter(named or self._waiting), "")
        self._waiting.pop(number, None)
        return number


def _parts(example: Example, turn: Turn, calls: _Calls, losses: Losses) -> list[Row]:
    if turn.role == "tool":
        is_text = turn.content or result_of(example, turn) is None
        content = {"text": turn.text} if is_text else {"json": get(example.value, turn.path)}
        number = calls.answered(turn)
        if not number:
            losses.note("tool results of which nobody knows the call")
        return [{"toolResult": {"toolUseId": number, "content": [content]}}]
    parts: list[Row] = []
    if turn.reasoning is not None:
        parts.append({"reasoningContent": {"reasoningText": {"text": turn.reasoning}}})
    if speaks(turn):
        parts.append({"text": turn.text})
    for call in turn.calls:
        arguments = call.arguments if call.raw is None else parsed(call.raw)[0]
        if type(arguments) is not dict:
            losses.note("arguments that are no object")
        use = {"toolUseId": calls.number(call.id, call.name), "name": call.name or "", "input": arguments}
        parts.append({"toolUse": use})
    return parts


def _specified(tool: Any, losses: Losses) -> Row:
    """A declaration as Bedrock writes it."""
    function = tool.get("function") if type(tool) is dict else None
    if type(function) is not dict:
        losses.note("tools that are no functions")
        return {"toolSpec": {}}
    spec = {key: item for key, item in function.items() if key != "parameters"}
    if "parameters" in function:
        spec["inputSchema"] = {"json": function["parameters"]}
    return {"toolSpec": spec}


CONVERSE = Adapter(
    "bedrock-converse",
    frozenset({"schemaVersion", "system", "messages", "toolConfig"}),
    matches_converse,
    read_converse,
    write_converse,
)

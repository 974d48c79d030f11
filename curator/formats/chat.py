"""Conversations: openai-chat and its kin, sharegpt, and the message shapes of Gemini and Bedrock."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from curator.formats.adapter import Adapter, Losses, Row, Written, nearly
from curator.formats.turns import (
    is_converse,
    is_messages,
    is_shared,
    parsed,
    read_content,
    read_listed,
    read_message,
    read_messages,
    read_tools,
)
from curator.formats.writing import (
    answered,
    as_messages,
    bare_tools,
    beside,
    carried,
    json_text,
    parted,
    plain,
    put_tools,
    result_of,
    spoken,
    system_and_rest,
    weight_of,
)
from curator.model import Example, ToolCall, Turn
from curator.paths import format

RESERVED = frozenset({"messages", "tools", "functions", "available_tools", "parallel_tool_calls", "system", "weight"})
# Keys beside the messages that are no grader data but belong to the conversation or its media.
BESIDE = RESERVED | {"images", "videos", "audios", "image", "chat_template_kwargs", "function_call", "tool_choice"}
CONTAINERS = ("conversations", "conversation", "messages", "items", "texts", "text", "dialogue", "dialog", "chat")


def _system(value: Row, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """The turns with a top-level system prompt before them, where they have none of their own."""
    system = value["system"]
    if type(system) is list:
        body = read_content(system, "system")
        turn = Turn("system", body.text, "system", body.pieces, "system", body.content)
    elif type(system) is str and system:
        turn = Turn("system", system, "system", said="system")
    else:
        return turns
    return turns if any(t.role == "system" for t in turns) else (turn, *turns)


def conversation(value: Row, shape: str, turns: tuple[Turn, ...]) -> Example:
    """An Example of a conversation with the tools and the system prompt that stand beside it."""
    if len(value) == 1:
        return Example(shape, turns, value)
    tools, at = read_tools(value)
    if "system" in value:
        turns = _system(value, turns)
    return Example(shape, turns, value, tools, tools_path=at)


# ---------------------------------------------------------------------- openai-chat


def matches_chat(value: Row) -> float:
    if "messages" not in value and "interactions" not in value:
        return 0.0
    messages = value.get("messages", value.get("interactions"))
    if is_messages(messages):
        return 0.0 if is_shared(messages) or is_converse(messages) else 0.97
    return 0.0 if type(messages) is str and messages.lstrip()[:1] == "[" else 0.3


def read_chat(value: Row) -> Example:
    messages = value.get("messages")
    if type(messages) is list:
        return conversation(value, "openai-chat", read_messages(messages, "messages"))
    return conversation(value, "openai-chat", read_messages(value.get("interactions"), "interactions"))


def write_chat(example: Example) -> Written:
    losses = Losses()
    row: Row = {"messages": as_messages(example, answered(example, losses), losses, refusals=True)}
    put_tools(row, example)
    return Written(row | carried(example, OPENAI_CHAT.keys, losses), losses)


# ---------------------------------------------------------------------- openai-rft


def matches_rft(value: Row) -> float:
    """Messages that end with the user, and data for the grader beside them."""
    messages = value.get("messages")
    if not matches_chat(value) or not messages or type(messages) is not list:
        return 0.0
    last = messages[-1]
    if type(last) is not dict or last.get("role") != "user":
        return 0.0
    return 0.8 if not BESIDE.issuperset(value) else 0.0


def read_rft(value: Row) -> Example:
    return conversation(value, "openai-rft", read_messages(value.get("messages"), "messages"))


def write_rft(example: Example) -> Written:
    """The prompt ends with the user; an answer to that goes to `reference_answer`, where a grader reads it."""
    losses = Losses()
    turns = answered(example, losses)
    prompt, answer = parted(turns)
    if any(turn.role == "user" for turn in answer):
        prompt, answer = turns, ()
    end = max((place for place, turn in enumerate(prompt, 1) if turn.role == "user"), default=0)
    if not end:
        losses.lack("a question at the end")
    elif end < len(prompt):
        plain(Example(example.shape, (), example.value), prompt[end:], losses)
        losses.note(f"the turns {'between the last question and the answer' if answer else 'after the last question'}")
        prompt = prompt[:end]
    row: Row = {"messages": as_messages(example, prompt, losses, refusals=True)}
    if answer:
        plain(Example(example.shape, (), example.value), answer, losses)
        losses.note("the answer as a turn")
        if len(answer) > 1:
            losses.note("the turns after the answer")
        row["reference_answer"] = answer[0].text
    put_tools(row, example)
    return Written(row | carried(example, OPENAI_RFT.keys, losses), losses)


# ---------------------------------------------------------------------- anthropic-bedrock


def matches_anthropic(value: Row) -> float:
    """Only messages of user and assistant in plain strings, and a system prompt beside them."""
    if value.keys() != {"system", "messages"} or type(value["system"]) is not str:
        return 0.0
    messages = value["messages"]
    if type(messages) is not list or not messages:
        return 0.0
    plain = all(
        type(m) is dict and m.get("role") in ("user", "assistant") and type(m.get("content")) is str and len(m) == 2
        for m in messages
    )
    return 0.9 if plain else 0.0


def read_anthropic(value: Row) -> Example:
    return conversation(value, "anthropic-bedrock", read_messages(value["messages"], "messages"))


def write_anthropic(example: Example) -> Written:
    losses = Losses()
    system, rest = system_and_rest(example, answered(example, losses), losses)
    messages: list[Row] = []
    for role, text in alternating(spoken(plain(example, rest, losses), losses), losses):
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n\n{text}"
        else:
            messages.append({"role": role, "content": text})
    row: Row = {} if system is None else {"system": system}
    row["messages"] = messages
    return Written(row | carried(example, ANTHROPIC.keys, losses, strict=True), losses)


def alternating(said: list[tuple[str, str]], losses: Losses) -> list[tuple[str, str]]:
    """What was said, with a note of what stands against turns that alternate from user to assistant."""
    roles = [role for role, _ in said]
    if roles[:1] == ["assistant"]:
        losses.lack("the question before the first answer")
    if roles[-1:] == ["user"]:
        losses.lack("the answer")
    if any(one == other for one, other in pairwise(roles)):
        losses.note("the border between turns of one speaker")
    return said


# ---------------------------------------------------------------------- sharegpt


def container(value: Row) -> str:
    """The key of a sharegpt row's message list, "" where there is none."""
    for key in CONTAINERS:
        if key in value and is_messages(value[key]):
            return key
    return ""


def matches_sharegpt(value: Row) -> float:
    key = container(value)
    if key:
        return 0.97 if is_shared(value[key]) else 0.9
    if "conversations" in value and type(value["conversations"]) is not str:
        return 0.3
    return 0.0


def read_sharegpt(value: Row) -> Example:
    key = container(value) or "conversations"
    return conversation(value, "sharegpt", read_listed(value.get(key), key))


def misspelt_container(value: Row) -> tuple[str, str]:
    """(key of a message list, the name it is a misspelling of), two empty strings where there is none."""
    for key in value:
        if is_messages(value[key]):
            for name in ("messages", "conversations"):
                if key != name and nearly(key, name):
                    return key, name
    return "", ""


def read_misspelt(value: Row) -> Example | None:
    """A row whose message list stands under a misspelt key: readable to people, to no trainer."""
    key, name = misspelt_container(value)
    if not key:
        return None
    shape = "openai-chat" if name == "messages" and not is_shared(value[key]) else "sharegpt"
    return conversation(value, shape, read_listed(value[key], format((key,))))


def write_sharegpt(example: Example) -> Written:
    losses = Losses()
    turns = plain(
        example,
        answered(example, losses),
        losses,
        ("tools", "tool calls", "tool results", "weights", "the developer role", "message keys"),
    )
    row: Row = {"conversations": [message for turn in turns for message in shared_messages(example, turn, losses)]}
    if example.tools:
        row["tools"] = json_text(bare_tools(example))
    return Written(row | carried(example, SHAREGPT.keys, losses), losses)


_SHARED_WORDS = {"user": "human", "assistant": "gpt", "tool": "observation"}


def shared_messages(example: Example, turn: Turn, losses: Losses) -> list[Row]:
    """One message, or two where a turn holds text beside its calls."""
    messages: list[Row] = []
    if turn.content or not turn.calls:
        text = turn.text if turn.content else result_of(example, turn) or ""
        messages.append({"from": _SHARED_WORDS.get(turn.role, turn.role), "value": text})
    if turn.calls:
        if messages:
            losses.note("the tie between tool calls and the text beside them")
        calls = [_shared_call(call) for call in turn.calls]
        messages.append({"from": "function_call", "value": json_text(calls[0] if len(calls) == 1 else calls)})
    if (weight := weight_of(turn, losses)) is not None:
        messages[-1]["weight"] = weight
    messages[-1] |= beside(example, turn)
    return messages


def _shared_call(call: ToolCall) -> Row:
    return {"name": call.name, "arguments": call.arguments if type(call.arguments) is dict else call.raw}


# ---------------------------------------------------------------------- gemini


def matches_gemini(value: Row) -> float:
    contents = value.get("contents")
    if type(contents) is not list or not contents:
        return 0.0
    return 1.0 if any(type(item) is dict and "parts" in item for item in contents) else 0.0


def read_gemini(value: Row) -> Example:
    turns = []
    for key in ("systemInstruction", "system_instruction"):
        if type(system := value.get(key)) is dict:
            body = read_content(system.get("parts"), f"{key}.parts")
            turns.append(Turn("system", body.text, f"{key}.parts", body.pieces, "system", body.content, base=key))
    for i, item in enumerate(value["contents"]):
        turns += _gemini_turns(item, f"contents[{i}]")
    tools, at = read_tools(value)
    declared = [d for tool in tools if type(tool) is dict for d in _declarations(tool)]
    return Example("gemini", tuple(turns), value, tuple(declared) or tools, tools_path=at)


def _gemini_turns(item: Any, base: str) -> list[Turn]:
    """One turn; results of tools are a turn each, and what else their message says is a turn after them."""
    if type(item) is not dict:
        return [read_message(item, base)]
    said = item.get("role")
    said = said if type(said) is str else ""
    role = {"model": "assistant", "user": "user", "function": "tool", "": "user"}.get(said, said)
    parts = item.get("parts")
    body = read_content(parts, f"{base}.parts")
    results = [
        _gemini_result(part["functionResponse"], f"{base}.parts[{j}].functionResponse", base)
        for j, part in enumerate(parts if type(parts) is list else ())
        if type(part) is dict and "functionResponse" in part
    ]
    if results and not (body.text or body.calls or body.reasoning):
        return results
    at = f"{base}.parts"
    turn = Turn(
        role,
        body.text,
        at,
        body.pieces,
        said,
        body.content,
        body.calls,
        reasoning=body.reasoning,
        media=body.media,
        base=base,
    )
    return [*results, turn]


def _gemini_result(result: Any, at: str, base: str) -> Turn:
    """The result of a tool: its text where it has no more than one, else the object at its path."""
    found = result if type(result) is dict else {}
    response, name = found.get("response"), found.get("name")
    name = name if type(name) is str else None
    if type(response) is dict and response.keys() == {"result"} and type(text := response["result"]) is str:
        return Turn("tool", text, f"{at}.response.result", (), "user", name=name, base=base)
    return Turn("tool", "", f"{at}.response", (), "user", content=False, name=name, base=base)


def _declarations(tool: Row) -> list[Any]:
    for key in ("functionDeclarations", "function_declarations"):
        if type(found := tool.get(key)) is list:
            return found
    return []


def write_gemini(example: Example) -> Written:
    losses = Losses()
    system, rest = system_and_rest(example, answered(example, losses), losses)
    rest = plain(example, rest, losses, ("tools", "tool calls", "tool results", "reasoning"))
    row: Row = {} if system is None else {"systemInstruction": {"parts": [{"text": system}]}}
    row["contents"] = _gemini_contents(example, rest, losses)
    if example.tools:
        row["tools"] = [{"functionDeclarations": bare_tools(example)}]
    return Written(row | carried(example, GEMINI.keys, losses, strict=True), losses)


def _gemini_contents(example: Example, turns: Sequence[Turn], losses: Losses) -> list[Row]:
    """One content a turn; the results of tools that follow each other are parts of one."""
    contents: list[Row] = []
    waiting: list[tuple[str | None, str | None]] = []  # id and name of the calls without a result
    last = ""
    for turn in turns:
        if turn.role == "tool":
            found = next((call for call in waiting if call[0] == turn.call_id), next(iter(waiting), (None, None)))
            if found in waiting:
                waiting.remove(found)
            text = turn.text if turn.content else result_of(example, turn) or ""
            response = parsed(text)[0]
            response = response if type(response) is dict else {"result": text}
            part = {"functionResponse": {"name": turn.name or found[1] or "", "response": response}}
            if last == "tool":
                contents[-1]["parts"].append(part)
            else:
                contents.append({"role": "user", "parts": [part]})
        else:
            waiting += [(call.id, call.name) for call in turn.calls]
            contents.append(_gemini_content(turn, losses))
        last = turn.role
    return contents


def _gemini_content(turn: Turn, losses: Losses) -> Row:
    parts: list[Row] = [] if turn.reasoning is None else [{"text": turn.reasoning, "thought": True}]
    if turn.content or not turn.calls:
        parts.append({"text": turn.text})
    for call in turn.calls:
        if type(call.arguments) is not dict:
            losses.note("arguments that are no object")
        arguments = call.arguments if type(call.arguments) is dict else {}
        parts.append({"functionCall": {"name": call.name, "args": arguments}})
    return {"role": "model" if turn.role == "assistant" else "user", "parts": parts}


OPENAI_CHAT = Adapter("openai-chat", RESERVED | {"interactions"}, matches_chat, read_chat, write_chat)
OPENAI_RFT = Adapter("openai-rft", RESERVED, matches_rft, read_rft, write_rft)
ANTHROPIC = Adapter(
    "anthropic-bedrock", frozenset({"system", "messages"}), matches_anthropic, read_anthropic, write_anthropic
)
SHAREGPT = Adapter(
    "sharegpt",
    frozenset({*CONTAINERS, "system", "tools"}),
    matches_sharegpt,
    read_sharegpt,
    write_sharegpt,
)
GEMINI = Adapter(
    "gemini",
    frozenset({"contents", "systemInstruction", "system_instruction", "tools"}),
    matches_gemini,
    read_gemini,
    write_gemini,
)

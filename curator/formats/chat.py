"""Conversations: openai-chat and its kin, sharegpt, and the message shapes of Gemini and Bedrock."""

from __future__ import annotations

from typing import Any

from curator.formats.adapter import Adapter, Row, Written
from curator.formats.turns import (
    is_messages,
    is_shared,
    read_content,
    read_listed,
    read_message,
    read_messages,
    read_tools,
)
from curator.model import Example, Turn

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


def _label(value: Row) -> bool | None:
    for key in ("label", "kto_tag"):
        if type(flag := value.get(key)) is bool:
            return flag
    return None


# ---------------------------------------------------------------------- openai-chat


def matches_chat(value: Row) -> float:
    if "messages" not in value and "interactions" not in value:
        return 0.0
    messages = value.get("messages", value.get("interactions"))
    if type(messages) is str:
        return 0.0
    if is_shared(messages) or is_converse(messages):
        return 0.0
    return 0.97 if is_messages(messages) else 0.3


def read_chat(value: Row) -> Example:
    messages = value.get("messages")
    if type(messages) is list:
        return conversation(value, "openai-chat", read_messages(messages, "messages"))
    return conversation(value, "openai-chat", read_messages(value.get("interactions"), "interactions"))


def write_chat(example: Example) -> Written:
    raise NotImplementedError


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
    raise NotImplementedError


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
    raise NotImplementedError


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


def write_sharegpt(example: Example) -> Written:
    raise NotImplementedError


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
        turns.append(_gemini_turn(item, f"contents[{i}]"))
    tools, at = read_tools(value)
    declared = [d for tool in tools if type(tool) is dict for d in _declarations(tool)]
    return Example("gemini", tuple(turns), value, tuple(declared) or tools, tools_path=at)


def _gemini_turn(item: Any, base: str) -> Turn:
    if type(item) is not dict:
        return read_message(item, base)
    said = item.get("role")
    said = said if type(said) is str else ""
    role = {"model": "assistant", "user": "user", "function": "tool", "": "user"}.get(said, said)
    parts = item.get("parts")
    body = read_content(parts, f"{base}.parts")
    answered = [p["functionResponse"] for p in parts if type(p) is dict and "functionResponse" in p] if (
        type(parts) is list
    ) else []
    name = answered[0].get("name") if answered and type(answered[0]) is dict else None
    return Turn(
        "tool" if answered else role,
        body.text,
        f"{base}.parts",
        body.pieces,
        said,
        body.content and not answered,
        body.calls,
        name=name if type(name) is str else None,
        media=body.media,
        base=base,
    )


def _declarations(tool: Row) -> list[Any]:
    for key in ("functionDeclarations", "function_declarations"):
        if type(found := tool.get(key)) is list:
            return found
    return []


def write_gemini(example: Example) -> Written:
    raise NotImplementedError


# ---------------------------------------------------------------------- bedrock-converse


def is_converse(messages: Any) -> bool:
    """True where contents are lists of untyped parts keyed text, image, toolUse and the like."""
    if type(messages) is not list or not messages or type(messages[0]) is not dict:
        return False
    content = messages[0].get("content")
    return (
        type(content) is list
        and bool(content)
        and all(type(p) is dict and "type" not in p and not _CONVERSE_PARTS.isdisjoint(p) for p in content)
    )


_CONVERSE_PARTS = frozenset({"text", "image", "video", "document", "toolUse", "toolResult", "reasoningContent"})


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
    found = conversation(value, "bedrock-converse", read_messages(messages, "messages"))
    if not chosen and not rejected:
        return found
    return Example("bedrock-converse", found.turns, value, found.tools, chosen, rejected, None, found.tools_path)


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


def write_converse(example: Example) -> Written:
    raise NotImplementedError


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
CONVERSE = Adapter(
    "bedrock-converse",
    frozenset({"schemaVersion", "system", "messages", "toolConfig"}),
    matches_converse,
    read_converse,
    write_converse,
)

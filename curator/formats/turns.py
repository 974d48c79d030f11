"""Message objects, parts and tool calls as turns. Every reader of a message list stands on this."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from curator.model import Piece, ToolCall, Turn

CHAT_ROLES = {
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "developer": "developer",
    "function": "tool",
    "ipython": "tool",
}
SHARE_ROLES = {
    "human": "user",
    "user": "user",
    "input": "user",
    "gpt": "assistant",
    "assistant": "assistant",
    "chatgpt": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "output": "assistant",
    "system": "system",
    "developer": "developer",
    "observation": "tool",
    "tool": "tool",
    "tool_response": "tool",
    "function_response": "tool",
    "ipython": "tool",
}
CALL_ROLES = frozenset({"function_call", "tool_call"})

_ROLE_KEYS = ("role", "from")
_TEXT_KEYS = ("content", "value", "text")
REASONING_KEYS = ("reasoning_content", "reasoning", "thinking")
_PART_TEXT_KEYS = ("text", "value", "content", "refusal")
_THOUGHT_TEXT_KEYS = ("thinking", "reasoning", *_PART_TEXT_KEYS)
_THOUGHT_PARTS = frozenset({"reasoning", "thinking"})
_MEDIA_PARTS = frozenset(
    {"image_url", "image", "input_image", "video", "video_url", "audio", "audio_url", "input_audio", "file"}
    | {"input_file", "document"}
)

_decode = msgspec.json.Decoder().decode
_places: dict[tuple[str, str], list[tuple[str, str]]] = {}


def places(key: str, leaf: str, count: int) -> list[tuple[str, str]]:
    """(path of message i, path of its text) for the first `count` messages under `key`, and maybe more."""
    known = _places.setdefault((key, leaf), [])
    if len(known) < count:
        if len(_places) > 500:  # paths with indices in the key; the common keys come back at once
            _places.clear()
        known = [(base := f"{key}[{i}]", f"{base}.{leaf}") for i in range(max(count, 16))]
        if count <= 10_000:
            _places[key, leaf] = known
    return known


def read_messages(messages: Any, key: str) -> tuple[Turn, ...]:
    """The turns of a message list that stands under `key`; anything else gives no turns."""
    if type(messages) is not list:
        return ()
    roles = CHAT_ROLES
    turns: list[Turn] = []
    for message, (base, path) in zip(messages, places(key, "content", len(messages)), strict=False):
        if type(message) is dict and len(message) == 2:
            role, text = message.get("role"), message.get("content")
            if type(text) is str and type(role) is str and role in roles:
                turns.append(Turn(roles[role], text, path, said=role, base=base))
                continue
        turns.append(read_message(message, base, turns[-1] if turns else None))
    return tuple(turns)


def read_shared(messages: Any, key: str) -> tuple[Turn, ...]:
    """As `read_messages`, for lists whose messages are mostly spelt from/value."""
    if type(messages) is not list:
        return ()
    roles = SHARE_ROLES
    turns: list[Turn] = []
    for message, (base, path) in zip(messages, places(key, "value", len(messages)), strict=False):
        if type(message) is dict and len(message) == 2:
            role, text = message.get("from"), message.get("value")
            if type(text) is str and type(role) is str and role in roles:
                turns.append(Turn(roles[role], text, path, said=role, base=base))
                continue
        turns.append(read_message(message, base, turns[-1] if turns else None))
    return tuple(turns)


def read_message(message: Any, base: str, before: Turn | None = None) -> Turn:
    """One message object with any of its optional keys. `before` is the turn it follows.

    Never fails: what has the wrong type gives a turn without text, for the rules to judge.
    """
    if type(message) is not dict:
        text = message if type(message) is str else ""
        return Turn("", text, base, content=type(message) is str)
    role_key = first_key(message, _ROLE_KEYS)
    said = spelt(message.get(role_key))
    role = _role(said, role_key, before)
    text_key = first_key(message, _TEXT_KEYS, default="value" if role_key == "from" else "content")
    path = f"{base}.{text_key}"
    raw = message.get(text_key)
    if role_key == "from" and (said in CALL_ROLES or (said == "function" and role == "assistant")):
        return Turn(role, "", path, said=said, content=False, calls=_written_calls(raw, path), base=base)
    body = read_content(raw, path)
    calls = body.calls + _calls(message, base)
    if not body.content and type(message.get("refusal")) is str:
        path = f"{base}.refusal"
        body = read_content(message["refusal"], path)
    return Turn(
        role,
        body.text,
        path,
        body.pieces,
        said,
        body.content,
        calls,
        _string(message.get("tool_call_id")) or _string(message.get("call_id")),
        _string(message.get("name")),
        _weight(message),
        _reasoning(message) or body.reasoning,
        body.media,
        base,
    )


def _role(said: str, key: str, before: Turn | None) -> str:
    if key == "from":
        if said == "function":  # a call after a human turn, a result after a call
            return "tool" if before is not None and before.calls else "assistant"
        return "assistant" if said in CALL_ROLES else SHARE_ROLES.get(said, said)
    return CHAT_ROLES.get(said, said)


def spelt(value: Any) -> str:
    """A role as it is written: strings as they are, null and nothing as "", the rest as JSON."""
    if type(value) is str:
        return value
    return "" if value is None else _json(value)


def first_key(message: dict[str, Any], keys: tuple[str, ...], default: str = "") -> str:
    """The first of `keys` the message has, else `default` (or the first key)."""
    for key in keys:
        if key in message:
            return key
    return default or keys[0]


class Body(msgspec.Struct, frozen=True):
    """What stands under a content key."""

    text: str = ""
    pieces: tuple[Piece, ...] = ()
    content: bool = True
    media: int = 0
    calls: tuple[ToolCall, ...] = ()
    reasoning: str | None = None


_NO_BODY = Body(content=False)


def read_content(value: Any, path: str) -> Body:
    """The text of a content value: a string, or a list of parts. Anything else is no text."""
    if type(value) is str:
        return Body(value)
    if type(value) is list:
        return _parts(value, path)
    return _NO_BODY


def _parts(parts: list[Any], path: str) -> Body:
    texts: list[tuple[str, str]] = []  # (text, path)
    calls: list[ToolCall] = []
    thoughts: list[str] = []
    media = 0
    for j, part in enumerate(parts):
        at = f"{path}[{j}]"
        if type(part) is str:
            texts.append((part, at))
        elif type(part) is not dict:
            continue
        elif (kind := spelt(part.get("type"))) in _THOUGHT_PARTS or part.get("thought") is True:
            thoughts += [text for key in _THOUGHT_TEXT_KEYS if type(text := part.get(key)) is str][:1]
        elif type(traced := part.get("reasoningContent")) is dict:
            thoughts += _traced(traced)
        elif made := _part_calls(part, kind, at):
            calls += made
        elif kind in _MEDIA_PARTS or (kind not in _TEXT_PARTS and _holds_media(part)):
            media += 1
        else:
            texts += [(text, f"{at}.{key}") for key in _PART_TEXT_KEYS if type(text := part.get(key)) is str][:1]
    reasoning = "\n".join(thoughts) if thoughts else None
    if not texts:
        return Body("", (), not calls, media, tuple(calls), reasoning)
    pieces, start = [], 0
    for text, at in texts:
        pieces.append(Piece(at, start, len(text)))
        start += len(text) + 1
    joined_text = "\n".join([text for text, _ in texts])
    return Body(joined_text, tuple(pieces), True, media, tuple(calls), reasoning)


def _traced(found: dict[str, Any]) -> list[str]:
    """The reasoning in a part of Bedrock: {"reasoningText": {"text": …}}."""
    inner = found.get("reasoningText")
    return [text] if type(inner) is dict and type(text := inner.get("text")) is str else []


def _part_calls(part: dict[str, Any], kind: str, at: str) -> tuple[ToolCall, ...]:
    """The calls a part makes, in the spellings of LLaMA-Factory, Anthropic, Bedrock and Gemini."""
    if kind == "tool_call":
        return _written_calls(part.get("value", part.get("content")), at)
    if kind == "tool_use":
        return (ToolCall(_string(part.get("name")), part.get("input"), at, _string(part.get("id"))),)
    if type(use := part.get("toolUse")) is dict:
        number = _string(use.get("toolUseId"))
        return (ToolCall(_string(use.get("name")), use.get("input"), f"{at}.toolUse", number),)
    if type(call := part.get("functionCall")) is dict:
        return (ToolCall(_string(call.get("name")), call.get("args"), f"{at}.functionCall"),)
    return ()


_TEXT_PARTS = frozenset({"text", "input_text", "output_text"})
_MEDIA_KEYS = frozenset({"image_url", "image", "video", "audio", "fileData", "inlineData", "document"})


def _holds_media(part: dict[str, Any]) -> bool:
    """Whether a part without a known type is a picture or the like. Tables give every part every key: null is none."""
    return not _MEDIA_KEYS.isdisjoint(part) and any(part.get(key) is not None for key in _MEDIA_KEYS)


def _calls(message: dict[str, Any], base: str) -> tuple[ToolCall, ...]:
    """The calls under tool_calls and function_call; `path` of a call is the path of its object."""
    listed, single = message.get("tool_calls"), message.get("function_call")
    if not listed and not single:
        return ()
    calls = []
    if type(listed) is list:
        calls = [_call(item, f"{base}.tool_calls[{k}]") for k, item in enumerate(listed)]
    if type(single) is dict:
        calls.append(_call(single, f"{base}.function_call"))
    return tuple(calls)


def _call(item: Any, path: str) -> ToolCall:
    if type(item) is not dict:
        return ToolCall(None, None, path)
    named = item.get("custom") if item.get("type") == "custom" else item.get("function")
    inner = named if type(named) is dict else item
    arguments, raw = parsed(inner.get("arguments"))
    return ToolCall(_string(inner.get("name")), arguments, path, _string(item.get("id")), raw)


def _written_calls(value: Any, path: str) -> tuple[ToolCall, ...]:
    """Calls written as a JSON text: an object with name and arguments, or a list of such."""
    written = parsed(value)[0]
    items = written if type(written) is list else [written]
    calls = []
    for item in items:
        if type(item) is not dict:
            calls.append(ToolCall(None, None, path, raw=value if type(value) is str else None))
            continue
        arguments, raw = parsed(item.get("arguments", item.get("parameters")))
        calls.append(ToolCall(_string(item.get("name")), arguments, path, _string(item.get("id")), raw))
    return tuple(calls)


def parsed(value: Any) -> tuple[Any, str | None]:
    """(value, None), or for a string (the JSON value it holds or None, the string)."""
    if type(value) is not str:
        return value, None
    try:
        return _decode(value), value
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None, value


def read_tools(value: dict[str, Any], at: str = "") -> tuple[tuple[Any, ...], str]:
    """(tools a row declares, their path): under tools, functions or available_tools; a list or its JSON text."""
    for key in ("tools", "functions", "available_tools"):
        if (found := value.get(key)) is not None:
            tools = parsed(found)[0]
            if type(tools) is list:
                return tuple(tools), at + key
            if type(tools) is dict:
                return (tools,), at + key
    return (), ""


def read_field(value: Any, key: str, role: str) -> tuple[Turn, ...]:
    """The turns under a column of a flat shape: a string, a message list, or one message."""
    if type(value) is str:
        return (Turn(role, value, key, said=role),)
    if type(value) is list and value and type(value[0]) is dict and _is_message(value[0]):
        return read_listed(value, key)
    if type(value) is dict and _is_message(value):
        return (read_message(value, key),)
    if type(value) is list and not value:
        return ()
    body = read_content(value, key)
    return (Turn(role, body.text, key, body.pieces, role, body.content, media=body.media),)


def read_listed(messages: Any, key: str) -> tuple[Turn, ...]:
    """A message list in whichever of the two spellings its first message has."""
    return read_shared(messages, key) if is_shared(messages) else read_messages(messages, key)


def is_shared(messages: Any) -> bool:
    """True where the first message is spelt from/value."""
    if type(messages) is not list or not messages or type(messages[0]) is not dict:
        return False
    first = messages[0]
    return "role" not in first and "content" not in first and ("from" in first or "value" in first)


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


def is_messages(value: Any) -> bool:
    """True for a list that begins with message objects (one of the first three is one)."""
    if type(value) is not list or not value:
        return False
    if type(first := value[0]) is dict and ("role" in first or "from" in first or "content" in first):
        return True
    return any(type(m) is dict and ("role" in m or "from" in m or "content" in m) for m in value[1:3])


def _is_message(item: dict[str, Any]) -> bool:
    return ("role" in item and type(item["role"]) is str) or ("from" in item and "value" in item)


def joined(turns: Iterable[Turn], role: str, path: str) -> Turn:
    """Several texts of one speaker as one turn, a line break between them."""
    texts, pieces, start = [], [], 0
    for turn in turns:
        texts.append(turn.text)
        pieces.append(Piece(turn.path, start, len(turn.text)))
        start += len(turn.text) + 1
    return Turn(role, "\n".join(texts), path, tuple(pieces), role)


def _weight(message: dict[str, Any]) -> float | None:
    """The loss weight a message names: weight or loss_weight, or the flag `train` as 1 or 0."""
    for key in ("weight", "loss_weight"):
        number = message.get(key)
        if type(number) is float or (type(number) is int and abs(number) < 1e15):
            return float(number)
    if type(flag := message.get("train")) is bool:
        return 1.0 if flag else 0.0
    return None


def _reasoning(message: dict[str, Any]) -> str | None:
    for key in REASONING_KEYS:
        if type(text := message.get(key)) is str:
            return text
    return None


def _string(value: Any) -> str | None:
    return value if type(value) is str else None


def _json(value: Any) -> str:
    try:
        return msgspec.json.encode(value).decode()
    except (msgspec.EncodeError, UnicodeEncodeError, ValueError, RecursionError, TypeError):
        return str(value)[:80]

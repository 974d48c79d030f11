"""Keys of a row, of a message, of a call and of a tool that a target refuses, or misses."""

from __future__ import annotations

import json
from collections.abc import Iterator

from curator.checks.schema.rows import messages
from curator.checks.targets.refusal import HELLO, Refusal, known, word
from curator.json_schema import departures
from curator.model import Cut, Example, Fix, Flag, Put, ToolCall
from curator.paths import get, join
from curator.rule import Bad, Row
from curator.targets import Keys, Profile, Tools


class KeyRefused(Refusal, frozen=True):
    """A key that the target refuses, or one that it needs and does not find.

    Services that check strictly fail the file for one key too many; trainers look for their columns by
    name and stop where one is missing.
    """

    code = "TGT006"
    structural = True
    GOOD = [HELLO]
    BAD = [
        Bad({**HELLO, "id": 7}, at="id", fixed=HELLO, options={"target": "claude-haiku"}),
        Bad(
            {"messages": [{"role": "user", "content": "Hi", "mood": 3}, HELLO["messages"][1]]},
            at="messages[0].mood",
            fixed=HELLO,
            options={"target": "openai"},
        ),
        Bad(
            {"messages": [{"role": "user", "content": "Hi", "weight": 0}, HELLO["messages"][1]]},
            at="messages[0].weight",
            fixed=HELLO,
            options={"target": "openai"},
        ),
        Bad(
            {
                "schemaVersion": 2024,
                "messages": [
                    {"role": "user", "content": [{"text": "Hi"}]},
                    {"role": "assistant", "content": [{"text": "Hello."}]},
                ],
            },
            at="schemaVersion",
            options={"target": "nova"},
        ),
        Bad(
            {
                **HELLO,
                "tools": [
                    {
                        "type": "function",
                        "function": {"name": "hello", "parameters": {"type": "dict", "properties": {}}},
                    }
                ],
            },
            at="tools[0].function.parameters.type",
            options={"target": "openai"},
        ),
        Bad({"prompt": "2+2?", "response": "4"}, at="completion", options={"target": "mlx"}),
        Bad({**HELLO, "text": "Hi Hello."}, at="", options={"target": "together"}),
        Bad(
            {
                "messages": [
                    {"role": "user", "content": "How warm is it?"},
                    {
                        "role": "assistant",
                        "content": "I look.",
                        "tool_calls": [{"id": "a1b2c3d4e", "function": {"name": "warmth", "arguments": {}}}],
                    },
                    {"role": "tool", "tool_call_id": "a1b2c3d4e", "content": "Ten"},
                    {"role": "assistant", "content": "Ten degrees."},
                ],
                "tools": [{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object"}}}],
            },
            at=(
                "messages[1].content",
                "messages[1].tool_calls[0].function.arguments",
                "tools[0].function.description",
            ),
            fixed={
                "messages": [
                    {"role": "user", "content": "How warm is it?"},
                    {
                        "role": "assistant",
                        "content": "I look.",
                        "tool_calls": [{"id": "a1b2c3d4e", "function": {"name": "warmth", "arguments": "{}"}}],
                    },
                    {"role": "tool", "tool_call_id": "a1b2c3d4e", "content": "Ten"},
                    {"role": "assistant", "content": "Ten degrees."},
                ],
                "tools": [{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object"}}}],
            },
            options={"target": "mistral"},
        ),
    ]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        keys = profile.keys_of(example.shape)
        if keys is not None:
            yield from _of_row(example.value, keys, profile)
            yield from _of_messages(example, keys, profile)
        if profile.tools is not None:
            yield from _of_calls(example, profile.tools, profile)
            yield from _of_definitions(example, profile.tools, profile)


def _of_row(value: Row, keys: Keys, profile: Profile) -> Iterator[Flag]:
    for key in keys.required:
        if key not in value:
            yield Flag(key, f"{profile.title} looks for {key!r}, which is missing")
    for key in value:
        if keys.allowed and key not in keys.allowed:
            yield _refused_key(join("", key), key, profile)
    for key in keys.strings:
        if value.get(key) is not None and type(value[key]) is not str:
            yield Flag(key, f"{profile.title} takes a string under {key!r} alone")
    formats = [group for group in keys.one_of if all(column in value for column in group.split("+"))]
    if len(formats) > 1:
        named = known([group.replace("+", ", ") for group in formats])
        yield Flag("", f"columns of several formats ({named}): {profile.title} takes a row of one alone")


def _of_messages(example: Example, keys: Keys, profile: Profile) -> Iterator[Flag]:
    for turn, message, base in messages(example) if keys.message or keys.roles or keys.every else ():
        for key in keys.every:
            if key not in message and not (key == "content" and turn.calls):
                yield Flag(join(base, key), f"{profile.title} looks for {key!r} in every message")
        for key in message:
            if keys.message and key not in keys.message:
                yield _refused_key(join(base, key), key, profile)
            elif message[key] is not None and turn.role not in keys.roles.get(key, (turn.role,)):  # type: ignore[comparison-overlap]
                yield _refused_key(join(base, key), key, profile, f" on the {word(turn)} turn")


def _refused_key(path: str, key: str, profile: Profile, where: str = "") -> Flag:
    idle = where and key == "weight"  # what is no answer is not trained whatever its weight
    fix = Fix("remove the key", (Cut(path),), safety="unsafe" if key in _MEANT and not idle else "safe")
    return Flag(path, f"{profile.title} refuses the key {key!r}{where}", fix=fix)


# Keys whose removal changes what is trained.
_MEANT = frozenset(
    "weight loss_weight train tools tool_calls tool_call_id function_call functions name system prompt completion "
    "text reasoning reasoning_content thinking images".split()
)


def _of_calls(example: Example, tools: Tools, profile: Profile) -> Iterator[Flag]:
    for turn in example.all_turns():
        if turn.calls and not tools.beside_text and turn.text.strip():
            yield turn.flag(f"text beside a tool call: {profile.title} takes one or the other")
        for call in turn.calls:
            at = _arguments(example, call)
            if at and tools.arguments == "text" and call.raw is None:
                fix = Fix("write them as JSON text", (Put(at, json.dumps(call.arguments)),), safety="safe")
                yield Flag(at, f"arguments as an object: {profile.title} takes their JSON text", fix=fix)
            elif at and tools.arguments == "object" and call.raw is not None:
                mended = (Put(at, call.arguments),)
                fix_or_none = Fix("write them as an object", mended, safety="safe") if call.arguments else None
                yield Flag(at, f"arguments as text: {profile.title} takes an object", fix=fix_or_none)


def _arguments(example: Example, call: ToolCall) -> str:
    """The path of a call's arguments, "" where the call is written in another form."""
    for at in (f"{call.path}.function", call.path):
        place = get(example.value, at, None)
        if type(place) is dict and "arguments" in place:
            return join(at, "arguments")
    return ""


def _of_definitions(example: Example, tools: Tools, profile: Profile) -> Iterator[Flag]:
    """One flag for all that the definitions of a row lack: a set declares the same tools in every row."""
    lacks = [(at, key) for at, function in declared(example) for key in tools.definition if key not in function]
    if lacks:
        at, key = lacks[0]
        more = f", and {len(lacks) - 1} more in this row" if len(lacks) > 1 else ""
        yield Flag(join(at, key), f"the definition of a tool lacks {key!r}{more}: {profile.title} demands it")
    if not tools.strict:
        return
    found = [
        (at, steps, said)
        for at, function in declared(example)
        for steps, said in departures(function.get("parameters", {}))
    ]
    if found:
        at, steps, said = found[0]
        more = f", and {len(found) - 1} more in this row" if len(found) > 1 else ""
        yield Flag(join(at, "parameters", *steps), f"{said}{more}: {profile.title} takes JSON Schema alone")


def declared(example: Example) -> Iterator[tuple[str, Row]]:
    """(path, function) of the tools that a row declares as a list of objects, in the spelling of any service."""
    config = example.value.get("toolConfig")
    if type(config) is dict:
        at, listed = "toolConfig.tools", config.get("tools")
    else:
        at, listed = example.tools_path, get(example.value, example.tools_path, None) if example.tools_path else None
    for number, tool in enumerate(listed if type(listed) is list else ()):
        if type(tool) is dict:
            yield from _functions(tool, f"{at}[{number}]")


def _functions(tool: Row, at: str) -> Iterator[tuple[str, Row]]:
    for key in ("function", "toolSpec"):
        if type(function := tool.get(key)) is dict:
            yield join(at, key), function
    for key in ("functionDeclarations", "function_declarations"):
        for number, function in enumerate(found if type(found := tool.get(key)) is list else ()):
            if type(function) is dict:
                yield f"{at}.{key}[{number}]", function
    if type(tool.get("name")) is str:
        yield at, tool

"""What a target refuses in a row: its roles, order, keys, words, ids, length and shape."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np

from curator import targets
from curator.checks.length import row_length
from curator.checks.schema.rows import messages
from curator.columns import Batch, Rows
from curator.formats import SHAPES
from curator.formats.columns import MAPPED
from curator.formats.dialects import said_of
from curator.model import Cut, Example, Fix, Flag, Put, Severity, ToolCall, Turn
from curator.paths import get, join
from curator.rule import Bad, DatasetRule, Row, RowRule, chat, option
from curator.targets import Keys, Order, Profile, Tools
from curator.tokens import Estimate, Tokenizer

Target = Annotated[str, option("What the set is for: the name of a profile, or a TOML file.")]

_HELLO = chat(user="Hi", assistant="Hello.")
_ANSWER: Row = {"from": "gpt", "value": "Hello."}
_SHARED: Row = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]}


def profile_of(name: str) -> Profile | None:
    """The profile a rule judges by; None where no target is named."""
    return targets.load(name) if name else None


def known(words: Iterable[str]) -> str:
    """ "system, user and tool"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


class Refusal(RowRule, frozen=True):
    """A rule that judges one row by the profile of the target."""

    severity: ClassVar[Severity] = "error"
    needs = "target"
    exempt = frozenset(SHAPES)  # what is refused depends on the shape

    target: Target = ""

    def check(self, example: Example) -> Iterator[Flag]:
        profile = profile_of(self.target)
        if profile is not None and profile.reads(example):
            yield from self.refused(example, profile)

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        raise NotImplementedError


class RowTooLong(Refusal, frozen=True):
    """The row is longer than the service takes.

    The upload or the job fails, or the end of the row is cut off, and that is the answer's end. For
    trainers, whose limit is a setting, LEN001 judges by it.
    """

    code = "TGT003"
    GOOD = [_HELLO]
    BAD = [
        Bad(
            chat(user="Say it again and again.", assistant="It rains. " * 12),
            at="",
            options={"target": "openai", "max_tokens": 20},
        ),
        Bad(chat(user="Count.", assistant="0123456789" * 9_601), at="", options={"target": "claude-haiku"}),
    ]

    max_tokens: Annotated[int, option("Tokens a row may have; 0: as many as the target says.", ge=0)] = 0

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows with more bytes than tokens or characters allowed."""
        profile = profile_of(self.target)
        if profile is None or profile.tokens is None:
            return []
        least = min(self.max_tokens or profile.tokens.most, profile.tokens.characters or self._never)
        sizes = np.fromiter(map(len, batch.lines), np.int64, len(batch.lines))
        return [line for line in np.flatnonzero(sizes > least).tolist() if batch.examples[line] is not None]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        """By an estimate of the tokens; `flags` counts with the tokenizer of the run."""
        return self._judge(example, profile, Estimate())

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        for line in self.candidates(batch) if profile else ():
            example = batch.example(line)
            if profile and profile.reads(example):
                for flag in self._judge(example, profile, batch.tokenizer, int(batch.row_tokens[line])):
                    yield line, flag

    def _judge(
        self, example: Example, profile: Profile, tokenizer: Tokenizer, known_tokens: int | None = None
    ) -> Iterator[Flag]:
        limit = profile.tokens
        if limit is None or profile.kind != "service" or limit.over == "dropped":
            return
        what = f"{profile.title}: {limit.by or 'the row is ' + limit.over}"
        most = self.max_tokens or limit.most
        plain = known_tokens is not None and not example.rejected
        found = known_tokens if plain and known_tokens is not None else row_length(example, tokenizer)
        if found > most:
            how = tokenizer.name if tokenizer.exact or tokenizer.name == "estimate" else f"{tokenizer.name}, estimate"
            message = f"{found:,} tokens ({how}), at most {most:,} are taken; {what}"
            yield Flag("", message, evidence={"effect": limit.over, "tokens": found, "limit": most})
            return
        size = sum(len(turn.text) for turn in example.all_turns())
        if limit.characters is not None and size > limit.characters:
            message = f"{size:,} characters, at most {limit.characters:,} are taken; {what}"
            yield Flag("", message, evidence={"effect": "refused", "characters": size, "limit": limit.characters})

    _never = 1 << 62


class RoleRefused(Refusal, frozen=True):
    """A turn has a role that the target does not know.

    A service refuses the file for it. A trainer stops at the row, or hands the role to a chat template,
    and half of those drop the turn without a word.
    """

    code = "TGT004"
    structural = True
    GOOD = [_HELLO]
    BAD = [
        Bad(
            chat(developer="Be brief.", user="Hi", assistant="Hello."),
            at="messages[0].role",
            fixed=chat(system="Be brief.", user="Hi", assistant="Hello."),
            options={"target": "openai"},
        ),
        Bad(
            chat(user="Is it open?", function="yes", assistant="It is open."),
            at="messages[1].role",
            options={"target": "fireworks"},
        ),
    ]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        roles = profile.roles_of(example.shape)
        for turn, message, base in messages(example) if roles else ():
            if not turn.said or turn.said in roles or not base.endswith("]"):
                continue
            place = join(base, "role" if "role" in message else "from")
            fix = None
            if turn.role == "developer" and "system" in roles:
                fix = Fix("write 'system'", (Put(place, "system"),))
            yield Flag(place, f"{profile.title} refuses the role {turn.said!r}: it knows {known(roles)}", fix=fix)


class OrderRefused(Refusal, frozen=True):
    """The turns stand in an order that the target refuses.

    Services check who begins, who ends and who may follow whom, and fail the whole file for one row.
    """

    code = "TGT005"
    structural = True
    GOOD = [_HELLO]
    BAD = [
        Bad(chat(user="Hi", assistant="Hello.", user2="Bye"), at="messages[2]", options={"target": "openai"}),
        Bad(chat(assistant="Hello.", user="Hi", assistant2="Yes?"), at="messages[0]", options={"target": "together"}),
        Bad(chat(user="Hi", user2="Ho", assistant="Hello."), at="messages[1]", options={"target": "together"}),
        Bad(
            chat(user="Hi", assistant="Hello.", system="Be brief.", user2="Ho", assistant2="Hum."),
            at="messages[2]",
            options={"target": "mistral"},
        ),
        Bad(
            chat(system="A", system2="B", user="Hi", assistant="Hello."),
            at="messages[1]",
            options={"target": "mistral"},
        ),
        Bad(
            {
                "system": [{"text": "Be brief."}, {"text": "Be kind."}],
                "messages": [
                    {"role": "user", "content": [{"text": "Hi"}]},
                    {"role": "assistant", "content": [{"text": "Hello."}]},
                ],
            },
            at="system",
            options={"target": "bedrock-llama"},
        ),
    ]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        order = profile.order_of(example.shape)
        turns = example.turns if example.shape == "openai-preference" else example.turns + example.chosen
        if order is None or not turns or any(turn.role not in _ROLES for turn in turns):
            return
        roles = profile.roles_of(example.shape)
        fitting = [turn for turn in turns if _fits(turn, roles)]
        for turn, what in _faults(fitting, _ends_told(order, inside(turns), fitting)):
            at = "" if turn is None else turn.base or turn.path
            yield Flag(at, f"{what}: {profile.title} refuses that")


def _ends_told(order: Order, turns: Sequence[Turn], fitting: Sequence[Turn]) -> Order:
    """The order without who begins or ends where a turn of a refused role stands there."""
    first = order.first if turns and turns[0] in fitting else ()
    last = order.last if turns and turns[-1] in fitting else ()
    return msgspec.structs.replace(order, first=first, last=last)


def _fits(turn: Turn, roles: tuple[str, ...]) -> bool:
    """Whether the order of a turn matters: one of a refused role is told as that."""
    return not roles or turn.said in roles or not turn.base.endswith("]")


_ROLES = ("system", "user", "assistant", "tool", "developer")


def inside(turns: Iterable[Turn]) -> list[Turn]:
    """The turns that stand in the list of messages, without a system prompt beside it."""
    return [turn for turn in turns if turn.role != "system" or turn.base.endswith("]")]


def _faults(turns: Sequence[Turn], order: Order) -> Iterator[tuple[Turn | None, str]]:
    """(turn, what is wrong) for each limit of the order that is broken, once each."""
    said = inside(turns)
    yield from _of_systems(turns, said, order)
    if not said:
        return
    if order.least_turns and len(said) < order.least_turns:
        yield None, f"a row of {len(said)} turn{'' if len(said) == 1 else 's'}, at least {order.least_turns} are asked"
        return
    if order.first and said[0].role not in order.first:
        yield said[0], f"the row begins with the {_word(said[0])} turn, not with {known(order.first)}"
    answers = sum(turn.role == "assistant" for turn in said)
    if order.least_answers and answers < order.least_answers:
        yield None, "the row has no answer"
    elif order.last and said[-1].role not in order.last:
        yield said[-1], f"the row ends with the {_word(said[-1])} turn, not with {known(order.last)}"
    yield from _neighbours(said, order)


def _of_systems(turns: Sequence[Turn], said: list[Turn], order: Order) -> Iterator[tuple[Turn | None, str]]:
    systems = [turn for turn in turns if turn.role == "system" for _ in range(_blocks(turn))]
    if order.most_systems is not None and len(systems) > order.most_systems:
        yield (
            systems[order.most_systems],
            f"{len(systems)} system turns, at most {order.most_systems} may stand in a row",
        )
    late = [turn for n, turn in enumerate(said) if turn.role == "system" and any(t.role != "system" for t in said[:n])]
    if order.system == "first" and late:
        yield late[0], "a system turn after the first"


def _blocks(turn: Turn) -> int:
    """How many blocks a system prompt beside the messages has; one in the list is one turn."""
    return 1 if turn.base else max(1, len(turn.pieces))


def _neighbours(said: list[Turn], order: Order) -> Iterator[tuple[Turn | None, str]]:
    talk = [turn for turn in said if turn.role != "system"]
    for before, turn in pairwise(talk):
        if order.alternate and before.role == turn.role and turn.role in ("user", "assistant"):
            yield turn, f"two {_word(turn)} turns in a row"
            break
    for before, turn in pairwise(said):
        allowed = order.after.get(before.role)  # type: ignore[call-overload]
        if allowed is not None and turn.role not in allowed:
            yield turn, f"a {_word(turn)} turn after the {_word(before)} turn"
            break


def _word(turn: Turn) -> str:
    return turn.said or turn.role


class KeyRefused(Refusal, frozen=True):
    """A key that the target refuses, or one that it needs and does not find.

    Services that check strictly fail the file for one key too many; trainers look for their columns by
    name and stop where one is missing.
    """

    code = "TGT006"
    structural = True
    GOOD = [_HELLO]
    BAD = [
        Bad({**_HELLO, "id": 7}, at="id", fixed=_HELLO, options={"target": "claude-haiku"}),
        Bad(
            {"messages": [{"role": "user", "content": "Hi", "mood": 3}, _HELLO["messages"][1]]},
            at="messages[0].mood",
            fixed=_HELLO,
            options={"target": "openai"},
        ),
        Bad(
            {"messages": [{"role": "user", "content": "Hi", "weight": 0}, _HELLO["messages"][1]]},
            at="messages[0].weight",
            fixed=_HELLO,
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
        Bad({"prompt": "2+2?", "response": "4"}, at="completion", options={"target": "mlx"}),
        Bad({**_HELLO, "text": "Hi Hello."}, at="", options={"target": "together"}),
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
                yield _refused_key(join(base, key), key, profile, f" on the {_word(turn)} turn")


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


class ReservedWord(Refusal, frozen=True):
    """A text holds a word that the target keeps for itself.

    The service writes such words around the turns: one in a text would be taken for the border of a
    turn, so the job fails for the row. Write another word in its place.
    """

    code = "TGT007"
    GOOD = [_HELLO]
    BAD = [
        Bad(
            {
                "system": [{"text": "You answer the User: briefly."}],
                "messages": [
                    {"role": "user", "content": [{"text": "Hi"}]},
                    {"role": "assistant", "content": [{"text": "Hello."}]},
                ],
            },
            at="system[0].text",
            options={"target": "nova"},
        ),
        Bad(
            chat(user="Hi\nHuman: and then?", assistant="Hello."),
            at="messages[0].content",
            options={"target": "claude-haiku"},
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows in whose turns one of the words stands."""
        profile = profile_of(self.target)
        if profile is None or profile.reserved is None:
            return []
        found: list[int] = []
        for word in profile.reserved.words:
            sought, start = word.encode(), 0
            while (place := batch.texts.data.find(sought, start)) >= 0:
                turn = int(np.searchsorted(batch.texts.ends, place))
                found.append(int(batch.turn_lines[turn]))
                start = int(batch.texts.ends[turn])
        return sorted(set(found))

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        reserved = profile.reserved
        for turn in example.all_turns() if reserved else ():
            if reserved is None or turn.role not in reserved.roles:
                continue
            for word in reserved.words:
                if (place := turn.text.find(word)) >= 0:
                    message = f"{profile.title} keeps {word.strip()!r} for itself and fails on it"
                    yield turn.flag(message, (place, place + len(word)), evidence={"word": word})


class IdFormat(Refusal, frozen=True):
    """The id of a tool call, or the name of a tool, is not of the form that the target demands.

    Calls and results are matched by these ids; a service that checks their form fails the file.
    """

    code = "TGT008"
    GOOD = [_HELLO]
    BAD = [
        Bad(
            {
                "messages": [
                    {"role": "user", "content": "How warm is it?"},
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "call_1", "function": {"name": "warmth", "arguments": "{}"}}],
                    },
                    {"role": "tool", "tool_call_id": "call_1", "content": "Ten"},
                    {"role": "assistant", "content": "Ten degrees."},
                ]
            },
            at=("messages[1].tool_calls[0].id", "messages[2].tool_call_id"),
            fixed={
                "messages": [
                    {"role": "user", "content": "How warm is it?"},
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "d2fefc842", "function": {"name": "warmth", "arguments": "{}"}}],
                    },
                    {"role": "tool", "tool_call_id": "d2fefc842", "content": "Ten"},
                    {"role": "assistant", "content": "Ten degrees."},
                ]
            },
            options={"target": "mistral"},
        ),
        Bad(
            {
                "messages": [
                    {"role": "user", "content": "How warm is it?"},
                    {
                        "role": "assistant",
                        "tool_calls": [{"id": "a1b2c3d4e", "function": {"name": "get warmth", "arguments": "{}"}}],
                    },
                ]
            },
            at="messages[1].tool_calls[0].function.name",
            options={"target": "mistral"},
        ),
        Bad(
            {
                **_HELLO,
                "tools": [{"type": "function", "function": {"name": "w" * 65, "description": "", "parameters": {}}}],
            },
            at="tools[0].function.name",
            options={"target": "mistral"},
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        profile = profile_of(self.target)
        return batch.tool_rows if profile and profile.tools else []

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        tools = profile.tools
        if tools is None:
            return
        for turn in example.all_turns():
            for call in turn.calls:
                yield from _of_id(call.id, join(call.path, "id"), tools.id, profile)
                yield from _of_name(example, call, tools.name, profile)
            if turn.role == "tool":
                yield from _of_id(turn.call_id, join(turn.base, "tool_call_id"), tools.id, profile)
        for at, function in declared(example) if tools.name else ():
            name = function.get("name")
            if type(name) is str and not re.fullmatch(tools.name, name):
                yield Flag(join(at, "name"), f"the name {name!r} of a tool: {profile.title} demands {tools.name}")


def _of_id(found: str | None, at: str, pattern: str, profile: Profile) -> Iterator[Flag]:
    if not pattern or re.fullmatch(pattern, found or ""):
        return
    what = f"the id {found!r}" if found is not None else "no id"
    made = hashlib.blake2b((found or "").encode("utf-8", "surrogatepass")).hexdigest()[:9]
    fix = None
    if found and re.fullmatch(pattern, made):  # the same id becomes the same id, in calls and results
        fix = Fix("write an id of that form", (Put(at, made),), safety="safe")
    yield Flag(at, f"{what}: {profile.title} demands {pattern}", fix=fix)


def _of_name(example: Example, call: ToolCall, pattern: str, profile: Profile) -> Iterator[Flag]:
    if pattern and call.name is not None and not re.fullmatch(pattern, call.name):
        inner = get(example.value, f"{call.path}.function", None)
        at = f"{call.path}.function.name" if type(inner) is dict else join(call.path, "name")
        yield Flag(at, f"the name {call.name!r}: {profile.title} demands {pattern}")


class WeightIgnored(Refusal, frozen=True):
    """An answer is marked as not to be trained, and the target trains it all the same.

    Weights are an idea of some services. A trainer that does not read them learns the bad first drafts
    that a weight of 0 was to leave out.
    """

    code = "TGT009"
    severity = "warning"
    structural = True
    GOOD = [_HELLO]
    BAD = [
        Bad(
            {
                "messages": [
                    {"role": "user", "content": "2+2?"},
                    {"role": "assistant", "content": "5", "weight": 0},
                    {"role": "user", "content": "No."},
                    {"role": "assistant", "content": "4", "weight": 1},
                ]
            },
            at="messages[1].weight",
            options={"target": "trl"},
        )
    ]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        weights = profile.weights
        if weights is None or weights.turns == "honoured":
            return
        for turn, message, base in messages(example):
            if turn.role == "assistant" and turn.weight is not None and turn.weight != 1:
                key = next(key for key in ("weight", "loss_weight", "train") if key in message)
                trainer = profile.title_of(example.shape)
                said = f"{trainer} does not read weights and trains this answer all the same"
                yield Flag(join(base, key), said + (f": {weights.by}" if weights.by else ""))


_TOLD = 5  # rows with a fault of the whole set that are told one by one


def often(count: int, rows: Rows) -> bool:
    """Whether a fault is that of the whole set, to be told once."""
    return count > max(_TOLD, int(rows.readable.sum()) // 2)


class ShapeRefused(DatasetRule, frozen=True):
    """The row is of a shape that the target does not read.

    A service refuses the file; a trainer stops, or looks for columns that are not there and reads the
    row as empty. `curator convert` writes the rows in another shape. Columns of one's own, which a map tells, are
    left to the settings of trainers that have such a map too.
    """

    code = "TGT012"
    severity = "error"
    needs = "target"
    GOOD = [[_HELLO]]
    BAD = [
        Bad([_HELLO, _SHARED, _HELLO], at="1:", options={"target": "openai"}),
        Bad([_SHARED] * 12, at="0:", options={"target": "mlx"}),
        Bad([{**_SHARED, "chosen": _ANSWER, "rejected": _ANSWER}], at="0:", options={"target": "trl"}),
        Bad([{**_HELLO, "label": True}], at="0:", options={"target": "trl"}),
    ]

    target: Target = ""

    def sketch(self, batch: Batch) -> np.ndarray:
        """The number of a refused shape and of its `_Form`, 0 for rows that are read; shape (lines, 2), uint8."""
        out = np.zeros((len(batch.lines), 2), dtype=np.uint8)
        profile = profile_of(self.target)
        if profile is not None and profile.shapes:
            number = _numbers()
            for line in batch.readable:
                example = batch.example(line)
                if not _reads(example, profile):
                    out[line] = number.get(example.shape, 0), _form(example, profile)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        if profile is None:
            return
        names = list(_numbers())
        for number, form in np.unique(sketches[sketches[:, 0] > 0], axis=0).tolist():
            found = np.flatnonzero((sketches == (number, form)).all(axis=1)).tolist()
            read_as, what = names[number - 1], _Form(form)
            shape = "llama-factory" if what is _Form.FACTORY else read_as
            why = _wanted(profile, read_as) if what is _Form.COLUMNS else _readers(profile)
            evidence: dict[str, Any] = {"shape": shape, "read_as": read_as, "rows": len(found)}
            own = shape == MAPPED
            if often(len(found), rows):
                said = "have columns of their own" if own else f"are of shape {shape}"
                told = f"{len(found):,} rows {said}: {why}"
                yield Flag.once(found, "", told, about=f"{self.target} {shape}", evidence=evidence)
                continue
            for line in found:
                said = "columns of its own" if own else f"shape {shape}"
                yield line, Flag("", f"a row of {said}: {why}", evidence=evidence)


def _reads(example: Example, profile: Profile) -> bool:
    """Whether a target finds the columns of a row, by their names or by a map in its settings."""
    if example.shape != MAPPED:
        return profile.reads(example)
    known = (SHAPES[shape] for shape in profile.shapes if shape in SHAPES)
    own = (adapter.matches(example.value) and adapter.exact(example.value) for adapter in known)
    return profile.maps_columns or any(own)


class _Form(IntEnum):
    """How a refused row is written."""

    OWN = 0  # as its shape is
    FACTORY = 1  # a pair or a verdict as LLaMA-Factory writes it
    COLUMNS = 2  # in columns of other names, or of another kind, than the makers of its shape read


def _form(example: Example, profile: Profile) -> _Form:
    if said_of(example) != example.shape:
        return _Form.FACTORY
    return _Form.OWN if profile.finds_columns(example) else _Form.COLUMNS


def _wanted(profile: Profile, shape: str) -> str:
    """Which columns of a shape that it knows a target looks for."""
    return f"{profile.title_of(shape)} looks for {SHAPES[shape].own}"


def _readers(profile: Profile) -> str:
    """Which shapes a target reads, each by the trainer that takes it."""
    shapes: dict[str, list[str]] = {profile.title: []}
    for shape in profile.shapes:
        shapes.setdefault(profile.title_of(shape), []).append(shape)
    return "; ".join(f"{title} reads {known(read)}" for title, read in shapes.items() if read)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {name: number for number, name in enumerate((*SHAPES, MAPPED), 1)}

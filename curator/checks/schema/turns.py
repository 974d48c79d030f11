"""What a conversation must have: messages, roles, contents of the right type."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from curator.checks.schema.rows import (
    ASKED,
    CALL,
    HELLO,
    MISSING,
    PARTS,
    REFUSAL,
    SHARED,
    TOOLS,
    answer,
    columns,
    kind,
    messages,
    said,
)
from curator.formats.adapter import nearly
from curator.formats.chat import CONTAINERS, container, misspelt_container
from curator.formats.detect import FAMILY
from curator.formats.preference import NOT_PREFERRED, PREFERRED, SIDES
from curator.formats.turns import is_messages, is_shared
from curator.model import Example, Fix, Flag, Put, Turn, drop
from curator.rule import DROPPED, Bad, Row, RowRule, chat

# Shapes whose messages carry keys of their own: what they need is not role and content.
_OF_THEIR_OWN = frozenset({"gemini", "input-output", "oasst", "self-instruct", "tokenized"})


_ASKED, _SAID = HELLO["messages"]


class MissingMessages(RowRule, frozen=True):
    """The list of messages is missing, empty, or no list.

    There is nothing to render: most trainers fail on the row with an error that names a template
    line, others write an example of special tokens alone and train on it. Either side of a pair is such a list.
    """

    code = "SCH003"
    severity = "error"
    structural = True
    GOOD = [HELLO, SHARED]
    BAD = [
        Bad({"messages": []}, at="messages"),
        Bad({"messages": None, "id": 3}, at="messages"),
        Bad(
            {"input": {"messages": []}, "preferred_output": [], "non_preferred_output": []},
            at=("input.messages", "preferred_output", "non_preferred_output"),
        ),
        Bad({"prompt": [_ASKED], "chosen": [_SAID], "rejected": []}, at="rejected"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        value = example.value
        if example.shape == "openai-preference":
            if not example.turns:
                yield Flag("input.messages", "there are no messages")
            yield from _no_lists(value, (*PREFERRED, *NOT_PREFERRED))
        elif example.shape == "trl-preference":
            for side in (key for pair in SIDES for key in pair if value.get(key) == []):
                yield Flag(side, "the list of messages is empty")
        elif FAMILY.get(example.shape, example.shape) in _LISTED and not example.rejected:
            key = container(value) or next((key for key in _LISTS if key in value), "")
            if not key:
                found, name = misspelt_container(value)
                yield Flag("", f"no {name!r}: {found!r} is read by no trainer")
            elif type(value[key]) is not list:
                yield Flag(key, f"{kind(value[key])} where a list of messages belongs")
            elif not value[key]:
                yield Flag(key, "the list of messages is empty")


def _no_lists(value: Row, sides: Sequence[str]) -> Iterator[Flag]:
    """The sides of a pair that are no list of messages; SCH004 and SCH006 tell of those that are missing or null."""
    for side in (key for key in sides if value.get(key) is not None):
        if type(value[side]) is not list:
            yield Flag(side, f"{kind(value[side])} where a list of messages belongs")
        elif not value[side]:
            yield Flag(side, "the list of messages is empty")


_LISTS = ("messages", "interactions", *CONTAINERS)
_LISTED = frozenset({"openai-chat", "sharegpt"})


class MissingRoleOrContent(RowRule, frozen=True):
    """A turn lacks its role, or its content, or a row one of its two columns.

    A template that looks up the missing key stops the run, or renders the word "None" and trains
    on it. Content may be missing beside tool calls or a refusal, nowhere else.
    """

    code = "SCH004"
    severity = "error"
    structural = True
    GOOD = [HELLO, TOOLS, REFUSAL, said({"role": "assistant", "tool_calls": [CALL]})]
    BAD = [
        Bad(said({"content": "Hello."}), at="messages[1].role"),
        Bad(said({"role": "assistant"}), at="messages[1].content"),
        Bad({"conversations": [ASKED, {"from": "gpt"}]}, at="conversations[1].value"),
        Bad({"instruction": "Add.", "input": "2, 2"}, at="output"),
        Bad(said("Hello."), at="messages[1]"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in _OF_THEIR_OWN:
            return
        for turn, column, item in columns(example):
            if item is MISSING and turn.role in ("user", "assistant"):
                yield Flag(column, f"the column {column!r} is missing: the {turn.role} turn has no text")
        yield from self._strangers(example)
        spelling: tuple[str, str] | None = None
        for turn, message, base in messages(example):
            if "preferenceLabel" in message:
                continue
            if spelling is None or not base.endswith("]") or base.endswith("[0]"):
                spelling = ("from", "value") if is_shared([message]) else ("role", "content")
            yield from _lacks(turn, message, base, spelling)

    def _strangers(self, example: Example) -> Iterator[Flag]:
        for turn in example.all_turns():
            if turn.role == "" and turn.base in ("", turn.path) and turn.path.endswith("]"):
                yield Flag(turn.path, "a message is an object with a role and a content")


def _lacks(turn: Turn, message: Row, base: str, spelling: tuple[str, str]) -> Iterator[Flag]:
    """What one message lacks of the two keys its list is spelt with."""
    role, content = spelling
    if message.get(role) in (None, ""):
        other = "from" if role == "role" else "role"
        if other in message:
            yield Flag(f"{base}.{role}", f"{other!r} stands here where the other turns have {role!r}")
        else:
            yield Flag(f"{base}.{role}", "the turn does not say who speaks")
    if content not in message and "text" not in message and not _excused(message):
        yield Flag(f"{base}.{content}", f"the {turn.role or 'turn'} has no {content!r}")


def _excused(message: Row) -> bool:
    """Whether the message says what it says elsewhere, so that its content may be null or missing."""
    return any(message.get(key) for key in _ELSEWHERE)


_ELSEWHERE = (
    *("tool_calls", "function_call", "refusal", "audio", "parts", "candidates"),
    *("reasoning_content", "reasoning", "thinking"),
)


class UnknownRole(RowRule, frozen=True):
    """A role that no trainer knows.

    Of 128 real chat templates, 62 drop a turn with an unknown role without a word and 26 stop: a set
    in which the assistant is called "gpt" can train on the default system prompt alone.
    """

    code = "SCH005"
    severity = "error"
    structural = True
    GOOD = [chat(system="Be brief.", user="2+2?", assistant="4"), SHARED, TOOLS]
    BAD = [
        Bad(answer(role="Assistant"), at="messages[1].role", fixed=HELLO),
        Bad(chat(human="Hi", gpt="Hello."), at=("messages[0].role", "messages[1].role"), fixed=HELLO),
        Bad(answer(role="human"), at="messages[1].role"),
        Bad(answer(role="narrator"), at="messages[1].role"),
        Bad(answer(role="asistant"), at="messages[1].role", fixed=HELLO),
        Bad(answer(role=2), at="messages[1].role"),
        Bad(
            {"conversations": [ASKED, {"from": "GPT ", "value": "Hello."}]},
            at="conversations[1].from",
            fixed=SHARED,
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if all(turn.role in _CANONICAL for turn in example.all_turns()):
            return
        stands = [(turn, message, base) for turn, message, base in messages(example)]
        meant = [_meant(turn.role) or turn.role for turn, _, _ in stands]
        for i, (turn, message, base) in enumerate(stands):
            key = "role" if "role" in message else "from"
            said = message.get(key)
            if turn.role in _CANONICAL or said in (None, ""):
                continue
            place = f"{base}.{key}"
            if type(said) is not str:
                yield Flag(place, f"{kind(said)} where a role belongs")
            else:
                yield _role_flag(place, key, said, meant[i], "" if i == 0 else meant[i - 1])


_CANONICAL = ("system", "user", "assistant", "tool", "developer")
_ALIASES = {
    "user": "user human prompter customer client person question questioner enduser input instruction",
    "assistant": "assistant gpt bot ai model chatgpt chatbot agent llm output answer response bard bing claude",
    "system": "system sys systemprompt systemmessage context",
    "tool": "tool observation toolresponse functionresponse toolresult",
}
_MEANT = {alias: role for role, aliases in _ALIASES.items() for alias in aliases.split()}
_SHARED_WORDS = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}


@lru_cache(maxsize=1024)
def _meant(said: str) -> str:
    """The canonical role a word stands for, whatever its case and signs; "" where nobody knows."""
    letters = re.sub(r"[\W_]+", "", said.lower())
    return _MEANT.get(letters) or next((role for role in _CANONICAL if nearly(letters, role)), "")


def _role_flag(place: str, key: str, said: str, meant: str, before: str) -> Flag:
    """The flag for a word that is no role, with a fix where the word and its place agree on one."""
    if meant not in _CANONICAL:
        return Flag(place, f"no trainer knows the role {said!r}")
    word = _SHARED_WORDS.get(meant, meant) if key == "from" else meant
    if meant == before and meant in ("user", "system"):
        return Flag(place, f"no trainer knows the role {said!r}, and a {meant} turn stands before it already")
    certain = re.sub(r"[\W_]+", "", said.lower()) in _MEANT
    fix = Fix(f"write {word!r}", (Put(place, word),), safety="safe" if certain else "unsafe")
    return Flag(place, f"no trainer knows the role {said!r}; {word!r} is meant", fix=fix)


class WrongContentType(RowRule, frozen=True):
    """A text is no text: null, a number, an object.

    Templates print what they find: "None", "True", or a Python dictionary with its braces, and the
    model learns to say it. Arrow readers refuse the file, or turn the whole column into strings.
    """

    code = "SCH006"
    severity = "error"
    structural = True
    GOOD = [HELLO, TOOLS, PARTS, REFUSAL]
    BAD = [
        Bad(answer(content=4), at="messages[1].content", fixed=answer(content="4")),
        Bad(answer(content={"text": "Hello."}), at="messages[1].content", fixed=HELLO),
        Bad(answer(content=None), at="messages[1].content", fixed=DROPPED),
        Bad(answer(name=5), at="messages[1].name", fixed=answer(name="5")),
        Bad({"question": "2+2?", "answer": 4}, at="answer", fixed={"question": "2+2?", "answer": "4"}),
        Bad({"instruction": "Add.", "input": {"a": 2, "b": 2}, "output": "4"}, at="input", fixed=DROPPED),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in _OF_THEIR_OWN:
            return
        for _, column, item in columns(example):
            if item is not MISSING and type(item) is not str and not _listed(item):
                yield _type_flag(column, item)
        if example.shape == "alpaca" and type(more := example.value.get("input")) not in (str, type(None)):
            yield _type_flag("input", more)
        for turn, message, base in messages(example):
            for key in _NAMES:
                if (item := message.get(key)) is not None and type(item) is not str:
                    yield _type_flag(f"{base}.{key}", item)
            key = turn.path.rpartition(".")[2]
            if key not in message:
                continue
            item = message[key]
            if type(item) is str or (item is None and _excused(message)):
                continue
            if type(item) is list:
                yield from _part_flags(f"{base}.{key}", item)
            else:
                yield _type_flag(f"{base}.{key}", item)


_NAMES = ("name", "tool_call_id")  # keys of a message beside its text that are texts, or null


def _listed(item: Any) -> bool:
    """Whether a column holds what may stand for a text: messages, one message, or a list of steps or parts."""
    if type(item) is list:
        return all(type(part) in (dict, str) for part in item)
    return type(item) is dict and (is_messages([item]) or "value" in item)


def _part_flags(path: str, parts: list[Any]) -> Iterator[Flag]:
    for j, part in enumerate(parts):
        if type(part) is str:
            fix = Fix("write a text part", (Put(f"{path}[{j}]", {"type": "text", "text": part}),))
            yield Flag(f"{path}[{j}]", "a string in a list of parts, which are objects", fix=fix)
        elif type(part) is not dict:
            yield _type_flag(f"{path}[{j}]", part, "where a part belongs")
        elif part.get("type") == "text":
            key = "text" if "text" in part else "value" if "value" in part else "content"
            if type(part.get(key)) is not str:
                yield _type_flag(f"{path}[{j}].{key}", part.get(key))


def _type_flag(path: str, item: Any, where: str = "where text belongs") -> Flag:
    """The flag for a value that is no text; numbers and objects of one text are mended, the rest dropped."""
    if type(item) in (int, float):
        fix = Fix("write it as text", (Put(path, json.dumps(item)),))
    elif type(item) is dict and len(texts := [text for text in item.values() if type(text) is str]) == 1 == len(item):
        fix = Fix("take the text out of the object", (Put(path, texts[0]),))
    else:
        fix = drop()
    return Flag(path, f"{kind(item)} {where}", fix=fix)

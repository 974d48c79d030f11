"""What a target refuses in the texts of a row, or does not heed: its length, words, ids, weights."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Annotated

import numpy as np

from curator.checks.length import row_length
from curator.checks.schema.rows import messages
from curator.checks.targets.keys import declared
from curator.checks.targets.refusal import HELLO, Refusal, profile_of
from curator.columns import Batch
from curator.model import Example, Fix, Flag, Put, ToolCall
from curator.paths import get, join
from curator.rule import Bad, chat, option
from curator.targets import Profile
from curator.tokens import Estimate, Tokenizer


class RowTooLong(Refusal, frozen=True):
    """The row is longer than the service takes.

    The upload or the job fails, or the end of the row is cut off, and that is the answer's end. For
    trainers, whose limit is a setting, LEN001 judges by it.
    """

    code = "TGT003"
    GOOD = [HELLO]
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


class ReservedWord(Refusal, frozen=True):
    """A text holds a word that the target keeps for itself.

    The service writes such words around the turns: one in a text would be taken for the border of a
    turn, so the job fails for the row. Write another word in its place.
    """

    code = "TGT007"
    GOOD = [HELLO]
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
    GOOD = [HELLO]
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
                **HELLO,
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
    GOOD = [HELLO]
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

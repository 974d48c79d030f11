"""A chat template: its text, the special tokens it writes, and what it makes of a conversation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from curator.model import NotRun
from curator.templates.environment import CLOSE, OPEN, Compiled, compiled

Message = dict[str, Any]

# What looks like a control token, in the spellings that templates use.
_TOKENS = (
    r"<\|[^|<>\s]{1,60}\|?>", r"<[^|<>\s]{1,40}\|>", r"<｜[^｜<>]{1,60}｜>", r"<\[[^\[\]<>\s]{1,40}\]>", r"</?s>",
    r"<(?:bos|eos|eot|EOT|sop|eop|BOS_TOKEN|EOS_TOKEN)>", r"<[a-z]+_(?:of|for)_[a-z_]+>", r"\[/?[A-Z][A-Z_]{2,}\]",
    r"\[g?MASK\]", r"\[\|/?[A-Za-z_]+\|\]", r"<<?/?SYS>>?",
)  # fmt: skip
_REASONING = ("reasoning_content", "thinking", "reasoning")
_OTHER_DAY = datetime(2031, 5, 23, 7, 8)
_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")


class Template(msgspec.Struct, frozen=True):
    """A chat template and the tokenizer settings that belong to it.

    `texts` are Jinja texts by name ("default", "tool_use"); `tokens` the special tokens the template may
    name (`bos_token` and so on), "" for one that the model says it has not; `special` every control token of the
    tokenizer, where it is known. `adds_bos` says whether the tokenizer puts a `bos_token` before a text, None where
    nobody said.
    `context` is the longest input of the model in tokens, 0 where it is not known. A shipped template also
    says its `family`, its `end_of_turn` token and where it `differs` from the authentic one, and what it leaves
    out since it is `abridged`: "tools", or nothing (""); a GGUF file how its tokenizer splits words (`pre`).
    """

    name: str
    texts: dict[str, str]
    tokens: dict[str, str] = {}
    special: tuple[str, ...] = ()
    source: str = ""
    adds_bos: bool | None = None
    context: int = 0
    family: str = ""
    end_of_turn: str = ""
    differs: str = ""
    abridged: str = ""
    pre: str = ""

    def text(self, tools: bool = False) -> str:
        """The Jinja text for conversations with or without tools."""
        if tools and "tool_use" in self.texts:
            return self.texts["tool_use"]
        return self.texts.get("default") or next(iter(self.texts.values()))

    def compiled(self, tools: bool = False) -> Compiled:
        return compiled(self.text(tools))

    def render(self, messages: Sequence[Message], tools: Sequence[Any] = (), *, generation: bool = False) -> str:
        """The conversation as text; with `generation` it ends where the assistant is to go on.

        `messages` are as `prepared` returns them. Whatever a template raises comes through.
        """
        return self.compiled(bool(tools)).render(**self.values(messages, tools, generation))

    def marked(self, messages: Sequence[Message], tools: Sequence[Any] = ()) -> tuple[str, list[tuple[int, int]]]:
        """The conversation as text, and the spans that stand in the template's `{% generation %}` blocks."""
        text = self.compiled(bool(tools)).marked(**self.values(messages, tools, False))
        parts, at, start = re.split(f"([{OPEN}{CLOSE}])", text), 0, 0
        spans: list[tuple[int, int]] = []
        for part in parts:
            if part == OPEN:
                start = at
            elif part == CLOSE:
                joined = spans.pop()[0] if spans and spans[-1][1] == start else start
                spans.append((joined, at))
            else:
                at += len(part)
        return "".join(part for part in parts if part not in (OPEN, CLOSE)), spans

    def marks(self, tools: bool = False) -> bool:
        """True where the template says by itself, with `{% generation %}`, what is trained on."""
        return bool(_GENERATION.search(self.text(tools)))

    def dated(self, messages: Sequence[Message]) -> bool:
        """Whether the render depends on the day."""
        first, second = self.on_two_days(messages)
        return first != second

    def on_two_days(self, messages: Sequence[Message]) -> tuple[str, str]:
        """The render as of the pinned time, and as of another day at another hour."""
        values = self.values(messages, (), False)
        return self.compiled().render(**values), self.compiled().at(_OTHER_DAY, **values)

    def values(
        self, messages: Sequence[Message], tools: Sequence[Any] = (), generation: bool = False
    ) -> dict[str, Any]:
        """What the template is rendered with."""
        said = {"messages": messages, "tools": list(tools) or None, "documents": None}
        named = {key: token for key, token in self.tokens.items() if token}
        return {**named, **said, "add_generation_prompt": generation}

    @property
    def bos(self) -> str:
        return self.tokens.get("bos_token", "")

    @property
    def eos(self) -> str:
        return self.tokens.get("eos_token", "")

    def beyond(self, codes: Iterable[str], rows: str) -> NotRun:
        """A note that rows with tools are not judged by rules of those codes, since the template is abridged."""
        reason = (
            f"{rows} not judged: {self.name} as it ships with curator leaves out tools, which the model's own writes"
        )
        unlock = "name the model's own template: --template path/to/chat_template.jinja, or --model FOLDER"
        return NotRun(tuple(codes), reason, unlock)

    def control_tokens(self) -> tuple[str, ...]:
        """Control tokens of the tokenizer, and those that the template writes."""
        return _control_tokens(tuple(self.texts.values()), tuple(self.tokens.values()), self.special)

    def token_pattern(self) -> re.Pattern[str]:
        """Matches one control token."""
        return _pattern((*self.tokens.values(), *self.special))


@lru_cache(maxsize=16)
def _control_tokens(texts: tuple[str, ...], tokens: tuple[str, ...], special: tuple[str, ...]) -> tuple[str, ...]:
    written = {found for text in texts for found in re.findall("|".join(_TOKENS), text)}
    return tuple(sorted({token for token in (*tokens, *special, *written) if len(token) > 2}))


@lru_cache(maxsize=16)
def _pattern(tokens: Iterable[str]) -> re.Pattern[str]:
    named = [re.escape(token) for token in sorted(set(tokens), key=len, reverse=True) if token.strip()]
    return re.compile("|".join((*named, *_TOKENS)))


def prepared(messages: Sequence[Message]) -> list[Message]:
    """The messages as transformers hands them to a template.

    Keys that are null are left out, and reasoning is known under each of its names.
    """
    return [message if is_plain(message) else _prepared(message) for message in messages]


def is_plain(message: Message) -> bool:
    return len(message) == 2 and type(message.get("role")) is str and type(message.get("content")) is str


def _prepared(message: Message) -> Message:
    said = {key: value for key, value in message.items() if value is not None}
    thought = next((said[key] for key in _REASONING if key in said), None)
    return said if thought is None else {"thinking": thought, **said, "reasoning_content": thought}

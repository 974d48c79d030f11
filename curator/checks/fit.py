"""TPL: what is left of a row when a chat template has rendered it.

Every row is rendered with the template the user names, and what comes out is compared with what went in.
TPL006, which needs no template, is in `checks/template.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
import numpy as np

from curator.checks.template import brings_its_template
from curator.columns import Batch, Rows
from curator.model import Example, Flag, ToolCall, Turn
from curator.rule import Bad, DatasetRule, RowRule, chat, option
from curator.templates import (
    MOST_LEAVES,
    SPOKEN,
    UNTEMPLATED,
    Conversation,
    Layout,
    Message,
    Rendered,
    Renderer,
    Template,
    after_thought,
    conversations,
    empty_thoughts,
    load,
    prepared,
    reason,
    texts_of,
    thoughts,
)

_LONG = 500  # characters of lost text that a finding quotes
_DEEP = 64  # turns that are tried one by one to find where a render fails
_WORDS = 3  # words of its own from which on a template is said to put in a system prompt

TemplateName = Annotated[
    str, option("The template: a name, a file or a model folder; `--template` and `--model` set it.")
]


# ---------------------------------------------------------------------- rendering rows


class Look(NamedTuple):
    """One side of a row, rendered."""

    example: Example
    said: Conversation
    seen: Rendered
    template: Template

    def turn_of(self, key: tuple[int, str, int]) -> Turn:
        return self.said.turns[key[0]]

    def text_of(self, key: tuple[int, str, int]) -> str:
        return texts_of(prepared(self.said.messages))[key]

    @property
    def odd(self) -> bool:
        """True where anything may be wrong with this row itself, whatever its structure does."""
        seen = self.seen
        if seen.error or not seen.exact or seen.lost or seen.stripped:
            return True
        if self.template.bos and seen.text.startswith(self.template.bos * 2):
            return True
        return any(turn.calls or turn.pieces or not turn.content for turn in self.said.turns)


_renderers: dict[str, Renderer] = {}


def renderer(name: str) -> Renderer:
    """The renderer of a template, with the layouts it has seen so far."""
    template = load(name)
    known = _renderers.get(name)
    if known is None or known.template is not template:
        known = _renderers[name] = Renderer(template)
    return known


def looks(example: Example, template: str, *, renamed: bool = False) -> tuple[Look, ...]:
    """The row as the template renders it: one look, or one for each side of a preference pair.

    With `renamed` the roles human and gpt are handed on as user and assistant.
    """
    if example.shape in UNTEMPLATED or brings_its_template(example):
        return ()
    with_ = renderer(template)
    return tuple(
        Look(example, said, with_.render(said.messages, said.tools), with_.template)
        for said in conversations(example, renamed=renamed)
    )


class Fit(msgspec.Struct, frozen=True):
    """The column of a batch that the rules on a template share, made once for all of them."""

    template: str

    def __call__(self, batch: Batch) -> Looked:
        found: dict[int, tuple[Look, ...]] = {}
        facts = np.zeros(len(batch.lines), dtype=np.uint8)
        for index in batch.readable:
            seen = looks(batch.example(index), self.template)
            facts[index] = facts_of(seen)
            found[index] = seen
        return Looked(found, [index for index, seen in found.items() if any(look.odd for look in seen)], facts)


class Looked(NamedTuple):
    """All rows of a batch rendered: those that need a closer look, and what holds of their structures."""

    rows: dict[int, tuple[Look, ...]]
    odd: list[int]
    facts: np.ndarray  # uint8, shape (lines,): bits of the rules on the set


# ---------------------------------------------------------------------- rules on rows


class TemplateRule(RowRule, frozen=True):
    """A rule that judges rows as the template renders them."""

    needs: ClassVar[str] = "template"
    exempt = UNTEMPLATED | {"sharegpt"}  # no template, or roles of other names, of which the template judges first
    template: TemplateName = "chatml"

    def candidates(self, batch: Batch) -> Iterable[int]:
        return batch.memo(Fit(self.template)).odd

    def check(self, example: Example) -> Iterator[Flag]:
        yield from self._judged(looks(example, self.template))

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        rows = batch.memo(Fit(self.template)).rows
        for index in self.candidates(batch):
            for flag in self._judged(rows[index]):
                yield index, flag

    def _judged(self, seen: Iterable[Look]) -> Iterator[Flag]:
        """The flags of all sides, each place once: both sides of a pair share their prompt."""
        told = set()
        for look in seen:
            for flag in self.judge(look):
                if flag.at not in told:
                    told.add(flag.at)
                    yield flag

    def judge(self, look: Look) -> Iterator[Flag]:
        raise NotImplementedError


def _quoted(text: str) -> str:
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def _lost(look: Look, roles: str) -> list[tuple[int, str, int]]:
    """The texts of turns of those roles ("system" or "other") that are not in the render, reasoning aside."""
    found = []
    for key in look.seen.lost:
        system = look.turn_of(key).role in ("system", "developer")
        if key[1] == "content" and system == (roles == "system") and not _only_thought_lost(look, key):
            found.append(key)
    return found


def _only_thought_lost(look: Look, key: tuple[int, str, int]) -> bool:
    """Whether all of a text but its reasoning is in the render."""
    text = look.text_of(key)
    return any(True for _ in thoughts(text)) and after_thought(text) in look.seen.text


_WEATHER = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {"place": {"type": "string"}}}}}  # fmt: skip


def _asked(arguments: Any, **beside: Any) -> dict[str, Any]:
    """A row with one call."""
    call = {"id": "call12345", "type": "function", "function": {"name": "weather", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "Is it warm in Oslo?"},
            {"role": "assistant", "content": "", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call12345", "content": "Ten degrees", **beside},
            {"role": "assistant", "content": "Not very."},
        ],
        "tools": [_WEATHER],
    }


class RenderFails(TemplateRule, frozen=True):
    """The chat template refuses the row.

    Templates raise an error for orders and roles that the model never saw, and stumble over content of a
    type they do not expect. A trainer stops there, or skips the row with a line in its log.
    """

    code = "TPL001"
    severity = "error"
    GOOD = [chat(system="Be brief.", user="What is 2+2?", assistant="4")]
    BAD = [
        Bad(
            chat(system="Be brief.", user="What is 2+2?", assistant="4"),
            at="messages[0].content",
            options={"template": "gemma"},
        ),
        Bad(
            chat(user="What is 2+2?", user2="And 3+3?", assistant="4 and 6"),
            at="messages[1].content",
            options={"template": "gemma-3"},
        ),
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        if not look.seen.error or _needs_objects(look):
            return
        n = _failing(look)
        turn = look.said.turns[n]
        wants = " (it takes the arguments of calls as JSON strings)" if _needs_strings(look) else ""
        if any(None in message.values() for message in look.said.messages):
            nulls = _error(look.template, look.said.messages, look.said.tools)
            wants = wants or ("" if nulls else " (it takes null, which transformers leaves out)")
        message = f"the template {look.template.name} refuses the row at its {turn.said or turn.role} turn: {look.seen.error}{wants}"
        evidence = {"error": look.seen.error, "turn": n, "role": turn.said or turn.role, "text": _quoted(turn.text)}
        yield turn.flag(_line(message), evidence=evidence)


def _line(message: str) -> str:
    """A message as one line of printable characters."""
    return "".join(sign if sign.isprintable() else " " for sign in message)


def _failing(look: Look) -> int:
    """The turn with which the render begins to fail."""
    said = prepared(look.said.messages)
    for n in range(1, min(len(said), _DEEP)):
        if _error(look.template, said[:n], look.said.tools):
            return n - 1
    return len(said) - 1


def _error(template: Template, said: Sequence[Message], tools: Sequence[Any]) -> str:
    try:
        template.render(said, tools)
    except Exception as error:  # a template may raise anything
        return reason(error)
    return ""


def _with_arguments(look: Look, change: Any) -> list[Message]:
    """The messages with the arguments of every call changed."""
    return [
        {**message, "tool_calls": [_changed(call, change) for call in calls]}
        if type(calls := message.get("tool_calls")) is list
        else message
        for message in prepared(look.said.messages)
    ]


def _changed(call: Any, change: Any) -> Any:
    if type(call) is not dict:
        return call
    if type(inner := call.get("function")) is dict:
        return {**call, "function": _changed(inner, change)}
    return {**call, "arguments": change(call.get("arguments"))}


def _as_object(arguments: Any) -> Any:
    if type(arguments) is not str:
        return arguments
    try:
        found = json.loads(arguments)
    except ValueError:
        return arguments
    return found if type(found) is dict else arguments


def _calls(look: Look) -> list[tuple[Turn, ToolCall]]:
    return [(turn, call) for turn in look.said.turns for call in turn.calls]


def _needs_objects(look: Look) -> bool:
    """Whether the template fails on JSON strings as arguments, and takes objects."""
    written = any(call.raw is not None for _, call in _calls(look))
    return written and not _error(look.template, _with_arguments(look, _as_object), look.said.tools)


def _needs_strings(look: Look) -> bool:
    """Whether the template fails on objects as arguments, and takes JSON strings."""
    if not any(type(call.arguments) is dict and call.raw is None for _, call in _calls(look)):
        return False
    said = _with_arguments(look, lambda value: value if type(value) is str else json.dumps(value, ensure_ascii=False))
    return not _error(look.template, said, look.said.tools)


class SystemLost(TemplateRule, frozen=True):
    """The template leaves the system prompt out of the training text.

    Some templates write it only where a user turn comes last, as in a request: then the model is used with
    instructions it was never trained with. Others keep one of several system turns.
    """

    code = "TPL002"
    severity = "error"
    GOOD = [chat(system="Be brief.", user="What is 2+2?", assistant="4")]
    BAD = [
        Bad(
            chat(system="Be brief.", user="What is 2+2?", assistant="4"),
            at="messages[0].content",
            options={"template": "mistral-v3"},
        )
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        for key in _lost(look, "system"):
            turn = look.turn_of(key)
            message = f"the system text is not in what {look.template.name} renders: the model is trained without it"
            yield turn.flag(message, evidence={"lost": _quoted(look.text_of(key)), "role": turn.said or turn.role})


class TurnLost(TemplateRule, frozen=True):
    """A turn is not in what the template renders.

    Templates write the roles they know and pass over the others without a word: of a conversation between
    `human` and `gpt` nothing may be left but a default system prompt. The row counts and teaches nothing.
    """

    code = "TPL003"
    severity = "error"
    GOOD = [chat(user="What is 2+2?", assistant="4")]
    BAD = [
        Bad(
            {"messages": [{"role": "human", "content": "What is 2+2?"}, {"role": "gpt", "content": "It is 4."}]},
            at="messages[0].content",
            options={"template": "qwen2.5"},
        ),
        Bad(
            chat(user="Is it warm in Oslo?", assistant="I look.", tool="Ten degrees", assistant2="Not very."),
            at="messages[2].content",
            options={"template": "phi-3"},
        ),
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        lost = _lost(look, "other")
        for turn, raw in zip(look.said.turns, look.said.messages, strict=True):
            if _as_python(raw.get("content"), look.seen.text):
                said = f"the parts of the {turn.said or turn.role!r} turn are written as a Python list, not as text"
                yield turn.flag(_line(said), evidence={"lost": _quoted(turn.text), "role": turn.said or turn.role})
        if lost:
            turn = look.turn_of(lost[0])
            turns = {key[0] for key in lost}
            more = f" and {len(turns) - 1} more" if len(turns) > 1 else ""
            said = turn.said or turn.role
            spelt = "; trainers that rename the roles first keep it" if said != turn.role else ""
            message = f"the {said!r} turn{more} is not in what {look.template.name} renders{spelt}"
            evidence = {"lost": _quoted(look.text_of(lost[0])), "role": said, "turns": len(turns)}
            yield turn.flag(_line(message), evidence=evidence)


def _as_python(content: Any, text: str) -> bool:
    """Whether a list of parts was printed as Python prints a list."""
    return type(content) is list and "[{'" in text and str(content)[:200] in text


class ToolCallLost(TemplateRule, frozen=True):
    """A tool call is not in what the template renders, or without its arguments.

    Many templates know no calls, or only the first of several. The model then learns to say nothing where
    it should call, and to answer from results it never asked for.
    """

    code = "TPL004"
    severity = "error"
    GOOD = [chat(user="Is it warm in Oslo?", assistant="Not very.")]
    BAD = [
        Bad(_asked({"place": "Oslo"}), at="messages[1].tool_calls[0]", options={"template": "granite"}),
        Bad(_asked('{"place": "Oslo"}'), at="messages[1].tool_calls[0]", options={"template": "phi-3"}),
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        if look.seen.error:
            return
        for turn, call in _lost_calls(look):
            message = f"the call of {call.name} is not in what {look.template.name} renders"
            written = call.raw if call.raw is not None else json.dumps(call.arguments, ensure_ascii=False, default=str)
            yield Flag(
                call.path, _line(message), evidence={"lost": _quoted(f"{call.name}({written})"), "role": turn.role}
            )


def _lost_calls(look: Look) -> list[tuple[Turn, ToolCall]]:
    """The calls that leave no trace in the render: told by names and arguments that stand nowhere else."""
    calls = _calls(look)
    if not calls or _argued(look):
        return []
    said = _marked_calls(look, count())
    try:
        text = look.template.render(said, look.said.tools)
    except Exception:
        return [(turn, call) for turn, call in calls if call.name and call.name not in look.seen.text]
    lost, n = [], 0
    for message, turn in zip(look.said.messages, look.said.turns, strict=True):
        listed = message.get("tool_calls")
        many = len(listed) if type(listed) is list else 0
        if not many and "function_call" not in message:
            continue  # calls written as text are lost with the text
        for k, call in enumerate(turn.calls):
            named = k < many and _call_mark(n + k, "n") in text
            argued = k < many and (_call_mark(n + k, "a") in text or not call.arguments)
            if not (named and argued):
                lost.append((turn, call))
        n += many
    return lost


def _argued(look: Look) -> bool:
    """Whether each call has arguments with a text in them, and all those texts are in the render."""
    if not look.seen.exact or any(key[1] == "arguments" for key in look.seen.lost):
        return False
    told = {(n, part // MOST_LEAVES) for n, field, part in look.seen.places if field == "arguments"}
    return len(told) == sum(len(turn.calls) for turn in look.said.turns)


def _call_mark(number: int, kind: str) -> str:
    return f"zQ{kind}{number:05d}Qz"


def _marked_calls(look: Look, numbers: Iterator[int]) -> list[Message]:
    return [
        {**message, "tool_calls": [_marked_call(call, next(numbers)) for call in calls]}
        if type(calls := message.get("tool_calls")) is list
        else message
        for message in prepared(look.said.messages)
    ]


def _marked_call(call: Any, number: int) -> Any:
    if type(call) is not dict:
        return call
    if type(inner := call.get("function")) is dict:
        return {**call, "function": _marked_call(inner, number)}
    argued: Any = {"value": _call_mark(number, "a")}
    if type(call.get("arguments")) is str:
        argued = json.dumps(argued)
    return {**call, "name": _call_mark(number, "n"), "arguments": argued}


class ReasoningLost(TemplateRule, frozen=True):
    """The reasoning of an answer is not in what the template renders.

    Templates of reasoning models cut what stands before `</think>` out of answers, since a conversation goes
    on without it; some cut it out of the last answer too, and most know no field for it. A set made to teach
    reasoning then trains on bare answers.
    """

    code = "TPL005"
    severity = "error"
    GOOD = [chat(user="What is 2+2?", assistant="<think>Two and two.</think>It is 4.")]
    BAD = [
        Bad(
            chat(user="What is 2+2?", assistant="<think>Two and two.</think>It is 4."),
            at="messages[1].content",
            options={"template": "deepseek-r1"},
        ),
        Bad(
            {"messages": [{"role": "user", "content": "What is 2+2?"},
                          {"role": "assistant", "content": "It is 4.", "reasoning_content": "Two and two."}]},
            at="messages[1].content",
            options={"template": "phi-4"},
        ),
    ]  # fmt: skip

    def judge(self, look: Look) -> Iterator[Flag]:
        last = max((n for n, turn in enumerate(look.said.turns) if turn.role == "assistant"), default=-1)
        for key in look.seen.lost:
            turn, text = look.turn_of(key), look.text_of(key)
            lost, span = text, None
            if key[1] not in SPOKEN:
                continue
            if key[1] == "content":
                if not _only_thought_lost(look, key):
                    continue
                gone = [(low, high) for low, high in thoughts(text) if text[low:high].strip() not in look.seen.text]
                if not gone:
                    continue
                span = gone[0] if not turn.pieces else None
                lost = text[slice(*gone[0])]
            where = "" if key[0] == last else " of an earlier answer"
            message = f"the reasoning{where} is not in what {look.template.name} renders"
            yield turn.flag(message, span, evidence={"lost": _quoted(lost.strip()), "last": key[0] == last})


class ContentTrimmed(TemplateRule, frozen=True):
    """The template strips white space that belongs to the answer.

    Many templates trim what they write. The indent of the first line of code and blank lines at the ends go,
    and the model is trained on something else than what the row says.
    """

    code = "TPL010"
    severity = "info"
    GOOD = [
        chat(user="Go on:\ndef f():", assistant="    return 1"),
        chat(user="What is 2+2?", assistant="4 "),
    ]
    BAD = [
        Bad(
            chat(user="Go on:\ndef f():", assistant="    return 1"),
            at="messages[1].content",
            options={"template": "llama-3"},
        )
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        for key in look.seen.stripped:
            turn, text = look.turn_of(key), look.text_of(key)
            lead = len(text) - len(text.lstrip())
            if turn.role != "assistant" or not _INDENT.search(text[:lead]):
                continue
            message = f"{look.template.name} strips the indent of the first line"
            yield turn.flag(message, (0, lead) if not turn.pieces else None, evidence={"lost": text[:lead]})


_INDENT = re.compile(r"(?:^|\n)(?: {2,}|\t)[ \t]*$")


class LiteralNone(TemplateRule, frozen=True):
    """The template writes the word None where the row has null.

    A message with calls or a result may have no content. Where a trainer hands the null on, templates
    that print it teach the model to say None.
    """

    code = "TPL011"
    severity = "error"
    GOOD = [_asked({"place": "Oslo"})]
    BAD = [Bad(_asked({"place": "Oslo"}, content=None), at="messages[2].content", options={"template": "qwen2.5"})]

    def judge(self, look: Look) -> Iterator[Flag]:
        nulls = [n for n, message in enumerate(look.said.messages) if message.get("content", "") is None]
        if not nulls:
            return
        try:
            text = look.template.render(look.said.messages, look.said.tools)
            empty = [{**m, "content": ""} if m.get("content", "") is None else m for m in look.said.messages]
            without = look.template.render(empty, look.said.tools)
        except Exception:  # what fails is for TPL001 to tell
            return
        if text.count("None") > without.count("None"):
            at = look.said.turns[nulls[0]]
            message = f"{look.template.name} writes the content null as the word None"
            around = text.index(
                "None", next((i for i, (a, b) in enumerate(zip(text, without, strict=False)) if a != b), 0)
            )
            yield Flag(at.path, message, evidence={"rendered": text[max(0, around - 40) : around + 20]})


class DoubleBos(TemplateRule, frozen=True):
    """The text begins with the beginning-of-text token twice.

    The model never saw that in its pre-training, and it is seldom what it is asked with later. It comes about
    where a row was rendered with a template beforehand, and template or tokenizer write the token again.
    """

    code = "TPL012"
    GOOD = [
        chat(user="What is 2+2?", assistant="4"),
        {"text": "<s>[INST] What is 2+2? [/INST] 4</s>"},
    ]
    BAD = [
        Bad(
            {"text": "<s>[INST] What is 2+2? [/INST] 4</s>"},
            at="text",
            options={"template": "mistral-v3"},
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        bos = load(self.template).bos
        bare = {i for i in batch.readable if bos and _begins(batch.example(i), bos)}
        return sorted({*batch.memo(Fit(self.template)).odd, *bare})

    def check(self, example: Example) -> Iterator[Flag]:
        yield from self._bare(example)
        yield from super().check(example)

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        rows = batch.memo(Fit(self.template)).rows
        for index in self.candidates(batch):
            for flag in (*self._bare(batch.example(index)), *self._judged(rows[index])):
                yield index, flag

    def _bare(self, example: Example) -> Iterator[Flag]:
        """A text without turns that brings the token along, where the tokenizer puts one before each text."""
        template = load(self.template)
        if not template.bos or not _begins(example, template.bos):
            return
        if template.adds_bos is False or not _writes_bos(template):
            return
        who = "the tokenizer writes one" if template.adds_bos else "the tokenizer writes one as a rule"
        turn = example.turns[0]
        yield turn.flag(f"the text begins with {template.bos}, and {who} before it", (0, len(template.bos)))

    def judge(self, look: Look) -> Iterator[Flag]:
        bos, turns = look.template.bos, look.said.turns
        if bos and look.seen.text.startswith(bos * 2):
            at = next((turn for turn in turns if turn.text.lstrip().startswith(bos)), turns[0])
            yield at.flag(
                f"what {look.template.name} renders begins with {bos} twice", evidence={"rendered": look.seen.text[:80]}
            )


def _begins(example: Example, bos: str) -> bool:
    turns = example.turns
    if not turns or not turns[0].text.startswith(bos):
        return False
    return example.shape in UNTEMPLATED or brings_its_template(example)


def _writes_bos(template: Template) -> bool:
    """Whether the model is used to the token: a template that writes it belongs to a tokenizer that has it."""
    return bool(template.adds_bos) or "bos_token" in template.text() or template.bos in template.text()


class ArgumentsEscapedTwice(TemplateRule, frozen=True):
    """The template writes the arguments of a call as JSON once more, or fails on them.

    The arguments are a JSON string in the row, as in OpenAI's format; the template expects an object. What
    it writes is a string in quotation marks with a backslash before each quotation mark in it, and that is
    how the model learns to call.
    """

    code = "TPL013"
    severity = "error"
    exempt = TemplateRule.exempt | {"harmony"}  # its arguments are objects
    GOOD = [_asked({"place": "Oslo"}), chat(user="Is it warm in Oslo?", assistant="Not very.")]
    BAD = [Bad(_asked('{"place": "Oslo"}'), at="messages[1].tool_calls[0]", options={"template": "qwen2.5"})]

    def judge(self, look: Look) -> Iterator[Flag]:
        fails = bool(look.seen.error) and _needs_objects(look)
        for _, call in _calls(look):
            if call.raw is None or type(call.arguments) is not dict:
                continue
            quoted = json.dumps(call.raw, ensure_ascii=False)
            twice = {quoted, json.dumps(call.raw)}
            if fails:
                message = (
                    f"{look.template.name} takes the arguments as an object, not as a JSON string: {look.seen.error}"
                )
            elif any(form in look.seen.text for form in twice):
                message = f"{look.template.name} writes the arguments as a JSON string within JSON: it takes an object"
            else:
                continue
            evidence = {"lost": _quoted(call.raw), "rendered": _quoted(quoted), "name": call.name}
            yield Flag(call.path, _line(message), evidence=evidence)


# ---------------------------------------------------------------------- rules on the set

_UNCLOSED, _UNPREFIXED, _INJECTED, _EMPTY, _UNMASKED, _FOREIGN = 1, 2, 4, 8, 16, 32
_ANSWERING = frozenset({"assistant", "model"})  # the roles by which a trainer knows an answer


def facts_of(seen: Sequence[Look]) -> int:
    """What holds of the structures of a row's sides, as bits."""
    bits = 0
    for look in seen:
        bits |= _FOREIGN * _answers_under_another_name(look)
        layout = look.seen.layout
        if layout is None:
            continue
        bits |= _facts(layout, look.template) if look.seen.exact else _facts(layout, look.template) & ~_EMPTY
        if _INJECTED & bits and (
            type(look.said.messages[0].get("content")) is not str
            or look.said.tools
            or any(turn.role in ("system", "developer") for turn in look.said.turns)
        ):
            bits &= ~_INJECTED
        if not look.seen.exact and empty_thoughts(look.seen.text) > sum(
            empty_thoughts(t.text) for t in look.said.turns
        ):
            bits |= _EMPTY
    return bits


def _answers_under_another_name(look: Look) -> bool:
    """Whether the template writes the answers, and nobody can tell by their role that they are answers."""
    if look.seen.error or look.seen.lost or not any(turn.role == "assistant" for turn in look.said.turns):
        return False
    return not any(message.get("role") in _ANSWERING for message in look.said.messages)


_known: dict[int, tuple[Layout, int]] = {}


def _facts(layout: Layout, template: Template) -> int:
    """The bits of a layout, remembered while it lives."""
    if (found := _known.get(id(layout))) and found[0] is layout:
        return found[1]
    bits = _UNCLOSED * layout.unclosed | _UNPREFIXED * bool(layout.unprefixed)
    bits |= _UNMASKED * (bool(layout.unprefixed) and not layout.marked)
    bits |= _EMPTY * bool(empty_thoughts(layout.literals)) | _INJECTED * bool(injected(layout, template))
    if len(_known) > 5000:
        _known.clear()
    _known[id(layout)] = (layout, bits)
    return bits


_ROLE_WORDS = frozenset(
    "system user assistant model human gpt instruction response input tool developer start end message".split()
)


def injected(layout: Layout, template: Template) -> str:
    """The text of its own that the template puts before the first turn; "" where it only marks turns."""
    first = layout.pieces[0] if layout.pieces and isinstance(layout.pieces[0], str) else ""
    text = template.token_pattern().sub("\n", first)
    lines = [line for line in text.splitlines() if line.strip().lower() not in _ROLE_WORDS]
    words = [word for line in lines for word in re.findall(r"[^\W\d_]{2,}", line) if word.lower() not in _ROLE_WORDS]
    return "\n".join(lines).strip() if len(words) >= _WORDS else ""


class TemplateSetRule(DatasetRule, frozen=True):
    """A rule on what a template does to many rows alike: told once, with the number of rows."""

    needs: ClassVar[str] = "template"
    bit: ClassVar[int] = 0
    template: TemplateName = "chatml"

    def sketch(self, batch: Batch) -> np.ndarray:
        """1 for the lines it holds for; shape (lines,), uint8."""
        facts: np.ndarray = batch.memo(Fit(self.template)).facts & np.uint8(self.bit)
        return (facts > 0).astype(np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        found = np.flatnonzero(sketches)
        if not len(found):
            return
        first, *others = found.tolist()
        at, message, evidence = self.say(looks(rows.example(first), self.template))
        judged = int(np.count_nonzero(rows.readable))
        said = f"{message} (in {len(found):,} of {judged:,} rows)"
        yield first, Flag(at, _line(said), related=tuple(others[:20]), evidence={"rows": len(found), **evidence})

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        """(path, message, evidence) for a row it holds for."""
        raise NotImplementedError


def _last_answer(look: Look) -> str:
    return next((turn.path for turn in reversed(look.said.turns) if turn.role == "assistant"), "")


def _first(seen: Sequence[Look], bit: int) -> Look:
    return next(look for look in seen if facts_of((look,)) & bit)


class EndOfTurnMissing(TemplateSetRule, frozen=True):
    """The template puts no end-of-turn token behind the last answer.

    In rows of one exchange the model then never sees the token it has to stop with, and runs on when it is
    used.
    """

    code = "TPL007"
    severity = "error"
    bit = _UNCLOSED
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad([chat(user="What is 2+2?", assistant="4")], at="0:messages[1].content", options={"template": "glm-4"}),
    ]

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        look = _first(seen, _UNCLOSED)
        message = f"nothing closes the last answer in what {look.template.name} renders: the model never learns to stop"
        return _last_answer(look), message, {"rendered": look.seen.text[-80:]}


class PromptNotAPrefix(TemplateSetRule, frozen=True):
    """What the model is asked with does not begin what it is trained on.

    A mask that covers the rendered prompt, as most trainers set it, then ends at the wrong place, and the
    model is trained on a context it never meets in use.
    """

    code = "TPL008"
    bit = _UNPREFIXED
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [chat(user="What is 2+2?", assistant="4"), chat(user="What is 3+3?", assistant="6")],
            at="0:messages[1].content",
            options={"template": "deepseek-r1"},
        )
    ]

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        look = _first(seen, _UNPREFIXED)
        layout = look.seen.layout
        n = layout.unprefixed[-1] if layout else 0
        prompt = look.template.render(prepared(look.said.messages)[:n], look.said.tools, generation=True)
        parted = next((i for i, (a, b) in enumerate(zip(prompt, look.seen.text, strict=False)) if a != b), len(prompt))
        evidence = {"prompt": prompt[parted : parted + 60], "trained": look.seen.text[parted : parted + 60]}
        message = (
            f"the prompt that {look.template.name} renders is no prefix of the training text: masks set by it are wrong"
        )
        return look.said.turns[n].path, message, evidence


class DefaultSystemAdded(TemplateSetRule, frozen=True):
    """The template puts in a system prompt of its own.

    Rows without a system turn are trained with that text before them. The model has to be used with the same
    one, and where it holds the date of the day no two runs see the same text.
    """

    code = "TPL009"
    severity = "info"
    bit = _INJECTED
    GOOD = [[chat(user="What is 2+2?", assistant="4")], [chat(system="Be brief.", user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [
                chat(system="Be brief.", user="What is 2+2?", assistant="4"),
                chat(user="What is 2+2?", assistant="4"),
                chat(user="What is 3+3?", assistant="6"),
            ],
            at="1:",
            options={"template": "qwen2.5"},
        ),
        Bad([chat(user="What is 2+2?", assistant="4")], at="0:", options={"template": "gpt-oss"}),
    ]

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        look = _first(seen, _INJECTED)
        text = injected(look.seen.layout, look.template) if look.seen.layout else ""
        dated = look.template.dated(prepared(look.said.messages))
        message = f"{look.template.name} puts in a text of its own{', with the date of the day' if dated else ''}"
        return "", message, {"added": _quoted(text), "dated": dated}


class EmptyThinkAdded(TemplateSetRule, frozen=True):
    """The template puts an empty think block into answers that have no reasoning.

    The model is trained not to think: a few hundred such rows undo what made it a reasoning model. Use the
    variant of the template without thinking, or mask the block.
    """

    code = "TPL014"
    bit = _EMPTY
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [
                chat(user="What is 2+2?", assistant="<think>Two and two.</think>4"),
                chat(user="What is 3+3?", assistant="6"),
            ],
            at="1:messages[1].content",
            options={"template": "qwen3"},
        )
    ]

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        look = _first(seen, _EMPTY)
        message = f"{look.template.name} puts an empty think block before answers without reasoning"
        return _last_answer(look), message, {}


class NoLossMask(TemplateSetRule, frozen=True):
    """The template gives no way to train on the answers alone.

    It marks no answers with `{% generation %}`, and the rendered prompt does not begin the training text, so
    that neither of the usual masks can be set. Trainers then fail, or train on the prompts as well.
    """

    code = "TPL015"
    bit = _UNMASKED
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [chat(user="What is 2+2?", assistant="4")],
            at="0:messages[1].content",
            options={"template": "deepseek-r1"},
        )
    ]

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        look = _first(seen, _UNMASKED)
        message = f"{look.template.name} marks no answers, and its prompts are no prefixes: answers cannot be masked"
        return _last_answer(look), message, {}


class ForeignRoles(TemplateSetRule, frozen=True):
    """The template writes the answers under roles by which no answer is known.

    A template that prints any role it is given prints `human` and `gpt` too: nothing is lost, but trainers
    that mask by role find no answer to train on, and the model is later asked in other words than it learnt.
    """

    code = "TPL019"
    severity = "error"
    bit = _FOREIGN
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [{"conversations": [{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "It is 4."}]}],
            at="0:conversations[1].value",
            options={"template": "chatml"},
        ),
    ]

    template: TemplateName = "qwen2.5"

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        look = _first(seen, _FOREIGN)
        roles = sorted({str(message.get("role")) for message in look.said.messages})
        message = (
            f"{look.template.name} writes the roles as {', '.join(roles)}: by these no trainer knows an answer; "
            "rename them: curator convert --to openai-chat"
        )
        return _last_answer(look), message, {"roles": roles}


class PadIsEos(TemplateSetRule, frozen=True):
    """The tokenizer pads with its end-of-text token.

    Collators that leave padding out of the loss by its number leave every end-of-text token out, that of the
    answers included: the model does not learn to stop.
    """

    code = "TPL016"
    needs = "model"
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [chat(user="What is 2+2?", assistant="4"), chat(user="What is 3+3?", assistant="6")],
            at="0:",
            options={"template": "smollm2"},
        )
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """1 for the lines with a row; shape (lines,), uint8."""
        found = np.zeros(len(batch.lines), dtype=np.uint8)
        template = load(self.template)
        if template.eos and template.tokens.get("pad_token") == template.eos:
            found[batch.readable] = 1
        return found

    def say(self, seen: Sequence[Look]) -> tuple[str, str, dict[str, Any]]:
        template = load(self.template)
        ends = any(look.seen.text.rstrip().endswith(template.eos) for look in seen)
        what = "which also ends the answers" if ends else "though the answers end with another token"
        return "", f"the padding token is the end-of-text token {template.eos}, {what}", {"token": template.eos}

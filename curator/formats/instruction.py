"""Flat rows of a request and its answer: alpaca, prompt-completion, question-answer, self-instruct."""

from __future__ import annotations

from functools import partial
from typing import Any

from curator.formats.adapter import Adapter, Losses, Row, Written
from curator.formats.turns import joined, read_field, read_tools
from curator.formats.writing import (
    answered,
    as_messages,
    carried,
    exchanges,
    flat,
    is_simple,
    parted,
    plain,
    prompted,
    put_tools,
    system_and_rest,
)
from curator.model import Example, Piece, Turn


def has(value: Row, *keys: str) -> str:
    """The first of `keys` the row has, "" where it has none."""
    for key in keys:
        if key in value:
            return key
    return ""


def system_turn(value: Row, *keys: str) -> tuple[Turn, ...]:
    for key in keys:
        if type(text := value.get(key)) is str and text:
            return (Turn("system", text, key, said="system"),)
    return ()


# ---------------------------------------------------------------------- alpaca

_OUTPUTS = ("output", "response", "answer")


def _names(value: Row) -> tuple[str, str]:
    """The spelling of (instruction, output) in this row."""
    if "instruction" in value:
        return "instruction", has(value, *_OUTPUTS) or "output"
    if "INSTRUCTION" in value:
        return "INSTRUCTION", "RESPONSE"
    return "", ""


def matches_alpaca(value: Row) -> float:
    asked, replied = _names(value)
    if not asked:
        return 0.0
    if replied in value:
        return 0.95
    return 0.4 if "input" in value or len(value) == 1 else 0.0


def read_alpaca(value: Row) -> Example:
    asked, replied = _names(value)
    turns = [*system_turn(value, "system"), *_history(value.get("history")), alpaca_prompt(value, asked)]
    text = value.get(replied)
    if type(text) is str:
        turns.append(Turn("assistant", text, replied, said="assistant"))
    else:
        turns += read_field(text, replied, "assistant")
    tools, at = read_tools(value)
    return Example("alpaca", tuple(turns), value, tools, label=_kto(value), tools_path=at)


def _kto(value: Row) -> bool | None:
    flag = value.get("kto_tag")
    return flag if type(flag) is bool else None


def alpaca_prompt(value: Row, asked: str = "instruction") -> Turn:
    """Instruction and, where it says anything, input, joined by a line break."""
    text, more = value.get(asked), value.get("input")
    if type(text) is not str:
        found = read_field(text, asked, "user")
        return found[0] if found else Turn("user", "", asked, said="user", content=False)
    if type(more) is not str or not more.strip():
        return Turn("user", text, asked, said="user")
    start = len(text) + 1
    pieces = (Piece(asked, 0, len(text)), Piece("input", start, len(more)))
    return Turn("user", f"{text}\n{more}", asked, pieces, "user")


def _history(history: Any) -> list[Turn]:
    turns: list[Turn] = []
    if type(history) is not list:
        return turns
    for i, pair in enumerate(history):
        if type(pair) is list:
            for j, (role, item) in enumerate(zip(("user", "assistant"), pair, strict=False)):
                turns += read_field(item, f"history[{i}][{j}]", role)
    return turns


def write_alpaca(example: Example) -> Written:
    losses = Losses()
    system, rest = system_and_rest(example, answered(example, losses), losses)
    *before, (asked, answer) = exchanges(plain(example, rest, losses), losses)
    more = example.value.get("input") if type(example.value) is dict and example.shape == "alpaca" else None
    if type(more) is str and asked.endswith(f"\n{more}"):
        asked = asked[: -len(more) - 1]
    else:
        more = ""
    row: Row = {"instruction": asked, "input": more, "output": answer}
    if system is not None:
        row["system"] = system
    if before:
        row["history"] = [list(pair) for pair in before]
    return Written(row | carried(example, ALPACA.keys, losses), losses)


# ---------------------------------------------------------------------- pairs of columns

PROMPT_PAIRS = (
    ("prompt", "completion"),
    ("prompt", "response"),
    ("prompt", "generation"),
    ("prompt", "output"),
    ("input", "output"),
)
QUESTION_PAIRS = (
    ("question", "answer"),
    ("question", "response"),
    ("article", "summary"),
    ("message_1", "message_2"),
)
_CONTEXTS = ("context", "article")


def _pair(value: Row, pairs: tuple[tuple[str, str], ...]) -> tuple[str, str] | None:
    for pair in pairs:
        if pair[0] in value and pair[1] in value:
            return pair
    return None


def matches_prompt_completion(value: Row) -> float:
    return 0.95 if _pair(value, PROMPT_PAIRS) else 0.0


def read_prompt_completion(value: Row) -> Example:
    asked, replied = _pair(value, PROMPT_PAIRS) or PROMPT_PAIRS[0]
    prompt, completion = value.get(asked), value.get(replied)
    if type(prompt) is str and type(completion) is str and len(value) == 2:
        request = Turn("user", prompt, asked, said="user")
        answer = Turn("assistant", completion, replied, said="assistant")
        return Example("prompt-completion", (request, answer), value)
    tools, at = read_tools(value)
    turns = (
        *system_turn(value, "system"),
        *read_field(prompt, asked, "user"),
        *read_field(completion, replied, "assistant"),
    )
    return Example("prompt-completion", turns, value, tools, tools_path=at)


def write_prompt_completion(example: Example) -> Written:
    """Two strings for one plain exchange, else two message lists."""
    return _write_prompt_completion(
        example, plainly=is_simple(example, example.turns + example.chosen, "user", "assistant")
    )


def _write_prompt_completion(example: Example, *, plainly: bool) -> Written:
    losses = Losses()
    row = prompt_and_completion(example, answered(example, losses), losses, plainly=plainly)
    return Written(row | carried(example, PROMPT_COMPLETION.keys, losses), losses)


def prompt_and_completion(example: Example, turns: tuple[Turn, ...], losses: Losses, *, plainly: bool) -> Row:
    """The turns parted at the last answer, as two strings or as two message lists with the tools beside them."""
    prompt, answer = parted(turns)
    if not answer:
        losses.lack("the answer")
    if plainly:
        plain(example, turns, losses)
        return {"prompt": flat(prompt, losses), "completion": flat(answer, losses)}
    messages = as_messages(example, turns, losses)
    row: Row = {"prompt": messages[: len(prompt)], "completion": messages[len(prompt) :]}
    put_tools(row, example)
    return row


def matches_question_answer(value: Row) -> float:
    return 0.85 if _pair(value, QUESTION_PAIRS) else 0.0


def read_question_answer(value: Row) -> Example:
    asked, replied = _pair(value, QUESTION_PAIRS) or QUESTION_PAIRS[0]
    question = read_field(value.get(asked), asked, "user")
    context = has(value, *_CONTEXTS) if asked == "question" else ""
    if (
        context
        and type(value[context]) is str
        and value[context].strip()
        and len(question) == 1
        and question[0].content
    ):
        question = (joined((*read_field(value[context], context, "user"), *question), "user", asked),)
    turns = (
        *system_turn(value, "system_prompt", "system"),
        *question,
        *read_field(value.get(replied), replied, "assistant"),
    )
    return Example("question-answer", turns, value)


def write_question_answer(example: Example) -> Written:
    losses = Losses()
    system, rest = system_and_rest(example, answered(example, losses), losses)
    *before, (asked, answer) = exchanges(plain(example, rest, losses), losses)
    if before:
        losses.note("the turns before the last question")
    row: Row = {} if system is None else {"system_prompt": system}
    row |= {"question": asked, "answer": answer}
    return Written(row | carried(example, QUESTION_ANSWER.keys, losses), losses)


def matches_prompt_only(value: Row) -> float:
    prompt = value.get("prompt")
    return 0.8 if type(prompt) in (str, list) and prompt else 0.0


def read_prompt_only(value: Row) -> Example:
    tools, at = read_tools(value)
    turns = (*system_turn(value, "system"), *read_field(value.get("prompt"), "prompt", "user"))
    return Example("prompt-only", turns, value, tools, tools_path=at)


def write_prompt_only(example: Example) -> Written:
    """A string for one plain request, else a message list."""
    return _write_prompt_only(example, plainly=is_simple(example, prompted(example.turns + example.chosen)[0], "user"))


def _write_prompt_only(example: Example, *, plainly: bool) -> Written:
    losses = Losses()
    prompt, answer = prompted(answered(example, losses))
    if answer:
        losses.note("the answer")
    if not prompt:
        losses.lack("the prompt")
    row: Row = {}
    if plainly:
        row["prompt"] = flat(plain(example, prompt, losses), losses)
    else:
        row["prompt"] = as_messages(example, prompt, losses)
        put_tools(row, example)
    return Written(row | carried(example, PROMPT_ONLY.keys, losses), losses)


# ---------------------------------------------------------------------- self-instruct


def matches_self_instruct(value: Row) -> float:
    instances = value.get("instances")
    if "instruction" not in value or type(instances) is not list or not instances:
        return 0.0
    return 0.9 if all(type(item) is dict and "output" in item for item in instances) else 0.0


def read_self_instruct(value: Row) -> Example:
    """One instruction and its instances: each an exchange of its own."""
    text = value["instruction"] if type(value["instruction"]) is str else ""
    turns: list[Turn] = []
    for i, item in enumerate(value["instances"]):
        asked = Turn("user", text, "instruction", said="user")
        more = item.get("input")
        if type(more) is str and more.strip():
            asked = joined((asked, Turn("user", more, f"instances[{i}].input")), "user", "instruction")
        turns.append(asked)
        turns += read_field(item["output"], f"instances[{i}].output", "assistant")
    return Example("self-instruct", tuple(turns), value)


def write_self_instruct(example: Example) -> Written:
    losses = Losses()
    system, rest = system_and_rest(example, answered(example, losses), losses)
    if system is not None:
        losses.note("the system prompt")
    *before, (asked, answer) = exchanges(plain(example, rest, losses), losses)
    if before:
        losses.note("the turns before the last question")
    row: Row = {"instruction": asked, "instances": [{"input": "", "output": answer}]}
    return Written(row | carried(example, SELF_INSTRUCT.keys, losses), losses)


ALPACA = Adapter(
    "alpaca",
    frozenset({"instruction", "input", *_OUTPUTS, "system", "history", "INSTRUCTION", "RESPONSE", "tools", "kto_tag"}),
    matches_alpaca,
    read_alpaca,
    write_alpaca,
)
PROMPT_COMPLETION = Adapter(
    "prompt-completion",
    frozenset({key for pair in PROMPT_PAIRS for key in pair} | {"system", "tools"}),
    matches_prompt_completion,
    read_prompt_completion,
    write_prompt_completion,
    {
        "plain": partial(_write_prompt_completion, plainly=True),
        "conversational": partial(_write_prompt_completion, plainly=False),
    },
)
QUESTION_ANSWER = Adapter(
    "question-answer",
    frozenset({key for pair in QUESTION_PAIRS for key in pair} | {*_CONTEXTS, "system_prompt", "system"}),
    matches_question_answer,
    read_question_answer,
    write_question_answer,
)
PROMPT_ONLY = Adapter(
    "prompt-only",
    frozenset({"prompt", "system", "tools"}),
    matches_prompt_only,
    read_prompt_only,
    write_prompt_only,
    {"plain": partial(_write_prompt_only, plainly=True), "conversational": partial(_write_prompt_only, plainly=False)},
)
SELF_INSTRUCT = Adapter(
    "self-instruct",
    frozenset({"instruction", "instances"}),
    matches_self_instruct,
    read_self_instruct,
    write_self_instruct,
)

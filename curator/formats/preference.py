"""Pairs and verdicts: openai-preference, trl-preference and its kin, trl-kto, trl-stepwise."""

from __future__ import annotations

from functools import partial
from typing import Any

from curator.formats.adapter import Adapter, Losses, Row, Written
from curator.formats.chat import container
from curator.formats.instruction import alpaca_prompt, has, prompt_and_completion, system_turn
from curator.formats.turns import is_messages, joined, read_field, read_listed, read_messages, read_tools
from curator.formats.writing import (
    answered,
    as_messages,
    carried,
    exchanges,
    flat,
    is_simple,
    parted,
    plain,
    put_tools,
    system_and_rest,
)
from curator.model import Example, Turn

PREFERRED = ("preferred_output", "preferred_completion")
NOT_PREFERRED = ("non_preferred_output", "non_preferred_completion")


# ---------------------------------------------------------------------- openai-preference


def matches_openai_preference(value: Row) -> float:
    given = value.get("input")
    if type(given) is not dict or "messages" not in given:
        return 0.0
    return 1.0 if has(value, *PREFERRED, *NOT_PREFERRED) else 0.0


def read_openai_preference(value: Row) -> Example:
    given = value["input"]
    turns = read_messages(given["messages"], "input.messages")
    good, bad = has(value, *PREFERRED) or PREFERRED[0], has(value, *NOT_PREFERRED) or NOT_PREFERRED[0]
    tools, at = read_tools(given, "input.")
    return Example(
        "openai-preference",
        turns,
        value,
        tools,
        _side(value.get(good), good),
        _side(value.get(bad), bad),
        None,
        at,
    )


def write_openai_preference(example: Example) -> Written:
    losses = Losses()
    prompt, chosen, rejected = pair(example, losses)
    given: Row = {"messages": as_messages(example, prompt, losses, refusals=True)}
    put_tools(given, example)
    row: Row = {
        "input": given,
        PREFERRED[0]: as_messages(example, chosen, losses, refusals=True),
        NOT_PREFERRED[0]: as_messages(example, rejected, losses, refusals=True),
    }
    return Written(row | carried(example, OPENAI_PREFERENCE.keys, losses), losses)


def pair(example: Example, losses: Losses) -> tuple[tuple[Turn, ...], tuple[Turn, ...], tuple[Turn, ...]]:
    """(prompt, chosen, rejected), with a note of what the example has no text for."""
    if example.label is not None:
        losses.note("the label")
    prompt, chosen = (example.turns, example.chosen) if example.chosen else parted(example.turns)
    if not chosen:
        losses.lack("the chosen answer")
    if not example.rejected:
        losses.lack("the rejected answer")
    return prompt, chosen, example.rejected


# ---------------------------------------------------------------------- trl-preference

SIDES = (
    ("chosen", "rejected"),
    ("chosen_response", "rejected_response"),
    ("chosen_messages", "rejected_messages"),
    ("chosen_conversations", "rejected_conversations"),
)
_PROMPTS = ("prompt", "question", "instruction", "input")


def _sides(value: Row) -> tuple[str, str] | None:
    for good, bad in SIDES:
        if good in value and bad in value:
            return good, bad
    return None


def matches_trl_preference(value: Row) -> float:
    if _sides(value):
        return 0.97
    if "rejected_response" in value and is_messages(value.get("messages")):
        return 0.95
    return 0.95 if _ranked(value) else 0.0


def is_trl_preference(value: Row) -> bool:
    """Whether TRL reads the pair as it stands: its own columns, all in strings or all in message lists.

    Without `prompt` it takes for the prompt what both sides begin with, and reads no other column.
    """
    if not _of_one_form(value, "chosen", "rejected"):
        return False
    return _of_one_form(value, "prompt", "chosen") if "prompt" in value else not _prompt(value)


def _of_one_form(value: Row, *keys: str) -> bool:
    """Whether all the columns are there, as strings or as lists of messages with roles."""
    found = [value.get(key) for key in keys]
    return all(type(item) is str for item in found) or all(_has_roles(item) for item in found)


def _has_roles(value: Any) -> bool:
    return type(value) is list and all(type(message) is dict and "role" in message for message in value)


def _ranked(value: Row) -> bool:
    answers = value.get("answers")
    return (
        type(answers) is list
        and len(answers) > 1
        and all(type(a) is dict and "answer" in a and type(a.get("rank")) in (int, float) for a in answers)
    )


def read_trl_preference(value: Row) -> Example:
    tools, at = read_tools(value)
    if sides := _sides(value):
        chosen, rejected = _side(value[sides[0]], sides[0]), _side(value[sides[1]], sides[1])
        prompt = _prompt(value)
    elif _ranked(value):
        answers = value["answers"]
        order = sorted(range(len(answers)), key=lambda k: answers[k]["rank"])
        chosen = read_field(answers[order[0]]["answer"], f"answers[{order[0]}].answer", "assistant")
        rejected = read_field(answers[order[-1]]["answer"], f"answers[{order[-1]}].answer", "assistant")
        prompt = _prompt(value)
    else:
        turns = read_listed(value["messages"], "messages")
        cut = len(turns) - 1 if turns and turns[-1].role == "assistant" else len(turns)
        chosen, rejected = turns[cut:], _side(value["rejected_response"], "rejected_response")
        prompt = turns[:cut]
    shared = _shared(chosen, rejected)
    if shared:
        said = {turn.text for turn in chosen[:shared]}
        prompt = tuple(turn for turn in prompt if turn.text not in said) + chosen[:shared]
    return Example("trl-preference", prompt, value, tools, chosen[shared:], rejected[shared:], None, at)


def _prompt(value: Row) -> tuple[Turn, ...]:
    key = container(value)
    if key:
        turns = read_listed(value[key], key)
    elif "instruction" in value:
        turns = (alpaca_prompt(value),)
    elif key := has(value, *_PROMPTS):
        turns = read_field(value[key], key, "user")
    else:
        return ()
    return turns if any(t.role == "system" for t in turns) else (*system_turn(value, "system"), *turns)


def _side(value: Any, key: str) -> tuple[Turn, ...]:
    """One side of a pair: a string, a message, or a list of messages."""
    if type(value) is list and not value:
        return ()
    return read_field(value, key, "assistant")


def _shared(chosen: tuple[Turn, ...], rejected: tuple[Turn, ...]) -> int:
    """How many turns both sides begin with, the last of each side not counted: an implicit prompt."""
    shared = 0
    for one, other in zip(chosen[:-1], rejected[:-1], strict=False):
        if (one.role, one.text, one.calls) != (other.role, other.text, other.calls):
            break
        shared += 1
    return shared


def write_trl_preference(example: Example) -> Written:
    """Strings where prompt and answers are one plain turn each, else message lists."""
    simple = is_simple(example, (*example.turns, *example.chosen, *example.rejected), "user", "assistant", "assistant")
    return _write_trl_preference(example, plainly=simple)


def _write_trl_preference(example: Example, *, plainly: bool) -> Written:
    losses = Losses()
    sides = zip(("prompt", "chosen", "rejected"), pair(example, losses), strict=True)
    if plainly:
        row: Row = {key: flat(plain(example, turns, losses), losses) for key, turns in sides}
    else:
        row = {key: as_messages(example, turns, losses) for key, turns in sides}
        put_tools(row, example)
    return Written(row | carried(example, TRL_PREFERENCE.keys, losses), losses)


# ---------------------------------------------------------------------- trl-kto


def kto_label(value: Row) -> bool | None:
    for key in ("label", "kto_tag"):
        if type(flag := value.get(key)) is bool:
            return flag
    return None


def matches_trl_kto(value: Row) -> float:
    if kto_label(value) is None:
        return 0.0
    if "completion" in value and "prompt" in value:
        return 0.97
    return 0.97 if container(value) else 0.0


def is_trl_kto(value: Row) -> bool:
    """Whether TRL reads the verdict as it stands."""
    return _of_one_form(value, "prompt", "completion") and type(value.get("label")) is bool


def read_trl_kto(value: Row) -> Example:
    tools, at = read_tools(value)
    if key := container(value):
        turns = read_listed(value[key], key)
    else:
        turns = (
            *read_field(value.get("prompt"), "prompt", "user"),
            *read_field(value.get("completion"), "completion", "assistant"),
        )
    if not any(t.role == "system" for t in turns):
        turns = (*system_turn(value, "system"), *turns)
    return Example("trl-kto", turns, value, tools, label=kto_label(value), tools_path=at)


def write_trl_kto(example: Example) -> Written:
    """Strings for one plain exchange, else two message lists."""
    return _write_trl_kto(example, plainly=is_simple(example, example.turns + example.chosen, "user", "assistant"))


def _write_trl_kto(example: Example, *, plainly: bool) -> Written:
    losses = Losses()
    if example.rejected:
        losses.note("the rejected answer")
    if example.label is None:
        losses.lack("the label")
    row = prompt_and_completion(example, example.turns + example.chosen, losses, plainly=plainly)
    row["label"] = example.label is not False
    return Written(row | carried(example, TRL_KTO.keys, losses), losses)


# ---------------------------------------------------------------------- trl-stepwise


def matches_trl_stepwise(value: Row) -> float:
    return 0.98 if type(value.get("completions")) is list and type(value.get("labels")) is list else 0.0


def read_trl_stepwise(value: Row) -> Example:
    """The steps are one assistant turn, a line break between them."""
    steps = [Turn("assistant", s, f"completions[{i}]") for i, s in enumerate(value["completions"]) if type(s) is str]
    answer = (
        joined(steps, "assistant", "completions")
        if steps
        else Turn("assistant", "", "completions", said="assistant", content=False)
    )
    prompt = read_field(value.get("prompt"), "prompt", "user") if "prompt" in value else ()
    return Example("trl-stepwise", (*prompt, answer), value)


def write_trl_stepwise(example: Example) -> Written:
    losses = Losses()
    losses.lack("the verdicts on the steps")
    system, rest = system_and_rest(example, answered(example, losses), losses)
    *before, (asked, answer) = exchanges(plain(example, rest, losses), losses)
    if before or system is not None:
        losses.note("the turns before the last question")
    row: Row = {"prompt": asked, "completions": [answer], "labels": [True]}
    return Written(row | carried(example, TRL_STEPWISE.keys, losses), losses)


OPENAI_PREFERENCE = Adapter(
    "openai-preference",
    frozenset({"input", *PREFERRED, *NOT_PREFERRED}),
    matches_openai_preference,
    read_openai_preference,
    write_openai_preference,
)
TRL_PREFERENCE = Adapter(
    "trl-preference",
    frozenset({key for pair in SIDES for key in pair} | {*_PROMPTS, "messages", "conversations", "answers"})
    | {"system", "tools"},
    matches_trl_preference,
    read_trl_preference,
    write_trl_preference,
    {
        "plain": partial(_write_trl_preference, plainly=True),
        "conversational": partial(_write_trl_preference, plainly=False),
    },
    is_trl_preference,
    "prompt, chosen and rejected (all strings or all message lists)",
)
TRL_KTO = Adapter(
    "trl-kto",
    frozenset({"prompt", "completion", "label", "kto_tag", "messages", "conversations", "system", "tools"}),
    matches_trl_kto,
    read_trl_kto,
    write_trl_kto,
    {"plain": partial(_write_trl_kto, plainly=True), "conversational": partial(_write_trl_kto, plainly=False)},
    is_trl_kto,
    "prompt and completion (both strings or both message lists) and label",
)
TRL_STEPWISE = Adapter(
    "trl-stepwise",
    frozenset({"prompt", "completions", "labels"}),
    matches_trl_stepwise,
    read_trl_stepwise,
    write_trl_stepwise,
)

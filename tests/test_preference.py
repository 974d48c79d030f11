"""Pairs of a chosen and a rejected answer (PRF)."""

from __future__ import annotations

import random

import pytest

from curator.checks import preference
from curator.checks.roles import NoAssistantTurn
from curator.checks.schema.turns import MissingMessages, MissingRoleOrContent, WrongContentType
from curator.harness import flags_of

ROW_RULES = [preference.IdenticalPair(), preference.OneExtendsTheOther(), preference.PromptMismatch()]


def says(*texts):
    """Messages of user and assistant in turn."""
    return [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]


def pair(chosen, rejected, prompt="Name a fruit."):
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def found(row):
    return [(rule.code, flag.at) for rule in ROW_RULES for _, flag in flags_of(rule, row)]


def openai(chosen, rejected, prompt="Name a fruit."):
    return {
        "input": {"messages": says(prompt)},
        "preferred_output": [{"role": "assistant", "content": chosen}],
        "non_preferred_output": [{"role": "assistant", "content": rejected}],
    }


def transcript(prompt, answer):
    return f"\n\nHuman: {prompt}\n\nAssistant: {answer}"


# ---------------------------------------------------------------------- one row


@pytest.mark.parametrize(
    "row",
    [
        pair("An apple.", "A carrot."),
        pair("An apple.", "an apple."),
        openai("An apple.", "A carrot."),
        pair("It is 12", "It is 120"),
        pair("", ""),
        {"chosen": transcript("Name a fruit.", "An apple."), "rejected": transcript("Name a fruit.", "A carrot.")},
        # Both went on in their own way after the same beginning: the answers differ, the prompt does not.
        {
            "chosen": transcript("Hi", "Hello.") + transcript("Name a fruit.", "An apple."),
            "rejected": transcript("Hi", "What?") + transcript("Name a tool.", "A saw."),
        },
        {"chosen": says("Hi", "Hello.", "A fruit?", "An apple."), "rejected": says("Hi", "What?", "A tool?", "A saw.")},
        pair(says("Name a fruit.", "An apple."), says("Name a fruit.", "A carrot.")),
        pair(
            says("Name a fruit.", "An apple."),
            says("Name a fruit.", "A carrot."),
            prompt="<|user|>\nName a fruit.<|end|>\n<|assistant|>\n",
        ),
        {"prompt": "Name a fruit.", "completion": "An apple.", "label": True},
        {"messages": says("Name a fruit.", "An apple.")},
    ],
)
def test_legal_rows_raise_nothing(row):
    assert found(row) == []


@pytest.mark.parametrize(
    ("row", "code", "at"),
    [
        (pair("An apple.", " An  apple.\n"), "PRF001", "rejected"),
        (openai("An apple.", "An apple."), "PRF001", "non_preferred_output[0].content"),
        (pair("An apple, of course.", "An apple, of course. Or a pear."), "PRF002", "rejected"),
        (
            openai("An apple, of course. Or a pear.", "An apple, of course."),
            "PRF002",
            "non_preferred_output[0].content",
        ),
        (
            {"chosen": says("A fruit?", "An apple."), "rejected": says("A tool?", "A saw.")},
            "PRF003",
            "rejected[0].content",
        ),
        (
            {"chosen": transcript("A fruit?", "An apple."), "rejected": transcript("A tool?", "A saw.")},
            "PRF003",
            "rejected",
        ),
        (pair(says("A tool?", "A saw."), says("A tool?", "A hammer.")), "PRF003", "chosen[0].content"),
    ],
)
def test_one_fault_is_told_once(row, code, at):
    assert found(row) == [(code, at)]


FORM_RULES = [MissingMessages(), MissingRoleOrContent(), WrongContentType(), NoAssistantTurn()]


@pytest.mark.parametrize(
    ("row", "at"),
    [
        (openai("Yes.", "No.") | {"preferred_output": []}, [("SCH003", "preferred_output")]),
        (openai("Yes.", "No.") | {"non_preferred_output": []}, [("SCH003", "non_preferred_output")]),
        (openai("Yes.", "No.") | {"preferred_output": "Yes."}, [("SCH003", "preferred_output")]),
        (openai("Yes.", "No.") | {"preferred_output": {"role": "assistant", "content": "Yes."}},
         [("SCH003", "preferred_output")]),
        (openai("Yes.", "No.") | {"preferred_output": None}, [("SCH006", "preferred_output")]),
        (openai("Yes.", "No.") | {"preferred_output": says("And?")}, [("ROL001", "")]),
        (pair([], says("", "Yes.")[1:], says("Is it?")), [("SCH003", "chosen")]),
        ({"chosen": says("Is it?"), "rejected": says("Is it?", "No.")}, [("ROL001", "")]),
        ({"chosen": says("Is it?", "Yes."), "rejected": says("Is it?")}, [("ROL001", "")]),
        # LLaMA-Factory takes a single message for a side, other trainers a text.
        (pair({"from": "gpt", "value": "Yes."}, {"from": "gpt", "value": "No."}), []),
        (pair("Yes.", "No."), []),
    ],
)  # fmt: skip
def test_a_side_without_an_answer_is_told_once(row, at):
    assert [(rule.code, flag.at) for rule in FORM_RULES for _, flag in flags_of(rule, row)] == at


def test_calls_tell_two_answers_apart():
    def asks(name):
        function = {"name": name, "arguments": "{}"}
        return [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": "1", "type": "function", "function": function}],
            }
        ]

    row = {"input": {"messages": says("Time?")}, "preferred_output": asks("now"), "non_preferred_output": asks("then")}
    assert found(row) == []
    assert found(row | {"non_preferred_output": asks("now")}) == [("PRF001", "non_preferred_output[0].content")]


# ---------------------------------------------------------------------- the set


def sized(*sizes):
    """Pairs with answers of so many characters."""
    return [pair("a" * chosen, "b" * rejected) for chosen, rejected in sizes]


@pytest.mark.parametrize(
    ("rows", "longer"),
    [
        (sized(*[(300, 100)] * 40), "chosen"),
        (sized(*[(100, 300)] * 40), "rejected"),
        (sized(*[(300, 100)] * 36, *[(100, 300)] * 4), "chosen"),
        (sized(*[(300, 100)] * 20, *[(100, 300)] * 20), None),
        (sized(*[(105, 100)] * 40), None),
        (sized(*[(300, 100)] * 9), None),
        (sized(*[(0, 100)] * 40), None),
        ([{"messages": says("Hi", "Hello.")}] * 40, None),
    ],
)
def test_a_length_bias_is_told_once_with_its_size(rows, longer):
    flags = flags_of(preference.LengthBias(), rows)
    assert [flag.evidence["longer"] for _, flag in flags] == ([longer] if longer else [])


def test_the_bias_is_the_same_in_any_order():
    rows = sized(*[(300, 100)] * 36, *[(100, 300)] * 4)
    ((_, first),) = flags_of(preference.LengthBias(), rows)
    random.Random(3).shuffle(rows)
    ((_, again),) = flags_of(preference.LengthBias(), rows)
    assert (first.message, first.evidence) == (again.message, again.evidence)


def test_a_swapped_pair_names_its_twin():
    rows = [pair("An apple.", "A leek."), pair("A saw.", "A file."), pair("A leek.\n", " An apple.")]
    ((index, flag),) = flags_of(preference.SwappedPair(), rows)
    assert (index, flag.at, flag.related) == (2, "chosen", (0,))


def test_a_ranking_written_as_pairs_is_no_swap():
    names = ["An apple.", "A pear.", "A leek.", "A stone."]
    rows = [pair(one, other) for n, one in enumerate(names) for other in names[n + 1 :]]
    assert flags_of(preference.SwappedPair(), rows) == []
    assert len(flags_of(preference.SwappedPair(), [*rows, pair("A stone.", "An apple.")])) == 1

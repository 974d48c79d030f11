"""Answers of another row: CON002 beside an answer that fits the prompt, DUP004 where there is none."""

from __future__ import annotations

from itertools import combinations

import pytest

from curator.checks.contradictions import OnePromptManyAnswers
from curator.checks.repeated_wording import SameAnswerToManyPrompts
from curator.harness import flags_of
from curator.rule import chat

NOUNS = (
    "anchor basket candle drum engine feather guitar hammer iron jacket kettle ladder mirror needle oven piano "
    "quilt rope saddle teapot umbrella violin wagon zither"
).split()
OTHERS = [
    chat(
        user=f"Why was the {noun} left in the shed?",
        assistant=f"Nobody had a use for the {noun} any more, and it was old by then.",
    )
    for noun in NOUNS
]
ASKED = "Describe the climate of the Sahara desert in summer."
CLIMATE = "The Sahara desert is hot and dry in summer: its climate brings forty degrees by day, and cool nights."
EDITED = CLIMATE.replace("forty", "some 40") + " The café is open."
COLUMNS = "How do I sort a table of prices by two columns?"
SORTED = "Mark the table, open the menu for sorting, and choose the two columns of prices one after the other."


def told(rule, *rows):
    """The rows, counted from 0 behind the others, that the rule flags, and the rows that each is related to."""
    before = len(OTHERS)
    found = flags_of(rule, [*OTHERS, *(chat(user=asked, assistant=answer) for asked, answer in rows)])
    return [(row - before, tuple(other - before for other in flag.related)) for row, flag in found]


@pytest.mark.parametrize("copy", [CLIMATE, EDITED])
def test_an_answer_of_another_row_is_told_beside_the_one_that_fits(copy):
    assert told(OnePromptManyAnswers(), (COLUMNS, SORTED), (ASKED, CLIMATE), (COLUMNS, copy)) == [(2, (1, 0))]


def test_an_answer_that_fits_another_prompt_far_better_is_told_whatever_stands_beside_it():
    assert told(OnePromptManyAnswers(), (COLUMNS, "Ask me later."), (ASKED, CLIMATE), (COLUMNS, CLIMATE)) == [
        (2, (1, 0))
    ]


@pytest.mark.parametrize("copy", [CLIMATE, EDITED])
def test_an_answer_of_another_row_is_told_where_no_other_is_given(copy):
    assert told(SameAnswerToManyPrompts(), (ASKED, CLIMATE), (COLUMNS, copy)) == [(1, (0,))]


WARM = "In the desert it is warm, and people who live there rest at noon in the shade of a wall."
DESERT, FACT, LOUD = "What is the Sahara desert?", "A fact, please", "Is the drum of the engine loud?"
SPALTEN = "Wie sortiere ich eine Tabelle nach zwei Spalten?"


@pytest.mark.parametrize(
    ("why", "rows"),
    [
        ("it stands nowhere else", [(COLUMNS, SORTED), (COLUMNS, CLIMATE)]),
        ("no other answer shows what fits", [(ASKED, CLIMATE), (COLUMNS, CLIMATE)]),
        ("the other one fits no better", [(COLUMNS, "Ask me later."), (DESERT, WARM), (COLUMNS, WARM)]),
        ("both prompts ask for it", [(DESERT, "A desert in Africa."), (ASKED, CLIMATE), (DESERT, CLIMATE)]),
        ("the prompt says too little", [(FACT, "It is a fact that honey lasts."), (ASKED, CLIMATE), (FACT, CLIMATE)]),
        ("it is a word", [(LOUD, "The drum of the engine is loud."), ("Is a kettle hot?", "Yes."), (LOUD, "Yes.")]),
        ("languages differ", [(SPALTEN, "Die Tabelle nach Spalten sortieren."), (ASKED, CLIMATE), (SPALTEN, CLIMATE)]),
    ],
)
def test_an_answer_is_not_out_of_place(why, rows):
    assert told(OnePromptManyAnswers(), *rows) == []


def test_answers_of_which_many_stand_under_several_prompts_are_given_to_wordings():
    pairs = [(f"{ask} {noun} {noun}s?", f"Every {noun} is kept in the room for {noun}s, to the left of the door.")
             for noun in NOUNS for ask in ("Where do I put", "Who sees to")]  # fmt: skip
    assert told(SameAnswerToManyPrompts(), (ASKED, CLIMATE), (COLUMNS, CLIMATE), *pairs) == []


def test_where_answers_open_alike_by_the_hundred_only_whole_ones_are_compared():
    told_of = "The {one} and the {two} in our museum are of the {end} of the age."
    opened = [(f"Of the {one} and the {two}, the {end}?", told_of.format(one=one, two=two, end=end))
              for one, two in combinations(NOUNS, 2) for end in ("beginning", "end")]  # fmt: skip
    at = len(opened)
    assert told(SameAnswerToManyPrompts(), *opened, (ASKED, CLIMATE), (COLUMNS, CLIMATE)) == [(at + 1, (at,))]
    assert told(SameAnswerToManyPrompts(), *opened, (ASKED, CLIMATE), (COLUMNS, EDITED)) == []
    assert told(SameAnswerToManyPrompts(), *opened[:40], (ASKED, CLIMATE), (COLUMNS, EDITED)) == [(41, (40,))]

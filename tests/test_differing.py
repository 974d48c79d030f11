"""The part of two texts in which they differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.neighbours import likeness
from curator.text.differing import differing

WORDS = [
    "keep",
    "it",
    "at",
    "-20",
    "20",
    "x",
    "-",
    "+",
    "y",
    "Anna",
    "Bernd",
    "Vogel",
    "<",
    "=",
    "(a)",
    "of",
    "C++",
    "a-b",
]
TEXT = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)


@pytest.mark.parametrize(
    ("one", "two", "parts"),
    [
        ("the same", "the same", ("", "")),
        ("", "new", ("", "new")),
        (
            "1 2 3 4 5 old 6 7 8 9",
            "1 2 3 4 5 new 6 7 8 9",
            ("3 4 5 old 6 7 8", "3 4 5 new 6 7 8"),
        ),
        ("a a a a a a", "a a a a a a a a", ("a a a", "a a a a a")),
    ],
)
def test_what_both_share_at_either_end_is_left_out_but_for_three_words(one, two, parts):
    assert differing(one, two) == parts


@given(TEXT, TEXT, TEXT, TEXT)
def test_the_texts_are_cut_at_the_same_places_between_words(before, one, two, behind):
    texts = [" ".join([before, middle, behind]) for middle in (one, two)]
    parts = differing(*texts)
    cut = [text.split() for text in parts]
    whole = [text.split() for text in texts]
    if texts[0] == texts[1]:
        assert parts == ("", "")
        return
    shared = len(whole[0]) - len(cut[0])
    assert shared == len(whole[1]) - len(cut[1])
    assert any(
        whole[0][:n] + cut[0] + whole[0][n + len(cut[0]) :] == whole[0]
        and whole[1][:n] + cut[1] + whole[1][n + len(cut[1]) :] == whole[1]
        and whole[0][:n] == whole[1][:n]
        and whole[0][n + len(cut[0]) :] == whole[1][n + len(cut[1]) :]
        for n in range(shared + 1)
    )


@given(TEXT, TEXT, TEXT, TEXT)
def test_signs_and_names_that_differ_are_seen_in_that_part_alone(before, one, two, behind):
    texts = [" ".join([before, middle, behind]) for middle in (one, two)]
    told, also = map(likeness._signs, texts)
    signs = any(told[k] != also[k] and len(told[k]) == len(also[k]) for k in told.keys() & also.keys())
    assert likeness._other_signs(*texts) == signs
    assert likeness._names(*texts) == likeness._new_names(texts[0], texts[1])

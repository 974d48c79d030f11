"""`curator diff`: two versions of a set, matched by content."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from curator.cli import main
from curator.comparison import as_markdown, as_text, compare
from curator.config import Config
from curator.rule import chat
from curator.text.worddiff import marked, word_changes

Write = Callable[..., Path]

ROWS = [
    chat(user=f"How high is peak {n}?", assistant=f"Peak {n} rises {700 + n} metres above the sea.") for n in range(12)
]


def test_order_and_files_do_not_matter(write: Write) -> None:
    old = write("v1/all.jsonl", ROWS)
    new = [write("v2/a.jsonl", ROWS[6:][::-1]), write("v2/b.jsonl", ROWS[:6])]
    result = compare([old], new, Config(), cache=False)
    assert result.same and result.unchanged == 12
    assert as_text(result) == "the same: 12 rows, in whatever order\n"


def test_every_row_is_unchanged_moved_edited_added_or_removed(write: Write) -> None:
    edited = chat(user="How high is peak 3?", assistant="Peak 3 rises 730 metres above the sea.")
    new = [*ROWS[:3], edited, *ROWS[5:], chat(user="A question of its own?", assistant="And its answer.")]
    result = compare([write("old.jsonl", ROWS)], [write("new.jsonl", new)], Config(), cache=False)
    assert (result.old_rows, result.new_rows, result.unchanged) == (12, 12, 10)
    (edit,) = result.edited
    assert edit.matched == "prompt"
    assert edit.texts[0].path == "messages[1].content"
    assert edit.texts[0].marked == "Peak 3 rises [-703-]{+730+} metres above the sea."
    assert [row.shown for row in result.removed] == ["How high is peak 4?"]
    assert [row.shown for row in result.added] == ["A question of its own?"]


def test_a_reworded_prompt_is_matched_by_its_answer(write: Write) -> None:
    new = [*ROWS[1:], chat(user="What is the height of the first peak?", assistant=ROWS[0]["messages"][1]["content"])]
    result = compare([write("old.jsonl", ROWS)], [write("new.jsonl", new)], Config(), cache=False)
    assert [edit.matched for edit in result.edited] == ["answer"]
    assert not result.added and not result.removed


def test_an_id_of_its_own_matches_before_wording(write: Write) -> None:
    old = [{"id": n, **row} for n, row in enumerate(ROWS)]
    new = [{"id": n, **row} for n, row in enumerate(ROWS)]
    new[5] = {"id": 5, **chat(user="Quite another question?", assistant="Quite another answer.")}
    (edit,) = compare([write("old.jsonl", old)], [write("new.jsonl", new)], Config(), cache=False).edited
    assert (edit.matched, len(edit.texts)) == ("id", 2)


def test_rows_that_moved_from_test_into_train_are_named(write: Write) -> None:
    old = [write("v1/train.jsonl", ROWS[:10]), write("v1/test.jsonl", ROWS[10:])]
    new = [write("v2/train.jsonl", ROWS[:11]), write("v2/test.jsonl", ROWS[11:])]
    result = compare(old, new, Config(), cache=False)
    (moved,) = result.leaks
    assert (moved.old.split, moved.new.split, moved.new.place.line) == ("test", "train", 11)
    assert "moved from a held-out split into training" in as_markdown(result)


def test_a_row_that_is_edited_on_its_way_from_test_into_train_is_a_leak(write: Write) -> None:
    edited = {"messages": [ROWS[10]["messages"][0], {"role": "assistant", "content": "It is rather high!"}]}
    old = [write("v1/train.jsonl", ROWS[:10]), write("v1/test.jsonl", ROWS[10:])]
    new = [write("v2/train.jsonl", [*ROWS[:10], edited]), write("v2/test.jsonl", ROWS[11:])]
    result = compare(old, new, Config(), cache=False)
    assert [(leak.old.split, leak.new.place.line) for leak in result.leaks] == [("test", 11)]


def test_what_is_said_of_a_row_before_and_after_an_edit_is_neither_new_nor_gone(write: Write) -> None:
    row = chat(user="How high is peak 99?", assistant="As an AI language model, I cannot climb. It is 99 m high.")
    more = chat(user="How high is peak 99?", assistant="As an AI language model, I cannot climb. It is 98 m high.")
    result = compare([write("o.jsonl", [*ROWS, row])], [write("n.jsonl", [*ROWS, more])], Config(), cache=False)
    assert len(result.edited) == 1
    assert not [f.code for f in (*result.gained, *result.lost) if f.code.startswith("ANS")]


def test_findings_gained_and_lost_are_told_by_content(write: Write) -> None:
    bad = chat(user="How high is peak 99?", assistant="")
    result = compare([write("o.jsonl", [*ROWS, b""])], [write("n.jsonl", [bad, *ROWS])], Config(), cache=False)
    assert [f.code for f in result.gained] == ["ROL007"]
    assert [f.code for f in result.lost] == ["FIL005"]


def test_text_of_the_data_is_never_markdown(write: Write) -> None:
    row = chat(user="```\n</details><img src=x> [a](b) `tick`", assistant="Fine, it is quoted.")
    text = as_markdown(compare([write("o.jsonl", ROWS)], [write("n.jsonl", [*ROWS, row])], Config(), cache=False))
    (line,) = [part for part in text.splitlines() if "img" in part]
    assert "```` ``` </details><img src=x> [a](b) `tick` ````" in line


def test_the_command_line_writes_json(write: Write, capsys: object) -> None:
    old, new = write("o.jsonl", ROWS), write("n.jsonl", ROWS[:-1])
    out = old.with_name("out.json")
    assert main(["diff", str(old), str(new), "--format", "json", "--output", str(out)]) in (0, 1)
    assert json.loads(out.read_text())["counts"]["removed"] == 1


@given(st.lists(st.sampled_from("ab cd, ef. gh\n ij".split(" ")), max_size=12), st.randoms(use_true_random=False))
def test_word_changes_turn_old_into_new(words: list[str], rng: random.Random) -> None:
    old = " ".join(words)
    new = " ".join(rng.sample(words, len(words)))
    text, shift = old, 0
    for change in word_changes(old, new):
        assert old[change.at :].startswith(change.before)
        assert new[change.to :].startswith(change.after)
        start = change.at + shift
        text = text[:start] + change.after + text[start + len(change.before) :]
        shift += len(change.after) - len(change.before)
    assert text == new


def test_equal_texts_have_no_changes() -> None:
    assert word_changes("same words", "same words") == []
    assert marked("same", "same") == "same"


def test_a_single_file_is_no_split_whatever_its_name(write: Write) -> None:
    assert compare([write("train.jsonl", ROWS)], [write("clean.jsonl", ROWS)], Config(), cache=False).same


def test_a_change_beside_the_text_is_shown(write: Write) -> None:
    rows = [{"messages": [{"role": r, "content": "Is it on?"}, *ROWS[0]["messages"][1:]]} for r in ("user", "human")]
    result = compare([write("old.jsonl", rows[:1])], [write("new.jsonl", rows[1:])], Config(), cache=False)
    assert '"role": "[-user-]{+human+}"' in as_text(result)


def test_what_is_said_of_the_whole_set_is_no_new_finding_at_another_row(write: Write) -> None:
    old = [write("v1/train.jsonl", ROWS[:8]), write("v1/test.jsonl", ROWS[8:])]
    new = [write("v2/train.jsonl", ROWS[:8]), write("v2/test.jsonl", ROWS[9:])]
    result = compare(old, new, Config(select=("SPT008",)), cache=False)
    assert not result.same and not result.gained and not result.lost

"""Blocks of rows whose answers belong to neighbouring rows (CON006)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest

from curator import engine
from curator.checks.shifted import ShiftedAnswers
from curator.config import Config, Selection
from curator.harness import batch_of, flags_of
from curator.rule import chat
from curator.sources import source

SHARED = Path(__file__).parents[2] / "shared" / "data"
ANSWER = {"alpaca_en_demo.json": "output", "train.jsonl": "completion", "test.jsonl": "answer"}
SETS = ["llamafactory/alpaca_en_demo.json", "mlx_wwdc25/train.jsonl", "gsm8k/test.jsonl"]
has_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not there")


def real(name):
    text = (SHARED / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else [json.loads(line) for line in text.split("\n") if line]


def moved(rows, key, first, stop, by):
    """The rows with the answers of [first, stop) moved round by so many places, or shuffled by a generator."""
    block = [row[key] for row in rows[first:stop]]
    if isinstance(by, random.Random):
        by.shuffle(block)
    else:
        block = block[by:] + block[:by]
    middle = [{**row, key: answer} for row, answer in zip(rows[first:stop], block, strict=True)]
    return rows[:first] + middle + rows[stop:]


def blocks(rows):
    """(first row, last row, evidence) of every finding."""
    return [(index, flag.related[-1], flag.evidence) for index, flag in flags_of(ShiftedAnswers(), rows)]


def made_up(count):
    """Rows with two words of their own in prompt and answer among words that all share."""
    word = random.Random(4)
    names = ["".join(word.choice("abcdefghijklmnop") for _ in range(7)) for _ in range(2 * count)]
    return [
        {
            "prompt": f"Where did the {a} of the {b} go last year?",
            "completion": f"The {a} went up the hill, the {b} said.",
        }
        for a, b in zip(names[::2], names[1::2], strict=True)
    ]


@pytest.mark.parametrize("by", [1, -1, 3, -4])
def test_a_shift_is_found_where_it_is_and_told_with_its_offset(by):
    ((first, last, evidence),) = blocks(moved(made_up(200), "completion", 90, 110, by))
    assert evidence["offset"] == -by
    assert 90 <= first <= 90 + abs(by)
    assert 109 - abs(by) <= last <= 109
    assert evidence["own_overlap"] < evidence["shifted_overlap"]


def test_a_shuffled_block_is_found():
    ((first, last, _),) = blocks(moved(made_up(200), "completion", 60, 76, random.Random(1)))
    assert first >= 60
    assert last < 76


def test_a_set_that_slipped_as_a_whole_is_found():
    ((first, last, evidence),) = blocks(moved(made_up(200), "completion", 0, 200, 1))
    assert evidence["offset"] == -1
    assert last - first > 190


def test_answers_moved_between_rows_that_ask_the_same_are_no_shift():
    rows = [
        {"prompt": row["prompt"], "completion": f"{row['completion']} {n}"} for row in made_up(60) for n in range(4)
    ]
    for start in range(100, 140, 4):
        rows[start : start + 4] = moved(rows[start : start + 4], "completion", 0, 4, 1)
    assert blocks(rows) == []


def test_rows_that_are_the_same_example_again_prove_no_shift():
    """Eight copies of one example, in each of which a word was changed: either answer fits either prompt."""
    rows, words = made_up(60), [f"{a}{b}ol" for a in ("br", "st", "pl") for b in ("ae", "oi", "ua")]
    asked = "Where did the old ferry of the northern harbour go with all its guests and the {} last year?"
    said = "The old ferry went up the river to the lake with all its guests and with the {} of the captain."
    again = [{"prompt": asked.format(words[n]), "completion": said.format(words[n + 1])} for n in range(8)]
    assert blocks(rows[:20] + again + rows[20:]) == []
    assert blocks(moved(rows, "completion", 20, 28, 1))


@pytest.mark.parametrize(("by", "said"), [(1, "the row before"), (-1, "the next row"), (2, "2 rows above")])
def test_the_message_says_where_the_answers_belong(by, said):
    ((_, flag),) = flags_of(ShiftedAnswers(), moved(made_up(60), "completion", 20, 34, by))
    assert f"each fit the prompt {said}" in flag.message.replace("prompt of ", "prompt ")


def test_a_set_whose_answers_share_no_word_with_their_prompts_has_no_order_to_lose():
    answers = ["positive", "negative", "neutral"]
    rows = [{"prompt": row["prompt"], "completion": answers[n % 3]} for n, row in enumerate(made_up(300))]
    assert blocks(rows) == []
    assert blocks(moved(rows, "completion", 100, 160, 1)) == []


def test_a_sketch_tells_which_words_of_the_prompt_the_answer_holds():
    batch = batch_of([chat(user="red green", assistant="The green one."), chat(user="x", assistant="")])
    sketch = ShiftedAnswers().sketch(batch)
    assert sketch.shape[0] == 2
    assert np.count_nonzero(sketch[0, 1:]) == 2
    assert np.count_nonzero(sketch[0, 1:] & 1) == 1
    assert sketch[1, 0] == 0


def test_findings_are_the_same_however_the_file_is_cut(tmp_path, monkeypatch):
    rows = moved(made_up(3000), "completion", 1500, 1512, 1)
    file = tmp_path / "set.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = Config(then=Selection(select=("CON006",)))

    def found(workers):
        report = engine.lint([file], config, workers=workers, cache=False)
        return [(f.line, f.message, f.id, f.evidence, f.related) for f in report.findings]

    whole = found(1)
    assert [line for line, *_ in whole] == [1502]
    monkeypatch.setattr(source, "LEAST", 20_000)
    monkeypatch.setattr(source, "MOST", 40_000)
    assert found(1) == whole
    assert found(2) == whole


@has_data
@pytest.mark.parametrize("name", SETS)
def test_real_sets_are_in_order_and_a_planted_shift_is_found(name):
    rows = real(name)
    key = ANSWER[name.partition("/")[2]]
    assert blocks(rows) == []
    place = random.Random(8)
    first = place.randrange(len(rows) - 12)
    found = blocks(moved(rows, key, first, first + 12, 2))
    assert [a < first + 12 and b >= first for a, b, _ in found] == [True]


@has_data
@pytest.mark.slow
@pytest.mark.parametrize("by", [1, -1, 2, "shuffled"])
@pytest.mark.parametrize("name", SETS)
def test_nineteen_of_twenty_blocks_of_eight_rows_are_found(name, by):
    rows = real(name)
    key = ANSWER[name.partition("/")[2]]
    place = random.Random(101)
    hits = 0
    for _ in range(20):
        first = place.randrange(len(rows) - 8)
        found = blocks(moved(rows, key, first, first + 8, place if by == "shuffled" else by))
        hits += any(a < first + 8 and b >= first for a, b, _ in found)
        assert all(a < first + 8 and b >= first for a, b, _ in found), "elsewhere nothing was planted"
    assert hits >= 19

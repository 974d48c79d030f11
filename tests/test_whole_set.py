"""The set as a whole (SET001 to SET004) and its splits (SPT005, SPT006, SPT008)."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import engine
from curator.checks.drift import MissingSplit, SplitDrift, SplitTooSmall, chi_square_chance, smirnov, smirnov_chance
from curator.checks.repeated_wording import SharedOpening
from curator.checks.whole_set import Imbalance, LowDiversity, OverRepresentedSource, TooFewRows
from curator.config import Config, Selection
from curator.harness import flags_of
from curator.rule import Files, chat

SHARED = Path(__file__).parents[2] / "shared" / "data"


def ask(n, words=1, **extra):
    return {**chat(user=f"What is {n} and {n}?", assistant=f"{2 * n} " * words), **extra}


def told(rule, rows):
    return [(index, flag.evidence) for index, flag in flags_of(rule, rows)]


# ---------------------------------------------------------------------- SET


@pytest.mark.parametrize(("method", "needed"), [("any", 10), ("preference", 200), ("lora", 1000), ("full", 10_000)])
def test_a_method_says_how_many_rows_it_needs(method, needed):
    rule = TooFewRows(method=method)
    assert told(rule, [ask(n) for n in range(9)]) == [(0, {"rows": 9, "needed": needed})]
    assert told(TooFewRows(method=method, min_rows=9), [ask(n) for n in range(9)]) == []


def test_held_out_rows_are_not_trained_on():
    assert told(TooFewRows(), Files(train=[ask(n) for n in range(8)], valid=[ask(n) for n in range(9)]))


def test_without_a_method_the_size_is_not_judged_and_that_is_said(tmp_path):
    file = tmp_path / "few.jsonl"
    file.write_text(json.dumps(ask(1)) + "\n")
    report = engine.lint([file], Config(), cache=False)
    assert ("SET001",) in [note.codes for note in report.not_run]
    named = engine.lint([file], Config(method="lora", then=Selection(select=("SET001",))), cache=False)
    assert [finding.code for finding in named.findings] == ["SET001"]


def test_one_class_that_is_nearly_all_is_told_with_its_value():
    rows = [ask(n, topic="oil" if n % 20 else "gas") for n in range(100)]
    ((_, evidence),) = told(Imbalance(), rows)
    assert evidence == {"kind": "label", "value": "oil", "rows": 95, "of": 100, "classes": 2}
    assert told(Imbalance(), [ask(n, topic="oil" if n % 2 else "gas") for n in range(100)]) == []
    assert told(Imbalance(), [ask(n, topic="oil") for n in range(100)]) == [], "one topic is what the set is about"


def test_answers_that_are_labels_are_classes():
    rows = [chat(user=f"Is {n} ripe?", assistant="No" if n % 25 == 0 else "Yes.") for n in range(100)]
    ((_, evidence),) = told(Imbalance(), rows)
    assert evidence["kind"] == "answer"
    assert evidence["rows"] == 96


def test_few_prompts_asked_many_times_are_told_in_numbers():
    ((_, evidence),) = told(LowDiversity(), [chat(user=f"Name {n % 20}.", assistant=f"It is {n}.") for n in range(300)])
    assert evidence == {"rows": 300, "distinct_prompts": 20}
    assert told(LowDiversity(), [ask(n) for n in range(300)]) == []


def test_addresses_of_one_site_are_one_source():
    rows = [ask(n, url=f"https://one.example/{n}", source="https://one.example/a") for n in range(190)]
    rows += [ask(n, source="leaflet") for n in range(10)]
    ((_, evidence),) = told(OverRepresentedSource(), rows)
    assert evidence == {"source": "one.example", "rows": 190, "of": 200, "sources": 2}


# ---------------------------------------------------------------------- SPT


def test_longer_rows_of_a_split_are_drift():
    held = [ask(n, words=60) for n in range(50)]
    ((index, evidence),) = told(SplitDrift(), Files(train=[ask(n) for n in range(100)], valid=held))
    assert index == 100
    assert evidence["length_difference"] == 1.0
    assert evidence["median"] > evidence["median_in_train"]


def test_another_script_is_drift():
    held = [chat(user=f"Сколько будет {n} и {n}?", assistant=f"Будет {2 * n}.") for n in range(50)]
    flags = flags_of(SplitDrift(difference=0.9), Files(train=[ask(n) for n in range(100)], test=held))
    assert ["scripts" in flag.message for _, flag in flags] == [True]


@given(st.integers(0, 10_000))
def test_splits_drawn_at_random_do_not_drift(seed):
    rng = random.Random(seed)
    rows = [ask(n, words=rng.randrange(1, 40), label=rng.choice(["a", "b", "b"])) for n in range(120)]
    rng.shuffle(rows)
    assert told(SplitDrift(), Files(train=rows[:80], valid=rows[80:])) == []


def test_the_probabilities_are_those_of_the_tables():
    assert smirnov(np.array([1, 2, 3, 4]), np.array([3, 4, 5, 6])) == 0.5
    assert smirnov_chance(1.358 / np.sqrt(5000), 10_000, 10_000) == pytest.approx(0.05, rel=0.03)
    assert chi_square_chance(np.array([[100.0, 100.0], [126.0, 74.0]])) == pytest.approx(0.0087, rel=0.05)
    assert chi_square_chance(np.array([[50.0], [70.0]])) == 1.0


def test_a_split_smaller_than_a_batch_is_told():
    splits = Files(train=[ask(n) for n in range(40)], valid=[ask(n) for n in range(3)])
    assert told(SplitTooSmall(), splits) == [(40, {"rows": 3, "batch_size": 4})]
    assert told(SplitTooSmall(), [ask(1)]) == [], "one file is no split"


def test_a_folder_with_training_data_alone_lacks_a_split_and_a_file_does_not(tmp_path):
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(ask(n)) + "\n" for n in range(5)))
    config = Config(then=Selection(select=("SPT008",)))
    assert len(engine.lint([tmp_path], config, cache=False).findings) == 1
    assert len(engine.lint([tmp_path / "train.jsonl"], config, cache=False).findings) == 0
    assert told(MissingSplit(), Files(train=[ask(1)], valid=[ask(2)])) == []


# ---------------------------------------------------------------------- real sets


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not there")
def test_real_sets_are_called_poor_only_where_they_are():
    wanted = Config(then=Selection(select=("SET", "SPT005", "SPT006", "SPT008")))

    def found(*names):
        return [f.code for f in engine.lint([SHARED / name for name in names], wanted, cache=False).findings]

    assert found("mlx_wwdc25/train.jsonl", "mlx_wwdc25/valid.jsonl") == ["SET003"]
    assert found("mlx_wikisql") == []
    assert found("llamafactory/alpaca_en_demo.json") == []
    assert found("gsm8k/train.jsonl") == []


def test_a_number_of_rows_that_is_asked_for_stands_in_for_a_method(write, run):
    file = write("few.jsonl", [ask(n) for n in range(12)])
    told = run("lint", file, "--no-cache", "--set", "SET001.min_rows=50").out
    assert "12 rows, where min_rows asks for 50" in told
    assert "12 rows, where" not in run("lint", file, "--no-cache").out


def test_answers_without_spaces_that_open_alike_are_quoted():
    rows = [
        chat(user=f"问题{n}？", assistant=f"感谢您的提问，我来解答：第{n}种{n}号书在第{n}层书架上面，请您去看。")
        for n in range(24)
    ]
    ((_, flag),) = flags_of(SharedOpening(), rows)
    assert "'感谢您的提问，我来解答：第'" in flag.message


@pytest.mark.parametrize("held", [[], ["{broken"]])
def test_a_valid_split_without_rows_is_missing(tmp_path, held):
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(ask(n)) + "\n" for n in range(20)))
    (tmp_path / "valid.jsonl").write_text("\n".join(held))
    report = engine.lint([tmp_path], Config(select=("SPT008",)), cache=False)
    assert [finding.message for finding in report.findings] == ["the valid split holds no row that can be read"]

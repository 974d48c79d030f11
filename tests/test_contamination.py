"""Questions of benchmarks among the rows (SPT007), and the index by which they are known."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from curator import benchmarks
from curator.benchmarks import Item
from curator.checks.contamination import BenchmarkContamination
from curator.cli import cli
from curator.columns import Batch, Literals
from curator.config import load_config
from curator.errors import ConfigError, UsageError
from curator.formats import Reader
from curator.harness import flags_of
from curator.packs import rules_dir
from curator.rule import chat
from curator.tokens import Estimate

SHARED = Path(__file__).parents[2] / "shared" / "data"
has_data = pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not there")

FERRY = "How many ferries leave the northern quay of Oskarshamn between noon and midnight on a Sunday in June?"


def found(text, **options):
    return [flag for _, flag in flags_of(BenchmarkContamination(**options), chat(user=text, assistant="So."))]


@pytest.fixture
def questions(tmp_path):
    file = tmp_path / "exam.jsonl"
    file.write_text(json.dumps({"question": FERRY, "choices": ["2", "4"]}) + "\n")
    return (str(file),)


# ---------------------------------------------------------------------- what is found


@pytest.mark.parametrize(
    "text",
    [
        FERRY,
        FERRY.upper(),
        FERRY.replace("ferries", "boats"),
        FERRY.replace("ferries", "boats").replace("June", "May"),
        FERRY.replace("northern ", ""),
        FERRY.replace("on a", "on a fine"),
        f"Answer with a number. {FERRY}",
        f"Here is a timetable.\n\nQuestion: {FERRY}\nThink first, then answer in one line.",
    ],
)
def test_a_question_is_found_word_for_word_lightly_edited_and_inside_a_longer_prompt(text, questions):
    (flag,) = found(text, benchmarks=questions)
    assert flag.evidence["benchmark"] == "exam"
    assert flag.evidence["item"] == 1
    assert "exam" in flag.message


@pytest.mark.parametrize(
    "text",
    [
        "How many ferries are there?",
        "How many trains leave the central station of Lund between noon and midnight on a Sunday in June?"[:40],
        "Write a poem about the northern quay of Oskarshamn.",
        "",
    ],
)
def test_a_text_that_shares_a_phrase_with_a_question_is_not_it(text, questions):
    assert found(text, benchmarks=questions) == []


def test_a_question_with_other_numbers_is_told_as_such(tmp_path):
    text = (
        "A kiosk in Aalborg sells 12 postcards on Monday, 31 on Tuesday and twice as many on Wednesday, and pays 1,200 "
        "crowns of rent a week. How many postcards does it sell on the 3 days?"
    )
    file = tmp_path / "exam.jsonl"
    file.write_text(json.dumps({"question": text}) + "\n")
    exam = {"benchmarks": (str(file),)}
    size = len(text.replace(",", " ").split())
    for same in (text, text.replace("1,200", "1200"), f"In 40 words, 5 lines: {text}", text.replace("12 ", "twelve ")):
        (flag,) = found(same, **exam)
        assert "other numbers" not in flag.message
    (flag,) = found(text, **exam)
    assert flag.message == f"holds a question of exam, item 1 (16 of its {size} words are compared, and are the same)"
    others = text.replace("12 ", "17 ").replace("31", "22").replace("1,200", "900").replace("3 d", "4 d")
    (flag,) = found(others, **exam)
    assert flag.message.startswith("holds a question of exam, item 1, with other numbers")


def test_items_are_counted_from_1():
    index = benchmarks.shipped()
    for number, name in enumerate(index.benchmarks):
        assert index.numbers[index.sources == number].min() == 1, name


def test_the_span_covers_the_question(questions):
    text = f"Tell me: {FERRY} Thanks!"
    (flag,) = found(text, benchmarks=questions)
    assert text[slice(*flag.span)] == FERRY.rstrip("?")


def test_an_answer_is_no_prompt_but_a_row_of_plain_text_is_looked_at(questions):
    rule = BenchmarkContamination(benchmarks=questions)
    assert flags_of(rule, chat(user="Ask me something.", assistant=FERRY)) == []
    assert len(flags_of(rule, {"text": f"{FERRY} Four."})) == 1


@pytest.mark.parametrize("text", ["Who is there?", "Which of the following is true?", "Which statement is correct?"])
def test_common_phrases_are_questions_of_nobody(text):
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "is_it"),
    [
        ("Write a C++ program to find the nth Fibonacci number using recursion.", True),
        ("Write a C++ program to find the nth Fibonacci number with recursion, please.", True),
        ("Write a C++ program to find the factorial of a number using recursion.", False),
        ("Write a C++ program to find the greatest common divisor using recursion.", False),
    ],
)
def test_a_short_question_on_another_subject_is_not_it(text, is_it):
    assert bool(found(text)) == is_it


# ---------------------------------------------------------------------- the index


def test_the_index_holds_hashes_and_is_small():
    file = rules_dir() / "benchmarks" / "public.npz"
    assert file.stat().st_size < 2_000_000
    index = benchmarks.shipped()
    assert len(index.sizes) > 15_000
    assert all(array.dtype.kind in "ui" for array in index if array is not index.benchmarks)
    assert set(index.benchmarks) >= {"MMLU test", "GSM8K test", "HumanEval", "TruthfulQA", "MT-Bench"}


def test_an_index_is_read_as_it_was_written(tmp_path):
    index = benchmarks.build([Item("exam", 7, FERRY), Item("exam", 8, "Too short")])
    benchmarks.save(index, tmp_path / "x.npz")
    again = benchmarks.load(tmp_path / "x.npz")
    assert again.name(0) == ("exam", 7)
    assert all(np.array_equal(a, b) for a, b in zip(index, again, strict=True))


def test_questions_are_read_from_files_of_any_kind(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([{"problem": FERRY}, chat(user="Who sang it?", assistant="Ann")]))
    with (tmp_path / "b.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["question", "answer"], [FERRY, "4"]])
    assert [item.text for item in benchmarks.items_of(tmp_path / "a.json")] == [FERRY, "Who sang it?"]
    assert [item.text for item in benchmarks.items_of(tmp_path / "b.csv")] == [FERRY]


# ---------------------------------------------------------------------- configuration and command line


def test_files_are_named_in_the_configuration_relative_to_it(tmp_path, questions):
    (tmp_path / "curator.toml").write_text('benchmarks = ["exam.jsonl"]')
    plan = load_config(tmp_path).plan()
    rule = next(rule for rule in plan.rules if rule.code == "SPT007")
    assert rule.benchmarks == questions
    Path(questions[0]).write_text(json.dumps({"question": FERRY[::-1]}) + "\n")
    assert load_config(tmp_path).plan().hash != plan.hash, "other questions, other findings"


def test_a_file_that_is_not_there_is_said(tmp_path):
    (tmp_path / "curator.toml").write_text('benchmarks = ["none.jsonl"]')
    with pytest.raises(ConfigError, match=r"none\.jsonl"):
        load_config(tmp_path).plan()


def test_files_are_named_on_the_command_line(tmp_path, questions):
    file = tmp_path / "train.jsonl"
    file.write_text(json.dumps(chat(user=f"Tell me. {FERRY}", assistant="Four.")) + "\n")
    command = ["lint", str(file), "--benchmark", questions[0], "--format", "concise", "--no-cache"]
    result = CliRunner().invoke(cli, command)
    assert "SPT007 messages[0].content: holds a question of exam, item 1" in result.output


def test_lines_of_a_file_of_questions_that_hold_none_are_said(tmp_path):
    exam = tmp_path / "exam.jsonl"
    exam.write_text(json.dumps({"question": FERRY}) + '\n{broken\n\n[1, 2]\n{"question": "Why?"}\n')
    [note] = load_config(tmp_path, overrides={"select": ("SPT007",), "benchmarks": (str(exam),)}).plan().not_run
    assert note.reason == "exam.jsonl: 3 of 4 lines hold no question of four words or more, the first is 2"
    exam.write_text("{broken\n[1, 2]\n")
    with pytest.raises(UsageError, match="no line of"):
        load_config(tmp_path, overrides={"benchmarks": (str(exam),)}).plan()


# ---------------------------------------------------------------------- real questions


def edited(text, rng):
    words = text.split(" ")
    for place in rng.sample(range(len(words)), min(2, len(words))):
        words[place] = rng.choice(["table", "nineteen", "bridge", "quickly", "paper", "Thomas"])
    return f"Please answer this question carefully. {' '.join(words)}"


def recall(texts):
    rows = b"".join(json.dumps(chat(user=text, assistant="So.")).encode() + b"\n" for text in texts)
    batch = Batch(rows, Reader(), Estimate(), Literals.of(()))
    return len({index for index, _ in BenchmarkContamination().flags(batch)}) / len(texts)


@has_data
def test_planted_questions_are_found():
    rng = random.Random(2)
    lines = (SHARED / "gsm8k/test.jsonl").read_text("utf-8").split("\n")
    texts = [json.loads(line)["question"] for line in rng.sample(lines[:-1], 200)]
    assert recall(texts) >= 0.99
    assert recall([edited(text, rng) for text in texts]) >= 0.98
    with (SHARED / "bench_truthfulqa/TruthfulQA.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["Question"] for row in csv.DictReader(file)]
    assert recall(rng.sample(texts, 200)) >= 0.95


@has_data
@pytest.mark.parametrize("name", ["llamafactory/alpaca_en_demo.json", "gpteacher/codegen-instruct.json"])
def test_ordinary_sets_are_quiet(name):
    rows = json.loads((SHARED / name).read_text("utf-8"))
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    flags = list(BenchmarkContamination().flags(Batch(data, Reader(), Estimate(), Literals.of(()))))
    assert len(flags) <= len(rows) / 1000

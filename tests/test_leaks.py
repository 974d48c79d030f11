"""Leaks between splits, as `curator lint` tells them (SPT001 to SPT004)."""

from __future__ import annotations

import json
import random
import re
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
from curator.config import Config
from curator.rule import chat
from curator.sources.finding import split_number, split_of
from tests.conftest import SHARED

LEAKS = Config(select=("SPT001", "SPT002", "SPT003", "SPT004"), cache=False)


def leaks(paths, config=LEAKS):
    """{(file stem, line): code} of every leak found."""
    report = curator.lint([str(path) for path in paths], config, cache=False)
    found = defaultdict(list)
    for finding in report.findings:
        found[Path(finding.file).stem, finding.line].append(finding.code)
    assert all(len(codes) == 1 for codes in found.values()), "a row has one code, for the closest kind of leak"
    return {place: codes[0] for place, codes in found.items()}


def story(n, words=30):
    """Rows unlike each other."""
    rng = random.Random(n)
    text = " ".join(f"{rng.choice('abcdefghijklmnop')}{rng.randrange(10**6)}" for _ in range(words))
    return chat(user=f"Tell me about topic {n} of the list, please.", assistant=text)


# ---------------------------------------------------------------------- which file is which split


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train.jsonl", "train"),
        ("validation.jsonl", "valid"),
        ("val.jsonl", "valid"),
        ("dev.json", "valid"),
        ("eval.jsonl", "valid"),
        ("support_train.jsonl", "train"),
        ("support-validation.jsonl.gz", "valid"),
        ("support.test.jsonl", "test"),
        ("test_sft-00000-of-00001.parquet", "test"),
        ("my.data_val_2.jsonl", "valid"),
        ("holdout.jsonl", "test"),
        ("contest.jsonl", "contest"),
        ("latest.jsonl", "latest"),
        ("training_manual.jsonl", "train"),
        ("support.v2.jsonl", "support.v2"),
    ],
)
def test_a_name_tells_the_split(name, split):
    assert split_of(name) == split


def test_a_name_that_says_nothing_counts_as_trained_on():
    assert [split_number(name) for name in ("train", "part-1", "valid", "test")] == [0, 0, 1, 2]


def test_shards_and_sources_of_one_training_set_are_no_splits(write):
    paths = [write(name, [story(1), story(2)]) for name in ("faq.jsonl", "tickets.jsonl", "train-1.jsonl")]
    assert leaks(paths) == {}


def test_what_stands_beside_a_held_out_file_must_not_repeat_it(write):
    assert leaks([write("faq.jsonl", [story(1)]), write("test.jsonl", [story(1), story(2)])]) == {("test", 1): "SPT001"}


def test_a_file_by_itself_leaks_nothing_whatever_its_name(write):
    assert leaks([write("test.jsonl", [story(1), story(1)])]) == {}


def test_a_folder_trained_from_keeps_to_whole_names(write, tmp_path):
    for name in ("train.jsonl", "valid.jsonl", "train_old.jsonl"):
        write(f"data/{name}", [story(len(name))])
    report = curator.lint([tmp_path / "data"], LEAKS, cache=False)
    assert [Path(file.path).name for file in report.files] == ["train.jsonl", "valid.jsonl"]


# ---------------------------------------------------------------------- kinds


def test_the_row_of_the_later_split_is_flagged_and_names_the_earliest(write):
    row = story(1)
    paths = [write(f"{name}.jsonl", [story(n), row]) for n, name in enumerate(("test", "train", "valid"), 5)]
    report = curator.lint([str(path) for path in paths], LEAKS, cache=False)
    found = {(Path(f.file).stem, f.line): [Path(p.file).stem for p in f.related] for f in report.findings}
    assert found == {("test", 2): ["train"], ("valid", 2): ["train"]}


def test_exact_before_near_before_prompt_before_group(write):
    question, words = "Which of the four valves closes first when the pump stops?", story(9)["messages"][1]["content"]
    train = [
        {**chat(user=question, assistant=words), "doc_id": "pump"},
        {**story(2), "doc_id": "boiler"},
    ]
    valid = [
        {**chat(user=question.upper(), assistant=words + "."), "doc_id": "pump"},
        {**chat(user=question, assistant=words.replace(words.split()[15], "the")), "doc_id": "pump"},
        {**chat(user=question, assistant="The one on the left."), "doc_id": "pump"},
        {**story(4), "doc_id": "pump"},
        {**story(5), "doc_id": "gate"},
    ]
    found = leaks([write("train.jsonl", train), write("valid.jsonl", valid)])
    assert found == {
        ("valid", 1): "SPT001",
        ("valid", 2): "SPT002",
        ("valid", 3): "SPT003",
        ("valid", 4): "SPT004",
    }


def test_every_copy_of_a_near_leak_is_found(write):
    words = story(3)["messages"][1]["content"]
    near = chat(user="Tell me about topic 3 of the list, please.", assistant=words.replace(words.split()[9], "and"))
    spaced = json.loads(json.dumps(near).replace("of the", "of  the"))
    found = leaks([write("train.jsonl", [story(3)]), write("valid.jsonl", [near, spaced, near, story(6)])])
    assert found == {("valid", 1): "SPT002", ("valid", 2): "SPT002", ("valid", 3): "SPT002"}


def test_numbers_make_another_question(write):
    ask = "How many litres are left when {} litres are taken from a tank that holds {} litres of water?"
    train = [chat(user=ask.format(n, n + 50), assistant="Fifty.") for n in range(10, 20)]
    valid = [chat(user=ask.format(n, n + 40), assistant="Forty.") for n in range(10, 20)]
    assert leaks([write("train.jsonl", train), write("valid.jsonl", valid)]) == {}


def test_signs_make_another_question(write):
    rows = [
        chat(user=f"What is 12 {sign} 5, in words?", assistant=answer) for sign, answer in (("+", "17"), ("-", "7"))
    ]
    assert leaks([write("train.jsonl", rows[:1]), write("valid.jsonl", rows[1:])]) == {}


@pytest.mark.parametrize("prompt", ["Continue.", "Hi", "", "Thank you!"])
def test_prompts_that_say_nothing_are_no_questions(write, prompt):
    rows = [chat(user=prompt, assistant=story(n)["messages"][1]["content"]) for n in range(6)]
    assert leaks([write("train.jsonl", rows[:3]), write("valid.jsonl", rows[3:])]) == {}


def test_an_instruction_that_most_rows_share_is_no_question(write):
    rows = [
        chat(user="Write a paragraph in my voice.", assistant=story(n)["messages"][1]["content"]) for n in range(40)
    ]
    assert leaks([write("train.jsonl", rows[:30]), write("valid.jsonl", rows[30:])]) == {}


def test_other_tools_make_no_other_example_of_a_leak(write):
    def offered(row, *names):
        return {**row, "tools": [{"type": "function", "function": {"name": name}} for name in names]}

    train, test = offered(story(1), "search"), offered(story(1), "search", "order")
    test["messages"][0]["content"] += " Thanks!"
    assert leaks([write("train.jsonl", [train]), write("test.jsonl", [test])]) == {("test", 1): "SPT002"}


def test_what_a_tool_answered_does_not_make_another_question(write):
    def tracked(found, answer):
        call = {"id": "1", "type": "function", "function": {"name": "track", "arguments": '{"number": "77"}'}}
        asked = {"role": "user", "content": "Where is the parcel with the number seventy-seven?"}
        turns = [asked, {"role": "assistant", "content": None, "tool_calls": [call]}]
        return {"messages": [*turns, {"role": "tool", "tool_call_id": "1", "content": found}, *answer["messages"][1:]]}

    train, valid = (
        [tracked('{"where": "Oslo"}', chat(user="", assistant="It lies in Oslo."))],
        [tracked('{"lost": true}', chat(user="", assistant="Nobody knows, I am sorry to say."))],
    )
    assert leaks([write("train.jsonl", train), write("valid.jsonl", valid)]) == {("valid", 1): "SPT003"}


def test_a_system_prompt_alone_is_no_leak(write):
    system = "You answer for the water works of a small town, shortly and kindly, and never give advice on wells."
    rows = [chat(system=system, user=story(n)["messages"][0]["content"], assistant=f"No. {n}") for n in range(8)]
    rows += [chat(system=system, assistant=story(n)["messages"][1]["content"]) for n in range(8)]
    assert leaks([write("train.jsonl", rows[::2]), write("valid.jsonl", rows[1::2])]) == {}


@pytest.mark.parametrize(
    ("key", "value", "leaks_"),
    [
        ("doc_id", "a-7", True),
        ("conversation_id", 991, True),
        ("thread-id", "t1", True),
        ("conversation", 7, True),
        ("thread", "Leaking pump", True),
        ("case_id", "C-1044", True),
        ("title", "Pumps", False),
        ("book", "Pumps", False),
        ("url", "https://example.com/manual/pump.html", True),
        ("source_file", "pump", True),
        ("source", "manuals/pump.pdf", True),
        ("url", "https://example.com/", False),
        ("source", "wikipedia", False),
        ("source", "train.jsonl", False),
        ("doc_id", None, False),
        ("doc_id", "", False),
        ("category", "pumps", False),
        ("id", "a-7", False),
    ],
)
def test_documents_and_conversations_are_told_from_corpora(write, key, value, leaks_):
    others = [{**story(n), key: f"{value}-{n}"} for n in range(20, 30)]
    train, valid = [{**story(1), key: value}, *others[:5]], [{**story(2), key: value}, *others[5:]]
    found = leaks([write("train.jsonl", train), write("valid.jsonl", valid)])
    assert found == ({("valid", 1): "SPT004"} if leaks_ else {})


def test_a_set_from_one_document_cannot_be_parted_by_it(write):
    rows = [{**story(n), "doc_id": "the-manual"} for n in range(10)]
    assert leaks([write("train.jsonl", rows[:8]), write("valid.jsonl", rows[8:])]) == {}


def test_metadata_one_level_down_is_read_and_pointed_at(write):
    rows = [{**story(n), "metadata": {"conversation_id": c}} for n, c in enumerate("aab")]
    train, valid = write("train.jsonl", [rows[0], rows[2]]), write("valid.jsonl", [rows[1]])
    (finding,) = curator.lint([str(train), str(valid)], LEAKS, cache=False).findings
    assert (finding.code, finding.path) == ("SPT004", "metadata.conversation_id")
    assert finding.evidence == {"key": "metadata.conversation_id", "value": "a"}


def test_the_text_of_a_conversation_does_not_stand_for_its_name(write):
    rows = [{**story(n), "conversation": f"User: hi\nAssistant: {n}", "case_id": c} for n, c in enumerate("aab")]
    train, valid = write("train.jsonl", [rows[0], rows[2]]), write("valid.jsonl", [rows[1]])
    (finding,) = curator.lint([str(train), str(valid)], LEAKS, cache=False).findings
    assert (finding.code, finding.path) == ("SPT004", "case_id")


def test_a_key_with_odd_signs_is_pointed_at(write):
    rows = [{**story(n), "thread id": c, "case.no": c} for n, c in enumerate("aab")]
    train, valid = write("train.jsonl", [rows[0], rows[2]]), write("valid.jsonl", [rows[1]])
    (finding,) = curator.lint([str(train), str(valid)], LEAKS, cache=False).findings
    assert finding.path == '["thread id"]'
    named = Config(select=("SPT004",), rules={"SPT004": {"keys": ["case.no"]}}, cache=False)
    for each in rows:
        del each["thread id"]
    train, valid = write("train.jsonl", [rows[0], rows[2]]), write("valid.jsonl", [rows[1]])
    (finding,) = curator.lint([str(train), str(valid)], named, cache=False).findings
    assert finding.path == '["case.no"]'


# ---------------------------------------------------------------------- whatever the order


@settings(max_examples=12, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rng):
    words = story(3)["messages"][1]["content"]
    near = [
        chat(user="Tell me about topic 3 of the list, please.", assistant=words.replace(word, "and"))
        for word in words.split()[8:12]
    ]
    train = [story(3), story(3), story(4), {**story(5), "doc_id": "x"}, {**story(6), "doc_id": "y"}]
    valid = [*near, story(4), chat(user="Tell me about topic 5 of the list, please.", assistant="No."), story(7)]
    valid += [{**story(8), "doc_id": "y"}]

    def found(folder):
        folder = Path(folder)
        files = []
        for name, rows in (("train", train), ("valid", valid)):
            files.append(folder / f"{name}.jsonl")
            files[-1].write_text("".join(json.dumps(row) + "\n" for row in rows))
        report = curator.lint([str(file) for file in files], LEAKS, cache=False)
        return sorted((f.code, f.id, f.row, f.message) for f in report.findings)

    import tempfile

    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first = found(one)
        rng.shuffle(train)
        rng.shuffle(valid)
        assert found(two) == first
        assert {code for code, *_ in first} == {"SPT001", "SPT002", "SPT003", "SPT004"}


# ---------------------------------------------------------------------- real sets


@pytest.mark.skipif(not SHARED.is_dir(), reason="the larger data are not at hand")
def test_all_144_validation_rows_of_a_real_set_are_reported():
    found = leaks([SHARED / "mlx_wwdc25" / f"{name}.jsonl" for name in ("train", "valid")])
    assert {line for name, line in found if name == "valid"} == set(range(1, 145))
    assert {name for name, _ in found} == {"valid"}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the larger data are not at hand")
@pytest.mark.parametrize("name", ["gsm8k", "mlx_wikisql"])
def test_splits_that_others_made_with_care_are_not_accused(name):
    """One in a thousand at most, and then of rows that ask nearly the same."""
    files = [SHARED / name / f"{split}.jsonl" for split in ("train", "valid", "test")]
    files = [file for file in files if file.exists()]
    rows = sum(len(re.findall(b"\n", file.read_bytes())) for file in files)
    assert len(leaks(files)) <= 0.01 * rows

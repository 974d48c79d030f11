"""Rows and answers that are too long, or all of one length."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.checks.length import (
    AnswersCapped,
    AnswerTruncated,
    LengthOutlier,
    OverContext,
    PackingWaste,
    packed,
    row_length,
)
from curator.columns import Batch, Literals
from curator.formats import Reader
from curator.harness import batch_of, flags_of
from curator.rule import chat
from curator.templates import load, shipped
from curator.tokens import Estimate
from tests.conftest import Run

Write = Callable[..., Path]

SHARED = Path(__file__).parents[2] / "shared" / "data"


class Words:
    """Counts the words between spaces: a tokenizer whose counts can be foretold."""

    name = "words"
    exact = True
    error = 0.0

    def count(self, texts: list[str]) -> list[int]:
        return [len(text.split()) for text in texts]


class RoughWords(Words):
    exact = False


def over_context(rows, limit, tokenizer=None):
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    batch = Batch(data, Reader(), tokenizer or Words(), Literals.of(()))
    return [(index, flag) for index, flag in OverContext(max_tokens=limit).flags(batch)]


def length_of(row):
    batch = batch_of(row)
    return row_length(batch.example(0), Words())


# ---------------------------------------------------------------------- one row against the context


def test_a_row_over_the_limit_is_told_with_both_numbers_and_the_tokenizer():
    rows = [chat(user="one two", assistant="three " * 8), chat(user="one two", assistant="three " * 9)]
    ((index, flag),) = over_context(rows, 10)
    assert index == 1
    assert flag.at == ""
    assert flag.evidence == {"tokens": 11, "limit": 10}
    assert "11 tokens" in flag.message
    assert flag.message.endswith("10 (words)")


def test_a_count_that_is_an_estimate_says_so():
    row = chat(user="one two", assistant="three " * 9)
    ((_, flag),) = over_context([row], 10, RoughWords())
    assert flag.message.endswith("(words, estimate)")
    ((_, flag),) = over_context([row], 5, Estimate())
    assert flag.message.endswith("(estimate)")


def test_of_a_preference_pair_the_longer_side_counts():
    row = {"prompt": "one two", "chosen": "a b c d", "rejected": "a b"}
    assert length_of(row) == 6


def test_calls_tools_and_reasoning_count():
    plain = chat(user="How warm is it?", assistant="Ten degrees.")
    call = {"id": "1", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Oslo"}'}}
    messages = [
        {"role": "user", "content": "How warm is it?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "Ten"},
        {"role": "assistant", "content": "Ten degrees."},
    ]
    tools = [{"type": "function", "function": {"name": "weather", "description": "Tells how warm it is"}}]
    assert length_of({"messages": messages}) > length_of(plain) + 1
    assert length_of({"messages": messages, "tools": tools}) > length_of({"messages": messages})
    row = {"messages": messages, "tools": tools}
    assert over_context([row], length_of(row)) == []
    assert over_context([row], length_of(row) - 1)


# ---------------------------------------------------------------------- what truncation takes


def truncated(row, limit, **options):
    batch = Batch(json.dumps(row).encode(), Reader(), Words(), Literals.of(()))
    return [flag for _, flag in AnswerTruncated(max_tokens=limit, **options).flags(batch)]


def test_trained_tokens_behind_the_limit_are_counted_and_prompts_are_not():
    row = chat(user="one two", assistant="a b c", user2="three four", assistant2="d e f g")
    assert truncated(row, 11) == []
    (flag,) = truncated(row, 9)
    assert flag.evidence == {"lost": 2, "trained": 7, "tokens": 11, "limit": 9}
    assert flag.at == "messages[3].content"
    (flag,) = truncated(row, 4)
    assert flag.evidence["lost"] == 5
    assert flag.at == "messages[1].content"


def test_a_cut_prompt_alone_costs_no_trained_token():
    row = {"messages": [*chat(assistant="a b c")["messages"], {"role": "user", "content": "x " * 20}]}
    assert truncated(row, 5) == []


def test_a_trainer_that_keeps_the_end_takes_from_the_first_answer():
    row = chat(user="one two", assistant="a b c", user2="three four", assistant2="d e f g")
    (flag,) = truncated(row, 8, keep="end")
    assert (flag.evidence["lost"], flag.at) == (1, "messages[1].content")


def test_answers_of_weight_zero_are_not_trained():
    row = chat(user="one two", assistant="a b c d e f g h i j")
    row["messages"][1]["weight"] = 0
    assert truncated(row, 5) == []


@pytest.mark.parametrize("template", ["chatml", "llama-3", "gemma-3", "qwen2.5", "mistral-v3"])
def test_with_a_template_what_is_lost_is_what_stands_behind_the_limit(template):
    """Counted again by hand: the trained characters behind the last token that is kept."""
    from curator.checks.fit import looks
    from curator.tokens import token_starts

    row = chat(user="How tall is Ben Nevis, in metres?", assistant="It is 1,345 metres tall. " * 6)
    example = batch_of(row).example(0)
    (look,) = looks(example, template)
    ((low, high),) = look.seen.trained
    starts = token_starts(Estimate(), look.seen.text, [low, high], look.template.token_pattern())
    for limit in range(1, len(starts) + 5, 7):
        flags = list(AnswerTruncated(max_tokens=limit, template=template).check(example))
        lost = sum(low <= start < high for start in starts[limit:])
        assert [flag.evidence["lost"] for flag in flags] == ([lost] if lost else [])


# ---------------------------------------------------------------------- packing


CALLED = {
    "messages": [
        {"role": "user", "content": "Is it warm in Oslo?"},
        {"role": "assistant", "content": "", "tool_calls": [
            {"id": "call12345", "type": "function", "function": {"name": "weather", "arguments": {"place": "Oslo"}}}]},
        {"role": "tool", "tool_call_id": "call12345", "content": "Ten degrees, as it was yesterday."},
        {"role": "assistant", "content": "Not very."},
    ],
    "tools": [{"type": "function", "function": {
        "name": "weather", "description": "How warm it is. " * 20, "parameters": {"type": "object"}}}],
}  # fmt: skip


@pytest.mark.parametrize("template", [name for name in shipped() if load(name).abridged])
def test_of_a_template_that_leaves_out_tools_they_are_counted_as_they_stand_in_the_row(template):
    example = Reader().read(CALLED)
    assert row_length(example, Estimate(), template) >= row_length(example, Estimate()) > 80
    (over,) = OverContext(max_tokens=60, template=template).check(example)
    assert "leaves out tools, which are counted as they stand in the row" in over.message
    (cut,) = AnswerTruncated(max_tokens=60, template=template).check(example)
    assert abs(cut.evidence["tokens"] - over.evidence["tokens"]) < 4  # a border may merge two tokens
    assert (
        "leaves out"
        not in OverContext(max_tokens=6, template=template)
        ._judge(Reader().read(chat(user="Is it warm in Oslo?", assistant="Not very.")), Estimate())
        .__next__()
        .message
    )


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(8, 30))
def test_packs_hold_every_row_and_are_at_most_a_few_more_than_needed(lengths, limit):
    packs, waste = packed(np.array(lengths), limit)
    total = sum(min(length, limit) for length in lengths)
    assert -(-total // limit) <= packs <= len(lengths)
    assert packs <= 11 / 9 * -(-total // limit) * 1.7 + 1
    assert waste == pytest.approx(1 - total / (packs * limit))


def test_rows_that_fill_the_context_by_a_little_over_half_waste_the_rest():
    assert packed(np.full(100, 60), 100) == (100, pytest.approx(0.4))
    assert packed(np.array([50, 50, 30, 70]), 100) == (2, pytest.approx(0))


# ---------------------------------------------------------------------- one row against the set


def sizes(*lengths: int):
    return [chat(user=f"Question {n}", assistant="word " * length) for n, length in enumerate(lengths)]


def test_one_row_far_above_the_others_is_an_outlier():
    rows = sizes(*[40 + n % 30 for n in range(150)], 5000)
    ((index, flag),) = flags_of(LengthOutlier(), rows)
    assert index == 150
    assert flag.evidence["tokens"] > 4000


def test_a_set_of_widely_spread_lengths_has_no_outlier():
    spread = [int(x) for x in np.geomspace(3, 5000, 150)]
    assert flags_of(LengthOutlier(), sizes(*spread)) == []


def test_a_small_set_has_no_outlier():
    assert flags_of(LengthOutlier(), sizes(*[40] * 50, 5000)) == []


# ---------------------------------------------------------------------- answers cut to a size

STORY = "The crew sang, row by row and song by song, until the lights of the harbour rose before them. "


def told(count: int, cut_at: int | None = None):
    """Rows whose answers are of many lengths; those over `cut_at` characters stop there."""
    texts = [(STORY * 9)[n % 40 :][: 150 + 13 * n % 600].rsplit(" ", 1)[0] + "." for n in range(count)]
    return [
        chat(user=f"Tell story {n}.", assistant=text if cut_at is None else text[:cut_at])
        for n, text in enumerate(texts)
    ]


def test_answers_cut_at_one_length_are_one_finding_for_the_set():
    rows = told(200, cut_at=400)
    ((index, flag),) = flags_of(AnswersCapped(), rows)
    lengths = [len(row["messages"][1]["content"].rstrip()) for row in rows]
    assert flag.at == "messages[1].content"
    assert lengths[index] >= 396
    assert flag.evidence["high"] == 400
    assert flag.evidence["answers"] >= 60
    assert flag.evidence["unit"] == "characters"
    assert len(flag.related) + 1 == flag.evidence["answers"]


def test_a_single_longer_row_does_not_hide_the_limit():
    rows = [*told(200, cut_at=400), chat(user="Go on.", assistant=STORY * 30)]
    assert len(flags_of(AnswersCapped(), rows)) == 1


@pytest.mark.parametrize(
    "rows",
    [
        told(200),
        [chat(user=f"Is {n} odd?", assistant="Yes" if n % 2 else "No") for n in range(200)],
        [chat(user=f"Case {n}", assistant="positive feedback") for n in range(200)],
        told(40, cut_at=400)[:15],
    ],
    ids=["whole answers", "yes and no", "labels", "too few"],
)
def test_answers_of_natural_lengths_are_left_alone(rows):
    assert flags_of(AnswersCapped(), rows) == []


def test_rows_without_an_answer_are_passed_over():
    rows = [{"messages": [{"role": "user", "content": "Hello"}]}, *told(30)]
    assert flags_of(AnswersCapped(), rows) == []


def test_real_sets_have_no_limit_and_no_outlier():
    path = SHARED / "llamafactory" / "alpaca_en_demo.json"
    if not path.exists():
        pytest.skip("the shared data are not here")
    answers = json.loads(path.read_bytes())
    rows = [chat(user=row["instruction"], assistant=row["output"]) for row in answers]
    assert flags_of(AnswersCapped(), rows) == []
    assert flags_of(LengthOutlier(), rows) == []
    cut = [chat(user=row["instruction"], assistant=row["output"][:500]) for row in answers]
    assert len(flags_of(AnswersCapped(), cut)) == 1


@pytest.mark.parametrize("template", sorted(shipped()))
def test_packing_counts_each_row_as_it_is_rendered(template: str) -> None:
    rows = [
        chat(user="Why? ", assistant=" So."),
        chat(user="How?", assistant="<think>\nHm.\n</think>\n\nThus."),
        {"conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "He."}]},
        {"messages": [{"role": "user", "content": "A?"}, {"role": "assistant", "content": "\nB", "reasoning": "C"}]},
        {"prompt": "One or two?", "chosen": "One, as it was said.", "rejected": "Two."},
        *(chat(user=f"What is {n}?", assistant=f"{n}.") for n in range(5)),
    ]
    batch = batch_of(rows)
    counted = PackingWaste(template=template).sketch(batch).tolist()
    assert counted == [row_length(batch.example(n), batch.tokenizer, template) for n in range(len(rows))]


def test_what_truncation_takes_is_counted_by_the_loss_of_the_target():
    row = chat(user="Why? " * 20, assistant="So. " * 20, user2="And? " * 20, assistant2="Thus. " * 20)
    batch = Batch(json.dumps(row).encode() + b"\n", Reader(), Estimate(), Literals.of(()))
    sizes = batch.turn_tokens.tolist()
    limit = sum(sizes[:3]) + 5
    for template in ("", "chatml"):
        flags = {}
        for target in ("", "trl"):
            rule = AnswerTruncated(max_tokens=limit, template=template, target=target)
            ((_, flags[target]),) = rule.flags(batch)
        assert flags[""].at == flags["trl"].at == "messages[3].content"
        assert flags["trl"].evidence["trained"] > flags[""].evidence["trained"]
        assert template or flags["trl"].evidence["trained"] == sum(sizes)


@pytest.mark.parametrize("template", ["", "chatml"])
def test_a_question_that_is_cut_is_no_answer_that_is_cut(template):
    row = chat(user="Why?", assistant="So.", user2="And? " * 200)
    for target in ("", "trl"):
        assert list(AnswerTruncated(max_tokens=60, template=template, target=target).check(Reader().read(row))) == []


_PROMPT_AND_ANSWER = {"input_ids": list(range(40)), "labels": [-100] * 30 + list(range(10))}


@pytest.mark.parametrize("length", [(), ("--max-length", "1024")])
def test_strings_around_which_a_trainer_puts_no_template_are_counted_as_they_stand(
    length: tuple[str, ...], run: Run, write: Write
) -> None:
    def told(*arguments: str) -> dict[str, str]:
        path = write("strings.jsonl", rows)
        done = run("lint", path, "--select", "LEN001,LEN002", "--format", "jsonl", "--show", "0", *length, *arguments)
        return {f"{each['line']} {each['code']}": each["message"] for each in map(json.loads, done.out.splitlines())}

    prompt, answer = "How tall is Ben Nevis? " * 100, "1,345 metres above the sea. " * 100
    said = {
        "prompt": [{"role": "user", "content": prompt}],
        "completion": [{"role": "assistant", "content": answer}],
    }
    rows = [{"prompt": prompt, "completion": answer}, said]
    bare, framed = told("--target", "trl"), told("--target", "trl", "--template", "llama-3")
    assert bare.keys() == framed.keys() >= {"1 LEN001", "2 LEN001"}
    assert [framed[key] == said for key, said in bare.items()] == [key.startswith("1 ") for key in bare]
    assert "rendered with llama-3" in framed["2 LEN001"]


def test_of_a_model_without_a_tokenizer_to_read_the_report_says_what_counted(
    run: Run, write: Write, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": load("chatml").text()}))
    rows = write("x.jsonl", [chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")])
    note = "tokens are counted with cl100k_base, since no tokenizer is read in model: name the model's: --tokenizer"
    lint = ("lint", rows, "--model", folder, "--max-length", "512")
    assert note in " ".join(run(*lint, "--select", "LEN001,LEN002").out.split())
    assert note not in " ".join(run(*lint, "--select", "LEN001", "--tokenizer", "cl100k_base").out.split())
    assert note not in " ".join(run(*lint, "--select", "TPL001").out.split())
    assert "(cl100k_base in place of the model's, exact)" in run("stats", rows, "--model", folder).out


def _messages(out: str) -> dict[str, str]:
    return {found["code"]: found["message"] for found in json.loads(out)["findings"]}


def test_a_row_of_token_ids_has_as_many_tokens_as_ids(run: Run, write: Write) -> None:
    done = run("lint", write("ids.jsonl", [_PROMPT_AND_ANSWER]), "--max-length", 32, "--format", "json")
    said = _messages(done.out)
    assert said["LEN001"] == "40 tokens, the limit is 32 (ids that the row holds)"
    assert said["LEN002"].startswith("8 of 10 trained tokens stand behind the 32 tokens that are kept")
    assert json.loads(done.out)["tokens"]["total"] == 40
    assert "LEN001" not in run("lint", write("ids.jsonl", [_PROMPT_AND_ANSWER]), "--max-length", 40).out


def test_the_report_says_that_no_tokenizer_counted_the_ids(run: Run, write: Write) -> None:
    done = run("lint", write("ids.jsonl", [_PROMPT_AND_ANSWER]))
    assert "40 tokens (ids that the rows hold)" in done.out + done.err
    done = run("lint", write("both.jsonl", [_PROMPT_AND_ANSWER, chat(user="Hi", assistant="Hello")]))
    assert "; 40 are ids that the rows hold)" in done.out + done.err


@pytest.mark.parametrize(
    ("row", "trained"),
    [
        pytest.param(_PROMPT_AND_ANSWER, "10 (25%)", id="labels that are not -100 are trained"),
        pytest.param({"input_ids": list(range(40))}, "40 (100%)", id="without labels all ids are"),
    ],
)
def test_stats_count_the_trained_ids(row: dict[str, Any], trained: str, run: Run, write: Write) -> None:
    out = run("stats", write("ids.jsonl", [row])).out
    assert "tokens    40 (ids that the rows hold)" in out
    assert f"trained   {trained}" in out


def test_a_target_cuts_rows_of_token_ids_as_others(run: Run, write: Write) -> None:
    far = {"input_ids": [7] * 1100, "labels": [-100] * 1050 + [7] * 50}
    later = {"input_ids": [7] * 1100, "labels": [7] * 10 + [-100] * 1040 + [7] * 50}
    for row, code in ((far, "TGT010"), (later, "TGT013")):
        said = _messages(run("lint", write("ids.jsonl", [row]), "--target", "trl", "--format", "json").out)
        assert "1,050 tokens before the answer, max_length 1,024" in said[code]

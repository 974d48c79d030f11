"""`curator stats` and `curator explain`: what is in a set, and in one row of it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import counting as stats
from curator import explanation as explain
from curator.checks.length import row_length
from curator.columns import Batch, Literals
from curator.config import Config
from curator.errors import UsageError
from curator.formats import Reader
from curator.rule import chat
from curator.tokens import count_rendered, resolve, token_starts
from curator.trained import renders

Write = Callable[..., Path]

ROWS = [
    chat(system="Be brief.", user="What is the capital of Norway?", assistant="Oslo."),
    chat(user="Count to five.", assistant="One, two, three, four, five."),
    {"prompt": "Say hi.", "chosen": "Hi there!", "rejected": "No."},
]


def test_counts_rows_roles_and_tokens(write: Write) -> None:
    result = stats.stats([write("a.jsonl", [*ROWS, b"{"])], Config(tokenizer="cl100k_base"))
    assert (result.rows, result.unreadable, result.with_system, result.preferences) == (3, 1, 1, 1)
    assert result.shapes == {"openai-chat": 2, "trl-preference": 1}
    assert sum(result.tokens_by_role.values()) == result.tokens.total
    assert result.row_tokens.most == max(result.row_tokens.most, result.answer_tokens.most)
    assert sum(rows for _, rows in result.length_histogram) == 3


def test_what_is_shown_is_short_and_says_what_a_template_adds(write: Write) -> None:
    rows = [chat(user="Count.", assistant="one " * n) for n in (4000, 20, 20)]
    page = stats.as_text(stats.stats([write("a.jsonl", rows)], Config()))
    bars = page.partition("tokens a row\n")[2].partition("\n\n")[0].splitlines()
    assert [bar.split()[-1] for bar in bars] == ["2", "none", "1"]
    assert "a chat template adds tokens to every row, which are not counted" in page
    assert "one one … 14," in page and len(page) < 3000
    rendered = stats.as_text(stats.stats([write("b.jsonl", rows)], Config(template="chatml")))
    assert "adds tokens" not in rendered


def test_cost_comes_from_the_users_price_alone(write: Write) -> None:
    path = write("a.jsonl", ROWS)
    assert stats.stats([path], Config()).cost is None
    result = stats.stats([path], Config(), price=1_000_000, epochs=3)
    assert result.cost == 3 * result.tokens.total


def test_lengths_say_what_a_maximum_keeps(write: Write) -> None:
    rows = [chat(user="Count.", assistant="one " * n) for n in (100, 700, 3000)]
    choices = {c.max_length: c for c in stats.stats([write("a.jsonl", rows)], Config()).lengths}
    assert choices[512].rows == pytest.approx(1 / 3, abs=0.01)
    assert choices[4096].rows == choices[4096].tokens == 1
    assert choices[512].tokens < choices[1024].tokens < 1


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=300))
def test_the_suggested_length_is_the_shortest_that_keeps_enough(sizes: list[int]) -> None:
    rows = np.array(sizes)

    def enough(length: int) -> bool:
        whole, kept = float((rows <= length).mean()), float(np.minimum(rows, length).sum() / rows.sum())
        return round(whole, 4) >= 0.99 and round(kept, 4) >= 0.99

    found = stats.suggested(rows)
    assert found is not None and enough(found.max_length)
    assert found.max_length == 64 or not enough(found.max_length - 64)


CALLING = {
    "messages": [
        {"role": "user", "content": "Is it warm in Oslo?"},
        {
            "role": "assistant",
            "reasoning_content": "I look it up.",
            "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Oslo"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c", "content": "Ten degrees"},
        {"role": "assistant", "content": "Not very."},
    ],
    "tools": [{"type": "function", "function": {"name": "weather"}}],
}


def test_calls_reasoning_and_tools_are_counted_and_shown(write: Write) -> None:
    file = write("a.jsonl", [CALLING])
    result = stats.stats([file], Config(tokenizer="cl100k_base"))
    texts = ["Is it warm in Oslo?", "I look it up.", "weather", '{"place": "Oslo"}', "Ten degrees", "Not very."]
    counts = resolve("cl100k_base").count([*texts, '{"type":"function","function":{"name":"weather"}}'])
    assert result.tokens.total == sum(counts) == explain.explain(file, 1, Config(tokenizer="cl100k_base")).tokens.total
    assert result.tokens_by_role["tools"] == counts[-1]
    page = explain.as_text(explain.explain(file, 1, Config()))
    for said in ("I look it up.", 'weather({"place": "Oslo"})', '"name":"weather"'):
        assert said in page


def test_what_is_trained_is_shown_and_counted(write: Write) -> None:
    file = write("a.jsonl", ROWS[:2])
    result = stats.stats([file], Config(tokenizer="cl100k_base", template="chatml"))
    (first,) = result.shown
    assert [part.text for part in first.parts if part.trained] == ["Oslo.<|im_end|>"]
    assert result.trained == sum(resolve("cl100k_base").count(["Oslo.", "One, two, three, four, five."])) + 2
    assert "⟦Oslo.<|im_end|>⟧" in stats.as_text(result)
    assert "\x1b[32mOslo.<|im_end|>\x1b[0m" in stats.as_text(result, colour=True)
    assert "<mark>Oslo.&lt;|im_end|&gt;</mark>" in stats.as_html(result)
    bare = stats.stats([file], Config(tokenizer="cl100k_base"))
    assert bare.trained == result.trained - 2


TWICE = chat(user="What is it?", assistant="A lamp.", user2="And now?", assistant2="Off.")
TWICE["messages"][1]["weight"] = 0
SPLIT = {"prompt": TWICE["messages"][:3], "completion": TWICE["messages"][3:]}
TALK = chat(user="What is it?", assistant="A lamp.", user2="And now?", assistant2="Off.")
TOOLED = {**TALK, "tools": CALLING["tools"]}
LAST_ALONE = "Mistral fine-tuning takes the loss on its answers, with tools the last alone"
PAIR = {"prompt": "What is it?", "chosen": "A lamp.", "rejected": "No."}


@pytest.mark.parametrize(
    ("row", "target", "trained", "said"),
    [
        (TWICE, None, [3], ""),
        (TWICE, "openai", [3], "OpenAI fine-tuning takes the loss on its answers"),
        (
            TWICE,
            "axolotl",
            [1, 3],
            "axolotl 0.19 takes the loss on its answers, whatever their weights, by its defaults",
        ),
        (TWICE, "trl", [0, 1, 2, 3], "TRL 1.16 SFTTrainer takes the loss on the whole row, by its defaults"),
        (TWICE, "mlx", [0, 1, 2, 3], "mlx-lm 0.32 takes the loss on the whole row, by its defaults"),
        (
            SPLIT,
            "trl",
            [3],
            "TRL 1.16 SFTTrainer takes the loss on its reply alone, by its defaults",
        ),
        (SPLIT, "mlx", [0, 1, 2, 3], "mlx-lm 0.32 takes the loss on the whole row, by its defaults"),
        (PAIR, "trl", [1, 2], "TRL 1.16 DPOTrainer takes the loss on its reply alone, by its defaults"),
        (
            PAIR,
            "trl-reward",
            [0, 1, 2],
            "TRL 1.16 RewardTrainer learns a score for the whole of each side of a pair, by its defaults",
        ),
        (TALK, "mistral", [1, 3], LAST_ALONE),
        (TOOLED, "mistral", [3], LAST_ALONE),
    ],
)
def test_what_is_trained_is_what_the_target_takes_the_loss_on(
    write: Write, row: dict[str, object], target: str | None, trained: list[int], said: str
) -> None:
    config = Config(tokenizer="cl100k_base", template="chatml", target=target)
    path = write("a.jsonl", [row])
    result = explain.explain(path, 1, config)
    assert [number for number, turn in enumerate(result.turns) if turn.trained] == trained
    assert result.loss == said
    for shown in result.renders:
        text = "".join(part.text for part in shown.parts if part.trained)
        told = [number for number, turn in enumerate(result.turns) if turn.text in text]
        assert told and set(told) <= set(trained)
        assert (shown.count(False) == 0) is (said.find("the whole ") > 0)
    counts = stats.stats([path], config)
    assert counts.trained == max(shown.count(True) for shown in result.renders)


def test_a_set_without_a_readable_row_is_counted_too(write: Write) -> None:
    result = stats.stats([write("a.jsonl", [b"{"])], Config())
    assert (result.rows, result.unreadable, result.tokens.total) == (0, 1, 0)
    assert "0 rows" in stats.as_text(result)
    assert json.loads(stats.as_json(result))["rows"] == 0


def test_explain_tells_turns_findings_and_who_points_at_the_row(write: Write) -> None:
    path = write("a.jsonl", [ROWS[0], ROWS[1], ROWS[0]])
    first, third = (explain.explain(path, line, Config()) for line in (1, 3))
    assert [(t.role, t.trained) for t in first.turns] == [("system", False), ("user", False), ("assistant", True)]
    assert [f.code for f in first.named_by] == ["DUP001"] == [f.code for f in third.findings]
    assert first.row == third.row
    assert "a.jsonl:1" in explain.as_text(third)
    assert json.loads(explain.as_json(third))["place"]["line"] == 3


def test_explain_shows_a_broken_line_as_it_is(write: Write) -> None:
    result = explain.explain(write("a.jsonl", [ROWS[0], b'{"messages": \x1b[31m']), 2, Config())
    assert result.shape == "unknown" and result.findings
    assert "\x1b" not in explain.as_text(result)


def test_explain_names_the_last_row_when_there_is_no_such_line(write: Write) -> None:
    with pytest.raises(UsageError, match="no row at line 9"):
        explain.explain(write("a.jsonl", ROWS), 9, Config())


class Page(HTMLParser):
    """The elements of a page, what they refer to, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.labels: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        self.labels += [value or "" for name, value in attrs if name == "aria-label"]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_of_counts_holds_its_plots_and_asks_for_nothing(write: Write) -> None:
    result = stats.stats([write("train.jsonl", ROWS), write("test.jsonl", ROWS[:1])], Config(), price=10)
    text = stats.as_html(result, "train.jsonl")
    page = Page(text)
    assert page.addresses == []
    assert not {"link", "img", "iframe", "object", "embed", "base"} & set(page.tags)
    assert "default-src 'none'" in text and "url(" not in text and "@import" not in text
    titles = ["Tokens a row", "Tokens an answer", "Tokens by role", "Rows by split", "Rows by shape"]
    assert [label.partition(".")[0] for label in page.labels if label != "Plots"] == titles
    for shown in ("train.jsonl", f"{result.tokens.total:,}", "Maximum length", "Cost", "answer tokens"):
        assert shown in page.text


def test_the_page_of_counts_shows_hostile_names_as_text(write: Write) -> None:
    result = stats.stats([write("<img src=x>.jsonl", ROWS), write("b.jsonl", ROWS)], Config())
    page = Page(stats.as_html(result, "<script>alert(1)</script>\x1b"))
    assert page.tags.count("script") == 1 and "img" not in page.tags
    assert "<script>alert(1)</script>␛" in page.text
    assert "<img src=x>" in page.text


def test_the_page_of_no_rows_is_a_page_too(write: Write) -> None:
    text = stats.as_html(stats.stats([write("a.jsonl", [b"{"])], Config()))
    assert "0 rows, 0 tokens" in text and "1 more could not be read" in text


# ---------------------------------------------------------------------- one count for all that tell of lengths

SAMPLES = Path(__file__).parents[1] / "samples"
SHARED = Path(__file__).parents[2] / "shared" / "data"
SETS = [
    SAMPLES / "faults.jsonl",
    SAMPLES / "preference.jsonl",
    SAMPLES / "sharegpt.jsonl",
    SAMPLES / "tools.jsonl",
    SHARED / "llamafactory" / "v1_dpo_demo.jsonl",
    SHARED / "openai_cookbook" / "toy_chat_fine_tuning.jsonl",
]


@pytest.mark.parametrize("template", ["chatml", "llama-3", "qwen3", "mistral-v3", "deepseek-r1", "vicuna"])
@pytest.mark.parametrize("tokenizer", ["cl100k_base", "estimate"])
@pytest.mark.parametrize("file", SETS, ids=lambda file: file.stem)
def test_stats_explain_and_lint_count_the_same_tokens(write: Write, file: Path, tokenizer: str, template: str) -> None:
    if not file.is_file():
        pytest.skip("the set is not on this machine")
    path = write("a.jsonl", file.read_bytes().splitlines()[:60])
    config = Config(template=template, tokenizer=tokenizer)
    counter = resolve(tokenizer)
    batch = Batch(path.read_bytes(), Reader(), counter, Literals.of(()))
    sums = {"tokens": 0, "trained": 0, "limit": 0}
    for index in batch.readable:
        shown = list(renders(batch.example(index), template, counter))
        shown = [side for side in shown if not side.error] or shown
        sums["tokens"] += max(side.tokens for side in shown)
        sums["trained"] += max(side.count(True) for side in shown)
        sums["limit"] += row_length(batch.example(index), counter, template)
    result = stats.stats([path], config)
    assert (result.tokens.total, result.trained) == (sums["tokens"], sums["trained"])
    assert sums["limit"] == sums["tokens"]


def test_a_text_that_the_template_trims_is_counted_trimmed(write: Write) -> None:
    said = "\n\n    " + "word " * 50 + "\n" * 40
    path = write("a.jsonl", [chat(user="Hi", assistant=said)])
    plain = write("b.jsonl", [chat(user="Hi", assistant=said.strip())])
    config = Config(template="llama-3", tokenizer="cl100k_base")
    assert stats.stats([path], config).tokens.total == stats.stats([plain], config).tokens.total


@given(st.text(max_size=60), st.lists(st.integers(0, 60), max_size=4))
@pytest.mark.parametrize("tokenizer", ["cl100k_base", "estimate"])
def test_each_token_begins_at_one_character(tokenizer: str, text: str, cuts: list[int]) -> None:
    control = re.compile(r"<\|[a-z_]+\|>")
    text = f"<|im_start|>{text}<|im_end|>\n"
    starts = token_starts(resolve(tokenizer), text, [min(cut, len(text)) for cut in cuts], control)
    assert [len(starts)] == count_rendered(resolve(tokenizer), [text], control)
    assert starts == sorted(starts) and 0 <= starts[0] <= starts[-1] < len(text)


def test_long_rows_are_counted_in_whole_numbers_apart_from_their_names(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(chat(user="Count.", assistant="a b " * 900_000)) + "\n")
    result = stats.stats([path], Config(cache=False))
    line = next(line for line in stats.as_text(result).splitlines() if line.startswith("answer tokens"))
    assert line.removeprefix("answer tokens ").split()[:6] == [f"{result.answer_tokens.most:,}"] * 6

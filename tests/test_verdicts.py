"""What can be told from scores before and after, and what a run tells of its rows."""

from __future__ import annotations

import json
import os
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curator.columns import content_id
from curator.training import metrics
from tests.conftest import Run


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


# ---------------------------------------------------------------------- verdicts


@pytest.mark.parametrize(
    ("shift", "noise", "count", "lower", "verdict"),
    [
        (-0.5, 0.1, 40, True, "better"),
        (0.5, 0.1, 40, True, "worse"),
        (0.5, 0.1, 40, False, "better"),
        (0.01, 1.0, 40, True, "cannot tell"),
        (-0.5, 0.1, 5, True, "cannot tell"),
        (0.0, 0.0, 40, True, "the same"),
        (0.0, 0.0, 3, False, "the same"),
    ],
)
def test_a_difference_is_real_where_its_interval_leaves_out_zero(
    shift: float, noise: float, count: int, lower: bool, verdict: str
) -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(2, 1, count)
    after = before + shift + noise * rng.normal(0, 1, count)
    found = metrics.compare("loss", list(before), list(after), lower_is_better=lower)
    assert found.verdict == verdict
    assert found.low <= found.difference <= found.high


def test_chance_alone_is_seldom_called_real() -> None:
    rng = np.random.default_rng(5)
    told = [
        metrics.compare("x", [0.0] * 30, list(rng.normal(0, 1, 30)), seed=n).verdict != "cannot tell"
        for n in range(200)
    ]
    assert sum(told) <= 24  # 5 % of 200 is 10


@pytest.mark.parametrize("rows", [6, 10, 20])
def test_few_rows_of_equal_models_are_seldom_told_apart(rows: int) -> None:
    rng = np.random.default_rng(7)
    losses = [metrics.compare("x", [0.0] * rows, list(rng.normal(0, 1, rows)), seed=n).verdict for n in range(300)]
    shares = [
        metrics.compare("x", list(rng.random(rows) < 0.3), list(rng.random(rows) < 0.3), seed=n).verdict
        for n in range(300)
    ]
    for told in (losses, shares):
        assert sum(verdict != "cannot tell" for verdict in told) <= 25  # 5 % of 300 is 15


def test_four_answers_that_changed_tell_nothing() -> None:
    before = [0.0] * 8
    assert metrics.compare("exact", before, [1.0] * 4 + [0.0] * 4).verdict == "cannot tell"
    assert metrics.compare("exact", before, [1.0] * 6 + [0.0] * 2).verdict == "better"


def compared(answered: int, tokens: int) -> Any:
    """Six rows of which some were answered alike twice, with so many tokens of 40 that were wanted."""
    from curator.training.evaluation import Comparison, Item, cuts, summary

    made = metrics.score("It is", "It is so", stopped=False, tokens=tokens, wanted_tokens=40, cut=tokens < 80)
    items = [Item("", "test.jsonl", n, "", 1.0, 40, 20, scores=made if n < answered else None) for n in range(6)]
    parts = (metrics.compare("loss", [1.0] * 3, [0.5] * 3), metrics.compare("stopped", [0.0] * 3, [0.0] * 3))
    whole = summary(items)
    return Comparison(
        base="a", tuned="b", split="test", verdict="cannot tell", inert=False, differences=parts, before=whole,
        after=whole, tags={}, items=(), probes=(), forgotten=0, drift=0.0, lost=(), won=(),
        notes=tuple(cuts(whole, whole)),
    )  # fmt: skip


def test_a_comparison_says_what_its_scores_rest_on() -> None:
    from curator.training.page import comparison_html, comparison_text

    shown = comparison_text(compared(3, 16))
    assert "6 rows (from exact match on of 3 answers alone)" in shown
    assert "--max-tokens 16 cut 3 of 3 and 3 of 3 answers" in shown and "cut at 16 tokens" in shown
    [stopped] = [line for line in shown.splitlines() if line.startswith("stops by itself")]
    assert stopped.split()[-7:] == ["equal", "on", "all", "3", "–", "the", "same"]
    [loss] = [line for line in shown.splitlines() if line.startswith("loss a token")]
    assert loss.split()[-4:] == ["–", "–", "cannot", "tell"]  # three that fell alike have no spread to judge by
    assert "of 3 answers alone" in comparison_html(compared(3, 16))
    whole = comparison_text(compared(6, 80))
    assert "alone" not in whole and "max-tokens" not in whole


def test_the_visible_effect_shrinks_with_the_rows() -> None:
    rng = np.random.default_rng(1)
    sizes = [metrics.compare("x", [0.0] * n, list(rng.normal(0, 1, n))).visible for n in (25, 100, 400)]
    assert sizes == sorted(sizes, reverse=True) and sizes[0] / sizes[2] == pytest.approx(4, rel=0.3)


def test_worse_anywhere_is_worse() -> None:
    better, worse = (metrics.compare("a", [1.0] * 9, [value] * 9, lower_is_better=True) for value in (0.5, 1.5))
    assert metrics.overall([better]) == "better"
    assert metrics.overall([better, worse]) == "worse"


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"a": 1}', True),
        ("[1]", True),
        ('```json\n{"a": 1}\n```', True),
        ("3", False),
        ('{"a": 1', False),
        ("", False),
    ],
)
def test_json_is_an_object_or_an_array(text: str, valid: bool) -> None:
    assert metrics.is_json(text) is valid


def test_scores_of_an_answer() -> None:
    found = metrics.score(" The  Rhine\n", "The Rhine", stopped=True, tokens=4, wanted_tokens=4)
    assert found.exact and found.json_valid is None
    if metrics.installed():
        assert found.rouge_l == found.chrf == 1.0
        assert metrics.rouge_l("the cat sat", "the cat ran") == pytest.approx(2 / 3)


@pytest.mark.skipif(not metrics.installed(), reason="the extra eval is not installed")
@pytest.mark.parametrize(
    ("wanted", "close"),
    [
        ("Привет, мир", "Привет, Рим"),
        ("どういたしまして。", "どうもありがとう。"),
        ("brødristeren på gulvet", "brødvognen på gulvet"),
        ("สวัสดีครับ", "สวัสดีค่ะ"),
        ("→ ✓", "→ ✗"),
    ],
)
def test_rouge_reads_every_script(wanted: str, close: str) -> None:
    assert metrics.rouge_l(wanted, wanted) == 1.0
    assert 0 < (metrics.rouge_l(close, wanted) or 0) < 1


@pytest.mark.skipif(not metrics.installed(), reason="the extra eval is not installed")
@pytest.mark.parametrize("text", ["The cat's 2 mats: 3.5 m, e-mail_me", "It isn't. A_b 10%!"])
def test_rouge_of_english_is_that_of_rouge_score(text: str) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    wanted = "The cat has 2 mats of 3.5 m; it isn't e-mail"
    assert metrics.rouge_l(text, wanted) == RougeScorer(["rougeL"]).score(wanted, text)["rougeL"].fmeasure


# ---------------------------------------------------------------------- facts of rows


ROWS = [chat(f"What is {n} plus {n}, please?", f"That makes {2 * n} in all.") for n in range(12)]


def facts(path: Path, gains: list[float]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "row": [content_id(row, b"").hex() for row in ROWS],
        "trained_tokens": [10] * len(ROWS),
        "loss_without_prompt": [4.0] * len(ROWS),
        "prompt_gain": gains,
    }
    pq.write_table(pa.table(columns), path / "row_facts.parquet")
    return path


def test_lint_reports_answers_that_gain_nothing_from_their_prompt(run: Run, write: Any, tmp_path: Path) -> None:
    data = write("data.jsonl", [*ROWS, chat("New?", "Unknown to the run.")])
    folder = tmp_path / "run"
    folder.mkdir()
    facts(folder, [20.0, -1.5, 20.0, 20.0, 1.9, 20.0, 2.1, 20.0, 20.0, 20.0, 20.0, 20.0])
    done = run("lint", data, "--facts", folder, "--select", "CON005", "--format", "jsonl", "--exit-zero")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert [(item["line"], item["evidence"]["gain"]) for item in found] == [(2, -1.5), (5, 1.9)]
    facts(folder, [20.0] * 12)
    assert not run("lint", data, "--facts", folder, "--select", "CON005", "--format", "jsonl").out
    wrong = run("lint", data, "--facts", tmp_path / "nowhere")
    assert wrong.status == 2 and "no facts of rows" in wrong.err
    assert "--facts" in run("lint", data).out.partition("rules that wait for")[2]


def test_answers_of_which_most_gain_nothing_are_one_finding(run: Run, write: Any, tmp_path: Path) -> None:
    data = write("data.jsonl", ROWS)
    folder = tmp_path / "run"
    folder.mkdir()
    facts(folder, [20.0, *[0.4] * 11])
    done = run("lint", data, "--facts", folder, "--select", "CON005", "--format", "jsonl", "--exit-zero")
    [found] = [json.loads(line) for line in done.out.splitlines()]
    assert found["line"] == 2
    assert "11 of 12 answers gain nothing" in found["message"] and "the model cannot read them" in found["message"]


def test_a_run_measures_every_row_before_and_after(tmp_path: Path, run: Run) -> None:
    if not all(map(util.find_spec, ("torch", "transformers", "peft", "accelerate"))):
        pytest.skip("needs the extra train")
    from curator.rowfacts import read_facts
    from tests.tiny import tiny_model

    model = tiny_model(tmp_path / "model")
    data = tmp_path / "data"
    data.mkdir()
    for name, rows in (("train", ROWS[:6]), ("valid", ROWS[6:])):
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = "--steps 12 --batch 3 --learning-rate 1e-2 --no-best --track none --waive all".split()
    done = run("train", "run", data, "--model", model, "--output", "out", *options, "--format", "json")
    assert done.status == 0, done.err
    found = read_facts("out")
    assert set(found["row"]) == {content_id(row, b"").hex() for row in ROWS}
    assert found["split"].count("train") == 6 and found["split"].count("valid") == len(ROWS) - 6
    train = [n for n, split in enumerate(found["split"]) if split == "train"]
    assert all(found["loss_after"][n] < found["loss_before"][n] for n in train)
    record = json.loads(done.out)
    metrics_of = record["metrics"]
    assert (record["rows_seen"], record["tokens_seen"]) == (36, 6 * record["data"]["train"]["trained_tokens"])
    assert metrics_of["train_loss_after"] < metrics_of["train_loss_before"]
    again = json.loads(run("eval", "out", "--split", "train", "--generate", 0, "--format", "json").out)
    assert again["splits"]["train"]["loss"] == pytest.approx(metrics_of["train_loss_after"], rel=1e-3)
    for weight in (tmp_path / "out" / "adapter").glob("adapter_model.safetensors"):
        inert(weight)
    same = json.loads(run("compare", model, "out", "--generate", 0, "--max-tokens", 2, "--format", "json").out)
    assert same["inert"] and same["verdict"] == "cannot tell"


def inert(weights: Path) -> None:
    """An adapter of zeros."""
    from safetensors.torch import load_file, save_file

    save_file({name: part * 0 for name, part in load_file(weights).items()}, weights, {"format": "pt"})


def test_a_split_becomes_a_task_for_lm_eval(tmp_path: Path, run: Run) -> None:
    if not all(map(util.find_spec, ("torch", "transformers", "peft", "accelerate"))):
        pytest.skip("needs the extra train")
    from tests.tiny import tiny_model

    model = tiny_model(tmp_path / "model")
    data = tmp_path / "data"
    data.mkdir()
    for name, rows in (("train", ROWS[:6]), ("test", ROWS[6:])):
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("eval", model, "--data", data, "--task", "task")
    assert done.out.startswith("lm_eval --model hf")
    task = json.loads((tmp_path / "task" / "curator_test.yaml").read_text())  # JSON is YAML
    rows = [json.loads(line) for line in (tmp_path / "task" / "curator_test.jsonl").read_text().splitlines()]
    assert task["generation_kwargs"]["until"] == ["<|im_end|>"]
    assert [row["answer"] for row in rows] == [row["messages"][1]["content"] for row in ROWS[6:]]
    assert all(row["prompt"].endswith("<|im_start|>assistant\n") for row in rows)


# ---------------------------------------------------------------------- lm-evaluation-harness


@pytest.fixture
def parrot(tmp_path: Path, run: Run) -> Path:
    """A run on one answer to every question, which is soon known by heart."""
    if not all(map(util.find_spec, ("torch", "transformers", "peft", "accelerate"))):
        pytest.skip("needs the extra train")
    from tests.tiny import tiny_model

    model, data = tiny_model(tmp_path / "model"), tmp_path / "data"
    data.mkdir()
    for name, numbers in (("train", range(16)), ("test", range(20, 24))):
        rows = [chat(f"What is {n}?", "I am fine.") for n in numbers]
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = "--steps 40 --batch 8 --learning-rate 1e-2 --track none --facts off --waive all".split()
    done = run("train", "run", data, "--model", model, "--output", "out", *options)
    assert done.status == 0, done.err
    return tmp_path / "out"


@pytest.mark.slow
def test_lm_eval_scores_the_written_task_as_eval_does(parrot: Path, run: Run, tmp_path: Path) -> None:
    if not os.environ.get("CURATOR_LM_EVAL") and util.find_spec("lm_eval") is None:
        pytest.skip("lm-eval is not installed: name a Python that has it with CURATOR_LM_EVAL")
    from curator.training.benchmarking import benchmark

    ours = json.loads(run("eval", parrot, "--format", "json").out)["splits"]["test"]["exact"]
    assert run("eval", parrot, "--task", "task").status == 0
    assert (
        ours
        == 1.0
        == benchmark(str(parrot), ["curator_test"], include=tmp_path / "task")["curator_test"]["exact_match"]
    )
    refused = run("eval", parrot, "--benchmark", "arc", "--limit", 2)
    assert refused.status in (0, 2) and (refused.status == 0 or "lm-eval could not run arc_challenge" in refused.err)


def test_without_lm_eval_a_benchmark_says_how_to_get_it(tmp_path: Path, run: Run, monkeypatch: Any) -> None:
    if util.find_spec("lm_eval") or not util.find_spec("transformers"):
        pytest.skip("lm-eval is installed, or the extra train is not")
    from tests.tiny import tiny_model

    monkeypatch.delenv("CURATOR_LM_EVAL", raising=False)
    done = run("eval", tiny_model(tmp_path / "model"), "--benchmark", "arc")
    assert done.status == 2 and "pip install lm-eval" in done.err and "CURATOR_LM_EVAL" in done.err

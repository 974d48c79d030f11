"""What a training run made of the rows: never learnt, by heart, known before; and how well those of each rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from curator.columns import content_id
from curator.model import Place
from curator.review import boards
from curator.training import lessons
from tests.conftest import Run

HARD, EASY = 4.0, 0.1


def chat(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


ROWS = [chat(f"What is {n} plus {n}, please?", f"That makes {2 * n} in all.") for n in range(40)]


def measured(before: list[float], after: list[float], kinds: list[str], held: int = 0) -> lessons.Measured:
    """Rows of ten trained tokens, the last `held` of them held out."""
    count = len(before)
    columns = {
        "row": [content_id(row, b"").hex() for row in ROWS[:count]],
        "split": ["train"] * (count - held) + ["valid"] * held,
        "trained_tokens": [10] * count,
        "loss_before": before,
        "loss_after": after,
        "learnt": kinds,
    }
    found = lessons.measured(columns)
    assert found is not None
    return found


def test_a_row_is_learnt_by_heart_where_held_out_rows_as_hard_were_not() -> None:
    before, after = [HARD] * 20, [EASY] * 12 + [HARD] * 8
    found = measured(before, after, ["learnt"] * 12 + ["never"] * 8, held=8)
    assert found.kinds == ["by heart"] * 12 + ["never"] * 8
    found = measured(before, [EASY] * 20, ["learnt"] * 20, held=8)
    assert found.kinds == ["learnt"] * 20
    found = measured(before[:19], after[:19], ["learnt"] * 12 + ["never"] * 7, held=7)
    assert found.kinds[:12] == ["learnt"] * 12, "seven held-out rows tell nothing"


def test_rows_are_looked_at_beside_those_that_were_as_hard() -> None:
    """Hard held-out rows were not learnt, easier ones were: only the hard trained rows are known by heart."""
    before = [4.0] * 3 + [1.0] * 3 + [4.0] * 8 + [1.0] * 8
    kinds = ["learnt"] * 6 + ["never"] * 8 + ["learnt"] * 8
    found = measured(before, before, kinds, held=16)
    assert found.kinds[:6] == ["by heart"] * 3 + ["learnt"] * 3


def test_facts_without_losses_after_a_run_tell_nothing() -> None:
    assert lessons.measured({"row": ["00"], "prompt_gain": [1.0]}) is None
    assert lessons.measured({"row": []}) is None


def joined(left: dict[int, float], found: dict[str, set[int]], count: int = 40) -> Any:
    """Forty trained rows of which training left a tenth of the loss, or what is said."""
    after = [HARD * left.get(n, 0.1) for n in range(count)]
    facts = measured([HARD] * count, after, ["learnt"] * count)
    places = {row: Place("train.jsonl", n + 1) for n, row in enumerate(facts.rows)}
    return lessons.joined(
        "run", facts, places, {code: {facts.rows[n] for n in rows} for code, rows in found.items()}, {"AAA001": "bad"}
    )


def test_a_rule_whose_rows_were_learnt_worse_is_told_with_an_interval() -> None:
    bad = set(range(10))
    rng = np.random.default_rng(1)
    made = joined({n: float(share) for n, share in enumerate(rng.uniform(0.5, 0.9, 10))}, {"AAA001": bad})
    [rule] = made.rules
    assert (rule.code, rule.name, rule.rows, rule.verdict) == ("AAA001", "bad", 10, "worse")
    assert rule.others == pytest.approx(0.1) and 0.5 < rule.left < 0.9
    assert 0 < rule.low < rule.left - rule.others < rule.high


def test_rows_of_a_rule_like_all_others_and_too_few_rows_tell_nothing() -> None:
    rng = np.random.default_rng(2)
    shares = {n: float(share) for n, share in enumerate(rng.uniform(0.05, 0.9, 40))}
    made = joined(shares, {"AAA001": set(range(0, 40, 2)), "BBB001": {1, 2, 3, 4, 5}, "CCC001": set(range(40))})
    assert [(rule.code, rule.verdict) for rule in made.rules] == [("AAA001", "cannot tell")]


def test_the_interval_covers_what_it_says() -> None:
    """Rows of a rule drawn as the others are: worse or better is said in about one of twenty draws."""
    wrong = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        left = lessons._Left(np.full(60, 4.0), rng.uniform(0, 4, 60))
        lesson = left.of("AAA001", "", np.arange(60) < 25)
        assert lesson is not None
        wrong += lesson.verdict != "cannot tell"
    assert wrong <= 12


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    """Eight rows whose answers are empty were learnt badly, two were never learnt, two were known."""
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    rows = [
        chat(
            f"Question number {n}?",
            f"Number {n} stays valid for one hour, then hold in the" if n < 8 else f"The answer is {n}.",
        )
        for n in range(30)
    ]
    (tmp_path / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*rows, chat("New?", "Yes, new.")]))
    left = [0.5] * 8 + [1.0, 0.95] + [0.1] * 20
    kinds = ["learnt"] * 8 + ["never"] * 2 + ["known"] * 2 + ["learnt"] * 18
    columns = {
        "row": [content_id(row, b"").hex() for row in rows], "split": ["train"] * 30, "trained_tokens": [8] * 30,
        "loss_before": [HARD] * 30, "loss_after": [HARD * share for share in left], "learnt": kinds,
        "loss_without_prompt": [6.0] * 30, "prompt_gain": [16.0] * 30,
    }  # fmt: skip
    (tmp_path / "run").mkdir()
    pq.write_table(pa.table(columns), tmp_path / "run" / "row_facts.parquet")
    return tmp_path


def test_lint_tells_what_training_made_of_the_rows(facts: Path, run: Run) -> None:
    done = run("lint", facts / "train.jsonl", "--facts", facts / "run", "--exit-zero")
    assert not done.err
    assert "measured 30 rows; 1 row not" in done.out
    [never] = [line for line in done.out.splitlines() if "never learnt" in line]
    assert never.split()[:3] == ["never", "learnt", "2"] and "train.jsonl:9, " in never and "train.jsonl:10" in never
    assert "known before" in done.out and "train.jsonl:11" in done.out
    [rule] = [line for line in done.out.splitlines() if line.startswith("  ANS005 ")]
    assert "8 rows" in rule and rule.endswith("worse learnt")
    lint = ("lint", facts / "train.jsonl", "--facts", facts / "run", "--exit-zero", "--format")
    told = json.loads(run(*lint, "json").out)
    assert told["lessons"]["counts"] == {"never": 2, "by heart": 0, "known": 2, "learnt": 26}
    page = run(*lint, "html").out
    assert "What training made of the rows" in page and "worse learnt" in page
    assert "lessons" not in json.loads(run("lint", facts / "train.jsonl", "--exit-zero", "--format", "json").out)


def test_the_review_app_shows_it(facts: Path) -> None:
    from curator.config import load_config
    from curator.review import index
    from curator.review.index import Summary

    config = load_config(facts / "train.jsonl", None, {"facts": str(facts / "run")})
    index.build([facts / "train.jsonl"], config, facts / "findings.db")
    import sqlite3

    import msgspec

    with sqlite3.connect(facts / "findings.db") as db:
        body = db.execute("SELECT value FROM meta WHERE key = 'summary'").fetchone()[0]
    found = msgspec.json.decode(body, type=Summary).lessons
    assert found is not None
    bars = boards.learnt(found)
    assert [item["value"] for item in bars["items"]] == ["2", "0", "2", "26"]
    assert bars["items"][0]["label"] == "never learnt (lines 9, 10)"
    items = {item["code"]: item for item in boards.learnt_by_rule(found)["items"]}
    assert items["ANS005"]["text"].endswith("worse learnt") and items["ANS005"]["go"]["query"] == {"rule": "ANS005"}
    assert 0 <= items["ANS005"]["low"] <= items["ANS005"]["high"] <= 1

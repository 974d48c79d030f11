"""How well CON005 finds answers that belong to another row: 24 answers swapped among 240 rows, three draws.

    python tests/quality/swapped.py [--seeds 3] [--rows 240] [--swapped 24]

The rows are real (Alpaca's), the model is the demo model as it comes. Printed: AUROC of the rank by
the gain of the prompt, and what the rule flags.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from pathlib import Path

import numpy as np

from curator.checks.foreign_answers import AnswerOfAnotherRow
from curator.config import load_config
from curator.recipe import Recipe
from curator.sources import open_sources
from curator.training import facts, loop
from curator.training.models import hush, locate
from curator.training.prepared import prepare

SOURCE = Path(__file__).parents[3] / "shared" / "data" / "llamafactory" / "alpaca_en_demo.json"


def swapped(seed: int, rows: int, count: int) -> tuple[list[dict[str, object]], set[int]]:
    """(rows, the places of those whose answer belongs to another): answers handed on in a circle."""
    rng = random.Random(seed)
    every = [row for row in json.loads(SOURCE.read_text("utf-8")) if 20 < len(row["output"]) < 400]
    drawn = rng.sample(every, rows)
    asked = [f"{row['instruction']}\n{row['input']}".strip() for row in drawn]
    answers = [row["output"] for row in drawn]
    wrong = rng.sample(range(rows), count)
    for place, other in zip(wrong, wrong[1:] + wrong[:1], strict=True):
        answers[place] = drawn[other]["output"]
    made = [
        {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}
        for question, answer in zip(asked, answers, strict=True)
    ]
    return made, set(wrong)


def auroc(score: np.ndarray, wrong: set[int]) -> float:
    """The share of (wrong, right) pairs in which the wrong row has the lower score."""
    bad = np.array([n in wrong for n in range(len(score))])
    order = score.argsort(kind="stable").argsort(kind="stable")
    return float(1 - (order[bad].sum() - bad.sum() * (bad.sum() - 1) / 2) / (bad.sum() * (~bad).sum()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=240)
    parser.add_argument("--swapped", type=int, default=24)
    asked = parser.parse_args()
    hush()
    base, recipe = locate("demo"), Recipe()
    model = loop.load_model(base.path, recipe, "cpu", "fp32").eval()
    worst = 1.0
    for seed in range(asked.seeds):
        rows, wrong = swapped(seed, asked.rows, asked.swapped)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "train.jsonl")
            file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            with open_sources([file]) as sources:
                found = prepare(list(sources), load_config(file), recipe, base.path, Path(base.path), 2048).splits[
                    "train"
                ]
            given, bare = (facts.row_losses(model, found, recipe, bare=alone) for alone in (False, True))
        gain = (bare - given) * found.trained
        flagged = set(np.flatnonzero((gain <= AnswerOfAnotherRow().max_gain) & (bare * found.trained >= 20)).tolist())
        worst = min(worst, auroc(gain, wrong))
        others = f"by the loss alone {auroc(-given, wrong):.3f}"
        print(
            f"seed {seed}: AUROC {auroc(gain, wrong):.3f} ({others}); flagged {len(flagged & wrong)} of {len(wrong)}, "
            f"{len(flagged - wrong)} of {asked.rows - len(wrong)} others",
            flush=True,
        )
    print(f"least AUROC {worst:.3f}")
    return 0 if worst >= 0.95 else 1


if __name__ == "__main__":
    sys.exit(main())

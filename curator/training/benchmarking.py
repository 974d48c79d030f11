"""Benchmarks of general ability, by lm-evaluation-harness: what a tuned model has lost shows there too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import util
from pathlib import Path

from curator.errors import MissingExtraError, UsageError
from curator.scratch import Scratch
from curator.training.answering import find

# What people call them, and the tasks of lm-evaluation-harness.
TASKS = {
    "arc": "arc_challenge",
    "hellaswag": "hellaswag",
    "mmlu": "mmlu",
    "truthfulqa": "truthfulqa_mc2",
}
INTERPRETER = "CURATOR_LM_EVAL"  # names a Python in which lm-eval is installed, where this one has it not
Scores = dict[str, dict[str, float]]


def benchmark(name: str, wanted: Sequence[str], limit: int | None = None, include: Path | None = None) -> Scores:
    """The scores of a model or run by task and metric; `limit` questions of each task, else all.

    `include` is a folder of tasks of one's own. The model is run by lm-eval in a process of its own.

    Raises:
        MissingExtraError: lm-eval is not installed.
        UsageError: the model is not there, or the data of a benchmark are neither here nor to be had.
    """
    run, base, home = find(name)
    python = os.environ.get(INTERPRETER) or sys.executable
    if python == sys.executable and util.find_spec("lm_eval") is None:
        error = MissingExtraError("benchmarks", "eval")
        error.what = "benchmarks need lm-eval, which is not installed"
        error.args, error.hint = (error.what,), f"pip install lm-eval, or name a Python that has it: {INTERPRETER}=…"
        raise error
    model = f"pretrained={(home / run.model).resolve() if run and run.model else base.path}"
    if run and run.adapter:
        model += f",peft={(home / run.adapter).resolve()}"
    tasks = ",".join(TASKS.get(task, task) for task in wanted)
    with Scratch("benchmark") as folder:
        command = [python, "-m", "lm_eval", "--model", "hf", "--model_args", model, "--tasks", tasks,
                   "--output_path", folder]  # fmt: skip
        command += ["--limit", str(limit)] if limit else []
        command += ["--include_path", str(include)] if include else []
        done = subprocess.run(command, capture_output=True, encoding="utf-8", errors="replace", check=False)
        found = sorted(Path(folder).rglob("results_*.json"))
        if done.returncode or not found:
            said = next((line.strip() for line in reversed(done.stderr.splitlines()) if line.strip()), "no results")
            hint = "its data come from the hub: run it once with a network, they stay in the cache of `datasets`"
            raise UsageError(f"lm-eval could not run {tasks}: {said[:200]}", where=name, hint=hint)
        results = json.loads(found[-1].read_text("utf-8"))["results"]
    return {task: _numbers(values) for task, values in results.items()}


def _numbers(values: dict[str, object]) -> dict[str, float]:
    """The metrics of a task without their filters: "acc,none" is acc."""
    return {
        key.partition(",")[0]: float(value)
        for key, value in values.items()
        if isinstance(value, (int, float)) and "," in key
    }


def as_text(name: str, scores: Scores) -> str:
    lines = [f"{name}, by lm-evaluation-harness"]
    for task, values in scores.items():
        for metric, value in values.items():
            if not metric.endswith("_stderr"):
                error = values.get(f"{metric}_stderr")
                lines.append(f"  {task:<28} {metric:<12} {value:>8.4f}" + (f" ± {error:.4f}" if error else ""))
    return "\n".join(lines) + "\n"

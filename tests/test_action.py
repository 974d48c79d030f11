"""The GitHub action and the example workflow: valid by GitHub's schemas, and the scripts do what they say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT

ACTION = ROOT / "action.yml"
WORKFLOW = ROOT / "samples" / "github" / "curator.yml"
EMPTY = {"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": ""}]}


@pytest.mark.parametrize(("file", "schema"), [(ACTION, "github-actions"), (WORKFLOW, "github-workflows")])
def test_the_files_are_what_github_reads(file: Path, schema: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def steps() -> dict[str, dict[str, Any]]:
    return {step.get("name", ""): step for step in yaml.safe_load(ACTION.read_text("utf-8"))["runs"]["steps"]}


def test_the_workflow_gives_the_action_what_it_takes() -> None:
    action = yaml.safe_load(ACTION.read_text("utf-8"))
    job = yaml.safe_load(WORKFLOW.read_text("utf-8"))["jobs"]["curator"]["steps"]
    (used,) = (step for step in job if "/curator@" in step.get("uses", ""))
    assert used["with"].keys() <= action["inputs"].keys()
    required = {name for name, given in action["inputs"].items() if given.get("required")}
    assert required <= used["with"].keys()
    read = re.findall(r"steps\.curator\.outputs\.(\w+)", WORKFLOW.read_text("utf-8"))
    assert set(read) <= action["outputs"].keys()


def test_no_input_is_pasted_into_a_script() -> None:
    """What a pull request names reaches the shell as a variable, never as code."""
    assert not [name for name, step in steps().items() if "${{" in step.get("run", "")]


def lint(
    folder: Path, paths: str, args: str = "", fail_on: str = "error"
) -> tuple[subprocess.CompletedProcess[str], str]:
    """Run the script of the step as GitHub does; what it printed, and its outputs."""
    step = steps()["Lint"]
    (folder / "bin").mkdir(exist_ok=True)
    stub = folder / "bin" / "curator"
    stub.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m curator "$@"\n')
    stub.chmod(0o755)
    given = {"PATHS": paths, "ARGS": args, "FAIL_ON": fail_on, "SARIF": "found.sarif"}
    assert given.keys() == step["env"].keys()
    outputs = folder / "outputs"
    outputs.write_text("")
    env = {**os.environ, **given, "GITHUB_OUTPUT": str(outputs), "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=False)
    return done, outputs.read_text()


def test_the_action_lints_annotates_and_writes_sarif(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    (folder / "x.jsonl").write_text(json.dumps(EMPTY) + "\n")
    done, outputs = lint(tmp_path, "a b/x.jsonl\n", "--select=ROL007\n--max-length=9")
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::error file=a b/x.jsonl,line=1")
    assert outputs == "sarif=found.sarif\nstatus=1\n"
    sarif = json.loads((tmp_path / "found.sarif").read_text())
    assert [result["ruleId"] for result in sarif["runs"][0]["results"]] == ["ROL007"]
    assert lint(tmp_path, "a b/x.jsonl\n", "--select=ROL007", fail_on="never")[0].returncode == 0


def test_a_path_that_looks_like_an_option_or_a_command_is_a_path(tmp_path: Path) -> None:
    done, outputs = lint(tmp_path, "--exit-zero\n$(touch pwned)\n")
    assert done.returncode == 2
    assert "--exit-zero: no such file" in done.stderr
    assert not (tmp_path / "pwned").exists()
    assert outputs == ""

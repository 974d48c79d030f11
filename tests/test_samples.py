"""Every file in `samples/` through the real command line: what is found, and what a fix leaves alone.

`UPDATE_GOLDEN=1 pytest tests/test_samples.py` writes the expected findings anew.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

GOLDEN = ROOT / "tests" / "golden" / "samples"
SAMPLES = sorted(path for path in (ROOT / "samples").iterdir() if path.is_file() and path.name != "README.md")
CLEAN = ["alpaca.json", "faults.jsonl", "sharegpt.jsonl", "sop.jsonl", "support-clean.jsonl", "tools-clean.jsonl"]
DIRTY = [path.name for path in SAMPLES if path.name not in CLEAN]
RAW_BREAKS = "sop-raw-breaks.jsonl"


def curator(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it, without colours and with nothing on standard input."""
    command = [sys.executable, "-m", "curator", *words]
    return subprocess.run(
        command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False
    )


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Path]:
    """A folder of its own for samples that are mended."""
    folder = tmp_path / "samples"
    shutil.copytree(ROOT / "samples", folder, ignore=shutil.ignore_patterns(".curator"))
    yield folder


def findings(path: Path) -> list[dict[str, object]]:
    done = curator("lint", path.name, "--format", "jsonl", "--no-cache", cwd=path.parent)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


# ---------------------------------------------------------------------- what is found


@pytest.mark.parametrize("name", [path.name for path in SAMPLES])
def test_a_sample_has_the_findings_that_are_written_down(name: str) -> None:
    done = curator("lint", f"samples/{name}", "--format", "concise", "--no-cache")
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(done.stdout, encoding="utf-8")
    assert done.stdout == golden.read_text(encoding="utf-8")


def test_each_expectation_is_about_a_sample() -> None:
    assert {path.name.removesuffix(".txt") for path in GOLDEN.iterdir()} == {path.name for path in SAMPLES}


@pytest.mark.parametrize("name", CLEAN)
def test_a_clean_sample_is_silent(name: str) -> None:
    done = curator("lint", f"samples/{name}", "--no-cache", "--fail-on", "info")
    assert done.returncode == 0, done.stdout
    assert findings(ROOT / "samples" / name) == []


@pytest.mark.parametrize("name", DIRTY)
def test_a_dirty_sample_is_not(name: str) -> None:
    assert curator("lint", f"samples/{name}", "--no-cache").returncode == 1


def test_odd_columns_are_read_once_they_are_named(copy: Path) -> None:
    words = ("lint", "tickets.csv", "--map", "customer_question=user,agent_reply=assistant")
    assert curator(*words, cwd=copy).returncode == 0
    assert curator("lint", "tickets.csv", cwd=copy).returncode == 0, "the map is remembered in curator.toml"


def test_samples_readme_names_every_sample() -> None:
    text = (ROOT / "samples" / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in SAMPLES if f"`{path.name}`" not in text] == []


# ---------------------------------------------------------------------- what a fix does


@pytest.mark.parametrize("name", DIRTY)
@pytest.mark.parametrize("options", [("--fix",), ("--fix", "--unsafe-fixes")], ids=["safe", "unsafe"])
def test_fixing_twice_is_fixing_once(copy: Path, name: str, options: tuple[str, ...]) -> None:
    path = copy / name
    first = curator("lint", name, *options, "--no-cache", cwd=copy)
    assert first.returncode in (0, 1), first.stderr
    mended = path.read_bytes()
    again = curator("lint", name, *options, "--no-cache", cwd=copy)
    assert again.returncode == first.returncode, again.stderr
    assert path.read_bytes() == mended


@pytest.mark.parametrize("name", DIRTY)
def test_lines_without_a_safe_fix_stay_as_they_are(copy: Path, name: str) -> None:
    path = copy / name
    before = path.read_bytes().splitlines(keepends=True)
    mended = {finding["line"] for finding in findings(path) if finding["fix"] == "safe"}
    curator("lint", name, "--fix", "--no-cache", cwd=copy)
    rest = iter(path.read_bytes().splitlines(keepends=True))
    untouched = [line for number, line in enumerate(before, 1) if number not in mended]
    assert [line for line in untouched if line not in rest] == []


def test_what_is_mended_safely_is_gone(copy: Path) -> None:
    path = copy / "support.jsonl"
    left = [finding for finding in findings(path) if finding["fix"] != "safe"]
    curator("lint", path.name, "--fix", "--no-cache", cwd=copy)
    assert [finding["code"] for finding in findings(path)] == [finding["code"] for finding in left]


# ---------------------------------------------------------------------- a row written by hand over several lines


def test_raw_line_breaks_are_one_fault_with_its_cause() -> None:
    """The lines that the row goes on over are accounted for, and point to the one that holds the cause."""
    first, *rest = findings(ROOT / "samples" / RAW_BREAKS)
    assert (first["line"], first["code"], first["fix"]) == (1, "FIL001", "unsafe")
    assert str(first["message"]).startswith("a raw line break inside a string, where JSON wants \\n")
    assert {finding["code"] for finding in rest} <= {"FIL001"}
    assert all(str(finding["message"]).startswith("goes on with the row begun") for finding in rest)
    assert not any(finding["fix"] for finding in rest)


def test_the_mend_of_raw_line_breaks_is_the_row_that_was_meant(copy: Path) -> None:
    curator("lint", RAW_BREAKS, "--fix", "--unsafe-fixes", "--no-cache", cwd=copy)
    mended = [json.loads(line) for line in (copy / RAW_BREAKS).read_text(encoding="utf-8").splitlines()]
    assert mended == [json.loads((copy / "sop.jsonl").read_text(encoding="utf-8"))]


def test_raw_line_breaks_are_mended_if_one_agrees(copy: Path) -> None:
    shown = curator("lint", RAW_BREAKS, "--diff", "--unsafe-fixes", cwd=copy)
    assert "FIL001 invalid-json: write the row on one line (unsafe)" in shown.stdout
    curator("lint", RAW_BREAKS, "--fix", "--unsafe-fixes", "--no-cache", cwd=copy)
    mended = [json.loads(line) for line in (copy / RAW_BREAKS).read_text(encoding="utf-8").splitlines()]
    meant = json.loads((copy / "sop.jsonl").read_text(encoding="utf-8"))
    assert [_words(row) for row in mended] == [_words(meant)]
    assert findings(copy / RAW_BREAKS) == []


def _words(row: dict[str, list[dict[str, str]]]) -> list[list[str]]:
    return [turn["content"].split() for turn in row["messages"]]


def test_without_consent_raw_line_breaks_stay(copy: Path) -> None:
    before = (copy / RAW_BREAKS).read_bytes()
    assert curator("lint", RAW_BREAKS, "--fix", "--no-cache", cwd=copy).returncode == 1
    assert (copy / RAW_BREAKS).read_bytes() == before

"""Odd names, odd characters and odd outputs get a finding or a clear error."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest

from tests.conftest import Run

ROW = json.dumps({"messages": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "So, by hand."}]})


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_half_a_surrogate_pair_in_a_key_is_a_finding(run: Run, tmp_path: Path, form: str) -> None:
    (tmp_path / "a.jsonl").write_text(f'{ROW}\n{{"mess\\ud800ages": []}}\n')
    done = run("lint", "a.jsonl", "--format", form)
    assert done.status == 1
    assert "SCH" in done.out


def test_rules_on_phrases_read_half_a_surrogate_pair(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(ROW.replace("So,", "As an AI language model \\ud800 I cannot,") + "\n")
    assert run("lint", "a.jsonl", "--profile", "strict", "--preview", "--no-cache").status == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
def test_a_file_whose_name_is_no_utf8_is_linted(run: Run, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.jsonl")).write_text(ROW + "\n")
    assert run("lint", os.fsdecode(b"bad\xff.jsonl")).status == 0


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_is_read_once(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(ROW + "\n",))
    writer.start()
    done = run("lint", "pipe")
    writer.join()
    assert (done.status, done.err) == (0, "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_clean_does_not_put_a_file_in_the_place_of_a_pipe_or_device(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.jsonl").write_text(ROW + "\n")
    done = run("clean", "a.jsonl", "-o", "pipe")
    assert done.status == 2
    assert "no regular file" in done.err
    assert (tmp_path / "pipe").is_fifo()


def test_standard_input_that_is_closed_is_said_to_be(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    done = run("lint", "-")
    assert done.status == 2
    assert "standard input is closed" in done.err


def test_a_line_too_heavy_to_be_a_row_is_reported_and_the_others_are_judged(run: Run, tmp_path: Path) -> None:
    row = '{"messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": "%s"}]}\n'
    path = tmp_path / "heavy.jsonl"
    path.write_text(row % "It is said." + row % ("a river of words " * 2_000_000) + row % "")
    done = run("lint", path, "--format", "json")
    report = json.loads(done.out)
    assert [(f["code"], f["line"]) for f in report["findings"]] == [("FIL001", 2), ("ROL007", 3)]
    assert "a line of 34.0 MB: no model takes a row over 32 MB" in report["findings"][0]["message"]
    assert report["summary"]["rows"] == 2 and report["summary"]["broken"] == 1

"""What would destroy data, or quietly do nothing, is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curator.rule import chat

Write = Callable[..., Path]
ROWS = [chat(user=f"How high is peak {n}?", assistant=f"Peak {n} rises {700 + n} metres.") for n in range(12)]


@pytest.mark.parametrize("option", ["--output", "--write-baseline"])
def test_a_report_is_never_written_over_the_data(write: Write, run: Callable[..., Any], option: str) -> None:
    path = write("data.jsonl", ROWS)
    before = path.read_bytes()
    done = run("lint", path, option, path)
    assert done.status == 2 and "overwrite the data" in done.err
    assert path.read_bytes() == before


def test_prepare_never_writes_over_what_it_reads(write: Write, run: Callable[..., Any]) -> None:
    path = write("own/train.jsonl", ROWS)
    before = path.read_bytes()
    done = run("prepare", path.parent, "-o", path.parent, "--force")
    assert done.status == 2 and "overwrite the data" in done.err
    assert path.read_bytes() == before


def test_a_key_that_no_row_has_cannot_group(write: Write, run: Callable[..., Any], tmp_path: Path) -> None:
    done = run("split", write("data.jsonl", ROWS), "--group-by", "custommer", "-o", tmp_path / "out")
    assert done.status == 2 and "no row says its custommer" in done.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["--template", "--model", "--target", "--modelfile"])
def test_an_empty_name_is_no_name(write: Write, run: Callable[..., Any], option: str) -> None:
    assert "it is empty" in run("lint", write("data.jsonl", ROWS), option, "").err


def test_a_column_has_one_role(write: Write, run: Callable[..., Any]) -> None:
    done = run("lint", write("data.jsonl", ROWS), "--map", "q=user,q=assistant")
    assert done.status == 2 and "two roles" in done.err


def test_a_number_that_a_double_cannot_hold_is_a_loss(write: Write, run: Callable[..., Any], tmp_path: Path) -> None:
    line = b'{"messages": [{"role": "user", "content": "n"}, {"role": "assistant", "content": "m"}], "z": 0.%s}'
    exact, rounded = write("a.jsonl", [line % b"125"]), write("b.jsonl", [line % (b"1234567890" * 3)])
    assert run("convert", exact, "--to", "sharegpt", "-o", tmp_path / "x.jsonl").status == 0
    done = run("convert", rounded, "--to", "sharegpt", "-o", tmp_path / "y.jsonl")
    assert done.status == 1 and "digits of a number" in done.out + done.err


def test_a_file_that_cannot_be_mended_in_place_is_no_success(tmp_path: Path, run: Callable[..., Any]) -> None:
    file = tmp_path / "rows.json"
    file.write_text(
        json.dumps([chat(user="Where is it?", assistant="It isnâ€™t here, it is below the mat of the door.")])
    )
    done = run("lint", file, "--fix")
    assert done.status == 2 and "not mended" in done.err and "curator clean" in done.err
    assert run("lint", file, "--fix", "--exit-zero").status == 0

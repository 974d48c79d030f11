"""Odd names, odd characters and odd outputs get a finding or a clear error."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from curator.sources import records, tables
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


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such a name")
@pytest.mark.parametrize("verb", ["split", "prepare", "handoff"])
def test_the_record_of_a_set_whose_name_is_no_utf8_is_written(run: Run, tmp_path: Path, verb: str) -> None:
    data, out = os.fsdecode(b"bad\xff.jsonl"), os.fsdecode(b"out\xff")
    (tmp_path / data).write_text("".join(ROW.replace("How?", f"How {n}?") + "\n" for n in range(30)))
    options = ["axolotl", data, "--model", "a/b"] if verb == "handoff" else [data]
    assert run(verb, *options, "-o", out).status == 0
    record = {"split": "split.json", "prepare": "prepare.json", "handoff": "handoff.json"}[verb]
    assert json.loads((tmp_path / out / record).read_text("utf-8"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_is_read_once(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(ROW + "\n",))
    writer.start()
    done = run("lint", "pipe")
    writer.join()
    assert (done.status, done.err) == (0, "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_a_named_pipe_that_keeps_waiting_is_told(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curator.sources.opened._PATIENCE", 0.05)
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Timer(0.3, (tmp_path / "pipe").write_text, args=(ROW + "\n",))
    writer.start()
    done = run("lint", "pipe")
    writer.join()
    assert (done.status, done.err) == (0, "waiting for pipe: a pipe that nobody has written to its end yet\n")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_clean_does_not_put_a_file_in_the_place_of_a_pipe_or_device(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.jsonl").write_text(ROW + "\n")
    done = run("clean", "a.jsonl", "-o", "pipe")
    assert done.status == 2
    assert "no regular file" in done.err
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_what_is_read_once_is_not_watched(run: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, why in (("pipe", "pipe is read once"), ("s3://a/b.jsonl", "s3://a/b.jsonl is none of this machine")):
        done = run("lint", path, "--watch")
        assert done.status == 2
        assert f"--watch waits for files to change, and {why}" in done.err


class EndlessRows:
    """A stream of rows that nobody ends; `free` tells the room on the disk by what was read of it."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int) -> bytes:
        self.given += size
        return (ROW + "\n").encode() * (size // len(ROW) + 1)

    def free(self, folder: Path) -> Any:
        return SimpleNamespace(total=10**10, free=230_000_000 - self.given)


def test_a_stream_without_end_leaves_room_on_the_disk(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stream = EndlessRows()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stream))
    monkeypatch.setattr("curator.sources.opened.shutil.disk_usage", stream.free)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = run("lint", "-")
    assert done.status == 2
    assert "no room for a plain copy of the data" in done.err
    assert stream.given < 60_000_000
    assert not list(tmp_path.glob("curator-*"))


def test_standard_input_that_is_closed_is_said_to_be(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    done = run("lint", "-")
    assert done.status == 2
    assert "standard input is closed" in done.err


def test_standard_output_that_is_closed_is_said_to_be(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text(ROW + "\n")
    for format in ("text", "json"):
        monkeypatch.setattr(sys, "stdout", None)
        done = run("lint", "a.jsonl", "--format", format)
        assert (done.status, done.err.splitlines()[0]) == (2, "error: standard output is closed")
    monkeypatch.setattr(sys, "stdout", None)
    done = run("lint", "a.jsonl", "--format", "jsonl", "--output", "told.jsonl")
    assert (done.status, done.err) == (0, "")
    assert (tmp_path / "told.jsonl").exists()


def test_a_line_too_heavy_to_be_a_row_is_reported_and_the_others_are_judged(run: Run, tmp_path: Path) -> None:
    row = '{"messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": "%s"}]}\n'
    path = tmp_path / "heavy.jsonl"
    path.write_text(row % "It is said." + row % ("a river of words " * 2_000_000) + row % "")
    done = run("lint", path, "--format", "json")
    report = json.loads(done.out)
    assert [(f["code"], f["line"]) for f in report["findings"]] == [("FIL001", 2), ("ROL007", 3)]
    assert (
        "a line of 34.0 MB: over 4 MB of text, or 20 MB with pictures, or 250,000 objects and lists, no row is judged"
        in report["findings"][0]["message"]
    )
    assert report["summary"]["rows"] == 2 and report["summary"]["broken"] == 1


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n"])
def test_a_line_too_heavy_to_be_judged_is_known_by_its_hash_and_is_the_same_row_everywhere(
    run: Run, tmp_path: Path, ending: bytes
) -> None:
    heavy = ROW.replace("So,", "\\ud83d\\u0000" * 800_000).encode()
    (tmp_path / "a.jsonl").write_bytes(heavy + ending)
    (finding,) = json.loads(run("lint", "a.jsonl", "--format", "json").out)["findings"]
    row = hashlib.blake2b((heavy + ending).removesuffix(b"\n"), digest_size=16).hexdigest()
    assert (finding["code"], finding["row"]) == ("FIL001", row)
    assert json.loads(run("explain", "a.jsonl", "1", "--format", "json").out)["row"] == row
    assert run("clean", "a.jsonl", "-o", "b.jsonl").status == 0
    assert (tmp_path / "b.jsonl").read_bytes() == b""
    assert sum(file.stat().st_size > len(heavy) for file in tmp_path.iterdir() if "reject" in file.name) == 1


def test_a_row_is_not_too_heavy_for_the_pictures_in_it(run: Run, tmp_path: Path) -> None:
    def row(size: int) -> bytes:
        picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'iVBORw0KGgo/' * (size // 12)}="}}
        asked = {"role": "user", "content": [{"type": "text", "text": "What is on it?"}, picture]}
        told = {"role": "assistant", "content": "A river, seen from a bridge."}
        return json.dumps({"messages": [asked, told]}).encode() + b"\n"

    (tmp_path / "a.jsonl").write_bytes(row(12_000_000) + row(1_000) + row(30_000_000))
    report = json.loads(run("lint", "a.jsonl", "--format", "json").out)
    assert [(f["code"], f["line"]) for f in report["findings"] if f["code"].startswith("FIL")] == [("FIL001", 3)]
    assert run("clean", "a.jsonl", "-o", "b.jsonl").status == 0
    assert (tmp_path / "b.jsonl").read_bytes() == row(12_000_000) + row(1_000)


VERBS = {
    "lint": ["--no-cache"],
    "explain": ["4"],
    "stats": [],
    "clean": ["-o", "b.jsonl"],
    "split": ["-o", "out"],
    "convert": ["--to", "sharegpt", "--allow-loss", "-o", "b.jsonl"],
}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is told in other units")
@pytest.mark.parametrize("verb", VERBS)
def test_a_row_of_any_size_takes_less_than_500_mb(verb: str, tmp_path: Path) -> None:
    taken = []
    for size in (1_000, 200_000_000):
        with (tmp_path / "a.jsonl").open("w") as file:
            file.writelines(ROW.replace("How?", f"How, at {n} o'clock?") + "\n" for n in range(3))
            file.write(ROW.replace("So,", "a river of words " * (size // 17)) + "\n")
        program = (
            "import resource, sys; from curator.cli import main; main(sys.argv[1:]); "
            "print(max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))"
        )
        words = [sys.executable, "-c", program, verb, "a.jsonl", *VERBS[verb]]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "a fault in curator" not in done.stderr
        taken.append(int(done.stdout.split()[-1]))
        for made in (tmp_path / "b.jsonl", tmp_path / "out"):
            shutil.rmtree(made) if made.is_dir() else made.unlink(missing_ok=True)
    assert taken[1] - taken[0] < 500_000, f"{taken} kB"  # measured: 0 of lint, 400 of clean


@pytest.mark.skipif(not Path("/dev/zero").is_char_device(), reason="no such device")
@pytest.mark.parametrize("name", ["/dev/zero", "link.jsonl"])
def test_a_device_without_an_end_is_refused_at_once(run: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "link.jsonl").symlink_to("/dev/zero")
    done = run("lint", name)
    assert done.status == 2
    assert f"{name}: a device, not a file of rows" in done.err


class Endless(io.RawIOBase):
    """Zeros as long as anybody reads, and the number of bytes that were read."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.taken += len(buffer)
        assert self.taken < 100_000_000, "it is read without end"
        buffer[:] = bytes(len(buffer))
        return len(buffer)


def test_a_stream_that_holds_no_rows_is_refused_by_its_beginning(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(Endless())))
    done = run("lint", "-")
    assert done.status == 2
    assert "the file holds binary data" in done.err


@pytest.mark.parametrize("command", [["clean", "a.jsonl", "-o"], ["convert", "a.jsonl", "--to", "sharegpt", "-o"]])
def test_a_link_to_itself_is_no_place_to_write_to(run: Run, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "a.jsonl").write_text(ROW + "\n")
    (tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    done = run(*command, "loop.jsonl")
    assert done.status == 2
    assert "loop.jsonl" in done.err and "a fault in curator" not in done.err
    assert (tmp_path / "loop.jsonl").is_symlink()


def test_half_a_surrogate_pair_in_the_row_that_stats_shows(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(ROW.replace("So,", "So \\ud800,") + "\n")
    assert "So \\\\ud800, by hand." in json.dumps(json.loads(run("stats", "a.jsonl", "--format", "json").out))


def test_a_row_too_heavy_to_be_judged_is_explained_as_such(run: Run, tmp_path: Path) -> None:
    row = ROW.replace("So,", "a river of words " * 2_000_000)
    (tmp_path / "a.jsonl").write_text(f"{ROW}\n{row}\n")
    done = run("explain", "a.jsonl", "2")
    assert done.status == 0
    assert "a line of 34.0 MB" in done.out and len(done.out) < 10_000


def test_a_value_of_an_array_that_has_no_end_is_named_and_not_cut_into_rows(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_CHUNK", 1 << 16)
    monkeypatch.setattr(records, "_LONGEST", 1 << 20)
    (tmp_path / "a.json").write_text(f"[{ROW},\n{ROW.replace('So,', 'word ' * 1_000_000)}]")
    done = run("lint", "a.json", "--fix")
    assert done.status == 2
    assert "a.json: the value that begins in line 2 has no end within 1 MB" in done.err


def test_a_record_of_csv_that_has_no_end_is_named(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all that follows an open quotation mark is held in memory, at eight bytes a character."""
    monkeypatch.setattr(tables, "_LONGEST", 10_000)
    rows = "".join(f"Is part {n} sealed?,Yes.\n" for n in range(1000))
    (tmp_path / "a.csv").write_text(f'prompt,completion\nIs it sealed?,"Yes.\n{rows}')
    (tmp_path / "b.csv").write_text(f"prompt,completion\nIs it sealed?,{'Yes. ' * 4000}\n")
    (tmp_path / "c.csv").write_text(f"prompt,completion\n{rows}")
    for name in ("a.csv", "b.csv"):
        done = run("lint", name)
        assert done.status == 2
        assert f"{name}: the record that begins in line 2 has no end within 0 MB" in done.err
    assert run("stats", "c.csv").status == 0


@pytest.mark.parametrize(
    "verb",
    [
        ["clean", "a.jsonl", "-o", "new.jsonl"],
        ["convert", "a.jsonl", "--to", "sharegpt", "-o", "new.jsonl"],
        ["handoff", "axolotl", "a.jsonl", "--model", "a/b", "-o", "job"],
        ["diff", "a.jsonl", "b.jsonl"],
    ],
)
def test_a_line_that_no_memory_should_hold_is_refused_where_rows_are_copied(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: list[str]
) -> None:
    monkeypatch.setattr("curator.sources.source.LONGEST", 9_000_000)
    (tmp_path / "b.jsonl").write_text(f"{ROW}\n")
    (tmp_path / "a.jsonl").write_text(f"{ROW}\n{ROW}\n{ROW.replace('So,', 'word ' * 2_000_000)}\n{ROW}\n")
    done = run(*verb)
    assert (done.status, done.err.splitlines()[0]) == (2, "error: a.jsonl: line 3 holds 10 MB")


def test_a_value_of_an_array_that_breaks_off_ends_where_the_next_begins(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "_CHUNK", 1 << 16)
    monkeypatch.setattr(records, "_LONGEST", 1 << 20)
    broken = ROW.replace('hand."', "hand.")
    (tmp_path / "a.json").write_text("[" + ",\n".join([ROW, broken, *[ROW] * 20_000]) + "]")
    report = json.loads(run("lint", "a.json", "--format", "json", "--select", "FIL").out)
    assert [(f["code"], f["line"]) for f in report["findings"]] == [("FIL001", 2)]
    assert report["summary"]["rows"] == 20_001


DEEP = '{"a":' * 100_000 + "1" + "}" * 100_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["lint", "a.jsonl", "--baseline", "deep"], "deep: this is no baseline"),
        (["lint", "a.jsonl", "--no-cache"], ".curator/decisions.jsonl:1: passed over: no decision"),
        (["split", "a.jsonl", "-o", "out", "--keep", "deep"], "deep: no record of a split"),
    ],
)
def test_what_stands_beside_the_data_may_be_nested_deeply_too(
    run: Run, tmp_path: Path, options: list[str], said: str
) -> None:
    (tmp_path / "a.jsonl").write_text(ROW + "\n")
    (tmp_path / ".curator").mkdir()
    for name in ("deep", ".curator/decisions.jsonl"):
        (tmp_path / name).write_text(DEEP + "\n")
    done = run(*options)
    assert said in done.out + done.err
    assert "a fault in curator" not in done.err


def test_a_line_of_many_lists_is_too_heavy_and_one_that_speaks_of_them_is_not(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "crowded.jsonl"
    crowded = '{"prompt": "a", "completion": "b", "x": [' + "{}, " * 300_000 + "{}]}\n"
    path.write_text(crowded + json.dumps({"prompt": "Say it.", "completion": '"[][][] ' * 90_000}) + "\n")
    report = json.loads(run("lint", path, "--format", "json", "--select", "FIL").out)
    assert [(f["code"], f["line"]) for f in report["findings"]] == [("FIL001", 1)]
    assert "250,000 objects and lists" in report["findings"][0]["message"]
    assert report["summary"]["rows"] == 1

"""`curator decisions` through the command line: what is decided once stays decided until the row changes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from test_cli import EMPTY, GOOD, Write

from curator import decisions
from curator.config import load_config
from curator.engine import lint
from curator.model import Decision, Place
from curator.rule import chat
from tests.conftest import Run

LOG = Path(".curator", "decisions.jsonl")
TOMORROW = str(date.today() + timedelta(days=1))


def lines_with(run: Run, *paths: Any, code: str = "ROL007") -> list[int]:
    done = run("lint", *paths, "--format", "jsonl")
    found = map(json.loads, done.out.splitlines())
    return [finding["line"] for finding in found if finding["code"] == code]


@pytest.fixture
def decided(run: Run, write: Write) -> Path:
    """A file whose second row is kept with its empty answer."""
    path = write("x.jsonl", [GOOD, EMPTY])
    done = run("decisions", "add", path, 2, "ROL007", "--verdict", "keep", "--why", "silence is meant", "--who", "Ana")
    assert done.status == 0, done.err
    assert done.out == f"keep ROL007 {path}:2 messages[1].content: recorded in {path.parent / LOG}\n"
    return path


def test_a_kept_finding_is_not_reported_again(run: Run, decided: Path) -> None:
    done = run("lint", decided)
    assert done.status == 0
    assert "1 finding suppressed by decisions" in done.out


def test_it_stays_suppressed_when_rows_move_and_come(run: Run, write: Write, decided: Path) -> None:
    other = {"messages": [{"role": "user", "content": "And 5+5?"}, {"role": "assistant", "content": ""}]}
    write("x.jsonl", [EMPTY, GOOD, other])
    assert lines_with(run, decided) == [3]


def test_an_edited_row_brings_it_back_and_the_decision_is_named(
    run: Run,
    write: Write,
    decided: Path,
) -> None:
    write("x.jsonl", [GOOD, {**EMPTY, "note": "edited"}])
    assert lines_with(run, decided) == [2]
    assert "unused decision: ROL007 on row" in run("lint", decided).out
    done = run("decisions", "check", "--data", decided)
    assert done.status == 1
    assert done.out == f"{LOG}:1: ROL007 is not found any more: the row changed or is gone\n"


def test_decisions_in_folders_below_count_where_a_folder_is_linted(run: Run, write: Write) -> None:
    path = write("sub/x.jsonl", [EMPTY, GOOD])
    run("decisions", "add", path, 1, "ROL007", "--verdict", "keep", "--why", "meant")
    assert lines_with(run, path.parent.parent) == []
    other = write("other/y.jsonl", [{**GOOD, "id": 2}])
    assert lines_with(run, other, path) == []


def test_an_expired_decision_does_not_count_and_is_reported(run: Run, decided: Path) -> None:
    log = decided.parent / LOG
    [kept] = decisions.read(log).decisions
    old = Decision(**{name: getattr(kept, name) for name in kept.__struct_fields__} | {"expires": "2020-01-31"})
    decisions.write(log, [old])
    assert lines_with(run, decided) == [2]
    assert "expired decision: ROL007" in run("lint", decided).out
    assert run("decisions", "check").out == f"{LOG}:1: expired on 2020-01-31\n"
    assert "expired 2020-01-31" in run("decisions", "list").out
    assert json.loads(run("decisions", "list", "--format", "json").out)[0]["expired"] is True


def test_later_takes_back_what_stands(run: Run, decided: Path) -> None:
    assert run("decisions", "add", decided, 2, "--verdict", "later").status == 0
    assert lines_with(run, decided) == [2]
    done = run("decisions", "add", decided, 2, "--verdict", "later")
    assert (done.status, "nothing is decided about this row" in done.err) == (2, True)


def test_dropping_a_row_needs_no_finding(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [GOOD, {**GOOD, "id": 2}])
    assert run("decisions", "add", path, 2, "--verdict", "drop", "--why", "wrong customer").status == 0
    assert run("clean", path, "-o", tmp_path / "out.jsonl").status == 0
    assert (tmp_path / "out.jsonl").read_text() == json.dumps(GOOD) + "\n"
    assert "wrong customer" in (tmp_path / "rejected.jsonl").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("2", "--verdict", "keep"), "say why: --why TEXT"),
        (("1", "--verdict", "keep", "--why", "x"), "nothing is found in this row"),
        (("2", "DUP001", "--verdict", "keep", "--why", "x"), "no finding of 'DUP001' in this row"),
        (("9", "--verdict", "keep", "--why", "x"), "no row at line 9"),
        (("3", "--verdict", "keep", "--why", "x"), "several rules found something in this row"),
        (("2", "--verdict", "keep", "--why", "x", "--expires", "2020-01-01"), "a day that is still to come"),
        (("2", "--verdict", "keep", "--why", "x", "--expires", "soon"), "a day that is still to come"),
        (("2", "--verdict", "edit", "--why", "x"), "edit"),
    ],
)
def test_what_cannot_be_decided_is_said_in_words(run: Run, write: Write, arguments: Any, says: str) -> None:
    path = write("x.jsonl", [GOOD, EMPTY, EMPTY])
    done = run("decisions", "add", path, *arguments)
    assert done.status == 2
    assert says in done.err
    assert not LOG.exists()


def test_the_list_shows_what_stands_with_its_reason(run: Run, decided: Path) -> None:
    run("decisions", "add", decided, 2, "empty-turn", "--verdict", "keep", "--why", "still", "--who", "Bo")
    done = run("decisions", "list")
    today = datetime.now(UTC).date()
    assert done.out == (
        f"keep    ROL007 {decided}:2 messages[1].content\n        Bo on {today}: still\n"
        f"1 decision in {LOG}, 1 older or taken back\n"
    )
    assert run("decisions", "list", decided.parent / LOG).out.startswith("keep    ROL007")
    assert run("decisions", "list", decided.parent / ".curator").out.startswith("keep    ROL007")


@pytest.mark.parametrize("command", ["list", "check", "export", "agreement"])
def test_the_data_may_be_named_in_place_of_their_record(run: Run, decided: Path, command: str) -> None:
    by_data, by_record = run("decisions", command, decided), run("decisions", command, decided.parent / LOG)
    assert (by_data.status, by_data.out, by_data.err) == (by_record.status, by_record.out, by_record.err)
    copy = decided.parent / "copy.jsonl"
    copy.write_bytes((decided.parent / LOG).read_bytes())
    assert f"in {copy}" in run("decisions", "list", copy).out, "a record of another name is read itself"


def test_a_day_that_is_to_come_is_recorded(run: Run, write: Write) -> None:
    path = write("x.jsonl", [EMPTY])
    run("decisions", "add", path, 1, "--verdict", "accept", "--why", "x", "--expires", TOMORROW)
    assert f"until {TOMORROW}" in run("decisions", "list").out


def test_a_sound_record_passes_the_check(run: Run, decided: Path) -> None:
    done = run("decisions", "check", "--data", decided)
    assert (done.status, done.out) == (0, "")


def test_the_check_names_torn_lines_and_rules_that_are_gone(run: Run, decided: Path) -> None:
    with (decided.parent / LOG).open("a") as file:
        file.write('{"verdict":"keep","row":"00","code":"XXX001","who":"a","when":"2026-01-01","why":"b"}\n{"verd')
    done = run("decisions", "check")
    assert done.status == 1
    assert done.out.splitlines() == [
        f"{LOG}:2: there is no rule XXX001",
        f"{LOG}:3: the line is cut off: its writing was interrupted",
    ]


def test_findings_kept_without_a_reason_are_a_remark(run: Run, write: Write) -> None:
    """As K in the review makes them: a record of nothing else is in order."""
    path = write("x.jsonl", [EMPTY, {**EMPTY, "n": 1}, {**EMPTY, "n": 2}])
    found = [each for each in lint([path], load_config(path), cache=False).findings if each.code == "ROL007"]
    decisions.append(path.parent / LOG, [decisions.decide(each, "keep", who="ana") for each in found])
    done = run("decisions", "check", path)
    assert (done.status, done.out) == (0, f"{path.parent / LOG}:1: keep gives no reason, and 2 more (a remark)\n")


def test_rules_are_selected_of_data_that_are_linted_alone(run: Run, decided: Path) -> None:
    done = run("decisions", "check", "--select", "NOPE")
    assert done.status == 2 and "--data PATH" in done.err
    assert "no rule 'NOPE'" in run("decisions", "check", "--select", "NOPE", "--data", decided).err


def test_the_check_and_every_verb_name_an_edit_whose_values_were_not_recorded(run: Run, write: Write) -> None:
    """Of an old record: nothing of such an edit is done, and none says that it was."""
    rows = [chat(user=f"Where is part {n} of the lamp?", assistant=f"In box {n}, on shelf {n * 7}.") for n in range(30)]
    path = write("data.jsonl", [*rows, EMPTY])
    (found,) = [each for each in lint([path], load_config(path), cache=False).findings if each.code == "ROL007"]
    edit = decisions.decide(found, "edit", who="ana", text='{"text": "Ask bob.ray@brightpost.se."}')
    decisions.append(decisions.place([path]), [edit])
    checked = run("decisions", "check", path)
    assert checked.status == 1 and "‹EMAIL_" in checked.out and "placeholder" in checked.out
    assert run("decisions", "check", path, "--data", path).out == checked.out
    assert "decided on" not in run("lint", path).out
    for verb in ("clean", "split"):
        done = run(verb, path, "-o", f"{verb}.jsonl" if verb == "clean" else verb)
        assert "not applied: 1" in done.out and "‹EMAIL_" in done.out, done.err


def test_merging_keeps_every_decision_once(run: Run, decided: Path, tmp_path: Path) -> None:
    log = decided.parent / LOG
    other = decisions.decide_row("ff", Place("y.jsonl", 3), "drop", who="Bo", why="spam")
    decisions.write(tmp_path / "b.jsonl", [other, *decisions.read(log).decisions])
    done = run("decisions", "merge", log, tmp_path / "b.jsonl", "-o", tmp_path / "c.jsonl")
    assert done.out == f"2 decisions in {tmp_path / 'c.jsonl'}\n"
    assert set(decisions.read(tmp_path / "c.jsonl").decisions) == {other, *decisions.read(log).decisions}
    assert run("decisions", "merge", log, tmp_path / "none.jsonl", "-o", tmp_path / "d.jsonl").status == 2


def test_exported_lines_are_a_record_of_what_stands(run: Run, decided: Path, tmp_path: Path) -> None:
    run("decisions", "add", decided, 2, "--verdict", "keep", "--why", "again", "--who", "Bo")
    done = run("decisions", "export")
    [line] = done.out.splitlines()
    assert json.loads(line)["why"] == "again"
    run("decisions", "export", "--output", tmp_path / "standing.jsonl")
    assert (tmp_path / "standing.jsonl").read_text() == done.out


def test_what_a_baseline_hides_is_counted(run: Run, write: Write) -> None:
    path = write("x.jsonl", [EMPTY])
    run("lint", path, "--write-baseline", "known")
    assert "1 finding known to the baseline" in run("lint", path, "--baseline", "known").out

"""Decisions and baselines: appended, merged and honoured by content, never by line number."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import UTC, date, datetime
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import decisions
from curator.config import Config
from curator.decisions import Baseline, filter_findings
from curator.engine import lint
from curator.errors import SourceError, WriteError
from curator.model import Decision, Excerpt, FileStat, Finding, LimitResult, Report, RuleStat, TokenCount, drop
from curator.rule import chat

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
TODAY = date(2027, 1, 15)


def finding(row="r1", code="ROL007", line=1, path="messages[1].content", shown="an empty answer", file="a.jsonl"):
    return Finding(
        code,
        "some-defect",
        "warning",
        file,
        line,
        path,
        "…",
        f"{row}-{code}-{path}",
        row,
        line - 1,
        excerpt=Excerpt(shown, 0, 2),
    )


def keep(about, **more):
    return decisions.decide(about, "keep", who="ana", why="meant so", now=NOW, **more)


def report_of(findings, files=("a.jsonl",), codes=("ROL007",), limits=()):
    stats = tuple(
        RuleStat(code, "some-defect", "warning", 10, 0, sum(f.code == code for f in findings)) for code in codes
    )
    stat = tuple(FileStat(file, "jsonl", "openai-chat", 1.0, 10, 10, 0, 0, "train") for file in files)
    return Report(stat, stats, tuple(findings), TokenCount("none", True, 0), 10, 0, 0.0, "p", "warning", limits=limits)


# ---------------------------------------------------------------------- the file


def test_what_is_appended_is_read_in_order(tmp_path):
    path = tmp_path / ".curator" / "decisions.jsonl"
    first, second = keep(finding("r1")), keep(finding("r2"), expires="2027-06-30")
    decisions.append(path, [first])
    decisions.append(path, [second, first])
    log = decisions.read(path)
    assert log.decisions == (first, second, first)
    assert log.lines == (1, 2, 3)
    assert not log.unread


def test_no_file_means_no_decisions(tmp_path):
    assert decisions.read(tmp_path / "none.jsonl").decisions == ()


def test_decisions_lie_beside_the_data(tmp_path):
    file = tmp_path / "set" / "a.jsonl"
    file.parent.mkdir()
    file.touch()
    assert decisions.place([file]) == decisions.place([file.parent]) == file.parent / ".curator" / "decisions.jsonl"
    assert str(decisions.place(["-"])) == str(decisions.FILE)


def test_a_torn_last_line_is_reported_and_harms_nothing_else(tmp_path):
    path = tmp_path / "d.jsonl"
    one, two = keep(finding("r1")), keep(finding("r2"))
    decisions.append(path, [one, two])
    path.write_bytes(path.read_bytes()[:-20])
    log = decisions.read(path)
    assert log.decisions == (one,)
    assert [(problem.line, "cut off" in problem.message) for problem in log.unread] == [(2, True)]
    decisions.append(path, [two])
    log = decisions.read(path)
    assert log.decisions == (one, two)
    assert log.lines == (1, 3)
    assert [problem.line for problem in log.unread] == [2]


@pytest.mark.parametrize("line", [b"nonsense", b'{"verdict": "maybe", "row": "r"}', b'{"row": "r"}', b'"\xff"', b"[]"])
def test_a_line_that_is_no_decision_is_reported(tmp_path, line):
    path = tmp_path / "d.jsonl"
    decisions.append(path, [keep(finding())])
    path.write_bytes(line + b"\n\n" + path.read_bytes())
    log = decisions.read(path)
    assert len(log.decisions) == 1
    assert [problem.line for problem in log.unread] == [1]


def test_fields_of_a_later_version_do_no_harm(tmp_path):
    path = tmp_path / "d.jsonl"
    path.write_bytes(b'{"verdict": "keep", "row": "r", "mood": "good"}\n')
    assert decisions.read(path).decisions == (Decision("keep", "r"),)


def test_processes_that_append_at_once_lose_nothing(tmp_path):
    path = tmp_path / "d.jsonl"
    code = (
        "import sys; from curator.decisions import append; from curator.model import Decision\n"
        "for i in range(50): append(sys.argv[1], [Decision('keep', f'{sys.argv[2]}-{i}', why='x' * 5000)])"
    )
    running = [subprocess.Popen([sys.executable, "-c", code, path, str(n)]) for n in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    log = decisions.read(path)
    assert not log.unread
    assert {decision.row for decision in log.decisions} == {f"{n}-{i}" for n in range(3) for i in range(50)}


def test_a_full_disk_leaves_the_file_as_it_was(tmp_path):
    resource = pytest.importorskip("resource")
    path = tmp_path / "d.jsonl"
    decisions.append(path, [keep(finding())])
    before = path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, hard))
    try:
        with pytest.raises(WriteError, match="nothing was recorded"):
            decisions.append(path, [keep(finding("r2"), text="x" * 1000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_file_is_a_clear_error(tmp_path):
    with pytest.raises(SourceError):
        decisions.read(tmp_path)
    with pytest.raises(WriteError):
        decisions.append(tmp_path, [keep(finding())])


# ---------------------------------------------------------------------- what stands


def at(hour, verdict="keep", who="ana", row="r1"):
    return decisions.decide(finding(row), verdict, who=who, why="so", now=NOW.replace(hour=hour))


def test_of_several_verdicts_the_newest_counts_wherever_it_stands():
    assert decisions.standing([at(9, "drop"), at(8, "keep")]) == (at(9, "drop"),)
    assert decisions.standing([at(8, "drop"), at(8, "keep")]) == (at(8, "keep"),)


def test_later_takes_a_verdict_back():
    assert decisions.standing([at(8), at(9, "later")]) == ()
    assert decisions.standing([at(8), at(9, "later"), at(10, "drop")]) == (at(10, "drop"),)


@given(st.lists(st.tuples(st.integers(0, 23), st.sampled_from(["keep", "drop", "later"]), st.sampled_from("ab"))))
def test_merging_loses_nothing_repeats_nothing_and_knows_no_order(items):
    some = [at(hour, verdict, row=row) for hour, verdict, row in items]
    half = len(some) // 2
    merged = decisions.merge(some[:half], some[half:], some)
    assert set(merged) == set(some)
    assert len(merged) == len(set(some))
    assert decisions.merge(merged, merged) == merged
    times = [decision.when for decision in merged]
    assert times == sorted(times)


def test_written_logs_read_back(tmp_path):
    merged = decisions.merge([at(9), at(8, "drop")])
    decisions.write(tmp_path / "d.jsonl", merged)
    assert decisions.read(tmp_path / "d.jsonl").decisions == merged


def messages(*items):
    log = decisions.Log("d.jsonl", items, tuple(range(1, len(items) + 1)))
    return [(problem.line, problem.message) for problem in decisions.check(log, TODAY)]


def test_a_sound_log_has_no_problems():
    assert messages(at(8), at(9, "drop", row="r2"), keep(finding("r3"), expires="2027-01-15")) == []


def test_what_wants_an_eye_is_named_with_its_line():
    sound = keep(finding())
    replace = msgspec.structs.replace
    assert messages(sound, replace(sound, finding="f2", why="")) == [(2, "keep gives no reason")]
    assert messages(replace(sound, who="")) == [(1, "no author is named")]
    assert messages(replace(sound, when="yesterday")) == [(1, "'yesterday' is no date")]
    assert messages(replace(sound, expires="2027-01-14")) == [(1, "expired on 2027-01-14")]
    assert "is no date" in messages(replace(sound, expires="soon"))[0][1]
    assert "no effect" in messages(replace(sound, finding="", code=""))[0][1]
    assert "no text" in messages(replace(sound, verdict="edit"))[0][1]


def test_what_another_decision_took_the_place_of_wants_no_eye():
    unfounded = msgspec.structs.replace(keep(finding()), why="", id="1")
    undone = msgspec.structs.replace(unfounded, verdict="later", id="2", undoes="1", when="2099-12-31T00:00:00+00:00")
    assert messages(unfounded) == [(1, "keep gives no reason")]
    assert messages(unfounded, undone) == []
    assert messages(unfounded, msgspec.structs.replace(undone, verdict="keep", undoes="", why="meant")) == []


def goes(hour, who, row, beside):
    pair = msgspec.structs.replace(at(hour, "drop", who, row=row), beside=beside, finding=f"{row}{beside}", whole=True)
    return msgspec.structs.replace(pair, place=f"a.jsonl:{row}")


def test_of_rows_that_go_beside_one_another_all_around_one_stays():
    """Three reviewers, a pair each: each meant one row of their pair to stay. It is the one that the newest leaves."""

    def go(*made):
        return {decision.row for decision in decisions.standing(made)}

    ring = [goes(8, "ana", "1", "2"), goes(9, "ben", "2", "3"), goes(10, "cleo", "3", "1")]
    for merged in permutations(ring):
        assert go(*merged) == {"2", "3"}
        ((_, message),) = messages(*merged)
        assert message.endswith("each beside another of them; the newest counts, and a.jsonl:1 stays")
        for who, row in (("ana", 1), ("ben", 2), ("cleo", 3)):
            assert f"{who} drops a.jsonl:{row} (ROL007)" in message
    assert [d.row for d in decisions.overruled(ring)] == ["1"]
    assert go(*ring, goes(7, "dan", "0", "2")) == {"0", "2", "3"}, "what goes beside one of them goes still"
    fourth = goes(10, "cleo", "4", "1")
    assert go(*ring[:2], fourth) == {"1", "2", "4"} and messages(*ring[:2], fourth) == [], "the third row stays"
    settled = [*ring, goes(11, "dan", "2", "1")]
    assert go(*settled) == {"2", "3"} and not [told for _, told in messages(*settled) if "beside another" in told]
    back = msgspec.structs.replace(ring[0], id="x", verdict="later", when="2099-12-31T00:00:00+00:00")
    assert go(*ring, back) == {"2", "3"} and messages(*ring, back) == []


def test_who_lets_all_rows_of_a_pair_or_a_ring_go_has_seen_it_and_means_it():
    for alone in (
        [goes(8, "ana", "1", "2"), goes(8, "ana", "2", "1")],
        [goes(8, "ana", "1", "2"), goes(9, "ana", "2", "3"), goes(10, "ana", "3", "1")],
    ):
        assert messages(*alone) == []
        assert len(decisions.standing(alone)) == len(alone)


def test_two_people_who_disagree_are_named_and_one_who_changed_their_mind_is_not():
    assert messages(at(8, "keep", "ana"), at(9, "drop", "ana")) == []
    ((line, message),) = messages(at(8, "keep", "ana"), at(9, "drop", "ben"))
    assert line == 1
    assert message.startswith("ana says keep, ben says drop of ROL007 a.jsonl:1 ") and message.endswith(
        "; the newest counts"
    )
    assert messages(at(7, "keep", "ana"), at(8, "drop", "ana"), at(9, "drop", "ben")) == []


# ---------------------------------------------------------------------- suppressing


def test_what_is_kept_of_an_edited_row_is_used_once_the_set_is_cleaned():
    edit = msgspec.structs.replace(decisions.decide(finding("r1"), "edit", text="{}", now=NOW), after="r9")
    in_the_edit = keep(finding("r9", line=7, shown="another"))
    assert filter_findings([finding("r1")], [edit, in_the_edit], today=TODAY).outcome.unused == ()


def test_a_kept_finding_is_left_out_and_counted():
    one, two = finding("r1"), finding("r2")
    left = filter_findings([one, two], [keep(one)], today=TODAY)
    assert list(left) == [two]
    assert len(left) == 1
    assert (left.outcome.suppressed, left.outcome.unused) == (1, ())
    assert list(left) == [two], "it can be read again"


def test_a_row_and_a_code_cover_every_finding_of_the_code_in_the_row():
    rows = [finding("r1", path="messages[1].content"), finding("r1", path="messages[3].content")]
    other = [finding("r2"), finding("r1", code="ANS001")]
    verdict = Decision("keep", "r1", code="ROL007", who="ana", why="so", when="2027-01-01")
    assert list(filter_findings([*rows, *other], [verdict], today=TODAY)) == other


@pytest.mark.parametrize("verdict", ["accept", "edit", "drop", "later"])
def test_only_keep_suppresses(verdict):
    left = filter_findings([finding()], [decisions.decide(finding(), verdict, now=NOW)], today=TODAY)
    assert list(left) == [finding()]
    assert left.outcome.unused == ()


def test_a_decision_counts_through_the_day_it_names_and_is_reported_afterwards():
    verdict = keep(finding(), expires="2027-01-15")
    assert list(filter_findings([finding()], [verdict], today=TODAY)) == []
    left = filter_findings([finding()], [verdict], today=date(2027, 1, 16))
    assert list(left) == [finding()]
    assert left.outcome.expired == (verdict,)
    assert left.outcome.unused == ()


def test_an_unused_suppression_is_reported():
    gone = keep(finding("gone", line=9, shown="something else"))
    left = filter_findings([finding()], [gone, keep(finding())], today=TODAY)
    assert left.outcome.unused == (gone,)
    assert left.outcome.offers == ()


def test_a_changed_row_is_offered_its_old_verdict_which_is_not_applied():
    old = finding("before", line=4)
    for new in (finding("after", line=7), finding("after", line=4, shown="quite another text")):
        for verdict in ("keep", "drop"):
            decided = decisions.decide(old, verdict, who="ana", why="so", now=NOW)
            left = filter_findings([new], [decided], today=TODAY)
            assert list(left) == [new]
            assert left.outcome.offers == ((new, decided),)


def test_a_decision_that_still_holds_is_offered_to_nobody_else():
    one, alike = finding("r1", line=1), finding("r2", line=2)
    for verdict in ("keep", "drop"):
        decided = decisions.decide(one, verdict, who="ana", why="so", now=NOW)
        assert filter_findings([one, alike], [decided], today=TODAY).outcome.offers == ()


def test_the_list_tells_what_waits_for_later_from_what_was_taken_back():
    kept, put_off, gone = (keep(finding(row)) for row in ("r1", "r2", "r3"))
    put_off = msgspec.structs.replace(put_off, verdict="later", id="2")
    gone = msgspec.structs.replace(gone, id="3")
    back = msgspec.structs.replace(gone, verdict="later", id="4", undoes="3", when="2099-12-31T00:00:00+00:00")
    told = decisions.as_text(decisions.Log("log", (kept, put_off, gone, back)))
    assert told.endswith("1 decision in log, 1 for later, 2 older or taken back\n")


@pytest.mark.parametrize(
    "there",
    [
        [finding("new", line=7, shown="")],
        [finding("new", line=7), finding("other", line=9)],
        [finding("new", line=1), finding("r1", line=2, code="ENC001")],
    ],
    ids=["nothing is shown", "several show the same", "the row is still there"],
)
def test_a_verdict_is_not_offered_on_a_row_that_nothing_says_has_changed(there):
    shown = (there[0].excerpt and there[0].excerpt.text) or ""
    decided = decisions.decide(finding("r1", line=1, shown=shown), "drop", who="ana", now=NOW)
    assert filter_findings(there, [decided], today=TODAY).outcome.offers == ()


# ---------------------------------------------------------------------- baselines


def test_a_baseline_leaves_only_what_is_new_whatever_the_order(tmp_path):
    known = [finding(f"r{n}", line=n) for n in range(1, 9)]
    assert decisions.write_baseline(report_of(known), tmp_path / "b.jsonl") == 8
    baseline = decisions.read_baseline(tmp_path / "b.jsonl")
    new = finding("new", line=99)
    shuffled = [msgspec.structs.replace(f, line=f.line + 5) for f in [*known, new]]
    random.Random(1).shuffle(shuffled)
    left = filter_findings(shuffled, baseline=baseline)
    assert [f.row for f in left] == ["new"]
    assert left.outcome.known == 8


def test_a_baseline_counts_how_often_a_finding_occurs(tmp_path):
    decisions.write_baseline(report_of([finding()] * 2), tmp_path / "b.jsonl")
    left = filter_findings([finding()] * 3, baseline=decisions.read_baseline(tmp_path / "b.jsonl"))
    assert len(left) == 1
    assert len(list(left)) == 1, "the second reading counts anew"


def test_a_baseline_is_the_same_file_for_the_same_findings(tmp_path):
    some = [finding(f"r{n}") for n in range(5)]
    decisions.write_baseline(report_of(some), tmp_path / "one")
    decisions.write_baseline(report_of(some[::-1]), tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "foreign"])
def test_a_damaged_baseline_is_an_error_that_says_what_to_do(tmp_path, damage):
    path = tmp_path / "b.jsonl"
    decisions.write_baseline(report_of([finding("r1"), finding("r2")]), path)
    if damage == "missing":
        path.unlink()
    else:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes({"empty": b"", "cut": b"".join(lines[:-1]), "foreign": b'{"messages": []}\n'}[damage])
    with pytest.raises(SourceError, match="--write-baseline"):
        decisions.read_baseline(path)


# ---------------------------------------------------------------------- the report


def test_the_counts_of_the_report_follow():
    kept, known, left = finding("kept"), finding("known"), finding("left")
    left = msgspec.structs.replace(left, fix=drop())
    limit = LimitResult("ROL007", "10%", 3, 10, ok=False)
    report = report_of([kept, known, left], limits=(limit,))
    settled = decisions.settle(report, decisions.Log("d", (keep(kept),), (1,)), Baseline({known.id: 1}), today=TODAY)
    assert list(settled.findings) == [left]
    assert [(stat.findings, stat.fixable) for stat in settled.rules] == [(1, 1)]
    assert (settled.suppressed, settled.known) == (1, 1)
    assert settled.limits[0].flagged == 1
    assert settled.ok
    assert not report.ok


def test_a_report_with_nothing_left_is_ok():
    settled = decisions.settle(report_of([finding()]), decisions.Log("d", (keep(finding()),), (1,)), today=TODAY)
    assert (settled.exit_code, len(settled.findings)) == (0, 0)


def test_unused_decisions_are_named_where_their_file_and_rule_were_looked_at():
    here = keep(finding("gone"))
    other_file = keep(finding("gone too", file="other.jsonl"))
    other_rule = keep(finding("gone", code="ANS001"))
    expired = keep(finding("r2"), expires="2026-12-31")
    log = decisions.Log("d", (here, other_file, other_rule, expired), (1, 2, 3, 4))
    assert decisions.settle(report_of([finding()]), log, today=TODAY).unused == (here, expired)


def test_verdicts_survive_reordering_and_appending_and_lapse_when_the_row_changes(write):
    rows = [chat(user=f"Question {n}?", assistant=f"Answer {n}.") for n in range(20)]
    rows[3]["messages"][1]["content"] = ""
    config = Config(select=("ROL007",), fail_on="info")
    report = lint([write("a.jsonl", rows)], config, cache=False)
    (empty,) = report.findings
    log = decisions.Log("d", (keep(empty),), (1,))
    again = lint([write("a.jsonl", [*rows[::-1], chat(user="New?", assistant="Yes.")])], config, cache=False)
    assert len(decisions.settle(again, log, today=TODAY).findings) == 0
    rows[3]["messages"][0]["content"] = "Changed?"
    changed = lint([write("a.jsonl", rows)], config, cache=False)
    settled = decisions.settle(changed, log, today=TODAY)
    assert len(settled.findings) == 1
    assert settled.findings.outcome.offers[0][1] == log.decisions[0]

"""The review app without its pages: the index, the decisions in it, what cards show, who is let in."""

from __future__ import annotations

import asyncio
import errno
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import string
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.core import ParameterSource
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
from curator import cleaning, decisions, engine
from curator.cli import clean as cli_clean
from curator.cli import options
from curator.cli import review as cli_review
from curator.cli import split as cli_split
from curator.config import load_config
from curator.decisions import agreement
from curator.errors import ChangedError, CuratorError, UsageError, WriteError
from curator.model import Decision
from curator.review import applying, following, groups, guard, index, jobs, launch, safe, schema, tables
from curator.review.bodies import Bodies
from curator.review.desk import Desk
from curator.review.entries import Wish
from curator.review.filters import Filter
from curator.review.loop import FIRST, WINDOW, Loop
from curator.review.settings import Settings
from curator.review.showing import Cards, differences, row_compared


def chat(user: str, assistant: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}], **more}


ROWS = [
    chat("How long is the warranty of the L2?", "Two years from the day of purchase, in every country."),
    chat("What does the amber light mean?", ""),
    chat("Where is the reset button?", "No. It isnâ€™t on the front, it is below the label."),
    chat("How long is the warranty of the L2?", "Two years from the day of purchase, in every country."),
    chat("HOW LONG IS THE WARRANTY OF THE L2", "Two years from the day of purchase, in every country."),
    chat("Does it need a licence?", ""),
]


def find(desk: Desk, code: str, n: int = 0) -> Any:
    return desk.entries(Filter(rules=(code,), status="all"))[n]


def do(desk: Desk, finding: str, action: str, **more: Any) -> Any:
    entry = desk.entry(finding)
    base = more.pop("base", entry.head if entry else "")
    return desk.decide([Wish(decisions.new_id(), action, finding, base, **more)])[0]


def state(desk: Desk) -> list[tuple[Any, ...]]:
    return [
        (e.finding.id, e.status, e.who, e.head, e.disputed) for e in desk.entries(Filter(status="all"), limit=10_000)
    ]


# ---------------------------------------------------------------------- text that is safe to show


CONTROLS = [chr(n) for n in (*range(0x20), *range(0x7F, 0xA0)) if chr(n) not in "\n\t"]
DIRECTIONS = ["\u200e", "\u200f", *(chr(n) for n in (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))]
UNSEEN = ["\u200b", "\u2060", "\ufeff", "\u00ad", "\u034f", "\u115f", "\u3164", "\ud800", "\U000e0041", "\ue000"]


@pytest.mark.parametrize(
    "char", CONTROLS + DIRECTIONS + [c for c in UNSEEN if c != "\u034f"], ids=lambda c: f"{ord(c):04X}"
)
def test_what_cannot_be_seen_becomes_a_chip(char: str) -> None:
    told = safe.parts(f"a{char}b")
    assert told == [("", "a"), ("chip", f"U+{ord(char):04X}"), ("", "b")]
    assert char not in safe.vis(f"a{char}b") and char not in safe.plain(f"a{char}b")


def test_letters_of_all_scripts_and_emoji_stay_as_they_are() -> None:
    for text in ("Grüße, 你好 مرحبا שלום नमस्ते", "می‌خواهم", "👩‍💻 works", "line\n\tnext"):
        assert safe.parts(text) == [("", text)]


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_vis_holds_no_markup_and_loses_no_letter(text: str) -> None:
    shown = safe.vis(text)
    bare = shown.replace('<span class="chip">', "").replace("</span>", "")
    assert "<" not in bare and ">" not in bare
    assert "".join(t for cls, t in safe.parts(text) if not cls) == "".join(
        c for n, c in enumerate(text) if not safe.hidden(c) or (c in "\u200c\u200d" and safe._joins(text, n))
    )


@settings(max_examples=150)
@given(st.text(max_size=200), st.text(max_size=200))
def test_both_sides_of_a_difference_are_the_texts(old: str, new: str) -> None:
    def back(told: list[safe.Part]) -> str:
        return "".join(chr(int(t[2:], 16)) if "chip" in cls else t for cls, t in told)

    for text, told, mark in zip((old, new), differences(old, new), ("del", "ins"), strict=True):
        shown = back(told)
        for sign, char in (
            ("␣", " "),
            ("⇥", "\t"),
            ("⏎\n", "\n"),
        ):  # white space that is all of a change is made visible
            if char in text and sign not in text:
                shown = shown.replace(sign, char)
        assert shown == text
        assert {cls.split()[0] for cls, _ in told if cls} <= {mark, "chip"}


def test_a_word_of_a_megabyte_is_cut_where_it_is_found() -> None:
    window, before, after = safe.clipped("x" * 1_000_000, around=500_000)
    assert (len(window), before + len(window) + after) == (safe.MOST, 1_000_000)


# ---------------------------------------------------------------------- the index


def test_the_index_holds_what_the_lint_finds(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    report = engine.lint(desk.settings.paths, desk.settings.config)
    assert {e.finding.id for e in desk.entries(Filter(status="all"))} == {f.id for f in report.findings}
    assert desk.raw(desk.settings.paths[0], 3) == json.dumps(ROWS[2], ensure_ascii=False).encode()


def test_nobody_reads_the_index_who_may_not_read_the_data(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS)
    data, database = Path(desk.settings.paths[0]), desk.settings.database
    desk.close()
    for mode in (0o600, 0o640):
        data.chmod(mode)
        database.unlink(missing_ok=True)
        index.build([str(data)], desk.settings.config, database)
        assert database.stat().st_mode & 0o777 == mode


def test_nobody_reads_what_is_made_of_the_data_who_may_not_read_them(open_desk: Any) -> None:
    """The log, which holds whole texts of edits, what a job told, and the clean set with what it left out."""
    desk = open_desk(ROWS)
    data = Path(desk.settings.paths[0])
    data.chmod(0o600)
    do(desk, find(desk, "ROL007").finding.id, "drop")
    applying.start(desk.settings, "clean")
    for _ in range(1500):
        if (job := applying.state(desk.settings, "clean")) and job.status is not None:
            break
        time.sleep(0.02)
    made = [desk.settings.log, *applying.folder(desk.settings).iterdir(), *desk.settings.output.iterdir()]
    assert len(made) >= 5
    assert {path.name: path.stat().st_mode & 0o777 for path in made} == {path.name: 0o600 for path in made}


def test_findings_come_by_rule_errors_first_or_by_line(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    codes = [e.finding.code for e in desk.entries(Filter())]
    assert codes == sorted(codes, key=lambda code: (desk.summary().rules[code]["severity"] != "error", code))
    lines = [e.finding.line for e in desk.entries(Filter(order="file"))]
    assert lines == sorted(lines)


def test_pages_follow_each_other_without_gap_or_repeat(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(120)])
    for order in ("rule", "file", "sample"):
        chosen, seen, after = Filter(order=order), [], None
        while entries := desk.entries(chosen, after=after, limit=7):
            seen += [e.finding.id for e in entries]
            after = tables.key(entries[-1], chosen)
        assert len(seen) == len(set(seen)) == desk.count(chosen)
        back = desk.entries(chosen, before=after, limit=10_000)
        assert [e.finding.id for e in back] == seen[:-1]


def test_filters_choose_and_survive_an_address(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    chosen = Filter(rules=("ROL007",), severities=("error",), search="nothing", line=3, order="file", status="all")
    assert [e.finding.line for e in desk.entries(chosen)] == [6]
    assert Filter.from_query(chosen.query()) == chosen
    assert desk.count(Filter(search="100%_'\"; DROP TABLE findings")) == 0
    assert Filter.from_query({"status": "no", "line": "-3", "rule": "a b,ROL007", "order": "x"}) == Filter(
        rules=("ROL007",)
    )


def test_several_reviewers_take_every_finding_once(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(90)])
    parts = [{e.finding.id for e in desk.entries(Filter(take=(n, 3)), limit=1000)} for n in (1, 2, 3)]
    assert sum(map(len, parts)) == len(set().union(*parts)) == desk.count(Filter())
    assert all(len(part) > 10 for part in parts)


def test_an_index_of_other_data_is_not_shown(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    Path(desk.settings.paths[0]).write_text(json.dumps(ROWS[0]) + "\n")
    desk._looked = 0
    assert desk.stale
    with pytest.raises((ChangedError, CuratorError)):
        desk.raw(desk.settings.paths[0], 3) or pytest.fail("it showed another row")


def test_a_deleted_or_damaged_index_loses_nothing(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    for entry, action in zip(desk.entries(Filter()), ("keep", "drop", "later", "accept"), strict=False):
        do(desk, entry.finding.id, action)
    before = state(desk)
    desk.close()
    desk.settings.database.unlink()
    again = open_desk()
    assert state(again) == before
    again.close()
    again.settings.database.write_bytes(b"no database at all")
    assert state(open_desk()) == before


def test_an_index_made_anew_holds_the_edits_and_what_is_found_in_them(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    one, two = desk.entries(Filter(rules=("ROL007",)))
    do(desk, one.finding.id, "edit", text=Cards(desk).composed(one, {"messages[1].content": "It isnâ€™t on."}, None))
    do(desk, find(desk, "ENC001").finding.id, "keep")
    do(desk, two.finding.id, "later")
    before = state(desk)
    desk.close()
    desk.settings.database.unlink()
    again = open_desk()
    assert state(again) == before
    assert [e.finding.code for e in again.of_row(one.root) if e.edit] == ["ENC001"]
    assert (again.follow(), again.decided()) == (False, 3)


# ---------------------------------------------------------------------- deciding


def test_decisions_are_lines_that_the_command_line_reads(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    empty = find(desk, "ROL007")
    assert do(desk, empty.finding.id, "keep", note="an empty answer is meant").result == "done"
    (made,) = decisions.read(desk.settings.log).decisions
    assert (made.verdict, made.finding, made.who, made.why) == (
        "keep",
        empty.finding.id,
        "ana",
        "an empty answer is meant",
    )
    report = decisions.settle(engine.lint(desk.settings.paths, desk.settings.config), decisions.read(desk.settings.log))
    assert empty.finding.id not in {f.id for f in report.findings} and report.suppressed == 1


def test_what_looks_different_now_is_not_decided(open_desk: Any) -> None:
    ana = open_desk(ROWS)
    ben = open_desk(reviewer="ben")
    one = find(ana, "ROL007").finding.id
    assert do(ana, one, "drop").result == "done"
    outcome = ben.decide([Wish(decisions.new_id(), "keep", one, "")])[0]
    assert (outcome.result, outcome.status, outcome.who) == ("conflict", "drop", "ana")
    assert outcome.why == "ana dropped the row meanwhile"
    assert len(decisions.read(ana.settings.log).decisions) == 1


def test_a_wish_sent_twice_is_granted_once(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    wish = Wish(decisions.new_id(), "keep", find(desk, "ROL007").finding.id)
    assert [o.result for o in (*desk.decide([wish]), *desk.decide([wish]))] == ["done", "done"]
    assert open_desk().decide([wish])[0].result == "done"  # as after a restart
    assert len(decisions.read(desk.settings.log).decisions) == 1


def test_a_full_disk_is_told_and_what_is_sent_again_is_recorded_once(open_desk: Any) -> None:
    """The log took the decisions, the index could not: it follows as soon as there is room."""
    desk = open_desk([chat(f"Question {n}?", "") for n in range(400)])
    entries = desk.entries(Filter(rules=("ROL007",)), limit=400)
    wishes = [Wish(decisions.new_id(), "keep", entry.finding.id, note="n" * 200) for entry in entries]
    (most,) = desk.db.execute("PRAGMA max_page_count = 1").fetchone()  # no page more than it has: as on a full disk
    for _ in range(3):
        with pytest.raises(WriteError, match="the disk is full") as caught:
            desk.decide(wishes)
        assert caught.value.where == str(desk.settings.database) and "free some space" in caught.value.hint
        assert len(decisions.read(desk.settings.log).decisions) == len(wishes)
    assert desk.entries(Filter(), limit=1), "what is there can be looked at meanwhile"
    desk.db.execute(f"PRAGMA max_page_count = {most + 1000}")
    assert {outcome.result for outcome in desk.decide(wishes)} == {"done"}
    assert len(decisions.read(desk.settings.log).decisions) == len(wishes) == desk.decided()


def test_dropping_a_row_settles_all_that_is_found_in_it(open_desk: Any) -> None:
    desk = open_desk([*ROWS, chat("Is it sealed?", "It isnâ€™t sealed, so keep the rest of it indoors and the")])
    entries = [e for e in desk.entries(Filter()) if e.finding.line == 7]
    assert len(entries) >= 2
    do(desk, entries[0].finding.id, "drop")
    assert {desk.entry(e.finding.id).status for e in entries} == {"drop"}
    desk.undo()
    assert {desk.entry(e.finding.id).status for e in entries} == {"open"}


def test_undo_goes_back_step_by_step_and_across_a_restart(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    one = find(desk, "ROL007").finding.id
    seen = [desk.entry(one).status]
    for action in ("keep", "drop", "keep", "later"):
        do(desk, one, action)
        seen.append(desk.entry(one).status)
    assert seen == ["open", "keep", "drop", "keep", "later"]
    desk = open_desk()
    for status in seen[-2::-1]:
        assert desk.undo().result == "done"
        assert desk.entry(one).status == status
    assert desk.undo().result == "refused"


def test_what_another_decision_was_made_on_top_of_is_not_taken_back_and_it_is_said_who_made_that(
    open_desk: Any,
) -> None:
    ana = open_desk(ROWS)
    ben = open_desk(None, "ben")
    one, two = (entry.finding.id for entry in ana.entries(Filter(rules=("ROL007",))))
    first = do(ana, one, "drop").id
    do(ben, one, "keep")
    outcome = ana.undo(first)
    assert (outcome.result, outcome.why) == ("refused", "ben decided otherwise on top of it: take that back first")
    assert ana.entry(one).status == "keep"
    assert ben.undo().result == "done" and ana.undo(first).result == "done" and ana.entry(one).status == "open"
    assert ana.undo(first).why == "it was taken back already"
    assert ana.undo("0" * 32).why == "there is no such decision"
    batch, _ = ana.bulk(Filter(rules=("ROL007",)), "drop", expected=2)
    ben.follow()
    do(ben, two, "keep")
    outcome = ana.undo(batch)
    assert (outcome.result, outcome.why) == (
        "done",
        "1 of 2 stay as they are: ben decided otherwise on top of it: take that back first",
    )
    assert [ana.entry(name).status for name in (one, two)] == ["open", "keep"]


def test_whoever_takes_a_decision_back_hears_whose_it_was_and_stands_for_it(open_desk: Any) -> None:
    """U is for one's own decisions; the page History for anybody's."""
    ana = open_desk(ROWS)
    ben = open_desk(None, "ben")
    name = do(ana, find(ana, "ROL007").finding.id, "drop").id
    ben.follow()
    assert ben.undo().why == "nothing of yours stands that could be" and ben.count(Filter(status="drop")) == 1
    outcome = ben.undo(name)
    assert (outcome.result, outcome.why, outcome.status) == ("done", "made by ana", "open")
    assert decisions.read(ana.settings.log).decisions[-1].who == "ben"
    assert tables.undone(outcome) == "Taken back: made by ana."
    assert tables.undone(ana.undo()) == "Nothing was taken back: nothing of yours stands that could be."


def test_a_decision_on_a_pair_is_about_the_right_row(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    near = find(desk, "DUP002").finding
    other = near.related[0]
    for action, dropped in (("left", {other.line}), ("right", {near.line}), ("none", {near.line, other.line})):
        do(desk, near.id, action)
        assert desk.entry(near.id).status == "drop"
        rows = {d.row for d in decisions.standing(decisions.read(desk.settings.log).decisions) if d.verdict == "drop"}
        at = {line for line in range(1, 7) if _row(desk, line) in rows}
        assert at == {line for line in range(1, 7) if _row(desk, line) in {_row(desk, n) for n in dropped}}
        desk.undo()
        assert desk.entry(near.id).status == "open"
    do(desk, near.id, "both")
    assert desk.entry(near.id).status == "keep"


def _row(desk: Desk, line: int, rows: list[Any] = ROWS) -> str:
    return index.content_id(rows[line - 1], b"").hex()


def test_of_equal_rows_one_stays(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS)
    do(desk, find(desk, "DUP001").finding.id, "right")
    kept = _cleaned(desk, tmp_path)
    assert kept.count(ROWS[0]) == 1


def _cleaned(desk: Desk, folder: Path) -> list[Any]:
    cleaning.clean(desk.settings.paths, folder / "clean.jsonl", desk.settings.config)
    return [json.loads(line) for line in (folder / "clean.jsonl").read_text().splitlines()]


def test_an_edit_is_judged_at_once_and_what_it_brings_up_joins_the_queue(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS)
    cards = Cards(desk)
    one = find(desk, "ROL007")
    text = cards.composed(one, {"messages[1].content": "It isnâ€™t on."}, None)
    assert [found["code"] for found in cards.checked(one, text)] == ["ENC001"]
    assert do(desk, one.finding.id, "edit", text=text).result == "done"
    new = [e for e in desk.of_row(one.root) if e.edit]
    assert [(e.finding.code, e.status, e.finding.line) for e in new] == [("ENC001", "open", one.finding.line)]
    assert do(desk, new[0].finding.id, "accept").result == "done"
    assert chat("What does the amber light mean?", "It isn’t on.") in _cleaned(desk, tmp_path)
    again = cards.composed(one, {"messages[1].content": "It is off."}, None)
    do(desk, one.finding.id, "edit", text=again)
    assert [e.finding.code for e in desk.of_row(one.root) if e.edit] == []
    assert chat("What does the amber light mean?", "It is off.") in _cleaned(desk, tmp_path)


@pytest.mark.parametrize("order", ["rule", "file"])
def test_what_an_edit_brings_up_stands_behind_what_was_edited(open_desk: Any, order: Any) -> None:
    """In every order that can say so; each page of the queue begins where the last one ended."""
    desk = open_desk([*ROWS, chat("Is it sealed?", "It isnâ€™t sealed, so keep the rest of it indoors and the")])
    chosen = Filter(order=order, status="all")
    loop = Loop(desk, chosen)
    loop.start()
    cut = next(e for e in desk.entries(Filter(rules=("ANS005",))))
    wish = {"id": decisions.new_id(), "action": "edit", "finding": cut.finding.id, "texts": {"messages[1].content": ""}}
    said = {"m": 1, "client": "c", "set": desk.settings.set, "view": loop.view, "ahead": 999, "wishes": [wish]}
    brought = [card["id"] for card in loop.answer(said)["brought"]]
    assert brought == [e.finding.id for e in desk.of_row(cut.root, edited=True)] != []
    assert loop.answer(said)["brought"], "an answer that was lost is given again"
    walked, after = [], None
    while page := desk.entries(chosen, after=after, limit=1):
        walked, after = [*walked, page[0].finding.id], loop.key(page[0])
    at = walked.index(cut.finding.id)
    assert walked[at + 1 : at + 1 + len(brought)] == brought and len(walked) == desk.count(chosen)
    refused = {**said, "m": 2, "wishes": [{**wish, "id": decisions.new_id(), "base": "", "whole": "[1]"}]}
    assert loop.answer(refused)["brought"] == []


def test_beside_a_finding_stands_what_is_found_in_the_row_now(open_desk: Any) -> None:
    """What an edit has settled is not found in its row any more; undone, it is again."""
    desk = open_desk([*ROWS, chat("Is it sealed?", "It isnâ€™t sealed, so keep the rest of it indoors and the")])
    cards = Cards(desk)
    one, *rest = [e for e in desk.entries(Filter()) if e.finding.line == 7]
    assert {told["id"] for told in cards.others(one)} == {e.finding.id for e in rest} != set()
    text = cards.composed(one, {"messages[1].content": "Sorry, but I can't help with that."}, None)
    do(desk, one.finding.id, "edit", text=text)
    brought = [e for e in desk.of_row(one.root) if e.edit]
    assert brought and {told["id"] for told in cards.others(one)} == {e.finding.id for e in brought}
    assert not {told["id"] for told in cards.others(brought[0])} & {e.finding.id for e in (one, *rest)}
    desk.undo()
    assert {told["id"] for told in cards.others(one)} == {e.finding.id for e in rest}


@pytest.mark.parametrize("text", ["[1]", "{", '{"a": 1}\n{"b": 2}', "", "null"])
def test_an_edit_that_is_no_row_is_refused(open_desk: Any, text: str) -> None:
    desk = open_desk(ROWS)
    outcome = do(desk, find(desk, "ROL007").finding.id, "edit", text=text)
    assert outcome.result == "refused" and outcome.status == "open"
    assert not desk.settings.log.exists() or not decisions.read(desk.settings.log).decisions


def test_an_edit_that_could_not_be_recorded_whole_is_refused_and_says_what_to_write(open_desk: Any) -> None:
    desk = open_desk([chat("Whom do I ask? ann.lee@brightpost.se", "")])
    one = find(desk, "ROL007")
    for name, result in (("bob.ray", "refused"), ("ann.lee", "done")):
        text = json.dumps(chat("Whom do I ask? ann.lee@brightpost.se", f"Ask {name}@brightpost.se."))
        told = Loop(desk, Filter())._check(one, {"whole": text}) if result == "done" else None
        outcome = do(desk, one.finding.id, "edit", text=text)
        assert outcome.result == result and (told is None or "found" in told)
        if result == "refused":
            assert "[EMAIL]" in outcome.why and "placeholder" in outcome.why and "bob" not in outcome.why
            assert not decisions.read(desk.settings.log).decisions
            with pytest.raises(UsageError, match="placeholder"):
                Loop(desk, Filter())._check(one, {"whole": text})
    assert applying.dry_run(desk).applied == 1


def test_an_edited_row_is_shown_and_judged_with_its_private_values(open_desk: Any) -> None:
    """The record holds none of them; what is shown is what the clean set will hold."""
    desk = open_desk([chat("Whom do I ask? ann.lee@brightpost.se", "")])
    text = json.dumps(chat("Whom do I ask? ann.lee@brightpost.se", "It isnâ€™t me: ask ann.lee@brightpost.se."))
    one = find(desk, "ROL007")
    do(desk, one.finding.id, "edit", text=text)
    (found,) = desk.entries(Filter(rules=("ENC001",)))
    assert found.edit and found.finding.row == decisions.read(desk.settings.log).decisions[0].after
    assert json.loads(desk.current(found)) == json.loads(text)
    assert "ann.lee@" in json.dumps(Cards(desk).card(found)["left"])
    assert json.loads(Cards(desk).fields(desk.entry(one.finding.id))["whole"]) == json.loads(text)
    assert "ann.lee" not in desk.settings.log.read_text()


def test_what_takes_decisions_back_is_one_line_that_says_what_holds_again(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(9)])

    def said() -> list[tuple[str, int]]:
        return [(line["verdict"], line["findings"]) for line in tables.history(desk.history())]

    one, two, *_ = desk.entries(Filter(rules=("ROL007",)))
    do(desk, one.finding.id, "keep")
    desk.undo()
    assert said() == [("taken back: open again", 1), ("kept, taken back", 1)]
    do(desk, two.finding.id, "later")
    do(desk, two.finding.id, "keep")
    desk.undo()
    assert said()[0] == ("taken back: for later again", 1)
    do(desk, two.finding.id, "keep")
    before = len(said())
    batch, made = desk.bulk(Filter(rules=("ROL007",), status="all"), "later", expected=9)
    desk.undo(batch)
    assert said()[:2] == [("taken back: as it was before", made), ("for later, taken back", made)]
    assert len(said()) == before + 2


def test_many_are_decided_at_once_and_undone_at_once(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(50)])
    chosen = Filter(rules=("ROL007",))
    before = state(desk)
    number = desk.eligible_count(chosen, "keep")
    assert number == 50 and len(desk.samples(chosen, "keep")) == 5
    batch, made = desk.bulk(chosen, "keep", expected=number, note="meant so")
    assert made == 50 and desk.count(chosen) == 0
    assert [(h["number"], h["verdict"]) for h in desk.history()] == [(50, "keep")]
    desk.undo(batch)
    assert [entry[1] for entry in state(desk)] == [entry[1] for entry in before]


def test_what_is_not_recorded_of_the_rows_that_were_ticked_is_told(open_desk: Any) -> None:
    ana, ben = open_desk(ROWS), open_desk(None, "ben")
    ticked = ana.entries(Filter())
    do(ben, ticked[0].finding.id, "keep")
    batch, made, told = tables.decide(ana, ticked, "drop")
    assert made == len(ticked) - 1 == sum(d.batch == batch for d in decisions.read(ana.settings.log).decisions)
    assert told == (
        f"Not recorded for 1 of the {len(ticked)} that were ticked:"
        f" {ticked[0].finding.code}, line {ticked[0].finding.line}: ben kept the row meanwhile."
    )
    ana.undo(batch)
    other = open_desk([chat("Where is it?", "Sorry, but I can't help with that."), *ROWS], name="other.jsonl")
    every = other.entries(Filter(status="all"))
    _, made, told = tables.decide(other, [entry for entry in every if entry.status == "open"], "accept")
    assert "1 without a fix that can be made now" in told and made == other.count(Filter(status="accept"))
    assert tables.decide(ana, [], "accept")[1:] == (0, tables._refused(0, 0, ())) and "Tick" in tables._refused(
        0, 0, ()
    )


def test_a_bulk_decision_on_other_than_what_was_shown_is_refused(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    with pytest.raises(UsageError, match="findings now"):
        desk.bulk(Filter(rules=("ROL007",)), "keep", expected=99)
    assert not decisions.read(desk.settings.log).decisions


@pytest.mark.parametrize("by", ["ana", "ben"], ids=["in another tab", "by another reviewer"])
@pytest.mark.parametrize("action", ["keep", "drop"], ids=["about the finding", "about its row"])
def test_many_are_not_decided_at_once_over_what_was_decided_since_they_were_shown(
    open_desk: Any, by: str, action: str
) -> None:
    desk = open_desk(ROWS)
    every = Filter(status="all")
    number, since = desk.count(every), desk.newest()
    do(open_desk(reviewer=by), find(desk, "ROL007").finding.id, action)
    with pytest.raises(UsageError, match=f"ROL007, line 2: {by}.* meanwhile") as refused:
        desk.bulk(every, "later", expected=number, since=since)
    assert refused.value.hint and find(desk, "ROL007").status == action
    assert desk.bulk(Filter(rules=("ENC001",)), "keep", expected=1, since=since)[1] == 1, "it is not among these"
    assert desk.bulk(every, "later", expected=number, since=desk.newest())[1] == number


def test_many_are_not_decided_at_once_after_the_log_was_exchanged(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    do(desk, find(desk, "ROL007").finding.id, "keep")
    since = desk.newest()
    desk.settings.log.write_bytes(desk.settings.log.read_bytes().replace(since.id.encode(), b"0" * 32))
    every = Filter(status="all")
    with pytest.raises(UsageError, match="meanwhile"):
        desk.bulk(every, "later", expected=desk.count(every), since=since)


def test_the_survivor_of_a_group_is_what_clean_keeps(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS)
    (group,) = [g["number"] for g in desk.groups("repeats")]
    assert [m["line"] for m in desk.members(group)] == [1, 4, 5]
    batch, _ = desk.choose(group, _row(desk, 5))
    assert not desk.groups("repeats") and desk.groups("repeats", undecided=False)
    kept = _cleaned(desk, tmp_path)
    assert ROWS[4] in kept and ROWS[0] not in kept
    desk.undo(batch)
    assert desk.groups("repeats")
    desk.choose(group, "")
    assert {desk.entry(e.finding.id).status for e in desk.group_entries(group)} == {"keep"}


ALIKE = [
    chat("How long is the warranty?", "Two years from the day of purchase, in every country."),
    chat("How LONG is the warranty", "Two years from the day of purchase, in every country."),
    chat("How long is the Warranty ?", "Two years from the day of purchase, in every country."),
    chat("Can I return it?", "Yes, within thirty days, with the receipt that came with it."),
]


def _states(desk: Desk, group: int) -> list[str]:
    (told,) = groups.shown(desk, [group])["groups"]
    return [member["state"] for member in told["members"]]


def test_whoever_is_chosen_last_of_a_group_stays(open_desk: Any, tmp_path: Path) -> None:
    """A choice takes back what dropped the row that it keeps, and undone it puts that back."""
    desk = open_desk(ALIKE)
    (group,) = [g["number"] for g in desk.groups("repeats")]
    for chosen in (0, 1, 2, 0):
        batch, _ = desk.choose(group, _row(desk, chosen + 1, ALIKE))
        assert _states(desk, group) == ["stays" if n == chosen else "goes" for n in range(3)]
        assert _cleaned(desk, tmp_path) == [ALIKE[chosen], ALIKE[3]]
        assert not desk.groups("repeats")
    desk.undo(batch)
    assert _states(desk, group) == ["goes", "goes", "stays"]
    assert _cleaned(desk, tmp_path) == ALIKE[2:]


def test_keep_all_of_a_group_brings_back_what_was_dropped_of_it(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ALIKE)
    (group,) = [g["number"] for g in desk.groups("repeats")]
    desk.choose(group, _row(desk, 1, ALIKE))
    desk.choose(group, "")
    assert _states(desk, group) == ["stays"] * 3
    assert _cleaned(desk, tmp_path) == ALIKE


def test_the_survivor_of_a_group_is_not_taken_by_a_suggestion_that_was_accepted(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ALIKE)
    (group,) = [g["number"] for g in desk.groups("repeats")]
    number = desk.eligible_count(Filter(rules=("DUP002",)), "accept")
    desk.bulk(Filter(rules=("DUP002",)), "accept", expected=number)
    assert _states(desk, group) == ["stays", "goes", "goes"]
    desk.choose(group, _row(desk, 3, ALIKE))
    assert _cleaned(desk, tmp_path) == ALIKE[2:]


def test_a_group_that_was_decided_on_meanwhile_is_not_decided_as_it_was_shown(open_desk: Any, tmp_path: Path) -> None:
    ana = open_desk(ALIKE)
    ben = open_desk(reviewer="ben")
    (group,) = [g["number"] for g in ana.groups("repeats")]
    one, two = (
        {"group": group, "row": _row(ana, n, ALIKE), "shown": groups.shown(desk, [group])["groups"][0]["state"]}
        for n, desk in ((1, ana), (2, ben))
    )
    groups.choose(ana, one)
    with pytest.raises(UsageError, match="meanwhile"):
        groups.choose(ben, two)
    assert _cleaned(ana, tmp_path) == [ALIKE[0], ALIKE[3]]


def test_of_equal_rows_in_a_group_that_is_kept_one_stays(open_desk: Any, tmp_path: Path) -> None:
    rows = [ALIKE[0], ALIKE[1], ALIKE[1], ALIKE[1], ALIKE[3]]
    desk = open_desk(rows)
    (group,) = [g["number"] for g in desk.groups("repeats")]
    desk.choose(group, _row(desk, 2, ALIKE))
    assert _states(desk, group) == ["goes", "stays", "goes", "goes"]
    assert _cleaned(desk, tmp_path) == [ALIKE[1], ALIKE[3]]


def test_what_is_found_in_the_row_that_stays_is_answered_with_the_group(open_desk: Any, tmp_path: Path) -> None:
    """Two rules name the same rows, which are in two groups: who goes in one does not come up again in the other."""
    answer = "The warranty of the L2 router is {} years from the day of purchase, in every country."
    rows = [chat("How long is the warranty of the L2?", answer.format(n)) for n in ("two", "three", "four")]
    desk = open_desk(rows)
    conflicts = desk.groups("conflicts")[0]["number"]
    assert {e.finding.code for e in desk.of_row(_row(desk, 3, rows))} == {"CON001", "DUP003"}
    batch, _ = desk.choose(conflicts, _row(desk, 3, rows))
    assert _states(desk, conflicts) == ["goes", "goes", "stays"]
    assert not desk.groups("conflicts") and not desk.groups("repeats") and not desk.count(Filter())
    assert _cleaned(desk, tmp_path) == rows[2:]
    desk.undo(batch)
    assert desk.count(Filter()) == desk.count(Filter(status="all")) and _cleaned(desk, tmp_path) == rows


def test_what_was_said_of_the_row_that_stays_and_another_row_holds(open_desk: Any) -> None:
    answer = "The warranty of the L2 router is {} years from the day of purchase, in every country."
    rows = [chat("How long is the warranty of the L2?", answer.format(n)) for n in ("two", "three", "four")]
    desk = open_desk(rows)
    alike = find(desk, "DUP003", 1).finding
    assert (alike.line, alike.related[0].line) == (3, 1)
    do(desk, alike.id, "keep")
    desk.choose(desk.groups("conflicts")[0]["number"], _row(desk, 3, rows))
    assert desk.entry(alike.id).status == "keep"


def test_a_row_that_goes_for_two_findings_answers_both_until_each_is_taken_back(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ALIKE)
    one, two = (entry.finding.id for entry in desk.entries(Filter(rules=("DUP002",))))
    for finding in (one, two):
        assert do(desk, finding, "left").result == "done"  # both name row 1 as the other
    assert _cleaned(desk, tmp_path) == ALIKE[1:]

    def stand() -> list[str]:
        return [desk.entry(finding).status for finding in (one, two)]

    assert stand() == ["drop", "drop"]
    desk.undo()
    assert stand() == ["drop", "open"] and _cleaned(desk, tmp_path) == ALIKE[1:]
    desk.undo()
    assert stand() == ["open", "open"] and _cleaned(desk, tmp_path) == ALIKE
    for finding in (one, two):
        do(desk, finding, "left")
    do(desk, one, "both")
    assert stand() == ["keep", "open"] and _cleaned(desk, tmp_path) == ALIKE


def test_a_decision_names_the_place_of_the_row_that_goes(open_desk: Any) -> None:
    desk = open_desk(ALIKE)
    (group,) = [g["number"] for g in desk.groups("repeats")]
    desk.choose(group, _row(desk, 2, ALIKE))
    log = decisions.read(desk.settings.log)
    assert [d.place.rpartition("/")[2].partition(" ")[0] for d in log.decisions] == ["data.jsonl:1", "data.jsonl:3"]
    desk.undo()
    do(desk, find(desk, "DUP002").finding.id, "left")
    assert decisions.read(desk.settings.log).decisions[-1].place.endswith("data.jsonl:1")


def test_an_error_is_kept_with_a_reason_in_a_group_as_well(open_desk: Any) -> None:
    desk = open_desk(ALIKE, need_reason=True, settings='[severity]\nDUP002 = "error"\n')
    (group,) = [g["number"] for g in desk.groups("repeats")]
    with pytest.raises(UsageError, match="reason"):
        desk.choose(group, "")


def test_every_row_of_a_large_group_is_shown_and_can_stay(open_desk: Any, tmp_path: Path) -> None:
    """Twelve at a time, each page beside the row that the others are compared with."""
    rows = [
        chat("How long is the warranty" + "?" * n, "Two years from the day of purchase, in all lands.")
        for n in range(30)
    ]
    desk = open_desk(rows)
    group = desk.groups("repeats")[0]["number"]
    seen: list[str] = []
    first = desk.members(group)[0]["row"]
    for start in (0, 12, 24):
        assert groups.turned({"group": group, "from": start, "at": 1}) == (group, start)
        (told,) = groups.shown(desk, [group], {group: start})["groups"]
        assert (told["size"], told["from"]) == (30, start) and told["members"][0]["row"] == first
        seen += [member["row"] for member in told["members"]]
    assert set(seen) == {member["row"] for member in desk.members(group)} and len(seen) == 30 + 2
    groups.choose(desk, {"group": group, "row": seen[-1], "shown": told["state"]})
    assert _cleaned(desk, tmp_path) == rows[-1:]
    assert groups.shown(desk, [group], {group: 99})["groups"][0]["from"] == 0


@pytest.mark.parametrize(
    "said", [None, {}, {"group": 1}, {"group": 1, "from": -12}, {"group": True, "from": 0}, {"group": "1", "from": 0}]
)
def test_a_turn_of_rows_that_makes_no_sense_is_passed_over(said: Any) -> None:
    assert groups.turned(said) is None


@pytest.mark.parametrize("number", [0, -1, 10**20])
def test_a_group_that_no_one_knows_is_refused(open_desk: Any, number: int) -> None:
    desk = open_desk(ALIKE)
    with pytest.raises(UsageError, match="group"):
        groups.choose(desk, {"group": number, "row": "", "shown": ""})
    with pytest.raises(UsageError, match="group"):
        groups.choose(desk, {"group": 9, "row": "", "shown": ""})


@pytest.mark.parametrize(("action", "left"), [("right", (0, 1)), ("both", (0, 1, 2)), ("left", (1, 2))])
def test_the_row_of_a_pair_that_is_kept_is_not_dropped_by_an_earlier_pair(
    open_desk: Any, tmp_path: Path, action: str, left: tuple[int, ...]
) -> None:
    desk = open_desk(ALIKE)
    one, two = desk.entries(Filter(rules=("DUP002",)))
    assert [e.finding.related[0].line for e in (one, two)] == [1, 1]
    ids = [decisions.new_id() for _ in range(2)]
    desk.decide([Wish(ids[0], "left", one.finding.id), Wish(ids[1], action, two.finding.id)])
    assert _cleaned(desk, tmp_path) == [*(ALIKE[n] for n in left), ALIKE[3]]
    desk.undo()
    assert _row(desk, 1, ALIKE) in Loop(desk, Filter()).start()["goes"]
    assert _cleaned(desk, tmp_path) == ALIKE[1:]


def test_a_verdict_on_an_earlier_version_is_offered_not_applied(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    do(desk, find(desk, "ROL007").finding.id, "keep", note="meant so")
    desk.close()
    rows = [chat("What does the AMBER light mean?", "") if n == 1 else row for n, row in enumerate(ROWS)]
    again = open_desk(rows)
    entry = find(again, "ROL007")
    assert entry.status == "open" and again.decision(entry.earlier).why == "meant so"
    assert again.special()["changed"] == 1
    assert Cards(again).card(entry)["earlier"]["verdict"] == "keep"


def test_a_row_that_moves_into_the_place_of_one_that_was_deleted_is_not_taken_for_it(open_desk: Any) -> None:
    """It stood beside that one when something was decided: it is no later version of it."""
    rows = [chat("What does the amber light mean?", ""), chat("Does it need a key?", ""), *ROWS[2:]]
    desk = open_desk(rows)
    do(desk, find(desk, "ROL007").finding.id, "drop")
    desk.close()
    again = open_desk(rows[1:])
    moved = find(again, "ROL007")
    assert (moved.finding.line, moved.status, moved.earlier) == (1, "open", "") and not again.special()["changed"]
    assert do(again, moved.finding.id, "keep").result == "done"
    again.close()
    for toml in (None, "max-length = 9999\n"):  # also in an index that is made once more
        last = open_desk([chat("Does it need a key, or two?", ""), *rows[2:]], settings=toml)
        assert last.decision(find(last, "ROL007").earlier).verdict == "keep"
        last.close()


def test_a_decision_holds_up_to_its_day_and_no_longer_whatever_is_open(
    open_desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(ROWS)
    one, two = (entry.finding for entry in desk.entries(Filter(rules=("ROL007",))))
    day = date.today() + timedelta(days=30)
    for finding, expires in ((one, day.isoformat()), (two, "")):
        made = decisions.decide(finding, "keep", who="ben", why="until it is mended", expires=expires)
        decisions.append(desk.settings.log, [made])
    desk.follow()
    assert desk.count(Filter(status="keep")) == 2

    class Later(date):
        @classmethod
        def today(cls) -> date:
            return day + timedelta(days=Later.more)

        more = 0

    monkeypatch.setattr("curator.decisions.order.date", Later)
    assert not desk.follow() and desk.count(Filter(status="keep")) == 2, "on the day itself it holds"
    Later.more = 1
    for each in (desk, open_desk()):
        each.follow()
        assert [each.entry(finding.id).status for finding in (one, two)] == ["open", "keep"]
    assert not desk.follow(), "once is enough"


def test_a_row_that_changes_while_it_is_shown_is_asked_about_again(open_desk: Any, tmp_path: Path) -> None:
    """Nothing is decided on the row that stands there now, which nobody saw; one that moved is decided on as ever."""
    desk = open_desk(ROWS)
    shown = [find(desk, "ROL007", n).finding for n in (0, 1)]
    changed = chat("What does the AMBER light mean?", "")
    rows = [ROWS[0], changed, chat("Is there a manual?", "Yes, in the box, and a newer one online."), *ROWS[2:]]
    Path(desk.settings.paths[0]).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert desk.stale
    for action in ("drop", "keep", "edit"):
        outcome = do(desk, shown[0].id, action, text=json.dumps(chat("What does it mean?", "It charges.")))
        assert (outcome.result, outcome.status) == ("changed", "open") and "lint again" in outcome.why
    assert do(desk, shown[1].id, "drop").result == "done" and not Cards(desk).card(desk.entry(shown[1].id)).get(
        "problem"
    )
    with pytest.raises(UsageError, match="line 2 was changed in its file"):
        desk.bulk(Filter(rules=("ROL007",)), "keep", expected=1)
    desk.close()
    again = open_desk()
    first, second = find(again, "ROL007"), find(again, "ROL007", 1)
    assert (first.finding.line, first.status) == (2, "open")
    assert (second.finding.line, second.status) == (7, "drop")
    kept = _cleaned(again, tmp_path)
    assert changed in kept and ROWS[5] not in kept


@pytest.mark.parametrize("edit", [{"texts": {"messages[1].content": "On."}}, {"whole": json.dumps(ROWS[0])}])
def test_a_card_shows_the_row_as_it_stands_now_before_and_when_it_is_decided_on(open_desk: Any, edit: Any) -> None:
    desk = open_desk(ROWS)
    loop = Loop(desk, Filter())
    first = loop.start()["items"][0]
    said = {"m": 1, "client": "c", "set": desk.settings.set, "view": loop.view, "ahead": 999, "at": first["id"]}
    assert loop.answer(said)["redrawn"] == []
    rows = [chat("What does the green light mean?", "It is charged.") if n == 1 else row for n, row in enumerate(ROWS)]
    Path(desk.settings.paths[0]).write_text("".join(json.dumps(row) + "\n" for row in rows))
    looked = loop.answer({**said, "m": 2})
    wish = {"id": decisions.new_id(), "action": "edit", "finding": first["id"], **edit}
    decided = loop.answer({**said, "m": 3, "at": "", "wishes": [wish]})
    for answer in (looked, decided):
        (card,) = answer["redrawn"]
        assert (card["id"], card["kind"]) == (first["id"], "changed") and "linted again" in str(card["problem"])
        assert card["left"]["title"] == "line 2 as it stands now" and "It is charged." in str(card["left"])
    assert [outcome["result"] for outcome in decided["outcomes"]] == ["changed"] and not desk.decided()


def test_a_row_of_a_table_that_was_changed_is_not_decided_on_unseen(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_text("prompt,completion\nWhere is it?,\nWhen?,At five o'clock on every day of the week.\n")
    desk = Desk(Settings((str(data),), load_config(tmp_path), "ana", tmp_path / "out"))
    while not desk.ready():
        time.sleep(0.05)
    found = desk.entries(Filter())[0]
    assert do(desk, found.finding.id, "later").result == "done"
    data.write_text(data.read_text().replace("Where is it?,", "Where is it?,In the box."))
    assert do(desk, found.finding.id, "drop").result == "changed"
    assert "linted again" in str(Cards(desk).card(found)["problem"])
    desk.close()


def test_a_line_that_is_no_row_can_be_kept_from_the_lint_alone_and_clean_says_so(
    open_desk: Any, tmp_path: Path
) -> None:
    desk = open_desk([ROWS[0], b'{"messages": [', b'["a list"]', ROWS[1]])
    cards = Cards(desk)
    for code in ("FIL001", "FIL002"):
        found = find(desk, code)
        assert cards.card(found)["noRow"] and do(desk, found.finding.id, "keep").result == "done"
    assert not cards.card(find(desk, "ROL007"))["noRow"]
    data, config = desk.settings.paths, desk.settings.config
    settled = decisions.settle(engine.lint(data, config, cache=False), decisions.beside(data))
    assert {f.code for f in settled.findings} == {"ROL007"} and settled.suppressed == 2
    result = cleaning.clean(data, tmp_path / "clean.jsonl", config)
    assert (tmp_path / "clean.jsonl").read_text().count("\n") == result.losses[0].written == 2
    assert (result.applied, [str(each).partition(":")[0] for each in result.unapplied]) == (
        0,
        ["keep FIL001 data.jsonl", "keep FIL002 data.jsonl"],
    )
    assert all("left out all the same" in each.why for each in result.unapplied)


def test_decisions_hold_when_rows_move(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    for entry in desk.entries(Filter(rules=("ROL007",))):
        do(desk, entry.finding.id, "keep")
    desk.close()
    rows = [chat("Is there a manual?", "Yes, in the box, and a newer one online."), *reversed(ROWS)]
    again = open_desk(rows)
    assert {e.status for e in again.entries(Filter(rules=("ROL007",), status="all"))} == {"keep"}


def test_a_torn_line_is_passed_over_and_closed(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    first, second = (e.finding.id for e in desk.entries(Filter(rules=("ROL007",))))
    do(desk, first, "keep")
    with desk.settings.log.open("ab") as log:
        log.write(b'{"verdict":"drop","row":"ab')
    desk = open_desk()
    assert do(desk, second, "keep").result == "done"
    assert len(decisions.read(desk.settings.log).decisions) == 2
    assert {e.status for e in open_desk().entries(Filter(rules=("ROL007",), status="all"))} == {"keep"}


def test_a_log_that_was_merged_or_rewritten_is_followed_anew(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    entries = desk.entries(Filter(rules=("ROL007",)))
    for entry in entries:
        do(desk, entry.finding.id, "keep")
    kept = decisions.read(desk.settings.log).decisions
    decisions.write(desk.settings.log, kept[:1])
    desk.follow()
    assert [desk.entry(e.finding.id).status for e in entries] == ["keep", "open"]
    decisions.write(desk.settings.log, kept[::-1])
    desk.follow()
    assert [desk.entry(e.finding.id).status for e in entries] == ["keep", "keep"]
    assert desk.decided() == 2


@pytest.mark.parametrize("grown", [False, True], ids=["as long as before", "and something added"])
@pytest.mark.parametrize("restarted", [False, True], ids=["while it is open", "while it is closed"])
def test_a_line_changed_in_the_middle_of_the_log_counts(open_desk: Any, restarted: bool, grown: bool) -> None:
    """Also where the log is as long as it was and both of its ends are what they were."""
    desk = open_desk([chat(f"Question {n}?", "") for n in range(60)])
    entries = desk.entries(Filter(rules=("ROL007",)), limit=60)
    for entry in entries[:-1]:
        do(desk, entry.finding.id, "keep")
    lines = desk.settings.log.read_bytes().splitlines(keepends=True)
    lines[25] = lines[25].replace(b'"keep"', b'"drop"')
    late = decisions.decide(entries[-1].finding, "keep", who="ben")
    desk.settings.log.write_bytes(b"".join(lines) + decisions.as_lines([late]) * grown)
    if restarted:
        desk = open_desk()
    desk.follow()
    statuses = [desk.entry(entry.finding.id).status for entry in entries]
    assert statuses == ["keep"] * 25 + ["drop"] + ["keep"] * 33 + ["keep" if grown else "open"]


def test_a_clock_that_runs_behind_does_not_lose_to_what_it_saw(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    one = find(desk, "ROL007")
    ahead = decisions.decide(one.finding, "drop", who="ben")
    decisions.append(desk.settings.log, [msgspec.structs.replace(ahead, when="2099-01-01T00:00:00+00:00", id="f" * 32)])
    desk.follow()
    assert do(desk, one.finding.id, "keep").status == "keep"
    assert {d.verdict for d in decisions.standing(decisions.read(desk.settings.log).decisions)} == {"keep"}


VERDICTS = st.sampled_from(["accept", "keep", "drop", "later"])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 4), VERDICTS, st.sampled_from(["ana", "ben"]), st.sampled_from(["", "row", "rule"])),
        max_size=12,
    ),
    st.randoms(),
)
def test_logs_come_to_the_same_state_in_any_order_and_in_any_parts(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[int, str, str, str]], rnd: random.Random
) -> None:
    """About a finding, its whole row or its rule in the row; line by line, or all at once, as after a merge."""
    log = [
        Decision(
            v,  # type: ignore[arg-type]
            f"row{n // 2}",
            "" if kind == "rule" else f"finding{n}",
            "ROL007",
            who=w,
            when=f"2026-01-01T00:00:{k:02}+00:00",
            id=f"{k:032x}",
            whole=kind == "row",
        )
        for k, (n, v, w, kind) in enumerate(made)
    ]
    folder, usual = tmp_path_factory.mktemp("logs"), following.MANY
    states = []
    parts = [[one] for one in log]
    for number, (order, many) in enumerate(((parts, usual), ([rnd.sample(log, len(log))], usual), ([log], -1))):
        following.MANY = many
        place = folder / f"{number}.jsonl"
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.executescript(schema.TABLES)
        schema.index(db)
        for n in range(5):
            db.execute(
                "INSERT INTO findings(rank, seq, slot, id, code, severity, file, line, row, root, copies, fix, related)"
                " VALUES (?, ?, ?, ?, 'ROL007', 'error', 0, ?, ?, ?, 1, '', 0)",
                (n * 64, n, n, f"finding{n}", n, f"row{n // 2}", f"row{n // 2}"),
            )
        for part in order:
            decisions.append(place, part)
            following.follow(db, [place])
        states.append(db.execute("SELECT id, status, who, head, disputed FROM findings ORDER BY id").fetchall())
        with Bodies(db) as bodies:
            assert sorted(bodies.of("1"), key=lambda d: d.id) == log
        db.close()
    following.MANY = usual
    assert states[0] == states[1] == states[2]
    if all(kind == "" for *_, kind in made):
        standing = {d.finding: d.verdict for d in decisions.standing(log)}
        assert {i: s for i, s, *_ in states[0] if s not in ("open", "later")} == standing


def _append_many(path: str, who: str, number: int) -> None:
    for n in range(number):
        decisions.append(path, [Decision("keep", f"{who}{n}", f"{who}-{n}", "ROL007", who=who, id=decisions.new_id())])


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    log = str(tmp_path / "decisions.jsonl")
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    workers = [context.Process(target=_append_many, args=(log, name, 60)) for name in "abcd"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    read = decisions.read(log)
    assert len(read.decisions) == len({d.finding for d in read.decisions}) == 240 and not read.unread


def test_lint_says_what_clean_will_settle(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    first, second = desk.entries(Filter(rules=("ROL007",)))
    do(desk, first.finding.id, "drop")
    do(desk, second.finding.id, "keep")
    do(desk, find(desk, "ENC001").finding.id, "accept")
    report = decisions.settle(engine.lint(desk.settings.paths, desk.settings.config), decisions.read(desk.settings.log))
    assert (report.pending, report.suppressed) == (2, 1)
    desk.undo()
    report = decisions.settle(engine.lint(desk.settings.paths, desk.settings.config), decisions.read(desk.settings.log))
    assert (report.pending, report.suppressed) == (1, 1)


# ---------------------------------------------------------------------- reviewers


def judged(finding: str, verdict: str, who: str, at: int, **more: Any) -> Decision:
    when = f"2026-01-01T00:{at // 60:02}:{at % 60:02}+00:00"
    return Decision(verdict, f"row of {finding}", finding, "DUP003", who=who, when=when, id=f"{at:032x}", **more)  # type: ignore[arg-type]


def test_reviewers_who_did_not_see_each_other_dispute() -> None:
    ana, ben = judged("f", "keep", "ana", 1), judged("f", "drop", "ben", 2)
    assert following.disputed([ana, ben])
    assert not following.disputed([ana, judged("f", "drop", "ben", 2, base=ana.id)])
    assert not following.disputed([ana, ben, judged("f", "drop", "cleo", 3, base=ben.id)])
    assert not following.disputed([ana, judged("f", "keep", "ben", 2)])
    assert not following.disputed([ana, judged("f", "drop", "ana", 2)])


def test_kappa_is_cohens(open_desk: Any) -> None:
    pairs = [("drop", "drop")] * 20 + [("drop", "keep")] * 5 + [("keep", "drop")] * 10 + [("keep", "keep")] * 15
    made = []
    for n, (one, two) in enumerate(pairs):
        made += [judged(f"f{n}", one, "ana", 2 * n), judged(f"f{n}", two, "ben", 2 * n + 1)]
    rule, whole = agreement.agreements(made)[1], agreement.agreements(made)[0]
    assert (rule.code, whole.code, rule.both, rule.agreed) == ("DUP003", "*", 50, 35)
    assert rule.kappa == pytest.approx(0.4)  # the worked example: agreement 0.7, by chance 0.5


def test_precision_counts_single_judgements_with_wilsons_interval() -> None:
    made = [judged(f"f{n}", "keep" if n < 2 else "accept", "ana", n) for n in range(37)]
    (told,) = agreement.precisions([*made, *(judged(f"b{n}", "drop", "ana", 50, batch="b") for n in range(9))])
    assert (told.judged, told.right) == (37, 35)
    assert str(told) == "37 judged, 35 true, 95% (82 to 99%)"
    assert agreement.Precision.of("X", 3, 0).more(100) > told.more(100) == 0


def test_the_app_and_the_log_tell_the_same_precision(open_desk: Any) -> None:
    desk = open_desk([*ROWS, *(chat(f"Question {n}?", "") for n in range(20))])
    for n, entry in enumerate(desk.entries(Filter(), limit=100)):
        do(desk, entry.finding.id, ("keep", "drop", "later")[n % 3])
    told = {p.code: p for p in desk.judgements() if p.judged}
    assert told == {p.code: p for p in agreement.precisions(decisions.read(desk.settings.log).decisions)}


def test_merged_logs_make_a_queue_of_disagreements(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS)
    one, two = desk.entries(Filter(rules=("ROL007",)))
    do(desk, one.finding.id, "keep")
    do(desk, two.finding.id, "drop")
    theirs = decisions.decide(one.finding, "drop", who="ben")
    with desk.settings.log.open("ab") as log:
        log.write(decisions.as_lines([msgspec.structs.replace(theirs, id=decisions.new_id())]))
    desk.follow()
    assert [e.finding.id for e in desk.entries(Filter(status="disputed"))] == [one.finding.id]
    assert {said["who"] for said in Cards(desk).card(desk.entry(one.finding.id))["said"]} == {"ana", "ben"}
    assert any("; the newest counts" in p.message for p in decisions.check(decisions.read(desk.settings.log)))
    do(desk, one.finding.id, "keep")
    assert desk.count(Filter(status="disputed")) == 0
    assert not any("; the newest counts" in p.message for p in decisions.check(decisions.read(desk.settings.log)))


def one_behind_the_other(open_desk: Any, first: str, second: str) -> Desk:
    """What ana said of an empty answer, then what ben said, each in a log of their own; merged, for a third."""
    logs = []
    for who, verdict in (("ana", first), ("ben", second)):
        desk = open_desk(ROWS, who)
        desk.settings.log.unlink(missing_ok=True)
        desk.follow()
        do(desk, find(desk, "ROL007").finding.id, verdict)
        logs.append(desk.settings.log.read_bytes())
    desk.settings.log.write_bytes(b"".join(reversed(logs)))
    desk.follow()
    return desk


@pytest.mark.parametrize(("first", "second"), [("drop", "keep"), ("keep", "drop")])
def test_in_merged_logs_the_newer_of_a_row_dropped_and_its_finding_judged_counts_everywhere(
    open_desk: Any, tmp_path: Path, first: str, second: str
) -> None:
    desk = one_behind_the_other(open_desk, first, second)
    log = decisions.read(desk.settings.log)
    finding = find(desk, "ROL007").finding
    said = [problem.message for problem in decisions.check(log) if not problem.remark]
    assert len(said) == 1 and f"ana says {first}, ben says {second}" in said[0]
    assert {d.verdict for d in decisions.standing(log.decisions)} == {second}
    assert find(desk, "ROL007").status == second and find(desk, "ROL007").disputed
    report = decisions.settle(engine.lint(desk.settings.paths, desk.settings.config), log)
    assert (report.suppressed, report.pending) == ((1, 0) if second == "keep" else (0, 1))
    cleaning.clean(desk.settings.paths, tmp_path / "clean.jsonl", desk.settings.config)
    asked = ROWS[finding.line - 1]["messages"][0]["content"]
    assert (asked in (tmp_path / "clean.jsonl").read_text()) == (second == "keep")
    assert bool(desk.dropping([finding.row])) == (second == "drop")


def of_a_pair(open_desk: Any, who: str, action: str) -> list[Decision]:
    """What somebody who sees no other verdict decides on the first pair of ALIKE, of lines 2 and 1."""
    desk = open_desk(ALIKE, who)
    desk.settings.log.unlink(missing_ok=True)
    desk.follow()
    do(desk, find(desk, "DUP002").finding.id, action)
    return list(decisions.read(desk.settings.log).decisions)


@pytest.mark.parametrize("whole", [True, False], ids=["in the app", "on the command line"])
def test_reviewers_who_drop_another_row_each_of_a_pair_disagree_and_one_row_stays(
    open_desk: Any, tmp_path: Path, whole: bool
) -> None:
    """The newer counts, whichever is read first, and `clean` names the other."""
    ana, ben = of_a_pair(open_desk, "ana", "left")[0], of_a_pair(open_desk, "ben", "right")[0]
    ben = msgspec.structs.replace(ben, whole=whole)
    desk = open_desk(ALIKE)
    for log in ([ana, ben], [ben, ana]):
        decisions.write(desk.settings.log, log)
        desk.follow()
        pair = find(desk, "DUP002")
        assert pair.disputed and (pair.status, pair.who) == ("drop", "ben")
        assert [told["verdict"] for told in Cards(desk).card(pair)["said"]] == ["drop line 1", "drop line 2"]
        assert ana.row not in desk.dropping([ana.row, ben.row])
        cleaned = cleaning.clean(desk.settings.paths, tmp_path / "clean.jsonl", desk.settings.config)
        assert json.loads((tmp_path / "clean.jsonl").read_text().splitlines()[0]) == ALIKE[0]
        assert cleaned.applied == 1 and [each.decision for each in cleaned.unapplied] == [ana]
        told = [problem.message for problem in decisions.check(decisions.read(desk.settings.log)) if not problem.remark]
        assert len(told) == 1 and "ana drops" in told[0] and "the newest counts" in told[0]
    assert do(desk, pair.finding.id, "left").result == "done" and not find(desk, "DUP002").disputed
    assert set(desk.dropping([ana.row, ben.row])) == {ana.row}


def test_who_drops_both_rows_of_a_pair_drops_both_and_disagrees_with_who_drops_one(open_desk: Any) -> None:
    both, ben = of_a_pair(open_desk, "ana", "none"), of_a_pair(open_desk, "ben", "right")
    desk = open_desk(ALIKE)
    rows = [decision.row for decision in both]
    for log, goes in (
        (both, set(rows)),
        ([*both, *ben], {ben[0].row}),
        ([*ben, *of_a_pair(open_desk, "ana", "none")], set(rows)),
    ):
        decisions.write(desk.settings.log, log)
        desk.follow()
        assert set(desk.dropping(rows)) == goes == {d.row for d in decisions.standing(log)}
        assert find(desk, "DUP002").disputed == (len(log) == 3)
    do(desk, find(desk, "DUP002").finding.id, "both")
    desk.undo()
    assert set(desk.dropping(rows)) == set(rows), "an undoing restores the act as a whole"


TWICE = [
    chat("How long may the pump run dry?", "The pump may run dry for 30 seconds before it stops itself."),
    chat("How long may the pump run dry?", "The pump may run dry for 90 seconds before it stops itself."),
]


def said_alone(open_desk: Any, who: str, code: str, action: str) -> list[Decision]:
    """What somebody who sees no other verdict decides on what a rule finds in the pair TWICE."""
    desk = open_desk(TWICE, who)
    desk.settings.log.unlink(missing_ok=True)
    desk.follow()
    do(desk, find(desk, code).finding.id, action)
    return list(decisions.read(desk.settings.log).decisions)


@pytest.mark.parametrize("settled_in", ["CON001", "DUP003"])
@pytest.mark.parametrize("settled_by", ["left", "right"])
def test_reviewers_who_drop_another_row_each_of_a_pair_for_other_rules_disagree_and_one_row_stays(
    open_desk: Any, tmp_path: Path, settled_in: str, settled_by: str
) -> None:
    """Two rules found something in the same pair: the newer counts, as where one rule did."""
    ana, ben = said_alone(open_desk, "ana", "CON001", "left")[0], said_alone(open_desk, "ben", "DUP003", "right")[0]
    desk = open_desk(TWICE)
    for log in ([ana, ben], [ben, ana]):
        decisions.write(desk.settings.log, log)
        desk.follow()
        assert set(desk.dropping([ana.row, ben.row])) == {ben.row}
        assert find(desk, "CON001").disputed and find(desk, "DUP003").disputed
        cleaned = cleaning.clean(desk.settings.paths, tmp_path / "clean.jsonl", desk.settings.config)
        assert [json.loads(line) for line in (tmp_path / "clean.jsonl").read_text().splitlines()] == TWICE[:1]
        assert cleaned.applied == 1 and [each.decision for each in cleaned.unapplied] == [ana]
        told = [problem.message for problem in decisions.check(decisions.read(desk.settings.log)) if not problem.remark]
        assert len(told) == 1 and "of one pair, for CON001 and DUP003; the newest counts" in told[0]
    assert do(desk, find(desk, settled_in).finding.id, settled_by).result == "done"
    assert set(desk.dropping([ana.row, ben.row])) == {ana.row if settled_by == "left" else ben.row}
    assert not find(desk, "CON001").disputed and not find(desk, "DUP003").disputed
    told = [problem.message for problem in decisions.check(decisions.read(desk.settings.log)) if not problem.remark]
    assert not told


def test_reviewers_who_drop_the_same_row_of_a_pair_for_other_rules_agree(open_desk: Any) -> None:
    ana, ben = said_alone(open_desk, "ana", "CON001", "left"), said_alone(open_desk, "ben", "DUP003", "left")
    desk = open_desk(TWICE)
    decisions.write(desk.settings.log, [*ana, *ben])
    desk.follow()
    assert not any(find(desk, code).disputed for code in ("CON001", "DUP003"))
    assert not [problem for problem in decisions.check(decisions.read(desk.settings.log)) if not problem.remark]


def gone_beside(desk: Desk, n: int, beside: int, who: str, hour: int, **more: Any) -> Decision:
    """What somebody comes to who sees two rows alike and keeps the other one."""
    one, two = find(desk, "ROL007", n), find(desk, "ROL007", beside)
    now = datetime(2026, 11, 20, hour // 60, hour % 60, tzinfo=UTC)
    made = decisions.decide(one.finding, "drop", who=who, now=now)
    return msgspec.structs.replace(made, id=f"{hour:032x}", whole=True, beside=two.root, **more)


def test_of_rows_that_several_let_go_beside_one_another_all_around_one_stays(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(3)])
    rows = [find(desk, "ROL007", n).root for n in range(3)]
    ring = [gone_beside(desk, n, (n + 1) % 3, who, n + 1) for n, who in enumerate(("ana", "ben", "cleo"))]
    decisions.write(desk.settings.log, ring)
    desk.follow()
    assert set(desk.dropping(rows)) == set(rows) - {ring[2].beside}
    cleaned = cleaning.clean(desk.settings.paths, tmp_path / "clean.jsonl", desk.settings.config)
    assert [loss.written for loss in cleaned.losses] == [1]
    assert [each.decision for each in cleaned.unapplied] == [ring[0]]
    (told,) = [each.message for each in decisions.check(decisions.read(desk.settings.log)) if not each.remark]
    assert told.endswith(f"each beside another of them; the newest counts, and {ring[0].place} stays")
    decisions.append(desk.settings.log, [msgspec.structs.replace(ring[2], id="f" * 32, verdict="later")])
    desk.follow()
    assert set(desk.dropping(rows)) == {ring[0].row, ring[1].row}, "the third is taken back: nothing goes around"


@pytest.mark.parametrize("seed", range(12))
def test_the_index_and_the_log_agree_on_which_rows_go(open_desk: Any, seed: int) -> None:
    """Whoever drops what beside what, takes it back or keeps it, at once or one after the other."""
    rng, number = random.Random(seed), 5
    desk = open_desk([chat(f"Question {n}?", "") for n in range(number)])
    rows = [find(desk, "ROL007", n).root for n in range(number)]
    log: list[Decision] = []
    for hour in range(1, 40):
        n, beside = rng.sample(range(number), 2)
        made = gone_beside(desk, n, beside, rng.choice(["ana", "ben", "cleo"]), hour)
        if rng.random() < 0.2:
            made = msgspec.structs.replace(made, verdict="later", beside="")
        log.append(made)
        decisions.write(desk.settings.log, rng.sample(log, len(log)) if rng.random() < 0.2 else log)
        desk.follow()
        goes = {made.row for made in decisions.standing(log)}
        assert set(desk.dropping(rows)) == goes, hour


def test_calls_of_tools_are_compared_on_cards_and_in_groups(open_desk: Any) -> None:
    """Rows of which nothing but a call differs are no longer alike to the eye."""

    def asks(city: str) -> dict[str, Any]:
        call = {"id": "a", "type": "function", "function": {"name": "weather", "arguments": {"city": city}}}
        turns = [{"role": "user", "content": "Do I need a coat?"}, {"role": "assistant", "tool_calls": [call]}]
        return {"messages": [*turns, {"role": "tool", "tool_call_id": "a", "content": "4 °C"}]}

    desk = open_desk([asks("Oslo"), asks("Rome"), asks("Rome")], settings='select = ["DUP", "CON"]')
    same = Cards(desk).card(find(desk, "DUP001"))
    assert [turn["calls"] for turn in same["left"]["turns"]] == [[], [[("", 'weather({"city": "Rome"})')]], []]
    a, b = (desk.example(json.dumps(asks(city)).encode(), "data.jsonl") for city in ("Oslo", "Rome"))
    assert row_compared(a, b)[1]["calls"] == [[("", 'weather({"city": "'), ("diff", "Oslo"), ("", '"})')]]


def test_undoing_a_verdict_on_merged_logs_puts_back_what_counted(open_desk: Any) -> None:
    desk = one_behind_the_other(open_desk, "drop", "keep")
    before = {d.verdict for d in decisions.standing(decisions.read(desk.settings.log).decisions)}
    finding = find(desk, "ROL007").finding.id
    assert do(desk, finding, "drop").status == "drop"
    assert desk.undo().result == "done"
    assert find(desk, "ROL007").status == "keep"
    assert {d.verdict for d in decisions.standing(decisions.read(desk.settings.log).decisions)} == before == {"keep"}


# ---------------------------------------------------------------------- the loop


def message(loop: Loop, m: int, **more: Any) -> dict[str, Any]:
    return {"m": m, "client": "tab", "set": loop.desk.settings.set, "view": loop.view, "wishes": [], **more}


def test_a_message_is_answered_by_its_number_and_twice_alike(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(120)])
    loop = Loop(desk, Filter(rules=("ROL007",)))
    data = loop.start()
    assert len(data["items"]) == FIRST and data["more"]
    first = data["items"][0]
    wish = {"id": decisions.new_id(), "action": "keep", "finding": first["id"], "base": "", "note": ""}
    sent = message(loop, 1, wishes=[wish], have=str(data["items"][-1]["rank"]), ahead=5)
    answer = loop.answer(sent)
    assert (
        answer["m"] == 1 and answer["outcomes"][0]["result"] == "done" and answer["counts"] == {"keep": 1, "open": 119}
    )
    assert len(answer["items"]) == WINDOW and answer["more"]
    rest = loop.answer(message(loop, 2, have=str(answer["items"][-1]["rank"]), ahead=5))
    assert len(rest["items"]) == 120 - FIRST - WINDOW and not rest["more"]
    assert loop.answer(sent)["outcomes"][0]["result"] == "done"
    assert len(decisions.read(desk.settings.log).decisions) == 1


def test_keys_that_outlast_a_server_are_recorded_under_who_pressed_them(open_desk: Any) -> None:
    desk = open_desk(ROWS, reviewer="ben")
    loop, (one, two, *_) = Loop(desk, Filter()), desk.entries(Filter())
    wishes = [
        {"id": decisions.new_id(), "action": "keep", "finding": each.finding.id, "base": "", "note": "", "who": who}
        for each, who in ((one, "ana"), (two, "ben"))
    ]
    loop.answer(message(loop, 1, wishes=wishes))
    assert [made.who for made in decisions.read(desk.settings.log).decisions] == ["ana", "ben"]
    undo = {"id": decisions.new_id(), "action": "undo", "finding": "", "base": "", "note": "", "of": "", "who": "ana"}
    loop.answer(message(loop, 2, wishes=[undo]))
    assert (decisions.read(desk.settings.log).decisions[-1].who, desk.entry(one.finding.id).status) == ("ana", "open")
    assert desk.entry(two.finding.id).status == "keep"


def test_every_answer_says_which_rows_of_the_pairs_that_were_sent_go(open_desk: Any) -> None:
    """A card that was sent is right whoever decides on its rows afterwards."""
    desk = open_desk(ALIKE)
    loop, row = Loop(desk, Filter()), _row(desk, 1, ALIKE)
    cards, goes = (loop.start()[name] for name in ("items", "goes"))
    assert [card["rows"] for card in cards] == [[_row(desk, n, ALIKE), row] for n in (2, 3)] and not goes
    wish = {"id": decisions.new_id(), "action": "left", "finding": cards[0]["id"], "base": "", "note": ""}
    assert loop.answer(message(loop, 1, wishes=[wish]))["goes"] == [row]
    do(open_desk(reviewer="ben"), cards[1]["id"], "right")
    assert loop.answer(message(loop, 2))["goes"] == [_row(desk, 3, ALIKE)], "who keeps a row takes its drop back"
    desk.undo()
    assert loop.answer(message(loop, 3))["goes"] == [_row(desk, 3, ALIKE)], "ana's drop of row 1 was taken back already"


def test_the_fix_of_a_pair_is_not_accepted_where_the_row_it_leaves_is_dropped(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ALIKE)
    one, two = (entry.finding.id for entry in desk.entries(Filter(rules=("DUP002",))))
    do(desk, one, "left")
    refused = do(desk, two, "accept")
    assert refused.result == "refused" and "drop both" in refused.why
    assert _cleaned(desk, tmp_path) == ALIKE[1:]
    assert do(desk, two, "none").result == "done"
    assert _cleaned(desk, tmp_path) == [ALIKE[1], ALIKE[3]]


def test_many_are_offered_only_the_fixes_that_can_be_accepted(open_desk: Any) -> None:
    """Where the row that a fix leaves goes already, the card refuses it; so does what counts and decides on many."""
    said = "Two years from the day of purchase, in every country."
    desk = open_desk(
        [chat("How long is it?", f"{said} <|im_end|>"), chat("How LONG is it", f"{said} <|im_end|>"), *ROWS[3:5]]
    )
    every = Filter(rules=("DUP002",), status="all")
    one, other = desk.entries(every)
    assert desk.eligible_count(every, "accept") == 2
    do(desk, find(desk, "TPL006").finding.id, "drop")
    assert desk.eligible_count(every, "accept") == len(desk.eligible(every, "accept")) == 1
    assert [e.finding.id for e in desk.samples(every, "accept")] == [other.finding.id]
    assert [e.finding.id for e in desk.meant(desk.entries(every), "accept")] == [other.finding.id]
    assert tables.standing_of(desk, every).fixable == 1
    desk.bulk(every, "accept", expected=1)
    assert [desk.entry(e.finding.id).status for e in (one, other)] == ["open", "accept"]
    assert desk.eligible_count(every, "drop") == 2


def test_a_message_about_other_data_changes_nothing_and_is_not_answered_for(open_desk: Any, tmp_path: Path) -> None:
    """Of two sets with equal rows the findings have equal ids: what names the data is what tells them apart."""
    desk = open_desk(ROWS)
    loop = Loop(desk, Filter())
    first = loop.start()["items"][0]
    wish = {"id": decisions.new_id(), "action": "drop", "finding": first["id"], "base": "", "note": ""}
    there = msgspec.structs.replace(desk.settings, paths=(str(tmp_path / "elsewhere" / "data.jsonl"),))
    for other in (there.set, ""):
        answer = loop.answer(message(loop, 1, wishes=[wish], set=other))
        assert (answer["m"], answer["outcomes"], answer["set"]) == (0, [], desk.settings.set)
    assert not decisions.read(desk.settings.log).decisions
    assert loop.answer(message(loop, 1, wishes=[wish]))["outcomes"][0]["result"] == "done"


@pytest.mark.parametrize(
    "said",
    [
        None,
        3,
        "x",
        [],
        {"m": "1"},
        {"m": 1, "wishes": [{"id": "x", "action": "keep"}]},
        {"m": 1, "wishes": [{"id": "0" * 32, "action": "rm", "finding": "x"}]},
        {"m": 1, "wishes": [{"id": "0" * 32, "action": "edit", "finding": "x", "texts": {"a": 1}}]},
        {"m": 1, "detail": {"id": 3, "what": "raw"}, "form": "nothing", "check": {"id": "none"}, "have": "1 OR 1=1"},
    ],
)
def test_a_message_that_makes_no_sense_changes_nothing(open_desk: Any, said: Any) -> None:
    desk = open_desk(ROWS)
    loop = Loop(desk, Filter())
    if isinstance(said, dict):
        said = {"view": loop.view, "client": "tab", "set": desk.settings.set, **said}
    assert "items" in loop.answer(said)
    assert not decisions.read(desk.settings.log).decisions


def test_the_place_is_kept(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(30)])
    entries = desk.entries(Filter())
    do(desk, entries[11].finding.id, "keep")
    assert Loop(desk, Filter(), at=entries[10].finding.id).start()["items"][0]["id"] == entries[10].finding.id
    assert Loop(desk, Filter(), at=entries[11].finding.id).start()["items"][0]["id"] == entries[12].finding.id


@pytest.mark.parametrize(
    ("order", "code", "now", "leads"),
    [
        ("rule", "ROL007", "", "ROL007:5"),  # its row is another: what is found where it stood
        ("rule", "ROL007", "It is mended.", "ROL007:7"),  # nothing is, any more: what comes next
        ("file", "ROL007", "It is mended.", "ANS001:6"),
        ("file", "ANS001", "Sorry, but I can't help with that.", "ANS001:6"),
        ("sample", "ROL007", "", "ROL007:5"),
    ],
)
def test_linted_again_the_walk_goes_on_where_it_stood(
    open_desk: Any, order: str, code: str, now: str, leads: str
) -> None:
    """The finding that was looked at is gone with its row: its place is not."""
    rows = [chat(f"Question {n}?", "") for n in range(8)]
    rows[5] = chat("Question 5?", "Sorry, but I can't help with that.")
    desk = open_desk(rows)
    chosen = Filter(rules=("ROL007", "ANS001"), order=order)
    was = next(e for e in desk.entries(chosen) if (e.finding.code, e.finding.line) in ((code, 5), (code, 6)))
    loop = Loop(desk, chosen)
    loop.start()
    loop.answer(message(loop, 1, at=was.finding.id))
    rows[was.finding.line - 1] = chat("Another question?", now)
    desk.close()
    again = open_desk(rows)
    walk = Loop(again, chosen, at=was.finding.id, after=loop)
    first = walk.start()["items"][0]
    assert f"{first['code']}:{first['line']}" == leads and walk.at == first["id"]


def test_a_card_that_was_left_goes_on_where_it_was_with_the_way_back(open_desk: Any) -> None:
    """What was decided lies behind one and is reached again; nothing that is open is passed over."""
    desk = open_desk([chat(f"Question {n}?", "") for n in range(80)])
    loop = Loop(desk, Filter())
    names = [entry.finding.id for entry in desk.entries(Filter(), limit=80)]
    wishes = [{"id": decisions.new_id(), "action": "keep", "finding": name} for name in names[:40]]
    loop.start()
    said = {
        "m": 1,
        "client": "c",
        "set": loop.desk.settings.set,
        "view": loop.view,
        "wishes": wishes,
        "at": names[40],
        "have": "",
        "ahead": 1000,
    }
    assert {told["result"] for told in loop.answer(said)["outcomes"]} == {"done"}
    data = loop.back()
    assert data["returned"] and [item["id"] for item in data["items"]] == names[40 : 40 + len(data["items"])]
    assert len(data["outcomes"]) == 40, "the card that the answer was meant for may be gone"
    before = str(data["items"][0]["rank"])
    behind = loop.answer({**said, "m": 2, "wishes": [], "before": before})["items"]
    assert [item["id"] for item in behind] == names[40 - len(behind) : 40] and behind
    assert loop.back(names[50])["items"][0]["id"] == names[50], "as the way back of the browser leads"


def test_the_first_and_what_was_skipped_are_found_again_after_a_reload(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(80)])
    every = [entry.finding.id for entry in desk.entries(Filter(), limit=100)]
    do(desk, every[0], "keep")
    loop = Loop(desk, Filter(), at=every[60])
    assert loop.start()["items"][0]["id"] == every[60] and not loop.start()["whole"]
    assert Loop(desk, Filter()).start()["whole"]
    for m, (asked, first) in enumerate([("any", every[0]), ("open", every[1])], 1):
        answer = loop.answer(message(loop, m, first=asked))
        assert answer["anew"] == answer["items"][0]["id"] == first and answer["more"]


def test_a_finding_far_off_is_shown_with_what_follows_it(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(300)])
    loop = Loop(desk, Filter())
    names = [entry.finding.id for entry in desk.entries(Filter(), limit=300)]
    loop.start()
    data = loop.answer({"m": 1, "client": "c", "view": loop.view, "show": names[250], "ahead": 1000})
    assert data["anew"] == names[250]
    assert [item["id"] for item in data["items"]] == names[250 : 250 + len(data["items"])]


def test_rows_that_are_vast_or_hostile_become_text(open_desk: Any) -> None:
    evil = "<img src=x onerror=alert(1)> ![x](http://evil/x.png) \u202etxt.exe\u202c <script>alert(1)</script>"
    long_row = {"messages": [{"role": "user", "content": f"turn {n}"} for n in range(10_000)]}
    desk = open_desk([chat(evil, ""), chat("w" * 1_000_000, ""), long_row, b'{"messages": [', b"\xff\xfe{}"])
    cards = Cards(desk)
    for entry in desk.entries(Filter(), limit=100):
        card = cards.card(entry)
        body = json.dumps(card)
        assert len(body) < 200_000
        body.encode()
        for what in ("raw", "tokens"):
            json.dumps(cards.detail(entry, what)).encode()
    first = cards.card(next(e for e in desk.entries(Filter()) if e.finding.line == 1))
    assert ["chip", "U+202E"] in [list(p) for turn in first["left"]["turns"] for p in turn["parts"]]


# ---------------------------------------------------------------------- apply


def test_a_row_of_very_many_turns_and_findings_is_shown_without_a_wait(open_desk: Any) -> None:
    from curator.review.reading import MOST_TURNS

    turns = [
        part for n in range(MOST_TURNS) for part in chat(f"Question {n}?", f"Port {n}.<br/><br/>&nbsp;Yes.")["messages"]
    ]
    desk = open_desk([{"messages": turns}, *ROWS])
    cards, loop = Cards(desk), Loop(desk, Filter(rules=("ENC004",)))
    entry = find(desk, "ENC004", 20)
    assert len(cards.others(entry)) == 20
    assert "too many" in cards.detail(entry, "template")["problem"]
    assert cards.detail(entry, "tokens")["total"] > 0 and cards.detail(entry, "raw")["parts"]
    text = cards.composed(entry, {entry.finding.path: "Port 7. Yes."}, None)
    with pytest.raises(CuratorError, match="next lint"):
        cards.checked(entry, text)
    wish = {"id": decisions.new_id(), "action": "edit", "finding": entry.finding.id, "base": "", "whole": text}
    answer = loop.answer(message(loop, 1, wishes=[wish]))
    assert answer["outcomes"][0]["result"] == "done" and len(answer["changed"]) <= 400
    assert len(json.dumps(answer)) < 4_000_000


def test_a_dry_run_says_what_the_clean_set_will_be(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS)
    for entry in desk.entries(Filter(rules=("ROL007",))):
        do(desk, entry.finding.id, "drop")
    told = applying.dry_run(desk)
    result = cleaning.clean(desk.settings.paths, tmp_path / "c.jsonl", desk.settings.config)
    assert (told.rows, told.written) == (6, result.losses[0].written)
    assert told.rejected_for == result.rejected_for and told.rejected_for["ROL007"] == 2
    assert not applying.decided_since(desk.settings, told.decided)
    desk.undo()
    assert applying.decided_since(desk.settings, told.decided)


def test_a_clean_set_is_not_split_once_more_was_decided(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    _written(desk, "clean")
    assert tables.hindrance(desk.settings, "split") == "" and applying.due(desk.settings) == "split"
    do(desk, find(desk, "ROL007").finding.id, "drop")
    assert "write it again" in tables.hindrance(desk.settings, "split") and applying.due(desk.settings) == "clean"
    _written(desk, "clean")
    assert tables.hindrance(desk.settings, "split") == ""


def test_nothing_is_trained_on_a_split_of_an_older_clean_set(open_desk: Any, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    answers = [
        "Hold the button.",
        "Turn the dial left.",
        "It stands on the label.",
        "Ask the shop.",
        "By post.",
        "Never.",
    ]
    rows = [chat(f"{what} of part {n}?", answers[n % 6]) for n, what in enumerate(["Where", "When", "How", "Who"] * 20)]
    desk = open_desk([*rows, ROWS[1]], model=str(model))
    _written(desk, "clean")
    _written(desk, "split")
    assert tables.hindrance(desk.settings, "train") == "" and applying.due(desk.settings) == "train"
    do(desk, find(desk, "ROL007").finding.id, "drop")
    assert "write it again and split it again" in tables.hindrance(desk.settings, "train")
    _written(desk, "clean")
    assert "split it again" in tables.hindrance(desk.settings, "train") and applying.due(desk.settings) == "split"
    desk.settings = msgspec.structs.replace(desk.settings)
    for file in (desk.settings.output / "splits").iterdir():
        file.unlink()
    _written(desk, "split")
    assert tables.hindrance(desk.settings, "train") == ""


def _written(desk: Desk, step: str) -> None:
    applying.start(desk.settings, step)
    until = time.time() + 120
    while (job := applying.state(desk.settings, step)) and job.status is None and time.time() < until:
        time.sleep(0.1)
    assert job is not None and job.status == 0, applying.said(desk.settings, step)


@pytest.mark.parametrize("named", [True, False])
def test_undoing_leads_to_the_finding_that_was_decided_on(open_desk: Any, named: bool) -> None:
    """Also where what holds again was decided for another finding of the row."""
    desk = open_desk([chat("Where is it? It isnâ€™t here.", "")])
    other, finding = (find(desk, code).finding.id for code in ("ENC001", "ROL007"))
    for verdict in ("keep", "drop"):
        do(desk, other, "drop")
        do(desk, finding, verdict)
        wish = Wish(decisions.new_id(), "undo", finding if named else "")
        assert desk.decide([wish])[0].finding == finding
        assert find(desk, "ROL007").status == "drop"


@pytest.mark.parametrize("ctrl_c", [signal.default_int_handler, signal.SIG_IGN], ids=["in front", "in the background"])
def test_a_job_outlives_who_started_it_and_can_be_stopped(tmp_path: Path, ctrl_c: Any) -> None:
    before = signal.signal(signal.SIGINT, ctrl_c)
    try:
        _run_and_stop(tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)


def _run_and_stop(tmp_path: Path) -> None:
    jobs.start(tmp_path, "quick", [sys.executable, "-c", "print('said'); raise SystemExit(3)"])
    jobs.start(tmp_path, "slow", [sys.executable, "-c", "import time; time.sleep(60)"])
    assert jobs.running(tmp_path, "slow")
    jobs.stop(tmp_path, "slow")
    until = time.time() + 20
    while time.time() < until and (jobs.running(tmp_path, "slow") or jobs.running(tmp_path, "quick")):
        time.sleep(0.05)
    assert jobs.read(tmp_path, "quick").status == 3 and "said" in jobs.log(tmp_path, "quick")
    assert jobs.read(tmp_path, "slow").status not in (None, 0)


def test_a_job_that_was_cut_off_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "gone.json").write_bytes(msgspec.json.encode(jobs.Job(("x",), time.time(), pid=2**22 + 1)))
    assert jobs.read(tmp_path, "gone").lost and not jobs.running(tmp_path, "gone")


def test_apply_writes_the_clean_set_and_its_split_with_the_proof(open_desk: Any) -> None:
    desk = open_desk(
        [chat(f"How many ports has the L{n}, and where?", f"It has {n} ports on side {n}.") for n in range(40)]
    )
    for step in ("clean", "split"):
        assert tables.hindrance(desk.settings, step) == ""
        _written(desk, step)
    told = applying.proof(desk.settings)
    assert told is not None and sum(told["outputs"].values()) == 40 and set(told["proof"].values()) == {0}
    assert tables.hindrance(desk.settings, "train") != ""


_OWN = {"paths", "reviewer", "queue", "take", "port", "no_browser", "host", "allow_remote", "output", "require_reason"}
_TYPED = (
    "--select ANS,ENC --ignore ENC001 --extend-select DUP006 --preview --no-thorough --profile strict --target openai"
    " --shape openai --map q=user,a=assistant --benchmark FILE --benchmark FILE --method lora --tokenizer o200k --model FILE"
    " --template llama-3 --modelfile FILE --embeddings FILE --set LEN001.max_tokens=20 --set TPL001.strict=no --facts run"
    " --config FILE --max-length 512"
)


def test_every_option_that_shapes_what_is_reviewed_is_an_option_of_the_steps(tmp_path: Path) -> None:
    """None can be added to `review` alone: what Apply starts would judge by something else than what was reviewed."""
    file = tmp_path / "x"
    file.write_text("")
    words = [word.replace("FILE", str(file)) for word in _TYPED.split()]
    typed = cli_review.command.make_context("review", [str(file), *words])
    shaping = typed.params.keys() - _OWN
    assert all(typed.get_parameter_source(name) == ParameterSource.COMMANDLINE for name in shaping)
    for verb in (cli_clean.command, cli_split.command):
        again = verb.make_context("verb", [str(file), "-o", "out", *options.shared(typed, verb)])
        known = shaping & again.params.keys()
        assert {name: again.params[name] for name in known} == {name: typed.params[name] for name in known}
        assert verb is not cli_clean.command or known == shaping


def test_what_apply_starts_does_what_its_dry_run_said(tmp_path: Path, run: Any, monkeypatch: Any) -> None:
    """A fix of a rule in preview, accepted in a review that was started with --preview."""
    path = tmp_path / "data.jsonl"
    path.write_text(
        json.dumps(chat("What is the capital of France?", "Great question! It is Paris, on the Seine.")) + "\n"
    )
    served: list[Settings] = []
    monkeypatch.setattr(launch, "serve", lambda settings, **_: served.append(settings))
    for typed in (["--preview"], []):
        assert run("review", path, *typed).status == 0
    for n, told in enumerate(served):
        index.build(told.paths, told.config, told.database)
        desk = Desk(told)
        assert desk.ready() and (desk.follow() or True)
        if not n:
            do(desk, find(desk, "ANS012").finding.id, "accept")
        dry = applying.dry_run(desk)
        assert (dry.applied, len(dry.unapplied)) == ((0, 1) if n else (1, 0))
        applying.start(told, "clean")
        until = time.time() + 60
        while (job := applying.state(told, "clean")) and job.status is None and time.time() < until:
            time.sleep(0.1)
        said = applying.said(told, "clean")
        assert ("Great question" in applying.places(told)["clean"].read_text()) is bool(n), said
        assert ("ANS012 did not run" in tables.unapplied(said)) is bool(n) and bool(tables.unapplied(said)) is bool(n)
        desk.close()


@pytest.mark.parametrize(
    "typed", [[], ["--map", "guess"], ["--set", "LEN001.max_tokens=4096"], ["--max-length", "9"]], ids=str
)
def test_a_configuration_that_changes_meanwhile_is_told_before_apply_starts_anything(
    tmp_path: Path, run: Any, monkeypatch: Any, typed: list[str]
) -> None:
    """A command reads it as it is now: it would not do what was reviewed, nor what the dry run said."""
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    served: list[Settings] = []
    monkeypatch.setattr(launch, "serve", lambda settings, **_: served.append(settings))
    done = run("review", path, *typed)
    assert done.status == 0, done.err
    (told,) = served
    assert tables.hindrance(told, "clean") == applying.drift(told) == ""
    (tmp_path / "curator.toml").write_text('ignore = ["ENC"]\n')
    assert "curator.toml says something else" in tables.hindrance(told, "clean")
    (tmp_path / "curator.toml").write_text("ignore = 3\n")
    assert "cannot be read" in tables.hindrance(told, "clean")
    (tmp_path / "curator.toml").unlink()
    assert tables.hindrance(told, "clean") == ""


def test_the_command_of_a_step_hides_nothing_of_the_names_in_it(open_desk: Any) -> None:
    desk = open_desk(ROWS, name="x\u202elnosj.jsonl")
    assert "\u202e" in " ".join(applying.command(desk.settings, "clean"))
    assert "\u202e" not in (told := applying.shown(desk.settings, "clean")) and "x‹U+202E›lnosj.jsonl" in told


def test_steps_are_the_commands_of_the_terminal(open_desk: Any) -> None:
    desk = open_desk(ROWS)
    words = applying.command(desk.settings, "clean")
    assert words[:2] == ["curator", "clean"] and words[-2] == "--rejected"
    assert applying.command(desk.settings, "split")[1] == "split"
    assert tables.hindrance(desk.settings, "split") == "write the clean set first"


# ---------------------------------------------------------------------- who is let in


PORT, TOKEN = 8765, "t" * 43
HOST = f"127.0.0.1:{PORT}"
COOKIE = f"curator-{PORT}={TOKEN}"


async def _inner(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
    else:
        headers = [(b"x-frame-options", b"ALLOWALL"), (b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"in"})


def ask(
    kind: str, path: str = "/", query: str = "", *, by: Any = None, numbered: bool = False, **headers: str | None
) -> dict[str, Any]:
    sent: list[Any] = []
    told = {"host": HOST, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": kind,
        "method": "GET",
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.encode(), v.encode()) for k, v in told.items() if v is not None],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(what: Any) -> None:
        sent.append(what)

    asyncio.run((by or guard.Guard(_inner, token=TOKEN, port=PORT, numbered=numbered))(scope, receive, send))
    first: dict[str, Any] = sent[0]
    first["answer"] = first.get("status", 101 if first["type"] == "websocket.accept" else 403)
    return first


@pytest.mark.parametrize(
    ("kind", "headers", "answer"),
    [
        ("http", {}, 403),
        ("http", {"cookie": COOKIE}, 200),
        ("http", {"cookie": "curator-8765=wrong"}, 403),
        ("http", {"cookie": f"other=1; {COOKIE}"}, 200),
        ("http", {"host": "evil.example"}, 400),
        ("http", {"host": "evil.example", "cookie": COOKIE}, 400),
        ("http", {"host": f"127.0.0.1:{PORT + 1}", "cookie": COOKIE}, 400),
        ("http", {"host": f"127.0.0.1.evil.example:{PORT}", "cookie": COOKIE}, 400),
        ("http", {"host": None, "cookie": COOKIE}, 400),
        ("http", {"host": f"localhost:{PORT}", "cookie": COOKIE}, 200),
        ("http", {"origin": "http://evil.example", "cookie": COOKIE}, 403),
        ("http", {"origin": "null", "cookie": COOKIE}, 403),
        ("http", {"origin": f"http://{HOST}", "cookie": COOKIE}, 200),
        ("http", {"sec_fetch_site": "cross-site", "cookie": COOKIE}, 403),
        ("websocket", {}, 403),
        ("websocket", {"cookie": COOKIE}, 403),
        ("websocket", {"origin": f"http://{HOST}"}, 403),
        ("websocket", {"origin": "http://evil.example", "cookie": COOKIE}, 403),
        ("websocket", {"origin": f"http://localhost:{PORT}", "cookie": COOKIE}, 403),
        ("websocket", {"origin": f"http://{HOST}", "cookie": COOKIE}, 101),
        ("websocket", {"origin": f"http://{HOST}", "cookie": COOKIE, "host": "evil.example"}, 403),
    ],
)
def test_only_the_browser_with_the_token_on_this_machine_gets_in(
    kind: str, headers: dict[str, Any], answer: int
) -> None:
    assert ask(kind, **headers)["answer"] == answer


@pytest.mark.parametrize("host", [f"192.0.2.7:{PORT}", f"[2001:db8::7]:{PORT}"])
def test_a_machine_that_listens_on_all_addresses_is_called_by_each_and_by_no_foreign_name(host: str) -> None:
    assert ask("http", host=host, cookie=COOKIE)["answer"] == 400
    assert ask("http", host=host, cookie=COOKIE, numbered=True)["answer"] == 200
    assert ask("http", host=host, numbered=True)["answer"] == 403
    for other in (f"evil.example:{PORT}", host.replace(str(PORT), "1"), f"192.0.2.7.evil.example:{PORT}"):
        assert ask("http", host=other, cookie=COOKIE, numbered=True)["answer"] == 400


@pytest.mark.parametrize(
    ("host", "address"),
    [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]"), ("192.168.3.4", "192.168.3.4"), ("fe80::7", "[fe80::7]")],
)
def test_the_address_that_is_told_opens_in_a_browser(
    open_desk: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any, host: str, address: str
) -> None:
    """A number with colons stands in brackets; the browser opens once the server answers there."""
    pytest.importorskip("streamlit", reason="the extra review is not installed")
    opened: list[tuple[str, str]] = []
    monkeypatch.setattr(launch, "_free", lambda host, port: 8765)
    monkeypatch.setattr(launch, "_run", lambda *more: None)
    monkeypatch.setattr(launch, "_open", lambda health, told: opened.append((health, told)))
    monkeypatch.setattr(launch, "_needed", lambda: [])
    launch.serve(open_desk(ROWS).settings, host=host)
    for _ in range(100):
        if not opened:
            time.sleep(0.02)
    told = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("http"))
    assert told.startswith(f"http://{address}:8765/?token=")
    assert opened == [(f"http://{address}:8765{guard.HEALTH}", told)]
    token = told.partition("token=")[2]
    assert ask("http", host=f"{address}:8765", query=f"token={token}", by=launch.guarded(_inner))["answer"] == 303


def test_the_token_is_exchanged_for_a_cookie_no_script_reads() -> None:
    first = ask("http", "/table", f"token={TOKEN}&rule=ROL007")
    headers = dict(first["headers"])
    assert first["status"] == 303 and headers[b"location"] == b"/table?rule=ROL007"
    assert b"HttpOnly" in headers[b"set-cookie"] and b"SameSite=Strict" in headers[b"set-cookie"]
    assert ask("http", "/", "token=wrong")["answer"] == 403
    assert ask("http", "//evil.example/x", f"token={TOKEN}")["headers"][0][1].startswith(b"/evil.example")


@pytest.mark.parametrize("site", ["same-site", "cross-site"])
def test_the_link_with_the_token_may_be_followed_from_another_page_and_nothing_else(site: str) -> None:
    """As from a notebook or a terminal in the browser. What the other page asks itself, or frames, stays shut."""
    link = {"sec_fetch_site": site, "sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    led = ask("http", "/table", f"token={TOKEN}&rule=%22%3E", **link)
    told = dict(led["headers"])
    assert led["status"] == 200 and COOKIE.encode() in told[b"set-cookie"] and b"Strict" in told[b"set-cookie"]
    assert told[b"cache-control"] == b"no-store" and TOKEN.encode() not in told[b"content-type"]
    assert ask("http", query="token=wrong", **link)["status"] == 403
    assert ask("http", cookie=COOKIE, **link)["status"] == 403
    for asked in ({"sec_fetch_dest": "iframe"}, {"sec_fetch_mode": "cors", "sec_fetch_dest": "empty"}):
        assert ask("http", query=f"token={TOKEN}", **{**link, **asked})["status"] == 403
    assert ask("http", query=f"token={TOKEN}", origin="http://evil.example", **link)["status"] == 403


def test_the_first_page_is_found_by_its_name_too() -> None:
    for first in (
        ask("http", "/review", "rule=ROL007", cookie=COOKIE),
        ask("http", "/review/", f"token={TOKEN}&rule=ROL007"),
    ):
        assert (first["status"], dict(first["headers"])[b"location"]) == (303, b"/?rule=ROL007")
    assert ask("http", "/review", "rule=ROL007")["status"] == 403


def test_every_answer_says_who_may_load_and_frame_it() -> None:
    for answer in (ask("http", cookie=COOKIE), ask("http"), ask("http", "/", f"token={TOKEN}")):
        headers = dict(answer["headers"])
        assert (
            headers[b"x-frame-options"] == b"DENY" and b"frame-ancestors 'none'" in headers[b"content-security-policy"]
        )
        assert b"img-src 'self' data: blob:;" in headers[b"content-security-policy"]


@pytest.mark.parametrize(
    ("path", "more", "own"),
    [
        ("/static/js/index.AbC-d_9x.js", {}, True),
        ("/static/js/index.AbC-d_9x.js", {"range": "bytes=0-1"}, False),
        ("/static/js/gone.AbC-d_9x.js", {}, False),
        ("/static/js/../../secret.AbCdEf12.js", {}, False),
        ("/static/js/plain.js", {}, False),
        ("/static/other/index.AbC-d_9x.js", {}, False),
    ],
)
def test_the_guard_answers_for_scripts_that_are_named_after_their_content_and_nothing_else(
    tmp_path: Path, path: str, more: dict[str, str], own: bool
) -> None:
    scripts = tmp_path / "static" / "js"
    scripts.mkdir(parents=True)
    for file in (scripts / "index.AbC-d_9x.js", scripts / "plain.js", tmp_path / "secret.AbCdEf12.js"):
        file.write_text("here();")
    by = guard.Guard(_inner, token=TOKEN, port=PORT, static=tmp_path)
    answer = ask("http", path, by=by, cookie=COOKIE, **more)
    headers = dict(answer["headers"])
    assert answer["answer"] == 200 and headers[b"x-frame-options"] == b"DENY"
    assert (headers.get(b"content-length") == b"7" and b"immutable" in headers.get(b"cache-control", b"")) == own
    assert ask("http", path, by=by, **more)["answer"] == 403, "the cookie opens them, as all else"


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/openapi.json", "/_stcore/upload_file/x/y"])
def test_what_the_app_does_not_need_is_closed(path: str) -> None:
    assert ask("http", path, cookie=COOKIE)["answer"] == 403
    assert ask("http", "/_stcore/health")["answer"] == 200


def test_the_token_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = launch.kept_token(tmp_path)
    file = tmp_path / "review.token"
    assert launch.kept_token(tmp_path) == first and file.stat().st_mode & 0o077 == 0
    file.chmod(0o644)
    assert launch.kept_token(tmp_path) != first
    file.unlink()
    (tmp_path / "elsewhere").write_text("e" * 43)
    (tmp_path / "elsewhere").chmod(0o600)
    file.symlink_to(tmp_path / "elsewhere")
    assert launch.kept_token(tmp_path) != "e" * 43
    assert len(set(launch.kept_token(tmp_path))) > 10 and set(launch.kept_token(tmp_path)) <= {
        *string.ascii_letters,
        *string.digits,
        *"-_",
    }


# ---------------------------------------------------------------------- the command line after a session


def _ran(*arguments: Any) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "curator", *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _session(desk: Desk) -> tuple[list[Any], list[Any]]:
    """Decide on one finding of every kind; (rows that a split must hold, rows it must not)."""
    edited = chat("What does the amber light mean?", "It is charging.")
    empty = [find(desk, "ROL007", n) for n in range(2)]
    do(desk, empty[0].finding.id, "edit", text=json.dumps(edited))
    do(desk, empty[1].finding.id, "drop", note="nothing in it")
    do(desk, find(desk, "ENC001").finding.id, "accept")
    do(desk, find(desk, "DUP001").finding.id, "drop")
    fixed = chat("Where is the key?", "It isn’t here, it is below the mat of the front door.")
    return [edited, fixed, ROWS_SPLIT[3]], [ROWS_SPLIT[0], ROWS_SPLIT[1], ROWS_SPLIT[2]]


ROWS_SPLIT = [
    chat("Where is the key?", "It isnâ€™t here, it is below the mat of the front door."),
    chat("What does the amber light mean?", ""),
    chat("Does it need a licence?", ""),
    chat("How long is the warranty?", "Two years from the day of purchase, in every country."),
    chat("How long is the warranty?", "Two years from the day of purchase, in every country."),
    *(chat(f"How many ports has the L{n}, and where?", f"It has {n} ports on side {n}.") for n in range(30)),
]


def test_split_is_of_the_rows_as_they_were_decided(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS_SPLIT)
    wanted, gone = _session(desk)
    said = _ran("split", desk.settings.paths[0], "-o", tmp_path / "splits")
    files = [tmp_path / "splits" / f"{name}.jsonl" for name in ("train", "valid", "test")]
    rows = [json.loads(line) for file in files for line in file.read_text().splitlines()]
    assert all(rows.count(row) == 1 for row in wanted) and not any(row in rows for row in gone)
    assert sorted(map(json.dumps, rows)) == sorted(map(json.dumps, [*wanted, *ROWS_SPLIT[5:]]))
    assert "4 decisions applied" in said
    reasons = [json.loads(line) for line in (tmp_path / "splits" / "rejected.jsonl").read_text().splitlines()]
    assert [(each["file"], each["line"]) for each in reasons] == [(desk.settings.paths[0], line) for line in (3, 5)]
    _ran("clean", desk.settings.paths[0], "-o", tmp_path / "clean.jsonl")
    assert sorted(map(json.loads, (tmp_path / "clean.jsonl").read_text().splitlines()), key=str) == sorted(
        rows, key=str
    )


def test_split_makes_no_fix_that_nobody_decided_on(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS_SPLIT)
    do(desk, find(desk, "ROL007").finding.id, "drop")
    _ran("split", desk.settings.paths[0], "-o", tmp_path / "splits")
    assert any("â€™" in json.loads(line)["messages"][1]["content"] for line in _lines(tmp_path / "splits"))


def test_split_without_decisions_is_as_it_was(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS_SPLIT)
    do(desk, find(desk, "ROL007").finding.id, "keep")
    assert "applied" not in _ran("split", desk.settings.paths[0], "-o", tmp_path / "splits")
    assert len(_lines(tmp_path / "splits")) == len(ROWS_SPLIT)


def test_split_does_not_write_over_the_data_it_was_decided_on(open_desk: Any, tmp_path: Path) -> None:
    desk = open_desk(ROWS_SPLIT)
    do(desk, find(desk, "ROL007").finding.id, "drop")
    data = Path(desk.settings.paths[0]).rename(Path(desk.settings.paths[0]).with_name("train.jsonl"))
    body = data.read_bytes()
    with pytest.raises(CuratorError, match="overwrite"):
        curator.split([data], data.parent, load_config(data))
    assert data.read_bytes() == body


def _lines(folder: Path) -> list[str]:
    return [
        line
        for name in ("train", "valid", "test")
        if (folder / f"{name}.jsonl").exists()
        for line in (folder / f"{name}.jsonl").read_text().splitlines()
    ]


def test_a_clean_set_that_cannot_be_put_in_place_leaves_the_old_one(
    open_desk: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = open_desk(ROWS_SPLIT)
    do(desk, find(desk, "ROL007").finding.id, "drop")
    target = tmp_path / "out" / "clean.jsonl"
    target.parent.mkdir()
    target.write_text('{"of": "before"}\n')

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(CuratorError, match="No space left") as said:
        curator.clean(desk.settings.paths, target, desk.settings.config)
    assert said.value.where and target.read_text() == '{"of": "before"}\n'
    assert [path.name for path in target.parent.iterdir()] == ["clean.jsonl"]


# ---------------------------------------------------------------------- killed at any point

_WRITER = """
import sys
from pathlib import Path
from curator import decisions
from curator.cli import review as cli_review
from curator.config import load_config
from curator.review.desk import Desk
from curator.review.entries import Wish
from curator.review.settings import Settings
path = Path(sys.argv[1])
desk = Desk(Settings((str(path),), load_config(path), "ana", path.parent / "out"))
while not desk.ready():
    pass
desk.follow()
for line in sys.stdin:
    wishes = [Wish(*each.split(",")) for each in line.split()]
    print(*(f"{o.id}:{o.result}" for o in desk.decide(wishes)), flush=True)
"""


def _send(path: Path, waiting: list[list[str]], acked: set[str], killer: random.Random) -> None:
    """A server that is sent batches until it is killed; a batch that was not answered for stays first."""
    server = subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin and server.stdout
    left = killer.randrange(1, 6)
    while waiting:
        try:
            server.stdin.write(" ".join(waiting[0]) + "\n")
            server.stdin.flush()
        except BrokenPipeError:  # it was killed after its last answer
            break
        if not left:
            time.sleep(killer.random() * 0.012)  # between the reading of the batch and the answer
            server.kill()
        answer = server.stdout.readline()
        if not answer.endswith("\n"):
            break
        assert all(each.endswith(":done") for each in answer.split())
        acked |= {each.partition(":")[0] for each in answer.split()}
        waiting.pop(0)
        left -= 1
    server.kill()
    server.wait()


@pytest.mark.slow
def test_a_server_killed_at_any_point_loses_and_doubles_nothing(open_desk: Any) -> None:
    desk = open_desk([chat(f"Question {n}?", "") for n in range(120)])
    path, killer = Path(desk.settings.paths[0]), random.Random(8)
    ids = [entry.finding.id for entry in desk.entries(Filter(rules=("ROL007",)), limit=120)]
    wishes = [f"{decisions.new_id()},{killer.choice(['keep', 'drop', 'later'])},{finding}" for finding in ids]
    waiting = [wishes[n : n + 4] for n in range(0, len(wishes), 4)]
    acked: set[str] = set()
    rounds = 0
    while waiting:
        _send(path, waiting, acked, killer)
        rounds += 1
        there = [decision.id for decision in decisions.read(desk.settings.log).decisions]
        assert acked <= set(there) and len(there) == len(set(there))
        if killer.random() < 0.4:  # what a power cut between write and fsync may leave of the line after the last
            with desk.settings.log.open("ab") as log:
                log.write(b'{"verdict":"keep","row":"abc')
    assert rounds > 4
    made = {
        decision.id: (decision.verdict, decision.finding) for decision in decisions.read(desk.settings.log).decisions
    }
    assert made == {i: (verdict, finding) for i, verdict, finding in (wish.split(",") for wish in wishes)}


def test_explain_tells_what_was_decided(open_desk: Any) -> None:
    desk = open_desk(ROWS_SPLIT)
    do(desk, find(desk, "ROL007").finding.id, "drop", note="nothing in it")
    do(desk, find(desk, "ENC001").finding.id, "keep", note="as it was said")
    path = desk.settings.paths[0]
    assert "drop by ana" in _ran("explain", path, 2) and ": nothing in it" in _ran("explain", path, 2)
    told = json.loads(_ran("explain", path, 1, "--format", "json"))["decided"]
    assert [(each["verdict"], each["code"], each["why"]) for each in told] == [("keep", "ENC001", "as it was said")]
    assert "decisions" not in _ran("explain", path, 3).splitlines()


def test_the_queue_of_a_rule_and_options_of_rules_are_named_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from curator.cli.review import command

    begun: list[Settings] = []
    monkeypatch.setattr(launch, "serve", lambda told, **more: begun.append(told))
    data = tmp_path / "data.jsonl"
    data.write_text(json.dumps(ROWS[0]) + "\n")
    asked = ["--rule", "empty-turn", "--set", "LEN001.max_tokens=4096", "--take", "1/3", "--reviewer", "ben"]
    done = CliRunner().invoke(command, [str(data), *asked], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert (begun[0].rules, begun[0].take, begun[0].reviewer) == (("ROL007",), (1, 3), "ben")
    assert CliRunner().invoke(command, [str(data)], catch_exceptions=False).exit_code == 0


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("data.jsonl", "data-reviewed"),
        ("tools-0.9-dataset.json", "tools-0.9-dataset-reviewed"),
        ("set.v2.jsonl.gz", "set.v2-reviewed"),
        (".jsonl", "data-reviewed"),
    ],
)
def test_apply_writes_beside_the_data_under_its_name(tmp_path: Path, name: str, folder: str) -> None:
    assert cli_review._beside(tmp_path / name) == tmp_path / folder


def test_a_fix_that_takes_words_away_marks_no_role(open_desk: Any) -> None:
    desk = open_desk(
        [chat("Is it sealed?", "It is <br/>sealed, so keep the rest of it indoors.")], settings='select = ["ENC"]'
    )
    (entry,) = desk.entries(Filter())
    card = Cards(desk).card(entry)
    assert card["kind"] == "fix"
    assert not any(turn["roleClass"] for side in ("left", "right") for turn in card[side]["turns"])


def test_a_folder_in_which_no_decision_can_be_kept_is_told_at_once(open_desk, monkeypatch):
    told = open_desk(ROWS).settings

    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(launch.tempfile, "TemporaryFile", refuse)
    with pytest.raises(WriteError, match="cannot be written: Read-only file system"):
        launch.serve(told, browser=False)

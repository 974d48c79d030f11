"""The charts of the review app: what each says of the data and the decisions, and where a click on it leads."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

import curator
from curator import decisions
from curator.review import boards, tables
from curator.review.desk import Desk
from curator.review.entries import Wish
from curator.review.filters import Filter

GERMAN = "Die Garantie gilt zwei Jahre ab dem Tag des Kaufs, und sie gilt in jedem Land der Welt ohne Ausnahme."
ENGLISH = "The warranty lasts two years from the day of purchase, and it holds in every country without exception."


def chat(user: str, assistant: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]}


def do(desk: Desk, finding: str, action: str) -> None:
    entry = desk.entry(finding)
    assert entry is not None
    (outcome,) = desk.decide([Wish(decisions.new_id(), action, finding, entry.head)])
    assert outcome.result == "done"


def panel(desk: Desk, title: str) -> dict[str, Any]:
    return next(told for told in boards.overview(desk)["panels"] if told["title"] == title)


def items(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["key"]: item for item in told["items"]}


def empties(number: int) -> list[Any]:
    return [chat(f"Question {n} of many, about the part {n * 7}?", "") for n in range(number)]


def test_findings_by_rule_tell_what_waits_and_what_is_decided(open_desk: Any) -> None:
    desk = open_desk(empties(5))
    for entry in desk.entries(Filter(rules=("ROL007",)), limit=2):
        do(desk, entry.finding.id, "keep")
    bar = items(panel(desk, "Findings by rule"))["ROL007"]
    assert bar["value"] == "3 of 5" and [part["value"] for part in bar["parts"]] == [3, 0, 2]
    assert bar["go"] == {"page": "review", "query": {"rule": "ROL007"}}
    for entry in desk.entries(Filter(rules=("ROL007",)), limit=5):
        do(desk, entry.finding.id, "drop")
    bar = items(panel(desk, "Findings by rule"))["ROL007"]
    assert bar["go"]["query"] == {"rule": "ROL007", "status": "decided"}, "an empty queue is no place to lead to"


def test_open_is_one_number_wherever_it_stands(open_desk: Any) -> None:
    """What is put off for later is neither open nor decided: in a tile, in the bars and on the page Apply."""
    desk = open_desk(empties(6))
    rule = Filter(rules=("ROL007",))
    for action, entry in zip(("later", "keep", "accept"), desk.entries(rule, limit=3), strict=True):
        do(desk, entry.finding.id, action)
    told = boards.overview(desk)
    tiles = {tile["label"]: tile["value"] for tile in told["tiles"]}
    bars = items(panel(desk, "Findings by rule")).values()
    assert (tiles["For later"], tiles["Decided"]) == ("1", "2")
    assert tiles["Open findings"] == str(sum(bar["parts"][0]["value"] for bar in bars)) == str(desk.count(Filter()))
    said = tables.standing(desk.counts(Filter()))
    assert f"1 accepted, 1 kept; {tiles['Open findings']} open, 1 for later: " in said


def test_it_is_said_that_lint_counts_each_of_equal_rows(open_desk: Any) -> None:
    """The app decides once on what is found in equal rows, and its counts are of decisions."""
    assert panel(open_desk(empties(2)), "Findings by rule")["note"] == "Open findings, of all; a bar opens its queue"
    desk = open_desk([*empties(2), *empties(1), *empties(1)])
    lines = [f for f in curator.lint(desk.settings.paths, desk.settings.config).findings if f.code in desk.matrix()]
    more = len(lines) - desk.count(Filter(status="all"))
    assert more >= 2
    assert panel(desk, "Findings by rule")["note"].endswith(
        f"Equal rows count once here; lint counts each ({more} more)"
    )


def test_a_bar_with_nothing_open_leads_to_what_waits_for_later(open_desk: Any) -> None:
    desk = open_desk(empties(1))
    do(desk, desk.entries(Filter(rules=("ROL007",)))[0].finding.id, "later")
    assert items(panel(desk, "Findings by rule"))["ROL007"]["go"]["query"] == {"rule": "ROL007", "status": "later"}


def test_a_rule_learns_how_often_it_is_right_and_where_judging_more_tells_most(open_desk: Any) -> None:
    desk = open_desk(empties(80))
    bar = items(panel(desk, "How often each rule is right here"))["ROL007"]
    assert bar["text"].startswith("none judged; ") and bar["text"].endswith(" more tell most")
    for n, entry in enumerate(desk.entries(Filter(rules=("ROL007",)), limit=37)):
        do(desk, entry.finding.id, "keep" if n < 2 else "drop")
    bar = items(panel(desk, "How often each rule is right here"))["ROL007"]
    assert bar["text"].startswith("37 judged, 35 true, 95% (82 to 99%)")
    assert bar["share"] == pytest.approx(35 / 37) and bar["low"] < bar["share"] < bar["high"]
    assert bar["go"] == {"page": "review", "query": {"rule": "ROL007", "order": "sample"}}


def test_lengths_carry_the_limit_and_lead_to_what_is_beyond_it(open_desk: Any) -> None:
    rows = [chat(f"Part {n}?", "word " * (10 if n else 300)) for n in range(6)]
    free, held = panel(open_desk(rows), "Length of the rows"), None
    assert not free["limit"] and free["go"] is None
    held = panel(open_desk(rows, settings="max_length = 100\n"), "Length of the rows")
    assert held["limit"] == 100 and held["note"] == "Tokens a row; the limit is 100"
    assert held["go"]["query"] == {"rule": "LEN001", "status": "all"}
    assert sum(number for _, number in held["bins"]) == 6
    assert sum(number for bound, number in held["bins"] if bound > 100) == 1


def test_languages_are_those_of_the_answers(open_desk: Any) -> None:
    rows = [chat(f"How long is the warranty of part {n}?", f"{ENGLISH} This is part {n}.") for n in range(12)]
    rows += [chat(f"Wie lange gilt die Garantie für Teil {n}?", f"{GERMAN} Das ist Teil {n}.") for n in range(4)]
    told = panel(open_desk([*rows, chat("What is 1+1?", "2")]), "Languages")
    counts = {name: item["parts"][0]["value"] for name, item in items(told).items()}
    assert counts == {"en": 12, "de": 4, "not told": 1}
    assert told["note"] == "Of the answers of 17 rows drawn"


def test_an_odd_language_leads_to_its_findings(open_desk: Any) -> None:
    rows = [chat(f"How long is the warranty of part {n}?", f"{ENGLISH} This is part {n}.") for n in range(60)]
    desk = open_desk([*rows, chat("How long is the warranty of the last part of all?", GERMAN)])
    found = {entry.finding.code for entry in desk.entries(Filter(), limit=100)}
    odd = sorted(code for code in found if code.startswith("LNG"))
    bars = items(panel(desk, "Languages"))
    assert odd and bars["de"]["go"] == {"page": "review", "query": {"rule": ",".join(odd)}}
    assert bars["en"]["go"] is None


def test_duplicates_are_counted_by_the_size_of_their_group(open_desk: Any) -> None:
    twice, thrice = chat("Where is it?", "On the left of the door."), chat("When is it open?", "From nine until five.")
    told = items(panel(open_desk([twice, twice, thrice, thrice, thrice]), "Duplicates by size of group"))
    assert {size: bar["parts"][0]["value"] for size, bar in told.items()} == {"2": 1, "3": 1}
    assert told["3"]["go"] == {"page": "groups", "query": {"size": "3"}}


def test_how_far_reviewers_agree_is_drawn_once_there_are_two(open_desk: Any) -> None:
    desk = open_desk(empties(10))
    found = desk.entries(Filter(rules=("ROL007",)), limit=10)
    for n, entry in enumerate(found):
        do(desk, entry.finding.id, "keep" if n < 5 else "drop")
    titles = [told["title"] for told in boards.overview(desk)["panels"]]
    assert "How far reviewers agree" not in titles
    theirs = [
        msgspec.structs.replace(
            decisions.decide(entry.finding, "keep" if n < 4 else "drop", who="ben"), id=decisions.new_id()
        )
        for n, entry in enumerate(found)
    ]
    with desk.settings.log.open("ab") as log:
        log.write(decisions.as_lines(theirs))
    desk.follow()
    told = items(panel(desk, "How far reviewers agree"))
    bar = told["ROL007 ana ben"]
    assert bar["value"] == "kappa 0.80, 9 of 10"  # by chance (5 * 4 + 5 * 6) / 100 = 0.5; (0.9 - 0.5) / 0.5
    assert [part["value"] for part in bar["parts"]] == [9, 1]
    assert bar["go"] == {"page": "review", "query": {"status": "disputed", "rule": "ROL007"}}
    assert told["* ana ben"]["go"]["query"] == {"status": "disputed"}
    disputed = desk.entries(Filter(rules=("ROL007",), status="disputed"))
    assert [entry.finding.id for entry in disputed] == [found[4].finding.id]
    tiles = {tile["label"]: tile for tile in boards.overview(desk)["tiles"]}
    assert tiles["Disputed"]["value"] == "1" and tiles["Disputed"]["go"]["query"] == {"status": "disputed"}


def test_what_a_reviewer_is_called_is_shown_as_it_stands(open_desk: Any) -> None:
    desk = open_desk(empties(2), reviewer="<b>ana\u202e</b>")
    for entry in desk.entries(Filter(rules=("ROL007",))):
        do(desk, entry.finding.id, "keep")
    with desk.settings.log.open("ab") as log:
        theirs = decisions.decide(desk.entries(Filter(status="all"))[0].finding, "drop", who="ben")
        log.write(decisions.as_lines([msgspec.structs.replace(theirs, id=decisions.new_id())]))
    desk.follow()
    assert "\u202e" not in json.dumps(panel(desk, "How far reviewers agree"), ensure_ascii=False)

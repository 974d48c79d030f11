"""A row may be one text over and over for a megabyte: no rule takes much more than short rows of as much text would."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

import curator
from curator.config import Config
from curator.harness import flags_of
from curator.model import Report
from curator.rule import Row, all_rules, chat
from curator.sop.convert import document_of
from tests.fuzz.growth import GENERAL, over_and_over
from tests.pace import at_once

SHORT, LONG = 1_500, 300_000  # characters
SHARE = 4  # of the short rows one in so many is judged: their cost grows with their number
ALL = Config(select=("ALL",), preview=True, thorough=True)


def rows(size: int, count: int) -> list[Row]:
    """Every general text, as an answer and as a prompt."""
    texts = [over_and_over(unit, size) for unit in GENERAL.values() for _ in range(count)]
    answers = [chat(user="Tell me of the mill.", assistant=text) for text in texts]
    return answers + [chat(user=text, assistant="It stands by the river.") for text in texts]


def linted(rows: list[Row], path: Path) -> tuple[float, Report]:
    """CPU seconds of a lint with all rules, and its report."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    begun = time.process_time()
    report = curator.lint([path], ALL, workers=1, cache=False)
    return time.process_time() - begun, report


@pytest.mark.slow
def test_a_long_row_costs_about_what_short_rows_of_as_much_text_do(tmp_path: Path) -> None:
    linted(rows(100, 1), tmp_path / "first.jsonl")  # what every lint loads
    part, _ = linted(rows(SHORT, LONG // SHORT // SHARE), tmp_path / "short.jsonl")
    long, report = linted(rows(LONG, 1), tmp_path / "long.jsonl")
    slowest = sorted(report.rules, key=lambda stat: -stat.seconds)[:3]
    told = f"{long:.1f} s, short ones {SHARE * part:.1f} s: {[(stat.code, stat.seconds) for stat in slowest]}"
    assert long < 3 * SHARE * part, told  # measured: 0.8
    assert slowest[0].seconds < SHARE * part / 2, told  # measured: 0.1


@pytest.mark.slow
def test_thousands_of_findings_in_one_row_cost_no_more_than_in_many(tmp_path: Path) -> None:
    numbers = [
        f"Call (415) 867-{number} or write to vera.lindholm{number}@brightpost.se." for number in range(1000, 5000)
    ]
    many = [chat(user="Whom do I ask?", assistant=text) for text in numbers]
    one = [chat(user="Whom do I ask?", assistant="\n".join(numbers))]
    linted(many[:10], tmp_path / "first.jsonl")
    apart, report = linted(many, tmp_path / "many.jsonl")
    together, other = linted(one, tmp_path / "one.jsonl")
    found = [sum(finding.code in ("PII001", "PII002") for finding in each.findings) for each in (report, other)]
    assert found == [2 * len(numbers)] * 2
    # Measured: 2.5, since the excerpt of each shows the values beside it, masked. Each with each would be hundreds.
    assert together < 6 * apart, f"{together:.1f} s against {apart:.1f} s"


@pytest.mark.parametrize(
    ("code", "prompt", "answer"),
    [
        (
            "ANS003",
            "Write " + "-" * 60,
            "It was written by [insert author name].",
        ),  # words or gaps
        ("ANS003", "Write a-" + "b-'c" * 5000, "It was written by [insert author name]."),
        ("ANS013", "Respond" + " " * 5000 + "in json", "It is Rome."),
        ("ANS013", "Give me the city as JSON.", "```" + "a" * 50_000 + "`"),
        ("ANS014", "Print.", "```python\nprint('hello)\n" + "\n" * 50_000 + "x\n```"),
        ("SPL003", "Why?", "```" + " " * 50_000 + "the the"),
        ("ANS014", "Write Python.", "```python\nx = 1 " + "_" * 50_000 + "a\n```"),
        ("ANS005", "Print.", "```python\nprint(('hello')\n" + "\n" * 50_000 + "x = y"),
        ("ANS005", "Tell me of the mill.", "It stands by the river and was built of " + "a" * 50_000 + ",b"),
        ("ANS005", "Tell me of the mill.", "It stands.\nStep" + " " * 50_000 + "and then the old mill by the river"),
        ("ANS005", "Tell me of the mill.", "It stands.\nIt" + ":" * 50_000 + " and then the old mill by the river"),
        ("ANS005", "Which towns?", "It stands.\nHere are " + "these " * 10_000 + "\n1. Old"),
        ("ANS005", "Add it all.", "It stands.\nSo " + "Side 1 + " * 6_000 + "sides and"),
        ("ANS005", "Multiply.", "It stands.\n" + "2 x 3, " * 8_000 + "and 4 x"),
        ("ANS005", "Print.", "```\nf(x) {\n" + " " * 50_000 + "\n" + " " * 50_000 + "\n  use"),
        ("ANS005", "Talk.", "Ann: Yes.\nBob" + "-" * 50_000 + ": I would say that it is so"),
        ("PII002", "Whom do I call?", "Call 415 867 5309, or 4158675309" + " " * 50_000 + "today"),
    ],
)
def test_a_text_that_can_be_read_in_many_ways_is_judged_at_once(code: str, prompt: str, answer: str) -> None:
    rule = all_rules()[code]()
    flags_of(rule, chat(user="Why?", assistant="So."))
    at_once(lambda: flags_of(rule, chat(user=prompt, assistant=answer)), 2)


SUM = "What is 2 + 2?", "2 + 2 =" + " " * 50_000


@pytest.mark.parametrize(
    "lines",
    [
        ['{"a": "' + '\\"' * 50_000],  # a string that never ends, and might begin at each of its signs
        ['{"a": ' + "/*x" * 50_000],
        ['{"messages": [],' + " " * 50_000 + '"x": }'],
        [json.dumps(chat(user=SUM[0], assistant=SUM[1] + end)) for end in ("x", "y = 5")],
    ],
)
def test_a_file_that_can_be_read_in_many_ways_is_judged_at_once(lines: list[str], tmp_path: Path) -> None:
    linted(rows(100, 1), tmp_path / "first.jsonl")
    (tmp_path / "set.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    at_once(lambda: curator.lint([tmp_path / "set.jsonl"], ALL, workers=1, cache=False), 2)


def test_a_row_of_twenty_thousand_turns_is_judged_at_once(tmp_path: Path) -> None:
    linted(rows(100, 1), tmp_path / "first.jsonl")
    turns = [{"role": ("user", "assistant")[n % 2], "content": f"a{n}"} for n in range(20_000)]
    (tmp_path / "set.jsonl").write_text(json.dumps({"messages": turns}) + "\n", encoding="utf-8")
    at_once(
        lambda: curator.lint([tmp_path / "set.jsonl"], Config(), workers=1, cache=False), 4
    )  # measured: 0.8, and 8.3 where each turn looked at all before it


@pytest.mark.slow
def test_a_long_row_that_stands_twice_costs_twice_what_it_costs_once(tmp_path: Path) -> None:
    """What is asked of every hit in a text is not asked of its twin in another row by comparing the two."""
    config = Config(select=("ENC003",))

    def seconds(head: str, count: int) -> float:
        path = tmp_path / "set.jsonl"
        row = chat(user="Hello?", assistant=over_and_over(GENERAL["emoji"], LONG, head))
        path.write_text(count * (json.dumps(row) + "\n"), encoding="utf-8")
        begun = time.process_time()
        curator.lint([path], config, workers=1, cache=False)
        return time.process_time() - begun

    once = min(seconds("One.", 1), seconds("Two.", 1))
    assert seconds("Three.", 2) < 3 * once


def test_a_document_whose_page_number_is_far_off_is_read_at_once() -> None:
    at_once(lambda: document_of(("1. Wash the bowl.\npage" + " " * 50_000 + "x\n2. Dry it.\n").encode(), "bowl.txt"), 2)

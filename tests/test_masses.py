"""A row may hold very much of one thing: what a rule takes grows with the row, and what it tells of it has an end."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

import curator
from curator.config import Config
from curator.editor import Document
from curator.editor import lint as judged
from curator.formats import Reader
from curator.formats.adapter import Losses, _slips, nearly
from curator.model import Cut, Edit, Flag, Put, Report
from curator.private.contacts import ip_addresses
from curator.private.context import _OTHER, is_other_number
from curator.private.masking import longest_first, masked_flag
from curator.private.repeats import Repeats
from curator.private.values import values
from curator.scan import span
from curator.splicing import splice_groups
from tests.fuzz.masses import MASSES, ORDINARY
from tests.pace import at_once


def lint(data: bytes, path: Path) -> Report:
    path.write_bytes(data)
    return curator.lint([path], Config(), workers=1, cache=False)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What every lint loads once."""
    folder = tmp_path_factory.mktemp("loaded")
    for name in ("words", "e-mails", "identity numbers", "keys of services", "list items", "turns"):
        lint(MASSES[name](2000), folder / "row.jsonl")


@pytest.mark.parametrize(
    ("name", "size"),  # bytes: what took longer before, some by the square
    [
        ("words", 100_000),
        ("e-mails", 30_000),
        ("telephones", 30_000),
        ("identity numbers", 30_000),
        ("ip addresses", 30_000),
        ("keys of services", 30_000),
        ("passwords", 30_000),
        ("infinities", 100_000),
        ("strange roles", 60_000),
        ("entities", 60_000),
        ("empty turns", 60_000),
        ("keys with e-mails", 150_000),
    ],
)
def test_very_much_of_one_thing_takes_about_a_second(name: str, size: int, loaded: None, tmp_path: Path) -> None:
    row = MASSES[name](size)
    at_once(lambda: lint(row, tmp_path / "row.jsonl"), 1.5)  # measured: 0.1 to 0.7


def test_of_thousands_of_turns_an_answer_is_judged_beside_the_first_and_the_latest() -> None:
    turns = [{"role": ("user", "assistant")[n % 2], "content": str(n)} for n in range(1000)]
    example = Reader().read({"messages": turns})
    assert example is not None
    before = {turn.text: [other.text for other in earlier] for earlier, turn in example.taught()}
    assert len(before) == 500
    assert before["127"] == [str(n) for n in range(127)]
    assert before["999"] == [str(n) for n in (*range(8), *range(879, 999))]


def test_of_thousands_of_findings_on_a_row_the_last_says_how_many_more_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(span, "_MOST", 20)
    monkeypatch.setattr(span, "_SHOWN", 5)
    row = b'{"prompt": "a", "completion": "b", "x": [' + b"1e999," * 50 + b"1]}\n"
    report = lint(row + ORDINARY + row.replace(b"50", b"49"), tmp_path / "row.jsonl")
    told = [finding for finding in report.findings if finding.code == "FIL009" and finding.line == 1]
    assert [finding.path for finding in told] == sorted(f"x[{n}]" for n in range(20))
    assert [finding.message for finding in told if "more" in finding.message] == [
        "past the range of a double: strict parsers refuse the line, and Arrow the file; "
        "30 more in this row are not told one by one"
    ]
    assert sum(finding.excerpt is not None for finding in told) == 5
    assert sum(rule.findings for rule in report.rules if rule.code == "FIL009") == 40


def test_what_is_not_told_one_by_one_is_mended_in_the_next_rounds(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, run
) -> None:
    monkeypatch.setattr(span, "_MOST", 20)
    path = tmp_path / "row.jsonl"
    path.write_bytes(b'{"prompt": "a", "completion": "b", "x": [' + b"NaN," * 50 + b"1]}\n" + ORDINARY)
    assert run("lint", path, "--fix", "--unsafe-fixes", "--no-cache", "--select", "FIL009").status == 0
    assert json.loads(path.read_bytes().splitlines()[0])["x"] == [None] * 50 + [1]


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("the order no.", True),
        ("ISBN-13: ", True),
        ("the Invoice number is: '", True),
        ("pages ", True),
        ("Nummer ", False),
        ("call me at ", False),
        ("", False),
    ],
)
def test_what_stands_before_a_number_is_looked_at_in_vain_where_it_ends_in_no_such_word(text: str, other: bool) -> None:
    assert is_other_number(text + "123", len(text)) is other
    assert bool(_OTHER.search(text)) is other


def test_the_places_of_thousands_of_findings_on_a_row_are_found_by_going_through_it_once() -> None:
    answer = "".join(f"Ünder 🚀 vera{n}@brightpost.se. " for n in range(2000))
    data = ORDINARY + json.dumps({"prompt": "a", "completion": answer}, ensure_ascii=False).encode()
    document = Document(data.decode())
    report = judged(document, Path("row.jsonl"), Config(select=("PII001",)))
    findings = list(report.findings)
    places = at_once(lambda: list(document.places(findings)), 0.5)  # measured: 0.02; gone through for each 6
    assert places[::500] == [Document(data.decode()).place(finding) for finding in findings[::500]]
    said = data.decode().split("\n")[1].encode("utf-16-le")
    words = [said[2 * place.start.column : 2 * place.end.column].decode("utf-16-le") for place in places]
    assert words == [f"vera{n}@brightpost.se" for n in range(2000)]


def test_thousands_of_changes_of_a_row_are_made_by_going_through_it_once() -> None:
    raw = json.dumps({"x": [float("inf")] * 20_000, "turns": [{"role": "user", "k": 1}] * 5000}).encode()
    groups = [[Put(f"x[{n}]", None)] for n in range(5000)] + [[Cut(f"turns[{n}].k")] for n in range(5000)]
    changed, made = at_once(lambda: splice_groups(raw, groups), 1.5)  # measured: 0.3; gone through for each 40
    assert all(made)
    row = json.loads(changed)
    assert row["x"] == [None] * 5000 + [float("inf")] * 15_000
    assert row["turns"] == [{"role": "user"}] * 5000


def test_thousands_of_changes_that_stand_in_each_others_way_are_left_out_one_by_one() -> None:
    raw = json.dumps({"x": "ab" * 8000, "free": "c" * 8000}).encode()
    groups = [[Edit("x", 2 * n, 2 * n + 2, "y")] for n in range(8000)]
    groups += [[Edit("free", n, n + 1, "n"), Edit("x", 2 * n, 2 * n + 1, "n")] for n in range(8000)]
    changed, made = at_once(lambda: splice_groups(raw, groups), 1)  # measured: 0.2; all gone through for each 2.5
    assert made == (True,) * 8000 + (False,) * 8000
    assert json.loads(changed) == {"x": "y" * 8000, "free": "c" * 8000}


def test_a_run_of_numbers_is_searched_in_parts_and_nothing_in_it_is_missed() -> None:
    text = "Reach 86.121.97.248 " * 2 + "12.5 " * 300 + "86.121.97.249 " + "7 " * 500 + "or call (415) 867-2231."
    assert [text[start:end] for kind, start, end in values(text) if kind in ("ip", "phone")] == [
        *["86.121.97.248"] * 2,
        "86.121.97.249",
        "(415) 867-2231",
    ]


def test_a_text_is_masked_at_once_for_all_values_that_are_known_of_its_row() -> None:
    known = longest_first({f"vera{n}@brightpost.se": "email" for n in range(5000)} | {"vera1@brightpost.sex": "key"})
    text = "".join(f"to vera{n}@brightpost.se, " for n in range(5000)) + "vera1@brightpost.sex"
    said = at_once(lambda: known.masked_in(text), 0.5)  # measured: 0.05; each with each 1.5
    assert said == "to [EMAIL], " * 5000 + "[KEY]"
    assert len(known.places(text)) == 5001 and not known.places("to vera@brightpost.se")


@pytest.mark.parametrize("long", [0, 1000])
def test_values_are_sought_again_where_they_may_begin_alone(long: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curator.private.repeats._LONG", long)
    draw = random.Random(1)
    sought = {"".join(draw.choices("abc12.é😀", k=draw.randint(6, 12))) for _ in range(60)}
    for _ in range(200):
        text = "".join(draw.choices([*sought, "a", "1 ", ".", "\ud800"], k=draw.randint(0, 12)))
        longest = {
            at: max((len(value) for value in sought if text.startswith(value, at)), default=0)
            for at in range(len(text))
        }
        expected = [(at, at + length) for at, length in longest.items() if length]
        assert list(Repeats(sought)._hits(text)) == expected


def test_losses_of_a_row_are_noted_once_however_many_there_are() -> None:
    def noted() -> Losses:
        losses = Losses()
        for n in range(40_000):
            losses.note(f"the role {n % 20_000}")
        return losses

    losses = at_once(noted, 0.5)  # measured: 0.02; each sought among those before it 5
    assert losses == [f"the role {n}" for n in range(20_000)]
    losses.append("names")
    losses.note("names")
    assert losses[-2:] == ["the role 19999", "names"]


def test_a_word_whose_letters_are_others_is_no_slip() -> None:
    draw = random.Random(1)
    for _ in range(3000):
        word, name = ("".join(draw.choices("abcd", k=draw.randint(4, 9))) for _ in range(2))
        assert nearly(word, name) is (word == name or _slips(word, name) <= (2 if len(name) >= 8 else 1))


def test_what_stands_in_for_a_value_is_no_value_unless_a_value_holds_it() -> None:
    flag = Flag("a", "at vera@brightpost.se", evidence={"placeholder": "[EMAIL_3f9a2]", "said": "x[KEY_3f9a2]y"})
    assert masked_flag(flag).evidence == flag.evidence
    assert masked_flag(flag).message == "at [EMAIL]"
    known = longest_first({f"vera{n}@brightpost.se": "email" for n in range(50)} | {"x[KEY_3f9a2]y": "password"})
    assert masked_flag(flag, known).evidence == {"placeholder": "[EMAIL_3f9a2]", "said": "[PASSWORD]"}


@pytest.mark.parametrize(
    ("address", "anybodys"),
    [
        ("86.121.97.248", True),
        ("86.121.97.255", False),
        ("86.121.97.256", False),
        ("86.121.097.24", False),
        ("٨6.121.97.24", False),
        ("8.8.8.8", False),
        ("192.168.3.4", False),
        ("192.170.3.4", True),
        ("100.64.1.1", False),
        ("100.63.1.1", True),
        ("224.1.1.1", False),
        ("2a02:908:1a:2::1c", True),
    ],
)
def test_an_address_is_somebodys_where_it_is_valid_public_and_not_famous(address: str, anybodys: bool) -> None:
    assert bool(list(ip_addresses(f"from {address} ", 0, 40))) is anybodys

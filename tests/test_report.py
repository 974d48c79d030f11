"""Reports: every format names all rows it counts, and is valid whatever the data holds."""

from __future__ import annotations

import io
import json
import os
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.errors import UsageError
from curator.model import (
    Decision,
    Excerpt,
    FileStat,
    Finding,
    Fix,
    Flag,
    LeftOut,
    LimitResult,
    NotRun,
    Place,
    Report,
    RuleStat,
    TokenCount,
    drop,
)
from curator.report import FORMATS, render
from curator.report.charts import Bar, bars, histogram, quantile, short
from curator.report.tally import code_ranges, line_ranges
from curator.report.text import cells, fit
from curator.rule import all_rules
from curator.text.excerpt import excerpt, visible

GOLDEN = Path(__file__).parent / "golden" / "report"
KEYS = "code name severity file line path span message fix related evidence id row".split()

CUT = "Put the lid back on, then hold the reset button until the"
WIDE = "リセットボタンを押してから、電源を"


def finding(code: str, name: str, severity: Any, file: str, line: int, flag: Flag, **more: Any) -> Finding:
    """A finding as the engine makes one; `text` is the string its path leads to, `raw` its line."""
    text, raw = more.pop("text", ""), more.pop("raw", b"")
    value = {"messages": [{"content": "Hi"}, {"content": text}]}
    place = f"{line:04x}{code.encode().hex()}"
    return Finding(
        code,
        name,
        severity,
        file,
        line,
        flag.at,
        flag.message,
        place.ljust(32, "0"),
        f"{line:032x}",
        line - 1,
        flag.span,
        flag.byte,
        flag.fix,
        more.pop("related", ()),
        flag.evidence,
        excerpt(flag, value, raw),
    )


def cut(file: str, line: int, text: str = CUT, message: str = "stops in the middle of a sentence") -> Finding:
    flag = Flag("messages[1].content", message, (len(text) - 3, len(text)))
    return finding("ANS905", "cut-answer", "warning", file, line, flag, text=text)


def findings() -> list[Finding]:
    """What two small files hold: 5 rules, 3 severities, and text that wants to do harm."""
    raw = b'{"messages": [{"role": "user", "content": "Hi", "content": "Hello"}]}'
    here = "messages[1].content"
    spaces = Flag(here, "two spaces", (4, 6), fix=Fix("remove the space", safety="safe"))
    again = Flag("", "the same row stands earlier", fix=drop("drop the repeated row", "safe"))
    twins = (Place("a.jsonl", 1), Place("b.jsonl", 7))
    twice = Flag("", 'written twice: "Hello" is kept', byte=48)
    empty = Flag(here, "the assistant says nothing", fix=drop())
    short_answer = Flag(here, "1 word", evidence={"words": 1, "share": 0.5})
    markup = "<img src=x onerror=alert(1)> </script><script>alert(2)</script> the"
    controls = "esc \x1b[31m nul \x00 bidi \u202e the"
    return [
        finding("FIL908", "duplicate-key", "error", "a.jsonl", 2, twice, raw=raw),
        cut("a.jsonl", 3),
        cut("a.jsonl", 4, WIDE),
        finding("DUP901", "exact-duplicate", "warning", "a.jsonl", 5, again, raw=raw, related=twins),
        cut("a.jsonl", 6),
        finding("ENC906", "excess-space", "info", "a.jsonl", 6, spaces, text="One.  Two."),
        cut("a.jsonl", 7),
        cut("a.jsonl", 8),
        finding("ROL907", "empty-turn", "error", "b.jsonl", 1, empty),
        cut("b.jsonl", 2, markup, '<b>50%</b>: a,b & "c" ]]> --> the'),
        cut("b.jsonl", 3, controls, "raw \x1b[2J bell \x07, half \ud83d, break\n::error::no"),
        cut("b.jsonl", 9),
        finding("LEN903", "answer-too-short", "info", "b.jsonl", 9, short_answer, text="Yes"),
    ]


def report(found: list[Finding] | None = None, **changes: Any) -> Report:
    found = findings() if found is None else found
    severities = {item.code: (item.name, item.severity) for item in found}
    stats = [
        RuleStat(
            code,
            name,
            severity,
            examined=18,
            skipped=1,
            findings=sum(item.code == code for item in found),
            fixable=sum(item.code == code and item.fix is not None for item in found),
            seconds=0.0021,
        )
        for code, (name, severity) in severities.items()
    ]
    stats.append(RuleStat("TOL901", "arguments-not-json", "error", examined=19, seconds=0.0004))
    files = (
        FileStat("a.jsonl", "jsonl", "openai-chat", 1.0, 10, 10, 0, 5120, "train", {"openai-chat": 10}),
        FileStat("b.jsonl", "jsonl", "openai-chat", 0.9, 10, 9, 1, 4200, "valid", {"openai-chat": 8, "alpaca": 1}),
    )
    made = Report(
        files,
        tuple(sorted(stats, key=lambda stat: stat.code)),
        tuple(found),
        TokenCount("o200k_base", True, 38204),
        rows=19,
        broken=1,
        seconds=0.31,
        plan="5f2c9a7d10e84b36",
        not_run=(NotRun(("TPL901", "TPL902", "TPL903", "LEN902"), "no template is named", "--template NAME"),),
        suppressed=2,
        unused=(Decision("keep", "ab" * 16, code="ANS901", who="Ada", why="quoted <on> purpose"),),
        limits=(LimitResult("ANS905", "20%", 8, 19, False), LimitResult("LEN903", "2", 1, 19, True)),
        length_histogram=((16, 1), (32, 4), (64, 9), (128, 5), (256, 0)),
        answer_histogram=((4, 2), (8, 8), (16, 6), (32, 3)),
    )
    return msgspec.structs.replace(made, **changes)


def clean(**changes: Any) -> Report:
    return report([], broken=0, suppressed=0, unused=(), limits=(), **changes)


def shown(made: Report, format: str = "text", **options: Any) -> str:
    stream = io.BytesIO()
    render(made, format, stream, **options)
    return stream.getvalue().decode("utf-8")


@pytest.fixture(autouse=True)
def _fixed_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions and rule texts of the product change; the golden files should not."""
    about = SimpleNamespace(summary=lambda: "An answer stops half way.", why=lambda: "The model learns to\nstop.")
    all_rules()  # loaded before: what registers itself meanwhile would be gone afterwards
    monkeypatch.setattr("curator.rule.RULES", {"ANS905": about})
    for module in ("data", "ci", "html"):
        monkeypatch.setattr(f"curator.report.{module}.__version__", "0.0.0")


# ---------------------------------------------------------------------- golden files

GOLDENS = {
    "text.txt": ("text", {"show": 3}),
    "text_color.txt": ("text", {"show": 1, "color": True, "width": 100}),
    "text_verbose.txt": ("text", {"show": None, "verbose": True, "width": 60}),
    "statistics.txt": ("text", {"statistics": True}),
    "concise.txt": ("concise", {}),
    "report.json": ("json", {}),
    "report.jsonl": ("jsonl", {}),
    "report.sarif": ("sarif", {}),
    "github.txt": ("github", {}),
    "gitlab.json": ("gitlab", {}),
    "junit.xml": ("junit", {}),
    "page.html": ("html", {}),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_a_report_looks_as_agreed(name: str) -> None:
    format, options = GOLDENS[name]
    said = shown(report(), format, **options)
    if format == "html":  # the style, the script and their hashes have files of their own
        said = re.sub(r"<(style|script)>.*?</\1>", r"<\1>…</\1>", said, flags=re.S)
        said = re.sub(r"sha256-[\w+/=]+", "sha256-…", said)
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(said.encode())
    assert said == path.read_bytes().decode()


# ---------------------------------------------------------------------- text


def test_a_clean_set_takes_two_lines() -> None:
    assert shown(clean(not_run=())).splitlines() == [
        "clean: 1 rule found nothing.",
        "19 rows in 2 files · 38,204 tokens (o200k_base, exact) · 0.3 s",
    ]


def test_a_clean_set_still_says_what_was_not_run() -> None:
    *_, last = shown(clean()).splitlines()
    assert last == "not run: LEN902, TPL901-903 (no template is named: --template NAME)"


def test_rules_that_wait_for_an_option_take_one_line_together() -> None:
    waiting = (
        NotRun(("TPL901", "TPL902"), "no template is named", "--template FILE", options=("--template",)),
        NotRun(("LEN902",), "no limit is named", "--max-length N", options=("--max-length",)),
    )
    barred = NotRun(("LNG901",), "a detector is not installed", "pip install it")
    *_, first, second = shown(clean(not_run=(barred, *waiting))).splitlines()
    assert first == "not run: LNG901 (a detector is not installed: pip install it)"
    assert second == "not run: 3 rules that wait for --template or --max-length"
    *_, last = shown(clean(not_run=waiting[::-1])).splitlines()
    assert last.endswith("3 rules that wait for --template or --max-length")


def test_a_clean_folder_says_what_was_not_read() -> None:
    beside = (LeftOut("data/README.md", "no data by its extension"),)
    said = shown(msgspec.structs.replace(clean(), left_out=beside))
    assert "not read: data/README.md (no data by its extension)" in said.splitlines()


def test_a_rule_that_left_some_rows_out_did_run() -> None:
    made = report()
    code = next(stat.code for stat in made.rules if stat.examined)
    part = NotRun((code,), "3 prompts have more answers than are compared", "raise max_answers")
    said = shown(msgspec.structs.replace(made, not_run=(part,)))
    assert f"run in part: {code} (3 prompts have" in said and "not run" not in said


def test_an_empty_set_is_not_called_clean() -> None:
    assert shown(clean(rows=0)).startswith("no rows: there is nothing to judge.")


def test_the_first_lines_of_too_many_to_show_are_named_and_the_others_counted() -> None:
    lines = [*range(1, 40), 50, 52, *range(60, 400, 3)]
    said = shown(report([cut("a.jsonl", line) for line in lines]), show=4)
    block = said[said.index("a.jsonl: lines") :].partition("\n\n")[0]
    named = [int(line) for line in re.findall(r"a\.jsonl:(\d+) ", said)]
    block, _, rest = block.partition("and ")
    for first, last in re.findall(r"(\d+)(?:-(\d+))?", block):
        named += range(int(first), int(last or first) + 1)
    assert named == lines[: len(named)]
    assert rest == f"{len(lines) - len(named)} more"
    assert f"{len(lines) - 4} more" in said
    assert all(len(line) <= 80 for line in block.splitlines())


def test_nothing_of_the_data_reaches_the_terminal_raw() -> None:
    for format in ("text", "concise", "github"):
        said = shown(report(), format)
        assert not set(said) & set("\x1b\x00\x07\u202e\r")
        assert "␛[2J" in said
        assert "break⏎::error::no" in said


def test_next_commands_can_be_pasted() -> None:
    name = "my set's rows.jsonl"
    stat = FileStat(name, "jsonl", "openai-chat", 1.0, 9, 9, 0, 10, "train")
    found = [msgspec.structs.replace(item, file=name) for item in findings()]
    said = shown(report(found, files=(stat,)))
    assert "2 can be mended safely:" in said
    assert "curator lint 'my set'\"'\"'s rows.jsonl' --fix\n" in said
    assert "curator rule FIL908\n" in said
    assert "curator lint x/ --select ANS --fix" in shown(report(), command="curator lint x/ --select ANS")


def test_standard_input_is_not_offered_a_mend_in_place() -> None:
    stat = FileStat("-", "jsonl", "openai-chat", 1.0, 9, 9, 0, 10, "train")
    assert "--fix" not in shown(report(files=(stat,)))


def test_the_verdict_tells_breaking_from_weakening() -> None:
    said = shown(report())
    errors, rest = "2 errors would break a run or be learnt", "9 warnings would weaken it, 2 notes to weigh"
    assert f"{errors}, {rest}; limit broken: ANS905." in said
    cuts = [cut("a.jsonl", 1)]
    assert "nothing would break a run, 1 warning would weaken it." in shown(report(cuts, limits=(), broken=0))
    assert "2 lines could not be read, 1 warning would weaken it." in shown(report(cuts, limits=(), broken=2))


def test_carets_stand_under_wide_characters() -> None:
    line = shown(report([cut("a.jsonl", 1, WIDE, "stops")]), width=120).splitlines()
    caret = line[2].index("^")
    assert cells(line[1][: line[1].index("電源を")]) == caret
    assert line[2].count("^") == cells("電源を") == 6


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 40), st.integers(20, 200))
def test_a_snippet_fits_its_room_and_points_inside_it(text: str, start: int, size: int, room: int) -> None:
    made = excerpt(Flag("t", "", (start, start + size)), {"t": text}, b"")
    assert made is not None
    line, column, width = fit(made, room, True)
    assert cells(line) <= room
    assert column + width <= room + 1  # a caret may stand just behind the last character


def test_an_excerpt_from_elsewhere_is_made_safe() -> None:
    item = msgspec.structs.replace(cut("a.jsonl", 1), excerpt=Excerpt("raw \x1b[31m text", 4, 9))
    for format in FORMATS:
        if format not in ("parquet", "jsonl"):
            stream = io.BytesIO()
            render(report([item]), format, stream)
            assert b"\x1b" not in stream.getvalue()


# ---------------------------------------------------------------------- excerpts


def row_of(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


PATH = "messages[0].content"


def test_an_excerpt_is_cut_between_words() -> None:
    text = " ".join(f"word{number}" for number in range(100))
    start = text.index("word50")
    made = excerpt(Flag(PATH, "", (start, start + 6)), row_of(text), b"")
    assert made is not None
    assert made.text[made.start : made.end] == "word50"
    assert re.fullmatch(r"…word\d\d .* word\d\d…", made.text)
    assert len(made.text) < 150


def test_a_fault_at_the_end_shows_the_end() -> None:
    made = excerpt(Flag(PATH, "", (len(CUT), len(CUT))), row_of(CUT), b"")
    assert made == Excerpt(CUT, len(CUT), len(CUT))


def test_a_path_alone_shows_what_stands_there() -> None:
    for at, said in {
        PATH: "Hi",
        "messages[0]": '{"role":"user","content":"Hi"}',
        "messages[0].name": '{"role":"user","content":"Hi"}',
        "": '{"raw": 1}',
    }.items():
        assert excerpt(Flag(at, ""), row_of("Hi"), b'{"raw": 1}\n') == Excerpt(said, 0, 0)


def test_a_blank_text_is_shown_in_quotes() -> None:
    assert excerpt(Flag(PATH, ""), row_of(" \n"), b"") == Excerpt('" ⏎"', 0, 0)


@pytest.mark.parametrize(
    ("raw", "byte", "fault"),
    [
        (b'{"a": 1, "a": 2}\n', 9, '"a"'),
        (b'{"a": "\xff"}\n', 7, "\\xff"),
        ('{"a": "日本"}'.encode(), 7, "日"),
        (b'\xef\xbb\xbf{"a": 1}', 0, "‹U+FEFF›"),
        (b'{"a": 1\r\n', 7, "␍"),
        (b'{"a": 1', 7, ""),
    ],
)
def test_a_byte_shows_the_line_around_it(raw: bytes, byte: int, fault: str) -> None:
    made = excerpt(Flag("", "", byte=byte), None, raw)
    assert made is not None
    assert made.text[made.start : made.end] == fault


def test_what_cannot_be_seen_is_made_visible() -> None:
    assert visible("a\u200bb\x1b[0m\x00\n\t\x7f\u202e\ud800") == "a‹U+200B›b␛[0m␀⏎⇥␡‹U+202E›‹U+D800›"
    assert visible("non\xa0breaking می\u200cخواهم") == "non breaking می\u200cخواهم"
    assert visible("non\xa0breaking\u3164", fault=True) == "non‹U+00A0›breaking‹U+3164›"


@given(st.text(st.characters(), max_size=400), st.integers(0, 400), st.integers(0, 400))
def test_an_excerpt_is_one_short_line_of_printable_text(text: str, start: int, size: int) -> None:
    made = excerpt(Flag(PATH, "", (start, start + size)), row_of(text), b"")
    assert made is not None
    assert all(char.isprintable() or char in "\u200c\u200d" for char in made.text)
    assert 0 <= made.start <= made.end <= len(made.text) <= 2000
    assert (made.start < made.end) == (start < len(text) and size > 0)


@given(st.binary(max_size=900), st.integers(0, 1000))
def test_any_byte_of_any_line_has_an_excerpt(raw: bytes, byte: int) -> None:
    made = excerpt(Flag("", "", byte=byte), None, raw)
    assert made is not None
    assert all(char.isprintable() or char in "\u200c\u200d" for char in made.text)


# ---------------------------------------------------------------------- for programs


def test_every_form_but_concise_names_all_rows_that_a_finding_counts_unless_they_are_very_many() -> None:
    rows = (*range(2, 40), 50, 60, 61, *range(70, 100, 2))
    flag = Flag("", f"{len(rows) + 1} rows are alike")
    places = (*(Place("a.jsonl", line) for line in rows), Place("b.jsonl", 3))
    made = report([finding("STY901", "alike", "warning", "a.jsonl", 1, flag, related=places)])
    listed = "2-39, 50, 60, 61, 70, 72, 74, 76, 78, 80, 82, 84, 86, 88, 90, 92, 94, 96, 98, b.jsonl:3"
    assert f"57 more, lines {listed}" in " ".join(shown(made).split())
    assert "~ 2-39, 50, 60, 61, 70, 72, 74, 76, and 12 more" in shown(made, "concise")
    for form in ("github", "gitlab", "junit"):
        assert listed in shown(made, form).replace("%3A", ":")
    assert len(json.loads(shown(made, "jsonl"))["related"]) == len(places)
    (told,) = json.loads(shown(made, "sarif"))["runs"][0]["results"]
    assert len(told["relatedLocations"]) == len(places)


def test_statistics_in_json_hold_the_counts_and_no_findings() -> None:
    told = json.loads(shown(report(), "json", statistics=True))
    assert "findings" not in told
    assert {rule["code"]: rule["findings"] for rule in told["rules"]}["ANS905"] == 8


def test_jsonl_has_exactly_the_agreed_keys() -> None:
    made = report()
    rows = [json.loads(line) for line in shown(made, "jsonl").splitlines()]
    assert len(rows) == len(made.findings)
    assert all(list(row) == KEYS for row in rows)
    twin = rows[3]
    assert twin["fix"] == "safe"
    assert twin["related"] == [{"file": "a.jsonl", "line": 1}, {"file": "b.jsonl", "line": 7}]
    assert rows[1]["span"] == [len(CUT) - 3, len(CUT)]


def test_json_holds_the_same_findings_and_the_whole_picture() -> None:
    made = report()
    said = json.loads(shown(made, "json"))
    assert said["findings"] == [json.loads(line) for line in shown(made, "jsonl").splitlines()]
    assert said["summary"]["errors"] == 2
    assert said["summary"]["exit_code"] == made.exit_code == 1
    assert said["tokens"] == {
        "tokenizer": "o200k_base",
        "exact": True,
        "total": 38204,
        "error": 0.0,
        "given": 0,
        "template": "",
    }
    assert [stat["code"] for stat in said["rules"]] == [stat.code for stat in made.rules]
    assert len(said["files"]) == 2
    assert said["not_run"][0]["unlock"] == "--template NAME"


def test_findings_can_be_a_store_that_is_read_again() -> None:
    class Store:
        def __iter__(self) -> Any:
            yield from findings()

    for format in FORMATS:
        stream, other = io.BytesIO(), io.BytesIO()
        render(report(), format, stream)
        render(report(findings=Store()), format, other)
        assert stream.getvalue() == other.getvalue()


def test_parquet_reads_back() -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    for made in (report(), clean()):
        stream = io.BytesIO()
        render(made, "parquet", stream)
        table = pq.read_table(io.BytesIO(stream.getvalue()))
        assert table.num_rows == len(made.findings)
        assert json.loads(table.schema.metadata[b"curator"])["summary"]["rows"] == 19
    rows = pq.read_table(io.BytesIO(_parquet(report()))).to_pylist()
    assert rows[3]["related"] == [{"file": "a.jsonl", "line": 1}, {"file": "b.jsonl", "line": 7}]
    assert (rows[0]["byte"], rows[0]["span_start"]) == (48, None)


def _parquet(made: Report) -> bytes:
    stream = io.BytesIO()
    render(made, "parquet", stream)
    return stream.getvalue()


def test_sarif_has_what_code_scanning_asks_for() -> None:
    made = report()
    said = json.loads(shown(made, "sarif"))
    assert said["version"] == "2.1.0"
    (run,) = said["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "curator"
    assert {rule["id"]: rule["shortDescription"]["text"] for rule in rules}["ANS905"] == "An answer stops half way."
    assert len(run["results"]) == len(made.findings)
    for result, item in zip(run["results"], made.findings, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == item.code
        assert result["level"] in ("error", "warning", "note")
        assert result["message"]["text"]
        assert result["partialFingerprints"]["curatorFinding/v1"] == item.id
        (place,) = result["locations"]
        assert place["physicalLocation"]["region"]["startLine"] == item.line
        assert place["physicalLocation"]["artifactLocation"]["uri"] == item.file
    assert "not run" in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


@pytest.mark.parametrize(
    ("file", "said"), [("a b/ü.jsonl", "a%20b/%C3%BC.jsonl"), ("/data/a b.jsonl", "file:///data/a%20b.jsonl")]
)
def test_sarif_names_files_as_uris(file: str, said: str) -> None:
    results = json.loads(shown(report([cut(file, 1)]), "sarif"))["runs"][0]["results"]
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == said


def test_github_commands_are_escaped() -> None:
    lines = shown(report([cut("a,b:c.jsonl", 4, message="50% a::b\nc")]), "github").splitlines()
    start = "::warning file=a%2Cb%3Ac.jsonl,line=4,title=ANS905 cut-answer::messages[1].content: "
    assert lines[0] == f"{start}50%25 a::b⏎c"
    assert len(lines) == 2


def test_gitlab_fingerprints_are_unique_even_for_twins() -> None:
    twins = [msgspec.structs.replace(cut("a.jsonl", line), id="f" * 32) for line in (1, 2, 3)]
    said = json.loads(shown(report(twins), "gitlab"))
    assert len({entry["fingerprint"] for entry in said}) == 3
    assert said[0]["location"] == {"path": "a.jsonl", "lines": {"begin": 1}}
    assert json.loads(shown(clean(), "gitlab")) == []


def test_junit_fails_the_rules_that_fail_the_lint() -> None:
    root = ET.fromstring(shown(report(), "junit"))
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert root.get("tests") == str(len(cases)) == "8"
    assert root.get("failures") == str(len(root.findall(".//failure"))) == "3"
    # an error, an error, and a warning whose limit is broken
    assert [name for name, case in cases.items() if case.find("failure") is not None] == [
        "ANS905 cut-answer",
        "FIL908 duplicate-key",
        "ROL907 empty-turn",
    ]
    text = cases["ANS905 cut-answer"].find("failure").text
    assert len(text.strip().splitlines()) == 8
    assert "b.jsonl:9 messages[1].content" in text
    assert cases["DUP901 exact-duplicate"].find("system-out").text.startswith("a.jsonl:5")
    assert cases["LEN902, TPL901-903"].find("skipped").get("message").endswith("--template NAME")


ANYTHING = st.text(st.characters(), max_size=60)


@given(ANYTHING, ANYTHING, ANYTHING)
def test_any_text_leaves_every_format_valid(message: str, text: str, file: str) -> None:
    item = cut(file or "x", 1, text, message)
    item = msgspec.structs.replace(item, fix=drop(message), evidence={message: [text, float("nan"), 2**80]})
    made = report([item], files=())
    assert shown(made, "text", verbose=True).count("\n") < 40
    assert len(shown(made, "concise").splitlines()) == len(shown(made, "github").splitlines()) == 2
    (line,) = shown(made, "jsonl").splitlines()
    assert json.loads(line)["line"] == 1
    for format in ("json", "sarif", "gitlab"):
        json.loads(shown(made, format))
    assert len(ET.fromstring(shown(made, "junit")).findall(".//testcase")) == 3
    page = shown(made, "html")
    assert page.count("</script>") == 2
    _parquet(made)


# ---------------------------------------------------------------------- pieces


@given(st.lists(st.integers(1, 200)).map(sorted))
def test_ranges_name_exactly_the_lines(lines: list[int]) -> None:
    named: list[int] = []
    for part in line_ranges(lines):
        first, _, last = part.partition("-")
        assert not last or int(last) - int(first) >= 2
        named += range(int(first), int(last or first) + 1)
    assert named == sorted(set(lines))


def test_codes_in_a_row_are_drawn_together() -> None:
    assert (
        code_ranges(["TPL003", "LEN002", "TPL001", "TPL002", "TPL006", "TPL007"])
        == "LEN002, TPL001-003, TPL006, TPL007"
    )
    assert code_ranges(["ANS009", "ANS010", "ANS011"]) == "ANS009-011"
    assert code_ranges([]) == ""


def test_plots_are_well_formed_and_say_what_they_show() -> None:
    bins = ((8, 0), (16, 3), (32, 1), (64, 0))
    for svg in (
        histogram(bins, title="Tokens <a row>"),
        bars([Bar("cut & dried", 3, "ANS905", "warning", "ANS905"), Bar("none", 0)], title="By rule"),
    ):
        root = ET.fromstring(svg)
        assert root.get("aria-label")
        assert "style" not in svg
    assert histogram(((8, 0),), title="empty") == ""
    assert [quantile(bins, share) for share in (0.0, 0.5, 0.75, 0.95)] == [8, 16, 16, 32]
    assert [short(number) for number in (950, 1500, 4096, 20_000, 1 << 20, 3_000_000)] == [
        "950", "1.5k", "4k", "20k", "1M", "3M",
    ]  # fmt: skip


def test_the_page_allows_its_own_script_and_no_request() -> None:
    page = shown(report(), "html")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert policy and policy[1].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert not re.search(
        r"(?:src|href)=[\"']?(?:https?:)?//|url\(|@import|\son\w+=|\sstyle=", page.split('id="data"')[0]
    )


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="no report format 'yaml'") as caught:
        render(report(), "yaml", io.BytesIO())
    assert "sarif" in caught.value.hint


def test_a_text_stream_is_as_good_as_bytes() -> None:
    stream = io.StringIO()
    render(report(), "concise", stream)
    assert stream.getvalue() == shown(report(), "concise")

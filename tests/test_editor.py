"""Findings and fixes in the lines and columns of an editor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import editor, splicing
from curator.config import load_config
from curator.editor import Document, Position, Range, TextEdit, Units
from curator.model import Cut, Edit, Finding, Fix

ROW = {"messages": [{"role": "user", "content": "Is it sealed?"}, {"role": "assistant", "content": ""}]}
UNITS: tuple[Units, ...] = ("utf-8", "utf-16", "utf-32")


def finding(line: int, path: str, span: tuple[int, int] | None = None, byte: int | None = None) -> Finding:
    return Finding("X", "x", "error", "x.jsonl", line, path, "", "", "", 0, span, byte)


def cut_out(text: str, place: Range, units: Units = "utf-16") -> str:
    """What an editor underlines: lines end at LF, CR LF or CR, columns count units."""
    lines = text.replace("\r\n", "\n\0").replace("\r", "\n").split("\n")
    lines = [line.removeprefix("\0") for line in lines]
    assert place.start.line == place.end.line
    line = lines[place.start.line]
    wide = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}[units]
    step = {"utf-8": 1, "utf-16": 2, "utf-32": 4}[units]
    return line.encode(wide)[place.start.column * step : place.end.column * step].decode(wide)


def applied(text: str, edit: TextEdit) -> str:
    """The text with an edit made, as an editor makes it (UTF-16)."""
    starts, at = [0], 0
    while at < len(text):
        size = 2 if text[at : at + 2] == "\r\n" else 1
        at += size
        if text[at - 1] in "\r\n":
            starts.append(at)

    def offset(place: Position) -> int:
        begin = starts[place.line]
        return begin + len(text[begin:].encode("utf-16-le")[: place.column * 2].decode("utf-16-le"))

    return text[: offset(edit.range.start)] + edit.text + text[offset(edit.range.end) :]


def lint(text: str, folder: Path) -> tuple[Document, list[Finding]]:
    document = Document(text)
    path = folder / "x.jsonl"
    return document, list(editor.lint(document, path, load_config(path)).findings)


# ---------------------------------------------------------------------- where


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("units", UNITS)
@given(before=st.text(), word=st.text(min_size=1), after=st.text(), lines=st.integers(0, 2))
def test_the_very_words_are_underlined(
    ascii_only: bool, units: Units, before: str, word: str, after: str, lines: int
) -> None:
    row = json.dumps({"é": 1, "messages": [{"content": before + word + after}]}, ensure_ascii=ascii_only)
    text = '{"a": 1}\n' * lines + row + "\n"
    if not ascii_only:
        try:
            text.encode()
        except UnicodeEncodeError:
            return
    document = Document(text, units)
    value = json.loads(row)["messages"][0]["content"]  # a lone pair of halves may have become one character
    if value != before + word + after:
        return
    span = (len(before), len(before) + len(word))
    shown = cut_out(text, document.place(finding(lines + 1, "messages[0].content", span)), units)
    assert json.loads(f'"{shown}"', strict=False) == word


@pytest.mark.parametrize(
    ("line", "at", "shown"),
    [
        ('{"a": {"b": "text"}}', "a.b", '"text"'),
        ('{"a": {"b": ""}}', "a.b", '""'),
        ('{"a": 12}', "a", "12"),
        ('{"a": {"b": [1, 2]}}', "a", '{"b"'),
        ('{"a": [{"b": 1}]}', "a", '[{"b"'),
        ('{"a": [1]}', "a", "["),
        ('{"a": {}}', "a", "{"),
        ('{ "role": "user"}', "", '{ "role"'),
        ('\ufeff{"role": 1}', "", '{"role"'),
        ('{"a": "x"}', "missing[2].place", '{"a"'),
        ('{"a": "x", "a": "the last counts"}', "a", '"the last counts"'),
        ('{"a": "x"', "", '{"a": "x"'),
    ],
)
def test_values_are_underlined_and_of_objects_the_beginning(line: str, at: str, shown: str) -> None:
    assert cut_out(line + "\n", Document(line + "\n").place(finding(1, at))) == shown


@pytest.mark.parametrize(("span", "shown"), [((1, 1), "b"), ((3, 3), '"'), ((0, 99), "abc")])
def test_an_empty_span_still_shows(span: tuple[int, int], shown: str) -> None:
    text = '{"a": "abc"}\n'
    assert cut_out(text, Document(text).place(finding(1, "a", span))) == shown


@pytest.mark.parametrize(("byte", "shown"), [(0, "{"), (2, "é"), (5, ":"), (99, "}")])
def test_a_broken_line_shows_the_sign_where_it_breaks(byte: int, shown: str) -> None:
    text = "{'é': 1}\r\n"
    assert cut_out(text, Document(text).place(finding(1, "", byte=byte))) == shown


def test_lines_end_where_editors_say() -> None:
    text = '{"a": "x\u2028y"}\r\n{"a": 1}\r{"b": "z"}\n{"c": "here"}'
    document = Document(text)
    assert document.place(finding(1, "a")).start.line == 0
    assert document.position(document.data.index(b'{"b"')).line == 2  # a CR alone, which is no end for JSONL
    assert document.place(finding(3, "c")) == Range(Position(3, 6), Position(3, 12))


# ---------------------------------------------------------------------- fixes


@given(
    before=st.text(alphabet="ab\u00e9\U0001f600\n\r"),
    old=st.text(max_size=5),
    new=st.text(max_size=5),
    end=st.sampled_from(["", "\n", "\r\n"]),
)
def test_an_edit_makes_the_fix_and_touches_nothing_else(before: str, old: str, new: str, end: str) -> None:
    line = json.dumps({"a": before + old + "z", "b": 1}, ensure_ascii=False)
    text = f'{{"q": 1}}{end or chr(10)}{line}{end}'
    try:
        text.encode()
        new.encode()
    except UnicodeEncodeError:
        return
    fix = Fix("", (Edit("a", len(before), len(before) + len(old), new), Cut("b")))
    document = Document(text)
    edit = document.edit(finding(2, "a"), fix)
    want = splicing.splice(line.encode(), list(fix.changes)).decode()
    assert edit is not None
    assert applied(text, edit) == text.replace(line, want)


@pytest.mark.parametrize(
    ("text", "line", "left"),
    [
        ('{"a": 1}\n{"a": 2}\n{"a": 3}\n', 2, '{"a": 1}\n{"a": 3}\n'),
        ('{"a": 1}\n{"a": 2}', 2, '{"a": 1}\n'),
        ('{"a": 1}\r\n{"a": 2}\r\n', 1, '{"a": 2}\r\n'),
    ],
)
def test_a_dropped_row_goes_with_its_line_break(text: str, line: int, left: str) -> None:
    edit = Document(text).edit(finding(line, ""), Fix("drop", lines=()))
    assert edit is not None
    assert applied(text, edit) == left


@given(st.text(), st.text())
def test_the_smallest_edit_turns_one_text_into_the_other(old: str, new: str) -> None:
    try:
        old.encode()
        new.encode()
    except UnicodeEncodeError:
        return
    edit = Document(old).replaced(new.encode())
    assert (applied(old, edit) if edit else old) == new


# ---------------------------------------------------------------------- lint and mend


def test_a_text_is_linted_as_if_it_stood_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "curator.toml").write_text('[per-file-ignores]\n"x.jsonl" = ["ROL"]\n')
    text = json.dumps(ROW) + "\n"
    _, found = lint(text, tmp_path)
    assert "ROL007" not in {each.code for each in found}
    (tmp_path / "curator.toml").unlink()
    document, found = lint(text, tmp_path)
    empty = next(each for each in found if each.code == "ROL007")
    assert empty.file == str(tmp_path / "x.jsonl")
    assert cut_out(text, document.place(empty)) == '""'


def test_decisions_beside_the_file_are_honoured(tmp_path: Path) -> None:
    from curator import decisions

    text = json.dumps(ROW) + "\n"
    _, found = lint(text, tmp_path)
    empty = next(each for each in found if each.code == "ROL007")
    path = tmp_path / "x.jsonl"
    decisions.append(decisions.place([path]), [decisions.decide(empty, "keep", who="me", why="as it was asked")])
    _, found = lint(text, tmp_path)
    assert "ROL007" not in {each.code for each in found}


def test_all_safe_fixes_at_once_are_those_of_lint_fix(tmp_path: Path, run: Any) -> None:
    text = (Path(__file__).parents[1] / "samples" / "support.jsonl").read_text("utf-8")
    path = tmp_path / "x.jsonl"
    mended = editor.mended(Document(text), path, load_config(path))
    path.write_text(text, "utf-8")
    run("lint", path, "--fix", "--exit-zero")
    assert mended == path.read_bytes() != text.encode()

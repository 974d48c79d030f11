"""FIL001, FIL002, FIL005: lines that are no JSON object."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from curator.checks.file.examples import BYTES, ROW, TWO
from curator.columns import UNSET, Batch, Line, parse
from curator.model import Fix, Flag, drop
from curator.rule import DROPPED, Bad, RawRule
from curator.text.brokenjson import (
    RowOverLines,
    diagnose,
    is_heavy,
    joined,
    rows_over_lines,
    too_heavy,
)


class InvalidJson(RawRule, frozen=True):
    """A line is not JSON.

    Most loaders stop at the first such line and train on nothing, some skip it without a word. The
    usual causes are a row written over several lines, `str(row)` in the place of `json.dumps(row)`,
    a comma too many, and a file that was cut off while it was copied. A line with 4 MB of text or more, or of 20 MB with the pictures in it, or
    with over 250,000 objects and lists, is told here as well and not read further: no model takes a row so long, and each
    rule would take its share of memory.
    """

    code = "FIL001"
    severity = "error"
    broken = True
    GOOD = [ROW, b'{"messages": []}\r', b'{"a": "tab\there"}']
    BAD = [
        Bad(BYTES[:-1] + b",}", at="", fixed=BYTES),
        Bad(BYTES + b" " + TWO, at="", fixed=BYTES + b"\n" + TWO),
        Bad(b"{'prompt': 'Salty?', 'completion': None}", at="", fixed=b'{"prompt": "Salty?", "completion": null}'),
        Bad(
            b'{"prompt": "Say "no".", "completion": "No."}',
            at="",
            fixed=b'{"prompt": "Say \\"no\\".", "completion": "No."}',
        ),
        Bad(b'{"prompt": "Salty?", "completion": "Loch Ness is a fr', at=""),
        Bad(b"prompt,completion", at=""),
        Bad(
            b'{"prompt": "List the steps", "completion": "1. Open\n\n2. Close"}\n' + BYTES,
            at=("", "", ""),
            fixed=b'{"prompt": "List the steps", "completion": "1. Open\\n\\n2. Close"}\n' + BYTES,
        ),
        Bad(
            b'{\n  "prompt": "Salty?",\n  "completion": "No."\n}',
            at=("", "", "", ""),
            fixed=b'{"prompt": "Salty?", "completion": "No."}',
        ),
    ]

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        rows = _rows_over_lines(batch)
        found = dict(self._of_several(rows))
        for index in batch.broken:
            if index not in found and (flag := next(self.check(batch.line(index)), None)):
                found[index] = flag
        yield from sorted(found.items(), key=lambda pair: pair[0])

    def check(self, line: Line) -> Iterator[Flag]:
        if line.heavy:
            yield Flag("", too_heavy(line.heavy).cause, byte=0)
            return
        if line.text is None:  # invalid-utf8 says what is wrong
            if is_heavy(line.raw):  # but not of so much
                yield Flag("", too_heavy(len(line.raw)).cause, byte=0)
            return
        text = line.text.removeprefix("\ufeff")
        mark = line.text[: len(line.text) - len(text)]
        if not text.strip(" \t\r"):  # byte-order-mark says what is wrong
            return
        found = diagnose(text)
        place = len(mark) + found.place
        fix = None
        if found.lines is not None:
            ending = "\r" if text.endswith("\r") else ""
            lines = [mark + found.lines[0], *found.lines[1:]] if found.lines else []
            title = "write it as JSON" if len(lines) == 1 else "one object a line" if lines else "drop the line"
            fix = Fix(title, lines=tuple(new + ending for new in lines))
        cause = found.cause
        if not line.ended and cause.startswith("cut off"):
            cause += "; the file ends here"
        yield Flag("", f"{cause} (column {place + 1:,})", byte=len(line.text[:place].encode()), fix=fix)

    def _of_several(self, rows: Iterable[RowOverLines]) -> Iterator[tuple[int, Flag]]:
        for row in rows:
            more = "1 more line" if row.lines == 2 else f"{row.lines - 1} more lines"
            if row.text_broken:
                cause = f"a raw line break inside a string, where JSON wants \\n: the row goes on over {more}"
            else:
                cause = f"one object written over several lines: the row goes on over {more}"
            fix = Fix("write the row on one line", lines=(row.mended,), over=row.lines)
            yield row.start, Flag("", cause, byte=row.break_at, fix=fix, evidence={"lines": row.lines})
            for place in range(1, row.lines):
                message = f"goes on with the row begun {place} line{'s' * (place > 1)} above"
                yield row.start + place, Flag("", message)


class NotAnObject(RawRule, frozen=True):
    """A line holds JSON, but no object.

    A row is an object with named parts. A bare list, string or number has no prompt and no answer:
    trainers stop with a type error, and rows inside a list are lost.
    """

    code = "FIL002"
    severity = "error"
    GOOD = [ROW, b"{}"]
    BAD = [
        Bad(b"[" + BYTES + b", " + TWO + b"]", at="", fixed=BYTES + b"\n" + TWO),
        Bad(json.dumps(BYTES.decode()).encode(), at="", fixed=BYTES),
        Bad(b'"How deep is Loch Ness?"', at=""),
        Bad(b"42", at=""),
        Bad(b"null", at=""),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        values = [(i, v) for i, v in enumerate(batch.values) if type(v) is not dict and v is not UNSET]
        if not values:
            return []
        inner = _continued(batch)
        return [i for i, _ in values if i not in inner]

    def check(self, line: Line) -> Iterator[Flag]:
        value = line.value
        if line.text is None:
            return
        if isinstance(value, list):
            lines = _elements(line.text) if value and all(type(item) is dict for item in value) else None
            fix = Fix("one object a line", lines=lines, safety="safe") if lines else None
            yield Flag("", f"a list of {len(value)}, not an object", fix=fix)
        elif isinstance(value, str) and type(inner := parse(value.encode("utf-8", "replace"))) is dict:
            fix = Fix("decode it once more", lines=(joined(value.strip()),), safety="safe") if inner else None
            yield Flag("", "a row inside a string: it was encoded to JSON twice", fix=fix)
        else:
            yield Flag("", f"{_kind(value)}, not an object")


def _rows_over_lines(batch: Batch) -> Iterator[RowOverLines]:
    return rows_over_lines(batch.lines, batch.broken, lambda index: batch.examples[index] is not None)


def _continued(batch: Batch) -> set[int]:
    """The lines that belong to a row begun above."""
    rows = _rows_over_lines(batch)
    return {row.start + place for row in rows for place in range(row.lines)}


def _elements(text: str) -> tuple[str, ...] | None:
    """The elements of a JSON list as written."""
    body = text.removeprefix("\ufeff").strip()
    parts: list[str] = []
    at = 1
    decoder = json.JSONDecoder(strict=False)
    while at < len(body):
        while body[at] in ", \t\r":
            at += 1
        if body[at] == "]":
            return tuple(parts)
        stop = decoder.raw_decode(body, at)[1]
        parts.append(body[at:stop])
        at = stop
    return None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return "a string" if isinstance(value, str) else "a number" if isinstance(value, int | float) else "a list"


class BlankLine(RawRule, frozen=True):
    """A line is blank.

    Readers that decode every line stop there, and those that count lines name the wrong rows ever after.
    """

    code = "FIL005"
    GOOD = [ROW]
    BAD = [
        Bad(BYTES + b"\n\n" + TWO, at="", fixed=BYTES + b"\n" + TWO),
        Bad(b" \t", at="", fixed=DROPPED),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        if not batch.blank:
            return []
        inner = _continued(batch)
        return [index for index in batch.blank if index not in inner]

    def check(self, line: Line) -> Iterator[Flag]:
        yield Flag("", "the line is blank", fix=drop("remove the line", "safe"))

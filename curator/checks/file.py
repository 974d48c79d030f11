"""FIL: bytes, lines and JSON, before any schema."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Annotated, Any

import numpy as np

from curator import paths
from curator.brokenjson import (
    STRING,
    RowOverLines,
    diagnose,
    joined,
    repeated_keys,
    rows_over_lines,
)
from curator.columns import UNSET, Batch, Line, Rows, parse
from curator.encodings import bad_bytes, redecoded
from curator.model import Edit, Fix, Flag, Put, drop
from curator.rule import DROPPED, Bad, DatasetRule, RawRule, chat, option

_ROW = chat(user="How deep is Loch Ness?", assistant="230 metres.")
_BYTES = b'{"messages": [{"role": "user", "content": "How deep is Loch Ness?"}, {"role": "assistant", "content": "230 metres."}]}'
_TWO = b'{"messages": [{"role": "user", "content": "Is it salty?"}, {"role": "assistant", "content": "No."}]}'


# ---------------------------------------------------------------------- lines that are no JSON


class InvalidJson(RawRule, frozen=True):
    """A line is not JSON.

    Most loaders stop at the first such line and train on nothing, some skip it without a word. The
    usual causes are a row written over several lines, `str(row)` in the place of `json.dumps(row)`,
    a comma too many, and a file that was cut off while it was copied.
    """

    code = "FIL001"
    severity = "error"
    broken = True
    GOOD = [_ROW, b'{"messages": []}\r', b'{"a": "tab\there"}']
    BAD = [
        Bad(_BYTES[:-1] + b",}", at="", fixed=_BYTES),
        Bad(_BYTES + b" " + _TWO, at="", fixed=_BYTES + b"\n" + _TWO),
        Bad(b"{'prompt': 'Salty?', 'completion': None}", at="", fixed=b'{"prompt": "Salty?", "completion": null}'),
        Bad(
            b'{"prompt": "Say "no".", "completion": "No."}',
            at="",
            fixed=b'{"prompt": "Say \\"no\\".", "completion": "No."}',
        ),
        Bad(b'{"prompt": "Salty?", "completion": "Loch Ness is a fr', at=""),
        Bad(b"prompt,completion", at=""),
        Bad(
            b'{"prompt": "List the steps", "completion": "1. Open\n\n2. Close"}\n' + _BYTES,
            at=("", "", ""),
            fixed=b'{"prompt": "List the steps", "completion": "1. Open\\n\\n2. Close"}\n' + _BYTES,
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
        if line.text is None:  # invalid-utf8 says what is wrong
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
    GOOD = [_ROW, b"{}"]
    BAD = [
        Bad(b"[" + _BYTES + b", " + _TWO + b"]", at="", fixed=_BYTES + b"\n" + _TWO),
        Bad(json.dumps(_BYTES.decode()).encode(), at="", fixed=_BYTES),
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
    GOOD = [_ROW]
    BAD = [
        Bad(_BYTES + b"\n\n" + _TWO, at="", fixed=_BYTES + b"\n" + _TWO),
        Bad(b" \t", at="", fixed=DROPPED),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        if not batch.blank:
            return []
        inner = _continued(batch)
        return [index for index in batch.blank if index not in inner]

    def check(self, line: Line) -> Iterator[Flag]:
        yield Flag("", "the line is blank", fix=drop("remove the line", "safe"))


# ---------------------------------------------------------------------- bytes


class ByteOrderMark(RawRule, frozen=True):
    """A byte order mark stands before a row.

    Three invisible bytes that Windows programs put at the start of a file: JSON readers refuse the
    first row, or read its first key under another name. Where files were joined it hides inside.
    """

    code = "FIL003"
    GOOD = [_ROW, b'{"prompt": "\xef\xbb\xbf", "completion": "No."}']
    BAD = [
        Bad(b"\xef\xbb\xbf" + _BYTES, at="", fixed=_BYTES),
        Bad(_BYTES + b"\n\xef\xbb\xbf" + _TWO, at="", fixed=_BYTES + b"\n" + _TWO),
        Bad(_BYTES, at="", fixed=b"\xef\xbb\xbf" + _BYTES, options={"demanded": True}),
    ]

    demanded: Annotated[bool, option("The file must begin with a byte order mark, as Azure OpenAI asks.")] = False

    def candidates(self, batch: Batch) -> Iterable[int]:
        starts = np.append(0, batch.line_ends[:-1] + 1)
        starts = starts[_is(batch, starts, b"\xef") & _is(batch, starts + 1, b"\xbb") & _is(batch, starts + 2, b"\xbf")]
        marked = batch.lines_at(starts)
        if self.demanded and batch.first and batch.lines:
            return [0, *marked] if 0 not in marked else marked
        return marked

    def check(self, line: Line) -> Iterator[Flag]:
        if line.text is None:
            return
        marked = line.text.startswith("\ufeff")
        if marked and not (self.demanded and line.first):
            fix = Fix("remove it", lines=(line.text.lstrip("\ufeff"),), safety="safe")
            where = "at the start of the file" if line.first else "before a row within the file: files were joined here"
            yield Flag("", f"a byte order mark {where}", byte=0, fix=fix)
        elif self.demanded and line.first and not marked:
            fix = Fix("put one at the start of the file", lines=("\ufeff" + line.text,), safety="safe")
            yield Flag("", "the file must begin with a byte order mark and does not", byte=0, fix=fix)


class InvalidUtf8(RawRule, frozen=True):
    """A line holds bytes that are not UTF-8.

    JSON is UTF-8 by definition. A reader either refuses the file or puts a replacement character
    where a letter was, and the model learns words with holes in them.
    """

    code = "FIL004"
    severity = "error"
    broken = True
    GOOD = [_ROW, '{"prompt": "Où?", "completion": "Là."}'.encode()]
    BAD = [
        Bad(
            b'{"prompt": "Caf\xe9?", "completion": "Caf\xc3\xa9."}',
            at="",
            fixed='{"prompt": "Café?", "completion": "Café."}'.encode(),
        ),
        Bad(
            b'{"prompt": "It\x92s \x9310 \x80\x94", "completion": "No."}',
            at="",
            fixed='{"prompt": "It’s “10 €”", "completion": "No."}'.encode(),
        ),
        Bad(
            '{"prompt": "Привет, мир", "completion": "да"}'.encode("cp1251"),
            at="",
            fixed='{"prompt": "Привет, мир", "completion": "да"}'.encode(),
        ),
        Bad(
            b'{"prompt": "Hi \xed\xa0\xbd\xed\xb8\x80", "completion": "No."}',
            at="",
            fixed='{"prompt": "Hi 😀", "completion": "No."}'.encode(),
        ),
        Bad(
            b'{"prompt": "Hi \xf0\x9f\x98", "completion": "No."}',
            at="",
            fixed='{"prompt": "Hi \ufffd", "completion": "No."}'.encode(),
        ),
    ]

    def check(self, line: Line) -> Iterator[Flag]:
        if line.text is not None:
            return
        start, stop, count = bad_bytes(line.raw)
        name, text = redecoded(line.raw)
        shown = " ".join(f"{byte:02X}" for byte in line.raw[start:stop][:4])
        offset = len(line.raw[:start].decode("utf-8", "replace"))
        more = f", and {count - 1} more place{'s' * (count > 2)}" if count > 1 else ""
        message = f"byte {shown} is not UTF-8{more}: {name} gives “{_word_at(text, offset)}”"
        fix = Fix(f"read it as {name}", lines=(text,))
        yield Flag("", message, byte=start, fix=fix, evidence={"encoding": name})


def _word_at(text: str, place: int) -> str:
    """The word around a place, at most 20 characters to either side."""
    before = re.search(r'[^\s"\\]{0,20}$', text[:place])
    after = re.match(r'[^\s"\\]{0,20}', text[place:])
    return (before[0] if before else "") + (after[0] if after else "")


class MixedLineEnds(DatasetRule, frozen=True):
    r"""Lines of one file end in different ways.

    Rows with \r\n among rows with \n show that files were joined; a missing last line break glues
    the next row on when something is appended; U+2028, U+2029 and U+0085 inside a row are line breaks
    to some readers (Python's `splitlines`), which cut the row in two.
    """

    code = "FIL006"
    severity = "info"
    GOOD = [_BYTES + b"\n", _BYTES + b"\r\n" + _TWO + b"\r\n", b""]
    BAD = [
        Bad(_BYTES + b"\n" + _TWO + b"\r\n" + _BYTES + b"\n", at="1:", fixed=b"\n".join([_BYTES, _TWO, _BYTES, b""])),
        Bad(_BYTES, at="0:", fixed=_BYTES + b"\n"),
        Bad(
            '{"prompt": "a\u2028b", "completion": "c"}\n'.encode(),
            at="0:",
            fixed=b'{"prompt": "a\\u2028b", "completion": "c"}\n',
        ),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """What is odd about the end and the inside of each line; shape (lines,), uint8."""
        odd = np.zeros(len(batch.lines), np.uint8)
        if b"\r" in batch.data:
            odd[[line.endswith(b"\r") for line in batch.lines]] |= _CRLF
        if batch.lines and not batch.ended:
            odd[-1] |= _UNENDED
        odd[batch.lines_at(_separators(batch))] |= _SEPARATOR
        if batch.first and len(odd):
            odd[0] |= _FIRST
        return odd

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        bounds = [*np.flatnonzero(sketches & _FIRST), len(sketches)]
        for start, stop in pairwise(bounds):
            part = sketches[start:stop]
            crlf = (part & _CRLF) != 0
            count = int(np.count_nonzero(crlf))
            rare = crlf if 2 * count <= len(part) else ~crlf & ((part & _UNENDED) == 0)
            message = f"{count:,} of {len(part):,} lines of the file end in \\r\\n, the others in \\n"
            wanted = rare | ((part & (_UNENDED | _SEPARATOR)) != 0)
            for place in np.flatnonzero(wanted):
                index = int(start + place)
                raw = rows.value_and_raw(index)[1]
                if rare[place] and count:
                    yield index, Flag("", message, fix=_other_end(raw))
                if part[place] & _UNENDED:
                    yield (
                        index,
                        Flag("", "no line break after the last line", fix=_line_fix("end the line", raw + b"\n")),
                    )
                if part[place] & _SEPARATOR:
                    yield index, _separator(raw)


_CRLF, _UNENDED, _SEPARATOR, _FIRST = 1, 2, 4, 8
_SEPARATORS = re.compile("[\u2028\u2029\x85]")


def _separators(batch: Batch) -> np.ndarray:
    """int64: places of U+2028, U+2029 and U+0085 in UTF-8."""
    if batch.data.isascii():
        return np.empty(0, np.int64)
    long = np.flatnonzero(batch.octets == 0xE2)
    long = long[_is(batch, long + 2, b"\xa8\xa9") & _is(batch, long + 1, b"\x80")]
    short = np.flatnonzero(batch.octets == 0xC2)
    return np.concatenate((long, short[_is(batch, short + 1, b"\x85")]))


def _other_end(raw: bytes) -> Fix | None:
    if raw.endswith(b"\r"):
        return _line_fix("end the line in \\n", raw.removesuffix(b"\r"))
    return _line_fix("end the line in \\r\\n", raw + b"\r")


def _line_fix(title: str, raw: bytes) -> Fix | None:
    """`raw` in the place of the line; a line break at its end counts as part of the line."""
    try:
        return Fix(title, lines=(raw.decode(),), safety="safe")
    except UnicodeDecodeError:
        return None


def _separator(raw: bytes) -> Flag:
    text = raw.decode("utf-8", "replace")
    found = _SEPARATORS.search(text)
    assert found is not None
    new = STRING.sub(lambda string: _SEPARATORS.sub(lambda sign: f"\\u{ord(sign[0]):04x}", string[0]), text)
    fix = _line_fix("write it as an escape", new.encode()) if "\ufffd" not in text and parse(raw) is not UNSET else None
    name = f"U+{ord(found[0]):04X}"
    return Flag(
        "",
        f"{name} inside the row: some readers break the line there",
        byte=len(text[: found.start()].encode()),
        fix=fix,
    )


# ---------------------------------------------------------------------- values inside the row


class ControlCharacter(RawRule, frozen=True):
    r"""A string holds a control character.

    NUL ends a text for every program written in C, terminal colours and bells are junk that the
    model learns to write, and a raw one makes the line invalid for strict parsers. A backspace or
    form feed is mostly a formula whose backslash was lost: "\beta" became a backspace and "eta".
    """

    code = "FIL007"
    severity = "error"
    GOOD = [
        _ROW,
        {"prompt": "a\tb\r\n", "completion": "c"},
        b'{\t"prompt": "Write \\\\u0000 and C:\\\\bin", "completion": "c"}',
    ]
    BAD = [
        Bad(
            {"prompt": "a\x00b", "completion": "\x07"},
            at=("prompt", "completion"),
            fixed={"prompt": "ab", "completion": ""},
        ),
        Bad(
            chat(user="Run it", assistant="\x1b[31mfailed\x1b[0m"),
            at="messages[1].content",
            fixed=chat(user="Run it", assistant="failed"),
        ),
        Bad(b'{"prompt": "a\tb", "completion": "c"}', at="", fixed=b'{"prompt": "a\\tb", "completion": "c"}'),
        Bad(b'{"prompt": "a\x00b", "completion": "c"}', at="", fixed=b'{"prompt": "ab", "completion": "c"}'),
        Bad(
            {"prompt": "$\x08eta$", "completion": "$\x0crac{1}{2}$"},
            at=("prompt", "completion"),
            fixed={"prompt": "$\\beta$", "completion": "$\\frac{1}{2}$"},
        ),
        Bad({"prompt": "It\x19s", "completion": "c"}, at="prompt", fixed={"prompt": "It’s", "completion": "c"}),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        data = batch.octets
        raw = np.flatnonzero((data < 32) & (data != ord("\n")))
        raw = raw[~((data[raw] == ord("\r")) & _is(batch, raw + 1, b"\n"))]
        starts = batch.escapes
        hexed = starts[_is(batch, starts + 1, b"u") & _is(batch, starts + 2, b"0") & _is(batch, starts + 3, b"0")]
        hexed = hexed[_is(batch, hexed + 4, b"017")]
        short = starts[_is(batch, starts + 1, b"bf")]
        deleted = np.flatnonzero(data == 0x7F)
        return batch.lines_at(np.concatenate((raw, hexed, short, deleted)))

    def check(self, line: Line) -> Iterator[Flag]:
        if line.text is None or line.value is UNSET:
            return
        body = line.text.removesuffix("\r")
        raw = [found for string in STRING.finditer(body) for found in _RAW_CONTROL.finditer(body, *string.span())]
        if raw:
            new = STRING.sub(lambda string: _RAW_CONTROL.sub(_escaped_control, string[0]), body)
            fix = Fix("escape or remove it", lines=(new + line.text[len(body) :],), safety="safe")
            message = f"{_named(raw)} raw inside a string: strict parsers refuse the line"
            yield Flag("", message, byte=len(body[: raw[0].start()].encode()), fix=fix)
        here = {found[0] for found in raw}
        for path, text in _strings(line.value):
            if found := [hit for hit in _CONTROL.finditer(text) if hit[0][0] not in here]:
                yield _control_flag(path, text, found)


_RAW_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x1f]")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FORMULA = re.compile(
    r"\x08(?=(?:eta|ar|f|egin|ig|inom|mod|oldsymbol|ot|ullet|oxed|ecause|ackslash|eth|lacksquare|reve|arwedge)(?![a-z]))"
    r"|\x0c(?=(?:rac|orall|lat|rown|box|bbox|ootnote)(?![a-z]))"
)
_LOST_HIGH_BYTE = {"\x13": "–", "\x14": "—", "\x18": "‘", "\x19": "’", "\x1c": "“", "\x1d": "”"}
_NAMES = {
    "\0": "NUL",
    "\x07": "a bell",
    "\x08": "a backspace",
    "\t": "a tab",
    "\x0b": "a vertical tab",
    "\x0c": "a form feed",
    "\r": "a carriage return",
    "\x1b": "an ANSI escape",
    "\x7f": "DEL",
}


def _named(found: list[re.Match[str]]) -> str:
    sign = found[0][0][0]
    name = _NAMES.get(sign, f"U+{ord(sign):04X}")
    return name if len(found) == 1 else f"{name} and {len(found) - 1} more control character{'s' * (len(found) > 2)}"


def _escaped_control(found: re.Match[str]) -> str:
    sign = found[0]
    return {"\t": "\\t", "\r": "\\r", "\x0b": "\\n", "\x0c": "\\n"}.get(sign, "")


def _control_flag(path: str, text: str, found: list[re.Match[str]]) -> Flag:
    edits: list[Edit] = []
    safe = True
    for hit in found:
        sign = hit[0]
        start, end = hit.span()
        if _FORMULA.match(text, start):
            new, safe = ("\\b" if sign == "\x08" else "\\f"), False
        elif sign in _LOST_HIGH_BYTE:
            new, safe = _LOST_HIGH_BYTE[sign], False
        else:
            new = "\n" if sign in "\x0b\x0c" else ""
        edits.append(Edit(path, start, end, new))
    first = found[0]
    hint = "remove it"
    cause = f"{_named(found)} in the text"
    if _FORMULA.match(text, first.start()):
        cause, hint = f"{_named(found)} where a formula lost its backslash", "put the backslash back"
    elif first[0] in _LOST_HIGH_BYTE:
        sign = _LOST_HIGH_BYTE[first[0]]
        cause, hint = (
            f"{_named(found)}, most likely {sign} (U+{ord(sign):04X}) with its upper byte lost",
            f"write {sign}",
        )
    fix = Fix(hint, tuple(edits), safety="safe" if safe else "unsafe")
    return Flag(path, cause, first.span(), fix=fix)


def _is(batch: Batch, places: np.ndarray, signs: bytes) -> np.ndarray:
    """Whether one of the bytes `signs` stands at each place (False beyond the end)."""
    data = batch.octets
    if not len(data):
        return np.zeros(len(places), dtype=bool)
    table = np.zeros(256, dtype=bool)
    table[list(signs)] = True
    found: np.ndarray = table[data[np.minimum(places, len(data) - 1)]] & (places < len(data))
    return found


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """(path, text) of every string in a row, in order; a key counts at the path of its value."""
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, dict):
            todo += [(paths.join(path, key), inner) for key, inner in reversed(item.items())]
        elif isinstance(item, list):
            todo += [(f"{path}[{place}]", inner) for place, inner in reversed(list(enumerate(item)))]


class LoneSurrogate(RawRule, frozen=True):
    """A string holds half of a surrogate pair.

    An emoji cut in two, mostly by truncating text in JavaScript or Java. It cannot be written as UTF-8:
    Arrow and the `datasets` library refuse the file, and Python fails as soon as the text is saved.
    """

    code = "FIL010"
    severity = "error"
    GOOD = [_ROW, b'{"prompt": "\\ud83d\\ude00", "completion": "\\\\ud83d"}']
    BAD = [
        Bad(
            b'{"prompt": "Hi \\ud83d", "completion": "c"}',
            at="prompt",
            fixed=b'{"prompt": "Hi \\ufffd", "completion": "c"}',
        ),
        Bad(
            b'{"prompt": "\\ude00\\ud83d\\ude00", "completion": "c"}',
            at="prompt",
            fixed=b'{"prompt": "\\ufffd\\ud83d\\ude00", "completion": "c"}',
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        starts = batch.escapes
        starts = starts[_is(batch, starts + 1, b"u") & _is(batch, starts + 2, b"dD")]
        high, low = _is(batch, starts + 3, b"89abAB"), _is(batch, starts + 3, b"cdefCDEF")
        next_low = np.append((starts[1:] == starts[:-1] + 6) & low[1:], False) if len(starts) else high
        after_high = np.append(False, (starts[1:] == starts[:-1] + 6) & high[:-1]) if len(starts) else low
        return batch.lines_at(starts[(high & ~next_low) | (low & ~after_high)])

    def check(self, line: Line) -> Iterator[Flag]:
        if line.text is None or line.value is UNSET:
            return
        new = _PAIR_OR_HALF.sub(lambda found: "\\ufffd" if found["half"] else found[0], line.text)
        fix = Fix("put U+FFFD there", lines=(new,), safety="safe") if new != line.text else None
        for path, text in _strings(line.value):
            if found := _SURROGATE.search(text):
                message = f"half of a surrogate pair (U+{ord(found[0]):04X}): part of an emoji was cut off"
                yield Flag(path, message, found.span(), fix=fix)


_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR_OR_HALF = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


class DuplicateKey(RawRule, frozen=True):
    """An object holds the same key twice.

    Most parsers keep the last value and say nothing, some keep the first, Arrow refuses the file:
    what is trained on depends on the library, and a part of the row is never read.
    """

    code = "FIL008"
    severity = "error"
    GOOD = [
        _ROW,
        b'{"a": "\\"a\\": 1, \\"a\\": 2", "b": [{"a": 1}, {"a": 2}]}',
        b'{"a\\\\": 1, "a": 2, "b" : "x\\" : y"}',
    ]
    BAD = [
        Bad(b'{"prompt": "a", "completion": "b", "prompt": "c"}', at="prompt"),
        Bad(b'{"messages": [{"role": "user", "content": "Hi", "content" : "Hello"}]}', at="messages[0].content"),
        Bad(b'{"a": {"x\\\\": 1, "x\\\\": 1}, "b": 1, "\\u0062": 2}', at=('a["x\\\\"]', "b")),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Lines that hold more keys than their value, and the few whose keys cannot be counted at sight.

        A key is a string before a colon. In the bytes that is `":` without a backslash before it; a
        quotation mark inside a string has one. What this count could miss is looked at in any case:
        white space before the colon, and a key that ends in a backslash.
        """
        colons = np.flatnonzero(batch.octets == ord(":"))
        one, two, three = (_byte(batch, colons - back) for back in (1, 2, 3))
        quoted = one == _QUOTE
        plain = quoted & (two != _BACKSLASH)
        blank = (one == 32) | ((one >= 9) & (one <= 13))
        odd = quoted & (two == _BACKSLASH) & (three == _BACKSLASH)
        odd |= blank & (
            ((two == _QUOTE) & ((three != _BACKSLASH) | (_byte(batch, colons - 4) == _BACKSLASH))) | (two <= 32)
        )
        counted = np.diff(np.searchsorted(colons[plain], batch.line_ends), prepend=0)
        more = counted != _keys_of(batch)
        more[batch.lines_at(colons[odd])] = True
        return np.flatnonzero(more).tolist()

    def check(self, line: Line) -> Iterator[Flag]:
        if line.text is None or line.value is UNSET:
            return
        for repeat in repeated_keys(line.text):
            kept = "the same value both times" if repeat.first == repeat.second else "most parsers keep the last"
            message = f"written twice, {_short(repeat.first)} and {_short(repeat.second)}: {kept}"
            byte = len(line.text[: repeat.place].encode())
            yield Flag(
                paths.format(repeat.steps),
                message,
                byte=byte,
                evidence={"values": [_short(repeat.first), _short(repeat.second)]},
            )


_QUOTE, _BACKSLASH = ord('"'), ord("\\")


def _byte(batch: Batch, places: np.ndarray) -> np.ndarray:
    """The bytes at these places; before the first, the first."""
    found: np.ndarray = batch.octets[np.maximum(places, 0)]
    return found


def _keys_of(batch: Batch) -> np.ndarray:
    """int64, shape (lines,): keys of all objects of the parsed line; rows of one structure have as many."""
    counts = np.zeros(len(batch.lines), dtype=np.int64)
    for rows in batch.structures.values():
        counts[rows] = _count_keys(batch.values[rows[0]])
    for index in set(range(len(batch.lines))).difference(batch.readable):
        counts[index] = _count_keys(batch.values[index])
    return counts


def _count_keys(value: Any) -> int:
    count = 0
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            count += len(item)
            todo += item.values()
        elif isinstance(item, list):
            todo += item
    return count


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"


class NumberOutOfRange(RawRule, frozen=True):
    """A number is none, or too large for the types that hold numbers.

    NaN and Infinity are no JSON: strict parsers refuse the line. A number past the range of a double
    makes Arrow refuse the file, and an integer past 64 bits becomes a float there and loses digits.
    """

    code = "FIL009"
    severity = "error"
    GOOD = [
        {"prompt": "NaN and 1e999?", "completion": "No.", "id": 9223372036854775807, "weight": 1},
        {"prompt": "a", "completion": "b", "score": -1.5e300},
    ]
    BAD = [
        Bad(
            b'{"prompt": "a", "completion": "b", "score": NaN}',
            at="score",
            fixed={"prompt": "a", "completion": "b", "score": None},
        ),
        Bad(
            b'{"prompt": "a", "completion": "b", "scores": [1, -Infinity, 1e999]}',
            at=("scores[1]", "scores[2]"),
            fixed={"prompt": "a", "completion": "b", "scores": [1, None, None]},
        ),
        Bad(
            b'{"prompt": "a", "completion": "b", "id": 18446744073709551617}',
            at="id",
            fixed={"prompt": "a", "completion": "b", "id": "18446744073709551617"},
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Lines whose value holds a number; rows of one structure hold the same kinds of values."""
        found = [row for rows in batch.structures.values() if _has_number(batch.values[rows[0]]) for row in rows]
        rest = set(range(len(batch.lines))).difference(batch.readable)
        return sorted([*found, *(i for i in rest if _has_number(batch.values[i]))])

    def check(self, line: Line) -> Iterator[Flag]:
        for path, number in _odd_numbers(line.value):
            if isinstance(number, int):
                digits = str(abs(number))
                shown = digits if len(digits) < 25 else f"{digits[:20]}… ({len(digits)} digits)"
                message = f"{shown} does not fit in 64 bits: Arrow makes a float of it and loses digits"
                fix = Fix("write it as text", (Put(path, str(number)),))
            elif math.isnan(number):
                message = "NaN is no JSON: strict parsers refuse the line"
                fix = Fix("write null", (Put(path, None),))
            else:
                message = "Infinity is no JSON" if b"Infinity" in line.raw else "past the range of a double"
                message += (
                    ": strict parsers refuse the line, and Arrow the file"
                    if "range" in message
                    else ": strict parsers refuse the line"
                )
                fix = Fix("write null", (Put(path, None),))
            yield Flag(path, message, fix=fix)


_INT64 = range(-(1 << 63), 1 << 63)


def _has_number(value: Any) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo += item.values()
        elif isinstance(item, list):
            todo += item
        elif type(item) is int or type(item) is float:
            return True
    return False


def _odd_numbers(value: Any) -> Iterator[tuple[str, int | float]]:
    """(path, number) of every number that does not fit, in order."""
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, dict):
            todo += [
                (paths.join(path, key), inner) for key, inner in reversed(item.items()) if not isinstance(inner, str)
            ]
        elif isinstance(item, list):
            todo += [
                (f"{path}[{i}]", inner) for i, inner in reversed(list(enumerate(item))) if not isinstance(inner, str)
            ]
        elif (type(item) is int and item not in _INT64) or (type(item) is float and not math.isfinite(item)):
            yield path, item

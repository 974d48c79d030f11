"""Why a line is not JSON, and what it was meant to be.

`diagnose` names the probable cause, its place, and a mend where one gives whole objects and loses
nothing. A mend is checked by decoding it: what does not decode to objects is not offered.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from curator.text.patterns import compiled_later

DEEPEST = 128  # brackets open at once; serde_json, which polars and the Hub build on, takes no more
HEAVIEST = 4_000_000  # bytes of text in a line from which on it is not judged: a million tokens at once
LARGEST = 20_000_000  # bytes of a line with the pictures and sounds in it: memory is short
CROWDED = 250_000  # objects and lists in a line: each takes hundreds of bytes of memory, and two in the file
_PACKED = re.compile(rb"[A-Za-z0-9+/_-]{4096,}+=*")  # base64: no word is as long
LONGEST = 1 << 18  # characters of a line that is looked at for a mend

STRUCTURE = re.compile(r'[\[\]{},:]|"(?:[^"\\]+|\\.)*+"?', re.DOTALL)
STRING = re.compile(r'"(?:[^"\\]+|\\.)*+"?', re.DOTALL)
_BLANKS = " \t\r\n"  # all that JSON knows as white space
_BREAK = re.compile(r"(?<![ \t])[ \t]*+[\r\n][ \t\r\n]*+")

_TOKEN = compiled_later(
    r"""
      (?P<string>"(?:[^"\\]+|\\.)*+")
    | (?P<single>'(?:[^'\\]+|\\.)*+')
    | (?P<curly>[“”„](?:[^“”"\\]+|\\.)*+[“”])
    | (?P<comment>//.*|/\*.*?\*/|\#.*)
    | (?P<sign>[{}\[\],:])
    | (?P<space>\s+)
    | (?P<word>[^\s"'“”„{}\[\],:/\#]+)
    | (?P<other>.+)  # a sign that no JSON has: what follows is not looked at
    """,
    re.VERBOSE | re.DOTALL,
)
_BAD_ESCAPE = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|(.?))', re.DOTALL)
_FOLDERS = re.compile(r"\b[A-Za-z]:(?:\\[\w .$~-]+)+")  # C:\Users\new
_PYTHON = {"True": "true", "False": "false", "None": "null"}
_NOTHING = frozenset({"nan", "Nan", "NAN", "inf", "-inf", "+inf", "Inf", "-Inf", "undefined", "NULL", "Null", "nil"})
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|NaN|-?Infinity|true|false|null")
_NEARLY_NUMBER = re.compile(r"[-+]?[\d.][\d._]*(?:[eE][-+]?\d+)?|0[xX][0-9a-fA-F]+")

_strict = json.JSONDecoder().raw_decode
_decode = json.JSONDecoder(strict=False).raw_decode


class Heavy(NamedTuple):
    """A line that is too heavy to be judged, and is not held in memory.

    `opening` is how it begins, in characters that stand for nothing in JSON or in a terminal, with a line break;
    `size` counts the bytes of the line without the break, and `digest` is their BLAKE2b-128.
    """

    opening: bytes
    size: int
    digest: bytes


class Diagnosis(NamedTuple):
    """`cause` in words, `place` in characters from the start of the text; `lines` mend it, where given.

    `lines` is () where the line is to go, None where there is no mend.
    """

    cause: str
    place: int
    lines: tuple[str, ...] | None = None


def diagnose(text: str) -> Diagnosis:
    """The probable cause why a text of one line is not JSON. `text` holds more than white space."""
    if len(text) >= CROWDED and is_heavy(line := text.encode("utf-8", "surrogatepass")):
        return too_heavy(len(line))
    body = text.strip(_BLANKS)
    shift = len(text) - len(text.lstrip(_BLANKS))
    found = (
        _too_deep(body)
        or (None if shift else _bracket(body))
        or _whole_line(body)
        or _several(body)
        or _mended(body)
        or _position(body)
    )
    return found._replace(place=found.place + shift)


def nesting(text: str) -> int:
    """The most brackets that are open at once."""
    most = level = 0
    for found in STRUCTURE.finditer(text):
        if found[0] in "[{":
            level += 1
            most = max(most, level)
        elif found[0] in "]}":
            level -= 1
    return most


def joined(text: str) -> str:
    """Well-formed JSON on one line: every line break in it stands between tokens."""
    if "\n" not in text and "\r" not in text:
        return text
    lines = [line.strip(" \t") for line in text.replace("\r", "\n").split("\n")]
    return "\n".join(lines).replace(",\n", ", ").replace("\n", "")


_LAYOUT = re.compile(r"(?<!\\)((?:\\\\)*\\n)[ \t]*(?:\r?\n|\r)[ \t]*")


def with_escaped_breaks(text: str) -> str:
    """Any text on one line: line breaks become escapes inside strings and a space outside.

    A raw break after an escaped one, and the indentation behind it, is layout: whoever wrote the row by
    hand put the text in lines where its breaks were.
    """
    parts: list[str] = []
    at = 0
    for string in STRING.finditer(text):
        parts.append(_BREAK.sub(" ", text[at : string.start()]))
        laid_out = _LAYOUT.sub(r"\1", string[0])
        parts.append(re.sub(r"\r?\n|\r", r"\\n", laid_out))
        at = string.end()
    parts.append(_BREAK.sub(" ", text[at:]))
    return "".join(parts).strip()


def end_of_value(text: str) -> int:
    """Where the JSON value at the start of a text ends, 0 where there is none that strict parsers take."""
    try:
        return int(_strict(text)[1])
    except (ValueError, RecursionError):
        return 0


def depth(text: str, stop: int | None = None) -> int:
    """How many brackets are open before text[stop]."""
    signs = [found[0] for found in STRUCTURE.finditer(text, 0, len(text) if stop is None else stop)]
    return sum(sign in "[{" for sign in signs) - sum(sign in "]}" for sign in signs)


class RowOverLines(NamedTuple):
    """A row written over `lines` lines from line `start` on, and what it is on one line."""

    start: int
    lines: int
    text_broken: bool  # a line break stands inside a string
    break_at: int  # byte in the first line
    mended: str


_MOST_LINES = 1000  # lines of one row
_MOST_BYTES = 1 << 18
_OPENING = 12  # bytes that a row and the next have in common: {"messages":

_SIGNS = re.compile(rb'[\[\]{}]|"(?:[^"\\]+|\\.)*+("?)', re.DOTALL)
_TAIL = re.compile(rb'(?:[^"\\]+|\\.)*+("?)', re.DOTALL)


def rows_over_lines(
    lines: Sequence[bytes], broken: Iterable[int], is_row: Callable[[int], bool]
) -> Iterator[RowOverLines]:
    """The rows among `lines` that go on over line breaks; `broken` are the lines that are no JSON, in order.

    `is_row` tells whether a line is a row of its own: no other row goes on over it.
    """
    done = 0
    for start in broken:
        if start >= done and lines[start].lstrip().startswith(b"{") and (row := _row_from(lines, start, is_row)):
            done = start + row.lines
            yield row


def _row_from(lines: Sequence[bytes], start: int, is_row: Callable[[int], bool]) -> RowOverLines | None:
    """The row that begins on a broken line, when the lines that follow complete it."""
    opening = lines[start][:_OPENING]
    level, inside, size = 0, False, 0
    for stop in range(start, min(start + _MOST_LINES, len(lines))):
        line = lines[stop]
        size += len(line)
        anew = stop > start and len(opening) == _OPENING and line.startswith(opening)
        if anew or size > _MOST_BYTES or (stop > start and is_row(stop)):
            return None
        level, inside = _after(line, level, inside)
        if level <= 0 and not inside:
            break
    else:
        return None
    try:
        text = b"\n".join(lines[start : stop + 1]).decode().removeprefix("\ufeff").strip()
        end = _decode(text)[1]
    except (ValueError, RecursionError):
        return None
    if stop == start or text[end:].strip(" \r\n,]"):
        return None
    text = text[:end]
    text_broken = not end_of_value(text)
    mended = with_escaped_breaks(text) if text_broken else joined(text)
    if not _objects(mended):
        return None
    ending = "\r" if lines[stop].endswith(b"\r") else ""
    return RowOverLines(start, stop - start + 1, text_broken, len(lines[start].rstrip()), mended + ending)


def _after(line: bytes, level: int, inside: bool) -> tuple[int, bool]:
    """(open brackets, inside a string) after a line, given both before it."""
    at = 0
    if inside:
        tail = _TAIL.match(line)
        if tail is None or not tail[1]:
            return level, True
        at, inside = tail.end(), False
    for sign in _SIGNS.finditer(line, at):
        if sign[0][:1] == b'"':
            inside = not sign[1]
        else:
            level += 1 if sign[0] in b"[{" else -1
    return level, inside


class Repeat(NamedTuple):
    """A key that stands twice in an object: its steps from the row, its place, and both values as written."""

    steps: tuple[str | int, ...]
    place: int
    first: str
    second: str


def repeated_keys(text: str) -> Iterator[Repeat]:
    """Every key that an object of a JSON text holds again, at any depth."""
    steps: list[str | int] = []
    seen: list[dict[str, int] | None] = []  # for each open bracket: keys with the place of their value
    key = ""
    want_key = False
    place = 0
    for token in STRUCTURE.finditer(text):
        sign = token[0]
        keys = seen[-1] if seen else None
        if sign == "{":
            seen.append({})
            steps.append("")
            want_key = True
        elif sign == "[":
            seen.append(None)
            steps.append(0)
            want_key = False
        elif sign in "}]":
            seen.pop()
            steps.pop()
            want_key = False
        elif sign == ",":
            want_key = keys is not None
            if keys is None:
                steps[-1] = int(steps[-1]) + 1
        elif sign == ":":
            value = token.end()
            if keys is not None:
                steps[-1] = key
                if key in keys:
                    yield Repeat(tuple(steps), place, _value_at(text, keys[key]), _value_at(text, value))
                keys[key] = value
            want_key = False
        elif want_key:
            key, place = json.loads(sign, strict=False), token.start()


def _value_at(text: str, start: int) -> str:
    while text[start : start + 1].isspace():
        start += 1
    return text[start : _decode(text, start)[1]]


# ---------------------------------------------------------------------- causes, the plain ones first

_MARKERS: tuple[tuple[re.Pattern[str], str, tuple[()] | None], ...] = (
    (re.compile(r"<{7}( |$)|={7}$|>{7}( |$)|\|{7}( |$)"), "a merge conflict was left in the file", None),
    (re.compile(r"//|#|/\*"), "a comment: JSON has none", None),
    (re.compile(r"<[!?a-zA-Z/]"), "markup, not JSON: a web page may have been saved in the place of the data", None),
    (re.compile(r"`{3}"), "a Markdown fence around the rows", None),
    (re.compile(r"(?<!\0)\0++$"), "NUL bytes: the file was damaged while it was written", ()),
)


def _too_deep(body: str) -> Diagnosis | None:
    if body.count("[") + body.count("{") <= DEEPEST or (deep := nesting(body)) <= DEEPEST:
        return None
    return Diagnosis(f"brackets nested {deep:,} deep: many parsers give up at {DEEPEST}", 0)


def is_heavy(line: bytes) -> bool:
    """Whether a line is too heavy to be judged: by its text, with what is packed as base64 in it, or by its lists."""
    if len(line) < 2 * CROWDED:
        return False
    if len(line) < HEAVIEST:
        return _is_crowded(line)
    if len(line) >= LARGEST or len(line) - sum(hit.end() - hit.start() for hit in _PACKED.finditer(line)) >= HEAVIEST:
        return True
    return _is_crowded(line)


def _is_crowded(line: bytes) -> bool:
    """Whether a line opens so many brackets, strings aside."""

    def brackets(part: bytes) -> int:
        return part.count(b"{") + part.count(b"[")

    return brackets(line) > CROWDED and brackets(_STRING.sub(b"", line)) > CROWDED


_STRING = re.compile(rb'"(?:[^"\\]+|\\.)*+"', re.DOTALL)


def too_heavy(size: int) -> Diagnosis:
    """What is said of a line of so many bytes."""
    most = (
        f"over {HEAVIEST // 1_000_000} MB of text, or {LARGEST // 1_000_000} MB with pictures,"
        f" or {CROWDED:,} objects and lists,"
    )
    return Diagnosis(f"a line of {size / 1e6:,.1f} MB: {most} no row is judged; no model takes one as long", 0)


def _bracket(body: str) -> Diagnosis | None:
    """What is left of an array around the rows; further in, it may be part of a broken row."""
    if body in ("[", "]", "],", ","):
        return Diagnosis(f"{body} of a JSON array: JSON lines have none around and between the rows", 0, ())
    return None


def _whole_line(body: str) -> Diagnosis | None:
    """Causes that the line as a whole shows."""
    for pattern, cause, lines in _MARKERS:
        if pattern.match(body):
            return Diagnosis(cause, 0, lines)
    if body.isspace():
        return Diagnosis("white space that JSON does not know", 0, ())
    word = re.match(r"[^\s:,]*", body)
    if body[0].isalpha() and word and word[0] not in _PYTHON and word[0] not in _NOTHING and not _NUMBER.match(body):
        start = body if len(body) < 30 else body[:28] + "…"
        return Diagnosis(f"plain text, no JSON: {start!r}", 0)
    return None


def _several(body: str) -> Diagnosis | None:
    """Objects one after another on the line, or one with something behind it."""
    values: list[str] = []
    at = 0
    if body[0] == "[" and body[1:].lstrip()[:1] == "{" and not end_of_value(body):
        at = body.index("{")
    first = at
    while at < len(body) and body[at] == "{":
        try:
            stop = _decode(body, at)[1]
        except (ValueError, RecursionError):
            break
        values.append(body[at:stop])
        at = stop
        while body[at : at + 1] in (",", " ", "\t", "\r"):
            at += 1
    if not values:
        return None
    rest = body[at:].strip()
    if len(values) > 1:
        lost = rest.strip(",;]")
        cause = f"{len(values)} objects on one line" if not lost else "several objects on one line"
        return Diagnosis(cause, body.index(values[0], first) + len(values[0]), None if lost else tuple(values))
    if first or (not rest and body.endswith(",")):
        return Diagnosis(
            "a row of a JSON array: JSON lines have no brackets and commas around rows",
            0,
            (values[0],) if not rest else None,
        )
    after = first + len(values[0])
    if rest.startswith(("//", "#", "/*")):
        return Diagnosis("a comment after the row: JSON has none", after, (values[0],))
    if not rest.strip(",;)}] \t"):
        return Diagnosis(f"{rest!r} after the end of the row", after, (values[0],))
    if rest.startswith("{"):
        return Diagnosis("two objects on one line, and the second is broken as well", after)
    shown = rest if len(rest) < 30 else rest[:28] + "…"
    return Diagnosis(f"text after the end of the row: {shown!r}", after)


def _mended(body: str) -> Diagnosis | None:
    """A cause that can be mended."""
    if len(body) > LONGEST or body[0] not in "{[":
        return None
    found = _python(body) or _tokens(body)
    if found and found.lines:
        return found
    return _quotes(body) or found


def _objects(text: str) -> bool:
    """Whether a text decodes to one object, with everything that JSON wants."""
    try:
        return type(json.loads(text)) is dict
    except (ValueError, RecursionError):
        return False


def _python(body: str) -> Diagnosis | None:
    """A Python dictionary, as `print(row)` and `str(row)` write it."""
    if not re.match(r"\{\s*'", body):
        return None
    import ast

    cause = "Python, not JSON: single quotes (write rows with json.dumps, not str)"
    place = body.index("'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(body)
        line = json.dumps(value, ensure_ascii=False)
        line.encode()
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None
    return Diagnosis(cause, place, (line,)) if _objects(line) else None


def _quotes(body: str) -> Diagnosis | None:
    """Quotation marks inside a string that are not escaped: one closes a string only before a sign that may follow."""
    out: list[str] = []
    inside = False
    place = -1
    at = 0
    while at < len(body):
        char = body[at]
        if inside and char == "\\":
            out.append(body[at : at + 2])
            at += 2
            continue
        if char == '"':
            if not inside:
                inside = True
            elif _closes(body, at + 1):
                inside = False
            else:
                place = at if place < 0 else place
                char = '\\"'
        out.append(char)
        at += 1
    line = "".join(out)
    if place < 0 or not _objects(line):
        return None
    return Diagnosis('a quotation mark inside a string is not escaped: JSON wants \\" there', place, (line,))


_AFTER = re.compile(r'\s*(?:[:}\]]|$|,\s*(?:["{\[\d-]|true\b|false\b|null\b))')


def _closes(body: str, after: int) -> bool:
    return _AFTER.match(body, after) is not None


# ---------------------------------------------------------------------- token by token


class _Mender:
    """Writes tokens anew, each fault on the way noted with its place."""

    def __init__(self, body: str) -> None:
        self.body = body
        self.out: list[str] = []
        self.open: list[tuple[str, int]] = []
        self.faults: list[tuple[int, str]] = []
        self.last = ""  # the last token that counts: a sign, or "value"
        self.comma = -1  # where in `out` the last comma stands, while nothing follows it
        self.failed = False
        self.closed = False  # the last value ended with a bracket
        self.number: Diagnosis | None = None  # what fails, where it is nearly a number

    def note(self, place: int, cause: str) -> None:
        self.faults.append((place, cause))

    def token(self, kind: str, text: str, place: int, following: str) -> None:
        if kind == "space":
            self.out.append(text)
        elif kind == "comment":
            self.note(place, "a comment: JSON has none")
        elif kind == "sign":
            self._sign(text, place)
        elif kind == "other":
            self.failed = True
        else:
            self._value(kind, text, place, following)

    def _sign(self, sign: str, place: int) -> None:
        if sign in "}]":
            if self.last == ",":
                self.note(place, f"a comma before {sign}")
                self.out[self.comma] = ""
            if not self.open or self.open[-1][0] != {"}": "{", "]": "["}[sign]:
                self.failed = True
                return
            self.open.pop()
        elif sign == ",":
            if self.last in (",", "{", "["):
                self.note(place, "a comma with nothing before it")
                return
            self.comma = len(self.out)
        elif sign in "{[":
            self._gap(place, True)
            self.open.append((sign, place))
        self.out.append(sign)
        self.last = "value" if sign in "}]" else sign
        self.closed = sign in "}]"

    def _gap(self, place: int, clear: bool) -> None:
        """A comma where one is missing and nothing else can be meant."""
        if self.last != "value":
            return
        if clear or self.closed:
            self.note(place, "no comma before this")
            self.out.append(",")
        else:
            self.failed = True

    def _value(self, kind: str, text: str, place: int, following: str) -> None:
        key = following == ":" and bool(self.open) and self.open[-1][0] == "{"
        self._gap(place, key)
        if kind == "string":
            text = self._string(text, place)
        elif kind == "single":
            self.note(place, "single quotes: JSON strings stand in double ones")
            text = _requoted(text)
        elif kind == "curly":
            self.note(place, "typographic quotation marks: JSON wants straight ones")
            text = json.dumps(text[1:-1], ensure_ascii=False)
        elif key:
            self.note(place, f"the key {text} stands without quotation marks")
            text = json.dumps(text)
        else:
            text = self._word(text, place)
        self.out.append(text)
        self.last, self.closed = "value", False

    def _string(self, text: str, place: int) -> str:
        bad = next((found for found in _BAD_ESCAPE.finditer(text) if found[1] is None), None)
        if bad is None:
            return text
        self.note(place + bad.start(), f"{bad[0]} is no JSON escape: a backslash is written \\\\")
        text = _FOLDERS.sub(lambda found: found[0].replace("\\", "\\\\"), text)
        return _BAD_ESCAPE.sub(_escape, text)

    def _word(self, text: str, place: int) -> str:
        if _NUMBER.fullmatch(text):
            return text
        if text in _PYTHON:
            self.note(place, f"{text} is Python: JSON writes {_PYTHON[text]}")
            return _PYTHON[text]
        if text in _NOTHING:
            self.note(place, f"{text} is not JSON: nothing is written null")
            return "null"
        if _NEARLY_NUMBER.fullmatch(text):
            self.number = Diagnosis(f"{text} is no JSON number", place)
        self.failed = True
        return text


def _tokens(body: str) -> Diagnosis | None:
    """Causes that single tokens show, mended one by one."""
    mender = _Mender(body)
    tokens = [(str(found.lastgroup), found[0], found.start()) for found in _TOKEN.finditer(body)]
    following = ""
    after: list[str] = []
    for kind, text, _ in reversed(tokens):
        after.append(following)
        if kind not in ("space", "comment"):
            following = text
    for (kind, text, place), then in zip(tokens, reversed(after), strict=True):
        mender.token(kind, text, place, then)
        if mender.failed:
            return mender.number
    if len(mender.open) == 1 and mender.last == "value":
        bracket, place = mender.open[0]
        mender.note(len(body), f"the {bracket} that opens the row is never closed")
        mender.out.append("}" if bracket == "{" else "]")
    line = "".join(mender.out).strip()
    if not mender.faults or not _objects(line):
        return None
    place, cause = mender.faults[0]
    if more := len(mender.faults) - 1:
        cause += f" (and {more} more)"
    return Diagnosis(cause, place, (line,))


def _requoted(text: str) -> str:
    """A string in single quotes as JSON."""
    body = text[1:-1].replace("\\'", "'")
    body = re.sub(r'(?<!\\)((?:\\\\)*)"', r"\1\\" + '"', body)
    return '"' + _BAD_ESCAPE.sub(_escape, body) + '"'


def _escape(found: re.Match[str]) -> str:
    """An escape that JSON knows, in the place of one it may not know."""
    if found[1]:
        return found[0]
    return "'" if found[2] == "'" else "\\\\" + found[2]


# ---------------------------------------------------------------------- the place where decoding stops


def _position(body: str) -> Diagnosis:
    """What the decoder says, in words that name the cause."""
    try:
        stop = _decode(body)[1]
    except json.JSONDecodeError as error:
        return _explained(body, error)
    except ValueError:
        longest = max(re.finditer(r"\d+", body), key=lambda found: len(found[0]))
        return Diagnosis(f"a number of {len(longest[0]):,} digits", longest.start())
    return Diagnosis("text after the value", stop)


def _explained(body: str, error: json.JSONDecodeError) -> Diagnosis:
    place = error.pos
    char = body[place : place + 1]
    if error.msg.startswith("Unterminated"):
        return Diagnosis("cut off: a string that begins here never ends", place)
    if place >= len(body):
        left = depth(body)
        brackets = f"{left} bracket{'s are' if left != 1 else ' is'} still open" if left > 0 else "a value is missing"
        return Diagnosis(f"cut off: the line ends while {brackets}", max(0, len(body) - 1))
    if "escape" in error.msg:
        return Diagnosis(f"{body[place : place + 2]} is no JSON escape: a backslash is written \\\\", place)
    if "property name" in error.msg or "trailing comma" in error.msg:
        names = {
            "'": "single quotes: JSON strings stand in double ones",
            "}": "a comma before }",
            "]": "a comma before ]",
            "/": "a comment: JSON has none",
            "#": "a comment: JSON has none",
        }
        default = "a key must stand here, in double quotes"
        return Diagnosis(names.get(char, "a key without quotation marks" if char.isalpha() else default), place)
    if "delimiter" in error.msg and ":" in error.msg:
        return Diagnosis("no colon after the key", place)
    if "delimiter" in error.msg:
        if body[:place].rstrip().endswith('"') and char not in '"{[]}':
            return Diagnosis("a quotation mark inside a string is not escaped, or the string is not closed", place)
        if char in "]}":
            return Diagnosis(f"{char} closes a bracket of the other kind", place)
        return Diagnosis("no comma before this", place)
    word = re.match(r"[^\s,\]}]{1,20}", body[place:])
    return Diagnosis(f"{word[0] if word else char} is no JSON value", place)

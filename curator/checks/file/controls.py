"""FIL007, FIL010: characters that no text should hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from curator import paths
from curator.checks.file.examples import ROW
from curator.columns import UNSET, Batch, Line
from curator.model import Edit, Fix, Flag
from curator.rule import Bad, RawRule, chat
from curator.text.brokenjson import (
    STRING,
)
from curator.text.patterns import compiled_later


class ControlCharacter(RawRule, frozen=True):
    r"""A string holds a control character.

    NUL ends a text for every program written in C, terminal colours and bells are junk that the
    model learns to write, and a raw one makes the line invalid for strict parsers. A backspace or
    form feed is mostly a formula whose backslash was lost: "\beta" became a backspace and "eta".
    """

    code = "FIL007"
    severity = "error"
    GOOD = [
        ROW,
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
        raw = raw[~((data[raw] == ord("\r")) & holds(batch, raw + 1, b"\n"))]
        starts = batch.escapes
        hexed = starts[holds(batch, starts + 1, b"u") & holds(batch, starts + 2, b"0") & holds(batch, starts + 3, b"0")]
        hexed = hexed[holds(batch, hexed + 4, b"017")]
        short = starts[holds(batch, starts + 1, b"bf")]
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
_FORMULA = compiled_later(
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


def holds(batch: Batch, places: np.ndarray, signs: bytes) -> np.ndarray:
    """Whether one of the bytes `signs` stands at each place (False beyond the end)."""
    data = batch.octets
    if not len(data):
        return np.zeros(len(places), dtype=bool)
    table = np.zeros(256, dtype=bool)
    table[list(signs)] = True
    found: np.ndarray = table[data[np.minimum(places, len(data) - 1)]] & (places < len(data))
    return found


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """(path, text) of every string in a row, in order, keys left out."""
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, str):
            yield path, item
        elif isinstance(item, dict):
            todo += [(paths.join(path, key), inner) for key, inner in reversed(item.items())]
        elif isinstance(item, list):
            todo += [(f"{path}[{place}]", inner) for place, inner in reversed(list(enumerate(item)))]


def _objects(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, object) of every object in a row."""
    todo: list[tuple[str, Any]] = [("", value)]
    while todo:
        path, item = todo.pop()
        if isinstance(item, dict):
            yield path, item
            todo += [(paths.join(path, key), inner) for key, inner in item.items()]
        elif isinstance(item, list):
            todo += [(f"{path}[{place}]", inner) for place, inner in enumerate(item)]


class LoneSurrogate(RawRule, frozen=True):
    """A string holds half of a surrogate pair.

    An emoji cut in two, mostly by truncating text in JavaScript or Java. It cannot be written as UTF-8:
    Arrow and the `datasets` library refuse the file, and Python fails as soon as the text is saved.
    """

    code = "FIL010"
    severity = "error"
    GOOD = [ROW, b'{"prompt": "\\ud83d\\ude00", "completion": "\\\\ud83d"}']
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
        Bad(
            b'{"prompt": "a", "completion": "c", "about": {"x\\ud83d": 1}}',
            at="about",
            fixed=b'{"prompt": "a", "completion": "c", "about": {"x\\ufffd": 1}}',
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        starts = batch.escapes
        starts = starts[holds(batch, starts + 1, b"u") & holds(batch, starts + 2, b"dD")]
        high, low = holds(batch, starts + 3, b"89abAB"), holds(batch, starts + 3, b"cdefCDEF")
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
        for path, item in _objects(line.value):
            if found := _SURROGATE.search("".join(item)):
                message = f"half of a surrogate pair (U+{ord(found[0]):04X}) in a key"
                yield Flag(path, message, fix=fix)


_SURROGATE = re.compile("[\ud800-\udfff]")
_PAIR_OR_HALF = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)

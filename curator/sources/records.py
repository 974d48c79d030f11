"""Splits text that holds JSON values other than one a line: an array, or objects one after another.

The values are found with the standard library's decoder and copied letter by letter, never decoded
and encoded again: numbers, escapes and repeated keys stay as they were written. Only line breaks
outside strings go. A value that does not decode is copied as well, for the rules on lines to judge.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from curator.errors import SourceError
from curator.model import Fix, Flag
from curator.sources.source import Fault
from curator.text.brokenjson import STRUCTURE, joined, with_escaped_breaks

ONE_A_LINE = Fix("write one object a line", safety="safe")  # no changes: what was read is written as it is

# Keys of an outer object that hold the rows: {"data": [...]}.
WRAPPERS = ("data", "dataset", "rows", "records", "examples", "samples", "instances", "items")

_CHUNK = 1 << 22  # bytes read at once
_AHEAD = 1 << 24  # characters known beyond an error that make it final
_LONGEST = 3 * _AHEAD  # characters of a value, from which on it is taken for one without an end

_strict = json.JSONDecoder(parse_int=str, parse_float=str).raw_decode
_lenient = json.JSONDecoder(parse_int=str, parse_float=str, strict=False).raw_decode

_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_FIRST_KEY = re.compile(r'\{\s*("(?:[^"\\]|\\.)*")')


class Record(NamedTuple):
    """A value as it is to stand on a line of its own, and the physical line (from 1) where it begins.

    `sound` says whether it decodes.
    """

    line: int
    data: bytes
    sound: bool = True


class Records:
    """Iterates the records of a text; `faults` fills up on the way.

    With `wrapped` the rows are the arrays under the keys WRAPPERS of one outer object. Bytes that are
    no UTF-8 pass through unchanged. Memory: a few chunks, or the longest value. Raises SourceError, which names the
    file as `where`, for a value without an end.
    """

    def __init__(self, file: BinaryIO, *, wrapped: bool = False, where: str = "") -> None:
        self.faults: list[Fault] = []
        self._where = where
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._wrapped = wrapped
        self._text = ""
        self._at = 0  # the next character to look at
        self._ended = False  # the file is read to its end
        self._counted = 0  # `_line` is the physical line of this character
        self._line = 1
        self._first_key = ""  # of the first record, with its quotation marks

    def __iter__(self) -> Iterator[Record]:
        while sign := self._sign():
            if self._wrapped and sign == "{":
                self._wrapped = False
                yield from self._wrapper()
            elif sign == "[":
                yield from self._array()
            elif sign in ",]}":
                self._fault(f"a stray {sign} between two records")
                self._at += 1
            else:
                yield self._value(inside=False)

    # ------------------------------------------------------------------ structure

    def _array(self) -> Iterator[Record]:
        opened = self._line_here()
        self._at += 1
        last = "["  # the sign or value before the cursor
        while sign := self._sign():
            if sign == "]":
                if last == ",":
                    self._fault("a comma before the bracket that closes the array")
                self._at += 1
                return
            if sign == ",":
                if last != "value":
                    self._fault("a comma with no record before it")
                self._at += 1
                last = ","
                continue
            if last == "value":
                self._fault("no comma between two records of the array")
            yield self._value(inside=True)
            last = "value"
        self._fault(f"the array opened in line {opened} is never closed: the file may be cut off")

    def _wrapper(self) -> Iterator[Record]:
        self._at += 1
        passed: list[str] = []
        while (sign := self._sign()) and sign != "}":
            if sign == ",":
                self._at += 1
                continue
            key = self._value(inside=True).data.decode("utf-8", "replace").strip('"')
            if self._sign() == ":":
                self._at += 1
            if key in WRAPPERS and self._sign() == "[":
                yield from self._array()
            else:
                self._value(inside=True)
                passed.append(key)
        self._at += 1
        if passed:
            message = f"{', '.join(map(repr, passed[:5]))} beside the rows: not read, since trainers want rows only"
            self.faults.append(Fault("FIL002", 1, Flag("", message, fix=ONE_A_LINE)))

    def _value(self, inside: bool) -> Record:
        """The value at the cursor, well-formed or not."""
        line = self._line_here()
        stop = self._end_of_value(_strict)
        if stop:
            body = self._take(stop)
            if not self._first_key and (key := _FIRST_KEY.match(body)):
                self._first_key = key[1]
            return Record(line, _encode(joined(body)))
        stop = self._end_of_value(_lenient)
        readable = bool(stop)
        body = self._take(stop or self._end_of_broken(inside)).rstrip()
        if "\n" not in body:
            return Record(line, _encode(body), readable)
        if readable:
            self._fault("a raw line break inside a string: JSON wants \\n there", line)
        return Record(line, _encode(with_escaped_breaks(body)), readable)

    def _end_of_value(self, decode: object) -> int:
        """Where the value at the cursor ends; 0 where it is no JSON. Reads on while it may go on."""
        while True:
            try:
                stop: int = decode(self._text, self._at)[1]  # type: ignore[operator]
                if stop < len(self._text) or not self._read():
                    return stop
                continue
            except json.JSONDecodeError as error:
                known = 0 if error.msg.startswith("Unterminated") else len(self._text) - error.pos
            except RecursionError:
                known = _AHEAD
            if known >= _AHEAD or self._long() or not self._read(len(self._text) - self._at):
                return 0

    def _long(self) -> bool:
        """Whether more is known from the cursor on than a value may have."""
        return len(self._text) - self._at > _LONGEST

    def _end_of_broken(self, inside: bool) -> int:
        """Where a value that is no JSON ends: at its last bracket, or before what looks like the next record."""
        text, start = self._text, self._at
        if not inside:
            following = re.compile(r"\n(?=[\[{])")
        elif self._first_key:
            following = re.compile(rf",\s*(?=\{{\s*{re.escape(self._first_key)})")
        else:
            following = re.compile(r",[ \t]*\r?\n\s*(?=\{)")
        found = following.search(text, start + 1)
        if not found and self._long():
            raise SourceError(
                f"the value that begins in line {self._line_here()} has no end within {_LONGEST / 1e6:,.0f} MB",
                where=self._where,
                hint="no model takes so long a row: a quotation mark or bracket is missing, or the row is to go",
            )
        limit = found.start() if found else len(text)
        depth = 0
        for token in STRUCTURE.finditer(text, start, limit):
            sign = token[0]
            if sign in "[{":
                depth += 1
            elif sign in "]}":
                if depth == 0:
                    return max(token.start(), start + 1)
                depth -= 1
                if depth == 0 and not inside:
                    return token.end()
            elif sign == "," and depth == 0:
                return max(token.start(), start + 1)
        return limit

    # ------------------------------------------------------------------ cursor

    def _sign(self) -> str:
        """The character at the cursor after white space, "" at the end of the file."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read():
                return ""

    def _take(self, stop: int) -> str:
        body = self._text[self._at : stop]
        self._at = stop
        return body

    def _read(self, size: int = 0) -> bool:
        """Append the next chunk, or `size` bytes where that is more, and forget what lies before the cursor.

        False at the end of the file.
        """
        if self._ended:
            return False
        data = self._file.read(max(size, _CHUNK))
        self._ended = not data
        self._line_here()
        self._text = self._text[self._at :] + self._decode(data, self._ended)
        self._at = self._counted = 0
        return True

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _fault(self, message: str, line: int = 0) -> None:
        self.faults.append(Fault("FIL001", line or self._line_here(), Flag("", message, fix=ONE_A_LINE)))


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")

"""FIL003, FIL004, FIL006: bytes of the file itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Annotated

import numpy as np

from curator.checks.file.controls import holds
from curator.checks.file.examples import BYTES, ROW, TWO
from curator.columns import UNSET, Batch, Line, Rows, parse
from curator.model import Fix, Flag
from curator.rule import Bad, DatasetRule, RawRule, option
from curator.text.brokenjson import STRING, is_heavy
from curator.text.encodings import bad_bytes, redecoded


class ByteOrderMark(RawRule, frozen=True):
    """A byte order mark stands before a row.

    Three invisible bytes that Windows programs put at the start of a file: JSON readers refuse the
    first row, or read its first key under another name. Where files were joined it hides inside.
    """

    code = "FIL003"
    GOOD = [ROW, b'{"prompt": "\xef\xbb\xbf", "completion": "No."}']
    BAD = [
        Bad(b"\xef\xbb\xbf" + BYTES, at="", fixed=BYTES),
        Bad(BYTES + b"\n\xef\xbb\xbf" + TWO, at="", fixed=BYTES + b"\n" + TWO),
        Bad(BYTES, at="", fixed=b"\xef\xbb\xbf" + BYTES, options={"demanded": True}),
    ]

    demanded: Annotated[bool, option("The file must begin with a byte order mark, as Azure OpenAI asks.")] = False

    def candidates(self, batch: Batch) -> Iterable[int]:
        starts = np.append(0, batch.line_ends[:-1] + 1)
        starts = starts[
            holds(batch, starts, b"\xef") & holds(batch, starts + 1, b"\xbb") & holds(batch, starts + 2, b"\xbf")
        ]
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
    GOOD = [ROW, '{"prompt": "Où?", "completion": "Là."}'.encode()]
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
        if line.text is not None or is_heavy(line.raw):
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
    before = re.search(r'[^\s"\\]{0,20}$', text[max(0, place - 20) : place])
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
    GOOD = [BYTES + b"\n", BYTES + b"\r\n" + TWO + b"\r\n", b""]
    BAD = [
        Bad(BYTES + b"\n" + TWO + b"\r\n" + BYTES + b"\n", at="1:", fixed=b"\n".join([BYTES, TWO, BYTES, b""])),
        Bad(BYTES, at="0:", fixed=BYTES + b"\n"),
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
    long = long[holds(batch, long + 2, b"\xa8\xa9") & holds(batch, long + 1, b"\x80")]
    short = np.flatnonzero(batch.octets == 0xC2)
    return np.concatenate((long, short[holds(batch, short + 1, b"\x85")]))


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

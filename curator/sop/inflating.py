"""The streams and pages of a PDF, none unpacked or drawn past a limit: two kilobytes may say a gigabyte.

pdfminer unpacks a stream whole. Here it is unpacked in parts, or its size found out before a filter runs, and what a
file's streams give is counted each time they are read, as a page may name one a thousand times.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from typing import Any, TypeVar

import pdfminer.cmapdb
import pdfminer.pdfdocument
import pdfminer.pdffont
import pdfminer.pdfinterp
import pdfplumber.page
import pdfplumber.pdf
from pdfminer.pdfparser import PDFParser
from pdfminer.pdftypes import (
    LITERALS_ASCII85_DECODE,
    LITERALS_CCITTFAX_DECODE,
    LITERALS_FLATE_DECODE,
    LITERALS_LZW_DECODE,
    LITERALS_RUNLENGTH_DECODE,
    PDFStream,
    resolve1,
    stream_value,
)
from pdfminer.psparser import LIT, PSStackParser
from pdfplumber.page import PDFPageAggregatorWithMarkedContent

from curator.errors import SourceError

MOST_STREAM = 32_000_000  # bytes one stream may unpack to: the largest fonts have 25 million
MOST_FILE = 256_000_000  # bytes that are read of all streams; those of six hundred full pages have 60 million
MOST_PAGE = 5_000_000  # bytes of drawing on a page: pdfminer takes 150 times as much memory, and seconds a megabyte
MOST_LETTERS = (
    100_000  # of a page: one of a newspaper has thirty thousand, and each takes two kilobytes while it is read
)
MOST_SHAPES = 20_000  # lines, boxes and pictures of a page that are looked at: those of tables, not of a map
MOST_NESTED = 500  # arrays and dictionaries in one another: the trees of pages and outlines go by references
MOST_RANGED = 4_000_000  # letters of all fonts and objects; sixty fonts of all letters there are have as many
_MOST_COPIED = 2_000_000_000  # bytes: half a second
_PIECE = 4096  # bytes inflated at once: at most four million come of them

_T = TypeVar("_T")


class _Bounded(PSStackParser[Any]):
    """Raises SourceError for brackets nested past the limit, and for words and texts that are copied too often.

    pdfminer copies what it has of a text with each bracket and each four kilobytes of it.
    """

    _copied = 0

    def start_type(self, pos: int, type: str) -> None:
        if len(self.context) >= MOST_NESTED:
            raise SourceError(f"a PDF nested over {MOST_NESTED} levels deep", hint="it is broken or hostile")
        super().start_type(pos, type)

    def fillbuf(self) -> bool:
        self._copy(self.charpos >= len(self.buf))
        return super().fillbuf()

    def _parse_string(self, s: bytes, i: int) -> int:
        self._copy(True)
        return super()._parse_string(s, i)

    def _copy(self, copies: bool) -> None:
        self._copied += copies and len(self._curtoken)
        if self._copied > _MOST_COPIED:
            raise SourceError("a PDF with texts of endless length", hint="it is broken or hostile")


class BoundedParser(_Bounded, PDFParser):
    """A parser whose streams raise SourceError where they unpack to more than the limits."""

    def __init__(self, fp: Any) -> None:
        super().__init__(fp)
        self._read = 0
        self._drawn = 0

    def push(self, *objs: Any) -> None:
        for _, value in objs:
            if isinstance(value, PDFStream):  # the method alone: pdfminer asks for the very class in places
                value.get_data = partial(self._data_of, value)  # type: ignore[method-assign]
        super().push(*objs)

    def _data_of(self, stream: PDFStream) -> bytes:
        if stream.data is None:
            stream.data, stream.rawdata = _unpacked(stream), None
        self._read += len(stream.data)
        if self._read > MOST_FILE:
            raise _too_large("its streams unpack", MOST_FILE)
        if stream.get("Subtype") is _FORM:
            self._draw(len(stream.data))
        return stream.data

    def begin_page(self, contents: list[Any]) -> None:
        """Count what is drawn from here on as of a page with these streams. Raises SourceError."""
        self._drawn = 0
        for stream in contents:
            self._draw(len(stream_value(stream).get_data()))

    def _draw(self, size: int) -> None:
        self._drawn += size
        if self._drawn > MOST_PAGE:
            raise _too_large("the drawing of a page unpacks", MOST_PAGE)


_FORM = LIT("Form")  # a drawing that a page, or another one, uses by its name


class _BoundedPage(PDFPageAggregatorWithMarkedContent):
    """What is on a page. Raises SourceError past the limits of letters and figures; lines and pictures have an end."""

    _letters = _shapes = _figures = 0

    def render_char(self, *args: Any, **kwargs: Any) -> float:
        self._letters += 1
        if self._letters > MOST_LETTERS:
            raise _too_full(MOST_LETTERS, "letters on a page")
        return super().render_char(*args, **kwargs)  # type: ignore[no-any-return]

    def begin_figure(self, *args: Any, **kwargs: Any) -> None:
        self._figures += 1
        if self._figures > MOST_SHAPES:
            raise _too_full(MOST_SHAPES, "figures on a page")
        super().begin_figure(*args, **kwargs)

    def paint_path(self, *args: Any, **kwargs: Any) -> None:
        self._shapes += 1
        if self._shapes <= MOST_SHAPES:
            super().paint_path(*args, **kwargs)

    def render_image(self, *args: Any, **kwargs: Any) -> None:
        self._shapes += 1
        if self._shapes <= MOST_SHAPES:
            super().render_image(*args, **kwargs)


@contextmanager
def open_bounded(data: bytes) -> Iterator[Any]:
    """The file as pdfplumber opens it, bounded while it is open. Raises what pdfplumber raises, SourceError in it."""
    ranges = _Ranges()
    with ExitStack() as stack:
        for module in (pdfminer.cmapdb, pdfminer.pdfdocument, pdfminer.pdffont):
            stack.enter_context(_instead(module, "range", ranges))
        for module, name in _PARSERS:
            stack.enter_context(_instead(module, name, _bounded(getattr(module, name))))
        stack.enter_context(_instead(pdfplumber.pdf, "PDFParser", BoundedParser))
        stack.enter_context(_instead(pdfplumber.page, "PDFPageAggregatorWithMarkedContent", _BoundedPage))
        yield stack.enter_context(pdfplumber.open(io.BytesIO(data)))


_PARSERS = (
    (pdfminer.pdfinterp, "PDFContentParser"),
    (pdfminer.pdfdocument, "PDFStreamParser"),
    (pdfminer.pdffont, "CMapParser"),
    (pdfminer.pdffont, "Type1FontHeaderParser"),
)


@cache
def _bounded(theirs: type) -> type:
    return type(theirs.__name__, (_Bounded, theirs), {})


@contextmanager
def _instead(module: Any, name: str, ours: Any) -> Iterator[None]:
    """Put ours in the place of what the module takes from nowhere else."""
    theirs = vars(module).get(name)
    setattr(module, name, ours)
    try:
        yield
    finally:
        if theirs is None:
            delattr(module, name)
        else:
            setattr(module, name, theirs)


class _Ranges:
    """The ranges of letters and objects that a file names, which pdfminer goes through. Raises SourceError for too many."""

    def __init__(self) -> None:
        self._steps = 0

    def __call__(self, *args: int) -> range:
        named = range(*args)
        self._steps += max(0, 1 + (named[-1] - named[0]) // named.step) if named else 0
        if self._steps > MOST_RANGED:
            raise _too_full(MOST_RANGED, "letters and objects in ranges")
        return named


def pages_of(file: Any) -> Iterator[Any]:
    """The pages of a file from `open_bounded`, each with its drawing bounded. Raises SourceError."""
    for page in file.pages:
        file.doc._parser.begin_page(page.page_obj.contents)
        yield page
        page.close()  # it keeps two kilobytes for each letter


def _unpacked(stream: PDFStream) -> bytes:
    """The bytes of a stream, one filter after the other. Raises SourceError."""
    data = stream.rawdata or b""
    if stream.decipher:
        assert stream.objid is not None and stream.genno is not None
        data = stream.decipher(stream.objid, stream.genno, data, stream.attrs)
    for filtered, given in stream.get_filters():
        data = _filtered(filtered, given if isinstance(given, dict) else {}, data)
    return data


def _filtered(name: Any, params: dict[str, Any], data: bytes) -> bytes:
    """What a filter makes of the data. Raises SourceError."""
    _refuse_wide(params)
    if unpack := _named(name, _UNPACKED):
        name, data = _AS_IT_IS, _joined(unpack(data))
    elif (sizes := _named(name, _GROWING)) and _exceeds(sizes(data, params)):
        raise _too_large("a stream unpacks", MOST_STREAM)
    if name in LITERALS_ASCII85_DECODE:
        data = b"".join(data.split())  # pdfminer's patterns go through each run of spaces by its square
    return PDFStream({"Filter": name, "DecodeParms": params}, data).get_data()


_AS_IT_IS = LIT("DCTDecode")  # a filter that pdfminer leaves alone: it undoes the predictor


def _named(name: Any, of: Iterable[tuple[Any, _T]]) -> _T | None:
    return next((it for names, it in of if name in names), None)


def _joined(parts: Iterator[bytes]) -> bytes:
    """The parts as one, nothing where they break off with a fault. Raises SourceError."""
    kept: list[bytes] = []
    total = 0
    try:
        for part in parts:
            kept.append(part)
            if (total := total + len(part)) > MOST_STREAM:
                raise _too_large("a stream unpacks", MOST_STREAM)
    except zlib.error:
        return b""
    return b"".join(kept)


def _inflated(data: bytes) -> Iterator[bytes]:
    """The data inflated, as far as it goes where its end is missing. Raises zlib.error, but not for its checksum."""
    unpacking = zlib.decompressobj()
    checksum = max(len(data) - 3, 0)  # pdfminer, which goes byte by byte and adds up, passes over these three as well
    for start in range(0, checksum, _PIECE):
        yield unpacking.decompress(data[start : min(start + _PIECE, checksum)])
        if unpacking.eof:
            return
    for start in range(checksum, len(data)):
        try:
            yield unpacking.decompress(data[start : start + 1])
        except zlib.error:
            return


def _lzw(data: bytes) -> Iterator[bytes]:
    """The data unpacked to its end or its first fault. pdfminer copies its table, which has no end, with every code."""
    table, before, held, bits = [*_LETTERS], b"", 0, 0
    for byte in data:
        held, bits = (held << 8 | byte) & 0xFFFFF, bits + 8
        width = 9 + (len(table) >= 511) + (len(table) >= 1023) + (len(table) >= 2047)
        if bits < width:
            continue
        bits -= width
        code = held >> bits & (1 << width) - 1
        if code == _CLEAR:
            table, before = [*_LETTERS], b""
        elif code == _END or code > len(table) or (code == len(table) and not before):
            return
        else:
            part = table[code] if code < len(table) else before + before[:1]
            if before and len(table) < _FULL:
                table.append(before + part[:1])
            yield part
            before = part


_CLEAR, _END, _FULL = 256, 257, 4096
_LETTERS = (*(bytes([n]) for n in range(256)), b"", b"")


def _runs(data: bytes, params: dict[str, Any]) -> Iterator[int]:
    place = 0
    while place < len(data) and data[place] != 128:
        length = data[place]
        yield 8 * (length + 1 if length < 128 else 257 - length)  # pdfminer makes a list of them
        place += length + 2 if length < 128 else 2


def _ascii85(data: bytes, params: dict[str, Any]) -> Iterator[int]:
    yield 4 * data.count(b"z") + len(data)


def _fax(data: bytes, params: dict[str, Any]) -> Iterator[int]:
    columns = resolve1(params.get("Columns", 1728))
    yield len(data) * (columns if isinstance(columns, int) else MOST_STREAM)  # a line may take a single bit


_UNPACKED = ((LITERALS_FLATE_DECODE, _inflated), (LITERALS_LZW_DECODE, _lzw))
_GROWING = (
    (LITERALS_RUNLENGTH_DECODE, _runs),
    (LITERALS_ASCII85_DECODE, _ascii85),
    (LITERALS_CCITTFAX_DECODE, _fax),
)


def _exceeds(sizes: Iterator[int]) -> bool:
    total = 0
    return any((total := total + size) > MOST_STREAM for size in sizes)


def _refuse_wide(params: dict[str, Any]) -> None:
    """Raises SourceError for a predictor with a row wider than a stream may be: it is made before any is read."""
    parts = [resolve1(params.get(name, 1)) for name in ("Colors", "Columns", "BitsPerComponent")]
    colors, columns, bits = (part if isinstance(part, int) else 1 for part in parts)
    if colors * columns * bits > MOST_STREAM:
        raise _too_large("a row of a stream unpacks", MOST_STREAM)


def _too_large(what: str, most: int) -> SourceError:
    return SourceError(
        f"too large a PDF: {what} to more than {most // 1_000_000} MB",
        hint="it is broken or hostile, or holds maps: print its text to a PDF anew",
    )


def _too_full(most: int, what: str) -> SourceError:
    return SourceError(
        f"a page of more than {most:,} {what}", hint="it is broken or hostile: print its text to a PDF anew"
    )

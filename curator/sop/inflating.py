"""The streams of a PDF, none unpacked past a limit: two kilobytes may say a gigabyte.

pdfminer unpacks a stream whole. Here its size is found out before each of its filters runs, and what a file's streams
give is counted each time they are read, as a page may name one a thousand times.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pdfplumber.pdf
from pdfminer.lzw import LZWDecoder
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
from pdfminer.psparser import LIT

from curator.errors import SourceError

MOST_STREAM = 32_000_000  # bytes one stream may unpack to: the largest fonts have 25 million
MOST_FILE = 256_000_000  # bytes that are read of all streams; those of six hundred full pages have 60 million
MOST_PAGE = 5_000_000  # bytes of drawing on a page: pdfminer takes 150 times as much memory, and seconds a megabyte
_PIECE = 4096  # bytes inflated at once: at most four million come of them


class BoundedParser(PDFParser):
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


def pages_of(file: Any) -> Iterator[Any]:
    """The pages of a file from `open_bounded`, each with its drawing bounded while it is read. Raises SourceError."""
    for page in file.pages:
        file.doc._parser.begin_page(page.page_obj.contents)
        yield page


def open_bounded(data: bytes) -> Any:
    """The file as pdfplumber opens it, with streams that are bounded. Raises what pdfplumber raises, SourceError in it."""
    module, name = pdfplumber.pdf, "PDFParser"  # pdfplumber takes no parser: it finds ours in the place of its own
    setattr(module, name, BoundedParser)
    try:
        return pdfplumber.open(io.BytesIO(data))
    finally:
        setattr(module, name, PDFParser)


def _unpacked(stream: PDFStream) -> bytes:
    """The bytes of a stream, one filter after the other. Raises SourceError."""
    data = stream.rawdata or b""
    if stream.decipher:
        assert stream.objid is not None and stream.genno is not None
        data = stream.decipher(stream.objid, stream.genno, data, stream.attrs)
    for filtered, given in stream.get_filters():
        params = given if isinstance(given, dict) else {}
        _refuse_wide(params)
        if _exceeds(_sizes(filtered, params, data)):
            raise _too_large("a stream unpacks", MOST_STREAM)
        data = PDFStream({"Filter": filtered, "DecodeParms": params}, data).get_data()
    return data


def _sizes(filtered: Any, params: dict[str, Any], data: bytes) -> Iterator[int]:
    """The sizes of the parts that a filter makes of the data, in order."""
    for names, sizes in _GROWING:
        if filtered in names:
            return sizes(data, params)
    return iter(())


def _inflated(data: bytes, params: dict[str, Any]) -> Iterator[int]:
    unpacking = zlib.decompressobj()
    for start in range(0, len(data), _PIECE):
        try:
            yield len(unpacking.decompress(data[start : start + _PIECE]))
        except zlib.error:
            return


def _lzw(data: bytes, params: dict[str, Any]) -> Iterator[int]:
    return map(len, LZWDecoder(io.BytesIO(data)).run())


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


_Sizes = Callable[[bytes, dict[str, Any]], Iterator[int]]
_GROWING: tuple[tuple[Any, _Sizes], ...] = (
    (LITERALS_FLATE_DECODE, _inflated),
    (LITERALS_LZW_DECODE, _lzw),
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

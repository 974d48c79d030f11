"""Bytes before they are rows: decompression and change of encoding, from file to file.

Both stream. A stream that breaks off gives what it held and a fault, never an empty file.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from curator.errors import SourceError
from curator.model import Fix, Flag
from curator.sources.source import Fault

_CHUNK = 1 << 18

# A stream that grows past both is taken for a decompression bomb.
BOMB_BYTES = 2 << 30
BOMB_RATIO = 500

AS_UTF8 = Fix("write it as UTF-8", safety="safe")  # no changes: what was read is written as it is


class _Broken(Exception):
    """The compressed stream ends early or is damaged."""


def refuse_bomb(written: int, size: int, what: str, where: str) -> None:
    """Raises SourceError where more bytes came of `size` bytes than any data that was packed gives."""
    if written > BOMB_BYTES and written > BOMB_RATIO * size:
        raise SourceError(
            f"{what} has grown to over {BOMB_RATIO} times its size: it may be a bomb",
            where=where,
            hint="if the data is right, unpack the file yourself and name the result",
        )


def decompress(source: BinaryIO, target: BinaryIO, method: str, size: int, where: str) -> tuple[Fault, ...]:
    """Unpack gzip or zstd (several members too). Raises SourceError for a bomb, or when nothing comes out."""
    parts = _gunzip(source) if method == "gzip" else _unzstd(source)
    written = lines = 0
    try:
        for part in parts:
            target.write(part)
            written += len(part)
            lines += part.count(b"\n")
            refuse_bomb(written, size, f"the {method} stream", where)
    except _Broken as error:
        if not written:
            raise SourceError(
                f"the {method} stream cannot be unpacked: {error}", where=where, hint="fetch the file again"
            ) from error
        message = f"the {method} stream {error}: only {lines:,} whole lines could be read"
        return (Fault("FIL001", lines + 1, Flag("", message)),)
    return ()


def _gunzip(source: BinaryIO) -> Iterator[bytes]:
    """Members one after another, in parts of _CHUNK at most; zero bytes may follow the last (tapes are padded so)."""
    unpack = zlib.decompressobj(31)
    begun = False
    while data := source.read(_CHUNK):
        while data:
            if not begun and not (data := data.lstrip(b"\0")):
                break
            begun = True
            try:
                part = unpack.decompress(data, _CHUNK)  # one byte may stand for a thousand
            except zlib.error as error:
                raise _Broken(f"is damaged ({error})") from error
            if part:
                yield part
            data = unpack.unconsumed_tail
            if unpack.eof:
                data = unpack.unused_data
                unpack, begun = zlib.decompressobj(31), False
    if begun:
        if rest := unpack.flush():
            yield rest
        if not unpack.eof:
            raise _Broken("ends early")


def _unzstd(source: BinaryIO) -> Iterator[bytes]:
    import pyarrow as pa

    file = pa.PythonFile(source, mode="r")
    stream: Any = pa.CompressedInputStream(file, "zstd")
    broken, given, size = None, 0, _CHUNK
    while True:
        try:
            data: bytes = stream.read(size)
        except OSError as error:
            if (
                broken is None
            ):  # with the part that was asked for, all before the damage is lost: byte by byte it is not
                source.seek(0)
                broken, stream, size = stream, pa.CompressedInputStream(file, "zstd"), 1  # what goes closes the file
                _skip(stream, given)
                continue
            early = "ended prematurely" in str(error) or "Truncated" in str(error)
            raise _Broken("ends early" if early else f"is damaged ({error})") from error
        if not data:
            return
        given += len(data)
        yield data


def _skip(stream: Any, size: int) -> None:
    while size:
        size -= len(stream.read(min(size, _CHUNK)))


def transcode(source: BinaryIO, target: BinaryIO, encoding: str) -> tuple[Fault, ...]:
    """Write text in UTF-16 or UTF-32 as UTF-8. Lone surrogates pass, for the rules on lines to judge."""
    decode = codecs.getincrementaldecoder(encoding)("surrogatepass").decode
    name = encoding.upper().removesuffix("-LE").removesuffix("-BE")
    message = f"the file is {name}: trainers read rows as UTF-8 and fail on the first byte"
    faults = [Fault("FIL004", 1, Flag("", message, byte=0, fix=AS_UTF8))]
    lines = 0
    while True:
        data = source.read(_CHUNK)
        try:
            text = decode(data, not data)
        except UnicodeDecodeError as error:
            what = "ends in the middle of a character" if not data else f"is no {name} from here on ({error.reason})"
            faults.append(Fault("FIL004", lines + 1, Flag("", f"the text {what}")))
            break
        lines += text.count("\n")
        target.write(text.encode("utf-8", "surrogatepass"))
        if not data:
            break
    return tuple(faults)

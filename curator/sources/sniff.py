"""Tells what a file holds by its bytes; its name decides only where the bytes do not."""

from __future__ import annotations

import csv
import io
import re
import sys
from typing import Literal, NamedTuple

from curator.columns import BOM, UNSET, parse
from curator.errors import SourceError
from curator.sources.records import WRAPPERS
from curator.text.brokenjson import depth, end_of_value

HEAD = 1 << 20  # bytes looked at
_LINES = 200  # lines judged

Container = Literal["jsonl", "json-array", "json-concatenated", "json-object", "csv", "tsv", "parquet", "arrow"]
Compression = Literal["gzip", "zstd"]

TABLES = {".csv": ",", ".tsv": "\t", ".tab": "\t"}  # the delimiter an extension claims
_MAGIC = {
    b"BZh": ("a bzip2 file", "unpack it first: bunzip2 -k"),
    b"\xfd7zXZ\0": ("an xz file", "unpack it first: xz -dk"),
    b"\x04\x22\x4d\x18": ("an lz4 file", "unpack it first: lz4 -dk"),
    b"PK\x03\x04": ("a ZIP archive or an Office document", "unpack it, or save the sheet as CSV"),
    b"%PDF": ("a PDF document", "turn it into rows first"),
    b"SQLite format 3": ("an SQLite database", "export the table as CSV or JSON lines"),
    b"\x89HDF": ("an HDF5 file", "write it as Parquet or JSON lines"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it first"),
    b"\x80\x04\x95": ("a Python pickle", "write it as JSON lines; a pickle is never opened, since it can run code"),
    b"\x93NUMPY": ("a NumPy array", "write its rows as JSON lines"),
}
_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18")  # a zstd frame that holds no data: parallel packers begin with one
_WRAPPED = re.compile(rf'"(?:{"|".join(WRAPPERS)})"\s*:\s*\[\s*[{{\]]')
_PRETTY = re.compile(r'\s*(?:[\[\]{}]+,?|"[^"]*"\s*:.*|[\]}]+,?(?:\s*[\[{])?)\s*')


class Text(NamedTuple):
    """What a text file holds."""

    container: Container
    delimiter: str = ","


def compression(head: bytes) -> Compression | None:
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if head.startswith(b"\x28\xb5\x2f\xfd") or _SKIPPED.match(head):
        return "zstd"
    return None


def table(head: bytes) -> Literal["parquet", "arrow"] | None:
    if head.startswith((b"PAR1", b"PARE")):
        return "parquet"
    if head.startswith((b"ARROW1", b"FEA1")) or (head[:4] == b"\xff\xff\xff\xff" and len(head) > 8):
        return "arrow"
    return None


def encoding(head: bytes) -> str | None:
    """The name of a UTF-16 or UTF-32 encoding, None for UTF-8 and its kin."""
    for mark, name in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if head.startswith(mark):
            return name
    start = head[:4]
    if len(start) == 4 and start[0] in b'{["' and start[1] == 0 and start[2] and start[3] == 0:
        return "utf-16-le"
    if len(start) == 4 and start[0] == 0 and start[1] in b'{["' and start[2] == 0 and start[3]:
        return "utf-16-be"
    return None


def refuse_binary(head: bytes, where: str) -> None:
    """Raises SourceError for a file that is known to hold no text."""
    for magic, (what, hint) in _MAGIC.items():
        if head.startswith(magic):
            raise SourceError(f"this is {what}, not rows", where=where, hint=hint)
    if head[257:262] == b"ustar":
        raise SourceError("this is a tar archive, not rows", where=where, hint="unpack it and name the files")


def refuse(head: bytes, *, whole: bool, extension: str, where: str) -> None:
    """Raises SourceError for what holds no rows by its first bytes, packed or not (`whole`: these are all of it)."""
    if compression(head):
        return
    refuse_binary(head, where)
    if not table(head) and not encoding(head):
        text(head, whole=whole, extension=extension, where=where)


def text(head: bytes, *, whole: bool, extension: str, where: str) -> Text:
    """The container of a text file by its first bytes (`whole`: these are all of it).

    Raises SourceError where neither JSON nor a table can be seen and the name claims neither.
    """
    body = head.removeprefix(BOM).lstrip()
    lines = [line for line in body.split(b"\n") if line.strip()]
    if not whole and len(lines) > 1:
        lines.pop()  # the last may be cut
    lines = lines[:_LINES]
    if not lines:
        return Text("jsonl")
    only = whole and len(lines) == 1
    values = [parse(line) for line in lines]
    good = sum(value is not UNSET and type(value) in (dict, list) for value in values)
    sign = lines[0][:1]
    if sign == b"[":
        return Text("json-array" if only or (values[0] is UNSET and _is_array(lines, good)) else "jsonl")
    if only and type(values[0]) is dict and "instruction" in values[0]:
        return Text("jsonl")  # a row of self-instruct: its instances are no rows
    if sign == b"{" and (only or good * 2 < len(lines)):
        return Text(_object_container(body.decode("utf-8", "replace"), lines, whole))
    if any(type(value) is dict for value in values):
        return Text("jsonl")
    claims = TABLES.get(extension)
    if claims is None and sum(value is not UNSET for value in values) * 2 > len(lines):
        return Text("jsonl")
    if sign != b"{" and (delimiter := _delimiter(head, claims, whole)):
        return Text("tsv" if delimiter == "\t" else "csv", delimiter)
    if extension in (".jsonl", ".ndjson", ".jsonlines", ".json") or sign == b"{" or good:
        return Text("jsonl")
    what = "binary data" if b"\0" in head else "neither JSON nor a table"
    raise SourceError(f"the file holds {what}", where=where, hint='rows are JSON objects, one a line: {"text": "…"}')


def _is_array(lines: list[bytes], good: int) -> bool:
    return lines[0].strip() == b"[" or good * 2 < len(lines) or len(lines) == 1


def _object_container(body: str, lines: list[bytes], whole: bool) -> Container:
    """What a text is that begins with an object and is not made of lines."""
    if (wrapped := _WRAPPED.search(body)) and depth(body, wrapped.start()) == 1:
        return "json-object"
    stop = end_of_value(body)
    if stop:
        many_lines = "\n" in body[:stop]
        rest = body[stop:].strip()
        if not many_lines and (len(lines) > 1 or not rest):
            return "json-concatenated" if rest.startswith("{") and _two_a_line(body, stop) else "jsonl"
        return "json-concatenated"
    pretty = sum(_PRETTY.fullmatch(line.decode("utf-8", "replace")) is not None for line in lines)
    return "json-concatenated" if len(lines) > 1 and pretty * 2 > len(lines) else "jsonl"


def _two_a_line(body: str, stop: int) -> bool:
    line_end = body.find("\n")
    return body[stop : line_end if line_end >= 0 else None].strip().startswith("{")


def _delimiter(head: bytes, claims: str | None, whole: bool) -> str | None:
    """The character that parts columns, None where the text is no table."""
    text = head.removeprefix(BOM).decode("utf-8", "replace")
    best: tuple[float, int, str] = (0.0, 0, "")
    for delimiter in (",", "\t", ";", "|"):
        widths = _widths(text, delimiter, whole)
        if len(widths) > 1 and widths[0] > 1:
            same = sum(width == widths[0] for width in widths) / len(widths)
            best = max(best, (round(same, 1) + (delimiter == claims) * 0.05, widths[0], delimiter))
    if best[0] >= (0.5 if claims else 0.95):
        return best[2]
    return claims


def _widths(text: str, delimiter: str, whole: bool) -> list[int]:
    """The number of fields of the first records."""
    widths: list[int] = []
    csv.field_size_limit(sys.maxsize)
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if record:
                widths.append(len(record))
            if len(widths) > 50:
                break
        else:
            if not whole:
                widths = widths[:-1]
    except csv.Error:
        return []
    return widths

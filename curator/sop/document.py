"""The intermediate document, `curator.sop/1`: written as JSON, reviewable and editable by hand, read back.

A document is a list of sections in reading order. A section of level 1 is numbered "5.0", one below it
"5.1"; the steps of a section count on from there. Every block says where in the source it came from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

from curator.errors import UNREADABLE, SourceError

SCHEMA = "curator.sop/1"
OTHER = "other"  # the role of a section of no known kind


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a block stands in its source: its number among the blocks read (from 0), line and page (from 1)."""

    block: int = -1
    line: int | None = None
    page: int | None = None


class Para(msgspec.Struct, tag="para", omit_defaults=True, forbid_unknown_fields=True):
    """A paragraph of one line. `note` is the kind of an admonition ("warning", "note", …) it belongs to."""

    text: str
    note: str | None = None
    origin: Origin = Origin()


class Step(msgspec.Struct, tag="step", omit_defaults=True, forbid_unknown_fields=True):
    """A list item or numbered paragraph. `number` is ours, `number_source` the document's own."""

    text: str
    number: str = ""
    level: int = 2
    number_source: str = ""
    note: str | None = None
    origin: Origin = Origin()
    children: list[Block] = []


class Table(msgspec.Struct, tag="table", omit_defaults=True, forbid_unknown_fields=True):
    """A table: the cells of its header (none where it has no header) and of its rows."""

    header: list[str]
    rows: list[list[str]]
    origin: Origin = Origin()


class Code(msgspec.Struct, tag="code", omit_defaults=True, forbid_unknown_fields=True):
    """A block of code, verbatim."""

    text: str
    lang: str = ""
    origin: Origin = Origin()


class Figure(msgspec.Struct, tag="figure", omit_defaults=True, forbid_unknown_fields=True):
    """A picture that is not shown in the row; `alt` is its description."""

    alt: str
    origin: Origin = Origin()


Block: TypeAlias = Para | Step | Table | Code | Figure


class Section(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """A heading and what stands under it up to the next. Only the first section may have no heading."""

    heading: str
    role: str = OTHER
    number: str = ""
    number_source: str = ""
    level: int = 1
    id: str = ""
    origin: Origin = Origin()
    blocks: list[Block] = []


class Dropped(msgspec.Struct, frozen=True):
    """What was left out and why; `text` holds its first 80 characters."""

    reason: str
    text: str
    origin: Origin = Origin()


class Check(msgspec.Struct, frozen=True):
    """A finding of an SOP rule, at the path of a section."""

    code: str
    path: str
    message: str


class Source(msgspec.Struct, omit_defaults=True):
    """What a document was read from."""

    path: str
    sha256: str = ""
    format: str = ""
    url: str = ""
    retrieved: str = ""
    extractor: str = ""
    fallback: bool = False


class Document(msgspec.Struct, forbid_unknown_fields=True):
    """A procedure: title, sections, and the record of what was dropped.

    `title_source` is "heading", "label", "metadata", "page" or "file-name"; a title from the name of the file is no
    word of the source and is not written into the answer.
    """

    schema: str = SCHEMA
    doc_id: str = ""
    title: str = ""
    title_source: str = "heading"
    language: str = "en"
    source: Source = msgspec.field(default_factory=lambda: Source(""))
    metadata: dict[str, str] = {}
    sections: list[Section] = []
    dropped: list[Dropped] = []
    checks: list[Check] = []


def steps(blocks: list[Block]) -> Iterator[Step]:
    """Every step under the blocks, in reading order."""
    for block in blocks:
        if isinstance(block, Step):
            yield block
            yield from steps(block.children)


def to_json(document: Document) -> bytes:
    """The document as indented JSON."""
    for section in document.sections:
        if section.role == OTHER:  # what is the default is left out, by identity: it may come from another process
            section.role = OTHER
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


_MARK = b"\xef\xbb\xbf"  # the byte order mark that some editors write


def from_json(data: bytes, where: str = "") -> Document:
    """The document that the JSON describes.

    Raises:
        SourceError: it is no `curator.sop/1` document; the message names the place.
    """
    hint = "a document is written by `curator sop SOURCE --json DIR`"
    try:
        document = msgspec.json.decode(data.removeprefix(_MARK), type=Document)
    except UNREADABLE as error:
        raise SourceError(f"no {SCHEMA} document: {error}", where=where, hint=hint) from None
    if document.schema != SCHEMA:
        raise SourceError(f"written in {document.schema!r}, not {SCHEMA!r}", where=where, hint=hint)
    for section in document.sections:
        section.heading = " ".join(section.heading.split())
        _on_one_line(section.blocks)
    document.title = " ".join(document.title.split())
    return document


def _on_one_line(blocks: list[Block]) -> None:
    """Make the line breaks spaces that a hand put into paragraphs, steps and cells: a line of an answer is a block."""
    for block in blocks:
        if isinstance(block, Para | Step):
            block.text = " ".join(block.text.split())
        if isinstance(block, Step):
            _on_one_line(block.children)
        elif isinstance(block, Table):
            block.header = [" ".join(cell.split()) for cell in block.header]
            block.rows = [[" ".join(cell.split()) for cell in row] for row in block.rows]


def is_document(data: bytes) -> bool:
    """Whether the bytes are JSON that names the schema."""
    try:
        value: Any = msgspec.json.decode(data.removeprefix(_MARK))
    except UNREADABLE:
        return False
    return isinstance(value, dict) and str(value.get("schema", "")).startswith("curator.sop/")


_HEAD = 4096  # bytes in which a document names its schema
_BEGUN = re.compile(rb'"schema"\s*:\s*"curator\.sop/')


def is_meant_as_document(data: bytes) -> bool:
    """Whether the bytes are a document, or were one before a slip of the hand made them unreadable."""
    return is_document(data) or (_BEGUN.search(data[:_HEAD]) is not None and not _is_json(data))


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data.removeprefix(_MARK))
    except UNREADABLE:
        return False
    return True


def number(document: Document) -> None:
    """Number sections and steps anew, without a gap: 5.0, then 5.1, then 5.1.1.

    Steps of a section and the sections below it share one count, in reading order. A first section
    without a heading is numbered where it holds steps.
    """
    counts = [0]
    for section in document.sections:
        if not section.heading and not any(isinstance(block, Step) for block in section.blocks):
            section.number, section.level, section.id = "", 1, "s0"
            continue
        section.level = max(1, min(section.level, len(counts)))
        del counts[section.level :]
        counts[-1] += 1
        label = ".".join(map(str, counts))
        section.number, section.id = (f"{label}.0" if section.level == 1 else label), f"s{label}"
        counts.append(_number_steps(section.blocks, label, section.level + 1))


def _number_steps(blocks: list[Block], prefix: str, level: int) -> int:
    count = 0
    for block in blocks:
        if isinstance(block, Step):
            count += 1
            block.number, block.level = f"{prefix}.{count}", level
            _number_steps(block.children, block.number, level + 1)
    return count

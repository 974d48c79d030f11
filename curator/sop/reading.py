"""What every reader hands on: headings, text and blocks in reading order, and a record of what was left out."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, TypeAlias

import msgspec

from curator.sop.document import Block, Code, Dropped, Figure, Origin, Para, Step, Table

NOWHERE = Origin()


class Heading(msgspec.Struct):
    """A heading; `level` is the source's own, 1 the highest. `away` where all of it is a link to another page; `box` as of Text."""

    text: str
    level: int
    origin: Origin = Origin()
    away: bool = False
    box: int = 0


class Text(msgspec.Struct):
    """A paragraph, not judged yet: it may turn out a heading or a step.

    `bold` where all of it is; `indent` is where its first line begins, -1 where nobody knows; `away` where all of it is a
    link to another page, as far as the source tells; `apart` where it is set in smaller or slanted letters, `box` the number
    of the box it is printed in, 0 where it is in none.
    """

    text: str
    bold: bool = False
    note: str | None = None
    origin: Origin = Origin()
    indent: float = -1
    away: bool = False
    apart: bool = False
    box: int = 0


Piece: TypeAlias = Heading | Text | Para | Step | Table | Code | Figure


class Reading(msgspec.Struct):
    """A source as it was read.

    `words` is every word of the source, pruned parts included: what the answer may consist of. `page_title` is
    the title beside the text (of the page, of the file's properties). `frame` is what was pruned as the site's for sure,
    `tables` the texts, in the source's own order, of tables that were read as steps.
    """

    pieces: list[Piece]
    words: frozenset[str]
    format: str
    extractor: str = ""
    page_title: str = ""
    language: str = ""
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    dropped: list[Dropped] = msgspec.field(default_factory=list)
    fallback: bool = False
    frame: list[str] = msgspec.field(default_factory=list)
    tables: list[str] = msgspec.field(default_factory=list)


def said(piece: Piece) -> str:
    if isinstance(piece, Table):
        return " | ".join(cell for row in (piece.header, *piece.rows) for cell in row)
    if isinstance(piece, Figure):
        return piece.alt
    if isinstance(piece, Step) and piece.children:
        return " ".join([piece.text, *map(said, piece.children)])
    return piece.text


def block_of(piece: Text | Block) -> Block:
    return Para(piece.text, piece.note, piece.origin) if isinstance(piece, Text) else piece


def words_of(text: str) -> list[str]:
    """The words of a text in NFKC, without case, in order."""
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def clean(text: str) -> str:
    """The text on one line, without soft hyphens and characters of no width."""
    return " ".join(_INVISIBLE.sub("", text).replace("\ufffc", " ").split())


_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff]")
SITE_MARK = re.compile(r"\s+(?:[|–—·»-]|::?)\s+")  # between the title of a page and the name of the site
BULLETS = (
    "•‣◦▪▫■□●○◆◇❖➢➤►▶⁃∙·–☐☑☒✓✔\ue000-\uf8ff"  # of items, as a class of letters; the last are those of symbol fonts
)
MAX_BYTES = 64_000_000
MAX_TEXT = 3_000_000  # characters: a thousand pages
MAX_LINES = (
    60_000  # of text, blank ones apart, which take ten times as long as those characters: of a thousand pages too
)


class Drops:
    """Collects what a reader leaves out."""

    def __init__(self) -> None:
        self.found: list[Dropped] = []
        self.frame: list[str] = []  # whole texts of what is the site's by its name or its form

    def add(self, reason: str, text: str, origin: Origin = NOWHERE) -> None:
        if text := clean(text):
            self.found.append(Dropped(reason, text[:80], origin))

    def take(self, part: Any, *, sure: bool = True) -> None:
        """Take an element out as the site's; `sure` where no other extractor need be asked."""
        self.add("boilerplate", part.text_content())
        if sure:
            self.frame.append(" ".join(part.itertext()))
        remove(part)


def remove(element: Any) -> None:
    """Take an element out; the text behind it stays. A part of a removed part is left where it is."""
    parent = element.getparent()
    if parent is None:
        return
    tail, before = element.tail, element.getprevious()
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    element.tail = None
    parent.remove(element)


def take_struck(root: Any, drops: Drops) -> None:
    """Take out what is struck through, but for code: it was withdrawn."""
    for part in list(root.iter("del", "s", "strike")):
        if next(part.iterancestors("pre"), None) is None:
            drops.add("struck", part.text_content())
            remove(part)

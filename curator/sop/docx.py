"""Word files: mammoth gives lists with their levels and headings where they are styled; the walk does the rest.

Running headers and footers are in parts of their own, which mammoth does not read. Numbers that Word computes are
written before their paragraphs first (`curator.sop.numbering`).
"""

from __future__ import annotations

import io
import re
import zipfile
from typing import Any

from curator.errors import MissingExtraError, SourceError
from curator.sop.html import tree
from curator.sop.markup import HEADINGS
from curator.sop.numbering import MARK, heading_styles, with_numbers
from curator.sop.reading import Drops, Reading, take_struck, words_of
from curator.sop.walk import Walker

_MOST = 400_000_000  # bytes an archive may unpack to
_MOST_PART = 40_000_000  # bytes of one part of XML
_RATIO = 400  # and how many times its own size, beyond the first ten megabytes
_PARAGRAPHS = 40_000  # of a document, those in cells included: twice as many take ten seconds
_PARAGRAPH = re.compile(rb"<(?:\w+:)?p[ />]")
_FIELDS = 1000  # that are open at once
_TITLES = "p[style-name='Title'] => h1:fresh\np[style-name='Titel'] => h1:fresh\np[style-name='Subtitle'] => p:fresh\nu => u\n"

_LISTS = "".join(
    f"p[style-name='List {name} {level}'] => {'ul|ol > li > ' * (level - 1)}{tag} > li:fresh\n"
    for name, tag in (("Bullet", "ul"), ("Number", "ol"))
    for level in (2, 3, 4, 5)
)


def read_docx(data: bytes) -> Reading:
    """A Word file as pieces. Raises SourceError, MissingExtraError."""
    try:
        import mammoth
    except ImportError:
        raise MissingExtraError("curator sop", "sop") from None
    _refuse_unsound(data)
    try:
        _refuse_endless(data)
        html = mammoth.convert_to_html(
            io.BytesIO(with_numbers(data)),
            style_map=_TITLES + _LISTS + _headings(data),
            convert_image=mammoth.images.img_element(lambda image: {"src": ""}),
        ).value
    except SourceError:
        raise
    except Exception as error:  # whatever the parsers below raise on a broken part
        said = " ".join(str(error).split())[:120]
        raise SourceError(
            f"a broken DOCX: {type(error).__name__}: {said}", hint="open it in Word and save it again"
        ) from None
    if not html.strip():
        raise SourceError("a DOCX without text", hint="pictures of pages hold no text: run character recognition first")
    root = tree(f"<html><body>{html}</body></html>")
    _take_numbers(root)
    _place_footnotes(root)
    drops = Drops()
    alts = [image.get("alt") or "" for image in root.iter("img")]
    words = frozenset(words_of(" ".join(root.itertext())) + words_of(" ".join(alts)) + _run_together(root))
    take_struck(root, drops)
    pieces = list(Walker(drops).walk(root.find("body")))
    return Reading(pieces, words, "docx", "mammoth", dropped=drops.found)


def _headings(data: bytes) -> str:
    """The styles that are headings by what they are based on, or by their level in the outline, as mammoth is told of them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        levels = heading_styles(archive.read("word/styles.xml")) if "word/styles.xml" in archive.namelist() else {}
    return "".join(f"p[style-name='{name}'] => h{level}:fresh\n" for name, level in levels.items() if "'" not in name)


def _take_numbers(root: Any) -> None:
    """The computed numbers as attributes of their list items; before the text of a heading or paragraph."""
    for element in root.iter():
        found = _NUMBER.match(element.text or "")
        if not found:
            continue
        rest = element.text[found.end() :]
        shown = re.search(r"\d+(?:\.\d+)*|\w+(?=\W*$)", found[1])
        if element.tag == "li":
            element.set("data-number", shown.group() if shown else "")
            element.text = rest
            _number_cell(element, found[1])
        else:
            plain = bool(re.fullmatch(r"\d+(?:\.\d+)*[.)]?", found[1]))
            element.text = f"{found[1]} {rest}" if plain else rest


def _number_cell(item: Any, label: str) -> None:
    """The number of an item without text as the text of its cell: rows that Word counts."""
    above = item.getparent().getparent()
    if above is not None and above.tag in ("td", "th") and not above.text_content().strip():
        for part in list(above):
            above.remove(part)
        above.text = label


def _place_footnotes(root: Any) -> None:
    """Each footnote as a paragraph after the block that refers to it, without the marks that mammoth writes."""
    for mark in list(root.iter("sup")):
        link = mark.find("a")
        if link is None or not (link.get("id") or "").startswith(("footnote-ref", "endnote-ref")):
            continue
        note = root.get_element_by_id((link.get("href") or "#")[1:], None)
        home = next((above for above in mark.iterancestors() if above.tag in ("p", "li", "td", *HEADINGS)), None)
        mark.drop_tree()
        if note is None or home is None:
            continue
        listed = note.getparent()
        for part in [part for part in note if part.tag == "p"]:
            for back in [
                a for a in part.iter("a") if (a.get("href") or "").startswith(("#footnote-ref", "#endnote-ref"))
            ]:
                back.drop_tree()
            if home.tag in ("li", "td"):
                home.append(part)
            else:
                home.addnext(part)
        note.drop_tree()
        if listed is not None and len(listed) == 0:
            listed.drop_tree()


_NUMBER = re.compile(f"{MARK}([^{MARK}]*){MARK}")


def _run_together(root: Any) -> list[str]:
    """Words that are written in several runs, as they read."""
    return words_of(
        " ".join(block.text_content() for block in root.iter("p", "li", "td", "th", "h1", "h2", "h3", "h4", "h5", "h6"))
    )


def _refuse_unsound(data: bytes) -> None:
    """Raises SourceError for what is no DOCX, or unpacks to more than a document ever holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise SourceError("a broken DOCX: its archive cannot be read", hint="fetch or save the file again") from None
    if "word/document.xml" not in {entry.filename for entry in entries}:
        raise SourceError("an archive, but no DOCX", hint="known are HTML, Markdown, text, DOCX and PDF")
    if any(entry.flag_bits & 1 for entry in entries):
        raise SourceError("a DOCX with a password", hint="save it without a password")
    size = sum(entry.file_size for entry in entries)
    if (
        any(entry.file_size > _MOST_PART for entry in entries if entry.filename.endswith(".xml"))
        or size > _MOST
        or size > max(10_000_000, _RATIO * len(data))
    ):
        raise SourceError(
            f"a DOCX of {len(data):,} bytes that unpacks to {size:,}: not opened",
            hint="such a file is made to fill memory; ask where it comes from",
        )


def _refuse_endless(data: bytes) -> None:
    """Raises SourceError for more paragraphs than a document has, and for fields within fields, which mammoth goes through
    again for each.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        body = archive.read("word/document.xml")
    if (count := sum(1 for _ in _PARAGRAPH.finditer(body))) > _PARAGRAPHS:
        raise SourceError(
            f"a DOCX of {count:,} paragraphs and cells", hint=f"{_PARAGRAPHS:,} are read: cut it in parts"
        )
    if body.count(b'"begin"') - body.count(b'"end"') > _FIELDS:
        raise SourceError("a DOCX of fields that never end", hint="open it in Word and save it again")

"""From pieces to a document: sections with their roles, each word of them in the source."""

from __future__ import annotations

from curator.sop.document import Block, Document, Dropped, Figure, Para, Section, Source, Step, number
from curator.sop.inferred import refined
from curator.sop.labels import STEP_WORD, unnumbered
from curator.sop.languages import language_of
from curator.sop.metadata import without_metadata
from curator.sop.reading import Heading, Piece, Reading, block_of, said, words_of
from curator.sop.residue import cleaned, drop_sections, without_labels, without_letter
from curator.sop.roles import folded, role_of
from curator.sop.tabular import untabled
from curator.sop.title import is_centred, take_title, without_banner

_LIST_ROLES = frozenset(("abbreviations", "definitions"))
_EXAMPLES = frozenset(("example", "examples", "beispiel", "beispiele", "ejemplo", "ejemplos", "exemple", "exemples"))


def structure(reading: Reading, source: Source) -> Document:
    """The document of a reading, its sections numbered, every word of it checked against the source."""
    document = Document(source=source, metadata=dict(reading.metadata), dropped=list(reading.dropped))
    drop = document.dropped.append
    if reading.format in ("pdf", "text"):
        reading.pieces = list(untabled(reading.pieces, drop))
    if reading.format == "text" and is_centred(reading.pieces[:2]):  # who issues the document, over its title
        drop(Dropped("metadata", said(reading.pieces[0])[:80], reading.pieces[0].origin))
        del reading.pieces[0]
    if reading.format == "html":
        reading.pieces = without_labels(reading.pieces, drop)
    reading.pieces = without_letter(reading.pieces, drop)
    pieces = list(cleaned(refined(reading.pieces), drop, is_page=reading.format == "html"))
    pieces = list(without_banner(pieces, drop))
    take_title(document, pieces, reading.page_title)
    pieces = list(without_metadata(pieces, document))
    document.sections = _sections(pieces)
    drop_sections(document)
    _unlist(document.sections)
    _verify(document, reading.words)
    document.sections = [section for section in document.sections if section.heading or _has_lines(section)]
    document.language = reading.language or _language(document)
    number(document)
    return document


def _has_lines(section: Section) -> bool:
    return any(not isinstance(block, Figure) for block in section.blocks)


def _sections(pieces: list[Piece]) -> list[Section]:
    """Headings and what follows them; a heading stands one level below the nearest higher one."""
    sections = [Section("")]
    above: list[int] = []
    for piece in pieces:
        if isinstance(piece, Heading):
            while above and above[-1] >= piece.level:
                above.pop()
            above.append(piece.level)
            label, rest = unnumbered(piece.text)
            heading = rest.rstrip(": ").strip() or piece.text
            role = "procedure" if STEP_WORD.match(heading) else role_of(heading)
            sections.append(Section(heading, role, "", label or "", len(above), "", piece.origin))
        else:
            sections[-1].blocks.append(block_of(piece))
    _inherit(sections)
    return sections


def _inherit(sections: list[Section]) -> None:
    """A headless list of steps is the procedure; in a document without one, so is the section with most steps."""
    roles = {section.role for section in sections}
    first = sections[0]
    if len(sections) == 1 and any(isinstance(block, Step) for block in first.blocks):
        first.role = "procedure"
    elif "procedure" not in roles:
        counted = [
            (sum(isinstance(b, Step) for b in s.blocks), -n, s) for n, s in enumerate(sections) if s.role == "other"
        ]
        most = max(counted, default=(0, 0, first), key=lambda entry: entry[:2])
        if most[0] >= 3:
            most[2].role = "procedure"


def _unlist(sections: list[Section]) -> None:
    """Bulleted abbreviations, definitions and examples are lines, not steps."""
    for section in sections:
        if section.role in _LIST_ROLES or folded(section.heading) in _EXAMPLES:
            section.blocks = [
                Para(block.text, None, block.origin)
                if isinstance(block, Step) and not block.number_source and not block.children
                else block
                for block in section.blocks
            ]


def _verify(document: Document, words: frozenset[str]) -> None:
    """Drop what holds a word that is not in the source: nothing is invented."""
    for section in document.sections:
        section.blocks = _known_blocks(section.blocks, words, document.dropped)
        if any(word not in words for word in words_of(section.heading)):
            document.dropped.append(Dropped("not-in-source", section.heading[:80], section.origin))
            section.heading = ""
    if document.title_source != "file-name" and any(word not in words for word in words_of(document.title)):
        document.title = ""


def _known_blocks(blocks: list[Block], words: frozenset[str], dropped: list[Dropped]) -> list[Block]:
    kept: list[Block] = []
    for block in blocks:
        own = block.text if isinstance(block, Step) else said(block)
        if any(word not in words for word in words_of(own)):
            dropped.append(Dropped("not-in-source", own[:80], block.origin))
            continue
        if isinstance(block, Step):
            block.children = _known_blocks(block.children, words, dropped)
        kept.append(block)
    return kept


def _language(document: Document) -> str:
    """The language of the text; English where none leads."""
    return language_of(" ".join(said(block) for section in document.sections for block in section.blocks), "en")

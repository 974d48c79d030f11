"""The title of a document: told by a label, a heading, the table at its head or its first line; banners over it go."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from curator.sop.document import Code, Document, Dropped, Figure, Para, Step, Table
from curator.sop.labels import TITLE_LINE, unnumbered
from curator.sop.metadata import META_VALUE, is_field
from curator.sop.reading import Heading, Piece, Text, said
from curator.sop.residue import RESIDUE, SIGNATURE
from curator.sop.roles import folded, role_of, table

_SUBJECT_LINE = re.compile(
    r"(?:(?:(?:sop|document)\s+)?(?:title|titel|título|titre)|subject|betreff|asunto)\s*+:\s*+(.+)", re.I
)
_SITE_NUMBER = re.compile(r"(?!\d+\.0)\d{1,3}(?:\.\d{1,3})+\.?\s+(?=[^\W\d_])")  # of a chapter of a manual
_PICTURES = re.compile(
    "^[\U0001f000-\U0001faff\u2600-\u27bf\ufe0f\u200d\\s]+(?=\\w)"
)  # that a wiki sets before its titles
_CHAPTER = re.compile(
    r"(?:chapter|section|appendix|kapitel|abschnitt|chapitre|cap[ií]tulo)\s+(?:\d{1,3}(?:\.\d{1,3})*|[A-Z])[.:]\s+(?=\S)",
    re.I,
)


_BANNER = re.compile(
    r"(?:(?:standard|departmental) )?(?:operating|operation) (?:procedures?|protocol)(?: sop)?|sop|work instructions?|sop document|"
    r"procedimiento (?:normalizado de trabajo|operativo(?: estandar)?)|(?:standard)?arbeitsanweisung|procedure operatoire(?: normalisee| standard)?"
)


def without_banner(pieces: list[Piece], drop: Callable[[Dropped], None]) -> Iterator[Piece]:
    """The pieces without a line that only says what kind of document this is, where a title follows it."""
    for place, piece in enumerate(pieces):
        if (
            place < 4
            and isinstance(piece, Text | Heading)
            and _BANNER.fullmatch(folded(piece.text))
            and _titled(pieces[place + 1 :])
        ):
            drop(Dropped("metadata", piece.text[:80], piece.origin))
        else:
            yield piece


def _titled(pieces: list[Piece]) -> bool:
    """Whether a title is among the next pieces."""
    if any(isinstance(piece, Text | Heading) and TITLE_LINE.fullmatch(piece.text) for piece in pieces[:10]):
        return True
    first = next(
        (piece for piece in pieces if isinstance(piece, Text | Heading) and not META_VALUE.match(piece.text)), None
    )
    return (
        first is not None
        and role_of(first.text) == "other"
        and 2 <= len(first.text.split()) <= 14
        and first.text[-1] not in ".;,"
        and not unnumbered(first.text)[0]
    )


def take_title(document: Document, pieces: list[Piece], page_title: str) -> None:
    """Set the title and take its line out of the pieces."""
    for place, piece in enumerate(pieces[:12]):
        label = TITLE_LINE if document.source.format == "html" else _SUBJECT_LINE
        if isinstance(piece, Text | Heading) and (found := label.fullmatch(piece.text)):
            document.title, document.title_source = found[1].strip(), "label"
            del pieces[place]
            _drop_banner(pieces, place, document)
            return
    heads = [(n, piece) for n, piece in enumerate(pieces) if isinstance(piece, Heading)]
    named = (
        document.source.format in ("html", "markdown")
        and " " in page_title
        and not _BANNER.fullmatch(folded(page_title))
    )
    if heads and _is_title(pieces, heads, page_title):
        place, head = heads[0]
        within = bool(page_title) and head.text.endswith(f": {page_title}")  # a site writes its own name before it
        document.title, document.title_source = page_title if within else head.text, "heading"
        del pieces[place]
    elif not named and (tabled := _tabled_title(pieces)):
        document.title, document.title_source = tabled, "heading"
    elif not named and (first := _first_line(pieces)) is not None:
        document.title, document.title_source = said(pieces[first]), "heading"
        del pieces[first]
    elif page_title:
        document.title, document.title_source = page_title, "page"
    document.title = _SITE_NUMBER.sub("", _CHAPTER.sub("", _PICTURES.sub("", document.title).rstrip(": ")))
    _drop_before(document, pieces)
    again = next((n for n, piece in enumerate(pieces) if isinstance(piece, Heading)), len(pieces))
    for place in range(min(again, 5, len(pieces) - 1), -1, -1):
        piece = pieces[place]
        if isinstance(piece, Heading | Text) and (_same(piece.text, document.title) or _is_path(piece, document)):
            del pieces[place]


def _drop_banner(pieces: list[Piece], count: int, document: Document) -> None:
    """Take out the headings before a labelled title: who issues the document, and of what kind it is."""
    above = pieces[:count]
    if all(isinstance(piece, Heading) and role_of(piece.text) == "other" for piece in above):
        document.dropped += [Dropped("metadata", said(piece)[:80], piece.origin) for piece in above]
        del pieces[:count]


def _drop_before(document: Document, pieces: list[Piece]) -> None:
    """Take out headings without a text before the one that says the title again: names of the site and its parts."""
    heads = [
        n for n, piece in enumerate(pieces[:4]) if isinstance(piece, Heading) and _same(piece.text, document.title)
    ]
    if document.source.format == "html" and heads:
        _drop_banner(pieces, heads[0], document)


def _same(text: str, title: str) -> bool:
    """Whether a text is the title, however its words are parted ("KubePodCrashLooping")."""
    return folded(text).replace(" ", "") == folded(title).replace(" ", "")


def _is_path(piece: Heading | Text, document: Document) -> bool:
    """Whether a line is the way to the page: names, arrows, and the title at the end."""
    parts = re.split(r"[>›»→/]", piece.text)
    return (
        document.source.format == "html"
        and isinstance(piece, Text)
        and len(parts) > 1
        and folded(parts[-1]) == folded(document.title)
        and all(len(part.split()) <= 5 for part in parts[:-1])
    )


def _tabled_title(pieces: list[Piece]) -> str:
    """The title in the table that heads a document: beside the label, else the only cell that is no field and no banner."""
    first = next((n for n, piece in enumerate(pieces[:4]) if isinstance(piece, Table)), None)
    if first is None or any(isinstance(piece, Heading | Step) for piece in pieces[:first]):
        return ""
    head = pieces[first]
    assert isinstance(head, Table)
    rows = [row for row in (head.header, *head.rows) if row]
    cells = [(row[n - 1] if n else "", cell) for row in rows for n, cell in enumerate(row) if cell]
    if not any(is_field(said.partition(":")[0]) for _, said in cells):
        return ""
    for before, cell in cells:
        if re.fullmatch(r"(?:title|titel|título|titre|subject|betreff|asunto)\s*:?", before, re.I):
            return cell
    free = [cell for before, cell in cells if not is_field(before) and _reads_as_title(cell)]
    return free[0] if len(set(free)) == 1 else ""


def _reads_as_title(cell: str) -> bool:
    return (
        2 <= len(cell.split()) <= 14
        and cell[-1] not in ".:;,"
        and not any(pattern.match(cell) for pattern in (META_VALUE, SIGNATURE, RESIDUE))
        and not _BANNER.fullmatch(folded(cell))
        and not _COMPANY.search(cell)
        and not is_field(cell)
        and role_of(cell) == "other"
    )


_COMPANY = re.compile(
    r"\b(?:ltd|limited|inc|llc|gmbh|ag|kg|s\.?a|s\.?l|sarl|corp(?:oration)?|pharma(?:ceuticals?)?|laborator(?:y|ies)|laboratoires?|laboratorios?|"
    r"university|universität|universidad|université|hospital|klinikum|department|abteilung|logo)\b",
    re.I,
)


def _first_line(pieces: list[Piece]) -> int | None:
    """The first paragraph where it reads like a title of a document whose headings carry no title."""
    for place, piece in enumerate(pieces[:3]):
        if isinstance(piece, Heading):
            return None
        if (
            isinstance(piece, Text)
            and 2 <= len(piece.text.split()) <= 14
            and piece.text[-1] not in ".:;,!"
            and not ((field := META_VALUE.match(piece.text)) and is_field(field[1]))
        ):
            wanted = piece.bold or re.search(
                r"\b(?:SOP|procedure|protocol|cleaning|operation|procedimiento|verfahren|anweisung|procédure|instruction)\b",
                piece.text,
                re.I,
            )
            return place if wanted or place == 0 else None
    return None


def is_centred(lines: list[Piece]) -> bool:
    """Whether the second of two lines is set in the middle, below one in capitals at the edge."""
    if len(lines) < 2:
        return False
    first, second = lines
    return (
        isinstance(first, Text)
        and isinstance(second, Text)
        and first.text.isupper()
        and len(first.text.split()) <= 5
        and second.indent >= first.indent + 8
        and _reads_as_title(second.text)
    )


def _stands_over(head: Heading, below: list[tuple[int, Heading]]) -> bool:
    """Whether a heading without text of its own stands right over the first section ("Procédure de nettoyage", "Objectif")."""
    over = bool(below) and below[0][0] == 1 and role_of(below[0][1].text) != "other"
    return over and len(head.text.split()) > 2 and not unnumbered(head.text)[0]


def _is_title(pieces: list[Piece], heads: list[tuple[int, Heading]], page_title: str) -> bool:
    place, head = heads[0]
    if folded(head.text) in _OPENINGS:
        return False
    first = all(isinstance(piece, Table | Figure) for piece in pieces[:place])  # but for a table that heads the page
    if first and len(heads) > 1 and role_of(head.text) == "other" and not unnumbered(head.text)[0]:
        between = pieces[place + 1 : heads[1][0]]
        if not between or (_only_text(between) and (head.level == 1 or head.level != heads[1][1].level)):
            return True
    if first and not page_title and _stands_over(head, heads[1:]):
        return True
    if head.level > 1 and any(other.level < head.level for _, other in heads[1:]):
        return False
    label, rest = unnumbered(head.text)
    if (label and label != "0" and not rest[:1].islower() and role_of(rest) != "other") or folded(
        rest.rstrip(":")
    ) in table():
        return False
    alike = [n for n, other in heads[1:] if other.level == head.level]
    if not alike:
        return len(heads) > 1 or head.level == 1 or head.text == page_title
    if label:
        return False
    until = heads[1][0]
    before = pieces[place + 1 : until]
    own_level = heads[1][1].level == head.level
    return own_level and not any(isinstance(piece, Step | Code) for piece in before) and place <= 5 and (
        head.text == page_title or not before or all(isinstance(piece, Text | Table) for piece in before)
    ) and head.level == 1  # fmt: skip


_OPENINGS = frozenset(
    "overview introduction background summary meaning impact diagnosis preamble general einleitung introduccion uberblick".split()
)


def _only_text(pieces: list[Piece]) -> bool:
    return all(isinstance(piece, Text | Para | Table | Figure) for piece in pieces)

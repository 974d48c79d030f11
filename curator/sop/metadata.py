"""The fields at a document's head: its number, version, dates, owner, approver."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.sop.document import Document, Dropped, Figure, Step, Table
from curator.sop.furniture import is_date
from curator.sop.markup import is_warning
from curator.sop.reading import Heading, Piece, Text, said
from curator.sop.roles import folded, role_of

_META = (
    ("doc_number", re.compile(r"(?:r[eé]f[eé]rence|referenz|referencia|(?:document|doc|sop|policy|procedure|article|knowledge(?: article)?|kb)\.?\s*(?:no|number|nr|id|code|#)|url name|n[uú]mero de documento|dokumentennummer|dokument-nr|numéro du document|código)\b\.?", re.I)),
    ("version", re.compile(r"(?:version|revision|rev|issue|versi[oó]n|revisi[oó]n)(?:\s*(?:no|number|nr|#))?\.?", re.I)),
    ("effective_date", re.compile(r"(?:effective(?: date| from)?|date of issue|issue date|(?:date )?(?:originated|origination|approved|first issued)(?: date)?|last approved|approval date|(?:inkrafttreten|freigabedatum|fecha de aprobaci[oó]n|date d['’]approbation)|fecha de vigencia|g[uü]ltig ab|date d['’]application)", re.I)),
    ("review_date", re.compile(r"(?:(?:next )?review(?: date| due)?|expir(?:y|ation)(?: date)?|expires|date of (?:next )?review|supersedes|fecha de revisi[oó]n|(?:last |first )?(?:reviewed|revised|edited|updated|modified|changed|created|verified)(?: (?:on|at|time|date|this \w+))?)", re.I)),
    ("owner", re.compile(r"(?:(?:process |document |page |content )?owner|author|autor|department|departamento|abteilung|département|responsable del documento|(?:maintained|owned|managed|created|(?:last )?(?:edited|updated|modified)) by|maintainers?|contributors?|team|status|tags?|labels?|category|categories|space|verification)", re.I)),
    ("approver", re.compile(r"(?:approver|approved by|aprobado por|freigegeben von|approuvé par)", re.I)),
)  # fmt: skip
# What says when a document came into force, rather than when it was first written or approved.
_IN_FORCE = re.compile(r"effective|inkrafttreten|g[uü]ltig ab|fecha de vigencia|date d['’]application", re.I)
META_VALUE = re.compile(r"^([^:|]{2,40}?)\s*[:|]\s*(\S.{0,80})$")


def is_field(key: str) -> bool:
    """Whether a word names a field of the document's head: its number, version, date or owner."""
    return any(pattern.fullmatch(key.strip(": ")) for _, pattern in _META)


def tells_of_page(key: str, value: str) -> bool:
    """Whether a name and its value are of a record: a field of a document's head, or a date, a version, a number, an address."""
    return is_field(key) or is_date(value) or _RECORDED.fullmatch(value) is not None


_RECORDED = re.compile(
    r"(?i:v|ver|version|rev|revision|issue)\.? ?\d[\w.]*|\d+\.\d+\.\d[\w.]*|[A-Z]{2,5}(?:[-/_.][A-Z]{1,5}){0,4}[-/_.]?\d{2,}|\S+@\S+\.\w+"
)


def without_metadata(pieces: list[Piece], document: Document) -> Iterator[Piece]:
    """The pieces without document numbers, versions and dates before the first section, and those a site puts below a page;
    they go to the metadata.
    """
    heading_seen = False
    facts = _facts(pieces)
    told: set[tuple[str, str]] = set()  # names and values of tables at the head
    solid = max((n for n, piece in enumerate(pieces) if not isinstance(piece, Text | Figure)), default=0)
    for place, piece in enumerate(pieces):
        heading_seen = heading_seen or isinstance(piece, Heading)
        pairs: list[tuple[str, str]] = []
        below = document.source.format == "html" and place > max(solid, len(pieces) - 4)
        if isinstance(piece, Text) and ((not heading_seen and place < 15) or below):
            pairs = [(m[1], m[2]) for m in [META_VALUE.match(piece.text)] if m]
        elif isinstance(piece, Table) and not heading_seen:
            cells = [[cell for cell in row if cell] for row in (piece.header, *piece.rows)]
            pairs = [(row[n], row[n + 1]) for row in cells for n in range(0, len(row) - 1, 2) if row[n]]
            pairs += [(m[1], m[2]) for row in cells for cell in row if (m := META_VALUE.match(cell)) and is_field(m[1])]
        pairs = [(key, value) for key, value in pairs if not (isinstance(piece, Table) and value == document.title)]
        named = [(name, key, value) for key, value in pairs for name, form in _META if form.fullmatch(key.strip(": "))]
        if named and (isinstance(piece, Text) or 2 * len(named) >= len(pairs)):
            told |= {(folded(key), folded(value)) for key, value in pairs if isinstance(piece, Table)}
            for name, key, value in named:
                if name not in document.metadata or _IN_FORCE.match(key):
                    document.metadata[name] = value.strip()
            document.dropped.append(Dropped("metadata", said(piece)[:80], piece.origin))
        elif place in facts or _repeats(pieces, place, told) or _repeats(pieces, place - 1, told):
            document.dropped.append(Dropped("metadata", said(piece)[:80], piece.origin))
        else:
            yield piece


def _repeats(pieces: list[Piece], place: int, told: set[tuple[str, str]]) -> bool:
    """Whether a section of one line says again what a field of the table at the head says."""
    if not told or not 0 <= place < len(pieces) - 1:
        return False
    head, line, *after = pieces[place : place + 3]
    alone = isinstance(head, Heading) and isinstance(line, Text) and all(isinstance(piece, Heading) for piece in after)
    return alone and (folded(said(head)), folded(said(line))) in told


def _facts(pieces: list[Piece]) -> set[int]:
    """The places of lines that are a name and a value, in a row before the first heading in which half are known fields, or one
    of three or more items of a list.
    """
    run: list[int] = []
    for place, piece in enumerate([*pieces[:15], Heading("", 1)]):
        alone = isinstance(piece, Text | Step) and not piece.note and not (isinstance(piece, Step) and piece.children)
        found = META_VALUE.match(said(piece)) if alone else None
        plain = found is not None and len(found[2].split()) <= 8 and not is_warning(found[1])
        if found and plain and (is_field(found[1]) or role_of(found[1]) == "other"):
            run.append(place)
            continue
        known = sum(is_field(said(pieces[n]).partition(":")[0]) for n in run)
        listed = len(run) >= 3 and known and all(isinstance(pieces[n], Step) for n in run)
        if listed or (len(run) >= 2 and 2 * known >= len(run)):
            return set(run)
        if isinstance(piece, Heading):
            break
        run = []
    return set()


def names_document(said: str) -> bool:
    """Whether a link is called a form, a record or a procedure, or has a document's number."""
    return bool(has_number(said) or _KIND.search(said))


def has_number(said: str) -> bool:
    """Whether a text has the number of a document ("QA-017")."""
    return _NUMBERED_DOCUMENT.search(said) is not None


_NUMBERED_DOCUMENT = re.compile(r"\b[A-Z]{1,5}(?:[-/_ .][A-Z]{1,5}){0,6}[-/_ .]?\d{2,}")
_KIND = re.compile(
    r"\b(?:forms?|records?|logs?(?! ?(?:in|on|out|off)\b)|log ?books?|registers?|sops?|procedures?|protocols?|work(?:ing)? instructions?|worksheets?|data ?sheets?|checklists?|"
    r"formblatt|formulare?|vorlagen?|anweisung|protokoll|formularios?|registros?|procedimientos?|formulaires?|registres?|fiches?|procédures?)\b",
    re.I,
)

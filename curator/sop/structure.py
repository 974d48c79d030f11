"""From pieces to a document: title, metadata, inferred headings and steps, sections with their roles, what is dropped."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise

from curator.sop.document import (
    Block,
    Code,
    Document,
    Dropped,
    Figure,
    Origin,
    Para,
    Section,
    Source,
    Step,
    Table,
    number,
)
from curator.sop.furniture import is_site_heading
from curator.sop.languages import language_of
from curator.sop.lines import STARTS
from curator.sop.numbering import figure
from curator.sop.reading import BULLETS, Heading, Piece, Reading, Text, words_of
from curator.sop.roles import folded, role_of, table
from curator.sop.tabular import columns, is_numbered_text, steps_of

_MARK = r"(?:\d{1,3}(?:\.\d{1,3}){1,5}\.?|\d{1,3}[.)]|\(?[a-z]\)|[a-z]\.|\((?:\d{1,2}|[ivx]{1,4})\)|[ivx]{1,4}[.)])"
_STEP_WORD = re.compile(r"(?:step|paso|schritt|étape|etape)\s+(\d{1,3}(?:\.\d{1,3})*)\s*(?:[.:)–—-]\s*|$)", re.I)
_NUMBERED = re.compile(rf"({_MARK})\s+(?=\S)")
_HEADING_NUMBER = re.compile(
    r"(?:section\s+)?(\d{1,3}(?:\.\d{1,3})*)(?:[.):]|\s*[–—-])?\s+(?=[^\W\d_])|([IVX]{1,5})[.)]\s+(?=\S)", re.I
)
_CAPITAL = re.compile(r"([A-Z])[.)]\s+(?=\S)")  # a step where its neighbour in the alphabet is there too
_LONE_NUMBER = re.compile(r"\(?\d{1,2}[.)]?")
_BULLET = re.compile(rf"[{BULLETS}*-]\s+(?=\S)")
_TITLE_LINE = re.compile(r"(?:(?:sop|document)\s+)?(?:title|titel|título|titre)\s*+:\s*+(.+)", re.I)
_SUBJECT_LINE = re.compile(
    r"(?:(?:(?:sop|document)\s+)?(?:title|titel|título|titre)|subject|betreff|asunto)\s*+:\s*+(.+)", re.I
)
_SITE_NUMBER = re.compile(r"(?!\d+\.0)\d{1,3}(?:\.\d{1,3})+\.?\s+(?=[^\W\d_])")  # of a chapter of a manual
_CHAPTER = re.compile(
    r"(?:chapter|section|appendix|kapitel|abschnitt|chapitre|cap[ií]tulo)\s+(?:\d{1,3}(?:\.\d{1,3})*|[A-Z])[.:]\s+(?=\S)",
    re.I,
)
_INLINE_HEAD = re.compile(r"(?:(\d{1,2}(?:\.0)?)[.)]?\s+)?([^\W\d_][\w /&,'()-]{1,60}?)\s*:\s+(\S.*)")
_SIGNATURE = re.compile(
    r"(?:(?:prepared|written|reviewed|approved|checked|authori[sz]ed|issued|verified|released)\s+by|signature|sign(?:ed)?(?:\s*/\s*date)?|date|name|designation|department|"
    r"elaborado por|revisado por|aprobado por|firma|fecha|erstellt von|geprüft von|freigegeben von|unterschrift|datum|rédigé par|vérifié par|approuvé par)\b", re.I,
)  # fmt: skip
_SIGNED = re.compile(
    r"(?:prepared|written|reviewed|approved|checked|authori[sz]ed|issued)\s+by\b|signature|firma\b|unterschrift|(?:elaborado|revisado|aprobado) por|(?:erstellt|geprüft|freigegeben) von|(?:rédigé|vérifié|approuvé) par",
    re.I,
)
_BLANK_LINE = re.compile(r"_{3,}|\.{6,}|…{2,}")
_META = (
    ("doc_number", re.compile(r"(?:r[eé]f[eé]rence|referenz|referencia|(?:document|doc|sop|article|knowledge(?: article)?|kb)\.?\s*(?:no|number|nr|id|code|#)|url name|n[uú]mero de documento|dokumentennummer|dokument-nr|numéro du document|código)\b\.?", re.I)),
    ("version", re.compile(r"(?:version|revision|rev|issue|versi[oó]n|revisi[oó]n)(?:\s*(?:no|number|nr|#))?\.?", re.I)),
    ("effective_date", re.compile(r"(?:effective(?: date| from)?|date of issue|issue date|fecha de vigencia|g[uü]ltig ab|date d['’]application)", re.I)),
    ("review_date", re.compile(r"(?:(?:next )?review date|date of (?:next )?review|supersedes|fecha de revisi[oó]n|(?:last |first )?(?:reviewed|edited|updated|modified|changed|created|verified)(?: (?:on|at|time|date|this \w+))?)", re.I)),
    ("owner", re.compile(r"(?:owner|author|process owner|document owner|autor|department|departamento|abteilung|département|responsable del documento|(?:maintained|owned|managed|created|(?:last )?(?:edited|updated|modified)) by|maintainers?|contributors?|team|status|tags?|labels?|category|categories|space|verification|page owner)", re.I)),
    ("approver", re.compile(r"(?:approver|approved by|aprobado por|freigegeben von|approuvé par)", re.I)),
)  # fmt: skip
_META_VALUE = re.compile(r"^([^:|]{2,40}?)\s*[:|]\s*(\S.{0,80})$")
_RESIDUE = re.compile(r"(?:page|página|seite|p\.)\s*\d+(?:\s*(?:of|/|de|von|sur)\s*\d+)?\W*", re.I)
_END = re.compile(
    r"\W*(?:end of (?:the )?(?:document|sop|procedure|file|instruction|text)|fin del (?:documento|procedimiento)|fin du document|fin de la procédure|ende (?:des dokuments|der anweisung))\W*|"
    r"[-*=~–—_# ]{2,}(?:end|fin|ende)[-*=~–—_# ]{2,}",
    re.I,
)
_LEADER = re.compile(r"\S.*?(?<![.…])(?:\.{4,}+|(?:\s\.){4,}+|…{2,}+)\s*\d{1,4}$")
_CONTENTS = frozenset(map(folded, ("contents", "table of contents", "on this page", "in this article", "índice", "contenido", "inhalt", "inhaltsverzeichnis", "sommaire", "table des matières")))  # fmt: skip
_LIST_ROLES = frozenset(("abbreviations", "definitions"))
_EXAMPLES = frozenset(("example", "examples", "beispiel", "beispiele", "ejemplo", "ejemplos", "exemple", "exemples"))


def structure(reading: Reading, source: Source) -> Document:
    """The document of a reading, its sections numbered, every word of it checked against the source."""
    document = Document(source=source, metadata=dict(reading.metadata), dropped=list(reading.dropped))
    drop = document.dropped.append
    if reading.format in ("pdf", "text"):
        reading.pieces = list(_untabled(reading.pieces, drop))
    if reading.format == "text" and _is_centred(reading.pieces[:2]):  # who issues the document, over its title
        drop(Dropped("metadata", _said(reading.pieces[0])[:80], reading.pieces[0].origin))
        del reading.pieces[0]
    if reading.format == "html":
        reading.pieces = _without_labels(reading.pieces, drop)
    reading.pieces = _without_letter(reading.pieces, drop)
    pieces = list(_cleaned(_refined(reading.pieces), drop, is_page=reading.format == "html"))
    pieces = list(_without_banner(pieces, drop))
    _take_title(document, pieces, reading.page_title)
    pieces = list(_without_metadata(pieces, document))
    document.sections = _sections(pieces)
    _drop_sections(document)
    _unlist(document.sections)
    _verify(document, reading.words)
    document.sections = [section for section in document.sections if section.heading or _has_lines(section)]
    document.language = reading.language or _language(document)
    number(document)
    return document


def _has_lines(section: Section) -> bool:
    return any(not isinstance(block, Figure) for block in section.blocks)


# ---------------------------------------------------------------------- paragraphs that are headings or steps


def _refined(pieces: list[Piece]) -> list[Piece]:
    """Paragraphs that are headings or steps made so; a lone "Step 1" takes the paragraph after it."""
    styled = _is_styled(pieces)
    if not styled:
        pieces = _listed_headings(pieces)
    numbers = {label for piece in pieces if isinstance(piece, Text) and (label := _label(piece.text))}
    capitals = {found[1] for piece in pieces if isinstance(piece, Text) and (found := _CAPITAL.match(piece.text))}
    numbers |= {label for label in capitals if {chr(ord(label) - 1), chr(ord(label) + 1)} & capitals}
    parents = {label for label in numbers if f"{label}.1" in numbers} if _bold_leads(pieces) else set()
    refined: list[Piece] = []
    indents: dict[int, float] = {}
    waiting = ""
    alone = _lone_numbers(pieces)
    over = (_heads_of_lists(pieces) if styled else set()) | _capital_heads(pieces)
    for piece in pieces:
        if not isinstance(piece, Text):
            waiting = ""
            refined.append(piece)
            continue
        if id(piece) in over:
            waiting = ""
            label = _label(piece.text)
            level = 6 if not label else 2 if not styled else 4
            refined.append(Heading(piece.text, min(6, level + max(0, label.count(".") - 1)), piece.origin))
            continue
        lone = _STEP_WORD.fullmatch(piece.text)
        if lone and not waiting and not piece.bold:
            waiting = lone[1]
            continue
        if id(piece) in alone and not waiting:
            waiting = piece.text.strip("(). ")
            continue
        made = (
            [Step(piece.text, number_source=waiting, origin=piece.origin)]
            if waiting
            else _of_text(piece, styled, numbers, parents)
        )
        waiting = ""
        refined += made
        indents |= {id(step): piece.indent for step in made if isinstance(step, Step)}
    for piece in refined:
        if isinstance(piece, Step):
            _count_within(piece)
    return _nested(refined, indents)


def _count_within(step: Step) -> None:
    """Make the paragraphs below a step that count on from the first letter or number ("a)", "b)"), or are bulleted, steps."""
    marks = [_mark_of(child) for child in step.children]
    for child in step.children:
        if isinstance(child, Step):
            _count_within(child)
    place = 0
    while place < len(marks):
        run = place
        while run < len(marks) and marks[run] and _counts_on(marks[place : run + 1]):
            run += 1
        if run - place >= 2:
            for n in range(place, run):
                child = step.children[n]
                assert isinstance(child, Para)
                label, text = marks[n] or ("", child.text)
                step.children[n] = Step(text, number_source=label, note=child.note, origin=child.origin)
        place = max(run, place + 1)


def _mark_of(block: Block) -> tuple[str, str] | None:
    """The letter, number or "" of a bullet that a paragraph begins with, and its text after it; None without one."""
    if not isinstance(block, Para):
        return None
    if bullet := _BULLET.match(block.text):
        return "", block.text[bullet.end() :]
    mark = _NUMBERED.match(block.text)
    return (mark[1].strip("()."), block.text[mark.end() :]) if mark and "." not in mark[1].strip(".") else None


def _counts_on(marks: list[tuple[str, str] | None]) -> bool:
    """Whether marks are bullets all, or count on from the first letter or number of their kind."""
    labels = [mark[0] for mark in marks if mark]
    letters = "abcdefghijklmnopqrstuvwxyz"
    kinds = (list(letters), [str(n) for n in range(1, 100)], [figure(n, "lowerRoman") for n in range(1, 20)])
    return not any(labels) or any(labels == kind[: len(labels)] for kind in kinds)


def _is_styled(pieces: list[Piece]) -> bool:
    """Whether the headings of a document are marked as such, but for the few that a site adds to one whose heads are bold."""
    heads = sum(isinstance(piece, Heading) for piece in pieces)
    bold = sum(
        isinstance(piece, Text) and piece.bold and _is_short(piece.text) and not STARTS.match(piece.text)
        for piece, after in pairwise(pieces)
        if not (isinstance(after, Text) and after.bold)
    )
    return heads >= 2 and not (heads <= 3 and bold >= 3 and bold >= 1.5 * heads)


def _heads_of_lists(pieces: list[Piece]) -> set[int]:
    """The paragraphs, by identity, that head lists below styled headings: bold, short, without a stop, two or more of them."""
    found = [
        id(piece)
        for piece, after in pairwise(pieces)
        if isinstance(piece, Text) and piece.bold and not piece.note and isinstance(after, Step)
        and _is_short(piece.text) and not STARTS.match(piece.text) and not _STEP_WORD.match(piece.text)
    ]  # fmt: skip
    return set(found) if len(found) >= 2 else set()


def _capital_heads(pieces: list[Piece]) -> set[int]:
    """The paragraphs, by identity, that have a number like "4.1" and are in capitals, where others with numbers are not."""
    numbered = [piece for piece in pieces if isinstance(piece, Text) and _label(piece.text)]
    found = {
        id(piece) for piece in numbered if "." in _label(piece.text) and piece.text.isupper() and _is_short(piece.text)
    }
    return found if 2 * len(found) <= len(numbered) else set()


def _lone_numbers(pieces: list[Piece]) -> set[int]:
    """The paragraphs, by identity, that are a number alone, before a paragraph each, and count on from one to the next."""
    found = [
        (int(piece.text.strip("(). ")), id(piece))
        for piece, after in pairwise(pieces)
        if isinstance(piece, Text) and isinstance(after, Text) and _LONE_NUMBER.fullmatch(piece.text)
    ]
    return {at for one, two in pairwise(found) if two[0] == one[0] + 1 for at in (one[1], two[1])}


def _without_labels(pieces: list[Piece], drop: Callable[[Dropped], None]) -> list[Piece]:
    """The pieces of a page without what it shows beside headings and code: the counts of steps, the names of languages."""
    counts = [
        (int(piece.text), n)
        for n, (piece, after) in enumerate(pairwise(pieces))
        if isinstance(piece, Text) and isinstance(after, Heading) and re.fullmatch(r"\d{1,2}", piece.text)
    ]
    beside = {at for one, two in pairwise(counts) if two[0] == one[0] + 1 for at in (one[1], two[1])}
    kept: list[Piece] = []
    for n, piece in enumerate(pieces):
        after = pieces[n + 1] if n + 1 < len(pieces) else None
        named = isinstance(piece, Text) and isinstance(after, Code) and piece.text.casefold() in _CODE_NAMES
        if isinstance(piece, Text) and isinstance(after, Code) and named:
            after.lang = after.lang or piece.text.casefold()
        if n in beside or named:
            drop(Dropped("boilerplate", _said(piece), piece.origin))
        else:
            kept.append(piece)
    return kept


def _without_letter(pieces: list[Piece], drop: Callable[[Dropped], None]) -> list[Piece]:
    """The pieces of a mail without who sent it to whom at its head, and without its greeting and all below."""
    head = [n for n, piece in enumerate(pieces[:12]) if isinstance(piece, Text) and _MAIL_HEAD.match(piece.text)]
    gone = set(head) if len(head) >= 3 else set()
    end = next(
        (n for n, piece in enumerate(pieces) if isinstance(piece, Text) and _GREETING.fullmatch(piece.text)), None
    )
    if end is not None:
        after = pieces[end:]
        if (
            all(isinstance(piece, Text | Figure) for piece in after)
            and sum(len(_said(p).split()) for p in after) <= 200
        ):
            gone |= set(range(end, len(pieces)))
    for n in sorted(gone):
        drop(
            Dropped(
                "signature" if end is not None and n >= end else "metadata", _said(pieces[n])[:80], pieces[n].origin
            )
        )
    return [piece for n, piece in enumerate(pieces) if n not in gone]


_MAIL_HEAD = re.compile(
    r"(?:from|sent|to|cc|subject|date|von|gesendet|an|betreff|de|envoyé|à|objet|enviado|para|asunto)\s?:\s", re.I
)
_GREETING = re.compile(
    r"(?:(?:(?:kind|best|warm|many) )?(?:regards|wishes)|(?:yours )?(?:sincerely|faithfully|truly)(?: yours)?|cheers|many thanks|thanks(?: and regards)?|"
    r"(?:mit )?(?:freundlichen|besten|vielen) grüßen|(?:freundliche|beste|viele) grüße|cordialement|bien à vous|(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente)[,.!]?",
    re.I,
)

_CODE_NAMES = frozenset(
    "bash sh shell zsh console terminal powershell cmd python javascript typescript java json yaml yml toml ini xml html css sql hcl terraform dockerfile "
    "go rust ruby php c c++ c# http text plaintext output".split()
)


def _untabled(pieces: list[Piece], drop: Callable[[Dropped], None]) -> Iterator[Piece]:
    """The pieces with the rows of tables of steps as steps."""
    role = "other"
    for piece in pieces:
        if isinstance(piece, Heading) or (isinstance(piece, Text) and _is_known_head(piece.text)):
            role = role_of(piece.text)
        rows = [row for row in (piece.header, *piece.rows) if any(row)] if isinstance(piece, Table) else []
        if isinstance(piece, Table) and is_numbered_text(rows):
            yield from (Text(" ".join(filter(None, row)), origin=piece.origin) for row in rows)
            continue
        found = columns(rows[0], rows[1:], role) if len(rows) > 2 else None
        if found is None:
            yield piece
            continue
        drop(Dropped("table-head", " | ".join(filter(None, found.head))[:80], piece.origin))
        yield from steps_of(found, rows[1:], partial(_cell, rows[1:], piece.origin))


def _cell(rows: list[list[str]], origin: Origin, row: int, column: int) -> list[Block]:
    return [Para(rows[row][column], None, origin)]


def _bold_leads(pieces: list[Piece]) -> bool:
    """Whether bold marks the heads among the numbered paragraphs: hardly all of them are bold."""
    bold = [piece.bold for piece in pieces if isinstance(piece, Text) and _label(piece.text)]
    return 0 < sum(bold) < 0.6 * len(bold)


def _is_short(text: str) -> bool:
    return len(text) <= 80 and len(text.split()) <= 11 and text[-1] not in ".;,:"


def _label(text: str) -> str:
    """The number a paragraph begins with, without its last point or zero."""
    found = _NUMBERED.match(text)
    return re.sub(r"\.0$", "", found[1].strip("().")) if found else ""


def _listed_headings(pieces: list[Piece]) -> list[Piece]:
    """List items that are the headings of a document without styles ("1. PURPOSE" numbered by the word processor)."""
    items = [piece for piece in pieces if isinstance(piece, Step)]
    heads = {id(item) for item in items if _is_known_head(item.text) or _leads(item)}
    if len(heads) < 2:
        return pieces
    out: list[Piece] = []
    for place, piece in enumerate(pieces):
        if isinstance(piece, Step) and (id(piece) in heads or _is_capital(piece) or _followed(pieces, place)):
            out.append(Heading(piece.text, 1, piece.origin))
            out += piece.children
        else:
            out.append(piece)
    return out


def _leads(item: Step) -> bool:
    """Whether an item is a section by its numbers: "5", and "5.1" below it."""
    first = next((child for child in item.children if isinstance(child, Step)), None)
    label = item.number_source.removesuffix(".0")
    return label.isdigit() and first is not None and first.number_source == f"{label}.1" and _is_short(item.text)


def _is_capital(item: Step) -> bool:
    return item.text.isupper() and len(item.text) <= 60


def _followed(pieces: list[Piece], place: int) -> bool:
    """Whether an item of a list of headings has paragraphs of its own: short, without a stop, and text after it."""
    item, after = pieces[place], pieces[place + 1 : place + 2]
    assert isinstance(item, Step)
    return (
        item.number_source.isdigit()
        and _is_short(item.text)
        and not item.children
        and bool(after)
        and isinstance(after[0], Text | Table)
    )


def _of_text(piece: Text, styled: bool, numbers: set[str], parents: set[str]) -> list[Piece]:
    """What a paragraph is: a heading, a heading with its text, a step, or a paragraph."""
    text = piece.text
    if piece.note:
        return [Para(text, piece.note, piece.origin)]
    if not styled and (found := _inferred(piece)):
        return found
    label = _label(text)
    if not styled and label.isdigit() and f"{label}.1" in numbers and len(text) <= 90 and text[-1] not in ".;":
        return [Heading(text, 1, piece.origin)]
    if styled and _heads_anyway(piece):
        return [Heading(text, 4 if label else 6, piece.origin)]
    if styled and piece.bold and "." in label and label in parents and _is_short(text):
        return [Heading(text, min(4 + label.count("."), 6), piece.origin)]
    if step := _STEP_WORD.match(text):
        return [Step(text[step.end() :], number_source=step[1], origin=piece.origin)]
    if mark := _NUMBERED.match(text):
        label = mark[1].strip("().")
        if "." in label or label.isalpha() or mark[1][-1] in ".)":
            return [Step(text[mark.end() :], number_source=label, origin=piece.origin)]
    if (capital := _CAPITAL.match(text)) and capital[1] in numbers:
        return [Step(text[capital.end() :], number_source=capital[1], origin=piece.origin)]
    if bullet := _BULLET.match(text):
        return [Step(text[bullet.end() :], origin=piece.origin)]
    return [piece]


def _heads_anyway(piece: Text) -> bool:
    """Whether a paragraph is a heading though the document has styled ones: bold or "2.0", and a known word or a number."""
    label, rest = _unnumbered(piece.text)
    whole = label.isdigit() or label.endswith(".0")
    if len(piece.text) > 80 or piece.text[-1] in ".;,":
        return False
    known = _is_known_head(piece.text)
    return (known and (piece.bold or label.endswith(".0"))) or (piece.bold and whole and len(rest.split()) <= 8)


def _is_known_head(text: str) -> bool:
    return folded(_unnumbered(text)[1].rstrip(":")) in table() and len(text) <= 60


def _inferred(piece: Text) -> list[Piece] | None:
    """A heading where the document has no styles: short, no stop, and bold, in capitals, numbered or a known word."""
    text = piece.text
    label, rest = _unnumbered(text)
    bare = rest.rstrip(":").strip()
    if (
        (inline := _INLINE_HEAD.fullmatch(text))
        and folded(inline[2]) in table()
        and (inline[1] or piece.bold or inline[2][0].isupper())
    ):
        numbered = not inline[1] or "." not in inline[1] or inline[1].endswith(".0")
        if numbered and table()[folded(inline[2])] != "title" and (inline[1] or _stands_alone(inline[2])):
            head = f"{inline[1]} {inline[2]}" if inline[1] else inline[2]
            return [Heading(head, 1, piece.origin), Text(inline[3], origin=piece.origin)]
    short = len(bare) <= 80 and len(bare.split()) <= 10 and bare and bare[-1] not in ".,;!"
    if not short or not re.search(r"[^\W\d_]{2}", bare) or _TITLE_LINE.match(text):
        return None
    level = label.removesuffix(".0").count(".") + 1 if label else 1
    whole = label.isdigit() or label.endswith(".0") or (label and label.isalpha())
    known = folded(bare) in table()
    if label and not whole:  # "5.1 Preparation" is a heading only where it looks like one
        return [Heading(text, level, piece.origin)] if piece.bold or (known and len(bare.split()) < 4) else None
    capitals = bare.isupper() and len(bare) > 3
    strong = piece.bold or capitals
    if known and (label or strong or text.endswith(":") or text[0].isupper()):
        return [Heading(text, level, piece.origin)]
    if (
        (label and (label.endswith(".0") or strong))
        or (strong and not text.endswith(":"))
        or (strong and len(bare.split()) <= 5)
    ):
        return [Heading(text, level if label else 2 if not capitals else 1, piece.origin)]
    return None


def _stands_alone(word: str) -> bool:
    return table()[folded(word)] in ("objective", "scope", "responsibility", "accountability", "procedure")


def _unnumbered(text: str) -> tuple[str, str]:
    """A heading's own number and the heading without it."""
    found = _HEADING_NUMBER.match(text)
    return ((found[1] or found[2]), text[found.end() :]) if found else ("", text)


def _nested(pieces: list[Piece], indents: dict[int, float]) -> list[Piece]:
    """Steps made from paragraphs put below their parents, by their own numbers, else by where they begin.

    `indents` knows these steps by identity; items of real lists have their place already, and go below such a step
    only where it ends in a colon.
    """
    out: list[Piece] = []
    stack: list[tuple[Step, int]] = []
    kinds: dict[int, str] = {}
    since: list[Piece] = []  # what stands between two steps: it goes below the parent of the second
    for piece in pieces:
        if not isinstance(piece, Step):
            stack = [] if isinstance(piece, Heading) else stack
            since = [*since, piece] if stack else []
            out.append(piece)
            continue
        flat = id(piece) in indents
        kinds[id(piece)] = _kind(piece.number_source, [(kinds[id(above)], above.number_source) for above, _ in stack])
        depth = (
            _depth(piece, stack, indents, kinds)
            if flat
            else (stack[-1][1] + 1 if stack and _opens(stack[-1][0]) else 1)
        )
        while stack and stack[-1][1] >= depth:
            stack.pop()
        if stack:
            del out[len(out) - len(since) :]
            stack[-1][0].children += [
                *(_block(between) for between in since if not isinstance(between, Heading)),
                piece,
            ]
        else:
            out.append(piece)
        since = []
        if flat:
            stack.append((piece, depth))
    return out


def _opens(step: Step) -> bool:
    return step.text.endswith(":")


def _depth(step: Step, stack: list[tuple[Step, int]], indents: dict[int, float], kinds: dict[int, str]) -> int:
    """How deep a step stands: "5.1" is 1, "5.1.1" 2; a letter, a bracketed number or a bullet below what it belongs to."""
    label = step.number_source
    if re.fullmatch(r"\d+(?:\.\d+)+", label):
        return label.removesuffix(".0").count(".") or 1
    kind = kinds[id(step)]
    for above, depth in reversed(stack):
        if kinds[id(above)] == kind and (kind != "bullet" or indents[id(step)] <= indents[id(above)] + 1):
            return depth
    if not stack or (kind == "number" and kinds[id(stack[-1][0])] == "bullet"):
        return 1
    if kind != "bullet":
        return stack[-1][1] + 1
    left = indents[id(step)]
    return next(
        (
            depth + 1
            for above, depth in reversed(stack)
            if kinds[id(above)] != "bullet" or indents[id(above)] + 1 < left
        ),
        1,
    )


def _kind(label: str, above: list[tuple[str, str]]) -> str:
    """What kind of number a step has; `above` are the kinds and numbers it may follow. An "i" is roman but after an "h"."""
    if not label:
        return "bullet"
    if re.fullmatch(r"[ivx]+", label):
        letters = [other for kind, other in above if kind == "letter"]
        follows = bool(letters) and len(label) == 1 and chr(ord(letters[-1][0]) + 1) == label
        begun = any(kind == "roman" for kind, _ in above)
        if begun or (not follows and (label == "i" or len(label) > 1)):
            return "roman"
    return "dotted" if "." in label else "number" if label.isdigit() else "capital" if label.isupper() else "letter"


# ---------------------------------------------------------------------- what is left out


def _cleaned(pieces: list[Piece], drop: Callable[[Dropped], None], *, is_page: bool) -> Iterator[Piece]:
    """The pieces without page residue, contents and signature blocks; each that goes is recorded."""
    in_contents = False
    for place, piece in enumerate(pieces):
        text = piece.text if isinstance(piece, Heading | Text) else ""
        reason = ""
        if isinstance(piece, Heading):
            listed = in_contents and bool(re.search(r"\s\d{1,4}$", text))
            in_contents = listed or folded(_unnumbered(text)[1]) in _CONTENTS
            reason = "toc" if in_contents else "page-residue" if _END.fullmatch(text) else ""
        elif isinstance(piece, Text) and folded(text) in _CONTENTS:
            in_contents, reason = True, "toc"
        elif isinstance(piece, Text) and (_RESIDUE.fullmatch(text) or _END.fullmatch(text)):
            reason = "page-residue"
        elif (isinstance(piece, Text) and _LEADER.fullmatch(text)) or (
            in_contents
            and ((isinstance(piece, Text | Step) and re.search(r"\s\d{1,4}$", _said(piece))) or _all_short(piece))
        ):
            reason = "toc"
        elif _is_signature(piece, pieces, place):
            reason = "signature"
        elif is_page and isinstance(piece, Text) and (piece.bold or len(text) <= 40) and is_site_heading(text):
            reason = "boilerplate"
        if reason:
            drop(Dropped(reason, _said(piece)[:80], piece.origin))
        else:
            in_contents = in_contents and isinstance(piece, Step)
            yield piece


def _all_short(piece: Piece) -> bool:
    return isinstance(piece, Step) and len(piece.text.split()) <= 12 and not piece.text.endswith(".")


def _said(piece: Piece) -> str:
    if isinstance(piece, Table):
        return " | ".join(cell for row in (piece.header, *piece.rows) for cell in row)
    if isinstance(piece, Figure):
        return piece.alt
    if isinstance(piece, Step) and piece.children:
        return " ".join([piece.text, *map(_said, piece.children)])
    return piece.text


def _is_signature(piece: Piece, pieces: list[Piece], place: int) -> bool:
    """Whether a piece is for names and signatures alone."""
    if isinstance(piece, Table):
        cells = [cell for row in (piece.header, *piece.rows) for cell in row if cell]
        named = [cell for cell in cells if _SIGNATURE.match(cell)]
        signed = any(_SIGNED.match(cell) for cell in cells)
        return signed and len(named) >= 2 and len(named) >= 0.25 * len(cells) and all(len(cell) < 60 for cell in cells)
    if isinstance(piece, Text):
        text = piece.text
        if _SIGNED.match(text) and len(text) < 120:
            return (
                bool(_BLANK_LINE.search(text))
                or text.rstrip(": ").count(" ") <= 2
                or bool(re.fullmatch(r"[^:]{3,30}:\s*(?:[^.]|\b[A-Z]\.){0,80}", text))
                or len(_SIGNED.findall(text)) > 1
            )
        return bool(_SIGNATURE.match(text) and _BLANK_LINE.search(text))
    return False


def _drop_sections(document: Document) -> None:
    """Revision histories, emptied signature sections and what a site adds go, with a record."""
    kept: list[Section] = []
    for section in document.sections:
        cells = any(isinstance(block, Table) for block in section.blocks)
        short = sum(len(words_of(_said(block))) for block in section.blocks) <= 120
        if section.role == "revision" and (cells or short):
            text = " ".join([section.heading, *(_said(block) for block in section.blocks)])
            document.dropped.append(Dropped("revision-history", text[:80], section.origin))
        elif is_site_heading(section.heading):
            text = " ".join([section.heading, *(_said(block) for block in section.blocks)])
            document.dropped.append(Dropped("boilerplate", text[:80], section.origin))
        elif not section.blocks and _is_approval(section.heading):
            document.dropped.append(Dropped("signature", section.heading[:80], section.origin))
        else:
            kept.append(section)
    document.sections = kept


def _is_approval(heading: str) -> bool:
    return bool(
        re.fullmatch(
            r"(?:approvals?|signatures?|sign[- ]?off|approval signatures?|authori[sz]ation|freigabe|aprobaci[oó]n|aprobaciones|firmas|approbations?|unterschriften)",
            heading,
            re.I,
        )
    )


# ---------------------------------------------------------------------- title and metadata


_BANNER = re.compile(
    r"(?:(?:standard|departmental) )?(?:operating|operation) (?:procedures?|protocol)(?: sop)?|sop|work instructions?|sop document|"
    r"procedimiento (?:normalizado de trabajo|operativo(?: estandar)?)|(?:standard)?arbeitsanweisung|procedure operatoire(?: normalisee| standard)?"
)


def _without_banner(pieces: list[Piece], drop: Callable[[Dropped], None]) -> Iterator[Piece]:
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
    if any(isinstance(piece, Text | Heading) and _TITLE_LINE.fullmatch(piece.text) for piece in pieces[:10]):
        return True
    first = next(
        (piece for piece in pieces if isinstance(piece, Text | Heading) and not _META_VALUE.match(piece.text)), None
    )
    return (
        first is not None
        and role_of(first.text) == "other"
        and 2 <= len(first.text.split()) <= 14
        and first.text[-1] not in ".;,"
        and not _unnumbered(first.text)[0]
    )


def _take_title(document: Document, pieces: list[Piece], page_title: str) -> None:
    """Set the title and take its line out of the pieces."""
    for place, piece in enumerate(pieces[:12]):
        label = _TITLE_LINE if document.source.format == "html" else _SUBJECT_LINE
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
        document.title, document.title_source = _said(pieces[first]), "heading"
        del pieces[first]
    elif page_title:
        document.title, document.title_source = page_title, "page"
    document.title = _SITE_NUMBER.sub("", _CHAPTER.sub("", document.title.rstrip(": ")))
    again = next((n for n, piece in enumerate(pieces) if isinstance(piece, Heading)), len(pieces))
    for place in range(min(again, 5, len(pieces) - 1), -1, -1):
        piece = pieces[place]
        if isinstance(piece, Heading | Text) and (_same(piece.text, document.title) or _is_path(piece, document)):
            del pieces[place]


def _drop_banner(pieces: list[Piece], count: int, document: Document) -> None:
    """Take out the headings before a labelled title: who issues the document, and of what kind it is."""
    above = pieces[:count]
    if all(isinstance(piece, Heading) and role_of(piece.text) == "other" for piece in above):
        document.dropped += [Dropped("metadata", _said(piece)[:80], piece.origin) for piece in above]
        del pieces[:count]


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
    if not any(_is_field(said.partition(":")[0]) for _, said in cells):
        return ""
    for before, cell in cells:
        if re.fullmatch(r"(?:title|titel|título|titre|subject|betreff|asunto)\s*:?", before, re.I):
            return cell
    free = [cell for before, cell in cells if not _is_field(before) and _reads_as_title(cell)]
    return free[0] if len(set(free)) == 1 else ""


def _reads_as_title(cell: str) -> bool:
    return (
        2 <= len(cell.split()) <= 14
        and cell[-1] not in ".:;,"
        and not any(pattern.match(cell) for pattern in (_META_VALUE, _SIGNATURE, _RESIDUE))
        and not _BANNER.fullmatch(folded(cell))
        and not _COMPANY.search(cell)
        and not _is_field(cell)
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
            and not ((field := _META_VALUE.match(piece.text)) and _is_field(field[1]))
        ):
            wanted = piece.bold or re.search(
                r"\b(?:SOP|procedure|protocol|cleaning|operation|procedimiento|verfahren|anweisung|procédure|instruction)\b",
                piece.text,
                re.I,
            )
            return place if wanted or place == 0 else None
    return None


def _is_centred(lines: list[Piece]) -> bool:
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


def _is_field(key: str) -> bool:
    """Whether a word names a field of the document's head: its number, version, date or owner."""
    return any(pattern.fullmatch(key.strip(": ")) for _, pattern in _META)


def _stands_over(head: Heading, below: list[tuple[int, Heading]]) -> bool:
    """Whether a heading without text of its own stands right over the first section ("Procédure de nettoyage", "Objectif")."""
    over = bool(below) and below[0][0] == 1 and role_of(below[0][1].text) != "other"
    return over and len(head.text.split()) > 2 and not _unnumbered(head.text)[0]


def _is_title(pieces: list[Piece], heads: list[tuple[int, Heading]], page_title: str) -> bool:
    place, head = heads[0]
    if folded(head.text) in _OPENINGS:
        return False
    first = all(isinstance(piece, Table | Figure) for piece in pieces[:place])  # but for a table that heads the page
    if first and len(heads) > 1 and role_of(head.text) == "other" and not _unnumbered(head.text)[0]:
        between = pieces[place + 1 : heads[1][0]]
        if not between or (_only_text(between) and (head.level == 1 or head.level != heads[1][1].level)):
            return True
    if first and not page_title and _stands_over(head, heads[1:]):
        return True
    if head.level > 1 and any(other.level < head.level for _, other in heads[1:]):
        return False
    label, rest = _unnumbered(head.text)
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


def _without_metadata(pieces: list[Piece], document: Document) -> Iterator[Piece]:
    """The pieces without document numbers, versions and dates before the first section, and those a site puts below a page;
    they go to the metadata.
    """
    heading_seen = False
    solid = max((n for n, piece in enumerate(pieces) if not isinstance(piece, Text | Figure)), default=0)
    for place, piece in enumerate(pieces):
        heading_seen = heading_seen or isinstance(piece, Heading)
        pairs: list[tuple[str, str]] = []
        below = document.source.format == "html" and place > max(solid, len(pieces) - 4)
        if isinstance(piece, Text) and ((not heading_seen and place < 15) or below):
            pairs = [(m[1], m[2]) for m in [_META_VALUE.match(piece.text)] if m]
        elif isinstance(piece, Table) and not heading_seen:
            cells = [row for row in (piece.header, *piece.rows) if row]
            pairs = [(row[n], row[n + 1]) for row in cells for n in range(0, len(row) - 1, 2) if row[n]]
            pairs += [(m[1], m[2]) for row in cells for cell in row if (m := _META_VALUE.match(cell))]
        pairs = [(key, value) for key, value in pairs if not (isinstance(piece, Table) and value == document.title)]
        named = [(name, value) for key, value in pairs for name, pattern in _META if pattern.fullmatch(key.strip(": "))]
        if named and (isinstance(piece, Text) or 2 * len(named) >= len(pairs)):
            for name, value in named:
                document.metadata.setdefault(name, value.strip())
            document.dropped.append(Dropped("metadata", _said(piece)[:80], piece.origin))
        else:
            yield piece


# ---------------------------------------------------------------------- sections


def _sections(pieces: list[Piece]) -> list[Section]:
    """Headings and what follows them; a heading stands one level below the nearest higher one."""
    sections = [Section("")]
    above: list[int] = []
    for piece in pieces:
        if isinstance(piece, Heading):
            while above and above[-1] >= piece.level:
                above.pop()
            above.append(piece.level)
            label, rest = _unnumbered(piece.text)
            heading = rest.rstrip(": ").strip() or piece.text
            role = "procedure" if _STEP_WORD.match(heading) else role_of(heading)
            sections.append(Section(heading, role, "", label or "", len(above), "", piece.origin))
        else:
            sections[-1].blocks.append(_block(piece))
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


def _block(piece: Text | Block) -> Block:
    return Para(piece.text, piece.note, piece.origin) if isinstance(piece, Text) else piece


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


# ---------------------------------------------------------------------- the verbatim gate


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
        own = block.text if isinstance(block, Step) else _said(block)
        if any(word not in words for word in words_of(own)):
            dropped.append(Dropped("not-in-source", own[:80], block.origin))
            continue
        if isinstance(block, Step):
            block.children = _known_blocks(block.children, words, dropped)
        kept.append(block)
    return kept


def _language(document: Document) -> str:
    """The language of the text; English where none leads."""
    return language_of(" ".join(_said(block) for section in document.sections for block in section.blocks), "en")

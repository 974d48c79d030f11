"""What a document carries and a procedure does not: contents, page numbers, signatures, revisions, a mail's head, what sites add."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise, zip_longest

from curator.sop.document import Block, Code, Document, Dropped, Figure, Para, Section, Step, Table
from curator.sop.furniture import is_date, is_furniture, is_site_heading
from curator.sop.labels import unnumbered
from curator.sop.markup import is_warning
from curator.sop.reading import Heading, Piece, Text, said, words_of
from curator.sop.roles import folded
from curator.sop.strangers import Vocabulary
from curator.sop.verbs import is_forbidding, is_order

SIGNATURE = re.compile(
    r"(?:(?:prepared|written|reviewed|approved|checked|authori[sz]ed|issued|verified|released)\s+by|signature|sign(?:ed)?(?:\s*/\s*date)?|date|name|designation|department|"
    r"elaborado por|revisado por|aprobado por|firma|fecha|erstellt von|geprüft von|freigegeben von|unterschrift|datum|rédigé par|vérifié par|approuvé par)\b", re.I,
)  # fmt: skip
_SIGNED = re.compile(
    r"(?:prepared|written|reviewed|approved|checked|authori[sz]ed|issued)\s+by\b|signature|firma\b|unterschrift|(?:elaborado|revisado|aprobado) por|(?:erstellt|geprüft|freigegeben) von|(?:rédigé|vérifié|approuvé) par",
    re.I,
)
_BLANK_LINE = re.compile(r"_{3,}|\.{6,}|…{2,}")
RESIDUE = re.compile(r"(?:page|página|seite|p\.)\s*\d+(?:\s*(?:of|/|de|von|sur)\s*\d+)?\W*", re.I)
_END = re.compile(
    r"\W*(?:end of (?:the )?(?:document|sop|procedure|file|instruction|text)|fin del (?:documento|procedimiento)|fin du document|fin de la procédure|ende (?:des dokuments|der anweisung))\W*|"
    r"[-*=~–—_# ]{2,}(?:end|fin|ende)[-*=~–—_# ]{2,}",
    re.I,
)
_LEADER = re.compile(r"\S.*?(?<![.…])(?:\.{4,}+|(?:\s\.){4,}+|…{2,}+)\s*\d{1,4}$")
CONTENTS = frozenset(map(folded, ("contents", "table of contents", "on this page", "in this article", "índice", "contenido", "inhalt", "inhaltsverzeichnis", "sommaire", "table des matières")))  # fmt: skip


def without_labels(pieces: list[Piece], drop: Callable[[Dropped], None]) -> list[Piece]:
    """The pieces of a page without what it shows beside headings and code: the counts of steps, the names of languages."""
    counts = [
        (int(piece.text), n)
        for n, (piece, after) in enumerate(pairwise(pieces))
        if isinstance(piece, Text) and isinstance(after, Heading) and re.fullmatch(r"\d{1,2}", piece.text)
    ]
    beside = {at for one, two in pairwise(counts) if two[0] == one[0] + 1 for at in (one[1], two[1])}
    alone = {n: int(p.text) for n, p in enumerate(pieces) if isinstance(p, Text) and re.fullmatch(r"\d{1,6}", p.text)}
    beside |= {
        n for n, count in alone.items() if count > _MOST_STEPS and count - 1 not in alone.values()
    }  # votes, views
    kept: list[Piece] = []
    for n, piece in enumerate(pieces):
        after = pieces[n + 1] if n + 1 < len(pieces) else None
        named = isinstance(piece, Text) and isinstance(after, Code) and _names_language(piece.text, after)
        if isinstance(piece, Text) and isinstance(after, Code) and named:
            after.lang = after.lang or piece.text.casefold()
        if n in beside or named:
            drop(Dropped("boilerplate", said(piece), piece.origin))
        else:
            kept.append(_unlabelled(piece, drop) if isinstance(piece, Step) else piece)
    return kept


_MOST_STEPS = 30  # a number above it that stands alone counts no steps


def _unlabelled(step: Step, drop: Callable[[Dropped], None]) -> Step:
    """A step without the names of languages over the code below it."""
    kept: list[Block] = []
    for block, after in zip_longest(step.children, step.children[1:]):
        if isinstance(block, Para) and isinstance(after, Code) and _names_language(block.text, after):
            after.lang = after.lang or block.text.casefold()
            drop(Dropped("boilerplate", block.text, block.origin))
        else:
            kept.append(_unlabelled(block, drop) if isinstance(block, Step) else block)
    step.children = kept
    return step


def _names_language(text: str, code: Code) -> bool:
    """Whether a line over code is the name of its language ("Azure CLI" over azurecli)."""
    return text.casefold() in _CODE_NAMES or (bool(code.lang) and folded(text).replace(" ", "") == code.lang.casefold())


def without_letter(pieces: list[Piece], drop: Callable[[Dropped], None]) -> list[Piece]:
    """The pieces of a mail without who sent it to whom at its head, and without its greeting and all below."""
    head = [n for n, piece in enumerate(pieces[:12]) if isinstance(piece, Text) and _MAIL_HEAD.match(piece.text)]
    gone = set(head) if len(head) >= 3 else set()
    end = next(
        (n for n, piece in enumerate(pieces) if isinstance(piece, Text) and _GREETING.fullmatch(piece.text)), None
    )
    if end is not None:
        after = pieces[end:]
        if all(isinstance(piece, Text | Figure) for piece in after) and sum(len(said(p).split()) for p in after) <= 200:
            gone |= set(range(end, len(pieces)))
    for n in sorted(gone):
        drop(
            Dropped("signature" if end is not None and n >= end else "metadata", said(pieces[n])[:80], pieces[n].origin)
        )
    return [piece for n, piece in enumerate(pieces) if n not in gone]


_MAIL_HEAD = re.compile(
    r"(?:from|sent|to|cc|subject|date|von|gesendet|an|betreff|de|envoyé|à|objet|enviado|para|asunto)\s?:\s", re.I
)


_GREETING = re.compile(
    r"(?-i:(?:Yours|Best|Cheers|Love|Herzlichst|Saludos|Amicalement), (?:[A-Z]|the |die |los |les )[^.!?:]{2,40})|(?:(?:(?:kind|best|warm|many) )?(?:regards|wishes)|(?:yours )?(?:sincerely|faithfully|truly)(?: yours)?|cheers|many thanks|thanks(?: and regards)?|"
    r"(?:mit )?(?:freundlichen|besten|vielen) grüßen|(?:freundliche|beste|viele) grüße|cordialement|bien à vous|(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente)[,.!]?",
    re.I,
)


_CODE_NAMES = frozenset(
    "bash sh shell zsh console terminal powershell cmd python javascript typescript java json yaml yml toml ini xml html css sql hcl terraform dockerfile "
    "go rust ruby php c c++ c# http text plaintext output".split()
)


def cleaned(pieces: list[Piece], drop: Callable[[Dropped], None], *, is_page: bool) -> Iterator[Piece]:
    """The pieces without page residue, contents and signature blocks; each that goes is recorded."""
    in_contents = False
    for place, piece in enumerate(pieces):
        text = piece.text if isinstance(piece, Heading | Text) else ""
        reason = ""
        if isinstance(piece, Heading):
            listed = in_contents and bool(re.search(r"\s\d{1,4}$", text))
            in_contents = listed or folded(unnumbered(text)[1]) in CONTENTS
            reason = "toc" if in_contents else "page-residue" if _END.fullmatch(text) else ""
        elif isinstance(piece, Text) and folded(text) in CONTENTS:
            in_contents, reason = True, "toc"
        elif isinstance(piece, Text) and (RESIDUE.fullmatch(text) or _END.fullmatch(text)):
            reason = "page-residue"
        elif (isinstance(piece, Text) and _LEADER.fullmatch(text)) or (
            in_contents
            and ((isinstance(piece, Text | Step) and re.search(r"\s\d{1,4}$", said(piece))) or _all_short(piece))
        ):
            reason = "toc"
        elif _is_signature(piece, pieces, place):
            reason = "signature"
        elif is_page and isinstance(piece, Text) and (piece.bold or len(text) <= 40) and is_site_heading(text):
            reason = "boilerplate"
        if reason:
            drop(Dropped(reason, said(piece)[:80], piece.origin))
        else:
            in_contents = in_contents and isinstance(piece, Step)
            yield piece


def _all_short(piece: Piece) -> bool:
    return isinstance(piece, Step) and len(piece.text.split()) <= 12 and not piece.text.endswith(".")


def _is_signature(piece: Piece, pieces: list[Piece], place: int) -> bool:
    """Whether a piece is for names and signatures alone."""
    if isinstance(piece, Table):
        cells = [cell for row in (piece.header, *piece.rows) for cell in row if cell]
        named = [cell for cell in cells if SIGNATURE.match(cell)]
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
        return bool(SIGNATURE.match(text) and _BLANK_LINE.search(text))
    return False


def drop_sections(document: Document) -> None:
    """Revision histories, emptied signature sections and what a site adds go, with a record."""
    kept: list[Section] = []
    for section in document.sections:
        cells = any(isinstance(block, Table) for block in section.blocks)
        short = sum(len(words_of(said(block))) for block in section.blocks) <= 120
        if (section.role == "revision" and (cells or short)) or _lists_dates(section):
            text = " ".join([section.heading, *(said(block) for block in section.blocks)])
            document.dropped.append(Dropped("revision-history", text[:80], section.origin))
        elif is_site_heading(section.heading) or _is_quiz(section) or _lists_parts(section, document):
            text = " ".join([section.heading, *(said(block) for block in section.blocks)])
            document.dropped.append(Dropped("boilerplate", text[:80], section.origin))
        elif _is_editors(section):
            document.dropped.append(Dropped("boilerplate", section.heading[:80], section.origin))
        elif _says_none(section):
            document.dropped.append(
                Dropped("boilerplate", f"{section.heading} {said(section.blocks[0])}", section.origin)
            )
        elif _is_approval(section.heading) and all(map(_is_signed, section.blocks)):
            document.dropped.append(Dropped("signature", section.heading[:80], section.origin))
        else:
            kept.append(section)
    document.sections = kept


def _says_none(section: Section) -> bool:
    """Whether a section only says that there is nothing of what its heading names ("No attachments")."""
    if len(section.blocks) != 1 or not (name := folded(section.heading)):
        return False
    line = folded(said(section.blocks[0]))
    none = any(line == f"{no} {name}" or line.startswith(f"{no} {name} ") for no in _NONE)
    return none and len(line.split()) <= 10


def _is_editors(section: Section) -> bool:
    """Whether a section is the notes of who keeps the pages ("Editor's note"), with no step, no table and no warning in it."""
    plain = all(
        isinstance(block, Para)
        and not (block.note or is_order(block.text) or is_forbidding(block.text) or is_warning(block.text))
        for block in section.blocks
    )
    return plain and _EDITORS.fullmatch(folded(section.heading)) is not None


_EDITORS = re.compile(
    r"(?:editorial|editors?(?: s)?) notes?|notes? (?:from|by) the editors?|anmerkung(?:en)? der redaktion|notas? (?:de la redaccion|del editor)|notes? de la redaction"
)


def _is_quiz(section: Section) -> bool:
    """Whether a section asks the reader what he has learnt: all its items are questions, and some have answers to choose from."""
    asked = [block for block in section.blocks if isinstance(block, Step)]
    if section.role != "other" or len(asked) < 2 or any(isinstance(block, Table | Code) for block in section.blocks):
        return False
    choices = [child for step in asked for child in step.children if isinstance(child, Step)]
    questions = all(
        step.text.endswith("?") or _TRUE.match(step.text) or _BLANK_LINE.search(step.text) for step in asked
    )
    chosen = any(_TRUE.match(step.text) for step in asked) or len(choices) >= 2
    notes = any(isinstance(block, Para | Step) and block.note for block in section.blocks)
    return questions and chosen and not notes and not any(is_order(step.text) for step in (*asked, *choices))


_TRUE = re.compile(r"(?:true or false|richtig oder falsch|verdadero o falso|vrai ou faux)\b", re.I)


def _lists_parts(section: Section, document: Document) -> bool:
    """Whether a section after the last with steps is a list of parts to buy, with their numbers, of which the text knows little."""
    parts = [block for block in section.blocks if isinstance(block, Table)]
    others = [block for block in section.blocks if block not in parts]
    if section.role != "other" or len(parts) != 1 or len(others) > 2:
        return False
    later = document.sections[next(n for n, other in enumerate(document.sections) if other is section) :]
    if any(isinstance(block, Step) for other in later for block in other.blocks):
        return False
    if not all(isinstance(block, Para) and not block.note and not is_order(block.text) for block in others):
        return False
    head = [cell.casefold().strip(" .:") for cell in (parts[0].header or parts[0].rows[0])]
    numbered = any(map(_PART_NUMBER.fullmatch, head)) and any(map(_PART_COUNT.fullmatch, head))
    own = " ".join([section.heading, *(said(block) for block in section.blocks)])
    rest = " ".join(f"{other.heading} {' '.join(map(said, other.blocks))}" for other in document.sections)
    return numbered and Vocabulary(f"{document.title} {rest}").is_strange(own)


_PART_NUMBER = re.compile(
    r"(?:(?:spare )?part|article|order(?:ing)?|catalog(?:ue)?|stock|product|item) (?:no|number|code|#)|p/n|sku|"
    r"(?:teile|artikel|bestell|ersatzteil)-?(?:nr|nummer)|ref(?:erencia|erence)?|r[ée]f(?:[ée]rence)?|n[.ºo°] ?(?:de )?(?:pieza|art[ií]culo|pi[èe]ce|commande)"
)
_PART_COUNT = re.compile(
    r"qty|quantity|pcs|price|menge|st(?:ü|ue)ck(?:zahl)?|preis|anzahl|cant(?:idad)?|precio|qt[ée]|quantit[ée]|prix"
)
_NONE = ("no", "keine", "kein", "ningun", "ninguna", "sin", "aucun", "aucune")
_DATES = re.compile(r"(?:(?:\d{1,2}[./-]){1,2}\d{4}|\d{4}(?:-\d{2}){1,2})(?:[\s,;]+|$)")


def _lists_dates(section: Section) -> bool:
    """Whether a section holds dates alone, two or more."""
    text = " ".join(said(block) for block in section.blocks).strip()
    return len(_DATES.findall(text)) >= 2 and not _DATES.sub("", text)


def _is_signed(block: Block) -> bool:
    """Whether a block below the heading of an approval says who approved, and when: a table of that, a line without a verb."""
    if isinstance(block, Para):
        return (
            block.note is None
            and len(block.text.split()) <= 12
            and (_NOBODY.fullmatch(block.text) is not None or is_date(block.text) or is_furniture(block.text))
        )
    rows = [[cell for cell in row if cell] for row in (block.header, *block.rows)] if isinstance(block, Table) else []
    cells = [cell for row in rows for cell in row]
    named = sum(SIGNATURE.match(cell) is not None or _WHO_SIGNED.fullmatch(cell) is not None for cell in cells)
    return named >= 2 and all(len(cell) <= 60 and (cell[-1] != "." or len(cell.split()) <= 4) for cell in cells)


_NOBODY = re.compile(
    r"(?:none|nil|nobody|n/?a|not (?:applicable|required|recorded)|keine?|ninguna?|aucune?)(?: \w+){0,2}[.]?", re.I
)
_WHO_SIGNED = re.compile(
    r"(?:approver|approved|author|reviewer|owner|role|title|position|when|status|version|committee|chair(?:man|woman|person)?|board|group|meeting|forum|body|comments?|outcome|decision)s?|"
    r"genehmig\w+|prüfer|gremium|vorsitz|aprobador|comité|presidente|approbateur|président",
    re.I,
)


def _is_approval(heading: str) -> bool:
    return bool(
        re.fullmatch(
            r"(?:approvals?|signatures?|sign[- ]?off|approval signatures?|authori[sz]ation|ratification|consultation|(?:approval|ratification|consultation) (?:and \w+|process|record|history|details)|"
            r"freigabe|genehmigung(?:en)?|anhörung|aprobaci[oó]n|aprobaciones|ratificaci[oó]n|consultas?|firmas|approbations?|consultations|visas?|unterschriften)",
            heading,
            re.I,
        )
    )

"""What a site sets beside a text, in a page that was printed: lines below the title, persons, quotations, teasers; no boxes tell.

Each function gives the places of pieces that go. Warnings, orders, numbers, tables and headings of known purpose stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.sop.cards import NAME, is_of_procedure, tells_person
from curator.sop.furniture import is_date, is_furniture
from curator.sop.markup import is_warning
from curator.sop.metadata import is_field, names_document
from curator.sop.reading import Heading, Piece, Text, said
from curator.sop.roles import role_of
from curator.sop.strangers import Vocabulary, says_purpose
from curator.sop.verbs import is_forbidding, is_order

_LEAD_WORDS = 16
_CROWD, _CROWDED_WORDS = 4, 40  # marks of a site that tell where it speaks of itself, and the words of a line there
_CALL_WORDS = 5


def beside(pieces: list[Piece], start: int) -> set[int]:
    """The places of what stands beside a text that begins with its title at `start`."""
    heads = [(n, piece) for n, piece in enumerate(pieces) if n > start and isinstance(piece, Heading)]
    own = [(n, head) for n, head in heads if not _is_loose(head)]
    last = own[-1][0] if own else start
    stop = next((n for n, _ in heads if n > last > start), len(pieces))  # below it a site may speak of itself
    known = Vocabulary(" ".join(said(piece) for piece in pieces[start:stop]))
    level = max((head.level for _, head in own), default=0)
    leading = 2 * sum(head.away for _, head in heads) > len(heads)  # a page that is a link itself
    found = _leads(pieces, start, known, level) | _repeated(pieces, start)
    for place in range(start + 1, len(pieces)):
        if place not in found:
            row = set() if leading else _row(pieces, place)
            found |= _person(pieces, place) or _quoted(pieces, place) or row or _teased(pieces, place, known, level)
    return found


def _repeated(pieces: list[Piece], start: int) -> set[int]:
    """The places of lines that stand there twice and more, and are no order and no sentence: the heads and feet of pages."""
    places: dict[str, list[int]] = {}
    for n, piece in enumerate(pieces[start + 1 :], start + 1):
        line = said(piece)
        if (
            _is_plain(piece)
            and 3 <= len(line.split()) <= 12
            and line[-1] not in ".:;!?"
            and not is_order(line.partition(",")[0])
        ):
            places.setdefault(line, []).append(n)
    return {n for found in places.values() if len(found) > 1 for n in found}


def _row(pieces: list[Piece], place: int) -> set[int]:
    """The places of two headings or more that are links away, with a line below each, and of a heading of no purpose over them."""
    first = pieces[place]
    if not (isinstance(first, Heading) and _is_teaser(first)):
        return set()
    found: list[int] = []
    count, at = 0, place
    while at < len(pieces) and _is_teaser(pieces[at]):
        below = _run(pieces, at + 1, 2)
        below = below if len(below) < 2 else []  # more than a teaser says
        found += [at, *below]
        count, at = count + 1, at + 1 + len(below)
    if count < 2:
        return set()
    above = pieces[place - 1]
    over = isinstance(above, Heading) and _is_loose(above) and above.level < first.level
    return {*found, place - 1} if over else set(found)


def _is_teaser(piece: Piece) -> bool:
    return isinstance(piece, Heading) and piece.away and _is_loose(piece) and not names_document(piece.text)


def _leads(pieces: list[Piece], start: int, known: Vocabulary, level: int) -> set[int]:
    """The few short lines, and headings of no known purpose, between the title and the first section that speak of something
    else; longer ones as well, and more of them, where marks of a site stand there: dates, counts, fields, words alone.
    `level` is the lowest of the headings of the text: one as high with a text of its own is a section.
    """
    found: list[int] = []
    end = next((n for n in range(start + 1, len(pieces)) if _is_section(pieces, n, level)), start + 1)
    marks = sum(_is_mark(piece) for piece in pieces[start + 1 : end])
    crowded = marks >= _CROWD and 2 * marks >= end - start - 1
    for place in range(start + 1, end if crowded else min(start + 7, end)):
        piece, line = pieces[place], said(pieces[place])
        most = _CROWDED_WORDS if crowded else _LEAD_WORDS
        short = len(line.split()) <= most and line[-1:] != ":" and not says_purpose(line)
        if crowded and place == end - 1 and line[-1:] == "." and not known.is_strange(line):
            continue  # a text may open below all of it
        if (_is_mark(piece) and (crowded or is_date(line) or known.is_aside(line))) or (
            (isinstance(piece, Heading) or _is_plain(piece)) and short and known.is_aside(line)
        ):
            found.append(place)
        elif not crowded:
            break
    while found and isinstance(pieces[found[-1]], Heading) and found[-1] < end - 1:
        found.pop()  # it has a text
    return set(found) if end > start + 1 else set()


def _is_section(pieces: list[Piece], place: int, level: int) -> bool:
    """Whether a heading begins a section of the text: it has a number or a known purpose, or is as high as those and has a text."""
    piece, after = pieces[place], pieces[place + 1 : place + 2]
    if not isinstance(piece, Heading):
        return False
    return not _is_loose(piece) or (piece.level <= level and bool(after) and not isinstance(after[0], Heading))


def _is_mark(piece: Piece) -> bool:
    """Whether a line is a date, a field, a count or another notice of a site."""
    if not isinstance(piece, Text) or piece.note is not None or is_warning(piece.text):
        return False
    line = piece.text
    few = len(line.split()) <= 4 and line[-1] not in ".:;!?" and role_of(line) == "other" and not is_order(line)
    return is_date(line) or is_furniture(line) or is_field(line.partition(":")[0]) or (few and not _ITEM.match(line))


def _is_loose(piece: Piece) -> bool:
    """Whether a heading has no number and no purpose that is known."""
    return isinstance(piece, Heading) and not re.match(r"\d", piece.text) and role_of(piece.text) == "other"


def _is_plain(piece: Piece) -> bool:
    """Whether a line is no warning, no item and no note."""
    return (
        isinstance(piece, Text)
        and piece.note is None
        and not _ITEM.match(piece.text)
        and not (is_warning(piece.text) or is_forbidding(piece.text))
    )


_ITEM = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*[.)]?|[a-z][.)]|[•·*☐–-])\s+\S")


def _run(pieces: list[Piece], place: int, most: int) -> list[int]:
    """The places of the plain lines from one on, `most` of them at the most."""
    found: list[int] = []
    for n in range(place, min(place + most, len(pieces))):
        if not _is_plain(pieces[n]):
            break
        found.append(n)
    return found


def _person(pieces: list[Piece], place: int) -> set[int]:
    """The places of a heading and short lines that say whom to ask, all there is below it, or of such lines after a question."""
    piece = pieces[place]
    headed = _is_loose(piece) and not _LISTS.fullmatch(said(piece))
    if not headed and not (_is_plain(piece) and said(piece).endswith("?")):
        return set()
    lines = _run(pieces, place + headed, 7)
    closed = (
        not headed
        or place + headed + len(lines) == len(pieces)
        or isinstance(pieces[place + headed + len(lines)], Heading)
    )
    for count in (len(lines),) if headed else range(len(lines), 1, -1):
        some = lines[:count]
        heads, texts = [said(piece)] * headed, [said(pieces[n]) for n in some]
        if closed and some and not any(map(is_of_procedure, [*heads, *texts])) and tells_person(heads, texts):
            return {*([place] * headed), *some}
    return set()


_LISTS = re.compile(
    r"(?:key |important |useful |emergency )?(?:contacts?|kontakte?|contactos?)(?: (?:list|information|details|numbers|persons?|points?))?",
    re.I,
)


def _quoted(pieces: list[Piece], place: int) -> set[int]:
    """The places of what somebody says of himself, and of his name below it."""
    piece, after = pieces[place], pieces[place + 1 : place + 2]
    if not (_is_plain(piece) and after and _is_plain(after[0])):
        return set()
    line, name = said(piece), said(after[0])
    signed = _SIGNED.fullmatch(name.lstrip("–—- ")) is not None and len(name.split()) <= 9
    speaks = _SPEAKS.search(line) is not None or line[0] in '“„«"'
    return {place, place + 1} if signed and speaks and line[-1] in '.!”“»"' and not is_order(line) else set()


_SPEAKS = re.compile(r"\b(?:I|me|my|we|us|our|ich|mir|mich|wir|uns|je|nous|nos|yo|nosotros|nuestr[oa]s?)\b")
_SIGNED = re.compile(rf"(?:{NAME.pattern}|[^\W\d_a-z][^\W\d_]+,\s.{{3,50}})")


def _teased(pieces: list[Piece], place: int, known: Vocabulary, level: int) -> set[int]:
    """The places of a heading, a sentence or two and a few words that call to go on, of which the text knows little."""
    piece = pieces[place]
    sections = [other.level for other in pieces if isinstance(other, Heading) and role_of(other.text) != "other"]
    below = isinstance(piece, Heading) and (
        piece.away or piece.level > max(sections, default=0)
    )  # the text's are higher
    if not (_is_loose(piece) and below) and not (
        _is_plain(piece) and len(said(piece).split()) <= 10 and said(piece)[-1] not in ".:;"
    ):
        return set()
    for count in (3, 2):
        group = [place, *_run(pieces, place + 1, count)]
        if len(group) != count + 1:
            continue
        last, between = said(pieces[group[-1]]), [said(pieces[n]) for n in group[1:-1]]
        away = isinstance(tail := pieces[group[-1]], Text) and tail.away
        short = len(last.split()) <= _CALL_WORDS and last[-1] not in ".:;?!"
        calls = short and (away or is_order(last) or _GO_ON.match(last) is not None)
        factor = 1 if any(map(is_order, between)) and not away else _LED
        strange = known.is_strange(" ".join(said(pieces[n]) for n in group), factor)
        if calls and all(line[-1] in ".!?…" for line in between) and strange:
            return set(group)
    return set()


_LED = 1.4  # as of boxes that lead away: more of their words may be known
_GO_ON = re.compile(
    r"(?:more|see|learn|discover|explore|browse|mehr|weiter\w*|zur|zum|jetzt|hier|ver|leer|más|voir|lire|en savoir|suite|[\w-]+ (?:ansehen|lesen|öffnen|anmelden|buchen))\b",
    re.I,
)


def ending(pieces: list[Piece]) -> Iterator[int]:
    """The places of lines that begin what readers said of a page, or are asked."""
    for n, piece in enumerate(pieces):
        if isinstance(piece, Text | Heading) and _ENDS.fullmatch(piece.text.strip("•·*- ")):
            yield n


_ENDS = re.compile(
    r"\d{1,4} (?:remarks?|notes?|replies|answers|comments?|thoughts?|reviews?|kommentare?|antworten|comentarios?|commentaires?|réponses)|read by \d+(?: of \d+)?.{0,20}|"
    r"(?:was|were|is|are|did|do|does|how|how well|have) .{0,40}\b(?:clear|helpful|useful|easy to (?:follow|find|read)|(?:this|the) (?:page|article|guide|instruction)s?)\b.{0,30}\?|"
    r"\S.{0,40}\d{4},? (?:at )?\d{1,2}:\d{2}(?: ?[ap]m)?.{0,4}|(?-i:Previous ?[A-Z].{0,80}Next ?[A-Z].{0,80})|"
    r"(?:helpful|useful|hilfreich|útil|utile)\?.{0,12}|(?:write|add|leave|post) an? (?:remark|note|comment|reply|question)",
    re.I,
)

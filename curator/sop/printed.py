"""Pages that a browser printed: what the site has before the title, after the text and in it is taken out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from curator.sop.document import Origin, Table
from curator.sop.furniture import is_date, is_furniture, is_site_heading
from curator.sop.margins import beside, ending
from curator.sop.markup import is_warning
from curator.sop.metadata import names_document
from curator.sop.reading import SITE_MARK, Drops, Heading, Piece, Text, said
from curator.sop.residue import CONTENTS
from curator.sop.roles import folded, role_of
from curator.sop.strangers import stems
from curator.sop.verbs import is_forbidding, is_order


def of_page(pieces: list[Piece], title: str, drops: Drops) -> tuple[list[Piece], str]:
    """A page that a browser printed, and its title, without what the site has before the title, after the text and in it."""
    pieces = _without_contents(_noted(pieces, drops), drops)
    start = _titled(pieces, title)
    start = _after_site(pieces, title) if start < 0 else start
    pieces = _without_teasers(_without_margins(pieces, start, drops), start, drops) if start else pieces
    known = [n for n, piece in enumerate(pieces) if isinstance(piece, Heading) and role_of(piece.text) != "other"]
    if known and known[0] < start and _level(pieces[known[0]]) <= _level(pieces[start]):
        return pieces, title
    known = [n for n in known if n > start]
    last = max([start, *known])
    closing = [n for n, p in enumerate(pieces) if n > last and isinstance(p, Heading | Text) and _closes(p.text)]
    closing = sorted({*closing, *(n for n in ending(pieces) if n > last)})
    headed = next((n for n in closing if isinstance(pieces[n], Heading)), len(pieces))
    counted = [n for n, p in enumerate(pieces[:headed]) if isinstance(p, Text) and _COUNTED.match(p.text)]
    stop = next((n for n in closing if n > max([last, *counted])), len(pieces))  # a line in the text ends nothing
    text = [n for n in range(start, stop) if not _is_sites(pieces[n])]
    kept = set(_trimmed(pieces, text) if start else text)  # a page that begins with its title has no site around it
    for piece in (piece for n, piece in enumerate(pieces) if n not in kept):
        drops.add("boilerplate", said(piece), Origin(-1))
    head = pieces[start] if start < len(pieces) else None
    named = isinstance(head, Heading) and (_names(title, head.text) or start > 0)
    return [pieces[n] for n in sorted(kept)], head.text if named and isinstance(head, Heading) else title


def _without_margins(pieces: list[Piece], start: int, drops: Drops) -> list[Piece]:
    gone = {n for n in beside(pieces, start) if not _closes(said(pieces[n]))}  # those end the text
    for n in sorted(gone):
        drops.add("boilerplate", said(pieces[n]), Origin(-1))
    return [piece for n, piece in enumerate(pieces) if n not in gone]


def _noted(pieces: list[Piece], drops: Drops) -> list[Piece]:
    """The pieces with what stands below a heading such as "Warning" as a note of that kind."""
    out: list[Piece] = []
    for piece in pieces:
        above = out[-1] if out else None
        if isinstance(piece, Text) and isinstance(above, Heading) and _NOTE.fullmatch(above.text):
            drops.add("boilerplate", above.text, above.origin)
            out[-1] = Text(piece.text, piece.bold, above.text.strip("! :").lower(), piece.origin, piece.indent)
        else:
            out.append(piece)
    return out


def _without_contents(pieces: list[Piece], drops: Drops) -> list[Piece]:
    """The pieces without lines that say the headings below them, two or more: a list of contents."""
    below = {folded(piece.text): n for n, piece in enumerate(pieces) if isinstance(piece, Heading)}
    listed = [
        n
        for n, piece in enumerate(pieces)
        if isinstance(piece, Text) and below.get(folded(_NUMBER.sub("", piece.text)), -1) > n
    ]
    gone = set(listed) if len(listed) >= 2 else set()
    for n in sorted(gone):
        drops.add("toc", said(pieces[n]), pieces[n].origin)
    return [piece for n, piece in enumerate(pieces) if n not in gone]


def _without_teasers(pieces: list[Piece], start: int, drops: Drops) -> list[Piece]:
    """The pieces without what leads to other pages of the site from below the title on: lines of a few words right below it,
    and where the text knows at most half of its words, a heading of no known purpose with a few sentences that order nothing
    and a line that is a link away, or such a heading that is one itself, and the lines below it.
    """
    heads = [piece for piece in pieces[start + 1 :] if isinstance(piece, Heading)]
    if 2 * sum(head.away for head in heads) > len(heads):  # a page that is a link itself tells nothing by its links
        for piece in pieces:
            if isinstance(piece, Heading | Text):
                piece.away = False
        return pieces
    gone: set[int] = set()
    for n, head in enumerate(pieces[start:], start):
        if not isinstance(head, Heading) or (n > start and _is_known(head)):
            continue
        below = [*_plain_below(pieces, n)]
        links = [m for m in below if _leads_away(pieces[m])]
        if n == start:
            gone |= {m for m in links if len(said(pieces[m]).split()) <= 6}
            continue
        if head.away and not (links and links[0] <= n + 3):
            group = {n, *below} if len(below) <= 2 else {n}
        else:
            last = max(below, default=n) if len(links) > 1 else min(links, default=n)
            group = {n, *(m for m in below if m <= last)} if n < last <= n + (8 if len(links) > 1 else 3) else set()
        rest = _Known([piece for m, piece in enumerate(pieces[start:], start) if m not in group and m not in gone])
        led = rest.is_strange([pieces[m] for m in group], led=True)
        if group and led and (head.away or min(links) == n + 1 or rest.is_strange(pieces[n : n + 2])):
            gone |= group
    gone |= _led_lines(pieces, start, gone)
    for n in sorted(gone):
        drops.add("link-only", said(pieces[n]), Origin(-1))
    return [piece for n, piece in enumerate(pieces) if n not in gone]


def _led_lines(pieces: list[Piece], start: int, gone: set[int]) -> set[int]:
    """The places of lines in a text that lead away, and of the lines right before each, where the text has few of their words."""
    found: set[int] = set()
    known = _Known([piece for n, piece in enumerate(pieces[start:], start) if n not in gone])
    for n, piece in enumerate(pieces[start + 1 :], start + 1):
        if n in gone or not isinstance(piece, Text) or not _leads_away(piece) or said(pieces[n - 1]).endswith(":"):
            continue
        run = [n]
        while isinstance(before := pieces[run[-1] - 1], Text) and not _is_firm(before) and len(run) <= 3:
            listed = _DOT.match(before.text) or _is_known(
                pieces[run[-1] - 2]
            )  # an item, or the first line of a section
            if listed or is_order(before.text) or not known.is_strange([before], twice=True):
                break
            run.append(run[-1] - 1)
        if known.is_strange([pieces[m] for m in run], twice=True):
            found |= set(run)
    return found


def _leads_away(piece: Piece) -> bool:
    """Whether a line is a link to another page that is no form, record or procedure."""
    return isinstance(piece, Text | Heading) and piece.away and not names_document(piece.text)


def _plain_below(pieces: list[Piece], head: int) -> Iterator[int]:
    """The places of the first lines below a heading that are no list, no order and no warning, eight at most."""
    for n in range(head + 1, min(head + 9, len(pieces))):
        piece = pieces[n]
        if not isinstance(piece, Text) or _is_firm(piece) or (_DOT.match(piece.text) and not piece.away):
            return
        if is_order(piece.text) and not piece.away:
            return
        yield n


_NOTE = re.compile(r"(?:warning|caution|danger|important|note|tip)\W*", re.I)


def _titled(pieces: list[Piece], title: str) -> int:
    """The place of the heading that is the title of the page, the longest of those in it, -1 where there is none, or only the
    name of the site. A heading that begins with a part of the page's title, and goes on with what a site sets beside it, is cut
    to that part. A line in the first half that is most of the title is made one where no heading is.
    """
    for piece in pieces:
        if isinstance(piece, Heading) and not _names(title, piece.text):
            piece.text = _DOT.sub("", piece.text)
            parts = (part for part in SITE_MARK.split(title) if len(part) >= _TITLE and piece.text.startswith(part))
            piece.text = next((part for part in parts if len(piece.text) - len(part) <= _BESIDE_TITLE), piece.text)
    named = [n for n, piece in enumerate(pieces) if isinstance(piece, Heading) and _names(title, piece.text)]
    if named:
        best = max(named, key=lambda n: (len(said(pieces[n])), -n))
        return -1 if _is_name_of_site(pieces, best, title) else best
    for n, piece in enumerate(pieces[: len(pieces) // 2]):
        if isinstance(piece, Text) and 2 * len(piece.text) > len(title) and _names(title, piece.text):
            pieces[n] = Heading(piece.text, 1, piece.origin)
            return n
    return -1


def _is_name_of_site(pieces: list[Piece], place: int, title: str) -> bool:
    """Whether a heading is the lesser end of the page's title, and another as high stands before the first section."""
    name = said(pieces[place])
    if not title.rstrip("]) ").endswith(name) or 2 * len(name) > len(title):
        return False
    for piece in pieces[place + 1 :]:
        if _is_known(piece):
            return False
        if isinstance(piece, Heading) and piece.level <= _level(pieces[place]):
            return True
    return False


_TITLE, _BESIDE_TITLE = 8, 14  # letters: of a part of a title that tells, and of what stands beside it ("Print")


def _after_site(pieces: list[Piece], title: str) -> int:
    """The place of the first heading of the highest level that is not the name of the site in the page's title."""
    heads = [n for n, piece in enumerate(pieces) if isinstance(piece, Heading)]
    highest = min((_level(pieces[n]) for n in heads), default=0)
    top = [n for n in heads if _level(pieces[n]) == highest]
    own = next((n for n in top if folded(said(pieces[n])) not in folded(title)), 0)
    return own if top and own != top[0] else 0


def _level(piece: Piece) -> int:
    return piece.level if isinstance(piece, Heading) else 0


def _is_sites(piece: Piece) -> bool:
    """Whether a paragraph is of the site by its words alone."""
    if not isinstance(piece, Text):
        return False
    text = _NUMBER.sub("", piece.text)
    return is_furniture(piece.text) or is_date(text) or (len(text.split()) <= 12 and _closes(text))


def _trimmed(pieces: list[Piece], places: list[int]) -> list[int]:
    """The places of the text: without lines below the title, and lines and sections after the last that is a procedure's by its
    form, that speak of nothing that it speaks of.
    """
    first = next((n for n in places if isinstance(pieces[n], Heading)), -1)
    inner = [n for n in places if n > first]
    begin = next((n for n in inner if isinstance(pieces[n], Heading) or _is_firm(pieces[n])), -1)
    firm = [at for at, n in enumerate(inner) if _is_firm(pieces[n]) or _is_known(pieces[n])]
    end = (
        firm[-1] + 1 + _is_known(pieces[inner[firm[-1]]]) if firm else len(inner)
    )  # a known heading, and its first line
    core = _Known([pieces[n] for n in (first, *inner[:end]) if n == first >= 0 or n >= begin])
    gone = {n for n in inner if n < begin and _is_few_words(pieces[n]) and core.is_strange([pieces[n]])}
    for section in reversed([*_sections(pieces, inner[end:])]):  # from the end, as far as what is strange goes
        odd = _strange_of(section, pieces, core)
        gone |= odd
        if len(odd) < len(section):
            break
    listed = firm and _is_listed(
        next((pieces[n] for n in reversed(inner[:end]) if isinstance(pieces[n], Heading)), None)
    )
    for n in inner[end:]:
        if isinstance(pieces[n], Heading):
            break
        gone = gone - {n} if listed else gone
    return [n for n in places if n not in gone]


def _strange_of(section: list[int], pieces: list[Piece], core: _Known) -> set[int]:
    """The places of what is strange in a section after the text: all of it, or lines below its first.

    What leads to other pages, and what stands below that, tells nothing of a section with lines of its own before it: a site
    puts it below the last heading of the text.
    """
    led = next((at for at, n in enumerate(section) if _leads_away(pieces[n])), len(section))
    own = section[:led]
    bare = not own or (len(own) == 1 and isinstance(pieces[own[0]], Heading))
    if (
        core.is_strange([pieces[n] for n in section], led=True)
        if bare
        else all(core.is_strange([pieces[n] for n in some]) for some in (own, own[:2]))
    ):
        return set(section)
    beside = () if bare else section[led:]
    return {n for n in section[2:] if core.is_strange([pieces[n]])} | {
        n for n in beside if _leads_away(pieces[n]) or _is_few_words(pieces[n])
    }


def _sections(pieces: list[Piece], places: list[int]) -> Iterator[list[int]]:
    """The places below each heading, with it; each by itself of those before the first heading."""
    section: list[int] = []
    for n in places:
        if isinstance(pieces[n], Heading) or not section or not isinstance(pieces[section[0]], Heading):
            if section:
                yield section
            section = []
        section.append(n)
    if section:
        yield section


def _is_known(piece: Piece) -> bool:
    return isinstance(piece, Heading) and role_of(piece.text) != "other"


def _is_listed(head: Piece | None) -> bool:
    """Whether a heading is over what is listed: references, terms and parts may speak of anything."""
    return isinstance(head, Heading) and role_of(head.text) in (
        "references",
        "abbreviations",
        "definitions",
        "materials",
    )


def _is_firm(piece: Piece) -> bool:
    """Whether a piece is of a procedure by its form: a table of several rows, a numbered line, a warning."""
    if isinstance(piece, Table):
        return len(piece.rows) > 1
    if not isinstance(piece, Text):
        return False
    bare = _DOT.sub("", piece.text)
    return piece.note is not None or bool(_COUNTED.match(piece.text)) or is_warning(bare) or is_forbidding(bare)


def _is_few_words(piece: Piece) -> bool:
    few = isinstance(piece, Text) and len(piece.text.split()) <= 12 and piece.text[-1] not in ".!?"
    return few and folded(said(piece)) not in CONTENTS


class _Known:
    """The words of a text."""

    def __init__(self, pieces: list[Piece]) -> None:
        self._counts = Counter(stem for piece in pieces for stem in _stems(piece))
        self._words = frozenset(self._counts)

    def is_strange(self, pieces: list[Piece], *, led: bool = False, twice: bool = False) -> bool:
        """Whether the text has few of the words of some other pieces; none at all, where these give orders, and up to half,
        orders or not, where they lead to other pages. `twice` where the pieces are part of the text: its own words count then
        where they stand there once more.
        """
        if twice:
            counts = Counter(stem for piece in pieces for stem in _stems(piece))
            few = sum(self._counts[stem] > count for stem, count in counts.items()) <= _FEW * len(counts)
            return len(self._words) >= _TELLING and bool(counts) and few
        own = frozenset(stem for piece in pieces for stem in _stems(piece))
        if led:
            return len(self._words) >= _TELLING and len(own & self._words) <= _HALF * len(own)
        orders = any(isinstance(p, Text) and p.text[-1] == "." and is_order(_DOT.sub("", p.text)) for p in pieces)
        return len(self._words) >= _TELLING and len(own & self._words) <= (0 if orders else _FEW * len(own))


def _stems(piece: Piece) -> list[str]:
    """The words of a piece, those of two numbers ("glove", "gloves") as one."""
    return [stem[:5].rstrip("s") for stem in stems(said(piece))]


_HALF = 0.5
_FEW = 0.25  # of the different words of a line or a section
_TELLING = 40  # different words of a text below which it knows too little to tell
_NUMBER = re.compile(r"^(?:\d{1,2}[.)]|[•·*-])\s+")


def _names(title: str, text: str) -> bool:
    """Whether a heading is the title of a page less what a site adds to it at either end."""
    whole, part = title.casefold(), text.casefold()
    before, found, after = whole.partition(part)
    beside = f"{before.strip()[-1:]}{after.strip()[:1]}"
    return bool(found) and (whole == part or (len(part) > 3 and not any(map(str.isalnum, beside))))


def _closes(text: str) -> bool:
    """Whether a line is what a site puts after a text: a vote, related articles, comments."""
    bare = _DOT.sub("", text)
    return is_site_heading(bare) or _VOTE.match(bare) is not None


_COUNTED = re.compile(r"\d{1,2}[.)]\s+\S")
_DOT = re.compile(r"^[•·*-]\s+")
_VOTE = re.compile(
    r"(?:was|is|did you find|did) (?:this|the|it|that)\b.{0,30}\b(?:helpful|useful|clear|answer|help|solve)\b.{0,60}",
    re.I,
)

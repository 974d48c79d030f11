"""Parts inside a text that speak of other things than the text: promotions, notices of the site, news, comments.

No word list knows what the next site will put between two sections. But a text speaks of the same things throughout: most
words of a section stand in other sections too, and hardly any of those of an advertisement. So each box (a `div`, with all
others of its name) that is a small share of the content is asked how many of its words the rest has; few, and it goes.
Boxes that say by their form what they are (a heading of known purpose, a warning, orders, a table or a list alone) stay.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice, takewhile
from math import log2
from typing import Any

from curator.sop.furniture import is_site_heading, speaks_of_page
from curator.sop.markup import (
    HEADINGS,
    is_bold,
    is_note,
    is_warning,
    note_of,
    own_words,
    siblings,
    text_of,
    upwards,
    wraps_note,
)
from curator.sop.metadata import names_document
from curator.sop.reading import Drops, clean, words_of
from curator.sop.roles import role_of
from curator.sop.verbs import is_forbidding, is_order

_BOXES = ("div", "section", "aside", "blockquote", "details", "center", "fieldset", "header", "footer", "form")
_ITEMS = frozenset(("li", "td", "th", "dd", "dt", "caption", "p", *HEADINGS))
FEW = 3  # words below which nothing is told
FEW_SPOKEN = 4  # likewise, of a sentence in which a site speaks of itself
FEW_SAID = 6  # likewise, of any other sentence without a link and a heading
_TELLING = 60  # different words of a text below which it knows too little to tell
# Of the different words of a part, the share that the rest must have: a text of 150 different words knows a quarter of those
# of any notice by chance, one of 1,200 half of them. Of the blocks of real procedures, 5 % lie below in short texts, 1 % in long.
_LEAST, _MOST, _EACH_DOUBLING, _SHORT = 0.25, 0.5, 0.085, 150
FIRM = 0.5  # of these shares, for parts that look like the text: named as parts of it, or three and more of one name
LOOSE = 1.4  # of these shares, for parts that hold a link or a heading of no known purpose, or stand beside the text
_OPENING = 0.5  # of the words of a line that opens a text, the share that stands in it twice
_LARGE = 0.25  # of the text: boxes of one name that hold more are the text
_STEM = 6  # letters that two forms of a word share

_OURSELVES = re.compile(r"\b(?:we|us|our|wir|uns|unser\w{0,2}|nous|notre|nos|nosotros|nuestr[oa]s?)\b", re.I)

_MYSELF = re.compile(r"\b(?:I|I['’]m|my|let me|ich|mein\w{0,2}|yo|je|j['’]|mon|mes)\b")

_COMMON = frozenset("""
    about above after again all also and any are because been before being below between both but can could did does doing down during each few for from further
    had has have having here how into its itself just like made make many may might more most must not now off once one only other our out over own same shall she should
    some such than that the their them then there these they this those through too two under until upon very was were what when where which while who whom why will
    with within without would you your yours per via use used using
    der die das und ist nicht ein eine einen einem einer eines sie wir ihr mit auf für von zum zur den dem des auch sich aus bei nach wie aber oder wenn kann
    werden wird sind hat haben nur über durch dass diese dieser dieses man muss unter vor bis
    les une des est que qui dans pour pas sur avec cette ces par plus sont ont vous nous leur son ses tout tous peut fait comme aux
    los las una del para con por que como más pero este esta estos estas ser son está han hay muy también sin sobre entre cuando todo todos
""".split())  # fmt: skip


_PURPOSE = re.compile(
    r"(?:to|how to|zum|zur|para|pour) \w+|(?:this|the|these|use this|follow (?:this|these)|diese[rs]?|est[ae]|cette|cet?) (?:\w+ )?(?:procedures?|sops?|documents?|protocols?|(?:work )?instructions?|guides?|polic(?:y|ies)|runbooks?|playbooks?|steps|"
    r"verfahren|dokument|anweisung|arbeitsanweisung|anleitung|procedimiento|documento|protocolo|instrucci[oó]n|guía|procédure|protocole|instruction|mode)\b",
    re.I,
)


def says_purpose(line: str) -> bool:
    """Whether a line says what a procedure is for ("This procedure describes …", "To clean …")."""
    return _PURPOSE.match(line) is not None


class Vocabulary:
    """How often each word stands in a text; forms of a word count as one."""

    def __init__(self, text: str) -> None:
        self._counts = stems(text)

    def share(self, text: str, least: int = FEW) -> float | None:
        """The share of the different words of a part that the rest of the text has too, None where they are too few."""
        own = stems(text)
        if len(own) < least:
            return None
        return sum(self._counts[word] > count for word, count in own.items()) / len(own)

    def is_strange(self, text: str, factor: float = 1, least: int = FEW) -> bool:
        """Whether the rest of the text knows few of the words of a part, of which it has `least`; `factor` moves what few is."""
        share = self.share(text, least) if self.tells else None
        grown = _EACH_DOUBLING * log2(max(len(self._counts), _SHORT) / _SHORT)
        return share is not None and share < factor * min(_MOST, _LEAST + grown)

    @property
    def tells(self) -> bool:
        """Whether the text has words enough to know what is not its own."""
        return len(self._counts) >= _TELLING

    def is_aside(self, text: str) -> bool:
        """Whether the rest of the text has fewer than half of the words of a line twice: not what a text opens with."""
        own = stems(text)
        known = sum(self._counts[word] > count + 1 for word, count in own.items())
        return known < _OPENING * len(own) or not own

    def forget(self, text: str) -> None:
        self._counts.subtract(stems(text))


def stems(text: str) -> Counter[str]:
    """The words of a text that say what it speaks of, each by its first letters."""
    words = (word for word in words_of(text) if len(word) >= 3 and word not in _COMMON)
    return Counter(word[:_STEM] for word in words if not word.isdecimal())


def prune_strangers(content: Any, vocabulary: Vocabulary, drops: Drops) -> None:
    """Take out of a text the boxes that speak of something else."""
    whole = max(1, len(content.text_content()))
    groups: dict[tuple[Any, ...], list[Any]] = {}
    for part in (*content.iterdescendants(*_BOXES), *filter(_is_box, content.iterdescendants("table"))):
        if _is_bare_wrapping(part, content):
            continue  # judged with the box that holds nothing else
        groups.setdefault(_signature(part), []).append(part)
    for (_, name, *_), named in groups.items():
        parts = [part for part in named if content in part.iterancestors()]
        if name is None:  # boxes without a name have nothing in common but the place
            parts = [part for part in parts if not _is_kept(part, content)]
        if len(parts) >= 3 and all(is_lone_heading(part) for part in parts):
            continue  # the headings of the text, each in a box of its own
        said = " ".join(part.text_content() for part in parts)
        if not said.strip() or len(said) > _LARGE * whole or any(_is_kept(part, content) for part in parts):
            continue
        odd = any(next(part.iter("a", *HEADINGS), None) is not None for part in parts)
        spoken = _OURSELVES.search(said) is not None or speaks_of_page(said)
        alone = name is not None and len(parts) == 1 and _is_aside(parts[0], vocabulary)
        if alone or vocabulary.is_strange(
            said,
            FIRM if len(parts) >= 3 else LOOSE if odd else 1,
            (FEW_SPOKEN if spoken else FEW_SAID) if said.strip().endswith(".") and not odd else FEW,
        ):
            for part in parts:
                drops.take(part)
            vocabulary.forget(said)
    _prune_told_aside(content, vocabulary, drops)


def _prune_told_aside(content: Any, vocabulary: Vocabulary, drops: Drops) -> None:
    """Take out notes and paragraphs by which a site speaks of itself, or leads away."""
    for part in list(content.iterdescendants("div", "section", "aside", "blockquote")):
        mild = note_of(part) in _MILD and content in part.iterancestors() and not _in_item(part, content)
        if not mild or _in_warning(part, content):
            continue
        if _is_aside(part, vocabulary, _HARDLY) or _is_of_page(part, vocabulary):
            drops.take(part)
    for line in list(content.iterdescendants("p")):
        said = line.text_content()
        warns = (is_warning(clean(said)) and not speaks_of_page(said)) or is_forbidding(clean(said))
        if warns or _in_item(line, content):
            continue
        last = _is_last(line, content)
        told = last and marks(line) >= MANY
        if (
            told
            or _is_caption(line, vocabulary)
            or (
                (_leads_off(line) or _invites(line) or (last and _parts(line, vocabulary)))
                and vocabulary.is_strange(said, LOOSE)
            )
        ):
            drops.take(line)
            vocabulary.forget(said)


_HARDLY = 0.2  # of the words that a text knows of other boxes: of what calls itself a note
_MILD = frozenset(("info", "note", "tip", "hint", "success", "example"))  # of notes: those that warn of nothing


def _is_box(table: Any) -> bool:
    """Whether a table is a single cell: a box, as editors of mails and desks draw it."""
    cells = list(islice(table.iter("td", "th"), 2))
    return len(cells) == 1 and next(cells[0].iterdescendants("ol", "pre"), None) is None


def _is_aside(part: Any, vocabulary: Vocabulary, factor: float = 1, least: int = 4) -> bool:
    """Whether a part is a sentence or two that order, warn and count nothing, and of which the text has few, of `least` words."""
    said = clean(text_of(part))
    formed = next(part.iterdescendants("ol", "ul", "table", "pre", "dl", *HEADINGS), None) is not None
    if (
        formed
        or not said
        or said[-1] not in ".!?"
        or re.search(r"\d", said)
        or not vocabulary.is_strange(said, factor, 4)
    ):
        return False
    orders = any(map(is_order, re.split(r"(?<=[.!?;])\s+", said)))
    return not (orders or is_warning(said) or is_forbidding(said) or says_purpose(said))


def _is_of_page(part: Any, vocabulary: Vocabulary) -> bool:
    """Whether a note is a few sentences that speak of the page, of which the text has few words."""
    said = clean(text_of(part))
    formed = next(part.iterdescendants("ol", "ul", "table", "pre", "dl"), None) is not None
    few = len(said.split()) <= _NOTE_WORDS and not formed and not is_forbidding(said)
    return few and speaks_of_page(said) and vocabulary.is_strange(said, LOOSE)


_NOTE_WORDS = 40


def _leads_off(line: Any) -> bool:
    """Whether a paragraph is one link away, after a sentence that does not announce it, and to no document."""
    links = [link for link in line.iter("a") if clean(link.text_content())]
    said = clean(line.text_content())
    if len(links) != 1 or clean(links[0].text_content()) != said or not 3 <= len(said.split()) <= 12:
        return False
    href = links[0].get("href") or ""
    before = _beside(line, preceding=True)
    announced = before is None or before.tag in HEADINGS or clean(before.text_content()).endswith(":")
    return bool(href) and not (href.startswith(("#", "mailto:", "tel:")) or announced or names_document(said))


def _invites(line: Any) -> bool:
    """Whether a paragraph in which a site speaks of itself leads somewhere else."""
    links = [link.get("href") or "" for link in line.iter("a")]
    away = bool(links) and not any(link.startswith(("mailto:", "tel:", "#")) for link in links)
    return away and _OURSELVES.search(line.text_content()) is not None


def marks(line: Any) -> int:
    """How much of a paragraph is as a site speaks of itself: in italics, of him who writes, of "us", of the page, a question to
    begin with, a link away.
    """
    said = clean(line.text_content())
    spoken = (_MYSELF.search(said), _OURSELVES.search(said), _ASKS.match(said))
    links = [link.get("href") or "" for link in line.iter("a") if clean(link.text_content())]
    away = bool(links) and not any(re.match(r"#.|mailto:|tel:", link) for link in links) and not names_document(said)
    return sum(found is not None for found in spoken) + _is_slanted(line) + speaks_of_page(said) + away


MANY = 3  # marks that tell a site whatever the words are


def _is_slanted(line: Any) -> bool:
    """Whether a paragraph is in italics or in small letters; pictures and breaks aside."""
    inner = [part for part in line if isinstance(part.tag, str) and part.tag not in ("img", "br")]
    bare = not any(clean(text or "") for text in (line.text, *(part.tail for part in line)))
    return bare and bool(inner) and all(part.tag in ("em", "i", "small") for part in inner)


def _is_caption(line: Any, vocabulary: Vocabulary) -> bool:
    """Whether a paragraph is a picture and a few slanted words about it that the text does not know."""
    said = clean(line.text_content())
    few = 0 < len(said.split()) <= 12 and said[-1] not in ".:;!?" and not re.search(r"\d", said)
    return few and next(line.iter("img"), None) is not None and _is_slanted(line) and vocabulary.is_strange(said)


def _is_last(line: Any, content: Any) -> bool:
    """Whether a paragraph ends the text."""
    above = [line, *takewhile(lambda part: part is not content, upwards(line))]
    return all(_beside(part, preceding=False) is None for part in above)


def _parts(line: Any, vocabulary: Vocabulary) -> bool:
    """Whether the last paragraph is in italics, begins with a question, speaks of the page or of him who writes, or of what the
    text hardly knows a word of; or stands below a rule.
    """
    said = clean(line.text_content())
    speaks = _MYSELF.search(said) is not None or speaks_of_page(said)
    asks = _ASKS.match(said) is not None and not is_order(said) and not is_order(said.partition("? ")[2])
    before = _beside(line, preceding=True)
    first = before is None or before.tag in HEADINGS  # of its section
    odd = not first and _is_aside(line, vocabulary, FIRM, FEW_SAID)
    ruled = next((other.tag == "hr" for other in _others(line, preceding=True)), False)
    shouts = is_bold(line) and next(line.iter("a"), None) is not None
    return _is_slanted(line) or speaks or asks or odd or ruled or shouts


_ASKS = re.compile(r"(?:[^\s?.]+ ){1,5}[^\s?.]+\? \S|\S+\? \S")


def _signature(part: Any) -> tuple[Any, ...]:
    """What boxes of one kind have in common: the tag and the classes without numbers; without a class, the parent."""
    given = [name.rstrip("0123456789_-") for name in (part.get("class") or "").split()]
    names = sorted(name for name in given if name and not re.search(r"\d", name)) or given
    return (part.tag, *names) if names else (part.tag, None, id(part.getparent()))


def _is_bare_wrapping(part: Any, content: Any) -> bool:
    """Whether a box without a class is all that another box holds."""
    around = part.getparent()
    if part.get("class") or around is content or around.tag not in _BOXES:
        return False
    return clean(around.text_content()) == clean(part.text_content())


def _is_link(cell: Any) -> bool:
    """Whether a cell is a link to another page and nothing else."""
    links = [link for link in cell.iter("a") if not re.match(r"#.", link.get("href") or "")]
    return clean(" ".join(link.text_content() for link in links)) == clean(cell.text_content())


_NUMBERED = re.compile(
    r"(?:figure|fig\.|illustration|table|photo|diagram|abbildung|abb\.|bild|tabelle|tab\.|figura|ilustración|imagen|tabla|tableau|schéma|image) ?\d{1,3}(?:[.-]\d{1,2})?\s*[:.–-]",
    re.I,
)  # as captions begin
_CAPTION_WORDS = 40


def is_numbered_caption(part: Any) -> bool:
    """Whether a part is a picture's or a table's number and what it shows ("Figure 1: ..."), no word of it a link."""
    said = clean(part.text_content())
    few = _NUMBERED.match(said) is not None and len(said.split()) <= _CAPTION_WORDS
    return few and not any(clean(link.text_content()) for link in part.iter("a"))


def is_told(part: Any) -> bool:
    """Whether the form of a part says that it is content, whatever it speaks of: its heading, code, a table, a warning."""
    said = clean(part.text_content())
    if (
        wraps_note(part)
        or is_numbered_caption(part)
        or is_warning(said)
        or (next(part.iter("a", "button"), None) is None and is_forbidding(said))
    ):
        return True
    heads = [clean(text_of(head)) for head in part.iter(*HEADINGS)]
    if any(role_of(head) != "other" for head in heads) or next(part.iter("pre", "h1"), None) is not None:
        return True
    if heads and not any(map(is_site_heading, heads)):
        if _is_one_of_series(part) and (_is_section(part) or _orders(part)):
            return True
        if _orders(part, least=2) and any(map(is_note, part.iter("div", "section", "aside", "blockquote"))):
            return True
    tables = (table for table in part.iter("table") if not (_is_box(table) or _is_menu(table)))
    return counts_up(part) or (not heads and next(tables, None) is not None)


def _is_menu(table: Any) -> bool:
    """Whether a table is one column, of which two cells or more, and half of those with words, are links and nothing else."""
    rows = [[cell for cell in row.iter("td", "th") if clean(cell.text_content())] for row in table.iter("tr")]
    if any(len(cells) > 1 for cells in rows):
        return False
    cells = [cell for row in rows for cell in row]
    linked = sum(map(_is_link, cells))
    return linked >= 2 and 2 * linked >= len(cells)


def _is_section(part: Any) -> bool:
    """Whether a part is a section as generators of manuals write it: no class but one for its level, or its heading's id."""
    names = part.get("class") or ""
    if part.tag not in ("div", "section") or not _LEVEL.fullmatch(names):
        return False
    head = next(part.iter(*HEADINGS))
    first = next(text for t in part.itertext() if (text := clean(t)))
    return clean(text_of(head)).startswith(first)


_LEVEL = re.compile(r"(?:sect(?:ion)?-?[1-6]?|level-?[1-6])?", re.I)


def _orders(part: Any, least: int = 1) -> bool:
    """Whether half the items of a part, none of which is a link, are orders, and at least some."""
    items = [clean(text_of(item)) for item in part.iter("li") if next(item.iter("a"), None) is None]
    return len(items) >= least and 2 * sum(map(is_order, items)) >= len(items)


def _is_one_of_series(part: Any) -> bool:
    """Whether a part is one of three or more side by side that share a class, or have none, and begin with headings of one level."""
    names, level = set((part.get("class") or "").split()), next(part.iter(*HEADINGS)).tag

    def is_alike(other: Any) -> bool:
        head = next(other.iter(*HEADINGS), None) if isinstance(other.tag, str) else None
        others = set((other.get("class") or "").split())
        shared = bool(names & others) or (other.tag == part.tag and not names and not others)
        return head is not None and head.tag == level and shared

    return len(list(islice(filter(is_alike, siblings(part)), 2))) == 2


def counts_up(part: Any) -> bool:
    """Whether a part holds a numbered list that is no list of links, or is named as a step or as what a click opens."""
    for items in ([item for item in listed if item.tag == "li"] for listed in part.iter("ol")):
        linked = sum(len(clean(link.text_content())) for item in items for link in item.iter("a"))
        said = [clean(item.text_content()) for item in items]
        words = sum(len(text.split()) for text in said)
        told = words >= 6 * len(items) or any(text[-1:] in ".;:!" or is_order(text) for text in said)
        if len(items) >= 2 and words >= 4 * len(items) and told and 2 * linked < sum(map(len, said)):
            return True
    return _STEPPED.search(own_words(part)) is not None


_STEPPED = re.compile(
    r"(?:^|[\s_-])(?:steps?|instructions?|procedure|expand(?:er|able)?|accordion|collapsible|prerequisites?)(?:[\s_-]|$)",
    re.I,
)


def _in_item(part: Any, content: Any) -> bool:
    inside = (above for above in upwards(part) if above.tag in _ITEMS and content in above.iterancestors())
    return any(above.tag not in ("td", "th") or not _places(above) for above in inside)


def _in_warning(part: Any, content: Any) -> bool:
    """Whether a part stands in a note that warns."""
    above = takewhile(lambda element: element is not content, upwards(part))
    return any(kind is not None and kind not in _MILD for kind in map(note_of, above))


def _places(cell: Any) -> bool:
    """Whether a cell places a text: it holds headings or tables."""
    return next(cell.iterdescendants("h1", "h2", "h3", "table"), None) is not None


def _is_kept(part: Any, content: Any) -> bool:
    """Whether a box stays whatever it speaks of."""
    if opens_text(part, clean(part.text_content())):
        return True
    if _in_item(part, content) or is_told(part) or _in_warning(part, content):
        return True
    around = part.getparent()
    if around is not content and around.tag in _BOXES and clean(around.text_content()) == clean(part.text_content()):
        return _is_kept(around, content)
    if part.tag == "blockquote" and not part.get("class"):
        return True
    if is_all_below(part):
        return True
    before = _beside(part, preceding=True)
    items = [clean(text_of(item)) for item in part.iter("li")]
    if not items or " ".join(items) != clean(text_of(part)):
        return False
    leads = before is not None and clean(before.text_content()).endswith(":")
    return leads or 2 * sum(map(is_order, items)) >= len(items)


def opens_text(part: Any, said: str) -> bool:
    """Whether a part without a name is the sentences between the beginning of a text and its first heading.

    Asciidoctor names all that stands there, the preamble.
    """
    names = {part.get(key) for key in ("class", "id", "role")} - {None, "preamble"}
    formed = next(part.iter("a", "button", "ol", "ul", "table", "pre", *HEADINGS), None) is not None
    if part.tag != "div" or names or formed or len(said.split()) < _INTRODUCTION or said[-1] not in ".!:":
        return False
    around = [other for other in part.getparent() if isinstance(other.tag, str) and clean(other.text_content())]
    return around[0] is part and len(around) > 1 and next(around[1].iter(*HEADINGS), None) is not None


_INTRODUCTION = 12  # words


def is_all_below(part: Any) -> bool:
    """Whether a part is all there is below a heading, or the first below it of several that are named alike."""
    before, after = _beside(part, preceding=True), _beside(part, preceding=False)
    headed = before is not None and is_lone_heading(before) and not is_site_heading(clean(before.text_content()))
    return headed and (after is None or is_lone_heading(after) or _is_named_as_others(part))


def _is_named_as_others(part: Any) -> bool:
    """Whether two parts or more beside one have its class: the paragraphs of some editors."""
    alike = (other for other in siblings(part) if other.tag == part.tag and other.get("class") == part.get("class"))
    return bool(part.get("class")) and len(list(islice(alike, 2))) == 2


def is_lone_heading(part: Any) -> bool:
    """Whether a part is a heading, or a heading in a box of its own."""
    head = next(part.iter(*HEADINGS), None)
    return head is not None and not re.search(r"\w", clean(part.text_content()).replace(clean(text_of(head)), "", 1))


def _beside(part: Any, *, preceding: bool) -> Any:
    """The next part before or after one that says something, None where there is none."""
    return next((other for other in _others(part, preceding) if clean(other.text_content())), None)


def _others(part: Any, preceding: bool) -> Iterator[Any]:
    return (other for other in part.itersiblings(preceding=preceding) if isinstance(other.tag, str))

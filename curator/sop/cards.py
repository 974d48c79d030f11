"""Cards that a site sets beside a text: whom to ask, which other pages there are, a few facts; told by their form."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from curator.sop.furniture import heads_links, is_date
from curator.sop.markup import BLOCKS, HEADINGS, is_note, is_warning, own_words, siblings, upwards
from curator.sop.metadata import is_field
from curator.sop.reading import Drops, clean
from curator.sop.roles import role_of
from curator.sop.strangers import Vocabulary
from curator.sop.verbs import is_forbidding, is_order

_PARTS = ("div", "section", "aside", "figure", "address", "article")
_SOLID = ("ol", "pre", "table", "h1", "main", "form")
_MOST_PARTS = 60  # elements of a card
_MOST_WORDS = 45  # of a card
_LINE_WORDS = 9  # of a line of a card of a person
_TEASED_WORDS = 30  # of a card that leads to another page


def prune_cards(root: Any, drops: Drops) -> None:
    """Take out cards of facts, of persons, and rows of cards that lead to other pages."""
    for table in list(root.iter("table")):
        if (_is_floated(table) and is_facts(table)) or _is_index(table):
            drops.take(table)
    for part in list(root.iter("div", "section")):
        if _is_fields(part) and _in_root(part, root):
            drops.take(part)
    for part in list(root.iter(*_PARTS)):
        if _is_person(part) and _in_root(part, root):
            drops.take(part)
    for around in list(root.iter("div", "section", "ul")):
        if (row := _row(around)) and _in_root(around, root):
            for part in row:
                drops.take(part)


def _in_root(part: Any, root: Any) -> bool:
    """Whether a part has not been taken out with one that held it."""
    return part is root or any(above is root for above in part.iterancestors())


# ---------------------------------------------------------------------- facts


def _is_floated(table: Any) -> bool:
    style = (table.get("style") or "").replace(" ", "").lower()
    return "float:" in style or table.get("align") in ("right", "left") or _INFOBOX.search(own_words(table)) is not None


_INFOBOX = re.compile(
    r"(?:^|[\s_-])(?:info-?box|fact-?box|float-?(?:right|left)|align-?(?:right|left))(?:[\s_-]|$)", re.I
)


def is_facts(table: Any) -> bool:
    """Whether a table is a name and a value a row, none of which a procedure needs; known fields are metadata."""
    rows = [[_said(cell) for cell in row if cell.tag in ("td", "th")] for row in table.iter("tr")]
    pairs = [row for row in rows if len(row) == 2]
    cells = [cell for row in rows for cell in row if cell]
    labels = [row[0] for row in pairs]
    if not pairs or any(len(row) > 2 for row in rows) or sum(len(cell.split()) for cell in cells) > 80:
        return False
    if next(table.iter("ol", "ul", "pre"), None) is not None or any(map(is_of_procedure, cells)):
        return False
    return 2 * sum(map(is_field, labels)) < len(labels)


def _is_index(table: Any) -> bool:
    """Whether each row of a table, two or more, is a link to another page and then counts and dates: a list of topics of a site."""
    rows = [[cell for cell in row if cell.tag == "td"] for row in table.iter("tr")]
    rows = [row for row in rows if row]
    if len(rows) < 2 or not all(len(row) >= 2 for row in rows) or not table.xpath("descendant::a"):
        return False
    for first, *others in rows:
        said = clean(first.text_content())
        led = any(
            clean(link.text_content()) == said and not (link.get("href") or "").startswith("#")
            for link in first.iter("a")
        )
        if not led or _NUMBERED.search(said) or not all(map(_is_count, others)):
            return False
    return True


def _is_count(cell: Any) -> bool:
    said = clean(cell.text_content())
    return not said or is_date(said) or re.fullmatch(r"\d[\d.,]*[kKmM]?", said) is not None


def _is_fields(part: Any) -> bool:
    """Whether a part is names of fields and their values, three pairs or more, two of the fields known: each in a part of its own,
    the names in parts of one class.
    """
    inner = [child for child in part if isinstance(child.tag, str)]
    if not 3 <= len(inner) <= 60 or any(child.tag not in ("div", "span", "p") for child in inner):
        return False
    if next(part.iterdescendants(*_SOLID, "ul", *HEADINGS), None) is not None:
        return False
    pairs = [[child for child in row if isinstance(child.tag, str)] for row in inner]
    if not all(len(pair) == 2 for pair in pairs):
        pairs = [inner[n : n + 2] for n in range(0, len(inner), 2)]
    if len(pairs) < 3 or len(pairs[-1]) != 2:
        return False
    labels = [clean(pair[0].text_content()) for pair in pairs]
    classes = {pair[0].get("class") for pair in pairs}
    known = [label for label in labels if is_field(label) or _FIELD.fullmatch(label.rstrip(":"))]
    return (
        len(classes) == 1
        and (classes != {pairs[0][1].get("class")} or (inner[0] is not pairs[0][0] and _are_alike(inner)))
        and all(0 < len(label.split()) <= 4 and (label in known or role_of(label) == "other") for label in labels)
        and len(known) >= 2
    )


def _are_alike(parts: list[Any]) -> bool:
    """Whether parts share a class."""
    return bool(parts[0].get("class")) and len({part.get("class") for part in parts}) == 1


_FIELD = re.compile(
    r"(?:\w+ )?(?:licen[cs]e|citation|status|keywords?|doi|funders?|difficulty|time required|sections|duration|reading time|audience|last \w+|next \w+|lizenz|schlagwörter|licencia|palabras clave|licence|mots[- ]clés|(?:\w+ )*id)",
    re.I,
)


def is_of_procedure(said: str) -> bool:
    """Whether a line warns, forbids, orders, or names a section of a procedure."""
    ordered = len(said.split()) > 3 and is_order(said.partition(",")[0]) and not _WRITES.match(said)
    return is_warning(said) or is_forbidding(said) or ordered or role_of(said) != "other"


_WRITES = re.compile(
    r"(?:write|send|drop) (?:an? )?(?:e?-?mail|message|line|note) to|(?:e-?mail|call|contact|ask|ring|message) [^\W\d_]+$",
    re.I,
)


# ---------------------------------------------------------------------- persons


def _is_person(part: Any) -> bool:
    """Whether a part is a card of somebody to ask: short lines, a name or a number among them, and no order."""
    words = len(part.text_content().split()) if _is_small(part) else 0
    if not 2 <= words <= _MOST_WORDS or not (part.get("class") or part.tag == "address") or is_note(part):
        return False
    if next(part.iterdescendants(*_SOLID), None) is not None or any(a.tag in _IN_TEXT for a in upwards(part)):
        return False
    heads = [_said(head) for head in part.iter(*HEADINGS)]
    lines = [line for line in lines_of(part) if line not in heads]
    if len(heads) > 1 or not lines or any(map(is_of_procedure, [*heads, *lines])):
        return False
    if heads and _is_one_of_sections(part):
        return False
    linked = any((a.get("href") or "").startswith(("mailto:", "tel:")) for a in part.iter("a"))
    return tells_person(heads, lines, linked=linked, called=_PERSON.search(own_words(part)) is not None)


def tells_person(heads: list[str], lines: list[str], *, linked: bool = False, called: bool = False) -> bool:
    """Whether lines below a heading, if there is one, say whom to ask: a name or a way to reach somebody, in short lines.

    `linked` where one is a link to write or call, `called` where the part is named so.
    """
    asked = [line for line in lines if line.endswith("?")]
    plain = [line for line in lines if line not in asked]
    if any(len(line.split()) > _LINE_WORDS or line[-1] in ".!;:" for line in plain) or len(asked) > 1:
        return False
    if any(_URGENT.search(line) for line in (*heads, *lines)):
        return False
    reached = linked or any(_REACHED.search(line) for line in plain)
    named = any(NAME.fullmatch(line) for line in plain)
    asks = bool(asked) or any(head.endswith("?") or _ASK.search(head) for head in heads)
    return (reached or named) and reached + named + called + asks >= (2 if called or asks else 3)


def _said(part: Any) -> str:
    """The text of a part, a space where a block begins or ends."""
    return " ".join(lines_of(part))


def lines_of(part: Any) -> list[str]:
    """The lines of a part: what stands between two blocks or breaks."""
    from lxml import etree

    out = [""]
    for event, node in etree.iterwalk(part, events=("start", "end")):
        if node.tag in BLOCKS or node.tag == "br":
            out.append("")
        if node is not part or event == "start":
            out[-1] += (node.text if event == "start" else node.tail) or ""
    return [said for line in out if (said := clean(line))]


def _is_one_of_sections(part: Any) -> bool:
    """Whether a part stands among two others or more of its name that begin with a heading: sections of the text."""
    alike = (other for other in siblings(part) if other.tag == part.tag and other.get("class") == part.get("class"))
    return len(list(islice((other for other in alike if next(other.iter(*HEADINGS), None) is not None), 2))) == 2


def _is_small(part: Any) -> bool:
    """Whether a part has no more elements than a card."""
    return len(list(islice(part.iter(), _MOST_PARTS))) < _MOST_PARTS


_IN_TEXT = frozenset(("li", "td", "th", "p", "dd", "blockquote"))
_REACHED = re.compile(
    r"\S@\S|\b(?:tel|phone|ext|extension|fax|mobile|room|office|telefon|durchwahl|raum|teléfono|tél(?:éphone)?|bureau)\b\.?\s*:?\s*\+?[\w(]*\d|\+\d[\d ()-]{6,}",
    re.I,
)
NAME = re.compile(
    r"(?:(?:dr|prof|mr|mrs|ms|herr|frau|sr|sra|mme|m)\.?\s+)?(?:[^\W\d_a-z][\w'’-]*\.?\s+){1,3}(?:(?:van|von|de|del|der|la|le|al)\s+)*[^\W\d_a-z][\w'’-]+(?:,\s.{2,40})?"
)
_PERSON = re.compile(
    r"(?:^|[\s_-])(?:person\w*|contact\w*|profile\w*|v-?card\w*|people|staff\w*|owner\w*|expert\w*|portrait|avatar|ansprechpartner\w*|kontakt\w*|colleague\w*|maintainer\w*|keeper)(?:[\s_-]|$)",
    re.I,
)
_ASK = re.compile(
    r"\b(?:contacts?|ask|talk to|questions?|meet the|get in touch|reach|who to|kontakt|ansprech\w+|fragen|contacto|preguntas|interlocuteurs?|une question|posez)\b",
    re.I,
)
_URGENT = re.compile(
    r"\b(?:emergenc\w+|urgent|poison\w*|fire|ambulance|police|hotline|first aid|notruf|notfall\w*|feuerwehr|urgence\w*|emergencias?|pompiers|911|112|999)\b",
    re.I,
)


# ---------------------------------------------------------------------- rows of cards


def _row(around: Any) -> list[Any]:
    """The cards of a row, and the heading over it, where each leads to another page and says a little about it; else none."""
    parts = [part for part in around if isinstance(part.tag, str) and clean(part.text_content())]
    head = parts[0] if parts and _is_plain_heading(parts[0]) else None
    cards = parts[1:] if head is not None else parts
    if len(cards) < 2 or len({(card.tag, card.get("class")) for card in cards}) > 1 or not all(map(_leads, cards)):
        return []
    if not (cards[0].get("class") or around.get("class")) or any(a.tag in _IN_TEXT for a in (around, *upwards(around))):
        return []
    above = head if head is not None else _heading_before(around)
    if above is not None and role_of(_said(above)) != "other":
        return []
    return cards if above is None else [above, *cards]


def _heading_before(part: Any) -> Any:
    """The heading right before a part, None where something else is."""
    before = (other for other in part.itersiblings(preceding=True) if isinstance(other.tag, str))
    found = next((other for other in before if clean(other.text_content())), None)
    return found if found is not None and _is_plain_heading(found) else None


def _is_plain_heading(part: Any) -> bool:
    found = part if part.tag in HEADINGS else next(part.iter(*HEADINGS), None) if _is_small(part) else None
    return found is not None and _said(found) == _said(part) and next(part.iter("a"), None) is None


def _leads(card: Any) -> bool:
    """Whether a card begins with a heading that is a link, or is one link that holds a heading, with a sentence or two."""
    if not _is_small(card):
        return False
    said = clean(card.text_content())
    if len(said.split()) > _TEASED_WORDS or next(card.iterdescendants(*_SOLID, "ul"), None) is not None:
        return False
    head = next(card.iter(*HEADINGS), None)
    if head is None:
        return False
    name = _said(head)
    links = [card] if card.tag == "a" else [link for link in card.iter("a") if clean(link.text_content())]
    led = any(
        name in _said(link) for link in links if not (link.get("href") or "").startswith(("#", "mailto:", "tel:"))
    )
    rest = _said(card).replace(name, "", 1)
    return led and role_of(name) == "other" and not _warns(rest) and not _NUMBERED.search(said)


def _warns(said: str) -> bool:
    return is_warning(said) or is_forbidding(said)


_NUMBERED = re.compile(r"\b[A-Z]{2,5}(?:[-/_ .][A-Z]{1,5}){0,6}[-/_ .]?\d{2,}")  # of a document


# ---------------------------------------------------------------------- headings that are left over


def headings_over(root: Any) -> dict[Any, int]:
    """Each heading, and how many words stand below it before the next of its level or a higher one."""
    from lxml import etree

    words: dict[Any, int] = {}
    over: list[Any] = []  # the headings that a text stands below, the lowest last
    within, silent = None, 0
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if node.tag in ("script", "style"):
            silent += 1 if event == "start" else -1
        if node.tag in HEADINGS and event == "start":
            while over and HEADINGS[over[-1].tag] >= HEADINGS[node.tag]:
                over.pop()
            within, words[node] = node, 0
        elif node is within and event == "end":
            within = None
            over.append(node)
        if not silent:
            count = len(((node.text if event == "start" else node.tail) or "").split())
            for head in over:
                words[head] += count
    return words


def prune_emptied(content: Any, before: dict[Any, int], drops: Drops) -> None:
    """Take out headings of no known purpose and of no word of the text, or over links, below which words stood and none are left."""
    now = headings_over(content)
    vocabulary = Vocabulary(content.text_content())
    for head, left in now.items():
        if left or before.get(head, 0) < _STOOD or head.tag == "h1":
            continue
        said = _said(head)
        if heads_links(said) or (role_of(said) == "other" and not vocabulary.share(said, 1)):
            drops.take(head)


_STOOD = 3  # words: fewer are a mark beside a heading

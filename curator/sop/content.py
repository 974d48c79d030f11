"""Where the content of a page is: its root, and which parts beside the text in it are of the site."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from curator.sop.cards import is_facts
from curator.sop.furniture import is_date, is_furniture, is_site_heading
from curator.sop.lines import STARTS
from curator.sop.markup import (
    BLOCKS,
    HEADINGS,
    is_bold,
    is_layout,
    is_note,
    is_warning,
    leads_away,
    own_words,
    text_of,
    wraps_note,
)
from curator.sop.metadata import has_number, is_field, names_document
from curator.sop.reading import Drops, clean, remove
from curator.sop.roles import role_of
from curator.sop.strangers import (
    FEW,
    FEW_SAID,
    FIRM,
    LOOSE,
    MANY,
    Vocabulary,
    counts_up,
    is_all_below,
    is_lone_heading,
    is_numbered_caption,
    is_told,
    marks,
    opens_text,
    prune_strangers,
    says_purpose,
)
from curator.sop.verbs import is_forbidding, is_order

Second: TypeAlias = Callable[[str], bool]  # whether another extractor took a text for content as well
_CONTAINERS = frozenset("div section main article table tbody tr td center form".split())
_FLOW = frozenset("p h2 h3 h4 h5 h6 ol ul table pre dl blockquote".split())
_ABOUT = frozenset("p div section aside header footer span form nav small".split())  # beside a title, in its own part
_BESIDE = frozenset("div section aside header footer span form nav details center font small td tr address".split())


def content_root(root: Any, drops: Drops) -> Any:
    body = root.find(".//body")
    body = body if body is not None else root
    weights = _weights(body)
    total = weights[body] or 1
    best = body
    for candidate in body.xpath(".//main|.//article|.//*[@role='main']"):
        if weights[candidate] >= 0.6 * total:
            best = candidate
    current = best
    while best is body:
        inner = [(weights[child], n, child) for n, child in enumerate(current) if child.tag in _CONTAINERS]
        weight, _, heaviest = max(inner, default=(0, 0, None), key=lambda entry: entry[:2])
        others = [child for child in current if child is not heaviest]
        if heaviest is None or weight < 0.85 * weights[current] or any(map(_has_structure, others)):
            break
        current = heaviest
    _note_outside(body, current, drops)
    return current


def _weights(root: Any) -> dict[Any, int]:
    """Characters of text that are in no link, below each element."""
    weights: dict[Any, int] = {}
    linked = {node for a in root.iter("a") for node in a.iter()}
    for element in reversed(list(root.iter())):
        own = 0 if element in linked else len((element.text or "").strip())
        below = sum(weights[child] + (0 if element in linked else len((child.tail or "").strip())) for child in element)
        weights[element] = own + below
    return weights


def _has_structure(element: Any) -> bool:
    """Whether an element holds a heading, ordered list or table that is not all links."""
    if not isinstance(element.tag, str):
        return False
    for inner in element.iter("h1", "h2", "h3", "ol", "table"):
        text = len(clean(inner.text_content()))
        if text and sum(len(clean(a.text_content())) for a in inner.iter("a")) < 0.7 * text:
            return True
    return False


def _note_outside(body: Any, content: Any, drops: Drops) -> None:
    """Record what is left outside, from the body inwards; what speaks of something else is the site's for sure."""
    inside = [content, *content.iterancestors()]
    vocabulary = Vocabulary(content.text_content())
    for element in inside[inside.index(body) : 0 : -1]:
        for child in element:
            if child not in inside and isinstance(child.tag, str):
                said = child.text_content()
                drops.add("outside-content", said)
                if not is_told(child) and vocabulary.is_strange(said, LOOSE):
                    drops.frame.append(said)


def prune_beside(content: Any, drops: Drops, second: Second | None) -> None:
    """Take out what stands beside the text in the content: bylines, votes, related articles, comments.

    The text is the child that holds most, and so on inwards. A part beside it stays where its form says that it belongs
    to the text (`_belongs`), or the second extractor has it too.
    """
    weights = _weights(content)
    title = next(content.getroottree().iter("h1"), None)
    vocabulary = Vocabulary(f"{'' if title is None else title.text_content()} {content.text_content()}")
    _prune_around(content, weights, title, vocabulary, drops, second)
    _prune_leads(content, title, vocabulary, drops)
    prune_strangers(content, vocabulary, drops)


def _prune_around(
    content: Any, weights: dict[Any, int], title: Any, vocabulary: Vocabulary, drops: Drops, second: Second | None
) -> None:
    """From the content inwards, take out what stands beside the part that holds most."""
    current = content
    while True:
        inner = [(weights[child], n, child) for n, child in enumerate(current) if child.tag in _CONTAINERS]
        weight, _, heaviest = max(inner, default=(0, 0, None), key=lambda entry: entry[:2])
        apart = (
            heaviest is not None
            and (
                weight >= 0.6 * weights[current]
                or (weight >= 0.35 * weights[current] and _holds_form(heaviest, current))
            )
            and not (heaviest.tag == "table" and not is_layout(heaviest))
        )
        flow = sum(weights[child] for child in current if child.tag in _FLOW)
        pieces = [] if apart else _split_text(current, weights)
        if not apart and not pieces and flow < 0.5 * weights[current]:
            _prune_bare(current, weights, drops)
            return
        heaviest = heaviest if apart else max(pieces, key=lambda piece: weights[piece], default=None)
        titled = next((part for part in current if part in {title, *_above(title)}), None)
        before = titled is not None
        own = _in_flow(current)
        said = f"{'' if title is None else title.text_content()} {'' if heaviest is None else heaviest.text_content()}"
        bare = titled is not None and next(titled.iter("h2", "h3", "h4", "ol", "ul", "table"), None) is None
        own_vocabulary = Vocabulary(said) if bare and heaviest not in (None, titled) and not pieces else vocabulary
        for part in list(current):
            before = before and part is not titled
            if before and part is not titled and part.tag == "table" and _is_head_of_site(part):
                drops.take(part)
            if part is heaviest or part in pieces or part.tag not in _BESIDE or part in own:
                continue
            if part is titled:
                _prune_title(part, drops, own_vocabulary, second)
            elif (before and not _is_titling(part, vocabulary)) or _is_apart(
                part, heaviest, weights, vocabulary, second
            ):
                drops.take(part, sure=_is_bare(part) or vocabulary.is_strange(part.text_content()))
        if heaviest is None or pieces:
            return
        current = heaviest


def _holds_form(part: Any, around: Any) -> bool:
    """Whether all of what looks like a procedure stands in one part: headings of known purpose and numbered lists, three or more."""
    known = [head for head in around.iter("h2", "h3", "h4") if role_of(clean(text_of(head))) != "other"]
    formed = [*known, *around.iter("ol")]
    return bool(known) and len(formed) >= 3 and all(part in inner.iterancestors() for inner in formed)


def _split_text(content: Any, weights: dict[Any, int]) -> list[Any]:
    """The parts of one name that hold most of a text between them, with other things of the site among them."""
    named: dict[tuple[str, str], list[Any]] = {}
    for part in content:
        if part.tag in _CONTAINERS and (name := part.get("class")):
            named.setdefault((part.tag, _DIGITS.sub("", name)), []).append(part)
    alike = max(named.values(), key=lambda parts: sum(weights[part] for part in parts), default=[])
    held = sum(weights[part] for part in alike)
    return alike if len(alike) >= 2 and held >= 0.6 * weights[content] else []


_DIGITS = re.compile(r"\d+")


def _above(element: Any) -> Iterator[Any]:
    return element.iterancestors() if element is not None else iter(())


def _in_flow(content: Any) -> set[Any]:
    """The parts that stand in the text as its paragraphs do: three or more of one name between headings, lists and paragraphs,
    and those of that name before and after. Where they have no name, only those between, and what follows a heading of known purpose.
    """
    children = [child for child in content if isinstance(child.tag, str)]
    flow = [n for n, child in enumerate(children) if child.tag in _FLOW]
    if not flow:
        return set()
    parts = [(n, part) for n, part in enumerate(children) if part.tag in ("div", "section", "span") and _is_plain(part)]
    headed = {n + 1 for n, child in enumerate(children) if child.tag in HEADINGS and child.tag != "h1" and not is_site_heading(clean(text_of(child)))}  # fmt: skip
    inside = [part for n, part in parts if flow[0] < n < flow[-1] or (n in headed and part.get("class"))]
    within = [part for part in inside if part.get("class") or not _is_linked(part)]
    counts = Counter((part.tag, part.get("class")) for part in within if not _is_linked(part))
    plain = {name for name, count in counts.items() if count >= (2 if name[1] else 3)}
    return {
        part
        for n, part in parts
        if ((part.tag, part.get("class")) in plain and (part in within or (part.get("class") and not _is_linked(part))))
        or (n > 0 and not _is_linked(part) and children[n - 1].tag in HEADINGS and children[n - 1].tag != "h1" and role_of(clean(text_of(children[n - 1]))) != "other")
    }  # fmt: skip


def _is_plain(part: Any) -> bool:
    """Whether a part holds no list, table or heading."""
    return next(part.iterdescendants("ol", "ul", "table", "pre", *HEADINGS), None) is None


def _is_linked(part: Any) -> bool:
    """Whether most of a part is links."""
    return 2 * sum(len(clean(link.text_content())) for link in part.iter("a")) > len(clean(part.text_content()))


def _prune_bare(content: Any, weights: dict[Any, int], drops: Drops) -> None:
    """Take out words without a paragraph of their own, where nearly all else stands in paragraphs and lists."""
    own = _in_flow(content)
    parts = [
        part for part in content if part.tag in _BESIDE and part not in own and _is_bare(part) and not is_note(part)
    ]
    blocks = [part for part in content if part.tag in _FLOW or next(part.iterdescendants(*_FLOW), None) is not None]
    if sum(weights[part] for part in blocks) >= 0.8 * weights[content]:
        for part in parts:
            drops.take(part)


def _is_bare(part: Any) -> bool:
    """Whether a part is a few words, or links, without a paragraph or a number of their own."""
    said = clean(part.text_content())
    if _is_path(part, said):
        return True
    return (
        len(said.split()) <= 25
        and not (is_warning(said) or is_forbidding(said) or _is_sentence(part, said) or _heads_list(part))
        and next(part.iterdescendants(*BLOCKS), None) is None
        and not STARTS.match(said)
        and role_of(said) == "other"
    )


def _is_path(part: Any, said: str) -> bool:
    """Whether a part says where in the site a page stands: a few names set apart by arrows, all but the last of them links."""
    names = [clean(name) for name in re.split(r"\s*[>»›→]+\s*", said)]
    links = {clean(link.text_content()) for link in part.iter("a")}
    return len(names) >= 2 and len(said.split()) <= 25 and bool(links) and all(name in links for name in names[:-1])


def _heads_list(part: Any) -> bool:
    """Whether a part is bold and stands right over a list or a table: a heading as some editors write it."""
    after = next((o for o in part.itersiblings() if isinstance(o.tag, str) and clean(o.text_content())), None)
    return is_bold(part) and after is not None and after.tag in ("ol", "ul", "table")


def _is_sentence(part: Any, said: str) -> bool:
    """Whether a part without a name is a whole sentence that leads nowhere: a paragraph as some editors write it."""
    named = part.get("class") or part.get("id") or part.get("role")
    return not named and len(said.split()) >= 6 and said[-1] in ".!:" and next(part.iter("a", "button"), None) is None


def _is_titling(part: Any, vocabulary: Vocabulary) -> bool:
    """Whether a part before the title is content all the same: a warning, a heading, or a table with the document's number."""
    said = part.text_content()
    if not clean(said) or not all(map(is_layout, part.iter("table"))):
        return True
    warned = is_note(part) and (is_warning(clean(said)) or is_order(clean(said)))
    told = len(said.split()) > _TITLE_WORDS // 2
    formed = warned or any(
        not leads_away(head) and (told or head.tag == "ol" or role_of(clean(text_of(head))) != "other")
        for head in part.iter("h2", "h3", "ol")
    )
    return formed and not vocabulary.is_strange(said, LOOSE)


def _is_head_of_site(table: Any) -> bool:
    """Whether a table before the title is a row or two of names and links, and no field of a document."""
    cells = [clean(cell.text_content()) for cell in table.iter("td", "th")]
    rows = len(list(table.iter("tr")))
    known = any(
        is_field(cell) or names_document(cell) or is_warning(cell) or role_of(cell) != "other" for cell in cells if cell
    )
    return rows <= 2 and not known and next(table.iter("a"), None) is not None and len(" ".join(cells).split()) <= 40


def _prune_title(part: Any, drops: Drops, vocabulary: Vocabulary, second: Second | None) -> None:
    """Take out what stands beside the title in its own part: paths, dates, buttons."""
    title = next(part.iter("h1"))
    way = {title, *title.iterancestors()}
    before = True
    for element in [e for above in part.iter() if above in way and above is not title for e in above]:
        before = before and element not in way
        headed = element.tag in HEADINGS and len(part.text_content().split()) <= _TITLE_WORDS
        if element in way or not (element.tag in _ABOUT or headed) or next(element.iter("h1"), None) is not None:
            continue
        said = clean(element.text_content())
        if said and _is_lead(element, vocabulary) and (element.get("class") or is_lone_heading(element)):
            drops.take(element)
            continue
        short = element.tag in ("p", "span") and len(said.split()) <= 12 and said[-1:] not in ".:!?"
        if (
            said
            and not headed
            and not is_note(element)
            and (
                before
                or short
                or vocabulary.is_strange(said, LOOSE)
                or (element.tag != "p" and not (second and second(said)))
            )
        ):
            drops.add("boilerplate", said)
            remove(element)


def _prune_leads(content: Any, title: Any, vocabulary: Vocabulary, drops: Drops) -> None:
    """Take out lines between the title and the text that are named as leading to it, and speak of something else."""
    after = () if title is None or content not in title.iterancestors() else title.xpath("following::*")
    for part in () if title is None else list(title.itersiblings(preceding=True)):
        if part.tag == "p" and _is_kicker(clean(part.text_content())):
            drops.take(part)
    gone = False
    for part in after:
        if part.tag == "ul" and _is_bar_of_words(part) and vocabulary.is_aside(part.text_content()):
            drops.take(part)
        if part.tag in HEADINGS and _is_subtitle(part, vocabulary):
            drops.take(part)
            continue
        if _is_gone(part, content):
            continue
        if part.tag == "table" and is_facts(part) and vocabulary.is_strange(part.text_content()):
            drops.take(part)
            continue
        if part.tag in ("ol", "ul", "table", "pre", "dl", *HEADINGS):
            return
        if (
            part.tag in ("p", "div", "span", "section")
            and part.get("id") != "preamble"  # what Asciidoctor names all before the first heading
            and _LEADS.search(own_words(part))
            and _is_lead(part, vocabulary)
        ):
            drops.take(part)
        elif part.tag == "p" and (said := clean(part.text_content())):
            found = marks(part)
            told = found >= MANY and not (is_note(part) or is_warning(said))
            told = told or (found > 0 and _is_told_away(part, vocabulary, 1 if gone else FEW))
            if not (is_date(said) or is_furniture(said) or told or _is_motto(part, vocabulary)):
                return
            gone = not is_date(said)  # who has begun to speak of himself goes on with it in a few words
            drops.take(part)


def _is_subtitle(head: Any, vocabulary: Vocabulary) -> bool:
    """Whether a heading right below the title has no text before the next of its level, and says nothing of the text."""
    said = clean(text_of(head))
    after = head.xpath(
        "following::*[self::p or self::ul or self::ol or self::table or self::pre or self::dl or self::h1 or self::h2 or self::h3 or self::h4]"
    )
    if not after or after[0].tag != head.tag or role_of(said) != "other":
        return False
    below = head.xpath("(following::text()[normalize-space()])[1]")[0].getparent()
    bare = below is after[0] or after[0] in below.iterancestors()
    return bare and not is_warning(said) and vocabulary.is_aside(said)


def _is_motto(line: Any, vocabulary: Vocabulary) -> bool:
    """Whether a line below a title is a few words without a stop, of which the text knows hardly any; one or two words only where
    no other paragraph is named as they are.
    """
    said = clean(line.text_content())
    count = len(said.split())
    few = 0 < count <= 12 and said[-1] not in ".:;!?" and not re.search(r"\d", said)
    if few and count < FEW and not _is_named_alone(line):
        return False
    formed = is_warning(said) or is_order(said) or has_number(said) or says_purpose(said) or role_of(said) != "other"
    return few and not formed and vocabulary.is_strange(said, 1, min(count, FEW))


def _is_named_alone(line: Any) -> bool:
    """Whether a paragraph has a class that no other has."""
    name = line.get("class")
    others = (other for other in line.getroottree().iter("p") if other is not line)
    return bool(name) and not any(other.get("class") == name for other in others)


def _is_kicker(said: str) -> bool:
    """Whether a line over a title is a few words of no known purpose, and no number of a document."""
    few = 0 < len(said.split()) <= 8 and said[-1] not in ".:!?"
    return few and not (role_of(said) != "other" or is_warning(said) or is_order(said) or names_document(said))


def _is_told_away(line: Any, vocabulary: Vocabulary, least: int) -> bool:
    """Whether a line that opens a text speaks of something else, and is no warning, no order and not what the text is for."""
    said = clean(line.text_content())
    formed = is_note(line) or is_warning(said) or is_forbidding(said) or says_purpose(said) or is_order(said)
    return not formed and vocabulary.is_strange(said, FIRM, least)


def _is_gone(part: Any, content: Any) -> bool:
    return content not in part.iterancestors()


def _is_bar_of_words(listed: Any) -> bool:
    """Whether a list is of three words an item or fewer, none an order of two: tabs, tools, marks."""
    items = [clean(item.text_content()) for item in listed.iter("li")]
    few = all(len(item.split()) <= 3 and item[-1:] not in ".!?:" for item in items)
    return bool(items) and few and not any(is_order(item) and " " in item for item in items)


_LEADS = re.compile(
    r"(?:^|[\s_-])(?:lead\w*|lede|stand-?first|intro\w*|sub-?(?:title|head\w*)|strap-?line|tag-?line|kicker|eyebrow|deck|dek|excerpt|\w*teaser|summary|blurb|abstract|description|overline|preamble)(?:[\s_-]|$)",
    re.I,
)
_LEAD_WORDS = 40
_TITLE_WORDS = 60


def _is_lead(part: Any, vocabulary: Vocabulary) -> bool:
    """Whether a part beside the title is a line about the page: a few words, no warning, and not what the text speaks of."""
    said = clean(part.text_content())
    formed = is_note(part) or next(part.iterdescendants("ol", "ul", "table", "pre", "h1"), None) is not None
    if not said or formed or len(said.split()) > _LEAD_WORDS or is_warning(said) or is_forbidding(said):
        return False
    heads = [clean(text_of(head)) for head in part.iter(*HEADINGS)]
    if any(role_of(head) != "other" for head in heads) or role_of(said) != "other":
        return False
    return vocabulary.is_strange(said, LOOSE) or (vocabulary.is_aside(said) and not says_purpose(said))


def _is_apart(part: Any, text: Any, weights: dict[Any, int], vocabulary: Vocabulary, second: Second | None) -> bool:
    """Whether a part beside the text is no part of it."""
    said, spaced = clean(part.text_content()), clean(text_of(part))
    if not said or opens_text(part, said):
        return False
    most = weights[text if text is not None else part.getparent()]
    if weights[part] < 0.5 * most and not is_told(part) and not is_lone_heading(part):
        alike = text is not None and (part.tag, part.get("class")) == (text.tag, text.get("class"))
        agreed = second is not None and second(spaced)
        least = FEW_SAID if agreed and said.endswith(".") else FEW
        if not (agreed and is_all_below(part)) and vocabulary.is_strange(
            said, FIRM if alike else 1 if agreed else LOOSE, least
        ):
            return True
    if _belongs(part, text, weights) or (is_warning(said) and not vocabulary.is_strange(said, FIRM)):
        return False
    if _is_bare(part) or (part.tag == "td" and not is_told(part)):
        return True  # words without a paragraph of their own, beside a text that has paragraphs; a cell beside its cell
    return second is not None and not second(spaced)


def _are_sections(part: Any, text: Any) -> bool:
    """Whether two parts are sections of one text: named alike, and both begin with a heading of one level."""
    if (part.tag, part.get("class")) != (text.tag, text.get("class")):
        return False
    first, other = (next(element.iter(*HEADINGS), None) for element in (part, text))
    return first is not None and other is not None and first.tag == other.tag


def _belongs(part: Any, text: Any, weights: dict[Any, int]) -> bool:
    """Whether the form of a part says that it is content: a heading of known purpose, an order of steps, much text."""
    heads = [clean(text_of(head)) for head in part.iter(*HEADINGS)]
    if is_lone_heading(part) or is_numbered_caption(part):
        return True
    if any(role_of(head) != "other" for head in heads):
        return True
    if heads and text is not None and _are_sections(part, text):
        return True
    size = max(1, len(clean(part.text_content())))
    linked = 1 - weights[part] / size > 0.5
    steps = sum(1 for item in part.iter("li") if weights[item])
    return not linked and (
        wraps_note(part)
        or steps >= 3
        or counts_up(part)
        or next(part.iter("pre"), None) is not None
        or not all(map(is_layout, part.iter("table")))
        or weights[part] > 0.15 * weights[text if text is not None else part.getparent()]
    )

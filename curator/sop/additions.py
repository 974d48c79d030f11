"""What a site adds to a text, told by its form: bars, lists of its own pages, heads and feet, questions to readers, changes, authors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Any

from curator.sop.cards import lines_of
from curator.sop.furniture import asks_readers, heads_links, is_date, is_furniture, is_site_heading, takes_leave
from curator.sop.markup import BLOCKS, HEADINGS, is_layout, is_note, is_warning, own_words, text_of, upwards
from curator.sop.metadata import has_number, names_document, tells_of_page
from curator.sop.reading import Drops, clean, remove
from curator.sop.roles import role_of
from curator.sop.strangers import LOOSE, Vocabulary, is_lone_heading
from curator.sop.verbs import is_forbidding, is_order

_SOLID = ("h1", "ol", "table", "pre", "li", "main", "article")
_ASKED_WORDS = 60


def prune_additions(root: Any, drops: Drops) -> None:
    _prune_jumps(root, drops)
    _prune_contents(root, drops)
    _prune_bars(root, drops)
    _prune_links(root, drops)
    _prune_repeated(root, drops)
    _prune_questions(root, drops)
    _prune_discussion(root, drops)
    _prune_foot(root, drops)
    _prune_changes(root, drops)
    _prune_facts(root, drops)


def prune_authors(root: Any, whole: int, drops: Drops) -> None:
    """Take out boxes about an author: from the part named so outwards, as far as a few words and no list or heading go."""
    for part in list(root.iter("dl")):
        if next(part.iter("time"), None) is not None or _PROFILE.search(part.get("class") or ""):
            drops.take(part)
    for part in list(root.iter("div", "section", "span", "a", "img")):
        if not _AUTHOR.search(own_words(part)):
            continue
        box = None
        for above in (part, *upwards(part)):
            said = above.text_content()
            apart = above.tag in ("div", "section", "p", "header", "footer", "span") and len(said) < 0.2 * whole
            if len(said.split()) > _BIO_WORDS or next(above.iter(*_SOLID), None) is not None or not apart:
                break
            box = above
        if box is not None and clean(box.text_content()):
            drops.take(box)


_PROFILE = re.compile(r"(?:^|[\s_-])(?:post|user|author|member)?-?profile(?:[\s_-]|$)", re.I)
_BIO_WORDS = 80
_AUTHOR = re.compile(r"(?:^|[\s_-])(?:\w{0,30}author(?!i[sz]|ed)\w*|avatar|gravatar|vcard)(?:[\s_-]|$)", re.I)


def _prune_bars(root: Any, drops: Drops) -> None:
    """Take out what stands before the first paragraph and is a name and links: the bar of a site, however it is set."""
    for element in list(root.iter("p", "center", "div", "td", "section")):
        if element.tag == "p" and len(element.text_content().split()) >= 8:
            return
        if element.tag != "p" and _is_bar(element):
            drops.take(element)


def _prune_links(root: Any, drops: Drops) -> None:
    """Take out lists of links under the words of a site ("More on this story"), and these words."""
    for part in list(root.iter("div", "section", "aside")):
        if _is_list_of_links(part) or _leads_up(part):
            drops.take(part)
    for links in list(root.iter("ul", "ol")):
        items = [item for item in links if item.tag == "li"]
        if not items or not all(_is_link(item) for item in items):
            continue
        around = next((above for above in (links, *upwards(links)) if _before(above) is not None), None)
        head = (
            _before(around)
            if around is not None and clean(around.text_content()) == clean(links.text_content())
            else None
        )
        if head is not None and is_site_heading(clean(head.text_content())):
            for part in (head, links):
                drops.take(part)


def _leads_up(part: Any) -> bool:
    """Whether a part is an arrow to the left and links: the way back to the pages above."""
    said = clean(part.text_content())
    arrow = re.match(r"[<‹«←]\s?(?=\w)", said)
    links = [clean(link.text_content()) for link in part.iter("a") if clean(link.text_content())]
    rest = re.sub(r"\W", "", said)
    return arrow is not None and bool(links) and re.sub(r"\W", "", "".join(links)) == rest


def _is_list_of_links(part: Any) -> bool:
    """Whether a part is words that a site puts over its own links ("You may also like"), and links."""
    links = [clean(link.text_content()) for link in part.iter("a")]
    said = (text for t in part.itertext() if (text := clean(t)))
    first = next(said, "") if links else ""
    if not is_site_heading(first) or any(first in link for link in links):
        return False
    return all(any(text in link for link in links) for text in said)


def _prune_repeated(root: Any, drops: Drops) -> None:
    """Take out parts of one name that say the same each time: the head and the foot of printed pages."""
    named: dict[tuple[str, str], list[Any]] = {}
    for part in root.iter("div", "section", "span"):
        if name := part.get("class"):
            named.setdefault((part.tag, name), []).append(part)
    for parts in named.values():
        said = clean(parts[0].text_content())
        if len(parts) > 1 and _is_running(said, parts):
            for part in parts:
                if not any(above.tag in ("li", "td", "th", "p") for above in upwards(part)):
                    drops.take(part)


def _is_running(said: str, parts: list[Any]) -> bool:
    """Whether parts all say the same few words, which are no order, no warning and no heading."""
    return (
        3 <= len(said.split()) <= 30
        and all(clean(part.text_content()) == said for part in parts)
        and not any(next(part.iterdescendants(*_SOLID, *HEADINGS), None) is not None or is_note(part) for part in parts)
        and not is_order(said.partition(",")[0])
        and not is_warning(said)
    )


def _before(element: Any) -> Any:
    """The part before an element, None where it is the first."""
    return next(
        (
            part
            for part in element.itersiblings(preceding=True)
            if isinstance(part.tag, str) and clean(part.text_content())
        ),
        None,
    )


def _is_link(item: Any) -> bool:
    said = clean(item.text_content())
    return bool(said) and any(clean(link.text_content()) == said for link in item.iter("a"))


def _is_bar(part: Any) -> bool:
    if next(part.iterdescendants("h1", "p", "table", "ol", "pre", "li"), None) is not None:
        return False
    links = [clean(link.text_content()) for link in part.iter("a")]
    rest = [text for t in part.itertext() if re.search(r"\w", text := clean(t)) and text not in links]
    return len(links) >= 2 and len(rest) <= 1 and len(" ".join(rest).split()) <= 8


def _prune_questions(root: Any, drops: Drops) -> None:
    """Take out small boxes that begin with what a site asks its readers ("Was this page useful?")."""
    for box in list(root.iter("div", "section")):
        first = next((text for t in box.itertext() if (text := clean(t))), "")
        solid = next(box.iterdescendants(*_SOLID), None)
        if asks_readers(first) and solid is None and len(box.text_content().split()) <= _ASKED_WORDS:
            drops.take(box)


def _prune_discussion(root: Any, drops: Drops) -> None:
    """Take out what readers said below a text, where its head is a heading by its count alone ("Discussion (2)")."""
    for head in list(root.iter("div", "p", "span")):
        around = head.getparent()
        if (
            around is None
            or around.tag not in ("div", "section")
            or not _DISCUSSION.fullmatch(clean(head.text_content()))
            or _before(head) is not None
            or next(around.iter("h1", "ol", "table", "pre"), None) is not None
        ):
            continue
        drops.take(around)


_DISCUSSION = re.compile(
    r"(?:discussion|comments?|replies|responses|kommentare?|diskussion|antworten|comentarios?|respuestas|commentaires?|réponses)\s*[(:]\s*\d{1,5}\s*\)?",
    re.I,
)


def _prune_foot(root: Any, drops: Drops) -> None:
    """Take out what stands below the last rule of a page where it is a few words, two or more of them links away."""
    rule = next(reversed(list(root.iter("hr"))), None)
    if rule is None or next((part for part in _after(rule)), None) is None:
        return
    below = list(_after(rule))
    links = [
        link for part in below for link in part.iter("a") if (link.get("href") or "") and clean(link.text_content())
    ]
    words = sum(len(part.text_content().split()) for part in below)
    solid = any(part.tag in _SOLID or next(part.iter(*_SOLID, *HEADINGS, "ul"), None) is not None for part in below)
    if len(links) >= 2 and words <= _FOOT_WORDS and not solid and any(map(_leads_home, links)):
        for part in below:
            drops.take(part)


def _after(rule: Any) -> Iterator[Any]:
    """The parts after a rule in its own part, which is the last of the page."""
    around = rule.getparent()
    for part in (around, *upwards(around)):
        if part.tag not in ("tr", "tbody", "table", "html") and any(
            clean(other.text_content()) for other in part.itersiblings() if isinstance(other.tag, str)
        ):
            return
    yield from (other for other in rule.itersiblings() if isinstance(other.tag, str) and clean(other.text_content()))


def _leads_home(link: Any) -> bool:
    """Whether a link leads to the top, the first page or the keeper of a site."""
    href = (link.get("href") or "").lower()
    return (
        href in ("#", "#top", "/")
        or href.startswith("mailto:")
        or _HOME.fullmatch(clean(link.text_content())) is not None
    )


_FOOT_WORDS = 80
_HOME = re.compile(
    r"(?:home(?: ?page)?|main page|(?:back to )?(?:the )?top|contact(?: us)?|webmaster|site ?map|index|start(?:seite)?|inicio|volver(?: arriba)?|contacto|accueil|retour|impressum|kontakt)",
    re.I,
)


def _prune_changes(root: Any, drops: Drops) -> None:
    """Take out lists that say when a page was changed, and how: a date stands at the head of every item."""
    for listed in list(root.iter("ol", "ul")):
        items = [item for item in listed if item.tag == "li"]
        first = [next((text for t in item.itertext() if (text := clean(t))), "") for item in items]
        if items and all(is_date(text) for text in first) and next(listed.iter("pre", "table"), None) is None:
            drops.take(listed)


def _prune_facts(root: Any, drops: Drops) -> None:
    """Take out a list of facts about a page right below its title: a name and a value in each item, in parts of their own."""
    title = next(root.iter("h1"), None)
    after = (
        () if title is None else title.xpath("following::*[self::p or self::ul or self::ol or self::h2 or self::table]")
    )
    for listed in after:
        if listed.tag not in ("ul", "ol") or not all(map(_is_fact, listed)):
            return
        drops.take(listed)


def _is_fact(item: Any) -> bool:
    """Whether an item of a list is a name and a value: two parts in a line, and no word beside them."""
    parts = [part for part in item if isinstance(part.tag, str) and clean(part.text_content())]
    beside = [item.text, *(part.tail for part in item)]
    return (
        item.tag == "li"
        and len(parts) == 2
        and all(part.tag not in ("a", "p", "ul", "ol") for part in parts)
        and not any(re.search(r"\w", text or "") for text in beside)
        and all(len(part.text_content().split()) <= 6 for part in parts)
    )


def _prune_jumps(root: Any, drops: Drops) -> None:
    """Take out links to another place of the page that stand between its parts, in no line of a text."""
    for link in list(root.iter("a")):
        around = link.getparent()
        if not (link.get("href") or "").startswith("#") or around is None or around.tag not in _AROUND:
            continue
        beside = [around.text, *(child.tail for child in around)]
        lines = any(isinstance(child.tag, str) and child.tag not in BLOCKS and child.tag != "a" for child in around)
        solid = next(link.iter(*BLOCKS), None) is not None
        if not (lines or solid or any(clean(text or "") for text in beside)) and clean(link.text_content()):
            drops.take(link)


def _prune_contents(root: Any, drops: Drops) -> None:
    """Take out a table of contents that an exporter wrote in paragraphs: two or more in a row, each of links into the page alone."""
    seen: set[Any] = set()
    for line in list(root.iter("p")):
        if line in seen:
            continue
        run = list(takewhile(_jumps, (part for part in (line, *line.itersiblings()) if _is_said(part))))
        seen.update(run)
        for part in run if len(run) >= 2 else ():
            drops.add("toc", part.text_content())
            remove(part)


def _is_said(part: Any) -> bool:
    return isinstance(part.tag, str) and bool(clean(part.text_content()))


def _jumps(line: Any) -> bool:
    """Whether a paragraph is links into its own page, with no letter beside them, and opens no part of it."""
    if line.tag != "p":
        return False
    links = [link for link in line.iter("a") if clean(link.text_content())]
    rest = clean(line.text_content())
    for link in links:
        rest = rest.replace(clean(link.text_content()), "", 1)
    inside = all(re.match("#.", link.get("href") or "") for link in links)
    opens = any(
        link.get(name) is not None
        for link in links
        for name in ("aria-controls", "aria-expanded", "data-toggle", "role")
    )
    return bool(links) and inside and not opens and not re.search(r"[^\W\d_]", rest)


_AROUND = frozenset("div body main section article center".split())


# ---------------------------------------------------------------------- lists of links at the end


def prune_tail(content: Any, drops: Drops) -> None:
    """Take out the lists at the end of a text that are links to other pages alone, with the headings over them, a heading at the
    end that leads away, and the lines by which an author takes leave: below the last line of a procedure a site goes on with
    its own pages.
    """
    while (last := _last(content)) is not None:
        head = _over(last, content)
        parts = [last] if _is_by_itself(last) else _tail(last, head, content)
        if not parts:
            return
        for part in parts:
            drops.take(part)


def _is_by_itself(last: Any) -> bool:
    """Whether what ends a text goes whatever stands over it: a heading, a line that takes leave, a box that refers elsewhere."""
    return last.tag in HEADINGS or (last.tag in ("p", "div", "aside", "section") and not _is_toctree(last))


def _last(content: Any) -> Any:
    """The list, the table, the heading, the box or the line that a text ends with, None where it ends with something else."""
    part = content
    while part.tag not in ("ul", "ol", *HEADINGS):
        if part is not content and (_sees_also(part) or _is_toctree(part) or _parts_with(part, content)):
            return part
        cells = [cell for cell in part.iter("td") if clean(cell.text_content())] if part.tag == "table" else []
        if cells and all(map(_is_link_away, cells)):
            return part
        inner = [child for child in part if isinstance(child.tag, str) and _says(child)]
        whole = part.tag in ("p", "li", "dd") or (part.tag == "table" and not is_layout(part))
        if not inner or clean(inner[-1].tail or "") or whole:
            return None
        part = inner[-1]
    if part.tag in HEADINGS:
        return part if part.tag != "h1" and len(part.text_content().split()) > 4 and _asks_away(part) else None
    return part if all(item.tag == "li" and _is_link_away(item) for item in part) else None


def _sees_also(part: Any) -> bool:
    """Whether a box is the words that head links to other pages ("See also") and a text of which half or more is such links."""
    if part.tag not in ("div", "aside", "section") or next(part.iter(*_SOLID, *HEADINGS), None) is not None:
        return False
    first, *below = lines_of(part)
    links = [link for link in part.iter("a") if clean(link.text_content())]
    away = bool(links) and not any(re.match(r"#.|mailto:|tel:", link.get("href") or "") for link in links)
    if not (heads_links(first.rstrip(":")) and below and away):
        return False
    linked = sum(len(link.text_content().split()) for link in links)
    warned = any(is_warning(line) or is_forbidding(line) for line in below)
    return 2 * linked >= len(" ".join(below).split()) and not warned and not names_document(" ".join(below))


def _is_toctree(part: Any) -> bool:
    """Whether a part is the list of the pages below one, as generators of documentation write it."""
    if part.tag != "div" or "toctree-wrapper" not in (part.get("class") or "").split():
        return False
    inner = [child for child in part if _is_said(child)]
    items = [item for child in inner if child.tag == "ul" for item in child]
    named = all(child.tag in ("ul", *HEADINGS) or "caption" in (child.get("class") or "") for child in inner)
    return named and bool(items) and all(map(_is_links, items)) and not has_number(part.text_content())


def _parts_with(line: Any, content: Any) -> bool:
    """Whether a line is one by which an author takes leave, and no heading stands right over it."""
    if line.tag != "p" or next(line.iterdescendants(*BLOCKS), None) is not None:
        return False
    return takes_leave(clean(line.text_content())) and _over(line, content) is None


def _says(part: Any) -> bool:
    """Whether a part says something that the walk will not leave out for its words."""
    said = clean(part.text_content())
    return bool(said) and not (is_furniture(said) or (part.tag == "p" and _is_record(said)))


def _is_record(said: str) -> bool:
    """Whether a line is facts about a document set apart by bars ("Version 4.2 | Author: P. Hughes")."""
    facts = [re.split(r":\s+|\s+(?=\d)", fact, maxsplit=1) for fact in re.split(r"\s+[|·•]\s+", said)]
    return len(facts) >= 2 and all(len(fact) == 2 and tells_of_page(*fact) for fact in facts)


def _asks_away(head: Any) -> bool:
    """Whether a heading is a question or a sentence that leads to another page."""
    said = clean(text_of(head))
    return ("?" in said or said[-1] in ".!") and next(head.iter("a"), None) is not None


def _is_link_away(part: Any) -> bool:
    """Whether a part is links to other pages and nothing else, but for the size of a file; none to a document of an office."""
    return _is_links(part) and not names_document(clean(part.text_content()))


def _is_links(part: Any) -> bool:
    """Whether a part is links to other pages and nothing else, but for the size of a file."""
    links = [link for link in part.iter("a") if clean(link.text_content())]
    rest = _SIZE.sub("", clean(part.text_content()))
    for link in links:
        rest = rest.replace(_SIZE.sub("", clean(link.text_content())), "", 1)
    inside = any(re.match(r"#.|mailto:|tel:", link.get("href") or "") for link in links)
    return bool(links) and not re.search(r"\w", rest) and not inside


_SIZE = re.compile(r"\s*\(?\d[\d.,]* ?(?:[kKMG]B|bytes|Ko|Mo)\)?$")


def _over(part: Any, content: Any) -> Any:
    """The heading right over a part, None where it has none."""
    while part is not content and _before(part) is None:
        part = part.getparent()
    before = None if part is content else _before(part)
    return before if before is not None and is_lone_heading(before) else None


def _tail(listed: Any, head: Any, content: Any) -> list[Any]:
    """The list, and the heading over it, where they lead to other pages of a site."""
    vocabulary = Vocabulary(content.text_content())
    if _is_toctree(listed):
        return [listed] if head is None else [listed, head] if role_of(clean(text_of(head))) == "other" else []
    if head is None:
        before = _before(listed)
        announced = before is not None and clean(before.text_content()).endswith(":")
        outside = (
            before is not None and before.tag in ("div", "section") and next(before.iter(*HEADINGS), None) is not None
        )
        led = outside or vocabulary.is_strange(listed.text_content(), LOOSE)
        if announced:
            over = _over(before, content)
            return [listed, before, over] if over is not None and heads_links(clean(text_of(over))) else []
        if not led:
            return []
        return [listed, before] if before is not None and _is_label(before) else [listed]
    said = clean(text_of(head))
    if heads_links(said):
        return [listed, head]
    told = role_of(said) != "other" or next(head.iter("h1"), None) is not None
    return [] if told or not vocabulary.is_strange(f"{said} {listed.text_content()}", LOOSE) else [listed, head]


def _is_label(part: Any) -> bool:
    """Whether a part that is no paragraph is a few words of no known purpose: a heading as some editors write it."""
    said = clean(part.text_content())
    return part.tag in ("div", "span", "b", "strong") and len(said.split()) <= 5 and role_of(said) == "other"

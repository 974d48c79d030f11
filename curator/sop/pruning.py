"""What stands around a text is taken out: by tag, name, role and visibility, and what is there to be typed into."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from curator.sop.cards import prune_cards
from curator.sop.furniture import asks_readers, is_date, is_site_heading
from curator.sop.markup import BLOCKS, HEADINGS, is_bold, is_note, is_warning, own_words, siblings, text_of, upwards
from curator.sop.metadata import names_document
from curator.sop.reading import Drops, clean, remove
from curator.sop.roles import role_of
from curator.sop.verbs import is_forbidding, is_order

_GONE = frozenset(
    "script style noscript template iframe svg object embed canvas head link meta video audio map".split()
)
_CHROME = frozenset("nav footer aside form button select dialog input textarea menu".split())
_HIDDEN = frozenset("noprint no-print d-print-none hidden-print hide-print print-hidden printhidden mw-editsection editsection edit-section "
                    "visually-hidden visuallyhidden sr-only screen-reader-text screenreader-only".split())  # fmt: skip
_ANCHORS = frozenset(
    "headerlink anchorjs-link permalink header-anchor heading-anchor hash-link".split()
)  # beside a heading


def is_hidden(element: Any) -> bool:
    """Whether a part is named as one that no reader of the page sees, or as the link beside a heading, but for headings."""
    names = set((element.get("class") or "").lower().split())
    return bool(names & _HIDDEN) or (element.tag not in HEADINGS and bool(names & _ANCHORS))


_NAMED = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navheader|navfooter|navigation|topnav|sidenav|menu|breadcrumbs?|sidebar|footer|cookies?|consent|gdpr|banner|share|sharing|sharedaddy|social|"
    r"comments?|respond|related\w*|relatedposts|recommend\w*|promo\w*|advert\w*|ads?|newsletter|subscri\w+|toolbar|pagination|pager|popup|modal|overlay|"
    r"skip|skiplink|widget|widgets|login|signin|search|masthead|site-header|topbar|feedback|rating|likes|byline|prev-next|copyright|"
    r"page-section|greybox|site-notice|sitenotice|suitebar|commandbar|edit-this-page|page-metadata|page-meta|entry-meta|post-meta|article-meta|article-info-meta|doc-meta|byline|catlinks|printfooter|author|bio|meta|signup|sign-up|chat|chatbot|livechat|responses|discussion|reactions|author-box|tags|tagcloud|aside|quick-?links|news-?(?:web-?part|feed|list|items?|box|teasers?|ticker)|attachments|post-buttons|usertools|sitetools|pagetools|ambox|ombox|mbox|tmbox|hatnote|navbox|sistersitebox|toc|tableofcontents|table-of-contents)(?:[\s_-]|$)",
    re.I,
)
# Some makers of sites build the text of such parts too.
_NAMED_BUT_BUILT = re.compile(re.sub(r"\|(?:page-section|widgets?)(?=\|)", "", _NAMED.pattern), re.I)
_WIDGET = re.compile(r"(?:^|[\s_-])(?:page-section|widgets?)(?:[\s_-]|$)", re.I)
_ROLES = frozenset("navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar".split())
_NAMED_TAGS = frozenset("div section ul ol p header span table dl".split())
_ENTRIES = frozenset(("email", "password", "search", "text", "tel", None))


def prune(root: Any, drops: Drops) -> None:
    _prune_marks(root)
    _prune_printed_contents(root, drops)
    _prune_logos(root, drops)
    body = root.find(".//body")
    whole = max(1, len((body if body is not None else root).text_content()))
    buttons = (e for e in root.iter("button", "a", "div", "span") if e.get("aria-controls") or e.get("data-target"))
    opened = frozenset((e.get("aria-controls") or e.get("data-target")).lstrip("#") for e in buttons if not _in_menu(e))
    named = _NAMED_BUT_BUILT if _is_built_of_widgets(root, whole) else _NAMED
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or element.tag in _GONE:
            remove(element)
        elif (
            element.tag == "a"
            and (element.get("href") or "").startswith("javascript:")
            and len(element.text_content()) < 30
        ):
            drops.add("boilerplate", element.text_content())
            remove(element)
        elif element.tag not in ("html", "body", "main", "article") and _is_chrome(element, whole, opened, named):
            drops.add("boilerplate", element.text_content())
            around = element.getparent() if _is_listing(element) else None
            if not instructs(element):
                drops.frame.append(" ".join(element.itertext()))
            remove(element)
            _prune_emptied(around, drops)
    _prune_authors(root, whole, drops)
    _prune_calls(root, drops)
    prune_cards(root, drops)
    _prune_bars(root, drops)
    _prune_links(root, drops)
    _prune_repeated(root, drops)
    _prune_questions(root, drops)
    _prune_discussion(root, drops)
    _prune_foot(root, drops)
    _prune_changes(root, drops)
    _prune_facts(root, drops)


def _prune_emptied(box: Any, drops: Drops) -> None:
    """Take out a box of which a heading of no known purpose alone is left: what stood below it was the site's."""
    if box is None or box.tag not in ("div", "section", "aside") or not box.get("class"):
        return
    head = next(box.iter(*HEADINGS), None)
    if head is None or len(head.text_content()) < len(box.text_content()) - 50:
        return
    said = clean(text_of(head))
    if not said or said != clean(text_of(box)) or role_of(said) != "other":
        return
    whole = next((part for part in (box, *upwards(box)) if _beside_text(part)), box)
    after = next((o for o in whole.itersiblings() if isinstance(o.tag, str) and clean(o.text_content())), None)
    if after is None or _opens_with_heading(after, HEADINGS[head.tag]):
        drops.take(box)


def _is_listing(element: Any) -> bool:
    """Whether a part is, or holds, items or paragraphs: more than a mark or a link beside a heading."""
    return next(element.iter("li", "p", "dd", "td"), None) is not None


def _beside_text(part: Any) -> bool:
    """Whether something is said beside a part, in the part that holds it."""
    around = part.getparent()
    return around is not None and any(
        clean(other.text_content()) for other in around if other is not part and isinstance(other.tag, str)
    )


def _opens_with_heading(part: Any, level: int) -> bool:
    """Whether a part opens with a heading of a level or a higher one."""
    head = next(part.iter(*HEADINGS), None)
    high = head is not None and HEADINGS[head.tag] <= level
    return high and clean(text_of(part)).startswith(clean(text_of(head)))


def _is_built_of_widgets(root: Any, whole: int) -> bool:
    """Whether parts named widgets, each by itself a small share, hold most of the page: then the name says nothing."""
    inside: set[Any] = set()
    said = 0
    for element in root.iter("div", "section"):
        if element.getparent() in inside:
            inside.add(element)
        elif _WIDGET.search(own_words(element)):
            inside.add(element)
            said += len(element.text_content())
    return said > 0.5 * whole


def _prune_marks(root: Any) -> None:
    """Take out what is no word of the text: the marks of footnotes, set high ("[1]"), a heading's link to itself, and the version
    that a site sets behind the title.
    """
    for head in root.iter("h1"):
        last = next((part for part in reversed(head) if isinstance(part.tag, str)), None)
        if (
            last is not None
            and len(head) > 1
            and _VERSION.fullmatch(clean(last.text_content()))
            and not clean(last.tail or "")
        ):
            remove(last)
    for head in root.iter(*HEADINGS):
        for link in list(head.iter("a")):
            if (link.get("href") or "").startswith("#") and not re.search(r"\w", link.text_content()):
                remove(link)
    for mark in list(root.iter("sup")):
        links = list(mark.iter("a"))
        said = clean(mark.text_content())
        named = re.search(r"reference|footnote|fn", mark.get("class") or "") or (links and (links[0].get("href") or "").startswith("#"))  # fmt: skip
        if links and named and re.fullmatch(r"\[?(?:\d{1,3}|[a-z*†‡]|note \d{1,2})[\])]?", said):
            remove(mark)


_VERSION = re.compile(r"\(?(?:v|ver|version|rev|revision|release)\.? ?\d[\w.]*\)?", re.I)


def _prune_printed_contents(root: Any, drops: Drops) -> None:
    """Take out the lines of a table of contents that a word processor wrote."""
    for line in list(root.iter("p")):
        if _PRINTED_CONTENTS.search(line.get("class") or ""):
            drops.add("toc", line.text_content())
            remove(line)


_PRINTED_CONTENTS = re.compile(r"(?:^|\s)Mso(?:Toc\d|TocHeading)(?:$|\s)", re.I)


def _prune_questions(root: Any, drops: Drops) -> None:
    """Take out small boxes that begin with what a site asks its readers ("Was this page useful?")."""
    for box in list(root.iter("div", "section")):
        first = next((text for t in box.itertext() if (text := clean(t))), "")
        solid = next(box.iterdescendants(*_SOLID), None)
        if asks_readers(first) and solid is None and len(box.text_content().split()) <= _CALL_WORDS:
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


def _prune_logos(root: Any, drops: Drops) -> None:
    """Take out a heading that is the name of the site, where the page has another of that level, and the picture that leads home."""
    for picture in list(root.iter("img")):
        link = next(picture.iterancestors("a"), None)
        if link is not None and link.get("href") in ("/", "./", "../") and not clean(link.text_content()):
            remove(picture)
    heads = list(root.iter("h1"))
    for head in heads:
        if len(heads) > 1 and _LOGO.search(own_words(head)):
            drops.take(head)


_LOGO = re.compile(r"(?:^|[\s_-])(?:logo|brand|branding|wordmark|site-?(?:title|name))(?:[\s_-]|$)", re.I)


def _prune_authors(root: Any, whole: int, drops: Drops) -> None:
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
_SOLID = ("h1", "ol", "table", "pre", "li", "main", "article")
_AUTHOR = re.compile(r"(?:^|[\s_-])(?:\w{0,30}author(?!i[sz]|ed)\w*|avatar|gravatar|vcard)(?:[\s_-]|$)", re.I)


def instructs(element: Any) -> bool:
    """Whether a part that is named like a site's own holds orders or a heading of known purpose all the same."""
    if any(role_of(clean(text_of(head))) != "other" for head in element.iter("h2", "h3", "h4", "h5", "h6")):
        return True
    return sum(is_order(clean(text_of(item))) for item in element.iter("li") if item.find(".//a") is None) >= 3


# ---------------------------------------------------------------------- calls to act, inside the text


def _prune_calls(root: Any, drops: Drops) -> None:
    """Take out what asks the reader to click: a box that ends in a button, a line that is one, a picture that is a link."""
    for element in list(root.iter("p", "div", "section", "figure", "blockquote")):
        if _is_call(element) or _is_teaser(element) or _is_quotation(element):
            drops.take(element)


def _is_quotation(element: Any) -> bool:
    """Whether a part is what somebody said, with a name below it: of a person, since a paragraph of a law has a number."""
    quote = element if element.tag == "blockquote" else next(element.iterchildren("blockquote"), None)
    if element.tag not in ("figure", "blockquote") or quote is None:
        return False
    names = [part for part in element.iter("figcaption", "footer", "cite") if clean(part.text_content())]
    said = clean(text_of(quote))
    return (
        len(names) == 1
        and len(names[0].text_content().split()) <= 10
        and not re.search(r"\d{2}|§", re.sub(r"\b(?:19|20)\d\d\b", "", names[0].text_content()))
        and next(element.iter("ol", "ul", "table", "pre", *HEADINGS), None) is None
        and not (is_warning(said) or is_forbidding(said) or is_order(said))
    )


def _is_teaser(element: Any) -> bool:
    """Whether a box is a heading of no known purpose, a sentence or two that order nothing, and at its end a link away in a
    line of its own; or such a heading and sentences that are all one link.
    """
    if element.tag not in ("div", "section") or not element.get("class") or len(element.text_content()) > 400:
        return False
    heads = list(element.iter(*HEADINGS))
    solid = next(element.iterdescendants("ol", "ul", "table", "pre", "h1", "li", "dl"), None)
    links = [link for link in element.iter("a") if clean(link.text_content())]
    if len(heads) != 1 or solid is not None or len(links) != 1 or is_note(element) or _is_one_of_many(element):
        return False
    head, link, said = clean(text_of(heads[0])), links[0], clean(text_of(element))
    if role_of(head) != "other" or not said.startswith(head) or not _leads_away(link) or _is_document(link):
        return False
    last = clean(link.text_content())
    between = said[len(head) :].removesuffix(clean(text_of(link)))
    alone = any(clean(part.text_content()) == last for part in (link, *upwards(link)) if part.tag in BLOCKS)
    closes = said.endswith(clean(text_of(link))) and (alone or not clean(link.tail or ""))
    if clean(text_of(link)) == said:
        closes, between = True, said[len(head) :]
    sentences = [part for part in re.split(r"(?<=[.!?])\s+", between.strip()) if part]
    return closes and not any(is_order(part) or is_warning(part) or is_forbidding(part) for part in sentences)


def _leads_away(link: Any) -> bool:
    href = link.get("href") or ""
    return bool(href) and not href.startswith(("#", "mailto:", "tel:", "javascript:"))


def _is_one_of_many(element: Any) -> bool:
    """Whether a box stands among others of its name, headed alike: one of a series that the text may be made of."""
    around = element.getparent()
    alike = [part for part in around if part.tag == element.tag and part.get("class") == element.get("class")]
    return len(alike) >= 3


def _is_call(element: Any) -> bool:
    if next(element.iterdescendants("ol", "ul", "table", "pre", "h1", "li", "dl"), None) is not None:
        return False
    said = clean(text_of(element))
    if element.tag == "p" and said and _is_byline(element, said):
        return True
    if any(above.tag in ("li", "td", "th") for above in upwards(element)) or is_note(element):
        return False
    if not said or len(said.split()) > _CALL_WORDS:
        return False
    links = [link for link in element.iter("a") if clean(link.text_content())]
    whole = " ".join(clean(link.text_content()) for link in links) == said
    if element.tag == "figure":
        bare = whole and len(links) == 1 and next(element.iter("img"), None) is None
        return bare or _is_linked_picture(element)
    if any(_is_document(link) for link in links) and not _PITCH.search(said):
        return False
    if element.tag == "p":
        return whole and len(links) == 1 and (_is_button(links[0]) or _is_button(element) or _shouts(links[0]))
    if any(role_of(clean(text_of(head))) != "other" for head in element.iter("h2", "h3", "h4", "h5", "h6")):
        return False
    if _is_section_of_many(element):
        return False
    return (
        any(map(_is_button, links))
        or _ends_in_call(element)
        or bool(links and _PITCH.search(said) and said.endswith(clean(links[-1].text_content())))
    )


def _is_section_of_many(element: Any) -> bool:
    """Whether a box is one of three or more sections side by side that begin with a heading: its button alone calls."""
    if element.tag != "section" or next(element.iter(*HEADINGS), None) is None:
        return False
    others = (part for part in siblings(element) if part.tag == "section")
    return len(list(islice((part for part in others if next(part.iter(*HEADINGS), None) is not None), 2))) == 2


def _ends_in_call(element: Any) -> bool:
    """Whether the last part of a box is a link that begins like an advertisement."""
    last = next((part for part in reversed(element) if isinstance(part.tag, str)), None)
    if last is None or len(element) < 2 or clean(last.tail or ""):
        return False
    link = last if last.tag == "a" else next(last.iter("a"), None)
    return (
        link is not None
        and clean(link.text_content()) == clean(last.text_content())
        and bool(_OFFER.match(clean(link.text_content())))
    )


def _is_byline(element: Any, said: str) -> bool:
    """Whether a line at the right edge, without a stop, says who keeps the page, or when."""
    right = "right" in (element.get("align") or "") or "text-align:right" in (element.get("style") or "").replace(
        " ", ""
    )
    return right and len(said.split()) <= 12 and said[-1] not in ".:;!?" and not is_bold(element)


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


def _is_button(element: Any) -> bool:
    return element.get("role") == "button" or bool(_BUTTON.search(own_words(element)))


def _shouts(link: Any) -> bool:
    """Whether a link that is a whole paragraph is bold or begins like an advertisement."""
    return is_bold(link) or link.getparent().tag in ("b", "strong") or bool(_OFFER.match(clean(link.text_content())))


def _is_linked_picture(figure: Any) -> bool:
    """Whether a picture without a description leads somewhere else than to itself."""
    links = [link for link in figure.iter("a") if next(link.iter("img"), None) is not None]
    return any(
        not any(image.get("alt") for image in link.iter("img"))
        and not re.search(r"\.(?:png|jpe?g|gif|svg|webp|avif|bmp)\b|(?:file|image|media|attachment)[:/]", link.get("href") or "", re.I)
        for link in links
    )  # fmt: skip


def _is_document(link: Any) -> bool:
    """Whether a link leads to a form, a record or another procedure: a file of an office, a document's number or kind."""
    said = clean(link.text_content())
    path = (link.get("href") or "").partition("?")[0]
    return bool(_FILE.search(path)) or names_document(said)


_CALL_WORDS = 60
_BUTTON = re.compile(r"btn|button|(?<![a-z])cta(?![a-z])", re.I)
_FILE = re.compile(r"\.(?:docx?|dotx?|xlsx?|xltx?|pptx?|od[ts])$", re.I)
_PITCH = re.compile(
    r"(?<![\w-])(?:free (?:download|guide|checklist|template|course|sample|report|copy|of charge)s?|for free|special offer|offers?|discount|on sale|e-?book|webinar|(?:book|request) a demo|free trial|subscri\w+|sign up|"
    r"newsletter|membership|exclusive|coupon|voucher|limited (?:time|seats|offer)|best price|join (?:us|over|for free)|\d+ ?(?:%|percent) off|save \d+|"
    r"buy now|shop (?:now|all)|our (?:free|newsletter|guide|course|shop|store|app|partners|white ?paper|experts|e-?book|templates?|community)|"
    r"kostenlos\w*|gratis|jetzt (?:sichern|kaufen|anmelden)|angebote?|oferta|gratuit\w*|abonnez|suscríbete)\b",
    re.I,
)
_OFFER = re.compile(
    r"(?:download|get|try|read|watch|join|book|start|claim|see|request|order|shop|discover|explore) (?:our|your|the free|a free|free|a demo|now|today|more)\b|(?:sign|register|subscribe|learn more|buy|upgrade|become an?|(?:see|view|compare) (?:plans|pricing))\b",
    re.I,
)


def _in_menu(element: Any) -> bool:
    return any(a.tag in ("nav", "header", "footer", "aside") for a in upwards(element))


def _is_chrome(element: Any, whole: int, opened: frozenset[str], names: re.Pattern[str]) -> bool:
    tag = element.tag
    parent = element.getparent()
    if element.get("role") == "button" and tag in ("div", "span", "a") and _is_pressed(element):
        return True
    if tag == "button" and parent is not None and any(a.tag in HEADINGS for a in upwards(element)):
        return False  # the heading of an accordion
    if element.get("hidden") is not None or "display:none" in (element.get("style") or "").replace(" ", ""):
        return not _is_panel(element, opened)
    if is_hidden(element):
        return True
    if element.get("aria-hidden") == "true":
        return not _holds(element, whole)
    if tag == "div" and element.get("title") in ("header", "footer"):  # as word processors write those of their pages
        return not _holds(element, whole)
    if tag == "footer" and parent is not None and parent.tag in ("blockquote", "figure"):
        return False  # who said it
    if tag in _CHROME:
        return not (tag in ("form", "aside") and (_holds(element, whole) or is_note(element)))
    if tag == "header" and not any(a.tag in ("article", "main") for a in upwards(element)):
        return not _holds(element, whole)
    named = tag in _NAMED_TAGS and (names.search(own_words(element)) or _is_prompt(element))
    if element.get("role") == "tablist" and _is_bar_of_tabs(element):
        return True
    if (named and not is_note(element)) or element.get("role") in _ROLES:
        return not _holds(element, whole)
    return False


def _is_pressed(element: Any) -> bool:
    """Whether a part that is a button by its role says what it does in a word or two, and opens no part of the text."""
    opens = any(element.get(name) is not None for name in ("aria-expanded", "aria-controls", "data-target"))
    inside = any(above.tag in (*HEADINGS, "p", "li", "td", "summary") for above in upwards(element))
    heads = next(element.iter(*HEADINGS), None) is not None
    return not (opens or inside or heads) and len(element.text_content().split()) <= 3


def _is_panel(element: Any, opened: frozenset[str]) -> bool:
    """Whether a hidden part is the body of an accordion or a tab: content that a click shows."""
    named = re.search(r"accordion|collaps|\btab-?(?:pane|panel|content)|panel|details", own_words(element), re.I)
    if not (named or element.get("role") in ("tabpanel", "region") or element.get("id") in opened):
        return False
    return not _is_tab(element) or instructs(element) or _is_variant(element)


def _is_variant(panel: Any) -> bool:
    """Whether a tab is one way of several to do a thing: tabs inside a step, or of code, commands and orders."""
    if any(above.tag in ("li", "td") for above in upwards(panel)):
        return True
    said = [part for part in panel.iter("p", "li") if clean(part.text_content())]
    return next(panel.iter("pre"), None) is not None or (
        bool(said) and all(is_order(clean(text_of(part))) for part in said)
    )


def _is_bar_of_tabs(bar: Any) -> bool:
    """Whether a list of tabs holds their names alone, none of what they open."""
    blocks = next(bar.iterdescendants("p", "ol", "pre", "table", *HEADINGS), None)
    return blocks is None and not any(part.get("role") in ("tabpanel", "region") for part in bar.iter())


def _is_tab(element: Any) -> bool:
    """Whether a part is one of several that stand behind tabs: others than the one shown may be anything."""
    others = [part for part in element.itersiblings() if isinstance(part.tag, str)]
    others += [part for part in element.itersiblings(preceding=True) if isinstance(part.tag, str)]
    return element.get("role") == "tabpanel" and any(part.get("role") == "tabpanel" for part in others)


def _is_prompt(element: Any) -> bool:
    """Whether a small part is there to be typed into: a search, a sign-in, a newsletter."""
    if element.tag not in ("div", "section") or len(element.text_content()) > 300:
        return False
    typed = any(entry.get("type") in _ENTRIES for entry in element.iter("input"))
    return typed and next(element.iter("ol", "table", "h1", "pre"), None) is None


def _holds(element: Any, whole: int) -> bool:
    """Whether the element holds the content, whatever its name says."""
    text = len(element.text_content())
    if any(len(inner.text_content()) > 0.2 * whole for inner in element.iter("main", "article")):
        return True
    return text > 0.4 * whole and sum(len(a.text_content()) for a in element.iter("a")) < 0.5 * text


def name_own_tags(root: Any) -> None:
    """Make the elements that a site names itself (`app-sidebar`) parts of no meaning, with their name as a class.

    Parts without a meaning of their own that a role gives one (WAI-ARIA) become what the role says: headings, lists, tables.
    """
    for element in root.iter():
        if not isinstance(element.tag, str):
            continue
        if "-" in element.tag:
            element.set("class", " ".join(filter(None, (element.tag, element.get("class")))))
            element.tag = "div"
        if element.tag in ("div", "span", "p", "section") and (role := element.get("role")) in _MEANT:
            level = element.get("aria-level") or ""
            element.tag = f"h{level}" if role == "heading" and level in _LEVELS else _MEANT[role]
            del element.attrib["role"]


_LEVELS = frozenset("123456")
_MEANT = {"heading": "h2", "list": "ul", "listitem": "li", "table": "table", "grid": "table", "rowgroup": "tbody", "row": "tr", "cell": "td", "gridcell": "td", "columnheader": "th", "rowheader": "th"}  # fmt: skip

"""What stands around a text is taken out: by tag, name, role and visibility, and what is there to be typed into."""

from __future__ import annotations

import re
from typing import Any

from curator.sop.markup import HEADINGS, is_bold, is_note, own_words, remove, text_of, upwards
from curator.sop.reading import Drops, clean
from curator.sop.roles import role_of
from curator.sop.verbs import is_order

_GONE = frozenset(
    "script style noscript template iframe svg object embed canvas head link meta video audio map".split()
)
_CHROME = frozenset("nav footer aside form button select dialog input textarea menu".split())
_HIDDEN = frozenset("noprint no-print d-print-none hidden-print hide-print print-hidden printhidden mw-editsection editsection edit-section "
                    "visually-hidden visuallyhidden sr-only screen-reader-text screenreader-only headerlink anchorjs-link "
                    "permalink header-anchor heading-anchor hash-link".split())  # fmt: skip
_NAMED = re.compile(
    r"(?:^|[\s_-])(?:nav|navbar|navigation|topnav|sidenav|menu|breadcrumbs?|sidebar|footer|cookies?|consent|gdpr|banner|share|sharing|sharedaddy|social|"
    r"comments?|respond|related\w*|relatedposts|recommend\w*|promo\w*|advert\w*|ads?|newsletter|subscri\w+|toolbar|pagination|pager|popup|modal|overlay|"
    r"skip|skiplink|widget|widgets|login|signin|search|masthead|site-header|topbar|feedback|rating|likes|byline|prev-next|copyright|"
    r"page-section|greybox|site-notice|sitenotice|suitebar|commandbar|edit-this-page|page-metadata|page-meta|entry-meta|post-meta|article-meta|article-info-meta|doc-meta|byline|catlinks|printfooter|author|bio|meta|signup|sign-up|chat|chatbot|livechat|responses|discussion|reactions|author-box|tags|tagcloud|ambox|ombox|mbox|tmbox|hatnote|navbox|sistersitebox|toc|tableofcontents|table-of-contents)(?:[\s_-]|$)",
    re.I,
)
_ROLES = frozenset("navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar".split())
_NAMED_TAGS = frozenset("div section ul ol p header span table dl".split())
_ENTRIES = frozenset(("email", "password", "search", "text", "tel", None))


def prune(root: Any, drops: Drops) -> None:
    body = root.find(".//body")
    whole = max(1, len((body if body is not None else root).text_content()))
    buttons = (e for e in root.iter("button", "a", "div", "span") if e.get("aria-controls") or e.get("data-target"))
    opened = frozenset((e.get("aria-controls") or e.get("data-target")).lstrip("#") for e in buttons if not _in_menu(e))
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or element.tag in _GONE:
            remove(element)
        elif element.tag not in ("html", "body", "main", "article") and _is_chrome(element, whole, opened):
            drops.add("boilerplate", element.text_content())
            if not instructs(element):
                drops.frame.append(element.text_content())
            remove(element)
    _prune_calls(root, drops)
    _prune_bars(root, drops)


def instructs(element: Any) -> bool:
    """Whether a part that is named like a site's own holds orders or a heading of known purpose all the same."""
    if any(role_of(clean(text_of(head))) != "other" for head in element.iter("h2", "h3", "h4", "h5", "h6")):
        return True
    return sum(is_order(clean(text_of(item))) for item in element.iter("li") if item.find(".//a") is None) >= 3


# ---------------------------------------------------------------------- calls to act, inside the text


def _prune_calls(root: Any, drops: Drops) -> None:
    """Take out what asks the reader to click: a box that ends in a button, a line that is one, a picture that is a link."""
    for element in list(root.iter("p", "div", "section", "figure", "blockquote")):
        if _is_call(element):
            drops.add("boilerplate", element.text_content())
            drops.frame.append(element.text_content())
            remove(element)


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
        return _is_linked_picture(element)
    if element.tag == "p":
        return whole and len(links) == 1 and (_is_button(links[0]) or _is_button(element) or _shouts(links[0]))
    if any(role_of(clean(text_of(head))) != "other" for head in element.iter("h2", "h3", "h4", "h5", "h6")):
        return False
    return any(map(_is_button, links))


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
            drops.add("boilerplate", element.text_content())
            drops.frame.append(element.text_content())
            remove(element)


def _is_bar(part: Any) -> bool:
    links = [clean(link.text_content()) for link in part.iter("a")]
    rest = [text for t in part.itertext() if re.search(r"\w", text := clean(t)) and text not in links]
    blocks = next(part.iterdescendants("h1", "p", "table", "ol", "pre", "li"), None)
    return len(links) >= 2 and len(rest) <= 1 and len(" ".join(rest).split()) <= 8 and blocks is None


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


_CALL_WORDS = 60
_BUTTON = re.compile(r"(?:^|[\s_-])(?:btn|button|cta)(?:[\s_-]|$)", re.I)
_OFFER = re.compile(
    r"(?:download|get|try|read|watch|join|book|start|claim|see|request|order|shop|discover|explore) (?:our|your|the free|a free|free|a demo|now|today|more)\b|(?:sign|register|subscribe|learn more|buy|upgrade)\b",
    re.I,
)


def _in_menu(element: Any) -> bool:
    return any(a.tag in ("nav", "header", "footer", "aside") for a in upwards(element))


def _is_chrome(element: Any, whole: int, opened: frozenset[str]) -> bool:
    tag = element.tag
    parent = element.getparent()
    if tag == "button" and parent is not None and any(a.tag in HEADINGS for a in upwards(element)):
        return False  # the heading of an accordion
    if element.get("hidden") is not None or "display:none" in (element.get("style") or "").replace(" ", ""):
        return not _is_panel(element, opened)
    if set((element.get("class") or "").lower().split()) & _HIDDEN:
        return True
    if element.get("aria-hidden") == "true":
        return not _holds(element, whole)
    if tag in _CHROME:
        return not (tag in ("form", "aside") and (_holds(element, whole) or is_note(element)))
    if tag == "header" and not any(a.tag in ("article", "main") for a in upwards(element)):
        return not _holds(element, whole)
    named = tag in _NAMED_TAGS and (_NAMED.search(own_words(element)) or _is_prompt(element))
    if (named and not is_note(element)) or element.get("role") in _ROLES:
        return not _holds(element, whole)
    return False


def _is_panel(element: Any, opened: frozenset[str]) -> bool:
    """Whether a hidden part is the body of an accordion or a tab: content that a click shows."""
    named = re.search(r"accordion|collaps|\btab-?(?:pane|panel|content)|panel|details", own_words(element), re.I)
    return bool(named) or element.get("role") in ("tabpanel", "region") or element.get("id") in opened


def _is_prompt(element: Any) -> bool:
    """Whether a small part is there to be typed into: a search, a sign-in, a newsletter."""
    if element.tag not in ("div", "section") or len(element.text_content()) > 300:
        return False
    typed = any(entry.get("type") in _ENTRIES for entry in element.iter("input"))
    return typed and next(element.iter("ol", "table", "h1", "pre"), None) is None


def _holds(element: Any, whole: int) -> bool:
    """Whether the element holds the content, whatever its name says."""
    if next(element.iter("main", "article"), None) is not None:
        return True
    text = len(element.text_content())
    return text > 0.4 * whole and sum(len(a.text_content()) for a in element.iter("a")) < 0.5 * text


def name_own_tags(root: Any) -> None:
    """Make the elements that a site names itself (`app-sidebar`) parts of no meaning, with their name as a class."""
    for element in root.iter():
        if isinstance(element.tag, str) and "-" in element.tag:
            element.set("class", " ".join(filter(None, (element.tag, element.get("class")))))
            element.tag = "div"

"""What stands around a text is taken out: by tag, name, role and visibility, and what is there to be typed into."""

from __future__ import annotations

import re
from typing import Any

from curator.sop.additions import prune_additions, prune_authors
from curator.sop.calls import prune_calls
from curator.sop.cards import prune_cards
from curator.sop.furniture import is_date, is_furniture, speaks_of_page
from curator.sop.markup import HEADINGS, is_note, is_warning, own_words, text_of, upwards
from curator.sop.reading import Drops, clean, remove, take_struck
from curator.sop.roles import role_of
from curator.sop.verbs import is_order

_GONE = frozenset(
    "script style noscript template iframe svg object embed canvas head link meta video audio map".split()
)
_CHROME = frozenset("nav footer aside form button select dialog input textarea menu".split())
_HIDDEN = frozenset("noprint no-print d-print-none hidden-print hide-print print-hidden printhidden mw-editsection editsection edit-section "
                    "visually-hidden visuallyhidden sr-only screen-reader-text screenreader-only".split())  # fmt: skip
_LABELS = frozenset(("label", "span", "em", "small", "strong", "b", "i"))
_SHOWS = re.compile(r"\w+:(?:inline|block|flex|grid|contents|inline-block|inline-flex)")
_HIDES = re.compile(r"(?:[a-z]{1,4}-{1,2})?(?:is-)?hidden")  # "overflow-hidden" hides nothing
_ANCHORS = frozenset(
    "headerlink anchorjs-link permalink header-anchor heading-anchor hash-link".split()
)  # beside a heading


def is_hidden(element: Any) -> bool:
    """Whether a part is named as one that no reader of the page sees, or as the link beside a heading, but for headings."""
    names = set((element.get("class") or "").lower().split())
    shown = any(_SHOWS.fullmatch(name) for name in names)  # on wider screens: "hidden md:inline"
    hidden = not shown and any(map(_HIDES.fullmatch, names))
    if hidden and element.tag in _LABELS and len(element.text_content().split()) <= 6:
        return True
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
_FIELDS = ("form", "input", "button", "select", "textarea")
_ENTRIES = frozenset(("email", "password", "search", "text", "tel", None))


def prune(root: Any, drops: Drops) -> None:
    take_struck(root, drops)
    _prune_marks(root)
    _prune_captions(root, drops)
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
    prune_authors(root, whole, drops)
    prune_calls(root, drops)
    prune_cards(root, drops)
    prune_additions(root, drops)


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
    for cell in list(root.iter("td", "th")):
        if _PAGE_NUMBER.fullmatch(clean(cell.text_content())) or (
            cell.get("colspan") and next(cell.iter("a"), None) is not None and _is_form_head(cell)
        ):
            remove(cell)
    for mark in list(root.iter("sup")):
        links = list(mark.iter("a"))
        said = clean(mark.text_content())
        named = re.search(r"reference|footnote|fn", mark.get("class") or "") or (links and (links[0].get("href") or "").startswith("#"))  # fmt: skip
        if links and named and re.fullmatch(r"\[?(?:\d{1,3}|[a-z*†‡]|note \d{1,2})[\])]?", said):
            remove(mark)


def _is_form_head(cell: Any) -> bool:
    """Whether a cell is the name of a form of a wiki and the link, or the button, by which it is edited."""
    links = [clean(link.text_content()) for link in cell.iter("a")]
    rest = clean(cell.text_content())
    for link in sorted(links, key=len, reverse=True):
        if not _EDIT.fullmatch(link):
            rest = rest.replace(link, "", 1)
    return _EDIT.fullmatch(rest) is not None


_EDIT = re.compile(r"\W*(?:edit|bearbeiten|editar|modifier|éditer|modifica|bewerken)\W*", re.I)
_PAGE_NUMBER = re.compile(
    r"(?:page|seite|página|pág\.|blatt|pagina|strona|sida) ?:? ?\d{1,4} (?:of|von|de|sur|/|di|van|z|av) ?\d{1,4}", re.I
)


def _prune_captions(root: Any, drops: Drops) -> None:
    """Take out of a title the part that is named as its caption: the rubric a page stands in."""
    for head in root.iter("h1"):
        for part in list(head.iterchildren("span", "small")):
            said = clean(text_of(part))
            rest = clean(text_of(head)).replace(said, "", 1)
            if _CAPTION.search(part.get("class") or "") and 2 <= len(rest.split()) >= len(said.split()):
                drops.take(part)


_CAPTION = re.compile(r"(?:^|[\s_-])(?:caption|kicker|eyebrow|overline)(?:[\s_-]|$)", re.I)
_VERSION = re.compile(r"\(?(?:v|ver|version|rev|revision|release)\.? ?\d[\w.]*\)?", re.I)


def _prune_printed_contents(root: Any, drops: Drops) -> None:
    """Take out the lines of a table of contents that a word processor wrote."""
    for line in list(root.iter("p")):
        if _PRINTED_CONTENTS.search(line.get("class") or ""):
            drops.add("toc", line.text_content())
            remove(line)


_PRINTED_CONTENTS = re.compile(r"(?:^|\s)Mso(?:Toc\d|TocHeading)(?:$|\s)", re.I)


def _prune_logos(root: Any, drops: Drops) -> None:
    """Take out the picture that leads home, and the date over a title."""
    for picture in list(root.iter("img")):
        link = next(picture.iterancestors("a"), None)
        if link is not None and link.get("href") in ("/", "./", "../") and not clean(link.text_content()):
            remove(picture)
    for title in list(root.iter("h1"))[:1]:
        for head in title.xpath("preceding::*[self::h2 or self::h3 or self::h4]"):
            if is_date(clean(text_of(head))):  # of a blog, over all that it posted that day
                drops.take(head)


def is_logo(head: Any) -> bool:
    """Whether a heading is named as the name of the site."""
    return _LOGO.search(own_words(head)) is not None


_LOGO = re.compile(r"(?:^|[\s_-])(?:logo|brand|branding|wordmark|site-?(?:title|name))(?:[\s_-]|$)", re.I)


def instructs(element: Any) -> bool:
    """Whether a part that is named like a site's own holds orders or a heading of known purpose all the same."""
    if any(role_of(clean(text_of(head))) != "other" for head in element.iter("h2", "h3", "h4", "h5", "h6")):
        return True
    return sum(is_order(clean(text_of(item))) for item in element.iter("li") if item.find(".//a") is None) >= 3


def _in_menu(element: Any) -> bool:
    return any(a.tag in ("nav", "header", "footer", "aside") for a in upwards(element))


def _warns(element: Any) -> bool:
    """Whether a part is a warning by its first word, and of neither the page nor the site."""
    said = clean(element.text_content())
    short = (
        3 <= len(said.split()) <= _WARNING_WORDS and next(element.iter("form", "input", "button", "nav"), None) is None
    )
    return short and is_warning(said) and not (is_furniture(said) or speaks_of_page(said))


_WARNING_WORDS = 60


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
        kept = tag in ("form", "aside") and (_holds(element, whole) or is_note(element))
        return not (kept or (tag in ("aside", "footer") and _warns(element)))
    if tag == "header" and not any(a.tag in ("article", "main") for a in upwards(element)):
        return not _holds(element, whole)
    named = tag in _NAMED_TAGS and (names.search(own_words(element)) or _is_prompt(element))
    if named and not _NAMED_BUT_BUILT.search(own_words(element)) and next(element.iter("a", *_FIELDS), None) is None:
        return False  # a widget that leads nowhere and asks for nothing
    if element.get("role") == "tablist" and _is_bar_of_tabs(element):
        return True
    if (named and not any(map(is_note, (element, *upwards(element)))) and not _warns(element)) or element.get(
        "role"
    ) in _ROLES:
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

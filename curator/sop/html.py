"""Web pages: a walk over the tree that keeps every heading, list item and table of the content.

Pruned by tag, class, role and visibility; then the content root is chosen (main or article where it holds most
of the text that is no link, else the child that holds nearly all); then everything in it is kept. `curator.sop.guard`
compares the result with another extractor's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from curator.errors import MissingExtraError, SourceError
from curator.sop.document import Block, Code, Figure, Origin, Para, Step, Table
from curator.sop.furniture import is_furniture
from curator.sop.lines import STARTS
from curator.sop.reading import MAX_TEXT, Drops, Heading, Piece, Reading, Text, clean, words_of
from curator.sop.roles import folded, role_of

_DEEPEST = 200  # levels of nesting that are walked; text below is taken as it stands

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
    r"page-section|greybox|site-notice|sitenotice|suitebar|commandbar|edit-this-page|page-metadata|page-meta|entry-meta|post-meta|article-meta|article-info-meta|doc-meta|byline|catlinks|printfooter|author|bio|meta|signup|sign-up|chat|chatbot|livechat|responses|discussion|reactions|author-box|tags|tagcloud|toc|tableofcontents|table-of-contents)(?:[\s_-]|$)",
    re.I,
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ROLES = frozenset("navigation banner contentinfo search complementary dialog alertdialog menu menubar toolbar".split())
_NAMED_TAGS = frozenset("div section ul ol p header span table dl".split())
_BLOCKS = frozenset(
    "address article blockquote body center dd details div dl dt fieldset figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr "
    "li main ol p pre section summary table tbody td tfoot th thead tr ul caption form aside nav html".split()
)  # fmt: skip
_HEADINGS = {f"h{n}": n for n in range(1, 7)}
NOTES = frozenset(
    "note tip hint info important warning caution danger error attention success example quote abstract question failure bug seealso".split()
)
_BULLETS = re.compile(r"^[•‣◦▪●○·*]\s+")
_BOX = re.compile(r"^(?:\[[ xX]?\]|[☐☑☒✓✔])\s*")
_BREAK = "\x01"  # stands for a `br`
_LIST_LINE = re.compile(r"\n(?=[ \t]*[-*+][ \t]+\S)")  # an item that the renderer took for the paragraph before it
_LIST_MARK = re.compile(r"[-*+]\s+")
_XML = re.compile(r"^\s*<\?xml[^>]*\?>", re.I)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")  # no XML may hold them
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*["']?\s*([\w-]+)""", re.I)
_CHROME_LINK = re.compile(
    r"(?:edit (?:this|on) .*|back to (?:the )?top|top|print(?: this page)?|share|tweet|previous|next|« .*|.* »|permalink|skip to .*|"
    r"click here|read more|view source|copy(?: link)?|download(?: as)? pdf|report (?:an issue|a problem))\W*", re.I,
)  # fmt: skip
_EDIT_LINK = re.compile(
    r"\s*(?:\[\s*(?:edit|edit source|bearbeiten|editar|modifier)(?:\s*\|\s*[\w ]+)?\s*\]|[#¶§🔗])$", re.I
)  # beside the headings of many sites
_TEASER = re.compile(
    r"(?:also read|read also|you may also like|related(?: posts?| articles?)?|recommended(?: reading)?|must read|download)\s*[:–-]",
    re.I,
)


Second: TypeAlias = Callable[[str], bool]  # whether another extractor took a text for content as well


def read_html(page: str, second: Second | None = None) -> Reading:
    """A web page as pieces; `second` decides on parts whose form does not tell. Raises SourceError, MissingExtraError."""
    _refuse_endless(page)
    root = tree(page)
    language = (root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")[:2].lower()
    page_title = clean(root.findtext(".//title") or "")
    words = frozenset(words_of(_all_text(root)))
    _name_own_tags(root)
    everywhere = [clean(_text(h)) for h in root.iter("h1")]
    drops = Drops()
    _prune(root, drops)
    h1 = [clean(_text(h)) for h in root.iter("h1")] or everywhere
    content = _content_root(root, drops)
    _prune_beside(content, drops, second)
    pieces = list(Walker(drops, is_page=True).walk(content))
    return Reading(pieces, words, "html", "walker", _page_title(page_title, h1), language, _metadata(root), drops.found)


def decoded(data: bytes) -> str:
    """The text of a page: its byte order mark, its own charset, UTF-8, else Windows-1252."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    named = _CHARSET.search(data[:4096])
    name = named[1].decode("ascii") if named else "cp1252"
    try:
        return data.decode("cp1252" if name.lower() in ("utf-8", "iso-8859-1") else name, "replace")
    except LookupError:
        return data.decode("cp1252", "replace")


def tree(page: str) -> Any:
    """The parsed page. Raises SourceError, MissingExtraError."""
    try:
        import lxml.html
    except ImportError:
        raise MissingExtraError("curator sop", "sop") from None
    page = _CONTROL.sub("", _XML.sub("", page))
    if not page.strip():
        raise SourceError("an empty page", hint="save the page again once it has loaded")
    parser = lxml.html.HTMLParser(huge_tree=True)
    try:
        root = lxml.html.document_fromstring(page, parser=parser)
        if any("Excessive depth" in entry.message for entry in parser.error_log):
            raise SourceError("markup nested over 2,000 levels deep", hint="save the page again with a browser")
        return root
    except (lxml.etree.LxmlError, ValueError) as error:
        raise SourceError(f"no readable markup: {error}", hint="save the page again as HTML") from None


def _metadata(root: Any) -> dict[str, str]:
    names = {"author": "owner", "version": "version"}
    return {names[m.get("name")]: clean(m.get("content") or "") for m in root.iter("meta") if m.get("name") in names}


def _page_title(title: str, headings: list[str]) -> str:
    """The title of the page without the name of the site."""
    for heading in headings:
        if heading and heading.casefold() in title.casefold():
            return heading
    parts = [part for part in re.split(r"\s+[|–—·»-]\s+", title) if part]
    return parts[0] if parts else (headings[0] if len(headings) == 1 else "")


def _all_text(root: Any) -> str:
    parts = [text for text in root.itertext() if text]
    for node in root.iter():
        if isinstance(node.tag, str):
            parts += [node.get(name) or "" for name in ("alt", "title", "data-note")]
    return " ".join(parts)


def _own_words(element: Any) -> str:
    """The class and the id of an element; no id that a generator made of the heading below it ("obtain-consent")."""
    name = element.get("id") or ""
    if 0 < len(name) <= 200:
        head = next(element.iter(*_HEADINGS), None)
        if head is not None and folded(name.replace("-", " ").replace("_", " ")) in folded(head.text_content()):
            name = ""
    return _CAMEL.sub("-", f"{(element.get('class') or '')[:500]} {name[:200]}".strip())


_ENTRIES = frozenset(("email", "password", "search", "text", "tel", None))


def _is_prompt(element: Any) -> bool:
    """Whether a small part is there to be typed into: a search, a sign-in, a newsletter."""
    if element.tag not in ("div", "section") or len(element.text_content()) > 300:
        return False
    typed = any(entry.get("type") in _ENTRIES for entry in element.iter("input"))
    return typed and next(element.iter("ol", "table", "h1", "pre"), None) is None


# ---------------------------------------------------------------------- pruning


def _refuse_endless(page: str) -> None:
    """Raises SourceError for a page that no procedure fills; pictures and scripts inside it do not count."""
    tags, text = page.count("<"), page
    if tags > _MOST_TAGS or len(page) > MAX_TEXT:
        text = _SCRIPTS.sub("", page)
        tags, text = text.count("<"), _TAGS.sub("", text)
    if tags > _MOST_TAGS or len(text) > MAX_TEXT:
        what = f"{tags:,} tags and {len(text):,} characters: more than any procedure has"
        raise SourceError(what, hint="it may be a log or a whole manual: cut it into documents")


_MOST_TAGS = 150_000
_SCRIPTS = re.compile(r"<(script|style)\b.*?</\1\s*>", re.I | re.S)
_TAGS = re.compile(r"<[^>]*>")


def _name_own_tags(root: Any) -> None:
    """Make the elements that a site names itself (`app-sidebar`) parts of no meaning, with their name as a class."""
    for element in root.iter():
        if isinstance(element.tag, str) and "-" in element.tag:
            element.set("class", " ".join(filter(None, (element.tag, element.get("class")))))
            element.tag = "div"


def _prune(root: Any, drops: Drops) -> None:
    body = root.find(".//body")
    whole = max(1, len((body if body is not None else root).text_content()))
    buttons = (e for e in root.iter("button", "a", "div", "span") if e.get("aria-controls") or e.get("data-target"))
    opened = frozenset((e.get("aria-controls") or e.get("data-target")).lstrip("#") for e in buttons if not _in_menu(e))
    for element in list(root.iter()):
        if not isinstance(element.tag, str) or element.tag in _GONE:
            _remove(element)
        elif element.tag not in ("html", "body", "main", "article") and _is_chrome(element, whole, opened):
            drops.add("boilerplate", element.text_content())
            _remove(element)


def _in_menu(element: Any) -> bool:
    return any(a.tag in ("nav", "header", "footer", "aside") for a in _upwards(element))


def _remove(element: Any) -> None:
    """Take an element out; the text behind it stays. A part of a removed part is left where it is."""
    parent = element.getparent()
    if parent is None:
        return
    tail, before = element.tail, element.getprevious()
    if tail and before is not None:
        before.tail = (before.tail or "") + tail
    elif tail:
        parent.text = (parent.text or "") + tail
    element.tail = None
    parent.remove(element)


def _is_chrome(element: Any, whole: int, opened: frozenset[str]) -> bool:
    tag = element.tag
    parent = element.getparent()
    if tag == "button" and parent is not None and any(a.tag in _HEADINGS for a in _upwards(element)):
        return False  # the heading of an accordion
    if element.get("hidden") is not None or "display:none" in (element.get("style") or "").replace(" ", ""):
        return not _is_panel(element, opened)
    if set((element.get("class") or "").lower().split()) & _HIDDEN:
        return True
    if element.get("aria-hidden") == "true":
        return not _holds(element, whole)
    if tag in _CHROME:
        return not (tag in ("form", "aside") and (_holds(element, whole) or is_note(element)))
    if tag == "header" and not any(a.tag in ("article", "main") for a in _upwards(element)):
        return not _holds(element, whole)
    named = tag in _NAMED_TAGS and (_NAMED.search(_own_words(element)) or _is_prompt(element))
    if (named and not is_note(element)) or element.get("role") in _ROLES:
        return not _holds(element, whole)
    return False


def _is_panel(element: Any, opened: frozenset[str]) -> bool:
    """Whether a hidden part is the body of an accordion or a tab: content that a click shows."""
    named = re.search(r"accordion|collaps|\btab-?(?:pane|panel|content)|panel|details", _own_words(element), re.I)
    return bool(named) or element.get("role") in ("tabpanel", "region") or element.get("id") in opened


def is_note(element: Any) -> bool:
    return note_of(element) is not None


def _holds(element: Any, whole: int) -> bool:
    """Whether the element holds the content, whatever its name says."""
    if next(element.iter("main", "article"), None) is not None:
        return True
    text = len(element.text_content())
    return text > 0.4 * whole and sum(len(a.text_content()) for a in element.iter("a")) < 0.5 * text


def _upwards(element: Any) -> Iterator[Any]:
    return (ancestor for ancestor in element.iterancestors() if isinstance(ancestor.tag, str))


# ---------------------------------------------------------------------- the content root


def _weights(root: Any) -> dict[Any, int]:
    """Characters of text that are in no link, below each element."""
    weights: dict[Any, int] = {}
    linked = {node for a in root.iter("a") for node in a.iter()}
    for element in reversed(list(root.iter())):
        own = 0 if element in linked else len((element.text or "").strip())
        below = sum(weights[child] + (0 if element in linked else len((child.tail or "").strip())) for child in element)
        weights[element] = own + below
    return weights


def _content_root(root: Any, drops: Drops) -> Any:
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


_CONTAINERS = frozenset("div section main article table tbody tr td center form".split())


def _has_structure(element: Any) -> bool:
    """Whether an element holds a heading, ordered list or table that is not all links."""
    if not isinstance(element.tag, str):
        return False
    for inner in element.iter("h1", "h2", "h3", "ol", "table"):
        text = len(clean(inner.text_content()))
        if text and sum(len(clean(a.text_content())) for a in inner.iter("a")) < 0.7 * text:
            return True
    return False


def _prune_beside(content: Any, drops: Drops, second: Second | None) -> None:
    """Take out what stands beside the text in the content: bylines, votes, related articles, comments.

    The text is the child that holds most, and so on inwards. A part beside it stays where its form says that it belongs
    to the text (`_belongs`), or the second extractor has it too.
    """
    weights = _weights(content)
    current = content
    while True:
        inner = [(weights[child], n, child) for n, child in enumerate(current) if child.tag in _CONTAINERS]
        weight, _, heaviest = max(inner, default=(0, 0, None), key=lambda entry: entry[:2])
        apart = (
            heaviest is not None
            and weight >= 0.6 * weights[current]
            and not (heaviest.tag == "table" and not is_layout(heaviest))
        )
        flow = sum(weights[child] for child in current if child.tag in _FLOW)
        if not apart and flow < 0.5 * weights[current]:
            return
        heaviest = heaviest if apart else None
        titled = next((part for part in current if next(part.iter("h1"), None) is not None), None)
        before = titled is not None
        for part in list(current):
            before = before and part is not titled
            if part is heaviest or part.tag not in _BESIDE:
                continue
            if part is titled:
                _prune_title(part, drops, second)
            elif (before and not _is_titling(part)) or _is_apart(part, heaviest, weights, second):
                drops.add("boilerplate", part.text_content())
                _remove(part)
        if heaviest is None:
            return
        current = heaviest


_FLOW = frozenset("p h2 h3 h4 h5 h6 ol ul table pre dl blockquote".split())


def _is_titling(part: Any) -> bool:
    """Whether a part before the title is content all the same: a warning, a heading, or a table with the document's number."""
    return (
        not clean(part.text_content()) or is_note(part) or next(part.iter("h2", "h3", "table", "ol"), None) is not None
    )


def _prune_title(part: Any, drops: Drops, second: Second | None) -> None:
    """Take out what stands beside the title in its own part: paths, dates, buttons."""
    title = next(part.iter("h1"))
    way = {title, *title.iterancestors()}
    before = True
    for element in [e for above in part.iter() if above in way and above is not title for e in above]:
        before = before and element not in way
        if element in way or element.tag not in _ABOUT or next(element.iter("h1"), None) is not None:
            continue
        said = clean(element.text_content())
        short = element.tag in ("p", "span") and len(said.split()) <= 12 and said[-1:] not in ".:!?"
        if (
            said
            and not is_note(element)
            and (before or short or (element.tag != "p" and not (second and second(said))))
        ):
            drops.add("boilerplate", said)
            _remove(element)


_ABOUT = frozenset("p div section aside header footer span form nav small".split())  # beside a title, in its own part
_BESIDE = frozenset("div section aside header footer span form nav details center font small td tr address".split())


def _is_apart(part: Any, text: Any, weights: dict[Any, int], second: Second | None) -> bool:
    """Whether a part beside the text is no part of it."""
    said = clean(part.text_content())
    if not said or _belongs(part, text, weights):
        return False
    if len(said.split()) <= 25 and next(part.iterdescendants(*_BLOCKS), None) is None and not STARTS.match(said):
        return True  # words without a paragraph of their own, beside a text that has paragraphs
    return second is not None and not second(said)


def _belongs(part: Any, text: Any, weights: dict[Any, int]) -> bool:
    """Whether the form of a part says that it is content: a heading of known purpose, an order of steps, much text."""
    heads = [clean(_text(head)) for head in part.iter("h2", "h3", "h4", "h5", "h6")]
    if heads and not re.search(r"\w", clean(part.text_content()).replace(heads[0], "", 1)):
        return True  # a heading in a box of its own
    if any(role_of(head) != "other" for head in heads):
        return True
    if heads and text is not None and (part.tag, part.get("class")) == (text.tag, text.get("class")):
        return True
    size = max(1, len(clean(part.text_content())))
    linked = 1 - weights[part] / size > 0.5
    steps = sum(1 for item in part.iter("li") if weights[item])
    return not linked and (
        is_note(part)
        or steps >= 3
        or next(part.iter("table", "pre"), None) is not None
        or weights[part] > 0.15 * weights[text if text is not None else part.getparent()]
    )


def _note_outside(body: Any, content: Any, drops: Drops) -> None:
    inside = {content, *content.iterancestors()}
    for element in inside - {content}:
        if element is not body and body not in element.iterancestors():
            continue
        for child in element:
            if child not in inside and isinstance(child.tag, str):
                drops.add("outside-content", child.text_content())


# ---------------------------------------------------------------------- the walk


def note_of(element: Any) -> str | None:
    """The kind of admonition an element is ("warning"), None where it is none."""
    if element.get("data-note"):
        return str(element.get("data-note"))
    names = re.split(r"[\s_-]+", _own_words(element).lower())
    if not {"admonition", "alert", "callout", "macro", "adm", "message", "box", "panel", "notice"} & set(names):
        return None
    kinds = {"information": "info", "yellow": "warning"}
    return next((kinds.get(name, name) for name in names if kinds.get(name, name) in NOTES), None)


def _text(element: Any, skip: frozenset[str] = frozenset()) -> str:
    """The text of an element, none of that of `skip`ped tags."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag not in skip:
            parts.append(_text(child, skip))
            if child.tag in _BLOCKS or child.tag == "br":
                parts.append(" ")
        parts.append(child.tail or "")
    return "".join(parts)


def _is_bold(element: Any) -> bool:
    """Whether all the text of a paragraph is bold."""
    if clean(element.text or ""):
        return False
    inner = [child for child in element if isinstance(child.tag, str) and child.tag != "br"]
    return bool(inner) and all(
        (child.tag in ("b", "strong") or _bold_style(child) or (child.tag in ("span", "u", "em", "i", "a", "font") and (_is_bold(child) or not _text(child).strip())))
        and not clean(child.tail or "")
        for child in inner
    )  # fmt: skip


def _bold_style(element: Any) -> bool:
    return bool(re.search(r"font-weight:\s*(?:bold|[6-9]00)", element.get("style") or ""))


class Walker:
    """Walks the content in reading order."""

    def __init__(self, drops: Drops, *, is_page: bool = False) -> None:
        self._drops, self._is_page = drops, is_page
        self._count = 0
        self._line: int | None = None

    def walk(self, element: Any, note: str | None = None, depth: int = 0) -> Iterator[Piece]:
        """The pieces of an element's content."""
        inline: list[str] = [element.text or ""]
        for child in element:
            tag = child.tag if isinstance(child.tag, str) else None
            if tag is not None and (tag in _BLOCKS or _wraps_blocks(child)):
                yield from self._flush(inline, note)
                yield from self._block(child, tag, note, depth)
            elif tag == "img":
                yield from self._figure(child)
            elif tag == "br":
                inline.append(_BREAK)
            elif tag is not None:
                for image in child.iter("img"):
                    yield from self._figure(image)
                inline.append(_broken_text(child))
            inline.append(child.tail or "")
        yield from self._flush(inline, note)

    def _block(self, element: Any, tag: str, note: str | None, depth: int) -> Iterator[Piece]:
        line = element.get("data-line")
        self._line = int(line) if line else self._line
        if tag in _HEADINGS:
            if text := _EDIT_LINK.sub("", clean(_text(element))):
                yield Heading(text, _HEADINGS[tag], self._origin())
        elif tag in ("ul", "ol"):
            yield from self._list(element, note, depth)
        elif tag == "table":
            yield from self._table(element, note, depth)
        elif tag == "pre":
            yield from self._code(element)
        elif tag == "dl":
            yield from self._terms(element, note)
        elif tag == "li":  # outside any list
            yield self._item(element, "", note, depth)
        elif self._is_page and _is_link_bar(element):
            self._drops.add("link-only", element.text_content(), self._origin())
        elif tag == "p" and not _wraps_blocks(element):
            yield from self._paragraph(element, note)
        elif depth > _DEEPEST:
            yield from self._flush([" ".join(element.itertext())], note)
        elif (kind := note_of(element)) and not note:
            yield from self._admonition(element, kind, depth)
        else:
            yield from self.walk(element, note, depth + 1)

    def _origin(self) -> Origin:
        self._count += 1
        return Origin(self._count - 1, self._line)

    def _flush(self, inline: list[str], note: str | None) -> Iterator[Text | Step]:
        for part in "".join(inline).split(_BREAK):
            for line in filter(None, map(clean, _LIST_LINE.split(part))):
                if _LIST_MARK.match(line) and "\n" in part.strip():
                    yield Step(_BOX.sub("", _LIST_MARK.sub("", line)), note=note, origin=self._origin())
                elif not self._is_furniture(line):
                    yield Text(line, note=note, origin=self._origin())
        inline.clear()

    def _is_furniture(self, text: str) -> bool:
        if not self._is_page or not is_furniture(text):
            return False
        self._drops.add("boilerplate", text, self._origin())
        return True

    def _paragraph(self, element: Any, note: str | None) -> Iterator[Piece]:
        for image in element.iter("img"):
            yield from self._figure(image)
        text = clean(_text(element))
        links = list(element.iter("a"))
        if links and _TEASER.match(text) and len(text) < 150:
            self._drops.add("link-only", text, self._origin())
            return
        if links and clean(" ".join(a.text_content() for a in links)) == text and _CHROME_LINK.fullmatch(text):
            self._drops.add("link-only", text, self._origin())
            return
        bold = _is_bold(element)
        lines = [line for part in _broken_text(element).split(_BREAK) for line in _LIST_LINE.split(part)]
        for line in filter(None, map(clean, lines)):
            if self._is_furniture(line):
                continue
            if _LIST_MARK.match(line) and "\n" in _text(element):
                yield Step(_BOX.sub("", _LIST_MARK.sub("", line)), note=note, origin=self._origin())
            else:
                yield Text(line, bold, note, self._origin())

    def _figure(self, image: Any) -> Iterator[Figure]:
        if alt := clean(image.get("alt") or ""):
            yield Figure(alt, self._origin())

    def _code(self, element: Any) -> Iterator[Code]:
        text = "".join(element.itertext()).strip("\n").rstrip()
        kind = " ".join(filter(None, [element.get("class"), *(c.get("class") for c in element.iter("code"))]))
        named = re.search(r"(?:language-|lang-|brush:\s*)([\w+-]+)", kind)
        if text:
            yield Code(text, named[1] if named else "", self._origin())

    def _terms(self, element: Any, note: str | None) -> Iterator[Text]:
        term = ""
        for child in element.iter("dt", "dd"):
            text = clean(_text(child))
            if child.tag == "dt":
                if term:
                    yield Text(term, note=note, origin=self._origin())
                term = text
            elif text:
                yield Text(f"{term.rstrip(':')}: {text}" if term else text, note=note, origin=self._origin())
                term = ""
        if term:
            yield Text(term, note=note, origin=self._origin())

    def _admonition(self, element: Any, kind: str, depth: int) -> Iterator[Piece]:
        """The parts of an admonition; a title that only says its kind goes before its first paragraph."""
        pieces = list(self.walk(element, kind, depth + 1))
        first = pieces[0] if pieces else None
        follows = len(pieces) > 1 and isinstance(pieces[1], Text)
        if isinstance(first, Text) and follows and first.text.rstrip(":!").casefold() in NOTES:
            second = pieces[1]
            assert isinstance(second, Text)
            second.text, second.bold = f"{first.text.rstrip(':!')}: {second.text}", False
            pieces = pieces[1:]
        yield from pieces

    def _list(self, element: Any, note: str | None, depth: int) -> Iterator[Piece]:
        items = [child for child in element if isinstance(child.tag, str)]
        if depth == 0 and _is_contents(items):
            self._drops.add("toc", " ".join(element.itertext()), self._origin())
            return
        start = element.get("start") or "1"
        number = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
        for item in items:
            if item.tag in ("ul", "ol"):
                yield from self._list(item, note, depth + 1)
            elif item.tag == "li":
                label = item.get("data-number") or (str(number) if element.tag == "ol" else "")
                step = self._item(item, label, note, depth)
                number += 1
                if not step.text and all(isinstance(child, Step) for child in step.children):
                    yield from step.children  # an item that only holds the next level
                else:
                    yield step
            else:
                yield from self._block(item, item.tag, note, depth)

    def _item(self, item: Any, label: str, note: str | None, depth: int) -> Step:
        origin = self._origin()
        if item.get("data-line"):
            self._line = int(item.get("data-line"))
            origin = Origin(origin.block, self._line)
        if depth > _DEEPEST:
            return Step(clean(" ".join(item.itertext())), number_source=label, note=note, origin=origin)
        pieces = list(self.walk(item, note, depth + 1))
        text = ""
        lead = next((n for n, piece in enumerate(pieces) if not isinstance(piece, Figure)), None)
        if lead is not None and isinstance(pieces[lead], Text | Heading):
            piece = pieces.pop(lead)
            assert isinstance(piece, Text | Heading)
            text = _BULLETS.sub("", _BOX.sub("", piece.text)).strip()
            origin = Origin(origin.block, piece.origin.line or origin.line)
        return Step(text, number_source=label, note=note, origin=origin, children=[_as_block(p) for p in pieces])

    def _table(self, table: Any, note: str | None, depth: int) -> Iterator[Piece]:
        rows = [row for row in table.iter("tr") if next(_tables_above(row), None) is table]
        cells = [[c for c in row if c.tag in ("td", "th")] for row in rows]
        if is_layout(table):
            for cell in (cell for row in cells for cell in row):
                yield from self.walk(cell, note, depth + 1)
            return
        for caption in table.iter("caption"):
            yield Text(clean(_text(caption)), note=note, origin=self._origin())
        grid = [[clean(_text(cell)) for cell in row] for row in cells]
        grid = [row for row in grid if any(row)]
        if grid:
            first = next(row for row in cells if any(clean(_text(c)) for c in row))
            headed = len(grid) > 1 and all(c.tag == "th" or _all_bold_cell(c) for c in first)
            yield Table(grid[0] if headed else [], grid[1:] if headed else grid, self._origin())


def _is_link_bar(element: Any) -> bool:
    """Whether an element is a row of links parted by bars or arrows: a menu or a path, whatever it is named."""
    if (
        element.tag not in ("p", "div", "span", "center", "font")
        or next(element.iterdescendants(*_BLOCKS), None) is not None
    ):
        return False
    links = [clean(a.text_content()) for a in element.iter("a")]
    if len(links) < 2 or any(len(link.split()) > 6 for link in links):
        return False
    between = clean("".join(t for t in element.itertext() if clean(t) not in links))
    return not re.search(r"[^\W_]", between)


def _broken_text(element: Any) -> str:
    """The text of a paragraph with a mark for each `br`."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            parts.append(_BREAK if child.tag == "br" else _broken_text(child))
        parts.append(child.tail or "")
    return "".join(parts)


def _as_block(piece: Piece) -> Block:
    """A piece inside a list item as a block."""
    if isinstance(piece, Heading | Text):
        return Para(piece.text, getattr(piece, "note", None), piece.origin)
    return piece


def _tables_above(element: Any) -> Iterator[Any]:
    return element.iterancestors("table")  # type: ignore[no-any-return]


def _all_bold_cell(cell: Any) -> bool:
    inner = cell.find("p") if cell.find("p") is not None else cell
    return bool(clean(_text(cell))) and _is_bold(inner)


def is_layout(table: Any) -> bool:
    """Whether a table only places content: its cells hold headings, tables or the text of a whole page."""
    if table.get("role") == "presentation":
        return True
    cells = [cell for cell in table.iter("td", "th") if next(_tables_above(cell), None) is table]
    if len(cells) == 1 or next(table.iterdescendants("h1", "h2", "table"), None) is not None:
        return True
    rows = {cell.getparent() for cell in cells}
    if len(rows) == len(cells):  # one column
        return next(table.iterdescendants("h3", "ul", "ol"), None) is not None
    return len(rows) == 1 and any(len(cell.text_content()) > 1500 for cell in cells)


def _is_contents(items: list[Any]) -> bool:
    """Whether a list is a table of contents: nearly all its items link into the page itself, and nothing else."""
    links = [item for item in items for item in item.iter("li")]
    own = [li for li in links if (a := next(li.iter("a"), None)) is not None and (a.get("href") or "").startswith("#") and clean(li.text or "") == ""
           and clean(a.text_content()) == clean(_text(li, frozenset(("ul", "ol"))))]  # fmt: skip
    return len(links) >= 3 and len(own) >= 0.8 * len(links)


def _wraps_blocks(element: Any) -> bool:
    """Whether an element that should hold text alone holds blocks."""
    return next(element.iterchildren(*_BLOCKS), None) is not None or (
        element.tag not in _BLOCKS and any(isinstance(c.tag, str) and c.tag not in _BLOCKS and next(c.iterdescendants(*_BLOCKS), None) is not None for c in element)
    )  # fmt: skip

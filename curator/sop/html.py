"""Web pages, in stages: parsed here, what is around the text pruned (`pruning`), the content found (`content`), walked (`walk`).

`curator.sop.guard` compares the result with another extractor's.
"""

from __future__ import annotations

import re
from typing import Any

from curator.errors import MissingExtraError, SourceError
from curator.sop.additions import prune_tail
from curator.sop.apart import told_asides
from curator.sop.cards import headings_over, lines_of, prune_emptied
from curator.sop.content import Second, content_root, prune_beside
from curator.sop.markup import BLOCKS, is_bold, leads_away, own_words, stands_apart, text_of
from curator.sop.metadata import is_field
from curator.sop.pruning import is_logo, name_own_tags, prune
from curator.sop.reading import MAX_TEXT, NOWHERE, SITE_MARK, Drops, Piece, Reading, clean, said, words_of
from curator.sop.threads import prune_thread
from curator.sop.walk import Walker

_XML = re.compile(r"^\s*<\?xml[^>]*\?>", re.I)
DEEPEST = 256  # levels of elements in one another: the depth at which libxml2 by itself stops
_TOO_DEEP = f"boolean({'/*' * (DEEPEST + 1)})"
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")  # no XML may hold them
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset\s*=\s*(?:["']\s*)?([\w-]+)""", re.I)
_MOST_TAGS = 150_000
_MOST_ATTRIBUTES = 300  # of one tag: the parser compares each with all before it
_IN_TAG = r"(?:[^>=/]++|/(?!>)|=\s*+(?:\"[^\"]*\"|'[^']*'|[^\s>\"'][^\s>]*+)?+)*+"  # as far as the sign that closes it
_RAW = r"script|style|title|textarea|xmp|iframe|noembed|noframes"  # within these the parser sees no tags
_OPENED = (
    re.compile(  # a tag with its attributes, to the end of what it holds raw; a comment. What is not closed ends last
        r"<!--(?:-?>|.*?(?:--!?>|\Z))"
        rf"|(<({_RAW})(?=[\s/>]){_IN_TAG})(?:/>|.*?(?:</\2(?=[\s/>]){_IN_TAG}/?>?|\Z))"
        rf"|(<[a-z]{_IN_TAG})",
        re.I | re.S | re.A,
    )
)
_VALUES = re.compile(r"=\s*+(?:\"[^\"]*\"|'[^']*'|[^\s>]*+)")
_PICTURES = re.compile(r"\"data:[^\"]{1000,}\"")
_TAGS = re.compile(r"<[^<>]*>")


def read_html(page: str, second: Second | None = None) -> Reading:
    """A web page as pieces; `second` decides on parts whose form does not tell. Raises SourceError, MissingExtraError."""
    _refuse_endless(page)
    root = tree(_lightened(page))
    language = (root.get("lang") or root.get("{http://www.w3.org/XML/1998/namespace}lang") or "")[:2].lower()
    page_title = clean(root.findtext(".//title") or "")
    words = frozenset([*words_of(_all_text(root)), *words_of(_as_shown(root))])
    name_own_tags(root)
    drops = Drops()
    prune_thread(root, page_title, drops)
    everywhere = [clean(text_of(h)) for h in root.iter("h1")]
    below = [clean(text_of(h)) for h in root.iter("h2", "h3")]
    _nest_lists(root)
    _name_title(root, page_title, drops)
    stood = headings_over(root)
    prune(root, drops)
    _join_fields(root)
    begun = _begun(page_title, below)
    h1 = [clean(text_of(h)) for h in root.iter("h1")]
    parts = SITE_MARK.split(page_title)
    of_site = parts[-1] if len(parts) > 1 else ""  # its name, where it stands in a heading that was pruned
    pruned = [head for head in everywhere if head != of_site]
    h1 = [*begun, *h1] if _CODE.match(page_title) and (begun or h1) else h1 or [*begun, *pruned]
    content = content_root(root, drops)
    prune_beside(content, drops, second)
    prune_tail(content, drops)
    prune_emptied(content, stood, drops)
    walker = Walker(drops, is_page=True)
    pieces = _without_asides(list(walker.walk(content)), drops)
    return Reading(
        pieces,
        words,
        "html",
        "walker",
        _page_title(page_title, h1, drops.frame),
        language,
        _metadata(root),
        drops.found,
        frame=drops.frame,
        tables=walker.tables,
    )


def _without_asides(pieces: list[Piece], drops: Drops) -> list[Piece]:
    gone = told_asides(pieces)
    for n in sorted(gone):
        drops.add("boilerplate", said(pieces[n]), NOWHERE)
        drops.frame.append(said(pieces[n]))
    return [piece for n, piece in enumerate(pieces) if n not in gone]


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


def _unwrap(root: Any) -> None:
    """Take away boxes that hold nothing but one of their own kind."""
    for part in list(root.iter("div", "span", "section", "center", "font")):
        around = part.getparent()
        alone = around is not None and around.tag == part.tag and len(around) == 1
        if alone and not clean(around.text or "") and not clean(part.tail or ""):
            part.drop_tag()


def tree(page: str) -> Any:
    """The parsed page. Raises SourceError, MissingExtraError."""
    try:
        import lxml.html
    except ImportError:
        raise MissingExtraError("curator sop", "sop") from None
    page = _CONTROL.sub("", _XML.sub("", page))
    _refuse_crowded(page)
    if not page.strip():
        raise SourceError("an empty page", hint="save the page again once it has loaded")
    parser = lxml.html.HTMLParser(huge_tree=True)
    try:
        root = lxml.html.document_fromstring(page, parser=parser)
        if root.xpath(_TOO_DEEP):
            _unwrap(root)
        if any("Excessive depth" in entry.message for entry in parser.error_log) or root.xpath(_TOO_DEEP):
            raise SourceError(f"markup nested over {DEEPEST} levels deep", hint="save the page again with a browser")
        return root
    except (lxml.etree.LxmlError, ValueError) as error:
        raise SourceError(f"no readable markup: {error}", hint="save the page again as HTML") from None


def _refuse_endless(page: str) -> None:
    """Raises SourceError for a page that no procedure fills; pictures and scripts inside it do not count."""
    tags, text = page.count("<"), page
    if tags > _MOST_TAGS or len(page) > MAX_TEXT:
        text = _without_scripts(page)
        tags, text = text.count("<"), _TAGS.sub("", text)
    if tags > _MOST_TAGS or len(text) > MAX_TEXT:
        what = f"{tags:,} tags and {len(text):,} characters: more than any procedure has"
        raise SourceError(what, hint="it may be a log or a whole manual: cut it into documents")


def _refuse_crowded(page: str) -> None:
    """Raises SourceError for a tag with more attributes than any page has."""
    for found in _OPENED.finditer(page):
        tag = found[1] or found[3] or ""
        if len(tag) > 2 * _MOST_ATTRIBUTES and (
            (count := len(_VALUES.sub(" ", tag).replace("/", " ").split())) > _MOST_ATTRIBUTES
        ):
            what = f"a tag with {count:,} attributes: more than any page has"
            raise SourceError(what, hint="save the page again with a browser")


def _lightened(page: str) -> str:
    """A large page without its scripts, styles and pictures, which would take many times their size in memory."""
    return page if len(page) <= MAX_TEXT else _PICTURES.sub('""', _without_scripts(page))


def _without_scripts(page: str) -> str:
    return _OPENED.sub(lambda found: "" if (found[2] or "").lower() in ("script", "style") else found[0], page)


def _drop_rubric(root: Any, title: str, named: list[list[str]], drops: Drops) -> None:
    """Take out an `h1` that names the site, or the part of it that the page stands in: the only one, where it is a link and one part of the
    page's title, and a heading below it the other; those before the one that is a part of the title, where none of them is.
    """
    for head in list(filter(is_logo, root.iter("h1"))):
        if len(list(root.iter("h1", "h2"))) > 1:
            drops.take(head)
    heads = list(root.iter("h1"))
    titles = [n for n, head in enumerate(heads) if len(said := words_of(text_of(head))) >= 2 and said in named]
    for head in heads[: titles[0]] if len(titles) == 1 else ():
        drops.take(head)
    blog = words_of(title.partition(": ")[0])  # "Blog: Post"
    if len(heads) == 1 and (
        words_of(text_of(heads[0])) == blog or (leads_away(heads[0]) and words_of(text_of(heads[0])) in named)
    ):
        rubric = words_of(text_of(heads[0]))
        others = (words_of(text_of(head)) for head in root.iter("h2", "h3"))
        if any(said in named and said != rubric for said in others if len(said) >= 2):
            drops.take(heads[0])


_TITLED = re.compile(
    r"(?:^|[\s_-])(?:entry|post|page|article|topic|doc|document|content|node|story|tc)-?title(?:$|\s)", re.I
)


def _name_title(root: Any, title: str, drops: Drops) -> None:
    """On a page without an `h1`, the heading that is a part of the page's title is one; without headings, a line set large, bold
    or in the middle that has the words of the page's title, else the only line that is set in the middle and bold.
    """
    wanted = set(words_of(title))
    named = [words_of(part) for part in (*SITE_MARK.split(title), title.partition(": ")[2])]  # "Blog: Post"
    _drop_rubric(root, title, named, drops)
    if next(root.iter("h1"), None) is None:
        for head in root.iter("h2", "h3"):
            if (said := words_of(text_of(head))) and said in named and len(said) >= 2:
                head.tag = "h1"
                return
        first = next(root.iter("h2", "h3"), None)
        if first is not None and _TITLED.search(first.get("class") or ""):
            first.tag = "h1"
            return
    if next(root.iter("h1", "h2"), None) is not None:
        return
    middle = []
    for line in root.iter("center", "p", "div"):
        said = words_of(text_of(line))
        if next(line.iterdescendants(*BLOCKS), None) is not None or not 2 <= len(said) <= 15:
            continue
        centred = line.tag == "center" or line.get("align") == "center"
        large = centred or is_bold(line) or next(line.iter("font", "big"), None) is not None
        if wanted and large and len(wanted & set(said)) >= 0.6 * len(wanted):
            line.tag = "h1"
            return
        if centred and is_bold(line) and next(line.iter("a"), None) is None:
            middle.append(line)
    if len(middle) == 1:
        middle[0].tag = "h1"


def _join_fields(root: Any) -> None:
    """Put the name of a field and its few words beside it ("Article number", "4711") into one paragraph."""
    for label in list(root.iter("div", "span")):
        value = label.getnext()
        if value is None or value.tag not in ("div", "span") or (label.tail and label.tail.strip()):
            continue
        if not (_FIELD_LABEL.search(own_words(label)) or _is_pair(label, value)):
            continue
        names, said = lines_of(label), lines_of(value)
        plain = all(next(part.iterdescendants(*(BLOCKS - {"div"})), None) is None for part in (label, value))
        if plain and len(names) == len(said) == 1 and len(names[0].split()) <= 4 and len(said[0].split()) <= 8:
            for part in (label, value):
                for inner in list(part):
                    part.remove(inner)
            label.tag, label.text, value.text = "p", f"{names[0].rstrip(':')}: {said[0]}", ""


def _is_pair(label: Any, value: Any) -> bool:
    """Whether two parts are all that a part of its own holds, the first the name of a field."""
    around = label.getparent()
    alone = around is not None and around.tag == "div" and len(around) == 2 and not clean(around.text or "")
    return alone and not clean(value.tail or "") and is_field(clean(label.text_content()))


_FIELD_LABEL = re.compile(r"(?:^|[\s_-])(?:field|element|property|attribute)[\s_-]+label(?:[\s_-]|$)", re.I)


def _nest_lists(root: Any) -> None:
    """Lists that stand in a list beside its items, and those that a word processor wrote side by side, their level in their class
    ("lst-kix_x-1"), put into one another.
    """
    for listed in list(root.iter("ol", "ul")):
        item = listed.getprevious()
        if listed.getparent().tag in ("ol", "ul") and item is not None and item.tag == "li":
            item.append(listed)  # as browsers show it: below the item before
            continue
        level = _LIST_LEVEL.search(listed.get("class") or "")
        before = listed.getprevious()
        if (
            not level
            or before is None
            or before.tag not in ("ol", "ul")
            or (listed.getparent().tag in ("ol", "ul", "li"))
        ):
            continue
        depth = int(level[1])
        home = before
        while depth > 1 and len(home) and (inner := next(home[-1].iterchildren("ol", "ul"), None)) is not None:
            home, depth = inner, depth - 1
        if depth and len(home):
            home[-1].append(listed)


_LIST_LEVEL = re.compile(r"lst-kix_\w+-(\d)(?!\d)")


def _metadata(root: Any) -> dict[str, str]:
    names = {"author": "owner", "version": "version"}
    return {names[m.get("name")]: clean(m.get("content") or "") for m in root.iter("meta") if m.get("name") in names}


def _page_title(title: str, headings: list[str], frame: list[str]) -> str:
    """The title of the page without the name of the site."""
    for heading in headings:
        if heading and heading.casefold() in title.casefold():
            return _without_site(heading, frame)
    if (rest := _without_site(title, frame)) != title:
        return rest
    parts = [part for part in SITE_MARK.split(title) if part]
    return parts[0] if parts else (headings[0] if len(headings) == 1 else "")


def _begun(title: str, headings: list[str]) -> list[str]:
    """The part of a page's title that a heading of the page begins with, where one does, without a code before it."""
    parts = [part for part in SITE_MARK.split(title) if " " in part]
    coded = [found[1] for part in parts if (found := _CODE.fullmatch(part)) and found[1] in headings]
    return coded or [part for part in parts if any(heading.startswith(part) for heading in headings)]


_CODE = re.compile(r"[A-Z]{1,6}[-_ ]?\d{1,6}: (\S.*)")  # of a course or an article, before its title


def _without_site(title: str, frame: list[str]) -> str:
    """A title without the name of the site or the space before its colon, which stands around the text too."""
    site, _, rest = title.partition(": ")
    site = site.strip()
    beside = (clean(text) for text in frame)
    named = bool(rest.strip()) and any(
        said.startswith(site) and said[len(site) :].strip()[:1] != ":" for said in beside
    )
    return rest.strip() if named else title


def _as_shown(root: Any) -> str:
    """All text with a space where a block begins or ends, and none where a mark parts a word."""
    from lxml import etree

    parts: list[str] = []
    for event, node in etree.iterwalk(root, events=("start", "end", "comment", "pi")):
        if node.tag in BLOCKS or node.tag == "br" or (isinstance(node.tag, str) and stands_apart(node)):
            parts.append(" ")
        parts.append((node.text if event == "start" else node.tail) or "")
    return "".join(parts)


def _all_text(root: Any) -> str:
    parts = [text for text in root.itertext() if text]
    for node in root.iter():
        if isinstance(node.tag, str):
            parts += [node.get(name) or "" for name in ("alt", "title", "data-note")]
    return " ".join(parts)

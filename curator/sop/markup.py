"""What the readers of markup ask of an element: its text, its names, whether it is bold, a warning, or a table for layout."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from curator.sop.reading import clean
from curator.sop.roles import folded

BLOCKS = frozenset(
    "address article blockquote body center dd details div dl dt fieldset figcaption figure footer h1 h2 h3 h4 h5 h6 header hgroup hr "
    "li main ol p pre section summary table tbody td tfoot th thead tr ul caption form aside nav html".split()
)  # fmt: skip
HEADINGS = {f"h{n}": n for n in range(1, 7)}
NOTES = frozenset(
    "note tip hint info important warning caution danger error attention success example quote abstract question failure bug seealso".split()
)
_WARNS = re.compile(r"note|warning|caution|danger|attention|important|todo|hinweis|warnung|achtung|vorsicht|nota|advertencia|remarque|avertissement", re.I)  # fmt: skip
_NAMES = (
    "data-testid",
    "data-test-id",
    "data-automation-id",
    "data-automationid",
    "data-widget_type",
    "data-component",
    "data-extension-key",
    "itemprop",
    "aria-label",
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def text_of(element: Any, skip: frozenset[str] = frozenset()) -> str:
    """The text of an element, none of that of `skip`ped tags."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str) and child.tag not in skip:
            parts.append(text_of(child, skip))
            if child.tag in BLOCKS or child.tag == "br":
                parts.append(" ")
        parts.append(child.tail or "")
    return "".join(parts)


_PARTS_SAID, _CHARS_SAID = 40, 400  # of a heading that an id may be made of: a page may stand in one


def own_words(element: Any) -> str:
    """The names of an element: its class, its id, and what a site calls it for its own tests, scripts and readers' aids.

    Without an id that a generator made of the heading below it ("obtain-consent").
    """
    name = element.get("id") or ""
    if 0 < len(name) <= 200:
        head = next(element.iter(*HEADINGS), None)
        said = "".join(islice(head.itertext(), _PARTS_SAID))[:_CHARS_SAID] if head is not None else ""
        if said and folded(name.replace("-", " ").replace("_", " ")) in folded(said):
            name = ""
    others = [value for key in _NAMES if (value := element.get(key)) and len(value) <= 40]
    return _CAMEL.sub("-", " ".join([(element.get("class") or "")[:500], name[:200], *others]).strip())


def note_of(element: Any) -> str | None:
    """The kind of admonition an element is ("warning"), None where it is none."""
    if element.get("data-note"):
        return str(element.get("data-note"))
    names = re.split(r"[\s_-]+", _JOINED_NOTE.sub(r"\1 \2", own_words(element).lower()))
    if (element.get("class") or "").strip().lower() in _WHOLE_NOTES:
        return str(element.get("class")).strip().lower()
    boxed = {"admonition", "alert", "callout", "macro", "adm", "message", "box", "panel", "notice"} & set(names)
    kinds = [_KINDS.get(name, name) for name in names]
    if element.tag == "aside" and (grave := _GRAVE & {_KINDS.get(name, name) for name in names}):
        return min(grave)
    if element.tag == "aside" and (
        mild := re.search(r"\baside-{1,2}(note|tip|info|hint)\b", element.get("class") or "")
    ):
        return mild[1]
    if not boxed:  # named as a note or a hint: one only where its kind is told too
        noted = _NOTED.search(element.get("class") or "") is not None
        return next((kind for kind in kinds if noted and kind in NOTES - {"note", "hint"}), None)
    found = sorted((kind for kind in kinds if kind in NOTES), key=lambda kind: (kind not in _GRAVE, kind == "note"))
    return found[0] if found else None


_GRAVE = frozenset("danger warning caution attention error important".split())  # whatever else a box is named besides
_KINDS = {"information": "info", "yellow": "warning", "warn": "warning"}
_NOTED = re.compile(r"(?:^|\s)(?:hint|(?:[a-z]+-)?note)(?:$|\s)", re.I)
_WHOLE_NOTES = frozenset(("note", "tip", "warning", "caution", "danger", "important"))  # as DocBook names them


_JOINED_NOTE = re.compile(
    r"\b(note|tip|info|important|warning|caution|danger|error|success|admonition)(message|box|panel|notice|block)\b"
)


def is_note(element: Any) -> bool:
    return note_of(element) is not None


def wraps_note(element: Any) -> bool:
    """Whether an element is an admonition, or holds one and nothing else."""
    inner = element
    while not is_note(inner):
        said = [child for child in inner if isinstance(child.tag, str) and child.text_content().strip()]
        bare = len(said) == 1 and not (inner.text or "").strip() and not (said[0].tail or "").strip()
        if not bare:
            return False
        inner = said[0]
    return True


def is_warning(text: str) -> bool:
    """Whether a text begins with the word of a warning ("Caution: hot")."""
    return _WARNS.match(text) is not None


def is_bold(element: Any) -> bool:
    """Whether all the text of a paragraph is bold."""
    if clean(element.text or ""):
        return False
    if any(child.tag == "br" and clean(child.tail or "") for child in element):
        return False
    inner = [child for child in element if isinstance(child.tag, str) and child.tag != "br"]
    return bool(inner) and all(
        (is_strong(child) or (child.tag in ("span", "u", "em", "i", "a", "font") and (is_bold(child) or not text_of(child).strip())))
        and not clean(child.tail or "")
        for child in inner
    )  # fmt: skip


def is_strong(element: Any) -> bool:
    """Whether an inline part is bold by its tag or its style."""
    return element.tag in ("b", "strong") or _bold_style(element)


def _bold_style(element: Any) -> bool:
    return bool(re.search(r"font-weight:\s*(?:bold|[6-9]00)", element.get("style") or ""))


def is_layout(table: Any) -> bool:
    """Whether a table only places content: its cells hold headings, tables or the text of a whole page."""
    cells = list(own_parts(table, "td", "th"))
    if table.get("role") == "presentation":
        return not _is_grid(table, cells)
    if len(cells) == 1 or next(table.iterdescendants("h1", "h2", "table"), None) is not None:
        return True
    rows = {cell.getparent() for cell in cells}
    if len(rows) == 1 and sum(bool(clean(cell.text_content())) for cell in cells) == 1:
        return True  # a sign, and what it stands for
    if len(rows) == len(cells):  # one column
        return next(table.iterdescendants("h3", "ul", "ol"), None) is not None
    return len(rows) == 1 and any(len(cell.text_content()) > 1500 for cell in cells)


def _is_grid(table: Any, cells: list[Any]) -> bool:
    """Whether a table holds as many short texts in each of its two rows or more: data, whatever its role says."""
    rows = [sum(cell.getparent() is row for cell in cells) for row in {cell.getparent(): None for cell in cells}]
    plain = next(table.iterdescendants("table", "ul", "ol", "img", "a", *HEADINGS), None) is None
    said = [len(clean(cell.text_content())) for cell in cells]
    return plain and len(rows) >= 2 and min(rows) == max(rows) >= 2 and all(0 < length <= 120 for length in said)


def own_parts(table: Any, *tags: str) -> Iterator[Any]:
    """The parts of a table with one of these tags, those of the tables in its cells left out."""
    waiting = [iter(table)]
    while waiting:
        part = next(waiting[-1], None)
        if part is None:
            waiting.pop()
        elif part.tag != "table":
            if part.tag in tags:
                yield part
            waiting.append(iter(part))


def wraps_blocks(element: Any) -> bool:
    """Whether an element that should hold text alone holds blocks."""
    return next(element.iterchildren(*BLOCKS), None) is not None or (
        element.tag not in BLOCKS and any(isinstance(c.tag, str) and c.tag not in BLOCKS and next(c.iterdescendants(*BLOCKS), None) is not None for c in element)
    )  # fmt: skip


def siblings(element: Any) -> Iterator[Any]:
    """The parts beside an element, first those that follow it."""
    yield from element.itersiblings()
    yield from element.itersiblings(preceding=True)


def upwards(element: Any) -> Iterator[Any]:
    return (ancestor for ancestor in element.iterancestors() if isinstance(ancestor.tag, str))


def leads_away(head: Any) -> bool:
    """Whether a heading or a list is a link, or links, to other pages."""
    links = [a for a in head.iter("a") if not (a.get("href") or "#").startswith("#")]
    return bool(links) and clean(" ".join(a.text_content() for a in links)) == clean(head.text_content())


def stands_apart(part: Any) -> bool:
    """Whether a part that is no block by its tag is one by its style: a line of code, as some editors colour it."""
    return _APART.search(part.get("style") or "") is not None


_APART = re.compile(r"display:\s*(?:block|grid|flex)\b")

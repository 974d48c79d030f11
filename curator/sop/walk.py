"""The walk over content in reading order: every heading, paragraph, list item, table and code block as a piece."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from curator.sop.document import Block, Code, Figure, Origin, Para, Step, Table
from curator.sop.furniture import is_credited, is_furniture
from curator.sop.markup import (
    BLOCKS,
    HEADINGS,
    NOTES,
    is_bold,
    is_layout,
    is_strong,
    is_warning,
    note_of,
    own_parts,
    stands_apart,
    text_of,
    wraps_blocks,
)
from curator.sop.numbering import figure
from curator.sop.reading import BULLETS, Drops, Heading, Piece, Text, clean
from curator.sop.roles import role_of
from curator.sop.tabular import columns, is_numbered_text, steps_of

_DEEPEST = 200  # levels of nesting that are walked; text below is taken as it stands
_BULLETS = re.compile(rf"^[{BULLETS}*]\s+")
_BOX = re.compile(r"^(?:\[[ xX]?\]|[☐☑☒✓✔])\s*")
_WORD = re.compile(r"\w")
_COUNT = re.compile(r"(?:\d{1,3}(?:\.\d{1,3})*|[a-z])[.):]?", re.I)
_OWN_COUNT = re.compile(rf"(?:(?:step|paso|schritt|étape)\s+)?\(?(\d{{1,3}})[.):]?|([{BULLETS}*-])", re.I)
_BREAK, _STRONG, _WEAK = "\x01", "\x02", "\x03"  # stand for a `br`, and for where bold letters begin and end
_LIST_LINE = re.compile(r"\n(?=[ \t]*[-*+][ \t]+\S)")  # an item that the renderer took for the paragraph before it
_LIST_MARK = re.compile(r"[-*+]\s+")
_CHROME_LINK = re.compile(
    r"(?:edit (?:this|on) .*|back to (?:the )?top|top|print(?: this page)?|share|tweet|previous|next|« .*|.* »|permalink|skip to .*|"
    r"click here|read more|view source|copy(?: link)?|download(?: as)? pdf|report (?:an issue|a problem))\W*", re.I,
)  # fmt: skip
_EDIT_LINK = re.compile(
    r"(?<!\s)\s*+(?:\[\s*+(?:edit|edit source|bearbeiten|editar|modifier)(?:\s*+\|[\w\s]++)?\s*+\]|[#¶§🔗])$", re.I
)  # beside the headings of many sites
_TEASER = re.compile(
    r"(?:also read|read also|you may also like|related(?: posts?| articles?)?|recommended(?: reading)?|must read|download)\s*[:–-]",
    re.I,
)


class Walker:
    """Walks the content in reading order."""

    def __init__(self, drops: Drops, *, is_page: bool = False) -> None:
        self._drops, self._is_page = drops, is_page
        self._count = 0
        self._line: int | None = None
        self.tables: list[str] = []  # whole texts of tables that were read as steps
        self._ordered = 0  # numbered lists around what is walked
        self._role = "other"  # of the section that is walked

    def walk(self, element: Any, note: str | None = None, depth: int = 0) -> Iterator[Piece]:
        """The pieces of an element's content."""
        inline: list[str] = [element.text or ""]
        for child in element:
            tag = child.tag if isinstance(child.tag, str) else None
            if tag is not None and (tag in BLOCKS or wraps_blocks(child)):
                yield from self._flush(inline, note)
                yield from self._block(child, tag, note, depth)
            elif tag == "img":
                yield from self._figure(child)
            elif tag == "br":
                inline.append(_BREAK)
            elif tag is not None:
                for image in child.iter("img"):
                    yield from self._figure(image)
                inline += [_marked(child), _after_count(child, inline)]
            inline.append(child.tail or "")
        yield from self._flush(inline, note)

    def _block(self, element: Any, tag: str, note: str | None, depth: int) -> Iterator[Piece]:
        line = element.get("data-line")
        self._line = int(line) if line else self._line
        if tag in HEADINGS:
            if text := _EDIT_LINK.sub("", clean(text_of(element))):
                self._role = role_of(text)
                yield Heading(text, HEADINGS[tag], self._origin())
        elif tag in ("ul", "ol"):
            yield from self._list(element, note, depth)
        elif tag == "table":
            yield from self._table(element, note, depth)
        elif tag == "pre":
            yield from self._code(element)
        elif tag == "dl":
            yield from self._terms(element, note, depth)
        elif tag == "li":  # outside any list
            yield self._item(element, "", note, depth)
        elif self._is_page and (reason := _reason(element, tag)):
            self._drops.add(reason, element.text_content(), self._origin())
        elif tag == "p" and not wraps_blocks(element):
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
        said = "".join(inline)
        for line, bold in _lines(said):
            if _LIST_MARK.match(line) and "\n" in said.strip():
                yield Step(_BOX.sub("", _LIST_MARK.sub("", line)), note=note, origin=self._origin())
            elif line and not self._is_furniture(line, bold):
                yield Text(line, bold, note, self._origin())
        inline.clear()

    def _is_furniture(self, text: str, bold: bool) -> bool:
        heads = bold and text.isalpha()  # "Loading", over steps
        said = not self._ordered and is_furniture(text)  # a step is one whatever it says
        if not self._is_page or heads or not (said or not _WORD.search(text)):
            return False
        self._drops.add("boilerplate", text, self._origin())
        return True

    def _paragraph(self, element: Any, note: str | None) -> Iterator[Piece]:
        for image in element.iter("img"):
            yield from self._figure(image)
        text = clean(text_of(element))
        links = list(element.iter("a"))
        if links and clean(" ".join(a.text_content() for a in links)) == text and _CHROME_LINK.fullmatch(text):
            self._drops.add("link-only", text, self._origin())
            return
        whole = is_bold(element)
        for line, bold in _lines(_broken_text(element)):
            if not line or self._is_furniture(line, bold or whole):
                continue
            if _LIST_MARK.match(line) and "\n" in text_of(element):
                yield Step(_BOX.sub("", _LIST_MARK.sub("", line)), note=note, origin=self._origin())
            else:
                yield Text(line, bold or whole, note, self._origin())

    def _figure(self, image: Any) -> Iterator[Figure]:
        alt = clean(image.get("alt") or "")
        if alt and _STEP_ALT.fullmatch(alt) and _says_more(image):
            self._drops.add("boilerplate", alt, self._origin())
        elif alt:
            yield Figure(alt, self._origin())

    def _code(self, element: Any) -> Iterator[Code]:
        text = _lines_of_code(element).strip("\n").rstrip()
        kind = " ".join(filter(None, [element.get("class"), *(c.get("class") for c in element.iter("code"))]))
        named = re.search(r"(?:language-|lang-|brush:\s*)([\w+-]+)", kind)
        if text:
            yield Code(text, named[1] if named else "", self._origin())

    def _terms(self, element: Any, note: str | None, depth: int) -> Iterator[Piece]:
        """A definition list: a term with its text on one line, or before the blocks that explain it."""
        term = ""
        for child in [c for c in element.iter("dt", "dd") if next(c.iterancestors("dl")) is element]:
            text = clean(text_of(child))
            if child.tag == "dt":
                if term:
                    yield Text(term, note=note, origin=self._origin())
                term = text
            elif wraps_blocks(child) and next(child.iter("ul", "ol", "table", "pre", "dl"), None) is not None:
                if term:
                    yield Text(term, note=note, origin=self._origin())
                yield from self.walk(child, note, depth + 1)
                term = ""
            elif text:
                parts = (term if _COUNT.fullmatch(term) else f"{term.rstrip(':')}:", text)
                yield Text(" ".join(parts) if term else text, note=note, origin=self._origin())
                term = ""
        if term:
            yield Text(term, note=note, origin=self._origin())

    def _steps_of_rows(self, table: Any, rows: list[Any], note: str | None, depth: int) -> list[Piece]:
        """The steps of a table whose rows are steps, none of any other."""
        grid = [row for row in _grid(rows) if any(cell is not None and clean(text_of(cell)) for cell in row)]
        said = [["" if cell is None else clean(text_of(cell)) for cell in row] for row in grid]
        found = columns(said[0], said[1:], self._role) if len(said) > 2 else None
        if found is None:
            return []
        self.tables.append(clean(text_of(table)))
        self._drops.add("table-head", " | ".join(filter(None, found.head)), self._origin())

        def cell(row: int, column: int) -> list[Block]:
            element = grid[row + 1][column]
            return [] if element is None else [_as_block(piece) for piece in self.walk(element, note, depth + 1)]

        return list(steps_of(found, said[1:], cell))

    def _admonition(self, element: Any, kind: str, depth: int) -> Iterator[Piece]:
        """The parts of an admonition; a title that only says its kind goes before its first paragraph."""
        pieces = list(self.walk(element, kind, depth + 1))
        first = pieces[0] if pieces else None
        follows = len(pieces) > 1 and isinstance(pieces[1], Text)
        if isinstance(first, Text | Heading) and follows and _names_note(first.text.rstrip(":!")):
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
                label = item.get("data-number") or (
                    _counted(number, element.get("type")) if element.tag == "ol" else ""
                )
                self._ordered += element.tag == "ol"
                step = self._item(item, label, note, depth)
                self._ordered -= element.tag == "ol"
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
        if lead is not None and len(pieces) > lead + 1 and (own := _own_count(pieces[lead])) is not None:
            label = own or label
            del pieces[lead]
        if lead is not None and isinstance(pieces[lead], Text | Heading):
            piece = pieces.pop(lead)
            assert isinstance(piece, Text | Heading)
            text = _BULLETS.sub("", _BOX.sub("", piece.text)).strip()
            origin = Origin(origin.block, piece.origin.line or origin.line)
        return Step(text, number_source=label, note=note, origin=origin, children=[_as_block(p) for p in pieces])

    def _table(self, table: Any, note: str | None, depth: int) -> Iterator[Piece]:
        rows = list(own_parts(table, "tr"))
        cells = [[c for c in row if c.tag in ("td", "th")] for row in rows]
        if is_layout(table):
            for cell in (cell for row in cells for cell in row):
                yield from self.walk(cell, note, depth + 1)
            return
        for caption in filter(None, (clean(text_of(element)) for element in table.iter("caption"))):
            yield Text(caption, note=note, origin=self._origin())
        if made := self._steps_of_rows(table, rows, note, depth):
            yield from made
            return
        grid = [[clean(text_of(cell)) for cell in row] for row in cells]
        if is_numbered_text(grid):
            for row, (label, said) in zip(cells, grid, strict=True):
                if label:
                    yield Text(f"{label} {said}", _all_bold_cell(row[1]), note, self._origin())
                else:
                    yield from self.walk(row[1], note, depth + 1)
            return
        grid = [row for row in grid if any(row)]
        if grid:
            first = next(row for row in cells if any(clean(text_of(c)) for c in row))
            headed = len(grid) > 1 and all(c.tag == "th" or _all_bold_cell(c) for c in first)
            yield Table(grid[0] if headed else [], grid[1:] if headed else grid, self._origin())


_STEP_ALT = re.compile(r"(?:(?:image|picture|photo) (?:of|for) )?(?:step|schritt|paso|étape|etape)\s*\d{1,3}\W*", re.I)


def _says_more(image: Any) -> bool:
    """Whether the item of a list that a picture stands in has a text: what only counts the item says nothing beside it."""
    item = next(image.iterancestors("li"), None)
    return item is not None and re.search(r"[^\W\d_]", text_of(item)) is not None


def _names_note(title: str) -> bool:
    """Whether a title says what kind of note a box is and nothing else."""
    return title.casefold() in NOTES or (title.isalpha() and is_warning(title))


def _own_count(piece: Piece) -> str | None:
    """The number of an item in a part of its own ("1", "Step 1"), "" for its bullet, None for any other part."""
    found = _OWN_COUNT.fullmatch(piece.text) if isinstance(piece, Text) else None
    return (found[1] or "") if found else None


def _counted(number: int, kind: str | None) -> str:
    """The number of an item as its list shows it: 3, c, iii."""
    form = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}.get(kind or "", "decimal")
    return figure(number, form)


def _grid(rows: list[Any]) -> list[list[Any]]:
    """The cells of rows by their columns, None where a cell spans from the left or from above."""
    below: dict[int, int] = {}  # rows that a cell still spans, by column
    grid: list[list[Any]] = []
    for row in rows:
        placed: list[Any] = []
        for cell in (c for c in row if c.tag in ("td", "th")):
            while below.get(len(placed), 0) > 0:
                below[len(placed)] -= 1
                placed.append(None)
            for n in range(_span(cell, "colspan")):
                below[len(placed)] = _span(cell, "rowspan") - 1
                placed.append(cell if n == 0 else None)
        while below.get(len(placed), 0) > 0:
            below[len(placed)] -= 1
            placed.append(None)
        grid.append(placed)
    return grid


def _span(cell: Any, name: str) -> int:
    value = cell.get(name) or ""
    return max(1, min(int(value), 100)) if re.fullmatch(r"\d{1,4}", value) else 1


def _lines_of_code(element: Any) -> str:
    """The text of code: lines end where they do in it, at breaks, and behind each part that is a line of its own."""
    parts: list[str] = []

    def end() -> None:
        last = next(filter(None, reversed(parts)), "\n")
        if not last.endswith("\n"):
            parts.append("\n")

    def read(part: Any) -> None:
        parts.append(part.text or "")
        for child in part:
            ended = False
            if isinstance(child.tag, str):
                ended = apart = child.tag in BLOCKS or stands_apart(child)
                if apart:
                    end()
                if child.tag == "br":
                    parts.append("\n")
                read(child)
                if apart:
                    end()
            tail = child.tail or ""
            parts.append(tail[1:] if ended and tail[:1] == "\n" else tail)

    read(element)
    return "".join(parts)


def _reason(element: Any, tag: str) -> str:
    """Why a part is of the site and not of the text, "" where it is of the text."""
    if _is_link_bar(element) or _is_teaser(element):
        return "link-only"
    return "boilerplate" if tag == "figcaption" and is_credited(element.text_content()) else ""


def _is_teaser(element: Any) -> bool:
    """Whether a part points at another page of the site ("Also read: …")."""
    if element.tag not in ("p", "div", "a", "section") or len(element.text_content()) > 400:
        return False
    text = clean(text_of(element))
    linked = element.tag == "a" or next(element.iter("a"), None) is not None
    return linked and len(text) < 150 and _TEASER.match(text) is not None


def _is_link_bar(element: Any) -> bool:
    """Whether an element is a row of links parted by bars or arrows: a menu or a path, whatever it is named."""
    if (
        element.tag not in ("p", "div", "span", "center", "font")
        or next(element.iterdescendants(*BLOCKS), None) is not None
    ):
        return False
    links = [said for a in element.iter("a") if (said := clean(a.text_content()))]  # not places to jump to
    if len(links) < 2 or any(len(link.split()) > 6 for link in links):
        return False
    between = clean("".join(t for t in element.itertext() if clean(t) not in links))
    return not re.search(r"[^\W_]", between)


def _broken_text(element: Any) -> str:
    """The text of a paragraph with a mark for each `br`."""
    parts = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            parts += [_BREAK if child.tag == "br" else _marked(child), _after_count(child, parts)]
        parts.append(child.tail or "")
    return "".join(parts)


def _after_count(part: Any, before: list[str]) -> str:
    """What parts a number at the start that is set apart by its look alone ("<span>3</span>Open it") from what follows:
    a break after "3", which is no number of an item by itself, a space after "3.1".
    """
    count = clean(text_of(part))
    if (
        part.tag not in ("span", "b", "strong", "em", "i")
        or any(clean(said.replace(_STRONG, "").replace(_WEAK, "")) for said in before)
        or not re.fullmatch(r"\d{1,3}(?:\.\d{1,3})*[.)]?", count)
    ):
        return ""
    after = part.tail or ""
    following = part.getnext()
    after = after or (text_of(following) if following is not None and isinstance(following.tag, str) else "")
    return (_BREAK if count.isdigit() else " ") if after[:1].isupper() else ""


def _marked(element: Any) -> str:
    """The text of an inline part with its marks."""
    said = _broken_text(element)
    return f"{_STRONG}{said}{_WEAK}" if said.strip() and is_strong(element) else said


def _lines(marked: str) -> Iterator[tuple[str, bool]]:
    """The lines of a text, parted where it has a `br`, and whether all of a line is bold."""
    strong = 0  # how many bold parts a letter stands in
    for part in marked.split(_BREAK):
        for line in _LIST_LINE.split(part):
            light = False
            for letter in line if _STRONG in marked else "":
                strong += (letter == _STRONG) - (letter == _WEAK)
                light = light or (not strong and letter.isalnum())
            yield clean(line.replace(_STRONG, "").replace(_WEAK, "")), _STRONG in marked and not light


def _as_block(piece: Piece) -> Block:
    """A piece inside a list item as a block."""
    if isinstance(piece, Heading | Text):
        return Para(piece.text, getattr(piece, "note", None), piece.origin)
    return piece


def _all_bold_cell(cell: Any) -> bool:
    inner = cell.find("p") if cell.find("p") is not None else cell
    return bool(clean(text_of(cell))) and is_bold(inner)


def _is_contents(items: list[Any]) -> bool:
    """Whether a list is a table of contents: nearly all its items link into the page itself, and nothing else."""
    links = [item for item in items for item in item.iter("li")]
    own = [li for li in links if (a := next(li.iter("a"), None)) is not None and (a.get("href") or "").startswith("#") and clean(li.text or "") == ""
           and clean(a.text_content()) == clean(text_of(li, frozenset(("ul", "ol"))))]  # fmt: skip
    return len(links) >= 3 and len(own) >= 0.8 * len(links)

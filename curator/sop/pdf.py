"""PDF files by pdfplumber: lines with their sizes, running headers and page numbers taken out, tables kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from curator.errors import MissingExtraError, SourceError
from curator.sop.apart import SLANTED, Box, boxes_of, is_within, level, margins_of, within, without, without_asides
from curator.sop.document import Origin, Table
from curator.sop.lines import STARTS, Line, paragraphs
from curator.sop.printed import of_page
from curator.sop.reading import BULLETS, Drops, Reading, clean, words_of
from curator.sop.unruled import Word, table_at

_MOST_PAGES = 600
_RUN_IN = 0.7  # of the size of letters: the space after a heading that its paragraph follows on the same line
_SPACE = 9.0  # points: no space between the words of a line is wider, none between columns narrower
_BOLD = re.compile(r"bold|black|heavy|semibold|demi|cmbx|-bd", re.I)
_SMALL = 0.93  # of the size of the text's letters: notices, not the text


class _Row(Line):
    """A line of a page with its place and the size of its letters, in points."""

    top: float = 0
    bottom: float = 0
    right: float = 0
    size: float = 0
    slanted: bool = False  # all its letters
    margin: bool = False  # in the strip above or below the text of a page
    rail: bool = False  # in a box beside the text
    words: list[Word] = []


def read_pdf(data: bytes) -> Reading:
    """A PDF as pieces. Raises SourceError, MissingExtraError."""
    try:
        from pdfminer.pdfdocument import PDFPasswordIncorrect

        from curator.sop.inflating import open_bounded, pages_of
    except ImportError:
        raise MissingExtraError("curator sop", "sop") from None
    drops = Drops()
    try:
        with open_bounded(data) as file:
            if len(file.pages) > _MOST_PAGES:
                raise SourceError(f"{len(file.pages)} pages, more than {_MOST_PAGES}", hint="cut it into documents")
            facts = {key: clean(str(value)) for key, value in (file.metadata or {}).items()}
            title = facts.get("Title", "")
            made = f"{facts.get('Creator', '')} {facts.get('Producer', '')}"
            pages = [_lines(page, drops) for page in pages_of(file)]
    except SourceError:
        raise
    except Exception as error:  # whatever the parser raises on a broken file
        cause = error.__cause__ or (error.args[:1] and error.args[0])  # pdfplumber wraps what pdfminer raises
        if isinstance(cause, SourceError):
            raise cause from None
        if isinstance(error, PDFPasswordIncorrect) or isinstance(cause, PDFPasswordIncorrect):
            raise SourceError("a PDF with a password", hint="save it without a password") from None
        said = " ".join(str(error).split())[:120]
        raise SourceError(
            f"a broken PDF: {type(error).__name__}{': ' if said else ''}{said}", hint="fetch or save the file again"
        ) from None
    if not any(line.text or line.table for page in pages for line in page):
        raise SourceError("a PDF without text: pictures of pages", hint="run character recognition (OCR) first")
    words = [word for page in pages for line in page for word in words_of(_all(line))]
    lines = [line for page in _without_running(pages, drops) for line in page]
    lines = _joined_tables([*(line for line in lines if not line.rail), *(line for line in lines if line.rail)])
    _mark_apart(lines)
    _mark_headings(lines)
    joined: list[str] = []
    pieces = without_asides(paragraphs(lines, joined), drops)
    known = frozenset([*words, *words_of(" ".join(joined)), *words_of(title)])
    if _BROWSER.search(made) and "Google Docs" not in made:
        pieces, title = of_page(pieces, title, drops)
    return Reading(
        pieces,
        known,
        "pdf",
        "pdfplumber",
        "" if re.search(r"\.docx?$|untitled|^Microsoft", title, re.I) else title,
        dropped=drops.found,
    )


_BROWSER = re.compile(r"Skia/PDF|Chrom(?:e|ium)/|Firefox|Mozilla/|Safari")


def _all(line: Line) -> str:
    return " ".join(cell for row in line.table.rows for cell in row) if line.table else line.text


def _lines(page: Any, drops: Drops) -> list[_Row]:
    """The lines of a page from top to bottom, tables with ruled cells as one, those of boxes beside the text last."""
    boxes: list[tuple[Any, Table]] = []
    sides: list[Box] = []
    if len(page.lines) + len(page.rects) >= 4:
        for found in page.find_tables():
            if (cells := _laid_out(found, page)) is not None:
                sides += cells
                continue
            grid = [[clean(cell or "") for cell in row] for row in found.extract()]
            grid = [row for row in grid if any(row)]
            if grid and max(map(len, grid)) > 1:
                boxes.append((found.bbox, Table([], grid, Origin(-1, None, page.page_number))))
    rows: list[_Row] = []
    ruled = [box for box, _ in boxes]
    page = level(page, ruled, drops)
    framed = boxes_of(page, ruled)
    beside = [*margins_of(page, [*ruled, *framed, *sides]), *sides]
    gutter = _gutter(without(page, beside) if beside else page, ruled)
    dots = _dots(page)
    links = [link for link in page.hyperlinks if _AWAY.match(link.get("uri") or "")]
    framed += beside
    for found in _parted_lines(page, gutter, framed, beside):
        middle = (found["top"] + found["bottom"]) / 2
        if any(box[1] <= middle <= box[3] and box[0] - 1 <= found["x0"] <= box[2] for box, _ in boxes):
            continue
        for row in _rows_of(found, page.page_number):
            row.away = _is_linked(row, links)
            row.box = next((_BOXES * page.page_number + n for n, box in enumerate(framed) if _is_over(row, box)), 0)
            rows.append(_bulleted(row, dots))
    for box, table in boxes:
        rows.append(_Row("", box[0], True, page=page.page_number, table=table, top=box[1], bottom=box[3], right=box[2]))
    _mark_margins(rows, page.height)
    rails = {_BOXES * page.page_number + n for n, box in enumerate(framed) if box in beside}
    if gutter is not None:
        text = [row for row in rows if row.box not in rails]
        return [*(row for column in _in_columns(text, gutter) for row in column), *_railed(rows, rails)]
    rails |= {_BOXES * page.page_number + n for n, box in enumerate(framed) if any(map(_beside(box), rows))}
    text = sorted((row for row in rows if row.box not in rails), key=lambda row: (round(row.top), row.indent))
    text = _with_tables(text)
    _mark_gaps(text)
    return [*text, *_railed(rows, rails)]


def _laid_out(table: Any, page: Any) -> list[Box] | None:
    """The cells beside the one that holds most of a page, where a table only places its text; None for any other table."""
    rows = [[cell for cell in row.cells if cell is not None] for row in table.rows]
    letters = [char for char in page.chars if char["text"].strip()]
    most = next((cell for row in rows for cell in row if 2 * sum(is_within(char, cell) for char in letters) > len(letters)), None)  # fmt: skip
    if most is None or len({round(char["bottom"]) for char in letters if is_within(char, most)}) < _TEXT_LINES:
        return None
    row = next(row for row in rows if most in row)
    return [cell for cell in row if cell != most and any(is_within(char, cell) for char in letters)]


_TEXT_LINES = 12  # of a cell that holds a text


def _railed(rows: Sequence[_Row], rails: Collection[int]) -> Iterator[_Row]:
    """The lines of boxes beside the text, box by box."""
    for box in sorted(rails):
        run = sorted((row for row in rows if row.box == box), key=lambda row: round(row.top))
        _mark_gaps(run)
        for row in run:
            row.rail = True
            yield row


_BOXES = 1000  # more than any page has


def _parted_lines(
    page: Any, gutter: float | None, framed: Sequence[Box], beside: Sequence[Box]
) -> Iterator[dict[str, Any]]:
    """The lines of a page, those of each box apart; on one of two columns of the boxes beside them alone."""
    boxes = framed if gutter is None else beside
    yield from _text_lines(without(page, boxes) if boxes else page, gutter)
    for box in boxes:
        yield from _text_lines(within(page, box), None)


def _is_over(row: _Row, box: Box) -> bool:
    middle = (row.top + row.bottom) / 2
    return box[1] <= middle <= box[3] and box[0] - 1 <= row.indent and row.right <= box[2] + 1


def _beside(box: Box) -> Callable[[_Row], bool]:
    """Whether a line stands beside a box, level with it."""

    def is_beside(row: _Row) -> bool:
        middle = (row.top + row.bottom) / 2
        return box[1] <= middle <= box[3] and (row.right <= box[0] or row.indent >= box[2])

    return is_beside


def _mark_apart(lines: Sequence[_Row]) -> None:
    """Set `apart` for lines in smaller letters than those of the text, and for slanted ones in a text that is not."""
    sizes, slanted = Counter[float](), Counter[bool]()
    for line in lines:
        sizes[line.size] += len(line.text)
        slanted[line.slanted] += len(line.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    for line in lines:
        small, slants = line.size < _SMALL * body, line.slanted and not slanted[True] > slanted[False]
        line.apart = line.table is None and (small or slants)


_AWAY = re.compile(r"(?:https?|file):|/|\w[\w.-]*/", re.I)


def _is_linked(row: _Row, links: Sequence[dict[str, Any]]) -> bool:
    """Whether links cover a line, but for its number or its bullet."""
    middle = (row.top + row.bottom) / 2
    over = [(link["x0"], link["x1"]) for link in links if link["top"] - 1 <= middle <= link["bottom"] + 1]
    inside = [
        word for word in row.words if any(left - 1 <= word.start and word.end <= right + 1 for left, right in over)
    ]
    return bool(inside) and sum(len(word.text) for word in row.words) - sum(len(word.text) for word in inside) <= 3


def _mark_margins(rows: Sequence[_Row], height: float) -> None:
    """Set `margin` for small letters at the very top or bottom of a page, two lines or more from the text."""
    sizes = Counter[float]()
    for row in rows:
        sizes[row.size] += len(row.text)
    body = sizes.most_common(1)[0][0] if sizes else 0.0
    edge = [row for row in rows if (row.bottom < _STRIP * height or row.top > (1 - _STRIP) * height)]
    inner = [row for row in rows if row not in edge]
    for row in edge if inner else ():
        away = min(
            abs(row.bottom - other.top) if row.top < other.top else abs(row.top - other.bottom) for other in inner
        )
        row.margin = row.table is None and row.size < 0.9 * body and away > 2 * row.size


_STRIP = 0.08  # of the height of a page


def _dots(page: Any) -> list[dict[str, Any]]:
    """The small drawings of a page, as high as wide: bullets and boxes to tick that are no letters."""
    drawn = (*page.curves, *page.rects)
    return [dot for dot in drawn if 2 <= dot["height"] <= 14 and 0.7 <= dot["width"] / dot["height"] <= 1.4]


def _bulleted(row: _Row, dots: Sequence[dict[str, Any]]) -> _Row:
    """A line with a bullet where one is drawn before it, or stands there in a font of symbols."""
    middle = (row.top + row.bottom) / 2
    drawn = any(abs((dot["top"] + dot["bottom"]) / 2 - middle) < 0.5 * row.size and dot["height"] <= 1.2 * row.size and 0 < row.indent - dot["x1"] <= 2 * row.size for dot in dots)  # fmt: skip
    found = _SYMBOL.match(row.text)
    if found or (drawn and not _COUNTED.match(row.text)):
        row.text = f"• {row.text[found.end() if found else 0 :]}"
    return row


_COUNTED = re.compile(
    rf"[{BULLETS}*+-]\s|\(?(?:\d{{1,3}}(?:\.\d{{1,3}})*|[a-z]|[ivx]{{1,4}})[.)]\s", re.I
)  # "70 % ethanol" is none
_SYMBOL = re.compile(r"\(cid:\d{1,5}\)\s*(?=\S)")  # a letter of which a font does not say what it is


def _rows_of(found: dict[str, Any], page: int) -> Iterator[_Row]:
    """A line as a row; two of one that begins with a heading in bold, a wide space before what follows it."""
    chars = [char for char in found["chars"] if char["text"].strip()]
    whole = clean(_UNREADABLE.sub("", found["text"]))
    if not whole or not chars or _ALONE.fullmatch(whole):
        return
    strong = [bool(_BOLD.search(char["fontname"])) for char in chars]
    head = next((n for n, bold in enumerate(strong) if not bold), 0)
    if head and chars[head]["x0"] - chars[head - 1]["x1"] >= _RUN_IN * chars[0]["size"] and not any(strong[head:]):
        said = whole
        at = _place_after(said, sum(len(char["text"].strip()) for char in chars[:head]))
        text, rest = said[:at].strip(), said[at:].strip()
        if text and rest and len(text.split()) <= 10 and text[-1] not in ".,;:" and not STARTS.match(f"{text} x"):
            yield _row(text, chars[:head], page, bold=True)
            yield _row(rest, chars[head:], page, bold=False)
            return
    yield _row(whole, chars, page, bold=sum(strong) > 0.9 * len(chars))


_ALONE = re.compile(r"\(cid:\d{1,5}\)")  # a picture of a font in a line of its own
_UNREADABLE = re.compile(r"(?<=\S)\s?\(cid:\d{1,5}\)")  # likewise, but for the first of a line, which may be a bullet


def _place_after(text: str, count: int) -> int:
    """The place in a text after so many characters that are no spaces."""
    for place, letter in enumerate(text):
        count -= not letter.isspace()
        if count == 0:
            return place + 1
    return 0


def _row(text: str, chars: Sequence[dict[str, Any]], page: int, *, bold: bool) -> _Row:
    size = Counter(round(char["size"], 1) for char in chars).most_common(1)[0][0]
    top, bottom = min(char["top"] for char in chars), max(char["bottom"] for char in chars)
    place = chars[0]["x0"], chars[-1]["x1"]
    row = _Row(text, place[0], bold=bold, page=page, top=top, bottom=bottom, right=place[1], size=size)
    row.slanted = all(SLANTED.search(char["fontname"]) for char in chars)
    row.words = _words(chars)
    return row


def _words(chars: Sequence[dict[str, Any]]) -> list[Word]:
    """The words of a line, parted as its text is."""
    words: list[Word] = []
    for char in chars:
        if words and char["x0"] - words[-1].end <= 0.15 * char["size"]:
            words[-1] = Word(words[-1].start, char["x1"], words[-1].text + char["text"])
        else:
            words.append(Word(char["x0"], char["x1"], char["text"]))
    return words


def _with_tables(rows: Sequence[_Row]) -> list[_Row]:
    """The lines of a page from top to bottom, those of a table without rules as one."""
    out: list[_Row] = []
    place = 0
    while place < len(rows):
        row = rows[place]
        found = table_at([other.words for other in _near(rows[place:])]) if row.bold and row.table is None else None
        if found is not None:
            last = rows[place + found.lines - 1]
            found.table.origin = Origin(-1, None, row.page)
            table = _Row("", row.indent, True, page=row.page, table=found.table, top=row.top, bottom=last.bottom)
            table.right = max(other.right for other in rows[place : place + found.lines])
            out.append(table)
        else:
            out.append(row)
        place += found.lines if found else 1
    return out


def _near(rows: Sequence[_Row]) -> Iterator[_Row]:
    """A line and those below it that are not bold and stand close together."""
    before = rows[0]
    yield before
    for row in rows[1:]:
        if row.bold or row.table is not None or row.top - before.bottom > 1.5 * row.size:
            return
        yield row
        before = row


def _text_lines(page: Any, gutter: float | None) -> Iterator[dict[str, Any]]:
    """The lines of a page; those of two columns apart, but for a line that crosses the gutter."""
    options = {"return_chars": True, "strip": True, "x_tolerance_ratio": 0.15}
    if gutter is None:
        yield from page.extract_text_lines(**options)
        return
    wide = _wide(page.extract_words(), gutter)
    inside = page.filter(lambda thing: not _within(thing, wide))
    yield from inside.crop((page.bbox[0], page.bbox[1], gutter, page.bbox[3])).extract_text_lines(**options)
    yield from inside.crop((gutter, page.bbox[1], page.bbox[2], page.bbox[3])).extract_text_lines(**options)
    if wide:
        yield from page.filter(lambda thing: thing["object_type"] != "char" or _within(thing, wide)).extract_text_lines(
            **options
        )


def _within(thing: dict[str, Any], bands: list[tuple[float, float]]) -> bool:
    middle = (thing["top"] + thing["bottom"]) / 2
    return any(top <= middle <= bottom for top, bottom in bands)


def _wide(words: Sequence[dict[str, Any]], gutter: float) -> list[tuple[float, float]]:
    """From where to where, downwards, the lines go that cross the gutter: titles over both columns."""
    lines: dict[int, list[dict[str, Any]]] = {}
    for word in words:
        lines.setdefault(round(word["top"]), []).append(word)
    wide = []
    for line in lines.values():
        before = max((word["x1"] for word in line if word["x0"] < gutter), default=None)
        after = min((word["x0"] for word in line if word["x0"] >= gutter), default=None)
        if before is not None and (before > gutter + 1 or (after is not None and after - before < _SPACE)):
            wide.append((min(word["top"] for word in line), max(word["bottom"] for word in line)))
    return wide


def _gutter(page: Any, tables: Sequence[tuple[float, float, float, float]]) -> float | None:
    """Where two columns of prose part, None on a page of one column; `tables` are where ruled ones stand.

    No word of most lines stands there, and on both sides many lines of several words each fill their column, so a table
    without rules, whose cells are short and ragged, has none.
    """
    words = [word for word in page.extract_words() if not any(_is_in(word, box) for box in tables)]
    left, right = min((w["x0"] for w in words), default=0), max((w["x1"] for w in words), default=0)
    if len(words) < 80 or right - left < 200:
        return None
    best = None
    for at in (left + (right - left) * n / 40 for n in range(14, 27)):
        crossing = len({round(w["top"]) for w in words if w["x0"] - 4 < at < w["x1"] + 4})
        if best is None or crossing < best[0]:
            best = (crossing, at)
    assert best is not None
    crossing, at = best
    sides = [[w for w in words if w["x1"] < at], [w for w in words if w["x0"] > at]]
    left, right = min([left, *(box[0] for box in tables)]), max([right, *(box[2] for box in tables)])
    spans = ((sides[0], left, at), (sides[1], at, right))
    columns = [_is_column(*span) for span in spans]
    filled = any(columns) and all(
        full or _holds_table(tables, start, end) for full, (_, start, end) in zip(columns, spans, strict=True)
    )
    if not (filled or _are_apart(*sides)):
        return None
    return at if crossing <= 0.25 * len({round(w["top"]) for w in words}) else None


def _holds_table(tables: Sequence[tuple[float, float, float, float]], left: float, right: float) -> bool:
    """Whether a table stands between two edges and fills what is between them."""
    return any(left - 2 <= box[0] and box[2] <= right + 2 and box[2] - box[0] > 0.7 * (right - left) for box in tables)


def _is_in(word: dict[str, Any], box: tuple[float, float, float, float]) -> bool:
    middle = (word["top"] + word["bottom"]) / 2
    return bool(box[0] - 1 <= word["x0"] <= box[2] and box[1] <= middle <= box[3])


def _are_apart(left: Sequence[dict[str, Any]], right: Sequence[dict[str, Any]]) -> bool:
    """Whether two sides of several lines each run on their own: few lines stand level, as the cells of a table do."""
    tops, others = (sorted({round(w["bottom"]) for w in side}) for side in (left, right))
    level = sum(any(abs(one - other) <= 2 for other in tops) for one in others)
    several = len(tops) >= 8 and len(others) >= 5 and min(len(left) / len(tops), len(right) / len(others)) >= 3
    return several and level <= 0.5 * len(others)


def _is_column(words: Sequence[dict[str, Any]], left: float, right: float) -> bool:
    """Whether words are the lines of a column: eight or more, of four words on average, half of them filling it."""
    lines: dict[int, list[dict[str, Any]]] = {}
    for word in words:
        lines.setdefault(round(word["top"]), []).append(word)
    full = sum(max(w["x1"] for w in line) - left > 0.7 * (right - left) for line in lines.values())
    return len(lines) >= 8 and len(words) >= 4 * len(lines) and 2 * full >= len(lines)


def _in_columns(rows: Sequence[_Row], gutter: float) -> Iterator[list[_Row]]:
    """The lines in reading order: down to each line over both columns, first the left column, then the right."""
    rows = sorted(rows, key=lambda row: (round(row.top), row.indent))
    wide = [row for row in rows if row.indent < gutter < row.right]
    start = float("-inf")
    for stop in [*(row.top for row in wide), float("inf")]:
        band = [row for row in rows if start <= row.top < stop and not row.indent < gutter < row.right]
        for column in ([row for row in band if row.right <= gutter], [row for row in band if row.indent >= gutter]):
            _mark_gaps(column)
            yield column
        at = [row for row in wide if row.top == stop]
        _mark_gaps(at)
        yield at
        start = stop


def _mark_gaps(rows: Sequence[_Row]) -> None:
    """Set `gap` where more space than between lines stands before a line, `full` where a line reaches the edge."""
    right = max((row.right for row in rows), default=0)
    left = min((row.indent for row in rows), default=0)
    for before, row in zip([None, *rows], rows, strict=False):
        row.full = row.right - left >= 0.85 * (right - left)
        if before is not None and row.table is None:
            row.gap = row.top - before.bottom > 0.75 * (row.bottom - row.top) or abs(row.size - before.size) > 0.6


def _without_running(pages: Sequence[list[_Row]], drops: Drops) -> Iterator[list[_Row]]:
    """The pages without lines that most of them repeat at the top or the bottom, and without page numbers."""
    edges = [_edges(page) for page in pages]
    counts = Counter(key for page, edge in zip(pages, edges, strict=True) for key in {_key(row, page) for row in edge})
    enough = max(2, 0.5 * len(pages)) if len(pages) > 1 else 2
    ahead = Counter(step for edge in edges for step in {_ahead(row) for row in edge} if step is not None)
    for page, edge in zip(pages, edges, strict=True):
        kept = []
        for row in page:
            at_edge = any(row is other for other in edge)
            step = _ahead(row)
            repeated = len(pages) > 1 and step is None and counts[_key(row, page)] >= enough
            numbered = _PAGE_NUMBER.fullmatch(row.text) or (step is not None and (step == 0 or ahead[step] > 1))
            if row.margin or (at_edge and (repeated or numbered)):
                drops.add("page-residue", _all(row), Origin(-1, None, row.page))
            else:
                kept.append(row)
        yield kept


_LONE_NUMBER = re.compile(r"[-–]?\s*(\d{1,4})\s*[-–]?")
_PAGE_NUMBER = re.compile(
    r"(?:page|seite|página|p\.)\s*[-–]?\s*\d{1,4}\s*[-–]?(?:\s*(?:of|/|de|von|sur)\s*\d{1,4})?|\d{1,4}\s*(?:of|/|de|von|sur)\s*\d{1,4}",
    re.I,
)


def _ahead(row: _Row) -> int | None:
    """How far a number that stands alone is ahead of the page it stands on, None for other lines."""
    found = _LONE_NUMBER.fullmatch(row.text)
    return int(found[1]) - row.page if found and row.page is not None else None


def _joined_tables(lines: Sequence[_Row]) -> list[_Row]:
    """The lines, a table that goes on at the top of the next page made one with its first part."""
    out: list[_Row] = []
    for line in lines:
        above = out[-1].table if out else None
        if line.table and above and line.page != out[-1].page and len(line.table.rows[0]) == len(above.rows[0]):
            rows = line.table.rows
            above.rows += rows[1:] if rows[0] == above.rows[0] else rows  # a head that each page repeats
            out[-1].page = line.page
        else:
            out.append(line)
    return out


def _edges(page: Sequence[_Row]) -> list[_Row]:
    return [*page[:4], *page[-3:]] if len(page) > 7 else list(page)


def _key(row: _Row, page: Sequence[_Row]) -> tuple[str, bool]:
    """What is the same of a line on each page, page numbers apart; the end of a table and how it goes on overleaf are not."""
    overleaf = row.table is not None and any(row is other for other in page[(len(page) + 1) // 2 :])
    return re.sub(r"\d+", "0", _all(row)).casefold(), overleaf


def _mark_headings(lines: Sequence[_Row]) -> None:
    """Lines in larger letters than the body are headings; the largest size is level 1."""
    sizes = Counter[float]()
    for line in lines:
        sizes[line.size] += len(line.text)
    if not sizes:
        return
    body = sizes.most_common(1)[0][0]
    larger = sorted({line.size for line in lines if line.size > 1.09 * body and len(line.text) <= 120}, reverse=True)
    ranks: dict[float, int] = {}
    level = 0
    for place, size in enumerate(larger):
        level += place == 0 or larger[place - 1] - size > 0.4
        ranks[size] = min(level, 6)
    strong = {line.size for line in lines if line.bold}
    before: _Row | None = None
    for line in lines:
        if line.size in ranks and re.search(r"[^\W\d_]{2}", line.text) and (line.bold or line.size not in strong):
            line.level = ranks[line.size]
        elif line.bold and line.size > 0.95 * body and _stands_out(line, before):
            line.level = min(level + 1, 6)
        before = line
    _mark_numbered(lines, body)


def _mark_numbered(lines: Sequence[_Row], body: float) -> None:
    """Bold lines of no larger letters are headings below the one whose number theirs goes on ("4.2", "4.2.1"), with the
    bold lines that end them, unless all numbered lines are bold."""
    labels = {id(line): found[1] for line in lines if line.table is None and (found := _DOTTED.match(line.text))}
    heads = {labels[id(line)]: line.level for line in lines if line.level and id(line) in labels}
    plain = sum(not line.bold for line in lines if STARTS.match(line.text))
    for place, line in enumerate(lines):
        label = labels.get(id(line), "")
        parent = heads.get(label.rpartition(".")[0])
        if not line.level and line.bold and line.size > 0.95 * body and parent and plain:
            run = [line, *_bold_after(lines[place + 1 :], line)]
            if sum(len(part.text) for part in run) <= 200 and run[-1].text[-1] not in ".,;:":
                for part in run:
                    part.level = min(parent + 1, 6)
                heads[label] = line.level


def _bold_after(lines: Sequence[_Row], first: _Row) -> Iterator[_Row]:
    """The lines that go on the bold line before them."""
    for line in lines:
        if not line.bold or line.gap or line.level or line.table or line.size != first.size or STARTS.match(line.text):
            return
        yield line


_DOTTED = re.compile(r"(\d{1,2}(?:\.\d{1,2}){0,4})\.?\s+(?=[^\W\d_])")


def _stands_out(line: _Row, before: _Row | None) -> bool:
    """Whether a bold line has the form of a heading."""
    alone = line.gap or before is None or before.page != line.page or before.level > 0
    return (
        alone
        and not line.full
        and not STARTS.match(line.text)
        and len(line.text) <= 90
        and line.text[-1] not in ".,;:"
        and line.table is None
    )

"""The numbers that Word computes for its paragraphs, written before their text.

Word keeps them in no paragraph: `numbering.xml` says how each level of each list counts, styles may carry a list,
and the paragraphs before decide where a count stands (ECMA-376, part 1, 17.9).
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from typing import Any

import msgspec

MARK = "\u2063"  # stands on both sides of a number; no document holds this character for its own sake

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DEEPEST = 9  # levels a list may have
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


class _Level(msgspec.Struct, frozen=True):
    """How one level counts: where it starts, in what figures, and the text around them ("%1.%2")."""

    start: int = 1
    form: str = "decimal"
    text: str = ""
    style: str = ""
    restarts: bool = True
    legal: bool = False


class _List(msgspec.Struct, frozen=True):
    """A list of the document: the definition it counts with, its levels, and counts it sets anew by level."""

    definition: str
    levels: dict[int, _Level]
    starts: dict[int, int]


def with_numbers(data: bytes) -> bytes:
    """The Word file with each computed number before its paragraph, between two MARKs, and text boxes after theirs.

    The file itself where there is neither.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = set(archive.namelist())
        body = _parsed(archive.read("word/document.xml"))
        changed = _take_out_boxes(body)
        if "word/numbering.xml" in names:
            lists = _lists(_parsed(archive.read("word/numbering.xml")))
            styles = _styles(_parsed(archive.read("word/styles.xml"))) if "word/styles.xml" in names else {}
            changed |= bool(lists) and _mark(body, lists, styles)
        return _rewritten(archive, body) if changed else data


def _take_out_boxes(body: Any) -> bool:
    """Put the paragraphs of text boxes that have no older form beside them after the paragraph that holds the box."""
    found = False
    for box in list(body.iter(f"{_W}txbxContent")):
        above = [element for element in box.iterancestors() if isinstance(element.tag, str)]
        holder = next((element for element in above if element.tag == f"{_W}p"), None)
        if holder is None or any(element.tag in (f"{_MC}AlternateContent", f"{_W}pict") for element in above):
            continue
        for part in reversed(list(box)):
            holder.addnext(part)
        found = True
    return found


def _parsed(part: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(part, etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True))


def _rewritten(archive: zipfile.ZipFile, body: Any) -> bytes:
    from lxml import etree

    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for entry in archive.infolist():
            whole = entry.filename == "word/document.xml"
            new.writestr(entry.filename, etree.tostring(body) if whole else archive.read(entry))
    return target.getvalue()


def _value(element: Any, name: str) -> str | None:
    child = element.find(f"{_W}{name}") if element is not None else None
    found = child.get(f"{_W}val") if child is not None else None
    return str(found) if found is not None else None


def _whole(text: str | None, default: int = 0) -> int:
    return int(text) if text and re.fullmatch(r"-?\d{1,6}", text) else default


# ---------------------------------------------------------------------- what the file says


def _lists(root: Any) -> dict[str, _List]:
    """The lists by number; those that take their levels from a numbering style through it."""
    definitions = {a.get(f"{_W}abstractNumId"): a for a in root.iter(f"{_W}abstractNum")}
    by_style = {name: a for a in definitions.values() if (name := _value(a, "styleLink"))}
    found: dict[str, _List] = {}
    for entry in root.iter(f"{_W}num"):
        name = _value(entry, "abstractNumId") or ""
        definition = definitions.get(name)
        if definition is None:
            continue
        definition = by_style.get(_value(definition, "numStyleLink") or "", definition)
        levels = dict(_levels(definition))
        starts: dict[int, int] = {}
        for override in entry.iter(f"{_W}lvlOverride"):
            at = _whole(override.get(f"{_W}ilvl"))
            levels |= dict(_levels(override))
            if (start := _value(override, "startOverride")) is not None:
                starts[at] = _whole(start)
        found[entry.get(f"{_W}numId")] = _List(name, levels, starts)
    return found


def _levels(root: Any) -> Iterator[tuple[int, _Level]]:
    for level in root.findall(f"{_W}lvl"):
        yield (
            _whole(level.get(f"{_W}ilvl")),
            _Level(
                _whole(_value(level, "start"), 1),
                _value(level, "numFmt") or "decimal",
                _value(level, "lvlText") or "",
                _value(level, "pStyle") or "",
                _value(level, "lvlRestart") != "0",
                level.find(f"{_W}isLgl") is not None,
            ),
        )


def _styles(root: Any) -> dict[str, tuple[str | None, int | None, str | None]]:
    """Of each paragraph style: its list, its level and the style it is based on."""
    found = {}
    for style in root.iter(f"{_W}style"):
        properties = style.find(f"{_W}pPr/{_W}numPr")
        level = _value(properties, "ilvl")
        found[style.get(f"{_W}styleId")] = (
            _value(properties, "numId"),
            _whole(level) if level else None,
            _value(style, "basedOn"),
        )
    return found


def heading_styles(part: bytes) -> dict[str, int]:
    """The names of the paragraph styles that are headings though no name of theirs says so, with their levels from 1."""
    styles = {style.get(f"{_W}styleId"): style for style in _parsed(part).iter(f"{_W}style")}
    found: dict[str, int] = {}
    for key, style in styles.items():
        name = _value(style, "name") or ""
        if style.get(f"{_W}type") != "paragraph" or _HEADING_NAME.fullmatch(name) or _NO_HEADING.match(name):
            continue
        above, seen = key, set[str]()
        while above in styles and above not in seen:
            seen.add(above)
            known = _HEADING_NAME.fullmatch(_value(styles[above], "name") or "")
            outline = _value(styles[above].find(f"{_W}pPr"), "outlineLvl")
            level = int(known[1]) if known else _whole(outline, 9) + 1 if outline else 0
            if level:
                found |= {name: level} if level <= 6 else {}
                break
            above = _value(styles[above], "basedOn") or ""
    return found


_HEADING_NAME = re.compile(r"heading ([1-9])", re.I)
_NO_HEADING = re.compile(r"(?:toc|title|titel|subtitle|tm|verzeichnis)\b", re.I)


# ---------------------------------------------------------------------- counting


def _mark(body: Any, lists: dict[str, _List], styles: dict[str, tuple[str | None, int | None, str | None]]) -> bool:
    """Write the numbers into the paragraphs; whether there was one."""
    counts: dict[str, list[int]] = {}
    begun: set[tuple[str, int]] = set()
    marked = False
    for paragraph in body.iter(f"{_W}p"):
        number, depth = _place(paragraph, lists, styles)
        listed = lists.get(number or "")
        if listed is None or depth not in listed.levels or _is_no_paragraph(paragraph):
            continue
        label = _counted(listed, number or "", depth, counts.setdefault(listed.definition, []), begun)
        if label:
            _write(paragraph, label)
            marked = True
    return marked


def _is_no_paragraph(paragraph: Any) -> bool:
    """Whether a paragraph counts for nothing: its mark is deleted or moved away, or its older form stands beside it."""
    marks = paragraph.find(f"{_W}pPr/{_W}rPr")
    gone = marks is not None and any(marks.find(f"{_W}{name}") is not None for name in ("del", "moveFrom"))
    return gone or next(paragraph.iterancestors(f"{_MC}Choice"), None) is not None


def _place(
    paragraph: Any, lists: dict[str, _List], styles: dict[str, tuple[str | None, int | None, str | None]]
) -> tuple[str | None, int]:
    """The list of a paragraph and its level, its own or those of its style; "0" and None where it has none."""
    properties = paragraph.find(f"{_W}pPr/{_W}numPr")
    number, level = _value(properties, "numId"), _value(properties, "ilvl")
    name = _value(paragraph.find(f"{_W}pPr"), "pStyle")
    depth = _whole(level) if level is not None else None
    own, seen = name, set[str]()
    while name in styles and name not in seen and (number is None or depth is None):
        seen.add(name)
        of_style, at, base = styles[name]
        number = number if number is not None else of_style
        depth = depth if depth is not None else at
        name = base
    if depth is None and number in lists:
        depth = next((n for n, entry in lists[number].levels.items() if entry.style and entry.style == own), 0)
    return number, min(depth or 0, _DEEPEST - 1)


def _counted(listed: _List, number: str, depth: int, counts: list[int], begun: set[tuple[str, int]]) -> str:
    """Count one paragraph of a list; the number it shows, none where it has a bullet."""
    while len(counts) <= depth:  # levels above that were never shown count as begun
        counts.append(_start(listed, len(counts)) - (len(counts) == depth))
    if depth in listed.starts and (number, depth) not in begun:
        begun.add((number, depth))
        counts[depth] = listed.starts[depth] - 1
    counts[depth] += 1
    kept = depth + 1
    while kept < len(counts) and kept in listed.levels and not listed.levels[kept].restarts:
        kept += 1
    del counts[kept:]
    level = listed.levels[depth]
    if level.form in ("bullet", "none"):
        return ""

    def shown(found: re.Match[str]) -> str:
        at = int(found[1]) - 1
        form = "decimal" if level.legal else listed.levels.get(at, _Level()).form
        return figure(counts[at] if at < len(counts) else 1, form)

    return re.sub(r"%([1-9])", shown, level.text).strip()


def _start(listed: _List, depth: int) -> int:
    return listed.levels.get(depth, _Level()).start


def figure(value: int, form: str) -> str:
    if form.endswith("Letter") and value > 0:
        letter = chr(ord("a") + (value - 1) % 26) * ((value - 1) // 26 + 1)
        return letter.upper() if form.startswith("upper") else letter
    if form.endswith("Roman") and 0 < value < 5000:
        text = ""
        for size, figures in _ROMAN:
            text += figures * (value // size)
            value %= size
        return text.upper() if form.startswith("upper") else text
    return f"{value:02d}" if form == "decimalZero" else str(value)


def _write(paragraph: Any, label: str) -> None:
    from lxml import etree

    run = etree.Element(f"{_W}r")
    text = etree.SubElement(run, f"{_W}t")
    text.text = f"{MARK}{label}{MARK}"
    text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    properties = paragraph.find(f"{_W}pPr")
    paragraph.insert(0 if properties is None else paragraph.index(properties) + 1, run)

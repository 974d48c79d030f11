"""Markdown: rendered by markdown-it-py with the line of every block, then walked as a page without chrome.

Admonitions of MkDocs (`!!! warning "Title"`), task lists and attribute lists are known; Jinja includes and front
matter are left out with a record.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from curator.errors import MissingExtraError
from curator.sop.document import Figure
from curator.sop.html import tree
from curator.sop.reading import Drops, Heading, Piece, Reading, clean, take_struck, words_of
from curator.sop.walk import Walker

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*\n", re.S)
_KEY = re.compile(r"^([A-Za-z][\w -]*):[ \t]*(.*)$", re.M)
_ATTRIBUTES = re.compile(
    r"(?<=[)\]`*\w.!?])[ \t]*\{[:.#]?[ \t]*[\w.#:-]+(?:=[^{}\n]*)?(?:[ \t]+[\w.#:-]+=?[^{}\n]*)?\}(?=\s|$)"
)
_INCLUDE = re.compile(
    r"^[ \t]*(?:\{%.*?%\}|\{\{<.*?>\}\}|<!--.*?-->|\[{1,2}_?TOC_?\]{1,2}|:toc:|\{:toc[^{}\n]*\})[ \t]*$", re.M | re.I
)
_BADGES = re.compile(r"^[ \t]*(?:\[!\[[^\[\]\n]*\]\([^()\n]*\)\]\([^()\n]*\)[ \t]*)+$", re.M)  # pictures that are links
_BADGED = re.compile(r"shields\.io|badge|\.svg", re.I)
_ADMONITION = re.compile(r"(?:!!!|\?\?\?\+?)[ \t]*([A-Za-z][\w-]*)(?:[ \t][\w \t-]*+)?(?:\"(.*)\"[ \t]*)?$")
_TAB = re.compile(r"===[!+]?[ \t]+\"(.*)\"[ \t]*$")
_CONTAINER = re.compile(r"^([ \t]*):{3,}[ \t]*(\w*)[ \t]*(?:\[(.*)\]|(.*))$")  # the fences of `:::warning Title`
_FOOTNOTE = re.compile(r"(?<=\S)\[\^[\w-]{1,30}\](?!:)|^\[\^[\w-]{1,30}\]:[ \t]*")
_IMAGE = re.compile(
    r"!\[([^\[\]\n]*)\](?:\([^()\n]*(?:\([^()\n]*\)[^()\n]*)?\)|\[[^\]\n]*\])"
)  # known inside raw HTML too
_GITHUB_NOTE = re.compile(r"^([ \t]*>[ \t]*)\[!(NOTE|TIP|IMPORTANT|WARNING|CAUTION)\][ \t]*$", re.M | re.I)
_META = {
    "version": "version", "document number": "doc_number", "doc_number": "doc_number", "number": "doc_number", "owner": "owner", "author": "owner",
    "approver": "approver", "approved by": "approver", "effective date": "effective_date", "effective_date": "effective_date",
}  # fmt: skip


def read_markdown(text: str) -> Reading:
    """Markdown as pieces. Raises MissingExtraError."""
    words = frozenset(words_of(text) + words_of(_unescaped(text)))
    drops = Drops()
    body, fields = _front_matter(text, drops)
    for found in _INCLUDE.finditer(body):
        drops.add("include", found.group())
    body = _INCLUDE.sub("", body)
    body = _BADGES.sub(partial(_unbadged, drops), body)
    body = _GITHUB_NOTE.sub(lambda m: f"{m[1]}**{m[2].capitalize()}:**", body)
    body = _lettered(_outside_fences(body))
    html = _renderer().render(body)
    pieces: list[Piece] = []
    if html.strip():
        root = tree(f"<html><body>{html}</body></html>")
        for gone in list(root.iter("script", "style", "template")):
            gone.drop_tree()
        take_struck(root, drops)
        pieces = list(Walker(drops).walk(root.find("body")))
    pieces = [piece for piece in pieces if not (isinstance(piece, Heading | Figure) and not _said(piece))]
    title = fields.pop("title", "")
    return Reading(pieces, words, "markdown", "markdown-it", title, fields.pop("lang", "")[:2], fields, drops.found)


def _unbadged(drops: Drops, found: re.Match[str]) -> str:
    if not _BADGED.search(found.group()):
        return found.group()
    drops.add("boilerplate", found.group())
    return ""


def _said(piece: Heading | Figure) -> str:
    return piece.text if isinstance(piece, Heading) else piece.alt


def _unescaped(text: str) -> str:
    from html import unescape

    return unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", re.sub(r"[*_`]+", "", text)))


def _front_matter(text: str, drops: Drops) -> tuple[str, dict[str, str]]:
    """The text with blank lines in the place of front matter, and the fields that are known."""
    found = _FRONT.match(text)
    if found is None:
        return text, {}
    drops.add("metadata", found[1])
    fields = {key.lower(): clean(value.strip("\"'")) for key, value in _KEY.findall(found[1])}
    known = {_META[key]: value for key, value in fields.items() if key in _META and value}
    known |= {key: fields[key] for key in ("title", "lang") if fields.get(key)}
    return "\n" * found.group().count("\n") + text[found.end() :], known


def _outside_fences(text: str) -> str:
    """The text with pictures as HTML, without attribute lists (`{ width=80% }`), marks of footnotes and the fences of
    containers; code is left alone.
    """
    lines = text.split("\n")
    code = _fenced(lines)
    for place, line in enumerate(lines):
        if place not in code:
            said = _FOOTNOTE.sub("", _CONTAINER.sub(_titled, line))
            lines[place] = _ATTRIBUTES.sub("", _IMAGE.sub(_image, said))
    return "\n".join(lines)


def _fenced(lines: list[str]) -> frozenset[int]:
    """The places of the lines that are code between fences, the fences too."""
    places: list[int] = []
    fence = ""
    for place, line in enumerate(lines):
        mark = re.match(r"[ \t]*(`{3,}|~{3,})", line)
        if fence or mark:
            places.append(place)
        if fence:
            fence = "" if mark and mark[1].startswith(fence) else fence
        elif mark:
            fence = mark[1]
    return frozenset(places)


def _lettered(text: str) -> str:
    """The text with lettered lines right below an item or a line (`a.`, `b)`), which CommonMark joins to it, as items."""
    lines = text.split("\n")
    code = _fenced(lines)
    at = 0
    while at < len(lines):
        run = 0 if at in code else _run_of_letters(lines, at)
        for place in range(at, at + run):
            found = _LETTER.match(lines[place])
            assert found is not None
            lines[place] = f"{found[1]}- {found[3]}"
        at += max(run, 1)
    return "\n".join(lines)


def _run_of_letters(lines: list[str], at: int) -> int:
    """How many lines from a place on begin with a), b), c); 0 for one alone, or one that stands by itself."""
    if at == 0 or not lines[at - 1].strip():
        return 0
    count = 0
    first = _LETTER.match(lines[at])
    while first and at + count < len(lines) and (found := _LETTER.match(lines[at + count])):
        if found[1] != first[1] or found[2].lower() != "abcdefghijklmnopqrstuvwxyz"[count : count + 1]:
            break
        count += 1
    return count if count > 1 else 0


_LETTER = re.compile(r"([ \t]+)\(?([a-z])[.)][ \t]+(\S.*)$", re.I)


def _titled(found: re.Match[str]) -> str:
    """The first line of a container as a paragraph that says its title or its kind; nothing for its last line."""
    title = (found[3] or found[4] or found[2].capitalize()).strip()
    return f"{found[1]}**{title.rstrip(':')}:**" if title else ""


def _image(found: re.Match[str]) -> str:
    from html import escape

    return f'<img alt="{escape(found[1])}">'


def _renderer() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise MissingExtraError("curator sop", "sop") from None
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    renderer.block.ruler.before(
        "fence", "admonition", _admonition, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )
    renderer.core.ruler.push("lines", _mark_lines)
    return renderer


def _mark_lines(state: Any) -> None:
    """Give every block the line it starts at (from 1)."""
    for token in state.tokens:
        if token.map and token.nesting >= 0 and token.type not in ("inline", "html_block", "fence", "code_block"):
            token.attrSet("data-line", str(token.map[0] + 1))


def _admonition(state: Any, start: int, end: int, silent: bool) -> bool:
    """A block rule: `!!! kind "title"`, or the tab `=== "title"`, and the lines indented below it."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    tab = _TAB.match(line) if line[:3] == "===" else None
    found = tab or (_ADMONITION.match(line) if line[:3] in ("!!!", "???") else None)
    if found is None:
        return False
    if silent:
        return True
    base = state.sCount[start]
    last = start + 1
    while last < end and (state.isEmpty(last) or state.sCount[last] >= base + 2):
        last += 1
    kind, title = ("", found[1]) if tab else (found[1].lower(), found[2])
    token = state.push("admonition_open", "div", 1)
    if kind:
        token.attrSet("data-note", kind)
    token.map = [start, last]
    if title is None or title.strip():
        state.push("paragraph_open", "p", 1).map = [start, start + 1]
        inline = state.push("inline", "", 0)
        inline.content, inline.map, inline.children = title or kind.capitalize(), [start, start + 1], []
        state.push("paragraph_close", "p", -1)
    filled = [n for n in range(start + 1, last) if not state.isEmpty(n)]
    held, parent, most = state.blkIndent, state.parentType, state.lineMax
    state.blkIndent = min((state.sCount[n] for n in filled), default=base)
    state.parentType, state.lineMax = "blockquote", last
    if filled:
        state.md.block.tokenize(state, start + 1, last)
    state.blkIndent, state.parentType, state.lineMax = held, parent, most
    state.push("admonition_close", "div", -1)
    state.line = last
    return True

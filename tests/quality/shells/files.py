"""Shells as files, every text of which counts where it leaks.

`pages/NAME.html` is a page with `{{title}}`, `{{body}}` (or `{{body 1/3}}` and so on: the body cut before its sections) and
`{{outline <li>{n} {head}</li>}}`, an entry for each heading. Nothing is planted by hand: **every** text of two words or more in
the page counts as a leak where it is found in the document that is read back and not in the text itself. "Strange lines" are
those of the result that do not stand in the text, one word or many: a measure that single words of a shell cannot slip through.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from curator.sop.document import Document
from curator.sop.flatten import flatten
from curator.sop.reading import words_of

from . import HERE, title_and_body
from .parts import heads

FILES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((HERE / "pages").glob("*.html"))}
_HOLE = re.compile(r"\{\{(title|body|outline)(?: (\d)/(\d))?(?: (.*?))?\}\}", re.S)


# ---------------------------------------------------------------------- the text as each generator writes it


def _wrapped(body: str, named: str = "") -> str:
    """The body with the text of each item in a paragraph."""
    return re.sub(
        r"<li>(?!\s*<(?:p|ul|ol|pre)\b)(.+?)(?=\s*(?:</li>|<ul|<ol|<pre|<p>))",
        rf"<li><p{named}>\1</p>",
        body,
        flags=re.S,
    )


def _asciidoc(body: str) -> str:
    body = _wrapped(body)
    body = re.sub(r"<p>(.*?)</p>", r'<div class="paragraph"><p>\1</p></div>', body, flags=re.S)
    body = re.sub(r"<ol( [^>]*)?>", r'<div class="olist arabic"><ol class="arabic"\1>', body).replace(
        "</ol>", "</ol></div>"
    )
    parts = re.split(r"(?=<h2)", body)
    sections = [
        re.sub(r"(<h2[^>]*>)(.*?)</h2>", r'<div class="sect1">\1<a class="anchor" href="#_x"></a>\2</h2><div class="sectionbody">', part, count=1, flags=re.S) + "</div></div>"
        for part in parts[1:]
    ]  # fmt: skip
    return parts[0] + "".join(sections)


def _anchored(body: str) -> str:
    anchor = '<a href="#x" class="absolute -ml-10 flex items-center" aria-label="Anchor">&#8203;<div class="w-6 h-6"></div></a>'
    return re.sub(r"<h([2-6])[^>]*>(.*?)</h\1>", rf'<h\1 class="flex whitespace-pre-wrap group">{anchor}<span>\2</span></h\1>', body, flags=re.S)  # fmt: skip


def _blocks(body: str) -> str:
    """Each paragraph and heading in a part of its own, each item of a list in a list of its own."""
    out, depth, number = [], 0, 0
    for token in re.split(r"(</?(?:ol|ul|li)\b[^>]*>)", body):
        opens, closes = token.startswith(("<ol", "<ul")), token.startswith(("</ol", "</ul"))
        if opens and depth == 0:
            number, kind = 0, token[1:3]
        elif token.startswith("<li") and depth == 1:
            number += 1
            start = f' type="1" class="numbered-list" start="{number}"' if kind == "ol" else ' class="bulleted-list"'
            out.append(f"<{kind}{start}>{token}")
        elif token == "</li>" and depth == 1:
            out.append(f"{token}</{kind}>")
        elif not (closes and depth == 1):
            out.append(token)
        depth += opens - closes
    body = "".join(out)
    body = re.sub(r"<p>(.*?)</p>", r'<div class="notion-selectable notion-text-block"><div spellcheck="true">\1</div></div>', body, flags=re.S)  # fmt: skip
    return re.sub(r"<h([2-6])[^>]*>(.*?)</h\1>", r'<div class="notion-selectable notion-header-block"><h\1>\2</h\1></div>', body, flags=re.S)  # fmt: skip


def _rendered(body: str) -> str:
    body = _wrapped(body, ' data-renderer-start-pos="7"')
    return body.replace("<table>", '<div class="pm-table-container"><table data-layout="default">').replace("</table>", "</table></div>")  # fmt: skip


AS_WRITTEN: dict[str, Callable[[str], str]] = {
    "antora": _asciidoc, "tailwind_docs": _anchored, "notion_site": _blocks, "cloud_page": _rendered,
}  # fmt: skip


# ---------------------------------------------------------------------- the measure


def framed(name: str, markdown: str) -> str:
    """The text of a Markdown file in a shell."""
    title, body = title_and_body(markdown, titled=True)
    body = AS_WRITTEN.get(name, str)(body)
    headings = heads(body)

    def filled(hole: re.Match[str]) -> str:
        kind, place, of, form = hole.groups()
        if kind == "title":
            return title
        if kind == "outline":
            return "".join(form.replace("{n}", str(n)).replace("{head}", head) for n, head in enumerate(headings))
        return _part(body, int(place or 1), int(of or 1))

    return _HOLE.sub(filled, FILES[name])


def _part(body: str, place: int, of: int) -> str:
    """One of the parts that a body is cut into before its sections; without sections all is in the first."""
    parts = re.split(r"(?=<div class=\"sect1|<h2)", body)
    ends = [round(len(parts) * n / of) for n in range(of + 1)]
    return "".join(parts[ends[place - 1] : ends[place]])


def planted(name: str) -> list[str]:
    """Every text of two words or more in a shell."""
    from lxml import html

    page = html.document_fromstring(_HOLE.sub(" ", FILES[name]))
    texts = [" ".join(text.split()) for text in page.body.itertext() if page.body is not None]
    return list(dict.fromkeys(text for text in texts if len(words_of(text)) >= 2 and re.search(r"[^\W\d_]", text)))


def leaked(name: str, document: Document, markdown: str) -> list[str]:
    """The texts of a shell that a document holds, and its text does not."""
    said, own = (f" {' '.join(words_of(text))} " for text in (flatten(document), markdown))
    found = [f" {' '.join(words_of(phrase))} " for phrase in planted(name)]
    return [phrase.strip() for phrase in found if phrase in said and phrase not in own]


def strange(document: Document, reference: Document, markdown: str) -> Iterator[str]:
    """Lines of the result that do not stand in the text."""
    own = f" handbook page {' '.join(words_of(flatten(reference)))} {' '.join(words_of(markdown))} "
    for line in flatten(document).splitlines():
        bare = re.sub(r"^(?:Title: |[\d.]+ )", "", line).rstrip(":")
        if (words := " ".join(words_of(bare))) and f" {words} " not in own:
            yield line


def lost(document: Document, reference: Document) -> list[str]:
    """Lines of the text that do not stand in the result."""
    said = f" {' '.join(words_of(flatten(document)))} "
    lines = (re.sub(r"^(?:Title: |[\d.]+ )", "", line).rstrip(":") for line in flatten(reference).splitlines())
    return [line for line in lines if words_of(line) and f" {' '.join(words_of(line))} " not in said]

"""Shells as files, every text of which counts where it leaks.

`pages/NAME.html` is a page with `{{title}}`, `{{body}}` (or `{{body 1/3}}` and so on: the body cut before its sections) and
`{{outline <li>{n} {head}</li>}}`, an entry for each heading. Nothing is planted by hand: **every** text of two words or more in
the page counts as a leak where it is found in the document that is read back and not in the text itself. "Strange lines" are
those of the result that do not stand in the text, one word or many: a measure that single words of a shell cannot slip through.
`prints/NAME.html` is a page that is made to be printed: margins of its own, running heads and feet that its style sheet says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from curator.sop.document import Document
from curator.sop.flatten import flatten
from curator.sop.reading import words_of

from . import HERE, title_and_body
from .parts import heads

PAGES, PRINTS = (
    {path.stem: path.read_text(encoding="utf-8") for path in sorted((HERE / folder).glob("*.html"))}
    for folder in ("pages", "prints")
)
FILES = PAGES | PRINTS
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


_ALARMED = re.compile(r"<p>((?:Warning|Danger|Caution|Important|Achtung|Advertencia|Attention)): (.*?)</p>", re.S)


def _boxed(box: str) -> Callable[[str], str]:
    """A writer of warnings in boxes: the word of the warning is group 1, what it says group 2."""
    return lambda body: _ALARMED.sub(box, body)


def _identified(body: str) -> str:
    """Headings with an id of their words and their text in a part, warnings in boxes, as XWiki writes them."""
    body = re.sub(r"<h([2-6])[^>]*>(.*?)</h\1>", lambda m: f'<h{m[1]} id="H{re.sub(r"[^A-Za-z0-9]", "", m[2])}" class="wikigeneratedid"><span>{m[2]}</span></h{m[1]}>', body, flags=re.S)  # fmt: skip
    return _ALARMED.sub(r'<div class="box warningmessage"><span class="icon-block">&#9888;</span><span class="sr-only">\1</span><div><p>\1: \2</p></div></div>', body)  # fmt: skip


def _document(body: str) -> str:
    """All text in parts of a numbered class, as a word processor on the web publishes it."""
    body = re.sub(r"<p>(.*?)</p>", r'<p class="c4"><span class="c1">\1</span></p>', _wrapped(body), flags=re.S)
    body = re.sub(r"<li><p class=\"c4\">(.*?)</p>", r'<li class="c2 li-bullet-0">\1', body, flags=re.S)
    return re.sub(
        r"<h([2-6])[^>]*>(.*?)</h\1>", r'<h\1 class="c5" id="h.x"><span class="c3">\2</span></h\1>', body, flags=re.S
    )


def _zoned(body: str) -> str:
    body = re.sub(r"<h([2-6])[^>]*>(.*?)</h\1>", r'<h\1 class="headingSpacingAbove headingSpacingBelow"><span class="fontSizeXLarge"><strong>\2</strong></span></h\1>', body, flags=re.S)  # fmt: skip
    return body.replace("<table>", '<figure class="table canvasRteResponsiveTable tableLeftAlign"><table>').replace("</table>", "</table></figure>")  # fmt: skip


def _macros(body: str) -> str:
    body = body.replace("<table>", '<div class="table-wrap"><table class="confluenceTable">').replace("</table>", "</table></div>")  # fmt: skip
    return _ALARMED.sub(r'<div class="confluence-information-macro confluence-information-macro-warning"><p class="title conf-macro-render">\1</p><span class="aui-icon aui-icon-small aui-iconfont-error confluence-information-macro-icon"></span><div class="confluence-information-macro-body"><p>\2</p></div></div>', body)  # fmt: skip


def _linked(body: str) -> str:
    body = re.sub(r"<h([2-6])[^>]*>(.*?)</h\1>", r'<h\1 id="x" tabindex="-1">\2 <a class="header-anchor" href="#x" aria-label="Permalink to &quot;\2&quot;">&#8203;</a></h\1>', body, flags=re.S)  # fmt: skip
    body = re.sub(r"<pre><code class=\"language-(\w+)\">(.*?)</code></pre>", r'<div class="language-\1 vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">\1</span><pre class="shiki"><code><span class="line">\2</span></code></pre></div>', body, flags=re.S)  # fmt: skip
    return _ALARMED.sub(r'<div class="warning custom-block"><p class="custom-block-title">\1</p><p>\2</p></div>', body)


def _exported(body: str) -> str:
    """Each item of a list in a list of its own, warnings in callouts, as a workspace exports its pages."""
    body = re.sub(r'<div class="notion-selectable notion-(?:text|header)-block">(?:<div spellcheck="true">(.*?)</div>|(<h.*?</h\d>))</div>', lambda m: f"<p>{m[1]}</p>" if m[1] else m[2], _blocks(body), flags=re.S)  # fmt: skip
    return _ALARMED.sub(r'<figure class="block-color-yellow_background callout" style="white-space:pre-wrap;display:flex"><div style="font-size:1.5em"><span class="icon">⚠️</span></div><div style="width:100%">\1: \2</div></figure>', body)  # fmt: skip


def _editable(body: str) -> str:
    """Headings with the links of a wiki to edit below them."""
    return re.sub(r"<h2[^>]*>(.*?)</h2>", r'<h2><span class="mw-headline" id="s">\1</span><span class="mw-editsection"><span class="mw-editsection-bracket">[</span><a href="#">edit</a><span class="mw-editsection-divider"> | </span><a href="#">edit source</a><span class="mw-editsection-bracket">]</span></span></h2>', body, flags=re.S).replace("<table>", '<table class="wikitable">')  # fmt: skip


def _coloured(body: str) -> str:
    """Headings with their colour in them, and tables with borders, as an editor of 1999 wrote them."""
    body = re.sub(r"<h2[^>]*>(.*?)</h2>", r'<H3><FONT COLOR="#003366">\1</FONT></H3>', body, flags=re.S)
    return body.replace("<table>", "<TABLE BORDER=1 CELLPADDING=3>").replace("</table>", "</TABLE>")


AS_WRITTEN: dict[str, Callable[[str], str]] = {
    "antora": _asciidoc, "tailwind_docs": _anchored, "notion_site": _blocks, "cloud_page": _rendered,
    "xwiki_office": _identified, "gdocs_published": _document, "sharepoint_saved_de": _zoned, "confluence_macros": _macros,
    "vitepress_manual": _linked, "notion_export": _exported,
    "makerspace_vector": _editable, "works_tables_1999": _coloured,
    "vendor_learn": _boxed(r'<div class="WARNING"><p>\1</p><p>\2</p></div>'),
    "dsfr_portail_fr": _boxed(r'<div class="fr-alert fr-alert--warning"><p>\1 : \2</p></div>'),
    "sitecore_hospital": _boxed(r'<div class="alert alert-danger" role="alert"><strong>\1:</strong> \2</div>'),
    "hospital_fr": _boxed(r'<div class="encadre encadre--rouge"><p>\1 : \2</p></div>'),
    "servicenow_portal": _boxed(r'<table style="border-collapse:collapse;width:100%"><tbody><tr><td style="background-color:#fdd"><strong>\1:</strong> \2</td></tr></tbody></table>'),
    "drupal_council": _boxed(r'<div class="paragraph paragraph--type--warning"><div class="field field--name-field-text"><p>\1: \2</p></div></div>'),
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
    texts += re.findall(r'content:"(.*?)"', FILES[name])
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

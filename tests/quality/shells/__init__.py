"""Shells of web sites around a text, and what of them leaks into a document read back.

A shell is a function of a title and the markup of a text (the modules here), or a file (`pages/NAME.html`, read by `files`).
Of the first, phrases planted in what is not the text count where they leak; of the second, **every** text of two words or more.
`python tests/quality/shells` measures them; `texts/` holds procedures to put into them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from curator.sop.document import Document, steps
from curator.sop.flatten import flatten
from curator.sop.markdown import _outside_fences, _renderer
from curator.sop.reading import words_of

from . import generators_and_wikis, guides_and_courses, intranets_and_manuals, plain_and_hashed, portals_and_news

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
_MODULES = (generators_and_wikis, plain_and_hashed, guides_and_courses, portals_and_news, intranets_and_manuals)
PHRASES = tuple(phrase for module in _MODULES for phrase in module.PHRASES)
SHELLS: dict[str, Callable[[str, str], str]] = {
    name: shell for module in _MODULES for name, shell in module.SHELLS.items()
}
_OWN_TITLE = frozenset("sphinx mkdocs docusaurus github bare tables old_university nested_tables".split())
TITLED = frozenset(SHELLS) - _OWN_TITLE  # those that show the title themselves


def framed(name: str, markdown: str) -> str:
    """The text of a Markdown file in a shell; shells that show the title themselves take it from the text."""
    return SHELLS[name](*title_and_body(markdown, titled=name in TITLED))


def title_and_body(markdown: str, *, titled: bool) -> tuple[str, str]:
    """The title and the markup of a Markdown file; `titled` takes the heading that is the title out of it."""
    front = re.match(r"---\n(.*?)\n---\n", markdown, re.S)
    named = re.search(r"^title:\s*(.+)$", front[1], re.M) if front else None
    text = markdown[front.end() :] if front else markdown
    body = _renderer().render(_outside_fences(text))
    body = re.sub(r' data-line="\d+"', "", body)
    heads = re.findall(r"<(h[1-6])", body)
    top = heads[0] if heads and heads.count(heads[0]) == 1 and min(heads) == heads[0] else "h1"
    head = None if named else re.search(rf"<{top}[^>]*>(.*?)</{top}>", body, re.S)
    title = named[1].strip("\"' ") if named else re.sub(r"<[^>]+>", "", head[1]).strip() if head else "Handbook page"
    return title, body.replace(head.group(), "", 1) if head and titled else body


def texts() -> list[Path]:
    """The Markdown files to put into shells: the samples, those of `texts/`, and those beside the repository where they are."""
    beside = ROOT.parent / "shared" / "data" / "sop"
    return [
        file for folder in (ROOT / "samples" / "sop", HERE / "texts", beside) for file in sorted(folder.glob("*.md"))
    ]


def kept(reference: Document, found: Document) -> tuple[float, float]:
    """Shares of headings and steps of the reference that the other has."""

    def heads(document: Document) -> Counter[str]:
        return Counter(" ".join(words_of(section.heading)) for section in document.sections if section.heading)

    def lines(document: Document) -> Counter[str]:
        return Counter(" ".join(words_of(step.text)) for s in document.sections for step in steps(s.blocks))

    def share(of: Callable[[Document], Counter[str]]) -> float:
        wanted = of(reference)
        return sum((wanted & of(found)).values()) / max(1, sum(wanted.values()))

    return share(heads), share(lines)


def leaks(document: Document) -> list[str]:
    """The planted phrases that a document holds."""
    said = " ".join(words_of(flatten(document)))
    return [phrase for phrase in PHRASES if f" {' '.join(words_of(phrase))} " in f" {said} "]

"""Threads of a forum, as their pages for the printer write them: the board's name over the title, answers, lines under each post."""

from __future__ import annotations

import re
from typing import Any

from curator.sop.cards import lines_of
from curator.sop.markup import BLOCKS, HEADINGS, is_note, is_warning, siblings, text_of, upwards
from curator.sop.reading import SITE_MARK, Drops, clean
from curator.sop.roles import folded, role_of
from curator.sop.verbs import is_forbidding, is_order

_ANSWERS = re.compile(r"(?:re|aw|antw|sv|rif|odp)(?:\s?[\[(]?\d{1,3}[\])]?)?\s?:\s*(\S.*)", re.I)
_RULE = re.compile(r"[_–—-]{8,}")  # that a forum draws between a post and the line its author puts under all of them
_UNDER_WORDS = 30


def prune_thread(root: Any, page_title: str, drops: Drops) -> None:
    """Take out the answers below a text that are headed as such ("Re: …" and the title), and what their forum sets around it."""
    _name_thread(root, page_title, drops)
    told = {folded(part) for part in SITE_MARK.split(page_title)}
    heads = list(root.iter(*HEADINGS))
    answers = []
    for head in heads:
        said = clean(text_of(head))
        found = _ANSWERS.fullmatch(said)
        if found is None:
            told.add(folded(said))
        elif folded(found[1]) in told:
            answers.append(head)
    for head in answers:
        parts = _post(head, folded(_bare(head)))
        if parts and not _is_told(parts):
            for part in parts:
                drops.take(part)
    if answers:
        _prune_under(root, drops)


def _bare(head: Any) -> str:
    """A heading without the mark of an answer."""
    said = clean(text_of(head))
    found = _ANSWERS.fullmatch(said)
    return found[1] if found else said


def _name_thread(root: Any, page_title: str, drops: Drops) -> None:
    """Make the name of a thread the title, where the name of its board is the only `h1`: both are parts of the page's title, and the
    thread's stands twice below the board's, with no other heading between.
    """
    parts = [folded(part) for part in SITE_MARK.split(page_title)]
    heads = list(root.iter(*HEADINGS))
    board = next((n for n, head in enumerate(heads) if head.tag == "h1"), None)
    if board is None or len(heads) < board + 3 or any(head.tag == "h1" for head in heads[board + 1 :]):
        return
    name, first, second = (folded(text_of(head)) for head in heads[board : board + 3])
    if first == second != name and {name, first} <= set(parts) and " " in first and role_of(first) == "other":
        drops.take(heads[board])
        heads[board + 1].tag = "h1"


def _post(head: Any, title: str) -> list[Any]:
    """The parts of the post that a heading heads: the box of it that has others of its name beside it, else what follows it
    as far as the next heading of its level or a higher one.
    """
    for part in upwards(head):
        if part.tag in ("body", "html", "main") or any(folded(text_of(h)) == title for h in part.iter(*HEADINGS)):
            break
        if part.get("class") and any(o.tag == part.tag and o.get("class") == part.get("class") for o in siblings(part)):
            return [part]
    parts = [head]
    for after in head.itersiblings():
        if not isinstance(after.tag, str):
            continue
        if any(HEADINGS[inner.tag] <= HEADINGS[head.tag] for inner in after.iter(*HEADINGS)):
            break
        parts.append(after)
    return parts


def _is_told(parts: list[Any]) -> bool:
    """Whether an answer holds what may be of the procedure: a list, a table, code, a warning, an order."""
    for part in parts:
        if next(part.iter("ol", "ul", "table", "pre"), None) is not None or any(
            map(is_note, part.iter("div", "aside"))
        ):
            return True
        sentences = [said for line in lines_of(part) for said in re.split(r"(?<=[.!?;])\s+", line)]
        if any(is_order(said) or is_warning(said) or is_forbidding(said) for said in sentences):
            return True
    return False


def _prune_under(root: Any, drops: Drops) -> None:
    """Take out the line under a post, from the rule that a forum draws over it to the end of the post."""
    for mark in list(root.iter("br")):
        if not _RULE.fullmatch(clean(mark.tail or "")):
            continue
        below = list(mark.itersiblings())
        said = clean(" ".join(f"{text_of(part)} {part.tail or ''}" for part in below if isinstance(part.tag, str)))
        plain = not any(isinstance(part.tag, str) and next(part.iter(*BLOCKS), None) is not None for part in below)
        if (
            plain
            and len(said.split()) <= _UNDER_WORDS
            and not (is_order(said) or is_warning(said) or is_forbidding(said))
        ):
            mark.tail = None
            drops.add("signature", said)
            for part in below:
                part.tail = None
                part.getparent().remove(part)

"""Paragraphs that are headings or steps, told by their numbers, their looks and what stands around them."""

from __future__ import annotations

import re
from itertools import pairwise

from curator.sop.document import Para, Step, Table
from curator.sop.labels import (
    BULLET,
    CAPITAL,
    NUMBERED,
    STEP_WORD,
    TITLE_LINE,
    is_known_head,
    is_short,
    label_of,
    unnumbered,
)
from curator.sop.lines import STARTS
from curator.sop.nesting import count_within, nested
from curator.sop.reading import Heading, Piece, Text
from curator.sop.roles import folded, table

_LONE_NUMBER = re.compile(r"\(?\d{1,2}[.)]?")
_INLINE_HEAD = re.compile(r"(?:(\d{1,2}(?:\.0)?)[.)]?\s+)?([^\W\d_][\w /&,'()-]{1,60}?)\s*:\s+(\S.*)")


def refined(pieces: list[Piece]) -> list[Piece]:
    """Paragraphs that are headings or steps made so; a lone "Step 1" takes the paragraph after it."""
    styled = _is_styled(pieces)
    if not styled:
        pieces = _listed_headings(pieces)
    numbers = {label for piece in pieces if isinstance(piece, Text) and (label := label_of(piece.text))}
    capitals = {found[1] for piece in pieces if isinstance(piece, Text) and (found := CAPITAL.match(piece.text))}
    numbers |= {label for label in capitals if {chr(ord(label) - 1), chr(ord(label) + 1)} & capitals}
    parents = {label for label in numbers if f"{label}.1" in numbers} if _bold_leads(pieces) else set()
    out: list[Piece] = []
    indents: dict[int, float] = {}
    waiting = ""
    alone = _lone_numbers(pieces)
    over = (_heads_of_lists(pieces) if styled else set()) | _capital_heads(pieces)
    for piece in pieces:
        if not isinstance(piece, Text):
            waiting = ""
            out.append(piece)
            continue
        if id(piece) in over:
            waiting = ""
            label = label_of(piece.text)
            level = 6 if not label else 2 if not styled else 4
            out.append(Heading(piece.text, min(6, level + max(0, label.count(".") - 1)), piece.origin))
            continue
        lone = STEP_WORD.fullmatch(piece.text)
        if lone and not waiting and not piece.bold:
            waiting = lone[1]
            continue
        if id(piece) in alone and not waiting:
            waiting = piece.text.strip("(). ")
            continue
        made = (
            [Step(piece.text, number_source=waiting, origin=piece.origin)]
            if waiting
            else _of_text(piece, styled, numbers, parents)
        )
        waiting = ""
        out += made
        indents |= {id(step): piece.indent for step in made if isinstance(step, Step)}
    for piece in out:
        if isinstance(piece, Step):
            count_within(piece)
    return nested(out, indents)


def _is_styled(pieces: list[Piece]) -> bool:
    """Whether the headings of a document are marked as such, but for the few that a site adds to one whose heads are bold."""
    heads = sum(isinstance(piece, Heading) for piece in pieces)
    bold = sum(
        isinstance(piece, Text) and piece.bold and is_short(piece.text) and not STARTS.match(piece.text)
        for piece, after in pairwise(pieces)
        if not (isinstance(after, Text) and after.bold)
    )
    return heads >= 2 and not (heads <= 3 and bold >= 3 and bold >= 1.5 * heads)


def _heads_of_lists(pieces: list[Piece]) -> set[int]:
    """The paragraphs, by identity, that head lists below styled headings: bold, short, without a stop, two or more of them."""
    found = [
        id(piece)
        for piece, after in pairwise(pieces)
        if isinstance(piece, Text) and piece.bold and not piece.note and isinstance(after, Step)
        and is_short(piece.text) and not STARTS.match(piece.text) and not STEP_WORD.match(piece.text)
    ]  # fmt: skip
    return set(found) if len(found) >= 2 else set()


def _capital_heads(pieces: list[Piece]) -> set[int]:
    """The paragraphs, by identity, that have a number like "4.1" and are in capitals, where others with numbers are not."""
    numbered = [piece for piece in pieces if isinstance(piece, Text) and label_of(piece.text)]
    found = {
        id(piece) for piece in numbered if "." in label_of(piece.text) and piece.text.isupper() and is_short(piece.text)
    }
    return found if 2 * len(found) <= len(numbered) else set()


def _lone_numbers(pieces: list[Piece]) -> set[int]:
    """The paragraphs, by identity, that are a number alone, before a paragraph each, and count on from one to the next."""
    found = [
        (int(piece.text.strip("(). ")), id(piece))
        for piece, after in pairwise(pieces)
        if isinstance(piece, Text) and isinstance(after, Text) and _LONE_NUMBER.fullmatch(piece.text)
    ]
    return {at for one, two in pairwise(found) if two[0] == one[0] + 1 for at in (one[1], two[1])}


def _bold_leads(pieces: list[Piece]) -> bool:
    """Whether bold marks the heads among the numbered paragraphs: hardly all of them are bold."""
    bold = [piece.bold for piece in pieces if isinstance(piece, Text) and label_of(piece.text)]
    return 0 < sum(bold) < 0.6 * len(bold)


def _listed_headings(pieces: list[Piece]) -> list[Piece]:
    """List items that are the headings of a document without styles ("1. PURPOSE" numbered by the word processor)."""
    items = [piece for piece in pieces if isinstance(piece, Step)]
    heads = {id(item) for item in items if is_known_head(item.text) or _leads(item)}
    if len(heads) < 2:
        return pieces
    out: list[Piece] = []
    for place, piece in enumerate(pieces):
        if isinstance(piece, Step) and (id(piece) in heads or _is_capital(piece) or _followed(pieces, place)):
            out.append(Heading(piece.text, 1, piece.origin))
            out += piece.children
        else:
            out.append(piece)
    return out


def _leads(item: Step) -> bool:
    """Whether an item is a section by its numbers: "5", and "5.1" below it."""
    first = next((child for child in item.children if isinstance(child, Step)), None)
    label = item.number_source.removesuffix(".0")
    return label.isdigit() and first is not None and first.number_source == f"{label}.1" and is_short(item.text)


def _is_capital(item: Step) -> bool:
    return item.text.isupper() and len(item.text) <= 60


def _followed(pieces: list[Piece], place: int) -> bool:
    """Whether an item of a list of headings has paragraphs of its own: short, without a stop, and text after it."""
    item, after = pieces[place], pieces[place + 1 : place + 2]
    assert isinstance(item, Step)
    return (
        item.number_source.isdigit()
        and is_short(item.text)
        and not item.children
        and bool(after)
        and isinstance(after[0], Text | Table)
    )


def _of_text(piece: Text, styled: bool, numbers: set[str], parents: set[str]) -> list[Piece]:
    """What a paragraph is: a heading, a heading with its text, a step, or a paragraph."""
    text = piece.text
    if piece.note:
        return [Para(text, piece.note, piece.origin)]
    if not styled and (found := _inferred(piece)):
        return found
    label = label_of(text)
    if not styled and label.isdigit() and f"{label}.1" in numbers and len(text) <= 90 and text[-1] not in ".;":
        return [Heading(text, 1, piece.origin)]
    if styled and _heads_anyway(piece):
        return [Heading(text, 4 if label else 6, piece.origin)]
    if styled and piece.bold and "." in label and label in parents and is_short(text):
        return [Heading(text, min(4 + label.count("."), 6), piece.origin)]
    if step := STEP_WORD.match(text):
        return [Step(text[step.end() :], number_source=step[1], origin=piece.origin)]
    if mark := NUMBERED.match(text):
        label = mark[1].strip("().")
        if "." in label or label.isalpha() or mark[1][-1] in ".)":
            return [Step(text[mark.end() :], number_source=label, origin=piece.origin)]
    if (capital := CAPITAL.match(text)) and capital[1] in numbers:
        return [Step(text[capital.end() :], number_source=capital[1], origin=piece.origin)]
    if bullet := BULLET.match(text):
        return [Step(text[bullet.end() :], origin=piece.origin)]
    return [piece]


def _heads_anyway(piece: Text) -> bool:
    """Whether a paragraph is a heading though the document has styled ones: bold or "2.0", and a known word or a number."""
    label, rest = unnumbered(piece.text)
    whole = label.isdigit() or label.endswith(".0")
    if len(piece.text) > 80 or piece.text[-1] in ".;,":
        return False
    known = is_known_head(piece.text)
    return (known and (piece.bold or label.endswith(".0"))) or (piece.bold and whole and len(rest.split()) <= 8)


def _inferred(piece: Text) -> list[Piece] | None:
    """A heading where the document has no styles: short, no stop, and bold, in capitals, numbered or a known word."""
    text = piece.text
    label, rest = unnumbered(text)
    bare = rest.rstrip(":").strip()
    if (
        (inline := _INLINE_HEAD.fullmatch(text))
        and folded(inline[2]) in table()
        and (inline[1] or piece.bold or inline[2][0].isupper())
    ):
        numbered = not inline[1] or "." not in inline[1] or inline[1].endswith(".0")
        if numbered and table()[folded(inline[2])] != "title" and (inline[1] or _stands_alone(inline[2])):
            head = f"{inline[1]} {inline[2]}" if inline[1] else inline[2]
            return [Heading(head, 1, piece.origin), Text(inline[3], origin=piece.origin)]
    short = len(bare) <= 80 and len(bare.split()) <= 10 and bare and bare[-1] not in ".,;!"
    if not short or not re.search(r"[^\W\d_]{2}", bare) or TITLE_LINE.match(text):
        return None
    level = label.removesuffix(".0").count(".") + 1 if label else 1
    whole = label.isdigit() or label.endswith(".0") or (label and label.isalpha())
    known = folded(bare) in table()
    if label and not whole:  # "5.1 Preparation" is a heading only where it looks like one
        return [Heading(text, level, piece.origin)] if piece.bold or (known and len(bare.split()) < 4) else None
    capitals = bare.isupper() and len(bare) > 3
    strong = piece.bold or capitals
    if known and (label or strong or text.endswith(":") or text[0].isupper()):
        return [Heading(text, level, piece.origin)]
    if (
        (label and (label.endswith(".0") or strong))
        or (strong and not text.endswith(":"))
        or (strong and len(bare.split()) <= 5)
    ):
        return [Heading(text, level if label else 2 if not capitals else 1, piece.origin)]
    return None


def _stands_alone(word: str) -> bool:
    return table()[folded(word)] in ("objective", "scope", "responsibility", "accountability", "procedure")

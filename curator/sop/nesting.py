"""Steps made from paragraphs put below their parents, by their numbers and by where they begin."""

from __future__ import annotations

import re

from curator.sop.document import Block, Para, Step
from curator.sop.labels import BULLET, NUMBERED
from curator.sop.numbering import figure
from curator.sop.reading import Heading, Piece, block_of


def count_within(step: Step) -> None:
    """Make the paragraphs below a step that count on from the first letter or number ("a)", "b)"), or are bulleted, steps."""
    marks = [_mark_of(child) for child in step.children]
    for child in step.children:
        if isinstance(child, Step):
            count_within(child)
    place = 0
    while place < len(marks):
        run = place
        while run < len(marks) and marks[run] and _counts_on(marks[place : run + 1]):
            run += 1
        if run - place >= 2:
            for n in range(place, run):
                child = step.children[n]
                assert isinstance(child, Para)
                label, text = marks[n] or ("", child.text)
                step.children[n] = Step(text, number_source=label, note=child.note, origin=child.origin)
        place = max(run, place + 1)


def _mark_of(block: Block) -> tuple[str, str] | None:
    """The letter, number or "" of a bullet that a paragraph begins with, and its text after it; None without one."""
    if not isinstance(block, Para):
        return None
    if bullet := BULLET.match(block.text):
        return "", block.text[bullet.end() :]
    mark = NUMBERED.match(block.text)
    return (mark[1].strip("()."), block.text[mark.end() :]) if mark and "." not in mark[1].strip(".") else None


def _counts_on(marks: list[tuple[str, str] | None]) -> bool:
    """Whether marks are bullets all, or count on from the first letter or number of their kind."""
    labels = [mark[0] for mark in marks if mark]
    letters = "abcdefghijklmnopqrstuvwxyz"
    kinds = (list(letters), [str(n) for n in range(1, 100)], [figure(n, "lowerRoman") for n in range(1, 20)])
    return not any(labels) or any(labels == kind[: len(labels)] for kind in kinds)


def nested(pieces: list[Piece], indents: dict[int, float]) -> list[Piece]:
    """Steps made from paragraphs put below their parents, by their own numbers, else by where they begin.

    `indents` knows these steps by identity; items of real lists have their place already, and go below such a step
    only where it ends in a colon.
    """
    out: list[Piece] = []
    stack: list[tuple[Step, int]] = []
    kinds: dict[int, str] = {}
    since: list[Piece] = []  # what stands between two steps: it goes below the parent of the second
    for piece in pieces:
        if not isinstance(piece, Step):
            stack = [] if isinstance(piece, Heading) else stack
            since = [*since, piece] if stack else []
            out.append(piece)
            continue
        flat = id(piece) in indents
        kinds[id(piece)] = _kind(piece.number_source, [(kinds[id(above)], above.number_source) for above, _ in stack])
        depth = (
            _depth(piece, stack, indents, kinds)
            if flat
            else (stack[-1][1] + 1 if stack and _opens(stack[-1][0]) else 1)
        )
        while stack and stack[-1][1] >= depth:
            stack.pop()
        if stack:
            del out[len(out) - len(since) :]
            stack[-1][0].children += [
                *(block_of(between) for between in since if not isinstance(between, Heading)),
                piece,
            ]
        else:
            out.append(piece)
        since = []
        if flat:
            stack.append((piece, depth))
    return out


def _opens(step: Step) -> bool:
    return step.text.endswith(":")


def _depth(step: Step, stack: list[tuple[Step, int]], indents: dict[int, float], kinds: dict[int, str]) -> int:
    """How deep a step stands: "5.1" is 1, "5.1.1" 2; a letter, a bracketed number or a bullet below what it belongs to."""
    label = step.number_source
    if re.fullmatch(r"\d+(?:\.\d+)+", label):
        return label.removesuffix(".0").count(".") or 1
    kind = kinds[id(step)]
    for above, depth in reversed(stack):
        if kinds[id(above)] == kind and (kind != "bullet" or indents[id(step)] <= indents[id(above)] + 1):
            return depth
    if not stack or (kind == "number" and kinds[id(stack[-1][0])] == "bullet"):
        return 1
    if kind != "bullet":
        return stack[-1][1] + 1
    left = indents[id(step)]
    return next(
        (
            depth + 1
            for above, depth in reversed(stack)
            if kinds[id(above)] != "bullet" or indents[id(above)] + 1 < left
        ),
        1,
    )


def _kind(label: str, above: list[tuple[str, str]]) -> str:
    """What kind of number a step has; `above` are the kinds and numbers it may follow. An "i" is roman but after an "h"."""
    if not label:
        return "bullet"
    if re.fullmatch(r"[ivx]+", label):
        letters = [other for kind, other in above if kind == "letter"]
        follows = bool(letters) and len(label) == 1 and chr(ord(letters[-1][0]) + 1) == label
        begun = any(kind == "roman" for kind, _ in above)
        if begun or (not follows and (label == "i" or len(label) > 1)):
            return "roman"
    return "dotted" if "." in label else "number" if label.isdigit() else "capital" if label.isupper() else "letter"

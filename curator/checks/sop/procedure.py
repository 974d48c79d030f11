"""Answers read as standard operating procedures, and what the rules about them share.

An answer counts as one only by strong signs: sections numbered 1.0, 2.0, 3.0 and on with a known purpose among
them, or a title line and at least two such sections, or four numbered sections of known purposes, the procedure
being one. Other answers are left alone, whatever they are about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from curator.columns import Batch
from curator.model import Example, Flag, Turn
from curator.rule import Bad, RowRule, chat
from curator.sop.roles import role_of

_LITERALS = (
    "procedure",
    "procedimiento",
    "procédure",
    "PROCÉDURE",
    "verfahren",
    "durchf",
    "title:",
    "titel:",
    "titre",
    "tulo:",
)


class Line(NamedTuple):
    """A line of an answer outside fences and where it starts; `label` is its number, `rest` what follows it."""

    text: str
    start: int
    label: str
    rest: str
    section: bool = False

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.start + len(self.text)


class Sop(NamedTuple):
    """An answer read as a procedure. `zeros` where its sections are numbered 1.0, 2.0."""

    title: str
    lines: tuple[Line, ...]
    zeros: bool

    def sections(self) -> list[tuple[Line, tuple[Line, ...]]]:
        """Each section of level 1 with the lines below it."""
        heads = [n for n, line in enumerate(self.lines) if line.section]
        ends = [*heads[1:], len(self.lines)]
        return [(self.lines[a], self.lines[a + 1 : b]) for a, b in zip(heads, ends, strict=True)]

    def labels(self) -> set[str]:
        return {bare(line.label) for line in self.lines if line.label}


_LINE = re.compile(r"[^\n]*")
_HEAD = re.compile(r"(?:#{1,4}[ \t]+)?(?:\*\*)?(\d{1,3}(?:\.\d{1,3})*)[.)]?(?:[ \t]+(\S.*))?$")
_NUMBERED = re.compile(r"^[ \t]*(?:#{1,4}[ \t]+)?(?:\*\*)?\d{1,2}(?:\.0)?[.)]?(?:[ \t]|$)", re.M)
_FENCE = re.compile(r"[ \t]*(?:`{3}|~{3})")
TITLE = re.compile(r"(?:#+ |\*\*)?(?:title|titel|título|titulo|titre)[ \t]*:(?:\*\*)?[ \t]*(\S.*)$", re.I)


def heading_of(line: Line) -> str:
    """The heading on a section's line, without its text."""
    return line.rest.replace("**", "").partition(":")[0].strip()


def roles_of(sop: Sop) -> set[str]:
    """The roles of the sections of level 1."""
    return {role_of(heading_of(head)) for head, _ in sop.sections()}


def inline(line: Line) -> str:
    """The text that stands on a section's own line."""
    return line.rest.replace("**", "").partition(":")[2].strip()


def bare(label: str) -> str:
    return label.removesuffix(".0") if label.count(".") == 1 else label


@lru_cache(maxsize=2048)  # the procedures of a span, which every rule asks for in turn
def sop_of(text: str) -> Sop | None:
    """The answer as a procedure, None where it is none."""
    if len(_NUMBERED.findall(text)) < 2:
        return None
    low = text.lower()
    if not any(word.lower() in low for word in _LITERALS):
        return None
    lines, title = _lines(text)
    zeros = [line for line in lines if line.label.endswith(".0") and line.label.count(".") == 1]
    roles = {role_of(heading_of(line)) for line in zeros} - {"other", "title"}
    if (len(zeros) >= 3 and roles) or (title and len(zeros) >= 2):
        marked = {line.start for line in zeros}
        return Sop(title, tuple(line._replace(section=line.start in marked) for line in lines), True)
    heads = [
        line for line in lines if line.label.isdigit() and len(heading_of(line)) <= 60 and _known(heading_of(line))
    ]
    roles = {role_of(heading_of(line)) for line in heads}
    if len(roles) >= 4 and "procedure" in roles and roles & {"objective", "scope", "responsibility"}:
        marked = {line.start for line in heads}
        return Sop(title, tuple(line._replace(section=line.start in marked) for line in lines), False)
    return None


def _known(heading: str) -> bool:
    return role_of(heading) != "other"


def _lines(text: str) -> tuple[list[Line], str]:
    lines: list[Line] = []
    title, fenced = "", False
    for found in _LINE.finditer(text):
        body = found.group()
        if _FENCE.match(body):
            fenced = not fenced
        elif not fenced and body.strip():
            head = _HEAD.match(body.strip())
            lines.append(Line(body, found.start(), head[1] if head else "", (head[2] or "") if head else body.strip()))
            if not title and len(lines) <= 3 and (named := TITLE.match(body.strip())):
                title = named[1].strip("* ")
    return lines, title


def _procedures(batch: Batch) -> dict[int, bool]:
    """Whether a row holds a procedure, by index: filled in as rules ask."""
    return {}


class SopRule(RowRule, frozen=True):
    """Judges the answers that are procedures."""

    literals = _LITERALS

    def candidates(self, batch: Batch) -> Iterator[int]:
        known = batch.memo(_procedures)
        for index in batch.rows_with(type(self)):
            if index not in known:
                known[index] = any(sop_of(turn.text) for turn in batch.example(index).answers)
            if known[index]:
                yield index

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            sop = sop_of(turn.text)
            if sop:
                asked = next((t.text for t in reversed(before) if t.role == "user"), "")
                yield from self.judge(sop, turn, asked)

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        """The flags of one procedure; `asked` is what the user wrote before it."""
        raise NotImplementedError


ASK = "Write an SOP for cleaning the mixer."
HEADER = "Title: Cleaning of the Spiral Mixer\n\n1.0 Objective: To keep old dough out of the next batch.\n\n2.0 Scope: All mixers in hall 2.\n\n3.0 Responsibility: The operator of the shift.\n\n"
STEPS = "4.0 Procedure:\n4.1 Switch the mixer off.\n4.2 Scrape the bowl.\n4.3 Rinse it twice."
WHOLE = HEADER + STEPS
PROCEDURE = chat(user=ASK, assistant=WHOLE)
PLAIN = chat(
    user="How do I make tea?", assistant="1. Boil water.\n2. Add the leaves.\n\nThis procedure takes five minutes."
)


def broken(answer: str, **more: Any) -> Bad:
    """A bad example: the procedure asked for, with this answer."""
    return Bad(chat(user=ASK, assistant=answer), at="messages[1].content", **more)

"""What pages, templates and other layouts leave in a procedure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.checks.sop.procedure import ASK, PLAIN, PROCEDURE, WHOLE, Sop, SopRule, broken
from curator.model import Edit, Fix, Flag, Turn
from curator.rule import Bad, chat
from curator.text.patterns import compiled_later


class PageResidue(SopRule, frozen=True):
    """A page number or a line of a table of contents was left in the answer.

    Extraction leaves such lines between the steps, where they mean nothing. The model repeats them in
    the procedures it writes.
    """

    code = "SOP007"
    GOOD = [PROCEDURE, PLAIN, chat(user=ASK, assistant=WHOLE + "\n4.4 Print page 3 of 9.")]
    BAD = [
        broken(WHOLE.replace("\n4.2", "\nPage 3 of 9\n4.2"), fixed=PROCEDURE),
        broken(WHOLE.replace("\n4.2", "\nProcedure .............. 4\n4.2"), fixed=PROCEDURE),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for line in sop.lines:
            if _RESIDUE.fullmatch(line.text.strip()):
                start, end = line.span
                end, start = (end + 1, start) if turn.text[end : end + 1] == "\n" else (end, max(0, start - 1))
                fix = Fix("drop the line", (turn.edit(start, end, ""),), safety="safe")
                yield turn.flag("left over from the pages", line.span, fix=fix)


_RESIDUE = re.compile(
    r"(?:page|página|seite)\s+\d{1,4}\s*(?:of|/|de|von|sur)\s*\d{1,4}|\S[^\n]{0,80}?\s?(?:\.{5,}|(?: \.){5,})\s*\d{1,4}",
    re.I,
)


class UnfilledSlot(SopRule, frozen=True):
    """A slot of the template was never filled in.

    The blank for a name, a date or a number is for one organisation to fill. The model prints it into every
    procedure as if that were the text.
    """

    code = "SOP008"
    GOOD = [
        PROCEDURE,
        PLAIN,
        chat(user=ASK, assistant=WHOLE + "\n4.4 Name the file YYYYMMDD_XXXX."),
        chat(user="Write an SOP template with ____ for the names.", assistant=WHOLE + "\n4.4 Signed: ____"),
        chat(user="Write an SOP with ____ for the name.", assistant=WHOLE + "\n4.4 Signed: ________"),
    ]
    BAD = [
        broken(WHOLE + "\n4.4 Effective date: DD/MM/YYYY"),
        broken(WHOLE + "\n4.4 Call [Name of supervisor] and sign."),
        broken(WHOLE + "\n4.4 Document number: ________"),
        broken(WHOLE + "\n4.4 Write to {{COMPANY_EMAIL}}.\n4.5 Signed: ________"),
        Bad(
            chat(user="Write an SOP for {{SITE}} with ____ for the name.", assistant=WHOLE + "\n4.4 Ask {{OWNER}}."),
            at="messages[1].content",
        ),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        if re.search(r"template|placeholder|blank form", asked, re.I):
            return
        fields = {_tight(slot.group()) for slot in _SLOT.finditer(asked)}
        slots: dict[str, tuple[int, int]] = {}
        for line in sop.lines:
            for found in _SLOT.finditer(line.text):
                if found.group() not in asked and _tight(found.group()) not in fields:
                    slots.setdefault(found.group(), (line.start + found.start(), line.start + found.end()))
        if slots:
            names = [slot.strip()[:40] for slot in slots]
            evidence = {"slots": names} if len(names) > 1 else {}
            yield turn.flag(f"{_listed(names)} never filled in", next(iter(slots.values())), evidence=evidence)


def _tight(slot: str) -> str:
    """A slot without its spaces; a blank is one however long it is."""
    return re.sub(r"_{4,}", "____", re.sub(r"\s+", "", slot))


def _listed(names: list[str]) -> str:
    """ "A was", "A and B were", "A, B, C and 2 more were"."""
    if len(names) == 1:
        return f"{names[0]} was"
    if len(names) > _NAMED + 1:
        names = [*names[:_NAMED], f"{len(names) - _NAMED} more"]
    return f"{', '.join(names[:-1])} and {names[-1]} were"


_NAMED = 5  # slots that a message names
_SLOT = compiled_later(
    r"(?<=: )(?:DD[/.-]MM[/.-]YYYY|MM[/.-]DD[/.-]YYYY|YYYY-MM-DD|TBD|TBA|XX+|N/N)\s*$|_{4,}|\{\{\s*[A-Z][A-Z0-9_ ]{2,40}\s*\}\}"
    r"|(?i:\[\s*(?:insert|enter|your|name|company|date|department|site|number|title|position|equipment|facility|organi[sz]ation|location|TBD)\b[^\]\n]{0,40}\])(?!\()"
)


class Spacing(SopRule, frozen=True):
    """Sections and steps are not set apart as elsewhere: a blank line before a section, one break before a step.

    The blank lines are how the model tells where a section ends. Rows that put them elsewhere make it
    waver between two layouts.
    """

    code = "SOP012"
    severity = "info"
    GOOD = [
        PROCEDURE,
        PLAIN,
        chat(user=ASK, assistant=WHOLE + "\n\n5.0 Release:\n\n5.1 Check: The shift leader looks."),
    ]
    BAD = [
        broken(WHOLE.replace("\n\n2.0", "\n\n\n\n2.0"), fixed=PROCEDURE),
        broken(WHOLE.replace("\n\n3.0", "\n3.0"), fixed=PROCEDURE),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        if not sop.zeros or "```" in turn.text or "~~~" in turn.text:
            return
        edits: list[Edit] = []
        spans: list[tuple[int, int]] = []
        for line in sop.lines[1:]:
            before = turn.text[max(0, line.start - 200) : line.start]  # a slice: a search in the whole is quadratic
            space = re.search(r"[ \t]*\n\s*$", before)
            if space is None:
                continue
            begin = line.start - len(space.group())
            breaks = space.group().count("\n")
            if breaks > 2 or (breaks == 1 and line.section):
                edits.append(turn.edit(begin, line.start, "\n\n"))
                spans.append((begin, line.start))
        if edits:
            yield turn.flag(
                "sections stand apart by one blank line",
                spans[0],
                fix=Fix("set the spacing", tuple(edits), safety="safe"),
            )

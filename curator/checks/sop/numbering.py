"""The numbers of sections and steps, and references to them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.checks.sop.procedure import ASK, PLAIN, PROCEDURE, WHOLE, Line, Sop, SopRule, bare, broken
from curator.model import Edit, Fix, Flag, Turn
from curator.rule import chat
from curator.text.patterns import compiled_later


class NumberingGap(SopRule, frozen=True):
    """The numbers of sections or steps leave one out, repeat one or go back.

    Numbers are what the other parts of a procedure refer to. A model trained on gaps and repeats
    loses count itself, and its references lead nowhere.
    """

    code = "SOP002"
    GOOD = [
        PROCEDURE,
        PLAIN,
        chat(user=ASK, assistant=WHOLE + "\n4.3.1 Use cold water.\n4.4 Dry it."),
    ]
    BAD = [
        broken(WHOLE.replace("4.3 ", "4.4 "), fixed=PROCEDURE),
        broken(WHOLE.replace("2.0 ", "3.0 ") + " Go back to step 4.1."),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        if not sop.zeros:
            return
        found = list(_misnumbered(sop))
        if not found:
            return
        line, wanted = found[0]
        fix = None
        if not _REFERENCE.search(turn.text):  # with one, nobody knows which step it means
            edits = tuple(_renumber(turn, line, wanted) for line, wanted in found)
            fix = Fix("number anew", edits, safety="safe")
        place = line.text.index(line.label) + line.start
        yield turn.flag(f"{line.label} where {wanted} is next", (place, place + len(line.label)), fix=fix)


def _misnumbered(sop: Sop) -> Iterator[tuple[Line, str]]:
    """Lines whose number is not the next one, with the number that is."""
    counts: list[int] = []
    written = 0  # the number of the section above as it stands there
    for line in sop.lines:
        if not line.label or not (line.section or ("." in line.label and counts)):
            continue
        depth = 1 if line.section else line.label.count(".") + 1
        first = int(bare(line.label).partition(".")[0])
        if line.section:
            written = first
        elif first not in (counts[0], written):
            continue  # a measure such as "2.5 litres" that begins a line
        if depth > len(counts) + 1:
            continue
        del counts[depth:]
        counts = [*counts, 0] if len(counts) < depth else counts
        counts[-1] += 1
        label = ".".join(map(str, counts)) + (".0" if line.section else "")
        if label != line.label:
            yield line, label


def _renumber(turn: Turn, line: Line, wanted: str) -> Edit:
    place = line.text.index(line.label) + line.start
    return turn.edit(place, place + len(line.label), wanted)


class DanglingReference(SopRule, frozen=True):
    """A step refers to one that is not there.

    The procedure was cut, or numbered anew without its references. The model learns to send people to
    steps that do not exist.
    """

    code = "SOP006"
    GOOD = [
        chat(user=ASK, assistant=WHOLE + " See 4.1."),
        PLAIN,
        chat(user=ASK, assistant=WHOLE + " See section 5.2 of SOP-QA-012."),
    ]
    BAD = [broken(WHOLE + " Then repeat step 4.9.")]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        labels = sop.labels()
        heads = {label.partition(".")[0] for label in labels}
        for found in _REFERENCE.finditer(turn.text):
            label = bare(found[1])
            inside = label.partition(".")[0] in heads
            if label not in labels and (inside or "." in label) and not _ELSEWHERE.match(turn.text, found.end()):
                remedy = "write the number that is meant, or take the reference out"
                yield turn.flag(f"there is no {found[1]}: {remedy}", found.span(1))


_REFERENCE = compiled_later(
    r"\b(?:see|refer to|repeat|in|to|from|as per|per|under|follow|go (?:back )?to|with)\s+(?:steps?|sections?|points?|clauses?)\s+(\d{1,2}(?:\.\d{1,2}){1,4})\b(?!\s*(?:%|[a-z]{1,3}\b(?<!of)(?<!in)))",
    re.I,
)
_ELSEWHERE = re.compile(r"\s*(?:of|in|,)\s+(?!this)\S", re.I)

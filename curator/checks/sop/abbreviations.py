"""Abbreviations and their list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from curator.checks.sop.procedure import ASK, PLAIN, TITLE, WHOLE, Sop, SopRule, broken, heading_of, inline
from curator.model import Flag, Turn
from curator.rule import chat, option
from curator.sop.roles import role_of
from curator.text.patterns import compiled_later


class UndefinedAbbreviation(SopRule, frozen=True):
    """An abbreviation is used, and the list of abbreviations does not have it.

    A list that leaves some out teaches the model that its lists need not be complete. Judged only
    where the procedure has such a section.
    """

    code = "SOP011"
    severity = "info"
    GOOD = [
        chat(
            user=ASK,
            assistant=WHOLE
            + "\n4.4 Sign in the BMR.\n\n5.0 Abbreviations:\nBMR: Batch Manufacturing Record\nQA: Quality Assurance",
        ),
        PLAIN,
        chat(user=ASK, assistant=WHOLE + "\n4.4 Sign in the BMR."),
    ]
    BAD = [
        broken(WHOLE + "\n4.4 Hand the BMR to QA.\n\n5.0 Abbreviations:\nQA: Quality Assurance"),
        broken(
            WHOLE + "\n4.4 Hand the BMR and ECN to QA.\n\n5.0 Abbreviations:\nQA: Quality Assurance",
            options={"known": ["BMR"]},
        ),
    ]

    known: Annotated[tuple[str, ...], option("Abbreviations that need no definition.")] = ()

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        lists = [(head, below) for head, below in sop.sections() if role_of(heading_of(head)) == "abbreviations"]
        if not lists:
            return
        listed = " ".join([line.text for _, below in lists for line in below] + [inline(head) for head, _ in lists])
        seen = {
            *re.findall(r"\b[A-Z][A-Za-z&/]{0,3}[A-Z]\w*\b", listed),
            *re.findall(r"\(([A-Z][A-Za-z]{1,7})\)", turn.text),
            *self.known,
            *_PLAIN_WORDS,
        }
        own = {line.start for head, below in lists for line in (head, *below)}
        for line in sop.lines:
            if line.start in own or line.rest.isupper() or TITLE.match(line.text):
                continue
            behind = line.text.find(":") if line.section else 0
            for found in _SHORT.finditer(line.text, max(0, behind)) if behind >= 0 else ():
                word = found.group()
                if word not in seen and word.rstrip("s") not in seen:
                    seen.add(word)
                    yield turn.flag(
                        f"{word} is not in the list of abbreviations",
                        (line.start + found.start(), line.start + found.end()),
                    )


_SHORT = compiled_later(r"(?<![\w'’\"‘“/.-])[A-Z]{3,6}(?![\w'’\"”/-])")
_PLAIN_WORDS = frozenset(
    "SOP SOPS OFF NOT AND MUST NEVER ALWAYS STOP START CLEAN NOTE ONLY ALL ANY YES PDF USB HTML XML CSV JSON URL WARNING DANGER TITLE OPEN CLOSE LOCK READY "
    "RESET ALARM AUTO RUN UP DOWN HIGH LOW PASS FAIL TEST DATE NAME THE FOR III VII VIII XII LED LCD PPE ISO HEPA".split()
)  # fmt: skip

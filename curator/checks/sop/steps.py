"""The wording of steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from curator.checks.sop.procedure import ASK, PLAIN, PROCEDURE, WHOLE, Sop, SopRule, broken, heading_of
from curator.model import Flag, Turn
from curator.rule import chat, option
from curator.sop.roles import role_of
from curator.sop.verbs import is_order
from curator.text.patterns import compiled_later


class StepNotImperative(SopRule, frozen=True):
    """A step among orders is none: it does not say what to do.

    Steps are learnt by their form. A heading, a remark or a scrap of another text that is numbered like a
    step teaches the model to number such things.
    """

    code = "SOP009"
    severity = "info"
    GOOD = [
        chat(user=ASK, assistant=WHOLE + "\n4.4 Wipe it dry.\n4.5 The bowl shall be covered."),
        PLAIN,
        chat(user=ASK, assistant=WHOLE.replace("Switch the mixer off", "Der Mixer")),
    ]
    BAD = [broken(WHOLE + "\n4.4 Wipe it dry.\n4.5 Cover it.\n4.6 Lovely clean bowls everywhere.")]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for head, below in sop.sections():
            steps = [line for line in below if line.label.count(".") == 1]
            orders = {line.start for line in steps if is_order(line.rest)}
            if role_of(heading_of(head)) != "procedure" or len(steps) < 5 or len(orders) < 0.8 * len(steps):
                continue
            for line in steps:
                if (
                    line.start not in orders
                    and not _MODAL.search(line.rest)
                    and len(line.rest.split()) >= 3
                    and line.rest[-1] not in ":?"
                ):
                    yield turn.flag("does not say what to do", line.span)


_MODAL = compiled_later(
    r"\b(?:shall|must|should|will|is|are|was|be|been|can|may|need(?:s|ed)?|has|have|to|if|when|after|before|until|while|for|not)\b|\w(?:s|ed)\b\s+(?:the|a|an|to|in|on|by)\b",
    re.I,
)


class StepTooLong(SopRule, frozen=True):
    """A step is a long paragraph.

    A step that holds several actions cannot be checked off, and whoever follows it loses the place. The
    model learns to write the same walls of text.
    """

    code = "SOP010"
    severity = "info"
    GOOD = [PROCEDURE, PLAIN]
    BAD = [
        broken(WHOLE + "\n4.4 " + " ".join(["Wipe every part of the bowl with a dry cloth."] * 14)),
        broken(WHOLE, options={"max_words": 3}),
    ]

    max_words: Annotated[int, option("Words a step may have.", ge=1)] = 120

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for head, below in sop.sections():
            if role_of(heading_of(head)) == "procedure":
                for line in below:
                    count = len(line.rest.split())
                    if "." in line.label and count > self.max_words:
                        yield turn.flag(f"a step of {count} words", line.span, evidence={"words": count})
                        break

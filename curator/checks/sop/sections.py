"""What sections a procedure has, and what stands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from curator.checks.sop.procedure import (
    ASK,
    HEADER,
    PLAIN,
    PROCEDURE,
    STEPS,
    WHOLE,
    Sop,
    SopRule,
    broken,
    heading_of,
    inline,
    roles_of,
)
from curator.model import Flag, Turn
from curator.rule import chat, option
from curator.sop.roles import role_of

_PROFILES = {
    "gmp": ("objective", "scope", "responsibility", "procedure"),
    "lab": ("objective", "materials", "safety", "procedure"),
    "runbook": ("procedure",),
}


class MissingSection(SopRule, frozen=True):
    """A section that every procedure of its kind has is missing.

    The model learns the frame of a procedure from every row alike. Where some rows lack the scope or the
    responsibilities, so will some of the procedures it writes, and those do not pass a review.
    """

    code = "SOP001"
    GOOD = [
        PROCEDURE,
        PLAIN,
        chat(
            user="A pod restarts. What now?",
            assistant="Title: Pod Restarts\n\n1.0 Meaning: A pod restarts often.\n\n2.0 Mitigation:\n2.1 Read the log.\n2.2 Roll back.\n2.3 Watch.",
        ),
    ]
    BAD = [
        broken(HEADER.replace("2.0 Scope: All mixers in hall 2.\n\n3.0", "2.0") + STEPS.replace("4.", "3.")),
        broken(WHOLE, options={"profile": "lab"}),
    ]

    profile: Annotated[
        Literal["auto", "gmp", "lab", "runbook"],
        option("Sections to expect. auto: those of gmp or lab, of answers that have most of them already."),
    ] = "auto"

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        if self.profile == "auto" and _PART.search(asked):
            return
        roles = {role_of(heading_of(line)) for line in sop.lines if line.label or line.section}
        wanted = _PROFILES[self.profile] if self.profile != "auto" else _expected(roles_of(sop))
        missing = [role for role in wanted if role not in roles]
        if missing:
            yield turn.flag(f"no section for {' and '.join(missing)}", evidence={"missing": missing})


_PART = re.compile(r"\b(?:part|parte|teil|partie) \d+ |\bsections? of\b|\b(?:apartado|abschnitt)\b", re.I)


def _expected(roles: set[str]) -> tuple[str, ...]:
    """The sections of the kind of procedure it looks like: two of a GMP frame's head, or three of a laboratory's."""
    if len(roles & {"objective", "scope", "responsibility"}) >= 2:
        return _PROFILES["gmp"]
    if len(roles & set(_PROFILES["lab"])) >= 3:
        return _PROFILES["lab"]
    return ()


class EmptySection(SopRule, frozen=True):
    """A section has a heading and nothing under it.

    The heading promises what the model then learns to leave out. Pages lose such text when it is drawn by a
    script, kept in a picture or cut off by the extraction.
    """

    code = "SOP003"
    GOOD = [
        PROCEDURE,
        PLAIN,
        chat(user=ASK, assistant=WHOLE + "\n\n5.0 Release:\n\n5.1 Check: The shift leader looks at the bowl."),
    ]
    BAD = [broken(WHOLE.replace("Scope: All mixers in hall 2.", "Scope:"))]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for head, below in sop.sections():
            after = turn.text[head.span[1] :].lstrip()
            if (
                not below
                and not inline(head)
                and not after.startswith(("```", "~~~"))
                and len(heading_of(head).split()) <= 8
            ):
                yield turn.flag(f"nothing stands under {heading_of(head)!r}", head.span)


class TooFewSteps(SopRule, frozen=True):
    """The procedure has hardly any steps.

    What makes an SOP is its steps. One that stops after two is the summary of a procedure, or the
    beginning of one that was cut off, and trains the model to be as brief.
    """

    code = "SOP004"
    GOOD = [PROCEDURE, PLAIN]
    BAD = [
        broken(HEADER + "4.0 Procedure:\n4.1 Clean the mixer."),
        broken(WHOLE, options={"min_steps": 4}),
    ]

    min_steps: Annotated[int, option("Steps a procedure has at least.", ge=1)] = 3

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        found = [(head, below) for head, below in sop.sections() if role_of(heading_of(head)) == "procedure"]
        steps = sum(len(below) + bool(inline(head)) for head, below in found)
        words = sum(len(line.text.split()) for _, below in found for line in below)
        if found and 0 < steps < self.min_steps and words < 40 * self.min_steps and "```" not in turn.text:
            yield turn.flag(
                f"a procedure of {steps} step{'s' * (steps > 1)}", found[0][0].span, evidence={"steps": steps}
            )

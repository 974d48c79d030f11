"""Whether the title is what was asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.checks.sop.procedure import PLAIN, PROCEDURE, WHOLE, Sop, SopRule
from curator.model import Flag, Turn
from curator.rule import Bad, chat


class TitleMismatch(SopRule, frozen=True):
    """The title is about something else than the prompt asks for.

    Two rows were mixed up, or the answer belongs to another prompt. The model learns that the subject
    of a request does not matter.
    """

    code = "SOP005"
    GOOD = [
        PROCEDURE,
        PLAIN,
        chat(user="Write an SOP for how we wash mixers.", assistant=WHOLE),
        chat(user="Please go on.", assistant=WHOLE),
    ]
    BAD = [Bad(chat(user="Write an SOP for handling customer complaints.", assistant=WHOLE), at="messages[1].content")]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        wanted = _TOPIC.search(asked)
        if not sop.title or not wanted or len(asked) > 300:
            return
        ours, theirs = _stems(sop.title), _stems(wanted[1])
        if len(ours) >= 2 and len(theirs) >= 2 and not ours & theirs and not _stems(asked) & ours:
            start = turn.text.index(sop.title)
            yield turn.flag(f"the prompt asks for {wanted[1].strip(' .?')!r}", (start, start + len(sop.title)))


_TOPIC = re.compile(
    r"\b(?:SOP|(?:standard\s+)?(?:operating\s+)?procedure|protocol|runbook)\b[^.\n]*?\b(?:for|on|covering|about)\s+([^.?\n]{4,150})",
    re.I,
)
_COMMON = frozenset(
    "the a an and or of for in on to with from by at how we our your sop procedure standard operating process cleaning operation using use handling company".split()
)


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[^\W\d_]{3,}", text.lower()) if word not in _COMMON}

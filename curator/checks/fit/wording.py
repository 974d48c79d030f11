"""TPL009, TPL010: what the template says otherwise than the row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from curator.checks.fit.added import injected
from curator.checks.fit.bases import TemplateRule, TemplateSetRule
from curator.checks.fit.facts import INJECTED
from curator.checks.fit.looks import Look, quoted
from curator.model import Flag
from curator.rule import Bad, chat
from curator.templates import prepared


class ContentTrimmed(TemplateRule, frozen=True):
    """The template strips white space that belongs to the answer.

    Many templates trim what they write. The indent of the first line of code and blank lines at the ends go,
    and the model is trained on something else than what the row says.
    """

    code = "TPL010"
    severity = "info"
    GOOD = [
        chat(user="Go on:\ndef f():", assistant="    return 1"),
        chat(user="What is 2+2?", assistant="4 "),
    ]
    BAD = [
        Bad(
            chat(user="Go on:\ndef f():", assistant="    return 1"),
            at="messages[1].content",
            options={"template": "llama-3"},
        )
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        for key in look.seen.stripped:
            turn, text = look.turn_of(key), look.text_of(key)
            lead = len(text) - len(text.lstrip())
            if turn.role != "assistant" or not _INDENT.search(text[:lead]):
                continue
            message = f"{look.template.name} strips the indent of the first line"
            yield turn.flag(message, (0, lead) if not turn.pieces else None, evidence={"lost": text[:lead]})


_INDENT = re.compile(r"(?:^|\n)(?: {2}|\t)[ \t]*+$")


class DefaultSystemAdded(TemplateSetRule, frozen=True):
    """The template puts in a system prompt of its own.

    Rows without a system turn are trained with that text before them. The model has to be used with the same
    one, and where it holds the date of the day no two runs see the same text.
    """

    code = "TPL009"
    severity = "info"
    bit = INJECTED
    GOOD = [[chat(user="What is 2+2?", assistant="4")], [chat(system="Be brief.", user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [
                chat(system="Be brief.", user="What is 2+2?", assistant="4"),
                chat(user="What is 2+2?", assistant="4"),
                chat(user="What is 3+3?", assistant="6"),
            ],
            at="1:",
            options={"template": "qwen2.5"},
        ),
        Bad([chat(user="What is 2+2?", assistant="4")], at="0:", options={"template": "gpt-oss"}),
    ]

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        text = injected(look.seen.layout, look.template) if look.seen.layout else ""
        dated = look.template.dated(prepared(look.said.messages))
        message = f"{look.template.name} puts in a text of its own{', with the date of the day' if dated else ''}"
        return "", message, {"added": quoted(text), "dated": dated}

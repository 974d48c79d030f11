"""TPL005, TPL014: what becomes of reasoning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from curator.checks.fit.bases import TemplateRule, TemplateSetRule, last_answer
from curator.checks.fit.facts import EMPTY
from curator.checks.fit.looks import Look, quoted
from curator.checks.fit.lost import only_thought_lost
from curator.formats.turns import REASONING_KEYS
from curator.model import Flag, Turn
from curator.paths import get, join
from curator.rule import Bad, chat
from curator.templates import SPOKEN, thoughts


class ReasoningLost(TemplateRule, frozen=True):
    """The reasoning of an answer is not in what the template renders.

    Templates of reasoning models cut what stands before `</think>` out of answers, since a conversation goes
    on without it; some cut it out of the last answer too, and most know no field for it. A set made to teach
    reasoning then trains on bare answers.
    """

    code = "TPL005"
    severity = "error"
    GOOD = [chat(user="What is 2+2?", assistant="<think>Two and two.</think>It is 4.")]
    BAD = [
        Bad(
            chat(user="What is 2+2?", assistant="<think>Two and two.</think>It is 4."),
            at="messages[1].content",
            options={"template": "deepseek-r1"},
        ),
        Bad(
            {"messages": [{"role": "user", "content": "What is 2+2?"},
                          {"role": "assistant", "content": "It is 4.", "reasoning_content": "Two and two."}]},
            at="messages[1].reasoning_content",
            options={"template": "phi-4"},
        ),
    ]  # fmt: skip

    def judge(self, look: Look) -> Iterator[Flag]:
        last = max((n for n, turn in enumerate(look.said.turns) if turn.role == "assistant"), default=-1)
        for key in look.seen.lost:
            turn, text = look.turn_of(key), look.text_of(key)
            lost, span = text, None
            if key[1] not in SPOKEN:
                continue
            if key[1] == "content":
                if not only_thought_lost(look, key):
                    continue
                gone = [(low, high) for low, high in thoughts(text) if text[low:high].strip() not in look.seen.text]
                if not gone:
                    continue
                span = gone[0] if not turn.pieces else None
                lost = text[slice(*gone[0])]
            where = "" if key[0] == last else " of an earlier answer"
            message = f"the reasoning{where} is not in what {look.template.name} renders"
            evidence = {"lost": quoted(lost.strip()), "last": key[0] == last}
            if key[1] != "content" and (at := _field_of(look, turn, text)):
                yield Flag(at, message, (0, len(text)), evidence=evidence)
            else:
                yield turn.flag(message, span, evidence=evidence)


def _field_of(look: Look, turn: Turn, text: str) -> str:
    """Where the reasoning stands that has a field of its own in the message; "" where it has none."""
    said = get(look.example.value, turn.base) if turn.base else None
    names = [key for key in REASONING_KEYS if said.get(key) == text] if type(said) is dict else []
    return join(turn.base, names[0]) if names else ""


class EmptyThinkAdded(TemplateSetRule, frozen=True):
    """The template puts an empty think block into answers that have no reasoning.

    The model is trained not to think: a few hundred such rows undo what made it a reasoning model. Use the
    variant of the template without thinking, or mask the block.
    """

    code = "TPL014"
    bit = EMPTY
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [
                chat(user="What is 2+2?", assistant="<think>Two and two.</think>4"),
                chat(user="What is 3+3?", assistant="6"),
            ],
            at="1:messages[1].content",
            options={"template": "qwen3"},
        )
    ]

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        message = f"{look.template.name} puts an empty think block before answers without reasoning"
        return last_answer(look), message, {}

"""TPL008, TPL015, TPL019: whether a trainer can tell the answers from the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import numpy as np

from curator import targets
from curator.checks.fit.bases import TemplateName, TemplateSetRule, last_answer
from curator.checks.fit.facts import FOREIGN, UNMASKED, UNPREFIXED, UNTRAINED, untrained
from curator.checks.fit.looks import Look
from curator.columns import Rows
from curator.model import Flag
from curator.rule import Bad, chat, option
from curator.templates import prepared


class PromptNotAPrefix(TemplateSetRule, frozen=True):
    """What the model is asked with does not begin what it is trained on.

    A mask that covers the rendered prompt, as most trainers set it, then ends at the wrong place, and the
    model is trained on a context it never meets in use.
    """

    code = "TPL008"
    bit = UNPREFIXED
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [chat(user="What is 2+2?", assistant="4"), chat(user="What is 3+3?", assistant="6")],
            at="0:messages[1].content",
            options={"template": "deepseek-r1"},
        )
    ]

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        layout = look.seen.layout
        n = layout.unprefixed[-1] if layout else 0
        prompt = look.template.render(prepared(look.said.messages)[:n], look.said.tools, generation=True)
        parted = next((i for i, (a, b) in enumerate(zip(prompt, look.seen.text, strict=False)) if a != b), len(prompt))
        evidence = {"prompt": prompt[parted : parted + 60], "trained": look.seen.text[parted : parted + 60]}
        message = (
            f"the prompt that {look.template.name} renders is no prefix of the training text: masks set by it are wrong"
        )
        return look.said.turns[n].path, message, evidence


class NoLossMask(TemplateSetRule, frozen=True):
    """The template gives no way to train on the answers alone.

    It marks no answers with `{% generation %}`, and the rendered prompt does not begin the training text, so
    that neither of the usual masks can be set. Trainers then fail, or train on the prompts as well. Or it has such
    blocks, and they leave answers out: a trainer that goes by them never trains on these.
    """

    code = "TPL015"
    bit = UNMASKED | UNTRAINED
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [chat(user="What is 2+2?", assistant="4")],
            at="0:messages[1].content",
            options={"template": "deepseek-r1"},
        )
    ]

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        if left := untrained(look):
            many = sum(turn.role == "assistant" for turn in look.said.turns)
            which = f"{len(left)} of {many} answers" if len(left) < many else "every answer"
            message = (
                f"the {{% generation %}} blocks of {look.template.name} leave out {which}: a trainer that goes by them, "
                "as TRL with assistant_only_loss, does not train on what stands outside; put one around each answer"
            )
            return left[0].path, message, {"untrained": len(left), "answers": many}
        message = f"{look.template.name} marks no answers, and its prompts are no prefixes: answers cannot be masked"
        return last_answer(look), message, {}


class ForeignRoles(TemplateSetRule, frozen=True):
    """The template writes the answers under roles by which no answer is known, or refuses these roles.

    A template that prints any role it is given prints `human` and `gpt` too: nothing is lost, but trainers
    that mask by role find no answer to train on, and the model is later asked in other words than it learnt.
    A strict template stops the run. Trainers differ in whether they rename such roles before they render:
    where the target does, nothing is found.
    """

    code = "TPL019"
    severity = "error"
    bit = FOREIGN
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [{"conversations": [{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "It is 4."}]}],
            at="0:conversations[1].value",
            options={"template": "chatml", "target": "trl"},
        ),
        Bad(
            [{"conversations": [{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "It is 4."}]}],
            at="0:conversations[1].value",
            options={"template": "gemma-3"},
        ),
    ]

    template: TemplateName = "qwen2.5"
    target: Annotated[str, option("Who renders the rows: some rename the roles first; `--target` sets it.")] = ""

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        if not (self.target and targets.load(self.target).renames):
            yield from super().check(sketches, rows)

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        roles = sorted({turn.said for turn in look.said.turns})
        does = f"writes the roles as {', '.join(roles)}: by these no trainer knows an answer"
        if look.refused:
            does = f"refuses the roles {', '.join(roles)}: {look.refused}"
        who = "trainers that rename them (LLaMA-Factory, axolotl) go on, TRL does not"
        if self.target:
            who = f"{targets.load(self.target).title} does not rename them"
        message = f"{look.template.name} {does}; {who}; rename them: curator convert FILE --to openai-chat -o OUT"
        return last_answer(look), message, {"roles": roles, "error": look.refused}

"""TPL007, TPL012, TPL016: the tokens at both ends of a text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from curator.checks.fit.bases import Fit, TemplateRule, TemplateSetRule, last_answer
from curator.checks.fit.facts import UNCLOSED
from curator.checks.fit.looks import Look, looks
from curator.checks.template import brings_its_template
from curator.columns import Batch
from curator.model import Example, Flag
from curator.rule import Bad, chat
from curator.templates import UNTEMPLATED, Template, load


class DoubleBos(TemplateRule, frozen=True):
    """The text begins with the beginning-of-text token twice.

    The model never saw that in its pre-training, and it is seldom what it is asked with later. It comes about
    where a row was rendered with a template beforehand, and template or tokenizer write the token again.
    """

    code = "TPL012"
    GOOD = [
        chat(user="What is 2+2?", assistant="4"),
        {"text": "<s>[INST] What is 2+2? [/INST] 4</s>"},
    ]
    BAD = [
        Bad(
            {"text": "<s>[INST] What is 2+2? [/INST] 4</s>"},
            at="text",
            options={"template": "mistral-v3"},
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        bos, seen = load(self.template).bos, batch.memo(Fit(self.template))
        bare = {i for i in seen.rows if bos and _begins(batch.example(i), bos)}
        return sorted({*seen.odd, *bare})

    def check(self, example: Example) -> Iterator[Flag]:
        yield from self._bare(example)
        yield from super().check(example)

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        rows = batch.memo(Fit(self.template)).rows
        for index in self.candidates(batch):
            for flag in (*self._bare(batch.example(index)), *self._judged(rows[index])):
                yield index, flag

    def _bare(self, example: Example) -> Iterator[Flag]:
        """A text without turns that brings the token along, where the tokenizer puts one before each text."""
        template = load(self.template)
        if not template.bos or not _begins(example, template.bos):
            return
        if template.adds_bos is False or not _writes_bos(template):
            return
        who = "the tokenizer writes one" if template.adds_bos else "the tokenizer writes one as a rule"
        turn = example.turns[0]
        yield turn.flag(f"the text begins with {template.bos}, and {who} before it", (0, len(template.bos)))

    def judge(self, look: Look) -> Iterator[Flag]:
        bos, turns = look.template.bos, look.said.turns
        if bos and look.seen.text.startswith(bos * 2):
            at = next((turn for turn in turns if turn.text.lstrip().startswith(bos)), turns[0])
            yield at.flag(
                f"what {look.template.name} renders begins with {bos} twice", evidence={"rendered": look.seen.text[:80]}
            )


def _begins(example: Example, bos: str) -> bool:
    turns = example.turns
    if not turns or not turns[0].text.startswith(bos):
        return False
    return example.shape in UNTEMPLATED or brings_its_template(example)


def _writes_bos(template: Template) -> bool:
    """Whether the model is used to the token: a template that writes it belongs to a tokenizer that has it."""
    return bool(template.adds_bos) or "bos_token" in template.text() or template.bos in template.text()


class EndOfTurnMissing(TemplateSetRule, frozen=True):
    """The training text does not end with the token that closes the last answer.

    Either the template puts none there: in rows of one exchange the model then never sees the token it has to stop
    with, and runs on when it is used. Or it marks with `{% generation %}` what is trained on, and the part ends
    before that token: trainers that go by the marks leave it out of the loss, with the same end. Or it opens another
    turn behind it, as it should in a request alone: trainers take the loss on that too, and the model learns to go on.
    """

    code = "TPL007"
    severity = "error"
    bit = UNCLOSED
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad([chat(user="What is 2+2?", assistant="4")], at="0:messages[1].content", options={"template": "glm-4"}),
    ]

    def say(self, look: Look) -> tuple[str, str, dict[str, Any]]:
        name, layout = look.template.name, look.seen.layout
        if layout is not None and layout.unended:
            message = (
                f"{name} marks the answers as trained without what closes them: where a trainer goes by its "
                "{% generation %} blocks, as TRL with assistant_only_loss, the model never learns to stop; end the "
                "block behind the closing token"
            )
        elif layout is not None and layout.opens:
            ends = "without an end, and goes" if layout.unclosed else "and goes"
            message = (
                f"{name} writes the last answer {ends} on with {layout.opens!r}, which opens another turn: the model "
                "learns to go on where it should stop; write that only where add_generation_prompt is true"
            )
        else:
            message = f"nothing closes the last answer in what {name} renders: the model never learns to stop"
        return last_answer(look), message, {"rendered": look.seen.text[-80:]}


class PadIsEos(TemplateSetRule, frozen=True):
    """The tokenizer pads with its end-of-text token.

    Collators that leave padding out of the loss by its number leave every end-of-text token out, that of the
    answers included: the model does not learn to stop.
    """

    code = "TPL016"
    needs = "model"
    GOOD = [[chat(user="What is 2+2?", assistant="4")]]
    BAD = [
        Bad(
            [chat(user="What is 2+2?", assistant="4"), chat(user="What is 3+3?", assistant="6")],
            at="0:",
            options={"template": "smollm2"},
        )
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """1 for the lines with a row; shape (lines,), uint8."""
        found = np.zeros(len(batch.lines), dtype=np.uint8)
        template = load(self.template)
        if template.eos and template.tokens.get("pad_token") == template.eos:
            found[batch.readable] = 1
        return found

    def told(self, example: Example) -> tuple[str, str, dict[str, Any]]:
        template = load(self.template)
        ends = any(look.seen.text.rstrip().endswith(template.eos) for look in looks(example, self.template))
        what = "which also ends the answers" if ends else "though the answers end with another token"
        return "", f"the padding token is the end-of-text token {template.eos}, {what}", {"token": template.eos}

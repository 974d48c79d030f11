"""Weights: those that are none, and rows in which nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from curator.checks.schema.rows import ASKED, HELLO, TOOLS, answer, kind, messages
from curator.columns import Batch
from curator.model import Example, Flag, Turn
from curator.rule import Bad, RowRule, chat


class BadWeight(RowRule, frozen=True):
    """A loss weight that is none: neither 0 nor 1, of the wrong type, or negative.

    Weights choose what is trained: a service refuses the row, and a trainer that only tests for
    zero trains what was meant to be left out.
    """

    code = "SCH009"
    severity = "error"
    structural = True
    exempt = frozenset({"llama-factory-v1"})  # its weights are any amount
    GOOD = [TOOLS, {**HELLO, "weight": 0.5}, answer(weight=None), answer(loss_weight=0.5)]
    BAD = [
        Bad(answer(weight=2), at="messages[1].weight"),
        Bad(answer(weight="1"), at="messages[1].weight"),
        Bad(answer(train="no", loss_weight=-1), at=("messages[1].loss_weight", "messages[1].train")),
        Bad({**HELLO, "weight": -1}, at="weight"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape == "openai-chat" and (item := example.value.get("weight")) is not None and not _amount(item):
            yield Flag("weight", f"{kind(item)} as the weight of the row: a number from 0 on belongs here")
        for _, message, base in messages(example):
            item = message.get("weight")
            if item is not None and (not _amount(item) or item not in (0, 1)):
                yield Flag(f"{base}.weight", f"{kind(item)} as a weight: only 0 and 1 are known")
            item = message.get("loss_weight")
            if item is not None and not _amount(item):
                yield Flag(f"{base}.loss_weight", f"{kind(item)} as a weight: a number from 0 on belongs here")
            item = message.get("train")
            if item is not None and type(item) is not bool:
                yield Flag(f"{base}.train", f"{kind(item)} where true or false belongs")


def _amount(item: Any) -> bool:
    return type(item) in (int, float) and 0 <= item < float("inf")


class NothingTrained(RowRule, frozen=True):
    """The row has answers, and none of them is trained.

    With weight 0 on every answer the row costs time and memory and teaches nothing; where all rows
    of a batch are so, the loss is 0/0 and the run ends in "nan".
    """

    code = "SCH010"
    severity = "error"
    GOOD = [TOOLS, {"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}, answer(content=""), chat(user="Hi")]
    BAD = [
        Bad(answer(weight=0), at=""),
        Bad({"conversations": [ASKED, {"from": "gpt", "value": "Hello.", "train": False}]}, at=""),
        Bad({**HELLO, "weight": 0}, at="weight"),
        Bad({"input_ids": [1, 2, 3], "labels": [-100, -100, -100]}, at="labels"),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows of a structure that is flagged (weights are part of it), and rows of token ids."""
        found = batch.rows_of_flagged_structure(self)
        ids = [i for i in batch.readable if batch.example(i).shape == "tokenized"]
        return sorted({*found, *ids}) if ids else found

    def check(self, example: Example) -> Iterator[Flag]:
        value = example.value
        if example.shape == "tokenized":
            labels = value.get("labels")
            if type(labels) is list and labels and all(label == -100 for label in labels):
                yield Flag("labels", "every label is -100: no token is trained")
            return
        if example.shape == "openai-chat" and value.get("weight") in (0, 0.0) and type(value["weight"]) is not bool:
            yield Flag("weight", "the row has weight 0: nothing of it is trained")
            return
        answers = example.answers
        idle = [turn for turn in answers if turn.weight == 0]
        if idle and not any(turn.weight != 0 and _says(turn) for turn in answers):
            yield Flag("", "every answer has weight 0: nothing of the row is trained")


def _says(turn: Turn) -> bool:
    return bool(turn.text.strip() or turn.calls or turn.media or turn.reasoning)

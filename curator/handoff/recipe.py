"""What is to be trained and how, in one vocabulary: each tool's page says how its own settings are named."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

Method = Literal["lora", "qlora", "dora", "rslora", "full"]
METHODS: tuple[Method, ...] = ("lora", "qlora", "dora", "rslora", "full")


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a run that all trainers share.

    `learning_rate`, `weight_decay`, `warmup` (a share of the steps) and `dropout` are as in the optimiser's and
    LoRA's papers; `alpha` / `rank` is LoRA's scale (`alpha` / √rank with rsLoRA); `max_length` is in tokens.
    """

    model: str
    method: Method = "lora"
    epochs: float = 3.0
    learning_rate: float = 2e-4
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.05
    batch: int = 8
    accumulation: int = 1
    max_length: int = 2048
    warmup: float = 0.03
    weight_decay: float = 0.0
    seed: int = 0

    @property
    def adapts(self) -> bool:
        """Whether an adapter is trained, and not the model's own weights."""
        return self.method != "full"

    @property
    def scale(self) -> float:
        """The factor of an adapter's output."""
        return self.alpha / (math.sqrt(self.rank) if self.method == "rslora" else self.rank)

    def warmup_steps(self, rows: int) -> int:
        """Updates of the optimiser during which the learning rate grows."""
        return round(self.warmup * self.epochs * rows / (self.batch * self.accumulation))


class Split(msgspec.Struct, frozen=True):
    """A file of the data: its rows, how many of them have more than one answer, how many an answer of weight 0, and
    how many one that is labelled as bad.

    `answers` are those of all rows, `rows_answered` the rows that have one; `unweighted_last` are rows whose last
    answer has the weight 0.
    """

    name: str
    rows: int
    dialogues: int = 0
    unweighted: int = 0
    bad: int = 0
    answers: int = 0
    rows_answered: int = 0
    unweighted_last: int = 0


class Data(msgspec.Struct, frozen=True):
    """The splits that are handed over, and whether their rows are preference pairs, or texts without turns."""

    splits: tuple[Split, ...]
    preference: bool = False
    texts: bool = False

    def __getitem__(self, name: str) -> Split | None:
        return next((split for split in self.splits if split.name == name), None)

    @property
    def train(self) -> Split:
        found = self["train"]
        assert found is not None, "data without a train split are refused before"
        return found

    @property
    def held_out(self) -> Split | None:
        """The split that is looked at while training."""
        return self["valid"]

    @property
    def unweighted(self) -> int:
        return sum(split.unweighted for split in self.splits)

    @property
    def unweighted_last(self) -> int:
        return sum(split.unweighted_last for split in self.splits)

    @property
    def dialogues(self) -> int:
        return sum(split.dialogues for split in self.splits)

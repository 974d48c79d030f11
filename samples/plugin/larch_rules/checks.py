"""Two rules in Python: one judges a row, the other the set."""

import re
from collections.abc import Iterator
from typing import Annotated

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Example, Fix, Flag
from curator.rule import Bad, DatasetRule, RowRule, chat, option

_OLD = re.compile("pinewire", re.I)  # places are those of the text: text.lower() may have more characters


class OldBrand(RowRule, frozen=True):
    """An answer uses the name the company gave up.

    Customers were told the new name in 2024: a model tuned on old tickets would go on using the old one.
    """

    code = "LRC001"
    literals = ("pinewire",)
    GOOD = [chat(user="Who are you?", assistant="We are Larch Networks.")]
    BAD = [
        Bad(
            chat(user="Who are you?", assistant="We are Pinewire."),
            at="messages[1].content",
            fixed=chat(user="Who are you?", assistant="We are Larch Networks."),
        ),
        Bad(
            chat(user="Who are you?", assistant="We are PINEWIRE."),
            at="messages[1].content",
            fixed=chat(user="Who are you?", assistant="We are Larch."),
            options={"new": "Larch"},
        ),
        Bad(
            chat(user="Who is in İzmir?", assistant="In İzmir it is Pinewire."),
            at="messages[1].content",
            fixed=chat(user="Who is in İzmir?", assistant="In İzmir it is Larch Networks."),
        ),
    ]

    new: Annotated[str, option("The name to write in its place.", min_length=1)] = "Larch Networks"

    def check(self, example: Example) -> Iterator[Flag]:
        for turn in example.answers:
            if found := _OLD.search(turn.text):
                fix = Fix(f"write {self.new}", (turn.edit(*found.span(), self.new),))
                yield turn.flag("the company has another name now", found.span(), fix=fix)


class ThanklessSet(DatasetRule, frozen=True):
    """Hardly any answer of the set thanks the customer.

    The tone of the desk is learnt from the set as a whole: where nobody says thank you, the model will not.
    """

    code = "LRC002"
    severity = "info"
    GOOD = [[chat(user=f"Case {n}?", assistant="Thank you for asking. It is done.") for n in range(4)]]
    BAD = [
        Bad([chat(user=f"Case {n}?", assistant=f"Case {n} is done.") for n in range(4)], at="0:"),
        Bad(
            [chat(user=f"Case {n}?", assistant="Thank you." if n else "It is done.") for n in range(4)],
            at="0:",
            options={"least": 0.9},
        ),
    ]

    least: Annotated[float, option("The share of rows that should thank.", gt=0, le=1)] = 0.1

    def sketch(self, batch: Batch) -> np.ndarray:
        thanks = np.zeros(len(batch.lines), dtype=np.uint8)
        for line in batch.readable:
            thanks[line] = 1 + any("thank you" in turn.text.lower() for turn in batch.example(line).answers)
        return thanks

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        known = np.flatnonzero(sketches)
        share = float(np.mean(sketches[known] == 2)) if len(known) else 1.0
        if share < self.least:
            said = f"{share:.0%} of the answers thank the customer, {self.least:.0%} should"
            yield int(known[0]), Flag("", said, evidence={"share": round(share, 4)})

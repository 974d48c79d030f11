"""CON005: answers that gain nothing from their prompt, as a training run measured them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Flag
from curator.packs import rules_dir
from curator.rowfacts import facts_file, read_facts
from curator.rule import Bad, DatasetRule, chat, option

_MOST, _MANY = 0.5, 10  # above this share, of so many answers, the fault is not with single rows
_ROOM = 20.0  # nats of an answer without its prompt: of a shorter one ("Yes.") no prompt can take much away
_EXAMPLE = "example-facts.jsonl"  # ships with curator, for the examples below

_EGGS = "Fold in the egg whites and bake for ten minutes."


class AnswerOfAnotherRow(DatasetRule, frozen=True):
    """An answer is no likelier after its prompt than without it.

    A model expects a fitting answer far more once it has read the question. Where it does not, the answer may
    belong to another row: columns shifted against each other, answers shuffled on the way. Training on it
    teaches to pass over the question. `curator train run` measures it with the model as it comes: the gain is
    the logarithm of how many times likelier the prompt makes the answer. Where most answers gain nothing, that is
    told once: they are shifted as a whole, or the model cannot read them (another language, random weights).
    """

    code = "CON005"
    needs = "facts"
    GOOD = [
        [chat(user="What is 2+2?", assistant="4"), chat(user="How long is the Rhine?", assistant="About 1,230 km.")]
    ]
    BAD = [
        Bad(
            [chat(user="How long is the Rhine?", assistant=_EGGS), chat(user="What is 2+2?", assistant="4")],
            at="0:messages[1].content",
            options={"facts": _EXAMPLE},
        ),
        Bad(
            [chat(user="How long is the Elbe?", assistant="Thank you for your question, it is a good one.")],
            at="0:messages[1].content",
            options={"facts": _EXAMPLE, "max_gain": 8.0},
        ),
    ]

    facts: Annotated[str, option("The facts of a run: its folder or row_facts.parquet; `--facts` sets it.")] = ""
    max_gain: Annotated[
        float, option("Nats by which the prompt makes the answer likelier; from there down a row is flagged.")
    ] = 2.0

    def files(self) -> tuple[str, ...]:
        return (str(_file(self.facts)),) if self.facts else ()

    def sketch(self, batch: Batch) -> np.ndarray:
        """Content ids; shape (lines, 16), uint8."""
        return np.frombuffer(b"".join(batch.content_ids), np.uint8).reshape(-1, 16)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        low, measured = _low(self.facts, self.max_gain)
        if not low:
            return
        most = measured >= _MANY and len(low) > _MOST * measured
        for index in np.flatnonzero(rows.readable).tolist():
            found = low.get(sketches[index].tobytes())
            if found is None:
                continue
            answer = next((turn for turn in reversed(rows.example(index).turns) if turn.role == "assistant"), None)
            if answer is None:
                continue
            bare, gain = found
            message = f"may answer another question: the prompt makes it {_times(gain)}"
            if most:
                message = (
                    f"{len(low):,} of {measured:,} answers gain nothing from their prompt: they are shifted as a whole, "
                    "or the model cannot read them"
                )
            yield index, answer.flag(message, evidence={"gain": round(gain, 2), "loss_without_prompt": round(bare, 2)})
            if most:
                return


def _times(gain: float) -> str:
    if gain <= 0:
        return "less likely"
    return f"only {np.exp(gain):.1f} times likelier"


def _file(name: str) -> Path:
    return rules_dir() / "words" / name if name == _EXAMPLE else facts_file(name)


def _low(name: str, most: float) -> tuple[dict[bytes, tuple[float, float]], int]:
    """(loss of the answer without its prompt, gain), in nats, of the rows that gain at most so much; and how many
    rows have an answer that could gain more."""
    if not name:
        return {}, 0
    file = _file(name)
    return _low_of(str(file), most, file.stat().st_mtime_ns if file.exists() else 0)


@lru_cache(maxsize=4)
def _low_of(name: str, most: float, changed: int) -> tuple[dict[bytes, tuple[float, float]], int]:
    columns = read_facts(name)
    gains, tokens = np.asarray(columns["prompt_gain"], float), np.asarray(columns["trained_tokens"], float)
    bare = np.asarray(columns["loss_without_prompt"], float) * tokens
    room = bare >= _ROOM
    low = np.flatnonzero(room & (gains <= most))
    found = {bytes.fromhex(columns["row"][n]): (float(bare[n]), float(gains[n])) for n in low.tolist()}
    return found, len({columns["row"][n] for n in np.flatnonzero(room).tolist()})

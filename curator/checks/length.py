"""LEN: rows and answers that are too long, or all of one length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np

from curator.columns import ROLE_CODES, Batch, Rows
from curator.model import Example, Flag, Turn
from curator.rule import Bad, DatasetRule, RowRule, chat, option
from curator.tokens import Estimate, Tokenizer


class OverContext(RowRule, frozen=True):
    """The row has more tokens than the context it is trained in.

    What stands behind the limit is cut off in silence, and that is the answer's end: the model learns to
    stop in the middle of a sentence, or the row teaches nothing at all. Of a preference pair the longer
    side counts; tool definitions, tool calls and reasoning count as well, the template's own markers do not.
    """

    code = "LEN001"
    GOOD = [chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")]
    BAD = [
        Bad(
            chat(user="Say it again and again.", assistant="It rains. " * 12),
            at="",
            options={"max_tokens": 20},
        ),
    ]

    max_tokens: Annotated[int, option("Tokens that the context of the model holds.", ge=1)] = 8192

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows with more bytes than tokens allowed: a token is a byte at least."""
        sizes = np.fromiter(map(len, batch.lines), np.int64, len(batch.lines))
        return [
            index
            for index in np.flatnonzero(sizes > self.max_tokens).tolist()
            if (example := batch.examples[index]) and (batch.row_tokens[index] > self.max_tokens or says_more(example))
        ]

    def check(self, example: Example) -> Iterator[Flag]:
        """By an estimate of the tokens; `flags` counts with the tokenizer of the run."""
        return self._judge(example, Estimate())

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        for index in self.candidates(batch):
            for flag in self._judge(batch.example(index), batch.tokenizer):
                yield index, flag

    def _judge(self, example: Example, tokenizer: Tokenizer) -> Iterator[Flag]:
        found = row_length(example, tokenizer)
        if found > self.max_tokens:
            how = "" if tokenizer.exact or tokenizer.name == "estimate" else ", estimate"
            message = f"{found:,} tokens, the context holds {self.max_tokens:,} ({tokenizer.name}{how})"
            yield Flag("", message, evidence={"tokens": found, "limit": self.max_tokens})


def row_length(example: Example, tokenizer: Tokenizer) -> int:
    """Tokens of the row as trained: its turns, tool definitions and calls; of a pair the longer side."""
    sides = [turn_parts(example.turns), turn_parts(example.chosen), turn_parts(example.rejected)]
    sides[0] += map(written, example.tools)
    prompt, chosen, rejected = (sum(tokenizer.count(side)) if side else 0 for side in sides)
    return prompt + max(chosen, rejected)


def turn_parts(turns: Iterable[Turn]) -> list[str]:
    """All that the turns say: texts, reasoning, and the names and arguments of calls."""
    found: list[str] = []
    for turn in turns:
        found += [turn.text, turn.reasoning or ""]
        for call in turn.calls:
            found += [call.name or "", call.raw if call.raw is not None else written(call.arguments)]
    return found


def written(value: Any) -> str:
    """A JSON value as its text; a text as it is."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def says_more(example: Example) -> bool:
    """Whether a row holds what the token counts of its turns leave out."""
    return bool(example.tools) or any(turn.calls or turn.reasoning for turn in example.all_turns())


_SHORT = [chat(user=f"What is {n} times {n}?", assistant=f"{n * n}.") for n in range(2, 6)]
_LONG = chat(user="What is 7 times 7?", assistant="It is 49, as one can count. " * 15)


class LengthOutlier(DatasetRule, frozen=True):
    """The row is many times longer than the rest of the set.

    Such a row is mostly a document, a log or several rows run together. It outweighs hundreds of others
    in the loss, and every batch it stands in is padded to its length.
    """

    code = "LEN004"
    severity = "info"
    GOOD = [_SHORT]
    BAD = [Bad([*_SHORT, _LONG], at="4:", options={"min_rows": 5, "times": 8.0})]

    times: Annotated[float, option("A row is long at this many times the median.", gt=1)] = 20.0
    min_rows: Annotated[int, option("In a set with fewer rows none is judged.", ge=1)] = 100

    def sketch(self, batch: Batch) -> np.ndarray:
        """Nothing: the tokens of the rows are known; shape (lines,), uint8."""
        return np.zeros(len(batch.lines), dtype=np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero(rows.readable & (rows.tokens > 0))
        if len(judged) < self.min_rows:
            return
        tokens = rows.tokens[judged]
        low, median, high = np.quantile(tokens, [0.25, 0.5, 0.75])
        # Lengths are spread evenly on a logarithmic scale: there the usual fence is three ranges wide.
        bar = max(self.times * median, high * (high / low) ** 3)
        for index, found in zip(judged[tokens > bar].tolist(), tokens[tokens > bar].tolist(), strict=True):
            message = f"{found:,} tokens, where half of the rows have no more than {median:,.0f}"
            yield index, Flag("", message, evidence={"tokens": found, "median": float(median)})


class _Cap(NamedTuple):
    """Answers, by their place among those judged, that end at about one length, `low` to `high`."""

    answers: np.ndarray
    cut: int
    low: int
    high: int


_WIDTHS = (1.01, 1.05)  # one tokenizer's 512 tokens are another's 490 to 515
_LEAST = {"tokens": 64, "characters": 200}  # short labels are of one length by nature
_TALE = "The ferry left at nine and the whole crew, tired as they were, sang songs of home until the lights of the "


def _tale(start: int, size: int) -> str:
    return (_TALE * 8)[start : start + size]


class AnswersCapped(DatasetRule, frozen=True):
    """Many answers end at the same length, most of them in the middle of a sentence.

    They were generated with a limit on new tokens or cut to a size. The model learns to stop at that
    length, whatever it has left to say.
    """

    code = "LEN005"
    GOOD = [
        [chat(user=f"Tell tale {n}.", assistant=_tale(n, 300 + 60 * n) + "harbour rose.") for n in range(4)],
        [chat(user=f"Is {n} odd?", assistant="Yes" if n % 2 else "No") for n in range(4)],
    ]
    BAD = [
        Bad(
            [chat(user=f"Tell tale {n}.", assistant=_tale(9 * n, 400)) for n in range(4)] + _SHORT,
            at="0:messages[1].content",
            options={"min_answers": 4},
        )
    ]

    min_answers: Annotated[int, option("Fewer answers of one length are chance.", ge=2)] = 20

    def sketch(self, batch: Batch) -> np.ndarray:
        """(tokens, characters, 1 where it stops in mid-sentence) of each row's last answer, 0 where there
        is none; shape (lines, 3), int64."""
        out = np.zeros((len(batch.lines), 3), dtype=np.int64)
        answers = np.flatnonzero(batch.roles == ROLE_CODES["assistant"])
        if len(answers):
            lines = batch.turn_lines[answers]
            last = answers[np.append(np.diff(lines) != 0, True)]
            texts = [batch.turns[turn].text.rstrip() for turn in last.tolist()]
            at = batch.turn_lines[last]
            out[at, 0] = batch.turn_tokens[last]
            out[at, 1] = np.fromiter(map(len, texts), np.int64, len(texts))
            out[at, 2] = np.fromiter((text[-1:].isalnum() or text[-1:] == "," for text in texts), bool, len(texts))
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero(sketches[:, 0] > 0)
        cut = sketches[judged, 2] > 0
        for width, (column, unit) in product(_WIDTHS, enumerate(("tokens", "characters"))):
            cap = self._cap(sketches[judged, column], cut, _LEAST[unit], width)
            if cap is None:
                continue
            first, *others = judged[cap.answers].tolist()
            size = f"{cap.low:,}" if cap.low == cap.high else f"{cap.low:,} to {cap.high:,}"
            message = (
                f"{len(cap.answers):,} of {len(judged):,} answers end at {size} {unit}, "
                f"{cap.cut:,} of them in the middle of a sentence"
            )
            evidence = {"answers": len(cap.answers), "cut": cap.cut, "low": cap.low, "high": cap.high, "unit": unit}
            at = rows.example(first).answers[-1].path
            yield first, Flag(at, message, related=tuple(others[:20]), evidence=evidence)
            return

    def _cap(self, lengths: np.ndarray, cut: np.ndarray, least: int, width: float) -> _Cap | None:
        """The narrow band of lengths in which cut answers crowd and above which hardly any answer ends."""
        order = np.argsort(lengths, kind="stable")
        lengths, cut = lengths[order], cut[order]
        total = len(lengths)
        starts = np.searchsorted(lengths, lengths / width)  # the band that ends with each length
        cuts = np.concatenate(([0], np.cumsum(cut)))
        ends = np.searchsorted(lengths, lengths, side="right")
        inside = ends - starts
        stopped = cuts[ends] - cuts[starts]
        below = starts - np.searchsorted(lengths, lengths / width**2)  # in the band before
        crowded = (
            (lengths >= least)
            & (inside >= max(self.min_answers, 0.05 * total))
            & (stopped >= 0.7 * inside)
            & (total - ends <= 0.02 * total)
            & (inside >= 4 * below)
        )
        if not crowded.any():
            return None
        best = int(np.argmax(np.where(crowded, stopped, -1)))
        start, end = int(starts[best]), int(ends[best])
        return _Cap(np.sort(order[start:end]), int(stopped[best]), int(lengths[start]), int(lengths[end - 1]))

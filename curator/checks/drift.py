"""SPT: splits that differ, are too small, or are missing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Flag
from curator.neighbours.keys import answer_keys, is_last_answer
from curator.provenance import key_of, said
from curator.rule import Bad, DatasetRule, Files, Row, chat, option

_NAMES = ("train", "valid", "test")
_SHORT = 3  # words of an answer that can be a label
_CERTAIN = 1e-4  # probability that two samples of one source differ as much
_CLASSES = 50  # more values than this are no labels


def _sum(n: int, words: int = 1) -> Row:
    return chat(user=f"What is {n} and {n}? {'Think. ' * words}", assistant=f"{2 * n}. {'So it is. ' * words}")


def _letter(n: int, kind: str) -> Row:
    return {**chat(user=f"Letter {n}: it came late.", assistant=f"We are sorry, {n}."), "label": kind}


_TRAIN = [_sum(n) for n in range(40)]


class SplitDrift(DatasetRule, frozen=True):
    """A held-out split is of another kind than the training data: longer or shorter rows, other labels, other scripts.

    What is measured on it says little about what was trained: the best checkpoint is chosen by rows that
    the model never saw the like of, or by rows that are easier than its work will be.
    """

    code = "SPT005"
    between_splits = True
    GOOD = [
        Files(train=_TRAIN, valid=[_sum(n) for n in range(40, 80)]),
        Files(train=_TRAIN, valid=[_sum(n, 40) for n in range(5)]),
    ]
    BAD = [
        Bad(Files(train=_TRAIN, valid=[_sum(n, 40) for n in range(40, 80)]), at="40:"),
        Bad(
            Files(train=_TRAIN, test=[_sum(n, 40) for n in range(40, 52)]),
            at="40:",
            options={"min_rows": 10},
        ),
        Bad(
            Files(
                train=[_letter(n, "late" if n % 2 else "lost") for n in range(90)],
                valid=[_letter(n, "late" if n % 6 else "lost") for n in range(90, 180)],
            ),
            at="90:",
            options={"difference": 0.2},
        ),
    ]

    difference: Annotated[
        float,
        option(
            "Largest difference of the shares of rows up to a length (Kolmogorov and Smirnov), or half the sum of the "
            "differences of the shares of labels or scripts, that is let pass.",
            gt=0,
            lt=1,
        ),
    ] = 0.35
    min_rows: Annotated[int, option("A split of fewer rows is not compared.", ge=10)] = 30

    def sketch(self, batch: Batch) -> np.ndarray:
        """(key of the label, of the language, of a short answer, script of the row from 1); shape (lines, 4), uint64."""
        out = np.zeros((len(batch.lines), 4), dtype=np.uint64)
        for line in batch.readable:
            if len(batch.values[line]) > 1:
                for item in said(batch.values[line]):
                    if item.kind in _KINDS:
                        out[line, _KINDS.index(item.kind)] = key_of(item.kind, item.value.lower())
        out[:, 2] = _short_answers(batch)
        out[:, 3] = _scripts(batch)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        parts = [np.flatnonzero(rows.readable & (rows.splits == split)) for split in range(len(_NAMES))]
        for split in (1, 2):
            train, held = parts[0], parts[split]
            if min(len(train), len(held)) < self.min_rows:
                continue
            told = [*self._lengths(rows.tokens, train, held), *self._classes(sketches, train, held)]
            if told:
                evidence = {name: round(value, 3) for difference in told for name, value in difference.numbers.items()}
                message = f"{_NAMES[split]} differs from the training data: {'; '.join(x.message for x in told)}"
                yield int(held[0]), Flag("", message, evidence=evidence)

    def _lengths(self, tokens: np.ndarray, train: np.ndarray, held: np.ndarray) -> Iterator[_Difference]:
        one, other = np.sort(tokens[train]), np.sort(tokens[held])
        middle, there = float(np.median(one)), float(np.median(other))
        apart = smirnov(one, other)
        if apart >= self.difference and smirnov_chance(apart, len(one), len(other)) < _CERTAIN:
            message = f"rows of {there:,.0f} tokens against {middle:,.0f} in the middle"
            yield _Difference(message, {"length_difference": apart, "median": there, "median_in_train": middle})

    def _classes(self, sketches: np.ndarray, train: np.ndarray, held: np.ndarray) -> Iterator[_Difference]:
        for column, name in enumerate(("labels", "languages", "answers", "scripts")):
            one, other = sketches[train, column], sketches[held, column]
            if (one == 0).mean() > 0.1 or (other == 0).mean() > 0.1:
                continue
            kinds = np.unique(np.concatenate((one, other)))
            if not 1 < len(kinds) <= _CLASSES:
                continue
            counts = np.array([[(part == kind).sum() for kind in kinds] for part in (one, other)], dtype=float)
            shares = counts / counts.sum(1, keepdims=True)
            apart = float(np.abs(shares[0] - shares[1]).sum() / 2)
            if apart >= self.difference and chi_square_chance(counts) < _CERTAIN:
                at = int(np.argmax(np.abs(shares[0] - shares[1])))
                message = f"other {name}, one of {shares[1][at]:.0%} of the rows against {shares[0][at]:.0%}"
                yield _Difference(message, {f"{name}_difference": apart})


class SplitTooSmall(DatasetRule, frozen=True):
    """A split has fewer rows than one batch.

    Trainers stop with an error, or drop the last incomplete batch and with it the whole split: nothing is
    measured, and some report a loss of zero for it.
    """

    code = "SPT006"
    GOOD = [Files(train=_TRAIN, valid=_TRAIN[:8]), _TRAIN[:2]]
    BAD = [
        Bad(Files(train=_TRAIN, valid=[_sum(90), _sum(91)]), at="40:"),
        Bad(Files(train=_TRAIN, test=[_sum(n) for n in range(90, 98)]), at="40:", options={"batch_size": 16}),
    ]

    batch_size: Annotated[int, option("Rows of a batch: a split has as many at least.", ge=1)] = 4

    def sketch(self, batch: Batch) -> np.ndarray:
        """Nothing: rows are counted; shape (lines,), uint8."""
        return np.zeros(len(batch.lines), dtype=np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        parts = [np.flatnonzero(rows.readable & (rows.splits == split)) for split in range(len(_NAMES))]
        if sum(len(part) > 0 for part in parts) < 2:
            return
        for name, part in zip(_NAMES, parts, strict=True):
            if 0 < len(part) < self.batch_size:
                message = (
                    f"{name} has {len(part)} row{'s' * (len(part) > 1)}, fewer than one batch of {self.batch_size}"
                )
                yield int(part[0]), Flag("", message, evidence={"rows": len(part), "batch_size": self.batch_size})


class MissingSplit(DatasetRule, frozen=True):
    """There is training data, but nothing to validate on.

    Without a validation split nobody sees when the model begins to learn the rows by heart; the checkpoint
    is chosen by the test rows, which then measure nothing any more, or by none.
    """

    code = "SPT008"
    severity = "info"
    GOOD = [Files(train=_TRAIN, valid=_TRAIN[:8], test=_TRAIN[8:16]), Files(train=_TRAIN, valid=_TRAIN[:8]), _TRAIN]
    BAD = [
        Bad(Files(train=_TRAIN), at="0:"),
        Bad(Files(train=_TRAIN, test=_TRAIN[:8]), at="0:"),
        Bad(Files(valid=_TRAIN[:8], test=_TRAIN[8:16]), at="0:"),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """Nothing: splits are known; shape (lines,), uint8."""
        return np.zeros(len(batch.lines), dtype=np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        readable = np.flatnonzero(rows.readable)
        names = rows.split_names
        if len(readable) and "valid" in names and not (rows.splits[readable] == _NAMES.index("valid")).any():
            message = "the valid split holds no row that can be read"
            yield int(readable[0]), Flag("", message, evidence={"missing": "valid"})
        if not len(readable) or ("valid" in names and "train" in names):
            return
        if "train" in names and ("test" in names or rows.in_folder):
            what = "training data and a test split" if "test" in names else "training data"
            yield int(readable[0]), Flag("", f"there is {what}, but no valid split", evidence={"missing": "valid"})
        elif names == {"valid", "test"}:
            message = "there are a valid and a test split, but no training data"
            yield int(readable[0]), Flag("", message, evidence={"missing": "train"})


# ---------------------------------------------------------------------- tests


class _Difference(NamedTuple):
    """In what two splits differ: in words and in numbers."""

    message: str
    numbers: dict[str, float]


def smirnov(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of the shares of two sorted samples that lie at or below a value."""
    values = np.concatenate((one, other))
    below = [np.searchsorted(part, values, side="right") / len(part) for part in (one, other)]
    return float(np.abs(below[0] - below[1]).max())


def smirnov_chance(apart: float, one: int, other: int) -> float:
    """The probability of such a difference between two samples of one source (Kolmogorov's limit, with
    Stephens' correction for small samples)."""
    root = np.sqrt(one * other / (one + other))
    scaled = (root + 0.12 + 0.11 / root) * apart
    terms = np.arange(1, 101)
    chance = 2 * np.sum((-1.0) ** (terms - 1) * np.exp(-2 * (terms * scaled) ** 2))
    return float(np.clip(chance, 0.0, 1.0))


def chi_square_chance(counts: np.ndarray) -> float:
    """The probability of a table of counts, shape (2, classes), or a more uneven one, where rows do not differ
    (Pearson's statistic; its tail by the approximation of Wilson and Hilferty)."""
    counts = counts[:, counts.sum(0) > 0]
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
    statistic = float(((counts - expected) ** 2 / expected).sum())
    free = counts.shape[1] - 1
    if free < 1:
        return 1.0
    deviation = 2 / (9 * free)
    normal = ((statistic / free) ** (1 / 3) - (1 - deviation)) / np.sqrt(deviation)
    return 0.5 * math.erfc(normal / math.sqrt(2))


# ---------------------------------------------------------------------- columns

_KINDS = ("label", "language")


def _short_answers(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of a row's last answer where it is as short as a label, else 0."""
    out = np.zeros(len(batch.lines), dtype=np.uint64)
    sizes = np.diff(batch.words.offsets)
    turns = np.flatnonzero(batch.memo(is_last_answer) & (sizes > 0) & (sizes <= _SHORT))
    if len(turns):
        lines = batch.turn_lines[turns]
        out[lines] = batch.memo(answer_keys)[lines]
    return out


# Scripts by the first byte of a character in UTF-8: 1 Cyrillic, 2 Hebrew, Arabic and Syriac, 3 of South and
# South-East Asia, 4 kana and Han, 5 Hangul; 0 all others, Latin and Greek among them.
_FIRST_BYTES = ((0xD0, 0xD4), (0xD6, 0xDD), (0xE0, 0xE1), (0xE3, 0xE9), (0xEA, 0xED))
_SCRIPTS = bytes(
    next((n for n, (low, high) in enumerate(_FIRST_BYTES, 1) if low <= byte <= high), 0) for byte in range(256)
)
_WIDTH = (0, 2, 2, 3, 3, 3)  # bytes of a character


def _scripts(batch: Batch) -> np.ndarray:
    """int64, shape (lines,): 1 where a row is written in Latin or Greek letters, else the script that half of it is in,
    from 2; 0 where it has no words."""
    out = np.zeros(len(batch.lines), dtype=np.int64)
    if not len(batch.turns):
        return out
    out[batch.turn_lines[np.diff(batch.words.offsets) > 0]] = 1
    texts = batch.folded
    if texts.data.isascii():
        return out
    kinds = np.frombuffer(texts.data.translate(_SCRIPTS), np.uint8)
    sizes = np.bincount(batch.turn_lines, texts.ends - texts.starts, len(batch.lines))
    places = np.flatnonzero(kinds)
    lines = batch.turn_lines[np.searchsorted(texts.ends, places, side="right")]
    found = np.bincount(lines * len(_WIDTH) + kinds[places], minlength=len(out) * len(_WIDTH)).reshape(len(out), -1)
    for script in np.flatnonzero(found.any(0)).tolist():
        out[(2 * _WIDTH[script] * found[:, script] > sizes) & (out > 0)] = 1 + script
    return out

"""DUP: rows that say nearly the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np

from curator.columns import Batch, Rows
from curator.keys import exact_keys, row_keys
from curator.likeness import Likeness, likeness
from curator.model import Flag, drop
from curator.neighbours import Edges, leaders
from curator.rule import DatasetRule, option

_ROUNDS = 4  # kept rows that a row is compared with, one after the other
_PAIRS = 1 << 13  # pairs read again at a time
_SHOWN = 6  # changes that a message or the evidence names


class NearDuplicate(DatasetRule, frozen=True):
    """A row repeats an earlier row but for a few words.

    To the model the two are one example that weighs double, and a split that looks for equal rows puts
    one into training and the other into validation. Rows count as near-duplicates by the exact share of
    three-word runs they have in common, prompt and answer together, and only where no number, subject or
    short answer sets them apart.
    """

    code = "DUP003"
    views: ClassVar[tuple[str, ...]] = ("whole",)

    threshold: Annotated[
        float, option("Share of three-word runs in common from which on rows are near-duplicates.", gt=0.3, le=1)
    ] = 0.7
    short_threshold: Annotated[
        float, option("The same for rows under 40 words, in which one word breaks a tenth of the runs.", gt=0.3, le=1)
    ] = 0.6

    def sketch(self, batch: Batch) -> np.ndarray:
        """(normalised key, exact key) of each row; shape (lines, 2), uint64."""
        return np.column_stack((batch.memo(row_keys), batch.memo(exact_keys)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        edges = rows.neighbours("whole").edges(self.threshold, min(self.threshold, self.short_threshold))
        once = np.flatnonzero(~repeated(sketches, rows))
        within = (rows.splits[edges.a] == rows.splits[edges.b]) & np.isin(edges.a, once) & np.isin(edges.b, once)
        found = twins(Edges(*(column[within] for column in edges)), rows, self.threshold, self.short_threshold)
        for row, (kept, like) in sorted(found.items()):
            yield row, _flag(kept, like)


def repeated(sketches: np.ndarray, rows: Rows) -> np.ndarray:
    """bool, shape (lines,): an earlier row of the same split is the same, exactly or but for case and space."""
    out = ~rows.readable
    for keys in sketches.T:
        order = np.lexsort((np.arange(len(keys)), rows.splits, keys))
        same = (keys[order][1:] == keys[order][:-1]) & (rows.splits[order][1:] == rows.splits[order][:-1])
        out[order[1:][same & (keys[order][1:] != 0)]] = True
    return out


def twins(edges: Edges, rows: Rows, threshold: float, short: float) -> dict[int, tuple[int, Likeness]]:
    """For each row that says what a kept row before it says: that row, and in what they differ."""
    judged: dict[tuple[int, int], Likeness | None] = {}
    for _ in range(_ROUNDS):
        leader = leaders(edges, len(rows.readable))
        led = np.flatnonzero(leader != np.arange(len(leader)))
        pairs = [pair for pair in zip(leader[led].tolist(), led.tolist(), strict=True) if pair not in judged]
        if not pairs:
            break
        judged.update(_judged(pairs, edges, rows, threshold, short))
        ill = np.array([judged.get(pair, 0) is None for pair in zip(edges.a.tolist(), edges.b.tolist(), strict=True)])
        edges = Edges(*(column[~ill] for column in edges))
    leader = leaders(edges, len(rows.readable))
    led = np.flatnonzero(leader != np.arange(len(leader)))
    found = {}
    for pair in zip(leader[led].tolist(), led.tolist(), strict=True):
        if (like := judged.get(pair)) is not None:
            found[pair[1]] = (pair[0], like)
    return found


def _judged(
    pairs: list[tuple[int, int]], edges: Edges, rows: Rows, threshold: float, short: float
) -> Iterator[tuple[tuple[int, int], Likeness | None]]:
    measured = dict(zip(zip(edges.a.tolist(), edges.b.tolist(), strict=True), edges.similarity.tolist(), strict=True))
    for low in range(0, len(pairs), _PAIRS):
        some = pairs[low : low + _PAIRS]
        examples = iter(rows.examples(index for pair in some for index in pair))
        for pair in some:
            one, two = next(examples), next(examples)
            yield pair, likeness(one, two, measured[pair])


def _flag(kept: int, like: Likeness) -> Flag:
    said = ", ".join(_said(a, b) for a, b in like.changes[:3])
    more = f" and {len(like.changes) - 3} more" if len(like.changes) > 3 else ""
    evidence = {
        "similarity": round(like.similarity, 4),
        "differs": [list(pair) for pair in like.changes[:_SHOWN]],
        "keep": "the earlier row: rows added later change nothing",
    }
    if like.disputed:
        message = f"nearly the same as an earlier row, and the answers disagree ({said}{more}): see which is right"
        return Flag("", message, related=(kept,), evidence=evidence)
    message = f"nearly the same as an earlier row ({like.similarity:.0%} alike): {said}{more}"
    return Flag("", message, fix=drop("drop the later row"), related=(kept,), evidence=evidence)


def _said(a: str, b: str) -> str:
    if a and b:
        return f"{_cut(a)!r} is {_cut(b)!r} here"
    return f"{_cut(a)!r} is missing" if a else f"{_cut(b)!r} is added"


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:38] + " …"

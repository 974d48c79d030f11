"""DUP: rows that say nearly the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import numpy as np

from curator.columns import Batch, Rows
from curator.keys import row_keys
from curator.model import Flag, drop
from curator.rule import Bad, DatasetRule, chat, option


class NearDuplicate(DatasetRule, frozen=True):
    """Two rows differ in a few words only.

    Why.
    """

    code = "DUP003"
    views: ClassVar[tuple[str, ...]] = ("whole",)

    threshold: Annotated[float, option("Similarity from which on rows count as near-duplicates.", gt=0, le=1)] = 0.7

    def sketch(self, batch: Batch) -> np.ndarray:
        return row_keys(batch)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        graph = rows.neighbours("whole")
        edges = graph.edges(self.threshold, self.threshold - 0.1)
        within = rows.splits[edges.a] == rows.splits[edges.b]
        within &= edges.similarity < 1
        for a, b, s in zip(*(x[within].tolist() for x in edges)):
            yield b, Flag("", f"{s}", related=(a,), evidence={"similarity": s})

"""Rows of a shape that a target does not read."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache
from typing import Any

import numpy as np

from curator.checks.targets.refusal import HELLO, Target, known, often, profile_of
from curator.columns import Batch, Rows
from curator.formats import SHAPES
from curator.formats.columns import MAPPED
from curator.formats.dialects import said_of
from curator.model import Example, Flag
from curator.rule import Bad, DatasetRule, Row
from curator.targets import Profile

_ANSWER: Row = {"from": "gpt", "value": "Hello."}
_SHARED: Row = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]}


class ShapeRefused(DatasetRule, frozen=True):
    """The row is of a shape that the target does not read.

    A service refuses the file; a trainer stops, or looks for columns that are not there and reads the
    row as empty. `curator convert` writes the rows in another shape. Columns of one's own, which a map tells, are
    left to the settings of trainers that have such a map too.
    """

    code = "TGT012"
    severity = "error"
    needs = "target"
    GOOD = [[HELLO]]
    BAD = [
        Bad([HELLO, _SHARED, HELLO], at="1:", options={"target": "openai"}),
        Bad([_SHARED] * 12, at="0:", options={"target": "mlx"}),
        Bad([{**_SHARED, "chosen": _ANSWER, "rejected": _ANSWER}], at="0:", options={"target": "trl"}),
        Bad([{**HELLO, "label": True}], at="0:", options={"target": "trl"}),
    ]

    target: Target = ""

    def sketch(self, batch: Batch) -> np.ndarray:
        """The number of a refused shape and of its `_Form`, 0 for rows that are read; shape (lines, 2), uint8."""
        out = np.zeros((len(batch.lines), 2), dtype=np.uint8)
        profile = profile_of(self.target)
        if profile is not None and profile.shapes:
            number = _numbers()
            for line in batch.readable:
                example = batch.example(line)
                if not _reads(example, profile):
                    out[line] = number.get(example.shape, 0), _form(example, profile)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        if profile is None:
            return
        names = list(_numbers())
        for number, form in np.unique(sketches[sketches[:, 0] > 0], axis=0).tolist():
            found = np.flatnonzero((sketches == (number, form)).all(axis=1)).tolist()
            read_as, what = names[number - 1], _Form(form)
            shape = "llama-factory" if what is _Form.FACTORY else read_as
            why = _wanted(profile, read_as) if what is _Form.COLUMNS else _readers(profile)
            evidence: dict[str, Any] = {"shape": shape, "read_as": read_as}
            own = shape == MAPPED
            if often(len(found), rows):
                said = "have columns of their own" if own else f"are of shape {shape}"
                told = f"{len(found):,} rows {said}: {why}"
                counted = {**evidence, "rows": len(found)}
                yield Flag.once(found, "", told, about=f"{self.target} {shape}", evidence=counted)
                continue
            for line in found:
                said = "columns of its own" if own else f"shape {shape}"
                yield line, Flag("", f"a row of {said}: {why}", evidence=evidence)


def _reads(example: Example, profile: Profile) -> bool:
    """Whether a target finds the columns of a row, by their names or by a map in its settings."""
    if example.shape != MAPPED:
        return profile.reads(example)
    known = (SHAPES[shape] for shape in profile.shapes if shape in SHAPES)
    own = (adapter.matches(example.value) and adapter.exact(example.value) for adapter in known)
    return profile.maps_columns or any(own)


class _Form(IntEnum):
    """How a refused row is written."""

    OWN = 0  # as its shape is
    FACTORY = 1  # a pair or a verdict as LLaMA-Factory writes it
    COLUMNS = 2  # in columns of other names, or of another kind, than the makers of its shape read


def _form(example: Example, profile: Profile) -> _Form:
    if said_of(example) != example.shape:
        return _Form.FACTORY
    return _Form.OWN if profile.finds_columns(example) else _Form.COLUMNS


def _wanted(profile: Profile, shape: str) -> str:
    """Which columns of a shape that it knows a target looks for."""
    return f"{profile.title_of(shape)} looks for {SHAPES[shape].own}"


def _readers(profile: Profile) -> str:
    """Which shapes a target reads, each by the trainer that takes it."""
    shapes: dict[str, list[str]] = {profile.title: []}
    for shape in profile.shapes:
        shapes.setdefault(profile.title_of(shape), []).append(shape)
    return "; ".join(f"{title} reads {known(read)}" for title, read in shapes.items() if read)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {name: number for number, name in enumerate((*SHAPES, MAPPED), 1)}

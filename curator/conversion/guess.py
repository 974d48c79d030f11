"""`--map guess`: what the columns of rows in no known shape mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curator.engine import columns_of, sampled
from curator.errors import UnknownShapeError, UsageError
from curator.formats import ColumnGuess, Reader, Row, detect, guess_columns, how_to_map
from curator.sources import open_sources
from curator.text.excerpt import visible

if TYPE_CHECKING:
    from curator.config import Config

_HOW = "write the map: --map question=user,answer=assistant"


def guess_map(paths: Sequence[str | Path], config: Config) -> ColumnGuess | None:
    """One map for all files whose rows are in no known shape; None where there is no such file.

    Raises:
        UsageError: standard input, which cannot be read twice, or two files that want two maps.
        UnknownShapeError: the columns of a file do not say what they mean.
        SourceError: a path is missing, or cannot be read as data.
    """
    if "-" in map(str, paths):
        raise UsageError("cannot guess the columns of standard input: it is read once", where="-", hint=_HOW)
    columns: dict[str, str] = {}
    reasons: dict[str, None] = {}
    sure = 1.0
    with open_sources(paths, config.excluded) as sources:
        for source in sources:
            rows = sampled(source)
            if not rows or detect(rows).shape is not None:
                continue
            guess = _confident(rows, source.path)
            if any(columns.get(name, role) != role for name, role in guess.columns.items()):
                raise UsageError("the files want different column maps", where=source.path, hint="lint them one by one")
            columns.update(guess.columns)
            reasons.update(dict.fromkeys(guess.reasons))
            sure = min(sure, guess.confidence)
    return ColumnGuess(columns, sure, tuple(reasons)) if columns else None


def check_columns(paths: Sequence[str | Path], config: Config) -> None:
    """See that every column of the map stands in some row, before the map is used and saved.

    Raises UsageError for one that does not, with the nearest column, and for a role nobody knows.
    """
    Reader(config.shape, config.map)
    if "-" in map(str, paths):
        return
    with open_sources(paths, config.excluded) as sources:
        seen = list(dict.fromkeys(key for source in sources for row in sampled(source) for key in row))
    for column in config.map:
        if seen and column not in seen:
            from rapidfuzz import process

            nearest, *_ = process.extractOne(column, seen) or ("",)
            raise UsageError(
                f"no row has a column {column!r}", hint=f"the nearest is {nearest!r}; the map is not saved"
            )


def needing(paths: Sequence[str | Path], config: Config) -> str:
    """The first file to which the map applies only while it is given, as its rows are of a known shape; "" for none."""
    with open_sources(paths, config.excluded) as sources:
        for source in sources:
            if columns_of(source, config.map, forced=True) and not columns_of(source, config.map, forced=False):
                return source.path
    return ""


def _confident(rows: list[Row], where: str) -> ColumnGuess:
    guess = guess_columns(rows)
    if guess and guess.confident:
        return guess
    keys = ", ".join(repr(key) for key in list(dict.fromkeys(key for row in rows for key in row))[:20])
    what = f"the columns do not say clearly what they mean; keys seen: {visible(keys)}"
    how = f"write the map, perhaps {guess.option}, for {' and '.join(guess.reasons)}" if guess else how_to_map(rows)
    raise UnknownShapeError(what, where=where, hint=visible(how))

"""Training tells the data: the loss of every row before and after, by content id, in row_facts.parquet.

Losses are means a trained token, in nats. Before the run the answers are also scored without their prompt; what the
prompt takes off the loss of the whole answer is its gain. An answer that belongs to another row gains little (CON005).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from curator.rowfacts import FACTS, KNOWN, LEARNT, NEVER

if TYPE_CHECKING:
    from curator.recipe import Recipe
    from curator.training.prepared import Piece, Prepared, Rows

Tell = Callable[[dict[str, Any]], None]

_BEFORE = ".facts.npz"
_KNOWN, _FALL = 0.35, 0.1


def before(model: Any, found: Prepared, output: Path, recipe: Recipe, tell: Tell | None = None) -> None:
    """Measure every row with the model as it comes, and keep it beside the run."""
    kept: dict[str, np.ndarray] = {}
    count = _counter(tell, 2 * sum(map(len, found.splits.values())), "before the run, with the prompt and without")
    for name, rows in found.splits.items():
        kept[f"{name}.loss"] = row_losses(model, rows, recipe, count=count)
        kept[f"{name}.bare"] = row_losses(model, rows, recipe, bare=True, count=count)
    np.savez(output / _BEFORE, **kept)  # type: ignore[arg-type]


def after(model: Any, found: Prepared, output: Path, recipe: Recipe, tell: Tell | None = None) -> dict[str, float]:
    """Measure every row with the tuned model, and write row_facts.parquet; the mean losses by split."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    metrics: dict[str, float] = {}
    tables = []
    kept = np.load(output / _BEFORE)
    count = _counter(tell, sum(map(len, found.splits.values())), "after the run")
    for name, rows in found.splits.items():
        first, bare = kept[f"{name}.loss"], kept[f"{name}.bare"]
        last = row_losses(model, rows, recipe, count=count)
        if not len(rows):
            continue
        weights = rows.trained / max(rows.trained.sum(), 1)
        metrics[f"{name}_loss_before"] = float((first * weights).sum())
        metrics[f"{name}_loss_after"] = float((last * weights).sum())
        tables.append(
            pa.table(
                {
                    "row": rows.strings("row"),
                    "split": [name] * len(rows),
                    "file": rows.strings("file"),
                    "line": rows.lines,
                    "tag": rows.strings("tag"),
                    "tokens": rows.lengths,
                    "trained_tokens": rows.trained,
                    "loss_before": first.astype(np.float32),
                    "loss_after": last.astype(np.float32),
                    "loss_without_prompt": bare.astype(np.float32),
                    "prompt_gain": ((bare - first) * rows.trained).astype(np.float32),
                    "learnt": [learnt(float(a), float(b)) for a, b in zip(first, last, strict=True)],
                }
            )
        )
    pq.write_table(pa.concat_tables(tables), output / FACTS)
    (output / _BEFORE).unlink(missing_ok=True)
    return metrics


def learnt(first: float, last: float) -> str:
    """What training made of a row, by its loss a token before and after: known, learnt, or never."""
    if first < _KNOWN:
        return KNOWN
    return NEVER if last > first * (1 - _FALL) else LEARNT


def _counter(tell: Tell | None, rows: int, when: str) -> Callable[[int], None]:
    """What tells how many rows are measured, each time that some more are."""
    measured = 0

    def count(more: int) -> None:
        nonlocal measured
        measured += more
        if tell is not None:
            tell({"measured": measured, "rows": rows, "when": when})

    return count


def row_losses(
    model: Any, rows: Rows, recipe: Recipe, *, bare: bool = False, count: Callable[[int], None] | None = None
) -> np.ndarray:
    """The mean loss of the trained tokens of each row; float64, shape (rows,).

    With `bare` without what stands before the first of them. `count` is called with the rows of each batch.
    """
    import torch

    from curator.training.batches import flat, padded, token_losses
    from curator.training.loop import batches_of

    losses = np.zeros(len(rows))
    device = next(model.parameters()).device
    was = model.training
    model.eval()
    with torch.no_grad():
        for group in batches_of(rows, range(len(rows)), recipe.batch):
            pieces = [_bare(rows[n]) if bare else rows[n] for n in group]
            made = padded(pieces, 0) if recipe.packing == "none" else flat(pieces)
            counts = [_targets(piece) for piece in pieces]
            found, _ = token_losses(model, {name: part.to(device) for name, part in made.items()})
            parts = torch.split(found.float(), counts)
            losses[group] = [float(part.double().mean()) if len(part) else 0.0 for part in parts]
            if count is not None:
                count(len(group))
    model.train(was)
    return losses


def _targets(piece: Piece) -> int:
    """Tokens that are foretold: all trained ones but one that begins the row."""
    return sum(int(stop - max(start, 1)) for start, stop in piece.runs.tolist())


def _bare(piece: Piece) -> Piece:
    """The answers without what stands before the first of them but for the one token before it."""
    cut = max(int(piece.runs[0][0]) - 1, 0)
    return type(piece)(piece.ids[cut:], piece.runs - cut, piece.weights)

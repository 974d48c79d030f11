"""Batches: rows end to end without padding, packs, or padded rows, and an attention that keeps rows apart.

In a flat batch the rows lie one behind the other in one sequence. Positions begin anew with each row, and no
row sees another: by an attention that goes row by row (on a GPU one call of torch's varlen attention), or,
for models with windows or caps of their own, by the block mask that transformers makes from the positions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from curator.training.prepared import Piece, Rows

IGNORED = -100
ROW_BY_ROW = "curator_rows"
Batch = dict[str, torch.Tensor]


class RowSet(torch.utils.data.Dataset[list[Piece]]):
    """What the loader draws from: rows, or packs of rows."""

    def __init__(self, rows: Rows, groups: Sequence[Sequence[int]] | None = None) -> None:
        self.rows = rows
        self.groups = groups

    def __len__(self) -> int:
        return len(self.rows) if self.groups is None else len(self.groups)

    def __getitem__(self, index: int) -> list[Piece]:
        return [self.rows[index]] if self.groups is None else [self.rows[n] for n in self.groups[index]]


def targets_of(piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    """(the id to be predicted at each token, IGNORED where the loss is not taken; its weight).

    By position: the id at t is that of token t + 1 where t + 1 is in a trained run. Shape (tokens,) each.
    """
    wanted = np.full(len(piece.ids), IGNORED, np.int64)
    weights = np.zeros(len(piece.ids), np.float32)
    for (start, stop), weight in zip(piece.runs.tolist(), piece.weights.tolist(), strict=True):
        low = max(start - 1, 0)
        wanted[low : stop - 1] = piece.ids[low + 1 : stop]
        weights[low : stop - 1] = weight
    return wanted, weights


def flat(pieces: Sequence[Piece]) -> Batch:
    """Rows end to end: input_ids, position_ids and shift_labels of shape (1, tokens), and where each row ends."""
    made = [targets_of(piece) for piece in pieces]
    sizes = [len(piece.ids) for piece in pieces]
    ends = torch.tensor([0, *np.cumsum(sizes).tolist()], dtype=torch.int32)
    batch = {
        "input_ids": torch.from_numpy(np.concatenate([piece.ids for piece in pieces]).astype(np.int64))[None],
        "position_ids": torch.from_numpy(np.concatenate([np.arange(size) for size in sizes]))[None],
        "shift_labels": torch.from_numpy(np.concatenate([wanted for wanted, _ in made]))[None],
        "cu_seq_lens_q": ends,
        "cu_seq_lens_k": ends,
        "max_length_q": torch.tensor(max(sizes)),
        "max_length_k": torch.tensor(max(sizes)),
    }
    return _weighted(batch, [weights for _, weights in made], lambda parts: np.concatenate(parts)[None])


def padded(pieces: Sequence[Piece], pad: int) -> Batch:
    """One row a line, padded on the right: shapes (rows, longest)."""
    made = [targets_of(piece) for piece in pieces]
    wide = max(len(piece.ids) for piece in pieces)
    batch = {
        "input_ids": torch.from_numpy(_stacked([piece.ids for piece in pieces], wide, pad).astype(np.int64)),
        "attention_mask": torch.from_numpy(_stacked([np.ones(len(piece.ids)) for piece in pieces], wide, 0)).long(),
        "shift_labels": torch.from_numpy(_stacked([wanted for wanted, _ in made], wide, IGNORED)).long(),
    }
    return _weighted(batch, [weights for _, weights in made], lambda parts: _stacked(parts, wide, 0.0))


def _stacked(parts: Sequence[np.ndarray], wide: int, fill: float) -> np.ndarray:
    made = np.full((len(parts), wide), fill, parts[0].dtype)
    for n, part in enumerate(parts):
        made[n, : len(part)] = part
    return made


def _weighted(batch: Batch, weights: Sequence[np.ndarray], joined: Any) -> Batch:
    """The batch with the weights of the tokens, where any is neither 0 nor 1."""
    if any(((part != 0) & (part != 1)).any() for part in weights):
        batch["loss_weights"] = torch.from_numpy(joined(weights))
    return batch


class Collator:
    """Makes a batch of what the loader drew: lists of rows."""

    def __init__(self, packing: str, pad: int) -> None:
        self.packing, self.pad = packing, pad

    def __call__(self, drawn: Sequence[Sequence[Piece]]) -> Batch:
        pieces = [piece for group in drawn for piece in group]
        return padded(pieces, self.pad) if self.packing == "none" else flat(pieces)


# ---------------------------------------------------------------------- the loss


def token_losses(model: Any, batch: dict[str, Any], *, accuracy: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss of every trained token in order, its weight); the logits of other tokens are never made.

    With `accuracy` the second is whether each was the likeliest token.
    """
    batch = dict(batch)
    labels = batch.pop("shift_labels")
    weights = batch.pop("loss_weights", None)
    keep = labels != IGNORED
    if "cu_seq_lens_q" in batch:
        batch["max_length_q"] = batch["max_length_k"] = int(batch["max_length_q"])
    with without_mask("cu_seq_lens_q" in batch):
        logits = model(**batch, logits_to_keep=keep, use_cache=False).logits
    losses = functional.cross_entropy(logits.float(), labels[keep], reduction="none")
    if accuracy:
        return losses, logits.argmax(-1) == labels[keep]
    return losses, torch.ones_like(losses) if weights is None else weights[keep]


# ---------------------------------------------------------------------- attention, row by row

_mask_needed = True


@contextmanager
def without_mask(flat_batch: bool) -> Iterator[None]:
    """While rows are kept apart by their ends, no mask of tokens x tokens is made."""
    global _mask_needed
    before, _mask_needed = _mask_needed, not flat_batch
    try:
        yield
    finally:
        _mask_needed = before


def _mask(*args: Any, **named: Any) -> Any:
    return sdpa_mask(*args, **named) if _mask_needed else None


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int = 0,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """Attention within each row; query of shape (1, heads, tokens, size). Without ends of rows, as ever."""
    if cu_seq_lens_q is None:
        return sdpa_attention_forward(  # type: ignore[no-any-return]
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **rest
        )
    grouped = query.shape[1] != key.shape[1]
    if query.is_cuda and query.dtype in (torch.float16, torch.bfloat16):
        from torch.nn.attention.varlen import varlen_attn

        sides: Any = [side[0].transpose(0, 1) for side in (query, key, value)]
        cuts: Any = cu_seq_lens_q.to(query.device)
        most: Any = max_length_q
        attend: Any = varlen_attn
        out = attend(*sides, cuts, cuts, most, most, scale=scaling, window_size=(-1, 0), enable_gqa=grouped)
        return out[None], None
    ends = cu_seq_lens_q.tolist()
    parts = [
        functional.scaled_dot_product_attention(
            query[:, :, low:high], key[:, :, low:high], value[:, :, low:high],
            dropout_p=dropout, is_causal=True, scale=scaling, enable_gqa=grouped,
        )
        for low, high in pairwise(ends)
    ]  # fmt: skip
    return torch.cat(parts, dim=2).transpose(1, 2), None


AttentionInterface.register(ROW_BY_ROW, _attention)
AttentionMaskInterface.register(ROW_BY_ROW, _mask)


def attention_for(config: Any) -> str:
    """The attention for a model: row by row, unless its layers look through windows or cap their scores."""
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ())
    windowed = (getattr(text, "sliding_window", None) and getattr(text, "use_sliding_window", True)) or kinds - {
        "full_attention"
    }
    return "sdpa" if windowed or getattr(text, "attn_logit_softcapping", None) else ROW_BY_ROW


def isolation(model: Any, size: int) -> float:
    """How far a row's logits move when another row lies before it in a flat batch: 0 where rows are kept apart.

    The largest difference, as a share of the logits' spread, over two made-up rows of a vocabulary of `size`.
    """
    rng = np.random.default_rng(0)
    rows = [rng.integers(0, size, length).astype(np.int32) for length in (11, 17)]
    none = (np.zeros((0, 2), np.int32), np.zeros(0, np.float32))
    pieces = [Piece(ids, *none) for ids in rows]
    device = next(model.parameters()).device
    was = model.training
    model.eval()
    try:
        with torch.no_grad():
            apart = torch.cat([_logits(model, flat([piece]), device) for piece in pieces], dim=1)
            together = _logits(model, flat(pieces), device)
    finally:
        model.train(was)
    return float((together - apart).abs().max() / apart.std().clamp_min(1e-6))


def _logits(model: Any, batch: Batch, device: torch.device) -> torch.Tensor:
    batch = {name: part.to(device) for name, part in batch.items() if name != "shift_labels"}
    inputs: dict[str, Any] = {
        **batch,
        "max_length_q": int(batch["max_length_q"]),
        "max_length_k": int(batch["max_length_k"]),
    }
    with without_mask(True):
        logits: torch.Tensor = model(**inputs, use_cache=False).logits.float()
    return logits

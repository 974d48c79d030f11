"""DUP: rows that occur more than once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from curator.columns import Batch, Column, Rows, blocks, mix, slice_hashes
from curator.model import Flag, drop
from curator.rule import Bad, DatasetRule, Row, chat

_ONE = chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")
_TWO = chat(user="How tall is Snowdon?", assistant="1,085 metres.")


def _called(customer: str) -> Row:
    call = {"id": "a", "type": "function", "function": {"name": "line", "arguments": f'{{"customer": "{customer}"}}'}}
    turns = [{"role": "user", "content": "Is it up?"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    return {"messages": turns}


class ExactDuplicate(DatasetRule, frozen=True):
    """The same row stands in the set more than once.

    A repeated row is learnt by heart before the rest is learnt at all, weighs more than it should
    in the loss, and leaks into validation as soon as the set is split.
    """

    code = "DUP001"
    GOOD = [[_ONE, _TWO]]
    BAD = [Bad([_ONE, _TWO, _ONE], at="2:", fixed=[_ONE, _TWO])]

    def sketch(self, batch: Batch) -> np.ndarray:
        """Content ids; shape (lines, 2), uint64."""
        return np.frombuffer(b"".join(batch.content_ids), dtype="<u8").reshape(-1, 2)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        keys = mix(sketches[:, 0] ^ mix(sketches[:, 1])) + rows.splits.astype(np.uint64)
        for row, first in repeats(keys, np.flatnonzero(rows.readable)):
            fix = drop("drop the repeated row", "safe")
            yield row, Flag("", "the same row stands earlier in the set", fix=fix, related=(first,))


class NormalisedDuplicate(DatasetRule, frozen=True):
    """Two rows are equal but for case, white space, sentence punctuation, Unicode form or key order.

    To the model they are the same example twice: it weighs double, and a split that compares text
    letter for letter puts one into training and the other into validation.
    """

    code = "DUP002"
    GOOD = [
        [_ONE, _TWO],
        [chat(user="2+2?", assistant="4"), chat(user="2-2?", assistant="4")],
        [chat(user="Half of 7?", assistant="3.5"), chat(user="Half of 7?", assistant="35")],
        [_called("4711"), _called("4712")],
        [{"chosen": {"messages": [answer]}, "rejected": {"messages": []}} for answer in ("Oslo", "Rome")],
    ]
    BAD = [
        Bad([_ONE, chat(user="HOW  TALL is Ben Nevis", assistant="1,345 metres. ")], at="1:", fixed=[_ONE]),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """(normalised key, exact key) of each row; shape (lines, 2), uint64. The key 0 is never a duplicate."""
        out = np.zeros((len(batch.lines), 2), dtype=np.uint64)
        if batch.readable and len(batch.turns):
            ids = np.frombuffer(b"".join(batch.content_ids), dtype="<u8").reshape(-1, 2)
            out[:, 1] = ids[:, 0] ^ mix(ids[:, 1])
            keys = mix(text_keys(batch.folded) + batch.roles.astype(np.uint64))
            firsts = np.flatnonzero(np.diff(batch.turn_lines, prepend=-1))
            place = np.arange(len(keys)) - np.repeat(firsts, np.diff(np.append(firsts, len(keys))))
            keys = mix(keys * np.uint64(3) + place.astype(np.uint64))
            out[batch.turn_lines[firsts], 0] = np.add.reduceat(keys, firsts)
            lines = beyond_text(batch)
            out[lines, 0] += out[lines, 1]
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        wanted = np.flatnonzero(rows.readable & (sketches[:, 0] != 0))
        fix = drop("drop the row that says the same")
        keys = sketches[:, 0] + rows.splits.astype(np.uint64)
        for row, first in repeats(keys, wanted):
            if sketches[row, 1] != sketches[first, 1]:
                message = "differs from an earlier row only in case, space or punctuation"
                yield row, Flag("", message, fix=fix, related=(first,))


def _wordless(batch: Batch) -> list[int]:
    """Rows in which no turn has a word: what they hold stands elsewhere, or they are faulty alike."""
    words = np.bincount(batch.turn_lines, np.diff(batch.words.offsets), minlength=len(batch.lines))
    return np.flatnonzero(words == 0).tolist()  # type: ignore[no-any-return]


def beyond_text(batch: Batch) -> list[int]:
    """Rows that hold more than text (tool calls, images), or no text: equal wording does not make them equal."""
    with_media = batch.turn_lines[[n for n, turn in enumerate(batch.turns) if turn.media]]
    return sorted({*batch.tool_rows, *with_media.tolist(), *_wordless(batch)})


def repeats(keys: np.ndarray, wanted: np.ndarray) -> Iterator[tuple[int, int]]:
    """(row, first row with the same key) for every wanted row whose key came before, in order of rows."""
    order = wanted[np.argsort(keys[wanted], kind="stable")]
    if not len(order):
        return
    same = np.concatenate(([False], keys[order[1:]] == keys[order[:-1]]))
    firsts = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))
    again = np.flatnonzero(same)
    rank = np.argsort(order[again])
    yield from zip(order[again][rank].tolist(), order[firsts[again]][rank].tolist(), strict=True)


_GAPS = bytes(byte in b" \t\n\r\x0b\x0c.,;:!?'\"" for byte in range(256))


def _digit(data: np.ndarray) -> np.ndarray:
    return np.logical_and(data >= ord("0"), data <= ord("9"))


def text_keys(folded: Column) -> np.ndarray:
    """A 64-bit key of each folded text in which runs of space and sentence punctuation count as one space.

    A point or comma between two digits is kept ("3.5" is not "35"), and so is every other sign.
    """
    keys = [_block_keys(data, starts, ends) for data, starts, ends in blocks(folded)]
    return np.concatenate(keys) if keys else np.empty(0, np.uint64)


def _block_keys(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    gap = np.frombuffer(data.tobytes().translate(_GAPS), np.uint8) > 0
    if len(data) > 2:
        marks = np.flatnonzero((data[1:-1] == ord(".")) | (data[1:-1] == ord(","))) + 1
        gap[marks[_digit(data[marks - 1]) & _digit(data[marks + 1])]] = False
    solid = ~gap
    solid[ends[:-1]] = False  # the separators between texts are neither
    keep = solid.copy()
    keep[1:] |= gap[1:] & solid[:-1]  # the first sign of a run stands for it
    reduced = np.where(gap, np.uint8(32), data)[keep]
    rank = np.concatenate(([0], np.cumsum(keep, dtype=np.int32)))
    low, high = rank[starts], rank[ends]
    if len(reduced):
        high = high - ((high > low) & (reduced[np.maximum(high, 1) - 1] == 32))
    return slice_hashes(reduced, low, high)

"""DUP: rows that occur more than once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Flag, drop
from curator.neighbours.keys import exact_keys, row_keys
from curator.provenance import beside_keys, judged_keys
from curator.rule import Bad, DatasetRule, Row, chat
from curator.text.hashed import distinct, mix

_LABELLED_ROWS = 20  # rows with a column, from which on its values may show that it holds labels
_PART = 1 << 20  # lines that are reckoned with at a time
_MOST_LABELS, _ROWS_A_LABEL = 50, 5  # values that a label may take, and rows with each of them, on average
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
        keys = _in_split(sketches, rows)
        del sketches  # so that a large set has room for what comes
        for row, first in repeats(keys, rows.readable):
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
        [{"text": "A long film about short people.", "label": label} for label in ("praise", "complaint")],
        [{"text": "A long film about short people.", "labels": labels} for labels in (["film"], ["film", "short"])],
        [{"text": "You have won a prize, call now.", "is_spam": spam} for spam in (0, 1)],
        [{"chosen": {"messages": [answer]}, "rejected": {"messages": []}} for answer in ("Oslo", "Rome")],
    ]
    BAD = [
        Bad([_ONE, chat(user="HOW  TALL is Ben Nevis", assistant="1,345 metres. ")], at="1:", fixed=[_ONE]),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """(normalised key, exact key, name and value of what may be a label) of each row; shape (lines, 4), uint64.

        The normalised key 0 is never a duplicate.

        A label in a column of its own is part of the row, and so is a score or a target: the same text with two
        labels is no duplicate. By its name, or because it is the one column beside the texts that takes few values.
        """
        keys = batch.memo(row_keys)
        judged = np.where(keys, keys + batch.memo(judged_keys), 0)
        return np.column_stack((judged, batch.memo(exact_keys), batch.memo(beside_keys)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        wanted = rows.readable & (sketches[:, 0] != 0)
        fix = drop("drop the row that says the same")
        exact, keys = _in_split(sketches, rows), sketches[:, 0].copy()
        labels = _labels_by_value(sketches[:, 2:], wanted)
        del sketches
        for part in _parts(len(keys)):
            keys[part] += mix(labels[part]) + rows.splits[part].astype(np.uint64)
        del labels
        same = {row for row, _ in repeats(exact, wanted)}  # DUP001 says so of them
        del exact
        for row, first in repeats(keys, wanted):
            if row not in same:
                message = "says what an earlier row says: only case, space, punctuation or shape differ"
                yield row, Flag("", message, fix=fix, related=(first,))


def _in_split(sketches: np.ndarray, rows: Rows) -> np.ndarray:
    """uint64, shape (lines,): one key of the first two columns and the split."""
    keys = np.empty(len(sketches), np.uint64)
    for part in _parts(len(keys)):
        keys[part] = mix(sketches[part, 0] ^ mix(sketches[part, 1])) + rows.splits[part].astype(np.uint64)
    return keys


def _parts(lines: int) -> Iterator[slice]:
    """The lines in parts: what is reckoned of one need not be held for all."""
    return (slice(start, start + _PART) for start in range(0, lines, _PART))


def _labels_by_value(beside: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """uint64, shape (lines,): the key of the label in a column that its values show to be one; 0 for none.

    `beside` holds (key of the name, key of the value) of the one column beside a text; `wanted` is boolean.
    """
    labels = np.zeros(len(beside), dtype=np.uint64)
    named_at_all = np.flatnonzero(wanted & (beside[:, 0] != 0))
    for name in distinct(beside[named_at_all, 0]):
        named = named_at_all[beside[named_at_all, 0] == np.uint64(name)]
        if len(named) >= _LABELLED_ROWS and len(distinct(beside[named, 1])) <= min(
            _MOST_LABELS, len(named) // _ROWS_A_LABEL
        ):
            labels[named] = beside[named, 1]
    return labels


def repeats(keys: np.ndarray, wanted: np.ndarray) -> Iterator[tuple[int, int]]:
    """(row, first row with the same key) for every wanted row whose key came before, in order of rows.

    `keys` are uint64 and spread evenly, `wanted` is boolean. A large set is sorted in parts, by the first bits of the
    keys, so that little more than the keys is held at a time.
    """
    bits = max(0, (len(keys) // _PART).bit_length())
    found = [_repeats(keys, np.flatnonzero(part)) for part in _by_first_bits(keys, wanted, bits)]
    again, firsts = (np.concatenate(each) for each in zip(*found, strict=True))
    rank = np.argsort(again)
    yield from zip(again[rank].tolist(), firsts[rank].tolist(), strict=True)


def _by_first_bits(keys: np.ndarray, wanted: np.ndarray, bits: int) -> Iterator[np.ndarray]:
    """The wanted rows in 2**bits parts, boolean each, by the first bits of their keys."""
    if not bits:
        yield wanted
        return
    for first in range(1 << bits):
        low, high = first << 64 - bits, (first + 1 << 64 - bits) - 1
        yield wanted & (keys >= np.uint64(low)) & (keys <= np.uint64(high))


def _repeats(keys: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose key came before among the places, and for each the first with its key."""
    values = keys[places]
    order = np.argsort(values, kind="stable")
    values = values[order]
    same = np.concatenate((np.zeros(len(order[:1]), bool), values[1:] == values[:-1]))
    again = np.flatnonzero(same)
    starts = np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))[again]
    return places[order[again]], places[order[starts]]

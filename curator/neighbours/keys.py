"""Keys by which rows are found to say the same: 64-bit hashes of folded text, roles and order.

Case, runs of space, sentence punctuation and Unicode form do not count; a row that holds more than text
(tool calls, images) is equal to none by its wording alone.
"""

from __future__ import annotations

import numpy as np

from curator.columns import ROLE_CODES, Batch
from curator.text.hashed import Column, blocks, mix, slice_hashes

_SPACE = ord(" ")
_GAPS = bytes(byte in b" \t\n\r\x0b\x0c.,;:!?'\"" for byte in range(256))
_SPACED = bytes(_SPACE if gap else byte for byte, gap in enumerate(_GAPS))


def row_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of a row's turns in order. 0 where a row cannot be read."""
    out = _joined(batch, np.ones(len(batch.turns), dtype=bool))
    lines = batch.memo(beyond_text)
    out[lines] += batch.memo(exact_keys)[lines]
    return out


def prompt_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of all that comes before a row's last answer, context included.

    For a preference row that is the shared prompt. 0 where there is no such text, or the row holds more
    than text.
    """
    out = _joined(batch, batch.memo(is_prompt))
    out[batch.memo(beyond_text)] = 0
    return out


def context_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of what is asked: the turns before a row's last answer of system and user.

    The text alone: calls, and what tools answered them, do not count. 0 beside images.
    """
    out = _joined(batch, batch.memo(_is_asked))
    out[batch.memo(_with_media)] = 0
    return out


def question_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): as `context_keys`, without system turns."""
    out = _joined(batch, batch.memo(_is_asked) & (batch.roles != ROLE_CODES["system"]))
    out[batch.memo(_with_media)] = 0
    return out


def _is_asked(batch: Batch) -> np.ndarray:
    """bool, shape (turns,): the turn is no answer, nor that of a tool, and stands before the row's last one."""
    answers = (batch.roles == ROLE_CODES["assistant"]) | (batch.roles == ROLE_CODES["tool"])
    asked: np.ndarray = batch.memo(is_prompt) & ~answers
    return asked


def answer_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of a row's last answer; of the chosen one of a pair. 0 as above."""
    out = _joined(batch, batch.memo(is_last_answer))
    out[batch.memo(beyond_text)] = 0
    return out


def opening_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of what a row says from its first user turn to the answer to it.

    Two rows that share it are parts of one conversation. 0 where there is none, or the row holds more than text.
    """
    out = _joined(batch, batch.memo(_is_opening))
    out[batch.memo(beyond_text)] = 0
    return out


def opening_words(batch: Batch) -> np.ndarray:
    """int64, shape (lines,): words in what `opening_keys` is the key of."""
    counts = np.diff(batch.words.offsets) * batch.memo(_is_opening)
    return np.bincount(batch.turn_lines, counts, len(batch.lines)).astype(np.int64)


def _is_opening(batch: Batch) -> np.ndarray:
    """bool, shape (turns,): the turn is the row's first user turn, its first answer, or stands between."""
    lines, turns = batch.turn_lines, np.arange(len(batch.turns))
    first = np.full(len(batch.lines), len(turns), dtype=np.int64)
    last = np.full(len(batch.lines), -1, dtype=np.int64)
    asked = np.flatnonzero(batch.roles == ROLE_CODES["user"])[::-1]
    first[lines[asked]] = asked
    answers = np.flatnonzero((batch.roles == ROLE_CODES["assistant"]) & (turns > first[lines]))[::-1]
    last[lines[answers]] = answers
    opening: np.ndarray = (turns >= first[lines]) & (turns <= last[lines])
    return opening


def exact_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): content ids in 64 bits."""
    ids = np.frombuffer(b"".join(batch.content_ids), dtype="<u8").reshape(-1, 2)
    keys: np.ndarray = ids[:, 0] ^ mix(ids[:, 1])
    return keys


def is_prompt(batch: Batch) -> np.ndarray:
    """bool, shape (turns,): the turn stands before the row's last answer."""
    return batch.memo(_place)[0]


def is_last_answer(batch: Batch) -> np.ndarray:
    """bool, shape (turns,): the turn is the row's last answer (the chosen one of a pair)."""
    return batch.memo(_place)[1]


def _place(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """(before the last answer, the last answer) for each turn."""
    places, lines = np.arange(len(batch.turns)), batch.turn_lines
    answers = np.flatnonzero(batch.roles == ROLE_CODES["assistant"])
    last = np.full(len(batch.lines), -1)
    last[lines[answers]] = answers
    prompt = (places < last[lines]) | (last[lines] < 0)
    answer = places == last[lines]
    for line in batch.preference_rows:
        example = batch.example(line)
        first = int(np.searchsorted(lines, line))
        turns = example.turns + example.chosen
        final = next((n for n in reversed(range(len(turns))) if turns[n].role == "assistant"), None)
        size = len(example.all_turns())
        prompt[first : first + size] = np.arange(size) < (len(example.turns) if final is None else final)
        answer[first : first + size] = np.arange(size) == (-1 if final is None else final)
    return prompt, answer


def _joined(batch: Batch, wanted: np.ndarray) -> np.ndarray:
    """The keys of the wanted turns of each row, joined in order."""
    out = np.zeros(len(batch.lines), dtype=np.uint64)
    places = np.flatnonzero(wanted)
    if len(places):
        lines = batch.turn_lines[places]
        keys = batch.memo(turn_keys)[places]
        firsts = np.flatnonzero(np.diff(lines, prepend=-1))
        order = np.arange(len(keys)) - np.repeat(firsts, np.diff(np.append(firsts, len(keys))))
        out[lines[firsts]] = np.add.reduceat(mix(keys * np.uint64(3) + order.astype(np.uint64)), firsts)
    return out


def turn_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (turns,): the key of a turn's text and role."""
    return mix(text_keys(batch.folded) + batch.roles.astype(np.uint64))


def beyond_text(batch: Batch) -> list[int]:
    """Rows that hold more than text (tool calls, images), or no text: equal wording does not make them equal."""
    if not len(batch.turns):
        return []
    return sorted({*batch.tool_rows, *batch.memo(_with_media), *_wordless(batch)})


def _with_media(batch: Batch) -> list[int]:
    lines: list[int] = batch.turn_lines[[n for n, turn in enumerate(batch.turns) if turn.media]].tolist()
    return lines


def _wordless(batch: Batch) -> list[int]:
    """Rows in which no turn has a word: what they hold stands elsewhere, or they are faulty alike."""
    words = np.bincount(batch.turn_lines, np.diff(batch.words.offsets), minlength=len(batch.lines))
    lines: list[int] = np.flatnonzero(words == 0).tolist()
    return lines


def _digit(data: np.ndarray) -> np.ndarray:
    return np.logical_and(data >= ord("0"), data <= ord("9"))


def _letter(data: np.ndarray) -> np.ndarray:
    """Of folded text: a letter from a to z, or a byte of a character beyond ASCII."""
    return np.logical_or(np.logical_and(data >= ord("a"), data <= ord("z")), data >= 0x80)


def text_keys(folded: Column) -> np.ndarray:
    """A 64-bit key of each folded text in which runs of space and sentence punctuation count as one space.

    A hyphen between two letters is such a space too ("super-bowl"). A point or comma between two digits is
    kept ("3.5" is not "35"), and so is every other sign.
    """
    keys = [_block_keys(data, starts, ends) for data, starts, ends in blocks(folded)]
    return np.concatenate(keys) if keys else np.empty(0, np.uint64)


def _block_keys(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    octets = data.tobytes()
    gap = np.frombuffer(bytearray(octets.translate(_GAPS)), np.bool_)
    signs = np.frombuffer(bytearray(octets.translate(_SPACED)), np.uint8)
    if len(data) > 2:
        marks = np.flatnonzero((data[1:-1] == ord(".")) | (data[1:-1] == ord(","))) + 1
        marks = marks[_digit(data[marks - 1]) & _digit(data[marks + 1])]
        gap[marks], signs[marks] = False, data[marks]
        hyphens = np.flatnonzero(data[1:-1] == ord("-")) + 1
        hyphens = hyphens[_letter(data[hyphens - 1]) & _letter(data[hyphens + 1])]
        gap[hyphens], signs[hyphens] = True, _SPACE
    keep = ~gap
    keep[ends[:-1]] = False  # the separators between texts are neither
    keep[1:] |= gap[1:] & keep[:-1]  # the first sign of a run stands for it
    reduced = signs[keep]
    rank = np.zeros(len(keep) + 1, np.int32)
    np.cumsum(keep, dtype=np.int32, out=rank[1:])
    low, high = rank[starts], rank[ends]
    if len(reduced):
        high = high - ((high > low) & (reduced[np.maximum(high, 1) - 1] == _SPACE))
    return slice_hashes(reduced, low, high)

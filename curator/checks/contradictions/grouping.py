"""Rows that answer the same prompt, found by sorting 64-bit keys; their texts are read only then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from curator.checks.contradictions.candidates import intent_keys
from curator.columns import Batch, Rows
from curator.model import Example, NotRun, Turn
from curator.neighbours.keys import answer_keys, is_last_answer, prompt_keys
from curator.text.hashed import distinct

BLOCK = 40_000  # rows whose texts are held at a time
ANSWERS = 2000  # different answers of a group that are read
REPEATS = 500  # rows with one answer to one prompt that are read


class Asked(NamedTuple):
    """A row whose answer is compared: its index, the user's last turn, the answer and the key of it."""

    row: int
    prompt: str
    answer: Turn
    key: int
    prompt_key: int


def sketch(batch: Batch) -> np.ndarray:
    """(prompt key, answer key, intent key, words of the answer) of each row; shape (lines, 4), uint64."""
    answers = batch.memo(is_last_answer)
    words = np.bincount(
        batch.turn_lines[answers], np.diff(batch.words.offsets)[answers], minlength=len(batch.lines)
    ).astype(np.uint64)
    return np.column_stack((batch.memo(prompt_keys), batch.memo(answer_keys), batch.memo(intent_keys), words))


def comparable(sketches: np.ndarray, rows: Rows) -> np.ndarray:
    """Rows that have a prompt and an answer in words, in order."""
    wanted: np.ndarray = np.flatnonzero(rows.readable & (sketches[:, 0] != 0) & (sketches[:, 1] != 0))
    return wanted


def same_prompt(sketches: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """Rows (of `wanted`) in groups of one prompt and at least two answers, in order of their first row."""
    return several(sketches[:, 0], sketches[:, 1], wanted)


def same_intent(sketches: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """Rows in groups that may ask for the same in other words: several prompts, several answers."""
    wanted = wanted[sketches[wanted, 2] != 0]
    groups = several(sketches[:, 2], sketches[:, 1], wanted)
    return [group for group in groups if len(np.unique(sketches[group, 0])) > 1]


def several(keys: np.ndarray, answers: np.ndarray, wanted: np.ndarray) -> list[np.ndarray]:
    """Rows (of `wanted`) with one key and at least two answers, in groups, in order of their first row."""
    order = wanted[np.argsort(keys[wanted], kind="stable")]
    if len(order) < 2:
        return []
    same = keys[order[1:]] == keys[order[:-1]]
    starts = np.flatnonzero(np.concatenate(([True], ~same)))
    sizes = np.diff(np.append(starts, len(order)))
    ids = np.repeat(np.arange(len(starts)), sizes)
    firsts = answers[order[np.repeat(starts, sizes)]]
    several = np.zeros(len(starts), dtype=bool)
    several[ids[answers[order] != firsts]] = True
    groups = [order[starts[n] : starts[n] + sizes[n]] for n in np.flatnonzero(several)]
    return sorted(groups, key=lambda group: int(group[0]))


def blocks(groups: Iterable[np.ndarray], most: int = BLOCK) -> Iterator[list[np.ndarray]]:
    """The groups in runs of about `most` rows."""
    run: list[np.ndarray] = []
    size = 0
    for group in groups:
        run.append(group)
        size += len(group)
        if size >= most:
            yield run
            run, size = [], 0
    if run:
        yield run


def bounded(
    groups: Iterable[np.ndarray], sketches: np.ndarray, rows: Rows, code: str, most: int = ANSWERS
) -> Iterator[np.ndarray]:
    """The groups without the rows that are too many to compare, which the report then names.

    What is kept does not depend on the order of rows: the answers of most rows, and `REPEATS` rows of each.
    """
    large, left_out = 0, 0
    for group in groups:
        if len(group) <= min(most, REPEATS):
            yield group
            continue
        pairs, place, counts = np.unique(sketches[group, :2], axis=0, return_inverse=True, return_counts=True)
        place = place.reshape(-1)
        kept = np.zeros(len(pairs), dtype=bool)
        kept[np.lexsort((pairs[:, 0], pairs[:, 1], -counts))[:most]] = True
        order = np.argsort(place, kind="stable")
        nth = np.empty(len(group), dtype=np.int64)
        nth[order] = np.arange(len(group)) - np.repeat(np.cumsum(counts) - counts, counts)
        wanted = kept[place] & (nth < REPEATS)
        large, left_out = large + (not wanted.all()), left_out + int((~wanted).sum())
        yield group[wanted]
    if left_out:
        rows.leave_out(too_many(code, large, left_out))


def too_many(code: str, prompts: int, rows: int) -> NotRun:
    """A note for prompts with more answers than are compared."""
    said = "1 prompt has" if prompts == 1 else f"{prompts:,} prompts have"
    reason = f"{said} more answers than are compared, and {rows:,} rows were left out"
    return NotRun((code,), reason, "drop the rows that repeat, or raise max-answers")


def read(groups: list[np.ndarray], sketches: np.ndarray, rows: Rows) -> Iterator[list[Asked]]:
    """The rows of each group whose answer the model is to learn, in order; rows are read in order of the set."""
    texts: dict[int, Asked] = {}
    for row in distinct(np.concatenate(groups)):
        if found := _asked(rows.example(row)):
            prompt_key, key = sketches[row, :2].tolist()
            texts[row] = Asked(row, *found, key, prompt_key)
    for group in groups:
        yield [texts[row] for row in group.tolist() if row in texts]


def _asked(example: Example) -> tuple[str, Turn] | None:
    """What the user asks last and what is answered, None where nobody asks or the answer does not teach."""
    last = next((pair for pair in reversed(list(example.taught()))), None)
    turns = example.turns + example.chosen
    if last is None or last[1] is not next(turn for turn in reversed(turns) if turn.role == "assistant"):
        return None
    asked = next((turn.text for turn in reversed(last[0]) if turn.role == "user"), "")
    return (asked, last[1]) if asked.strip() else None


def runs(groups: Iterable[list[Asked]], most: int = 1000) -> Iterator[list[list[Asked]]]:
    """The groups in runs of about `most` rows, whose answers are outlined together."""
    run: list[list[Asked]] = []
    size = 0
    for group in groups:
        run.append(group)
        size += len(group)
        if size >= most:
            yield run
            run, size = [], 0
    if run:
        yield run


def by_intent(group: list[Asked]) -> Iterator[list[Asked]]:
    """A group of like prompts parted by what they ask for; groups of one prompt are left out."""
    from curator.checks.contradictions.intent import intent

    parts: dict[str, list[Asked]] = {}
    intents: dict[int, str] = {}
    for asked in group:
        if asked.prompt_key not in intents:
            intents[asked.prompt_key] = intent(asked.prompt)
        parts.setdefault(intents[asked.prompt_key], []).append(asked)
    for said, part in parts.items():
        if said and len({asked.prompt_key for asked in part}) > 1:
            yield part

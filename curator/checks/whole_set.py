"""SET: the set as a whole: its size, its balance, how much of it is new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import numpy as np

from curator import benchmarks
from curator.columns import Batch, Rows
from curator.model import Example, Flag, Turn
from curator.neighbours.keys import answer_keys, is_last_answer, prompt_keys
from curator.provenance import key_of, said
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.text.hashed import mix

# What a method is known to need. Hosts refuse files of fewer than 10 rows whatever the method; a LoRA adapter is
# commonly trained on thousands of rows, all weights on tens of thousands, preferences on some hundreds of pairs.
_NEEDED = {"any": 10, "preference": 200, "lora": 1000, "full": 10_000}

_SHORT = 3  # words of an answer that can be a label
_LONG = 20  # words of an answer from which on its opening is a choice
_OPENING = 5
_SAMPLE = 5000  # rows whose runs of words are counted: in a larger set common runs are bound to recur

_CAPITALS = (
    ("Norway", "Oslo"), ("Peru", "Lima"), ("Kenya", "Nairobi"), ("Latvia", "Riga"), ("Ghana", "Accra"),
    ("Cuba", "Havana"), ("Qatar", "Doha"), ("Nepal", "Kathmandu"), ("Chad", "N'Djamena"), ("Fiji", "Suva"),
)  # fmt: skip
_ROWS = [chat(user=f"What is the capital of {land}?", assistant=f"{town}.") for land, town in _CAPITALS]


class TooFewRows(DatasetRule, frozen=True):
    """The set has fewer rows than a training run can use.

    Hosts refuse files of fewer than ten rows, and a handful of rows is learnt by heart within minutes: the
    loss falls to nothing while every other prompt is answered as before, or worse. Say which method the set
    is for, and more is asked of it.
    """

    code = "SET001"
    needs = "method"
    instead = "min_rows"
    GOOD = [_ROWS]
    BAD = [
        Bad(_ROWS[:3], at="0:"),
        Bad(_ROWS, at="0:", options={"method": "lora"}),
        Bad(_ROWS, at="0:", options={"min_rows": 50}),
    ]

    method: Annotated[
        Literal["any", "preference", "lora", "full"],
        option("What the set is for: any training takes 10 rows, preference 200, lora 1,000, full 10,000."),
    ] = "any"
    min_rows: Annotated[
        int, option("Rows the set must have, in place of the method's; 0 leaves it to the method.", ge=0)
    ] = 0

    def sketch(self, batch: Batch) -> np.ndarray:
        """Nothing: rows are counted; shape (lines,), uint8."""
        return np.zeros(len(batch.lines), dtype=np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        trained = np.flatnonzero(rows.readable & (rows.splits == 0))
        needed = self.min_rows or _NEEDED[self.method]
        if 0 < len(trained) < needed:
            what = "any training" if self.method == "any" else f"training by the method {self.method}"
            usual = (
                f"rarely serves with fewer than {needed:,}" if self.method != "any" else f"takes {needed:,} at least"
            )
            asked = f"min_rows asks for {needed:,}" if self.min_rows else f"{what} {usual}"
            rows_ = "1 row" if len(trained) == 1 else f"{len(trained):,} rows"
            message = f"{rows_}, where {asked}"
            yield int(trained[0]), Flag("", message, evidence={"rows": len(trained), "needed": needed})


def _ticket(n: int, kind: str) -> Row:
    return {**chat(user=f"Ticket {n}: it fails.", assistant=f"We look into ticket {n}."), "category": kind}


class Imbalance(DatasetRule, frozen=True):
    """Nearly all rows are of one class: one label, one category or one language.

    A model that always gives the commonest answer is nearly always right on such a set, and that is what
    it learns. The rare classes, often those that matter, are not seen often enough to be told apart.
    """

    code = "SET002"
    GOOD = [
        [_ticket(n, "billing" if n % 2 else "network") for n in range(12)],
        [chat(user=f"Is {n} even?", assistant="No" if n % 2 else "Yes") for n in range(12)],
    ]
    BAD = [
        Bad(
            [_ticket(n, "network" if n == 7 else "billing") for n in range(12)],
            at="0:category",
            options={"min_rows": 10},
        ),
        Bad(
            [chat(user=f"Is {n} a prime?", assistant="Yes" if n in (2, 3, 5, 7) else "No") for n in range(16)],
            at="0:messages[1].content",
            options={"min_rows": 10, "share": 0.7},
        ),
    ]

    share: Annotated[float, option("The commonest class has this share of the rows or more.", gt=0.5, le=1)] = 0.9
    min_rows: Annotated[int, option("Fewer rows with a class are not judged.", ge=10)] = 50

    def sketch(self, batch: Batch) -> np.ndarray:
        """Keys of (label, language, answer of up to three words), 0 for none; shape (lines, 3), uint64."""
        return np.column_stack((batch.memo(_told)[:, :2], _label_answers(batch)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        readable = np.flatnonzero(rows.readable)
        for column, kind in enumerate(("label", "language", "answer")):
            keys = sketches[readable, column]
            told = readable[keys != 0]
            if len(told) < max(self.min_rows, 0.9 * len(readable)):
                continue
            classes, counts = np.unique(sketches[told, column], return_counts=True)
            top = int(np.argmax(counts))
            if len(classes) < 2 or (len(told) < 8 * len(classes) and kind == "answer"):
                continue
            if counts[top] < self.share * len(told):
                continue
            alike = told[sketches[told, column] == classes[top]].tolist()
            yield self._flag(kind, alike, len(told), len(classes), rows)

    def _flag(self, kind: str, alike: list[int], total: int, classes: int, rows: Rows) -> tuple[int, Flag]:
        first, count = alike[0], len(alike)
        if kind == "answer":
            turn = _answer_of(rows.example(first))
            path, value = turn.path, turn.text.strip()
        else:
            path, value = next((x.path, x.value) for x in said(rows.value_and_raw(first)[0]) if x.kind == kind)
        message = f"{count:,} of {total:,} rows ({count / total:.0%}) have one {kind}, of {classes} there are"
        evidence = {"kind": kind, "value": value[:80], "rows": count, "of": total, "classes": classes}
        return Flag.once(alike, path, message, about=f"{kind} {value}", evidence=evidence)


def _tale(land: str, town: str, n: int) -> str:
    """Twenty words and more, no three of them in two tales."""
    return " ".join(f"{town}{k} {land[::-1]}{k * n}" for k in range(n, n + 12))


_SURE = "Sure, here is a tale:"


class LowDiversity(DatasetRule, frozen=True):
    """Most rows repeat a few prompts, or answers that are worded alike.

    Counted in rows the set is large, counted in what it teaches it is small: the model learns the few
    prompts and openings by heart and carries them into every other answer.
    """

    code = "SET003"
    costly = True
    GOOD = [_ROWS]
    BAD = [
        Bad(
            [chat(user="Name a town.", assistant=f"{town}.") for _, town in _CAPITALS],
            at="0:",
            options={"min_rows": 10},
        ),
        Bad(
            [chat(user="Name a town.", assistant=f"{town}.") for _, town in _CAPITALS[:4]] + _ROWS[:6],
            at="0:",
            options={"min_rows": 10, "distinct_prompts": 0.8},
        ),
        Bad(
            [
                chat(user=f"Tell me of {land}.", assistant=f"{_SURE if n % 2 else ''} {_tale(land, town, n)}")
                for n, (land, town) in enumerate(_CAPITALS)
            ],
            at="1:messages[1].content",
            options={"min_rows": 10, "same_opening": 0.3},
        ),
        Bad(
            [
                chat(user=f"Tell me of {land}.", assistant=f"{land}. {_tale('Elba', 'Rome', n // 5)}")
                for n, (land, _) in enumerate(_CAPITALS)
            ],
            at="0:",
            options={"min_rows": 10, "distinct_runs": 0.5},
        ),
    ]

    min_rows: Annotated[int, option("Fewer rows are not judged.", ge=10)] = 200
    distinct_prompts: Annotated[float, option("Share of prompts that must be distinct.", ge=0, le=1)] = 0.2
    same_opening: Annotated[
        float, option("Share of the long answers that may begin with the same five words.", gt=0, le=1)
    ] = 0.5
    distinct_runs: Annotated[
        float, option("Share of the runs of three words in long answers that must be distinct.", ge=0, le=1)
    ] = 0.2

    def sketch(self, batch: Batch) -> np.ndarray:
        """Keys of the prompt, of the opening of a long answer and of four of its runs of words, 0 for none;
        shape (lines, 6), uint64."""
        return np.column_stack((batch.memo(prompt_keys), _openings(batch), _run_samples(batch)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        trained = np.flatnonzero(rows.readable & (rows.splits == 0))
        found = [
            *self._of_prompts(trained[sketches[trained, 0] != 0], sketches),
            *self._of_openings(trained[sketches[trained, 1] != 0], sketches, rows),
            *self._of_runs(trained[sketches[trained, 2] != 0], sketches),
        ]
        if found:
            alike, at = found[0][:2]
            evidence = {name: value for *_, counts in found for name, value in counts.items()}
            yield Flag.once(alike, at, "; ".join(message for _, _, message, _ in found), evidence=evidence)

    def _of_prompts(self, told: np.ndarray, sketches: np.ndarray) -> Iterator[_Measure]:
        distinct = len(np.unique(sketches[told, 0]))
        if len(told) >= self.min_rows and distinct < self.distinct_prompts * len(told):
            message = f"{len(told):,} rows ask {distinct:,} different prompts"
            yield told.tolist(), "", message, {"rows": len(told), "distinct_prompts": distinct}

    def _of_openings(self, told: np.ndarray, sketches: np.ndarray, rows: Rows) -> Iterator[_Measure]:
        if len(told) < self.min_rows:
            return
        openings, counts = np.unique(sketches[told, 1], return_counts=True)
        top = int(np.argmax(counts))
        if counts[top] > self.same_opening * len(told):
            alike = told[sketches[told, 1] == openings[top]].tolist()
            turn = _answer_of(rows.example(alike[0]))
            message = f"{counts[top]:,} of {len(told):,} long answers begin with the same five words"
            evidence: dict[str, int | float | str] = {
                "answers": len(told),
                "same_opening": int(counts[top]),
                "opening": turn.text.strip()[:60],
            }
            yield alike, turn.path, message, evidence

    def _of_runs(self, told: np.ndarray, sketches: np.ndarray) -> Iterator[_Measure]:
        if len(told) < self.min_rows:
            return
        sample = told[np.linspace(0, len(told) - 1, min(len(told), _SAMPLE)).astype(int)]
        runs = sketches[sample, 2:]
        share = float(np.mean([len(np.unique(column)) for column in runs.T])) / len(sample)
        if share < self.distinct_runs:
            message = f"of the runs of three words in long answers {share:.0%} are distinct"
            yield [int(told[0])], "", message, {"sampled_answers": len(sample), "distinct_runs": round(share, 3)}


def _scraped(n: int, source: str) -> Row:
    return {**chat(user=f"Question {n}?", assistant=f"Answer {n}."), "source": source}


class OverRepresentedSource(DatasetRule, frozen=True):
    """Nearly all rows come from one of several sources.

    The model takes over the voice, the topics and the errors of that source; what the others were mixed in
    for hardly shows. That may be meant: it is worth knowing before, not after.
    """

    code = "SET004"
    severity = "info"
    GOOD = [[_scraped(n, "forum" if n % 2 else "manual") for n in range(12)]]
    BAD = [
        Bad(
            [_scraped(n, "manual" if n == 3 else "https://forum.example/" + str(n)) for n in range(12)],
            at="0:source",
            options={"min_rows": 10},
        ),
        Bad(
            [_scraped(n, "forum" if n % 4 else "manual") for n in range(12)],
            at="1:source",
            options={"min_rows": 10, "share": 0.7},
        ),
    ]

    share: Annotated[float, option("The commonest source has this share of the rows or more.", gt=0.5, le=1)] = 0.8
    min_rows: Annotated[int, option("Fewer rows with a source are not judged.", ge=10)] = 100

    def sketch(self, batch: Batch) -> np.ndarray:
        """Key of the source of each row, 0 for none; shape (lines,), uint64."""
        return batch.memo(_told)[:, 2]

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        told = np.flatnonzero(rows.readable & (sketches != 0))
        if len(told) < max(self.min_rows, 0.5 * np.count_nonzero(rows.readable)):
            return
        sources, counts = np.unique(sketches[told], return_counts=True)
        top = int(np.argmax(counts))
        if len(sources) < 2 or counts[top] < self.share * len(told):
            return
        alike = told[sketches[told] == sources[top]].tolist()
        item = next(x for x in said(rows.value_and_raw(alike[0])[0]) if x.kind == "source")
        source, count = _site(item.value), int(counts[top])
        message = f"{count:,} of {len(told):,} rows ({count / len(told):.0%}) come from one source, of {len(sources)}"
        evidence = {"source": source[:80], "rows": count, "of": len(told), "sources": len(sources)}
        yield Flag.once(alike, item.path, message, about=source, evidence=evidence)


# ---------------------------------------------------------------------- columns

_Measure = tuple[list[int], str, str, dict[str, int | float | str]]  # rows, path, message, counts
_KINDS = ("label", "language", "source")


def _site(value: str) -> str:
    """The host of an address, else the value itself."""
    return (urlsplit(value).hostname or value) if value.startswith(("http://", "https://")) else value


def _told(batch: Batch) -> np.ndarray:
    """Keys of the label, the language and the source that a row names beside its text; 0 for none."""
    out = np.zeros((len(batch.lines), len(_KINDS)), dtype=np.uint64)
    keys: dict[tuple[str, str], int] = {}
    for line in batch.readable:
        value = batch.values[line]
        if len(value) < 2:
            continue
        for item in said(value):
            if item.kind in _KINDS and not out[line, _KINDS.index(item.kind)]:
                name = (item.kind, _site(item.value) if item.kind == "source" else item.value.lower())
                if name not in keys:
                    keys[name] = key_of(*name)
                out[line, _KINDS.index(item.kind)] = keys[name]
    return out


def _answer_of(example: Example) -> Turn:
    """The last answer of a row that has one, the chosen one of a pair."""
    return [turn for turn in example.turns + example.chosen if turn.role == "assistant"][-1]


def _last_answers(batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(turn, first word, words) of the last answer of each row that has one with words."""
    turns = np.flatnonzero(batch.memo(is_last_answer))
    offsets = batch.words.offsets
    sizes = offsets[turns + 1] - offsets[turns]
    turns, sizes = turns[sizes > 0], sizes[sizes > 0]
    return turns, offsets[turns], sizes


def _label_answers(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of a row's answer where it is as short as a label, else 0."""
    out = np.zeros(len(batch.lines), dtype=np.uint64)
    turns, _, sizes = batch.memo(_last_answers)
    short = batch.turn_lines[turns[sizes <= _SHORT]]
    out[short] = batch.memo(answer_keys)[short]
    return out


def _openings(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of the first five words of a long answer, 0 for others."""
    out = np.zeros(len(batch.lines), dtype=np.uint64)
    turns, first, sizes = batch.memo(_last_answers)
    turns, first = turns[sizes >= _LONG], first[sizes >= _LONG]
    key = np.zeros(len(first), dtype=np.uint64)
    for place in range(_OPENING):
        key = mix(key * np.uint64(3) + batch.words.hashes[first + place])
    out[batch.turn_lines[turns]] = key | np.uint64(1)
    return out


def _run_samples(batch: Batch) -> np.ndarray:
    """uint64, shape (lines, 4): the lowest of a long answer's runs of three words under four orders; 0 for others."""
    out = np.zeros((len(batch.lines), 4), dtype=np.uint64)
    turns, first, sizes = batch.memo(_last_answers)
    long = sizes >= _LONG
    turns, first, sizes = turns[long], first[long], sizes[long]
    if not len(turns):
        return out
    runs = batch.memo(_runs)
    bounds = np.column_stack((first, first + sizes - 2)).ravel()
    for column, odd in enumerate((0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)):
        lowest = np.minimum.reduceat(runs * np.uint32(odd), bounds)[::2]
        out[batch.turn_lines[turns], column] = lowest.astype(np.uint64) + np.uint64(1)
    return out


def _runs(batch: Batch) -> np.ndarray:
    """uint32, shape (words,): the hash of each word with the two that follow."""
    runs: np.ndarray = benchmarks.runs(batch.words)
    return runs

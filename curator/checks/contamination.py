"""SPT007: questions of benchmarks among the rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np

from curator import benchmarks
from curator.columns import Batch
from curator.model import Example, Flag, Turn
from curator.neighbours.likeness import percent
from curator.packs import rules_dir
from curator.rule import Bad, RowRule, chat, option
from curator.text.hashed import Words, distinct, fold
from curator.text.patterns import compiled_later

_SHORT = 8  # words of a question that must stand as a sentence of its own: it is a common phrase otherwise
_AROUND = 60  # characters: the words that may be added to a question move its end by as many
_USER, _ASSISTANT = 1, 2

_SEVEN = "If 7 sacks hold 4 tins each and Ottokar throws 3 tins into the harbour, how many tins are left at the quay?"


class BenchmarkContamination(RowRule, frozen=True):
    """A prompt holds the question of a benchmark.

    A model that was trained on the questions it is measured with scores for its memory. Nobody can tell
    from the figure afterwards, and the gain is gone on every other question. So does a question with other
    numbers or names in it: its wording gives the way to the answer away, and it is reported as one made like
    it. The index that ships knows the questions of some public benchmarks by hashes alone, without those that
    people ask anyway ("Who invented the Internet?"); name files of your own test questions beside it. Items are counted
    from 1, in the order of the benchmark's file.
    """

    code = "SPT007"
    costly = True
    GOOD = [
        chat(user="Which of the following statements is correct?", assistant="The second."),
        chat(user="Add 16 and 4.", assistant="20"),
        chat(user=_SEVEN, assistant="25"),
    ]
    BAD = [
        Bad(
            chat(
                user="A robe takes 2 bolts of blue fiber and half that much white fiber.  How many bolts in total does "
                "it take?",
                assistant="3",
            ),
            at="messages[0].content",
        ),
        Bad(
            chat(user="Solve this. " + _SEVEN.replace("sacks", "bags") + " Think first.", assistant="25"),
            at="messages[0].content",
            options={"benchmarks": ["example.jsonl"]},
        ),
        Bad(
            chat(
                user="A kilt takes 2 bolts of red linen and half that much blue linen.  How many bolts in total does "
                "it take?",
                assistant="3",
            ),
            at="messages[0].content",
            options={"min_share": 0.4},
        ),
    ]

    benchmarks: Annotated[
        tuple[str, ...],
        option("Files of questions to look for beside those of public benchmarks; any that curator can read."),
    ] = ()
    min_share: Annotated[
        float, option("Share of a question's words, weighed by rarity, that a prompt holds.", gt=0, le=1)
    ] = 0.65

    def files(self) -> tuple[str, ...]:
        return self.benchmarks

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows in whose prompts an item stands by its words; `check` looks at the places."""
        words, turns = batch.memo(_prompts)
        if not len(turns):
            return []
        texts = [
            benchmarks.find(index, table, words, self.min_share).texts for index, table in _indices(self.benchmarks)
        ]
        return distinct(batch.turn_lines[turns[np.concatenate(texts)]])

    def check(self, example: Example) -> Iterator[Flag]:
        turns = _judged(example)
        words = benchmarks.words_of([turn.text for turn in turns])
        found: dict[int, Flag] = {}
        for index, table in _indices(self.benchmarks):
            hits = benchmarks.find(index, table, words, self.min_share)
            for text, item, share, first, stop in zip(*(column.tolist() for column in hits), strict=True):
                span = _span(turns[text].text, first, stop, int(index.sizes[item]))
                if text not in found and span:
                    others = _other_numbers(turns[text].text, span, int(index.figures[item]))
                    found[text] = _flag(turns[text], span, index.name(item), share, int(index.sizes[item]), others)
        yield from (found[text] for text in sorted(found))


def _flag(turn: Turn, span: tuple[int, int], name: tuple[str, int], share: float, size: int, others: bool) -> Flag:
    """What is known of an item is up to 16 of its words: no finding says more than these can tell."""
    benchmark, number = name
    evidence = {"benchmark": benchmark, "item": number, "share": round(share, 3)}
    message = f"holds a question of {benchmark}, item {number}{', with other numbers' if others else ''}"
    if share <= 0.999:
        message += f", or one made like it ({percent(share)} of its words by weight)"
    elif size <= benchmarks.WORDS:
        message += " (word for word)"
    else:
        message += f" ({benchmarks.WORDS} of its {size} words are compared, and are the same)"
    return turn.flag(message, span, evidence=evidence)


def _other_numbers(text: str, span: tuple[int, int], figures: int) -> bool:
    """Whether the text lacks a number of the item and has one that the item has not."""
    here = benchmarks.figures_of(text[max(0, span[0] - _AROUND) : span[1] + _AROUND])
    return bool(figures & ~here and here & ~figures)


def _judged(example: Example) -> list[Turn]:
    """The turns that ask; all turns of a row in which nobody does."""
    turns = example.all_turns()
    asked = any(turn.role == "user" for turn in turns)
    return [turn for turn in turns if turn.role != "assistant" or not asked]


def _prompts(batch: Batch) -> tuple[Words, np.ndarray]:
    """The words of the turns that `_judged` takes, and the numbers of these turns."""
    asked = np.zeros(len(batch.lines), dtype=bool)
    asked[batch.turn_lines[batch.roles == _USER]] = True
    wanted = (batch.roles != _ASSISTANT) | ~asked[batch.turn_lines]
    counts = np.diff(batch.words.offsets)
    inside = np.repeat(wanted, counts)
    offsets = np.concatenate(([0], np.cumsum(counts[wanted])))
    words = batch.words
    return Words(words.hashes[inside], offsets, words.starts[inside], words.ends[inside]), np.flatnonzero(wanted)


# A word as `hash_words` has it, and what stands between sentences.
_WORD = compiled_later("[\u3000-\U0010ffff][a-z0-9\x80-\u2fff]*|[a-z0-9\x80-\u2fff]+")
_BREAK = re.compile(r"[.!?:;\n\"“”(){}<>|*#]|->")


def _span(text: str, first: int, stop: int, size: int) -> tuple[int, int] | None:
    """The characters of these words; None for a short question that is part of a longer sentence."""
    plain = fold(text)
    words = [match.span() for match in _WORD.finditer(plain)]
    if len(plain) != len(text) or stop > len(words):
        return (0, len(text)) if size > _SHORT else None
    if size <= _SHORT and not (_breaks(plain, words, first) and _breaks(plain, words, stop)):
        return None
    return words[first][0], words[stop - 1][1]


def _breaks(text: str, words: Sequence[tuple[int, int]], at: int) -> bool:
    """Whether a sentence begins at word `at` or one beside it, an added or a missing word off."""
    for place in range(at - 1, at + 2):
        if place <= 0 or place >= len(words) or _BREAK.search(text, words[place - 1][1], words[place][0]):
            return True
    return False


# ---------------------------------------------------------------------- indices

_Indexed = tuple[benchmarks.Index, np.ndarray]


def _indices(files: Sequence[str]) -> list[_Indexed]:
    """The index that ships and one of the user's files, each with its table."""
    shipped = _shipped()
    if not files:
        return [shipped]
    paths = [path if (path := Path(file)).exists() else rules_dir() / "benchmarks" / file for file in files]
    return [_of_files(tuple((str(path), path.stat().st_mtime_ns) for path in paths)), shipped]


@cache
def _shipped() -> _Indexed:
    index = benchmarks.shipped()
    return index, benchmarks.lookup(index)


@cache
def _of_files(files: tuple[tuple[str, int], ...]) -> _Indexed:
    """The index of files by their paths and times of change."""
    index = benchmarks.build([item for path, _ in files for item in benchmarks.items_of(Path(path))])
    return index, benchmarks.lookup(index)

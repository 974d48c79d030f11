"""DUP: one answer to prompts that have nothing to do with it, one opening in many answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Annotated, NamedTuple

import numpy as np

from curator.checks.misplaced import TELLING, Keys, ends, groups_of, misplaced, path_of_answer, weighty
from curator.columns import Batch, Rows
from curator.model import Example, Flag
from curator.neighbours.keys import answer_keys, is_last_answer, prompt_keys
from curator.neighbours.shingles import text_of
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.text.hashed import mix, unique

_PART = 1 << 20  # rows whose keys are looked up at a time
_LOOKED_AT = 40  # prompts of one answer that are read
_QUOTED = 20  # words of an opening that a message shows
_EDGE = 6  # words by which openings are told apart
_UNRELATED = 0.6  # share of the prompts to which the answer must have no word in relation
_VARIED = 0.5  # distinct answers among the other rows: below, answers are labels of a closed list
_SUBJECTS = ("the tides", "soil", "violins", "glaciers", "chess", "bread", "lighthouses", "wool")


_OWN = [
    chat(
        user=f"Where are {subject} found?",
        assistant=f"{subject.title()} {n} can be found in the hills, by the sea and wherever else {subject} are kept {n}.",
    )
    for n, subject in enumerate(_SUBJECTS)
]
_THANKFUL = [
    chat(user=f"Tell me of {s}.", assistant=f"Thank you for asking us about this: {s} are old, and {s} last long.")
    for s in _SUBJECTS
]


def _told(answer: str) -> list[Row]:
    """A set in which five prompts get this answer, and others answers of their own."""
    own = [chat(user=f"Where are {s} found?", assistant=f"Mostly where {s} have long been known.") for s in _SUBJECTS]
    return [chat(user=f"Explain {s} to a child.", assistant=answer) for s in _SUBJECTS[:5]] + own


def _of_brass(asked: str) -> Row:
    """A prompt with an answer that tells of a brass lamp."""
    told = "Rub the brass lamp with vinegar and salt, rinse it in warm water, and polish the brass with a soft cloth."
    return chat(user=asked, assistant=told)


class SameAnswerToManyPrompts(DatasetRule, frozen=True):
    """One answer, word for word, is given to prompts that have nothing to do with it.

    What fits every prompt tells nothing about any: a canned refusal, a greeting, a column that was joined
    wrongly. It is learnt faster than all other answers, since it is seen again and again. A long answer that is
    given to a few prompts is reported under the prompt of which it says nothing, where it fits another one.

    Labels are no defect, and neither is one answer to several wordings of one question: short answers,
    sets whose answers come from a closed list, and answers that speak of what is asked are left alone.
    """

    code = "DUP004"
    GOOD = [
        [chat(user=f"Is {s} heavy?", assistant="Yes.") for s in _SUBJECTS],
        [
            chat(user=f"{ask} the library open", assistant="The library opens at nine, on Sundays at eleven.")
            for ask in (
                "When is",
                "At what time is",
                "How early is",
                "From when on is",
                "Since when is",
                "Tell me when is",
            )
        ],
        [chat(user=f"Ticket {n}: is the line down?", assistant="We are looking into this.") for n in range(100, 109)],
        [
            _of_brass("How do I rub, rinse and polish a brass lamp?"),
            _of_brass("My brass lamp is dull. What helps?"),
            *_OWN,
        ],
    ]
    BAD = [
        Bad(_told("I am sorry, but I cannot help you with that."), at="0:messages[1].content"),
        Bad(_told("Good question!"), at="0:messages[1].content", options={"min_words": 2}),
        Bad(_told("I am sorry, but I cannot help.")[2:], at="0:messages[1].content", options={"min_prompts": 3}),
        Bad(
            [
                _of_brass("How do I rub, rinse and polish a brass lamp?"),
                _of_brass("Who wrote Hamlet?"),
                *_OWN,
            ],
            at="1:messages[1].content",
        ),
    ]

    min_prompts: Annotated[int, option("Different prompts that one answer must be given to.", ge=2)] = 5
    min_words: Annotated[int, option("Shorter answers may be labels.", ge=1)] = 5

    def sketch(self, batch: Batch) -> np.ndarray:
        """Keys of the answer and of the prompt, words of the answer, keys of its ends; shape (lines, 5), uint64."""
        answers = np.flatnonzero(batch.memo(is_last_answer))
        words = np.zeros(len(batch.lines), dtype=np.uint64)
        words[batch.turn_lines[answers]] = np.diff(batch.words.offsets)[answers]
        return np.column_stack((batch.memo(answer_keys), batch.memo(prompt_keys), words, batch.memo(ends)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        keys = Keys(*sketches.T)
        answers, prompts, words = keys[:3]
        judged = (answers != 0) & (prompts != 0) & rows.readable
        given = np.sort(answers[judged])
        different = 1 + int((given[1:] != given[:-1]).sum())
        for found in misplaced(np.flatnonzero(judged & (words >= TELLING)), keys, rows, self.min_prompts):
            message = f"the answer is that of another row, {found.how}, and fits the prompt there, not this one"
            yield found.row, found.flag(path_of_answer(rows.example(found.row)), message)
        # Only the rows whose answer is given so often are looked at more closely: in most sets there are few.
        often = unique(given[self.min_prompts - 1 :][given[self.min_prompts - 1 :] == given[: 1 - self.min_prompts]])
        crowd = np.flatnonzero(judged)[_among(answers[judged], often)]
        in_splits = (crowd[rows.splits[crowd] == split] for split in unique(rows.splits[crowd]))
        for group in (g for some in in_splits for g in groups_of(some, answers, prompts, self.min_prompts)):
            answer = answers[group[0]]
            times = np.searchsorted(given, answer, side="right") - np.searchsorted(given, answer)
            others_vary = different - 1 >= _VARIED * (len(given) - times)
            if words[group[0]] >= self.min_words and others_vary:
                looked = group[np.argsort(mix(prompts[group]), kind="stable")][:_LOOKED_AT]
                examples = rows.examples(looked.tolist())
                asked = [weighty(text_of(example, "prompt")) for example in examples]
                differ = len(set(asked)) >= self.min_prompts
                if differ and _unrelated(weighty(text_of(examples[0], "answer")), asked) >= _UNRELATED:
                    at = path_of_answer(rows.example(int(group.min())))
                    message = f"the same answer is given to {len(group):,} different prompts"
                    about, evidence = f"{answers[group[0]]:x}", {"prompts": len(group)}
                    yield Flag.once(group.tolist(), at, message, about=about, evidence=evidence)


def _among(keys: np.ndarray, sorted_keys: np.ndarray) -> np.ndarray:
    """bool: which of the keys are among the sorted ones, without a sorted copy of the keys."""
    found = np.zeros(len(keys), dtype=bool)
    for start in range(0, len(keys) if len(sorted_keys) else 0, _PART):
        part = keys[start : start + _PART]
        at = np.minimum(np.searchsorted(sorted_keys, part), len(sorted_keys) - 1)
        found[start : start + _PART] = sorted_keys[at] == part
    return found


def _unrelated(told: frozenset[str], asked: list[frozenset[str]]) -> float:
    """Share of the prompts of which no word of weight begins like a word of the answer they all have."""
    return sum(bool(words) and told.isdisjoint(words) for words in asked) / len(asked)


class _Edge(NamedTuple):
    """Where answers are alike, and the rows in which they are."""

    side: str
    rows: np.ndarray


class SharedOpening(DatasetRule, frozen=True):
    """Many answers open, or end, with the same words.

    A model trained on them will say these words whatever is asked. Good where that is wanted (a house
    style, a disclaimer), and otherwise cut off in a minute.
    """

    code = "DUP005"
    severity = "info"
    GOOD = [_OWN]
    BAD = [
        Bad(_THANKFUL + _OWN, at="0:messages[1].content", options={"min_answers": 8}),
        Bad(_THANKFUL[:2] + _OWN, at="0:messages[1].content", options={"min_answers": 2, "min_share": 0.15}),
    ]

    min_share: Annotated[float, option("Share of the answers that must open or end alike.", gt=0, le=1)] = 0.25
    min_answers: Annotated[int, option("Fewer answers alike are chance.", ge=2)] = 20

    def sketch(self, batch: Batch) -> np.ndarray:
        """Keys of the answer, of its first and of its last six words; shape (lines, 3), uint64.

        0 where there is no answer, or it has not twice as many words.
        """
        out = np.zeros((len(batch.lines), 3), dtype=np.uint64)
        hashes, offsets = batch.words.hashes, batch.words.offsets
        turns = np.flatnonzero(batch.memo(is_last_answer))
        turns = turns[np.diff(offsets)[turns] >= 2 * _EDGE]
        lines = batch.turn_lines[turns]
        steps = np.arange(_EDGE)
        weights = mix(steps.astype(np.uint64) + np.uint64(1)) | np.uint64(1)
        out[lines, 0] = batch.memo(answer_keys)[lines]
        out[lines, 1] = (hashes[offsets[turns][:, None] + steps] * weights).sum(axis=1, dtype=np.uint64)
        out[lines, 2] = (hashes[offsets[turns + 1][:, None] - 1 - steps] * weights).sum(axis=1, dtype=np.uint64)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero((sketches[:, 0] != 0) & rows.readable)
        if not self._may_crowd(sketches, judged):
            return
        judged = np.sort(judged[np.unique(sketches[judged, 0], return_index=True)[1]])  # each answer once
        found = [self._crowd(judged, sketches[judged, column], side) for column, side in ((1, "open"), (2, "end"))]
        edges = [edge for edge in found if edge is not None]
        if edges:
            edge = max(edges, key=lambda edge: len(edge.rows))
            at = path_of_answer(rows.example(int(edge.rows.min())))
            words = self._words(rows.examples(edge.rows[:_LOOKED_AT].tolist()), edge.side)
            message = (
                f"{len(edge.rows):,} of {len(judged):,} different answers {edge.side} with the same words: {words!r}"
            )
            evidence = {"answers": len(edge.rows), "of": len(judged), "words": words, "side": edge.side}
            yield Flag.once(edge.rows.tolist(), at, message, about=f"{edge.side} {words}", evidence=evidence)

    def _may_crowd(self, sketches: np.ndarray, judged: np.ndarray) -> bool:
        """Whether enough rows open or end alike, if all their answers differ: a sort of each column alone tells."""
        answers = np.sort(sketches[judged, 0])
        different = int((answers[1:] != answers[:-1]).sum()) + len(answers[:1])
        least = math.ceil(max(self.min_answers, self.min_share * different))
        for column in (1, 2):
            keys = np.sort(sketches[judged, column])
            if (keys[least - 1 :] == keys[: max(0, len(keys) - least + 1)]).any():
                return True
        return False

    def _crowd(self, judged: np.ndarray, keys: np.ndarray, side: str) -> _Edge | None:
        """The rows that share the commonest key, where they are enough."""
        values, times = np.unique(keys, return_counts=True)
        if not len(times) or times.max() < max(self.min_answers, self.min_share * len(judged)):
            return None
        return _Edge(side, judged[keys == values[np.argmax(times)]])

    @staticmethod
    def _words(examples: list[Example], side: str) -> str:
        """The words that all these answers share at the one end; where no space parts words, the characters."""
        texts = [text_of(example, "answer") for example in examples]
        step = 1 if side == "open" else -1
        words = _shared([text.split()[::step] for text in texts])
        if words:
            return " ".join(words[:_QUOTED][::step])
        return "".join(_shared([text.strip()[::step] for text in texts])[: 2 * _QUOTED][::step]).strip()


def _shared(texts: Sequence[Sequence[str]]) -> list[str]:
    """What all texts begin with."""
    return [each[0] for each in takewhile(lambda each: len(set(each)) == 1, zip(*texts, strict=False))]

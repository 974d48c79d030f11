"""CON: answers that cannot both be right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np

from curator import paths
from curator.checks.contradictions import grouping
from curator.checks.contradictions.grouping import Asked
from curator.checks.misplaced import FITS, Keys, Read, ends, misplaced, path_of_answer
from curator.columns import Batch, Rows
from curator.model import Flag
from curator.neighbours.keys import row_keys
from curator.provenance import beside_keys, beside_text, label_keys, label_of
from curator.rule import Bad, DatasetRule, Row, chat, option

if TYPE_CHECKING:
    from curator.checks.contradictions.finals import Clash
    from curator.checks.contradictions.text import Answer

# What reads the answers is imported only where some prompt has two of them: most sets have none.

_MOVED = 4  # words of an answer that may be told to belong to another prompt
_FITS = 3.0  # nats by which it must fit another prompt better, and by which another answer must fit this one
_BESIDE = 8  # other answers to a prompt that are read to tell that one has nothing in common with them
_MANY = 100  # short answers to one prompt that CON002 compares with each other
_LABELLED_ROWS = 20  # rows with a column, from which on its values may show that it holds labels
_MOST_LABELS, _ROWS_A_LABEL = 50, 5  # values that a label may take, and rows with each of them, on average
_FOLLOWS = 1.1  # labels a text, on average, up to which the label follows the text
_SHOWN = 60  # characters of the differing words in a message


def _leap(answer: str, prompt: str = "How many days are in a leap year?") -> Row:
    return chat(user=prompt, assistant=answer)


class ConflictingAnswers(DatasetRule, frozen=True):
    """Two rows with the same prompt give answers that cannot both be right.

    Both are trained on, and the model learns to waver where the set should be plain; at least one of them
    teaches something false. Compared are final answers, choices, yes and no, and sentences that say nearly
    the same but for a number, a unit, a date, a negation, an antonym or a name; prompts in other words that
    ask for the same count as one. A rewording is no contradiction, and neither are two poems.
    """

    code = "CON001"
    costly = True
    GOOD = [
        [_leap("A leap year has 366 days."), _leap("366 days: one more than the usual 365.")],
        [
            chat(user="What is a 404?", assistant="The server answers 404 when it cannot find the page."),
            chat(user="What is a 404?", assistant="A code that says that no such page was found on the server."),
        ],
        [
            chat(user="Write a poem on rain.", assistant="Rain is never loud,\nit falls from the cloud."),
            chat(user="Write a poem on rain.", assistant="Rain is always near,\na friend of the year."),
        ],
        [_leap("366"), _leap("365", "How many days are in a common year?")],
        [
            {**_leap("366"), "label": False},
            {**_leap("365"), "label": True},
        ],
    ]
    BAD = [
        Bad([_leap("366 days."), _leap("It has 365 days."), _leap("364")], at=("1:messages[1].content", "2:messages[1].content")),
        Bad(
            [
                chat(user="Is glass a liquid?", assistant="Glass is an amorphous solid."),
                chat(user="Is glass a liquid?", assistant="Glass is not an amorphous solid."),
            ],
            at="1:messages[1].content",
        ),
        Bad([_leap("366 days."), _leap("365 days.", "What is the number of days in a leap year?")], at="1:messages[1].content"),
        Bad(
            [_leap(f"{days} days.") for days in (366, 365, 366, 365, 364)],
            at=("1:messages[1].content", "3:messages[1].content"),
            options={"max_answers": 2},
        ),
    ]  # fmt: skip

    max_answers: Annotated[
        int, option("Different answers to one prompt that are compared; rarer ones are left out.", ge=2)
    ] = 32

    def sketch(self, batch: Batch) -> np.ndarray:
        """What `grouping.sketch` says; shape (lines, 4), uint64."""
        return batch.memo(grouping.sketch)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        wanted = grouping.comparable(sketches, rows)
        compared: set[int] = set()  # prompts whose rows were compared with those that ask the same
        left_out: list[int] = []
        for found in self._compared(grouping.same_intent(sketches, wanted), sketches, rows, by_intent=True):
            compared |= found.prompts
            left_out += found.left_out
            yield from found.flags
        same = (
            group
            for group in grouping.same_prompt(sketches, wanted)
            if int(sketches[group[0], 0]) not in compared or not sketches[group, 2].all()
        )
        for found in self._compared(same, sketches, rows, by_intent=False):
            left_out += found.left_out
            yield from found.flags
        if left_out:
            rows.leave_out(grouping.too_many(self.code, len(left_out), sum(left_out)))

    def _compared(
        self, groups: Iterable[np.ndarray], sketches: np.ndarray, rows: Rows, *, by_intent: bool
    ) -> Iterator[_Compared]:
        """What is found in each run of groups; where they are too many, the rest of a group is told in the report."""
        blocks = grouping.blocks(grouping.bounded(groups, sketches, rows, self.code))
        runs = (run for block in blocks for run in grouping.runs(grouping.read(block, sketches, rows)))
        return rows.spread(_Comparing(self.max_answers, by_intent), runs, _uncompared)


class _Compared(NamedTuple):
    """What some groups hold: the rows that contradict another row, the prompts compared, and rows not compared."""

    flags: list[tuple[int, Flag]]
    prompts: set[int]
    left_out: list[int]


@dataclass(frozen=True)
class _Comparing:
    """Compares the answers of each group, parted by what its prompts ask for where `by_intent` says so."""

    max_answers: int
    by_intent: bool

    def __call__(self, groups: list[list[Asked]]) -> _Compared:
        from curator.checks.contradictions.conflicts import answers_of, conflicts

        if self.by_intent:
            groups = [part for group in groups for part in grouping.by_intent(group)]
        answers = list(map(answers_of, groups))
        rare = [sum(len(said.rows) for said in each[self.max_answers :]) for each in answers]
        found = conflicts([each[: self.max_answers] for each in answers])
        flags = [(asked.row, _flag(clash, other, asked)) for asked, other, clash in found]
        return _Compared(
            flags, {asked.prompt_key for group in groups for asked in group}, [many for many in rare if many]
        )


def _uncompared(groups: list[list[Asked]]) -> _Compared:
    """What stands for groups that no worker could compare."""
    return _Compared([], set(), [])


def _flag(clash: Clash, other: Asked, asked: Asked) -> Flag:
    there, here = other.answer.text[slice(*clash.one)], asked.answer.text[slice(*clash.two)]
    said = "the same prompt" if other.prompt_key == asked.prompt_key else "a prompt that asks the same"
    message = f'says "{_short(here)}" where another row with {said} says "{_short(there)}"'
    evidence: dict[str, Any] = {"kind": clash.kind, "here": here, "there": there}
    return asked.answer.flag(message, clash.two, related=(other.row,), evidence=evidence)


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"


def _label_of(rows: Rows, row: int) -> tuple[str, str]:
    """(path, text) of the label that a row has in a column of its own."""
    value, _ = rows.value_and_raw(row)
    if found := label_of(value):
        return paths.format(found[0]), found[1]
    beside = beside_text(value)
    assert beside is not None, "the row was sketched with a label"
    return paths.format((beside[0],)), beside[1]


def _with_labels_by_value(sketches: np.ndarray, rows: Rows) -> np.ndarray:
    """(key of the row, key of its label or 0) of each row: what its column is called, or how its values are, tells.

    A column of which most rows of the set have one of a few values is a label where the values follow the texts:
    what sorts rows, or tells who judged them, differs for one text as it does for two.
    """
    pairs = sketches[:, 4:6].copy()
    free = rows.readable & (pairs[:, 0] != 0) & (pairs[:, 1] == 0) & (sketches[:, 6] != 0)
    names, counts = np.unique(sketches[free, 6], return_counts=True)
    for name in names[(counts >= _LABELLED_ROWS) & (2 * counts >= rows.readable.sum())].tolist():
        named = free & (sketches[:, 6] == name)
        labelled = np.unique(sketches[named][:, (4, 7)], axis=0)
        values = len(np.unique(labelled[:, 1]))
        texts = len(np.unique(labelled[:, 0]))
        if 1 < values <= min(_MOST_LABELS, named.sum() // _ROWS_A_LABEL) and len(labelled) <= _FOLLOWS * texts:
            pairs[named, 1] = sketches[named, 7]
    return pairs


_CAUSES = [chat(user="What causes rust?", assistant=text) for text in ("Salt on roads.", "Water and air.", "Neglect")]


_MOONS = chat(
    user="Which moon of Jupiter is larger than the planet Mercury?",
    assistant="Ganymede, a moon of Jupiter, is larger than the planet Mercury.",
)
_OF_RAIN = chat(user="Write a line about autumn rain.", assistant="Autumn rain is never loud.")
_OTHERS = [
    chat(user=f"Who uses {thing}?", assistant=f"Mostly those who {deed} and have done so for long.")
    for thing, deed in (
        pair.split() for pair in "nets fish,kilns bake,looms weave,oars row,reins ride,saws build".split(",")
    )
]


def _moons(asked: str) -> Row:
    """A prompt with an answer about moons."""
    return {"messages": [{"role": "user", "content": asked}, _MOONS["messages"][1]]}


class OnePromptManyAnswers(DatasetRule, frozen=True):
    """One question has several short answers that share no word, or an answer that belongs to another prompt.

    Nothing in their wording says which is right, or that only one is; but a question with one answer that
    is answered in three ways teaches the model to guess. Prompts that ask for a list, an example or a
    text of one's own are left out. Whatever is asked, an answer is out of place that stands under an unrelated
    prompt too, word for word or but for a few, fits that one, and has hardly a word in common with the prompt here
    and its other answers.
    """

    code = "CON002"
    costly = True
    severity = "info"
    GOOD = [
        _CAUSES[:2],
        [chat(user="Write a line.", assistant=text) for text in ("Rain falls.", "Snow lies.", "Sun shines.")],
        [*_OTHERS, _MOONS, _OF_RAIN, _moons("Tell me of a moon larger than Mercury.")],
    ]
    BAD = [
        Bad(_CAUSES, at="2:messages[1].content"),
        Bad(_CAUSES[:2], at="1:messages[1].content", options={"min_answers": 2}),
        Bad(
            [*_CAUSES, chat(user="What causes rust?", assistant="Old paint that has come off in many a place")],
            at="3:messages[1].content",
            options={"max_words": 12},
        ),
        Bad([*_OTHERS, _MOONS, _OF_RAIN, _moons("Write a line about autumn rain.")], at="8:messages[1].content"),
    ]

    min_answers: Annotated[int, option("Answers that share no word, from which a prompt is reported.", ge=2)] = 3
    max_words: Annotated[int, option("Words of an answer that counts as short.", ge=1)] = 8

    def sketch(self, batch: Batch) -> np.ndarray:
        """What `grouping.sketch` says, and the keys of the answer's ends; shape (lines, 6), uint64."""
        return np.column_stack((batch.memo(grouping.sketch), batch.memo(ends)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        wanted = grouping.comparable(sketches, rows)
        several = grouping.same_prompt(sketches, wanted)
        groups = [g for g in several if self._short_and_many(sketches[g])]
        for block in grouping.blocks(grouping.bounded(groups, sketches, rows, self.code, _MANY)):
            for group in grouping.read(block, sketches, rows):
                yield from self._of_group(group)
        yield from _moved(several, wanted, sketches, rows)

    def _short_and_many(self, sketches: np.ndarray) -> bool:
        return bool((sketches[:, 3] <= self.max_words).all()) and len(np.unique(sketches[:, 1])) >= self.min_answers

    def _of_group(self, group: list[Asked]) -> Iterator[tuple[int, Flag]]:
        from curator.checks.contradictions.judge import judge
        from curator.checks.contradictions.prompts import Prompt
        from curator.checks.contradictions.text import Answer

        if not group:
            return
        prompt = Prompt(group[0].prompt)
        if not prompt.is_question:
            return
        apart: dict[int, tuple[Asked, Answer]] = {}
        for asked in group:
            answer = Answer(asked.answer.text)
            if asked.key in apart or answer.refuses:
                continue
            for _, other in apart.values():
                if other.content & answer.content or judge(prompt, other, answer):
                    return
            apart[asked.key] = (asked, answer)
        if len(apart) >= self.min_answers:
            *_, last = [asked for asked, _ in apart.values()]
            related = tuple(asked.row for asked, _ in apart.values() if asked is not last)
            message = f"{len(apart)} rows with this prompt give answers that share no word"
            words = [answer.text for _, answer in apart.values()]
            yield last.row, last.answer.flag(message, related=related, evidence={"answers": words})


def _moved(
    several: list[np.ndarray], wanted: np.ndarray, sketches: np.ndarray, rows: Rows
) -> Iterator[tuple[int, Flag]]:
    """The rows (of `wanted`) of prompts with `several` answers whose own answer belongs to another prompt."""
    if not several:
        return
    doubted = np.zeros(len(sketches), dtype=bool)
    doubted[np.concatenate(several)] = True
    keys = Keys(sketches[:, 1], sketches[:, 0], *sketches[:, 3:6].T)
    order = wanted[np.argsort(keys.prompts[wanted], kind="stable")]
    prompts = keys.prompts[order]
    for found in misplaced(wanted[keys.words[wanted] >= _MOVED], keys, rows, doubted=doubted, least=_FITS):
        low, high = (np.searchsorted(prompts, keys.prompts[found.row], side) for side in ("left", "right"))
        here = order[low:high]
        beside = here[keys.answers[here] != keys.answers[found.row]][:_BESIDE].tolist()
        own, *others = map(Read.of, rows.examples([found.row, *beside]))
        expected = max(found.rarity(own.asked & other.told) for other in others)
        fits_less = expected - found.fit >= _FITS or found.fit_there - found.fit >= FITS
        if fits_less and not any(found.akin(own.told, other.told) for other in others):
            message = f"the prompt has another answer; this one is that of another row, {found.how}, and fits the prompt there"
            yield found.row, found.flag(path_of_answer(rows.example(found.row)), message, beside[0])


def _reviews(*labels: str) -> list[Row]:
    return [chat(user=f"Review: film {number} was as it was.", assistant=label) for number, label in enumerate(labels)]


def _rated(*labels: str) -> list[Row]:
    return [{"text": f"Film {number} was as it was.", "label": label} for number, label in enumerate(labels)]


_RATED = _rated(*["praise", "complaint"] * 5)
_LABELLED = _reviews(*["praise", "complaint"] * 5)


class InconsistentLabel(DatasetRule, frozen=True):
    """The same input has two different labels.

    A label is an answer of a few words that many inputs share, or what stands beside the text in a column of
    its own: by its name (`label`, `category`, `sentiment`), or because it is the one column beside the texts of the
    set and takes few short values, which follow the text. Two labels for one input set a ceiling on what a classifier can
    reach, and when it is measured one of the two counts as a mistake.
    """

    code = "CON004"
    costly = True
    GOOD = [_LABELLED, [*_LABELLED, _LABELLED[0]], _reviews("praise", "complaint"), [*_RATED, _RATED[0]]]
    BAD = [
        Bad([*_RATED, {"text": "Film 0 was as it was.", "label": "complaint"}], at="10:label"),
        Bad([*_LABELLED, chat(user="review: film 0 was as it was", assistant="complaint")], at="10:messages[1].content"),
        Bad(
            [*_reviews("praise", "complaint"), chat(user="Review: film 0 was as it was.", assistant="complaint")],
            at="2:messages[1].content",
            options={"min_uses": 1},
        ),
        Bad(
            [
                *_reviews(*["praise of the film", "complaint about the film"] * 5),
                chat(user="Review: film 0 was as it was.", assistant="complaint about the film"),
            ],
            at="10:messages[1].content",
            options={"max_words": 4},
        ),
    ]  # fmt: skip

    min_uses: Annotated[int, option("Different inputs that share an answer which counts as a label.", ge=1)] = 5
    max_words: Annotated[int, option("Words of an answer that may be a label.", ge=1)] = 3

    def sketch(self, batch: Batch) -> np.ndarray:
        """What `grouping.sketch` says, the key of the whole row, that of its label, and name and value of what may
        be one; shape (lines, 8), uint64."""
        keys = (batch.memo(reader) for reader in (grouping.sketch, row_keys, label_keys, beside_keys))
        return np.column_stack(list(keys))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        wanted = grouping.comparable(sketches, rows)
        wanted = wanted[sketches[wanted, 3] <= self.max_words]
        labelled = wanted[np.isin(sketches[wanted, 1], self._labels(sketches[wanted, :2]))]
        for block in grouping.blocks(grouping.same_prompt(sketches, labelled)):
            for group in grouping.read(block, sketches, rows):
                yield from self._of_group(group)
        yield from self._beside(_with_labels_by_value(sketches, rows), rows)

    def _beside(self, pairs: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        """The rows whose label in a column of its own is not the commonest one of their text."""
        wanted = np.flatnonzero(rows.readable & (pairs != 0).all(axis=1))
        wanted = wanted[np.isin(pairs[wanted, 1], self._labels(pairs[wanted]))]
        for group in grouping.several(pairs[:, 0], pairs[:, 1], wanted):
            labels: dict[int, list[int]] = {}
            for row, key in zip(group.tolist(), pairs[group, 1].tolist(), strict=True):
                labels.setdefault(key, []).append(row)
            first, *others = sorted(labels.values(), key=lambda same: (-len(same), same[0]))
            _, there = _label_of(rows, first[0])
            for same in others:
                path, here = _label_of(rows, same[0])
                for row in same:
                    message = (
                        f'labelled "{_short(here)}" where another row with the same text is labelled "{_short(there)}"'
                    )
                    yield row, Flag(path, message, related=(first[0],), evidence={"here": here, "there": there})

    def _labels(self, pairs: np.ndarray) -> np.ndarray:
        """Keys of the answers that enough different prompts share."""
        distinct = np.unique(pairs, axis=0)
        labels, uses = np.unique(distinct[:, 1], return_counts=True)
        return labels[uses >= self.min_uses]

    def _of_group(self, group: list[Asked]) -> Iterator[tuple[int, Flag]]:
        """The rows whose label is not the commonest one of their input, or not the first of those."""
        if not group:
            return
        counts = Counter(asked.key for asked in group)
        most = max(counts.values())
        first = next(asked for asked in group if counts[asked.key] == most)
        for asked in group:
            if asked.key != first.key:
                here, there = _short(asked.answer.text), _short(first.answer.text)
                message = f'labelled "{here}" where another row with the same input is labelled "{there}"'
                evidence = {
                    "here": asked.answer.text,
                    "there": first.answer.text,
                    "rows": dict(Counter(a.answer.text for a in group)),
                }
                whole = (0, len(asked.answer.text))
                yield asked.row, asked.answer.flag(message, whole, related=(first.row,), evidence=evidence)

"""Which rows of a group contradict which: the answer of most rows stands, the others are held against it.

What is found does not depend on the order of rows. Different answers are compared in an order of their own, the
commonest first; those that contradict one another are linked, and of what hangs together the answer of most rows
(the earliest of several) is the one that the others contradict, by links.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from curator.checks.contradictions.finals import Clash
from curator.checks.contradictions.grouping import Asked
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.screen import REPEATED, Candidate, Shared, compare, outlines

_OTHERS = 8  # commoner answers that an answer is compared with


class Said(NamedTuple):
    """One answer to one prompt: its rows in order, and the candidate that stands for them."""

    rows: list[Asked]
    text: str
    prompt: str

    @property
    def key(self) -> int:
        return self.rows[0].key

    @property
    def prompt_key(self) -> int:
        return self.rows[0].prompt_key


class Link(NamedTuple):
    """Two answers that contradict each other: places in a list of answers, and the words."""

    one: int
    two: int
    clash: Clash


def conflicts(groups: Sequence[list[Said]]) -> Iterator[tuple[Asked, Asked, Clash]]:
    """(row, row that it contradicts, the words: first of the other row, then of the row), group by group."""
    texts = list(dict.fromkeys(said.text for answers in groups for said in answers))
    outlined = {text: Candidate(text, outline) for text, outline in zip(texts, outlines(texts), strict=True)}
    candidates = [[outlined[said.text] for said in answers] for answers in groups]
    shared = Shared(candidates)
    for group, (answers, compared) in enumerate(zip(groups, candidates, strict=True)):
        links = _links(answers, compared, partial(shared.between, group))
        yield from _of_links(answers, list(links))


def answers_of(group: list[Asked]) -> list[Said]:
    """The different answers of a group, those of most rows first; none where all are one."""
    found: dict[tuple[int, int], list[Asked]] = {}
    for asked in group:
        found.setdefault((asked.key, asked.prompt_key), []).append(asked)
    if len({key for key, _ in found}) < 2:
        return []
    ranked = sorted(found, key=lambda pair: (-len(found[pair]), pair))
    return [_said(found[pair]) for pair in ranked]


def _said(rows: list[Asked]) -> Said:
    if len(rows) == 1:
        return Said(rows, rows[0].answer.text, rows[0].prompt)
    return Said(rows, min(asked.answer.text for asked in rows), min(asked.prompt for asked in rows))


def _links(answers: list[Said], candidates: Sequence[Candidate], shared: Callable[[int, int], int]) -> Iterator[Link]:
    """The first contradiction of each answer to one before it; answers to the same prompt go first.

    `shared` says how many runs of two words two candidates have in common, by their places.
    An answer that repeats another one but for words that change nothing contradicts what that one contradicts.
    """
    prompts: dict[int, Prompt] = {}
    opposed: dict[int, set[int]] = {}
    one_prompt = len({said.prompt_key for said in answers}) == 1
    for place, said in enumerate(answers):
        prompt = prompts.get(said.prompt_key) or prompts.setdefault(said.prompt_key, Prompt(said.prompt))
        before: Sequence[int] = range(place)
        if not one_prompt:
            before = sorted(before, key=[answers[n].prompt_key != said.prompt_key for n in before].__getitem__)
        repeated: set[int] | None = None  # what is left to compare with
        for other in before[:_OTHERS]:
            if answers[other].key == said.key or (repeated is not None and other not in repeated):
                continue
            clash = compare(prompt, candidates[other], candidates[place], shared(other, place))
            if clash is REPEATED:
                repeated = opposed.get(other, set())
            elif clash:
                opposed.setdefault(other, set()).add(place)
                opposed[place] = {other}
                yield Link(other, place, clash)
                break


def _of_links(answers: list[Said], links: list[Link]) -> Iterator[tuple[Asked, Asked, Clash]]:
    """The rows of all answers that hang together but the one that stands."""
    near: dict[int, list[tuple[int, Clash]]] = {}
    for one, two, clash in links:
        near.setdefault(one, []).append((two, clash))
        near.setdefault(two, []).append((one, clash._replace(one=clash.two, two=clash.one)))
    reached: set[int] = set()
    for stands in sorted(near, key=lambda n: (-len(answers[n].rows), answers[n].rows[0].row)):
        if stands in reached:
            continue
        reached.add(stands)
        edge = [stands]
        for here in edge:
            for there, clash in near[here]:
                if there not in reached:
                    reached.add(there)
                    edge.append(there)
                    yield from _of_pair(answers[here], answers[there], clash)


def _of_pair(other: Said, said: Said, clash: Clash) -> Iterator[tuple[Asked, Asked, Clash]]:
    """Each row that gives an answer, with the words as it writes them."""
    shown = next(asked for asked in other.rows if asked.answer.text == other.text)
    words = said.text[slice(*clash.two)].lower()
    for asked in said.rows:
        text = asked.answer.text
        start = text.lower().find(words)
        own = (start, start + len(words)) if start >= 0 else (0, len(text))
        yield asked, shown, clash if text == said.text else clash._replace(two=own)

"""DUP: rows that say nearly the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, ClassVar

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Example, Flag, drop
from curator.neighbours.graph import SHORT, Edges, leaders
from curator.neighbours.keys import exact_keys, row_keys
from curator.neighbours.likeness import Likeness, likeness, percent, said
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.text.hashed import fold, mix

_ROUNDS = 12  # kept rows that a row is compared with, one after the other
_PAIRS = 1 << 13  # pairs read again at a time
_PART = 1 << 8  # and judged together
_MARGIN = 0.05  # names_with_underscores and texts in several scripts may be more alike than the hashes of their words
_STEPS = 1000  # in which similarities are summed
_SHOWN = 6  # changes that a message or the evidence names


_REFUND = "You can return any item within thirty days of delivery for a full refund, as long as it is unused and "
_ASKED = chat(
    user="How do I return something I bought?",
    assistant=_REFUND + "still in its own packaging. Print the label from your account and hand the parcel in.",
)
_AGAIN = chat(
    user="How do I return something I bought?",
    assistant=_REFUND + "still in its original packaging. Print the label from your account and hand the parcel in.",
)


def _converted(miles: int, said: str) -> Row:
    steps = "Multiply the number of miles by 1.609344, since that is how many kilometres make a mile, and then round "
    return chat(
        user=f"Convert {miles} miles.", assistant=f"{steps}the product to one decimal: about {said} kilometres."
    )


def _capital(country: str, city: str) -> Row:
    return chat(
        user=f"Tell me which city is the capital of {country}, in one sentence and without naming any other city there.",
        assistant=f"The capital of {country}, where its government and parliament have their seat, is {city}.",
    )


def _dosed(most: str) -> Row:
    why = "More of it harms the liver, and nobody feels that before it is too late, so keep to it whatever the pain is."
    return chat(user="How much paracetamol may a grown-up take?", assistant=f"At most {most}, in several doses. {why}")


def _stored(degrees: str) -> Row:
    rest = "When the display shows something else, call the duty manager of the site and write the time into the log."
    return chat(user="How cold is the cold room to be?", assistant=f"Keep it at {degrees} degrees at all times. {rest}")


class NearDuplicate(DatasetRule, frozen=True):
    """A row repeats an earlier row but for a few words.

    To the model the two are one example that weighs double, and a split that looks for equal rows puts
    one into training and the other into validation. Rows count as near-duplicates by the exact share of
    three-word runs they have in common, prompt and answer together, and only where no number or subject
    sets them apart. Words that most rows of a set share, as a template gives them, do not count. Where the answers
    differ in a number, a name, a sign or a negation, or one answer stands under two prompts, the pair is shown and
    nothing dropped; where they cannot both be right, CON001 says so.
    """

    code = "DUP003"
    costly = True
    views: ClassVar[tuple[str, ...]] = ("whole",)
    GOOD = [
        [_converted(5, "8.0"), _converted(8, "12.9")],
        [_capital("France", "Paris"), _capital("Spain", "Madrid")],
        [chat(user=f"{ask}?", assistant=said) for ask, said in (("Is it on", "Yes"), ("Who", "Ann"), ("Sky", "Blue"))],
        [chat(user="Is it open on Sundays?", assistant=said) for said in ("Yes, it is.", "No, it is not.")],
        [
            chat(
                user=f"Please turn the light in the kitchen {state} for me, and tell me when it is done, will you?",
                assistant=f"Of course. The light in the kitchen is {state} now, as you asked me a moment ago.",
            )
            for state in ("on", "off")
        ],
    ]
    BAD = [
        Bad([_ASKED, _AGAIN], at="1:", fixed=[_ASKED]),
        Bad([_dosed("4 g a day"), _dosed("4 mg a day")], at="1:"),
        Bad([_dosed("what Anna Keller says"), _dosed("what Bernd Vogel says")], at="1:"),
        Bad([_stored("-20"), _stored("20")], at="1:"),
        Bad(
            [_ASKED, chat(user="How can I return a thing I bought?", assistant=_AGAIN["messages"][1]["content"])],
            at="1:",
            fixed=[_ASKED],
            options={"threshold": 0.6},
        ),
        Bad(
            [
                chat(user="Where is it kept?", assistant="It is kept in the blue cupboard."),
                chat(user="Where is it kept?", assistant="It is kept in the big blue cupboard."),
            ],
            at="1:",
            fixed=[chat(user="Where is it kept?", assistant="It is kept in the blue cupboard.")],
            options={"short_threshold": 0.5},
        ),
    ]

    threshold: Annotated[
        float, option("Share of three-word runs in common from which on rows are near-duplicates.", gt=0.3, le=1)
    ] = 0.7
    short_threshold: Annotated[
        float, option("The same for rows under 40 words, in which few edits break many runs.", gt=0.3, le=1)
    ] = 0.6

    def sketch(self, batch: Batch) -> np.ndarray:
        """(normalised key, exact key) of each row; shape (lines, 2), uint64."""
        return np.column_stack((batch.memo(row_keys), batch.memo(exact_keys)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        short = min(self.threshold, self.short_threshold)
        edges = rows.neighbours("whole").edges(self.threshold - _MARGIN, short - _MARGIN)
        once = np.flatnonzero(~repeated(sketches, rows))
        within = (rows.splits[edges.a] == rows.splits[edges.b]) & np.isin(edges.a, once) & np.isin(edges.b, once)
        found = twins(Edges(*(column[within] for column in edges)), rows, self.threshold, self.short_threshold)
        for row, (kept, like) in sorted(found.items()):
            flag = _flag(kept, like)
            yield row, flag if kept < row else _of_later(flag)


def repeated(sketches: np.ndarray, rows: Rows) -> np.ndarray:
    """bool, shape (lines,): an earlier row of the same split is the same, exactly or but for case and space."""
    out = ~rows.readable
    for keys in sketches.T:
        order = np.lexsort((np.arange(len(keys)), rows.splits, keys))
        same = (keys[order][1:] == keys[order][:-1]) & (rows.splits[order][1:] == rows.splits[order][:-1])
        out[order[1:][same & (keys[order][1:] != 0)]] = True
    return out


def twins(edges: Edges, rows: Rows, threshold: float, short: float) -> dict[int, tuple[int, Likeness]]:
    """For each row that says what a kept row says: that row, and in what they differ.

    Rows that more rows are like, and more closely, are kept before others: the row that several edited rows go back to
    stands for them all, where one of the edited rows could stand for few. Then content decides, so that the order of
    rows changes nothing. Where the earliest of the rows that go together could stand for all of them, it is the one
    that is kept. Two rows that are both kept in the end and say the same are one too many: that which stands for no
    other goes.
    """
    keys = rows.neighbours("whole").keys
    edges = _shared_by_copies(edges, keys)
    closeness = np.tile(np.rint(edges.similarity * _STEPS), 2)  # whole numbers: their sum has no order
    alike = np.bincount(np.concatenate((edges.a, edges.b)), closeness, minlength=len(keys))
    order = np.lexsort((np.arange(len(keys)), mix(keys), -alike))
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    one, two = place[edges.a], place[edges.b]
    edges = Edges(np.minimum(one, two), np.maximum(one, two), edges.similarity)
    judged: dict[tuple[int, int], Likeness | None] = {}  # by places

    def judge(pairs: list[tuple[int, int]]) -> None:
        fresh = [pair for pair in pairs if pair not in judged]
        judged.update(_judged(fresh, edges, order, rows, threshold, short))

    for _ in range(_ROUNDS):
        pairs = _led(edges, len(order))
        if all(pair in judged for pair in pairs):
            break
        judge(pairs)
        ill = np.array([judged.get(pair, 0) is None for pair in zip(edges.a.tolist(), edges.b.tolist(), strict=True)])
        edges = Edges(*(column[~ill] for column in edges))
    groups: dict[int, list[int]] = {}
    for kept, led in _led(edges, len(order)):
        if judged.get((kept, led)) is not None:
            groups.setdefault(kept, [kept]).append(led)
    known = set(zip(edges.a.tolist(), edges.b.tolist(), strict=True))
    first = {kept: min(group, key=order.__getitem__) for kept, group in groups.items()}
    wanted = {kept: [_pair(first[kept], n) for n in group if n != first[kept]] for kept, group in groups.items()}
    judge([pair for pairs in wanted.values() if known.issuperset(pairs) for pair in pairs])
    standing: dict[int, int] = {}  # each row that goes, and the row that stands for it
    for kept, group in groups.items():
        stands = first[kept] if all(judged.get(pair) is not None for pair in wanted[kept]) else kept
        standing |= {led: stands for led in group if led != stands and judged[_pair(stands, led)] is not None}
    _settle(standing, judged, judge, known)
    return {int(order[led]): _told(order, stands, led, judged) for led, stands in standing.items()}


def _settle(
    standing: dict[int, int],
    judged: dict[tuple[int, int], Likeness | None],
    judge: Callable[[list[tuple[int, int]]], None],
    known: set[tuple[int, int]],
) -> None:
    """Of two rows that would both be there once all rows that may go are gone, one goes where they say the same.

    So what is offered now is all that there will be. A row that is only shown beside another stays, and counts as one
    of them.
    """

    def disputed(led: int) -> bool:
        like = judged[_pair(standing[led], led)]
        return like is not None and bool(like.disputed)

    shown = {led for led in standing if disputed(led)}
    going = standing.keys() - shown
    left = [pair for pair in sorted(known) if going.isdisjoint(pair)]
    judge(left)
    needed = set(standing.values())
    for only_shown in (False, True):  # those come last: a row that goes is not shown beside another
        for pair in left:
            like = judged[pair]
            if like is None or bool(like.disputed) is not only_shown or not going.isdisjoint(pair):
                continue
            if like.disputed and not standing.keys().isdisjoint(pair):
                continue
            goes = next((place for place in reversed(pair) if place not in needed), None)
            if goes is None:
                continue
            stands = pair[0] if goes == pair[1] else pair[1]
            standing[goes] = stands
            needed.add(stands)
            if not like.disputed:
                going.add(goes)


def _told(
    order: np.ndarray, stands: int, led: int, judged: dict[tuple[int, int], Likeness | None]
) -> tuple[int, Likeness]:
    """The row that stands for another, and in what they differ: its words, then those of the other."""
    like = judged[_pair(stands, led)]
    assert like is not None, "only rows that say the same go together"
    changes = like.changes if stands < led else [(there, here) for here, there in like.changes]
    return int(order[stands]), like._replace(changes=changes)


def _pair(one: int, two: int) -> tuple[int, int]:
    return (one, two) if one < two else (two, one)


def _led(edges: Edges, rows: int) -> list[tuple[int, int]]:
    """(kept, led) for every row that an edge joins to a kept one."""
    leader = leaders(edges, rows)
    led = np.flatnonzero(leader != np.arange(rows))
    return list(zip(leader[led].tolist(), led.tolist(), strict=True))


def _shared_by_copies(edges: Edges, keys: np.ndarray) -> Edges:
    """The edges, and those of a row for the rows with the same words as well, which have none of their own."""
    copies = keys[edges.a] == keys[edges.b]
    near = Edges(*(column[~copies] for column in edges))
    parts = [edges]
    order = np.argsort(edges.a[copies], kind="stable")
    owners, again = edges.a[copies][order], edges.b[copies][order]
    for here, there in ((near.a, near.b), (near.b, near.a)):
        low, high = np.searchsorted(owners, here, "left"), np.searchsorted(owners, here, "right")
        which = np.repeat(np.arange(len(here)), high - low)
        nth = np.arange(len(which)) - np.repeat(np.cumsum(high - low) - (high - low), high - low)
        other, mine = there[which], again[low[which] + nth]
        parts.append(Edges(np.minimum(other, mine), np.maximum(other, mine), near.similarity[which]))
    a, b, similarity = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Edges(a, b, similarity)


def _judged(
    pairs: list[tuple[int, int]], edges: Edges, order: np.ndarray, rows: Rows, threshold: float, short: float
) -> Iterator[tuple[tuple[int, int], Likeness | None]]:
    measured = dict(zip(zip(edges.a.tolist(), edges.b.tolist(), strict=True), edges.similarity.tolist(), strict=True))

    def parts() -> Iterator[list[_Pair]]:
        for low in range(0, len(pairs), _PAIRS):
            some = pairs[low : low + _PAIRS]
            examples = iter(rows.examples(int(order[place]) for pair in some for place in pair))
            read = [(next(examples), next(examples), measured[pair]) for pair in some]
            yield from (read[start : start + _PART] for start in range(0, len(read), _PART))

    alike = chain.from_iterable(rows.spread(_Judging(threshold, short), parts(), _unlike))
    yield from zip(pairs, alike, strict=True)


_Pair = tuple[Example, Example, float]  # two rows, and how much of their wording they share


@dataclass(frozen=True)
class _Judging:
    """Tells of pairs of rows whether they say the same, and in what they differ."""

    threshold: float
    short: float

    def __call__(self, pairs: list[_Pair]) -> list[Likeness | None]:
        return [self._of_pair(*pair) for pair in pairs]

    def _of_pair(self, one: Example, two: Example, measured: float) -> Likeness | None:
        like = likeness(one, two, measured)
        if not like or like.similarity < (self.short if like.words - 2 < SHORT else self.threshold):
            return None
        return like._replace(disputed="answers") if not like.disputed and _contradict(one, two) else like


def _unlike(pairs: list[_Pair]) -> list[Likeness | None]:
    """What stands for pairs that no worker could judge."""
    return [None] * len(pairs)


def _contradict(one: Example, two: Example) -> bool:
    """Whether the answers to the same prompt cannot both be right, by their wording (CON001)."""
    from curator.checks.contradictions.copies import edits_of, harmless, unsettling
    from curator.checks.contradictions.finals import AGREED
    from curator.checks.contradictions.judge import judge, settled
    from curator.checks.contradictions.prompts import Prompt
    from curator.checks.contradictions.text import Answer

    (asked, answer), (also, other) = said(one), said(two)
    if answer == other or not asked or (asked != also and fold(asked).split() != fold(also).split()):
        return False
    edits = edits_of(answer, other)
    read = Prompt(asked), Answer(answer), Answer(other)
    if not harmless(edits):
        return judge(*read) is not None
    # Most rows that are nearly the same: told without reading their sentences.
    return unsettling(edits) and not read[0].varies and settled(*read) not in (None, AGREED)


def _flag(kept: int, like: Likeness) -> Flag:
    apart = like.changes[: len(like.changes) - like.beside]
    changed = ", ".join(_said(a, b) for a, b in apart[:3])
    more = f" and {len(apart) - 3} more" if len(apart) > 3 else ""
    evidence = {
        "similarity": round(like.similarity, 4),
        "differs": [list(pair) for pair in like.changes[:_SHOWN]],
        "keep": "the earlier row: rows added later change nothing",
    }
    if like.disputed == "ends":
        (here, there), *_ = like.changes
        where = "goes on where an earlier row ends" if there else "is the beginning of an earlier row, which goes on"
        evidence["keep"] = "the longer row: it holds the other"
        return Flag("", f"{where}: {_cut(there or here)!r}", related=(kept,), evidence=evidence)
    if like.disputed:
        changed = changed or "in signs alone"
        also = ", as does what stands before them" if like.beside else ""
        what = {
            "answers": f"and the answers differ ({changed}{more}){also}: see whether they say the same",
            "prompts": f"and the prompts ask otherwise ({changed}{more}): see whether the answer fits both",
        }[like.disputed]
        message = f"nearly the same as an earlier row, {what}"
        return Flag("", message, related=(kept,), evidence=evidence)
    changed = changed or "only signs or the order of words differ"
    message = f"nearly the same as an earlier row ({percent(like.similarity)} alike): {changed}{more}"
    return Flag("", message, fix=drop("drop this row"), related=(kept,), evidence=evidence)


def _of_later(flag: Flag) -> Flag:
    """The flag of a row whose kept twin stands after it: no single earlier row is like all rows that go together."""
    fix = drop("drop this row") if flag.fix else None
    evidence = dict(flag.evidence) | {"keep": "the later row: it stands for other rows as well"}
    message = flag.message.replace("an earlier row", "a later row", 1)
    return Flag("", message, fix=fix, related=flag.related, evidence=evidence)


def _said(a: str, b: str) -> str:
    if a and b:
        return f"{_cut(b)!r} for {_cut(a)!r}"
    return f"without {_cut(a)!r}" if a else f"with {_cut(b)!r} besides"


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:38] + " …"

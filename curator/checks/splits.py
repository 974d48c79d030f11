"""SPT: rows of one split that another split gives away.

Of two rows the one in the later split (train, valid, test) is flagged, once: for the closest kind of leak.
Which split a file is, its name says; rows of files whose names say nothing count as trained on.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Annotated, ClassVar, NamedTuple

import numpy as np

from curator import paths
from curator.columns import ROLE_CODES, Batch, Rows
from curator.model import Flag
from curator.neighbours.keys import (
    answer_keys,
    context_keys,
    exact_keys,
    is_last_answer,
    is_prompt,
    opening_keys,
    opening_words,
    question_keys,
    row_keys,
)
from curator.neighbours.likeness import COMMON_WORDS, likeness, percent
from curator.provenance import GROUPS, group_keys, is_group, named_keys, said, steps_to, value_at
from curator.rule import Bad, DatasetRule, Files, Row, chat, option
from curator.text import hashed
from curator.text.hashed import hash_words, mix

NAMES = ("the training data", "valid", "test")

MANY = 100  # rows that ask the same: from there on it is an instruction of the set, not a question
FEW = 20  # rows of one place: below, it may be a document whatever its share
_PAIRS = 1 << 13  # pairs of rows read again at a time
# Words that keep a conversation going and ask for nothing of their own: "Thank you very much!", "Please go on."
_PHATIC = (
    "a about above again ahead all alright also am an and another any appreciate appreciated awesome because better bit "
    "bye can carry case cheers clarify clear continue cool correct could deeper detail details don elaborate else "
    "evening example examples excellent exactly expand explain fantastic fine for further get give go good goodbye got "
    "great hello help helpful helps hey hi i in interesting is it just keep kind know let like ll longer lot love m "
    "make makes many me mean meant mind more morning much my need next nice no not now of off oh ok okay on one or "
    "other perfect please point proceed re ready really repeat rewrite right s same say sense shorter should show "
    "simpler simplify so some something sorry sounds start step still stop sure t tell thank thanks that the then there "
    "this thx to too true try understand understood up us ve very wait want was welcome well what why wonderful would "
    "wow wrong ya yeah yep yes you your"
)
OPENING = 20  # words of a first exchange: shorter ones recur by chance ("Hi", "Hello, how can I help you?")

_RHINE = chat(user="How long is the Rhine?", assistant="About 1,230 km.")
_ELBE = chat(user="How long is the Elbe?", assistant="About 1,094 km.")
_ODER = chat(user="Which sea does the Oder flow into?", assistant="The Baltic Sea.")


def _kettle(thing: str, years: int, first: str = "Unplug") -> Row:
    return chat(
        user=f"My {thing} trips the fuse as soon as I switch it on. What should I try before I bring it back?",
        assistant=f"{first} the {thing}, let it dry for a day and try it on another socket. If the fuse trips again, stop "
        f"using it: the heating element leaks current. It is under warranty for {years} years, so bring it with the receipt.",
    )


_SEASON = "The club finished its first season with twelve wins, five draws and three defeats."
_LONG_WAY = "As a first step before you bring it anywhere at all, and provided nobody is in a hurry, please switch off, pull out"


class ExactLeak(DatasetRule, frozen=True):
    """A held-out row stands in an earlier split as well.

    The model is asked in the exam what it has learnt by heart: the score on the held-out rows rises
    with every epoch, whether or not anything was understood, and the best checkpoint is chosen by it.
    """

    code = "SPT001"
    between_splits = True
    severity = "error"
    GOOD = [
        Files(train=[_RHINE, _ELBE], valid=[_ODER]),
        [_RHINE, _RHINE],
        Files(train=[chat(user="2+2?", assistant="4")], valid=[chat(user="2-2?", assistant="4")]),
    ]
    BAD = [
        Bad(Files(train=[_RHINE, _ELBE], valid=[_ODER, _ELBE]), at="3:"),
        Bad(Files(train=[_RHINE], test=[chat(user="how long is  the rhine", assistant="About 1,230 km")]), at="1:"),
        Bad(Files(train=[_RHINE], valid=[_ELBE], test=[_ELBE]), at="2:"),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """(key of what the row says, key of the row as it is); shape (lines, 2), uint64."""
        return batch.memo(_identity)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        if not held_out(rows):
            return
        said_by, as_is = sketches[:, 0], sketches[:, 1]
        for row, twin in _exact(sketches, rows):
            same = as_is[row] == as_is[twin] or said_by[row] == 0
            but = "" if same else ", but for case, space or punctuation"
            yield row, Flag("", f"the same row stands in {_split(twin, rows)}{but}", related=(twin,))


class NearLeak(DatasetRule, frozen=True):
    """A held-out row is nearly a row of an earlier split.

    A few changed words do not make a new question: what is measured is still memory. Splits drawn at
    random from data that repeat themselves are full of such pairs.
    """

    code = "SPT002"
    between_splits = True
    severity = "error"
    views: ClassVar[tuple[str, ...]] = ("whole",)
    threshold: Annotated[
        float, option("Share of three-word runs in common from which on rows are nearly the same.", gt=0.3, le=1)
    ] = 0.7
    short_threshold: Annotated[
        float, option("The same for rows under 40 words, in which one word breaks a tenth of the runs.", gt=0.3, le=1)
    ] = 0.6
    GOOD = [
        Files(train=[_RHINE, _ODER], valid=[_ELBE]),
        Files(train=[_kettle("kettle", 2)], valid=[_kettle("toaster", 5)]),
    ]
    BAD = [
        Bad(Files(train=[_RHINE, _kettle("kettle", 2)], valid=[_kettle("kettle", 2, "Please unplug")]), at="2:"),
        Bad(
            Files(train=[_kettle("kettle", 2)], valid=[_kettle("kettle", 2, _LONG_WAY)]),
            at="1:",
            options={"threshold": 0.5},
        ),
        Bad(
            Files(
                train=[
                    chat(
                        user="Which key locks the screen of the till?", assistant="The blue key, held for two seconds."
                    )
                ],
                valid=[
                    chat(user="What key locks the screen of the till?", assistant="The blue key, held two seconds.")
                ],
            ),
            at="1:",
            options={"short_threshold": 0.4},
        ),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """(key of what the row says, key of the row as it is); shape (lines, 2), uint64."""
        return batch.memo(_identity)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        if not held_out(rows):
            return
        exact_ones = {row for row, _ in _exact(sketches, rows)}
        for row, near in sorted(_near(sketches, rows, self.threshold, self.short_threshold).items()):
            if row not in exact_ones:
                message = f"nearly the same as a row of {_split(near.twin, rows)} ({percent(near.similarity)} alike)"
                yield row, Flag("", message, related=(near.twin,), evidence={"similarity": round(near.similarity, 4)})


class PromptLeak(DatasetRule, frozen=True):
    """A held-out row asks what a row of an earlier split asks, and is answered otherwise, or asks it in another order.

    The answer was rewritten, the question is known: the model has seen what to say to it. Where an answer of some
    length is the same word for word, the words of weight may stand in any order in the question. Of several
    turns all that the user says is compared, whatever was answered in between. A score over such rows tells
    how well answers are reworded, not what the model does with a new question. Thanks, greetings and "go on"
    ask nothing that could be known.
    """

    code = "SPT003"
    between_splits = True
    severity = "error"
    views: ClassVar[tuple[str, ...]] = ("whole",)
    min_words: Annotated[
        int, option("Prompts whose user turns have fewer words say too little to be known again.", ge=1)
    ] = 3
    GOOD = [
        Files(train=[_RHINE], valid=[_ELBE]),
        Files(
            train=[chat(user="Continue.", assistant="Then it rained.")],
            valid=[chat(user="Continue.", assistant="Two.")],
        ),
        Files(
            train=[chat(user="Thank you very much!", assistant="You are welcome.")],
            valid=[chat(user="Thank you very much!", assistant="Any time.")],
        ),
        Files(
            train=[chat(system="You sort mail into four trays.", user="A parcel came.", assistant="Goods in")],
            valid=[chat(system="You sort mail into four trays.", user="An invoice came.", assistant="Accounts")],
        ),
    ]
    BAD = [
        Bad(
            Files(
                train=[_RHINE, _ODER],
                valid=[chat(user="How long is the Rhine?", assistant="From source to mouth it measures 1,230 km.")],
            ),
            at="2:",
        ),
        Bad(
            Files(
                train=[chat(user="Who are you?", assistant="Ada.", user2="Have a nice day!", assistant2="You too.")],
                valid=[chat(user="Who are you?", assistant="Your guide.", user2="Have a nice day!", assistant2="Bye!")],
            ),
            at="1:",
        ),
        Bad(
            Files(
                train=[chat(user="Define osmosis", assistant="Water moves through a membrane.")],
                valid=[chat(user="Define osmosis", assistant="Diffusion of a solvent from thin to thick.")],
            ),
            at="1:",
            options={"min_words": 2},
        ),
        Bad(
            Files(
                train=[chat(user="What was the record of the club in its first season?", assistant=_SEASON)],
                valid=[chat(user="What was the first season record of the club?", assistant=_SEASON)],
            ),
            at="1:",
        ),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """The columns of a row's identity, key of its prompt, words asked, key of words and answer; uint64."""
        prompts = (batch.memo(context_keys), batch.memo(asked_words), batch.memo(reordered_keys))
        return np.hstack((batch.memo(_identity), np.column_stack(prompts)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        if held_out(rows):
            known = _closer(sketches, rows)
            for row, other in _same_prompt(sketches, rows, self.min_words):
                if row not in known:
                    message = f"the same is asked in {_split(other, rows)}, and answered otherwise"
                    known.add(row)
                    yield row, Flag("", message, related=(other,))
            for row, other in _reordered(sketches, rows, self.min_words):
                if row not in known:
                    message = (
                        f"the same is asked, in another order of words, and answered alike in {_split(other, rows)}"
                    )
                    yield row, Flag("", message, related=(other,))


class GroupLeak(DatasetRule, frozen=True):
    """A held-out row is from the same document or conversation as a row of an earlier split.

    Rows made from one document share its facts, names and wording, and the turns of one conversation
    answer each other: a model that was trained on one part knows the other. Documents and conversations
    go into a split as a whole.
    """

    code = "SPT004"
    between_splits = True
    severity = "error"
    views: ClassVar[tuple[str, ...]] = ("whole",)
    keys: Annotated[
        tuple[str, ...],
        option("Further keys of a row (`customer`, `metadata.case`) that name what must stay in one split."),
    ] = ()
    GOOD = [
        Files(train=[{**_RHINE, "doc_id": "rivers-1"}], valid=[{**_ELBE, "doc_id": "rivers-2"}]),
        Files(train=[{**_RHINE, "source": "wikipedia"}], valid=[{**_ELBE, "source": "wikipedia"}]),
        Files(
            train=[chat(user="Hi", assistant="Hello! How can I help you?", user2="Book a room.", assistant2="Done.")],
            valid=[chat(user="Hi", assistant="Hello! How can I help you?", user2="My bill?", assistant2="12 euros.")],
        ),
    ]
    BAD = [
        Bad(
            Files(
                train=[{**_RHINE, "doc_id": "rivers-1"}, {**_ODER, "doc_id": "rivers-2"}],
                valid=[{**_ELBE, "doc_id": "rivers-1"}],
            ),
            at="2:doc_id",
        ),
        Bad(
            Files(
                train=[
                    {**_RHINE, "metadata": {"url": "https://example.com/rivers/rhine.html"}},
                    {**_ODER, "metadata": {"url": "https://example.com/rivers/oder.html"}},
                ],
                test=[{**_ELBE, "metadata": {"url": "https://example.com/rivers/rhine.html"}}],
            ),
            at="2:metadata.url",
        ),
        Bad(
            Files(
                train=[{**_RHINE, "customer": 17}, {**_ODER, "customer": 18}],
                valid=[{**_ELBE, "customer": 17}],
            ),
            at="2:customer",
            options={"keys": ("customer",)},
        ),
        Bad(
            Files(
                train=[
                    chat(
                        user="My order 4711 has not arrived and the tracking page shows nothing. What can I do?",
                        assistant="I am sorry. It left our warehouse on Monday; may I open a search for it?",
                    )
                ],
                valid=[
                    chat(
                        user="My order 4711 has not arrived and the tracking page shows nothing. What can I do?",
                        assistant="I am sorry. It left our warehouse on Monday; may I open a search for it?",
                        user2="Yes, and if you cannot find it I want the money back, please.",
                        assistant2="The search takes three working days. If it fails you get a full refund on day four.",
                    )
                ],
            ),
            at="1:",
        ),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """The columns of SPT003, and keys of question, opening, document, conversation, place and `keys`; uint64."""
        prompts = (batch.memo(context_keys), batch.memo(asked_words), batch.memo(reordered_keys))
        asked_ = (*prompts, question_keys(batch), opening(batch))
        keys = (group_keys(batch), named_keys(batch, self.keys))
        return np.hstack((batch.memo(_identity), np.column_stack(asked_), *keys))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        if not held_out(rows):
            return
        known = _closer(sketches, rows)
        for prompts in (_same_prompt, _reordered):
            known |= {row for row, _ in prompts(sketches, rows, PromptLeak().min_words)}
        for column in range(Layout.OPENING, sketches.shape[1]):
            keys = telling(sketches[:, column], column, rows)
            for row, other in crossing(keys, sketches, rows):
                if row not in known:
                    known.add(row)
                    yield row, self._flag(row, other, column, rows)

    def _flag(self, row: int, other: int, column: int, rows: Rows) -> Flag:
        where = _split(other, rows)
        if column == Layout.OPENING:
            return Flag("", f"begins with the same exchange as a row of {where}", related=(other,))
        value, _ = rows.value_and_raw(row)
        if column >= Layout.NAMED:
            name = self.keys[column - Layout.NAMED]
            at, text, what = paths.format(steps_to(value, name)), value_at(value, name), f"the same {name}"
        else:
            kind = GROUPS[column - Layout.GROUPS]
            item = next(item for item in said(value) if item.kind == kind and is_group(item))
            at, text, what = item.path, item.value, f"the same {kind}"
        evidence = {"key": at, "value": (text or "")[:200]}
        return Flag(at, f"from {what} as a row of {where}", related=(other,), evidence=evidence)


class Layout:
    """Columns of the sketch of SPT004, which begins with those of the other rules."""

    SAYS, IS, PROMPT, ASKED, REORDERED, QUESTION, OPENING, GROUPS, NAMED = 0, 1, 2, 3, 4, 5, 6, 7, 10


# ---------------------------------------------------------------------- columns


def _identity(batch: Batch) -> np.ndarray:
    """(key of what a row says, key of the row as it is); shape (lines, 2), uint64."""
    return np.column_stack((batch.memo(row_keys), batch.memo(exact_keys)))


def asked_words(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): words of the user turns before the last answer; 0 where none of them asks for anything."""
    sizes = np.diff(batch.words.offsets)
    wanted = batch.memo(is_prompt) & (batch.roles == ROLE_CODES["user"])
    counts = np.bincount(batch.turn_lines, sizes * wanted, len(batch.lines)).astype(np.uint64)
    owners = np.repeat(np.where(wanted, batch.turn_lines, -1), sizes)
    own = owners[(owners >= 0) & ~np.isin(batch.words.hashes, _phatic())]
    return np.where(np.bincount(own, minlength=len(counts)) > 0, counts, np.uint64(0))


@cache
def _phatic() -> np.ndarray:
    return hash_words(hashed.column([_PHATIC])).hashes


_LONG = 8  # words of an answer from which on two questions do not share it by chance
_WEIGHTY = 2  # words of weight in a question, at least


def reordered_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of a row's last answer and of the words of weight asked, in any order.

    0 where the answer is short, or hardly a word is of weight.
    """
    sizes = np.diff(batch.words.offsets)
    wanted = batch.memo(is_prompt) & (batch.roles == ROLE_CODES["user"])
    owners = np.repeat(np.where(wanted, batch.turn_lines, -1), sizes)
    weighty = np.flatnonzero((owners >= 0) & ~np.isin(batch.words.hashes, _common()))
    lines, hashes = owners[weighty], batch.words.hashes[weighty]
    order = np.lexsort((hashes, lines))
    lines, hashes = lines[order], hashes[order]
    fresh = np.ones(len(lines), dtype=bool)
    fresh[1:] = (np.diff(lines) != 0) | (hashes[1:] != hashes[:-1])
    lines, hashes = lines[fresh], hashes[fresh]
    words = np.zeros(len(batch.lines), dtype=np.uint64)
    np.add.at(words, lines, mix(hashes))
    told = batch.memo(answer_keys)
    long = np.bincount(batch.turn_lines, sizes * batch.memo(is_last_answer), len(batch.lines)) >= _LONG
    enough = np.bincount(lines, minlength=len(batch.lines)) >= _WEIGHTY
    return np.where(long & enough & (told != 0), mix(words ^ told) | np.uint64(1), np.uint64(0))


@cache
def _common() -> np.ndarray:
    return hash_words(hashed.column([" ".join(sorted(COMMON_WORDS))])).hashes


def opening(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): the key of a row's first exchange where that is long enough to tell, else 0."""
    return np.where(opening_words(batch) >= OPENING, opening_keys(batch), np.uint64(0))


# ---------------------------------------------------------------------- leaks


def held_out(rows: Rows) -> bool:
    """Whether the set has more than one split."""
    return len(rows.splits) > 0 and bool((rows.splits != rows.splits[0]).any())


def crossing(keys: np.ndarray, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, int]]:
    """(row, a row of an earlier split with the same key) in order of rows; the key 0 is none.

    Of several rows the one of the earliest split is named, and of those the one with the smallest key of
    its own, so that the order of rows does not matter.
    """
    wanted = np.flatnonzero(rows.readable & (keys != 0))
    order = wanted[np.lexsort((sketches[wanted, Layout.IS], rows.splits[wanted], keys[wanted]))]
    begins = np.diff(keys[order], prepend=~keys[order[:1]]) != 0
    firsts = order[np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))]
    late = np.flatnonzero(rows.splits[order] > rows.splits[firsts])
    late = late[np.argsort(order[late])]
    yield from zip(order[late].tolist(), firsts[late].tolist(), strict=True)


def _exact(sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, int]]:
    return crossing(exact(sketches), sketches, rows)


def exact(sketches: np.ndarray) -> np.ndarray:
    """Keys of rows that say the same; a row without words is the same only as it is."""
    says: np.ndarray = sketches[:, Layout.SAYS]
    return np.where(says != 0, says, mix(sketches[:, Layout.IS]) | np.uint64(1))


class Near(NamedTuple):
    """A row of an earlier split that says nearly what a row says, and how much of it (0 to 1)."""

    twin: int
    similarity: float


def _near(sketches: np.ndarray, rows: Rows, threshold: float, short: float) -> dict[int, Near]:
    """For each row that is nearly one of an earlier split, and exactly none, the one most like it."""
    graph = rows.neighbours("whole")
    edges = graph.edges(threshold, min(threshold, short))
    across = np.flatnonzero(rows.splits[edges.a] != rows.splits[edges.b])
    a, b, similarity = edges.a[across], edges.b[across], edges.similarity[across]
    later = np.where(rows.splits[a] > rows.splits[b], a, b)
    earlier = a + b - later
    order = np.lexsort((sketches[earlier, Layout.IS], -similarity, rows.splits[earlier], later))
    candidates: dict[int, list[Near]] = {}
    for n in order.tolist():
        candidates.setdefault(int(later[n]), []).append(Near(int(earlier[n]), float(similarity[n])))
    found = _judged(candidates, sketches, rows)
    return _with_copies(found, graph.keys, rows) if found else found


def _judged(candidates: dict[int, list[Near]], sketches: np.ndarray, rows: Rows) -> dict[int, Near]:
    """Of each row's candidates the first that is the same example in other words."""
    found: dict[int, Near] = {}
    place = 0
    while waiting := [row for row, nears in candidates.items() if row not in found and place < len(nears)]:
        for low in range(0, len(waiting), _PAIRS):
            some = [(row, candidates[row][place]) for row in waiting[low : low + _PAIRS]]
            pairs = [sorted((row, near.twin), key=lambda index: sketches[index, Layout.IS]) for row, near in some]
            examples = iter(rows.examples(index for pair in pairs for index in pair))
            for row, near in some:
                if likeness(next(examples), next(examples), near.similarity, whatever_tools=True) is not None:
                    found[row] = near
        place += 1
    return found


def _with_copies(found: dict[int, Near], keys: np.ndarray, rows: Rows) -> dict[int, Near]:
    """Rows in the same words as a found row of their split leak as it does: the graph joins one of them alone."""
    known = {(int(keys[row]), int(rows.splits[row])): near for row, near in found.items()}
    alike = np.flatnonzero(rows.readable & np.isin(keys, keys[list(found)]))
    pairs = ((row, known.get((int(keys[row]), int(rows.splits[row])))) for row in alike.tolist())
    return {row: near for row, near in pairs if near is not None}


def _closer(sketches: np.ndarray, rows: Rows) -> set[int]:
    """Rows that leak exactly or nearly."""
    known = {row for row, _ in _exact(sketches, rows)}
    return known | _near(sketches, rows, NearLeak().threshold, NearLeak().short_threshold).keys()


def _same_prompt(sketches: np.ndarray, rows: Rows, min_words: int) -> Iterator[tuple[int, int]]:
    enough = sketches[:, Layout.ASKED] >= min_words
    keys = np.where(enough, asked(sketches[:, Layout.PROMPT], rows), np.uint64(0))
    return crossing(keys, sketches, rows)


def _reordered(sketches: np.ndarray, rows: Rows, min_words: int) -> Iterator[tuple[int, int]]:
    enough = sketches[:, Layout.ASKED] >= min_words
    keys = np.where(enough, asked(sketches[:, Layout.REORDERED], rows), np.uint64(0))
    return crossing(keys, sketches, rows)


def asked(keys: np.ndarray, rows: Rows) -> np.ndarray:
    """Prompt keys without those that are an instruction of the set: of over 100 rows, or of over half of them."""
    counts = _counts(keys, rows)
    half = max(4, int(rows.readable.sum()) // 2)
    return np.where((counts > MANY) | (counts > half), np.uint64(0), keys)


def telling(keys: np.ndarray, column: int, rows: Rows) -> np.ndarray:
    """Group keys without values that tell nothing apart: one of all rows, or a place most rows are from."""
    if column == Layout.OPENING:
        return asked(keys, rows)
    if column >= Layout.NAMED:
        return keys
    counts = _counts(keys, rows)
    keyed = int((rows.readable & (keys != 0)).sum())
    most = max(FEW, int(rows.readable.sum()) // 5) if column == Layout.NAMED - 1 else keyed - 1
    return np.where(counts > most, np.uint64(0), keys)


def _counts(keys: np.ndarray, rows: Rows) -> np.ndarray:
    """How many readable rows have the key of each row."""
    counted = np.where(rows.readable, keys, np.uint64(0))
    _, places, counts = np.unique(counted, return_inverse=True, return_counts=True)
    found: np.ndarray = counts[places]
    return found


def _split(row: int, rows: Rows) -> str:
    return NAMES[rows.splits[row]]

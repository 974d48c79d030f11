"""PRF: pairs of a chosen and a rejected answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import numpy as np

from curator.columns import Batch, Rows
from curator.model import Example, Flag, Turn
from curator.rule import Bad, DatasetRule, Row, RowRule, option


def _pair(chosen: Any, rejected: Any, prompt: str = "Name a fruit.") -> Row:
    return {"prompt": prompt, "chosen": chosen, "rejected": rejected}


def _says(user: str, assistant: str) -> list[Row]:
    return [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]


_GOOD = [_pair("An apple.", "A carrot."), {"prompt": "Name a fruit.", "completion": "An apple."}]


def _answer(turns: tuple[Turn, ...]) -> str:
    """What is said, in one text in which roles and calls show."""
    parts = []
    for turn in turns:
        parts += [turn.role, turn.text.strip()]
        parts += [f"{call.name} {call.raw or call.arguments}" for call in turn.calls]
    return "\n".join(parts)


def _first(turns: tuple[Turn, ...]) -> Turn | None:
    """The turn of a side at which a finding is shown: its first answer."""
    return next((turn for turn in turns if turn.role == "assistant"), turns[0] if turns else None)


def _last_word(turns: tuple[Turn, ...]) -> list[str]:
    return turns[-1].text.rsplit(None, 1)[-1:] if turns else []


def _plain(text: str) -> str:
    """The text with runs of white space as one space."""
    return " ".join(text.split())


class PreferenceRule(RowRule, frozen=True):
    """A rule on rows with a chosen and a rejected answer."""

    def candidates(self, batch: Batch) -> Iterable[int]:
        return [i for i in batch.preference_rows if batch.example(i).chosen and batch.example(i).rejected]


class IdenticalPair(PreferenceRule, frozen=True):
    """The chosen and the rejected answer are the same.

    The pair asks the model to prefer a text to itself: it teaches nothing, pulls the reported
    accuracy towards one half, and is often the trace of a failed join or of an answer judged twice.
    """

    code = "PRF001"
    severity = "error"
    GOOD = _GOOD
    BAD = [
        Bad(_pair("An apple.", "An apple."), at="rejected"),
        Bad(_pair("An apple.", "An  apple.\n"), at="rejected"),
        Bad(
            {"chosen": _says("Name a fruit.", "An apple."), "rejected": _says("Name a fruit.", "An apple.")},
            at="rejected[1].content",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        turn = _first(example.rejected)
        if turn is None or _last_word(example.chosen) != _last_word(example.rejected):
            return  # told apart at little cost
        if _plain(_answer(example.chosen)) != _plain(_answer(example.rejected)):
            return
        if turn.text.strip() or turn.calls:  # an empty answer is reported as such
            yield turn.flag("the rejected answer is the chosen one")


class OneExtendsTheOther(PreferenceRule, frozen=True):
    """One answer of a pair is the beginning of the other.

    All that tells the two apart is where they stop, so the model learns to talk longer, or to break
    off, and nothing about what it says. Usually one of them was cut at a length limit.
    """

    code = "PRF002"
    GOOD = [
        *_GOOD,
        _pair("Yes", "Yes, it is."),
        _pair("There are 12 of them in all", "There are 120 of them in all"),
    ]
    BAD = [
        Bad(_pair("An apple is a fruit. So is a pear.", "An apple is a fruit."), at="rejected"),
        Bad(_pair("An apple is a fruit", "An apple is a fruit. So is a pear."), at="rejected"),
        Bad(_pair("Yes, it is.", "Yes"), at="rejected", options={"min_chars": 3}),
    ]

    min_chars: Annotated[int, option("The shorter answer has at least as many characters.", ge=1)] = 15

    def check(self, example: Example) -> Iterator[Flag]:
        if len(example.chosen) != 1 or len(example.rejected) != 1:
            return
        turn = example.rejected[0]
        chosen, rejected = example.chosen[0].text.strip(), turn.text.strip()
        short, long = sorted((chosen, rejected), key=len)
        if len(short) < self.min_chars or not long.startswith(short) or example.chosen[0].calls or turn.calls:
            return
        rest = long[len(short) :]
        if not rest.strip() or (rest[0].isalnum() and short[-1].isalnum()):
            return
        how = "is the beginning of the chosen one" if short is rejected else "only goes on where the chosen one ends"
        yield turn.flag(f"the rejected answer {how}", evidence={"shorter": len(short), "longer": len(long)})


class PromptMismatch(PreferenceRule, frozen=True):
    """The chosen and the rejected answer belong to different prompts.

    The pair is meant to say which of two answers to one question is better. With two questions the
    model is taught that one question is better than another.
    """

    code = "PRF003"
    severity = "error"
    GOOD = [
        *_GOOD,
        {"chosen": _says("Name a fruit.", "An apple."), "rejected": _says("Name a fruit.", "A carrot.")},
        _pair(_says("Name a fruit.", "An apple."), _says("Name a fruit.", "A carrot.")),
    ]
    BAD = [
        Bad(
            {"chosen": _says("Name a fruit.", "An apple."), "rejected": _says("Name a tool.", "A carrot.")},
            at="rejected[0].content",
        ),
        Bad(
            _pair("\n\nHuman: Name a fruit.\n\nAssistant: An apple.", "\n\nHuman: Name a tool.\n\nAssistant: A saw.")
            | {"prompt": ""},
            at="rejected",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if not example.chosen or not example.rejected:
            return
        prompt = [_plain(turn.text) for turn in example.turns]
        one, other = (_asked(prompt, side) for side in (example.chosen, example.rejected))
        if one != other:
            yield example.rejected[0].flag("the rejected answer belongs to another prompt than the chosen one")
            return
        own = [turn for turn in example.turns if turn.role == "user" and turn.base.startswith("chosen")]
        others = [_plain(turn.text) for turn in example.turns if turn.role == "user" and turn not in own]
        if own and others and not any(_tells(text, _plain(own[-1].text)) for text in others):
            yield own[-1].flag("both answers belong to another prompt than the row's own")


def _tells(one: str, other: str) -> bool:
    """Whether one prompt is the other, perhaps with a template around it."""
    return one in other or other in one


def _asked(prompt: list[str], side: tuple[Turn, ...]) -> list[str]:
    """All that is said before the answer of one side; a side may tell the prompt over again."""
    head = []
    for turn in side:
        if turn.role == "assistant":
            break
        head.append(_plain(turn.text))
    if len(side) == 1:  # transcripts in one string, the form of HH-RLHF
        before, sign, _ = side[0].text.partition("\n\nAssistant:")
        if sign and before.lstrip().startswith("Human:"):
            head = [_plain(before)]
    return prompt if not head or prompt[-len(head) :] == head else prompt + head


# ---------------------------------------------------------------------- over the set

_LONG = "An apple, for it grows on a tree and is sweet. So would be a pear, or a plum."


class LengthBias(DatasetRule, frozen=True):
    """One side of the pairs is nearly always the longer one.

    The cheapest way to tell the sides apart is then to count words, and that is what the model
    learns: to talk on and on, or to be curt. Preference methods are known to amplify it.
    """

    code = "PRF004"
    GOOD = [
        [_pair(_LONG, "A carrot."), _pair("An apple.", "A carrot or a leek, I should think.")] * 20,
        [_pair(_LONG, "A carrot.")] * 5,
    ]
    BAD = [
        Bad([_pair(_LONG, f"A carrot {n}.") for n in range(40)], at="0:"),
        Bad([_pair(f"An apple {n}.", _LONG) for n in range(40)], at="0:"),
        Bad(
            [_pair("An apple.", f"A leek {n}") for n in range(10)],
            at="0:",
            options={"min_pairs": 10, "ratio": 1.1},
        ),
        Bad(
            [_pair(_LONG, "A carrot."), _pair(_LONG, "A leek."), _pair("A plum.", "A carrot or a leek.")] * 10,
            at="0:",
            options={"share": 0.6},
        ),
    ]

    min_pairs: Annotated[int, option("Sets with fewer pairs are not judged.", ge=2)] = 30
    share: Annotated[
        float, option("The longer side is the same in at least this share of the pairs.", gt=0.5, le=1)
    ] = 0.8
    ratio: Annotated[
        float, option("The longer side has at least this many times the characters (the median pair).", ge=1)
    ] = 1.25

    def sketch(self, batch: Batch) -> np.ndarray:
        """Characters of the chosen and of the rejected answer; shape (lines, 2), int64."""
        out = np.zeros((len(batch.lines), 2), dtype=np.int64)
        for index in batch.preference_rows:
            example = batch.example(index)
            out[index] = _size(example.chosen), _size(example.rejected)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        pairs = np.flatnonzero((sketches > 0).all(axis=1))
        if len(pairs) < self.min_pairs:
            return
        chosen, rejected = sketches[pairs].T
        for longer, shorter, side in ((chosen, rejected, "chosen"), (rejected, chosen, "rejected")):
            share, ratio = float((longer > shorter).mean()), float(np.median(longer / shorter))
            if share >= self.share and ratio >= self.ratio:
                message = f"the {side} answer is the longer one in {share:.0%} of {len(pairs)} pairs, {ratio:.1f} times in the median"
                evidence = {"pairs": len(pairs), "share": round(share, 3), "ratio": round(ratio, 2), "longer": side}
                yield Flag.once(pairs[longer > shorter].tolist(), "", message, about=side, evidence=evidence)


def _size(side: tuple[Turn, ...]) -> int:
    return sum(len(turn.text.strip()) for turn in side if turn.role == "assistant")


class SwappedPair(DatasetRule, frozen=True):
    """Two rows hold the same pair the other way round.

    What is chosen in one row is rejected in the other, to the same prompt: the two cancel out, and
    one of them is wrong. Mostly two judges disagreed, or a column was swapped in part of the set.
    """

    code = "PRF005"
    GOOD = [
        [_pair("An apple.", "A carrot."), _pair("An apple.", "A leek.")],
        [_pair("An apple.", "A pear."), _pair("A pear.", "A leek.")],
        [_pair("An apple.", "A carrot."), _pair("A carrot.", "An apple.", prompt="Name a vegetable.")],
    ]
    BAD = [
        Bad(
            [_pair("An apple.", "A carrot."), _pair("A leek.", "A pear."), _pair("A carrot.", "An apple.")],
            at="2:chosen",
        )
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """Hashes of the pair and of the pair the other way round; shape (lines, 2), uint64."""
        out = np.zeros((len(batch.lines), 2), dtype=np.uint64)
        for index in batch.preference_rows:
            example = batch.example(index)
            prompt, chosen, rejected = map(_answer, (example.turns, example.chosen, example.rejected))
            if chosen != rejected:
                out[index] = _hash(prompt, chosen, rejected), _hash(prompt, rejected, chosen)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        pairs = np.flatnonzero(sketches[:, 0])
        known, first = np.unique(sketches[pairs, 0], return_index=True)
        wanted = sketches[pairs, 1]
        place = np.minimum(np.searchsorted(known, wanted), max(0, len(known) - 1))
        for number in np.flatnonzero(known[place] == wanted).tolist() if len(known) else ():
            row, other = int(pairs[number]), int(pairs[first[place[number]]])
            if other < row:
                turn = _first(rows.example(row).chosen)
                assert turn is not None
                yield (
                    row,
                    turn.flag("the answer chosen here is rejected there, and the other way round", related=(other,)),
                )


def _hash(*texts: str) -> int:
    digest = hashlib.blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") or 1

"""DUP006: rows that say the same in other words, by the embeddings of a model that the user names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple

import numpy as np

from curator.checks.near_duplicates import repeated
from curator.columns import Batch, Rows
from curator.model import Example, Flag, NotRun
from curator.neighbours.graph import Edges, leaders
from curator.neighbours.keys import exact_keys, row_keys
from curator.neighbours.likeness import other_task
from curator.neighbours.shingles import text_of
from curator.packs import rules_dir
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.text.embeddings import Embedder, files_of, load
from curator.text.hashed import mix

MOST = 50_000  # rows compared: the time grows with the square
_NEAREST = 12  # rows that one is compared with further
_BLOCK = 512  # rows whose products with all others are held at a time
_READ = 2048  # rows read again at a time


_ASKED = chat(user="How big is a whale?", assistant="A whale is very large.")
_AGAIN = chat(user="How large is a whale?", assistant="A whale is very big.")


def _capital(country: str, city: str) -> Row:
    return chat(user=f"What is the capital of {country}?", assistant=f"The capital of {country} is {city}.")


class SemanticDuplicate(DatasetRule, frozen=True):
    """A row says the same as an earlier row in other words.

    Sets that a model wrote repeat their tasks in ever new wordings: the example weighs double, and in another
    split it makes the score one for memory. The wording is compared by a model of yours, prompts with prompts
    and answers with answers, and a pair that differs in a number, a name, a negation or an opposite is none.
    """

    code = "DUP006"
    preview = True
    costly = True
    needs = "embeddings"
    views: ClassVar[tuple[str, ...]] = ("whole",)
    GOOD = [
        [_ASKED, _AGAIN],  # without a model
        [_capital("France", "Paris"), _capital("Spain", "Madrid")],
    ]
    BAD = [
        Bad([_ASKED, _AGAIN], at="1:", options={"embeddings": "example.txt"}),
        Bad(
            [_ASKED, chat(user="Say how large a whale is.", assistant="A whale is very big.")],
            at="1:",
            options={"embeddings": "example.txt", "threshold": 0.6},
        ),
        Bad(
            [_ASKED, chat(user="How large is a whale?", assistant="It is an animal.")],
            at="1:",
            options={"embeddings": "example.txt", "answer_threshold": 0.5},
        ),
    ]

    embeddings: Annotated[
        str,
        option("Folder of a sentence encoder or of static embeddings, or a file of word vectors."),
    ] = ""
    threshold: Annotated[float, option("Cosine of two prompts from which on they ask the same.", gt=0, le=1)] = 0.9
    answer_threshold: Annotated[
        float, option("Cosine of their answers from which on these say the same.", gt=0, le=1)
    ] = 0.9

    def files(self) -> tuple[str, ...]:
        return files_of(_place(self.embeddings)) if self.embeddings else ()

    def sketch(self, batch: Batch) -> np.ndarray:
        """(normalised key, exact key) of each row; shape (lines, 2), uint64."""
        return np.column_stack((batch.memo(row_keys), batch.memo(exact_keys)))

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero(rows.readable & ~repeated(sketches, rows))
        if not self.embeddings or len(judged) < 2:
            return
        if len(judged) > MOST:
            reason = f"{len(judged):,} rows are too many to compare by meaning: {MOST:,} of them were"
            rows.leave_out(
                NotRun((self.code,), reason, "drop the rows that repeat first, or lint the files one by one")
            )
            judged = np.sort(judged[np.argsort(mix(sketches[judged, 0]), kind="stable")[:MOST]])
        model = load(_place(self.embeddings))
        pairs = self._alike(model, judged, rows)
        worded = rows.neighbours("whole").edges(0.6)  # those are for DUP003
        known = set(zip(worded.a.tolist(), worded.b.tolist(), strict=True))
        pairs = [pair for pair in pairs if (pair.a, pair.b) not in known]
        columns = zip(*pairs, strict=True) if pairs else ((), (), (), ())
        a, b, prompts, answers = (np.array(column) for column in columns)
        found = Edges(a.astype(np.int64), b.astype(np.int64), np.minimum(prompts, answers).astype(np.float32))
        leader = leaders(found, len(rows.readable))
        for pair in pairs:
            if leader[pair.b] == pair.a:
                yield pair.b, _flag(pair)

    def _alike(self, model: Embedder, judged: np.ndarray, rows: Rows) -> list[_Pair]:
        """Pairs of rows of one split whose prompts and answers are alike, and that ask for one thing."""
        asked = _texts(rows, judged, "prompt")
        codes, cosines = _near(model.embed(asked), rows.splits[judged], self.threshold)
        wanted = np.unique(codes)
        place = np.searchsorted(wanted, codes)
        told = model.embed(_texts(rows, judged[wanted], "answer"))
        same = (told[place[:, 0]] * told[place[:, 1]]).sum(axis=1)
        found = []
        for (one, two), prompt, answer in zip(judged[codes].tolist(), cosines.tolist(), same.tolist(), strict=True):
            if answer >= self.answer_threshold and not other_task(*rows.examples((one, two))):
                found.append(_Pair(one, two, prompt, answer))
        return found


class _Pair(NamedTuple):
    """Two rows, a before b, with the cosines of their prompts and of their answers."""

    a: int
    b: int
    prompts: float
    answers: float


def _texts(rows: Rows, wanted: np.ndarray, view: str) -> list[str]:
    """The text of a view of each row; that of the whole row where it is plain text."""
    out: list[str] = []
    for low in range(0, len(wanted), _READ):
        out += [_text(example, view) for example in rows.examples(wanted[low : low + _READ].tolist())]
    return out


def _text(example: Example, view: str) -> str:
    return text_of(example, view) or text_of(example, "whole")


def _near(vectors: np.ndarray, splits: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """(places, int64, shape (pairs, 2), the first before the second; their cosines): the nearest of each row.

    Products are made block by block; of the rows before it, each row keeps the nearest twelve.
    """
    found, cosines = [], []
    for low in range(0, len(vectors), _BLOCK):
        block = vectors[low : low + _BLOCK]
        product = block @ vectors[: low + len(block)].T
        here = np.arange(low, low + len(block))
        product[splits[here][:, None] != splits[None, : low + len(block)]] = 0
        product[:, low:][np.triu_indices(len(block))] = 0  # itself, and what comes after
        at, other = np.nonzero(product >= least)
        value = product[at, other]
        order = np.lexsort((other, -value, at))
        at, other, value = at[order], other[order], value[order]
        rank = np.arange(len(at)) - np.searchsorted(at, at)
        kept = rank < _NEAREST
        found.append(np.column_stack((other[kept], at[kept] + low)))
        cosines.append(value[kept])
    return np.concatenate(found).astype(np.int64), np.concatenate(cosines)


def _flag(pair: _Pair) -> Flag:
    evidence = {"prompts": round(pair.prompts, 3), "answers": round(pair.answers, 3)}
    message = f"says the same as an earlier row in other words (cosine {min(pair.prompts, pair.answers):.2f})"
    return Flag("", message, related=(pair.a,), evidence=evidence)


def _place(model: str) -> str:
    """A path, or the name of an example that ships with the rules."""
    shipped = rules_dir() / "embeddings" / model
    return str(shipped) if not Path(model).exists() and shipped.exists() else model

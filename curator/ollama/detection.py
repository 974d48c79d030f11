"""Which of its own templates Ollama takes for a model whose Modelfile names none.

Ollama compares the chat template in the model with the texts in its `template/index.json` by Levenshtein distance
and takes the nearest, where it is less than 100 edits away; else the prompt is sent bare (`template.Named`, read
at fb30760, August 2026). Given that file, the answer here is exact. Without it, it rests on figures of those texts:
a hash, which tells an equal text, their lengths, and counts of their q-grams in buckets. An edit changes at most q
q-grams on either side, so that the counts bound the distance from below (Ukkonen 1992), and the bound proves that
a text is not near. `tests/bench/ollama_index.py` makes the figures.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from curator.errors import UNREADABLE, SourceError

NEAR = 100  # edits from which on a text is not taken
_GRAMS = ((1, 64), (2, 256), (3, 512))  # q, and buckets for its q-grams


class Known(NamedTuple):
    """What is known of Ollama's texts without having them; the arrays have a row a text."""

    names: list[str]
    digests: list[bytes]
    lengths: np.ndarray  # int64, shape (texts,), in characters
    grams: np.ndarray  # uint16, shape (texts, buckets)


class Choice(NamedTuple):
    """What Ollama takes: `name` is "" where it takes none. `edits` is the distance, None where it is not known.

    `may` are the templates that cannot be ruled out, where it is not certain which is taken.
    """

    name: str = ""
    edits: int | None = None
    may: tuple[str, ...] = ()


def chosen(text: str, index: str = "") -> Choice:
    """What Ollama takes for a chat template; `index` is its list of templates, a path or the JSON itself.

    Raises:
        SourceError: the index cannot be read, or is no such list.
    """
    if index:
        return _nearest(text, read_index(index))
    known = load()
    digest = digest_of(text)
    if digest in known.digests:
        return Choice(known.names[known.digests.index(digest)], 0)
    least = least_edits(text, known)
    return Choice(may=tuple(dict.fromkeys(known.names[n] for n in np.flatnonzero(least < NEAR).tolist())))


def _nearest(text: str, known: list[tuple[str, str]]) -> Choice:
    from rapidfuzz.distance import Levenshtein

    distances = [(Levenshtein.distance(text, other), n) for n, (_, other) in enumerate(known)]
    edits, number = min(distances, default=(NEAR, -1))
    return Choice(known[number][0], edits) if edits < NEAR else Choice()


def least_edits(text: str, known: Known) -> np.ndarray:
    """Lower bounds of the distances between a text and the known ones; int64, shape (texts,)."""
    found: np.ndarray = np.abs(known.lengths - len(text))
    start = 0
    for (q, buckets), counts in zip(_GRAMS, _counts(text), strict=True):
        apart = np.abs(known.grams[:, start : start + buckets].astype(np.int64) - counts).sum(axis=1)
        found = np.maximum(found, -(-apart // (2 * q)))
        start += buckets
    return found


def _counts(text: str) -> list[np.ndarray]:
    """The q-grams of a text in buckets, for each q; int64, shape (buckets,)."""
    return [
        np.bincount(
            [zlib.crc32(text[n : n + q].encode("utf-8", "surrogatepass")) % buckets for n in range(len(text) - q + 1)],
            minlength=buckets,
        ).astype(np.int64)
        for q, buckets in _GRAMS
    ]


def digest_of(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def read_index(index: str) -> list[tuple[str, str]]:
    """(name, Jinja text) of each entry of a `template/index.json`."""
    try:
        text = index if index.lstrip().startswith("[") else Path(index).read_text("utf-8")
        found = [(str(entry["name"]), str(entry["template"])) for entry in json.loads(text)]
    except (OSError, *UNREADABLE, TypeError, KeyError) as fault:
        hint = "name template/index.json of Ollama's source: a list of objects with name and template"
        raise SourceError(f"Ollama's templates cannot be read: {fault!r}", where=index[:200], hint=hint) from None
    return found


def figures(known: list[tuple[str, str]]) -> Known:
    """What is kept of the texts of an index."""
    grams = [np.concatenate(_counts(text)).astype(np.uint16) for _, text in known]
    lengths = np.array([len(text) for _, text in known], dtype=np.int64)
    return Known([name for name, _ in known], [digest_of(text) for _, text in known], lengths, np.array(grams))


def place() -> Path:
    """The file of the figures: in a wheel or in a checkout."""
    package = Path(__file__).parent.parent
    rules = package / "_rules" if (package / "_rules").is_dir() else package.parent / "rules"
    return rules / "ollama" / "known.npz"


def save(known: Known, file: Path) -> None:
    digests = np.frombuffer(b"".join(known.digests), dtype=np.uint8).reshape(-1, 16)
    np.savez_compressed(file, names=np.array(known.names), digests=digests, lengths=known.lengths, grams=known.grams)


@lru_cache(maxsize=1)
def load() -> Known:
    with np.load(place()) as found:
        digests = [bytes(row) for row in found["digests"]]
        return Known(found["names"].tolist(), digests, found["lengths"], found["grams"])

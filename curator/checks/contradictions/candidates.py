"""A key that prompts share which may ask for the same in other words, computed for all rows at once."""

from __future__ import annotations

import numpy as np

from curator.columns import Batch
from curator.neighbours.keys import is_prompt, turn_keys
from curator.text.hashed import Column, mix, slice_hashes, unique, word_places

LONGEST = 200  # bytes of a prompt that is compared by intent: longer ones are not reworded, they are copied
_CUT = 5  # bytes of a word that count in a key: "produces" and "produced" are candidates

# Words that a rewording may swap or drop; candidates only, so that it does no harm when one means something.
_SMALL = (
    "a an the of in on at to for is are was were be do does did has have had can could should would will may might i "
    "you we one me my your it its this that there please kindly tell know want need like what whats which who whom "
    "whose when where why how s re d ll name give list state provide identify explain describe define mean meaning "
    "definition write wrote written author writer compose create generate produce make craft draft way method "
    "procedure process step best easy easiest right correct proper year date day month time long tall high old far deep "
    "height length age depth distance weight mass heavy weigh reason cause come many much number count total price cost "
    "calculate compute work out determine find evaluate location place locate located situated invent invented inventor "
    "discover discovered discoverer found founded founder establish established start started director direct directed "
    "paint painted painter creator created by from into so ok okay hello hi hey now wonder wondering was let any idea "
    "say answer question following summarize summarise summary sum up exactly actually really just currently call "
    "called known some enumerate city country must go take follow"
)


def intent_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): a key that prompts with equal intents share; 0 where there is none to compare.

    A necessary condition: the bag of the beginnings of words that are not small. Only a prompt of one short
    user turn has one; what the system says is part of it.
    """
    out = np.zeros(len(batch.lines), dtype=np.uint64)
    prompt, roles, lines = batch.memo(is_prompt), batch.roles, batch.turn_lines
    texts = batch.folded
    asked = prompt & (roles == 1)
    users = np.bincount(lines[asked], minlength=len(out))
    others = np.bincount(lines[prompt & (roles > 1)], minlength=len(out))
    short = asked & (texts.ends - texts.starts <= LONGEST) & (users[lines] == 1) & (others[lines] == 0)
    places = np.flatnonzero(short)
    if not len(places):
        return out
    owners, hashes = _word_starts(texts, places)
    kept = ~np.isin(hashes, _small())
    sums = np.zeros(len(places), dtype=np.uint64)
    np.add.at(sums, owners[kept], mix(hashes[kept]))
    out[lines[places]] = sums
    system = np.flatnonzero(prompt & (roles == 0))
    if len(system):
        context = np.zeros(len(out), dtype=np.uint64)
        np.add.at(context, lines[system], mix(batch.memo(turn_keys)[system]))
        out[out != 0] += context[out != 0]
    return out


def _word_starts(texts: Column, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(place of the text, hash of the beginning of the word) for every word of some texts."""
    sizes = texts.ends[places] - texts.starts[places] + 1  # with the separator behind
    ends = np.cumsum(sizes)
    source = np.arange(ends[-1]) + np.repeat(texts.starts[places] - (ends - sizes), sizes)
    data = np.frombuffer(texts.data + b"\x1e", np.uint8)[source]
    begins, stops = word_places(data.tobytes())
    last = data[stops - 1]
    plural = (last == ord("s")) & (stops - begins > 3) & (data[stops - 2] != ord("s"))
    stops = np.minimum(stops - plural, begins + _CUT)
    return np.searchsorted(ends, begins, side="right"), slice_hashes(data, begins, stops)


_small_hashes: np.ndarray | None = None


def _small() -> np.ndarray:
    global _small_hashes
    if _small_hashes is None:
        data = _SMALL.encode()
        texts = Column(data, np.zeros(1, np.int64), np.array([len(data)]))
        _small_hashes = unique(_word_starts(texts, np.zeros(1, np.int64))[1])
    return _small_hashes

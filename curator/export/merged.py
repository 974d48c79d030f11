"""Puts an adapter into the weights of its base.

The sum is made in 32 bits. A short text goes through the model with the adapter and through the merged one; where
they differ, nothing is written.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

from curator.errors import SourceError
from curator.export.source import Source, tokenizer_files
from curator.training.models import needs, quiet

_LARGEST = 1e-3  # difference of logits, relative to the largest of them: 32 bits leave some 1e-6


class Merged(NamedTuple):
    """A model in 32 bits, and by how much its logits differ from those with the adapter, relative to the largest."""

    model: Any
    difference: float


def merge(source: Source) -> Merged:
    """The whole model.

    Raises:
        SourceError: peft cannot merge the adapter, or the merged model is not the one that was tuned.
    """
    needs("export", "torch", "transformers", "peft")
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    loader: Any = AutoModelForCausalLM
    with quiet():
        model = loader.from_pretrained(source.base.path, dtype=torch.float32).eval()
    if source.adapter is None:
        return Merged(model, 0.0)
    ids = torch.arange(24).reshape(1, -1) * 7 % model.config.get_text_config().vocab_size
    try:
        with quiet(), torch.no_grad():
            adapted: Any = PeftModel.from_pretrained(model, str(source.adapter)).eval()
            before = adapted(input_ids=ids).logits
            whole = adapted.merge_and_unload(safe_merge=True).eval()
            after = whole(input_ids=ids).logits
    except (RuntimeError, ValueError, KeyError, NotImplementedError) as error:
        said = " ".join(str(error).split())[:200]
        raise SourceError(f"the adapter cannot be merged: {said}", where=str(source.adapter)) from None
    difference = float((before - after).abs().max() / before.abs().max().clamp_min(1e-9))
    if not difference <= _LARGEST:  # NaN as well
        tied = source.tied and any(name in str(source.config.get("target_modules")) for name in ("embed", "lm_head"))
        hint = "the base ties its embeddings: the adapter was trained on one of them alone" if tied else ""
        raise SourceError(
            f"the merged model differs from the one with the adapter (logits by {difference:.1%})",
            where=str(source.adapter),
            hint=hint,
        )
    ends = [whole.get_input_embeddings().weight, whole.get_output_embeddings().weight]
    if source.tied and ends[0].data_ptr() != ends[1].data_ptr() and not torch.equal(*ends):
        _untie(whole)
    return Merged(whole, difference)


def _untie(model: Any) -> None:
    """Say that the embeddings, trained apart, are two: or else one of them would be left out of the file."""
    for config in {id(one): one for one in (model.config, model.config.get_text_config())}.values():
        config.tie_word_embeddings = False
    model.all_tied_weights_keys = {}


def save(source: Source, merged: Merged, folder: Path) -> str:
    """Write safetensors, config, generation config, tokenizer and chat template; the name of the dtype, the base's."""
    import torch

    name = dtype_of(source)
    with quiet():
        model = merged.model.to(getattr(torch, name))
        model.save_pretrained(folder)
    for file in tokenizer_files(source.tokenizer):
        shutil.copyfile(file, folder / file.name)
    return name


def dtype_of(source: Source) -> str:
    """The dtype of the base's weights by its config; float32 where it does not say."""
    said = source.model_config
    return str(said.get("dtype") or said.get("torch_dtype") or "float32")

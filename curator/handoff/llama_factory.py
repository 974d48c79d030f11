"""LLaMA-Factory: a YAML file, and the data with their entry in dataset_info.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from curator.conversion import INFO
from curator.handoff.recipe import Data, Recipe
from curator.handoff.settings import Settings, as_yaml, checked, length, of_transformers, overridden, positive
from curator.handoff.tool import TEXTS, Folder, Tool


class LlamaFactory(Tool):
    """LLaMA-Factory keeps templates of its own by name; without a name it takes the tokenizer's chat template."""

    name = "llama-factory"
    target = "llama-factory"
    methods = ("lora", "qlora", "dora", "rslora", "full")
    preference = True

    def shape(self, data: Data) -> str:
        return TEXTS if data.texts else "llama-factory"

    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        settings = overridden(self._settings(_followed(recipe, changes), data), changes)
        if (steps := changes.get("max_steps", -1)) != -1 and "warmup_steps" not in changes:
            settings["warmup_steps"] = round(recipe.warmup * positive("max_steps", steps))
        checked("llama-factory", settings)
        notes = []
        if "template" not in settings and not data.texts:
            notes.append("no template is named: the tokenizer's own is parsed; to name one: --set template=NAME")
        files = {"train.yaml": as_yaml(settings)}
        if data.texts:  # of other shapes the conversion writes it
            entries = {
                split.name: {"file_name": f"{split.name}.jsonl", "columns": {"prompt": TEXTS}} for split in data.splits
            }
            files[f"data/{INFO}"] = json.dumps(entries, indent=2) + "\n"
        return Folder(
            files, "llamafactory-cli train train.yaml", "pip install llamafactory",
            tuple(notes), most=length("cutoff_len", settings["cutoff_len"]),
        )  # fmt: skip

    def _settings(self, recipe: Recipe, data: Data) -> Settings:
        settings: Settings = {
            "model_name_or_path": recipe.model,
            "stage": "dpo" if data.preference else "pt" if data.texts else "sft",
            "do_train": True,
            "finetuning_type": "lora" if recipe.adapts else "full",
            "dataset_dir": "data",
            "dataset": "train",
            "cutoff_len": recipe.max_length,
            **of_transformers(recipe),
            "warmup_steps": recipe.warmup_steps(data.train.rows),  # it pins a transformers that knows no shares
        }
        if data.texts:
            settings["packing"] = False  # packed, what fills no block of cutoff_len is left out
        if data.held_out:
            settings |= {"eval_dataset": "valid", "eval_strategy": "epoch"}
        return settings | self._adapter(recipe)

    @staticmethod
    def _adapter(recipe: Recipe) -> Settings:
        if not recipe.adapts:
            return {}
        settings: Settings = {
            "lora_target": "all",
            "lora_rank": recipe.rank,
            "lora_alpha": recipe.alpha,
            "lora_dropout": recipe.dropout,
        }
        if recipe.method == "qlora":
            settings |= {"quantization_bit": 4, "quantization_method": "bnb", "double_quantization": True}
        if recipe.method == "dora":
            settings["use_dora"] = True
        if recipe.method == "rslora":
            settings["use_rslora"] = True
        return settings


_FOLLOWED = {"batch": "per_device_train_batch_size", "accumulation": "gradient_accumulation_steps",
             "epochs": "num_train_epochs"}  # fmt: skip


def _followed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """The recipe as the settings that are named have it: the steps of the warm-up are counted by it."""
    told = {field: positive(key, changes[key]) for field, key in _FOLLOWED.items() if key in changes}
    return msgspec.structs.replace(recipe, **told)

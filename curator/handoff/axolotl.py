"""axolotl: one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.handoff.recipe import Data, Recipe
from curator.handoff.settings import Settings, as_yaml, checked, overridden
from curator.handoff.tool import Folder, Tool


class Axolotl(Tool):
    """axolotl takes settings it does not know without a word: each is checked here."""

    name = "axolotl"
    target = "axolotl"
    methods = ("lora", "qlora", "dora", "rslora", "full")
    preference = True
    weights = True  # by message_field_training, which takes a weight of 0 or 1 as well as a flag

    def shape(self, data: Data) -> str:
        return "trl-preference" if data.preference else "openai-chat"

    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        settings = overridden(self._settings(recipe, data), changes)
        checked("axolotl", settings)
        notes = (f"rows above sequence_len {settings['sequence_len']:,} stop the run: excess_length_strategy is raise",)
        return Folder({"config.yaml": as_yaml(settings)}, "axolotl train config.yaml", "pip install axolotl", notes)

    def _settings(self, recipe: Recipe, data: Data) -> Settings:
        settings: Settings = {
            "base_model": recipe.model,
            "datasets": [self._dataset("train", data)],
            "chat_template": "tokenizer_default",
            "sequence_len": recipe.max_length,
            "excess_length_strategy": "raise",
            "micro_batch_size": recipe.batch,
            "gradient_accumulation_steps": recipe.accumulation,
            "num_epochs": recipe.epochs,
            "optimizer": "adamw_torch",
            "learning_rate": recipe.learning_rate,
            "lr_scheduler": "cosine",
            "warmup_ratio": recipe.warmup,
            "weight_decay": recipe.weight_decay,
            "train_on_inputs": False,
            "bf16": "auto",
            "gradient_checkpointing": True,
            "logging_steps": 5,
            "saves_per_epoch": 1,
            "output_dir": "output",
            "seed": recipe.seed,
        }
        if data.preference:
            settings["rl"] = "dpo"
        else:
            settings["sample_packing"] = False
        if data.held_out:
            settings |= {"test_datasets": [self._dataset("valid", data)], "evals_per_epoch": 1}
        return settings | self._adapter(recipe)

    @staticmethod
    def _dataset(split: str, data: Data) -> Settings:
        # Every file is read as the split "train" of its own set.
        place: Settings = {"path": f"data/{split}.jsonl", "ds_type": "json", "split": "train"}
        if data.preference:
            return place | {
                "type": "chat_template.default", "field_messages": "prompt", "field_chosen": "chosen",
                "field_rejected": "rejected",
            }  # fmt: skip
        chats: Settings = {
            "type": "chat_template",
            "field_messages": "messages",
            "message_property_mappings": {"role": "role", "content": "content"},
            "roles_to_train": ["assistant"],
            "train_on_eos": "turn",
        }
        return place | chats | ({"message_field_training": "weight"} if data.unweighted else {})

    @staticmethod
    def _adapter(recipe: Recipe) -> Settings:
        if not recipe.adapts:
            return {}
        settings: Settings = {
            "adapter": "qlora" if recipe.method == "qlora" else "lora",
            "lora_r": recipe.rank,
            "lora_alpha": recipe.alpha,
            "lora_dropout": recipe.dropout,
            "lora_target_linear": True,
        }
        if recipe.method == "qlora":
            settings["load_in_4bit"] = True
        if recipe.method == "dora":
            settings["peft_use_dora"] = True
        if recipe.method == "rslora":
            settings["peft_use_rslora"] = True
        return settings

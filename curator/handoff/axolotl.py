"""axolotl: one YAML file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from curator import targets
from curator.errors import UsageError
from curator.handoff.recipe import Data, Recipe
from curator.handoff.settings import Settings, as_yaml, checked, length, overridden
from curator.handoff.tool import TEXTS, Folder, Tool
from curator.targets import Tokens

_Over = Literal["refused", "dropped", "cut", "prompt"]


class Axolotl(Tool):
    """axolotl takes settings it does not know without a word: each is checked here."""

    name = "axolotl"
    target = "axolotl"
    methods = ("lora", "qlora", "dora", "rslora", "full")
    preference = True
    weights = True  # by message_field_training, which takes a weight of 0 or 1 as well as a flag

    def shape(self, data: Data) -> str:
        return "trl-preference" if data.preference else TEXTS if data.texts else "openai-chat"

    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        settings = overridden(self._settings(recipe, data), changes)
        checked("axolotl", settings)
        return Folder(
            {"config.yaml": as_yaml(settings)},
            "axolotl train config.yaml",
            "pip install axolotl",
            most=length("sequence_len", settings["sequence_len"]),
            limits=_limits(settings["excess_length_strategy"]),
        )

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
        if data.texts:
            return place | {"type": "completion", "field": TEXTS}
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


# What becomes of conversations above sequence_len, what of pairs, and how it is said.
_STRATEGIES: Mapping[str, tuple[_Over, _Over, str]] = {
    "raise": ("refused", "refused", "excess_length_strategy raise stops the run at a row above sequence_len"),
    "truncate": ("cut", "prompt", "excess_length_strategy truncate keeps the first sequence_len tokens of a row"),
}
_DEFAULT = "drop"  # what the profile of the target tells


def _limits(strategy: Any) -> tuple[Tokens, ...]:
    """What the strategy that is written does to long rows. Raises UsageError where there is no such strategy."""
    if strategy in (_DEFAULT, None):
        return ()
    if strategy not in _STRATEGIES:
        hint = f"it may be {_DEFAULT}, {' or '.join(_STRATEGIES)}"
        raise UsageError(f"excess_length_strategy {strategy!r} is not known", hint=hint)
    chats, pairs, by = _STRATEGIES[strategy]
    return tuple(
        limit if limit.over == "kept" else msgspec.structs.replace(limit, over=pairs if limit.shapes else chats, by=by)
        for limit in targets.load(Axolotl.target).every_limit
    )

"""TRL's command line: `trl sft`, and `trl dpo` for preference pairs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.handoff.recipe import Data, Recipe
from curator.handoff.settings import Settings, as_yaml, checked, length, of_transformers, overridden
from curator.handoff.tool import TEXTS, Folder, Tool, limits_of
from curator.report.tally import counted


class Trl(Tool):
    """What TRL trains by default is the whole conversation: only the answers are asked for here."""

    name = "trl"
    target = "trl"
    methods = ("lora", "qlora", "dora", "rslora", "full")
    preference = True

    def shape(self, data: Data) -> str:
        if data.preference:
            return "trl-preference"
        if data.texts:
            return TEXTS
        return "openai-chat" if data.dialogues else "prompt-completion"

    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        verb = "dpo" if data.preference else "sft"
        settings = overridden(self._settings(recipe, data), changes)
        checked("trl-dpo" if data.preference else "trl", settings)
        notes = []
        if data.dialogues and not data.preference:
            notes.append(
                f"{counted(data.dialogues, 'row')} with several answers: assistant_only_loss trains them all, and "
                "needs a chat template with {% generation %}; TRL adds it to the templates it knows and stops at others"
            )
        if recipe.method == "qlora":
            notes.append("4-bit weights need bitsandbytes")
        return Folder(
            {f"{verb}.yaml": as_yaml(settings)}, f"trl {verb} --config {verb}.yaml", "pip install 'trl[peft]'",
            tuple(notes), **_long(settings["max_length"]),
        )  # fmt: skip

    def _settings(self, recipe: Recipe, data: Data) -> Settings:
        settings: Settings = {
            "model_name_or_path": recipe.model,
            "dataset_name": "data",  # a folder whose file names say which split they are
            "dataset_train_split": "train",
            "max_length": recipe.max_length,
            **of_transformers(recipe),
        }
        if data.held_out:
            settings |= {"eval_strategy": "epoch", "dataset_test_split": "validation"}
        if data.texts:
            settings["dataset_text_field"] = TEXTS
        if data.dialogues and not data.preference:
            settings["assistant_only_loss"] = True
        return settings | self._adapter(recipe)

    @staticmethod
    def _adapter(recipe: Recipe) -> Settings:
        if not recipe.adapts:
            return {}
        settings: Settings = {
            "use_peft": True, "lora_r": recipe.rank, "lora_alpha": recipe.alpha, "lora_dropout": recipe.dropout,
            "lora_target_modules": "all-linear", "use_dora": recipe.method == "dora",
            "use_rslora": recipe.method == "rslora",
        }  # fmt: skip
        if recipe.method == "qlora":
            settings |= {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "use_bnb_nested_quant": True}
        return settings


def _long(most: Any) -> dict[str, Any]:
    """What becomes of long rows: without a max_length TRL cuts none."""
    if most is None:
        return {"limits": limits_of(Trl.target, "kept", "max_length null cuts no row")}
    return {"most": length("max_length", most)}

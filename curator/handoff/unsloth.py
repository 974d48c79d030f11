"""Unsloth: a script of a screen, and its settings beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from curator.handoff.recipe import Data, Recipe
from curator.handoff.settings import Settings, checked, length, of_transformers, overridden
from curator.handoff.tool import TEXTS, Folder, Tool, limits_of
from curator.packs import rules_dir


class Unsloth(Tool):
    """The script masks by position, for Unsloth's own way of finding answers needs the words of one template."""

    name = "unsloth"
    target = "unsloth"
    methods = ("lora", "qlora", "rslora", "full")
    preference = False
    weights = True  # the script sees to it

    def shape(self, data: Data) -> str:
        return TEXTS if data.texts else "openai-chat"

    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        settings = overridden(self._settings(recipe, data), changes)
        checked("unsloth", settings)
        script = (rules_dir() / "handoff" / "unsloth_train.py").read_text(encoding="utf-8")
        files = {"train.py": script, "settings.json": json.dumps(settings, indent=2) + "\n"}
        most = length("training.max_length", settings["training"]["max_length"])
        limits = limits_of(self.target, "dropped", "the script leaves out rows above max_length, and counts them")
        return Folder(files, "python train.py", "pip install unsloth", most=most, limits=limits)

    def _settings(self, recipe: Recipe, data: Data) -> Settings:
        adapter: Settings = {
            "r": recipe.rank,
            "lora_alpha": recipe.alpha,
            "lora_dropout": recipe.dropout,
            "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            "bias": "none",
            "use_rslora": recipe.method == "rslora",
            "use_gradient_checkpointing": "unsloth",
            "random_state": recipe.seed,
        }
        training: Settings = {
            "max_length": recipe.max_length,
            **of_transformers(recipe),
            "eval_strategy": "epoch" if data.held_out else "no",
        }
        model: Settings = {
            "model_name": recipe.model,
            "max_seq_length": recipe.max_length,
            "load_in_4bit": recipe.method == "qlora",
            "full_finetuning": recipe.method == "full",
        }
        return {"model": model, "adapter": adapter if recipe.adapts else {}, "training": training}

"""OpenAI's fine-tuning jobs, and services that speak the same interface."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from curator.handoff.recipe import Data, Recipe
from curator.handoff.settings import Settings, checked, known, overridden
from curator.handoff.tool import Folder, Tool

JOB = "job.json"


class OpenAI(Tool):
    """The service chooses what it is not told: batch and learning rate are left to it unless --set names them."""

    name = "openai"
    target = "openai"
    methods = ("lora",)
    preference = True
    texts = False
    weights = True

    def shape(self, data: Data) -> str:
        return "openai-preference" if data.preference else "openai-chat"

    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        hyper = {key: value for key, value in changes.items() if "." not in key and key in _HYPER}
        rest = {key: value for key, value in changes.items() if key not in hyper}
        checked("openai", {"hyperparameters": hyper, **rest})
        body = overridden(self._job(recipe, data, hyper), rest)
        notes = (*_strange(str(body["model"])), *_rounded(recipe, hyper), *_untold(recipe, hyper))
        return Folder({JOB: json.dumps(body, indent=2) + "\n"}, "curator handoff openai . --submit", notes=notes)

    @staticmethod
    def _job(recipe: Recipe, data: Data, hyper: Settings) -> Settings:
        kind = "dpo" if data.preference else "supervised"
        body: Settings = {
            "model": recipe.model,
            "training_file": "data/train.jsonl",  # the submission puts the number of the upload in its place
            "seed": recipe.seed,
            "method": {"type": kind, kind: {"hyperparameters": {"n_epochs": _passes(recipe), **hyper}}},
        }
        if data.held_out:
            body["validation_file"] = "data/valid.jsonl"
        return body


def _passes(recipe: Recipe) -> int:
    """The whole passes nearest to those asked for, half of one counted as one."""
    return max(1, math.floor(recipe.epochs + 0.5))


def _strange(model: str) -> Iterator[str]:
    """That the model is none that the service is known to tune; what it has tuned itself may be tuned on."""
    tunable = known("openai").models
    if model not in tunable and not model.startswith("ft:"):
        yield (
            f"{model} is not known to be tuned by OpenAI, which may refuse the job: it tunes {', '.join(tunable[:3])}; "
            "a service at another --base-url has models of its own"
        )


def _rounded(recipe: Recipe, hyper: Settings) -> Iterator[str]:
    """That the service takes whole passes, where a part of one was asked for."""
    if "n_epochs" not in hyper and _passes(recipe) != recipe.epochs:
        yield f"n_epochs is {_passes(recipe)}, not {recipe.epochs:g}: the service takes whole passes"


def _untold(recipe: Recipe, hyper: Settings) -> Iterator[str]:
    """What was asked for and the service is not told."""
    usual = Recipe(model=recipe.model)
    names = [name for name in _OURS if getattr(recipe, name) != getattr(usual, name) and _OURS[name] not in hyper]
    if names:
        told = ", ".join(f"{name.replace('_', '-')} {getattr(recipe, name):g}" for name in names)
        hint = "it takes --set batch_size=N and learning_rate_multiplier=X"
        yield f"the service chooses for itself, and is not told: {told}; {hint}"


# What the job has no place for, with the setting of the service that stands in its stead, if any.
_OURS = {"learning_rate": "learning_rate_multiplier", "batch": "batch_size"} | dict.fromkeys(
    ("rank", "alpha", "dropout", "accumulation", "max_length", "warmup", "weight_decay"), ""
)
_HYPER = frozenset({"n_epochs", "batch_size", "learning_rate_multiplier", "beta"})

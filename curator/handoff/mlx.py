"""mlx-lm: LoRA on Apple silicon."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from curator.errors import UsageError
from curator.handoff.recipe import Data, Recipe
from curator.handoff.settings import Settings, as_yaml, checked, length, overridden
from curator.handoff.tool import TEXTS, Folder, Tool
from curator.report.tally import counted


class Mlx(Tool):
    """`mlx_lm.lora` counts iterations and not epochs, and scales an adapter by `scale`, not by alpha / rank."""

    name = "mlx"
    target = "mlx"
    methods = ("lora", "rslora", "dora", "full")
    preference = False

    def shape(self, data: Data) -> str:
        return TEXTS if data.texts else "openai-chat"

    def folder(self, recipe: Recipe, data: Data, changes: Mapping[str, Any]) -> Folder:
        if "batch_size" in changes:  # the iterations and the schedule follow it
            recipe = msgspec.structs.replace(recipe, batch=_possible(changes["batch_size"], data))
        settings = overridden(self._settings(recipe, data), changes)
        checked("mlx", settings)
        notes, untrained = [], ""
        lost = data.train.answers - data.train.rows_answered
        if lost and settings.get("mask_prompt"):
            untrained = (
                f"{lost:,} of {counted(data.train.answers, 'answer')} in train are not trained: mask_prompt trains the "
                f"last answer of a row alone, and {counted(data.train.dialogues, 'row')} "
                f"{'has' if data.train.dialogues == 1 else 'have'} several"
            )
            notes.append(
                "to train every answer: --set mask_prompt=false, which trains the prompts too; "
                "or unsloth, axolotl or curator train, which train all answers and no prompt"
            )
        if self._batch(recipe, data) < recipe.batch:
            notes.append(
                f"batch_size is {self._batch(recipe, data)}: a split with fewer rows than a batch stops the run"
            )
        batch = settings["batch_size"]
        if data.held_out is None:
            notes.append("there is no valid.jsonl: nothing is measured while training")
        elif left := data.held_out.rows % batch:
            verb = "is" if left == 1 else "are"
            notes.append(f"{counted(left, 'row')} of valid.jsonl {verb} never measured: it is read in full batches too")
        return Folder(
            {"lora.yaml": as_yaml(settings)},
            "mlx_lm.lora --config lora.yaml",
            "pip install mlx-lm",
            tuple(notes),
            untrained,
            most=length("max_seq_length", settings["max_seq_length"]),
            batch=batch,
        )

    def _settings(self, recipe: Recipe, data: Data) -> Settings:
        batch = self._batch(recipe, data)
        steps = max(1, math.ceil(recipe.epochs * (data.train.rows // batch)))
        settings: Settings = {
            "model": recipe.model,
            "train": True,
            "data": "data",
            "fine_tune_type": {"dora": "dora", "full": "full"}.get(recipe.method, "lora"),
            "num_layers": -1,
            "mask_prompt": not data.texts,  # which it refuses: all of a text is trained
            "max_seq_length": recipe.max_length,
            "batch_size": batch,
            "grad_accumulation_steps": recipe.accumulation,
            "iters": steps,
            "optimizer": "adamw",
            "optimizer_config": {"adamw": {"weight_decay": recipe.weight_decay}},
            "learning_rate": recipe.learning_rate,
            "lr_schedule": self._schedule(recipe, steps // recipe.accumulation),
            "steps_per_report": max(1, steps // 50),
            "steps_per_eval": max(1, math.ceil(steps / recipe.epochs)),
            "val_batches": -1 if data.held_out else 0,
            "save_every": max(1, math.ceil(steps / recipe.epochs)),
            "adapter_path": "adapters",
            "seed": recipe.seed,
        }
        if recipe.adapts:
            settings["lora_parameters"] = {
                "rank": recipe.rank, "scale": recipe.scale, "dropout": recipe.dropout,
            }  # fmt: skip
        return settings

    @staticmethod
    def _batch(recipe: Recipe, data: Data) -> int:
        """Rows of a step: a split with fewer stops the run."""
        return max(1, min(recipe.batch, data.train.rows, data.held_out.rows if data.held_out else recipe.batch))

    @staticmethod
    def _schedule(recipe: Recipe, updates: int) -> Settings:
        """A cosine after a linear warm-up; its steps are those of the optimiser."""
        warmup = round(recipe.warmup * updates)
        arguments = [recipe.learning_rate, max(1, updates - warmup)]
        return {"name": "cosine_decay", "arguments": arguments} | ({"warmup": warmup} if warmup else {})


def _possible(batch: Any, data: Data) -> int:
    """The rows of a step that the user named. Raises UsageError where the run would stop at it."""
    if type(batch) is not int or batch < 1:
        raise UsageError(f"batch_size {batch} is no number of rows", hint="name a whole number from 1 on")
    for split in filter(None, (data.train, data.held_out)):
        if split.rows < batch:
            what = f"batch_size {batch:,} stops the run: {split.name}.jsonl has {counted(split.rows, 'row')}"
            raise UsageError(what, hint=f"name {split.rows:,} or less")
    return batch

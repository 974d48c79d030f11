"""The training loop: transformers' Trainer with our batches, our loss and our eyes on it."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments

from curator.errors import MissingExtraError, UsageError
from curator.training.batches import IGNORED, ROW_BY_ROW, Collator, RowSet, attention_for, isolation, token_losses
from curator.training.checkpoints import seal, unseal
from curator.training.models import needs, quiet
from curator.training.prepared import Rows
from curator.training.record import CHECKPOINTS, Point

if TYPE_CHECKING:
    from curator.recipe import Recipe

_NF4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
_LEAK = 1e-2  # of a logit's spread: from here on rows of a flat batch are said to see each other
_OPTIMIZERS = {"adamw": "adamw_torch", "adamw_8bit": "adamw_8bit"}
_SCHEDULERS = {"cosine": "cosine", "linear": "linear", "constant": "constant_with_warmup"}


class Schedule(NamedTuple):
    """What comes of the options for so many rows: units are rows, or packs with best-fit packing."""

    units: int
    per_epoch: int
    steps: int
    warmup: int
    evaluate: int
    save: int

    def seen(self, steps: int, drawn: int) -> int:
        """Units that so many steps of `drawn` each take in, repeats counted: an epoch's last takes the rest."""
        epochs, rest = divmod(steps, self.per_epoch)
        return epochs * self.units + min(rest * drawn, self.units)


def schedule(recipe: Recipe, units: int, *, processes: int = 1, valid: bool = False) -> Schedule:
    """Steps by option and size. Raises UsageError where options contradict each other."""
    drawn = recipe.batch * processes
    per_epoch = max(1, math.ceil(math.ceil(units / drawn) / recipe.accumulation))
    steps = recipe.steps or math.ceil(per_epoch * recipe.epochs)
    warmup = math.ceil(recipe.warmup * steps) if recipe.warmup < 1 else round(recipe.warmup)
    evaluate = recipe.evaluate_every or per_epoch
    save = recipe.save_every or evaluate
    if valid and recipe.best and save % evaluate:
        hint = f"make it a multiple of evaluate-every ({evaluate}), or keep the last weights: --no-best"
        raise UsageError(f"the best weights are not saved every {save} steps", where="save-every", hint=hint)
    return Schedule(units, per_epoch, steps, warmup, evaluate, save)


# ---------------------------------------------------------------------- the model


def device_of(recipe: Recipe) -> str:
    """Where it runs. Raises UsageError for a device that is not there."""
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    named = next(name for name in ("cuda", "mps", "cpu") if there[name]) if recipe.device == "auto" else recipe.device
    if not there[named]:
        raise UsageError(f"there is no {named} here", where="device", hint="leave it out, or say --device cpu")
    if named != "cuda" and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        hint = "launch it without FSDP: every process holds the whole model then"
        raise UsageError("accelerate shards a model over GPUs alone", where="FSDP", hint=hint)
    return named


def precision_of(recipe: Recipe, device: str) -> str:
    """fp32, bf16 or fp16. Raises UsageError for one the device has not."""
    if recipe.precision == "auto":
        return "fp32" if device != "cuda" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    if recipe.precision == "fp16" and device == "cpu":
        raise UsageError("a CPU does not train in fp16", where="precision", hint="--precision bf16, or fp32")
    return recipe.precision


def load_model(path: str, recipe: Recipe, device: str, precision: str) -> Any:
    """The base model on its device, ready for an adapter or for training in full.

    A frozen base is loaded in the precision of the run; weights that are trained stay in 32 bits.

    Raises:
        MissingExtraError: a package is not installed.
        UsageError: transformers cannot load the model.
    """
    import transformers
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM

    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    dtype = kinds[precision] if recipe.adapts else torch.float32
    more: dict[str, Any] = {}
    if recipe.method == "qlora":
        needs("qlora", "bitsandbytes", extra="qlora")
        quantized: Any = transformers.BitsAndBytesConfig
        more["quantization_config"] = quantized(**_NF4, bnb_4bit_compute_dtype=kinds[precision])
        more["device_map"] = {"": device}
    with quiet():
        try:
            attention = attention_for(AutoConfig.from_pretrained(path))
            loader: Any = AutoModelForCausalLM
            made, found = loader.from_pretrained(
                path, dtype=dtype, attn_implementation=attention, output_loading_info=True, **more
            )
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            said = " ".join(str(error).split())[:200]
            raise UsageError(f"the model cannot be loaded: {said}", where=path) from None
    # transformers makes up weights that are not there, and would have them trained beside the others.
    if lacking := sorted(found["missing_keys"]):
        names = f"{', '.join(lacking[:3])}{' …' if len(lacking) > 3 else ''}"
        what = f"{len(lacking)} of its weights are in no file: {names}"
        raise UsageError(what, where=path, hint="fetch the model again, or name the one its config.json is of")
    return _unpacked(made) if recipe.method == "qlora" else made.to(device)


def _unpacked(model: Any) -> Any:
    """The model, whose 4-bit layers stay as they are laid out.

    On a CPU with AVX512-BF16 bitsandbytes packs a layer anew, and for good, the first time it is run without a
    gradient: no gradient goes through it from then on, and a layer whose width is no multiple of 64 stops the run.
    """
    for part in model.modules():
        if type(part).__name__ == "Linear4bit":
            part.support_avx512bf16_for_cpu = False
    return model


def with_adapter(model: Any, recipe: Recipe, checkpointing: bool) -> Any:
    """The model with a fresh adapter around its layers. Raises UsageError for targets that it has not."""
    if not recipe.adapts:
        return model
    import peft

    if recipe.method == "qlora":
        prepared: Any = peft.prepare_model_for_kbit_training
        model = prepared(model, use_gradient_checkpointing=checkpointing)
    elif checkpointing:
        model.enable_input_require_grads()
    try:
        return peft.get_peft_model(model, adapter_config(recipe))
    except ValueError as error:
        layers = sorted({name.rpartition(".")[2] for name, part in model.named_modules() if hasattr(part, "weight")})
        said = " ".join(str(error).split())[:160]
        raise UsageError(f"no adapter for these targets: {said}", where="targets", hint=", ".join(layers)) from None


def adapter_config(recipe: Recipe) -> Any:
    from peft import LoraConfig, TaskType

    whole = recipe.targets == ("all-linear",)
    return LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=recipe.rank,
        lora_alpha=recipe.alpha,  # type: ignore[arg-type]
        lora_dropout=recipe.dropout,
        target_modules="all-linear" if whole else list(recipe.targets),
        modules_to_save=list(recipe.modules_to_save) or None,
        use_rslora=recipe.method == "rslora",
        use_dora=recipe.method == "dora",
    )


def keeps_apart(model: Any) -> bool:
    """Whether rows of a flat batch do not see each other in this model, measured."""
    return isolation(model, min(model.config.get_text_config().vocab_size, 1000)) < _LEAK


# ---------------------------------------------------------------------- the trainer


def arguments(
    recipe: Recipe, plan: Schedule, folder: Path, device: str, precision: str, checkpointing: bool, valid: bool
) -> TrainingArguments:
    """The options in the words of transformers."""
    return TrainingArguments(
        output_dir=str(folder / CHECKPOINTS),
        per_device_train_batch_size=recipe.batch,
        gradient_accumulation_steps=recipe.accumulation,
        num_train_epochs=recipe.epochs,
        max_steps=plan.steps,
        learning_rate=recipe.rate,
        lr_scheduler_type=_SCHEDULERS[recipe.scheduler],
        warmup_steps=plan.warmup,
        optim=_OPTIMIZERS[recipe.optimizer],
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.clip,
        gradient_checkpointing=checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if checkpointing else None,
        neftune_noise_alpha=recipe.neftune or None,
        eval_strategy="steps" if valid else "no",
        eval_steps=plan.evaluate if valid else None,
        save_strategy="steps",
        save_steps=plan.save,
        save_total_limit=recipe.keep,
        load_best_model_at_end=recipe.best and valid,
        metric_for_best_model="eval_loss" if valid else None,
        greater_is_better=False if valid else None,
        restore_callback_states_from_checkpoint=True,
        logging_steps=recipe.log_every,
        logging_nan_inf_filter=False,
        seed=recipe.seed,
        data_seed=recipe.seed,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        ddp_backend="gloo" if device == "cpu" and _distributed() else None,
        ddp_find_unused_parameters=False,
        dataloader_pin_memory=device == "cuda",
        remove_unused_columns=False,
        report_to=list(trackers(recipe)) or "none",
        run_name=folder.name,
        disable_tqdm=True,
        log_level="error",
        label_names=["shift_labels"],
    )


def _distributed() -> bool:
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def trackers(recipe: Recipe) -> tuple[str, ...]:
    """Who gets the log. Raises MissingExtraError for one that is not installed, UsageError for one nobody knows."""
    from importlib import util

    known = ("tensorboard", "trackio", "wandb")
    if not recipe.track:
        return ("tensorboard",) if util.find_spec("tensorboard") else ()
    if recipe.track == ("none",):
        return ()
    for name in recipe.track:
        if name not in known:
            raise UsageError(f"no tracker {name!r}", where="track", hint=f"known are {', '.join(known)} and none")
        if not util.find_spec(name):
            error = MissingExtraError(f"track = {name}", "train")
            error.args, error.hint = (f"{name} is not installed",), f"pip install {name}"
            error.what = error.args[0]
            raise error
    return recipe.track


class Loop(Trainer):
    """Trainer with the loss of trained tokens alone: a mean over all of them in a step, whoever holds them."""

    valid: Rows | None = None
    loss_is_scaled_for_ga = True

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        counts = [
            batch["loss_weights"].sum() if "loss_weights" in batch else batch["shift_labels"].ne(IGNORED).sum()
            for batch in batch_samples
        ]
        total = torch.stack([count.float() for count in counts]).sum().to(device) if counts else torch.ones(())
        return self.accelerator.gather(total).sum() if self.args.world_size > 1 else total

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        losses, weights = token_losses(model, inputs)
        total = (losses * weights).sum()
        loss = total / (weights.sum() if num_items_in_batch is None else num_items_in_batch)
        loss = loss * self.accelerator.num_processes  # gradients are averaged over processes, not summed
        return (loss, None) if return_outputs else loss

    def evaluate(self, *args: Any, **named: Any) -> dict[str, float]:
        """The mean loss of the trained tokens of valid, every token once and counted alike."""
        assert self.valid is not None and self.model is not None
        self.model.eval()
        first, processes, batch = self.args.process_index, self.args.world_size, self.args.train_batch_size
        mine = list(range(first, len(self.valid), processes))
        # Of a sharded model every process computes as often as the others, or they wait for each other for good.
        rounds = math.ceil(math.ceil(len(self.valid) / processes) / batch) if self.is_fsdp_enabled else 0
        total, count = mean_loss(self.model, self.valid, mine, self.data_collator, batch, rounds)
        if self.args.world_size > 1:
            both = self.accelerator.gather(torch.tensor([[total, count]], device=self.args.device)).sum(0)
            total, count = float(both[0]), float(both[1])
        metrics = {"eval_loss": total / max(count, 1)}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.model.train()
        return metrics


def mean_loss(
    model: Any, rows: Rows, mine: Sequence[int], collate: Any, batch: int, rounds: int = 0
) -> tuple[float, float]:
    """(sum of the losses of trained tokens, their number), by weight; the model is run `rounds` times at least."""
    device = next(model.parameters()).device
    total = count = 0.0
    with torch.no_grad():
        groups = list(batches_of(rows, mine, batch))
        for _ in range(rounds - len(groups)):
            token_losses(model, {name: part.to(device) for name, part in collate([[rows[0]]]).items()})
        for group in groups:
            made = {name: part.to(device) for name, part in collate([[rows[n]] for n in group]).items()}
            losses, weights = token_losses(model, made)
            total += float((losses.double() * weights).sum())
            count += float(weights.double().sum())
    return total, count


def batches_of(rows: Rows, mine: Sequence[int], batch: int) -> Iterator[list[int]]:
    """Rows of like length together, at most `batch` of them."""
    order = sorted(mine, key=lambda n: (int(rows.lengths[n]), n))
    return (order[k : k + batch] for k in range(0, len(order), batch))


class Watch(TrainerCallback):
    """Keeps the log, shows the line of progress, and stops at the next step when the user asks for it.

    `lost` is the step at which the loss was no number any more: what comes after it teaches nothing.
    """

    def __init__(self, tell: Callable[[dict[str, Any]], None] | None) -> None:
        self.tell = tell
        self.points: list[Point] = []
        self.stopped = False
        self.lost = 0
        self.seconds: list[float] = []
        self._at = time.perf_counter()

    def on_step_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self._at = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
        self.seconds.append(time.perf_counter() - self._at)
        if state.is_world_process_zero:  # one that is written anew is not whole meanwhile
            unseal(Path(args.output_dir, f"checkpoint-{state.global_step}"))
        if self.stopped:
            control.should_save = control.should_training_stop = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **more: Any) -> Any:
        if not math.isfinite((logs or {}).get("loss", 0.0)):
            self.lost = self.lost or state.global_step
            control.should_training_stop, control.should_save = True, False
        if self.tell and logs and state.is_world_process_zero:
            self.tell({"step": state.global_step, "steps": state.max_steps, "epoch": state.epoch or 0.0, **logs})
        return control

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
        if state.is_world_process_zero:
            seal(Path(args.output_dir, f"checkpoint-{state.global_step}"))
        return control

    @contextlib.contextmanager
    def heeding_interrupts(self) -> Iterator[None]:
        """The first Ctrl-C, or SIGTERM, asks for a stop after the step, the second stops at once."""

        def ask(number: int, frame: Any) -> None:
            if self.stopped:
                raise KeyboardInterrupt
            self.stopped = True

        try:
            before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
        except ValueError:  # not in the main thread
            yield
            return
        try:
            yield
        finally:
            for number, heeded in before.items():
                signal.signal(number, heeded)


def points_of(history: Sequence[dict[str, Any]]) -> tuple[Point, ...]:
    """The log without what differs from run to run."""
    names = ("loss", "learning_rate", "grad_norm", "eval_loss")
    kept = [
        Point(
            int(entry["step"]),
            round(float(entry.get("epoch") or 0), 6),
            **{n: float(entry[n]) for n in names if n in entry},
        )
        for entry in history
    ]
    return tuple(point for point in kept if point.loss is not None or point.eval_loss is not None)


def build(
    model: Any, recipe: Recipe, args: TrainingArguments, train: RowSet, valid: Rows | None, pad: int, watch: Watch
) -> Loop:
    """The trainer, ready to run."""
    callbacks: list[TrainerCallback] = [watch]
    if valid is not None and recipe.patience and recipe.best:
        callbacks.append(EarlyStoppingCallback(recipe.patience))
    loop = Loop(
        model=model,
        args=args,
        train_dataset=train,
        eval_dataset=RowSet(valid) if valid is not None else None,
        data_collator=Collator(recipe.packing, pad),
        callbacks=callbacks,
    )
    loop.valid = valid
    from transformers import PrinterCallback

    loop.remove_callback(PrinterCallback)
    return loop


__all__ = ["ROW_BY_ROW", "Loop", "Schedule", "Watch", "build", "load_model", "schedule"]

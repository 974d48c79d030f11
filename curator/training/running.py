"""`curator train run`: from a set that is ready to an adapter with its record."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import platform
import shlex
import shutil
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from curator import __version__, templates
from curator.errors import UNREADABLE, UsageError, WriteError
from curator.splits.splitting import made_from, sha256
from curator.training import card, gates, record
from curator.training.checkpoints import is_whole
from curator.training.models import hashed, locate, quiet, weight_files
from curator.training.readiness import (
    Memory,
    PlanFile,
    Ready,
    cost_of,
    facts_wanted,
    get_ready,
    memory_of,
    meta_model,
    options_of,
    pairs_of,
    rate_of,
    read_plan,
    refuse_changes,
    tokens_of_facts,
    units_of,
    visible_effect,
)
from curator.training.record import ADAPTER, CHECKPOINTS, LEDGER, LOGS, MODEL, PLAN, RUN, Base, Run
from curator.writing import open_up, write_whole

if TYPE_CHECKING:
    from curator.config import Config
    from curator.recipe import Recipe
    from curator.training.loop import Watch

Tell = Callable[[dict[str, Any]], None]
_PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "bitsandbytes", "trl", "numpy", "pyarrow")
_MEASURE = 2  # operations a weight and token that is only looked at
_LOADED = 4e8  # bytes of weights that are read and brought into their precision in a second, roughly


class Ask(NamedTuple):
    """What a run is asked for."""

    paths: tuple[str, ...]
    config: Config
    recipe: Recipe
    model: str
    output: Path
    waive: tuple[str, ...] = ()
    resume: bool = False
    force: bool = False
    plan: str = ""  # the command that plans this run, where one was typed


# ---------------------------------------------------------------------- the plan


def plan(ask: Ask, *, keep: bool = True) -> tuple[PlanFile, Ready]:
    """What a run would come to; with `keep` it is written to plan.json in the output folder.

    Raises:
        CuratorError: as `get_ready` does.
    """
    locate(ask.model)  # a GGUF file is unpacked once: that is no time of a run
    began = time.perf_counter()
    ready = get_ready(ask.paths, ask.config, ask.recipe, ask.model, waive=ask.waive)
    made = planned(ready, ask.recipe, began)
    if keep:
        ask.output.mkdir(parents=True, exist_ok=True)
        write_whole(ask.output / PLAN, msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    return made, ready


def planned(ready: Ready, recipe: Recipe, began: float | None = None) -> PlanFile:
    """The plan of what is ready; `began` is when the work on it began (`time.perf_counter`), which a run does again."""
    from curator.training.loop import device_of, precision_of, schedule

    device = device_of(recipe)
    train = ready.prepared.files["train"]
    packs, padding = units_of(ready.prepared, recipe)
    units = len(packs) if packs is not None else train.trained_rows
    steps = schedule(recipe, units, processes=processes(), valid="valid" in ready.prepared.splits)
    _, trainable = meta_model(ready.base, recipe)
    memory = _memory(ready, recipe, device, precision_of(recipe, device), trainable, packs)
    seen = train.tokens * min(steps.steps / steps.per_epoch, 1e9)
    splits = ready.prepared.splits
    looked = int(splits["valid"].lengths.sum()) * math.ceil(steps.steps / steps.evaluate) if "valid" in splits else 0
    second = rate_of(device) / max(ready.base.parameters, 1)  # operations a weight
    facts = _MEASURE * tokens_of_facts(splits) / second if facts_wanted(recipe, splits) else 0.0
    valid = _MEASURE * looked / second
    start = _loading(ready.base) + (time.perf_counter() - began if began is not None else 0.0)
    test = ready.prepared.files.get("test")
    return PlanFile(
        curator=__version__,
        base=ready.base,
        stamps=ready.stamps,
        prepared=ready.prepared.hash,
        gates=ready.gates,
        steps=steps.steps,
        rows=train.trained_rows,
        tokens=train.tokens,
        trained_tokens=train.trained_tokens,
        waste=padding,
        memory=memory,
        trainable=trainable,
        seconds=cost_of(recipe, memory.checkpointing) * seen / second + start + facts + valid,
        seconds_of_start=start,
        seconds_of_facts=facts,
        seconds_of_valid=valid,
        visible=visible_effect(test.trained_rows if test else 0),
        options=options_of(recipe),
    )


def _loading(base: Base) -> float:
    """Seconds to hash and to load the weights, roughly."""
    return sum(file.stat().st_size for file in weight_files(Path(base.path))) / _LOADED


def _memory(
    ready: Ready, recipe: Recipe, device: str, precision: str, trainable: int, packs: list[list[int]] | None
) -> Memory:
    """The memory of the largest step that may come."""
    rows = ready.prepared.splits["train"]
    sizes = rows.lengths if packs is None else [sum(int(rows.lengths[n]) for n in pack) for pack in packs]
    kept = rows.trained if packs is None else [sum(int(rows.trained[n]) for n in pack) for pack in packs]
    largest = sorted(map(int, sizes))[-recipe.batch :]
    tokens = recipe.batch * max(largest) if recipe.packing == "none" else sum(largest)
    return memory_of(
        ready.base, recipe, device, precision, tokens, sum(sorted(map(int, kept))[-recipe.batch :]), trainable
    )


def processes() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def first_process() -> bool:
    return int(os.environ.get("RANK", "0")) == 0


# ---------------------------------------------------------------------- the run


def run(ask: Ask, tell: Tell | None = None) -> Run:
    """Train, and write the adapter (or the model) with run.json into the output folder.

    Raises:
        UsageError: a gate fails that was not waived, something changed since the plan, or the output is taken.
        CuratorError: the data, the model or an option cannot be honoured.
    """
    started = time.time()
    before = _before(ask)
    ready = get_ready(ask.paths, ask.config, ask.recipe, ask.model, waive=ask.waive)
    least = shlex.join((*ask.paths, "--model", ask.model, "--output", str(ask.output)))
    again = ask.plan or f"curator train plan {least}"
    if (made := read_plan(ask.output)) is not None:
        refuse_changes(made, ready.stamps, ask.recipe, where=str(ask.output / PLAN), again=f"plan anew: {again}")
    if before is not None:
        refuse_changes(before, ready.stamps, ask.recipe, where=str(ask.output / RUN), again="start anew: --force")
    gates.refuse(ready.gates)
    if ask.recipe.objective == "dpo":
        from curator.training.preference import run_dpo

        return run_dpo(ask, ready, before, started, tell)
    return Session(ask, ready, before, started).train(tell)


def _before(ask: Ask) -> Run | None:
    """The run to be resumed. Raises UsageError where there is none, or where a finished one would be lost."""
    there = (ask.output / RUN).is_file()
    if ask.resume:
        if not there or last_checkpoint(ask.output) is None:
            hint = "start anew: --force" if there else "leave out --resume to start one"
            raise UsageError("there is no run with a checkpoint to go on from", where=str(ask.output), hint=hint)
        return record.read(ask.output)
    if there and not ask.force:
        done = record.read(ask.output)
        hint = "name another folder, or --force to overwrite it"
        if done.status != "done":
            begun = last_checkpoint(ask.output) is not None
            hint = "go on with it: --resume; or start anew: --force" if begun else "start anew: --force"
        raise UsageError(f"a run lies there ({done.status})", where=str(ask.output), hint=hint)
    if ask.output.exists() and not ask.output.is_dir():
        raise UsageError("the run goes into a folder, and this is a file", where=str(ask.output))
    return None


def last_checkpoint(folder: Path, *, midway: bool = False) -> Path | None:
    """The latest whole checkpoint of a run, None where there is none; `midway`, the latest from which steps are left.

    A run that is killed after its last step, before its weights are written, takes the last steps again: a trainer
    that goes on from its last step takes one more.
    """
    found = [
        path
        for path in (folder / CHECKPOINTS).glob("checkpoint-*")
        if (state := _state_of(path)) is not None and is_whole(path) and not (midway and _is_through(state))
    ]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _state_of(checkpoint: Path) -> dict[str, Any] | None:
    """The trainer's state, None where none was written."""
    try:
        return msgspec.json.decode((checkpoint / "trainer_state.json").read_bytes(), type=dict[str, Any])
    except (OSError, *UNREADABLE):
        return None


def _is_through(state: dict[str, Any]) -> bool:
    """Whether all steps are taken, or the patience with the loss was at its end."""
    waited = state.get("stateful_callbacks", {}).get("EarlyStoppingCallback", {})
    if not isinstance(waited, dict):
        waited = {}
    patience = waited.get("args", {}).get("early_stopping_patience", math.inf)
    counter = waited.get("attributes", {}).get("early_stopping_patience_counter", 0)
    return bool(state["global_step"] >= state["max_steps"] or counter >= patience)


class Session:
    """One run, from a loaded model to its record."""

    def __init__(self, ask: Ask, ready: Ready, before: Run | None, started: float) -> None:
        from curator.training import loop

        self.ask, self.ready, self.recipe, self.started = ask, ready, ask.recipe, started
        self.device = loop.device_of(ask.recipe)
        self.precision = loop.precision_of(ask.recipe, self.device)
        self.before = before
        rows = ready.prepared.splits["train"]
        self.valid = ready.prepared.splits.get("valid")
        self.valid = self.valid if self.valid is not None and len(self.valid) else None
        self.packs, _ = units_of(ready.prepared, ask.recipe)
        units = len(self.packs) if self.packs is not None else len(rows)
        self.schedule = loop.schedule(ask.recipe, units, processes=processes(), valid=self.valid is not None)
        self.attention = ""

    def train(self, tell: Tell | None) -> Run:
        from transformers import set_seed

        from curator.training import batches, loop

        ask, recipe = self.ask, self.recipe
        base = self._weighed()
        if first_process():
            self._clear()
        set_seed(recipe.seed)
        with quiet():
            model = loop.load_model(base.path, recipe, self.device, self.precision)
            recipe = self._checked(model)
            _, trainable = meta_model(base, recipe)
            memory = _memory(self.ready, recipe, self.device, self.precision, trainable, self.packs)
            facts = facts_wanted(recipe, self.ready.prepared.splits)
            if facts and self.before is None and first_process():
                from curator.training import facts as rowfacts

                rowfacts.before(model, self.ready.prepared, ask.output, recipe, tell)
            set_seed(recipe.seed)
            model = loop.with_adapter(model, recipe, memory.checkpointing)
            watch = loop.Watch(tell)
            args = loop.arguments(
                recipe, self.schedule, ask.output, self.device, self.precision, memory.checkpointing,
                self.valid is not None,
            )  # fmt: skip
            train = batches.RowSet(self.ready.prepared.splits["train"], self.packs)
            pad = self._pad()
            with _told("TENSORBOARD_LOGGING_DIR", str(ask.output / LOGS)):
                trainer = loop.build(model, recipe, args, train, self.valid, pad, watch)
            trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
        if (stopped := self._steps(trainer, trainable, watch)) is not None:
            return stopped
        self._save(trainer)
        metrics = self._metrics(trainer.state)
        if facts and first_process() and not trainer.is_fsdp_enabled:  # of a sharded model no process has the whole
            from curator.training import facts as rowfacts

            metrics |= rowfacts.after(model, self.ready.prepared, ask.output, recipe, tell)
        return self._finish(trainer.state, trainable, metrics, watch.seconds)

    def _steps(self, trainer: Any, trainable: int, watch: Watch) -> Run | None:
        """Go through the steps, from the last checkpoint on where that is asked for; the record of a run cut short."""
        from curator.training import loop

        self._write(self._record("running", trainable, (), {}, {}, 0))
        checkpoint = last_checkpoint(self.ask.output, midway=True) if self.ask.resume else None
        with watch.heeding_interrupts(), _warnings_off(), _told_when_full(self.ask.output):
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        state = trainer.state
        if watch.lost:
            hint = "a smaller --learning-rate, with --clip 1; then start anew: --force"
            what = f"the loss is no number any more from step {watch.lost} on"
            raise UsageError(what, where=str(self.ask.output), hint=hint)
        if not watch.stopped or state.global_step >= state.max_steps:
            return None
        times = {"seconds": time.time() - self.started}
        points = loop.points_of(state.log_history)
        done = self._record("interrupted", trainable, points, {}, times, state.global_step)
        self._write(done)
        return done

    def _weighed(self) -> Base:
        """The base model with the hash of its weights. Raises UsageError where a run began with others."""
        base = hashed(self.ready.base)
        self.ready = self.ready._replace(base=base)
        if self.before is not None and self.before.base.sha256 != base.sha256:
            what = "changed since: the weights of the model"
            raise UsageError(what, where=str(self.ask.output / RUN), hint="start anew: --force")
        return base

    def train_pairs(self, pairs: dict[str, list[Any]], tell: Tell | None) -> Run:
        """The same with TRL's loop over pairs."""
        from transformers import set_seed

        from curator.training import loop, preference

        ask, recipe = self.ask, self.recipe
        self._weighed()
        self.valid = self.valid if pairs.get("valid") else None
        self.schedule = loop.schedule(recipe, len(pairs["train"]), processes=processes(), valid=self.valid is not None)
        if first_process():
            self._clear()
        set_seed(recipe.seed)
        with quiet():
            model = loop.load_model(self.ready.base.path, recipe, self.device, self.precision)
            model.set_attn_implementation("sdpa")
            self.attention = "sdpa"
            checkpointing = bool(recipe.gradient_checkpointing)
            model = loop.with_adapter(model, recipe, checkpointing)
            watch = loop.Watch(tell)
            args = loop.arguments(
                recipe, self.schedule, ask.output, self.device, self.precision, checkpointing, self.valid is not None
            )
        trainer = preference.trainer_for(model, ask, self.ready, args, pairs, [watch])
        trainable = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
        if (stopped := self._steps(trainer, trainable, watch)) is not None:
            return stopped
        self._save(trainer)
        metrics = self._metrics(trainer.state)
        rewards = [entry["rewards/accuracies"] for entry in trainer.state.log_history if "rewards/accuracies" in entry]
        if rewards:
            metrics["reward_accuracy"] = float(rewards[-1])
        return self._finish(trainer.state, trainable, metrics, watch.seconds)

    def _finish(self, state: Any, trainable: int, metrics: dict[str, float], seconds: list[float]) -> Run:
        """The record of a run that came to its end."""
        import torch

        from curator.training import loop

        points = loop.points_of(state.log_history)
        best = state.global_step
        if self.valid is not None and self.recipe.best and state.best_model_checkpoint:
            best = int(state.best_model_checkpoint.rpartition("-")[2])
        tokens = float(self.ready.prepared.files["train"].tokens) * (state.epoch or 0)
        stepping = sum(seconds)
        times = {
            "started": datetime.fromtimestamp(self.started, UTC).isoformat(timespec="seconds"),
            "seconds": round(time.time() - self.started, 1),
            "seconds_of_steps": round(stepping, 1),
            "tokens_a_second": round(tokens / stepping, 1) if stepping and not self.before else 0.0,
        }
        if self.device == "cuda":
            times["peak_memory"] = int(torch.cuda.max_memory_allocated())
        done = self._record("done", trainable, points, metrics, times, state.global_step, best)
        self._settle(done)
        self._write(done)
        return done

    def _clear(self) -> None:
        """Nothing of an earlier run is left to be taken for this one's."""
        output = self.ask.output
        output.mkdir(parents=True, exist_ok=True)
        if not self.ask.resume:
            for name in (CHECKPOINTS, ADAPTER, MODEL, LOGS):
                if (output / name).is_dir():
                    shutil.rmtree(output / name)
            (output / RUN).unlink(missing_ok=True)
        lines = [msgspec.json.encode(cut) + b"\n" for cut in self.ready.prepared.tally.cuts]
        write_whole(output / LEDGER, lines)

    def _checked(self, model: Any) -> Recipe:
        """The recipe with padded rows where flat ones would see each other in this model."""
        from curator.training import loop

        self.attention = model.config._attn_implementation
        if self.recipe.packing == "none":
            return self.recipe
        with contextlib.suppress(RuntimeError, ValueError, TypeError, NotImplementedError):
            if loop.keeps_apart(model):
                return self.recipe
        model.set_attn_implementation("sdpa")
        self.attention = "sdpa"
        if loop.keeps_apart(model):
            return self.recipe
        hint = "rows of a flat batch see each other in this model: --packing none"
        raise UsageError("rows cannot be kept apart", where=self.ready.base.architecture, hint=hint)

    def _pad(self) -> int:
        """The id that fills padded rows. It is masked by its place, so that any will do."""
        from curator.training.rows import load_tokenizer

        template = templates.load(self.ready.spec)
        name = template.tokens.get("pad_token") or template.eos
        return load_tokenizer(self.ready.base.path).token_to_id(name) or 0

    def _save(self, trainer: Any) -> None:
        """The adapter, or all weights, with the tokenizer and the template they were trained with; not yet in place."""
        passing, folder = self._passing, self._folder
        # Every process gives its share of a sharded model, and the first one writes the whole.
        state = trainer.accelerator.get_state_dict(trainer.model_wrapped) if trainer.is_fsdp_enabled else None
        if not first_process():
            return
        for left in (passing, folder):
            if left.is_dir():
                shutil.rmtree(left)
        model = trainer.accelerator.unwrap_model(trainer.model)
        for config in getattr(model, "peft_config", {}).values():
            for option, value in vars(config).items():
                if isinstance(value, set):  # its order differs between processes, and would in adapter_config.json
                    setattr(config, option, sorted(value))
        with quiet(), _told_when_full(self.ask.output):
            model.save_pretrained(passing, state_dict=state)
            open_up(passing)
        (passing / "README.md").unlink(missing_ok=True)  # a form to fill in: ours is written with the record
        if self.recipe.adapts:
            name_base(passing, self.ready.base)
        save_tokenizer(Path(self.ready.base.path), passing, templates.load(self.ready.spec))

    @property
    def _folder(self) -> Path:
        return self.ask.output / (ADAPTER if self.recipe.adapts else MODEL)

    @property
    def _passing(self) -> Path:
        """Where the weights wait for their card: their folder appears whole or not at all."""
        return self._folder.with_name(f".{self._folder.name}.part")

    def _settle(self, done: Run) -> None:
        """Put the weights in place, with their card."""
        if not first_process():
            return
        config = json.loads((self._passing / "adapter_config.json").read_text("utf-8")) if done.adapter else {}
        form, library = ("adapter", "peft") if done.adapter else ("all weights", "transformers")
        of = card.Weights(
            form=form, library=library, adapter=bool(done.adapter), base=done.base, method=done.method, config=config,
            run=done,
        )  # fmt: skip
        write_whole(self._passing / "README.md", card.card(of).encode())
        self._passing.rename(self._folder)

    def _metrics(self, state: Any) -> dict[str, float]:
        losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
        metrics = {"first_loss": losses[0], "last_loss": losses[-1]} if losses else {}
        if self.valid is not None:
            seen = [entry["eval_loss"] for entry in state.log_history if "eval_loss" in entry]
            if seen:
                metrics["eval_loss"] = min(seen) if self.recipe.best else seen[-1]
        return {name: float(value) for name, value in metrics.items()}

    def _record(
        self,
        status: Any,
        trainable: int,
        history: Sequence[record.Point],
        metrics: dict[str, float],
        times: dict[str, Any],
        steps: int,
        best: int = 0,
    ) -> Run:
        ready, recipe = self.ready, self.recipe
        template = templates.load(ready.spec)
        train = ready.prepared.files["train"]
        drawn = recipe.batch * processes() * recipe.accumulation
        seen = self.schedule.seen(steps, drawn) / max(self.schedule.units, 1)
        cut: dict[str, int] = {}
        for item in ready.prepared.tally.cuts:
            cut[item.reason] = cut.get(item.reason, 0) + 1
        return Run(
            curator=__version__,
            status=status,
            base=ready.base,
            method=recipe.method,
            objective=recipe.objective,
            adapter=ADAPTER if recipe.adapts and status == "done" else "",
            model=MODEL if not recipe.adapts and status == "done" else "",
            template=ready.spec,
            template_text=template.text(),
            end_of_turn=end_of_turn(ready),
            stamps=ready.stamps,
            prepared=ready.prepared.hash,
            data=ready.prepared.files,
            data_folder=ready.folder,
            raw=made_from(Path(ready.folder), ready.stamps.data) if ready.folder else {},
            options=options_of(recipe),
            gates=ready.gates,
            cut=cut,
            pairs=pairs_of(ready, recipe),
            device=self.device,
            precision=self.precision,
            attention=self.attention,
            trainable=trainable,
            steps=steps,
            steps_planned=self.schedule.steps,
            rows_seen=round(train.trained_rows * seen),
            tokens_seen=round(train.trained_tokens * seen),
            best_step=best,
            metrics=metrics,
            history=tuple(history),
            adapter_sha256=hash_of(self._passing) if status == "done" else "",
            versions=versions(),
            times=times,
        )

    def _write(self, made: Run) -> None:
        if first_process():
            record.write(self.ask.output, made)


def hash_of(folder: Path) -> str:
    """SHA-256 of the lines "sha256  name" of the weights in a folder, and of adapter_config.json beside them."""
    files = weight_files(folder) + [f for f in (folder / "adapter_config.json",) if f.is_file()]
    return hashlib.sha256("".join(f"{sha256(file)}  {file.name}\n" for file in files).encode()).hexdigest()


def name_base(adapter: Path, base: Base) -> None:
    """Call the base of an adapter what others call it, where peft wrote down a folder of the cache.

    Of a GGUF file that is its name alone: peft puts the adapter on whatever model it is handed.
    """
    if base.source == "folder":
        return
    file = adapter / "adapter_config.json"
    said = json.loads(file.read_text("utf-8"))
    said |= {"base_model_name_or_path": base.reference, "revision": base.revision or None}
    file.write_text(json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False), "utf-8")


def save_tokenizer(model: Path, folder: Path, template: templates.Template) -> None:
    """Copy the tokenizer beside the weights, with the template that rendered the rows."""
    names = (
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "tokenizer.model",
        "added_tokens.json",
    )
    for name in names:
        if (model / name).is_file():
            shutil.copyfile(model / name, folder / name)
    (folder / "chat_template.jinja").write_text(template.text(), encoding="utf-8")


def end_of_turn(ready: Ready) -> str:
    """The text of the control token that closes the answers; "" where none does."""
    from curator.training.rows import load_tokenizer

    piece = ready.prepared.splits["train"][0]
    tokenizer = load_tokenizer(ready.base.path)
    number = int(piece.ids[piece.runs[-1][1] - 1])
    added: dict[int, str] = {n: token.content for n, token in tokenizer.get_added_tokens_decoder().items()}
    return added.get(number, "")


def versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "curator": __version__}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@contextlib.contextmanager
def _told(name: str, value: str) -> Iterator[None]:
    """A variable of the environment, where the user has not set it, while a library looks."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


_FULL = ("No space left", "Disk quota exceeded", "PytorchStreamWriter", "inline_container")


@contextlib.contextmanager
def _told_when_full(folder: Path) -> Iterator[None]:
    """A disk that is full is called so, whatever a library calls it. Raises WriteError."""
    try:
        yield
    except Exception as error:
        if not any(sign in str(error) for sign in _FULL):
            raise
        hint = "free some space and start again: --force"
        if last_checkpoint(folder) is not None:
            hint = "free some space and go on from the last checkpoint: --resume"
        raise WriteError("there is no space left for what was trained", where=str(folder), hint=hint) from None


@contextlib.contextmanager
def _warnings_off() -> Iterator[None]:
    """Without warnings, and without the bar that transformers draws for every checkpoint amid our own lines."""
    from transformers.utils import logging

    said: Any = logging
    bars = said.is_progress_bar_enabled()
    said.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if bars:
            said.enable_progress_bar()

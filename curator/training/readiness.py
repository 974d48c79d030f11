"""What is known before a run, without a weight in memory: the set, the gates, the plan and its stamps."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from curator import decisions, engine, templates
from curator.decisions import Log
from curator.errors import UNREADABLE, SourceError, UsageError
from curator.formats import how_to_map
from curator.sources import open_sources
from curator.templates.finding import has_template
from curator.training import gates
from curator.training.metrics import NORMAL, wider
from curator.training.models import locate
from curator.training.prepared import Prepared, Rows, best_fit, key_of, prepare, tokenizer_hash, waste
from curator.training.record import PLAN, Base, Gate, Run, Stamps
from curator.training.rows import PAIRED

if TYPE_CHECKING:
    from curator.config import Config
    from curator.model import Report
    from curator.recipe import Recipe

_PACK = 2048  # tokens of a pack, at the least
_LONG = 1 << 20
_MANY = 2000  # rows up to which their losses are measured unasked


class Ready(NamedTuple):
    """All that a run needs: the model, the template, the set in tokens, what stands against it."""

    base: Base
    spec: str
    prepared: Prepared
    gates: tuple[Gate, ...]
    stamps: Stamps
    limit: int
    folder: str
    log: Log


class Memory(msgspec.Struct, frozen=True):
    """Bytes, estimated from the shapes of the model. `available` is what the device has, 0 where nobody knows."""

    weights: int
    adapter: int
    optimizer: int
    activations: int
    available: int
    checkpointing: bool

    @property
    def total(self) -> int:
        return self.weights + self.adapter + self.optimizer + self.activations


class PlanFile(msgspec.Struct, frozen=True, kw_only=True):
    """plan.json: what was planned, and the hashes it rests on.

    `seconds` is the time of all of it; `seconds_of_start` of these go by until the model is loaded, `seconds_of_facts`
    to the loss of every row before and after, and `seconds_of_valid` to the looks at valid.
    """

    curator: str
    base: Base
    stamps: Stamps
    prepared: str
    gates: tuple[Gate, ...]
    steps: int
    rows: int
    tokens: int
    trained_tokens: int
    waste: float
    memory: Memory
    trainable: int
    seconds: float
    seconds_of_start: float = 0.0
    seconds_of_facts: float = 0.0
    seconds_of_valid: float = 0.0
    visible: str
    options: dict[str, Any] = {}


def default_limit(base: Base, recipe: Recipe) -> int:
    """Tokens of a row that are trained on. Raises UsageError where the model cannot see as many."""
    if recipe.max_length and base.context and recipe.max_length > base.context:
        hint = f"--max-length {base.context}, or a model with a longer context"
        raise UsageError(f"the model sees {base.context:,} tokens at the most", where="max-length", hint=hint)
    return recipe.max_length or base.context or _LONG


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """With several processes the first one works and the others find its work done."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    from accelerate import PartialState

    with PartialState().main_process_first():
        yield


def get_ready(
    paths: Sequence[str | Path],
    config: Config,
    recipe: Recipe,
    model: str,
    *,
    waive: Sequence[str] = (),
    progress: engine.Progress | None = None,
) -> Ready:
    """Read, lint and tokenise the set for a model, and judge it. No weight is loaded.

    Raises:
        CuratorError: the data, the model, its template or an option cannot be honoured.
    """
    gates.check_names(waive)
    with one_at_a_time():
        base = locate(model)
        limit = default_limit(base, recipe)
        spec, brings = _spec(config, base)
        log = decisions.beside(paths)
        report = decisions.settle(engine.lint(paths, config, cache=config.cache, progress=progress), log)
        with open_sources(paths, config.excluded) as sources:
            if report.rows == 0:
                values = [value for source in sources for value in engine.sampled(source)]
                how = how_to_map(values)
                if how.startswith("--map"):  # an option of lint, which saves the map where a run finds it
                    how = f"{_lint(paths)} {how} says what its columns mean, from then on"
                raise SourceError("no row can be read", where=str(paths[0]), hint=how)
            found = prepare(list(sources), config, recipe, spec, Path(base.path), limit)
    if "train" not in found.splits or not len(found.splits["train"]):
        first = found.tally.cuts[0] if found.tally.cuts else None
        why = f": {first.file}:{first.line} {first.reason} {first.detail}".rstrip() if first else ""
        hint = f"{_lint(paths, '--model', str(model))} says more"
        if first and first.reason == "over-length":
            hint = f"that row has {first.tokens:,} tokens, of which --max-length leaves {first.kept:,}"
        raise SourceError(f"no row is left to train on{why}", where=str(paths[0]), hint=hint)
    stamps = stamps_of(found, config, recipe, spec, base, log, report)
    judged = gates.judge(base, spec, brings, recipe, found, report, limit)
    stood = tuple(
        msgspec.structs.replace(gate, waived=not gate.ok and gates.waives(waive, gate.name)) for gate in judged
    )
    folder = str(Path(paths[0]).resolve()) if len(paths) == 1 else ""
    return Ready(base, spec, found, stood, stamps, limit, folder, log)


def _spec(config: Config, base: Base) -> tuple[str, bool]:
    """(the template's spec, whether the model brings one): that of the configuration, else the model's own."""
    brings = has_template(base.path)
    if config.template:
        return templates.spec_of(config.template, base.path), brings
    if not brings:
        hint = "it is a base model: name a template as well, for example --template chatml"
        raise UsageError("the model brings no chat template", where=base.name, hint=hint)
    return base.path, brings


def stamps_of(
    found: Prepared, config: Config, recipe: Recipe, spec: str, base: Base, log: Log, report: Report
) -> Stamps:
    """The hashes a plan rests on."""
    model = Path(base.path)
    return Stamps(
        data={name: file.sha256 for name, file in found.files.items()},
        decisions=key_of([msgspec.to_builtins(item) for item in decisions.standing(log.decisions)]),
        rules=report.plan,
        template=templates.stamp(spec),
        tokenizer=tokenizer_hash(model),
        model=key_of([base.source, (model / "config.json").read_text("utf-8")]),
        options=key_of({name: value for name, value in msgspec.to_builtins(recipe).items() if name != _TOLD}),
    )


_TOLD = "track"  # the option that says who is told of a run: it may differ from the plan's, for the run is the same


_CHANGED = {
    "data": "the data", "decisions": "the decisions", "rules": "the rules", "template": "the chat template",
    "tokenizer": "the tokenizer", "model": "the model", "options": "the options",
}  # fmt: skip


def pairs_of(ready: Ready, recipe: Recipe) -> int:
    """Rows with a better and a worse answer of which the better one alone is learnt."""
    return ready.prepared.tally.facts[PAIRED] if recipe.objective == "sft" else 0


def options_of(recipe: Recipe) -> dict[str, Any]:
    """The options by name, as they stand in run.json and plan.json."""
    return {**msgspec.to_builtins(recipe), "learning-rate": recipe.rate}


def refuse_changes(before: PlanFile | Run, now: Stamps, recipe: Recipe, *, where: str, again: str) -> None:
    """Raises UsageError that names all that has changed since a plan or a run."""
    names = []
    for field, said in _CHANGED.items():
        old, new = getattr(before.stamps, field), getattr(now, field)
        if old != new and field == "options":
            options = msgspec.json.decode(msgspec.json.encode(options_of(recipe)))
            others = [
                name for name, value in options.items() if name != _TOLD and before.options.get(name, value) != value
            ]
            names.append(f"{said} ({', '.join(others)})" if others else said)
        elif old != new and field == "data":
            names += [f"{said} ({name})" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
        elif old != new:
            names.append(said)
    if names:
        raise UsageError(f"changed since: {', '.join(names)}", where=where, hint=again)


def read_plan(folder: Path) -> PlanFile | None:
    """The plan that lies in the output folder, if any. Raises SourceError where it cannot be read."""
    try:
        return msgspec.json.decode((folder / PLAN).read_bytes(), type=PlanFile)
    except FileNotFoundError:
        return None
    except (OSError, *UNREADABLE) as error:
        hint = "remove it, or plan again: curator train plan"
        raise SourceError(f"no plan that can be read: {error}", where=str(folder / PLAN), hint=hint) from None


# ---------------------------------------------------------------------- the plan


def units_of(found: Prepared, recipe: Recipe) -> tuple[list[list[int]] | None, float]:
    """(the packs of best-fit packing, else None; the share of padding in what is computed)."""
    lengths = found.splits["train"].lengths
    room = recipe.pack_length or max(_PACK, int(lengths.max()))
    if recipe.packing == "best-fit":
        packs = best_fit(lengths.tolist(), room)
        return packs, 0.0  # packs are laid end to end as well: what a pack lacks is not computed
    order = list(range(len(lengths)))
    batches = [order[k : k + recipe.batch] for k in range(0, len(order), recipe.batch)]
    return None, waste(lengths, batches, recipe.packing, 0, recipe.batch)


def meta_model(base: Base, recipe: Recipe) -> tuple[int, int]:
    """(weights, weights that are trained), by shapes alone."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    from curator.training.loop import with_adapter
    from curator.training.models import quiet

    with torch.device("meta"), quiet():
        model: Any = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(base.path))  # type: ignore[no-untyped-call]
        plain = msgspec.structs.replace(recipe, method="lora" if recipe.method == "qlora" else recipe.method)
        model = with_adapter(model, plain, False)
    total = sum(p.numel() for p in model.parameters())
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return total, trained


def memory_of(base: Base, recipe: Recipe, device: str, precision: str, tokens: int, kept: int, trained: int) -> Memory:
    """An estimate for a step of `tokens`, of which `kept` are trained on. Right within a third, we found."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base.path).get_text_config()
    hidden, layers = int(config.hidden_size), int(config.num_hidden_layers)
    inner = int(getattr(config, "intermediate_size", 4 * hidden) or 4 * hidden)
    wide = 4 if precision == "fp32" else 2
    frozen = base.parameters * (0.6 if recipe.method == "qlora" else wide if recipe.adapts else 4)
    states = {"adamw": 8, "adamw_8bit": 2}[recipe.optimizer]
    linear = 9 * hidden + 3 * inner  # what a layer keeps of a token for its backward pass
    whole = tokens * layers * linear * wide
    thin = tokens * (layers * hidden + linear) * wide
    logits = kept * int(config.vocab_size) * 4 * 3
    available = _available(device)
    rest = frozen + trained * (4 + 4 + states) + logits
    wanted = recipe.gradient_checkpointing
    checkpointing = wanted if wanted is not None else bool(available) and rest + whole > 0.8 * available
    adapter = trained * 4 if recipe.adapts else 0
    return Memory(
        int(frozen), int(adapter), int(trained * (4 + states)), int((thin if checkpointing else whole) + logits),
        available, checkpointing,
    )  # fmt: skip


def _available(device: str) -> int:
    """Bytes of the device that a run may take."""
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[1])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0


def _lint(paths: Sequence[str | Path], *more: str) -> str:
    """The command that lints the set."""
    return shlex.join(["curator", "lint", *map(str, paths), *more])


def cost_of(recipe: Recipe, checkpointing: bool) -> int:
    """Operations a weight and token that is trained on: four, and six where all weights are trained."""
    return (4 if recipe.adapts else 6) + (2 if checkpointing else 0)


def rate_of(device: str) -> float:
    """Operations a second, roughly: half of what a product of matrices reaches on this device now."""
    import time

    import torch

    size = 1024 if device == "cpu" else 8192
    kind = torch.float32 if device == "cpu" else torch.float16
    sides = torch.ones(size, size, dtype=kind, device=device)
    sides @ sides
    best = math.inf
    for _ in range(3):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        sides @ sides
        if device == "cuda":
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 2


def facts_wanted(recipe: Recipe, splits: dict[str, Rows]) -> bool:
    """Whether the loss of every row is measured before and after the run."""
    if recipe.objective == "dpo":
        return False
    return recipe.facts == "on" or (recipe.facts == "auto" and sum(map(len, splits.values())) <= _MANY)


def tokens_of_facts(splits: dict[str, Rows]) -> int:
    """The tokens that go through the model for it: every row before and after, and its answers without their prompt."""
    whole = sum(int(rows.lengths.sum()) for rows in splits.values())
    bare = sum(int((rows.lengths - rows.first_trained()).sum()) for rows in splits.values())
    return 2 * whole + bare


def visible_effect(rows: int) -> str:
    """The smallest change in the share of right answers that so many test rows can show, in words.

    Two shares of the same rows that differ in a third of them: as many standard errors of the difference as the
    interval of a comparison is wide.
    """
    if not rows:
        return "no test split: a change cannot be measured on rows that were not trained on"
    points = 100 * NORMAL * wider(rows) * math.sqrt(1 / 3 / rows)
    size = "no change at all" if points >= 100 else f"a change of about {points:.0f} points or more"
    return f"with {rows:,} test rows {size} in the share of right answers can be told from chance"

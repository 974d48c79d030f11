"""What stands against a run. A gate that fails ends it, unless somebody waives it by name.

Each looks for something that trains a worse model without a word in any log.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from curator import templates
from curator.errors import SourceError, UsageError
from curator.report.tally import counted
from curator.sources.finding import nearest
from curator.splits.splitting import LEAKS
from curator.training import rows as facts
from curator.training.record import Base, Gate

if TYPE_CHECKING:
    from curator.model import Report
    from curator.recipe import Recipe
    from curator.training.prepared import Prepared

ALL = "all"
_FEW = 5  # places a gate names
_RATES = {True: (1e-6, 2e-3), False: (1e-7, 2e-4)}  # learning rates that train, by "an adapter is trained"


class _Seen(NamedTuple):
    """All that the gates look at."""

    base: Base
    spec: str
    brings: bool
    recipe: Recipe
    found: Prepared
    report: Report
    limit: int


def lint_errors(seen: _Seen) -> Gate | None:
    """Rows with errors break a run, or are learnt."""
    bad = [f for f in seen.report.findings if f.severity == "error" and f.code not in LEAKS]
    codes = ", ".join(dict.fromkeys(f.code for f in bad))
    places = tuple(f"{f.file}:{f.line}" for f in bad[:_FEW])
    return _counted(len(bad), f"{counted(len(bad), 'lint error')}: {codes}", "the data have no lint errors", places)


def split_leaks(seen: _Seen) -> Gate | None:
    """Rows of valid or test that stand in train as well: the score measures memory."""
    bad = [f for f in seen.report.findings if f.code in LEAKS]
    places = tuple(f"{f.file}:{f.line}" for f in bad[:_FEW])
    allowed = ", ".join(
        code for item in seen.report.not_run for code in item.codes if code in LEAKS and not item.options
    )
    ok = f"no leaks between splits but those allowed on purpose: {allowed}" if allowed else "no leaks between splits"
    return _counted(len(bad), f"{counted(len(bad), 'row')} of valid or test leak", ok, places)


def over_length(seen: _Seen) -> Gate | None:
    """Rows that are cut or dropped for their length, with what of their answers goes."""
    bad = [cut for cut in seen.found.tally.cuts if cut.reason == "over-length"]
    lost = sum(cut.lost_trained for cut in bad)
    told = f"{counted(len(bad), 'row')} longer than {seen.limit:,} tokens: {lost:,} answer tokens lost"
    return _counted(len(bad), told, "every row fits", _places(seen, "over-length"))


def refused_rows(seen: _Seen) -> Gate | None:
    """Rows that cannot be read, or that the template refuses."""
    bad = [cut for cut in seen.found.tally.cuts if cut.reason in ("refused", "unreadable")]
    why = f" ({bad[0].detail})" if bad else ""
    told = f"{counted(len(bad), 'row')} cannot be read or rendered{why}"
    return _counted(len(bad), told, "every row is rendered", _places(seen, "refused", "unreadable"))


def nothing_trained(seen: _Seen) -> Gate | None:
    """Rows of which no token is trained: they cost time and teach nothing."""
    bad = [cut for cut in seen.found.tally.cuts if cut.reason == "nothing-trained"]
    told = f"{counted(len(bad), 'row')} without one trained token"
    return _counted(len(bad), told, "every row has trained tokens", _places(seen, "nothing-trained"))


def end_untrained(seen: _Seen) -> Gate | None:
    """Answers whose end-of-turn token is not trained: the model never learns to stop."""
    count = seen.found.tally.facts[facts.END_UNTRAINED]
    places = tuple(seen.found.tally.places.get(facts.END_UNTRAINED, ()))
    told = f"{counted(count, 'row')} with an answer that has no end-of-turn token in the loss"
    return _counted(count, told, "every answer ends with a trained token", places)


def double_bos(seen: _Seen) -> Gate | None:
    """A begin-of-text token twice at the head, as no model has seen it."""
    return _fact(seen, facts.DOUBLE_BOS, "begin with the begin-of-text token twice", "no double begin-of-text token")


def not_a_prefix(seen: _Seen) -> Gate | None:
    """What the model is asked with does not begin what it is trained on."""
    told = "have a prompt that does not begin the text trained on"
    return _fact(seen, facts.UNPREFIXED, told, "every prompt begins its training text")


def foreign_template(seen: _Seen) -> Gate | None:
    """A base model, which brings no template: what the template writes is new to it."""
    told = f"{seen.base.name} brings no chat template: {seen.spec.partition('@')[0]} is new to it"
    ok = "the model brings a chat template"
    return Gate("no-template", seen.brings, ok if seen.brings else told, int(not seen.brings))


def untrained_end(seen: _Seen) -> Gate | None:
    """An end-of-turn token whose embedding was never trained, and that an adapter leaves as it is."""
    if not seen.recipe.adapts or {"embed_tokens", "lm_head"} & set(seen.recipe.modules_to_save):
        return Gate("untrained-end", True, "the embedding of the end-of-turn token is trained")
    token = end_token(seen)
    weak = token and untouched(Path(seen.base.path), token)
    ok = f"the end-of-turn token {token} has a trained embedding" if token else "no end-of-turn token to judge"
    told = f'the embedding of {token} was never trained: modules-to-save = ["embed_tokens", "lm_head"]'
    return Gate("untrained-end", not weak, told if weak else ok, int(bool(weak)))


def small_split(seen: _Seen) -> Gate | None:
    """A split with fewer rows than a batch."""
    from curator.training.readiness import units_of

    sizes = {name: (len(rows), "row") for name, rows in seen.found.splits.items() if name != "test"}
    packs, _ = units_of(seen.found, seen.recipe)
    if packs is not None:
        sizes["train"] = len(packs), "pack"
    small = {name: size for name, size in sizes.items() if size[0] < seen.recipe.batch}
    said = " and ".join(f"{name} has {counted(*size)}" for name, size in small.items())
    told = f"{said}: fewer than a batch of {seen.recipe.batch}"
    return _counted(len(small), told, f"train and valid fill a batch of {seen.recipe.batch}")


def learning_rate(seen: _Seen) -> Gate | None:
    """A learning rate at which this method does not train, or falls apart."""
    low, high = _RATES[seen.recipe.adapts]
    ok = low <= seen.recipe.rate <= high
    told = f"a learning rate of {seen.recipe.rate:g} is outside of {low:g} to {high:g} for {seen.recipe.method}"
    return Gate("learning-rate", ok, f"a learning rate of {seen.recipe.rate:g}" if ok else told, int(not ok))


def short_run(seen: _Seen) -> Gate | None:
    """A run that ends before its warmup: it never reaches its learning rate."""
    from curator.training.loop import schedule
    from curator.training.readiness import units_of

    packs, _ = units_of(seen.found, seen.recipe)
    units = len(packs) if packs is not None else len(seen.found.splits["train"])
    plan = schedule(seen.recipe, units)
    ok = plan.steps > plan.warmup
    told = f"{counted(plan.steps, 'step')}, of which {plan.warmup} are warmup: it never reaches its learning rate"
    return Gate(
        "short-run", ok, f"{counted(plan.steps, 'step')}, {plan.warmup} of them warmup" if ok else told, int(not ok)
    )


GATES: dict[str, Callable[[_Seen], Gate | None]] = {
    "lint-errors": lint_errors,
    "split-leaks": split_leaks,
    "over-length": over_length,
    "refused-rows": refused_rows,
    "nothing-trained": nothing_trained,
    "end-untrained": end_untrained,
    "double-bos": double_bos,
    "not-a-prefix": not_a_prefix,
    "no-template": foreign_template,
    "untrained-end": untrained_end,
    "small-split": small_split,
    "learning-rate": learning_rate,
    "short-run": short_run,
}


def judge(
    base: Base, spec: str, brings: bool, recipe: Recipe, found: Prepared, report: Report, limit: int
) -> Iterator[Gate]:
    """Every gate, in order."""
    seen = _Seen(base, spec, brings, recipe, found, report, limit)
    for name, look in GATES.items():
        gate = look(seen)
        if gate is not None:
            yield Gate(name, gate.ok, gate.message, gate.count, rows=gate.rows)


def check_names(waive: Sequence[str]) -> None:
    """Raises UsageError for a gate nobody knows."""
    for name in waive:
        if name != ALL and name not in GATES:
            near = nearest(name, list(GATES))
            hint = f"did you mean {near[0]}?" if near else f"the gates are {', '.join(GATES)}, or all"
            raise UsageError(f"no gate {name!r}", where="--waive", hint=hint)


def waives(waive: Sequence[str], name: str) -> bool:
    return ALL in waive or name in waive


def refuse(gates: Sequence[Gate]) -> None:
    """Raises UsageError where a gate fails that nobody waived."""
    bad = [gate for gate in gates if not gate.ok and not gate.waived]
    if not bad:
        return
    lines = [f"{gate.name}: {gate.message}{_at(gate)}" for gate in bad]
    names = " ".join(f"--waive {gate.name}" for gate in bad)
    what = f"{counted(len(bad), 'gate')} stand{'s' if len(bad) == 1 else ''} against this run\n  " + "\n  ".join(lines)
    raise UsageError(what, hint=f"mend it, or run it all the same: {names}")


def _at(gate: Gate) -> str:
    more = gate.count - len(gate.rows)
    return f" [{', '.join(gate.rows)}{f' and {more:,} more' if more > 0 else ''}]" if gate.rows else ""


def _counted(count: int, told: str, ok: str, places: tuple[str, ...] = ()) -> Gate:
    return Gate("", not count, told if count else ok, count, rows=places)


def _fact(seen: _Seen, fact: str, told: str, ok: str) -> Gate:
    count = seen.found.tally.facts[fact]
    return _counted(count, f"{counted(count, 'row')} {told}", ok, tuple(seen.found.tally.places.get(fact, ())))


def _places(seen: _Seen, *reasons: str) -> tuple[str, ...]:
    return tuple(f"{cut.file}:{cut.line}" for cut in seen.found.tally.cuts if cut.reason in reasons)[:_FEW]


# ---------------------------------------------------------------------- the end-of-turn token


def end_token(seen: _Seen) -> str:
    """The token that closes the answers of this set: the last trained one of its first row."""
    from curator.training.rows import load_tokenizer

    tokenizer = load_tokenizer(seen.base.path)
    piece = seen.found.splits["train"][0]
    last = int(piece.ids[piece.runs[-1][1] - 1])
    token = tokenizer.id_to_token(last) or ""
    special = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
    return token if token in special or token in templates.load(seen.spec).control_tokens() else ""


def untouched(model: Path, token: str) -> bool:
    """Whether the embedding of a token looks as it was made: far shorter than those of common tokens.

    Read from the safetensors file, that one row and a thousand others; False where there is no such file.
    """
    import numpy as np

    found = _embedding_rows(model, token)
    if found is None:
        return False
    own, others = found
    typical = float(np.median(np.linalg.norm(others, axis=1)))
    return float(np.linalg.norm(own)) < 0.3 * typical


def _embedding_rows(model: Path, token: str) -> tuple[Any, Any] | None:
    from safetensors import SafetensorError, safe_open

    from curator.training.rows import load_tokenizer

    number = load_tokenizer(model).token_to_id(token)
    if number is None:
        return None
    index = model / "model.safetensors.index.json"
    names = json.loads(index.read_text())["weight_map"] if index.is_file() else {}
    for name, file in names.items() or ((None, file.name) for file in sorted(model.glob("*.safetensors"))):
        try:
            with safe_open(str(model / file), "pt") as tensors:
                keys = [name] if name else list(tensors.keys())
                key = next((key for key in keys if key.endswith(("embed_tokens.weight", "wte.weight"))), None)
                if key is None:
                    continue
                rows = tensors.get_slice(key)
                size = rows.get_shape()[0]
                common = rows[min(300, size // 2) : min(1300, size)].float().numpy()
                return rows[number : number + 1].float().numpy()[0], common
        except (SafetensorError, OSError) as error:
            hint = "fetch the model again"
            raise SourceError(f"the weights cannot be read: {error}", where=str(model / file), hint=hint) from None
    return None

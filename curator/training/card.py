"""The model card: README.md with what the weights were made from, on what, and how well they did."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from curator import __version__
from curator.report.tally import counted
from curator.training.record import Base, Run


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """What a card is of: `form` in words, `library` as the hub calls what loads it, and the model that was tuned.

    `config` is adapter_config.json, empty where there is no adapter; `run` is the record of the training, None where
    there is none.
    """

    form: str
    library: str
    adapter: bool
    base: Base
    method: str
    config: Mapping[str, Any] = {}
    run: Run | None = None


def card(of: Weights, notes: Sequence[str] = ()) -> str:
    """The page, with a front matter as the Hugging Face hub reads it. What nobody recorded is left out."""
    base = of.base
    lines = ["---"]
    if base.source in ("demo", "hub"):
        lines.append(f"base_model: {json.dumps(base.title)}")
        lines.append(f"base_model_relation: {'adapter' if of.adapter else 'finetune'}")
    lines += [f"library_name: {of.library}", "pipeline_tag: text-generation", f"tags: [{of.method}, curator]", "---"]
    lines += ["", f"# {base.title} tuned: {of.form}", "", *_origin(of), *_data(of.run), *_metrics(of.run)]
    if notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in notes)]
    lines += ["", f"Written by curator {__version__}.", ""]
    return "\n".join(lines)


def _origin(of: Weights) -> Iterator[str]:
    base = of.base
    yield f"- Base: {base.title} ({base.architecture})"
    if base.origin:
        yield f"- Of the base: {base.origin}"
    if base.revision:
        yield f"- Revision of the base: {base.revision}"
    if base.sha256:
        yield f"- SHA-256 of its weights: `{base.sha256}`"
    if of.config:
        yield f"- Method: {of.method}, rank {of.config.get('r')}, alpha {of.config.get('lora_alpha')}"
    else:
        yield f"- Method: {of.method}"
    if run := of.run:
        yield f"- Steps: {run.steps} of {run.steps_planned}, the best at {run.best_step}"
        yield f"- Learning rate {run.options.get('learning-rate')}, seed {run.options.get('seed')}, {run.precision}"
        yield f"- SHA-256 of what was trained: `{run.adapter_sha256}`"


def _data(run: Run | None) -> Iterator[str]:
    if not run or not run.data:
        return
    yield from ("", "## Data", "", "| split | rows | SHA-256 |", "|---|---|---|")
    for name, file in run.data.items():
        yield f"| {name} | {file.rows:,} | `{file.sha256}` |"
    yield from _seen(run)
    if run.raw:
        yield from ("", "Drawn from:", "", *(f"- `{sha}`" for sha in run.raw.values()))


def _seen(run: Run) -> Iterator[str]:
    """What of the train split the steps took in: seldom is that all of it, once."""
    if not run.rows_seen or "train" not in run.data:
        return
    times = run.rows_seen / max(run.data["train"].trained_rows, 1)
    about = "" if times.is_integer() else "about "  # which rows a begun epoch drew nobody wrote down
    yield ""
    yield (
        f"Seen in {counted(run.steps, 'step')}: {counted(run.rows_seen, 'row')} of train, repeats counted "
        f"({times:.3g} epochs), {about}{counted(run.tokens_seen, 'trained token')}."
    )


def _metrics(run: Run | None) -> Iterator[str]:
    if not run or not run.metrics:
        return
    yield from ("", "## Measured", "", "| | |", "|---|---|")
    for name, value in run.metrics.items():
        yield f"| {name.replace('_', ' ')} | {value:.4f} |"

"""The model card: README.md with what the model was made from, on what, and how well it did."""

from __future__ import annotations

import json
from collections.abc import Iterator

from curator import __version__
from curator.export.source import Source
from curator.report.tally import counted
from curator.training.record import Run


def model_card(source: Source, form: str, notes: tuple[str, ...]) -> str:
    """The page, with a front matter as the Hugging Face hub reads it. What nobody recorded is left out."""
    adapter = form in ("gguf-lora", "mlx", "peft")
    library = {"merged": "transformers", "mlx": "mlx", "peft": "peft"}.get(form, "gguf")
    base = source.tuned
    lines = ["---"]
    if base.source in ("demo", "hub"):
        lines.append(f"base_model: {json.dumps(base.title)}")
        lines.append(f"base_model_relation: {'adapter' if adapter else 'finetune'}")
    lines += [f"library_name: {library}", "pipeline_tag: text-generation", f"tags: [{source.method}, curator]", "---"]
    lines += ["", f"# {base.title} tuned: {form}", "", *_origin(source), *_data(source), *_metrics(source)]
    if notes:
        lines += ["", "## Notes", "", *(f"- {note}" for note in notes)]
    lines += ["", f"Written by curator {__version__}.", ""]
    return "\n".join(lines)


def _origin(source: Source) -> Iterator[str]:
    base = source.tuned
    yield f"- Base: {base.title} ({source.architecture})"
    if base.origin:
        yield f"- Of the base: {base.origin}"
    if base.revision:
        yield f"- Revision of the base: {base.revision}"
    if base.sha256:
        yield f"- SHA-256 of its weights: `{base.sha256}`"
    if source.config:
        yield f"- Method: {source.method}, rank {source.config.get('r')}, alpha {source.config.get('lora_alpha')}"
    else:
        yield f"- Method: {source.method}"
    if source.run:
        run = source.run
        yield f"- Steps: {run.steps} of {run.steps_planned}, the best at {run.best_step}"
        yield f"- Learning rate {run.options.get('learning-rate')}, seed {run.options.get('seed')}, {run.precision}"
        yield f"- SHA-256 of what was trained: `{run.adapter_sha256}`"


def _data(source: Source) -> Iterator[str]:
    if not source.run or not source.run.data:
        return
    yield from ("", "## Data", "", "| split | rows | SHA-256 |", "|---|---|---|")
    for name, file in source.run.data.items():
        yield f"| {name} | {file.rows:,} | `{file.sha256}` |"
    yield from _seen(source.run)
    if source.run.raw:
        yield from ("", "Drawn from:", "", *(f"- `{sha}`" for sha in source.run.raw.values()))


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


def _metrics(source: Source) -> Iterator[str]:
    if not source.run or not source.run.metrics:
        return
    yield from ("", "## Measured", "", "| | |", "|---|---|")
    for name, value in source.run.metrics.items():
        yield f"| {name.replace('_', ' ')} | {value:.4f} |"

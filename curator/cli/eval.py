"""`curator eval`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from curator.cli.output import sink


def measuring(function: Any) -> Any:
    """The options of eval and compare."""
    for add in reversed(
        (
            click.option("--data", "data", multiple=True, metavar="DATA", help="Splits.  [default: those of the run]"),
            click.option("--generate", type=click.IntRange(min=0), default=20, show_default=True, metavar="N",
                         help="Answers to write, evenly spread over the split."),
            click.option("--max-tokens", "longest", type=click.IntRange(min=1), default=256, show_default=True,
                         metavar="N", help="The longest answer."),
            click.option("--template", metavar="NAME|FILE", help="Chat template, in place of the run's or model's."),
            click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE",
                         help="Configuration file to read."),
            click.option("--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                         help="Write there."),
        )
    ):  # fmt: skip
        function = add(function)
    return function


def configured(data: tuple[str, ...], config_file: Path | None, template: str | None) -> Any:
    """The configuration for the data, or for here."""
    from curator.config import load_config
    from curator.training.models import hush

    hush()
    return load_config(Path(data[0] if data else "."), config_file, {"template": template})


def counting(label: str) -> Any:
    """Says on standard error how many answers are written, where somebody watches."""
    import sys

    if not sys.stderr.isatty():
        return None

    def told(done: int, total: int) -> None:
        click.echo(f"\r\x1b[K{label} {done}/{total}", err=True, nl=done == total)

    return told


@click.command("eval")
@click.argument("model", metavar="MODEL|RUN")
@click.option(
    "--split", "splits", multiple=True, metavar="NAME", help="train, valid or test.  [default: the last there is]"
)
@click.option("--task", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Measure nothing: write the split as a task for lm-evaluation-harness.")  # fmt: skip
@click.option("--benchmark", "benchmarks", multiple=True, metavar="NAME",
              help="Ask lm-evaluation-harness instead: arc, hellaswag, mmlu, truthfulqa, or another task.")  # fmt: skip
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Questions of each benchmark.  [default: all]")
@measuring
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    model: str,
    splits: tuple[str, ...],
    task: Path | None,
    benchmarks: tuple[str, ...],
    limit: int | None,
    data: tuple[str, ...],
    generate: int,
    longest: int,
    template: str | None,
    config_file: Path | None,
    output: Path | None,
    form: str,
) -> None:
    """Measure a model or a run on the rows of a split.

    Perplexity and accuracy over trained tokens, by split and by what rows say they are; of generated answers
    exact match, ROUGE-L, chrF, valid JSON, length, and whether they stop by themselves.
    """
    if benchmarks:
        import msgspec

        from curator.training import benchmarking
        from curator.training.models import hush

        hush()
        scores = benchmarking.benchmark(model, benchmarks, limit)
        with sink(output) as stream:
            text = benchmarking.as_text(model, scores).encode("utf-8", "backslashreplace")
            stream.write(msgspec.json.encode(scores) + b"\n" if form == "json" else text)
        return
    config = configured(data, config_file, template)
    from curator.training import evaluation as verb

    if task is not None:
        click.echo(verb.write_task(model, data, config, task, splits[0] if splits else ""))
        return
    found = verb.evaluate(
        model, data, config, splits=splits, generate=generate, longest=longest, told=counting("answers")
    )
    with sink(output) as stream:
        if form == "json":
            import msgspec

            stream.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
        else:
            from curator.training.page import evaluation_text

            stream.write(evaluation_text(found).encode("utf-8", "backslashreplace"))

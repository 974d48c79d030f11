"""`curator handoff`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from curator.cli import options
from curator.cli.output import encoded, sink

_METHODS = ["lora", "qlora", "dora", "rslora", "full"]


@click.command("handoff")
@click.argument("tool", metavar="TOOL")
@click.argument("path", metavar="PATH")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="The folder to write.")
@click.option("--model", metavar="NAME", help="The model to be tuned, by the name that the tool takes.")
@click.option("--method", type=click.Choice(_METHODS), default="lora", show_default=True, help="How it is tuned.")
@click.option("--epochs", type=options.Amount(min=0, min_open=True), default=3.0, show_default=True, help="Passes.")
@click.option(
    "--learning-rate",
    type=options.Amount(min=0, min_open=True),
    help="Peak.  [default: 2e-4; rslora 1e-4; full 2e-5]",
)
@click.option("--rank", type=click.IntRange(min=1), default=16, show_default=True, help="Rank of the adapter.")
@click.option("--alpha", type=click.IntRange(min=1), default=32, show_default=True, help="Its scale, times rank.")
@click.option("--dropout", type=options.Amount(0, 1), default=0.05, show_default=True, help="Of the adapter.")
@click.option("--batch", type=click.IntRange(min=1), default=8, show_default=True, help="Rows of a step.")
@click.option("--accumulation", type=click.IntRange(min=1), default=1, show_default=True, help="Steps of an update.")
@click.option("--max-length", type=click.IntRange(min=1), default=2048, show_default=True, help="Tokens of a row.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every draw.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting in the tool's own words.")
@click.option("--allow-loss", is_flag=True, help="Write even what loses parts of rows, is refused, or stops the run.")
@click.option("--force", is_flag=True, help="Write into a folder that is not from a hand-off.")
@click.option("--submit", is_flag=True, help="openai: upload the data, create the job, follow it.")
@click.option("--cancel", is_flag=True, help="openai: cancel the job of PATH.")
@click.option("--base-url", metavar="URL", help="openai: another service.  [default: api.openai.com]")
@click.option("--shape", metavar="NAME", help="Shape of the rows, where a row fits it; others are detected.")
@click.option("--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Configuration file.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    tool: str,
    path: str,
    output: Path | None,
    pairs: tuple[str, ...],
    allow_loss: bool,
    force: bool,
    submit: bool,
    cancel: bool,
    base_url: str | None,
    shape: str | None,
    config_file: Path | None,
    form: str,
    **recipe: Any,
) -> int:
    """Write a folder with which another tool trains on a set.

    It holds the data, the settings and the command, and says what the tool will drop.

    \b
    TOOL is mlx, trl, unsloth, axolotl, llama-factory or openai. PATH is a file, or a folder with
    train.jsonl, valid.jsonl and test.jsonl.
    curator handoff mlx splits --model mlx-community/Qwen3-0.6B-bf16 -o to-mlx
    curator handoff openai to-openai --submit        the key is read from OPENAI_API_KEY

    A setting that the tool does not read is refused, and nothing is written where the tool would refuse rows, or
    rows have errors that no decision keeps, unless --allow-loss is given. Exit status: 1 where the tool's shape
    cannot hold the rows, or the job failed.
    """  # noqa: D301 (click reads the character)
    if (submit or cancel or base_url) and tool != "openai":
        raise click.UsageError("--submit, --cancel and --base-url are for openai", click.get_current_context())
    if output is None and not (submit or cancel):
        raise click.UsageError("name the folder to write: -o DIR", click.get_current_context())
    if output is not None:
        status = _written(tool, path, output, pairs, allow_loss, force, shape, config_file, form, recipe)
        if status or not submit:
            return status
    return _sent(output or Path(path), base_url, cancel=cancel)


def _written(
    tool: str,
    path: str,
    output: Path,
    pairs: tuple[str, ...],
    allow_loss: bool,
    force: bool,
    shape: str | None,
    config_file: Path | None,
    form: str,
    recipe: dict[str, Any],
) -> int:
    from curator import conversion, handoff
    from curator.handoff.recipe import Recipe
    from curator.handoff.settings import parsed
    from curator.recipe import RATES

    if not recipe["model"]:
        raise click.UsageError("name the model to be tuned: --model NAME", click.get_current_context())
    _refuse_missing(recipe["model"])
    recipe["learning_rate"] = recipe["learning_rate"] or RATES[recipe["method"]]
    config = options.configured((path,), config_file, {"shape": shape})
    result = handoff.hand_off(
        tool, path, output, config, Recipe(**recipe), changes=parsed(pairs), allow_loss=allow_loss, force=force
    )
    with sink(None) as stream:
        if isinstance(result, conversion.Conversion):
            again = options.retyped(click.get_current_context(), {"form"})
            stream.write(encoded(conversion.as_text(result, again)))
            return 1
        said = handoff.as_json(result) if form == "json" else encoded(handoff.as_text(result, str(output)))
        stream.write(said)
    return 0


def _refuse_missing(model: str) -> None:
    """Raises UsageError for a model written as a path that is not there; a name of a hub is the tool's to find."""
    from curator.errors import UsageError

    if model.startswith(("/", "./", "../", "~")) and not Path(model).expanduser().exists():
        raise UsageError(f"no such model: {model}", hint="name a folder that exists, or a model by its name on the hub")


def _sent(folder: Path, base_url: str | None, *, cancel: bool) -> int:
    from curator.handoff import jobs

    url = base_url or jobs.URL
    service = jobs.Service(url, jobs.key())
    if cancel:
        click.echo(f"{(state := jobs.cancel(folder, service, url)).job}: {state.status}")
        return 0
    click.echo(f"{jobs.submit(folder, service, url).job}: created; stop with Ctrl-C, go on with the same command")
    for line in jobs.follow(folder, service, url):
        click.echo(line)
    return 0 if jobs.state_of(folder, url).status == "succeeded" else 1

"""`curator train`: plan, preview and run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click
import msgspec

from curator.cli import options
from curator.cli.output import coloured, sink
from curator.recipe import Recipe

if TYPE_CHECKING:
    from curator.training.running import Ask

_FIELDS = {field.name: field for field in msgspec.structs.fields(Recipe)}
_PACKINGS = ("flat", "best-fit", "none")


def _split(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    return tuple(word.strip() for part in value for word in part.split(",") if word.strip()) or None


def _plain(kind: Any) -> Any:
    """The type without Annotated and without None."""
    if hasattr(kind, "__metadata__"):
        return _plain(kind.__origin__)
    parts = [part for part in get_args(kind) if part is not type(None)]
    if get_origin(kind) is not Literal and type(None) in get_args(kind) and len(parts) == 1:
        return _plain(parts[0])
    return kind


def _described(kind: Any) -> str:
    return next((str(part.description) for part in getattr(kind, "__metadata__", ()) if part.description), "")


def _flag(name: str, field: msgspec.structs.FieldInfo) -> Callable[..., Any]:
    """The flag of one option of the recipe."""
    kind, says = _plain(field.type), _described(field.type)
    said = f"--{field.encode_name}"
    if field.default is not None and "[default" not in says:
        shown = ",".join(field.default) if isinstance(field.default, tuple) else str(field.default).lower()
        says += f"  [default: {shown}]" if shown else ""
    if name == "packing":
        choice = click.Choice(_PACKINGS)
        return click.option(said, type=choice, is_flag=False, flag_value="best-fit", default=None, help=says)
    if kind is bool:
        return click.option(f"{said}/--no-{field.encode_name}", default=None, help=says)
    if get_origin(kind) is tuple:
        return click.option(said, multiple=True, callback=_split, metavar="NAME,…", help=says)
    if get_origin(kind) is Literal:
        return click.option(said, type=click.Choice([str(word) for word in get_args(kind)]), help=says)
    return click.option(said, type=kind, metavar="N" if kind in (int, float) else "TEXT", help=says)


def _tuning(function: Any) -> Any:
    """A flag for every option of the recipe."""
    for name, field in reversed(_FIELDS.items()):
        function = _flag(name, field)(function)
    return function


_DATA = click.argument("paths", nargs=-1, required=True, metavar="DATA…")
_MODEL = click.option(
    "--model", default=None, metavar="MODEL", help="A model folder, a GGUF file, a hub id, or demo (SmolLM2-135M)."
)
_WAIVE = click.option(
    "--waive", multiple=True, callback=_split, metavar="GATE,…", help="Run although this gate fails, or all of them."
)
_READING = (
    click.option("--template", metavar="NAME|FILE", help="Chat template, in place of the model's: llama-3, FILE."),
    click.option("--shape", metavar="NAME", help="Shape of the rows, where a row fits it; others are detected."),
    click.option(
        "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Configuration file."
    ),
)
_FORM = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)


def _reading(function: Any) -> Any:
    for add in reversed(_READING):
        function = add(function)
    return function


def _asked(
    paths: tuple[str, ...],
    model: str | None,
    config_file: Path | None,
    output: Path,
    given: dict[str, Any],
    **more: Any,
) -> Ask:
    """What the flags and the configuration ask for."""
    from curator.config import load_config, recipe
    from curator.errors import UsageError
    from curator.training.models import hush
    from curator.training.running import Ask

    hush()
    settings = {name: given.pop(name, None) for name in ("template", "shape")}
    config = load_config(options.start(paths), config_file, settings)
    named = model or config.model
    if not named:
        raise UsageError("no model is named", where="--model", hint="--model demo tunes a small model that is at hand")
    return Ask(paths, config, recipe(given, config.train), named, output, **more)


@click.group("train")
def command() -> None:
    """Tune a model on a clean set.

    DATA is what `curator split` or `curator prepare` wrote, or any folder with train.jsonl and, beside it,
    valid.jsonl and test.jsonl. What a run would come to is said by plan; what is trained on, token by token,
    is shown by preview. Every flag is a key of the table [train] in curator.toml too.
    """


@command.command("plan")
@_DATA
@_MODEL
@click.option("--output", "-o", type=click.Path(path_type=Path), metavar="DIR", help="Keep the plan in DIR/plan.json.")
@_WAIVE
@_tuning
@_reading
@_FORM
def plan(
    paths: tuple[str, ...],
    model: str | None,
    output: Path | None,
    waive: tuple[str, ...] | None,
    config_file: Path | None,
    form: str,
    **given: Any,
) -> int:
    """Say what a run would come to: rows, steps, memory, time, and what stands against it.

    No weight is read. A run into the same DIR refuses when the data, the decisions, the rules, the template
    or the options have changed since.

    Exit status: 1 where a gate fails that is not waived.
    """
    ask = _asked(paths, model, config_file, output or Path(), given, waive=waive or ())
    from curator.training import running, telling

    made, ready = running.plan(ask, keep=output is not None)
    with sink(None) as stream:
        text = telling.plan_text(made, ready, ask, _typed()) if form == "text" else ""
        stream.write(text.encode("utf-8", "backslashreplace") if text else _json(made))
    return 0 if all(gate.ok or gate.waived for gate in made.gates) else 1


@command.command("preview")
@_DATA
@_MODEL
@click.option("--rows", type=click.IntRange(min=1), default=3, show_default=True, metavar="N", help="How many rows.")
@click.option("--line", type=click.IntRange(min=1), metavar="N", help="The row on this line alone.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour what is trained and what is masked.",
)
@_tuning
@_reading
@_FORM
def preview(
    paths: tuple[str, ...],
    model: str | None,
    rows: int,
    line: int | None,
    color: str,
    config_file: Path | None,
    form: str,
    **given: Any,
) -> None:
    """Show rows token by token: what is trained on and what is not.

    The tokens are those of the run itself, decoded: what you see is what the model sees.
    """
    ask = _asked(paths, model, config_file, Path(), given)
    from curator.training import telling

    shown = telling.preview(ask, rows, line)
    with sink(None) as stream:
        if form == "json":
            stream.write(_json(shown))
        else:
            text = telling.preview_text(shown, colour=coloured(color, sys.stdout))
            stream.write(text.encode("utf-8", "backslashreplace"))


@command.command("run")
@_DATA
@_MODEL
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where it goes.")
@_WAIVE
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in DIR, bit for bit.")
@click.option("--force", is_flag=True, help="Overwrite a run that lies in DIR.")
@_tuning
@_reading
@_FORM
def run(
    paths: tuple[str, ...],
    model: str | None,
    output: Path,
    waive: tuple[str, ...] | None,
    resume: bool,
    force: bool,
    config_file: Path | None,
    form: str,
    **given: Any,
) -> int:
    """Train, and write the adapter and its record run.json into DIR.

    Ctrl-C, or SIGTERM, stops after the step and saves; --resume goes on. Several GPUs: the same command behind
    `accelerate launch -m` or `torchrun -m`.
    """
    again = _typed({"resume", "force"}).replace("train run", "train plan", 1)
    ask = _asked(paths, model, config_file, output, given, waive=waive or (), resume=resume, force=force, plan=again)
    from curator.training import running, telling

    try:
        with telling.live(running.first_process()) as tell:
            done = running.run(ask, tell)
    except KeyboardInterrupt:
        click.echo(telling.broken_off(ask), err=True)
        return 130
    if running.first_process():
        with sink(None) as stream:
            text = telling.run_text(done, ask, _typed())
            stream.write(_json(done) if form == "json" else text.encode("utf-8", "backslashreplace"))
    return 130 if done.status == "interrupted" else 0


def _typed(left_out: Set[str] = frozenset()) -> str:
    """The command with every option that decides what is trained and where it goes."""
    return options.retyped(click.get_current_context(), {"form", *left_out})


def _json(value: Any) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"

"""Options that several verbs share. Each is a key of the configuration, by the same name."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from curator.cli.output import shown

if TYPE_CHECKING:
    from curator.config import Config

F = TypeVar("F", bound=Callable[..., Any])

SEVERITIES = ["info", "warning", "error", "never"]
GUESS = {"guess": ""}  # --map guess: no role is empty, so that no map written out is the same


class Amount(click.FloatRange):
    """A finite number within limits: click's own type lets inf and nan through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Raises click.BadParameter outside the limits."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number.", param, ctx)
        return number


def _listed(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...] | None:
    words = tuple(word.strip() for part in value for word in part.split(",") if word.strip())
    if value and not words:
        raise click.BadParameter("names no rule; leave the option out to run the usual ones", ctx, param)
    return words or None


def _files(ctx: click.Context, param: click.Parameter, value: tuple[Path, ...]) -> tuple[str, ...] | None:
    return tuple(str(path.resolve()) for path in value) or None


def _rooted(ctx: click.Context, param: click.Parameter, value: Path | None) -> str | None:
    return str(value.resolve()) if value else None


def _named(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty: name one, or leave the option out", ctx, param)
    return value


def _mapped(ctx: click.Context, param: click.Parameter, value: str | None) -> dict[str, str] | None:
    if value is None:
        return None
    if value.strip() == "guess":
        return GUESS
    pairs = [pair.rpartition("=") for pair in value.split(",")]
    if not all(column and role for column, _, role in pairs):
        raise click.BadParameter("write column=role,column=role: question=user,answer=assistant", ctx, param)
    columns = [column.strip() for column, _, _ in pairs]
    if len(set(columns)) < len(columns):
        raise click.BadParameter("a column is given two roles", ctx, param)
    return {column.strip(): role.strip() for column, _, role in pairs}


def _set(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, dict[str, str]] | None:
    """RULE.option=VALUE as options by rule."""
    found: dict[str, dict[str, str]] = {}
    for pair in value:
        name, sign, text = pair.partition("=")
        rule, dot, option = (part.strip() for part in name.partition("."))
        if not (sign and dot and rule and option):
            raise click.BadParameter(f"{pair!r} sets no option: write RULE.option=value", ctx, param)
        found.setdefault(rule, {})[option] = text.strip()
    return found or None


_SELECTING = (
    click.option("--select", multiple=True, callback=_listed, metavar="RULES", help="Run these rules only."),
    click.option("--ignore", multiple=True, callback=_listed, metavar="RULES", help="Do not run these rules."),
    click.option("--extend-select", multiple=True, callback=_listed, metavar="RULES", help="Run these rules as well."),
    click.option("--preview/--no-preview", default=None, help="Run the selected rules that are in preview as well."),
    click.option(
        "--thorough/--no-thorough",
        default=None,
        help="Run costly rules on a set of any size, or on none.  [default: up to 8 MB]",
    ),
    click.option("--profile", metavar="NAME", help="Selection to start from: minimal, default or strict."),
    click.option(
        "--target",
        callback=_named,
        metavar="NAME|FILE",
        help="Service or trainer the data is for: `curator config targets`.",
    ),
)
_SHAPING = (
    click.option(
        "--shape", callback=_named, metavar="NAME", help="Shape of the rows, where a row fits it; others are detected."
    ),
    click.option(
        "--map",
        callback=_mapped,
        metavar="COLUMN=ROLE,…",
        help="What the columns mean: question=user,answer=assistant; or guess. lint, clean, split and prepare save it "
        "in curator.toml: the one in use, else a new one here, or beside data that lies elsewhere.",
    ),
)
_ASKING = (
    click.option(
        "--benchmark",
        "benchmarks",
        multiple=True,
        callback=_files,
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="Test questions that no row may hold (SPT007).",
    ),
)
_JUDGING = (
    click.option(
        "--method",
        type=click.Choice(["any", "preference", "lora", "full"]),
        help="What the set is for: how many rows it needs (SET001).",
    ),
)
_COUNTING = (
    click.option(
        "--tokenizer", callback=_named, metavar="NAME|FILE", help="Encoding or tokenizer.json to count tokens with."
    ),
    click.option(
        "--model",
        callback=_named,
        metavar="FOLDER|GGUF",
        help="Model to be tuned: its template, tokenizer and context.",
    ),
    click.option(
        "--template",
        callback=_named,
        metavar="NAME|FILE",
        help="Chat template, in place of the model's: llama-3, FILE.",
    ),
)
_LIMITING = (
    click.option("--max-length", type=click.IntRange(min=1), metavar="TOKENS", help="Tokens a row may have (LEN001)."),
)
_COMPARING = (
    click.option(
        "--modelfile",
        callback=_named,
        metavar="FILE",
        help="Ollama's Modelfile or Go template: does it ask as training did?",
    ),
    click.option(
        "--embeddings",
        callback=_rooted,
        type=click.Path(path_type=Path, exists=True),
        metavar="FOLDER|FILE",
        help="Local model that embeds texts: rows alike in meaning (DUP006).",
    ),
    click.option(
        "--set",
        "rules",
        multiple=True,
        callback=_set,
        metavar="RULE.OPTION=VALUE",
        help="An option of a rule, on top of the configuration: LEN001.max_tokens=4096.",
    ),
    click.option(
        "--facts",
        callback=_named,
        metavar="RUN",
        help="A training run: which rows gain nothing from their prompt (CON005).",
    ),
)
_SPREADING = (
    click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Worker processes.  [default: by size]"),
    click.option(
        "--engine", type=click.Choice(["local", "ray"]), help="Where the work is done: here, or on a Ray cluster."
    ),
    click.option(
        "--ray-address", callback=_named, metavar="ADDRESS", help="The Ray cluster.  [default: a new one here]"
    ),
)
caching: Callable[[F], F] = click.option(
    "--no-cache", "cache", flag_value=False, default=None, help="Neither read nor keep scan results."
)
_CONFIG = click.option(
    "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", help="Configuration file to read."
)


def _applied(options: tuple[Callable[[F], F], ...]) -> Callable[[F], F]:
    def apply(function: F) -> F:
        for add in reversed(options):
            function = add(function)
        return function

    return apply


selecting: Callable[[F], F] = _applied(_SELECTING)
"""--select, --ignore, --extend-select, --preview, --thorough, --profile, --target."""

shaping: Callable[[F], F] = _applied((*_SHAPING, _CONFIG))
"""--shape, --map, --config."""

counting: Callable[[F], F] = _applied((*_SHAPING, *_COUNTING, _CONFIG))
"""`shaping`, and --tokenizer, --model, --template."""

spreading: Callable[[F], F] = _applied(_SPREADING)
"""--workers, --engine, --ray-address."""

limiting: Callable[[F], F] = _applied(_LIMITING)
"""--max-length."""

finding: Callable[[F], F] = _applied((*_SHAPING, *_ASKING, *_COUNTING, *_COMPARING, _CONFIG))
"""What findings in rows depend on: `reading` without --method, which is about the set."""

reading: Callable[[F], F] = _applied((*_SHAPING, *_ASKING, *_JUDGING, *_COUNTING, *_COMPARING, _CONFIG))
"""`shaping`, and --benchmark, --method, --tokenizer, --model, --template, --modelfile, --embeddings, --set, --facts."""


def typed(ctx: click.Context, options: Callable[[Any], Any]) -> list[str]:
    """Of some options, such as `selecting`, those that were typed: ["--select"]."""
    params = click.command()(options(lambda: None)).params
    source = click.core.ParameterSource.COMMANDLINE
    return [param.opts[0] for param in params if param.name and ctx.get_parameter_source(param.name) == source]


def refuse_overwriting(paths: tuple[str, ...], *outputs: Path | None) -> None:
    """Raises UsageError where an output would take the place of data, of a configuration, or of another output."""
    from curator.errors import UsageError

    data = [Path(os.path.realpath(path)) for path in paths if path != "-" and "://" not in path]
    written: set[Path] = set()
    for output in filter(None, outputs):
        place = Path(os.path.realpath(output))  # of a link to itself, the link
        what = ""
        if place in written:
            what = "two outputs cannot be one file"
        elif place in data or (place.exists() and any(_reads(folder, place) for folder in data)):
            what = "this would overwrite the data"
        elif place.name in ("curator.toml", "pyproject.toml"):
            what = "this would overwrite the configuration"
        if what:
            raise UsageError(what, where=str(output), hint="name another file")
        written.add(place)


def _reads(folder: Path, file: Path) -> bool:
    """Whether a file in a folder would be read as data where the folder is named."""
    if not folder.is_dir() or not file.is_relative_to(folder):
        return False
    from curator.errors import SourceError
    from curator.sources.finding import find

    try:
        found, _ = find([str(folder)])
    except SourceError:  # no data in it
        return False
    return any(os.path.realpath(item.path) == str(file) for item in found)


def start(paths: Sequence[str]) -> Path:
    """Where the search for the configuration begins: the first path, or here for standard input and addresses."""
    return Path(paths[0] if paths and paths[0] != "-" and "://" not in paths[0] else ".")


def refuse_idle_address(address: str | None, engine: str | None) -> None:
    """Raises UsageError for the address of a cluster where the work is done here."""
    from curator.errors import UsageError

    if address and engine != "ray":
        raise UsageError("--ray-address does nothing by itself", hint="add --engine ray")


def configured(paths: tuple[str, ...], file: Path | None, settings: dict[str, Any]) -> Config:
    """The configuration with these settings on top. A column map that is to be guessed is, and is shown.

    Raises:
        CuratorError: the configuration cannot be honoured, or no map can be guessed with confidence.
    """
    from curator.config import load_config
    from curator.errors import UsageError

    if paths.count("-") > 1:
        raise UsageError("standard input is read once", hint="name - once, or save it in a file")
    if settings.get("map") != GUESS:
        config = load_config(start(paths), file, settings)
        if settings.get("shape") and config.map and not config.map_given:
            config = load_config(start(paths), file, {**settings, "map": {}})
            click.echo(f"the column map of {config.source} is left aside: --shape names the shape", err=True)
        refuse_idle_address(settings.get("ray_address"), config.engine)
        return config
    config = load_config(start(paths), file, {**settings, "map": None})
    return load_config(start(paths), file, {**settings, "map": _guessed(paths, config)})


def _guessed(paths: tuple[str, ...], config: Config) -> dict[str, str] | None:
    """The map guessed for the files in no known shape; None where all are in a known one."""
    from curator.conversion.guess import guess_map

    guess = guess_map(paths, config)
    if guess is None:
        click.echo("no column map is needed: the rows are in a known shape", err=True)
        return None
    click.echo(f"guessed: {guess.option}", err=True)
    for reason in guess.reasons:
        click.echo(f"  {reason}", err=True)
    return guess.columns


def keep_map(config: Config, paths: Sequence[str], *made: Path) -> None:
    """Save the column map beside the data, and beside what was `made` of them, so that it need not be given again.

    Not one that would not apply then. What happens is said.
    """
    from curator.config import load_config, map_file
    from curator.conversion.guess import needing

    if "-" not in paths and (known := needing(paths, config)):
        why = f"{known} is of a known shape, and a saved map is for files in none: give --map with every command"
        click.echo(shown(f"column map not saved: {why}"), err=True)
        return
    _save_map(map_file(config, start(paths)), config)
    for place in made:
        found = load_config(place)
        if found.map != config.map:
            _save_map(map_file(found, place), config)


def _save_map(file: Path, config: Config) -> None:
    from curator.config import save_map, saved_map
    from curator.errors import CuratorError

    try:
        before = saved_map(file)
        if save_map(file, config.map):
            old = ",".join(f"{column}={role}" for column, role in before.items())
            instead = f" in place of {old}: a folder has one map" if old else ""
            click.echo(shown(f"column map saved in {file}{instead}"), err=True)
    except CuratorError as error:
        click.echo(shown(f"column map not saved: {error}"), err=True)


# Options that say how to report or what to do with what was found, not what to find.
FORM = {"form", "output", "show", "statistics", "timing", "color", "verbose", "fix", "unsafe_fixes", "diff"}
FORM |= {"watch", "exit_zero", "write_baseline", "workers", "cache", "engine", "ray_address"}


def retyped(ctx: click.Context, left_out: Set[str] = FORM) -> str:
    """The command as it was typed, without the options of form: what next steps build on."""
    words = ctx.command_path.split()
    for param in ctx.command.params:
        value = ctx.params.get(param.name or "")
        given = ctx.get_parameter_source(param.name or "") == click.core.ParameterSource.COMMANDLINE
        if isinstance(param, click.Argument):
            words += value if isinstance(value, tuple) else [str(value)]
        elif given and param.name not in left_out:
            words += _option(param, value)
    return shlex.join(words)


def shared(ctx: click.Context, verb: click.Command, left_out: Set[str] = frozenset({"output"})) -> tuple[str, ...]:
    """The options that were typed and that another verb knows as well, as words for it."""
    known = {word for param in verb.params if isinstance(param, click.Option) for word in param.opts}
    words: list[str] = []
    for param in ctx.command.params:
        given = ctx.get_parameter_source(param.name or "") == click.core.ParameterSource.COMMANDLINE
        if (
            given
            and param.name not in left_out
            and param.opts[0] in known
            and (value := ctx.params[param.name]) is not None
        ):
            words += _option(param, value)
    return tuple(words)


_FOLLOWING = ("convert", "clean", "split", "explain")  # the verbs that the next steps of a report name


def following(ctx: click.Context) -> dict[str, tuple[str, ...]]:
    """The options that were typed, as words for each of the verbs that the next steps name."""
    from importlib import import_module

    verbs = {name: import_module(f"curator.cli.{name}").command for name in _FOLLOWING}
    return {name: shared(ctx, verb, FORM) for name, verb in verbs.items()}


def _option(param: click.Parameter, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [param.opts[0] if value or not param.secondary_opts else param.secondary_opts[0]]
    if value == GUESS:
        return [param.opts[0], "guess"]
    if param.name == "rules":
        pairs = [f"{rule}.{key}={text}" for rule, options in value.items() for key, text in options.items()]
        return [word for pair in pairs for word in (param.opts[0], pair)]
    if isinstance(value, dict):
        return [param.opts[0], ",".join(f"{column}={role}" for column, role in value.items())]
    if isinstance(value, tuple) and isinstance(param.type, click.Path):
        return [word for path in value for word in (param.opts[0], path)]
    if isinstance(value, tuple) and any(isinstance(part, int | float) for part in value):  # shares or counts
        return [param.opts[0], "/".join(f"{part:g}" for part in value)]
    return [param.opts[0], ",".join(value) if isinstance(value, tuple) else str(value)]

"""What a configuration may say: its keys, and the paths and numbers that follow from them."""

from __future__ import annotations

import os
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
from msgspec import Meta

from curator import templates
from curator.model import Severity
from curator.recipe import Recipe
from curator.rowfacts import facts_file

if TYPE_CHECKING:
    from curator.config.planning import Plan
    from curator.scan.mappers import Crew

FailOn = Literal["info", "warning", "error", "never"]
Method = Literal["any", "preference", "lora", "full"]
Positive = Annotated[int, Meta(ge=1)]
Limit = (
    Annotated[int, Meta(ge=0)]
    | Annotated[str, Meta(pattern=r"^(\d{1,2}(\.\d+)?|100(\.0+)?)%$", title='a share such as "2%"')]
)


class Selection(msgspec.Struct, frozen=True):
    """Selectors of one place, and options of rules. `select` of None keeps what earlier selections chose.

    A string among the `options` may be any value, written as in TOML.
    """

    select: tuple[str, ...] | None = None
    extend: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    options: dict[str, dict[str, Any]] = {}


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="kebab", forbid_unknown_fields=True):
    """What a configuration file may say."""

    profile: Annotated[str, Meta(description="The named selection to start from: minimal, default or strict.")] = (
        "default"
    )
    select: Annotated[
        tuple[str, ...] | None,
        Meta(description="Rules to run, in place of the profile's: codes, names, families (`ANS`) or `ALL`."),
    ] = None
    ignore: Annotated[tuple[str, ...], Meta(description="Rules not to run. The most specific selector wins.")] = ()
    extend_select: Annotated[tuple[str, ...], Meta(description="Rules to run beside those selected.")] = ()
    preview: Annotated[bool | None, Meta(description="Also run the selected rules that are in preview.")] = None
    level: Annotated[
        Severity | None,
        Meta(description="Leave out rules below this severity, unless selected by code or name."),
    ] = None
    severity: Annotated[
        dict[str, Literal["info", "warning", "error", "off"]],
        Meta(description="Severities by selector, in place of the rules' own."),
    ] = {}
    rules: Annotated[dict[str, dict[str, Any]], Meta(description="Options of rules, by code or name.")] = {}
    per_file_ignores: Annotated[
        dict[str, tuple[str, ...]],
        Meta(description="Selectors to ignore in the files whose path or name matches the pattern."),
    ] = {}
    limits: Annotated[
        dict[str, Limit],
        Meta(description='How many rows a rule may flag before the run fails: a number, or a share ("2%").'),
    ] = {}
    shape: Annotated[
        str | None, Meta(description="The shape of the rows, where a row fits it; others are detected.")
    ] = None
    map: Annotated[dict[str, str], Meta(description="What the columns of files in no known shape mean.")] = {}
    tokenizer: Annotated[
        str | None,
        Meta(description="Counts tokens: the name of an encoding or the path of a `tokenizer.json`."),
    ] = None
    max_length: Annotated[
        Positive | None,
        Meta(description="Tokens a row may have: LEN001, LEN002 and LEN006 judge by it. By default the model's."),
    ] = None
    model: Annotated[
        str | None,
        Meta(description="The model to be tuned, a folder or a GGUF file: its chat template, tokenizer and context."),
    ] = None
    template: Annotated[
        str | None,
        Meta(description="The chat template, in place of the model's: the name of a shipped one, or a file."),
    ] = None
    target: Annotated[
        str | None,
        Meta(description="The service or trainer the data is for: the name of a profile, or a TOML file."),
    ] = None
    method: Annotated[
        Method | None, Meta(description="What the set is for: SET001 reports a set with too few rows for it.")
    ] = None
    modelfile: Annotated[
        str | None,
        Meta(description="The Modelfile, or Go template, with which Ollama will run the model (TPL017, TPL018)."),
    ] = None
    facts: Annotated[
        str | None,
        Meta(description="A training run: what it knew of every row (CON005, and beside every finding)."),
    ] = None
    fail_on: Annotated[
        FailOn | None,
        Meta(description="Severity from which findings make the exit status 1; else the profile's."),
    ] = None
    packs: Annotated[tuple[str, ...], Meta(description="Files of rules of your own, relative to this file.")] = ()
    benchmarks: Annotated[
        tuple[str, ...],
        Meta(description="Files of test questions that no row may hold (SPT007), relative to this file."),
    ] = ()
    embeddings: Annotated[
        str | None,
        Meta(description="A local model that embeds texts, by which DUP006 compares rows: a folder, or word vectors."),
    ] = None
    thorough: Annotated[
        bool | None,
        Meta(description="Run the costly rules whatever the size of the set, or never. By default up to 8 MB."),
    ] = None
    exclude: Annotated[
        tuple[str, ...], Meta(description="Patterns of files not to read in folders, by path or name.")
    ] = ()
    cache: Annotated[bool, Meta(description="Keep scan results, so that unchanged data is not scanned again.")] = True
    workers: Annotated[
        Positive | None, Meta(description="Worker processes; by default chosen by the size of the data.")
    ] = None
    engine: Annotated[
        Literal["local", "ray"], Meta(description="Where spans are scanned: on this machine, or on a Ray cluster.")
    ] = "local"
    ray_address: Annotated[
        str | None,
        Meta(description="Address of the Ray cluster; by default that of RAY_ADDRESS, else a new one here."),
    ] = None
    train: Annotated[
        Recipe | None, Meta(description="How a model is tuned: the options of `curator train`, as a table.")
    ] = None


class Config(Settings, frozen=True, kw_only=True):
    """Settings, the file they came from ("" for none) and the selection made on top of them.

    `map_given` says that the column map was given for this run: it is no longer the one of the file.
    """

    source: str = ""
    then: Selection = Selection()
    map_given: bool = False

    @property
    def root(self) -> Path:
        """The folder that paths and patterns are relative to."""
        return Path(self.source).parent if self.source else Path.cwd()

    @property
    def map_forced(self) -> bool:
        """Whether the column map also takes files in a known shape: one that was given for this run does."""
        return self.map_given or not self.source

    @property
    def crew(self) -> Crew:
        """Who does the work: so many processes, or the nodes of a cluster."""
        if self.engine == "local":
            return self.workers
        from curator.scan.cluster import Ray

        return Ray(self.ray_address)

    @property
    def pack_files(self) -> tuple[str, ...]:
        """The files of rules, as absolute paths."""
        return tuple(str((self.root / pack).resolve()) for pack in self.packs)

    @property
    def benchmark_files(self) -> tuple[str, ...] | None:
        """The files of test questions, as absolute paths; None where none is named."""
        return tuple(str((self.root / file).resolve()) for file in self.benchmarks) or None

    @property
    def embeddings_path(self) -> str | None:
        """The model that embeds texts, as an absolute path."""
        return str((self.root / self.embeddings).resolve()) if self.embeddings else None

    @property
    def facts_path(self) -> str | None:
        """The file of a run's facts, as an absolute path."""
        return str(facts_file(self.facts).resolve()) if self.facts else None

    @property
    def modelfile_path(self) -> str | None:
        """The Modelfile, as an absolute path."""
        return str(Path(self.modelfile).resolve()) if self.modelfile else None

    @property
    def counter(self) -> str | None:
        """The name of the tokenizer that counts: the one that is named, else the model's."""
        return self.tokenizer or (templates.tokenizer_of(self.model) if self.model else None)

    @property
    def foreign_template(self) -> str:
        """The name of a chat template that is named alone, without the tokenizer of its model; "" for none."""
        alone = self.template and not self.model and not self.counter
        return templates.load(templates.spec_of(self.template, None)).name if alone else ""

    @property
    def limit(self) -> int | None:
        """The context length: the one that is named, else the model's."""
        return self.max_length or (templates.context_of(self.model) if self.model else None) or None

    def excluded(self, file: str | Path) -> bool:
        """True for a file that is not to be read where it is found in a folder."""
        return any(matches_file(file, pattern, str(self.root.resolve())) for pattern in self.exclude)

    def plan(self) -> Plan:
        """What will run (`curator.config.planning.plan_of`). Raises ConfigError or UsageError."""
        from curator.config.planning import plan_of

        return plan_of(self)


def matches_file(file: str | Path, pattern: str, root: str) -> bool:
    """True where the pattern fits the file's path below the root, or its name; `*` crosses folders."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 (resolve would follow links)
    below = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return fnmatch(below, pattern) or fnmatch(path.name, pattern)


def shown_path(path: Path | None) -> str:
    """A path as short as can be: relative where it lies below the current folder."""
    if path is None:
        return ""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)

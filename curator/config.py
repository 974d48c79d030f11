"""Configuration: `curator.toml` or `[tool.curator]` in `pyproject.toml`, and the plan made from it.

A `Config` is what was asked for; a `Plan` is what will run: rule objects with their options and
severities, and a hash of all that findings depend on.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta

from curator import __version__, extras, plugins, targets, templates, tokens
from curator.errors import ConfigError, CuratorError, UsageError
from curator.model import SEVERITIES, NotRun, Severity
from curator.packs import load_file, rules_dir
from curator.recipe import Recipe
from curator.rowfacts import facts_file, read_facts
from curator.rule import RULES, DatasetRule, Rule, all_rules
from curator.scan.mappers import Crew
from curator.scan.recall import code_stamp
from curator.writing import write_whole

FailOn = Literal["info", "warning", "error", "never"]
Method = Literal["any", "preference", "lora", "full"]
Positive = Annotated[int, Meta(ge=1)]
Limit = (
    Annotated[int, Meta(ge=0)]
    | Annotated[str, Meta(pattern=r"^(\d{1,2}(\.\d+)?|100(\.0+)?)%$", title='a share such as "2%"')]
)

# Options that a key of the configuration sets, for every rule that has an option of that name.
_SHARED = {"max_tokens": "max_length"} | {
    name: name for name in ("template", "modelfile", "benchmarks", "method", "embeddings", "facts")
}

# What a rule may need (Rule.needs) beside its options, and how a user supplies it.
_UNLOCK = {
    "max_length": ("no context length is named", "--max-length N"),
    "modelfile": ("no Modelfile is named", "--modelfile FILE"),
    "ollama": ("no Modelfile and chat template are named", "--modelfile FILE with --model or --template"),
    "model": ("no model is named", "name a model: --model FOLDER"),
    "target": ("no target is named", "--target openai"),
    "embeddings": ("no model that embeds texts is named", "--embeddings FOLDER"),
    "method": ("no training method is named", "--method lora"),
    "facts": ("no training run is named", "--facts RUN, a run of curator train"),
    "template": ("no chat template is named", "name a model or template: --model, --template"),
}
_OPTION = re.compile(r"--[a-z-]+")
_RENDERED = ("model", "template")  # needs that only a chat template meets


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
    map: Annotated[dict[str, str], Meta(description="What the columns of rows in no known shape mean.")] = {}
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
    fail_on: Annotated[FailOn | None, Meta(description="The severity from which findings make the exit status 1.")] = (
        None
    )
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
    """Settings, the file they came from ("" for none) and the selection made on top of them."""

    source: str = ""
    then: Selection = Selection()

    @property
    def root(self) -> Path:
        """The folder that paths and patterns are relative to."""
        return Path(self.source).parent if self.source else Path.cwd()

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
    def limit(self) -> int | None:
        """The context length: the one that is named, else the model's."""
        return self.max_length or (templates.context_of(self.model) if self.model else None) or None

    def excluded(self, file: str | Path) -> bool:
        """True for a file that is not to be read where it is found in a folder."""
        return any(_matches(file, pattern, str(self.root.resolve())) for pattern in self.exclude)

    def plan(self) -> Plan:
        """What will run.

        Raises:
            ConfigError: the configuration file names an unknown rule or option, or a bad value.
            UsageError: the same, said elsewhere than in a file.
        """
        profile = _profile(self)
        rules = load_rules(self.pack_files)
        target = _target(self)
        severities = _severities(self, rules, target)
        chosen = _chosen(self, profile, rules, severities)
        told = _told_by_target(self, chosen, target, rules) | _told_by_modelfile(self)
        chosen = [code for code in chosen if code not in told]
        spec = templates.spec_of(self.template, self.model)
        given = {"max_length": self.limit, "model": spec and self.model, "target": self.target, "template": spec}
        given |= {"method": self.method, "modelfile": self.modelfile_path, "facts": self.facts_path}
        given["embeddings"] = self.embeddings_path
        given["ollama"] = self.modelfile_path and spec
        missing = [code for code in chosen if rules[code].needs and not given.get(rules[code].needs)]
        without = [code for code in chosen if rules[code].extra and extras.missing(rules[code].extra)]
        options = _options(self, rules, target, spec)
        for file in self.benchmark_files or ():
            if not Path(file).is_file():
                raise _error(self, "benchmarks", f"no such file: {file}", "name a file of test questions")
        if "SPT007" in chosen:
            told |= _unread_questions(self)
        if self.embeddings_path and not Path(self.embeddings_path).exists():
            raise _error(self, "embeddings", f"no such model: {self.embeddings_path}", "name a folder, or word vectors")
        if self.facts_path:
            read_facts(self.facts_path)
        told |= _told_by_template(spec, chosen, rules)
        built = {code: _build(self, rules[code], options.get(code, {})) for code in {*chosen, *options}}
        plan = Plan(
            rules=tuple(built[code] for code in chosen if code not in missing and code not in without),
            severities={code: severities[code] for code in chosen},  # type: ignore[misc]
            fail_on=self.fail_on or profile.fail_on or "error",
            shape=self.shape,
            columns=dict(self.map),
            tokenizer=self.counter,
            max_length=self.limit,
            template=spec,
            limits={_one_rule(self, "limits", name, rules): allowed for name, allowed in self.limits.items()},
            ignores=_ignores(self, rules),
            root=str(self.root.resolve()),
            packs=self.pack_files,
            not_run=(
                *_not_run(missing, rules, self),
                *_not_installed(without, rules),
                *told.values(),
                *plugins.not_run(),
            ),
            target=target,
            costly=_costly(self, profile, rules, chosen),
        )
        plan = msgspec.structs.replace(plan, hash=_hash(plan))
        return plan.without_costly("the configuration says thorough = false") if self.thorough is False else plan


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What runs: `rules` in order of code, and everything else that findings depend on.

    `template` is the spec of the chat template, "" for none. `hash` (32 hex digits) covers the rules with
    their options and severities, the packs, shape, columns, tokenizer, context length, target and the text of
    the template, and the version of curator; not the files a rule is ignored in.
    `costly` are the codes that a large set goes without. A plan can be pickled.
    """

    rules: tuple[Rule, ...]
    severities: dict[str, Severity]
    fail_on: FailOn = "error"
    shape: str | None = None
    columns: dict[str, str] = {}
    tokenizer: str | None = None
    max_length: int | None = None
    template: str = ""
    limits: dict[str, int | str] = {}
    ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    root: str = ""
    packs: tuple[str, ...] = ()
    not_run: tuple[NotRun, ...] = ()
    target: targets.Profile | None = None
    costly: frozenset[str] = frozenset()
    hash: str = ""

    def ignored(self, file: str | Path) -> frozenset[str]:
        """The codes that per-file-ignores turns off for the file."""
        patterns = [codes for pattern, codes in self.ignores if _matches(file, pattern, self.root)]
        return frozenset(code for codes in patterns for code in codes)

    def finds(self, code: str, file: str | Path) -> bool:
        """Whether findings of the rule in the file are told."""
        return any(rule.code == code for rule in self.rules) and code not in self.ignored(file)

    def of_one_split(self) -> Plan:
        """The plan without the rules that compare splits, for a set that has only one."""
        rules = tuple(rule for rule in self.rules if not getattr(rule, "between_splits", False))
        return self._with(rules=rules)

    def without_costly(self, reason: str) -> Plan:
        """The plan without its costly rules, which the report names with the reason."""
        left_out = tuple(rule.code for rule in self.rules if rule.code in self.costly)
        if not left_out:
            return self
        rules = tuple(rule for rule in self.rules if rule.code not in self.costly)
        not_run = (*self.not_run, NotRun(left_out, reason, "--thorough, or --select them"))
        return self._with(rules=rules, not_run=not_run, costly=frozenset())

    def _with(self, **changes: Any) -> Plan:
        changed = msgspec.structs.replace(self, **changes)
        return msgspec.structs.replace(changed, hash=_hash(changed))

    def __reduce__(self) -> tuple[Any, ...]:
        """Rules travel as codes and options: the classes of rules that are data cannot be imported."""
        state = {name: getattr(self, name) for name in self.__struct_fields__ if name != "rules"}
        return _revive, ([(rule.code, msgspec.structs.asdict(rule)) for rule in self.rules], state)


def _revive(rules: list[tuple[str, dict[str, Any]]], state: dict[str, Any]) -> Plan:
    known = load_rules(state["packs"])
    return Plan(rules=tuple(known[code](**options) for code, options in rules), **state)


# ---------------------------------------------------------------------- reading files


def load_config(start: Path, explicit: Path | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """The configuration for data at `start`, with `overrides` (field name to value; None is "not given").

    `explicit` names the file; without it the nearest `curator.toml`, or `pyproject.toml` with a
    `[tool.curator]` table, is taken from the folder of `start` upwards, not above the home folder.
    Paths in the file are relative to it. A `select`, `extend_select` or `ignore` in the overrides is
    applied after that of the file, and `rules` on top of all that is said of their options.

    Raises:
        ConfigError: the file cannot be read, or holds an unknown key or a value of the wrong type.
        UsageError: an override has the wrong type.
    """
    source = _existing(explicit) if explicit else find_config(start)
    table = read_table(source) if source else {}
    settings = _settings(table, _shown_path(source), ConfigError)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    on_top = _settings(given, "", UsageError)
    selected = {"select", "extend_select", "ignore", "rules"}
    changed = {key.replace("-", "_") for key in given} - selected
    if "profile" in changed:
        _profile(Config(profile=on_top.profile))  # a wrong name is not to be blamed on the file
    values = {**msgspec.structs.asdict(settings), **{key: getattr(on_top, key) for key in changed}}
    for key in ("tokenizer", "model", "template", "modelfile", "facts"):
        if source and (named := getattr(settings, key)) and key not in changed:
            beside = source.parent / named
            values[key] = _shown_path(beside) if beside.exists() else named
    if source and settings.target and targets.is_file(settings.target) and "target" not in changed:
        values["target"] = _shown_path(source.parent / settings.target)
    then = Selection(on_top.select, on_top.extend_select, on_top.ignore, on_top.rules)
    return Config(**values, source=str(source or ""), then=then)


def find_config(start: Path) -> Path | None:
    """The nearest configuration file from `start` upwards, or None."""
    start = Path(os.path.realpath(start))  # of a link to itself, the link
    folder = start if start.is_dir() else start.parent
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (Path.home raises where there is none)
    for place in (folder, *folder.parents):
        if (file := place / "curator.toml").is_file():
            return file
        file = place / "pyproject.toml"
        if file.is_file() and b"curator" in file.read_bytes() and "curator" in _tools(file):
            return file
        if place == home:
            break
    return None


def read_table(file: Path) -> dict[str, Any]:
    """The settings in a configuration file, as its TOML says them.

    Raises:
        ConfigError: the file cannot be read or is not TOML, or its `[tool.curator]` is no table.
    """
    found = _tools(file).get("curator", {}) if file.name == "pyproject.toml" else _toml(file)
    if not isinstance(found, dict):
        raise ConfigError("tool.curator must be a table", where=str(file), hint="write [tool.curator]")
    return found


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise ConfigError("no such configuration file", where=str(file), hint="check the path given to --config")
    return file.resolve()


def _tools(file: Path) -> dict[str, Any]:
    tools = _toml(file).get("tool", {})
    return tools if isinstance(tools, dict) else {}


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8 (byte {error.start})", where=str(file), hint="save the file as UTF-8"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"is not TOML: {error}", where=str(file)) from None


@cache
def _keys(table: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    """What a table of a configuration file may say, by key."""
    return {field.encode_name: field for field in msgspec.structs.fields(table)}


def _settings(table: Mapping[str, Any], where: str, kind: type[CuratorError]) -> Settings:
    """A table as settings; every key is checked by itself, so that the error can name it."""
    return Settings(**_values(table, Settings, "", where, kind))


def _values(
    table: Mapping[str, Any], wanted: type[msgspec.Struct], under: str, where: str, kind: type[CuratorError]
) -> dict[str, Any]:
    fields = _keys(wanted)
    values: dict[str, Any] = {}
    for written, value in table.items():
        key = written.replace("_", "-")
        if key not in fields:
            raise kind(
                f"unknown key {under + written!r}",
                where=where,
                hint=_hint(key, fields, f"the keys are {', '.join(fields)}"),
            )
        if (name := fields[key].name) in values:
            raise kind(f"{key!r} is given twice, with hyphen and underscore", where=where)
        values[name] = _convert(value, fields[key].type, under + key, where, kind)
    return values


def recipe(given: Mapping[str, Any], base: Recipe | None) -> Recipe:
    """The options of a run: those `given` on top of those of the configuration. Raises UsageError for a bad value."""
    values = _values({key: value for key, value in given.items() if value is not None}, Recipe, "", "", UsageError)
    return msgspec.structs.replace(base or Recipe(), **values)


# ---------------------------------------------------------------------- values and their errors


def _convert(value: Any, wanted: Any, key: str, where: str, kind: type[CuratorError]) -> Any:
    """The value as the wanted type; tables and lists entry by entry, so that the error can name the entry."""
    inner = _without_none(wanted)
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, dict):
        return inner(**_values(value, inner, f"{key}.", where, kind))
    if get_origin(inner) is dict and isinstance(value, dict):
        entry = get_args(inner)[1]
        return {name: _convert(item, entry, f"{key}.{name}", where, kind) for name, item in value.items()}
    if get_origin(inner) is tuple and isinstance(value, list):
        entry = get_args(inner)[0]
        return tuple(_convert(item, entry, f"{key}[{i}]", where, kind) for i, item in enumerate(value))
    try:
        if wanted is not Any and isinstance(value, float) and not math.isfinite(value):
            raise msgspec.ValidationError("no finite number")
        return msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        says = f"{key}: expected {expected(wanted)}, got {_shown(value)}"
        choices = _choices(wanted)
        near = nearest(value, choices) if isinstance(value, str) else None
        hint = f"did you mean {near!r}?" if near else ""
        if get_origin(inner) is tuple and isinstance(value, str):
            hint = 'a list is written ["one", "two"]'
        raise kind(says, where=where, hint=hint) from None


def _without_none(wanted: Any) -> Any:
    """The type without Annotated and without `| None`."""
    if get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    parts = [part for part in get_args(wanted) if part is not type(None)]
    return parts[0] if get_origin(wanted) in (Union, UnionType) and len(parts) == 1 else wanted


def expected(wanted: Any) -> str:
    """A type in words, with its limits: "a whole number of at least 1"."""
    from msgspec import inspect

    if choices := _choices(wanted):
        return f"one of {', '.join(choices)}"
    return _words(inspect.type_info(wanted))


def _choices(wanted: Any) -> tuple[str, ...]:
    inner = _without_none(wanted)
    return tuple(map(str, get_args(inner))) if get_origin(inner) is Literal else ()


def _words(kind: Any) -> str:
    from msgspec import inspect as i

    match kind:
        case i.Metadata():
            return (kind.extra_json_schema or {}).get("title") or _words(kind.type)
        case i.UnionType():
            return " or ".join(_words(part) for part in kind.types if not isinstance(part, i.NoneType))
        case i.IntType() | i.FloatType():
            noun = "a whole number" if isinstance(kind, i.IntType) else "a number"
            limits = [
                (kind.ge, "at least"),
                (kind.gt, "more than"),
                (kind.le, "at most"),
                (kind.lt, "less than"),
            ]
            said = " and ".join(f"{words} {limit}" for limit, words in limits if limit is not None)
            return f"{noun} of {said}" if said else noun
        case i.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case i.StrType():
            noun = f"text that matches {kind.pattern}" if kind.pattern else "text"
            return f"{noun} of at least {kind.min_length} characters" if kind.min_length else noun
        case i.BoolType():
            return "true or false"
        case i.DictType() | i.StructType():
            return "a table"
        case i.VarTupleType() | i.ListType() | i.SetType() | i.FrozenSetType():
            noun = "a list of " + _words(kind.item_type).removeprefix("a ").removeprefix("an ")
            return f"{noun}, at least {kind.min_length} of them" if kind.min_length else noun
        case _:
            return type(kind).__name__.removesuffix("Type").lower()


def _shown(value: Any) -> str:
    """A value with the name TOML gives its type."""
    names = {
        bool: "",
        int: "the number ",
        float: "the number ",
        str: "the text ",
        list: "the list ",
        dict: "the table ",
    }
    text = json.dumps(value, ensure_ascii=False, default=str)
    return names.get(type(value), "") + (text if len(text) < 60 else text[:56] + " ...")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is most like the word, or None where none is near."""
    from rapidfuzz import fuzz, process

    by_fold = {name.lower().replace("_", "-"): name for name in known}
    found = process.extractOne(word.lower().replace("_", "-"), list(by_fold), scorer=fuzz.ratio, score_cutoff=60)
    return by_fold[found[0]] if found else None


def _hint(word: str, known: Iterable[str], else_: str) -> str:
    near = nearest(word, known)
    return f"did you mean {near!r}?" if near else else_


# ---------------------------------------------------------------------- rules and selectors


class Match(NamedTuple):
    """The codes a selector stands for; the higher the rank, the more specific the selector."""

    codes: frozenset[str]
    rank: int


EXACT = 1000  # the rank of a code or name, above that of every prefix


def load_rules(packs: Sequence[str] = ()) -> dict[str, type[Rule]]:
    """Every rule by code, in order of code: the shipped ones and those of the named files of rules.

    The latter stay registered until the next call, so that reports find them, and no longer.
    """
    for code in _of_packs:
        RULES.pop(code, None)
    _of_packs.clear()
    all_rules()  # plugins before the user's files, so that a code taken twice is the file's fault
    for pack in packs:
        _of_packs.update(load_file(Path(pack)))
    return all_rules()


_of_packs: set[str] = set()  # codes from files of rules that are registered now


def match(selector: str, rules: Mapping[str, type[Rule]]) -> Match | None:
    """What a selector stands for: a code, a rule's name, the start of codes (`ANS`, `ANS01`) or `ALL`."""
    upper = selector.upper()
    if upper == "ALL":
        return Match(frozenset(rules), 0)
    exact = frozenset(code for code, rule in rules.items() if upper == code or selector.lower() == rule.slug())
    if exact:
        return Match(exact, EXACT)
    codes = frozenset(code for code in rules if code.startswith(upper) and upper.startswith(family(code)))
    return Match(codes, len(upper)) if codes else None


def family(code: str) -> str:
    """The letters of a code: "ANS" of ANS005."""
    return code.rstrip("0123456789")


def unknown_rule(word: str, rules: Mapping[str, type[Rule]]) -> UsageError:
    """The error for a word that stands for no rule, with the nearest code or name."""
    return UsageError(f"no rule {word!r}", hint=_rule_hint(word, rules))


def _rule_hint(word: str, rules: Mapping[str, type[Rule]]) -> str:
    known = [*rules, *(rule.slug() for rule in rules.values()), *dict.fromkeys(map(family, rules)), "ALL"]
    return "; ".join([_hint(word, known, "`curator rules` lists them"), *plugins.warnings()])


def _error(config: Config, key: str, what: str, hint: str = "") -> CuratorError:
    """An error in the value of a key of the configuration file, or of an option where there is no file."""
    if config.source:
        return ConfigError(f"{key}: {what}", where=_shown_path(Path(config.source)), hint=hint)
    return UsageError(f"{key}: {what}", hint=hint)


T = TypeVar("T")


def _best(config: Config, entries: Iterable[tuple[str, str, T]], rules: Mapping[str, type[Rule]]) -> dict[str, T]:
    """Values by code from (key, selector, value): the most specific selector wins, of equals the last."""
    found: dict[str, tuple[int, T]] = {}
    for key, selector, value in entries:
        if not (matched := match(selector, rules)):
            raise _error(config, key, f"no rule {selector!r}", _rule_hint(selector, rules))
        for code in matched.codes:
            if code not in found or matched.rank >= found[code][0]:
                found[code] = (matched.rank, value)
    return {code: value for code, (_, value) in found.items()}


def _one_rule(config: Config, key: str, name: str, rules: Mapping[str, type[Rule]]) -> str:
    """The code of the one rule named by code or name."""
    matched = match(name, rules)
    if not matched or matched.rank < EXACT:
        what = f"{name!r} is a family, not a rule" if matched else f"no rule {name!r}"
        raise _error(config, key, what, _rule_hint(name, rules) if not matched else "name one code")
    return next(iter(matched.codes))


def _target(config: Config) -> targets.Profile | None:
    """The profile of the target. Raises UsageError or ConfigError where there is none."""
    if not config.target:
        return None
    try:
        return targets.load(config.target)
    except UsageError as fault:
        raise _error(config, "target", fault.what, fault.hint) from None


def _told_by_target(
    config: Config, chosen: Sequence[str], target: targets.Profile | None, rules: Mapping[str, type[Rule]]
) -> dict[str, NotRun]:
    """LEN001 where a rule on targets says the same: at the limit of a service, or of a trainer that drops rows."""
    named = (*config.rules, *config.then.options)
    given = config.max_length is not None or any(_one_rule(config, "rules", name, rules) == "LEN001" for name in named)
    if target is None or target.tokens is None or given or "LEN001" not in chosen:
        return {}
    by = "TGT010" if target.tokens.over == "dropped" else "TGT003" if target.kind == "service" else ""
    if by not in chosen:
        return {}
    return {"LEN001": NotRun(("LEN001",), f"{by} judges length by the limit of the target", "--max-length N")}


def _told_by_modelfile(config: Config) -> dict[str, NotRun]:
    """TPL017 where the Modelfile says no template, so that Ollama takes one that is not here to compare.

    Raises:
        SourceError: the Modelfile cannot be read.
        TemplateError: its template is no Go template.
    """
    if config.modelfile_path is None:
        return {}
    from curator.ollama.modelfile import read_modelfile
    from curator.ollama.prompt import OllamaTemplate

    said = read_modelfile(config.modelfile_path)
    if said.template is not None:
        OllamaTemplate(said.template)
        return {}
    lacking = f"the Modelfile has no TEMPLATE: Ollama takes that of {said.base}"
    return {"TPL017": NotRun(("TPL017",), lacking, f"write it out: ollama show --modelfile {said.base}")}


def _severities(config: Config, rules: Mapping[str, type[Rule]], target: targets.Profile | None) -> dict[str, str]:
    """The severity of every rule; "off" where the configuration says so.

    A key nobody reads is a warning where the target refuses such keys; a row over the context an error where
    the model or target is known.
    """
    own = {code: rule.severity for code, rule in rules.items()}
    if target is not None and any(keys.message or keys.allowed for keys in target.keys):
        own["SCH007"] = "warning"
    if config.model or target is not None:
        own["LEN001"] = "error"
    said = _best(config, (("severity", name, value) for name, value in config.severity.items()), rules)
    return {code: said.get(code, severity) for code, severity in own.items()}


def _chosen(
    config: Config, profile: Settings, rules: Mapping[str, type[Rule]], severities: Mapping[str, str]
) -> list[str]:
    """The codes to run: the profile's, then those of the file, then those on top.

    Rules in preview and rules below `level` come only with their full code or name.
    """
    chosen: set[str] = set()
    named: set[str] = set()
    own = Selection(config.select, config.extend_select, config.ignore)
    elsewhere = msgspec.structs.replace(config, source="")
    for layer, origin in ((Selection(profile.select), elsewhere), (own, config), (config.then, elsewhere)):
        wanted = (*(layer.select or ()), *layer.extend)
        entries = [("select", name, True) for name in wanted] + [("ignore", name, False) for name in layer.ignore]
        verdicts = _best(origin, entries, rules)
        chosen = chosen if layer.select is None else set()
        chosen = {code for code in rules if verdicts.get(code, code in chosen)}
        exact = [match(name, rules) for name in wanted]
        named |= {code for found in exact if found and found.rank == EXACT for code in found.codes}
    preview = config.preview if config.preview is not None else profile.preview
    level = config.level or profile.level or "info"
    low = SEVERITIES[: SEVERITIES.index(level)]
    gated = {code for code in chosen if (rules[code].preview and not preview) or severities[code] in low}
    return sorted(code for code in chosen - (gated - named) if severities[code] != "off")


def _costly(
    config: Config, profile: Settings, rules: Mapping[str, type[Rule]], chosen: Sequence[str]
) -> frozenset[str]:
    """The chosen rules that a large set goes without: those that cost, and that nobody asked for."""
    if config.thorough or (config.thorough is None and profile.thorough):
        return frozenset()
    named = (*(config.select or ()), *config.extend_select, *(config.then.select or ()), *config.then.extend)
    asked = {code for name in named if (found := match(name, rules)) for code in found.codes}
    return frozenset(code for code in chosen if rules[code].costly and code not in asked)


def _ignores(config: Config, rules: Mapping[str, type[Rule]]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = []
    for pattern, selectors in config.per_file_ignores.items():
        entries = [("per-file-ignores", selector, True) for selector in selectors]
        found.append((pattern, tuple(sorted(_best(config, entries, rules)))))
    return tuple(found)


def _matches(file: str | Path, pattern: str, root: str) -> bool:
    """True where the pattern fits the file's path below the root, or its name; `*` crosses folders."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 (resolve would follow links)
    below = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return fnmatch(below, pattern) or fnmatch(path.name, pattern)


def _options(
    config: Config, rules: Mapping[str, type[Rule]], target: targets.Profile | None, template: str
) -> dict[str, dict[str, Any]]:
    """Options by code, as they are written. Keys go before the rules' own tables, and those before the target.

    What is said on top of the configuration (`--set`) goes before all of them.
    """
    found: dict[str, dict[str, Any]] = {}
    on_top = _on_top(config, rules)
    for name, options in config.rules.items():
        code = _one_rule(config, "rules", name, rules)
        if code in found:
            raise _error(config, "rules", f"{code} is given twice, by code and by name")
        found[code] = options
    given: dict[str, Any] = {"max_length": config.max_length, "template": template}
    given |= {"benchmarks": config.benchmark_files, "method": config.method, "modelfile": config.modelfile_path}
    given |= {"embeddings": config.embeddings_path, "facts": config.facts_path}
    shared = {option: given[key] for option, key in _SHARED.items() if given[key]}
    for code, rule in rules.items():
        if named := shared.keys() & set(rule.__struct_fields__):
            found[code] = {**found.get(code, {}), **{option: shared[option] for option in named}}
    for code, defaults in _by_target(config, rules, target).items():
        said = found.get(code, {})
        if code != "LEN001" or not {"max_tokens", "max-tokens"} & {*said, *on_top.get(code, {})}:
            found[code] = defaults | said
    if config.limit:  # the model's context, where nothing else says a length
        for code in ("LEN001", "LEN002", "LEN006"):
            if code in rules:
                found[code] = {"max_tokens": config.limit} | found.get(code, {})
    for code, options in on_top.items():
        kept = {key.replace("-", "_"): value for key, value in found.get(code, {}).items()}
        found[code] = kept | options
    return found


def _on_top(config: Config, rules: Mapping[str, type[Rule]]) -> dict[str, dict[str, Any]]:
    """The options given on top of the configuration, by code and by the rule's own names for them, checked."""
    elsewhere = msgspec.structs.replace(config, source="")
    found: dict[str, dict[str, Any]] = {}
    for name, options in config.then.options.items():
        code = _one_rule(elsewhere, "--set", name, rules)
        found.setdefault(code, {}).update(_checked(rules[code], options, f"--set {code}", "", UsageError, _read))
    return found


def _read(text: Any, wanted: Any) -> Any:
    """A value as it is meant: a string as what TOML reads in it, where the option takes other than text."""
    if not isinstance(text, str) or _without_none(wanted) is str or _choices(wanted):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _by_target(
    config: Config, rules: Mapping[str, type[Rule]], target: targets.Profile | None
) -> dict[str, dict[str, Any]]:
    """Options that the target sets, where nothing else does: the profile itself, its limit, its byte order mark."""
    if target is None:
        return {}
    name = str(Path(str(config.target)).resolve()) if targets.is_file(str(config.target)) else config.target
    found: dict[str, dict[str, Any]] = {
        code: {"target": name} for code, rule in rules.items() if rule.needs == "target"
    }
    if target.tokens is not None:
        found["LEN001"] = {"target": name, "context": config.limit or 0}
    if target.file.bom == "demanded":
        found["FIL003"] = {"demanded": True}
    return {code: options for code, options in found.items() if code in rules}


def _build(config: Config, rule: type[Rule], options: Mapping[str, Any]) -> Rule:
    """The rule with its options, each checked against its type and limits."""
    where = _shown_path(Path(config.source)) if config.source else ""
    kind = ConfigError if config.source else UsageError
    try:
        return rule(**_checked(rule, options, f"rules.{rule.code}", where, kind))
    except (TypeError, ValueError) as error:
        raise kind(f"rules.{rule.code}: {error}", where=where) from None


def _checked(
    rule: type[Rule],
    options: Mapping[str, Any],
    key: str,
    where: str,
    kind: type[CuratorError],
    read: Callable[[Any, Any], Any] = lambda value, _: value,
) -> dict[str, Any]:
    """The options of a rule by its own names for them, each of its type and within its limits."""
    if not options:
        return {}
    fields = {field.name.replace("_", "-"): field for field in msgspec.structs.fields(rule)}
    values: dict[str, Any] = {}
    for written, value in options.items():
        name = written.replace("_", "-")
        if name not in fields:
            none = f"{rule.code} {rule.slug()} has no options"
            hint = _hint(name, fields, f"its options are {', '.join(fields)}" if fields else none)
            raise kind(f"{key}: no option {written!r}", where=where, hint=hint)
        wanted = fields[name].type
        values[fields[name].name] = _convert(read(value, wanted), wanted, f"{key}.{name}", where, kind)
    return values


def _not_run(codes: Sequence[str], rules: Mapping[str, type[Rule]], config: Config) -> tuple[NotRun, ...]:
    """The rules that lack something, by what they lack; a model that is named lacks its chat template.

    The options that are named as missing are those that were not given.
    """
    model = config.model
    given = {"--template"} if config.template or model else set()
    given |= {"--model"} if model else set()
    given |= {"--modelfile"} if config.modelfile else set()
    bare = (f"no chat template in {model}", "name one as well: --template chatml")
    said = {code: bare if model and rules[code].needs in _RENDERED else unlock(rules[code].needs) for code in codes}
    return tuple(
        NotRun(
            tuple(code for code in codes if said[code] == why),
            *why,
            options=() if why == bare else _still(why[1], given),
        )
        for why in dict.fromkeys(said.values())
    )


def _still(unlocked_by: str, given: Set[str]) -> tuple[str, ...]:
    """The options that an unlocking text names and that are not given; of `--model or --template` one is enough."""
    named = _OPTION.findall(unlocked_by)
    if "--template" in named and "--template" in given:
        given = {*given, "--model"}
    return tuple(option for option in named if option not in given)


def _not_installed(codes: Sequence[str], rules: Mapping[str, type[Rule]]) -> tuple[NotRun, ...]:
    """The rules whose packages are missing, by the extra that brings them."""
    return tuple(
        NotRun(
            tuple(code for code in codes if rules[code].extra == extra),
            f"{' and '.join(extras.missing(extra))} not installed",
            f'pip install "finetune-curator[{extra}]"',
        )
        for extra in dict.fromkeys(rules[code].extra for code in codes)
    )


def _told_by_template(spec: str, chosen: Sequence[str], rules: Mapping[str, type[Rule]]) -> dict[str, NotRun]:
    """What an abridged template cannot tell, where no rule that runs sees the whole set and counts those rows."""
    judging = [code for code in chosen if rules[code].needs == "template"]
    if not spec or not judging or any(issubclass(rules[code], DatasetRule) for code in judging):
        return {}
    template = templates.load(spec)
    return {template.name: template.beyond(judging, "rows with tools are")} if template.abridged else {}


def _unread_questions(config: Config) -> dict[str, NotRun]:
    """What of the user's files of questions cannot be looked for, by file."""
    if not config.benchmark_files:
        return {}
    from curator import benchmarks

    found: dict[str, NotRun] = {}
    for file in config.benchmark_files:
        lines, first, of = benchmarks.unread(Path(file))
        if lines == of:
            hint = 'write a question a line: {"question": "…"}, or rows of any shape that curator reads'
            raise _error(config, "benchmarks", f"no line of {file} holds a question of four words or more", hint)
        if lines:
            which = f"{lines:,} of {of:,} lines hold no question of four words or more, the first is {first}"
            reason = f"{Path(file).name}: {which}"
            found[file] = NotRun(("SPT007",), reason, "put what is asked under question, prompt or messages")
    return found


def unlock(need: str) -> tuple[str, str]:
    """What a rule lacks that needs this, and how a user supplies it."""
    said = need.replace("_", " ").replace("-", " ")
    return _UNLOCK.get(need, (f"no {said} is named", f"name a {said}"))


def profiles() -> dict[str, Path]:
    """The profiles that ship with curator, by name."""
    return {file.stem: file for file in sorted((rules_dir() / "profiles").glob("*.toml"))}


def _profile(config: Config) -> Settings:
    known = profiles()
    if config.profile not in known:
        hint = _hint(config.profile, known, f"the profiles are {', '.join(known)}")
        raise _error(config, "profile", f"no profile {config.profile!r}", hint)
    file = known[config.profile]
    return _settings(_toml(file), str(file), ConfigError)


def _hash(plan: Plan) -> str:
    """BLAKE2b-128 of what findings depend on, in canonical JSON, and of curator's version."""
    named = (file for rule in plan.rules for file in rule.files())
    packs = [*sorted(rules_dir().glob("*.toml")), *map(Path, (*plan.packs, *named))]
    body = {
        "curator": (__version__, code_stamp()),
        "rules": {rule.code: msgspec.structs.asdict(rule) for rule in plan.rules},
        "packs": [hashlib.blake2b(file.read_bytes()).hexdigest() for file in packs],
        "severities": plan.severities,
        "shape": plan.shape,
        "columns": list(plan.columns.items()),  # their order is the order of the turns
        "tokenizer": tokens.backend(plan.tokenizer),
        "extras": extras.stamp(),
        "max_length": plan.max_length,
        "template": templates.stamp(plan.template) if plan.template else "",
        "target": plan.target.digest() if plan.target else None,
    }
    return hashlib.blake2b(msgspec.json.encode(body, order="deterministic"), digest_size=16).hexdigest()


def _shown_path(path: Path | None) -> str:
    """A path as short as can be: relative where it lies below the current folder."""
    if path is None:
        return ""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


# ---------------------------------------------------------------------- writing the column map

_HEADER = re.compile(r"^\s*\[", re.MULTILINE)


def map_file(config: Config, start: Path) -> Path:
    """Where a column map for data at `start` belongs: the file in use, else a new one here or by the data."""
    if config.source:
        return Path(config.source)
    folder = start if start.is_dir() else start.parent
    here = Path.cwd()
    return (here if folder.resolve().is_relative_to(here) else folder) / "curator.toml"


def save_map(path: Path, columns: Mapping[str, str]) -> bool:
    """Write the column map into a configuration file, new or existing; the rest of its text stays as it is.

    False where the file says the same already.

    Raises:
        ConfigError: the map is written in the file in a way that cannot be replaced line by line.
        WriteError: the file cannot be written.
    """
    if path.exists() and read_table(path).get("map") == columns:
        return False
    text = path.read_bytes().decode("utf-8") if path.exists() else ""
    name = "tool.curator.map" if path.name == "pyproject.toml" else "map"
    table = "".join(f"{_key(column)} = {_key(role, quoted=True)}\n" for column, role in columns.items())
    new = _with_table(text, name, table.replace("\n", "\r\n" if "\r\n" in text else "\n"))
    if not _same_but_for_map(text, new, name, dict(columns)):
        hint = f"write it there by hand:\n[{name}]\n{table}"
        raise ConfigError("cannot replace the column map in this file", where=_shown_path(path), hint=hint)
    write_whole(path, new.encode())
    return True


def _with_table(text: str, name: str, body: str) -> str:
    """The text with the entries of the table [name] replaced, or with the table at its end."""
    end = "\r\n" if "\r\n" in text else "\n"
    header = re.compile(rf"^[ \t]*\[[ \t]*{re.escape(name)}[ \t]*\][^\n]*\n?", re.MULTILINE)
    found = header.search(text)
    if not found:
        head = text if not text or text.endswith("\n") else text + end
        return f"{head}{end if head else ''}[{name}]{end}{body}"
    following = _HEADER.search(text, found.end())
    stop = following.start() if following else len(text)
    kept = [line for line in text[found.end() : stop].splitlines(keepends=True) if not _is_entry(line)]
    start = text[: found.end()] if text[found.end() - 1] == "\n" else text[: found.end()] + end
    return start + body + "".join(kept) + text[stop:]


def _is_entry(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _key(word: str, quoted: bool = False) -> str:
    """A word as a TOML key or string."""
    if not quoted and re.fullmatch(r"[A-Za-z0-9_-]+", word):
        return word
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f")


def _same_but_for_map(old: str, new: str, name: str, columns: dict[str, str]) -> bool:
    """True where the new text says what the old one says, with the map replaced."""
    try:
        before, after = tomllib.loads(old.removeprefix("\ufeff")), tomllib.loads(new.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        return False
    table = before
    for part in name.split(".")[:-1]:
        table = table.setdefault(part, {})
    table["map"] = columns
    return before == after

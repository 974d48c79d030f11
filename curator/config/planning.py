"""The plan: what will run, and a hash of all that findings depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from curator import __version__, extras, plugins, targets, templates, tokens
from curator.config.reading import profile_of
from curator.config.rule_options import built_rule, options_by_code
from curator.config.selectors import EXACT, bad_value, by_code, load_rules, match, one_rule
from curator.config.settings import Config, FailOn, Selection, Settings, matches_file
from curator.config.waiting import (
    not_installed,
    told_by_modelfile,
    told_by_target,
    told_by_template,
    told_by_tokenizer,
    unread_questions,
    waiting_for,
)
from curator.errors import UsageError
from curator.model import SEVERITIES, NotRun, Severity
from curator.packs import rules_dir
from curator.rowfacts import read_facts
from curator.rule import Rule
from curator.scan.recall import code_stamp
from curator.text.encodings import json_of


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What runs: `rules` in order of code, and everything else that findings depend on.

    `template` is the spec of the chat template, "" for none, `foreign_template` its name where another tokenizer than
    its model's counts. `hash` (32 hex digits) covers the rules with
    their options and severities, the packs, shape, columns, tokenizer, context length, target and the text of
    the template, and the version of curator; not the files a rule is ignored in.
    `costly` are the codes that a large set goes without. A plan can be pickled.
    """

    rules: tuple[Rule, ...]
    severities: dict[str, Severity]
    fail_on: FailOn = "error"
    shape: str | None = None
    columns: dict[str, str] = {}
    map_forced: bool = False
    tokenizer: str | None = None
    max_length: int | None = None
    template: str = ""
    foreign_template: str = ""
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
        patterns = [codes for pattern, codes in self.ignores if matches_file(file, pattern, self.root)]
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

    def without_leaks(self, codes: Collection[str]) -> Plan:
        """The plan without leaks between splits that were allowed on purpose, which the report names."""
        left_out = tuple(rule.code for rule in self.rules if rule.code in codes)
        if not left_out:
            return self
        rules = tuple(rule for rule in self.rules if rule.code not in codes)
        told = NotRun(left_out, "such leaks were allowed on purpose, says split.json", "--select them")
        return self._with(rules=rules, not_run=(*self.not_run, told))

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


def plan_of(config: Config) -> Plan:
    """What will run.

    Raises:
        ConfigError: the configuration file names an unknown rule or option, or a bad value.
        UsageError: the same, said elsewhere than in a file.
    """
    profile = profile_of(config)
    rules = load_rules(config.pack_files)
    target = _target(config)
    severities = _severities(config, rules, target)
    chosen = _chosen(config, profile, rules, severities)
    told = told_by_target(config, chosen, target, rules) | told_by_modelfile(config)
    chosen = [code for code in chosen if code not in told]
    spec = templates.spec_of(config.template, config.model)
    given = {"max_length": config.limit, "model": spec and config.model, "target": config.target, "template": spec}
    given |= {"method": config.method, "modelfile": config.modelfile_path, "facts": config.facts_path}
    given["embeddings"] = config.embeddings_path
    given["ollama"] = config.modelfile_path and spec
    without = [code for code in chosen if rules[code].extra and extras.missing(rules[code].extra)]
    options = options_by_code(config, rules, target, spec)
    given_instead = {code for code, said in options.items() if said.get(rules[code].instead)}
    missing = [
        code for code in chosen if rules[code].needs and not given.get(rules[code].needs) and code not in given_instead
    ]
    for file in config.benchmark_files or ():
        if not Path(file).is_file():
            raise bad_value(config, "benchmarks", f"no such file: {file}", "name a file of test questions")
    if "SPT007" in chosen:
        told |= unread_questions(config)
    if config.embeddings_path and not Path(config.embeddings_path).exists():
        raise bad_value(
            config, "embeddings", f"no such model: {config.embeddings_path}", "name a folder, or word vectors"
        )
    if config.facts_path:
        read_facts(config.facts_path)
    told |= told_by_template(spec, chosen, rules) | told_by_tokenizer(
        config, [code for code in chosen if code not in missing]
    )
    built = {code: built_rule(config, rules[code], options.get(code, {})) for code in {*chosen, *options}}
    plan = Plan(
        rules=tuple(built[code] for code in chosen if code not in missing and code not in without),
        severities={code: severities[code] for code in chosen},  # type: ignore[misc]
        fail_on=config.fail_on or profile.fail_on or "error",
        shape=config.shape,
        columns=dict(config.map),
        map_forced=config.map_forced,
        tokenizer=config.counter,
        max_length=config.limit,
        template=spec,
        foreign_template=config.foreign_template,
        limits=_limits(config, rules),
        ignores=_ignores(config, rules),
        root=str(config.root.resolve()),
        packs=config.pack_files,
        not_run=(
            *waiting_for(missing, rules, config),
            *not_installed(without, rules),
            *told.values(),
            *plugins.not_run(),
        ),
        target=target,
        costly=_costly(config, profile, rules, chosen),
    )
    plan = msgspec.structs.replace(plan, hash=_hash(plan))
    return plan.without_costly("left out by --no-thorough or thorough = false") if config.thorough is False else plan


def _target(config: Config) -> targets.Profile | None:
    """The profile of the target. Raises UsageError or ConfigError where there is none."""
    if not config.target:
        return None
    try:
        return targets.load(config.target)
    except UsageError as fault:
        raise bad_value(config, "target", fault.what, fault.hint) from None


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
    _once(config, "severity", config.severity, rules)
    said = by_code(config, (("severity", name, value) for name, value in config.severity.items()), rules)
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
        verdicts = by_code(origin, entries, rules)
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
        found.append((pattern, tuple(sorted(by_code(config, entries, rules)))))
    return tuple(found)


def _limits(config: Config, rules: Mapping[str, type[Rule]]) -> dict[str, int | str]:
    _once(config, "limits", config.limits, rules)
    return {one_rule(config, "limits", name, rules): allowed for name, allowed in config.limits.items()}


def _once(config: Config, key: str, names: Iterable[str], rules: Mapping[str, type[Rule]]) -> None:
    """Raises where two names of a table are one rule: by code and by name."""
    found = [match(name, rules) for name in names]
    exact = [code for item in found if item and item.rank == EXACT for code in item.codes]
    for code in exact:
        if exact.count(code) > 1:
            raise bad_value(config, key, f"{code} is given twice, by code and by name")


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
        "map_forced": bool(plan.columns) and plan.map_forced,
        "tokenizer": tokens.backend(plan.tokenizer),
        "extras": extras.stamp(),
        "max_length": plan.max_length,
        "template": templates.stamp(plan.template) if plan.template else "",
        "target": plan.target.digest() if plan.target else None,
    }
    return hashlib.blake2b(json_of(body, order="deterministic"), digest_size=16).hexdigest()

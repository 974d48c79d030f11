"""The options of rules: from their own tables, from keys they share, from the target, from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from curator import targets
from curator.config.selectors import bad_value, one_rule
from curator.config.settings import Config, shown_path
from curator.config.values import choices_of, converted, hint_for, without_none
from curator.errors import UNREADABLE, ConfigError, CuratorError, UsageError
from curator.rule import Rule

# Options that a key of the configuration sets, for every rule that has an option of that name.
_SHARED = {"max_tokens": "max_length"} | {
    name: name for name in ("template", "modelfile", "benchmarks", "method", "embeddings", "facts")
}


def options_by_code(
    config: Config, rules: Mapping[str, type[Rule]], target: targets.Profile | None, template: str
) -> dict[str, dict[str, Any]]:
    """Options by code, as they are written. Keys go before the rules' own tables, and those before the target.

    What is said on top of the configuration (`--set`) goes before all of them.
    """
    found: dict[str, dict[str, Any]] = {}
    on_top = _on_top(config, rules)
    for name, options in config.rules.items():
        code = one_rule(config, "rules", name, rules)
        if code in found:
            raise bad_value(config, "rules", f"{code} is given twice, by code and by name")
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
        limited = code == "LEN001" and {"max_tokens", "max-tokens"} & {*said, *on_top.get(code, {})}
        found[code] = ({"strings": defaults["strings"]} if limited else defaults) | said
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
        code = one_rule(elsewhere, "--set", name, rules)
        found.setdefault(code, {}).update(_checked(rules[code], options, f"--set {code}", "", UsageError, _read))
    return found


def _read(text: Any, wanted: Any) -> Any:
    """A value as it is meant: a string as what TOML reads in it, where the option takes other than text."""
    if not isinstance(text, str) or without_none(wanted) is str or choices_of(wanted):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except UNREADABLE:
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
    strings = {"strings": target.templated == "all"}
    found["LEN002"] = {"target": name} | strings
    found["LEN001"] = strings
    found["TPL019"] = {"target": name}
    if target.tokens is not None:
        found["LEN001"] = strings | {"target": name, "context": config.limit or 0}
    if target.file.bom == "demanded":
        found["FIL003"] = {"demanded": True}
    return {code: options for code, options in found.items() if code in rules}


def built_rule(config: Config, rule: type[Rule], options: Mapping[str, Any]) -> Rule:
    """The rule with its options, each checked against its type and limits."""
    where = shown_path(Path(config.source)) if config.source else ""
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
            hint = hint_for(name, fields, f"its options are {', '.join(fields)}" if fields else none)
            raise kind(f"{key}: no option {written!r}", where=where, hint=hint)
        wanted = fields[name].type
        values[fields[name].name] = converted(read(value, wanted), wanted, f"{key}.{name}", where, kind)
    return values

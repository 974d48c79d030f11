"""Rules by code, by name, by family: what a selector stands for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

from curator import plugins
from curator.config.settings import Config, shown_path
from curator.config.values import hint_for
from curator.errors import ConfigError, CuratorError, UsageError
from curator.packs import load_file
from curator.rule import RULES, Rule, all_rules


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
    return UsageError(f"no rule {word!r}", hint=rule_hint(word, rules))


def rule_hint(word: str, rules: Mapping[str, type[Rule]]) -> str:
    known = [*rules, *(rule.slug() for rule in rules.values()), *dict.fromkeys(map(family, rules)), "ALL"]
    return "; ".join([hint_for(word, known, "`curator rules` lists them"), *plugins.warnings()])


def bad_value(config: Config, key: str, what: str, hint: str = "") -> CuratorError:
    """An error in the value of a key of the configuration file, or of an option where there is no file."""
    if config.source:
        return ConfigError(f"{key}: {what}", where=shown_path(Path(config.source)), hint=hint)
    return UsageError(f"{key}: {what}", hint=hint)


T = TypeVar("T")


def by_code(config: Config, entries: Iterable[tuple[str, str, T]], rules: Mapping[str, type[Rule]]) -> dict[str, T]:
    """Values by code from (key, selector, value): the most specific selector wins, of equals the last."""
    found: dict[str, tuple[int, T]] = {}
    for key, selector, value in entries:
        if not (matched := match(selector, rules)):
            raise bad_value(config, key, f"no rule {selector!r}", rule_hint(selector, rules))
        for code in matched.codes:
            if code not in found or matched.rank >= found[code][0]:
                found[code] = (matched.rank, value)
    return {code: value for code, (_, value) in found.items()}


def one_rule(config: Config, key: str, name: str, rules: Mapping[str, type[Rule]]) -> str:
    """The code of the one rule named by code or name."""
    matched = match(name, rules)
    if not matched or matched.rank < EXACT:
        what = f"{name!r} is a family, not a rule" if matched else f"no rule {name!r}"
        raise bad_value(config, key, what, rule_hint(name, rules) if not matched else "name one code")
    return next(iter(matched.codes))

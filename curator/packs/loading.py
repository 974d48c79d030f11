"""Rule files on disk: read, proved by their own examples, registered."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from curator.errors import UNREADABLE, ClashError, ConfigError
from curator.packs.entries import Entry, Limit, Pattern, Phrases, Ratio, StartsOrEnds, Substitute
from curator.packs.kinds import KINDS, PackRule, shortened
from curator.packs.patterns import compiled, unsafe_part
from curator.packs.phrases import literals_of, literals_of_one
from curator.rule import DROPPED, RULES, Bad, Row, Rule, chat, origin

PACKAGE = Path(__file__).parent.parent


def rules_dir() -> Path:
    """The folder of the shipped rules, targets, templates and profiles: in a wheel or in a checkout."""
    shipped = PACKAGE / "_rules"
    return shipped if shipped.is_dir() else PACKAGE.parent / "rules"


@cache
def load() -> None:
    """Register the shipped rules; the second call does nothing."""
    for path in sorted(rules_dir().glob("*.toml")):
        _register(_read(path))


def load_file(path: Path) -> dict[str, type[Rule]]:
    """Register the rules of a user's own file and return them by code. Their examples are run first.

    Raises:
        ConfigError: the file cannot be read, says something no kind knows, takes a code or name that is
            taken, or holds an example that does not behave as it says.
    """
    from curator.rule import all_rules

    all_rules()
    rules = _read(path)
    for rule in rules:
        _refuse_unsound(rule)
        _refuse_taken(rule)
        _run_examples(rule)
    _register(rules)
    return {rule.entry.code: RULES[rule.entry.code] for rule in rules}


def register_file(path: Path) -> None:
    """Register the rules of a plugin's file; its examples are run by `curator test-rules`, not each time.

    Raises ConfigError as `load_file` does, and ClashError where a code is taken.
    """
    rules = _read(path)
    for rule in rules:
        _refuse_unsound(rule)
        if other := RULES.get(rule.entry.code):
            what = f"two rules have the code {rule.entry.code}: {other.slug()} of {origin(other)}, and {path}"
            raise ClashError(what, hint="give one another code, or uninstall the package that brings it")
        _register([rule])


def source(code: str) -> str:
    """The user's file that a code comes from, "" where it comes from none."""
    return str(_sources[code]) if code in _sources and code in RULES else ""


class _Made(NamedTuple):
    """A rule on the way in, and the file it comes from."""

    entry: Entry
    path: Path

    @property
    def where(self) -> str:
        return f"{self.path}: rule {self.entry.code}"


def _read(path: Path) -> list[_Made]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"the rule file cannot be read: {fault}", where=str(path)) from fault
    except UNREADABLE as fault:
        raise ConfigError(f"the rule file is not TOML: {fault}", where=str(path)) from fault
    entries = tables.pop("rule", None)
    if tables or not isinstance(entries, list):
        odd = f"unknown key {next(iter(tables))!r}" if tables else "no [[rule]] in it"
        raise ConfigError(f"a rule file holds [[rule]] tables: {odd}", where=str(path))
    made = [_Made(_entry(table, path, number), path) for number, table in enumerate(entries, 1)]
    for one in made:
        if sum(other.entry.code == one.entry.code for other in made) > 1:
            raise ConfigError("the code is given twice", where=one.where)
    return made


def _entry(table: dict[str, Any], path: Path, number: int) -> Entry:
    where = f"{path}: rule {table.get('code', number)}"
    kind = table.get("kind")
    if kind not in KINDS:
        what = "it has no `kind`" if kind is None else f"unknown kind {kind!r}"
        raise ConfigError(what, where=where, hint=f"the kinds are {', '.join(KINDS)}")
    known = {"kind", *KINDS[kind][0].__struct_fields__}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            raise ConfigError(
                f"unknown key {key!r} for kind {kind}",
                where=where,
                hint=f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}",
            )
    try:
        return msgspec.convert(table, KINDS[kind][0])
    except msgspec.ValidationError as fault:
        raise ConfigError(str(fault).replace("Object missing", "missing"), where=where) from fault


def _refuse_unsound(made: _Made) -> None:
    """What the types cannot say."""
    entry, reason = made.entry, None
    match entry:
        case Phrases() if not all(literals_of_one(phrase) for phrase in (*entry.phrases, *entry.lines)):
            reason = "a phrase has no part of two characters to look for"
        case Substitute(swap=swap) if any("{" in wrong or not wrong.strip() for wrong in swap):
            reason = "`swap` names plain phrases, without braces"
        case Pattern():
            reason = _bad_pattern(entry)
        case Limit(at_least=None, at_most=None) | Ratio(at_least=None, at_most=None):
            reason = "it needs `at_least`, `at_most` or both"
        case StartsOrEnds(starts=(), ends=()):
            reason = "it needs `starts`, `ends` or both"
        case _:
            pass
    if reason:
        raise ConfigError(reason, where=made.where)


def _bad_pattern(entry: Pattern) -> str | None:
    try:
        compiled(entry.pattern)
    except re.error as fault:
        return f"`pattern` is no regular expression: {fault}"
    if reason := unsafe_part(entry.pattern):
        return f"`pattern` could run for ever: {reason}"
    return "`literals` must have two characters or more" if any(len(s) < 2 for s in entry.literals) else None


def _literals(entry: Entry) -> tuple[str, ...]:
    match entry:
        case Phrases(phrases=phrases, lines=lines):
            return literals_of((*phrases, *lines))
        case Pattern(literals=literals):
            return literals
        case Substitute(swap=swap):
            return literals_of(swap)
        case StartsOrEnds(must=False, starts=starts, ends=ends):
            return (*starts, *ends)
        case _:
            return ()


def _register(rules: Iterable[_Made]) -> None:
    for made in rules:
        _rule_class(made, made.entry.code)


def _rule_class(made: _Made, code: str) -> type[PackRule]:
    """The rule as a class; it is registered unless `code` is empty."""
    entry = made.entry
    _, base, options = KINDS[type(entry).__struct_config__.tag]  # type: ignore[index]
    fields = [(name, base.__annotations__[name], getattr(entry, name)) for name in options]
    namespace = {
        "__doc__": f"{entry.summary}\n\n{entry.why.strip()}",
        "code": code,
        "entry": entry,
        "severity": entry.severity,
        "preview": entry.preview,
        "since": entry.since,
        "literals": _literals(entry),
        "GOOD": [_row(made, good, ()) for good in entry.good],
        "BAD": [_bad(made, bad) for bad in entry.bad],
    }
    name = "".join(part.capitalize() for part in entry.name.split("-"))
    return msgspec.defstruct(  # type: ignore[return-value]
        name,
        fields,
        bases=(base,),
        namespace=namespace,
        module=base.__module__,
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


_TURN = re.compile(r"(system|user|assistant|tool)\d*")


def _row(made: _Made, table: Mapping[str, Any], extra: Sequence[str]) -> Row:
    """A row in the compact notation: turns by role, or `row` for one of any shape."""
    turns = {key: value for key, value in table.items() if key not in extra}
    if set(turns) == {"row"} and isinstance(turns["row"], dict):
        return turns["row"]
    for key, value in turns.items():
        if not _TURN.fullmatch(key) or not isinstance(value, str):
            hint = "write the turns by role (user = …, assistant = …), or row = { … }"
            raise ConfigError(f"an example has the key {key!r}", where=made.where, hint=hint)
    return chat(**turns)


def _bad(made: _Made, table: Mapping[str, Any]) -> Bad:
    row = _row(made, table, ("at", "fixed", "options"))
    fixed = table.get("fixed")
    if isinstance(fixed, dict):
        fixed = _row(made, fixed, ())
    elif fixed is not None:
        fixed = DROPPED
    at = table.get("at")
    return Bad(
        row,
        _default_place(made, row) if at is None else at if isinstance(at, str) else tuple(at),
        fixed,
        table.get("options", {}),
    )


def _default_place(made: _Made, row: Row) -> str:
    messages = row.get("messages", [])
    for place in range(len(messages) - 1, -1, -1):
        if messages[place].get("role") in made.entry.roles:
            return f"messages[{place}].content"
    raise ConfigError("a bad example does not say `at`", where=made.where)


def _refuse_taken(made: _Made) -> None:
    for code, rule in RULES.items():
        same = issubclass(rule, PackRule) and _sources.get(code) == made.path
        if same or (code != made.entry.code and rule.slug() != made.entry.name):
            continue
        taken = f"the code is that of {rule.slug()}" if code == made.entry.code else f"the name is that of {code}"
        raise ConfigError(f"{taken}, another rule", where=made.where, hint="choose another, such as MY001")
    _sources[made.entry.code] = made.path


_sources: dict[str, Path] = {}  # the user's file that a code comes from


def _run_examples(made: _Made) -> None:
    from curator.harness import flags_of, flags_of_bad, place_of

    rule = _rule_class(made, "")
    for number, good in enumerate(rule.GOOD, 1):
        if flags_of(rule(), good):
            raise ConfigError(f"good example {number} is flagged", where=made.where, hint=shortened(str(good), 200))
    for number, bad in enumerate(rule.BAD, 1):
        try:
            places = tuple(place_of(rule(), index, flag) for index, flag in flags_of_bad(rule, bad))
        except msgspec.ValidationError as fault:
            raise ConfigError(f"options of bad example {number}: {fault}", where=made.where) from fault
        if places != bad.places:
            found = ", ".join(places) or "nowhere"
            what = f"bad example {number} is flagged at {found}, not at {', '.join(bad.places)}"
            raise ConfigError(what, where=made.where, hint=shortened(str(bad.row), 200))

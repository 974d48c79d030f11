"""Pages derived from the rule classes and the settings: what `curator rule` prints, `docs/` and the schema.

`python -m curator.docs` writes the generated files of `docs/`; with `--check` it only says which are
stale and exits 1 if any is.
"""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from curator import formats, plugins, targets, templates
from curator.config import Config, Settings, expected, family, load_rules, match, profiles, unknown_rule, unlock
from curator.errors import UsageError
from curator.harness import flags_of_bad, place_of, runs_here
from curator.recipe import Recipe
from curator.report.tally import code_ranges
from curator.rule import Bad, DatasetRule, Dropped, Files, Rule, origin

# What the letters of a code stand for.
FAMILIES = {
    "ANS": "the answer",
    "CON": "contradictions",
    "DUP": "duplicates",
    "ENC": "characters",
    "FIL": "file and JSON",
    "LEN": "length and token budget",
    "LNG": "language",
    "PII": "personal data",
    "PRF": "preference rows",
    "ROL": "turns",
    "SAF": "safety",
    "SCH": "shape of a row",
    "SEC": "secrets",
    "SET": "the set as a whole",
    "SOP": "procedures",
    "SPL": "misspellings",
    "SPT": "splits",
    "STY": "one voice across the set",
    "TGT": "providers and trainers",
    "TOL": "tool calls",
    "TPL": "chat template",
}

_SHORT = 2  # examples of a kind in the terminal
_MANY = 6  # examples of a kind on a page
_LONGEST = 400  # characters of a text that are shown
_WIDE = 96  # characters of a line of JSON


def find(word: str, packs: Sequence[str] = ()) -> type[Rule]:
    """The rule of that code or name. Raises UsageError, with the nearest one, where there is none."""
    rules = load_rules(packs)
    found = match(word, rules)
    if found and len(found.codes) == 1:
        return rules[next(iter(found.codes))]
    if found and found.rank:
        raise UsageError(f"{word!r} is a family", hint=f"its rules are {', '.join(sorted(found.codes))}")
    raise unknown_rule(word, rules)


# ---------------------------------------------------------------------- one rule


def explain(rule: type[Rule], form: str = "text") -> str:
    """A rule as "text" for a terminal, "md" or "json"."""
    if form == "json":
        return msgspec.json.format(msgspec.json.encode(record(rule)), indent=2).decode() + "\n"
    return "\n".join(_page(rule) if form == "md" else _text(rule)) + "\n"


def record(rule: type[Rule]) -> dict[str, Any]:
    """All that is known of a rule, as JSON values; the examples are executed to say what is flagged."""
    return {
        **brief(rule),
        "why": rule.why(),
        "since": rule.since,
        "needs": rule.needs or None,
        "options": [
            {"name": name, "type": kind, "default": default, "description": says}
            for name, kind, default, says in _options(rule)
        ],
        "bad": [_bad_record(rule, bad) for bad in rule.BAD],
        "good": [_json_value(row) for row in rule.GOOD],
    }


def brief(rule: type[Rule]) -> dict[str, Any]:
    """What a list of rules says of each."""
    return {
        "code": rule.code,
        "name": rule.slug(),
        "family": family(rule.code),
        "severity": rule.severity,
        "fix": rule.fixable(),
        "preview": rule.preview,
        "origin": origin(rule),
        "summary": rule.summary(),
    }


def _bad_record(rule: type[Rule], bad: Bad) -> dict[str, Any]:
    flags = [{"at": place, "message": message} for place, message in _flags(rule, bad)]
    fixed = "dropped" if isinstance(bad.fixed, Dropped) else _json_value(bad.fixed)
    return {"row": _json_value(bad.row), "options": bad.options, "flags": flags, "fixed": fixed}


def _json_value(row: Any) -> Any:
    """An example as a JSON value: bytes become text, characters that UTF-8 cannot hold become escapes."""
    if isinstance(row, bytes):
        return row.decode("utf-8", "backslashreplace")
    if isinstance(row, str):
        return row.encode("utf-8", "backslashreplace").decode()
    if isinstance(row, dict):
        return {_json_value(key): _json_value(value) for key, value in row.items()}
    return [_json_value(item) for item in row] if isinstance(row, (list, tuple)) else row


def _flags(rule: type[Rule], bad: Bad) -> list[tuple[str, str]]:
    """(place, message) of each flag; the place of a dataset rule's flag begins with the row's number from 0.

    Where the rule cannot run, since its packages are not installed, the message is empty.
    """
    if not runs_here(rule):
        return [(place, "") for place in bad.places]
    made = msgspec.convert(bad.options, rule)
    return [(place_of(made, index, flag), flag.message) for index, flag in flags_of_bad(rule, bad)]


def _said(rule: type[Rule], bad: Bad) -> Iterator[tuple[str, str]]:
    """(place in words, message) of each flag."""
    for place, message in _flags(rule, bad):
        row, at = place.split(":", 1) if issubclass(rule, DatasetRule) else ("", place)
        number = f"row {int(row) + 1}" if row and isinstance(bad.row, list) and len(bad.row) > 1 else ""
        yield ", ".join(part for part in (number, at) if part) or "the row", message


def _options(rule: type[Rule]) -> Iterator[tuple[str, str, Any, str]]:
    """(name, type in words, default, meaning) of each option."""
    described = _components(rule)
    for field in msgspec.structs.fields(rule):
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default  # type: ignore[operator]
        says = described[field.encode_name].get("description", "")
        yield field.name.replace("_", "-"), expected(field.type), msgspec.to_builtins(default), says


def _components(rule: type[msgspec.Struct]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components([rule], ref_template="#/$defs/{name}")
    properties: dict[str, Any] = components[rule.__name__].get("properties", {})
    return properties


def _badges(rule: type[Rule]) -> str:
    fix = rule.fixable()
    fix_said = f"{fix} fix" if fix else "no fix"
    by = origin(rule)
    return f"{rule.severity}, {fix_said}{', preview' if rule.preview else ''}{'' if by == 'curator' else f', of {by}'}"


def _text(rule: type[Rule]) -> Iterator[str]:
    yield f"{rule.code} {rule.slug()} ({_badges(rule)})"
    yield rule.summary()
    yield ""
    yield _filled(rule.why())
    if rule.preview:
        yield f"\nIn preview: runs with --preview or --select {rule.code}."
    if rule.needs:
        yield f"\nDoes not run by itself: {unlock(rule.needs)[1]}."
    if options := list(_options(rule)):
        yield "\nOptions"
        for name, kind, default, says in options:
            yield f"  {name} = {_toml(default)}  ({kind})"
            yield textwrap.indent(_filled(says), "      ")
    yield "\nFlagged"
    for bad in sorted(rule.BAD, key=lambda bad: len(_example(bad.row)))[:_SHORT]:
        yield textwrap.indent(_example(bad.row), "  ")
        if bad.options:
            yield f"    with {_given(bad)}"
        yield from (f"    {place}: {_visible(message)}".removesuffix(": ") for place, message in _said(rule, bad))
        if isinstance(bad.fixed, Dropped):
            yield "    the fix drops the row"
        elif bad.fixed is not None:
            yield textwrap.indent(f"after the fix:\n{_example(bad.fixed)}", "    ")
    if rule.GOOD:
        yield "\nNot flagged"
        yield from (textwrap.indent(row, "  ") for row in sorted(map(_example, rule.GOOD), key=len)[:_SHORT])


def _page(rule: type[Rule]) -> Iterator[str]:
    yield f"# {rule.code} {rule.slug()}"
    yield f"\n{_badges(rule).capitalize()}. Since {rule.since}."
    if rule.preview:
        yield f"Runs with `--preview` or `--select {rule.code}`."
    if rule.needs:
        yield f"Does not run by itself: {unlock(rule.needs)[1]}."
    yield f"\n{rule.summary()}"
    yield f"\n## Why\n\n{rule.why()}"
    if options := list(_options(rule)):
        yield "\n## Options\n\n| option | type | default | meaning |\n|---|---|---|---|"
        for name, kind, default, says in options:
            yield f"| `{name}` | {_cell(kind)} | `{_cell(_toml(default))}` | {_cell(says)} |"
        yield f"\n```toml\n[rules.{rule.code}]"
        yield from (f"{name} = {_toml(default)}" for name, _, default, _ in options if default is not None)
        yield "```"
    yield "\n## Flagged"
    for bad in rule.BAD[:_MANY]:
        given = f"\nWith `{_given(bad)}`:" if bad.options else ""
        yield f"{given}\n{_fence(_example(bad.row))}\n"
        yield from (f"* {_plain(place)}: {_plain(message)}".removesuffix(": ") for place, message in _said(rule, bad))
        if isinstance(bad.fixed, Dropped):
            yield "\nThe fix drops the row."
        elif bad.fixed is not None:
            yield f"\nAfter the fix:\n\n{_fence(_example(bad.fixed))}"
    if rule.GOOD:
        yield "\n## Not flagged"
        yield from (f"\n{_fence(_example(row))}" for row in rule.GOOD[:_MANY])


def _given(bad: Bad) -> str:
    """The options that an example is judged with."""
    return ", ".join(f"{name.replace('_', '-')} = {_toml(value)}" for name, value in bad.options.items())


def _filled(text: str) -> str:
    """Paragraphs in lines of the width of a page."""
    return "\n\n".join(textwrap.fill(part, 92, break_on_hyphens=False) for part in text.split("\n\n"))


_MOST_ROWS = 16  # rows of an example that are all shown


def _example(row: Any) -> str:
    """A row as JSON, several rows below each other, those of a file under its name."""
    if isinstance(row, Files):
        files = groupby(zip(row.names, row, strict=True), itemgetter(0))
        return "\n".join(f"// {name}.jsonl\n{_example([each for _, each in rows])}" for name, rows in files)
    if isinstance(row, list):
        shown = row if len(row) <= _MOST_ROWS else row[: _MOST_ROWS // 2]
        more = [f"… and {len(row) - len(shown):,} rows more"] if len(shown) < len(row) else []
        return "\n".join([*map(_example, shown), *more])
    if isinstance(row, bytes):
        return _shortened(_visible(row.removesuffix(b"\n").decode("utf-8", "backslashreplace")))
    return _visible(_spread(row))


def _spread(value: Any, indent: str = "", taken: int = 0) -> str:
    """JSON on one line where there is room for it, else its items below each other."""
    if isinstance(value, str):
        return json.dumps(_shortened(value), ensure_ascii=False)
    line = json.dumps(value, ensure_ascii=False)
    if len(indent) + taken + len(line) <= _WIDE or not isinstance(value, (dict, list)) or not value:
        return line
    if isinstance(value, list):
        items = [_spread(item, indent + "  ") for item in value]
    else:
        keys = [json.dumps(key, ensure_ascii=False) + ": " for key in value]
        pairs = zip(keys, value.values(), strict=True)
        if len(keys) == 1:
            return "".join(f"{{{key}{_spread(item, indent, taken + len(key) + 1)}}}" for key, item in pairs)
        items = [key + _spread(item, indent + "  ", len(key)) for key, item in pairs]
    inner = f",\n{indent}  ".join(items)
    begin, end = "[]" if isinstance(value, list) else "{}"
    return f"{begin}\n{indent}  {inner}\n{indent}{end}"


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} characters … {text[-half:]}"


def _visible(text: str) -> str:
    """Characters that cannot be seen, or that would steer a terminal, as escapes."""
    return "".join(f"\\u{ord(char):04x}" if _hidden(char) else char for char in text)


def _hidden(char: str) -> bool:
    return char not in "\n " and unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs")


def _fence(text: str) -> str:
    ticks = "`" * max([3, *(len(run) + 1 for run in re.findall("`+", text))])
    return f"{ticks}json\n{text}\n{ticks}"


def _plain(text: str) -> str:
    """Text that Markdown prints as it is."""
    return re.sub(r"([\\`*_<>\[\]|#])", r"\\\1", _visible(text))


def _cell(text: str) -> str:
    return _visible(text).replace("|", "\\|")


def _toml(value: Any) -> str:
    """A value as TOML writes it; TOML has no word for None."""
    if value is None:
        return "(not set)"
    if isinstance(value, msgspec.Struct):
        plain = msgspec.to_builtins(type(value)())
        return _toml({key: item for key, item in msgspec.to_builtins(value).items() if item != plain[key]})
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False)


# ---------------------------------------------------------------------- all rules


def listing(form: str = "text", packs: Sequence[str] = ()) -> str:
    """All rules by family, as "text", "md" or "json"."""
    rules = list(load_rules(packs).values())
    if form == "json":
        return msgspec.json.format(msgspec.json.encode([brief(rule) for rule in rules]), indent=2).decode() + "\n"
    return "\n".join(_index(rules) if form == "md" else _table(rules)) + "\n"


def _table(rules: Sequence[type[Rule]]) -> Iterator[str]:
    widest = max((len(rule.slug()) for rule in rules), default=0)
    for letters, group in groupby(rules, lambda rule: family(rule.code)):
        yield f"{letters}  {FAMILIES.get(letters, '')}".rstrip()
        for rule in group:
            fix = rule.fixable() or ""
            mark = "preview: " if rule.preview else ""
            by = _by(rule)
            yield f"  {rule.code}  {rule.slug():{widest}}  {rule.severity:7}  {fix:6}  {mark}{rule.summary()}{by}"
        yield ""
    fixes = [rule.fixable() for rule in rules]
    yield f"{len(rules)} rules; {fixes.count('safe')} mend safely, {fixes.count('unsafe')} if you agree."
    yield "curator rule CODE explains one."


def _by(rule: type[Rule]) -> str:
    """Who brings a rule that is not curator's own."""
    return "" if (by := origin(rule)) == "curator" else f" ({by})"


def _index(rules: Sequence[type[Rule]]) -> Iterator[str]:
    yield "# Rules"
    yield "\nSeverities: an *error* breaks a run or an upload, a *warning* probably harms the model, *info* is"
    yield "worth knowing. A *safe* fix leaves the meaning of every trained token as it was (`--fix`); an *unsafe*"
    yield "one wants your eye (`--fix --unsafe-fixes`)."
    for letters, group in groupby(rules, lambda rule: family(rule.code)):
        yield f"\n## {letters}: {FAMILIES.get(letters, 'other rules')}"
        yield "\n| code | name | severity | fix | what |\n|---|---|---|---|---|"
        for rule in group:
            preview = ", preview" if rule.preview else ""
            link = f"[{rule.code}]({rule.code}.md)"
            says = f"{rule.severity}{preview} | {rule.fixable() or ''} | {_cell(rule.summary())}"
            yield f"| {link} | {rule.slug()} | {says} |"


# ---------------------------------------------------------------------- configuration


def schema() -> str:
    """The JSON Schema of `curator.toml`."""
    _, components = msgspec.json.schema_components([Settings], ref_template="#/$defs/{name}")
    root = components.pop("Settings")
    rules = load_rules()
    selectors = ["ALL", *dict.fromkeys(map(family, rules)), *rules, *(rule.slug() for rule in rules.values())]
    options = {name: {"$ref": f"#/$defs/{code}"} for code, rule in rules.items() for name in (code, rule.slug())}
    properties = {key: _without_null(says) for key, says in root["properties"].items()}
    properties["rules"] |= {"properties": options, "additionalProperties": {"type": "object"}}
    properties["profile"] |= {"enum": list(profiles())}
    properties["shape"] |= {"enum": list(formats.shapes())}
    properties["target"] |= {"examples": list(targets.shipped())}
    for lists in (properties["select"], properties["ignore"], properties["extend-select"]):
        lists["items"] = {"$ref": "#/$defs/selector"}
    properties["per-file-ignores"]["additionalProperties"]["items"] = {"$ref": "#/$defs/selector"}
    body = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "curator.toml",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "$defs": {
            **components,
            "selector": {"anyOf": [{"enum": selectors}, {"type": "string"}]},
            **{code: _option_schema(rule) for code, rule in rules.items()},
        },
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n"


def _without_null(says: dict[str, Any]) -> dict[str, Any]:
    """A JSON Schema without null, for which TOML has no word."""
    if {"type": "null"} not in says.get("anyOf", ()):
        return says
    kinds = [kind for kind in says["anyOf"] if kind != {"type": "null"}]
    rest = {key: value for key, value in says.items() if key != "anyOf" and (key, value) != ("default", None)}
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds})


def _option_schema(rule: type[Rule]) -> dict[str, Any]:
    """The options of a rule, under their names with hyphens."""
    properties = {name.replace("_", "-"): _without_null(says) for name, says in _components(rule).items()}
    return {
        "description": f"{rule.slug()}: {rule.summary()}",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }


def configuration(config: Config) -> str:
    """What a configuration comes to: its file, the settings that differ from the defaults, the rules that run."""
    plan = config.plan()
    lines = [f"# {config.source or 'no configuration file: the defaults'}"]
    for field in msgspec.structs.fields(Settings):
        value = getattr(config, field.name)
        if value != (field.default_factory() if field.default is msgspec.NODEFAULT else field.default):  # type: ignore[operator]
            lines.append(f"{field.encode_name} = {_toml(value)}")
    lines.append(f"\n# {len(plan.rules)} rules run: {code_ranges(rule.code for rule in plan.rules)}")
    lines += [f"# not run: {code_ranges(item.codes)} ({item.reason}: {item.unlock})" for item in plan.not_run]
    lines.append(f"# exit status 1 from: {plan.fail_on}; plan {plan.hash}")
    return "\n".join(lines) + "\n"


def _keys(settings: type[msgspec.Struct] = Settings) -> Iterator[str]:
    """The table of settings, or of one of their tables."""
    described = _components(settings)
    yield "| key | type | default | meaning |\n|---|---|---|---|"
    for field in msgspec.structs.fields(settings):
        default = field.default_factory() if field.default is msgspec.NODEFAULT else field.default  # type: ignore[operator]
        shown = "" if default is None else f"`{_toml(msgspec.to_builtins(default))}`"
        says = described[field.encode_name].get("description", "")
        yield f"| `{field.encode_name}` | {_cell(expected(field.type))} | {shown} | {_cell(says)} |"


def _profile_list() -> Iterator[str]:
    for name, file in profiles().items():
        yield f"* `{name}`: {file.read_text('utf-8').splitlines()[0].removeprefix('# ')}"


def _target_list() -> Iterator[str]:
    """The table of targets."""
    yield "| target | what | status | verified | source |\n|---|---|---|---|---|"
    for name in targets.shipped():
        told = targets.load(name)
        yield f"| `{name}` | {_cell(told.title)} | {told.status} | {told.verified_on} | <{told.source}> |"


def _template_list() -> Iterator[str]:
    """The table of the templates that ship with curator."""
    yield "| name | model | where it differs from the authentic template |\n|---|---|---|"
    for name in templates.shipped():
        told = templates.load(name)
        yield f"| `{name}` | {_cell(told.family)} | {_cell(told.differs)} |"


# ---------------------------------------------------------------------- the files of docs/


def generated(folder: Path) -> dict[Path, str]:
    """The text of every generated file below `folder` (the checkout's `docs`)."""
    from curator.docs import commands, gallery

    rules = load_rules()
    pages = {folder / "rules" / f"{code}.md": explain(rule, "md") for code, rule in rules.items()}
    pages[folder / "rules" / "index.md"] = listing("md")
    pages[folder / "curator.schema.json"] = schema()
    pages[folder / "shapes.md"] = gallery.page(_spread)
    pages[folder / "commands.md"] = commands.page()
    handwritten = folder / "configuration.md"
    text = handwritten.read_text("utf-8")
    tables = {"keys": _keys(), "train": _keys(Recipe), "profiles": _profile_list(), "targets": _target_list()}
    tables["templates"] = _template_list()
    for name, lines in tables.items():
        text = _between(text, name, "\n".join(lines))
    pages[handwritten] = text
    return pages


def _between(text: str, name: str, body: str) -> str:
    """The text with what stands between the marks of that name replaced."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(\n<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda found: f"{found[1]}{body}{found[2]}", text)


def stale(pages: dict[Path, str], folder: Path) -> list[Path]:
    """The files that are missing, out of date, or about a rule that is gone."""
    old = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    return sorted([*old, *(path for path in (folder / "rules").glob("*.md") if path not in pages)])


def main(arguments: Iterable[str]) -> int:
    """Write the generated files, or with --check name the stale ones and return 1 if there are any."""
    os.environ[plugins.OFF] = "1"  # the pages tell what ships
    folder = Path(__file__).parent.parent.parent / "docs"
    pages = generated(folder)
    found = stale(pages, folder)
    if "--check" in arguments:
        for path in found:
            print(f"stale: {path.relative_to(folder.parent)}", file=sys.stderr)
        if found:
            print("python -m curator.docs writes them anew", file=sys.stderr)
        return 1 if found else 0
    for path in found:
        if path in pages:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(pages[path], "utf-8")
        else:
            path.unlink()
        print(path.relative_to(folder.parent))
    return 0

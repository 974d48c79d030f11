"""The settings a tool knows, and how they are written down.

A trainer that is handed a misspelt setting often takes it and does nothing. `rules/handoff/NAME.toml` holds the
names that a released version reads, taken from its own code; whatever is not among them is refused here.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from curator.errors import UsageError
from curator.handoff.recipe import Recipe
from curator.packs import rules_dir

Settings = dict[str, Any]


def of_transformers(recipe: Recipe) -> Settings:
    """What every trainer built on transformers names alike; a warm-up below 1 is a share of the steps."""
    return {
        "num_train_epochs": recipe.epochs,
        "per_device_train_batch_size": recipe.batch,
        "per_device_eval_batch_size": recipe.batch,
        "gradient_accumulation_steps": recipe.accumulation,
        "learning_rate": recipe.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": recipe.warmup,
        "weight_decay": recipe.weight_decay,
        "logging_steps": 5,
        "save_strategy": "epoch",
        "output_dir": "output",
        "report_to": "none",
        "seed": recipe.seed,
    }


class Known(msgspec.Struct, frozen=True, rename="kebab", forbid_unknown_fields=True):
    """The settings of one tool: its released version, where they were read, and their names.

    `nested` gives the names below a setting, `models` those that a service tunes; none where any model is taken.
    """

    title: str
    version: str
    verified_on: Any
    source: str
    keys: tuple[str, ...]
    nested: dict[str, tuple[str, ...]] = {}
    models: tuple[str, ...] = ()


@cache
def known(tool: str) -> Known:
    """The settings that a tool reads."""
    with (rules_dir() / "handoff" / f"{tool}.toml").open("rb") as file:
        return msgspec.convert(tomllib.load(file), Known)


def checked(tool: str, settings: Mapping[str, Any]) -> None:
    """Raises UsageError for the first setting that the tool does not read, with the nearest that it does."""
    about = known(tool)
    for path, names in _named(settings, about):
        if path[-1] not in names:
            raise UsageError(
                f"{about.title} {about.version} has no setting {'.'.join(path)!r}", hint=_nearest(path[-1], names)
            )


def _named(settings: Mapping[str, Any], about: Known) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each setting with the names that may stand in its place."""
    for key, value in settings.items():
        yield (key,), about.keys
        if key in about.nested:
            for entry in value if isinstance(value, list) else [value]:
                for inner in entry if isinstance(entry, Mapping) else ():
                    yield (key, inner), about.nested[key]


def _nearest(key: str, names: Iterable[str]) -> str:
    from rapidfuzz import process

    found = process.extractOne(key, list(names), score_cutoff=60)
    return f"did you mean {found[0]!r}?" if found else "its documentation lists its settings"


def overridden(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """The settings with those that the user named; "a.b" is b below a."""
    merged = {key: dict(value) if isinstance(value, Mapping) else value for key, value in settings.items()}
    for path, value in changes.items():
        outer, _, inner = path.partition(".")
        if inner and isinstance(merged.setdefault(outer, {}), dict):
            merged[outer][inner] = value
        else:
            merged[path] = value
    return merged


def length(name: str, tokens: Any) -> int:
    """The tokens of a row that a setting gives. Raises UsageError where it is no such number."""
    if type(tokens) is not int or tokens < 1:
        raise UsageError(f"{name} {json.dumps(tokens)} is no number of tokens", hint="name a whole number from 1 on")
    return tokens


def positive(name: str, number: Any) -> float:
    """A number that a setting gives. Raises UsageError where it is none above 0."""
    if type(number) not in (int, float) or not number > 0:
        raise UsageError(f"{name} {json.dumps(number)} is no number above 0", hint="name one, such as 4")
    return number  # type: ignore[no-any-return]


def parsed(pairs: Iterable[str]) -> dict[str, Any]:
    """KEY=VALUE pairs, values read as JSON where they are and as text otherwise. Raises UsageError without "="."""
    found: dict[str, Any] = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise UsageError(f"{pair!r} is no setting", hint="write --set key=value")
        try:
            found[key.strip()] = json.loads(value)
        except ValueError:
            found[key.strip()] = value
    return found


def as_yaml(settings: Mapping[str, Any], about: str = "") -> str:
    """YAML of mappings, lists and scalars, a comment of `about` before it.

    Numbers are written without an exponent: "2e-4" is a text to YAML 1.1, and trainers read that.
    """
    head = "".join(f"# {line}\n" for line in about.splitlines())
    return head + "".join(_lines(settings, ""))


def _lines(value: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            yield f"{indent}{key}:\n"
            yield from _lines(inner, indent + "  ")
        elif isinstance(inner, list) and inner and all(isinstance(entry, Mapping) for entry in inner):
            yield f"{indent}{key}:\n"
            for entry in inner:
                first, *rest = _lines(entry, indent + "    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {_scalar(inner)}\n"


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        plain = f"{value:.12f}".rstrip("0")
        return f"{plain}0" if plain.endswith(".") else plain
    if isinstance(value, list):
        return f"[{', '.join(_scalar(entry) for entry in value)}]"
    return json.dumps(value, ensure_ascii=False)

"""Configuration files: where they are found, what they say, and what is said on top of them."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from curator import targets
from curator.config.selectors import bad_value
from curator.config.settings import Config, Selection, Settings, shown_path
from curator.config.values import hint_for, table_values
from curator.errors import UNREADABLE, ConfigError, CuratorError, UsageError
from curator.packs import rules_dir
from curator.recipe import Recipe


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
    settings = settings_from(table, shown_path(source), ConfigError)
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    on_top = settings_from(given, "", UsageError)
    selected = {"select", "extend_select", "ignore", "rules"}
    changed = {key.replace("-", "_") for key in given} - selected
    if "profile" in changed:
        profile_of(Config(profile=on_top.profile))  # a wrong name is not to be blamed on the file
    values = {**msgspec.structs.asdict(settings), **{key: getattr(on_top, key) for key in changed}}
    for key in ("tokenizer", "model", "template", "modelfile", "facts"):
        if source and (named := getattr(settings, key)) and key not in changed:
            beside = source.parent / named
            values[key] = shown_path(beside) if beside.exists() else named
    if source and settings.target and targets.is_file(settings.target) and "target" not in changed:
        values["target"] = shown_path(source.parent / settings.target)
    then = Selection(on_top.select, on_top.extend_select, on_top.ignore, on_top.rules)
    return Config(**values, source=str(source or ""), then=then, map_given="map" in changed)


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
    found = _tools(file).get("curator", {}) if file.name == "pyproject.toml" else read_toml(file)
    if not isinstance(found, dict):
        raise ConfigError("tool.curator must be a table", where=str(file), hint="write [tool.curator]")
    return found


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise ConfigError("no such configuration file", where=str(file), hint="check the path given to --config")
    return file.resolve()


def _tools(file: Path) -> dict[str, Any]:
    tools = read_toml(file).get("tool", {})
    return tools if isinstance(tools, dict) else {}


def read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(file)) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"is not UTF-8 (byte {error.start})", where=str(file), hint="save the file as UTF-8"
        ) from None
    except UNREADABLE as error:
        raise ConfigError(f"is not TOML: {error}", where=str(file)) from None


def settings_from(table: Mapping[str, Any], where: str, kind: type[CuratorError]) -> Settings:
    """A table as settings; every key is checked by itself, so that the error can name it."""
    return Settings(**table_values(table, Settings, "", where, kind))


def recipe(given: Mapping[str, Any], base: Recipe | None) -> Recipe:
    """The options of a run: those `given` on top of those of the configuration. Raises UsageError for a bad value."""
    values = table_values({key: value for key, value in given.items() if value is not None}, Recipe, "", "", UsageError)
    return msgspec.structs.replace(base or Recipe(), **values)


def profiles() -> dict[str, Path]:
    """The profiles that ship with curator, by name."""
    return {file.stem: file for file in sorted((rules_dir() / "profiles").glob("*.toml"))}


def profile_of(config: Config) -> Settings:
    known = profiles()
    if config.profile not in known:
        hint = hint_for(config.profile, known, f"the profiles are {', '.join(known)}")
        raise bad_value(config, "profile", f"no profile {config.profile!r}", hint)
    file = known[config.profile]
    return settings_from(read_toml(file), str(file), ConfigError)

"""Rules of one's own on trial: found at a path, loaded as a plugin would be, and proved (`curator.proving.laws`)."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curator import packs, plugins
from curator.errors import UNREADABLE, ConfigError, CuratorError, UsageError
from curator.formats import SHAPES
from curator.plugins import GROUP, Added, Plugin
from curator.proving import laws as proving
from curator.proving.laws import Failure
from curator.report.tally import counted
from curator.rule import RULES, all_rules


class Trial(NamedTuple):
    """What was tried and what failed."""

    added: Added
    failures: tuple[Failure, ...]

    @property
    def summary(self) -> str:
        parts = {"rule": len(self.added.codes), "shape": len(self.added.shapes), "target": len(self.added.targets)}
        tried = ", ".join(counted(number, noun) for noun, number in parts.items() if number)
        bad = len({failure.of for failure in self.failures})
        faults = f"{counted(len(self.failures), 'fault')} in {bad} of them"
        return f"{tried}: {faults if bad else 'all hold'}"


def run(path: Path) -> Trial:
    """Load what lies at `path` beside curator's own rules, without the plugins of this environment, and prove it.

    Raises:
        UsageError: there is nothing to test.
        ConfigError: something cannot be loaded, or takes a code, name, shape or target that is taken.
    """
    os.environ[plugins.OFF] = "1"
    plugins.installed.cache_clear()
    all_rules()
    added = _loaded(path.resolve())
    if not (added.codes or added.shapes or added.targets):
        raise UsageError("no rule, shape or target in it", where=str(path), hint="curator test-rules --help says what")
    crowd = proving.crowd(all_rules().values())
    failures = [*proving.failures([RULES[code] for code in added.codes], crowd)]
    for name in added.shapes:
        failures += proving.shape_failures(SHAPES[name], crowd)
    return Trial(added, tuple(failures))


def _loaded(path: Path) -> Added:
    """What the modules or files at the path add."""
    if path.suffix == ".toml" and path.name != "pyproject.toml":
        return _of_files([path])
    place = path.parent if path.name == "pyproject.toml" else path
    modules = list(_modules(place))
    if not modules and place.is_dir() and (files := sorted(place.glob("*.toml"))):
        return _of_files([file for file in files if file.name != "pyproject.toml"])
    parts = [_of_module(module) for module in modules]
    targets = {name: file for part in parts for name, file in part.targets.items()}
    codes, shapes = (tuple(name for part in parts for name in part[n]) for n in (0, 1))
    return Added(codes, shapes, targets)


def _modules(place: Path) -> Iterator[str]:
    """The modules at a place, each made importable: those a project names, a package, or one file."""
    if place.suffix == ".py":
        sys.path.insert(0, str(place.parent))
        yield place.stem
    elif (project := place / "pyproject.toml").is_file():
        sys.path[:0] = [str(folder) for folder in (place / "src", place) if folder.is_dir()]
        yield from _named(project)
    elif (place / "__init__.py").is_file():
        sys.path.insert(0, str(place.parent))
        yield place.name


def _named(project: Path) -> Iterator[str]:
    try:
        table = tomllib.loads(project.read_text("utf-8"))
    except (OSError, *UNREADABLE) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(project)) from None
    named = table.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if not named:
        hint = f'write [project.entry-points."{GROUP}"] and under it: name = "your_module"'
        raise UsageError("it names no plugin", where=str(project), hint=hint)
    yield from named.values()


def _of_module(module: str) -> Added:
    try:
        return plugins.add(Plugin(module))
    except CuratorError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise ConfigError(f"the module {module} cannot be imported: {said}") from error


def _of_files(files: list[Path]) -> Added:
    before = set(RULES)
    for file in files:
        packs.register_file(file)
    return Added(tuple(code for code in RULES if code not in before), (), {})

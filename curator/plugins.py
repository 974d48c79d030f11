"""Plugins: packages of a user's own that add rules, shapes and targets to those that ship.

A plugin is a module that an installed package names in the entry-point group `curator.plugins`. It joins
where curator's own parts are found, and declares nothing twice:

rules in Python   a class that sets `code` is registered when the module is imported
rules as data     `rules/*.toml` beside the module
targets           `rules/targets/*.toml` beside the module
shapes            `curator.formats.add(Adapter(…))`, called when the module is imported

Nothing is read before rules or shapes are needed, and no module is imported to learn whether there are any.
A plugin that cannot be loaded is named (`broken`) and keeps no other from its work; a code, name, shape or
target that is taken is an error that names both owners. CURATOR_NO_PLUGINS=1 leaves all of them out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from curator.errors import ClashError, ConfigError

if TYPE_CHECKING:
    from curator.formats import Adapter
    from curator.rule import Rule

GROUP = "curator.plugins"
OFF = "CURATOR_NO_PLUGINS"
_METADATA = (".dist-info", ".egg-info")


class Plugin(NamedTuple):
    """A module that adds to curator, and the package that brings it."""

    module: str
    package: str = ""
    version: str = ""

    @property
    def origin(self) -> str:
        """ "larch-rules 1.0", or the module where no package brings it."""
        return f"{self.package} {self.version}".strip() or self.module


class Added(NamedTuple):
    """What a plugin added: codes of rules, names of shapes, targets by name."""

    codes: tuple[str, ...]
    shapes: tuple[str, ...]
    targets: dict[str, Path]


class _State:
    """What has been loaded in this process."""

    begun = False
    clash: ConfigError | None = None
    added: dict[Plugin, Added] = {}
    broken: dict[Plugin, str] = {}


# ---------------------------------------------------------------------- finding


@cache
def installed() -> tuple[Plugin, ...]:
    """The plugins of this environment, in order of package and module. None of them is imported."""
    if os.environ.get(OFF, "").strip() not in ("", "0"):
        return ()
    found: dict[str, list[Plugin]] = {}  # of two installations of one package the first on the path counts
    for folder in _declaring():
        from importlib.metadata import Distribution

        package = Distribution.at(folder)
        name = package.metadata["Name"] or folder.name.partition("-")[0]
        entries = package.entry_points.select(group=GROUP)
        found.setdefault(name.lower().replace("_", "-"), [Plugin(e.value, name, package.version) for e in entries])
    return tuple(sorted(plugin for plugins in found.values() for plugin in plugins))


def _declaring() -> Iterator[Path]:
    """The metadata of the packages that name the group. Plain file reading: it is a tenth of the cost of asking."""
    mark = f"[{GROUP}]".encode()
    for place in dict.fromkeys(sys.path):
        try:
            names = [name for name in os.listdir(place or ".") if name.endswith(_METADATA)]  # noqa: PTH208 (paths cost)
        except OSError:
            continue  # no folder: an archive, or nothing at all
        for name in names:
            try:
                with open(f"{place or '.'}/{name}/entry_points.txt", "rb", 0) as file:  # noqa: PTH123 (paths cost)
                    declares = mark in file.read()
            except OSError:
                continue
            if declares:
                yield Path(place, name)


@cache
def stamp() -> str:
    """Changes when a plugin comes, goes, gets another version or is edited; "" where there is none."""
    return repr([(plugin, _files(plugin.module)) for plugin in installed()]) if installed() else ""


def _files(module: str) -> list[tuple[str, int, int]]:
    """(path, size, time) of every file of the plugin, found without importing it."""
    place = _place(module)
    if place is None:
        return []
    files = [file for file in place.rglob("*") if "__pycache__" not in file.parts] if place.is_dir() else [place]
    return [(str(file), stat.st_size, stat.st_mtime_ns) for file in sorted(files) if (stat := file.stat())]


def _place(module: str) -> Path | None:
    """The folder of the package that a module is, or lies in; its file where it lies in none."""
    top, *below = module.partition(":")[0].split(".")
    try:
        spec = find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.submodule_search_locations:
        return Path(spec.origin) if spec and spec.origin else None
    folder = Path(next(iter(spec.submodule_search_locations)))
    inner = folder.joinpath(*below)
    return inner if inner.is_dir() else inner.parent


# ---------------------------------------------------------------------- loading


def load() -> None:
    """Import every plugin, which registers what it adds; the second call does nothing.

    Raises:
        ConfigError: a plugin takes a code, name, shape or target that is taken, or brings a rule or target file
            that says something no rule or target can.
    """
    if _State.clash is not None:
        raise _State.clash
    if _State.begun:
        return
    _State.begun = True
    if not installed():
        return
    _load_own()
    for plugin in installed():
        try:
            add(plugin)
        except ConfigError as error:
            _State.clash = error
            raise
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            said = " ".join(str(error).split())[:200]
            _State.broken[plugin] = f"{type(error).__name__}: {said}" if said else type(error).__name__


def _load_own() -> None:
    from curator import checks, packs

    checks.load()
    packs.load()


def add(plugin: Plugin) -> Added:
    """Import one plugin and register what it adds. What it registered is taken back where it fails.

    Raises ConfigError as `load` does, and whatever the import of the module raises.
    """
    from curator import formats, packs
    from curator.rule import RULES

    rules, shapes = dict(RULES), dict(formats.SHAPES)
    try:
        with redirect_stdout(sys.stderr):  # on standard output a report may stand, or what an editor reads
            module = import_module(plugin.module.partition(":")[0])
        folder = Path(str(module.__file__)).parent / "rules" if module.__file__ else Path()
        for file in sorted(folder.glob("*.toml")):
            packs.register_file(file)
        _refuse_taken_names(rules)
        targets = _targets(plugin, folder / "targets")
    except BaseException:
        RULES.clear()
        RULES.update(rules)
        formats.keep_only(shapes)
        raise
    codes = tuple(code for code in RULES if code not in rules)
    added = Added(codes, tuple(name for name in formats.SHAPES if name not in shapes), targets)
    _State.added[plugin] = added
    return added


def _refuse_taken_names(before: dict[str, type[Rule]]) -> None:
    from curator.rule import RULES, origin

    names = {rule.slug(): rule for rule in before.values()}
    for code, rule in RULES.items():
        if code in before:
            continue
        other = names.setdefault(rule.slug(), rule)
        if other is not rule:
            what = f"two rules are called {rule.slug()}: {other.code} of {origin(other)} and {code} of {origin(rule)}"
            raise ClashError(what, hint="rename one, or uninstall the package that brings it")


def _targets(plugin: Plugin, folder: Path) -> dict[str, Path]:
    """The profiles of a plugin by name, each read to see that it is one."""
    from curator import targets

    files = {file.stem: file for file in sorted(folder.glob("*.toml"))}
    for name, file in files.items():
        if other := targets.own().get(name) or shipped_targets().get(name):
            what = f"the target {name!r} of {plugin.origin} ({file}) is there already: {other}"
            raise ClashError(what, hint="rename the file, or uninstall the package that brings it")
        targets.read(file)
    return files


# ---------------------------------------------------------------------- what there is


def broken() -> dict[Plugin, str]:
    """The plugins that could not be loaded so far, and why."""
    return dict(_State.broken)


def warnings() -> list[str]:
    """A line for each plugin that could not be loaded."""
    return [f"the plugin {p.module} of {p.origin} could not be loaded: {why}" for p, why in _State.broken.items()]


def origins() -> dict[str, str]:
    """The origin of every code that a plugin brought."""
    return {code: plugin.origin for plugin, added in _State.added.items() for code in added.codes}


def shipped_targets() -> dict[str, Path]:
    """The profiles that plugins brought, by name."""
    return {name: file for added in _State.added.values() for name, file in added.targets.items()}


def shapes() -> dict[str, Adapter]:
    """The shapes that plugins brought, by name."""
    from curator.formats import SHAPES

    return {name: SHAPES[name] for added in _State.added.values() for name in added.shapes}


def not_run() -> Any:
    """A note for the report on each plugin that could not be loaded."""
    from curator.model import NotRun

    return tuple(
        NotRun((f"plugin {plugin.module}",), why, f"mend it, or pip uninstall {plugin.package}")
        for plugin, why in _State.broken.items()
    )

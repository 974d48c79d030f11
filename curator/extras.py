"""Optional packages: which extra brings them, and whether they are here."""

from __future__ import annotations

import shutil
import sysconfig
from functools import cache
from importlib.util import find_spec
from pathlib import Path

# The packages of an extra that rules cannot do without (Rule.extra).
PACKAGES = {"words": ("typos", "wordfreq", "symspellpy"), "languages": ("py3langid", "langdetect", "wordfreq")}


@cache
def missing(extra: str) -> tuple[str, ...]:
    """The packages of the extra that are not installed."""
    return tuple(name for name in PACKAGES[extra] if not (typos_binary() if name == "typos" else find_spec(name)))


@cache
def typos_binary() -> Path | None:
    """The command `typos`: that of this environment, else the first on the path."""
    own = shutil.which("typos", path=sysconfig.get_path("scripts"))
    found = own or shutil.which("typos")
    return Path(found) if found else None


@cache
def stamp() -> str:
    """Changes when a package of an extra is installed, removed or replaced: findings may depend on it."""
    return " ".join(f"{name} {_version(name)}" for name in sorted({*PACKAGES["words"], *PACKAGES["languages"]}))


def _version(name: str) -> str:
    """What tells whether the package is another one now: cheaper to learn than its version."""
    spec = None if name == "typos" else find_spec(name)
    file = typos_binary() if name == "typos" else Path(spec.origin) if spec and spec.origin else None
    return f"{file} {file.stat().st_mtime_ns}" if file else ""


def folder(package: str) -> Path:
    """The folder an installed package lies in, found without importing it."""
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed: ask missing() first"
    assert spec.origin is not None
    return Path(spec.origin).parent

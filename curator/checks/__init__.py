"""Rules that need code, a module a family."""

from __future__ import annotations

from importlib import import_module

FAMILIES = (
    "answers",
    "characters",
    "duplicates",
    "file",
    "length",
    "preference",
    "roles",
    "schema",
    "sop",
    "template",
    "tools",
)


def load() -> None:
    """Import every family, which registers its rules."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")

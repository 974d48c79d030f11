"""Rules that need code, a module a family."""

from __future__ import annotations

from importlib import import_module

FAMILIES = (
    "answers",
    "characters",
    "contamination",
    "drift",
    "contradictions",
    "duplicates",
    "file",
    "language",
    "fit",
    "foreign_answers",
    "length",
    "near_duplicates",
    "preference",
    "ollama",
    "repeated_wording",
    "roles",
    "schema",
    "targets",
    "shifted",
    "splits",
    "spelling",
    "sop",
    "template",
    "tools",
    "whole_set",
)


def load() -> None:
    """Import every family, which registers its rules."""
    for family in FAMILIES:
        import_module(f"{__name__}.{family}")

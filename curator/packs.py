"""Rules that are data: rules/*.toml. (First sketch; replaced by the real module.)"""

from __future__ import annotations


def load() -> None:
    """Register the rules of every pack."""

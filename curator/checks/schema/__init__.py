"""SCH: the shape of a row, its roles, contents, weights and keys."""

from __future__ import annotations

from curator.checks.schema import keys, rendered, shapes, turns, weights

__all__ = ["keys", "rendered", "shapes", "turns", "weights"]

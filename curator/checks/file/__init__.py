"""FIL: lines, their bytes, and the values in them, below the level of a conversation."""

from __future__ import annotations

from curator.checks.file import controls, encoding, lines, members

__all__ = ["controls", "encoding", "lines", "members"]

"""ANS and LEN003: what an answer says, and whether it is whole. Rules that are data are in `rules/answers.toml`."""

from __future__ import annotations

from curator.checks.answers import code, content, echoes, unfinished

__all__ = ["code", "content", "echoes", "unfinished"]

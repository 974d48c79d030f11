"""Counting tokens: exact and offline where it can be, else a calibrated estimate that says so."""

from __future__ import annotations

from typing import Protocol


class Tokenizer(Protocol):
    """Counts tokens of plain text: markers in the text count as text, not as special tokens."""

    name: str
    exact: bool
    error: float  # measured relative error of the total over a set; 0.0 where exact

    def count(self, texts: list[str]) -> list[int]:
        """Tokens of each text."""


class Estimate:
    name = "estimate"
    exact = False
    error = 0.08

    def count(self, texts: list[str]) -> list[int]:
        return [(len(text.encode("utf-8", "surrogatepass")) + 3) // 4 for text in texts]

"""curator: a linter, cleaner and splitter for the data that language models are fine-tuned on."""

from __future__ import annotations

__version__ = "0.1.0"

"""Expressions that most sets never ask for are compiled when a text first does: half the cost of a start was theirs."""

from __future__ import annotations

import re
from typing import Any, cast


class Later:
    """Stands for `re.compile(pattern, flags)`; each method is looked up once and then is the pattern's own."""

    def __init__(self, pattern: str, flags: int) -> None:
        self._source = pattern, flags

    def __getattr__(self, name: str) -> Any:
        pattern, flags = self._source
        found = getattr(re.compile(pattern, flags), name)
        setattr(self, name, found)
        return found


def compiled_later(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """What `re.compile` gives, but for the time it takes; for names of a module whose methods are called."""
    return cast("re.Pattern[str]", Later(pattern, flags))

"""What was found out once of all rows of a kind, as a template treats them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")

_MOST = 5000


class Known(Generic[T]):
    """Findings by key, each for as long as the object lives that it is about: another may come to have its id."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, tuple[object, T]] = {}

    def get(self, about: object, key: Hashable, find: Callable[[], T]) -> T:
        """What `find` says, asked once for each object and key; all is forgotten where there is very much."""
        place = id(about), key
        known = self._kept.get(place)
        if known is None or known[0] is not about:
            if len(self._kept) >= _MOST:
                self._kept.clear()
            known = self._kept[place] = about, find()
        return known[1]

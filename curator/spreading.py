"""Work in parts: done here, or on other machines where there are such. The results come in the order of the parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Spread(Protocol):
    """Has work done on every item, which must depend on nothing else: both are sent where it is done."""

    def __call__(
        self, work: Callable[[Item], Result], items: Iterable[Item], without: Callable[[Item], Result]
    ) -> Iterator[Result]:
        """The results in the order of the items; `without` stands for that of an item that no worker survived."""


def here(work: Callable[[Item], Result], items: Iterable[Item], without: Callable[[Item], Result]) -> Iterator[Result]:
    """The work done in this process, one item after the other: nothing is ever lost."""
    yield from map(work, items)

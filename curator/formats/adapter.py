"""What an adapter is: the reader and writer of one shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from curator.model import Example

Row = dict[str, Any]


class Written(NamedTuple):
    """A row of the target shape, and what of the example it cannot hold, in words."""

    row: Row
    losses: list[str]


class Adapter(NamedTuple):
    """One shape.

    `keys` are the top-level keys it reads; `matches` says how surely a row is of the shape (0 to 1,
    0 is no); `read` takes a row for which `matches` is above 0; `write` makes a row of the shape
    and never fails: what the shape cannot hold is listed.
    """

    name: str
    keys: frozenset[str]
    matches: Callable[[Row], float]
    read: Callable[[Row], Example]
    write: Callable[[Example], Written]

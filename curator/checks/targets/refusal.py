"""How a row is judged by the profile of a target."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, ClassVar

from curator import targets
from curator.columns import Rows
from curator.formats import SHAPES
from curator.model import Example, Flag, Severity, Turn
from curator.rule import RowRule, chat, option
from curator.targets import Profile

Target = Annotated[str, option("What the set is for: the name of a profile, or a TOML file.")]

HELLO = chat(user="Hi", assistant="Hello.")


def profile_of(name: str) -> Profile | None:
    """The profile a rule judges by; None where no target is named."""
    return targets.load(name) if name else None


def known(words: Iterable[str]) -> str:
    """ "system, user and tool"."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


class Refusal(RowRule, frozen=True):
    """A rule that judges one row by the profile of the target."""

    severity: ClassVar[Severity] = "error"
    needs = "target"
    exempt = frozenset(SHAPES)  # what is refused depends on the shape

    target: Target = ""

    def check(self, example: Example) -> Iterator[Flag]:
        profile = profile_of(self.target)
        if profile is not None and profile.reads(example):
            yield from self.refused(example, profile)

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        raise NotImplementedError


_TOLD = 5  # rows with a fault of the whole set that are told one by one


def often(count: int, rows: Rows) -> bool:
    """Whether a fault is that of the whole set, to be told once."""
    return count > max(_TOLD, int(rows.readable.sum()) // 2)


def word(turn: Turn) -> str:
    return turn.said or turn.role

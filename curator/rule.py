"""The rule contract: a rule is one small frozen class.

Its docstring says why the defect harms training, its typed fields are its options, `GOOD` and `BAD`
are examples that are executed, `check` is the logic. Tests, documentation, the JSON Schema of the
configuration and the badges derive from that one class.

Three shapes, no more:

RawRule      judges the bytes and the JSON value of a line
RowRule      judges one Example
DatasetRule  takes a fixed-width sketch of every row, then judges all sketches at once
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from curator.errors import ClashError
from curator.model import Example, Flag, Severity

if TYPE_CHECKING:
    import numpy as np

    from curator.columns import Batch, Line, Rows

Row = dict[str, Any]

RULES: dict[str, type[Rule]] = {}


class Dropped(msgspec.Struct, frozen=True):
    """Stands for "the row is gone" in `Bad.fixed`."""


DROPPED = Dropped()


class Files(list[Row]):
    """Rows of several files as an example: Files(train=[…], valid=[…]). Places count the rows of all files."""

    def __init__(self, **files: list[Row]) -> None:
        super().__init__(row for rows in files.values() for row in rows)
        self.names = [name for name, rows in files.items() for _ in rows]


class Bad(msgspec.Struct, frozen=True):
    """An example that the rule must flag, exactly `at`, and what its fix makes of it.

    `row` is a row (a dict of any known shape), raw bytes for a RawRule, or a list of rows for a
    DatasetRule. `at` is the path of each flag in order ("1:messages[0].content" names the second row
    of a DatasetRule's list). `fixed` is the row after the fix, DROPPED, or None where no fix is offered.
    """

    row: Row | bytes | list[Row]
    at: str | tuple[str, ...]
    fixed: Row | bytes | Dropped | list[Row] | None = None
    options: dict[str, Any] = {}

    @property
    def places(self) -> tuple[str, ...]:
        return (self.at,) if isinstance(self.at, str) else self.at


def option(doc: str, **limits: Any) -> msgspec.Meta:
    """What an option means and its limits, for use in `Annotated[int, option("…", ge=1)]`."""
    return msgspec.Meta(description=doc, **limits)


def chat(**turns: str) -> Row:
    """An openai-chat row; digits tell turns of one role apart: chat(user="…", assistant="…", user2="…")."""
    return {"messages": [{"role": role.rstrip("0123456789"), "content": text} for role, text in turns.items()]}


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every rule has. A class that sets `code` is registered; its name gives the rule's name."""

    code: ClassVar[str] = ""
    severity: ClassVar[Severity] = "warning"
    preview: ClassVar[bool] = False
    since: ClassVar[str] = "0.1.0"
    exempt: ClassVar[frozenset[str]] = frozenset()  # shapes in which this is no defect, or not always
    needs: ClassVar[str] = ""  # what must be named before the rule can run: "template", "target", …
    instead: ClassVar[str] = ""  # the option that says enough for the rule to run without it
    costly: ClassVar[bool] = False  # takes more than its share on a large set: run there only when asked for
    extra: ClassVar[str] = ""  # the extra whose packages the rule cannot do without: "words", …
    GOOD: ClassVar[Sequence[Any]] = ()
    BAD: ClassVar[Sequence[Bad]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        code = cls.__dict__.get("code")
        if not code:
            return
        if (other := RULES.get(code)) and _home(other) != _home(cls):
            what = f"two rules have the code {code}: {_home(other)} and {_home(cls)}"
            raise ClashError(what, hint="give one another code, or uninstall the package that brings it")
        RULES[code] = cls

    @classmethod
    def slug(cls) -> str:
        """The rule's name: EmptyTurn is "empty-turn", InvalidUTF8 "invalid-utf8"."""
        return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", cls.__name__).lower()

    def files(self) -> tuple[str, ...]:
        """Files that the verdict depends on beside the data: a plan's hash covers what they hold."""
        return ()

    @classmethod
    def summary(cls) -> str:
        """The first sentence of the docstring."""
        return (inspect.getdoc(cls) or "").partition("\n\n")[0].replace("\n", " ")

    @classmethod
    def why(cls) -> str:
        """Why the defect harms training: the rest of the docstring."""
        return (inspect.getdoc(cls) or "").partition("\n\n")[2]

    @classmethod
    def fixable(cls) -> str | None:
        """ "safe", "unsafe" or None, as the BAD examples show."""
        from curator.harness import offered_safety

        return offered_safety(cls)


class RawRule(Rule, frozen=True):
    """Judges one line below the level of a conversation: its bytes, text and JSON value.

    `candidates` may narrow the lines to those that could be at fault; it is a necessary condition
    and a test proves it. The default takes the lines that hold one of `literals` (bytes, any case
    for ASCII letters), the broken lines where `broken` is set, or all lines where neither is.
    """

    literals: ClassVar[tuple[bytes, ...]] = ()
    broken: ClassVar[bool] = False

    def candidates(self, batch: Batch) -> Iterable[int]:
        if self.broken:
            return batch.broken
        if self.literals:
            return batch.lines_with(type(self))
        return range(len(batch.lines))

    def check(self, line: Line) -> Iterator[Flag]:
        raise NotImplementedError

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        """(index of the line in the batch, flag) for every fault in the batch."""
        for index in self.candidates(batch):
            batch.at = index
            for flag in self.check(batch.line(index)):
                yield index, flag


class RowRule(Rule, frozen=True):
    """Judges one Example.

    `candidates` may narrow the rows to those that could be at fault: a necessary condition, and a
    test proves it. The default takes the rows in whose turns one of `literals` occurs (any case for
    ASCII letters); rows of a structure that is flagged, where `structural` is set, which says that
    the verdict depends on keys, roles, types and blankness alone and never on wording; else all.
    """

    literals: ClassVar[tuple[str, ...]] = ()
    structural: ClassVar[bool] = False

    def candidates(self, batch: Batch) -> Iterable[int]:
        if self.structural:
            return batch.rows_of_flagged_structure(self)
        if self.literals:
            return batch.rows_with(type(self))
        return batch.readable

    def check(self, example: Example) -> Iterator[Flag]:
        raise NotImplementedError

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        """(index of the line in the batch, flag) for every fault in the batch."""
        for index in self.candidates(batch):
            batch.at = index
            for flag in self.check(batch.example(index)):
                yield index, flag


class DatasetRule(Rule, frozen=True):
    """Judges the set: `sketch` in the workers, one `check` over all sketches.

    `sketch` returns an array with one entry a line of the batch (unreadable lines too: `batch.readable`
    tells them apart). `check` yields (index of the row in the set, flag); indices, like the rows of
    the sketch array, count the lines of the set in order, and `flag.related` holds such indices.
    A rule that asks `rows.neighbours(view)` names the view in `views`. A rule that judges words sets
    `vocabulary`: `rows.vocabulary` then holds the words of the set, and no sketch is needed.
    """

    between_splits: ClassVar[bool] = False  # compares splits: there is nothing to judge where there is one
    views: ClassVar[tuple[str, ...]] = ()  # of "whole", "prompt", "answer"
    vocabulary: ClassVar[bool] = False

    def sketch(self, batch: Batch) -> np.ndarray:
        if not self.vocabulary:
            raise NotImplementedError
        import numpy as np

        return np.zeros((len(batch.lines), 0), np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        raise NotImplementedError


def _home(rule: type[Rule]) -> str:
    """Where a rule is written: "curator.checks.roles.EmptyTurn"."""
    return f"{rule.__module__}.{rule.__qualname__}"


def origin(rule: type[Rule]) -> str:
    """Who brings a rule: "curator", a package with its version, the user's file, or the module it is written in."""
    from curator import packs, plugins

    if found := plugins.origins().get(rule.code) or packs.source(rule.code):
        return found
    module = rule.__module__.partition(".")[0]
    return module if module == "curator" else rule.__module__


def all_rules() -> dict[str, type[Rule]]:
    """Every rule by code, in order of code: those in `curator.checks`, in `rules/*.toml` and of plugins.

    Raises ConfigError where a plugin cannot stand beside the others (`curator.plugins.load`).
    """
    from curator import checks, packs, plugins

    checks.load()
    packs.load()
    plugins.load()
    return dict(sorted(RULES.items()))

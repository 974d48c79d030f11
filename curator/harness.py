"""Runs a rule on examples: what the tests, the documentation and the badges stand on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from curator import extras
from curator.columns import Batch, Literals
from curator.formats import Reader
from curator.model import Finding, Flag, NotRun, Place
from curator.rule import Bad, DatasetRule, Files, Rule
from curator.sources.finding import split_number
from curator.spreading import here
from curator.text.vocabulary import Vocabulary, terms
from curator.tokens import Estimate


def lines_of(example: Any) -> bytes:
    """The bytes of a GOOD or BAD entry: raw bytes as they are, rows as JSON lines."""
    if isinstance(example, bytes):
        return example
    rows = example if isinstance(example, list) else [example]
    return b"".join((row if isinstance(row, bytes) else msgspec.json.encode(row)) + b"\n" for row in rows)


def batch_of(example: Any, rules: tuple[Rule, ...] = (), shape: str | None = None) -> Batch:
    return Batch(lines_of(example), Reader(shape), Estimate(), Literals.of(rules))


class RowsOfBatch:
    """The rows of one batch, for a DatasetRule."""

    def __init__(self, batch: Batch, example: Any = None) -> None:
        import numpy as np

        self._batch = batch
        self.readable = np.array([example is not None for example in batch.examples], dtype=bool)
        names = example.names if isinstance(example, Files) else [""] * len(batch.lines)
        self.splits = np.array([split_number(name) for name in names], dtype=np.int64)
        known = list(dict.fromkeys(names))
        self.files = np.array([known.index(name) for name in names], dtype=np.int64)
        self.split_names = frozenset(names)
        self.in_folder = isinstance(example, Files)
        self.tokens = batch.row_tokens
        self.left_out: list[NotRun] = []
        self._memo: dict[str, Any] = {}
        self.vocabulary = Vocabulary([terms(batch).__getitem__], [0, len(batch.lines)])

    def memo(self, key: str, make: Any) -> Any:
        if key not in self._memo:
            self._memo[key] = make()
        return self._memo[key]

    def example(self, index: int) -> Any:
        return self._batch.example(index)

    def value_and_raw(self, index: int) -> tuple[Any, bytes]:
        return self._batch.values[index], self._batch.lines[index]

    def leave_out(self, note: NotRun) -> None:
        self.left_out.append(note)

    def examples(self, indices: Iterable[int]) -> list[Any]:
        return [self._batch.example(index) for index in indices]

    spread = staticmethod(here)

    def neighbours(self, view: str) -> Any:
        from curator.neighbours import shingles
        from curator.neighbours.graph import Neighbours

        part = _Part(shingles.columns(self._batch, view))
        return Neighbours([part], view, self.readable, self.splits, self.examples)


class _Part:
    """The arrays of a batch as a scan file gives them."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self.array = arrays.__getitem__


def flags_of(rule: Any, example: Any, shape: str | None = None) -> list[tuple[int, Flag]]:
    """(line index, flag) of every fault the rule sees in a GOOD or BAD entry, in order.

    `shape` is what the rows are expected to be; without one each row is read as what it looks like.
    """
    batch = batch_of(example, (rule,), shape)
    if isinstance(rule, DatasetRule):
        return sorted(rule.check(rule.sketch(batch), RowsOfBatch(batch, example)), key=lambda pair: pair[0])
    return list(rule.flags(batch))


def place_of(rule: Rule, index: int, flag: Flag) -> str:
    """How BAD writes the place of a flag: its path, with the row's index before it for a DatasetRule."""
    return f"{index}:{flag.at}" if isinstance(rule, DatasetRule) else flag.at


def flags_of_bad(rule: type[Rule], bad: Bad) -> list[tuple[int, Flag]]:
    return flags_of(msgspec.convert(bad.options, rule), bad.row)


def runs_here(rule: type[Rule]) -> bool:
    """Whether the packages that the rule cannot do without are installed."""
    return not (rule.extra and extras.missing(rule.extra))


def offered_safety(rule: type[Rule]) -> str | None:
    """ "safe" where a BAD example is offered a safe fix, "unsafe" where only unsafe ones are, else None.

    Of a rule that cannot run here its examples tell whether it mends; no such rule is sure enough to be safe.
    """
    if not runs_here(rule):
        return "unsafe" if any(bad.fixed is not None for bad in rule.BAD) else None
    offered = {flag.fix.safety for bad in rule.BAD for _, flag in flags_of_bad(rule, bad) if flag.fix}
    return "safe" if "safe" in offered else "unsafe" if offered else None


def mended(rule: Rule, example: Any, shape: str | None = None) -> bytes:
    """What one round of the rule's fixes, safe and unsafe, makes of a GOOD or BAD entry."""
    from curator.fix import apply_fixes

    found = [finding_of(rule, index, flag) for index, flag in flags_of(rule, example, shape)]
    return apply_fixes(lines_of(example), found, unsafe=True).data


def finding_of(rule: Rule, index: int, flag: Flag) -> Finding:
    """The flag as a finding in a file without a name."""
    related = tuple(Place("", other + 1) for other in flag.related)
    return Finding(
        rule.code, rule.slug(), rule.severity, "", index + 1, flag.at, flag.message, "", "", index,
        flag.span, flag.byte, flag.fix, related, flag.evidence,
    )  # fmt: skip

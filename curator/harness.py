"""Runs a rule on examples: what the tests, the documentation and the badges stand on."""

from __future__ import annotations

from typing import Any

import msgspec

from curator.columns import Batch, Literals
from curator.formats import Reader
from curator.model import Flag
from curator.rule import Bad, DatasetRule, Rule
from curator.tokens import Estimate


def lines_of(example: Any) -> bytes:
    """The bytes of a GOOD or BAD entry: raw bytes as they are, rows as JSON lines."""
    if isinstance(example, bytes):
        return example
    rows = example if isinstance(example, list) else [example]
    return b"".join((row if isinstance(row, bytes) else msgspec.json.encode(row)) + b"\n" for row in rows)


def batch_of(example: Any, rules: tuple[Rule, ...] = ()) -> Batch:
    return Batch(lines_of(example), Reader(), Estimate(), Literals.of(rules))


class _Rows:
    """The rows of one batch, for a DatasetRule."""

    def __init__(self, batch: Batch) -> None:
        import numpy as np

        self._batch = batch
        self.readable = np.array([example is not None for example in batch.examples], dtype=bool)
        self.splits = np.zeros(len(batch.lines), dtype=np.int64)
        self.tokens = batch.row_tokens

    def example(self, index: int) -> Any:
        return self._batch.example(index)


def flags_of(rule: Any, example: Any) -> list[tuple[int, Flag]]:
    """(line index, flag) of every fault the rule sees in a GOOD or BAD entry, in order."""
    batch = batch_of(example, (rule,))
    if isinstance(rule, DatasetRule):
        return sorted(rule.check(rule.sketch(batch), _Rows(batch)), key=lambda pair: pair[0])
    return list(rule.flags(batch))


def place_of(rule: Rule, index: int, flag: Flag) -> str:
    """How BAD writes the place of a flag: its path, with the row's index before it for a DatasetRule."""
    return f"{index}:{flag.at}" if isinstance(rule, DatasetRule) else flag.at


def flags_of_bad(rule: type[Rule], bad: Bad) -> list[tuple[int, Flag]]:
    return flags_of(msgspec.convert(bad.options, rule), bad.row)


def offered_safety(rule: type[Rule]) -> str | None:
    """ "safe" where a BAD example is offered a safe fix, "unsafe" where only unsafe ones are, else None."""
    offered = {flag.fix.safety for bad in rule.BAD for _, flag in flags_of_bad(rule, bad) if flag.fix}
    return "safe" if "safe" in offered else "unsafe" if offered else None

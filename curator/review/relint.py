"""Single rows judged again: while a person edits, and for the rows that edits have made.

Only rules that judge a row by itself can be asked; those that compare rows have their say at the next lint.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curator.columns import content_id, parse
from curator.engine import LARGE
from curator.model import Finding
from curator.rule import DatasetRule
from curator.scan.span import Job, Scan
from curator.sources import Source, Span

if TYPE_CHECKING:
    from curator.config import Config, Plan


class Relint:
    """The row rules of a configuration, ready to judge rows of a shape."""

    def __init__(self, config: Config, *, large: bool = False) -> None:
        plan = config.plan()
        if large:
            plan = plan.without_costly(f"the set holds more than {LARGE / 1e6:,.0f} MB")
        self.plan = _rows_alone(plan)
        self._scan = Scan(self.plan, Path(), None)

    def lint(self, rows: Sequence[str], shape: str, file: str = "") -> list[list[Finding]]:
        """What is found in each of these rows (a JSON object on one line each)."""
        data = b"".join(row.encode("utf-8", "backslashreplace") + b"\n" for row in rows)
        source = Source(file, "", "jsonl", None, Path(file), None)
        job = Job(source, Span(1, 1 + len(data)), shape or None, self.plan.ignored(file) if file else frozenset())
        _, found, _ = self._scan.scan(job, data)
        names = {rule.code: rule.slug() for rule in self.plan.rules}
        out: list[list[Finding]] = [[] for _ in rows]
        for item in found:
            flag = item.flag
            out[item.line].append(
                Finding(
                    item.code,
                    names[item.code],
                    self.plan.severities[item.code],
                    file,
                    item.line + 1,
                    flag.at,
                    flag.message,
                    item.id,
                    item.row,
                    -1,
                    flag.span,
                    flag.byte,
                    flag.fix,
                    (),
                    flag.evidence,
                    item.excerpt,
                )
            )
        return out


def _rows_alone(plan: Plan) -> Plan:
    return plan._with(rules=tuple(rule for rule in plan.rules if not isinstance(rule, DatasetRule)))


def row_id(text: str) -> str:
    """The content id of a row written as one line of JSON."""
    raw = text.encode("utf-8", "backslashreplace")
    return content_id(parse(raw), raw).hex()

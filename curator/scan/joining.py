"""Runs dataset rules over the rows of the set: one after the other, or some at a time in processes of their own.

A rule sees the rows alone and says nothing to other rules, so the findings do not depend on where it runs.
Rules that share what is costly to make (a graph of neighbours, the words of the set, what a module keeps)
run in one process, one after the other.
"""

from __future__ import annotations

import mmap
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from curator.model import Audit, Example, Excerpt, Flag, NotRun
from curator.neighbours.graph import Neighbours
from curator.rule import DatasetRule
from curator.scan.overseeing import is_foreign, judging, refuse_unsound
from curator.scan.rows import SetRows
from curator.scan.span import encodable, excerpt_of, finding_id, shielded
from curator.scan.store import Found, Part, spill
from curator.text.differing import first_difference

Judging = Callable[[int, int, str], None]  # rules judged, rules in all, and what is judged now: "DUP003, part 12"

_CROWD = 1000  # rows in one bucket of the neighbour graph, from which on the report says so
_QUOTED = 8  # rows beside its own whose words a finding may quote
_EXCERPTS = 1000  # findings of a dataset rule that get an excerpt: it costs a second look at the row


class Joined(msgspec.Struct, frozen=True):
    """What one rule found: where its findings lie, and what it had to leave out."""

    code: str
    part: Part
    fixable: int
    seconds: float
    left_out: tuple[NotRun, ...]


class Judged(msgspec.Struct, frozen=True):
    """What the rules that ran in one process found, and what is to be said of the graphs they made."""

    rules: tuple[Joined, ...]
    crowded: tuple[NotRun, ...]
    audits: tuple[Audit, ...]


class Join:
    """Runs some of the rules over the rows. Works in this process and in forks of it."""

    def __init__(
        self,
        rows: SetRows,
        rules: Sequence[DatasetRule],
        ignored: Sequence[frozenset[str]],
        bounds: Sequence[int],
        folder: Path,
        *,
        audit: bool,
        judging: Judging | None = None,
    ) -> None:
        self.rows, self.rules, self.ignored = rows, rules, ignored
        self.bounds, self.folder, self.audit = bounds, folder, audit
        self._judging = judging
        self._judged = mmap.mmap(-1, max(1, len(rules)))  # a byte a rule, which forks share: 1 once it was judged

    def __call__(self, places: Sequence[int]) -> Judged:
        known = len(self.rows.graphs)
        joined = tuple(self._of_place(place) for place in places)
        graphs = self.rows.graphs[known:]
        crowded = tuple(self._crowded(graph) for graph in graphs if graph.capped.largest >= _CROWD)
        audits = tuple(graph.audit(*graph.asked) for graph in graphs) if self.audit else ()
        return Judged(joined, crowded, audits)

    def _of_place(self, place: int) -> Joined:
        """Judge by one rule, and say how far the work has come."""
        rule, parts = self.rules[place], 0

        def tell() -> None:
            nonlocal parts
            if self._judging:
                self._judging(
                    sum(self._judged[:]), len(self.rules), f"{rule.code}, part {parts}" if parts else rule.code
                )
            parts += 1

        tell()
        self.rows.at, self.rows.watch = rule.code, tell
        joined = self._of_rule(rule)
        self._judged[place] = 1
        return joined

    def _of_rule(self, rule: DatasetRule) -> Joined:
        start, known = time.process_time(), len(self.rows.left_out)
        with judging(rule):
            # The sketches are named nowhere here: a rule that is done with them sets their memory free.
            flags = sorted(rule.check(self.rows.sketches(rule.code), self.rows), key=lambda pair: pair[0])
            flags = [pair for pair in flags if rule.code not in self.ignored[self.rows.source_of(pair[0])]]
            fixable = sum(flag.fix is not None for _, flag in flags)
            part = spill(self.folder / f"joined-{rule.code}", self._addressed(rule, flags), self.bounds)
        left_out = tuple(self.rows.left_out[known:])
        return Joined(rule.code, part, fixable, time.process_time() - start, left_out)

    def _addressed(self, rule: DatasetRule, flags: list[tuple[int, Flag]]) -> Iterator[Found]:
        """The flags as findings, the first of them with an excerpt."""
        foreign = is_foreign(rule)
        for number, (line, flag) in enumerate(flags):
            yield self._address(rule.code, line, flag, number < _EXCERPTS, foreign)

    def _address(self, code: str, line: int, flag: Flag, shown: bool, foreign: bool) -> Found:
        rows, flag = self.rows, encodable(flag)
        if foreign:
            refuse_unsound(flag)
        named = () if flag.about else (line, *flag.related)
        members = tuple(sorted(rows.content_id(row) for row in named))
        excerpted = self._excerpt(line, flag) if shown else None
        known = shielded(flag, self._quoted(line, flag))
        bare = msgspec.structs.replace(known, about="")  # it may quote a row, and has served
        return Found(code, line, bare, finding_id(code, members, known), rows.content_id(line), excerpted)

    def _excerpt(self, line: int, flag: Flag) -> Excerpt | None:
        """What is shown of the row: of two rows that differ, the place where they do."""
        example, differs = self.rows.example_or_none(line), flag.evidence.get("differs")
        if differs and example is not None and not flag.at and flag.related:
            beside = self.rows.example_or_none(flag.related[0])
            place = first_difference(example, beside, differs[0]) if beside is not None else None
            flag = msgspec.structs.replace(flag, at=place[0], span=place[1]) if place else flag
        return excerpt_of(flag, *self.rows.value_and_raw(line), example)

    def _quoted(self, line: int, flag: Flag) -> Iterator[Example | None]:
        """The rows whose words a flag may quote."""
        return (self.rows.example_or_none(row) for row in (line, *flag.related[:_QUOTED]))

    def _crowded(self, graph: Neighbours) -> NotRun:
        """A note for a set in which too many rows are alike to compare each with each."""
        codes = tuple(rule.code for rule in self.rules if graph.view in rule.views)
        reason = f"{graph.capped.largest:,} rows share so much wording that not all of their pairs were compared"
        return NotRun(codes, reason, "--audit measures what was found; drop the rows that repeat, and lint again")


def apart(rules: Sequence[DatasetRule]) -> list[tuple[int, ...]]:
    """Places of the rules in groups that share nothing costly, those that take longest first."""
    groups: dict[tuple[int, str], list[int]] = {}
    for place, rule in enumerate(rules):
        if rule.views:
            key = (0, "views")
        elif rule.vocabulary:
            key = (2, "vocabulary")
        else:
            key = (1 if rule.costly else 3, type(rule).__module__)
        groups.setdefault(key, []).append(place)
    return [tuple(groups[key]) for key in sorted(groups, key=lambda key: key[0])]

"""How far people confirm what a rule finds, and how far they agree with each other.

A finding is judged right where its row was mended, edited or dropped for it, and wrong where the row was kept
as it is. Decisions made many at once are no judgements of single findings and do not count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from curator import decisions
from curator.model import Decision
from curator.neighbours.graph import wilson
from curator.text.excerpt import visible

ENOUGH = 0.1  # half the width of an interval that is narrow enough
_MOST = 400
_FEW = 5  # findings of a rule, below which one may as well judge them all


class Precision(msgspec.Struct, frozen=True):
    """Of the findings of a rule that were judged one by one, how many are right; `low` and `high` bound the share."""

    code: str
    judged: int
    right: int
    low: float
    high: float

    @classmethod
    def of(cls, code: str, right: int, wrong: int) -> Precision:
        return cls(code, right + wrong, right, *wilson(right, right + wrong))

    @property
    def share(self) -> float:
        return self.right / self.judged if self.judged else 0.0

    def __str__(self) -> str:
        if not self.judged:
            return "none judged"
        interval = f"{self.low:.0%} to {self.high:.0%}".replace("%", "", 1)
        return f"{self.judged:,} judged, {self.right:,} true, {self.share:.0%} ({interval})"

    def more(self, left: int) -> int:
        """How many more of `left` findings to judge, at the same rate, until the interval is narrow enough."""
        for extra in range(min(left, _MOST) + 1):
            total = self.judged + extra
            low, high = wilson(round(total * (self.share if self.judged else 0.9)), total)
            if total and high - low <= 2 * ENOUGH:
                return extra
        return min(left, _MOST)


def most_telling(known: Iterable[Precision], left: Mapping[str, int], number: int = 5) -> frozenset[str]:
    """The rules of which a few more judgements would narrow most: those with many findings left and a wide interval."""
    gains = [((p.high - p.low) * left.get(p.code, 0), p.code) for p in known if p.more(left.get(p.code, 0))]
    return frozenset(code for gain, code in sorted(gains, reverse=True)[:number] if left[code] >= _FEW)


def judgements(made: Iterable[Decision]) -> Mapping[str, tuple[int, int]]:
    """(right, wrong) by code, from the decisions that stand."""
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for decision in decisions.standing(made):
        if decision.finding and decision.code and not decision.batch:
            counts[decision.code][decision.verdict == "keep"] += 1
    return {code: (right, wrong) for code, (right, wrong) in sorted(counts.items())}


def precisions(made: Iterable[Decision]) -> tuple[Precision, ...]:
    """The precision of each rule of which something was judged, in order of code."""
    return tuple(Precision.of(code, *counts) for code, counts in judgements(made).items())


class Agreement(msgspec.Struct, frozen=True):
    """Two reviewers on the findings of a rule that both judged before they saw each other's verdicts.

    `kappa` is Cohen's (1960): the agreement beyond what chance would give; None where chance leaves no room.
    """

    code: str
    one: str
    two: str
    both: int
    agreed: int
    kappa: float | None


def agreements(made: Iterable[Decision]) -> tuple[Agreement, ...]:
    """Cohen's kappa for each rule and pair of reviewers, in order of code; "*" is all rules together."""
    first: dict[tuple[str, str], tuple[str, bool]] = {}
    ordered = decisions.in_order(made)
    undone = {decision.undoes for decision in ordered if decision.undoes}
    by_id = {decisions.identity(decision): decision for decision in ordered}
    for decision in ordered:
        if not decision.finding or decision.verdict == "later" or decision.batch or decision.undoes:
            continue
        if decisions.identity(decision) in undone or _after_another(decision, by_id):
            continue
        first.setdefault((decision.finding, decision.who), (decision.code, decision.verdict != "keep"))
    verdicts: defaultdict[str, dict[str, tuple[str, bool]]] = defaultdict(dict)
    for (finding, who), verdict in first.items():
        verdicts[finding][who] = verdict
    tables: defaultdict[tuple[str, str, str], Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for by_whom in verdicts.values():
        for one, two in combinations(sorted(by_whom), 2):
            code = by_whom[one][0]
            for name in (code, "*"):
                tables[name, one, two][by_whom[one][1], by_whom[two][1]] += 1
    return tuple(_agreement(*key, table) for key, table in sorted(tables.items()))


def _after_another(decision: Decision, by_id: Mapping[str, Decision]) -> bool:
    """Whether it was made with another reviewer's verdict in sight."""
    base = by_id.get(decision.base)
    return base is not None and base.who != decision.who and base.verdict != "later"


def _agreement(code: str, one: str, two: str, table: Counter[tuple[bool, bool]]) -> Agreement:
    both = table.total()
    agreed = table[True, True] + table[False, False]
    yes_one, yes_two = table[True, True] + table[True, False], table[True, True] + table[False, True]
    chance = (yes_one * yes_two + (both - yes_one) * (both - yes_two)) / both**2
    kappa = None if chance == 1 else (agreed / both - chance) / (1 - chance)
    return Agreement(code, one, two, both, agreed, kappa)


# ---------------------------------------------------------------------- showing


def as_json(made: Sequence[Decision]) -> bytes:
    """Precisions and agreements as one JSON object."""
    body = {"precision": precisions(made), "agreement": agreements(made)}
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def as_text(made: Sequence[Decision]) -> str:
    """A line a rule, then a line for each rule and pair of reviewers; "all" is all rules together."""
    lines = [f"{told.code:<8} {told}" for told in precisions(made)] or ["nothing was judged one by one yet"]
    for told in agreements(made):
        kappa = "no kappa" if told.kappa is None else f"kappa {told.kappa:.2f}"
        code = "all" if told.code == "*" else told.code
        lines.append(
            f"{code:<8} {visible(told.one)} and {visible(told.two)}: {kappa}, {told.agreed} of {told.both} alike"
        )
    return "\n".join(lines) + "\n"

"""What a training run made of the rows of a set, and how well those were learnt in which a rule found something.

The losses are those of row_facts.parquet, joined by content id; nothing is trained or loaded here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
import numpy as np

from curator.columns import content_id, parse
from curator.model import Lessons, Place, Report, RuleLesson
from curator.rowfacts import BY_HEART, KNOWN, LEARNT, NEVER, SAID, Columns, read_facts
from curator.sources import Source, cut, open_sources, read

if TYPE_CHECKING:
    from curator.config import Config

_NEEDED = ("row", "split", "trained_tokens", "loss_before", "loss_after", "learnt")
_PEERS = 8  # held-out rows that were as hard before, beside which a learnt row is looked at
_UNLEARNT = 6  # of these, from here on the row is said to be learnt by heart
_FEWEST = 6  # rows below which nothing is said of a rule
_DRAWS = 1000
_PLACES = 200  # rows of a kind that are named
_BOM = b"\xef\xbb\xbf"


class Measured(NamedTuple):
    """Rows of a run: content ids, kinds, whether each was trained on, and the sums of their losses in nats."""

    rows: list[str]
    kinds: list[str]
    trained: np.ndarray
    before: np.ndarray
    after: np.ndarray


def measured(columns: Columns) -> Measured | None:
    """The rows with what became of them; None where the file holds no losses after a run."""
    if not columns.get("row") or any(name not in columns for name in _NEEDED):
        return None
    tokens = np.asarray(columns["trained_tokens"], float)
    first, last = (np.asarray(columns[f"loss_{when}"], float) for when in ("before", "after"))
    trained = np.array([split == "train" for split in columns["split"]])
    kinds = np.array(columns["learnt"], dtype=object)
    kinds[by_heart(kinds, trained, first)] = BY_HEART
    return Measured(list(columns["row"]), kinds.tolist(), trained, first * tokens, last * tokens)


def by_heart(kinds: np.ndarray, trained: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Which trained rows were learnt while held-out rows as hard before were not: what was learnt of them is
    themselves.

    Each is looked at beside the eight held-out rows whose loss a token before was nearest; with fewer of those
    nothing is said. Boolean array, shape (rows,).
    """
    found = np.zeros(len(kinds), bool)
    held = np.flatnonzero(~trained & (kinds != KNOWN))
    if len(held) < _PEERS:
        return found
    held = held[np.argsort(before[held], kind="stable")]
    hard, failed = before[held], (kinds[held] == NEVER).astype(int)
    for n in np.flatnonzero(trained & (kinds == LEARNT)).tolist():
        nearest = np.argsort(np.abs(hard - before[n]), kind="stable")[:_PEERS]
        found[n] = failed[nearest].sum() >= _UNLEARNT
    return found


def told(report: Report, paths: Sequence[str | Path], config: Config) -> Report:
    """The report with what the run that the configuration names made of the rows; as it is where none is named.

    Raises:
        SourceError: the facts of the run cannot be read.
    """
    if not config.facts_path or (facts := measured(read_facts(config.facts_path))) is None:
        return report
    with open_sources(paths, config.excluded) as sources:
        places = dict(_places(sources))
    found: defaultdict[str, set[str]] = defaultdict(set)
    for finding in report.findings:
        found[finding.code].add(finding.row)
    names = {stat.code: stat.name for stat in report.rules}
    return msgspec.structs.replace(report, lessons=joined(str(config.facts), facts, places, found, names))


def _places(sources: Iterable[Source]) -> Iterator[tuple[str, Place]]:
    """Every row by its content id, with where it stands; of copies the last."""
    for source in sources:
        first = 0
        for span in cut(source):
            lines = read(source, span).removesuffix(b"\n").split(b"\n")
            for number, raw in zip(source.lines(first, len(lines)), lines, strict=False):
                if raw.strip():
                    yield content_id(parse(raw.removeprefix(_BOM)), raw).hex(), Place(source.path, number)
            first += len(lines)


def joined(
    run: str, facts: Measured, places: dict[str, Place], found: dict[str, set[str]], names: dict[str, str]
) -> Lessons:
    """What became of the rows of this set, and of those of each rule."""
    here = [n for n, row in enumerate(facts.rows) if row in places]
    first: dict[str, list[Place]] = defaultdict(list)
    for n in here:
        if len(first[facts.kinds[n]]) < _PLACES:
            first[facts.kinds[n]].append(places[facts.rows[n]])
    counts = Counter(facts.kinds[n] for n in here)
    seen = np.array([n for n in here if facts.trained[n]], int)
    rows = [facts.rows[n] for n in seen.tolist()]
    left = _Left(facts.before[seen], facts.after[seen])
    rules = []
    for code in sorted(found):
        of_rule = np.array([row in found[code] for row in rows], bool)
        if (lesson := left.of(code, names.get(code, ""), of_rule)) is not None:
            rules.append(lesson)
    return Lessons(
        run=run,
        rows=len(here),
        others=len(places.keys() - {facts.rows[n] for n in here}),
        counts={kind: counts[kind] for kind in SAID},
        places={kind: tuple(first[kind]) for kind in SAID if kind != LEARNT and first[kind]},
        rules=tuple(sorted(rules, key=lambda lesson: (-lesson.low, lesson.code))),
    )


class _Left(NamedTuple):
    """The losses of trained rows before and after, summed by row."""

    before: np.ndarray
    after: np.ndarray

    def of(self, code: str, name: str, mine: np.ndarray) -> RuleLesson | None:
        """The share of the loss that training left on the rows of a rule and on the others, with a 95 % interval
        of the difference: a bootstrap over rows, by quantiles. None where either side has fewer than six rows.
        """
        if min(mine.sum(), (~mine).sum()) < _FEWEST or not self.before[mine].sum() or not self.before[~mine].sum():
            return None
        rng = np.random.default_rng(0)
        shares = [self._drawn(side, rng) for side in (mine, ~mine)]
        low, high = (float(edge) for edge in np.quantile(shares[0] - shares[1], (0.025, 0.975)))
        own, others = (float(self.after[side].sum() / self.before[side].sum()) for side in (mine, ~mine))
        verdict: Literal["worse", "better", "cannot tell"] = "cannot tell"
        if low > 0 or high < 0:
            verdict = "worse" if low > 0 else "better"
        return RuleLesson(code, name, int(mine.sum()), own, others, low, high, verdict)

    def _drawn(self, side: np.ndarray, rng: Any) -> np.ndarray:
        """The share that is left, over resamples of the rows of one side; shape (draws,)."""
        before, after = self.before[side], self.after[side]
        times = rng.multinomial(len(before), np.full(len(before), 1 / len(before)), _DRAWS)
        shares: np.ndarray = (times @ after) / np.maximum(times @ before, 1e-9)
        return shares

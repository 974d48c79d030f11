"""How many near-duplicates are found, by the share of words that were edited, and what looking for them costs.

    python tests/bench/neighbours.py                 20,000 generated rows
    python tests/bench/neighbours.py --rows 200000

A tenth of the rows repeat an earlier row with 1 to 12 % of their words replaced, deleted or inserted. Prints
for each rate the share of the repeats of which DUP003 reports one of the two rows, so that they do not outlive
`curator clean` together: of all, and of those whose exact similarity is at or above its threshold; the audit's
own figure; and the CPU of the lint with the rule over that without it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from curator import engine
from curator.config import load_config
from curator.model import Report
from curator.neighbours.shingles import jaccard, plain_words

RATES = (0.01, 0.02, 0.04, 0.06, 0.08, 0.12)
SYLLABLES = "ba do fen gri hul ka lor mis nev pol qua ros ste tur vin wex yan zob".split()
Pair = tuple[str, str]


class Repeat(NamedTuple):
    """A row made from the row `of`, and their exact similarity."""

    rate: float
    of: int
    similarity: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curator-bench-") as folder:
        data = Path(folder) / "set.jsonl"
        planted = write(data, args.rows, args.seed)
        with_rule, report = cpu_of(lambda: lint(data, "default", audit=False))
        without, _ = cpu_of(lambda: lint(data, "ignore"))
        audited = lint(data, "only", audit=True)
    print(f"{args.rows:,} rows; CPU with DUP003 over without: {with_rule / without:.2f} ({without:.1f} s without)")
    print(f"{'edited':>8} {'repeats':>8} {'found':>7} {'alike':>8} {'found':>7}")
    for rate, repeats, found, alike, found_alike in curve(planted, report):
        print(f"{rate:8.0%} {repeats:8,} {found:7.3f} {alike:8,} {found_alike:7.3f}")
    for audit in audited.audits:
        print(f"audit: {audit.found} of {audit.pairs} pairs, 95 % interval {audit.low:.3f} to {audit.high:.3f}")


def curve(planted: dict[int, Repeat], report: Report) -> Iterator[tuple[float, int, float, int, float]]:
    """(edit rate, repeats, share of them found, those at or above the threshold, share found) for each rate."""
    flagged = {f.index for f in report.findings if f.code in {"DUP001", "DUP002", "DUP003"}}
    for rate in RATES:
        rows = {row: repeat for row, repeat in planted.items() if repeat.rate == rate}
        found = {row for row, repeat in rows.items() if {row, repeat.of} & flagged}
        alike = {row for row, repeat in rows.items() if repeat.similarity >= 0.7}
        yield rate, len(rows), share(set(rows), found), len(alike), share(alike, found)


def share(wanted: set[int], found: set[int]) -> float:
    return len(wanted & found) / max(1, len(wanted))


def lint(data: Path, how: str, audit: bool = False) -> Report:
    chosen = {"default": {}, "ignore": {"ignore": ("DUP003",)}, "only": {"select": ("DUP003",)}}[how]
    overrides = {**chosen, "thorough": True}
    return engine.lint([data], load_config(data.parent, overrides=overrides), workers=1, cache=False, audit=audit)


def cpu_of(work: Callable[[], Report]) -> tuple[float, Report]:
    """The least CPU seconds of three runs, and the last result."""
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF)
        result = work()
        after = resource.getrusage(resource.RUSAGE_SELF)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(spent), result


def write(path: Path, rows: int, seed: int) -> dict[int, Repeat]:
    """Write the set; every repeat by its row."""
    rng = random.Random(seed)
    words = list(dict.fromkeys("".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(8000)))
    weights = [1 / (rank + 8) for rank in range(len(words))]
    sentences = [" ".join(rng.choices(words, weights, k=rng.randint(5, 22))) + "." for _ in range(20_000)]
    earlier: list[tuple[int, Pair]] = []
    planted = {}
    with path.open("w", encoding="utf-8") as file:
        for row in range(rows):
            if row < 100 or rng.random() < 0.9:
                pair = (rng.choice(sentences), " ".join(rng.choices(sentences, k=rng.randint(1, 8))))
                earlier.append((row, pair))
            else:
                rate, (of, (prompt, answer)) = rng.choice(RATES), rng.choice(earlier)
                asked = edited(rng, prompt, rate, words) if rng.random() < 0.5 else prompt
                pair = (asked, edited(rng, answer, rate, words))
                alike = jaccard(plain_words(f"{prompt} {answer}"), plain_words(" ".join(pair)))
                planted[row] = Repeat(rate, of, alike)
            turns = [{"role": role, "content": text} for role, text in zip(("user", "assistant"), pair, strict=True)]
            file.write(json.dumps({"messages": turns}) + "\n")
    return planted


def edited(rng: random.Random, text: str, rate: float, vocabulary: list[str]) -> str:
    """About that share of the words replaced, deleted or inserted; at least one."""
    words = text.split()
    for _ in range(max(1, int(len(words) * rate))):
        at, kind = rng.randrange(len(words)), rng.random()
        if kind < 0.5:
            words[at] = rng.choice(vocabulary)
        elif kind < 0.75 and len(words) > 3:
            del words[at]
        else:
            words.insert(at, rng.choice(vocabulary))
    return " ".join(words)


if __name__ == "__main__":
    main()

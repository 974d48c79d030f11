"""How many of the near-duplicates planted in sets like real ones are found, seed by seed.

    python tests/quality/repeats.py [--seeds 10]

Needs the sample data beside the repository. Two sets a seed: 20,000 rows recombined from real sentences, a
tenth of them edited copies (make_bench.py there), and the tool-calling rows of GPTeacher with 800 edited
copies. Counted are copies of which at most 4 % was edited: as the maker of the set was asked, who edits one
word of the shortest row too; by the words that really differ; and those whose exact similarity to the row they
were made from is at or above the threshold of DUP003. A copy is found where it, or the row it was made from, is
reported: no pair outlives `curator clean`. Every reported row must have a kept twin at the threshold, by texts.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from curator import engine
from curator.config import load_config
from curator.neighbours.shingles import similarity

SHARED = Path(__file__).parents[3] / "shared"
MOST = 0.04
LONG, SHORT = 0.7, 0.6  # the thresholds of DUP003; the second below 40 shingles


class Copy(NamedTuple):
    row: int
    of: int
    edited: float  # share of the words that really differ
    alike: bool  # exact similarity at or above the threshold
    found: bool


def maker() -> ModuleType:
    """make_bench.py of the sample data."""
    spec = importlib.util.spec_from_file_location("make_bench", SHARED / "tools/make_bench.py")
    if spec is None or spec.loader is None:
        sys.exit("the sample data are not beside the repository")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def recombined(path: Path, seed: int) -> None:
    maker().write_scale(path, 20_000, seed)


def tool_calling(path: Path, seed: int) -> None:
    make, rng = maker(), random.Random(seed)
    rows = json.loads((SHARED / "data/gpteacher/toolformer-dedupe-only-dataset.json").read_text("utf-8"))
    pairs = list(dict.fromkeys(make.instruction_rows(rows)))
    vocabulary = [word for _, answer in pairs[:3000] for word in answer.split()]
    with path.open("w", encoding="utf-8") as data, Path(f"{path}.truth.tsv").open("w", encoding="utf-8") as truth:
        for pair in pairs:
            data.write(make.chat(*pair))
        for row, of in enumerate(rng.sample(range(len(pairs)), 800), len(pairs)):
            (prompt, answer), rate = pairs[of], rng.choice(make.EDIT_RATES)
            if rng.random() < 0.5:
                prompt = make.edited(rng, prompt, rate, vocabulary)
            data.write(make.chat(prompt, make.edited(rng, answer, rate, vocabulary)))
            truth.write(f"{row}\t{of}\tnear\t{rate}\n")


SETS: dict[str, Callable[[Path, int], None]] = {"recombined": recombined, "toolformer": tool_calling}


def copies(path: Path) -> tuple[list[Copy], float]:
    """The edited copies in a set, and the lowest exact similarity of a reported row to the kept row it names,
    over the threshold for their length: 1 and above is as it should be."""
    report = engine.lint(
        [path],
        load_config(path.parent, overrides={"select": ("DUP001", "DUP002", "DUP003"), "thorough": True}),
        workers=1,
        cache=False,
    )
    texts = [
        "\n".join(turn["content"] for turn in json.loads(line)["messages"])
        for line in path.read_text("utf-8").split("\n")
        if line
    ]
    found = {finding.index: finding for finding in report.findings}
    lowest = 9.0
    for finding in found.values():
        if finding.code == "DUP003":
            kept = finding.related[0].line - 1
            assert not finding.fix or kept not in found or not found[kept].fix, "the twin of a row that goes is kept"
            alike, words = similarity(texts[kept], texts[finding.index])
            lowest = min(lowest, alike / _bar(words))
    out = []
    for line in Path(f"{path}.truth.tsv").read_text("utf-8").splitlines():
        row, of, kind, rate = line.split("\t")
        if kind == "near" and float(rate) <= MOST:
            one, two = texts[int(row)], texts[int(of)]
            a, b = one.split(), two.split()
            edited = Levenshtein.distance(a, b) / max(len(a), len(b))
            alike, words = similarity(one, two)
            out.append(Copy(int(row), int(of), edited, alike >= _bar(words), bool({int(row), int(of)} & found.keys())))
    return out, lowest


def _bar(words: int) -> float:
    return SHORT if words - 2 < 40 else LONG


def rows(seeds: range) -> Iterator[tuple[str, ...]]:
    """(set, seed, then found of copies: as asked, as edited, as alike; lowest likeness over the threshold)."""
    for name, make in SETS.items():
        for seed in seeds:
            with tempfile.TemporaryDirectory(prefix="curator-quality-") as folder:
                path = Path(folder) / "set.jsonl"
                make(path, seed)
                made, lowest = copies(path)
            edited, alike = [c for c in made if c.edited <= MOST], [c for c in made if c.alike]
            yield name, str(seed), *(_share(some) for some in (made, edited, alike)), f"{lowest:.3f}"


def _share(some: list[Copy]) -> str:
    return f"{sum(c.found for c in some) / max(1, len(some)):.3f} of {len(some)}"


HEAD = ("set", "seed", "asked for at most 4 %", "edited at most 4 %", "alike at the threshold", "lowest over threshold")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=500)
    args = parser.parse_args()
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for row in rows(range(args.first, args.first + args.seeds)):
        print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()

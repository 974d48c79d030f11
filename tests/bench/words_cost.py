"""What the rules on words, languages, private data and style add to a lint, as a ratio of CPU measured in one run.

    python tests/bench/words_cost.py data.jsonl [--runs 3]

Lints the data without these families and with all of their rules that are out of preview, costly ones too, turn by
turn, in one process each and without a cache. Prints the medians and what they add.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

FAMILIES = ("SPL", "LNG", "PII", "SEC", "STY", "ROL009", "DUP005")


def seconds(data: Path, *options: str) -> float:
    """CPU seconds of one lint."""
    command = [sys.executable, "-m", "curator", "lint", str(data), "--no-cache", "--workers", "1", *options]
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode > 1:
        raise SystemExit(done.stderr)
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--apart", action="store_true", help="each family by itself as well")
    args = parser.parse_args()
    without = ("--ignore", ",".join(FAMILIES))
    ways: dict[str, tuple[str, ...]] = {"without": without, "with all": ("--extend-select", ",".join(FAMILIES))}
    for family in FAMILIES if args.apart else ():
        others = ",".join(each for each in FAMILIES if each != family)
        ways[f"with {family}"] = ("--ignore", others, "--extend-select", family)
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(args.runs):
        for name, options in ways.items():
            spent[name].append(seconds(args.data, *options))
    base = statistics.median(spent["without"])
    print(f"{'lint':12} {'CPU s':>7} {'adds':>6}")
    for name, each in spent.items():
        cost = statistics.median(each)
        print(f"{name:12} {cost:7.2f} {cost / base - 1:6.0%}")


if __name__ == "__main__":
    main()

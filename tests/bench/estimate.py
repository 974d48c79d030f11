"""How far the token estimate is from the true count: `python tests/bench/estimate.py FILE…`."""

from __future__ import annotations

import sys
from pathlib import Path

from curator.columns import UNSET, parse
from curator.formats import Reader
from curator.tokens import Estimate, resolve


def main() -> None:
    exact, estimate, reader = resolve("cl100k_base"), Estimate(), Reader()
    errors = []
    for name in sys.argv[1:]:
        values = [parse(line) for line in Path(name).read_bytes().splitlines()]
        examples = [reader.read(v) for v in values if v is not UNSET and isinstance(v, dict)]
        texts = [turn.text for e in examples if e for turn in e.all_turns()] or Path(name).read_text("utf8").split("\n")
        true, guess = sum(exact.count(texts)), sum(estimate.count(texts))
        errors.append(guess / true - 1)
        print(f"{errors[-1]:+7.1%}  {true:>10,} tokens  {name}")
    print(f"mean absolute error {sum(map(abs, errors)) / len(errors):.1%}, largest {max(map(abs, errors)):.1%}")


if __name__ == "__main__":
    main()

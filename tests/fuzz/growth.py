"""Looks for rules whose time grows out of hand with the length of a row: `python -m tests.fuzz.growth [CODE ...]`.

Every text of a rule's own examples is written over and over, joined by spaces or by line ends, and the rule is timed on
the short and on the long row. Told is each whose time grows by more than an exponent of 1.4 and that would take over five
seconds on a text of a megabyte.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

from curator.harness import flags_of, runs_here
from curator.rule import Rule, all_rules

SHORT, LONG, WHOLE = 20_000, 80_000, 1_000_000  # characters
LIMIT = 5.0  # seconds for a text of WHOLE characters
EXPONENT = 1.4
TRIED = 4  # examples of each kind


def leaves(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """(steps, text) of every text of a row that is written by hand, not one of its names."""
    if isinstance(value, str) and len(value) > 8:
        yield at, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield from leaves(item, (*at, step))


def stretched(row: Any, at: tuple[Any, ...], text: str, joint: str, size: int) -> Any:
    """The row with the text written over and over, `size` characters long."""
    row = copy.deepcopy(row)
    inner = row
    for step in at[:-1]:
        inner = inner[step]
    inner[at[-1]] = joint.join([text] * (size // (len(text) + len(joint)) + 1))
    return row


def seconds(rule: Rule, row: Any) -> float:
    """Processor time of one judgement, reading and columns included."""
    begun = time.process_time()
    flags_of(rule, row)
    return time.process_time() - begun


def slow(kind: type[Rule]) -> Iterator[str]:
    """What to say of a rule: which text makes it slow, and how slow."""
    rows = [bad.row for bad in kind.BAD[:TRIED]] + kind.GOOD[:TRIED]
    for row in (row for row in rows if isinstance(row, dict)):
        for at, text in leaves(row):
            for joint in (" ", "\n"):
                short, long = (seconds(kind(), stretched(row, at, text, joint, size)) for size in (SHORT, LONG))
                exponent = math.log(max(long, 1e-3) / max(short, 1e-3)) / math.log(LONG / SHORT)
                whole = long * (WHOLE / LONG) ** exponent
                if exponent > EXPONENT and whole > LIMIT:
                    yield f"{kind.code} {exponent:.2f} {whole:7.1f} s a megabyte {at} {joint!r} {text[:60]!r}"


def main(codes: list[str]) -> int:
    found = 0
    for kind in all_rules().values():
        if runs_here(kind) and (not codes or kind.code in codes):
            for line in slow(kind):
                found += 1
                print(line, flush=True)
    print(f"{found} slow")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

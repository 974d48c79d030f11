"""What the rules that compare rows with rows cost, and how fast prompts are grouped.

    python tests/bench/dataset_rules.py SET.jsonl [--workers 2] [--rounds 3]
    python tests/bench/dataset_rules.py --prompts 100000

The first prints the CPU, the wall time and the peak memory of `curator lint --thorough` over those of the same lint
without the rules that compare rows with rows, and over those of the lint without any costly rule, each in processes
of its own, workers included; the least of the rounds. Make the set with make_bench.py scale. The second prints the
CPU seconds in which prompts, a tenth of them in other words, are grouped by what they ask for, the reading of the
rows included.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

LINT = [sys.executable, "-m", "curator", "lint", "--no-cache", "--exit-zero", "--format", "json"]
COMPARE = "CON,DUP,SET,SPT"  # families of the rules that compare rows with rows
FRAMES = (
    "What is the {} of {}?", "Tell me the {} of {}.", "How do I find the {} of {}?", "Who wrote about the {} of {}?",
    "When was the {} of {} built?", "Explain the {} of {} to a child.",
)  # fmt: skip
OTHERWISE = {
    "What is the {} of {}?": "Can you tell me what the {} of {} is?",
    "How do I find the {} of {}?": "What is the best way to find the {} of {}?",
    "When was the {} of {} built?": "In what year was the {} of {} built?",
}


class Spent(NamedTuple):
    """Of one command and its workers."""

    cpu: float  # seconds
    wall: float
    memory: int  # kB, the largest process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", nargs="?", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=0)
    options = parser.parse_args()
    if options.set:
        ratio(options.set, options.workers, options.rounds)
    if options.prompts:
        grouping(options.prompts)


def ratio(path: Path, workers: int, rounds: int) -> None:
    ways = {
        "all rules": ["--thorough"],
        "no rows compared": ["--thorough", "--ignore", COMPARE],
        "none that is costly": ["--no-thorough"],
    }
    runs: dict[str, list[Spent]] = {name: [] for name in ways}
    for _ in range(rounds):  # by turns: the machine may grow slower or faster
        for name, options in ways.items():
            runs[name].append(spent([*LINT, *options, "--workers", str(workers), str(path)]))
    best = {name: (min(run.cpu for run in these), min(run.wall for run in these)) for name, these in runs.items()}
    for name, (cpu, wall) in best.items():
        memory = max(run.memory for run in runs[name]) / 1e6
        times = best["all rules"][0] / cpu, best["all rules"][1] / wall
        print(
            f"{name:22} {cpu:7.1f} CPU s {wall:7.1f} s wall {memory:6.2f} GB; "
            f"all rules take {times[0]:.2f} of its CPU, {times[1]:.2f} of its time"
        )


def spent(command: list[str]) -> Spent:
    with tempfile.TemporaryFile() as out:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=out)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
        return Spent(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss)


def grouping(prompts: int) -> None:
    from curator.checks.contradictions import ConflictingAnswers, grouping
    from curator.config import Config
    from curator.engine import open_sources, scanned

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prompts.jsonl"
        first = prompts * 9 // 10
        with path.open("w") as file:
            for n in range(prompts):
                place = n % first
                frame = FRAMES[place % len(FRAMES)]
                ask = (OTHERWISE.get(frame, frame) if n >= first else frame).format(
                    f"thing{place}", f"place{place % 91}"
                )
                turns = [{"role": "user", "content": ask}, {"role": "assistant", "content": f"It is {n}."}]
                file.write(json.dumps({"messages": turns}) + "\n")
        before = time.process_time()
        rule = ConflictingAnswers()
        with open_sources([path]) as sources, scanned(sources, Config(select=(rule.code,)).plan(), workers=1) as rows:
            sketches = rows.sketches(rule.code)
            wanted = grouping.comparable(sketches, rows)
            same = grouping.same_prompt(sketches, wanted)
            parts = [
                part
                for block in grouping.blocks(grouping.same_intent(sketches, wanted))
                for group in grouping.read(block, sketches, rows)
                for part in grouping.by_intent(group)
            ]
        print(
            f"{prompts:,} prompts: {time.process_time() - before:.1f} CPU s; {len(same):,} groups of one prompt, "
            f"{len(parts):,} of several that ask the same"
        )


if __name__ == "__main__":
    main()

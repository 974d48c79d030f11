"""What a lint with all default rules costs from ten thousand rows to ten million: the table of docs/scale.md.

    python tests/bench/scale.py 10_000 100_000 1_000_000             each size once, with as many workers as processors
    python tests/bench/scale.py 10_000_000 --folder /big/disk        ten million rows take 9 GB of disk

Prints a line a size: CPU microseconds and bytes of disk a row, wall seconds, and peak memory of all processes
together (proportional set size, sampled four times a second), in the columns of the page. Rows are made of English
words drawn as often as people use them (wordfreq), 2 % are copies and 8 % differ from an earlier row in a word or two.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

REMEMBERED = 5_000  # rows that later ones may repeat
WORDS = 30_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="+", type=int)
    parser.add_argument("--folder", type=Path, help="where the sets and what a lint spills are written")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--stages", action="store_true", help="CPU a row of each stage instead, in one process")
    parser.add_argument(
        "--thorough", action="store_true", help="with the costly rules, of which DUP003 looks for rows alike"
    )
    parser.add_argument("--keep", action="store_true", help="leave the sets there")
    args = parser.parse_args()
    print(f"{'rows':>12}{'MB':>8}{'CPU s':>9}{'µs/row':>8}{'wall s':>8}{'memory MB':>11}{'disk MB':>9}{'findings':>10}")
    for rows in args.rows:
        with tempfile.TemporaryDirectory(prefix="curator-scale-", dir=args.folder) as folder:
            data = (args.folder or Path(folder)) / f"scale-{rows}.jsonl"
            if not data.exists():
                write(data, rows)
            if args.stages:
                stages(data, rows, args.thorough)
                continue
            size = data.stat().st_size / 1e6
            options = ["--engine", args.engine] if args.engine != "local" else []
            options += ["--thorough"] if args.thorough else []
            options += ["--workers", str(args.workers)] if args.workers else []
            cpu, wall, memory, disk, found = lint(data, Path(folder), options)
            print(
                f"{rows:>12,}{size:>8,.0f}{cpu:>9,.1f}{cpu / rows * 1e6:>8.1f}{wall:>8,.1f}{memory / 1e6:>11,.0f}"
                f"{disk / 1e6:>9,.0f}{found:>10,}",
                flush=True,
            )
            if not args.keep:
                data.unlink(missing_ok=True)


# ---------------------------------------------------------------------- the rows


def write(path: Path, rows: int, seed: int = 1) -> None:
    with path.open("w", encoding="utf8", buffering=1 << 20) as out:
        for asked, said in made(rows, random.Random(seed)):
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
            out.write(json.dumps({"messages": turns}, ensure_ascii=False) + "\n")


def made(rows: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Pairs of a question and an answer."""
    import wordfreq

    words = [word for word in wordfreq.top_n_list("en", WORDS) if word.isalpha()]
    weights = list(accumulate(wordfreq.word_frequency(word, "en") for word in words))
    earlier: list[tuple[str, str]] = []
    for _ in range(rows):
        kind = rng.random()
        if kind < 0.10 and earlier:
            asked, said = rng.choice(earlier)
            if kind >= 0.02:
                parts = said.split(" ")
                parts[rng.randrange(1, len(parts) - 1)] = rng.choice(words)
                said = " ".join(parts)
        else:
            drawn = rng.choices(words, cum_weights=weights, k=12 + rng.randint(20, 160))
            asked = " ".join(drawn[:12]).capitalize() + "?"
            cuts = [*range(12, len(drawn) - 8, 14), len(drawn)]
            sentences = (" ".join(drawn[a:b]).capitalize() for a, b in pairwise(cuts))
            said = ". ".join(sentences) + "."
        if len(earlier) < REMEMBERED:
            earlier.append((asked, said))
        elif kind > 0.99:
            earlier[rng.randrange(REMEMBERED)] = asked, said
        yield asked, said


# ---------------------------------------------------------------------- the measurement


def lint(data: Path, folder: Path, options: list[str]) -> tuple[float, float, int, int, int]:
    """(CPU seconds, wall seconds, peak bytes of memory, peak bytes of disk, findings)."""
    spilled, report = folder / "spilled", folder / "report.json"
    spilled.mkdir()
    command = [sys.executable, "-m", "curator", "lint", str(data), "--no-cache", "--exit-zero", "--format", "json"]
    command += ["--statistics", "--output", str(report), *options]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(spilled)}, stdout=subprocess.DEVNULL) as process:
        watch = Watch(process.pid, spilled)
        watch.start()
        status = process.wait()
        watch.ended.set()
        watch.join()
    if status not in (0, 1):
        raise SystemExit(f"curator ended with {status}")
    after, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - started
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (
        cpu,
        wall,
        watch.memory,
        watch.disk,
        sum(rule["findings"] for rule in json.loads(report.read_bytes())["rules"]),
    )


def stages(data: Path, rows: int, thorough: bool) -> None:
    """CPU microseconds a row of scanning, joining, and within the join of the search for rows alike."""
    from curator import engine
    from curator.config import load_config
    from curator.neighbours.graph import Neighbours

    spent: dict[str, float] = {}

    def timed(owner: Any, method: str, name: str) -> None:
        real = getattr(owner, method)

        def run(*given: Any, **more: Any) -> Any:
            started = time.process_time()
            try:
                return real(*given, **more)
            finally:
                spent[name] = spent.get(name, 0.0) + time.process_time() - started

        setattr(owner, method, run)

    timed(engine._Run, "scan", "spans: read, columns, row rules, sketches, scan files")
    timed(engine._Run, "join", "join: all rules on the whole set")
    timed(Neighbours, "_signed", "  of it signatures gathered")
    timed(Neighbours, "_candidates", "  of it signatures and bands")
    timed(Neighbours, "_verify", "  of it pairs verified")
    started = time.process_time()
    found = len(
        engine.lint([data], load_config(data, None, {"thorough": thorough or None}), workers=1, cache=False).findings
    )
    spent["in all"] = time.process_time() - started
    for name, seconds in spent.items():
        print(f"{seconds / rows * 1e6:8.2f} µs a row  {name}")
    print(f"{found:,} findings")


class Watch(threading.Thread):
    """Samples what the processes below one hold, and what lies in a folder."""

    def __init__(self, pid: int, folder: Path) -> None:
        super().__init__(daemon=True)
        self.pid, self.folder, self.ended = pid, folder, threading.Event()
        self.memory = self.disk = 0

    def run(self) -> None:
        while not self.ended.wait(0.25):
            self.memory = max(self.memory, sum(map(held, tree(self.pid))))
            self.disk = max(self.disk, lying(self.folder))


def tree(pid: int) -> Iterator[int]:
    yield pid
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            yield from tree(int(child))


def held(pid: int) -> int:
    """Bytes of memory that a process holds, what it shares counted in parts."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def lying(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += file.lstat().st_size
    return total


if __name__ == "__main__":
    main()

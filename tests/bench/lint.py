"""What a lint costs, as ratios measured in one run.

    python tests/bench/lint.py                  a generated set of 100,000 rows
    python tests/bench/lint.py data.jsonl       your own
    python tests/bench/lint.py --rows 1000000 --growth

Prints, with medians of several runs:
  lint / plain      CPU of `curator lint` over CPU of a loop of json.loads and tiktoken's encode_ordinary
  --help, ten rows  wall time over that of `python -c pass`
  unchanged, edited wall time of a second lint, and of one after an edited row, over the first
  growth            time at ten times the rows over the time, and peak memory (with --growth)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
PLAIN = """
import json, sys
from curator.tokens import _tiktoken
encode = _tiktoken("cl100k_base").encode_ordinary
count = 0
for line in open(sys.argv[1], encoding="utf8"):
    for turn in json.loads(line)["messages"]:
        count += len(encode(turn["content"]))
print(count)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--growth", action="store_true", help="also ten times the rows, and peak memory")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curator-bench-") as folder:
        os.environ["CURATOR_CACHE_DIR"] = f"{folder}/cache"
        data = args.data or made(Path(folder) / "set.jsonl", args.rows)
        rows = sum(1 for _ in data.open("rb"))
        print(f"{rows:,} rows, {data.stat().st_size / 1e6:.1f} MB, {os.cpu_count()} processors")
        against_plain_loop(data, args.runs)
        start_up(Path(folder), args.runs + 2)
        again(data, Path(folder), rows)
        if args.growth:
            growth(data, Path(folder))


def made(path: Path, rows: int, seed: int = 7) -> Path:
    """A set recombined from the sentences of the samples, with near and exact repeats strewn in."""
    rng = random.Random(seed)
    samples = Path(__file__).resolve().parents[2] / "samples"
    sentences: list[str] = []
    for file in (samples / "support-clean.jsonl", samples / "tools-clean.jsonl"):
        for line in file.read_bytes().splitlines():
            try:
                turns = json.loads(line)["messages"]
            except (ValueError, KeyError, TypeError):
                continue
            texts = (turn.get("content") for turn in turns)
            sentences += [s for text in texts if isinstance(text, str) for s in text.split(". ") if len(s) > 20]
    words = sorted({word for sentence in sentences for word in sentence.split()})
    with path.open("w", encoding="utf8") as out:
        for n in range(rows):
            asked = f"{rng.choice(sentences)}? Case {n if rng.random() < 0.98 else n // 2}."
            said = ". ".join(
                f"{rng.choice(sentences)} {' '.join(rng.choices(words, k=6))}" for _ in range(rng.randint(1, 12))
            )
            turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": f"{said}."}]
            out.write(json.dumps({"messages": turns}, ensure_ascii=False) + "\n")
    return path


def measured(*command: object) -> tuple[float, float, float]:
    """(CPU seconds, wall seconds, peak memory in MB) of a command and its children."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([str(part) for part in command], capture_output=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{command[0]}: {done.stderr.decode()[-300:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, after.ru_maxrss / 1024


def lint(data: Path, *options: str) -> tuple[float, float, float]:
    report = Path(os.environ["CURATOR_CACHE_DIR"]).with_name("report.json")
    return measured(BIN / "curator", "lint", data, "--exit-zero", "--format", "json", "--output", report, *options)


def against_plain_loop(data: Path, runs: int) -> None:
    pairs = [(lint(data, "--no-cache")[0], measured(BIN / "python", "-c", PLAIN, data)[0]) for _ in range(runs)]
    linted, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"lint / plain loop, CPU      {linted / plain:5.2f}   ({linted:.2f} s over {plain:.2f} s)")


def start_up(folder: Path, runs: int) -> None:
    ten = folder / "ten.jsonl"
    rows = [
        {"messages": [{"role": "user", "content": f"{n} + {n}?"}, {"role": "assistant", "content": f"{2 * n}."}]}
        for n in range(10)
    ]
    ten.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def best(*command: object) -> float:
        return min(measured(*command)[1] for _ in range(runs))

    empty = best(BIN / "python", "-c", "pass")
    for name, command in (("--help", ("--help",)), ("ten rows", ("lint", ten))):
        took = best(BIN / "curator", *command)
        print(f"{name:<8} / empty python, wall {took / empty:5.1f}   ({took * 1000:.0f} ms over {empty * 1000:.0f} ms)")


def again(data: Path, folder: Path, rows: int) -> None:
    copy = folder / "copy.jsonl"
    shutil.copy(data, copy)
    time.sleep(0.2)
    cold = lint(copy)[1]
    unchanged = min(lint(copy)[1] for _ in range(3))
    body = copy.read_bytes()
    middle = body.index(b"\n", len(body) // 2) + 1
    extra = b'{"messages": [{"role": "user", "content": "New?"}, {"role": "assistant", "content": "Yes, new."}]}\n'
    copy.write_bytes(body[:middle] + extra + body[middle:])
    edited = lint(copy)[1]
    print(f"unchanged again, wall       {unchanged:5.2f} s ({rows:,} rows; cold {cold:.2f} s)")
    print(f"one row edited / cold, wall {edited / cold:5.2f}   ({edited:.2f} s)")


def growth(data: Path, folder: Path) -> None:
    tenfold = folder / "tenfold.jsonl"
    with tenfold.open("wb") as out:
        for n in range(10):
            mark = f"[{n}] ".encode()
            for line in data.open("rb"):
                out.write(line.replace(b'"content": "', b'"content": "' + mark))
    small, large = lint(data, "--no-cache"), lint(tenfold, "--no-cache")
    print(f"ten times the rows, CPU     {large[0] / small[0]:5.1f}   ({large[0]:.1f} s over {small[0]:.1f} s)")
    print(f"ten times the rows, wall    {large[1] / small[1]:5.1f}   ({large[1]:.1f} s over {small[1]:.1f} s)")
    print(f"peak memory of a process    {large[2]:5.0f} MB")


if __name__ == "__main__":
    main()

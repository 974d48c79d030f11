"""Builds `rules/benchmarks/public.npz`, the index of public benchmarks, from a folder of sample data.

    python tests/bench/benchmark_index.py ../shared/data

The index holds hashes and no text. Ordinary data in the same folder says which runs of words are common: those
make no triggers, and a short question that people ask anyway is left out.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from curator import benchmarks
from curator.benchmarks import Item

ORDINARY = (
    "gpteacher/*.json",
    "llamafactory/*_demo.json*",
    "gsm8k/train.jsonl",
    "mlx_w*/*.jsonl",
    "oasst_sample/en*",
    "langid_lingua/sentences/en.txt",
    "negation_nli/*.txt",
    "sop/*.md",
)
SHORT = 10  # words: longer questions are nobody's by chance


def lines(file: Path) -> Iterator[dict[str, Any]]:
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    yield from (json.loads(line) for line in data.split(b"\n") if line.strip())


def items(data: Path) -> list[Item]:
    """Every question once, by benchmark, counted from 1 in the order of its file."""
    found: dict[tuple[str, int], Item] = {}
    for file in sorted((data / "bench_decon/bundled-evals").glob("*.jsonl.gz")):
        for row in lines(file):
            name = {"mmlu": "MMLU", "gsm8k": "GSM8K"}[row["eval_key"]] + " " + row["split"]
            number = row["eval_instance_index"] + 1
            found.setdefault((name, number), Item(name, number, row["question"]))
    for row in lines(data / "bench_humaneval/HumanEval.jsonl.gz"):
        number = int(row["task_id"].partition("/")[2]) + 1
        found["HumanEval", number] = Item("HumanEval", number, row["prompt"])
    with (data / "bench_truthfulqa/TruthfulQA.csv").open(encoding="utf-8", newline="") as table:
        for number, row in enumerate(csv.DictReader(table), 1):
            found["TruthfulQA", number] = Item("TruthfulQA", number, row["Question"])
    for number, row in enumerate(lines(data / "sharegpt_fastchat/mt_bench_question.jsonl"), 1):
        found["MT-Bench", number] = Item("MT-Bench", number, row["turns"][0])
    return [found[key] for key in sorted(found)]


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from strings(part)


def ordinary(data: Path) -> Iterator[list[str]]:
    """The texts of sets that are no benchmarks, a list a file."""
    for pattern in ORDINARY:
        for file in sorted(data.glob(pattern)):
            if file.suffix == ".json":
                yield list(strings(json.loads(file.read_bytes())))
            elif file.suffix == ".jsonl":
                yield [text for row in lines(file) for text in strings(row)]
            else:
                yield file.read_text("utf-8", "replace").split("\n")


def main(data: Path) -> None:
    questions = items(data)
    common = np.zeros(1 << 21, dtype=np.int64)
    texts = [*ordinary(data), [item.text for item in questions]]
    for part in texts:
        found = benchmarks.runs(benchmarks.words_of(part))
        common += np.bincount(found[found != 0] >> np.uint32(11), minlength=len(common))
    target = Path(__file__).parents[2] / "rules/benchmarks/public.npz"
    index = benchmarks.build(questions, common)
    benchmarks.save(index, target)  # the weights of words are read from it
    of = {(item.benchmark, item.number): item.text.strip().lower() for item in questions}
    asked: set[str] = set()
    for part in texts[:-1]:
        hits = benchmarks.find(index, benchmarks.lookup(index), benchmarks.words_of(part), 0.999)
        asked |= {of[index.name(item)] for item in hits.items.tolist() if index.sizes[item] <= SHORT}
    kept = [item for item in questions if item.text.strip().lower() not in asked]
    index = benchmarks.build(kept, common)
    benchmarks.save(index, target)
    print(f"{len(index.sizes):,} of {len(questions):,} questions, {len(index.triggers):,} triggers,", end=" ")
    print(f"{target.stat().st_size:,} bytes; {len(asked)} that people ask anyway are left out")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

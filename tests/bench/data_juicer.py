"""The CPU of `curator lint` and of a data-juicer job over the same rows, side by side.

    python tests/bench/data_juicer.py                     20,000 generated rows
    python tests/bench/data_juicer.py data.jsonl          your own chat rows
    python tests/bench/data_juicer.py --env ~/juicer      an environment to make once and keep

data-juicer filters by eight measures that need no model (alphanumeric share, special characters, average
and longest line, length, words, repeated characters and words) and drops exact and near-duplicates (MinHash,
Jaccard 0.7). It runs in an environment of its own, made on first use from the package registry, and never
loads a model. curator counts tokens on top of the job; its second line has all its default rules, costly ones
included. Each runs on one process.

Each whole process is measured, start-up included; the least of several runs counts.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lint import BIN, made

NEEDS = (("torch==2.13.0",), ("py-data-juicer==1.6.1", "aiohttp"))  # torch first: from the pinned version, without CUDA
JOB = {
    "project_name": "bench",
    "np": 1,
    "open_tracer": False,
    "text_keys": "text",
    "process": [
        {"alphanumeric_filter": {"tokenization": False, "min_ratio": 0.25}},
        {"average_line_length_filter": {"min_len": 10, "max_len": 10_000}},
        {"character_repetition_filter": {"rep_len": 10, "max_ratio": 0.5}},
        {"maximum_line_length_filter": {"min_len": 10, "max_len": 100_000}},
        {"special_characters_filter": {"max_ratio": 0.5}},
        {"text_length_filter": {"min_len": 10, "max_len": 1_000_000}},
        {"word_repetition_filter": {"lang": "en", "tokenization": False, "rep_len": 10, "max_ratio": 0.5}},
        {"words_num_filter": {"lang": "en", "tokenization": False, "min_num": 3, "max_num": 100_000}},
        {"document_deduplicator": {"lowercase": False, "ignore_non_character": False}},
        {"document_minhash_deduplicator": {"tokenization": "space", "window_size": 3, "jaccard_threshold": 0.7}},
    ],
}

# Repeats, empty and stub answers, rows far longer than the others, looping phrases, signs in the place of text.
SAME_JOB = "DUP001,DUP002,DUP003,ANS001,ANS008,LEN003,LEN004,ENC"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--env", type=Path, help="environment of data-juicer; made where it is missing")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="curator-bench-") as folder:
        data = args.data or made(Path(folder) / "set.jsonl", args.rows)
        rows = sum(1 for _ in data.open("rb"))
        print(f"{rows:,} rows, {data.stat().st_size / 1e6:.1f} MB")
        theirs = min(cpu_of(job(args.env or Path(folder, "env"), data, Path(folder))) for _ in range(args.runs))
        print(f"data-juicer, 8 filters, exact and near-duplicates: {theirs:7.1f} s CPU", flush=True)
        lint = [str(BIN / "curator"), "lint", str(data), "--no-cache", "--workers", "1"]
        for what, options in (("the same job", ("--select", SAME_JOB)), ("every default rule", ("--thorough",))):
            ours = min(cpu_of([*lint, *options], ok=(0, 1)) for _ in range(args.runs + 1))
            print(f"curator, {what:<42} {ours:7.1f} s CPU, 1/{theirs / ours:.0f}")


def job(env: Path, data: Path, folder: Path) -> list[str]:
    """The command of the data-juicer job, its input and its environment made where they are missing."""
    if not (env / "bin" / "dj-process").exists():
        subprocess.run([sys.executable, "-m", "venv", str(env)], check=True)
        for packages in NEEDS:
            subprocess.run([str(env / "bin" / "pip"), "install", "-q", *packages], check=True)
    texts = folder / "texts.jsonl"
    if not texts.exists():
        with data.open(encoding="utf-8") as rows, texts.open("w", encoding="utf-8") as out:
            for line in rows:
                said = "\n".join(turn["content"] or "" for turn in json.loads(line)["messages"])
                out.write(json.dumps({"text": said}) + "\n")
    recipe = folder / "job.json"  # JSON is YAML
    paths = {"dataset_path": str(texts), "export_path": str(folder / "kept.jsonl"), "work_dir": str(folder / "work")}
    recipe.write_text(json.dumps({**JOB, **paths, "use_cache": False}))
    return [str(env / "bin" / "dj-process"), "--config", str(recipe)]


def cpu_of(command: Sequence[str], ok: Sequence[int] = (0,)) -> float:
    """CPU seconds of a process and its children; ends the run where the exit status is none of `ok`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode not in ok:
        sys.exit(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()

"""What training costs beside a loop written by hand, and tokenising beside the bare tokenizer.

    python tests/bench/train.py steps     a step of curator's loop over one of a plain loop: same model, same batches
    python tests/bench/train.py tokens    rows with masks a second over those of the bare tokenizer (100,000 rows)
    python tests/bench/train.py padding   padding by packing, on real sets; with --trl PYTHON beside TRL's own
                                          loader, as it comes and with packing

Ratios of CPU seconds of one run, since other work on the machine moves the clock and not the ratio.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from curator.config import load_config
from curator.recipe import Recipe
from curator.sources import open_sources
from curator.training import batches, loop
from curator.training.models import hush, locate
from curator.training.prepared import Rows, best_fit, prepare, waste

DATA = Path(__file__).parents[3] / "shared" / "data"
SETS = {
    "Alpaca (1,000 rows)": DATA / "llamafactory" / "alpaca_en_demo.json",
    "ShareGPT conversations": DATA / "sharegpt_fastchat",
    "OASST trees": DATA / "oasst_sample",
    "GSM8K": DATA / "gsm8k",
    "the sample faults.jsonl": Path(__file__).parents[2] / "samples" / "faults.jsonl",
}
BATCH, LIMIT, PACK = 8, 2048, 4096


def rows_of(path: Path, base: Any, limit: int = LIMIT) -> Rows:
    with open_sources([path]) as sources:
        found = prepare(list(sources), load_config(path), Recipe(), base.path, Path(base.path), limit)
    return found.splits["train"]


def steps(count: int) -> None:
    """Alternating stretches of the two loops over the same flat batches; the median of the ratios."""
    import torch
    from transformers import get_cosine_schedule_with_warmup

    base = locate("demo")
    rows = rows_of(Path(__file__).parents[2] / "samples" / "faults.jsonl", base)
    recipe = Recipe(steps=count, track=("none",), batch=4, facts="off", dropout=0.0)

    def ours(folder: str) -> float:
        torch.manual_seed(0)
        model = loop.with_adapter(loop.load_model(base.path, recipe, "cpu", "fp32"), recipe, False)
        args = loop.arguments(recipe, loop.schedule(recipe, len(rows)), Path(folder), "cpu", "fp32", False, False)
        args.save_strategy = "no"
        watch = Timed(None)
        trainer = loop.build(model, recipe, args, batches.RowSet(rows), None, 0, watch)
        trainer.train()
        return statistics.median(b - a for a, b in pairwise(watch.ends))

    def by_hand() -> float:
        torch.manual_seed(0)
        model = loop.with_adapter(loop.load_model(base.path, recipe, "cpu", "fp32"), recipe, False).train()
        weights = [p for p in model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=2e-4, weight_decay=0.0)
        schedule = get_cosine_schedule_with_warmup(optimizer, 1, count)
        order = torch.randperm(len(rows)).tolist()
        ends = []
        for step in range(count):
            group = [rows[order[(4 * step + k) % len(rows)]] for k in range(4)]
            losses, _ = batches.token_losses(model, batches.flat(group))
            losses.mean().backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            ends.append(time.process_time())
        return statistics.median(b - a for a, b in pairwise(ends))

    ratios = []
    for turn in range(3):
        with tempfile.TemporaryDirectory() as folder:
            pair = (ours(folder), by_hand())
        ratios.append(pair[0] / pair[1])
        print(
            f"turn {turn + 1}: curator {pair[0]:.3f} CPU s a step, by hand {pair[1]:.3f}, ratio {ratios[-1]:.3f}",
            flush=True,
        )
    print(f"step time over a loop written by hand: {statistics.median(ratios):.3f}")


class Timed(loop.Watch):
    """Notes the CPU time at the end of every step."""

    def __init__(self, tell: Any) -> None:
        super().__init__(tell)
        self.ends: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
        self.ends.append(time.process_time())
        return super().on_step_end(args, state, control, **more)


def tokens(count: int) -> None:
    """Rows of Alpaca over and over, as one file; the bare tokenizer is given the rendered texts in one list."""
    from transformers import AutoTokenizer

    from curator.checks.fit import looks
    from curator.formats import Reader

    base = locate("demo")
    source = json.loads(SETS["Alpaca (1,000 rows)"].read_text("utf-8"))
    rows = [
        {"messages": [{"role": "user", "content": f"{n}. {row['instruction']} {row['input']}".strip()},
                      {"role": "assistant", "content": row["output"]}]}
        for n, row in ((n, source[n % len(source)]) for n in range(count))
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "train.jsonl")
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        texts = [look.seen.text for row in rows for look in looks(Reader().read(row), base.path)]
        bare = AutoTokenizer.from_pretrained(base.path)
        bare(texts[:500], add_special_tokens=False)
        at, cpu = time.perf_counter(), time.process_time()
        made = sum(len(bare(texts[k : k + 1000], add_special_tokens=False)["input_ids"]) for k in range(0, count, 1000))
        plain, plain_cpu = time.perf_counter() - at, time.process_time() - cpu
        at, cpu = time.perf_counter(), time.process_time()
        with open_sources([file]) as sources:
            found = prepare(
                list(sources), load_config(file), Recipe(), base.path, Path(base.path), LIMIT, root=Path(folder, "c")
            )
        ours, ours_cpu = time.perf_counter() - at, time.process_time() - cpu
        assert made == count == len(found.splits["train"])
        print(f"{count:,} rows, {int(found.splits['train'].lengths.sum()):,} tokens")
        print(f"bare tokenizer {plain:.1f} s ({plain_cpu:.1f} CPU s)")
        print(f"with reading, rendering, masks and the Arrow file {ours:.1f} s ({ours_cpu:.1f} CPU s)")
        print(f"rate over the bare tokenizer: {plain / ours:.2f} by the clock, {plain_cpu / ours_cpu:.2f} by CPU")
        at = time.perf_counter()
        with open_sources([file]) as sources:
            again = prepare(
                list(sources), load_config(file), Recipe(), base.path, Path(base.path), LIMIT, root=Path(folder, "c")
            )
        print(f"a second time: {time.perf_counter() - at:.2f} s (reused: {again.reused})")


def padding(trl: str) -> None:
    """Share of what is computed that is padding, for batches of 8 rows in random order, cut at 2,048 tokens."""
    base = locate("demo")
    lengths = {name: rows_of(path, base).lengths for name, path in SETS.items() if path.exists()}
    theirs = _theirs(trl, {name: found.tolist() for name, found in lengths.items()}) if trl else {}
    more = " TRL as it comes | TRL, packing |" if theirs else ""
    print(f"| set | rows | mean tokens | padded rows |{more} flat | best-fit packs of {PACK:,}, were they filled up |")
    print("|---|---|---|---|---|---|" + "---|---|" * bool(theirs))
    for name, found in lengths.items():
        order = np.random.default_rng(0).permutation(len(found)).tolist()
        groups = [order[k : k + BATCH] for k in range(0, len(order), BATCH)]
        packs = best_fit(found.tolist(), PACK)
        shares = [waste(found, groups, "none", 0, BATCH), *theirs.get(name, {}).values()]
        shares += [waste(found, groups, "flat", 0, BATCH), waste(found, packs, "best-fit", PACK, BATCH)]
        cells = " | ".join(f"{share:.1%}" for share in shares)
        print(f"| {name} | {len(found):,} | {found.mean():.0f} | {cells} |")


def _theirs(python: str, lengths: dict[str, list[int]]) -> dict[str, dict[str, float]]:
    """The shares of TRL's own loader, by set."""
    sys.path.insert(0, str(Path(__file__).parents[2]))
    from tests.tiny import tiny_model

    script = Path(__file__).parents[1] / "trainers" / "trl_padding.py"
    asked = json.dumps({"batch": BATCH, "limit": LIMIT, "sets": lengths})
    with tempfile.TemporaryDirectory() as model:
        command = [python, str(script), str(tiny_model(model))]
        done = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2000:])
    said = json.loads(done.stdout.splitlines()[-1])
    for name, shares in said.items():
        print(f"{name}: TRL's packing leaves out {shares.pop('left out'):.1%} of the tokens", file=sys.stderr)
    return dict(said)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["steps", "tokens", "padding"])
    parser.add_argument("--count", type=int, default=0, help="Steps, or rows.")
    parser.add_argument("--trl", default="", metavar="PYTHON", help="An interpreter with TRL, for padding.")
    asked = parser.parse_args()
    hush()
    if asked.what == "steps":
        steps(asked.count or 12)
    elif asked.what == "tokens":
        tokens(asked.count or 100_000)
    else:
        padding(asked.trl)
    return 0


if __name__ == "__main__":
    sys.exit(main())

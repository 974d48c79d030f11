"""Measures how well curator finds what it looks for, and writes docs/quality.md.

    python tests/quality/run.py                          the sample data beside the repository, else rows made here
    python tests/quality/run.py --base mine.jsonl        rows of your own (repeat it for more than one file)
    python tests/quality/run.py --list wrong-to-right.txt    a list of misspellings, lines `wrong->right`
    python tests/quality/run.py --peers                  other linters on the same rows, each in an environment of its own

Faults are planted by tests/quality/faults.py, several of each kind, in several sets and with several seeds; every
figure is a share of planted faults that a finding names by line and code. Prints the page as well.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "bench")]

import contradictions
import faults
import neighbours
import repeats
import words

from curator.config import load_config
from curator.engine import lint
from curator.rule import RULES, all_rules

DATA = ROOT.parent / "shared" / "data"
BASES = ("llamafactory/alpaca_en_demo.json", "gsm8k/train.jsonl",
         "gpteacher/roleplay-simple-deduped-roleplay-instruct.json")  # fmt: skip
CLEAN = (
    *BASES, "gpteacher/codegen-instruct.json", "gpteacher/toolformer-dedupe-only-dataset.json", "oasst_sample/en_100_tree.jsonl",
    "self_instruct/seed_tasks.jsonl", "llamafactory/glaive_toolcall_en_demo.json", "mlx_wwdc25/all.jsonl",
)  # fmt: skip
PAGE = ROOT / "docs" / "quality.md"


class Tally(NamedTuple):
    """How many faults were planted, found by the rules that run by themselves, and found with those in preview."""

    planted: int = 0
    found: int = 0
    with_preview: int = 0

    def plus(self, default: bool, preview: bool) -> Tally:
        return Tally(self.planted + 1, self.found + default, self.with_preview + preview)


def wilson(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (E. B. Wilson, 1927)."""
    if not total:
        return 0.0, 1.0
    share = hits / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def shown(hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    return f"{hits / total:.3f} [{low:.2f}, {high:.2f}]" if total else "-"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |"


def linted(paths: Sequence[Path], **overrides: Any) -> list[Any]:
    config = load_config(paths[0].parent, overrides={"thorough": True, **overrides})
    return list(lint(list(paths), config, cache=False).findings)


# ---------------------------------------------------------------------- planted faults


class Planting:
    """Faults planted in every base with every seed: what was found of each kind, and said of hard negatives."""

    def __init__(self, bases: dict[str, list[faults.Row]], seeds: int, each: int) -> None:
        self.known = frozenset(all_rules())
        self.tallies: dict[faults.Fault, dict[str, Tally]] = defaultdict(dict)
        self.hard: Counter[tuple[str, str]] = Counter()
        self.hard_rows = self.clean = 0
        self.clean_found: Counter[str] = Counter()
        for name, rows in bases.items():
            fits = min(each, len(rows) // (3 * len(faults.FAULTS)) + 1)
            for seed in range(1, seeds + 1):
                self._judge(name, faults.plant(rows, seed, fits))

    def _judge(self, name: str, planted: faults.Planted) -> None:
        with tempfile.TemporaryDirectory(prefix="curator-quality-") as folder:
            found = linted(written(planted, Path(folder)), preview=True)
        codes: dict[faults.Place, set[str]] = defaultdict(set)
        for finding in found:
            for place in (finding, *finding.related):
                codes[Path(place.file).stem, place.line].add(finding.code)
        for truth in planted.truths:
            said = set().union(*(codes[place] for place in truth.places)) & set(truth.fault.codes)
            by_default = any(not RULES[code].preview for code in said)
            tallies = self.tallies[truth.fault]
            tallies[name] = tallies.get(name, Tally()).plus(by_default, bool(said))
        taken = {place for truth in planted.truths for place in truth.places}
        self.hard_rows += len(planted.hard)
        self.clean += planted.clean
        for finding in found:
            place = Path(finding.file).stem, finding.line
            if RULES[finding.code].preview or finding.path == "":
                continue
            if place in planted.hard and not taken & {(Path(p.file).stem, p.line) for p in finding.related}:
                self.hard[planted.hard[place], finding.code] += 1

    def rows(self) -> Iterator[tuple[object, ...]]:
        for kind in faults.FAULTS:
            bases = self.tallies.get(kind, {})
            codes = [code for code in kind.codes if code in self.known]
            if not bases or not codes:
                continue
            total = Tally(*map(sum, zip(*bases.values(), strict=True)))
            name, worst = min(bases.items(), key=lambda item: (item[1].with_preview / item[1].planted, item[0]))
            preview = all(RULES[code].preview for code in codes)
            yield (
                kind.family, kind.name, ", ".join(codes) + (" (preview)" if preview else ""), total.planted,
                shown(total.found, total.planted) if not preview else "-", shown(total.with_preview, total.planted),
                f"{name} {shown(worst.with_preview, worst.planted)}",
            )  # fmt: skip


def _name(path: Path) -> str:
    """The name of a set: its folder says more than train.jsonl."""
    return path.stem.split("-")[0] if path.stem not in ("train", "all") else path.parent.name


def written(planted: faults.Planted, folder: Path) -> list[Path]:
    paths = []
    for split, lines in planted.splits.items():
        path = folder / f"{split}.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        paths.append(path)
    return paths


# ---------------------------------------------------------------------- clean rows


def clean_rows(files: Sequence[Path]) -> Iterator[str]:
    """Findings per 1,000 rows of files as they come, by rule. Rules that compare rows are left out: repeats are true."""
    rates: dict[str, dict[str, float]] = defaultdict(dict)
    sizes = {}
    for file in files:
        config = load_config(file.parent, overrides={"thorough": True, "ignore": ("DUP", "CON", "SPT", "SET")})
        report = lint([file], config, cache=False)
        sizes[_name(file)] = report.rows
        for code, count in Counter(finding.code for finding in report.findings).items():
            rates[code][_name(file)] = 1000 * count / max(1, report.rows)
    names = list(sizes)
    yield from table(
        ["rule", *(f"{name} ({sizes[name]:,})" for name in names)],
        [
            (code, *(f"{rates[code][name]:.1f}" if name in rates[code] else "" for name in names))
            for code in sorted(rates)
        ],
    )


# ---------------------------------------------------------------------- peers

PEERS = ("parallelogram", "cleanllm", "finelint", "dropoutt")


def peers(rows: Sequence[faults.Row], base: str, each: int, homes: Path) -> Iterator[str]:
    """The share of planted faults whose line each peer names, and lines it names per 1,000 untouched rows.

    Faults that make a line unreadable are left out, and so are held-out rows: not every peer reads on after the
    first or compares files. A peer may be right about a line for another reason; that counts as found.
    """
    kinds = [kind for kind in faults.FAULTS if kind.family not in ("file", "leaks")]
    planted = faults.plant(rows, 1, each, kinds)
    lines = planted.splits["train"]
    with tempfile.TemporaryDirectory(prefix="curator-peers-") as folder:
        path = Path(folder) / "train.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        named: dict[str, set[int] | str] = {"curator": {f.line for f in linted([path])}}
        for peer in PEERS:
            named[peer] = _named_by(peer, path, homes)
    running = {peer: found for peer, found in named.items() if not isinstance(found, str)}
    taken = {place[1] for truth in planted.truths for place in truth.places} | {place[1] for place in planted.hard}
    tally: dict[str, Counter[str]] = defaultdict(Counter)
    for truth in planted.truths:
        tally[truth.fault.family]["planted"] += 1
        for peer, found in running.items():
            tally[truth.fault.family][peer] += any(place[1] in found for place in truth.places)
    rows_out = [
        (family, counts["planted"], *(f"{counts[peer] / counts['planted']:.2f}" for peer in running))
        for family, counts in tally.items()
    ]
    hard = {place[1] for place in planted.hard}
    untouched = len(lines) - len(taken)
    rows_out.append(("hard negatives named", len(hard), *(f"{len(found & hard)}" for found in running.values())))
    rate = (f"{1000 * len(found - taken) / untouched:.1f}" for found in running.values())
    rows_out.append(("untouched rows named, per 1,000", untouched, *rate))
    yield f"{base}, one seed:"
    yield ""
    yield from table(["family", "rows", *running], rows_out)
    for peer, why in named.items():
        if isinstance(why, str):
            yield f"\n{peer}: {why}"


def _named_by(peer: str, path: Path, homes: Path) -> set[int] | str:
    """The lines (from 1) that a peer names, or why it could not be run."""
    home = homes / peer
    binary = home / "bin" / peer
    if not binary.exists():
        venv.create(home, with_pip=True)
        done = subprocess.run(
            [home / "bin" / "pip", "install", "--quiet", peer], capture_output=True, text=True, check=False
        )
        if done.returncode:
            return f"cannot be installed: {done.stderr.strip().splitlines()[-1]}"
    out = path.parent / peer
    out.mkdir()
    command, read = {
        "parallelogram": (["check", path, "--json"], _parallelogram),
        "cleanllm": (["check-turns", path, "--mode", "flag", "-o", out / "flagged.jsonl"], _cleanllm),
        "finelint": (["inspect", path, "--schema", "openai", "--report", out / "r.json", "--affected-records", out / "a.json"], _finelint),
        "dropoutt": (["scan", path, "--offline", "--no-html", "--no-open", "--quiet", "--out", out], _dropoutt),
    }[peer]  # fmt: skip
    done = subprocess.run([str(binary), *map(str, command)], capture_output=True, text=True, check=False, timeout=300)
    try:
        return read(done.stdout, out)
    except (OSError, ValueError, KeyError, TypeError) as error:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or [repr(error)]
        return f"gave no report: {last[0][:200]}"


def _parallelogram(said: str, out: Path) -> set[int]:
    report = json.loads(said[said.index("{") :])
    return {issue["line"] for issue in report["issues"] if issue["line"] and issue["severity"] != "info"}


def _cleanllm(said: str, out: Path) -> set[int]:
    rows = (json.loads(line) for line in (out / "flagged.jsonl").read_text("utf-8").split("\n") if line)
    return {n for n, row in enumerate(rows, 1) if row.get("_turn_issues")}


def _finelint(said: str, out: Path) -> set[int]:
    found = re.findall(
        r'"(?:line|line_number|row|row_number|source_line)":\s*(\d+)', (out / "a.json").read_text("utf-8")
    )
    return set(map(int, found))


def _dropoutt(said: str, out: Path) -> set[int]:
    rows = [json.loads(line) for line in (out / "findings.jsonl").read_text("utf-8").split("\n") if line]
    return {1 + place["source_index"] for row in rows for place in row["evidence"] if place["source_index"] is not None}


# ---------------------------------------------------------------------- the page


def near_duplicates() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="curator-quality-") as folder:
        path = Path(folder) / "set.jsonl"
        planted = neighbours.write(path, 20_000, 3)
        report = neighbours.lint(path, "default")
    curve = neighbours.curve(planted, report)
    yield from table(
        ["words edited", "repeats", "found", "similarity of 0.7 and more", "found"],
        [(f"{rate:.0%}", n, f"{found:.3f}", alike, f"{also:.3f}") for rate, n, found, alike, also in curve],
    )


def repeats_by_seed() -> Iterator[str]:
    yield from table(repeats.HEAD, repeats.rows(range(900, 910)))


def private_data() -> Iterator[str]:
    import private

    yield from table(("measured", "result", "bar"), private.rows())


def sections(options: argparse.Namespace) -> Iterator[tuple[str, str, Callable[[], Iterable[str]]]]:
    """(heading, what it says, the lines) of each part of the page."""
    bases = {_name(path): rows for path in options.bases if len(rows := faults.read_base(path)) > 200}
    bases = bases or {"made here": faults.made_base()}
    planting = Planting(bases, options.seeds, options.each)
    planted_in = f"{len(bases)} sets, {options.seeds} seeds"
    yield (
        "Planted faults",
        f"Recall with its 95 % interval, {planted_in}: {', '.join(bases)}. A fault is found where a finding with one of the "
        "codes names its line. “Default” counts the rules that run by themselves, “all” those in preview too.",
        lambda: table(["family", "fault", "codes", "planted", "default", "all", "worst set (all)"], planting.rows()),
    )
    judged = planting.hard_rows
    wrong = sum(planting.hard.values())
    yield (
        "Hard negatives",
        f"Rows that only look faulty, {len(faults.HARD)} kinds, {judged:,} in all: {wrong} findings of default rules.",
        lambda: (
            table(["row", "code", "findings"], [(*key, n) for key, n in sorted(planting.hard.items())]) if wrong else []
        ),
    )
    files = [path for path in options.clean if path.is_file()]
    if files:
        yield (
            "Findings per 1,000 rows as they come",
            "Default rules, without those that compare rows. The rows are not perfect; [what was read by eye](quality-read.md) "
            "says which findings are true.",
            lambda: clean_rows(files),
        )
    yield (
        "Words",
        "Misspellings planted in running text, random slips, and findings per 1,000 words of sets as they come "
        "(true ones too).",
        lambda: table(["measured", "result"], words.spelling(options.list)),
    )
    yield "Languages", "By length of the text.", lambda: table(["measured", "result"], words.languages())
    if importlib.util.find_spec("private"):
        yield "Private data", "Spans, by type.", private_data
    yield (
        "Near-duplicates",
        "Rows repeated with a share of their words edited; found by DUP001 to DUP003: the row, or the one it was made from.",
        near_duplicates,
    )
    if DATA.is_dir():
        yield (
            "Near-duplicates, seed by seed",
            "Copies planted in 20,000 recombined real rows and among the tool-calling rows of GPTeacher, and the share found: "
            "of those the maker was asked to edit by at most 4 % (one word at least, so that a row of ten words changes by "
            "10 %), of those whose words differ by at most 4 %, and of those whose exact similarity is at or above the "
            "threshold. Found: one of the two is reported, so that no pair outlives `curator clean`. The last column is the "
            "lowest exact similarity of a reported row to the kept row it names, over the threshold: never under 1. By "
            "`python tests/quality/repeats.py`.",
            repeats_by_seed,
        )
        yield (
            "Contradictions",
            "Labelled and edited pairs; see [contradictions](contradictions.md).",
            lambda: contradictions.table(contradictions.cases()),
        )
    if options.peers:
        name, rows = next(iter(bases.items()))
        yield (
            "Other linters",
            "The same rows, each tool as it comes from the package index. A fault counts as found where the tool names its "
            "line for whatever reason; tools that count without naming rows find nothing here.",
            lambda: peers(rows, name, options.each, options.homes),
        )


def replace_section(options: argparse.Namespace) -> None:
    """Measure one section anew; one the page lacks is put before the section that follows it in order."""
    parts = re.split(r"(?m)^(?=## )", options.out.read_text("utf-8"))
    known = {part.split("\n")[0].removeprefix("## "): n for n, part in enumerate(parts)}
    wanted = list(sections(options))
    place = next(n for n, (heading, *_) in enumerate(wanted) if heading == options.only)
    heading, says, lines = wanted[place]
    text = "\n".join([f"## {heading}", "", says, "", *lines(), "", ""])
    if heading in known:
        parts[known[heading]] = text
    else:
        parts.insert(min([known[h] for h, *_ in wanted[place:] if h in known], default=len(parts)), text)
    options.out.write_text("".join(parts), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--base", type=Path, action="append", dest="bases", help="rows to plant faults in")
    parser.add_argument("--list", type=Path, action="append", default=[], help="misspellings, lines `wrong->right`")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--each", type=int, default=12, help="faults of each kind in a set")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument(
        "--homes", type=Path, default=Path(tempfile.gettempdir()) / "curator-peers", help="their environments"
    )
    parser.add_argument("--out", type=Path, default=PAGE)
    parser.add_argument(
        "--only", help="measure the section of this heading alone and put it into the page that is there"
    )
    options = parser.parse_args()
    options.clean = options.bases or [DATA / name for name in CLEAN]
    options.bases = options.bases or [path for name in BASES if (path := DATA / name).is_file()]
    if options.only:
        replace_section(options)
        return
    command = "python tests/quality/run.py" + (" --peers" if options.peers else "") + " --list …" * bool(options.list)
    page = ["# How well it finds what it looks for", "", f"Written by `{command}`; do not edit by hand.", ""]
    for heading, says, lines in sections(options):
        start = time.perf_counter()
        page += [f"## {heading}", "", says, "", *lines(), ""]
        print(f"{heading}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    options.out.write_text("\n".join(page), "utf-8")
    print("\n".join(page))


if __name__ == "__main__":
    main()

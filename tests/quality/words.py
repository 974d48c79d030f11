"""Measures the rules on words and languages; prints a table. `python tests/quality/words.py [LIST…]`

A LIST holds lines `wrong->right` (the form of codespell's dictionary). The data sets lie beside the
repository, in `shared/data`; what is absent is left out of the table.
"""

from __future__ import annotations

import json
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from curator.config import load_config
from curator.engine import lint
from curator.rule import chat
from curator.text import dictionaries
from curator.text.languages import language_of

DATA = Path(__file__).parents[3] / "shared" / "data"
CLEAN = ("gsm8k/train.jsonl", "llamafactory/alpaca_en_demo.json", "oasst_sample/en_100_tree.jsonl",
         "gpteacher/codegen-instruct.json")  # fmt: skip
LANGUAGE = ("LNG001", "LNG002", "LNG003", "LNG004")  # in preview: a family does not select them
SEED = 7


def findings(rows: Sequence[Any] | Path, *codes: str) -> tuple[list[Any], int]:
    """(findings, tokens) of a lint of rows, or of a file, with these rules alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = rows if isinstance(rows, Path) else Path(folder) / "rows.jsonl"
        if not isinstance(rows, Path):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        report = lint([path], load_config(Path(folder), overrides={"select": codes}), cache=False)
        return list(report.findings), report.tokens.total


def planted(pairs: Sequence[tuple[str, str]], *codes: str) -> tuple[float, float]:
    """(share found, share with the right suggestion) of wrong words, each planted in a sentence of its own."""
    rows = [chat(user=f"Which is number {n}?", assistant=f"We think that it is the {wrong} that they have here.")
            for n, (wrong, _) in enumerate(pairs)]  # fmt: skip
    found = {f.index: f.evidence for f in findings(rows, *codes)[0]}
    hits = [n for n, (wrong, _) in enumerate(pairs) if n in found and found[n]["word"] == wrong]
    right = [n for n in hits if found[n].get("suggestion") in pairs[n][1].split(", ")]
    return len(hits) / len(pairs), len(right) / max(len(hits), 1)


def slips(count: int, edits: int) -> list[tuple[str, str]]:
    """Common words with random keyboard slips that give no English word of fewer than five letters."""
    rng = random.Random(SEED + edits)
    known = dictionaries.english()
    common = [w for w in dictionaries.frequencies("en") if w in known and len(w) > 5 and w.isalpha()]
    pairs = []
    while len(pairs) < count:
        wrong = right = rng.choice(common)
        for _ in range(edits):
            at, letter = rng.randrange(len(wrong) - 1), rng.choice("abcdefghijklmnopqrstuvwxyz")
            wrong = rng.choice((
                wrong[:at] + wrong[at + 1] + wrong[at] + wrong[at + 2 :], wrong[:at] + wrong[at + 1 :],
                wrong[:at] + letter + wrong[at:], wrong[:at] + letter + wrong[at + 1 :],
            ))  # fmt: skip
        if wrong not in known and wrong != right and len(wrong) > 4:
            pairs.append((wrong, right))
    return pairs


def spelling(lists: Sequence[Path]) -> Iterator[tuple[str, str]]:
    for file in lists:
        lines = [line.partition("->") for line in file.read_text("utf-8").splitlines()]
        pairs = [(wrong, right.strip(" ,")) for wrong, _, right in lines if re.fullmatch("[a-z]{4,}", wrong)]
        sample = random.Random(SEED).sample(pairs, min(3000, len(pairs)))
        found, right = planted(sample, "SPL001")
        yield f"SPL001, {file.name}, {len(sample)} words in running text", f"recall {found:.3f}, suggestion {right:.3f}"
    for edits in (1, 2):
        found, right = planted(slips(2000, edits), "SPL001", "SPL002")
        yield f"SPL001 and SPL002, {edits} random edits", f"recall {found:.3f}, suggestion {right:.3f}"
    for name in CLEAN:
        if (DATA / name).is_file():
            for code in ("SPL001", "SPL002", "SPL003"):
                found_here, tokens = findings(DATA / name, code)
                yield f"{code}, {name}", f"{1000 * len(found_here) / (0.75 * tokens):.3f} findings per 1,000 words"


def languages() -> Iterator[tuple[str, str]]:
    tally: dict[str, list[int]] = {}
    for file in sorted((DATA / "langid_lingua" / "sentences").glob("*.txt")):
        for line in file.read_text("utf-8").splitlines()[:300]:
            for text in (line, line[:40].rpartition(" ")[0] or line[:40]):
                size = "over 60" if len(text) > 60 else "20 to 60" if len(text) >= 20 else "under 20"
                claim = language_of(text)
                counts = tally.setdefault(size if file.stem != "en" else f"English, {size}", [0, 0, 0])
                counts[0] += 1
                counts[1] += claim is not None and claim.language != "en"
                counts[2] += claim is not None and claim.language == file.stem
    for size, (total, foreign, named) in sorted(tally.items()):
        yield (
            f"language of {total} sentences, {size} characters",
            f"not English {foreign / total:.3f}, named {named / total:.3f}",
        )
    for name in CLEAN:
        if (DATA / name).is_file():
            yield f"LNG, {name}", f"{len(findings(DATA / name, *LANGUAGE)[0])} findings"


def main() -> None:
    print("| measured | result |\n|---|---|")
    for what, result in (*spelling([Path(name) for name in sys.argv[1:]]), *languages()):
        print(f"| {what} | {result} |")


if __name__ == "__main__":
    main()

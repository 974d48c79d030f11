"""The injector of the quality benchmark: same seed, same bytes; what it says it planted is there, and is found."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from curator.config import load_config
from curator.engine import lint

sys.path.insert(0, str(Path(__file__).parent / "quality"))

import contradictions  # beside this file, in quality/
import faults


def test_the_same_seed_plants_the_same_bytes_and_another_does_not():
    base = faults.made_base()
    one, two, other = (faults.plant(base, seed, 2) for seed in (4, 4, 5))
    assert one.splits == two.splits
    assert one.splits != other.splits


def test_rows_that_no_fault_touched_are_rows_of_the_base():
    base = faults.made_base()
    planted = faults.plant(base, 1, 3)
    taken = {place for truth in planted.truths for place in truth.places} | planted.hard.keys()
    known = {json.dumps(row, ensure_ascii=False).encode() for row in base}
    lines = {(split, n): line for split, those in planted.splits.items() for n, line in enumerate(those, 1)}
    untouched = [line for place, line in lines.items() if place not in taken]
    assert len(untouched) == planted.clean
    assert known.issuperset(untouched)


def test_the_table_of_contradictions_counts_verdicts_of_the_screen():
    table = contradictions.table(contradictions.written())
    (row,) = [line.split(" | ") for line in table if "by hand later" in line]
    pairs, contradicting, precision, recall = row[1:5]
    assert (pairs, contradicting, precision) == ("40", "20", "1.000")
    assert 0.6 <= float(recall) < 1


def test_files_in_many_shapes_are_read_as_conversations(tmp_path):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([
        {"instruction": "Add.", "input": "1 and 2", "output": "3"},
        {"question": "Why?", "answer": "Because."},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]},
        {"question": "why?", "answer": "Asked before."},
        {"text": "no conversation"},
    ]))  # fmt: skip
    rows = faults.read_base(path)
    assert [[turn["content"] for turn in row["messages"]] for row in rows] == [
        ["Add.\n\n1 and 2", "3"], ["Why?", "Because."], ["Hi", "Hello."],
    ]  # fmt: skip


@pytest.mark.parametrize("family", ["file", "shape", "turns", "answers", "leaks"])
def test_planted_faults_are_found(family, tmp_path):
    kinds = [kind for kind in faults.FAULTS if kind.family == family and kind.name != "stub instead of an explanation"]
    planted = faults.plant(faults.made_base(), 1, 2, kinds)
    paths = []
    for split, lines in planted.splits.items():
        path = tmp_path / f"{split}.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n")
        paths.append(path)
    config = load_config(tmp_path, overrides={"select": tuple({code for kind in kinds for code in kind.codes})})
    found = {}
    for finding in lint(paths, config, cache=False).findings:
        for place in (finding, *finding.related):
            found.setdefault((Path(place.file).stem, place.line), set()).add(finding.code)
    missed = [
        t.fault.name for t in planted.truths if not any(found.get(p, set()) & set(t.fault.codes) for p in t.places)
    ]
    assert not missed

"""What is done in parts on a large set comes out as if it were done at once."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.checks import duplicates
from curator.checks.length import AnswersCapped, _by_length
from curator.model import Flag
from curator.scan import mappers
from curator.scan.findings import ScanFile
from curator.scan.rows import joined
from curator.scan.store import Found, Head, Spill, spill, write_scan

HEAD = Head(lines=0, rows=0, broken=0, tokens=0, shapes={}, tallies={}, phases={})


def scans(folder: Path, parts: list[np.ndarray]) -> list[ScanFile]:
    found = []
    for number, part in enumerate(parts):
        path = folder / f"{number}.scan"
        write_scan(path, HEAD, [], {"kept": part, "beside": np.arange(3)})
        found.append(ScanFile(path))
    return found


@given(st.data())
def test_arrays_of_many_spans_are_joined_as_they_stand(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    columns = data.draw(st.integers(0, 3))  # 0 stands for an array of one dimension
    dtype = data.draw(st.sampled_from([np.uint64, np.int32, np.uint8, np.bool_]))
    parts = []
    for _ in range(data.draw(st.integers(1, 4))):
        shape = (data.draw(st.integers(0, 4)), *([columns] if columns else []))
        cells = st.lists(st.sampled_from([0, 0, 1, 7]), min_size=int(np.prod(shape)), max_size=int(np.prod(shape)))
        parts.append(np.array(data.draw(cells), dtype).reshape(shape))
    whole = joined(scans(tmp_path_factory.mktemp("scans"), parts), "kept")
    assert np.array_equal(whole, np.concatenate(parts))
    assert whole.dtype == dtype


def test_an_array_of_zeros_takes_no_room_on_disk(tmp_path: Path) -> None:
    empty, full = scans(tmp_path, [np.zeros((10_000, 5), np.uint64), np.ones((10_000, 5), np.uint64)])
    assert empty.path.stat().st_size < 1000 < 400_000 < full.path.stat().st_size
    assert empty.array("kept").shape == (10_000, 5)
    assert not empty.array("kept").any()
    assert empty.array("beside").tolist() == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 7), st.booleans()), max_size=60), st.integers(1, 70))
def test_repeats_are_found_alike_in_parts_and_at_once(rows: list[tuple[int, bool]], size: int) -> None:
    keys = np.array([key * 0x3FFF_FFFF_FFFF_FFFF % (1 << 64) for key, _ in rows], np.uint64)
    wanted = np.array([judged for _, judged in rows], bool)
    seen: dict[int, int] = {}
    plain = []
    for row, key in enumerate(keys.tolist()):
        if wanted[row]:
            if key in seen:
                plain.append((row, seen[key]))
            seen.setdefault(key, row)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_PART", size)
        assert list(duplicates.repeats(keys, wanted)) == plain


@given(st.lists(st.tuples(st.sampled_from([3, 70, 71, 99, 100, 101, 140]), st.booleans()), min_size=1, max_size=80))
def test_the_band_of_capped_answers_is_that_of_single_answers(answers: list[tuple[int, bool]]) -> None:
    lengths, cut = np.array([n for n, _ in answers]), np.array([c for _, c in answers])
    cap = AnswersCapped(min_answers=2)._cap(*_by_length(lengths, cut), 64, 1.01)
    bands = []
    for high in sorted({*lengths.tolist()}):
        inside = (lengths >= high / 1.01) & (lengths <= high)
        below = (lengths >= high / 1.01**2) & (lengths < high / 1.01)
        stopped = int((inside & cut).sum())
        if (
            high >= 64
            and inside.sum() >= max(2, 0.05 * len(answers))
            and stopped >= 0.7 * inside.sum()
            and (lengths > high).sum() <= 0.02 * len(answers)
            and inside.sum() >= 4 * below.sum()
        ):
            bands.append((stopped, int(lengths[inside].min()), high))
    best = max(bands, key=lambda band: band[0], default=None)
    assert (tuple(cap) if cap else None) == best


@given(st.lists(st.integers(0, 19), max_size=30))
def test_findings_are_spilled_span_by_span(tmp_path_factory: pytest.TempPathFactory, lines: list[int]) -> None:
    bounds = [0, 4, 4, 9, 20]
    found = [Found("X", line, Flag("", "x"), str(n), "") for n, line in enumerate(sorted(lines))]
    kept = Spill()
    kept.parts.append(spill(tmp_path_factory.mktemp("spill") / "x", iter(found), bounds))
    assert kept.parts[0].count == len(found)
    for span, (first, last) in enumerate(pairwise(bounds)):
        assert list(kept.of_span(span)) == [item for item in found if first <= item.line < last]


def test_fewer_groups_of_rules_are_judged_at_a_time_on_a_large_set() -> None:
    small = mappers.sharing(8, 10**12, 8, lines=10_000)
    large = mappers.sharing(8, 10**12, 8, lines=10_000_000)
    assert isinstance(small, mappers.Processes)
    assert small.workers == 8
    assert isinstance(large, mappers.Processes)
    assert large.workers == 2
    assert isinstance(mappers.sharing(8, 10**12, 8, lines=100_000_000), mappers.Serial)

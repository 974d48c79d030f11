"""The engine: the same findings however the work is cut, spread or remembered."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from curator import engine
from curator.config import Config, load_config
from curator.model import Finding
from curator.rule import chat
from curator.sources import source

Write = Callable[..., Path]


def rows(count: int, seed: int = 3) -> list[object]:
    """Rows with faults of many kinds strewn in."""
    rng = random.Random(seed)
    words = "the quick brown fox jumps over a lazy dog while seven wizards box".split()
    out: list[object] = []
    for n in range(count):
        text = " ".join(rng.choices(words, k=rng.randint(5, 40)))
        row: object = chat(user=f"Question {n}: {text}?", assistant=f"{text.capitalize()}.")
        kind = rng.random()
        if kind < 0.02 and out:
            row = rng.choice([r for r in out[-50:] if isinstance(r, dict)])
        elif kind < 0.03:
            row = b'{"messages": [' + str(n).encode()
        elif kind < 0.04:
            row = chat(user=f"Say nothing, {n}", assistant="")
        elif kind < 0.05:
            row = b""
        elif kind < 0.06:
            row = chat(user=f"Who? {n}", bot=text)
        out.append(row)
    return out


def findings(path: Path | list[Path], config: Config | None = None, **options: object) -> list[Finding]:
    paths = path if isinstance(path, list) else [path]
    settings = config or load_config(paths[0], None, {"preview": True})
    return list(engine.lint(paths, settings, cache=bool(options.pop("cache", False)), **options).findings)


@pytest.fixture
def small_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans of a few lines, so that small files are cut many times."""
    monkeypatch.setattr(source, "LEAST", 2_000)
    monkeypatch.setattr(source, "MOST", 4_000)
    monkeypatch.setattr(source, "SPACING", 400)


class TestTheSameFindings:
    def test_for_any_cut(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write("data.jsonl", rows(600))
        whole = findings(path)
        assert len(whole) > 20
        for least in (500, 3_000, 20_000):
            monkeypatch.setattr(source, "LEAST", least)
            monkeypatch.setattr(source, "MOST", 2 * least)
            monkeypatch.setattr(source, "SPACING", least // 4)
            assert findings(path) == whole

    @pytest.mark.usefixtures("small_spans")
    def test_for_any_number_of_workers(self, write: Write) -> None:
        path = write("data.jsonl", rows(400))
        assert findings(path, workers=1) == findings(path, workers=3)

    def test_of_rules_on_the_set_in_processes_of_their_own(self, write: Write) -> None:
        path = write("data.jsonl", rows(400))
        one, three = (
            engine.lint([path], Config(thorough=True), workers=workers, cache=False, audit=True) for workers in (1, 3)
        )
        assert {"DUP", "SPL"} <= {finding.code[:3] for finding in one.findings}
        assert list(one.findings) == list(three.findings)
        assert (one.not_run, one.audits) == (three.not_run, three.audits)
        assert [(stat.code, stat.findings) for stat in one.rules] == [(s.code, s.findings) for s in three.rules]

    @pytest.mark.usefixtures("small_spans")
    def test_with_the_cache_cold_warm_and_off(self, write: Write) -> None:
        path = write("data.jsonl", rows(400))
        os.utime(path, ns=(0, time.time_ns() - 10**9))
        plain = findings(path)
        cold = engine.lint([path], load_config(path, None, {"preview": True}))
        warm = engine.lint([path], load_config(path, None, {"preview": True}))
        assert list(cold.findings) == list(warm.findings) == plain
        assert warm.cached and not cold.cached

    def test_up_to_addresses_for_any_order_of_rows(self, write: Write) -> None:
        data = rows(300)
        mixed = random.Random(1).sample(data, len(data))

        def judged(path: Path) -> list[tuple[str, str, str]]:
            return sorted((f.code, f.row, f.path) for f in findings(path))

        assert judged(write("a.jsonl", data)) == judged(write("b.jsonl", mixed))


class TestTheCache:
    @pytest.mark.usefixtures("small_spans")
    def test_scans_again_only_what_changed(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        data = rows(500)
        path = write("data.jsonl", data)
        config = load_config(path)
        engine.lint([path], config)
        scanned: list[int] = []
        plain = engine.Scan.scan

        def counted(self: engine.Scan, job: engine.Job, body: bytes) -> object:
            scanned.append(len(body))
            return plain(self, job, body)

        monkeypatch.setattr(engine.Scan, "scan", counted)
        data[250] = chat(user="Edited?", assistant="Yes, edited.")
        write("data.jsonl", data)
        report = engine.lint([path], config, workers=1)
        assert 1 <= len(scanned) <= 3
        assert list(report.findings) == findings(path, config)

    def test_a_lost_scan_file_is_made_again(self, write: Write, tmp_path: Path) -> None:
        path = write("data.jsonl", rows(50))
        os.utime(path, ns=(0, time.time_ns() - 10**9))
        first = list(engine.lint([path], load_config(path)).findings)
        for file in (tmp_path / "cache" / "scans").iterdir():
            file.unlink()
        assert list(engine.lint([path], load_config(path)).findings) == first

    @pytest.mark.parametrize("left", [b"", b"\0" * 5000, None], ids=["nothing", "zeros", "a part"])
    @pytest.mark.parametrize("part", ["scans", "reports"])
    def test_what_a_power_cut_left_of_an_entry_is_made_again(
        self, write: Write, tmp_path: Path, part: str, left: bytes | None
    ) -> None:
        path = write("data.jsonl", rows(50))
        os.utime(path, ns=(0, time.time_ns() - 10**9))
        first = list(engine.lint([path], load_config(path)).findings)
        for file in (tmp_path / "cache" / "reports").iterdir():
            file.unlink() if part == "scans" else file.write_bytes(file.read_bytes()[:-9] if left is None else left)
        for file in (tmp_path / "cache" / "scans").iterdir() if part == "scans" else ():
            file.write_bytes(file.read_bytes()[:-9] if left is None else left)
        assert list(engine.lint([path], load_config(path)).findings) == first
        assert list(engine.lint([path], load_config(path)).findings) == first

    def test_another_configuration_is_another_plan(self, write: Write) -> None:
        path = write("data.jsonl", [chat(user="Hi?", assistant="Yes."), b"", chat(user="So?", assistant="")])
        every = {f.code for f in findings(path, cache=True)}
        fewer = {f.code for f in findings(path, load_config(path, None, {"ignore": ("FIL",)}), cache=True)}
        assert "FIL005" in every and "FIL005" not in fewer


class TestAccounting:
    def test_every_line_is_a_row_broken_or_blank(self, write: Write) -> None:
        path = write("data.jsonl", [chat(user="a?", assistant="b"), b"{", b"  ", b"[1]", b'{"x": 1}'])
        report = engine.lint([path], load_config(path), cache=False)
        file = report.files[0]
        assert (file.lines, file.rows, file.broken) == (5, 1, 3)

    def test_a_rule_says_how_many_rows_it_judged_and_could_not(self, write: Write) -> None:
        path = write("data.jsonl", [chat(user="a?", assistant="b"), b"{", chat(user="c?", assistant="d")])
        report = engine.lint([path], load_config(path), cache=False)
        stats = {stat.code: stat for stat in report.rules}
        assert (stats["FIL001"].examined, stats["FIL001"].skipped) == (3, 0)
        assert (stats["ROL001"].examined, stats["ROL001"].skipped) == (2, 1)
        assert (stats["DUP001"].examined, stats["DUP001"].skipped) == (2, 1)

    def test_the_counts_are_those_of_the_findings(self, write: Write) -> None:
        path = write("data.jsonl", rows(300))
        report = engine.lint([path], load_config(path), cache=False)
        listed = list(report.findings)
        assert len(report.findings) == len(listed) == sum(stat.findings for stat in report.rules)
        assert sum(f.fix is not None for f in listed) == sum(stat.fixable for stat in report.rules)

    def test_findings_come_in_order(self, write: Write) -> None:
        paths = [write("b.jsonl", rows(100, 1)), write("a.jsonl", rows(100, 2))]
        listed = findings(paths)
        order = [str(p) for p in paths]
        assert listed == sorted(listed, key=lambda f: (order.index(f.file), f.line, f.code, f.path))


class TestSplits:
    def test_a_row_in_two_splits_is_no_duplicate(self, write: Write) -> None:
        row = chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")
        paths = [write("set/train.jsonl", [row]), write("set/valid.jsonl", [row])]
        assert [f.code for f in findings(paths) if f.code.startswith("DUP")] == []

    def test_parts_of_one_set_are_compared_with_each_other(self, write: Write) -> None:
        row = chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")
        paths = [write("part-1.jsonl", [row]), write("part-2.jsonl", [row])]
        (finding,) = [f for f in findings(paths) if f.code == "DUP001"]
        assert finding.file == str(paths[1]) and finding.related[0].file == str(paths[0])


class TestLimits:
    def test_a_share_is_of_the_rows_that_the_rule_judged(self, write: Write) -> None:
        path = write("data.jsonl", [chat(user="a?", assistant="b")] + [chat(user=f"{n}?", assistant="") for n in "cd"])

        def holds(allowed: str | int) -> bool:
            config = load_config(path, None, {"limits": {"ROL007": allowed}})
            (limit,) = engine.lint([path], config, cache=False).limits
            return limit.ok

        assert holds("67%") and holds(2)
        assert not holds("66%") and not holds(1)

    def test_a_limit_that_judged_no_row_does_not_hold(self, write: Write) -> None:
        path = write("data.jsonl", [b"{"])
        config = load_config(path, None, {"limits": {"ROL007": 5}})
        assert not engine.lint([path], config, cache=False).ok


def test_a_report_survives_json(write: Write) -> None:
    path = write("data.jsonl", rows(40))
    listed = findings(path)
    assert msgspec.json.decode(msgspec.json.encode(listed), type=list[Finding]) == listed
    assert json.loads(msgspec.json.encode(listed))


def test_a_large_set_goes_without_the_costly_rules_and_says_so(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "LARGE", 100)
    path = write("train.jsonl", [chat(user=f"What is {n} times two?", assistant=f"It is {2 * n}.") for n in range(9)])
    ran = {
        name: {stat.code for stat in engine.lint([path], config, cache=False).rules}
        for name, config in {
            "default": Config(),
            "thorough": Config(thorough=True),
            "selected": Config(select=("CON",)),
        }.items()
    }
    assert "CON001" not in ran["default"] and "CON001" in ran["thorough"] and "CON001" in ran["selected"]
    (left_out,) = [n for n in engine.lint([path], Config(), cache=False).not_run if "CON001" in n.codes]
    assert "--thorough" in left_out.unlock


def test_no_thorough_leaves_the_costly_rules_out_of_any_set(write: Write) -> None:
    path = write("train.jsonl", [chat(user="Hi", assistant="Hello.")])
    report = engine.lint([path], Config(thorough=False), cache=False)
    assert "DUP003" not in {stat.code for stat in report.rules}
    assert any("DUP003" in note.codes for note in report.not_run)


def test_rules_that_compare_splits_wait_for_a_second_split(write: Write) -> None:
    rows = [chat(user="How deep is Loch Ness?", assistant="230 metres.")]
    train, valid = write("train.jsonl", rows), write("valid.jsonl", rows)
    assert not {"SPT001", "SPT005"} & {stat.code for stat in engine.lint([train], Config(), cache=False).rules}
    assert {"SPT001", "SPT005"} <= {stat.code for stat in engine.lint([train, valid], Config(), cache=False).rules}

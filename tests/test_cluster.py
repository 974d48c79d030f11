"""The Ray engine: what it finds is what one process finds, whatever becomes of its workers and nodes."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec
import pytest

from curator import engine
from curator.cli import main
from curator.config import load_config
from curator.counting import stats
from curator.errors import CuratorError, OutOfReachError, SourceError
from curator.model import Report
from curator.rule import chat
from curator.scan import cluster
from curator.scan.span import Job, Scan
from curator.sop import run as sop
from curator.sources import cut, open_sources
from tests.bench import scale
from tests.conftest import ROOT

ROWS = 8_000  # two spans


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cluster") / "set.jsonl"
    pytest.importorskip("wordfreq")
    scale.write(path, ROWS)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3000], b'{"messages": [\n', b"\n", *lines[3000:]]))
    return path


@pytest.fixture(scope="module")
def alike(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Rows alike by the hundred, some beside a crowd of one wording; prompts with answers that clash; odd languages."""
    rows = [
        chat(user=f"How many days has a year on moon {n}?", assistant=f"{n + d} days.")
        for n in range(300)
        for d in (3, 9)
    ]
    german = "Der linke Berg ist etwas höher als der rechte, aber das sieht man von hier aus leider gar nicht."
    rows += [
        chat(user="Welcher der beiden Berge, die wir von hier aus sehen können, ist der höhere?", assistant=german)
    ]
    rest = "and then every one of us walked home by the long road along the river as we do each year when it is dark"
    rows += [chat(user=f"What of {n}?", assistant=f"Number {n} came late, {rest}.") for n in range(90)]
    path = tmp_path_factory.mktemp("alike") / "set.jsonl"
    some = data.read_bytes().splitlines(keepends=True)[:800]
    path.write_bytes(b"".join(some) + b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    return path


def told(report: Report) -> list[bytes]:
    """All that a report says but for what it took."""
    return [msgspec.json.encode(finding) for finding in report.findings]


# ---------------------------------------------------------------------- what is sent, and what comes back


def test_a_span_scanned_elsewhere_leaves_the_file_that_one_scanned_here_leaves(data: Path, tmp_path: Path) -> None:
    plan = load_config(tmp_path).plan()
    (tmp_path / "here").mkdir()
    (tmp_path / "there").mkdir()
    with open_sources([data]) as sources:
        job = Job(sources[0], cut(sources[0])[0], "openai-chat")
        here = Scan(plan, tmp_path / "here", None)(job)
        there = Scan(plan, tmp_path / "there", None)
        sent = there.keep(there.away(job.sent()))
    one, other = engine.ScanFile(Path(here.path)), engine.ScanFile(Path(sent.path))
    assert one.findings() == other.findings() and one.findings()
    assert one.head.arrays == other.head.arrays
    assert Path(here.path).name == Path(sent.path).name


def test_a_worker_reads_no_other_file_that_stands_at_the_path(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "set.jsonl"
    copy.write_bytes(data.read_bytes())
    with open_sources([copy]) as sources:
        job = Job(sources[0], cut(sources[0])[0]).sent()
        whole = job.read()
        carried = job.carried()
    copy.write_bytes(b"{}\n" * 500_000)
    with pytest.raises(OutOfReachError):
        job.read()
    assert carried.read() == whole
    copy.unlink()
    with pytest.raises(OutOfReachError):
        job.read()


def test_what_stands_for_a_span_that_was_given_up_holds_its_lines_and_no_row(data: Path, tmp_path: Path) -> None:
    plan = load_config(tmp_path).plan()
    with open_sources([data]) as sources:
        job = Job(sources[0], cut(sources[0])[0], "openai-chat")
        lines = job.read().count(b"\n")
        scan = engine.ScanFile(Path(Scan(plan, tmp_path, None).without(job).path))
    assert scan.head.lines == lines == scan.head.broken
    assert not scan.findings() and not scan.array("readable").any()
    assert set(scan.head.tallies) == {rule.code for rule in plan.rules}


class Deadly:
    """A mapper whose workers all die on the second item."""

    apart = True

    def map(self, work: Any, items: Sequence[Any], lost: Any = None) -> Iterator[Any]:
        for number, item in enumerate(items):
            yield lost(item, "5 workers died on it") if number == 1 else work(item)


def test_a_poisoned_span_is_told_and_the_rest_is_judged(data: Path, tmp_path: Path) -> None:
    config = load_config(tmp_path)
    whole = engine.lint([data], config, workers=1, cache=False)
    report = engine.lint([data], config, workers=Deadly(), cache=False)
    notes = [note.reason for note in report.not_run if "not judged: 5 workers died" in note.reason]
    assert len(notes) == 1 and "set.jsonl: bytes" in notes[0]
    assert 0 < report.rows < whole.rows == ROWS
    assert 0 < len(told(report)) < len(told(whole))


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import builtins

    real = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "ray":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(CuratorError, match=r"finetune-curator\[ray\]"):
        cluster.joined(None)


def test_an_address_where_nobody_listens_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    fake = SimpleNamespace(is_initialized=lambda: False, init=lambda address, **_: asked.append(address))
    monkeypatch.setitem(sys.modules, "ray", fake)
    with socket.socket() as free:  # bound, but it does not listen
        free.bind(("127.0.0.1", 0))
        with pytest.raises(CuratorError, match="no Ray cluster answers"):
            cluster.joined(f"127.0.0.1:{free.getsockname()[1]}")
        with pytest.raises(CuratorError, match="no Ray cluster answers"):
            cluster.joined(f"ray://127.0.0.1:{free.getsockname()[1]}")
        assert asked == []
        free.listen()
        port = free.getsockname()[1]
        heard = [f"127.0.0.1:{port}", "auto", "local", f"ray://127.0.0.1:{port}", "other://127.0.0.1:1"]
        for address in heard:
            cluster.joined(address)
    assert asked == heard


# ---------------------------------------------------------------------- a real cluster


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two nodes of a processor each on this machine; the driver stands on the first."""
    pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray import cloudpickle
    from ray.cluster_utils import Cluster

    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # the nodes do not have the tests
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    yield made
    import ray

    ray.shutdown()
    made.shutdown()


@pytest.mark.slow
def test_two_nodes_find_what_one_process_finds_though_one_is_lost(
    nodes: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curator.neighbours.graph._SPREAD", 1000)  # the bands are searched there as well
    monkeypatch.setattr("curator.sources.source.LEAST", 400_000)  # more spans
    config = load_config(tmp_path)
    alone = engine.lint([data], config, workers=1, cache=False)
    second = nodes.add_node(num_cpus=1)
    seen: list[int] = []

    def lose(done: int, size: int) -> None:
        seen.append(done)
        if len(seen) == 3:
            nodes.remove_node(second, allow_graceful=False)

    crew = cluster.Ray(nodes.address)
    report = engine.lint([data], config, workers=crew, cache=False, progress=lose)
    assert len(seen) > 10
    assert told(report) == told(alone) and len(told(alone)) > 300
    assert report.not_run == alone.not_run and report.rows == alone.rows == ROWS
    one, other = (stats([data], config, workers=workers) for workers in (1, crew))
    assert msgspec.json.encode(one) == msgspec.json.encode(other)


class Recording:
    """The nodes of a cluster; notes which process did each part of which work."""

    apart = True

    def __init__(self, nodes: cluster.Ray) -> None:
        self.nodes = nodes
        self.seen: dict[str, list[tuple[int, str]]] = {}  # by work: the process and the node of each part

    def map(self, work: Any, items: Any, lost: Any = None) -> Iterator[Any]:
        name = f"{type(work).__module__}.{type(work).__name__}"
        for result, *place in self.nodes.map(Placed(work), items):
            self.seen.setdefault(name, []).append(tuple(place))  # type: ignore[arg-type]
            yield result


class Placed:
    """Work whose result comes with the process and the node that did it."""

    def __init__(self, work: Any) -> None:
        self.work = work

    def __call__(self, item: Any) -> tuple[Any, int, str]:
        import ray

        return self.work(item), os.getpid(), ray.get_runtime_context().get_node_id()


@pytest.mark.slow
def test_rows_are_compared_on_the_nodes_and_a_node_lost_meanwhile_changes_nothing(
    nodes: Any, alike: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curator.neighbours.graph._SPREAD", 1000)  # the bands are searched there as well
    monkeypatch.setattr("curator.neighbours.graph._SENT", 64)
    monkeypatch.setattr("curator.checks.near_duplicates._PART", 16)
    monkeypatch.setattr("curator.scan.cluster._AHEAD", 1)
    monkeypatch.setattr("curator.scan.joining._CROWD", 65)
    config = load_config(tmp_path, None, {"select": ("DUP003", "CON001", "LNG001")})
    alone = engine.lint([alike], config, workers=1, cache=False)
    second = nodes.add_node(num_cpus=1)
    crew = Recording(cluster.Ray(nodes.address))
    left = [second]
    until = time.monotonic() + 60
    while len({node for _, node in crew.seen.get("builtins.function", [])}) < 2 and time.monotonic() < until:
        assert list(crew.map(square, [1, 2, 3, 4])) == [1, 4, 9, 16]  # a node needs a while for its first process

    def lose(done: int, rules: int, at: str) -> None:
        if left and "curator.neighbours.comparing.Comparing" in crew.seen:  # both nodes had a part in the bands
            nodes.remove_node(left.pop(), allow_graceful=False)

    report = engine.lint([alike], config, workers=crew, cache=False, judging=lose)
    assert not left and len(crew.seen["curator.neighbours.comparing.Comparing"]) > 1
    assert told(report) == told(alone)
    assert {finding.code for finding in alone.findings} == {"DUP003", "CON001", "LNG001"}
    assert report.not_run == alone.not_run and any("share so much wording" in note.reason for note in alone.not_run)
    for work in ("neighbours.graph.Bands", "neighbours.comparing.Comparing", "checks.near_duplicates._Judging"):
        assert os.getpid() not in {process for process, _ in crew.seen[f"curator.{work}"]}
    assert {f"curator.checks.{work}" for work in ("contradictions._Comparing", "language._Judging")} <= set(crew.seen)
    assert len({node for _, node in crew.seen["curator.neighbours.graph.Bands"]}) == 2  # before it was lost


class Failing:
    """A mapper to which every part of some work is deadly."""

    apart = True

    def __init__(self, work: str) -> None:
        self.work = work

    def map(self, work: Any, items: Any, lost: Any = None) -> Iterator[Any]:
        deadly = f"{type(work).__module__}.{type(work).__name__}".endswith(self.work)
        yield from (lost(item, "5 workers died on it") if deadly else work(item) for item in items)


@pytest.mark.parametrize(
    ("work", "code"),
    [
        ("graph.Bands", "DUP003"),
        ("comparing.Comparing", "DUP003"),
        ("near_duplicates._Judging", "DUP003"),
        ("contradictions._Comparing", "CON001"),
        ("language._Judging", "LNG001"),
    ],
)
def test_rows_that_no_worker_could_compare_are_told_and_the_rest_is_judged(
    alike: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str, code: str
) -> None:
    monkeypatch.setattr("curator.neighbours.graph._SPREAD", 1000)
    config = load_config(tmp_path, None, {"select": ("DUP003", "CON001", "LNG001")})
    report = engine.lint([alike], config, workers=Failing(work), cache=False)
    notes = {note.codes for note in report.not_run if "5 workers died" in note.reason}
    found = {finding.code for finding in report.findings}
    assert notes == {(code,)}
    assert found >= {"DUP003", "CON001", "LNG001"} - {code}


@pytest.mark.parametrize("workers", [1, 2])
def test_who_waits_hears_by_how_many_rules_the_set_was_judged(alike: Path, tmp_path: Path, workers: int) -> None:
    config = load_config(tmp_path, None, {"select": ("DUP", "CON", "LNG")})
    told = tmp_path / "told"  # forks write there too

    def judging(done: int, rules: int, at: str) -> None:
        with told.open("a") as file:
            print(done, rules, at, file=file)

    engine.lint([alike], config, workers=workers, cache=False, judging=judging)
    heard = [line.split(maxsplit=2) for line in told.read_text().splitlines()]
    rules = {rule for _, rule, *_ in heard}
    assert len(rules) == 1 and heard[-1] == [*rules, *rules]
    assert {"DUP003", "CON001"} <= {at[0].partition(",")[0].strip() for _, _, *at in heard if at}
    assert any(at and at[0].startswith("DUP003, part ") for _, _, *at in heard)
    if workers == 1:
        assert [int(done) for done, *_ in heard] == sorted(int(done) for done, *_ in heard)


@pytest.mark.slow
def test_a_span_no_node_can_read_is_sent(nodes: Any, data: Path, tmp_path: Path) -> None:
    jobs = [Away(n, tmp_path / "gone") for n in range(20)]
    assert list(cluster.Ray(nodes.address).map(read_it, jobs)) == [b"%d" % n for n in range(20)]


@pytest.mark.slow
def test_an_item_that_kills_its_workers_is_given_up_and_the_others_are_done(
    nodes: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "RETRIES", 1)
    found = list(cluster.Ray(nodes.address).map(square, [1, 2, 0, 3], lambda item, why: (item, why)))  # type: ignore[arg-type,return-value]
    assert found == [1, 4, (0, "2 workers died on it, the last of a crash"), 9]
    with pytest.raises(CuratorError, match="2 workers died"):
        list(cluster.Ray(nodes.address).map(square, [0]))


@pytest.mark.slow
def test_the_command_line_takes_the_engine(nodes: Any, data: Path, tmp_path: Path) -> None:
    found = []
    for engine_options in (["--workers", "1"], ["--engine", "ray", "--ray-address", nodes.address]):
        out = tmp_path / f"{len(found)}.jsonl"
        options = ["--no-cache", "--exit-zero", "--format", "jsonl", "--output", str(out)]
        assert main(["lint", str(data), *options, *engine_options]) == 0
        found.append(out.read_bytes())
    assert found[0] == found[1] and json.loads(found[0].splitlines()[0])


@pytest.mark.slow
def test_the_script_that_loses_a_node_comes_to_a_verdict(data: Path) -> None:
    pytest.importorskip("ray")
    command = [sys.executable, str(ROOT / "tests" / "bench" / "nodes.py"), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.splitlines()[-1] == "the same, byte for byte" and done.returncode == 0, done.stdout + done.stderr
    assert "the second node is lost after" in done.stdout


@pytest.mark.slow
def test_documents_are_read_on_the_nodes(nodes: Any, tmp_path: Path) -> None:
    """One of the files is empty, one is no document: they are told, whoever reads."""
    folder = tmp_path / "documents"
    shutil.copytree(ROOT / "samples" / "sop", folder)
    (folder / "empty.md").write_bytes(b"")
    (folder / "note.txt").write_text("Milk, bread, eggs.", "utf-8")
    found = []
    for engine_options in ([], ["--workers", "2"], ["--engine", "ray", "--ray-address", nodes.address]):
        out = tmp_path / f"{len(found)}"
        assert main(["sop", str(folder), "-o", f"{out}.jsonl", "--json", f"{out}", *engine_options]) == 1
        found.append({file.name: file.read_bytes() for file in sorted(out.iterdir())})
        found[-1]["rows"] = Path(f"{out}.jsonl").read_bytes()
    assert found[0] == found[1] == found[2] and len(found[0]) > 3


@pytest.mark.slow
def test_a_document_no_node_can_read_is_sent(nodes: Any, tmp_path: Path) -> None:
    file = tmp_path / "line.html"
    shutil.copy(ROOT / "samples" / "sop" / "blister-line-clearance.html", file)
    jobs = [sop.Job(str(file), seen=(1, 1))]  # what stands on the node at that path is another file
    (document,) = cluster.Ray(nodes.address).map(sop.read_job, jobs)
    assert document == sop.read_job(sop.Job(str(file)))
    assert not isinstance(document, SourceError)


class Away(NamedTuple):
    """An item whose bytes stand on the caller's machine alone."""

    number: int
    place: Path
    data: bytes = b""

    def carried(self) -> Away:
        return Away(self.number, self.place, b"%d" % self.number)


def read_it(item: Away) -> bytes:
    if not item.data:
        raise OutOfReachError("is not on every node", where=str(item.place))
    return item.data


def square(number: int) -> int:
    time.sleep(0.1)
    if number == 0:
        os._exit(3)
    return number * number

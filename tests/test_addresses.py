"""Sets that stand elsewhere: read from a bucket of a real S3 server on this machine."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curator import engine
from curator.cli import main
from curator.config import load_config
from curator.counting import stats
from curator.errors import ChangedError, MissingExtraError, OutOfReachError, SourceError
from curator.scan.span import Job
from curator.sources import Span, cut, open_sources
from curator.sources.addresses import fetched, is_address
from tests.conftest import ROOT

SAMPLE = (ROOT / "samples" / "support.jsonl").read_bytes()

# In a process of its own: the moto server patches botocore where it runs.
SERVER = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(*server.get_host_and_port(), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """The files of a bucket, as s3fs sees them."""
    pytest.importorskip("moto")
    s3fs = pytest.importorskip("s3fs")
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as server:
        assert server.stdout and server.stdin
        host, port = server.stdout.readline().decode().split()
        named = {
            "AWS_ENDPOINT_URL": f"http://{host}:{port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        before = {name: os.environ.get(name) for name in named}
        os.environ.update(named)
        files = s3fs.S3FileSystem()
        files.mkdir("sets")
        files.pipe("sets/support.jsonl", SAMPLE)
        files.pipe("sets/packed.jsonl.gz", gzip.compress(SAMPLE))
        files.pipe("sets/chat/train.jsonl", SAMPLE)
        files.pipe("sets/chat/valid.jsonl", b"".join(SAMPLE.splitlines(keepends=True)[:5]))
        files.pipe("sets/chat/README.md", b"# A set\n")
        yield files
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
        server.stdin.close()


def found(path: str, tmp_path: Path) -> list[tuple[Any, ...]]:
    report = engine.lint([path], load_config(tmp_path), cache=False)
    return [(f.code, f.line, f.path, f.message, f.id) for f in report.findings]


def test_a_path_is_no_address() -> None:
    assert is_address("s3://sets/a.jsonl") and is_address("hf://datasets/a/b")
    assert not any(map(is_address, ["-", "a.jsonl", "/a//b", "C:\\a", "a:b", "sub/s3://x"]))


@pytest.mark.parametrize("name", ["support.jsonl", "packed.jsonl.gz"])
def test_a_file_in_a_bucket_is_judged_as_the_file_itself(bucket: Any, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(bucket.cat(f"sets/{name}"))
    assert found(f"s3://sets/{name}", tmp_path) == found(str(tmp_path / name), tmp_path) != []


def test_a_prefix_is_a_folder_and_its_names_tell_the_splits(bucket: Any, tmp_path: Path) -> None:
    with open_sources(["s3://sets/chat"]) as sources:
        assert [(source.path, source.split) for source in sources] == [
            ("s3://sets/chat/train.jsonl", "train"),
            ("s3://sets/chat/valid.jsonl", "valid"),
        ]
        assert [left.path for left in sources.left] == ["s3://sets/chat/README.md"]
    assert "SPT001" in {code for code, *_ in found("s3://sets/chat", tmp_path)}


def test_a_worker_reads_its_span_from_the_address(bucket: Any, tmp_path: Path) -> None:
    with open_sources(["s3://sets/support.jsonl", "s3://sets/packed.jsonl.gz"]) as sources:
        plain, packed = (Job(source, cut(source)[0]).sent() for source in sources)
        assert (plain.source.address, packed.source.address) == ("s3://sets/support.jsonl", None)
    assert not plain.source.data.exists()  # the copies are gone, as on another machine
    assert plain.read() == SAMPLE
    with pytest.raises(OutOfReachError):
        packed.read()
    assert fetched("s3://sets/support.jsonl", Span(10, 30), len(SAMPLE)) == SAMPLE[10:30]
    with pytest.raises(ChangedError):
        fetched("s3://sets/support.jsonl", Span(10, 30), len(SAMPLE) + 1)


def test_the_command_line_reads_addresses(bucket: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "s3://sets/support.jsonl", "--format", "json", "--no-cache"]) == 1
    assert json.loads(capfd.readouterr().out)["files"][0]["path"] == "s3://sets/support.jsonl"
    assert main(["split", "s3://sets/support.jsonl", "-o", str(tmp_path / "splits")]) == 0
    assert (tmp_path / "splits" / "train.jsonl").stat().st_size
    assert stats(["s3://sets/support.jsonl"], load_config(tmp_path)).rows == 28
    assert main(["lint", "s3://sets/support.jsonl", "--fix", "--no-cache"]) == 2
    assert "not mended s3://sets/support.jsonl" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://sets/nothing.jsonl", "nothing stands there"),
        ("s3://no-such-bucket/a.jsonl", "nothing stands there|cannot be read"),
        ("carrierpigeon://a/b.jsonl", "cannot be read: Protocol not known"),
        ("abfs://a/b.jsonl", "cannot be read: .*nstall adlfs"),
    ],
)
def test_what_is_not_there_is_told(bucket: Any, address: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        open_sources([address])


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"finetune-curator\[s3\]"):
        open_sources(["gs://never/asked.jsonl"])

"""Sets that stand elsewhere: read from a bucket of a real S3 server on this machine."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from curator import engine
from curator.cli import main
from curator.config import load_config
from curator.counting import stats
from curator.errors import ChangedError, MissingExtraError, OutOfReachError, SourceError
from curator.scan.span import Job
from curator.sop.elsewhere import bytes_at
from curator.sop.reading import MAX_BYTES
from curator.sources import Span, addresses, cut, open_sources
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


def test_documents_in_a_bucket_give_the_rows_of_the_same_documents_in_a_folder(
    bucket: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name in ("blister-line-clearance.html", "purified-water-sampling.md", "fluid-bed-dryer-cleaning.md"):
        data = (ROOT / "samples" / "sop" / name).read_bytes()
        (folder / name).write_bytes(data)
        bucket.pipe(f"sets/sop/{name}", data)
    bucket.pipe("sets/sop/other.json", b'{"rows": 3}')
    bucket.pipe("sets/sop/table.csv", b"a,b\n1,2\n")
    made = []
    for number, (source, options) in enumerate(
        [(str(folder), []), ("s3://sets/sop", []), ("s3://sets/sop/", ["--workers", "2"])]
    ):
        out = tmp_path / f"{number}.jsonl"
        assert main(["sop", source, "-o", str(out), "--json", str(tmp_path / f"{number}"), *options]) == 0
        made.append(
            (
                out.read_bytes().replace(f"{folder}/".encode(), b"s3://sets/sop/"),
                sorted(file.name for file in (tmp_path / f"{number}").iterdir()),
            )
        )
    assert made[0] == made[1] == made[2] and len(made[0][1]) == 3
    assert "s3://sets/sop/purified-water-sampling.md" in capfd.readouterr().out


def test_what_no_document_stands_behind_is_told(bucket: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    bucket.pipe("sets/tables/table.csv", b"a,b\n1,2\n")
    for address, said in (("s3://sets/tables", "no documents there"), ("s3://sets/no.md", "nothing stands there")):
        assert main(["sop", address, "-o", str(tmp_path / "out.jsonl")]) == 2
        assert said in capfd.readouterr().err
    with pytest.raises(SourceError, match="larger than"):
        bucket.pipe("sets/large.md", b"#" * (MAX_BYTES + 1))
        bytes_at("s3://sets/large.md")


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


# ---------------------------------------------------------------------- web servers that do not do as they say


class Odd(BaseHTTPRequestHandler):
    """A server that breaks off, leads in a circle, says nothing, or sends in small parts without a length."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        if "silent" in self.path:
            self.close_connection = self.server.quiet.wait(20)  # type: ignore[attr-defined]
            return
        self.send_response(302 if "circle" in self.path else 200)
        if "circle" in self.path:
            self.send_header("Location", self.path)
        if "short" in self.path:
            self.send_header("Content-Length", str(2 * len(SAMPLE)))
        self.end_headers()
        for at in range(0, len(SAMPLE), 1000):
            self.wfile.write(SAMPLE[at : at + 1000])
            self.wfile.flush()


@pytest.fixture
def odd() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Odd) as server:
        server.quiet = Event()  # type: ignore[attr-defined]
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.quiet.set()  # type: ignore[attr-defined]
        server.shutdown()


@pytest.mark.parametrize("name", ["short", "circle", "silent"])
def test_a_server_that_does_not_do_as_it_says_is_an_error_in_words(
    odd: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp")
    monkeypatch.setattr(addresses, "_SILENT", 0.1)
    with pytest.raises(SourceError, match=r"cannot be read|nothing stands there"):
        open_sources([f"{odd}/{name}.jsonl"])


def test_what_comes_in_small_parts_is_judged_by_its_whole_beginning(odd: str) -> None:
    pytest.importorskip("aiohttp")
    with open_sources([f"{odd}/parts.jsonl"]) as (source,):
        assert source.data.read_bytes() == SAMPLE


@pytest.mark.parametrize("address", ["dir://x", "reference://x", "generic://x"])
def test_a_protocol_that_wants_more_than_an_address_is_an_error_in_words(address: str) -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(SourceError, match="cannot be read"):
        open_sources([address])


# ---------------------------------------------------------------------- the hub, and Google's buckets


class Hub(BaseHTTPRequestHandler):
    """What the Hugging Face hub answers for one data set of one file; it knows no other."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def do_GET(self) -> None:
        file = {"type": "file", "path": "train.jsonl", "size": len(SAMPLE), "oid": "a" * 40}
        if self.path.startswith("/datasets/me/set/resolve/main/train.jsonl"):
            low, _, high = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
            part = SAMPLE[int(low) : int(high or len(SAMPLE)) + 1]
            self.answer(206 if "Range" in self.headers else 200, part, int(low))
        elif self.path.startswith("/api/datasets/me/set/tree/main"):
            self.answer(200, json.dumps([file]).encode())
        elif self.path.startswith("/api/datasets/me/set"):
            self.answer(200, json.dumps({"id": "me/set", "sha": "b" * 40, "siblings": []}).encode())
        else:
            self.answer(404, b"{}")

    def answer(self, status: int, body: bytes, first: int = 0) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(SAMPLE)}")
        self.end_headers()
        self.wfile.write(body)


# In a process of its own: the address of the hub is read where its package is imported.
READS = """
import json, sys
from curator.cli import main
from curator.sources import Span
from curator.sources.addresses import behind, fetched
folder, file, size = sys.argv[1:]
assert behind(folder) == [file]
print(fetched(file, Span(10, 30), int(size)).decode())
main(["lint", file, "--format", "jsonl", "--no-cache", "--exit-zero"])
"""


def read_there(folder: str, file: str, cwd: Path, **environment: str) -> list[tuple[Any, ...]]:
    """What a lint finds in the one file of a folder that stands elsewhere, and reads from its middle."""
    command = [sys.executable, "-c", READS, folder, file, str(len(SAMPLE))]
    env = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env, timeout=120, check=False)
    middle, *findings = done.stdout.split("\n")
    assert middle == SAMPLE[10:30].decode(), done.stderr
    read = [json.loads(line) for line in findings if line]
    assert {each["file"] for each in read if "code" in each} == {file}, done.stderr
    return [(each["code"], each["line"], each["message"]) for each in read if "code" in each]


def found_here(tmp_path: Path) -> list[tuple[Any, ...]]:
    (tmp_path / "train.jsonl").write_bytes(SAMPLE)
    return [(code, line, message) for code, line, _, message, _ in found(str(tmp_path / "train.jsonl"), tmp_path)]


def test_a_set_of_the_hub_is_judged_as_the_file_itself(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    Thread(target=hub.serve_forever, daemon=True).start()
    named = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_DISABLE_TELEMETRY": "1"}
    judged = read_there("hf://datasets/me/set", "hf://datasets/me/set/train.jsonl", tmp_path, **named)
    hub.shutdown()
    hub.server_close()
    assert judged == found_here(tmp_path) != []


def test_a_set_in_a_bucket_of_google_is_judged_as_the_file_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Needs gcsfs and gcp-storage-emulator, which no extra brings."""
    monkeypatch.setenv("GCSFS_EXPERIMENTAL_ZB_HNS_SUPPORT", "false")  # else it asks by gRPC, when it is imported
    gcsfs = pytest.importorskip("gcsfs")
    server = pytest.importorskip("gcp_storage_emulator.server").create_server("127.0.0.1", 0, True, "sets")
    server.start()
    try:
        named = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{server._api._httpd.server_port}"}
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", named["STORAGE_EMULATOR_HOST"])
        gcsfs.GCSFileSystem(token="anon").pipe("sets/chat/train.jsonl", SAMPLE)
        judged = read_there("gs://sets/chat", "gs://sets/chat/train.jsonl", tmp_path, **named)
    finally:
        server.stop()
    assert judged == found_here(tmp_path) != []


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"finetune-curator\[s3\]"):
        open_sources(["gs://never/asked.jsonl"])

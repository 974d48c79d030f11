"""Fetching pages: what is refused, and that every limit holds. A loopback server stands for the network."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from curator.cli import main
from curator.errors import SourceError
from curator.sop import run
from curator.sop.fetch import Fetcher, is_public

pytest.importorskip("lxml")
pytest.importorskip("trafilatura")

PAGE = b"<html><head><title>SOP: Pump</title></head><body><h1>SOP: Pump</h1><ol><li>Open it.</li><li>Close it.</li></ol></body></html>"


class Site(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_GET(self) -> None:
        Site.asked.append(self.path)
        if self.path == "/robots.txt":
            return self.answer(b"User-agent: *\nDisallow: /private\n")
        if self.path == "/moved":
            return self.move("/sop.html")
        if self.path == "/inward":
            return self.move("http://10.0.0.1/sop.html")
        if self.path == "/round":
            return self.move("/round")
        if self.path == "/file":
            return self.move("file:///etc/passwd")
        if self.path == "/large":
            return self.answer(b"x" * 5000)
        if self.path == "/slow":
            self.send_response(200)
            self.end_headers()
            for _ in range(30):
                self.wfile.write(b"<p>")
                self.wfile.flush()
                time.sleep(0.1)
            return None
        if self.path == "/gone":
            return self.answer(b"", 404)
        return self.answer(PAGE)

    def answer(self, data: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def move(self, place: str) -> None:
        self.send_response(302)
        self.send_header("Location", place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def local(**limits: float) -> Fetcher:
    """A fetcher that may read the loopback server, and no other private address."""
    return Fetcher(lambda address: address == "127.0.0.1" or is_public(address), **limits)


def test_a_page_is_read_and_its_address_is_kept(site: str, tmp_path: Path) -> None:
    result = run.convert([f"{site}/moved"], tmp_path / "rows.jsonl", json_dir=tmp_path / "docs", fetcher=local())
    assert [done.steps for done in result.documents] == [2]
    row = json.loads((tmp_path / "rows.jsonl").read_text())
    assert row["source"] == f"{site}/sop.html"
    assert Site.asked == ["/robots.txt", "/moved", "/sop.html"]
    assert json.loads((tmp_path / "docs" / "moved.json").read_text())["source"]["retrieved"]


@pytest.mark.parametrize(
    ("path", "cause"),
    [
        ("/private/sop.html", "robots.txt"),
        ("/inward", "no public address"),
        ("/round", "redirects"),
        ("/file", "no web address"),
        ("/gone", "answered 404"),
    ],
)
def test_what_is_refused_says_why(site: str, path: str, cause: str) -> None:
    with pytest.raises(SourceError, match=cause):
        local().fetch(site + path)
    assert "/private/sop.html" not in Site.asked


def test_size_and_time_are_limited(site: str) -> None:
    with pytest.raises(SourceError, match="larger than"):
        local(most=1000).fetch(f"{site}/large")
    with pytest.raises(SourceError, match="no whole answer"):
        local(seconds=0.5).fetch(f"{site}/slow")


def test_private_addresses_are_refused_before_anything_is_sent(site: str) -> None:
    with pytest.raises(SourceError, match="no public address"):
        Fetcher().fetch(f"{site}/sop.html")
    assert Site.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fe80::1%eth0",
        "::ffff:127.0.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
    ],
)
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_a_web_address_needs_the_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sop", "https://example.org/sop", "-o", str(tmp_path / "rows.jsonl")]) == 2
    assert "--fetch" in capsys.readouterr().err

"""A review app and a browser on it, for the tests and for tests/bench/review.py."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


class Server:
    """One `curator review`, in a home of its own."""

    def __init__(self, data: Path, home: Path, *options: str, port: int | None = None) -> None:
        self.data, self.home, self.options = data, home, options
        self.port = port or _free_port()
        self.out = home / "server.log"
        home.mkdir(exist_ok=True)
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "curator",
                    "review",
                    str(data),
                    "--no-browser",
                    "--reviewer",
                    "ana",
                    "--port",
                    str(self.port),
                    *options,
                ],
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "HOME": str(home), "PYTHONUNBUFFERED": "1"},
            )
        began = time.perf_counter()
        while not self._up():
            assert self.process.poll() is None, self.out.read_text()
            assert time.perf_counter() - began < 90, self.out.read_text()
            time.sleep(0.03)
        self.seconds = time.perf_counter() - began

    def _up(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def url(self) -> str:
        found = re.search(r"http://\S+", self.out.read_text())
        assert found
        return found.group()

    def page(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def decisions(self) -> list[dict[str, Any]]:
        log = self.data.parent / ".curator" / "decisions.jsonl"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def used(self) -> float:
        """Seconds of processor time that the server has used."""
        user, system = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def most_memory(self) -> float:
        """The most memory that the server held, in MB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


DESK = (  # the card, which lies in a shadow root
    "(() => { for (const e of document.querySelectorAll('*')) {"
    " const d = e.shadowRoot?.querySelector('.desk'); if (d) return d; } })()"
)


def saved(page: Any) -> None:
    page.wait_for_function(f"() => {DESK}?.dataset.unsaved === '0'", timeout=60_000)
    time.sleep(0.05)


def now(page: Any) -> str:
    return str(page.locator(".card").get_attribute("data-id"))


def press(page: Any, key: str) -> None:
    """Press a key and wait until another finding is shown."""
    before = now(page)
    page.keyboard.press(key)
    page.wait_for_function(f"(id) => {DESK}.querySelector('.card').dataset.id !== id", arg=before, timeout=20_000)


WATCH = """() => {
  const card = %s.querySelector('.card');
  window.seen = []; window.times = [];
  window.addEventListener('keydown', (e) => {
    if (!'kxf'.includes(e.key) || document.querySelector("[role='dialog'][aria-modal='true'], .stDialog")) return;
    const id = card.dataset.id, began = performance.now();
    window.seen.push([id, e.key]);
    const look = new MutationObserver(() => {
      if (card.dataset.id !== id) { window.times.push(performance.now() - began); look.disconnect(); }
    });
    look.observe(card, {attributes: true});
  }, true);
}"""


def type_at(page: Any, keys: list[str], pace: float) -> None:
    began = time.perf_counter()
    for n, key in enumerate(keys, 1):
        page.keyboard.press(key)
        time.sleep(max(0.0, began + n * pace - time.perf_counter()))

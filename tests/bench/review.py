"""How fast the review app is, and how much memory its server takes: `python -m tests.bench.review [--gigabyte]`.

Each figure stands beside its target. Without --gigabyte 100,000 rows with as many findings; with it the same
number of findings in a file of 1 GB. Wall time in a browser on this machine: other work on it shows, which is why
the load average stands beside each figure, and the processor time of the server where it is the server that works.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from curator import decisions
from curator.cli import options
from curator.model import Decision
from curator.review.desk import Desk
from curator.review.filters import Filter
from curator.review.settings import Settings
from tests.browsing import CHROMIUM, CHROMIUM_FLAGS, DESK, WATCH, Server, now, saved, type_at

FINDINGS = 100_000
RULES = ("ROL007", "ENC004", "ANS001")
ANSWERS = ["", "Port 4. <br/><br/>&nbsp; It is yellow.", "Sorry, but I can't help with that."]
PATIENCE = 10  # seconds after which a click counts as lost
SHOWN = ".card[data-id]:not([data-id=''])"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="curator-bench-") as folder:
        data = Path(folder, "data", "data.jsonl")
        data.parent.mkdir()
        make(data, 1_000_000_000 if "--gigabyte" in sys.argv else 0)
        began = time.perf_counter()
        desk = open_desk(data)
        print(f"{data.stat().st_size / 1e6:,.0f} MB, {desk.count(Filter()):,} findings")
        print(f"linted and indexed in {time.perf_counter() - began:.1f} s; load {os.getloadavg()[0]:.1f}")
        desk.close()
        browse(data, Path(folder, "home"))
        if "--gigabyte" not in sys.argv:
            decide(data)
        print(f"load {os.getloadavg()[0]:.1f}")


def make(data: Path, least: int) -> None:
    """Rows with a finding each; where the file must be larger, rows without between them."""
    between = max(0, least // FINDINGS - 420)
    with data.open("w") as file:
        for n in range(FINDINGS):
            file.write(_row(f"Question {n} about item {n * 7919 % 10007}? " + "word " * 60, ANSWERS[n % 3]))
            for k in range(-(-between // 3000)):
                said = (
                    f"Part {n}.{k} of the unit has {n % 89} bolts, and the {k + 2}th sits {n % 97} mm from its edge. "
                )
                file.write(_row(f"Where is bolt {n}.{k}?", said * 30))


def _row(user: str, assistant: str) -> str:
    turns = [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return json.dumps({"messages": turns}) + "\n"


def settings_of(data: Path) -> Settings:
    """What `curator review --select …` is about."""
    config = options.configured((str(data),), None, {"select": RULES})
    return Settings((str(data),), config, "ana", data.parent / "out")


def open_desk(data: Path) -> Desk:
    """A desk with its index made; the log is not followed yet."""
    desk = Desk(settings_of(data))
    while not desk.ready():
        assert desk.building is None or not desk.building.error, desk.building
        time.sleep(0.1)
    return desk


def tell(what: str, value: float, unit: str, target: float) -> None:
    held = "" if value <= target else "  MISSED"
    print(f"{what:<48}{value:>9,.3g} {unit:<3} target {target:<5,g} load {os.getloadavg()[0]:.1f}{held}", flush=True)


def spread(what: str, values: list[float], unit: str, targets: tuple[float, float]) -> None:
    tell(f"{what}, median", statistics.median(values), unit, targets[0])
    tell(f"{what}, 95 %", sorted(values)[int(0.95 * (len(values) - 1))], unit, targets[1])


def browse(data: Path, home: Path) -> None:
    """What a person waits for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        Server(data, home, "--select", ",".join(RULES)).stop()  # what the system reads once is read
        server = Server(data, home, "--select", ",".join(RULES))
        try:
            tell("curator review until it answers", server.seconds, "s", 2)
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            tell("first finding on a cold page", _timed(lambda: (page.goto(server.url), _shown(page))), "s", 3)
            used = server.used()
            tell("reload", _timed(lambda: (page.reload(), _shown(page))), "s", 1)
            tell("  of it the server's processor", server.used() - used, "s", 1)
            page.evaluate(WATCH % DESK)
            type_at(page, ["k"] * 100, 0.1)
            saved(page)
            spread("key until the next card", page.evaluate("window.times"), "ms", (30, 100))
            spread("key until it is on the disk", list(_durable(page, server)), "s", (0.4, 1))
            used = server.used()
            waits = list(_filtered(page))
            spread("another filter", waits, "ms", (300, 600))
            tell("  of it the server's processor", 1000 * (server.used() - used) / len(waits), "ms", 300)
            tell("memory of the server at most", server.most_memory(), "MB", 400)
        finally:
            server.stop()


def _timed(do: Callable[[], Any]) -> float:
    began = time.perf_counter()
    do()
    return time.perf_counter() - began


def _cpu(do: Callable[[], Any]) -> float:
    began = time.process_time()
    do()
    return time.process_time() - began


def _shown(page: Any) -> None:
    page.wait_for_selector(SHOWN, timeout=60_000)


def _durable(page: Any, server: Server) -> Iterator[float]:
    log = server.data.parent / ".curator" / "decisions.jsonl"
    for _ in range(25):
        saved(page)
        size = log.stat().st_size
        began = time.perf_counter()
        page.keyboard.press("k")
        while log.stat().st_size == size:
            time.sleep(0.002)
        yield time.perf_counter() - began


def _filtered(page: Any) -> Iterator[float]:
    """A click on a severity, until another finding is shown: in the page, so that no polling is counted."""
    watch = f"""() => new Promise((done) => {{
      const card = {DESK}.querySelector('.card'), id = card.dataset.id, began = performance.now();
      const another = () => card.dataset.id && card.dataset.id !== id;
      const look = new MutationObserver(() => another() && (look.disconnect(), done(performance.now() - began)));
      look.observe(card, {{ attributes: true }});
      setTimeout(() => done(null), {1000 * PATIENCE});
      [...document.querySelectorAll('button')].find((b) => b.textContent === 'Warning').click();
    }})"""
    for clicks in range(1, 12):
        before = now(page)
        took = page.evaluate(watch)
        if took is None or now(page) == before:
            sys.exit(
                f"click {clicks} on the filter was lost: {PATIENCE} s later {before} is shown still, at {page.url}"
            )
        yield took
        page.wait_for_timeout(400)


def decide(data: Path) -> None:
    """Many decisions at once, and all of them read again."""
    log = data.parent / ".curator" / "decisions.jsonl"
    log.unlink()
    desk = open_desk(data)
    desk.follow()
    chosen = Filter(rules=RULES[:1], line=FINDINGS - 30_000)
    number = desk.count(chosen)
    tell(
        f"{number:,} decisions at once",
        10_000 / number * _timed(lambda: desk.bulk(chosen, "keep", expected=number)),
        "s",
        1,
    )
    entries = desk.entries(Filter(status="all"), limit=FINDINGS)
    begun = datetime(2026, 1, 1, tzinfo=UTC)
    made = [
        Decision("keep", e.finding.row, e.finding.id, e.finding.code, "", "ana", _when(begun, n), id=decisions.new_id())
        for n, e in enumerate(entries)
    ]
    desk.close()
    decisions.write(log, made)
    desk = open_desk(data)
    tell(f"{len(made):,} decisions that came at once, CPU", _cpu(desk.follow), "s", 1)
    tell("  json.loads of each of their lines, CPU", _cpu(lambda: [json.loads(line) for line in log.open()]), "s", 1)
    assert desk.count(Filter(status="keep")) == len(made)
    desk.close()
    desk.settings.database.unlink()
    open_desk(data).close()  # the lint takes them in
    desk = open_desk(data)
    tell(f"{len(made):,} decisions at the start, CPU", _cpu(desk.follow), "s", 1)
    assert desk.count(Filter(status="keep")) == len(made)
    desk.close()


def _when(begun: datetime, number: int) -> str:
    """Ten decisions a second: every one has a time of its own, as the app writes it."""
    return (begun + timedelta(seconds=number / 10)).isoformat(timespec="milliseconds")


if __name__ == "__main__":
    main()

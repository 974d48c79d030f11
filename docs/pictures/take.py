"""Takes the pictures of the pages: `PYTHONPATH=. python docs/pictures/take.py` (extras review and dev)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.browsing import CHROMIUM, CHROMIUM_FLAGS, Server

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name, sync_playwright() as play:
        folder = Path(name)
        data = Path(shutil.copy(ROOT / "samples" / "support.jsonl", folder))
        words = [sys.executable, "-m", "curator", "lint", "support.jsonl", "--no-cache", "--exit-zero"]
        subprocess.run([*words, "--format", "html", "--output", "report.html"], cwd=folder, check=True)
        browser = play.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 850}, color_scheme="light")
        page.goto((folder / "report.html").as_uri())
        page.screenshot(path=HERE / "report.png")
        app = Server(data, folder / "home", "--select", "ENC001,ANS005,DUP")
        try:
            page.goto(app.url, timeout=120_000)
            page.wait_for_selector(".card", timeout=120_000)
            page.wait_for_timeout(3000)
            page.screenshot(path=HERE / "review.png")
        finally:
            app.stop()
        browser.close()


if __name__ == "__main__":
    main()

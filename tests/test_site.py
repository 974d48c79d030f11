"""The site of the pages: it builds without network, holds every page, and asks nothing of other hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.slow
def test_the_site_builds_strictly_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("material")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {page.relative_to(ROOT / "docs").with_suffix(".html") for page in (ROOT / "docs").rglob("*.md")}
    assert [page for page in pages if not (tmp_path / page).exists()] == []
    assert {file.name for file in (tmp_path / "pictures").glob("*.png")} >= {"report.png", "review.png"}
    commands = (tmp_path / "commands.html").read_text("utf-8")
    assert "curator train run" in commands and "--ray-address" in commands
    fetched = re.compile(r'(?:src|rel="stylesheet" href|href)="?(https?://[^" >]+\.(?:js|css|woff2?))')
    assert fetched.findall("".join(page.read_text("utf-8") for page in tmp_path.glob("*.html"))) == []

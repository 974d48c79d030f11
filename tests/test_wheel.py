"""The built wheel works by itself: in an empty environment, from another folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(out), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_rules_and_apps_travel_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {name.removeprefix("curator/_rules/") for name in names if name.startswith("curator/_rules/")}
    files = [path for path in (ROOT / "rules").rglob("*.*") if path.is_file()]
    assert {path.relative_to(ROOT / "rules").as_posix() for path in files} == shipped
    assert "curator/_apps/README.md" in names
    assert "curator/report/html.css" in names, "files that are no Python travel too"
    assert not [name for name in names if name.startswith(("tests/", "samples/"))]


def test_an_empty_environment_lints_a_sample(wheel: Path, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    pip = subprocess.run(
        [venv / "bin" / "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel],
        capture_output=True,
        text=True,
        check=False,
    )
    assert pip.returncode == 0, pip.stderr[-2000:]
    sample = tmp_path / "elsewhere" / "support.jsonl"
    sample.parent.mkdir()
    shutil.copy(ROOT / "samples" / "support.jsonl", sample)
    done = subprocess.run(
        [venv / "bin" / "curator", "lint", sample.name], cwd=sample.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert "ANS001" in done.stdout and "exact" in done.stdout
    heavy = subprocess.run([venv / "bin" / "pip", "list"], capture_output=True, text=True, check=True).stdout.lower()
    assert not {"torch", "transformers", "streamlit", "pandas"} & set(heavy.split())

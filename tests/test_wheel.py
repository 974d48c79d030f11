"""The built wheel works by itself: in an empty environment, from another folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
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
    ours = {p.relative_to(ROOT / "rules").as_posix() for p in (ROOT / "rules").rglob("*") if p.is_file()}
    assert shipped == {name for name in ours if "__pycache__" not in name}
    apps = {name.removeprefix("curator/_apps/") for name in names if name.startswith("curator/_apps/")}
    ours = {p.relative_to(ROOT / "apps").as_posix() for p in (ROOT / "apps").rglob("*") if p.is_file()}
    assert apps == {name for name in ours if "__pycache__" not in name}
    assert {"review/static/card.js", "review/static/card.css", "review/static/card.html"} <= apps
    assert "curator/report/html.css" in names, "files that are no Python travel too"
    assert not [name for name in names if name.startswith(("tests/", "samples/"))]


@pytest.fixture(scope="module")
def venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it needs, and nothing else."""
    made = tmp_path_factory.mktemp("empty") / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(made)], check=True)
    _install(made, str(wheel))
    return made


def _install(venv: Path, *what: str) -> None:
    pip = [venv / "bin" / "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", *what]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def test_an_empty_environment_lints_a_sample(venv: Path, tmp_path: Path) -> None:
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


@pytest.mark.parametrize("words", ["rules", "rules --format json", "rule SPL001", "config show"])
def test_rules_are_explained_without_the_packages_that_they_wait_for(venv: Path, tmp_path: Path, words: str) -> None:
    done = subprocess.run(
        [venv / "bin" / "curator", *words.split()], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and (words == "config show" or "SPL001" in done.stdout), done.stderr


def test_the_app_of_the_wheel_starts(wheel: Path, venv: Path, tmp_path: Path) -> None:
    data = tmp_path / "support.jsonl"
    shutil.copy(ROOT / "samples" / "support.jsonl", data)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [venv / "bin" / "curator", "review", data, "--no-browser"]
    told = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert told.returncode == 2 and "review" in told.stderr, "without the extra it says what to install"
    _install(venv, f"{wheel}[review]")
    server = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = next(line for line in server.stdout if line.startswith("http")).strip()
        for _ in range(600):
            try:
                with urllib.request.urlopen(f"{address.partition('?')[0]}_stcore/health", timeout=2) as answer:
                    assert answer.status == 200
                    break
            except OSError:
                time.sleep(0.1)
        jar = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with jar.open(address, timeout=20) as answer:
            assert b"<html" in answer.read() and "frame-ancestors" in answer.headers["content-security-policy"]
    finally:
        server.terminate()
        server.wait(20)

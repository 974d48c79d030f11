"""What `import curator` offers: every name resolves, and none is loaded before it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import curator
from curator.errors import MissingExtraError
from curator.rule import chat


@pytest.mark.parametrize("name", curator.__all__)
def test_every_public_name_resolves_and_is_listed(name: str) -> None:
    assert getattr(curator, name) is getattr(curator, name)
    assert name in dir(curator)


def test_the_names_are_those_of_the_verbs() -> None:
    verbs = {"lint", "load_config", "fix_files", "clean", "convert", "compare", "stats", "explain", "all_rules"}
    assert verbs < set(curator.__all__)
    assert all(callable(getattr(curator, name)) for name in verbs)
    assert {name for name in verbs if not getattr(curator, name).__doc__} == set()


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'lnit'"):
        curator.lnit  # noqa: B018


def test_the_import_alone_loads_nothing() -> None:
    code = (
        "import curator, sys; print(*(m for m in sys.modules if m.partition('.')[0] in ('numpy', 'msgspec', 'click')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_every_name_can_be_used_however_it_is_imported_first() -> None:
    """A module by the name of a function would hide it, in one order of imports and not in another."""
    code = (
        "import curator.cli.stats, curator.cli.clean; import curator;"
        "print(*map(callable, [getattr(curator, name) for name in %r]))"
    )
    names = [name for name in curator.__all__ if name != "__version__"]
    done = subprocess.run([sys.executable, "-c", code % names], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"True"}
    modules = {path.stem for path in Path(curator.__file__).parent.iterdir()}
    assert not modules & set(names)


def test_a_set_is_linted_and_its_findings_are_a_table(write) -> None:
    pytest.importorskip("pandas")
    path = write("x.jsonl", [chat(user="Hi", assistant="Hello."), chat(user="Who?", assistant="")])
    report = curator.lint([path], curator.load_config(path))
    table = report.to_pandas()
    assert list(table[["code", "severity", "line"]].itertuples(index=False, name=None)) == [("ROL007", "error", 2)]
    assert table.columns[-2:].tolist() == ["id", "row"]
    clean = curator.lint([write("y.jsonl", [chat(user="What is 2+2?", assistant="It is 4.")])], curator.Config())
    assert clean.to_pandas().shape == (0, len(table.columns))


def test_a_table_without_pandas_is_an_error_with_the_line_to_install_it(write, monkeypatch) -> None:
    report = curator.lint([write("x.jsonl", [chat(user="Hi", assistant="")])], curator.Config())
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r'pip install "finetune-curator\[data\]"'):
        report.to_pandas()

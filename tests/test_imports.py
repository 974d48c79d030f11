"""Imports point down, and what is heavy is imported only when it is used."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "curator"

# A module may import from its own layer and from those above it in this table, never from those below.
LAYERS = [
    "model errors",
    "columns extras formats json_schema neighbours paths private provenance recipe rowfacts rule scratch sources "
    "splicing spreading targets templates text tokens writing",
    "benchmarks checks harness ollama packs plugins sop",
    "config engine scan",
    "cleaning comparison conversion counting decisions docs editor explanation fix handoff proving report review "
    "splits trained training",
    "export",
    "__main__ cli",
]
LAYER = {module: number for number, modules in enumerate(LAYERS) for module in modules.split()}

# A rule knows where all rules are and what its own examples show, and the examples show what a fix
# makes of a row: looked up when asked for, inside a function. So are the shapes and targets of plugins.
UPWARD = {("rule", "checks"), ("rule", "packs"), ("rule", "harness"), ("harness", "fix")}
UPWARD |= {("docs", "cli")}  # the page of commands prints their help
UPWARD |= {("rule", "plugins"), ("formats", "plugins"), ("targets", "plugins")}


def parts() -> list[str]:
    return sorted({path.stem if path.suffix else path.name for path in PACKAGE.iterdir() if is_module(path)})


def is_module(path: Path) -> bool:
    return (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()


def files(part: str) -> list[Path]:
    single = PACKAGE / f"{part}.py"
    return [single] if single.exists() else sorted((PACKAGE / part).rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """The parts of curator that the code imports, at any depth; not what only the type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.ImportFrom) and node.module == "curator":
            yield from (alias.name for alias in node.names if alias.name in LAYER)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("curator."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("curator."))
        else:
            yield from imported(node)


def test_every_module_has_a_layer() -> None:
    assert [part for part in parts() if part not in LAYER and not part.startswith("_")] == []


@pytest.mark.parametrize("part", [part for part in parts() if part in LAYER])
def test_imports_point_down(part: str) -> None:
    for file in files(part):
        for other in imported(ast.parse(file.read_text("utf-8"))):
            ok = LAYER[other] <= LAYER[part] or (part, other) in UPWARD
            assert ok, f"{file.relative_to(PACKAGE)} imports {other}, which stands above it"


def test_no_relative_imports() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            assert not (isinstance(node, ast.ImportFrom) and node.level), file


def modules_after(*arguments: str, folder: Path) -> set[str]:
    """The modules that are loaded when the command has run, in a process of its own."""
    code = (
        "import json, sys; from curator.cli import main; main(sys.argv[1:]);"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=folder, check=False
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


def test_help_imports_click_and_the_standard_library_alone(tmp_path: Path) -> None:
    tops = {name.partition(".")[0] for name in modules_after("--help", folder=tmp_path)}
    bare = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    ).stdout.split()  # what the interpreter's own start-up files bring along
    strange = tops - set(sys.stdlib_module_names) - {name.partition(".")[0] for name in bare}
    assert strange - {"__main__"} == {"click", "curator"}


@pytest.mark.parametrize("verb", ["lint", "explain", "stats", "diff", "clean", "convert", "rule", "config"])
def test_help_of_a_verb_imports_neither_data_nor_rules(verb: str, tmp_path: Path) -> None:
    loaded = modules_after(verb, "--help", folder=tmp_path)
    assert not loaded & {"msgspec", "numpy", "curator.config", "curator.rule"}


def test_lint_of_jsonl_imports_nothing_heavy(tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]}
    (tmp_path / "x.jsonl").write_text(json.dumps(row) + "\n")
    loaded = modules_after("lint", "x.jsonl", folder=tmp_path)
    assert "curator.engine" in loaded
    heavy = {"pandas", "datasets", "transformers", "torch", "streamlit", "pyarrow", "rich", "jinja2", "rapidfuzz"}
    assert not loaded & heavy

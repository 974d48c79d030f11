"""What the README, the tutorial and the how-tos say is so: output, configuration, commands, links, file tree."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from curator.cli import cli
from curator.config import load_config
from curator.formats import SHAPES
from tests.conftest import ROOT

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
ALL = "\n".join([TEXT, *(page.read_text(encoding="utf-8") for page in PAGES)])
GAP = "…"  # a line that stands for lines left out


def blocks(language: str, text: str = TEXT) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def links() -> Iterator[tuple[Path, str]]:
    """Every link with the page that it stands on."""
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *PAGES]:
        yield from ((page, link) for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")))


def normalised(text: str) -> list[str]:
    """Lines with the time taken out and no space at their ends."""
    return [re.sub(r"\d[\d.]* s$", "N s", line.rstrip()) for line in text.splitlines()]


def shown() -> Iterator[tuple[str, list[str]]]:
    """The commands of the console blocks, each with the lines that it is said to print."""
    for block in blocks("console", ALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield command, normalised(output)


def stretches(lines: list[str]) -> list[list[str]]:
    """The runs of lines between gaps."""
    runs: list[list[str]] = [[]]
    for line in lines:
        if line == GAP:
            runs.append([])
        else:
            runs[-1].append(line)
    return runs


@pytest.mark.parametrize(("command", "lines"), list(shown()), ids=lambda value: value if isinstance(value, str) else "")
def test_console_blocks_show_what_is_printed(command: str, lines: list[str]) -> None:
    program, *words = shlex.split(command)
    assert program == "curator"
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    done = subprocess.run(
        [sys.executable, "-m", "curator", *words],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    printed = normalised(done.stdout)
    runs = stretches(lines)
    at = 0
    for run in runs:
        place = next((i for i in range(at, len(printed) + 1) if printed[i : i + len(run)] == run), None)
        assert place is not None, f"not printed, or not in this order: {run}\n{done.stdout}{done.stderr}"
        assert place == 0 or run is not runs[0], "lines are left out before the first one shown"
        at = place + len(run)
    assert not runs[-1] or at == len(printed), "lines are left out after the last one shown"


@pytest.mark.parametrize("block", blocks("toml", ALL))
def test_configuration_examples_load(block: str, tmp_path: Path) -> None:
    file = tmp_path / "curator.toml"
    file.write_text(block, encoding="utf-8")
    plan = load_config(tmp_path).plan()
    assert plan.max_length == 4096 and plan.limits


def commands(group: click.Command, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context) if isinstance(group, click.Group) else []:
        command = group.get_command(context, name)
        assert command is not None
        yield (*names, name), command
        yield from commands(command, *names, name)


KNOWN = dict(commands(cli))


def test_commands_exist_and_none_is_left_out() -> None:
    words = re.findall(r"`(?:\.venv-curator/bin/)?curator ([a-z].*?)`", ALL)
    words += [command.removeprefix("curator ") for command, _ in shown()]
    named = {tuple(command.split()[:2]) for command in words}
    assert {names[:1] for names in named} <= KNOWN.keys()
    assert {names for names in named if names[:1] in {("config",), ("decisions",)}} <= KNOWN.keys()
    assert {names[0] for names in KNOWN} == {names[0] for names in named}


def test_options_exist() -> None:
    options = {o for command in KNOWN.values() for parameter in command.params for o in parameter.opts}
    prose = re.sub(r"^```(sh|text)\n.*?^```", "", ALL, flags=re.DOTALL | re.MULTILINE)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", prose)) <= options


def test_formats_are_those_of_the_command() -> None:
    option = next(p for p in KNOWN["lint",].params if p.name in ("format", "form") or "--format" in p.opts)
    assert isinstance(option.type, click.Choice)
    said = re.search(r"`--format` (.*?);", TEXT, re.DOTALL)
    assert said and re.findall(r"\w+", said[1].replace(" or ", " ")) == list(option.type.choices)


def test_hooks_exist() -> None:
    offered = re.findall(r"^- id: (\S+)$", (ROOT / ".pre-commit-hooks.yaml").read_text(), re.MULTILINE)
    assert set(re.findall(r"- id: (\S+)", ALL)) == set(offered)


def test_extras_exist() -> None:
    """Each extra that a user may want is named, and no other."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    table = pyproject.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    extras = set(re.findall(r"^(\w+) = \[", table, re.MULTILINE))
    sentence = TEXT.partition("Extras:")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)` \(", " ".join(sentence.split())))
    assert named == extras - {"dev", "all"}


def test_links_resolve() -> None:
    wrong = [
        (page.name, link)
        for page, link in links()
        if not link.startswith(("https://", "http://", "#")) and not (page.parent / link.partition("#")[0]).exists()
    ]
    assert wrong == []


def test_each_page_is_on_the_site_and_the_site_has_no_other() -> None:
    text = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    nav = text.partition("\nnav:\n")[2].partition("\nnot_in_nav:")[0]
    named = set(re.findall(r"[\w/-]+\.md", nav))
    assert named - {"rules/index.md"} == {
        page.relative_to(ROOT / "docs").as_posix()
        for page in [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "how-to").glob("*.md")]
    }
    first = blocks("sh", (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8"))
    assert first == blocks("sh")[:1], "the tutorial installs as the README does"


def test_set_up_is_two_commands_of_one_line() -> None:
    first, second = (block.splitlines() for block in blocks("sh"))
    assert len(first) == len(second) == 1
    assert all(line[0].startswith("python3 -m venv ") for line in (first, second))
    assert "curator lint samples/" in first[0] and second[0].endswith("&& .venv/bin/pytest")
    assert second[0] in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


# ---------------------------------------------------------------------- the file tree


def tree() -> list[str]:
    """The paths of the tree at the end, from their indentation by two spaces."""
    paths: list[str] = []
    folders: list[str] = []
    for line in filter(None, blocks("text")[-1].splitlines()):
        name, phrase = line.split(maxsplit=1)
        assert phrase, f"{name} has no phrase"
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [name]
        paths.append("".join(folders))
    return paths


def test_the_readme_ends_with_the_tree() -> None:
    assert TEXT.endswith(f"```text\n{blocks('text')[-1]}```\n")


def test_every_path_of_the_tree_exists() -> None:
    wrong = [p for p in tree() if not (ROOT / p).exists() or p.endswith("/") != (ROOT / p).is_dir()]
    assert wrong == []
    assert len(set(tree())) == len(tree())


def test_no_module_is_missing_from_the_tree() -> None:
    modules = {f"curator/{path.name}" for path in (ROOT / "curator").glob("*.py")}
    packages = {f"curator/{path.parent.name}/" for path in (ROOT / "curator").glob("*/__init__.py")}
    assert modules | packages <= set(tree())


def test_every_shape_is_told() -> None:
    """A shape that is added is named in the table too, by a word of its name."""
    said = TEXT.lower().replace("token ids", "tokenized").replace("prompts alone", "prompt-only")
    assert [s for s in SHAPES if not any(word in said for word in s.replace("trl-", "").split("-"))] == []

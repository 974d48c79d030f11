"""Plugins: found by one entry-point group, they join rules, shapes and targets; `test-rules` proves them."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from curator.config import Config
from curator.errors import RuleError
from curator.model import Cut, Edit, Example, Fix, Flag, Put
from curator.rule import RowRule, chat
from curator.scan import overseeing
from curator.scan.span import Job, Scan
from curator.scratch import Scratch
from curator.sources import Span, open_sources
from tests.conftest import ROOT

SAMPLE = ROOT / "samples" / "plugin"
Curator = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(autouse=True)
def _plugins_are_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing the pages within these tests' process leaves plugins out from then on."""
    monkeypatch.delenv("CURATOR_NO_PLUGINS", raising=False)


def install(site: Path, name: str, module: str, version: str = "1.0") -> None:
    """What an installer leaves of a package that names a plugin."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "entry_points.txt").write_text(f"[curator.plugins]\n{name} = {module}\n")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of packages that holds the sample."""
    folder = tmp_path / "site"
    shutil.copytree(SAMPLE / "larch_rules", folder / "larch_rules")
    install(folder, "larch-rules", "larch_rules")
    return folder


@pytest.fixture
def curator(site: Path, tmp_path: Path) -> Curator:
    """curator as a process that sees the packages of `site`."""

    def _run(*arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT))), **more}
        words = [sys.executable, "-m", "curator", *map(str, arguments)]
        return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return _run


def tickets(folder: Path) -> Path:
    rows = [{"ticket": str(n), "asked": f"Question {n}?", "replied": f"We at Pinewire say {n}."} for n in range(3)]
    file = folder / "tickets.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def codes(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [json.loads(line)["code"] for line in done.stdout.splitlines()]


def test_rules_of_a_plugin_run_on_its_shape_and_are_configured_as_others_are(curator: Curator, tmp_path: Path) -> None:
    file = tickets(tmp_path)
    done = curator("lint", file, "--select", "LRC", "--format", "jsonl")
    assert sorted(codes(done)) == ["LRC001"] * 3 + ["LRC002"], done.stderr
    assert json.loads(done.stdout.splitlines()[0])["path"] == "replied"
    (tmp_path / "curator.toml").write_text('[rules.old-brand]\nnew = "Larch"\n')
    assert "+" in (diff := curator("lint", file, "--select", "LRC001", "--diff", "--unsafe-fixes").stdout)
    assert "We at Larch say" in diff and "Larch Networks" not in diff
    (tmp_path / "curator.toml").write_text("[rules.old-brand]\nnwe = 1\n")
    assert "no option 'nwe'" in curator("lint", file).stderr
    assert curator("lint", file, "--select", "LRC001", CURATOR_NO_PLUGINS="1").returncode == 2


def test_a_plugin_is_listed_with_its_origin_explained_and_in_the_schema(curator: Curator) -> None:
    listed = json.loads(curator("rules", "--format", "json").stdout)
    assert {rule["code"]: rule["origin"] for rule in listed if rule["family"] == "LRC"} == dict.fromkeys(
        ("LRC001", "LRC002", "LRC003"), "larch-rules 1.0"
    )
    assert {rule["origin"] for rule in listed if rule["family"] != "LRC"} == {"curator"}
    assert "of larch-rules 1.0)" in curator("rule", "old-brand").stdout
    schema = json.loads(curator("config", "schema").stdout)
    assert {"LRC001", "old-brand"} <= schema["properties"]["rules"]["properties"].keys()
    assert "larch-ticket" in schema["properties"]["shape"]["enum"]


def test_shapes_convert_and_targets_are_known(curator: Curator, tmp_path: Path) -> None:
    file = SAMPLE / "tickets.jsonl"
    assert curator("convert", file, "--to", "openai-chat", "-o", "chat.jsonl").returncode == 0
    row = json.loads((tmp_path / "chat.jsonl").read_text().splitlines()[0])
    assert [turn["role"] for turn in row["messages"]] == ["user", "assistant"]
    assert curator("convert", "chat.jsonl", "--to", "larch-ticket", "-o", "back.jsonl").returncode == 0
    back, rows = ([*map(json.loads, p.read_text().splitlines())] for p in (tmp_path / "back.jsonl", file))
    assert back == rows, "the number of a ticket goes along"
    assert "larch.example" in curator("config", "targets").stdout
    assert "the training service of Larch Networks" in curator("config", "targets", "larch").stdout
    assert "no target" not in curator("lint", file, "--target", "larch").stderr


def test_the_cache_forgets_what_another_version_of_a_plugin_found(curator: Curator, site: Path, tmp_path: Path) -> None:
    file = tickets(tmp_path)
    os.utime(file, (1, 1))
    select = ("lint", file, "--select", "LRC001", "--format", "jsonl")
    assert len(codes(curator(*select))) == len(codes(curator(*select))) == 3
    checks = site / "larch_rules" / "checks.py"
    checks.write_text(checks.read_text().replace('literals = ("pinewire",)', 'literals = ("no such word",)'))
    assert codes(curator(*select)) == []


def test_workers_that_start_afresh_know_the_plugin(curator: Curator, site: Path, tmp_path: Path) -> None:
    """Spawned workers import nothing of their parent: the plan brings them the rules."""
    tickets(tmp_path)
    script = tmp_path / "spawned.py"
    script.write_text(
        "import multiprocessing, pathlib\n"
        "from curator import engine\n"
        "from curator.scan import mappers\n"
        "from curator.config import load_config\n"
        "if __name__ == '__main__':\n"
        "    mappers._context = lambda: multiprocessing.get_context('spawn')\n"
        "    engine.choose = lambda workers, size, spans: mappers.Processes(2)\n"
        "    config = load_config(pathlib.Path('.'), None, {'select': ['LRC']})\n"
        "    report = engine.lint(['tickets.jsonl'], config, cache=False)\n"
        "    print(sorted(finding.code for finding in report.findings))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    words = [sys.executable, script]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "['LRC001', 'LRC001', 'LRC001', 'LRC002']", done.stderr


def test_a_plugin_that_cannot_be_imported_is_named_and_stops_no_other(
    curator: Curator, site: Path, tmp_path: Path
) -> None:
    (site / "torn.py").write_text("import no_such_package_at_all\n")
    install(site, "another-one", "torn", "2.1")
    done = curator("lint", tickets(tmp_path), "--select", "LRC001", "--format", "json")
    assert done.returncode == 0 and "LRC001" in done.stdout
    assert "the plugin torn of another-one 2.1 could not be loaded: ModuleNotFoundError" in done.stderr
    (note,) = [item for item in json.loads(done.stdout)["not_run"] if item["codes"] == ["plugin torn"]]
    assert "no_such_package_at_all" in note["reason"] and "pip uninstall another-one" in note["unlock"]
    assert "plugin torn" in curator("lint", "tickets.jsonl", "--select", "TRN001").stderr, "its rules are not known"


@pytest.mark.parametrize("qualname", ["EmptyTurn", "OldBrand", "Odd"])
def test_a_code_that_is_taken_names_both_whatever_the_class_is_called(
    curator: Curator, site: Path, qualname: str
) -> None:
    (site / "rival.py").write_text(
        f"from curator.rule import RowRule\nclass {qualname}(RowRule, frozen=True):\n    code = 'LRC001'\n"
    )
    install(site, "rival", "rival")
    done = curator("rules")
    assert done.returncode == 2
    assert f"two rules have the code LRC001: larch_rules.checks.OldBrand and rival.{qualname}" in done.stderr


RULE = """
from curator.rule import RowRule

class {name}(RowRule, frozen=True):
    code = "{code}"
"""

SHAPE = """
from curator import formats

def read(value):
    return None

formats.add(formats.SHAPES["alpaca"]._replace(read=read))
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (RULE.format(name="Odd", code="DUP001"), "two rules have the code DUP001: curator.checks."),
        (RULE.format(name="ExactDuplicate", code="ODD001"), "two rules are called exact-duplicate: DUP001 of curator"),
        (SHAPE, "two shapes are called 'alpaca': curator.formats.instruction and rival"),
    ],
    ids=["code", "name", "shape"],
)
def test_what_ships_is_never_overridden(curator: Curator, site: Path, source: str, said: str) -> None:
    (site / "rival.py").write_text(source)
    install(site, "rival", "rival")
    done = curator("lint", ROOT / "samples" / "support.jsonl")
    assert done.returncode == 2
    assert said in done.stderr and "rival" in done.stderr and "Traceback" not in done.stderr


def test_of_two_plugins_with_one_code_both_are_named(curator: Curator, site: Path) -> None:
    for name in ("first", "second"):
        (site / f"{name}.py").write_text(RULE.format(name=f"Odd{name.title()}", code="ODD001"))
        install(site, name, name)
    done = curator("rules")
    assert done.returncode == 2
    assert "two rules have the code ODD001: first.OddFirst and second.OddSecond" in done.stderr


@pytest.mark.parametrize("raised", ["RuntimeError('out of order')", "SystemExit('out of order')", "KeyError()"])
def test_a_plugin_that_raises_when_imported_is_told_and_the_lint_goes_on(
    curator: Curator, site: Path, tmp_path: Path, raised: str
) -> None:
    (site / "torn.py").write_text(f"raise {raised}\n")
    install(site, "torn", "torn")
    done = curator("lint", tickets(tmp_path), "--select", "LRC001", "--format", "json")
    assert done.returncode == 0 and "LRC001" in done.stdout
    assert f"the plugin torn of torn 1.0 could not be loaded: {raised.partition('(')[0]}" in done.stderr


ODD = '''
"""A plugin that prints where it should not, and whose rule fails."""
from curator.rule import Bad, RowRule, chat

print("imported")


class OddAnswer(RowRule, frozen=True):
    """An answer is odd.

    It is odd, and that is bad.
    """

    code = "ODD001"
    GOOD = [chat(user="a", assistant="b")]
    BAD = []

    def check(self, example):
        print("judged")
        yield from {}["nothing"]
'''


def test_a_rule_that_fails_is_named_with_its_package_and_what_it_prints_is_no_report(
    curator: Curator, site: Path, tmp_path: Path
) -> None:
    (site / "odd_rules.py").write_text(ODD)
    install(site, "odd-rules", "odd_rules")
    file = tickets(tmp_path)
    done = curator("lint", file, "--select", "ODD,LRC", "--no-cache", "--format", "jsonl")
    assert done.returncode == 2
    assert f"{file}:1: the rule ODD001 of odd-rules 1.0 failed: KeyError: 'nothing'" in done.stderr
    assert "--ignore ODD001" in done.stderr
    assert done.stdout == ""
    assert "imported\njudged\n" in done.stderr


class OfOthers(RowRule, frozen=True):
    """What a package of others may do to the second row."""

    does: Any

    def check(self, example: Example) -> Iterator[Flag]:
        if example.turns[0].text == "second":
            yield from self.does()


def loop() -> Iterator[Flag]:
    while True:
        pass


def leave() -> Iterator[Flag]:
    os._exit(7)


def flagged(at: Any = "messages[0].content", **more: Any) -> Callable[[], list[Flag]]:
    return lambda: [Flag(at, "odd", **more)]


@pytest.mark.parametrize(
    ("does", "said"),
    [
        (loop, "took more than 0.2 seconds of processor time for one row"),
        (leave, "failed: SystemExit: os._exit(7)"),
        (lambda: iter([None]), "failed: ValidationError: Expected `object`, got `None`"),
        (flagged(3), "failed: ValidationError: Expected `str`, got `int` - at `$.at`"),
        (flagged("messages["), "failed: ValueError: 'messages[' is no path in a row"),
        (flagged(fix=Fix("mend", ("all",))), "failed: ValidationError: Expected `object`, got `str`"),
        (flagged(fix=Fix("mend", (Edit("a", 2, "b", "c"),))), "Expected `int`, got `str` - at `$.fix.changes[0].end`"),
        (flagged(fix=Fix("mend", (Edit("a", 5, 2, "c"),))), "an edit of the characters from 5 to 2"),
        (flagged(fix=Fix("mend", (Put("a", b"c"),))), "failed: TypeError: Object of type bytes is not JSON"),
        (flagged(fix=Fix("mend", (Put("a", object()),))), "failed: TypeError: Encoding objects of type object"),
        (flagged(fix=Fix("mend", (Cut("a"),), ("b",))), "a fix has changes or lines, not both"),
        (flagged(evidence={1: 2}), "failed: ValidationError"),
    ],
)  # fmt: skip
def test_what_a_rule_of_others_does_wrong_is_told_with_the_rule_and_the_row(
    does: Any, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(overseeing, "SECONDS", 0.2)
    monkeypatch.setattr(overseeing, "_TICK", 0.1)
    monkeypatch.delenv("CURATOR_TRACEBACK", raising=False)
    path, before = tmp_path / "data.jsonl", signal.getsignal(signal.SIGVTALRM)
    rows = [chat(user=asked, assistant="b") for asked in ("first", "second", "third")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    begins = path.read_bytes().index(b"\n") + 1  # a span from the second row on
    with open_sources([path]) as sources, Scratch("lint") as folder:
        plan = msgspec.structs.replace(Config(select=("ROL001",)).plan(), rules=(OfOthers(does=does),))
        job = Job(sources[0], Span(begins, path.stat().st_size))
        with pytest.raises(RuleError) as error:
            Scan(plan, Path(folder), None).scan(job, path.read_bytes()[begins:])
    assert str(error.value).startswith(f"{path}:2: the rule  of {__name__} ")
    assert said in str(error.value)
    assert signal.getsignal(signal.SIGVTALRM) == before
    assert os._exit.__name__ == "_exit"


def test_help_reads_no_entry_point(curator: Curator, site: Path) -> None:
    (site / "torn.py").write_text("raise SystemExit('imported')\n")
    install(site, "torn", "torn")
    done = curator("--help")
    assert done.returncode == 0 and "imported" not in done.stderr + done.stdout


# ---------------------------------------------------------------------- test-rules


def test_the_sample_holds(curator: Curator) -> None:
    for path in (SAMPLE, SAMPLE / "larch_rules"):
        done = curator("test-rules", path)
        assert (done.returncode, done.stdout) == (0, "3 rules, 1 shape, 1 target: all hold\n"), done.stderr
    only = curator("test-rules", SAMPLE / "larch_rules" / "rules")
    assert (only.returncode, only.stdout) == (0, "1 rule: all hold\n"), only.stderr


FAULTY = '''
from curator.rule import Bad, RowRule, chat

class CheckTone(RowRule, frozen=True):
    """The tone is odd"""

    code = "ODD001"
    literals = ("zebra",)
    GOOD = [chat(user="Hi", assistant="an odd zebra")]
    BAD = [Bad(chat(user="Hi", assistant="a zebra"), at="messages[0].content")]

    def check(self, example):
        for turn in example.answers:
            if "zebra" in turn.text or "Larch" in turn.text:
                yield turn.flag("odd")
'''


def test_what_fails_is_printed(curator: Curator, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FAULTY)
    done = curator("test-rules", "mine.py")
    assert done.returncode == 1, done.stderr
    for said in (
        "one sentence that names the defect",
        "why the defect harms training",
        "tells the cure",
        "GOOD example 1 is flagged at messages[1].content: odd",
        "BAD example 1 is flagged at messages[1].content, not at messages[0].content",
    ):
        assert f"ODD001 check-tone: {said}" in done.stdout or said in done.stdout, done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 rule: ")


def test_what_cannot_be_tested_is_an_error(curator: Curator, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no rule, shape or target" in (done := curator("test-rules", "empty")).stderr and done.returncode == 2
    (tmp_path / "torn.py").write_text("1 / 0\n")
    assert "torn cannot be imported: ZeroDivisionError" in (done := curator("test-rules", "torn.py")).stderr
    assert done.returncode == 2
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert 'project.entry-points."curator.plugins"' in curator("test-rules", ".").stderr
    (tmp_path / "taken.py").write_text(FAULTY.replace("ODD001", "ROL007"))
    assert "two rules have the code ROL007: curator.checks." in curator("test-rules", "taken.py").stderr


@pytest.mark.slow
def test_the_sample_is_installed_and_used(tmp_path: Path) -> None:
    """As its README says, in an environment of its own that sees the packages of this one."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "env"], check=True)
    python = tmp_path / "env" / "bin" / "python"
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    purelib = subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip()
    Path(purelib, "here.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    shutil.copytree(SAMPLE, tmp_path / "plugin")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", tmp_path / "plugin"]
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    lint = [python, "-m", "curator", "lint", tickets(tmp_path), "--select", "LRC", "--format", "jsonl"]
    out = subprocess.run(lint, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert sorted(codes(out)) == ["LRC001"] * 3 + ["LRC002"], out.stderr

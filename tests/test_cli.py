"""The command line: exit status, output, errors in words, and no option that does nothing."""

from __future__ import annotations

import ast
import inspect
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

import curator
from curator import cli, engine
from curator.cli import output
from curator.config import Settings
from curator.recipe import Recipe
from curator.report import FORMATS
from curator.rule import chat
from curator.splits.drawing import Wish
from tests.conftest import Run

PACKAGE = Path(curator.__file__).parent
GOOD = {"messages": [{"role": "user", "content": "What is 2+2?"}, {"role": "assistant", "content": "It is 4."}]}
EMPTY = {"messages": [{"role": "user", "content": "What is 2+3?"}, {"role": "assistant", "content": ""}]}
QUOTED = json.dumps({"input_ids": json.dumps(GOOD["messages"])}).encode()  # messages where no trainer looks for them
TWICE = [GOOD, GOOD]  # DUP001, a warning with a safe fix

Write = Callable[..., Path]


def shell(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "curator", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


# ---------------------------------------------------------------------- every option does something


def commands(group: click.Group = cli.cli, above: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        else:
            yield f"{above}{name}", command


def names_read(function: Any) -> set[str]:
    """The names that the body of a function reads, inner functions included."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(function))))
    body = next(node for node in tree.body if isinstance(node, ast.FunctionDef)).body
    nodes = [node for part in body for node in ast.walk(part)]
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


# What `curator.cli.dividing` makes of several options: of each field of a Wish, and of --to.
MADE = {"wish": set(Wish.__struct_fields__), "dataset": {"to"}}


@pytest.mark.parametrize(("name", "command"), list(commands()), ids=[name for name, _ in commands()])
def test_every_option_is_read(name: str, command: click.Command) -> None:
    """A parameter of its own is read in the verb's body; one among **settings is a key of the configuration."""
    parameters = inspect.signature(inspect.unwrap(command.callback)).parameters
    own = {key for key, value in parameters.items() if value.kind is not value.VAR_KEYWORD}
    given = {param.name for param in command.params}
    for whole in own & MADE.keys():
        assert MADE[whole] <= given
        given = given - MADE[whole] | {whole}
    assert own <= names_read(command.callback) & given
    kept = next((key for key, value in parameters.items() if value.kind is value.VAR_KEYWORD), "")
    tuned = set(Recipe.__struct_fields__) if name.startswith(("train", "handoff")) else set()
    assert given - own <= set(Settings.__struct_fields__) | tuned
    if given - own:
        assert kept in names_read(command.callback)


def test_every_key_of_the_configuration_is_read() -> None:
    read = {
        node.attr
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    assert set(Settings.__struct_fields__) <= read


def test_every_verb_and_option_has_help() -> None:
    for name, command in commands():
        assert command.help, name
        for param in command.params:
            if isinstance(param, click.Option) and param.name not in ("form",):
                assert param.help, f"{name} {param.opts[0]}"


def test_the_list_of_verbs_says_what_the_verbs_say() -> None:
    context = click.Context(cli.cli)
    for name, line in cli.VERBS.items():
        command = cli.cli.get_command(context, name)
        assert command is not None and command.help is not None
        assert command.help.partition("\n\n")[0].replace("\n", " ") == line


def test_lint_offers_every_format_there_is() -> None:
    from curator.cli.lint import FORMATS as OFFERED

    assert sorted(OFFERED) == sorted(FORMATS)


# ---------------------------------------------------------------------- exit status


@pytest.mark.parametrize(
    ("rows", "options", "status"),
    [
        ([GOOD], (), 0),
        ([EMPTY], (), 1),
        ([EMPTY], ("--exit-zero",), 0),
        ([EMPTY], ("--fail-on", "never"), 0),
        (TWICE, (), 0),
        (TWICE, ("--fail-on", "warning"), 1),
        (TWICE, ("--profile", "strict"), 1),
        (TWICE, ("--profile", "strict", "--ignore", "DUP"), 0),
        (TWICE, ("--select", "ROL", "--fail-on", "info"), 0),
    ],
)
def test_the_exit_status_says_whether_something_was_found(
    run: Run, write: Write, rows: list[Any], options: tuple[str, ...], status: int
) -> None:
    assert run("lint", write("x.jsonl", rows), *options).status == status


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("lnit",), "No such command 'lnit'"),
        (("lint",), "Missing argument"),
        (("lint", "missing.jsonl"), "missing.jsonl: no such file"),
        (("lint", "x.jsonl", "--selct", "ROL"), "--selct"),
        (("lint", "x.jsonl", "--select", "ROL0O7"), "did you mean 'ROL007'?"),
        (("lint", "x.jsonl", "--format", "yaml"), "yaml"),
        (("lint", "x.jsonl", "--workers", "0"), "--workers"),
        (("lint", "x.jsonl", "--unsafe-fixes"), "--unsafe-fixes goes with --fix or --diff"),
        (("lint", "x.jsonl", "--format", "parquet"), "--output"),
        (("lint", "x.jsonl", "--select", ""), "names no rule"),
        (("lint", "x.jsonl", "--select", "ROL007", "--ignore", "ROL007"), "no rule is left to run"),
        (("lint", "-", "-"), "standard input is read once"),
        (("lint", "-", "--watch"), "standard input is read once"),
        (("lint", "x.jsonl", "--ray-address", "here:1"), "add --engine ray"),
        (("lint", "x.jsonl", "--statistics", "--format", "sarif"), "not in sarif"),
        (("lint", "x.jsonl", "--show", "3", "--format", "json"), "json lists every finding"),
        (("lint", "x.jsonl", "--verbose", "--format", "json"), "--verbose is of the form text, not of json"),
        (("lint", "x.jsonl", "--verbose", "--format", "concise"), "--verbose is of the form text, not of concise"),
        (("lint", "x.jsonl", "--color", "always", "--format", "json"), "json has no colours"),
        (("stats", "x.jsonl", "--epochs", "5"), "add --price"),
        (("lint", "x.jsonl", "--diff", "--format", "json"), "--format does nothing beside --diff"),
        (("lint", "x.jsonl", "--diff", "--fix"), "--fix does nothing beside --diff"),
        (("lint", "x.jsonl", "--fix", "--audit"), "--audit does nothing beside --fix"),
        (("lint", "x.jsonl", "--map", "question"), "column=role"),
        (("lint", "x.jsonl", "--map", "question=asker"), "asker"),
        (("lint", "x.jsonl", "--shape", "sharegtp"), "sharegtp"),
        (("lint", "x.jsonl", "--config", "missing.toml"), "no such configuration file"),
        (("lint", "x.jsonl", "--tokenizer", "nonesuch"), "nonesuch"),
        (("lint", "x.jsonl", "--profile", "lenient"), "the profiles are default, minimal, strict"),
        (("lint", "x.jsonl", "--baseline", "missing"), "missing"),
        (("rule", "ROL0O7"), "did you mean 'ROL007'?"),
        (("rule", "ROL"), "'ROL' is a family"),
        (("rule", "emty-turn"), "did you mean 'empty-turn'?"),
        (("explain", "x.jsonl", "9"), "no row at line 9"),
        (("diff", "x.jsonl", "missing.jsonl"), "missing.jsonl"),
        (("config", "shwo"), "shwo"),
    ],
)
def test_wrong_usage_is_said_in_words_with_status_2(
    run: Run, write: Write, arguments: tuple[str, ...], says: str
) -> None:
    write("x.jsonl", [GOOD])
    done = run(*arguments)
    assert done.status == 2
    assert done.err.startswith("error: ")
    assert says in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_without_a_verb_the_help_is_shown(run: Run) -> None:
    assert "Commands:" in run().out
    assert run().status == 2
    assert "schema" in run("config").out


def test_an_error_in_the_configuration_names_the_file(run: Run, write: Write, tmp_path: Path) -> None:
    (tmp_path / "curator.toml").write_text('slect = ["ROL"]')
    done = run("lint", write("x.jsonl", [GOOD]))
    assert done.status == 2
    assert done.err == "error: curator.toml: unknown key 'slect'\n  did you mean 'select'?\n"


def fail_with(error: BaseException) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_a_fault_of_curator_is_one_line_and_how_to_report_it(
    run: Run, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "lint", fail_with(ZeroDivisionError("by\nzero")))
    done = run("lint", write("x.jsonl", [GOOD]))
    assert done.status == 2
    first, second = done.err.splitlines()
    assert first == "error: a fault in curator: ZeroDivisionError: by zero"
    assert "CURATOR_TRACEBACK=1" in second
    monkeypatch.setenv("CURATOR_TRACEBACK", "1")
    done = run("lint", "x.jsonl")
    assert done.status == 2
    assert "Traceback (most recent call last)" in done.err


def test_an_interrupt_is_quiet(run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "lint", fail_with(KeyboardInterrupt()))
    done = run("lint", write("x.jsonl", [GOOD]))
    assert (done.status, done.err.strip()) == (130, "")


def test_a_closed_pipe_is_quiet_and_the_status_still_tells(write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [EMPTY] * 3000)
    command = [sys.executable, "-m", "curator", "lint", str(path), "--format", "concise"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_words(write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [GOOD])
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        command = [sys.executable, "-m", "curator", "lint", str(path)]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: No space left on device\n")
    assert "Traceback" not in done.stderr
    done = shell("lint", path, "--output", "/dev/full", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "error: /dev/full: cannot be written: No space left on device\n")


# ---------------------------------------------------------------------- output


def test_output_goes_to_a_file_that_appears_whole(
    run: Run, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, report = write("x.jsonl", [EMPTY]), tmp_path / "report.jsonl"
    done = run("lint", path, "--format", "jsonl", "--output", report)
    assert (done.status, done.out) == (1, "")
    before = report.read_bytes()
    assert json.loads(before.splitlines()[0])["code"] == "ROL007"

    from curator import report as reports

    monkeypatch.setattr(reports, "render", fail_with(OSError(28, "No space left on device")))
    done = run("lint", path, "--format", "jsonl", "--output", report)
    assert done.status == 2
    assert "report.jsonl: cannot be written: No space left on device" in done.err
    assert report.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir() if "report" in file.name) == ["report.jsonl"]


def test_output_into_a_folder_that_cannot_be(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [GOOD])
    done = run("lint", path, "--output", path / "report.txt")
    assert done.status == 2
    assert "cannot be written" in done.err


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_can_be_written(run: Run, write: Write, tmp_path: Path, form: str) -> None:
    report = tmp_path / f"report.{form}"
    assert run("lint", write("x.jsonl", [EMPTY, GOOD]), "--format", form, "--output", report).status == 1
    assert report.stat().st_size > 0


def test_colours_are_for_terminals_unless_asked_for(run: Run, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("x.jsonl", [EMPTY])
    assert "\x1b[" not in run("lint", path).out
    assert "\x1b[" in run("lint", path, "--color", "always").out

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.coloured("auto", Terminal())  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.coloured("auto", Terminal())  # type: ignore[arg-type]
    assert output.coloured("always", Terminal())  # type: ignore[arg-type]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not output.coloured("auto", Terminal())  # type: ignore[arg-type]


def test_text_that_the_terminal_cannot_show_is_escaped(write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [{"messages": [*GOOD["messages"], {"role": "усер", "content": "наверное"}]}])
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = shell("explain", path, 1, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is drawn on a terminal, a text a tick: one before a second has passed, two after it, one later."""
    moments = iter([0.0, 0.5, 1.5, 1.55, 3.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments))
    drawn: list[str] = []
    monkeypatch.setattr(click, "echo", lambda text, **_: drawn.append(text))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    return drawn


def test_progress_is_drawn_on_a_terminal_after_a_second(drawn: list[str]) -> None:
    with output.progress() as tick:
        assert tick is not None
        for done in (10, 30, 40, 100):
            tick(done * 1_000_000, 100_000_000)
    assert [re.sub(r"\r|\x1b\[K", "", text) for text in drawn] == [
        "[#######                 ]  30% of 100 MB, 3 s left",
        "[########################] 100% of 100 MB, 0 s left",
        "",
    ]


def test_who_waits_for_the_rules_on_the_whole_set_sees_which_is_at_work(drawn: list[str]) -> None:
    with output.progress() as tick:
        assert tick is not None
        for done, at in ((0, "DUP003"), (0, "DUP003, part 7"), (1, "CON001"), (40, "")):
            tick.judging(done, 40, at)
    assert [re.sub(r"\r|\x1b\[K", "", text) for text in drawn] == [
        "[                        ] judging the set by 0 of 40 rules: DUP003, part 7",
        "[########################] judging the set by 40 of 40 rules",
        "",
    ]


def test_no_progress_without_a_terminal() -> None:
    with output.progress() as tick:
        assert tick is None


def test_a_terminal_sees_colours_and_its_width(write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [EMPTY])
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    environment.pop("NO_COLOR", None)
    command = [sys.executable, "-m", "curator", "lint", str(path)]
    subprocess.run(command, stdout=follower, stderr=follower, env=environment, cwd=tmp_path, check=False)
    os.close(follower)
    assert "\x1b[" in os.read(leader, 100_000).decode()
    os.close(leader)


# ---------------------------------------------------------------------- lint


def test_the_next_steps_repeat_the_command_as_it_was_typed(run: Run, write: Write) -> None:
    write("x y.jsonl", TWICE)
    done = run("lint", "x y.jsonl", "--extend-select", "DUP,ROL", "--show", "3", "--no-cache")
    assert "curator lint 'x y.jsonl' --extend-select DUP,ROL --fix" in done.out


def test_standard_input_is_read(tmp_path: Path) -> None:
    row = json.dumps(EMPTY) + "\n"
    done = shell("lint", "-", "--format", "jsonl", input=row, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout.splitlines()[0])["code"] == "ROL007"


def test_the_configuration_beside_the_data_is_read(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("deep/x.jsonl", TWICE)
    (tmp_path / "deep" / "curator.toml").write_text('ignore = ["DUP"]\nfail-on = "warning"')
    assert run("lint", path).status == 0
    assert run("lint", path, "--extend-select", "DUP001").status == 1
    (tmp_path / "other.toml").write_text('fail-on = "warning"')
    assert run("lint", path, "--config", tmp_path / "other.toml").status == 1


def test_fix_mends_in_place_and_says_so(run: Run, write: Write) -> None:
    path = write("x.jsonl", TWICE)
    assert run("lint", path, "--fix", "--fail-on", "warning").status == 0
    assert path.read_text().count("\n") == 1
    path = write("x.jsonl", TWICE)
    done = run("lint", path, "--fix")
    assert f"mended {path}: DUP001 1; 1 row dropped (the original is " in done.err


def test_diff_says_that_fixes_wait_for_others(run: Run, write: Write) -> None:
    """The second row repeats the first, which is mended before it is known whether it still does."""
    hidden = {"prompt": "How\u200b tall is Ben Nevis?", "completion": "It is 1,345 metres tall."}
    done = run("lint", str(write("a.jsonl", [hidden, hidden])), "--select", "ENC003,DUP001", "--diff")
    assert "1 more fix may follow once these are made" in done.err


def test_diff_says_which_lines_are_judged_only_once_they_are_rows(run: Run, write: Write, tmp_path: Path) -> None:
    """The torn line is freed by one fix, and then found to repeat the row before it."""
    row = '{"prompt": "How tall is Ben Nevis?", "completion": "It is 1,345 metres tall."}'
    path = tmp_path / "torn.jsonl"
    path.write_text(f"{row}\n{row[:-1]},}}\n", encoding="utf-8")
    done = run("lint", path, "--diff", "--unsafe-fixes")
    assert "1 place would change" in done.err
    assert "1 line becomes a row that is judged only then: --fix mends what is found in it as well" in done.err
    assert "FIL001 1" in (fixed := run("lint", path, "--fix", "--unsafe-fixes").err) and "DUP001 1" in fixed
    assert "becomes" not in run("lint", write("x.jsonl", TWICE), "--diff").err


def test_diff_shows_and_changes_nothing(run: Run, write: Write) -> None:
    path = write("x.jsonl", TWICE)
    before = path.read_bytes()
    done = run("lint", path, "--diff")
    assert "DUP001" in done.out
    assert path.read_bytes() == before


def test_a_baseline_leaves_out_what_was_known(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [EMPTY])
    assert run("lint", path, "--write-baseline", tmp_path / "known").status == 0
    assert run("lint", path, "--baseline", tmp_path / "known").status == 0
    path = write("x.jsonl", [GOOD, EMPTY, {**EMPTY, "id": 2}])
    done = run("lint", path, "--baseline", tmp_path / "known", "--format", "jsonl")
    assert done.status == 1
    assert {json.loads(line)["line"] for line in done.out.splitlines()} == {3}


@pytest.mark.parametrize(
    "arguments",
    [
        ("diff", "set", "set/a.jsonl", "--output", "set/a.jsonl"),
        ("stats", "set", "--output", "set/a.jsonl"),
        ("lint", "set", "--output", "set/a.jsonl"),
        ("lint", "set", "--write-baseline", "set/a.jsonl"),
        ("decisions", "add", "set/a.jsonl", "1", "--verdict", "drop", "--why", "x", "--log", "set/a.jsonl"),
        ("lint", "set", "--output", "curator.toml"),
        ("lint", "set", "--output", "one", "--write-baseline", "one"),
    ],
)
def test_no_output_takes_the_place_of_data(run: Run, write: Write, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "set").mkdir()
    path = write("set/a.jsonl", [GOOD])
    before = path.read_bytes()
    done = run(*arguments)
    assert (done.status, path.read_bytes()) == (2, before)
    assert "overwrite" in done.err or "two outputs" in done.err


def test_a_baseline_written_beside_a_baseline_lists_what_was_known(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [EMPTY])
    run("lint", path, "--write-baseline", "known")
    run("lint", path, "--baseline", "known", "--write-baseline", "known")
    assert run("lint", path, "--baseline", "known").status == 0


def test_with_exit_zero_every_form_says_so(run: Run, write: Write) -> None:
    path = write("x.jsonl", [EMPTY])
    assert json.loads(run("lint", path, "--exit-zero", "--format", "json").out)["summary"]["exit_code"] == 0
    told = json.loads(run("lint", path, "--exit-zero", "--format", "sarif").out)["runs"][0]["invocations"]
    assert told[0]["exitCode"] == 0


def test_the_next_command_on_a_leak_names_the_other_file(run: Run, write: Write, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for name in ("train", "valid"):
        write(f"set/{name}.jsonl", [GOOD])
    said = " ".join(run("lint", "set", "--select", "SPT001").out.split())
    assert "curator explain set/valid.jsonl 1 --beside set/train.jsonl" in said
    assert "curator split set/train.jsonl set/valid.jsonl -o splits" in said
    assert "SPT001" in run("explain", "set/valid.jsonl", "1", "--beside", "set/train.jsonl").out
    assert "a row is in one file" in run("explain", "set", "1").err


def test_a_baseline_knows_a_finding_about_the_set_when_rows_are_added(run: Run, write: Write, tmp_path: Path) -> None:
    odd = {**GOOD, "rationale": "Because the greeting is short, so is its answer."}
    path = write("x.jsonl", [odd] * 9)
    run("lint", path, "--select", "SCH008", "--write-baseline", tmp_path / "known")
    path = write("x.jsonl", [odd] * 12)
    told = run("lint", path, "--select", "SCH008", "--format", "jsonl").out.splitlines()
    assert [len(json.loads(line)["related"]) for line in told] == [11]
    assert run("lint", path, "--select", "SCH008", "--baseline", tmp_path / "known", "--format", "jsonl").out == ""


def test_a_baseline_and_a_report_beside_the_data_are_no_data(run: Run, write: Write, tmp_path: Path) -> None:
    write("x.jsonl", [EMPTY])
    run("lint", tmp_path, "--write-baseline", tmp_path / "known.json")
    run("lint", tmp_path, "--format", "json", "--output", tmp_path / "report.json")
    write("bad.rejected.jsonl", [EMPTY])
    report = json.loads(run("lint", tmp_path, "--format", "json").out)
    assert [Path(file["path"]).name for file in report["files"]] == ["x.jsonl"]
    left = {Path(item["path"]).name for item in report["left_out"]}
    assert left >= {"known.json", "report.json", "bad.rejected.jsonl"}


def test_a_limit_that_is_broken_is_in_the_verdict(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [GOOD] * 3)
    (tmp_path / "curator.toml").write_text('[limits]\nDUP001 = "5%"\nCON005 = 0\n')
    done = run("lint", path)
    assert done.status == 1
    assert "warnings would weaken it; limit broken: DUP001; limit without a row to judge: CON005.\n" in done.out
    assert "limit CON005 0: 0 of 0 rows, broken (the rule judged no row)\n" in done.out


def test_rules_wait_only_for_options_that_were_not_given(run: Run, write: Write) -> None:
    path = write("x.jsonl", [GOOD])

    def waiting(*given: str) -> list[str]:
        said = " ".join(run("lint", path, *given).out.split()).partition(" that wait for ")[2]
        return re.findall("--[a-z-]+", said)

    named = waiting()
    assert {"--model", "--template", "--modelfile", "--target"} <= set(named)
    assert waiting("--template", "chatml") == [option for option in named if option != "--template"]
    assert waiting("--max-length", "2048") == [option for option in named if option != "--max-length"]


def test_a_column_map_is_kept_beside_the_data(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [{"frage": "What is 2+2?", "antwort": ""}])
    done = run("lint", path, "--map", "frage=user,antwort=assistant", "--format", "concise")
    assert "ROL007" in done.out
    assert "column map saved in" in done.err
    assert (tmp_path / "curator.toml").read_text() == '[map]\nfrage = "user"\nantwort = "assistant"\n'
    again = run("lint", path, "--format", "concise")
    assert "ROL007" in again.out
    assert again.err == ""


ITEMS = [{"frage": f"What does item {n} cost?", "antwort": f"It is {3 * n} pounds."} for n in range(20)]


@pytest.mark.parametrize("verb", ["clean", "split", "prepare"])
@pytest.mark.parametrize("place", ["", "elsewhere/"])
def test_a_column_map_is_kept_beside_what_is_made_of_the_data(
    verb: str, place: str, run: Run, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path, out = write("data/x.jsonl", ITEMS), f"{place}out" + (".jsonl" if verb == "clean" else "")
    if place:  # neither the data nor what is made of them lie where the command is given
        (tmp_path / "here").mkdir()
        (tmp_path / place).mkdir()
        monkeypatch.chdir(tmp_path / "here")
        out = str(tmp_path / out)
    done = run(verb, path, "-o", out, "--map", "frage=user,antwort=assistant", "--format", "json")
    assert done.err.count("column map saved in") == 1 + bool(place)
    again = run("lint", out, "--format", "json")
    assert {file["shape"] for file in json.loads(again.out)["files"]} == {"mapped"}
    assert {file["shape"] for file in json.loads(run("lint", path, "--format", "json").out)["files"]} == {"mapped"}


@pytest.mark.parametrize("verb", ["split", "prepare"])
def test_rows_in_no_known_shape_are_those_of_the_file_that_was_named(verb: str, run: Run, write: Write) -> None:
    path = write("x.jsonl", ITEMS)
    done = run(verb, path, "-o", "out")
    assert done.status == 2
    assert done.err.startswith(f"error: {path}: the rows are in no known shape\n  --map frage=user,antwort=assistant")


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        (
            {"ticket": "T-1", "customer_question": "Who can help?", "agent_reply": "The desk."},
            "customer_question agent_reply",
        ),
        ({"q": "How are you today?", "reply": "Fine, thank you."}, "q reply"),
        ({"Frage": "Wie geht es dir?", "Antwort": "Gut, danke."}, "Frage Antwort"),
        (
            {"ticket_text": "It broke.", "agent_answer": "Restart it.", "created_at": "2026-01-02 10:00"},
            "ticket_text agent_answer",
        ),
    ],
)
def test_columns_are_guessed_when_asked_shown_with_reasons_and_kept(
    run: Run, write: Write, tmp_path: Path, row: dict[str, str], columns: str
) -> None:
    path = write("x.jsonl", [row, {**row, "n": 2}])
    user, assistant = columns.split()
    option = f"--map {user}=user,{assistant}=assistant"
    assert f"curator lint {path} {option}\n" in run("lint", path).out, "the next step names the map"
    done = run("lint", path, "--map", "guess", "--format", "json")
    assert json.loads(done.out)["summary"]["rows"] == 2
    assert done.err.startswith(f"guessed: {option}\n  the name '{user}' speaks for the user turn\n")
    assert done.err.endswith(f"column map saved in {tmp_path / 'curator.toml'}\n")
    other = run("lint", path, "--map", f"{assistant}=user,{user}=assistant", "--format", "json")
    assert f"in place of {user}=user,{assistant}=assistant: a folder has one map" in other.err
    run("lint", path, "--map", f"{user}=user,{assistant}=assistant")
    again = run("lint", path, "--format", "json")
    assert (json.loads(again.out)["summary"]["rows"], again.err) == (2, "")


def test_a_guess_that_is_unsure_is_no_map(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [{"one": "Is it on?", "two": "Hold the button until the lamp turns red, then let it go."}])
    assert "say which column is what, such as --map " in " ".join(run("lint", path).out.split())
    done = run("lint", path, "--map", "guess")
    assert done.status == 2
    assert "keys seen: 'one', 'two'" in done.err
    assert "write the map, perhaps --map one=user,two=assistant" in done.err
    assert not (tmp_path / "curator.toml").exists()


def test_known_rows_need_no_guess_and_standard_input_cannot_be_guessed(run: Run, write: Write) -> None:
    done = run("stats", write("x.jsonl", [GOOD]), "--map", "guess")
    assert (done.status, done.err) == (0, "no column map is needed: the rows are in a known shape\n")
    done = run("lint", "-", "--map", "guess")
    assert (done.status, "it is read once" in done.err) == (2, True)


def test_files_of_one_set_are_guessed_together(run: Run, write: Write) -> None:
    one = write("a.jsonl", [{"question_text": "Why is it so?", "reply": "Because it is."}])
    two = write("b.jsonl", [{"Frage": "Wie geht es dir?", "Antwort": "Gut, danke."}])
    done = run("lint", one, two, "--map", "guess", "--format", "json")
    assert json.loads(done.out)["summary"]["rows"] == 2
    other = write("c.jsonl", [{"reply": "What did she say to it?", "answer": "That it is so, and will be."}])
    done = run("lint", one, other, "--map", "guess")
    assert done.status == 2


def test_what_is_excluded_is_left_out_of_folders_and_read_where_it_is_named(
    run: Run, write: Write, tmp_path: Path
) -> None:
    write("data/a.jsonl", [GOOD])
    old = write("data/old/b.jsonl", [EMPTY, EMPTY])
    (tmp_path / "curator.toml").write_text('exclude = ["old/*", "b.jsonl"]')

    def rows(*arguments: Any) -> int:
        return int(json.loads(run(*arguments, "--format", "json").out)["rows"])

    assert run("lint", "data").status == 0
    assert run("lint", old).status == 1
    assert run("lint", "data", old).status == 1
    assert (rows("stats", "data"), rows("stats", old)) == (1, 2)
    assert run("diff", "data/a.jsonl", "data").status == 0
    assert run("clean", "data", "-o", "out").status == 0
    assert Path("out").read_text() == json.dumps(GOOD) + "\n"
    done = run("lint", "data/old")
    assert (done.status, "a file named outright is always read" in done.err) == (2, True)


@pytest.mark.parametrize("line", [b"{", b"17", b'"text"', b"{}", b'{"foo": 1}', QUOTED])
def test_a_set_no_row_of_which_could_be_read_is_never_called_clean(run: Run, write: Write, line: bytes) -> None:
    path = write("x.jsonl", [line])
    assert run("lint", path).status == 1
    assert run("lint", path, "--format", "jsonl").out, "every line that cannot be read has a finding"
    for options in (("--select", "LEN,ANS"), ("--ignore", "FIL,SCH")):
        done = run("lint", path, *options)
        assert done.status == 1
        assert done.out.startswith("no row could be read: 1 line unreadable, nothing else was judged.")
    path = write("x.jsonl", [GOOD, line])
    done = run("lint", path, "--select", "ANS,LEN")
    assert done.status == 0
    assert "found nothing, but 1 line could not be read." in done.out


def test_statistics_and_timing(run: Run, write: Write) -> None:
    done = run("lint", write("x.jsonl", [EMPTY, GOOD]), "--statistics", "--timing")
    assert re.search(r"ROL007 +empty-turn", done.out)
    assert re.search(r"[\d.]+ ms  ROL007 empty-turn", done.err)
    assert "in all" in done.err


def test_show_limits_what_is_shown_of_a_rule(run: Run, write: Write) -> None:
    path = write("x.jsonl", [{**EMPTY, "id": number} for number in range(15)])
    few, many = (
        run("lint", path, "--show", 2, "--select", "ROL007"),
        run("lint", path, "--show", 0, "--select", "ROL007"),
    )
    assert few.out.count("empty-turn") < many.out.count("empty-turn")


@pytest.mark.parametrize(
    "verb", [("lint",), ("clean", "-o", "out.jsonl"), ("prepare", "-o", "out", "--count", "1/1", "--fail-on", "never")]
)
def test_no_cache_keeps_nothing(
    run: Run, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: tuple[str, ...]
) -> None:
    monkeypatch.setenv("CURATOR_CACHE_DIR", str(tmp_path / "kept"))
    path = write("x.jsonl", [GOOD, *(chat(user=f"Who wrote book {n}?", assistant=f"It was {n}.") for n in "abc")])
    assert run(verb[0], path, *verb[1:], "--no-cache").status == 0
    assert not (tmp_path / "kept").exists()
    run(verb[0], path, *verb[1:])
    assert (tmp_path / "kept").exists()


def test_watch_lints_again_when_a_file_changes(write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [GOOD])
    command = [sys.executable, "-u", "-m", "curator", "lint", str(path), "--watch", "--format", "concise"]

    def interruptible() -> None:  # a shell that runs the tests in the background has interrupts ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)

    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        preexec_fn=interruptible,  # noqa: PLW1509
    )
    try:
        assert process.stdout is not None and process.stderr is not None
        assert "watching" in process.stderr.readline()
        assert "clean" in process.stdout.readline()
        write("x.jsonl", [EMPTY])
        assert "ROL007" in process.stdout.readline()
        assert "watching" in process.stderr.readline()
        assert "1 error" in process.stdout.readline()
        (tmp_path / "curator.toml").write_text('select = ["ANS"]\n')  # what a report rests on is watched as well
        assert "ROL007" not in process.stdout.readline()
        assert "watching" in process.stderr.readline()
        (tmp_path / "curator.toml").write_text('selct = ["ANS"]\n')
        assert "unknown key 'selct'" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    finally:
        process.kill()
        process.communicate()


# ---------------------------------------------------------------------- the other verbs


def test_rule_explains_by_code_or_name(run: Run) -> None:
    text = run("rule", "ROL007").out
    assert text.startswith("ROL007 empty-turn (error")
    assert "Flagged" in text and "Not flagged" in text
    assert run("rule", "empty-turn").out == text
    assert run("rule", "rol007").out == text
    assert json.loads(run("rule", "ROL007", "--format", "json").out)["name"] == "empty-turn"
    assert run("rule", "ROL007", "--format", "md").out.startswith("# ROL007 empty-turn\n")


def test_rules_lists_all(run: Run) -> None:
    listed = json.loads(run("rules", "--format", "json").out)
    assert {"code", "name", "family", "origin", "severity", "fix", "preview", "summary"} == set(listed[0])
    text = run("rules").out
    assert all(f"  {rule['code']}  {rule['name']}" in text for rule in listed)
    assert "ROL  turns" in text


def test_rules_of_ones_own_are_listed_and_explained(run: Run, tmp_path: Path) -> None:
    from test_config import PACK

    (tmp_path / "mine.toml").write_text(PACK)
    (tmp_path / "curator.toml").write_text('packs = ["mine.toml"]')
    assert "MINE001  says-foobar" in run("rules").out
    assert run("rule", "says-foobar").out.startswith("MINE001 says-foobar")


def test_config_show_says_what_applies(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [GOOD])
    assert "# no configuration file: the defaults" in run("config", "show", path).out
    (tmp_path / "curator.toml").write_text('profile = "minimal"\n[limits]\nDUP001 = "2%"\n')
    shown = run("config", "show", path).out
    assert f"# {tmp_path / 'curator.toml'}" in shown
    assert 'profile = "minimal"\nlimits = { "DUP001" = "2%" }\n' in shown
    assert "rules run: " in shown


def test_config_schema_is_the_one_in_the_documentation(run: Run) -> None:
    assert msgspec.json.decode(run("config", "schema").out)["title"] == "curator.toml"


def test_explain_tells_of_one_row(run: Run, write: Write) -> None:
    path = write("x.jsonl", [GOOD, EMPTY])
    assert "ROL007" in run("explain", path, 2).out
    assert json.loads(run("explain", path, 1, "--format", "json").out)["place"]["line"] == 1


def test_explain_takes_any_line_that_a_row_stands_on(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps([GOOD, EMPTY], indent=2))
    lines = path.read_text().splitlines()
    second = lines.index("  {", 2) + 1
    for line, begins in ((2, 2), (second - 1, 2), (second, second), (len(lines) - 1, second)):
        assert run("explain", path, line).out.startswith(f"{path}:{begins}  openai-chat  ")
    for line in (1, len(lines), 999):
        assert "there is no row at line" in run("explain", path, line).err
    assert "'abc' is no line: a row is named by the number of a line" in run("explain", path, "abc").err


def test_a_name_that_says_nothing_is_not_shown(run: Run, write: Write) -> None:
    assert ", split" not in run("explain", write("support.jsonl", [GOOD]), "1").out.splitlines()[0]
    assert ", split valid" in run("explain", write("valid.jsonl", [GOOD]), "1").out.splitlines()[0]


def test_stats_of_unknown_columns_says_how_to_name_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("frage,ding\none thing,another thing\n")
    done = run("stats", tmp_path / "t.csv")
    assert "nothing to count: no row is of a known shape. name its columns: --map" in done.out
    assert "median" not in done.out


def test_near_names_and_missing_runs_are_said_in_words(run: Run, write: Write) -> None:
    path = write("x.jsonl", [GOOD])
    assert run("lint", path, "--template", "qwen").err.endswith("did you mean qwen2.5 or qwen3?\n")
    done = run("lint", path, "--facts", "x")
    assert done.status == 2 and "no facts of rows: no such file or folder" in done.err and "Errno" not in done.err


def test_an_array_and_a_refused_shape_have_their_next_steps(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text(json.dumps([{"instruction": f"Say {word}.", "output": "Yes, I can."} for word in "abc"], indent=2))
    convert = f"curator convert {path} --to openai-chat -o converted.jsonl"
    assert convert in run("lint", path, "--target", "openai").out
    assert "curator convert" not in run("lint", path).out
    path.write_text(json.dumps([{**GOOD, "id": 1}, {"id": 2, **GOOD}, EMPTY, EMPTY], indent=2))
    agreed = f"curator clean {path} -o clean.jsonl --unsafe-fixes"
    assert agreed in run("lint", path, "--preview", "--extend-select", "ALL").out


def test_stats_counts(run: Run, write: Write) -> None:
    path = write("x.jsonl", [GOOD, EMPTY])
    assert "2 rows" in run("stats", path).out
    assert json.loads(run("stats", path, "--format", "json", "--price", 3, "--epochs", 2).out)["cost"] is not None


def test_diff_compares_and_fails_on_what_became_worse(run: Run, write: Write) -> None:
    old, new = write("old.jsonl", [GOOD]), write("new.jsonl", [GOOD, EMPTY])
    assert run("diff", old, old).status == 0
    done = run("diff", old, new)
    assert done.status == 1
    assert "ROL007" in done.out
    assert run("diff", old, new, "--fail-on", "never").status == 0
    assert run("diff", new, old).status == 0
    assert "### Data changes" in run("diff", old, new, "--format", "md").out
    assert json.loads(run("diff", old, new, "--format", "json").out)["new_rows"] == 2


def test_the_version_is_told(run: Run) -> None:
    assert run("--version").out == f"curator {curator.__version__}\n"


def test_the_module_runs_as_a_program(tmp_path: Path) -> None:
    assert shell("--version", cwd=tmp_path).stdout == f"curator {curator.__version__}\n"


def test_help_is_quick(tmp_path: Path) -> None:
    def best(*command: str) -> float:
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            subprocess.run([sys.executable, *command], capture_output=True, check=True, cwd=tmp_path)
            taken.append(time.perf_counter() - start)
        return min(taken)

    assert best("-m", "curator", "--help") < 15 * best("-c", "pass")


def test_clean_writes_a_copy_and_the_rest(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [*TWICE, b"{broken"])
    done = run("clean", path, "-o", tmp_path / "out.jsonl")
    assert done.status == 0, done.err
    assert (tmp_path / "out.jsonl").read_text().count("\n") == 1
    assert (tmp_path / "rejected.jsonl").read_text().count("\n") == 2
    assert "rejected" in done.out
    done = run("clean", path, "-o", tmp_path / "two.jsonl", "--rejected", tmp_path / "no.jsonl", "--format", "json")
    assert json.loads(done.out)["losses"]
    assert (tmp_path / "no.jsonl").exists()


QA = {"question": "How many legs has a spider?", "answer": "It has eight legs."}
SOLUTION = {"question": "How many legs has an ant?", "ground_truth": "It has six legs.", "tries": "Five. Six."}


def test_a_saved_map_leaves_files_in_a_known_shape_as_they_are(
    run: Run, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write("qa.jsonl", [QA, {**QA, "answer": "Eight, as all spiders have."}])
    write("sub/sol.jsonl", [SOLUTION])
    options = ("--select", "SCH", "--format", "json")
    clean = json.loads(run("lint", "qa.jsonl", *options).out)["findings"]
    saved = run("lint", "sub/sol.jsonl", "--map", "question=user,ground_truth=assistant")
    assert "column map saved in" in saved.err and (tmp_path / "curator.toml").exists()
    assert json.loads(run("lint", "qa.jsonl", *options).out)["findings"] == clean == []
    both = json.loads(run("lint", ".", *options).out)
    assert {file["path"]: file["shape"] for file in both["files"]} == {
        "qa.jsonl": "question-answer",
        "sub/sol.jsonl": "mapped",
    }
    assert both["findings"] == []
    assert "question-answer" in run("explain", "qa.jsonl", 1).out
    assert "question-answer 2 (67%), mapped 1 (33%)" in " ".join(run("stats", ".").out.split())


def test_a_saved_map_waits_for_rows_with_the_columns_it_needs(run: Run, write: Write, tmp_path: Path) -> None:
    (tmp_path / "curator.toml").write_text('[map]\nticket = "user"\nreply = "assistant"\nrules = "system"\n')
    other = write("other.jsonl", [{"ticket": "It broke.", "notes": "Nobody has looked yet."}])
    assert "SCH001" in run("lint", other, "--select", "SCH", "--format", "concise").out
    whole = {"ticket": "It broke.", "reply": "Start it again, please."}
    some = write("some.jsonl", [whole, whole, {"ticket": "It broke once more."}])
    assert "'reply' is missing" in run("lint", some, "--select", "SCH", "--format", "concise").out


def test_a_map_given_for_a_known_shape_holds_for_that_run_alone(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("qa.jsonl", [QA])
    done = run("lint", path, "--map", "answer=user,question=assistant", "--format", "json")
    assert json.loads(done.out)["files"][0]["shape"] == "mapped"
    assert "column map not saved" in done.err and "known shape" in done.err
    assert not (tmp_path / "curator.toml").exists()
    assert json.loads(run("lint", path, "--format", "json").out)["files"][0]["shape"] == "question-answer"


def test_the_answers_to_bare_prompts_are_mapped_for_good(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("x.jsonl", [{"prompt": "How many legs has an ant?", "reply": "It has six legs."}])
    run("lint", path, "--map", "prompt=user,reply=assistant")
    assert json.loads(run("lint", path, "--format", "json").out)["files"][0]["shape"] == "mapped"


def test_a_map_that_names_no_column_is_refused_and_not_saved(run: Run, write: Write, tmp_path: Path) -> None:
    write("x.jsonl", [{"frage": "Wer?", "antwort": "Niemand war es."}])
    done = run("lint", "x.jsonl", "--map", "frge=user,antwort=assistant")
    assert done.status == 2 and "the nearest is 'frage'" in done.err
    assert not (tmp_path / "curator.toml").exists()


UNSEEN = "x\u202elnosj.\u2066y\u200b.jsonl"  # drawn by a terminal as another name than it is


@pytest.mark.parametrize(
    "words",
    [
        "lint DATA",
        "lint DATA --write-baseline DATA.known",
        "lint DATA.nowhere",
        "stats DATA",
        "explain DATA 1",
        "clean DATA -o DATA.clean.jsonl",
        "clean DATA -o DATA",
        "split DATA -o DATA.split",
        "prepare DATA -o DATA.set",
        "convert DATA --to alpaca -o DATA.alpaca.jsonl",
        "diff DATA DATA",
        "decisions add DATA 3 ROL007 --verdict keep --why meant",
        "decisions list DATA",
        "decisions check DATA",
        "decisions merge DATA -o DATA.log",
    ],
)
def test_a_name_that_hides_what_it_is_is_printed_as_it_is(run: Run, write: Write, words: str) -> None:
    turns = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": ""}]
    write(UNSEEN, [*TWICE, {"messages": turns}])
    run("decisions", "add", UNSEEN, 2, "DUP001", "--verdict", "keep", "--why", "meant")
    done = run(*(word.replace("DATA", UNSEEN) for word in words.split()))
    said = done.out + done.err
    assert not {"\u202e", "\u2066", "\u200b"} & set(said)
    assert said.count("lnosj") == said.count("x‹U+202E›lnosj.‹U+2066›y‹U+200B›")


def test_columns_that_mark_a_row_are_no_map(run: Run, write: Write) -> None:
    marked = {"item_id": "a1", "category": "writing", "turns": ["Write a post."], "score": 3}
    said = " ".join(run("lint", write("x.jsonl", [marked, {**marked, "item_id": "a2"}])).out.split())
    assert "item_id=user" not in said and "category=" not in said
    assert "keys seen: 'item_id', 'category', 'turns', 'score'" in said and "--map COLUMN=user" in said


def test_bare_strings_have_no_columns_to_ask_for(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('["one text", "another text"]')
    said = " ".join(run("lint", tmp_path / "x.json").out.split())
    assert "no row is a JSON object with named columns" in said and "which column" not in said


def test_what_is_not_mended_in_place_is_told_with_a_command_that_works(run: Run, tmp_path: Path) -> None:
    rows = [{"instruction": "Say hello. \u200b", "input": "", "output": "Hello,\u200b there."}]
    path = tmp_path / "x.json"
    path.write_text(json.dumps(rows))
    shown = run("lint", path, "--diff")
    assert "nothing to mend" not in shown.err and f"curator clean {path} -o OUT.jsonl" in shown.err
    over = run("clean", path, "-o", path)
    assert (over.status, "--fix" in over.err) == (2, False)


def test_a_model_given_as_a_path_must_be_there(run: Run, write: Write, tmp_path: Path) -> None:
    path = write("train.jsonl", [GOOD])
    done = run("handoff", "axolotl", path, "--model", "/no/such/model", "-o", tmp_path / "out")
    assert (done.status, "no such model: /no/such/model" in done.err) == (2, True)
    assert run("handoff", "axolotl", path, "--model", "org/model", "-o", tmp_path / "out").status == 0


def test_rules_whose_findings_are_known_found_nothing_new(run: Run, write: Write, tmp_path: Path) -> None:
    path, known = write("x.jsonl", [EMPTY]), tmp_path / "known.json"
    run("lint", path, "--write-baseline", known)
    said = run("lint", path, "--baseline", known, "--statistics").out
    assert "nothing new" in said and "rules found nothing\n" not in said
    assert run("stats", path).out.startswith("1 row\n")


# ---------------------------------------------------------------------- what a report says to type next


def next_command(out: str, what: str) -> list[str]:
    """The words of the command after what it is for, without the program."""
    line = next(line for line in out.splitlines() if line.startswith(what))
    return shlex.split(line.partition(":  ")[2])[1:]


def test_next_steps_repeat_the_options_that_their_verb_knows(run: Run, write: Write) -> None:
    path = write("x.jsonl", [GOOD, EMPTY])
    judged = ("--template", "chatml", "--tokenizer", "o200k_base", "--max-length", "64", "--target", "trl")
    done = run("lint", path, *judged, "--preview", "--extend-select", "ALL", "--show", "1")
    explain = next_command(done.out, "what is known of a row")
    given = dict(pairwise(explain))
    assert {name: given[name] for name in judged[::2]} == dict(zip(judged[::2], judged[1::2], strict=True))
    assert "--show" not in explain, "which says how to report, not what to find"
    assert run(*explain).status == 0


def test_what_is_left_after_prepare_is_found_again_by_the_command_it_names(run: Run, write: Write) -> None:
    rows = [{"instruction": f"Say {word}.", "output": f"As an AI, I cannot say {word}."} for word in "abcdefghijkl"]
    options = ("--target", "trl", "--template", "chatml", "--set", "LEN001.max_tokens=512")
    done = run("prepare", write("a.jsonl", rows), "-o", "ready", *options)
    again = run(*next_command(done.out, "what is left, in full"))
    assert done.status == again.status == 1
    left = next(line.split()[1:] for line in done.out.splitlines() if line.startswith("left   "))
    assert left[0] == "TGT012" and len(left) > 2, "errors come first, however few they are"
    assert "TGT012" in again.out and "a shape that the target reads" in again.out


@pytest.mark.parametrize("verb", ["lint", "clean", "review", "explain", "stats", "prepare"])
def test_verbs_that_judge_or_count_length_take_a_maximum(run: Run, verb: str) -> None:
    assert "--max-length" in run(verb, "--help").out


def test_explain_judges_by_the_maximum_and_stats_says_what_it_keeps(run: Run, write: Write) -> None:
    path = write("x.jsonl", [chat(user="Hi", assistant="It rains. " * 40), chat(user="Hi", assistant="Yes.")])
    assert "LEN001" in run("explain", path, 1, "--max-length", 50).out
    assert "LEN001" not in run("explain", path, 1).out
    assert "your max length 50: 50.0% of the rows fit" in run("stats", path, "--max-length", 50).out


def test_of_a_long_list_of_rows_the_first_are_named_and_the_others_counted(run: Run, write: Write) -> None:
    """JSON names all of them, as does --show 0."""
    lines = [line for n in range(300) for line in (GOOD, chat(user=f"Tell me of {n}.", assistant=f"That is {n * 13}."))]
    path = write("x.jsonl", lines)
    only = ("--select", "DUP001")
    shown = run("lint", path, *only).out
    assert "more, lines" in shown and "and " in shown and len(shown.splitlines()) < 80
    assert "x.jsonl:599" in run("lint", path, *only, "--show", 0).out
    findings = json.loads(run("lint", path, *only, "--format", "json").out)["findings"]
    assert len(findings) == 299


def test_of_many_related_rows_explain_and_concise_name_the_first_and_count_the_rest(run: Run, write: Write) -> None:
    rows = [{"conversations": [{"from": "human", "value": f"What is {n}?"}, {"from": "gpt", "value": f"It is {n}."}]}
            for n in range(120)]  # fmt: skip
    rows = [part for row in rows for part in (row, GOOD)]
    path = write("x.jsonl", rows)
    judged = ("--select", "TPL019", "--template", "chatml")
    explained = run("explain", path, 1, *judged).out
    assert explained.count("      see ") == 8 and "and 111 more: --format json lists them" in explained
    concise = run("lint", path, *judged, "--format", "concise").out
    assert "and 111 more" in concise
    (finding,) = json.loads(run("lint", path, *judged, "--format", "json").out)["findings"]
    assert len(finding["related"]) == 119


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("lint a --selec ANS", "No such option '--selec'. Did you mean '--select'?"),
        ("lint a --zzz", "No such option '--zzz'."),
        ("lnt a", "No such command 'lnt'. Did you mean 'lint'?"),
    ],
)
def test_a_misspelt_name_brings_what_is_near_it_and_nothing_else(run, said, told):
    done = run(*said.split())
    assert (done.status, done.err.splitlines()[0]) == (2, f"error: {told}")


def test_lines_of_an_unknown_shape_are_told_apart_from_lines_that_cannot_be_read(run, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"foo": 1}\n{"foo": 2}\n{broken\n')
    text = run("lint", "a.jsonl", "--no-cache", "--statistics").out
    assert "0 rows, 1 line unreadable, 2 lines in no known shape" in text
    assert re.search(r"SCH001 +unknown-shape +2 +66\.7%", text)


def test_the_shape_that_is_named_wins_over_a_saved_map(run, tmp_path):
    (tmp_path / "curator.toml").write_text('[map]\nfoo = "user"\nbar = "assistant"\n')
    (tmp_path / "a.jsonl").write_text('{"instruction": "Say it.", "output": "Because.", "foo": "q", "bar": ""}\n')
    done = run("lint", "a.jsonl", "--shape", "alpaca", "--no-cache", "--select", "ROL007")
    assert done.status == 0 and "--shape names the shape" in done.err

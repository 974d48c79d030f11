"""`curator lint`."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator.cli import options
from curator.cli.output import coloured, progress, shown, silence, sink, width
from curator.errors import UsageError
from curator.scan.collector import uncollected

if TYPE_CHECKING:
    from curator.config import Config
    from curator.model import Report

FORMATS = ["text", "concise", "json", "jsonl", "sarif", "github", "gitlab", "junit", "html", "parquet"]


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@options.selecting
@options.reading
@options.limiting
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, in place; a copy is kept.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: the fixes that may change meaning as well.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default="text", show_default=True, help="Form of the report."
)
@click.option(
    "--output", "-o", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the report there."
)
@click.option("--statistics", is_flag=True, help="Count by rule, instead of showing findings.")
@click.option(
    "--show",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    metavar="N",
    help="Findings of a rule to show in full (0: all).",
)
@click.option("--verbose", "-v", is_flag=True, help="Show the evidence of findings, and rules that found nothing.")
@click.option("--timing", is_flag=True, help="Say which rules took how long.")
@click.option(
    "--audit",
    is_flag=True,
    help="Measure which share of all pairs of rows alike in wording the search comes upon (slow).",
)
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colours."
)
@click.option(
    "--baseline", type=click.Path(path_type=Path), metavar="FILE", help="Leave out the findings listed there."
)
@click.option("--write-baseline", type=click.Path(path_type=Path), metavar="FILE", help="List all findings there.")
@click.option(
    "--fail-on",
    type=click.Choice(options.SEVERITIES),
    help="Severity that makes the exit status 1.  [default: that of the profile: error; strict: warning]",
)
@click.option("--exit-zero", is_flag=True, help="Exit with 0 whatever is found.")
@options.spreading
@options.caching
@click.option("--watch", is_flag=True, help="Lint again whenever a file changes.")
def command(
    paths: tuple[str, ...],
    config_file: Path | None,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    form: str,
    output: Path | None,
    statistics: bool,
    show: int,
    verbose: bool,
    timing: bool,
    audit: bool,
    color: str,
    baseline: Path | None,
    write_baseline: Path | None,
    exit_zero: bool,
    watch: bool,
    **settings: Any,
) -> int:
    """Find what would break or spoil a training run.

    PATH is a file or a folder (JSONL, JSON, CSV, Parquet, Arrow, plain or compressed), or - for
    standard input. All paths together are one set.

    Exit status: 0 nothing at or above --fail-on, 1 something is, 2 wrong usage or an error.
    """
    ctx = click.get_current_context()
    _refuse_idle(ctx)

    def once() -> int:
        options.refuse_overwriting(paths, output, write_baseline)
        config = options.configured(paths, config_file, settings)
        if settings["map"]:
            from curator.conversion.guess import check_columns

            check_columns(paths, config)
        if diff:
            report = _linted(paths, config, baseline)
            _show_diff(report, unsafe_fixes, output)
            return 0 if exit_zero else report.exit_code
        left = False
        known = None if write_baseline else baseline  # the new list holds what the old one knew
        if fix:
            report, left = _mended(paths, config, known, unsafe_fixes)
        else:
            report = _linted(paths, config, known, audit)
        if not (report.rules or report.not_run):
            hint = "--select, --ignore, --level or their keys in the configuration leave out all of them"
            raise UsageError("no rule is left to run", hint=hint)
        if write_baseline:
            report = _keep_baseline(report, write_baseline)
        if settings["map"] and config.map and report.rows:
            options.keep_map(config, paths)
        view = {
            "color": output is None and coloured(color, sys.stdout),
            "width": width(),
            "show": show or None,
            "statistics": statistics,
            "verbose": verbose,
            "exit_zero": exit_zero,
            "command": options.retyped(ctx),
            "options": options.following(ctx),
        }
        _print(report, form, output, view)
        if timing:
            click.echo("\n".join(_timings(report)), err=True)
        if audit:
            click.echo("\n".join(_audits(report)), err=True)
        return 0 if exit_zero else 2 if left else report.exit_code

    if watch:
        return _watch(paths, config_file, output, once)
    with uncollected():
        return once()


def _refuse_idle(ctx: click.Context) -> None:
    """Raises UsageError for options that would do nothing beside the others."""
    given = {name for name in ctx.params if ctx.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE}
    form = ctx.params["form"]
    if "unsafe_fixes" in given and not given & {"fix", "diff"}:
        raise click.UsageError("--unsafe-fixes goes with --fix or --diff", ctx)
    if form == "parquet" and "output" not in given:
        raise click.UsageError("parquet is no text: name a file with --output", ctx)
    if "statistics" in given and form not in ("text", "concise", "json"):
        raise click.UsageError(f"--statistics counts in the forms text, concise and json, not in {form}", ctx)
    if ctx.params["show"] and "show" in given and form != "text":
        raise click.UsageError(f"--show is of the form text: {form} lists every finding", ctx)
    if ctx.params["verbose"] and not (form == "text" or (form == "concise" and ctx.params["statistics"])):
        raise click.UsageError(f"--verbose is of the form text, not of {form}", ctx)
    if ctx.params["color"] == "always" and form not in ("text", "concise"):
        raise click.UsageError(f"--color always is of the forms text and concise: {form} has no colours", ctx)
    for path in ctx.params["paths"] if ctx.params["watch"] else ():
        if once := _read_once(path):
            raise click.UsageError(f"--watch waits for files to change, and {once}", ctx)
    for one, others in _EXCLUDES.items():
        if one in given and (idle := sorted(given & others)):
            raise click.UsageError(f"{_flag(idle[0])} does nothing beside {_flag(one)}", ctx)


def _read_once(path: str) -> str:
    """What does not change as a file does, in words; "" for files and folders."""
    from curator.sources.addresses import is_address

    if path == "-":
        return "standard input is read once"
    if is_address(path):
        return f"{shown(path)} is none of this machine"
    other = Path(path).exists() and not (Path(path).is_file() or Path(path).is_dir())
    return f"{shown(path)} is read once" if other else ""


_EXCLUDES = {  # what shows no report takes none of its options
    "diff": {"fix", "form", "statistics", "show", "verbose", "timing", "audit", "write_baseline", "color"},
    "fix": {"audit"},
}


def _flag(name: str) -> str:
    return f"--{'format' if name == 'form' else name.replace('_', '-')}"


def _linted(paths: Sequence[str | Path], config: Config, baseline: Path | None, audit: bool = False) -> Report:
    """The findings, less those that a decision keeps out and those that the baseline lists."""
    from curator import decisions
    from curator.cli.decisions import rows_of
    from curator.scan import recall

    report = recall.recall(paths, config) if config.cache and not audit else None
    if report is None:
        from curator import engine

        with progress() as tick:
            report = engine.lint(
                paths, config, workers=config.crew, cache=config.cache, progress=tick,
                judging=tick.judging if tick else None, audit=audit,
            )  # fmt: skip
    if config.facts:
        from curator.training import lessons

        report = lessons.told(report, paths, config)
    for log in map(decisions.read, decisions.places(paths)):
        for problem in log.unread:
            click.echo(shown(f"{log.path}:{problem.line}: passed over: {problem.message}"), err=True)
    log = decisions.beside(paths)
    known = decisions.read_baseline(baseline) if baseline else None
    if not (log.decisions or known):
        return report
    return decisions.settle(report, log, known, rows=rows_of(paths, decisions.sealed_edits(log), config))


def _mended(paths: tuple[str, ...], config: Config, baseline: Path | None, unsafe: bool) -> tuple[Report, bool]:
    """Mend in place and say on standard error what was mended: the report of the mended files, and whether a file
    with something to mend is of a form that is not mended in place."""
    from curator.fix import fix_files
    from curator.report.tally import counted
    from curator.text.excerpt import visible

    result = fix_files(paths, config, unsafe=unsafe, lint=partial(_linted, baseline=baseline))
    for mended in result.files:
        codes = ", ".join(f"{code} {count:,}" for code, count in mended.fixed.items())
        dropped = f"; {counted(mended.dropped, 'row')} dropped" if mended.dropped else ""
        click.echo(visible(f"mended {mended.path}: {codes}{dropped} (the original is {mended.backup})"), err=True)
    for refused in result.refused:
        click.echo(shown(f"not mended {refused.path}: {refused.reason}\n  {refused.hint}"), err=True)
    return result.report, bool(result.refused)


def _show_diff(report: Report, unsafe: bool, output: Path | None) -> None:
    from curator.fix import freed, plain, unified_diff, waiting, wanted

    rows = 0
    with _or_nobody_reads(), sink(output) as stream:
        for line in unified_diff(report, unsafe=unsafe):
            rows += line.startswith("@@ ")
            stream.write(f"{line}\n".encode("utf-8", "backslashreplace"))
    copies = Counter(f.file for f in report.findings if f.file not in plain(report) and wanted(f, unsafe))
    if rows or not copies:
        click.echo(_would(rows, unsafe), err=True)
    if later := waiting(report, unsafe=unsafe):
        fixes = "1 more fix" if later == 1 else f"{later:,} more fixes"
        click.echo(f"{fixes} may follow once these are made: --fix goes on until nothing is left", err=True)
    if lines := freed(report, unsafe=unsafe):
        become = "1 line becomes a row that is" if lines == 1 else f"{lines:,} lines become rows that are"
        click.echo(f"{become} judged only then: --fix mends what is found in {_them(lines)} as well", err=True)
    for path, count in copies.items():
        fixes = "1 fix" if count == 1 else f"{count:,} fixes"
        command = shlex.join(["curator", "clean", path, "-o", "OUT.jsonl", *(["--unsafe-fixes"] if unsafe else [])])
        what = f"no diff of {path}, which is not plain JSONL: a copy of it takes {fixes}"
        click.echo(shown(f"{what}\n  {command}"), err=True)


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _would(rows: int, unsafe: bool) -> str:
    if not rows:
        return f"nothing to mend{'' if unsafe else ' safely'}"
    places = "1 place" if rows == 1 else f"{rows:,} places"
    return f"{places} would change: --fix{' --unsafe-fixes' if unsafe else ''} in place of --diff changes them"


def _keep_baseline(report: Report, path: Path) -> Report:
    """List the findings in a file; from then on they are known."""
    from curator import decisions

    count = decisions.write_baseline(report, path)
    click.echo(shown(f"{count:,} findings listed in {path}: --baseline {path} leaves them out"), err=True)
    return decisions.settle(report, None, decisions.read_baseline(path))


def _print(report: Report, form: str, output: Path | None, view: dict[str, Any]) -> None:
    from curator.report import render

    with _or_nobody_reads(), sink(output) as stream:
        render(report, form, stream, **view)


@contextlib.contextmanager
def _or_nobody_reads() -> Iterator[None]:
    """`curator lint … | head`: the exit status still tells what was found."""
    try:
        yield
    except BrokenPipeError:
        silence()


def _audits(report: Report) -> Iterator[str]:
    """What the audit measured, a line a view."""
    from curator.report.tally import counted

    if not report.audits:
        yield "nothing to audit: no rule that ran looks for rows alike (select DUP003)"
    for audit in report.audits:
        what = {"whole": "whole rows", "prompt": "prompts", "answer": "answers"}.get(audit.view, audit.view)
        drawn = f"audit: {counted(audit.rows, 'row')} drawn and compared with every row ({what}, alike from "
        drawn += f"{audit.threshold:.0%} on)"
        if audit.pairs:
            share = f"recall {audit.found / audit.pairs:.3f}, 95 % interval {audit.low:.3f} to {audit.high:.3f}"
            pairs = f"{counted(audit.pairs, 'pair')} alike in wording"
            yield f"{drawn}: the search came upon {audit.found:,} of the {pairs} ({share})"
        else:
            yield f"{drawn}: no pair is alike in wording"
    if any(audit.pairs for audit in report.audits):
        yield "rules judge the pairs come upon, and tell only those that no other number or subject sets apart (DUP003)"


def _timings(report: Report) -> Iterator[str]:
    """CPU seconds by phase and by rule, the longest first."""
    spent = [*report.phases.items(), *((f"{stat.code} {stat.name}", stat.seconds) for stat in report.rules)]
    for name, seconds in sorted(spent, key=lambda pair: -pair[1]):
        yield f"{seconds * 1000:9,.1f} ms  {name}"
    yield f"{report.seconds * 1000:9,.1f} ms  in all{' (from the cache)' if report.cached else ', by the clock'}"


def _watch(paths: tuple[str, ...], config_file: Path | None, output: Path | None, once: Callable[[], int]) -> int:
    """Lint, wait for a change, and again, until interrupted."""
    from curator.errors import CuratorError

    while True:
        before = _stamps(paths, config_file, output)
        try:
            once()
        except CuratorError as error:
            click.echo(shown(f"error: {error}"), err=True)
        sys.stdout.flush()  # whoever reads a pipe sees the report before the next change
        click.echo(f"{time.strftime('%H:%M:%S')}  watching for changes, Ctrl-C ends", err=True)
        while _stamps(paths, config_file, output) == before:
            time.sleep(0.3)


def _stamps(paths: tuple[str, ...], config_file: Path | None, output: Path | None) -> dict[Path, tuple[int, int]]:
    """Size and time of all that a report rests on: the data, the configuration and the decisions.

    Of the files below a folder, those that curator itself writes there are left out.
    """
    from curator import decisions
    from curator.config import find_config
    from curator.errors import CuratorError

    files = list(decisions.places(paths))
    with contextlib.suppress(CuratorError):  # a pyproject.toml that is no TOML: the lint says so
        files += filter(None, [config_file or find_config(options.start(paths))])
    for path in map(Path, paths):
        below = path.rglob("*") if path.is_dir() else [path]
        files += [file for file in below if not any(part.startswith(".") for part in file.relative_to(path).parts)]
    found = {}
    for file in files:
        if file != output:
            with contextlib.suppress(OSError):  # it may vanish while we look
                stat = file.stat()
                found[file] = (stat.st_size, stat.st_mtime_ns)
    return found

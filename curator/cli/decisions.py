"""`curator decisions`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator.cli import options
from curator.cli.output import progress, shown, sink

if TYPE_CHECKING:
    from curator.config import Config
    from curator.decisions import Log
    from curator.model import Report

_LOG = click.argument("log", metavar="[LOG]", default=".", type=click.Path(exists=True, path_type=Path))
_FORM = click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
_OUTPUT = click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there.")


@click.group("decisions")
def command() -> None:
    """Record what was decided about findings, and look after the record.

    Decisions are lines of .curator/decisions.jsonl beside the data. They are about the content of a row,
    wherever it stands, and lapse when the row changes. LOG is such a file, the data or their folder.
    """


@command.command()
@click.argument("file", metavar="FILE")
@click.argument("line", type=click.IntRange(min=1), metavar="LINE")
@click.argument("code", required=False, default="", metavar="[CODE]")
@click.option(
    "--verdict",
    type=click.Choice(["keep", "drop", "accept", "later"]),
    required=True,
    help="keep: the row is right as it is. drop: it goes. accept: make the offered fix. later: take it back.",
)
@click.option("--why", default="", metavar="TEXT", help="The reason; only later goes without.")
@click.option("--who", metavar="NAME", help="Who decides.  [default: the name you are logged in with]")
@click.option("--expires", default="", metavar="DATE", help="The last day it counts: 2027-01-31.")
@click.option("--beside", multiple=True, metavar="PATH", help="A file that is linted with FILE, as one set.")
@click.option("--log", type=click.Path(path_type=Path), metavar="LOG", help="Record it there.")
@options.selecting
@options.reading
def add(
    file: str,
    line: int,
    code: str,
    verdict: Any,
    why: str,
    who: str | None,
    expires: str,
    beside: tuple[str, ...],
    log: Path | None,
    config_file: Path | None,
    **settings: Any,
) -> None:
    """Decide about what is found at LINE of FILE.

    CODE is the code or name of a rule; it may be left out where one rule alone found something. Without
    it, drop is about the row whatever is found in it, and later takes back all that stands about the row.
    """
    from curator import decisions, explanation

    context = click.get_current_context()
    if not why and verdict != "later":
        raise click.UsageError("say why: --why TEXT", context)
    if expires and not decisions.is_day(expires):
        raise click.UsageError(f"--expires {expires}: write a day that is still to come as 2027-01-31", context)
    options.refuse_overwriting((file,), Path(log) if log else None)
    config = options.configured((file,), config_file, settings)
    row = explanation.explain(file, line, config, beside=beside)
    place = _file(log) if log else decisions.place([file])
    who = logged_in() if who is None else who
    if verdict == "later":
        made = decisions.take_back(decisions.read(place), row.row, code, who=who, why=why)
    elif verdict == "drop" and not code:
        made = (decisions.decide_row(row.row, row.place, verdict, who=who, why=why, expires=expires),)
    else:
        made = tuple(
            decisions.decide(finding, verdict, who=who, why=why, expires=expires)
            for finding in decisions.pick(row.findings, row.place, code)
        )
    decisions.append(place, made, [file])
    for decision in made:
        about = f"{decision.code} {decision.place}".strip()
        click.echo(shown(f"{decision.verdict} {about}: recorded in {place}"))


@command.command("list")
@_LOG
@_FORM
@_OUTPUT
def show(log: Path, form: str, output: Path | None) -> None:
    """List the decisions that stand, the newest on every finding."""
    from curator import decisions

    read = _read(log)
    with sink(output) as stream:
        if form == "json":
            stream.write(decisions.as_json(read))
        else:
            stream.write(decisions.as_text(read).encode("utf-8", "backslashreplace"))


@command.command()
@click.argument("record", metavar="[LOG]", default=".", type=click.Path(exists=True, path_type=Path))
@click.option("--data", multiple=True, metavar="PATH", help="Also name decisions that keep nothing out of PATH.")
@options.selecting
@options.reading
def check(record: Path, data: tuple[str, ...], config_file: Path | None, **settings: Any) -> int:
    """Name what is wrong in a record.

    Torn lines, rules that are gone, missing reasons and authors, lapsed dates, disagreements, edits that
    cannot be applied to their row.

    Exit status: 1 where something is named, else 0. That a finding is kept without a reason is a remark alone.
    """
    context = click.get_current_context()
    if not data and (idle := options.typed(context, options.selecting)):
        raise click.UsageError(f"{idle[0]} chooses by which rules data are linted: name them with --data PATH", context)
    from curator import decisions
    from curator.config import load_rules

    place = _file(record)
    config = options.configured(data or (str(place.parent.parent),), config_file, settings)
    report = _linted(data, config) if data else None
    codes = load_rules(config.pack_files)
    log = decisions.read(place)
    rows = rows_of(data or (str(place.parent.parent),), decisions.sealed_edits(log), config)
    problems = decisions.check(log, codes=codes, report=report, rows=rows)
    remarks = [problem for problem in problems if problem.remark]
    for problem in problems:
        if not problem.remark:
            click.echo(shown(f"{place}:{problem.line}: {problem.message}"))
    if remarks:
        more = f", and {len(remarks) - 1:,} more" if len(remarks) > 1 else ""
        click.echo(shown(f"{place}:{remarks[0].line}: {remarks[0].message}{more} (a remark)"))
    return 1 if len(problems) > len(remarks) else 0


@command.command()
@click.argument("logs", nargs=-1, required=True, metavar="LOG…", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--output", "-o", required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="LOG", help="The whole."
)
def merge(logs: tuple[Path, ...], output: Path) -> None:
    """Merge records: every decision once, in order of time."""
    from curator import decisions

    together = decisions.merge(*(_read(log).decisions for log in logs))
    decisions.write(output, together)
    click.echo(shown(f"{len(together):,} decisions in {output}"))


@command.command()
@_LOG
@_OUTPUT
def export(log: Path, output: Path | None) -> None:
    """Print the decisions that stand as JSON lines."""
    from curator import decisions

    lines = decisions.as_lines(decisions.standing(_read(log).decisions))
    with sink(output) as stream:
        stream.write(lines)


@command.command()
@_LOG
@_FORM
def agreement(log: Path, form: str) -> None:
    """How often rules are right, and reviewers agree.

    A finding is right where its row was mended, edited or dropped for it. Kappa is Cohen's, over findings
    that two people judged before they saw each other's verdict.
    """
    from curator.decisions import agreement as told

    made = _read(log).decisions
    with sink(None) as stream:
        text = told.as_json(made) if form == "json" else told.as_text(made).encode("utf-8", "backslashreplace")
        stream.write(text)


def _linted(data: tuple[str, ...], config: Any) -> Report:
    from curator import engine

    with progress() as tick:
        judging = tick.judging if tick else None
        return engine.lint(data, config, workers=config.crew, cache=config.cache, progress=tick, judging=judging)


def rows_of(data: Sequence[str | Path], wanted: frozenset[str], config: Config) -> dict[str, bytes]:
    """The rows with these content ids in the data; none where no data are found, or where they are read once."""
    from curator.cleaning import rows_in
    from curator.errors import SourceError
    from curator.sources import open_sources

    if not wanted or "-" in map(str, data):
        return {}
    try:
        with open_sources(data, config.excluded) as sources:
            return rows_in(sources, wanted)
    except SourceError:
        return {}


def _file(log: Path) -> Path:
    """The record itself, where its folder, the data or the folder of the data is named."""
    from curator.decisions import FILE, beside_data

    if not log.is_dir():
        return beside_data(log) or log
    return log / FILE.name if log.name == FILE.parent.name else log / FILE


def _read(log: Path) -> Log:
    """A record; lines that cannot be read are named on standard error."""
    from curator import decisions

    read = decisions.read(_file(log))
    for problem in read.unread:
        click.echo(shown(f"{read.path}:{problem.line}: passed over: {problem.message}"), err=True)
    return read


def logged_in() -> str:
    """The name of whoever is logged in, "" where there is none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""

"""`curator diff`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator.cli import options
from curator.cli.output import encoded, sink

if TYPE_CHECKING:
    from curator.comparison import Comparison
    from curator.config import FailOn


@click.command("diff")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@options.selecting
@options.reading
@click.option("--format", "form", type=click.Choice(["text", "json", "md"]), default="text", show_default=True)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write there.")
@options.caching
@click.option(
    "--fail-on",
    type=click.Choice(options.SEVERITIES),
    help="Severity of a new finding that makes the exit status 1.  [default: of the profile: error; strict: warning]",
)
def command(old: str, new: str, config_file: Path | None, form: str, output: Path | None, **settings: Any) -> int:
    """Compare two versions of a set, row by row.

    OLD and NEW are files or folders. Rows are matched by their content, wherever they stand: added,
    removed, edited (word by word), moved to another split; findings gained and lost.

    Exit status: 1 where a finding at or above --fail-on is new, or a row moved from a held-out split
    into training; else 0.
    """
    from curator import comparison as verb

    options.refuse_overwriting((old, new), output)
    config = options.configured((new,), config_file, settings)
    result = verb.compare([old], [new], config, cache=config.cache)
    with sink(output) as stream:
        if form == "json":
            stream.write(verb.as_json(result))
        else:
            stream.write(encoded((verb.as_markdown if form == "md" else verb.as_text)(result)))
    return 1 if _worse(result, config.plan().fail_on) else 0


def _worse(result: Comparison, fail_on: FailOn) -> bool:
    from curator.model import SEVERITIES

    failing = () if fail_on == "never" else SEVERITIES[SEVERITIES.index(fail_on) :]
    return bool(result.leaks) or any(finding.severity in failing for finding in result.gained)

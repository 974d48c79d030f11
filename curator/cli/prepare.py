"""`curator prepare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from curator.cli import options
from curator.cli.dividing import dividing
from curator.cli.output import encoded, progress, sink

if TYPE_CHECKING:
    from curator.splits.drawing import Wish


@click.command("prepare")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where it goes.")
@click.option("--unsafe-fixes", is_flag=True, help="Make the fixes that may change meaning as well.")
@click.option(
    "--name", default="", metavar="NAME", help="The name of the set on its card.  [default: that of the folder or file]"
)
@dividing
@click.option("--force", is_flag=True, help="Overwrite files in DIR that are not from curator.")
@options.limiting
@options.selecting
@options.reading
@click.option(
    "--fail-on",
    type=click.Choice(options.SEVERITIES),
    help="Severity that makes the exit status 1.  [default: that of the profile: error; strict: warning]",
)
@options.spreading
@options.caching
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    paths: tuple[str, ...],
    output: Path,
    unsafe_fixes: bool,
    name: str,
    wish: Wish,
    keep: Path | None,
    fresh: bool,
    dataset: bool,
    force: bool,
    config_file: Path | None,
    form: str,
    **settings: Any,
) -> int:
    """Lint, clean and split a set, with a report and a dataset card.

    Safe fixes and decisions are applied, rows that cannot be read go to rejected.jsonl, the rest is split
    without leaks. README.md in DIR is the card, report.html what was found in the data as they came.

    Exit status: 1 where a finding at or above --fail-on is left.
    """
    config = options.configured(paths, config_file, settings)
    from curator.cli import lint
    from curator.splits import preparing as verb

    asked = options.shared(click.get_current_context(), lint.command, options.FORM)
    with progress() as tick:
        done = verb.prepare(
            paths,
            output,
            config,
            wish,
            unsafe=unsafe_fixes,
            keep=keep,
            fresh=fresh,
            dataset=dataset,
            force=force,
            name=name,
            asked=asked,
            progress=tick,
            judging=tick.judging if tick else None,
        )
    if settings["map"] and config.map:
        options.keep_map(config, paths, output)
    typed = options.retyped(click.get_current_context(), {"form"})
    with sink(None) as stream:
        stream.write(verb.as_json(done) if form == "json" else encoded(verb.as_text(done, asked, typed)))
    return done.exit_code

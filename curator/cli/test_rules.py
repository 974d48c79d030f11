"""`curator test-rules PATH`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("test-rules")
@click.argument("path", type=click.Path(path_type=Path, exists=True))
def command(path: Path) -> int:
    """Run rules of your own on their examples.

    PATH is the folder of a project whose pyproject.toml names plugins, a package, a .py or .toml file, or a
    folder of .toml files. GOOD must be silent, BAD flagged exactly where it says, fixes must make what they
    say and nothing more, and every option must matter: what curator's own rules are held to. Shapes must read
    back what they write, targets must be readable.

    Exit status: 0 all hold, 1 something fails, 2 nothing could be tested.
    """
    from curator.proving import trials

    trial = trials.run(path)
    for failure in trial.failures:
        click.echo(f"{failure.of}: {failure.what}")
    click.echo(trial.summary)
    return 1 if trial.failures else 0

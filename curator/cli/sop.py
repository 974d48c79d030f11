"""`curator sop`."""

from __future__ import annotations

from pathlib import Path

import click

from curator.cli.output import progress


@click.command("sop")
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE…")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    metavar="FILE",
    help="Write the rows there (JSONL).",
)
@click.option(
    "--json",
    "json_dir",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each document there, to be reviewed and edited; it can be read back.",
)
@click.option(
    "--profile",
    type=click.Choice(["gmp", "lab", "runbook"]),
    default="gmp",
    show_default=True,
    help="Sections the checks expect.",
)
@click.option("--system", default="", metavar="TEXT", help="System prompt of every row.")
@click.option(
    "--variants",
    type=click.IntRange(1, 5),
    default=1,
    show_default=True,
    metavar="N",
    help="Rows a document, each with another prompt.",
)
@click.option("--sections", is_flag=True, help="One more row for each section.")
@click.option(
    "--max-tokens",
    type=click.IntRange(min=50),
    metavar="N",
    help="Split answers that are longer, between sections or steps.",
)
@click.option(
    "--fetch",
    is_flag=True,
    help="Read the web addresses among the sources: robots.txt is respected, private addresses are refused.",
)
@click.option("--tokenizer", metavar="NAME|FILE", help="Encoding or tokenizer.json to count tokens with.")
def command(
    sources: tuple[str, ...],
    output: Path,
    json_dir: Path | None,
    profile: str,
    system: str,
    variants: int,
    sections: bool,
    max_tokens: int | None,
    fetch: bool,
    tokenizer: str | None,
) -> int:
    """Turn web pages and documents into SOP rows.

    Reads HTML, saved pages, Markdown, text, DOCX, PDF, and the JSON that --json wrote. Every word of an answer stands
    in its source; what is left out is recorded. The network is used with --fetch alone.
    """
    from curator.sop import run
    from curator.sop.fetch import Fetcher

    with progress() as bar:
        result = run.convert(
            sources, output, json_dir=json_dir, profile=profile, system=system, variants=variants, sections=sections,
            max_tokens=max_tokens or 0, tokenizer=tokenizer, fetcher=Fetcher() if fetch else None, progress=bar,
        )  # fmt: skip
    click.echo(run.summary(result), nl=False)
    return 0 if not result.failed else 1 if result.documents else 2

"""`curator sop`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from curator.cli import options
from curator.cli.output import progress
from curator.errors import UsageError

if TYPE_CHECKING:
    from curator.sop.rewrite import Writer
    from curator.sop.run import Spreading


_KEY = "OPENAI_API_KEY"


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
@click.option(
    "--rewrite",
    metavar="MODEL",
    help="Ask this model for the prompts; answers stay verbatim. Needs --endpoint, to which the documents are sent.",
)
@click.option("--endpoint", metavar="URL", help="An OpenAI-compatible address, such as http://localhost:8000/v1.")
@click.option(
    "--key-env",
    metavar="NAME",
    show_default=_KEY,
    help="Environment variable that holds the key of the endpoint.",
)
@click.option("--tokenizer", metavar="NAME|FILE", help="Encoding or tokenizer.json to count tokens with.")
@options.spreading
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
    rewrite: str | None,
    endpoint: str | None,
    key_env: str | None,
    tokenizer: str | None,
    workers: int | None,
    engine: str | None,
    ray_address: str | None,
) -> int:
    """Turn web pages and documents into SOP rows.

    Reads HTML, saved pages, Markdown, text, DOCX, PDF, and the JSON that --json wrote: files, folders, and with the
    extra `s3` addresses such as s3://bucket/sop/. Every word of an answer stands
    in its source; what is left out is recorded. Exits with 1 where a source was not converted or --rewrite rewrote
    nothing, with 2 where none was converted. The network is used with --fetch and --rewrite alone. A file that
    stands at -o is replaced.
    """
    from curator.sop import run
    from curator.sop.fetch import Fetcher

    if tokenizer and not max_tokens:
        raise UsageError("--tokenizer counts tokens for --max-tokens", hint="name both, or neither")
    plan = run.Plan(profile, system, variants, sections, max_tokens or 0, tokenizer)
    writer = _writer(rewrite, endpoint, key_env)
    spreading = _spreading(workers, engine, ray_address)
    with progress() as bar:
        result = run.convert(
            sources, output, plan, json_dir=json_dir, fetcher=Fetcher() if fetch else None, writer=writer, progress=bar,
            spreading=spreading,
        )  # fmt: skip
    click.echo(run.summary(result), nl=False)
    if result.kept and not result.wordings.get("rewritten"):
        cause = max(result.kept, key=lambda why: result.kept[why])
        click.echo(f"no prompt was rewritten by {rewrite}: {cause}. The rows have their own wording.", err=True)
        return 1 if result.documents else 2
    return 0 if not result.failed else 1 if result.documents else 2


def _spreading(workers: int | None, engine: str | None, address: str | None) -> Spreading | None:
    """Who reads the files: this process, several, or the nodes of a cluster. Raises UsageError."""
    options.refuse_idle_address(address, engine)
    if engine == "ray":
        from curator.scan.cluster import Ray

        return Ray(address)
    from curator.scan.mappers import Processes

    return Processes(workers) if workers and workers > 1 else None


def _writer(model: str | None, endpoint: str | None, key_env: str | None) -> Writer | None:
    """Who puts prompts in other words, None without --rewrite. Raises UsageError."""
    if (model is None) != (endpoint is None):
        raise UsageError("--rewrite and --endpoint go together", hint="name both, or neither")
    if model is None or endpoint is None:
        if key_env:
            raise UsageError("--key-env is for --rewrite", hint="name --rewrite and --endpoint, or leave it out")
        return None
    from curator.scan.cache import Cache
    from curator.sop.rewrite import Writer

    cache = Cache.open()
    return Writer(
        endpoint, model, os.environ.get(key_env or _KEY, ""), cache=cache.folder / "prompts" if cache else None
    )

"""`curator split`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from curator.cli import options
from curator.cli.output import sink


def _numbers(kind: type, ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Any, ...] | None:
    if value is None:
        return None
    try:
        return tuple(kind(part) for part in value.replace(":", "/").split("/"))
    except ValueError:
        raise click.BadParameter(f"write numbers with / between them: {param.metavar}", ctx, param) from None


def _ratio(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Any, ...] | None:
    return _numbers(float, ctx, param, value)


def _count(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[Any, ...] | None:
    return _numbers(int, ctx, param, value)


def _words(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word.strip() for part in value for word in part.split(",") if word.strip())


def dividing(function: Any) -> Any:
    """The options that say what the splits are to be like; `wished` makes a Wish of them."""
    for add in reversed(
        (
            click.option("--ratio", callback=_ratio, metavar="80/10/10", help="Shares of train, valid and test."),
            click.option("--count", callback=_count, metavar="200/100", help="Rows of valid and test instead."),
            click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Another draw."),
            click.option(
                "--stratify",
                "--by",
                default="",
                metavar="KEY",
                help="The same mix in every split: source, language, label, length, or a key of the rows.",
            ),
            click.option(
                "--group-by",
                multiple=True,
                callback=_words,
                metavar="KEY,…",
                help="Rows with the same value under a key stay in one split.",
            ),
            click.option(
                "--min-rows",
                "--batch",
                type=click.IntRange(min=1),
                metavar="N",
                help="No split is smaller: the batch of your trainer.",
            ),
            click.option(
                "--allow",
                multiple=True,
                callback=_words,
                metavar="RULE,…",
                help="Leaks that do not matter here: near-leak, prompt-leak, group-leak.",
            ),
            click.option(
                "--keep",
                type=click.Path(path_type=Path, dir_okay=False),
                metavar="FILE",
                help="The split.json whose rows keep their split.  [default: the one in DIR]",
            ),
            click.option("--fresh", is_flag=True, help="Draw all rows anew, whatever split.json says."),
        )
    ):
        function = add(function)
    return function


def wished(settings: dict[str, Any]) -> Any:
    """The Wish that the options of `dividing` say; takes them out of the settings."""
    from curator.drawing import Wish

    ratio, count = settings.pop("ratio"), settings.pop("count")
    if ratio and count:
        raise click.UsageError("--ratio and --count exclude each other", click.get_current_context())
    rest = {name: settings.pop(name) for name in ("seed", "stratify", "group_by", "allow")}
    return Wish(**({"ratio": ratio} if ratio else {}), count=count, min_rows=settings.pop("min_rows") or 0, **rest)


@click.command("split")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--output", "-o", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Where they go.")
@dividing
@click.option("--to", type=click.Choice(["dataset"]), help="Save a datasets.DatasetDict in DIR/dataset as well.")
@click.option("--force", is_flag=True, help="Overwrite files in DIR that are not from a split.")
@options.reading
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="Worker processes.  [default: by size]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    paths: tuple[str, ...],
    output: Path,
    keep: Path | None,
    fresh: bool,
    to: str | None,
    force: bool,
    config_file: Path | None,
    form: str,
    **settings: Any,
) -> None:
    """Write train, valid and test files without leaks between them.

    Rows that repeat each other, ask the same, or are from one document or conversation stay together.
    The order of the rows does not matter, and rows that are added move no others: split.json in DIR
    remembers them.
    """
    wish = wished(settings)
    if keep and fresh:
        raise click.UsageError("--keep and --fresh exclude each other", click.get_current_context())
    config = options.configured(paths, config_file, settings)
    from curator import splitting as verb

    result = verb.split(
        paths,
        output,
        config,
        wish,
        keep=keep,
        fresh=fresh,
        dataset=to == "dataset",
        force=force,
        workers=config.workers,
    )
    with sink(None) as stream:
        text = verb.as_json(result) if form == "json" else verb.as_text(result).encode("utf-8", "backslashreplace")
        stream.write(text)

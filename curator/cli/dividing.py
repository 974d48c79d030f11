"""What `curator split` and `curator prepare` ask alike: the options that say what the splits are to be like."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click


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


_OPTIONS = (
    click.option("--ratio", callback=_ratio, metavar="80/10/10", help="Shares of train, valid and test."),
    click.option("--count", callback=_count, metavar="200/100", help="Rows of valid and test instead."),
    click.option(
        "--exact",
        is_flag=True,
        help="The shares to the row; by default they are so on average. Not with --count or --stratify.",
    ),
    click.option("--seed", type=int, default=0, show_default=True, metavar="N", help="Another draw."),
    click.option(
        "--stratify",
        "--by",
        default="",
        metavar="KEY",
        help="The same mix in every split, by source, language, label, length, or a key of the rows: --stratify "
        "language, or --by language, which is the same. The length is counted; the language is that which a row "
        "names, else that of its answers.",
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
        help="No split is smaller: the batch of your trainer. --batch N is the same.",
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
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="The split.json, or its folder, whose rows keep their split.  [default: the one in DIR]",
    ),
    click.option("--fresh", is_flag=True, help="Draw all rows anew, whatever split.json says."),
    click.option("--to", type=click.Choice(["dataset"]), help="Save a datasets.DatasetDict in DIR/dataset as well."),
)


def dividing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options; the command gets them as `wish` (a Wish), `keep`, `fresh` and `dataset`."""

    @wraps(function)
    def command(keep: Path | None, fresh: bool, to: str | None, **given: Any) -> Any:
        from curator.splits.drawing import Wish

        asked = {name: given.pop(name) for name in Wish.__struct_fields__}
        if asked["ratio"] and asked["count"]:
            raise click.UsageError("--ratio and --count exclude each other", click.get_current_context())
        if asked["exact"] and (asked["count"] or asked["stratify"]):
            other = "--count" if asked["count"] else "--stratify"
            raise click.UsageError(f"--exact and {other} exclude each other", click.get_current_context())
        if keep and fresh:
            raise click.UsageError("--keep and --fresh exclude each other", click.get_current_context())
        wish = Wish(**{name: value for name, value in asked.items() if value is not None})
        return function(wish=wish, keep=keep, fresh=fresh, dataset=to == "dataset", **given)

    for add in reversed(_OPTIONS):
        command = add(command)
    return command

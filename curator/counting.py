"""`curator stats`: how much there is to train on, and of what lengths."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from curator import __version__, engine, targets, templates, tokens
from curator.columns import ROLE_CODES, Batch, Literals
from curator.errors import UsageError
from curator.formats import Reader
from curator.formats.dialects import said_of
from curator.model import Example, TokenCount
from curator.private.rows import values_of_row
from curator.scan.mappers import Crew, choose
from curator.scan.span import Job
from curator.sources import cut, open_sources
from curator.text.encodings import json_of
from curator.text.excerpt import visible
from curator.text.hashed import distinct
from curator.tokens import Tokenizer
from curator.trained import RenderShown, counted, renders, shielded
from curator.trained import lines as shown_lines

if TYPE_CHECKING:
    from curator.config import Config

_ROLES = {code: role for role, code in ROLE_CODES.items()}
_LENGTHS = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)


class Distribution(msgspec.Struct, frozen=True):
    """Quantiles of a count over rows."""

    least: int = 0
    median: int = 0
    p90: int = 0
    p95: int = 0
    p99: int = 0
    most: int = 0
    mean: float = 0.0

    @classmethod
    def of(cls, values: np.ndarray) -> Distribution:
        if not len(values):
            return cls()
        marks = np.quantile(values, (0, 0.5, 0.9, 0.95, 0.99, 1), method="nearest").astype(int).tolist()
        least, median, p90, p95, p99, most = marks
        return cls(least, median, p90, p95, p99, most, round(float(values.mean()), 1))


class LengthChoice(msgspec.Struct, frozen=True):
    """What a maximum length keeps: the share of rows that fit whole, the share of tokens that stay."""

    max_length: int
    rows: float
    tokens: float


class Stats(msgspec.Struct, frozen=True):
    """Counts of a set.

    Tokens of rows are those of the rendered rows where a model or `template` is named, else those of the texts;
    tokens by role and of answers are always those of the texts. `trained` are the tokens that the loss is taken on,
    `shown` is the first row, cut into what is trained and what is masked. `suggested` is the shortest maximum length
    (a multiple of 64) that leaves 99 % of the rows whole and keeps 99 % of the tokens, `asked` the one that was named.
    """

    rows: int
    unreadable: int
    shapes: dict[str, int]
    splits: dict[str, int]
    tokens: TokenCount
    tokens_by_role: dict[str, int]
    row_tokens: Distribution
    answer_tokens: Distribution
    turns: Distribution
    with_system: int
    with_tools: int
    preferences: int
    lengths: tuple[LengthChoice, ...]
    length_histogram: tuple[tuple[int, int], ...]
    answer_histogram: tuple[tuple[int, int], ...]
    epochs: float
    cost: float | None = None
    template: str = ""
    suggested: LengthChoice | None = None
    trained: int = 0
    shown: tuple[RenderShown, ...] = ()
    asked: LengthChoice | None = None


class _Part(msgspec.Struct, frozen=True):
    """Counts of one span; the arrays hold an entry a readable row."""

    lines: int
    blank: int
    shapes: Counter[str]
    by_role: Counter[str]
    row_tokens: np.ndarray
    answer_tokens: np.ndarray
    turns: np.ndarray
    flags: np.ndarray  # rows with a system turn, with tools, with a preference pair
    trained: int
    given: int  # tokens that rows hold as ids
    shown: tuple[RenderShown, ...]


class _Count:
    """Counts one span; runs in the workers."""

    def __init__(self, config: Config) -> None:
        self.shape, self.tokenizer = config.shape, config.counter
        self.template, self.target = templates.spec_of(config.template, config.model), config.target

    def __call__(self, job: Job) -> _Part:
        data, span = job.read(), job.span
        reader = Reader(self.shape, job.columns)
        batch = Batch(data, reader, tokens.resolve(self.tokenizer), Literals.of(()), first=span.start == 0)
        by_role = Counter(
            {
                _ROLES.get(code, "other"): int(batch.turn_tokens[batch.roles == code].sum())
                for code in distinct(batch.roles)
            }
        )
        by_role["tools"] = int(batch.tool_tokens.sum())
        given = int(batch.given_tokens.sum())
        by_role += Counter({"token ids": given})  # no entry where there are none
        answering = np.where(batch.roles == ROLE_CODES["assistant"], batch.turn_tokens, 0)
        answers = np.bincount(batch.turn_lines, answering, len(batch.lines)).astype(np.int64)
        examples = [batch.example(i) for i in batch.readable]
        taught = {shape: targets.taught(self.target, shape) for shape in {example.shape for example in examples}}
        counts = [counted(each, self.template, batch.tokenizer, taught[each.shape]) for each in examples]
        return _Part(
            len(batch.lines),
            len(batch.blank),
            Counter(map(said_of, examples)),
            by_role,
            np.array([row.tokens for row in counts], np.int64) if self.template else batch.row_tokens[batch.readable],
            answers[batch.readable],
            np.array([len(example.all_turns()) for example in examples], dtype=np.int64),
            np.array(
                [
                    sum(any(turn.role == "system" for turn in e.turns) for e in examples),
                    sum(bool(e.tools) for e in examples),
                    sum(bool(e.chosen or e.rejected) for e in examples),
                ]
            ),
            sum(row.trained for row in counts),
            given,
            tuple(_shown(examples[0], self.template, batch.tokenizer, self.target)) if examples else (),
        )


def _shown(example: Example, spec: str, tokenizer: Tokenizer, target: str | None) -> Iterator[RenderShown]:
    """The renders of a row, private values masked."""
    known = values_of_row(example.value, (turn.text for turn in example.all_turns()))
    return (
        shielded(render, known) for render in renders(example, spec, tokenizer, targets.taught(target, example.shape))
    )


def stats(
    paths: Sequence[str | Path],
    config: Config,
    *,
    price: float | None = None,
    epochs: float = 1.0,
    workers: Crew = None,
) -> Stats:
    """Count a set. `price` is money a million tokens, as the user gives it: no price is built in.

    Raises:
        SourceError: a path is missing, or cannot be read as data.
    """
    if not all(math.isfinite(number) for number in (price or 0.0, epochs)):
        raise UsageError("price and epochs must be finite numbers", hint="for example --price 3 --epochs 2")
    tokenizer = tokens.resolve(config.counter)
    spec = templates.spec_of(config.template, config.model)
    name = templates.load(spec).name if spec else ""
    with open_sources(paths, config.excluded) as sources:
        mapped = [engine.columns_of(source, config.map, forced=config.map_forced) for source in sources]
        pairs = zip(sources, mapped, strict=True)
        jobs = [Job(source, span, columns=columns) for source, columns in pairs for span in cut(source)]
        size = sum(job.span.stop - job.span.start for job in jobs)
        mapper = choose(workers, size, len(jobs))
        parts = list(mapper.map(_Count(config), [job.sent() for job in jobs] if mapper.apart else jobs))
        splits: Counter[str] = Counter()
        for job, part in zip(jobs, parts, strict=True):
            splits[job.source.split] += len(part.row_tokens)
    rows = _joined([part.row_tokens for part in parts])
    answers = _joined([part.answer_tokens for part in parts])
    total = int(rows.sum())
    given = sum(part.given for part in parts)
    own = config.counter or not config.model
    counted_with = tokenizer.name if own else f"{tokenizer.name} in place of the model's"
    system, tools, preferences = sum((part.flags for part in parts), np.zeros(3, np.int64)).tolist()
    return Stats(
        rows=len(rows),
        unreadable=sum(part.lines - part.blank for part in parts) - len(rows),
        shapes=dict(sum((part.shapes for part in parts), Counter())),
        splits=dict(splits),
        tokens=TokenCount(counted_with, tokenizer.exact, total, tokenizer.error, given, config.foreign_template),
        tokens_by_role=dict(sum((part.by_role for part in parts), Counter())),
        row_tokens=Distribution.of(rows),
        answer_tokens=Distribution.of(answers),
        turns=Distribution.of(_joined([part.turns for part in parts])),
        with_system=system,
        with_tools=tools,
        preferences=preferences,
        lengths=tuple(_choices(rows)),
        length_histogram=engine.histogram([rows]),
        answer_histogram=engine.histogram([answers]),
        epochs=epochs,
        cost=None if price is None else round(total * epochs * price / 1e6, 4),
        template=name,
        suggested=suggested(rows),
        asked=_choice(rows, config.max_length) if config.max_length and rows.sum() else None,
        trained=sum(part.trained for part in parts),
        shown=next((part.shown for part in parts if part.shown), ()),
    )


def _joined(arrays: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.empty(0, np.int64)


_STEP = 64  # lengths are suggested in multiples of this
_KEPT = 0.99
_SHOWN = 60  # lines of the first row
_SIDE = 600  # characters of a line of it that are shown at either end


def _choice(rows: np.ndarray, length: int) -> LengthChoice:
    kept = float(np.minimum(rows, length).sum() / rows.sum())
    return LengthChoice(length, round(float((rows <= length).mean()), 4), round(kept, 4))


def suggested(rows: np.ndarray) -> LengthChoice | None:
    """The shortest maximum length that loses next to nothing; `rows` are tokens, int64, shape (rows,)."""
    if not len(rows) or not rows.sum():
        return None
    least = _whole(int(np.quantile(rows, _KEPT, method="inverted_cdf")))
    most = _whole(int(rows.max()))
    lengths = range(least, most + _STEP, _STEP)
    # Longer ones keep more: the first that keeps enough is found by halving.
    return _choice(rows, lengths[bisect_left(lengths, _KEPT, key=lambda length: _choice(rows, length).tokens)])


def _whole(length: int) -> int:
    """The length, rounded up to what is suggested."""
    return max(_STEP, -(-length // _STEP) * _STEP)


def _choices(rows: np.ndarray) -> list[LengthChoice]:
    """Maximum lengths from the first that is of use to the first that keeps everything."""
    choices: list[LengthChoice] = []
    if not len(rows) or not rows.sum():
        return choices
    for length in _LENGTHS:
        kept = _choice(rows, length)
        if kept.rows == 1:
            return [*choices, kept][-5:]
        choices.append(kept)
    return choices[-5:]


# ---------------------------------------------------------------------- showing


def as_json(result: Stats) -> bytes:
    """The counts as one JSON object; lone surrogates in the first row are spelt as escapes."""
    return msgspec.json.format(json_of(result), indent=2) + b"\n"


def as_text(result: Stats, *, colour: bool = False) -> str:
    """The counts as a page of text, with the first row cut into what is trained and what is masked."""
    lines = [
        _rows(result) + (f", {result.unreadable:,} more could not be read" if result.unreadable else ""),
        "shapes    " + _shares(result.shapes),
        "splits    " + _shares(result.splits),
        f"tokens    {str(result.tokens).replace(' tokens', '', 1)}"
        + (f", rendered with {result.template}" if result.template else ""),
        f"trained   {result.trained:,} ({_share(result.trained, result.tokens.total)}), the rest is masked",
        "by role   " + _shares({role: count for role, count in result.tokens_by_role.items() if count}),
        "",
        "              least  median     p90     p95     p99    most      mean",
        _line("row tokens", result.row_tokens),
        _line("answer tokens", result.answer_tokens),
        _line("turns", result.turns),
        "",
        f"system turn in {result.with_system:,} rows, tools in {result.with_tools:,}, "
        f"preference pairs in {result.preferences:,}",
    ]
    if result.unreadable and not result.rows:
        how = "name its columns: --map question=user,answer=assistant, or --map guess"
        lines = [lines[0], f"nothing to count: no row is of a known shape. {how}; curator lint says more"]
    if result.length_histogram:
        lines += ["", "tokens a row", *_bars(result.length_histogram)]
    if result.lengths:
        lines += ["", "max length   rows that fit   tokens kept"]
        lines += [f"{c.max_length:>10,}   {c.rows:>13.1%}   {c.tokens:>11.1%}" for c in result.lengths]
    for said, c in (("your", result.asked), ("suggested", result.suggested)):
        if c is not None:
            kept = f"{c.rows:.1%} of the rows fit, {c.tokens:.1%} of the tokens stay"
            lines.append(f"{said} max length {c.max_length:,}: {kept}")
    if result.suggested is not None and not result.template:
        lines.append("a chat template adds tokens to every row, which are not counted: name --model or --template")
    for render in result.shown:
        head, *rest = shown_lines(render, colour)
        lines += ["", f"the first row, {head}", *map(_clipped, rest[:_SHOWN])]
        if len(rest) > _SHOWN:
            lines.append(f"    … and {len(rest) - _SHOWN:,} lines more: curator explain FILE 1 shows them")
    if result.cost is not None:
        lines += ["", f"cost at your price, {result.epochs:g} epochs: {result.cost:,.2f}"]
    return "\n".join(lines) + "\n"


def as_html(result: Stats, name: str = "") -> str:
    """The counts as one self-contained page; `name` is what was counted. Its plots are those of the lint report."""
    from curator.report import charts, page

    plots = [
        _plot("Tokens a row", charts.histogram(result.length_histogram, title="Tokens a row"), result.row_tokens),
        _plot(
            "Tokens an answer",
            charts.histogram(result.answer_histogram, title="Tokens an answer", noun="row", tone="second"),
            result.answer_tokens,
        ),
    ]
    for title, counts, noun in (
        ("Tokens by role", result.tokens_by_role, "token"),
        ("Rows by split", result.splits if len(result.splits) > 1 else {}, "row"),
        ("Rows by shape", result.shapes if len(result.shapes) > 1 else {}, "row"),
    ):
        items = [charts.Bar(key, count) for key, count in _ordered(counts) if count]
        if items:
            plots.append(_plot(title, charts.bars(items, title=title, noun=noun)))
    sections = [
        f'<header class="top"><span class="brand">{page.MARK}curator</span></header><main id="top">',
        _tiles(result, name),
        f'<section class="plots" aria-label="Plots">{"".join(plots)}</section>',
        _tables(result),
        f"</main><footer><p>curator {page.text(__version__)} · {_counted(result)}</p></footer>\n",
    ]
    title = f"{name}: statistics" if name else "Statistics"
    return page.head(title, style=page.asset("html.css"), script="") + "\n".join(sections) + page.foot("")


def _rows(result: Stats) -> str:
    return f"{result.rows:,} {'row' if result.rows == 1 else 'rows'}"


def _counted(result: Stats) -> str:
    from curator.report.page import text

    if result.template:
        return f"tokens of rows are those that {text(result.template)} renders"
    return "token counts are of the texts, without what a chat template adds"


def _plot(title: str, chart: str, spread: Distribution | None = None) -> str:
    if not chart:
        return ""
    about = f"<p>Half hold at most {spread.median:,}, 95% at most {spread.p95:,}.</p>" if spread else ""
    return f'<figure class="panel"><figcaption><h2>{title}</h2>{about}</figcaption>{chart}</figure>'


def _tiles(result: Stats, name: str) -> str:
    from curator.report.page import text

    counted = result.tokens
    unread = f"{result.unreadable:,} more could not be read" if result.unreadable else "all read"
    share = f"{_share(result.trained, counted.total)} of all"
    tiles = [
        ("Rows", f"{result.rows:,}", unread),
        ("Tokens", f"{counted.total:,}", text(counted.how)),
        ("Trained tokens", f"{result.trained:,}", share),
        ("With a system turn", f"{result.with_system:,}", "rows"),
        ("With tools", f"{result.with_tools:,}", "rows"),
        ("Preference pairs", f"{result.preferences:,}", "rows"),
    ]
    if result.cost is not None:
        tiles.append(("Cost", f"{result.cost:,.2f}", f"at your price, {result.epochs:g} epochs"))
    cells = "".join(
        f'<div class="tile"><dt>{title}</dt><dd>{value}<small>{note}</small></dd></div>' for title, value, note in tiles
    )
    return (
        f'<section class="hero"><p class="eyebrow">{text(name)}</p>'
        f'<h1 class="verdict good">{_rows(result)}, {counted.total:,} tokens</h1>'
        f'<dl class="tiles">{cells}</dl></section>'
    )


def _tables(result: Stats) -> str:
    from curator.report.page import table

    spreads = (("row tokens", result.row_tokens), ("answer tokens", result.answer_tokens), ("turns", result.turns))
    rows = (
        (name, *(f"{n:,}" for n in (d.least, d.median, d.p90, d.p95, d.p99, d.most)), f"{d.mean:,.1f}")
        for name, d in spreads
    )
    heads = ("Of a row", "Least", "Median", "90%", "95%", "99%", "Most", "Mean")
    lengths = table("Lengths", heads, rows, numbers=frozenset(range(1, 8)))
    parts = [f'<section id="lengths"><h2>Lengths</h2>{lengths}</section>']
    if result.lengths:
        choices = ((f"{c.max_length:,}", f"{c.rows:.1%}", f"{c.tokens:.1%}") for c in result.lengths)
        columns = ("Maximum length", "Rows that fit", "Tokens kept")
        kept = table("What a maximum length keeps", columns, choices, numbers=frozenset((1, 2)))
        named = (("Yours", result.asked), ("Suggested", result.suggested))
        best = (f"{what}: {c.max_length:,}, which {c.rows:.1%} of the rows fit." for what, c in named if c)
        said = f"<p>{' '.join(best)}</p>"
        parts.append(f'<section id="kept"><h2>What a maximum length keeps</h2>{said}{kept}</section>')
    parts += [_first(render) for render in result.shown if not render.error]
    return "".join(parts)


def _first(render: RenderShown) -> str:
    """The first row with what is trained marked."""
    from curator.report.page import text

    said = "".join(f"<mark>{text(part.text)}</mark>" if part.trained else text(part.text) for part in render.parts)
    return f'<section><h2>What is trained in the first row</h2><pre class="row">{said}</pre></section>'


def _ordered(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _shares(counts: dict[str, int]) -> str:
    total = sum(counts.values()) or 1
    return ", ".join(f"{visible(name)} {n:,} ({n / total:.0%})" for name, n in _ordered(counts)) or "none"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "none"


def _line(name: str, d: Distribution) -> str:
    """Numbers under their heads, each behind a space however many digits it has."""
    values = (d.median, d.p90, d.p95, d.p99, d.most)
    return f"{name:<13} {d.least:>5,}" + "".join(f" {value:>7,}" for value in values) + f" {d.mean:>9,.1f}"


def _clipped(line: str) -> str:
    """A line of the first row, its middle left out where it is long: the end closes what is marked."""
    if len(line) <= 2 * _SIDE:
        return line
    return f"{line[:_SIDE]} … {len(line) - 2 * _SIDE:,} characters … {line[-_SIDE:]}"


def _bars(histogram: tuple[tuple[int, int], ...], width: int = 40) -> list[str]:
    most = max(count for _, count in histogram)
    lines = []
    for holds, run in groupby(histogram, key=lambda bar: bar[1] > 0):
        bars = list(run)
        if not holds and len(bars) > 1:  # a gap says in one line what empty bars say in thirty
            lines.append(f"{'…':>10} none")
            continue
        lines += [f"{'≤ ' + format(bound, ','):>10} {'█' * round(width * n / most) or '▏'} {n:,}" for bound, n in bars]
    return lines

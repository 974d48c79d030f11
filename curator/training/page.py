"""What `curator eval` and `curator compare` print, and the page of a comparison."""

from __future__ import annotations

from collections.abc import Iterator

from curator.report.charts import curves
from curator.report.page import MARK, asset, foot, head, table, text
from curator.report.tally import counted
from curator.text.excerpt import visible
from curator.training.evaluation import Comparison, Evaluation, Item, Summary, cuts
from curator.training.metrics import Difference

_NAMES = {
    "loss": "loss a token", "perplexity": "perplexity", "token_accuracy": "token accuracy", "exact": "exact match",
    "rouge_l": "ROUGE-L", "chrf": "chrF", "json_valid": "JSON valid", "stopped": "stops by itself",
    "length_ratio": "length / wanted",
}  # fmt: skip
_SHARES = {"token_accuracy", "exact", "rouge_l", "chrf", "json_valid", "stopped"}
_SHOWN = 4  # answers in the terminal
_WIDE = 100
_NOTHING = 1e-9
_TONE = {"better": "good", "worse": "error", "cannot tell": "warning"}
_EXTRA = """
.curve polyline { fill: none; stroke-width: 2; } .curve line { stroke-width: 2; }
.curve.plain polyline, .curve.plain line { stroke: var(--accent); } .curve.plain circle { fill: var(--accent); }
.curve.second polyline, .curve.second line { stroke: var(--warning); } .curve.second circle { fill: var(--warning); }
.answer { white-space: pre-wrap; overflow-wrap: anywhere; } .chart.curves { width: 100%; height: auto; }
td.same { color: var(--soft); }
"""


def _value(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.1%}" if name in _SHARES else f"{value:,.3f}"


def _rows(found: Summary) -> str:
    """The rows, and where not all were answered what the scores of answers rest on."""
    rows = counted(found.rows, "row")
    if not 0 < found.generated < found.rows:
        return rows
    return f"{rows} (from {_NAMES['exact']} on of {counted(found.generated, 'answer')} alone)"


def _clipped(words: str, wide: int = _WIDE) -> str:
    said = visible(" ".join(words.split()))
    return said if len(said) <= wide else said[: wide - 1] + "…"


def evaluation_text(found: Evaluation) -> str:
    """A table a split, and one of tags where rows say what they are."""
    lines = []
    for split, whole in found.splits.items():
        lines.append(f"{found.model} on {split}: {_rows(whole)}, {whole.tokens:,} trained tokens")
        for name, said in _NAMES.items():
            value = getattr(whole, name)
            if value is not None:
                lines.append(f"  {said:<16} {_value(name, value):>10}")
        for tag, part in found.tags.get(split, {}).items():
            lines.append(f"  {_clipped(tag, 24):<24} {part.rows:>5,} rows  perplexity {part.perplexity:,.2f}")
        lines += [f"  note: {note}" for note in cuts(whole)]
    return "\n".join(lines) + "\n"


def comparison_text(found: Comparison) -> str:
    """The verdict, the scores, answers side by side, what was forgotten."""
    lines = [
        f"{found.base} → {found.tuned} on {found.split}: {_rows(found.before)}",
        "",
        f"{'':<16} {'before':>10} {'after':>10}   95 % of the difference      to see  verdict",
    ]
    told = {part.name: part for part in found.differences}
    for name, said in _NAMES.items():
        first, last = getattr(found.before, name), getattr(found.after, name)
        if first is None and last is None:
            continue
        line = f"{said:<16} {_value(name, first):>10} {_value(name, last):>10}"
        lines.append(f"{line}{_told(told[name])}" if name in told else line)
    for tag, (first, last) in found.tags.items():
        change = f"perplexity {first.perplexity:,.2f} → {last.perplexity:,.2f}"
        lines.append(f"  {_clipped(tag, 24):<24} {first.rows:,} rows, {change}")
    lines += ["", *_answers(found), *_probes(found), *(f"note: {note}" for note in found.notes)]
    lines += ["", verdict_line(found)]
    return "\n".join(lines) + "\n"


def _told(part: Difference) -> str:
    edges, seen = _bounds(part)
    return f"   {edges:<24} {seen:>9}  {part.verdict}"


def _bounds(part: Difference) -> tuple[str, str]:
    """The interval and the smallest difference to see; of items that all differ alike neither is known."""
    if part.verdict == "the same":
        return f"equal on all {part.items:,}", "–"
    if part.verdict == "cannot tell" and part.visible < _NOTHING:
        return "–", "–"
    return f"{part.low:+.3f} to {part.high:+.3f}", f"{part.visible:.3f}"


def verdict_line(found: Comparison) -> str:
    """The end of it, in one line."""
    if found.inert:
        return "inert: the adapter changes nothing"
    known = sum(probe.right_before for probe in found.probes)
    kept = "nothing it knew off its domain is forgotten"
    if not known:
        kept = f"it knew none of {len(found.probes)} questions off its domain before, so none can be forgotten"
    lost = f"{found.forgotten} of {known} questions that it knew off its domain are forgotten"
    return f"{found.verdict}; {lost if found.forgotten else kept} (drift {found.drift:+.2f} a token)"


def _answers(found: Comparison) -> Iterator[str]:
    shown = [(a, b) for a, b in found.items if a.scores and b.scores]
    for first, last in shown[:_SHOWN]:
        yield f"{first.file}:{first.line}  {_clipped(_asked(first), 70)}"
        yield f"  wanted  {_clipped(first.wanted)}"
        yield f"  before  {_clipped(first.text)}"
        yield f"  after   {_clipped(last.text)}{'  =' if last.scores and last.scores.exact else ''}"
    if len(shown) > _SHOWN:
        yield f"  and {len(shown) - _SHOWN} more answers: --format html"
    for name, rows in (("now right", found.won), ("right before, and now wrong", found.lost)):
        if rows:
            yield f"{name}: {', '.join(rows[:8])}{f' and {len(rows) - 8} more' if len(rows) > 8 else ''}"


def _asked(item: Item) -> str:
    """The end of the prompt, without the words that open an answer."""
    lines = [line for line in item.prompt.strip().split("\n") if line.strip()]
    if lines and lines[-1].strip().lower() in ("assistant", "model"):
        lines.pop()
    return lines[-1] if lines else ""


def _probes(found: Comparison) -> Iterator[str]:
    lost = [probe for probe in found.probes if probe.right_before and not probe.right_after]
    right = [sum(getattr(probe, f"right_{when}") for probe in found.probes) for when in ("before", "after")]
    yield f"off its domain: {right[0]} of {len(found.probes)} questions right before, {right[1]} after"
    for probe in lost[:_SHOWN]:
        yield f"  {probe.question}  before: {_clipped(probe.before, 40)}  after: {_clipped(probe.after, 40)}"


# ---------------------------------------------------------------------- the page


def comparison_html(found: Comparison) -> str:
    """One self-contained page: verdict, scores, loss curves, every answer, the probes."""
    style, script = asset("html.css") + _EXTRA, asset("html.js")
    title = f"{found.base} → {found.tuned}"
    tone = "warning" if found.inert else _TONE[found.verdict]
    parts = [
        head(f"{title}: comparison", style=style, script=script),
        f'<a class="skip" href="#top">Skip to the report</a><header class="top"><a class="brand" href="#top">{MARK}'
        'curator</a><button type="button" id="theme" class="quiet" hidden>Dark</button></header><main id="top">',
        f'<section class="hero"><p class="eyebrow">{text(title)}, {text(found.split)}, '
        f'{_rows(found.before)}</p><h1 class="verdict {tone}">{text(verdict_line(found))}</h1></section>',
        _curves(found),
        f"<section><h2>Scores</h2>{_scores(found)}</section>",
        f"<section><h2>Answers</h2>{_answer_table(found)}</section>",
        f"<section><h2>Off its domain</h2>{_probe_table(found)}</section>",
        "".join(f"<p>{text(note)}</p>" for note in found.notes),
        "</main>",
        foot(script),
    ]
    return "\n".join(part for part in parts if part)


def _curves(found: Comparison) -> str:
    train = [(float(p.step), p.loss) for p in found.history if p.loss is not None]
    valid = [(float(p.step), p.eval_loss) for p in found.history if p.eval_loss is not None]
    chart = curves([("train", "plain", train), ("valid", "second", valid)], title="Loss", unit="steps")
    if not chart:
        return ""
    figure = f'<figure class="panel"><figcaption><h2>Loss</h2></figcaption>{chart}</figure>'
    return f'<section class="plots" aria-label="Plots">{figure}</section>'


def _scores(found: Comparison) -> str:
    told = {part.name: part for part in found.differences}
    rows = []
    for name, said in _NAMES.items():
        first, last = getattr(found.before, name), getattr(found.after, name)
        if first is None and last is None:
            continue
        part = told.get(name)
        edges, seen = _bounds(part) if part else ("", "")
        rows.append([said, _value(name, first), _value(name, last), edges, seen, part.verdict if part else ""])
    for tag, (a, b) in found.tags.items():
        rows.append(
            [
                f"perplexity, {text(tag)}",
                _value("perplexity", a.perplexity),
                _value("perplexity", b.perplexity),
                "",
                "",
                "",
            ]
        )
    heads = ("score", "before", "after", "95 % of the difference", "smallest to see", "verdict")
    return table("Scores", heads, rows, numbers=frozenset({1, 2, 3, 4}))


def _answer_table(found: Comparison) -> str:
    rows = []
    for first, last in found.items:
        if first.scores and last.scores:
            said = (_asked(first), first.wanted, first.text, last.text)
            cells = [f'<div class="answer">{text(words)}</div>' for words in said]
            place = f"<code>{text(f'{first.file}:{first.line}')}</code>"
            rows.append([place, *cells, "right" if last.scores.exact else ""])
    return table("Answers", ("row", "asked", "wanted", "before", "after", ""), rows, numbers=frozenset())


def _probe_table(found: Comparison) -> str:
    rows = [
        [text(p.question), f'<div class="answer">{text(p.before)}</div>', f'<div class="answer">{text(p.after)}</div>',
         "forgotten" if p.right_before and not p.right_after else ""]
        for p in found.probes
    ]  # fmt: skip
    return table("Probes", ("question", "before", "after", ""), rows, numbers=frozenset())

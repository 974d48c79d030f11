"""One page to read, filter and pass on: plots, all findings, rules, files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from string import Template
from typing import Any

from curator import __version__, rule
from curator.decisions import expired
from curator.model import Excerpt, Finding, NotRun, Report, RuleStat, Severity
from curator.report import View, Write
from curator.report.charts import Bar, Bins, bars, histogram, quantile
from curator.report.data import batches, encode, encode_lines
from curator.report.page import MARK, asset, embedded, foot, head, table, text
from curator.report.places import stretches
from curator.report.tally import (
    Tally,
    about_target,
    by_count,
    code_ranges,
    counted,
    duration,
    found,
    nothing,
    outcomes,
    run_in_part,
    share_of_rows,
    spotless,
    steps,
    unread,
    verdict,
)
from curator.report.text import lesson_lines, points_within
from curator.text.excerpt import visible

_FIXES = {"safe": 1, "unsafe": 2}


def write_html(report: Report, write: Write, view: View) -> None:
    tally = Tally()
    for finding in report.findings:
        tally.add(finding)
    style, script = asset("html.css"), asset("html.js")
    sections = [
        _top(report),
        '<main id="top">',
        _hero(report, tally, view),
        _plots(report),
        _findings(report),
        _rules(report, tally),
        _files(report),
        _rest(report),
        "</main>",
        _bottom(report),
    ]
    write((head(f"{_subject(report)}: lint report", style=style, script=script) + "\n".join(sections)).encode())
    _data(report, write)
    write(foot(script).encode())


def _subject(report: Report) -> str:
    names = [PurePath(stat.path).name or stat.path for stat in report.files]
    if len(names) <= 2:
        return " and ".join(names) or "nothing"
    return f"{names[0]} and {len(names) - 1} more files"


def _top(report: Report) -> str:
    links = [("#findings", "Findings")] if found(report) else []
    links += [("#rules", "Rules"), ("#files", "Files")]
    nav = "".join(f'<a href="{place}">{name}</a>' for place, name in links)
    return (
        f'<a class="skip" href="#top">Skip to the report</a><header class="top"><a class="brand" href="#top">{MARK}'
        f'curator</a><nav aria-label="Sections">{nav}</nav>'
        '<button type="button" id="theme" class="quiet" hidden>Dark</button></header>'
    )


def _hero(report: Report, tally: Tally, view: View) -> str:
    worst = next((level for level, _, count in _severities(report) if count), "good" if spotless(report) else "warning")
    worst = worst if all(limit.ok for limit in report.limits) else "error"
    said = verdict(report)
    tokens = report.tokens
    missing = unread(report) if report.broken else "all read"
    mended = f"{tally.safe:,} safely, {tally.unsafe:,} to agree"
    tiles = [
        ("", "Rows", f"{report.rows:,}", missing),
        ("", "Tokens", f"{tokens.total:,}", text(tokens.how)),
        *_severity_tiles(report),
        ("", "Can be mended", f"{tally.safe + tally.unsafe:,}", mended),
    ]
    cells = "".join(
        f'<div class="tile {tone}"><dt>{name}</dt><dd>{value}<small>{note}</small></dd></div>'
        for tone, name, value, note in tiles
    )
    return (
        f'<section class="hero"><p class="eyebrow">{text(_subject(report))}</p>'
        f'<h1 class="verdict {worst}">{text(said[:1].upper() + said[1:])}</h1>'
        f'<dl class="tiles">{cells}</dl>{_next(report, tally, view)}</section>'
    )


def _severity_tiles(report: Report) -> list[tuple[str, str, str, str]]:
    """(class, name, count, what it means) of each severity."""
    notes = {"error": "would break a run or be learnt", "warning": "would weaken it", "info": "to weigh"}
    return [(level if count else "", name, f"{count:,}", notes[level]) for level, name, count in _severities(report)]


def _severities(report: Report) -> list[tuple[Severity, str, int]]:
    names: dict[Severity, str] = {"error": "Errors", "warning": "Warnings", "info": "Notes"}
    return [(level, name, report.count(level)) for level, name in names.items()]


def _next(report: Report, tally: Tally, view: View) -> str:
    todo = steps(report, tally, view.command, view.options)
    if not todo:
        return ""
    items = "".join(
        f"<li><span>{text(step.what)}</span><code>{text(step.command)}</code>"
        f'<button type="button" class="copy" data-copy="{text(step.command)}" hidden>Copy</button></li>'
        for step in todo
    )
    return f'<h2 class="unseen">Next commands</h2><ul class="next">{items}</ul>'


def _plots(report: Report) -> str:
    out = []
    if ranked := by_count(report):
        items = [Bar(stat.name, stat.findings, stat.code, stat.severity, stat.code) for stat in ranked]
        chart = bars(items, title="Findings by rule")
        about = "<h2>Findings by rule</h2><p>Pick a bar to see its findings.</p>"
        inside = f'<figcaption>{about}</figcaption><div class="scroll-y">{chart}</div>{_meanings(ranked)}'
        out.append(f'<figure class="panel tall">{inside}</figure>')
    plots = [
        _plot("Tokens a row", report.length_histogram, "row", "plain"),
        _plot("Tokens an answer", report.answer_histogram, "answer", "second"),
    ]
    out.append("".join(plots))
    body = "".join(out)
    return f'<section class="plots" aria-label="Plots">{body}</section>' if body else ""


_FEW = 6  # rules beside which there is room for what each of them means


def _meanings(ranked: Sequence[RuleStat]) -> str:
    """What the rules that found something are about, where they are few."""
    rules = rule.all_rules()
    known = [(stat.code, rules[stat.code].summary()) for stat in ranked if stat.code in rules]
    if len(ranked) > _FEW or not known:
        return ""
    items = "".join(f"<dt>{text(code)}</dt><dd>{text(summary)}</dd>" for code, summary in known)
    return f'<dl class="meanings">{items}</dl>'


def _plot(title: str, bins: Bins, noun: str, tone: str) -> str:
    chart = histogram(bins, title=title, noun=noun, tone=tone)
    if not chart:
        return ""
    middle, most = quantile(bins, 0.5), quantile(bins, 0.95)
    about = f"Half hold at most {middle:,}, 95% at most {most:,}."
    return f'<figure class="panel"><figcaption><h2>{title}</h2><p>{about}</p></figcaption>{chart}</figure>'


def _findings(report: Report) -> str:
    """The empty list; the script fills it from the data block."""
    if not found(report):
        return ""
    options = "".join(
        f'<option value="{text(stat.code)}">{text(stat.code)} {text(stat.name)} ({stat.findings:,})</option>'
        for stat in sorted(by_count(report), key=lambda stat: stat.code)
    )
    levels = "".join(
        f'<button type="button" class="level {level}" data-level="{level}" aria-pressed="true">'
        f"<span>{name}</span> {count:,}</button>"
        for level, name, count in _severities(report)
        if count
    )
    files = "".join(f'<option value="{number}">{text(stat.path)}</option>' for number, stat in enumerate(report.files))
    one_file = " hidden" if len(report.files) < 2 else ""
    return Template(asset("findings.html")).substitute(levels=levels, rules=options, files=files, one_file=one_file)


def _rules(report: Report, tally: Tally) -> str:
    heads = ("Rule", "Name", "Findings", "Rows", "Fixable", "Examined", "Skipped", "ms")
    numbers = frozenset(range(2, 8))
    ranked = by_count(report)
    silent = [stat for stat in report.rules if not stat.findings]
    parts = ['<section id="rules"><h2>Rules</h2>']
    if ranked:
        rows = (_rule_cells(stat, tally, report) for stat in ranked)
        parts.append(table("Rules that found something", heads, rows, numbers=numbers))
    if silent:
        rows = (_rule_cells(stat, tally, report) for stat in silent)
        parts.append(
            f"<details><summary>{counted(len(silent), 'rule')} found {nothing(report)}</summary>"
            f"{table('Rules that found ' + nothing(report), heads, rows, numbers=numbers)}</details>"
        )
    parted = [item for item in report.not_run if run_in_part(report, item)]
    barred = [item for item in report.not_run if not item.options and item not in parted]
    waiting = [item for item in report.not_run if item.options]
    if barred:
        parts.append(f"<h3>Not run</h3>{_not_run(barred)}")
    if parted:
        parts.append(f"<h3>Run in part</h3>{_not_run(parted)}")
    if waiting:
        many = counted(sum(len(item.codes) for item in waiting), "rule")
        parts.append(f"<details><summary>{many} not run without an option</summary>{_not_run(waiting)}</details>")
    if report.left_out:
        items = "".join(f"<li><b>{text(item.path)}</b> {text(item.reason)}</li>" for item in report.left_out)
        parts.append(f'<h3>Not read</h3><ul class="plain-list">{items}</ul>')
    return "".join([*parts, "</section>"])


def _not_run(items: Iterable[NotRun]) -> str:
    """What did not run, why, and how to unlock it, as a list."""
    lines = (
        f"<li><b>{text(code_ranges(item.codes))}</b> {text(item.reason)}: {text(item.unlock)}</li>" for item in items
    )
    return f'<ul class="plain-list">{"".join(lines)}</ul>'


def _rule_cells(stat: RuleStat, tally: Tally, report: Report) -> Iterator[str]:
    known = rule.RULES.get(stat.code) or rule.all_rules().get(stat.code)  # of a recalled report none is loaded
    about = f"<small>{text(known.summary())}</small>" if known else ""
    share = share_of_rows(stat, tally, report)
    yield f'<code class="{stat.severity}">{text(stat.code)}</code>'
    yield f"{text(stat.name)}{about}"
    yield f"{stat.findings:,}"
    yield f"{share:.1%}" if share >= 0.0005 or not share else "&lt;0.1%"
    yield f"{stat.fixable:,}"
    yield f"{stat.examined:,}"
    yield f"{stat.skipped:,}"
    yield f"{stat.seconds * 1000:,.0f}"


def _files(report: Report) -> str:
    heads = ("File", "Split", "Container", "Shape", "Rows", "Unreadable", "Lines", "Size")
    rows = (
        (
            f"<code>{text(stat.path)}</code>",
            text(stat.split),
            text(stat.container),
            _shapes(stat.shape, stat.shapes, stat.confidence),
            f"{stat.rows:,}",
            f"{stat.broken:,}",
            f"{stat.lines:,}" if stat.container == "jsonl" else "–",
            size(stat.bytes),
        )
        for stat in report.files
    )
    return f'<section id="files"><h2>Files</h2>{table("Files", heads, rows, numbers=frozenset(range(4, 8)))}</section>'


def _shapes(shape: str, shapes: dict[str, int], confidence: float) -> str:
    sure = f" <small>{confidence:.0%} sure</small>" if confidence < 1 else ""
    others = ", ".join(f"{text(name)} {count:,}" for name, count in shapes.items() if name != shape and count)
    return f"{text(shape)}{sure}" + (f"<small>also {others}</small>" if others else "")


def size(number: int) -> str:
    """ "512 bytes", "1.4 MB"."""
    for unit, name in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number} bytes"


def _rest(report: Report) -> str:
    """The target, limits and decisions."""
    parts = [_target(report)] if report.target else []
    if report.lessons:
        said = "\n".join(lesson_lines(report.lessons))
        parts.append(f"<h2>What training made of the rows</h2><pre>{text(said)}</pre>")
    if report.limits:
        rows = (
            (
                f"<code>{text(limit.code)}</code>",
                text(limit.allowed),
                f"{limit.flagged:,}",
                f"{limit.judged:,}",
                '<span class="good">held</span>' if limit.ok else '<span class="error">broken</span>',
            )
            for limit in report.limits
        )
        heads = ("Rule", "Allowed", "Flagged", "Judged", "Limit")
        parts.append(f"<h2>Limits</h2>{table('Limits', heads, rows, numbers=frozenset((2, 3)))}")
    if report.suppressed or report.known or report.unused:
        unused = "".join(
            f"<li>{'Expired' if expired(item) else 'Unused'}: <b>{text(item.code or 'any rule')}</b> on row"
            f" <code>{text(item.row[:12])}</code>"
            f" {text(', '.join(part for part in (item.who, item.when, item.why) if part))}</li>"
            for item in report.unused
        )
        known = f"<li>{counted(report.known, 'finding')} known to the baseline</li>" if report.known else ""
        items = f"<li>{counted(report.suppressed, 'finding')} suppressed by decisions</li>{known}{unused}"
        parts.append(f'<h2>Decisions</h2><ul class="plain-list">{items}</ul>')
    return f'<section id="rest">{"".join(parts)}</section>' if parts else ""


def _target(report: Report) -> str:
    """What the data is for, how old its facts are, and what it does with the rows by which of its rules."""
    target = report.target
    if target is None:
        return ""
    rules = "".join(
        f"<li>{counted(rows, 'row')} {text(outcome.what)}: {text(by)}</li>"
        for outcome in outcomes(report)
        for by, rows in outcome.by
    )
    source = f"<li>Facts from <code>{text(target.source)}</code></li>"
    note = f"<li>{text(target.note)}</li>" if target.note else ""
    told = text(about_target(report))
    return f'<h2>Target</h2><p>{told}</p><ul class="plain-list">{rules}{note}{source}</ul>'


def _bottom(report: Report) -> str:
    return (
        f"<footer><p>curator {text(__version__)} · {text(duration(report))} · "
        f"plan <code>{text(report.plan[:16])}</code></p></footer>\n"
    )


def _data(report: Report, write: Write) -> None:
    """The findings, for the script: rows of [rule, file, line, path, message, fix, excerpt, related, more]."""
    rules = {stat.code: number for number, stat in enumerate(report.rules)}
    names = [[stat.code, stat.name, stat.severity] for stat in report.rules]
    files = {path: number for number, path in enumerate(dict.fromkeys(stat.path for stat in report.files))}
    write(b'<script type="application/json" id="data">{"rows":[')
    lead = b"\n"
    for part in batches(report.findings):
        rows = []
        for finding in part:
            if finding.code not in rules:
                rules[finding.code] = len(names)
                names.append([finding.code, finding.name, finding.severity])
            for file in (finding.file, *(place.file for place in finding.related)):
                files.setdefault(file, len(files))
            rows.append(_row(finding, rules, files))
        write(lead + embedded(encode_lines(rows)[:-1].replace(b"\n", b",\n")))
        lead = b",\n"
    tail = {"rules": names, "files": [visible(file) for file in files]}
    write(b"\n]," + embedded(encode(tail))[1:] + b"</script>\n")


def _row(finding: Finding, rules: dict[str, int], files: dict[str, int]) -> list[Any]:
    fix = finding.fix
    excerpt = finding.excerpt
    points = points_within(finding)
    row: list[Any] = [
        rules[finding.code],
        files[finding.file],
        finding.line,
        visible(finding.path) if finding.byte is None else f"{visible(finding.path)} byte {finding.byte}".strip(),
        visible(finding.message),
        _FIXES[fix.safety] if fix else 0,
        _parts(excerpt, points) if excerpt else 0,
        [[files[file], first, last] for file, first, last in stretches(finding.related)],
        visible(fix.title) if fix else "",
    ]
    if finding.evidence:
        row.append(
            [[visible(name.replace("_", " ")), visible(_told(value))] for name, value in finding.evidence.items()]
        )
    return row


def _told(value: Any) -> str:
    """Evidence as it is read: a text as it stands, lists by their items, anything else as JSON."""
    if isinstance(value, list) and value and all(isinstance(item, list | tuple) for item in value):
        return "; ".join(" / ".join(map(_told, item)) for item in value)
    if isinstance(value, list) and all(isinstance(item, str | int | float) for item in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else encode(value).decode()


def _parts(excerpt: Excerpt, points: bool) -> list[str]:
    """The excerpt, cut at what it points at: the script counts characters in another way than Python."""
    shown = visible(excerpt.text)
    if not points or shown != excerpt.text:
        return [shown]
    return [shown[: excerpt.start], shown[excerpt.start : excerpt.end], shown[excerpt.end :]]


WRITERS = {"html": write_html}

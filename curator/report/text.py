"""For people at a terminal: a block a finding, then the counts, the verdict and the next commands."""

from __future__ import annotations

import textwrap
import unicodedata
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import accumulate

from curator.decisions import expired
from curator.model import Excerpt, Finding, Lessons, Report, RuleStat
from curator.report import View, Write
from curator.report.data import encode
from curator.report.places import first_few, others
from curator.report.tally import (
    Tally,
    about_target,
    by_count,
    code_ranges,
    counted,
    facts,
    families,
    found,
    line_ranges,
    nothing,
    outcomes,
    run_in_part,
    share_of_rows,
    spotless,
    steps,
    verdict,
)
from curator.rowfacts import NEVER, SAID
from curator.text.excerpt import visible
from curator.text.patterns import compiled_later

_STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "good": "1;32",
    "strong": "1",
    "dim": "2",
}
_SLACK = 14  # cells a snippet may be shorter, to be cut between words
_GUTTER = "  | "
# where characters of no cell or of two are found; a text without them takes a cell a character
_UNEVEN = compiled_later(
    "[\u0300-\u1fff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u231a\u231b\u2329\u232a\u23e9-\u23f3"
    "\u25fd-\u2bff\u2e80-\U0010ffff]"
)
_OTHERS = 8  # other rows that stand beside the place of a finding; more have lines of their own
_LISTED = 24  # lines of a finding, or of a rule, that are listed; --show 0 lists all
_NAMED = 5  # rows of a kind that are named
_BUFFER = 1 << 16  # characters gathered before a write


class Pen:
    """Gathers text and writes it as UTF-8; `paint` colours where colour is wanted."""

    def __init__(self, write: Write, color: bool) -> None:
        self._write, self._color = write, color
        self._parts: list[str] = []
        self._size = 0

    def line(self, text: str = "") -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size > _BUFFER:
            self.flush()

    def flush(self) -> None:
        if self._parts:
            self._write(("\n".join(self._parts) + "\n").encode("utf-8", "backslashreplace"))
        self._parts, self._size = [], 0

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._color and text else text


def write_text(report: Report, write: Write, view: View) -> None:
    pen = Pen(write, view.color)
    tally = Tally()
    if not found(report):
        _clean(report, pen, view)
    else:
        if view.statistics:
            for finding in report.findings:
                tally.add(finding)
            _statistics(report, tally, pen, view)
        else:
            _findings(report, tally, pen, view)
        _summary(report, tally, pen, view)
    pen.flush()


def write_concise(report: Report, write: Write, view: View) -> None:
    if view.statistics:
        return write_text(report, write, view)
    pen = Pen(write, view.color)
    shown = _Shown()
    for finding in report.findings:
        code = pen.paint(finding.code, finding.severity)
        also = f" ~ {', '.join(first_few(list(others(finding)), _OTHERS))}" if finding.related else ""
        at = f" {visible(finding.path)}:" if finding.path else ""
        pen.line(f"{shown[finding.file]}:{finding.line}: {code}{at} {visible(finding.message)}{also}")
    pen.line(verdict(report))
    return pen.flush()


class _Shown(dict[str, str]):
    """Names as they are printed, worked out once."""

    def __missing__(self, name: str) -> str:
        self[name] = shown = visible(name)
        return shown


def _clean(report: Report, pen: Pen, view: View) -> None:
    pen.line(pen.paint(verdict(report), "good" if spotless(report) else "warning"))
    pen.line(facts(report))
    _target(report, pen, view.width)
    _lessons(report, pen)
    _unseen(report, pen, view)
    _footnotes(report, pen)


def _findings(report: Report, tally: Tally, pen: Pen, view: View) -> None:
    """The findings in the order of the files, then the rows of those that are too many to show."""
    full: dict[str, int] = defaultdict(int)
    more: dict[str, dict[str, array[int]]] = defaultdict(lambda: defaultdict(lambda: array("q")))
    names = {}
    for finding in report.findings:
        tally.add(finding)
        code = finding.code
        if view.show is None or full[code] < view.show:
            full[code] += 1
            for line in _block(finding, pen, view):
                pen.line(line)
        else:
            more[code][finding.file].append(finding.line)
            names[code] = finding
    if more and any(full.values()):
        pen.line()
    for code in sorted(more):
        _rest(names[code], more[code], pen, view, apart=len(report.files) > 1)


def _rest(finding: Finding, lines: dict[str, array[int]], pen: Pen, view: View, *, apart: bool) -> None:
    """The rows of one rule that were not shown, as ranges of lines; `apart`: by file, of a set of several."""
    count = sum(len(part) for part in lines.values())
    head = f"{pen.paint(finding.code, finding.severity)} {finding.name}: {count:,} more"
    if apart:
        pen.line(head)
    for file, numbers in lines.items():
        what = f"{visible(file)}: " if apart else ""
        taken = 4 + len(what) if what else cells(f"{finding.code} {finding.name}: {count:,} more, ")
        ranges = line_ranges(numbers)
        word = "line" if len(ranges) == 1 and ranges[0].isdecimal() else "lines"
        listed = _first([f"{word} {ranges[0]}", *ranges[1:]], view)
        wrapped = list(wrap(listed, taken, view.width))
        pen.line(f"    {what}{wrapped[0]}" if what else f"{head}, {wrapped[0]}")
        for line in wrapped[1:]:
            pen.line(f"    {line}")


def _first(lines: list[str], view: View) -> list[str]:
    """The lines to list: the first ones of many, unless all findings are to be shown."""
    return lines if view.show is None else first_few(lines, _LISTED)


def wrap(words: Iterable[str], taken: int, width: int) -> Iterator[str]:
    """Words joined by commas on lines of `width`; `taken` cells of the first line and 4 of the others are used."""
    line: list[str] = []
    room = width - taken
    for word in words:
        if line and room < len(word) + 1:
            yield ", ".join(line) + ","
            line, room = [], width - 4
        line.append(word)
        room -= len(word) + 2
    yield ", ".join(line)


def _block(finding: Finding, pen: Pen, view: View) -> Iterator[str]:
    """The lines of one finding: where and what, the text with a caret, the message, the mend."""
    place = pen.paint(f"{visible(finding.file)}:{finding.line}", "strong")
    path = f" {visible(finding.path)}" if finding.path else ""
    byte = f" byte {finding.byte}" if finding.byte is not None else ""
    also = list(others(finding))
    twins = f" ~ {', '.join(also)}" if 0 < len(also) <= _OTHERS else ""
    code = pen.paint(finding.code, finding.severity)
    yield f"{place}{path}{byte}{twins}  {code} {finding.name} ({finding.severity})"
    message = visible(finding.message)
    if finding.excerpt is not None:
        points = points_within(finding)
        text, column, size = fit(finding.excerpt, view.width - len(_GUTTER), points)
        yield pen.paint(_GUTTER, "dim") + text
        if points:
            caret = " " * column + pen.paint("^" * size, finding.severity)
            if len(_GUTTER) + column + size + 1 + cells(message) <= view.width:
                caret, message = f"{caret} {message}", ""
            yield pen.paint(_GUTTER, "dim") + caret
    if message:
        yield from _folded(f"    {message}", view.width)
    if len(also) > _OTHERS:
        lead = f"{len(finding.related):,} more, lines "
        first, *rest = wrap(_first(also, view), 4 + len(lead), view.width)
        yield from (f"    {line}" for line in (lead + first, *rest))
    if finding.fix is not None:
        yield pen.paint(f"    {finding.fix.safety} fix: {visible(finding.fix.title)}", "dim")
    if view.verbose and finding.evidence:
        evidence = encode(finding.evidence).decode()
        yield pen.paint(f"    evidence: {visible(evidence)}", "dim")


def points_within(finding: Finding) -> bool:
    """Whether the excerpt marks a part of what it shows."""
    shown = finding.excerpt
    marked = shown is not None and shown.end > shown.start
    return finding.span is not None or finding.byte is not None or marked


def _folded(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters, indented like the rest of a block; long words stay whole."""
    if len(text) <= width:
        return [text]
    return textwrap.wrap(text, width, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def fit(excerpt: Excerpt, room: int, points: bool) -> tuple[str, int, int]:
    """(text, column, size): the excerpt cut to `room` cells around what it points at, and where that lies.

    Columns and sizes count terminal cells, of which a wide character takes two.
    """
    text = visible(excerpt.text)
    if text != excerpt.text:  # made elsewhere, not by curator.text.excerpt
        return _cut(text, room)[0], 0, 1
    if not points:
        return _cut(text, room)[0], 0, 0
    before, fault, after = text[: excerpt.start], text[excerpt.start : excerpt.end], text[excerpt.end :]
    if cells(text) <= room:
        return text, cells(before), cells(fault) or 1
    fault, size = _cut(fault, max(room // 2, 1))
    left = max(room - size - min(cells(after), (room - size) // 2), 0)
    before, column = _cut_front(before, left)
    after, _ = _cut(after, room - column - size)
    return before + fault + after, column, max(size, 1)


def _cut(text: str, room: int) -> tuple[str, int]:
    """(text, cells): its beginning, in at most `room` cells."""
    width = cells(text)
    if width <= room:
        return text, width
    kept = text[: _fitting(text, room - 1)]
    space = kept.rfind(" ", len(kept) - _SLACK)
    kept = kept[:space] if space > 0 else kept
    return kept + "…", cells(kept) + 1


def _cut_front(text: str, room: int) -> tuple[str, int]:
    """(text, cells): its end, in at most `room` cells."""
    width = cells(text)
    if width <= room:
        return text, width
    kept = text[len(text) - _fitting(text[::-1], room - 1) :]
    space = kept.find(" ", 0, _SLACK)
    kept = kept[space + 1 :] if 0 <= space < len(kept) - 1 else kept
    return "…" + kept, cells(kept) + 1


def _fitting(text: str, room: int) -> int:
    """How many characters fit in `room` cells."""
    if _even(text):
        return max(min(room, len(text)), 0)
    return sum(1 for taken in accumulate(map(_cell, text)) if taken <= room)


def cells(text: str) -> int:
    """How many cells of a terminal a text takes."""
    return len(text) if _even(text) else sum(map(_cell, text))


def _even(text: str) -> bool:
    """Whether each character takes one cell."""
    return text.isascii() or not _UNEVEN.search(text)


@lru_cache(maxsize=8192)
def _cell(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _summary(report: Report, tally: Tally, pen: Pen, view: View) -> None:
    pen.line()
    counts = "  ".join(f"{family} {count:,}" for family, count in families(report))
    known = facts(report)
    gap = view.width - cells(counts) - cells(known)
    if gap >= 2:
        pen.line(f"{counts}{' ' * gap}{known}")
    else:
        for part in wrap_words(counts.split("  "), view.width):
            pen.line(part)
        pen.line(known)
    broken = report.count("error") or any(not limit.ok for limit in report.limits)
    worst = "error" if broken else "warning" if report.count("warning") else "info"
    pen.line(pen.paint(verdict(report), worst))
    _target(report, pen, view.width)
    _lessons(report, pen)
    todo = steps(report, tally, view.command, view.options)
    widest = max((len(step.what) for step in todo), default=0)
    for step in todo:
        pen.line(f"{step.what}:{' ' * (widest - len(step.what) + 2)}{pen.paint(visible(step.command), 'strong')}")
    _unseen(report, pen, view)
    _footnotes(report, pen)


def _unseen(report: Report, pen: Pen, view: View) -> None:
    """The rules that did not run, and the files that were not read."""
    left_out = [f"not read: {names} ({reason})" for reason, names in _left_out(report)]
    for said in (*_not_run(report, view.verbose), *left_out):
        for line in _folded(said, view.width):
            pen.line(line)


def _target(report: Report, pen: Pen, width: int) -> None:
    """What the target does with the rows, and by which of its own rules."""
    if report.target is None:
        return
    pen.line(f"target {about_target(report)}")
    for outcome in outcomes(report):
        for by, rows in outcome.by:
            for line in _folded(f"  {counted(rows, 'row')}: {visible(by)}", width):
                pen.line(line)


def _lessons(report: Report, pen: Pen) -> None:
    """What a training run made of the rows, and how well those of each rule were learnt."""
    for line in lesson_lines(report.lessons) if report.lessons else ():
        pen.line(line)


def lesson_lines(lessons: Lessons) -> Iterator[str]:
    """A line a kind of rows, then a line a rule."""
    others = f"; {counted(lessons.others, 'row')} not" if lessons.others else ""
    yield f"training {visible(lessons.run)} measured {counted(lessons.rows, 'row')}{others}"
    for kind, said in SAID.items():
        places = lessons.places.get(kind, ())
        named = [f"{visible(place.file)}:{place.line}" for place in places[:_NAMED]]
        count = lessons.counts[kind]
        more = f" and {count - len(named):,} more" if named and count > len(named) else ""
        if count or kind == NEVER:
            yield f"  {said:<15} {count:>6,}{'  ' if named else ''}{', '.join(named)}{more}"
    if lessons.rules:
        yield "  loss left on the trained rows of a rule, beside the others, and 95 % of the difference in points"
    for rule in lessons.rules:
        share = f"{rule.left:>6.1%} beside {rule.others:>6.1%}  {100 * rule.low:+.0f} to {100 * rule.high:+.0f}"
        verdict = rule.verdict if rule.verdict == "cannot tell" else f"{rule.verdict} learnt"
        yield f"  {rule.code:<7} {rule.name:<24} {counted(rule.rows, 'row'):>8}  {share}  {verdict}"


def wrap_words(words: Iterable[str], width: int) -> Iterator[str]:
    """Words joined by two spaces on lines of `width`."""
    line = ""
    for word in words:
        if line and len(line) + 2 + len(word) > width:
            yield line
            line = ""
        line += f"  {word}" if line else word
    yield line


def _not_run(report: Report, every: bool) -> list[str]:
    """What did not run, and why; rules that only wait for an option take one line together, unless `every`."""
    waiting = [] if every else [item for item in report.not_run if item.options]
    said = [
        ("run in part: " if run_in_part(report, item) else "not run: ")
        + f"{code_ranges(item.codes)} ({visible(item.reason)}: {visible(item.unlock)})"
        for item in report.not_run
        if item not in waiting
    ]
    if waiting:
        codes = sum(len(item.codes) for item in waiting)
        options = sorted({option for item in waiting for option in item.options}, key=_asked_first)
        known = f"{', '.join(options[:-1])} or {options[-1]}" if len(options) > 1 else options[0]
        said.append(f"not run: {counted(codes, 'rule')} that {'waits' if codes == 1 else 'wait'} for {known}")
    return said


# the options that rules wait for, those that unlock most first: one order, whatever was given
_ASKED = ("--model", "--template", "--max-length", "--target", "--method", "--modelfile", "--embeddings", "--facts")


def _asked_first(option: str) -> tuple[int, str]:
    return (_ASKED.index(option) if option in _ASKED else len(_ASKED)), option


_NAMED = 6  # files left out that are named, of each reason


def _left_out(report: Report) -> Iterator[tuple[str, str]]:
    """(reason, files) of what stands in a folder of the set and is no part of it."""
    by_reason: dict[str, list[str]] = {}
    for item in report.left_out:
        by_reason.setdefault(item.reason, []).append(visible(item.path))
    for reason, paths in by_reason.items():
        more = [f"{len(paths) - _NAMED:,} more"] if len(paths) > _NAMED else []
        yield visible(reason), ", ".join([*paths[:_NAMED], *more])


_MASKED = ("PII", "SEC")  # families that find what no report shows


def _footnotes(report: Report, pen: Pen) -> None:
    """What is masked, limits, suppressed findings, and decisions that no longer suppress anything."""
    if any(stat.findings for stat in report.rules if stat.code.startswith(_MASKED)):
        pen.line("private data and secrets are masked in this report, not in the data")
    for limit in report.limits:
        share = f" ({limit.flagged / limit.judged:.1%})" if limit.judged else ""
        held = pen.paint("held", "good") if limit.ok else pen.paint("broken", "error")
        rows = f"{limit.flagged:,} of {counted(limit.judged, 'row')}{share}"
        idle = "" if limit.judged else " (the rule judged no row)"
        pen.line(f"limit {limit.code} {limit.allowed}: {rows}, {held}{idle}")
    if report.suppressed:
        pen.line(f"{counted(report.suppressed, 'finding')} suppressed by decisions")
    if report.pending:
        pen.line(f"{counted(report.pending, 'finding')} decided on: curator clean does what was decided")
    if report.known:
        pen.line(f"{counted(report.known, 'finding')} known to the baseline")
    for decision in report.unused:
        what, state = decision.code or "any rule", "expired" if expired(decision) else "unused"
        said = ", ".join(part for part in (decision.who, decision.when, decision.why) if part)
        pen.line(visible(f"{state} decision: {what} on row {decision.row[:12]}" + (f" ({said})" if said else "")))


def _statistics(report: Report, tally: Tally, pen: Pen, view: View) -> None:
    """The table of --statistics: the rules that found something; with `verbose` all that ran."""
    ranked = by_count(report)
    silent = [stat for stat in report.rules if not stat.findings]
    if view.verbose:
        ranked += silent
    head = ["code", "name", "count", "rows", "fixable", "examined", "skipped", "ms"]
    table = [head, *(_statistic(stat, tally, report) for stat in ranked)]
    widths = [max(len(row[place]) for row in table) for place in range(len(head))]
    for number, row in enumerate(table):
        cols = [
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        line = "  ".join(cols)
        if number:
            style = ranked[number - 1].severity
            line = line.replace(cols[0], pen.paint(cols[0], style), 1)
        else:
            line = pen.paint(line, "dim")
        pen.line(line)
    if silent and not view.verbose:
        pen.line(f"{counted(len(silent), 'more rule')} found {nothing(report)}")


def _statistic(stat: RuleStat, tally: Tally, report: Report) -> list[str]:
    share = share_of_rows(stat, tally, report)
    return [
        stat.code,
        stat.name,
        f"{stat.findings:,}",
        f"{share:.1%}" if share >= 0.0005 or not share else "<0.1%",
        f"{stat.fixable:,}",
        f"{stat.examined:,}",
        f"{stat.skipped:,}",
        f"{stat.seconds * 1000:,.0f}",
    ]


WRITERS = {"text": write_text, "concise": write_concise}

"""Plots as SVG text: pure functions, no library, no inline style.

Colours come from the page's style sheet through classes, so a plot follows light and dark; every plot has
a name and a description for screen readers and a tooltip a bar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from itertools import accumulate

import msgspec

from curator.text.excerpt import visible

Bins = Sequence[tuple[int, int]]  # (upper bound, rows), bounds rising

_WIDTH = 640
_ROW, _THICK = 28, 12  # height of a row of bars, and of its bar
_LABELS = 30  # characters of a bar's label
_LABEL_WIDTH, _VALUE_WIDTH = 216, 64
_HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 212, 48, 14, 20, 44  # of a histogram


class Bar(msgspec.Struct, frozen=True):
    """One bar: `key` makes it a button that carries data-key, `tone` is a class of the style sheet."""

    label: str
    value: int
    key: str = ""
    tone: str = "plain"
    code: str = ""  # stands before the label, in fixed pitch


def bars(items: Sequence[Bar], *, title: str, noun: str = "finding") -> str:
    """Horizontal bars, one a row, in the order given."""
    height = _ROW * len(items) or _ROW
    most = max((item.value for item in items), default=0) or 1
    room = _WIDTH - _LABEL_WIDTH - _VALUE_WIDTH
    about = f"{len(items)} bars, the largest {most:,}"
    role = "group" if any(item.key for item in items) else "img"
    parts = [_open(title, about, _WIDTH, height, "bars", role)]
    for number, item in enumerate(items):
        top = number * _ROW
        size = max(round(room * item.value / most, 1), 2.0) if item.value else 0
        name = f"{item.code} {item.label}".strip()
        said = f"{name}: {item.value:,} {noun}{'' if item.value == 1 else 's'}"
        button = (
            f' role="button" tabindex="0" aria-pressed="false" aria-label="{_safe(said)}" data-key="{_safe(item.key)}"'
            if item.key
            else ""
        )
        parts.append(f'<g class="bar {_safe(item.tone)}"{button}><title>{_safe(said)}</title>')
        parts.append(f'<rect class="hit" x="0" y="{top}" width="{_WIDTH}" height="{_ROW}" rx="4"/>')
        middle = top + _ROW / 2
        code = f'<tspan class="code">{_safe(item.code)}</tspan> ' if item.code else ""
        label = _clip(item.label, _LABELS - (len(item.code) + 2 if item.code else 0))
        parts.append(f'<text class="label" x="8" y="{middle:g}" dy=".35em">{code}{_safe(label)}</text>')
        parts.append(
            f'<rect class="fill" x="{_LABEL_WIDTH}" y="{middle - _THICK / 2:g}" width="{size:g}"'
            f' height="{_THICK}" rx="2"/>'
        )
        parts.append(
            f'<text class="value" x="{_LABEL_WIDTH + size + 8:g}" y="{middle:g}" dy=".35em">{item.value:,}</text>'
        )
        parts.append("</g>")
    return "".join([*parts, "</svg>"])


def histogram(bins: Bins, *, title: str, unit: str = "tokens", noun: str = "row", tone: str = "plain") -> str:
    """Upright bars of equal width, one a bin, their upper bounds below; marks where 50% and 95% of rows end."""
    bins = trimmed(bins)
    if not bins:
        return ""
    most = max(count for _, count in bins)
    ticks = _ticks(most)
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    step = wide / len(bins)
    total = sum(count for _, count in bins)
    middle, most_of = quantile(bins, 0.5), quantile(bins, 0.95)
    about = f"{total:,} {noun}s; half of them hold at most {middle:,} {unit}, 95% at most {most_of:,}"
    parts = [_open(title, about, _WIDTH, _HEIGHT, "histogram", "img")]
    for tick in ticks:
        y = _TOP + high - high * tick / ticks[-1]
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 8}" y="{y:.1f}" dy=".35em">{short(tick)}</text>')
    every = max(1, math.ceil(len(bins) / 10))
    below = 0
    edges: dict[int, float] = {}
    gap = min(2.0, step / 5)
    for number, (bound, count) in enumerate(bins):
        x = _LEFT + number * step
        tall = max(high * count / ticks[-1], 1.5) if count else 0
        said = f"{below + 1:,} to {bound:,} {unit}: {count:,} {noun}{'' if count == 1 else 's'}"
        parts.append(f'<g class="bin {_safe(tone)}"><title>{_safe(said)}</title>')
        parts.append(
            f'<rect class="hit" x="{x:.1f}" y="{_TOP}" width="{step:.1f}" height="{high}"/>'
            f'<rect class="fill" x="{x + gap / 2:.1f}" y="{_TOP + high - tall:.1f}"'
            f' width="{step - gap:.1f}" height="{tall:.1f}" rx="1.5"/></g>'
        )
        if (len(bins) - 1 - number) % every == 0:
            parts.append(f'<text class="tick mid" x="{x + step / 2:.1f}" y="{_TOP + high + 16}">{short(bound)}</text>')
        edges[bound] = x + step
        below = bound
    base = _TOP + high
    for share, bound in (("50%", middle), ("95%", most_of)):
        x = edges[bound]
        if share == "95%" and bound == middle:
            continue
        parts.append(f'<line class="share" x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 2}" y2="{base}"/>')
        parts.append(f'<text class="tick share-name mid" x="{x:.1f}" y="{_TOP - 6}">{share}</text>')
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>')
    parts.append(f'<text class="tick end" x="{_WIDTH - _RIGHT}" y="{_HEIGHT - 6}">{_safe(unit)}, up to</text></svg>')
    return "".join(parts)


def quantile(bins: Bins, share: float) -> int:
    """The upper bound of the bin that holds the row at `share` of the whole; 0 where there are no rows."""
    total = sum(count for _, count in bins)
    for (bound, _), so_far in zip(bins, accumulate(count for _, count in bins), strict=True):
        if so_far >= share * total and total:
            return bound
    return 0


def trimmed(bins: Bins) -> Bins:
    """The bins without empty ones at either end."""
    filled = [number for number, (_, count) in enumerate(bins) if count]
    return bins[filled[0] : filled[-1] + 1] if filled else ()


def short(number: int) -> str:
    """ "950", "1.5k", "16k", "2M"; powers of two as people say them: 4,096 is "4k"."""
    if number >= 1024 and number & (number - 1) == 0:
        return f"{number >> 20}M" if number >= 1 << 20 else f"{number >> 10}k"
    for size, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if number >= size:
            value = number / size
            return f"{value:.0f}{sign}" if value >= 10 or value == int(value) else f"{value:.1f}{sign}"
    return str(number)


def _ticks(most: int) -> list[int]:
    """0 and two to four round numbers that reach `most`."""
    rough = most / 3
    scale = 10 ** math.floor(math.log10(rough)) if rough > 1 else 1
    step = next(int(scale * factor) for factor in (1, 2, 5, 10) if scale * factor >= rough)
    return list(range(0, most + step, step))


def _open(title: str, about: str, width: int, height: int, kind: str, role: str) -> str:
    return (
        f'<svg class="chart {kind}" viewBox="0 0 {width} {height}" role="{role}"'
        f' aria-label="{_safe(title)}. {_safe(about)}">'
    )


def _clip(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"


def _safe(text: str) -> str:
    return escape(visible(text).encode("utf-8", "backslashreplace").decode())


def curves(lines: Sequence[tuple[str, str, Sequence[tuple[float, float]]]], *, title: str, unit: str) -> str:
    """Lines over a common axis: (name, tone, points) each; "" where fewer than two points are there.

    The tone is a class of the style sheet: "plain" or "second".
    """
    points = [point for _, _, line in lines for point in line]
    if len(points) < 2:
        return ""
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    most = max(y for _, y in points) or 1.0
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    step = 10 ** math.floor(math.log10(most))
    step = next(step * factor for factor in (0.2, 0.5, 1, 2) if most / (step * factor) <= 5)
    top = step * math.ceil(most / step)
    about = "; ".join(f"{name} from {line[0][1]:.3g} to {line[-1][1]:.3g}" for name, _, line in lines if line)
    parts = [_open(title, about, _WIDTH, _HEIGHT, "curves", "img")]
    for number in range(round(top / step) + 1):
        y = _TOP + high - high * number * step / top
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick end" x="{_LEFT - 8}" y="{y:.1f}" dy=".35em">{number * step:g}</text>')
    for place, (name, tone, line) in enumerate(lines):
        if not line:
            continue
        spots = [
            (_LEFT + wide * (x - left) / ((right - left) or 1), _TOP + high - high * min(max(y, 0), top) / top)
            for x, y in line
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<g class="curve {_safe(tone)}"><title>{_safe(name)}</title><polyline points="{path}"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in spots if len(spots) <= 40]
        at = _WIDTH - _RIGHT - 150 * (len(lines) - place)
        parts.append(f'<text class="tick" x="{at + 18}" y="{_TOP - 6}">{_safe(name)}</text>')
        parts.append(f'<line x1="{at}" x2="{at + 12}" y1="{_TOP - 10}" y2="{_TOP - 10}"/></g>')
    base = _TOP + high
    parts.append(f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{base}" y2="{base}"/>')
    parts.append(f'<text class="tick" x="{_LEFT}" y="{base + 16}">{left:g}</text>')
    parts.append(f'<text class="tick end" x="{_WIDTH - _RIGHT}" y="{base + 16}">{right:g} {_safe(unit)}</text></svg>')
    return "".join(parts)

"""Moments: the day, the year or the hour that a short answer names, in whatever form it is written."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from curator.checks.contradictions.lexicon import lexicon
from curator.checks.contradictions.text import Answer
from curator.text.patterns import compiled_later

Span = tuple[int, int]


class Moment(NamedTuple):
    """What of a moment an answer names, each as all that it may mean; and where."""

    parts: dict[str, frozenset[int]]
    start: int
    end: int


_CLOCKS = (
    compiled_later(
        r"\b(?P<hour>[01]?\d|2[0-4])(?:[:.h](?P<minute>[0-5]\d))?\s?(?:(?P<half>[ap])\.?m\b\.?|uhr\b|o['’]clock\b)",
        re.I,
    ),
    compiled_later(r"\b(?P<hour>[01]?\d|2[0-4])[:h](?P<minute>[0-5]\d)(?![:\d]|\.\d)(?P<half>)"),
)
_NUMBERED = compiled_later(
    r"\b(?:(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})|(?P<first>\d{1,2})(?P<sign>[./])(?P<second>\d{1,2})[./](?P<year>\d{4}))\b"
)
_YEAR = compiled_later(r"(?<![$€£.,\d])\b(1[0-9]\d\d|20\d\d)\b(?![.,]?\d|\s?(?:%|[a-z]{2,}))", re.I)
_DAY = r"(?P<{}>[0-3]?\d)(?:st|nd|rd|th)?\b"


@cache
def _named_months() -> tuple[re.Pattern[str], ...]:
    """A day and its month, in either order, and a month and its year."""
    months = "|".join(word for word, (kind, _) in lexicon().dates.items() if kind == "month")
    year = r"(?:,?\s(?P<year>\d{4})\b)?"
    return (
        re.compile(rf"\b{_DAY.format('day')}(?:\sof)?\s(?P<month>{months})\b\.?{year}", re.I),
        re.compile(rf"\b(?P<month>{months})\b\.?\s(?:the\s)?{_DAY.format('day')}{year}", re.I),
        re.compile(rf"\b(?P<month>{months})\b\.?,?\s(?P<year>\d{{4}})\b", re.I),
    )


def moment(answer: Answer) -> Moment | None:
    """The one moment that an answer names, None where it names none or several, or holds another number."""
    text, parts, spans = answer.said, dict[str, frozenset[int]](), list[Span]()

    def take(match: re.Match[str], **named: frozenset[int]) -> str:
        clear = all(parts.setdefault(name, values) == values for name, values in named.items())
        spans.append(match.span() if clear else (-1, -1))
        return " " * len(match.group())

    text = _NUMBERED.sub(lambda match: take(match, **_of_numbers(match)), text)
    for pattern in _named_months():
        text = pattern.sub(lambda match: take(match, **_of_month(match)), text)
    for pattern in _CLOCKS:
        text = pattern.sub(lambda match: take(match, minute=_minutes(match)), text)
    text = _YEAR.sub(lambda match: take(match, year=frozenset({int(match[1])})), text)
    for word in re.finditer(r"[^\W\d_]+", text):
        name = word.group().lower()
        kind, place = lexicon().dates.get(name) or lexicon().dates.get(name.removesuffix("s")) or ("", 0)
        if kind == "day" and word.group()[0].isupper():
            take(word, weekday=frozenset({place}))
    if not spans or (-1, -1) in spans or any(map(str.isdigit, re.sub(r"\s", "", _left(text, spans)))):
        return None
    return Moment(parts, min(spans)[0], max(end for _, end in spans))


def _left(text: str, spans: list[Span]) -> str:
    """The text without what stands in the spans."""
    hidden = {place for start, end in spans for place in range(start, end)}
    return "".join(sign for place, sign in enumerate(text) if place not in hidden)


def _of_numbers(match: re.Match[str]) -> dict[str, frozenset[int]]:
    """Year, month and day; with strokes either number may be the month."""
    if match["y"]:
        return {name: frozenset({int(match[name[0]])}) for name in ("year", "month", "day")}
    numbers = int(match["first"]), int(match["second"])
    either = match["sign"] == "/" and max(numbers) <= 12
    day, month = (numbers[1], numbers[0]) if numbers[1] > 12 else numbers
    both = frozenset(numbers)
    return {
        "year": frozenset({int(match["year"])}),
        "month": both if either else frozenset({month}),
        "day": both if either else frozenset({day}),
    }


def _of_month(match: re.Match[str]) -> dict[str, frozenset[int]]:
    found = {"month": frozenset({lexicon().dates[match["month"].lower()][1] + 1})}
    for name in ("day", "year"):
        if value := match.groupdict().get(name):
            found[name] = frozenset({int(value)})
    return found


def _minutes(match: re.Match[str]) -> frozenset[int]:
    """Minutes of the day; "2:30" without half may be 14:30."""
    hour, minute = int(match["hour"]), int(match["minute"] or 0)
    if half := match["half"]:
        hour = hour % 12 + (12 if half in "pP" else 0)
        return frozenset({60 * hour + minute})
    if hour > 12 or hour == 0 or match["hour"][0] == "0":
        return frozenset({60 * (hour % 24) + minute})
    return frozenset({60 * hour + minute, 60 * (hour % 12 + 12) + minute, 60 * (hour % 12) + minute})

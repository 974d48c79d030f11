"""What ends an answer: the control tokens behind its text, which the model learns to stop with."""

from __future__ import annotations

import re

from curator.templates.template import Message, Template

_ASKED, _SAID, _NEXT = "zQasked", "zQsaid", "zQnext"


def closing_of(template: Template) -> str:
    """What the template writes behind every answer, be it the last or not; "" where these differ or are blank.

    Two short conversations are rendered. What both have behind the same answer closes it, whatever it looks like:
    not all templates close with what is known as a control token by its spelling.
    """
    said: list[Message] = [{"role": "user", "content": _ASKED}, {"role": "assistant", "content": _SAID}]
    more: list[Message] = [{"role": "user", "content": _NEXT}, {"role": "assistant", "content": _NEXT}]
    try:
        last = template.render(said).partition(_SAID)[2].rstrip()
        inner = template.render([*said, *more]).partition(_SAID)[2].partition(_NEXT)[0]
    except Exception:  # a template may raise anything
        return ""
    return last if inner.startswith(last) else ""


def closed(text: str, start: int, end: int, token: re.Pattern[str], closing: str, *, last: bool) -> int:
    """Where an answer ends whose text ends at `start`: behind what closes it, at most at `end`.

    Up to `end` follows what opens the next text. Before another turn the template's own `closing` ends it; where that
    does not follow one control token closes and the rest opens. Of the `last` text of all tokens in a row close.
    Where no token follows at once, the text ends it.
    """
    if closing and text.startswith(closing, start, end):
        return start + len(closing)
    found = token.match(text, past_space(text, start, end), end)
    if not found:
        return start
    stop = found.end()
    while last and (more := token.match(text, past_space(text, stop, end), end)):
        stop = more.end()
    if not last and not text[stop:end].strip():
        return start  # the only token between two texts opens the second
    return stop


def past_space(text: str, start: int, end: int) -> int:
    """The first place from `start` on that is no white space; `end` where there is none."""
    while start < end and text[start].isspace():
        start += 1
    return start

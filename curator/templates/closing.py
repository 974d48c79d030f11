"""What ends an answer: the control tokens behind its text, which the model learns to stop with."""

from __future__ import annotations

import re
from typing import NamedTuple

from curator.templates.template import Message, Template

_ASKED, _SAID, _NEXT = "zQasked", "zQsaid", "zQnext"


class Closing(NamedTuple):
    """What a template writes behind answers.

    `closes` follows every answer, be it the last or not; "" where these differ or are blank. `opens` follows the last
    one behind what closes it, and opens another turn, of the user or of the assistant; "" where nothing does.
    """

    closes: str
    opens: str


def closing_of(template: Template) -> Closing:
    """What follows the answers in two short conversations.

    What both have behind the same answer closes it, whatever it looks like: not all templates close with what is
    known as a control token by its spelling.
    """
    first: list[Message] = [{"role": "user", "content": _ASKED}, {"role": "assistant", "content": _SAID}]
    more: list[Message] = [{"role": "user", "content": _NEXT}, {"role": "assistant", "content": _NEXT}]
    try:
        lead, _, rest = template.render(first).partition(_ASKED)
        answer, _, last = rest.partition(_SAID)
        inner = template.render([*first, *more]).partition(_SAID)[2].partition(_NEXT)[0]
    except Exception:  # a template may raise anything
        return Closing("", "")
    last = last.rstrip()
    token = template.token_pattern()
    opens = ""
    if not inner.startswith(last):
        opens = _opening(last, _prompt(template, first[:1]), answer, token)
    elif last == inner.rstrip() and answer.strip() != inner.strip():
        opens = _opening(last, inner, lead, token)
    last = last.removesuffix(opens).rstrip()
    return Closing(last if inner.startswith(last) else "", opens)


def _prompt(template: Template, asked: list[Message]) -> str:
    """What follows the question where the assistant is to go on."""
    try:
        return template.render(asked, generation=True).partition(_ASKED)[2]
    except Exception:  # a template may raise anything
        return ""


def _opening(last: str, before: str, also_before: str, token: re.Pattern[str]) -> str:
    """What stands at the end of `last`, and at the end of both of what precede a turn: the opener of that turn.

    It begins at a control token, or behind one or a space, and is never the first control token behind the answer,
    for that one closes it whatever else it does.
    """
    shared = _shared_end(_shared_end(last, before.rstrip()), also_before.rstrip())
    begin = len(last) - len(shared)
    hits = list(token.finditer(last))
    floor = hits[0].end() if hits and not last[: hits[0].start()].strip() else 0
    bounds = {0, *(place for hit in hits for place in hit.span())}
    bounds |= {n for n in range(1, len(last)) if last[n - 1].isspace()}
    start = min((n for n in bounds if n >= max(begin, floor)), default=len(last))
    return last[start:].lstrip()


def _shared_end(one: str, other: str) -> str:
    """The longest text with which both end."""
    n = 0
    while n < min(len(one), len(other)) and one[-n - 1] == other[-n - 1]:
        n += 1
    return one[len(one) - n :]


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

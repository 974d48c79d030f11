"""What a template puts before the first turn that is not in the row."""

from __future__ import annotations

import re

from curator.templates import SENTINEL, Layout, Message, Template

_WORDS = 3  # words of its own from which on a template is said to put in a text, whatever else it does
_ROLE_WORDS = frozenset(
    "system user assistant model human gpt instruction response input tool developer start end message".split()
)
_LOST_CASE = re.compile(SENTINEL, re.IGNORECASE)
_TOLD, _ASKED, _SAID = "zQtold", "zQasked", "zQsaid"
_PLAIN: list[Message] = [{"role": "user", "content": _ASKED}, {"role": "assistant", "content": _SAID}]
_BRIEFED: list[Message] = [{"role": "system", "content": _TOLD}, *_PLAIN]


def injected(layout: Layout, template: Template) -> str:
    """The text of its own that the template puts before the first turn; "" where it only marks turns.

    A text of a few words is one. Of a shorter one it is told by what it stands for: it changes with the day, or
    stands where the template writes the system text of a row that has one.
    """
    lead = _lead(layout)
    text = template.token_pattern().sub("\n", lead)
    lines = [line for line in text.splitlines() if line.strip().lower() not in _ROLE_WORDS]
    own = "\n".join(lines).strip()
    if len(_words(own)) >= _WORDS or _in_place_of_a_system_text(lead, template) or _dated(lead, template):
        return own
    return ""


def _lead(layout: Layout) -> str:
    """What the template writes before the first text of a row, be that in other letters than the row has it."""
    first = layout.pieces[0] if layout.pieces and isinstance(layout.pieces[0], str) else ""
    return _LOST_CASE.split(first, maxsplit=1)[0]


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]{2,}", text) if word.lower() not in _ROLE_WORDS]


def _in_place_of_a_system_text(lead: str, template: Template) -> bool:
    """Whether the lead is that of a row with a system text, with other words in place of that text."""
    try:
        before, told, rest = template.render(_BRIEFED).partition(_TOLD)
    except Exception:  # a template may raise anything
        return False
    after = rest.partition(_ASKED)[0]
    if not told or len(lead) <= len(before) + len(after) or not (lead.startswith(before) and lead.endswith(after)):
        return False
    return bool(_words(template.token_pattern().sub("\n", lead[len(before) : len(lead) - len(after)])))


def _dated(lead: str, template: Template) -> bool:
    """Whether the lead of plain conversations is this one, and another one on another day."""
    try:
        days = [text.partition(_ASKED)[0] for text in template.on_two_days(_PLAIN)]
    except Exception:  # a template may raise anything
        return False
    return lead == days[0] != days[1]

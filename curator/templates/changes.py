"""What a template does to texts though it writes them: quoted, twice, as answers, with words of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from curator.templates.searching import Key
from curator.templates.template import Message, Template

if TYPE_CHECKING:
    from curator.templates.layout import Layout, Place, Slot

_LEAST_WORDS = 2  # words in a row, no control token between them, from which on a template is said to add a text
_ROLE_WORDS = frozenset(
    "system user assistant model human gpt bot instruction response input tool developer start end turn message".split()
)
_TAG = re.compile(r"</?[\w:.|-]{1,40}>")
_ASKED = "zQasked"


class Change(NamedTuple):
    """What becomes of a text that is written.

    quoted  it stands there as a JSON string, with quotation marks and backslashes
    twice   it stands there more than once, `times` in all
    answer  it is written as answers are, though it is none
    added   the template adds `words` of its own to it, an answer, which are trained with it
    """

    key: Key
    how: Literal["quoted", "twice", "answer", "added"]
    words: str = ""
    times: int = 1


def changes(
    layout: Layout, said: Sequence[Message], template: Template, *, header: str, spoken: frozenset[str]
) -> Iterator[Change]:
    """What the layout makes of contents; `header` opens answers, and turns of the roles that are `spoken` are written
    as if they were answers."""
    slots = _contents(layout)
    yield from (Change(slot.key, "quoted") for slot, _ in slots.values() if slot.quoted)
    counted = Counter(piece.key for piece in layout.pieces if not isinstance(piece, str))
    yield from (Change(key, "twice", times=counted[key]) for key in slots if counted[key] > 1)
    for key, (_, place) in slots.items():
        role = said[key[0]].get("role")
        if role != "assistant" and (
            role in spoken or _under(header, _before(layout, place)) or (layout.marked and _trained(layout, place))
        ):
            yield Change(key, "answer")
    yield from _added(layout, said, template, slots)


def _contents(layout: Layout) -> dict[Key, tuple[Slot, int]]:
    """The first slot of each content, and which piece it is."""
    found: dict[Key, tuple[Slot, int]] = {}
    for place, piece in enumerate(layout.pieces):
        if not isinstance(piece, str) and piece.key[1] == "content":
            found.setdefault(piece.key, (piece, place))
    return found


def _before(layout: Layout, place: int) -> str:
    piece = layout.pieces[place - 1] if place else ""
    return piece if isinstance(piece, str) else ""


def _under(header: str, before: str) -> bool:
    return bool(header) and before.rstrip().endswith(header)


def _trained(layout: Layout, place: int) -> bool:
    return any(start <= (place, 0) < end for start, end in layout.trained)


def _added(
    layout: Layout, said: Sequence[Message], template: Template, slots: Mapping[Key, tuple[Slot, int]]
) -> Iterator[Change]:
    """The answers that have words of the template in the part of theirs that is trained; those with calls aside."""
    token = template.token_pattern()
    for key, (_, place) in slots.items():
        message = said[key[0]]
        if message.get("role") != "assistant" or message.get("tool_calls") or message.get("function_call"):
            continue
        span = next(((start, end) for start, end in layout.trained if start <= (place, 0) < end), None)
        if span is None or any(n != place and not isinstance(layout.pieces[n], str) for n in _pieces(span)):
            continue
        parts = [_own(part) for text in _literals(layout, span) for part in _apart(text, token)]
        if own := [part for part in parts if len(_words(part)) >= _LEAST_WORDS]:
            yield Change(key, "added", "\n".join(own))


def _apart(text: str, token: re.Pattern[str]) -> list[str]:
    """What stands between the control tokens and tags of a text: a single word there is the name of something."""
    return _TAG.sub("\0", token.sub("\0", text)).split("\0")


def _own(text: str) -> str:
    """A text without the lines that name a role."""
    return "\n".join(line for line in text.splitlines() if line.strip().lower() not in _ROLE_WORDS).strip()


def _pieces(span: tuple[Place, Place]) -> range:
    (first, _), (last, offset) = span
    return range(first, last + bool(offset))


def _literals(layout: Layout, span: tuple[Place, Place]) -> Iterator[str]:
    (first, start), (last, end) = span
    for n in _pieces(span):
        piece = layout.pieces[n]
        if isinstance(piece, str):
            yield piece[start if n == first else 0 : end if n == last else len(piece)]


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]{2,}", text) if word.lower() not in _ROLE_WORDS]


def spoken_roles(
    bare: str, layout: Layout, said: Sequence[Message], tools: Sequence[Any], template: Template, closes: str
) -> frozenset[str]:
    """The roles whose turns are written as if they were answers: with the role of these the render is the same.

    `bare` is the render of the layout. Where nothing stands before the turns of users either but what `closes` the one
    before, the template has no roles, and none is mistaken for another one.
    """
    if not any(message.get("role") == "assistant" and not message.get("tool_calls") for message in said):
        return frozenset()  # of a message with calls a template may not ask the role
    roles = {role for message in said if type(role := message.get("role")) is str and role != "assistant"}
    found = frozenset(role for role in roles if _reads_alike(role, bare, said, tools, template))
    leads = [_before(layout, place) for key, (_, place) in _contents(layout).items() if said[key[0]]["role"] == "user"]
    if "user" in found and all(lead.strip() in ("", closes.strip(), template.bos) for lead in leads):
        return frozenset()
    return found


def _reads_alike(role: str, bare: str, said: Sequence[Message], tools: Sequence[Any], template: Template) -> bool:
    """Whether the turns of a role and the answers can take each other's role, and nothing changes."""
    other = {role: "assistant", "assistant": role}
    turned = [
        {**message, "role": other.get(now, now)} if type(now := message.get("role")) is str else message
        for message in said
    ]
    try:
        return template.render(turned, tools) == bare
    except Exception:  # a template may raise anything
        return False


def header_of(template: Template) -> str:
    """What a template writes to have the assistant go on; "" where it writes nothing for it."""
    asked: list[Message] = [{"role": "user", "content": _ASKED}]
    try:
        bare, prompt = template.render(asked), template.render(asked, generation=True)
    except Exception:  # a template may raise anything
        return ""
    return prompt.removeprefix(bare).strip() if prompt.startswith(bare) else ""

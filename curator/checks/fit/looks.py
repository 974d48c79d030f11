"""Rows as a chat template renders them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from curator.checks.template import brings_its_template
from curator.model import Example, ToolCall, Turn
from curator.templates import (
    SPOKEN,
    UNTEMPLATED,
    Conversation,
    Rendered,
    Renderer,
    Template,
    conversations,
    load,
    prepared,
    texts_of,
)

_LONG = 500  # characters of lost text that a finding quotes


class Look(NamedTuple):
    """One side of a row, rendered.

    `spec` is what the template is named by. `refused` is what the template says to the roles as they are written, where it refuses them (human, gpt) and
    the side is rendered with these renamed.
    """

    example: Example
    said: Conversation
    seen: Rendered
    template: Template
    refused: str = ""
    spec: str = ""

    def turn_of(self, key: tuple[int, str, int]) -> Turn:
        return self.said.turns[key[0]]

    def text_of(self, key: tuple[int, str, int]) -> str:
        said = self.said.messages[key[0]]
        if key[1] in SPOKEN and type(text := said.get(key[1])) is str:
            return text
        return texts_of(prepared([said]))[0, key[1], key[2]]

    @property
    def abridged(self) -> bool:
        """Whether the row has what a shipped template leaves out and the authentic one writes: of it nothing is told."""
        return self.template.abridged == "tools" and (
            bool(self.said.tools) or any(turn.calls or turn.role == "tool" for turn in self.said.turns)
        )

    @property
    def odd(self) -> bool:
        """True where anything may be wrong with this row itself, whatever its structure does."""
        seen = self.seen
        if seen.error or not seen.exact or seen.lost or seen.stripped or seen.moved or seen.changed:
            return True
        if self.template.bos and seen.text.startswith(self.template.bos * 2):
            return True
        if self.said.tools or any(None in message.values() for message in self.said.messages):
            return True
        turns = self.said.turns
        return any(t.calls or t.pieces or not t.content or t.path.endswith(".refusal") for t in turns)


_renderers: dict[str, Renderer] = {}


def renderer(name: str) -> Renderer:
    """The renderer of a template, with the layouts it has seen so far."""
    template = load(name)
    known = _renderers.get(name)
    if known is None or known.template is not template:
        known = _renderers[name] = Renderer(template)
    return known


def looks(example: Example, template: str, *, renamed: bool = False) -> tuple[Look, ...]:
    """The row as the template renders it: one look, or one for each side of a preference pair.

    With `renamed` the roles human and gpt are handed on as user and assistant, and so they are where the
    template refuses them: that is told once for the set, and the row is judged by what else it says.
    """
    if example.shape in UNTEMPLATED or brings_its_template(example):
        return ()
    seen = tuple(_rendered(example, template, renamed))
    refused = next((look.seen.error for look in seen if look.seen.error), "")
    if renamed or not refused or example.shape != "sharegpt" or _said_as_read(example):
        return seen
    return tuple(look._replace(refused=refused) for look in _rendered(example, template, True))


def _rendered(example: Example, template: str, renamed: bool) -> Iterator[Look]:
    with_ = renderer(template)
    for said in conversations(example, renamed=renamed):
        yield Look(example, said, with_.render(said.messages, said.tools), with_.template, spec=template)


def _said_as_read(example: Example) -> bool:
    """Whether all roles are written in the words that templates know."""
    return all(turn.said == turn.role for turn in example.all_turns())


def quoted(text: str) -> str:
    return text if len(text) <= _LONG else text[:_LONG] + "…"


def one_line(message: str) -> str:
    """A message as one line of printable characters."""
    if message.isprintable():
        return message
    return "".join(sign if sign.isprintable() else " " for sign in message)


def calls_of(look: Look) -> list[tuple[Turn, ToolCall]]:
    return [(turn, call) for turn in look.said.turns for call in turn.calls]

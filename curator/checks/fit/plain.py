"""Rows of nothing but texts: what is known of one holds for all that have the same roles."""

from __future__ import annotations

from typing import NamedTuple

from curator.checks.fit.facts import facts_of
from curator.checks.fit.looks import Look, looks, renderer
from curator.checks.template import BARE_SHAPES
from curator.model import Example
from curator.templates import MOST_SKIPPED, UNTEMPLATED, Layout, Slot

Structure = tuple[str, ...]  # the shape, then each turn's role and the word for it
_MOST = 2000
_NEVER = BARE_SHAPES | UNTEMPLATED
_LEAF = {"role": "content", "from": "value"}


class Plain(NamedTuple):
    """What a template makes of all rows of one structure, none of which anything is wrong with.

    `facts` are the bits of the rules on the set; `layout` is that of the row with its roles renamed.
    """

    facts: int
    layout: Layout


class PlainRows:
    """The structures met so far of which a template is known to make the same, whatever the texts are."""

    def __init__(self, template: str) -> None:
        self.template, self.known = template, dict[Structure, Plain]()

    def learn(self, structure: Structure, seen: tuple[Look, ...]) -> None:
        """Remember a structure by the looks of the first row that has it, where these hold for all others."""
        if len(seen) != 1 or not _holds_for_all(seen[0]):
            return
        layout = seen[0].seen.layout
        if structure[0] == "sharegpt":
            (look,) = looks(seen[0].example, self.template, renamed=True)
            if not _holds_for_all(look):
                return
            layout = look.seen.layout
        if len(self.known) >= _MOST:
            self.known.clear()
        assert layout is not None
        self.known[structure] = Plain(facts_of(seen), layout)


_met: dict[str, tuple[object, PlainRows]] = {}


def plain_rows(template: str) -> PlainRows:
    """What is known of the rows that a template has rendered in this process."""
    by = renderer(template)
    if template not in _met or _met[template][0] is not by:
        _met[template] = by, PlainRows(template)
    return _met[template][1]


def structure(example: Example, size: int) -> Structure | None:
    """The structure of a row of `size` bytes; None where its texts may matter, or there is more than texts."""
    turns = example.turns
    if example.shape in _NEVER or not turns or example.tools or example.chosen or example.rejected:
        return None
    key, _, at = turns[0].base.partition("[")
    listed = example.value.get(key) if at else None
    if type(listed) is not list or len(listed) != len(turns) or size > MOST_SKIPPED:
        return None
    found = [example.shape]
    for turn, message in zip(turns, listed, strict=True):
        if type(message) is not dict or len(message) != 2:
            return None
        role, leaf = message
        text = turn.text
        # The text of a turn is that of its message, and not one made of parts, where it is the same object.
        if _LEAF.get(role) != leaf or text is not message[leaf] or not text:
            return None
        if text[0].isspace() or text[-1].isspace() or type(said := message[role]) is not str:
            return None
        found += (turn.role, role, said)
    return tuple(found)


def _holds_for_all(look: Look) -> bool:
    """Whether all rows of this structure are rendered as this one, and nothing is wrong with it."""
    layout, bos = look.seen.layout, look.template.bos
    if look.odd or look.refused or layout is None or not layout.blind:
        return False
    slots = [piece for piece in layout.pieces if isinstance(piece, Slot)]
    if len(slots) != len(look.said.turns):
        return False
    first = layout.pieces[0]
    return not (bos and (isinstance(first, Slot) or (bos * 2).startswith(first)))  # else a text may begin with it

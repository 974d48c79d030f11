"""Sentinels: what is put in the place of texts to see what a template makes of them.

What a layout depends on beside the texts is its shape; a text that is cut at its think tags takes a cell for each core.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import msgspec

from curator.templates.searching import Key
from curator.templates.template import Message
from curator.templates.texts import THOUGHTS, thinks_once, with_texts
from curator.templates.thinking import Mould, mould

SENTINEL = r"zQ\d{5}Qz"  # what stands in the place of a text
BLANK = 50_000  # number of the first sentinel in the place of a text that says nothing
# What is put around sentinels to see whether it is stripped: neither is a rotation of the other.
_LEFT, _RIGHT = " \n", "\n\t"
_QUOTED = json.dumps(_RIGHT)[1:-1]
_PADS = (f"{_RIGHT}{{}}{_LEFT}", f"{_RIGHT}{{}}", f"{{}}{_LEFT}", "{}")
CORE = "core"  # the field of the cells of a text that is cut at its think tags
NUMBERS = frozenset({"id", "tool_call_id"})  # of which a template may do without


def shape_of(
    said: Sequence[Message], texts: dict[Key, str], moulds: dict[Key, Mould], tools: Sequence[Any]
) -> Hashable:
    """What of a conversation its layout depends on: all but its texts, and of these whether they say anything."""
    key: Hashable
    if all(len(message) == 2 and type(message.get("content")) is str for message in said):
        key = (*map(_outline, said), *((n, moulds[n, "content", 0].literals) for n, _, _ in moulds))
    else:
        shown = {key: "x" if text.strip() else text for key, text in texts.items()}
        if moulds:
            shown |= {key: cut.filled(("x",) * len(cut.cores)) for key, cut in moulds.items()}
        key = written(with_texts(said, shown))
        if not all(map(thinks_once, said)):
            key = (key, "two thoughts")
    return (key, written(tools)) if tools else key


def written(value: Any) -> Hashable:
    """JSON values as something that is equal where they are."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):  # half a surrogate pair, or no JSON
        return repr(value)


def _outline(message: Message) -> tuple[str, bool, bool, bool]:
    """What of a message with two keys a layout depends on."""
    content = message["content"]
    role = message.get("role")
    return role if type(role) is str else repr(message), not content, content.isspace(), next(iter(message)) == "role"


def moulds_of(said: Sequence[Message]) -> dict[Key, Mould]:
    """The answers that are cut at their think tags."""
    found: dict[Key, Mould] = {}
    for n, message in enumerate(said):
        content = message.get("content")
        if type(content) is str and "</think" in content and message.get("role") == "assistant":
            cut = mould(content)
            if cut is not None:
                found[n, "content", 0] = cut
    return found


def cells_of(texts: dict[Key, str], moulds: dict[Key, Mould]) -> dict[Key, str]:
    """What takes a slot of its own: the cores of texts that are cut, and all other texts."""
    found: dict[Key, str] = {}
    for key, text in texts.items():
        if key in moulds:
            found |= {(key[0], CORE, k): core for k, core in enumerate(moulds[key].cores)}
        else:
            found[key] = text
    return found


def text_of(cell: Key) -> Key:
    """The text that a cell belongs to."""
    return (cell[0], "content", 0) if cell[1] == CORE else cell


def sentinel(number: int) -> str:
    return f"zQ{number:05d}Qz"


def is_told(n: int, message: Message, marks: dict[Key, str]) -> bool:
    """Whether a message holds nothing but a role and texts, all of which have sentinels."""
    thoughts = sum(key in message for key in THOUGHTS)
    if len(message) != 2 + thoughts or type(message.get("role")) is not str:
        return False
    if type(message.get("content")) is not str or (n, "content", 0) not in marks:
        return False
    return not thoughts or ((n, "reasoning_content", 0) in marks and thinks_once(message))


def padded_mark(key: Key, mark: str) -> str:
    """A sentinel with space around it; the number of a call stays as it is: templates count its characters."""
    return mark if key[1] in NUMBERS or key[1] == CORE else f"{_LEFT}{mark}{_RIGHT}"


def around(bare: Sequence[str], padded: Sequence[str]) -> Iterator[tuple[bool, bool, bool]]:
    """For each part of a render with sentinels: is what pads the sentinel gone before and after it, or quoted?

    What stands between two sentinels in the padded render is what stands there in the other one, and the
    pads that were left: they are chosen so that no text reads in two ways.
    """
    ends = [*padded, *[""] * len(bare)]
    for n in range(0, min(len(bare), len(padded)), 2):
        ends[n] = next((end for end in _PADS if padded[n] == end.format(bare[n])), padded[n])
    for n in range(len(bare)):
        if n % 2 and n + 1 < len(padded) and padded[n + 1].startswith(_QUOTED):
            yield False, False, True
        elif n % 2:
            yield not ends[n - 1].endswith(_LEFT), not ends[n + 1].startswith(_RIGHT), False
        else:
            yield False, False, False

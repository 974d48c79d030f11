"""The private values of a whole row: those of its texts, and those that only the key of a string tells.

What is masked in one text of a row is masked in all that is shown of it: in code, in a link or under another key a
value may stand where nothing around it tells what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from curator.private.masking import Known, longest_first
from curator.private.repeats import spellings
from curator.private.values import ALL, Group, Value, values

SHORTEST_VALUE = 6
_LONGEST_NAMED = 200  # characters of a string that is a value by its key: a longer one is a text
DECLARED = frozenset(("role", "from", "type", "tools", "functions", "tool_call_id"))
"""Keys of strings that are no data of the row."""
OF_THE_ROW = re.compile(
    r"(?:^|[_.-])(?:u?u?ids?|hash|sha\d*|md5|index|idx|offset|time|timestamp|date|created|updated|url|source|version)(?:_at)?$|Id$",
    re.I,
)
"""How keys end that identify or date the row."""


def values_named(name: str, text: str, groups: tuple[Group, ...] = ALL) -> Iterator[Value]:
    """The private values of a string under a key: "phone" and the like tell what a bare number is."""
    head = f"{name.replace('_', ' ')}: " if name else ""
    for kind, start, end in values(head + text, groups):
        if start >= len(head):
            yield Value(kind, start - len(head), end - len(head))


def values_of_row(value: Any, texts: Iterable[str] = ()) -> Known:
    """(value, kind) of every private value of a row (parsed JSON) and of the texts that were read of it.

    A value has a second spelling where it may be written so: a number without its groups, signs as JSON escapes them.
    """
    told = dict.fromkeys(texts)
    found = {text[start:end]: kind for text in told for kind, start, end in values(text)}
    for name, text in _strings(value):
        if text in told:
            continue
        named = values_named(name, text) if len(text) <= _LONGEST_NAMED else values(text)
        found |= {text[start:end]: kind for kind, start, end in named}
    for each, kind in list(found.items()):
        for spelling in (*spellings(kind, each), *_escaped(each)):
            found.setdefault(spelling, kind)
    return longest_first(found)


def _escaped(text: str) -> tuple[str, ...]:
    """The text as JSON writes it, where that is another: of hundreds of thousands in a row nearly none is."""
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return ()
    return json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]


def _strings(value: Any) -> Iterator[tuple[str, str]]:
    """(key, text) of the strings of a row that may hold a value; a string in a list has the key of the list."""
    waiting = [("", value)]
    while waiting:
        name, held = waiting.pop()
        if type(held) is str:
            if len(held) >= SHORTEST_VALUE:
                yield name, held
        elif type(held) is dict:
            waiting += [(key, inner) for key, inner in held.items() if _is_data(key)]
        elif type(held) is list:
            waiting += [(name, inner) for inner in held]


def _is_data(key: str) -> bool:
    return key not in DECLARED and not OF_THE_ROW.search(key)

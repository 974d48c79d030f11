"""Row paths: where in a row something stands.

A path names a place in a row: `messages[1].content[0].text`, `tools[0].function.parameters["a b"]`;
"" is the row itself. Keys that hold anything but letters, digits, `_`, `-`, `$` and `@` are quoted as
JSON strings. Where a key stands twice in an object, the path means the last one, as parsers do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from curator.errors import UsageError

Step = str | int
Steps = tuple[Step, ...]

_PLAIN_KEY = re.compile(r"[\w$@-]+")
_NEXT = re.compile(r'\[(?P<index>\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*+")\]|(?P<dot>\.?)(?P<key>[^.\[]+)', re.S)


@lru_cache(maxsize=4096)  # rows of one shape have the same paths
def parse(path: str) -> Steps:
    """The steps of a path: keys as str, list indices as int.

    Raises UsageError where the path is malformed.
    """
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _NEXT.match(path, at)
        if found is None or (found["key"] and bool(found["dot"]) != bool(steps)):
            hint = 'write messages[1].content, or ["a b"] for a key with other signs than letters and digits'
            raise UsageError(f"{path!r} is no path in a row (character {at + 1})", hint=hint)
        if found["index"]:
            steps.append(int(found["index"]))
        else:
            steps.append(json.loads(found["quoted"], strict=False) if found["quoted"] else found["key"])
        at = found.end()
    return tuple(steps)


def format(steps: Iterable[Step]) -> str:
    """The path of some steps; `parse` reads it back."""
    out = ""
    for step in steps:
        if isinstance(step, int):
            out += f"[{step}]"
        elif _PLAIN_KEY.fullmatch(step):
            out += f".{step}" if out else step
        else:
            out += f"[{json.dumps(step, ensure_ascii=not step.isprintable())}]"
    return out


@lru_cache(maxsize=4096, typed=True)
def join(path: str, *steps: Step) -> str:
    """The path of what lies `steps` below `path`: "messages[1]" and "content" make "messages[1].content"."""
    below = format(steps)
    return f"{path}.{below}" if path and below and below[0] != "[" else path + below


def get(value: Any, path: str, default: Any = None) -> Any:
    """What stands at `path` in a parsed row, or `default` where nothing does."""
    for step in parse(path):
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                return default
        elif not isinstance(value, dict) or step not in value:
            return default
        value = value[step]
    return value

"""Follows the texts of a conversation through a template, to where each of them stands in the render.

A conversation of `Traced` texts is rendered: every one behaves as the text it is, so that the template takes the
same way as with the row's own, and what is cut from it, joined with others or written as JSON still knows whose it
was (taint tracking by character, Chin and Wagner 2009). Where an operation makes a text that no longer knows it, the
texts it was made of are noted; of these nothing is told.

What Jinja hands to compiled code is followed at the call. This module imports Jinja: import it where it is needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, wraps
from typing import Any, NamedTuple

from curator.templates.sandbox import Bounded
from curator.templates.searching import Key

Run = tuple[int, int, Key]  # characters from … to … are of that text
_MARK = re.compile(r"(?:\ufdd2|\\ufdd2)(\d+)(?:\ufdd3|\\ufdd3)")  # noncharacters, which no text may hold


_JSON_OPTIONS = ("ensure_ascii", "indent", "separators", "sort_keys")


class Trace(NamedTuple):
    """What became of the texts: `runs` in the order of the render, and the `unfollowed` of which that is not known."""

    text: str
    runs: tuple[Run, ...]
    unfollowed: frozenset[Key]


class Traced(str):
    """A text, parts of which are known to come from texts of the conversation."""

    __slots__ = ("runs", "unfollowed")
    runs: tuple[Run, ...]
    unfollowed: set[Key]

    @staticmethod
    def of(text: str, runs: Iterable[Run], unfollowed: set[Key]) -> Traced:
        made = Traced(text)
        made.runs, made.unfollowed = tuple(runs), unfollowed
        return made

    def cut(self, start: int, end: int) -> Traced:
        runs = [(max(a, start) - start, min(b, end) - start, key) for a, b, key in self.runs if a < end and start < b]
        return Traced.of(str.__getitem__(self, slice(start, end)), runs, self.unfollowed)

    def lost(self) -> None:
        """Note that a text was made of this one that does not know it."""
        self.unfollowed.update(key for _, _, key in self.runs)

    def __str__(self) -> str:
        return self

    def __add__(self, other: Any) -> Any:
        return _joined("", (self, other), self.unfollowed) if isinstance(other, str) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return _joined("", (other, self), self.unfollowed) if isinstance(other, str) else NotImplemented

    def __iter__(self) -> Iterator[str]:
        return (self.cut(n, n + 1) for n in range(len(self)))

    def __getitem__(self, key: Any) -> str:
        if type(key) is slice:
            start, stop, step = key.indices(len(self))
            if step == 1:
                return self.cut(start, max(start, stop))
            self.lost()
        elif type(key) is int and -len(self) <= key < len(self):
            return self.cut(key % len(self), key % len(self) + 1)
        return str.__getitem__(self, key)

    def strip(self, chars: str | None = None, /) -> str:
        return self._between(len(str.lstrip(self, chars)), len(str.rstrip(self, chars)))

    def lstrip(self, chars: str | None = None, /) -> str:
        return self._between(len(str.lstrip(self, chars)), len(self))

    def rstrip(self, chars: str | None = None, /) -> str:
        return self._between(len(self), len(str.rstrip(self, chars)))

    def _between(self, without_lead: int, without_tail: int) -> str:
        return self.cut(len(self) - without_lead, max(len(self) - without_lead, without_tail))

    def removeprefix(self, prefix: str, /) -> str:
        return self.cut(len(prefix), len(self)) if self.startswith(prefix) else self

    def removesuffix(self, suffix: str, /) -> str:
        return self.cut(0, len(self) - len(suffix)) if suffix and self.endswith(suffix) else self

    def split(self, sep: str | None = None, maxsplit: Any = -1) -> list[str]:  # type: ignore[override]
        return self._parts(str.split(self, sep, maxsplit), sep)

    def rsplit(self, sep: str | None = None, maxsplit: Any = -1) -> list[str]:  # type: ignore[override]
        return self._parts(str.rsplit(self, sep, maxsplit), sep)

    def partition(self, sep: str, /) -> tuple[str, str, str]:
        one, two, three = self._parts(str.partition(self, sep), "")
        return one, two, three

    def rpartition(self, sep: str, /) -> tuple[str, str, str]:
        one, two, three = self._parts(str.rpartition(self, sep), "")
        return one, two, three

    def splitlines(self, keepends: Any = False) -> list[str]:
        whole = self._parts(str.splitlines(self, True), "")
        return whole if keepends else [line[: len(str.splitlines(line)[0])] for line in whole]

    def _parts(self, parts: Sequence[str], sep: str | None) -> list[str]:
        """The parts, which stand in this order in the text, a separator (None: white space) between two."""
        found: list[str] = []
        at = 0
        for part in parts:
            place = self.find(part, at) if sep is None else at
            found.append(self.cut(place, place + len(part)))
            at = place + len(part) + len(sep or "")
        return found

    def replace(self, old: str, new: str, count: Any = -1, /) -> str:  # type: ignore[override]
        if not old:
            return self._whole(str.replace(self, old, new, count))
        parts, at = [], 0
        for part in str.split(self, old, count):
            parts.append(self.cut(at, at + len(part)))
            at += len(part) + len(old)
        return _joined(new, parts, self.unfollowed)

    def join(self, parts: Iterable[str], /) -> str:
        return _joined(self, parts, self.unfollowed)

    def _whole(self, made: str) -> str:
        """A text of the same length, character for character; of any other it is not known what came from where."""
        if len(made) == len(self):
            return Traced.of(made, self.runs, self.unfollowed)
        self.lost()
        return made


def _joined(between: str, parts: Iterable[str], unfollowed: set[Key]) -> Traced:
    """Texts put together; neighbouring runs of one text become one."""
    runs: list[Run] = []
    shown: list[str] = []
    at = 0
    for n, part in enumerate(parts):
        for said in (between, part) if n and between else (part,):
            for start, end, key in said.runs if isinstance(said, Traced) else ():
                if runs and runs[-1][1:] == (at + start, key):
                    runs[-1] = runs[-1][0], at + end, key
                elif end > start:
                    runs.append((at + start, at + end, key))
            shown.append(said)
            at += len(said)
    return Traced.of("".join(shown), runs, unfollowed)


def _same_length(name: str) -> Callable[..., str]:
    plain = getattr(str, name)

    def changed(self: Traced) -> str:
        return self._whole(plain(self))

    return changed


def _noted(name: str) -> Callable[..., Any]:
    plain = getattr(str, name)

    def noted(self: Traced, *values: Any, **named: Any) -> Any:
        _note((self, *values, *named.values()))
        return plain(self, *values, **named)

    return noted


for _name in ("capitalize", "casefold", "lower", "swapcase", "title", "upper"):
    setattr(Traced, _name, _same_length(_name))
for _name in (
    *("__format__", "__mod__", "__mul__", "__rmul__", "__repr__"),
    *("center", "encode", "expandtabs", "format", "format_map", "ljust", "rjust", "translate", "zfill"),
):
    setattr(Traced, _name, _noted(_name))


def _inside(value: Any) -> Iterator[Traced]:
    """The traced texts in a value."""
    if isinstance(value, Traced):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in [*value, *value.values()] if isinstance(value, dict) else value:
            yield from _inside(item)


def _note(value: Any) -> None:
    for text in _inside(value):
        text.lost()


class Following(Bounded):
    """The sandbox, in which texts are followed."""

    def __init__(self) -> None:
        super().__init__()
        self.unfollowed: set[Key] = set()
        kept = {name: self._noting(made) for name, made in self.filters.items()}
        self.filters.update(kept | {"join": self._join, "tojson": self._tojson})

    def call(self, context: Any, called: Any, *values: Any, **named: Any) -> Any:
        if getattr(called, "__name__", "") == "join" and type(getattr(called, "__self__", None)) is str:
            return _joined(called.__self__, values[0], self.unfollowed)
        return self._checked(super().call(context, called, *values, **named), (*values, *named.values()))

    def concat(self, parts: Iterable[str]) -> str:
        return _joined("", parts, self.unfollowed)

    def joined(self, parts: Iterable[Any]) -> str:
        return _joined("", [part if isinstance(part, str) else str(part) for part in parts], self.unfollowed)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        return self._checked(super().call_binop(context, operator, left, right), (left, right))

    def _noting(self, made: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(made)
        def run(*values: Any, **named: Any) -> Any:
            return self._checked(made(*values, **named), (*values, *named.values()))

        return run

    def _checked(self, result: Any, made_of: tuple[Any, ...]) -> Any:
        """The result of a call; a plain text made of traced ones does not know them."""
        if type(result) is str:
            _note(made_of)
        return result

    def _join(self, value: Any, d: str = "", attribute: Any = None) -> str:
        items = [self.getitem(item, attribute) for item in value] if attribute is not None else value
        return _joined(d, [item if isinstance(item, str) else str(item) for item in items], self.unfollowed)

    def _tojson(self, value: Any, *options: Any, **named: Any) -> str:
        """As the filter writes it, with the texts put in afterwards."""
        held: list[Traced] = []

        def bare(item: Any) -> Any:
            if isinstance(item, Traced) and item.runs:
                held.append(item)
                return f"\ufdd2{len(held) - 1}\ufdd3"
            if isinstance(item, dict):
                return {key: bare(inner) for key, inner in item.items()}
            return [bare(inner) for inner in item] if isinstance(item, list | tuple) else item

        named = {"ensure_ascii": False, **dict(zip(_JSON_OPTIONS, options, strict=False)), **named}
        plain = json.dumps(bare(value), **named)
        parts: list[str] = []
        for n, part in enumerate(_MARK.split(plain)):
            if n % 2 == 0:
                parts.append(part)
                continue
            first, *more = held[int(part)].runs
            written = json.dumps(held[int(part)], ensure_ascii=named["ensure_ascii"])[1:-1]
            self.unfollowed.update(key for _, _, key in more if key != first[2])
            parts.append(Traced.of(written, [(0, len(written), first[2])], self.unfollowed))
        return _joined("", parts, self.unfollowed)


@lru_cache(maxsize=16)
def _following(text: str) -> tuple[Following, Callable[..., str]] | None:
    """The environment and the render function of a template; None where it cannot be compiled."""
    environment = Following()
    try:
        return environment, environment.template(text)
    except Exception:
        return None


def followed(
    text: str,
    values: dict[str, Any],
    put: Callable[[dict[Key, str]], Any],
    texts: dict[Key, str],
    expected: str,
) -> Trace | None:
    """Where the texts of a conversation stand in its render; None where that cannot be followed.

    `put` puts texts into the conversation of `values`, and `expected` is its render.
    """
    made = _following(text)
    if made is None:
        return None
    environment, render = made
    environment.unfollowed = unfollowed = set[Key]()
    traced: dict[Key, str] = {key: Traced.of(whole, [(0, len(whole), key)], unfollowed) for key, whole in texts.items()}
    try:
        shown = render(**{**values, "messages": put(traced)})
    except Exception:  # a template may raise anything
        return None
    if str.__str__(shown) != expected:
        return None
    runs = shown.runs if isinstance(shown, Traced) else ()
    return Trace(expected, runs, frozenset(unfollowed))

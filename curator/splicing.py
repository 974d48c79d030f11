"""Changes to a JSON line that leave every other byte as it is.

The scanner below walks the bytes of a line that is known to be JSON in UTF-8: linear, without recursion,
and blind to what it does not need.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from curator.model import Cut, Edit, Put
from curator.paths import Step, Steps, parse

Change = Edit | Put | Cut

BOM = b"\xef\xbb\xbf"


def locate(raw: bytes, path: str) -> tuple[int, int]:
    """(start, stop) in bytes of the JSON value at `path` in a JSON line.

    Raises KeyError where the line has no such place.
    """
    return Located(raw, [path]).locate(path)


def locate_span(raw: bytes, path: str, span: tuple[int, int]) -> tuple[int, int]:
    """(start, stop) in bytes of the characters span[0] up to span[1] of the string at `path`.

    An empty span stands for the character behind it, or the quotation mark; of anything but a string it is the
    whole value. Raises KeyError where the line has no such place.
    """
    return Located(raw, [path]).locate_span(path, span)


class Located:
    """A JSON line whose places are asked for many times: it is gone through once for all `paths`."""

    def __init__(self, raw: bytes, paths: Iterable[str]) -> None:
        self.raw = raw
        wanted = [parse(path) for path in dict.fromkeys(paths)]
        self._places = _places(raw, [(), *wanted], strict=False)
        self._offsets: dict[int, np.ndarray] = {}

    def locate(self, path: str) -> tuple[int, int]:
        """As the function of that name, for one of the paths."""
        place = self._places[parse(path)]
        return place.value, place.stop

    def locate_span(self, path: str, span: tuple[int, int]) -> tuple[int, int]:
        """As the function of that name, for one of the paths."""
        begin, stop = self.locate(path)
        if self.raw[begin] != _QUOTE:
            return begin, stop
        if begin not in self._offsets:
            self._offsets[begin] = _character_offsets(self.raw[begin + 1 : stop - 1])
        offsets = self._offsets[begin]
        last = len(offsets) - 1
        low = begin + 1 + int(offsets[min(max(span[0], 0), last)])
        high = begin + 1 + int(offsets[min(max(span[1], span[0] + 1), last)])
        return low, max(high, low + 1)


def first_key_end(raw: bytes, begin: int) -> int:
    """The byte behind the first key of the object that begins at `begin`, or behind the bracket where there is none.

    Of an array, that of its first element, where this is an object or array.
    """
    at = begin
    while raw[at] in b"[{":
        inner = _SPACE.match(raw, at + 1).end()  # type: ignore[union-attr]
        if raw[at] == 0x7B:
            return _string_end(raw, inner) if raw[inner] == _QUOTE else at + 1
        if raw[inner] not in b"[{":
            return at + 1
        at = inner
    return at + 1


def locate_member(raw: bytes, path: str) -> tuple[int, int]:
    """(start, stop) in bytes of what goes when the key or element at `path` is cut: its comma included.

    Raises KeyError where the line has no such place, or where `path` is the row itself.
    """
    steps = parse(path)
    place = _places(raw, [steps])[steps]
    if place.parent is None:
        raise KeyError(path)
    return next(_runs(place.parent, {place.start}))


# ---------------------------------------------------------------------- changes


def splice(raw: bytes, changes: Sequence[Change]) -> bytes:
    """The line with the changes made; bytes outside the changed characters and values stay as they are.

    All changes are addressed to the line as it stands. Of changes that overlap the first is made; a
    change whose place the line does not have is not made. New text is escaped as its surroundings are.
    """
    return splice_groups(raw, [[change] for change in changes])[0]


def splice_groups(raw: bytes, groups: Sequence[Sequence[Change]]) -> tuple[bytes, tuple[bool, ...]]:
    """(the line with the changes made, whether each group was made).

    A group is made whole or not at all: not where one of its places is missing, or overlaps an earlier
    group's. Inside a group the first of two overlapping changes is made.
    """
    wanted = [parse(change.path) for group in groups for change in group]
    plan = _Splice(raw, _places(raw, wanted, strict=False))
    made = tuple(plan.add(group) for group in groups)
    return plan.result(), made


class _Patch(NamedTuple):
    """New bytes for raw[start:stop]: what a change claims. `order` is the order of acceptance.

    A new member of an object or array has its path as `key`: several stand at one point and do not
    clash. A change inside a string that only inserts is `tight`: nothing else may touch it, since no
    order could be kept.
    """

    start: int
    stop: int
    order: int
    text: bytes
    group: int
    key: Steps = ()
    cut: bool = False
    tight: bool = False

    def clashes(self, other: _Patch) -> bool:
        if self.key and other.key:
            return self.key == other.key
        if self.tight or other.tight:
            return self.start <= other.stop and other.start <= self.stop
        return self.start < other.stop and other.start < self.stop


class _Splice:
    """Collects patches of one line; those accepted never overlap."""

    def __init__(self, raw: bytes, places: dict[Steps, _Place]) -> None:
        self._raw = raw
        self._places = places
        self._accepted: list[_Patch] = []  # in order of (start, stop, order)
        self._order = count()
        self._containers: dict[int, _Container] = {}  # those that lose or gain members, by their opening byte
        self._strings: dict[int, tuple[np.ndarray, bool]] = {}
        self._by_step: dict[int, dict[Step, list[_Member]]] = {}
        self._ascii = raw.isascii() and _WIDE_ESCAPE.search(raw) is not None

    def add(self, group: Sequence[Change]) -> bool:
        """Accept a group of changes, or nothing of it."""
        number = next(self._order)
        added: list[_Patch] = []
        for change in group:
            patches = self._patches(change, number)
            clashing = [self._clash(patch) for patch in patches or ()]
            if patches is None or any(other is not None and other.group != number for other in clashing):
                for patch in added:
                    del self._accepted[bisect_left(self._accepted, patch)]
                return False
            if not any(clashing):
                added += patches
                for patch in patches:
                    self._accepted.insert(bisect_left(self._accepted, patch), patch)
        return True

    def result(self) -> bytes:
        spans = [(p.start, p.stop, p.text) for p in self._accepted if not p.cut and not p.key]
        cut = {patch.start for patch in self._accepted if patch.cut}
        new: dict[int, list[_Patch]] = {}
        for patch in self._accepted:
            if patch.key:
                new.setdefault(patch.start, []).append(patch)
        for container in self._containers.values():
            spans += self._rebuilt(container, cut, new)
        out, at = [], 0
        for start, stop, text in sorted(spans):
            out += [self._raw[at:start], text]
            at = stop
        out.append(self._raw[at:])
        return b"".join(out)

    def _rebuilt(
        self, container: _Container, cut: Set[int], added: Mapping[int, Sequence[_Patch]]
    ) -> Iterator[tuple[int, int, bytes]]:
        """The spans that go with the members cut from a container, and the new members at its end."""
        members = container.members
        gone = {member.start for member in members if member.start in cut}
        for run in _runs(container, gone):
            yield *run, b""
        end = members[-1].stop if members else container.open + 1
        comma, _ = self._spacing
        text = comma.join(patch.text for patch in sorted(added.get(end, ()), key=lambda patch: patch.order))
        if text:
            yield end, end, comma + text if len(gone) < len(members) else text

    def _clash(self, patch: _Patch) -> _Patch | None:
        """An accepted patch that stands in the way."""
        at = bisect_left(self._accepted, patch)
        while at and self._accepted[at - 1].stop >= patch.start:
            at -= 1
        for other in self._accepted[at:]:
            if other.start > patch.stop:
                return None
            if patch.clashes(other):
                return other
        return None

    def _members_at(self, container: _Container, step: Step) -> list[_Member]:
        """The members of a container under a key or index: several where a key is repeated."""
        if container.open not in self._by_step:
            found: dict[Step, list[_Member]] = {}
            for member in container.members:
                found.setdefault(member.step, []).append(member)
            self._by_step[container.open] = found
        return self._by_step[container.open][step]

    def _patches(self, change: Change, group: int) -> list[_Patch] | None:
        """What the change claims; None where the line has no such place."""
        steps = parse(change.path)
        place = self._places.get(steps)
        if isinstance(change, Put):
            return self._put(steps, place, change.value, group)
        if place is None:
            return None
        if isinstance(change, Edit):
            return self._edit(place, change, group)
        if place.parent is None:
            return None
        self._containers[place.parent.open] = place.parent
        same = self._members_at(place.parent, place.step)
        return [_Patch(m.start, m.stop, next(self._order), b"", group, cut=True) for m in same]

    def _edit(self, place: _Place, edit: Edit, group: int) -> list[_Patch] | None:
        if self._raw[place.value] != _QUOTE:
            return None
        if place.value not in self._strings:
            inner = self._raw[place.value + 1 : place.stop - 1]
            self._strings[place.value] = _character_offsets(inner), self._escapes(inner)
        offsets, ascii_only = self._strings[place.value]
        if not 0 <= edit.start <= edit.end < len(offsets):
            return None
        start, stop = (place.value + 1 + int(offsets[character]) for character in (edit.start, edit.end))
        text = encode_string(edit.text, ascii_only=ascii_only)[1:-1]
        return [_Patch(start, stop, next(self._order), text, group, tight=start == stop)]

    def _put(self, steps: Steps, place: _Place | None, value: Any, group: int) -> list[_Patch] | None:
        if place is not None:
            text = self._encode(value, self._escapes(self._raw[place.value : place.stop]))
            return [_Patch(place.value, place.stop, next(self._order), text, group)]
        parent = self._places.get(steps[:-1])
        container = parent and _container(self._raw, parent.value)
        step = steps[-1]
        if not container or isinstance(step, int) != container.listed:
            return None
        if container.listed and step != len(container.members):
            return None
        self._containers[container.open] = container
        end = container.members[-1].stop if container.members else container.open + 1
        text = self._encode(value, self._ascii)
        if isinstance(step, str):
            text = encode_string(step, ascii_only=self._ascii) + self._spacing[1] + text
        return [_Patch(end, end, next(self._order), text, group, key=steps)]

    def _encode(self, value: Any, ascii_only: bool) -> bytes:
        if isinstance(value, str):
            return encode_string(value, ascii_only=ascii_only)
        comma, colon = self._spacing
        text = json.dumps(value, ensure_ascii=ascii_only, separators=(comma.decode(), colon.decode()))
        return _SURROGATE.sub(_escape, text).encode()

    def _escapes(self, part: bytes) -> bool:
        """Whether non-ASCII text is written as escapes: as in this part of the line, else as in the line."""
        return part.isascii() and (self._ascii or _WIDE_ESCAPE.search(part) is not None)

    @cached_property
    def _spacing(self) -> tuple[bytes, bytes]:
        """The comma and the colon with the white space that the row puts behind them."""
        row = _container(self._raw, _begin(self._raw))
        if row is None or row.listed or not row.members:
            return b", ", b": "
        first = row.members[0]
        colon = self._raw[_string_end(self._raw, first.start) : first.value].partition(b":")[2]
        comma = colon
        if len(row.members) > 1:
            comma = self._raw[first.stop : row.members[1].start].partition(b",")[2]
        return b"," + comma, b":" + colon


# ---------------------------------------------------------------------- strings

_QUOTE = 0x22
_WIDE_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u(?!00[0-7])[0-9a-fA-F]{4}")
_ESCAPE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


_AS_ASCII, _AS_UTF8 = (json.JSONEncoder(ensure_ascii=ascii_only).encode for ascii_only in (True, False))


def encode_string(text: str, *, ascii_only: bool = False) -> bytes:
    """A JSON string with its quotes. Lone surrogates are escaped, since UTF-8 cannot hold them."""
    encoded = _AS_ASCII(text) if ascii_only else _AS_UTF8(text)
    return (encoded if encoded.isascii() else _SURROGATE.sub(_escape, encoded)).encode()


def _character_offsets(inner: bytes) -> np.ndarray:
    """The byte at which each character of a JSON string's inside begins; int64, shape (characters + 1,)."""
    begins = (np.frombuffer(inner, np.uint8) & 0xC0) != 0x80
    for escape in _ESCAPE.finditer(inner):
        begins[escape.start() + 1 : escape.end()] = False
    return np.append(np.flatnonzero(begins), len(inner))


# ---------------------------------------------------------------------- the scanner

_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[^\s,\]}]*")
_BRACKET_OR_QUOTE = re.compile(rb'["\[\]{}]')


class _Member(NamedTuple):
    """A key with its value, or an element: raw[start:stop], the value from `value` on."""

    step: Step
    start: int
    value: int
    stop: int


class _Container(NamedTuple):
    """An object or (`listed`) an array that opens at byte `open`."""

    open: int
    listed: bool
    members: list[_Member]


class _Place(NamedTuple):
    step: Step
    start: int
    value: int
    stop: int
    parent: _Container | None


def _begin(raw: bytes) -> int:
    """Where the row's value begins, behind a byte order mark and white space."""
    return _SPACE.match(raw, len(BOM) if raw.startswith(BOM) else 0).end()  # type: ignore[union-attr]


def _string_end(raw: bytes, at: int) -> int:
    """The byte behind the string that opens at `at`."""
    quote = at
    while True:
        quote = raw.index(b'"', quote + 1)
        back = quote
        while raw[back - 1] == 0x5C:
            back -= 1
        if (quote - back) % 2 == 0:
            return quote + 1


def _value_end(raw: bytes, at: int) -> int:
    """The byte behind the value that begins at `at`."""
    if raw[at] == 0x22:
        return _string_end(raw, at)
    if raw[at] not in b"[{":
        return _SCALAR.match(raw, at).end()  # type: ignore[union-attr]
    depth = 0
    while True:
        found = _BRACKET_OR_QUOTE.search(raw, at)
        if found is None:
            raise ValueError("the line is not JSON")
        at = found.end()
        sign = raw[at - 1]
        if sign == 0x22:
            at = _string_end(raw, at - 1)
        elif sign in b"[{":
            depth += 1
        else:
            depth -= 1
            if not depth:
                return at


def _container(raw: bytes, at: int) -> _Container | None:
    """The object or array that begins at `at`; None for a string or scalar."""
    if raw[at] not in b"[{":
        return None
    listed = raw[at] == 0x5B
    return _Container(at, listed, list(_members(raw, at + 1, listed)))


def _members(raw: bytes, at: int, listed: bool) -> Iterator[_Member]:
    skip = _SPACE.match
    number = 0
    at = skip(raw, at).end()  # type: ignore[union-attr]
    while raw[at] not in b"]}":
        start, step = at, number
        key: Step = step
        if not listed:
            at = _string_end(raw, at)
            key = json.loads(raw[start:at].decode(), strict=False)
            at = skip(raw, skip(raw, at).end() + 1).end()  # type: ignore[union-attr]
        stop = _value_end(raw, at)
        yield _Member(key, start, at, stop)
        number += 1
        at = skip(raw, stop).end()  # type: ignore[union-attr]
        if raw[at] == 0x2C:
            at = skip(raw, at + 1).end()  # type: ignore[union-attr]


def _places(raw: bytes, wanted: Iterable[Steps], *, strict: bool = True) -> dict[Steps, _Place]:
    """Where each of the wanted places stands; with `strict` a missing one raises KeyError."""
    tree: dict[Step, Any] = {}
    wanted = list(wanted)
    for steps in wanted:
        node = tree
        for step in steps:
            node = node.setdefault(step, {})
    begin = _begin(raw)
    found: dict[Steps, _Place] = {(): _Place("", begin, begin, _value_end(raw, begin), None)}
    open_nodes: list[tuple[Steps, dict[Step, Any]]] = [((), tree)]
    while open_nodes:
        above, node = open_nodes.pop()
        container = _container(raw, found[above].value) if node else None
        if container is None:
            continue
        for step, member in {member.step: member for member in container.members}.items():
            if step in node:
                found[(*above, step)] = _Place(*member, container)
                open_nodes.append(((*above, step), node[step]))
    if strict:
        for steps in wanted:
            if steps not in found:
                raise KeyError(format(steps))
    return found


def _runs(container: _Container, gone: set[int]) -> Iterator[tuple[int, int]]:
    """The spans to take out so that the members that begin at `gone` go and the commas stay right."""
    members = container.members
    at, kept = 0, -1
    while at < len(members):
        if members[at].start not in gone:
            at, kept = at + 1, at
            continue
        run = at
        while at < len(members) and members[at].start in gone:
            at += 1
        if kept >= 0:
            yield members[kept].stop, members[at - 1].stop
        else:
            yield members[run].start, members[at].start if at < len(members) else members[at - 1].stop

"""Private values do not leave the data: whatever is shown or kept of a row goes through here.

Two roads lead out of a row. An excerpt shows a part of a text: what stands around the part is looked at as well,
so that a value is known that the part cuts, or that only the words before it give away. A message or its evidence
quotes words of a row: there, beside what can be known by itself, the values of the whole row are sought.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any, NamedTuple

import msgspec

from curator.model import Edit, Fix, Flag, Put
from curator.private.context import stands_alone
from curator.private.placeholders import STAND_IN, mask, placeholder
from curator.private.values import Value, values

_AROUND = 160  # characters on either side of what is shown
_LONGEST = 4000  # characters that a value without blanks may reach further


def masked(text: str) -> str:
    """The text with its private values replaced by their kinds."""
    found = values(text)
    return _replaced(text, found) if found else text


def masked_apart(text: str) -> str:
    """The same with placeholders, so that one value can be told from another."""
    return _replaced_by(text, placeholder)


def masked_around(
    text: str, start: int, end: int, reach: int, of_row: Callable[[], Known] | None = None
) -> tuple[str, int, int]:
    """(text, start, end): masked as far as `reach` on either side of text[start:end], and where that is now.

    Of a long text the part around is given, wide enough that `reach` characters on either side are as in the whole.
    `of_row` gives the values of the row that the text is of: they are masked wherever they stand in it.
    """
    if _names_a_key(text):
        whole = _whole(text, of_row() if of_row else Known())
        text, start, end = whole.text, whole.moved(start, last=False), whole.moved(end, last=True)
        cut = max(0, start - 2 * reach)
        return text[cut : end + 2 * reach], start - cut, end - cut
    low, high = _between_blanks(text, max(0, start - reach - _AROUND), min(len(text), end + reach + _AROUND))
    cut = max(0, low - 2 * reach)
    part, start, end = text[cut : high + 2 * reach], start - cut, end - cut
    found = _with_others(text[low:high], of_row() if of_row else Known())
    if not found:
        return part, start, end
    shown = _Masked.of(part, [Value(v.kind, v.start + low - cut, v.end + low - cut) for v in found])
    return shown.text, shown.moved(start, last=False), shown.moved(end, last=True)


def _with_others(text: str, known: Known) -> Sequence[Value]:
    """The private values of a text, and those that are known of its row, in the order of their places."""
    found = values(text)
    others = known.places(text) if known else []
    if not others:
        return found
    kept = [value for value in found if not any(other.start <= value.start < other.end for other in others)]
    taken = [other for other in others if all(other.end <= value.start or other.start >= value.end for value in kept)]
    return sorted((*kept, *taken), key=lambda value: value.start)


class _Masked(NamedTuple):
    """A text without its private values, and how places move for it."""

    text: str
    found: Sequence[Value]
    ends: list[int]
    gained: list[int]  # characters before each value, and behind the last

    @classmethod
    def of(cls, text: str, found: Sequence[Value]) -> _Masked:
        gained = accumulate((len(mask(value.kind)) - (value.end - value.start) for value in found), initial=0)
        return cls(_replaced(text, found), found, [value.end for value in found], list(gained))

    def moved(self, place: int, *, last: bool) -> int:
        """Where a place of the text is once the values are masked; inside a value, its beginning or its end."""
        at = bisect_right(self.ends, place)
        if at < len(self.found) and self.found[at].start < place:
            value = self.found[at]
            return value.start + self.gained[at] + (len(mask(value.kind)) if last else 0)
        return place + self.gained[at]


@lru_cache(maxsize=16)
def _names_a_key(text: str) -> bool:
    return "PRIVATE KEY" in text


@lru_cache(maxsize=4)  # a row may have thousands of findings
def _whole(text: str, known: Known) -> _Masked:
    return _Masked.of(text, _with_others(text, known))


def _between_blanks(text: str, low: int, high: int) -> tuple[int, int]:
    """The span widened to where a blank stands."""
    least, most = max(0, low - _LONGEST), min(len(text), high + _LONGEST)
    while low > least and not text[low - 1].isspace():
        low -= 1
    while high < most and not text[high].isspace():
        high += 1
    return low, high


def _replaced(text: str, found: Iterable[Value]) -> str:
    parts: list[str] = []
    at = 0
    for value in found:
        parts += (text[at : value.start], mask(value.kind))
        at = value.end
    return "".join([*parts, text[at:]])


# ---------------------------------------------------------------------- findings

# Words in which a value of the row may be quoted without what gives it away: digits, or signs mixed with letters.
_QUOTES = re.compile(r"\d\D{0,3}\d\D{0,3}\d\D{0,3}\d|[^\s\"'{},]{3}[\d!@#$%&*?+=_-][^\s\"'{},]{2}")


def may_quote(flag: Flag) -> bool:
    """Whether a text of message and evidence could quote a value that the rest of the row gives away."""
    return any(map(_QUOTES.search, (flag.message, *texts_of(flag.evidence))))


class Known(tuple[tuple[str, str], ...]):
    """(value, kind) of private values, one that holds another before it."""

    @cached_property
    def _size(self) -> int:
        return min(5, *(len(value) for value, _ in self))

    @cached_property
    def _kinds(self) -> dict[str, str]:
        return dict(self)

    @cached_property
    def _lengths(self) -> dict[str, list[int]]:
        """By how values begin, their lengths, the longest first."""
        found: dict[str, dict[int, None]] = {}
        for value, _ in self:
            found.setdefault(value[: self._size], {})[len(value)] = None
        return {begun: list(lengths) for begun, lengths in found.items()}

    def _within(self, text: str) -> Iterator[tuple[int, str]]:
        """(start, value) of the values in a text, the longest where several begin: a row may have hundreds of thousands."""
        done = 0
        for at in range(len(text)):
            for length in self._lengths.get(text[at : at + self._size], ()) if at >= done else ():
                if (value := text[at : at + length]) in self._kinds:
                    yield at, value
                    done = at + length
                    break

    @cached_property
    def hold_stand_ins(self) -> bool:
        """Whether what stands in for a private value is a part of one."""
        return any("[" in value and STAND_IN.search(value) for value, _ in self)

    @cached_property
    def _seen(self) -> dict[str, str]:
        return {}

    def places(self, text: str) -> list[Value]:
        """Where the values stand in the text, in order; none overlaps another, and a longer one comes before its parts.

        One of few signs counts where it stands by itself: 1234 is no part of 91234.
        """
        if len(self) >= _MANY:
            return [Value(self._kinds[value], at, at + len(value)) for at, value in self._within(text)
                    if len(value) >= _TELLING or stands_alone(text, at, at + len(value))]  # fmt: skip
        found: list[Value] = []
        for value, kind in self:
            at = text.find(value)
            while at >= 0:
                end = at + len(value)
                free = all(end <= other.start or at >= other.end for other in found)
                if free and (len(value) >= _TELLING or stands_alone(text, at, end)):
                    found.append(Value(kind, at, end))
                at = text.find(value, end)
        return sorted(found, key=lambda value: value.start)

    def masked_in(self, text: str) -> str:
        """The text with the values replaced by their kinds."""
        if len(self) < _MANY:
            for value, kind in self:
                if value in text:
                    text = text.replace(value, mask(kind))
            return text
        if (said := self._seen.get(text)) is None:
            said = self._masked_in(text)
            if len(text) <= _SHORT and len(self._seen) < _MOST_SEEN:
                self._seen[text] = said
        return said

    def _masked_in(self, text: str) -> str:
        parts: list[str] = []
        done = 0
        for at, value in self._within(text):
            parts += (text[done:at], mask(self._kinds[value]))
            done = at + len(value)
        return "".join([*parts, text[done:]])


_MANY = 20
_TELLING = 6  # characters of a value that is no part of another word
_MOST_SEEN = 1000  # short texts that are known again: messages and titles of a row's findings


def longest_first(kinds: dict[str, str]) -> Known:
    """The values with their kinds: one that holds another is to be masked before it."""
    return Known(sorted(kinds.items(), key=lambda item: (-len(item[0]), item[0])))


def masked_flag(flag: Flag, known: Iterable[tuple[str, str]] = ()) -> Flag:
    """The flag with the private values in its place, message, evidence and title masked; `known` are of its rows."""
    known = known if isinstance(known, Known) else Known(known)
    at = masked(flag.at)  # a key may be one
    message, evidence = _clean(flag.message, known), _clean(flag.evidence, known) if flag.evidence else flag.evidence
    fix = flag.fix
    if fix is not None and (title := _clean(fix.title, known)) != fix.title:
        fix = msgspec.structs.replace(fix, title=title)
    if at == flag.at and message == flag.message and evidence == flag.evidence and fix is flag.fix:
        return flag
    return msgspec.structs.replace(flag, at=at, message=message, evidence=evidence, fix=fix)


def masked_value(value: Any, known: Iterable[tuple[str, str]] = ()) -> Any:
    """A JSON value with the private values of its strings, keys included, masked, and those that are `known`."""
    return _clean(value, known if isinstance(known, Known) else Known(known))


def texts_of(value: Any) -> list[str]:
    """The texts of a value, keys included."""
    found: list[str] = []
    _gather(value, found)
    return found


def _gather(value: Any, found: list[str]) -> None:
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if isinstance(key, str):
                found.append(key)
            if isinstance(item, str):  # most are: a call for each would cost more than all the rest
                found.append(item)
            elif isinstance(item, _NESTED):
                _gather(item, found)
    elif isinstance(value, _NESTED):
        for item in value:
            _gather(item, found)


_NESTED = (dict, list, tuple)


_SHORT = 80  # characters of a text that many findings may hold: the names of their evidence, a phrase


@lru_cache(maxsize=1 << 12)
def _masked_again(text: str) -> str:
    return masked(text)


def _clean(value: Any, known: Known) -> Any:
    if isinstance(value, str):
        bare = STAND_IN.sub(r"[\1]", value) if "[" in value and not known.hold_stand_ins else value
        if bare != value and _clean_text(bare, known) == bare:  # thousands of findings differ in it alone
            return value
        return _clean_text(value, known)
    if isinstance(value, dict):
        return {_clean(key, known): _clean(item, known) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)([_clean(item, known) for item in value])
    return value


def _clean_text(text: str, known: Known) -> str:
    text = known.masked_in(text)
    return _masked_again(text) if len(text) <= _SHORT else masked(text)


def holds_private(fix: Fix | None) -> bool:
    """Whether what a fix writes holds a private value, so that it is not to be kept on disk."""
    if fix is None:
        return False
    if fix.lines and any(map(values, fix.lines)):
        return True
    return any(_holds(change.text if isinstance(change, Edit) else change.value) for change in fix.changes
               if isinstance(change, Edit | Put))  # fmt: skip


def _holds(value: Any) -> bool:
    if isinstance(value, str):
        return len(value) > 5 and bool(values(value))
    if isinstance(value, dict):
        return any(_holds(key) or _holds(item) for key, item in value.items())
    return isinstance(value, list | tuple) and any(map(_holds, value))


# ---------------------------------------------------------------------- rows that are written down elsewhere

_SEAL = re.compile(r"‹[A-Z_]+_[0-9a-f]{5}›")


def sealed(row: str) -> str:
    """A row (JSON) as a record may keep it: every private value is a seal, which `opened` breaks beside the old row."""
    value = _parsed(row)
    if value is None:
        return masked(row)
    shut = _each_text(value, lambda text: _replaced_by(text, _seal))
    return row if shut == value else json.dumps(shut, ensure_ascii=False)


def holds_seal(text: str) -> bool:
    """Whether the place of some private value is sealed in the text."""
    return _SEAL.search(text) is not None


def opened(row: str, old: str) -> str | None:
    """The sealed row with the values of the old one in their places; None where one of its values is not there."""
    if not _SEAL.search(row):
        return row
    known = _seals(old)
    if not all(seal in known for seal in _SEAL.findall(row)):
        return None
    value = _each_text(_parsed(row), lambda text: _SEAL.sub(lambda seal: known[seal.group()], text))
    return json.dumps(value, ensure_ascii=False)


def lost(row: str, old: str) -> tuple[str, ...]:
    """What a record of the row (JSON) would lose: () where what `sealed` makes of it can be `opened` beside the old row.

    Private values that the old row does not hold just so are named as a report shows them ([EMAIL]), seals of such
    values as they stand in the row.
    """
    known = _seals(old)
    found: dict[str, None] = {}
    for text in texts_of(_parsed(row)):
        for kind, start, end in values(text):
            value = text[start:end]
            if known.get(_seal(kind, value)) != value:
                found[mask(kind)] = None
        found |= {seal: None for seal in _SEAL.findall(text) if seal not in known}
    return tuple(found)


def _seal(kind: str, value: str) -> str:
    return f"‹{placeholder(kind, value)[1:-1]}›"


def _seals(row: str) -> dict[str, str]:
    """The private values of a row by their seals."""
    texts = dict.fromkeys([row] if (value := _parsed(row)) is None else texts_of(value))
    return {_seal(kind, text[start:end]): text[start:end] for text in texts for kind, start, end in values(text)}


def _parsed(row: str) -> Any:
    try:
        return json.loads(row)
    except (ValueError, RecursionError):
        return None


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_each_text(key, change): _each_text(item, change) for key, item in value.items()}
    return [_each_text(item, change) for item in value] if isinstance(value, list) else value


def _replaced_by(text: str, stand_in: Callable[[str, str], str]) -> str:
    """The text with each private value replaced by what stands in for it, by kind and value."""
    parts: list[str] = []
    at = 0
    for kind, start, end in values(text):
        parts += (text[at:start], stand_in(kind, text[start:end]))
        at = end
    return "".join([*parts, text[at:]])

"""One line of text around a finding, made safe to print.

Data never steers a terminal: line breaks, control characters, bidirectional and zero-width
characters are replaced by visible signs, so an excerpt holds printable characters alone. Nor does it
give away what is private: every excerpt that curator makes is made here, with such values masked.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from curator import paths
from curator.model import Excerpt, Flag
from curator.private.masking import Known, masked, masked_around

SIDE = 60  # characters shown on either side of a fault
LONGEST = 80  # characters shown of the fault itself
_SLACK = 14  # a side may be this much shorter, to be cut between words

_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that draw nothing
_JOINERS = "\u200c\u200d"  # part of the spelling in Persian, Hindi and emoji
_STRING = re.compile(rb'"(?:[^"\\]|\\.){0,60}"')


def excerpt(flag: Flag, value: Any, raw: bytes, known: Callable[[], Known] | None = None) -> Excerpt | None:
    """The line around `flag` in a row: `value` is the row parsed, `raw` its bytes.

    A span shows the text around it, a byte offset the raw line around it, a bare path the beginning
    of what stands there. `known` gives the private values of the row, which are masked wherever they stand.
    """
    if flag.byte is not None:
        return _around_byte(raw, flag.byte, known)
    if not flag.at:
        text: Any = _decode(raw if b"PRIVATE KEY" in raw else raw[: 8 * (SIDE + LONGEST)]).strip("\r\n")
        return Excerpt(*_shown(text, 0, 0, known)) if text else None
    text = _value_at(value, flag.at)
    if not isinstance(text, str):
        return Excerpt(*_shown(_compact(text, known), 0, 0, known))
    if flag.span is not None:
        return Excerpt(*_shown(text, *flag.span, known))
    if not text or text.isspace():
        return Excerpt(f'"{visible(text[:SIDE], fault=True)}"', 0, 0)
    return Excerpt(*_shown(text, 0, 0, known))


def visible(text: str, *, fault: bool = False) -> str:
    """`text` on one line of printable characters: ⏎ for a line break, ␛ for ESC, ‹U+200B› for the unseen.

    In a `fault`, blanks other than the plain space are spelt out too; elsewhere they become one.
    """
    if text.isprintable() and (text.isascii() or not fault or _BLANKS.isdisjoint(text)):
        return text
    text = text.replace("\r\n", "⏎").replace("\n", "⏎").replace("\t", "⇥")
    if not fault:
        text = text.replace("\xa0", " ")
    if text.isprintable() and (not fault or _BLANKS.isdisjoint(text)):
        return text
    return "".join([_sign(text, index, fault) for index in range(len(text))])


def _sign(text: str, index: int, fault: bool) -> str:
    """The character of `text` at `index` as it is shown."""
    char = text[index]
    if char.isprintable() and not (fault and char in _BLANKS):
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if not fault:
        if unicodedata.category(char) == "Zs":
            return " "
        if char in _JOINERS and index and not (text[index - 1] + text[index + 1 : index + 2]).isascii():
            return char
    return f"‹U+{code:04X}›"


def _shown(text: str, start: int, end: int, known: Callable[[], Known] | None) -> tuple[str, int, int]:
    """(line, start, end): the part of `text` around [start, end), cut between words."""
    start = min(max(start, 0), len(text))
    end = min(max(end, start), len(text))
    text, start, end = masked_around(text, start, end, 2 * SIDE, known)
    size = len(text)
    low = start - SIDE - max(SIDE - (size - end), 0)  # what one side does not need the other may have
    high = end + SIDE + max(SIDE - start, 0)
    head = tail = ""
    if low > 0:
        head = "…"
        low = max(low, text.find(" ", low, low + _SLACK) + 1)
    else:
        low = 0
    if end - start > LONGEST:
        end = high = start + LONGEST
        tail = "…"
    elif high < size:
        tail = "…"
        space = text.rfind(" ", max(end, high - _SLACK), high)
        high = space if space > end else high
    before = head + visible(text[low:start])
    fault = visible(text[start:end], fault=True)
    first = len(before)
    return before + fault + visible(text[end:high]) + tail, first, first + len(fault)


def _around_byte(raw: bytes, byte: int, known: Callable[[], Known] | None) -> Excerpt:
    byte = min(max(byte, 0), len(raw))
    if b"PRIVATE KEY" in raw:
        before, window = _decode(raw[:byte]), raw[byte:]
        size = fault_size(window)
        fault = _decode(window[:size])
        whole = before + fault + _decode(window[size:])
        return Excerpt(*_shown(whole, len(before), len(before) + len(fault), known))
    low = max(0, byte - 4 * (2 * SIDE + 1))  # a character takes up to four bytes
    while low < byte and raw[low] & 0xC0 == 0x80:  # begin at a whole character
        low += 1
    window = raw[byte : byte + 8 * (SIDE + LONGEST)]
    size = fault_size(window)
    before, fault, after = _decode(raw[low:byte]), _decode(window[:size]), _decode(window[size:])
    if byte + len(window) == len(raw):
        after = after.rstrip("\r\n")
    return Excerpt(*_shown(before + fault + after, len(before), len(before) + len(fault), known))


def fault_size(window: bytes) -> int:
    """Bytes of what begins the window: a whole JSON string, a character, or one byte that is neither."""
    if not window:
        return 0
    if string := _STRING.match(window):
        return string.end()
    lead = window[0]
    size = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
    try:
        window[:size].decode()
    except UnicodeDecodeError:
        return 1
    return size


def _decode(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _value_at(value: Any, path: str) -> Any:
    """What stands at `path`, or at the nearest parent that exists."""
    for step in _steps(path):
        try:
            value = value[step]
        except (LookupError, TypeError):
            break
    return value


_steps = lru_cache(maxsize=4096)(paths.parse)


def _compact(value: Any, known: Callable[[], Known] | None) -> str:
    """The beginning of a value as JSON, without writing out all of a large one."""
    value = _clip(value, 2, known)
    try:
        return msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(value, ensure_ascii=False)


def _clip(item: Any, depth: int, known: Callable[[], Known] | None) -> Any:
    """`item` with long strings cut, private values masked and what lies deeper than `depth` left out."""
    if isinstance(item, str):
        return masked_around(item, 0, 0, LONGEST, known)[0][:LONGEST]
    if not item or not isinstance(item, (dict, list)):
        return item
    if not depth:
        return "…"
    if isinstance(item, dict):
        return {masked(key): _clip(inner, depth - 1, known) for key, inner in list(item.items())[:8]}
    return [_clip(inner, depth - 1, known) for inner in item[:8]]

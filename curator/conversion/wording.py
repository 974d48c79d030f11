"""A row as a line of JSON, and what of a line is lost as soon as it is read: keys twice, digits of numbers."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from curator.formats import Row


def encoded(row: Row) -> bytes | None:
    """The row as JSON on one line; None where a number is none or without end."""
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:  # lone surrogates
        return json.dumps(row).encode()
    except ValueError:
        return None


def repeats_keys(body: bytes, value: Any) -> bool:
    """True where an object of the line has a key twice, of which parsers keep the last."""
    if body.count(b'":') == _keys(value):
        return False
    repeated = False

    def paired(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) < len(pairs)

    json.loads(body.decode("utf-8"), strict=False, object_pairs_hook=paired)
    return repeated


_MANY_DIGITS = re.compile(rb"\d[\d.]{15,}|-0(?![.\d])")


def rounds_a_number(body: bytes) -> bool:
    """True where a number of the line is written with more digits than a double holds, or as minus zero."""
    if not _MANY_DIGITS.search(body):
        return False
    rounded = False

    def real(text: str) -> float:
        nonlocal rounded
        value = float(text)
        rounded = rounded or Decimal(text) != Decimal(repr(value))
        return value

    def whole(text: str) -> int:
        nonlocal rounded
        rounded = rounded or text == "-0"
        return int(text)

    json.loads(body.decode("utf-8"), strict=False, parse_float=real, parse_int=whole)
    return rounded


def _keys(value: Any) -> int:
    if type(value) is dict:
        return len(value) + sum(map(_keys, value.values()))
    return sum(map(_keys, value)) if type(value) is list else 0

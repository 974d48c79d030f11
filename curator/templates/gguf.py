"""The metadata of a GGUF file: the keys and values at its head, without its tensors.

The form is that of the GGUF specification: little-endian, a magic word, a version (2 or 3), the number
of tensors and of keys, then the keys.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

from curator.errors import UsageError

_NUMBERS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
_STRING, _ARRAY = 8, 9
_LONGEST = 1 << 28  # bytes of a string, entries of an array: more is a damaged file


def read_metadata(file: Path) -> dict[str, Any]:
    """The keys and values at the head of a GGUF file.

    Raises:
        UsageError: the file is no GGUF file, or is damaged.
    """
    with file.open("rb") as stream:
        try:
            magic, version, _, keys = struct.unpack("<4sIQQ", stream.read(24))
            if magic != b"GGUF" or version not in (2, 3):
                raise ValueError("it does not begin as one")
            return {_string(stream): _value(stream, _one(stream, "I")) for _ in range(keys)}
        except (struct.error, ValueError, KeyError, MemoryError) as error:
            raise UsageError(f"not a GGUF file that can be read: {error}", where=str(file)) from None


def _one(stream: BinaryIO, kind: str) -> Any:
    return struct.unpack(f"<{kind}", stream.read(struct.calcsize(kind)))[0]


def _count(stream: BinaryIO) -> int:
    count = int(_one(stream, "Q"))
    if count > _LONGEST:
        raise ValueError(f"a length of {count:,}")
    return count


def _string(stream: BinaryIO) -> str:
    return stream.read(_count(stream)).decode("utf-8", "replace")


def _value(stream: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(stream)
    if kind != _ARRAY:
        return _one(stream, _NUMBERS[kind])
    inner, count = _one(stream, "I"), _count(stream)
    if inner in (_STRING, _ARRAY):
        return [_value(stream, inner) for _ in range(count)]
    form = f"<{count}{_NUMBERS[inner]}"
    return list(struct.unpack(form, stream.read(struct.calcsize(form))))

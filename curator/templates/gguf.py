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
_LONGEST = 1 << 26  # bytes of a string: more is a damaged file
_HEAD = 1 << 27  # bytes before the tensors: likewise
_MOST = 1 << 22  # entries of all arrays together, each of which takes up to 50 bytes once it is read: likewise


def read_metadata(file: Path) -> dict[str, Any]:
    """The keys and values at the head of a GGUF file.

    Raises:
        UsageError: the file is no GGUF file, or is damaged.
    """
    with file.open("rb") as stream:
        try:
            magic, version, _, keys = _unpacked(stream, "<4sIQQ")
            if magic != b"GGUF":
                raise ValueError("it does not begin as one")
            if version not in (2, 3):
                raise ValueError(f"it says that it is of version {version}, known are 2 and 3")
            table: dict[str, Any] = {}
            left = _MOST
            for _ in range(keys):
                key = _string(stream)
                table[key] = value = _value(stream, _one(stream, "I"), left)
                left -= len(value) if isinstance(value, list) else 0
                if stream.tell() > _HEAD:
                    raise ValueError(f"a head of over {_HEAD:,} bytes")
            return table
        except (EOFError, ValueError, KeyError, MemoryError) as error:
            why = f"a value of the unknown kind {error}" if isinstance(error, KeyError) else error
            raise UsageError(f"not a GGUF file that can be read: {why}", where=str(file), hint=_AGAIN) from None


def checked(table: dict[str, Any], file: Path) -> dict[str, Any]:
    """The metadata, where what is said of templates and of the vocabulary is of the kinds that belong there.

    Raises:
        UsageError: a text is none, or the vocabulary is no list of texts with a kind for each.
    """
    for key, value in table.items():
        if key.startswith("tokenizer.chat_template"):
            _demand(_all_of(str, value) if key == "tokenizer.chat_templates" else type(value) is str, key, file)
    words, kinds = table.get("tokenizer.ggml.tokens"), table.get("tokenizer.ggml.token_type")
    _demand(words is None or _all_of(str, words), "tokenizer.ggml.tokens", file)
    _demand(kinds is None or _all_of(int, kinds), "tokenizer.ggml.token_type", file)
    if kinds and len(kinds) != len(words or ()):
        what = f"a vocabulary of {len(words or ()):,} tokens with the kinds of {len(kinds):,}"
        raise UsageError(f"not a GGUF file that can be used: {what}", where=str(file), hint=_AGAIN)
    return table


def _all_of(kind: type, value: Any) -> bool:
    return type(value) is list and all(type(item) is kind for item in value)


def _demand(holds: bool, key: str, file: Path) -> None:
    if not holds:
        raise UsageError(f"not a GGUF file that can be used: {key} is of another kind", where=str(file), hint=_AGAIN)


_AGAIN = "fetch or convert it again, or name the template another way: --template chat_template.jinja"


def _unpacked(stream: BinaryIO, form: str) -> tuple[Any, ...]:
    size = struct.calcsize(form)
    if len(data := stream.read(size)) < size:
        raise EOFError(f"it ends in the middle of its head, at byte {stream.tell():,}")
    return struct.unpack(form, data)


def _one(stream: BinaryIO, kind: str) -> Any:
    return _unpacked(stream, f"<{kind}")[0]


def _count(stream: BinaryIO, most: int) -> int:
    count = int(_one(stream, "Q"))
    if count > most:
        raise ValueError(f"a length of {count:,}")
    return count


def _string(stream: BinaryIO) -> str:
    return bytes(_unpacked(stream, f"<{_count(stream, _LONGEST)}s")[0]).decode("utf-8", "replace")


def _value(stream: BinaryIO, kind: int, most: int) -> Any:
    """A value of that kind, an array of at most so many entries. Arrays of arrays are unknown, as to llama.cpp."""
    if kind == _STRING:
        return _string(stream)
    if kind != _ARRAY:
        return _one(stream, _NUMBERS[kind])
    inner, count = _one(stream, "I"), _count(stream, most)
    if inner == _STRING:
        return [_string(stream) for _ in range(count)]
    return list(_unpacked(stream, f"<{count}{_NUMBERS[inner]}"))

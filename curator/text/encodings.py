"""Bytes that are not UTF-8: where they are, and the encoding they most likely are in."""

from __future__ import annotations

import re
from typing import Any, Literal

import msgspec

from curator.text.patterns import compiled_later

_ESCAPED = re.compile("[\udc80-\udcff]+")  # bytes that are not UTF-8, as Python smuggles them
_HALVES = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
_CUT = re.compile(
    rb"[\xc2-\xdf](?![\x80-\xbf])|[\xe0-\xef][\x80-\xbf](?![\x80-\xbf])|[\xf0-\xf4][\x80-\xbf]{1,2}(?![\x80-\xbf])"
)
_LONG_RUNS = (
    ("windows-1251", compiled_later(r"[А-яЁё]")),
    ("shift_jis", compiled_later(r"[\u3040-\u30ff]")),
    ("gb18030", compiled_later(r"[\u4e00-\u9fff]")),
    ("euc_kr", compiled_later(r"[가-힣]")),
)
_NO_SIGN = b"\x81\x8d\x8f\x90\x9d"
_WESTERN = {
    0xDC00 + code: bytes([code]).decode("cp1252" if code not in _NO_SIGN else "latin-1") for code in range(0x80, 0x100)
}


def bad_bytes(raw: bytes) -> tuple[int, int, int]:
    """(start, stop) of the first bytes that are not UTF-8, and in how many places such bytes are."""
    text = raw.decode("utf-8", "surrogateescape")
    runs = _ESCAPED.finditer(text)
    first = next(runs)
    start = len(text[: first.start()].encode("utf-8", "surrogateescape"))
    return start, start + first.end() - first.start(), 1 + sum(1 for _ in runs)


def redecoded(raw: bytes) -> tuple[str, str]:
    """(probable encoding, the text read with it); what is UTF-8 stays as it is."""
    text = raw.decode("utf-8", "surrogateescape")
    if _HALVES.search(raw):
        return "UTF-16 halves in UTF-8 (CESU-8)", _plain(_HALVES.sub(_whole, raw))
    high = runs = 0
    for found in _ESCAPED.finditer(text):  # counted, not kept: there may be millions
        runs += 1
        high += found.end() - found.start()
    valid = _foreign(text) - high
    if high >= 4 and valid * 4 <= high and high >= 2.5 * runs:
        for name, letter in _LONG_RUNS:
            try:
                read = raw.decode(name)
            except UnicodeDecodeError:
                continue
            if sum(1 for _ in letter.finditer(read)) >= 0.8 * _foreign(read):
                return name, read
    if high > runs and all(_CUT.fullmatch(_bytes(found[0])) for found in _ESCAPED.finditer(text)):
        return "a character cut in half", _ESCAPED.sub("\ufffd", text)
    return "Windows-1252", _plain(raw)


def _plain(raw: bytes) -> str:
    """UTF-8 with every other byte read as Windows-1252, or Latin-1 where that has no sign."""
    return raw.decode("utf-8", "surrogateescape").translate(_WESTERN)


def _foreign(text: str) -> int:
    """How many characters are not ASCII."""
    return sum(char > "\x7f" for char in text)


def _bytes(run: str) -> bytes:
    """The bytes that Python smuggled."""
    return run.encode("ascii", "surrogateescape")


def _whole(halves: re.Match[bytes]) -> bytes:
    return halves[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode()


def json_of(value: Any, order: Literal["deterministic"] | None = None) -> bytes:
    """JSON of what msgspec encodes; lone surrogates, which names of files may hold, are spelt as escapes."""
    try:
        return msgspec.json.encode(value, order=order)
    except UnicodeEncodeError:
        return msgspec.json.encode(without_surrogates(msgspec.to_builtins(value)), order=order)


def without_surrogates(value: Any) -> Any:
    """Any value of JSON with its lone surrogates, which UTF-8 cannot hold, spelt as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_surrogates(item) for item in value]
    return value

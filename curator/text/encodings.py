"""Bytes that are not UTF-8: where they are, and the encoding they most likely are in."""

from __future__ import annotations

import re
from typing import Any

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


def bad_bytes(raw: bytes) -> tuple[int, int, int]:
    """(start, stop) of the first bytes that are not UTF-8, and in how many places such bytes are."""
    text = raw.decode("utf-8", "surrogateescape")
    runs = [found.span() for found in _ESCAPED.finditer(text)]
    start = len(text[: runs[0][0]].encode("utf-8", "surrogateescape"))
    return start, start + runs[0][1] - runs[0][0], len(runs)


def redecoded(raw: bytes) -> tuple[str, str]:
    """(probable encoding, the text read with it); what is UTF-8 stays as it is."""
    text = raw.decode("utf-8", "surrogateescape")
    runs = _ESCAPED.findall(text)
    if _HALVES.search(raw):
        return "UTF-16 halves in UTF-8 (CESU-8)", _plain(_HALVES.sub(_whole, raw))
    valid = sum(char > "\x7f" for char in _ESCAPED.sub("", text))
    high = sum(map(len, runs))
    if high >= 4 and valid * 4 <= high and high >= 2.5 * len(runs):
        for name, letter in _LONG_RUNS:
            try:
                read = raw.decode(name)
            except UnicodeDecodeError:
                continue
            foreign = [char for char in read if char > "\x7f"]
            if len(letter.findall(read)) >= 0.8 * len(foreign):
                return name, read
    pieces = [bytes(ord(char) - 0xDC00 for char in run) for run in runs]
    if all(_CUT.fullmatch(piece) for piece in pieces) and any(len(piece) > 1 for piece in pieces):
        return "a character cut in half", _ESCAPED.sub("\ufffd", text)
    return "Windows-1252", _plain(raw)


def _plain(raw: bytes) -> str:
    """UTF-8 with every other byte read as Windows-1252, or Latin-1 where that has no sign."""
    return _ESCAPED.sub(_western, raw.decode("utf-8", "surrogateescape"))


def _western(run: re.Match[str]) -> str:
    codes = bytes(ord(char) - 0xDC00 for char in run[0])
    return "".join(bytes([code]).decode("cp1252" if code not in _NO_SIGN else "latin-1") for code in codes)


def _whole(halves: re.Match[bytes]) -> bytes:
    return halves[0].decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass").decode("utf-16").encode()


def without_surrogates(value: Any) -> Any:
    """Any value of JSON with its lone surrogates, which UTF-8 cannot hold, spelt as escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {without_surrogates(key): without_surrogates(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_surrogates(item) for item in value]
    return value

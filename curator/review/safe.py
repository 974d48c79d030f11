"""Text of the data, made fit for a page: what cannot be seen is shown, what could be markup is text.

Every string that comes from the data goes through here on its way to a browser.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from html import escape

from curator.model import Excerpt

Part = tuple[str, str]  # (classes, text): the card sets the text of a span, never its markup

CHIP = "chip"  # the class of a part that names a character which cannot be seen
MOST = 20_000  # characters of one text that a card shows

_PLAIN = re.compile(r"[\n\t\x20-\x7e\xa1-\xac\xae-\u034e]*\Z")
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and signs that draw nothing
_JOINERS = frozenset("\u200c\u200d")  # part of the spelling in Persian, Hindi and emoji
_PICTURES = {0x2400 + n: f"‹U+{n:04X}›" for n in range(0x20)} | {0x2421: "‹U+007F›"}
_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


@lru_cache(maxsize=4096)
def hidden(char: str) -> bool:
    """Whether a character is a control, direction mark, zero-width sign, surrogate or unassigned: no one sees it."""
    if char in "\n\t":
        return False
    return char in _BLANKS or unicodedata.category(char) in _HIDDEN or 0xFE00 <= ord(char) <= 0xFE0E


def name_of(char: str) -> str:
    """ "U+202E", as it stands in a chip."""
    return f"U+{ord(char):04X}"


def parts(text: str, classes: str = "") -> list[Part]:
    """The text in parts, with a chip in the place of each hidden character; joined without them it is the text."""
    if _PLAIN.match(text):
        return [(classes, text)] if text else []
    return list(_cut(text, classes))


def _cut(text: str, classes: str) -> Iterator[Part]:
    chip = f"{classes} {CHIP}".strip()
    start = 0
    for at, char in enumerate(text):
        if not hidden(char) or (char in _JOINERS and _joins(text, at)):
            continue
        if at > start:
            yield classes, text[start:at]
        yield chip, name_of(char)
        start = at + 1
    if start < len(text):
        yield classes, text[start:]


def _joins(text: str, at: int) -> bool:
    """Whether a joiner stands between letters or signs that are spelt with it."""
    return 0 < at < len(text) - 1 and not text[at - 1].isascii() and not text[at + 1].isascii()


def plain(text: str) -> str:
    """The text as one string, with ‹U+202E› for what cannot be seen: for tables and text areas."""
    if _PLAIN.match(text):
        return text
    return "".join(f"‹{said}›" if CHIP in classes else said for classes, said in parts(text))


def shown(excerpt: Excerpt | None) -> str:
    """An excerpt as one string. Its signs for control characters are spelt out: few fonts of a browser have them."""
    return plain(excerpt.text.translate(_PICTURES)) if excerpt else ""


def vis(text: str) -> str:
    """The text as HTML: markup escaped, what cannot be seen in a chip."""
    return "".join(
        f'<span class="{CHIP}">{said}</span>' if CHIP in classes else escape(said) for classes, said in parts(text)
    )


def clipped(text: str, most: int = MOST, around: int = 0) -> tuple[str, int, int]:
    """(the text or a window of it around a character, characters left out before it, and after it)."""
    if len(text) <= most:
        return text, 0, 0
    start = max(0, min(around - most // 2, len(text) - most))
    return text[start : start + most], start, len(text) - most - start


def joined(pieces: Iterable[Part]) -> str:
    """The text that some parts show."""
    return "".join(text for _, text in pieces)

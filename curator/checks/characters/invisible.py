"""ENC003: characters nobody sees."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

from curator.checks.characters.mojibake import CHARACTER_TALK
from curator.checks.characters.repairs import about, char_class, safety_of
from curator.model import Example, Fix, Flag
from curator.rule import Bad, RowRule, chat
from curator.text.patterns import compiled_later

_NAMES = {
    "\u00ad": "soft hyphen",
    "\u034f": "combining grapheme joiner",
    "\u180e": "Mongolian vowel separator",
    "\u200b": "zero-width space",
    "\u200c": "zero-width non-joiner",
    "\u200d": "zero-width joiner",
    "\u200e": "left-to-right mark",
    "\u200f": "right-to-left mark",
    "\u2060": "word joiner",
    "\u2061": "function application",
    "\u2062": "invisible times",
    "\u2063": "invisible separator",
    "\u2064": "invisible plus",
    "\u3164": "Hangul filler",
    "\ufeff": "byte order mark",
    "\uffa0": "halfwidth Hangul filler",
    **dict.fromkeys("\u202a\u202b\u202c\u2066\u2067\u2068\u2069", "direction control"),
    **dict.fromkeys("\u202d\u202e", "direction override"),
    **dict.fromkeys(map(chr, range(0xFE00, 0xFE10)), "variation selector"),
    **dict.fromkeys(map(chr, range(0xFFF9, 0xFFFC)), "annotation mark"),
    **dict.fromkeys(map(chr, range(0xE0000, 0xE0080)), "tag character"),
    **dict.fromkeys(map(chr, range(0xE0100, 0xE01F0)), "variation selector"),
}
_INVISIBLE = compiled_later(char_class(_NAMES))
_RIGHT_TO_LEFT = compiled_later(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001eeff]")
# Scripts whose letters join or stack, where joiners change what is seen.
_JOINING = compiled_later(
    r"[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1900-\u1cff\ua840-\ua8ff\ua980-\uaaff\uabc0-\uabff"
    r"\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff]"
)
# Scripts that put no space between words, where a zero-width space may stand for one.
_UNSPACED = compiled_later(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1980-\u1aaf\ua9e0-\uaa7f]")
_FLAG_TAGS = re.compile(r"\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")


def _has_purpose(text: str, place: int, before: str, leftward: bool) -> bool:
    """Whether the invisible text[place], after the character `before`, serves a script or an emoji that needs it.

    `leftward`: the text holds letters that are written from right to left.
    """
    char, after = text[place], text[place + 1 : place + 2]
    name = _NAMES[char]
    if name in ("zero-width joiner", "zero-width non-joiner"):
        if _JOINING.match(before) or _JOINING.match(after):
            return True
        return char == "\u200d" and (before == "\ufe0f" or _is_picture(before)) and _is_picture(after)
    if name == "zero-width space":
        return bool(_UNSPACED.match(before) and _UNSPACED.match(after))
    if name == "variation selector":
        plain = not before or before in _NAMES or unicodedata.category(before) in _PLAIN_KINDS
        return not plain or (before >= "\u2e80" and before not in _NAMES) or before == "\u2139"
    if name == "Mongolian vowel separator":
        return "\u1800" <= before <= "\u18aa"
    if name == "combining grapheme joiner":
        return not before.isascii()
    return leftward and name in _DIRECTIONS


def _is_picture(char: str) -> bool:
    return bool(char) and unicodedata.category(char) in ("So", "Sk", "Sm")


_PLAIN_KINDS = ("Lu", "Ll", "Lt", "Zs", "Cc", "Cf")
_DIRECTIONS = ("left-to-right mark", "right-to-left mark", "direction control")


class InvisibleCharacter(RowRule, frozen=True):
    """The text holds characters that no reader sees: zero-width spaces, direction controls, a byte order mark.

    They split words into tokens the model meets nowhere else, make equal texts unequal for duplicate
    checks, and can carry hidden text. Where a script or an emoji needs them they are left alone.
    """

    code = "ENC003"
    literals = tuple(_NAMES)
    GOOD = [
        chat(user="سلام", assistant="می‌خواهم به خانه بروم. \u200fنعم، 20%\u200f."),
        chat(user="नमस्ते", assistant="क्\u200dया हाल है? 👩\u200d💻 🏳️\u200d🌈 ❤️ 1️⃣ ℹ️"),
        chat(
            user="សួស្តី",
            assistant="ខ្ញុំ\u200bស្រឡាញ់\u200bអ្នក 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        ),
        chat(user="What is a zero-width space?", assistant="A character without width: “\u200b”."),
    ]
    BAD = [
        Bad(
            chat(user="How far?", assistant="\ufeffAbout 450 \u200bkilo\u00admetres, \u202eroughly\u202c."),
            at="messages[1].content",
            fixed=chat(user="How far?", assistant="About 450 kilometres, roughly."),
        ),
        Bad(
            chat(user="Hel\u200dlo \U000e0041\ufe0f", assistant="Hi 👋\ufe0f"),
            at="messages[0].content",
            fixed=chat(user="Hello ", assistant="Hi 👋\ufe0f"),
        ),
        Bad(
            chat(user="Print a", assistant="```python\nprint('a\u200b')\n```"),
            at="messages[1].content",
            fixed=chat(user="Print a", assistant="```python\nprint('a')\n```"),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        found = [(turn, purposeless(turn.text)) for turn in example.all_turns()]
        if not any(places for _, places in found) or about(example, CHARACTER_TALK):
            return
        for turn, places in found:
            if not places:
                continue
            kinds = Counter(_NAMES[turn.text[place]] for place in places)
            said = ", ".join(f"{name} ({count} times)" if count > 1 else name for name, count in kinds.items())
            spans = [(place, place + 1) for place in places]
            edits = tuple(turn.edit(start, end, "") for start, end in spans)
            fix = Fix("remove what nobody sees", edits, safety=safety_of(turn.text, spans))
            yield turn.flag(f"invisible: {said}", spans[0], fix=fix, evidence={"characters": dict(kinds)})


def purposeless(text: str) -> list[int]:
    """Places of the invisible characters that serve nothing."""
    found: list[int] = []
    leftward = bool(_RIGHT_TO_LEFT.search(text))
    flags = {place for flag in _FLAG_TAGS.finditer(text) for place in range(*flag.span())}
    for mark in _INVISIBLE.finditer(text):
        place = mark.start()
        if place in flags:
            continue
        seen = place - 1
        while found and seen in found[-8:]:  # what goes away is no neighbour
            seen -= 1
        if not _has_purpose(text, place, text[seen : seen + 1] if seen >= 0 else "", leftward):
            found.append(place)
    return found

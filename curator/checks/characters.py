"""ENC: characters that went wrong on the way into the set."""

from __future__ import annotations

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from html.entities import name2codepoint
from typing import Annotated, NamedTuple

import numpy as np

from curator.columns import Batch, distinct
from curator.model import Edit, Example, Fix, Flag, Safety, Turn
from curator.prose import in_prose, mask_at
from curator.rule import Bad, RowRule, chat, option


def _about(example: Example, topic: re.Pattern[str]) -> bool:
    """Whether the conversation is about `topic`: then a mention is no fault."""
    return any(topic.search(turn.text) for turn in example.all_turns())


def _safety(text: str, spans: Iterable[tuple[int, int]]) -> Safety:
    """Safe in prose; unsafe where a change touches code, whose author may have meant it."""
    return "safe" if all(in_prose(text, start, end) for start, end in spans) else "unsafe"


def _times(count: int) -> str:
    return "" if count == 1 else f", {count} times"


class Repair(NamedTuple):
    """text[start:end] should read `text`; None where what it should read is lost."""

    start: int
    end: int
    text: str | None


def _edits(turn: Turn, repairs: Iterable[Repair]) -> tuple[Edit, ...]:
    return tuple(turn.edit(start, end, text) for start, end, text in repairs if text is not None)


# ---------------------------------------------------------------------- mojibake


def _alphabet(codec: str, low: int, high: int) -> dict[str, int]:
    """The characters that bytes low..high turn into when read as `codec`; undefined bytes become C1 controls."""
    table = {chr(byte): byte for byte in range(low, high if codec == "cp1252" else min(high, 0xA0))}
    for byte in range(low, high):
        char = bytes([byte]).decode(codec, "ignore")
        if char:
            table[char] = byte
    return table


def _class(chars: Iterable[str]) -> str:
    return f"[{''.join(map(re.escape, chars))}]"


# Signs that end a word or a quotation: after a capital, or at the end of a word, they may well be meant.
_CLOSERS = frozenset("“”‘’…–—«»\u00a0™®°ºª¹²³·´")
_QUOTES = frozenset("\"'“”‘’«»‹›„‚`")
_WESTERN = _alphabet("cp1252", 0x80, 0x100)
_TAIL = _class(_alphabet("cp1252", 0x80, 0xC0))
_SEQUENCE = re.compile(f"[Â-ß]{_TAIL}|[à-ï]{_TAIL}{{2}}|[ð-ô]{_TAIL}{{3}}")
_RUN = re.compile(f"(?:{_SEQUENCE.pattern})+")


def _other(codec: str, pattern: str) -> tuple[str, re.Pattern[str], dict[str, int]]:
    tails = _alphabet(codec, 0x80, 0xC0)
    pattern = pattern.replace("TAIL", _class(tails)).replace("SURE", _class(set(tails) - _CLOSERS))
    return codec, re.compile(pattern), _alphabet(codec, 0x80, 0x100)


# UTF-8 read as Mac Roman, Windows-1251, Latin-2 or Windows-1250, by runs that leave no doubt.
_OTHERS = (
    _other("mac_roman", "‚ÄTAIL"),
    _other("cp1251", "(?:[РС]TAIL){3,}"),
    _other("iso8859_2", "(?:[ÂÄ]TAIL)*(?:ĹTAIL|ĂSURE)(?:ĹTAIL|[ÂÄĂ]SURE)*"),
    _other("cp1250", "(?:[ÂÄ]TAIL)*(?:ĹTAIL|ĂSURE)(?:ĹTAIL|[ÂÄĂ]SURE)*"),
)
_CYRILLIC_PAIR = re.compile(f"(?:[РС]{_class(_alphabet('cp1251', 0x80, 0xC0))})+")
_LATIN_2_CONTROL = re.compile(r"[\x80\x82\x84-\x87\x89-\x8f\x91-\x97\x99-\x9f]")  # signs in Windows-1250
_CHINESE_RUN = re.compile(r"鈥[\u3400-\u9fff]")
# Remains of sequences that lost a byte: what stood there cannot be told.
_LOST = re.compile(rf"â€(?!{_TAIL})|(?<=[a-z])Ã(?= )|(?<=[a-z\d.,;:!?)])Â(?= )|锟斤拷|鈥(?=[?\ufffd])")

# What a single sequence may stand for; other scripts are believed from two sequences in a row on.
_PLAUSIBLE = re.compile(
    r"[\u00a0-\u017f\u0218-\u021b\u02c6\u02dc\u0300-\u036f\u0370-\u03ff\u1e00-\u1eff\u2000-\u20cf\u2100-\u214f"
    r"\u2190-\u22ff\u2500-\u27bf\ufb00-\ufb06\ufe0f\ufeff\ufffd\U0001f000-\U0001faff]*"
)
_ENCODINGS = re.compile(
    r"mojibake|garbled|utf[-_ ]?8|latin[-_ ]?1\b|iso[-_ ]?8859|windows[-_ ]?125\d|cp[-_ ]?125\d|charset"
    r"|character (?:set|encoding)|encoding (?:issue|problem|error)",
    re.I,
)


def _decoded(run: str, table: dict[str, int]) -> str | None:
    try:
        return bytes([table[char] for char in run]).decode("utf-8")
    except (UnicodeDecodeError, KeyError):
        return None


def _meant(text: str, start: int, end: int) -> bool:
    """Whether the sequence text[start:end] can be what a person wrote: a word's last letter and a closing sign."""
    before, after = text[start - 1 : start], text[end : end + 1]
    if before and after and before in _QUOTES and after in _QUOTES:
        return True
    if not _CLOSERS.issuperset(text[start + 1 : end]) or before.isdigit():
        return False
    if text[start] in "ÂÃ" and text[start + 1] == "\u00a0" and not before.isalpha():
        return not after or before in _QUOTES or after in "»:;!?"
    if after.isalpha() and text[end - 1] not in "\u00a0–—…":
        return False
    return not before.islower() if text[start].isupper() else before.isalpha()


def _western(text: str, *, nested: bool = False) -> list[Repair]:
    """UTF-8 that was read as Windows-1252 or Latin-1, once or more often.

    `nested`: the text came out of such a reading, so that what could be meant is not.
    """
    sure: list[Repair] = []
    doubtful: list[Repair] = []
    for run in _RUN.finditer(text):
        parts = [run] if _decoded(run.group(), _WESTERN) else _SEQUENCE.finditer(text, *run.span())
        for part in parts:
            read = _decoded(part.group(), _WESTERN) or ""
            lone = len(read) == 1
            for again in reversed(_western(read, nested=True) if read and not lone else ()):
                read = read[: again.start] + (again.text or "\ufffd") + read[again.end :]
            if not read or not (_PLAUSIBLE.fullmatch(read) or (not lone and _is_writing(read))):
                continue
            repair = Repair(*part.span(), None if "\ufffd" in read else read)
            meant = _meant(text, *part.span()) and not (nested and part.group()[0] in "ÂÃâ")
            (doubtful if lone and meant else sure).append(repair)
    return sorted(sure + doubtful) if sure else []


def _is_writing(text: str) -> bool:
    """Whether a text is at least two letters and nothing that is no writing (controls, unassigned)."""
    kinds = [unicodedata.category(char) for char in text]
    return sum(kind[0] == "L" for kind in kinds) > 1 and all(kind[0] in "LMNPSZ" for kind in kinds)


def _eastern(text: str) -> Iterator[Repair]:
    """UTF-8 that was read as Mac Roman or as an encoding of eastern Europe or China."""
    unlikely = "cp1250" if _LATIN_2_CONTROL.search(text) else "iso8859_2"
    for codec, sure, table in _OTHERS:
        if codec == unlikely or not sure.search(text):
            continue
        for run in (_CYRILLIC_PAIR if codec == "cp1251" else sure).finditer(text):
            if read := _decoded(run.group(), table):
                yield Repair(*run.span(), read)
    for run in _CHINESE_RUN.finditer(text):
        try:
            yield Repair(*run.span(), run.group().encode("gb18030").decode("utf-8"))
        except UnicodeDecodeError:
            yield Repair(*run.span(), None)


def mojibake(text: str) -> list[Repair]:
    """The parts of a text that are UTF-8 read as another encoding, with what they should read."""
    found: list[Repair] = []
    taken: set[int] = set()
    lost = (Repair(*remains.span(), None) for remains in _LOST.finditer(text))
    for repair in (*_eastern(text), *_western(text), *lost):
        places = range(repair.start, repair.end)
        if taken.isdisjoint(places):
            taken.update(places)
            found.append(repair)
    return sorted(found, key=lambda repair: repair.start)


class Mojibake(RowRule, frozen=True):
    """Text in UTF-8 was read as another encoding, so that letters and quotation marks became garbage.

    The model learns the garbage as spelling and will write it into its own answers; every such letter
    costs two to five tokens instead of one.
    """

    code = "ENC001"
    literals = ("Р°", "Рµ", "Рѕ", "РЅ", "‚Ä", "Ĺ", "Ă", "锟斤拷", "鈥")
    GOOD = [
        chat(user="Qual é a capital de SP?", assistant="São Paulo. “AMANHÃ”, disse ele, “NÃO”…"),
        chat(user="Was sagte er?", assistant="Er rief „Spaß“ und ging. 20 °C waren es, 5 × 3 m, ±2 %."),
        chat(user="Et la lettre «Â» ?", assistant="À l’âge de 20 ans, « Â » s’écrit avec un accent : né…”"),
        chat(user="Why do I see Ã© instead of é?", assistant="UTF-8 was read as Latin-1: Ã© is C3 A9."),
    ]
    BAD = [
        Bad(
            chat(user="Who wrote it?", assistant="Sheâ€™s called ChloÃ© MÃ¼ller, born at 20Â°C."),
            at="messages[1].content",
            fixed=chat(user="Who wrote it?", assistant="She’s called Chloé Müller, born at 20°C."),
        ),
        Bad(
            chat(user="Say hello", assistant="РџСЂРёРІРµС‚! ItÃ¢â‚¬â„¢s me."),
            at="messages[1].content",
            fixed=chat(user="Say hello", assistant="Привет! It’s me."),
        ),
        Bad(chat(user="And?", assistant="He said noâ€ and left, voilÃ  tout, 锟斤拷."), at="messages[1].content"),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows with a letter U+00C2 to U+00F4 before a sign that a UTF-8 tail byte turns into, or a literal."""
        rows = set(batch.rows_with(type(self)))
        data = np.frombuffer(batch.texts.data, np.uint8)
        leads = np.flatnonzero(data[:-2] == 0xC3)
        after = data[leads + 2]
        suspects = leads[_TAIL_STARTS[after] | ((after == 0x20) & (data[leads + 1] <= 0x83))]
        texts = distinct(np.searchsorted(batch.texts.ends, suspects, side="right"))
        return sorted(rows.union(batch.turn_lines[texts].tolist()))

    def check(self, example: Example) -> Iterator[Flag]:
        found = [(turn, mojibake(turn.text)) for turn in example.all_turns()]
        if not any(repairs for _, repairs in found) or _about(example, _ENCODINGS):
            return
        for turn, repairs in found:
            sure = [repair for repair in repairs if repair.text is not None]
            if sure:
                start, end, text = sure[0]
                safety = _safety(turn.text, [repair[:2] for repair in sure])
                fix = Fix("decode it as UTF-8", _edits(turn, sure), safety=safety)
                message = f"“{turn.text[start:end]}” is “{text}” in the wrong encoding{_times(len(sure))}"
                yield turn.flag(message, (start, end), fix=fix)
            lost = [repair for repair in repairs if repair.text is None]
            if lost:
                start, end, _ = lost[0]
                message = f"“{turn.text[start:end]}” is left of a wrong encoding{_times(len(lost))}"
                yield turn.flag(message, (start, end))


# First bytes, in UTF-8, of the characters that UTF-8 tail bytes turn into when read as Windows-1252.
_TAIL_STARTS = np.zeros(256, dtype=bool)
_TAIL_STARTS[[char.encode()[0] for char in _alphabet("cp1252", 0x80, 0xC0)]] = True


class ReplacementCharacter(RowRule, frozen=True):
    """The text holds U+FFFD, the sign that stands where a decoder found bytes it could not read.

    What was written there is lost, mostly an accent, a quotation mark or a whole word; the model learns to
    write the sign itself.
    """

    code = "ENC002"
    literals = ("\ufffd",)
    GOOD = [
        chat(user="Where is it?", assistant="In the café."),
        chat(user="What is U+FFFD?", assistant="The Unicode replacement character: \ufffd."),
    ]
    BAD = [Bad(chat(user="Where is it?", assistant="In the caf\ufffd, don\ufffdt miss it."), at="messages[1].content")]

    def check(self, example: Example) -> Iterator[Flag]:
        if _about(example, _CHARACTER_TALK):
            return
        for turn in example.all_turns():
            if count := turn.text.count("\ufffd"):
                start = turn.text.index("\ufffd")
                yield turn.flag(f"a character is lost here (U+FFFD){_times(count)}", (start, start + 1))


_CHARACTER_TALK = re.compile(
    r"u\+f[ef]ff|u\+fffd|u\+200|\\u(?:200|fe?ff)|replacement character|unicode|zero[- ]width"
    r"|byte[- ]order|soft hyphen|mojibake|\bbidi\b|invisible character|variation selector",
    re.I,
)


# ---------------------------------------------------------------------- characters nobody sees

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
_INVISIBLE = re.compile(_class(_NAMES))
_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001eeff]")
# Scripts whose letters join or stack, where joiners change what is seen.
_JOINING = re.compile(
    r"[\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\u1900-\u1cff\ua840-\ua8ff\ua980-\uaaff\uabc0-\uabff"
    r"\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff]"
)
# Scripts that put no space between words, where a zero-width space may stand for one.
_UNSPACED = re.compile(r"[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u1980-\u1aaf\ua9e0-\uaa7f]")
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
        if not any(places for _, places in found) or _about(example, _CHARACTER_TALK):
            return
        for turn, places in found:
            if not places:
                continue
            kinds = Counter(_NAMES[turn.text[place]] for place in places)
            said = ", ".join(f"{name} ({count} times)" if count > 1 else name for name, count in kinds.items())
            spans = [(place, place + 1) for place in places]
            edits = tuple(turn.edit(start, end, "") for start, end in spans)
            fix = Fix("remove what nobody sees", edits, safety=_safety(turn.text, spans))
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


# ---------------------------------------------------------------------- leftovers of web pages and of JSON

_BLOCK_TAGS = (
    "br|hr|p|div|li|ul|ol|dl|dt|dd|tr|td|th|table|tbody|thead|tfoot|h[1-6]|blockquote|pre|center|figure|figcaption"
    "|article|nav|noscript|iframe|script|style"
)
_INLINE_TAGS = "span|font|img|a|strong|wbr|abbr|acronym|small|strike"
_PAIRED_TAGS = "b|i|u|em"  # a lone one of these may be anything
_ATTRIBUTES = (
    r"""(?:\s+[\w:@.-]{1,40}\s*=\s*(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'|&quot;[^<>&]{0,500}&quot;"""
    r"""|[^\s"'<>=]{1,300})){0,12}"""
)
_LESS = "(?:<|&(?:amp;)*lt;|&(?:amp;)*#0*60;|&(?:amp;)*#[xX]0*3[cC];)"
_MORE = "(?:>|&(?:amp;)*gt;|&(?:amp;)*#0*62;|&(?:amp;)*#[xX]0*3[eE];)"
_TAG = re.compile(
    rf"{_LESS}(?:/(?P<closes>{_BLOCK_TAGS}|{_INLINE_TAGS}|{_PAIRED_TAGS})"
    rf"|(?P<opens>{_BLOCK_TAGS}|{_INLINE_TAGS}){_ATTRIBUTES}"
    rf"|(?P<paired>{_PAIRED_TAGS})(?=[^\n]{{0,400}}?{_LESS}/(?P=paired){_MORE}))\s*/?{_MORE}",
    re.I,
)
_ENTITY = re.compile(
    r"&(?:amp;)*(?:#\d{2,6}|#[xX][0-9a-fA-F]{2,5}|"
    + "|".join(sorted((*name2codepoint, "apos"), key=len, reverse=True))
    + ");"
)
_BLOCK = re.compile(_BLOCK_TAGS, re.I)
_MARKUP_TALK = re.compile(
    r"\b(?:x?html5?|xml|css|markup|jsx|svg|php|javascript|react\.?js|jinja2?|beautifulsoup|bbcode|ssml|wiki ?text"
    r"|(?:opening|closing|paragraph|br|line break) tags?|character entit(?:y|ies)|unescape)\b",
    re.I,
)


def _without_markup(place: re.Match[str]) -> str:
    """What a tag or an entity stands for: a line break, nothing, or the character."""
    if place.re is _ENTITY:
        plain = re.sub(r"(?<=&)(?:amp;)+(?=[#\w]+;)", "", place.group())
        return html.unescape(plain).replace("\u00a0", " ")
    name = place["closes"] or place["opens"] or ""
    return "\n" if _BLOCK.fullmatch(name) else ""


def _has_place(text: str, found: re.Match[str]) -> bool:
    """Whether a tag or an entity stands in code, an address or a table that may well hold it."""
    mask = mask_at(text, found.start(), found.start() + 1)
    if mask is None:
        return False
    start, end, kind = mask
    if kind == "table":
        return found.group().lower().startswith(("<br", "&nbsp"))
    if kind == "code" and _ESCAPED_CODE.match(found.group()):  # "if (a &lt; b)": the code itself was escaped
        return _HOLDS_MARKUP.search(text, start, end) is not None
    return True


_ESCAPED_CODE = re.compile(r"&(?:amp;)*(?:lt|gt|amp|quot|nbsp|apos|#0*3[49]);")
_HOLDS_MARKUP = re.compile(
    r"</[a-zA-Z]|/>|<(?:html|div|span|p|br|a|ul|li|table|h[1-6])\b[^\n]*>|```(?:html|xml|jsx|tsx|vue)", re.I
)


def markup_left(text: str) -> list[Repair]:
    """HTML tags and entities in the prose of a text, with what they stand for; neighbours are joined."""
    found = [*_TAG.finditer(text)]
    inside = {place for tag in found for place in range(*tag.span())}
    found += [entity for entity in _ENTITY.finditer(text) if entity.start() not in inside]
    runs: list[list[re.Match[str]]] = []
    for place in sorted(found, key=lambda hit: hit.start()):
        if _has_place(text, place):
            continue
        if runs and runs[-1][-1].end() == place.start():
            runs[-1].append(place)
        else:
            runs.append([place])
    return [Repair(run[0].start(), run[-1].end(), _plain(run)) for run in runs]


def _plain(run: list[re.Match[str]]) -> str:
    """What neighbouring tags and entities stand for together, without needless breaks and spaces."""
    joined = "".join(map(_without_markup, run))
    return joined if len(run) == 1 else re.sub(r"\n{3,}", "\n\n", re.sub(" {2,}", " ", joined))


_HEADINGS = "|".join(f"h{level}" for level in range(1, 7))
_OPENING = f"{_BLOCK_TAGS}|{_INLINE_TAGS}|{_PAIRED_TAGS}".replace("h[1-6]", _HEADINGS).split("|")


class HtmlLeft(RowRule, frozen=True):
    """Tags or entities of a web page stand in the prose.

    Nobody who asks in a chat sees them as what they were: the model learns to strew its answers with
    markup that is shown as it stands.
    """

    code = "ENC004"
    literals = (
        *(f"<{name}{end}" for name in _OPENING for end in (">", " ", "/")),
        "</",
        "&#",
        *(f"&{name};" for name in (*name2codepoint, "apos")),
    )
    GOOD = [
        chat(user="How do I break a line in HTML?", assistant="Use <br/>; for a space, &nbsp;."),
        chat(
            user="Is AT&T in R&D; and a<b, p<q>r?",
            assistant="Yes. Write to <name> at <your address>, if a <b and c> d.",
        ),
        chat(
            user="Fetch it",
            assistant="Open https://example.com/?a=1&lt;=3&copy;=2 or `<div>`.\n\n```\n<p>&nbsp;</p>\n```",
        ),
        chat(user="Compare", assistant="| a | b |\n|---|---|\n| one<br>two | three |"),
        chat(user="Think", assistant="<think>Half of 8 is 4.</think><answer>4</answer>"),
    ]
    BAD = [
        Bad(
            chat(
                user="What is a quine?", assistant="A program<br/><br/>that prints itself&nbsp;&nbsp;&amp; no more.</p>"
            ),
            at="messages[1].content",
            fixed=chat(user="What is a quine?", assistant="A program\n\nthat prints itself & no more.\n"),
        ),
        Bad(
            chat(
                user="Who?", assistant='<div class="content">It&#39;s &lt;p&gt;Ada &amp;quot;A.&quot; <b>Lovelace</b>.'
            ),
            at="messages[1].content",
            fixed=chat(user="Who?", assistant='\nIt\'s \nAda "A." Lovelace.'),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        found = [(turn, markup_left(turn.text)) for turn in example.all_turns() if turn.role != "tool"]
        if not any(repairs for _, repairs in found) or _about(example, _MARKUP_TALK):
            return
        for turn, repairs in found:
            if repairs:
                start, end, _ = repairs[0]
                mended = _applied(turn.text, repairs)
                whole = not markup_left(mended) and not _HOLDS_MARKUP.search(mended)
                fix = Fix("turn markup into text", _edits(turn, repairs)) if whole else None
                message = f"markup is left in the text: {turn.text[start:end]}{_times(len(repairs))}"
                yield turn.flag(message, (start, end), fix=fix)


def _applied(text: str, repairs: Iterable[Repair]) -> str:
    parts, at = [], 0
    for start, end, new in repairs:
        parts += [text[at:start], text[start:end] if new is None else new]
        at = end
    return "".join([*parts, text[at:]])


_ESCAPE = re.compile(r"""\\(?:r\\n|[nrt]|u[0-9a-fA-F]{4}|["'])""")
# Commands of LaTeX and words after a backslash that begin like an escape.
_LATEX = re.compile(
    r"\\(?:n(?:abla|atural|cong|ear(?:row)?|eg|eq?q?|ewline|ewcommand|ewpage|exists|geq?|i|oindent|olimits|onumber|ormalsize|"
    r"leq?|less|gtr|mid|ot(?:in)?|parallel|prec|rightarrow|Rightarrow|leftarrow|Leftarrow|sim|subseteq|succ|u|warrow)|"
    r"r(?:a|angle|aise|aisebox|angle|brace|brack|ceil|floor|ef|enewcommand|estriction|fbox|group|ho|ight\w*|isingdotseq|m|oot|times|u?le|vert|Vert)|"
    r"t(?:ableofcontents|ag|an|anh|au|b?inom|ext\w*|extbf|frac|herefore|heta|hinspace|hick\w*|ilde|imes|iny|itle|o|op|riangle\w*|t|woheadrightarrow))(?![A-Za-z])"
)
_ESCAPE_TALK = re.compile(
    r"\b(?:new ?lines?|line ?(?:break|feed)s?|escap(?:e|ed|es|ing) (?:sequence|character|code)s?|backslash(?:es)?|regex(?:es|p)?"
    r"|regular expressions?|carriage returns?|string literals?|raw strings?|code ?points?|tab characters?|printf|latex)\b|\bunicode\b",
    re.I,
)
# A string of code or data: quoted after a bracket, an equals sign or a colon.
_LITERAL = re.compile(r"""[(=:：{\[+]\s*(["'])(?:\\.|(?!\1)[^\\\n])*(?:\1|$)""", re.M)
_WRITTEN_QUOTES = re.compile(
    r"""(?<=\w)\\'(?=[a-z]{1,2}\b)|(?<!\S)\\"(?=[^\W\d_][^"\\\n]*\\")|(?<=[\w.,!?])\\"(?=[\s.,;!?)]|$)"""
)
_WRITTEN = {"\\n": "\n", "\\r\\n": "\n", "\\r": "\n", "\\t": "\t", '\\"': '"', "\\'": "'"}


def written_escapes(text: str) -> list[Repair]:
    """Escapes written out in prose where the character itself is meant.

    A line break is meant where a sentence or a line of verse ends before it. Commands of LaTeX, paths,
    strings of code and mentions in quotation marks are none of it. Where one escape is sure, the others
    of the text are taken with it.
    """
    hits = [hit for hit in _ESCAPE.finditer(text) if in_prose(text, *hit.span())]
    if not hits:
        return []
    apart = [match.span() for pattern in (_LATEX, _LITERAL) for match in pattern.finditer(text)]
    hits = [hit for hit in hits if not any(start <= hit.start() < end for start, end in apart)]
    if not any(_is_sure(text, hit) for hit in hits):
        return []
    return [Repair(*hit.span(), _character(hit.group())) for hit in hits]


def _is_sure(text: str, hit: re.Match[str]) -> bool:
    if hit.group()[1] in "\"'":
        return bool(_WRITTEN_QUOTES.match(text, hit.start()))
    before, after = text[: hit.start()].rstrip(" "), text[hit.end() :].lstrip(" ")
    if before[-1:] in _QUOTES and after[:1] in _QUOTES and before and after:
        return False
    if hit.group()[1] == "u":
        return before[-1:] not in ("[", "-", "\\") and after[:1] != "-"
    while after.startswith(("\\n", "\\r", "\\t")):
        after = after[2:].lstrip(" ")
    if before[-1:] in (".", "!", "?", "…", "。", "！", "？"):
        return before[-2:-1].isalnum() or before[-2:-1] in ")\"'”’*_"
    return before[-1:] in (",", ":", ";", ")", "：", "，") and (not after or not after[0].islower())


def _character(escape: str) -> str:
    return chr(int(escape[2:], 16)) if escape[1] == "u" else _WRITTEN[escape]


class LiteralEscape(RowRule, frozen=True):
    r"""A line break, a quotation mark or an accent is written out as an escape such as \n.

    The row was encoded twice. Shown to a reader, the answer has no line breaks, and the model learns to
    write a backslash and a letter instead of a new line.
    """

    code = "ENC005"
    literals = ("\\n", "\\r", "\\t", "\\u", '\\"', "\\'")
    GOOD = [
        chat(user="How do I split lines in Python?", assistant="Call text.split('\\n'). It cuts at every \\n."),
        chat(
            user="Where?", assistant="In C:\\new\\notes.txt, or .\\new. So $\\nabla f$, \\neq 0; \\text{so}. \\nu too."
        ),
        chat(user="Count the words: file (content: 'One.\\nTwo.')", assistant="```\nprint('a.\\nB')\n```"),
        chat(user="What is a line feed?", assistant="It ends a line.\\nThat is how it is written."),
    ]
    BAD = [
        Bad(
            chat(user="List two birds.", assistant='Two birds:\\n- owl\\n- wren\\n\\nBoth sing.\\nSo \\"they\\" say.'),
            at="messages[1].content",
            fixed=chat(user="List two birds.", assistant='Two birds:\n- owl\n- wren\n\nBoth sing.\nSo "they" say.'),
        ),
        Bad(
            chat(user='He said \\"no\\", didn\\\'t he?', assistant="At the caf\\u00e9."),
            at=("messages[0].content", "messages[1].content"),
            fixed=chat(user='He said "no", didn\'t he?', assistant="At the café."),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        found = [(turn, written_escapes(turn.text)) for turn in example.all_turns() if turn.role != "tool"]
        if not any(repairs for _, repairs in found) or _about(example, _ESCAPE_TALK):
            return
        for turn, repairs in found:
            if repairs:
                start, end, _ = repairs[0]
                # A surrogate pair is two escapes of one character; half of one would be no text.
                whole = not any("\ud800" <= (text or "") <= "\udfff" for *_, text in repairs)
                stable = whole and not written_escapes(_applied(turn.text, repairs))
                fix = Fix("write the characters themselves", _edits(turn, repairs)) if stable else None
                yield turn.flag(f"{turn.text[start:end]} is written out{_times(len(repairs))}", (start, end), fix=fix)


# ---------------------------------------------------------------------- spacing and normal form


def wide_gaps(text: str, width: int) -> list[Repair]:
    """Runs of at least `width` spaces within a sentence of prose or, elsewhere in or behind a line, of two
    more (two spaces after a full stop are a style, two at the end of a line are Markdown); and three or more
    blank lines.

    Lines whose neighbours have such gaps too, or with three of them, are aligned on purpose and left alone.
    """
    gap = re.compile(
        rf"""(?<=[^\W\d_]) {{{width},}}(?=[^\W_]|["'“‘(])|(?<=,) {{{width},}}(?=\w)|(?<=[^\s|]) {{{width + 2},}}(?=[^\s|]|$)"""
    )
    lines = text.split("\n")
    gaps = [[hit for hit in gap.finditer(line, _indent(line)) if line[: hit.start()][-2:-1] != "\\"] for line in lines]
    inner = [any(hit.end() < len(line) for hit in hits) for line, hits in zip(lines, gaps, strict=True)]
    out: list[Repair] = []
    at = 0
    for number, (line, hits) in enumerate(zip(lines, gaps, strict=True)):
        near = inner[max(0, number - 2) : number] + inner[number + 1 : number + 3]
        if hits and not (inner[number] and (len(hits) > 2 or any(near))):
            for hit in hits:
                start, end = at + hit.start(), at + hit.end()
                if in_prose(text, start, end):
                    out.append(Repair(start, end, " " if hit.end() < len(line) else ""))
        at += len(line) + 1
    for blank in re.finditer(r"(?<!\n)\n{4,}(?=[^\n])", text):
        if in_prose(text, *blank.span()):
            out.append(Repair(*blank.span(), "\n\n"))
    return sorted(out)


_INDENT_OR_MARK = re.compile(r"[ \t>]*(?:(?:[-*+•–]|\(?\w{1,3}[.):]|#+)[ \t]+)?")


def _indent(line: str) -> int:
    """Where a line begins behind its indentation and list mark."""
    mark = _INDENT_OR_MARK.match(line)
    return mark.end() if mark else 0


class ExcessSpace(RowRule, frozen=True):
    """A line of prose has wide gaps, or many blank lines stand between paragraphs.

    Such gaps are left from layout or from removed markup. They cost tokens, and the model repeats them.
    """

    code = "ENC006"
    severity = "info"
    literals = ("\n\n\n\n",)
    GOOD = [
        chat(user="Write code", assistant="```\nx    = 1\n\n\n\ny    = 2\n```"),
        chat(user="A table", assistant="Name     Age\nAda       36\nBob      41"),
        chat(user="Two spaces?", assistant="After a full stop.  Many do that.  \nA line break in Markdown.\n\n\nSo."),
        chat(user="Choose: A. one    B. two    C. three    D. four", assistant="1.   One\n2.   Two\n    - deep"),
        chat(user="Name:   Bo", assistant="Hi  there.\\n   So it is."),
    ]
    BAD = [
        Bad(
            chat(
                user="Who was Ada?", assistant="A   mathematician.     She lived\n\n\n\n\nin London, and   wrote.     "
            ),
            at="messages[1].content",
            fixed=chat(user="Who was Ada?", assistant="A mathematician. She lived\n\nin London, and wrote."),
        ),
        Bad(
            chat(user="Who was  Ada?", assistant="A mathematician."),
            at="messages[0].content",
            fixed=chat(user="Who was Ada?", assistant="A mathematician."),
            options={"min_run": 2},
        ),
    ]

    min_run: Annotated[int, option("Fewer spaces than this within a sentence are no gap.", ge=2)] = 3

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows with enough spaces behind a letter or a comma, more behind another sign, or blank lines in a row."""
        data = np.frombuffer(batch.texts.data, np.uint8)
        size = max(0, len(data) - self.min_run - 2)
        space = data == 0x20
        wide = space[1 : size + 1].copy()
        for step in range(2, self.min_run + 1):
            wide &= space[step : size + step]
        hits = np.flatnonzero(wide)
        first = data[hits]
        wider = space[hits + self.min_run + 1] & space[hits + self.min_run + 2]
        hits = hits[_IN_SENTENCE[first] | (wider & (first > 0x20))]
        texts = distinct(np.searchsorted(batch.texts.ends, hits, side="right"))
        return sorted({*batch.rows_with(type(self)), *batch.turn_lines[texts].tolist()})

    def check(self, example: Example) -> Iterator[Flag]:
        for turn in example.all_turns():
            repairs = wide_gaps(turn.text, self.min_run) if turn.role != "tool" else []
            if repairs:
                start, end, _ = repairs[0]
                what = "blank lines" if "\n" in turn.text[start:end] else f"{end - start} spaces"
                fix = Fix("close the gaps", _edits(turn, repairs), safety="safe")
                yield turn.flag(f"{what} in a row{_times(len(repairs))}", (start, end), fix=fix)


_IN_SENTENCE = np.zeros(256, dtype=bool)
_IN_SENTENCE[[ord(","), *range(65, 91), *range(97, 123), *range(128, 256)]] = True

_MARKS = "\u0300-\u036f\u0653-\u0655\u1161-\u1175\u11a8-\u11c2\u3099\u309a"
_CLUSTER = re.compile(f"[^{_MARKS}][{_MARKS}]+")
_FORM_TALK = re.compile(
    r"\b(?:unicode|nf[ck]d?|normali[sz]ation form|combining (?:character|mark|diacritic)s?|code ?points?)\b", re.I
)


class NotNormalised(RowRule, frozen=True):
    """Letters are written as base and combining mark where Unicode has one character for them.

    Both look the same, but the tokenizer gives them other tokens: the model has to learn each such word
    twice, and equal texts compare as different.
    """

    code = "ENC007"
    severity = "info"
    literals = tuple(
        map(
            chr,
            (*range(0x300, 0x370), 0x653, 0x654, 0x655, *range(0x1161, 0x1176), *range(0x11A8, 0x11C3), 0x3099, 0x309A),
        )
    )
    GOOD = [
        chat(user="Where?", assistant="In the café in Łódź, 한국, ガ."),
        chat(user="IPA?", assistant="n̩ and ɛ̃ have no single character; Å (U+212B) is left alone."),
        chat(user="What is NFC?", assistant="It turns e\u0301 into é."),
    ]
    BAD = [
        Bad(
            chat(user="Where?", assistant="In the cafe\u0301 of Zu\u0308rich, \u1112\u1161\u11ab."),
            at="messages[1].content",
            fixed=chat(user="Where?", assistant="In the café of Zürich, 한."),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        found = [(turn, _decomposed(turn.text)) for turn in example.all_turns()]
        if not any(repairs for _, repairs in found) or _about(example, _FORM_TALK):
            return
        for turn, repairs in found:
            if repairs:
                start, end, _ = repairs[0]
                fix = Fix("compose (NFC)", _edits(turn, repairs), safety=_safety(turn.text, [r[:2] for r in repairs]))
                message = f"“{turn.text[start:end]}” is written as letter and mark{_times(len(repairs))}"
                yield turn.flag(message, (start, end), fix=fix)


def _decomposed(text: str) -> list[Repair]:
    """Clusters of a letter and combining marks that NFC makes shorter."""
    found = []
    for cluster in _CLUSTER.finditer(text):
        composed = unicodedata.normalize("NFC", cluster.group())
        if len(composed) < len(cluster.group()):
            found.append(Repair(*cluster.span(), composed))
    return found

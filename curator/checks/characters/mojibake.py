"""ENC001, ENC002: text in the wrong encoding, and characters that are lost."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np

from curator.checks.characters.repairs import QUOTES, Repair, about, char_class, edits, safety_of, times
from curator.columns import Batch
from curator.model import Example, Fix, Flag
from curator.rule import Bad, RowRule, chat
from curator.text.hashed import distinct
from curator.text.patterns import compiled_later


def _alphabet(codec: str, low: int, high: int) -> dict[str, int]:
    """The characters that bytes low..high turn into when read as `codec`; undefined bytes become C1 controls."""
    table = {chr(byte): byte for byte in range(low, high if codec == "cp1252" else min(high, 0xA0))}
    for byte in range(low, high):
        char = bytes([byte]).decode(codec, "ignore")
        if char:
            table[char] = byte
    return table


# Signs that end a word or a quotation: after a capital, or at the end of a word, they may well be meant.
_CLOSERS = frozenset("“”‘’…–—«»\u00a0™®°ºª¹²³·´")
_WESTERN = _alphabet("cp1252", 0x80, 0x100)
_TAIL = char_class(_alphabet("cp1252", 0x80, 0xC0))
_SEQUENCE = re.compile(f"[Â-ß]{_TAIL}|[à-ï]{_TAIL}{{2}}|[ð-ô]{_TAIL}{{3}}")
_RUN = re.compile(f"(?:{_SEQUENCE.pattern})+")


def _other(codec: str, pattern: str) -> tuple[str, re.Pattern[str], dict[str, int]]:
    tails = _alphabet(codec, 0x80, 0xC0)
    pattern = pattern.replace("TAIL", char_class(tails)).replace("SURE", char_class(set(tails) - _CLOSERS))
    return codec, compiled_later(pattern), _alphabet(codec, 0x80, 0x100)


# UTF-8 read as Mac Roman, Windows-1251, Latin-2 or Windows-1250, by runs that leave no doubt.
_OTHERS = (
    _other("mac_roman", "‚ÄTAIL"),
    _other("cp1251", "(?:[РС]TAIL){3,}"),
    _other("iso8859_2", "(?<![ÂÄ]TAIL)(?:[ÂÄ]TAIL)*(?:ĹTAIL|ĂSURE)(?:ĹTAIL|[ÂÄĂ]SURE)*"),
    _other("cp1250", "(?<![ÂÄ]TAIL)(?:[ÂÄ]TAIL)*(?:ĹTAIL|ĂSURE)(?:ĹTAIL|[ÂÄĂ]SURE)*"),
)
_CYRILLIC_PAIR = compiled_later(f"(?:[РС]{char_class(_alphabet('cp1251', 0x80, 0xC0))})+")
_LATIN_2_CONTROL = compiled_later(r"[\x80\x82\x84-\x87\x89-\x8f\x91-\x97\x99-\x9f]")  # signs in Windows-1250
_CHINESE_RUN = compiled_later(r"鈥[\u3400-\u9fff]")
# Remains of sequences that lost a byte: what stood there cannot be told.
_LOST = compiled_later(rf"â€(?!{_TAIL})|(?<=[a-z])Ã(?= )|(?<=[a-z\d.,;:!?)])Â(?= )|锟斤拷|鈥(?=[?\ufffd])")

# What a single sequence may stand for; other scripts are believed from two sequences in a row on.
_PLAUSIBLE = compiled_later(
    r"[\u00a0-\u017f\u0218-\u021b\u02c6\u02dc\u0300-\u036f\u0370-\u03ff\u1e00-\u1eff\u2000-\u20cf\u2100-\u214f"
    r"\u2190-\u22ff\u2500-\u27bf\ufb00-\ufb06\ufe0f\ufeff\ufffd\U0001f000-\U0001faff]*"
)
_ENCODINGS = compiled_later(
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
    if before and after and before in QUOTES and after in QUOTES:
        return True
    if not _CLOSERS.issuperset(text[start + 1 : end]) or before.isdigit():
        return False
    if text[start] in "ÂÃ" and text[start + 1] == "\u00a0" and not before.isalpha():
        return not after or before in QUOTES or after in "»:;!?"
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
        if not any(repairs for _, repairs in found) or about(example, _ENCODINGS):
            return
        for turn, repairs in found:
            sure = [repair for repair in repairs if repair.text is not None]
            if sure:
                start, end, text = sure[0]
                safety = safety_of(turn.text, [repair[:2] for repair in sure])
                fix = Fix("decode it as UTF-8", edits(turn, sure), safety=safety)
                message = f"“{turn.text[start:end]}” is “{text}” in the wrong encoding{times(len(sure))}"
                yield turn.flag(message, (start, end), fix=fix)
            lost = [repair for repair in repairs if repair.text is None]
            if lost:
                start, end, _ = lost[0]
                message = f"“{turn.text[start:end]}” is left of a wrong encoding{times(len(lost))}"
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
        if about(example, CHARACTER_TALK):
            return
        for turn in example.all_turns():
            if count := turn.text.count("\ufffd"):
                start = turn.text.index("\ufffd")
                yield turn.flag(f"a character is lost here (U+FFFD){times(count)}", (start, start + 1))


CHARACTER_TALK = compiled_later(
    r"u\+f[ef]ff|u\+fffd|u\+200|\\u(?:200|fe?ff)|replacement character|unicode|zero[- ]width"
    r"|byte[- ]order|soft hyphen|mojibake|\bbidi\b|invisible character|variation selector",
    re.I,
)

"""LNG: rows and answers in another language than theirs should be.

The words of a turn vote in the scan; only rows whose vote is odd, or open, are read again and put before the
detectors. A language that a fair share of the set is in is one of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from curator.columns import ROLE_CODES, Batch, Rows
from curator.model import Example, Flag, Turn
from curator.rule import Bad, DatasetRule, chat
from curator.text import languages
from curator.text.languages import KINDS, LATIN, NAMES, Claim, language_of, prose_of
from curator.text.patterns import compiled_later
from curator.text.prose import masked

# ---------------------------------------------------------------------- what the scan tells

# A turn's code: 0 nothing is proved, n + 1 language n of LATIN, _SCRIPT + k script k of KINDS, _OPEN to be looked at.
_ENGLISH = 1
_SCRIPT = 100
_OPEN = 255
_LATIN_BYTES = 12  # of words in Latin script; in fewer no language is proved
_PART = 200  # rows judged together


def tongues(batch: Batch) -> np.ndarray:
    """uint8, shape (lines, 5): two codes of a row's prompts, two of its answers (0 where fewer), a switch within one."""
    out = np.zeros((len(batch.lines), 5), np.uint8)
    if not len(batch.turns):
        return out
    said = languages.turn_votes(batch)
    codes = np.zeros(len(batch.turns), np.uint8)
    marks = said.foreign + said.accented
    weak = (marks >= np.where(said.words <= 8, 1, 2)) & (marks > 2 * said.english) & (said.words >= 3)
    weak &= 25 * marks >= said.words
    codes[weak] = _OPEN
    sure = (said.foreign >= 3) & (said.foreign > said.english) & (5 * said.foreign >= said.words)
    codes[sure] = said.language[sure] + 1
    codes[(said.english >= 2) & (said.english > 2 * said.foreign) & (8 * said.english >= said.words)] = _ENGLISH
    odd = (codes == 0) & (said.spelt >= 2) & (2 * said.common < said.spelt) & (said.latin >= _LATIN_BYTES)
    codes[odd] = _OPEN
    script = (said.beyond > said.latin) & (said.beyond > 1)
    codes[script] = said.kind[script] + _SCRIPT
    codes[batch.roles == ROLE_CODES["tool"]] = 0
    answers = batch.roles == ROLE_CODES["assistant"]
    for column, side in ((0, ~answers), (2, answers)):
        places = np.flatnonzero(side & (codes > 0))
        out[batch.turn_lines[places], column] = codes[places]  # the last of each row
        other = places[codes[places] != out[batch.turn_lines[places], column]]
        out[batch.turn_lines[other], column + 1] = codes[other]
    dense = np.isin(said.kind, (KINDS.index("Han"), KINDS.index("Hangul")))
    strange = (said.beyond >= np.where(dense, 10, 20)) | (said.foreign >= 4)
    switched = answers & strange & (said.english >= 1) & (said.words >= 5)
    out[batch.turn_lines[switched], 4] = 1
    return out


def _often(rows: int, judged: int) -> bool:
    """Whether so many rows are no accident but the manner of the set."""
    return any(rows >= least and rows >= share * judged for least, share in ((5, 0.1), (20, 0.05), (50, 0.02)))


def own(sketches: np.ndarray, readable: np.ndarray) -> frozenset[int]:
    """The codes of the languages and scripts that the set is in."""
    seen: Counter[int] = Counter()
    judged = 0
    kept = sketches[readable][:, :4]
    for row, count in zip(*np.unique(kept, axis=0, return_counts=True), strict=True):
        codes = {int(code) for code in row} - {0, _OPEN}
        judged += int(count) if codes else 0
        for code in codes:
            seen[code] += int(count)
    most = [code for code, _ in seen.most_common(1)]
    return frozenset([*most, *(code for code, rows in seen.items() if _often(rows, judged))])


@cache
def _kind_of_script(script: str) -> int:
    kinds = {"Kana": "Han", "Armenian": "other"}
    if script in KINDS or script in kinds:
        return KINDS.index(kinds.get(script, script))
    south = {"Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala"}
    return KINDS.index("South Asian" if script in south | {"Thai", "Lao"} else "other")


def code_of(claim: Claim) -> int:
    if claim.script != "Latin":
        return _SCRIPT + _kind_of_script(claim.script)
    return LATIN.index(claim.language) + 1 if claim.language in LATIN else _OPEN


# ---------------------------------------------------------------------- what the prompt asks for

_OTHER_NAMES = (
    "Latin|Mandarin|Cantonese|Farsi|Yoruba|Igbo|Hausa|Zulu|Xhosa|Somali|Maori|Hawaiian|Samoan|Esperanto|Yiddish|Welsh"
    "|Gaelic|Galician|Malay|Javanese|Tibetan|Nepali|Sanskrit|Pashto|Kurdish|Uzbek|Creole|Quechua|Hinglish|Spanglish"
    "|(?:Old|Middle) (?:English|French|Norse|Irish|High German)|Anglo-Saxon|Luxembourgish|Flemish|Bosnian|Serbo|Slavic|Klingon|pinyin|romaji|transliterat\\w*"
)
_ASKS = compiled_later(
    r"\btranslat\w*|\bconjugat\w*|\bbilingual|\bmultilingual|\btrilingual|\bforeign (?:word|phrase|language)s?|\bin other languages"
    r"|(?<!programming )(?<!query )(?<!markup )(?<!body )(?<!sign )(?<!natural )\blanguages\b"
    rf"|(?:\b(?:another|different|native|target|source|which|what|whatever|same|user's|given|following|specified)\s)language"
    rf"|\b(?:{_OTHER_NAMES})\b|traduc|traduire|übersetz|перевед|翻译|翻訳|번역|ترجم",
    re.I,
)
_OWN_NAMES = {
    "de": "deutsch", "fr": "français|francais", "es": "español|espanol|castellano|mexican", "pt": "português|brazilian",
    "it": "italiano", "nl": "nederlands", "sv": "svenska", "da": "dansk", "nb": "norsk", "fi": "suomi|suomeksi",
    "pl": "polski|polsku", "tr": "türkçe", "ru": "русск", "zh": "中文|汉语|漢語|chinois", "ja": "日本語", "ko": "한국어",
    "ar": "العربية", "hi": "हिन्दी|हिंदी", "vi": "tiếng việt", "id": "bahasa", "tl": "filipino",
}  # fmt: skip


# Languages as prompts in German, French, Spanish, Italian, Portuguese and Dutch name them, by stem; English also as
# those of other languages do.
_NAMES_ABROAD = {
    "en": "englisch|anglais|ingl[eéê]s|engels|angielsk|anglick|angol|englez|ingilizc|engelsk|englanni|inggris"
    "|tiếng anh|английск|англійськ|αγγλικ|अंग्रेज",
    "de": "allemand|alem[aáã]|tedesc|duits", "fr": "französisch|franc[eéê]s|frans[e]?\\b",
    "es": "spanisch|espagnol|spagnol|espanhol|spaans", "pt": "portugiesisch|portugais|portugu[eéê]s|portoghes|portugees",
    "it": "italienisch|italienne|en italien\\b|italiaans",
    "nl": "niederländisch|holländisch|n[ée]erlandais|neerland[eéê]s|holand[eéê]s|olandes",
    "sv": "schwedisch|suédois|suec[oa]|svedes|zweeds", "da": "dänisch|danois|dan[eéê]s|dinamarqu[eéê]s|deens",
    "nb": "norwegisch|norvégien|norueg|norvegese|noors", "fi": "finnisch|finnois|finland[eéê]s|fins\\b",
    "pl": "polnisch|polonais|polac[oa]|polacc|polon[eéê]s|pools\\b",
    "cs": "tschechisch|tchèque|t?chec[oa]|cec[oa]\\b|tsjechisch",
    "hu": "ungarisch|hongrois|h[uú]ngar|ungheres|hongaars", "ro": "rumänisch|roumain|ruman|rumen|romen[oia]|roemeens",
    "tr": "türkisch|turc\\b|turque|turc[oa]|turks", "ru": "russisch|russe\\b|rus[oa]\\b|russ[oa]\\b",
    "uk": "ukrainisch|ukrainien|ucra[ni]|oekraïens", "el": "griechisch|grec\\b|grecque|grieg[oa]|grec[oa]|greg[oa]|grieks",
    "ar": "arabisch|[aá]rabe|arab[oa]\\b", "he": "hebräisch|hébreu|hebreo|hebraic|ebraic|hebreeuws",
    "zh": "chinesisch|chin[oaeêé]|cines|chinees", "ja": "japanisch|japon[aeéê]|giappones|japans",
    "ko": "koreanisch|coréen|corean|koreaans", "vi": "vietnamesisch|vietnamien|vietnamit|vietnamees",
    "id": "indonesisch|indonésien|indones", "fa": "persisch|persan|persa\\b|persian|perzisch",
    "ca": "katalanisch|catal[aáà]|catalaans",
}  # fmt: skip
_ENGLISH_WITHIN = re.compile("英文|英语|英語|영어|الإنجليزية|الانجليزية|ภาษาอังกฤษ|אנגלית")  # within a run of letters
_ORIGINAL = compiled_later(
    r"\b(?:im original|in original|in originale|en el original|no original|dans l['’]original|in het origineel"
    r"|in the original)\b(?!\s\w)|\boriginal(?:sprache|text|wortlaut|fassung|ton\b)"
    r"|\b(?:langue|version|lingua|versione|taal) original|\b(?:idioma|lengua|língua|versión|versão|texte|texto) original"
    r"|\boriginal (?:language|wording)|\b(?:originele|oorspronkelijke) (?:taal|tekst)",
    re.I,
)


@cache
def _names(language: str) -> re.Pattern[str]:
    tables = (NAMES, _OWN_NAMES, _NAMES_ABROAD)
    names = [table[language] for table in tables if language in table] or ["\\0"]
    return re.compile(rf"\b(?:{'|'.join(names)})", re.I)


_LATIN_WORD = re.compile("[A-Za-z]{3}")


def asks_for(context: str, claim: Claim) -> bool:
    """Whether what comes before an answer asks for its language, names it, or has words of it."""
    if _ASKS.search(context) or _ORIGINAL.search(context) or _names(claim.language).search(context):
        return True
    if claim.language == "en" and _ENGLISH_WITHIN.search(context):
        return True
    script, beyond, _ = languages.script_of(context)
    if claim.script != "Latin":
        return beyond >= 2
    if script and _LATIN_WORD.search(context):
        return True  # a question in another script about a word in this one
    return languages.marks_of(context, claim.language) >= 2


# ---------------------------------------------------------------------- rows that are odd


class Odd(NamedTuple):
    """What is wrong with a row: the code of the rule, the turn, its language and the one expected."""

    code: str
    line: int
    turn: Turn
    claim: Claim
    expected: str


_KIN = [
    {"da", "nb", "sv"},
    {"cs", "sk"},
    {"hr", "sl"},
    {"nl", "af"},
    {"es", "ca", "pt"},
    {"id", "ms"},
    {"ru", "uk", "be"},
]


def _near(one: str, other: str) -> bool:
    """The same language, or one so like it that detectors take one for the other in a row."""
    return one == other or any({one, other} <= kin for kin in _KIN)


def odd_rows(sketches: np.ndarray, rows: Rows) -> list[Odd]:
    """The rows in which a language is wrong, in order; computed once for all rules."""
    return rows.memo("odd languages", lambda: list(_odd_rows(sketches, rows)))


def _odd_rows(sketches: np.ndarray, rows: Rows) -> Iterator[Odd]:
    home = own(sketches, rows.readable)
    suspects = _suspects(sketches, rows.readable, home)
    parts = (suspects[low : low + _PART] for low in range(0, len(suspects), _PART))
    read = ([(line, rows.example(line)) for line in part] for part in parts)
    for found in rows.spread(_Judging(home), read, _none):
        yield from found


@dataclass(frozen=True)
class _Judging:
    """Tells which rows are odd in a set of a language."""

    home: frozenset[int]

    def __call__(self, rows: list[tuple[int, Example]]) -> list[Odd]:
        return [odd for line, example in rows if (odd := _judged(example, line, self.home))]


def _none(rows: list[tuple[int, Example]]) -> list[Odd]:
    """What stands for rows that no worker could judge."""
    return []


def _suspects(sketches: np.ndarray, readable: np.ndarray, home: frozenset[int]) -> list[int]:
    """Rows with a code that is not the set's, or whose answer has another code than its prompt, against the set's manner."""
    codes = sketches[:, :4]
    strange = (~np.isin(codes, [0, *home])).any(axis=1)
    prompt, answer = sketches[:, 0].astype(np.int64), sketches[:, 2].astype(np.int64)
    sure = (prompt > 0) & (prompt != _OPEN) & (answer > 0) & (answer != _OPEN)
    pairs = np.where(sure, prompt * 256 + answer, 0)
    found, counts = np.unique(pairs[readable & sure], return_counts=True)
    usual = [pair for pair, n in zip(found.tolist(), counts.tolist(), strict=True) if _often(n, int(counts.sum()))]
    strange |= sure & (prompt != answer)
    strange &= ~np.isin(pairs, [pair for pair in usual if pair >> 8 != pair & 255])
    return np.flatnonzero(strange & readable).tolist()  # type: ignore[no-any-return]


def _judged(example: Example, line: int, home: frozenset[int]) -> Odd | None:
    turns = [turn for turn in example.all_turns() if turn.role != "tool"]
    claims = [language_of(prose_of(turn.text)) for turn in turns]
    context = request = ""
    asked: Claim | None = None
    for turn, claim in zip(turns, claims, strict=True):
        if turn.role != "assistant":
            context += turn.text + "\n"
            asked, request = (claim, turn.text) if turn.role == "user" else (asked, request)
        elif claim and asked and _differs(turn.text, claim, asked):
            if asks_for(context, claim) or _instructs(request, claim):
                continue
            if not _second(turn.text, claim, asked.language):
                return None
            code = "LNG002" if claim.script == asked.script else "LNG004"
            return Odd(code, line, turn, claim, asked.language)
    return _off(turns, claims, line, home)


def _instructs(request: str, claim: Claim) -> bool:
    """Whether a request has a sentence in the language of its answer: a task in it that quotes another language."""
    return any(
        (said := language_of(prose_of(request[start:end]))) and said.language == claim.language
        for start, end in languages.sentences(request)
        if len(request[start:end].split()) >= _TASK
    )


_TASK = 6  # words: fewer are told from another language too badly


def _differs(text: str, claim: Claim, asked: Claim) -> bool:
    """Whether an answer is in another language; one in Latin script that also has the prompt's script is in both."""
    if claim.script == "Latin" != asked.script:
        _, beyond, latin = languages.script_of(text)
        return 20 * beyond < latin
    return not _near(claim.language, asked.language)


_OLE = 5  # words; fewer different ones ("olé, olé, olé") look like a language of few speakers


def _off(turns: Sequence[Turn], claims: Sequence[Claim | None], line: int, home: frozenset[int]) -> Odd | None:
    """The row as a whole in a language that is not the set's."""
    proved = [(turn, claim) for turn, claim in zip(turns, claims, strict=True) if claim]
    if not home or not proved or any(_at_home(claim, home) for _, claim in proved):
        return None
    turn, claim = next((pair for pair in proved if pair[0].role == "assistant"), proved[0])
    if claim.language not in NAMES and claim.script == "Latin" and len(set(turn.text.casefold().split())) < _OLE:
        return None
    if claim.script == "Latin" and min(home) >= _SCRIPT and any(languages.script_of(t.text)[1] > 1 for t in turns):
        return None  # about a language, in the set's own
    context = "\n".join(other.text for other in turns if other.role != "assistant" and other is not turn)
    prompts = any(other.role != "assistant" for other, _ in proved)
    if asks_for(context, claim):
        if not prompts:
            return None
        other = next(pair for pair in proved if pair[0].role != "assistant")
        turn, claim = (turn, claim) if _near(other[1].language, claim.language) else other  # a task in its language
    expected = _home_name(home)
    return Odd("LNG001", line, turn, claim, expected) if _second(turn.text, claim, expected) else None


def _at_home(claim: Claim, home: frozenset[int]) -> bool:
    code = code_of(claim)
    return code in home or any(0 < other <= len(LATIN) and _near(claim.language, LATIN[other - 1]) for other in home)


def _home_name(home: frozenset[int]) -> str:
    latin = [LATIN[code - 1] for code in sorted(home) if code <= len(LATIN)]
    return latin[0] if latin else KINDS[min(home) - _SCRIPT]


def _second(text: str, claim: Claim, expected: str) -> bool:
    """Whether a second detector agrees that the text is not in the expected language, where both are Latin."""
    if claim.script != "Latin" or expected not in LATIN or not languages.detectable():
        return True
    return not _near(languages.second_opinion(prose_of(text)), expected)


def _name(language: str) -> str:
    """A language, a script ("the Han script") or, where a detector is all that tells it, no name."""
    return NAMES.get(language) or (f"the {language} script" if language in KINDS else "another language")


def _flagged(code: str, sketches: np.ndarray, rows: Rows, says: str) -> Iterator[tuple[int, Flag]]:
    for odd in odd_rows(sketches, rows):
        if odd.code == code:
            evidence = {"language": odd.claim.language, "script": odd.claim.script, "expected": odd.expected}
            message = says.format(
                found=_name(odd.claim.language), expected=_name(odd.expected), script=odd.claim.script
            )
            yield odd.line, odd.turn.flag(message, evidence=evidence)


# ---------------------------------------------------------------------- the rules

_ENGLISH_ROWS = [
    chat(user="How tall is the mountain that we can see from the house?", assistant="It is about 1,345 metres high."),
    chat(user="When does the shop on the corner open in the morning?", assistant="It opens at nine on working days."),
    chat(user="What should I do with the bread that was left over?", assistant="You could make toast of it, or soup."),
    chat(user="Why is the sky so red when the sun goes down?", assistant="The light has a longer way through the air."),
    chat(user="Who was the first to climb it, and when was that?", assistant="That is not known; it was long ago."),
]
_GERMAN = "Wie hoch ist der Berg, den wir von unserem Haus aus sehen können, und wer war zuerst oben?"


class OffLanguageRow(DatasetRule, frozen=True):
    """A row is in another language than the set.

    A few rows in another language teach little of it, and a model that has seen them mixes languages in its
    answers. Sets in several languages are left alone, and so is what is too short to tell.
    """

    code = "LNG001"
    costly = True
    extra = "languages"
    GOOD = [_ENGLISH_ROWS]
    BAD = [
        Bad(
            [
                *_ENGLISH_ROWS,
                chat(user=_GERMAN, assistant="Der Berg ist etwa 1345 Meter hoch, und das ist nicht bekannt."),
            ],
            at="5:messages[1].content",
        )
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        return batch.memo(tongues)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        yield from _flagged("LNG001", sketches, rows, "the row is in {found}, the set in {expected}")


class AnswerLanguageDiffers(DatasetRule, frozen=True):
    """The answer is in another language than the prompt, which does not ask for that.

    The model learns to answer in a language that the user does not write.
    """

    code = "LNG002"
    costly = True
    extra = "languages"
    GOOD = [
        _ENGLISH_ROWS,
        [*_ENGLISH_ROWS, chat(user="How do you say in German that the mountain is high and the way to it is long?",
                              assistant="Der Berg ist hoch, und der Weg zu ihm ist sehr lang.")],
        [*_ENGLISH_ROWS, chat(user=f"You are given a sentence with a blank, and you have to fill it in.\n{_GERMAN} ____",
                              assistant="The word that is missing at the end of it is the one for the house.")],
    ]  # fmt: skip
    BAD = [
        Bad(
            [*_ENGLISH_ROWS, chat(user="Which of the two hills that we can see from here is the higher one?",
                                  assistant="Der linke Berg ist etwas höher als der rechte, aber das sieht man nicht.")],
            at="5:messages[1].content",
        )
    ]  # fmt: skip

    def sketch(self, batch: Batch) -> np.ndarray:
        return batch.memo(tongues)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        yield from _flagged("LNG002", sketches, rows, "the answer is in {found}, the prompt in {expected}")


class LanguageSwitch(DatasetRule, frozen=True):
    """An answer begins in one language and goes on in another.

    Models that are trained on it fall from one language into the other. Quotations, examples and what the
    prompt asks for are no switch, and neither is the manner of a set whose answers often mix languages.
    """

    code = "LNG003"
    costly = True
    extra = "languages"
    GOOD = [
        _ENGLISH_ROWS,
        [chat(user="Say it.", assistant="The French phrase “c'est la vie” means that is how life is.")],
    ]
    BAD = [
        Bad(
            [*_ENGLISH_ROWS, chat(user="What should we do when the light at the door goes out?",
                                  assistant="You should look at the fuse first, and then at the lamp. Wenn das nicht hilft,"
                                  " dann muss man den Schalter und die Leitung zu der Lampe prüfen.")],
            at="5:messages[1].content",
        )
    ]  # fmt: skip

    def sketch(self, batch: Batch) -> np.ndarray:
        return batch.memo(tongues)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        suspects = np.flatnonzero((sketches[:, 4] > 0) & rows.readable)
        if len(suspects) >= 20 and len(suspects) >= 0.05 * rows.readable.sum():
            return
        for line in suspects.tolist():
            context = ""
            for turn in rows.example(line).all_turns():
                if turn.role != "assistant":
                    context += turn.text + "\n"
                elif found := _switch(turn.text, context):
                    first, then, start, end = found
                    message = f"the answer goes on in {_name(then.language)} after {_name(first.language)}"
                    evidence = {"language": then.language, "after": first.language}
                    yield line, turn.flag(message, (start, end), evidence=evidence)
                    break


def _switch(text: str, context: str) -> tuple[Claim, Claim, int, int] | None:
    """(language before, language after, where the latter begins and ends) of a text that changes once."""
    prose = _blanked(text)
    clear = languages.QUOTED.sub(lambda match: " " * len(match.group()), prose)
    cut = _cut(clear)
    if cut is None:
        return None
    tail = clear[cut:].rstrip()
    first, then = language_of(prose[:cut]), language_of(tail)
    if not first or not then or _near(first.language, then.language) or asks_for(context, then):
        return None
    foreign, part = (then, tail) if first.language == "en" else (first, prose[:cut])
    least = 10 if foreign.script in ("Han", "Kana", "Hangul") else 40
    return (first, then, cut, cut + len(tail)) if len(part.strip()) >= least and _second(part, foreign, "en") else None


def _cut(text: str) -> int | None:
    """Where a text changes from one language to another for good; None where it does not, or does so often."""
    if letter := languages.BEYOND_LATIN.search(text):
        _, beyond, latin = languages.script_of(text[letter.start() :])
        if beyond > latin:
            return letter.start()
    spans = list(languages.sentences(text))
    strange = [n for n, (start, end) in enumerate(spans) if _is_strange(text[start:end])]
    if not strange or len(strange) == len(spans):
        return None
    if strange == list(range(strange[0], len(spans))):
        cut = strange[0]
    elif strange == list(range(len(strange))):
        cut = len(strange)
    else:
        return None
    start, end = spans[cut]
    return start + len(text[start:end]) - len(text[start:end].lstrip())


def _blanked(text: str) -> str:
    """The text with code and addresses as blanks, so that places stay what they are."""
    parts, at = [], 0
    for start, end, _ in masked(text):
        parts += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def _is_strange(sentence: str) -> bool:
    """Whether a sentence has more of another language or script than of English."""
    _, beyond, latin = languages.script_of(sentence)
    if beyond > latin:
        return beyond > 1
    english, _, most = languages.votes_of(sentence)
    return most >= 2 and most > english


class ScriptMismatch(DatasetRule, frozen=True):
    """The answer is written in another script than the prompt, which does not ask for that.

    It is the plainest case of an answer in the wrong language: a reader of the prompt cannot read it.
    """

    code = "LNG004"
    costly = True
    GOOD = [_ENGLISH_ROWS, [chat(user="How do you write “water” in Japanese?", assistant="水です。")]]
    BAD = [
        Bad(
            [
                *_ENGLISH_ROWS,
                chat(user="Which of the two hills that we can see is the higher one?", assistant="左边的山更高一些。"),
            ],
            at="5:messages[1].content",
        )
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        return batch.memo(tongues)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        yield from _flagged(
            "LNG004", sketches, rows, "the answer is in {found}, the prompt in {expected}: another script"
        )

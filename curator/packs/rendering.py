"""Answers that only render what the prompt gave to translate or to word anew: what they say is not the assistant's."""

from __future__ import annotations

import re

from curator.text.patterns import compiled_later

# A request for the same thing in another language or in other words.
_ASKS = compiled_later(
    r"\btranslat\w*|\b(?:re-?phras|paraphras|re-?word|re-?writ|re-?stat|transcri|proof-?read|punctuat)\w*"
    r"|\bhow (?:do|would|can|should|could) (?:you|i|we|one) (?:say|put|write|phrase)\b|\bin other words\b"
    r"|\bwhat (?:does|is|do)\b[^\n]{1,400}\b(?:mean|in (?!the\b|a\b)[A-Z]\w+)"
    r"|\b(?:quote|repeat|correct|fix|say|put|make|turn|convert) (?:the |this |that |it |my |these )?(?:following"
    r"|sentence|phrase|text|message|line|words|grammar|back|in(?:to)?|more|sound)\b"
    r"|übersetz|umformulier|formulier\w* .{0,40}\bum\b|tradu[cits]|reformul|перевед|перефраз|翻译|翻譯|改写|翻訳|訳し"
    r"|번역|\bvertaa?l|översätt|oversæt|oversett|przetłumacz|çevir|ترجم",
    re.I,
)
# Somebody says that he cannot or will not.
_DECLINES = compiled_later(
    r"\b(?:can['’]?t|can ?not|could(?:n['’]?t| not)|won['’]?t|will not|unable|not able|refuse|decline|not allowed|sorry"
    r"|apologi[sz]e|(?:do not|don['’]?t) (?:have|understand|know))\b"
    r"|\b(?:kann|können|könnte|konnte|darf|dürfen|werde|möchte)\b[^.!?\n]*\b(?:nicht|kein\w*)\b|\btut mir leid\b"
    r"|\b(?:kan|kunnen|mag|kunde|kunne)\b[^.!?\n]*\b(?:niet|geen|inte|ikke)\b"
    r"|\bno (?:lo |la |le |te |les |os )?(?:puedo|podemos|podré|podría|tengo)\b|\blo siento\b"
    r"|\b(?:ne|n['’])\s?(?:\w+ )?(?:peux|puis|pouvons|pourrai|saurais|ai)\b|\bdésolée?\b"
    r"|\bnão (?:\w+ )?(?:posso|podemos|consigo|tenho)\b|\bnon (?:\w+ )?(?:posso|possiamo|riesco|ho)\b"
    r"|\bне (?:могу|можем|смогу|умею|имею)\b|\bnie (?:mogę|możemy|mam)\b"
    r"|无法|無法|不能|没有办法|没办法|抱歉|对不起|できません|できない|申し訳|すみません|없습니다|없어요|죄송|못",
    re.I,
)
_GIVEN = re.compile(
    r"(?<![\w\"])\"([^\"\n]+)\"(?!\w)|“([^“”\n]+)”|„([^„“”\n]+)[“”]|«([^«»\n]+)»|「([^「」\n]+)」"
    r"|(?<!\w)['‘`]([^\n]+?)['’`](?!\w)|[:：\n]\s*(\S[^\n]*)"
)
_LONGER = 2.5  # times the text given, and
_SPARE = 40  # characters: the words that introduce a rendering, and scripts that need fewer characters


def renders(asked: str, answer: str) -> bool:
    """Whether an answer may be a text of the prompt in another language or in other words, and that text declines.

    `asked` is what the user said last. The text is quoted there, or follows a colon or a line break; an answer much
    longer than it is more than its rendering.
    """
    if not _ASKS.search(asked):
        return False
    return any(
        _DECLINES.search(given) and len(answer) <= _LONGER * len(given) + _SPARE
        for found in _GIVEN.finditer(asked)
        for given in [next(filter(None, found.groups()))]
    )

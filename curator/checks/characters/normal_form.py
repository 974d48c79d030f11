"""ENC007: characters that are not composed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from curator.checks.characters.repairs import Repair, about, edits, safety_of, times
from curator.model import Example, Fix, Flag
from curator.rule import Bad, RowRule, chat
from curator.text.patterns import compiled_later

_MARKS = "\u0300-\u036f\u0653-\u0655\u1161-\u1175\u11a8-\u11c2\u3099\u309a"
_CLUSTER = compiled_later(f"[^{_MARKS}][{_MARKS}]+")
_FORM_TALK = compiled_later(
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
        if not any(repairs for _, repairs in found) or about(example, _FORM_TALK):
            return
        for turn, repairs in found:
            if repairs:
                start, end, _ = repairs[0]
                fix = Fix("compose (NFC)", edits(turn, repairs), safety=safety_of(turn.text, [r[:2] for r in repairs]))
                message = f"“{turn.text[start:end]}” is written as letter and mark{times(len(repairs))}"
                yield turn.flag(message, (start, end), fix=fix)


def _decomposed(text: str) -> list[Repair]:
    """Clusters of a letter and combining marks that NFC makes shorter."""
    found = []
    for cluster in _CLUSTER.finditer(text):
        composed = unicodedata.normalize("NFC", cluster.group())
        if len(composed) < len(cluster.group()):
            found.append(Repair(*cluster.span(), composed))
    return found

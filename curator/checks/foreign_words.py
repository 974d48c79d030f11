"""SPL005: misspelt words of other languages than English, by word lists and by dictionaries that the user has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np

from curator.checks.spelling import Wrong, word_flags
from curator.columns import Rows
from curator.model import Flag, NotRun
from curator.packs.loading import rules_dir
from curator.rule import Bad, DatasetRule, chat, option
from curator.text import dictionaries, hunspell, languages
from curator.text.hashed import fold

NAMES = {
    "ca": "Catalan", "cs": "Czech", "da": "Danish", "de": "German", "es": "Spanish", "fr": "French", "hu": "Hungarian",
    "id": "Indonesian", "it": "Italian", "nb": "Norwegian", "nl": "Dutch", "pl": "Polish", "pt": "Portuguese",
    "ro": "Romanian", "ru": "Russian", "sk": "Slovak", "sv": "Swedish", "tr": "Turkish", "uk": "Ukrainian",
}  # fmt: skip
# Languages whose words are made of too many parts for a list of those that were met.
_BUILT = frozenset(("hu", "tr"))
_MARKS = 120  # commonest words of a language by which it is known
_LEAST = 40  # of them in a set
_SHARE = 0.02  # of all such words of all languages
_SHORTEST = 6
_SLIPS_MET = 2.5  # slips of common words are met too: up to this Zipf frequency, letters swapped may be one
_RARER = 3.5  # powers of ten by which such a slip is rarer than the right word
_COMMON = 4.0  # Zipf frequency of a word that a slip is told from

_REIHER = [
    chat(
        user="Wo steht der Reiher?",
        assistant="Der Reiher steht am Ufer und wartet lange, weil er die Fische nicht erschrecken will.",
    )
] * 12
_GARZA = [
    chat(
        user="¿Dónde está la garza?",
        assistant="La garza está en la orilla del río y espera mucho tiempo, pero no quiere asustar a los peces.",
    )
] * 12
_HEJRE = [
    chat(
        user="Hvad gør hejren?",
        assistant="Den bliver stående, hvad der end sker, fordi nogen måske giver den en fisk i morgen.",
    )
] * 12


class UnknownForeignWord(DatasetRule, frozen=True):
    """A word of another language than English is unknown, and one letter away from a common word of it.

    What holds for English holds for the language that the set is in: a slip of the keyboard teaches the model to
    make it. Languages without a dictionary are named among the checks that did not run.
    """

    code = "SPL005"
    severity = "info"
    preview = True
    costly = True
    vocabulary = True
    extra = "words"
    GOOD = [_REIHER, _GARZA]
    BAD = [
        Bad(
            [*_REIHER, chat(user="Wer kommt?", assistant="Die Kinder kommen morgen, weil sie heute noch in der Schuele arbieten und dann nicht mehr fahren.")],
            at="12:messages[1].content",
            fixed=[*_REIHER, chat(user="Wer kommt?", assistant="Die Kinder kommen morgen, weil sie heute noch in der Schuele arbeiten und dann nicht mehr fahren.")],
        ),
        Bad(
            [*_GARZA, chat(user="¿Y luego?", assistant="La gente siemrpe dice que no hay tiempo, pero todos los días están en la casa.")],
            at="12:messages[1].content",
            fixed=[*_GARZA, chat(user="¿Y luego?", assistant="La gente siempre dice que no hay tiempo, pero todos los días están en la casa.")],
        ),
        Bad(
            [*_HEJRE, chat(user="Hvad så?", assistant="Han bliver derfor, fordi nogen måske komemr tilbage, hvad der end sker.")],
            at="12:messages[1].content",
            fixed=[*_HEJRE, chat(user="Hvad så?", assistant="Han bliver derfor, fordi nogen måske kommer tilbage, hvad der end sker.")],
            options={"dictionaries": "dictionaries"},
        ),
    ]  # fmt: skip

    dictionaries: Annotated[
        str, option("A folder of hunspell dictionaries (da_DK.dic with da_DK.aff); they go before the word lists.")
    ] = ""

    def files(self) -> tuple[str, ...]:
        return tuple(map(str, self._own().values()))

    def _own(self) -> dict[str, Path]:
        """The user's dictionaries by language; a folder that is not there is sought among the shipped rules."""
        if not self.dictionaries:
            return {}
        folder = Path(self.dictionaries)
        return hunspell.found_in(folder if folder.is_dir() else rules_dir() / folder)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        own = self._own()
        vocabulary = rows.vocabulary
        counts = vocabulary.counts.tolist()
        often = max(2, int(rows.readable.sum()) // 2000)
        rare = [
            word for word, count in zip(vocabulary.words, counts, strict=True)
            if count <= often and len(word) >= _SHORTEST and word.isalpha()
        ]  # fmt: skip
        lacking = []
        for language in languages_of(rows):
            if language not in own and (language in _BUILT or not dictionaries.has_frequencies(language)):
                lacking.append(language)
                continue
            wrong = _slips(rare, language, own.get(language))
            yield from word_flags(rows, wrong, f"{NAMES[language]} has no word {{word!r}}: {{right!r}}?")
        if lacking:
            named = ", ".join(NAMES[language] for language in lacking)
            unlock = f"[rules.SPL005] dictionaries = a folder with hunspell's {lacking[0]}.dic and {lacking[0]}.aff"
            rows.leave_out(NotRun((self.code,), f"no dictionary of {named}", unlock))


def languages_of(rows: Rows) -> list[str]:
    """The languages beside English that a good part of the set is in, by the commonest words of each."""
    return rows.memo("languages by their words", lambda: list(_languages(rows)))


def _languages(rows: Rows) -> Iterator[str]:
    marks = _marks()
    times = rows.vocabulary.count(sorted({word for words in marks.values() for word in words}))
    said = {language: sum(times[word] for word in words) for language, words in marks.items()}
    for language, count in said.items():
        if count >= max(_LEAST, _SHARE * sum(said.values())):
            yield language


@cache
def _marks() -> dict[str, frozenset[str]]:
    """The commonest words of each language that neither English nor another of them has."""
    common = {language: _commonest(language) for language in NAMES}
    english = dictionaries.english()
    return {
        language: frozenset(
            word for word in words
            if word not in english and not any(word in other for name, other in common.items() if name != language)
        )
        for language, words in common.items()
    }  # fmt: skip


def _commonest(language: str) -> frozenset[str]:
    words = [fold(word) for word in dictionaries.frequencies(language) if len(word) > 2 and word.isalpha()][:_MARKS]
    return frozenset(words) | {word for word in languages.words_of(language) if len(word) > 2}


def _slips(rare: Collection[str], language: str, dictionary: Path | None) -> dict[str, Wrong]:
    """Words that the language does not have, one edit from a common word of it."""
    own = hunspell.Dictionary(dictionary) if dictionary else None
    common = {fold(word): zipf for word, zipf in dictionaries.frequencies(language).items()}
    met = {fold(word): zipf for word, zipf in dictionaries.attested(language).items()} if own is None else {}
    english = dictionaries.english()
    script = languages.script_of(next(iter(common), ""))[0]
    strange = [
        word for word in rare
        if word not in common and met.get(word, 0) < _SLIPS_MET and word not in english
        and languages.script_of(word)[0] == script and not (own and own.knows(word))
    ]  # fmt: skip
    elsewhere = dictionaries.met_elsewhere(strange)
    strange = [word for word in strange if word not in elsewhere]
    targets = {word: zipf for word, zipf in common.items() if zipf >= _COMMON and len(word) >= _SHORTEST - 1}
    near = dictionaries.suggest(strange, targets, most=1) if strange else {}
    return {
        word: Wrong(best.word, lower_only=True, language=language)
        for word, best in near.items()
        if not _inflected(word, best.word)
        and not _joined(word, common)
        and (word not in met or (sorted(word) == sorted(best.word) and best.zipf >= met[word] + _RARER))
    }


def _inflected(word: str, right: str) -> bool:
    """Whether only the ending differs: another form of the word, which a list may lack."""
    shared = next((n for n, (a, b) in enumerate(zip(word, right, strict=False)) if a != b), min(len(word), len(right)))
    return shared >= max(len(word), len(right)) - 2


def _joined(word: str, common: Collection[str]) -> bool:
    return any(word[:cut] in common and word[cut:] in common for cut in range(3, len(word) - 2))

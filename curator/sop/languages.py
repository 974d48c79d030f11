"""The language of a text, by its commonest small words."""

from __future__ import annotations

from curator.sop.reading import words_of

_SMALL = {
    "en": frozenset("the and of to is for with this be are shall a an in on how what write do i we you".split()),
    "es": frozenset("el la los las de que para con del una por se un en cómo qué y al".split()),
    "de": frozenset(
        "der die das und ist mit den von für ein zu werden wie eine einer zum zur des im man ich wir".split()
    ),
    "fr": frozenset("le la les des et pour dans une est du avec un de en comment quelle au aux je".split()),
}


def language_of(text: str, default: str = "") -> str:
    """ "en", "es", "de" or "fr"; the default where none of them leads."""
    words = words_of(text)
    counts = sorted(((sum(word in small for word in words), name) for name, small in _SMALL.items()), reverse=True)
    return counts[0][1] if counts[0][0] > counts[1][0] else default

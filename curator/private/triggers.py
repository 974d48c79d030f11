"""What a text with a private value cannot do without: cheap to ask, so that nearly all texts need no more.

This module compiles one expression; those of the detectors are compiled when a text first asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import ahocorasick_rs

# How a name is followed by what it names.
_SET_TO = ("=", ":", " =", " :", '"', "'", "]", "`", " is", " to", " was")
# One of these stands in every text that holds a key (in any case): the beginnings that services give their keys, and
# what keys are called, followed by a sign that one is meant.
_KEYS = [f"{first}{gap}key" for first in ("api", "access", "secret", "account", "encryption", "license", "signing")
         for gap in ("", " ", "_", "-")]  # fmt: skip
KEY_LITERALS = tuple(
    "akia asia ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glptt- glcbt- glsoat- glft- sk- aiza gocspx- ya29."
    " hf_ r8_ gsk_ xai- pplx- xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xapp- _live_ _prod_ _test_ whsec_ sg. npm_ pypi-age"
    " rubygems_ dckr_pat_ _v1_ dapi shpat_ shpca_ shppa_ shpss_ sq0 pmak- lin_api_ ntn_ key- nrak- eaacedeose hvs. glsa_"
    " sntrys_ figd_ age-secret :aa eyj hooks.slack.com /webhooks/ webhook.office authorization".split()
    + ["bearer "]
    + [name + sign for name in (*_KEYS, "token", "secret") for sign in _SET_TO]
)
KEY_NAMES = ("key", "token", "secret", "bearer", "authorization")
SHORTEST_KEY = 20  # signs without a blank
SHORTEST_NAMED = 11  # characters of a password and what calls it one
PASSWORD_NAMES = ("passw", "passphrase", "passcode", "pwd", "kennwort", "contrase", "mot de passe")
# One of these stands in every text that holds a password after its name (in any case).
PASSWORD_LITERALS = tuple(
    name + sign
    for name in (
        "password",
        "passwort",
        "passwd",
        "passphrase",
        "passcode",
        "pwd",
        "kennwort",
        "contraseña",
        "mot de passe",
    )
    for sign in _SET_TO
)

# A value that is a number is a run of words that begin with a digit, with at most three of these signs between two, or a
# blank or dash of two or three bytes; of so many signs in all. Or one long word with two digits at one of two places.
SIGNS = " ()./:-"
SHORTEST_NUMBER = 7
LONG_WORD = 15
DIGITS_AT = ((2, 3), (6, 7))  # in a long word, counted from 0: account numbers; Italian and Mexican identity numbers
SUMS = "=*<>%^"  # follow a number in arithmetic, and no value
# One of these stands in every text with an identity number that is shorter, or begins with a letter (in any case).
ID_LITERALS = ("national insurance", "nino", "nric", "número de identidad", "dni/nie")
_GAP = rf"(?:[{re.escape(SIGNS)}]{{1,3}}|[\u00a0\u2010-\u2013\u202f])"
_RUN = re.compile(  # begins with a class of signs, which is sought fast; a run of a million numbers is told in parts
    rf"[0-9](?:(?<![^\W_][0-9])[^\W_]*(?:{_GAP}[0-9][^\W_]*){{0,99}}"
    + "".join(
        rf"|[0-9](?<=(?<![^\W_])[A-Za-z]{{{first}}}[0-9]{{2}})[A-Za-z0-9]{{{LONG_WORD - last - 1},}}"
        for first, last in DIGITS_AT
    )
    + rf")(?![ ]?[{re.escape(SUMS)}])"
)
_MARGIN = 28  # characters around the digits that may belong to the value, or tell its kind
# Without one of these there is no street in a text, and without a number beside it no house.
_STREETS_ABROAD = (
    *"straße strasse str. gasse straat allee gatan vägen veien Boulevard Avenida".split(),
    *(
        "weg ",
        "platz ",
        "laan ",
        "gade ",
        "vej ",
        "Rue ",
        "Avenue ",
        "Via ",
        "Viale ",
        "Piazza ",
        "Calle ",
        "Rua ",
        "Plaza ",
    ),
)
_NUMBER_FIRST = re.compile(
    r"[0-9][A-Za-z]?[ ](?:[A-Z0-9]|of |the |de)[^\n]{0,80}?[ ](?:St|Av|R|B|L|D|C|P|T|W|H|S|M|A)[a-z]{1,8}\b"
)
_NUMBER_LAST = re.compile(r"[a-z.,ß-ÿ][ ][0-9]{1,4}[a-z]?(?!\w)")


def holds_digit(text: str) -> bool:
    """Without one there is no number in a text, and no house in a street."""
    return bool(_DIGIT.search(text))


_DIGIT = re.compile(r"\d")


def is_bare(text: str) -> bool:
    """Whether a text is too short for a key or a password, and has neither a digit nor the sign of an e-mail."""
    return len(text) < SHORTEST_NAMED and "@" not in text and not holds_digit(text)


def may_hold_key(text: str) -> bool:
    return _holds_any(_keys(), lowered(text)) and max(map(len, text.split())) >= SHORTEST_KEY


def _holds_any(words: ahocorasick_rs.AhoCorasick, text: str) -> bool:
    """Whether one of many words stands in the text, all of them sought at once."""
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no character to the automaton
    return bool(words.find_matches_as_indexes(text))


@cache
def _keys() -> ahocorasick_rs.AhoCorasick:
    return ahocorasick_rs.AhoCorasick(KEY_LITERALS)


@cache
def _streets_abroad() -> ahocorasick_rs.AhoCorasick:
    return ahocorasick_rs.AhoCorasick(_STREETS_ABROAD)


def may_hold_password(text: str) -> bool:
    low = lowered(text)
    return any(map(low.__contains__, PASSWORD_NAMES)) or ("://" in low and "@" in low)


def may_hold_short_id(text: str) -> bool:
    return any(map(lowered(text).__contains__, ID_LITERALS))


def lowered(text: str) -> str:
    """The text in lower case, every character where it was."""
    low = text.lower()
    return low if len(low) == len(text) else text.translate(_LOWER)


_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def near(text: str, names: Iterable[str], before: int, after: int) -> list[tuple[int, int]]:
    """Parts of the text around names, which are in lower case; merged where they overlap."""
    low = lowered(text)
    places: list[int] = []
    for name in names:
        at = low.find(name)
        while at >= 0:
            places.append(at)
            at = low.find(name, at + 1)
    parts: list[tuple[int, int]] = []
    for place in sorted(places):
        start = max(0, place - before)
        if parts and start <= parts[-1][1]:
            start = parts.pop()[0]
        parts.append((start, min(len(text), place + after)))
    return parts


def may_hold_english_address(text: str) -> bool:
    return bool(_NUMBER_FIRST.search(text))


def may_hold_box(text: str) -> bool:
    return "ox " in text or "OX " in text


def may_hold_address_abroad(text: str) -> bool:
    return _holds_any(_streets_abroad(), text) and bool(_NUMBER_LAST.search(text))


class Window(NamedTuple):
    """A part of a text with runs that may be numbers; it begins and ends between words.

    `digits` counts those of the longest run; `mixed` says that a run holds letters, `dotted` that one holds enough
    points or colons for an address of a machine.
    """

    low: int
    high: int
    digits: int
    mixed: bool
    dotted: bool


def windows(text: str) -> Iterator[Window]:
    """The parts of the text in which a value that is a number may stand, in their order."""
    last: Window | None = None  # the next run may be a part of it
    for hit in _RUN.finditer(text):
        run = hit.group()
        if len(run) < SHORTEST_NUMBER:
            continue
        digits = sum(map(str.isdigit, run))
        letters = any(map(str.isalpha, run))
        if digits < SHORTEST_NUMBER and not letters:
            continue
        dotted = run.count(".") > 2 or (letters and ":" in run) or run.count(":") > 2
        low, high = max(0, hit.start() - _MARGIN), min(len(text), hit.end() + _MARGIN)
        while low and text[low - 1].isalnum():
            low -= 1
        while high < len(text) and text[high].isalnum():
            high += 1
        if last and low <= last.high:
            low, digits = last.low, max(digits, last.digits)
            letters, dotted = letters or last.mixed, dotted or last.dotted
        elif last:
            yield last
        last = Window(low, high, digits, letters, dotted)
    if last:
        yield last

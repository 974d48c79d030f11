"""What a text with a private value cannot do without: cheap to ask, so that nearly all texts need no more.

This module compiles one expression; those of the detectors are compiled when a text first asks for them.
"""

from __future__ import annotations

import re

# One of these stands in every text that holds a key (in any case).
KEY_LITERALS = tuple(
    "akia asia abia acca ghp_ gho_ ghu_ ghs_ ghr_ github_pat_ glpat- gldt- glrt- glptt- glcbt- glsoat- glft- sk- aiza gocspx- ya29."
    " hf_ r8_ gsk_ xai- pplx- xoxa- xoxb- xoxe- xoxo- xoxp- xoxr- xoxs- xapp- _live_ _prod_ _test_ whsec_ sg. npm_ pypi-age"
    " rubygems_ dckr_pat_ _v1_ dapi shpat_ shpca_ shppa_ shpss_ sq0 pmak- lin_api_ ntn_ key- nrak- eaacedeose hvs. glsa_"
    " sntrys_ figd_ age-secret :aa eyj hooks.slack.com /webhooks/ webhook.office key token secret bearer authorization".split()
)
SHORTEST_KEY = 20  # signs without a blank
# One of these stands in every text that holds a password after its name (in any case).
PASSWORD_LITERALS = ("passw", "passphrase", "passcode", "pwd", "kennwort", "contrase", "mot de passe")

DIGITS = 6  # that stand close to each other, in every value that is a number
# Between them at most three of these signs, or a blank or dash of three bytes at most: four bytes from digit to digit.
SIGNS = " \t()./:+-_" + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CLUSTER = re.compile(rf"[0-9](?:(?:[{re.escape(SIGNS)}]{{0,3}}|[\u00a0\u2010-\u2013\u202f])[0-9]){{{DIGITS - 1},}}")
_MARGIN = 28  # characters around the digits that may belong to the value, or tell its kind
# Without one of these there is no street in a text.
_STREETS = (
    *(f" {name}" for name in "St Ave Road Rd Bo Bl Lane Ln Dr Cou Ct Pl Te Way Pa Pk H Ci Sq Cr Cl Mews Al Tr".split()),
    *"str gasse weg platz allee laan gatan vägen gade vej veien Rue Bou Via Pia Cal Rua Pla Box box BOX".split(),
)


def may_hold_key(text: str) -> bool:
    return max(map(len, text.split()), default=0) >= SHORTEST_KEY


def may_hold_password(text: str) -> bool:
    low = text.lower()
    return any(name in low for name in PASSWORD_LITERALS) or ("://" in low and "@" in low)


def may_hold_address(text: str) -> bool:
    return any(sign in text for sign in _STREETS) and any(map(str.isdigit, text))


def windows(text: str) -> list[tuple[int, int]]:
    """Parts of the text around digits that stand close to each other; they begin and end between words."""
    found: list[tuple[int, int]] = []
    for hit in _CLUSTER.finditer(text):
        low, high = max(0, hit.start() - _MARGIN), min(len(text), hit.end() + _MARGIN)
        while low and text[low - 1].isalnum():
            low -= 1
        while high < len(text) and text[high].isalnum():
            high += 1
        if found and low <= found[-1][1]:
            low = found.pop()[0]
        found.append((low, high))
    return found

"""Street addresses in a text: a number and a street, or a street and a number."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_STREET = (
    "Street|St|Avenue|Ave|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Place|Pl|Terrace|Way|Parkway|Pkwy|Highway"
    "|Hwy|Circle|Cir|Square|Crescent|Close|Mews|Alley|Trail"
)
_NAME = r"(?:[A-Z0-9][\w'’-]*\.?|of|the|de|la|del)"
_ENGLISH = re.compile(
    rf"(?<![\w.,$€£-])\d{{1,5}}[A-Za-z]?(?:[ ](?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?)?[ ](?:{_NAME}[ ]){{1,4}}"
    rf"(?:{_STREET})\b\.?(?:,?[ \n]+(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|#)\.?[ ]?#?\w{{1,6}})?"
    r"(?:,?[ \n]+[A-Z][\w' .-]{1,30},?[ ]+(?:[A-Z]{2}|[A-Z][a-z]+)\.?,?[ ]+\d{5}(?:-\d{4})?)?"
)
_BOX = re.compile(r"\bP\.?[ ]?O\.?[ ]Box[ ]\d{1,7}\b", re.I)
_EUROPEAN = re.compile(
    r"\b(?:[A-ZÄÖÜ][\wäöüß-]{2,30}(?:straße|strasse|str\.|gasse|weg|platz|allee|straat|laan|gatan|vägen|gade|vej|veien)"
    r"|(?:Rue|Avenue|Boulevard|Via|Viale|Piazza|Calle|Avenida|Rua|Plaza)(?:[ ](?:de|du|des|della|del|la|le|di|da|do|d['’])){0,2}"
    r"(?:[ ]?[A-ZÀ-Ý][\wà-ÿ'’-]{2,24}){1,3},?)[ ]\d{1,4}[a-z]?(?:,?[ ]\d{4,5}[ ][A-ZÄÖÜ][\wäöüß-]{2,24})?\b(?![.,]\d|%)"
)
_FICTION = re.compile(
    r"^(?:221B Baker|742 Evergreen|123 Main|1600 Pennsylvania|10 Downing|4 Privet|123 \w+ St|12 Grimmauld|1234? (?:Main|Elm|Oak|Maple|Any|Example|Fake|Sesame))",
    re.I,
)


_FORMS = {"english": _ENGLISH, "box": _BOX, "abroad": _EUROPEAN}


def street_addresses(text: str, forms: Iterable[str] = tuple(_FORMS)) -> Iterator[Span]:
    """Addresses of houses in these forms; those of fiction and of examples are nobody's."""
    for form in forms:
        for hit in _FORMS[form].finditer(text):
            if not _FICTION.match(hit.group()):
                yield hit.span()

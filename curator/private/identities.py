"""Numbers by which states know people, by country: their form, their check digits, and when a form is enough.

A form that other things share (nine digits, eleven digits) counts only where the words around name it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from curator.private.checksums import luhn, mod11_10, verhoeff, weighted
from curator.private.context import AFTER, BEFORE, is_other_number

Span = tuple[int, int]


class Scheme(NamedTuple):
    """A country's number: `form` finds it, `valid` checks it without separators, `named` must stand near (if any)."""

    country: str
    name: str
    form: re.Pattern[str]
    valid: Callable[[str], bool]
    named: tuple[str, ...] = ()  # in lower case


def _form(body: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.,+$€£/-])(?:{body})(?![\w/-]|[.,]\d)")


# ---------------------------------------------------------------------- what makes a number right


_SSN_EXAMPLES = frozenset("078051120 219099999 123456789 987654321 111223333 123121234 457555462 002281852 042103580"
                          " 062360749 078051120 095073645 128036045 135016629 141186941 165167999 165187999 165207999"
                          " 165227999 165247999 189092294 212097694 212099999 306302348 308125070 468288779 549241889".split())  # fmt: skip


def _ssn(number: str) -> bool:
    """US: area, group and serial as the Social Security Administration issues them."""
    area, group, serial = number[:3], number[3:5], number[5:]
    issued = area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
    return issued and number not in _SSN_EXAMPLES and len(set(number)) > 2


def _born(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _six(number: str, order: str) -> bool:
    """Whether the first six digits are a date, "ymd" or "dmy", of whichever century."""
    a, b, c = int(number[:2]), int(number[2:4]), int(number[4:6])
    return _born(2000 + a, b, c) if order == "ymd" else _born(2000 + c, b, a)


def _nir(number: str) -> bool:
    """France: key = 97 - (number mod 97); Corsica's departments are 19 and 18 in it."""
    body = number[:13].upper().replace("2A", "19").replace("2B", "18")
    return body.isdigit() and 97 - int(body) % 97 == int(number[13:])


def _dni(number: str) -> bool:
    """Spain: a letter by the number modulo 23; X, Y and Z of foreigners count as 0, 1 and 2."""
    body = number[:-1].upper().translate(str.maketrans("XYZ", "012"))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(body) % 23] == number[-1].upper()


_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                [*(1, 0, 5, 7, 9, 13, 15, 17, 19, 21), *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21), 2, 4, 18, 20, 11, 3, 6, 8,
                 12, 14, 16, 10, 22, 25, 24, 23], strict=True))  # fmt: skip


def _codice_fiscale(code: str) -> bool:
    """Italy: the last letter by the values of signs in odd and even places (decree of 23 December 1976)."""
    code = code.upper()
    even = sum(int(sign) if sign.isdigit() else ord(sign) - ord("A") for sign in code[1:15:2])
    return chr(ord("A") + (even + sum(_ODD[sign] for sign in code[0:15:2])) % 26) == code[15]


def _cpf(number: str) -> bool:
    """Brazil: two check digits modulo 11."""
    first = weighted(number[:9], range(10, 1, -1)) * 10 % 11 % 10
    second = weighted(number[:10], range(11, 1, -1)) * 10 % 11 % 10
    return number[9:] == f"{first}{second}" and len(set(number)) > 1 and number != "12345678909"


def _fodselsnummer(number: str) -> bool:
    """Norway: two check digits modulo 11."""
    first = -weighted(number, (3, 7, 6, 1, 8, 9, 4, 5, 2)) % 11
    second = -weighted(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return number[9:] == f"{first}{second}" and _six(f"{int(number[0]) % 4}{number[1:]}", "dmy")


def _resident(number: str) -> bool:
    """China: ISO 7064 mod 11-2 over 17 digits, and a date of birth."""
    total = weighted(number[:17], [pow(2, 17 - place, 11) for place in range(17)])
    return "10X98765432"[total % 11] == number[17].upper() and _born(
        *map(int, (number[6:10], number[10:12], number[12:14]))
    )


def _rijksregister(number: str) -> bool:
    """Belgium: 97 - (first nine digits mod 97), a 2 before them for those born since 2000."""
    return int(number[9:]) in (97 - int(number[:9]) % 97, 97 - int("2" + number[:9]) % 97)


def _pesel(number: str) -> bool:
    """Poland: weights 1 3 7 9; centuries are told by 20, 40, 60 or 80 added to the month."""
    right = -weighted(number[:10], (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10 == int(number[10])
    return right and 1 <= int(number[2:4]) % 20 <= 12 and 1 <= int(number[4:6]) <= 31


def _rrn(number: str) -> bool:
    """South Korea: weights 2 to 9 and 2 to 5, and a date; numbers since October 2020 need not have the check digit."""
    right = (11 - weighted(number[:12], (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(number[12])
    return _six(number, "ymd") and (right or int(number[:2]) in range(20, 40)) and number[6] in "12345678"


def _nric(number: str) -> bool:
    """Singapore: a letter by the digits weighted 2 7 6 5 4 3 2."""
    first, total = number[0].upper(), weighted(number[1:8], (2, 7, 6, 5, 4, 3, 2))
    total += 4 if first in "TG" else 3 if first == "M" else 0
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "KLJNPQRTUWX"}[
        first
    ]
    return letters[total % 11] == number[8].upper()


def _nino(number: str) -> bool:
    """United Kingdom: prefixes that are never given out."""
    prefix = number[:2].upper()
    return prefix not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ", "QQ") and number[2:8] not in ("123456", "000000")


def _nhs(number: str) -> bool:
    """England: modulo 11 with weights 10 to 2."""
    return (11 - weighted(number[:9], range(10, 1, -1)) % 11) % 11 == int(number[9]) and len(set(number)) > 2


def _curp(code: str) -> bool:
    """Mexico: 18 signs with a date, a state and a check digit modulo 10."""
    signs = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
    total = sum(signs.index(sign) * (18 - place) for place, sign in enumerate(code.upper()[:17]))
    return -total % 10 == int(code[17])


_WORDS_US = ("ssn", "social security", "social-security", "taxpayer id", "tax id", "itin")
SCHEMES = (
    Scheme("US", "SSN", _form(r"\d{3}([- ])\d\d\1\d{4}"), _ssn),
    Scheme("US", "SSN", _form(r"\d{9}"), _ssn, _WORDS_US),
    Scheme("GB", "NHS number", _form(r"\d{3}[ -]?\d{3}[ -]?\d{4}"), _nhs, ("nhs",)),
    Scheme("CA", "SIN", _form(r"\d{3}[ -]?\d{3}[ -]?\d{3}"), lambda n: luhn(n) and n[0] not in "08",
           ("sin ", "sin:", "sin#", "social insurance", "assurance sociale")),
    Scheme("FR", "NIR", _form(r"[12] ?\d\d ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d\d|2[ABab]) ?\d{3} ?\d{3} ?\d\d"), _nir),
    Scheme("ES", "DNI", _form(r"\d{8}-?[A-Za-z]"), _dni),
    Scheme("IT", "codice fiscale", _form(r"(?i:[a-z]{6}\d\d[a-ehlmprst]\d\d[a-z]\d{3}[a-z])"), _codice_fiscale),
    Scheme("DE", "Steuer-ID", _form(r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}"), mod11_10,
           ("steuer", "tax id", "idnr", "identifikationsnummer")),
    Scheme("NL", "BSN", _form(r"\d{3}[. ]?\d{3}[. ]?\d{3}"),
           lambda n: (weighted(n[:8], range(9, 1, -1)) - int(n[8])) % 11 == 0 and len(set(n)) > 2,
           ("bsn", "burgerservice", "sofi")),
    Scheme("BE", "national register number", _form(r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d"), _rijksregister),
    Scheme("PL", "PESEL", _form(r"\d{11}"), _pesel, ("pesel",)),
    Scheme("SE", "personnummer", _form(r"(?:19|20)?\d{6}-\d{4}"), lambda n: luhn(n[-10:]) and _six(n[-10:], "ymd")),
    Scheme("FI", "henkilötunnus", _form(r"(?i:[0-3]\d[01]\d\d\d[-a]\d{3}[0-9a-fhj-nprst-y])"),
           lambda n: "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(n[:6] + n[-4:-1]) % 31] == n[-1].upper()),
    Scheme("DK", "CPR", _form(r"[0-3]\d[01]\d{3}-?\d{4}"), lambda n: _six(n, "dmy"), ("cpr", "personnummer")),
    Scheme("NO", "fødselsnummer", _form(r"\d{6} ?\d{5}"), _fodselsnummer, ("fødselsnummer", "personnummer", "fnr", "national id")),
    Scheme("BR", "CPF", _form(r"\d{3}\.\d{3}\.\d{3}-\d\d"), _cpf),
    Scheme("BR", "CPF", _form(r"\d{11}"), _cpf, ("cpf",)),
    Scheme("PT", "NIF", _form(r"\d{3} ?\d{3} ?\d{3}"),
           lambda n: (11 - weighted(n[:8], range(9, 1, -1)) % 11) % 11 % 10 == int(n[8]), ("nif", "contribuinte")),
    Scheme("IN", "Aadhaar", _form(r"[2-9]\d{3}([- ]?)\d{4}\1\d{4}"), verhoeff, ("aadhaar", "aadhar", "adhaar", "uidai")),
    Scheme("CN", "resident identity number", _form(r"[1-8]\d{5}(?:19|20)\d{9}[\dXx]"), _resident),
    Scheme("KR", "RRN", _form(r"\d{6}-[1-8]\d{6}"), _rrn),
    Scheme("AU", "TFN", _form(r"\d{3} ?\d{3} ?\d{3}"),
           lambda n: weighted(n, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0, ("tfn", "tax file")),
    Scheme("ZA", "ID number", _form(r"\d{6} ?\d{4} ?[01]\d\d"), lambda n: luhn(n) and _six(n, "ymd"),
           ("south africa", "identity", "id number", "sa id", "rsa id")),
    Scheme("MX", "CURP", _form(r"[A-Z][AEIOUX][A-Z]{2}\d{6}[HMX][A-Z]{5}[A-Z0-9]\d"), _curp),
)  # fmt: skip
# Forms that are short, or begin with a letter: looked for where a text names them.
_SHORT = (
    Scheme("GB", "NINO", _form(r"(?i:[a-ceghj-prstw-z][a-ceghj-nprstw-z] ?\d\d ?\d\d ?\d\d ?[a-d])"), _nino),
    Scheme("SG", "NRIC", _form(r"(?i:[stfgm]\d{7}[a-z])"), _nric),
    Scheme("ES", "NIE", _form(r"[XYZxyz]-?\d{7}-?[A-Za-z]"), _dni),
)


def national_ids(text: str, low: int, high: int) -> Iterator[Span]:
    """Identity numbers of people, in a window of the text, whose form and check digits are right."""
    for scheme in _possible(text):
        for start, end in _of(scheme, text, low, high):
            around = text[max(0, start - BEFORE) : end + AFTER].lower()
            if not scheme.named or any(word in around for word in scheme.named):
                yield start, end


@lru_cache(maxsize=4)  # a text may have thousands of windows
def _possible(text: str) -> tuple[Scheme, ...]:
    """The schemes that need no name, and those that the text names."""
    lower = text.lower()
    return tuple(scheme for scheme in SCHEMES if not scheme.named or any(word in lower for word in scheme.named))


def short_ids(text: str) -> Iterator[Span]:
    """The same for the forms that are looked for where a text names them."""
    for scheme in _SHORT:
        yield from _of(scheme, text, 0, len(text))


def _of(scheme: Scheme, text: str, low: int, high: int) -> Iterator[Span]:
    for hit in scheme.form.finditer(text, low, high):
        if scheme.valid(re.sub(r"[\s.-]", "", hit.group())) and not is_other_number(text, hit.start()):
            yield hit.span()

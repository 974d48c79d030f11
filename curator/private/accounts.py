"""Numbers of payment cards and bank accounts in a text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curator.private.checksums import luhn, mod97
from curator.private.context import is_other_number, says
from curator.text.patterns import compiled_later

Span = tuple[int, int]

_CARD = re.compile(
    r"(?<![\w.,$€£/=-])(?<!\d[ ])(?:\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{4}([ -])\d{6}\2\d{4,5}|\d{12,19})"
    r"(?![\w]|[.,-]\d|[ -]\d{3}|[ ]?%)"
)
_PAYS = compiled_later(
    r"\b(?:cards?|credit|debit|visa|master ?card|amex|american express|maestro|discover|diners|jcb|unionpay|cvv|cvc"
    r"|karte(?:nnummer)?|kreditkarte|carte|tarjeta|carta di credito|cartão|kaart|cc|ccnum|pan|expir\w+|payment|charged?|paid|pay)\b",
    re.I,
)
# Issuers by the first digits (ISO/IEC 7812) with the lengths of their numbers.
_ISSUERS = (
    (re.compile(r"4"), (16,)),  # Visa
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),  # Mastercard
    (re.compile(r"3[47]"), (15,)),  # American Express
    (re.compile(r"6011|64[4-9]|65"), (16,)),  # Discover
    (re.compile(r"35(?:2[89]|[3-8])"), (16,)),  # JCB
    (re.compile(r"62"), (16, 17, 18, 19)),  # UnionPay
)
# The same with numbers of lengths that are rare, or rare today: only where the words around speak of a card.
_RARE = (
    (re.compile(r"4"), (13, 19)),
    (re.compile(r"3(?:0[0-5]|09|6|8)"), (14, 16)),  # Diners
    (re.compile(r"1800|2131|35"), (15, 16)),  # JCB
    (re.compile(r"5[06-8]|6|0604"), (12, 13, 14, 15, 16, 17, 18, 19)),  # Maestro and its kin
    (re.compile(r"9792|2[0-9]|8[0-9]"), (16, 19)),  # Troy, Mir and others
)
# Numbers that payment services publish for testing.
TEST_CARDS = frozenset(
    "4111111111111111 4242424242424242 4012888888881881 4000056655665556 5555555555554444 5105105105105100 5200828282828210"
    " 5454545454545454 2223003122003222 2223000048400011 2222420000001113 378282246310005 371449635398431 378734493671000"
    " 6011111111111117 6011000990139424 6011981111111113 30569309025904 38520000023237 3056930009020004 36227206271667"
    " 3530111333300000 3566002020360505 6200000000000005 6205500000000000004 4222222222222 5019717010103742 6331101999990016"
    " 4000000000000002 4000002500003155 4000000000009995 4000000000000077 5431111111111111 4917610000000000 4988438843884305"
    " 4532015112830366 4539578763621486 4716461583322103 4485275742308327 5425233430109903 374245455400126 6250941006528599"
    " 79927398713 4539148803436467 4556737586899855 4012000033330026 4005519200000004 4009348888881881 4217651111111119"
    " 4500600000000061 5399999999999999 5500005555555559 340000000000009 5500000000000004 30000000000004 4000000000000010"
    " 4999999999999996 4444333322221111 4007000000027 4012000033330026 5424000000000015 2223000010309703 370000000000002"
    " 6011000000000012 3088000000000017".split()
)


def cards(text: str, low: int, high: int) -> Iterator[Span]:
    """Card numbers: an issuer's prefix and length and a right check digit, and nothing that calls it another number."""
    for hit in _CARD.finditer(text, low, high):
        digits = re.sub(r"\D", "", hit.group())
        if (
            not luhn(digits)
            or digits in TEST_CARDS
            or digits.count(digits[-2]) > len(digits) - 6
            or len(set(digits)) < 4
        ):
            continue
        if is_other_number(text, hit.start()) or "1234567" in digits:
            continue
        named = says(_PAYS, text, *hit.span())
        grouped = hit[2] is not None  # in groups of four, six and four, as nothing but cards are written
        if _issued(digits, _ISSUERS) or ((named or grouped) and _issued(digits, _RARE)):
            yield hit.span()


def _issued(digits: str, issuers: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...]) -> bool:
    return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in issuers)


_IBAN = re.compile(
    r"(?<![\w-])(?=[A-Za-z]{2}\d\d)(?:[A-Za-z]{2}\d\d(?: ?[A-Za-z0-9]{4}){2,7}(?: ?[A-Za-z0-9]{1,3})?)(?![\w-])"
)
# Lengths by country (ISO 13616 register).
_LENGTHS = {
    country: int(length)
    for length, countries in (
        entry.split(":")
        for entry in (
            "15:NO 16:BE 18:DK,FO,FI,GL,NL,SD 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,XK,MN 21:HR,LV,LI,CH 22:BH,BG,CR,GE,DE,IE,ME,RS,GB,VA"
            " 23:AE,GI,IL,IQ,TL,SO,OM 24:AD,CZ,MD,PK,RO,SA,SK,ES,SE,TN,VG,DZ 25:PT,ST,LY 26:IS,TR 27:BI,DJ,FR,GR,IT,MC,MR,SM"
            " 28:AL,AZ,BY,CY,DO,GT,HU,LB,NI,PL,SV 29:BR,EG,PS,QA,UA 30:JO,KW,MU,YE 31:MT,SC 32:LC 33:RU"
        ).split()
    )
    for country in countries.split(",")
}
_ALL_DIGITS = frozenset(
    "AT BE BA CZ DE DK EE ES FI FO GL HR HU LT ME NO PL PT RS SE SI SK XK AE IL IS TN BI EG LY".split()
)
_BANKS = re.compile(r"\biban|\bbank|\baccount|\btransfer|\bkonto", re.I)
# Numbers with which banks and standards explain what an IBAN is.
_EXAMPLE_IBANS = frozenset(
    "GB29NWBK60161331926819 GB82WEST12345698765432 GB33BUKB20201555555555 DE89370400440532013000 DE75512108001245126199"
    " FR1420041010050500013M02606 FR7630006000011234567890189 ES9121000418450200051332 ES7921000813610123456789"
    " IT60X0542811101000000123456 NL91ABNA0417164300 BE68539007547034 BE71096123456769 CH9300762011623852957"
    " AT611904300234573201 AT483200000012345864 PL61109010140000071219812874 SE4550000000058398257466 NO9386011117947"
    " DK5000400440116243 FI2112345600000785 PT50000201231234567890154 IE29AIBK93115212345678 IE64IRCE92050112345678"
    " LU280019400644750000 GR1601101250000000012300695 CZ6508000000192000145399 HU42117730161111101800000000"
    " TR330006100519786457841326 SA0380000000608010167519 AE070331234567890123456 RO49AAAA1B31007593840000".split()
)


def ibans(text: str, low: int, high: int) -> Iterator[Span]:
    """International bank account numbers: a country, its length and the check digits (ISO 13616)."""
    for hit in _IBAN.finditer(text, low, high):
        length = _LENGTHS.get(hit.group()[:2].upper())
        if length is None:
            continue
        signs = [place for place, sign in enumerate(hit.group()) if sign != " "]
        if len(signs) < length:
            continue
        end = hit.start() + signs[length - 1] + 1  # words of four letters may follow a number in groups
        number = text[hit.start() : end].replace(" ", "").upper()
        if not (number[:2].isupper() and hit.group()[:2].isupper()) and not says(_BANKS, text, hit.start(), end):
            continue
        if hit.group()[:2].upper() in _ALL_DIGITS and not number[4:].isdigit():
            continue
        if (end == hit.end() or text[end] == " ") and mod97(number) and number not in _EXAMPLE_IBANS:
            yield hit.start(), end

"""E-mail addresses, telephone numbers and IP addresses in a text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from itertools import takewhile

from curator.private.context import is_other_number, says
from curator.private.triggers import near
from curator.text.patterns import compiled_later

Span = tuple[int, int]

# ---------------------------------------------------------------------- e-mail

_EMAIL = re.compile(
    r"(?<![\w.+%/@-])(?P<local>[^\W_](?:[\w.+%'-]{0,62}[\w+])?)@"
    r"(?P<domain>(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,6}(?P<top>[^\W\d_]{2,24}))(?![\w@(-]|\.\w)"
)
_TOPS = frozenset(
    "com org net edu gov mil int info biz name pro aero coop museum mobi jobs travel tel cat asia post arpa app dev"
    " page xyz online site store shop tech cloud blog email live news media agency digital solutions services"
    " company group world life today space website club design studio global center consulting education expert"
    " finance health legal software support systems team technology tools training university ventures wiki work"
    " works zone africa amsterdam bayern berlin hamburg koeln london nyc paris tokyo wien swiss brussels scot".split()
)
_FILES = frozenset("js py md rs sh so ts pl ps cc hs ml vb cs mk mm pm rb".split())  # of them endings in code
# Domains set aside for documentation (RFC 2606, RFC 6761), and those that writers use in the same way.
_EXAMPLE_TOPS = frozenset("example test invalid localhost local internal lan".split())
_EXAMPLE_DOMAIN = re.compile(
    r"(?:^|\.)(?:example|exemple|beispiel|ejemplo|sample|test|domain|mydomain|yourdomain|your-?domain|somedomain"
    r"|anydomain|otherdomain|exemple-domaine|votre-?domaine|example-?domain|your-?company|mycompany|company|companyname|acme|acmecorp|foo|bar|baz|abc|xyz|email"
    r"|emailprovider|email-?address|myemail|youremail|your-?site|mysite|website|mywebsite|yourwebsite|site|server"
    r"|your-?server|mail-?server|host|hostname|yourhost|provider|organization|yourorganization|university|school"
    r"|business|yourbusiness|corp|corporation|address|something|someone|somewhere|whatever|placeholder|dummy|fake"
    r"|example\d|test\d|contoso|fabrikam|northwind|initech|globex|umbrella|hooli)(?:corp)?\.[a-z.]{2,6}$",
    re.I,
)
_EXAMPLE_LOCAL = re.compile(
    r"(?:git|no-?reply|do-?not-?reply|mailer-daemon|postmaster"
    r"|your[._-]?(?:e?mail|name|user(?:name)?|address|id)?(?:[._-]?(?:here|address))?|my[._-]?e?mail"
    r"|(?:example|sample|test|dummy|fake|placeholder|foo|bar|foobar|abc|xyz|xxx+|username|some(?:one|body)|e?mail|e?mail[._-]?address)\d*"
    r"|you|me|first(?:name)?[._-]?last(?:name)?|name[._-]?surname|recipient|sender|from|to)$",
    re.I,
)
_DOE = re.compile(
    r"(?:j(?:ohn|ane)?[._-]?(?:q[._-]?)?doe|doe[._-]?j(?:ohn|ane)?|john[._-]?smith|jane[._-]?smith)\d*$", re.I
)
_FREE = compiled_later(r"^(?:gmail|yahoo|hotmail|outlook|mail|aol|icloud|e-?mail)\.[a-z.]+$", re.I)

# In source code, anybody's at a free provider: the cast of textbooks, a role, a word for a name.
_CAST = re.compile(
    r"(?:alice|bob|carol|charlie|dan|dave|eve|frank|grace|mallory|trent|john|jane|joe|jack|jill|mary|(?:new|my|a)?[._-]?user"
    r"|tester|name|my[._-]?name|admin|customer|client|student|employee|person)(?:[._-]?(?:doe|smith))?[._-]?\d*$",
    re.I,
)


def emails(text: str) -> Iterator[Span]:
    """Addresses of people and organisations; not those of documentation, of URLs, of files or of code."""
    for low, high in near(text, ("@",), 66, 260):
        yield from _emails(text, low, high)


def _emails(text: str, low: int, high: int) -> Iterator[Span]:
    for hit in _EMAIL.finditer(text, low, high):
        top = hit["top"].lower()
        if (len(top) != 2 and top not in _TOPS) or top in _FILES or not top.isascii() or top in _EXAMPLE_TOPS:
            continue
        if ".." in hit["local"] or _EXAMPLE_LOCAL.match(hit["local"]) or _EXAMPLE_DOMAIN.search(hit["domain"]):
            continue
        if _DOE.match(hit["local"]) and _FREE.match(hit["domain"]):
            continue
        if _in_url(text, hit.start()) or (_is_nobodys(hit) and _in_code(text, *hit.span())):
            continue
        yield hit.span()


def _is_nobodys(hit: re.Match[str]) -> bool:
    return bool(_DOE.match(hit["local"]) or (_CAST.match(hit["local"]) and _FREE.match(hit["domain"])))


def _in_code(text: str, start: int, end: int) -> bool:
    from curator.text.prose import mask_at

    masked = mask_at(text, start, end)
    return masked is not None and masked[2] == "code"


def _in_url(text: str, start: int) -> bool:
    """Whether what stands there is the user part of an address such as https://user:password@host."""
    head = text[max(0, start - 80) : start].rpartition("://")
    return bool(head[1]) and not re.search(r"\s", head[2])


# ---------------------------------------------------------------------- telephone

_NUMBER = re.compile(
    r"(?<![\w./#$€£¥%+@-])(?<!\d[ (,])(?:\+[ ]?|\(\+?)?\d(?:[ \u00a0]?\(?\d|[-./\u2010-\u2013]\(?\d|[)][ \u00a0./-]{0,2}\d| [-/] \d){5,17}"
    r"(?P<ext>(?:,?[ ]?(?:x|ext\.?|extension)[ .:]{0,2})\d{1,6})?(?![\w%]|[.,/:-]\d|[ ]?[=×*^+/<>]|\()"
)
_CALLED = re.compile(
    r"(?:\b(?:tele)?phones?\b|\bphone[ _]?(?:number|no)|\btel\b|\bmobil(?:e|nummer)\b|\bcell(?:ular|phone)?\b|\bfax\b|\bcall(?:ed|ing|s)?\b"
    r"|\bring(?:ing)?\b|\bdial(?:l?ed|l?ing)?\b|\bsms\b|\btext(?:ed|ing)? (?:me|us|him|her|them|to|at|on)\b|\bwhats?app\b|\bhotline\b"
    r"|\breach(?:ed|able)?\b|\bcontact(?:s|ed)?\b|\banswering at\b|\bdesk:|\bhandy\b|\btelefon\w*|\bt[ée]l[ée]phone\b"
    r"|\bteléfono\b|\bmóvil\b|\bcellulare\b|\brufnummer\b|\bmessages? (?:to|on|at|from)\b|\bvoicemail\b|\bregistered\b|\bp(?:hone)?:|\bm:|\bt:|☎|📞|📱)",
    re.I,
)
_NAMED = compiled_later(
    r"(?:phone|tel|mobile?|cell(?:ular)?|fax|whats ?app|sms|handy|hotline|desk|call|dial|ring|reach|contact|text|nummer|number)"
    r"(?:[ ](?:me|us|him|her|them))?\.?[^\d\n.;?!]{0,16}\s?$",
    re.I,
)  # right before a number that nothing divides
_LABEL = re.compile(
    r"[ \t]*+(?:-[ \t]*+)?\(?(?:office|fax|mobile|cell|home|work|phone)\b", re.I
)  # right after a number
_NANP = re.compile(r"(?:\+?1[ .-]?)?(?:\(([2-9]\d\d)\)[ .-]?|([2-9]\d\d)[-.])([2-9]\d\d)[-. ](\d{4})$")
_DATE = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ](?:[0-2]?\d|3[01])\b|\d{1,2}[-./]\d{1,2}[-./](?:19|20)\d\d\b"
)
_YEARS = re.compile(r"(?:1[5-9]|20)\d\d(?:\s?[-–/ .]\s?(?:1[5-9]|20)?\d\d)+$")
_PAIRS = re.compile(r"0[1-9](?:[.-]\d\d){4}$")
# Country calling codes of one and two digits (ITU E.164); the others have three, and begin with one of _LONG.
_SHORT = frozenset(
    "1 7 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84"
    " 86 90 91 92 93 94 95 98".split()
)
_LONG = ("21", "22", "23", "24", "25", "26", "29", "35", "37", "38", "42", "50", "59", "67", "68", "69", "80", "85",
         "87", "88", "96", "97", "99")  # fmt: skip
# Ranges that numbering authorities set aside for fiction: NANPA, Ofcom, ACMA.
_DRAMA = re.compile(
    r"(?:1?\d{3})?555\d{4}$|(?:44|0)7700900\d{3}$|(?:44|0)20794600?\d{2,3}$|(?:44|0)1(?:13|14|15|16|17|18|21|31|41|51|61)4960\d{3}$"
    r"|(?:44|0)1632960\d{3}$|(?:44|0)(?:8081570|9098790|3069990)\d{3}$|(?:61|0)[2378](?:5550|7010)\d{4}$|(?:61|0)491570\d{3}$"
    r"|(?:33|0)1990[01]\d{4}$"
)


def phones(text: str, low: int, high: int, free: Callable[[int, int], bool]) -> Iterator[Span]:
    """Telephone numbers: international ones, those of North America, and others where the words around say so.

    What is not `free` is something else, and the words around it are not read.
    """
    for hit in _NUMBER.finditer(text, low, high):
        start, end = hit.span()
        body = text[start : hit.start("ext") if hit["ext"] else end].strip()
        digits = re.sub(r"\D", "", body)
        if not 7 <= len(digits) <= 15 or body.count("(") != body.count(")") or _is_no_phone(body, digits):
            continue
        if text[start] == "(" and text[end - 1] == ")":
            start, end = start + 1, end - 1
        if not free(start, end):
            continue
        if _is_international(body, digits) or _is_national(text, start, end, body, digits, bool(hit["ext"])):
            yield start, end


def _is_no_phone(body: str, digits: str) -> bool:
    if _DATE.match(body) or _YEARS.match(body) or _DRAMA.search(digits) or _is_monotonous(digits):
        return True
    groups = re.findall(r"\d+", body)
    return len(groups) > 6 or len(groups[-1]) == 1 or (len(groups) > 2 and max(map(len, groups)) == 1)


def _is_monotonous(digits: str) -> bool:
    """Digits nobody has: 000 0000, 1234567890, 123-123-1234, or three repeated throughout."""
    tail = digits[-10:]
    return (
        len(set(tail)) <= 2
        or tail in "01234567890123456789"
        or tail in "98765432109876543210"
        or tail[:7] == "1231231"
        or tail[:6] == "123456"
    )


def _is_international(body: str, digits: str) -> bool:
    if body[0] == "+" or body.startswith("(+"):
        number = digits
    elif body.startswith(("00", "001-")) and not digits.startswith("000"):
        number = digits[2:]
        if re.fullmatch(r"\d+", body):
            return False  # a bare run of digits may be anything
    else:
        return False
    code = next((number[:n] for n in (1, 2) if number[:n] in _SHORT), number[:3] if number[:2] in _LONG else "")
    most = 13 if len(number) == len(body) - 1 else 15  # a run that nothing divides may be any large number
    first = len(list(takewhile(str.isdecimal, body)))
    if 2 < first < 2 + len(code):
        return False  # "003-886-3423": no country ends within the code
    return bool(code) and 7 <= len(number) <= most and (code != "1" or len(number) == 11)


def _is_national(text: str, start: int, end: int, body: str, digits: str, extended: bool) -> bool:
    if (_NANP.match(body) or _PAIRS.match(body)) and not is_other_number(text, start):
        return True
    if is_other_number(text, start) or not (says(_CALLED, text, start, end) or _LABEL.match(text, end)):
        return False
    if (
        re.fullmatch(r"\d+\.\d+", body)
        or re.fullmatch(r"\d{1,3}(?:[ .]000)+", body)
        or (re.fullmatch(r"\d+/\d+|[1-9]\d* / \d+", body) and (" " in body or len(digits) < 9))
    ):
        return False  # an amount
    if len(re.findall(r"\d{3,4}-\d\d-\d{4}$", body)):
        return False
    if extended or len(digits) != len(body):
        return len(digits) <= 13
    return len(digits) <= 13 and bool(_LABEL.match(text, end) or _NAMED.search(text[max(0, start - 40) : start]))


# ---------------------------------------------------------------------- IP

_IPV4 = re.compile(r"(?<![\w.-])(?<![^\W\d]/)(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d|/(?:[89]|1\d|2\d)\b)")
_IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-fA-F]{1,4}:{1,2}){2,7}[0-9a-fA-F]{1,4}(?![\w:]|\.\d)")
_NETWORK = re.compile(
    r"\bips?\b|\bip[_ -]?addr|\baddress|\bhosts?\b|\bserver|\bping|\bssh\b|\bclient|\bfrom\b|\blog(?:in|ged)|://$|\bremote|\bbanned|\bblocked",
    re.I,
)
_VERSION = re.compile(
    r"(?:\bv(?:er(?:sion)?)?|\brelease|\bbuild|\bupdate|\bfirmware|\bsection|\bchapter|[=~<>^]=?|\bchrome/|\bclause|\bstep)[\s.:=\"']*$",
    re.I,
)
_PUBLIC = frozenset(
    "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220 4.2.2.2 4.2.2.1"
    " 1.2.3.4 5.6.7.8 12.34.56.78 11.22.33.44 123.45.67.89 123.123.123.123 100.100.100.100 111.111.111.111".split()
)


def ip_addresses(text: str, low: int, high: int) -> Iterator[Span]:
    """Addresses on the public internet; private, reserved and documentation ranges are nobody's."""
    for hit in _IPV4.finditer(text, low, high):
        if _is_somebodys(hit.group()) and not _is_version(text, *hit.span()):
            yield hit.span()
    for hit in _IPV6.finditer(text, low, high):
        groups = re.findall(r"[0-9a-fA-F]+", hit.group())
        if len(groups) > 3 and sum(map(len, groups)) >= 10 and _is_somebodys(hit.group()):
            yield hit.span()


def _is_somebodys(address: str) -> bool:
    parts = address.split(".")
    if len(parts) == 4 and parts[-1] in ("0", "255"):
        return False
    if len(parts) == 4 and parts[0] not in _HOLD_RESERVED:  # the library goes through all that is reserved
        return all(map(_OCTET.fullmatch, parts)) and address not in _PUBLIC
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        return not (parsed.is_private or parsed.is_loopback or parsed.is_link_local or parsed.is_multicast)
    return parsed.is_global and not parsed.is_multicast and address not in _PUBLIC


# First numbers under which some addresses are private, reserved or for documentation (IANA's special-purpose registry).
_HOLD_RESERVED = frozenset(map(str, (0, 10, 100, 127, 169, 172, 192, 198, 203, *range(224, 256))))
_OCTET = re.compile(r"0|[1-9]\d?|1\d\d|2[0-4]\d|25[0-5]", re.A)


def _is_version(text: str, start: int, end: int) -> bool:
    """Whether four numbers are a version or a heading: named so, or low and nothing says they are an address."""
    before = text[max(0, start - 16) : start]
    if not before.rstrip(" .:\"'")[-1:].isdigit() and _VERSION.search(before):  # no word of it ends in a digit
        return not says(_IP_NAMED, text, start, end, after=False)
    high = sum(int(part) > 31 for part in text[start:end].split("."))
    return high < 2 and not says(_NETWORK, text, start, end)


_IP_NAMED = re.compile(r"\bip|addr|host", re.I)

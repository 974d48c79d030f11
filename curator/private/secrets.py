"""Keys, tokens, private keys and passwords in a text."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from operator import sub

from curator.private.triggers import KEY_NAMES, PASSWORD_NAMES, SHORTEST_KEY, near
from curator.text.patterns import compiled_later

Span = tuple[int, int]

# ---------------------------------------------------------------------- keys and tokens

# Forms that services give their keys, so that they can be found: the first letters, then signs of an alphabet.
_KEYS = re.compile(
    r"""(?<![A-Za-z0-9_])(?:
      (?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9])                     # Amazon Web Services
    | gh[pousr]_[A-Za-z0-9]{36,255} | github_pat_[A-Za-z0-9_]{60,255}        # GitHub
    | gl(?:pat|dt|rt|ptt|cbt|soat|ft)-[A-Za-z0-9_.-]{20,64}                  # GitLab
    | sk-(?:proj|svcacct|admin|None|live|or-v1|ant(?:-(?:api|admin)\d\d)?|lf)-[A-Za-z0-9_-]{20,200}   # OpenAI, Anthropic and others
    | sk-[A-Za-z0-9]{32,64}(?![A-Za-z0-9_-])
    | AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-]) | GOCSPX-[A-Za-z0-9_-]{28} | ya29\.[A-Za-z0-9_-]{30,400}  # Google
    | hf_[A-Za-z0-9]{30,40} | r8_[A-Za-z0-9]{37,40} | gsk_[A-Za-z0-9]{40,60} | xai-[A-Za-z0-9]{60,90} | pplx-[A-Za-z0-9]{40,60}
    | xox[abeoprs]-[A-Za-z0-9-]{20,255} | xapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{40,80}                        # Slack
    | (?:sk|rk|pk|whsec)_(?:live|prod)_[A-Za-z0-9]{20,255} | (?:sk|rk)_test_[A-Za-z0-9]{20,255} | whsec_[A-Za-z0-9+/]{24,64}={0,2} # Stripe
    | SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}                         # SendGrid
    | npm_[A-Za-z0-9]{36} | pypi-AgE[A-Za-z0-9_-]{40,255} | rubygems_[a-f0-9]{48} | dckr_pat_[A-Za-z0-9_-]{24,40}
    | do[opr]_v1_[a-f0-9]{64} | dapi[a-f0-9]{32} | shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32} | sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}
    | PMAK-[a-f0-9]{24}-[a-f0-9]{34} | lin_api_[A-Za-z0-9]{40} | ntn_[A-Za-z0-9]{40,60}
    | key-[a-f0-9]{32} | NRAK-[A-Z0-9]{27} | EAACEdEose0cBA[A-Za-z0-9]{20,200}
    | hvs\.[A-Za-z0-9_-]{24,120} | glsa_[A-Za-z0-9]{32}_[a-f0-9]{8} | sntrys_[A-Za-z0-9+/=_-]{40,300} | figd_[A-Za-z0-9_-]{40}
    | AGE-SECRET-KEY-1[A-Z0-9]{58}
    | \d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])                          # Telegram
    | eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}       # JSON Web Token
    )""",
    re.X,
)
_HOOKS = re.compile(
    r"https://(?:hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{40,60}|(?:ptb\.|canary\.)?discord(?:app)?\.com/api/webhooks/\d+/[\w-]{60,80}"
    r"|[\w.-]+\.webhook\.office\.com/webhookb2/[\w@/-]{60,})"
)
# A value that is assigned to something called a key, token or secret.
_ASSIGNED = re.compile(
    r"""(?i:(?:api[_ -]?key|apikey|access[_ -]?key(?:[_ -]?id)?|secret[_ -]?(?:access[_ -]?)?key|account[_ -]?key|auth[_ -]?token|access[_ -]?token
          |refresh[_ -]?token|client[_ -]?secret|app[_ -]?secret|api[_ -]?secret|api[_ -]?token|bearer[_ -]?token|secret[_ -]?token|private[_ -]?token
          |consumer[_ -]?secret|signing[_ -]?secret|webhook[_ -]?secret|encryption[_ -]?key|license[_ -]?key|token|secret)
        ["'\]`]{0,2}[ ]?(?:=>|:=|=|:|\bis\b|\bto\b)\s{0,3}["'`(]{0,2}
      | \bauthorization:?\s*["']?(?:bearer|token|basic)\s+|\bbearer\s+)
      (?P<value>[A-Za-z0-9+/_.~-]{20,256}={0,2})(?![A-Za-z0-9(\[])""",
    re.X,
)


_RUN = re.compile(rf"(?<!\S)\S{{{SHORTEST_KEY},}}")


def keys(text: str) -> Iterator[Span]:
    """Keys and tokens of services by their form, and values at random that are called a key, token or secret."""
    for run in _RUN.finditer(text):
        for form in (_KEYS, _HOOKS):
            for hit in form.finditer(text, *run.span()):
                if not _is_made_up(hit.group()):
                    yield hit.span()
    for low, high in near(text, KEY_NAMES, 24, 340):
        yield from _assigned(text, low, high)


def _assigned(text: str, low: int, high: int) -> Iterator[Span]:
    for hit in _ASSIGNED.finditer(text, low, high):
        if _is_random(hit["value"]) and not _is_made_up(hit["value"]):
            yield hit.span("value")


_FILLER = compiled_later(
    r"example|sample|dummy|placeholder|redacted|your|insert|replace|change|todo|fixme|secret[_-]?key|my[_-]?(?:api|secret|token|key)"
    r"|api[_-]?key|token[_-]?here|test[_-]?(?:key|token)|x{5,}|\*{3,}|\.{3}|0{7,}|1{7,}|a{6,}|12345678|abcdefgh|deadbeef|feedface|qwerty|foobar|lorem",
    re.I,
)


def _is_made_up(value: str) -> bool:
    """Whether a value is one of documentation: filler words, runs, or too few different signs."""
    body = re.sub(r"^[A-Za-z]{2,6}[-_.](?:[a-z0-9]{2,8}[-_])?", "", value)
    return bool(_FILLER.search(value)) or len(set(body)) < min(9, len(body) // 2) or _is_ladder(body)


def _is_ladder(value: str) -> bool:
    """Whether most signs follow the one before in the alphabet."""
    codes = [*map(ord, value)]
    steps = [*map(sub, codes[1:], codes)].count(1)
    return steps > 0.4 * len(value)


def _is_random(value: str) -> bool:
    """Whether a value looks drawn at random: digits and letters mixed, high entropy, no words or paths of code."""
    if not re.search(r"\d", value) or not re.search(r"[A-Za-z]", value):
        return False
    if re.fullmatch(r"[0-9a-fA-F]{32,128}", value):
        return entropy(value) > 3.2
    if re.search(r"[a-z]{9}|[A-Z]{14}|^[\w.]*\.[A-Za-z]{3,}$|//|^\.|_[a-z]+_", value):
        return False
    mixed = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", r"\d"))
    changes = sum(_sort(a) != _sort(b) for a, b in pairwise(value))
    return mixed > 1 and entropy(value) > 3.4 and changes > 0.3 * len(value)


def _sort(sign: str) -> int:
    return 0 if sign.islower() else 1 if sign.isupper() else 2 if sign.isdigit() else 3


def entropy(value: str) -> float:
    """Bits a sign (Shannon) by how often each occurs in the value."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


# ---------------------------------------------------------------------- private keys

_PEM = re.compile(
    r"-----BEGIN (?P<kind>(?:[A-Z0-9]{2,12} ){0,3}PRIVATE KEY(?: BLOCK)?)-----(?P<body>.{0,16000}?)"
    r"(?:-----END (?P=kind)-----|\Z|(?=\n\s*\n[^\n]*[ ]\w+[ ]\w))",
    re.S,
)
_BODY = re.compile(r"[A-Za-z0-9+/=]{24,}")


def private_keys(text: str) -> Iterator[Span]:
    """Private keys in PEM or OpenPGP armour, whole or cut off, whose body is no filler."""
    for hit in _PEM.finditer(text):
        body = "".join(_BODY.findall(hit["body"].replace("\\n", " ").replace("\\r", " ")))
        if len(body) >= 32 and len(set(body)) > 12 and not re.search(r"example|your|x{8}|\.{3}", hit["body"], re.I):
            yield hit.span()


# ---------------------------------------------------------------------- passwords

_CREDENTIALS = re.compile(
    r"(?<![\w])[a-z][a-z0-9+.-]{1,15}://(?P<user>[^\s:/@\"'<>]{0,64}):(?P<password>[^\s/@\"'<>]{3,128})@[\w.-]+"
)
_PASSWORD = re.compile(
    r"""(?i:(?:passwort|password|passwd|passphrase|passcode|pwd|kennwort|contraseña|mot\ de\ passe))
        (?i:["'\]`]{0,2}[ ]?(?:=>|:=|=(?!=)|:)\s{0,3}|[ ](?:is|was|to)(?:\s(?:now|set\sto|changed\sto))?:?\s+)
        (?:(?P<quote>["'`])(?P<quoted>[^"'`\s]{6,64})(?P=quote)|(?P<bare>[^\s"'`<>(){}\[\],;]{6,64}))""",
    re.X,
)
_LEET = str.maketrans("@4031!$5789", "aaoeiissteg"[:11])
_COMMON = re.compile(
    r"pass|secret|change|default|example|sample|test|demo|dummy|admin|root|user|guest|login|welcome|qwert|asdf|letmein|abc|123"
    r"|your|hunter|hash|salt|string|encrypt|secure|strong|token|key|none|null|undefined|true|false|correct|horse|value|input|field|prompt|env|config|self|this|get|xxx|\*\*|\.\.\.|%s|\$\{|\{\{",
    re.I,
)


def passwords(text: str) -> Iterator[Span]:
    """Passwords that stand after their name, and those in the addresses of services."""
    if "://" in text and "@" in text:
        for hit in _CREDENTIALS.finditer(text):
            if _is_chosen(hit["password"], 6):
                yield hit.span("password")
    for low, high in near(text, PASSWORD_NAMES, 0, 140):
        yield from _named(text, low, high)


_MADE = re.compile(r"generat|\brandom", re.I)  # a password that was just made up protects nothing


def _named(text: str, low: int, high: int) -> Iterator[Span]:
    for hit in _PASSWORD.finditer(text, low, high):
        group = "quoted" if hit["quoted"] else "bare"
        value = hit[group].rstrip(".!?") if group == "bare" else hit[group]
        made = _MADE.search(text, max(0, hit.start() - 100), hit.start(group))
        if made is None and _is_chosen(value, 8 if group == "bare" else 7):
            yield hit.start(group), hit.start(group) + len(value)


def _is_chosen(value: str, least: int) -> bool:
    """Whether a value is one that somebody would choose as a password, and no word, code or filler."""
    if len(value) < least or _COMMON.search(value) or _COMMON.search(value.lower().translate(_LEET)):
        return False
    kinds = sum(bool(re.search(kind, value)) for kind in ("[a-z]", "[A-Z]", r"\d", r"[^\w\s]|_"))
    return (
        kinds >= 3
        and len(set(value)) > 5
        and not re.search(r"[(){}\[\]\\]|^[\w.]+\.\w+$|^[$%<&#/]|^\d+[\d.,:/-]*\w{0,2}$", value)
    )

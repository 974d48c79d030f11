"""What may be written in the place of a private value: its kind, and a short hash by which equal values stay equal.

A number by order of appearance would depend on where a file is cut and in what order rows stand; a hash does not.
It is short on purpose: with twenty bits, thousands of telephone numbers share each placeholder, so that trying all
numbers there are does not tell which one stood there. A key makes even that impossible for who does not have it.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

_DIGITS = 5  # hexadecimal, 4 bits each

NAMES = {
    "email": "EMAIL",
    "phone": "PHONE",
    "card": "CARD",
    "national-id": "ID",
    "iban": "IBAN",
    "ip": "IP",
    "address": "ADDRESS",
    "key": "KEY",
    "private-key": "PRIVATE_KEY",
    "password": "PASSWORD",
}


def placeholder(kind: str, value: str, key: str = "") -> str:
    """Such as [EMAIL_3f9a2]: the same for the same value wherever it stands, however it is spaced or capitalised."""
    body = value if kind in ("key", "password", "private-key") else "".join(filter(str.isalnum, value)).lower()
    if kind in ("email", "ip"):
        body = value.lower()
    said = f"{kind} {body}".encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(said, key=_secret(key), digest_size=8).hexdigest()
    return f"[{NAMES[kind]}_{digest[:_DIGITS]}]"


@lru_cache(maxsize=8)
def _secret(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=32).digest()


STAND_IN = re.compile(rf"\[({'|'.join(NAMES.values())})_[0-9a-f]{{{_DIGITS}}}\]")  # a placeholder


def mask(kind: str) -> str:
    """Such as [EMAIL]: how a report shows a value."""
    return f"[{NAMES[kind]}]"

"""What a section is for, told from its heading by the table of words in `rules/sop/roles.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, lru_cache

from curator.packs.loading import rules_dir
from curator.sop.verbs import is_order

_LABEL = re.compile(
    r"^(?:(?:section|part|abschnitt|seccion|teil)\s+)?(?:\d+(?:\.\d+)*|[ivx]{1,5}|[a-z])[.):]\s+|^\d+(?:\.\d+)*\s+",
    re.I,
)


def folded(text: str) -> str:
    """Words in lower case, without accents and punctuation, a space between them."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("&", " and ")).casefold()
    return " ".join(re.findall(r"\w+", "".join(c for c in plain if not unicodedata.combining(c))))


@cache
def table() -> dict[str, str]:
    """Role by word, in the order of the file."""
    data = tomllib.loads((rules_dir() / "sop" / "roles.toml").read_text(encoding="utf-8"))
    words: dict[str, str] = {}
    for role, entry in data.items():
        for word in entry["words"]:
            words.setdefault(folded(word), role)
    return words


@lru_cache(maxsize=4096)
def role_of(heading: str) -> str:
    """The role of a section with this heading, "other" where no word of the table fits.

    A heading that equals an entry has its role; else the longest entry at its end or its beginning decides, for
    headings of at most six words. What is to be done before something else is no section ("Watch the film before you start").
    """
    name = folded(_LABEL.sub("", heading.strip()))
    words = table()
    if name in words:
        return words[name]
    parts = name.split()
    if not 1 < len(parts) <= 6:
        return "other"
    ordered = is_order(name)
    for size in range(len(parts) - 1, 0, -1):
        for piece in (" ".join(parts[-size:]), " ".join(parts[:size])):
            if ordered and piece.startswith("before "):
                continue
            if piece in words and words[piece] not in ("title", "revision") and (size > 1 or piece in _FIRM):
                return words[piece]
    return "other"


# Single words that say the role of a longer heading ("Cleaning procedure", "Safety rules").
_FIRM = frozenset(
    "procedure procedures purpose scope objective responsibility responsibilities safety prerequisites materials equipment "
    "references abbreviations definitions records verification instructions protocol steps mitigation "
    "procedimiento alcance objetivo responsabilidades seguridad zweck durchfuhrung geltungsbereich verantwortlichkeiten "
    "abkurzungen sicherheitshinweise voraussetzungen objectif responsabilites securite materiel".split()
)  # fmt: skip

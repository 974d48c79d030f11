"""Dictionaries in the form of hunspell: a list of words with flags (.dic), and what the flags may be put to (.aff).

Read by ourselves, since the readers there are carry copyleft licences. Understood are SET, FLAG, PFX and SFX with
conditions, cross products and one continuation, NEEDAFFIX, FORBIDDENWORD, and compounds of two words where the
dictionary allows compounds at all. The format is described in hunspell(5).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from curator.errors import CuratorError

_SPECIAL = ("NEEDAFFIX", "FORBIDDENWORD", "COMPOUNDFLAG", "COMPOUNDBEGIN")
_PART = 3  # letters that a part of a compound has at least


class Affix(NamedTuple):
    """A prefix or suffix: `added` stands where `stripped` was, on words that fit the condition."""

    flag: str
    stripped: str
    added: str
    fits: re.Pattern[str]
    crosses: bool
    more: frozenset[str]  # flags that the new form has


class Dictionary:
    """The words of a language. `knows` says whether a word is one, or can be made of one by the rules."""

    def __init__(self, dic: Path) -> None:
        aff = dic.with_suffix(".aff")
        try:
            rules = _decoded(aff) if aff.is_file() else ""
            words = _decoded(dic, _encoding(aff))
        except OSError as error:
            raise CuratorError(f"the dictionary cannot be read: {error.strerror}", where=str(dic)) from None
        self._flag_type = "char"
        self._aliases: list[frozenset[str]] = []
        self._special: dict[str, str] = {}
        self._suffixes: dict[str, list[Affix]] = defaultdict(list)  # by what they add
        self._prefixes: dict[str, list[Affix]] = defaultdict(list)
        self._read_rules(rules)
        self._words: dict[str, frozenset[str]] = {}
        for line in words.splitlines()[1:]:
            word, _, flags = line.split("\t")[0].strip().partition("/")
            if word:
                self._words[word] = self._words.get(word, frozenset()) | self._flags(flags.split(" ")[0])

    def knows(self, word: str) -> bool:
        """Whether the word is right as it is written, or with a capital."""
        return any(self._is_form(each) or self._is_compound(each) for each in dict.fromkeys((word, word.capitalize())))

    def __len__(self) -> int:
        return len(self._words)

    # ------------------------------------------------------------------ reading

    def _read_rules(self, text: str) -> None:
        crossing: dict[str, bool] = {}
        for line in text.splitlines():
            parts = line.split()
            if len(parts) < 2:
                continue
            name, *rest = parts
            if name == "FLAG":
                self._flag_type = rest[0].lower()
            elif name == "AF" and not (rest[0].isdigit() and not self._aliases):
                self._aliases.append(self._flags(rest[0], alias=False))
            elif name == "AF":
                self._aliases.append(frozenset())  # the head of the table: aliases count from 1
            elif name in (
                "NEEDAFFIX",
                "FORBIDDENWORD",
                "ONLYINCOMPOUND",
                "COMPOUNDFLAG",
                "COMPOUNDBEGIN",
                "COMPOUNDEND",
            ):
                self._special[name] = rest[0]
            elif name in ("PFX", "SFX") and len(rest) == 3:
                crossing[name + rest[0]] = rest[1] == "Y"
            elif name in ("PFX", "SFX") and len(rest) > 2:
                affix = self._affix(name, rest, crossing.get(name + rest[0], False))
                (self._prefixes if name == "PFX" else self._suffixes)[affix.added].append(affix)

    def _affix(self, name: str, rest: list[str], crosses: bool) -> Affix:
        flag, stripped, added, *condition = rest
        added, _, more = added.partition("/")
        wanted = condition[0] if condition else "."
        pattern = f"{_escaped(wanted)}$" if name == "SFX" else f"^{_escaped(wanted)}"
        none = "0"
        return Affix(
            flag,
            "" if stripped == none else stripped,
            "" if added == none else added,
            re.compile(pattern),
            crosses,
            self._flags(more),
        )

    def _flags(self, text: str, alias: bool = True) -> frozenset[str]:
        if not text:
            return frozenset()
        if alias and self._aliases and text.isdigit():
            number = int(text)
            return self._aliases[number] if number < len(self._aliases) else frozenset()
        if self._flag_type == "long":
            return frozenset(text[place : place + 2] for place in range(0, len(text), 2))
        return frozenset(text.split(",") if self._flag_type == "num" else text)

    # ------------------------------------------------------------------ judging

    def _is_form(self, word: str, flag: str = "", depth: int = 2) -> bool:
        """Whether the word stands in the list or is made from one that does, and (where named) has the flag."""
        own = self._words.get(word)
        if own is not None and self._special.get("FORBIDDENWORD") in own:
            return False
        needs = self._special.get("NEEDAFFIX")
        if own is not None and (flag in own if flag else needs not in own):
            return True
        return depth > 0 and any(
            (not flag or flag in affix.more or (affix.crosses and self._may_cross(stem, flag, affix)))
            and self._is_form(stem, affix.flag, depth - 1)
            for stem, affix in self._stems(word)
        )

    def _may_cross(self, stem: str, flag: str, affix: Affix) -> bool:
        """Whether the stem takes this affix and the other one too: one at either end."""
        own = self._words.get(stem, frozenset())
        return flag in own and affix.flag in own

    def _stems(self, word: str) -> Iterator[tuple[str, Affix]]:
        for size in range(min(len(word), 12)):
            for affix in self._suffixes.get(word[len(word) - size :] if size else "", ()):
                stem = word[: len(word) - size] + affix.stripped
                if affix.fits.search(stem):
                    yield stem, affix
            for affix in self._prefixes.get(word[:size], ()):
                stem = affix.stripped + word[size:]
                if affix.fits.search(stem):
                    yield stem, affix

    def _is_compound(self, word: str) -> bool:
        """Whether the dictionary has compounds and the word is two words of it, with or without a joining s."""
        if not self._special.keys() & {"COMPOUNDFLAG", "COMPOUNDBEGIN"}:
            return False
        for cut in range(_PART, len(word) - _PART + 1):
            head, tail = word[:cut], word[cut:]
            heads = (head, head.capitalize(), head.removesuffix("s"), head.removesuffix("s").capitalize())
            if any(map(self._is_form, heads)) and (self._is_form(tail) or self._is_form(tail.capitalize())):
                return True
        return False


def _encoding(aff: Path) -> str:
    if aff.is_file():
        found = re.search(rb"^SET\s+(\S+)", aff.read_bytes(), re.M)
        if found:
            return found[1].decode("ascii", "replace").lower().replace("microsoft-", "")
    return "utf-8"


def _decoded(path: Path, encoding: str = "") -> str:
    try:
        return path.read_bytes().decode(encoding or _encoding(path), "replace").removeprefix("\ufeff")
    except LookupError:
        raise CuratorError(f"the dictionary has an unknown encoding: {encoding}", where=str(path)) from None


def _escaped(condition: str) -> str:
    """A condition as a regular expression: a dot and groups in brackets are all it may hold."""
    parts = re.findall(r"\[\^?[^\]]*\]|.", condition)
    return "".join(part if part == "." or len(part) > 1 else re.escape(part) for part in parts)


def found_in(folder: Path) -> dict[str, Path]:
    """The dictionaries of a folder by language: de_DE.dic is "de"; the first by name where there are several.

    Raises:
        CuratorError: the folder holds no dictionary.
    """
    files = sorted(folder.glob("*.dic"))
    if not files:
        raise CuratorError("no dictionary here: files such as de_DE.dic and de_DE.aff are wanted", where=str(folder))
    return {re.split(r"[_-]", file.stem)[0].lower(): file for file in reversed(files)}

"""What is known of words: lists of misspellings, dictionaries, frequencies, and the nearest right spelling.

The sources are optional packages (the extra `words`), read as data, since importing them would take longer
than judging a set: `typos` (a list of misspellings with their corrections, MIT or Apache-2.0), the word
list of symspellpy (82,765 words, MIT) and the frequencies of wordfreq (Apache-2.0, data CC BY-SA).
"""

from __future__ import annotations

import gzip
import re
import subprocess
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import NamedTuple

import msgspec
import numpy as np

from curator import extras
from curator.errors import CuratorError
from curator.text.hashed import Column, blocks, slice_hashes, unique
from curator.text.patterns import compiled_later

# ---------------------------------------------------------------------- listed misspellings


class _Typo(msgspec.Struct):
    typo: str = ""
    corrections: tuple[str, ...] = ()


def listed(words: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The words that `typos` lists as misspelt, with its corrections, the likeliest first.

    Raises:
        CuratorError: the command cannot be run.
    """
    binary = extras.typos_binary()
    if not words or binary is None:
        return {}
    command = [str(binary), "--isolated", "--format", "json", "--threads", "1", "-"]
    try:
        done = subprocess.run(command, input="\n".join(words).encode(), capture_output=True, check=False)
    except OSError as error:
        raise CuratorError(f"typos cannot be run: {error.strerror}", where=str(binary)) from None
    if done.returncode not in (0, 2):
        hint = 'pip install --force-reinstall "finetune-curator[words]"'
        raise CuratorError(
            f"typos failed: {done.stderr[-200:].decode('utf-8', 'replace')}", where=str(binary), hint=hint
        )
    found = [msgspec.json.decode(line, type=_Typo) for line in done.stdout.splitlines()]
    asked = set(words)
    return {item.typo: item.corrections for item in found if item.typo in asked and item.corrections}


# ---------------------------------------------------------------------- words and their frequency


@cache
def english() -> frozenset[str]:
    """82,765 English words, British and American."""
    file = extras.folder("symspellpy") / "frequency_dictionary_en_82_765.txt"
    return frozenset(file.read_text("utf-8-sig").split()[::2])  # a word and how often it was met, a line


@cache
def frequencies(language: str) -> Mapping[str, float]:
    """Words of Zipf frequency 3 and more (log10 of occurrences in a billion words), the commonest first.

    Empty where there is no list for the language.
    """
    return {word: 9 - n / 100 for n, words in enumerate(_bins(f"small_{language}")) for word in words}


_WRITTEN_ALIKE = "es fr de it pt nl sv pl ca da nb ro cs sk hu fi tr id sh sl lv lt".split()


@cache
def _elsewhere() -> np.ndarray:
    """uint64, rising: hashes of the common words of other languages in Latin script."""
    found = []
    for language in _WRITTEN_ALIKE:
        words = filter(None, map("\n".join, _bins(f"small_{language}")))
        found.append(_hashes_of_lines("\n".join(words)))
    return unique(np.concatenate(found))


def _hashes_of_lines(text: str) -> np.ndarray:
    data = np.frombuffer(text.encode(), np.uint8)
    breaks = np.flatnonzero(data == ord("\n"))
    starts, ends = np.append(0, breaks + 1), np.append(breaks, len(data))
    return np.concatenate([slice_hashes(*block) for block in blocks(Column(data.tobytes(), starts, ends))])


def met_elsewhere(words: Collection[str]) -> frozenset[str]:
    """Those of the words that are common in another language in Latin script, and in no list of English words."""
    asked = sorted(frozenset(words) - english()) if words else []
    if not asked:
        return frozenset()
    hashes, known = _hashes_of_lines("\n".join(asked)), _elsewhere()
    met = known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes
    return frozenset(word for word, yes in zip(asked, met.tolist(), strict=True) if yes)


def attested(language: str, among: frozenset[str] | None = None) -> dict[str, float]:
    """The Zipf frequency of the words of a language that were met once in a hundred million; slips are among them.

    With `among` only those of these words.
    """
    bins = _bins(f"large_{language}")
    met = bins if among is None else map(among.intersection, bins)
    return {word: 9 - n / 100 for n, words in enumerate(met) for word in words}


def has_frequencies(language: str) -> bool:
    """Whether there is a list of rare words of the language, by which a word can be called unknown."""
    return (extras.folder("wordfreq") / "data" / f"large_{language}.msgpack.gz").is_file()


def _bins(name: str) -> list[list[str]]:
    """The words of a list by frequency: those of bin n make up 10**(-n/100) of all."""
    file = extras.folder("wordfreq") / "data" / f"{name}.msgpack.gz"
    return msgspec.msgpack.decode(gzip.decompress(file.read_bytes()))[1:] if file.is_file() else []


@cache
def unremarkable() -> tuple[str, ...]:
    """Common English words that are right and have one spelling: half of every text, and never at fault.

    Empty where the word lists are not installed.
    """
    if extras.missing("words"):
        return ()
    both = {*VARIANTS, *VARIANTS.values()}
    known = english()
    return tuple(word for word in frequencies("en") if word in known and word not in both)


def rarest_letters(word: str) -> int:
    """In how many English words the rarest three letters of this one (its edges count) stand next to each other."""
    if not word.isascii():
        return 0  # no word of the list has such a letter
    return int(_trigrams()[_triples(f"^{word}$".encode())].min())


@cache
def _trigrams() -> np.ndarray:
    """How often each three letters stand next to each other, by what `_triples` makes of them."""
    words = "$^".join(sorted(filter(str.isascii, english())))
    return np.bincount(_triples(f"^{words}$".encode()), minlength=1 << 21)


def _triples(data: bytes) -> np.ndarray:
    """int32: each three neighbouring ASCII characters as a number."""
    codes = np.frombuffer(data, np.uint8).astype(np.int32)
    triples: np.ndarray = (codes[:-2] << 14) | (codes[1:-1] << 7) | codes[2:]
    return triples


# ---------------------------------------------------------------------- two right spellings of one word

_ENDINGS = (  # stems, British ending, American ending
    ("arm behavi col endeav fav flav harb hon hum lab neighb od rum sav tum vap vig", "our", "or"),
    ("col fav flav harb hon lab sav", "oured", "ored"),
    ("behavi col endeav fav flav harb lab neighb od rum", "ours", "ors"),
    ("fav", "ourite", "orite"),
    ("col flav", "ourful", "orful"),
    ("apolog author categor character critic custom emphas final general ideal maxim memor minim modern organ optim"
     " prior real recogn special stabil standard summar symbol util visual", "ise", "ize"),
    ("author categor character critic custom emphas final general maxim memor minim modern organ optim prior real"
     " recogn special standard summar util visual", "ised", "ized"),
    ("author categor character critic custom emphas final general maxim memor minim modern organ optim prior real"
     " recogn special standard summar util visual", "ising", "izing"),
    ("author civil custom global organ optim real special standard util visual", "isation", "ization"),
    ("anal paral catal", "yse", "yze"),
    ("anal paral", "ysed", "yzed"),
    ("cent theat fib calib lit lust spect", "re", "er"),
    ("cent theat fib lit", "res", "ers"),
    ("catal anal", "ogue", "og"),
    ("cance labe leve mode trave signa fue", "lled", "led"),
    ("cance labe leve mode trave signa fue", "lling", "ling"),
    ("def off", "ence", "ense"),
)  # fmt: skip
_OTHERS = (
    "grey/gray jewellery/jewelry aluminium/aluminum plough/plow sceptical/skeptical mould/mold moustache/mustache"
    " pyjamas/pajamas ageing/aging artefact/artifact artefacts/artifacts paediatric/pediatric anaemia/anemia"
    " oestrogen/estrogen haemoglobin/hemoglobin diarrhoea/diarrhea manoeuvre/maneuver tyre/tire kerb/curb cosy/cozy"
    " skilful/skillful fulfil/fulfill enrol/enroll"
)
VARIANTS = {stem + here: stem + there for stems, here, there in _ENDINGS for stem in stems.split()} | {
    british: american for british, _, american in (pair.partition("/") for pair in _OTHERS.split())
}

# ---------------------------------------------------------------------- words made of known words

_BEFORE = (
    "non|pre|over|under|anti|mis|sub|super|inter|out|dis|counter|multi|semi|ultra|hyper|micro|macro|mini|bio|geo|neuro"
    "|cardio|electro|photo|thermo|hydro|aero|astro|auto|cyber|eco|extra|fore|infra|intra|iso|mega|meta|mid|mono|nano"
    "|para|peri|poly|post|pro|proto|pseudo|psycho|quasi|radio|socio|step|tele|trans|tri|self|immuno|gastro|patho"
    "|pharma|pharmaco|hemo|haemo|hepato|osteo|dermato|vaso|un|re|in|im|up|de|co|bi|uni"
).split("|")
_INFLECTIONS = (
    "s|es|ed|ing|er|ers|or|ors|est|ly|ness|less|ful|able|ably|ability|ish|ism|isms|ist|ists|like|wise|y|ies|ied|ier"
    "|iest|ily|iness|ment|ments|proof|free|lessness|fulness|ward|wards|hood|ship|dom|ling|lings|eth"
).split("|")
_DERIVATIONS = (
    "al|ally|ic|ical|ically|ize|ise|ized|ised|izes|ises|izing|ising|ization|isation|izer|iser|ity|ities|ous|ously|ible"
    "|ette|let|lets|ster|ian|ians|an|ans|ese|esque|ification|ified|ify|ance|ence|ancy|ency|ant|ent|tion|tions|ation"
    "|ations|ative|ator|ators"
).split("|")
_PASSIVE = ("ee", "ees")
# What is put before or behind nearly any word.
_FREELY_BEFORE = frozenset("un re in im up de".split())
_FREELY = frozenset("s es ed ing er ers like wise less ness ward wards hood ship proof free dom".split())
# Endings of the terms of medicine, chemistry and biology: a word that ends so is rarely a slip of a common one.
_TERM = compiled_later(
    r"(?:itis|osis|oses|aemia|emia|uria|ectomy|otomy|ostomy|oscopy|plasty|pathy|pathic|megaly|algia|plegia|penia|rrhea"
    r"|rrhoea|rrhagia|oma|omas|omata|cyte|cytes|cytic|cytosis|blast|blasts|blastic|gram|graphy|lysis|lytic|genic|genesis"
    r"|trophy|trophic|trophs?|phytes?|morphs?|liths?|philes?|phobes?|vores?|derms?|stomes?|tropic|philic|phobic|phage|(?:kin|transfer|prote|lip|polymer|amyl|gen|oxid|reduct|synth|lig|hydrol|nucle|lact|cellul|est)ases?|mycin|cillin|cycline|azole|azepam|prazole"
    r"|sartan|olol|pril|statin|mab|inib|vir|avir|caine|barbital|oxacin|parin|gliptin|glutide|gliflozin|dipine|semide"
    r"|thiazide|profen|coxib|triptan|setron|tidine|zosin|lukast|dronate|xaban|gatran|azine|idine|amine|amines|imine"
    r"|ylate|ylated|ylation|phosphate|sulfate|sulphate|nitrate|oxide|chloride|bromide|fluoride|hydroxy|methyl|ethyl"
    r"|propyl|butyl|phenyl|acetyl|benzyl|carboxyl|amide|imide|onium|aceae|idae|oidea|iformes|virus|viridae|coccus|cocci"
    r"|bacter|bacteria|mycetes|saurus|therium|ensis|orum|arum|icus|icum|alis|aris)$"
)


def is_term(word: str) -> bool:
    """Whether a word ends as terms of medicine, chemistry and biology do."""
    return len(word) > 7 and bool(_TERM.search(word))


def derivable(word: str, common: Mapping[str, float]) -> bool:
    """Whether a word is a known one with a prefix or an ending, or two of them joined."""
    known = english()
    for prefix in filter(word.startswith, _BEFORE):
        rest = word.removeprefix(prefix)
        if len(rest) >= (4 if len(prefix) > 2 else 5) and (rest in known or (len(rest) > 5 and rest in common)):
            return True
        if prefix in _FREELY_BEFORE and len(rest) > 3 and rest in known and common.get(rest, 0) >= 3.5:
            return True
    for ending in _INFLECTIONS:
        stems = _stems(word[: -len(ending)], ending) if word.endswith(ending) else ()
        doubled = ending[0] in _VOWELS and word[: -len(ending)].endswith("ll")  # "bevelling", as British English has it
        shortest = 4 if ending in _FREELY else 5 if doubled else 6
        for stem in stems:
            if stem in known and (stem in common or len(stem) >= shortest):
                return True
            if stem in common and (len(stem) > 4 or ending == "s"):
                return True
    for ending in _PASSIVE:  # who is or was ...ed: "auditee", "conveyees"
        stem = word.removesuffix(ending)
        if stem != word and stem[-1:] != "e" and len(stem) > 3 and stem in known and common.get(stem, 0) >= 3:
            return True
    for ending in _DERIVATIONS:
        stems = _stems(word[: -len(ending)], ending) if word.endswith(ending) and len(word) > len(ending) + 3 else ()
        if any(common.get(stem, 0) >= 3 and stem in known for stem in stems):
            return True
    return any(
        {word[:cut], word[cut:]} <= known
        and all(common.get(part, 0) >= (4 if len(part) > 3 else 4.6) for part in (word[:cut], word[cut:]))
        for cut in range(3, len(word) - 2)
    )


_VOWELS = "aeiou"


def _stems(stem: str, ending: str) -> Iterator[str]:
    """What the ending may have been put to, by the rules of English spelling."""
    if len(stem) < 3:
        return
    if _takes(stem, ending):
        yield stem
    if ending[0] in _VOWELS or ending == "y":
        yield stem + "e"
        if stem[-1] == stem[-2] and _doubles(stem[:-1]):
            yield stem[:-1]
    if ending[0] == "i" and len(ending) > 2 and ending[:3] in ("ies", "ied", "ier", "ily", "ine"):
        yield stem + "y"


def _doubles(stem: str) -> bool:
    """Whether the last letter of a stem is doubled before a vowel: one consonant behind a vowel ("stopped")."""
    return len(stem) > 2 and stem[-1] not in _VOWELS + "wxy" and stem[-2] in _VOWELS + "y"


def _takes(stem: str, ending: str) -> bool:
    """Whether a stem takes an ending as it is: not "runing", "writeing", "facilitys", "onionss", "conttion"."""
    if ending[0] in _VOWELS:
        short = len(stem) == 3 and stem[-1] in "bdgmnpt" and stem[-2] in _VOWELS and stem[-3] not in _VOWELS
        plural = stem[-1] == "s" and stem[-2] != "s" and stem[:-1] in english()
        if short or plural or stem[-1] == "e":
            return False
    if ending in ("s", "es", "ed", "er", "ers", "est") and stem[-1] == "y" and stem[-2] not in _VOWELS:
        return False
    return not (ending in ("s", "y") or ending.startswith("t")) or stem[-1] != ending[0]


_SOUNDS = str.maketrans({"c": "k", "q": "k", "z": "s", "x": "ks"})


def skeleton(word: str) -> str:
    """The consonants of a word as they sound, each once in a row: alike in "meloncholly" and "melancholy"."""
    spoken = word.replace("ph", "f").translate(_SOUNDS)
    return re.sub(r"(.)\1+", r"\1", re.sub("[aeiouyhw]", "", spoken))


# ---------------------------------------------------------------------- the nearest right spelling

_PREFIX = 7  # letters that are varied, as in SymSpell
_BASE = 0x9E3779B97F4A7C15
_SLOTS = 20


class Suggestion(NamedTuple):
    """A common word, by how many edits (letters put in, left out, changed or swapped) it is away.

    `rival` is the Zipf frequency of the next word that is as near and keeps the first letter as this one does; 0 where
    there is none.
    """

    word: str
    edits: int
    zipf: float
    rival: float = 0.0


def suggest(words: Sequence[str], known: Mapping[str, float], most: int = 2) -> dict[str, Suggestion]:
    """For each word the nearest known one within `most` edits, of equals one with its first letter, then the commonest.

    Candidates share what is left of the first letters when up to `most` are struck out (the symmetric
    deletes of SymSpell, W. Garbe); each is then measured by rapidfuzz.
    """
    from rapidfuzz.distance import OSA
    from rapidfuzz.process import cpdist

    targets = list(known)
    mine, theirs = _sharing(words, targets, most)
    pairs = [words[n] for n in mine.tolist()], [targets[n] for n in theirs.tolist()]
    edits = cpdist(*pairs, scorer=OSA.distance, score_cutoff=most, dtype=np.int32)
    near = np.flatnonzero((edits > 0) & (edits <= most))
    best: dict[str, Suggestion] = {}
    for pair, steps in zip(near.tolist(), edits[near].tolist(), strict=True):
        word, target = pairs[0][pair], pairs[1][pair]
        other = Suggestion(target, steps, known[target])
        if word not in best:
            best[word] = other
            continue
        first, second = sorted((best[word], other), key=lambda each: _rank(word, each))
        as_near = _rank(word, first)[:2] == _rank(word, second)[:2]
        best[word] = first._replace(rival=max(first.rival, second.zipf) if as_near else first.rival)
    return best


def _rank(word: str, other: Suggestion) -> tuple[int, bool, float, str]:
    """The less the better: a slip seldom falls on the first letter of a word."""
    return other.edits, other.word[0] != word[0], -other.zipf, other.word


def _sharing(words: Sequence[str], targets: Sequence[str], most: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (word, target) that have a variant in common and are nearly of a length."""
    mine, owners = _variants(_letters(words), most)
    table = np.zeros(1 << _SLOTS, bool)
    table[mine >> np.uint64(64 - _SLOTS)] = True
    order = np.argsort(mine, kind="stable")
    mine, owners = mine[order], owners[order]
    theirs, places = _variants(_letters(targets), most, table)
    low, high = np.searchsorted(mine, theirs, "left"), np.searchsorted(mine, theirs, "right")
    counts = high - low
    within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    pairs = owners[np.repeat(low, counts) + within] * np.int64(len(targets)) + np.repeat(places, counts)
    mine, theirs = np.divmod(unique(pairs), len(targets))
    lengths = np.fromiter(map(len, words), np.int64, len(words)), np.fromiter(map(len, targets), np.int64, len(targets))
    fits = np.abs(lengths[0][mine] - lengths[1][theirs]) <= most
    return mine[fits], theirs[fits]


def _letters(words: Sequence[str]) -> np.ndarray:
    """uint64, shape (_PREFIX, words): the code points of the first letters, 0 beyond the end of a word."""
    fixed = np.array([word[:_PREFIX] for word in words], dtype=f"<U{_PREFIX}")
    return np.ascontiguousarray(fixed.view(np.uint32).reshape(len(words), _PREFIX).T).astype(np.uint64)


def _variants(letters: np.ndarray, most: int, table: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the letters with up to `most` struck out, and the word each belongs to; those in the table."""
    hashes, owners = [], []
    for gone in (places for count in range(most + 1) for places in combinations(range(_PREFIX), count)):
        value = np.zeros(letters.shape[1], np.uint64)
        for place in (*(place for place in range(_PREFIX) if place not in gone), *(None for _ in gone)):
            if place is not None:
                value += letters[place]
            value *= np.uint64(_BASE)
            value ^= value >> np.uint64(29)
        valid = letters[max(gone)] > 0 if gone else np.ones(len(value), bool)
        if table is not None:
            valid &= table[value >> np.uint64(64 - _SLOTS)]
        rows = np.flatnonzero(valid)
        hashes.append(value[rows])
        owners.append(rows)
    return np.concatenate(hashes), np.concatenate(owners)

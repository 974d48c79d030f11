"""English words by which an edit rewords a text and tells nothing new: of degree, and such as stand for each other.

A line of `_GROUPS` is parted by commas; the words between two commas stand for each other in the same form ("use",
"utilize"; "uses", "utilizes"). Verbs of asking come first, since a task reworded is mostly "Describe" for "Explain".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

# Added or left out, they turn no statement and name no subject. "Almost", "only" and "always" do.
DEGREE = frozenset(
    "absolutely actually additionally basically certainly clearly completely definitely entirely especially "
    "essentially extremely fairly frankly fully furthermore generally genuinely greatly highly honestly importantly "
    "incredibly indeed kindly largely literally moreover naturally notably obviously overall particularly "
    "perfectly perhaps personally pretty quite rather really significantly simply somehow somewhat specifically "
    "strongly surely thoroughly totally truly typically ultimately undoubtedly usually utterly".split()
)
_GROUPS = (
    "describe explain outline, list name enumerate, give provide offer, create make produce generate build, write "
    "compose draft, use utilize utilise employ, show display demonstrate illustrate, find locate, help assist aid, "
    "tell inform, ask request inquire, answer reply respond, choose select pick, change alter modify, fix repair "
    "mend, try attempt, allow permit let, ensure guarantee, keep retain maintain, buy purchase, get obtain acquire, "
    "need require, begin start commence, end finish conclude, happen occur, improve enhance, understand comprehend, "
    "summarize summarise, check verify, big large huge enormous, small little tiny, important key crucial essential "
    "vital significant, many several numerous various multiple, often frequently commonly, also additionally "
    "moreover furthermore, because since, but however yet, therefore thus hence consequently so, about "
    "approximately roughly around, enough sufficient, whole entire, fast quick rapid swift, quickly rapidly swiftly "
    "fast, main primary principal chief, correct right accurate, wrong incorrect, simple easy, hard difficult "
    "challenging, kind type, way method manner approach, person individual, people persons individuals, error "
    "mistake, problem issue, idea concept notion, job task, happy glad joyful, smart intelligent clever, rich "
    "wealthy, child kid, children kids, movie film, picture image photo, house home, usually normally typically "
    "generally, maybe perhaps possibly, while whereas, until till, great excellent wonderful, good fine, beautiful "
    "lovely gorgeous, advice guidance, everyone everybody, someone somebody, anyone anybody, although though, among "
    "amongst, toward towards, instead rather, regarding concerning about, via through"
)


def reworded(one: Sequence[str], two: Sequence[str]) -> bool:
    """Whether words in lower case that stand in the same place of two texts tell the same, in other words."""
    here, there = ([word for word in words if word not in DEGREE] for words in (one, two))
    return len(here) == len(there) and all(
        a == b or bool(_senses(a) & _senses(b)) for a, b in zip(here, there, strict=True)
    )


@cache
def _forms() -> dict[str, frozenset[tuple[int, str]]]:
    """Of each word in each form, the groups that it stands in and the form."""
    found: dict[str, set[tuple[int, str]]] = {}
    for place, group in enumerate(_GROUPS.split(", ")):
        for word in group.split():
            for form, spelt in _inflected(word):
                found.setdefault(spelt, set()).add((place, form))
    return {word: frozenset(senses) for word, senses in found.items()}


def _senses(word: str) -> frozenset[tuple[int, str]]:
    return _forms().get(word, frozenset())


def _inflected(word: str) -> Iterator[tuple[str, str]]:
    """A word as it stands, and as a regular verb or noun bends: harmless where no such word is."""
    stem = word[:-1] if word.endswith("e") else word
    yield "", word
    yield "s", word[:-1] + "ies" if word.endswith("y") else word + ("es" if word[-1] in "shx" else "s")
    yield "ed", word[:-1] + "ied" if word.endswith("y") else stem + "ed"
    yield "ing", stem + "ing"

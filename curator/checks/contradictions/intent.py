"""Prompts that ask for the same thing in other words.

Two prompts are taken for one when their intents are equal: canonical openings ("what is the way to" is "how"),
small words left out, endings cut, the other words in their order. Whatever else differs - a number, a
negation, a question word, the direction "from ... to" - keeps them apart; likeness alone never joins them.
"""

from __future__ import annotations

import re

from curator.checks.contradictions.lexicon import lexicon, stem
from curator.text.hashed import fold

_WORD = re.compile(r"[^\W_]+[+#]*|[-+*/=<>%$€£]|[^\w\s.,;:!?'\"()]")
_POSSESSIVE = re.compile(r"(?<![\w ])( *+)([\w ]+?)['’]s (\w+)$")
_FOR_ME = re.compile(r" (?:(?:to|for) me|please)$")
_FRONTED = re.compile(r"^((?:in|on|at|during|for|according to) [^,?.]{2,40}), (.+)$", re.S)


def intent(text: str) -> str:
    """What a prompt asks for, in canonical words; equal for prompts that ask for the same."""
    words = lexicon()
    said = " ".join(fold(text).replace("’", "'").split()).strip(" .?!")
    for _ in range(3):
        shorter = words.lead.sub("", said)
        if shorter == said:
            break
        said = shorter
    said = _FOR_ME.sub("", said)
    fronted = _FRONTED.match(said)
    if fronted:
        said = f"{fronted[2]} {fronted[1]}"
    for pattern, canonical in words.openings:
        opened = pattern.match(said)
        if opened:
            said = opened.expand(canonical) + said[opened.end() :]
            break
    said = _POSSESSIVE.sub(_of, said)
    kept = [stem(word) for word in _WORD.findall(said) if word not in words.droppable]
    return " ".join(kept)


def _of(match: re.Match[str]) -> str:
    """ "france's capital" as "capital of france", behind the opening that stands before it."""
    words = match[2].split()
    head = [word for word in words if word in _OPENED]
    return match[1] + " ".join([*head, match[3], "of", *words[len(head) :]])


_OPENED = frozenset(
    "what who how when where why list write explain name calculate is are the many much tall old long".split()
)

"""How many tokens a rendered row has, and which of them are trained on: one count for all that tell of lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curator.checks.fit.looks import Look, looks
from curator.formats.writing import head
from curator.model import Example, Turn
from curator.targets import Taught
from curator.templates import SPOKEN
from curator.text.content import call_parts, definitions
from curator.tokens import Tokenizer, token_starts

Span = tuple[int, int]
ANSWERS = Taught()


class Sized(NamedTuple):
    """The tokens of one side of a row.

    `starts` are the characters of the render at which its tokens begin, int64, shape (tokens,). `beside` are the
    tokens of what an abridged template leaves out and the model's own writes; they count as masked. `taught` is
    what the loss is taken on.
    """

    look: Look
    starts: np.ndarray
    beside: int
    taught: Taught = ANSWERS

    @property
    def total(self) -> int:
        return len(self.starts) + self.beside

    @property
    def trained(self) -> int:
        return int(self.among(trained_spans(self.look, self.taught)).sum())

    def within(self, span: Span) -> int:
        """The tokens that begin in a span of the render."""
        low, high = np.searchsorted(self.starts, span)
        return int(high - low)

    def among(self, spans: Sequence[Span]) -> np.ndarray:
        """bool, shape (tokens,): the tokens of the trained spans."""
        inside = np.zeros(len(self.starts), dtype=bool)
        for low, high in spans:
            inside[self.first(low) : int(np.searchsorted(self.starts, high))] = True
        return inside

    def first(self, low: int) -> int:
        """The number of the first token of a trained span that begins there.

        Of a block that the template marks it is the one that holds the first character, as transformers has it; else
        the first that begins in the span, as a mask as long as the prompt has it.
        """
        number = int(np.searchsorted(self.starts, low))
        begins = number < len(self.starts) and self.starts[number] == low
        if begins or not number or self.taught.what != "answers":
            return number
        return number - 1 if self.look.template.marks(bool(self.look.said.tools)) else number


def rendered_sides(example: Example, template: str) -> list[Look]:
    """The sides of a row that came to something, human and gpt renamed; none where nothing is rendered."""
    return [look for look in looks(example, template, renamed=True) if look.seen.text] if template else []


def of_strings(example: Example) -> bool:
    """Whether a row is of strings alone, around which some trainers put no chat template."""
    return example.shape != "tokenized" and not any(turn.base for turn in example.all_turns())


def sized(look: Look, tokenizer: Tokenizer, taught: Taught = ANSWERS) -> Sized:
    cuts = [end for span in (*trained_spans(look), *trained_spans(look, taught)) for end in span]
    starts = token_starts(tokenizer, look.seen.text, cuts, look.template.token_pattern())
    return Sized(look, np.array(starts, dtype=np.int64), tokens_beside(look, tokenizer), taught)


def tokens_beside(look: Look, tokenizer: Tokenizer) -> int:
    """Tokens of what an abridged template leaves out of a row: tools, calls and results."""
    if not look.abridged:
        return 0
    calls = [part for turn in look.said.turns for part in call_parts(turn)]
    left = [*definitions(look.example), *calls, *(look.text_of(key) for key in look.seen.lost if key[1] in SPOKEN)]
    return sum(tokenizer.count(left)) if left else 0


def trained_spans(look: Look, taught: Taught = ANSWERS) -> list[Span]:
    """The spans of a render that the loss is taken on."""
    if taught.what == "all":
        return [(0, len(look.seen.text))]
    if taught.what == "reply":
        return _reply_spans(look)
    trained = list(look.seen.trained)
    if taught.last_alone(bool(look.said.tools)):
        trained = _last_spans(look, trained)
    if not taught.weighted:
        return trained
    unweighted = [
        span for key, span in look.seen.places.items() if look.turn_of(key).weight == 0 and key[1] == "content"
    ]
    return [(low, high) for low, high in trained if not any(low <= start and end <= high for start, end in unweighted)]


def _last_spans(look: Look, trained: list[Span]) -> list[Span]:
    """The trained spans of the last answer: those behind the texts of all others."""
    last = max((n for n, turn in enumerate(look.said.turns) if turn.role == "assistant"), default=-1)
    before = max((start for (n, _, _), (start, _) in look.seen.places.items() if n < last), default=-1)
    return [(low, high) for low, high in trained if low > before]


def _reply_spans(look: Look) -> list[Span]:
    """From the first answer of the reply to the end; answers before it are part of the prompt."""
    paths = {turn.path for turn in replies(look.example)}
    said = [span for key, span in look.seen.places.items() if look.turn_of(key).path in paths]
    begun = [low for low, high in look.seen.trained if any(low <= start and end <= high for start, end in said)]
    return [(min(begun), len(look.seen.text))] if begun else list(look.seen.trained)


def replies(example: Example) -> tuple[Turn, ...]:
    """The turns of the reply: both sides of a pair, else what stands in the column of the last turn."""
    if example.chosen or example.rejected:
        return example.chosen + example.rejected
    last = head(example.turns[-1].path) if example.turns else ""
    return tuple(turn for turn in example.turns if head(turn.path) == last)


def teaches(example: Example, turn: Turn, taught: Taught) -> bool:
    """Whether the loss is taken on a turn."""
    if taught.what == "all":
        return True
    if taught.what == "reply":
        return turn in replies(example)
    if taught.last_alone(bool(example.tools)):
        last = next((each for each in reversed(example.turns) if each.role == "assistant"), turn)
        if turn.path != last.path:
            return False
    return turn.role == "assistant" and (turn.weight != 0 or not taught.weighted)


def merged(spans: list[Span]) -> list[Span]:
    """The same characters in spans that do not overlap, in order."""
    apart: list[Span] = []
    for low, high in sorted(spans):
        if apart and low <= apart[-1][1]:
            apart[-1] = apart[-1][0], max(apart[-1][1], high)
        else:
            apart.append((low, high))
    return apart

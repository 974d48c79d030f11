"""What of a row is trained on, and what is masked: its render cut where training begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from curator import tokens
from curator.checks.fit import looks
from curator.checks.length import trained_spans
from curator.model import Example
from curator.private.masking import masked_value
from curator.text.content import turn_parts
from curator.text.excerpt import visible
from curator.tokens import Tokenizer


class Part(msgspec.Struct, frozen=True):
    """A part of the rendered row: a run of text that is trained on, or one that is not."""

    text: str
    tokens: int
    trained: bool


class RenderShown(msgspec.Struct, frozen=True):
    """One side of a row as the template renders it; `error` says why nothing came out.

    Where no template is named the parts are the turns themselves, and `template` is empty.
    """

    template: str
    parts: tuple[Part, ...]
    error: str = ""

    def count(self, trained: bool) -> int:
        return sum(part.tokens for part in self.parts if part.trained is trained)


def shielded(shown: RenderShown, known: Iterable[tuple[str, str]]) -> RenderShown:
    """The render with private values masked: those that are `known` (value, kind), and those it gives away."""
    known = tuple(known)
    parts = tuple(msgspec.structs.replace(part, text=masked_value(part.text, known)) for part in shown.parts)
    return msgspec.structs.replace(shown, parts=parts, error=masked_value(shown.error, known))


def renders(example: Example, spec: str, tokenizer: Tokenizer) -> Iterator[RenderShown]:
    """Each side of the row as the template renders it; without a template, or for rows without one, its texts."""
    seen = looks(example, spec) if spec else ()
    for look in seen:
        text, name = look.seen.text, look.template.name
        if look.seen.error:
            yield RenderShown(name, (), look.seen.error)
            continue
        trained = trained_spans(look)
        borders = sorted({0, len(text), *(end for span in trained for end in span)})
        spans = list(pairwise(borders))
        counts = tokens.count_rendered(tokenizer, [text[slice(*span)] for span in spans], look.template.token_pattern())
        inside = [any(low <= start < high for low, high in trained) for start, _ in spans]
        yield RenderShown(
            name, tuple(Part(text[slice(*span)], n, on) for span, n, on in zip(spans, counts, inside, strict=True))
        )
    if not seen:
        yield from _bare(example, tokenizer)


def _bare(example: Example, tokenizer: Tokenizer) -> Iterator[RenderShown]:
    whole = example.shape == "text"  # all of it is trained on
    for turns in example.sides():
        texts = ["\n".join(part for part in turn_parts([turn]) if part) for turn in turns]
        taught = [whole or (turn.role == "assistant" and turn.weight != 0) for turn in turns]
        parts = zip(texts, tokenizer.count(texts), taught, strict=True)
        yield RenderShown("", tuple(Part(f"{text}\n", n, on) for text, n, on in parts if text))


def trained_tokens(example: Example, spec: str, tokenizer: Tokenizer) -> int:
    """Tokens of the row that the loss is taken on; of a preference pair those of the longer side."""
    return max((shown.count(True) for shown in renders(example, spec, tokenizer)), default=0)


_GREEN, _DIM, _PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


def lines(render: RenderShown, colour: bool) -> Iterator[str]:
    """A render with what is trained in green, or between ⟦ and ⟧ where there are no colours."""
    if render.error:
        yield f"rendered with {render.template}: refused: {visible(render.error)}"
        return
    how = "in green" if colour else "between ⟦ and ⟧"
    total, trained = sum(part.tokens for part in render.parts), render.count(True)
    what = f"rendered with {render.template}" if render.template else "without a template"
    yield f"{what}: {total:,} tokens, {trained:,} of them trained ({how}), {total - trained:,} masked"
    text = ""
    for part in render.parts:
        before, after = (_GREEN if part.trained else _DIM, _PLAIN) if colour else ("⟦", "⟧")
        marked = part.trained or colour
        shown = [visible(line) for line in part.text.split("\n")]
        # marked line by line, so that each line tells by itself
        text += "\n".join(f"{before}{line}{after}" if line and marked else line for line in shown)
    yield from (f"    {line}" for line in text.rstrip("\n").split("\n"))

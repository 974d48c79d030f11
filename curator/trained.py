"""What of a row is trained on, and what is masked: its render cut where training begins and ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from curator.checks.fit import looks
from curator.checks.fit.sizes import ANSWERS, Sized, merged, rendered_sides, sized, teaches, trained_spans
from curator.model import Example, Turn
from curator.private.masking import masked_value
from curator.targets import Taught
from curator.text.content import definitions, token_ids, turn_parts
from curator.text.excerpt import visible
from curator.tokens import Tokenizer


class Part(msgspec.Struct, frozen=True):
    """A part of the rendered row: a run of text that is trained on, or one that is not."""

    text: str
    tokens: int
    trained: bool


class RenderShown(msgspec.Struct, frozen=True):
    """One side of a row as the template renders it.

    `error` says why nothing came out: the parts are then the turns themselves, as they are where no template is
    named and `template` is empty. `renamed` says that the roles human and gpt were handed on as user and
    assistant. `beside` are the tokens of what the template leaves out and the model's own writes.
    """

    template: str
    parts: tuple[Part, ...]
    error: str = ""
    renamed: bool = False
    beside: int = 0

    def count(self, trained: bool) -> int:
        return sum(part.tokens for part in self.parts if part.trained is trained) + (0 if trained else self.beside)

    @property
    def tokens(self) -> int:
        return self.count(True) + self.count(False)


class Counted(NamedTuple):
    """Tokens of a row as trained, and those of them that the loss is taken on; of a pair the longer side of each."""

    tokens: int
    trained: int


def shielded(shown: RenderShown, known: Iterable[tuple[str, str]]) -> RenderShown:
    """The render with private values masked: those that are `known` (value, kind), and those it gives away."""
    known = tuple(known)
    parts = tuple(msgspec.structs.replace(part, text=masked_value(part.text, known)) for part in shown.parts)
    return msgspec.structs.replace(shown, parts=parts, error=masked_value(shown.error, known))


def renders(example: Example, spec: str, tokenizer: Tokenizer, taught: Taught = ANSWERS) -> Iterator[RenderShown]:
    """Each side of the row as the template renders it; without a template, or for rows without one, its texts."""
    bare = list(_bare(example, tokenizer, taught))
    seen = looks(example, spec, renamed=True) if spec else ()
    for number, look in enumerate(seen):
        if look.seen.text:
            yield _shown(sized(look, tokenizer, taught))
        else:
            parts = bare[number].parts if number < len(bare) else ()
            yield RenderShown(look.template.name, parts, look.seen.error or "nothing came out")
    if not seen:
        yield from bare


def _shown(found: Sized) -> RenderShown:
    look, text = found.look, found.look.seen.text
    trained = merged(trained_spans(look, found.taught))
    borders = sorted({0, len(text), *(end for span in trained for end in span)})
    begun = {low: found.first(low) for low, _ in trained}
    ahead = [begun.get(at, found.within((0, at))) for at in borders]  # tokens before each border
    spans = zip(pairwise(borders), pairwise(ahead), strict=True)
    parts = [Part(text[low:high], to - since, (low, high) in trained) for (low, high), (since, to) in spans]
    renamed = any(turn.said != turn.role for turn in look.said.turns if turn.role in ("user", "assistant"))
    return RenderShown(look.template.name, tuple(parts), "", renamed and look.example.shape == "sharegpt", found.beside)


def _bare(example: Example, tokenizer: Tokenizer, taught: Taught) -> Iterator[RenderShown]:
    if ids := token_ids(example):
        yield RenderShown("", tuple(Part(_said(end - start), end - start, on) for start, end, on in ids.runs()))
        return
    tools = definitions(example)
    ahead = [Part("\n".join(tools) + "\n", sum(tokenizer.count(tools)), taught.what == "all")] if tools else []
    for turns in example.sides():
        parts = [_bare_part(turn, tokenizer, teaches(example, turn, taught)) for turn in turns]
        yield RenderShown("", (*ahead, *(part for part in parts if part.text != "\n")))


def _said(ids: int) -> str:
    return f"{ids:,} token ids\n"


def _bare_part(turn: Turn, tokenizer: Tokenizer, trained: bool) -> Part:
    said = [part for part in turn_parts([turn]) if part]
    return Part("\n".join(said) + "\n", sum(tokenizer.count(said)) if said else 0, trained)


def counted(example: Example, spec: str, tokenizer: Tokenizer, taught: Taught = ANSWERS) -> Counted:
    """The tokens that `renders` shows; of a pair of which one side is refused those of the other."""
    if ids := token_ids(example):
        return Counted(ids.tokens, int(ids.trained.sum()))
    if seen := rendered_sides(example, spec):
        sides = [sized(look, tokenizer, taught) for look in seen]
        return Counted(max(side.total for side in sides), max(side.trained for side in sides))
    shown = list(_bare(example, tokenizer, taught))
    return Counted(
        max((side.tokens for side in shown), default=0), max((side.count(True) for side in shown), default=0)
    )


_GREEN, _DIM, _PLAIN = "\x1b[32m", "\x1b[2m", "\x1b[0m"


def lines(render: RenderShown, colour: bool) -> Iterator[str]:
    """A render with what is trained in green, or between ⟦ and ⟧ where there are no colours."""
    how = "in green" if colour else "between ⟦ and ⟧"
    total, trained = render.tokens, render.count(True)
    what = f"rendered with {render.template}" if render.template else "without a template"
    if render.renamed:
        what += ", its roles renamed to user and assistant"
    if render.error:
        yield f"{what}: refused: {visible(render.error)}"
        yield f"its texts: {total:,} tokens, {trained:,} of them trained"
        return
    beside = f", {render.beside:,} of these for what the template leaves out of tools" if render.beside else ""
    yield f"{what}: {total:,} tokens, {trained:,} of them trained ({how}), {total - trained:,} masked{beside}"
    text = ""
    for part in render.parts:
        before, after = (_GREEN if part.trained else _DIM, _PLAIN) if colour else ("⟦", "⟧")
        marked = part.trained or colour
        shown = [visible(line) for line in part.text.split("\n")]
        # marked line by line, so that each line tells by itself
        text += "\n".join(f"{before}{line}{after}" if line and marked else line for line in shown)
    yield from (f"    {line}" for line in text.rstrip("\n").split("\n"))

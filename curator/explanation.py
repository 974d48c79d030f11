"""`curator explain FILE LINE`: everything known of one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from curator import engine, templates, tokens
from curator.checks.fit import looks
from curator.checks.length import trained_spans
from curator.columns import UNSET, content_id, parse
from curator.errors import UsageError
from curator.excerpt import visible
from curator.formats import Reader
from curator.model import Example, Finding, Place, TokenCount
from curator.sources import cut, open_sources, read

if TYPE_CHECKING:
    from curator.config import Config


class TurnShown(msgspec.Struct, frozen=True):
    """A turn with its tokens; `trained` is False where the loss is not taken on it."""

    role: str
    path: str
    text: str
    tokens: int
    trained: bool


class Part(msgspec.Struct, frozen=True):
    """A part of the rendered row: a run of text that is trained on, or one that is not."""

    text: str
    tokens: int
    trained: bool


class RenderShown(msgspec.Struct, frozen=True):
    """One side of a row as the template renders it; `error` says why nothing came out."""

    template: str
    parts: tuple[Part, ...]
    error: str = ""

    def count(self, trained: bool) -> int:
        return sum(part.tokens for part in self.parts if part.trained is trained)


class Explanation(msgspec.Struct, frozen=True):
    """One row: where it stands, how it was read, what was found in it and which rows point at it.

    `renders` holds what the chat template makes of it, where a model or template is named: one conversation,
    or one for each side of a preference pair.
    """

    place: Place
    row: str
    shape: str
    split: str
    turns: tuple[TurnShown, ...]
    tokens: TokenCount
    findings: tuple[Finding, ...]
    named_by: tuple[Finding, ...]
    value: Any
    raw: str
    renders: tuple[RenderShown, ...] = ()


def explain(file: str | Path, line: int, config: Config, *, beside: Sequence[str | Path] = ()) -> Explanation:
    """Everything known of line `line` (from 1) of `file`, linted with the files `beside` it as one set.

    Raises:
        UsageError: the file has no such line.
        SourceError: a path is missing, or cannot be read as data.
    """
    path = str(file)
    raw, split = _line(path, line)
    value = parse(raw.removeprefix(b"\xef\xbb\xbf"))
    example = Reader(config.shape, dict(config.map)).read(value) if isinstance(value, dict) else None
    report = engine.lint([path, *beside], config)
    here = Place(path, line)
    mine = tuple(f for f in report.findings if (f.file, f.line) == (path, line))
    named_by = tuple(f for f in report.findings if here in f.related)
    tokenizer = tokens.resolve(config.counter)
    spec = templates.spec_of(config.template, config.model)
    shown = turns_shown(example, tokenizer)
    total = TokenCount(tokenizer.name, tokenizer.exact, sum(t.tokens for t in shown), tokenizer.error)
    return Explanation(
        here,
        content_id(value, raw).hex(),
        example.shape if example else "unknown",
        split,
        shown,
        total,
        mine,
        named_by,
        None if value is UNSET else value,
        raw.decode("utf-8", "backslashreplace"),
        tuple(renders(example, spec, tokenizer)) if example and spec else (),
    )


def renders(example: Example, spec: str, tokenizer: tokens.Tokenizer) -> Iterator[RenderShown]:
    """Each side of the row as the template renders it, cut where training begins and ends."""
    for look in looks(example, spec):
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


def _line(path: str, line: int) -> tuple[bytes, str]:
    last = 0
    with open_sources([path]) as sources:
        for source in sources:
            first = 0
            for span in cut(source):
                lines = read(source, span).split(b"\n")
                numbers = source.lines(first, len(lines) - (lines[-1] == b""))
                first += len(numbers)
                for number, raw in zip(numbers, lines, strict=False):
                    if number == line:
                        return raw, source.split
                    last = number
    raise UsageError(f"there is no row at line {line}", where=path, hint=f"the last row stands at line {last}")


def turns_shown(example: Example | None, tokenizer: tokens.Tokenizer) -> tuple[TurnShown, ...]:
    if example is None:
        return ()
    turns = example.all_turns()
    counts = tokenizer.count([turn.text for turn in turns])
    return tuple(
        TurnShown(turn.role, turn.path, turn.text, n, turn.role == "assistant" and turn.weight != 0)
        for turn, n in zip(turns, counts, strict=True)
    )


def as_json(result: Explanation) -> bytes:
    """The explanation as one JSON object; lone surrogates in the row are shown as escapes."""
    try:
        body = msgspec.json.encode(result)
    except UnicodeEncodeError:
        body = msgspec.json.encode(msgspec.structs.replace(result, value=None, turns=()))
    return msgspec.json.format(body, indent=2) + b"\n"


_GREEN, _PLAIN = "\x1b[32m", "\x1b[0m"


def _shown(render: RenderShown, colour: bool) -> Iterator[str]:
    """A render with what is trained in green, or between ⟦ and ⟧ where there are no colours."""
    if render.error:
        yield f"rendered with {render.template}: refused: {visible(render.error)}"
        return
    how = "in green" if colour else "between ⟦ and ⟧"
    total, trained = sum(part.tokens for part in render.parts), render.count(True)
    yield f"rendered with {render.template}: {total:,} tokens, {trained:,} of them trained ({how})"
    before, after = (_GREEN, _PLAIN) if colour else ("⟦", "⟧")
    text = ""
    for part in render.parts:
        lines = [visible(line) for line in part.text.split("\n")]
        if part.trained:  # marked line by line, so that each line tells by itself
            lines = [f"{before}{line}{after}" if line else line for line in lines]
        text += "\n".join(lines)
    yield from (f"    {line}" for line in text.split("\n"))


def as_text(result: Explanation, *, colour: bool = False) -> str:
    """The explanation for a terminal."""
    split = f", split {result.split}" if result.split else ""
    lines = [
        f"{result.place.file}:{result.place.line}  {result.shape}{split}  {result.tokens}",
        f"content id {result.row}",
        "",
    ]
    for turn in result.turns:
        trained = "trained" if turn.trained else "not trained"
        lines.append(f"{turn.role}  {turn.path}  {turn.tokens:,} tokens, {trained}")
        lines += [f"    {visible(part)}" for part in turn.text.split("\n")]
    if not result.turns:
        lines.append(visible(result.raw[:2000]))
    for render in result.renders:
        lines += ["", *_shown(render, colour)]
    lines += ["", "findings" if result.findings else "no findings"]
    for finding in result.findings:
        lines.append(
            f"  {finding.code} {finding.name} ({finding.severity}) {finding.path or 'row'}: {visible(finding.message)}"
        )
        if finding.fix:
            lines.append(f"      {finding.fix.safety} fix: {finding.fix.title}")
        lines += [f"      see {place.file}:{place.line}" for place in finding.related]
    if result.named_by:
        lines += ["", "rows that point here"]
        lines += [f"  {f.file}:{f.line}  {f.code} {f.name}: {visible(f.message)}" for f in result.named_by]
    return "\n".join(lines) + "\n"

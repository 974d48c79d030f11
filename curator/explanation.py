"""`curator explain FILE LINE`: everything known of one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from curator import decisions, engine, targets, templates, tokens
from curator.checks.fit.sizes import ANSWERS, teaches
from curator.columns import UNSET, content_id, parse
from curator.errors import UsageError
from curator.formats import Reader
from curator.formats.dialects import said_of
from curator.model import Decision, Example, Finding, Place, TokenCount
from curator.private.masking import masked_value
from curator.private.rows import values_of_row
from curator.report.places import stretches
from curator.sources import cut, light, open_sources, read
from curator.text.brokenjson import Heavy
from curator.text.content import definitions, token_ids, turn_parts, written
from curator.text.excerpt import visible
from curator.trained import RenderShown, renders, shielded
from curator.trained import lines as shown_lines

if TYPE_CHECKING:
    from curator.config import Config


_SPLITS = ("train", "valid", "test")  # a file of another name is no split


class TurnShown(msgspec.Struct, frozen=True):
    """A turn with its tokens; `trained` is False where the loss is not taken on it.

    `calls` are written as name(arguments). `tokens` counts text, reasoning and calls.
    """

    role: str
    path: str
    text: str
    tokens: int
    trained: bool
    reasoning: str = ""
    calls: tuple[str, ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """One row: where it stands, how it was read, what was found in it and which rows point at it.

    Of a row too heavy to be judged `raw` is the beginning.
    `renders` holds what the chat template makes of it, where a model or template is named: one conversation,
    or one for each side of a preference pair. `tools` are the tools it declares, each as JSON.
    `loss` says on what of it the target takes the loss, where one is named.
    `decided` are the decisions that stand about the row or what is found in it, and the edit it came from.
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
    tools: tuple[str, ...] = ()
    decided: tuple[Decision, ...] = ()
    loss: str = ""


def explain(
    file: str | Path, line: int, config: Config, *, beside: Sequence[str | Path] = (), reveal: bool = False
) -> Explanation:
    """Everything known of line `line` (from 1) of `file`, linted with the files `beside` it as one set.

    Private values are masked, unless they are to be revealed.

    Raises:
        UsageError: the file has no such line, or is standard input.
        SourceError: a path is missing, or cannot be read as data.
    """
    path = str(file)
    if "-" in (path, *map(str, beside)):
        raise UsageError("a row is looked up more than once, and standard input is read once", hint="name a file")
    row, split, line = _line(path, line)
    raw, value = (row.opening, UNSET) if isinstance(row, Heavy) else (row, parse(row.removeprefix(b"\xef\xbb\xbf")))
    identity = row.digest.hex() if isinstance(row, Heavy) else content_id(value, raw).hex()
    example = Reader(config.shape, _columns(path, config)).read(value) if isinstance(value, dict) else None
    report = engine.lint([path, *beside], config)
    here = Place(path, line)
    mine = tuple(f for f in report.findings if (f.file, f.line) == (path, line))
    named_by = tuple(f for f in report.findings if here in f.related)
    tokenizer = tokens.resolve(config.counter)
    spec = templates.spec_of(config.template, config.model)
    taught = targets.taught(config.target, example.shape) if example else ANSWERS
    shown = turns_shown(example, tokenizer, taught)
    tools = definitions(example) if example else []
    ids = token_ids(example) if example else None
    given = ids.tokens if ids else 0
    count = sum(t.tokens for t in shown) + sum(tokenizer.count(tools)) + given
    total = TokenCount(tokenizer.name, tokenizer.exact, count, tokenizer.error, given, config.foreign_template)
    result = Explanation(
        here,
        identity,
        said_of(example) if example else "unknown",
        split,
        shown,
        total,
        mine,
        named_by,
        None if value is UNSET else value,
        raw.decode("utf-8", "backslashreplace"),
        tuple(renders(example, spec, tokenizer, taught)) if example and spec else (),
        tuple(tools),
        tuple(_decided([path, *map(str, beside)], identity, mine)),
        targets.load(config.target).taught_said(example.shape) if config.target and example else "",
    )
    return result if reveal else _masked(result)


def _decided(paths: Sequence[str], row: str, found: Sequence[Finding]) -> Iterator[Decision]:
    """What stands in the decisions kept beside the data about a row, by its content."""
    ids = {finding.id for finding in found}
    for decision in decisions.standing(decisions.beside(paths).decisions):
        if row in (decision.row, decision.after) or decision.finding in ids:
            yield decision


def _masked(result: Explanation) -> Explanation:
    """The explanation without the private values of the row: every text of it is shown from here on."""
    told = [text for turn in result.turns for text in (turn.text, turn.reasoning, *turn.calls)]
    known = values_of_row(result.value, [*told, *result.tools])
    replace = msgspec.structs.replace
    turns = tuple(
        replace(
            turn,
            text=masked_value(turn.text, known),
            reasoning=masked_value(turn.reasoning, known),
            calls=masked_value(turn.calls, known),
        )
        for turn in result.turns
    )
    renders = tuple(shielded(render, known) for render in result.renders)
    raw = masked_value(result.raw, known)
    value, tools = masked_value(result.value, known), masked_value(result.tools, known)
    return replace(result, turns=turns, renders=renders, value=value, raw=raw, tools=tools)


def _columns(path: str, config: Config) -> dict[str, str]:
    """What of the column map applies to the file."""
    if not config.map:
        return {}
    with open_sources([path]) as sources:
        return engine.columns_of(sources[0], config.map, forced=config.map_forced)


def _line(path: str, line: int) -> tuple[bytes | Heavy, str, int]:
    """(row, split, the line it begins on) of the row that holds a line: one of an array may stand on several."""
    last = 0
    held: tuple[bytes | Heavy, str] = (b"", "")
    with open_sources([path]) as sources:
        for source in sources:
            if source.path != path:
                raise UsageError("a row is in one file", where=path, hint=f"name it, such as {source.path}")
            first = 0
            for span in cut(source):
                data = light(span, partial(read, source))
                lines: list[Any] = [data] if isinstance(data, Heavy) else data.removesuffix(b"\n").split(b"\n")
                numbers = source.lines(first, len(lines))
                first += len(numbers)
                for number, raw in zip(numbers, lines, strict=True):
                    if number == line:
                        return raw, source.split, number
                    if last < line < number and last:
                        return *held, last
                    last, held = number, (raw, source.split)
            if 0 < last < line and source.container.startswith("json-") and _in_last(path, line):
                return *held, last
    raise UsageError(f"there is no row at line {line}", where=path, hint=f"the last row stands at line {last}")


def _in_last(path: str, line: int) -> bool:
    """Whether a line after the first of the last row of an array belongs to that row: it does not close the array."""
    try:
        with Path(path).open("rb") as file:
            found = next(islice(file, line - 1, None), b"]")
    except OSError:  # an address
        return False
    return not found.lstrip().startswith(b"]") or found[:1].isspace()


def turns_shown(
    example: Example | None, tokenizer: tokens.Tokenizer, taught: targets.Taught = ANSWERS
) -> tuple[TurnShown, ...]:
    if example is None:
        return ()
    turns = example.all_turns()
    return tuple(
        TurnShown(
            turn.role, turn.path, turn.text, sum(tokenizer.count(turn_parts([turn]))),
            teaches(example, turn, taught), turn.reasoning or "",
            tuple(f"{call.name}({written(call.arguments if call.raw is None else call.raw)})" for call in turn.calls),
        )
        for turn in turns
    )  # fmt: skip


def as_json(result: Explanation) -> bytes:
    """The explanation as one JSON object; lone surrogates in the row are shown as escapes."""
    try:
        body = msgspec.json.encode(result)
    except UnicodeEncodeError:
        body = msgspec.json.encode(msgspec.structs.replace(result, value=None, turns=()))
    return msgspec.json.format(body, indent=2) + b"\n"


def as_text(result: Explanation, *, colour: bool = False) -> str:
    """The explanation for a terminal."""
    split = f", split {result.split}" if result.split in _SPLITS else ""
    lines = [
        f"{visible(result.place.file)}:{result.place.line}  {result.shape}{split}  {result.tokens}",
        f"content id {result.row}",
        *([result.loss] if result.loss else []),
        "",
    ]
    for turn in result.turns:
        trained = "trained" if turn.trained else "not trained"
        lines.append(visible(f"{turn.role}  {turn.path}  {turn.tokens:,} tokens, {trained}"))
        lines += _said(turn)
    if not result.turns:
        lines.append(visible(result.raw[:2000]))
    if result.tools:
        lines += ["tools", *(f"    {visible(tool)}" for tool in result.tools)]
    for render in result.renders:
        lines += ["", *shown_lines(render, colour)]
    lines += ["", "findings" if result.findings else "no findings"]
    for finding in result.findings:
        lines.append(
            f"  {finding.code} {finding.name} ({finding.severity}) "
            + visible(f"{finding.path or 'row'}: {finding.message}")
        )
        if finding.fix:
            lines.append(f"      {finding.fix.safety} fix: {finding.fix.title}")
        lines += _see(finding.related)
    if result.decided:
        lines += ["", "decisions", *(_verdict(decision, result.row) for decision in result.decided)]
    if result.named_by:
        lines += ["", "rows that point here"]
        lines += [
            f"  {visible(f.file)}:{f.line}  {f.code} {f.name}: {visible(f.message)}" for f in result.named_by[:_SEEN]
        ]
        if len(result.named_by) > _SEEN:
            lines.append(f"  and {len(result.named_by) - _SEEN:,} more: --format json lists them")
    return "\n".join(lines) + "\n"


_SEEN = 8  # other rows that are named, of a finding and of those that point at the row


def _see(related: Sequence[Place]) -> Iterator[str]:
    """The other rows of a finding, of many the first ones, and how many more there are."""
    left = len(related)
    for file, first, last in islice(stretches(related), _SEEN):
        yield f"      see {visible(file)}:{first}{f'-{last}' if last > first else ''}"
        left -= last - first + 1
    if left:
        yield f"      and {left:,} more: --format json lists them"


def _verdict(decision: Decision, row: str) -> str:
    """One decision on a line: curator clean does what it says."""
    what = "the row is what an edit made" if row == decision.after != decision.row else decision.verdict
    code = "" if decision.whole or not decision.code else f" {decision.code}"
    lapsed = f", until {decision.expires}" if decision.expires else ""
    why = f": {decision.why}" if decision.why else ""
    return visible(f"  {what}{code} by {decision.who or 'somebody'} on {decision.when[:10]}{lapsed}{why}")


def _said(turn: TurnShown) -> Iterator[str]:
    """What a turn says, line by line: its reasoning, its text and its calls."""
    if turn.reasoning:
        yield "    reasoning"
        yield from (f"        {visible(part)}" for part in turn.reasoning.split("\n"))
    if turn.text or not (turn.calls or turn.reasoning):
        yield from (f"    {visible(part)}" for part in turn.text.split("\n"))
    yield from (f"    calls {visible(call)}" for call in turn.calls)

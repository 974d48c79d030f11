"""The loss table in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from curator.conversion.result import Conversion
from curator.text.encodings import json_of
from curator.text.excerpt import visible

_HEADS: Mapping[str, str] = {
    "lost": "{to} cannot hold",
    "form": "comes back in another form",
    "unfit": "cannot be converted",
}


def as_json(result: Conversion) -> bytes:
    return msgspec.json.format(json_of(result), indent=2) + b"\n"


def as_text(result: Conversion, again: str = "") -> str:
    """The loss table and what was done, for a terminal; `again` is the command as it was typed."""
    lines = [f"{file.path}: {file.rows:,} rows of {file.shape}" for file in result.files]
    width = max([0, *(len(visible(loss.what)) for loss in result.table), *map(len, _heads(result))])
    digits = max([len("rows"), *(len(f"{loss.rows:,}") for loss in result.table)])
    for kind, head in _HEADS.items():
        losses = [loss for loss in result.table if loss.kind == kind]
        if losses:
            lines += ["", f"{head.format(to=result.to):{width}}  {'rows':>{digits}}  first"]
        for loss in losses:
            place = f"{loss.first.file}:{loss.first.line}"
            lines.append(f"{visible(loss.what):{width}}  {loss.rows:>{digits},}  {visible(place)}")
    lines.append("")
    lines += _done(result) if result.ok else _refused(result, again)
    return "\n".join(lines) + "\n"


def _heads(result: Conversion) -> list[str]:
    return [_HEADS[loss.kind].format(to=result.to) for loss in result.table]


def _done(result: Conversion) -> Iterator[str]:
    if not result.table:
        yield "nothing is lost: every row was converted back and came out as it was"
    if result.table and all(loss.kind == "form" for loss in result.table):
        yield "the meaning stays: every row was converted back, and some came out in another form"
    for file in result.files:
        yield f"{file.written:,} rows written to {file.output}"
    if result.rejected:
        yield f"{sum(file.unfit for file in result.files):,} rows that cannot be converted, in {result.rejected}"
    if result.info:
        yield f"the entry for LLaMA-Factory is in {result.info}"
    yield from (f"note: {note}" for note in result.notes)


def _refused(result: Conversion, again: str) -> Iterator[str]:
    if sum(file.unfit for file in result.files) == result.rows:
        yield "nothing was written: no row can be converted"
        return
    yield "nothing was written"
    if not any(loss.kind == "lost" for loss in result.table):
        yield f"to write the rest, and these rows to a file of their own: {again} --rejected rejected.jsonl"
    else:
        yield f"to write the rows without all this: {again} --allow-loss"

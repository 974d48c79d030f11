"""The result of `clean`, as a table for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from curator.cleaning.result import CleanResult, Loss, Unapplied
from curator.text.encodings import json_of
from curator.text.excerpt import visible


def as_json(result: CleanResult) -> bytes:
    return msgspec.json.format(json_of(result), indent=2) + b"\n"


def as_text(result: CleanResult) -> str:
    """The loss table and what was done, for a terminal."""
    head = ("file", "rows", "mended", "rejected", "joined", "gained", "written", "to")
    table = [head] + [
        (loss.path, *map("{:,}".format, _numbers(loss)), loss.output) for loss in result.losses
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    lines = ["  ".join(_cell(n, text, widths[n]) for n, text in enumerate(row)).rstrip() for row in table]
    gone = {"with a rejected row": result.with_rows, "with a mend of another finding": result.with_others}
    lines += ["", *told(result.fixed, result.rejected_for, result.left, where=result.rejected, gone=gone)]
    if result.former:
        lines.append(f"rejected rows of other data were there: they are in {result.former} now")
    if result.applied or result.unapplied:
        lines.append(f"decisions applied: {result.applied:,}, not applied: {len(result.unapplied):,}")
    lines += unapplied_told(result.unapplied)
    if not result.stable:
        lines.append("some fixes could not be made, or undid each other")
    return "\n".join(lines) + "\n"


NOT_APPLIED = "  not applied: "


def unapplied_told(unapplied: Sequence[Unapplied], most: int = 10) -> list[str]:
    """The decisions that nothing was done for, a line each with its reason, as many as are told."""
    lines = [visible(f"{NOT_APPLIED}{each}") for each in unapplied[:most]]
    return lines + ([f"{NOT_APPLIED}{len(unapplied) - most:,} more"] if len(unapplied) > most else [])


def told(
    mended: Mapping[str, int],
    rejected: Mapping[str, int],
    left: Mapping[str, int],
    *,
    where: str = "",
    gone: Mapping[str, Mapping[str, int]] | None = None,
) -> list[str]:
    """What became of findings and rows, by code: a line each.

    `where` names the file of the rejected rows; `gone` counts, by what they went with, the findings that are neither.
    """
    return [
        f"findings mended: {_codes(mended) or 'none'}",
        f"rows rejected{f', in {where}' if where and rejected else ''}: {_codes(rejected) or 'none'}",
        *(f"findings gone {how}: {_codes(counts)}" for how, counts in (gone or {}).items() if counts),
        f"findings left: {_codes(left) or 'none'}",
    ]


def _numbers(loss: Loss) -> tuple[int, ...]:
    return loss.rows, loss.mended, loss.rejected, loss.joined, loss.gained, loss.written


def _cell(column: int, text: str, width: int) -> str:
    return text.rjust(width) if 0 < column < 7 else text.ljust(width)


def _codes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {number:,}" for code, number in sorted(counts.items()))

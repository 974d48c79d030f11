"""Groups of rows as a page shows them: each row beside the one that is suggested to stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from curator.errors import CuratorError, UsageError
from curator.review.desk import Desk
from curator.review.index import KINDS
from curator.review.safe import clipped, parts, plain
from curator.review.showing import row_compared

PAGE = 12  # groups shown at once
SUGGESTING = tuple(sorted(KINDS))  # rules whose fix names the row that stays
MEMBERS = 12  # rows of a group that are shown at once


def shown(desk: Desk, numbers: list[int], starts: Mapping[int, int] | None = None) -> dict[str, Any]:
    """Groups as the page draws them; of one with very many rows those from the row on that `starts` tells (from 0)."""
    return {"groups": [_group(desk, number, (starts or {}).get(number, 0)) for number in numbers]}


def turned(said: Any) -> tuple[int, int] | None:
    """(the group, the first row to show) of a click that turns the rows of a group; None for what makes no sense."""
    group, start = (said.get("group"), said.get("from")) if isinstance(said, dict) else (None, None)
    if type(group) is not int or type(start) is not int or start < 0:
        return None
    return group, start - start % MEMBERS


def _group(desk: Desk, number: int, start: int) -> dict[str, Any]:
    members = desk.members(number)
    entries = desk.group_entries(number)
    goes, state = desk.of_group(number)
    settled = any(goes) or any(entry.status in ("accept", "keep", "drop") for entry in entries)
    first = next((m for m in members if not m["finding"]), members[0])
    base = _row(desk, first)
    pair = next((_row(desk, m) for m in members if m is not first), None) if len(members) == 2 else None
    start = start if start < len(members) else 0
    window = list(zip(members, goes, strict=True))[start : start + MEMBERS]
    if first not in [member for member, _ in window]:  # the row that the others are compared with
        window.insert(0, (first, goes[members.index(first)]))
    out = []
    for member, gone in window:
        out.append(
            {
                "row": member["row"],
                "place": f"{plain(member['file'].rpartition('/')[2])}:{member['line']}",
                "suggested": member is first and entries[0].finding.fix is not None,
                "state": "goes" if gone else "stays" if settled else "",
                "turns": _turns(desk, member, pair or base if member is first else base),
            }
        )
    told = entries[0].finding.message if entries else ""
    return {
        "number": number,
        "state": state,
        "size": len(members),
        "from": start,
        "page": MEMBERS,
        "members": out,
        "codes": ", ".join(sorted({f"{e.finding.code} {e.finding.name}" for e in entries})),
        "told": parts(told[:300]),
    }


def _row(desk: Desk, member: dict[str, Any]) -> Any:
    try:
        return desk.example(desk.raw(member["file"], member["line"]), member["file"])
    except CuratorError:
        return None


def _turns(desk: Desk, member: dict[str, Any], base: Any) -> list[dict[str, Any]]:
    try:
        raw = desk.raw(member["file"], member["line"])
    except CuratorError as error:
        return [{"role": "", "parts": parts(error.what)}]
    example = desk.example(raw, member["file"])
    if example is None:
        return [{"role": "", "parts": parts(clipped(raw.decode("utf-8", "backslashreplace"))[0])}]
    return row_compared(example, base)


def choose(desk: Desk, said: dict[str, Any]) -> tuple[str, int]:
    """Keep the row that was chosen, or all; (the batch, how many decisions). Raises UsageError where it makes no sense."""
    group, row, shown = said.get("group"), said.get("row"), said.get("shown")
    if not isinstance(group, int) or not 0 < group < 1 << 53 or not isinstance(row, str) or not isinstance(shown, str):
        raise UsageError("no such group")
    return desk.choose(group, row, shown=shown)

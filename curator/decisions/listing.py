"""The standing decisions, to be shown."""

from __future__ import annotations

from datetime import date

import msgspec

from curator.decisions.log import Log
from curator.decisions.order import expired, in_order, is_postponed, standing, target
from curator.text.excerpt import visible


def as_json(log: Log, today: date | None = None) -> bytes:
    """The standing decisions as one JSON array; each says whether it has expired."""
    shown = [
        {**msgspec.to_builtins(decision), "expired": expired(decision, today)} for decision in standing(log.decisions)
    ]
    return msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n"


def as_text(log: Log, today: date | None = None) -> str:
    """The standing decisions for a terminal, how many findings wait for later, and how many lines are replaced."""
    stand = standing(log.decisions)
    lines = []
    for decision in stand:
        about = f"{decision.code} {decision.place or decision.row[:12]}".strip()
        state = f", {'expired' if expired(decision, today) else 'until'} {decision.expires}" if decision.expires else ""
        lines.append(visible(f"{decision.verdict:<6}  {about}"))
        who = f"{decision.who or 'somebody'} on {decision.when[:10] or 'a day unknown'}{state}"
        lines.append(visible(f"        {who}" + (f": {decision.why}" if decision.why else "")))
    newest = {target(decision): decision for decision in in_order(log.decisions)}
    waiting = sum(map(is_postponed, newest.values()))
    older = len(set(log.decisions)) - len(stand) - waiting
    replaced = (f", {waiting:,} for later" if waiting else "") + (f", {older:,} older or taken back" if older else "")
    count = f"{len(stand):,} decision{'' if len(stand) == 1 else 's'}" if stand else "no decisions"
    return "\n".join([*lines, f"{count} in {visible(log.path)}{replaced}"]) + "\n"

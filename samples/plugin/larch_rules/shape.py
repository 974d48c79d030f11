"""Tickets as the help desk exports them: {"ticket": "…", "asked": "…", "replied": "…"}."""

from curator.formats import Row, add
from curator.formats.adapter import Adapter, Losses, Written
from curator.formats.writing import carried
from curator.model import Example, Turn

KEYS = frozenset({"asked", "replied"})  # those that are read: others, as the number of the ticket, go along as they are


def matches(row: Row) -> float:
    return 0.95 if isinstance(row.get("asked"), str) and isinstance(row.get("replied"), str) else 0.0


def read(row: Row) -> Example:
    asked = Turn("user", row["asked"], "asked", said="user")
    replied = Turn("assistant", row["replied"], "replied", said="assistant")
    return Example("larch-ticket", (asked, replied), row)


def write(example: Example) -> Written:
    """One question and its answer; whatever else a row holds is named as lost."""
    losses = Losses()
    turns = example.all_turns()
    plain = [turn.role for turn in turns] == ["user", "assistant"] and all(turn.content for turn in turns)
    if not plain or example.chosen or example.tools or any(turn.calls or turn.media for turn in turns):
        losses.note("turns beside one question and its answer")
    texts = {turn.role: turn.text for turn in turns}
    row = {"asked": texts.get("user", ""), "replied": texts.get("assistant", "")}
    return Written(row | carried(example, KEYS, losses), losses)


add(Adapter("larch-ticket", KEYS, matches, read, write))

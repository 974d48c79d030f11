"""The new rows of edits: whether they are rows, and can take the place of the old ones."""

from __future__ import annotations

from curator.columns import BOM, parse
from curator.decisions.log import Log
from curator.decisions.order import standing
from curator.model import Decision
from curator.private.masking import holds_seal, lost, opened


def sealed_edits(log: Log) -> frozenset[str]:
    """The content ids of the rows that edits stand for which can be judged beside the old row alone."""
    return frozenset(decision.row for decision in standing(log.decisions) if is_sealed(decision))


def is_row(text: str) -> bool:
    """Whether the text of an edit is a row on one line."""
    return "\n" not in text and type(parse(text.encode("utf-8", "surrogatepass"))) is dict


def is_sealed(decision: Decision) -> bool:
    """Whether it is an edit that some private values of its row were taken out of."""
    return decision.verdict == "edit" and holds_seal(decision.text)


def unusable(edit: Decision, raw: bytes) -> str:
    """Why the text of an edit cannot take the place of its row; "" where it can."""
    if not is_row(edit.text):
        return "its text is no row on one line"
    old = raw.removeprefix(BOM).decode("utf-8", "replace")
    if opened(edit.text, old) is not None:
        return ""
    seals = ", ".join(each for each in lost(edit.text, old) if holds_seal(each))
    return (
        f"{seals} stands for a private value that the row does not hold, and none is recorded:"
        " edit the row again with a placeholder in its place, or edit the data file"
    )

"""What `clean` did: rows, findings and decisions, counted."""

from __future__ import annotations

import msgspec

from curator.model import Decision


class Loss(msgspec.Struct, frozen=True):
    """What became of the rows of one file: rows + gained = written + rejected + joined.

    `mended` counts the written rows that were changed, `joined` the lines that went into the row they
    belong to, `gained` the rows that lines with several of them came to beyond the first.
    """

    path: str
    output: str
    rows: int
    written: int
    mended: int
    rejected: int
    joined: int
    gained: int

    @property
    def adds_up(self) -> bool:
        return self.rows + self.gained == self.written + self.rejected + self.joined


class Unapplied(msgspec.Struct, frozen=True):
    """A decision that nothing was done for, and why."""

    decision: Decision
    why: str

    def __str__(self) -> str:
        d = self.decision
        about = " ".join(filter(None, (d.verdict, d.code, d.place.rpartition("/")[2] or f"row {d.row[:12]}")))
        return f"{about}: {self.why}"


class CleanResult(msgspec.Struct, frozen=True):
    """What `clean` did, with counts by code.

    `fixed` counts the findings that were mended, `rejected_for` the rows that were left out, each by the first rule
    that speaks against it, and `left` the findings that the copy still has. What was found at first and is none of
    these went with a rejected row (`with_rows`) or with a mend or a row of another finding (`with_others`).
    `unapplied` are decisions that nothing was done for, such as those whose row has changed since; `stable` is False
    where fixes were left over; `former` is where a file of rejected rows went that tells of other data; `unsafe` counts
    the findings left that a fix which may change meaning would mend.
    """

    losses: tuple[Loss, ...]
    rejected: str
    fixed: dict[str, int]
    rejected_for: dict[str, int]
    left: dict[str, int]
    applied: int
    unapplied: tuple[Unapplied, ...]
    rounds: int
    stable: bool
    former: str = ""
    with_rows: dict[str, int] = {}
    with_others: dict[str, int] = {}
    unsafe: int = 0

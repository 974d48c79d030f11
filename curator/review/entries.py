"""What goes between a page and the desk: findings as the queue holds them, wishes, and what became of these."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, NamedTuple

import msgspec

from curator.model import Finding
from curator.review.index import decode_finding

Action = Literal["accept", "keep", "drop", "edit", "later", "left", "right", "both", "none"]
ACTIONS: tuple[Action, ...] = ("accept", "keep", "drop", "edit", "later", "left", "right", "both", "none")


DID = {
    "accept": "accepted its fix",
    "keep": "kept the row",
    "drop": "dropped the row",
    "edit": "edited the row",
    "later": "left it for later",
    "open": "took a decision on it back",
}
MOST_FURTHER = 999  # further decisions that one wish comes to


class Entry(msgspec.Struct, frozen=True):
    """A finding in the queue, and what was decided about it.

    `root` is the content id of the row in the file; the finding is about that row, or about what the edit `edit`
    made of it. `head` is the id of the decision that settled it last, "" for none.
    """

    rank: int
    seq: int
    slot: int
    finding: Finding
    root: str
    edit: str
    copies: int
    twin: bool
    cluster: int
    status: str
    who: str
    head: str
    disputed: bool
    earlier: str


_BODY = "(SELECT b.finding FROM bodies b WHERE b.rank = findings.rank)"
COLUMNS = ", ".join(_BODY if name == "finding" else name for name in Entry.__struct_fields__)  # in SQL, of findings


def entry_of(row: tuple[Any, ...]) -> Entry:
    """The entry of a row of COLUMNS."""
    rank, seq, slot, body, root, edit, copies, twin, cluster, status, who, head, disputed, earlier = row
    finding = decode_finding(body)
    return Entry(
        rank, seq, slot, finding, root, edit, copies, bool(twin), cluster, status, who, head, bool(disputed), earlier
    )


class Point(NamedTuple):
    """A moment in what was decided: the number and the id of the decision that came in last, 0 and "" before any."""

    n: int = 0
    id: str = ""


class Wish(msgspec.Struct, frozen=True):
    """What a person asks to be decided: `id` names the decision to be, `base` is the head that was shown.

    `action` is one of ACTIONS, or "undo": then `of` is a decision or batch, "" for the reviewer's last. `who` wishes
    it, "" for the reviewer of this server.
    """

    id: str
    action: str
    finding: str = ""
    base: str = ""
    text: str = ""
    note: str = ""
    of: str = ""
    who: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a wish: "done", "conflict" (somebody was faster), "changed" (the row is another in its file now),
    "gone", "refused"; how things stand now, and why it was not done, or what is to be known of what was."""

    id: str
    result: str
    finding: str = ""
    status: str = ""
    head: str = ""
    who: str = ""
    why: str = ""


def further_ids(name: str, number: int) -> tuple[str, ...]:
    """The ids of further decisions that one wish came to."""
    return tuple(hashlib.blake2b(f"{name} {n}".encode(), digest_size=16).hexdigest() for n in range(2, number + 2))

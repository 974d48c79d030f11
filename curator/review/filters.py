"""Which findings are looked at: a filter that lives in the address of the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

Order = Literal["rule", "file", "sample"]

STATUSES = ("open", "later", "accept", "keep", "edit", "drop")
SHOWN = ("open", "later", "decided", "disputed", "changed", "all")  # what the status of a filter may be
ORDERS: dict[Order, str] = {"rule": "rank", "file": "seq", "sample": "slot"}


class Kind(NamedTuple):
    """What findings are counted by."""

    code: str
    severity: str
    status: str
    fix: str
    disputed: int


class Filter(msgspec.Struct, frozen=True):
    """A choice of findings.

    `rules` are codes, `severities` names; `status` is one of SHOWN or of STATUSES; `search` a text in the
    message or the excerpt; `line` the first line looked at; `take` is (i, k): each finding belongs to one of k
    reviewers by its id. `group` is a group of rows alike, `fix` the safety of the fix that is offered.
    """

    rules: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    status: str = "open"
    search: str = ""
    line: int = 0
    take: tuple[int, int] = (1, 1)
    group: int = 0
    file: str = ""
    fix: str = ""
    order: Order = "rule"

    def where(self, *, status: bool = True) -> tuple[str, list[Any]]:
        """The condition in SQL and its values; without `status`, whatever was decided."""
        parts: list[str] = []
        values: list[Any] = []
        for column, chosen in (("code", self.rules), ("severity", self.severities)):
            if chosen:
                parts.append(f"{column} IN ({','.join('?' * len(chosen))})")
                values += chosen
        if self.search:
            parts.append("instr((SELECT b.text FROM bodies b WHERE b.rank = findings.rank), ?) > 0")
            values.append(searchable(self.search))
        if self.line:
            parts.append("line >= ?")
            values.append(self.line)
        if self.group:
            parts.append("cluster = ?")
            values.append(self.group)
        if self.file:
            parts.append("file = (SELECT number FROM files WHERE path = ?)")
            values.append(self.file)
        if self.fix:
            parts.append("fix = ?")
            values.append(self.fix)
        if self.take[1] > 1:
            parts.append("slot % ? = ?")
            values += [self.take[1], self.take[0] - 1]
        if status:
            parts += _status(self.status, values)
        return " AND ".join(parts) or "1", values

    @property
    def by_kind(self) -> bool:
        """Whether findings of one kind pass together: then their counts tell how many do (status "changed" aside)."""
        return not (self.search or self.line or self.group or self.file)

    def of_kind(self, kind: Kind, *, status: bool = True) -> bool:
        """Whether findings of a kind pass, as far as that tells."""
        return (
            (not self.rules or kind.code in self.rules)
            and (not self.severities or kind.severity in self.severities)
            and (not self.fix or kind.fix == self.fix)
            and (not status or _of_status(self.status, kind))
        )

    def query(self) -> dict[str, str]:
        """The filter as the parameters of an address; what is as usual is left out."""
        told = {
            "rule": ",".join(self.rules),
            "severity": ",".join(self.severities),
            "status": self.status if self.status != "open" else "",
            "search": self.search,
            "line": str(self.line or ""),
            "group": str(self.group or ""),
            "fix": self.fix,
            "order": self.order if self.order != "rule" else "",
        }
        return {name: value for name, value in told.items() if value}

    @classmethod
    def from_query(cls, query: Mapping[str, str], take: tuple[int, int] = (1, 1)) -> Filter:
        """The filter that an address asks for; what makes no sense in it is passed over."""
        status, order = query.get("status", ""), query.get("order", "")
        return cls(
            rules=tuple(part for part in query.get("rule", "").split(",") if part.isalnum()),
            severities=tuple(p for p in query.get("severity", "").split(",") if p in ("error", "warning", "info")),
            status=status if status in SHOWN + STATUSES else "open",
            search=query.get("search", "")[:200],
            line=number(query.get("line", "")),
            take=take,
            group=number(query.get("group", "")),
            fix=query.get("fix", "") if query.get("fix") in ("safe", "unsafe") else "",
            order=order if order in ORDERS else "rule",  # type: ignore[arg-type]
        )


def _status(status: str, values: list[Any]) -> list[str]:
    if status == "all":
        return []
    if status == "decided":
        return ["status NOT IN ('open', 'later')"]
    if status == "disputed":
        return ["disputed = 1"]
    if status == "changed":
        return ["status = 'open'", "earlier != ''"]
    values.append(status)
    return ["status = ?"]


def _of_status(status: str, kind: Kind) -> bool:
    if status == "decided":
        return kind.status not in ("open", "later")
    if status == "disputed":
        return bool(kind.disputed)
    return status == "all" or kind.status == ("open" if status == "changed" else status)


def searchable(text: str) -> str:
    """Text as searches compare it: without case, and without what no database holds."""
    return text.lower().encode("utf-8", "replace").decode()


def number(text: str) -> int:
    """The number that an address names; 0 where it is none, or larger than any there is."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else 0

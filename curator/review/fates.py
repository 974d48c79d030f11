"""What becomes of rows: the decisions by which a row goes, and how a group of rows stands."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from curator.review.asking import Asking
from curator.review.entries import Entry
from curator.review.index import decode_finding

# The decisions that stand and may take a row out whole; of one among equal rows (a twin) another stays. The index is
# named, since the planner would read all drops there are for each row of many.
_DROPPING = """
  SELECT w.row, d.id, NULL FROM wanted w CROSS JOIN decisions d INDEXED BY decision_abouts ON d.about = 'r:' || w.row
    WHERE d.head = 1 AND d.status = 'drop'
  UNION SELECT w.row, d.id, NULL FROM wanted w CROSS JOIN decisions d INDEXED BY decision_abouts
    ON d.about > 'c:' || w.row || ':' AND d.about < 'c:' || w.row || ';' WHERE d.head = 1 AND d.status = 'drop'
  UNION ALL SELECT w.row, d.id, CASE d.status WHEN 'accept' THEN b.finding END
    FROM wanted w JOIN findings f ON f.root = w.row JOIN decisions d ON d.about = f.id JOIN bodies b ON b.rank = f.rank
    WHERE f.edit = '' AND f.twin = 0 AND d.head = 1 AND d.status IN ('drop', 'accept')"""


class Fates(Asking):
    """Which rows go once the set is cleaned; a row is named by its content id."""

    def dropping(self, rows: Sequence[str]) -> dict[str, list[str]]:
        """By row, of those that go: the ids of the decisions by which it goes."""
        values = ", ".join("(?)" for _ in rows)
        return self._dropping(f"VALUES {values}", tuple(rows)) if rows else {}

    def _dropping(self, wanted: str, values: tuple[Any, ...]) -> dict[str, list[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        with self.lock:
            told = self.db.execute(f"WITH wanted(row) AS ({wanted}) {_DROPPING}", values).fetchall()
        for row, name, body in told:
            fix = decode_finding(body).fix if body is not None else None
            if body is None or (fix is not None and fix.drops):
                found[row].append(name)
        return dict(found)

    def of_group(self, group: int) -> tuple[list[bool], str]:
        """(whether each of the members of a group goes, what names the state in which the group stands)."""
        with self.lock:
            members, entries = self.members(group), self.group_entries(group)
            gone = self._dropping("SELECT DISTINCT row FROM members WHERE grp = ?", (group,))
            twins = [entry for entry in entries if entry.twin and self._goes_alone(entry)]
        places = {(entry.finding.file, entry.finding.line) for entry in twins}
        many = {entry.root for entry in twins if entry.copies > 1}  # all but the first of these go
        met: set[str] = set()
        goes: list[bool] = []
        for member in members:
            row, place = member["row"], (member["file"], member["line"])
            goes.append(row in gone or place in places or (row in many and row in met))
            met.add(row)
        heads = sorted((entry.finding.id, entry.head) for entry in entries)
        state = repr((sorted((row, sorted(names)) for row, names in gone.items()), heads))
        return goes, hashlib.blake2b(state.encode(), digest_size=16).hexdigest()

    def _goes_alone(self, entry: Entry) -> bool:
        """Whether a decision on the finding itself, or its fix, takes the row at its place out."""
        made = self.decision(entry.head) if entry.status in ("drop", "accept") else None
        return made is not None and not made.whole

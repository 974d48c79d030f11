"""The desk: where wishes of all pages and tabs of one server become decisions.

Every write is one append to the log under its lock, after the log was read to its end: what was decided
meanwhile by anyone else is seen first, and a decision on what looks different now is not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from curator import decisions
from curator.errors import CuratorError, UsageError
from curator.model import Decision
from curator.review import following
from curator.review.entries import DID, Entry, Outcome, Point, Wish
from curator.review.filters import Filter
from curator.review.making import Making

_AT_ONCE = 400  # rows that are looked up at once


class Desk(Making):
    """See the module. All methods may be called from any thread."""

    def decide(self, wishes: Sequence[Wish], *, batch: str = "") -> list[Outcome]:
        """Record what is wished, in order; a wish is passed over where the finding is not as it was shown.

        A wish whose id is in the log was granted before: it may be sent again. Raises WriteError where nothing
        could be recorded.
        """
        with self.lock, decisions.held(self.settings.log, self.settings.paths) as log:
            self.follow()
            outcomes: list[Outcome] = []
            waiting: list[Decision] = []  # granted, about rows and findings that no later wish has touched
            touched: set[str] = set()
            for wish in wishes:
                entry = self.entry(wish.finding)
                about = {wish.id, wish.finding, *(self._rows(entry) if entry else ())}
                if waiting and (wish.action in ("undo", "left", "none") or about & touched):
                    self._record(log, waiting)
                    touched.clear()
                made, outcome = self._granted(wish)
                waiting += [msgspec.structs.replace(one, batch=batch) for one in made] if batch else made
                touched |= about
                if wish.action in ("undo", "left", "none"):
                    self._record(log, waiting)
                outcomes.append(outcome)
            self._record(log, waiting)
            return [self._now(outcome) for outcome in outcomes]

    def _record(self, log: decisions.Held, made: list[Decision]) -> None:
        if made:
            log.append(made)
            made.clear()
            self.follow(own=True)

    def _granted(self, wish: Wish) -> tuple[list[Decision], Outcome]:
        if self._one("SELECT count(*) FROM decisions WHERE id = ?", (wish.id,))[0]:
            return [], Outcome(wish.id, "done", wish.finding)
        if wish.action == "undo":
            made, said = self._taken_back(wish)
            return made, Outcome(wish.id, "done" if made else "refused", self._undone_at(wish, made), why=said)
        entry = self.entry(wish.finding)
        if entry is None:
            return [], Outcome(wish.id, "gone", wish.finding, why="the finding is not there any more")
        if entry.head != wish.base:
            return [], Outcome(wish.id, "conflict", wish.finding, why=self._meanwhile(entry))
        if self.changed(entry):
            return [], Outcome(wish.id, "changed", wish.finding, why="the row was changed in its file: lint again")
        try:
            if wish.action == "accept" and self._stranded([entry]):
                raise UsageError("the row that the fix leaves is dropped: keep this one, or drop both")
            made = self._made(entry, wish)
        except CuratorError as error:
            return [], Outcome(wish.id, "refused", wish.finding, why=error.what)
        return self._with_withdrawn(entry, wish.action, made), Outcome(wish.id, "done", wish.finding)

    def _undone_at(self, wish: Wish, made: Sequence[Decision]) -> str:
        """The finding that is looked at once something is taken back: what the wish names, else what that was about."""
        was = self.decision(made[-1].undoes) if made and not wish.finding else None
        return was.finding if was else wish.finding

    def _meanwhile(self, entry: Entry) -> str:
        """What became of a finding since it was shown."""
        who = entry.who or "somebody"
        if entry.who and entry.who == self.settings.reviewer:
            who = f"{who}, in another tab or place,"
        return f"{who} {DID[entry.status]} meanwhile"

    def _now(self, outcome: Outcome) -> Outcome:
        entry = self.entry(outcome.finding) if outcome.finding else None
        if entry is None:
            return outcome
        return msgspec.structs.replace(outcome, status=entry.status, head=entry.head, who=entry.who)

    def bulk(
        self, chosen: Filter, action: str, *, expected: int, since: Point | None = None, note: str = ""
    ) -> tuple[str, int]:
        """Decide on all findings of a filter at once; (the batch, how many).

        `expected` is how many were shown, `since` the `newest` decision then. Raises UsageError where there are more
        or fewer now, and where one of them was decided on since.
        """
        with self.lock, decisions.held(self.settings.log, self.settings.paths) as log:
            self.follow()
            entries = self.eligible(chosen, action)
            if len(entries) != expected:
                raise UsageError(f"there are {len(entries):,} findings now, not {expected:,}", hint="look again")
            if since and (met := self._met(entries, since)):
                first = f"{met[0].finding.code}, line {met[0].finding.line}: {self._meanwhile(met[0])}"
                more = f", and {len(met) - 1:,} more were decided on" if len(met) > 1 else ""
                raise UsageError(f"{first}{more}", hint="look at what stands now, then decide again")
            self._refuse_changed(entries)
            batch = decisions.new_id()
            made: list[Decision] = []
            for entry in entries:
                wish = Wish(decisions.new_id(), action, entry.finding.id, entry.head, note=note)
                of_one = self._made(entry, wish)
                if entry.status not in ("open", "later") or entry.finding.related:
                    of_one = self._with_withdrawn(entry, action, of_one)
                made += [msgspec.structs.replace(one, batch=batch) for one in of_one]
            if made:
                log.append(made)
                self.follow(own=True)
            return batch, len(entries)

    def _refuse_changed(self, entries: Sequence[Entry]) -> None:
        """Raises UsageError where the row of one of these findings is another in its file now."""
        if all(self.as_linted(file["path"]) for file in self.summary().files):
            return
        if gone := [entry for entry in entries if self.changed(entry)]:
            first, more = gone[0].finding, f", and {len(gone) - 1:,} more" if len(gone) > 1 else ""
            raise UsageError(f"the row of line {first.line} was changed in its file{more}", hint="lint again")

    def newest(self) -> Point:
        """The decision that came in last, whoever made it."""
        with self.lock:
            found = self.db.execute("SELECT n, id FROM decisions ORDER BY n DESC LIMIT 1").fetchone()
        return Point(*found) if found else Point()

    def _met(self, entries: Sequence[Entry], since: Point) -> list[Entry]:
        """Those of the findings that were decided on since; all, where the log is not what it was then."""
        if self.newest() == since:
            return []
        known = self.db.execute("SELECT id FROM decisions WHERE n = ?", (since.n,)).fetchone()
        first = since.n if known == (since.id,) else 0
        touched = following.touched(self.db, first)
        return [entry for entry in entries if entry.rank in touched]

    def pair(self, entry: Entry) -> list[str]:
        """The content ids of the left and the right row of a pair; they are one where the rows are equal."""
        with self.lock:
            rows = self._rows(entry)
        return [rows[0], rows[-1]]

    def undo(self, of: str = "") -> Outcome:
        """Take back a decision or a batch, "" for the reviewer's last."""
        return self.decide([Wish(decisions.new_id(), "undo", of=of)])[0]

    def choose(self, group: int, survivor: str, *, shown: str = "", note: str = "") -> tuple[str, int]:
        """Keep one row of a group, by its content id, and drop the others; "" keeps them all. (The batch, decisions.)

        What dropped a row that is kept is taken back. `shown` is the state of the group that the choice was made
        on (see `of_group`), "" for any. Raises UsageError where the group stands differently now.
        """
        with self.lock, decisions.held(self.settings.log, self.settings.paths) as log:
            self.follow()
            if shown and shown != self.of_group(group)[1]:
                raise UsageError("the group was decided on meanwhile", hint="look at it again, then choose")
            entries, members = self.group_entries(group), self.members(group)
            if not entries or (survivor and all(member["row"] != survivor for member in members)):
                raise UsageError("the row is not in the group any more", hint="lint the data again")
            self._refuse_changed(entries)
            if (
                not survivor
                and not note
                and self.settings.need_reason
                and any(e.finding.severity == "error" for e in entries)
            ):
                raise UsageError("an error is kept with a reason: keep its rows in the queue, with a note")
            batch = decisions.new_id()
            made = self._survive(members, entries, survivor, note, batch) if survivor else []
            made = made or [self._maker(e, note, batch)("keep", decisions.new_id()) for e in entries]
            kept = [survivor] if survivor else list({member["row"]: None for member in members})
            spared = [
                msgspec.structs.replace(one, id=decisions.new_id())
                for n in range(0, len(kept), _AT_ONCE)
                for one in self._spared(kept[n : n + _AT_ONCE], made)
            ]
            log.append([*spared, *made])
            self.follow(own=True)
            return batch, len(made)

    def _survive(
        self, members: list[dict[str, Any]], entries: list[Entry], survivor: str, note: str, batch: str
    ) -> list[Decision]:
        """Every other row of the group goes; each decision names the finding that joins it to the group.

        What is found in the row that stays is answered too: a row goes for each finding that was about these two.
        """
        own = [entry for entry in entries if entry.root == survivor]
        made = [
            self._maker(e, note, batch)("drop", decisions.new_id()) for e in own if e.twin
        ]  # its copies go, it stays
        places = {member["row"]: f"{member['file']}:{member['line']}" for member in reversed(members)}
        places.pop(survivor)
        causes: dict[str, list[Entry]] = {row: [] for row in reversed(places)}
        for entry in [e for e in own if causes and not e.twin] + self._answered(own, survivor, set(causes)):
            others = (row for row in self._others(entry.finding) if row in causes)
            causes[next(others, next(iter(causes)))].append(entry)
        about = {entry.root: entry for entry in entries}
        for row, of_survivor in causes.items():
            for cause in of_survivor or [about.get(row) or entries[0]]:
                make = self._maker(cause, note, batch)
                made.append(make("drop", decisions.new_id(), row=row, place=places[row], beside=survivor))
        return made

    def _answered(self, own: list[Entry], row: str, going: set[str]) -> list[Entry]:
        """What is found in a row beside these, and is not decided, whose other rows all go."""
        names = {entry.finding.id for entry in own}
        return [
            entry
            for entry in self.of_row(row)
            if entry.finding.related and not entry.edit and not entry.twin and entry.status in ("open", "later")
            if entry.finding.id not in names and going.issuperset(self._others(entry.finding))
        ]

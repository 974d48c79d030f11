"""The desk: where wishes of all pages and tabs of one server become decisions.

Every write is one append to the log under its lock, after the log was read to its end: what was decided
meanwhile by anyone else is seen first, and a decision on what looks different now is not made.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from curator import decisions
from curator.columns import parse
from curator.errors import CuratorError, UsageError
from curator.model import Decision, Finding, Verdict
from curator.review import following
from curator.review.asking import Asking
from curator.review.bodies import Bodies
from curator.review.entries import Entry, Outcome, Wish, further_ids
from curator.review.filters import Filter
from curator.review.relint import row_id


class Desk(Asking):
    """See the module. All methods may be called from any thread."""

    def decide(self, wishes: Sequence[Wish], *, batch: str = "") -> list[Outcome]:
        """Record what is wished, in order; a wish is passed over where the finding is not as it was shown.

        A wish whose id is in the log was granted before: it may be sent again. Raises WriteError where nothing
        could be recorded.
        """
        with self.lock, decisions.held(self.settings.log) as log:
            self.follow()
            outcomes: list[Outcome] = []
            waiting: list[Decision] = []  # granted, about rows and findings that no later wish has touched
            touched: set[str] = set()
            for wish in wishes:
                entry = self.entry(wish.finding)
                about = {wish.id, wish.finding, entry.root if entry else ""}
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
            self.follow()

    def _granted(self, wish: Wish) -> tuple[list[Decision], Outcome]:
        if self._one("SELECT count(*) FROM decisions WHERE id = ?", (wish.id,))[0]:
            return [], Outcome(wish.id, "done", wish.finding)
        if wish.action == "undo":
            made = self._taken_back(wish)
            return made, Outcome(
                wish.id,
                "done" if made else "refused",
                made[0].finding if made else wish.finding,
                why="" if made else "there is nothing to undo",
            )
        entry = self.entry(wish.finding)
        if entry is None:
            return [], Outcome(wish.id, "gone", wish.finding, why="the finding is not there any more")
        if entry.head != wish.base:
            who = entry.who or "somebody"
            return [], Outcome(wish.id, "conflict", wish.finding, why=f"{who} decided it meanwhile: {entry.status}")
        try:
            made = self._made(entry, wish)
        except CuratorError as error:
            return [], Outcome(wish.id, "refused", wish.finding, why=error.what)
        return self._withdrawn(entry, made) + made, Outcome(wish.id, "done", wish.finding)

    def _withdrawn(self, entry: Entry, made: list[Decision]) -> list[Decision]:
        """Decisions that take back what was decided about whole rows for this finding, and does not hold any more."""
        targets = {following.about(one) for one in made}
        statuses = "('drop')" if entry.edit else "('drop', 'edit')"
        with Bodies(self.db) as bodies:
            heads = list(
                bodies.of(
                    "d.n IN (SELECT n FROM decisions WHERE about = ? UNION SELECT n FROM decisions WHERE cause = ?"
                    f" AND cause != '') AND head = 1 AND status IN {statuses}",
                    (f"r:{entry.root}", entry.finding.id),
                )
            )
        out: list[Decision] = []
        for old in heads:
            if following.about(old) not in targets:
                out.append(
                    msgspec.structs.replace(
                        old,
                        verdict="later",
                        text="",
                        after="",
                        why="",
                        expires="",
                        batch=made[0].batch,
                        who=made[0].who,
                        when=made[0].when,
                        base=entry.head,
                        undoes="",
                        id=further_ids(made[-1].id)[len(made) + len(out) - 1],
                    )
                )
        return out

    def _now(self, outcome: Outcome) -> Outcome:
        entry = self.entry(outcome.finding) if outcome.finding else None
        if entry is None:
            return outcome
        return msgspec.structs.replace(outcome, status=entry.status, head=entry.head, who=entry.who)

    def _made(self, entry: Entry, wish: Wish) -> list[Decision]:
        """The decisions that a wish comes to. Raises UsageError where it makes no sense here."""
        make = self._maker(entry, wish.note)
        finding = entry.finding
        needs_other = wish.action in ("left", "right", "none")
        if needs_other and not finding.related:
            raise UsageError("there is no other row")
        match wish.action:
            case "accept":
                if finding.fix is None:
                    raise UsageError("no fix is offered: keep, edit or drop the row")
                return [make("accept", wish.id)]
            case "keep" | "both":
                if self.settings.need_reason and finding.severity == "error" and not wish.note:
                    raise UsageError("an error is kept with a reason: write a note")
                return [make("keep", wish.id)]
            case "later":
                return [make("later", wish.id)]
            case "drop" | "right" if entry.twin:
                return [make("drop", wish.id)]
            case "left" if entry.twin:
                return [make("drop", wish.id)]  # both are the same: one of them stays
            case "drop" | "right":
                return [make("drop", wish.id, row=entry.root)]
            case "left":
                return [make("drop", wish.id, row=self._row_of(finding))]
            case "none":
                other = self._row_of(finding)
                rows = [entry.root] if other == entry.root else [other, entry.root]
                names = [*further_ids(wish.id)[: len(rows) - 1], wish.id]  # what the wish is known by comes last
                return [make("drop", name, row=row) for name, row in zip(names, rows, strict=True)]
            case "edit":
                return [make("edit", wish.id, row=entry.root, text=self._checked(wish.text))]
        raise UsageError(f"no such action: {wish.action[:20]!r}")

    def _row_of(self, finding: Finding) -> str:
        """The content id of the row that a finding names beside its own."""
        other = finding.related[0]
        row = self.db.execute(
            "SELECT p.row FROM places p JOIN files f ON f.number = p.file WHERE f.path = ? AND p.line = ?",
            (other.file, other.line),
        ).fetchone()
        if row is None:
            raise UsageError("the other row is not there any more")
        return str(row[0])

    def _checked(self, text: str) -> str:
        """The text of an edit, which must be one JSON object on one line."""
        if "\n" in text or type(parse(text.encode("utf-8", "backslashreplace"))) is not dict:
            raise UsageError("an edited row must be one JSON object on one line")
        return text

    def _maker(self, entry: Entry, note: str, batch: str = "") -> Any:
        now = self._moment(entry)

        def make(verdict: Verdict, name: str, *, row: str = "", text: str = "") -> Decision:
            made = decisions.decide(entry.finding, verdict, who=self.settings.reviewer, why=note, text=text, now=now)
            return msgspec.structs.replace(
                made,
                id=name,
                base=entry.head,
                batch=batch,
                whole=bool(row),
                row=row or made.row,
                after=row_id(text) if text else "",
            )

        return make

    def _moment(self, entry: Entry | None) -> datetime:
        """Now, or just after the decision that stands, where some clock runs ahead."""
        now = datetime.now(UTC)
        if entry is not None and entry.head:
            row = self.db.execute("SELECT at FROM decisions WHERE id = ?", (entry.head,)).fetchone()
            if row:
                now = max(now, datetime.fromtimestamp(row[0], UTC) + timedelta(milliseconds=1))
        return now

    def _taken_back(self, wish: Wish) -> list[Decision]:
        """Decisions that restore what stood before the one to undo, or before each of its batch."""
        db = self.db
        if wish.of:
            found = db.execute(
                "SELECT n, id, batch FROM decisions WHERE (id = ? OR (batch = ? AND batch != '')) AND undone = 0 LIMIT 1",
                (wish.of, wish.of),
            ).fetchone()
        else:
            found = db.execute(
                "SELECT n, id, batch FROM decisions WHERE who = ? AND undone = 0 AND undoes = '' ORDER BY n DESC LIMIT 1",
                (self.settings.reviewer,),
            ).fetchone()
        if found is None:
            return []
        _, name, batch = found
        names = (name, *further_ids(name))
        rows = db.execute(
            "SELECT d.id, d.at, d.about, h.id, h.at FROM decisions d JOIN decisions h ON h.about = d.about AND h.head = 1 WHERE "
            + ("d.batch = ? AND d.batch != ''" if batch else f"d.id IN ({','.join('?' * len(names))})")
            + " AND d.undone = 0 ORDER BY d.n",
            (batch,) if batch else names,
        ).fetchall()
        together = decisions.new_id() if len(rows) > 1 else ""
        with Bodies(db) as bodies:
            made = [one for row in rows if (one := self._restored(bodies, row, together)) is not None]
        return [*made[:-1], msgspec.structs.replace(made[-1], id=wish.id)] if made else []

    def _restored(self, bodies: Bodies, row: tuple[str, float, str, str, float], batch: str) -> Decision | None:
        """The decision that puts back what stood before another; None where somebody has decided on top of it."""
        name, at, about, head, moment = row
        stands, done = _resolved(bodies, head), bodies.one(name)
        if stands is None or done is None or decisions.identity(stands) != name:
            return None
        was = self.db.execute(
            "SELECT id FROM decisions WHERE about = ? AND (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT 1",
            (about, at, name),
        ).fetchone()
        old = _resolved(bodies, was[0]) if was else None
        when = max(datetime.now(UTC), datetime.fromtimestamp(moment, UTC) + timedelta(milliseconds=1))
        back = msgspec.structs.replace(done, verdict="later", text="", after="", why="", batch=batch, expires="")
        return msgspec.structs.replace(
            old or back,
            id=decisions.new_id(),
            who=self.settings.reviewer,
            undoes=name,
            base=decisions.identity(old) if old else "",
            when=when.isoformat(timespec="milliseconds"),
        )

    def bulk(self, chosen: Filter, action: str, *, expected: int, note: str = "") -> tuple[str, int]:
        """Decide on all findings of a filter at once; (the batch, how many).

        Raises UsageError where they are not as many as was shown.
        """
        with self.lock, decisions.held(self.settings.log) as log:
            self.follow()
            entries = self.eligible(chosen, action)
            if len(entries) != expected:
                raise UsageError(f"there are {len(entries):,} findings now, not {expected:,}", hint="look again")
            batch = decisions.new_id()
            made: list[Decision] = []
            for entry in entries:
                wish = Wish(decisions.new_id(), action, entry.finding.id, entry.head, note=note)
                of_one = self._made(entry, wish)
                settled = entry.status not in ("open", "later")
                of_one = (self._withdrawn(entry, of_one) if settled else []) + of_one
                made += [msgspec.structs.replace(one, batch=batch) for one in of_one]
            if made:
                log.append(made)
                self.follow()
            return batch, len(entries)

    def undo(self, of: str = "") -> Outcome:
        """Take back a decision or a batch, "" for the reviewer's last."""
        return self.decide([Wish(decisions.new_id(), "undo", of=of)])[0]

    def choose(self, group: int, survivor: str, *, note: str = "") -> tuple[str, int]:
        """Keep one row of a group, by its content id, and drop the others; "" keeps them all. (The batch, decisions.)"""
        with self.lock, decisions.held(self.settings.log) as log:
            self.follow()
            batch = decisions.new_id()
            entries = self.group_entries(group)
            if survivor:
                made = self._survive(group, entries, survivor, note, batch)
            else:
                made = [self._maker(e, note, batch)("keep", decisions.new_id()) for e in entries if e.status != "keep"]
            if made:
                log.append(made)
                self.follow()
            return batch, len(made)

    def _survive(self, group: int, entries: list[Entry], survivor: str, note: str, batch: str) -> list[Decision]:
        """Every other row of the group goes; each decision names the finding that joins it to the group."""
        about = {entry.root: entry for entry in entries}
        own = about.get(survivor)
        made: dict[str, Decision] = {}
        for member in self.members(group):
            row = member["row"]
            cause = own or about.get(row) or entries[0]  # a row that goes settles what is found in it anyway
            make = self._maker(cause, note, batch)
            if row == survivor:
                if own is not None and own.twin and f"f:{own.finding.id}" not in made:
                    made[f"f:{own.finding.id}"] = make("drop", decisions.new_id())  # its copies go, it stays
            elif f"r:{row}" not in made:
                made[f"r:{row}"] = make("drop", decisions.new_id(), row=row)
        return list(made.values())


def _resolved(bodies: Bodies, name: str) -> Decision | None:
    """The decision itself, where another only restores it; None where nothing stands."""
    made = bodies.one(name)
    while made is not None and made.undoes:
        made = bodies.one(made.base) if made.base else None
    return made

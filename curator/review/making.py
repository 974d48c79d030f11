"""What a wish comes to: the decisions that say it, and those that take back what it makes untrue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from curator import decisions
from curator.columns import parse
from curator.errors import UsageError
from curator.model import Decision, Finding, Verdict
from curator.private.masking import lost
from curator.review import following
from curator.review.bodies import Bodies
from curator.review.entries import COLUMNS, DID, MOST_FURTHER, Entry, Wish, entry_of, further_ids
from curator.review.fates import Fates
from curator.review.filters import Filter
from curator.review.relint import row_id

_AT_ONCE = 400  # rows that are looked up at once


class _Undone(NamedTuple):
    """A decision that is to be undone, and the newest about the same."""

    id: str
    at: float
    about: str
    who: str
    top: str
    top_at: float
    top_who: str
    status: str


class Making(Fates):
    """Decisions made of wishes; nothing is recorded here."""

    def eligible(self, chosen: Filter, action: str) -> list[Entry]:
        """The findings of a filter that an action makes sense for."""
        return self.meant(self.entries(chosen, limit=1 << 30), action)

    def eligible_count(self, chosen: Filter, action: str) -> int:
        """How many findings of a filter an action makes sense for."""
        if action != "accept":
            return self._count(chosen)
        with self.lock:
            return self._count(chosen, fixable=True) - len(self._stranded_of(chosen))

    def samples(self, chosen: Filter, action: str, number: int = 5) -> list[Entry]:
        """Findings drawn from those that a bulk action would decide on; the same ones each time."""
        where, values = chosen.where()
        fixable = " AND fix != ''" if action == "accept" else ""
        with self.lock:
            most = number + (len(self._stranded_of(chosen)) if fixable else 0)
            sql = f"SELECT {COLUMNS} FROM findings WHERE {where}{fixable} ORDER BY slot LIMIT ?"
            rows = self.db.execute(sql, [*values, most]).fetchall()
            return self.meant(list(map(entry_of, rows)), action)[:number]

    def meant(self, entries: Sequence[Entry], action: str) -> list[Entry]:
        """Those of the findings that an action makes sense for: a fix is accepted where one is offered, and the row of a
        pair that it leaves does not go already."""
        if action != "accept":
            return list(entries)
        with self.lock:
            stranded = self._stranded(entries)
        return [e for e in entries if e.finding.fix is not None and e.finding.id not in stranded]

    def _stranded_of(self, chosen: Filter) -> frozenset[str]:
        """Those of a filter whose fix leaves no row of their pair; read once, until something is decided."""
        key = ("stranded", chosen)
        if key not in self._told:
            where, values = chosen.where()
            goes = "SELECT 1 FROM decisions WHERE head = 1 AND status IN ('drop', 'accept')"
            sql = f"SELECT {COLUMNS} FROM findings WHERE {where} AND related > 0 AND fix != '' AND EXISTS ({goes})"
            self._told[key] = self._stranded(list(map(entry_of, self.db.execute(sql, values).fetchall())))
        return self._told[key]  # type: ignore[no-any-return]

    def _stranded(self, entries: Sequence[Entry]) -> frozenset[str]:
        """The findings, by their ids, whose fix drops a row of a pair of which the other goes already."""
        drops = [e for e in entries if e.finding.fix is not None and e.finding.fix.drops]
        others = {e.finding.id: rows[1] for e in drops if len(rows := self._rows(e)) == 2}
        wanted = list(dict.fromkeys(others.values()))
        gone: set[str] = set()
        for n in range(0, len(wanted), _AT_ONCE):
            gone.update(self.dropping(wanted[n : n + _AT_ONCE]))
        return frozenset(name for name, row in others.items() if row in gone)

    def _with_withdrawn(self, entry: Entry, action: str, made: list[Decision]) -> list[Decision]:
        """Decisions, behind those that take back what they make untrue; rows of a pair that are kept stay."""
        back = self._withdrawn(entry, made)
        rows = self._rows(entry)
        kept = {"left": rows[:1], "right": rows[1:], "both": rows, "keep": rows}.get(action, ())
        if len(rows) < 2 or not kept:
            return back + made
        spared = self._spared(kept, [*back, *made], entry.head)
        return [*spared, *back, *made]

    def _rows(self, entry: Entry) -> tuple[str, ...]:
        """The content ids of the rows that a finding is about: of a pair both, where they differ."""
        if not entry.finding.related or entry.edit:
            return (entry.root,)
        try:
            return tuple(dict.fromkeys((entry.root, self._row_of(entry.finding))))
        except UsageError:
            return (entry.root,)

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
        return self._back([old for old in heads if following.about(old) not in targets], made, entry.head)

    def _spared(self, rows: Sequence[str], made: list[Decision], base: str = "") -> list[Decision]:
        """Decisions that take back by what these rows would go, as far as those that are made leave it standing."""
        targets = {following.about(one) for one in made}
        names = dict.fromkeys(name for ids in self.dropping(rows).values() for name in ids)
        with Bodies(self.db) as bodies:
            heads = [old for name in names if (old := bodies.one(name)) is not None]
        return self._back([old for old in heads if following.about(old) not in targets], made, base)

    def _back(self, heads: list[Decision], made: list[Decision], base: str) -> list[Decision]:
        """Decisions that take others back, made together with those given, of which there is at least one."""
        if len(made) + len(heads) > MOST_FURTHER:
            raise UsageError("too many decisions would be taken back at once: take them back on the page History")
        names = further_ids(made[-1].id, len(made) + len(heads))[len(made) - 1 :]
        return [
            msgspec.structs.replace(
                old,
                verdict="later",
                text="",
                after="",
                why="",
                expires="",
                batch=made[0].batch,
                who=made[0].who,
                when=_after(old, made[0].when),
                base=base,
                undoes="",
                id=name,
            )
            for old, name in zip(heads, names, strict=False)
        ]

    def _made(self, entry: Entry, wish: Wish) -> list[Decision]:
        """The decisions that a wish comes to. Raises UsageError where it makes no sense here."""
        make = self._maker(entry, wish.note, who=wish.who)
        finding = entry.finding
        needs_other = wish.action in ("left", "right", "none")
        if needs_other and not finding.related:
            raise UsageError("there is no other row")
        match wish.action:
            case "accept":
                if finding.fix is None:
                    raise UsageError("no fix is offered: keep, edit or drop the row")
                return [make("accept", wish.id, beside=self._beside(entry) if finding.fix.drops else "")]
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
                beside = self._beside(entry) if wish.action == "right" else ""  # who drops a row says nothing of a pair
                return [make("drop", wish.id, row=entry.root, beside=beside)]
            case "left":
                other, place = self._row_of(finding), _other_place(finding)
                return [make("drop", wish.id, row=other, place=place, beside=entry.root)]
            case "none":
                other = self._row_of(finding)
                rows = {other: (_other_place(finding), entry.root), entry.root: ("", other)}
                names = [*further_ids(wish.id, len(rows) - 1), wish.id]  # what the wish is known by comes last
                told = zip(names, rows.items(), strict=True)
                return [make("drop", name, row=row, place=at, beside=by) for name, (row, (at, by)) in told]
            case "edit":
                self.check_edit(entry, wish.text)
                return [make("edit", wish.id, row=entry.root, text=wish.text)]
        raise UsageError(f"no such action: {wish.action[:20]!r}")

    def _row_of(self, finding: Finding) -> str:
        """The content id of the row that a finding names beside its own."""
        if row := self._others(finding)[0]:
            return row
        raise UsageError("the other row is not there any more")

    def _beside(self, entry: Entry) -> str:
        """The content id of the other row of a pair, where it is another and still there."""
        rows = self._rows(entry)
        return rows[1] if len(rows) == 2 else ""

    def _others(self, finding: Finding) -> list[str]:
        """The content ids of the rows that a finding names beside its own, "" for one that is not there any more."""
        sql = "SELECT p.row FROM places p JOIN files f ON f.number = p.file WHERE f.path = ? AND p.line = ?"
        found = [self.db.execute(sql, (other.file, other.line)).fetchone() for other in finding.related]
        return [str(row[0]) if row else "" for row in found]

    def check_edit(self, entry: Entry, text: str) -> None:
        """Raises UsageError for the text of an edit that could not be applied: it must be one JSON object on one line,
        and hold no private value that the row in the file does not hold, since none is recorded."""
        if "\n" in text or type(parse(text.encode("utf-8", "backslashreplace"))) is not dict:
            raise UsageError("an edited row must be one JSON object on one line")
        if not lost(text, ""):
            return
        if gone := lost(text, self.raw(entry.finding.file, entry.finding.line).decode("utf-8", "replace")):
            raise UsageError(
                f"{', '.join(gone)}: a private value that the row in the file does not hold, and none is recorded."
                " Write a placeholder such as [EMAIL] in its place, or edit the data file and lint again"
            )

    def _maker(self, entry: Entry, note: str, batch: str = "", who: str = "") -> Any:
        now, who = self._moment(entry), who or self.settings.reviewer

        def make(
            verdict: Verdict, name: str, *, row: str = "", text: str = "", place: str = "", beside: str = ""
        ) -> Decision:
            made = decisions.decide(entry.finding, verdict, who=who, why=note, text=text, now=now)
            return msgspec.structs.replace(
                made,
                id=name,
                base=entry.head,
                batch=batch,
                whole=bool(row),
                row=row or made.row,
                place=place or made.place,
                after=row_id(text) if text else "",
                beside=beside if beside != (row or made.row) else "",
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

    def _taken_back(self, wish: Wish) -> tuple[list[Decision], str]:
        """Decisions that restore what stood before the one to undo, or before each of its batch, and what is to be said:
        why there are none, what stays since another decision was made on top of it, or whose decision it was."""
        rows = self._undoable(wish)
        if not rows:
            return [], self._nothing_to_undo(wish)
        together = decisions.new_id() if len(rows) > 1 else ""
        undone = frozenset(row.id for row in rows)
        with Bodies(self.db) as bodies:
            told = [(row, self._restored(bodies, row, undone, together)) for row in rows]
        made = [one for _, one in told if one is not None]
        made = [msgspec.structs.replace(one, who=wish.who) for one in made] if wish.who else made
        said = self._said_of_undone(wish, rows, [row for row, one in told if one is None])
        return [*made[:-1], msgspec.structs.replace(made[-1], id=wish.id)] if made else [], said

    def _undoable(self, wish: Wish) -> list[_Undone]:
        """The decisions that a wish to undo is about, and what stands now about the same."""
        if wish.of:
            where, values = "(id = ? OR (batch = ? AND batch != '')) AND undone = 0", (wish.of, wish.of)
        else:
            where, values = "who = ? AND undone = 0 AND undoes = '' ORDER BY n DESC", (self._wisher(wish),)  # type: ignore[assignment]
        found = self.db.execute(f"SELECT id, batch FROM decisions WHERE {where} LIMIT 1", values).fetchone()
        if found is None:
            return []
        name, batch = found
        names = (name, *further_ids(name, MOST_FURTHER))
        rows = self.db.execute(
            "SELECT d.id, d.at, d.about, d.who, h.id, h.at, h.who, h.status"
            " FROM decisions d JOIN decisions h ON h.about = d.about AND h.head = 1 WHERE "
            + ("d.batch = ? AND d.batch != ''" if batch else f"d.id IN ({','.join('?' * len(names))})")
            + " AND d.undone = 0 ORDER BY d.n",
            (batch,) if batch else names,
        )
        return list(map(_Undone._make, rows))

    def _wisher(self, wish: Wish) -> str:
        return wish.who or self.settings.reviewer

    def _nothing_to_undo(self, wish: Wish) -> str:
        if not wish.of:
            return "nothing of yours stands that could be"
        known = self.db.execute("SELECT 1 FROM decisions WHERE id = ? OR batch = ?", (wish.of, wish.of)).fetchone()
        return "it was taken back already" if known else "there is no such decision"

    def _said_of_undone(self, wish: Wish, rows: Sequence[_Undone], left: Sequence[_Undone]) -> str:
        """What a person is to know of decisions that were taken back, and of those that were not."""
        me = self._wisher(wish)
        others = sorted({row.who or "nobody" for row in rows if row.who != me})
        whose = f"made by {', '.join(others)}" if others else ""
        if not left:
            return whose
        who = "you" if left[0].top_who == me else left[0].top_who or "somebody"
        did = DID[left[0].status] if left[0].status in ("drop", "edit") else "decided otherwise"
        on_top = f"{who} {did} on top of it: take that back first"
        if len(left) == len(rows):
            return on_top
        return "; ".join(filter(None, (whose, f"{len(left):,} of {len(rows):,} stay as they are: {on_top}")))

    def _restored(self, bodies: Bodies, row: _Undone, undone: frozenset[str], batch: str) -> Decision | None:
        """The decision that puts back what stood before another and those undone together with it; None where
        somebody has decided on top of it."""
        name, at, about, moment = row.id, row.at, row.about, row.top_at
        stands, done = _resolved(bodies, row.top), bodies.one(name)
        if stands is None or done is None or decisions.identity(stands) not in undone:
            return None
        older = self.db.execute(
            "SELECT id FROM decisions WHERE about = ? AND (at, id) < (?, ?) ORDER BY at DESC, id DESC",
            (about, at, name),
        )
        was = next((other for (other,) in older if other not in undone), None)
        old = _resolved(bodies, was) if was else None
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


def _other_place(finding: Finding) -> str:
    other = finding.related[0]
    return f"{other.file}:{other.line}"


def _after(old: Decision, when: str) -> str:
    """A moment, or just after an older decision where some clock runs ahead."""
    least = datetime.fromtimestamp(decisions.time_of(old), UTC) + timedelta(milliseconds=1)
    return max(datetime.fromisoformat(when), least).isoformat(timespec="milliseconds")


def _resolved(bodies: Bodies, name: str) -> Decision | None:
    """The decision itself, where another only restores it; None where nothing stands."""
    made = bodies.one(name)
    while made is not None and made.undoes:
        made = bodies.one(made.base) if made.base else None
    return made

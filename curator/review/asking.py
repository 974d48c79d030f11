"""What pages ask of the index: findings of a filter, counts, groups, and what was decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from curator.decisions import agreement
from curator.model import Decision
from curator.review.bodies import Bodies
from curator.review.entries import COLUMNS, Entry, entry_of
from curator.review.filters import ORDERS, Filter, Kind
from curator.review.reading import Reading
from curator.review.safe import plain

# What one act came to, in SQL: a batch, or what took it back. A decision that restores an older one has that one's batch.
_ACT = (
    "CASE WHEN undoes != '' THEN coalesce((SELECT 'undone ' || o.batch FROM decisions o"
    " WHERE o.id = decisions.undoes AND o.batch != ''), decisions.id) WHEN batch = '' THEN id ELSE batch END"
)


class Asking(Reading):
    """Answers from the index: pages by key, never by offset, and counts that are kept until something is decided."""

    def entries(
        self, chosen: Filter, *, after: int | None = None, before: int | None = None, limit: int = 40
    ) -> list[Entry]:
        """Findings of a filter in its order: those after a key, or the last before one."""
        column = ORDERS[chosen.order]
        turn = "DESC" if before is not None else "ASC"
        with self.lock:
            where, values = chosen.where()
            if before is not None:
                where, values = f"{where} AND {column} < ?", [*values, before]
            elif after is not None:
                where, values = f"{where} AND {column} > ?", [*values, after]
            if chosen.order == "rule" and (span := self._span(chosen)):
                where, values = f"{where} AND rank BETWEEN ? AND ?", [*values, *span]
            sql = f"SELECT {COLUMNS} FROM findings WHERE {where} ORDER BY {column} {turn} LIMIT ?"
            rows = self.db.execute(sql, [*values, limit]).fetchall()
        entries = list(map(entry_of, rows))
        return entries[::-1] if before is not None else entries

    def _span(self, chosen: Filter) -> tuple[int, int] | None:
        """The first and the last rank of the rules that a filter lets through, where it names some."""
        if not (chosen.rules or chosen.severities):
            return None
        wanted = {kind.code for kind in self._tally() if chosen.of_kind(kind, status=False)}
        known = [span for code, span in self._spans().items() if code in wanted]
        return (min(low for low, _ in known), max(high for _, high in known)) if known else None

    def _spans(self) -> dict[str, tuple[int, int]]:
        """The first and the last rank of every rule."""
        if "spans" not in self._told:
            codes = {kind.code for kind in self._tally()}
            sql = "SELECT (SELECT rank FROM findings WHERE code = ?1 ORDER BY rank LIMIT 1), max(rank) FROM findings WHERE code = ?1"
            self._told["spans"] = {code: self._one(sql, (code,)) for code in codes}
        return self._told["spans"]  # type: ignore[no-any-return]

    def _tally(self, take: tuple[int, int] = (1, 1)) -> dict[Kind, int]:
        """How many findings there are of each kind; read once, until something is decided."""
        key = ("tally", take)
        if key not in self._told:
            where, values = ("slot % ? = ?", (take[1], take[0] - 1)) if take[1] > 1 else ("1", ())
            sql = f"SELECT code, severity, status, fix, disputed, count(*) FROM findings WHERE {where} GROUP BY 1, 2, 3, 4, 5"
            rows = self.db.execute(sql, values)
            self._told[key] = {Kind(*kind): number for *kind, number in rows}
        return self._told[key]  # type: ignore[no-any-return]

    def entry(self, finding: str) -> Entry | None:
        with self.lock:
            row = self.db.execute(f"SELECT {COLUMNS} FROM findings WHERE id = ?", (finding,)).fetchone()
        return entry_of(row) if row else None

    def at_place(self, chosen: Filter, code: str, file: str, line: int) -> Entry | None:
        """What a rule finds on a line of a file, else what comes behind it in the order of the filter: of that rule, or
        of any where the order is that of the file. In a drawn order nothing else does."""
        with self.lock:
            known = self._one("SELECT max(number) FROM files WHERE path = ?", (file,))[0]
        where, values = chosen.where()
        where += f" AND edit = '' AND (file, line) {'=' if chosen.order == 'sample' else '>='} (?, ?)"
        where += "" if chosen.order == "file" else " AND code = ?"
        sql = f"SELECT {COLUMNS} FROM findings WHERE {where} ORDER BY (code, file, line) != (?, ?, ?), {ORDERS[chosen.order]}"
        values += [known, line, *([] if chosen.order == "file" else [code]), code, known, line]
        with self.lock:
            row = self.db.execute(f"{sql} LIMIT 1", values).fetchone()
        return entry_of(row) if row else None

    def of_row(self, root: str, *, limit: int = -1, edited: bool = False, now: bool = False) -> list[Entry]:
        """The findings about a row of the file: all, the first of them, those about what an edit made of it, or
        those that are there now: without what an edit has settled."""
        only = " AND edit != ''" if edited else " AND status != 'edit'" if now else ""
        sql = f"SELECT {COLUMNS} FROM findings WHERE root = ?{only} ORDER BY rank LIMIT ?"
        with self.lock:
            rows = self.db.execute(sql, (root, limit)).fetchall()
        return list(map(entry_of, rows))

    def standing_of(self, roots: Iterable[str], limit: int) -> dict[str, dict[str, str]]:
        """How findings about rows stand, by their ids: of a row with very many the first."""
        out: dict[str, dict[str, str]] = {}
        with self.lock:
            for root in roots:
                sql = "SELECT id, status, head, who FROM findings WHERE root = ? ORDER BY rank LIMIT ?"
                for name, status, head, who in self.db.execute(sql, (root, limit)):
                    out[name] = {"status": status, "head": head, "who": plain(who)}
        return out

    def counts(self, chosen: Filter) -> dict[str, int]:
        """How many findings of a filter there are by status, whatever its own status is."""
        with self.lock:
            if chosen.by_kind:
                found: Counter[str] = Counter()
                for kind, number in self._tally(chosen.take).items():
                    if chosen.of_kind(kind, status=False):
                        found[kind.status] += number
                return dict(found)
            where, values = chosen.where(status=False)
            sql = f"SELECT status, count(*) FROM findings WHERE {where} GROUP BY status"
            return dict(self.db.execute(sql, values).fetchall())

    def count(self, chosen: Filter) -> int:
        """How many findings a filter lets through."""
        return self._count(chosen)

    def _count(self, chosen: Filter, *, fixable: bool = False) -> int:
        with self.lock:
            if chosen.by_kind and chosen.status != "changed":
                tally = self._tally(chosen.take)
                return sum(n for kind, n in tally.items() if chosen.of_kind(kind) and (kind.fix or not fixable))
            where, values = chosen.where()
            condition = " AND fix != ''" if fixable else ""
            return int(self._one(f"SELECT count(*) FROM findings WHERE {where}{condition}", values)[0])

    def matrix(self, take: tuple[int, int] = (1, 1)) -> dict[str, dict[str, int]]:
        """Findings by code and status."""
        found: dict[str, dict[str, int]] = {}
        with self.lock:
            for kind, number in self._tally(take).items():
                of_code = found.setdefault(kind.code, {})
                of_code[kind.status] = of_code.get(kind.status, 0) + number
        return found

    def more_places(self, take: tuple[int, int] = (1, 1)) -> int:
        """How many findings more the lint counts: of equal rows each has what is one finding here."""
        where, values = Filter(status="all", take=take).where()
        with self.lock:
            return int(self._one(f"SELECT coalesce(sum(copies - 1), 0) FROM findings WHERE {where}", values)[0])

    def special(self, take: tuple[int, int] = (1, 1)) -> dict[str, int]:
        """How many findings are disputed, were decided on an earlier version of their row, can be mended safely."""
        with self.lock:
            tally = self._tally(take)
        return {
            "disputed": sum(n for kind, n in tally.items() if kind.disputed),
            "changed": self.count(Filter(status="changed", take=take)),
            "safe": sum(n for kind, n in tally.items() if kind.fix == "safe" and kind.status == "open"),
        }

    def groups(
        self, kind: str, *, after: int = 0, limit: int = 20, undecided: bool = True, size: int = 0
    ) -> list[dict[str, Any]]:
        """Groups of rows that findings join, of one size where it is named: number, size, findings and how many are open."""
        having = "HAVING open > 0" if undecided else ""
        with self.lock:
            rows = self.db.execute(
                "SELECT g.number, g.kind, g.size, count(f.id) AS found, sum(f.status IN ('open', 'later')) AS open,"
                " group_concat(DISTINCT f.code) FROM groups g JOIN findings f ON f.cluster = g.number"
                f" WHERE g.kind = ? AND g.number > ? AND (? = 0 OR g.size = ?) GROUP BY g.number {having}"
                " ORDER BY g.number LIMIT ?",
                (kind, after, size, size, limit),
            ).fetchall()
        return [dict(zip(("number", "kind", "size", "found", "open", "codes"), row, strict=True)) for row in rows]

    def group_counts(self) -> dict[str, tuple[int, int]]:
        """By kind: (groups, groups in which something is open)."""
        with self.lock:
            rows = self.db.execute(
                "SELECT kind, count(*), sum(open > 0) FROM (SELECT g.number, g.kind AS kind,"
                " sum(f.status IN ('open', 'later')) AS open FROM groups g JOIN findings f ON f.cluster = g.number"
                " GROUP BY g.number) GROUP BY kind"
            ).fetchall()
        return {kind: (groups, still or 0) for kind, groups, still in rows}

    def group_sizes(self, kind: str = "repeats") -> list[tuple[int, int]]:
        """(rows in a group, how many groups are as large), in order of size."""
        with self.lock:
            return self.db.execute(
                "SELECT size, count(*) FROM groups WHERE kind = ? GROUP BY size ORDER BY size", (kind,)
            ).fetchall()

    def kind_of_group(self, group: int) -> str:
        with self.lock:
            row = self.db.execute("SELECT kind FROM groups WHERE number = ?", (group,)).fetchone()
        return row[0] if row else ""

    def members(self, group: int) -> list[dict[str, Any]]:
        """The rows of a group, in order: place, content id, and the finding about each, if any."""
        with self.lock:
            rows = self.db.execute(
                "SELECT p.path, m.line, m.row, (SELECT f.id FROM findings f WHERE f.cluster = m.grp AND f.file = m.file"
                " AND f.line = m.line LIMIT 1)"
                " FROM members m JOIN files p ON p.number = m.file WHERE m.grp = ? ORDER BY m.file, m.line",
                (group,),
            ).fetchall()
        return [dict(zip(("file", "line", "row", "finding"), row, strict=True)) for row in rows]

    def group_entries(self, group: int) -> list[Entry]:
        return self.entries(Filter(status="all", group=group), limit=1 << 30)

    def history(
        self, *, who: str = "", code: str = "", verdict: str = "", before: int = 0, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Decisions, the newest first; those of a batch as one, and those that take a batch back."""
        parts: list[str] = ["NOT (verdict = 'later' AND undoes = '' AND about LIKE 'r:%')"]  # goes with another
        values: list[Any] = []
        for column, value in (("who", who), ("code", code), ("verdict", verdict)):
            if value:
                parts.append(f"{column} = ?")
                values.append(value)
        if before:
            parts.append("n < ?")
            values.append(before)
        with self.lock, Bodies(self.db) as bodies:
            rows = self.db.execute(
                "SELECT max(n), at, who, verdict, code, batch, undoes, min(undone), count(*), id,"
                " CASE status WHEN 'overruled' THEN verdict ELSE status END,"
                f" count(DISTINCT status) FROM decisions WHERE {' AND '.join(parts)} GROUP BY {_ACT}"
                " ORDER BY max(n) DESC LIMIT ?",
                [*values, limit],
            ).fetchall()
            names = (
                "n",
                "at",
                "who",
                "verdict",
                "code",
                "batch",
                "undoes",
                "undone",
                "number",
                "id",
                "status",
                "kinds",
            )
            told = [dict(zip(names, row, strict=True)) for row in rows]
            told = [{**item, "decision": bodies.one(item["id"])} for item in told]
        return [item for item in told if item["decision"] is not None]

    def reviewers(self) -> list[str]:
        with self.lock:
            return [who for (who,) in self.db.execute("SELECT DISTINCT who FROM decisions ORDER BY who")]

    def decided(self) -> int:
        """How many decisions the log holds."""
        with self.lock:
            return int(self._one("SELECT count(*) FROM decisions")[0])

    def judgements(self) -> list[agreement.Precision]:
        """The precision of every rule that found something, by the decisions that stand one by one."""
        with self.lock:
            rows = self.db.execute(
                "SELECT code, sum(verdict != 'keep'), sum(verdict = 'keep') FROM decisions WHERE head = 1 AND code != ''"
                " AND batch = '' AND status NOT IN ('open', 'later', 'overruled') AND about NOT LIKE 'c:%'"
                " AND (about NOT LIKE 'r:%' OR cause != '') GROUP BY code"
            ).fetchall()
        known = {code: agreement.Precision.of(code, right, wrong) for code, right, wrong in rows}
        codes = sorted({*known, *self.matrix()})
        return [known.get(code) or agreement.Precision.of(code, 0, 0) for code in codes]

    def made(self) -> list[Decision]:
        """All decisions, in the order they were read."""
        with self.lock, Bodies(self.db) as bodies:
            return list(bodies.of("1"))

    def verdicts(self, finding: str) -> list[Decision]:
        """What was decided about a finding, the oldest first."""
        with self.lock, Bodies(self.db) as bodies:
            either = "d.n IN (SELECT n FROM decisions WHERE about = ?1 UNION SELECT n FROM decisions WHERE cause = ?1 AND cause != '')"
            return list(bodies.of(either, (finding,), order="at, d.id"))

    def decision(self, name: str) -> Decision | None:
        with self.lock, Bodies(self.db) as bodies:
            return bodies.one(name)

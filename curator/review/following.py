"""Decisions as the index shows them: the log is read from where it was left, and what it changes is marked.

Of several decisions about one thing the newest counts, in the order of `decisions.in_order`. A finding is
settled, in this order, by a decision about its whole row, by one about itself, by one about its rule in the row.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import msgspec

from curator import decisions
from curator.errors import SourceError
from curator.model import Decision
from curator.review import schema

MANY = 5_000  # decisions at once from which on indices are made anew, where no more are known
_EDGE = 4096  # bytes at both ends of what was read, by which a log is known again

decode_decision = msgspec.json.Decoder(Decision).decode
_encode = msgspec.json.Encoder().encode


class Mark(msgspec.Struct, frozen=True):
    """How far a log was read, and hashes of the ends of that part."""

    size: int = 0
    head: str = ""
    tail: str = ""


class Told(msgspec.Struct, frozen=True):
    """What following the logs came to: findings and rows that were decided upon, and edits that now stand."""

    new: int = 0
    rows: frozenset[str] = frozenset()
    anew: bool = False


def target_of(decision: Decision) -> str:
    """What a decision is about, as one string."""
    target = decisions.target(decision)
    return f"f:{target[0]}" if len(target) == 1 else f"r:{target[0]}" if not target[1] else f"c:{':'.join(target)}"


def status_of(decision: Decision) -> str:
    """What a finding is once this is decided: open where something was taken back or has expired."""
    if decisions.expired(decision):
        return "open"
    if decision.verdict == "later":
        return "later" if decision.id and not decision.whole and (not decision.undoes or decision.base) else "open"
    return decision.verdict


def logs_of(paths: Sequence[str | Path]) -> list[Path]:
    """The logs that may speak of these files or folders, and the one that is written."""
    return list(dict.fromkeys([*decisions.places(paths), decisions.place(paths)]))


def edited(db: sqlite3.Connection) -> frozenset[str]:
    """The rows that an edit stands for, by their content ids."""
    found = db.execute("SELECT substr(target, 3) FROM heads WHERE status = 'edit' AND target LIKE 'r:%'")
    return frozenset(row for (row,) in found)


def follow(db: sqlite3.Connection, logs: Sequence[Path]) -> Told:
    """Read what was added to the logs since the last time, inside one transaction."""
    marks = _marks(db)
    new: list[Decision] = []
    after = dict(marks)
    for log in logs:
        mark = marks.get(str(log), Mark())
        part, now = _read_on(log, mark)
        if now is None:
            return _anew(db, logs)
        if part:
            new += decisions.parsed(part).decisions
        if now != mark:
            after[str(log)] = now
    if after == marks:
        return Told()
    rows = _take_in(db, new)
    _keep_marks(db, after)
    return Told(len(new), rows)


def _anew(db: sqlite3.Connection, logs: Sequence[Path]) -> Told:
    """A log is not what it was: what came to it is taken in; where something is gone, all begins from nothing."""
    after: dict[str, Mark] = {}
    new: list[Decision] = []
    for log in logs:
        part, now = _read_on(log, Mark())
        new += decisions.parsed(part).decisions
        after[str(log)] = now or Mark()
    there = {decisions.identity(decision) for decision in new}
    if any(name not in there for (name,) in db.execute("SELECT id FROM decisions")):
        db.execute("DELETE FROM decisions")
        db.execute("DELETE FROM heads")
        db.execute("DELETE FROM findings WHERE edit != ''")
        db.execute(
            "UPDATE findings SET status = 'open', who = '', head = '', disputed = 0"
            " WHERE status != 'open' OR head != '' OR disputed != 0"
        )
    rows = _take_in(db, new)
    _keep_marks(db, after)
    return Told(len(new), rows, anew=True)


def _read_on(log: Path, mark: Mark) -> tuple[bytes, Mark | None]:
    """(whole lines after the mark, the new mark); None where what was read has changed."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            if size == mark.size:
                return b"", mark if _ends(file, mark.size) == (mark.head, mark.tail) or not size else None
            if size < mark.size or (mark.size and _ends(file, mark.size) != (mark.head, mark.tail)):
                return b"", None
            file.seek(mark.size)
            part = file.read(size - mark.size)
            whole = part[: part.rfind(b"\n") + 1]
            stop = mark.size + len(whole)
            return whole, Mark(stop, *_ends(file, stop)) if stop else Mark()
    except FileNotFoundError:
        return b"", Mark() if not mark.size else None
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(log)) from None


def _ends(file: object, size: int) -> tuple[str, str]:
    digests = []
    for start in (0, max(0, size - _EDGE)):
        file.seek(start)  # type: ignore[attr-defined]
        body = file.read(min(_EDGE, size))  # type: ignore[attr-defined]
        digests.append(hashlib.blake2b(body, digest_size=8).hexdigest())
    return digests[0], digests[1]


def _marks(db: sqlite3.Connection) -> dict[str, Mark]:
    found = db.execute("SELECT value FROM meta WHERE key = 'followed'").fetchone()
    return msgspec.json.decode(found[0], type=dict[str, Mark]) if found else {}


def _keep_marks(db: sqlite3.Connection, marks: dict[str, Mark]) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES ('followed', ?)", (msgspec.json.encode(marks).decode(),))


# ---------------------------------------------------------------------- what new decisions change


def _take_in(db: sqlite3.Connection, new: Sequence[Decision]) -> frozenset[str]:
    """Record decisions and mark the findings they are about; the rows with a standing or former edit."""
    entries, heads = _entries(db, new)
    first = db.execute("SELECT coalesce(max(n), 0) FROM decisions").fetchone()[0]
    many = len(entries) > max(MANY, first)
    with schema.decisions_unindexed(db) if many else nullcontext():
        db.executemany(
            "INSERT INTO decisions(id, at, who, verdict, target, row, finding, code, batch, undoes, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            entries,
        )
        db.executemany(
            "INSERT INTO heads(target, n, at, id, status, who, cause) VALUES (?, 0, ?, ?, ?, ?, ?)"
            " ON CONFLICT(target) DO UPDATE SET at = excluded.at, id = excluded.id, status = excluded.status,"
            " who = excluded.who, cause = excluded.cause"
            " WHERE (excluded.at, excluded.id) >= (heads.at, heads.id)",
            heads,
        )
    db.executemany("UPDATE decisions SET undone = 1 WHERE id = ?", [(entry[9],) for entry in entries if entry[9]])
    with schema.statuses_unindexed(db) if many else nullcontext():
        _mark(db, first)
    _dispute(db, first)
    edited = {decision.row for decision in new if (decision.whole or not decision.finding)}
    return frozenset(edited)


def _entries(db: sqlite3.Connection, new: Sequence[Decision]) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """What is to be recorded of decisions that are not known yet: themselves, and what each is the newest about."""
    entries: list[tuple[Any, ...]] = []
    heads: dict[str, tuple[Any, ...]] = {}
    seen = {row[0] for row in db.execute("SELECT id FROM decisions")} if len(new) > 50 else None
    for d in new:
        name = decisions.identity(d)
        if (name in seen) if seen is not None else _known(db, name):
            continue
        if seen is not None:
            seen.add(name)
        at, target = decisions.time_of(d), target_of(d)
        entries.append((name, at, d.who, d.verdict, target, d.row, d.finding, d.code, d.batch, d.undoes, _encode(d)))
        held = heads.get(target)
        if held is None or (at, name) >= held[1:3]:
            heads[target] = (target, at, name, status_of(d), d.who, d.finding if d.whole else "")
    return entries, [heads[target] for target in sorted(heads)]  # in the order of the table: it grows at its end


def _known(db: sqlite3.Connection, name: str) -> bool:
    return db.execute("SELECT 1 FROM decisions WHERE id = ?", (name,)).fetchone() is not None


# What settles a finding, the first that there is, and what it shows where nothing does.
_SETTLES = """
  SELECT h.status, h.who, h.id FROM heads h
    WHERE h.target = 'r:' || f.root AND (h.status = 'drop' OR (h.status = 'edit' AND f.edit = ''))
  UNION ALL SELECT h.status, h.who, h.id FROM heads h
    WHERE h.cause = f.id AND h.cause != '' AND h.status IN ('drop', 'edit') AND f.edit = ''
  UNION ALL SELECT h.status, h.who, h.id FROM heads h WHERE h.target = 'f:' || f.id
  UNION ALL SELECT h.status, h.who, h.id FROM heads h WHERE h.target = 'c:' || f.row || ':' || f.code
  UNION ALL SELECT 'open', '', coalesce((SELECT h.id FROM heads h WHERE h.target = 'r:' || f.root), '')
  LIMIT 1"""


def _mark(db: sqlite3.Connection, first: int) -> None:
    """Mark the findings that the decisions after number `first` may have settled or opened."""
    db.execute("DROP TABLE IF EXISTS temp.touched")
    db.execute(
        "CREATE TEMP TABLE touched AS SELECT f.rank FROM decisions d JOIN findings f ON f.id = d.finding WHERE d.n > ?1"
        " UNION SELECT f.rank FROM decisions d JOIN findings f ON f.root = d.row"
        "  WHERE d.n > ?1 AND d.target NOT LIKE 'f:%'"
        " UNION SELECT f.rank FROM decisions d JOIN findings f ON f.row = d.row"
        "  WHERE d.n > ?1 AND d.target LIKE 'c:%'",
        (first,),
    )
    _settle(db)


def settle_again(db: sqlite3.Connection, ranks: Iterable[int]) -> None:
    """Mark these findings by the decisions that stand, as when they come in anew."""
    db.execute("DROP TABLE IF EXISTS temp.touched")
    db.execute("CREATE TEMP TABLE touched(rank INT)")
    db.executemany("INSERT INTO touched VALUES (?)", [(rank,) for rank in ranks])
    _settle(db)


def _settle(db: sqlite3.Connection) -> None:
    """Mark the touched findings by the heads; one that nothing settles shows what was last said of its row."""
    db.execute(
        f"UPDATE findings AS f SET (status, who, head) = ({_SETTLES}) WHERE f.rank IN (SELECT rank FROM touched)"
    )


def _dispute(db: sqlite3.Connection, first: int) -> None:
    """Mark findings on which reviewers differ, where nobody has decided with the other's verdict in sight."""
    if db.execute("SELECT (SELECT min(who) FROM decisions) IS (SELECT max(who) FROM decisions)").fetchone()[0]:
        return  # one reviewer alone
    found: defaultdict[str, list[Decision]] = defaultdict(list)
    bodies = db.execute(
        "SELECT finding, body FROM decisions WHERE finding IN (SELECT finding FROM decisions WHERE n > ?) AND"
        " finding != '' AND undone = 0 AND undoes = '' ORDER BY at, id",
        (first,),
    )
    for finding, body in bodies:
        found[finding].append(decode_decision(body))
    db.executemany(
        "UPDATE findings SET disputed = ? WHERE id = ?", [(int(disputed(made)), name) for name, made in found.items()]
    )


def disputed(made: Sequence[Decision]) -> bool:
    """Whether reviewers differ about one finding: decisions in order of time, none taken back.

    Who decides on top of another's verdict (`base`) has seen it and settles it; who did not, disputes it.
    """
    if not made:
        return False
    newest = made[-1]
    seen = next((n for n, other in enumerate(made) if newest.base and decisions.identity(other) == newest.base), -1)
    last = {decision.who: (n, decision) for n, decision in enumerate(made) if decision.verdict != "later"}
    return any(
        n > seen and decision.verdict != newest.verdict and who != newest.who for who, (n, decision) in last.items()
    )

"""Decisions as the index shows them: the log is read from where it was left, and what it changes is marked.

Of several decisions about one thing the newest counts, in the order of `decisions.in_order`. A finding is
settled, in this order, by a decision about its whole row, by one about itself, by one about its rule in the row.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np

from curator import decisions
from curator.errors import SourceError
from curator.model import Decision
from curator.review import schema
from curator.review.bodies import Bodies
from curator.scan.collector import uncollected

MANY = 5_000  # decisions at once from which on indices are made anew, where no more are known
_BLOCK = 1 << 18  # bytes of a log that are hashed at once: what is added costs the hash of the last block

_New = tuple[Decision, int, int, int]  # a decision with its place: number of the log, first byte, bytes


class _Entry(NamedTuple):
    """What the index holds of a decision: see the table of decisions."""

    id: str
    at: float
    who: str
    verdict: str
    status: str
    about: str
    cause: str
    code: str
    batch: str
    undoes: str
    log: int
    start: int
    size: int
    pair: str


class Mark(msgspec.Struct, frozen=True):
    """How far a log was read, and by what that part is known again: hashes of its whole blocks, chained, and of the rest."""

    size: int = 0
    blocks: str = ""
    rest: str = ""


_NOTHING = Mark()


class Told(msgspec.Struct, frozen=True):
    """What following the logs came to: findings and rows that were decided upon, and edits that now stand.

    `known` says that every decision there is names a finding that is there; where it does not say so, it may.
    """

    new: int = 0
    rows: frozenset[str] = frozenset()
    anew: bool = False
    known: bool = False


def about(decision: Decision) -> str:
    """What a decision is about, as one string: see the table of decisions."""
    if decision.finding and not decision.whole:
        return decision.finding
    target = decisions.target(decision)
    return f"c:{':'.join(target)}" if target[1] else f"r:{target[0]}"


def status_of(decision: Decision) -> str:
    """What a finding is once this is decided: open where something was taken back or has expired."""
    if decisions.expired(decision):
        return "open"
    if decision.verdict == "later":
        return "later" if decisions.is_postponed(decision) else "open"
    return decision.verdict


def logs_of(paths: Sequence[str | Path]) -> list[Path]:
    """The logs that may speak of these files or folders, and the one that is written."""
    return list(dict.fromkeys([*decisions.places(paths), decisions.place(paths)]))


def edited(db: sqlite3.Connection) -> frozenset[str]:
    """The rows that an edit stands for, by their content ids."""
    found = db.execute("SELECT substr(about, 3) FROM decisions WHERE head = 1 AND status = 'edit' AND about GLOB 'r:*'")
    return frozenset(row for (row,) in found)


@uncollected()
def follow(db: sqlite3.Connection, logs: Sequence[Path], sure: Collection[Path] = ()) -> Told:
    """Read what was added to the logs since the last time, inside one transaction.

    A log of which anything read before has changed is read anew; those in `sure` are known to hold it still.
    """
    if lapsed(db):
        return _anew(db, logs)
    marks = _marks(db)
    new: list[_New] = []
    after = dict(marks)
    for log in logs:
        mark = marks.get(str(log), Mark())
        part, now = _read_on(log, mark, sure=log in sure)
        if now is None:
            return _anew(db, logs)
        if part:
            new += _placed(part, _number_of(db, log), mark.size)
        if now != mark:
            after[str(log)] = now
    if after == marks:
        return Told()
    rows, known = _take_in(db, new)
    _keep_marks(db, after)
    return Told(len(new), rows, known=known)


def lapsed(db: sqlite3.Connection) -> bool:
    """Whether the day has passed up to which some decision holds, since the logs were followed."""
    row = db.execute("SELECT value FROM meta WHERE key = 'until'").fetchone()
    return row is not None and not decisions.is_day(row[0])


def _keep_until(db: sqlite3.Connection, new: Iterable[_New]) -> None:
    """Note the first day that is to pass of those up to which decisions hold."""
    known = db.execute("SELECT value FROM meta WHERE key = 'until'").fetchone() or ()
    days = [day for day in (*known, *(made.expires for made, *_ in new if made.expires)) if decisions.is_day(day)]
    db.execute("DELETE FROM meta WHERE key = 'until'")
    if days:
        db.execute(
            "INSERT INTO meta VALUES ('until', ?)", (min(days, key=lambda day: datetime.fromisoformat(day).date()),)
        )


def _anew(db: sqlite3.Connection, logs: Sequence[Path]) -> Told:
    """A log is not what it was: all that is told of decisions begins from nothing."""
    after: dict[str, Mark] = {}
    new: list[_New] = []
    db.execute("DELETE FROM logs")
    for log in logs:
        part, now = _read_on(log, Mark())
        new += _placed(part, _number_of(db, log), 0)
        after[str(log)] = now or Mark()
    db.execute("DELETE FROM decisions")
    db.execute("DELETE FROM meta WHERE key = 'rings'")
    with schema.statuses_unindexed(db) if len(new) > MANY else nullcontext():
        db.execute(
            "UPDATE findings SET status = 'open', who = '', head = '', disputed = 0"
            " WHERE status != 'open' OR head != '' OR disputed != 0"
        )
        rows, known = _take_in(db, new)
    gone = db.execute("DELETE FROM findings WHERE edit != '' AND edit NOT IN (SELECT id FROM decisions)").rowcount
    _keep_marks(db, after)
    return Told(len(new), rows, anew=True, known=known and not gone)


def _number_of(db: sqlite3.Connection, log: Path) -> int:
    """The number by which the index names a log."""
    db.execute("INSERT OR IGNORE INTO logs(path) VALUES (?)", (str(log),))
    return int(db.execute("SELECT number FROM logs WHERE path = ?", (str(log),)).fetchone()[0])


def _placed(part: bytes, log: int, offset: int) -> Iterator[_New]:
    """The decisions in whole lines of a log that begin at `offset`, with their places."""
    read = decisions.parsed(part)
    breaks = np.flatnonzero(np.frombuffer(part, np.uint8) == ord("\n"))
    lines = np.array(read.lines, dtype=np.int64) - 1
    starts = np.concatenate(([0], breaks + 1))[lines]
    sizes = (breaks[lines] - starts).tolist()
    yield from zip(read.decisions, repeat(log), (starts + offset).tolist(), sizes, strict=False)


def _read_on(log: Path, mark: Mark, *, sure: bool = False) -> tuple[bytes, Mark | None]:
    """(whole lines after the mark, the new mark); None where what was read has changed."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            if size < mark.size or not (sure or _marked(file, mark.size) == mark):
                return b"", None
            file.seek(mark.size)
            part = file.read(size - mark.size)
            whole = part[: part.rfind(b"\n") + 1]
            return whole, _marked(file, mark.size + len(whole), mark) if whole else mark
    except FileNotFoundError:
        return b"", Mark() if not mark.size else None
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(log)) from None


def _marked(file: BinaryIO, size: int, known: Mark = _NOTHING) -> Mark:
    """The mark behind `size` bytes of a log; what lies before the last whole block of `known` is not read again."""
    if not size:
        return _NOTHING
    at, chain = known.size - known.size % _BLOCK, known.blocks
    file.seek(at)
    while size - at >= _BLOCK:
        chain = _hash(chain.encode() + file.read(_BLOCK))
        at += _BLOCK
    return Mark(size, chain, _hash(file.read(size - at)))


def _hash(body: bytes) -> str:
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _marks(db: sqlite3.Connection) -> dict[str, Mark]:
    found = db.execute("SELECT value FROM meta WHERE key = 'followed'").fetchone()
    return msgspec.json.decode(found[0], type=dict[str, Mark]) if found else {}


def _keep_marks(db: sqlite3.Connection, marks: dict[str, Mark]) -> None:
    db.execute("INSERT OR REPLACE INTO meta VALUES ('followed', ?)", (msgspec.json.encode(marks).decode(),))


# ---------------------------------------------------------------------- what new decisions change


def _take_in(db: sqlite3.Connection, new: Sequence[_New]) -> tuple[frozenset[str], bool]:
    """Record decisions and mark the findings they are about.

    (The rows with a standing or former edit, whether all decisions that there are name findings that are there.)
    """
    first = db.execute("SELECT coalesce(max(n), 0) FROM decisions").fetchone()[0]
    _keep_until(db, new)
    entries = _entries(db, new)
    heads = _heads(db, entries) if first else _newest(entries)
    many = len(entries) > max(MANY, first)
    rows = frozenset(decision.row for decision, *_ in new if decision.whole or not decision.finding)
    with schema.decisions_unindexed(db) if many else nullcontext():
        db.executemany(
            "INSERT INTO decisions(id, at, who, verdict, status, about, cause, code, batch, undoes, log, start, size, pair, head)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            entries,
        )
        if len(heads) < len(entries):
            passed = [(n,) for n, entry in enumerate(entries, first + 1) if heads.get(entry.about) is not entry]
            db.executemany("UPDATE decisions SET head = 0 WHERE n = ?", passed)
    db.executemany(
        "UPDATE decisions SET undone = 1 WHERE id = ?", [(entry.undoes,) for entry in entries if entry.undoes]
    )
    late = "EXISTS (SELECT 1 FROM decisions o WHERE o.undoes = decisions.id AND o.undoes != '')"
    db.execute(f"UPDATE decisions SET undone = 1 WHERE n > ? AND undone = 0 AND {late}", (first,))
    known = False
    changed = _overrule(db, first)
    if many:
        with schema.statuses_unindexed(db):
            known = _mark_many(db, heads) == len(heads) and not first
            if rows or first:
                _mark(db, 0, findings=False)
    else:
        _mark(db, first, findings=True)
    rows |= _settle_rows(db, changed)
    _dispute(db, first)
    return rows, known


def _overrule(db: sqlite3.Connection, first: int) -> frozenset[int]:
    """Mark by "overruled" what a newer decision counts before, of those that drop or edit a row for a finding, those
    that keep or mend it, and those that take out a row of a pair (see `decisions.standing`); the numbers of those about
    a row, or one of a pair, that were marked, or no more."""
    if not db.execute("SELECT 1 FROM decisions WHERE cause != '' OR pair != '' LIMIT 1").fetchone():
        return frozenset()  # no row was dropped or edited for a finding, and none of a pair
    for name in ("causes", "pairs", "again"):
        db.execute(f"DROP TABLE IF EXISTS temp.{name}")
    db.execute(f"CREATE TEMP TABLE causes AS {_CAUSES}", (first,))
    db.execute(f"CREATE TEMP TABLE pairs AS {_PAIRS}", (first,))
    db.execute(f"CREATE TEMP TABLE again AS {_AGAIN}")
    around = db.execute(_PAIRED).fetchone() is not None
    if around:
        db.execute(f"INSERT INTO again {_RINGS_AGAIN}")
    db.execute(f"INSERT INTO causes {_CAUSES_AGAIN}")
    db.execute(
        "INSERT INTO pairs SELECT pair FROM again JOIN decisions d USING (n) WHERE pair NOT IN (SELECT pair FROM pairs)"
    )
    sided = "(cause != '' OR pair != '')"
    before = {n for (n,) in db.execute(f"SELECT n FROM decisions WHERE n IN (SELECT n FROM again) AND {sided}")}
    db.execute("UPDATE decisions SET status = verdict WHERE n IN (SELECT n FROM again)")
    with Bodies(db) as bodies:
        met = [pair for pair in db.execute(_MET).fetchall() if pair[0] or _drop_others(bodies, pair[3], pair[7])]
        passed = [min((_said(bodies, *pair[1:5]), pair[1]), (_said(bodies, *pair[5:]), pair[5]))[1] for pair in met]
        db.executemany("UPDATE decisions SET status = 'overruled' WHERE n = ?", [(n,) for n in passed])
        passed += _in_rings(db, bodies) if around else []
    whole = {n for n in passed if db.execute(f"SELECT 1 FROM decisions WHERE n = ? AND {sided}", (n,)).fetchone()}
    return frozenset(before ^ whole)


def _in_rings(db: sqlite3.Connection, bodies: Bodies) -> list[int]:
    """Mark by "overruled" what takes out the row that stays of a ring (see `decisions.all_around`); the numbers of those,
    which are kept: each is judged again once something of a pair is decided."""
    kept: list[int] = []
    if db.execute(_BY_SEVERAL).fetchone()[0]:
        found = {n: (name, decisions.Going(row, _other(pair, row))) for n, name, pair, row in db.execute(_GOING) if row}
        stay: set[str] = set()
        for ring in decisions.rings({n: gone for n, (_, gone) in found.items()}):
            made = [one for n in ring if (one := bodies.one(found[n][0])) is not None]
            first = [decisions.restored(one, bodies.one) for one in made]
            if decisions.of_several(first):
                stay.add(max(first, key=lambda d: (decisions.time_of(d), decisions.identity(d))).beside)
        kept = [n for n, (_, gone) in found.items() if gone.row in stay]
    db.executemany("UPDATE decisions SET status = 'overruled' WHERE n = ?", [(n,) for n in kept])
    db.execute("INSERT OR REPLACE INTO meta VALUES ('rings', ?)", (msgspec.json.encode(kept).decode(),))
    return kept


def _other(pair: str, row: str) -> str:
    one, _, two = pair.partition(":")
    return two if one == row else one


_BY_SEVERAL = "SELECT min(who) != max(who) OR max(undoes) != '' FROM decisions WHERE pair != '' AND head = 1"
_GOING = """
  SELECT d.n, d.id, d.pair, coalesce(f.root, iif(d.about GLOB 'r:*', substr(d.about, 3), ''))
    FROM decisions d LEFT JOIN findings f ON f.id = d.about
    WHERE d.pair != '' AND d.head = 1 AND d.status IN ('drop', 'accept')"""

# The findings that new decisions are about, as far as a whole row was dropped or edited for them, and those for which
# the rows were that new decisions are about; likewise the pairs.
_CAUSES = """
  SELECT o.cause AS about FROM decisions d JOIN decisions o ON o.cause = d.about WHERE d.n > ?1 AND o.cause != ''
  UNION SELECT o.cause FROM decisions d JOIN decisions o ON o.about = d.about WHERE d.n > ?1 AND o.cause != ''"""
_PAIRS = """
  SELECT o.pair AS pair FROM decisions d JOIN decisions o ON o.about = d.about WHERE d.n > ?1 AND o.pair != ''"""

# What was marked of these, which is judged again, with all that it may have been marked for.
_AGAIN = """
  SELECT n FROM causes c JOIN decisions d ON d.cause = c.about WHERE d.cause != '' AND status = 'overruled'
  UNION SELECT n FROM causes c JOIN decisions d ON d.about = c.about WHERE status = 'overruled'
  UNION SELECT n FROM pairs p JOIN decisions d ON d.pair = p.pair WHERE d.pair != '' AND status = 'overruled'"""
_PAIRED = "SELECT 1 FROM pairs UNION ALL SELECT 1 FROM causes c JOIN decisions d ON d.cause = c.about WHERE d.cause != '' AND d.pair != ''"
_RINGS_AGAIN = """
  SELECT n FROM meta m JOIN json_each(m.value) r JOIN decisions d ON d.n = r.value
    WHERE m.key = 'rings' AND status = 'overruled'"""
_CAUSES_AGAIN = """
  SELECT cause FROM again JOIN decisions USING (n) WHERE cause != '' AND cause NOT IN (SELECT about FROM causes)
  UNION SELECT d.about FROM again JOIN decisions d USING (n) WHERE d.cause = '' AND d.about NOT IN (SELECT about FROM causes)"""

# Decisions about a whole row for a finding beside others for it that say otherwise (1) or may drop another row (0), and
# those that may take out the one and the other row of a pair (0). One that is marked for something else counts as well.
_MET = """
  SELECT d.verdict != s.verdict, d.n, d.at, d.id, d.undoes, s.n, s.at, s.id, s.undoes
    FROM causes c CROSS JOIN decisions d ON d.cause = c.about JOIN decisions s ON s.about = d.cause
    WHERE d.cause != '' AND d.head = 1 AND s.head = 1 AND d.status IN (d.verdict, 'overruled')
      AND s.status IN (s.verdict, 'overruled') AND (d.verdict = 'drop' AND s.verdict IN ('keep', 'accept', 'drop')
      OR d.verdict = 'edit' AND s.verdict IN ('keep', 'accept'))
  UNION ALL SELECT 0, d.n, d.at, d.id, d.undoes, s.n, s.at, s.id, s.undoes
    FROM causes c CROSS JOIN decisions d ON d.cause = c.about JOIN decisions s ON s.cause = d.cause AND s.n > d.n
    WHERE d.cause != '' AND d.head = 1 AND s.head = 1 AND d.status IN ('drop', 'overruled') AND d.verdict = 'drop'
      AND s.status IN ('drop', 'overruled') AND s.verdict = 'drop' AND d.about != s.about
      AND NOT (d.who = s.who AND d.at = s.at) AND NOT (d.batch != '' AND d.batch = s.batch)
  UNION ALL SELECT 0, d.n, d.at, d.id, d.undoes, s.n, s.at, s.id, s.undoes
    FROM pairs p CROSS JOIN decisions d ON d.pair = p.pair JOIN decisions s ON s.pair = d.pair AND s.n > d.n
    WHERE d.pair != '' AND s.pair != '' AND d.head = 1 AND s.head = 1 AND d.about != s.about
      AND d.status IN (d.verdict, 'overruled') AND s.status IN (s.verdict, 'overruled')
      AND NOT (d.who = s.who AND d.at = s.at) AND NOT (d.batch != '' AND d.batch = s.batch)"""


def _drop_others(bodies: Bodies, one: str, two: str) -> bool:
    """Whether two decisions to drop something for one finding, by their ids, are about different rows and of two acts."""
    made = [decisions.restored(each, bodies.one) for name in (one, two) if (each := bodies.one(name)) is not None]
    return len(made) == 2 and decisions.drops_another(*made)


def _said(bodies: Bodies, n: int, at: float, name: str, undoes: str) -> tuple[float, str]:
    """When a decision was said first, and its id then: what an undoing restores is as old as it was before."""
    if not undoes or (made := bodies.one(name)) is None:
        return at, name
    first = decisions.restored(made, bodies.one)
    return decisions.time_of(first), decisions.identity(first)


def _settle_rows(db: sqlite3.Connection, numbers: Collection[int]) -> frozenset[str]:
    """Mark again what these decisions are about, what is found in their rows, and for what those go; the rows."""
    rows: set[str] = set()
    ranks: set[int] = set()
    for n in numbers:
        about, cause = db.execute("SELECT about, cause FROM decisions WHERE n = ?", (n,)).fetchone()
        if about.startswith("r:"):
            rows.add(about.removeprefix("r:"))
        ranks |= {rank for (rank,) in db.execute(_OF_ONE, (about.removeprefix("r:"), cause, about))}
    if ranks:
        settle_again(db, ranks)
    return frozenset(rows)


_OF_ONE = """
  SELECT rank FROM findings WHERE root = ?1 UNION SELECT rank FROM findings WHERE id IN (?2, ?3)
  UNION SELECT f.rank FROM decisions o JOIN findings f ON f.id = o.cause WHERE o.about = ?3 AND o.cause != ''"""


def _entries(db: sqlite3.Connection, new: Sequence[_New]) -> list[_Entry]:
    """What is to be recorded of decisions that are not known yet, column by column: there may be very many."""
    fresh: dict[str, _New] = {}
    for place in new:
        fresh.setdefault(place[0].id or decisions.identity(place[0]), place)
    for name in _known(db, fresh):
        del fresh[name]
    made = [decision for decision, *_ in fresh.values()]
    columns = (
        fresh,
        [decisions.time_of(d) for d in made],
        [d.who for d in made],
        [d.verdict for d in made],
        [status_of(d) if d.expires or d.verdict == "later" else d.verdict for d in made],
        [d.finding if d.finding and not d.whole else about(d) for d in made],
        [d.finding if d.whole else "" for d in made],
        [d.code for d in made],
        [d.batch for d in made],
        [d.undoes for d in made],
        [log for _, log, _, _ in fresh.values()],
        [start for _, _, start, _ in fresh.values()],
        [size for _, _, _, size in fresh.values()],
        [":".join(decisions.pair_of(d)) for d in made],
    )
    return list(map(_Entry._make, zip(*columns, strict=True)))


def _known(db: sqlite3.Connection, names: Collection[str]) -> list[str]:
    """Those of these ids that are recorded already."""
    if len(names) > 50:
        return [name for (name,) in db.execute("SELECT id FROM decisions") if name in names]
    one = "SELECT 1 FROM decisions WHERE id = ?"
    return [name for name in names if db.execute(one, (name,)).fetchone()]


def _newest(entries: Sequence[_Entry]) -> dict[str, _Entry]:
    """The newest of these decisions about each thing."""
    newest = {entry.about: entry for entry in entries}
    if len(newest) == len(entries):
        return newest
    for entry in entries:
        held = newest[entry.about]
        if (entry.at, entry.id) > (held.at, held.id):
            newest[entry.about] = entry
    return newest


def _heads(db: sqlite3.Connection, entries: Sequence[_Entry]) -> dict[str, _Entry]:
    """The newest of these decisions about each thing that nothing newer is known about; those before step down."""
    newest = _newest(entries)
    for name, entry in list(newest.items()):
        was = db.execute("SELECT at, id, n FROM decisions WHERE about = ? AND head = 1", (name,)).fetchone()
        if was and was[:2] > (entry.at, entry.id):
            del newest[name]
        elif was:
            db.execute("UPDATE decisions SET head = 0 WHERE n = ?", was[2:])
    return newest


# What settles a finding, the first that there is, and what it shows where nothing does. What was decided about it, and
# about another row for its sake, is answered by the newest; a row that goes for several findings goes for each of them.
_SETTLES = """
  SELECT d.status, d.who, d.id FROM decisions d WHERE d.about = 'r:' || f.root AND d.head = 1
    AND (d.status = 'drop' OR (d.status = 'edit' AND f.edit = ''))
  UNION ALL SELECT status, who, id FROM (
    SELECT d.status, d.who, d.id, d.at FROM decisions d WHERE d.about = f.id AND d.head = 1
      AND d.status NOT IN ('open', 'overruled')
    UNION ALL SELECT d.status, d.who, d.id, d.at FROM decisions d JOIN decisions h ON h.about = d.about AND h.head = 1
      WHERE d.cause = f.id AND d.cause != '' AND d.undone = 0 AND d.status = 'drop' AND h.status = 'drop' AND f.edit = ''
      AND NOT EXISTS (SELECT 1 FROM decisions n WHERE n.cause = d.cause AND n.cause != '' AND n.about = d.about
        AND n.undone = 0 AND (n.at, n.id) > (d.at, d.id))
    ORDER BY 4 DESC, 3 DESC LIMIT 1)
  UNION ALL SELECT d.status, d.who, d.id FROM decisions d WHERE d.about = f.id AND d.head = 1 AND d.status != 'overruled'
  UNION ALL SELECT d.status, d.who, d.id FROM decisions d WHERE d.about = 'c:' || f.row || ':' || f.code AND d.head = 1
  UNION ALL SELECT 'open', '', coalesce((SELECT d.id FROM decisions d WHERE d.about = 'r:' || f.root AND d.head = 1), '')
  LIMIT 1"""

_OF_FINDINGS = "SELECT f.rank FROM decisions d JOIN findings f ON f.id = d.about WHERE d.n > ?1 UNION "
_OF_ROWS = """
  SELECT f.rank FROM decisions d JOIN findings f ON f.id = d.cause WHERE d.n > ?1 AND d.cause != ''
  UNION SELECT f.rank FROM decisions d JOIN decisions o ON o.about = d.about JOIN findings f ON f.id = o.cause
    WHERE d.n > ?1 AND +d.about LIKE 'r:%' AND o.cause != ''
  UNION SELECT f.rank FROM decisions d JOIN findings f ON f.root = substr(d.about, 3)
    WHERE d.n > ?1 AND +d.about LIKE 'r:%'
  UNION SELECT f.rank FROM decisions d JOIN findings f ON f.row = substr(d.about, 3, instr(substr(d.about, 3), ':') - 1)
    WHERE d.n > ?1 AND +d.about LIKE 'c:%'"""


def touched(db: sqlite3.Connection, first: int) -> frozenset[int]:
    """The ranks of the findings that decisions after number `first` may have settled or opened."""
    return frozenset(rank for (rank,) in db.execute(f"{_OF_FINDINGS}{_OF_ROWS}", (first,)))


def _mark(db: sqlite3.Connection, first: int, *, findings: bool) -> None:
    """Mark the findings that decisions after number `first` may have settled or opened: those about rows, and findings."""
    db.execute("DROP TABLE IF EXISTS temp.touched")
    db.execute(f"CREATE TEMP TABLE touched AS {_OF_FINDINGS if findings else ''}{_OF_ROWS}", (first,))
    _settle(db)


def _mark_many(db: sqlite3.Connection, heads: Mapping[str, _Entry]) -> int:
    """Mark findings by the decisions about them, as if there were none about rows; how many there are."""
    told = heads.get
    found = [
        (head.status, head.who, head.id, rank)
        for rank, name in db.execute("SELECT rank, id FROM findings ORDER BY rank").fetchall()
        if (head := told(name))
    ]
    db.executemany("UPDATE findings SET status = ?, who = ?, head = ? WHERE rank = ?", found)
    return len(found)


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


_NEW = (  # the findings that new decisions are about, or for which they are about a row, and those of what they undo
    "SELECT about FROM decisions WHERE n > ?1 AND about NOT LIKE 'r:%' AND about NOT LIKE 'c:%'"
    " UNION SELECT cause FROM decisions WHERE n > ?1 AND cause != ''"
    " UNION SELECT o.cause FROM decisions d JOIN decisions o ON o.id = d.undoes WHERE d.n > ?1 AND d.undoes != '' AND o.cause != ''"
)
_OF_NEW = f"SELECT n FROM decisions WHERE about IN ({_NEW}) UNION SELECT n FROM decisions WHERE cause != '' AND cause IN ({_NEW})"

# With further ones about the pairs that some of them are of, and all that there is of the findings for which those were.
_OF_THEIR_PAIRS = f"""
  WITH RECURSIVE met(n) AS ({_OF_NEW}
    UNION SELECT o.n FROM met JOIN decisions d USING (n) JOIN decisions o ON o.pair = d.pair WHERE d.pair != '' AND o.pair != ''
    UNION SELECT o.n FROM met JOIN decisions d USING (n) JOIN decisions o ON o.cause = iif(d.cause != '', d.cause, d.about)
      WHERE d.pair != '' AND o.cause != ''
    UNION SELECT o.n FROM met JOIN decisions d USING (n) JOIN decisions o ON o.about = iif(d.cause != '', d.cause, d.about)
      WHERE d.pair != '')
  SELECT n FROM met"""


def _dispute(db: sqlite3.Connection, first: int) -> None:
    """Mark findings on which reviewers differ, where nobody has decided with the other's verdict in sight."""
    if db.execute("SELECT (SELECT min(who) FROM decisions) IS (SELECT max(who) FROM decisions)").fetchone()[0]:
        return  # one reviewer alone
    with Bodies(db) as bodies:
        which = f"n IN ({_OF_THEIR_PAIRS}) AND undone = 0 AND undoes = ''"
        told = [made for made in bodies.of(which, (first,), order="at, id") if made.finding]
    found: defaultdict[str, list[Decision]] = defaultdict(list)
    of_pairs: defaultdict[tuple[str, ...], list[Decision]] = defaultdict(list)
    for made in told:
        found[made.finding].append(made)
        if made.beside:
            of_pairs[_rows_of(made)].append(made)
    apart = {rows for rows, made in of_pairs.items() if parted(made, told)}
    db.execute(f"UPDATE findings SET disputed = 0 WHERE disputed = 1 AND id IN ({_NEW})", (first,))
    db.executemany(
        "UPDATE findings SET disputed = ? WHERE id = ?",
        [(int(disputed(made) or not apart.isdisjoint(map(_rows_of, made))), name) for name, made in found.items()],
    )


def _rows_of(made: Decision) -> tuple[str, ...]:
    """The pair that a decision is of, also one that takes back what took out a row of it."""
    return decisions.pair_of(msgspec.structs.replace(made, verdict="drop") if made.verdict == "later" else made)


def parted(made: Sequence[Decision], told: Sequence[Decision]) -> bool:
    """Whether reviewers took out another row each of one pair, for whatever was found in it, without seeing each other's
    verdict: decisions about the pair, and all that are known, in order of time and none undone."""
    newest = {decisions.target(one): one for one in made}
    goes = [one for one in made if newest[decisions.target(one)] is one and one.verdict != "later"]
    if len({one.who for one in goes}) < 2:
        return False
    last, at = goes[-1], {decisions.identity(one): n for n, one in enumerate(told)}
    seen = at.get(last.base, -1)
    return any(
        one.who != last.who and decisions.drops_another(one, last) and at[decisions.identity(one)] > seen
        for one in goes
    )


def disputed(made: Sequence[Decision]) -> bool:
    """Whether reviewers differ about one finding: decisions in order of time, none taken back.

    Who decides on top of another's verdict (`base`) has seen it and settles it; who did not, disputes it.
    """
    if not made:
        return False
    newest = made[-1]
    rows = _rows_dropped(made)
    seen = next((n for n, other in enumerate(made) if newest.base and decisions.identity(other) == newest.base), -1)
    last = {decision.who: (n, decision) for n, decision in enumerate(made) if decision.verdict != "later"}
    return any(
        n > seen and who != newest.who and (decision.verdict, rows[n]) != (newest.verdict, rows[-1])
        for who, (n, decision) in last.items()
    )


def _rows_dropped(made: Sequence[Decision]) -> list[frozenset[str]]:
    """For each of these decisions on one finding the rows that its act drops."""
    drops = [decision for decision in made if decision.verdict == "drop"]
    return [
        frozenset(d.row for d in drops if d.row == one.row or not decisions.drops_another(d, one))
        if one.verdict == "drop"
        else frozenset()
        for one in made
    ]

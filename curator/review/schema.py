"""The tables of `findings.db`, and the indices on them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

VERSION = 12

# What decisions change of a finding is in a narrow table of its own, apart from its text: it is written anew often.
# Of a decision only what is looked up is here; all that it says stands in its log, from byte `start` on. `about` is
# the id of a finding, "r:" and the id of a row, or "c:", the id of a row, ":" and a code; `head` marks the newest
# about it, which settles it (but for one whose status is "overruled": a newer one about its cause counts),
# and `cause` is the finding for which a whole row was decided on; `pair` names the two rows of which it takes out one.
TABLES = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE files(number INTEGER PRIMARY KEY, path TEXT NOT NULL, shape TEXT NOT NULL);
CREATE TABLE places(file INT, line INT, offset INT NOT NULL, size INT NOT NULL, row TEXT NOT NULL,
  PRIMARY KEY(file, line)) WITHOUT ROWID;
CREATE TABLE findings(
  rank INTEGER PRIMARY KEY, seq INT NOT NULL, slot INT NOT NULL,
  id TEXT NOT NULL UNIQUE, code TEXT NOT NULL, severity TEXT NOT NULL, file INT NOT NULL, line INT NOT NULL,
  row TEXT NOT NULL, root TEXT NOT NULL, edit TEXT NOT NULL DEFAULT '', copies INT NOT NULL, fix TEXT NOT NULL,
  related INT NOT NULL, twin INT NOT NULL DEFAULT 0, cluster INT NOT NULL DEFAULT 0,
  status TEXT NOT NULL DEFAULT 'open', who TEXT NOT NULL DEFAULT '',
  since REAL NOT NULL DEFAULT 0, head TEXT NOT NULL DEFAULT '', disputed INT NOT NULL DEFAULT 0, earlier TEXT NOT NULL DEFAULT '');
CREATE TABLE bodies(rank INTEGER PRIMARY KEY, text TEXT NOT NULL, finding BLOB NOT NULL);
CREATE TABLE groups(number INTEGER PRIMARY KEY, kind TEXT NOT NULL, codes TEXT NOT NULL, size INT NOT NULL);
CREATE TABLE members(grp INT, file INT, line INT, row TEXT NOT NULL, PRIMARY KEY(grp, file, line)) WITHOUT ROWID;
CREATE TABLE logs(number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE);
CREATE TABLE decisions(
  n INTEGER PRIMARY KEY, id TEXT NOT NULL, at REAL NOT NULL, who TEXT NOT NULL, verdict TEXT NOT NULL,
  status TEXT NOT NULL, about TEXT NOT NULL, cause TEXT NOT NULL, code TEXT NOT NULL, batch TEXT NOT NULL,
  undoes TEXT NOT NULL, head INT NOT NULL, log INT NOT NULL, start INT NOT NULL, size INT NOT NULL,
  pair TEXT NOT NULL DEFAULT '', undone INT NOT NULL DEFAULT 0);
CREATE TRIGGER gone AFTER DELETE ON findings BEGIN DELETE FROM bodies WHERE rank = old.rank; END;
"""

# Indices that stay as they are whatever is decided (the last two change with few findings), and those that decisions change.
_STEADY = {
    "by_code": "findings(code, rank)",
    "by_root": "findings(root)",
    "by_row": "findings(row)",
    "by_edit": "findings(edit) WHERE edit != ''",
    "by_place": "findings(file, line)",
    "by_seq": "findings(seq)",
    "by_slot": "findings(slot)",
    "by_cluster": "findings(cluster) WHERE cluster > 0",
    "by_earlier": "findings(earlier) WHERE earlier != ''",
    "by_dispute": "findings(rank) WHERE disputed = 1",
}
_OF_STATUS = {
    "by_status": "findings(status, rank)",
    "by_code_status": "findings(code, status, rank)",
    "by_kind": "findings(code, severity, status, fix, disputed)",
}
_OF_DECISIONS = {
    "decision_ids": "decisions(id)",
    "decision_abouts": "decisions(about, head)",
    "decision_causes": "decisions(cause, head) WHERE cause != ''",
    "decision_pairs": "decisions(pair, head) WHERE pair != ''",
    "decision_authors": "decisions(who)",
    "decision_batches": "decisions(batch) WHERE batch != ''",
    "decision_undoings": "decisions(undoes) WHERE undoes != ''",
}


def index(db: sqlite3.Connection) -> None:
    """Make all indices."""
    _make(db, {**_STEADY, **_OF_STATUS, **_OF_DECISIONS})


@contextmanager
def decisions_unindexed(db: sqlite3.Connection) -> Iterator[None]:
    """Without the indices on decisions, which are made anew at the end: for very many of them at once."""
    with _without(db, _OF_DECISIONS):
        yield


@contextmanager
def statuses_unindexed(db: sqlite3.Connection) -> Iterator[None]:
    """Likewise without the indices on what decisions change of findings."""
    with _without(db, _OF_STATUS):
        yield


@contextmanager
def _without(db: sqlite3.Connection, indices: dict[str, str]) -> Iterator[None]:
    told: list[tuple[str, ...]] = []  # what the planner knows of an index goes with it
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone():
        names = ",".join("?" * len(indices))
        told = db.execute(f"SELECT tbl, idx, stat FROM sqlite_stat1 WHERE idx IN ({names})", list(indices)).fetchall()
    for name in indices:
        db.execute(f"DROP INDEX IF EXISTS {name}")
    yield
    _make(db, indices)
    if told:
        db.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", told)
        db.execute("ANALYZE sqlite_master")


def _make(db: sqlite3.Connection, indices: dict[str, str]) -> None:
    for name, on in indices.items():
        db.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {on}")

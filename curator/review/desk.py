"""The desk: findings, rows and decisions of one data set, for all pages and tabs of one server.

Every write is one append to the log under its lock, after the log was read to its end: what was decided
meanwhile by anyone else is seen first, and a decision on what looks different now is not made.
"""

from __future__ import annotations

import hashlib
import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec

from curator import agreement, decisions
from curator.columns import content_id, parse
from curator.engine import LARGE
from curator.errors import ChangedError, CuratorError, SourceError, UsageError
from curator.formats import Reader
from curator.model import Decision, Example, Finding, Verdict
from curator.review import following, index
from curator.review.filters import ORDERS, Filter
from curator.review.index import LONGEST, STEP, Summary, decode_finding, encode_finding
from curator.review.relint import Relint, row_id
from curator.review.settings import Settings
from curator.sources import Source, open_sources
from curator.sources.source import Stamp

Action = Literal["accept", "keep", "drop", "edit", "later", "left", "right", "both", "none"]
ACTIONS: tuple[Action, ...] = ("accept", "keep", "drop", "edit", "later", "left", "right", "both", "none")

_LOOK = 1.0  # seconds between two looks at whether the data changed


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


_COLUMNS = "rank, seq, slot, finding, root, edit, copies, twin, cluster, status, who, head, disputed, earlier"


class Wish(msgspec.Struct, frozen=True):
    """What a person asks to be decided: `id` names the decision to be, `base` is the head that was shown.

    `action` is one of ACTIONS, or "undo": then `of` is a decision or batch, "" for the reviewer's last.
    """

    id: str
    action: str
    finding: str = ""
    base: str = ""
    text: str = ""
    note: str = ""
    of: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a wish: "done", "conflict" (somebody was faster), "gone", "refused"; and how things stand now."""

    id: str
    result: str
    finding: str = ""
    status: str = ""
    head: str = ""
    who: str = ""
    why: str = ""


class Building(msgspec.Struct, frozen=True):
    """An index in the making: bytes read, bytes in all, and the error that ended it."""

    done: int = 0
    size: int = 0
    error: str = ""


class Desk:
    """See the module. All methods may be called from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        self._stamp: int | None = None  # the inode of the index that is open
        self._building: subprocess.Popen[bytes] | None = None
        self._progress = Building()
        self._looked = 0.0
        self._stale = False
        self._files = ExitStack()
        self._sources: dict[int, Source] = {}
        self._relint: Relint | None = None
        self._offered = False
        self._summary: Summary | None = None
        self._sizes: Any = None  # of the logs, when they were last followed
        self._told: dict[Any, Any] = {}  # counts, until something is decided

    # ------------------------------------------------------------------ the index

    def ready(self) -> bool:
        """Whether findings can be shown; where they cannot, the index is being made."""
        with self.lock:
            self._open()
            if self._db is None and self._building is None and not self._progress.error:
                self.rebuild()
            return self._db is not None

    @property
    def building(self) -> Building | None:
        """How far the index in the making is; None where none is."""
        with self.lock:
            return self._progress if self._building is not None or self._progress.error else None

    @property
    def stale(self) -> bool:
        """Whether the data or the configuration changed since the index was made."""
        now = time.monotonic()
        with self.lock:
            if now - self._looked > _LOOK:
                self._looked = now
                try:
                    self._stale = index.key_of(self.settings.paths, self.settings.config) != self._key()
                except OSError:
                    self._stale = True
            return self._stale

    def rebuild(self) -> None:
        """Begin to make the index anew, in a process of its own."""
        with self.lock:
            if self._building is not None:
                return
            s = self.settings
            body = pickle.dumps((s.paths, s.config, str(s.database)))
            self._progress = Building()
            self._building = subprocess.Popen(
                [sys.executable, "-m", "curator.review.index"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            threading.Thread(target=self._attend, args=(self._building, body), daemon=True).start()

    def _attend(self, process: subprocess.Popen[bytes], body: bytes) -> None:
        assert process.stdin and process.stdout
        try:
            process.stdin.write(body)
            process.stdin.close()
        except OSError:
            pass
        error = ""
        for line in process.stdout:
            try:
                said = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue
            error = said.get("error", error)
            self._progress = Building(said.get("done", 0), said.get("size", 0))
        if process.wait() and not error:
            error = "the lint ended without a result: the terminal says more"
        with self.lock:
            self._building = None
            self._progress = Building(error=error)
            self._looked = 0.0
            if not error:
                self._open()

    def _open(self) -> None:
        """Open the index where it is whole and new, and keep it open until another takes its place."""
        place = self.settings.database
        try:
            stat = place.stat()
        except OSError:
            self._shut()
            return
        if self._db is not None and self._stamp == stat.st_ino:
            return
        self._shut()
        try:
            key = index.key_of(self.settings.paths, self.settings.config)
        except OSError as error:
            self._progress = Building(error=f"{error.filename}: {error.strerror}")
            return
        if index.key_in(place) != key:
            return
        db = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=30)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")  # it can be made again: only the log must last
        db.execute("PRAGMA cache_size = -32000")
        self._db, self._stamp, self._looked, self._offered = db, stat.st_ino, 0.0, False
        self._sizes, self._told = None, {}
        self._summary = msgspec.json.decode(self._one("SELECT value FROM meta WHERE key = 'summary'")[0], type=Summary)

    def _shut(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db, self._stamp = None, None
        self._files.close()
        self._sources = {}

    def _key(self) -> str:
        return str(self._one("SELECT value FROM meta WHERE key = 'key'")[0]) if self._db else ""

    def key(self) -> str:
        """What names the state of the data and the configuration that the findings are from."""
        with self.lock:
            return self._key()

    @property
    def db(self) -> sqlite3.Connection:
        """The index. Raises UsageError where it is not ready."""
        if self._db is None:
            raise UsageError("the findings are not ready yet", hint="wait until the lint is done")
        return self._db

    def _one(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self.db.execute(sql, values).fetchone()
        return found

    @contextmanager
    def _change(self) -> Iterator[sqlite3.Connection]:
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise

    def summary(self) -> Summary:
        """What the lint came to. Raises UsageError where it is not done."""
        with self.lock:
            if self._db is None or self._summary is None:
                raise UsageError("the findings are not ready yet", hint="wait until the lint is done")
            return self._summary

    # ------------------------------------------------------------------ following the log

    def follow(self) -> bool:
        """Take in what was decided since the last time, by anyone; whether there was anything."""
        with self.lock:
            if not self._changed():
                return False
            with self._change() as db:
                told = following.follow(db, self._logs())
                if told.rows:
                    self._derive(db, told.rows)
                if not self._offered:
                    self._offer(db)
                    self._offered = True
            return told.new > 0 or told.anew

    def _changed(self) -> bool:
        sizes = tuple((str(log), Stamp.of(log) if log.exists() else None) for log in self._logs())
        if self._sizes == sizes:
            return False
        self._sizes = sizes
        self._told = {}
        return True

    def _logs(self) -> list[Path]:
        logs = decisions.places(self.settings.paths)
        return logs if self.settings.log in logs else [*logs, self.settings.log]

    def _derive(self, db: sqlite3.Connection, rows: frozenset[str]) -> None:
        """Judge the rows that edits made, and put what is found there beside what was found before."""
        todo: list[tuple[str, str, str]] = []  # row, edit, new text
        for row in rows:
            head = db.execute("SELECT id, status FROM heads WHERE target = ?", (f"r:{row}",)).fetchone()
            edit = head[0] if head and head[1] == "edit" else ""
            db.execute("DELETE FROM findings WHERE root = ? AND edit NOT IN ('', ?)", (row, edit))
            if edit and not db.execute("SELECT 1 FROM findings WHERE edit = ?", (edit,)).fetchone():
                body = db.execute("SELECT body FROM decisions WHERE id = ?", (edit,)).fetchone()[0]
                todo.append((row, edit, following.decode_decision(body).text))
        if not todo:
            return
        ranks: list[int] = []
        for (row, edit, _), found in zip(todo, self._judge([text for _, _, text in todo]), strict=True):
            ranks += self._insert(db, row, edit, found)
        following.settle_again(db, ranks)

    def _insert(self, db: sqlite3.Connection, row: str, edit: str, found: list[Finding]) -> list[int]:
        head = db.execute("SELECT rank, seq, file, line FROM findings WHERE root = ? ORDER BY rank", (row,)).fetchone()
        if head is None:
            return []
        rank, seq, file, line = head
        (path,) = db.execute("SELECT path FROM files WHERE number = ?", (file,)).fetchone()
        ranks = []
        for finding in found:
            if db.execute("SELECT 1 FROM findings WHERE id = ?", (finding.id,)).fetchone():
                continue
            rank = (
                db.execute(
                    "SELECT max(rank) FROM findings WHERE rank >= ? AND rank < ?",
                    (rank - rank % STEP, rank - rank % STEP + STEP),
                ).fetchone()[0]
                + 1
            )
            if rank % STEP == 0:
                break  # more findings in one edited row than there is room for: the next lint tells them
            stands = msgspec.structs.replace(finding, file=path, line=line)
            db.execute(
                "INSERT INTO findings(rank, seq, slot, id, code, severity, file, line, row, root, edit, copies, fix,"
                " related, text, finding) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, 0, ?, ?)",
                (
                    rank,
                    seq,
                    int(finding.id[:15], 16),
                    finding.id,
                    finding.code,
                    finding.severity,
                    file,
                    line,
                    finding.row,
                    row,
                    edit,
                    finding.fix.safety if finding.fix else "",
                    index.searched(stands),
                    encode_finding(stands),
                ),
            )
            ranks.append(rank)
        return ranks

    def _offer(self, db: sqlite3.Connection) -> None:
        """Note on open findings what was decided on an earlier version of their row."""
        made = [following.decode_decision(body) for (body,) in db.execute("SELECT body FROM decisions")]
        if not made:
            return
        found = (decode_finding(body) for (body,) in db.execute("SELECT finding FROM findings WHERE edit = ''"))
        outcome = decisions.filter_findings(found, made).outcome
        db.executemany(
            "UPDATE findings SET earlier = ? WHERE id = ?",
            [(decisions.identity(old), finding.id) for finding, old in outcome.offers],
        )

    # ------------------------------------------------------------------ reading

    def entries(
        self, chosen: Filter, *, after: int | None = None, before: int | None = None, limit: int = 40
    ) -> list[Entry]:
        """Findings of a filter in its order: those after a key, or the last before one."""
        where, values = chosen.where()
        column = ORDERS[chosen.order]
        if before is not None:
            where, values = f"{where} AND {column} < ?", [*values, before]
        elif after is not None:
            where, values = f"{where} AND {column} > ?", [*values, after]
        turn = "DESC" if before is not None else "ASC"
        sql = f"SELECT {_COLUMNS} FROM findings WHERE {where} ORDER BY {column} {turn} LIMIT ?"
        with self.lock:
            rows = self.db.execute(sql, [*values, limit]).fetchall()
        entries = list(map(_entry, rows))
        return entries[::-1] if before is not None else entries

    def entry(self, finding: str) -> Entry | None:
        with self.lock:
            row = self.db.execute(f"SELECT {_COLUMNS} FROM findings WHERE id = ?", (finding,)).fetchone()
        return _entry(row) if row else None

    def of_row(self, root: str) -> list[Entry]:
        """All findings about a row of the file."""
        with self.lock:
            rows = self.db.execute(
                f"SELECT {_COLUMNS} FROM findings WHERE root = ? AND gone = 0 ORDER BY rank", (root,)
            ).fetchall()
        return list(map(_entry, rows))

    def counts(self, chosen: Filter) -> dict[str, int]:
        """How many findings of a filter there are by status, whatever its own status is."""
        where, values = chosen.where(status=False)
        with self.lock:
            found = self.db.execute(f"SELECT status, count(*) FROM findings WHERE {where} GROUP BY status", values)
            return dict(found.fetchall())

    def count(self, chosen: Filter) -> int:
        """How many findings a filter lets through."""
        where, values = chosen.where()
        with self.lock:
            return int(self._one(f"SELECT count(*) FROM findings WHERE {where}", values)[0])

    def matrix(self, take: tuple[int, int] = (1, 1)) -> dict[str, dict[str, int]]:
        """Findings by code and status."""
        where, values = Filter(take=take).where(status=False)
        found: dict[str, dict[str, int]] = {}
        with self.lock:
            if ("matrix", take) in self._told:
                return self._told["matrix", take]  # type: ignore[no-any-return]
            rows = self.db.execute(
                f"SELECT code, status, count(*) FROM findings WHERE {where} GROUP BY code, status", values
            )
            for code, status, number in rows:
                found.setdefault(code, {})[status] = number
            self._told["matrix", take] = found
        return found

    def special(self) -> dict[str, int]:
        """How many findings are disputed, and how many were decided on an earlier version of their row."""
        with self.lock:
            row = self._one(
                "SELECT coalesce(sum(disputed), 0), coalesce(sum(earlier != '' AND status = 'open'), 0),"
                " coalesce(sum(fix = 'safe' AND status = 'open'), 0) FROM findings WHERE gone = 0"
            )
        return {"disputed": row[0], "changed": row[1], "safe": row[2]}

    def raw(self, file: str, line: int) -> bytes:
        """The bytes of a line of the data, as they stand in the untouched file.

        Raises:
            ChangedError: something else stands there now.
            SourceError: the row is too large to be shown, or cannot be read.
        """
        with self.lock:
            place = self.db.execute(
                "SELECT p.file, p.offset, p.size, p.row FROM places p JOIN files f ON f.number = p.file"
                " WHERE f.path = ? AND p.line = ?",
                (file, line),
            ).fetchone()
            if place is None:
                return b""
            number, offset, size, row = place
            if size > LONGEST:
                hint = "look at it with an editor for large files"
                raise SourceError(
                    f"the row holds {size / 1e6:,.0f} MB and is not opened here", where=f"{file}:{line}", hint=hint
                )
            data = self._data(number)
        try:
            with data.open("rb") as stream:
                stream.seek(offset)
                raw = stream.read(size)
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}", where=file) from None
        if content_id(parse(raw.removeprefix(b"\xef\xbb\xbf")), raw).hex() != row:
            raise ChangedError("the file changed since it was linted", where=file, hint="lint it again")
        return raw

    def _data(self, number: int) -> Path:
        """The JSONL that stands for a file: the file itself, or a copy of its rows where it has another form."""
        if not self._sources:
            files = self.summary().files
            if all(file["container"] == "jsonl" for file in files):
                return Path(files[number]["path"])
            opened = self._files.enter_context(open_sources(self.settings.paths, self.settings.config.excluded))
            self._sources = dict(enumerate(opened))
        return self._sources[number].data

    def drawn_rows(self, number: int) -> Iterator[tuple[bytes, str]]:
        """(line, file) of about as many rows, from places spread evenly over the files."""
        files = self.summary().files
        each = max(1, number // max(1, len(files)))
        for place, told in enumerate(files):
            with self.lock:
                data = self._data(place)
            size = data.stat().st_size
            with data.open("rb") as file:
                for n in range(each if told["lines"] > each else 1):
                    file.seek(size * n // each)
                    if n:
                        file.readline()
                    for _ in range(1 if told["lines"] > each else told["lines"]):
                        if (line := file.readline(LONGEST).rstrip(b"\r\n")).strip():
                            yield line, told["path"]

    def shape(self, file: str) -> str:
        with self.lock:
            row = self.db.execute("SELECT shape FROM files WHERE path = ?", (file,)).fetchone()
        return row[0] if row and row[0] not in ("unknown", "mapped") else ""

    def example(self, raw: bytes, file: str) -> Example | None:
        """The row as a conversation, None where it is no row of a known shape."""
        value = parse(raw.removeprefix(b"\xef\xbb\xbf"))
        config = self.settings.config
        return (
            Reader(config.shape or self.shape(file) or None, dict(config.map)).read(value)
            if type(value) is dict
            else None
        )

    def current(self, entry: Entry) -> bytes:
        """The row that a finding is about: as it stands in the file, or as its edit made it."""
        if not entry.edit:
            return self.raw(entry.finding.file, entry.finding.line)
        with self.lock:
            body = self._one("SELECT body FROM decisions WHERE id = ?", (entry.edit,))[0]
        return following.decode_decision(body).text.encode("utf-8", "backslashreplace")

    def judge(self, text: str, file: str) -> list[Finding]:
        """What the rules on single rows find in a row that is being edited."""
        return self._judge([text], file)[0]

    def _judge(self, texts: Sequence[str], file: str = "") -> list[list[Finding]]:
        if self._relint is None:
            size = sum(each["bytes"] for each in self.summary().files)
            self._relint = Relint(self.settings.config, large=size > LARGE)
        file = file or self.summary().files[0]["path"]
        return self._relint.lint(texts, self.settings.config.shape or self.shape(file), file)

    # ------------------------------------------------------------------ deciding

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
        targets = {following.target_of(one) for one in made}
        statuses = "('drop')" if entry.edit else "('drop', 'edit')"
        heads = self.db.execute(
            f"SELECT h.target, d.body FROM heads h JOIN decisions d ON d.id = h.id WHERE (h.target = ? OR h.cause = ?)"
            f" AND h.status IN {statuses}",
            (f"r:{entry.root}", entry.finding.id),
        ).fetchall()
        out: list[Decision] = []
        for target, body in heads:
            if target not in targets:
                old = following.decode_decision(body)
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
                        id=_others(made[-1].id)[len(made) + len(out) - 1],
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
                names = [*_others(wish.id)[: len(rows) - 1], wish.id]  # what the wish is known by comes last
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
                "SELECT n, id, batch FROM decisions WHERE (id = ? OR batch = ?) AND undone = 0 LIMIT 1",
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
        names = (name, *_others(name))
        rows = db.execute(
            "SELECT d.id, d.at, d.target, d.body, h.id FROM decisions d JOIN heads h ON h.target = d.target WHERE "
            + ("d.batch = ?" if batch else f"d.id IN ({','.join('?' * len(names))})")
            + " AND d.undone = 0 ORDER BY d.n",
            (batch,) if batch else names,
        ).fetchall()
        now = datetime.now(UTC)
        together = decisions.new_id() if len(rows) > 1 else ""
        made = []
        for name, at, target, body, head in rows:
            stands = self._resolved(head)
            if stands is None or decisions.identity(stands) != name:
                continue  # somebody has decided on top of it since
            was = db.execute(
                "SELECT id FROM decisions WHERE target = ? AND (at, id) < (?, ?) ORDER BY at DESC, id DESC LIMIT 1",
                (target, at, name),
            ).fetchone()
            old = self._resolved(was[0]) if was else None
            done = following.decode_decision(body)
            moment = db.execute("SELECT at FROM decisions WHERE id = ?", (head,)).fetchone()[0]
            when = max(now, datetime.fromtimestamp(moment, UTC) + timedelta(milliseconds=1))
            back = msgspec.structs.replace(done, verdict="later", text="", after="", why="", batch=together, expires="")
            made.append(
                msgspec.structs.replace(
                    old or back,
                    id=decisions.new_id(),
                    who=self.settings.reviewer,
                    undoes=name,
                    base=decisions.identity(old) if old else "",
                    when=when.isoformat(timespec="milliseconds"),
                )
            )
        return [*made[:-1], msgspec.structs.replace(made[-1], id=wish.id)] if made else []

    def _resolved(self, name: str) -> Decision | None:
        """The decision itself, where another only restores it; None where nothing stands."""
        made = self.decision(name)
        while made is not None and made.undoes:
            made = self.decision(made.base) if made.base else None
        return made

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

    def eligible(self, chosen: Filter, action: str) -> list[Entry]:
        """The findings of a filter that an action makes sense for."""
        entries = self.entries(chosen, limit=1 << 30)
        return [entry for entry in entries if action != "accept" or entry.finding.fix is not None]

    def eligible_count(self, chosen: Filter, action: str) -> int:
        """How many findings of a filter an action makes sense for."""
        where, values = chosen.where()
        fixable = " AND fix != ''" if action == "accept" else ""
        with self.lock:
            return int(self._one(f"SELECT count(*) FROM findings WHERE {where}{fixable}", values)[0])

    def samples(self, chosen: Filter, action: str, number: int = 5) -> list[Entry]:
        """Findings drawn from those that a bulk action would decide on; the same ones each time."""
        where, values = chosen.where()
        fixable = " AND fix != ''" if action == "accept" else ""
        with self.lock:
            rows = self.db.execute(
                f"SELECT {_COLUMNS} FROM findings WHERE {where}{fixable} ORDER BY slot LIMIT ?", [*values, number]
            ).fetchall()
        return list(map(_entry, rows))

    def undo(self, of: str = "") -> Outcome:
        """Take back a decision or a batch, "" for the reviewer's last."""
        return self.decide([Wish(decisions.new_id(), "undo", of=of)])[0]

    # ------------------------------------------------------------------ groups

    def groups(self, kind: str, *, after: int = 0, limit: int = 20, undecided: bool = True) -> list[dict[str, Any]]:
        """Groups of rows that findings join: number, size, findings and how many of these are open."""
        having = "HAVING open > 0" if undecided else ""
        with self.lock:
            rows = self.db.execute(
                "SELECT g.number, g.kind, g.size, count(f.id) AS found, sum(f.status IN ('open', 'later')) AS open,"
                " group_concat(DISTINCT f.code) FROM groups g JOIN findings f ON f.cluster = g.number AND f.gone = 0"
                f" WHERE g.kind = ? AND g.number > ? GROUP BY g.number {having} ORDER BY g.number LIMIT ?",
                (kind, after, limit),
            ).fetchall()
        return [dict(zip(("number", "kind", "size", "found", "open", "codes"), row, strict=True)) for row in rows]

    def group_counts(self) -> dict[str, tuple[int, int]]:
        """By kind: (groups, groups in which something is open)."""
        with self.lock:
            rows = self.db.execute(
                "SELECT kind, count(*), sum(open > 0) FROM (SELECT g.number, g.kind AS kind,"
                " sum(f.status IN ('open', 'later')) AS open FROM groups g JOIN findings f ON f.cluster = g.number"
                " WHERE f.gone = 0 GROUP BY g.number) GROUP BY kind"
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
                " AND f.line = m.line LIMIT 1), (SELECT h.status FROM heads h WHERE h.target = 'r:' || m.row)"
                " FROM members m JOIN files p ON p.number = m.file WHERE m.grp = ? ORDER BY m.file, m.line",
                (group,),
            ).fetchall()
        return [dict(zip(("file", "line", "row", "finding", "status"), row, strict=True)) for row in rows]

    def group_entries(self, group: int) -> list[Entry]:
        return self.entries(Filter(status="all", group=group), limit=1 << 30)

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

    # ------------------------------------------------------------------ what was decided

    def history(
        self, *, who: str = "", code: str = "", verdict: str = "", before: int = 0, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Decisions, the newest first; those of a batch as one."""
        parts: list[str] = ["NOT (verdict = 'later' AND undoes = '' AND target LIKE 'r:%')"]  # goes with another
        values: list[Any] = []
        for column, value in (("who", who), ("code", code), ("verdict", verdict)):
            if value:
                parts.append(f"{column} = ?")
                values.append(value)
        if before:
            parts.append("n < ?")
            values.append(before)
        with self.lock:
            rows = self.db.execute(
                "SELECT max(n), at, who, verdict, code, batch, undoes, min(undone), count(*), body, id FROM decisions"
                f" WHERE {' AND '.join(parts)} GROUP BY CASE WHEN batch = '' OR (undoes != '' AND verdict != 'later') THEN id ELSE batch END"
                " ORDER BY max(n) DESC LIMIT ?",
                [*values, limit],
            ).fetchall()
        names = ("n", "at", "who", "verdict", "code", "batch", "undoes", "undone", "number", "decision", "id")
        told = [dict(zip(names, row, strict=True)) for row in rows]
        for item in told:
            item["decision"] = following.decode_decision(item["decision"])
        return told

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
                "SELECT d.code, sum(d.verdict != 'keep'), sum(d.verdict = 'keep') FROM heads h JOIN decisions d"
                " ON d.id = h.id WHERE d.finding != '' AND d.code != '' AND d.batch = ''"
                " AND h.status NOT IN ('open', 'later') GROUP BY d.code"
            ).fetchall()
        known = {code: agreement.Precision.of(code, right, wrong) for code, right, wrong in rows}
        codes = sorted({*known, *self.matrix()})
        return [known.get(code) or agreement.Precision.of(code, 0, 0) for code in codes]

    def made(self) -> list[Decision]:
        """All decisions, in the order they were read."""
        with self.lock:
            return [
                following.decode_decision(body) for (body,) in self.db.execute("SELECT body FROM decisions ORDER BY n")
            ]

    def verdicts(self, finding: str) -> list[Decision]:
        """What was decided about a finding, the oldest first."""
        with self.lock:
            rows = self.db.execute(
                "SELECT body FROM decisions WHERE finding = ? ORDER BY at, id", (finding,)
            ).fetchall()
        return [following.decode_decision(body) for (body,) in rows]

    def decision(self, name: str) -> Decision | None:
        with self.lock:
            row = self.db.execute("SELECT body FROM decisions WHERE id = ?", (name,)).fetchone()
        return following.decode_decision(row[0]) if row else None

    def close(self) -> None:
        """Let go of files; a lint under way is ended."""
        with self.lock:
            if self._building is not None:
                self._building.terminate()
            self._shut()


def _others(name: str) -> tuple[str, ...]:
    """The ids of further decisions that one wish came to."""
    return tuple(hashlib.blake2b(f"{name} {n}".encode(), digest_size=16).hexdigest() for n in range(2, 6))


def _entry(row: tuple[Any, ...]) -> Entry:
    rank, seq, slot, body, root, edit, copies, twin, cluster, status, who, head, disputed, earlier = row
    return Entry(
        rank,
        seq,
        slot,
        decode_finding(body),
        root,
        edit,
        copies,
        bool(twin),
        cluster,
        status,
        who,
        head,
        bool(disputed),
        earlier,
    )

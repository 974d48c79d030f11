"""The rows behind the findings, and the decisions on them as they come in."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from curator import decisions
from curator.columns import content_id, parse
from curator.engine import LARGE
from curator.errors import ChangedError, CuratorError, SourceError
from curator.formats import Reader
from curator.model import Decision, Example, Finding
from curator.private import masking
from curator.review import following, index
from curator.review.bodies import Bodies
from curator.review.entries import Entry
from curator.review.index import LONGEST, STEP, decode_finding, encode_finding
from curator.review.opened import Opened
from curator.review.relint import Relint
from curator.sources import open_sources
from curator.sources.source import Stamp

MOST_TURNS = 300  # with a chat template each turn is rendered together with all before it


class Reading(Opened):
    """Reads rows by their place in the untouched file, judges edited ones, and follows the logs of decisions."""

    def raw(self, file: str, line: int) -> bytes:
        """The bytes of a row, by the line at which the lint found it; where lines were put in or taken out before it,
        it is found where it stands now.

        Raises:
            ChangedError: the row does not stand there any more.
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
            data, shift = self._data(number), self._shift(file)
        try:
            with data.open("rb") as stream:
                for at in dict.fromkeys((offset, max(0, offset + shift))):
                    stream.seek(at)
                    raw = stream.read(size)
                    if content_id(parse(raw.removeprefix(b"\xef\xbb\xbf")), raw).hex() == row:
                        return raw
        except OSError as error:
            raise SourceError(f"cannot be read: {error.strerror}", where=file) from None
        raise ChangedError("the row was changed in its file", where=f"{file}:{line}", hint="lint again")

    def _shift(self, file: str) -> int:
        """Bytes by which a row moved that stands behind all that was changed in its file since the lint."""
        try:
            return Stamp.of(file).size - self._stamps[file].size
        except OSError:
            return 0

    def as_linted(self, file: str) -> bool:
        """Whether a file stands as it did when it was linted, by its size and time."""
        try:
            return Stamp.of(file)[:2] == self._stamps[file][:2]
        except OSError:
            return False

    def changed(self, entry: Entry) -> bool:
        """Whether a row that a finding is about does not stand in its file any more, or may not."""
        places = [(entry.finding.file, entry.finding.line), *((o.file, o.line) for o in entry.finding.related)]
        return any(not self.as_linted(file) and self._gone(file, line) for file, line in dict.fromkeys(places))

    def _gone(self, file: str, line: int) -> bool:
        if not self._plain(file):
            return True  # what is read of it is a copy
        try:
            return not self.raw(file, line)
        except ChangedError:
            return True
        except SourceError:  # too large to be looked at: the whole file is judged
            return True

    def _plain(self, file: str) -> bool:
        return any(each["path"] == file and each["container"] == "jsonl" for each in self.summary().files)

    def at_line(self, file: str, line: int) -> bytes:
        """What stands at a line of a JSONL file now; b"" where there is no such line, or it is too large to be shown."""
        if not self._plain(file):
            return b""
        try:
            starts, stops = index.offsets(Path(file), np.array([line - 1]))
            start, size = int(starts[0]), int(stops[0] - starts[0])
            with Path(file).open("rb") as stream:
                stream.seek(max(start, 0))
                return stream.read(size) if start >= 0 and size <= LONGEST else b""
        except OSError:
            return b""

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
        """The known shape that the file is of, "" for none."""
        shape = self._read_as(file)
        return "" if shape in ("unknown", "mapped") else shape

    def _read_as(self, file: str) -> str:
        with self.lock:
            row = self.db.execute("SELECT shape FROM files WHERE path = ?", (file,)).fetchone()
        return row[0] if row else ""

    def example(self, raw: bytes, file: str) -> Example | None:
        """The row as a conversation, None where it is no row of a known shape."""
        value = parse(raw.removeprefix(b"\xef\xbb\xbf"))
        config = self.settings.config
        if type(value) is not dict:
            return None
        shape = self._read_as(file)
        columns = config.map if shape in ("mapped", "") else {}  # a file that is not in the set is read by the map
        return Reader(config.shape or self.shape(file) or None, columns).read(value)

    def current(self, entry: Entry) -> bytes:
        """The row that a finding is about: as it stands in the file, or as its edit made it."""
        if not entry.edit:
            return self.raw(entry.finding.file, entry.finding.line)
        with self.lock, Bodies(self.db) as bodies:
            edit = bodies.one(entry.edit)
        if edit is None:
            raise SourceError("the log of decisions changed", where=str(self.settings.log), hint="load the page again")
        return self.opened(edit.text, entry.root).encode("utf-8", "backslashreplace")

    def opened(self, text: str, root: str) -> str:
        """The text of a recorded edit with the private values of its row, by content id, in their places; as it was
        recorded where that row is not there any more, or does not hold them."""
        if not masking.holds_seal(text):
            return text
        sql = "SELECT f.path, p.line FROM places p JOIN files f ON f.number = p.file WHERE p.row = ? LIMIT 1"
        with self.lock:
            place = self.db.execute(sql, (root,)).fetchone()
        try:
            raw = self.raw(*place) if place else b""
        except CuratorError:
            return text
        return masking.opened(text, raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")) or text

    def judge(self, text: str, file: str) -> list[Finding]:
        """What the rules on single rows find in a row that is being edited."""
        return self._judge([text], file)[0]

    def _judge(self, texts: Sequence[str], file: str = "") -> list[list[Finding]]:
        if self._relint is None:
            size = sum(each["bytes"] for each in self.summary().files)
            self._relint = Relint(self.settings.config, large=size > LARGE)
        file = file or self.summary().files[0]["path"]
        found = iter(
            self._relint.lint(
                [text for text in texts if not self.long(text.encode("utf-8", "backslashreplace"), file)],
                self.settings.config.shape or self.shape(file),
                file,
            )
        )
        return [[] if self.long(text.encode("utf-8", "backslashreplace"), file) else next(found) for text in texts]

    def long(self, raw: bytes, file: str) -> bool:
        """Whether a row has too many turns to be rendered or judged while one waits: the next lint tells of it."""
        if raw.count(b'"') < MOST_TURNS:
            return False
        example = self.example(raw, file)
        return example is not None and len(example.all_turns()) > MOST_TURNS

    def follow(self, *, own: bool = False) -> bool:
        """Take in what was decided since the last time, by anyone; whether there was anything.

        `own` says that only this process added to its log since. Raises WriteError where the index cannot be
        written: nothing is taken in then, and the next call begins where this one did.
        """
        with self.lock:
            now = {log: Stamp.of(log) if log.exists() else None for log in self._logs()}
            was = self._followed
            if was == now and not following.lapsed(self.db):
                return False
            sure = {log for log, stamp in now.items() if was and log in was and was[log] == stamp}
            if own and was:
                sure.add(self.settings.log)
            self._told = {}
            with self._change() as db:
                told = following.follow(db, list(now), sure)
                rows = told.rows if self._offered else told.rows | following.edited(db)
                if rows:
                    self._derive(db, rows)
                if not (self._offered or told.known):  # a decision on a finding that is there has nothing to offer
                    self._offer(db)
            self._offered, self._followed = True, now
            return told.new > 0 or told.anew

    def _logs(self) -> list[Path]:
        return following.logs_of(self.settings.paths)

    def _derive(self, db: sqlite3.Connection, rows: frozenset[str]) -> None:
        """Judge the rows that edits made, and put what is found there beside what was found before."""
        todo: list[tuple[str, str, str, str]] = []  # row, edit, new text, the finding that was edited
        with Bodies(db) as bodies:
            for row in rows:
                head = next(bodies.of("about = ? AND head = 1 AND status = 'edit'", (f"r:{row}",)), None)
                edit = decisions.identity(head) if head else ""
                db.execute("DELETE FROM findings WHERE root = ? AND edit NOT IN ('', ?)", (row, edit))
                if head and edit and not db.execute("SELECT 1 FROM findings WHERE edit = ?", (edit,)).fetchone():
                    todo.append((row, edit, self.opened(head.text, row), head.finding))
        if not todo:
            return
        ranks: list[int] = []
        for (row, edit, _, of), found in zip(todo, self._judge([text for _, _, text, _ in todo]), strict=True):
            ranks += self._insert(db, row, edit, found, of)
        following.settle_again(db, ranks)

    def _insert(self, db: sqlite3.Connection, row: str, edit: str, found: list[Finding], of: str) -> list[int]:
        """Put what is found in an edit behind the finding that was edited, else behind the first of the row."""
        sql = "SELECT rank, seq, file, line FROM findings WHERE root = ? AND edit = '' ORDER BY id != ?, rank"
        head = db.execute(sql, (row, of)).fetchone()
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
                "INSERT INTO findings(rank, seq, slot, id, code, severity, file, line, row, root, edit, copies, fix, related)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, 0)",
                (
                    rank,
                    seq + rank % STEP,
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
                ),
            )
            body = (rank, index.searched(stands), encode_finding(stands))
            db.execute("INSERT INTO bodies VALUES (?, ?, ?)", body)
            ranks.append(rank)
        return ranks

    def _offer(self, db: sqlite3.Connection) -> None:
        """Note on open findings what was decided on an earlier version of their row."""
        here = "EXISTS (SELECT 1 FROM findings f WHERE f.root = substr(d.about, 3))"
        with Bodies(db) as bodies:
            edited = {edit.after for edit in bodies.of(f"d.verdict = 'edit' AND d.about LIKE 'r:%' AND {here}")}
            gone = bodies.of(
                f"NOT EXISTS (SELECT 1 FROM findings f WHERE f.id = d.about) AND NOT (d.about LIKE 'r:%' AND {here})"
            )
            made = [
                old for old in gone if old.row not in edited
            ]  # what an edit makes of a row is no earlier version of it
        if not made:
            return
        found = (
            decode_finding(body)
            for (body,) in db.execute(
                "SELECT b.finding FROM findings f JOIN bodies b ON b.rank = f.rank WHERE f.edit = '' ORDER BY f.rank"
            )
        )
        outcome = decisions.filter_findings(found, made).outcome
        db.executemany(
            "UPDATE findings SET earlier = ? WHERE id = ?",
            [
                (decisions.identity(old), finding.id)
                for finding, old in sorted(outcome.offers, key=lambda pair: decisions.time_of(pair[1]))  # the newest
                if self._younger(db, finding, old)
            ],
        )

    def _younger(self, db: sqlite3.Connection, finding: Finding, old: Decision) -> bool:
        """Whether the row of a finding was not known yet when something was decided: else it stood beside the other row,
        and is no later version of it."""
        row = db.execute("SELECT since FROM findings WHERE id = ?", (finding.id,)).fetchone()
        return row is None or row[0] > decisions.time_of(old)

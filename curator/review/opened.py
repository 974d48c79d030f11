"""The index of a review as one server holds it open: made when it is missing, left when the data change."""

from __future__ import annotations

import pickle
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from curator.errors import UsageError, WriteError
from curator.review import index
from curator.review.index import Summary
from curator.review.relint import Relint
from curator.review.settings import Settings
from curator.sources import Source
from curator.sources.source import Stamp

_LOOK = 1.0  # seconds between two looks at whether the data changed


class Building(msgspec.Struct, frozen=True):
    """An index in the making: bytes read, bytes in all, and the error that ended it."""

    done: int = 0
    size: int = 0
    error: str = ""


class Opened:
    """The index of one data set; all methods may be called from any thread."""

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
        self._stamps: dict[str, Stamp] = {}  # the files as they were when the index was opened: as they were linted
        self._followed: dict[Path, Stamp | None] | None = None  # the logs as they stood when they were last followed
        self._told: dict[Any, Any] = {}  # counts, until something is decided

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
            self._progress, self._looked = Building(), 0.0
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
            self._progress = Building(error=str(index.unread(error)))
            return
        if index.key_in(place) != key:
            return
        db = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout=30)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = OFF")  # it can be made again: only the log must last
        db.execute("PRAGMA cache_size = -32000")
        self._db, self._stamp, self._looked, self._offered = db, stat.st_ino, 0.0, False
        self._followed, self._told = None, {}
        self._summary = msgspec.json.decode(self._one("SELECT value FROM meta WHERE key = 'summary'")[0], type=Summary)
        self._stamps = {file["path"]: Stamp.of(file["path"]) for file in self._summary.files}

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
        """One transaction. Raises WriteError where the index cannot be written, as on a full disk."""
        db = self.db
        try:
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise self._unwritten(error) from None
        finally:
            if db.in_transaction:  # a full disk has ended it already
                db.execute("ROLLBACK")

    def _unwritten(self, error: sqlite3.OperationalError) -> WriteError:
        place = str(self.settings.database)
        if error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            hint = "free some space there: what is not saved yet is sent again"
            return WriteError("the disk is full", where=place, hint=hint)
        hint = "check who may write there, and that no other program holds it"
        return WriteError(f"the index of findings cannot be written: {error}", where=place, hint=hint)

    def summary(self) -> Summary:
        """What the lint came to. Raises UsageError where it is not done."""
        with self.lock:
            if self._db is None or self._summary is None:
                raise UsageError("the findings are not ready yet", hint="wait until the lint is done")
            return self._summary

    def close(self) -> None:
        """Let go of files; a lint under way is ended."""
        with self.lock:
            if self._building is not None:
                self._building.terminate()
            self._shut()

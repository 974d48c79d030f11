"""`findings.db`: what a lint found, in a form that a page of it is read in a millisecond.

Derived from the data and the configuration, and made anew whenever either changes; the decisions are followed
in it (curator.review.following), so that a filter by what was decided is one query. Rows of
the data are not copied: their byte offsets in the untouched file are kept.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from curator import engine
from curator.columns import content_id, parse
from curator.errors import CuratorError, SourceError, WriteError
from curator.model import Finding, Lessons, Report
from curator.review import following, schema
from curator.review.filters import searchable
from curator.rule import all_rules
from curator.scan import recall
from curator.sources import Source, open_sources
from curator.sources.source import Stamp
from curator.training import lessons
from curator.writing import readable_by

if TYPE_CHECKING:
    from curator.config import Config

NAME = "findings.db"
STEP = 64  # ranks between two findings: those of an edited row come in between
LONGEST = 16 << 20  # bytes of a row that is still opened

encode_finding = msgspec.msgpack.Encoder().encode
decode_finding = msgspec.msgpack.Decoder(Finding).decode

# Rules whose findings join rows, by the kind of group they make.
KINDS = {"DUP001": "repeats", "DUP002": "repeats", "DUP003": "repeats"}
_CONFLICTS = "CON"


class Summary(msgspec.Struct, frozen=True):
    """What the index tells of the lint it was made from; histograms are (upper bound in tokens, rows)."""

    rows: int
    broken: int
    tokens: int
    tokenizer: str
    exact: bool
    seconds: float
    files: list[dict[str, Any]]
    rules: dict[str, dict[str, Any]]
    not_run: list[dict[str, Any]]
    lengths: list[tuple[int, int]]
    answers: list[tuple[int, int]]
    max_length: int
    languages: dict[str, int] = {}
    lessons: Lessons | None = None


def key_of(paths: Sequence[str | Path], config: Config) -> str:
    """A hash of all that the index rests on: the files as they stand, the configuration, curator itself."""
    files = []
    for path in map(Path, paths):
        inside = sorted(p for p in path.rglob("*") if _counts(p, path)) if path.is_dir() else [path]
        files += [(str(file.resolve()), *Stamp.of(file)[:2]) for file in inside]
    settings = {k: v for k, v in msgspec.structs.asdict(config).items() if k not in recall.UNSEEN}
    body = msgspec.json.encode(
        [schema.VERSION, files, settings, recall.code_stamp()], order="deterministic", enc_hook=str
    )
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _counts(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(part.startswith(".") for part in file.relative_to(folder).parts)


def key_in(database: Path) -> str:
    """The key of an index, "" where there is none that can be read."""
    if not database.exists():
        return ""
    try:
        with _closing(sqlite3.connect(f"file:{_quoted(database)}?mode=ro", uri=True)) as db:
            return str(db.execute("SELECT value FROM meta WHERE key = 'key'").fetchone()[0])
    except (sqlite3.Error, TypeError):
        return ""


def _quoted(path: Path) -> str:
    from urllib.parse import quote

    return quote(str(path.resolve()))


class _closing:  # noqa: N801 (as contextlib names its own)
    """A connection that is closed at the end."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    def __enter__(self) -> sqlite3.Connection:
        return self.db

    def __exit__(self, *error: object) -> None:
        self.db.close()


# ---------------------------------------------------------------------- making it


def build(paths: Sequence[str | Path], config: Config, database: Path, progress: engine.Progress | None = None) -> None:
    """Lint, and put what was found into `database`, which takes the place of an older one when it is whole.

    Raises:
        CuratorError: the data or the configuration cannot be read, or the folder cannot be written.
    """
    key, began = key_of(paths, config), time.time()
    report = engine.lint(paths, config, workers=config.crew, cache=config.cache, progress=progress)
    report = lessons.told(report, paths, config)
    part = database.with_name(f".{database.name}.{hashlib.sha256(key.encode()).hexdigest()[:8]}.part")
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, readable_by(paths)))
        with _closing(sqlite3.connect(part, isolation_level=None)) as db:
            db.execute("PRAGMA page_size = 16384")  # wide rows, written many at once
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(schema.TABLES)
            db.execute("BEGIN")
            with open_sources(paths, config.excluded) as sources:
                _fill(db, report, sources, config)
            db.execute("INSERT INTO meta VALUES ('key', ?)", (key,))
            db.execute("UPDATE findings SET since = ?", (began,))
            db.execute("COMMIT")
            schema.index(db)
            _keep_since(db, database)
            db.execute("BEGIN")
            following.follow(db, following.logs_of(paths))
            db.execute("COMMIT")
            db.execute("ANALYZE")
        for rest in ("-wal", "-shm"):
            database.with_name(database.name + rest).unlink(missing_ok=True)
        part.replace(database)
    except (OSError, sqlite3.Error) as error:
        part.unlink(missing_ok=True)
        hint = "make the folder writable, or free some space"
        raise WriteError(f"the index of findings cannot be written: {error}", where=str(part), hint=hint) from None


def _keep_since(db: sqlite3.Connection, older: Path) -> None:
    """Take over from an older index since when its rows are known: those that are here as well only moved, at most."""
    try:
        with _closing(sqlite3.connect(f"file:{_quoted(older)}?mode=ro", uri=True)) as old:
            known = old.execute("SELECT row, min(since) FROM findings GROUP BY row").fetchall()
    except sqlite3.Error:  # there is none, or one of another form
        return
    db.execute("BEGIN")
    db.executemany("UPDATE findings SET since = ?2 WHERE row = ?1", known)
    db.execute("COMMIT")


def _fill(db: sqlite3.Connection, report: Report, sources: Sequence[Source], config: Config) -> None:
    numbers = {source.path: n for n, source in enumerate(sources)}
    shapes = {file.path: file.shape for file in report.files}
    db.executemany(
        "INSERT INTO files VALUES (?, ?, ?)", [(n, path, shapes.get(path, "")) for path, n in numbers.items()]
    )
    order = _order(report)
    copies: Counter[str] = Counter()
    held: list[tuple[Any, ...]] = []
    bodies: list[tuple[int, str, bytes]] = []
    wanted: defaultdict[int, set[int]] = defaultdict(set)
    edges: list[tuple[str, tuple[int, int], list[tuple[int, int]]]] = []
    cursor = db.cursor()
    for seq, finding in enumerate(report.findings):
        copies[finding.id] += 1
        file = numbers[finding.file]
        related = [(numbers[place.file], place.line) for place in finding.related]
        if kind := kind_of(finding.code):
            edges.append((kind, (file, finding.line), related))
        for number, line in ((file, finding.line), *related):
            wanted[number].add(line)
        if copies[finding.id] > 1:
            continue
        held.append(
            (
                order[finding.code] + seq * STEP,
                seq * STEP,
                int(finding.id[:15], 16),
                finding.id,
                finding.code,
                finding.severity,
                file,
                finding.line,
                finding.row,
                finding.row,
                1,
                finding.fix.safety if finding.fix else "",
                len(related),
            )
        )
        bodies.append((order[finding.code] + seq * STEP, searched(finding), encode_finding(finding)))
        if len(held) >= 2000:
            _insert(cursor, held, bodies)
    _insert(cursor, held, bodies)
    db.execute("CREATE TEMP TABLE more(id TEXT PRIMARY KEY, copies INT)")
    cursor.executemany("INSERT INTO more VALUES (?, ?)", [(k, n) for k, n in copies.items() if n > 1])
    cursor.execute(
        "UPDATE findings SET copies = (SELECT m.copies FROM more m WHERE m.id = findings.id)"
        " WHERE id IN (SELECT id FROM more)"
    )
    for number, lines in wanted.items():
        rows = ((number, *place) for place in _places(sources[number], sorted(lines)))
        cursor.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?)", rows)
    _group(db, edges)
    db.execute("INSERT INTO meta VALUES ('summary', ?)", (msgspec.json.encode(_summary(report, config)).decode(),))


def _insert(cursor: sqlite3.Cursor, held: list[tuple[Any, ...]], bodies: list[tuple[int, str, bytes]]) -> None:
    cursor.executemany(
        "INSERT INTO findings(rank, seq, slot, id, code, severity, file, line, row, root, copies, fix, related)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        held,
    )
    cursor.executemany("INSERT INTO bodies VALUES (?, ?, ?)", bodies)
    held.clear()
    bodies.clear()


def kind_of(code: str) -> str:
    """The kind of group that findings of a rule make: "repeats", "conflicts" or ""."""
    return "conflicts" if code.startswith(_CONFLICTS) else KINDS.get(code, "")


def searched(finding: Finding) -> str:
    """What a search looks through."""
    shown = finding.excerpt.text if finding.excerpt else ""
    return searchable(f"{finding.code} {finding.name} {finding.message} {shown}")


def _order(report: Report) -> dict[str, int]:
    """The rank at which the findings of each rule begin: errors first, then by code."""
    gravity = {"error": 0, "warning": 1, "info": 2}
    stats = sorted(report.rules, key=lambda stat: (gravity[stat.severity], stat.code))
    span = (len(report.findings) + 1) * STEP
    return {stat.code: n * span for n, stat in enumerate(stats)}


class _Line(NamedTuple):
    """A line of a file: its number, offset and size in the data, content id of its row."""

    line: int
    offset: int
    size: int
    row: str


def _places(source: Source, lines: list[int]) -> Iterator[_Line]:
    """Where these physical lines stand in the data."""
    wanted = np.array(lines, dtype=np.int64)
    if source.numbers is None:
        at = wanted - 1
    else:
        numbers = np.fromfile(source.numbers, "<i8")
        at = np.minimum(np.searchsorted(numbers, wanted), max(len(numbers) - 1, 0))
    starts, stops = offsets(source.data, at)
    with source.data.open("rb") as file:
        for line, start, stop in zip(lines, starts.tolist(), stops.tolist(), strict=True):
            if start < 0:
                continue  # a fault of the file itself stands at no line of it
            file.seek(start)
            raw = file.read(stop - start)
            yield _Line(line, start, stop - start, content_id(parse(raw.removeprefix(b"\xef\xbb\xbf")), raw).hex())


def offsets(data: Path, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First byte and end (without the line break) of lines counted from 0 and rising; -1 where there is none."""
    starts, stops = np.full(len(at), -1, np.int64), np.full(len(at), -1, np.int64)
    starts[at == 0] = 0
    line = offset = 0
    with data.open("rb") as file:
        while block := file.read(1 << 23):
            breaks = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + offset
            for target, shift, plus in ((stops, 0, 0), (starts, 1, 1)):
                low, high = np.searchsorted(at, (line + shift, line + shift + len(breaks)))
                target[low:high] = breaks[at[low:high] - line - shift] + plus
            line += len(breaks)
            offset += len(block)
    last = (at == line) & (starts >= 0) & (starts < offset)
    stops[last] = offset
    starts[stops < 0] = -1
    return starts, stops


def _group(db: sqlite3.Connection, edges: Iterable[tuple[str, tuple[int, int], list[tuple[int, int]]]]) -> None:
    """Number the groups of rows that findings join, and mark findings about a row that has an equal twin."""
    leader: dict[tuple[str, tuple[int, int]], tuple[str, tuple[int, int]]] = {}

    def find(node: tuple[str, tuple[int, int]]) -> tuple[str, tuple[int, int]]:
        leader.setdefault(node, node)
        while leader[node] != node:
            leader[node] = leader[leader[node]]
            node = leader[node]
        return node

    for kind, place, related in edges:
        for other in related:
            a, b = find((kind, place)), find((kind, other))
            leader[max(a, b)] = min(a, b)
    groups: defaultdict[tuple[str, tuple[int, int]], list[tuple[int, int]]] = defaultdict(list)
    for node in leader:
        groups[find(node)].append(node[1])
    members, heads = [], []
    rows = {(file, line): row for file, line, row in db.execute("SELECT file, line, row FROM places")}
    for number, (root, places) in enumerate(sorted(groups.items()), 1):
        heads.append((number, root[0], "", len(places)))
        members += [(number, *place, rows.get(place, "")) for place in sorted(places)]
    db.executemany("INSERT INTO groups VALUES (?, ?, ?, ?)", heads)
    db.executemany("INSERT INTO members VALUES (?, ?, ?, ?)", members)
    db.execute("CREATE INDEX member_places ON members(file, line)")
    codes = {kind: "LIKE 'CON%'" if kind == "conflicts" else "IN ('DUP001', 'DUP002', 'DUP003')" for kind, _ in groups}
    for kind, condition in codes.items():
        db.execute(
            "UPDATE findings SET cluster = coalesce((SELECT m.grp FROM members m JOIN groups g ON g.number = m.grp"
            f" WHERE g.kind = ? AND m.file = findings.file AND m.line = findings.line), 0) WHERE code {condition}",
            (kind,),
        )
    db.execute(
        "UPDATE findings SET twin = 1 WHERE related = 1 AND code IN ('DUP001', 'SPT001')"
    )  # the rules whose findings say that both rows are the same


def _summary(report: Report, config: Config) -> Summary:
    rules = all_rules()
    texts = {code: (rules[code].summary(), rules[code].why()) for code in rules}
    return Summary(
        rows=report.rows,
        broken=report.broken,
        tokens=report.tokens.total,
        tokenizer=report.tokens.tokenizer,
        exact=report.tokens.exact,
        seconds=round(report.seconds, 3),
        files=[msgspec.structs.asdict(file) for file in report.files],
        rules={
            stat.code: {
                "name": stat.name,
                "severity": stat.severity,
                "examined": stat.examined,
                "findings": stat.findings,
                "summary": texts.get(stat.code, ("", ""))[0],
                "why": texts.get(stat.code, ("", ""))[1],
            }
            for stat in report.rules
        },
        not_run=[msgspec.structs.asdict(item) for item in report.not_run],
        lengths=list(report.length_histogram),
        answers=list(report.answer_histogram),
        max_length=config.max_length or 0,
        lessons=report.lessons,
    )


def unread(error: OSError) -> SourceError:
    """What the system says of a file, with the way on."""
    hint = "put it back, or end the review and begin one on another file"
    return SourceError(f"cannot be read: {error.strerror}", where=str(error.filename), hint=hint)


# ---------------------------------------------------------------------- a process of its own


def main() -> int:
    """Build an index in a process of its own: what to do comes pickled on standard input, progress goes out."""
    import pickle
    import sys

    paths, config, database = pickle.load(sys.stdin.buffer)

    def tell(**what: Any) -> None:
        sys.stdout.write(json.dumps(what) + "\n")
        sys.stdout.flush()

    try:
        build(paths, config, Path(database), lambda done, size: tell(done=done, size=size))
    except CuratorError as error:
        tell(error=str(error))
        return 2
    except OSError as error:
        tell(error=str(unread(error)))
        return 2
    tell(ready=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

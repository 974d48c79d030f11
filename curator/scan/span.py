"""Scans one span: bytes to rows, rows to findings, columns to sketches. Runs in the workers."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from curator import tokens
from curator.columns import ROLE_CODES, Batch, Literals
from curator.errors import OutOfReachError, WriteError
from curator.formats import Reader
from curator.model import Example, Excerpt, Flag
from curator.neighbours import shingles
from curator.private.masking import Known, holds_private, longest_first, masked_flag, may_quote
from curator.private.rows import values_of_row
from curator.rule import DatasetRule, RawRule, RowRule, Rule
from curator.scan.overseeing import is_foreign, judging, refuse_unsound
from curator.scan.store import Found, Head, ScanFile, Tally, is_intact, pack_scan, write_scan
from curator.sources import Source, Span, fetched, light, read
from curator.text.brokenjson import Heavy
from curator.text.encodings import without_surrogates
from curator.text.excerpt import excerpt
from curator.text.vocabulary import terms
from curator.writing import write_passing

if TYPE_CHECKING:
    from curator.config import Plan


_MOST = 10_000  # findings of a rule on one row that are told one by one: each takes a kilobyte and some time
_SHOWN = 100  # of those, the ones with an excerpt: it takes ten times as long as the rest of a finding


class Job(msgspec.Struct, frozen=True):
    """One span to scan: `shape` is the shape its file was detected to have, `skip` the ignored codes,
    `columns` what of the column map applies to the file.

    `seen` is what the file was like where it was cut (bytes, nanoseconds): a worker elsewhere that finds another file
    at that path does not read it. `data` are the bytes, for workers that cannot read them.
    """

    source: Source
    span: Span
    shape: str | None = None
    skip: frozenset[str] = frozenset()
    seen: tuple[int, int] | None = None
    data: bytes | Heavy | None = None
    columns: dict[str, str] = {}

    def read(self) -> bytes | Heavy:
        """The bytes of the span, or what stands for a line too heavy to be judged.

        Raises ChangedError, or OutOfReachError where this machine has no such file.
        """
        if self.data is not None:
            return self.data
        if self.seen is None or _like(self.source.data) == self.seen:
            return light(self.span, partial(read, self.source))
        if self.source.address:
            return light(self.span, partial(fetched, self.source.address, size=self.seen[0]))
        raise OutOfReachError("is not on every node", where=self.source.path)

    def carried(self) -> Job:
        """The same with its bytes."""
        return msgspec.structs.replace(self, data=light(self.span, partial(read, self.source)))

    def sent(self) -> Job:
        """The same, for a worker that may stand elsewhere."""
        return msgspec.structs.replace(self, seen=_like(self.source.data))


def _like(file: Path) -> tuple[int, int] | None:
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


class Scanned(msgspec.Struct, frozen=True):
    """Where the scan file of a span lies."""

    path: str
    cached: bool


class Packed(msgspec.Struct, frozen=True):
    """A scan file on its way: its name, whether its fixes hold private values, and its bytes."""

    name: str
    private: bool
    body: bytes


class Scan:
    """Scans spans under one plan. Picklable; what is costly to make is made once a process."""

    def __init__(self, plan: Plan, folder: Path, cache: Path | None) -> None:
        self.plan = plan
        self.folder = folder
        self.cache = cache
        self._literals: Literals | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_literals": None}

    def __call__(self, job: Job) -> Scanned:
        data = job.read()
        name = f"{self._key(job, data)}.scan"
        if self.cache and is_intact(kept := self.cache / name):
            return Scanned(str(kept), cached=True)
        head, found, arrays = self.scan(job, data)
        if self.cache and not any(holds_private(item.flag.fix) for item in found):
            try:
                write_scan(self.cache / name, head, found, arrays)
                return Scanned(str(self.cache / name), cached=False)
            except WriteError:
                pass  # a cache that cannot be written is no reason to fail: the temporary folder may do
        write_scan(self.folder / name, head, found, arrays)
        return Scanned(str(self.folder / name), cached=False)

    def away(self, job: Job) -> Packed:
        """Scan where this process cannot be reached but by what is answered."""
        data = job.read()
        head, found, arrays = self.scan(job, data)
        private = any(holds_private(item.flag.fix) for item in found)
        return Packed(f"{self._key(job, data)}.scan", private, b"".join(pack_scan(head, found, arrays)))

    def known(self, job: Job) -> Scanned | None:
        """The scan of an earlier run, where there is one."""
        if self.cache and is_intact(kept := self.cache / f"{self._key(job, job.read())}.scan"):
            return Scanned(str(kept), cached=True)
        return None

    def keep(self, packed: Packed) -> Scanned:
        """Write down what a worker answered."""
        if self.cache and not packed.private:
            try:
                write_passing(self.cache / packed.name, [packed.body])
                return Scanned(str(self.cache / packed.name), cached=False)
            except WriteError:
                pass
        write_passing(self.folder / packed.name, [packed.body])
        return Scanned(str(self.folder / packed.name), cached=False)

    def without(self, job: Job) -> Scanned:
        """What stands for a span that could not be scanned: as many lines, none of them readable."""
        data = light(job.span, partial(read, job.source))
        lines = 1 if isinstance(data, Heavy) else data.count(b"\n") + (not data.endswith(b"\n"))
        head, _, arrays = self.scan(job, b"\n" * lines)
        tallies = {code: Tally(0, lines, 0, 0, 0.0) for code in head.tallies}
        path = self.folder / f"{self._key(job, data)}.lost"
        write_scan(path, msgspec.structs.replace(head, broken=lines, tallies=tallies), [], arrays)
        return Scanned(str(path), cached=False)

    def _key(self, job: Job, data: bytes | Heavy) -> str:
        """Hash of all that the scan of this span depends on; its place in the file is no part of it."""
        digest = hashlib.blake2b(repr(data).encode() if isinstance(data, Heavy) else data, digest_size=16)
        first = job.span.start == 0
        digest.update(f"{self.plan.hash} {job.shape} {list(job.columns.items())} {sorted(job.skip)} {first}".encode())
        return digest.hexdigest()

    def scan(self, job: Job, data: bytes | Heavy) -> tuple[Head, list[Found], dict[str, np.ndarray]]:
        """The findings of the row rules and the arrays that the dataset rules and counts need."""
        rules = [rule for rule in self.plan.rules if rule.code not in job.skip]
        if self._literals is None:
            self._literals = Literals.of(self.plan.rules)
        clock = _Clock()
        with clock("read"):
            reader = Reader(self.plan.shape or job.shape, job.columns)
            tokenizer = tokens.resolve(self.plan.tokenizer)
            batch = Batch(data, reader, tokenizer, self._literals, first=job.span.start == 0)
        arrays = _arrays(batch, clock)
        if any(isinstance(rule, DatasetRule) and rule.vocabulary for rule in rules):
            with clock("words"):
                arrays.update(terms(batch))
        found: list[Found] = []
        tallies: dict[str, Tally] = {}
        for rule in rules:
            start = time.process_time()
            mine: list[Found] = []
            if isinstance(rule, DatasetRule):
                with judging(rule, partial(_place, job, -1)):
                    arrays[rule.code] = _sketched(rule, batch)
                for view in rule.views:
                    if f"{view}.counts" not in arrays:
                        arrays.update(shingles.columns(batch, view))
            elif isinstance(rule, RawRule | RowRule):
                batch.at = -1
                with judging(rule, lambda: _place(job, batch.at), lambda: batch.at):
                    mine = _told(batch, rule)
                found += mine
            tallies[rule.code] = _tally(batch, rule, mine, time.process_time() - start)
        found.sort(key=lambda item: (item.line, item.code, item.flag.at, item.flag.span or (0, 0)))
        shapes = Counter(example.shape for example in batch.examples if example is not None)
        head = Head(
            lines=len(batch.lines),
            rows=len(batch.readable),
            broken=len(batch.lines) - len(batch.readable) - len(batch.blank),
            tokens=int(arrays["tokens"].sum()),
            given=int(batch.given_tokens.sum()),
            shapes=dict(shapes),
            tallies=tallies,
            phases=clock.seconds,
        )
        return head, found, arrays


class _Clock:
    """CPU seconds by phase."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        start = time.process_time()
        yield
        self.seconds[phase] = self.seconds.get(phase, 0.0) + time.process_time() - start


def _arrays(batch: Batch, clock: _Clock) -> dict[str, np.ndarray]:
    """Per line: content id, whether it could be read, tokens of the row and of its answers."""
    with clock("content ids"):
        ids = np.frombuffer(b"".join(batch.content_ids), dtype=np.uint8).reshape(-1, 16)
    with clock("tokens"):
        tokens_of_row = batch.row_tokens.astype(np.int32)
        answering = np.where(batch.roles == ROLE_CODES["assistant"], batch.turn_tokens, 0)
        tokens_of_answers = np.bincount(batch.turn_lines, answering, len(batch.lines)).astype(np.int32)
    readable = np.zeros(len(batch.lines), dtype=bool)
    readable[batch.readable] = True
    return {"ids": ids, "readable": readable, "tokens": tokens_of_row, "answers": tokens_of_answers}


def _place(job: Job, index: int) -> tuple[str, int]:
    """The file, and where it can be told the line, of a line of the span: for errors alone."""
    if index < 0:
        return job.source.path, 0
    before, left = 0, job.span.start
    try:
        with job.source.data.open("rb") as file:
            while left and (part := file.read(min(left, 1 << 20))):
                before, left = before + part.count(b"\n"), left - len(part)
        return job.source.path, job.source.lines(before, index + 1)[index]
    except (OSError, IndexError):  # it stands elsewhere
        return job.source.path, 0


def _tally(batch: Batch, rule: Rule, found: list[Found], seconds: float) -> Tally:
    examined = len(batch.lines) if isinstance(rule, RawRule) else len(batch.readable)
    skipped = 0 if isinstance(rule, RawRule) else len(batch.lines) - len(batch.readable) - len(batch.blank)
    fixable = sum(item.flag.fix is not None for item in found)
    return Tally(examined, skipped, len(found), fixable, seconds)


def _sketched(rule: DatasetRule, batch: Batch) -> np.ndarray:
    """What a rule sketches. Raises TypeError where that is no number, or row of numbers, for each line."""
    sketches = rule.sketch(batch)
    if not isinstance(sketches, np.ndarray) or sketches.dtype.hasobject or sketches.shape[:1] != (len(batch.lines),):
        raise TypeError("its sketch is no array of numbers with an entry for each line")
    return sketches


def _told(batch: Batch, rule: RawRule | RowRule) -> list[Found]:
    """What a rule finds, of a row the first _MOST at most: its last finding then says how many there are beside."""
    counts: Counter[int] = Counter()
    told: list[Found] = []
    foreign = is_foreign(rule)
    for line, flag in rule.flags(batch):
        counts[line] += 1
        if foreign:
            refuse_unsound(encodable(flag))
        if counts[line] <= _MOST:
            told.append(address(batch, rule.code, line, flag, shown=counts[line] <= _SHOWN))
    beside = {line: count - _MOST for line, count in counts.items() if count > _MOST}
    if not beside:
        return told
    last = {item.line: place for place, item in enumerate(told)}
    for line, more in beside.items():
        item = told[last[line]]
        message = f"{item.flag.message}; {more:,} more in this row are not told one by one"
        told[last[line]] = msgspec.structs.replace(item, flag=msgspec.structs.replace(item.flag, message=message))
    return told


def address(batch: Batch, code: str, line: int, flag: Flag, *, shown: bool = True) -> Found:
    """A flag of a row rule with its row's content id and its own, and with an excerpt where it is to be `shown`."""
    flag = encodable(flag)
    row = batch.content_ids[line].hex()
    excerpted = excerpt_of(flag, batch.values[line], batch.lines[line], batch.examples[line]) if shown else None
    flag = shielded(flag, (batch.examples[line],))
    return Found(code, line, flag, finding_id(code, (row,), flag), row, excerpted)


_encode = msgspec.msgpack.Encoder().encode


def encodable(flag: Flag) -> Flag:
    """The flag as it can be written down: lone surrogates (in keys, names, roles) are spelt as escapes.

    A fix that holds one is left out: what it would write is no UTF-8.
    """
    try:
        _encode(flag)
    except UnicodeEncodeError:
        pass
    else:
        return flag
    fix = flag.fix
    try:
        _encode(fix)
    except UnicodeEncodeError:
        fix = None
    at, message, about = map(without_surrogates, (flag.at, flag.message, flag.about))
    evidence = without_surrogates(flag.evidence)
    return msgspec.structs.replace(flag, at=at, message=message, about=about, evidence=evidence, fix=fix)


def shielded(flag: Flag, examples: Iterable[Example | None]) -> Flag:
    """The flag with private values masked: those that its words show to be such, and those of its rows."""
    if not may_quote(flag):
        return masked_flag(flag)
    known = [_known(_Same(example.value, example)) for example in examples if example is not None]
    return masked_flag(flag, known[0] if len(known) == 1 else longest_first(dict(chain(*known))))


class _Same:
    """Stands for one row as a key: it may have thousands of findings."""

    __slots__ = ("example", "value")

    def __init__(self, value: Any, example: Example | None) -> None:
        self.value, self.example = value, example

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


@lru_cache(maxsize=8)
def _known(row: _Same) -> Known:
    """(value, kind) of the private values of a row."""
    return values_of_row(row.value, (turn.text for turn in row.example.all_turns()) if row.example else ())


def excerpt_of(flag: Flag, value: Any, raw: bytes, example: Example | None) -> Excerpt | None:
    """The excerpt of a flag; a flag on a whole row that could be read shows what the user asks."""
    if not flag.at and flag.byte is None and example is not None:
        turns = example.all_turns()
        asked = next((turn for turn in turns if turn.role == "user" and turn.text), turns[0] if turns else None)
        if asked is not None and asked.text:
            at, span = asked.place(0, 0)
            flag = Flag(at, flag.message, span)
    shown = excerpt(flag, value, raw, partial(_known, _Same(value, example)))
    stand_in = str(flag.evidence.get("placeholder", ""))
    if shown and stand_in and shown.text[shown.start : shown.end] and shown.text[shown.start] != "[":
        hidden = stand_in.rpartition("_")[0] + "]"  # a value that its key tells: the excerpt has no sign of it
        end = shown.start + len(hidden)
        shown = Excerpt(shown.text[: shown.start] + hidden + shown.text[shown.end :], shown.start, end)
    return shown


def finding_id(code: str, rows: tuple[str, ...], flag: Flag) -> str:
    """The identity of a finding: its code, the content of its rows, the path and the evidence.

    One that is told once for many rows is known by what it is about.
    """
    if flag.about:
        return hashlib.blake2b(msgspec.json.encode([code, flag.about]), digest_size=16).hexdigest()
    body = msgspec.json.encode([code, rows, flag.at, flag.span, flag.evidence], order="sorted")
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def read_scan(scanned: Scanned) -> ScanFile:
    return ScanFile(Path(scanned.path))

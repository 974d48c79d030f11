"""Lint: spans are scanned (in parallel), dataset rules join what the scans left, a report comes out.

    sources ─ cut ─ map(scan) ─ scan files ─ join (one rule at a time) ─ spill ─┐
                                     └──────────── findings, in order ──────────┴─ Report

Findings do not depend on the number of workers, on where spans are cut, or on the cache.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from curator import formats, tokens
from curator.columns import parse
from curator.formats.adapter import SURE
from curator.model import (
    Audit,
    FileStat,
    LimitResult,
    NotRun,
    Report,
    RuleStat,
    TokenCount,
)
from curator.rule import DatasetRule
from curator.scan import recall
from curator.scan.cache import Cache
from curator.scan.collector import uncollected
from curator.scan.findings import FindingStore, Piece
from curator.scan.joining import Join, Judging, apart
from curator.scan.mappers import Crew, Mapper, choose, sharing
from curator.scan.rows import SetRows
from curator.scan.span import Job, Scan, Scanned, finding_id, read_scan
from curator.scan.store import Found, ScanFile, Spill
from curator.scratch import Scratch
from curator.sources import Source, Span, cut, open_sources
from curator.sources.allowed import allowed_leaks
from curator.sources.finding import split_number
from curator.text.brokenjson import HEAVIEST
from curator.text.hashed import distinct

if TYPE_CHECKING:
    from curator.config import Config, Plan

Progress = Callable[[int, int], None]  # bytes done, bytes in all

LARGE = 8_000_000  # bytes from which on costly rules run only when asked for
_SAMPLE = 200  # lines read from each of two places to tell a file's shape


def lint(
    paths: Sequence[str | Path],
    config: Config,
    *,
    workers: Crew = None,
    cache: bool = True,
    progress: Progress | None = None,
    judging: Judging | None = None,
    audit: bool = False,
) -> Report:
    """Lint files and folders as one set; with `audit` measure also how many of the rows alike were found.

    `progress` hears how much was read, then `judging` by how many of the rules on the whole set it was judged; where
    several processes judge, each tells of its own rule.

    Raises:
        SourceError: a path is missing, or cannot be read as data.
        ConfigError: the configuration cannot be honoured.
        ChangedError: a file changed while it was read.
    """
    if cache and not audit and (told := recall.recall(paths, config)):
        return told
    started = time.perf_counter()
    tokens.begin(config.counter)
    plan = config.plan()
    kept = Cache.open() if cache else None
    key = recall.key_of(paths, config) if kept else None
    with uncollected(), open_sources(paths, config.excluded) as sources:
        if not (config.select or config.then.select):  # what is asked for by name is looked for
            plan = plan.without_leaks(allowed_leaks(source.path for source in sources))
        report = lint_sources(
            sources, plan, workers=workers, cache=kept, progress=progress, judging=judging, audit=audit
        )
        report = msgspec.structs.replace(report, left_out=sources.left, seconds=time.perf_counter() - started)
        if kept and key and not audit:
            recall.keep(report, key, kept)
        return report


def lint_sources(
    sources: Sequence[Source],
    plan: Plan,
    *,
    workers: Crew = None,
    cache: Cache | None = None,
    progress: Progress | None = None,
    judging: Judging | None = None,
    audit: bool = False,
) -> Report:
    """Lint opened sources as one set. Raises ChangedError when a file changed while it was read."""
    started = time.perf_counter()
    if len({split_number(source.split) for source in sources}) == 1:
        plan = plan.of_one_split()
    size = sum(source.data.stat().st_size for source in sources)
    if size > LARGE:
        plan = plan.without_costly(f"the set holds {size / 1e6:,.0f} MB, and these rules take longer than all others")
    with uncollected():
        folder = Scratch("lint")
        run = _Run(plan, list(sources), Path(folder.name), cache)
        run.scan(workers, progress)
        run.join(workers, judging, audit=audit)
        for source in sources:
            source.check_unchanged()
        store = run.findings(folder)
        return run.report(store, time.perf_counter() - started)


@contextmanager
def scanned(
    sources: Sequence[Source], plan: Plan, *, workers: Crew = None, progress: Progress | None = None
) -> Iterator[SetRows]:
    """The rows of opened sources with the sketches of the plan's dataset rules, judged by none of them."""
    with uncollected(), Scratch("scan") as folder:
        run = _Run(plan, list(sources), Path(folder), None)
        run.scan(workers, progress)
        yield run.rows(workers)


class _Run:
    """One lint: the spans, their scan files and what the dataset rules found."""

    def __init__(self, plan: Plan, sources: list[Source], folder: Path, cache: Cache | None) -> None:
        self.plan, self.sources, self.folder, self.cache = plan, sources, folder, cache
        self.ignored = [plan.ignored(source.path) for source in sources]
        self.detections = [detected(source) for source in sources]
        self.columns = [columns_of(source, plan.columns, forced=plan.map_forced) for source in sources]
        self.spans: list[tuple[int, Span]] = [(n, span) for n, s in enumerate(sources) for span in cut(s)]
        self.size = sum(span.stop - span.start for _, span in self.spans)  # bytes
        self.scans: list[ScanFile] = []
        self.spill = Spill()
        self.stats: dict[str, RuleStat] = {}
        self.audits: tuple[Audit, ...] = ()
        self.left_out: tuple[NotRun, ...] = ()
        self.lost: list[NotRun] = []

    # ------------------------------------------------------------------ the two steps

    def scan(self, workers: Crew, progress: Progress | None) -> None:
        tokens.resolve(self.plan.tokenizer)  # forked workers share it; a wrong name fails here, once
        row_codes = {rule.code for rule in self.plan.rules if not isinstance(rule, DatasetRule)}
        jobs = [
            Job(self.sources[n], span, self.detections[n].shape, self.ignored[n] & row_codes, columns=self.columns[n])
            for n, span in self.spans
        ]
        work = Scan(self.plan, self.folder, self.cache.scans if self.cache else None)
        done = 0
        scanned: list[Scanned] = []
        mapper = choose(workers, self.size, len(jobs))
        results = self._elsewhere(mapper, work, jobs) if mapper.apart else mapper.map(work, jobs)
        for result, (_, span) in zip(results, self.spans, strict=True):
            scanned.append(result)
            done += span.stop - span.start
            if progress:
                progress(done, self.size)
        self.scans = [read_scan(result) for result in scanned]
        self.bounds = [0, *accumulate(scan.head.lines for scan in self.scans)]
        for rule in self.plan.rules:
            tallies = [scan.head.tallies[rule.code] for scan in self.scans if rule.code in scan.head.tallies]
            self.stats[rule.code] = RuleStat(
                rule.code,
                rule.slug(),
                self.plan.severities[rule.code],
                sum(t.examined for t in tallies),
                sum(t.skipped for t in tallies),
                sum(t.findings for t in tallies),
                sum(t.fixable for t in tallies),
                sum(t.seconds for t in tallies),
            )
        for source, ignored in zip(self.sources, self.ignored, strict=True):
            for fault in source.flags:
                if fault.code in self.stats and fault.code not in ignored:
                    self._count(fault.code, 1, int(fault.flag.fix is not None), 0.0)

    def _elsewhere(self, mapper: Mapper, work: Scan, jobs: Sequence[Job]) -> Iterator[Scanned]:
        """Scan where the workers may share no disk with this process: what they answer is written down here."""
        known = [work.known(job) for job in jobs]
        new = [job.sent() for job, scan in zip(jobs, known, strict=True) if scan is None]
        answers = mapper.map(work.away, new, self._given_up)
        waiting = iter(new)
        for scan in known:
            if scan is not None:
                yield scan
                continue
            job, answer = next(waiting), next(answers)
            yield work.without(job) if answer is None else work.keep(answer)

    def _given_up(self, job: Job, why: str) -> None:
        """Say that a span was not judged: one row that brings every worker down does not end the lint."""
        source, span = job.source, job.span
        reason = f"{source.path}: bytes {span.start:,} to {span.stop:,} are not judged: {why}"
        codes = tuple(rule.code for rule in self.plan.rules)
        self.lost.append(NotRun(codes, reason, "lint these lines by themselves to find the row"))

    def join(self, workers: Crew, judging: Judging | None = None, *, audit: bool = False) -> None:
        """Run the dataset rules over the sketches of all spans."""
        rules = [rule for rule in self.plan.rules if isinstance(rule, DatasetRule)]
        if not rules or not self.scans:
            return
        work = Join(self.rows(workers), rules, self.ignored, self.bounds, self.folder, audit=audit, judging=judging)
        groups = apart(rules)
        long = any(rule.costly for rule in rules)
        judged = list(sharing(workers, self.size, len(groups), self.bounds[-1], long=long).map(work, groups))
        if judging:
            judging(len(rules), len(rules), "")
        joined = {each.code: each for group in judged for each in group.rules}
        for rule in rules:
            each = joined[rule.code]
            self.spill.parts.append(each.part)
            self._count(rule.code, each.part.count, each.fixable, each.seconds)
        noted = (note for rule in rules for note in joined[rule.code].left_out)
        told = dict.fromkeys((*(note for group in judged for note in group.crowded), *noted))
        self.left_out = tuple(self._of_what_runs(note) for note in told)
        self.audits = tuple(audit for group in judged for audit in group.audits)

    def _of_what_runs(self, note: NotRun) -> NotRun:
        """The note without the rules that nobody asked for."""
        codes = tuple(code for code in note.codes if code in self.stats)
        return msgspec.structs.replace(note, codes=codes or note.codes)

    def rows(self, workers: Crew) -> SetRows:
        """The rows of the scanned set; where there is a cluster, it looks for those alike."""
        mapper = choose(workers, self.size, len(self.spans))
        return SetRows(
            self.scans, self.bounds, self.sources, self.spans, self._reader, mapper if mapper.apart else None
        )

    def _count(self, code: str, findings: int, fixable: int, seconds: float) -> None:
        stat = self.stats[code]
        self.stats[code] = msgspec.structs.replace(
            stat,
            findings=stat.findings + findings,
            fixable=stat.fixable + fixable,
            seconds=stat.seconds + seconds,
        )

    def _reader(self, source: int) -> formats.Reader:
        return formats.Reader(self.plan.shape or self.detections[source].shape, self.columns[source])

    # ------------------------------------------------------------------ the result

    def findings(self, folder: Scratch) -> FindingStore:
        pieces, first = [], 0
        for scan, (n, span) in zip(self.scans, self.spans, strict=True):
            first = 0 if span.start == 0 else first
            numbers = self.sources[n].lines(first, scan.head.lines)
            pieces.append(Piece(str(scan.path), n, first, None if self.sources[n].numbers is None else list(numbers)))
            first += scan.head.lines
        faults = []
        for n, source in enumerate(self.sources):
            for fault in source.flags:
                if fault.code in self.stats and fault.code not in self.ignored[n]:
                    faults.append(
                        (
                            n,
                            fault.line,
                            Found(fault.code, 0, fault.flag, finding_id(fault.code, (), fault.flag), ""),
                        )
                    )
        names = {code: (stat.name, stat.severity) for code, stat in self.stats.items()}
        paths = [source.path for source in self.sources]
        return FindingStore(pieces, self.bounds, paths, faults, names, self.spill, folder)

    def report(self, store: FindingStore, seconds: float) -> Report:
        tokenizer = tokens.resolve(self.plan.tokenizer)
        stats = tuple(self.stats[code] for code in sorted(self.stats))
        files = tuple(self._file(n) for n in range(len(self.sources)))
        total = sum(scan.head.tokens for scan in self.scans)
        given = sum(scan.head.given for scan in self.scans)
        return Report(
            files=files,
            rules=stats,
            findings=store,
            tokens=TokenCount(
                tokenizer.name, tokenizer.exact, total, tokenizer.error, given, self.plan.foreign_template
            ),
            rows=sum(file.rows for file in files),
            broken=sum(file.broken for file in files),
            seconds=seconds,
            plan=self.plan.hash,
            fail_on=self.plan.fail_on,
            not_run=(*self.plan.not_run, *self.lost, *self.left_out, *_unread(files, self.sources, self.detections)),
            audits=self.audits,
            limits=judge_limits(self.plan.limits, stats),
            length_histogram=histogram(self._of_rows("tokens")),
            answer_histogram=histogram(self._of_rows("answers")),
            phases=self._phases(),
            target=self.plan.target.note({shape for file in files for shape in file.shapes})
            if self.plan.target
            else None,
        )

    def _file(self, n: int) -> FileStat:
        source, detection = self.sources[n], self.detections[n]
        heads = [scan.head for scan, (owner, _) in zip(self.scans, self.spans, strict=True) if owner == n]
        shapes: Counter[str] = Counter()
        for head in heads:
            shapes.update(head.shapes)
        size = source.stamp.size if source.stamp else source.data.stat().st_size
        return FileStat(
            source.path,
            source.container + (f", {source.compression}" if source.compression else ""),
            "mapped" if "mapped" in shapes else detection.shape or "unknown",
            detection.confidence,
            sum(head.lines for head in heads),
            sum(head.rows for head in heads),
            sum(head.broken for head in heads),
            size,
            source.split,
            dict(shapes),
        )

    def _of_rows(self, name: str) -> Iterator[np.ndarray]:
        return (scan.array(name)[scan.array("readable")] for scan in self.scans)

    def _phases(self) -> dict[str, float]:
        total: Counter[str] = Counter()
        for scan in self.scans:
            total.update(scan.head.phases)
        return dict(total)


def histogram(arrays: Iterable[np.ndarray]) -> tuple[tuple[int, int], ...]:
    """Rows by tokens, in bins that grow by about a third: (upper bound, rows)."""
    edges = np.array(distinct(np.round(np.geomspace(4, 1 << 20, 64)).astype(np.int64)))
    counts = np.zeros(len(edges) + 1, dtype=np.int64)
    for values in arrays:
        counts += np.bincount(np.searchsorted(edges, values), minlength=len(counts))
    counts[-2] += counts[-1]
    filled = np.flatnonzero(counts[:-1])
    if not len(filled):
        return ()
    low, high = filled[0], filled[-1] + 1
    return tuple(zip(edges[low:high].tolist(), counts[low:high].tolist(), strict=True))


def judge_limits(limits: dict[str, str | int], stats: Sequence[RuleStat]) -> tuple[LimitResult, ...]:
    """Each line of [limits] against what was found; a limit that judged no row does not hold."""
    by_code = {stat.code: stat for stat in stats}
    results = []
    for code, allowed in sorted(limits.items()):
        stat = by_code.get(code)
        judged = stat.examined if stat else 0
        flagged = stat.findings if stat else 0
        text = str(allowed)
        most = float(text.rstrip("% ")) / 100 * judged if text.endswith("%") else float(text)
        results.append(LimitResult(code, text, flagged, judged, judged > 0 and flagged <= most))
    return tuple(results)


def detected(source: Source) -> formats.Detection:
    """The shape of a file, by a sample of its rows."""
    return formats.detect(sampled(source))


def columns_of(source: Source, columns: Mapping[str, str], *, forced: bool) -> dict[str, str]:
    """What of a column map applies to a file (`formats.columns_for`)."""
    if not columns:
        return {}
    rows = sampled(source)
    found = formats.detect(rows)
    return formats.columns_for(columns, rows, found.shape if found.confidence >= SURE else None, forced=forced)


def reader_of(source: Source, config: Config) -> formats.Reader:
    """The reader of a file's rows: by the shape that is named, else the one it has, and by the map where it applies."""
    columns = columns_of(source, config.map, forced=config.map_forced)
    return formats.Reader(config.shape or detected(source).shape, columns)


def sampled(source: Source) -> list[formats.Row]:
    """Rows from the beginning of a file and from its middle."""
    spans = [span for span in cut(source) if not span.heavy]
    values: list[Any] = []
    for span in dict.fromkeys([*spans[:1], *spans[len(spans) // 2 :][:1]]):
        with source.data.open("rb") as file:
            file.seek(span.start)
            lines = islice(iter(partial(file.readline, HEAVIEST), b""), _SAMPLE)
            values += [parse(line.removeprefix(b"\xef\xbb\xbf")) for line in lines]
    return [value for value in values if type(value) is dict]


def _unread(
    files: Sequence[FileStat], sources: Sequence[Source], detections: Sequence[formats.Detection]
) -> Iterator[NotRun]:
    """A note for each file most of whose rows are in no known shape."""
    for file, source, detection in zip(files, sources, detections, strict=True):
        if file.lines and file.broken > file.lines / 2 and file.shape == "unknown":
            keys = ", ".join(detection.keys[:8])
            yield NotRun(
                ("ROL", "ANS", "LEN", "DUP"),
                f"{file.path}: the rows are in no known shape (keys seen: {keys or 'none'})",
                formats.how_to_map(sampled(source)),
            )

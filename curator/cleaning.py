"""Writes a mended copy: fixes and decisions applied, every row accounted for.

    rows in + rows gained by parting = rows written + rows rejected + lines joined to another

The sum is checked, over lines counted apart from each other, before anything is put in place. Every
container is read; the copy is JSONL, and rows that nothing changes keep their bytes.
"""

from __future__ import annotations

import shlex
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from curator import decisions, engine
from curator.columns import BOM, content_id, parse
from curator.decisions import Log, Suppressions
from curator.errors import CuratorError, UsageError, WriteError
from curator.fix import ROUNDS, Mended, Plan, Tally, Twins, mend_lines, plan_round, wanted
from curator.model import Decision, Finding, Fix, Report, drop
from curator.scan.cache import Cache
from curator.sources import Fault, Source, open_sources
from curator.text.excerpt import visible
from curator.writing import Packed, Replacement, refuse_table

if TYPE_CHECKING:
    from curator.config import Config
    from curator.config import Plan as RulePlan

REJECTED = "rejected.jsonl"

Lint = Callable[[Sequence[Source]], Report]


class Loss(msgspec.Struct, frozen=True):
    """What became of the rows of one file: rows + gained = written + rejected + joined.

    `mended` counts the written rows that were changed, `joined` the lines that went into the row they
    belong to, `gained` the rows that lines with several of them came to beyond the first.
    """

    path: str
    output: str
    rows: int
    written: int
    mended: int
    rejected: int
    joined: int
    gained: int

    @property
    def adds_up(self) -> bool:
        return self.rows + self.gained == self.written + self.rejected + self.joined


class Unapplied(msgspec.Struct, frozen=True):
    """A decision that nothing was done for, and why."""

    decision: Decision
    why: str

    def __str__(self) -> str:
        d = self.decision
        about = " ".join(filter(None, (d.verdict, d.code, d.place.rpartition("/")[2] or f"row {d.row[:12]}")))
        return f"{about}: {self.why}"


class CleanResult(msgspec.Struct, frozen=True):
    """What `clean` did, with counts by code.

    `fixed` counts the findings that were mended, `rejected_for` the rows that were left out, each by the first rule
    that speaks against it, and `left` the findings that the copy still has. What was found at first and is none of
    these went with a rejected row (`with_rows`) or with a mend or a row of another finding (`with_others`).
    `unapplied` are decisions that nothing was done for, such as those whose row has changed since; `stable` is False
    where fixes were left over; `former` is where a file of rejected rows went that tells of other data.
    """

    losses: tuple[Loss, ...]
    rejected: str
    fixed: dict[str, int]
    rejected_for: dict[str, int]
    left: dict[str, int]
    applied: int
    unapplied: tuple[Unapplied, ...]
    rounds: int
    stable: bool
    former: str = ""
    with_rows: dict[str, int] = {}
    with_others: dict[str, int] = {}


class Rejected(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of rejected.jsonl: where the row stood, why it was left out, and the row (`text` where it is no JSON)."""

    file: str
    line: int
    codes: tuple[str, ...]
    reasons: tuple[str, ...]
    row: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    text: str = ""


def clean(
    paths: Sequence[str | Path],
    out: str | Path,
    config: Config,
    *,
    rejected: str | Path | None = None,
    unsafe: bool = False,
    log: Log | None = None,
    as_one: bool = False,
    fixes: bool = True,
) -> CleanResult:
    """Write the rows with fixes and decisions applied to `out`, and those left out to `rejected`.

    `out` is a file, or a folder where the data are several files. Left out are rows that a fix or a
    decision drops, and lines that hold no JSON object even after mending. `log` holds the decisions; by
    default those kept beside the data. `as_one` takes no notice of the splits that names stand for: a row of
    one file repeats a row of another. Without `fixes` only what was decided is done.

    Raises:
        SourceError: a path is missing or cannot be read as data.
        UsageError: `out` would overwrite the data, or is one file for several.
        ChangedError: a file changed meanwhile.
        WriteError: an output could not be written; none is.
    """
    log = decisions.beside(paths) if log is None else log
    plan = config.plan() if fixes else _decided_alone(config.plan(), log)
    cache = Cache.open() if config.cache else None
    with open_sources(paths, config.excluded) as opened, tempfile.TemporaryDirectory(prefix="curator-clean-") as folder:
        sources = [msgspec.structs.replace(source, split="") for source in opened] if as_one else list(opened)
        goals = targets(sources, out)
        rest = Path(rejected) if rejected else goals[0].with_name(REJECTED)
        refuse_overwriting(sources, [*goals, rest])
        try:
            copies = [_Copy(source, Path(folder, str(n))) for n, source in enumerate(sources)]
            job = _Job(
                copies,
                log,
                unsafe,
                fixes,
                lambda these: engine.lint_sources(these, plan, workers=config.crew, cache=cache),
            )
            report = job.run()
            for copy in copies:
                copy.reject_unreadable(report)
                if plan.finds("FIL001", copy.source.path):
                    copy.reject_torn()
        except OSError as error:
            hint = f"free some space in {tempfile.gettempdir()}, or set TMPDIR to a larger disk"
            raise WriteError(f"no passing copy could be written: {error.strerror}", where=folder, hint=hint) from None
        for source in sources:
            source.check_unchanged()
        former = _set_aside(rest, {source.path for source in sources})
        losses = _write(copies, goals, rest)
        left, unapplied, in_vain = job.left(report), job.unapplied(), (*_overruled(log), *job.kept_in_vain(report))
        fixed, rejected_for = _sum(copy.fixed for copy in copies), _sum(copy.rejected_for for copy in copies)
        with_rows, with_others = job.gone(fixed, rejected_for, left)
    return CleanResult(
        losses=losses,
        rejected=str(rest),
        fixed=fixed,
        rejected_for=rejected_for,
        left=left,
        with_rows=with_rows,
        with_others=with_others,
        unapplied=(*unapplied, *in_vain),
        applied=len(job.suppressions.others) - len(unapplied),
        rounds=job.rounds,
        stable=job.stable,
        former=former,
    )


def _decided_alone(plan: RulePlan, log: Log) -> RulePlan:
    """The plan with the rules whose findings were decided on alone: no other has anything to do."""
    codes = {decision.code for decision in decisions.standing(log.decisions)}
    return msgspec.structs.replace(plan, rules=tuple(rule for rule in plan.rules if rule.code in codes))


def _overruled(log: Log) -> Iterator[Unapplied]:
    """Decisions to change or drop something that do not count since another, newer one says otherwise."""
    for decision in decisions.overruled(log.decisions):
        if decision.verdict in ("accept", "edit", "drop"):
            yield Unapplied(decision, "a newer decision says otherwise: curator decisions check names it")


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return {code: number for code, number in sorted(total.items()) if number}


# ---------------------------------------------------------------------- one file on its way


class _Copy(Tally):
    """A file of the set as it stands after some rounds, and what was rejected of it on the way."""

    def __init__(self, source: Source, place: Path) -> None:
        super().__init__()
        self.source = source
        self.data = source.data
        self.rejected_for: Counter[str] = Counter()
        self.mended: set[int] = set()  # lines of the source
        self.joined = self.gained = 0
        self._place, self._names = place, count()
        self.unreadable: set[int] = set()  # lines of the copy
        self._made: dict[int, list[str]] = {}  # codes of the fixes made to a line of the source
        self.first: dict[str, array[int]] = {}  # lines of the source with findings of the first lint, by code
        self._bin = place.with_suffix(".rejected").open("w+b")
        self._records: list[tuple[int, int, int]] = []  # source line, offset and size of the record in the bin

    def opened(self) -> Source:
        """The copy as a source; lines count as they stand in it."""
        s = self.source
        return Source(s.path, s.split, s.container, s.compression, self.data, s.stamp)

    def mend(self, plan: Mapping[int, Sequence[Finding]]) -> bool:
        """One round of fixes; False where none could be made."""
        new = self._place.with_suffix(f".{next(self._names)}.jsonl")
        with self.data.open("rb") as old, new.open("wb") as file:
            file.writelines(mend_lines(old, plan, self))
        if not self.changed:
            new.unlink()
            return False
        if self.data != self.source.data:
            self.data.unlink()
        self.data = new
        return True

    def note(self, number: int, raw: bytes, findings: Sequence[Finding], mended: Mended, joined: int) -> None:
        super().note(number, raw, findings, mended, joined)
        if mended.lines == [raw]:
            return
        self.joined += joined
        if mended.lines:
            self.gained += sum(1 for line in mended.lines if line.strip()) - _holds(raw, number)
            self.mended.add(self.origin(number))
            made = [finding.code for finding, done in zip(findings, mended.made, strict=True) if done]
            if len(mended.lines) == 1:
                self._made.setdefault(self.origin(number), []).extend(made)
        elif _holds(raw, number):
            dropped_for = [f for f, done in zip(findings, mended.made, strict=True) if done]
            self.fixed.subtract(finding.code for finding in dropped_for)
            self._reject(number, raw, dropped_for)

    def _reject(self, number: int, raw: bytes, findings: Sequence[Finding]) -> None:
        codes = tuple(dict.fromkeys(finding.code for finding in findings))
        reasons = tuple(dict.fromkeys(finding.message for finding in findings))
        self._put_aside(self.origin(number), raw, codes or ("FIL001",), reasons or ("no JSON object",))

    def _put_aside(self, origin: int, raw: bytes, codes: tuple[str, ...], reasons: tuple[str, ...]) -> None:
        self.fixed.subtract(self._made.pop(origin, ()))  # the row goes: nothing in it is mended
        record = Rejected(self.source.path, self.source.lines(origin, 1)[0], codes, reasons)
        self.rejected_for[record.codes[0]] += 1
        line = rejected_line(record, raw)
        self._records.append((origin, self._bin.tell(), len(line)))
        self._bin.write(line)

    def reject_unreadable(self, report: Report) -> None:
        """Take out the lines that hold no JSON object, with what the report says of them."""
        path = self.source.path
        if not any(file.broken for file in report.files if file.path == path):
            return
        with self.data.open("rb") as file:
            lines = {n: line for n, line in enumerate(file, 1) if _holds(line, n) and not _is_object(line, n)}
        said: dict[int, list[Finding]] = {}
        for finding in report.findings:
            if finding.file == path and finding.line in lines:
                said.setdefault(finding.line, []).append(finding)
        for number, line in lines.items():
            self._reject(number, line.removesuffix(b"\n"), said.get(number, ()))
        self.unreadable = set(lines)

    def reject_torn(self) -> None:
        """Take out the rows of a table whose cells ran over or were not closed: which text belongs where is lost."""
        torn = {fault.line: fault for fault in self.source.flags if fault.code == "FIL001" and _stays(fault)}
        if not torn:
            return
        places = self.source.lines(0, self.rows())
        with self.data.open("rb") as file:
            for number, line in enumerate(file, 1):
                fault = torn.get(places[self.origin(number)])
                if fault and number not in self.unreadable:
                    self._put_aside(self.origin(number), line.removesuffix(b"\n"), ("FIL001",), (fault.flag.message,))
                    self.unreadable.add(number)

    def write(self, out: Packed) -> tuple[int, int]:
        """Write the rows of the copy; (rows, those of them that were mended)."""
        rows = mended = 0
        with self.data.open("rb") as file:
            for number, line in enumerate(file, 1):
                if number in self.unreadable or not _holds(line, number):
                    continue
                body = line.removeprefix(BOM) if number == 1 else line
                out.write(body.rstrip(b"\r\n"))
                rows += 1
                mended += bool(self.mended) and self.origin(number) in self.mended
        return rows, mended

    def write_rejected(self, out: BinaryIO) -> int:
        """Write what was rejected, in the order of the source; how many rows."""
        for _, offset, size in sorted(self._records):
            self._bin.seek(offset)
            out.write(self._bin.read(size))
        self._bin.close()
        return len(self._records)

    def found_first(self) -> tuple[Counter[str], Counter[str]]:
        """The findings of the first lint, by code: all of them, and those on rows that were rejected."""
        lines = {origin for origin, _, _ in self._records}
        of_rejected = {code: sum(line in lines for line in found) for code, found in self.first.items()}
        return Counter({code: len(found) for code, found in self.first.items()}), Counter(of_rejected)

    def rows(self) -> int:
        """Rows of the source, counted in it."""
        with self.source.data.open("rb") as file:
            return sum(_holds(line, number) for number, line in enumerate(file, 1))


def _body(line: bytes, number: int) -> bytes:
    """Line `number` (from 1) without what is no part of a row."""
    return (line.removeprefix(BOM) if number == 1 else line).strip()


def _holds(line: bytes, number: int) -> bool:
    """Whether there is anything in the line."""
    return _body(line, number) != b""


def _is_object(line: bytes, number: int) -> bool:
    return type(parse(_body(line, number))) is dict


def rejected_line(record: Rejected, raw: bytes) -> bytes:
    """The record as a line, with the row as it was written, or as text where that is no strict JSON."""
    body = raw.removeprefix(BOM).strip()
    try:
        msgspec.json.decode(body)
        record = msgspec.structs.replace(record, row=msgspec.Raw(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        record = msgspec.structs.replace(record, text=raw.decode("utf-8", "backslashreplace"))
    return msgspec.json.encode(record) + b"\n"


# ---------------------------------------------------------------------- rounds and decisions


_OF_THE_FILE = frozenset({"FIL004", "FIL008", "FIL009"})  # faults that a copy has as well as its source


def _stays(fault: Fault) -> bool:
    """Whether a fault of the file is one that writing a copy does not mend."""
    return fault.flag.fix is None


class _Job:
    """Lints and mends the copies until nothing is left to mend; decisions count in the first round.

    They are about the rows as they stand in the source. What a decision keeps stays kept in later
    rounds, when its row has another content because something else in it was mended.
    """

    def __init__(self, copies: Sequence[_Copy], log: Log, unsafe: bool, fixes: bool, lint: Lint) -> None:
        self.copies = {copy.source.path: copy for copy in copies}
        self.unsafe, self.fixes, self.lint = unsafe, fixes, lint
        self.suppressions = Suppressions.from_decisions(log.decisions)
        others = self.suppressions.others
        self.on_row = {d.row: d for d in others if (d.whole or not d.finding) and d.verdict != "accept"}
        self.on_finding = {d.finding: d for d in others if d.finding and not d.whole and _is_usable(d)}
        self.applied: set[Decision] = set()
        self.ran: set[str] = set()  # codes
        self._unoffered: set[str] = set()  # ids of findings that are there, without the fix that was accepted
        self.rounds, self.stable = 0, True
        self._kept: set[tuple[str, int, str]] = set()  # file, source line, code
        self._twins = Twins(lambda path, line: self.copies[path].origin(line))

    def run(self) -> Report:
        """Mend in at most ten rounds; the report of the last."""
        self._decide_rows()
        while True:
            report = self.lint([copy.opened() for copy in self.copies.values()])
            self.ran |= {stat.code for stat in report.rules}
            plan = self._plan(report, first=self.rounds == 0)
            if self.rounds == 0:
                self._remember(report)
            self.stable = not plan
            if self.rounds == ROUNDS or not self._mend(plan):
                return report
            self.rounds += 1

    def left(self, report: Report) -> dict[str, int]:
        """Findings on the rows that are written, by code; those that a decision keeps do not count."""
        findings = (f for f in self._not_kept(report.findings) if f.line not in self.copies[f.file].unreadable)
        found = Counter(finding.code for finding in findings)
        for copy in self.copies.values():
            found.update(fault.code for fault in copy.source.flags if fault.code in _OF_THE_FILE and _stays(fault))
        return dict(sorted(found.items()))

    def gone(
        self, fixed: Mapping[str, int], rejected_for: Mapping[str, int], left: Mapping[str, int]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """The findings of the first lint that are neither mended nor left, nor why a row was rejected, by code.

        They went with a rejected row, or with what was done for another finding.
        """
        told = [copy.found_first() for copy in self.copies.values()]
        first, rejected = (_sum(counts) for counts in zip(*told, strict=True))
        rows = {code: max(0, number - rejected_for.get(code, 0)) for code, number in rejected.items()}
        others = {code: n - rejected.get(code, 0) - fixed.get(code, 0) - left.get(code, 0) for code, n in first.items()}
        return _sum([rows]), _sum([{code: max(0, number) for code, number in others.items()}])

    def _remember(self, report: Report) -> None:
        """Take note of what the first lint found, but for what decisions keep."""
        for finding in self._not_kept(report.findings):
            copy = self.copies[finding.file]
            copy.first.setdefault(finding.code, array("q")).append(copy.origin(finding.line))

    def unapplied(self) -> tuple[Unapplied, ...]:
        """Decisions to change or drop something that nothing was done for, each with the reason."""
        doubtful = [d for d in self.suppressions.others if d not in self.applied or decisions.is_sealed(d)]
        rows = rows_in([copy.source for copy in self.copies.values()], {d.row for d in doubtful})
        told = ((decision, self._hindrance(decision, rows.get(decision.row))) for decision in doubtful)
        return tuple(Unapplied(decision, why) for decision, why in told if why)

    def kept_in_vain(self, report: Report) -> tuple[Unapplied, ...]:
        """Decisions to keep what is no row: its line goes all the same, since nothing can read it."""
        lines = (f for f in report.findings if f.line in self.copies[f.file].unreadable)
        kept = dict.fromkeys(decision for f in lines if (decision := self.suppressions.covering(f)))
        return tuple(Unapplied(decision, "its line is no row and was left out all the same") for decision in kept)

    def _hindrance(self, decision: Decision, raw: bytes | None) -> str:
        """Why nothing was done for a decision about the row, None where it is not there; "" where it was done."""
        if raw is None:
            return "its row is not there as it was"
        if decision.verdict == "edit" and (fault := decisions.unusable(decision, raw)):
            return fault
        if decision in self.applied:
            return ""
        over = self.on_row.get(decision.row)
        if over is not None and over in self.applied:
            return f"its row was {'dropped' if over.verdict == 'drop' else 'edited'} by another decision"
        if not decision.finding:
            return "it names no finding"
        if decision.code and decision.code not in self.ran:
            return f"{decision.code} did not run: name the options that it was found with (--select, --preview)"
        if decision.finding in self._unoffered:
            return "no fix is offered for it"
        return f"{decision.code} does not find it any more"

    def _mend(self, plan: Plan) -> bool:
        self._twins.keep(plan)
        made = [self.copies[path].mend(lines) for path, lines in plan.items()]
        return any(made)

    def _plan(self, report: Report, *, first: bool) -> Plan:
        forced: set[str] = set()
        offered = self._decided(report.findings, forced) if first else self._not_kept(report.findings)
        plan = plan_round(
            map(self._placed, offered),
            lambda finding: finding.id in forced or (self.fixes and wanted(finding, self.unsafe)),
            self._twins,
        )
        for lines in plan.values() if forced else ():
            for number, findings in lines.items():
                lines[number] = self._decided_first(findings)
        return {path: _effective(lines) for path, lines in plan.items() if _effective(lines)}

    def _decided(self, findings: Iterable[Finding], forced: set[str]) -> Iterator[Finding]:
        """The findings of the first round, with the fixes that decisions ask for."""
        for finding in findings:
            decision = self.on_finding.get(finding.id)
            if self.suppressions.covering(finding):
                self._kept.add(self._place(finding))
            elif decision is None:
                yield finding
            elif decision.verdict == "accept" and finding.fix is None:
                self._unoffered.add(finding.id)
            else:
                self.applied.add(decision)
                forced.add(finding.id)
                yield finding if decision.verdict == "accept" else _with_verdict(finding, decision)

    def _not_kept(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            if not self._kept or self._place(finding) not in self._kept:
                yield finding

    def _placed(self, finding: Finding) -> Finding:
        """A finding that drops its row, with the rows that speak for it in its message."""
        if not (finding.fix and finding.fix.drops and finding.related):
            return finding
        places = []
        for place in finding.related[:3]:
            copy = self.copies[place.file]
            places.append(f"{place.file}:{copy.source.lines(copy.origin(place.line), 1)[0]}")
        return msgspec.structs.replace(finding, message=f"{finding.message} ({', '.join(places)})")

    def _place(self, finding: Finding) -> tuple[str, int, str]:
        return finding.file, self.copies[finding.file].origin(finding.line), finding.code

    def _decided_first(self, findings: list[Finding]) -> list[Finding]:
        """Of the findings on a line, a row's new text or its end alone, else accepted fixes first."""
        verdicts = {f.id: self.on_finding[f.id].verdict for f in findings if f.id in self.on_finding}
        for verdict in ("drop", "edit"):
            if verdict in verdicts.values():
                return [finding for finding in findings if verdicts.get(finding.id) == verdict][:1]
        return sorted(findings, key=lambda finding: finding.id not in verdicts)

    def _decide_rows(self) -> None:
        """Apply what was decided on whole rows, which their content alone tells."""
        if not self.on_row:
            return
        for path, copy in self.copies.items():
            plan: dict[int, list[Finding]] = {}
            with copy.data.open("rb") as file:
                for number, line in enumerate(file, 1):
                    raw = line.removesuffix(b"\n")
                    row = content_id(parse(raw.removeprefix(BOM) if number == 1 else raw), raw).hex()
                    decision = self.on_row.get(row)
                    if decision and not (decision.verdict == "edit" and decisions.unusable(decision, raw)):
                        self.applied.add(decision)
                        code = decision.code or "decision"
                        finding = Finding(code, "decided", "info", path, number, "", "", "", row, -1)
                        plan[number] = [_with_verdict(finding, decision)]
            if plan:
                copy.mend(plan)


def _effective(lines: dict[int, list[Finding]]) -> dict[int, list[Finding]]:
    """Without fixes that only say how the file is read: the copy is read so already."""
    kept = {n: [f for f in found if f.fix and (f.fix.changes or f.fix.lines is not None)] for n, found in lines.items()}
    return {number: found for number, found in kept.items() if found}


def _is_usable(decision: Decision) -> bool:
    return decision.verdict != "edit" or decisions.is_row(decision.text)


def rows_in(sources: Iterable[Source], wanted: Container[str]) -> dict[str, bytes]:
    """Of the rows with these content ids those that stand in the sources, without line breaks."""
    found: dict[str, bytes] = {}
    for source in sources if wanted else ():
        with source.data.open("rb") as file:
            for number, line in enumerate(file, 1):
                raw = (line.removeprefix(BOM) if number == 1 else line).removesuffix(b"\n")
                if (row := content_id(parse(raw), raw).hex()) in wanted:
                    found[row] = raw
    return found


def _with_verdict(finding: Finding, decision: Decision) -> Finding:
    """The finding with the fix that a decision to drop or edit asks for."""
    who = decision.who or "a decision"
    message = f"{'dropped' if decision.verdict == 'drop' else 'edited'} by {who}"
    message += f": {decision.why}" if decision.why else ""
    fix = drop(message) if decision.verdict == "drop" else Fix(message, lines=(decision.text,))
    return msgspec.structs.replace(finding, fix=fix, message=message, related=())


# ---------------------------------------------------------------------- outputs


def targets(sources: Sequence[Source], out: str | Path) -> list[Path]:
    """Where the copy of each source goes. Raises UsageError where they are several and `out` is one file, or none."""
    path = Path(out)
    if str(out) == "-":
        raise UsageError("the copy is written whole or not at all, and so to a file", hint="name it: -o clean.jsonl")
    refuse_table(path)
    if path.is_dir() or str(out).endswith(("/", "\\")) or (len(sources) > 1 and not path.suffix):
        names: list[str] = []
        for source in sources:
            name = _name(source)
            numbers = ("", *(f"-{n}" for n in range(2, len(sources) + 2)))
            names.append(next(name + number for number in numbers if name + number not in names))
        return [path / f"{name}.jsonl" for name in names]
    if len(sources) > 1:
        hint = "name a folder: the files, which may be splits, stay apart in it"
        raise UsageError(f"the data are {len(sources)} files, and {out} is one", hint=hint)
    return [path]


def _name(source: Source) -> str:
    """The name of a source without extensions."""
    if source.path == "-":
        return "stdin"
    path = Path(source.path)
    if source.container == "datasets":
        return source.split or Path(source.path).parent.name
    while path.suffix.lower() in _EXTENSIONS:
        path = path.with_suffix("")
    return path.name


_EXTENSIONS = frozenset(
    ".jsonl .ndjson .jsonlines .json .csv .tsv .tab .parquet .pq .arrow .feather .gz .gzip .zst .zstd".split()
)


def refuse_overwriting(sources: Sequence[Source], outputs: Sequence[Path]) -> None:
    """Raises UsageError where an output would be written over the data, or over another output."""
    read = {Path(source.path).resolve() for source in sources if source.path != "-"}
    for n, path in enumerate(outputs):
        if path.resolve() in read:
            hint = _elsewhere(next(s for s in sources if s.path != "-" and Path(s.path).resolve() == path.resolve()))
            raise UsageError("the copy would overwrite the data", where=str(path), hint=hint)
        if path.resolve() in {other.resolve() for other in outputs[:n]}:
            raise UsageError("the copy and the rejected rows are the same file", where=str(path))


def _elsewhere(source: Source) -> str:
    """How to mend a file that no copy may overwrite."""
    if source.container == "jsonl" and not source.compression:
        return f"name another file, or mend in place: {shlex.join(['curator', 'lint', source.path, '--fix'])}"
    return "name another file: only plain JSONL is mended in place"


def _set_aside(rest: Path, mine: set[str]) -> str:
    """Give a file of rejected rows another name where a row of it is not of these data; that name, "" for none.

    Rows of these data are still in them: a file that tells of nothing else is replaced.
    """
    try:
        with rest.open("rb") as file:
            if all(_file_of(line) in mine for line in file):
                return ""
        numbered = (rest.with_name(f"{rest.stem}-{n}{rest.suffix}") for n in count(1))
        free = next(path for path in numbered if not path.exists())
        rest.rename(free)
    except FileNotFoundError:
        return ""
    except OSError as error:
        hint = "name another file: --rejected FILE"
        raise WriteError(
            f"rejected rows of other data are there: {error.strerror}", where=str(rest), hint=hint
        ) from None
    return str(free)


def _file_of(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=Rejected).file
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _write(copies: Sequence[_Copy], targets: Sequence[Path], rest: Path) -> tuple[Loss, ...]:
    """Write all outputs, check that the rows add up, and only then put the outputs in place."""
    losses = []
    with ExitStack() as stack:
        origins = [copy.source.path for copy in copies]
        bin_ = stack.enter_context(Replacement(rest, made_of=origins))
        outputs = [
            stack.enter_context(Replacement(target, made_of=[origin]))
            for target, origin in zip(targets, origins, strict=True)
        ]
        for copy, target, output in zip(copies, targets, outputs, strict=True):
            with Packed(output.file, target) as packed:
                written, mended = copy.write(packed)
            rejected = copy.write_rejected(bin_.file)
            loss = Loss(copy.source.path, str(target), copy.rows(), written, mended, rejected, copy.joined, copy.gained)
            if not loss.adds_up:
                raise CuratorError(f"the rows do not add up: {loss}", hint="nothing was written; please report this")
            losses.append(loss)
        for output in (bin_, *outputs):
            output.commit()
    return tuple(losses)


# ---------------------------------------------------------------------- the loss table


def as_json(result: CleanResult) -> bytes:
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def as_text(result: CleanResult) -> str:
    """The loss table and what was done, for a terminal."""
    head = ("file", "rows", "mended", "rejected", "joined", "gained", "written", "to")
    table = [head] + [
        (loss.path, *map("{:,}".format, _numbers(loss)), loss.output) for loss in result.losses
    ]  # fmt: skip
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    lines = ["  ".join(_cell(n, text, widths[n]) for n, text in enumerate(row)).rstrip() for row in table]
    gone = {"with a rejected row": result.with_rows, "with a mend of another finding": result.with_others}
    lines += ["", *told(result.fixed, result.rejected_for, result.left, where=result.rejected, gone=gone)]
    if result.former:
        lines.append(f"rejected rows of other data were there: they are in {result.former} now")
    if result.applied or result.unapplied:
        lines.append(f"decisions applied: {result.applied:,}, not applied: {len(result.unapplied):,}")
    lines += unapplied_told(result.unapplied)
    if not result.stable:
        lines.append("some fixes could not be made, or undid each other")
    return "\n".join(lines) + "\n"


NOT_APPLIED = "  not applied: "


def unapplied_told(unapplied: Sequence[Unapplied], most: int = 10) -> list[str]:
    """The decisions that nothing was done for, a line each with its reason, as many as are told."""
    lines = [visible(f"{NOT_APPLIED}{each}") for each in unapplied[:most]]
    return lines + ([f"{NOT_APPLIED}{len(unapplied) - most:,} more"] if len(unapplied) > most else [])


def told(
    mended: Mapping[str, int],
    rejected: Mapping[str, int],
    left: Mapping[str, int],
    *,
    where: str = "",
    gone: Mapping[str, Mapping[str, int]] | None = None,
) -> list[str]:
    """What became of findings and rows, by code: a line each.

    `where` names the file of the rejected rows; `gone` counts, by what they went with, the findings that are neither.
    """
    return [
        f"findings mended: {_codes(mended) or 'none'}",
        f"rows rejected{f', in {where}' if where and rejected else ''}: {_codes(rejected) or 'none'}",
        *(f"findings gone {how}: {_codes(counts)}" for how, counts in (gone or {}).items() if counts),
        f"findings left: {_codes(left) or 'none'}",
    ]


def _numbers(loss: Loss) -> tuple[int, ...]:
    return loss.rows, loss.mended, loss.rejected, loss.joined, loss.gained, loss.written


def _cell(column: int, text: str, width: int) -> str:
    return text.rjust(width) if 0 < column < 7 else text.ljust(width)


def _codes(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{code} {number:,}" for code, number in sorted(counts.items()))

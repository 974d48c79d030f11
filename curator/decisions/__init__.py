"""What people decided about findings, and what was known when a baseline was taken.

Decisions are lines of `.curator/decisions.jsonl` beside the data: only ever appended, mergeable as text,
addressed by content and never by line number. Of several verdicts on one finding the newest counts. A
verdict lapses when its row changes: it is then offered again, never applied in silence.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from curator.columns import BOM, parse
from curator.errors import SourceError, UsageError, WriteError
from curator.model import Decision, Finding, Place, Report, Verdict
from curator.private.masking import holds_seal, lost, masked, opened, sealed
from curator.text.excerpt import visible
from curator.writing import readable_by, write_whole

FILE = Path(".curator", "decisions.jsonl")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Decision).decode
_decode_lines = msgspec.json.Decoder(Decision).decode_lines


class Problem(msgspec.Struct, frozen=True):
    """Something about a line (from 1) of a decisions file that wants an eye; a remark alone where nothing is wrong."""

    line: int
    message: str
    remark: bool = False


class Log(msgspec.Struct, frozen=True):
    """The decisions of a file in its order, with the lines they stand in, and the lines that could not be read."""

    path: str
    decisions: tuple[Decision, ...] = ()
    lines: tuple[int, ...] = ()
    unread: tuple[Problem, ...] = ()


# ---------------------------------------------------------------------- the file


def place(paths: Sequence[str | Path]) -> Path:
    """Where the decisions about these files or folders are kept: beside the first of them."""
    first = Path(paths[0]) if paths and str(paths[0]) != "-" else Path()
    return (first if first.is_dir() else first.parent) / FILE


def places(paths: Sequence[str | Path]) -> list[Path]:
    """The decisions files that may speak of these files or folders: beside each file, and anywhere in a folder."""
    found: dict[Path, None] = {}
    for path in paths:
        found[place([path])] = None
        if Path(path).is_dir():
            found.update(dict.fromkeys(sorted(Path(path).rglob(str(FILE)))))
    return [path for path in found if path.exists()]


def beside_data(path: Path) -> Path | None:
    """The decisions file beside a file of data; None where the file holds decisions itself, or has none beside it."""
    log = place([path])
    if path.resolve() == log.resolve() or not log.exists():
        return None
    with path.open("rb") as file:
        head = file.readline(1 << 20)
    return None if parsed(head).decisions else log


def beside(paths: Sequence[str | Path]) -> Log:
    """The decisions kept beside these files or folders, as one log (without lines where they lie in several files)."""
    logs = [read(path) for path in places(paths)]
    if len(logs) <= 1:
        return logs[0] if logs else Log(str(place(paths)))
    return Log(str(place(paths)), merge(*(log.decisions for log in logs)))


def read(path: str | Path) -> Log:
    """The decisions of a file; none where there is no file.

    A line that cannot be read, such as one that a power cut tore, is reported and passed over.
    Raises SourceError where the file exists and cannot be opened.
    """
    try:
        data = Path(path).read_bytes()
    except FileNotFoundError:
        return Log(str(path))
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path)) from None
    return parsed(data, str(path))


def parsed(data: bytes, path: str = "") -> Log:
    """The decisions in the bytes of such a file."""
    try:
        whole = _decode_lines(data)
        if len(whole) == data.count(b"\n") and data.endswith(b"\n"):
            return Log(path, tuple(whole), tuple(range(1, len(whole) + 1)))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # line by line, then
    decisions: list[Decision] = []
    lines: list[int] = []
    unread: list[Problem] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            decisions.append(_decode(line))
            lines.append(number)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            torn = number == data.count(b"\n") + 1
            cause = "the line is cut off: its writing was interrupted" if torn else f"no decision: {error}"
            unread.append(Problem(number, cause))
    return Log(path, tuple(decisions), tuple(lines), tuple(unread))


def append(path: str | Path, decisions: Iterable[Decision], data: Sequence[str | Path] = ()) -> None:
    """Add decisions about `data` to a file: all of them or none, also while others append to it.

    Raises WriteError.
    """
    with held(path, data) as file:
        file.append(decisions)


class Held:
    """A decisions file that no other process adds to meanwhile."""

    def __init__(self, number: int, path: str) -> None:
        self._number, self._path = number, path

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._number).st_size

    def append(self, decisions: Iterable[Decision]) -> None:
        """Add decisions and see them to the disk. Raises WriteError; nothing is recorded then."""
        body = as_lines(decisions)
        size = self.size
        os.lseek(self._number, max(size - 1, 0), os.SEEK_SET)
        torn = os.read(self._number, 1) not in (b"", b"\n")
        try:
            _write_all(self._number, b"\n" * torn + body)
            os.fsync(self._number)
        except OSError as error:
            os.ftruncate(self._number, size)
            hint = "nothing was recorded; free some space and decide again"
            raise WriteError(f"cannot be written: {error.strerror}", where=self._path, hint=hint) from None


@contextmanager
def held(path: str | Path, data: Sequence[str | Path] = ()) -> Iterator[Held]:
    """The decisions file, locked for this process alone. Raises WriteError.

    Where there is none it is made: it holds texts of the `data`, and nobody reads it who may not read these.
    """
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        number = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, readable_by(data))
    except OSError as error:
        raise WriteError(f"cannot be written: {error.strerror}", where=str(path)) from None
    try:
        with _locked(number):
            yield Held(number, str(path))
    finally:
        os.close(number)


def write(path: str | Path, decisions: Iterable[Decision]) -> None:
    """Write a decisions file anew, whole or not at all. Raises WriteError."""
    write_whole(path, as_lines(decisions))


def as_lines(decisions: Iterable[Decision]) -> bytes:
    """Decisions as JSON lines: private values are masked in reasons, and sealed in the text of an edited row."""
    return b"".join(_encode(_without_private(decision)) + b"\n" for decision in decisions)


def _without_private(decision: Decision) -> Decision:
    why, text = masked(decision.why), sealed(decision.text) if decision.text else ""
    return decision if (why, text) == (decision.why, decision.text) else replace(decision, why=why, text=text)


def _write_all(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]


@contextmanager
def _locked(number: int) -> Iterator[None]:
    """Hold the file for this process alone."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        os.lseek(number, 0, os.SEEK_SET)
        msvcrt.locking(number, msvcrt.LK_LOCK, 1)  # type: ignore[attr-defined]
        try:
            yield
        finally:
            os.lseek(number, 0, os.SEEK_SET)
            msvcrt.locking(number, msvcrt.LK_UNLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(number, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(number, fcntl.LOCK_UN)


# ---------------------------------------------------------------------- single decisions


def decide(
    finding: Finding,
    verdict: Verdict,
    *,
    who: str = "",
    why: str = "",
    text: str = "",
    expires: str = "",
    now: datetime | None = None,
) -> Decision:
    """A decision about a finding; `text` is the new row of an edit, `expires` a date (2027-01-31)."""
    when = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    return Decision(
        verdict, finding.row, finding.id, finding.code, text, who, when, why, expires, seen(finding), _place(finding)
    )  # fmt: skip


def decide_row(
    row: str,
    at: Place,
    verdict: Verdict,
    *,
    who: str = "",
    why: str = "",
    expires: str = "",
    now: datetime | None = None,
) -> Decision:
    """A decision about a whole row, by its content id, whatever is found in it."""
    when = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    return Decision(verdict, row, who=who, when=when, why=why, expires=expires, place=f"{at.file}:{at.line}")


def take_back(
    log: Log, row: str, code: str = "", *, who: str = "", why: str = "", now: datetime | None = None
) -> tuple[Decision, ...]:
    """Decisions of "later" that take back what stands about a row, or about one rule in it.

    Raises UsageError where nothing stands.
    """
    when = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    made = [
        msgspec.structs.replace(
            decision,
            verdict="later",
            who=who,
            why=why,
            when=when,
            text="",
            expires="",
            after="",
            id=new_id(now),
            base="",
            batch="",
            undoes=identity(decision),
        )
        for decision in standing(log.decisions)
        if decision.row == row and code.upper() in ("", decision.code)
    ]
    if not made:
        raise UsageError(
            "nothing is decided about this row", where=log.path, hint="curator decisions list shows what is"
        )
    return tuple(made)


def pick(findings: Sequence[Finding], at: Place, code: str = "") -> tuple[Finding, ...]:
    """Of the findings of a row those of a rule, named by its code or name; without one, those of the only rule.

    Raises UsageError where there is none, or where several rules found something and none is named.
    """
    codes = ", ".join(dict.fromkeys(f"{finding.code} {finding.name}" for finding in findings))
    where = f"{at.file}:{at.line}"
    if not findings:
        raise UsageError(
            "nothing is found in this row", where=where, hint="curator lint shows what is found, and where"
        )
    wanted = [finding for finding in findings if code.lower() in ("", finding.code.lower(), finding.name)]
    if not wanted:
        raise UsageError(f"no finding of {code!r} in this row", where=where, hint=f"found here: {codes}")
    if len({finding.code for finding in wanted}) > 1:
        raise UsageError("several rules found something in this row", where=where, hint=f"name one of {codes}")
    return tuple(wanted)


def seen(finding: Finding) -> str:
    """A hash of what the finding showed: the same text under the same path in another row has the same."""
    if finding.excerpt is None:
        return ""
    body = _encode([finding.code, finding.path, finding.excerpt.text])
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line} {finding.path}".rstrip()


def identity(decision: Decision) -> str:
    """What names a decision: its id or, where it was made without one, a hash of what it says."""
    return decision.id or hashlib.blake2b(_encode(decision), digest_size=16).hexdigest()


_last_id = 0


def new_id(now: datetime | None = None) -> str:
    """An id that no other decision has: a UUID of version 7, 32 hex digits, rising within this process."""
    global _last_id
    moment = int((now or datetime.now(UTC)).timestamp() * 1000)
    noise = int.from_bytes(os.urandom(9), "big")
    value = (moment << 80) | (0x7 << 76) | (0b10 << 62) | (noise & ((1 << 62) - 1))
    _last_id = value if value > _last_id else _last_id + 1
    return f"{_last_id:032x}"


def merge(*logs: Iterable[Decision]) -> tuple[Decision, ...]:
    """The decisions of several logs, each once, in order of time."""
    together = dict.fromkeys(decision for log in logs for decision in log)
    return in_order(together)


def in_order(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """The decisions in order of time, then of their ids: the order in which they are to be followed."""
    return tuple(sorted(decisions, key=lambda decision: (time_of(decision), decision.id)))


def standing(decisions: Iterable[Decision]) -> tuple[Decision, ...]:
    """The newest decision on every finding (or row, or row and code); those taken back are left out."""
    newest: dict[tuple[str, ...], Decision] = {}
    for decision in in_order(decisions):
        newest[target(decision)] = decision
    return tuple(decision for decision in newest.values() if decision.verdict != "later")


def check(
    log: Log,
    today: date | None = None,
    codes: Container[str] | None = None,
    report: Report | None = None,
    rows: Mapping[str, bytes] | None = None,
) -> tuple[Problem, ...]:
    """What wants an eye in a decisions file: unread lines, missing reasons, lapsed dates, disagreements.

    With `codes`, those of all rules there are, also decisions about a rule that is gone; with the `report` of
    the data, from before decisions count, also decisions to keep what is not found any more. `rows` are rows of the
    data by content id, those of `sealed_edits` at least: edits of them that cannot be applied are named.
    """
    found = list(log.unread)
    idle = set(filter_findings(report.findings, log.decisions, None, today).outcome.unused) if report else set()
    ordered = in_order(log.decisions)
    newest = {target(decision): decision for decision in ordered}
    last_words = {(target(decision), decision.who): decision for decision in ordered}
    by_id = {identity(decision): decision for decision in log.decisions}
    for number, decision in zip(log.lines, log.decisions, strict=True):
        last = newest[target(decision)]
        if decision == last:  # what another took the place of, or took back, has no effect whatever it says
            found += [Problem(number, message) for message in _faults(decision, today or date.today(), codes)]
            if decision.verdict == "keep" and not decision.why:
                found.append(Problem(number, "keep gives no reason", remark=True))
        if decision == last and is_sealed(decision) and (raw := (rows or {}).get(decision.row)) is not None:
            found += [Problem(number, fault) for fault in [unusable(decision, raw)] if fault]
        if decision in idle and decision == last:
            found.append(Problem(number, f"{decision.code} is not found any more: the row changed or is gone"))
        verdicts = {decision.verdict, last.verdict}
        base = by_id.get(last.base)
        settled = base is not None and time_of(decision) <= time_of(base)  # the last was made with this one in sight
        stands = last_words[target(decision), decision.who] == decision  # who changed their mind differs from nobody
        if len(verdicts) == 2 and stands and decision.who != last.who and "later" not in verdicts and not settled:
            said = f"{decision.who or 'somebody'} says {decision.verdict}, {last.who or 'somebody'} says {last.verdict}"
            about = f"{decision.code} {decision.place}".strip() or "the same row"
            found.append(Problem(number, visible(f"{said} of {about}; the newest counts")))
    return tuple(sorted(found, key=lambda problem: problem.line))


def sealed_edits(log: Log) -> frozenset[str]:
    """The content ids of the rows that edits stand for which can be judged beside the old row alone."""
    return frozenset(decision.row for decision in standing(log.decisions) if is_sealed(decision))


def _faults(decision: Decision, today: date, codes: Container[str] | None) -> Iterator[str]:
    if codes is not None and decision.code and decision.code not in codes:
        yield f"there is no rule {decision.code}"
    if not decision.finding and not decision.code and decision.verdict in ("keep", "accept"):
        yield f"{decision.verdict} names neither a finding nor a code: it has no effect"
    if decision.verdict == "edit" and not decision.text:
        yield "edit has no text: it has no effect"
    if not decision.who:
        yield "no author is named"
    if _date(decision.when) is None:
        yield f"{decision.when!r} is no date"
    if decision.expires and _date(decision.expires) is None:
        yield f"expires {decision.expires!r} is no date (write 2027-01-31): it has no effect"
    elif expired(decision, today):
        yield f"expired on {decision.expires}"


def is_row(text: str) -> bool:
    """Whether the text of an edit is a row on one line."""
    return "\n" not in text and type(parse(text.encode("utf-8", "surrogatepass"))) is dict


def is_sealed(decision: Decision) -> bool:
    """Whether it is an edit that some private values of its row were taken out of."""
    return decision.verdict == "edit" and holds_seal(decision.text)


def unusable(edit: Decision, raw: bytes) -> str:
    """Why the text of an edit cannot take the place of its row; "" where it can."""
    if not is_row(edit.text):
        return "its text is no row on one line"
    old = raw.removeprefix(BOM).decode("utf-8", "replace")
    if opened(edit.text, old) is not None:
        return ""
    seals = ", ".join(each for each in lost(edit.text, old) if holds_seal(each))
    return (
        f"{seals} stands for a private value that the row does not hold, and none is recorded:"
        " edit the row again with a placeholder in its place, or edit the data file"
    )


def target(decision: Decision) -> tuple[str, ...]:
    """What a decision is about: of several about the same the newest counts."""
    if decision.whole:
        return decision.row, ""
    return (decision.finding,) if decision.finding else (decision.row, decision.code)


_EPOCH = datetime(1970, 1, 1)  # a time that names no zone is of UTC


def time_of(decision: Decision) -> float:
    """Seconds since 1970; a time that cannot be read is the oldest."""
    try:
        moment = datetime.fromisoformat(decision.when)
    except ValueError:
        return 0.0
    return moment.timestamp() if moment.tzinfo else (moment - _EPOCH).total_seconds()


def _date(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


def expired(decision: Decision, today: date | None = None) -> bool:
    """Whether the day named in `expires` has passed; a date that cannot be read counts as passed."""
    if not decision.expires:
        return False
    last = _date(decision.expires)
    return last is None or last < (today or date.today())


def is_day(text: str, today: date | None = None) -> bool:
    """Whether `expires` can be this: a date that has not passed."""
    last = _date(text)
    return last is not None and last >= (today or date.today())


# ---------------------------------------------------------------------- showing


def as_json(log: Log, today: date | None = None) -> bytes:
    """The standing decisions as one JSON array; each says whether it has expired."""
    shown = [
        {**msgspec.to_builtins(decision), "expired": expired(decision, today)} for decision in standing(log.decisions)
    ]
    return msgspec.json.format(_encode(shown), indent=2) + b"\n"


def as_text(log: Log, today: date | None = None) -> str:
    """The standing decisions for a terminal, and how many lines they replace."""
    stand = standing(log.decisions)
    lines = []
    for decision in stand:
        about = f"{decision.code} {decision.place or decision.row[:12]}".strip()
        state = f", {'expired' if expired(decision, today) else 'until'} {decision.expires}" if decision.expires else ""
        lines.append(visible(f"{decision.verdict:<6}  {about}"))
        who = f"{decision.who or 'somebody'} on {decision.when[:10] or 'a day unknown'}{state}"
        lines.append(visible(f"        {who}" + (f": {decision.why}" if decision.why else "")))
    older = len(log.decisions) - len(stand)
    replaced = f", {older:,} older or taken back" if older else ""
    count = f"{len(stand):,} decision{'' if len(stand) == 1 else 's'}" if stand else "no decisions"
    return "\n".join([*lines, f"{count} in {visible(log.path)}{replaced}"]) + "\n"


# ---------------------------------------------------------------------- suppressing findings


def _idle(decision: Decision, rows: Mapping[str, bytes]) -> bool:
    """Whether it is an edit that cannot be applied, as far as these rows by content id tell."""
    if decision.verdict != "edit":
        return False
    raw = rows.get(decision.row)
    return bool(unusable(decision, raw)) if raw is not None else not is_row(decision.text)


class Suppressions(msgspec.Struct, frozen=True):
    """The standing decisions that say "keep", by finding id and by (content id of the row, code).

    `others` have another verdict; edits that cannot be applied are left out.
    """

    by_finding: dict[str, Decision]
    by_row: dict[tuple[str, str], Decision]
    expired: tuple[Decision, ...]
    others: tuple[Decision, ...]

    @classmethod
    def from_decisions(
        cls, decisions: Iterable[Decision], today: date | None = None, rows: Mapping[str, bytes] | None = None
    ) -> Suppressions:
        today = today or date.today()
        by_finding: dict[str, Decision] = {}
        by_row: dict[tuple[str, str], Decision] = {}
        lapsed: list[Decision] = []
        others: list[Decision] = []
        for decision in standing(decisions):
            if expired(decision, today):
                lapsed.append(decision)
            elif decision.verdict != "keep":
                if not _idle(decision, rows or {}):
                    others.append(decision)
            elif decision.finding:
                by_finding[decision.finding] = decision
            elif decision.code:
                by_row[decision.row, decision.code] = decision
        return cls(by_finding, by_row, tuple(lapsed), tuple(others))

    def covering(self, finding: Finding) -> Decision | None:
        """The decision that keeps the finding out of the report."""
        return self.by_finding.get(finding.id) or self.by_row.get((finding.row, finding.code))

    def kept(self) -> tuple[Decision, ...]:
        """The decisions that keep something out."""
        return *self.by_finding.values(), *self.by_row.values()


class Baseline(msgspec.Struct, frozen=True):
    """The findings known at a point in time: how often each finding id occurred."""

    counts: dict[str, int] = {}


class Outcome(msgspec.Struct, frozen=True):
    """What one pass over the findings came to.

    kept, fixable  findings left, and those of them with a fix, by code
    suppressed     findings that a decision keeps out
    known          findings that the baseline lists
    pending        findings left that go, or change, when the set is cleaned: they are accepted, edited or dropped
    unused         decisions to keep what is not there any more
    expired        decisions to keep something whose day has passed; they have no effect
    offers         (finding, earlier decision): the row seems to be one that was decided on and has changed since
    """

    kept: dict[str, int]
    fixable: dict[str, int]
    suppressed: int
    known: int
    unused: tuple[Decision, ...]
    expired: tuple[Decision, ...]
    offers: tuple[tuple[Finding, Decision], ...]
    pending: int = 0


class Filtered:
    """The findings that decisions and baseline leave: a stream that can be read again and again."""

    def __init__(self, findings: Iterable[Finding], suppressions: Suppressions, baseline: Baseline) -> None:
        self._findings, self._suppressions, self._baseline = findings, suppressions, baseline
        self._hints = _hints((*suppressions.kept(), *suppressions.others))
        self._outcome: Outcome | None = None

    def __iter__(self) -> Iterator[Finding]:
        left = Counter(self._baseline.counts)
        kept, fixable = Counter[str](), Counter[str]()
        suppressed = known = pending = 0
        met: set[str] = set()  # ids of findings that somebody decided on
        used: set[Decision] = set()
        offers: dict[Decision, Finding] = {}
        decided = {decision.finding for decision in self._suppressions.others}
        others = self._suppressions.others
        rows = {d.row for d in others if (d.whole or not d.finding) and d.verdict in ("drop", "edit")}
        made = {d.after for d in others if d.verdict == "edit"}  # rows that stand nowhere before the set is cleaned
        for finding in self._findings:
            if finding.id in decided:
                met.add(finding.id)
            if decision := self._suppressions.covering(finding):
                used.add(decision)
                suppressed += 1
                continue
            if left and left[finding.id] > 0:
                left[finding.id] -= 1
                known += 1
                continue
            kept[finding.code] += 1
            fixable[finding.code] += finding.fix is not None
            pending += finding.id in decided or finding.row in rows
            if self._hints and finding.id not in decided:
                for old in self._earlier(finding):
                    offers.setdefault(old, finding)
            yield finding
        self._outcome = Outcome(
            dict(kept),
            dict(fixable),
            suppressed,
            known,
            tuple(d for d in self._suppressions.kept() if d not in used and d.row not in made),
            self._suppressions.expired,
            tuple((f, old) for old, f in offers.items() if old not in used and old.finding not in met),
            pending,
        )

    def __len__(self) -> int:
        return sum(self.outcome.kept.values())

    def suppressed(self) -> Iterator[Finding]:
        """The findings that a decision keeps out."""
        return (finding for finding in self._findings if self._suppressions.covering(finding))

    @property
    def outcome(self) -> Outcome:
        """The counts of a whole pass, which is made where none has been."""
        if self._outcome is None:
            for _ in self:
                pass
        assert self._outcome is not None
        return self._outcome

    def _earlier(self, finding: Finding) -> list[Decision]:
        """Decisions on something that looked like the finding or stood where it stands."""
        return [*self._hints.get(seen(finding), ()), *self._hints.get(_place(finding), ())]


def filter_findings(
    findings: Iterable[Finding],
    decisions: Iterable[Decision] = (),
    baseline: Baseline | None = None,
    today: date | None = None,
    rows: Mapping[str, bytes] | None = None,
) -> Filtered:
    """The findings without those that a decision keeps out and those that the baseline lists; see `settle`."""
    return Filtered(findings, Suppressions.from_decisions(decisions, today, rows), baseline or Baseline())


def settle(
    report: Report,
    log: Log | None = None,
    baseline: Baseline | None = None,
    today: date | None = None,
    rows: Mapping[str, bytes] | None = None,
) -> Report:
    """The report without what decisions keep out and the baseline lists; all its counts follow.

    `rows` are rows of the data by content id, those of `sealed_edits` at least: an edit of them that cannot be applied
    settles nothing. `unused` names the decisions that had something to say about these files and rules, and had no
    effect.
    """
    from curator.engine import judge_limits

    left = filter_findings(report.findings, log.decisions if log else (), baseline, today, rows)
    outcome = left.outcome
    stats = tuple(
        msgspec.structs.replace(
            stat, findings=outcome.kept.get(stat.code, 0), fixable=outcome.fixable.get(stat.code, 0)
        )
        for stat in report.rules
    )
    codes = {stat.code for stat in report.rules}
    names = {Path(file.path).name for file in report.files}
    idle = [
        decision
        for decision in (*outcome.unused, *outcome.expired)
        if decision.code in codes and (not decision.place or _file_name(decision) in names)
    ]
    return msgspec.structs.replace(
        report,
        findings=left,
        rules=stats,
        limits=judge_limits({limit.code: limit.allowed for limit in report.limits}, stats),
        suppressed=outcome.suppressed,
        known=outcome.known,
        pending=outcome.pending,
        unused=tuple(idle),
    )


def _hints(decisions: Iterable[Decision]) -> dict[str, list[Decision]]:
    """Decisions by what their finding showed and by where it stood."""
    hints: dict[str, list[Decision]] = {}
    for decision in decisions:
        for hint in {decision.seen, decision.place} - {""}:
            hints.setdefault(hint, []).append(decision)
    return hints


def _file_name(decision: Decision) -> str:
    file, _, _ = decision.place.rpartition(":")
    return Path(file).name


# ---------------------------------------------------------------------- baselines


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    baseline: int
    findings: int


class _Known(msgspec.Struct, frozen=True):
    id: str
    code: str
    count: int


def write_baseline(report: Report, path: str | Path) -> int:
    """List the findings of a report in a file, for `read_baseline`; how many there are. Raises WriteError."""
    counts = Counter((finding.code, finding.id) for finding in report.findings)
    lines = [_encode(_Head(1, counts.total()))]
    lines += [_encode(_Known(key, code, count)) for (code, key), count in sorted(counts.items())]
    write_whole(path, b"\n".join(lines) + b"\n")
    return counts.total()


def read_baseline(path: str | Path) -> Baseline:
    """The findings listed in a file. Raises SourceError where it is missing or is no whole baseline."""
    hint = "write it with: curator lint … --write-baseline FILE"
    try:
        head, *lines = Path(path).read_bytes().splitlines()
        wanted = msgspec.json.decode(head, type=_Head).findings
        known = [msgspec.json.decode(line, type=_Known) for line in lines]
    except OSError as error:
        raise SourceError(f"the baseline cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except (ValueError, msgspec.MsgspecError):
        raise SourceError("this is no baseline", where=str(path), hint=hint) from None
    counts: Counter[str] = Counter()
    for item in known:
        counts[item.id] += item.count
    if counts.total() != wanted:
        raise SourceError("the baseline is not whole", where=str(path), hint=hint)
    return Baseline(dict(counts))

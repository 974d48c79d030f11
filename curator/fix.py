"""Mends files in place: lint, make the fixes that the findings offer, and again until none is left.

Fixes are made on the raw lines: bytes that no fix names stay as they are, line ends included. A file is
replaced whole or not at all, with the original kept beside it in `.curator/backup/`; when anything
fails on the way, every file is put back as it was.
"""

from __future__ import annotations

import io
import shlex
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from curator import engine
from curator.columns import UNSET, content_id, parse
from curator.decisions import Filtered
from curator.errors import ChangedError, SourceError, WriteError
from curator.model import Cut, Edit, Excerpt, Finding, Fix, Flag, Place, Put, Report
from curator.paths import get
from curator.private.masking import Known, opened
from curator.private.rows import values_of_row
from curator.sources import Stamp
from curator.splicing import BOM, splice_groups
from curator.text.excerpt import excerpt
from curator.text.worddiff import shared_start
from curator.writing import Replacement, keep_copy, keep_ignored

if TYPE_CHECKING:
    from curator.config import Config

ROUNDS = 10
PLAIN = "jsonl"  # the only container whose lines are the user's own
BACKUPS = Path(".curator", "backup")  # in the folder of the file

Lint = Callable[[Sequence[str | Path], "Config"], Report]
Plan = dict[str, dict[int, list[Finding]]]  # file -> line (from 1) -> findings whose fixes are to be made


class FixedFile(msgspec.Struct, frozen=True):
    """A file that was mended: fixes made by code, rows dropped, and where the original lies."""

    path: str
    fixed: dict[str, int]
    dropped: int
    backup: str


class Refused(msgspec.Struct, frozen=True):
    """A file with fixes to make that is not mended in place: why, and the next step."""

    path: str
    reason: str
    hint: str


class FixResult(msgspec.Struct, frozen=True):
    """What `fix_files` did. `report` is the lint after the last round.

    `stable` is False where fixes were left that could not be made, or that made each other undone.
    """

    files: tuple[FixedFile, ...]
    fixed: dict[str, int]
    refused: tuple[Refused, ...]
    report: Report
    rounds: int
    stable: bool


class Applied(NamedTuple):
    """Mended bytes, fixes made by code, and rows dropped."""

    data: bytes
    fixed: dict[str, int]
    dropped: int


# ---------------------------------------------------------------------- one line


class Mended(NamedTuple):
    """The lines in the place of a line (or of `over` lines from it on), and whether each fix was made."""

    lines: list[bytes]
    made: tuple[bool, ...]
    over: int = 1


def fix_line(raw: bytes, fixes: Sequence[Fix]) -> list[bytes]:
    """The lines (without line breaks) that one round of fixes puts in the place of a line; [] drops it."""
    return mend(raw, fixes).lines


def mend(raw: bytes, fixes: Sequence[Fix]) -> Mended:
    """One round of fixes on a line (without its line break).

    A fix is made whole or not at all, and waits for another round where an earlier one stands in its
    way. Mending goes before dropping: a row is dropped only where there is nothing else to do to it.
    """
    for number, fix in enumerate(fixes):
        if fix.lines and (lines := _encoded(fix.lines, raw)) not in (None, [raw]):
            return Mended(lines or [], tuple(other == number for other in range(len(fixes))), fix.over)
    if any(fix.changes for fix in fixes) and parse(raw.removeprefix(BOM)) is not UNSET:
        changed, made = splice_groups(raw, [fix.changes for fix in fixes])
        if changed != raw and parse(changed.removeprefix(BOM)) is not UNSET:
            return Mended([changed], tuple(done and bool(f.changes) for done, f in zip(made, fixes, strict=True)))
    drops = tuple(fix.drops for fix in fixes)
    return Mended([] if any(drops) else [raw], drops)


def _encoded(lines: Sequence[str], raw: bytes) -> list[bytes] | None:
    """The lines in UTF-8; None where they hold a lone surrogate, which no file can, or a seal of another row."""
    whole = [opened(line, raw.removeprefix(BOM).decode("utf-8", "replace")) for line in lines]
    try:
        return None if None in whole else [line.encode() for line in whole if line is not None]
    except UnicodeEncodeError:
        return None


# ---------------------------------------------------------------------- one round


def wanted(finding: Finding, unsafe: bool) -> bool:
    """Whether the finding offers a fix of a kind that is asked for."""
    return finding.fix is not None and (unsafe or finding.fix.safety == "safe")


class Twins:
    """The rows that stand for rows which were dropped, told by the lines where they stood before the first round.

    Likeness does not carry over: what is like the row that stands may be unlike those which it stands for. Such a row
    goes for the sake of another only where that is its copy; and so does a row of which the first lint offered nothing
    of the kind and that only an unsafe fix drops, since nobody was shown that it would go.
    """

    def __init__(self, origin: Callable[[str, int], int]) -> None:
        self._origin = origin
        self._standing: set[tuple[str, int]] = set()
        self._offered: set[tuple[str, int]] | None = None  # None before the first round

    def begin(self, offered: Iterable[Finding]) -> None:
        """Take note, in the first round, of the rows that may go for the sake of others."""
        if self._offered is None:
            self._offered = set(map(self._place, offered))

    def may_go(self, finding: Finding) -> bool:
        """Whether a row that is no copy of another may go for its sake."""
        place = self._place(finding)
        shown = self._offered is None or place in self._offered or (finding.fix and finding.fix.safety == "safe")
        return place not in self._standing and bool(shown)

    def _place(self, place: Place | Finding) -> tuple[str, int]:
        return place.file, self._origin(place.file, place.line)

    def keep(self, plan: Plan) -> None:
        """Take note of the rows for whose sake others go; before the lines of the round are counted anew."""
        going = {(file, line) for file, lines in plan.items() for line in lines}
        for finding in (finding for lines in plan.values() for found in lines.values() for finding in found):
            if finding.fix and finding.fix.drops:
                places = (place for place in finding.related if (place.file, place.line) not in going)
                self._standing.update(map(self._place, places))


_COPIES = frozenset({"DUP001", "DUP002"})  # rules whose rows are the same but for case and space


def plan_round(findings: Iterable[Finding], choose: Callable[[Finding], bool], twins: Twins | None = None) -> Plan:
    """The fixes of one round among those of the chosen findings.

    A fix that drops a row for the sake of another (a duplicate for its twin) waits while that other
    row is itself mended or dropped: the twin must still be there, and still be one. A copy of a row that goes for a
    third is as much like that one, and goes with it. `twins` are the rows that stand for what went in earlier rounds,
    and those of which it was shown that they may go.
    """
    plan: Plan = {}
    waiting: list[Finding] = []
    for finding in findings:
        if finding.fix is None or not choose(finding):
            continue
        if finding.fix.drops and finding.related:
            waiting.append(finding)
        else:
            plan.setdefault(finding.file, {}).setdefault(finding.line, []).append(finding)
    if twins:
        twins.begin(waiting)
    waiting.sort(key=lambda finding: finding.code in _COPIES)
    replaced: set[tuple[str, int]] = set()  # rows that go for the sake of one that stays
    for finding in waiting:
        copy = finding.code in _COPIES
        if twins and not copy and not twins.may_go(finding):
            continue
        met = [place for place in finding.related if plan.get(place.file, {}).get(place.line)]
        if not met or (copy and all((place.file, place.line) in replaced for place in met)):
            mended = plan.setdefault(finding.file, {}).setdefault(finding.line, [])
            if not mended:
                replaced.add((finding.file, finding.line))
            mended.append(finding)
    return plan


class Tally:
    """Counts what is done to a file (fixes by code, rows dropped) and remembers where its lines came from."""

    def __init__(self) -> None:
        self.fixed: Counter[str] = Counter()
        self.dropped = 0
        self.changed = False  # by the last round
        self._steps: list[tuple[int, int, int]] = []  # of this round: line, lines taken, lines given
        self._origins: Sequence[int] | None = None  # the first line of each line, from 0; None: its own

    def note(self, number: int, raw: bytes, findings: Sequence[Finding], mended: Mended, joined: int) -> None:
        """Take note of what became of line `number` (from 1), which `joined` further rows went into."""
        if mended.lines != [raw]:
            self.fixed.update(finding.code for finding, done in zip(findings, mended.made, strict=True) if done)
            self.dropped += not mended.lines and bool(raw.strip())
            self._steps.append((number, mended.over, len(mended.lines)))

    def origin(self, line: int) -> int:
        """The line (from 0) that line `line` (from 1) was before the first round."""
        return line - 1 if self._origins is None else self._origins[line - 1]

    def end_round(self, lines: int) -> None:
        """Carry the origins through a round that began with so many lines."""
        self.changed = bool(self._steps)
        if not self.changed:
            return
        before = range(lines) if self._origins is None else self._origins
        after: list[int] = []
        done = 0
        for number, over, given in self._steps:
            after += before[done : number - 1]
            after += [before[number - 1]] * given
            done = number - 1 + over
        after += before[done:]
        self._origins, self._steps = after, []


def mend_lines(lines: Iterable[bytes], plan: Mapping[int, Sequence[Finding]], tally: Tally) -> Iterator[bytes]:
    """The lines of a file (with their line breaks), those in the plan mended; a round of the tally.

    Raises ChangedError where a finding is not about the row that stands there.
    """
    numbered = enumerate(lines, 1)
    number = 0
    for number, line in numbered:
        findings = plan.get(number)
        if findings is None:
            yield line
            continue
        raw = line.removesuffix(b"\n")
        if not _is_row(raw, findings[0].row, first=number == 1):
            raise _changed(findings[0].file)
        mended = mend(raw, [finding.fix for finding in findings if finding.fix])
        end, first, joined = line[len(raw) :], number, 0
        for number, line in islice(numbered, mended.over - 1):  # noqa: B007, PLW2901
            end = b"\n" if line.endswith(b"\n") else b""
            joined += bool(line.strip())
        tally.note(first, raw, findings, mended, joined)
        if mended.lines:
            yield b"\n".join(mended.lines) + end
    if plan and max(plan) > number:
        raise _changed(plan[max(plan)][0].file)
    tally.end_round(number)


def apply_fixes(data: bytes, findings: Iterable[Finding], *, unsafe: bool = False) -> Applied:
    """One round of fixes on the bytes of a JSONL file, with the findings of that file.

    Raises ChangedError where a finding is not about the row that stands there.
    """
    plan = plan_round(findings, lambda finding: wanted(finding, unsafe))
    lines = {line: found for of_file in plan.values() for line, found in of_file.items()}
    tally = Tally()
    return Applied(b"".join(mend_lines(io.BytesIO(data), lines, tally)), dict(tally.fixed), tally.dropped)


def _is_row(raw: bytes, row: str, *, first: bool) -> bool:
    """Whether the line holds the row with that content id; a broken line is taken on trust."""
    value = parse(raw.removeprefix(BOM) if first else raw)
    return not row or value is UNSET or content_id(value, raw).hex() == row


def _changed(path: str) -> ChangedError:
    hint = "this file was left as it is; run the command again when it is at rest"
    return ChangedError("the file changed after it was linted", where=path, hint=hint)


# ---------------------------------------------------------------------- files


def fix_files(
    paths: Sequence[str | Path], config: Config, *, unsafe: bool = False, lint: Lint = engine.lint
) -> FixResult:
    """Lint and mend until nothing is left to mend, at most ten rounds. All files are written, or none.

    Only plain JSONL is mended in place; other containers are named in `refused`. What a decision keeps
    (where `lint` honours decisions) is not mended either when the rest of its row is.

    Raises:
        ChangedError: a file changed meanwhile; it is left as the other writer left it.
        WriteError: a file could not be written, or no row would be left.
    """
    stamps = _stamps(paths)
    files: dict[str, _File] = {}
    kept: set[tuple[str, int, str]] = set()  # file, line before the first round, code

    def origin(path: str, line: int) -> int:
        file = files.get(path)
        return file.tally.origin(line) if file else line - 1

    def choose(finding: Finding) -> bool:
        return wanted(finding, unsafe) and (finding.file, origin(finding.file, finding.line), finding.code) not in kept

    twins = Twins(origin)

    try:
        for rounds in range(ROUNDS + 1):
            report = _linted(lint, paths, config, files)
            if not rounds and isinstance(report.findings, Filtered):
                kept |= {(f.file, f.line - 1, f.code) for f in report.findings.suppressed()}
            known = plain(report)
            plan = plan_round(report.findings, choose, twins)
            emptied = _emptied(report, plan)
            refused = [_refusal(path, report, unsafe, emptied) for path in sorted((plan.keys() - known) | emptied)]
            todo = {path: lines for path, lines in plan.items() if path in known - emptied}
            for path in todo:
                files.setdefault(path, _File(path, stamps))
            twins.keep(todo)
            made = [files[path].mend(lines) for path, lines in todo.items()] if rounds < ROUNDS else []
            if not any(made):
                break
    except BaseException:
        for file in files.values():
            file.restore()
        raise
    done = tuple(file.result() for file in files.values() if file.backup)
    fixed = sum((Counter(file.fixed) for file in done), Counter[str]())
    return FixResult(done, dict(sorted(fixed.items())), tuple(refused), report, rounds, not todo)


def _linted(lint: Lint, paths: Sequence[str | Path], config: Config, files: Mapping[str, _File]) -> Report:
    try:
        return lint(paths, config)
    except SourceError as error:
        if not any(file.tally.dropped for file in files.values()):
            raise
        hint = "nothing was changed; look at what would go: curator lint --diff"
        raise WriteError("the fixes would drop every row", where=error.where, hint=hint) from None


class _File:
    """A file under repair: written anew in every round that mends something, put back when anything fails."""

    def __init__(self, path: str, stamps: Mapping[Path, Stamp]) -> None:
        self.path = path
        self.real = Path(path).resolve()
        self.stamp = stamps.get(self.real)
        self.tally = Tally()
        self.backup: Path | None = None

    def mend(self, plan: Mapping[int, Sequence[Finding]]) -> bool:
        """Write the file with one round of fixes; False where none could be made."""
        hint = "nothing was changed; free some space, or write the mended rows elsewhere: curator clean"
        with Replacement(self.path, hint=hint) as new:
            with self.real.open("rb") as old:
                new.file.writelines(mend_lines(old, plan, self.tally))
            if not self.tally.changed:
                return False
            if self.stamp is not None and Stamp.of(self.real) != self.stamp:
                raise _changed(self.path)
            if self.backup is None:
                self.backup = _back_up(self.real)
            new.commit()
        self.stamp = Stamp.of(self.real)
        return True

    def restore(self) -> None:
        """Put the original back, unless somebody else has written the file since."""
        if self.backup is None:
            return
        if self.real.exists() and self.real.samefile(self.backup):
            self.backup.unlink()
        elif not self.real.exists() or Stamp.of(self.real) == self.stamp:
            self.backup.replace(self.real)
        self.backup = None

    def result(self) -> FixedFile:
        fixed = dict(sorted(self.tally.fixed.items()))
        return FixedFile(self.path, fixed, self.tally.dropped, str(self.backup))


def _back_up(path: Path) -> Path:
    """Keep the file, out of sight of version control."""
    folder = path.parent / BACKUPS
    folder.mkdir(parents=True, exist_ok=True)
    keep_ignored(folder)
    return keep_copy(path, folder)


def _stamps(paths: Sequence[str | Path]) -> dict[Path, Stamp]:
    """The stamps of all files at or below the paths, by resolved path."""
    found: dict[Path, Stamp] = {}
    for path in map(Path, paths):
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.is_file():
                found[file.resolve()] = Stamp.of(file)
    return found


def _emptied(report: Report, plan: Plan) -> set[str]:
    """The files of several in which no row would be left: copies of others, most likely."""
    left = {file.path: file.rows + file.broken for file in report.files if len(report.files) > 1}
    gone = {path: sum(any(f.fix and f.fix.drops for f in found) for found in plan[path].values()) for path in plan}
    return {path for path, count in gone.items() if count and count == left.get(path)}


def _refusal(path: str, report: Report, unsafe: bool, emptied: Container[str] = ()) -> Refused:
    if path in emptied:
        return Refused(path, "every row of it would be dropped", "delete the file, or lint the others without it")
    container = next((file.container for file in report.files if file.path == path), "")
    what = "standard input" if path == "-" else f"a file of the form {container}"
    reason = f"{what} is not mended in place, only plain JSONL is"
    agreed = ["--unsafe-fixes"] if unsafe else []
    return Refused(path, reason, shlex.join(["curator", "clean", path, "-o", "OUT.jsonl", *agreed]))


# ---------------------------------------------------------------------- showing fixes before they are made


class Difference(msgspec.Struct, frozen=True):
    """What one fix would change, each part as a line of text with the changed words marked.

    `after` is empty where something is taken out, `before` where something is added.
    """

    file: str
    line: int
    path: str
    code: str
    name: str
    safety: str
    title: str
    before: tuple[Excerpt, ...]
    after: tuple[Excerpt, ...]


def plain(report: Report) -> set[str]:
    """The files that are mended in place."""
    return {file.path for file in report.files if file.container == PLAIN}


def differences(report: Report, *, unsafe: bool = False) -> Iterator[Difference]:
    """What the next round of fixes would change, in the order of the findings; nothing is written.

    Files that are not mended in place are left out. Raises ChangedError where a file has changed.
    """
    known = plain(report)
    plan = plan_round(report.findings, lambda f: f.file in known and wanted(f, unsafe))
    for path, lines in plan.items():
        last = max(lines)
        with Path(path).open("rb") as file:
            for number, line in zip(range(1, last + 1), file, strict=False):
                for finding in lines.get(number, ()):
                    yield _difference(finding, line.removesuffix(b"\n"), first=number == 1)


def waiting(report: Report, *, unsafe: bool = False) -> int:
    """How many fixes are not in the next round: the row that they drop repeats one that is itself mended or dropped."""
    known = plain(report)
    offered = [f for f in report.findings if f.file in known and wanted(f, unsafe)]
    planned = plan_round(offered, lambda finding: True)
    return len(offered) - sum(len(findings) for lines in planned.values() for findings in lines.values())


def freed(report: Report, *, unsafe: bool = False) -> int:
    """How many lines that are no JSON the next round makes rows of: no rule has judged these yet."""
    known = plain(report)
    return len({(f.file, f.line) for f in report.findings if f.code == _TORN and f.file in known and wanted(f, unsafe)})


def unified_diff(report: Report, *, unsafe: bool = False) -> Iterator[str]:
    """`differences` as lines of text: a head, then "-" and "+" with the changed words and some around them."""
    for change in differences(report, unsafe=unsafe):
        where = f"{change.file}:{change.line} {change.path}".rstrip()
        mark = "" if change.safety == "safe" else " (unsafe)"
        yield f"@@ {where} @@ {change.code} {change.name}: {change.title}{mark}"
        yield from (f"- {part.text}" for part in change.before)
        yield from (f"+ {part.text}" for part in change.after)


_TORN = "FIL001"  # the rule on lines that are no JSON
_SHOWN = 5  # changes or new lines of one fix that are shown


def _difference(finding: Finding, raw: bytes, *, first: bool) -> Difference:
    fix = finding.fix
    assert fix is not None
    if not _is_row(raw, finding.row, first=first):
        raise _changed(finding.file)
    value = parse(raw.removeprefix(BOM) if first else raw)
    known = partial(_known, raw)
    if fix.lines is None:
        parts = _changes(fix, value, raw, known)
    else:
        parts = _new_lines(fix.lines, raw.decode("utf-8", "backslashreplace"), known)
    before, after = (tuple(part for part in side if part is not None) for side in parts)
    if stand_in := str(finding.evidence.get("placeholder", "")):
        told = [get(value, edit.path)[edit.start : edit.end] for edit in fix.changes if isinstance(edit, Edit)]
        before, after = (tuple(_hidden(part, told, stand_in) for part in side) for side in (before, after))
    head = (finding.file, finding.line, finding.path, finding.code, finding.name)
    return Difference(*head, fix.safety, fix.title, before, after)


@lru_cache(maxsize=4)  # a row may have thousands of fixes
def _known(raw: bytes) -> Known:
    """The private values of a row: no part of it shows them."""
    return values_of_row(parse(raw.removeprefix(BOM)))


def _hidden(part: Excerpt, told: Sequence[str], stand_in: str) -> Excerpt:
    """The part without the private values: one that only its key tells has no sign of it in the text."""
    text = part.text
    for secret in told:
        text = text.replace(secret, stand_in.rpartition("_")[0] + "]")
    return part if text == part.text else Excerpt(text, 0, 0)


def _changes(
    fix: Fix, value: Any, raw: bytes, known: Callable[[], Known]
) -> tuple[list[Excerpt | None], list[Excerpt | None]]:
    """What the changes inside a row take out and put in; edits close to each other are shown together."""
    before: list[Excerpt | None] = []
    after: list[Excerpt | None] = []
    for edits in _neighbours(fix.changes):
        old = get(value, edits[0].path, UNSET)
        if isinstance(old, str) and edits[-1].end <= len(old):
            new = old
            for edit in reversed(edits):
                new = new[: edit.start] + edit.text + new[edit.end :]
            low, high = _whole_words(old, edits[0].start, edits[-1].end)
            before.append(_around(old, low, high, known))
            after.append(_around(new, low, high + len(new) - len(old), known))
    for change in fix.changes:
        if isinstance(change, Edit):
            continue
        if get(value, change.path, UNSET) is not UNSET:
            before.append(excerpt(Flag(change.path, ""), value, raw, known))
        if isinstance(change, Put):
            after.append(excerpt(Flag("new", ""), {"new": change.value}, b"", known))
    return before[:_SHOWN], after[:_SHOWN]


_NEAR = 60  # characters within which edits of one string are shown together


def _neighbours(changes: Iterable[Edit | Put | Cut]) -> Iterator[list[Edit]]:
    """The edits in order of place, in runs that one excerpt can show."""
    edits = sorted((c for c in changes if isinstance(c, Edit)), key=lambda edit: (edit.path, edit.start))
    run: list[Edit] = []
    for edit in edits:
        if run and (edit.path != run[0].path or edit.end > run[0].start + _NEAR):
            yield run
            run = []
        run.append(edit)
    if run:
        yield run


def _new_lines(
    lines: Sequence[str], old: str, known: Callable[[], Known]
) -> tuple[list[Excerpt | None], list[Excerpt | None]]:
    """The line as it is and those that take its place, with the part marked in which they differ."""
    if len(lines) != 1:
        return [_around(old, 0, 0, known)], [_around(line, 0, 0, known) for line in lines[:_SHOWN]]
    new = lines[0]
    start = shared_start(old, new)
    tail = shared_start(old[start:][::-1], new[start:][::-1])
    low, high = _whole_words(old, start, len(old) - tail)
    return [_around(old, low, high, known)], [_around(new, low, high + len(new) - len(old), known)]


def _whole_words(text: str, start: int, end: int) -> tuple[int, int]:
    """The span widened to whole words."""
    while start and text[start - 1].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum():
        end += 1
    return start, end


def _around(text: str, start: int, end: int, known: Callable[[], Known]) -> Excerpt | None:
    return excerpt(Flag("text", "", (start, end)), {"text": text}, b"", known)

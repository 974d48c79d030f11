"""What every report says of the whole: counts, verdict, next commands."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from curator.errors import CuratorError
from curator.model import SEVERITIES, Finding, NotRun, Report, RuleStat, TargetNote

_LEAKS = frozenset({"SPT001", "SPT002", "SPT003", "SPT004"})
_GRAVITY = {severity: order for order, severity in enumerate(SEVERITIES)}
_STANDARD_INPUT = ("-", "<stdin>", "stdin")


class Tally:
    """Counts that need a look at each finding; `add` them in the report's order."""

    def __init__(self) -> None:
        self.safe = 0
        self.unsafe = 0
        self.rows: Counter[str] = Counter()  # rows with a finding, by code
        self.rest: Finding | None = None  # the first of the gravest that no safe fix mends
        self.refused: set[str] = set()  # the shapes of rows that the target does not read
        self._gravest = -1
        self._last: dict[str, tuple[str, int]] = {}

    def add(self, finding: Finding) -> None:
        code, fix = finding.code, finding.fix
        if fix is not None and fix.safety == "safe":
            self.safe += 1
        else:
            self.unsafe += fix is not None
            if (gravity := _GRAVITY[finding.severity]) > self._gravest:
                self._gravest, self.rest = gravity, finding
        if code == "TGT012":
            self.refused.add(str(finding.evidence.get("read_as", "")))
        place = (finding.file, finding.line)
        if self._last.get(code) != place:
            self._last[code] = place
            self.rows[code] += 1


class Step(msgspec.Struct, frozen=True):
    """A next command and what it is for."""

    what: str
    command: str


def counted(number: int, noun: str) -> str:
    """ "1 row", "1,200 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def found(report: Report) -> int:
    return sum(stat.findings for stat in report.rules)


def verdict(report: Report) -> str:
    """One sentence: would this data break a run, weaken it, or neither? And which limits are broken."""
    broken = [limit.code for limit in report.limits if not limit.ok and limit.judged]
    idle = [limit.code for limit in report.limits if not limit.ok and not limit.judged]
    said = _judged(report)
    for codes, what in ((broken, "broken"), (idle, "without a row to judge")):
        if codes:
            limits = "limit" if len(codes) == 1 else "limits"
            said = f"{said.removeprefix('clean: ').removesuffix('.')}; {limits} {what}: {', '.join(codes)}."
    return said


def _judged(report: Report) -> str:
    errors, warnings, notes = (report.count(severity) for severity in ("error", "warning", "info"))
    parts = []
    if errors:
        parts.append(f"{counted(errors, 'error')} would break a run or be learnt")
    if warnings:
        parts.append(f"{counted(warnings, 'warning')} would weaken it" if errors else _weaken(report, warnings))
    if notes:
        parts.append(f"{counted(notes, 'note')} to weigh")
    if parts:
        return ", ".join(parts) + "."
    if not report.rows:
        if report.broken:
            return f"no row could be read: {unread(report)}, nothing else was judged."
        return "no rows: there is nothing to judge."
    ran = sum(1 for stat in report.rules if stat.examined)
    if report.broken:
        said = f"{counted(ran, 'rule')} found {nothing(report)}"
        return f"{said}, but {counted(report.broken, 'line')} could not be read."
    if report.known or report.suppressed:
        return f"nothing new: {counted(ran, 'rule')} found only what is known."
    return f"clean: {counted(ran, 'rule')} found {nothing(report)}."


def nothing(report: Report) -> str:
    """What rules without a finding left found: "nothing new" where a baseline or a decision took findings away."""
    return "nothing new" if report.known or report.suppressed or report.pending else "nothing"


def spotless(report: Report) -> bool:
    """Whether there were rows, all could be read, nothing was found in them, and every limit holds."""
    held = all(limit.ok for limit in report.limits)
    return bool(report.rows) and not report.broken and not found(report) and held


def _weaken(report: Report, warnings: int) -> str:
    said = f"{counted(report.broken, 'line')} could not be read" if report.broken else "nothing would break a run"
    return f"{said}, {counted(warnings, 'warning')} would weaken it"


_SHAPELESS = "SCH001"
_UNREAD = frozenset({"FIL001", "FIL002", _SHAPELESS})  # lines that give no row, which are counted apart


def facts(report: Report) -> str:
    """Rows, tokens with their tokenizer, and seconds, on one line."""
    rows = counted(report.rows, "row")
    if len(report.files) > 1:
        rows += f" in {len(report.files)} files"
    if report.broken:
        rows += f", {unread(report)}"
    return f"{rows} · {report.tokens} · {duration(report)}"


def unread(report: Report) -> str:
    """How many lines gave no row, apart those that are JSON of an unknown shape."""
    shapeless = min(sum(stat.findings for stat in report.rules if stat.code == _SHAPELESS), report.broken)
    parts = [f"{counted(report.broken - shapeless, 'line')} unreadable"] if report.broken > shapeless else []
    return ", ".join([*parts, *([f"{counted(shapeless, 'line')} in no known shape"] if shapeless else [])])


def share_of_rows(stat: RuleStat, tally: Tally, report: Report) -> float:
    """The share of the rows that a rule found something in; of all lines where it judges lines that give no row."""
    judged = report.rows + (report.broken if stat.code.startswith(("FIL", "SCH")) else 0)
    return tally.rows[stat.code] / judged if judged else 0.0


def duration(report: Report) -> str:
    seconds = f"{report.seconds:.1f} s" if report.seconds >= 0.095 else f"{report.seconds:.2f} s"
    return f"{seconds}, cached" if report.cached else seconds


def families(report: Report) -> list[tuple[str, int]]:
    """(FIL, findings) for each family that found something, in order of code."""
    counts: Counter[str] = Counter()
    for stat in report.rules:
        counts[stat.code.rstrip("0123456789")] += stat.findings
    return [(family, count) for family, count in sorted(counts.items()) if count]


class Outcome(msgspec.Struct, frozen=True):
    """What becomes of rows at the target, and for how many by which of its rules, the most frequent first."""

    what: str
    rows: int
    by: tuple[tuple[str, int], ...]


# What becomes of the rows that a rule on targets flags; such findings name the target's rule in "by".
_OUTCOMES = {
    "TGT010": ("will be dropped in silence", "will be dropped in silence"),
    "TGT013": ("loses its answer", "lose their answer"),
    "TGT014": ("is read as something else", "are read as something else"),
}
STOPS = ("stops the run", "stop the run")
"""What rows over the limit do where a trainer refuses them."""
CUT = ("is cut", "are cut")
"""What becomes of them where it does not."""
REFUSED = ("is refused", "are refused")
WRONG = ("has an error", "have errors")
"""What is said of rows that the target takes, and that would stop a run or be learnt as they are."""
_REFUSALS = frozenset({"TGT003", "TGT004", "TGT005", "TGT006", "TGT007", "TGT008", "TGT012", "TGT015"})
_LENGTHS = frozenset({"LEN001", "TGT003"})  # rows over the limit: cut, unless they are refused or dropped


def refuses(finding: Finding) -> bool:
    """Whether the target refuses the row for this."""
    if finding.code in _LENGTHS and finding.evidence.get("effect") != "refused":
        return False
    return finding.code in _REFUSALS


def is_wrong(finding: Finding) -> bool:
    """Whether a row has an error of its own, whatever the target: leaks and lengths, which are told apart, are none."""
    return finding.severity == "error" and _of_its_own(finding.code)


def _of_its_own(code: str) -> bool:
    return not code.startswith(("TGT", "LEN")) and code not in _LEAKS and code not in _UNREAD


class _Struck(msgspec.Struct, frozen=True):
    """The places that a target drops, loses, misreads, refuses or cuts, and those with an error of their own."""

    by_rule: dict[str, dict[tuple[str, int], tuple[str, int]]]  # rule of the target and rows, by code and place
    refused: dict[tuple[str, int], int]  # rows, by place
    cut: set[tuple[str, int]]
    wrong: set[tuple[str, int]]


def _struck(report: Report, target: TargetNote) -> _Struck:
    found = _Struck({code: {} for code in _OUTCOMES}, {}, set(), set())
    drops, judged = target.over == "dropped", any(stat.code == "TGT010" for stat in report.rules)
    for finding in report.findings:
        place, count = (finding.file, finding.line), int(finding.evidence.get("rows", 1))
        if finding.code == "LEN001" and drops:  # which TGT010 tells, where it runs
            if not judged:
                found.by_rule["TGT010"].setdefault(place, ("", count))
        elif finding.code in found.by_rule:
            found.by_rule[finding.code].setdefault(place, (str(finding.evidence.get("by", "")), count))
        elif finding.code in _LENGTHS and finding.evidence.get("effect") != "refused":
            found.cut.add(place)
        elif refuses(finding):
            found.refused[place] = max(found.refused.get(place, 1), count)
        elif is_wrong(finding):
            found.wrong.add(place)
    return found


def outcomes(report: Report) -> list[Outcome]:
    """What the target does with rows in silence, how many it refuses, and how many have an error all the same."""
    concerned = {*_OUTCOMES, *_REFUSALS, *_LENGTHS}
    if report.target is None or not any(
        stat.findings
        for stat in report.rules
        if stat.code in concerned or (stat.severity == "error" and _of_its_own(stat.code))
    ):
        return []
    struck = _struck(report, report.target)
    over = STOPS if report.target.kind == "trainer" and report.target.over == "refused" else CUT
    found = []
    if total := sum(struck.refused.values()):
        found.append(Outcome(REFUSED[total > 1], total, ()))
    for code, (one, many) in _OUTCOMES.items():
        reasons: Counter[str] = Counter()
        for by, count in struck.by_rule[code].values():
            reasons[by] += count
        if total := sum(reasons.values()):
            found.append(
                Outcome(one if total == 1 else many, total, tuple(pair for pair in reasons.most_common() if pair[0]))
            )
    told = struck.by_rule["TGT010"].keys() | struck.refused.keys()
    for (one, many), places in ((over, struck.cut - told), (WRONG, struck.wrong - told)):
        if places:
            found.append(Outcome(many if len(places) > 1 else one, len(places), ()))
    return found


def about_target(report: Report) -> str:
    """The target with its status, and what it does with the rows: "3 rows will be dropped in silence"."""
    target = report.target
    if target is None:
        return ""
    told = ", ".join(f"{counted(outcome.rows, 'row')} {outcome.what}" for outcome in outcomes(report))
    if target.name == "ollama":
        told = ", ".join(filter(None, (told, _asked_alike(report))))
    if not told and report.broken:
        told = unread(report)
    if not told:
        ran = {stat.code for stat in report.rules}
        told = "no row is dropped in silence, none loses its answer" if {"TGT010", "TGT013"} <= ran else "not judged"
    return f"{target.title} ({target.status}, verified {target.verified_on}): {told}"


_ALIKE = "TPL017"


def _asked_alike(report: Report) -> str:
    """For how many rows Ollama writes the prompt of training."""
    stat = next((stat for stat in report.rules if stat.code == _ALIKE and stat.examined), None)
    if stat is None:
        told = next((note.reason for note in report.not_run if note.codes == (_ALIKE,) and not note.options), "")
        return f"its prompts are not compared: {told or 'name the Modelfile and the chat template'}"
    found = next((finding.evidence for finding in report.findings if finding.code == _ALIKE), None)
    if found is None and stat.findings:  # known, by a baseline or a comment
        return ""
    if found is None:
        left_out = any(_ALIKE in note.codes for note in report.not_run)
        rows = "every row that is compared" if left_out else f"{stat.examined:,} of {stat.examined:,} rows"
        return f"the same prompt on {rows}, byte for byte"
    of, differ = int(found["of"]), int(found["differ"])
    return f"the same prompt on {of - differ:,} of {of:,} rows, byte for byte"


def run_in_part(report: Report, missing: NotRun) -> bool:
    """Whether the rules of a note did run, and left out no more than some of the rows."""
    ran = {stat.code for stat in report.rules if stat.examined}
    return not missing.options and any(code in ran for code in missing.codes)


def by_count(report: Report) -> list[RuleStat]:
    """The rules that found something, the most frequent first."""
    return sorted((stat for stat in report.rules if stat.findings), key=lambda stat: (-stat.findings, stat.code))


def steps(
    report: Report, tally: Tally, command: str, options: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> list[Step]:
    """What to do next, as commands that can be pasted: `options` are those of each verb that go on holding."""
    files = [stat.path for stat in report.files]
    on_disk = not any(file in _STANDARD_INPUT for file in files)
    command = command or shlex.join(["curator", "lint", *files])
    out = []

    def verb(name: str, *words: str) -> str:
        return shlex.join(["curator", name, *words, *options.get(name, ())])

    for unlock in dict.fromkeys(item.unlock for item in report.not_run if item.unlock.startswith("--map ")):
        out.append(Step("read the rows by their columns", f"{command} {unlock}"))
    if on_disk and (shape := _accepted(report, tally)):
        place = "converted.jsonl" if len(files) == 1 else "converted"
        what = "write the rows in a shape that the target reads"
        out.append(Step(what, verb("convert", *files, "--to", shape, "-o", place)))
    goal = "clean.jsonl" if len(files) == 1 else "cleaned"
    in_place = all(stat.container == "jsonl" for stat in report.files)
    if tally.safe and on_disk and not in_place:
        copy = verb("clean", *files, "-o", goal)
        out.append(Step(f"{tally.safe:,} can be mended safely, in a copy", copy))
    if tally.safe and on_disk and in_place:
        out.append(Step(f"{tally.safe:,} can be mended safely", f"{command} --fix"))
    if tally.unsafe and on_disk and not in_place:
        more = f"{tally.unsafe:,} more" if tally.safe else f"{tally.unsafe:,}"
        copy = verb("clean", *files, "-o", goal, "--unsafe-fixes")
        out.append(Step(f"{more} can be mended if you agree, in a copy", copy))
    if tally.unsafe and on_disk and in_place:
        more = f"{tally.unsafe:,} more" if tally.safe else f"{tally.unsafe:,}"
        out.append(Step(f"{more} can be mended if you agree", f"{command} --diff --unsafe-fixes"))
    if on_disk and any(stat.findings for stat in report.rules if stat.code in _LEAKS):
        out.append(Step("split anew, without leaks", verb("split", *files, "-o", "splits")))
    if rest := tally.rest:
        if on_disk:
            beside = dict.fromkeys(place.file for place in rest.related if place.file != rest.file)
            words = [word for file in beside for word in ("--beside", file)]
            out.append(Step("what is known of a row", verb("explain", rest.file, str(rest.line), *words)))
        out.append(Step("why a rule matters", f"curator rule {rest.code}"))
    return out


def _accepted(report: Report, tally: Tally) -> str:
    """The shape in which a target reads rows that it refuses as they are; "" where there is none, or no one shape."""
    kinds = {_kind(shape) for shape in tally.refused}
    if report.target is None or len(kinds) != 1:
        return ""
    from curator import targets

    try:
        shapes = targets.load(report.target.name).shapes
    except CuratorError:  # a profile of one's own that is not found by its name
        return ""
    return next((shape for shape in ("openai-chat", *shapes) if shape in shapes and _kind(shape) in kinds), "")


def _kind(shape: str) -> str:
    """What a shape says of its answers: that one is better, or good, or its steps are; "" where it compares none."""
    return next((kind for kind in ("preference", "kto", "stepwise") if shape.endswith(f"-{kind}")), "")


def code_ranges(codes: Iterable[str]) -> str:
    """ "LEN002, TPL001-005": codes in order, three or more that follow each other as a range."""
    split = sorted((code.rstrip("0123456789"), code) for code in set(codes))
    out: list[str] = []
    run: list[str] = []
    for _, code in split:
        if run and not _follows(run[-1], code):
            out += _run(run)
            run = []
        run.append(code)
    return ", ".join(out + _run(run))


def _follows(code: str, after: str) -> bool:
    family = code.rstrip("0123456789")
    digits, next_digits = code[len(family) :], after[len(family) :]
    return (
        after.startswith(family)
        and digits.isdecimal()
        and next_digits.isdecimal()
        and int(next_digits) == int(digits) + 1
    )


def _run(codes: list[str]) -> list[str]:
    if len(codes) < 3:
        return codes
    family = codes[0].rstrip("0123456789")
    return [f"{codes[0]}-{codes[-1][len(family) :]}"]


def line_ranges(lines: Sequence[int]) -> list[str]:
    """["3", "9", "14-18"]: rising line numbers, repeats left out, three or more in a row as a range."""
    out: list[str] = []
    first = last = -1
    for line in lines:
        if line == last:
            continue
        if line != last + 1 or first < 0:
            _close(out, first, last)
            first = line
        last = line
    _close(out, first, last)
    return out


def _close(out: list[str], first: int, last: int) -> None:
    if first < 0:
        return
    if last - first >= 2:
        out.append(f"{first}-{last}")
    else:
        out += [str(line) for line in range(first, last + 1)]

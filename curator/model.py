"""The nouns. This module imports nothing of curator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import msgspec

Severity = Literal["error", "warning", "info"]
Safety = Literal["safe", "unsafe"]
Verdict = Literal["accept", "keep", "edit", "drop", "later"]

SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")  # in rising order


class Edit(msgspec.Struct, frozen=True, tag="edit"):
    """Replace the characters [start, end) of the string at `path`."""

    path: str
    start: int
    end: int
    text: str


class Put(msgspec.Struct, frozen=True, tag="put"):
    """Set the JSON value at `path` (the parent must exist)."""

    path: str
    value: Any


class Cut(msgspec.Struct, frozen=True, tag="cut"):
    """Remove the key or list element at `path`."""

    path: str


class Fix(msgspec.Struct, frozen=True):
    """A mend: changes inside the row, or new lines in the place of its line (none: the row is dropped).

    `lines` and `changes` exclude each other. `over` counts the lines whose place the new lines take:
    1, or more where a row was written over several.
    """

    title: str
    changes: tuple[Edit | Put | Cut, ...] = ()
    lines: tuple[str, ...] | None = None
    safety: Safety = "unsafe"
    over: int = 1

    @property
    def drops(self) -> bool:
        return self.lines == ()


def drop(title: str = "drop the row", safety: Safety = "unsafe") -> Fix:
    return Fix(title, lines=(), safety=safety)


class Flag(msgspec.Struct, frozen=True):
    """What a check yields: it knows the row, never the file.

    `at` is a path in the source row ("" is the whole row); `span` counts characters in the string
    at that path; `byte` is an offset in the line, for faults below JSON; `related` names other rows
    by their index in the set. `about` is what a finding told once for many rows is about (a shape, a
    source): its identity, in place of its rows, so that a verdict on it holds while rows come and go.
    """

    at: str
    message: str
    span: tuple[int, int] | None = None
    byte: int | None = None
    fix: Fix | None = None
    related: tuple[int, ...] = ()
    evidence: dict[str, Any] = {}
    about: str = ""

    @classmethod
    def once(
        cls, rows: Iterable[int], at: str, message: str, *, about: str = "all", evidence: dict[str, Any] | None = None
    ) -> tuple[int, Flag]:
        """(row, flag) of a fault that many rows share and that is told once: at the first, with all the others."""
        first, *others = sorted(rows)
        return first, cls(at, message, related=tuple(others), evidence=evidence or {}, about=about)


class Piece(msgspec.Struct, frozen=True, gc=False):
    """A part of a turn's text that lives at a path of its own: text[start : start + length]."""

    path: str
    start: int
    length: int


class ToolCall(msgspec.Struct, frozen=True):
    """A call the assistant makes. `raw` is the original argument string, None where it was an object."""

    name: str | None
    arguments: Any
    path: str
    id: str | None = None
    raw: str | None = None


class Turn(msgspec.Struct, frozen=True):
    """One turn: its role in canonical words and its text, with the place both came from.

    `role` is system, user, assistant or tool; a role nobody knows is kept as written.
    `said` is the role as the row writes it. `content` is False where the row has no text at all
    (null or a missing key), which is legal beside tool calls.
    """

    role: str
    text: str
    path: str
    pieces: tuple[Piece, ...] = ()
    said: str = ""
    content: bool = True
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    name: str | None = None
    weight: float | None = None
    reasoning: str | None = None
    media: int = 0
    base: str = ""  # path of the turn object itself, "" where a turn is no object (alpaca)

    def place(self, start: int, end: int) -> tuple[str, tuple[int, int]]:
        """Where text[start:end] lives: (path, span in the string at that path)."""
        for piece in self.pieces:
            if start < piece.start + piece.length or piece is self.pieces[-1]:
                low = max(0, start - piece.start)
                high = max(low, min(end - piece.start, piece.length))
                return piece.path, (low, high)
        return self.path, (start, end)

    def flag(
        self,
        message: str,
        span: tuple[int, int] | None = None,
        *,
        fix: Fix | None = None,
        related: tuple[int, ...] = (),
        evidence: dict[str, Any] | None = None,
    ) -> Flag:
        """A flag on this turn; `span` counts characters of `text`."""
        at = self.path
        if span is not None:
            at, span = self.place(*span)
        return Flag(at, message, span, None, fix, related, evidence or {})

    def edit(self, start: int, end: int, text: str) -> Edit:
        """An edit of text[start:end], addressed to the string it lives in."""
        path, (low, high) = self.place(start, end)
        return Edit(path, low, high, text)


class Example(msgspec.Struct, frozen=True):
    """One row as a conversation, whatever shape it was written in.

    `turns` is the conversation (the prompt, for preference rows); `chosen` and `rejected` are the
    pair of a preference row; `value` is the parsed row, nothing of it lost.
    """

    shape: str
    turns: tuple[Turn, ...]
    value: Any
    tools: tuple[Any, ...] = ()
    chosen: tuple[Turn, ...] = ()
    rejected: tuple[Turn, ...] = ()
    label: bool | None = None
    tools_path: str = ""

    @property
    def answers(self) -> list[Turn]:
        """Every assistant turn, those of a preference pair included."""
        return [turn for turn in self.all_turns() if turn.role == "assistant"]

    def all_turns(self) -> tuple[Turn, ...]:
        if self.chosen or self.rejected:
            return self.turns + self.chosen + self.rejected
        return self.turns

    def sides(self) -> tuple[tuple[Turn, ...], ...]:
        """The conversations a row trains on: one, or the prompt with each answer of a preference pair."""
        if self.chosen or self.rejected:
            return self.turns + self.chosen, self.turns + self.rejected
        return (self.turns,)

    def exchanges(self) -> Iterator[tuple[Turn | None, Turn]]:
        """(the user turn before, assistant turn) for every assistant turn with text or calls."""
        asked: Turn | None = None
        for turn in self.turns:
            if turn.role == "user":
                asked = turn
            elif turn.role == "assistant":
                yield asked, turn
        for turn in (*self.chosen, *self.rejected):
            if turn.role == "assistant":
                yield asked, turn

    def taught(self) -> Iterator[tuple[tuple[Turn, ...], Turn]]:
        """(turns before, assistant turn) for every answer the model is to give; see `turns_before`.

        Left out are answers that teach by being wrong (`rejected`, a label of false) and those the loss is
        not taken on (a weight of 0).
        """
        if self.label is False:
            return
        for turns, start in ((self.turns, 0), ((*self.turns, *self.chosen), len(self.turns))):
            for place in range(start, len(turns)):
                turn = turns[place]
                if turn.role == "assistant" and turn.weight != 0:
                    yield turns_before(turns, place), turn


_FIRST, _LATEST = 8, 120  # turns


def turns_before(turns: tuple[Turn, ...], place: int) -> tuple[Turn, ...]:
    """The turns before turns[place]: of very many the first, which set the task, and the latest.

    All of them, for each of a hundred thousand answers, would take minutes.
    """
    return turns[:place] if place <= _FIRST + _LATEST else turns[:_FIRST] + turns[place - _LATEST : place]


class Place(msgspec.Struct, frozen=True):
    """A physical line (from 1) of a file."""

    file: str
    line: int


class Excerpt(msgspec.Struct, frozen=True):
    """One line of text around a finding; text[start:end] is what the finding points at."""

    text: str
    start: int
    end: int


class Finding(msgspec.Struct, frozen=True):
    """A flag with its address: all that reports, CI and the review app consume.

    `row` is the content id of the row (32 hex digits), `id` the finding's own (32 hex digits);
    neither depends on where the row stands. `index` counts rows of the set from 0.
    """

    code: str
    name: str
    severity: Severity
    file: str
    line: int
    path: str
    message: str
    id: str
    row: str
    index: int
    span: tuple[int, int] | None = None
    byte: int | None = None
    fix: Fix | None = None
    related: tuple[Place, ...] = ()
    evidence: dict[str, Any] = {}
    excerpt: Excerpt | None = None


class RuleStat(msgspec.Struct, frozen=True):
    """What one rule did: rows it judged, rows it could not, findings, CPU seconds."""

    code: str
    name: str
    severity: Severity
    examined: int = 0
    skipped: int = 0
    findings: int = 0
    fixable: int = 0
    seconds: float = 0.0


class NotRun(msgspec.Struct, frozen=True):
    """A check that did not run, why, and how to unlock it.

    `options` are those of the command line that it waits for, where nothing else keeps it from running.
    """

    codes: tuple[str, ...]
    reason: str
    unlock: str
    options: tuple[str, ...] = ()


class LeftOut(msgspec.Struct, frozen=True):
    """A file of a folder that is no part of the set, and why."""

    path: str
    reason: str


class Audit(msgspec.Struct, frozen=True):
    """How many of the rows alike were found: some rows compared with every other, one by one.

    `low` and `high` bound the share found (Wilson's interval at 95 %).
    """

    view: str
    threshold: float
    rows: int  # rows drawn
    pairs: int  # pairs at or above the threshold, by exhaustive comparison
    found: int  # of these, pairs in the graph
    low: float
    high: float


class FileStat(msgspec.Struct, frozen=True):
    """One file of the set: its container, shape and row counts."""

    path: str
    container: str
    shape: str
    confidence: float
    lines: int
    rows: int
    broken: int
    bytes: int
    split: str
    shapes: dict[str, int] = {}


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the append-only `.curator/decisions.jsonl`: what a person decided about a row or a finding.

    accept: make the offered fix; keep: the row is right as it is; edit: the row becomes `text` (a JSON
    row); drop: the row goes; later: undecided (which also takes back an earlier verdict). `row` and
    `finding` are content ids. `seen` and `place` are hints to find the row again once it has changed:
    a hash of what the finding showed, and where it stood ("support.jsonl:12 messages[1].content").

    A decision is about its finding, or about the whole row where `whole` is set (`finding` then says what
    was looked at) or no finding is named. `id` names it; `base` is the id of the decision that stood when
    it was made ("" for none), `batch` joins those made at once, `after` is the content id of an edited row.
    `undoes` is the id of the one it takes back; `base` is then the one that holds again. `beside` is, of a pair, the
    content id of the other row than the one that goes, "" where it is none or not known.
    """

    verdict: Verdict
    row: str
    finding: str = ""
    code: str = ""
    text: str = ""
    who: str = ""
    when: str = ""
    why: str = ""
    expires: str = ""
    seen: str = ""
    place: str = ""
    id: str = ""
    base: str = ""
    batch: str = ""
    undoes: str = ""
    whole: bool = False
    after: str = ""
    beside: str = ""


class TargetNote(msgspec.Struct, frozen=True):
    """What a report says of the profile it was judged by: how old the facts are and where they came from.

    `over` is what becomes of rows over its limit of tokens, "" where that differs by shape.
    """

    name: str
    title: str
    kind: Literal["service", "trainer", "runtime"]
    status: Literal["open", "closed", "deprecated"]
    verified_on: str
    source: str
    note: str = ""
    over: str = ""


class TokenCount(msgspec.Struct, frozen=True):
    """Tokens of the set and the tokenizer that counted; `error` is the relative error of an estimate.

    `given` of them the tokenizer did not count: they stand in the rows as ids. `template` is the chat template
    that is named without the tokenizer of its model: for that model the count is an estimate.
    """

    tokenizer: str
    exact: bool
    total: int
    error: float = 0.0
    given: int = 0
    template: str = ""

    def __str__(self) -> str:
        return f"{self.total:,} tokens ({self.how})"

    @property
    def how(self) -> str:
        """How they were counted, in words."""
        if self.given and self.given == self.total:
            return "ids that the rows hold"
        how = "exact" if self.exact else f"estimate, ±{self.error:.0%}"
        counted = (
            f"{self.tokenizer}, {f'for {self.template} an estimate: name its --tokenizer' if self.template else how}"
        )
        return f"{counted}; {self.given:,} are ids that the rows hold" if self.given else counted


class LimitResult(msgspec.Struct, frozen=True):
    """A line of [limits]: how many rows a code may flag, and how many it did."""

    code: str
    allowed: str
    flagged: int
    judged: int
    ok: bool


class RuleLesson(msgspec.Struct, frozen=True):
    """How well the trained rows were learnt in which a rule found something.

    `left` is the share of their loss that training left, `others` that of the other trained rows; `low` and
    `high` bound the difference (95 %, bootstrap over rows).
    """

    code: str
    name: str
    rows: int
    left: float
    others: float
    low: float
    high: float
    verdict: Literal["worse", "better", "cannot tell"]


class Lessons(msgspec.Struct, frozen=True):
    """What a training run made of the rows: how many were never learnt, learnt by heart, known before, learnt.

    `rows` of the set were measured in the run, `others` were not; `places` names the first rows of each kind
    (but for those simply learnt).
    """

    run: str
    rows: int
    others: int
    counts: dict[str, int]
    places: dict[str, tuple[Place, ...]]
    rules: tuple[RuleLesson, ...]


class Report(msgspec.Struct, frozen=True):
    """What a lint found. `findings` can be iterated again; the order is (file, line, code, path)."""

    files: tuple[FileStat, ...]
    rules: tuple[RuleStat, ...]
    findings: Any  # Collection[Finding]: a tuple, or a store that reads from disk
    tokens: TokenCount
    rows: int
    broken: int
    seconds: float
    plan: str
    fail_on: Severity | Literal["never"] = "error"
    not_run: tuple[NotRun, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    suppressed: int = 0  # findings that a decision keeps out
    known: int = 0  # findings that a baseline lists
    pending: int = 0  # findings that a decision settles as soon as the set is cleaned
    unused: tuple[Decision, ...] = ()
    limits: tuple[LimitResult, ...] = ()
    cached: bool = False
    length_histogram: tuple[tuple[int, int], ...] = ()  # (upper bound in tokens, rows)
    answer_histogram: tuple[tuple[int, int], ...] = ()
    audits: tuple[Audit, ...] = ()  # what --audit measured
    phases: dict[str, float] = {}  # CPU seconds of reading, token counting and so on
    target: TargetNote | None = None  # what the data is for, where one was named
    lessons: Lessons | None = None  # what a training run made of the rows, where one was named

    def count(self, severity: Severity) -> int:
        return sum(stat.findings for stat in self.rules if stat.severity == severity)

    @property
    def ok(self) -> bool:
        """True when nothing is at or above `fail_on`, every limit holds, and some row could be read."""
        if any(not limit.ok for limit in self.limits):
            return False
        if self.fail_on == "never":
            return True
        if self.broken and not self.rows:
            return False  # nothing was judged, whatever was selected or suppressed
        bar = SEVERITIES.index(self.fail_on)
        limited = {limit.code for limit in self.limits}
        return not any(
            stat.findings for stat in self.rules if SEVERITIES.index(stat.severity) >= bar and stat.code not in limited
        )

    @property
    def exit_code(self) -> int:
        return 0 if self.ok else 1

    def to_pandas(self) -> Any:
        """The findings as a pandas.DataFrame, one a row; `fix` is "safe", "unsafe" or missing.

        Raises MissingExtraError where pandas is not installed.
        """
        from curator.errors import MissingExtraError

        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError("Report.to_pandas()", "data") from None
        names = "code name severity file line path message fix excerpt related evidence id row".split()
        rows = [
            {name: getattr(f, name) for name in names}
            | {"fix": f.fix and f.fix.safety, "excerpt": f.excerpt and f.excerpt.text}
            | {"related": [(place.file, place.line) for place in f.related]}
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=names)

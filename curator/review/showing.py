"""What a card shows of a finding: texts cut in parts, with what differs, is found or cannot be seen marked.

Everything here becomes JSON for the card, which draws each part as text. Classes of parts: "mark" (found
here), "del" and "ins" (what a fix takes and gives), "diff" (where two rows differ), "chip" (a hidden character).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from curator import explanation, paths, splicing, targets, templates, tokens, trained
from curator.columns import parse
from curator.errors import CuratorError, UsageError
from curator.fix import mend
from curator.model import Decision, Example, Finding, Put, Turn
from curator.review import safe
from curator.review.desk import Desk
from curator.review.entries import Entry
from curator.review.reading import MOST_TURNS
from curator.review.safe import Part, clipped, parts, plain, shown
from curator.text.worddiff import shared_start, word_changes

_TURNS = 12  # turns of a row that are shown; of a longer row those that matter
_ROW = 60_000  # characters of a row that are shown
_DIFF = 8_000  # characters that are compared word by word
_EDIT = 400_000  # characters of a row that can be edited
_CALLS, _CALL = 32, 4_000  # calls of a turn that are shown, and characters of each
_EVIDENCE = 400
_OTHERS = 20  # further findings of a row that are shown
_DETAIL = 2_000_000  # bytes of a row that is counted and rendered while one waits
PAYLOAD = 900_000  # bytes of cards that are sent at once
PATIENCE = 0.4  # seconds spent on cards at once: those of a row of thousands of turns are dear

BOM = b"\xef\xbb\xbf"


class Cards:
    """Entries as cards, those of one desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def several(self, entries: Iterable[Entry]) -> list[dict[str, Any]]:
        """Cards until they are as much as is sent at once, or took as long as one waits; at least one."""
        out: list[dict[str, Any]] = []
        size, began = 0, time.perf_counter()
        for entry in entries:
            card = self.card(entry)
            size += len(json.dumps(card))
            if out and size > PAYLOAD:
                break
            out.append(card)
            if time.perf_counter() - began > PATIENCE:
                break
        return out

    def card(self, entry: Entry) -> dict[str, Any]:
        """One card. What cannot be shown of the row is said on it."""
        f = entry.finding
        out: dict[str, Any] = {
            "id": f.id,
            "rank": entry.rank,
            "seq": entry.seq,
            "slot": str(entry.slot),
            "code": f.code,
            "name": f.name,
            "severity": f.severity,
            "file": plain(Path(f.file).name),
            "line": f.line,
            "path": plain(f.path),
            "message": parts(f.message),
            "root": entry.root,
            "edited": bool(entry.edit),
            "copies": entry.copies,
            "cluster": entry.cluster,
            "disputed": entry.disputed,
            **self.standing(entry),
            "fix": f.fix and {"title": plain(f.fix.title), "safety": f.fix.safety, "drops": f.fix.drops},
            "pair": bool(f.related),
            "evidence": list(_evidence(f)),
            "excerpt": shown(f.excerpt)[:160] or plain(f.message[:160]),
        }
        try:
            out |= self._as_now(entry) if self.desk.changed(entry) else self._panes(entry)
        except CuratorError as error:
            out |= {"kind": "error", "left": None, "right": None, "problem": parts(str(error))}
        return out

    def standing(self, entry: Entry) -> dict[str, Any]:
        """What was decided about a finding."""
        head = self.desk.decision(entry.head) if entry.status != "open" else None
        told: dict[str, Any] = {
            "status": entry.status,
            "who": plain(entry.who),
            "head": entry.head,
            "note": plain(head.why) if head else "",
            "earlier": None,
            "said": [],
        }
        if entry.earlier and entry.status == "open" and (old := self.desk.decision(entry.earlier)):
            told["earlier"] = {
                "verdict": old.verdict,
                "who": plain(old.who),
                "when": old.when[:10],
                "why": plain(old.why),
            }
        if entry.disputed:
            told["said"] = [
                {"verdict": _said(entry, made), "who": plain(made.who), "when": made.when[:10], "why": plain(made.why)}
                for made in self.desk.verdicts(entry.finding.id)
                if made.verdict != "later" and not made.undoes
            ]
        return told

    def others(self, entry: Entry) -> list[dict[str, Any]]:
        """The other findings of the row as it stands: what an edit has settled is not found in it any more."""
        found = self.desk.of_row(entry.root, limit=_OTHERS + 1, now=True)
        return [
            {
                "id": o.finding.id,
                "code": o.finding.code,
                "name": o.finding.name,
                "severity": o.finding.severity,
                "path": plain(o.finding.path),
                "message": parts(o.finding.message),
                "status": o.status,
            }
            for o in [other for other in found if other.finding.id != entry.finding.id][:_OTHERS]
        ]

    # ------------------------------------------------------------------ panes

    def _panes(self, entry: Entry) -> dict[str, Any]:
        f = entry.finding
        raw = self.desk.current(entry)
        example = self.desk.example(raw, f.file)
        no_row = example is None and type(parse(raw.removeprefix(BOM))) is not dict
        return {"noRow": no_row, **self._drawn(entry, raw, example)}

    def _drawn(self, entry: Entry, raw: bytes, example: Example | None) -> dict[str, Any]:
        f = entry.finding
        if f.related:
            return self._pair(entry, raw, example)
        if f.fix is not None and not f.fix.drops:
            return self._fixed(entry, raw, example)
        if example is None:
            return {"kind": "raw", "left": _raw_pane("", raw, f), "right": None}
        kind = "drop" if f.fix is not None else "text"
        return {"kind": kind, "left": _pane("", example, _marked(f, example)), "right": None}

    def _as_now(self, entry: Entry) -> dict[str, Any]:
        """What stands where the rows stood that were linted: nothing is decided on it before it is linted too."""
        f = entry.finding
        places = [(f.file, f.line), *((other.file, other.line) for other in f.related[:1])]
        panes: list[dict[str, Any] | None] = []
        for file, line in places:
            raw = self.desk.at_line(file, line)
            example = self.desk.example(raw, file)
            title = f"line {line} as it stands now"
            shown = _pane(title, example, {}) if example else _raw_pane(title, raw, None)
            panes.append(shown if raw.strip() else None)
        problem = "The file was changed since it was linted, and this row with it: it can be decided on once it is linted again."
        return {"kind": "changed", "problem": parts(problem), "left": panes[0], "right": [*panes, None][1]}

    def _pair(self, entry: Entry, raw: bytes, example: Example | None) -> dict[str, Any]:
        f = entry.finding
        place = f.related[0]
        other_raw = self.desk.raw(place.file, place.line)
        other = self.desk.example(other_raw, place.file)
        titles = (
            f"line {f.line}",
            f"line {place.line}" + (f" of {plain(Path(place.file).name)}" if place.file != f.file else ""),
        )
        out: dict[str, Any] = {"kind": "pair", "more": len(f.related) - 1, "rows": self.desk.pair(entry)}
        if example is None or other is None:
            return out | {"left": _raw_pane(titles[0], raw, f), "right": _raw_pane(titles[1], other_raw, None)}
        left, right = _compared(example, other)
        return out | {
            "left": _pane(titles[0], example, left, beside=other),
            "right": _pane(titles[1], other, right, beside=example),
        }

    def _fixed(self, entry: Entry, raw: bytes, example: Example | None) -> dict[str, Any]:
        f = entry.finding
        assert f.fix is not None
        lines = mend(raw, [f.fix]).lines
        new = self.desk.example(lines[0], f.file) if len(lines) == 1 else None
        left, right = _changed(example, new) if example and new else ({}, {})
        if example is None or new is None or not _differ(left, right):
            # the row cannot be read as turns, or the change is in none of their texts
            before, after = differences(_text(raw), "\n".join(map(_text, lines)))
            return {
                "kind": "fix",
                "left": _lines_pane("as it is", before),
                "right": _lines_pane("as it would be", after),
            }
        roles, alike = _roles_alone(example, new), len(example.all_turns()) == len(new.all_turns())
        return {
            "kind": "fix",
            "left": _pane("as it is", example, left, beside=new if alike else None, mark="del", roles=roles),
            "right": _pane("as it would be", new, right, beside=example if alike else None, mark="ins", roles=roles),
        }

    # ------------------------------------------------------------------ more, when asked for

    def detail(self, entry: Entry, what: str) -> dict[str, Any]:
        """More about a row: "raw", "tokens", "template" or "row" (the other findings)."""
        raw = self.desk.current(entry)
        if what == "raw":
            text, before, after = clipped(_pretty(raw), 4 * safe.MOST)
            return {"parts": parts(text), "cut": before + after}
        config = self.desk.settings.config
        if len(raw) > _DETAIL:
            return {"problem": f"the row holds {len(raw) / 1e6:,.1f} MB: too large to be counted while one waits"}
        example = self.desk.example(raw, entry.finding.file)
        if example is None:
            return {"problem": "the row is in no shape that is known"}
        tokenizer, taught = tokens.resolve(config.counter), targets.taught(config.target, example.shape)
        if what == "tokens":
            shown = explanation.turns_shown(example, tokenizer, taught)
            return {
                "tokenizer": tokenizer.name,
                "exact": tokenizer.exact,
                "limit": config.max_length or 0,
                "total": sum(turn.tokens for turn in shown),
                "turns": [[turn.role, turn.tokens, turn.trained] for turn in shown[:200]],
            }
        if self.desk.long(raw, entry.finding.file):
            return {"problem": f"the row has more than {MOST_TURNS} turns: too many to be rendered while one waits"}
        spec = templates.spec_of(config.template, config.model)
        if not spec:
            return {"problem": "no chat template is named: start the review with --model or --template"}
        return {"renders": [_render(each) for each in trained.renders(example, spec, tokenizer, taught)]}

    # ------------------------------------------------------------------ editing

    def fields(self, entry: Entry) -> dict[str, Any]:
        """The row as it can be edited: its texts by path, what the fix makes of each, and the whole row.

        Raises UsageError where it is too large, or no text.
        """
        raw = self._ground(entry)
        if len(raw) > _EDIT:
            raise UsageError("the row is too large to be edited here", hint="drop it, or edit the file")
        try:
            whole = raw.decode()
        except UnicodeDecodeError:
            raise UsageError("the row is not UTF-8: accept the fix, or drop it") from None
        texts = dict(self._texts(raw, entry.finding.file))
        fix = entry.finding.fix
        fixed: dict[str, str] = {}
        if fix is not None and not fix.drops and len(lines := mend(raw, [fix]).lines) == 1:
            after = dict(self._texts(lines[0], entry.finding.file))
            fixed = {path: text for path, text in after.items() if path in texts and texts[path] != text}
        roles = self._roles(raw, entry.finding.file)
        return {
            "texts": [
                {
                    "path": path,
                    "role": roles.get(path, ""),
                    "text": _sendable(text),
                    "fixed": _sendable(fixed[path]) if path in fixed else None,
                }
                for path, text in texts.items()
            ],
            "whole": _sendable(whole),
        }

    def _ground(self, entry: Entry) -> bytes:
        """The row an edit begins from: with the edit that stands, or with the fixes that were accepted."""
        of_row = self.desk.of_row(entry.root)
        if entry.edit:
            return self.desk.current(entry)
        if entry.status == "edit" and (made := self.desk.decision(entry.head)) and made.text:
            return self.desk.opened(made.text, entry.root).encode("utf-8", "backslashreplace")
        raw = self.desk.current(entry)
        fixes = [e.finding.fix for e in of_row if e.status == "accept" and not e.edit and e.finding.fix]
        lines = mend(raw, fixes).lines if fixes else [raw]
        return (lines[0] if len(lines) == 1 else raw).removeprefix(BOM)

    def _texts(self, raw: bytes, file: str) -> Iterator[tuple[str, str]]:
        example = self.desk.example(raw, file)
        for turn in example.all_turns() if example else ():
            for path in [piece.path for piece in turn.pieces] or [turn.path]:
                text = paths.get(example.value, path, None) if example else None
                if isinstance(text, str):
                    yield path, text

    def _roles(self, raw: bytes, file: str) -> dict[str, str]:
        example = self.desk.example(raw, file)
        turns = example.all_turns() if example else ()
        return {path: turn.role for turn in turns for path in ([p.path for p in turn.pieces] or [turn.path])}

    def composed(self, entry: Entry, texts: dict[str, str] | None, whole: str | None) -> str:
        """The row that an edit makes, as one line of JSON. Raises UsageError where it is none."""
        if whole is not None:
            value = parse(whole.encode("utf-8", "surrogatepass"))
            if type(value) is not dict:
                raise UsageError("this is no JSON object")
            return whole.strip() if "\n" not in whole.strip() else json.dumps(value, ensure_ascii=False)
        raw = self._ground(entry)
        known = dict(self._texts(raw, entry.finding.file))
        changes = [Put(path, text) for path, text in (texts or {}).items() if path in known and known[path] != text]
        return splicing.splice(raw, changes).decode("utf-8", "backslashreplace")

    def checked(self, entry: Entry, text: str) -> list[dict[str, Any]]:
        """What single-row rules find in an edited row; each says whether the row had it before."""
        if self.desk.long(text.encode("utf-8", "backslashreplace"), entry.finding.file):
            raise UsageError(f"a row of more than {MOST_TURNS} turns is judged by the next lint, not while one types")
        before = {(e.finding.code, e.finding.path) for e in self.desk.of_row(entry.root)}
        return [
            {
                "code": f.code,
                "name": f.name,
                "severity": f.severity,
                "path": plain(f.path),
                "message": parts(f.message),
                "new": (f.code, f.path) not in before,
            }
            for f in self.desk.judge(text, entry.finding.file)[:20]
        ]


def _said(entry: Entry, made: Decision) -> str:
    """A verdict in words; of a pair with the line of the row that goes."""
    line = made.place.rpartition(":")[2].partition(" ")[0]
    return f"drop line {plain(line)}" if made.verdict == "drop" and entry.finding.related else made.verdict


# ---------------------------------------------------------------------- texts


Told = dict[int, list[Part]]  # by number of the turn: its text in parts


def _marked(f: Finding, example: Example) -> Told:
    """The turns that a finding points at, with its span marked."""
    told: Told = {}
    for number, turn in enumerate(example.all_turns()):
        span = _span_in(f, turn)
        if span is not None:
            told[number] = _spanned(turn.text, *span)
    return told


def _span_in(f: Finding, turn: Turn) -> tuple[int, int] | None:
    """Where in the turn's text a finding points; (0, 0) for the turn as a whole, None for another place."""
    for piece in turn.pieces:
        if piece.path == f.path:
            low, high = f.span or (0, 0)
            return piece.start + min(low, piece.length), piece.start + min(high, piece.length)
    if f.path and f.path in (turn.path, turn.base):
        return f.span if f.span and f.path == turn.path else (0, 0)
    if f.path and turn.base and f.path.startswith(turn.base + "."):
        return 0, 0
    return None


def _spanned(text: str, start: int, end: int) -> list[Part]:
    """The text with a span marked, cut to what is shown."""
    window, before, after = clipped(text, around=start)
    low, high = max(0, start - before), min(len(window), max(start, end) - before)
    told = parts(window[:low]) + parts(window[low:high], "mark") + parts(window[high:])
    return _cut_off(told, before, after)


def _cut_off(told: list[Part], before: int, after: int) -> list[Part]:
    head = [("cut", f"{before:,} characters before")] if before else []
    tail = [("cut", f"{after:,} characters more")] if after else []
    return [*head, *told, *tail]


def differences(old: str, new: str, gone: str = "del", come: str = "ins") -> tuple[list[Part], list[Part]]:
    """Both texts in parts, with the words that differ marked; what is common and far from any change is cut."""
    low = shared_start(old, new)
    tail = shared_start(old[low:][::-1], new[low:][::-1])
    low, tail = _at_words(old, new, low, tail)
    a, b = old[low : len(old) - tail], new[low : len(new) - tail]
    left: list[Part] = []
    right: list[Part] = []
    at = to = 0
    for change in word_changes(a, b) if max(len(a), len(b)) <= _DIFF else _whole(a, b):
        same = a[at : change.at]
        left += parts(same)
        right += parts(b[to : change.to])
        left += parts(_seen(change.before), gone)
        right += parts(_seen(change.after), come)
        at, to = change.at + len(change.before), change.to + len(change.after)
    left += parts(a[at:])
    right += parts(b[to:])
    most = max(2000, safe.MOST // 2)
    head, tail_text = old[:low], old[len(old) - tail :]
    before, after = max(0, len(head) - most), max(0, len(tail_text) - most)
    opened, closed = parts(head[before:]), parts(tail_text[: len(tail_text) - after])
    return (
        _cut_off([*opened, *_short(left), *closed], before, after),
        _cut_off([*opened, *_short(right), *closed], before, after),
    )


def _whole(a: str, b: str) -> Iterator[Any]:
    from curator.text.worddiff import Change

    if a or b:
        yield Change(a, b, 0, 0)


def _short(told: list[Part]) -> list[Part]:
    """The parts, up to what one text may show."""
    out: list[Part] = []
    size = 0
    for cls, text in told:
        if size + len(text) > safe.MOST:
            out += [(cls, text[: safe.MOST - size]), ("cut", "more")]
            break
        out.append((cls, text))
        size += len(text)
    return out


def _at_words(old: str, new: str, low: int, tail: int) -> tuple[int, int]:
    """The common ends, drawn back to where no word is cut."""
    while low and (old[low - 1].isalnum() or old[low - 1] == "_"):
        low -= 1
    while tail and (old[len(old) - tail].isalnum() or old[len(old) - tail] == "_"):
        tail -= 1
    return low, tail


def _seen(text: str) -> str:
    """White space that is all of a change, made visible."""
    if text.strip():
        return text
    return text.replace(" ", "␣").replace("\t", "⇥").replace("\n", "⏎\n")


def _changed(old: Example, new: Example) -> tuple[Told, Told]:
    """The turns that a fix changes, adds or takes away, before and after; those whose role alone changes as well."""
    left: Told = {}
    right: Told = {}
    a, b = old.all_turns(), new.all_turns()
    for tag, low, high, start, stop in _aligned(a, b):
        if tag == "replace" and high - low == stop - start:
            for i, j in zip(range(low, high), range(start, stop), strict=True):
                left[i], right[j] = differences(a[i].text, b[j].text)
        else:
            left.update((i, parts(_seen(clipped(a[i].text)[0]), "del")) for i in range(low, high))
            right.update((j, parts(_seen(clipped(b[j].text)[0]), "ins")) for j in range(start, stop))
    return left, right


def _aligned(a: Sequence[Turn], b: Sequence[Turn]) -> Iterator[tuple[str, int, int, int, int]]:
    """The stretches in which two conversations differ, as difflib names them."""
    from difflib import SequenceMatcher

    if len(a) == len(b):
        for n, (x, y) in enumerate(zip(a, b, strict=True)):
            if (x.text, x.said) != (y.text, y.said):
                yield "replace", n, n + 1, n, n + 1
        return
    old, new = ([(turn.role, turn.text) for turn in turns[:500]] for turns in (a, b))
    yield from (code for code in SequenceMatcher(None, old, new, False).get_opcodes() if code[0] != "equal")


def _differ(left: Told, right: Told) -> bool:
    """Whether anything is marked, or a turn's role is what differs."""
    marked = any(cls for told in (*left.values(), *right.values()) for cls, _ in told)
    return marked or bool(left and right)


def _roles_alone(old: Example, new: Example) -> frozenset[int]:
    """The turns whose text is the same before and after a fix: of these only the role may differ."""
    return frozenset(
        n for n, (a, b) in enumerate(zip(old.all_turns(), new.all_turns(), strict=False)) if a.text == b.text
    )


def _compared(one: Example, two: Example) -> tuple[Told, Told]:
    """All turns of two rows, those of the same place compared."""
    left: Told = {}
    right: Told = {}
    a, b = one.all_turns(), two.all_turns()
    for number in range(max(len(a), len(b))):
        if number < len(a) and number < len(b) and a[number].role == b[number].role:
            left[number], right[number] = differences(a[number].text, b[number].text, "diff", "diff")
        else:
            if number < len(a):
                left[number] = parts(clipped(a[number].text)[0], "diff")
            if number < len(b):
                right[number] = parts(clipped(b[number].text)[0], "diff")
        if number > 4 * _TURNS:
            break
    return left, right


def row_compared(example: Example, base: Example | None) -> list[dict[str, Any]]:
    """The turns of a row, with the words marked that another row has not."""
    told = _compared(base, example)[1] if base is not None else {}
    turns: list[dict[str, Any]] = _pane("", example, told, beside=base)["turns"]
    return turns


# ---------------------------------------------------------------------- panes


def _pane(
    title: str,
    example: Example,
    told: Told,
    *,
    beside: Example | None = None,
    mark: str = "diff",
    roles: frozenset[int] = frozenset(),
) -> dict[str, Any]:
    """A row as turns; of a long one those that are told of, and their neighbours.

    `mark` is a class for what the calls of the row `beside` have not, and for the `roles` of turns that are told of
    without a mark in their text.
    """
    turns = example.all_turns()
    others = beside.all_turns() if beside is not None else []
    chosen = _chosen(len(turns), sorted(n for n in told if any(c for c, _ in told[n])) or sorted(told))
    out: list[dict[str, Any]] = []
    last, size = -1, 0
    for number in chosen:
        if number > last + 1:
            out.append({"skip": number - last - 1})
        turn = turns[number]
        shown = told[number] if number in told else _spanned(turn.text, 0, 0)
        role_only = number in roles and number in told and not any(cls for cls, _ in shown)
        size += sum(len(text) for _, text in shown)
        if out and size > _ROW:
            shown = _short(shown)[:1]
        out.append(
            {
                "role": plain((turn.said if role_only else turn.role)[:40]),
                "roleClass": mark if role_only else "",
                "side": _side(example, number),
                "path": plain(turn.path),
                "parts": shown,
                "told": number in told,
                "calls": _calls(turn, others[number] if number < len(others) else None, mark),
            }
        )
        last = number
    if last < len(turns) - 1:
        out.append({"skip": len(turns) - 1 - last})
    return {"title": title, "turns": out}


def _calls(turn: Turn, beside: Turn | None, mark: str) -> list[list[Part]]:
    """The calls of a turn, each on a line; marked is what the calls of the other turn have not."""
    shown, others = ([_written(call) for call in each.calls[:_CALLS]] if each else [] for each in (turn, beside))
    others += [""] * (len(shown) - len(others))
    told = [
        differences(other if beside else text, text, mark, mark)[1] for text, other in zip(shown, others, strict=False)
    ]
    return told if len(turn.calls) <= _CALLS else [*told, parts(f"and {len(turn.calls) - _CALLS:,} more calls")]


def _written(call: Any) -> str:
    return clipped(f"{call.name}({_compact(call)})", _CALL)[0]


def _compact(call: Any) -> str:
    if call.raw is not None:
        return str(call.raw)
    try:
        return json.dumps(call.arguments, ensure_ascii=False)
    except (TypeError, ValueError):
        return ""


def _side(example: Example, number: int) -> str:
    """ "chosen" or "rejected" for an answer of a preference pair."""
    number -= len(example.turns)
    if number < 0:
        return ""
    return "chosen" if number < len(example.chosen) else "rejected"


def _chosen(count: int, told: Sequence[int]) -> list[int]:
    """The numbers of the turns to show."""
    if count <= _TURNS:
        return list(range(count))
    wanted: dict[int, None] = {}
    for number in told[:_TURNS]:
        for near in (number - 1, number, number + 1):
            if 0 <= near < count and len(wanted) < _TURNS:
                wanted[near] = None
    for number in range(count):
        if len(wanted) >= _TURNS // 2:
            break
        wanted[number] = None
    return sorted(wanted)


def _lines_pane(title: str, told: list[Part]) -> dict[str, Any]:
    return {
        "title": title,
        "turns": [
            {"role": "", "side": "", "path": "", "parts": _short(told), "told": True, "calls": [], "roleClass": ""}
        ],
    }


def _raw_pane(title: str, raw: bytes, f: Finding | None) -> dict[str, Any]:
    text = _text(raw)
    at = len(_text(raw[: f.byte])) if f is not None and f.byte is not None else 0
    told = _spanned(text, at, min(at + 1, len(text)) if at else 0)
    return _lines_pane(title, told)


def _render(render: trained.RenderShown) -> dict[str, Any]:
    told: list[Part] = []
    for part in render.parts:
        told += parts(clipped(part.text)[0], "trained" if part.trained else "")
    return {
        "template": plain(render.template),
        "error": parts(render.error),
        "parts": told,
        "trained": render.count(True),
        "rest": render.count(False),
    }


def _evidence(f: Finding) -> Iterator[tuple[str, list[Part]]]:
    for name, value in f.evidence.items():
        text = _listed(value)
        yield plain(name.replace("_", " ")), parts(text[:_EVIDENCE] + ("…" if len(text) > _EVIDENCE else ""))


def _listed(value: Any) -> str:
    """A value of the evidence in words: what is listed with commas, what belongs together with a stroke."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple) and value:
        inner = [" / ".join(map(_listed, each)) if isinstance(each, list | tuple) else _listed(each) for each in value]
        return ", ".join(inner)
    return msgspec.json.encode(value, enc_hook=str).decode("utf-8", "replace")


def _pretty(raw: bytes) -> str:
    value = parse(raw.removeprefix(BOM))
    if type(value) not in (dict, list):
        return _text(raw)
    try:
        return json.dumps(value, ensure_ascii=False, indent=2)
    except (ValueError, RecursionError):
        return _text(raw)


def _text(raw: bytes) -> str:
    return raw.removeprefix(BOM).decode("utf-8", "backslashreplace")


def _sendable(text: str) -> str:
    """The text without lone surrogates, which no message can carry."""
    return text.encode("utf-8", "backslashreplace").decode()

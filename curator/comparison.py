"""`curator diff`: what changed between two versions of a set, matched by content.

Rows are the same when their content ids are; the order of rows and of files does not matter. Rows
that are in one version only are paired as edits of each other by an id of their own, an equal prompt,
an equal answer or, last, likeness of wording.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from curator import engine, formats
from curator.columns import UNSET, content_id, parse
from curator.model import Example, Finding, Place
from curator.private.masking import masked_apart
from curator.report.tally import counted
from curator.sources import cut, open_sources, read, refuse_long
from curator.text.hashed import fold
from curator.text.worddiff import marked

if TYPE_CHECKING:
    from curator.config import Config

_ALIKE = 60.0  # percent: the least likeness of two rows that count as one, edited
_SPLITS = ("train", "valid", "test")
_KEYS = ("id", "uuid", "uid", "row_id", "example_id", "custom_id")


class RowAt(msgspec.Struct, frozen=True):
    """A row: its place, split, content id and the beginning of its first text."""

    place: Place
    split: str
    row: str
    shown: str


class TextEdit(msgspec.Struct, frozen=True):
    """A text of a row that changed: its path in the new row, and the change word by word."""

    path: str
    before: str
    after: str
    marked: str


class EditedRow(msgspec.Struct, frozen=True):
    """A row of the old version and what it became; `matched` says by what the two were paired."""

    old: RowAt
    new: RowAt
    matched: str
    texts: tuple[TextEdit, ...]


class MovedRow(msgspec.Struct, frozen=True):
    """The same row in another split."""

    old: RowAt
    new: RowAt


class Comparison(msgspec.Struct, frozen=True):
    """Two versions of a set. Every row of either is unchanged, moved, edited, added or removed."""

    old_rows: int
    new_rows: int
    unchanged: int
    added: tuple[RowAt, ...]
    removed: tuple[RowAt, ...]
    edited: tuple[EditedRow, ...]
    moved: tuple[MovedRow, ...]
    gained: tuple[Finding, ...]
    lost: tuple[Finding, ...]

    @property
    def leaks(self) -> tuple[MovedRow, ...]:
        """Rows, edited or not, that moved from a held-out split into training: old scores on the test set mean less."""
        moved = (*self.moved, *(MovedRow(edit.old, edit.new) for edit in self.edited))
        return tuple(m for m in moved if m.new.split == "train" and m.old.split in ("test", "valid"))

    @property
    def same(self) -> bool:
        return not (self.added or self.removed or self.edited or self.moved or self.gained or self.lost)


class _Row(msgspec.Struct, frozen=True):
    """A row while it is matched: `example` is None where it could not be read."""

    at: RowAt
    value: Any
    example: Example | None


def compare(old: Sequence[str | Path], new: Sequence[str | Path], config: Config, *, cache: bool = True) -> Comparison:
    """Compare two versions of a set.

    Raises:
        SourceError: a path is missing, or cannot be read as data.
    """
    ids_before, ids_after = list(_ids(old, config)), list(_ids(new, config))
    gone, come, moved, unchanged = _match_content(ids_before, ids_after)
    before = dict(_rows(old, config, gone))
    after = dict(_rows(new, config, come))
    moved_rows = _moved(old, new, config, moved)
    edited, removed, added = _pair(list(before.values()), list(after.values()))
    findings_old, findings_new = (engine.lint(paths, config, cache=cache).findings for paths in (old, new))
    was = {edit.new.place: edit.old.place for edit in edited}
    gained, lost = _but_same(_only(findings_new, findings_old), _only(findings_old, findings_new), was)
    return Comparison(
        len(ids_before),
        len(ids_after),
        unchanged,
        tuple(row.at for row in added),
        tuple(row.at for row in removed),
        tuple(sorted(edited, key=lambda e: (e.new.place.file, e.new.place.line))),
        moved_rows,
        gained,
        lost,
    )


# ---------------------------------------------------------------------- reading


def _lines(paths: Sequence[str | Path], config: Config) -> Iterator[tuple[Place, str, bytes, formats.Reader]]:
    """(place, split or "", raw line, its reader) of every line that holds something.

    A single file is no split of a set.
    """
    with open_sources(paths, config.excluded) as sources:
        refuse_long(sources)
        for source in sources:
            columns = engine.columns_of(source, config.map, forced=config.map_forced)
            reader, done = formats.Reader(config.shape, columns), 0
            for span in cut(source):
                lines = read(source, span).split(b"\n")
                numbers = source.lines(done, len(lines) - (lines[-1] == b""))
                done += len(numbers)
                for number, raw in zip(numbers, lines, strict=False):
                    if raw.strip():
                        split = source.split if len(sources) > 1 and source.split in _SPLITS else ""
                        yield Place(source.path, number), split, raw.removeprefix(b"\xef\xbb\xbf"), reader


def _ids(paths: Sequence[str | Path], config: Config) -> Iterator[tuple[bytes, str]]:
    """(content id, split) of every row."""
    for _, split, raw, _ in _lines(paths, config):
        yield content_id(parse(raw), raw), split


def _rows(paths: Sequence[str | Path], config: Config, wanted: Iterable[int]) -> Iterator[tuple[int, _Row]]:
    """The rows of these numbers (counted from 0 over the lines that hold something)."""
    left = set(wanted)
    if not left:
        return
    for number, (place, split, raw, reader) in enumerate(_lines(paths, config)):
        if number in left:
            value = parse(raw)
            example = reader.read(value) if isinstance(value, dict) else None
            row = content_id(value, raw).hex()
            yield number, _Row(RowAt(place, split, row, _shown(example, raw)), value, example)


def _shown(example: Example | None, raw: bytes) -> str:
    text = next((t.text for t in example.all_turns() if t.role == "user" and t.text), "") if example else ""
    return masked_apart(" ".join((text or raw.decode("utf-8", "replace"))[:1000].split()))[:100]


# ---------------------------------------------------------------------- matching


def _match_content(
    old: list[tuple[bytes, str]], new: list[tuple[bytes, str]]
) -> tuple[list[int], list[int], list[tuple[int, int]], int]:
    """(rows only in old, rows only in new, pairs that changed split, rows that stayed)."""
    waiting: dict[tuple[bytes, str], list[int]] = defaultdict(list)
    for number, key in enumerate(old):
        waiting[key].append(number)
    rest: list[int] = []
    stayed = 0
    for number, key in enumerate(new):
        if waiting[key]:
            waiting[key].pop(0)
            stayed += 1
        else:
            rest.append(number)
    elsewhere: dict[bytes, list[int]] = defaultdict(list)
    for (identity, _), numbers in waiting.items():
        elsewhere[identity] += numbers
    moved = [(elsewhere[new[n][0]].pop(0), n) for n in rest if elsewhere[new[n][0]]]
    arrived = {n for _, n in moved}
    gone = sorted(n for numbers in elsewhere.values() for n in numbers)
    return gone, [n for n in rest if n not in arrived], moved, stayed


def _moved(
    old: Sequence[str | Path], new: Sequence[str | Path], config: Config, pairs: list[tuple[int, int]]
) -> tuple[MovedRow, ...]:
    """The rows that changed split; a row that only changed file within a split has not moved."""
    if not pairs:
        return ()
    before = dict(_rows(old, config, [a for a, _ in pairs]))
    after = dict(_rows(new, config, [b for _, b in pairs]))
    return tuple(MovedRow(before[a].at, after[b].at) for a, b in pairs)


def _pair(old: list[_Row], new: list[_Row]) -> tuple[list[EditedRow], list[_Row], list[_Row]]:
    """Pairs of rows that are one row edited, and what stays unpaired on either side."""
    edited: list[EditedRow] = []
    ways: tuple[tuple[str, Callable[[_Row], Hashable | None]], ...] = (
        ("id", _own_id),
        ("prompt", _prompt),
        ("answer", _answer),
    )
    for name, key in ways:
        pairs, old, new = _pair_by(old, new, key)
        edited += [_edited(a, b, name) for a, b in pairs]
    pairs, old, new = _pair_alike(old, new)
    edited += [_edited(a, b, "wording") for a, b in pairs]
    return edited, old, new


Pairs = list[tuple[_Row, _Row]]


def _pair_by(
    old: list[_Row], new: list[_Row], key: Callable[[_Row], Hashable | None]
) -> tuple[Pairs, list[_Row], list[_Row]]:
    """Pair rows whose key is equal and stands once on either side."""
    left, right = Counter(map(key, old)), Counter(map(key, new))
    sure = {k for k in left if k is not None and left[k] == 1 and right[k] == 1}
    by_key = {k: row for row in old if (k := key(row)) in sure}
    pairs = [(by_key[k], row) for row in new if (k := key(row)) in sure]
    return pairs, [r for r in old if key(r) not in sure], [r for r in new if key(r) not in sure]


def _pair_alike(old: list[_Row], new: list[_Row]) -> tuple[Pairs, list[_Row], list[_Row]]:
    """Pair each new row with the likest old row, among those that share one of its rarer words."""
    from rapidfuzz import fuzz

    texts_old, texts_new = [_wording(row) for row in old], [_wording(row) for row in new]
    counts = Counter(word for text in (*texts_old, *texts_new) for word in set(text.split()))
    holders: dict[str, list[int]] = defaultdict(list)
    for number, text in enumerate(texts_old):
        for word in sorted(set(text.split()), key=lambda w: (counts[w], w))[:8]:
            holders[word].append(number)
    scored = []
    for number, text in enumerate(texts_new):
        near = Counter(o for word in set(text.split()) for o in holders.get(word, ())[:50])
        for candidate, _ in near.most_common(20):
            score = fuzz.ratio(texts_old[candidate], text, score_cutoff=_ALIKE)
            if score:
                scored.append((-score, number, candidate))
    taken_old: set[int] = set()
    taken_new: set[int] = set()
    pairs: Pairs = []
    for _, n, o in sorted(scored):
        if n not in taken_new and o not in taken_old:
            taken_new.add(n)
            taken_old.add(o)
            pairs.append((old[o], new[n]))
    rest_old = [row for number, row in enumerate(old) if number not in taken_old]
    return pairs, rest_old, [row for number, row in enumerate(new) if number not in taken_new]


def _own_id(row: _Row) -> Hashable | None:
    if isinstance(row.value, dict):
        for key in _KEYS:
            if isinstance(found := row.value.get(key), str | int):
                return key, found
    return None


def _prompt(row: _Row) -> Hashable | None:
    turns = [fold(t.text).strip() for t in row.example.turns if t.role == "user"] if row.example else []
    return tuple(turns) if any(turns) else None


def _answer(row: _Row) -> Hashable | None:
    turns = [fold(t.text).strip() for t in row.example.answers] if row.example else []
    return tuple(turns) if sum(map(len, turns)) >= 20 else None


def _wording(row: _Row) -> str:
    if row.example is None:
        return "" if row.value is UNSET else str(row.value)
    return "\n".join(fold(turn.text) for turn in row.example.all_turns())


def _edited(old: _Row, new: _Row, matched: str) -> EditedRow:
    return EditedRow(old.at, new.at, matched, tuple(_texts(old, new)) or (_beside_text(old, new),))


def _beside_text(old: _Row, new: _Row) -> TextEdit:
    """What differs where no text does (roles, keys, numbers): in the JSON of the rows."""
    before, after = (str(row.value) if row.value is UNSET else _spaced(row.value) for row in (old, new))
    before, after = masked_apart(before), masked_apart(after)
    return TextEdit("row", before, after, marked(before, after))


def _spaced(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _texts(old: _Row, new: _Row) -> Iterator[TextEdit]:
    """The texts that differ, turn by turn; turns that only one side has count as empty on the other."""
    before = list(old.example.all_turns()) if old.example else []
    after = list(new.example.all_turns()) if new.example else []
    for place in range(max(len(before), len(after))):
        one = before[place] if place < len(before) else None
        two = after[place] if place < len(after) else None
        texts = (one.text if one else "", two.text if two else "")
        if texts[0] != texts[1]:
            known = two or one
            assert known is not None
            shown = masked_apart(texts[0]), masked_apart(texts[1])
            yield TextEdit(known.path, *shown, marked(*shown))


def _only(these: Iterable[Finding], those: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of `these` that are not in `those`, by identity and count.

    What is said once, of no place in a row and of no other row, is of the set: it is the same finding at
    whichever row it stands.
    """
    these, those = list(these), list(those)
    known = Counter(finding.id for finding in those)
    of_set = _said_once(these) & _said_once(those)
    found: list[Finding] = []
    for finding in these:
        if known[finding.id]:
            known[finding.id] -= 1
        elif (finding.code, finding.message) not in of_set:
            found.append(finding)
    return tuple(found)


def _but_same(
    gained: Sequence[Finding], lost: Sequence[Finding], was: Mapping[Place, Place]
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Without the findings that an edited row had and still has: its content is new, what is said of it is not."""
    before = Counter((Place(f.file, f.line), f.code, f.path, f.message) for f in lost)
    kept: Counter[tuple[Place, str, str, str]] = Counter()
    new = []
    for finding in gained:
        here = Place(finding.file, finding.line)
        key = (was.get(here, here), finding.code, finding.path, finding.message)
        if here in was and kept[key] < before[key]:
            kept[key] += 1
        else:
            new.append(finding)
    gone = []
    for finding in lost:
        key = (Place(finding.file, finding.line), finding.code, finding.path, finding.message)
        if kept[key]:
            kept[key] -= 1
        else:
            gone.append(finding)
    return tuple(new), tuple(gone)


def _said_once(findings: Iterable[Finding]) -> set[tuple[str, str]]:
    said = Counter((f.code, f.message) for f in findings if not f.path and not f.related)
    return {each for each, times in said.items() if times == 1}


# ---------------------------------------------------------------------- showing


def as_json(result: Comparison) -> bytes:
    """The comparison as one JSON object."""
    counts = {name: len(getattr(result, name)) for name in ("added", "removed", "edited", "moved", "gained", "lost")}
    body = {
        "old_rows": result.old_rows,
        "new_rows": result.new_rows,
        "unchanged": result.unchanged,
        "counts": {**counts, "leaks": len(result.leaks)},
        "added": result.added,
        "removed": result.removed,
        "edited": result.edited,
        "moved": result.moved,
        "gained": [_brief(finding) for finding in result.gained],
        "lost": [_brief(finding) for finding in result.lost],
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"


def _brief(finding: Finding) -> dict[str, Any]:
    keys = ("code", "name", "severity", "file", "line", "path", "message", "id", "row")
    return {key: getattr(finding, key) for key in keys}


def as_text(result: Comparison) -> str:
    """The comparison for a terminal: counts first, then every row."""
    lines = [_summary(result)]
    for edit in result.edited:
        lines.append(f"~ {_place(edit.new)} (was {_place(edit.old)}; same {edit.matched})")
        lines += [f"    {text.path}: {text.marked}" for text in edit.texts]
    lines += [f"> {_place(m.new)} moved {_way(m)}: {m.new.shown}" for m in result.moved]
    lines += [f"- {_place(row)} {row.shown}" for row in result.removed]
    lines += [f"+ {_place(row)} {row.shown}" for row in result.added]
    lines += [f"new   {f.file}:{f.line} {f.code} {f.name}: {f.message}" for f in result.gained]
    lines += [f"gone  {f.file}:{f.line} {f.code} {f.name}: {f.message}" for f in result.lost]
    return "\n".join(lines) + "\n"


def as_markdown(result: Comparison) -> str:
    """The comparison as a comment for a pull request."""
    lines = ["### Data changes", "", "| | rows |", "|---|---:|"]
    lines += [f"| {name} | {count:,} |" for name, count in _counts(result)]
    if result.leaks:
        lines += ["", f"**{counted(len(result.leaks), 'row')} moved from a held-out split into training.**"]
    by_code: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    names: dict[str, str] = {}
    for side, findings in enumerate((result.gained, result.lost)):
        for finding in findings:
            by_code[finding.code][side] += 1
            names[finding.code] = finding.name
    if by_code:
        lines += ["", "| finding | new | gone |", "|---|---:|---:|"]
        lines += [f"| {code} {names[code]} | {new} | {gone} |" for code, (new, gone) in sorted(by_code.items())]
    sections = (
        ("Edited", [f"{_place(e.new)}: {_code(t.marked)}" for e in result.edited for t in e.texts]),
        (
            "Moved",
            [f"{_place(m.new)} {_way(m)}: {_code(m.new.shown)}" for m in result.moved],
        ),
        ("Removed", [f"{_place(row)}: {_code(row.shown)}" for row in result.removed]),
        ("Added", [f"{_place(row)}: {_code(row.shown)}" for row in result.added]),
        ("New findings", [f"{f.file}:{f.line} {f.code} {_code(f.message)}" for f in result.gained]),
    )
    for title, items in sections:
        if items:
            lines += ["", f"<details><summary>{title} ({len(items):,})</summary>", ""]
            lines += [f"- {item}" for item in items]
            lines += ["", "</details>"]
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    """Text of the data as a code span, which Markdown does not interpret."""
    text = " ".join(text.split())
    ticks = "`" * (max((len(run) for run in _runs_of_ticks(text)), default=0) + 1)
    return f"{ticks} {text} {ticks}"


def _runs_of_ticks(text: str) -> list[str]:
    return [run for run in "".join(c if c == "`" else " " for c in text).split() if run]


def _counts(result: Comparison) -> list[tuple[str, int]]:
    return [
        ("before", result.old_rows),
        ("after", result.new_rows),
        ("unchanged", result.unchanged),
        ("added", len(result.added)),
        ("removed", len(result.removed)),
        ("edited", len(result.edited)),
        ("moved to another split", len(result.moved)),
    ]


def _summary(result: Comparison) -> str:
    if result.same:
        return f"the same: {result.new_rows:,} rows, in whatever order"
    rows = ", ".join(f"{count:,} {name}" for name, count in _counts(result)[2:] if count)
    leaks = f"\n{counted(len(result.leaks), 'row')} moved from a held-out split into training" if result.leaks else ""
    findings = f"findings: {len(result.gained):,} new, {len(result.lost):,} gone"
    return f"{result.old_rows:,} rows → {result.new_rows:,} rows: {rows or 'no row changed'}\n{findings}{leaks}"


def _way(moved: MovedRow) -> str:
    return f"from {moved.old.split or 'no split'} to {moved.new.split or 'no split'}"


def _place(row: RowAt) -> str:
    return f"{row.place.file}:{row.place.line}"

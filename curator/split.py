"""Splits a set into train, valid and test without leaks between them.

Rows that would give each other away (the same row, nearly the same, the same prompt, document or
conversation) form a group, and a group goes into one split as a whole. Where it goes depends on a hash of
its own content and the seed alone: the order of the rows does not matter, and rows that are added move no
others. What was split before keeps its place through `split.json`. Nothing is put in place before the
rules on leaks have found none.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from curator import __version__, engine, formats
from curator.checks.splits import GroupLeak, NearLeak
from curator.cleaning import Rejected, rejected_line
from curator.columns import UNSET, mix, parse
from curator.config import Selection
from curator.docs import find
from curator.errors import CuratorError, MissingExtraError, SourceError, UsageError, WriteError
from curator.grouping import KINDS, Clash, Groups, Ties, clashes, groups, ties
from curator.provenance import said, value_at
from curator.rows import SetRows
from curator.sources import Source, open_sources
from curator.writing import Replacement

if TYPE_CHECKING:
    from curator.config import Config, Plan

SPLITS = ("train", "valid", "test")
RECORD, ASIDE, REJECTED, DATASET = "split.json", "aside.jsonl", "rejected.jsonl", "dataset"
LEAKS = ("SPT001", "SPT002", "SPT003", "SPT004")
SMALLEST = 4  # rows of a held-out split, where nothing is asked and the set has so many to give
_ROUNDS = 4  # draws, each with the leaks tied that the proof of the one before found
LARGEST = 4  # a group of more than a quarter of the rows is trained on


class Wish(msgspec.Struct, frozen=True):
    """What a split is to be like.

    `ratio` weighs train, valid and test; `count`, where given, is the number of rows of valid and test in its
    place. `min_rows` is the least a split may have (0: four, where the set has them to give). `stratify` is
    "source", "language", "label", "length" or a key of the rows; `group_by` names keys whose values stay
    together, `allow` codes of leaks that do not matter here.
    """

    ratio: tuple[float, ...] = (80, 10, 10)
    count: tuple[int, ...] | None = None
    seed: int = 0
    stratify: str = ""
    group_by: tuple[str, ...] = ()
    min_rows: int = 0
    allow: tuple[str, ...] = ()


class File(msgspec.Struct, frozen=True):
    """A file read or written: its rows, and the hash that `sha256sum` prints."""

    path: str
    rows: int
    bytes: int
    sha256: str
    groups: int = 0
    tokens: int = 0


class Kept(msgspec.Struct, frozen=True):
    """The record whose splits were kept, and how many rows were found again."""

    record: str = ""
    rows: int = 0


class SplitResult(msgspec.Struct, frozen=True):
    """What `split` did. `outputs` is by split; `tied` counts the rows by what ties them to others.

    `groups` counts the groups; `proof` counts, for each rule on leaks, its findings in what was written: all 0.
    """

    folder: str
    wish: Wish
    inputs: tuple[File, ...]
    outputs: dict[str, File]
    groups: int
    tied: dict[str, int]
    proof: dict[str, int]
    kept: Kept = Kept()
    aside: int = 0
    rejected: int = 0
    dataset: str = ""


class _Record(msgspec.Struct, frozen=True):
    """What a later split reads of split.json."""

    curator: str
    wish: Wish
    outputs: dict[str, File]
    others: dict[str, str] = {}
    groups: dict[str, list[list[str]]] = {}


def split(
    paths: Sequence[str | Path],
    out: str | Path,
    config: Config,
    wish: Wish | None = None,
    *,
    keep: str | Path | None = None,
    fresh: bool = False,
    dataset: bool = False,
    force: bool = False,
    workers: int | None = None,
) -> SplitResult:
    """Write train.jsonl, valid.jsonl and test.jsonl with the record split.json into the folder `out`.

    Rows keep their bytes and, within a file, their order. A record in `out`, or the one that `keep` names,
    is honoured: rows it lists keep their split, and a new row that would join two splits is set aside in
    aside.jsonl. `fresh` passes it over. Lines that are no rows go to rejected.jsonl.

    Raises:
        SourceError: a path is missing, cannot be read as data, or holds no rows of a known shape.
        UsageError: what is asked for cannot be done with these rows, or would overwrite other files.
        ChangedError: a file changed while it was read.
        WriteError: an output could not be written; none is.
    """
    wish = _judged(wish or Wish())
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise UsageError("the splits go into a folder, and this is a file", where=str(out), hint="name a folder")
    last = _last(folder, keep, fresh)
    plan = _plan(config, wish)
    with open_sources(paths, config.excluded) as opened:
        sources = list(opened)
        _refuse_overwriting(sources, folder, force, dataset)
        with engine.scanned(sources, plan, workers=workers) as rows:
            _refuse_unreadable(rows, sources)
            draw = _Draw(rows, wish, plan, last, sources)
            for _ in range(_ROUNDS):
                writer = _Writer(sources, rows, draw.run(), folder, plan, wish, last)
                result = writer.write(dataset)
                if result is not None:
                    return result
                draw.tie(writer.leaks)
    raise CuratorError(f"the proof failed: {writer.leaks[:3]}", hint="nothing was written; please report this")


def _plan(config: Config, wish: Wish) -> Plan:
    """The rules on leaks, with the options the configuration gives them, whatever else it leaves out."""
    replace = msgspec.structs.replace
    plan = replace(
        config, profile="default", select=LEAKS, ignore=(), extend_select=(), level=None, severity={},
        per_file_ignores={}, limits={}, then=Selection(),
    ).plan()  # fmt: skip
    rules = [
        replace(rule, keys=(*rule.keys, *wish.group_by)) if isinstance(rule, GroupLeak) else rule for rule in plan.rules
    ]
    return replace(plan, rules=tuple(rules))


def _judged(wish: Wish) -> Wish:
    """The wish in its plain form. Raises UsageError where it makes no sense."""
    ratio = (*wish.ratio, 0.0, 0.0)[:3]
    if len(wish.ratio) > 3 or not all(0 <= part < float("inf") for part in ratio) or not ratio[0] or not sum(ratio[1:]):
        hint = "write the shares of train, valid and test: 80/10/10, or 90/10 without a test split"
        raise UsageError(f"no ratio of splits: {'/'.join(f'{part:g}' for part in wish.ratio)}", hint=hint)
    if wish.count is not None and (len(wish.count) > 2 or min(wish.count) < 0 or not sum(wish.count)):
        hint = "write the rows of valid and test: 200/100, or 200 without a test split"
        raise UsageError(f"no numbers of rows: {'/'.join(map(str, wish.count))}", hint=hint)
    count = None if wish.count is None else (*wish.count, 0)[:2]
    allow = tuple(sorted({find(name).code for name in wish.allow}))
    if wrong := [code for code in allow if code not in LEAKS[1:]]:
        raise UsageError(f"{wrong[0]} is no leak that can be allowed", hint=f"those are {', '.join(LEAKS[1:])}")
    return msgspec.structs.replace(wish, ratio=ratio, count=count, allow=allow)


def _last(folder: Path, keep: str | Path | None, fresh: bool) -> tuple[str, _Record] | None:
    """The record to keep to, with its path."""
    path = Path(keep) if keep else folder / RECORD
    if fresh or (not keep and not path.exists()):
        return None
    try:
        return str(path), msgspec.json.decode(path.read_bytes(), type=_Record)
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}", where=str(path), hint="name the split.json of a split"
        ) from None
    except msgspec.DecodeError as error:
        hint = "--fresh splits without it; --keep names another record"
        raise SourceError(f"no record of a split: {error}", where=str(path), hint=hint) from None


def _refuse_overwriting(sources: Sequence[Source], folder: Path, force: bool, dataset: bool) -> None:
    """Only files that the last split wrote, and nobody has changed since, are overwritten unasked."""
    names = [f"{name}.jsonl" for name in SPLITS] + [ASIDE, REJECTED, RECORD]
    read = {Path(source.path).resolve() for source in sources if source.path != "-"}
    for name in names:
        if (folder / name).resolve() in read:
            raise UsageError(
                "the splits would overwrite the data", where=str(folder / name), hint="name another folder"
            )
    if force:
        return
    there = [name for name in names if (folder / name).exists()]
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=_Record)
        ours = {file.path: file.sha256 for file in record.outputs.values()} | record.others | {RECORD: ""}
    except (OSError, msgspec.DecodeError):
        ours = {}
    for name in there:
        if name not in ours:
            hint = "name another folder, or overwrite it: --force"
            raise UsageError("this file is not from a split", where=str(folder / name), hint=hint)
        if ours[name] and ours[name] != _sha256(folder / name):
            hint = "mend the data that were split and not the splits, or overwrite it: --force"
            raise UsageError("this file was changed after the split", where=str(folder / name), hint=hint)
    if dataset and (folder / DATASET).exists() and not (folder / DATASET / "dataset_dict.json").exists():
        raise UsageError("this is no saved dataset", where=str(folder / DATASET), hint="move it away, or --force")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# ---------------------------------------------------------------------- who goes where


class _Drawn(NamedTuple):
    """Where every row goes: an index into SPLITS, -1 for lines that are no rows and rows set aside."""

    split: np.ndarray  # int8, shape (rows,)
    groups: Groups
    tied: Ties
    aside: list[Clash]
    kept: int


class _Draw:
    """Draws a split for every group of rows."""

    def __init__(
        self,
        rows: SetRows,
        wish: Wish,
        plan: Plan,
        last: tuple[str, _Record] | None,
        sources: Sequence[Source],
    ) -> None:
        self.rows, self.wish, self.last, self.sources = rows, wish, last, sources
        like = next((rule for rule in plan.rules if isinstance(rule, NearLeak)), None)
        self.kept = self._kept()
        self.tied = ties(rows, rows.sketches("SPT004"), wish.allow, like).unless_near(self.kept >= 0)

    def tie(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Tie pairs of rows that were not: what is alike depends a little on the rows around it."""
        self.tied = self.tied.tie(pairs)

    def run(self) -> _Drawn:
        rows, wanted = self.rows, self.rows.readable.copy()
        tied, kept = self.tied, self.kept
        aside = clashes(tied, kept, _rank(rows.ids)) if self.last else []
        if aside:
            gone = np.zeros(len(wanted), dtype=bool)
            gone[[clash.row for clash in aside]] = True
            tied, wanted = tied.without(gone), wanted & ~gone
        found = groups(tied, wanted)
        split = self._assign(found, kept)
        of_row = np.where(found.of_row >= 0, split[found.of_row], -1).astype(np.int8)
        return _Drawn(of_row, found, tied, aside, int((kept >= 0).sum()))

    def _kept(self) -> np.ndarray:
        """int64, one a row: the split a row had before, -1 for new rows."""
        out = np.full(len(self.rows.readable), -1)
        if self.last is None:
            return out
        places = {
            row: SPLITS.index(name)
            for name, members in self.last[1].groups.items()
            for group in members
            for row in group[1:]
        }
        for index in np.flatnonzero(self.rows.readable).tolist():
            out[index] = places.get(self.rows.content_id(index), -1)
        return out

    # ------------------------------------------------------------------ groups to splits

    def _assign(self, found: Groups, kept: np.ndarray) -> np.ndarray:
        """int8, one a group."""
        total = int(found.sizes.sum())
        parts = [k for k in range(3) if self._share(k, total) > 0]
        if len(found.sizes) < len(parts):
            raise _too_few(found, len(parts))
        split = np.full(len(found.sizes), -1, np.int8)
        old = np.flatnonzero((kept >= 0) & (found.of_row >= 0))
        split[found.of_row[old]] = kept[old]
        self._by_anchor(found, split)
        new = split < 0
        split[new & (found.sizes * LARGEST > total)] = 0
        self._pinned = split >= 0
        if self.wish.stratify:
            self._in_strata(found, split)
        elif self.wish.count is not None:
            self._to_count(found, split)
        else:
            self._by_chance(found, split)
        self._fill(found, split, parts)
        return split

    def _share(self, k: int, total: int) -> float:
        """The share of the rows that split k is to have."""
        if self.wish.count is None:
            return self.wish.ratio[k] / sum(self.wish.ratio)
        return self.wish.count[k - 1] / total if k else max(0.0, 1 - sum(self.wish.count) / total)

    def _by_anchor(self, found: Groups, split: np.ndarray) -> None:
        """A group all of whose rows were changed since is known by its anchor."""
        if self.last is None:
            return
        known = {group[0]: SPLITS.index(name) for name, members in self.last[1].groups.items() for group in members}
        for n in np.flatnonzero(split < 0).tolist():
            split[n] = known.get(_hex(found.anchors[n]), -1)

    def _chance(self, found: Groups, salt: str) -> np.ndarray:
        """float64 in [0, 1), one a group: depends on the group's anchor, the seed and the salt alone."""
        digest = hashlib.blake2b(f"{self.wish.seed} {salt}".encode(), digest_size=8).digest()
        mixed = mix(mix(found.anchors + np.frombuffer(digest, "<u8")))
        chance: np.ndarray = (mixed >> np.uint64(11)).astype(np.float64) / float(1 << 53)
        return chance

    def _by_chance(self, found: Groups, split: np.ndarray) -> None:
        """Each group by itself: what the others are, or how many, does not matter."""
        chance = self._chance(found, "split")
        test = self._share(2, 1)
        drawn = np.where(chance < test, 2, np.where(chance < test + self._share(1, 1), 1, 0))
        split[split < 0] = drawn[split < 0]

    def _to_count(self, found: Groups, split: np.ndarray) -> None:
        """Groups in order of their hash, while they fit."""
        assert self.wish.count is not None
        for k in (2, 1):
            want = self.wish.count[k - 1] - int(found.sizes[split == k].sum())
            for n in self._in_order(found, np.flatnonzero(split < 0), SPLITS[k]):
                if found.sizes[n] <= want:
                    split[n] = k
                    want -= int(found.sizes[n])
            if want > 0:
                what = f"{self.wish.count[k - 1]:,} rows for {SPLITS[k]}"
                hint = f"{want:,} are missing: the groups left are larger, or all rows are taken; ask for other numbers"
                raise UsageError(f"the groups do not come to {what}", hint=hint)
        split[split < 0] = 0

    def _in_strata(self, found: Groups, split: np.ndarray) -> None:
        """Stratum by stratum, each group to the split that lacks most of its share so far."""
        strata = self._strata(found)
        total = int(found.sizes.sum())
        shares = np.array([self._share(k, total) for k in range(3)])
        lacks = np.zeros(3)
        chance = self._chance(found, "stratum")
        for n in sorted(range(len(split)), key=lambda n: (strata[n], chance[n])):
            lacks += shares * found.sizes[n]
            if split[n] < 0:
                split[n] = int(np.argmax(lacks))
            lacks[split[n]] -= found.sizes[n]

    def _strata(self, found: Groups) -> list[str]:
        """What the row with the smallest content id of each group says of the key to stratify by."""
        rows, wish = self.rows, self.wish
        rank = _rank(rows.ids)
        out = [""] * len(found.sizes)
        best = [len(rank)] * len(found.sizes)
        seen = False
        for index in np.flatnonzero(found.of_row >= 0).tolist():
            n = int(found.of_row[index])
            value = self._stratum(index)
            seen = seen or value is not None
            if rank[index] < best[n]:
                best[n], out[n] = int(rank[index]), value or ""
        if not seen:
            keys = sorted({key for row in self._first() for key in row})
            hint = f"keys of the rows: {', '.join(map(repr, keys[:12]))}; a key below another is written meta.lang"
            raise UsageError(f"no row says its {wish.stratify}", where="--stratify", hint=hint)
        return out

    def _first(self) -> Iterator[dict[str, Any]]:
        for index in np.flatnonzero(self.rows.readable)[:100].tolist():
            yield self.rows.value_and_raw(index)[0]

    def _stratum(self, index: int) -> str | None:
        rows, key = self.rows, self.wish.stratify
        if key == "length":
            return f"{int(rows.tokens[index]).bit_length():02}"
        value, _ = rows.value_and_raw(index)
        if (found := value_at(value, key)) is not None:
            return found
        if key == "label" and (label := rows.example(index).label) is not None:
            return str(label)
        if (found := next((item.value for item in said(value) if item.kind == key), None)) is not None:
            return found
        return self.sources[rows.source_of(index)].path if key == "source" and len(self.sources) > 1 else None

    def _fill(self, found: Groups, split: np.ndarray, parts: Sequence[int]) -> None:
        """No split is smaller than asked: groups come from the largest others, in order of their hash."""
        total = int(found.sizes.sum())
        for k in (2, 1, 0):
            if k not in parts:
                continue
            least = self.wish.min_rows or (max(1, min(SMALLEST, int(self._share(k, total) * total))) if k else 1)
            donor = 0 if k else int(np.argmax([0, *(found.sizes[split == other].sum() for other in (1, 2))]))
            free = np.flatnonzero((split == donor) & ~self._pinned)
            for n in self._in_order(found, free, f"{SPLITS[k]} filled"):
                if found.sizes[split == k].sum() >= least:
                    break
                if found.sizes[split == donor].sum() - found.sizes[n] >= max(1, self.wish.min_rows):
                    split[n] = k
            if (has := int(found.sizes[split == k].sum())) < least:
                kept = "; --fresh draws the kept rows anew" if self.last else ""
                raise UsageError(
                    f"{SPLITS[k]} would have {has:,} rows, and {least:,} are the least",
                    hint=f"{total:,} rows in {len(split):,} groups do not give more: lower --min-rows, ask for fewer "
                    f"splits (--ratio 90/10), or add data{kept}",
                )

    def _in_order(self, found: Groups, of: np.ndarray, salt: str) -> list[int]:
        order: list[int] = of[np.argsort(self._chance(found, salt)[of], kind="stable")].tolist()
        return order


def _rank(ids: np.ndarray) -> np.ndarray:
    """int64, one a row: the place of each content id among all; equal rows rank as they stand."""
    order = np.lexsort(ids.T[::-1])
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return rank


def _hex(anchor: np.uint64) -> str:
    return f"{int(anchor):016x}"


def _too_few(found: Groups, parts: int) -> UsageError:
    rows = int(found.sizes.sum())
    if rows < parts:
        return UsageError(f"{rows} rows cannot be parted in {parts}", hint="add data, or --ratio 90/10 for two splits")
    return UsageError(
        f"the {rows:,} rows form {len(found.sizes)} groups that must not be parted, and {parts} splits are asked for",
        hint="rows that ask the same stay together: if the prompt is an instruction of the set, --allow prompt-leak",
    )


def _refuse_unreadable(rows: SetRows, sources: Sequence[Source]) -> None:
    if not rows.readable.any():
        values = [value for source in sources for value in engine.sampled(source)]
        if not values:
            raise SourceError("the data hold no rows", where=sources[0].path, hint="see why: curator lint PATH")
        raise SourceError("the rows are in no known shape", where=sources[0].path, hint=formats.how_to_map(values))


# ---------------------------------------------------------------------- writing


class _Writer:
    """Writes the splits beside their places, proves them, and only then puts them in place."""

    def __init__(
        self,
        sources: Sequence[Source],
        rows: SetRows,
        drawn: _Drawn,
        folder: Path,
        plan: Plan,
        wish: Wish,
        last: tuple[str, _Record] | None,
    ) -> None:
        self.sources, self.rows, self.drawn, self.folder = sources, rows, drawn, folder
        self.plan, self.wish, self.last = plan, wish, last
        self.names = [name for k, name in enumerate(SPLITS) if (drawn.split == k).any()]
        self.counts: Counter[str] = Counter()
        self.leaks: list[tuple[int, int]] = []

    def write(self, dataset: bool) -> SplitResult | None:
        """None where the proof found leaks: nothing is put in place then."""
        with ExitStack() as stack:
            new = {
                name: stack.enter_context(Replacement(self.folder / name))
                for name in [*(f"{name}.jsonl" for name in self.names), ASIDE, REJECTED, RECORD]
            }
            self._write_lines(new)
            proof = self._proof(new)
            for source in self.sources:
                source.check_unchanged()
            if self.leaks:
                return None
            result = self._result(new, proof)
            others = {name: _sha256(new[name].passing) for name in (ASIDE, REJECTED) if self.counts[name]}
            new[RECORD].file.writelines(self._record(result, others))
            if dataset:
                save_dataset({name: new[f"{name}.jsonl"].passing for name in self.names}, self.folder / DATASET)
                result = msgspec.structs.replace(result, dataset=str(self.folder / DATASET))
            for name, output in new.items():
                if name in (ASIDE, REJECTED) and not self.counts[name]:
                    (self.folder / name).unlink(missing_ok=True)
                else:
                    output.commit()
            for name in SPLITS:
                if name not in self.names:
                    (self.folder / f"{name}.jsonl").unlink(missing_ok=True)
        return result

    def _write_lines(self, new: dict[str, Replacement]) -> None:
        aside = {clash.row: clash for clash in self.drawn.aside}
        of_row = self.drawn.split.tolist()
        files = [new[f"{name}.jsonl"].file if name in self.names else None for name in SPLITS]
        for index, line in enumerate(self.rows.lines()):
            k = of_row[index]
            if k >= 0:
                file = files[k]
                assert file is not None
                file.write(line + b"\n")
            elif index in aside:
                new[ASIDE].file.write(rejected_line(self._aside(aside[index], *self._place(index)), line))
                self.counts[ASIDE] += 1
            elif line.strip():
                new[REJECTED].file.write(rejected_line(_rejected(line, *self._place(index)), line))
                self.counts[REJECTED] += 1

    def _place(self, index: int) -> tuple[str, int]:
        """The path and the physical line of a line of the set."""
        owner = self.rows.source_of(index)
        source = self.sources[owner]
        first = int(np.searchsorted(self.rows.owners, owner))
        return source.path, source.lines(index - first, 1)[0]

    def _aside(self, clash: Clash, path: str, line: int) -> Rejected:
        splits = [SPLITS[self.drawn.split[row]] for row in clash.joined]
        rows = [self.rows.content_id(row)[:12] for row in clash.joined]
        where = " and ".join(f"row {row} of {name}" for row, name in zip(rows, splits, strict=True))
        return Rejected(path, line, ("SPT",), (f"belongs with {where}, which the last split put apart",))

    def _proof(self, new: dict[str, Replacement]) -> dict[str, int]:
        """Findings of the rules on leaks in what was written: the plan's own, over the files as they are."""
        written = [
            Source(str(self.folder / f"{name}.jsonl"), name, "jsonl", None, new[f"{name}.jsonl"].passing, None)
            for name in self.names
        ]
        rules = tuple(rule for rule in self.plan.rules if rule.code not in self.wish.allow)
        shape = next(iter(self.rows.shapes)) if len(self.rows.shapes) == 1 else self.plan.shape
        report = engine.lint_sources(written, msgspec.structs.replace(self.plan, rules=rules, shape=shape))
        rows = [np.flatnonzero(self.drawn.split == SPLITS.index(name)) for name in self.names]
        if report.rows != sum(map(len, rows)):
            what = f"{report.rows:,} rows can be read where {sum(map(len, rows)):,} were written"
            raise CuratorError(what, where=str(self.folder), hint="nothing was written; please report this")
        at = {source.path: mine for source, mine in zip(written, rows, strict=True)}
        self.leaks = [
            (int(at[finding.file][finding.line - 1]), int(at[place.file][place.line - 1]))
            for finding in report.findings
            for place in finding.related
        ]
        return {stat.code: stat.findings for stat in report.rules}

    def _result(self, new: dict[str, Replacement], proof: dict[str, int]) -> SplitResult:
        outputs = {}
        for k, name in enumerate(SPLITS):
            if name in self.names:
                mine = self.drawn.split == k
                path = new[f"{name}.jsonl"].passing
                outputs[name] = File(
                    f"{name}.jsonl",
                    int(mine.sum()),
                    path.stat().st_size,
                    _sha256(path),
                    len(np.unique(self.drawn.groups.of_row[mine])),
                    int(self.rows.tokens[mine].sum()),
                )
        counts = np.bincount(self.rows.owners[self.rows.readable], minlength=len(self.sources)).tolist()
        inputs = [File(source.path, counts[n], *_measured(source)) for n, source in enumerate(self.sources)]
        return SplitResult(
            folder=str(self.folder),
            wish=self.wish,
            inputs=tuple(inputs),
            outputs=outputs,
            groups=len(self.drawn.groups.sizes),
            tied=_tied(self.drawn.tied, len(self.rows.readable)),
            proof=proof,
            kept=Kept(self.last[0], self.drawn.kept) if self.last else Kept(),
            aside=self.counts[ASIDE],
            rejected=self.counts[REJECTED],
        )

    def _record(self, result: SplitResult, others: dict[str, str]) -> Iterator[bytes]:
        """split.json, with a group a line: its anchor and the content ids of its rows."""
        head = {
            "curator": __version__,
            **msgspec.to_builtins(result),
            "proof": {
                "command": f"curator lint {self.folder} --select {','.join(result.proof)}",
                "findings": result.proof,
            },
            "others": others,
        }
        del head["folder"], head["groups"]
        yield msgspec.json.format(msgspec.json.encode(head), indent=1).removesuffix(b"\n}") + b',\n "groups": {'
        found = self.drawn.groups
        members: list[list[str]] = [[] for _ in found.sizes]
        for index in np.flatnonzero(found.of_row >= 0).tolist():
            members[found.of_row[index]].append(self.rows.content_id(index))
        where = np.full(len(members), -1)
        where[found.of_row[found.of_row >= 0]] = self.drawn.split[found.of_row >= 0]
        for number, name in enumerate(self.names):
            yield b",\n" if number else b"\n"
            yield f'  "{name}": ['.encode()
            mine = np.flatnonzero(where == SPLITS.index(name)).tolist()
            for n, group in enumerate(mine):
                line = msgspec.json.encode([_hex(found.anchors[group]), *sorted(members[group])])
                yield (b",\n   " if n else b"\n   ") + line
            yield b"\n  ]"
        yield b"\n }\n}\n"


def _rejected(line: bytes, path: str, number: int) -> Rejected:
    value = parse(line)
    if value is UNSET:
        return Rejected(path, number, ("FIL001",), ("no JSON",))
    if type(value) is not dict:
        return Rejected(path, number, ("FIL002",), ("no JSON object",))
    return Rejected(path, number, ("SCH001",), ("in no known shape",))


def _measured(source: Source) -> tuple[int, str]:
    """(bytes, SHA-256) of the user's file, or of what came through a pipe."""
    path = source.data if source.path == "-" else Path(source.path)
    return path.stat().st_size, _sha256(path)


def _tied(tied: Ties, count: int) -> dict[str, int]:
    """How many rows each kind of tie joins to others."""
    shared = np.bincount(tied.nodes, minlength=tied.count)
    out = {}
    for number, kind in enumerate(KINDS):
        mine = tied.kinds == number
        near = mine & (tied.nodes < count)
        keyed = mine & (tied.nodes >= count) & (shared[tied.nodes] > 1)
        if rows := len(np.unique(np.concatenate((tied.rows[near], tied.nodes[near], tied.rows[keyed])))):
            out[kind] = rows
    return out


def save_dataset(files: dict[str, Path], folder: Path) -> None:
    """Save JSONL files, by split, as a `datasets.DatasetDict`, which takes the place of what is there.

    Raises:
        MissingExtraError: `datasets` is not installed.
        WriteError: the rows do not fit one Arrow schema, or the folder cannot be written.
    """
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("--to dataset", "data") from None
    import shutil
    import tempfile

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dataset-", dir=folder.parent) as passing:
            datasets.disable_progress_bars()
            made = {
                name: datasets.Dataset.from_list([msgspec.json.decode(line) for line in path.open("rb")])
                for name, path in files.items()
            }
            datasets.DatasetDict(made).save_to_disk(Path(passing, "new"))
            if folder.exists():
                folder.rename(Path(passing, "old"))
            shutil.move(Path(passing, "new"), folder)
    except (OSError, ValueError, TypeError) as error:  # pyarrow's errors are ValueErrors and TypeErrors
        said_ = " ".join(str(error).split())[:200]
        hint = "rows of different structure fit no Arrow table: bring them to one shape, or leave out --to dataset"
        raise WriteError(f"no dataset could be made: {said_}", where=str(folder), hint=hint) from None


# ---------------------------------------------------------------------- what is printed


def as_json(result: SplitResult) -> bytes:
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def as_text(result: SplitResult) -> str:
    """The sizes, what ties rows together, and the proof, for a terminal."""
    total = sum(file.rows for file in result.outputs.values())
    lines = [f"{'split':<7}{'rows':>9}{'share':>8}{'groups':>9}{'tokens':>13}  file"]
    lines += [
        f"{name:<7}{file.rows:>9,}{file.rows / total:>8.1%}{file.groups:>9,}{file.tokens:>13,}"
        f"  {Path(result.folder, file.path)}"
        for name, file in result.outputs.items()
    ]
    lines += ["", f"{total:,} rows in {result.groups:,} groups; a group stays in one split."]
    lines += [f"  {rows:,} rows {kind} as others" for kind, rows in result.tied.items()]
    lines += list(_notes(result))
    codes = ", ".join(f"{code} {count}" for code, count in result.proof.items())
    lines += [f"leaks between the splits: {codes}", "", f"the proof again:  curator lint {_quoted(result.folder)}"]
    return "\n".join(lines) + "\n"


def _notes(result: SplitResult) -> Iterator[str]:
    folder = Path(result.folder)
    if result.kept.record:
        yield f"{result.kept.rows:,} rows keep the split they had ({result.kept.record}; --fresh draws anew)"
    if result.aside:
        yield f"{result.aside:,} rows would join two splits: set aside in {folder / ASIDE}"
    if result.rejected:
        yield f"{result.rejected:,} lines are no rows: in {folder / REJECTED}, with reasons"
    if result.wish.allow:
        yield f"allowed: {', '.join(result.wish.allow)}"
    if result.dataset:
        yield f"as a datasets.DatasetDict: {result.dataset}"


def _quoted(text: str) -> str:
    import shlex

    return shlex.quote(text)

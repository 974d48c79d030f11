"""Splits a set into train, valid and test without leaks between them.

Rows that would give each other away (the same row, nearly the same, the same prompt, document or
conversation) form a group, and a group goes into one split as a whole. Where it goes depends on a hash of
its own content and the seed alone: the order of the rows does not matter, and rows that are added move no
others. What was split before keeps its place through `split.json`. Nothing is put in place before the
rules on leaks have found none.
"""

from __future__ import annotations

import hashlib
import shlex
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from curator import __version__, cleaning, decisions, engine, formats
from curator.checks.splits import GroupLeak, Layout, NearLeak
from curator.cleaning import Rejected, rejected_line
from curator.columns import UNSET, parse
from curator.config import Selection
from curator.decisions import Log
from curator.docs import find
from curator.errors import UNREADABLE, CuratorError, MissingExtraError, SourceError, UsageError, WriteError
from curator.report.tally import counted
from curator.scan.mappers import Crew
from curator.scan.rows import SetRows
from curator.scratch import Scratch
from curator.sources import Source, open_sources
from curator.sources.addresses import is_address
from curator.splits.drawing import SPLITS, Draw, Drawn, Wish, hex_of
from curator.splits.grouping import CLOSENESS, KINDS, Clash, Ties
from curator.text.encodings import json_of
from curator.writing import Replacement, commit_all, readable_by, recover

if TYPE_CHECKING:
    from curator.config import Config, Plan

RECORD, ASIDE, REJECTED, DATASET = "split.json", "aside.jsonl", "rejected.jsonl", "dataset"
LEAKS = ("SPT001", "SPT002", "SPT003", "SPT004")
_FAR = 0.25  # of its share: a split that came out so much larger or smaller is pointed at
_ROUNDS = 4  # draws, each with the leaks tied that the proof of the one before found


class File(msgspec.Struct, frozen=True):
    """A file read or written: its rows, and the hash that `sha256sum` prints."""

    path: str
    rows: int
    bytes: int
    sha256: str
    groups: int = 0
    tokens: int = 0


class Kept(msgspec.Struct, frozen=True):
    """The record whose splits were kept, how many rows keep theirs, and how many were set aside that had one.

    `repeats` counts the rows that were added, and go with a row of the record that they repeat; `otherwise` names the
    options that were given otherwise than for the record: they count for the rows that it does not know.

    `leaking` counts the held-out rows that keep theirs although the rules on leaks, which look at the set as it is
    now, find that they belong to a row of an earlier split: rows never move because others came.
    """

    record: str = ""
    rows: int = 0
    aside: int = 0
    leaking: int = 0
    repeats: int = 0
    otherwise: tuple[str, ...] = ()


class SplitResult(msgspec.Struct, frozen=True):
    """What `split` did. `outputs` is by split; `tied` counts the rows by what ties them to others.

    `groups` counts the groups; `proof` counts, for each rule on leaks, its findings in what was written: all 0 but for
    those of `kept.leaking`.
    `decided` counts the decisions that were applied, `undecided` those that nothing was done for; `unapplied` has
    their reasons.
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
    decided: int = 0
    undecided: int = 0
    unapplied: tuple[str, ...] = ()
    largest: int = 0  # rows of the largest group


class Before(NamedTuple):
    """Where the rows to split come from, when they are a mended copy: the files, and the lines left out on the way."""

    inputs: tuple[File, ...]
    rejected: Path
    decided: int = 0
    undecided: int = 0
    unapplied: tuple[str, ...] = ()


class _Record(msgspec.Struct, frozen=True):
    """What a later split reads of split.json."""

    curator: str
    wish: Wish
    outputs: dict[str, File]
    inputs: tuple[File, ...] = ()
    kept: Kept = Kept()
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
    workers: Crew = None,
    progress: engine.Progress | None = None,
    before: Before | None = None,
) -> SplitResult:
    """Write train.jsonl, valid.jsonl and test.jsonl with the record split.json into the folder `out`.

    Rows keep their bytes and, within a file, their order. A record in `out`, or the one that `keep` names,
    is honoured: rows it lists keep their split, and a new row that would join two splits is set aside in
    aside.jsonl. `fresh` passes it over. Lines that are no rows go to rejected.jsonl, and so do rows that a
    decision kept beside the data drops; edits and accepted fixes are made.

    Raises:
        SourceError: a path is missing, cannot be read as data, or holds no rows of a known shape.
        UsageError: what is asked for cannot be done with these rows, or would overwrite other files.
        ChangedError: a file changed while it was read.
        WriteError: an output could not be written; none is.
    """
    if before is None and (log := _to_apply(paths)):
        return _split_decided(paths, out, config, wish, log, keep, fresh, dataset, force, workers, progress)
    wish = _judged(wish or Wish())
    folder = Path(out)
    if folder.exists() and not folder.is_dir():
        raise UsageError("the splits go into a folder, and this is a file", where=str(out), hint="name a folder")
    recover(folder)
    last = _last(folder, keep, fresh)
    plan = _plan(config, wish)
    with open_sources(paths, config.excluded) as opened:
        sources = list(opened)
        ours = _refuse_overwriting(sources, folder, force, dataset)
        with engine.scanned(sources, plan, workers=workers, progress=progress) as rows:
            _refuse_unreadable(rows, sources)
            _refuse_unknown_keys(rows, plan, wish)
            if not force:
                _refuse_other_data(folder, before.inputs if before else (), sources, rows)
            like = next((rule for rule in plan.rules if isinstance(rule, NearLeak)), None)
            groups, wished = (last[1].groups, last[1].wish) if last else (None, None)
            draw = Draw(rows, wish, groups, sources, like, wished)
            for _ in range(_ROUNDS):
                writer = _Writer(sources, rows, draw.run(), folder, plan, wish, last, before, ours, _set_on_top(config))
                result = writer.write(dataset)
                if result is not None:
                    return result
                draw.tie(writer.leaks)
    raise CuratorError(f"the proof failed: {writer.leaks[:3]}", hint="nothing was written; please report this")


def _to_apply(paths: Sequence[str | Path]) -> Log | None:
    """The decisions kept beside the data, where some of them change or drop rows."""
    if "-" in map(str, paths):
        return None
    log = decisions.beside(paths)
    return log if decisions.Suppressions.from_decisions(log.decisions).others else None


def _split_decided(
    paths: Sequence[str | Path],
    out: str | Path,
    config: Config,
    wish: Wish | None,
    log: Log,
    keep: str | Path | None,
    fresh: bool,
    dataset: bool,
    force: bool,
    workers: Crew,
    progress: engine.Progress | None,
) -> SplitResult:
    """Split the rows as they are once the decisions are applied, as `clean` applies them."""
    folder = Path(out)
    with open_sources(paths, config.excluded) as opened, Scratch("split") as place:
        _refuse_overwriting(list(opened), folder, force, dataset)
        rejected = Path(place, REJECTED)
        cleaned = cleaning.clean(paths, f"{place}/decided/", config, rejected=rejected, log=log, fixes=False)
        inputs = tuple(measured(source, loss.rows) for source, loss in zip(opened, cleaned.losses, strict=True))
        idle = tuple(cleaning.unapplied_told(cleaned.unapplied))
        before = Before(inputs, rejected, cleaned.applied, len(cleaned.unapplied), idle)
        copies = [loss.output for loss in cleaned.losses]
        return split(
            copies, folder, config, wish, keep=keep, fresh=fresh, dataset=dataset, force=force,
            workers=workers, progress=progress, before=before,
        )  # fmt: skip


def _refuse_unknown_keys(rows: SetRows, plan: Plan, wish: Wish) -> None:
    """Raises UsageError where no row says a key that it is to be grouped by: a slip would let groups leak."""
    rule = next((rule for rule in plan.rules if isinstance(rule, GroupLeak)), None)
    if rule is None or not wish.group_by:
        return
    named = rows.sketches(rule.code)[:, Layout.NAMED :]
    for number, key in enumerate(rule.keys):
        if key in wish.group_by and not named[:, number].any():
            raise UsageError(f"no row says its {key}", where="--group-by", hint="name a key that the rows have")


def _plan(config: Config, wish: Wish) -> Plan:
    """The rules on leaks, with the options that the file and `--set` give them, whatever else is left out."""
    replace = msgspec.structs.replace
    plan = replace(
        config, profile="default", select=LEAKS, ignore=(), extend_select=(), level=None, severity={},
        per_file_ignores={}, limits={}, then=Selection(options=config.then.options),
    ).plan()  # fmt: skip
    rules = [
        replace(rule, keys=(*rule.keys, *wish.group_by)) if isinstance(rule, GroupLeak) else rule for rule in plan.rules
    ]
    return replace(plan, rules=tuple(rules))


def _set_on_top(config: Config) -> tuple[str, ...]:
    """The options of rules that are said on top of the configuration, as words of the command line."""
    return tuple(
        word
        for rule, options in config.then.options.items()
        for name, value in options.items()
        for word in ("--set", f"{rule}.{name}={value if isinstance(value, str) else json_of(value).decode()}")
    )


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
    if path.is_dir():
        path /= RECORD
    if fresh or (not keep and not path.exists()):
        return None
    try:
        record = msgspec.json.decode(path.read_bytes(), type=_Record)
        if not all(name in SPLITS and all(members) for name, members in record.groups.items()):
            raise msgspec.ValidationError("its groups are not those of a split")
        return str(path), record
    except OSError as error:
        raise SourceError(
            f"cannot be read: {error.strerror}", where=str(path), hint="name the split.json of a split"
        ) from None
    except UNREADABLE as error:
        hint = "--fresh splits without it; --keep names another record"
        raise SourceError(f"no record of a split: {error}", where=str(path), hint=hint) from None


def kept_of(folder: Path) -> Kept:
    """What the record in a folder says was kept when its splits were first drawn so."""
    return msgspec.json.decode((folder / RECORD).read_bytes(), type=_Record).kept


def made_from(folder: Path, now: Mapping[str, str]) -> dict[str, str]:
    """SHA-256 of the files that splits were drawn from, by path; `now` are the hashes of the splits, by name.

    Empty where nothing is recorded, or where a split is no longer what was written then.
    """
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=_Record)
    except (OSError, *UNREADABLE):
        return {}
    if {name: file.sha256 for name, file in record.outputs.items()} != dict(now):
        return {}
    return {file.path: file.sha256 for file in record.inputs}


def _refuse_overwriting(sources: Sequence[Source], folder: Path, force: bool, dataset: bool) -> set[str]:
    """Only files that the last split wrote, and nobody has changed since, are overwritten unasked: their names."""
    names = [f"{name}.jsonl" for name in SPLITS] + [ASIDE, REJECTED, RECORD]
    read = {Path(source.path).resolve() for source in sources if source.path != "-"}
    for name in names:
        if (folder / name).resolve() in read:
            raise UsageError(
                "the splits would overwrite the data", where=str(folder / name), hint="name another folder"
            )
    there = [name for name in names if (folder / name).exists()]
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=_Record)
        hashes = {file.path: file.sha256 for file in record.outputs.values()} | record.others
    except (OSError, *UNREADABLE):
        hashes = {}
    ours = {name for name in there if hashes and (name == RECORD or hashes.get(name) == sha256(folder / name))}
    for name in there if not force else ():
        if name not in ours:
            changed = name in hashes
            what = "this file was changed after the split" if changed else "this file is not from a split"
            other = "mend the data that were split and not the splits" if changed else "name another folder"
            raise UsageError(what, where=str(folder / name), hint=f"{other}, or overwrite it: --force")
    if dataset and (folder / DATASET).exists() and not (folder / DATASET / "dataset_dict.json").exists():
        raise UsageError("this is no saved dataset", where=str(folder / DATASET), hint="move it away")
    return ours


def _refuse_other_data(folder: Path, inputs: Sequence[File], sources: Sequence[Source], rows: SetRows) -> None:
    """Raises UsageError where the splits in the folder are of other files, and share no row with these."""
    try:
        record = msgspec.json.decode((folder / RECORD).read_bytes(), type=_Record)
    except (OSError, *UNREADABLE):
        return
    read = {Path(path).resolve() for path in [file.path for file in inputs] or [source.path for source in sources]}
    if not record.groups or read & {Path(file.path).resolve() for file in record.inputs}:
        return
    known = {row for groups in record.groups.values() for group in groups for row in group[1:]}
    if not any(rows.content_id(index) in known for index in np.flatnonzero(rows.readable).tolist()):
        names = ", ".join(file.path for file in record.inputs[:3]) or "another set"
        hint = "name another folder, or overwrite them: --force"
        raise UsageError(f"the splits in there are of other data ({names})", where=str(folder), hint=hint)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        drawn: Drawn,
        folder: Path,
        plan: Plan,
        wish: Wish,
        last: tuple[str, _Record] | None,
        before: Before | None,
        ours: set[str],
        options: Sequence[str],
    ) -> None:
        self.sources, self.rows, self.drawn, self.folder = sources, rows, drawn, folder
        self.plan, self.wish, self.last, self.before, self.ours = plan, wish, last, before, ours
        self.options = options  # of the command that proves the splits again
        self.names = [name for k, name in enumerate(SPLITS) if (drawn.split == k).any()]
        self.counts: Counter[str] = Counter()
        self.leaks: list[tuple[int, int]] = []
        self.leaking = 0

    def write(self, dataset: bool) -> SplitResult | None:
        """None where the proof found leaks: nothing is put in place then."""
        origins = [source.path for source in self.sources]
        with ExitStack() as stack:
            new = {
                name: stack.enter_context(Replacement(self.folder / name, made_of=origins))
                for name in [*(f"{name}.jsonl" for name in self.names), ASIDE, REJECTED, RECORD]
            }
            self._write_lines(new)
            proof = self._proof(new)
            for source in self.sources:
                source.check_unchanged()
            if self.leaks:
                return None
            stale = self._stale()
            result = self._result(new, proof)
            others = {name: sha256(new[name].passing) for name in (ASIDE, REJECTED) if self.counts[name]}
            new[RECORD].file.write(self._body(result, others))
            if dataset:
                save_dataset(
                    {name: new[f"{name}.jsonl"].passing for name in self.names}, self.folder / DATASET, origins
                )
                result = msgspec.structs.replace(result, dataset=str(self.folder / DATASET))
            wanted = [out for name, out in new.items() if name not in (ASIDE, REJECTED) or self.counts[name]]
            commit_all(self.folder, wanted, stale)
        return result

    def _body(self, result: SplitResult, others: dict[str, str]) -> bytes:
        """split.json: as it stands where this split is what the last one was, so that a repeat changes nothing."""
        if (
            self.last and result.kept.otherwise and not _new(result)
        ):  # nothing was drawn: the splits are what was asked for before
            was = self.last[1].wish
            wish = msgspec.structs.replace(was, group_by=result.wish.group_by, allow=result.wish.allow)
            result = msgspec.structs.replace(result, wish=wish)
        if self.last:
            repeated = msgspec.structs.replace(result, kept=self.last[1].kept)
            body = b"".join(self._record(repeated, others))
            path = self.folder / RECORD
            if path.is_file() and path.read_bytes() == body:
                return body
        return b"".join(self._record(result, others))

    def _stale(self) -> list[Path]:
        """Files of the last split that this one has not; somebody else's would be read as a split of this one."""
        stale = [name for name in SPLITS if name not in self.names] + [
            n for n in (ASIDE, REJECTED) if not self.counts[n]
        ]
        names = [name if name in (ASIDE, REJECTED) else f"{name}.jsonl" for name in stale]
        there = [self.folder / name for name in names if (self.folder / name).exists()]
        for path in there:
            if path.name not in self.ours and path.name not in (ASIDE, REJECTED):
                what = "this file is not from a split, and would be taken for one of this"
                raise UsageError(what, where=str(path), hint="move it away, or name another folder")
        return [path for path in there if path.name in self.ours]

    def _write_lines(self, new: dict[str, Replacement]) -> None:
        aside = {clash.row: clash for clash in self.drawn.aside}
        if self.before:
            lines = self.before.rejected.read_bytes()
            new[REJECTED].file.write(lines)
            self.counts[REJECTED] = lines.count(b"\n")
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
        first = int(np.searchsorted(self.rows.files, owner))
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
        leaks = [
            (int(at[finding.file][finding.line - 1]), int(at[place.file][place.line - 1]))
            for finding in report.findings
            for place in finding.related
        ]
        stays = self.drawn.stays
        self.leaks = [(row, twin) for row, twin in leaks if not (stays[row] and stays[twin])]
        self.leaking = len({row for row, _ in leaks}) if not self.leaks else 0
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
                    sha256(path),
                    len(np.unique(self.drawn.groups.of_row[mine])),
                    int(self.rows.tokens[mine].sum()),
                )
        counts = np.bincount(self.rows.files[self.rows.readable], minlength=len(self.sources)).tolist()
        read = [measured(source, counts[n]) for n, source in enumerate(self.sources)]
        return SplitResult(
            folder=str(self.folder),
            wish=self.wish,
            inputs=self.before.inputs if self.before else tuple(read),
            outputs=outputs,
            groups=len(self.drawn.groups.sizes),
            tied=_tied(self.drawn.tied, len(self.rows.readable)),
            proof=proof,
            kept=self._kept(),
            aside=self.counts[ASIDE],
            rejected=self.counts[REJECTED],
            decided=self.before.decided if self.before else 0,
            undecided=self.before.undecided if self.before else 0,
            unapplied=self.before.unapplied if self.before else (),
            largest=int(self.drawn.groups.sizes.max(initial=0)),
        )

    def _kept(self) -> Kept:
        if self.last is None:
            return Kept()
        record, drawn = self.last[1], self.drawn
        otherwise = self.wish.asked_otherwise(record.wish)
        return Kept(self.last[0], drawn.kept, drawn.lost, self.leaking, drawn.repeats, otherwise)

    def _record(self, result: SplitResult, others: dict[str, str]) -> Iterator[bytes]:
        """split.json, with a group a line: its anchor and the content ids of its rows."""
        command = shlex.join(["curator", "lint", str(self.folder), "--select", ",".join(result.proof), *self.options])
        head = {
            "curator": __version__,
            **msgspec.to_builtins(result),
            "proof": {"command": command, "findings": result.proof},
            "others": others,
        }
        del head["folder"], head["groups"]
        yield msgspec.json.format(json_of(head), indent=1).removesuffix(b"\n}") + b',\n "groups": {'
        found, split = self.drawn.groups, self.drawn.split
        order = np.lexsort((*self.rows.ids.T[::-1], found.of_row, split))
        order = order[found.of_row[order] >= 0]
        begins = np.flatnonzero(np.diff(found.of_row[order], prepend=-1))
        name = ""
        for first, stop in zip(begins.tolist(), [*begins[1:].tolist(), len(order)], strict=True):
            group, before = order[first:stop], name
            name = SPLITS[split[group[0]]]
            if name != before:
                yield (b"\n  ],\n" if before else b"\n") + f'  "{name}": [\n   '.encode()
            else:
                yield b",\n   "
            anchor = hex_of(found.anchors[found.of_row[group[0]]])
            yield msgspec.json.encode([anchor, *map(self.rows.content_id, group.tolist())])
        yield b"\n  ]\n }\n}\n"


def _rejected(line: bytes, path: str, number: int) -> Rejected:
    value = parse(line)
    if value is UNSET:
        return Rejected(path, number, ("FIL001",), ("no JSON",))
    if type(value) is not dict:
        return Rejected(path, number, ("FIL002",), ("no JSON object",))
    return Rejected(path, number, ("SCH001",), ("in no known shape",))


def measured(source: Source, rows: int) -> File:
    """The user's file, or what came through a pipe, with its hash."""
    path = source.data if source.path == "-" or is_address(source.path) else Path(source.path)
    return File(source.path, rows, path.stat().st_size, sha256(path))


def _tied(tied: Ties, count: int) -> dict[str, int]:
    """How many rows each kind of tie joins to others; a row counts for the closest kind alone."""
    shared = np.bincount(tied.nodes, minlength=tied.size)
    free = np.ones(count, dtype=bool)
    out = {}
    for kind in CLOSENESS:
        mine = tied.kinds == kind
        near = mine & (tied.nodes < count)
        keyed = mine & (tied.nodes >= count) & (shared[tied.nodes] > 1)
        joined = np.zeros(count, dtype=bool)
        joined[np.concatenate((tied.rows[near], tied.nodes[near], tied.rows[keyed]))] = True
        if rows := int((joined & free).sum()):
            out[KINDS[kind]] = rows
        free &= ~joined
    return out


def _columns(path: Path) -> dict[str, list[Any]]:
    """The rows of a JSONL file by key: every key of any row, None where a row has it not."""
    with path.open("rb") as file:
        rows = [parse(line) for line in file]
    return {key: [row.get(key) for row in rows] for key in dict.fromkeys(key for row in rows for key in row)}


def save_dataset(files: dict[str, Path], folder: Path, made_of: Sequence[str | Path] = ()) -> None:
    """Save JSONL files, by split, as a `datasets.DatasetDict`, which takes the place of what is there.

    Nobody reads it who may not read the files of `made_of`.

    Raises:
        MissingExtraError: `datasets` is not installed.
        WriteError: the rows do not fit one Arrow schema, or the folder cannot be written.
    """
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("--to dataset", "data") from None
    import shutil

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".dataset-", dir=folder.parent) as passing:
            datasets.disable_progress_bars()
            made = {name: _as_table(datasets, _columns(path)) for name, path in files.items()}
            datasets.DatasetDict(made).save_to_disk(Path(passing, "new"))
            for file in [each for each in Path(passing, "new").rglob("*") if each.is_file()]:
                file.chmod(file.stat().st_mode & readable_by(made_of))
            if folder.exists():
                folder.rename(Path(passing, "old"))
            shutil.move(Path(passing, "new"), folder)
    except UnicodeEncodeError:
        what = "no dataset could be made: a row holds half of a surrogate pair, which is no text"
        hint = "see them: curator lint --select FIL010 PATH; mend them, or leave out --to dataset"
        raise WriteError(what, where=str(folder), hint=hint) from None
    except (OSError, ValueError, TypeError, OverflowError) as error:  # pyarrow's errors are ValueErrors and TypeErrors
        said_ = " ".join(str(error).split())[:200]
        hint = "rows of different structure fit no Arrow table: bring them to one shape, or leave out --to dataset"
        raise WriteError(f"no dataset could be made: {said_}", where=str(folder), hint=hint) from None


def _as_table(datasets: Any, columns: dict[str, list[Any]]) -> Any:
    """The columns as a `datasets.Dataset`. Raises ValueError, with the key, where the values of one fit no type."""
    try:
        return datasets.Dataset.from_dict(columns)
    except UnicodeEncodeError:
        raise
    except (ValueError, TypeError, OverflowError):
        for key, values in columns.items():
            try:
                datasets.Dataset.from_dict({key: values})
            except (ValueError, TypeError, OverflowError) as error:
                raise ValueError(f"the values of {key!r} fit no one type: {error}") from None
        raise


# ---------------------------------------------------------------------- what is printed


def as_json(result: SplitResult) -> bytes:
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def as_text(result: SplitResult, asked: Sequence[str] = ()) -> str:
    """The sizes, what ties rows together, and the proof, for a terminal; `asked` are the options of the proof."""
    total = sum(file.rows for file in result.outputs.values())
    lines = [f"{'split':<7}{'rows':>9}{'share':>8}{'groups':>9}{'tokens':>13}  file"]
    lines += [
        f"{name:<7}{file.rows:>9,}{file.rows / total:>8.1%}{file.groups:>9,}{file.tokens:>13,}"
        f"  {Path(result.folder, file.path)}"
        for name, file in result.outputs.items()
    ]
    lines += ["", f"{counted(total, 'row')} in {counted(result.groups, 'group')}; a group stays in one split."]
    lines += [f"  {rows:,} {kind}" for kind, rows in result.tied.items()]
    lines += list(_notes(result))
    codes = ", ".join(f"{code} {count}" for code, count in result.proof.items())
    again = shlex.join(["curator", "lint", result.folder, *asked])
    lines += [f"leaks between the splits: {codes}", "", f"the proof again:  {again}"]
    lines.append(next_step(result.folder))
    return "\n".join(lines) + "\n"


def next_step(folder: str) -> str:
    """What splits are for."""
    return f"to train on them:  curator train plan {shlex.quote(folder)} --model MODEL -o RUN"


def _notes(result: SplitResult) -> Iterator[str]:
    folder = Path(result.folder)
    yield from _far_from_asked(result)
    if result.kept.record:
        yield f"{result.kept.rows:,} rows keep the split they had ({result.kept.record}; --fresh draws anew)"
    if result.kept.repeats:
        yield f"{counted(result.kept.repeats, 'row')} that came since and repeat one of them go with it"
    if result.kept.otherwise:
        new = _new(result)
        which = f"for the {counted(new, 'new row')} alone" if new else "without effect, since no row is new"
        yield f"{', '.join(result.kept.otherwise)}: {which}; --fresh draws all anew"
    if result.kept.leaking:
        rows, are = counted(result.kept.leaking, "row"), "is" if result.kept.leaking == 1 else "are"
        yield f"{rows} of them {are} found to leak now that others came, and stay all the same; --fresh draws anew"
    if result.aside:
        before = (
            f"; {result.kept.aside:,} of them had one, and turned out to belong to a row of another"
            if result.kept.aside
            else ""
        )
        yield f"{counted(result.aside, 'row')} that would join two splits: set aside in {folder / ASIDE}{before}"
    if result.decided or result.undecided:
        idle = f"; not applied: {result.undecided:,}" if result.undecided else ""
        yield f"{counted(result.decided, 'decision')} applied; fixes that nobody decided on are for curator clean{idle}"
        yield from result.unapplied
    if result.rejected:
        what = "left out" if result.decided else "that cannot be read"
        yield f"{counted(result.rejected, 'line')} {what}: in {folder / REJECTED}, with reasons"
    if result.wish.allow:
        yield f"allowed: {', '.join(result.wish.allow)}"
    if result.dataset:
        yield f"as a datasets.DatasetDict: {result.dataset}"


def _new(result: SplitResult) -> int:
    """How many rows were drawn: the record that was kept to knows nothing of them."""
    return sum(file.rows for file in result.outputs.values()) - result.kept.rows - result.kept.repeats


def _far_from_asked(result: SplitResult) -> Iterator[str]:
    """Shares are met on average: said where a small set, or one of large groups, has come out far from them."""
    wish, total = result.wish, sum(file.rows for file in result.outputs.values())
    if wish.count or wish.stratify or result.kept.record:
        return
    whole = f"groups go as a whole, and the largest has {counted(result.largest, 'row')}"
    for name, part in zip(SPLITS, wish.ratio, strict=False):
        wanted, rows = part / sum(wish.ratio) * total, result.outputs[name].rows if name in result.outputs else 0
        if name != SPLITS[0] and part and abs(rows - wanted) > max(1, _FAR * wanted):
            asked = wish.min_rows > wanted  # more than its share was asked for: the batch of a trainer
            coarse = wish.exact or result.largest > max(1, _FAR * wanted)
            why = whole if coarse else "chance rules small sets"
            why += "" if wish.exact else "; see --exact"
            why = f"--min-rows asks for {wish.min_rows:,}" if asked else why
            yield f"{name} has {rows:,} rows, its share would be {wanted:,.0f}: {why}"

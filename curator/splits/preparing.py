"""From data as they come to a folder to train on: lint, clean, split, report and dataset card in one go.

lint ─ report.html          clean ─ rejected.jsonl          split ─ train, valid, test, split.json
lint of what is left ─ README.md (the card) ─ prepare.json (the record, with the hash of every file)
"""

from __future__ import annotations

import hashlib
import io
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from curator import __version__, cleaning, decisions, engine
from curator.columns import parse
from curator.decisions import Log, agreement
from curator.errors import UNREADABLE, CuratorError, UsageError
from curator.model import SEVERITIES, Report
from curator.provenance import said
from curator.report import render
from curator.report.tally import by_count, counted, spotless, verdict
from curator.scratch import Scratch
from curator.sources import open_sources
from curator.splits.card import Facts, card
from curator.splits.drawing import SPLITS, Wish
from curator.splits.splitting import RECORD as SPLIT_RECORD
from curator.splits.splitting import Before, File, SplitResult, kept_of, measured, next_step, sha256, split
from curator.text.encodings import json_of
from curator.writing import Replacement, commit_all, recover

if TYPE_CHECKING:
    from curator.cleaning import CleanResult
    from curator.config import Config
    from curator.scan.joining import Judging

CARD, PAGE, RECORD = "README.md", "report.html", "prepare.json"
_SHOWN = 5  # codes on a line of the terminal
_TOLD = ("licence", "source", "language")


class Prepared(msgspec.Struct, frozen=True):
    """What `prepare` did: what was found as the data came and in what is left (by code), what became of the rows.

    `hashes` gives the SHA-256 of every file in the folder, `ok` says that nothing left is at or above fail-on, `unsafe`
    counts the findings left that a fix which may change meaning would mend.
    """

    curator: str
    folder: str
    rows: int
    lines: int
    came: dict[str, int]
    left: dict[str, int]
    verdict: str
    ok: bool
    mended_rows: int
    mended: dict[str, int]
    rejected: dict[str, int]
    decisions: dict[str, int]
    split: SplitResult
    hashes: dict[str, str]
    unsafe: int = 0

    @property
    def exit_code(self) -> int:
        return 0 if self.ok else 1


def prepare(
    paths: Sequence[str | Path],
    out: str | Path,
    config: Config,
    wish: Wish | None = None,
    *,
    unsafe: bool = False,
    keep: str | Path | None = None,
    fresh: bool = False,
    dataset: bool = False,
    force: bool = False,
    name: str = "",
    asked: Sequence[str] = (),
    progress: engine.Progress | None = None,
    judging: Judging | None = None,
) -> Prepared:
    """Lint, clean and split a set into the folder `out`, with a report and a dataset card.

    Several files are split anew, as one set. Decisions kept beside the data are honoured; `unsafe` also makes
    the fixes that may change meaning. `name` is the set's name on the card, by default that of its first folder or
    file; `asked` are the options of `config` as words of the command line, for the commands that the report names.
    The rest is as for `split`.

    Raises:
        CuratorError: as `lint`, `clean` and `split` do.
    """
    folder = Path(out)
    if "-" in map(str, paths):
        hint = "write it to a file first: the data are read more than once"
        raise UsageError("standard input cannot be prepared", where="-", hint=hint)
    recover(folder)
    _refuse_overwriting(folder, force)
    _refuse_own_data(paths, folder, config)
    log = decisions.beside(paths)
    came = engine.lint(paths, config, workers=config.crew, cache=config.cache, progress=progress, judging=judging)
    came = decisions.settle(came, log)
    with Scratch("prepare") as place:
        rejected = Path(place, "rejected")
        cleaned = cleaning.clean(
            paths, f"{place}/clean/", config, rejected=rejected, unsafe=unsafe, log=log, as_one=True
        )
        before = Before(_inputs(paths, config, came), rejected)
        copies = [loss.output for loss in cleaned.losses]
        with _called_as_they_came(cleaned):
            result = split(
                copies, folder, config, wish, keep=keep, fresh=fresh, dataset=dataset, force=force, before=before
            )
    outputs = [folder / file.path for file in result.outputs.values()]
    left = decisions.settle(engine.lint(outputs, config, workers=config.crew, cache=config.cache), log)
    command = shlex.join(["curator", "lint", *map(str, paths), *asked])
    return _written(folder, paths, name, command, came, cleaned, result, left, log)


@contextmanager
def _called_as_they_came(cleaned: CleanResult) -> Iterator[None]:
    """Errors that name a mended copy, which nobody sees, name the file it was made of."""
    try:
        yield
    except CuratorError as error:
        error.where = {loss.output: loss.path for loss in cleaned.losses}.get(error.where, error.where)
        raise


def _refuse_overwriting(folder: Path, force: bool) -> None:
    """The card and the report are overwritten where they are as the last run left them."""
    if force:
        return
    try:
        ours = msgspec.json.decode((folder / RECORD).read_bytes(), type=Prepared).hashes
    except (OSError, *UNREADABLE):
        ours = {}
    for name in (CARD, PAGE):
        if (folder / name).exists() and ours.get(name) != sha256(folder / name):
            what = "this file was changed since" if name in ours else "this file is not from curator prepare"
            raise UsageError(what, where=str(folder / name), hint="name another folder, or overwrite it: --force")


def _refuse_own_data(paths: Sequence[str | Path], folder: Path, config: Config) -> None:
    """Raises UsageError where the data lie in the folder that is to be written: --force does not help."""
    with open_sources(paths, config.excluded) as sources:
        for source in sources:
            if Path(source.path).resolve().parent == folder.resolve():
                raise UsageError("this would overwrite the data", where=source.path, hint="name another folder")


def _inputs(paths: Sequence[str | Path], config: Config, came: Report) -> tuple[File, ...]:
    rows = {file.path: file.rows for file in came.files}
    with open_sources(paths, config.excluded) as sources:
        return tuple(measured(source, rows.get(source.path, 0)) for source in sources)


def _written(
    folder: Path,
    paths: Sequence[str | Path],
    name: str,
    command: str,
    came: Report,
    cleaned: CleanResult,
    result: SplitResult,
    left: Report,
    log: Log,
) -> Prepared:
    page = io.BytesIO()
    render(came, "html", page, command=command)
    others = [file for file in ("aside.jsonl", "rejected.jsonl") if (folder / file).exists()]
    files = [*(f"{split_}.jsonl" for split_ in SPLITS if split_ in result.outputs), *others, SPLIT_RECORD, PAGE]
    hashes = {file: sha256(folder / file) for file in files if file != PAGE} | {PAGE: _hash(page.getvalue())}
    result = msgspec.structs.replace(result, kept=kept_of(folder))
    told = _told([folder / file.path for file in result.outputs.values()])
    lost = Counter(cleaned.rejected_for)
    if extra := result.rejected - lost.total():
        lost["SCH001"] += extra
    facts = Facts(
        name=name or _name(paths, came),
        split=result,
        came=came,
        left=left,
        rows=came.rows,
        mended_rows=sum(loss.mended for loss in cleaned.losses),
        mended=cleaned.fixed,
        left_out=dict(lost),
        decisions=dict(sorted(Counter(decision.verdict for decision in decisions.standing(log.decisions)).items())),
        licences=told["licence"],
        sources=told["source"],
        languages=told["language"],
        hashes=hashes,
        judged=agreement.precisions(log.decisions),
    )
    text = card(facts).encode("utf-8", "backslashreplace")
    prepared = Prepared(
        curator=__version__,
        folder=str(folder),
        rows=came.rows,
        lines=came.rows + came.broken,
        came=_gravest_first(came),
        left=_gravest_first(left),
        verdict=_verdict(came, left),
        ok=left.ok,
        mended_rows=facts.mended_rows,
        mended=facts.mended,
        rejected=facts.left_out,
        decisions=facts.decisions,
        split=result,
        hashes={**hashes, CARD: _hash(text)},
        unsafe=cleaned.unsafe,
    )
    _put(folder, paths, {PAGE: page.getvalue(), CARD: text, RECORD: as_json(prepared)})
    return prepared


def _name(paths: Sequence[str | Path], came: Report) -> str:
    """What the set is called: the folder that was named first, or the first file without its ending."""
    first = Path(paths[0])
    name = first.resolve().name if first.is_dir() else Path(came.files[0].path).name.partition(".")[0]
    return name.lstrip("-") or "data"


def _verdict(came: Report, left: Report) -> str:
    """The verdict on what is left; where it counts more rules than the report of what came, which those are."""
    ran = [{stat.code for stat in report.rules if stat.examined} for report in (came, left)]
    told = verdict(left)
    if not spotless(left) or not (more := ran[1] - ran[0]):
        return told
    return f"{told.removesuffix('.')}, {len(more)} of them on the splits alone."


def _gravest_first(report: Report) -> dict[str, int]:
    """Findings by code: errors, then warnings, then notes, the most frequent of each first."""
    found = sorted(by_count(report), key=lambda stat: -SEVERITIES.index(stat.severity))
    return {stat.code: stat.findings for stat in found}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _put(folder: Path, paths: Sequence[str | Path], contents: Mapping[str, bytes]) -> None:
    with ExitStack() as stack:
        files = [stack.enter_context(Replacement(folder / name, made_of=paths)) for name in contents]
        for file, content in zip(files, contents.values(), strict=True):
            file.file.write(content)
        commit_all(folder, files)


def _told(files: Sequence[Path]) -> dict[str, dict[str, int]]:
    """How many rows say which licence, source and language."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in _TOLD}
    for path in files:
        with path.open("rb") as file:
            for line in file:
                value = parse(line)
                found = (
                    {item.kind: item.value for item in said(value)} if type(value) is dict and len(value) > 1 else {}
                )
                for kind in _TOLD:
                    if kind in found:
                        counts[kind][found[kind]] += 1
    return {kind: dict(count) for kind, count in counts.items()}


# ---------------------------------------------------------------------- what is printed


def as_json(prepared: Prepared) -> bytes:
    return msgspec.json.format(json_of(prepared), indent=2) + b"\n"


def as_text(done: Prepared, asked: Sequence[str] = (), typed: str = "") -> str:
    """A line a step, and what to do next, for a terminal; `asked` are the options by which the rows were judged.

    `typed` is the command itself.
    """
    folder = Path(done.folder)
    unread = f", {counted(done.lines - done.rows, 'line')} unreadable" if done.lines > done.rows else ""
    sizes = "  ".join(f"{name} {file.rows:,}" for name, file in done.split.outputs.items())
    leaks = sum(done.split.proof.values())
    mended = f"{counted(done.mended_rows, 'row')}: {_codes(done.mended)}" if done.mended_rows else "no row"
    left_out = _codes(done.rejected) if done.rejected else "no row"
    lines = [
        ("read", f"{counted(done.rows, 'row')}{unread}", ""),
        ("found", _codes(done.came), folder / PAGE),
        ("mended", mended, ""),
        ("left out", left_out, folder / "rejected.jsonl" if done.rejected else ""),
        ("split", f"{sizes}, {leaks} leaks", folder / "split.json"),
        ("left", _codes(done.left), ""),
        ("card", "", folder / CARD),
    ]
    if done.split.aside:
        lines.insert(
            5, ("aside", f"{counted(done.split.aside, 'row')} that would join two splits", folder / "aside.jsonl")
        )
    wide = min(60, max(len(what) for _, what, _ in lines))
    text = [f"{step:<9} {what:<{wide}}  {where}".rstrip() for step, what, where in lines]
    again = shlex.join(["curator", "lint", done.folder, *asked])
    text += [done.verdict, "", *([f"what is left, in full:  {again}"] if done.left else [])]
    if done.unsafe and typed:
        text.append(f"{done.unsafe:,} of it can be mended if you agree:  {typed} --unsafe-fixes")
    if done.ok:
        text.append(next_step(done.folder))
    else:
        text.append("to train on them, mend first what is left: the exit status is 1 for it")
    return "\n".join(text) + "\n"


def _codes(counts: dict[str, int]) -> str:
    shown = [f"{code} {number:,}" for code, number in list(counts.items())[:_SHOWN]]
    more = [f"{len(counts) - _SHOWN} more"] if len(counts) > _SHOWN else []
    return ", ".join(shown + more) or "nothing"

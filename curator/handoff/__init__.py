"""Complete folders to train with another tool: data in its shape, its settings, the command, what it will drop.

data/train.jsonl …      the data, in the shape that the tool reads
lora.yaml, sft.yaml …   the settings: each checked against those that a released version reads
README.md               how to run it, and what becomes of the rows
handoff.json            the record: recipe, versions, and the hash of every file
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from curator import __version__, conversion, decisions, engine, targets
from curator.columns import parse
from curator.errors import UNREADABLE, SourceError, UsageError
from curator.handoff import settings
from curator.handoff.axolotl import Axolotl
from curator.handoff.llama_factory import LlamaFactory
from curator.handoff.mlx import Mlx
from curator.handoff.openai import OpenAI
from curator.handoff.recipe import Data, Recipe, Split
from curator.handoff.tool import TEXTS, Folder, Tool, refuse
from curator.handoff.trl import Trl
from curator.handoff.unsloth import Unsloth
from curator.report.tally import (
    CUT,
    REFUSED,
    STOPS,
    WRONG,
    Outcome,
    about_target,
    counted,
    is_wrong,
    outcomes,
    refuses,
)
from curator.sources import Source, open_sources, refuse_long
from curator.splits.splitting import sha256
from curator.targets import Tokens
from curator.templates.named import DEMO, DEMO_HUB
from curator.text.encodings import json_of
from curator.writing import passing_folder, told_as, write_whole

if TYPE_CHECKING:
    from curator.config import Config
    from curator.model import Report

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in (Mlx(), Trl(), Unsloth(), Axolotl(), LlamaFactory(), OpenAI())}
RECORD, PAGE = "handoff.json", "README.md"
_SPLITS = ("train", "valid", "test")
*_READ, _LATER = _SPLITS  # a run reads the first two: what stands in the third stops none
_DROPS = "TGT010"  # the rule that tells of rows left over by a batch
_FEW = "TGT001"  # the rule on how many rows a target takes
_OF_THE_SET = frozenset({_FEW, "TGT002"})
_WHOLE = ", none loses its answer"  # how the fate of rows ends where a tool trains every answer
_PAIRS = frozenset({"openai-preference", "trl-preference"})


class Handoff(msgspec.Struct, frozen=True):
    """What was written: `fate` says what the tool does with the rows, `hashes` gives each file's SHA-256."""

    curator: str
    tool: str
    version: str
    made: str
    recipe: Recipe
    splits: tuple[Split, ...]
    shape: str
    command: str
    fate: str
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    hashes: dict[str, str]


def hand_off(
    tool: str,
    path: str | Path,
    out: str | Path,
    config: Config,
    recipe: Recipe,
    *,
    changes: Mapping[str, Any] | None = None,
    allow_loss: bool = False,
    force: bool = False,
) -> Handoff | conversion.Conversion:
    """Write the folder `out` with which `tool` trains on the data at `path`, a file or a folder of splits.

    `changes` are settings in the tool's own words. Returns the conversion, and writes nothing, where the
    tool's shape cannot hold the rows and losses are not allowed.

    Raises:
        UsageError: the tool is unknown, cannot do what the recipe asks, does not know a setting, rows stop the
            run and losses are not allowed, or `out` holds files that are not from a hand-off.
        SourceError: there is no train split, or a split is there twice.
    """
    chosen, folder = _tool(tool), Path(out)
    _refuse_overwriting(folder, force)
    if recipe.model == DEMO:
        recipe = msgspec.structs.replace(recipe, model=DEMO_HUB)  # the name is curator's own: other tools ask the hub
    with open_sources([path], config.excluded) as opened:
        sources = _by_split(opened)
        refuse_long(sources.values())
        data = _measured(sources, config)
        refuse(chosen, recipe, data)
        made = _with_weights(chosen, data, chosen.folder(recipe, data, changes or {}))
        shape = chosen.shape(data)
        with passing_folder(folder.absolute()) as passing, told_as(new := passing / "new", folder.absolute()):
            copied = _copies(sources, new / "data", shape, config, allow_loss)
            if not copied.ok:
                return copied
            for name, text in made.files.items():
                write_whole(new / name, text.encode())
            log = decisions.beside([path])
            result = _finished(chosen, new, config, recipe, data, made, shape, log, allow_loss)
            _put_in_place(new, folder)
    return result


def _with_weights(tool: Tool, data: Data, made: Folder) -> Folder:
    """The folder, with a word on answers of weight 0, or labelled as bad, where the tool trains them all the same."""
    notes = []
    unweighted = data.unweighted_last if made.untrained else data.unweighted
    if unweighted and not tool.weights:
        rows = counted(unweighted, "row")
        notes.append(
            f"{rows} with answers of weight 0: {tool.name} knows no weights and trains those answers like any other"
        )
    if bad := sum(split.bad for split in data.splits):
        notes.append(
            f"{counted(bad, 'row')} with an answer labelled as bad: without the label it is learnt like any other"
        )
    return msgspec.structs.replace(made, notes=(*made.notes, *notes))


def _tool(name: str) -> Tool:
    name = targets.called(name, TOOLS)
    if name not in TOOLS:
        raise UsageError(f"no tool {name!r}", hint=f"the tools are {', '.join(TOOLS)}")
    return TOOLS[name]


def _refuse_overwriting(folder: Path, force: bool) -> None:
    if force or not folder.exists() or (folder / RECORD).exists():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise UsageError(
            "this is not from a hand-off", where=str(folder), hint="name another folder, or overwrite it: --force"
        )


def _put_in_place(new: Path, folder: Path) -> None:
    """The new files in the place of an earlier hand-off; what others have put there (weights, logs) is not touched.

    The data and settings of the earlier one go: a tool would read them as well. The record comes last.
    """
    if not folder.exists():
        new.rename(folder)
        return
    try:
        earlier = set(msgspec.json.decode((folder / RECORD).read_bytes(), type=Handoff).hashes)
    except (OSError, *UNREADABLE):
        earlier = set()
    made = [str(file.relative_to(new)) for file in new.rglob("*") if file.is_file()]
    for name in earlier.difference(made):
        if (folder / name).resolve().is_relative_to(folder.resolve()):
            (folder / name).unlink(missing_ok=True)
    for name in sorted(made, key=lambda name: name == RECORD):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (new / name).replace(folder / name)


def _by_split(opened: Sequence[Source]) -> dict[str, Source]:
    """The sources by split; a single file is the training data."""
    sources = list(opened)
    if len(sources) == 1:
        return {"train": sources[0]}
    found: dict[str, Source] = {}
    for source in sources:
        if source.split in found:
            raise SourceError(f"two files of the split {source.split!r}", where=source.path, hint="name their folder")
        if source.split in _SPLITS:
            found[source.split] = source
    if "train" not in found:
        where = str(Path(sources[0].path).parent) if sources else ""
        raise SourceError("no file of the split train", where=where, hint="curator split makes one")
    return {name: found[name] for name in _SPLITS if name in found}


def _measured(sources: Mapping[str, Source], config: Config) -> Data:
    splits, shapes = [], set()
    for name, source in sources.items():
        count: Counter[str] = Counter()
        for shape, weights, bad in _rows(source, config):
            shapes.add(shape)
            count.update(rows=1, bad=bad, dialogues=len(weights) > 1, unweighted=0 in weights, answers=len(weights))
            count.update(rows_answered=bool(weights), unweighted_last=weights[-1:] == [0])
        splits.append(Split(name=name, **{"rows": 0, **count}))
    return Data(tuple(splits), preference=bool(shapes) and shapes <= _PAIRS, texts=shapes == {TEXTS})


def _rows(source: Source, config: Config) -> Iterator[tuple[str, list[float | None], bool]]:
    """(shape, weights of the answers, whether it is labelled as bad) of each row that can be read."""
    reader = engine.reader_of(source, config)
    with source.data.open("rb") as file:
        for line in file:
            value = parse(line.strip()) if line.strip() else None
            example = reader.read(value) if type(value) is dict else None
            if example is not None:
                weights = [turn.weight for turn in example.turns if turn.role == "assistant"]
                yield example.shape, weights, example.label is False


def _copies(
    sources: Mapping[str, Source], folder: Path, shape: str, config: Config, allow_loss: bool
) -> conversion.Conversion:
    """The splits in the tool's shape; where one cannot be written, none is. What only looks otherwise is no loss."""
    form: conversion.Form = "conversational" if shape.startswith(("trl", "prompt")) else "auto"
    for name, source in sources.items():
        trial = folder / f".{name}.trial.jsonl"
        done = conversion.convert([source.path], shape, trial, config, allow_loss=allow_loss, form=form)
        _forget(trial, folder)
        if not done.ok and {loss.kind for loss in done.table} != {"form"}:
            return done
    for name, source in sources.items():
        done = conversion.convert([source.path], shape, folder / f"{name}.jsonl", config, allow_loss=True, form=form)
    return done


def _forget(trial: Path, folder: Path) -> None:
    """Remove what a trial wrote, and the folder where it made it."""
    for file in (trial, trial.with_name(f"{trial.stem}.rejected.jsonl"), folder / conversion.INFO):
        file.unlink(missing_ok=True)
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


def _finished(
    tool: Tool,
    folder: Path,
    config: Config,
    recipe: Recipe,
    data: Data,
    made: Folder,
    shape: str,
    log: decisions.Log,
    allow_loss: bool,
) -> Handoff:
    files = sorted(file for file in (folder / "data").iterdir() if file.suffix in (".jsonl", ".json"))
    judging = _judging(tool, config, made, folder.parent)
    report = decisions.settle(engine.lint(_rows_of(files), judging, cache=False), log)
    run = _of_splits(report, *_READ)
    stopping = tuple(_stopping(run, made))
    if not allow_loss:
        if stopping:
            hint = "a larger --max-length, another strategy, or --allow-loss to write the folder all the same"
            raise UsageError(stopping[0], hint=hint)
        _stop_at_errors(run, tool)
    known = settings.known(tool.name)
    result = Handoff(
        curator=__version__,
        tool=tool.name,
        version=f"{known.title} {known.version}",
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        recipe=recipe,
        splits=data.splits,
        shape=shape,
        command=made.command,
        fate=about_target(run).removesuffix(_WHOLE if made.untrained else ""),
        reasons=(
            *stopping,
            *_reasons(outcomes(run), _beyond(tool, made, shape), tool.target),
            *_kept_for_later(report),
            *filter(None, [made.untrained]),
        ),
        notes=(*filter(None, [targets.load(tool.target).standing]), *made.notes),
        hashes={str(file.relative_to(folder)): sha256(file) for file in (*files, *map(folder.joinpath, made.files))},
    )
    write_whole(folder / PAGE, _page(result, made).encode())
    write_whole(folder / RECORD, msgspec.json.format(json_of(result), indent=2) + b"\n")
    return result


def _judging(tool: Tool, config: Config, made: Folder, beside: Path) -> Config:
    """The configuration by which the rows are judged: the tool as its settings were written."""
    options = dict(config.then.options)
    if made.batch:
        options[_DROPS] = options.pop(_DROPS, {}) | {"batch": made.batch}
    sized = (_FEW,) if made.batch else ()  # a batch that was written is no larger than a split
    then = msgspec.structs.replace(config.then, options=options, ignore=(*config.then.ignore, *sized))
    target = _extended(tool, made.limits, beside) if made.limits else tool.target
    return msgspec.structs.replace(config, target=target, max_length=made.most or None, shape=None, map={}, then=then)


def _extended(tool: Tool, limits: Sequence[Tokens], beside: Path) -> str:
    """A profile as a file, which says of long rows what the settings do; called as the target's own."""
    tables = [[limit for limit in limits if not limit.shapes], [limit for limit in limits if limit.shapes]]
    (tokens,), others = ([_inline(limit) for limit in table] for table in tables)
    file = beside / f"{tool.target}.toml"
    lines = [f"extends = {json.dumps(tool.target)}", f"tokens = {tokens}", f"limits = [{', '.join(others)}]"]
    write_whole(file, "\n".join(lines).encode())
    return str(file)


def _inline(limit: Tokens) -> str:
    """A limit as an inline table of TOML, whose strings, numbers and lists are written as in JSON."""
    told = msgspec.to_builtins(limit).items()
    return f"{{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in told if value is not None)} }}"


def _stopping(report: Report, made: Folder) -> Iterator[str]:
    """How many rows stop the run for their length, and by what setting."""
    for outcome in outcomes(report):
        if outcome.what in STOPS:
            by = next(limit.by for limit in made.limits if limit.over == "refused")
            yield f"{counted(outcome.rows, 'row')} of more than {made.most:,} tokens: {by}"


def _rows_of(files: Sequence[Path]) -> list[Path]:
    return [file for file in files if file.stem in _SPLITS]


def _of_splits(report: Report, *splits: str) -> Report:
    """The report without what stands in other splits."""
    within = [finding for finding in report.findings if Path(finding.file).stem in splits]
    return msgspec.structs.replace(report, findings=within)


def _kept_for_later(report: Report) -> Iterator[str]:
    """How many rows of the split that a run does not read are refused or wrong: a lint of the folder counts them."""
    found = [outcome for outcome in outcomes(_of_splits(report, _LATER)) if outcome.what in (*REFUSED, *WRONG)]
    if found:
        told = ", ".join(f"{counted(outcome.rows, 'row')} {outcome.what}" for outcome in found)
        yield f"in {_LATER}.jsonl, which the run does not read: {told}"


def _stop_at_errors(run: Report, tool: Tool) -> None:
    """Raises UsageError where the tool would refuse the set or rows of it, or rows have errors, with the first."""
    for finding in run.findings:
        if finding.code in _OF_THE_SET:
            raise UsageError(f"{tool.name} would refuse the set: {finding.message}", hint=_hint(tool))
    for words, stops in ((REFUSED, refuses), (WRONG, is_wrong)):
        found = next((outcome for outcome in outcomes(run) if outcome.what in words), None)
        if found is None:
            continue
        first = next(finding for finding in run.findings if stops(finding))
        told = f"{found.what} by {tool.name}, the first for this" if words is REFUSED else f"{found.what}, the first"
        where = f"{Path(first.file).name}:{first.line} {first.path}".rstrip()
        raise UsageError(f"{counted(found.rows, 'row')} {told}: {first.message}", where=where, hint=_hint(tool))


def _hint(tool: Tool) -> str:
    return f"curator lint PATH --target {tool.target} shows every one; --allow-loss writes the folder all the same"


def _beyond(tool: Tool, made: Folder, shape: str) -> str:
    """What the tool does with rows of the shape that are too long, in words."""
    limits = made.limits or targets.load(tool.target).every_limit
    found = [limit for limit in limits if shape in limit.shapes] or [limit for limit in limits if not limit.shapes]
    return found[0].by if found else ""


def _reasons(found: Sequence[Outcome], beyond: str, target: str) -> Iterator[str]:
    for outcome in found:
        cut = ((beyond, outcome.rows),) if outcome.what in CUT and beyond else ()
        for by, rows in outcome.by or cut:
            yield f"{counted(rows, 'row')}: {by}"
        if outcome.what in (*REFUSED, *WRONG):
            told = f"why {counted(outcome.rows, 'row')} {outcome.what}"
            yield f"{told}: curator lint data --target {target}, in this folder"


def _page(result: Handoff, made: Folder) -> str:
    """The README of the folder."""
    rows = ", ".join(f"{counted(split.rows, 'row')} in {split.name}.jsonl" for split in result.splits)
    lines = [f"# Training with {result.version}", "", f"{rows}, as {result.shape}.", "", "```sh"]
    lines += [line for line in (made.install, result.command) if line]
    lines += ["```", "", result.fate, *(f"- {reason}" for reason in result.reasons)]
    if result.notes:
        lines += ["", "Before you start:", "", *(f"- {note}" for note in result.notes)]
    lines += ["", f"Settings checked against {result.version}. The hash of every file is in {RECORD}.", ""]
    return "\n".join(lines)


def as_text(result: Handoff, folder: str) -> str:
    """What was written, for a terminal."""
    rows = ", ".join(f"{split.name} {split.rows:,}" for split in result.splits)
    lines = [f"{folder}: {result.version}, {result.shape} ({rows})", result.fate]
    lines += [*(f"  {reason}" for reason in result.reasons), *(f"note: {note}" for note in result.notes)]
    lines.append(f"to train:  cd {shlex.quote(folder)} && {result.command}")
    return "\n".join(line for line in lines if line) + "\n"


def as_json(result: Handoff) -> bytes:
    return json_of(result) + b"\n"

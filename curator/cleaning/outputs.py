"""Where the copies and the rejected rows go, and how they get there: all of them, or none."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import msgspec

from curator.cleaning.copies import Copy, Rejected
from curator.cleaning.result import Loss
from curator.errors import UNREADABLE, CuratorError, UsageError, WriteError
from curator.sources import Source
from curator.writing import Packed, Replacement, refuse_table


def targets(sources: Sequence[Source], out: str | Path) -> list[Path]:
    """Where the copy of each source goes. Raises UsageError where they are several and `out` is one file, or none."""
    path = Path(out)
    if str(out) == "-":
        raise UsageError("the copy is written whole or not at all, and so to a file", hint="name it: -o clean.jsonl")
    refuse_table(path)
    if path.is_dir() or str(out).endswith(("/", "\\")) or (len(sources) > 1 and not path.suffix):
        names: list[str] = []
        for source in sources:
            name = _name(source)
            numbers = ("", *(f"-{n}" for n in range(2, len(sources) + 2)))
            names.append(next(name + number for number in numbers if name + number not in names))
        return [path / f"{name}.jsonl" for name in names]
    if len(sources) > 1:
        hint = "name a folder: the files, which may be splits, stay apart in it"
        raise UsageError(f"the data are {len(sources)} files, and {out} is one", hint=hint)
    return [path]


def _name(source: Source) -> str:
    """The name of a source without extensions."""
    if source.path == "-":
        return "stdin"
    path = Path(source.path)
    if source.container == "datasets":
        return source.split or Path(source.path).parent.name
    while path.suffix.lower() in _EXTENSIONS:
        path = path.with_suffix("")
    return path.name


_EXTENSIONS = frozenset(
    ".jsonl .ndjson .jsonlines .json .csv .tsv .tab .parquet .pq .arrow .feather .gz .gzip .zst .zstd".split()
)


def refuse_overwriting(sources: Sequence[Source], outputs: Sequence[Path]) -> None:
    """Raises UsageError where an output would be written over the data, or over another output."""
    read = {Path(source.path).resolve() for source in sources if source.path != "-"}
    for n, path in enumerate(outputs):
        if path.resolve() in read:
            hint = _elsewhere(next(s for s in sources if s.path != "-" and Path(s.path).resolve() == path.resolve()))
            raise UsageError("the copy would overwrite the data", where=str(path), hint=hint)
        if path.resolve() in {other.resolve() for other in outputs[:n]}:
            raise UsageError("the copy and the rejected rows are the same file", where=str(path))


def _elsewhere(source: Source) -> str:
    """How to mend a file that no copy may overwrite."""
    if source.container == "jsonl" and not source.compression:
        return f"name another file, or mend in place: {shlex.join(['curator', 'lint', source.path, '--fix'])}"
    return "name another file: only plain JSONL is mended in place"


def set_aside(rest: Path, mine: set[str]) -> str:
    """Give a file of rejected rows another name where a row of it is not of these data; that name, "" for none.

    Rows of these data are still in them: a file that tells of nothing else is replaced.
    """
    try:
        with rest.open("rb") as file:
            if all(_file_of(line) in mine for line in file):
                return ""
        numbered = (rest.with_name(f"{rest.stem}-{n}{rest.suffix}") for n in count(1))
        free = next(path for path in numbered if not path.exists())
        rest.rename(free)
    except FileNotFoundError:
        return ""
    except OSError as error:
        hint = "name another file: --rejected FILE"
        raise WriteError(
            f"rejected rows of other data are there: {error.strerror}", where=str(rest), hint=hint
        ) from None
    return str(free)


def _file_of(line: bytes) -> str:
    try:
        return msgspec.json.decode(line, type=Rejected).file
    except UNREADABLE:
        return ""


def write(copies: Sequence[Copy], targets: Sequence[Path], rest: Path) -> tuple[Loss, ...]:
    """Write all outputs, check that the rows add up, and only then put the outputs in place."""
    losses = []
    with ExitStack() as stack:
        origins = [copy.source.path for copy in copies]
        bin_ = stack.enter_context(Replacement(rest, made_of=origins))
        outputs = [
            stack.enter_context(Replacement(target, made_of=[origin]))
            for target, origin in zip(targets, origins, strict=True)
        ]
        for copy, target, output in zip(copies, targets, outputs, strict=True):
            with Packed(output.file, target) as packed:
                written, mended = copy.write(packed)
            rejected = copy.write_rejected(bin_.file)
            loss = Loss(copy.source.path, str(target), copy.rows(), written, mended, rejected, copy.joined, copy.gained)
            if not loss.adds_up:
                raise CuratorError(f"the rows do not add up: {loss}", hint="nothing was written; please report this")
            losses.append(loss)
        for output in (bin_, *outputs):
            output.commit()
    return tuple(losses)

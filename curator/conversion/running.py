"""`convert`: reads the files, and writes them in another shape, all or none."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from curator.cleaning import refuse_overwriting, targets
from curator.columns import parse
from curator.conversion.job import Job, chosen_form
from curator.conversion.reading import File
from curator.conversion.result import Conversion, Form
from curator.errors import UsageError
from curator.formats import SHAPES, shapes
from curator.formats.dialects import entry
from curator.sources import open_sources, refuse_long
from curator.writing import Packed, Replacement

if TYPE_CHECKING:
    from curator.config import Config

INFO = "dataset_info.json"


def writable() -> tuple[str, ...]:
    """The shapes that a set can be written in: all but token ids, which need a tokenizer and a template."""
    return tuple(sorted(name for name in shapes() if name != "tokenized"))


def convert(
    paths: Sequence[str | Path],
    to: str,
    out: str | Path,
    config: Config,
    *,
    allow_loss: bool = False,
    form: Form = "auto",
    rejected: str | Path | None = None,
) -> Conversion:
    """Write the rows of `paths` to `out` in the shape `to`, a name of `writable()`.

    `out` is a file, or a folder where the data are several files; its name says how it is packed: JSONL,
    or a JSON array where it ends in .json, each with .gz or .zst. Unless `allow_loss`, nothing is written
    where anything would be lost; that a row would come back in another form is told, and stops nothing. Rows
    that cannot be converted go to `rejected` (by default beside `out`) where that is named or losses are
    allowed. `form` is for the shapes that are written in strings or in message lists; "auto" takes strings
    where all rows are one plain exchange.

    Raises:
        UsageError: the shape is unknown, or `out` would overwrite the data, or cannot hold them.
        SourceError: a path is missing or cannot be read as data.
        ChangedError: a file changed meanwhile.
        WriteError: an output could not be written; none is.
    """
    _refuse_unknown(to, form)
    place = Path(out)
    special = str(out) == "-" or str(out).startswith("/dev/")
    if special or (place.exists() and not place.is_file() and not place.is_dir()):
        raise UsageError(
            "a conversion is not written to standard output, a pipe or a device",
            where="" if str(out) == "-" else str(out),
            hint="name a file: it appears whole or not at all",
        )
    with open_sources(paths, config.excluded) as opened:
        sources = list(opened)
        refuse_long(sources)
        outputs = targets(sources, out)
        if to == "llama-factory":
            _refuse_packed(outputs)
        rest = Path(rejected) if rejected else outputs[0].with_name(f"{_stem(outputs[0])}.rejected.jsonl")
        refuse_overwriting(sources, [*outputs, rest])
        files = [File(source, config) for source in sources]
        job = Job(files, to, chosen_form(files, to, form))
        created = _missing_folders([*outputs, rest])
        with ExitStack() as stack, tempfile.TemporaryFile(prefix="curator-convert-") as unfit:
            stack.callback(_remove, created)
            origins = [source.path for source in sources]
            made = zip(outputs, origins, strict=True)
            copies = [stack.enter_context(Replacement(output, made_of=[origin])) for output, origin in made]
            for file, copy, output in zip(files, copies, outputs, strict=True):
                with Packed(copy.file, output) as packed:
                    for row in job.rows(file, unfit):
                        packed.write(row)
            for source in sources:
                source.check_unchanged()
            table = job.table()
            if not job.may_write(table, allow_loss=allow_loss, rejects=bool(rejected)):
                return job.result(outputs, table, ok=False)
            replaced = [f"{output} stood there before and was replaced" for output in outputs if output.exists()]
            info = _write_info(stack, outputs, job) if to == "llama-factory" else None
            if unfit.tell():
                copies.append(stack.enter_context(Replacement(rest, made_of=origins)))
                unfit.seek(0)
                copies[-1].file.writelines(unfit)
            for copy in (*copies, *([info] if info else [])):
                copy.commit()
    result = job.result(outputs, table, rest=rest, info=str(outputs[0].with_name(INFO)) if info else "")
    return msgspec.structs.replace(result, notes=(*result.notes, *replaced))


def _refuse_unknown(to: str, form: str) -> None:
    if to not in writable():
        from rapidfuzz import process

        nearest, *_ = process.extractOne(to, writable()) or ("",)
        hint = f"did you mean {nearest!r}? Shapes: {', '.join(writable())}"
        if to == "tokenized":
            hint = f"token ids need a tokenizer and a chat template; shapes: {', '.join(writable())}"
        raise UsageError(f"no shape to write is called {to!r}", hint=hint)
    if form != "auto" and not SHAPES[to].forms:
        having = ", ".join(name for name in writable() if SHAPES[name].forms)
        raise UsageError(f"{to} has one form only", hint=f"those with two are {having}")


def _refuse_packed(outputs: Sequence[Path]) -> None:
    """LLaMA-Factory goes by the ending of a file, and knows none that is packed."""
    for output in outputs:
        if output.suffix not in (".json", ".jsonl"):
            raise UsageError(
                f"LLaMA-Factory reads no file that ends in {output.suffix or 'nothing'}",
                where=str(output),
                hint="name one that ends in .jsonl or .json",
            )


def _stem(path: Path) -> str:
    """The name without what says how the file is packed."""
    name = path.name
    for ending in (".gz", ".zst", ".jsonl", ".json", ".ndjson"):
        name = name.removesuffix(ending)
    return name


def _missing_folders(paths: Iterable[Path]) -> list[Path]:
    """Folders that do not exist yet, the innermost first."""
    missing = {folder for path in paths for folder in path.resolve().parents if not folder.exists()}
    return sorted(missing, key=lambda folder: -len(folder.parts))


def _remove(folders: Iterable[Path]) -> None:
    """Remove the folders that are there, and empty."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            continue


def _write_info(stack: ExitStack, outputs: Sequence[Path], job: Job) -> Replacement:
    """Write `dataset_info.json` beside the outputs, with their entries among those it has."""
    path = outputs[0].with_name(INFO)
    known: Any = {}
    if path.exists():
        known = parse(path.read_bytes())
        if type(known) is not dict:
            raise UsageError("no JSON object", where=str(path), hint="mend or move the file: the entry is added to it")
    made = zip(outputs, job.files, strict=True)
    known = known | {_stem(output): entry(output.name, file.keys) for output, file in made}
    info = stack.enter_context(Replacement(path))
    info.file.write(json.dumps(known, ensure_ascii=False, indent=2).encode() + b"\n")
    return info

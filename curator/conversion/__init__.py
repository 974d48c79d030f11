"""Writes a set in another shape, with a table of what that shape cannot hold.

    rows in = rows written + rows that cannot be converted

What is lost is told by the writer of the shape. Where it tells nothing, the row is converted back and
compared with what it was: an empty table means that every row comes back as it was, key by key. Rows
stream through, in their order, and the outputs appear together or not at all.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from curator.cleaning import Rejected, refuse_overwriting, targets
from curator.columns import BOM, parse
from curator.engine import sampled
from curator.errors import UsageError
from curator.formats import FAMILY, SHAPES, Reader, Row, Written, detect, shapes
from curator.formats.dialects import dialect_of, entry
from curator.model import Example, Place
from curator.paths import format as path_of
from curator.sources import Source, open_sources
from curator.text.excerpt import visible
from curator.writing import Packed, Replacement

if TYPE_CHECKING:
    from curator.config import Config

Form = Literal["auto", "plain", "conversational"]
Kind = Literal["lost", "form", "unfit"]

INFO = "dataset_info.json"


_MOST = 60  # entries of the table of one kind; what is met after them is counted together
_OTHER = "others"
_MISSING, _NEW, _OTHERWISE = " would be missing", " would be new", " would be written otherwise"
_TRL = frozenset({"trl-preference", "trl-kto", "prompt-only"})


class Loss(msgspec.Struct, frozen=True):
    """An entry of the table: what, in how many rows, and the first of them.

    `kind` is "lost" for what the target cannot hold, "form" for what would come back written otherwise
    while the meaning stays, "unfit" for rows that cannot be converted.
    """

    kind: Kind
    what: str
    rows: int
    first: Place


class Copied(msgspec.Struct, frozen=True):
    """One file: rows = written + unfit, where anything was written at all."""

    path: str
    output: str
    shape: str
    rows: int
    written: int
    unfit: int


class Conversion(msgspec.Struct, frozen=True):
    """What `convert` did. `ok` is False where it refused: then no file was touched.

    `rejected` names the file with the rows that cannot be converted, "" where there is none; `info`
    that of LLaMA-Factory's entry.
    """

    to: str
    ok: bool
    files: tuple[Copied, ...]
    table: tuple[Loss, ...]
    rejected: str = ""
    info: str = ""
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)


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
    where anything would be lost. Rows that cannot be converted go to `rejected` (by default beside `out`)
    where that is named or losses are allowed. `form` is for the shapes that are written in strings or in
    message lists; "auto" takes strings where all rows are one plain exchange.

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
        outputs = targets(sources, out)
        rest = Path(rejected) if rejected else outputs[0].with_name(f"{_stem(outputs[0])}.rejected.jsonl")
        refuse_overwriting(sources, [*outputs, rest])
        files = [_File(source, config) for source in sources]
        job = _Job(files, to, _chosen_form(files, to, form))
        created = _missing_folders([*outputs, rest])
        with ExitStack() as stack, tempfile.TemporaryFile(prefix="curator-convert-") as unfit:
            stack.callback(_remove, created)
            copies = [stack.enter_context(Replacement(output)) for output in outputs]
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
                copies.append(stack.enter_context(Replacement(rest)))
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


# ---------------------------------------------------------------------- reading


class _File:
    """A source and how its rows are read."""

    def __init__(self, source: Source, config: Config) -> None:
        self.source = source
        found = config.shape or _shape_of(sampled(source))
        self.named = config.shape is not None
        self.shape = "mapped" if config.map else found or "unknown"
        self.reader = Reader(found, config.map)
        self.count = self.written = 0

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """(index from 0, text) of the lines that hold anything."""
        with self.source.data.open("rb") as file:
            for index, line in enumerate(file):
                body = (line.removeprefix(BOM) if index == 0 else line).strip()
                if body:
                    yield index, body

    def read(self, body: bytes) -> Example | str:
        """The row, or why it cannot be read."""
        value = parse(body)
        if type(value) is not dict:
            return "no JSON object" if value is not msgspec.UNSET else "no JSON"
        example = self.reader.read(value)
        if example is None:
            return "in no known shape"
        if self.named:
            return example
        shape = dialect_of(example)
        return msgspec.structs.replace(example, shape=self.shape if self._holds(example, shape) else shape)

    def _holds(self, example: Example, shape: str) -> bool:
        """Whether a row of a shape near that of the file is as the file's shape would write it."""
        if shape == self.shape or FAMILY.get(shape, shape) != FAMILY.get(self.shape, self.shape):
            return False
        written = SHAPES[self.shape].write(example)
        return not written.losses and written.row == example.value

    def place(self, index: int) -> Place:
        return Place(self.source.path, self.source.lines(index, 1)[0])


def _shape_of(rows: Sequence[Row]) -> str | None:
    """The shape of a file, in the narrow sense where some row has words that only its maker uses."""
    shape = detect(rows).shape
    if shape is None:
        return shape
    told = (dialect_of(Example(shape, (), row)) for row in rows)
    return next((name for name in told if name != shape), shape)


def _chosen_form(files: Sequence[_File], to: str, form: Form) -> str:
    """The form of all rows: strings where each of them is one plain exchange, else message lists.

    A file of both forms is read by trainers as if all rows were as the first.
    """
    adapter = SHAPES[to]
    if form != "auto" or not adapter.forms:
        return form
    for file in files:
        for _, body in file.lines():
            example = file.read(body)
            if isinstance(example, str):
                continue
            if example.shape == to and form_of(example) == "conversational":
                return "conversational"
            if example.shape != to and not _is_plain(adapter.write(example)):
                return "conversational"
    return "plain"


def _is_plain(written: Written) -> bool:
    return bool(written.losses.lacks) or type(written.row.get("prompt", "")) is str


# ---------------------------------------------------------------------- one row


class Converted(NamedTuple):
    """A row in the shape asked for, what it lost, what would come back otherwise, and why it cannot be one."""

    row: Row
    lost: Sequence[str] = ()
    form: Sequence[str] = ()
    unfit: str = ""


def convert_row(example: Example, to: str, form: str = "auto") -> Converted:
    """The example in the shape `to`. `lost` and `form` are empty where converting it back gives the same row."""
    written = _written(example, to, form)
    if example.shape == to and form not in ("plain", "conversational") and not _renamed(example.value, written):
        return Converted(example.value)
    if written.losses.lacks:
        return Converted(written.row, unfit=written.losses.lacks[0])
    if written.losses:
        return Converted(written.row, lost=written.losses)
    if written.row == example.value:
        return Converted(written.row)
    found = _differences_on_return(example, written.row, to)
    if any(what.endswith(_MISSING) for what in found) and not any(what.endswith(_NEW) for what in found):
        return Converted(written.row, lost=found)
    return Converted(written.row, form=found)


def _renamed(value: Row, written: Written) -> bool:
    """True where the writer of the row's own shape spells its keys otherwise: `response` becomes `output`."""
    found = [] if written.losses else list(_differences(value, written.row, ()))
    return all(any(what.endswith(end) for what in found) for end in (_MISSING, _NEW))


def _written(example: Example, to: str, form: str) -> Written:
    adapter = SHAPES[to]
    return adapter.forms.get(form, adapter.write)(example)


_BLIND = Reader()


def read_back(row: Row, shape: str) -> Example | None:
    """The row as it is read where nobody says that it is of `shape`; None where it is taken for another."""
    if shape == "llama-factory":
        return Reader(shape).read(row)
    example = _BLIND.read(row)
    if example is None or FAMILY.get(example.shape, example.shape) != FAMILY.get(shape, shape):
        return None
    return msgspec.structs.replace(example, shape=shape if shape in _BY_NAME else dialect_of(example))


_BY_NAME = frozenset({"harmony", "axolotl"})  # what they write may have no word of theirs


def _differences_on_return(example: Example, row: Row, to: str) -> list[str]:
    """What the row would not be as it was, were it converted back."""
    if example.shape not in SHAPES:
        return []  # columns named by hand: nothing writes them back
    again = read_back(row, to)
    if again is None:
        return [f"that it is a {to} row: by its columns it reads as another"]
    form, adapter = form_of(example), SHAPES[example.shape]
    if adapter.forms and form == "plain" and not _is_plain(adapter.write(again)):
        return ["would come back as message lists"]
    back = _written(again, example.shape, form)
    found = [f"{loss} (on the way back)" for loss in back.losses]
    return found or differences(example.value, back.row)


def form_of(example: Example) -> str:
    """Whether the row is written in strings or in message objects."""
    return "conversational" if any(turn.base for turn in example.all_turns()) else "plain"


def differences(old: Row, new: Row) -> list[str]:
    """The places where two rows differ, in words, list indices left out; empty where they are equal."""
    if old == new:
        return []
    if old.get("input") and new.get("input") == "" and type(new.get("instruction")) is str:
        return ["the border between instruction and input"]
    return list(dict.fromkeys(_differences(old, new, ())))[:_MOST] or ["the numbers in it"]


def _differences(old: Any, new: Any, steps: tuple[str, ...]) -> Iterator[str]:
    if type(old) is dict and type(new) is dict:
        for key in dict.fromkeys((*old, *new)):
            below = (*steps, path_of((key,)))
            if key not in new:
                yield _spelt(below) + _MISSING
            elif key not in old:
                yield _spelt(below) + _NEW
            else:
                yield from _differences(old[key], new[key], below)
    elif type(old) is list and type(new) is list and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from _differences(one, other, (*steps, "[]"))
    elif old != new:
        yield _spelt(steps) + _OTHERWISE


def _spelt(steps: tuple[str, ...]) -> str:
    """The path, quoted: "'messages[].content'"."""
    return repr("".join(step if step == "[]" else f".{step}" for step in steps).lstrip("."))


# ---------------------------------------------------------------------- all rows


class _Job:
    """Converts files row by row and keeps the table."""

    def __init__(self, files: Sequence[_File], to: str, form: str) -> None:
        self.files, self.to, self.form = files, to, form
        self.keys: dict[str, None] = {}  # keys of the rows written, for LLaMA-Factory's entry
        self.unfit = 0
        self._table: dict[tuple[Kind, str], list[Any]] = {}  # rows, first place
        self._forms: dict[str, list[Any]] = {}  # of source rows: rows, first place
        self._kind: str | None = None

    def rows(self, file: _File, unfit: IO[bytes]) -> Iterator[bytes]:
        """The rows of a file as JSON, in their order; those that cannot be converted are written to `unfit`."""
        for index, body in file.lines():
            file.count += 1
            try:
                found, text = self._line(file, index, body)
            except RecursionError:
                found, text = Converted({}, unfit="nested too deeply"), b""
            for kind, words in (("lost", found.lost), ("form", found.form), ("unfit", [found.unfit])):
                for what in filter(None, words):
                    self._note(kind, what, file, index)  # type: ignore[arg-type]
            if found.unfit:
                self.unfit += 1
                unfit.write(_rejected(file.place(index), found.unfit, body))
                continue
            file.written += 1
            self.keys.update(dict.fromkeys(found.row))
            yield text

    def _line(self, file: _File, index: int, body: bytes) -> tuple[Converted, bytes]:
        """A line converted, and the new line."""
        example = file.read(body)
        if isinstance(example, str):
            return Converted({}, unfit=example), b""
        found = self._converted(example)
        if found.unfit:
            return found, b""
        self._note_form(example, file, index)
        if found.row == example.value:
            return found, body
        text = encoded(found.row)
        if text is None:
            return Converted({}, unfit="a number that JSON has no word for"), b""
        if _repeats_keys(body, example.value):
            self._note("lost", "the first value of a key that is written twice", file, index)
        if _rounds_a_number(body):
            self._note("lost", "digits of a number beyond double precision", file, index)
        return found, text

    def _converted(self, example: Example) -> Converted:
        found = convert_row(example, self.to, self.form)
        if self.to == "llama-factory" and not found.unfit:
            kind = "a pair" if "rejected" in found.row else "a verdict" if "kto_tag" in found.row else "an answer"
            self._kind = self._kind or kind
            if kind != self._kind:
                return Converted({}, unfit=f"{kind} among rows of {self._kind}: a file has rows of one kind")
        return found

    def _note(self, kind: Kind, what: str, file: _File, index: int) -> None:
        key = (kind, what)
        if key not in self._table:
            if sum(1 for known, _ in self._table if known == kind) >= _MOST:
                key = (kind, _OTHER)
            self._table.setdefault(key, [0, file.place(index)])
        self._table[key][0] += 1

    def _note_form(self, example: Example, file: _File, index: int) -> None:
        """Count the rows of strings and of messages, for shapes that have both."""
        adapter = SHAPES.get(example.shape)
        if example.shape != file.shape:
            self._note("form", f"that the row is of {example.shape}", file, index)
        if adapter is None or not adapter.forms:
            return
        form = form_of(example)
        if example.shape == self.to:
            if form != self.form:
                self._note("form", "would come back as message lists", file, index)
            return
        if form == "conversational" and not _is_plain(adapter.write(example)):
            form = "long"
        self._forms.setdefault(form, [0, file.place(index)])[0] += 1

    def table(self) -> tuple[Loss, ...]:
        """The losses, the largest of each kind first."""
        for form, (count, first) in self._forms.items():
            if form == ("plain" if "long" in self._forms else "conversational"):
                other = "message lists" if form == "plain" else "strings (--form conversational keeps lists)"
                self._table["form", f"would come back as {other}"] = [count, first]
        order = {"lost": 0, "form": 1, "unfit": 2}
        found = [Loss(kind, what, rows, first) for (kind, what), (rows, first) in self._table.items()]
        return tuple(sorted(found, key=lambda loss: (order[loss.kind], -loss.rows)))

    def may_write(self, table: Sequence[Loss], *, allow_loss: bool, rejects: bool) -> bool:
        """Whether all that the table holds is allowed, and there is anything to write."""
        kinds = {loss.kind for loss in table}
        if not any(file.written for file in self.files):
            return False
        return allow_loss or not kinds or (rejects and kinds == {"unfit"})

    def result(
        self, outputs: Sequence[Path], table: tuple[Loss, ...], *, ok: bool = True, rest: Path = Path(), info: str = ""
    ) -> Conversion:
        files = tuple(
            Copied(f.source.path, str(output), f.shape, f.count, f.written if ok else 0, f.count - f.written)
            for f, output in zip(self.files, outputs, strict=True)
        )
        notes = []
        others = any(file.shape != self.to for file in self.files)
        if ok and others and self.form == "plain" and self.to in _TRL:
            notes.append(
                "written as strings, which TRL trains on as they are: --form conversational writes messages, "
                "and its trainers put the chat template around those"
            )
        return Conversion(self.to, ok, files, table, str(rest) if ok and self.unfit else "", info, tuple(notes))


def encoded(row: Row) -> bytes | None:
    """The row as JSON on one line; None where a number is none or without end."""
    try:
        return json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:  # lone surrogates
        return json.dumps(row).encode()
    except ValueError:
        return None


def _repeats_keys(body: bytes, value: Any) -> bool:
    """True where an object of the line has a key twice, of which parsers keep the last."""
    if body.count(b'":') == _keys(value):
        return False
    repeated = False

    def paired(pairs: list[tuple[str, Any]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) < len(pairs)

    json.loads(body.decode("utf-8"), strict=False, object_pairs_hook=paired)
    return repeated


_MANY_DIGITS = re.compile(rb"\d[\d.]{15,}|-0(?![.\d])")


def _rounds_a_number(body: bytes) -> bool:
    """True where a number of the line is written with more digits than a double holds, or as minus zero."""
    if not _MANY_DIGITS.search(body):
        return False
    rounded = False

    def real(text: str) -> float:
        nonlocal rounded
        value = float(text)
        rounded = rounded or Decimal(text) != Decimal(repr(value))
        return value

    def whole(text: str) -> int:
        nonlocal rounded
        rounded = rounded or text == "-0"
        return int(text)

    json.loads(body.decode("utf-8"), strict=False, parse_float=real, parse_int=whole)
    return rounded


def _keys(value: Any) -> int:
    if type(value) is dict:
        return len(value) + sum(map(_keys, value.values()))
    return sum(map(_keys, value)) if type(value) is list else 0


def _rejected(place: Place, reason: str, body: bytes) -> bytes:
    record = Rejected(place.file, place.line, ("convert",), (reason,))
    try:
        msgspec.json.decode(body)
        record = msgspec.structs.replace(record, row=msgspec.Raw(body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        record = msgspec.structs.replace(record, text=body.decode("utf-8", "backslashreplace"))
    return msgspec.json.encode(record) + b"\n"


def _write_info(stack: ExitStack, outputs: Sequence[Path], job: _Job) -> Replacement:
    """Write `dataset_info.json` beside the outputs, with their entries among those it has."""
    path = outputs[0].with_name(INFO)
    known: Any = {}
    if path.exists():
        known = parse(path.read_bytes())
        if type(known) is not dict:
            raise UsageError("no JSON object", where=str(path), hint="mend or move the file: the entry is added to it")
    known = known | {_stem(output): entry(output.name, job.keys) for output in outputs}
    info = stack.enter_context(Replacement(path))
    info.file.write(json.dumps(known, ensure_ascii=False, indent=2).encode() + b"\n")
    return info


# ---------------------------------------------------------------------- the table in words

_HEADS: Mapping[str, str] = {
    "lost": "{to} cannot hold",
    "form": "comes back in another form",
    "unfit": "cannot be converted",
}


def as_json(result: Conversion) -> bytes:
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


def as_text(result: Conversion, again: str = "") -> str:
    """The loss table and what was done, for a terminal; `again` is the command as it was typed."""
    lines = [f"{file.path}: {file.rows:,} rows of {file.shape}" for file in result.files]
    width = max([0, *(len(visible(loss.what)) for loss in result.table), *map(len, _heads(result))])
    digits = max([len("rows"), *(len(f"{loss.rows:,}") for loss in result.table)])
    for kind, head in _HEADS.items():
        losses = [loss for loss in result.table if loss.kind == kind]
        if losses:
            lines += ["", f"{head.format(to=result.to):{width}}  {'rows':>{digits}}  first"]
        for loss in losses:
            place = f"{loss.first.file}:{loss.first.line}"
            lines.append(f"{visible(loss.what):{width}}  {loss.rows:>{digits},}  {visible(place)}")
    lines.append("")
    lines += _done(result) if result.ok else _refused(result, again)
    return "\n".join(lines) + "\n"


def _heads(result: Conversion) -> list[str]:
    return [_HEADS[loss.kind].format(to=result.to) for loss in result.table]


def _done(result: Conversion) -> Iterator[str]:
    if not result.table:
        yield "nothing is lost: every row was converted back and came out as it was"
    for file in result.files:
        yield f"{file.written:,} rows written to {file.output}"
    if result.rejected:
        yield f"{sum(file.unfit for file in result.files):,} rows that cannot be converted, in {result.rejected}"
    if result.info:
        yield f"the entry for LLaMA-Factory is in {result.info}"
    yield from (f"note: {note}" for note in result.notes)


def _refused(result: Conversion, again: str) -> Iterator[str]:
    if sum(file.unfit for file in result.files) == result.rows:
        yield "nothing was written: no row can be converted"
        return
    yield "nothing was written"
    kinds = {loss.kind for loss in result.table}
    if kinds == {"unfit"}:
        yield f"to write the rest, and these rows to a file of their own: {again} --rejected rejected.jsonl"
    elif kinds == {"form"}:
        yield f"the meaning stays; to write the rows all the same: {again} --allow-loss"
    else:
        yield f"to write the rows without all this: {again} --allow-loss"

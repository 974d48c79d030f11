"""Converts files row by row and keeps the table of what was lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from curator.cleaning import Rejected, rejected_line
from curator.conversion.reading import File
from curator.conversion.result import Conversion, Copied, Form, Kind, Loss
from curator.conversion.row import Converted, answers_apart, convert_row, form_of, is_plain
from curator.conversion.wording import encoded, repeats_keys, rounds_a_number
from curator.formats import SHAPES
from curator.model import Example, Place

_MOST = 60  # entries of the table of one kind; what is met after them is counted together
_OTHER = "others"
_TRL = frozenset({"trl-preference", "trl-kto", "prompt-only"})


def chosen_form(files: Sequence[File], to: str, form: Form) -> str:
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
            if example.shape != to and not all(is_plain(adapter.write(part)) for part in answers_apart(example, to)):
                return "conversational"
    return "plain"


class Job:
    """Converts files row by row and keeps the table."""

    def __init__(self, files: Sequence[File], to: str, form: str) -> None:
        self.files, self.to, self.form = files, to, form
        self._table: dict[tuple[Kind, str], list[Any]] = {}  # rows, first place
        self._forms: dict[str, list[Any]] = {}  # of source rows: rows, first place
        self._kind: str | None = None

    def rows(self, file: File, unfit: IO[bytes]) -> Iterator[bytes]:
        """The rows of a file as JSON, in their order; those that cannot be converted are written to `unfit`."""
        for index, body in file.lines():
            file.count += 1
            try:
                found, lines = self._line(file, index, body)
            except RecursionError:
                found, lines = Converted({}, unfit="nested too deeply"), []
            for kind, words in (("lost", found.lost), ("form", found.form), ("unfit", [found.unfit])):
                for what in filter(None, words):
                    self._note(kind, what, file, index)  # type: ignore[arg-type]
            if found.unfit:
                file.unfit += 1
                unfit.write(_rejected(file.place(index), found.unfit, body))
                continue
            file.written += len(lines)
            file.keys.update(dict.fromkeys(found.row))
            yield from lines

    def _line(self, file: File, index: int, body: bytes) -> tuple[Converted, list[bytes]]:
        """A line converted, and the new lines: one, or two of a pair."""
        example = file.read(body)
        if isinstance(example, str):
            return Converted({}, unfit=example), []
        found = self._converted(example)
        if found.unfit:
            return found, []
        if found.second is None:
            self._note_form(example, file, index)
        if found.row == example.value:
            return found, [body]
        rows = [found.row] if found.second is None else [found.row, found.second]
        lines = [line for row in rows if (line := encoded(row)) is not None]
        if len(lines) < len(rows):
            return Converted({}, unfit="a number that JSON has no word for"), []
        if repeats_keys(body, example.value):
            self._note("lost", "the first value of a key that is written twice", file, index)
        if rounds_a_number(body):
            self._note("lost", "digits of a number beyond double precision", file, index)
        return found, lines

    def _converted(self, example: Example) -> Converted:
        found = convert_row(example, self.to, self.form)
        if self.to == "llama-factory" and not found.unfit:
            kind = "a pair" if "rejected" in found.row else "a verdict" if "kto_tag" in found.row else "an answer"
            self._kind = self._kind or kind
            if kind != self._kind:
                return Converted({}, unfit=f"{kind} among rows of {self._kind}: a file has rows of one kind")
        return found

    def _note(self, kind: Kind, what: str, file: File, index: int) -> None:
        key = (kind, what)
        if key not in self._table:
            if sum(1 for known, _ in self._table if known == kind) >= _MOST:
                key = (kind, _OTHER)
            self._table.setdefault(key, [0, file.place(index)])
        self._table[key][0] += 1

    def _note_form(self, example: Example, file: File, index: int) -> None:
        """Count the rows of strings and of messages, for shapes that have both."""
        adapter = SHAPES.get(example.shape)
        if example.shape != file.shape:
            self._note("form", f"a row of {example.shape} in a file of {file.shape}", file, index)
        if adapter is None or not adapter.forms:
            return
        form = form_of(example)
        if example.shape == self.to:
            if form != self.form:
                self._note("form", "would come back as message lists", file, index)
            return
        if form == "conversational" and not is_plain(adapter.write(example)):
            form = "long"
        self._forms.setdefault(form, [0, file.place(index)])[0] += 1

    def table(self) -> tuple[Loss, ...]:
        """The losses, the largest of each kind first."""
        for form, (count, first) in self._forms.items():
            if form == ("plain" if "long" in self._forms else "conversational"):
                other = "message lists" if form == "plain" else "strings (back with --form conversational: as lists)"
                self._table["form", f"would come back as {other}"] = [count, first]
        order = {"lost": 0, "form": 1, "unfit": 2}
        found = [Loss(kind, what, rows, first) for (kind, what), (rows, first) in self._table.items()]
        return tuple(sorted(found, key=lambda loss: (order[loss.kind], -loss.rows)))

    def may_write(self, table: Sequence[Loss], *, allow_loss: bool, rejects: bool) -> bool:
        """Whether all that the table holds is allowed, and there is anything to write; another form loses nothing."""
        stops = {loss.kind for loss in table} - {"form"}
        if not any(file.written for file in self.files):
            return False
        return allow_loss or not stops or (rejects and stops == {"unfit"})

    def result(
        self, outputs: Sequence[Path], table: tuple[Loss, ...], *, ok: bool = True, rest: Path = Path(), info: str = ""
    ) -> Conversion:
        files = tuple(
            Copied(f.source.path, str(output), f.shape, f.count, f.written if ok else 0, f.unfit, f.gained if ok else 0)
            for f, output in zip(self.files, outputs, strict=True)
        )
        notes = []
        others = any(file.shape != self.to for file in self.files)
        if ok and (pairs := sum(file.gained for file in self.files)):
            said = f"{pairs:,} pairs are" if pairs > 1 else "1 pair is"
            notes.append(f"{said} two rows each: the chosen answer, then the rejected one")
        if ok and others and self.form == "plain" and self.to in _TRL:
            notes.append(
                "written as strings, which TRL trains on as they are: --form conversational writes messages, "
                "and its trainers put the chat template around those"
            )
        rejected = str(rest) if ok and any(file.unfit for file in self.files) else ""
        return Conversion(self.to, ok, files, table, rejected, info, tuple(notes))


def _rejected(place: Place, reason: str, body: bytes) -> bytes:
    return rejected_line(Rejected(place.file, place.line, ("convert",), (reason,)), body)

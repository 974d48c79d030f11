"""TPL017, TPL018: whether Ollama will ask the model as it was trained to be asked."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from curator.columns import Batch, Rows
from curator.errors import CuratorError
from curator.model import Example, Flag, NotRun, Turn
from curator.ollama.detection import chosen
from curator.ollama.gosyntax import TemplateError
from curator.ollama.modelfile import Modelfile, is_text, read_modelfile
from curator.ollama.prompt import OllamaTemplate
from curator.rule import Bad, DatasetRule, chat, option
from curator.templates import UNTEMPLATED, Message, Template, conversations, in_model, load, prepared

_MOST = 5  # differences told apart; the rest are counted
_AROUND = 24  # characters shown on either side of the first difference
_ALIKE = 12  # characters before the first difference by which differences are grouped

_CHATML = "{{ range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
_LOST = "{{ if .System }}{{ end }}<|im_start|>user\n{{ .Prompt }}<|im_end|>\n<|im_start|>assistant\n{{ .Response }}"
_TOLD = chat(system="Be brief.", user="Is it on?", assistant="Yes.")
_ASKED = chat(user="Is it on?", assistant="Yes.")

_JINJA = "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}</s>{% endfor %}"
_INDEX = json.dumps([{"name": "near", "template": _JINJA.replace("role", "name")}])

ModelfileName = Annotated[str, option("The Modelfile, a file with a Go template, or its text; `--modelfile` sets it.")]


class OllamaRule(DatasetRule, frozen=True):
    """A rule on what Ollama makes of the set."""

    exempt = UNTEMPLATED
    needs: ClassVar[str] = "modelfile"
    modelfile: ModelfileName = "{{ .Prompt }}"

    def files(self) -> tuple[str, ...]:
        return () if is_text(self.modelfile) else (self.modelfile,)


class OllamaPromptDiffers(OllamaRule, frozen=True):
    """Ollama gives the model another prompt than the one it was trained on.

    Ollama writes prompts with a Go template of its own, not with the chat template of the model. A system
    text that is lost there, a missing line break or another marker puts the model off what it has learnt:
    it answers worse than in every test, or does not stop.
    """

    code = "TPL017"
    severity = "error"
    GOOD = [[_TOLD, _ASKED]]
    BAD = [
        Bad([_ASKED, _TOLD], at="1:", options={"modelfile": _LOST}),
        Bad([_ASKED], at="0:", options={"template": "llama-3"}),
        Bad([_ASKED], at="0:", options={"modelfile": f'FROM m\nTEMPLATE """{_CHATML}"""\nMESSAGE user Hi\n'}),
    ]
    needs = "ollama"

    modelfile: ModelfileName = _CHATML
    template: Annotated[str, option("The chat template of training: a name, a file or a model folder.")] = "chatml"

    def sketch(self, batch: Batch) -> np.ndarray:
        """uint64, shape (lines,): 0 where the prompts agree, 1 where there are none, else a hash of what differs first."""
        out = np.zeros(len(batch.lines), dtype=np.uint64)
        for line in batch.readable:
            found = self._difference(batch.example(line))
            if found is NOT_COMPARED:
                out[line] = 1
            elif found:
                kind = found.kind.encode("utf-8", "surrogatepass")
                out[line] = int.from_bytes(hashlib.blake2b(kind, digest_size=8).digest()) | 3
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        unseen = _opened(self.modelfile)[0].unseen
        if unseen:
            rows.leave_out(NotRun((self.code,), *unseen))
            return
        skipped = int(np.count_nonzero(sketches == 1))
        judged = int(rows.readable.sum()) - skipped
        if skipped:
            said = "1 row is" if skipped == 1 else f"{skipped:,} rows are"
            reason = f"{said} not compared: no answer, or the chat template refuses it"
            rows.leave_out(NotRun((self.code,), reason, "TPL001 tells which rows the chat template refuses"))
        differing = np.flatnonzero(sketches > 1)
        counts = Counter(sketches[differing].tolist())
        ordered = sorted(counts, key=lambda key: (-counts[key], key))
        kinds = [np.flatnonzero(sketches == np.uint64(key)).tolist() for key in ordered[:_MOST]]
        others = np.flatnonzero(np.isin(sketches, np.array(ordered[_MOST:], np.uint64))).tolist()
        for same in [*kinds, others] if others else kinds:
            found = self._difference(rows.example(same[0]))
            assert found is not None, "the row differed in its batch"
            evidence: dict[str, Any] = {"rows": len(same), "of": judged, "differ": len(differing)}
            evidence |= {"training": found.training, "ollama": found.ollama}
            first = "in other ways, first of all: " if same is others else ""
            message = f"in {len(same):,} of {judged:,} rows {first}{found.said}"
            about = "others" if same is others else found.kind
            yield Flag.once(same, "", message, about=about, evidence=evidence)

    def _difference(self, example: Example) -> Difference | None:
        """The first difference of a row; `NOT_COMPARED` where there is nothing to compare."""
        template = load(self.template)
        modelfile, ollama = _opened(self.modelfile)
        if modelfile.unseen:
            return NOT_COMPARED
        met = False
        for said in conversations(example):
            for place, turn in enumerate(said.turns):
                if turn.role != "assistant":
                    continue
                found = compared(template, modelfile, ollama, said.turns[:place], said.messages[:place], said.tools)
                met = met or found is not NOT_COMPARED
                if found and found is not NOT_COMPARED:
                    return found
        return None if met else NOT_COMPARED


class UntoldTemplate(OllamaRule, frozen=True):
    """The Modelfile leaves it to Ollama to guess the chat template.

    For a model that is imported from a file, Ollama compares the chat template in the file with some
    thirty it knows, and takes the nearest where under a hundred characters differ. Most templates of
    today have no such neighbour, and a few have a wrong one: the model then gets the bare prompt, or the
    markers of another family. Where Ollama knows the very template in the file, nothing is told.
    """

    code = "TPL018"
    GOOD = [[_ASKED]]
    BAD = [
        Bad([_ASKED], at="0:", options={"modelfile": "FROM ./model.gguf"}),
        Bad([_ASKED], at="0:", options={"modelfile": "FROM ./model.gguf", "chat_template": _JINJA}),
        Bad([_ASKED], at="0:", options={"modelfile": "FROM ./model.gguf", "chat_template": _JINJA, "index": _INDEX}),
    ]

    chat_template: Annotated[
        str, option("The chat template in the model, a file or its text, where FROM names a file that is not here.")
    ] = ""
    index: Annotated[
        str, option("`template/index.json` of Ollama's source: with it the distances are exact, whatever the version.")
    ] = ""

    def files(self) -> tuple[str, ...]:
        named = (self.chat_template, self.index)
        return (*super().files(), *(name for name in named if name and not _is_written_out(name)))

    def sketch(self, batch: Batch) -> np.ndarray:
        """bool, shape (lines,): nothing is asked of the rows."""
        return np.zeros(len(batch.lines), dtype=bool)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        modelfile, ollama = _opened(self.modelfile)
        if ollama is None and modelfile.from_file and not modelfile.renderer and len(sketches):
            said, evidence = self._guess(modelfile)
            if said:
                yield 0, Flag("", f"FROM {modelfile.base} without TEMPLATE: {said}; write it out", evidence=evidence)

    def _guess(self, modelfile: Modelfile) -> tuple[str, dict[str, Any]]:
        """(what Ollama will do, in words, "" where it takes the right one; evidence)."""
        text = self._jinja(modelfile)
        if text is None:
            return "Ollama will guess one from the model, which is not here to read", {}
        if not text:
            return "the model has no chat template either, and Ollama will send the bare prompt", {}
        found = chosen(text, self.index)
        evidence = {"taken": found.name, "edits": found.edits, "may": list(found.may)}
        if found.may:
            names = ", ".join(found.may)
            return f"Ollama will send the bare prompt, or take {names}: its template/index.json would tell", evidence
        if not found.name:
            return "Ollama knows none that is near the model's, and will send the bare prompt", evidence
        if not found.edits:
            return "", evidence
        return f"Ollama will take {found.name}, made for another text, {found.edits} edits from the model's", evidence

    def _jinja(self, modelfile: Modelfile) -> str | None:
        """The chat template of the model, "" where it has none, None where it cannot be read."""
        if "{{" in self.chat_template or "{%" in self.chat_template:
            return self.chat_template
        place = Path(modelfile.path).parent / modelfile.base
        try:
            return in_model(self.chat_template or str(place.expanduser()))
        except CuratorError:
            return None


def _is_written_out(name: str) -> bool:
    return "{{" in name or "{%" in name or name.lstrip().startswith("[")


class Difference(NamedTuple):
    """Where two prompts first differ: `kind` is the same for rows that differ in the same way."""

    kind: str
    said: str
    training: str
    ollama: str


NOT_COMPARED = Difference("", "", "", "")


def _opened(name: str) -> tuple[Modelfile, OllamaTemplate | None]:
    """A Modelfile, by its path or its text, and its template where it has one."""
    if is_text(name):
        return _read(name, 0, 0)
    try:
        stat = Path(name).stat()
    except OSError:
        return _read(name, 0, 0)  # which says what is wrong with it
    return _read(name, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=8)
def _read(name: str, changed: int, size: int) -> tuple[Modelfile, OllamaTemplate | None]:
    modelfile = read_modelfile(name)
    return modelfile, OllamaTemplate(modelfile.template) if modelfile.template is not None else None


def compared(
    template: Template,
    modelfile: Modelfile,
    ollama: OllamaTemplate | None,
    turns: Sequence[Turn],
    messages: Sequence[Message],
    tools: Sequence[Any],
) -> Difference | None:
    """The first difference between the prompt of training and that of Ollama; None where they are the same.

    A `bos_token` at the start counts for nothing: Ollama's runner puts it there. A conversation that the
    chat template refuses is `NOT_COMPARED` (TPL001 reports it).
    """
    if ollama is None:
        return NOT_COMPARED
    try:
        trained = template.render(prepared(messages), tools, generation=True)
    except Exception:
        return NOT_COMPARED
    try:
        given = ollama.prompt(asked(modelfile, turns), tools)
    except TemplateError as fault:
        return Difference(f"fails {fault}", f"Ollama's template fails: {fault}", trained, "")
    if template.bos:
        trained, given = trained.removeprefix(template.bos), given.removeprefix(template.bos)
    if trained == given:
        return None
    return _first(
        trained, given, " (MESSAGE lines of the Modelfile stand before each request)" if modelfile.messages else ""
    )


def asked(modelfile: Modelfile, turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns that Ollama lays out for a request of `turns`.

    SYSTEM stands first, unless the request brings a system turn of its own, then what MESSAGE lines say, then the
    request (`ChatHandler` of its server).
    """
    said = [Turn(role, text, "") for role, text in modelfile.messages]
    told = (
        [Turn("system", modelfile.system, "")] if modelfile.system and (not turns or turns[0].role != "system") else []
    )
    return (*told, *said, *turns)


def _first(trained: str, given: str, why: str) -> Difference:
    """Where two prompts that differ first do."""
    pairs = enumerate(zip(trained, given, strict=False))
    at = next((n for n, (one, two) in pairs if one != two), min(len(trained), len(given)))
    ours, theirs = (text[max(0, at - _AROUND) : at + _AROUND] for text in (trained, given))
    kind = "\0".join((trained[max(0, at - _ALIKE) : at], trained[at : at + 4], given[at : at + 4]))
    return Difference(kind, f"Ollama's prompt has {theirs!r} where training had {ours!r}{why}", ours, theirs)

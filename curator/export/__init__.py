"""Takes a tuned model to where it is used.

merged      the whole model: safetensors, tokenizer, chat template
gguf        the whole model for llama.cpp
gguf-lora   the adapter alone for llama.cpp
ollama      a Modelfile with the model or the adapter beside it
mlx         the adapter for mlx-lm
peft        an adapter of mlx-lm for peft

Beside each: README.md, the model card, and export.json, the record with the hash of every file.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from curator import __version__, templates
from curator.errors import UNREADABLE, SourceError, UsageError
from curator.export import gguf, merged, mlx, ollama
from curator.export.source import MLX_WEIGHTS, Source, open_source
from curator.export.vocabulary import Vocabulary, read_vocabulary
from curator.scratch import Scratch
from curator.splits.splitting import sha256
from curator.templates import Template
from curator.templates.finding import has_template
from curator.text.encodings import json_of
from curator.training import card
from curator.training.models import needs
from curator.writing import open_up, passing_folder, reach_disk

RECORD, PAGE, MODELFILE, MODEL, ADAPTER = "export.json", "README.md", "Modelfile", "model.gguf", "adapter.gguf"
_LEAST_CONTEXT = 4096  # what Ollama gives a model that asks for nothing


class Ask(NamedTuple):
    """What is wanted: `kind` of the numbers in a GGUF file; the rest is for ollama.

    `system` is the text of SYSTEM, None for the one that all rows of the training data have. `num_ctx` of 0 is
    chosen from the training. `on` is a model of Ollama's that the adapter is put on, "" for the merged model.
    """

    path: str
    out: Path
    base: str | None = None
    kind: gguf.Kind = "f16"
    system: str | None = None
    num_ctx: int = 0
    on: str = ""
    force: bool = False


class Export(msgspec.Struct, frozen=True):
    """What was written: `hashes` gives each file's SHA-256, `notes` what was done on the way, `command` what to do."""

    curator: str
    form: str
    made: str
    source: str
    base: str
    method: str
    command: str
    notes: tuple[str, ...]
    hashes: dict[str, str]


class _Done(NamedTuple):
    notes: tuple[str, ...]
    command: str


def export(form: str, ask: Ask) -> Export:
    """Write what `form` names into the folder `ask.out`, which appears whole or not at all.

    Raises:
        UsageError: the form is unknown or does not suit the model, or the folder is not from an export.
        SourceError: there is nothing to export, or it cannot be said in that form.
        ChangedError: the base is not the one that was tuned.
        MissingExtraError: a package is not installed.
    """
    if form not in FORMS:
        raise UsageError(f"no form {form!r}", hint=f"the forms are {', '.join(FORMS)}")
    needs("export", "torch", "transformers", "peft", "safetensors")
    if form in ("gguf", "gguf-lora", "ollama"):
        needs("GGUF", "gguf", extra="export")
    _refuse_overwriting(ask)
    with _weights_told(ask.path), passing_folder(ask.out.absolute()) as passing, _opened(ask, form) as source:
        folder = passing / "new"
        folder.mkdir()
        done = FORMS[form](source, ask, folder)
        open_up(folder)
        (folder / PAGE).write_text(_card(source, form, done.notes), "utf-8")
        result = _record(form, source, done, folder)
        (folder / RECORD).write_bytes(msgspec.json.format(json_of(result), indent=2) + b"\n")
        reach_disk(folder)
        _put(folder, ask.out)
    return result


@contextmanager
def _weights_told(path: str) -> Iterator[None]:
    """What is wrong with a file of weights, in the user's words: a header that lies, or a file that was cut."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        hint = "fetch the model or the adapter again"
        raise SourceError(f"the weights cannot be read: {error}", where=path, hint=hint) from None


@contextmanager
def _opened(ask: Ask, form: str) -> Iterator[Source]:
    """The source; an adapter of MLX is one of PEFT for as long as it is exported."""
    if not mlx.is_mlx(Path(ask.path)):
        if form == "peft":
            raise UsageError("no adapter of mlx-lm in there", where=ask.path, hint=f"it holds {MLX_WEIGHTS}")
        yield open_source(ask.path, ask.base)
        return
    with Scratch("mlx") as passing:
        mlx.to_peft(Path(ask.path), Path(passing), ask.base)
        yield open_source(ask.path, ask.base, folder=Path(passing))


# ---------------------------------------------------------------------- forms


def _merged(source: Source, ask: Ask, folder: Path) -> _Done:
    made = merged.merge(source)
    kind = merged.save(source, made, folder)
    notes = (*_merge_notes(source, made), f"the weights are {kind}, as those of the base")
    return _Done(notes, f"transformers chat {ask.out}")


def _gguf(source: Source, ask: Ask, folder: Path) -> _Done:
    template = _template(source)
    words = _words(source, template)
    made = _write_gguf(source, ask, folder / MODEL, words, template)
    notes = (*_merge_notes(source, made), f"weights in {ask.kind}, {words.split}")
    return _Done(notes, f"llama-cli -m {ask.out / MODEL}")


def _gguf_lora(source: Source, ask: Ask, folder: Path) -> _Done:
    alpha = gguf.write_adapter(source, folder / ADAPTER, ask.kind, name=_name(ask))
    tuned, adapter = source.tuned, shlex.quote(str(ask.out / ADAPTER))
    if tuned.source == "gguf" and Path(tuned.name).is_file():
        return _Done(_alpha_notes(source, alpha), f"llama-cli -m {shlex.quote(tuned.name)} --lora {adapter}")
    base = ask.out.with_name(f"{ask.out.resolve().name}-base")
    made = shlex.join(["curator", "export", "gguf", source.base.path, "-o", str(base)])
    command = f"{made} && llama-cli -m {shlex.quote(str(base / MODEL))} --lora {adapter}"
    return _Done(_alpha_notes(source, alpha), command)


def _ollama(source: Source, ask: Ask, folder: Path) -> _Done:
    template = _template(source)
    words = _words(source, template)
    notes: tuple[str, ...]
    if ask.on:
        if gguf.architecture(source) not in ollama.TAKES_ADAPTERS:
            raise UsageError(f"Ollama puts no adapter on {source.architecture}", where=source.path,
                             hint="leave --on out: the merged model is written")  # fmt: skip
        alpha = gguf.write_adapter(source, folder / ADAPTER, ask.kind, name=_name(ask))
        notes = (*_alpha_notes(source, alpha), f"{ask.on} must be the model that was tuned: {source.tuned.title}")
        first, adapter = ask.on, f"./{ADAPTER}"
    else:  # the template writes every token of the prompt, the BOS too
        words = msgspec.structs.replace(words, adds_bos=False) if template else words
        notes = _merge_notes(source, _write_gguf(source, ask, folder / MODEL, words, template))
        first, adapter = f"./{MODEL}", ""
    samples = [*ollama.built_in(), *(rows := list(_rows(source)))]
    chosen = ollama.Chosen("", "", 0, "the model has no chat template")
    if template:
        chosen = ollama.choose(template, samples, adds_bos=words.adds_bos)
    system = ask.system if ask.system is not None else ollama.common_system(rows)
    text = ollama.modelfile(
        first,
        adapter=adapter,
        template=chosen.source,
        system=system,
        stops=tuple(_stops(source, template)),
        num_ctx=ask.num_ctx or _context(source),
    )
    (folder / MODELFILE).write_text(ollama.checked(text), "utf-8")
    return _Done((*notes, _template_note(chosen)), f"ollama create tuned -f {ask.out / MODELFILE}")


def _mlx(source: Source, ask: Ask, folder: Path) -> _Done:
    scale = mlx.to_mlx(source, folder)
    where = source.tuned.title if source.tuned.source == "hub" else source.base.path
    return _Done((f"scale {scale:g}, which is that of the training",),
                 f"mlx_lm.generate --model {where} --adapter-path {ask.out}")  # fmt: skip


def _peft(source: Source, ask: Ask, folder: Path) -> _Done:
    alpha = mlx.to_peft(Path(ask.path), folder, ask.base)
    return _Done((f"lora_alpha {alpha:g}, which is scale x rank",), f"curator export merged {ask.out} -o MODEL")


FORMS: Mapping[str, Callable[[Source, Ask, Path], _Done]] = {
    "merged": _merged,
    "gguf": _gguf,
    "gguf-lora": _gguf_lora,
    "ollama": _ollama,
    "mlx": _mlx,
    "peft": _peft,
}


def _write_gguf(source: Source, ask: Ask, file: Path, words: Vocabulary, template: Template | None) -> merged.Merged:
    gguf.architecture(source)
    made = merged.merge(source)
    text, end = (template.text(), _end_of_turn(source, template)) if template else ("", "")
    gguf.write_model(source, made.model, words, file, ask.kind, template=text, end_of_turn=end, name=_name(ask))
    return made


def _words(source: Source, template: Template | None) -> Vocabulary:
    gguf.architecture(source)
    prompt = _rendered(template, [{"role": "user", "content": "Hello"}]) if template else ""
    return read_vocabulary(source.tokenizer, int(source.model_config["vocab_size"]), prompt)


def _rendered(template: Template, said: list[dict[str, Any]]) -> str:
    """A conversation as text, "" where the template refuses it."""
    try:
        return template.render(templates.prepared(said))
    except Exception:  # what a template raises for a conversation that it refuses
        return ""


def _template(source: Source) -> Template | None:
    """The chat template it was trained with: that beside the weights, None where there is none."""
    found = str(source.tokenizer)
    return templates.load(found) if has_template(found) else None


def _end_of_turn(source: Source, template: Template) -> str:
    """The token that closes an answer: as the run says, else the first that follows one."""
    if source.run and source.run.end_of_turn:
        return source.run.end_of_turn
    said = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "@@"}]
    tail = _rendered(template, said).rpartition("@@")[2]
    found = template.token_pattern().match(tail.lstrip())
    return found.group() if found else template.eos


def _stops(source: Source, template: Template | None) -> Iterator[str]:
    if template:
        yield from dict.fromkeys(stop for stop in (_end_of_turn(source, template), template.eos) if stop)


def _rows(source: Source) -> Iterator[ollama.Sample]:
    """The prompts of the training data, where it is still there as it was."""
    data = source.run.data.get("train") if source.run else None
    if data and Path(data.path).is_file() and sha256(Path(data.path)) == data.sha256:
        yield from ollama.samples_of(data.path)


def _context(source: Source) -> int:
    """num_ctx: as long as in training, and no less than Ollama gives by itself; within the model's own."""
    trained = int((source.run.options.get("max-length") if source.run else 0) or 0)
    wanted = max(_LEAST_CONTEXT, trained)
    return min(wanted, source.base.context) if source.base.context else wanted


def _name(ask: Ask) -> str:
    return Path(ask.path).resolve().name


def _merge_notes(source: Source, made: merged.Merged) -> tuple[str, ...]:
    if source.adapter is None:
        return ()
    notes = [f"merged in 32 bits: logits within {made.difference:.1e} of those with the adapter"]
    if source.run and source.run.method == "qlora":
        notes.append("trained over 4-bit weights and merged into the full ones: answers may differ slightly")
    return tuple(notes)


def _alpha_notes(source: Source, alpha: float) -> tuple[str, ...]:
    if source.method == "rslora":
        said = f"alpha is {alpha:g} for {source.config.get('lora_alpha'):g}: llama.cpp divides by rank"
        return (f"{said}, rsLoRA by its root",)
    return (f"alpha {alpha:g}, as trained",)


def _template_note(chosen: ollama.Chosen) -> str:
    if chosen.source:
        return f"TEMPLATE {chosen.name}: equal to the chat template on {chosen.compared} prompts, byte for byte"
    return f"no TEMPLATE, Ollama takes the chat template in the file or guesses: {chosen.why}"


# ---------------------------------------------------------------------- the folder


def _refuse_overwriting(ask: Ask) -> None:
    out = ask.out
    if out.resolve() == Path(ask.path).resolve():
        raise UsageError("this is what is exported", where=str(out), hint="name another folder")
    if ask.force or not out.exists() or (out / RECORD).is_file():
        return
    if not out.is_dir() or any(out.iterdir()):
        hint = "name another folder, or overwrite it: --force"
        raise UsageError("this is not from an export", where=str(out), hint=hint)


def _record(form: str, source: Source, done: _Done, folder: Path) -> Export:
    return Export(
        curator=__version__,
        form=form,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        source=source.path,
        base=source.tuned.title,
        method=source.method,
        command=done.command,
        notes=done.notes,
        hashes={file.name: sha256(file) for file in sorted(folder.iterdir())},
    )


_LIBRARIES = {"merged": "transformers", "mlx": "mlx", "peft": "peft"}  # as the hub calls them; else gguf


def _card(source: Source, form: str, notes: tuple[str, ...]) -> str:
    of = card.Weights(
        form=form,
        library=_LIBRARIES.get(form, "gguf"),
        adapter=form in ("gguf-lora", "mlx", "peft"),
        base=msgspec.structs.replace(source.tuned, architecture=source.architecture),
        method=source.method,
        config=source.config,
        run=source.run,
    )
    return card.card(of, notes)


def _put(new: Path, out: Path) -> None:
    """Put the files in their place; what an earlier export wrote there goes."""
    try:
        if not out.exists():
            new.rename(out)
            return
        if (out / RECORD).is_file():
            for name in msgspec.json.decode((out / RECORD).read_bytes(), type=Export).hashes:
                (out / Path(name).name).unlink(missing_ok=True)
        for file in sorted(new.iterdir(), key=lambda file: file.name == RECORD):  # the record last
            file.replace(out / file.name)
    except (OSError, *UNREADABLE) as error:
        raise SourceError(f"cannot be overwritten: {error}", where=str(out), hint="name another folder") from None


def as_text(result: Export, folder: str) -> str:
    """What was written, for a terminal."""
    lines = [f"{folder}: {result.form} of {result.base}, {result.method}", *(f"  {note}" for note in result.notes)]
    return "\n".join([*lines, f"next: {result.command}", ""])

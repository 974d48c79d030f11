"""Writes a Modelfile whose TEMPLATE asks the model as it was trained to be asked.

Ollama writes prompts with a Go template of its own. Each Go template that ships with curator is executed on sample
conversations; the one whose prompts equal those of the chat template, byte for byte, is taken. Where none does,
TEMPLATE is left out and the first difference told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from curator.errors import SourceError, UsageError
from curator.model import Turn
from curator.ollama.gosyntax import TemplateError
from curator.ollama.prompt import OllamaTemplate
from curator.templates import Template, conversations, prepared

# Whose adapters Ollama puts on a base: it runs these with llama.cpp; its own engine, which runs qwen3, refuses them.
TAKES_ADAPTERS = frozenset({"llama", "qwen2"})
_AROUND = 32  # characters shown of a difference
_ROWS = 200  # rows that the prompts are compared on


class Sample(NamedTuple):
    """A prompt: what was said before an answer."""

    turns: tuple[Turn, ...]
    messages: tuple[dict[str, Any], ...]
    tools: tuple[Any, ...] = ()


class Chosen(NamedTuple):
    """The Go template, "" where none fits and `why` says so; `compared` prompts were equal."""

    name: str
    source: str
    compared: int
    why: str = ""


def folder() -> Path:
    """The folder of the Go templates that ship with curator: in a wheel or in a checkout."""
    package = Path(__file__).parent.parent
    shipped = package / "_rules"
    return (shipped if shipped.is_dir() else package.parent / "rules") / "ollama"


@lru_cache(maxsize=1)
def shipped() -> dict[str, str]:
    """The Go templates by name. A file ends in one line break that is no part of the template."""
    return {file.stem: file.read_text("utf-8").removesuffix("\n") for file in sorted(folder().glob("*.tmpl"))}


def built_in() -> Iterator[Sample]:
    """Conversations of every usual form: with and without a system text, of one question and of several."""
    said = [("user", "Is the lamp on?"), ("assistant", "Yes, it is."), ("user", "Since when?\n\nTell me."),
            ("assistant", "Since 8:15 — say."), ("user", "Thanks!")]  # fmt: skip
    for system in ("", "You are brief.\nYou are kind."):
        for length in (1, 3, 5):
            told = [*([("system", system)] if system else []), *said[:length]]
            yield sample(told)


def sample(said: Sequence[tuple[str, str]]) -> Sample:
    """A prompt of (role, text) pairs."""
    turns: list[Any] = [Turn(role, text, "") for role, text in said]
    return Sample(tuple(turns), tuple({"role": role, "content": text} for role, text in said))


def samples_of(path: str | Path, shape: str | None = None) -> Iterator[Sample]:
    """The prompts of the first rows of a file. Raises SourceError."""
    from curator import engine
    from curator.columns import parse
    from curator.formats import Reader, detect
    from curator.sources import open_sources

    with open_sources([path]) as opened:
        for source in opened:
            reader = Reader(shape or detect(engine.sampled(source)).shape, {})
            with source.data.open("rb") as file:
                for number, line in enumerate(file):
                    if number >= _ROWS:
                        break
                    value = parse(line.strip()) if line.strip() else None
                    example = reader.read(value) if type(value) is dict else None
                    for said in conversations(example) if example is not None else ():
                        for place, turn in enumerate(said.turns):
                            if turn.role == "assistant" and place:
                                yield Sample(tuple(said.turns[:place]), tuple(said.messages[:place]), tuple(said.tools))


def choose(template: Template, samples: Sequence[Sample], *, adds_bos: bool) -> Chosen:
    """The Go template that asks as `template` does; `adds_bos` says that Ollama puts a BOS before the prompt."""
    wanted = [(given, text) for given in samples if (text := _trained(template, given, adds_bos)) is not None]
    if not wanted:
        return Chosen("", "", 0, "the chat template refuses every sample")
    best, nearest = (-1, -1), ""
    for name, text in shipped().items():
        go = template.bos + text if wanted[0][1].startswith(template.bos) and not _begins(text, template.bos) else text
        agreed, far, why = _agreed(go, wanted)
        if agreed == len(wanted):
            return Chosen(name, go, agreed)
        if (agreed, far) > best:
            best, nearest = (agreed, far), f"the nearest, {name}, is equal on {agreed} of {len(wanted)} prompts: {why}"
    return Chosen("", "", 0, nearest)


def _begins(text: str, bos: str) -> bool:
    """Whether a template writes the token first by itself."""
    return bool(bos) and bos in text.partition("{{ end")[0]


def _trained(template: Template, given: Sample, adds_bos: bool) -> str | None:
    try:
        text = template.render(prepared(list(given.messages)), given.tools, generation=True)
    except Exception:  # what a template raises for a conversation that it refuses
        return None
    return text.removeprefix(template.bos) if adds_bos else text


def _agreed(source: str, wanted: Sequence[tuple[Sample, str]]) -> tuple[int, int, str]:
    """(prompts that are equal, characters before the first difference, what it is)."""
    go = OllamaTemplate(source)
    agreed, far, why = 0, 0, ""
    for given, trained in wanted:
        try:
            asked = go.prompt(given.turns, given.tools)
        except TemplateError as fault:
            why = why or str(fault)
            continue
        if asked == trained:
            agreed += 1
        elif not why:
            both = enumerate(zip(trained, asked, strict=False))
            far = next((n for n, (one, two) in both if one != two), min(len(trained), len(asked)))
            ours, theirs = (text[max(0, far - _AROUND // 2) : far + _AROUND] for text in (trained, asked))
            why = f"it writes {theirs!r} where training had {ours!r}"
    return agreed, far, why


def common_system(samples: Sequence[Sample]) -> str:
    """The system text that all prompts begin with, "" where they differ."""
    said = {given.turns[0].text if given.turns[0].role == "system" else "" for given in samples}
    return said.pop() if len(said) == 1 else ""


def modelfile(
    base: str, *, adapter: str = "", template: str = "", system: str = "", stops: Sequence[str] = (), num_ctx: int = 0
) -> str:
    """The text of a Modelfile. Raises UsageError for a text that cannot be quoted in one."""
    lines = [f"FROM {base}"]
    if adapter:
        lines.append(f"ADAPTER {adapter}")
    if template:
        lines.append(f"TEMPLATE {_quoted(template)}")
    if system:
        lines.append(f"SYSTEM {_quoted(system)}")
    lines += [f'PARAMETER stop "{stop}"' for stop in stops]
    if num_ctx:
        lines.append(f"PARAMETER num_ctx {num_ctx}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    if '"""' in text or text.endswith('"'):
        raise UsageError("a Modelfile cannot hold this text: it has quotation marks in the wrong place",
                         hint='no three of them, and none at the end')  # fmt: skip
    return f'"""{text}"""'


def checked(text: str) -> str:
    """The Modelfile as it was given, after it was read back. Raises SourceError."""
    from curator.ollama.modelfile import read_modelfile

    read = read_modelfile(text)
    if read.template is not None:
        OllamaTemplate(read.template)
    if not read.base:
        raise SourceError("the Modelfile has no FROM")
    return text

"""Reads a Modelfile. Source: https://docs.ollama.com/modelfile."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from curator.errors import SourceError

COMMANDS = tuple("FROM PARAMETER TEMPLATE SYSTEM ADAPTER LICENSE MESSAGE REQUIRES RENDERER PARSER".split())


class Modelfile(msgspec.Struct, frozen=True):
    """What a Modelfile says. `template` and `system` are None where it says nothing of them."""

    path: str
    base: str
    template: str | None = None
    system: str | None = None
    adapters: tuple[str, ...] = ()
    parameters: tuple[tuple[str, str], ...] = ()
    messages: tuple[tuple[str, str], ...] = ()
    renderer: str | None = None

    def parameter(self, name: str) -> tuple[str, ...]:
        """The values given for a parameter, in order: `stop` may have several."""
        return tuple(value for key, value in self.parameters if key == name)

    @property
    def from_file(self) -> bool:
        """Whether the base is a file or folder, whose template Ollama would have to guess."""
        return self.base.startswith((".", "/", "~")) or self.base.endswith((".gguf", ".safetensors"))

    @property
    def unseen(self) -> tuple[str, str] | None:
        """(why, the way on) where Ollama writes prompts by something that is not in the Modelfile, else None.

        A renderer is part of Ollama's program, and the template is not looked at (`renderPrompt` of its server).
        """
        if self.renderer:
            why = f"RENDERER {self.renderer} of the Modelfile takes the place of TEMPLATE"
            return why, "leave it out and write TEMPLATE, FROM a file: a model by its name may bring a renderer too"
        if self.template is None and self.from_file:
            return "the Modelfile has no TEMPLATE: Ollama guesses one from the file", "write it out"
        if self.template is None:
            why = f"the Modelfile has no TEMPLATE: Ollama takes that of {self.base}"
            return why, f"write it out: ollama show --modelfile {self.base}"
        return None


_FROM = re.compile(r"^[ \t]*FROM[ \t]", re.M | re.I)
_COMMAND = re.compile(rf"[ \t]*({'|'.join(COMMANDS)})(?:[ \t]+|(?=[\r\n]|$))", re.I)


def read_modelfile(name: str | Path) -> Modelfile:
    """Read a Modelfile, or a file that holds a Go template alone. The text itself will do as well.

    Raises:
        SourceError: it cannot be read, a command is not known or is not closed, or there is no FROM.
    """
    text = str(name)
    if not is_text(text):
        try:
            text = Path(name).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as fault:
            raise _unreadable(fault, str(name)) from fault
    path = "" if is_text(str(name)) else str(name)
    if not _FROM.search(text) and "{{" in text:
        return Modelfile(path, base="", template=text)
    said = _commands(text, path)
    last = dict(said)
    if "FROM" not in last:
        raise SourceError("the Modelfile has no FROM", where=path, hint="FROM names the base model")
    pairs = {kind: tuple(_pair(value) for name, value in said if name == kind) for kind in ("PARAMETER", "MESSAGE")}
    return Modelfile(
        path,
        last["FROM"],
        last.get("TEMPLATE"),
        last.get("SYSTEM"),
        tuple(value for name, value in said if name == "ADAPTER"),
        pairs["PARAMETER"],
        pairs["MESSAGE"],
        last.get("RENDERER"),
    )


def is_text(name: str) -> bool:
    """Whether a name is no path but the text of a Modelfile or template."""
    return "{{" in name or bool(_FROM.match(name))


def _commands(text: str, path: str) -> list[tuple[str, str]]:
    said = []
    place = 0
    while place < len(text):
        if skipped := re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|$)").match(text, place):
            if skipped.end() == place:
                break
            place = skipped.end()
            continue
        line = text.count("\n", 0, place) + 1
        command = _COMMAND.match(text, place)
        if command is None:
            wrong = text[place:].partition("\n")[0]
            raise SourceError(
                f"line {line} of the Modelfile is no command: {wrong[:60]!r}",
                where=path,
                hint=f"the commands are {', '.join(COMMANDS)}",
            )
        name = command.group(1).upper()
        head = _HEAD.match(text, command.end()) if name in _PAIRED else None
        begin = head.end() if head else command.end()
        value, place = _value(text, begin, path)
        if not value and (name == "PARAMETER" or text[begin : begin + 1] != '"'):
            raise _without_value(name, head.group(1) if head else "", line, path)
        said.append((name, f"{head.group(1)} {value}" if head else value))
    return said


_PAIRED = {"PARAMETER": 'PARAMETER stop "<|im_end|>"', "MESSAGE": "MESSAGE user Is it open today?"}  # with an example
_HEAD = re.compile(r"([^\s\"]+)[ \t]*")


def _unreadable(fault: OSError | UnicodeDecodeError, path: str) -> SourceError:
    hint = "name the Modelfile itself, or write out that of a model: ollama show --modelfile MODEL > Modelfile"
    if isinstance(fault, UnicodeDecodeError):
        return SourceError(
            f"the Modelfile is no UTF-8 text: {fault.reason} at byte {fault.start}", where=path, hint=hint
        )
    return SourceError(f"the Modelfile cannot be read: {fault.strerror}", where=path, hint=hint)


def _without_value(command: str, key: str, line: int, path: str) -> SourceError:
    what = f"line {line} of the Modelfile gives {f'{command} {key}'.strip()} no value"
    example = f", as in {_PAIRED[command]}" if command in _PAIRED else ""
    return SourceError(what, where=path, hint=f"write one{example}, or take the line out")


def _value(text: str, place: int, path: str) -> tuple[str, int]:
    """A value and where it ends: in three quotation marks, in one, or the rest of the line."""
    for marks in ('"""', '"'):
        if text.startswith(marks, place):
            end = text.find(marks, place + len(marks))
            if end < 0:
                line = text.count("\n", 0, place) + 1
                what = f"the quotation on line {line} of the Modelfile is not closed"
                raise SourceError(what, where=path, hint=f"close it with {marks}")
            return text[place + len(marks) : end], end + len(marks)
    end = text.find("\n", place)
    end = len(text) if end < 0 else end
    return text[place:end].strip(), end


def _pair(value: str) -> tuple[str, str]:
    name, _, rest = value.partition(" ")
    return name.lower(), rest

"""Lays out a conversation as Ollama does and executes the model's Go template on it.

Ollama joins neighbouring messages of one role by a blank line (not tool results), joins all system
texts into `.System`, and runs a template that names `.Messages` once. Any other template runs once an
exchange with `.System`, `.Prompt` and `.Response`; the last time, what follows `.Response` is left out,
for there the model begins to write. Source: the behaviour of Ollama's template package, version 0.12.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from curator.model import Turn
from curator.ollama.gofmt import Listing, Record
from curator.ollama.gosyntax import Action, Branch, Include, Node, Nodes, Operand, Parsed, Pipe, parse
from curator.ollama.gotemplate import execute, to_json

_RESPONSE = Action(Pipe(((Operand("dot", None, ("Response",)),),)))


class OllamaTemplate:
    """A model's Go template, ready to write prompts.

    Raises:
        TemplateError: the source is no Go template, or holds what is not known.
    """

    def __init__(self, source: str) -> None:
        parsed = parse(source)
        names = {name.lower() for name in _names(parsed)}
        self.by_messages = "messages" in names
        if not self.by_messages and "response" not in names:
            parsed = parsed._replace(nodes=(*parsed.nodes, _RESPONSE))
        self.parsed = parsed
        self.cut = parsed._replace(nodes=_until_response(parsed.nodes))

    def prompt(self, turns: Sequence[Turn], tools: Sequence[Any] = (), *, today: datetime.date | None = None) -> str:
        """What the model is given after these turns.

        Raises:
            TemplateError: the template fails on them, as it would in Ollama.
        """
        messages = collated(turns)
        if self.by_messages:
            return execute(self.parsed, _all(messages, tools), today=today)
        return "".join(self._exchanges(messages, today))

    def _exchanges(self, messages: Sequence[Message], today: datetime.date | None) -> Iterator[str]:
        said = {"System": "", "Prompt": "", "Response": ""}
        for message in messages:
            name = {"system": "System", "user": "Prompt", "assistant": "Response"}.get(message.role)
            full = said["Response"] or (message.role == "system" and said["Prompt"])
            if full and message.role in ("system", "user"):
                yield execute(self.parsed, {**_THINKING, **said}, today=today)
                said = {"System": "", "Prompt": "", "Response": ""}
            if name:
                said[name] = message.text
        yield execute(self.cut, {**_THINKING, **said}, today=today)


_THINKING = {"Think": False, "ThinkLevel": "", "IsThinkSet": False}


class Message(msgspec.Struct, frozen=True):
    """Neighbouring turns of one role as one."""

    role: str
    text: str
    calls: tuple[Any, ...] = ()
    call_id: str = ""
    name: str = ""


def collated(turns: Sequence[Turn]) -> list[Message]:
    """The turns as Ollama's messages: neighbours of one role joined by a blank line, but for tool results."""
    found: list[Message] = []
    for turn in turns:
        if found and found[-1].role == turn.role != "tool":
            joined = msgspec.structs.replace(
                found[-1], text=f"{found[-1].text}\n\n{turn.text}", calls=(*found[-1].calls, *turn.calls)
            )
            found[-1] = joined
        else:
            found.append(Message(turn.role, turn.text, tuple(turn.calls)))
    return found


def _all(messages: Sequence[Message], tools: Sequence[Any]) -> dict[str, Any]:
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    return {
        **_THINKING,
        "System": system,
        "Messages": [_record(message) for message in messages],
        "Tools": _tools(tools),
        "Response": "",
    }


def _record(message: Message) -> Record:
    return Record(
        Role=message.role,
        Content=message.text,
        Thinking="",
        Images=[],
        ToolCalls=[_call(call) for call in message.calls],
        ToolName=message.name,
        ToolCallID=message.call_id,
    )


def _call(call: Any) -> Record:
    arguments = Record(call.arguments if isinstance(call.arguments, Mapping) else {})
    arguments.shown = to_json({key: arguments[key] for key in sorted(arguments)})
    return Record(ID=call.id or "", Function=Record(Index=0, Name=call.name, Arguments=arguments))


def _tools(tools: Sequence[Any]) -> Listing:
    made = Listing(tools)
    made.shown = to_json(list(tools))
    return made


# ---------------------------------------------------------------------- what a template names


def _names(parsed: Parsed) -> Iterator[str]:
    """Every field and variable that a template names."""
    for nodes in (parsed.nodes, *parsed.defined.values()):
        for node in nodes:
            yield from _names_of(node)


def _names_of(node: Node) -> Iterator[str]:
    match node:
        case Action(pipe):
            yield from _names_in(pipe)
        case Branch(_, pipe, body, otherwise):
            yield from _names_in(pipe)
            for inner in (*body, *otherwise):
                yield from _names_of(inner)
        case Include(_, Pipe() as pipe):
            yield from _names_in(pipe)
        case _:
            pass


def _names_in(pipe: Pipe) -> Iterator[str]:
    for command in pipe.commands:
        for operand in command:
            yield from operand.fields
            if operand.kind == "pipeline":
                yield from _names_in(operand.value)


def _until_response(nodes: Nodes) -> Nodes:
    """The template up to and with the first action that shows `.Response`."""
    return _cut(nodes)[0]


def _cut(nodes: Nodes) -> tuple[Nodes, bool]:
    kept: list[Node] = []
    for node in nodes:
        if isinstance(node, Branch):
            body, done = _cut(node.body)
            otherwise, also = ((), False) if done else _cut(node.otherwise)
            kept.append(node._replace(body=body, otherwise=otherwise))
            done = done or also
        else:
            kept.append(node)
            done = isinstance(node, Action) and "Response" in _names_in(node.pipe)
        if done:
            return tuple(kept), True
    return tuple(kept), False

"""What a template does to rows of one structure, as bits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from curator.checks.fit.added import injected
from curator.checks.fit.known import Known
from curator.checks.fit.looks import Look
from curator.model import Turn
from curator.templates import Layout, Slot, Template, empty_thoughts, prepared

UNCLOSED, UNPREFIXED, INJECTED, EMPTY, UNMASKED, FOREIGN, UNTOLD, ABRIDGED = 1, 2, 4, 8, 16, 32, 64, 128
UNNAMED, UNTRAINED = 256, 512
_ANSWERING = ("assistant", "model")  # the roles by which a trainer knows an answer


def facts_of(seen: Sequence[Look]) -> int:
    """What holds of the structures of a row's sides, as bits."""
    bits = 0
    for look in seen:
        if look.abridged:
            bits |= ABRIDGED
            continue
        bits |= FOREIGN * (bool(look.refused) or _answers_under_another_name(look))
        if look.said.tools and (untold(look) or undescribed(look)):
            bits |= UNTOLD
        bits |= UNNAMED * bool(unnamed(look))
        layout = look.seen.layout
        if layout is None:
            continue
        bits |= UNTRAINED * bool(untrained(look))
        plain = look.seen.exact and not layout.moulded  # else the literals hold tags of the row
        bits |= _facts(layout, look.template) if plain else _facts(layout, look.template) & ~EMPTY
        if INJECTED & bits and (
            type(look.said.messages[0].get("content")) is not str
            or look.said.tools
            or any(turn.role in ("system", "developer") for turn in look.said.turns)
        ):
            bits &= ~INJECTED
        if not plain and empty_thoughts(look.seen.text) > sum(empty_thoughts(t.text) for t in look.said.turns):
            bits |= EMPTY
    return bits


def _answers_under_another_name(look: Look) -> bool:
    """Whether the template writes the answers, and nobody can tell by their role that they are answers."""
    if look.seen.error or look.seen.lost or not any(turn.role == "assistant" for turn in look.said.turns):
        return False
    return not any(message.get("role") in _ANSWERING for message in look.said.messages)


_SIGN = 40  # characters of a description by which a tool is known


def untold(look: Look) -> list[str]:
    """The names of tools that the row declares, and that neither the template nor a prompt tells of."""
    if look.seen.error:
        return []
    layout = look.seen.layout
    words = layout.literals if layout is not None else look.seen.text
    called = {call.name for turn in look.said.turns for call in turn.calls}
    missing = []
    for tool in look.said.tools:
        inner = tool.get("function", tool) if type(tool) is dict else None
        name = inner.get("name") if type(inner) is dict else None
        if type(name) is not str or not name:
            continue
        signs = _described(inner) if name in called else []  # the name alone may be that of the call
        if name not in words or (signs and not any(sign in words for sign in signs)):
            missing.append(name)
    if not missing:
        return []
    prompts = [turn.text for turn in look.said.turns if turn.role in _TELLING]
    return [name for name in missing if not any(name in prompt for prompt in prompts)]


def undescribed(look: Look) -> dict[str, list[str]]:
    """The parameters that nothing tells of, by the name of the tool: with other names the render would be the same."""
    layout = look.seen.layout
    if look.seen.error or layout is None:
        return {}
    found = _parameters.get(layout, "parameters", lambda: _unwritten_parameters(look))
    if not found:
        return {}
    prompts = [turn.text for turn in look.said.turns if turn.role in _TELLING]
    left = {tool: [name for name in names if not any(name in prompt for prompt in prompts)] for tool, names in found}
    return {tool: names for tool, names in left.items() if names}


_parameters = Known[list[tuple[str, list[str]]]]()


def _unwritten_parameters(look: Look) -> list[tuple[str, list[str]]]:
    """(tool, its parameters) of those whose names are not in the render of the row."""
    marks: list[tuple[str, str, str]] = []
    tools = [_renamed(tool, marks) for tool in look.said.tools]
    try:
        text = look.template.render(prepared(look.said.messages), tools) if marks else ""
    except Exception:  # a template may raise anything
        return []
    found: dict[str, list[str]] = {}
    for mark, tool, name in marks:
        if mark not in text:
            found.setdefault(tool, []).append(name)
    return list(found.items())


def _renamed(tool: Any, marks: list[tuple[str, str, str]]) -> Any:
    """A tool with a mark for the name of each parameter; `marks` gets (mark, tool, parameter)."""
    if type(tool) is not dict:
        return tool
    if type(inner := tool.get("function")) is dict:
        return {**tool, "function": _renamed(inner, marks)}
    schema = tool.get("parameters")
    listed = schema.get("properties") if type(schema) is dict else None
    if type(listed) is not dict or type(schema) is not dict:
        return tool
    names = {name: f"zQp{len(marks) + n:05d}Qz" for n, name in enumerate(listed)}
    marks += [(mark, str(tool.get("name")), name) for name, mark in names.items()]
    changed = {**schema, "properties": {names[name]: item for name, item in listed.items()}}
    if type(needed := schema.get("required")) is list:
        changed["required"] = [names.get(name, name) if type(name) is str else name for name in needed]
    return {**tool, "parameters": changed}


def unnamed(look: Look) -> list[Turn]:
    """The turns whose speaker has a name that stands nowhere in the render; results of tools are told by their calls."""
    if look.seen.error:
        return []
    named = [turn for turn in look.said.turns if turn.name and turn.role in _NAMED]
    return [turn for turn in named if turn.name and turn.name.strip() and turn.name not in look.seen.text]


def untrained(look: Look) -> list[Turn]:
    """The answers of whose text nothing is in the blocks by which the template itself says what is trained."""
    layout = look.seen.layout
    if layout is None or not layout.marked:
        return []
    answers = {n: False for n, turn in enumerate(look.said.turns) if turn.role == "assistant"}
    written: set[int] = set()
    for place, piece in enumerate(layout.pieces):
        if isinstance(piece, Slot) and piece.key[1] not in _BESIDE and (n := piece.key[0]) in answers:
            written.add(n)
            answers[n] |= any(start <= (place, 0) < end for start, end in layout.trained)
    return [look.said.turns[n] for n in sorted(written) if not answers[n]]


_BESIDE = frozenset({"reasoning_content", "id", "tool_call_id"})  # texts of a message that are no answer
_NAMED = frozenset({"user", "assistant"})
_TELLING = frozenset({"system", "developer", "user"})


def _described(tool: Any) -> list[str]:
    """How the description of a tool begins, plain and as JSON; nothing where it has none."""
    said = tool.get("description")
    first = said.strip().partition("\n")[0][:_SIGN] if type(said) is str else ""
    return [first, json.dumps(first, ensure_ascii=False)[1:-1], json.dumps(first)[1:-1]] if first else []


_known: dict[int, tuple[Layout, int]] = {}


def _facts(layout: Layout, template: Template) -> int:
    """The bits of a layout, remembered while it lives."""
    if (found := _known.get(id(layout))) and found[0] is layout:
        return found[1]
    bits = UNCLOSED * (layout.unclosed or layout.unended or bool(layout.opens)) | UNPREFIXED * bool(layout.unprefixed)
    bits |= UNMASKED * (bool(layout.unprefixed) and not layout.marked)
    bits |= EMPTY * bool(empty_thoughts(layout.outline)) | INJECTED * bool(injected(layout, template))
    if len(_known) > 5000:
        _known.clear()
    _known[id(layout)] = (layout, bits)
    return bits

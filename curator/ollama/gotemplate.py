"""Executes Go templates as Ollama does.

Source: https://pkg.go.dev/text/template; the functions beyond Go's own are those Ollama names in its
template reference. A function or field that is not known is an error, as in Go.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from curator.ollama.gofmt import Record, html, js, shown, sprint, sprintf, urlquery
from curator.ollama.gosyntax import (
    Action,
    Branch,
    Include,
    Leave,
    Nodes,
    Operand,
    Parsed,
    Pipe,
    TemplateError,
    Text,
    parse,
)

_DEEPEST = 50  # templates within templates
MOST_STEPS = 500_000  # nodes walked, turns of loops, and scores of characters put together
MOST_CHARACTERS = 1 << 24  # of a text or a value
_RUN = 64  # characters that count as a step


class GoTemplate:
    """A parsed template; `execute` may be called any number of times.

    Raises:
        TemplateError: the source is no Go template, or holds what is not known.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.parsed = parse(source)

    def execute(self, data: Mapping[str, Any], *, today: datetime.date | None = None) -> str:
        """The text for `data`; `today` is what currentDate tells.

        Raises:
            TemplateError: a function, field or value that Go would refuse as well.
        """
        return execute(self.parsed, data, today=today)


def execute(parsed: Parsed, data: Mapping[str, Any], *, today: datetime.date | None = None) -> str:
    """The text of a parsed template for `data`. Raises TemplateError, also where the template does not end."""
    run = _Run(parsed.defined, today or datetime.date.today())
    try:
        run.walk(parsed.nodes, _Scope(data, {"$": data}))
    except RecursionError:
        raise TemplateError("the Go template nests too deeply") from None
    return "".join(run.out)


class _Scope:
    """Dot and the variables of a block; an assignment reaches the block that declared the variable."""

    def __init__(self, dot: Any, variables: dict[str, Any], outer: _Scope | None = None) -> None:
        self.dot, self.variables, self.outer = dot, variables, outer

    def inner(self, dot: Any) -> _Scope:
        return _Scope(dot, {}, self)

    def holder(self, name: str) -> dict[str, Any]:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope.variables:
                return scope.variables
            scope = scope.outer
        raise TemplateError(f"the Go template uses {name}, which it never declares")


class _Left(Exception):
    """A `break` or `continue` on its way to the loop."""


class _Run:
    def __init__(self, defined: Mapping[str, Nodes], today: datetime.date) -> None:
        self.defined = defined
        self.out: list[str] = []
        self.depth = self.steps = 0
        self.functions: dict[str, Callable[..., Any]] = {
            **_FUNCTIONS,
            "currentDate": today.isoformat,
            "yesterdayDate": (today - datetime.timedelta(days=1)).isoformat,
        }

    def step(self, size: int = 0) -> None:
        """Count a step, and what was put together in it. Steps, not seconds: the same on every machine."""
        self.steps += 1 + size // _RUN
        if self.steps > MOST_STEPS or size > MOST_CHARACTERS:
            raise TemplateError("the Go template does not end, or writes more than any conversation holds")

    def walk(self, nodes: Nodes, scope: _Scope) -> None:
        for node in nodes:
            self.step()
            match node:
                case Text(text):
                    self.out.append(text)
                case Action(pipe):
                    value = self.pipe(pipe, scope)
                    if not pipe.variables:
                        self.out.append("<no value>" if value is None else shown(value))
                        self.step(len(self.out[-1]))
                case Branch():
                    self.branch(node, scope)
                case Leave(kind):
                    raise _Left(kind)
                case Include(name, inner):
                    self.include(name, inner, scope)

    def include(self, name: str, pipe: Pipe | None, scope: _Scope) -> None:
        if name not in self.defined:
            raise TemplateError(f"the Go template uses the template {name!r}, which is not defined")
        if self.depth >= _DEEPEST:
            raise TemplateError(f"the Go template {name!r} uses itself without end")
        dot = self.pipe(pipe, scope) if pipe else None
        self.depth += 1
        self.walk(self.defined[name], _Scope(dot, {"$": dot}))
        self.depth -= 1

    def branch(self, node: Branch, scope: _Scope) -> None:
        scope = scope.inner(scope.dot)
        if node.kind == "range":
            return self.loop(node, scope)
        value = self.pipe(node.pipe, scope)
        if not truth(value):
            return self.walk(node.otherwise, scope)
        return self.walk(node.body, scope.inner(value if node.kind == "with" else scope.dot))

    def loop(self, node: Branch, scope: _Scope) -> None:
        items = _items(self.pipe(node.pipe._replace(variables=()), scope))
        if not items:
            return self.walk(node.otherwise, scope)
        for key, item in items:
            self.step()
            inside = scope.inner(item)
            names = node.pipe.variables
            for name, value in zip(names, (key, item)[-len(names) :], strict=False):
                holder = inside.variables if node.pipe.declares else scope.holder(name)
                holder[name] = value
            try:
                self.walk(node.body, inside)
            except _Left as left:
                if left.args[0] == "break":
                    break
        return None

    def pipe(self, pipe: Pipe, scope: _Scope) -> Any:
        value: tuple[Any, ...] = ()
        for command in pipe.commands:
            value = (self.command(command, scope, value),)
        for name in pipe.variables:
            (scope.variables if pipe.declares else scope.holder(name))[name] = value[0]
        return value[0]

    def command(self, operands: Sequence[Operand], scope: _Scope, last: tuple[Any, ...]) -> Any:
        first, *rest = operands
        if first.kind == "function":
            return self.call(first.value, rest, scope, last)
        if rest or last:
            raise TemplateError("the Go template gives arguments to what is no function")
        return self.value(first, scope)

    def call(self, name: str, rest: Sequence[Operand], scope: _Scope, last: tuple[Any, ...]) -> Any:
        if name in ("and", "or"):  # the rest is not looked at once the answer is known
            value: Any = None
            for operand in rest:
                value = self.value(operand, scope)
                if truth(value) == (name == "or"):
                    return value
            return last[0] if last else value
        if name not in self.functions:
            raise TemplateError(f"the Go template calls {name!r}, which is not known")
        arguments = (*(self.value(operand, scope) for operand in rest), *last)
        self.step(sum(len(value) for value in arguments if isinstance(value, str)))
        try:
            result = self.functions[name](*arguments)
            self.step(len(result) if isinstance(result, str) else 0)
            return result
        except (TypeError, IndexError, KeyError, ValueError) as fault:
            raise TemplateError(f"{name} fails in the Go template: {fault}") from fault

    def value(self, operand: Operand, scope: _Scope) -> Any:
        match operand.kind:
            case "constant":
                return operand.value
            case "dot":
                value = scope.dot
            case "variable":
                value = scope.holder(operand.value)[operand.value]
            case "pipeline":
                value = self.pipe(operand.value, scope)
            case _:
                return self.call(operand.value, (), scope, ())
        for name in operand.fields:
            value = _field(value, name)
        return value


class _Counted(Collection[tuple[int, int]]):
    """The numbers below one, not all of them at once."""

    def __init__(self, stop: int) -> None:
        self._numbers = range(stop)

    def __len__(self) -> int:
        return max(0, min(self._numbers.stop, MOST_STEPS))  # len() of a vast range fails

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return zip(self._numbers, self._numbers, strict=True)

    def __contains__(self, item: object) -> bool:
        return item in self._numbers


def _field(value: Any, name: str) -> Any:
    if isinstance(value, Record) and name not in value:
        raise TemplateError(f"the Go template asks for the field {name}, which is not there")
    if isinstance(value, Mapping):
        return value.get(name)
    raise TemplateError(f"the Go template asks for the field {name} of {type(value).__name__}")


def _items(value: Any) -> Collection[tuple[Any, Any]]:
    if isinstance(value, Mapping):
        return sorted(value.items())
    if isinstance(value, int) and not isinstance(value, bool):
        return _Counted(value)
    if value is None:
        return []
    if isinstance(value, list | tuple):
        return list(enumerate(value))
    raise TemplateError(f"the Go template ranges over {type(value).__name__}")


def truth(value: Any) -> bool:
    """Whether Go's `if` takes a value for true: neither zero, nil nor empty; a struct always is."""
    return isinstance(value, Record) or bool(value)


def to_json(value: Any) -> str:
    """JSON as Go's encoder writes it: compact, keys of maps sorted, and `<`, `>`, `&` escaped."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        body = body.replace(sign, f"\\u{ord(sign):04x}")
    return body


def _sorted_json(value: Any) -> str:
    return to_json(_in_order(value))


def _in_order(value: Any) -> Any:
    """Maps with their keys sorted; the fields of structs stay as they stand."""
    if isinstance(value, Record):
        return {key: _in_order(item) for key, item in value.items()}
    if isinstance(value, Mapping):
        return {key: _in_order(value[key]) for key in sorted(value)}
    return [_in_order(item) for item in value] if isinstance(value, list | tuple) else value


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise ValueError("one value alone cannot be compared")
    if any(type(first) is not type(other) and None not in (first, other) for other in others):
        raise ValueError("values of different types cannot be compared")
    return first in others


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, Mapping):
            value = value.get(key)
            continue
        items = _bytes(value) if isinstance(value, str) else value
        if type(key) is not int or not 0 <= key < len(items):
            raise IndexError(f"index {key} is out of range")
        value = items[key]
    return value


def _slice(value: Any, start: int = 0, end: int | None = None) -> Any:
    items = _bytes(value) if isinstance(value, str) else value
    end = len(items) if end is None else end
    if not 0 <= start <= end <= len(items):
        raise IndexError(f"slice {start}:{end} is out of range")
    return items[start:end].decode("utf-8", "replace") if isinstance(items, bytes) else items[start:end]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _length(value: Any) -> int:
    """Of a text the number of its bytes."""
    return len(_bytes(value)) if isinstance(value, str) else len(value)


def _before(first: Any, second: Any) -> bool:
    if type(first) is not type(second) or not isinstance(first, int | float | str) or isinstance(first, bool):
        raise ValueError("values of these types have no order")
    return bool(first < second)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "not": lambda value: not truth(value),
    "len": _length,
    "index": _index,
    "slice": _slice,
    "eq": _equal,
    "ne": lambda a, b: not _equal(a, b),
    "lt": _before,
    "le": lambda a, b: _before(a, b) or _equal(a, b),
    "gt": lambda a, b: _before(b, a),
    "ge": lambda a, b: not _before(a, b),
    "print": sprint,
    "println": lambda *values: " ".join(map(shown, values)) + "\n",
    "printf": sprintf,
    "html": html,
    "js": js,
    "urlquery": urlquery,
    "json": _sorted_json,
}

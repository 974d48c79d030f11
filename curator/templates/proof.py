"""Shows of a template that it never looks into the texts it writes.

A conversation of `Opaque` texts is rendered: they may be put together, stripped and written, and asked whether
they are there. Whatever else could tell one text from another (a comparison, a search, a length, a filter)
is noted, and then nothing is shown. Where nothing was, the template makes of every conversation of the same
roles what it made of this one, with other texts in the same places; it need not be rendered again.

What Jinja hands to compiled code (a search in a list, a filter, a method of another value) is stopped at the
call. This module imports Jinja: import it where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache, wraps
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.runtime import Macro, Undefined

from curator.templates.sandbox import Bounded, Metered, PlainDict, SafeNamespace


class Looked(Exception):
    """The template looked into a text."""


class Opaque(str):
    """A text that is neither empty nor blank, and of which a template is told nothing more."""

    __slots__ = ("seen",)
    seen: list[str]  # what was asked of it, or of any other text of the same render

    @staticmethod
    def of(text: str, seen: list[str]) -> Opaque:
        made = Opaque(text)
        made.seen = seen
        return made

    def asked(self, what: str) -> Looked:
        self.seen.append(what)
        return Looked(what)

    def __str__(self) -> str:
        return self

    def __bool__(self) -> bool:
        return True

    def __add__(self, other: Any) -> Opaque:
        return Opaque.of(str.__add__(self, other), self.seen)

    def __radd__(self, other: Any) -> Opaque:
        return Opaque.of(str.__add__(other, self), self.seen)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str) and other != "":
            raise self.asked("==")
        return False

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        raise self.asked("hash")

    def __getitem__(self, key: Any) -> str:
        if type(key) is str:  # Jinja looks for an attribute of that name
            raise TypeError("string indices must be integers")
        raise self.asked("[]")

    def strip(self, chars: str | None = None, /) -> str:
        return self._stripped(str.strip, chars)

    def lstrip(self, chars: str | None = None, /) -> str:
        return self._stripped(str.lstrip, chars)

    def rstrip(self, chars: str | None = None, /) -> str:
        return self._stripped(str.rstrip, chars)

    def _stripped(self, strip: Callable[[str], str], chars: str | None) -> str:
        if chars is not None:
            raise self.asked("strip")
        return Opaque.of(strip(self), self.seen)


def _refuse(name: str) -> Callable[..., Any]:
    def refuse(self: Opaque, *values: Any, **named: Any) -> Any:
        raise self.asked(name)

    return refuse


_OF_EVERY_OBJECT = {"__class__", "__new__", "__init__", "__getattribute__", "__setattr__", "__delattr__", "__dir__"}
for _name in {*dir(str)} - {*vars(Opaque)} - _OF_EVERY_OBJECT - {"__doc__", "__init_subclass__", "__subclasshook__"}:
    setattr(Opaque, _name, _refuse(_name))


# What hands its values on as they are, or tells of them no more than an Opaque does.
_FILTERS = frozenset("string default d list first last length count selectattr rejectattr map".split())
_TESTS = frozenset("defined undefined none string number mapping boolean true false integer float".split())
_TESTS |= {"eq", "equalto", "==", "ne", "!="}
_TELLING_NOTHING = (str, int, float, type(None), Undefined, Macro, range, type)


class Proving(Bounded):
    """The sandbox, in which texts are opaque to what a template calls."""

    def __init__(self) -> None:
        super().__init__()
        self.code_generator_class = Searching
        self.filters.update(_all_guarded(self.filters, _FILTERS))
        self.filters["trim"] = _trim
        self.tests.update(_all_guarded(self.tests, _TESTS))

    def call(self, context: Any, called: Any, *values: Any, **named: Any) -> Any:
        if not _hands_on(called):
            _refuse_opaque((*values, *named.values()))
        return super().call(context, called, *values, **named)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        _refuse_opaque((left, right))
        return super().call_binop(context, operator, left, right)

    def joined(self, parts: Any) -> str:
        return self.concat([part if isinstance(part, str) else str(part) for part in parts])

    def concat(self, parts: Any) -> str:
        listed = list(parts)
        text = "".join(listed)
        seen = next((part.seen for part in listed if isinstance(part, Opaque)), None)
        return text if seen is None else Opaque.of(text, seen)

    def within(self, value: Any) -> Any:
        return value

    def _measure(self, name: str, values: tuple[Any, ...]) -> None:
        if not isinstance(values[0], Opaque):
            super()._measure(name, values)

    def holds(self, wanted: Any, place: Any) -> bool:
        """`wanted in place`: a search for a text, or in one."""
        if not isinstance(place, list | tuple):  # those compare, and a text that is compared says so
            _refuse_opaque((wanted,))
        return wanted in place


def _hands_on(called: Any) -> bool:
    """Whether a callable takes opaque texts and asks nothing of them but through their own methods."""
    if isinstance(called, Macro | PlainDict) or called is SafeNamespace:
        return True
    return isinstance(getattr(called, "__self__", None), Opaque | dict)


def _all_guarded(made: dict[str, Any], letting: frozenset[str]) -> dict[str, Any]:
    return {name: _guarded(function, name in letting) for name, function in made.items()}


def _guarded(made: Callable[..., Any], lets: bool) -> Callable[..., Any]:
    """A filter or test that takes no opaque text, unless it `lets` it pass."""

    context = int(hasattr(made, "jinja_pass_arg"))  # the environment or the context goes before the value

    @wraps(made)
    def guarded(*values: Any, **named: Any) -> Any:
        _refuse_opaque((*values[context + lets :], *named.values()))
        return made(*values, **named)

    return guarded


def _trim(value: Any, chars: Any = None) -> Any:
    _refuse_opaque((chars,))
    return (value if isinstance(value, str) else str(value)).strip(chars)


def _refuse_opaque(values: Iterable[Any]) -> None:
    """Stops where one of the values is an opaque text, or holds one."""
    for value in values:
        if isinstance(value, Opaque):
            raise value.asked("call")
        if isinstance(value, dict | list | tuple):
            _refuse_opaque(value.values() if isinstance(value, dict) else value)
        elif not isinstance(value, _TELLING_NOTHING):  # an iterator, a namespace: it may hold texts
            raise Looked(type(value).__name__)


class Searching(Metered):
    """Compiles searches (`in`) so that they can be stopped."""

    def visit_Compare(self, node: nodes.Compare, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        if not any(operand.op in ("in", "notin") for operand in node.ops):
            super().visit_Compare(node, frame)
            return
        if len(node.ops) > 1:
            raise TemplateError("a chain of searches is not followed")
        self.write("(not " if node.ops[0].op == "notin" else "(")
        self.write("environment.holds(")
        self.visit(node.expr, frame)
        self.write(", ")
        self.visit(node.ops[0].expr, frame)
        self.write("))")


@lru_cache(maxsize=64)
def _proving(text: str) -> Callable[..., str] | None:
    """The render function of a template for opaque texts; None where it cannot be followed."""
    try:
        return Proving().template(text)
    except Exception:
        return None


def looks_away(text: str, values: dict[str, Any], expected: str) -> bool:
    """Whether the template renders the messages of `values` without a look into their contents and reasoning.

    These are texts that are neither empty nor blank; `expected` is what the template makes of them.
    """
    render = _proving(text)
    if render is None:
        return False
    seen: list[str] = []
    messages = [
        {key: item if key == "role" else Opaque.of(item, seen) for key, item in message.items()}
        for message in values["messages"]
    ]
    try:
        made = render(**{**values, "messages": messages})
    except Exception:
        return False
    return not seen and str.__str__(made) == expected

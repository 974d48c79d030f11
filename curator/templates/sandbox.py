"""The Jinja environment of transformers, in which every render comes to an end.

The sandbox, the block settings, the extensions, the globals and the filters are those of
`transformers.utils.chat_template_utils` (read at 5.23). What is added is a meter: a render may take so many
steps and write so many characters, both far beyond what any conversation needs. Steps are counted, not seconds,
so that the same row is refused on every machine. This module imports Jinja: import it where it is needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

from jinja2 import ext, nodes, pass_eval_context
from jinja2.compiler import CodeGenerator, operators
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.runtime import str_join
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Namespace

from curator.templates.environment import CLOCK, CLOSE, OPEN

MOST_STEPS = 1_000_000  # nodes that loops and macros run through, and thousands of characters put together
MOST_CHARACTERS = 1 << 26  # of a text that a template makes
_MOST_BITS = 1 << 16  # of a power
_LONG = 1 << 12  # characters from which putting texts together counts as steps
_RUN = 16  # numbers of a range that count as a step
_CALL = 4  # steps of a macro, beside those of what it says
_WIDEST = 1 << 12  # characters that a text is filled up to, indented by or broken at
_ENTRY = 32  # characters that an entry of a list or an object stands for
_NEST = ("batch", "groupby", "slice")  # filters that make lists of lists
_PASS = frozenset(  # filters and calls that look at the entries of a value and not within them
    "attr batch count d default first groupby items last length list map random reject rejectattr reverse select"
    " selectattr slice".split()
)
_SPLIT = frozenset({"capitalize", "list", "rsplit", "split", "splitlines", "striptags", "title", "urlize", "wordcount"})
_COMPARE = (
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "eq",
    "equalto",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "le",
    "lessthan",
    "lt",
    "ne",
)
_ESCAPING = frozenset({"e", "escape", "forceescape", "urlencode"})
_GROWING = frozenset(
    {"batch", "center", "format", "indent", "join", "replace", "slice", "wordwrap"}
)  # much is made of a short text
_BYTES = frozenset({"encode", "from_bytes", "to_bytes"})  # what makes bytes, which nothing here measures
_MOST_PLACES = 300  # that a number is rounded to
_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\d{5}|\*)|\{[^{}]*:[^{}]*(?:\d{5}|\{)")  # a format with a width, or one to be given


class Unbounded(TemplateError):
    """The render would take more steps or characters than any conversation needs."""


class Bounded(ImmutableSandboxedEnvironment):
    """The sandbox with a meter; `marking` and `clock` may change between renders."""

    intercepted_binops = frozenset({"*", "**", "%"})  # the operators by which a value grows at once

    def __init__(self) -> None:
        super().__init__(
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,  # the optimizer computes the beginning of a long sum anew for each of its ends
            extensions=[GenerationBlock, ext.loopcontrols],
            finalize=self.seen,
        )
        self.code_generator_class = Metered
        self.marking, self.clock, self.steps = False, CLOCK, 0
        self.filters["tojson"] = _tojson
        self.filters |= {name: self._measured(name, made) for name, made in self.filters.items()}
        self.tests |= {name: self._comparing(self.tests[name]) for name in _COMPARE}
        self.globals |= {
            "raise_exception": _raise_exception,
            "strftime_now": self._strftime,
            "range": self.range,
            "lipsum": _no_lipsum,
            "dict": PlainDict(),
            "namespace": SafeNamespace,
        }

    def template(self, text: str) -> Callable[..., str]:
        """The render function of a template. Raises what Jinja raises for a text it cannot parse."""
        made = self.from_string(text)
        made.root_render_func.__globals__.update(concat=self.concat, str_join=self.joined)

        def render(**values: Any) -> str:
            self.steps = 0
            return made.render(values)

        return render

    def step(self, count: int) -> None:
        """Count steps of this render. Raises Unbounded beyond the limit."""
        self.steps += count
        if self.steps > MOST_STEPS:
            raise Unbounded(f"it does not end: more than {MOST_STEPS:,} steps")

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        return attr not in _BYTES and super().is_safe_attribute(obj, attr, value)

    def seen(self, value: Any) -> Any:
        """A value that is written, compared or handed on, as it is: all that lies in it is gone through then.

        A list may hold one other twice, and that a third: what is little to hold may be without end to go through.
        """
        if type(value) is str:
            if len(value) > _LONG:
                self._afford(len(value))
        elif isinstance(value, _HOLDING):
            entries, characters = _weight(value)
            if entries * _ENTRY + characters > MOST_CHARACTERS:
                raise Unbounded("it puts together lists that hold each other without end")
            self.step(entries // 4 + characters // _LONG)
        return value

    def _strftime(self, form: str) -> str:
        self._afford(len(form) * 32)
        return self.clock.strftime(form)

    def _comparing(self, test: Any) -> Callable[..., bool]:
        @wraps(test)
        def run(*values: Any) -> bool:
            return bool(test(*map(self.seen, values)))

        return run

    def within(self, value: Any) -> Any:
        """A value that was put together, as it is. Raises Unbounded where it is too long a text."""
        if type(value) is str and len(value) > _LONG:
            self._afford(len(value))
        elif type(value) in (list, tuple) and len(value) > _LONG:
            self._afford(len(value) * 8)  # an entry takes what eight characters take
        return value

    def call(self, context: Any, called: Any, *values: Any, **named: Any) -> Any:  # type: ignore[override]
        method = getattr(called, "__wrapped__", called)  # the sandbox wraps `format`
        text = getattr(method, "__self__", None)
        if type(text) is str:
            self._measure(method.__name__, (text, *values, *named.values()))
        for value in (*values, *named.values()):
            self.seen(value)
        made = super().call(context, called, *values, **named)
        return self.within(made) if type(made) is str else self.seen(made)

    def _measured(self, name: str, made: Callable[..., Any]) -> Callable[..., Any]:
        """A filter that looks at what it would write before it writes it."""
        passed = int(hasattr(made, "jinja_pass_arg"))  # the first value is then an environment

        @wraps(made)
        def run(*values: Any, **named: Any) -> Any:
            first = values[passed] if len(values) > passed else ""
            if type(first) is str and len(first) <= _LONG and name not in _GROWING:
                return made(*values, **named)
            if name == "join" and not isinstance(first, (str, list, tuple, dict)):
                values = (*values[:passed], first := list(first), *values[passed + 1 :])
            if name not in _PASS:
                self.seen(first)
            elif isinstance(first, (list, tuple, dict)):
                self.step(len(first) // _RUN)
            self._measure(name, (first, *values[passed + 1 :], *named.values()))
            result = made(*values, **named)
            return self.seen(list(result)) if name in _NEST else self.within(result)

        return run

    def _measure(self, name: str, values: tuple[Any, ...]) -> None:
        """Raise Unbounded where a method of a text, or a filter, would write too much of these values."""
        text, *rest = values
        size = _size(text)
        widths = [value for value in rest if type(value) is int]
        texts = [value for value in rest if type(value) is str]
        _refuse(name, text, rest, widths)
        if name == "replace" and len(texts) > 1:
            size += str(text).count(texts[0]) * len(texts[1])
        elif name == "join" and type(text) is str and rest:  # a method: the text stands between the parts
            size = _joined(rest[0], size)
        elif name == "join":
            size = _joined(text, len(texts[0]) if texts else 0)
        elif name == "indent":
            size += (str(text).count("\n") + 1) * max([*widths, *map(len, texts), 0])
        elif name == "expandtabs":
            size += str(text).count("\t") * max([*widths, 8])
        elif name == "wordwrap":
            size += size * max([*map(len, texts), 1])
            size += size * size // max(1, 64 * min([*widths, 79]))  # a long word is cut off piece by piece
        elif name == "translate" and rest:
            size *= max((_size(value) for value in rest[0].values()), default=1) if isinstance(rest[0], dict) else 1
        elif name == "tojson":
            size = _weight(text)[0] * (_ENTRY + _longest(rest)) if isinstance(text, _HOLDING) else size
        elif name in _ESCAPING:
            size *= 5  # of "&", or of a letter that is no ASCII
        elif name in _SPLIT and type(text) is str:
            size += _ENTRY * (size if name == "list" else _pieces(text, texts))
        self._afford(size)

    def range(self, *bounds: int) -> range:
        """A range as the sandbox allows it; filters run through it without a turn of a loop."""
        made = safe_range(*bounds)
        self.step(len(made) // _RUN)
        return made

    def concat(self, parts: Iterable[str]) -> str:  # type: ignore[override]
        listed = list(parts)
        if (size := sum(map(len, listed))) > _LONG:
            self._afford(size)
        return "".join(listed)

    def joined(self, parts: Iterable[Any]) -> str:
        return str(self.within(str_join(map(self.seen, parts))))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and type(left) is str and _WIDE.search(left):
            raise Unbounded("it writes a text that is filled up to a great width")
        if operator != "%" and type(left) is int and type(right) is int:
            bits = left.bit_length() * right if operator == "**" else left.bit_length() + right.bit_length()
            if bits > _MOST_BITS:
                raise Unbounded("it computes a number of many thousand digits")
        elif operator == "*":
            self._afford(_size(left) * right if type(right) is int else _size(right) * left if type(left) is int else 0)
        if operator == "%":
            self.seen(right)
        made = super().call_binop(context, operator, left, right)
        return self.within(made) if type(made) is str else self.seen(made)

    def _afford(self, size: int) -> None:
        if size > MOST_CHARACTERS:
            raise Unbounded(f"it writes more than {MOST_CHARACTERS:,} characters")
        self.step(size // _LONG if size > _LONG else 0)


_HOLDING = (list, tuple, dict, Namespace)


def _weight(value: Any) -> tuple[int, int]:
    """(entries, characters) that are met where a value is gone through, up to what is too much of them."""
    entries = characters = 0
    waiting: list[Any] = [value]
    while waiting and entries * _ENTRY + characters <= MOST_CHARACTERS:
        held = waiting.pop()
        if isinstance(held, str):
            characters += len(held) if type(held) is str else 0  # a text of `tracing` notes who looks at it
            continue
        if isinstance(held, Namespace):
            held = held._Namespace__attrs
        if isinstance(held, dict):
            entries += 2 * len(held)
            if entries * _ENTRY <= MOST_CHARACTERS:
                waiting += [*held, *held.values()]
        elif isinstance(held, (list, tuple)):
            entries += len(held)
            if entries * _ENTRY <= MOST_CHARACTERS:
                waiting += held
    return entries, characters


def _longest(values: Iterable[Any]) -> int:
    """Characters that may stand beside each entry: how far it is indented, what separates it."""
    parts = [part for value in values for part in (value if isinstance(value, (list, tuple)) else (value,))]
    return sum(len(part) if isinstance(part, str) else part for part in parts if type(part) in (str, int))


def _pieces(text: str, signs: Iterable[str]) -> int:
    """In how many pieces a text comes apart at some signs, or at white space."""
    return sum(text.count(sign) for sign in {*signs, *" \n\t\r-<"} if sign)


def _size(value: Any) -> int:
    return len(value) if isinstance(value, (str, list, tuple)) else 0


_FILLING = frozenset({"ljust", "rjust", "center", "zfill", "expandtabs", "batch", "slice", "indent", "tojson"})


def _refuse(name: str, text: Any, rest: Iterable[Any], widths: Iterable[int]) -> None:
    """Raise Unbounded for what takes very much whatever the size of its values."""
    if name in ("format", "format_map") and type(text) is str and _WIDE.search(text):
        raise Unbounded("it writes a text that is filled up to a great width")
    if name in _FILLING and any(width > _WIDEST for width in widths):
        raise Unbounded(f"it fills or indents by more than {_WIDEST:,} characters")
    if name == "round" and any(abs(width) > _MOST_PLACES for width in widths):
        raise Unbounded(f"it rounds to more than {_MOST_PLACES} places")
    if name == "sum" and any(isinstance(value, _HOLDING) for value in rest):
        raise Unbounded("it sums up what is no number")


def _joined(parts: Any, between: int) -> int:
    """Characters of these parts put together."""
    if not isinstance(parts, (str, list, tuple, dict)):
        return 0
    return sum(len(part) if type(part) is str else 8 for part in parts) + len(parts) * between


class Metered(CodeGenerator):
    """Compiles loops and macros so that each turn and each call takes steps, and sums so that they are measured."""

    def visit_For(self, node: nodes.For, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        node.body.insert(0, _step(1 + _parts(node.body)))
        super().visit_For(node, frame)

    def macro_body(self, node: Any, frame: Any) -> Any:
        node.body.insert(0, _step(_CALL + _parts(node.body)))
        return super().macro_body(node, frame)

    def visit_List(self, node: nodes.List, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        self._watched("seen", super().visit_List, node, frame, plain=_is_plain(node))

    def visit_Tuple(self, node: nodes.Tuple, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        self._watched("seen", super().visit_Tuple, node, frame, plain=node.ctx != "load" or _is_plain(node))

    def visit_Dict(self, node: nodes.Dict, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        self._watched("seen", super().visit_Dict, node, frame)

    def visit_Pair(self, node: nodes.Pair, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        self._watched("seen", self.visit, node.key, frame, plain=_is_plain(node.key))  # it is hashed
        self.write(": ")
        self.visit(node.value, frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        self._watched("within", super().visit_Getitem, node, frame, plain=not isinstance(node.arg, nodes.Slice))

    def visit_Compare(self, node: nodes.Compare, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        sides = [node.expr, *(operand.expr for operand in node.ops)]
        within = any(operand.op in ("in", "notin") for operand in node.ops)
        plain = not within and any(map(_is_plain, sides))  # what is not alike is told by its type
        self.write("(")
        for operator, side in zip(["", *(operand.op for operand in node.ops)], sides, strict=True):
            self.write(f" {operators[operator]} " if operator else "")
            self._watched("seen", self.visit, side, frame, plain=plain or _is_plain(side))
        self.write(")")

    def _watched(self, how: str, visit: Callable[..., None], node: Any, frame: Any, *, plain: bool = False) -> None:
        """Write an expression, with what looks at its value around it unless that is plain."""
        self.write("" if plain else f"environment.{how}(")
        visit(node, frame)
        self.write("" if plain else ")")

    def visit_Add(self, node: Any, frame: Any) -> None:  # noqa: N802 (Jinja's name)
        self.write("environment.within(")
        super().visit_Add(node, frame)
        self.write(")")


def _is_plain(node: nodes.Node) -> bool:
    """Whether a value stands in the template as it is."""
    if isinstance(node, (nodes.List, nodes.Tuple)):
        return all(map(_is_plain, node.items))
    return isinstance(node, nodes.Const)


def _parts(body: Iterable[nodes.Node]) -> int:
    """The most nodes that one run through a body meets: without those of its loops, whose turns count themselves."""
    return sum(map(_parts_of, body))


def _parts_of(node: nodes.Node) -> int:
    if isinstance(node, nodes.For):
        return 1 + _parts_of(node.iter)
    if isinstance(node, nodes.If):
        branches = (_parts(node.body), _parts(node.elif_), _parts(node.else_))
        return 1 + _parts_of(node.test) + max(branches)
    return 1 + _parts(node.iter_child_nodes())


def _step(count: int) -> nodes.ExprStmt:
    """The statement that counts steps: what is written for the attribute is a call."""
    return nodes.ExprStmt(nodes.EnvironmentAttribute(f"step({count})"), lineno=1)


class GenerationBlock(ext.Extension):
    """`{% generation %} … {% endgeneration %}`: what the assistant says, and the loss is taken on."""

    tags = {"generation"}

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

    @pass_eval_context
    def _said(self, context: nodes.EvalContext, caller: Any) -> str:
        text: str = caller()
        return f"{OPEN}{text}{CLOSE}" if self.environment.marking else text  # type: ignore[attr-defined]


class PlainDict:
    """`dict(…)` without the attributes of the type."""

    def __call__(self, *items: Any, **named: Any) -> dict[Any, Any]:
        return dict(*items, **named)

    def fromkeys(self, *items: Any) -> dict[Any, Any]:
        return dict.fromkeys(*items)


class SafeNamespace(Namespace):
    """A namespace that takes no attribute with a leading underscore."""

    def __init__(*args: Any, **named: Any) -> None:  # so that namespace(self=…) can be said
        self, *rest = args
        values = dict(*rest, **named)
        for name in values:
            _no_underscore(name)
        Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _no_underscore(name)
        Namespace.__setitem__(self, name, value)


def _no_underscore(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise SecurityError(f"a template may not store {name!r} on a namespace")


def _no_lipsum(*_: Any, **__: Any) -> None:
    raise TemplateError("a chat template has no use for lipsum")


def _raise_exception(message: str) -> None:
    raise TemplateError(message)


def _tojson(
    value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
) -> str:
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

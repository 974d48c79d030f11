"""Compiles chat templates as transformers does, so that what is rendered here is what is trained on.

The sandbox, the block settings, the extensions, the globals and the filters are those of
`transformers.utils.chat_template_utils` (read at 5.23); `tests/test_templates_oracle.py` compares the
two byte for byte. One thing differs on purpose: `strftime_now` tells a pinned time, so that a render
does not depend on the day.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from curator.errors import UsageError

if TYPE_CHECKING:
    import jinja2

CLOCK = datetime(2026, 1, 1, 12)
# Noncharacters of Unicode, which no text may hold: they mark what stands in a generation block.
OPEN, CLOSE = "\ufdd0", "\ufdd1"


class Compiled:
    """A compiled template and the switches of its environment."""

    def __init__(self, template: jinja2.Template, state: _State) -> None:
        self._render, self._state = template.render, state

    def render(self, **values: Any) -> str:
        return self._render(**values)

    def marked(self, **values: Any) -> str:
        """The render with OPEN and CLOSE around what stands in `{% generation %}` blocks."""
        self._state.marking = True
        try:
            return self._render(**values)
        finally:
            self._state.marking = False

    def at(self, clock: datetime, **values: Any) -> str:
        """The render as of another time."""
        self._state.clock = clock
        try:
            return self._render(**values)
        finally:
            self._state.clock = CLOCK


class _State:
    """What may change between renders of one environment."""

    def __init__(self) -> None:
        self.marking = False
        self.clock = CLOCK


@lru_cache(maxsize=64)
def compiled(text: str) -> Compiled:
    """The template, ready to render.

    Raises:
        UsageError: the text is not a template that Jinja can parse.
    """
    import jinja2

    state = _State()
    try:
        return Compiled(_environment(state).from_string(text), state)
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(
            f"the chat template cannot be parsed: {error.message} (line {error.lineno})",
            hint="name a Jinja template, or the model folder or file that holds one",
        ) from None


def _environment(state: _State) -> jinja2.Environment:
    import jinja2
    from jinja2 import ext, nodes
    from jinja2.exceptions import SecurityError, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from jinja2.utils import Namespace

    class GenerationBlock(ext.Extension):
        """`{% generation %} … {% endgeneration %}`: what the assistant says, and the loss is taken on."""

        tags = {"generation"}

        def parse(self, parser: Any) -> nodes.Node:
            line = next(parser.stream).lineno
            body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
            return nodes.CallBlock(self.call_method("_said"), [], [], body).set_lineno(line)

        @jinja2.pass_eval_context
        def _said(self, context: nodes.EvalContext, caller: Any) -> str:
            text: str = caller()
            return f"{OPEN}{text}{CLOSE}" if state.marking else text

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

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(
        value: Any, ensure_ascii: bool = False, indent: Any = None, separators: Any = None, sort_keys: bool = False
    ) -> str:
        return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationBlock, ext.loopcontrols]
    )
    made.filters["tojson"] = tojson
    made.globals |= {
        "raise_exception": raise_exception,
        "strftime_now": lambda form: state.clock.strftime(form),  # noqa: PLW0108 (the clock may be set)
        "dict": PlainDict(),
        "namespace": SafeNamespace,
    }
    return made

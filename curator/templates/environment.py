"""Compiles chat templates as transformers does, so that what is rendered here is what is trained on.

`tests/test_templates_oracle.py` compares the two byte for byte. Two things differ on purpose: `strftime_now`
tells a pinned time, so that a render does not depend on the day, and a render that would not end is refused.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from curator.errors import UsageError

if TYPE_CHECKING:
    from curator.templates.sandbox import Bounded

CLOCK = datetime(2026, 1, 1, 12)
# Noncharacters of Unicode, which no text may hold: they mark what stands in a generation block.
OPEN, CLOSE = "\ufdd0", "\ufdd1"


class Compiled:
    """A compiled template and the switches of its environment."""

    def __init__(self, text: str, environment: Bounded) -> None:
        self._environment, self.render = environment, environment.template(text)

    def marked(self, **values: Any) -> str:
        """The render with OPEN and CLOSE around what stands in `{% generation %}` blocks."""
        self._environment.marking = True
        try:
            return self.render(**values)
        finally:
            self._environment.marking = False

    def at(self, clock: datetime, **values: Any) -> str:
        """The render as of another time."""
        self._environment.clock = clock
        try:
            return self.render(**values)
        finally:
            self._environment.clock = CLOCK


@lru_cache(maxsize=64)
def compiled(text: str) -> Compiled:
    """The template, ready to render.

    Raises:
        UsageError: the text is not a template that Jinja can parse, or one that does not end.
    """
    import jinja2

    from curator.templates.sandbox import Bounded, Unbounded

    hint = "name a Jinja template, or the model folder or file that holds one"
    try:
        made = Compiled(text, Bounded())
    except jinja2.TemplateSyntaxError as error:
        raise UsageError(
            f"the chat template cannot be parsed: {error.message} (line {error.lineno})", hint=hint
        ) from None
    except (MemoryError, OverflowError, RecursionError, SyntaxError, ValueError) as error:  # Python's own limits
        raise UsageError(f"the chat template cannot be compiled: {type(error).__name__} {error}", hint=hint) from None
    try:
        made.render(messages=_HELLO, tools=None, documents=None, add_generation_prompt=False)
    except Unbounded as error:
        raise UsageError(f"the chat template cannot be used: of two short turns {error}", hint=hint) from None
    except Exception:  # it may refuse these two: rows are judged one by one
        return made
    return made


_HELLO = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}]

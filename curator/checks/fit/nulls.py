"""TPL011: null that the template writes as Python does."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from curator.checks.fit.bases import TemplateRule, asked
from curator.checks.fit.known import Known
from curator.checks.fit.looks import Look, one_line
from curator.model import Flag
from curator.paths import Steps, get, join
from curator.rule import Bad, chat
from curator.templates import Message

_WORD = "None"
_MARK = "zQnullQz"
_MOST_TRIED = 50  # nulls of a row that are tried one by one until one is found
_LONGEST_CALL = 10_000  # characters in which a call in Python is looked for
_MOST_ENDS = 20  # brackets that may close it


class LiteralNone(TemplateRule, frozen=True):
    """The template writes the word None where the row has null.

    A message with calls or a result may have no content, and an argument or a part of a tool's schema may be null.
    Templates that print it teach the model to say None, or to call with a text of that name. Null written as JSON
    is right, and so is None in a call that is written in Python. A key of a message that is null is left out by
    transformers of today before it renders (5.23 does), so that only older ones, and others that render, write None
    for it: leave the key out, or write "" there.
    """

    code = "TPL011"
    severity = "error"
    GOOD = [asked({"place": "Oslo"}), asked({"place": None}), chat(user="Who came?", assistant="None of them.")]
    BAD = [
        Bad(asked({"place": "Oslo"}, content=None), at="messages[2].content", options={"template": "qwen2.5"}),
    ]

    def judge(self, look: Look) -> Iterator[Flag]:
        found = _written(look)
        if found is None:
            return
        at, what = _place_of(look, found.null)
        message = f"{look.template.name} writes {what} as the word None"
        if found.null.message >= 0 and len(found.null.steps) == 1:
            message += ", where it is handed null: transformers 5.23 leaves the key out, older ones do not"
        yield Flag(at, one_line(message), evidence={"rendered": found.around, "times": found.times})


class Null(NamedTuple):
    """Where null stands: the steps to it from a message, or from the tools where `message` is -1."""

    message: int
    steps: Steps


class Written(NamedTuple):
    """The first null that is written as None, how it looks `around` it, and how many `times` that happens in the row."""

    null: Null
    around: str
    times: int


_known = Known[Written | None]()


def _written(look: Look) -> Written | None:
    """What of a row's nulls is written as None; of a message's own a trainer may leave the key out, or hand it on."""
    handed_on = any(None in message.values() for message in look.said.messages)
    if not handed_on and _WORD not in look.seen.text:
        return None
    nulls = tuple(_nulls(look))
    if not nulls:
        return None
    layout = look.seen.layout
    if not look.seen.exact or layout is None:
        return _tried(look, nulls)
    return _known.get(layout, nulls, lambda: _tried(look, nulls))


def _nulls(look: Look) -> Iterator[Null]:
    for n, message in enumerate(look.said.messages):
        yield from (Null(n, steps) for steps in _within(message))
    yield from (Null(-1, steps) for steps in _within(look.said.tools))


def _within(value: Any) -> Iterator[Steps]:
    """The steps to each null in a JSON value."""
    if value is None:
        yield ()
    elif type(value) is dict:
        yield from ((key, *steps) for key, item in value.items() for steps in _within(item))
    elif type(value) in (list, tuple):
        yield from ((n, *steps) for n, item in enumerate(value) for steps in _within(item))


def _tried(look: Look, nulls: Sequence[Null]) -> Written | None:
    """Each null that may be one is replaced by a text: with it goes the word None that it is written as."""
    text = _rendered(look, ())
    if text is None or _WORD not in text:
        return None
    doubtful = [null for null in nulls if not _in_python(look, null, text)]
    rest = _rendered(look, doubtful)
    times = None if rest is None else text.count(_WORD) - rest.count(_WORD)
    if times is not None and times <= 0:
        return None
    for null in doubtful[:_MOST_TRIED]:
        other = _rendered(look, (null,))
        if other is not None and other.count(_WORD) < text.count(_WORD):
            return Written(null, _around(text, other), times or text.count(_WORD) - other.count(_WORD))
    return None


def _rendered(look: Look, replaced: Sequence[Null]) -> str | None:
    """The row as it is written with a mark in the place of some nulls; None where the template refuses it."""
    messages: list[Message] = list(look.said.messages)
    tools: Any = look.said.tools
    for n, steps in replaced:
        if n < 0:
            tools = _with(tools, steps)
        else:
            messages[n] = _with(messages[n], steps)
    try:
        return look.template.render(messages, tools)
    except Exception:  # what fails is for TPL001 to tell
        return None


def _with(value: Any, steps: Steps) -> Any:
    """The value with the mark at the end of the steps."""
    if not steps:
        return _MARK
    first, *rest = steps
    if type(value) is dict:
        return {**value, first: _with(value[first], tuple(rest))}
    return [_with(item, tuple(rest)) if n == first else item for n, item in enumerate(value)]


def _around(text: str, other: str) -> str:
    """The first None in a text from where it parts with another one, with what stands around it."""
    parted = next((n for n, (one, two) in enumerate(zip(text, other, strict=False)) if one != two), 0)
    at = text.find(_WORD, max(0, parted - len(_WORD)))
    return text[max(0, at - 40) : at + 20]


def _in_python(look: Look, null: Null, text: str) -> bool:
    """Whether null is an argument of a call that is written as one of Python, in which None is the word for it."""
    if null.message < 0 or null.steps[0] != "tool_calls" or len(null.steps) < 2:
        return False
    call = look.said.messages[null.message]["tool_calls"][null.steps[1]]
    inner = call.get("function", call) if type(call) is dict else None
    name = inner.get("name") if type(inner) is dict else None
    return type(name) is str and bool(name) and _calls_with_none(text, f"{name}(")


def _calls_with_none(text: str, opening: str) -> bool:
    """Whether a call in Python that begins so has None among its named arguments."""
    start = text.find(opening)
    while start >= 0:
        end = start
        for _ in range(_MOST_ENDS):
            end = text.find(")", end + 1)
            if not start < end < start + _LONGEST_CALL:
                break
            if call := _call(text[start : end + 1]):
                if any(_holds_none(given) for given in call.keywords):
                    return True
                break
        start = text.find(opening, start + 1)
    return False


def _holds_none(given: ast.keyword) -> bool:
    return any(isinstance(part, ast.Constant) and part.value is None for part in ast.walk(given))


def _call(text: str) -> ast.Call | None:
    """A text as a call in Python; None where it is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None
    return found if isinstance(found, ast.Call) else None


def _place_of(look: Look, null: Null) -> tuple[str, str]:
    """The path of a null in the row, and what it is, in words."""
    if null.message < 0:
        return _path(look, "tools", null.steps) or (
            "tools" if "tools" in look.example.value else ""
        ), "null in the tools"
    turn = look.said.turns[null.message]
    at = (_path(look, turn.base, null.steps) if turn.base else "") or turn.path
    if null.steps == ("content",):
        return at, "the content null"
    if null.steps[0] == "tool_calls":
        return at, "null in a call"
    return at, f"null in {null.steps[0]!r}"


def _path(look: Look, base: str, steps: Steps) -> str:
    """The path of a null below another place in the row; "" where it does not stand there."""
    found = get(look.example.value, join(base, *steps[:-1])) if steps else None
    holds = steps[-1] in found if type(found) is dict else type(found) is list
    return join(base, *steps) if holds else ""

"""What a rule file may say: one class a kind of rule."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from curator.model import Severity

OPENING = 240  # characters in which an opening phrase must begin
REACH = 200  # characters a pattern may reach before and after its literal

Strings = Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What every `[[rule]]` says, whatever its kind.

    `unless_prompt` are phrases that make the rule silent when the user says one of them beforehand;
    `unless_tools` makes it silent on rows that declare tools. `{found}` in the message is the hit.
    """

    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2,6}\d{3}$")]
    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$")]
    severity: Severity
    summary: Annotated[str, msgspec.Meta(min_length=1)]
    why: Annotated[str, msgspec.Meta(min_length=1)]
    message: Annotated[str, msgspec.Meta(min_length=1)]
    good: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(min_length=1)]
    bad: Annotated[tuple[dict[str, Any], ...], msgspec.Meta(min_length=1)]
    preview: bool = False
    since: str = "0.1.0"
    roles: tuple[Literal["system", "user", "assistant", "tool"], ...] = ("assistant",)
    unless_prompt: tuple[str, ...] = ()
    unless_tools: bool = False


Masks = tuple[Literal["code", "url", "table", "math", "html"], ...]


class Text(Entry, frozen=True, kw_only=True):
    """A kind that looks into the text; hits in the parts named by `skip` do not count."""

    skip: Masks = ("code", "url", "table", "math", "html")


class Phrases(Text, frozen=True, kw_only=True, tag="phrases"):
    """`phrases` count where `where` says, `lines` as lines of their own (no list items); `fix` may cut hits out.

    `unless_quoted` leaves out what somebody else says: in quotation marks within a text, or after "she said:".
    `unless_rendered` leaves out a refusal that the prompt gave to translate or to word anew.
    `beyond` are words at the end of a phrase by which it is known, and which are no part of what is shown.
    """

    phrases: Strings
    lines: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    where: Literal["anywhere", "start", "opening"] = "anywhere"
    unless_quoted: bool = False
    unless_rendered: bool = False
    fix: Literal["none", "remove"] = "none"


class Pattern(Text, frozen=True, kw_only=True, tag="pattern"):
    """Every match must hold one of `literals` and reach no more than REACH characters from it."""

    pattern: str
    literals: Strings


class Substitute(Text, frozen=True, kw_only=True, tag="substitute"):
    swap: Annotated[dict[str, str], msgspec.Meta(min_length=1)]
    safety: Literal["safe", "unsafe"] = "unsafe"


class Limit(Entry, frozen=True, kw_only=True, tag="limit"):
    measure: Literal["characters", "words", "lines"]
    at_least: Annotated[int, msgspec.Meta(ge=0)] | None = None
    at_most: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Ratio(Entry, frozen=True, kw_only=True, tag="ratio"):
    of: Literal["upper-case", "digits", "punctuation", "space", "non-ascii"]
    at_least: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    at_most: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    min_characters: Annotated[int, msgspec.Meta(ge=1)] = 20


class StartsOrEnds(Entry, frozen=True, kw_only=True, tag="starts_or_ends"):
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    must: bool = True


class OneOf(Entry, frozen=True, kw_only=True, tag="one_of"):
    """Case does not count, and where the values are forbidden neither do signs around them.

    `unless_said` makes the rule silent where the user names the value beforehand ("else answer None").
    """

    values: Strings
    must: bool = True
    unless_said: bool = False

"""Profiles of what a set is for: services that refuse rows, trainers that drop, cut or misread them.

A profile is a TOML file, shipped in `rules/targets` or a user's own, in a closed schema: an unknown key is
an error that names the nearest known one. It is dated, since services change and close: `status`,
`verified_on` and `source` stand in every report that rests on it. A file of one's own may say
`extends = "openai"` and give only the tables that differ; it may extend what ships with curator, no other file.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, get_args, get_origin

import msgspec

from curator.errors import UNREADABLE, ConfigError, UsageError
from curator.model import Example, TargetNote

Count = Annotated[int, msgspec.Meta(ge=1)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Role = Literal["system", "user", "assistant", "tool", "developer"]


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="kebab"):
    """What every table of a profile is: closed, and its keys written with hyphens."""


class Rows(Table, frozen=True, kw_only=True):
    """How many rows: `valid_…` of the validation file, `all_most` of both together."""

    least: Count | None = None
    most: Count | None = None
    valid_least: Count | None = None
    valid_most: Count | None = None
    all_most: Count | None = None
    why: str = ""


class File(Table, frozen=True, kw_only=True):
    """A file as uploaded, in JSON lines."""

    most_bytes: Count | None = None
    bom: Literal["demanded", "free"] = "free"


class Tokens(Table, frozen=True, kw_only=True):
    """How long a row may be, and what happens beyond: `setting` is the trainer's own name for the limit.

    refused  the row, and the upload or job with it
    dropped  the row is left out
    cut      the first `most` tokens are kept
    shared   each pair of prompt and answer is cut to its share of what is left (LLaMA-Factory)
    prompt   the row is left out where its prompt alone has as many; else the first `most` tokens are kept
    kept     nothing happens to it

    `most` of 0 is no limit, which only what is `kept` may have.
    `characters` is a limit in the service's own rough measure, where it has one. In `[[limits]]` it is that of
    the `shapes` alone, and `title` names the trainer that takes them. `end_token` says that rows of strings get
    an end token, which counts.
    """

    most: Annotated[int, msgspec.Meta(ge=0)] = 0
    over: Literal["refused", "dropped", "cut", "shared", "prompt", "kept"]
    shapes: tuple[str, ...] = ()
    title: str = ""
    setting: str = ""
    characters: Count | None = None
    end_token: bool = False
    by: str = ""


class Order(Table, frozen=True, kw_only=True):
    """The order of turns in rows of the `shapes` (all shapes where none is named), by canonical role.

    `alternate` forbids a role twice in a row, system turns aside; `after` says what may follow a role. The blocks
    of a system prompt that stands beside the messages count as one system turn each.
    """

    shapes: tuple[str, ...] = ()
    first: tuple[Role, ...] = ()
    last: tuple[Role, ...] = ()
    alternate: bool = False
    system: Literal["anywhere", "first"] = "anywhere"
    most_systems: Count | None = None
    least_turns: Count | None = None
    least_answers: Count | None = None
    after: dict[Role, tuple[Role, ...]] = {}


class Keys(Table, frozen=True, kw_only=True):
    """Keys of a row and of its messages: `allowed` of () allows any.

    `one_of` are columns of which a row may have those of one group alone ("text", "prompt+completion");
    `strings` must be strings where they are there; `every` message has the keys named so, but that one of calls may
    leave out its content; `roles` says of a key of messages on whose turns it may stand.
    """

    shapes: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    strings: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    message: tuple[str, ...] = ()
    roles: dict[str, tuple[Role, ...]] = {}


Form = Literal["either", "text", "parts"]
Medium = Literal["image", "video", "audio", "document"]


class Content(Table, frozen=True, kw_only=True):
    """What messages of the `shapes` may hold, and a `system` prompt beside them: a text, a list of parts, or either.

    `parts` are the kinds of parts, each with the roles whose turns may hold it (any, where none is named): the
    type of a part, or its key where it has no type. Of media, `most` is how many may stand in a row, `formats`
    what they may be (of an address that does not tell it, nothing is known), `address` a pattern of how their
    address begins, `bytes` how many those may have that are written into the row. Of the media in `alone` a row
    may hold one kind. `uniform` rows hold texts alone, or lists of parts alone and a medium in them; messages
    with media may have no weight but 0 where `weighted` is false.
    """

    shapes: tuple[str, ...] = ()
    form: Form = "either"
    system: Form = "either"
    parts: dict[str, tuple[Role, ...]] = {}
    most: dict[Medium, Count] = {}
    bytes: dict[Medium, Count] = {}
    formats: dict[Medium, tuple[str, ...]] = {}
    address: dict[Medium, str] = {}
    alone: tuple[Medium, ...] = ()
    uniform: bool = False
    weighted: bool = True


class Reserved(Table, frozen=True, kw_only=True):
    """Texts that may not occur in turns of the roles."""

    words: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]
    roles: tuple[Role, ...] = ("system", "user", "assistant", "tool")


class Tools(Table, frozen=True, kw_only=True):
    """Tool calls: `id` and `name` are patterns of the whole string, `definition` the keys a function must have.

    With `strict` the service checks that the parameters are JSON Schema to the letter.
    """

    id: str = ""
    name: str = ""
    arguments: Literal["text", "object", "either"] = "either"
    beside_text: bool = True
    definition: tuple[str, ...] = ()
    strict: bool = False


class Weights(Table, frozen=True, kw_only=True):
    """Whether loss weights of turns are honoured, and `by` what they are ignored otherwise."""

    turns: Literal["honoured", "ignored"]
    by: str = ""


When = Literal[
    "answer-is-no-text",
    "beyond-last-batch",
    "columns-of-two-shapes",
    "earlier-answers-masked",
    "earlier-answers-masked-with-tools",
    "even-number-of-turns",
    "messages-as-text",
    "no-answer-trained",
    "odd-number-of-turns",
    "pair-of-another-form",
    "roles-kept-as-written",
    "turns-do-not-alternate",
    "untrained-role",
]


class Behaviour(Table, frozen=True, kw_only=True):
    """What a trainer does with a row, without an error, and `by` which of its own rules.

    dropped  the row is left out
    lost     an answer of the row is not trained
    misread  the row is trained as something else than it says

    `batch` is how many rows a batch has that is full or not made; "{batch}" in `by` stands for it.
    """

    when: When
    effect: Literal["dropped", "lost", "misread"]
    by: Text
    shapes: tuple[str, ...] = ()
    batch: Count = 1


class Taught(NamedTuple):
    """What of a row the loss is taken on: its answers, the reply alone (a completion, the sides of a pair), or all.

    `weighted` says whether an answer whose weight is 0 is left out, `last` in which rows all answers but the last are.
    """

    what: Literal["answers", "reply", "all"] = "answers"
    weighted: bool = True
    last: Literal["never", "with tools", "always"] = "never"

    def last_alone(self, tools: bool) -> bool:
        """Whether of several answers the last one alone is trained in a row with, or without, tools."""
        return self.what == "answers" and (self.last == "always" or (self.last == "with tools" and tools))

    def __str__(self) -> str:
        words = {"answers": "its answers", "reply": "its reply alone", "all": "the whole row"}[self.what]
        if self.what != "answers":
            return words
        words += {"never": "", "with tools": ", with tools the last alone", "always": ", the last alone"}[self.last]
        return words if self.weighted else f"{words}, whatever their weights"


class Profile(Table, frozen=True, kw_only=True):
    """A service, a trainer or a runtime: what it takes, and what it does with the rest.

    `shapes` are those it reads (all where none is named); `roles` by shape are as the rows write them.
    `loss` says on which tokens the trainer takes the loss by default; a `score` is learnt for the whole of each side
    of a pair. `limits` are those of shapes that another trainer of the same makers takes; `templated` says whether a
    chat template is put around messages alone, or around strings too. `columns` are "mapped" where settings name
    them, and "fixed" where a row must be as the makers of its shape write it. `renames` says whether `human` and
    `gpt` become roles that chat templates know.
    """

    title: Text
    kind: Literal["service", "trainer", "runtime"]
    status: Literal["open", "closed", "deprecated"]
    verified_on: date
    source: Annotated[str, msgspec.Meta(pattern=r"^https?://\S+$")]
    name: str = ""
    extends: str = ""
    status_note: str = ""
    notes: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    roles: dict[str, tuple[str, ...]] = {}
    loss: Literal["answers", "all", "completion", "score"] = "answers"
    rows: Rows = Rows()
    file: File = File()
    tokens: Tokens | None = None
    limits: tuple[Tokens, ...] = ()
    templated: Literal["messages", "all"] = "all"
    columns: Literal["mapped", "fixed"] = "mapped"
    renames: bool = False
    order: tuple[Order, ...] = ()
    keys: tuple[Keys, ...] = ()
    content: tuple[Content, ...] = ()
    reserved: Reserved | None = None
    tools: Tools | None = None
    weights: Weights | None = None
    behaviour: tuple[Behaviour, ...] = ()

    def note(self, shapes: Iterable[str] = ()) -> TargetNote:
        """What reports say of the profile: by the name of the one trainer that takes rows of all the `shapes`."""
        read = set(shapes)
        titles = {self.title_of(shape) for shape in read}
        fates = {limit.over for shape in read if (limit := self.tokens_of(shape))}
        return TargetNote(
            self.name,
            titles.pop() if len(titles) == 1 else self.title,
            self.kind,
            self.status,
            self.verified_on.isoformat(),
            self.source,
            self.status_note,
            fates.pop() if len(fates) == 1 else "",
        )

    @property
    def standing(self) -> str:
        """That the target is closed, or about to close, with what is known of it; "" for one that is open."""
        if self.status == "open":
            return ""
        why = f": {self.status_note}" if self.status_note else ""
        return f"{self.title} is {self.status}{why} (verified {self.verified_on}, {self.source})"

    def tokens_of(self, shape: str) -> Tokens | None:
        return next((limit for limit in self.limits if shape in limit.shapes), self.tokens)

    def title_of(self, shape: str) -> str:
        """The trainer that takes rows of the shape."""
        limit = self.tokens_of(shape)
        return (limit.title if limit else "") or self.title

    def taught(self, shape: str) -> Taught:
        """What the loss is taken on in rows of the shape; of pairs it is the reply, unless a score is learnt."""
        weighted = self.weights is None or self.weights.turns == "honoured"
        if self.loss == "score":
            return Taught("all", weighted)
        if shape in _PAIRED or (self.loss == "completion" and shape == "prompt-completion"):
            return Taught("reply", weighted)
        if self.loss == "answers" or shape == "prompt-only":
            return Taught("answers", weighted, self._last())
        return Taught("all", weighted)

    def _last(self) -> Literal["never", "with tools", "always"]:
        """In which rows the answers before the last are masked."""
        masked = {behaviour.when for behaviour in self.behaviour if behaviour.effect == "lost"}
        if "earlier-answers-masked" in masked:
            return "always"
        return "with tools" if "earlier-answers-masked-with-tools" in masked else "never"

    def taught_said(self, shape: str) -> str:
        """The same in words, "" where the target trains nothing."""
        if self.kind == "runtime":
            return ""
        settings = ", by its defaults" if self.kind == "trainer" else ""
        if self.loss == "score":
            return f"{self.title_of(shape)} learns a score for the whole of each side of a pair{settings}"
        return f"{self.title_of(shape)} takes the loss on {self.taught(shape)}{settings}"

    def order_of(self, shape: str) -> Order | None:
        return _of_shape(self.order, shape)

    def keys_of(self, shape: str) -> Keys | None:
        return _of_shape(self.keys, shape)

    def content_of(self, shape: str) -> Content | None:
        return _of_shape(self.content, shape)

    def roles_of(self, shape: str) -> tuple[str, ...]:
        return self.roles.get(shape, ())

    def reads(self, example: Example) -> bool:
        return (not self.shapes or example.shape in self.shapes) and self.finds_columns(example)

    @property
    def every_limit(self) -> tuple[Tokens, ...]:
        """What becomes of long rows: those that no shape is named for, and those of a shape."""
        return tuple(filter(None, (self.tokens, *self.limits)))

    @property
    def maps_columns(self) -> bool:
        """Whether settings of a trainer can name the columns that rows have of their own."""
        return self.kind == "trainer" and self.columns == "mapped"

    def finds_columns(self, example: Example) -> bool:
        """Whether the columns of the row are called as the target looks for them."""
        from curator.formats import SHAPES

        adapter = SHAPES.get(example.shape)
        return self.columns == "mapped" or adapter is None or adapter.exact(example.value)

    def digest(self) -> str:
        """Hash of all that findings depend on."""
        body = msgspec.json.encode(self, order="deterministic")
        return hashlib.blake2b(body, digest_size=16).hexdigest()


_PAIRED = frozenset({"openai-preference", "trl-preference", "trl-kto"})

T = TypeVar("T", Order, Keys, Content)


def _of_shape(tables: Iterable[T], shape: str) -> T | None:
    """The first table that names the shape, else the first that names none."""
    listed = list(tables)
    named = next((table for table in listed if shape in table.shapes), None)
    return named or next((table for table in listed if not table.shapes), None)


# ---------------------------------------------------------------------- finding and reading


def shipped() -> dict[str, Path]:
    """The profiles that ship with curator or with a plugin, by name."""
    from curator import plugins

    plugins.load()
    return own() | plugins.shipped_targets()


def own() -> dict[str, Path]:
    """The profiles that ship with curator, by name."""
    return dict(_shipped())


@cache
def _shipped() -> dict[str, Path]:
    here = Path(__file__).parent
    rules = here / "_rules" if (here / "_rules").is_dir() else here.parent / "rules"
    return {file.stem: file for file in sorted((rules / "targets").glob("*.toml"))}


_SPELT = {"mlx-lm": "mlx", "llamafactory": "llama-factory"}


def called(name: str, known: Iterable[str]) -> str:
    """The name among the known ones, where a trainer is called by that of its package: mlx-lm, llama_factory."""
    plain = name.lower().replace("_", "-")
    return next((one for one in (name, plain, _SPELT.get(plain, "")) if one in known), name)


def is_file(name: str) -> bool:
    """Whether a target is named by a file of one's own."""
    return name.endswith(".toml")


def load(name: str) -> Profile:
    """The profile of a shipped name or of a TOML file.

    Raises:
        UsageError: no target is called so.
        ConfigError: the file cannot be read, or says something that no profile can.
    """
    if not is_file(name):
        known = own() if called(name, own()) in own() else shipped()
        name = called(name, known)
        if name not in known:
            near = difflib.get_close_matches(name.lower(), known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the targets are {', '.join(known)}, or a TOML file"
            raise UsageError(f"no target {name!r}", hint=hint)
        return _loaded(str(known[name]), known[name].stat().st_mtime_ns)
    path = Path(name)
    try:
        return _loaded(str(path), path.stat().st_mtime_ns)
    except OSError as fault:
        raise ConfigError(f"the target cannot be read: {fault.strerror}", where=name, hint=_UNREAD) from None


def taught(name: str | None, shape: str) -> Taught:
    """What the target takes the loss on in rows of the shape; without a target it is their answers.

    Raises what `load` does.
    """
    return load(name).taught(shape) if name else Taught()


@lru_cache(maxsize=64)
def _loaded(path: str, stamp: int) -> Profile:
    return read(Path(path))


def read(path: Path) -> Profile:
    """The profile in a file. Raises ConfigError as `load` does."""
    table = _whole(path, ())
    where = str(path)
    _refuse_unknown(table, Profile, where, "")
    try:
        profile = msgspec.convert(table, Profile)
    except msgspec.ValidationError as fault:
        what, hint = _said(fault)
        raise ConfigError(what, where=where, hint=hint) from None
    _refuse_unsound(profile, where)
    return msgspec.structs.replace(profile, name=path.stem)


_UNREAD = "name a TOML file, in UTF-8, or a target of: curator config targets"


def _whole(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The table of a file, laid over that of the profile it extends, key by key."""
    where = str(path)
    try:
        table = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"the target cannot be read: {fault}", where=where, hint=_UNREAD) from None
    except UNREADABLE as fault:
        hint = f"mend it there; {_EXAMPLE}"
        raise ConfigError(f"the target is not TOML: {fault}", where=where, hint=hint) from None
    base = table.get("extends")
    if base is None:
        return table
    if base not in _shipped():
        hint = f"it may extend what ships, and no file: {', '.join(_shipped())}"
        raise ConfigError(f"extends: no target {base!r} ships with curator", where=where, hint=hint)
    if _shipped()[base] in (path, *above):
        hint = "leave 'extends' out, or name another target"
        raise ConfigError(f"extends: {base!r} would extend itself", where=where, hint=hint)
    return _whole(_shipped()[base], (path, *above)) | table


def _refuse_unknown(table: Mapping[str, Any], kind: type[msgspec.Struct], where: str, place: str) -> None:
    """Every key at every depth must be one of the schema's."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key, value in table.items():
        if key not in fields or (key == "name" and kind is Profile):
            known = [name for name in fields if name != "name" or kind is not Profile]
            near = difflib.get_close_matches(key, known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
            raise ConfigError(f"unknown key {place + key!r}", where=where, hint=hint)
        inner = _struct(fields[key].type)
        if inner is None:
            continue
        for number, item in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(item, dict):
                at = f"{place}{key}[{number}]." if isinstance(value, list) else f"{place}{key}."
                _refuse_unknown(item, inner, where, at)


def _struct(kind: Any) -> type[msgspec.Struct] | None:
    """The table that a field holds, by itself, as an option or in a list."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind
    if get_origin(kind) in (dict, Literal):
        return None
    return next((found for part in get_args(kind) if (found := _struct(part))), None)


_KINDS = {
    "int": ("a whole number", "write it in digits, without quotation marks"),
    "str": ("a text", "put it in quotation marks"),
    "bool": ("true or false", "write true or false, without quotation marks"),
    "array": ("a list", "put it in square brackets"),
    "object": ("a table", "give it a heading of its own in square brackets, or write it in curly ones"),
    "date": ("a day", "write it as 2026-01-31"),
}
_EXAMPLE = "curator config targets trl prints a profile to go by"


def _said(fault: msgspec.ValidationError) -> tuple[str, str]:
    """(what is wrong with a profile, in words and with its place; what to do)."""
    what, _, at = str(fault).partition(" - at `$")
    at = at.strip("`.")
    head = f"{at}: " if at else ""
    if lacks := re.match(r"Object missing required field `(.+)`", what):
        return f"{head}it lacks {lacks[1]!r}", f"add the key; {_EXAMPLE}"
    if kinds := re.match(r"Expected `(\w+)[^`]*`, got `(\w+)`", what):
        due, got = (_KINDS.get(kind, (kind, _EXAMPLE)) for kind in kinds.groups())
        return f"{head}{due[0]} is due, not {got[0]}", due[1]
    if value := re.match(r"Invalid enum value '(.*)'", what):
        known = _literals(at)
        near = difflib.get_close_matches(value[1], known, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}" if known else _EXAMPLE
        return f"{head}{value[1]!r} is not known", hint
    if least := re.match(r"Expected `int` >= (\d+)", what):
        return f"{head}a whole number from {least[1]} on is due", "leave the key out where there is no limit"
    if "matching regex" in what:  # the source alone has a pattern
        return f"{head}a web address is due", "write it whole: https://…"
    return head + what.replace("`", "'"), _EXAMPLE


def _literals(at: str) -> tuple[str, ...]:
    """The words that a key takes, by its place in a profile ("order[0].last[1]"); () where it is free."""
    kind: Any = Profile
    for key in re.findall(r"[\w-]+(?=[\[.]|$)", re.sub(r"\[[^\]]*\]", "", at)):
        fields = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
        kind = _struct(fields[key]) or fields[key] if key in fields else None
        if kind is None or not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            break
    return tuple(_words(kind))


def _words(kind: Any) -> Iterator[str]:
    for part in get_args(kind):
        if get_origin(kind) is Literal:
            yield part
        else:
            yield from _words(part)


_MOST = "give the limit in tokens as 'most'; with over = 'kept' leave it out"


def _refuse_unsound(profile: Profile, where: str) -> None:
    """What the types cannot say."""
    from curator.formats import SHAPES

    for at, shape in _shapes(profile):
        if shape not in SHAPES:
            near = difflib.get_close_matches(shape, SHAPES, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"the shapes are {', '.join(SHAPES)}"
            raise ConfigError(f"{at}: no shape {shape!r}", where=where, hint=hint)
    for at, pattern in _patterns(profile):
        try:
            re.compile(pattern)
        except re.error as fault:
            hint = "write it as Python's re reads it; a sign that stands for itself takes a backslash before it"
            raise ConfigError(f"{at} is no regular expression: {fault}", where=where, hint=hint) from None
    for limit in (profile.tokens, *profile.limits):
        if limit is not None and (not limit.most) != (limit.over == "kept"):
            raise ConfigError("tokens: 'most' is what everything needs but rows that are kept", where=where, hint=_MOST)
    rows = profile.rows
    if rows.least and rows.most and rows.least > rows.most:
        hint = "give 'least' the smaller number of the two"
        raise ConfigError("rows: 'least' is above 'most'", where=where, hint=hint)


def _patterns(profile: Profile) -> Iterator[tuple[str, str]]:
    """(where it stands, pattern) for every regular expression a profile holds."""
    yield from ((f"tools.{key}", getattr(profile.tools, key, "")) for key in ("id", "name"))
    for number, table in enumerate(profile.content):
        yield from ((f"content[{number}].address.{key}", pattern) for key, pattern in table.address.items())


def _shapes(profile: Profile) -> Iterator[tuple[str, str]]:
    """(where it stands, shape) for every shape a profile names."""
    yield from (("shapes", shape) for shape in profile.shapes)
    yield from (("roles", shape) for shape in profile.roles)
    for key in ("order", "keys", "content", "behaviour", "limits"):
        for number, table in enumerate(getattr(profile, key)):
            yield from ((f"{key}[{number}].shapes", shape) for shape in table.shapes)


def listing() -> str:
    """A line for each shipped profile: name, status, date, source."""
    profiles = [load(name) for name in shipped()]
    name, status = (max(len(getattr(p, key)) for p in profiles) for key in ("name", "status"))
    lines = [f"{p.name:{name}}  {p.status:{status}}  verified {p.verified_on}  {p.source}" for p in profiles]
    more = "`curator config targets NAME` prints one: copy it to a TOML file to change it."
    return "\n".join([*lines, more]) + "\n"

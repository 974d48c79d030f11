"""What a target refuses in the content of messages: its form, kinds of parts, and media."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from curator.checks.schema.rows import messages
from curator.checks.targets.refusal import Refusal, known
from curator.model import Example, Fix, Flag, Put
from curator.paths import join
from curator.rule import Bad, Row
from curator.targets import Content, Form, Medium, Profile


def _said(question: Any, answer: Any) -> Row:
    """A row of two messages with these contents."""
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


_HELLO = _said("Hi", "Hello.")
_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
_A_CAT = {"type": "text", "text": "A cat."}


class Held(NamedTuple):
    """A part of a message: its kind as profiles name it, and of a medium what it says of itself."""

    path: str
    kind: str
    medium: Medium | None = None
    format: str = ""  # "" where it is not told
    address: str = ""
    size: int = 0  # bytes, of what is written into the row


class ContentRefused(Refusal, frozen=True):
    """The content of a message is of a form, or holds a part or a medium, that the target refuses.

    Services read content by a schema of their own: a list where a text belongs, a picture in an answer, one
    picture too many or one at an address they cannot reach fails the file, or leaves the row out.
    """

    code = "TGT015"
    GOOD = [_HELLO]
    BAD = [
        Bad(
            {"system": "Be brief.", **_said([{"type": "text", "text": "Hi"}], "Hello.")},
            at="messages[0].content",
            fixed={"system": "Be brief.", **_HELLO},
            options={"target": "claude-haiku"},
        ),
        Bad(
            {"contents": [{"role": "user", "parts": "Hi"}, {"role": "model", "parts": [{"text": "Hello."}]}]},
            at="contents[0].parts",
            fixed={
                "contents": [
                    {"role": "user", "parts": [{"text": "Hi"}]},
                    {"role": "model", "parts": [{"text": "Hello."}]},
                ]
            },
            options={"target": "gemini"},
        ),
        Bad(
            _said([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}], "Hello."),
            at="messages[0].content[0]",
            options={"target": "openai"},
        ),
        Bad(_said([_PICTURE], [_PICTURE]), at="messages[1].content[0]", options={"target": "together"}),
        Bad(
            _said([{"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}], [_A_CAT]),
            at="messages[0].content[0]",
            options={"target": "together"},
        ),
        Bad(_said([_PICTURE, _A_CAT], "Yes."), at="messages[0].content", options={"target": "together"}),
        Bad(
            {
                "schemaVersion": "bedrock-conversation-2024",
                **_said(
                    [
                        {"text": "The same?"},
                        {"image": {"format": "bmp", "source": {"s3Location": {"uri": "s3://b/one.bmp"}}}},
                        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/one.mp4"}}}},
                        {"video": {"format": "mp4", "source": {"s3Location": {"uri": "s3://b/two.mp4"}}}},
                    ],
                    [{"text": "No."}],
                ),
            },
            at=("messages[0].content[1]", "messages[0].content[3]", ""),
            options={"target": "nova"},
        ),
    ]

    def refused(self, example: Example, profile: Profile) -> Iterator[Flag]:
        content = profile.content_of(example.shape)
        if content is None:
            return
        found = list(_contents(example))
        if example.shape in _BESIDE:
            yield from _of_system(example, content, profile)
        held: list[Held] = []
        for role, value, path, weight in found:
            yield from _of_form(value, path, content.form, example.shape, profile)
            parts = list(_parts(value, path))
            yield from _of_kinds(parts, role, content, profile)
            held += parts
            if not content.weighted and weight not in (None, 0) and any(part.medium for part in parts):
                yield Flag(path, f"a medium in a message of weight {weight:g}: {profile.title} takes 0 alone")
        media = [part for part in held if part.medium]
        yield from _of_media(media, content, profile)
        if content.uniform:
            yield from _of_uniform([(value, path) for _, value, path, _ in found], media, profile)


_BESIDE = frozenset({"openai-chat", "anthropic-bedrock", "bedrock-converse", "gemini"})


def _contents(example: Example) -> Iterator[tuple[str, Any, str, float | None]]:
    """(role, content, its path, weight) of every message, once each; null is no content."""
    seen = ""
    for turn, message, base in messages(example):
        key = next((key for key in ("content", "parts", "value") if key in message), "content")
        if base != seen and base.endswith("]") and message.get(key) is not None:
            role = "user" if turn.role == "tool" and turn.said == "user" else turn.role
            yield role, message[key], join(base, key), turn.weight
        seen = base


def _of_system(example: Example, content: Content, profile: Profile) -> Iterator[Flag]:
    """The system prompt that stands beside the messages."""
    for key in ("system", "systemInstruction", "system_instruction"):
        value, path = example.value.get(key), key
        if type(value) is dict and example.shape == "gemini":
            value, path = value.get("parts"), f"{key}.parts"
        if value is not None:
            yield from _of_form(value, path, content.system, example.shape, profile)
            yield from _of_kinds(list(_parts(value, path)), "system", content, profile)


def _of_form(value: Any, path: str, form: Form, shape: str, profile: Profile) -> Iterator[Flag]:
    kind = "text" if type(value) is str else "parts" if type(value) is list else ""
    if not kind and form != "either":
        yield Flag(path, f"content that is neither text nor parts: {profile.title} refuses it")
    elif form == "text" and kind == "parts":
        yield Flag(path, f"content as a list of parts: {profile.title} takes text alone", fix=_as_text(value, path))
    elif form == "parts" and kind == "text":
        told = value if path.endswith((".parts", ".content")) or shape != "gemini" else None
        fix = Fix("write it as a part", (Put(path, [{"text": told}]),), safety="safe") if told is not None else None
        yield Flag(path, f"content as a string: {profile.title} takes a list of parts", fix=fix)


def _as_text(parts: list[Any], path: str) -> Fix | None:
    """The text of the only part, as the content."""
    only = parts[0] if len(parts) == 1 and type(parts[0]) is dict else {}
    if type(text := only.get("text")) is str and only.keys() <= {"type", "text"}:
        return Fix("write its text", (Put(path, text),), safety="safe")
    return None


def _of_kinds(parts: list[Held], role: str, content: Content, profile: Profile) -> Iterator[Flag]:
    for part in parts if content.parts else ():
        roles = content.parts.get(part.kind)
        if roles is None:
            what = f"a part of kind {part.kind!r}" if part.kind else "a part of no kind"
            yield Flag(part.path, f"{what}: {profile.title} reads {known(content.parts)}")
        elif roles and role not in roles:
            yield Flag(
                part.path, f"a part {part.kind!r} in the {role} turn: {profile.title} takes it of {known(roles)}"
            )


def _of_media(media: list[Held], content: Content, profile: Profile) -> Iterator[Flag]:
    count: Counter[str] = Counter()
    for part in media:
        medium = cast(Medium, part.medium)
        count[medium] += 1
        allowed = content.formats.get(medium)
        if allowed and part.format and part.format not in allowed:
            yield Flag(part.path, f"{_a(medium)} of format {part.format!r}: {profile.title} reads {known(allowed)}")
        elif (pattern := content.address.get(medium)) and not re.match(pattern, part.address):
            told = repr(part.address[:40]) if part.address else "none"
            yield Flag(part.path, f"{_a(medium)} at the address {told}: {profile.title} demands {pattern}")
        elif (bound := content.bytes.get(medium)) and part.size > bound:
            yield Flag(part.path, f"{_a(medium)} of {part.size:,} bytes: {profile.title} takes at most {bound:,}")
        most = content.most.get(medium)
        if most and count[medium] == most + 1:
            total = sum(other.medium == medium for other in media)
            told = f"{total} of kind {medium} in a row: {profile.title} takes at most {most}"
            yield Flag(part.path, told, evidence={"count": total, "limit": most})
    mixed = [medium for medium in content.alone if count[medium]]
    if len(mixed) > 1:
        yield Flag("", f"media of several kinds ({known(mixed)}): {profile.title} takes one kind a row")


def _a(medium: Medium) -> str:
    return f"{'an' if medium[0] in 'aio' else 'a'} {medium}"


def _of_uniform(contents: list[tuple[Any, str]], media: list[Held], profile: Profile) -> Iterator[Flag]:
    """A row of texts alone, or of parts alone with a medium among them."""
    listed = [path for value, path in contents if type(value) is list]
    if listed and len(listed) < len(contents):
        yield Flag(listed[0], f"texts and lists of parts in one row: {profile.title} takes one form a row")
    elif listed and not media:
        yield Flag(listed[0], f"parts without a picture among them: {profile.title} takes texts there")


# ---------------------------------------------------------------------- parts

# The keys of parts that have no type, and the spelling in which profiles name them.
_UNTYPED = {
    **{key: key for key in ("toolUse", "toolResult", "reasoningContent", "cachePoint", "guardContent")},
    **{key: key for key in ("fileData", "inlineData", "functionCall", "functionResponse")},
    **{"file_data": "fileData", "inline_data": "inlineData"},
    **{"function_call": "functionCall", "function_response": "functionResponse"},
    **{key: key for key in ("executableCode", "codeExecutionResult", "image", "video", "audio", "document", "text")},
}
_TYPED: dict[str, Medium] = {
    "image_url": "image", "input_image": "image", "image": "image", "video_url": "video", "video": "video",
    "input_audio": "audio", "audio_url": "audio", "audio": "audio", "file": "document", "document": "document",
}  # fmt: skip
_INLINE = re.compile(r"data:[a-z]+/([a-z0-9.+-]+);base64,", re.IGNORECASE)


def _parts(value: Any, path: str) -> Iterator[Held]:
    for number, part in enumerate(value if type(value) is list else ()):
        at = f"{path}[{number}]"
        if type(part) is dict:
            yield _held(part, at)
        else:
            yield Held(at, "")


def _held(part: Row, at: str) -> Held:
    kind = part.get("type")
    if type(kind) is str:
        medium = _TYPED.get(kind)
        return _of_url(at, kind, medium, part.get(kind)) if medium else Held(at, kind)
    key = next((key for key in _UNTYPED if part.get(key) is not None), "")
    kind = _UNTYPED.get(key, next(iter(part), ""))
    if kind in ("fileData", "inlineData"):
        return _of_mime(at, kind, part[key])
    if kind in _TYPED:
        return _of_s3(at, kind, part[key])
    return Held(at, kind)


def _of_url(at: str, kind: str, medium: Medium, told: Any) -> Held:
    """A typed part: {"type": "image_url", "image_url": {"url": "data:image/png;base64,…"}}."""
    url = told.get("url") if type(told) is dict else told
    if type(url) is not str:
        return Held(at, kind, medium)
    inline = _INLINE.match(url)
    size = (len(url) - inline.end()) * 3 // 4 if inline else 0
    return Held(at, kind, medium, inline[1].lower() if inline else "", url, size)


def _of_mime(at: str, kind: str, told: Any) -> Held:
    """A part of Gemini: {"fileData": {"mimeType": "image/png", "fileUri": "gs://…"}}."""
    said = told if type(told) is dict else {}
    mime = said.get("mimeType", said.get("mime_type"))
    family, _, form = mime.lower().partition("/") if type(mime) is str else ("", "", "")
    medium = cast(Medium, family) if family in ("image", "video", "audio") else "document"
    address, data = said.get("fileUri", said.get("file_uri")), said.get("data")
    size = len(data) * 3 // 4 if type(data) is str else 0
    return Held(at, kind, medium, form, address if type(address) is str else "", size)


def _of_s3(at: str, kind: str, told: Any) -> Held:
    """A part of Bedrock: {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://…"}}}}."""
    form = told.get("format") if type(told) is dict else None
    place: Any = told
    for step in ("source", "s3Location", "uri"):
        place = place.get(step) if isinstance(place, Mapping) else None
    address = place if type(place) is str else ""
    return Held(at, kind, _TYPED[kind], form.lower() if type(form) is str else "", address)

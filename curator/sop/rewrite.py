"""Prompts in other words, by a model the user names. Off by default; the answers never change.

Each answer is sent with the request to say what a user might have asked for it; what comes back is checked (`refusal`)
and kept in `.curator_cache/prompts` by a hash of all that was sent, so an interrupted run goes on where it stopped. An
answer whose prompts do not come, or do not pass, keeps its own wording, and the summary says so.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

import msgspec

from curator.errors import UNREADABLE, UsageError
from curator.sop.languages import language_of
from curator.sop.prompts import topic
from curator.sop.reading import words_of

_VERSION = 1  # of the instruction below: another one asks anew
_MOST_BYTES = 1_000_000  # of a response
_SENT = 6000  # characters of an answer that are sent
_AGAIN = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
_LANGUAGES = {"en": "English", "es": "Spanish", "de": "German", "fr": "French"}
_INSTRUCTION = (
    "You write requests that a user might send. Below is a document about {topic!r}. Write {count} different requests, in {language}, "
    "of one sentence or two each, to which this document {part}would be the whole answer. Name what it is about. Quote nothing "
    "from its text but its title. Reply with a JSON array of {count} strings and nothing else."
)


class Prompts(NamedTuple):
    """The prompts that passed, and why one was refused where there are fewer than asked for."""

    texts: list[str]
    problem: str = ""


class _Again(Exception):
    """A failure that may pass: `wait` seconds, or as long as the attempt says."""

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


class _NoRedirect(HTTPRedirectHandler):
    """Redirects are not followed: the key would go with them."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class Writer:
    """Asks an OpenAI-compatible endpoint (`…/v1`) for prompts.

    `key` is sent as a bearer token and shown nowhere. A request that is refused for now, breaks off or takes over
    `seconds` is repeated up to `tries` times, after pauses that double or that the server asks for. After three answers
    in a row without a reply, nothing more is asked.
    """

    def __init__(
        self,
        endpoint: str,
        model: str,
        key: str = "",
        *,
        cache: Path | None = None,
        seconds: float = 60.0,
        tries: int = 5,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError("no web address", where=f"--endpoint {endpoint}", hint="such as http://localhost:8000/v1")
        if parts.username or parts.password:
            raise UsageError("a password in the address", where="--endpoint", hint="put the key into an environment variable, and name it with --key-env")  # fmt: skip
        if key and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise UsageError("the key would be sent in clear", where=f"--endpoint {endpoint}", hint="name an address that begins with https://, or no key: --key-env ''")  # fmt: skip
        address = endpoint.rstrip("/").removesuffix("/chat/completions")
        self._url, self._model, self._key = f"{address}/chat/completions", model, key
        self._cache, self._seconds, self._tries, self._sleep = cache, seconds, tries, sleep
        self._silent = 0
        self._opener = build_opener(ProxyHandler({}), _NoRedirect())

    def prompts(self, answer: str, title: str, language: str, count: int, section: str = "") -> Prompts:
        """At most `count` prompts for an answer, the whole document or its `section`.

        Raises:
            UsageError: the endpoint says that the key, the model or the address is wrong.
        """
        about = topic(title)
        part = f"(its section {section!r}) " if section else ""
        asked = _INSTRUCTION.format(
            topic=about, count=count, language=_LANGUAGES.get(language, "the language of the document"), part=part
        )
        body = {
            "model": self._model,
            "temperature": 0.8,
            "messages": [{"role": "system", "content": asked}, {"role": "user", "content": answer[:_SENT]}],
        }
        sent = json.dumps([_VERSION, self._url, body, answer], sort_keys=True).encode()
        place = self._cache / f"{hashlib.blake2b(sent, digest_size=16).hexdigest()}.json" if self._cache else None
        if (kept := _kept(place)) is not None:
            return Prompts(kept)
        if self._silent >= 3:
            return Prompts([], "the endpoint did not reply to the last three requests")
        found, problem = self._asked(json.dumps(body).encode(), answer, f"{title} {section}", language)
        self._silent = self._silent + 1 if problem.startswith("no reply") else 0
        if len(found) >= count and place:
            _keep(place, found[:count])
        return Prompts(found[:count], problem if len(found) < count else "")

    def _asked(self, body: bytes, answer: str, title: str, language: str) -> tuple[list[str], str]:
        """The prompts of a reply that pass, and the last problem."""
        problem, pause = "", 1.0
        for attempt in range(self._tries):
            try:
                offered = _texts(self._post(body))
            except _Again as error:
                problem = f"no reply: {error}"
                if attempt + 1 < self._tries:
                    self._sleep(min(error.wait if error.wait is not None else pause, 60.0))
                    pause *= 2
                continue
            good: list[str] = []
            for text in offered:
                refused = refusal(text, answer, title, language, good)
                problem = f"a prompt that {refused}" if refused else problem
                good += [] if refused else [text]
            if good:
                return good, problem
            problem = problem or "a reply without prompts"
            if attempt:  # asked twice: this model does not do it
                break
        return [], problem

    def _post(self, body: bytes) -> bytes:
        """The body of the reply. Raises _Again, UsageError."""
        headers = {"Content-Type": "application/json", "User-Agent": "finetune-curator"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        request = Request(self._url, body, headers)
        end = time.monotonic() + self._seconds
        try:
            with self._opener.open(request, timeout=self._seconds) as reply:
                return _read(reply, end)
        except HTTPError as error:
            with error:
                if error.code in _AGAIN:
                    raise _Again(f"status {error.code}", _pause(error.headers.get("Retry-After"))) from None
            hint = {401: "look whether the key in the variable of --key-env is right", 403: "the key may not use it",
                    404: "look at the model's name and the address"}.get(error.code, "look at the address")  # fmt: skip
            raise UsageError(f"the endpoint answered {error.code}", where=self._url, hint=hint) from None
        except TimeoutError:
            raise _Again(f"nothing within {self._seconds:.0f} seconds") from None
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise _Again(str(reason) or type(error).__name__) from None


def _read(reply: Any, end: float) -> bytes:
    """A whole reply. Raises TimeoutError, and _Again where it is cut off or too long."""
    parts, size = [], 0
    while part := reply.read1(65_536):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES:
            raise _Again("a reply without end")
        if time.monotonic() > end:
            raise TimeoutError
    declared = reply.headers.get("Content-Length", "")
    if declared.isdigit() and size < int(declared):
        raise _Again("a reply that broke off")
    return b"".join(parts)


def _pause(value: str | None) -> float | None:
    return float(value) if value and re.fullmatch(r"\d{1,5}(?:\.\d+)?", value) else None


def _texts(reply: bytes) -> list[str]:
    """The strings of a chat completion: a JSON array, or one prompt a line. Raises _Again where it is none."""
    try:
        content = msgspec.json.decode(reply)["choices"][0]["message"]["content"]
    except (*UNREADABLE, KeyError, IndexError, TypeError):
        raise _Again("a reply that is no chat completion") from None
    if not isinstance(content, str):
        raise _Again("a reply without text")
    content = re.sub(r"<think>.*?</think>", "", content, flags=re.S)
    array = re.search(r"\[.*\]", content, re.S)
    if array:
        with suppress(*UNREADABLE):
            values = json.loads(array.group())
            return [" ".join(value.split()) for value in values if isinstance(value, str)]
    lines = (
        re.sub(r"^\s*(?:[-*•]|\d+[.)])\s+", "", line).strip().strip("\"'`").strip() for line in content.split("\n")
    )
    return [line for line in lines if line]


def _kept(place: Path | None) -> list[str] | None:
    if place is None:
        return None
    try:
        return msgspec.json.decode(place.read_bytes(), type=list[str])
    except (OSError, *UNREADABLE):
        return None


def _keep(place: Path, texts: list[str]) -> None:
    """Keep prompts; a folder that cannot be written only means that they are asked for again."""
    passing = place.with_suffix(f".{os.getpid()}.part")
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        passing.write_bytes(msgspec.json.encode(texts))
        passing.replace(place)


# ---------------------------------------------------------------------- what comes back


def refusal(text: str, answer: str, title: str, language: str, others: list[str]) -> str:
    """Why a prompt is not taken, "" where it is: its form, subject, language, and that it tells nothing of the answer."""
    words = words_of(text)
    if not 3 <= len(words) <= 60 or len(text) > 500 or "\n" in text:
        return f"has {len(words)} words"
    about = _content(title)
    if about and not about & set(_stems(words)):
        return "does not name the subject"
    if _runs(words) & (_runs(words_of(answer)) - _runs(words_of(title))):
        return "quotes the answer"
    told = language_of(text)
    if told and language in _LANGUAGES and told != language:
        return f"is in another language ({told})"
    own = set(words)
    if any(len(own & (theirs := set(words_of(other)))) >= 0.85 * len(own | theirs) for other in others):
        return "says the same as another"
    return ""


def _runs(words: list[str], size: int = 6) -> set[tuple[str, ...]]:
    return set(zip(*(words[n:] for n in range(size)), strict=False))


def _stems(words: list[str]) -> list[str]:
    return [word[:5] for word in words if len(word) > 3]


def _content(title: str) -> set[str]:
    return set(
        _stems([word for word in words_of(topic(title)) if word not in ("with", "from", "standard", "procedure")])
    )

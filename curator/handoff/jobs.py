"""Fine-tuning jobs of OpenAI and of services that speak its interface: upload, create, follow, cancel.

Every step is recorded in DIR/submission.json before the next begins, so that a submission that was cut off goes
on where it stopped: what is uploaded is known by its hash, and a job that the service may have created already is
looked for, by the file it trains on, before it is asked for again. A folder that was written anew is another job. The
key is read from the environment, goes to the address that was named and to no other, and is in no message and no file.

Source of the interface: https://platform.openai.com/docs/api-reference/fine-tuning
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPException
from itertools import takewhile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from curator import __version__
from curator.errors import UNREADABLE, CuratorError, UsageError
from curator.handoff.openai import JOB
from curator.splits.splitting import sha256
from curator.writing import write_whole

STATE = "submission.json"
KEY = "OPENAI_API_KEY"
URL = "https://api.openai.com/v1"
DONE = frozenset({"succeeded", "failed", "cancelled"})
_AGAIN = frozenset({"failed", "cancelled"})  # ends that were told, after which a submission asks for another job
_ATTEMPTS = 6
_LONGEST = 60.0  # seconds between two attempts
_PASSING = frozenset({408, 429})  # below 500: what may be answered at another time
_NO_MONEY = "insufficient_quota"  # comes with a 429, and no waiting helps
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ServiceError(CuratorError):
    """The service refused, or could not be reached."""


class Submission(msgspec.Struct):
    """What was sent so far.

    `files` gives the number of an upload by the hash of its bytes; `asked` is the hash of the job and its data,
    written before the job is asked for; `ended` are earlier jobs of the folder, from other data or settings.
    """

    base_url: str
    files: dict[str, str] = {}
    asked: str = ""
    job: str = ""
    ended: list[str] = []
    status: str = ""
    model: str = ""
    seen: str = ""


class _Here(urllib.request.HTTPRedirectHandler):
    """Follows the service to no other address: urllib would take the key along."""

    def redirect_request(self, *args: Any) -> None:
        return None


class Service:
    """The few calls that a fine-tuning job needs. Failures that pass are tried again, later each time."""

    def __init__(self, base_url: str, key: str, *, pause: float = 1.0, timeout: float = 120.0) -> None:
        parts = urlsplit(base_url)
        if not parts.hostname or (
            parts.scheme != "https" and (parts.scheme, parts.hostname in _LOOPBACK) != ("http", True)
        ):
            raise UsageError(
                "the key would be sent in clear", where=base_url, hint="name an address that begins with https://"
            )
        self._url, self._key, self._pause, self._timeout = base_url.rstrip("/"), key, pause, timeout
        self._open = urllib.request.build_opener(_Here).open

    def upload(self, file: Path) -> str:
        """The number of an upload. Raises ServiceError."""
        border = uuid.uuid4().hex
        head = (
            f'--{border}\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nfine-tune\r\n'
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
            "Content-Type: application/jsonl\r\n\r\n"
        )
        body = head.encode() + file.read_bytes() + f"\r\n--{border}--\r\n".encode()
        return str(self._call("POST", "/files", body, f"multipart/form-data; boundary={border}")["id"])

    def create(self, body: dict[str, Any], ended: Sequence[str] = ()) -> dict[str, Any]:
        """A new job. One that the service took while the line was cut is found, and not asked for again."""
        payload = json.dumps(body).encode()
        return self._call("POST", "/fine_tuning/jobs", payload, found=lambda: self.like(body, ended))

    def like(self, body: dict[str, Any], ended: Sequence[str] = ()) -> dict[str, Any] | None:
        """The job that trains on the file of this one, but for those that are known to be others."""
        jobs = self._call("GET", "/fine_tuning/jobs?limit=20").get("data", [])
        mine = (job for job in jobs if job.get("training_file") == body["training_file"])
        return next((job for job in mine if job.get("id") not in ended), None)

    def job(self, number: str) -> dict[str, Any]:
        return self._call("GET", f"/fine_tuning/jobs/{number}")

    def reason(self, job: dict[str, Any]) -> str:
        """Why a job failed, as the service says it; nothing where it says nothing."""
        told = job.get("error")
        if not isinstance(told, dict) or not told.get("message"):
            return ""
        about = f" ({told['param']})" if told.get("param") else ""
        return self._without_key(f": {told['message']}{about}")

    def cancel(self, number: str) -> dict[str, Any]:
        return self._call("POST", f"/fine_tuning/jobs/{number}/cancel", b"{}")

    def events(self, number: str, after: str) -> list[dict[str, Any]]:
        """Events later than the one with the number `after`, oldest first."""
        news: list[dict[str, Any]] = []
        while True:
            page = f"&after={quote(str(news[-1].get('id', '')))}" if news else ""
            told = self._call("GET", f"/fine_tuning/jobs/{number}/events?limit=100{page}")
            fresh = list(takewhile(lambda event: event.get("id") != after, told.get("data", [])))
            news += fresh
            if not fresh or len(fresh) < len(told["data"]) or not told.get("has_more"):
                return news[::-1]

    def _call(
        self,
        verb: str,
        path: str,
        body: bytes | None = None,
        kind: str = "application/json",
        found: Callable[[], dict[str, Any] | None] | None = None,
    ) -> dict[str, Any]:
        """The service's answer. `found` looks, after a cut line, for what the service may have done already."""
        for attempt in range(_ATTEMPTS):
            request = urllib.request.Request(self._url + path, data=body, method=verb)
            request.add_header("Authorization", f"Bearer {self._key}")
            request.add_header("User-Agent", f"curator/{__version__}")
            if body is not None:
                request.add_header("Content-Type", kind)
            wait = min(_LONGEST, self._pause * 2**attempt)
            try:
                with self._open(request, timeout=self._timeout) as answer:
                    told: dict[str, Any] = json.loads(answer.read())
                    return told
            except urllib.error.HTTPError as error:
                said = _said(error)
                if _NO_MONEY in said or (error.code not in _PASSING and error.code < 500):
                    raise self._refused(error, said, verb, path) from None
                wait, why = _later(error, wait), f"{error.code} {said}"
            except (OSError, HTTPException, *UNREADABLE) as error:
                why = str(error) or type(error).__name__
            # A gateway that gives up, or a line that is cut, says nothing of what the service has done.
            if found is not None and not why.startswith("429") and (done := found()) is not None:
                return done
            if attempt + 1 < _ATTEMPTS:
                time.sleep(wait)
        raise ServiceError(
            f"no answer after {_ATTEMPTS} attempts: {self._without_key(why)}",
            where=f"{verb} {self._url}{path}",
            hint="run the command again: it goes on where it stopped",
        )

    def _refused(self, error: urllib.error.HTTPError, said: str, verb: str, path: str) -> ServiceError:
        hint = f"is {KEY} right, and allowed to tune?" if error.code in (401, 403) else ""
        if error.code // 100 == 3:
            hint = f"it answers at {error.headers.get('Location', 'another address')}: name that with --base-url"
        return ServiceError(
            f"refused ({error.code}): {self._without_key(said)}", where=f"{verb} {self._url}{path}", hint=hint
        )

    def _without_key(self, text: str) -> str:
        """The words of a service, which may repeat the key or a part of it."""
        hidden = text.replace(self._key, "…") if self._key else text
        return re.sub(r"\bsk-[\w*-]{4,}", "sk-…", hidden)


def _said(error: urllib.error.HTTPError) -> str:
    """What the service says of its refusal, with the code by which it is known."""
    try:
        body = error.read().decode("utf-8", "replace")
    except (OSError, HTTPException):
        return str(error.reason)
    try:
        told = json.loads(body)["error"]
        code = f" ({told['code']})" if told.get("code") else ""
        return f"{told['message']}{code}"
    except (*UNREADABLE, KeyError, TypeError, AttributeError):
        return " ".join(body.split())[:300] or str(error.reason)


def _later(error: urllib.error.HTTPError, wait: float) -> float:
    """Seconds to wait: what the service asks for, where it does."""
    try:
        return min(_LONGEST, max(0.0, float(error.headers.get("Retry-After", ""))))
    except ValueError:
        return wait


def key() -> str:
    """The key in the environment. Raises UsageError where there is none."""
    found = os.environ.get(KEY, "").strip()
    if not found:
        raise UsageError("there is no key", hint=f"put it in the environment: export {KEY}=…")
    if not re.fullmatch(r"[!-~]+", found):
        raise UsageError("the key holds a character that no key has: a space, a line break", where=KEY)
    return found


def submit(folder: Path, service: Service, base_url: str) -> Submission:
    """Upload the data of a hand-off and create its job; what was done before is not done again.

    Raises:
        UsageError: the folder holds no hand-off to OpenAI, its submission went to another service, or it was
            written anew while a job of it has not ended.
        ServiceError: the service refused, or could not be reached.
    """
    state = state_of(folder, base_url)
    body = _body(folder)
    marks = {name: sha256(folder / body[name]) for name in ("training_file", "validation_file") if name in body}
    asked = hashlib.sha256(json.dumps([body, marks], sort_keys=True).encode()).hexdigest()
    if state.job:
        if state.asked in ("", asked) and state.status not in _AGAIN:
            return state
        _set_aside(folder, state, service)
    for name, mark in marks.items():
        if mark not in state.files:
            state.files[mark] = service.upload(folder / body[name])
            _keep(folder, state)
        body[name] = state.files[mark]
    begun, state.asked = state.asked == asked, asked
    _keep(folder, state)
    job = (service.like(body, state.ended) if begun else None) or service.create(body, state.ended)
    state.job, state.status = str(job["id"]), str(job.get("status", ""))
    _keep(folder, state)
    return state


def _set_aside(folder: Path, state: Submission, service: Service) -> None:
    """Make room for the job of a folder that was written anew. Raises UsageError where the one before still runs."""
    status = str(service.job(state.job).get("status", ""))
    if status not in DONE:
        what = f"{state.job} ({status}) was created from other data or settings than lie here now"
        raise UsageError(
            what, where=str(folder), hint="end it with --cancel, or write the new ones into another folder"
        )
    state.ended.append(state.job)
    state.job = state.status = state.model = state.seen = ""


def follow(folder: Path, service: Service, base_url: str, every: float = 10.0) -> Iterator[str]:
    """What the service tells of the job, a line an event, until it has ended."""
    state = state_of(folder, base_url)
    while True:
        job = service.job(state.job)
        for event in service.events(state.job, state.seen):
            state.seen = str(event.get("id", ""))
            yield str(event.get("message", ""))
        state.status, state.model = str(job.get("status", "")), str(job.get("fine_tuned_model") or "")
        _keep(folder, state)
        if state.status in DONE:
            yield f"{state.job}: {state.status}{f', {state.model}' if state.model else ''}{service.reason(job)}"
            if state.status in _AGAIN:
                yield "the same command asks for another job; what is uploaded is not sent again"
            return
        time.sleep(every)


def cancel(folder: Path, service: Service, base_url: str) -> Submission:
    """Cancel the job. Raises UsageError where none was created."""
    state = state_of(folder, base_url)
    if not state.job:
        raise UsageError("no job was created from this folder", where=str(folder), hint="--submit creates one")
    state.status = str(service.cancel(state.job).get("status", ""))
    _keep(folder, state)
    return state


def state_of(folder: Path, base_url: str) -> Submission:
    """How far the submission of a folder is."""
    try:
        state = msgspec.json.decode((folder / STATE).read_bytes(), type=Submission)
    except FileNotFoundError:
        return Submission(base_url)
    except UNREADABLE:
        raise UsageError("no record of a submission", where=str(folder / STATE), hint="remove it") from None
    if state.base_url != base_url:
        raise UsageError(f"this was submitted to {state.base_url}", where=str(folder / STATE), hint="--base-url")
    return state


def _body(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / JOB).read_bytes())
    except (OSError, *UNREADABLE):
        hint = "curator handoff openai DATA --model … -o DIR"
        raise UsageError("this folder holds no hand-off to OpenAI", where=str(folder), hint=hint) from None
    return found


def _keep(folder: Path, state: Submission) -> None:
    write_whole(folder / STATE, msgspec.json.format(msgspec.json.encode(state), indent=2) + b"\n")

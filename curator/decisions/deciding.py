"""Single decisions: about a finding, about a row, and taking back what stands."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from curator.decisions.log import Log
from curator.decisions.order import identity, standing
from curator.errors import UsageError
from curator.model import Decision, Finding, Place, Verdict


def decide(
    finding: Finding,
    verdict: Verdict,
    *,
    who: str = "",
    why: str = "",
    text: str = "",
    expires: str = "",
    now: datetime | None = None,
) -> Decision:
    """A decision about a finding; `text` is the new row of an edit, `expires` a date (2027-01-31)."""
    when = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    return Decision(
        verdict, finding.row, finding.id, finding.code, text, who, when, why, expires, seen(finding), place_of(finding)
    )  # fmt: skip


def decide_row(
    row: str,
    at: Place,
    verdict: Verdict,
    *,
    who: str = "",
    why: str = "",
    expires: str = "",
    now: datetime | None = None,
) -> Decision:
    """A decision about a whole row, by its content id, whatever is found in it."""
    when = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    return Decision(verdict, row, who=who, when=when, why=why, expires=expires, place=f"{at.file}:{at.line}")


def take_back(
    log: Log, row: str, code: str = "", *, who: str = "", why: str = "", now: datetime | None = None
) -> tuple[Decision, ...]:
    """Decisions of "later" that take back what stands about a row, or about one rule in it.

    Raises UsageError where nothing stands.
    """
    when = (now or datetime.now(UTC)).isoformat(timespec="milliseconds")
    made = [
        msgspec.structs.replace(
            decision,
            verdict="later",
            who=who,
            why=why,
            when=when,
            text="",
            expires="",
            after="",
            id=new_id(now),
            base="",
            batch="",
            undoes=identity(decision),
        )
        for decision in standing(log.decisions)
        if decision.row == row and code.upper() in ("", decision.code)
    ]
    if not made:
        raise UsageError(
            "nothing is decided about this row", where=log.path, hint="curator decisions list shows what is"
        )
    return tuple(made)


def pick(findings: Sequence[Finding], at: Place, code: str = "") -> tuple[Finding, ...]:
    """Of the findings of a row those of a rule, named by its code or name; without one, those of the only rule.

    Raises UsageError where there is none, or where several rules found something and none is named.
    """
    codes = ", ".join(dict.fromkeys(f"{finding.code} {finding.name}" for finding in findings))
    where = f"{at.file}:{at.line}"
    if not findings:
        raise UsageError(
            "nothing is found in this row", where=where, hint="curator lint shows what is found, and where"
        )
    wanted = [finding for finding in findings if code.lower() in ("", finding.code.lower(), finding.name)]
    if not wanted:
        raise UsageError(f"no finding of {code!r} in this row", where=where, hint=f"found here: {codes}")
    if len({finding.code for finding in wanted}) > 1:
        raise UsageError("several rules found something in this row", where=where, hint=f"name one of {codes}")
    return tuple(wanted)


def seen(finding: Finding) -> str:
    """A hash of what the finding showed: the same text under the same path in another row has the same."""
    if finding.excerpt is None:
        return ""
    body = msgspec.json.encode([finding.code, finding.path, finding.excerpt.text])
    return hashlib.blake2b(body, digest_size=8).hexdigest()


def place_of(finding: Finding) -> str:
    return f"{finding.file}:{finding.line} {finding.path}".rstrip()


_last_id = 0


def new_id(now: datetime | None = None) -> str:
    """An id that no other decision has: a UUID of version 7, 32 hex digits, rising within this process."""
    global _last_id
    moment = int((now or datetime.now(UTC)).timestamp() * 1000)
    noise = int.from_bytes(os.urandom(9), "big")
    value = (moment << 80) | (0x7 << 76) | (0b10 << 62) | (noise & ((1 << 62) - 1))
    _last_id = value if value > _last_id else _last_id + 1
    return f"{_last_id:032x}"

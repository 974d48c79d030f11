"""For programs: JSON, JSON lines and Parquet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import batched, chain
from typing import Any

import msgspec

from curator import __version__
from curator.excerpt import visible
from curator.model import Finding, Place, Report
from curator.report import View, Write
from curator.report.tally import found, verdict

_BATCH = 2_000  # findings encoded at a time


class Record(msgspec.Struct, frozen=True, gc=False):
    """A finding as programs read it: a line of jsonl, an entry of "findings" in json."""

    code: str
    name: str
    severity: str
    file: str
    line: int
    path: str
    span: tuple[int, int] | None
    message: str
    fix: str | None
    related: tuple[Place, ...]
    evidence: dict[str, Any]
    id: str
    row: str

"""The findings known at a point in time."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec

from curator.errors import UNREADABLE, SourceError
from curator.model import Report
from curator.writing import write_whole


class Baseline(msgspec.Struct, frozen=True):
    """The findings known at a point in time: how often each finding id occurred."""

    counts: dict[str, int] = {}


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    baseline: int
    findings: int


class _Known(msgspec.Struct, frozen=True):
    id: str
    code: str
    count: int


def write_baseline(report: Report, path: str | Path) -> int:
    """List the findings of a report in a file, for `read_baseline`; how many there are. Raises WriteError."""
    counts = Counter((finding.code, finding.id) for finding in report.findings)
    lines = [msgspec.json.encode(_Head(1, counts.total()))]
    lines += [msgspec.json.encode(_Known(key, code, count)) for (code, key), count in sorted(counts.items())]
    write_whole(path, b"\n".join(lines) + b"\n")
    return counts.total()


def read_baseline(path: str | Path) -> Baseline:
    """The findings listed in a file. Raises SourceError where it is missing or is no whole baseline."""
    hint = "write it with: curator lint … --write-baseline FILE"
    try:
        head, *lines = Path(path).read_bytes().splitlines()
        wanted = msgspec.json.decode(head, type=_Head).findings
        known = [msgspec.json.decode(line, type=_Known) for line in lines]
    except OSError as error:
        raise SourceError(f"the baseline cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except UNREADABLE:
        raise SourceError("this is no baseline", where=str(path), hint=hint) from None
    counts: Counter[str] = Counter()
    for item in known:
        counts[item.id] += item.count
    if counts.total() != wanted:
        raise SourceError("the baseline is not whole", where=str(path), hint=hint)
    return Baseline(dict(counts))

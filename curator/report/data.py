"""For programs: JSON, JSON lines and Parquet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from curator import __version__
from curator.model import Finding, Place, Report
from curator.report import View, Write
from curator.report.tally import found, outcomes, verdict
from curator.text.encodings import without_surrogates

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 2_000  # findings encoded at a time
# C1 controls; line ends and bidi overrides: two patterns, each searched fast for its first byte
_LOOSE = (re.compile(rb"\xc2[\x80-\x9f]"), re.compile(rb"\xe2\x80[\xa8-\xae]"))
_encoder = msgspec.json.Encoder(enc_hook=str)


class Record(msgspec.Struct, frozen=True):
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

    @classmethod
    def of(cls, finding: Finding) -> Record:
        return cls(
            finding.code,
            finding.name,
            finding.severity,
            finding.file,
            finding.line,
            finding.path,
            finding.span,
            finding.message,
            finding.fix.safety if finding.fix else None,
            finding.related,
            finding.evidence,
            finding.id,
            finding.row,
        )


def write_jsonl(report: Report, write: Write, view: View) -> None:
    for part in batches(report.findings):
        write(encode_lines(list(map(Record.of, part))))


def write_json(report: Report, write: Write, view: View) -> None:
    write(b'{"summary":' + encode(summary(report, exit_zero=view.exit_zero)))
    if not view.statistics:
        write(b',"findings":[')
        lead = b"\n"
        for part in batches(report.findings):
            lines = encode_lines(list(map(Record.of, part)))
            write(lead + lines[:-1].replace(b"\n", b",\n"))  # a line break never occurs inside encoded JSON
            lead = b",\n"
        write(b"\n]")
    write(b',"rules":' + encode(report.rules))
    write(b',"files":' + encode(report.files))
    write(b',"tokens":' + encode(report.tokens))
    write(b',"not_run":' + encode(report.not_run))
    write(b',"left_out":' + encode(report.left_out))
    write(b',"limits":' + encode(report.limits))
    if report.lessons:
        write(b',"lessons":' + encode(report.lessons))
    write(b',"unused":' + encode(report.unused) + b"}\n")


def summary(report: Report, *, exit_zero: bool = False) -> dict[str, Any]:
    return {
        "curator": __version__,
        "ok": report.ok,
        "exit_code": 0 if exit_zero else report.exit_code,
        "verdict": verdict(report),
        "rows": report.rows,
        "broken": report.broken,
        "findings": found(report),
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "notes": report.count("info"),
        "fixable": sum(stat.fixable for stat in report.rules),
        "suppressed": report.suppressed,
        "known": report.known,
        "fail_on": report.fail_on,
        "plan": report.plan,
        "seconds": round(report.seconds, 3),
        "cached": report.cached,
        **({"target": of_target(report)} if report.target else {}),
    }


def of_target(report: Report) -> dict[str, Any]:
    """The target with its status and source, and what it does with how many rows by which of its rules."""
    told = [
        {"what": outcome.what, "rows": outcome.rows, "by": [{"rule": by, "rows": rows} for by, rows in outcome.by]}
        for outcome in outcomes(report)
    ]
    return {**msgspec.structs.asdict(report.target), "outcomes": told} if report.target else {}


def batches(findings: Iterable[Finding]) -> Iterator[list[Finding]]:
    rest = iter(findings)
    while part := list(islice(rest, _BATCH)):
        yield part


def encode(value: Any) -> bytes:
    """JSON of any value, on one line by everyone's count of lines; lone surrogates are spelt out in ASCII."""
    try:
        return _on_one_line(_encoder.encode(value))
    except UnicodeEncodeError:
        return encode(without_surrogates(msgspec.to_builtins(value, enc_hook=str)))


def encode_lines(values: Sequence[Any]) -> bytes:
    """JSON lines of any values, as `encode` writes them."""
    try:
        return _on_one_line(_encoder.encode_lines(values))
    except UnicodeEncodeError:
        return b"".join(encode(value) + b"\n" for value in values)


def _on_one_line(json: bytes) -> bytes:
    """The JSON with the controls and line ends that JSON allows raw written as escapes."""
    if not json.isascii():
        for pattern in _LOOSE:
            json = pattern.sub(_escape, json)
    return json


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(found[0].decode())


def write_parquet(report: Report, write: Write, view: View) -> None:
    """One row a finding; the summary, rules and files stand as JSON in the metadata under "curator"."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    about = {"summary": summary(report), "rules": report.rules, "files": report.files, "not_run": report.not_run}
    about["left_out"] = report.left_out
    schema = _schema().with_metadata({"curator": encode(about)})
    sink = BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for part in batches(report.findings):
            columns = list(zip(*map(_cells, part), strict=True))
            arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
    write(sink.getvalue())


def _schema() -> pa.Schema:
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    place = pa.struct([("file", text), ("line", number)])
    names = pa.dictionary(pa.int32(), text)
    return pa.schema(
        [
            ("code", names),
            ("name", names),
            ("severity", names),
            ("file", names),
            ("line", number),
            ("path", text),
            ("span_start", number),
            ("span_end", number),
            ("byte", number),
            ("message", text),
            ("fix", text),
            ("fix_title", text),
            ("related", pa.list_(place)),
            ("evidence", text),  # JSON
            ("excerpt", text),
            ("id", text),
            ("row", text),
        ]
    )


def _cells(finding: Finding) -> tuple[Any, ...]:
    start, end = finding.span or (None, None)
    return (
        finding.code,
        finding.name,
        finding.severity,
        without_surrogates(finding.file),
        finding.line,
        without_surrogates(finding.path),
        start,
        end,
        finding.byte,
        without_surrogates(finding.message),
        finding.fix.safety if finding.fix else None,
        without_surrogates(finding.fix.title) if finding.fix else None,
        [{"file": without_surrogates(place.file), "line": place.line} for place in finding.related],
        encode(finding.evidence).decode(),
        without_surrogates(finding.excerpt.text) if finding.excerpt else None,
        finding.id,
        finding.row,
    )


WRITERS = {"json": write_json, "jsonl": write_jsonl, "parquet": write_parquet}

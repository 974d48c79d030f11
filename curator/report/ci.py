"""For pipelines: SARIF, GitHub workflow commands, GitLab Code Quality, JUnit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from pathlib import PurePath
from tempfile import SpooledTemporaryFile
from typing import IO, Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from curator import __version__, rule
from curator.model import SEVERITIES, Finding, NotRun, Place, Report, RuleStat
from curator.report import View, Write
from curator.report.data import batches, encode
from curator.report.places import others
from curator.report.tally import code_ranges, counted, verdict
from curator.text.excerpt import visible

_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_SARIF_LEVEL = {"error": "error", "warning": "warning", "info": "note"}
_GITHUB_LEVEL = {"error": "error", "warning": "warning", "info": "notice"}
_GITLAB_LEVEL = {"error": "critical", "warning": "minor", "info": "info"}
_SPOOL = 1 << 20  # bytes of one rule's findings kept in memory


def write_sarif(report: Report, write: Write, view: View) -> None:
    """SARIF 2.1.0: one run, a result a finding, the rules that ran with why they matter."""
    index = {stat.code: number for number, stat in enumerate(report.rules)}
    driver = {
        "name": "curator",
        "semanticVersion": __version__,
        "rules": [_sarif_rule(stat) for stat in report.rules],
    }
    done = {
        "executionSuccessful": True,
        "exitCode": 0 if view.exit_zero else report.exit_code,
        "toolExecutionNotifications": [_sarif_notice(item) for item in report.not_run],
    }
    artifacts = [{"location": {"uri": uri(stat.path)}, "length": stat.bytes} for stat in report.files]
    write(b'{"$schema":' + encode(_SARIF_SCHEMA) + b',"version":"2.1.0","runs":[{"tool":')
    write(encode({"driver": driver}) + b',"columnKind":"unicodeCodePoints","invocations":' + encode([done]))
    write(b',"artifacts":' + encode(artifacts) + b',"properties":' + encode({"verdict": verdict(report)}))
    write(b',"results":')
    _write_array(report, write, lambda finding: _sarif_result(finding, index))
    write(b"}]}\n")


def _write_array(report: Report, write: Write, entry: Callable[[Finding], Any]) -> None:
    """A JSON array with an entry a finding."""
    lead = b"[\n"
    for part in batches(report.findings):
        # one at a time: dicts that are gone at once cost the garbage collector nothing
        write(lead + b",\n".join([encode(entry(finding)) for finding in part]))
        lead = b",\n"
    write(b"[]" if lead == b"[\n" else b"\n]")


def _sarif_rule(stat: RuleStat) -> dict[str, Any]:
    known = rule.RULES.get(stat.code) or rule.all_rules().get(stat.code)  # of a recalled report none is loaded
    out: dict[str, Any] = {
        "id": stat.code,
        "name": stat.name,
        "shortDescription": {"text": known.summary() if known else stat.name},
        "defaultConfiguration": {"level": _SARIF_LEVEL[stat.severity]},
        "properties": {"examined": stat.examined, "skipped": stat.skipped},
    }
    if known and (why := known.why()):
        out["fullDescription"] = {"text": " ".join(why.split())}
    return out


def _sarif_notice(item: NotRun) -> dict[str, Any]:
    text = f"not run: {code_ranges(item.codes)} ({item.reason}: {item.unlock})"
    return {"level": "note", "message": {"text": text}}


def _sarif_result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    properties: dict[str, Any] = {"row": finding.row, "fix": finding.fix.safety if finding.fix else None}
    if finding.span is not None:
        properties["span"] = finding.span
    if finding.byte is not None:
        properties["byte"] = finding.byte
    if finding.evidence:
        properties["evidence"] = finding.evidence
    place = _sarif_place(Place(finding.file, finding.line))
    if finding.excerpt is not None:
        place["physicalLocation"]["region"]["snippet"] = {"text": finding.excerpt.text}
    if finding.path:
        place["logicalLocations"] = [{"fullyQualifiedName": visible(finding.path), "kind": "member"}]
    out: dict[str, Any] = {
        "ruleId": finding.code,
        "level": _SARIF_LEVEL[finding.severity],
        "message": {"text": visible(finding.message)},
        "locations": [place],
        "partialFingerprints": {"curatorFinding/v1": finding.id},
        "properties": properties,
    }
    if finding.code in index:
        out["ruleIndex"] = index[finding.code]
    if finding.related:
        out["relatedLocations"] = [{"id": n, **_sarif_place(p)} for n, p in enumerate(finding.related)]
    return out


def _sarif_place(place: Place) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": uri(place.file)},
            "region": {"startLine": max(place.line, 1)},
        }
    }


@lru_cache(maxsize=1024)
def uri(file: str) -> str:
    """A file's URI: relative as it was named, or file:// where the name is absolute."""
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix().encode("utf-8", "surrogatepass"))


def write_github(report: Report, write: Write, view: View) -> None:
    """A workflow command a finding, which GitHub shows at the line in a pull request."""
    for part in batches(report.findings):
        write("".join(map(_github_line, part)).encode("utf-8", "backslashreplace"))
    write(f"{verdict(report)}\n".encode())


def _github_line(finding: Finding) -> str:
    title = _property(f"{finding.code} {finding.name}")
    where = f"file={_property(finding.file)},line={finding.line}"
    at = f"{finding.path}: " if finding.path else ""
    return f"::{_GITHUB_LEVEL[finding.severity]} {where},title={title}::{_data(at + _said(finding))}\n"


def _said(finding: Finding) -> str:
    """The message, with the other rows that it is about."""
    return f"{finding.message} (see {', '.join(others(finding))})" if finding.related else finding.message


def _data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def write_gitlab(report: Report, write: Write, view: View) -> None:
    """Code Quality entries; twins, which share a finding id, are numbered so that GitLab keeps each."""
    seen: Counter[str] = Counter()

    def entry(finding: Finding) -> dict[str, Any]:
        seen[finding.id] += 1
        again = seen[finding.id]
        at = f" at {visible(finding.path)}" if finding.path else ""
        return {
            "description": f"{finding.code} {finding.name}{at}: {visible(_said(finding))}",
            "check_name": f"{finding.code} {finding.name}",
            "fingerprint": finding.id if again == 1 else f"{finding.id}-{again}",
            "severity": _GITLAB_LEVEL[finding.severity],
            "location": {"path": finding.file, "lines": {"begin": finding.line}},
        }

    _write_array(report, write, entry)
    write(b"\n")


def write_junit(report: Report, write: Write, view: View) -> None:
    """A test case a rule: failed where its findings break the run, with all of its rows in the text."""
    with ExitStack() as stack:
        spools: dict[str, IO[bytes]] = {}
        for finding in report.findings:
            if finding.code not in spools:
                spools[finding.code] = stack.enter_context(SpooledTemporaryFile(_SPOOL))
            spools[finding.code].write(_junit_line(finding))
        failing = {stat.code for stat in report.rules if stat.findings and _fails(stat, report)}
        counts = f'tests="{len(report.rules) + len(report.not_run)}" failures="{len(failing)}" errors="0"'
        counts += f' skipped="{len(report.not_run)}" time="{report.seconds:.3f}"'
        write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="curator" {counts}>\n'.encode())
        write(f'<testsuite name="curator lint" {counts}>\n'.encode())
        for stat in report.rules:
            _junit_case(stat, stat.code in failing, spools.get(stat.code), write)
        for item in report.not_run:
            _junit_skipped(item, write)
        write(b"</testsuite>\n</testsuites>\n")


def _fails(stat: RuleStat, report: Report) -> bool:
    """Whether the findings of a rule make the lint fail: by its limit where it has one, else by severity."""
    for limit in report.limits:
        if limit.code == stat.code:
            return not limit.ok
    return report.fail_on != "never" and SEVERITIES.index(stat.severity) >= SEVERITIES.index(report.fail_on)


def _junit_case(stat: RuleStat, fails: bool, lines: IO[bytes] | None, write: Write) -> None:
    family = stat.code.rstrip("0123456789")
    name = f"classname={_attribute(f'curator.{family}')} name={_attribute(f'{stat.code} {stat.name}')}"
    head = f'<testcase {name} time="{stat.seconds:.3f}"'
    if lines is None:
        write(f"{head}/>\n".encode())
        return
    message = f"{counted(stat.findings, stat.severity if stat.severity != 'info' else 'note')}"
    tag = "failure" if fails else "system-out"
    about = f" type={_attribute(stat.severity)} message={_attribute(message)}" if fails else ""
    write(f"{head}><{tag}{about}>".encode())
    lines.seek(0)
    while part := lines.read(_SPOOL):
        write(part)
    write(f"</{tag}></testcase>\n".encode())


def _junit_line(finding: Finding) -> bytes:
    at = f" {finding.path}" if finding.path else ""
    text = visible(f"{finding.file}:{finding.line}{at}: {_said(finding)}")
    return f"{escape(text)}\n".encode("utf-8", "backslashreplace")


def _junit_skipped(item: NotRun, write: Write) -> None:
    name = _attribute(code_ranges(item.codes))
    why = _attribute(f"{item.reason}: {item.unlock}")
    write(f'<testcase classname="curator" name={name}><skipped message={why}/></testcase>\n'.encode())


def _attribute(text: str) -> str:
    return quoteattr(visible(text))


WRITERS = {"sarif": write_sarif, "github": write_github, "gitlab": write_gitlab, "junit": write_junit}

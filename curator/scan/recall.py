"""A lint that was done before, told again without reading the data.

A report is kept under the state of everything it rests on: the files (path, size, times, inode), the
configuration, the tokenizer and the code of curator. This module imports nothing that is slow to load,
so that an unchanged set is answered in the time it takes to read the findings.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from curator import __version__, extras, plugins, templates, tokens
from curator.errors import UNREADABLE, WriteError
from curator.model import Finding, Report
from curator.private.masking import holds_private
from curator.scan.cache import Cache, checksum, checksum_of
from curator.sources.allowed import record_beside
from curator.writing import write_passing

if TYPE_CHECKING:
    from curator.config import Config

_SETTLED = 50_000_000  # ns: a file younger than this may still change within one tick of its clock
_MOST_FINDINGS = 500_000  # more are not kept: reading them again would cost as much as the lint
_MOST_FILES = 10_000
_SEAL = 4  # bytes of a checksum before the head, little endian
_BLOCK = 4096  # findings read at a time

_report = msgspec.msgpack.Decoder(Report)
_findings = msgspec.msgpack.Decoder(list[Finding])


class KeptFindings:
    """The findings of a kept report, read in blocks at each iteration."""

    def __init__(self, file: Path, blocks: list[tuple[int, int]], count: int) -> None:
        self._file, self._blocks, self._count = file, blocks, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Finding]:
        with self._file.open("rb") as file:
            for start, size in self._blocks:
                file.seek(start)
                yield from _findings.decode(file.read(size))


class _Kept(msgspec.Struct, frozen=True):
    """What is kept of a report beside its findings."""

    report: Report
    blocks: list[tuple[int, int]]
    count: int
    seal: int  # CRC-32 of the file of findings


_kept = msgspec.msgpack.Decoder(_Kept)


UNSEEN = ("workers", "engine", "ray_address", "cache")  # settings that findings do not depend on


def recall(paths: Sequence[str | Path], config: Config) -> Report | None:
    """The report of the same lint on the same files, or None when it must be done."""
    started = time.perf_counter()
    kept = Cache.open()
    key = key_of(paths, config) if kept else None
    if not kept or not key:
        return None
    try:
        body = (kept.reports / key).read_bytes()
        if int.from_bytes(body[:_SEAL], "little") != checksum([body[_SEAL:]]):
            return None
        head = _kept.decode(body[_SEAL:])
        file = kept.reports / f"{key}.findings"
        with file.open("rb") as whole:
            if checksum_of(whole) != head.seal:
                return None
    except (OSError, *UNREADABLE):
        return None
    found = KeptFindings(file, head.blocks, head.count)
    seconds = time.perf_counter() - started
    return msgspec.structs.replace(head.report, findings=found, seconds=seconds, cached=True)


def keep(report: Report, key: str, kept: Cache) -> None:
    """Keep a report under the key; a full disk costs the next run its head start, nothing else.

    Neither is a report kept that names a file whose name is no UTF-8: it cannot be encoded.
    """
    if len(report.findings) > _MOST_FINDINGS or any(holds_private(finding.fix) for finding in report.findings):
        return
    encode = msgspec.msgpack.Encoder().encode
    findings = iter(report.findings)
    try:
        bodies = [encode(block) for block in iter(lambda: list(islice(findings, _BLOCK)), [])]
        blocks, start = [], 0
        for body in bodies:
            blocks.append((start, len(body)))
            start += len(body)
        bare = msgspec.structs.replace(report, findings=None)
        head = encode(_Kept(bare, blocks, len(report.findings), checksum(bodies)))
        write_passing(kept.reports / f"{key}.findings", bodies)
        write_passing(kept.reports / key, [checksum([head]).to_bytes(_SEAL, "little"), head])
        kept.trim()
    except (WriteError, UnicodeEncodeError):
        pass


def key_of(paths: Sequence[str | Path], config: Config) -> str | None:
    """The key of the report on these paths, or None where one is no settled file or folder of files."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        for path in paths:
            digest.update(repr((str(path), [_stamp(file) for file in _files(Path(path))])).encode())
        if record := record_beside(paths):
            digest.update(repr(_stamp(record)).encode())
        if config.modelfile_path:
            digest.update(repr(_stamp(Path(config.modelfile_path))).encode())
        if config.facts_path:
            digest.update(repr(_stamp(Path(config.facts_path))).encode())
        for file in (*config.packs, *config.benchmarks):
            digest.update(repr(_stamp(config.root / file)).encode())
        if config.embeddings:
            digest.update(repr([_stamp(file) for file in _files(config.root / config.embeddings)]).encode())
        for named in filter(None, (config.template, config.model)):
            digest.update(repr([_stamp(file) for file in templates.files_of(named)]).encode())
        if config.target and config.target.endswith(".toml"):
            digest.update(repr(_stamp(Path(config.target))).encode())
    except (OSError, _NotSettledError):
        return None
    settings = {k: v for k, v in msgspec.structs.asdict(config).items() if k not in UNSEEN}
    digest.update(msgspec.json.encode(settings, order="deterministic"))
    versions = (__version__, code_stamp(), tokens.backend(config.counter), extras.stamp())
    digest.update(repr((versions, Path.cwd())).encode())
    return digest.hexdigest()


class _NotSettledError(Exception):
    """A path whose state cannot vouch for its content."""


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found: list[Path] = []
    for folder, _, names in os.walk(path):
        found += [Path(folder) / name for name in names]
        if len(found) > _MOST_FILES:
            raise _NotSettledError
    if not found:
        raise _NotSettledError
    return sorted(found)


def _stamp(file: Path) -> tuple[str, int, int, int, int]:
    stat = file.stat()
    if time.time_ns() - stat.st_mtime_ns < _SETTLED:
        raise _NotSettledError
    return str(file.resolve()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


@cache
def code_stamp() -> str:
    """Changes with any module, rule or plugin of this installation: nothing kept outlives an edit of the code."""
    here = Path(__file__).parent.parent
    rules = here / "_rules" if (here / "_rules").is_dir() else here.parent / "rules"
    kinds = ("*.toml", "*.npz", "*.jinja")
    files = [*here.rglob("*.py"), *(file for kind in kinds for file in rules.rglob(kind))]
    newest = max(file.stat().st_mtime_ns for file in files)
    return f"{newest} {plugins.stamp()}".strip()

"""The verb: sources to rows and documents, one at a time, and a summary of what happened."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from curator.errors import CuratorError, OutOfReachError, SourceError, UsageError
from curator.sop.convert import FORMATS, Prompt, Row, document_in, document_of, read_document, rows, sources_in
from curator.sop.document import Check, Document, number, steps, to_json
from curator.sop.elsewhere import bytes_at, is_elsewhere
from curator.sop.fetch import Fetcher, is_url
from curator.sop.flatten import flatten, section_text
from curator.sop.prompts import asked
from curator.sop.references import moved_references
from curator.sop.rewrite import Writer
from curator.writing import Replacement, write_whole

Progress = Callable[[int, int], None]


class Spreading(Protocol):
    """What spreads the reading of files over processes or machines: results come in the order of the jobs."""

    apart: bool  # whether they may share no disk with this process

    def map(
        self,
        work: Callable[[Job], Document | SourceError],
        items: Sequence[Job],
        lost: Callable[[Job, str], Document | SourceError],
    ) -> Iterator[Document | SourceError]: ...


class Job(msgspec.Struct, frozen=True):
    """A file to read, here or elsewhere; `name` is its path or its address.

    `seen` is what the file was like here (bytes, nanoseconds): a worker elsewhere that finds another file at that path
    does not read it, and is then sent its bytes as `data`.
    """

    name: str
    seen: tuple[int, int] | None = None
    data: bytes | None = None

    def carried(self) -> Job:
        """The same with its bytes; a file that cannot be read goes as it is."""
        try:
            data = bytes_at(self.name) if is_elsewhere(self.name) else Path(self.name).read_bytes()
            return msgspec.structs.replace(self, data=data)
        except (OSError, SourceError):
            return msgspec.structs.replace(self, seen=None)


def read_job(job: Job) -> Document | SourceError:
    """The document of a file, or why there is none. Raises OutOfReachError, MissingExtraError."""
    if job.data is None and job.seen is not None and _like(job.name) != job.seen:
        raise OutOfReachError("is not on every node", where=job.name)
    try:
        if job.data is None and not is_elsewhere(job.name):
            return read_document(Path(job.name))
        return document_in(bytes_at(job.name) if job.data is None else job.data, job.name)
    except SourceError as error:
        return error
    except CuratorError:
        raise
    except Exception as error:  # the other files go on
        if os.environ.get("CURATOR_TRACEBACK"):
            raise
        what = f"a fault in curator: {type(error).__name__}: {error}"
        return SourceError(
            what, where=job.name, hint="run again on this file with CURATOR_TRACEBACK=1 and report what it prints"
        )


def _lost(job: Job, why: str) -> SourceError:
    return SourceError(f"is not read: {why}", where=job.name, hint="convert it by itself")


def _like(name: str) -> tuple[int, int] | None:
    try:
        stat = Path(name).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


class Converted(msgspec.Struct, frozen=True):
    """One document that was converted: how much of it there is, what was left out, by reason, and what the checks say."""

    path: str
    format: str
    sections: int
    steps: int
    rows: int
    dropped: dict[str, int]
    fallback: bool
    checks: tuple[str, ...]


class Result(msgspec.Struct, frozen=True):
    """What a run did.

    `failed` holds the error of each source that gave no rows, `wordings` counts rows by prompt, `kept` counts the answers
    that kept their own wording, by why the model's was not taken.
    """

    output: str
    documents: tuple[Converted, ...]
    failed: tuple[CuratorError, ...]
    wordings: dict[str, int]
    kept: dict[str, int] = {}


class Plan(msgspec.Struct, frozen=True):
    """What rows to make: see the options of `curator sop`. `max_tokens` 0 is no limit."""

    profile: str = "gmp"
    system: str = ""
    variants: int = 1
    sections: bool = False
    max_tokens: int = 0
    tokenizer: str | None = None


def convert(
    sources: Sequence[str],
    output: Path,
    plan: Plan = Plan(),  # noqa: B008 (frozen)
    *,
    json_dir: Path | None = None,
    fetcher: Fetcher | None = None,
    writer: Writer | None = None,
    progress: Progress | None = None,
    spreading: Spreading | None = None,
) -> Result:
    """Write the rows of every source that holds a procedure to `output`, and its document to `json_dir`.

    A source is a file, a folder, an address (`s3://bucket/sop/`) or a web page. One that cannot be converted is told in the result; the others go on. Web addresses are read with `fetcher`,
    and refused without one; with `writer`, prompts are put in other words. Files are read by `spreading`, here
    without it; what is written does not depend on it.

    Raises:
        SourceError: a folder without documents, or an address where nothing stands.
        UsageError: a web address without `fetcher`, an output that is a source, or an endpoint that refuses.
        MissingExtraError: the extra `sop` is not installed.
        WriteError: an output cannot be written.
    """
    paths = sources_in(sources)
    _refuse(paths, output, json_dir, fetcher)
    run = _Run(plan, json_dir, fetcher, writer)
    sizes = [0 if is_url(name) else _size(Path(name)) for name in paths]
    files = [Job(name) for name in paths if not is_url(name)]
    if spreading is not None and spreading.apart:
        files = [msgspec.structs.replace(job, seen=_like(job.name)) for job in files]
    run.read = map(read_job, files) if spreading is None else spreading.map(read_job, files, _lost)
    done = 0
    with Replacement(output) as new:
        for name, size in zip(paths, sizes, strict=True):
            new.file.writelines(msgspec.json.encode(row.value) + b"\n" for row in run.rows_of(name))
            done += size
            if progress:
                progress(done, sum(sizes))
        if run.documents:
            new.commit()
    return Result(str(output), tuple(run.documents), tuple(run.failed), dict(run.wordings), dict(run.kept))


def _refuse(paths: Sequence[str], output: Path, json_dir: Path | None, fetcher: Fetcher | None) -> None:
    """Raises UsageError for what must not be read or written."""
    if not fetcher and (urls := [name for name in paths if is_url(name)]):
        hint = "add --fetch, or save the page and name the file"
        raise UsageError("a web address is read only with --fetch", where=urls[0], hint=hint)
    taken: set[str] = set()
    written = {output.resolve(), *((json_dir / _name(name, taken)).resolve() for name in paths if json_dir)}
    for name in paths:
        if not is_url(name) and not is_elsewhere(name) and Path(name).resolve() in written:
            raise UsageError("this source would be overwritten", where=name, hint="write to another file or folder")


class _Run:
    """Converts one source after another and keeps count."""

    def __init__(self, plan: Plan, json_dir: Path | None, fetcher: Fetcher | None, writer: Writer | None) -> None:
        self._plan, self._json_dir, self._fetcher, self._writer = plan, json_dir, fetcher, writer
        self._count = _counter(plan.tokenizer) if plan.max_tokens else len
        self._taken: set[str] = set()
        self.read: Iterator[Document | SourceError] = iter(())  # the documents of the files, in their order
        self.documents: list[Converted] = []
        self.failed: list[CuratorError] = []
        self.wordings: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()

    def rows_of(self, name: str) -> list[Row]:
        """The rows of a source, none where it cannot be converted. Raises MissingExtraError, WriteError, UsageError."""
        document = self._document(name)
        if isinstance(document, SourceError):
            self.failed.append(document)
            return []
        number(document)
        document.checks = checks(document, self._plan.profile)
        if self._json_dir:
            write_whole(self._json_dir / _name(name, self._taken), to_json(document))
        plan = self._plan
        made = list(
            rows(
                document, system=plan.system, variants=plan.variants, sections=plan.sections, max_tokens=plan.max_tokens,
                count=self._count, reword=partial(self._reword, document),
            )
        )  # fmt: skip
        self.wordings.update(row.wording for row in made)
        self.documents.append(_converted(document, name, len(made)))
        return made

    def _document(self, name: str) -> Document | SourceError:
        if not (self._fetcher and is_url(name)):
            return next(self.read)
        try:
            return _fetched(self._fetcher, name)
        except SourceError as error:
            return error

    def _reword(self, document: Document, answer: str, section: str, prompts: list[Prompt]) -> list[Prompt]:
        """The prompts in the writer's words; those it did not find stay as they are."""
        if self._writer is None:
            return prompts
        found = self._writer.prompts(answer, document.title, document.language, len(prompts), section)
        if found.problem:
            self.kept[found.problem] += 1
        return [*(("rewritten", text) for text in found.texts), *prompts[len(found.texts) :]]


def checks(document: Document, profile: str) -> list[Check]:
    """What the SOP rules say of the document's answer, each at the section it points at."""
    from curator.checks.sop.procedure import SopRule
    from curator.checks.sop.sections import MissingSection
    from curator.harness import flags_of
    from curator.rule import RULES, chat

    answer = flatten(document)
    starts: list[tuple[int, str]] = []
    for section in document.sections:
        starts.append((answer.index(section_text(section), starts[-1][0] + 1 if starts else 0), section.id))
    row = chat(user=asked(document)[0][1], assistant=answer)
    found: list[Check] = []
    for code, rule in sorted(RULES.items()):
        if not issubclass(rule, SopRule):
            continue
        made = MissingSection(profile=profile) if rule is MissingSection else rule()  # type: ignore[arg-type]
        for _, flag in flags_of(made, row):
            at = flag.span[0] if flag.span else 0
            path = next((name for start, name in reversed(starts) if start <= at), "")
            found.append(Check(code, path if flag.span else "", flag.message))
    return [*found, *moved_references(document, "SOP006")]


def _counter(tokenizer: str | None) -> Callable[[str], int]:
    from curator.tokens import resolve

    counts = resolve(tokenizer)
    return lambda text: counts.count([text])[0]


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _fetched(fetcher: Fetcher, url: str) -> Document:
    """The document at a web address. Raises SourceError."""
    page = fetcher.fetch(url)
    name = Path(urlsplit(page.url).path).name or "page.html"
    try:
        kind = (
            ""
            if page.data[:5] == b"%PDF-" or page.data[:4] == b"PK\x03\x04" or Path(name).suffix.lower() in FORMATS
            else "html"
        )
        document = document_of(page.data, name, page.url, kind)
    except SourceError as error:
        raise SourceError(error.what, where=url, hint=error.hint) from None
    document.source.retrieved = datetime.now(UTC).isoformat(timespec="seconds")
    return document


def _name(source: str, taken: set[str]) -> str:
    """A file name of its own for the document of a source."""
    path = Path(urlsplit(source).path) if is_url(source) else Path(source)
    stem = re.sub(r"[^\w.-]+", "-", path.stem) or "document"
    names = [f"{stem}.json", f"{stem}{path.suffix.lower()}.json", *(f"{stem}-{n}.json" for n in range(2, 10_000))]
    name = next(name for name in names if name not in taken)
    taken.add(name)
    return name


def _converted(document: Document, path: str, made: int) -> Converted:
    return Converted(
        path,
        document.source.format,
        len(document.sections),
        sum(1 for section in document.sections for _ in steps(section.blocks)),
        made,
        dict(Counter(dropped.reason for dropped in document.dropped)),
        document.source.fallback,
        tuple(f"{check.code} {check.message}" for check in document.checks),
    )


def summary(result: Result) -> str:
    """What a run did, in a few lines."""
    lines = []
    width = max((len(done.path) for done in result.documents), default=0)
    for done in result.documents:
        left = ", ".join(f"{reason} {count}" for reason, count in sorted(done.dropped.items()))
        parts = [_some(done.sections, "section"), _some(done.steps, "step"), _some(done.rows, "row")]
        parts += [f"left out: {left}"] if left else []
        parts += ["by trafilatura, which found more"] if done.fallback else []
        lines.append(f"{done.path:<{width}}  {done.format:<8}  {'  '.join(parts)}")
        lines += [
            f"  {said} ({count} times)" if count > 1 else f"  {said}"
            for said, count in sorted(Counter(done.checks).items())
        ]
    lines += [f"not converted: {error}" for error in result.failed]
    if not result.documents:
        return "\n".join([*lines, "no rows: nothing was written", ""])
    made = sum(done.rows for done in result.documents)
    lines += ["", f"{_some(made, 'row')} of {_some(len(result.documents), 'document')} in {result.output}"]
    shares = ", ".join(
        f"{name} {count / made:.0%}" for name, count in sorted(result.wordings.items(), key=lambda e: (-e[1], e[0]))
    )
    lines += [f"own wording kept, {count} times: {why}" for why, count in sorted(result.kept.items())]
    lines += [f"prompts: {shares}", f"next: curator lint {result.output}", ""]
    return "\n".join(lines)


def _some(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"

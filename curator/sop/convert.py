"""One source to one document, and one document to rows."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from curator.errors import UNREADABLE, SourceError
from curator.sop.document import (
    Document,
    Section,
    Source,
    Step,
    Table,
    from_json,
    is_document,
    is_meant_as_document,
    steps,
)
from curator.sop.elsewhere import documents_at, is_elsewhere
from curator.sop.flatten import flatten, section_text
from curator.sop.prompts import asked, asked_for_part, asked_for_section, topic
from curator.sop.reading import MAX_BYTES, MAX_LINES, MAX_TEXT, Reading
from curator.sop.roles import table as role_table
from curator.sop.structure import structure
from curator.sop.verbs import is_order

FORMATS = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown", ".mkd": "markdown",
    ".txt": "text", ".text": "text", ".docx": "docx", ".pdf": "pdf", ".json": "json", ".mht": "saved page", ".mhtml": "saved page",
}  # fmt: skip
_MARKUP = re.compile(
    rb"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*+<(?:!doctype\s+html|html|head|body|main|article|div|h1|p)\b",
    re.I | re.S,
)
_LOGIN = re.compile(
    r"(?:sign|log)[ -]?in\b|anmelden|iniciar sesi[oó]n|connexion|single sign-on|authentication required|access denied|403 forbidden",
    re.I,
)
_MISSING = re.compile(
    r"(?:404\b.{0,20})?(?:page|seite|página|file) (?:was )?(?:not found|nicht gefunden|no encontrada)|page introuvable",
    re.I,
)
_STEP_HEAD = re.compile(r"(?:step|schritt|paso|étape|etapa)\s*\d{1,2}\b", re.I)
_PROCEDURE = re.compile(r"\b(?:sop|procedures?|protocol|runbook|playbook|work instruction|checklist|how to)\b", re.I)


Prompt: TypeAlias = tuple[str, str]  # the name of a wording, and the prompt in it
Reword: TypeAlias = Callable[[str, str, list[Prompt]], list[Prompt]]  # of an answer, its section or "", and its prompts


class Row(NamedTuple):
    """A row and the name of the wording its prompt has."""

    value: dict[str, Any]
    wording: str


def sources_in(paths: Sequence[str]) -> list[str]:
    """The files the paths name, each once; of a folder, those of known kinds, in order of their names.

    What stands at an address counts as a file or a folder too. Raises as `curator.sop.elsewhere.documents_at`.
    """
    found: list[str] = []
    for name in paths:
        path = Path(name)
        if is_elsewhere(name):
            found += documents_at(name, FORMATS)
        elif path.is_dir():
            inside = sorted(
                p for p in path.rglob("*") if p.suffix.lower() in FORMATS and p.is_file() and not _foreign(p)
            )
            if not inside:
                raise SourceError("no documents in the folder", where=name, hint=f"known are {', '.join(FORMATS)}")
            found += map(str, inside)
        else:
            found.append(name)
    once: dict[Path, str] = {}
    for name in found:
        once.setdefault(Path(name).resolve(), name)
    return list(once.values())


def _foreign(path: Path) -> bool:
    """Whether a file in a folder is JSON of another kind, which nobody meant."""
    if path.suffix.lower() != ".json":
        return False
    try:
        return not is_meant_as_document(path.read_bytes())
    except OSError:
        return False  # told when it is read


def read_document(path: Path) -> Document:
    """The document of a file.

    Raises:
        SourceError: the file cannot be read, or holds no procedure.
        MissingExtraError: the extra `sop` is not installed.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise SourceError(
                f"{size / 1e6:.0f} MB: larger than {MAX_BYTES / 1e6:.0f} MB",
                where=str(path),
                hint="cut it into documents",
            )
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)  # a device has no size, and may have no end
        if len(data) > MAX_BYTES:
            what = f"larger than {MAX_BYTES / 1e6:.0f} MB"
            raise SourceError(what, where=str(path), hint="cut it into documents")
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror}", where=str(path), hint="check the name") from None
    return document_in(data, str(path))


def document_in(data: bytes, name: str) -> Document:
    """The document of the bytes of the file of that name, which an error names. Raises as `read_document`."""
    try:
        return document_of(data, name)
    except SourceError as error:
        raise SourceError(error.what, where=error.where or name, hint=error.hint) from None


def document_of(data: bytes, name: str, url: str = "", kind: str = "") -> Document:
    """The document of a file's bytes; `kind` is its format where it is known. Raises as `read_document`."""
    kind = kind or format_of(data, name)
    if kind == "json":
        document = from_json(data, name)
        _refuse_unknown_roles(document)
        if not any(section.blocks for section in document.sections):
            what = "a document without a section that says something"
            raise SourceError(what, hint="write its sections, or leave it out")
        document.doc_id = document.doc_id or hashlib.sha256(data).hexdigest()[:32]
        return document
    if not data.strip():
        raise SourceError("an empty file", hint="save the page or document again")
    if kind == "saved page":
        data = _page_of(data)
    try:
        reading = _reader("html" if kind == "saved page" else kind)(data)
    except RecursionError:
        raise SourceError("parts nested too deep to be read", hint="save the page again with a browser") from None
    digest = hashlib.sha256(data).hexdigest()
    source = Source(name, digest, reading.format, url, "", reading.extractor, reading.fallback)
    document = structure(reading, source)
    document.doc_id = digest[:32]
    if not document.title and (words := re.sub(r"[\W_]+", " ", Path(name).stem).strip()):
        document.title, document.title_source = words, "file-name"
    _refuse_no_procedure(document, reading)
    return document


def _refuse_unknown_roles(document: Document) -> None:
    """Raises SourceError for a section whose role no rule knows."""
    known = sorted({"other", *role_table().values()})
    for section in document.sections:
        if section.role not in known:
            what = f"no role {section.role!r} (section {section.id or section.heading!r})"
            raise SourceError(what, hint=f"roles are {', '.join(known)}")


def format_of(data: bytes, name: str) -> str:
    """The format of a file, by its first bytes before its name. Raises SourceError."""
    if data[:5] == b"%PDF-":
        return "pdf"
    if data[:4] == b"PK\x03\x04":
        return "docx"
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        what = "an old Word file or a DOCX with a password"
        raise SourceError(what, hint="open it, remove the password, and save it as DOCX without one")
    if _MARKUP.match(data[:2000]):
        return "html"
    kind = FORMATS.get(Path(name).suffix.lower())
    if kind == "json" and not is_document(data):
        _refuse_json(data)
    if kind in ("pdf", "docx"):
        raise SourceError(f"named {kind.upper()}, but it is none", hint="the file is broken, or has the wrong name")
    if kind is None:
        if b"\0" in data[:2000] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            raise SourceError(
                "a file of no known kind", hint="known are HTML, Markdown, text, DOCX, PDF and curator.sop/1 JSON"
            )
        return "text"
    return kind


def _refuse_json(data: bytes) -> None:
    """Raises SourceError: bytes that are no JSON, or JSON of another kind."""
    import json

    try:
        json.loads(data)
    except UNREADABLE as error:
        raise SourceError(f"no JSON: {error}", hint="look there: a comma or a quote may be missing") from None
    hint = "a document is written by `curator sop SOURCE --json DIR`"
    raise SourceError("JSON, but no curator.sop/1 document", hint=hint)


def _reader(kind: str) -> Callable[[bytes], Reading]:
    if kind == "html":
        from curator.sop.guard import guarded
        from curator.sop.html import decoded

        return lambda data: guarded(decoded(data))
    if kind == "markdown":
        from curator.sop.markdown import read_markdown

        return lambda data: read_markdown(_text(data))
    if kind == "docx":
        from curator.sop.docx import read_docx

        return read_docx
    if kind == "pdf":
        from curator.sop.pdf import read_pdf

        return read_pdf
    from curator.sop.text import read_text

    return lambda data: read_text(_text(data))


def _page_of(data: bytes) -> bytes:
    """The page in an MHTML file, as UTF-8. Raises SourceError."""
    from email import message_from_bytes

    for part in message_from_bytes(data).walk():
        if part.get_content_type() == "text/html":
            body = part.get_payload(decode=True)
            if isinstance(body, bytes) and body.strip():
                charset = part.get_content_charset()
                return body.decode(charset, "replace").encode() if charset and charset != "utf-8" else body
    raise SourceError("a saved page without its text", hint="save the page again, as HTML")


def _text(data: bytes) -> str:
    from curator.sop.html import decoded

    text = decoded(data).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    if len(text) > MAX_TEXT:
        raise SourceError(f"{len(text):,} characters: more than any procedure has", hint="cut it into documents")
    lines = sum(not line.isspace() for line in text.split("\n") if line)
    if lines > MAX_LINES:
        raise SourceError(f"{lines:,} lines: more than any procedure has", hint="cut it into documents")
    return text


def _refuse_no_procedure(document: Document, reading: Reading) -> None:
    """Raises SourceError for what is no procedure, with the cause."""
    every = [step for section in document.sections for step in steps(section.blocks)]
    size = sum(len(section.blocks) for section in document.sections)
    known = {section.role for section in document.sections if section.heading} - {"other", "title"}
    if reading.format == "html" and len(every) < 4 and not known:
        first = f"{reading.page_title} {document.title} {_first_text(document)}"
        if _LOGIN.search(first):
            raise SourceError("a login page, not the document", hint="save the page while you are signed in")
        if _MISSING.search(first):
            raise SourceError("a page that says there is none, not the document", hint="look where it has moved to")
    if not size:
        blank = not reading.words
        what = "an empty page" if blank else "no text left when menus and other page furniture are taken out"
        raise SourceError(what, hint="save the page once it has loaded; some pages are drawn by scripts alone")
    roles = {section.role for section in document.sections} - {"other", "title"}
    named = any(section.role == "procedure" and section.heading for section in document.sections) and (
        every or len(roles) >= 2
    )
    counted = sum(step.number_source != "" for step in every) >= 2
    headed = sum(_STEP_HEAD.match(section.heading) is not None for section in document.sections) >= 2
    orders = sum(is_order(step.text) for step in every) >= 3
    tabled = any(
        _counts(block) for section in document.sections for block in section.blocks if isinstance(block, Table)
    )
    told = len(every) >= 2 and _PROCEDURE.search(document.title)
    if not (named or counted or headed or orders or tabled or told or (len(roles) >= 3 and every)):
        raise SourceError(
            f"no procedure found: {size} blocks, {len(every)} list items",
            hint="a procedure has steps, or sections such as Purpose, Scope and Procedure",
        )


def _counts(table: Table) -> bool:
    """Whether the rows of a table are steps: its first column counts from 1, the second holds sentences."""
    first = [row[0].strip(". ") for row in table.rows if len(row) > 1]
    return len(first) >= 2 and first == [str(n) for n in range(1, len(first) + 1)] and " " in table.rows[0][1].strip()


def _first_text(document: Document) -> str:
    return " ".join(section_text(section) for section in document.sections[:2])[:300]


# ---------------------------------------------------------------------- rows


def rows(
    document: Document,
    *,
    system: str = "",
    variants: int = 1,
    sections: bool = False,
    max_tokens: int = 0,
    count: Callable[[str], int] = len,
    reword: Reword = lambda answer, section, prompts: prompts,
) -> Iterator[Row]:
    """The rows of a document, all with its id as `group`.

    One row for each of `variants` prompts, or one a part where the answer has over `max_tokens` tokens (counted by
    `count`): parts are whole sections, or whole steps of a section that is too long itself. `sections` adds a row
    for each section of level 1. `reword` may put the prompts of a whole answer, or of a section, in other words.
    """

    def row(prompt: str, answer: str, wording: str) -> Row:
        turns = [{"role": "system", "content": system}] if system else []
        turns += [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
        return Row(
            {"messages": turns, "group": document.doc_id, "source": document.source.url or document.source.path},
            wording,
        )

    whole = flatten(document)
    if max_tokens and count(whole) > max_tokens:
        parts = list(parts_of(document, max_tokens, count))
        for n, part in enumerate(parts, 1):
            yield row(asked_for_part(document, n, len(parts)), part, "part")
    else:
        for wording, prompt in reword(whole, "", asked(document, variants)):
            yield row(prompt, whole, wording)
    if sections:
        for head, group in _with_below(document.sections):
            answer = "\n\n".join(section_text(section) for section in group)
            if (
                head.heading
                and (any(section.blocks for section in group))
                and not (max_tokens and count(answer) > max_tokens)
            ):
                own = [("section", asked_for_section(document, head.heading))]
                for wording, prompt in reword(answer, head.heading, own):
                    yield row(prompt, answer, wording)


def _with_below(sections: list[Section]) -> Iterator[tuple[Section, list[Section]]]:
    """Every section of level 1 with those below it."""
    group: list[Section] = []
    for section in sections:
        if section.level == 1 and group:
            yield group[0], group
            group = []
        group.append(section)
    if group:
        yield group[0], group


def parts_of(document: Document, limit: int, count: Callable[[str], int]) -> Iterator[str]:
    """The answer in parts of at most `limit` tokens, cut between sections, or between steps of the section's own level.

    A single step over the limit stays whole.
    """
    units = [flatten(Document(title=document.title, title_source=document.title_source))]
    for section in document.sections:
        text = section_text(section)
        units += [text] if count(text) <= limit else _by_step(section, limit, count)
    part = ""
    for unit in filter(None, units):
        longer = f"{part}\n\n{unit}" if part else unit
        if part and count(longer) > limit:
            yield part
            longer = unit
        part = longer
    if part:
        yield part


def _by_step(section: Section, limit: int, count: Callable[[str], int]) -> Iterator[str]:
    from curator.sop.flatten import block_lines

    if len(section.blocks) == 1:
        yield section_text(section)
        return
    lines = [section_text(Section(section.heading, number=section.number, level=section.level))]
    held: list[str] = []
    for place, block in enumerate(section.blocks):
        new = list(block_lines(block))
        lead = place > 0 and not isinstance(section.blocks[place - 1], Step)  # a paragraph stays with what follows it
        if held and not lead and count("\n".join([*lines, *held, *new])) > limit:
            yield "\n".join([*lines, *held])
            lines, held = [], []
        held += new
    yield "\n".join([*lines, *held])


__all__ = ["FORMATS", "Row", "document_of", "format_of", "parts_of", "read_document", "rows", "sources_in", "topic"]

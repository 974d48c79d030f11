"""What is fuzzed: functions that take any bytes and must come to an end, soon, with a result or an error in words.

`python -m tests.fuzz.run TARGET --seconds 60` fuzzes one; every input that once did harm lies in tests/fuzz/found/TARGET
and is run by tests/test_fuzz.py.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from curator import engine
from curator.columns import UNSET, parse
from curator.config import Config, Plan, load_config
from curator.errors import CuratorError
from curator.fix import mend
from curator.sources import cut, open_sources, read

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path(__file__).parent / "found"
NAMES = "x.jsonl x.json x.csv x.tsv x.jsonl.gz x.jsonl.zst x.parquet x.arrow x.txt x".split()
MOST = 1 << 16  # bytes of an input: what is slow in long ones shows in these


def reader(data: bytes) -> None:
    """Files of every kind: the first byte chooses the name."""
    with _File(NAMES[data[0] % len(NAMES)] if data else "x.jsonl", data[1:]) as path:
        try:
            with open_sources([path]) as sources:
                for source in sources:
                    lines = sum(read(source, span).count(b"\n") for span in cut(source))
                    assert source.lines(0, lines) is not None
        except CuratorError:
            pass


def lint(data: bytes) -> None:
    """Rows under all default rules; what the fixes make of a row that was JSON is JSON."""
    with _File("x.jsonl", data) as path:
        try:
            with open_sources([path]) as sources:
                report = engine.lint_sources(list(sources), _plan(), workers=1)
                findings = list(report.findings)
        except CuratorError:
            return
        if report.files[0].container == "jsonl":
            lines = data.split(b"\n")
            for finding in findings:
                if finding.fix:
                    raw = lines[finding.line - 1]
                    for line in mend(raw, [finding.fix]).lines:
                        assert parse(raw) is UNSET or parse(line) is not UNSET, finding


def shapes(data: bytes) -> None:
    """A row in any shape, and written in every other."""
    from curator import formats
    from curator.formats import candidates, shapes

    value = parse(data)
    if type(value) is not dict:
        return
    for adapter in candidates(value):
        assert adapter.name in shapes()
    try:
        example = formats.Reader().read(value)
    except CuratorError:
        return
    for shape in shapes() if example else ():
        with contextlib.suppress(CuratorError):
            formats.write(example, shape)


def template(data: bytes) -> None:
    """A chat template renders, refuses, or is refused; and it sees nothing of Python."""
    from curator.templates.environment import compiled

    try:
        made = compiled.__wrapped__(data.decode("utf-8", "replace"))
    except CuratorError:
        return
    for values in _conversations():
        try:
            text = made.render(**values)
        except Exception:  # a template may raise what it likes: the rules on templates tell it
            continue
        assert not any(sign in text for sign in ("<class '", "<module '", "<frame ", "__globals__':")), text


def gotemplate(data: bytes) -> None:
    """A Go template renders or is refused."""
    from curator.ollama.gotemplate import GoTemplate

    try:
        made = GoTemplate(data.decode("utf-8", "replace"))
        for values in _asked():
            made.execute(values)
    except CuratorError:
        pass


def modelfile(data: bytes) -> None:
    """A Modelfile."""
    from curator.ollama.modelfile import read_modelfile

    with _File("Modelfile", data) as path, contextlib.suppress(CuratorError):
        read_modelfile(path)


def sop(data: bytes) -> None:
    """A document of any kind, to sections and back: the first byte chooses the kind."""
    from curator.sop.convert import document_of
    from curator.sop.flatten import flatten
    from curator.sop.flatten import parse as reparsed

    names = ["x.html", "x.md", "x.txt", "x.docx", "x.pdf", "x.mhtml"]
    with contextlib.suppress(CuratorError):
        reparsed(flatten(document_of(data[1:], names[data[0] % len(names)] if data else "x.html")))


def decisions(data: bytes) -> None:
    """A decisions file, and a baseline."""
    from curator import decisions

    log = decisions.parsed(data)
    decisions.as_lines(log.decisions)
    decisions.as_text(log)
    decisions.as_json(log)
    decisions.Suppressions.from_decisions(log.decisions)
    with _File("baseline.json", data) as path, contextlib.suppress(CuratorError):
        decisions.read_baseline(path)


def editor(data: bytes) -> None:
    """A text in an editor: each range lies in it, each edit can be made."""
    from curator.editor import Document, fixes, server
    from curator.editor import lint as judged

    document = Document(data.decode("utf-8", "replace"))
    try:
        report = judged(document, Path("x.jsonl"), _config())
    except CuratorError:
        return
    findings = list(report.findings)[: server.MOST]
    for place in document.places(findings):
        assert place.start <= place.end
    if report.files[0].container == "jsonl":
        list(fixes(document, findings[: server.OFFERED]))


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (reader, lint, shapes, template, gotemplate, modelfile, sop, decisions, editor)
}


class _File:
    """A file of its own folder, by that name."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data = name, data

    def __enter__(self) -> Path:
        self.folder = tempfile.TemporaryDirectory(prefix="curator-fuzz-")
        path = Path(self.folder.name, self.name)
        path.write_bytes(self.data)
        return path

    def __exit__(self, *rest: object) -> None:
        self.folder.cleanup()


@cache
def _config() -> Config:
    return load_config(Path("x.jsonl"), None, {"ignore": ("SPL", "LNG")})


@cache
def _plan() -> Plan:
    return _config().plan()


def _conversations() -> Iterator[dict[str, Any]]:
    from curator.templates.template import prepared

    call = {"id": "abcdefghi", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}
    turns = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "Hi"}]
    turns += [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "3", "tool_call_id": "abcdefghi"},
    ]
    turns += [{"role": "assistant", "content": "It is 3.", "reasoning_content": "a b"}] * 4
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    for listed in (None, tools):
        yield {
            "messages": prepared(turns),
            "tools": listed,
            "documents": None,
            "add_generation_prompt": True,
            "eos_token": "</s>",
        }


def _asked() -> Iterator[dict[str, Any]]:
    messages = [{"Role": role, "Content": "Hi"} for role in ("system", "user", "assistant", "user")]
    yield {"Messages": messages, "System": "Be short.", "Prompt": "Hi", "Response": "", "Tools": None}


def seeds(target: str) -> Iterator[bytes]:
    """Inputs to begin with."""
    if (FOUND / target).is_dir():
        yield from (file.read_bytes() for file in sorted((FOUND / target).iterdir()))
    rows = [line for file in sorted((ROOT / "samples").glob("*.jsonl")) for line in file.read_bytes().splitlines()]
    if target in ("lint", "editor", "shapes"):
        yield from (row for row in rows if len(row) < 4000)
        if target == "lint":
            yield from (b"\n".join(rows[at : at + 4]) for at in range(0, len(rows), 4))
    elif target == "reader":
        for number, name in enumerate(NAMES):
            yield bytes([number]) + b"\n".join(rows[:3])
            yield bytes([number]) + b"[" + b",\n".join(rows[:3]) + b"]"
            yield bytes([number]) + b'a,b\n1,"2\n3"\n'
            yield bytes([number]) + _packed(name, b"\n".join(rows[:2]))
    elif target == "template":
        yield from (file.read_bytes() for file in sorted((ROOT / "rules").rglob("*.jinja")))
    elif target in ("gotemplate", "modelfile"):
        yield from (file.read_bytes() for file in sorted((ROOT / "rules" / "ollama").rglob("*")) if file.is_file())
        yield b'FROM x\nTEMPLATE """{{ range .Messages }}{{ .Role }}: {{ .Content }}{{ end }}"""\nPARAMETER stop "a"\n'
    elif target == "sop":
        kinds = [".html", ".md", ".txt", ".docx", ".pdf", ".mhtml"]
        for file in sorted((ROOT / "samples" / "sop").iterdir()):
            if file.suffix in kinds and file.stat().st_size < MOST:
                yield bytes([kinds.index(file.suffix)]) + file.read_bytes()
    elif target == "decisions":
        yield json.dumps(
            {"verdict": "keep", "row": "ab" * 16, "finding": "cd" * 16, "when": "2026-01-01", "who": "me"}
        ).encode()


def _packed(name: str, data: bytes) -> bytes:
    import gzip

    import pyarrow as pa

    if name.endswith(".gz"):
        return gzip.compress(data)
    if name.endswith(".zst"):
        return bytes(pa.compress(data, "zstd", asbytes=True))
    if name.endswith((".parquet", ".arrow")):
        import io

        import pyarrow.parquet as pq

        table, out = pa.table({"text": ["a", "b"], "n": [1, None]}), io.BytesIO()
        if name.endswith(".parquet"):
            pq.write_table(table, out)
        else:
            with pa.ipc.new_file(out, table.schema) as writer:
                writer.write_table(table)
        return out.getvalue()
    return data

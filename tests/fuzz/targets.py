"""What is fuzzed: functions that take any bytes and must come to an end, soon, with a result or an error in words.

`python -m tests.fuzz.run TARGET --seconds 60` fuzzes one; every input that once did harm lies in tests/fuzz/found/TARGET
and is run by tests/test_fuzz.py.
"""

from __future__ import annotations

import contextlib
import json
import struct
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


def beside(data: bytes) -> None:
    """A file that stands beside the data, of any kind: the first byte chooses the kind."""
    name, taken = list(BESIDE.items())[data[0] % len(BESIDE)] if data else ("curator.toml", _configured)
    with _File(name, data[1:]) as path, contextlib.suppress(CuratorError):
        taken(path)


def _configured(path: Path) -> None:
    load_config(path.parent / "x.jsonl", path).plan()


def _modelled(path: Path) -> None:
    """A file of a model's folder, or a GGUF file: its template, its tokenizer, its length."""
    from curator import templates, tokens
    from curator.training import models

    model = str(path if path.suffix == ".gguf" else path.parent)
    asked = [templates.context_of, templates.in_model, templates.stamp, templates.tokenizer_of]
    for ask in [*asked, models.locate] if path.suffix != ".gguf" else asked:  # it would be converted
        with contextlib.suppress(CuratorError):
            ask(model)
    if path.name == "tokenizer.json":
        tokens._resolved.__wrapped__(str(path)).count(["Is it sealed? \U0001f9ff"])


def _opened(path: Path) -> None:
    open_sources([path.parent]).close()


def _split(path: Path) -> None:
    from curator.sources.allowed import allowed_leaks
    from curator.splits import splitting

    allowed_leaks([path.parent / "train.jsonl"])
    splitting.made_from(path.parent, {})
    splitting._last(path.parent, path, False)


def _facts(path: Path) -> None:
    from curator import rowfacts

    rowfacts.read_facts(path)


def _run(path: Path) -> None:
    from curator.training import record

    record.read(path)


def _target(path: Path) -> None:
    from curator import targets

    targets.read(path)


def _pack(path: Path) -> None:
    from curator import packs

    packs.load_file(path)


def _document(path: Path) -> None:
    from curator.sop.document import from_json, number
    from curator.sop.flatten import flatten

    document = from_json(path.read_bytes())
    number(document)
    flatten(document)


def _commit(path: Path) -> None:
    from curator.writing import recover

    recover(path.parent)


def _embeds(path: Path) -> None:
    from curator.text import embeddings

    embeddings.load.__wrapped__(str(path.parent if path.name == "config.json" else path)).embed(["is it sealed"])


BESIDE: dict[str, Callable[[Path], None]] = {
    "curator.toml": _configured,
    "pyproject.toml": _configured,
    "tokenizer_config.json": _modelled,
    "tokenizer.json": _modelled,
    "chat_template.jinja": _modelled,
    "chat_template.json": _modelled,
    "special_tokens_map.json": _modelled,
    "config.json": _modelled,
    "model.gguf": _modelled,
    "dataset_dict.json": _opened,
    "state.json": _opened,
    "split.json": _split,
    "row_facts.jsonl": _facts,
    "run.json": _run,
    "target.toml": _target,
    "rules.toml": _pack,
    "document.json": _document,
    ".curator-commit": _commit,
    "words.vec": _embeds,
}

TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each
    for each in (reader, lint, shapes, template, gotemplate, modelfile, sop, decisions, editor, beside)
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
    elif target == "beside":
        for number, name in enumerate(BESIDE):
            yield from (bytes([number]) + content for content in contents(name))
    elif target == "decisions":
        yield json.dumps(
            {"verdict": "keep", "row": "ab" * 16, "finding": "cd" * 16, "when": "2026-01-01", "who": "me"}
        ).encode()


def contents(name: str) -> Iterator[bytes]:
    """What a file of that name holds where it is as it should be."""
    nested = b"[" * 5000
    rules = ROOT / "rules"
    if name in ("curator.toml", "pyproject.toml"):
        yield (
            b'[tool.curator]\nselect = ["ANS"]\n'
            if name == "pyproject.toml"
            else (rules / "profiles" / "strict.toml").read_bytes()
        )
        yield b'select = ["ANS"]\n[limits]\nLEN001 = "2%"\n[options.LEN001]\nmax_tokens = 5\n[map]\nquestion = "user"\n'
        yield b"a = " + nested
    elif name == "target.toml":
        yield from (file.read_bytes() for file in sorted((rules / "targets").glob("*.toml")))
        yield b"a = " + nested
    elif name == "rules.toml":
        yield from (file.read_bytes()[:4000] for file in sorted(rules.glob("*.toml")))
        yield b"a = " + nested
    elif name == "chat_template.jinja":
        yield from (b"{{ messages }}", b"\xff\xfe{{ x }}")
    elif name == "model.gguf":
        yield _gguf()
    elif name == "words.vec":
        yield b"2 2\nis 1 2\nit 3 4\n"
    else:
        yield from (b'{"a": ' * 5000, b'{"a": "\\ud800", "chat_template": "\\udfff"}', b'{"a": "\xff"}', b"null")
        yield json.dumps(_HELD.get(name, {})).encode()


_HELD: dict[str, Any] = {
    "tokenizer_config.json": {
        "chat_template": "{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}",
        "eos_token": {"content": "</s>"},
        "added_tokens_decoder": {"2": {"content": "</s>", "special": True}},
        "model_max_length": 4096,
    },
    "tokenizer.json": {
        "added_tokens": [{"id": 0, "content": "</s>", "special": True}],
        "model": {"type": "WordLevel", "vocab": {"a": 1}, "unk_token": "[UNK]"},
    },
    "chat_template.json": {"chat_template": [{"name": "default", "template": "{{ messages }}"}]},
    "special_tokens_map.json": {"eos_token": {"content": "</s>"}},
    "config.json": {"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 64, "text_config": {}},
    "dataset_dict.json": {"splits": ["train"]},
    "state.json": {"_data_files": [{"filename": "data.arrow"}], "_split": "train"},
    "split.json": {
        "outputs": {"train": {"path": "train.jsonl", "sha256": "", "rows": 1}},
        "groups": {"train": [["a", "b"]]},
    },
    "row_facts.jsonl": {"row": "ab", "loss": 1.0, "learnt": "never"},
    "run.json": {"status": "done", "adapter": "adapter", "base": {"name": "x", "path": "x"}},
    "document.json": {
        "schema": "curator.sop/1",
        "title": "t",
        "sections": [{"heading": "h", "level": 1, "blocks": [{"type": "step", "text": "Do it."}]}],
    },
    ".curator-commit": {"files": [{"passing": ".a.part", "name": "a", "stamp": None}], "gone": []},
}


def _gguf() -> bytes:
    def said(text: bytes) -> bytes:
        return struct.pack("<Q", len(text)) + text

    keys = [said(b"tokenizer.chat_template") + struct.pack("<I", 8) + said(b"{{ messages }}")]
    keys.append(said(b"tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, 2) + said(b"a") + said(b"</s>"))
    keys.append(said(b"tokenizer.ggml.eos_token_id") + struct.pack("<Ii", 5, -1))
    keys.append(said(b"x") + struct.pack("<I", 9) + struct.pack("<IQ", 9, 1) * 3)
    return b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)) + b"".join(keys)


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

"""Hostile input: what fuzzing found once, bombs, escapes from the template sandbox, and patterns that blow up.

The fuzzers themselves are in tests/fuzz; here runs what they found, within a second and 500 MB an input.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import resource
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from curator.errors import CuratorError
from curator.ollama.gotemplate import GoTemplate
from curator.sources import streams
from curator.templates.environment import compiled
from tests.fuzz import targets
from tests.pace import at_once

ONE = {"messages": [{"role": "user", "content": "Is it sealed?"}, {"role": "assistant", "content": "Yes, it is."}]}


def found() -> list[tuple[str, Path]]:
    return [(file.parent.name, file) for file in sorted(targets.FOUND.glob("*/*"))]


@pytest.mark.parametrize(("name", "file"), found(), ids=[f"{name}-{file.name}" for name, file in found()])
def test_what_did_harm_once_does_none(name: str, file: Path) -> None:
    target = targets.TARGETS[name]
    target(next(iter(targets.seeds(name))))  # loads what is loaded once
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    at_once(lambda: target(file.read_bytes()), 1)
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 500_000  # kilobytes


@pytest.mark.parametrize("name", targets.TARGETS)
def test_the_seeds_of_each_target_pass(name: str) -> None:
    for data in list(targets.seeds(name))[:6]:
        targets.TARGETS[name](data)


@pytest.mark.parametrize("name", targets.BESIDE)
def test_a_file_beside_the_data_may_hold_anything(name: str) -> None:
    """Nested deeper than Python goes, half a surrogate pair, no UTF-8, another kind of value: an error in words."""
    number = list(targets.BESIDE).index(name)
    for data in targets.contents(name):
        targets.beside(bytes([number]) + data)


# ---------------------------------------------------------------------- chat templates

ESCAPES = """
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ ''['__class__'] }}
{{ ''|attr('__class__') }}
{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}
{{ [''|attr('__cl' ~ 'ass__')]|list }}
{{ messages.__class__ }}
{{ messages|map(attribute='__class__')|list }}
{{ [messages]|map(attribute='__len__')|list }}
{{ ['']|map('attr', '__class__')|list }}
{{ ['']|groupby('__class__')|list }}
{{ ['']|sort(attribute='__class__')|list }}
{{ [messages]|sum(attribute='__class__', start='') }}
{{ self.__init__.__globals__ }}
{{ self._TemplateReference__context }}
{{ cycler.__init__.__globals__.os.popen('touch pwned').read() }}
{{ joiner.__init__.__globals__ }}
{{ lipsum.__globals__ }}
{{ namespace.__init__.__globals__ }}
{{ namespace(__class__=1).__class__ }}
{{ dict.__base__ }}
{{ dict.mro() }}
{{ range.__self__ }}
{{ raise_exception.__globals__ }}
{{ strftime_now.__closure__ }}
{{ strftime_now.__globals__['__builtins__'] }}
{{ '{0.__class__}'.format('') }}
{{ '{0.__class__.__mro__}'.format(messages) }}
{{ '{a.__class__}'.format_map({'a': ''}) }}
{{ ('{0.__cl' ~ 'ass__}')|format('') }}
{% set f = '{0.__class__}'.format %}{{ f(1) }}
{{ ''.format.__self__.__class__ }}
{{ ''|string|map('format')|list }}
{{ (1).__class__ }}
{{ true.__class__.__base__ }}
{{ none.__class__ }}
{% for k in messages[0].__class__.__dict__ %}{{ k }}{% endfor %}
{% import 'os' as os %}{{ os }}
{% include '/etc/passwd' %}
{% extends '/etc/passwd' %}
{% from '/etc/passwd' import x %}
{{ messages.append('x') }}
{{ messages[0].update({'role': 'x'}) }}
{{ messages[0].pop('role') }}
{{ messages.clear() }}
{{ environment }}{{ environment.globals }}
{{ caller.__globals__ }}
{% macro m() %}{{ caller.__code__ }}{% endmacro %}{% call m() %}{% endcall %}
{% macro m() %}{% endmacro %}{{ m._func }}{{ m.__init__ }}{{ m._environment }}
{{ loop }}{% for x in [1] %}{{ loop._iterable }}{{ loop.__init__ }}{{ loop._recurse }}{% endfor %}
{% generation %}{{ ''.__class__ }}{% endgeneration %}
{{ (messages|tojson).__class__ }}
{{ ''.join.__self__.__class__ }}
{{ (messages|batch(1)).gi_frame.f_globals }}
{{ (messages|batch(1)).gi_code }}
{{ (messages|selectattr('role')).gi_frame.f_builtins }}
""".strip().splitlines()

SIGNS = ("<class", "<module", "<frame", "<code", "__builtins__", "__globals__", "root:", "<function", "mappingproxy")


@pytest.mark.parametrize("text", ESCAPES)
def test_a_template_sees_nothing_of_python_and_changes_no_row(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    messages = [{"role": "user", "content": "Hi"}]
    try:
        said = compiled.__wrapped__(text).render(messages=messages, tools=None, add_generation_prompt=False)
    except Exception as refused:
        said = str(refused)
        assert not isinstance(refused, AssertionError)
        said = ""
    assert not [sign for sign in SIGNS if sign in said]
    assert messages == [{"role": "user", "content": "Hi"}]
    assert not list(tmp_path.iterdir())


ENDLESS = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'a' * 999999999 }}",
    "{{ 'a'.ljust(999999999) }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ [0] * 999999999 }}",
    "{{ 'a'|center(999999999) }}",
    "{{ ('a' * 60000)|replace('a', 'a' * 60000) }}",
    "{{ ('a' * 60000).replace('a', 'a' * 60000) }}",
    "{{ ('a' * 60000)|indent(999999999) }}",
    "{{ lipsum(n=999999) }}",
    "{{ range(99999)|join('a' * 60000) }}",
    "{{ messages|tojson(indent=99999999) }}",
    "{{ ('a' * 60000)|wordwrap(1)|wordwrap(1) }}",
    "{{ ['a' * 60000]|batch(99999999, 'x')|list }}",
    "{{ ('ab' * 30000)|urlize }}",
    "{{ ('a\\n' * 30000)|indent(60000) }}",
    "{{ ('a' * 60000)|format }}{{ '%*d'|format(999999999, 1) }}",
    "{{ ('\\t' * 60000).expandtabs(60000) }}",
    "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "{% set ns = namespace(x='a') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x }}",
    "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x }}",
    "{{ ('a' * 60000).zfill(999999999) }}",
    "{{ ('a' * 60000).center(999999999) }}",
    "{{ ('a,' * 30000).split(',')|join('a' * 60000) }}",
    "{{ 'a'.join(['b' * 60000] * 60000) }}",
    "{{ ('a' * 60000).translate({97: 'a' * 60000}) }}",
]


@pytest.mark.parametrize("text", ENDLESS)
def test_a_template_that_does_not_end_is_refused_within_a_second_and_500_mb(text: str) -> None:
    compiled("a")
    assert harm(lambda: compiled.__wrapped__(text).render(messages=[{"role": "user", "content": "Hi"}])) == ""


def harm(work: Callable[[], Any], seconds: float = 1.0) -> str:
    """What a piece of work does beyond its limits of CPU and memory, in a process of its own; "" for none."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        said = "killed"
        try:
            signal.setitimer(signal.ITIMER_VIRTUAL, 3 * seconds)  # ends the process
            before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
            with contextlib.suppress(Exception):
                work()
            spent = time.process_time() - started
            grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
            said = f"{spent:.1f} s" if spent > seconds else f"{grown:,} kB" if grown > 500_000 else ""
        finally:
            os.write(send, said.encode())
            os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as file:
        said = file.read().decode()
    _, status = os.waitpid(child, 0)
    return said or ("" if status == 0 else f"ended with {status}")


# ---------------------------------------------------------------------- Go templates

GO = {
    "loops": "{{range .Messages}}{{range $.Messages}}{{range $.Messages}}{{end}}{{end}}{{end}}",
    "numbers": "{{range 99999999999}}{{end}}",
    "nested": "{{if 1}}" * 5000 + "x" + "{{end}}" * 5000,
    "brackets": "{{" + "(" * 20_000 + "1" + ")" * 20_000 + "}}",
    "doubled": '{{ $x := "aaaaaaaaaaaaaaaa" }}' + "{{ $x = print $x $x }}" * 60,
    "templates": '{{define "t0"}}x{{end}}'
    + "".join(
        f'{{{{define "t{n}"}}}}{{{{template "t{n - 1}"}}}}{{{{template "t{n - 1}"}}}}{{{{end}}}}' for n in range(1, 45)
    )
    + '{{template "t44"}}',
    "comments": "{{/*" * 20_000,
    "opened": "{{" * 50_000,
    "quotes": '{{ "' + '\\"' * 50_000,
    "digits": "{{ " + "9" * 100_000 + " }}",
    "pipes": "{{ .A " + '| printf "%s%s" .A ' * 3000 + "}}",
}


@pytest.mark.parametrize("name", GO)
def test_a_go_template_comes_to_an_end(name: str) -> None:
    data = {"Messages": [{"Role": "user", "Content": "x" * 100}] * 500, "A": "x"}

    def executed() -> None:
        try:
            GoTemplate(GO[name]).execute(data)
        except CuratorError as error:
            assert "does not end" in str(error) or "Go template" in str(error) or "not closed" in str(error)

    at_once(executed, 1)


def test_braces_and_quotes_in_strings_and_comments_close_nothing() -> None:
    said = GoTemplate('{{ "}}" }}{{- /* }} " */ -}} a {{ `"{{` }}{{ print "\\"" "}}" -}}  b').execute({})
    assert said == '}}a "{{"}}b'


# ---------------------------------------------------------------------- bombs


@pytest.mark.parametrize("packed", ["gzip", "zstd"])
def test_a_bomb_is_refused_before_the_disk_is_full(
    packed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    import pyarrow as pa

    monkeypatch.setattr(streams, "BOMB_BYTES", 10_000_000)
    body = (json.dumps(ONE).encode() + b"\n") * 400_000
    path = tmp_path / f"x.jsonl.{packed[:2]}"
    path.write_bytes(gzip.compress(body, 9) if packed == "gzip" else pa.compress(body, "zstd", asbytes=True))
    monkeypatch.setattr(streams, "BOMB_RATIO", 100)
    done = run("lint", path)
    assert done.status == 2
    assert "it may be a bomb" in done.err


def test_a_table_of_one_text_over_and_over_is_refused_before_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Any
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    monkeypatch.setattr(streams, "BOMB_BYTES", 10_000_000)
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 1000, pa.int32()), pa.array(["z" * 50_000]))
    pq.write_table(pa.table({"prompt": text}), tmp_path / "x.parquet")
    done = run("lint", tmp_path / "x.parquet")
    assert done.status == 2
    assert "the table has grown to over 500 times its size: it may be a bomb" in done.err


def test_a_docx_that_unpacks_to_gigabytes_is_not_opened(tmp_path: Path) -> None:
    from curator.sop.convert import document_of

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + b" " * 60_000_000 + b"</a>")
    with pytest.raises(CuratorError, match="unpacks"):
        document_of(out.getvalue(), "x.docx")


LAUGHS = "<!DOCTYPE l [<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)


@pytest.mark.parametrize(
    "entity", [LAUGHS + "]><l>&j;</l>", "<!DOCTYPE l [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><l>&a;</l>"]
)
def test_entities_of_a_docx_are_not_expanded(entity: str) -> None:
    from curator.sop.convert import document_of

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f"<?xml version='1.0'?>{entity}")
        archive.writestr("[Content_Types].xml", "<Types/>")

    def said() -> str:
        try:
            return str(document_of(out.getvalue(), "x.docx"))
        except CuratorError as error:
            return str(error)

    told = at_once(said, 2)
    assert "root:" not in told and "haha" not in told


@pytest.mark.parametrize(
    "row",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"messages": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a": ' + b"9" * 1_000_000 + b"}",
        b'{"a": 1e999999999}',
        b'{"messages": [{"role": "user", "content": ' + b"-" * 100_000 + b"}]}",
        b'{"messages": [' + b'{"role": "user", "content": "a"},' * 20_000 + b'{"role": "assistant", "content": "b"}]}',
        b'{"messages": [{"role": "user", "content": "' + b"\\\\" * 200_000 + b'"}]}',
        b'{"messages": [{"role": "user", "content": "' + b"\\ud83d" * 50_000 + b'"}]}',
        b"{" + b",".join(b'"k%d": 1' % n for n in range(50_000)) + b"}",
        b"{" + b'"a": 1, ' * 50_000 + b'"a": 1}',
        b'"' * 200_001,
        b"\\" * 200_000,
        b"\x00" * 200_000,
        b"\xef\xbb\xbf" * 50_000,
        "\u202e\u200b".encode() * 50_000,
    ],
    ids=lambda row: f"{row[:12]!r}",
)
def test_a_monstrous_row_costs_seconds_and_little_memory(row: bytes, tmp_path: Path) -> None:
    lines = [json.dumps(ONE).encode(), row]
    data = b"\n".join(lines)
    targets.lint(lines[0])
    assert harm(lambda: targets.lint(data), seconds=2) == ""  # the row and its fixes, with all that a lint costs


# ---------------------------------------------------------------------- links and paths


def test_links_in_circles_end(tmp_path: Path, run: Any) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "x.jsonl").write_text(json.dumps(ONE) + "\n")
    (folder / "again").symlink_to(folder)
    (folder / "loop.jsonl").symlink_to("loop.jsonl")
    done = run("lint", folder, "--format", "json")
    assert json.loads(done.out)["summary"]["rows"] == 1


def test_a_saved_set_does_not_lead_out_of_its_folder(tmp_path: Path, run: Any) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    secret = tmp_path / "secret.arrow"
    secret.write_bytes(b"not yours")
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../secret.arrow"}]}))
    done = run("lint", folder)
    assert done.status == 2
    assert "secret" not in done.out and "not yours" not in done.err


def test_a_name_with_control_characters_does_not_steer_the_terminal(tmp_path: Path, run: Any) -> None:
    path = tmp_path / "x\x1b[2J\n::error::.jsonl"
    path.write_text('{"messages": []}\n')
    for form in ("text", "concise", "github"):
        said = run("lint", path, "--format", form).out
        assert "\x1b[2J" not in said and "\n::error::" not in said

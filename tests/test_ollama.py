"""Ollama: its Modelfile, its Go templates, its way of laying out a conversation."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from curator.checks.ollama import OllamaPromptDiffers, asked
from curator.errors import SourceError
from curator.harness import flags_of
from curator.model import Turn
from curator.ollama import detection
from curator.ollama.gofmt import Record
from curator.ollama.gosyntax import TemplateError
from curator.ollama.gotemplate import GoTemplate
from curator.ollama.modelfile import read_modelfile
from curator.ollama.prompt import OllamaTemplate
from curator.rule import chat
from curator.templates import load

TODAY = datetime.date(2025, 1, 2)
CHATML = (
    "{{- range $i, $m := .Messages }}<|im_start|>{{ $m.Role }}\n{{ $m.Content }}<|im_end|>\n{{ end }}"
    "<|im_start|>assistant\n"
)
OLD = "{{ if .System }}<|system|>{{ .System }}</s>{{ end }}<|user|>{{ .Prompt }}</s><|assistant|>{{ .Response }}</s>"


def turns(*pairs: tuple[str, str]) -> list[Turn]:
    return [Turn(role, text, f"messages[{n}]") for n, (role, text) in enumerate(pairs)]


# ---------------------------------------------------------------------- Go templates

CASES: list[tuple[str, Any]] = [
    ("plain", {}),
    ("{{ .A }}|{{ .B }}", {"A": "x"}),
    ("a  {{- .A -}}  b {{ .A }}\n{{- /* said */ -}}\n c", {"A": 1}),
    ("{{ if .A }}1{{ else if .B }}2{{ else }}3{{ end }}", {"B": [0]}),
    ("{{ if and .A (not .B) }}1{{ end }}{{ if or .A .B }}2{{ end }}{{ and .A .B }}{{ or .A .B }}", {"A": "x", "B": ""}),
    ("{{ range .L }}{{ . }},{{ else }}none{{ end }}{{ range .M }}x{{ else }}none{{ end }}", {"L": ["a", "b"]}),
    ("{{ range $i, $e := .L }}{{ $i }}={{ $e }};{{ end }}", {"L": ["a", "b"]}),
    ("{{ range $k, $v := .M }}{{ $k }}={{ $v }};{{ end }}", {"M": {"b": 1, "a": 2}}),
    ("{{ $x := 1 }}{{ range .L }}{{ $x = 2 }}{{ $y := 3 }}{{ end }}{{ $x }}", {"L": ["a"]}),
    (
        "{{ range $i, $_ := .L }}{{ $last := eq (len (slice $.L $i)) 1 }}{{ if $last }}!{{ end }}{{ end }}",
        {"L": [5, 6]},
    ),
    (
        "{{ range .L }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ if eq . 4 }}{{ break }}{{ end }}{{ . }}{{ end }}",
        {"L": [1, 2, 3, 4, 5]},
    ),
    ("{{ with .A }}{{ .B }}{{ else }}no{{ end }}{{ with .C }}x{{ else }}no{{ end }}", {"A": {"B": "deep"}}),
    ('{{ .A.B.C }}{{ (index .L 1).D }}{{ index .M "k" }}', {"A": {"B": {"C": 1}}, "L": [0, {"D": 2}], "M": {"k": 3}}),
    ('{{ define "t" }}<{{ . }}>{{ end }}{{ template "t" .A }}{{ template "t" "b" }}', {"A": "x"}),
    ('{{ "q\\"}}\\n" }}{{ `raw }} \\n` }}{{ printf "%s-%d-%v%%" .A 3 true }}', {"A": "x"}),
    ('{{ print 1 2 "a" 3 }}{{ println "a" 1 }}{{ .A | printf "%s!" }}', {"A": "x"}),
    ("{{ json .A }}{{ json .L }}", {"A": {"b": "<&>é", "a": [1, None, 2.5]}, "L": ["x"]}),
    ("{{ eq .A 1 2 3 }}{{ ne .A 1 }}{{ lt .A 9 }}{{ ge .A 9 }}", {"A": 3}),
    ("{{ len .A }}{{ slice .A 1 }}{{ slice .A 0 2 }}", {"A": "abcd"}),
    ("{{ . }}{{ .N }}{{ .T }}{{ .L }}", {"T": True, "L": [1, "a"], "N": None}),
    ('{{ if not (eq .A "x") }}a{{else}}b{{end}}', {"A": "x"}),
    ("{{- if .A }}\n  x\n{{- end }}\n", {"A": 1}),
    ("{{ html .A }}|{{ js .A }}|{{ urlquery .A }}|{{ html 1 .A 2.5 }}", {"A": "a<b>&'\"=\\ é~-_./\n\u200b"}),
    ("{{ 0x10 }} {{ 0o17 }} {{ 017 }} {{ 0b101 }} {{ 1_000 }} {{ 1e3 }} {{ .5 }} {{ 0x1p4 }} {{ -3 }} {{ 0xE }}", {}),
    (r"{{ 'a' }} {{ '\n' }} {{ '\'' }} {{ '\x41' }} {{ 'é' }} {{ '\u00e9' }} {{ '}' }}", {}),
    ("""{{ printf "%c%c" '"' 65 }}""", {}),
    (r'{{ "\x41\101\u00e9\a" }}{{ print 1e6 " " 123456789.0 1e21 1.5 0.00001 100.0 }}', {}),
    ("{{ len .A }} {{ slice .A 0 2 }} {{ index .A 1 }}", {"A": "aéb"}),
    ('{{ printf "%5d|%-5d|%05d|%+d|% d|%x|%X|%#x|%o|%O|%b|%c|%q|%U" 3 3 -3 3 3 255 255 255 8 8 5 65 65 65 }}', {}),
    ('{{ printf "%5s|%-5s|%.2s|%q|%x|% X|%#q|%+q|%v" "é" "é" "héllo" "a\\"b" "hé" "hé" "ab" "é" "v" }}', {}),
    ('{{ printf "%f|%.2f|%8.3f|%08.3f|%e|%g|%G|%+f|%v" 3.14159 2.5 2.5 2.5 1e6 1e6 1e-7 2.5 123456789.0 }}', {}),
    ('{{ printf "%d %s" "x" 1 }}{{ printf "%d" }}{{ printf "a" 1 "b" nil }}{{ printf "%z %" 1 }}', {}),
    ('{{ printf "%[2]s, %[1]s|%[1]*d|%[3]q" 4 "b" "c" }}{{ printf "%[3]d|%[1]5d|%[2]*[1]d|%.1T" 1 2 }}', {}),
    ('{{ printf "%*d|%-*d|%.*f|%T %T %t|%5t" 5 3 4 2 1 2.55 1 "a" true false }}', {}),
    (
        '{{ printf "%v|%5v|%d|%q|%s" .L .L .N .T .M }}',
        {"L": [1, "a", None, 2.5], "N": [1, 2], "T": ["a"], "M": {"b": 1}},
    ),
]


@pytest.mark.parametrize(
    ("source", "data", "text"),
    [
        ("{{ if .System }}{{ .System }} {{ end }}{{ .Prompt }}", {"System": "", "Prompt": "Hi"}, "Hi"),
        ("a \n{{- .X -}}\n b", {"X": "-"}, "a-b"),
        ("{{ .Gone }}", {}, "<no value>"),
        ("{{ range $i, $m := .L }}{{ if $i }}, {{ end }}{{ $m }}{{ end }}", {"L": ["a", "b"]}, "a, b"),
        ("{{ json .X }}", {"X": {"b": "<", "a": 1}}, '{"a":1,"b":"\\u003c"}'),
        ("{{ currentDate }} {{ yesterdayDate }}", {}, "2025-01-02 2025-01-01"),
    ],
)
def test_a_template_is_executed_as_go_does(source: str, data: dict[str, Any], text: str) -> None:
    assert GoTemplate(source).execute(data, today=TODAY) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ if .A }}",
        "{{ end }}",
        "{{ else }}",
        "{{",
        "{{ .A ",
        "{{ }}",
        "{{ nosuch .A }}",
        "{{ $x }}",
        '{{ template "gone" }}',
        '{{ block "b" . }}{{ end }}',
        "{{ (len .A }}",
        "{{ 09 }}",
        "{{ 1__0 }}",
        "{{ 0x }}",
        "{{ 'ab' }}",
        r'{{ "\q" }}',
        "{{ 99999999999999999999 }}",
        "{{ lt 1 2.5 }}",
        "{{ index .L 7 }}",
        "{{ .A ? }}",
        "{{ .Record.Gone }}",
        '{{ define "t" }}{{ template "t" }}{{ end }}{{ template "t" }}',
    ],
)
def test_what_go_refuses_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        GoTemplate(source).execute({"A": "x", "L": [1], "Record": Record(Role="user")})


_PROGRAM = """
package main
import ("bytes"; "encoding/json"; "fmt"; "os"; "text/template")
type Case struct { Source string; Data map[string]any }
func number(v any) any {
    switch t := v.(type) {
    case float64: if t == float64(int(t)) { return int(t) }; return t
    case []any: for i := range t { t[i] = number(t[i]) }; return t
    case map[string]any: for k := range t { t[k] = number(t[k]) }; return t
    }
    return v
}
func main() {
    var cases []Case
    if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil { panic(err) }
    funcs := template.FuncMap{"json": func(v any) string { b, _ := json.Marshal(v); return string(b) }}
    var out []any
    for _, c := range cases {
        var b bytes.Buffer
        t, err := template.New("").Option("missingkey=zero").Funcs(funcs).Parse(c.Source)
        if err == nil { err = t.Execute(&b, number(c.Data)) }
        if err != nil { out = append(out, nil) } else { out = append(out, b.String()) }
    }
    s, _ := json.Marshal(out)
    fmt.Println(string(s))
}
"""


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program that executes templates with Go's own library."""
    if not shutil.which("go"):
        pytest.skip("go is not installed")
    folder = tmp_path_factory.mktemp("go")
    (folder / "main.go").write_text(_PROGRAM)
    subprocess.run(["go", "build", "-o", "oracle", "main.go"], cwd=folder, check=True, capture_output=True, timeout=300)
    return folder / "oracle"


def by_go(program: Path, cases: list[tuple[str, Any]]) -> list[str | None]:
    body = json.dumps([{"Source": source, "Data": data} for source, data in cases])
    done = subprocess.run([program], input=body, capture_output=True, text=True, check=True, timeout=60)
    found: list[str | None] = json.loads(done.stdout)
    return found


def by_us(cases: list[tuple[str, Any]]) -> list[str | None]:
    found: list[str | None] = []
    for source, data in cases:
        try:
            found.append(GoTemplate(source).execute(data, today=TODAY))
        except TemplateError:
            found.append(None)
    return found


@pytest.mark.slow
def test_gos_own_library_gives_the_same_text(go: Path) -> None:
    expected = by_go(go, CASES)
    assert list(zip([s for s, _ in CASES], by_us(CASES), strict=True)) == list(
        zip([s for s, _ in CASES], expected, strict=True)
    )
    assert None not in expected


_FORMS = st.builds(
    "%{}{}{}{}{}".format,
    st.text("-+# 0", max_size=2),
    st.sampled_from(["", "1", "4", "7"]),
    st.sampled_from(["", ".", ".0", ".2", ".9"]),
    st.sampled_from(["", "", "[1]", "[2]"]),
    st.sampled_from("vdsqxXobOcUtfeEgGz%"),
)
_VALUES = st.sampled_from(
    ["0", "5", "-42", "65", "128512", "2.5", "-0.001", "1e9", "true", '"hé"', '"a\\nb"', '""', "nil"]
)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(_FORMS, _VALUES), min_size=40, max_size=80))
def test_any_verb_writes_what_go_writes(go: Path, said: list[tuple[str, str]]) -> None:
    """Where it is not refused: which verbs and flags are is said in `curator/ollama/gofmt.py`."""
    cases = [(f"{{{{ printf `{form}|` {value} }}}}", {}) for form, value in said]
    for case, ours, theirs in zip(cases, by_us(cases), by_go(go, cases), strict=True):
        assert ours in (None, theirs), case


_LEAVES = st.sampled_from(
    [
        "{{ .A }}",
        "{{- .B -}}",
        " t ",
        "\n",
        "{{ len .L }}",
        "{{ json .M }}",
        "{{ index .L 0 }}",
        "{{ .M.k }}",
        "{{ $ }}",
        "{{ . }}",
    ]
)
_WRAPS = [
    "{{{{ if .A }}}}{}{{{{ else }}}}{}{{{{ end }}}}",
    "{{{{- range .L }}}}{}{{{{ else -}}}}{}{{{{ end }}}}",
    "{{{{ with .M }}}}{}{{{{- end }}}}{}",
    "{{{{ range $i, $e := $.L }}}}{{{{ $i }}}}{{{{ $e }}}}{}{{{{ end }}}}{}",
    "{{{{ if eq (len $.L) 2 }}}}{}{{{{ else if not $.A }}}}{}{{{{ end }}}}",
]
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.builds(lambda form, a, b: form.format(a, b), st.sampled_from(_WRAPS), inner, inner),
    max_leaves=8,
)
_DATA = st.fixed_dictionaries(
    {
        "A": st.sampled_from(["", "x"]),
        "L": st.lists(st.integers(0, 3), max_size=3),
        "M": st.sampled_from([{}, {"k": "v"}]),
    },
    optional={"B": st.sampled_from([0, 1, True])},
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.lists(_TREES, max_size=4).map("".join), _DATA), min_size=1, max_size=20))
def test_any_template_gives_what_go_gives(go: Path, cases: list[tuple[str, Any]]) -> None:
    assert by_us(cases) == by_go(go, cases)


# ---------------------------------------------------------------------- prompts


def test_a_template_of_messages_runs_once() -> None:
    made = OllamaTemplate(CHATML).prompt(turns(("system", "Be brief."), ("user", "Hi")))
    assert made == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


def test_an_older_template_runs_once_an_exchange_and_stops_where_the_model_writes() -> None:
    made = OllamaTemplate(OLD).prompt(turns(("system", "S"), ("user", "1"), ("assistant", "2"), ("user", "3")))
    assert made == "<|system|>S</s><|user|>1</s><|assistant|>2</s><|user|>3</s><|assistant|>"


def test_a_template_without_a_response_gets_one() -> None:
    template = OllamaTemplate("{{ .Prompt }} => ")
    assert template.prompt(turns(("user", "1"), ("assistant", "2"), ("user", "3"))) == "1 => 23 => "


def test_neighbours_of_one_role_are_joined_and_system_texts_too() -> None:
    template = OllamaTemplate("[{{ .System }}]{{ range .Messages }}{{ .Role }}:{{ .Content }};{{ end }}")
    made = template.prompt(
        turns(("system", "a"), ("user", "b"), ("user", "c"), ("tool", "d"), ("tool", "e"), ("system", "f"))
    )
    assert made == "[a\n\nf]system:a;user:b\n\nc;tool:d;tool:e;system:f;"


# ---------------------------------------------------------------------- the Modelfile


def test_a_modelfile_is_read(tmp_path: Path) -> None:
    file = tmp_path / "Modelfile"
    file.write_text(
        '# ours\nFROM ./model.gguf\nADAPTER ./lora\nTEMPLATE """{{ .Prompt }}\n{{ .Response }}"""\n'
        'SYSTEM You are kind.\nparameter stop "<|im_end|>"\nPARAMETER stop </s>\nMESSAGE user Hello there\n'
    )
    made = read_modelfile(file)
    assert (made.base, made.template, made.system) == (
        "./model.gguf",
        "{{ .Prompt }}\n{{ .Response }}",
        "You are kind.",
    )
    assert made.parameter("stop") == ("<|im_end|>", "</s>")
    assert (made.adapters, made.messages) == (("./lora",), (("user", "Hello there"),))
    assert made.from_file


def test_a_file_that_holds_a_template_alone_will_do(tmp_path: Path) -> None:
    file = tmp_path / "chat.gotmpl"
    file.write_text(CHATML)
    assert read_modelfile(file).template == CHATML


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SYSTEM x\n", "no FROM"),
        ("FROM a\nNOSUCH b\n", "line 2"),
        ('FROM a\nSYSTEM """open\n', "line 2 of the Modelfile is not closed"),
        ("FROM a\nPARAMETER stop\n", "line 2 of the Modelfile gives PARAMETER stop no value"),
        ('FROM a\n\nPARAMETER stop "" \nSYSTEM x\n', "line 3 of the Modelfile gives PARAMETER stop no value"),
        ("FROM a\r\nPARAMETER stop  \r\nSYSTEM x\r\n", "line 2 of the Modelfile gives PARAMETER stop no value"),
        ("FROM a\nPARAMETER\nSYSTEM x\n", "line 2 of the Modelfile gives PARAMETER no value"),
        ("FROM a\nMESSAGE user", "line 2 of the Modelfile gives MESSAGE user no value"),
        ("FROM a\nSYSTEM\n", "line 2 of the Modelfile gives SYSTEM no value"),
    ],
)
def test_a_faulty_modelfile_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "Modelfile"
    file.write_text(text)
    with pytest.raises(SourceError, match=said) as fault:
        read_modelfile(file)
    assert fault.value.where == str(file)
    assert fault.value.hint


def test_a_text_may_be_empty_on_purpose(tmp_path: Path) -> None:
    file = tmp_path / "Modelfile"
    file.write_text('FROM a\nSYSTEM ""\nPARAMETER stop x\n')
    assert (read_modelfile(file).system, read_modelfile(file).parameter("stop")) == ("", ("x",))


def test_a_modelfile_that_is_not_there_says_what_to_name(run: Any, tmp_path: Path, write: Any) -> None:
    data = write("x.jsonl", [chat(user="Hi", assistant="Hello.")])
    for name in (tmp_path / "nope", tmp_path):
        done = run("lint", data, "--target", "ollama", "--modelfile", name)
        assert done.status == 2
        assert str(name) in done.err
        assert "ollama show --modelfile MODEL" in done.err
        assert "Errno" not in done.err


# ---------------------------------------------------------------------- the rules, on the command line

LEGACY = '''FROM ./model.gguf
TEMPLATE """{{ if .System }}<|im_start|>system
{{ .System }}<|im_end|>
{{ end }}<|im_start|>user
{{ .Prompt }}<|im_end|>
<|im_start|>assistant
{{ .Response }}<|im_end|>
"""
'''


@pytest.fixture
def lint(tmp_path: Path, run: Callable[..., Any]) -> Callable[[str, str], Any]:
    """Lints two rows, one of them with a system text, against a Modelfile."""
    rows = [
        {"messages": [{"role": r, "content": t} for r, t in said]}
        for said in (
            (("system", "Be brief."), ("user", "Is it on?"), ("assistant", "Yes, it is on.")),
            (("user", "Is it off?"), ("assistant", "No."), ("user", "Sure?"), ("assistant", "Quite sure.")),
        )
    ]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def go(modelfile: str, template: str) -> Any:
        (tmp_path / "Modelfile").write_text(modelfile)
        options = ("--template", template, "--modelfile", tmp_path / "Modelfile", "--select", "TPL017,TPL018")
        return json.loads(run("lint", data, *options, "--format", "json", "--no-cache").out)

    return go


def test_a_go_template_that_asks_as_training_did_raises_nothing(lint: Callable[[str, str], Any]) -> None:
    assert lint(LEGACY, "chatml")["findings"] == []


def test_a_lost_system_text_is_found_with_both_prompts(lint: Callable[[str, str], Any]) -> None:
    lost = LEGACY.replace("<|im_start|>system\n{{ .System }}<|im_end|>\n", "")
    (finding,) = lint(lost, "chatml")["findings"]
    assert (finding["code"], finding["line"], finding["severity"]) == ("TPL017", 1, "error")
    assert (finding["evidence"]["rows"], finding["evidence"]["of"]) == (1, 2)
    assert "system\nBe brief." in finding["evidence"]["training"]
    assert "system" not in finding["evidence"]["ollama"]


def test_another_family_is_found_in_every_row(lint: Callable[[str, str], Any]) -> None:
    assert {f["evidence"]["of"] for f in lint(LEGACY, "llama-3")["findings"]} == {2}


def test_a_modelfile_without_a_template_is_told_and_what_cannot_be_compared_is_not_passed(
    lint: Callable[[str, str], Any],
) -> None:
    report = lint("FROM ./model.gguf\n", "chatml")
    assert [f["code"] for f in report["findings"]] == ["TPL018"]
    assert any("TPL017" in note["codes"] for note in report["not_run"])


@pytest.mark.parametrize("template", [f'TEMPLATE """{CHATML}"""\n', ""])
def test_prompts_of_a_renderer_are_not_compared_with_a_template_that_it_supersedes(
    run: Callable[..., Any], tmp_path: Path, template: str
) -> None:
    line, report = verdict(run, tmp_path, SYSTEMS, f"FROM ./m.gguf\nRENDERER qwen3-coder\n{template}")
    assert line.endswith(
        "its prompts are not compared: RENDERER qwen3-coder of the Modelfile takes the place of TEMPLATE"
    )
    (note,) = (note for note in report["not_run"] if "TPL017" in note["codes"])
    assert note["unlock"].startswith("leave it out and write TEMPLATE")
    assert report["findings"] == []


def test_the_rule_by_itself_compares_no_prompts_of_a_renderer() -> None:
    rule = OllamaPromptDiffers(modelfile=f'FROM m\nRENDERER x\nTEMPLATE """{CHATML}"""\n', template="llama-3")
    assert flags_of(rule, SYSTEMS) == []
    bare = OllamaPromptDiffers(modelfile=f'FROM m\nTEMPLATE """{CHATML}"""\n', template="llama-3")
    assert flags_of(bare, SYSTEMS)


def verdict(run: Callable[..., Any], tmp_path: Path, rows: list[Any], modelfile: str) -> tuple[str, Any]:
    """(the line on the target, what TPL017 found)."""
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "Modelfile").write_text(modelfile)
    options = ["lint", data, "--template", "chatml", "--target", "ollama", "--modelfile", tmp_path / "Modelfile"]
    line = next(line for line in run(*options, "--no-cache").out.splitlines() if line.startswith("target Ollama"))
    report = json.loads(run(*options, "--select", "TPL017", "--format", "json", "--no-cache").out)
    return line, report


SYSTEMS = [chat(system=f"Be {word}.", user="Is it on?", assistant="Yes.") for word in "brief kind calm".split()]


def test_the_target_says_on_how_many_rows_the_prompt_is_the_same(run: Callable[..., Any], tmp_path: Path) -> None:
    rows = [*SYSTEMS[:1], chat(user="Is it on?", assistant="Yes."), chat(user="And off?", assistant="No.")]
    assert verdict(run, tmp_path, rows, LEGACY)[0].endswith("the same prompt on 3 of 3 rows, byte for byte")
    lost = LEGACY.replace("<|im_start|>system\n{{ .System }}<|im_end|>\n", "")
    assert verdict(run, tmp_path, rows, lost)[0].endswith("the same prompt on 2 of 3 rows, byte for byte")


def test_rows_that_cannot_be_compared_are_told_and_not_counted(run: Callable[..., Any], tmp_path: Path) -> None:
    rows = [*SYSTEMS[:1], {"messages": [{"role": "user", "content": "Hello?"}]}]
    line, report = verdict(run, tmp_path, rows, LEGACY)
    assert line.endswith("the same prompt on every row that is compared, byte for byte")
    assert [note["reason"][:22] for note in report["not_run"] if "TPL017" in note["codes"]] == [
        "1 row is not compared:"
    ]


def test_every_row_that_differs_is_named_however_many_ways_there_are(run: Callable[..., Any], tmp_path: Path) -> None:
    rows = [chat(user=f"{letter} on?", assistant="Yes.") for letter in "ABCDEFGH"]
    line, report = verdict(run, tmp_path, rows, 'FROM m\nTEMPLATE """{{ .Prompt }}"""\n')
    assert line.endswith("the same prompt on 0 of 8 rows, byte for byte")
    assert sum(finding["evidence"]["rows"] for finding in report["findings"]) == 8
    others = max(report["findings"], key=lambda finding: finding["evidence"]["rows"])
    assert others["message"].startswith("in 3 of 8 rows in other ways, first of all: ")


@pytest.mark.parametrize(
    ("template", "place", "step"),
    [
        ("a\nb {{ .Content }", "line 2, column 3", "close it with }}"),
        ("{{ range .Messages }}\n{{ .Role }}", "line 1, column 1", "write {{ end }}"),
        ("{{ if .A }}x{{ end }}\n  {{ end }}", "line 2, column 3", "take it out"),
        ("{{ .Role }}\n{{ if }}", "line 2, column 1", "pkg.go.dev"),
        ('x {{ printf "a }}', "line 1, column 3", "close the quotation"),
        ("{{ if (eq .Role .A }}x{{ end }}", "line 1, column 1", "close it with )"),
        ("{{/* a }}", "line 1, column 1", "close the comment"),
    ],
)
def test_a_fault_in_a_go_template_is_told_with_its_place_and_what_to_do(template: str, place: str, step: str) -> None:
    with pytest.raises(TemplateError) as fault:
        OllamaTemplate(template)
    assert fault.value.where == f"TEMPLATE {place}"
    assert step in fault.value.hint


# ---------------------------------------------------------------------- what Ollama chooses by itself

letters = st.text(st.sampled_from("{% }abcdef\n|<>"), max_size=400)


@given(letters, st.lists(st.tuples(st.integers(0, 400), st.sampled_from(["", "x", "<|im_end|>"])), max_size=30))
def test_the_figures_of_a_text_never_tell_more_edits_than_there_are(text: str, edits: list[tuple[int, str]]) -> None:
    other = text
    for at, new in edits:
        other = other[:at] + new + other[at + 1 :]
    (least,) = detection.least_edits(other, detection.figures([("known", text)]))
    assert least <= Levenshtein.distance(text, other)


def test_with_the_index_the_nearest_under_a_hundred_edits_is_taken(tmp_path: Path) -> None:
    near, far = "a" * 500 + "b" * 99, "a" * 500 + "b" * 100
    index = tmp_path / "index.json"
    index.write_text(json.dumps([{"name": "one", "template": "a" * 500}, {"name": "two", "template": "c"}]))
    assert detection.chosen(near, str(index)) == detection.Choice("one", 99)
    assert detection.chosen(far, str(index)) == detection.Choice()
    with pytest.raises(SourceError, match="cannot be read"):
        detection.chosen(near, str(tmp_path / "none.json"))


def test_the_index_of_a_version_can_be_named_on_the_command_line(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps(chat(user="Hi", assistant="Hello.")) + "\n", "utf-8")
    (tmp_path / "Modelfile").write_text("FROM ./model.gguf\n", "utf-8")
    index = tmp_path / "index.json"
    index.write_text(json.dumps([{"name": "mine", "template": load("chatml").text() + "!"}]), "utf-8")
    told = ("--set", f"TPL018.index={index}", "--set", f"TPL018.chat_template={load('chatml').text()}")
    done = run("lint", "rows.jsonl", "--template", "chatml", "--modelfile", "Modelfile", *told, "--format", "json")
    (finding,) = json.loads(done.out)["findings"]
    assert (finding["code"], finding["evidence"]["taken"], finding["evidence"]["edits"]) == ("TPL018", "mine", 1)


def test_a_template_of_today_is_near_none_that_ollama_knows() -> None:
    for name in ("qwen3", "gpt-oss", "deepseek-v3", "llama-3.1", "command-r"):
        assert detection.chosen(load(name).text()) == detection.Choice(), name


def test_the_template_in_the_model_beside_the_modelfile_is_compared(tmp_path: Path, run: Callable[..., Any]) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "chat_template.jinja").write_text(load("qwen3").text())
    (tmp_path / "Modelfile").write_text("FROM ./m\n")
    (tmp_path / "x.jsonl").write_text(json.dumps(chat(user="Hi", assistant="Hello.")) + "\n")
    (tmp_path / "index.json").write_text(json.dumps([{"name": "own", "template": load("qwen3").text()}]))

    def told(index: str) -> list[str]:
        (tmp_path / "curator.toml").write_text(f'select = ["TPL018"]\n[rules.TPL018]\nindex = "{index}"\n')
        done = run("lint", "x.jsonl", "--modelfile", "Modelfile", "--format", "json")
        return [finding["message"] for finding in json.loads(done.out)["findings"]]

    (message,) = told("")
    assert "knows none that is near the model's" in message
    assert told("index.json") == []


def test_messages_of_a_modelfile_stand_before_each_request() -> None:
    made = read_modelfile(
        f'FROM m\nTEMPLATE """{CHATML}"""\nSYSTEM Be kind.\nMESSAGE user Hi\nMESSAGE assistant """Hello,\nfriend"""\n'
    )
    template = OllamaTemplate(made.template or "")
    told = ["system\nBe kind.", "user\nHi", "assistant\nHello,\nfriend", "user\nAnd now?"]
    shown = "".join(f"<|im_start|>{turn}<|im_end|>\n" for turn in told) + "<|im_start|>assistant\n"
    assert template.prompt(asked(made, turns(("user", "And now?")))) == shown
    own = template.prompt(asked(made, turns(("system", "Rhyme."), ("user", "And now?"))))
    assert own.startswith("<|im_start|>user\nHi<|im_end|>")
    assert "Be kind." not in own


def test_a_set_that_was_trained_without_the_messages_of_the_modelfile_is_told(
    run: Any, write: Any, tmp_path: Path
) -> None:
    body = f'FROM m\nTEMPLATE """{CHATML}"""\nMESSAGE user Hi\nMESSAGE assistant Hello\n'
    (tmp_path / "Modelfile").write_text(body)
    options = (
        "--target",
        "ollama",
        "--modelfile",
        tmp_path / "Modelfile",
        "--template",
        "chatml",
        "--select",
        "TPL017",
    )
    done = run("lint", write("a.jsonl", [chat(user="Is it on?", assistant="Yes.")]), *options)
    assert "MESSAGE lines of the Modelfile" in " ".join(done.out.split())

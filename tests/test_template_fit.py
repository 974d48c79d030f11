"""What a chat template does to rows, as the command line tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curator.checks.fit import TemplateSetRule, facts_of, looks
from curator.formats import Reader
from curator.rule import RowRule, all_rules, chat
from curator.templates import load, shipped
from tests.bench.templates import compared

Run = Callable[..., Any]
Write = Callable[[str, Iterable[Any]], Path]

SYSTEM = chat(system="Answer in rhymes.", user="What is 2+2?", assistant="It is 4.")
THOUGHT = chat(user="What is 2+2?", assistant="<think>\nTwo and two.\n</think>\n\nIt is 4.")
HUMAN = {"conversations": [{"from": "human", "value": "What is 2+2?"}, {"from": "gpt", "value": "It is 4."}]}
RAW = {"messages": [{"role": "human", "content": "What is 2+2?"}, {"role": "gpt", "content": "It is 4."}]}
CALL = {
    "messages": [
        {"role": "user", "content": "Is it warm?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"place": "Oslo"}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "ten degrees"},
        {"role": "assistant", "content": "Not very."},
    ],
    "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
}
SPOKEN = {
    **CALL,
    "messages": [CALL["messages"][0], {**CALL["messages"][1], "content": "I look."}, *CALL["messages"][2:]],
}


@pytest.fixture
def lint(run: Run, write: Write) -> Callable[..., list[dict[str, Any]]]:
    """Findings of the TPL and LEN rules on these rows."""

    def _lint(rows: Iterable[Any], *options: Any, select: str = "TPL") -> list[dict[str, Any]]:
        file = write("x.jsonl", rows)
        done = run("lint", file, "--select", select, "--format", "jsonl", "--exit-zero", *options)
        assert done.status == 0, done.err
        return [json.loads(line) for line in done.out.splitlines()]

    return _lint


def test_reasoning_in_a_field_that_the_template_writes_leaves_no_block_empty(
    lint: Callable[..., list[dict[str, Any]]],
) -> None:
    asked = {"role": "user", "content": "What is 1 plus 1?"}
    field = {"messages": [asked, {"role": "assistant", "content": "2.", "reasoning_content": "Doubling 1 gives 2."}]}
    bare = {"messages": [asked, {"role": "assistant", "content": "2."}]}
    assert "TPL014" not in codes(lint([field] * 3, "--template", "qwen3"), rows_only=False)
    assert "TPL014" in codes(lint([bare] * 3, "--template", "qwen3"), rows_only=False)


def codes(findings: list[dict[str, Any]], rows_only: bool = True) -> set[str]:
    set_rules = {"TPL007", "TPL008", "TPL009", "TPL014", "TPL015", "TPL016"}
    return {finding["code"] for finding in findings} - (set_rules if rows_only else set())


@pytest.mark.parametrize(
    ("row", "template", "code", "lost"),
    [
        (SYSTEM, "mistral-v3", "TPL002", "Answer in rhymes."),
        (SYSTEM, "mistral-tekken", "TPL002", "Answer in rhymes."),
        (HUMAN, "qwen2.5", "TPL003", "What is 2+2?"),
        (RAW, "qwen2.5", "TPL003", "What is 2+2?"),
        (THOUGHT, "deepseek-r1", "TPL005", "Two and two."),
        (THOUGHT, "deepseek-v3", "TPL005", "Two and two."),
        (CALL, "qwen2.5", "TPL013", '{"place": "Oslo"}'),
        (CALL, "llama-3.1", "TPL013", '{"place": "Oslo"}'),
        (SPOKEN, "phi-3", "TPL004", 'weather({"place": "Oslo"})'),
    ],
)
def test_what_is_lost_is_told_with_its_text(lint: Any, row: Any, template: str, code: str, lost: str) -> None:
    found = [finding for finding in lint([row], "--template", template) if finding["code"] == code]
    assert [finding["evidence"]["lost"] for finding in found] == [lost]
    assert found[0]["severity"] == "error"


OBJECTS = chat(user="Is it warm?", assistant="Not very.")
OBJECTS["messages"][1:1] = [
    {
        "role": "assistant",
        "tool_calls": [
            {"id": "call12345", "type": "function", "function": {"name": "weather", "arguments": {"place": "Oslo"}}}
        ],
    },
    {"role": "tool", "tool_call_id": "call12345", "content": 'Ten "degrees",\nand grey'},
]
OBJECTS["tools"] = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "How warm it is",
            "parameters": {"type": "object", "properties": {"place": {"type": "string"}}},
        },
    }
]
DECLARED = {**chat(user="Is it warm?", assistant="I cannot tell."), "tools": OBJECTS["tools"]}
ABRIDGED = [name for name in shipped() if load(name).abridged]


@pytest.mark.parametrize("name", ABRIDGED)
@pytest.mark.parametrize("select", ["TPL", "TPL003", "TPL020", "TPL001,TPL004"])
def test_what_an_abridged_template_leaves_out_is_no_finding_and_a_note_says_so(
    run: Run, write: Write, name: str, select: str
) -> None:
    rows = [CALL, OBJECTS, DECLARED, *plain(5)]
    done = run("lint", write("x.jsonl", rows), "--select", select, "--template", name, "--format", "json")
    report = json.loads(done.out)
    assert codes(report["findings"]) - {"TPL002"} == set()
    (note,) = [note for note in report["not_run"] if "leaves out tools" in note["reason"]]
    assert "chat_template.jinja" in note["unlock"] and set(note["codes"]) <= {rule["code"] for rule in report["rules"]}
    assert select == "TPL003" or "TPL001" in select or note["reason"].startswith("3 rows with tools are not judged")


def test_of_rows_without_tools_an_abridged_template_judges_all(run: Run, write: Write) -> None:
    rows = [*plain(5), chat(user="One?", user2="Two?", assistant="Three.")]
    done = run("lint", write("x.jsonl", rows), "--select", "TPL", "--template", "command-r", "--format", "json")
    report = json.loads(done.out)
    assert codes(report["findings"]) == {"TPL001"}
    assert not any("leaves out tools" in note["reason"] for note in report["not_run"])


def test_gpt_oss_writes_tools_calls_and_results(lint: Any) -> None:
    assert codes(lint([OBJECTS, DECLARED], "--template", "gpt-oss")) == set()
    assert codes(lint([CALL], "--template", "gpt-oss")) == {"TPL013"}, "arguments as a string, as in the authentic one"


@pytest.mark.parametrize("template", ["mistral-v1", "mistral-v3", "mistral-tekken"])
def test_two_questions_in_a_row_are_refused_as_by_the_authentic_template(lint: Any, template: str) -> None:
    row = chat(user="What is 2+2?", user2="And 3+3?", assistant="4 and 6")
    found = [finding for finding in lint([row], "--template", template) if finding["code"] == "TPL001"]
    assert [finding["path"] for finding in found] == ["messages[1].content"]


@pytest.mark.parametrize("template", ["mistral-v3", "mistral-tekken"])
def test_calls_and_results_do_not_count_in_the_order_of_turns(lint: Any, template: str) -> None:
    twice = {**OBJECTS, "messages": [*OBJECTS["messages"][:3], *OBJECTS["messages"][1:]]}
    assert codes(lint([OBJECTS, twice], "--template", template)) == set()


def test_a_template_that_needs_objects_and_fails_on_strings_is_told_as_such(lint: Any, tmp_path: Path) -> None:
    file = tmp_path / "strict.jinja"
    file.write_text(
        "{% for m in messages %}{{ m.content }}"
        "{% for c in m.tool_calls or [] %}{{ c.function.name }}"
        "{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}{% endfor %}</s>{% endfor %}"
    )
    assert codes(lint([CALL], "--template", file)) == {"TPL013"}


def test_the_turn_that_a_template_refuses_is_that_of_each_row(lint: Any, tmp_path: Path) -> None:
    """Rows of one shape may be refused with the same words for texts at different turns."""
    file = tmp_path / "strict.jinja"
    file.write_text(
        "{% for m in messages %}{% if 'bad' in m.content %}{{ raise_exception('no such words') }}{% endif %}"
        "<|{{ m.role }}|>{{ m.content }}</s>{% endfor %}"
    )
    texts = (("bad", "Yes."), ("Hi", "bad"), ("Hi", "Yes."), ("A bad one", "Yes."))
    found = lint([chat(user=asked, assistant=said) for asked, said in texts], "--template", file, select="TPL001")
    assert [(each["line"], each["path"]) for each in found] == [
        (1, "messages[0].content"), (2, "messages[1].content"), (4, "messages[0].content"),
    ]  # fmt: skip


@pytest.mark.parametrize("order", [1, -1])
def test_arguments_that_are_no_object_are_told_apart_from_those_that_are_one_as_a_string(
    lint: Any, tmp_path: Path, order: int
) -> None:
    file = tmp_path / "objects.jinja"
    file.write_text(
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}"
        "{% for c in m.tool_calls or [] %}{{ c.function.name }}"
        "{% for k, v in c.function.arguments.items() %}{{ k }}={{ v }}{% endfor %}{% endfor %}</s>{% endfor %}"
    )
    rows = []
    for written in ('{"place": "Oslo"}', "Oslo", '{"place": "Rome"}')[::order]:
        call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": written}}
        rows.append({**CALL, "messages": [CALL["messages"][0], {**CALL["messages"][1], "tool_calls": [call]}]})
    found = lint(rows, "--template", file, select="TPL001,TPL013")
    assert sorted((each["line"], each["code"]) for each in found) == [(1, "TPL013"), (2, "TPL001"), (3, "TPL013")]


def test_a_single_argument_that_is_not_written_is_told(lint: Any, tmp_path: Path) -> None:
    file = tmp_path / "first.jinja"
    file.write_text(
        "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}"
        "{{ c.function.name }}({{ (c.function.arguments.values() | list)[0] }}){% endfor %}</s>{% endfor %}"
    )
    call = {"function": {"name": "weather", "arguments": {"place": "Oslo", "unit": "celsius"}}}
    row = {**CALL, "messages": [CALL["messages"][0], {**CALL["messages"][1], "tool_calls": [call]}]}
    (finding,) = [each for each in lint([row], "--template", file) if each["code"] == "TPL004"]
    assert "argument 'unit'" in finding["message"]


CALLED = (
    "{% for m in messages %}{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}(ARGUMENTS)"
    "{% endfor %}</s>{% endfor %}"
)
PLACE_ALONE = "{{ c.function.arguments.place }}"
PAIRS = "{% for k, v in c.function.arguments.items() TEST %}{{ k }}={{ v }} {% endfor %}"


@pytest.mark.parametrize("value", [7654, 0.25, True, False, [12, 13], {"n": [1, {"deep": 2}]}, "two"])
@pytest.mark.parametrize(
    ("written", "lost"),
    [
        (PLACE_ALONE, True),
        (PAIRS.replace("TEST", "if v == 'Oslo' or k == 'place'"), True),
        (PAIRS.replace("TEST", ""), False),
        ("{{ c.function.arguments | tojson }}", False),
    ],
)
def test_an_argument_of_any_kind_that_is_not_written_is_told(
    lint: Any, tmp_path: Path, value: Any, written: str, lost: bool
) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(CALLED.replace("ARGUMENTS", written))
    rows = [_booking({"place": "Oslo", "guests": value}), _booking({"place": "Rome", "guests": value})]
    found = [each["message"] for each in lint(rows, "--template", file, select="TPL004")]
    assert found == ["the argument 'guests' of the call of book is not in what own renders"] * (2 * lost)


def test_a_template_that_writes_texts_alone_loses_all_other_arguments(lint: Any, tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(CALLED.replace("ARGUMENTS", PAIRS.replace("TEST", "if v is string")))
    whole = _booking({"place": "Oslo", "when": "noon"})
    part = _booking({"place": "Oslo", "guests": 7654})
    (finding,) = lint([whole, part], "--template", file, select="TPL004")
    assert finding["line"] == 2
    assert "argument 'guests'" in finding["message"]


@pytest.mark.parametrize("arguments", [{"place": "Oslo"}, '{"place": "Oslo"}', {"guests": 3}])
@pytest.mark.parametrize("tools", [CALL["tools"], []])
def test_the_name_of_a_call_that_is_not_written_is_told_whatever_its_arguments_are(
    lint: Any, tmp_path: Path, arguments: Any, tools: list[Any]
) -> None:
    file = tmp_path / "own.jinja"
    nameless = CALLED.replace("{{ c.function.name }}(ARGUMENTS)", "{{ c.function.arguments | tojson }}")
    row = {**_booking(arguments), "tools": [{"type": "function", "function": {"name": "book"}}] if tools else []}
    for written, lost in ((nameless, 1), (CALLED.replace("ARGUMENTS", "{{ c.function.arguments | tojson }}"), 0)):
        file.write_text("{{ tools | tojson }}" + written)
        assert len(lint([row], "--template", file, "--no-cache", select="TPL004")) == lost


@pytest.mark.parametrize(("value", "lost"), [(1234.56, 1), (1234, 0), ("noon", 0)])
def test_a_number_that_is_cut_off_is_not_written(lint: Any, tmp_path: Path, value: Any, lost: int) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(CALLED.replace("ARGUMENTS", PAIRS.replace("TEST", "").replace("{{ v }}", "{{ v | int(v) }}")))
    found = lint([_booking({"place": "Oslo", "guests": value})], "--template", file, select="TPL004")
    assert len(found) == lost


def test_null_and_empty_arguments_that_the_template_writes_are_not_lost(lint: Any, tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(CALLED.replace("ARGUMENTS", "{{ c.function.arguments | tojson }}"))
    row = _booking({"place": None, "guests": [], "more": {}, "outside": False})
    assert lint([row, _booking(json.dumps({"guests": 3}))], "--template", file, select="TPL004") == []


AS_PYTHON = "{{ c.function.arguments }}"
AS_TEXT = "{% for k, v in c.function.arguments.items() %}<{{ k }}>{{ v | string }}</{{ k }}>{% endfor %}"
AS_JSON = "{{ c.function.arguments | tojson }}"
IN_PYTHON = (
    '{% for k, v in c.function.arguments.items() %}{{ k }}={{ "\'" + v + "\'" if v is string else v }}'
    "{{ ', ' if not loop.last }}{% endfor %}"
)


@pytest.mark.parametrize(
    ("written", "told"), [(AS_PYTHON, True), (AS_TEXT, True), (AS_JSON, False), (IN_PYTHON, False)]
)
@pytest.mark.parametrize(
    ("arguments", "at"),
    [
        ({"place": "Oslo", "when": None}, "arguments.when"),
        ({"place": None, "when": [1, None]}, "arguments.place"),
        ({"place": {"town": "Oslo", "street": None}}, "arguments.place.street"),
        ({"place": "None", "when": "None of it"}, ""),
    ],
)
def test_null_in_arguments_is_told_where_the_word_none_is_written(
    lint: Any, tmp_path: Path, written: str, told: bool, arguments: Any, at: str
) -> None:
    """Null as JSON says what the row says, and so does None in a call that is written in Python."""
    file = tmp_path / "own.jinja"
    file.write_text(CALLED.replace("ARGUMENTS", written))
    found = lint([_booking(arguments), _booking(arguments)], "--template", file, select="TPL011")
    assert [each["path"] for each in found] == [f"messages[1].tool_calls[0].function.{at}"] * (2 * told * bool(at))
    assert all("None" in each["evidence"]["rendered"] for each in found)


@pytest.mark.parametrize(("written", "told"), [("{{ tools }}", True), ("{{ tools | tojson }}", False)])
def test_null_in_declared_tools_is_told_where_the_word_none_is_written(
    lint: Any, tmp_path: Path, written: str, told: bool
) -> None:
    file = tmp_path / "own.jinja"
    file.write_text("{% if tools %}" + written + "{% endif %}" + TURNS)
    place = {"type": "string", "default": None}
    tool = {"name": "weather", "parameters": {"type": "object", "properties": {"place": place}}}
    rows = [{**chat(user="Is it warm?", assistant="No."), "tools": [{"type": "function", "function": tool}]}]
    found = lint(rows, "--template", file, select="TPL011")
    assert [each["path"] for each in found] == ["tools[0].function.parameters.properties.place.default"] * told


def test_null_in_another_key_of_a_message_is_told_where_the_word_none_is_written(lint: Any, tmp_path: Path) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(TURNS.replace("{{ m.role }}", "{{ m.role }} {{ m.name if 'name' in m }}"))
    row = chat(user="None at all?", assistant="None.")
    named = chat(user="Who is there?", assistant="Me.")
    named["messages"][0]["name"] = None
    found = lint([row, named], "--template", file, select="TPL011")
    assert [(each["line"], each["path"]) for each in found] == [(2, "messages[0].name")]
    assert "transformers 5.23 leaves the key out" in found[0]["message"]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("written", "lost"),
    [
        ("{{ c.function.arguments.values() | list }}", "place"),
        ("{% for k, v in c.function.arguments | items %}{{ k if loop.first }}={{ v }} {% endfor %}", "when"),
        ("{% for k, v in c.function.arguments | dictsort %}{{ k }}={{ v }} {% endfor %}", ""),
        ("place={{ c.function.arguments.place }} when={{ c.function.arguments.when }}", ""),
    ],
)
def test_a_value_without_the_name_of_its_argument_is_told(
    lint: Any, tmp_path: Path, written: str, lost: str, as_text: bool
) -> None:
    """Each template is made for arguments of these names, or writes whatever names there are."""
    arguments = {"place": "Oslo", "when": "noon"}
    if as_text:
        written = "{{ c.function.arguments }}"
    (file := tmp_path / "own.jinja").write_text(CALLED.replace("ARGUMENTS", written))
    found = lint([_booking(json.dumps(arguments) if as_text else arguments)] * 2, "--template", file, select="TPL004")
    assert len(found) == 2 * bool(lost) * (not as_text)
    assert all(f"the name of the argument {lost!r} of the call of book" in each["message"] for each in found)
    assert all("Oslo" in each["evidence"]["lost"] for each in found)


@pytest.mark.parametrize(("order", "told"), [(" | reverse", True), ("", False)])
def test_calls_of_a_turn_that_change_their_order_are_told(lint: Any, tmp_path: Path, order: str, told: bool) -> None:
    file = tmp_path / "own.jinja"
    called = CALLED.replace("ARGUMENTS", "{{ c.function.arguments | tojson }}")
    file.write_text(called.replace("m.tool_calls or []", f"(m.tool_calls or []){order}"))
    first, second = ({"id": f"c{n}", "function": {"name": f"book{n}", "arguments": {"place": "Oslo"}}} for n in (1, 2))
    row = _booking({"place": "Oslo"})
    row["messages"][1]["tool_calls"] = [first, second]
    found = lint([row], "--template", file, select="TPL004")
    assert [each["path"] for each in found] == ["messages[1].tool_calls[1]"] * told
    assert all("the call of book2 before another one that it follows" in each["message"] for each in found)


@pytest.mark.parametrize(
    ("written", "lost"),
    [
        ("{{ t.function.name }}: {{ t.function.description }}", ["place"]),
        ("{{ t.function.name }}({{ t.function.parameters.properties | list }}): {{ t.function.description }}", []),
        ("{{ t | tojson }}", []),
    ],
)
def test_tools_without_their_parameters_are_told(lint: Any, tmp_path: Path, written: str, lost: list[str]) -> None:
    """What a call in the row says of its arguments tells the model nothing beforehand; a system text may."""
    file = tmp_path / "own.jinja"
    calls = "{% for c in m.tool_calls or [] %}{{ c.function | tojson }}{% endfor %}"
    file.write_text("{% for t in tools or [] %}" + written + "{% endfor %}" + TURNS.replace("</s>", calls + "</s>"))
    told = chat(system="weather takes a place.", user="Is it warm?", assistant="I cannot tell.")
    found = lint([OBJECTS, {**told, "tools": OBJECTS["tools"]}], "--template", file, select="TPL020")
    assert [(each["evidence"]["rows"], each["evidence"]["lost"]) for each in found] == [(1, lost)] * bool(lost)


def _booking(arguments: Any) -> dict[str, Any]:
    call = {"id": "call12345", "type": "function", "function": {"name": "book", "arguments": arguments}}
    return {**CALL, "messages": [CALL["messages"][0], {**CALL["messages"][1], "content": "", "tool_calls": [call]}]}


def test_what_a_user_says_of_thinking_is_no_reasoning_of_an_answer(lint: Any, tmp_path: Path) -> None:
    file = tmp_path / "split.jinja"
    file.write_text("{% for m in messages %}{{ m.content.split('</think>')[-1] }}</s>{% endfor %}")
    row = chat(system="Always write </think> before you answer.", user="What is 2+2?", assistant="It is 4.")
    assert codes(lint([row], "--template", file)) == {"TPL002"}


def plain(count: int) -> list[dict[str, Any]]:
    rows = []
    for n in range(count):
        row = chat(user=f"Question {n}: what is {n} times 7?\n", assistant=f"That is {7 * n}, I think. ")
        if n % 3 == 0:
            row["messages"].insert(0, {"role": "system", "content": "Be kind.\n\nBe brief."})
        if n % 4 == 0:
            row["messages"] += chat(user="And squared?", assistant=f"```python\nprint({n} ** 2)\n```")["messages"]
        rows.append(row)
    return rows


@pytest.mark.parametrize("template", ["llama-3", "chatml", "gemma-3"])
def test_a_thousand_plain_rows_have_no_finding(lint: Any, template: str) -> None:
    assert lint(plain(1000), "--template", template) == []


def test_an_answer_with_an_empty_think_block_is_not_lost_where_the_block_is_written_anew(lint: Any) -> None:
    row = chat(user="What is 2+2?", assistant="<think></think>It is 4.")
    assert "TPL003" not in codes(lint([row], "--template", "qwen3"))


def test_a_refusal_in_a_field_of_its_own_that_the_template_does_not_read_is_told(lint: Any) -> None:
    row = {
        "messages": [
            {"role": "user", "content": "Open the safe."},
            {"role": "assistant", "content": None, "refusal": "I open no safes."},
        ]
    }
    found = lint([row, chat(user="Open the door.", assistant="It is open.")], "--template", "chatml", select="TPL003")
    assert [(f["line"], f["path"], f["evidence"]["lost"]) for f in found] == [
        (1, "messages[1].refusal", "I open no safes.")
    ]


def test_findings_do_not_depend_on_the_number_of_workers(lint: Any) -> None:
    rows = [SYSTEM, HUMAN, RAW, THOUGHT, CALL, *plain(40)] * 20
    one = lint(rows, "--template", "deepseek-r1", "--workers", 1, "--no-cache", select="TPL,LEN")
    assert lint(rows, "--template", "deepseek-r1", "--workers", 2, "--no-cache", select="TPL,LEN") == one
    assert one


def test_without_a_template_the_rules_say_how_to_run_them(run: Run, write: Write) -> None:
    said = " ".join(run("lint", write("x.jsonl", [SYSTEM]), "-v").out.split())  # long lines are folded
    assert "name a model or template: --model, --template" in said
    assert "name a model: --model FOLDER" in said


def test_roles_that_a_strict_template_refuses_are_told_once_and_the_rows_judged_all_the_same(lint: Any) -> None:
    system = {"from": "system", "value": "Be brief."}
    rows = [HUMAN, HUMAN, {"conversations": [HUMAN["conversations"][0], *HUMAN["conversations"]]}]
    found = lint(rows, "--template", "gemma-3")
    assert [(f["code"], f["line"]) for f in found] == [("TPL019", 1), ("TPL001", 3)]
    assert "curator convert FILE --to openai-chat" in found[0]["message"]
    assert found[0]["evidence"]["rows"] == 3
    told = codes(lint([{"conversations": [system, *HUMAN["conversations"]]}], "--template", "gemma"))
    assert told == {"TPL001", "TPL019"}
    found = lint([HUMAN], "--template", "qwen2.5")
    assert any("curator convert FILE --to openai-chat" in f["message"] for f in found if f["code"] == "TPL003")


@pytest.mark.parametrize(("target", "renames"), [("axolotl", True), ("llama-factory", True), ("trl", False)])
def test_roles_that_no_template_knows_are_no_fault_where_the_target_renames_them(
    lint: Any, target: str, renames: bool
) -> None:
    for template in ("chatml", "gemma-3"):
        found = lint([HUMAN], "--template", template, "--target", target, select="TPL019")
        assert bool(found) is not renames


def test_a_rule_on_the_set_speaks_once_and_counts(lint: Any) -> None:
    found = lint([*plain(30), SYSTEM], "--template", "qwen2.5")
    (finding,) = found
    assert finding["code"] == "TPL009"
    assert finding["evidence"]["rows"] == 20
    assert finding["evidence"]["added"].endswith("You are a helpful assistant.")


LATE = (
    "{% for m in messages %}{% if m['tool_calls'] %}<call>{{ m['tool_calls'][0]['function'] }}"
    "{{ messages[loop.index]['content'] }}</call>{{ m['content'] }}{% elif m['role'] != 'tool' %}"
    "{{ m['content'] }}{% endif %}<|end|>{% endfor %}"
)


def test_a_text_beside_a_call_that_is_written_behind_the_result_is_out_of_order(lint: Any, tmp_path: Path) -> None:
    """Nothing is lost, but the model learns to announce a call when it is over: the template's order, told as such."""
    (tmp_path / "late.jinja").write_text(LATE)
    found = lint([SPOKEN], "--template", tmp_path / "late.jinja", select="TPL003,TPL004")
    assert [(finding["code"], finding["path"]) for finding in found] == [("TPL003", "messages[2].content")]
    assert found[0]["message"].endswith(
        "writes the 'tool' turn before what the 'assistant' turn says beside its calls: the model learns to say it "
        "afterwards"
    )
    assert lint([CALL], "--template", tmp_path / "late.jinja", select="TPL003,TPL004") == []


@pytest.mark.parametrize(("closing", "said"), [("", "marks the answers as trained without"), ("<|end|>", "")])
def test_a_closing_token_outside_of_the_generation_block_is_masked(
    lint: Any, tmp_path: Path, closing: str, said: str
) -> None:
    """The template closes the answer, and tells trainers that go by its blocks not to train what closes it."""
    template = tmp_path / "own.jinja"
    template.write_text(
        "{% for m in messages %}<|{{ m['role'] }}|>{% if m['role'] == 'assistant' %}"
        "{% generation %}{{ m['content'] }}" + closing + "{% endgeneration %}"
        "{% else %}{{ m['content'] }}{% endif %}" + ("" if closing else "<|end|>") + "{% endfor %}"
    )
    found = lint([chat(user="Hi", assistant="Hello.")] * 3, "--template", template, select="TPL007")
    assert [finding["path"] for finding in found] == ["messages[1].content"] * bool(said)
    assert all(said in finding["message"] and "(in 3 of 3 rows)" in finding["message"] for finding in found)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("{% if m.role == 'assistant' %}{% generation %}BODY{% endgeneration %}{% else %}BODY{% endif %}", ""),
        ("{% if m.role == 'user' %}{% generation %}BODY{% endgeneration %}{% else %}BODY{% endif %}", "every answer"),
        ("{% generation %}{% endgeneration %}BODY", "every answer"),
        (
            "{% if m.role == 'assistant' and loop.last %}{% generation %}BODY{% endgeneration %}"
            "{% else %}BODY{% endif %}",
            "1 of 2 answers",
        ),
    ],
)
def test_answers_outside_of_the_generation_blocks_are_told(lint: Any, tmp_path: Path, block: str, said: str) -> None:
    file = tmp_path / "own.jinja"
    body = block.replace("BODY", "{{ m.content }}<|end|>")
    file.write_text("{% for m in messages %}<|{{ m.role }}|>" + body + "{% endfor %}")
    talk = [*chat(user="Hi", assistant="Hello.")["messages"], *chat(user="And?", assistant="Yes.")["messages"]]
    found = lint([{"messages": talk}] * 3, "--template", file, select="TPL015")
    assert [finding["path"] for finding in found] == ["messages[1].content"] * bool(said)
    assert all(f"leave out {said}" in each["message"] and "(in 3 of 3 rows)" in each["message"] for each in found)


def test_a_default_text_with_the_date_of_the_day_says_so(lint: Any) -> None:
    (finding,) = lint([chat(user="Hi", assistant="Hello.")], "--template", "gpt-oss")
    assert finding["evidence"]["dated"] is True
    assert "date of the day" in finding["message"]


TURNS = "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>\n{% endfor %}"


CHATML_TURNS = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
WORDS_ALONE = (
    "{% for m in messages %}{{ 'Human: ' if m.role == 'user' else 'Assistant: ' }}{{ m.content }}\n\n{% endfor %}"
)
AFTER_AN_ANSWER = "{% if messages[-1].role == 'assistant' %}OPENER{% endif %}"


@pytest.mark.parametrize(
    ("template", "ends", "opens"),
    [
        (CHATML_TURNS, "<|im_end|>", ""),
        (CHATML_TURNS + "<|im_start|>assistant\n", "<|im_end|>", "<|im_start|>assistant"),
        (
            CHATML_TURNS + AFTER_AN_ANSWER.replace("OPENER", "<|im_start|>user\n"),
            "<|im_end|>",
            "<|im_start|>user",
        ),
        (WORDS_ALONE.replace("\n\n{% endfor", "</s>\n{% endfor") + "Assistant:", "</s>", "Assistant:"),
        (WORDS_ALONE + "Assistant:", "", "Assistant:"),
        (WORDS_ALONE + AFTER_AN_ANSWER.replace("OPENER", "Human: "), "", "Human:"),
    ],
)
def test_what_opens_another_turn_behind_the_last_answer_is_told_and_not_trained(
    lint: Any, tmp_path: Path, template: str, ends: str, opens: str
) -> None:
    (file := tmp_path / "open.jinja").write_text(template)
    talk = [*chat(user="Hi", assistant="Hello.")["messages"], *chat(user="And?", assistant="Yes.")["messages"]]
    row, said = {"messages": talk}, [f"Hello.{ends}", f"Yes.{ends}"]
    found = lint([row], "--template", file, select="TPL007,TPL008")
    assert [finding["code"] for finding in found] == ["TPL007"] * bool(opens)
    assert all(repr(opens) in finding["message"] for finding in found)
    (seen,) = looks(Reader().read(row), str(file))
    trained = [seen.seen.text[slice(*span)] for span in seen.seen.trained]
    assert [text[-len(end) :] for text, end in zip(trained, said, strict=True)] == said


def test_a_template_that_closes_answers_with_what_opens_the_next_turn_is_not_told_of_it(
    lint: Any, tmp_path: Path
) -> None:
    """As GLM-4 does: the model stops at the one token it is trained to write behind each answer."""
    file = tmp_path / "closed.jinja"
    file.write_text("{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}{% endfor %}<|user|>")
    assert lint([chat(user="Hi", assistant="Hello.")], "--template", file, select="TPL007") == []


@pytest.mark.parametrize(
    ("lead", "added"),
    [
        ("{{ strftime_now('%Y-%m-%d') }}\n", "2026-01-01"),
        ("{% if messages[0].role != 'system' %}<|system|>\nBe kind.</s>\n{% endif %}", "Be kind."),
        ("{% if messages[0].role != 'system' %}<|system|>\n</s>\n{% endif %}", ""),
        ("{{ bos_token }}", ""),
        ("[START]", ""),
    ],
)
def test_a_text_of_the_template_is_told_however_short_it_is(lint: Any, tmp_path: Path, lead: str, added: str) -> None:
    """A date, or what stands where the system text of a row would stand; what marks turns is no text."""
    (file := tmp_path / "short.jinja").write_text(lead + TURNS)
    found = lint([chat(user="What is 2+2?", assistant="It is 4.")], "--template", file, select="TPL009")
    assert [finding["evidence"]["added"] for finding in found] == [added] * bool(added)
    assert [finding["evidence"]["dated"] for finding in found] == [added.startswith("2026")] * bool(added)


@pytest.mark.parametrize("form", ["lower", "upper", "capitalize", "title"])
def test_a_text_in_other_letters_is_no_text_of_the_template(lint: Any, tmp_path: Path, form: str) -> None:
    (file := tmp_path / "case.jinja").write_text(TURNS.replace("m.content", f"m.content | {form}"))
    rows = [chat(user="Which of the four seasons is the warmest one?", assistant="It is summer.")]
    assert lint(rows, "--template", file, select="TPL009") == []


def test_a_preference_row_is_judged_on_both_sides_and_its_prompt_once(lint: Any) -> None:
    row = {
        "prompt": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}],
        "chosen": [{"role": "assistant", "content": "<think>Add.</think>4"}],
        "rejected": [{"role": "assistant", "content": "<think>Guess.</think>5"}],
    }
    found = lint([row], "--template", "deepseek-r1")
    assert [finding["path"] for finding in found if finding["code"] == "TPL005"] == [
        "chosen[0].content",
        "rejected[0].content",
    ]
    (system,) = [finding for finding in lint([row], "--template", "mistral-v3") if finding["code"] == "TPL002"]
    assert system["path"] == "prompt[0].content"


ASKS = "{% if add_generation_prompt %}ASSISTANT: {% endif %}"
CHATML_ALL = "{% for m in messages %}<|im_start|>ROLE\nTEXT<|im_end|>\n{% endfor %}"


@pytest.mark.parametrize(
    ("role", "text", "said"),
    [
        ("{{ m.role }}", "{{ m.content }}", ""),
        ("{{ m.role }}", "{{ m.content | tojson }}", "as JSON, in quotation marks"),
        ("{{ m.role }}", "{{ [{'text': m.content}] | tojson }}", "as JSON, in quotation marks"),
        ("{{ m.role }}", "{% if m.role == 'user' %}{{ m.content | tojson }}{% else %}{{ m.content }}{% endif %}", ""),
        ("{{ m.role }}", "{{ m.content }}<|im_end|>\n<|im_start|>{{ m.role }}\n{{ m.content }}", "the answer 2 times"),
        ("{{ m.role }}", "{{ m.content }}{{ ' Have a nice day!' if m.role == 'assistant' }}", "'Have a nice day!'"),
        ("{{ m.role }}", "{{ 'Here you are: ' if m.role == 'assistant' }}{{ m.content }}", "'Here you are:'"),
        ("{{ m.role }}", "{{ 'The user says: ' if m.role == 'user' }}{{ m.content }}", ""),
        ("{{ m.role }}", "<|channel|>final<|message|>{{ m.content }}", ""),
        ("{{ m.role }}", "<answer>\n{{ m.content }}\n</answer>", ""),
        ("assistant", "{{ m.content }}", "writes the 'user' turn as an answer"),
        ("{{ 'user' if m.role == 'assistant' else 'assistant' }}", "{{ m.content }}", "writes the 'user' turn as"),
    ],
)
def test_an_answer_that_is_written_as_something_else_is_told(
    lint: Any, tmp_path: Path, role: str, text: str, said: str
) -> None:
    """The words are all there, and the model is trained to say them otherwise, twice, or with others."""
    written = CHATML_ALL.replace("ROLE", role).replace("TEXT", text)
    (file := tmp_path / "own.jinja").write_text(written + ASKS.replace("ASSISTANT: ", "<|im_start|>assistant\n"))
    rows = [chat(user="What is 2+2?", assistant="It is 4."), chat(user="And so?", assistant='It "is" so.')]
    found = lint(rows, "--template", file, select="TPL003")
    assert [each["line"] for each in found] == [1, 2] * bool(said)
    assert all(said in each["message"] for each in found)


ELSE_ASSISTANT = (
    "{% for m in messages %}{% if m.role == 'user' %}USER: {{ m.content }}\n"
    "{% elif m.role == 'system' %}{{ m.content }}\n"
    "{% else %}ASSISTANT: {{ m.content or '' }}</s>{% endif %}{% endfor %}"
)
BARE_ELSE = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST] {{ m.content }} [/INST]"
    "{% else %}{{ m.content }}</s>{% endif %}{% endfor %}"
)
HELD_UNDER = ELSE_ASSISTANT.replace("{% else %}", "{% elif m.role == 'tool' %}ASSISTANT: {{ m.content }}\n{% else %}")
MARKED_ELSE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.role == 'user' %}{{ m.content }}</s>{% else %}"
    "{% generation %}{{ m.content }}</s>{% endgeneration %}{% endif %}{% endfor %}"
)
PLAIN = [chat(user="Is it cold?", assistant="Rather."), chat(user="Who asks?", assistant="I do.")]
NO_ROLES = "{% for m in messages %}{{ m.content }}</s>{% endfor %}"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        (ELSE_ASSISTANT, True), (ELSE_ASSISTANT + ASKS, True), (HELD_UNDER + ASKS, True), (BARE_ELSE, True),
        (MARKED_ELSE, True), (TURNS, False), (NO_ROLES, False),
        (ELSE_ASSISTANT.replace("{% else %}", "{% elif m.role == 'tool' %}RESULT: {{ m.content }}\n{% else %}"), False),
    ],
)  # fmt: skip
def test_what_a_tool_answered_and_the_template_writes_as_the_assistant_does_is_told(
    lint: Any, tmp_path: Path, template: str, told: bool
) -> None:
    (file := tmp_path / "own.jinja").write_text(template)
    rows = [chat(user="Is it warm?", assistant="I look.", tool="Ten degrees", assistant2="Not very."), *PLAIN]
    found = lint(rows, "--template", file, select="TPL003")
    assert [(each["line"], each["path"]) for each in found] == [(1, "messages[2].content")] * told
    assert all("writes the 'tool' turn as an answer" in each["message"] for each in found)


def test_a_call_is_no_answer_by_whose_role_a_template_may_be_judged(lint: Any) -> None:
    """Llama 3.1 writes tools into the first user turn, and asks no message with calls for its role."""
    row = {**OBJECTS, "messages": OBJECTS["messages"][:2]}
    assert lint([row], "--template", "llama-3.1", select="TPL003") == []


def test_parts_that_are_printed_as_python_are_told(lint: Any) -> None:
    row = chat(user="Hi", assistant="Hello.")
    row["messages"][0]["content"] = [{"type": "text", "text": "What is 2+2?"}]
    (finding,) = lint([row], "--template", "llama-3")
    assert (finding["code"], finding["path"]) == ("TPL003", "messages[0].content")


def test_flat_rows_become_turns_and_texts_are_let_be(lint: Any) -> None:
    alpaca = {"instruction": "Add.", "input": "2 and 2", "output": "4", "system": "Be brief."}
    assert codes(lint([alpaca], "--template", "mistral-v3")) == {"TPL002"}
    assert lint([{"text": "Some text to go on with."}], "--template", "mistral-v3") == []


# ---------------------------------------------------------------------- models


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model folder whose tokenizer counts words, with ChatML and a context of 24 tokens."""
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit

    folder = tmp_path / "model"
    folder.mkdir()
    made = tokenizers.Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    made.pre_tokenizer = WhitespaceSplit()
    made.add_special_tokens(["<|im_start|>", "<|im_end|>", "<|odd|>"])
    made.save(str(folder / "tokenizer.json"))
    config = {
        "chat_template": "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
        "eos_token": "<|im_end|>",
        "pad_token": "<|im_end|>",
        "model_max_length": 24,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def test_a_model_brings_template_tokenizer_and_context(lint: Any, model: Path) -> None:
    long = chat(user="one two three", assistant=" ".join(["word"] * 20))
    found = lint([long, chat(user="one", assistant="two")], "--model", model, select="LEN001,LEN002,TPL016")
    by_code = {finding["code"]: finding for finding in found}
    assert by_code.keys() == {"LEN001", "LEN002", "TPL016"}
    # <|im_start|> user one two three <|im_end|> <|im_start|> assistant (8), 20 words, <|im_end|>
    assert by_code["LEN001"]["evidence"] == {"tokens": 29, "limit": 24}
    assert by_code["LEN001"]["severity"] == "error"
    assert by_code["LEN002"]["evidence"] == {"lost": 5, "trained": 21, "tokens": 29, "limit": 24}


def test_a_row_over_the_context_is_an_error_once_the_model_is_known(lint: Any, model: Path) -> None:
    row = chat(user="one", assistant=" ".join(["word"] * 40))
    options = ("--template", "chatml", "--max-length", 24)
    assert {finding["severity"] for finding in lint([row], *options, select="LEN001")} == {"warning"}
    assert {finding["severity"] for finding in lint([row], "--model", model, select="LEN001")} == {"error"}


def test_a_row_whose_answer_is_cut_off_whole_says_so(lint: Any, model: Path) -> None:
    row = chat(user=" ".join(["word"] * 40), assistant="yes")
    (finding,) = lint([row], "--model", model, select="LEN002")
    assert finding["evidence"]["lost"] == finding["evidence"]["trained"] == 2
    assert finding["message"].startswith("the whole of what is trained")
    (kept,) = lint([row], "--model", model, select="LEN001")
    assert kept["evidence"]["tokens"] == 47


def test_control_tokens_of_the_model_count_in_content(lint: Any, model: Path) -> None:
    row = chat(user="one", assistant="two <|odd|>")
    assert codes(lint([row])) == set()
    assert codes(lint([row], "--model", model)) == {"TPL006"}


def test_max_length_and_template_go_before_those_of_the_model(lint: Any, model: Path) -> None:
    row = chat(user="one two three", assistant=" ".join(["word"] * 20))
    assert lint([row], "--model", model, "--max-length", 64, select="LEN001,LEN002") == []
    assert codes(lint([SYSTEM], "--model", model, "--template", "mistral-v3")) == {"TPL002"}


def test_a_model_without_a_template_says_what_did_not_run(run: Run, write: Write, tmp_path: Path) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "tokenizer_config.json").write_text('{"eos_token": "</s>"}')
    done = run("lint", write("x.jsonl", [SYSTEM]), "--model", tmp_path / "base")
    assert done.status == 0
    said = " ".join(done.out.split())  # long lines are folded
    assert f"no chat template in {tmp_path / 'base'}" in said
    assert "no model is named" not in said


def test_a_template_in_the_configuration_is_found_beside_it(run: Run, write: Write, tmp_path: Path) -> None:
    file = write("x.jsonl", [SYSTEM])
    (tmp_path / "curator.toml").write_text('template = "mine.jinja"\nselect = ["TPL"]\n')
    mine = tmp_path / "mine.jinja"
    mine.write_text("{% for m in messages if m.role != 'system' %}{{ m.content }}</s>{% endfor %}")
    assert "TPL002" in run("lint", file).out
    mine.write_text("{% for m in messages %}{{ m.content }}</s>{% endfor %}")
    assert "TPL002" not in run("lint", file).out, "what was kept of the last run does not outlive the template"


def test_explain_shows_what_is_trained(run: Run, write: Write) -> None:
    file = write("x.jsonl", [SYSTEM])
    done = run("explain", file, 1, "--template", "llama-3")
    assert "⟦It is 4.<|eot_id|>⟧" in done.out
    shown = json.loads(run("explain", file, 1, "--template", "llama-3", "--format", "json").out)
    (render,) = shown["renders"]
    assert [part["text"] for part in render["parts"] if part["trained"]] == ["It is 4.<|eot_id|>"]


def test_stats_suggest_a_length_for_the_rendered_rows(run: Run, write: Write) -> None:
    file = write("x.jsonl", plain(200))
    bare, rendered = (
        json.loads(run("stats", file, "--format", "json", *more).out) for more in ((), ("--template", "llama-3"))
    )
    assert rendered["row_tokens"]["median"] > bare["row_tokens"]["median"]
    assert rendered["template"] == "llama-3"
    assert rendered["suggested"]["rows"] >= 0.99
    assert rendered["suggested"]["max_length"] % 64 == 0


# ---------------------------------------------------------------------- any row, and many rows

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["<think>a</think>b", '{"a": "b"}', "</think>", "\ud800", " \n"])
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["type", "text", "name", "arguments", "function", "id"]), inner, max_size=4)
    ),
    max_leaves=8,
)
roles = st.sampled_from(["system", "user", "assistant", "tool", "human", "developer", ""])
messages = st.fixed_dictionaries(
    {},
    optional={
        "role": roles | values,
        "content": st.text(max_size=8) | values,
        "tool_calls": st.lists(values, max_size=2) | values,
        "reasoning_content": values,
        "tool_call_id": values,
        "weight": values,
    },
)
rows = st.fixed_dictionaries(
    {"messages": st.lists(messages | values, max_size=4)}, optional={"tools": values, "chosen": st.lists(messages)}
)
RULES = {code: rule for code, rule in all_rules().items() if code.startswith("TPL") or code in ("LEN001", "LEN002")}


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(rows, st.sampled_from(sorted(shipped())))
def test_no_row_makes_a_rule_fail(row: dict[str, Any], template: str) -> None:
    example = Reader().read(row)
    if example is None:
        return
    seen = looks(example, template)
    for code, rule in RULES.items():
        if issubclass(rule, TemplateSetRule):
            if facts_of(seen) & rule.bit:
                rule(template=template).told(example)
        elif issubclass(rule, RowRule):
            limit = {"max_tokens": 5} if code.startswith("LEN") else {}
            for flag in msgspec.convert({"template": template, **limit}, rule).check(example):
                assert flag.message.isprintable()


def test_names_of_speakers_are_told_once_and_names_of_tools_are_not(run: Run, write: Write) -> None:
    talk = [{"role": "user", "content": "Who is there?", "name": "ada"}, {"role": "assistant", "content": "Me."}]
    inside = [{"role": "user", "content": "ada: who is there?", "name": "ada"}, talk[1]]
    rows = [CALL, *[{"messages": talk}] * 3, {"messages": inside}, *plain(5)]
    done = run("lint", write("x.jsonl", rows), "--select", "TPL021", "--template", "qwen2.5", "--format", "json")
    (found,) = json.loads(done.out)["findings"]
    assert (found["line"], found["path"], found["evidence"]) == (2, "messages[0]", {"rows": 3, "lost": ["ada"]})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("template", "kind", "count"),
    [
        ("chatml", "chat", 40_000),  # need not be rendered again
        ("qwen3", "chat", 20_000),  # must be
        ("qwen3", "short", 4_000),  # answers with reasoning in them, most of which is lost
    ],
)
def test_linting_by_template_and_length_costs_less_than_five_bare_renders(
    tmp_path: Path, template: str, kind: str, count: int
) -> None:
    """The whole of a lint, from reading the file to the report, tokens counted: as `tests/bench/templates.py`."""
    bare, whole, _ = compared(template, kind, count, tmp_path)
    assert whole < 5 * bare

"""Tools declared, called and answered (TOL), and arguments under a schema."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.checks import tools
from curator.harness import batch_of, flags_of
from curator.json_schema import faults_of_arguments, faults_of_schema

SHARED = Path(__file__).parents[2] / "shared" / "data"
RULES = [
    tools.ArgumentsNotJson(),
    tools.UndeclaredTool(),
    tools.OrphanResult(),
    tools.UnansweredCall(),
    tools.ArgumentsBreakSchema(),
    tools.InvalidToolSchema(),
    tools.CallsWithoutTools(),
    tools.RepeatedCallId(),
    tools.MalformedCall(),
]
ADD = {
    "name": "add",
    "parameters": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
SUM = '{"a": 1, "b": 2}'


def call(key="c1", name="add", arguments=SUM):
    return {"id": key, "type": "function", "function": {"name": name, "arguments": arguments}}


def calls(*each, text=None):
    return {"role": "assistant", "content": text, "tool_calls": list(each)}


def result(key="c1", text="3"):
    return {"role": "tool", "tool_call_id": key, "content": text}


ANSWER = {"role": "assistant", "content": "3"}
MORE = {"role": "user", "content": "And 3+4?"}


def chat(*turns, declared=(ADD,)):
    listed = [{"type": "function", "function": tool} for tool in declared]
    return {"messages": [{"role": "user", "content": "1+2?"}, *turns], **({"tools": listed} if listed else {})}


def shared(*turns, declared=(ADD,)):
    """A sharegpt row: (from, value) pairs."""
    named = [{"from": speaker, "value": value} for speaker, value in (("human", "1+2?"), *turns)]
    return {"conversations": named, **({"tools": json.dumps(list(declared))} if declared else {})}


def found(row):
    return [(rule.code, flag.at) for rule in RULES for _, flag in flags_of(rule, row)]


WRITTEN = '{"name": "add", "arguments": {"a": 1, "b": 2}}'


# ---------------------------------------------------------------------- what is no call


@pytest.mark.parametrize(
    ("keys", "place"),
    [
        ({"tool_calls": "x"}, "tool_calls"),
        ({"tool_calls": {}}, "tool_calls"),
        ({"tool_calls": [1]}, "tool_calls[0]"),
        ({"tool_calls": ["x"]}, "tool_calls[0]"),
        ({"tool_calls": [{"function": None}]}, "tool_calls[0].function"),
        ({"tool_calls": [call(name="")]}, "tool_calls[0].function.name"),
        ({"function_call": "x"}, "function_call"),
        ({"function_call": {"arguments": "{}"}}, "function_call"),
    ],
)
@pytest.mark.parametrize("declared", [(), (ADD,)])
def test_what_stands_for_a_call_and_is_none_is_named_once(keys, place, declared):
    row = chat({**ANSWER, **keys}, declared=declared)
    assert found(row) == [("TOL009", f"messages[1].{place}")]


def test_a_call_written_as_a_text_without_a_name_is_malformed():
    assert found(shared(("function_call", '{"arguments": "{}"}'))) == [("TOL009", "conversations[1].value")]


# ---------------------------------------------------------------------- what is legal


@pytest.mark.parametrize(
    "row",
    [
        chat(calls(call())),
        chat(calls(call(), text="I add them."), result(), ANSWER),
        chat(calls(call("x"), call("y")), result("y"), result("x"), ANSWER, MORE, calls(call("z"))),
        chat(calls(call(arguments={"a": 1, "b": 2})), result(), ANSWER),
        chat(ANSWER),
        chat(calls(call(name="functions.add")), result(), ANSWER),
        chat(
            {"role": "assistant", "content": '<functioncall> {"name": "add"}'}, {"role": "tool", "content": "3"}, ANSWER
        ),
        chat(calls(call()), {"role": "user", "content": "<tool_response>3</tool_response>"}, ANSWER),
        {
            "functions": [ADD],
            "messages": [
                {"role": "user", "content": "1+2?"},
                {"role": "assistant", "content": None, "function_call": {"name": "add", "arguments": SUM}},
                {"role": "function", "name": "add", "content": "3"},
                ANSWER,
            ],
        },
        {
            "tools": [{"name": "add", "input_schema": ADD["parameters"]}],
            "messages": [
                {"role": "user", "content": "1+2?"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1, "b": 2}}],
                },
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "3"}]},
                ANSWER,
            ],
        },
        shared(("function_call", WRITTEN), ("observation", "3"), ("gpt", "3")),
        shared(
            ("function_call", WRITTEN),
            ("function_call", WRITTEN),
            ("observation", "3"),
            ("observation", "3"),
            ("gpt", "3"),
        ),
        shared(("function_call", f"[{WRITTEN}, {WRITTEN}]"), ("observation", "[3, 3]"), ("gpt", "3")),
        {"tools": "[]", "messages": [{"role": "user", "content": "1+2?"}, ANSWER]},
        {"tools": "", "messages": [{"role": "user", "content": "1+2?"}, ANSWER]},
        {"tools": None, "messages": [{"role": "user", "content": "1+2?"}, ANSWER]},
    ],
)
def test_legal_rows_raise_nothing(row):
    assert found(row) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
@pytest.mark.parametrize(
    ("name", "faulty"),
    [
        ("openai_cookbook/drone_training.jsonl", []),
        ("fireworks/food_reasoning.jsonl", []),
        # Two rows of these truly break their own schema: a list for a number, an argument nobody declared.
        ("llamafactory/reason_tool_use_demo_50.jsonl", [(17, "TOL005")]),
        ("llamafactory/glaive_toolcall_en_demo.json", [(259, "TOL005")]),
    ],
)
def test_real_tool_rows(name, faulty):
    data = (SHARED / name).read_bytes()
    batch = batch_of(json.loads(data) if name.endswith(".json") else data)
    assert [(index, rule.code) for rule in RULES for index, _ in rule.flags(batch)] == faulty


# ---------------------------------------------------------------------- what is not

FIRST = "messages[1].tool_calls[0]"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (chat(calls(call(arguments="{'a': 1, 'b': 2}"))), [("TOL001", f"{FIRST}.function.arguments")]),
        (chat(calls(call(arguments=json.dumps(SUM)))), [("TOL001", f"{FIRST}.function.arguments")]),
        (shared(("function_call", "add(1, 2)")), [("TOL001", "conversations[1].value")]),
        (chat(calls(call(name="ad"))), [("TOL002", f"{FIRST}.function.name")]),
        (chat(result(), ANSWER), [("TOL003", "messages[1]")]),
        (shared(("observation", "3"), ("gpt", "3")), [("TOL003", "conversations[1]")]),
        (chat(calls(call("x")), result("y"), ANSWER), [("TOL003", "messages[2]"), ("TOL004", FIRST)]),
        (chat(calls(call()), ANSWER), [("TOL004", FIRST)]),
        (shared(("function_call", WRITTEN), ("gpt", "3")), [("TOL004", "conversations[1].value")]),
        (chat(calls(call(arguments='{"a": 1}'))), [("TOL005", f"{FIRST}.function.arguments")]),
        (
            shared(("function_call", '{"name": "add", "arguments": {"a": "1", "b": 2}}')),
            [("TOL005", "conversations[1].value")],
        ),
        (chat(ANSWER, declared=[{"description": "nameless"}]), [("TOL006", "tools[0].function")]),
        (chat(ANSWER, declared=[ADD, ADD]), [("TOL006", "tools[1].function")]),
        (shared(("gpt", "3"), declared=[{**ADD, "parameters": []}]), [("TOL006", "tools")]),
        (chat(calls(call()), result(), calls(call("c2")), declared=()), [("TOL007", FIRST)]),
        (chat(calls(call(), call()), result(), result(), ANSWER), [("TOL008", "messages[1].tool_calls[1]")]),
    ],
)
def test_one_cause_is_told_where_it_stands(row, expected):
    assert found(row) == expected


def test_the_closest_declared_name_is_offered():
    ((_, flag),) = flags_of(tools.UndeclaredTool(), chat(calls(call(name="adder"))))
    assert flag.message == "'adder' is no declared tool; the closest is 'add'"


def test_broken_arguments_are_pointed_at():
    ((_, flag),) = flags_of(tools.ArgumentsNotJson(), chat(calls(call(arguments='{"a": 1, "b": two}'))))
    assert flag.span == (14, 15)


def test_the_sides_of_a_pair_are_judged_and_the_prompt_once():
    row = {
        "input": {"messages": chat(result())["messages"]},
        "preferred_output": [ANSWER],
        "non_preferred_output": [{"role": "assistant", "content": "4"}],
    }
    assert found(row) == [("TOL003", "input.messages[1]")]


def test_a_result_that_comes_late_still_answers_its_call():
    row = chat(calls(call("x"), call("y")), result("x"), calls(call("z")), result("y"), result("z"), ANSWER)
    assert found(row) == []


# ---------------------------------------------------------------------- schemas


@pytest.mark.parametrize(
    ("arguments", "schema"),
    [
        ({"a": 5.0}, {"properties": {"a": {"type": "integer"}}}),
        ({"a": "x"}, {"type": "dict", "properties": {"a": {"type": "str"}}}),
        ({"a": 1}, {"properties": {"a": {"type": "string, optional"}}}),
        ({"a": None}, {"properties": {"a": {"type": "string"}}}),
        ({"a": None}, {"properties": {"a": {"type": "STRING", "nullable": True}}, "required": ["a"]}),
        ({"a": 1}, {"a": {"type": "int", "description": "one"}}),
        (
            {"a": {"b": 1}},
            {"$defs": {"B": {"properties": {"b": {"type": "integer"}}}}, "properties": {"a": {"$ref": "#/$defs/B"}}},
        ),
        ({"a": 1}, {"properties": {"a": {"$ref": "https://example.com/x"}}}),
        ({"a": 1}, {"properties": {}, "additionalProperties": {"type": "integer"}}),
    ],
)
def test_loose_schemas_of_the_field_are_read_as_they_are_meant(arguments, schema):
    assert list(faults_of_arguments(arguments, schema)) == []


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ({}, "'city' is required and missing"),
        ({"city": 7}, "'city' is 7, no string"),
        ({"city": "Oslo", "unit": "K"}, '\'unit\' is "K", none of "C", "F"'),
        ({"city": "Oslo", "days": 0}, "'days' is 0, below 1"),
        ({"city": "Oslo", "days": True}, "'days' is true, no integer"),
        ({"city": "Oslo", "at": [{"lat": "x"}]}, "'at[0].lat' is \"x\", no number"),
        ({"city": "Oslo", "at": [{"lat": 1, "lon": 2}]}, "'at[0].lon' is not allowed"),
        ({"city": "Oslo", "when": 7}, "'when' fits none of 2 allowed forms"),
        ({"town": "Oslo", "city": "Oslo"}, "'town' is no argument of the tool"),
    ],
)
def test_a_fault_names_the_argument_and_what_is_wrong(arguments, fault):
    point = {"type": "object", "properties": {"lat": {"type": "number"}}, "additionalProperties": False}
    schema = {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "unit": {"enum": ["C", "F"]},
            "days": {"type": "integer", "minimum": 1},
            "at": {"type": "array", "items": point},
            "when": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["city"],
    }
    assert list(faults_of_arguments(arguments, schema)) == [fault]
    assert list(faults_of_schema(schema)) == []


NAMES = st.sampled_from(["a", "b", "c"])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, 2.0, "x", "y"])),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(NAMES, inner, max_size=2)),
    max_leaves=6,
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
SCHEMAS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.one_of(TYPES, st.lists(TYPES, min_size=1, max_size=2, unique=True)),
            "enum": st.lists(JSON, min_size=1, max_size=3),
            "const": JSON,
            "minimum": st.integers(-2, 2),
            "maximum": st.integers(-2, 2),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES,
            "properties": st.dictionaries(NAMES, inner, max_size=2),
            "required": st.lists(NAMES, max_size=2, unique=True),
            "additionalProperties": st.just(False),
            "items": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, JSON.filter(lambda value: value is not None), max_size=3), SCHEMAS)
def test_verdicts_are_those_of_json_schema(arguments, schema):
    if not schema.keys() & {"properties", "type"}:
        schema = {"type": "object", **schema}
    schema = {**schema, "type": "object"}
    ours = not list(faults_of_arguments(arguments, schema, undeclared=False))
    assert ours == jsonschema.Draft202012Validator(schema).is_valid(arguments)


WORDS = st.sampled_from(
    ["type", "properties", "required", "enum", "items", "anyOf", "$ref", "minimum", "name", "function", "parameters"]
)
MUDDLED = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["object", "string", "#/properties", "a"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=4)),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(MUDDLED, MUDDLED)
def test_any_schema_and_any_call_is_judged_without_failing(schema, arguments):
    list(faults_of_schema(schema))
    row = chat(calls(call(arguments=arguments)), result(), declared=[{"name": "add", "parameters": schema}, schema])
    row["tools"].append(schema)
    for rule in RULES:
        flags_of(rule, row)

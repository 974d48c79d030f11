"""`curator convert`: every shape into every other, what is lost on the way, and that nothing is lost in silence."""

from __future__ import annotations

import copy
import functools
import gzip
import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
from curator.checks.fit import looks
from curator.conversion import Converted, convert_row, form_of, read_back, writable
from curator.docs.gallery import ABOUT, example
from curator.formats import SHAPES, Reader
from curator.formats.dialects import dialect_of
from curator.sources import open_sources
from tests.conftest import ROOT, SHARED


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("question", ["Hi", ""])
def test_a_row_without_a_system_prompt_is_of_the_shape_of_its_file(tmp_path, order, question):
    rows = [
        {"instruction": question, "input": "", "output": "Hello.", "system": "Be brief."},
        {"instruction": question, "input": "", "output": "Hello."},
    ][::order]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    config = curator.load_config(tmp_path)
    assert curator.convert([tmp_path / "a.jsonl"], "anthropic-bedrock", tmp_path / "b.jsonl", config).ok
    back = curator.convert([tmp_path / "b.jsonl"], "alpaca", tmp_path / "c.jsonl", config)
    assert back.ok and rows_of(tmp_path / "c.jsonl") == rows


def says(role, text, **more):
    return {"role": role, "content": text, **more}


def human(text):
    return {"from": "human", "value": text}


def gpt(text):
    return {"from": "gpt", "value": text}


USER, ANSWER, WORSE = says("user", "Hi"), says("assistant", "Hello."), says("assistant", "What?")
CALL = {"id": "call00001", "type": "function", "function": {"name": "time", "arguments": '{"zone": "UTC"}'}}
TOOL = {"type": "function", "function": {"name": "time", "description": "Now.", "parameters": {"type": "object"}}}
USES = {"toolUse": {"toolUseId": "call00001", "name": "time", "input": {"zone": "UTC"}}}
SPEC = {"toolSpec": {"name": "time", "description": "Now.", "inputSchema": {"json": {"type": "object"}}}}
CACHE = {"cachePoint": {"type": "default"}}
TOOLS = [
    says("user", "Time?"),
    says("assistant", None, tool_calls=[CALL]),
    says("tool", "12:00", tool_call_id="call00001"),
    says("assistant", "Noon."),
]
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
HELLO = {"messages": [USER, ANSWER]}
FACTORY_CALL = {"from": "function_call", "value": '{"name": "time", "arguments": {"zone": "UTC"}}'}

# Rows as the makers of each shape write them.
ROWS = {
    "openai-chat": [
        HELLO,
        {"messages": [says("system", "Be brief."), USER, ANSWER, says("user", "And?"), says("assistant", "More.")]},
        {"messages": [USER, {**ANSWER, "weight": 0}, says("user", "And?"), says("assistant", "More.", weight=1)]},
        {"messages": TOOLS, "tools": [TOOL], "parallel_tool_calls": False},
        {"messages": [USER, says("assistant", "Hello.", reasoning_content="A greeting.")], "id": 7},
        {"messages": [says("user", [{"type": "text", "text": "This?"}, PICTURE]), ANSWER]},
        {"messages": [says("developer", "Be brief."), {**USER, "name": "ada"}, says("assistant", None, refusal="No.")]},
        {
            "messages": [
                says("user", "Time?"),
                {"role": "assistant", "function_call": CALL["function"]},
                says("function", "12:00", name="time"),
                says("assistant", "Noon."),
            ],
            "functions": [TOOL["function"]],
        },
    ],
    "openai-preference": [
        {"input": {"messages": [USER]}, "preferred_output": [ANSWER], "non_preferred_output": [WORSE]},
    ],
    "openai-rft": [{"messages": [says("user", "2+2?")], "reference_answer": "4"}],
    "sharegpt": [
        {"conversations": [human("Hi"), gpt("Hello.")]},
        {"conversations": [{"from": "system", "value": "Be brief."}, human("Hi"), {**gpt("Hello."), "weight": 0}]},
        {
            "conversations": [human("Time?"), FACTORY_CALL, {"from": "observation", "value": "12:00"}, gpt("Noon.")],
            "tools": json.dumps([TOOL["function"]]),
        },
    ],
    "alpaca": [
        {"instruction": "Add 2 and 2.", "input": "", "output": "4"},
        {"instruction": "And?", "input": "", "output": "More.", "system": "Be brief.", "history": [["Hi", "Hello."]]},
        {"instruction": "Add.", "input": "2, 2", "output": "4"},
    ],
    "prompt-completion": [
        {"prompt": "Hi", "completion": "Hello."},
        {"prompt": [USER, ANSWER, says("user", "And?")], "completion": [says("assistant", "More.")]},
    ],
    "prompt-only": [{"prompt": "Hi"}, {"prompt": [says("system", "Be brief."), USER]}],
    "trl-preference": [
        {"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"},
        {"prompt": [says("system", "Be brief."), USER], "chosen": [ANSWER], "rejected": [WORSE]},
    ],
    "trl-kto": [
        {"prompt": "Hi", "completion": "What?", "label": False},
        {"prompt": [says("system", "Be brief."), USER], "completion": [ANSWER], "label": True},
    ],
    "text": [{"text": "Once upon a time."}],
    "gemini": [
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello."}]}],
        },
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Time?"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "time", "args": {"zone": "UTC"}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "time", "response": {"hour": 12}}}]},
                {"role": "model", "parts": [{"text": "Noon."}]},
            ],
            "tools": [{"functionDeclarations": [TOOL["function"]]}],
        },
    ],
    "bedrock-converse": [
        {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": "Be brief."}],
            "messages": [says("user", [{"text": "Hi"}]), says("assistant", [{"text": "Hello."}])],
        },
        {
            "schemaVersion": "bedrock-conversation-2024",
            "messages": [
                says("user", [{"text": "Time?"}]),
                says("assistant", [{"text": "I look."}, USES]),
                says("user", [{"toolResult": {"toolUseId": "call00001", "content": [{"text": "12:00"}]}}]),
                says("assistant", [{"text": "Noon."}]),
            ],
            "toolConfig": {"tools": [SPEC]},
        },
    ],
    "anthropic-bedrock": [{"system": "Be brief.", "messages": [USER, ANSWER]}],
    "mistral": [{"messages": [says("system", "Be brief."), USER, ANSWER]}],
    "llama-factory": [
        {"conversations": [human("Hi"), gpt("Hello.")], "system": "Be brief."},
        {"conversations": [human("Hi")], "chosen": gpt("Hello."), "rejected": gpt("What?")},
        {"conversations": [human("Hi"), gpt("Hello.")], "kto_tag": True},
    ],
    "axolotl": [{"messages": [USER, {**ANSWER, "train": False}, says("user", "And?"), says("assistant", "More.")]}],
    "harmony": [
        {"messages": [says("system", "Be brief."), USER, says("assistant", "Hello.", thinking="A greeting.")]},
    ],
    "trl-chat": [
        {
            "messages": [
                says("user", "Time?"),
                says(
                    "assistant",
                    None,
                    tool_calls=[{**CALL, "function": {"name": "time", "arguments": {"zone": "UTC"}}}],
                ),
                TOOLS[2],
                TOOLS[3],
            ],
            "tools": [TOOL],
        },
    ],
    "question-answer": [{"question": "2+2?", "answer": "4"}],
    "input-output": [{"segments": [{"label": False, "text": "Q: 2+2?"}, {"label": True, "text": "4"}]}],
}
CASES = [(shape, row) for shape, rows in ROWS.items() for row in rows]


def example_of(shape, row):
    """The row as its shape, however it would be detected."""
    example = Reader(shape).read(row)
    assert example.shape == shape
    return example


# ---------------------------------------------------------------------- there and back


def check_return(example, to):
    """Where nothing is lost, the row comes back through the target as it was, and the way back loses nothing."""
    before = json.dumps(example.value)
    there = convert_row(example, to)
    json.dumps(there.row)
    assert json.dumps(example.value) == before, "the row that is read is left alone"
    if there.lost or there.form or there.unfit:
        return False
    again = read_back(json.loads(json.dumps(there.row)), to)
    back = convert_row(again, example.shape, form_of(example))
    assert not back.lost and not back.unfit
    assert back.row == example.value
    return True


@pytest.mark.parametrize(("shape", "row"), CASES, ids=[f"{shape}-{n}" for n, (shape, _) in enumerate(CASES)])
def test_a_row_that_loses_nothing_comes_back_as_it_was(shape, row):
    safe = [to for to in writable() if check_return(example_of(shape, row), to)]
    assert shape in safe or "functions" in row  # the older form becomes the newer


CHATS = ("openai-chat", "sharegpt", "mistral", "axolotl", "harmony", "trl-chat", "oasst", "prompt-completion")
PLAIN = (*CHATS, "alpaca", "gemini", "bedrock-converse", "anthropic-bedrock", "llama-factory", "input-output")
TALK = {"messages": [says("system", "Be brief."), USER, ANSWER, says("user", "And?"), says("assistant", "More.")]}


@pytest.mark.parametrize(
    ("shape", "row", "to"),
    [
        *(("openai-chat", HELLO, to) for to in (*PLAIN, "question-answer", "self-instruct")),
        *(("openai-chat", TALK, to) for to in PLAIN if to != "input-output"),
        *((shape, ROWS[shape][0], to) for shape, to in product(("alpaca", "prompt-completion", "gemini"), CHATS)),
        *(("openai-chat", ROWS["openai-chat"][3], to) for to in ("sharegpt", "axolotl", "harmony", "trl-chat")),
        ("trl-chat", ROWS["trl-chat"][0], "harmony"),
        ("openai-preference", ROWS["openai-preference"][0], "trl-preference"),
        ("openai-preference", ROWS["openai-preference"][0], "bedrock-converse"),
        ("openai-preference", ROWS["openai-preference"][0], "llama-factory"),
        ("trl-preference", ROWS["trl-preference"][0], "openai-preference"),
        ("trl-kto", ROWS["trl-kto"][0], "llama-factory"),
        ("llama-factory", ROWS["llama-factory"][1], "openai-preference"),
        ("gemini", ROWS["gemini"][1], "openai-chat"),
        *(
            ("openai-chat", {"messages": TOOLS, "tools": [TOOL]}, to)
            for to in ("gemini", "llama-factory", "bedrock-converse")
        ),
        *(("bedrock-converse", ROWS["bedrock-converse"][1], to) for to in ("openai-chat", "harmony")),
        ("harmony", ROWS["harmony"][0], "openai-chat"),
        ("openai-rft", ROWS["openai-rft"][0], "openai-chat"),
    ],
)
def test_shapes_that_can_hold_a_row_hold_it_whole(shape, row, to):
    assert check_return(example_of(shape, row), to)


@pytest.mark.parametrize("to", ["mistral", "harmony", "axolotl", "trl-chat"])
def test_no_text_beside_calls_comes_back_as_it_was_written(to):
    """Null and no content at all mean the same; where the shape can hold either it keeps the one that it is."""
    called = says("assistant", None, tool_calls=[{**CALL, "id": "call12345"}])
    bare = {key: item for key, item in called.items() if key != "content"}
    for answer in (called, bare):
        row = {"messages": [USER, answer, {**TOOLS[2], "tool_call_id": "call12345"}, ANSWER]}
        there = convert_row(example_of("openai-chat", row), to)
        assert ("content" in there.row["messages"][1]) == ("content" in answer)
        assert not there.lost


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
LEAF = st.none() | st.booleans() | st.integers(-9, 9) | TEXT


@st.composite
def sets(draw):
    """Rows of one shape with texts changed, keys taken away or added, and lists shortened or doubled."""

    def walk(value, depth):
        if isinstance(value, dict):
            found = {key: walk(item, depth + 1) for key, item in value.items() if depth == 0 or draw(_RARELY)}
            if draw(_NEVER):
                found[draw(st.sampled_from(["id", "name", "input", "weight", "system", "train", "note"]))] = draw(LEAF)
            return found
        if isinstance(value, list):
            found = [walk(item, depth + 1) for item in value]
            return found + found[-1:] if draw(_NEVER) else found[:-1] if draw(_NEVER) else found
        if isinstance(value, str) and depth and draw(st.integers(0, 3)) == 0:
            return draw(TEXT)
        return value

    rows = ROWS[draw(st.sampled_from(list(ROWS)))]
    if draw(st.integers(0, 9)) == 9:
        rows = rows + ROWS[draw(st.sampled_from(list(ROWS)))]
    return [walk(row, 0) for row in draw(st.lists(st.sampled_from(rows), min_size=2, max_size=3))]


_RARELY = st.integers(0, 60).map(bool)
_NEVER = st.integers(0, 40).map(lambda number: number == 40)


@settings(max_examples=150, deadline=None)
@given(sets(), st.data())
def test_whatever_the_rows_an_empty_table_means_that_they_come_back(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("sets")
    source = folder / "a.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    to = data.draw(st.sampled_from(writable()))
    there = curator.convert([source], to, folder / "b.jsonl", curator.load_config(folder))
    shape = there.files[0].shape
    stops = any(loss.kind != "form" for loss in there.table)
    assert there.ok != stops or sum(file.unfit for file in there.files) == there.rows
    assert (folder / "b.jsonl").exists() == there.ok
    if not there.table:
        back = curator.convert([folder / "b.jsonl"], shape, folder / "c.jsonl", curator.load_config(folder))
        assert back.ok, back.table
        assert [json.loads(line) for line in (folder / "c.jsonl").read_bytes().splitlines()] == rows


@pytest.mark.parametrize("to", ["axolotl", "harmony", "trl-chat"])
def test_what_would_not_come_back_from_a_file_without_a_word_of_the_shape_is_told(to):
    """Such a file is read as plain chat, in which the weight of a row is Together's and not a column like another."""
    row = {"question": "How many?", "answer": "4", "weight": None}
    converted = convert_row(Reader().read(row), to)
    assert converted.form and "'weight'" in converted.form[0]


# ---------------------------------------------------------------------- what a shape makes of a row

NESTED = [*TOOLS[:1], says("assistant", "Let me see.", tool_calls=[CALL]), *TOOLS[2:]]


RESULT = {"functionResponse": {"name": "time", "response": {"result": "12:00"}}}


@pytest.mark.parametrize(
    ("to", "row", "made"),
    [
        (
            "gemini",
            {"messages": TOOLS, "tools": [TOOL]},
            {
                "contents": [
                    {"role": "user", "parts": [{"text": "Time?"}]},
                    {"role": "model", "parts": [{"functionCall": {"name": "time", "args": {"zone": "UTC"}}}]},
                    {"role": "user", "parts": [RESULT]},
                    {"role": "model", "parts": [{"text": "Noon."}]},
                ],
                "tools": [{"functionDeclarations": [TOOL["function"]]}],
            },
        ),
        ("anthropic-bedrock", TALK, {"system": "Be brief.", "messages": TALK["messages"][1:]}),
        (
            "bedrock-converse",
            {"messages": [USER, says("user", "You there?"), ANSWER]},
            {
                "schemaVersion": "bedrock-conversation-2024",
                "messages": [
                    says("user", [{"text": "Hi"}, {"text": "You there?"}]),
                    says("assistant", [{"text": "Hello."}]),
                ],
            },
        ),
        (
            "axolotl",
            {"messages": [USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}]},
            {"messages": [USER, {**ANSWER, "train": False}, USER, {**ANSWER, "train": True}]},
        ),
        (
            "harmony",
            {"messages": [USER, {**ANSWER, "reasoning_content": "Hm."}], "id": 7},
            {"messages": [USER, {**ANSWER, "thinking": "Hm."}], "id": 7},
        ),
        (
            "llama-factory",
            {"messages": [says("system", "Be brief."), *TOOLS], "tools": [TOOL]},
            {
                "conversations": ROWS["sharegpt"][2]["conversations"],
                "system": "Be brief.",
                "tools": json.dumps([TOOL["function"]]),
            },
        ),
        ("openai-rft", {"messages": [USER, ANSWER]}, {"messages": [USER], "reference_answer": "Hello."}),
        ("text", {"messages": [USER, ANSWER]}, {"text": "Hi\n\nHello."}),
    ],
)
def test_a_row_is_written_as_its_maker_says(to, row, made):
    assert convert_row(example_of("openai-chat", row), to).row == made


@pytest.mark.parametrize("to", ["mistral", "openai-chat", "harmony", "trl-chat"])
def test_a_call_without_an_id_gets_one_that_every_template_takes(to):
    calls = '{"name": "time", "arguments": {"zone": "UTC"}}'
    talk = [human("Time?"), {"from": "function_call", "value": calls}, {"from": "observation", "value": "12:00"}]
    row = convert_row(example_of("sharegpt", {"conversations": [*talk, gpt("Noon.")]}), to).row
    read = Reader().read(row)
    for template in ("mistral-v3", "mistral-tekken", "qwen2.5"):
        for look in looks(read, template):
            assert not look.seen.error
            if template != "qwen2.5":  # of what is a JSON string it makes a string once more: TPL013
                assert '"arguments": {"zone": "UTC"}' in look.seen.text


def test_objects_as_arguments_make_no_harmony_row():
    """A row is of gpt-oss where it has channels or thinking; objects are what every chat template takes."""
    row = ROWS["trl-chat"][0]
    assert dialect_of(example_of("openai-chat", row)) == "trl-chat"
    assert dialect_of(example_of("openai-chat", ROWS["harmony"][0])) == "harmony"
    back = convert_row(example_of("trl-chat", row), "openai-chat").row
    assert back["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"zone": "UTC"}'


TYPED = {
    "messages": [
        {"role": "user", "content": [{"type": "text", "value": "Time?"}], "loss_weight": 0.0},
        {
            "role": "assistant",
            "content": [
                {"type": "reasoning", "value": "I look."},
                {"type": "tool_call", "value": '{"name": "time", "arguments": {"zone": "UTC"}}'},
            ],
            "loss_weight": 0.0,
        },
        {"role": "tool", "content": [{"type": "text", "value": "12:00"}], "loss_weight": 0.0},
        {"role": "assistant", "content": [{"type": "text", "value": "Noon."}], "loss_weight": 1.0},
    ],
    "tools": '[{"type": "function", "function": {"name": "time"}}]',
}


def test_parts_of_llama_factory_become_what_they_say_and_come_back():
    example = Reader().read(TYPED)
    assert example.shape == "llama-factory-v1"
    there = convert_row(example, "openai-chat")
    assert not there.lost and not there.form and not there.unfit
    assert there == Converted(
        {
            "messages": [
                says("user", "Time?"),
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {
                            "id": "call00001",
                            "type": "function",
                            "function": {"name": "time", "arguments": '{"zone": "UTC"}'},
                        }
                    ],
                    "weight": 0,
                    "reasoning_content": "I look.",
                },
                says("tool", "12:00", tool_call_id="call00001"),
                says("assistant", "Noon.", weight=1),
            ],
            "tools": [{"type": "function", "function": {"name": "time"}}],
        },
        form=[],
    )
    (look,) = looks(example, "qwen3")
    assert "I look." in look.seen.text and '"arguments": {"zone": "UTC"}' in look.seen.text


def test_mistral_gets_ids_of_nine_signs_one_system_prompt_and_no_text_beside_calls():
    row = {
        "messages": [says("system", "A"), says("system", "B"), *NESTED],
        "tools": [{"type": "function", "function": {"name": "time"}}],
    }
    row = json.loads(json.dumps(row).replace("call00001", "call_1"))
    there = convert_row(example_of("openai-chat", row), "mistral")
    system, _, asking, result, _ = there.row["messages"]
    (call,) = asking["tool_calls"]
    assert system == says("system", "A\n\nB")
    assert "content" not in asking
    assert call["id"] == result["tool_call_id"] and len(call["id"]) == 9 and call["id"].isalnum()
    assert there.row["tools"][0]["function"].keys() == {"name", "description", "parameters"}
    assert {"tool call ids", "the text beside tool calls", "the border between system turns"} <= set(there.lost)


def thinks(shape):
    """A row in which the answer has reasoning before it, as a shape writes it."""
    if shape == "gemini":
        parts = [{"text": "It is Monday.", "thought": True}, {"text": "Yes."}]
        return {"contents": [{"role": "user", "parts": [{"text": "Open?"}]}, {"role": "model", "parts": parts}]}
    parts = [{"reasoningContent": {"reasoningText": {"text": "It is Monday."}}}, {"text": "Yes."}]
    turns = [{"role": "user", "content": [{"text": "Open?"}]}, {"role": "assistant", "content": parts}]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": turns}


@pytest.mark.parametrize("to", ["openai-chat", "gemini", "bedrock-converse", "llama-factory-v1", "harmony"])
@pytest.mark.parametrize("shape", ["gemini", "bedrock-converse"])
def test_reasoning_in_parts_is_no_part_of_the_answer_and_comes_back(shape, to):
    example = example_of(shape, thinks(shape))
    assert (example.turns[-1].text, example.turns[-1].reasoning) == ("Yes.", "It is Monday.")
    assert check_return(example, to)


def test_the_tools_of_converse_are_read_and_written_back():
    row = ROWS["bedrock-converse"][1]
    found = example_of("bedrock-converse", row)
    assert (found.tools, found.tools_path) == ((SPEC,), "toolConfig.tools")
    assert [(turn.role, turn.text) for turn in found.turns] == [
        ("user", "Time?"), ("assistant", "I look."), ("tool", "12:00"), ("assistant", "Noon."),
    ]  # fmt: skip
    there = convert_row(found, "openai-chat").row
    assert there["tools"] == [TOOL]
    assert there["messages"][2] == says("tool", "12:00", tool_call_id="call00001")


@pytest.mark.parametrize(
    ("beside", "to", "lost"),
    [
        ({}, "alpaca", {"tools", "tool calls", "tool results"}),
        ({}, "anthropic-bedrock", {"tools", "tool calls", "tool results"}),
        ({"toolChoice": {"auto": {}}}, "openai-chat", {"the column 'toolConfig.toolChoice'"}),
        ({"tools": [SPEC, CACHE]}, "openai-chat", {"'toolConfig.tools' would be written otherwise"}),
        ({"tools": "time"}, "openai-chat", {"the column 'toolConfig.tools'"}),
    ],
)  # fmt: skip
def test_what_is_lost_of_the_tools_of_converse_is_told(beside, to, lost):
    row = ROWS["bedrock-converse"][1]
    found = convert_row(example_of("bedrock-converse", {**row, "toolConfig": row["toolConfig"] | beside}), to)
    assert lost <= {*found.lost, *found.form}


def test_calls_that_go_together_stay_together_in_gemini():
    second = {"id": "call00002", "type": "function", "function": {"name": "zone", "arguments": "{}"}}
    talk = [
        says("user", "Time?"),
        says("assistant", None, tool_calls=[CALL, second]),
        says("tool", "12:00", tool_call_id="call00001"),
        says("tool", "UTC", tool_call_id="call00002"),
        says("assistant", "Noon."),
    ]
    example = example_of("openai-chat", {"messages": talk})
    contents = convert_row(example, "gemini").row["contents"]
    assert [part["functionResponse"]["name"] for part in contents[2]["parts"]] == ["time", "zone"]
    assert check_return(example, "gemini")


@pytest.mark.parametrize(
    ("row", "to", "lost"),
    [
        ({"messages": TOOLS, "tools": [TOOL]}, "alpaca", {"tools", "tool calls", "tool results"}),
        ({"messages": [{**USER, "name": "ada"}, {**ANSWER, "weight": 0}]}, "alpaca", {"names", "weights"}),
        ({"messages": [USER, {**ANSWER, "reasoning_content": "Hm."}]}, "sharegpt", {"reasoning"}),
        ({"messages": [{**USER, "mood": 1}, ANSWER]}, "alpaca", {"the message key 'mood'"}),
        ({**HELLO, "id": 7}, "anthropic-bedrock", {"the column 'id'"}),
        ({"messages": [USER, says("system", "Be brief."), ANSWER]}, "alpaca", {"system turns after the first place"}),
        (TALK, "question-answer", {"the turns before the last question"}),
        (HELLO, "prompt-only", {"the answer"}),
        (HELLO, "text", {"who says what"}),
        (ROWS["trl-kto"][0], "openai-chat", {"the label"}),
        (ROWS["trl-preference"][0], "openai-chat", {"the rejected answer"}),
        (
            {
                "messages": [
                    says("user", [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]),
                    ANSWER,
                ]
            },
            "sharegpt",
            {"media"},
        ),
    ],
)
def test_what_is_lost_is_named(row, to, lost):
    assert lost <= set(convert_row(Reader().read(row), to).lost)


@pytest.mark.parametrize(
    "to", ["alpaca", "llama-factory", "harmony", "sharegpt", "anthropic-bedrock", "llama-factory-v1"]
)
def test_a_weight_of_1_is_what_every_answer_has_and_no_loss(to):
    told, plain = (convert_row(Reader().read({"messages": [USER, answer]}), to) for answer in ONES)
    assert not told.unfit and told.lost == plain.lost
    assert set(told.form) - set(plain.form) <= {
        "'messages[].weight', the weight that every answer has, would be left out"
    }


ONES = ({**ANSWER, "weight": 1}, ANSWER)


@pytest.mark.parametrize("to", ["alpaca", "llama-factory", "harmony"])
def test_another_weight_is_a_loss_where_a_shape_has_none(to):
    asked = {"messages": [{**USER, "weight": 1}, ANSWER]}
    assert any("weight" in loss for loss in convert_row(Reader().read(asked), to).lost)
    masked = {"messages": [USER, {**ANSWER, "weight": 0}]}
    assert "weights" in convert_row(Reader().read(masked), to).lost


ASKED_AGAIN = [USER, ANSWER, says("user", "And?")]


@pytest.mark.parametrize(("to", "key"), [("openai-rft", "messages"), ("prompt-only", "prompt")])
def test_a_prompt_is_all_turns_where_the_user_speaks_last(to, key):
    found = convert_row(Reader().read({"messages": ASKED_AGAIN}), to)
    assert (found.row, [*found.lost, *found.form]) == ({key: ASKED_AGAIN}, [])


def test_a_prompt_for_a_grader_ends_with_the_user_and_what_stands_behind_is_named():
    later = says("system", "Be brief.")
    asked = convert_row(Reader().read({"messages": [*ASKED_AGAIN, later]}), "openai-rft")
    assert asked.row == {"messages": ASKED_AGAIN} and asked.lost == ["the turns after the last question"]
    told = convert_row(Reader().read({"messages": [USER, ANSWER, later]}), "openai-rft")
    assert told.row == {"messages": [USER], "reference_answer": "Hello."}
    assert told.lost == ["the answer as a turn", "the turns after the answer"]


@pytest.mark.parametrize(
    ("row", "to", "why"),
    [
        (HELLO, "openai-preference", "the rejected answer"),
        (HELLO, "trl-kto", "the label"),
        (HELLO, "trl-stepwise", "the verdicts on the steps"),
        ({"messages": [USER]}, "alpaca", "the answer"),
        ({"messages": [ANSWER]}, "bedrock-converse", "the question before the first answer"),
        ({"messages": []}, "sharegpt", "any turn"),
        ({"input_ids": [1, 2]}, "openai-chat", "any turn"),
    ],
)
def test_nothing_is_made_up_for_what_a_row_does_not_have(row, to, why):
    assert convert_row(Reader().read(row), to).unfit == f"nothing is there for {why}"


def test_what_only_the_way_back_shows_is_in_the_table_too():
    alpaca = example_of("alpaca", ROWS["alpaca"][2])
    assert convert_row(alpaca, "openai-chat").form == ["the border between instruction and input"]
    older = Reader().read({"instruction": "Add.", "response": "4"})
    assert set(convert_row(older, "openai-chat").form) == {
        "'response' would be called 'output'",
        "'input' would be added",
    }
    turns = [{"from": "human", "value": "Add."}, {"from": "gpt", "value": "4"}]
    named = Reader().read({"conversation": turns, "id": 3})
    assert convert_row(named, "openai-chat").form == ["'conversation' would be called 'conversations'"]
    spelt = Reader().read({"conversations": [USER, ANSWER]})
    assert convert_row(spelt, "openai-chat").form == [
        "'conversations[].role' would be called 'from'",
        "'conversations[].content' would be called 'value'",
    ]
    tree = {"prompt": {"text": "Hi", "role": "prompter", "replies": [], "lang": "en"}}
    assert convert_row(Reader().read(tree), "openai-chat").lost == ["the message key 'lang'"]


# ---------------------------------------------------------------------- the command


def objects(value, path=()):
    """The path of every object in a row."""
    if type(value) is dict:
        yield path
    for key, item in value.items() if type(value) is dict else enumerate(value) if type(value) is list else ():
        yield from objects(item, (*path, key))


# What names the loss of all that stands below a place of the row.
COVERS = {
    "tool": ("tool", "function", "parts"),
    "the rejected answer": ("rejected", "non_preferred"),
    "media": ("content",),
    "nothing is there for the answer": ("",),
    "the answer": ("",),
    "the answer as a turn": ("",),
    "the turns before the last question": ("",),
}


@pytest.mark.parametrize("shape", ROWS)
def test_a_key_that_nobody_knows_is_kept_or_named_wherever_it_stands(shape):
    """Whatever else the row loses: a table with one loss in it does not hide a second."""
    for row in ROWS[shape]:
        for path in objects(row):
            marked = copy.deepcopy(row)
            functools.reduce(lambda value, step: value[step], path, marked)["mark"] = "MARK"
            example = Reader(shape).read(marked)
            place = ".".join(map(str, path))
            for to in writable():
                for form in ("auto", *SHAPES[to].forms):
                    found = convert_row(example, to, form)
                    told = [*found.lost, *found.form]
                    covers = [part for word, parts in COVERS.items() for part in parts if any(word in t for t in told)]
                    named = found.unfit or any(part in place for part in covers) or any("mark" in t for t in told)
                    assert named or "MARK" in json.dumps([found.row, found.second]), (to, form, place, told)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"content": "A", "refusal": "No."}, "the message key 'refusal'"),
        ({"content": None, "refusal": "No."}, "that an answer is a refusal"),
        ({"content": "A", "thinking": "One.", "reasoning_content": "Two."}, "the message key 'thinking'"),
        ({"content": "A", "weight": 0, "loss_weight": 1.0}, "the message key 'loss_weight'"),
        ({"content": "A", "name": 7}, "the message key 'name'"),
        ({"content": [{"type": "text", "text": "A", "cache": True}]}, "the part key 'cache'"),
    ],
)
def test_one_loss_does_not_hide_another(answer, said):
    row = {"messages": [says("developer", "Be brief."), USER, {"role": "assistant", **answer}]}
    found = convert_row(Reader().read(row), "gemini")
    assert {"the developer role", said} <= set(found.lost)


@pytest.mark.parametrize("to", ["trl-chat", "mistral", "axolotl", "harmony", "prompt-completion"])
def test_a_refusal_is_content_where_a_template_writes_the_answer(to):
    """Chat templates read no `refusal`: kept there, the answer would be lost without a word."""
    row = {"messages": [USER, {"role": "assistant", "content": None, "refusal": "No."}]}
    found = convert_row(Reader().read(row), to, "conversational" if SHAPES[to].forms else "auto")
    assert found.lost == ["that an answer is a refusal"]
    messages = found.row.get("messages") or [*found.row["prompt"], *found.row["completion"]]
    assert messages == [USER, says("assistant", "No.")]


@pytest.mark.parametrize("to", ["openai-chat", "openai-preference"])
def test_a_refusal_stays_one_where_the_service_reads_it(to):
    refused = {"role": "assistant", "content": None, "refusal": "No."}
    row = {"prompt": [USER], "chosen": [refused], "rejected": [says("assistant", "Sure!")]}
    found = convert_row(Reader().read(row), to)
    assert refused in (found.row.get("messages") or found.row["preferred_output"])
    assert "that an answer is a refusal" not in found.lost


@pytest.mark.parametrize("key", [{"weight": 1}, {"loss_weight": 1.0}, {"train": True}])
def test_a_weight_stays_on_answers_for_services_take_no_other(key):
    row = {"conversations": [{**human("Hi"), **key}, {**gpt("Hello."), "weight": 1}]}
    found = convert_row(Reader().read(row), "openai-chat")
    assert found.row["messages"] == [USER | {"content": "Hi"}, says("assistant", "Hello.", weight=1)]
    assert found.lost == ["weights of turns that are no answers"]
    trained = convert_row(Reader().read(row), "axolotl").row["messages"]
    assert [message["train"] for message in trained] == [True, True]


def test_nothing_is_written_while_something_would_be_lost(run, write, tmp_path):
    path = write("tools.jsonl", [HELLO, {"messages": TOOLS, "tools": [TOOL]}])
    done = run("convert", path, "--to", "alpaca", "-o", tmp_path / "new" / "out.jsonl")
    assert done.status == 1
    assert "alpaca cannot hold" in done.out and f"{path}:2" in done.out
    assert "nothing was written" in done.out and "--allow-loss" in done.out
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "cache") == ["tools.jsonl"]


def test_what_only_comes_back_in_another_form_is_listed_and_stops_nothing(run, write, tmp_path):
    path = write("a.jsonl", [{"instruction": "Translate.", "input": "Hej", "output": "Hello."}])
    done = run("convert", path, "--to", "openai-chat", "-o", tmp_path / "b.jsonl")
    assert done.status == 0 and "the meaning stays" in done.out
    assert "the border between instruction and input" in done.out
    assert rows_of(tmp_path / "b.jsonl")[0]["messages"][0]["content"] == "Translate.\nHej"
    rest = run(
        "convert", write("c.jsonl", [*rows_of(path), {"odd": 1}]), "--to", "openai-chat", "-o", tmp_path / "d.jsonl"
    )
    assert rest.status == 1 and "--rejected" in rest.out, "a row that cannot be converted still stops"


@pytest.mark.parametrize("tools", ["[]", [], None, ""])
def test_an_empty_list_of_tools_is_none_and_no_loss(tools):
    row = {"conversations": [human("Hi"), gpt("Hello.")], "tools": tools}
    found = convert_row(Reader().read(row), "openai-chat")
    assert not found.lost and "tools" not in found.row


def test_the_next_step_can_be_pasted(run, write, tmp_path):
    import shlex

    path = write("tools.jsonl", [{"messages": TOOLS, "tools": [TOOL]}])
    refused = run("convert", path, "--to", "alpaca", "-o", tmp_path / "out.jsonl")
    command = refused.out.rpartition(": curator ")[2].strip()
    assert run(*shlex.split(command)).status == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["output"] == "Noon."


def test_an_empty_table_says_so_and_rows_keep_their_order(run, write, tmp_path):
    path = write("chat.jsonl", [{"messages": [says("user", str(n)), ANSWER], "n": n} for n in range(50)])
    done = run("convert", path, "--to", "sharegpt", "-o", tmp_path / "out.jsonl")
    assert (done.status, done.err) == (0, "")
    assert "nothing is lost" in done.out and "50 rows written" in done.out
    assert [json.loads(line)["n"] for line in (tmp_path / "out.jsonl").open()] == list(range(50))


def test_rows_that_cannot_be_converted_are_kept_with_the_reason(run, write, tmp_path):
    path = write("mixed.jsonl", [HELLO, {"odd": 1}, b"{broken", b"", {"messages": [USER]}, b"[1]", HELLO])
    out = tmp_path / "out.jsonl"
    refused = run("convert", path, "--to", "alpaca", "-o", out)
    assert refused.status == 1 and "cannot be converted" in refused.out and not out.exists()
    done = run("convert", path, "--to", "alpaca", "-o", out, "--rejected", tmp_path / "rest.jsonl")
    assert done.status == 0
    assert len(out.read_text().splitlines()) == 2
    rest = [json.loads(line) for line in (tmp_path / "rest.jsonl").read_text().splitlines()]
    assert [(record["line"], record["reasons"]) for record in rest] == [
        (2, ["in no known shape"]),
        (3, ["no JSON"]),
        (5, ["nothing is there for the answer"]),
        (6, ["no JSON object"]),
    ]
    assert rest[0]["row"] == {"odd": 1} and rest[1]["text"] == "{broken"
    allowed = run("convert", path, "--to", "alpaca", "-o", out, "--allow-loss")
    assert allowed.status == 0 and (tmp_path / "out.rejected.jsonl").exists()


def test_where_no_row_can_be_converted_nothing_is_written(run, write, tmp_path):
    done = run("convert", write("a.jsonl", [HELLO]), "--to", "trl-kto", "-o", tmp_path / "b.jsonl", "--allow-loss")
    assert done.status == 1 and "no row can be converted" in done.out and not (tmp_path / "b.jsonl").exists()


def rows_of(path):
    with open_sources([str(path)]) as sources:
        return [json.loads(line) for line in sources[0].data.open("rb")]


@pytest.mark.parametrize("name", ["b.jsonl", "b.json", "b.jsonl.gz", "b.json.gz", "b.jsonl.zst", "b.data"])
def test_the_name_says_how_the_rows_are_packed(run, write, tmp_path, name):
    path = write("a.jsonl", [HELLO, TALK])
    assert run("convert", path, "--to", "sharegpt", "-o", tmp_path / name).status == 0
    assert [len(row["conversations"]) for row in rows_of(tmp_path / name)] == [2, 5]
    assert run("convert", tmp_path / name, "--to", "openai-chat", "-o", tmp_path / "c.jsonl").status == 0
    assert (tmp_path / "c.jsonl").read_bytes() == path.read_bytes()


def test_packed_files_are_the_same_each_time(run, write, tmp_path):
    path = write("a.jsonl", [HELLO])
    for name in ("b.jsonl.gz", "c.jsonl.gz"):
        run("convert", path, "--to", "sharegpt", "-o", tmp_path / name)
    assert (tmp_path / "b.jsonl.gz").read_bytes() == (tmp_path / "c.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "b.jsonl.gz").read_bytes()).endswith(b"]}\n")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--to", "shargpt", "-o", "b.jsonl"), "'sharegpt'"),
        (("--to", "tokenized", "-o", "b.jsonl"), "tokenizer"),
        (("--to", "alpaca", "-o", "a.jsonl"), "overwrite"),
        (("--to", "sharegpt", "-o", "b.parquet"), "table"),
        (("--to", "sharegpt", "-o", "-"), "standard output"),
        (("--to", "sharegpt", "-o", "/dev/stdout"), "standard output"),
        (("--to", "sharegpt", "-o", "b.jsonl", "--form", "plain"), "one form"),
        (("--to", "sharegpt", "-o", "b.jsonl", "--template", "chatml"), "--template"),
        (("--to", "sharegpt", "-o", "b.jsonl", "--method", "lora"), "--method"),
    ],
)
def test_what_cannot_be_is_refused_with_the_next_step(run, write, arguments, word):
    before = write("a.jsonl", [HELLO]).read_bytes()
    done = run("convert", "a.jsonl", *arguments)
    assert done.status == 2 and word in done.err and "\n  " in done.err
    assert Path("a.jsonl").read_bytes() == before


def test_a_file_that_stood_there_before_is_replaced_and_named(run, write, tmp_path):
    write("a.jsonl", [HELLO])
    assert "replaced" not in run("convert", "a.jsonl", "--to", "sharegpt", "-o", "b.jsonl").out
    assert (
        "b.jsonl stood there before and was replaced"
        in run("convert", "a.jsonl", "--to", "sharegpt", "-o", "b.jsonl").out
    )


def test_splits_go_to_a_folder_each_under_its_name(run, write, tmp_path):
    for name in ("train.jsonl", "valid.jsonl"):
        write(f"set/{name}", [HELLO])
    assert run("convert", "set", "--to", "sharegpt", "-o", "new/").status == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["train.jsonl", "valid.jsonl"]
    assert run("convert", "set", "--to", "sharegpt", "-o", "one.jsonl").status == 2


def test_a_file_is_written_in_one_form(run, write, tmp_path):
    """Trainers look at the first row: strings after lists, or lists after strings, are read wrongly."""
    out = tmp_path / "b.jsonl"
    path = write("a.jsonl", [HELLO, TALK])
    assert run("convert", path, "--to", "prompt-completion", "-o", out).status == 0
    assert {type(row["prompt"]) for row in rows_of(out)} == {list}
    short = write("short.jsonl", [HELLO, HELLO])
    assert run("convert", short, "--to", "prompt-completion", "-o", out).status == 0
    assert {type(row["prompt"]) for row in rows_of(out)} == {str}
    assert run("convert", short, "--to", "prompt-completion", "-o", out, "--form", "conversational").status == 0
    assert {type(row["prompt"]) for row in rows_of(out)} == {list}
    refused = run("convert", path, "--to", "prompt-completion", "-o", out, "--form", "plain")
    assert refused.status == 1 and "who says what" in refused.out


def test_strings_for_trl_come_with_a_word_on_templates(run, write):
    pairs = write("a.jsonl", [ROWS["openai-preference"][0]] * 2)
    done = run("convert", pairs, "--to", "trl-preference", "-o", "b.jsonl")
    assert done.status == 0 and "note: " in done.out and "--form conversational" in done.out


def test_llama_factory_gets_its_entry_beside_those_that_are_there(run, write, tmp_path):
    info = tmp_path / "dataset_info.json"
    info.write_text('{"other": {"file_name": "o.json"}}')
    path = write("a.jsonl", ROWS["openai-preference"] * 2)
    assert run("convert", path, "--to", "llama-factory", "-o", "dpo.json").status == 0
    assert json.loads(info.read_text()) == {
        "other": {"file_name": "o.json"},
        "dpo": {
            "file_name": "dpo.json",
            "formatting": "sharegpt",
            "ranking": True,
            "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
        },
    }
    info.write_text("[]")
    assert run("convert", path, "--to", "llama-factory", "-o", "two.json").status == 2
    assert not (tmp_path / "two.json").exists()


def test_the_entry_of_each_file_names_the_columns_it_has(run, write, tmp_path):
    """LLaMA-Factory stops at a column of the entry that no row of the file has."""
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "train.jsonl").write_text(
        json.dumps({"messages": [says("system", "Be brief."), USER, ANSWER]})
    )
    (tmp_path / "sets" / "test.jsonl").write_text(json.dumps(HELLO))
    assert run("convert", tmp_path / "sets", "--to", "llama-factory", "-o", "out").status == 0
    entries = json.loads((tmp_path / "out" / "dataset_info.json").read_text())
    assert {name: set(entry["columns"]) for name, entry in entries.items()} == {
        "train": {"messages", "system"},
        "test": {"messages"},
    }


@pytest.mark.parametrize("name", ["b.jsonl.gz", "b.json.zst", "b.data"])
def test_llama_factory_gets_no_file_that_it_does_not_read(run, write, tmp_path, name):
    done = run("convert", write("a.jsonl", [HELLO]), "--to", "llama-factory", "-o", name)
    assert done.status == 2 and "ends in .jsonl or .json" in done.err
    assert not (tmp_path / name).exists()


STRINGS = {"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"}
IN_LISTS = {"prompt": [says("system", "Be brief."), USER], "chosen": [ANSWER], "rejected": [WORSE]}
IMPLICIT = {"chosen": [USER, ANSWER], "rejected": [USER, WORSE], "source": "web"}


@pytest.mark.parametrize("pair", [STRINGS, IN_LISTS, IMPLICIT, ROWS["openai-preference"][0]])
def test_a_pair_becomes_two_verdicts_and_the_table_says_what_that_costs(run, write, pair):
    path = write("a.jsonl", [pair, pair])
    command = ("convert", path, "--to", "trl-kto", "-o", "b.jsonl")
    refused = run(*command)
    assert refused.status != 0 and "which two answers are a pair" in refused.out
    assert "the column" not in refused.out
    done = run(*command, "--allow-loss")
    assert done.status == 0 and "4 rows written" in done.out and "2 pairs are two rows each" in done.out
    rows = rows_of("b.jsonl")
    assert [row["label"] for row in rows] == [True, False, True, False]
    good, bad = (Reader().read(row) for row in rows[:2])
    known = Reader().read(pair)
    asked = [turn.text for turn in known.turns]
    assert [turn.text for turn in good.turns] == [*asked, known.chosen[0].text]
    assert [turn.text for turn in bad.turns] == [*asked, known.rejected[0].text]
    assert all(row.get("source") == pair.get("source") for row in rows)


def test_what_the_table_says_of_the_way_back_can_be_typed(run, write):
    path = write("a.jsonl", [{**IN_LISTS, "prompt": [USER]}])
    there = run("convert", path, "--to", "openai-preference", "-o", "b.jsonl", "--allow-loss")
    assert "back with --form conversational: as lists" in there.out
    back = ("convert", "b.jsonl", "--to", "trl-preference", "--form", "conversational", "-o", "c.jsonl")
    assert run(*back).status == 0
    assert rows_of("c.jsonl") == rows_of(path)


def test_a_few_rows_with_a_system_prompt_beside_the_messages_come_back_without_a_loss(run, write):
    """However few they are among rows without one."""
    rows = [{"instruction": "Hi", "input": "", "output": "Hello.", "system": "Be brief."}]
    rows += [{"instruction": "Hi", "input": "", "output": "Hello."}] * 20
    there = run("convert", write("a.jsonl", rows), "--to", "anthropic-bedrock", "-o", "b.jsonl")
    assert "nothing is lost" in there.out
    back = run("convert", "b.jsonl", "--to", "alpaca", "-o", "c.jsonl")
    assert back.status == 0 and "nothing is lost" in back.out
    assert rows_of("c.jsonl") == rows


@pytest.mark.parametrize("to", ["openai-chat", "alpaca", "sharegpt"])
def test_a_row_that_is_legal_in_the_shape_that_was_named_loses_nothing(run, write, to):
    """Of what Bedrock takes for Claude, a row without a system prompt is one of openai-chat as well."""
    found = run("convert", write("a.jsonl", [HELLO]), "--shape", "anthropic-bedrock", "--to", to, "-o", "b.jsonl")
    assert found.status == 0 and "nothing is lost" in found.out


def test_a_row_that_is_not_of_the_shape_that_was_named_is_told(run, write):
    rows = [HELLO, {"messages": [USER, {**ANSWER, "reasoning_content": "A greeting."}]}]
    found = run("convert", write("a.jsonl", rows), "--shape", "anthropic-bedrock", "--to", "trl-chat", "-o", "b.jsonl")
    assert found.status == 0
    table = [line.split() for line in found.out.splitlines()]
    assert [*"a row of openai-chat in a file of anthropic-bedrock 1".split()] in [line[:-1] for line in table]
    assert "a.jsonl:2" in found.out


def test_llama_factory_reads_rows_of_one_kind_from_a_file(run, write, tmp_path):
    path = write("a.jsonl", [HELLO, ROWS["trl-kto"][0], HELLO])
    assert "a verdict among rows of an answer" in run("convert", path, "--to", "llama-factory", "-o", "b.jsonl").out


def test_columns_with_names_of_ones_own_are_converted(run, write, tmp_path):
    path = write("a.jsonl", [{"q": "Hi", "a": "Hello.", "id": n} for n in range(3)])
    assert run("convert", path, "--to", "openai-chat", "-o", "b.jsonl", "--map", "q=user,a=assistant").status == 0
    assert rows_of("b.jsonl") == [{**HELLO, "id": n} for n in range(3)]


def test_a_key_written_twice_is_a_loss(run, write):
    path = write(
        "a.jsonl", [HELLO, b'{"messages": [{"role": "user", "content": "A", "content": "B"}], "id": "x\\": 1"}']
    )
    done = run("convert", path, "--to", "sharegpt", "-o", "b.jsonl")
    assert done.status == 1 and "written twice" in done.out


def test_json_says_the_same(run, write):
    path = write("a.jsonl", [{"messages": TOOLS, "tools": [TOOL]}])
    done = run("convert", path, "--to", "alpaca", "-o", "b.jsonl", "--format", "json")
    found = json.loads(done.out)
    assert (found["ok"], found["files"][0]["rows"], found["files"][0]["written"]) == (False, 1, 0)
    assert {"kind": "lost", "what": "tools", "rows": 1, "first": {"file": str(path), "line": 1}} in found["table"]


@pytest.mark.parametrize("shape", [shape for shape in ROWS if shape != "text"])
def test_what_is_written_is_linted_as_its_shape(shape, tmp_path, run, write):
    path = write("a.jsonl", ROWS[shape][:1] * 2)
    done = run("lint", path, "--format", "json", "--select", "SCH,ROL,TOL", "--shape", shape, "--exit-zero")
    codes = {finding["code"] for finding in json.loads(done.out)["findings"]}
    assert not codes, codes


@pytest.mark.slow
@pytest.mark.parametrize("shape", [shape for shape in writable() if shape not in ("trl-stepwise", "trl-kto")])
@pytest.mark.parametrize("name", ["support-clean.jsonl", "tools-clean.jsonl"])
def test_a_clean_set_is_clean_in_every_shape(run, tmp_path, name, shape):
    out = tmp_path / "out.jsonl"
    if run("convert", ROOT / "samples" / name, "--to", shape, "-o", out, "--allow-loss").status == 0:
        done = run("lint", out)
        assert done.status == 0 and "found nothing" in done.out, done.out


def test_the_help_names_every_shape(run):
    words = run("convert", "--help").out.partition("SHAPE is one of ")[2].partition(".")[0]
    assert [word.strip() for word in words.split(",")] == list(writable())


def test_every_shape_is_on_the_page_with_a_row_of_it():
    assert set(ABOUT) == set(writable())
    for shape in writable():
        assert Reader(shape).read(example(shape)).shape == shape


# ---------------------------------------------------------------------- real sets

REAL = [
    "gsm8k/test.jsonl",
    "llamafactory/alpaca_en_demo.json",
    "llamafactory/dpo_en_demo.json",
    "llamafactory/glaive_toolcall_en_demo.json",
    "llamafactory/kto_en_demo.json",
    "llamafactory/mllm_demo.json",
    "llamafactory/reason_tool_use_demo_50.jsonl",
    "llamafactory/v1_dpo_demo.jsonl",
    "llamafactory/v1_sft_demo.jsonl",
    "mlx_wwdc25/valid.jsonl",
    "oasst_sample/en_100_tree.jsonl",
    "openai_cookbook/drone_training.jsonl",
    "self_instruct/seed_tasks.jsonl",
    "sharegpt_fastchat/dummy_conversation.json",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_sets_go_into_every_shape_and_come_back_where_nothing_is_lost(name, tmp_path):
    if not (SHARED / name).exists():
        pytest.skip("the larger data are not here")
    config = curator.load_config(tmp_path)
    there, back = tmp_path / "b.jsonl", tmp_path / "c.jsonl"
    for to in writable():
        result = curator.convert([SHARED / name], to, there, config, allow_loss=True)
        made = sum(file.written + file.unfit - file.gained for file in result.files)
        assert made == result.rows or not result.ok
        if not result.table:
            assert curator.convert([there], result.files[0].shape, back, config).ok
            assert rows_of(back) == rows_of(SHARED / name), to


def test_results_of_several_calls_in_one_turn_become_a_message_each(run, write, tmp_path):
    """And a later result is never tied to a call that an earlier answer left open."""

    def part(kind, value):
        return {"type": kind, "value": value if type(value) is str else json.dumps(value)}

    def asked(*radii):
        calls = [part("tool_call", {"name": "area", "arguments": {"radius": radius}}) for radius in radii]
        return [{"role": "user", "content": [part("text", "How large?")]}, {"role": "assistant", "content": calls}]

    def told(results):
        said = [{"role": "tool", "content": [part("text", results)]}]
        return [*said, {"role": "assistant", "content": [part("text", "So large.")]}]

    results = [{"name": "area", "content": "3.1"}, {"name": "area", "value": 12.6}]
    turns = [*asked(1, 2), *told(results), *asked(3, 4), *told("none"), *asked(5), *told("78.5")]
    tools = json.dumps([{"name": "area", "description": "", "parameters": {"type": "object", "properties": {}}}])
    path = write("v1.jsonl", [{"messages": turns, "tools": tools}])
    run("convert", path, "--to", "openai-chat", "-o", str(tmp_path / "out.jsonl"), "--allow-loss")
    row = json.loads((tmp_path / "out.jsonl").read_text().splitlines()[0])
    calls = [[call["id"] for call in m["tool_calls"]] for m in row["messages"] if "tool_calls" in m]
    answers = [(m["tool_call_id"], m["content"]) for m in row["messages"] if m["role"] == "tool"]
    one, two = calls[0]
    assert answers == [
        (one, "3.1"),
        (two, '{"name": "area", "value": 12.6}'),
        (calls[1][0], "none"),
        (calls[2][0], "78.5"),
    ]

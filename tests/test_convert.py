"""`curator convert`: every shape into every other, what is lost on the way, and that nothing is lost in silence."""

from __future__ import annotations

import gzip
import json
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import curator
from curator.conversion import TARGETS, convert_row, differences, form_of, read_back
from curator.errors import UsageError
from curator.formats import SHAPES, Reader
from curator.formats.dialects import dialect_of
from curator.sources import open_sources
from tests.conftest import SHARED


def says(role, text, **more):
    return {"role": role, "content": text, **more}


def human(text):
    return {"from": "human", "value": text}


def gpt(text):
    return {"from": "gpt", "value": text}


USER, ANSWER, WORSE = says("user", "Hi"), says("assistant", "Hello."), says("assistant", "What?")
CALL = {"id": "call_1", "type": "function", "function": {"name": "time", "arguments": '{"zone": "UTC"}'}}
TOOL = {"type": "function", "function": {"name": "time", "description": "Now.", "parameters": {"type": "object"}}}
TOOLS = [
    says("user", "Time?"),
    says("assistant", None, tool_calls=[CALL]),
    says("tool", "12:00", tool_call_id="call_1"),
    says("assistant", "Noon."),
]
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
    there = convert_row(example, to)
    json.dumps(there.row)
    if there.lost or there.form or there.unfit:
        return False
    again = read_back(json.loads(json.dumps(there.row)), to)
    back = convert_row(again, example.shape, form_of(example))
    assert not back.lost and not back.unfit
    assert back.row == example.value
    return True


@pytest.mark.parametrize(("shape", "row"), CASES, ids=[f"{shape}-{n}" for n, (shape, _) in enumerate(CASES)])
def test_a_row_that_loses_nothing_comes_back_as_it_was(shape, row):
    safe = [to for to in TARGETS if check_return(example_of(shape, row), to)]
    assert shape in safe


CHATS = ("openai-chat", "sharegpt", "mistral", "axolotl", "harmony", "oasst", "prompt-completion")
PLAIN = (*CHATS, "alpaca", "gemini", "bedrock-converse", "anthropic-bedrock", "llama-factory", "input-output")
TALK = {"messages": [says("system", "Be brief."), USER, ANSWER, says("user", "And?"), says("assistant", "More.")]}


@pytest.mark.parametrize(
    ("shape", "row", "to"),
    [
        *(("openai-chat", HELLO, to) for to in (*PLAIN, "question-answer", "self-instruct")),
        *(("openai-chat", TALK, to) for to in PLAIN if to != "input-output"),
        *((shape, ROWS[shape][0], to) for shape, to in product(("alpaca", "prompt-completion", "gemini"), CHATS)),
        *(("openai-chat", ROWS["openai-chat"][3], to) for to in ("sharegpt", "axolotl", "harmony", "llama-factory")),
        ("openai-preference", ROWS["openai-preference"][0], "trl-preference"),
        ("openai-preference", ROWS["openai-preference"][0], "bedrock-converse"),
        ("openai-preference", ROWS["openai-preference"][0], "llama-factory"),
        ("trl-preference", ROWS["trl-preference"][0], "openai-preference"),
        ("trl-kto", ROWS["trl-kto"][0], "llama-factory"),
        ("llama-factory", ROWS["llama-factory"][1], "openai-preference"),
        ("gemini", ROWS["gemini"][1], "openai-chat"),
        ("harmony", ROWS["harmony"][0], "openai-chat"),
        ("openai-rft", ROWS["openai-rft"][0], "openai-chat"),
    ],
)
def test_shapes_that_can_hold_a_row_hold_it_whole(shape, row, to):
    assert check_return(example_of(shape, row), to)


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
    return [walk(row, 0) for row in draw(st.lists(st.sampled_from(rows), min_size=2, max_size=3))]


_RARELY = st.integers(0, 60).map(bool)
_NEVER = st.integers(0, 40).map(lambda number: number == 40)


@settings(max_examples=150, deadline=None)
@given(sets(), st.data())
def test_whatever_the_rows_an_empty_table_means_that_they_come_back(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("sets")
    source = folder / "a.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    to = data.draw(st.sampled_from(TARGETS))
    there = curator.convert([source], to, folder / "b.jsonl", curator.load_config(folder))
    shape = there.files[0].shape
    assert there.ok == (not there.table) or sum(file.unfit for file in there.files) == there.rows
    assert (folder / "b.jsonl").exists() == there.ok
    if there.ok:
        back = curator.convert([folder / "b.jsonl"], shape, folder / "c.jsonl", curator.load_config(folder))
        assert back.ok, back.table
        assert [json.loads(line) for line in (folder / "c.jsonl").read_bytes().splitlines()] == rows

"""Shapes: what each row reads as, where its text lies, how a set is recognised, and what a conversion loses."""

from __future__ import annotations

import gzip
import json
import pickle
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import paths
from curator.errors import UnknownShapeError, UsageError
from curator.formats import ADAPTERS, SHAPES, Reader, detect, guess_columns, how_to_map, unknown, write
from curator.formats.detect import FAMILY
from curator.formats.turns import read_message
from curator.formats.writing import wrapped_tools
from curator.model import Turn

SHARED = Path(__file__).parents[2] / "shared" / "data"

read = Reader().read


def chat(*turns):
    return {"messages": [{"role": role, "content": text} for role, text in turns]}


HELLO = chat(("user", "Hi"), ("assistant", "Hello."))
CALL = {"id": "c1", "type": "function", "function": {"name": "time", "arguments": '{"zone": "UTC"}'}}
TOOL = {"type": "function", "function": {"name": "time", "parameters": {"type": "object"}}}
PIC = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}


def said(turns):
    return [(turn.role, turn.text) for turn in turns]


# ---------------------------------------------------------------------- what each shape reads as

ROWS = [
    ("openai-chat", HELLO, [("user", "Hi"), ("assistant", "Hello.")]),
    ("openai-chat", {"interactions": [{"role": "user", "text": "Hi"}]}, [("user", "Hi")]),
    ("openai-chat", chat(("developer", "Be brief."), ("user", "Hi")), [("developer", "Be brief."), ("user", "Hi")]),
    ("openai-chat", chat(("human", "Hi"), ("Assistant", "Hello.")), [("human", "Hi"), ("Assistant", "Hello.")]),
    (
        "openai-chat",
        {
            "messages": [
                {"role": "user", "content": [PIC, {"type": "text", "text": "What?"}, {"type": "text", "text": "Say."}]}
            ]
        },
        [("user", "What?\nSay.")],
    ),
    (
        "llama-factory-v1",
        {"messages": [{"role": "user", "content": [{"type": "text", "value": "Hi"}], "loss_weight": 0.0}]},
        [("user", "Hi")],
    ),
    (
        "anthropic-bedrock",
        {"system": "Be brief.", **HELLO},
        [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello.")],
    ),
    (
        "sharegpt",
        {"id": 1, "conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]},
        [("user", "Hi"), ("assistant", "Hello.")],
    ),
    ("sharegpt", {"messages": [{"from": "human", "value": "Hi"}]}, [("user", "Hi")]),
    ("sharegpt", {"conversations": [{"role": "user", "content": "Hi"}]}, [("user", "Hi")]),
    ("sharegpt", {"items": [{"from": "chatgpt", "value": "Hi"}]}, [("assistant", "Hi")]),
    (
        "sharegpt",
        {"system": "Be brief.", "conversations": [{"from": "human", "value": "Hi"}]},
        [("system", "Be brief."), ("user", "Hi")],
    ),
    (
        "alpaca",
        {"instruction": "Add.", "input": "2, 2", "output": "4", "system": "Be exact.", "history": [["Hi", "Hello."]]},
        [("system", "Be exact."), ("user", "Hi"), ("assistant", "Hello."), ("user", "Add.\n2, 2"), ("assistant", "4")],
    ),
    ("alpaca", {"instruction": "Add.", "input": " ", "response": "4"}, [("user", "Add."), ("assistant", "4")]),
    ("prompt-completion", {"prompt": "2+2?", "completion": "4"}, [("user", "2+2?"), ("assistant", "4")]),
    ("prompt-completion", {"prompt": "2+2?", "generation": "4"}, [("user", "2+2?"), ("assistant", "4")]),
    (
        "prompt-completion",
        {"prompt": HELLO["messages"][:1], "completion": HELLO["messages"][1:]},
        [("user", "Hi"), ("assistant", "Hello.")],
    ),
    (
        "question-answer",
        {"question": "How many?", "context": "Two cats.", "answer": "Two."},
        [("user", "Two cats.\nHow many?"), ("assistant", "Two.")],
    ),
    (
        "question-answer",
        {"system_prompt": "Be brief.", "question": "Hi", "response": "Hello."},
        [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello.")],
    ),
    ("prompt-only", {"prompt": "Write a poem."}, [("user", "Write a poem.")]),
    ("trl-kto", {"prompt": "2+2?", "completion": "5", "label": False}, [("user", "2+2?"), ("assistant", "5")]),
    ("trl-kto", {**HELLO, "label": True}, [("user", "Hi"), ("assistant", "Hello.")]),
    (
        "trl-stepwise",
        {"prompt": "2+2+2?", "completions": ["2+2=4", "4+2=6"], "labels": [True, True]},
        [("user", "2+2+2?"), ("assistant", "2+2=4\n4+2=6")],
    ),
    ("text", {"text": "Once upon a time."}, [("assistant", "Once upon a time.")]),
    ("text", {"content": "Once upon a time."}, [("assistant", "Once upon a time.")]),
    (
        "gemini",
        {
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello."}]}],
        },
        [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello.")],
    ),
    (
        "bedrock-converse",
        {
            "schemaVersion": "bedrock-conversation-2024",
            "system": [{"text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [{"text": "Hi"}]},
                {"role": "assistant", "content": [{"text": "Hello."}]},
            ],
        },
        [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello.")],
    ),
    (
        "input-output",
        {"segments": [{"label": False, "text": "Q: 2+2?"}, {"label": True, "text": "4"}]},
        [("user", "Q: 2+2?"), ("assistant", "4")],
    ),
    (
        "self-instruct",
        {"instruction": "Add.", "instances": [{"input": "2, 2", "output": "4"}]},
        [("user", "Add.\n2, 2"), ("assistant", "4")],
    ),
    (
        "oasst",
        {
            "prompt": {
                "role": "prompter",
                "text": "Hi",
                "replies": [
                    {"role": "assistant", "text": "What?", "rank": 1, "replies": []},
                    {"role": "assistant", "text": "Hello.", "rank": 0, "replies": []},
                ],
            }
        },
        [("user", "Hi"), ("assistant", "Hello.")],
    ),
    ("tokenized", {"input_ids": [1, 2], "labels": [-100, 2]}, []),
]


@pytest.mark.parametrize(("shape", "row", "turns"), ROWS, ids=[f"{shape}-{n}" for n, (shape, *_) in enumerate(ROWS)])
def test_a_row_reads_as_the_turns_it_holds(shape, row, turns):
    example = read(row)
    assert example.shape == shape
    assert said(example.turns) == turns
    assert example.value is row


def typed(row):
    """The messages of a row with their contents as lists of one part."""
    return [{**m, "content": [{"type": "text", "value": m["content"]}]} for m in row["messages"]]


ASK, YES, NO = chat(("user", "Hi")), chat(("assistant", "Hello.")), chat(("assistant", "What?"))
WHAT = chat(("user", "Hi"), ("assistant", "What?"))
CANDIDATES = [
    {"content": [{"text": "Hello."}], "preferenceLabel": "preferred"},
    {"content": [{"text": "What?"}], "preferenceLabel": "non-preferred"},
]
GPT = {"chosen": {"from": "gpt", "value": "Hello."}, "rejected": {"from": "gpt", "value": "What?"}}
CONVERSE = [{"role": "user", "content": [{"text": "Hi"}]}, {"role": "assistant", "candidates": CANDIDATES}]

PAIRS = [
    (
        "openai-preference",
        {"input": ASK, "preferred_output": YES["messages"], "non_preferred_output": NO["messages"]},
    ),
    (
        "openai-preference",
        {"input": ASK, "preferred_completion": YES["messages"], "non_preferred_completion": NO["messages"]},
    ),
    ("trl-preference", {"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"}),
    ("trl-preference", {"prompt": ASK["messages"], "chosen": YES["messages"], "rejected": NO["messages"]}),
    ("trl-preference", {"chosen": HELLO["messages"], "rejected": WHAT["messages"]}),
    ("trl-preference", {"prompt": "Hi", "chosen": HELLO["messages"], "rejected": WHAT["messages"]}),
    ("trl-preference", {"conversations": [{"from": "human", "value": "Hi"}], **GPT}),
    ("trl-preference", {"instruction": "Hi", "chosen_response": "Hello.", "rejected_response": "What?"}),
    ("trl-preference", {**HELLO, "rejected_response": "What?"}),
    ("trl-preference", {"prompt": "Hi", "answers": [{"answer": "What?", "rank": 2}, {"answer": "Hello.", "rank": 1}]}),
    ("llama-factory-v1", {"chosen_messages": typed(HELLO), "rejected_messages": typed(WHAT)}),
    ("bedrock-converse", {"schemaVersion": "bedrock-conversation-2024", "messages": CONVERSE}),
]


@pytest.mark.parametrize(("shape", "row"), PAIRS)
def test_a_preference_row_reads_as_a_prompt_and_two_answers(shape, row):
    example = read(row)
    assert example.shape == shape
    assert said(example.turns) == [("user", "Hi")]
    assert said(example.chosen) == [("assistant", "Hello.")]
    assert said(example.rejected) == [("assistant", "What?")]


def test_a_message_keeps_all_it_says_beside_its_text():
    row = {
        "messages": [
            {"role": "user", "content": "Time?", "name": "ada"},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 0},
            {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
            {"role": "assistant", "reasoning_content": "It is noon.", "content": "Noon.", "weight": 1},
        ],
        "tools": [TOOL],
    }
    example = read(row)
    user, asking, tool, answer = example.turns
    assert user.name == "ada"
    assert (asking.content, asking.weight, asking.text) == (False, 0.0, "")
    (call,) = asking.calls
    assert (call.name, call.arguments, call.raw, call.id) == ("time", {"zone": "UTC"}, '{"zone": "UTC"}', "c1")
    assert call.path == "messages[1].tool_calls[0]"
    assert (tool.call_id, tool.text) == ("c1", "12:00")
    assert (answer.reasoning, answer.weight) == ("It is noon.", 1.0)
    assert (example.tools, example.tools_path) == ((TOOL,), "tools")


def test_the_older_form_of_calls_is_read():
    row = {
        "messages": [
            {"role": "assistant", "content": None, "function_call": {"name": "time", "arguments": "{broken"}},
            {"role": "function", "name": "time", "content": "12:00"},
        ],
        "functions": [TOOL["function"]],
    }
    example = read(row)
    assert example.turns[0].calls[0].arguments is None
    assert example.turns[0].calls[0].raw == "{broken"
    assert example.turns[0].calls[0].path == "messages[0].function_call"
    assert (example.turns[1].role, example.turns[1].said) == ("tool", "function")
    assert example.tools_path == "functions"


def test_a_refusal_is_the_text_of_a_turn_without_content():
    turn = read({"messages": [{"role": "assistant", "content": None, "refusal": "No."}]}).turns[0]
    assert (turn.text, turn.path, turn.content) == ("No.", "messages[0].refusal", True)


def test_media_are_counted_and_are_no_text():
    turn = read({"messages": [{"role": "user", "content": [PIC, PIC]}]}).turns[0]
    assert (turn.media, turn.text) == (2, "")


def test_sharegpt_calls_are_calls_and_function_is_told_by_its_place():
    value = '{"name": "time", "arguments": {"zone": "UTC"}}'
    talk = [
        {"from": "human", "value": "Time?"},
        {"from": "function", "value": value},
        {"from": "function", "value": "12:00"},
        {"from": "function_call", "value": "no JSON"},
        {"from": "observation", "value": "12:01"},
    ]
    example = read({"conversations": talk, "tools": json.dumps([TOOL])})
    assert [turn.role for turn in example.turns] == ["user", "assistant", "tool", "assistant", "tool"]
    assert example.turns[1].calls[0].arguments == {"zone": "UTC"}
    assert example.turns[1].calls[0].path == "conversations[1].value"
    assert (example.turns[3].calls[0].name, example.turns[3].calls[0].raw) == (None, "no JSON")
    assert example.tools == (TOOL,)


def test_the_calls_and_thoughts_of_part_lists_are_read():
    parts = [
        {"type": "reasoning", "value": "Hm."},
        {"type": "text", "value": "Let me see."},
        {"type": "tool_call", "value": '{"name": "time", "arguments": {}}'},
        {"type": "tool_use", "name": "zone", "input": {}, "id": "t1"},
    ]
    turn = read({"messages": [{"role": "assistant", "content": parts}]}).turns[0]
    assert (turn.text, turn.reasoning) == ("Let me see.", "Hm.")
    assert [(call.name, call.path) for call in turn.calls] == [
        ("time", "messages[0].content[2]"),
        ("zone", "messages[0].content[3]"),
    ]


# ---------------------------------------------------------------------- where the text lies


def check_places(row, turn: Turn):
    """The text of a turn is what stands at its paths, letter for letter."""
    if turn.pieces:
        for piece in turn.pieces:
            assert paths.get(row, piece.path) == turn.text[piece.start : piece.start + piece.length]
    elif turn.text:
        assert paths.get(row, turn.path) == turn.text
    if turn.base:
        assert paths.get(row, turn.base, None) is not None


@pytest.mark.parametrize("row", [row for _, row, _ in ROWS] + [row for _, row in PAIRS])
def test_every_text_lies_at_its_path(row):
    for turn in read(row).all_turns():
        check_places(row, turn)


def test_a_span_that_crosses_parts_is_given_to_the_part_it_begins_in():
    turn = read({"instruction": "Add.", "input": "2, 2", "output": "4"}).turns[0]
    assert turn.text == "Add.\n2, 2"
    assert turn.place(0, 3) == ("instruction", (0, 3))
    assert turn.place(5, 9) == ("input", (0, 4))
    assert turn.place(2, 7) == ("instruction", (2, 4))


# ---------------------------------------------------------------------- what is not known


def test_an_unknown_shape_is_nothing_and_never_empty_text():
    assert read({"ticket": "It is broken.", "reply": "Restart it."}) is None
    assert read({}) is None
    assert read({"messages": '[{"role": "user", "content": "Hi"}]'}) is None, "a string is no list of messages"


def test_what_is_missing_or_of_the_wrong_type_gives_turns_without_text():
    row = {"messages": [{"role": "user"}, {"content": "Hello."}, {"role": "assistant", "content": 7}, "Hm", None]}
    turns = read(row).turns
    assert [(turn.role, turn.text, turn.content) for turn in turns] == [
        ("user", "", False),
        ("", "Hello.", True),
        ("assistant", "", False),
        ("", "Hm", True),
        ("", "", False),
    ]


def test_a_row_that_lacks_a_column_is_still_of_its_shape():
    assert read({"instruction": "Add.", "input": "2"}).shape == "alpaca"
    assert read({"messages": []}).shape == "openai-chat"
    assert read({"messages": None, "prompt": "Hi", "completion": "Hello."}).shape == "prompt-completion"
    assert read({"mesages": HELLO["messages"]}).turns[0].path == "mesages[0].content"


KEYS = (
    "messages role content from value conversations text instruction input output prompt completion chosen rejected "
    "label labels completions tool_calls function name arguments system tools contents parts history weight type "
    "image_url input_ids segments instances replies answers answer rank question context toolUse functionCall "
    "functionResponse candidates preferred_output non_preferred_output schemaVersion systemInstruction refusal"
).split()
WORDS = ["user", "assistant", "human", "gpt", "tool", "function", "function_call", "text", '{"name": "f"}', "Hi", ""]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text(max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=5)
READERS = [Reader(), *(Reader(shape) for shape in SHAPES), Reader(columns={"question": "user", "messages": "messages"})]


@settings(max_examples=300, deadline=None)
@given(OBJECTS)
def test_no_object_is_too_odd_to_read_and_no_text_is_misplaced(row):
    for reader in READERS:
        example = reader.read(row)
        if example is not None:
            assert example.value is row
            for turn in example.all_turns():
                check_places(row, turn)
    if example := read(row):
        for shape in SHAPES:
            write(example, shape)
    detect([row])
    guess_columns([row, row])


# ---------------------------------------------------------------------- the reader


def test_the_expected_shape_is_tried_first_and_the_others_after_it():
    both = {"text": "Hi", "prompt": "2+2?", "completion": "4"}
    assert Reader("text").read(both).shape == "text"
    assert Reader().read(both).shape == "prompt-completion"
    assert Reader("text").read(HELLO).shape == "openai-chat"


def test_a_reader_travels_to_other_processes():
    reader = pickle.loads(pickle.dumps(Reader("alpaca", {"q": "user", "a": "assistant"})))
    assert (reader.shape, reader.columns) == ("alpaca", {"q": "user", "a": "assistant"})
    assert said(reader.read({"q": "Hi", "a": "Hello."}).turns) == [("user", "Hi"), ("assistant", "Hello.")]


def test_an_unknown_shape_name_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match=r"alpca(.|\n)*alpaca"):
        Reader("alpca")


def test_names_are_unique_and_every_adapter_finds_itself():
    assert len({adapter.name for adapter in ADAPTERS}) == len(ADAPTERS)
    for shape, row, _ in ROWS:
        assert SHAPES[shape].matches(row) > 0


# ---------------------------------------------------------------------- columns of one's own


def test_mapped_columns_are_read_as_turns_in_the_order_of_the_map():
    reader = Reader(columns={"sys": "system", "q": "user", "my answer": "assistant"})
    row = {"my answer": "Hello.", "q": "Hi", "sys": "Be brief.", "id": 1}
    example = reader.read(row)
    assert example.shape == "mapped"
    assert said(example.turns) == [("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello.")]
    for turn in example.turns:
        check_places(row, turn)


def test_lists_pairs_and_verdicts_can_be_mapped():
    talk = [{"from": "human", "value": "Hi"}]
    reader = Reader(columns={"dialog": "messages", "good": "chosen", "bad": "rejected", "ok": "label", "fns": "tools"})
    example = reader.read({"dialog": talk, "good": "Hello.", "bad": "What?", "ok": True, "fns": [TOOL]})
    assert said(example.turns) == [("user", "Hi")]
    assert (said(example.chosen), said(example.rejected)) == ([("assistant", "Hello.")], [("assistant", "What?")])
    assert (example.label, example.tools, example.tools_path) == (True, (TOOL,), "fns")


def test_a_row_without_one_mapped_column_has_a_turn_without_text_and_without_all_is_unknown():
    reader = Reader(columns={"q": "user", "a": "assistant"})
    assert [turn.content for turn in reader.read({"q": "Hi"}).turns] == [True, False]
    assert reader.read({"x": "Hi"}) is None


def test_a_column_cannot_be_mapped_to_a_role_nobody_knows():
    with pytest.raises(UsageError, match="cannot be 'usr'"):
        Reader(columns={"q": "usr"})


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"q": "How are you today?", "reply": "Fine, thank you."}, {"q": "user", "reply": "assistant"}),
        (
            {"ticket_text": "It is broken.", "agent_answer": "Restart it.", "id": "a7"},
            {"ticket_text": "user", "agent_answer": "assistant"},
        ),
        (
            {"sys": "Be brief.", "userQuestion": "Who are you?", "modelResponse": "A model."},
            {"sys": "system", "userQuestion": "user", "modelResponse": "assistant"},
        ),
        ({"dialog": HELLO["messages"], "id": 1}, {"dialog": "messages"}),
        ({"full_text": "Once upon a time.", "n": 3}, {"full_text": "text"}),
        (
            {"one": "Is it on?", "two": "Hold the button for ten seconds until the lamp turns red, then let go."},
            {"one": "user", "two": "assistant"},
        ),
    ],
)
def test_unknown_columns_are_guessed_with_reasons(row, columns):
    guess = guess_columns([row] * 3)
    assert guess.columns == columns
    assert 0 < guess.confidence <= 1
    assert guess.reasons
    assert Reader(columns=guess.columns).read(row).turns


def test_lengths_alone_give_no_more_than_half_confidence_and_nothing_gives_no_guess():
    guess = guess_columns([{"one": "a b", "two": "much longer text than the other"}])
    assert guess.confidence <= 0.5
    assert guess_columns([{"a_id": "x1", "score": 3}]) is None
    assert guess_columns([]) is None


@pytest.mark.parametrize(
    ("row", "option"),
    [
        (
            {"ticket": "T-1", "customer": "Ann", "question": "Is it on?", "answer": "Yes."},
            "question=user,answer=assistant",
        ),
        ({"customer name": "Ann", "my question": "Is it on?", "reply": "It is."}, "'my question=user,reply=assistant'"),
        ({"question": "Is it on?", "answer, short": "It is."}, "guess"),
        ({"question": "Is it on?", "answer_a": "It is on.", "answer_b": "It is off."}, ("question", "answer_b")),
        ({"aside": "It is off.", "body": "It is on and stays on until somebody turns it off."}, ("aside", "body")),
    ],
)
def test_the_way_to_name_columns_holds_the_guess_or_an_example(row, option):
    wanted = f"--map {option}"
    if isinstance(option, tuple):
        wanted = f"say which column is what, such as --map {option[0]}=user,{option[1]}=assistant"
    assert how_to_map([row] * 3) == wanted


@pytest.mark.parametrize(
    "row",
    [
        {"ticket": "T-1", "agent_reply": "It is on."},
        {"title": "On", "body": "It is on and stays on until somebody turns it off."},
    ],
)
def test_no_column_of_numbers_or_single_words_is_proposed_as_a_question(row):
    keys = ", ".join(map(repr, row))
    wanted = f"no column is surely a question or an answer (keys seen: {keys}); "
    assert how_to_map([row] * 3) == wanted + "name yours: --map COLUMN=user,OTHER=assistant"


# ---------------------------------------------------------------------- detection


def test_a_set_is_of_the_shape_of_most_of_its_rows():
    found = detect([HELLO] * 30 + [{"text": "Hi"}])
    assert found.shape == "openai-chat"
    assert found.counts == {"openai-chat": 30, "text": 1}
    assert found.outliers == (30,)
    assert found.confidence == pytest.approx(0.97 * 30 / 31, abs=1e-3)
    assert found.mixed
    assert found.keys == ("messages", "text")


def test_shapes_of_one_family_are_not_mixed():
    found = detect([HELLO] * 9 + [{"system": "Be brief.", **HELLO}])
    assert (found.shape, found.outliers, found.mixed) == ("openai-chat", (), False)


def test_a_large_set_is_sampled_at_its_beginning_and_throughout():
    rows = [HELLO] * 5000 + [{"text": "Hi"}] * 5000
    assert sum(detect(rows).counts.values()) == 400
    assert detect(rows).counts["text"] > 80


def test_rows_for_a_grader_are_told_by_the_whole_set():
    row = {**chat(("user", "2+2?")), "reference_answer": "4"}
    found = detect([row] * 20)
    assert found.shape == "openai-rft"
    assert Reader(found.shape).read(row).shape == "openai-rft"
    assert detect([{**HELLO, "id": 1}] * 20 + [row]).shape == "openai-chat", "one row that ends so is a fault"


def test_messages_written_as_a_string_are_recognised_with_a_doubt():
    sure, doubtful = detect([HELLO]), detect([{"messages": json.dumps(HELLO["messages"])}])
    assert doubtful.shape == "openai-chat"
    assert doubtful.confidence == pytest.approx(sure.confidence - 0.2)


def test_nothing_known_is_no_shape_and_the_error_names_the_keys():
    found = detect([{"ticket": "x", "agent": "y"}])
    assert (found.shape, found.confidence, found.keys) == (None, 0.0, ("ticket", "agent"))
    assert detect([]).shape is None
    error = unknown(found.keys, "data.jsonl")
    assert isinstance(error, UnknownShapeError)
    assert "'ticket', 'agent'" in str(error)
    assert "--map" in str(error)


# ---------------------------------------------------------------------- conversions

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12).filter(str.strip)
NAMES = st.sampled_from(["time", "search", "add"])


@st.composite
def talks(draw):
    """Legal openai-chat rows: system, exchanges, tool calls and their results, weights, names, other columns."""
    messages = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(TEXT)})
    for n in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(TEXT)})
        if draw(st.integers(0, 3)) == 0:
            arguments = draw(st.dictionaries(TEXT, TEXT | st.integers(-9, 9), max_size=2))
            function = {"name": draw(NAMES), "arguments": json.dumps(arguments)}
            messages.append(
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": f"call{n + 1:05d}", "type": "function", "function": function}],
                }
            )
            messages.append({"role": "tool", "tool_call_id": f"call{n + 1:05d}", "content": draw(TEXT)})
        answer = {"role": "assistant", "content": draw(TEXT)}
        if draw(st.integers(0, 3)) == 0:
            answer["weight"] = draw(st.sampled_from([0, 1]))
        if draw(st.integers(0, 5)) == 0:
            answer["reasoning_content"] = draw(TEXT)
        messages.append(answer)
    row = {"messages": messages}
    if draw(st.booleans()):
        row["tools"] = [TOOL]
    if draw(st.booleans()):
        row["source"] = {"page": draw(st.integers(0, 99))}
    return row


def meaning(example):
    """What a row says, whatever its shape: ids of calls are told by their order alone."""
    ids = {}
    for turn in example.all_turns():
        for number in (*(call.id for call in turn.calls), turn.call_id):
            ids.setdefault(number, len(ids))
    turns = [
        (
            turn.role,
            turn.text,
            [(call.name, call.arguments) for call in turn.calls],
            turn.name if turn.role != "tool" else None,  # Gemini names the call that a result is of
            None if turn.role == "assistant" and turn.weight == 1 else turn.weight,  # which answers have anyway
            turn.reasoning,
            turn.media,
        )
        for turn in example.all_turns()
    ]
    empty = {"description": "", "parameters": {"type": "object", "properties": {}}}  # Mistral wants both
    tools = [empty | tool.get("function", tool) for tool in wrapped_tools(example)]
    return turns, tools, len(example.chosen), len(example.rejected), example.label


@settings(max_examples=150, deadline=None)
@given(talks())
def test_a_conversion_without_losses_comes_back_as_it_was(row):
    example = read(row)
    for shape in SHAPES:
        written, losses = write(example, shape)
        if losses or shape == "openai-chat":
            continue
        again = Reader(shape).read(json.loads(json.dumps(written)))
        assert FAMILY.get(again.shape, again.shape) == FAMILY.get(shape, shape)
        assert meaning(again) == meaning(example), shape
        back, losses = write(again, "openai-chat")
        assert not losses, shape
        assert meaning(read(back)) == meaning(example), shape
        assert back.get("source") == row.get("source"), "other columns travel along"


@pytest.mark.parametrize(
    ("shape", "row"),
    [(s, r) for s, r, t in ROWS if t] + PAIRS,
)
def test_every_row_can_be_written_in_every_shape_and_without_losses_comes_back(shape, row):
    example = read({**row, "note": {"kept": [1]}} if shape not in ("anthropic-bedrock",) else row)
    for target in SHAPES:
        written, losses = write(example, target)
        json.dumps(written)
        if losses or target == example.shape:
            continue
        again = Reader(target).read(written)
        assert meaning(again) == meaning(example), target
        if "note" in example.value:
            assert written["note"] == {"kept": [1]}


def test_what_a_shape_cannot_hold_is_named():
    row = {
        "messages": [
            {"role": "user", "content": [PIC, {"type": "text", "text": "Time?"}], "name": "ada"},
            {"role": "assistant", "content": None, "tool_calls": [CALL], "weight": 0},
            {"role": "tool", "tool_call_id": "c1", "content": "12:00"},
            {"role": "assistant", "content": "Noon.", "reasoning_content": "It is noon."},
        ],
        "tools": [TOOL],
    }
    losses = write(read(row), "alpaca").losses
    assert {"tool calls", "tool results", "names", "weights", "media", "reasoning", "tools"} <= set(losses)
    assert "tool call ids" in write(read(row), "sharegpt").losses
    pair = read({"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"})
    assert write(pair, "openai-chat").losses == ["the rejected answer"]
    assert write(read(HELLO), "trl-preference").losses == ["nothing is there for the rejected answer"]
    assert write(read({"messages": [{"role": "user"}]}), "sharegpt").losses, "a faulty row is not mended on the way"


def test_a_column_that_the_target_would_read_is_not_overwritten():
    written, losses = write(read({**HELLO, "output": "another"}), "alpaca")
    assert written["output"] == "Hello."
    assert losses == ["the column 'output'"]


def test_a_row_of_the_shape_already_is_given_back_as_it_is():
    example = read({**HELLO, "id": 1})
    assert write(example, "openai-chat") == ({**HELLO, "id": 1}, [])
    with pytest.raises(UsageError):
        write(example, "alpca")


# ---------------------------------------------------------------------- real sets

REAL = {
    "axolotl_fixtures/alpaca.json": "alpaca",
    "axolotl_fixtures/conversation.json": "sharegpt",
    "axolotl_fixtures/conversation.missingturns.json": "sharegpt",
    "axolotl_fixtures/conversation.tokenized_llama2chat.json": "tokenized",
    "azure/generated_labels_context_switching_prepared_train.jsonl": "prompt-completion",
    "azure/recipes_final.jsonl": None,
    "fireworks/food_reasoning.jsonl": "openai-chat",
    "gpteacher/codegen-instruct.json": "alpaca",
    "gpteacher/toolformer-similarity-0.6-dataset.json": "alpaca",
    "gsm8k/test.jsonl": "question-answer",
    "gsm8k/example_model_solutions.jsonl": None,
    "bench_humaneval/HumanEval.jsonl.gz": "prompt-only",
    "llamafactory/alpaca_en_demo.json": "alpaca",
    "llamafactory/alpaca_zh_demo.json": "alpaca",
    "llamafactory/c4_demo.jsonl": "text",
    "llamafactory/dpo_en_demo.json": "trl-preference",
    "llamafactory/glaive_toolcall_en_demo.json": "sharegpt",
    "llamafactory/kto_en_demo.json": "trl-kto",
    "llamafactory/mllm_demo.json": "openai-chat",
    "llamafactory/reason_tool_use_demo_50.jsonl": "llama-factory-v1",
    "llamafactory/v1_dpo_demo.jsonl": "llama-factory-v1",
    "llamafactory/v1_sft_demo.jsonl": "llama-factory-v1",
    "mlx_wikisql/train.jsonl": "text",
    "mlx_wwdc25/train.jsonl": "prompt-completion",
    "oasst_sample/en_100_message.jsonl": "oasst",
    "oasst_sample/en_100_tree.jsonl": "oasst",
    "openai_cookbook/drone_training.jsonl": "openai-chat",
    "openai_cookbook/toy_chat_fine_tuning.jsonl": "openai-chat",
    "pii_presidio/generated_small.json": None,
    "self_instruct/seed_tasks.jsonl": "self-instruct",
    "sharegpt_fastchat/dummy_conversation.json": "sharegpt",
    "sharegpt_fastchat/mt_bench_question.jsonl": None,
}


def rows_of(name):
    file = SHARED / name
    if not file.exists():
        pytest.skip("the larger data are not here")
    data = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    text = data.decode("utf-8-sig")
    if file.suffix == ".json":
        try:
            value = json.loads(text)
            return value if isinstance(value, list) else [value]
        except ValueError:
            pass
    return [json.loads(line) for line in text.split("\n") if line.strip()]


@pytest.mark.parametrize(("name", "shape"), REAL.items())
def test_real_sets_are_recognised_and_every_row_is_read_with_its_text_in_place(name, shape):
    rows = rows_of(name)
    found = detect(rows)
    assert (found.shape, found.outliers) == (shape, ())
    reader = Reader(shape)
    shapes = Counter()
    for row in rows[:400]:
        example = reader.read(row)
        shapes[example.shape if example else None] += 1
        for turn in example.all_turns() if example else ():
            check_places(row, turn)
            assert turn.role in ("system", "user", "assistant", "tool")
    assert set(shapes) == {shape}


def test_a_text_part_with_null_media_is_text():
    """Tables give every part every key: what another part holds is null in this one."""
    part = {"type": "text", "text": "What is in it?", "image_url": None, "video": None}
    picture = {"type": "image_url", "text": None, "image_url": {"url": "https://example.com/cat.png"}, "video": None}
    turn = read_message({"role": "user", "content": [part, picture]}, "messages[0]")
    assert (turn.text, turn.media) == ("What is in it?", 1)

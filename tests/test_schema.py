"""SCH: what is legal raises nothing, what is broken is told where it is broken, and only once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator.checks.schema import keys, turns
from curator.columns import Batch, Literals
from curator.formats import Reader, detect
from curator.harness import RowsOfBatch, mended
from curator.rule import RULES, DatasetRule
from curator.tokens import Estimate

SHARED = Path(__file__).parents[2] / "shared" / "data"

RULES_HERE = [rule() for code, rule in sorted(RULES.items()) if code.startswith("SCH")]


def lint(rows, shape=None, columns=None):
    """(code, row, path) of every finding of the family, in order."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    batch = Batch(b"\n".join(lines) + b"\n", Reader(shape, columns), Estimate(), Literals.of(RULES_HERE))
    seen = RowsOfBatch(batch)
    found = []
    for rule in RULES_HERE:
        flags = rule.check(rule.sketch(batch), seen) if isinstance(rule, DatasetRule) else rule.flags(batch)
        found += [(rule.code, index, flag.at) for index, flag in flags]
    return found


def of_one(row):
    """(code, path) of every finding on a row by itself."""
    return [(code, at) for code, _, at in lint([row])]


def message(*messages):
    return {"messages": [{"role": "user", "content": "Hi"}, *messages]}


def answer(**keys):
    return message({"role": "assistant", "content": "Hello.", **keys})


CALL = {"id": "c1", "type": "function", "function": {"name": "time", "arguments": "{}"}}
PIC = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}


# ---------------------------------------------------------------------- what is legal

LEGAL = {
    "a plain row": answer(),
    "null content beside tool calls": message({"role": "assistant", "content": None, "tool_calls": [CALL]}),
    "no content beside tool calls": message({"role": "assistant", "tool_calls": [CALL]}),
    "an older function call": message(
        {"role": "assistant", "content": None, "function_call": {"name": "time", "arguments": "{}"}},
        {"role": "function", "name": "time", "content": "12:00"},
        {"role": "assistant", "content": "Noon."},
    ),
    "a refusal": message({"role": "assistant", "content": None, "refusal": "No."}),
    "parts with an image": {
        "messages": [
            {"role": "user", "content": [PIC, {"type": "text", "text": "What?"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
        ]
    },
    "parts with values and loss weights": {
        "messages": [
            {"role": "user", "content": [{"type": "text", "value": "Hi"}], "loss_weight": 0.0},
            {"role": "assistant", "content": [{"type": "reasoning", "value": "Hm."}], "loss_weight": 1.0},
        ]
    },
    "reasoning beside content": answer(reasoning_content="The user greets."),
    "names and weights": answer(name="ada", weight=1),
    "columns beside the messages": answer() | {"id": 7, "source": "web", "metadata": {"a": 1}, "score": 0.5},
    "a developer prompt": {"messages": [{"role": "developer", "content": "Be brief."}, *answer()["messages"]]},
    "a system prompt beside": answer() | {"system": "Be brief and polite to everyone."},
    "a message with its id and time": answer(id="m1", timestamp=3),
    "sharegpt": {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]},
    "sharegpt with tools as a string": {
        "conversations": [
            {"from": "human", "value": "Time?"},
            {"from": "function_call", "value": '{"name": "time", "arguments": {}}'},
            {"from": "observation", "value": "12:00"},
            {"from": "gpt", "value": "Noon."},
        ],
        "tools": json.dumps([{"name": "time", "parameters": {}}]),
    },
    "sharegpt without weights": {
        "conversations": [
            {"from": "human", "value": "Hi", "weight": None},
            {"from": "gpt", "value": "Hello.", "weight": 1},
        ]
    },
    "alpaca without input": {"instruction": "Add 2 and 2.", "output": "4"},
    "alpaca with a rendering": {"instruction": "Add 2 and 2.", "input": None, "output": "4", "text": "Add 2 and 2: 4"},
    "a prompt repeated in a column": answer() | {"prompt": "Hi"},
    "a preference row": {"prompt": "Hi", "chosen": "Hello.", "rejected": "What?"},
    "an unpaired row": {"prompt": "Hi", "completion": "Hello.", "label": True},
    "a row for a grader": {"prompt": "What is 2 and 2?", "solution": "It is 4, since 2 and 2 are 4 in all."},
    "a bedrock pair": {
        "schemaVersion": "bedrock-conversation-2024",
        "messages": [
            {"role": "user", "content": [{"text": "Hi"}]},
            {
                "role": "assistant",
                "candidates": [
                    {"content": [{"text": "Hello."}], "preferenceLabel": "preferred"},
                    {"content": [{"text": "What?"}], "preferenceLabel": "non-preferred"},
                ],
            },
        ],
    },
    "gemini": {"contents": [{"parts": [{"text": "Hi"}]}, {"role": "model", "parts": [{"text": "Hello."}]}]},
    "empty columns of other shapes": {"messages": None, "conversations": None, "prompt": "Hi", "completion": "Hello."},
    "a text that speaks of markers": {"text": "End a turn with `<|im_end|>`, open it with `<|im_start|>user`."},
    "an answer that is a list of messages": answer(content='[{"role": "user", "content": "Hi"}]'),
    "token ids": {"input_ids": [1, 2], "labels": [-100, 2]},
}  # fmt: skip


@pytest.mark.parametrize("row", LEGAL.values(), ids=LEGAL)
def test_what_is_legal_raises_nothing(row):
    assert of_one(row) == []


@pytest.mark.parametrize(
    ("row", "meant"),
    [
        ({"instrucion": "Add.", "outptu": "4"}, "(did you mean 'instruction' for 'instrucion'?)"),
        ({"role": "user", "content": "Hi"}, ""),
        ({"content": [1], "promt": 2}, "(did you mean 'prompt' for 'promt'?)"),
    ],
)
def test_what_is_meant_is_said_of_keys_that_no_shape_has(row, meant):
    batch = Batch(json.dumps(row).encode() + b"\n", Reader(), Estimate(), Literals.of(()))
    ((_, flag),) = RULES["SCH001"]().flags(batch)
    assert flag.message.partition("(")[2] == meant.removeprefix("(")


# ---------------------------------------------------------------------- what is broken

BROKEN = {
    "no known column": ({"ticket": "x", "agent": "y"}, [("SCH001", "")]),
    "an empty object": ({}, [("SCH001", "")]),
    "no messages": ({"messages": []}, [("SCH003", "messages")]),
    "messages that are an object": ({"messages": {"role": "user"}}, [("SCH003", "messages")]),
    "messages that are a word": ({"messages": "Hi"}, [("SCH003", "messages")]),
    "a misspelt list": ({"mesages": answer()["messages"]}, [("SCH003", ""), ("SCH007", "mesages")]),
    "no role": (message({"content": "Hello."}), [("SCH004", "messages[1].role")]),
    "a null role": (answer(role=None), [("SCH004", "messages[1].role")]),
    "no content": (message({"role": "assistant"}), [("SCH004", "messages[1].content")]),
    "no content beside empty calls": (
        message({"role": "assistant", "content": None, "tool_calls": []}),
        [("SCH006", "messages[1].content")],
    ),
    "an empty message": (message({}), [("SCH004", "messages[1].role"), ("SCH004", "messages[1].content")]),
    "a message that is a string": (message("Hello."), [("SCH004", "messages[1]")]),
    "two spellings": (
        message({"from": "gpt", "value": "Hello."}),
        [("SCH004", "messages[1].role"), ("SCH004", "messages[1].content")],
    ),
    "a missing output": ({"instruction": "Add.", "input": "2, 2"}, [("SCH004", "output")]),
    "a role in capitals": (answer(role="Assistant"), [("SCH005", "messages[1].role")]),
    "a role of another format": (answer(role="bot"), [("SCH005", "messages[1].role")]),
    "a role that is a number": (answer(role=2), [("SCH005", "messages[1].role")]),
    "null content": (answer(content=None), [("SCH006", "messages[1].content")]),
    "a number as content": (answer(content=7), [("SCH006", "messages[1].content")]),
    "an object as content": (answer(content={"text": "Hello."}), [("SCH006", "messages[1].content")]),
    "true as content": (answer(content=True), [("SCH006", "messages[1].content")]),
    "a string among parts": (answer(content=["Hello."]), [("SCH006", "messages[1].content[0]")]),
    "a part without text": (answer(content=[{"type": "text"}]), [("SCH006", "messages[1].content[0].content")]),
    "a number as answer": ({"question": "2+2?", "answer": 4}, [("SCH006", "answer")]),
    "null text": ({"text": None}, [("SCH006", "text")]),
    "a misspelt content": (
        message({"role": "assistant", "contents": "Hello."}),
        [("SCH004", "messages[1].content"), ("SCH007", "messages[1].contents")],
    ),
    "a misspelt column": (
        {"instruction": "Add.", "inputs": "2, 2", "output": "4"},
        [("SCH007", "inputs")],
    ),
    "a context of its own": (
        answer() | {"context": "The office is open from nine to five."},
        [("SCH008", "context")],
    ),
    "a weight of two": (answer(weight=2), [("SCH009", "messages[1].weight")]),
    "a weight that is true": (answer(weight=True), [("SCH009", "messages[1].weight")]),
    "weight 0 on every answer": (answer(weight=0), [("SCH010", "")]),
    "a rendered text": (
        {"text": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>"},
        [("SCH011", "text")],
    ),
    "messages as a string": ({"messages": json.dumps(answer()["messages"])}, [("SCH012", "messages")]),
    "messages as Python writes them": ({"messages": str(answer()["messages"])}, [("SCH012", "messages")]),
}  # fmt: skip


@pytest.mark.parametrize(("row", "findings"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_is_told_where_it_is_broken_and_once(row, findings):
    assert of_one(row) == findings


def test_a_faulty_row_does_not_hide_among_good_ones():
    rows = [answer()] * 50
    for row, findings in BROKEN.values():
        found = [(code, at) for code, index, at in lint([*rows, row], "openai-chat") if index == 50]
        assert set(findings) <= set(found)


# ---------------------------------------------------------------------- roles


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Assistant", "assistant"),
        (" assistant", "assistant"),
        ("gpt", "assistant"),
        ("AI", "assistant"),
        ("chat-bot", "assistant"),
    ],
)
def test_the_role_that_is_meant_is_written_in_its_place(said, meant):
    assert json.loads(mended(turns.UnknownRole(), answer(role=said))) == answer(role=meant)


def test_no_role_is_guessed_that_the_place_contradicts():
    """A "human" who answers a user is more likely the assistant: that is for a person to say."""
    for said in ("human", "customer"):
        ((_, flag),) = turns.UnknownRole().flags(
            Batch(json.dumps(answer(role=said)).encode(), Reader(), Estimate(), Literals.of(()))
        )
        assert flag.fix is None


# ---------------------------------------------------------------------- mixed shapes

ALPACA = {"instruction": "Add 2 and 2.", "input": "", "output": "4"}


def test_the_rows_of_the_rarer_shape_are_flagged():
    assert [(c, n) for c, n, _ in lint([answer(), answer(), ALPACA])] == [("SCH002", 2)]
    assert [(c, n) for c, n, _ in lint([ALPACA, answer(), ALPACA])] == [("SCH002", 1)]


def test_a_tie_goes_to_the_shape_of_the_first_row():
    assert [(c, n) for c, n, _ in lint([answer(), ALPACA])] == [("SCH002", 1)]


def test_the_shape_a_file_was_found_to_have_is_its_measure():
    assert [(c, n) for c, n, _ in lint([ALPACA, answer()], "openai-chat")] == [("SCH002", 0)]


def test_variants_of_one_shape_are_not_mixed():
    rows = [answer(), answer() | {"system": "Be brief."}, {"system": "Be brief.", **answer()}]
    assert lint(rows) == []


def test_a_file_all_of_one_shape_is_not_mixed_whatever_was_expected():
    assert lint([answer(), answer()], "alpaca") == []


# ---------------------------------------------------------------------- keys and columns


def test_a_key_that_most_rows_have_is_a_column_and_no_finding():
    assert lint([answer(mood=n) for n in range(10)]) == []
    assert [(c, n) for c, n, _ in lint([*[answer()] * 9, answer(mood=1)])] == [("SCH007", 9)]


def test_a_column_of_the_whole_set_that_nobody_reads_is_told_once():
    rows = [answer() | {"rationale": f"It is polite to greet {n} people in return."} for n in range(40)]
    assert lint(rows) == [("SCH008", 0, "rationale")]
    assert [n for _, n, _ in lint([*[answer()] * 20, *rows[:5]])] == [20, 21, 22, 23, 24]


def test_a_misspelt_key_is_renamed_safely_and_the_row_is_whole_again():
    row = message({"role": "assistant", "contents": "Hello."})
    assert json.loads(mended(keys.UnknownKey(), [row])) == answer()


# ---------------------------------------------------------------------- real sets

QUIET = [
    "axolotl_fixtures/alpaca.json",
    "azure/generated_labels_context_switching_prepared_train.jsonl",
    "fireworks/food_reasoning.jsonl",
    "gpteacher/codegen-instruct.json",
    "gpteacher/toolformer-similarity-0.6-dataset.json",
    "llamafactory/alpaca_en_demo.json",
    "llamafactory/c4_demo.jsonl",
    "llamafactory/dpo_en_demo.json",
    "llamafactory/glaive_toolcall_en_demo.json",
    "llamafactory/kto_en_demo.json",
    "llamafactory/mllm_demo.json",
    "llamafactory/reason_tool_use_demo_50.jsonl",
    "llamafactory/v1_dpo_demo.jsonl",
    "llamafactory/v1_sft_demo.jsonl",
    "mlx_wikisql/train.jsonl",
    "mlx_wwdc25/valid.jsonl",
    "oasst_sample/en_100_message.jsonl",
    "oasst_sample/en_100_tree.jsonl",
    "openai_cookbook/drone_training.jsonl",
    "openai_cookbook/toy_chat_fine_tuning.jsonl",
    "self_instruct/seed_tasks.jsonl",
    "sharegpt_fastchat/dummy_conversation.json",
]


@pytest.mark.parametrize("name", QUIET)
def test_real_sets_are_quiet(name):
    file = SHARED / name
    if not file.exists():
        pytest.skip("the larger data are not here")
    text = file.read_text(encoding="utf-8-sig")
    rows = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.split("\n") if line.strip()]
    assert lint(rows, detect(rows).shape) == []

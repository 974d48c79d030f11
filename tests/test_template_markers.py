"""Control tokens of chat templates in the text of a turn (TPL006)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.checks.template import MARKERS, SpecialTokenInContent
from curator.harness import batch_of, flags_of, mended
from curator.rule import chat

SHARED = Path(__file__).parents[2] / "shared" / "data"
RULE = SpecialTokenInContent()
TOKENS = sorted({marker for markers in MARKERS.values() for marker in markers})


def flags(answer="Fine.", prompt="How are you?"):
    return [flag for _, flag in flags_of(RULE, chat(user=prompt, assistant=answer))]


def cleaned(answer):
    """The answer after the fix; None where the row is dropped."""
    out = mended(RULE, chat(user="How are you?", assistant=answer))
    return json.loads(out)["messages"][1]["content"] if out.strip() else None


# ---------------------------------------------------------------------- where a token is one


@pytest.mark.parametrize("token", TOKENS)
@pytest.mark.parametrize(
    "answer", ["I am fine.", "See:\n\n```python\nprint(1)\n```", "x = 1\nprint(x)", "| a | b |\n|---|---|\n| 1 | 2 |"]
)
def test_every_token_at_the_end_of_any_answer_is_found_and_removed(token, answer):
    text = f"{answer}\n{token}" if token.startswith("#") else f"{answer}{token}"
    (flag,) = flags(text)
    assert text[slice(*flag.span)] == token
    assert cleaned(text) == answer


@pytest.mark.parametrize("role", ["system", "user", "assistant"])
def test_every_role_is_looked_at(role):
    row = chat(system="Be kind.", user="Hi", assistant="Hello.")
    turn = next(turn for turn in row["messages"] if turn["role"] == role)
    turn["content"] += "<|eot_id|>"
    ((_, flag),) = flags_of(RULE, row)
    assert flag.message == "'<|eot_id|>' is a control token of the Llama 3 template"


@pytest.mark.parametrize(
    ("answer", "after"),
    [
        ("<|im_start|>assistant\nI am fine.<|im_end|>\n", "I am fine."),
        ("<|start_header_id|>assistant<|end_header_id|>\n\nI am fine.<|eot_id|>", "I am fine."),
        ("<s>[INST] How? [/INST] I am fine. </s>", "How?  I am fine."),
        (
            "Fine.<|im_end|>\n<|im_start|>user\nAnd you?<|im_end|>\n<|im_start|>assistant\nWell.",
            "Fine.\nAnd you?\nWell.",
        ),
        ("### Instruction:\nSay hi.\n### Response:\nHi.", "Say hi.\nHi."),
        ("<start_of_turn>model\nFine.<end_of_turn>", "Fine."),
        ("Fine.</s></s>", "Fine."),
        ("### Response:\nShe has 8.\n#### 8", "She has 8.\n#### 8"),
        ("<|endoftext|>", None),
    ],
)
def test_the_fix_takes_the_tokens_and_what_belongs_to_them(answer, after):
    assert len(flags(answer)) == 1
    assert cleaned(answer) == after


# ---------------------------------------------------------------------- where it is none


@pytest.mark.parametrize(
    "answer",
    [
        "GPT-2 ends a text with `<|endoftext|>`, Llama 3 with ``<|eot_id|>``.",
        'The tokens "<s>" and "</s>" surround it, and ‘<pad>’ fills it up.',
        "In ChatML:\n\n```\n<|im_start|>user\nHi<|im_end|>\n```\n\nThat is all.",
        "Was <s>$10</s>, now $8. Was <s>$9</s>, now $7.",
        "Declare it as List<s> and vector<s>.",
        "See [INST](https://example.com/inst) for more.",
        "tokens = {'eos': '<|endoftext|>', 'bos': '<s>'}\nprint(tokens['eos'])",
        "# How to answer\n\n### Instruction:\nRead it.\n\n### Response:\nWrite it.\n\n### Notes\nNone.",
        "Write ### Response: in the middle of a line.",
        "The pipe <| and |> of F#, or a <user> tag.",
        "[inst] and <|IM_END|> are other words.",
    ],
)
def test_what_speaks_of_tokens_or_only_looks_like_them_is_let_be(answer):
    assert flags(answer) == []


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("### Instruction:\nSay hi.\n\n### Response:\n", True),
        ("Below is a task.\n\n### Instruction:\nSay hi.\n\n### Response:\nHi.\n\n### Instruction:\nSay bye.", True),
        ("### Instruction:\nSay hi.", False),
        ("### Context:\nA shop.\n\n### Instruction:\nSay hi.", False),
        ("[INST] Say hi. [/INST]", True),
    ],
)
def test_headings_of_a_prompt_are_markers_where_question_and_answer_have_theirs(prompt, found):
    assert bool(flags(prompt=prompt)) is found


@pytest.mark.parametrize(
    "row",
    [
        {"text": "<|im_start|>user\nHi<|im_end|>\n"},
        {"prompt": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "completion": "Hello.<|im_end|>"},
        {"prompt": "### Instruction:\nSay hi.\n\n### Response:\n", "completion": "Hi.</s>"},
        {"segments": [{"label": False, "text": "<s>[INST] Hi [/INST]"}, {"label": True, "text": "Hello.</s>"}]},
    ],
)
def test_rows_that_bring_their_template_on_purpose_are_let_be(row):
    assert flags_of(RULE, row) == []


def test_a_plain_prompt_does_not_excuse_a_token_in_its_completion():
    assert [flag.at for _, flag in flags_of(RULE, {"prompt": "Say hi.", "completion": "Hi.</s>"})] == ["completion"]


# ---------------------------------------------------------------------- over any text


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from([*TOKENS, "\n", " ", "`", "```", "user", '"']), st.text(max_size=6)), max_size=8)
)
def test_after_the_fix_the_rule_is_silent_or_has_less_to_say(parts):
    text = "".join(parts)
    for _ in range(len(parts) + 1):
        before, text = text, cleaned(text)
        if text is None or text == before:
            break
        assert len(text) < len(before)
    else:
        raise AssertionError("the fix never comes to an end")
    assert text is None or not flags(text)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
def test_real_answers_raise_nothing():
    for name in ("gsm8k/test.jsonl", "mlx_wwdc25/train.jsonl", "openai_cookbook/drone_training.jsonl"):
        assert list(RULE.flags(batch_of((SHARED / name).read_bytes(), (RULE,)))) == []


# ---------------------------------------------------------------------- beside the texts of turns


def beside(arguments="{}", description="How warm it is", **message):
    """(path, span) of the flags of a row that says more than its turns do."""
    call = {"type": "function", "function": {"name": "weather", "arguments": arguments}}
    row = chat(user="Is it warm?", assistant="Not very.")
    row["messages"][1] |= {"tool_calls": [call], **message}
    row["tools"] = [{"type": "function", "function": {"name": "weather", "description": description}}]
    return [(flag.at, flag.span) for _, flag in flags_of(RULE, row)]


CALL = "messages[1].tool_calls[0].function.arguments"


@pytest.mark.parametrize(
    ("row", "at"),
    [
        ({"arguments": {"places": ["Oslo", "x<|im_end|>y"]}}, [(f"{CALL}.places[1]", (1, 11))]),
        ({"arguments": '{"place": "x<|im_end|>y"}'}, [(CALL, None)]),
        ({"arguments": "no JSON <|im_end|>"}, [(CALL, None)]),
        ({"description": "warmth <|im_start|>system"}, [("tools[0].function.description", (7, 19))]),
        ({"reasoning_content": "I think <|im_end|> so"}, [("messages[1].reasoning_content", (8, 18))]),
        ({"thinking": "I think.<|im_end|>"}, [("messages[1].thinking", (8, 18))]),
        ({"content": [{"type": "thinking", "thinking": "So.<|im_end|>"}]}, [("messages[1]", None)]),
    ],
)
def test_reasoning_arguments_and_tools_are_looked_at(row, at):
    assert beside(**row) == at


@pytest.mark.parametrize(
    "row",
    [
        {"arguments": {"code": "pad = tokenizer.encode('<pad>')\nprint(pad)"}},
        {"arguments": '{"place": "\\u003c|im_end|>"}'},
        {"arguments": {"prompt": "### Instruction:\nSum it up.\n\n### Response:\n"}},
        {"reasoning_content": "They ask what `<|im_end|>` is for."},
    ],
)
def test_beside_turns_what_speaks_of_tokens_is_let_be_as_well(row):
    assert beside(**row) == []


def test_tokens_of_the_template_that_is_named_count_beside_turns_as_well():
    row = chat(user="Hi", assistant="Hello.")
    row["messages"][1]["reasoning_content"] = "A greeting.<sop>"
    rule = SpecialTokenInContent(template="glm-4")
    assert [flag.at for _, flag in flags_of(rule, row)] == ["messages[1].reasoning_content"]

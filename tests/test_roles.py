"""Who speaks, in which order, and whether anything is said (ROL)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator.checks import roles
from curator.harness import batch_of, flags_of
from curator.model import Example, Turn
from curator.rule import chat

SHARED = Path(__file__).parents[2] / "shared" / "data"
ROW_RULES = [
    roles.NoAssistantTurn(),
    roles.AssistantFirst(),
    roles.EndsWithUser(),
    roles.RepeatedRole(),
    roles.SystemNotFirst(),
    roles.SeveralSystemTurns(),
    roles.EmptyTurn(),
    roles.RepeatedTurn(),
    roles.TooManyTurns(),
]
CALL = {"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}


def said(*turns):
    """A row of (role, content) pairs; a dict stands for a whole message."""
    return {"messages": [t if isinstance(t, dict) else {"role": t[0], "content": t[1]} for t in turns]}


def codes(row, shape=None):
    """The codes of all findings on a row."""
    return [rule.code for rule in ROW_RULES for _ in flags_of(rule, row, shape)]


# ---------------------------------------------------------------------- one fault, one finding


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (said(("user", "Hi")), "ROL001"),
        (said(("system", "Be kind."), ("user", "Hi")), "ROL001"),
        (said(("user", "Hi"), ("user", "Anyone?")), "ROL001"),
        (said(("assistant", "Hello."), ("user", "Hi"), ("assistant", "Hm?")), "ROL002"),
        (said(("system", "Be kind."), ("assistant", "Hello.")), "ROL002"),
        (said(("user", "Hi"), ("assistant", "Hello."), ("user", "And?")), "ROL003"),
        (said(("user", "Hi"), ("assistant", "Hello."), ("assistant", "And?")), "ROL004"),
        (said(("user", "Hi"), ("system", "Be kind."), ("assistant", "Hello.")), "ROL005"),
        (said(("system", "A"), ("user", "Hi"), ("system", "B"), ("assistant", "Hello.")), "ROL005"),
        (said(("system", "A"), ("system", "B"), ("user", "Hi"), ("assistant", "Hello.")), "ROL006"),
        (said(("user", "Hi"), ("assistant", "\u00a0\u200b\n")), "ROL007"),
    ],
)
def test_one_cause_gives_one_finding(row, code):
    assert codes(row) == [code]


@pytest.mark.parametrize(
    "row",
    [
        said(("user", "Time?"), {"role": "assistant", "content": None, "tool_calls": [CALL]}),
        said(
            ("user", "Time?"),
            {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL, {**CALL, "id": "c2"}]},
            {"role": "tool", "tool_call_id": "c1", "content": "10:00"},
            {"role": "tool", "tool_call_id": "c2", "content": "10:00"},
            ("assistant", "Ten."),
        ),
        said(("developer", "Be kind."), ("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello.")),
        said(("user", "Hi"), ("narrator", "Silence.")),
        {
            "conversations": [{"from": "human", "value": "Time?"}, {"from": "gpt", "value": "Let me look."}]
            + [{"from": "function_call", "value": '{"name": "now", "arguments": {}}'}] * 2
            + [{"from": "observation", "value": "10:00"}] * 2
            + [{"from": "gpt", "value": "Ten."}]
        },
        {"prompt": "Hi"},
        {"prompt": [{"role": "user", "content": "Hi"}], "chosen": "Hello.", "rejected": "What?"},
        {"text": "Once upon a time."},
        {"input_ids": [1, 2, 3]},
        {"segments": [{"label": True, "text": "A"}, {"label": True, "text": "B"}, {"label": False, "text": "C"}]},
        {"instruction": "Say hi.", "input": "", "output": "Hi.", "system": ""},
    ],
)
def test_legal_rows_raise_nothing(row):
    assert codes(row) == []


def test_rows_for_a_grader_end_with_the_user_by_design():
    row = said(("user", "2+2?"), ("assistant", "4"), ("user", "3+3?")) | {"reference": "6"}
    assert codes(row, "openai-rft") == []
    assert codes(row, "openai-chat") == ["ROL003"]


def test_each_side_of_a_pair_is_judged_and_the_shared_prompt_once():
    head = [{"role": "user", "content": "Hi"}, {"role": "user", "content": "You there?"}]
    row = {
        "chosen": [*head, {"role": "assistant", "content": "Yes."}, {"role": "user", "content": "Good."}],
        "rejected": [*head, {"role": "assistant", "content": "No."}],
    }
    found = [(rule.code, flag.at, flag.fix) for rule in ROW_RULES for _, flag in flags_of(rule, row)]
    assert [(code, at) for code, at, _ in found] == [("ROL003", "chosen[3]"), ("ROL004", "chosen[1]")]
    assert found[1][2] is None, "a prompt that stands in both answers cannot be mended in one of them"


def test_a_turn_of_parts_without_text_is_not_empty():
    parts = [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"ok": True}}]}}]
    row = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": [{"text": "Done."}]}]}
    assert "ROL007" not in codes(row)


def test_merging_appends_to_the_first_turn_wherever_its_text_stands():
    parts = [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]
    row = said({"role": "user", "content": parts}, ("user", "You?"), ("assistant", "Yes."))
    ((_, flag),) = flags_of(roles.RepeatedRole(), row)
    edit, cut = flag.fix.changes
    assert (edit.path, edit.start, edit.text) == ("messages[0].content[1].text", 5, "\n\nYou?")
    assert cut.path == "messages[1]"


def test_what_merging_would_lose_is_not_merged():
    row = said(("user", "Hi"), {"role": "assistant", "content": "A", "reasoning_content": "Why?"}, ("assistant", "B"))
    ((_, flag),) = flags_of(roles.RepeatedRole(), row)
    assert flag.fix is None


def test_a_rejected_answer_may_repeat_what_was_said_before():
    long = "Hold the button until the light turns red. " * 5
    row = {
        "prompt": [
            {"role": "user", "content": "How?"},
            {"role": "assistant", "content": long},
            {"role": "user", "content": "It failed."},
        ],
        "chosen": "Then the cable is broken.",
        "rejected": long,
    }
    assert flags_of(roles.RepeatedTurn(), row) == []


@pytest.mark.parametrize(("exchanges", "found"), [(50, []), (51, ["ROL010"])])
def test_a_hundred_turns_are_the_most(exchanges, found):
    assert codes(said(*[("user", "Go on."), ("assistant", "So be it.")] * exchanges)) == found


# ---------------------------------------------------------------------- system prompts over the set


def prompts(*counted):
    return [chat(system=text, user=f"{n}?", assistant="Yes.") for text, count in counted for n in range(count)]


def test_variants_are_told_once_with_counts():
    rows = prompts(
        ("You are a helpful assistant of the Acme Corporation.", 20),
        ("You are a helpfull assistant of the Acme Corporation.", 2),
        ("You are a helpful assistant of the Acme corporation", 3),
    )
    ((index, flag),) = flags_of(roles.SystemPromptVariants(), rows)
    assert flag.evidence == {"main": 20, "variants": [3, 2]}
    assert (index, flag.related) == (20, (0, 21, 22, 23, 24))


@pytest.mark.parametrize(
    "rows",
    [
        prompts(*((f"You are a helpful assistant. Today is 2024-05-{n:02}.", 3) for n in range(1, 20))),
        prompts(*((f"You play {name}, a friendly merchant in a small town by the sea.", 2) for name in "ABCDEF")),
        prompts(("Translate to French.", 9), ("Grade the essay from 1 to 5.", 9)),
        [chat(user="Hi", assistant="Hello.")] * 5,
    ],
    ids=["dates", "names", "tasks", "none"],
)
def test_prompts_that_are_filled_in_or_differ_are_no_variants(rows):
    assert flags_of(roles.SystemPromptVariants(), rows) == []


# ---------------------------------------------------------------------- candidates

BLANKS = st.sampled_from(["", " ", "\n", "\u00a0", "\u200b", "\ufeff", "\u3000", "\u2028", "\u3164", "\u200d\u00ad"])
TEXTS = st.one_of(BLANKS, st.sampled_from(["Hi", "“So.”", "こんにちは。", "é", " x "]), st.just("long " * 30))
MESSAGES = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "critic"]),
        "content": st.one_of(
            TEXTS, st.none(), st.lists(st.builds(lambda t: {"type": "text", "text": t}, TEXTS), max_size=2)
        ),
    },
    optional={
        "tool_calls": st.just([CALL]),
        "name": st.sampled_from(["ada", "bob"]),
        "weight": st.sampled_from([0, 1]),
    },
)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.lists(MESSAGES, min_size=1, max_size=5), min_size=1, max_size=6))
def test_narrowing_the_rows_changes_no_verdict(conversations):
    batch = batch_of([{"messages": messages} for messages in conversations])
    for rule in ROW_RULES:
        everywhere = [(i, flag) for i in batch.readable for flag in rule.check(batch.example(i))]
        assert sorted(rule.flags(batch), key=lambda pair: pair[0]) == everywhere, rule.code


@given(st.text(st.characters(categories=["Zs", "Cf", "Cc"]), max_size=5))
def test_a_turn_is_empty_exactly_when_nothing_can_be_seen(text):
    example = Example("openai-chat", (Turn("user", text + "x", "a"), Turn("assistant", text, "b")), {})
    blank = all(char.isspace() or not char.isprintable() for char in text)
    found = bool(list(roles.EmptyTurn().check(example)))
    assert not found or blank, "a turn with something to see is never called empty"
    assert found or bool(text.strip()), "white space alone is always called empty"


@pytest.mark.skipif(not SHARED.is_dir(), reason="no shared data")
@pytest.mark.parametrize(
    "name",
    [
        "openai_cookbook/drone_training.jsonl",
        "fireworks/food_reasoning.jsonl",
        "gsm8k/test.jsonl",
        "llamafactory/reason_tool_use_demo_50.jsonl",
        "mlx_wikisql/test.jsonl",
        "mlx_wwdc25/valid.jsonl",
    ],
)
def test_real_rows_raise_nothing(name):
    batch = batch_of((SHARED / name).read_bytes())
    assert len(batch.readable) == len(batch.lines)
    assert [rule.code for rule in ROW_RULES for _ in rule.flags(batch)] == []


def test_messages_are_json_ready():
    """Evidence goes into reports as it is."""
    rows = prompts(("You are a helpful assistant here.", 9), ("You are a helpful assistent here.", 1))
    ((_, flag),) = flags_of(roles.SystemPromptVariants(), rows)
    assert json.loads(json.dumps(flag.evidence)) == flag.evidence

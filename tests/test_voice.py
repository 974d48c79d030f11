"""One voice across the set: one finding a set, and none where the answers agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator.checks.voice import EndingMix, FormatMix, MixedAddress, MixedMarks, SystemPromptMissing, ToneOutlier
from curator.config import load_config
from curator.engine import lint
from curator.harness import flags_of
from curator.rule import chat

SHARED = Path(__file__).parents[2] / "shared" / "data"
RULES = (FormatMix, EndingMix, ToneOutlier, SystemPromptMissing, MixedAddress, MixedMarks)


def told(n: int, tail: str = ".") -> dict:
    return chat(
        user=f"What of case {n}?", assistant=f"Case {n} was heard in the spring, and nobody came to speak for it{tail}"
    )


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_speaks_once_however_many_rows_are_odd(rule):
    bad = rule.BAD[0].row
    assert len(flags_of(rule(), bad)) == 1
    assert len(flags_of(rule(), bad * 2)) == 1


@pytest.mark.parametrize("rule", RULES)
def test_an_empty_set_has_no_voice(rule):
    assert flags_of(rule(), []) == []


def test_json_that_a_prompt_asks_for_is_no_other_format():
    prose = [told(n) for n in range(80)]
    asked = [chat(user=f"Case {n} as JSON, please.", assistant=json.dumps({"case": n, "room": 4})) for n in range(6)]
    unasked = [chat(user=f"And case {n}?", assistant=json.dumps({"case": n, "room": 4})) for n in range(6)]
    assert flags_of(FormatMix(), prose + asked) == []
    ((line, flag),) = flags_of(FormatMix(), prose + unasked)
    assert (line, flag.evidence["odd"], flag.evidence["answers"]) == (80, 6, 80)


def test_answers_of_many_lengths_are_no_closed_list_of_labels():
    short = [chat(user=f"Who was case {n}?", assistant=f"Mr N{n}") for n in range(90)]
    assert flags_of(FormatMix(), [*short, told(1)]) == []


def test_endings_count_both_ways_and_lists_count_neither():
    rows = [told(n) for n in range(60)] + [told(n, "") for n in range(60, 100)]
    listed = [
        chat(user=f"Name {n}.", assistant="Three of them:\n- the first of the cases that were heard in spring")
        for n in range(50)
    ]
    ((_, flag),) = flags_of(EndingMix(), rows + listed)
    assert flag.evidence == {"with": 60, "without": 40}


def test_a_greeting_that_answers_a_greeting_is_no_pleasantry():
    rows = [told(n) for n in range(100)]
    greeted = [
        chat(user=f"Hello, I am number {n}.", assistant="Hello! It is good to see you here on this fine day.")
        for n in range(30)
    ]
    assert flags_of(ToneOutlier(), rows + greeted) == []


def test_the_finding_names_the_phrases_with_their_counts():
    rows = [told(n) for n in range(100)]
    chatty = [chat(user=f"Tell of {n}?", assistant=f"Sure! {told(n)['messages'][1]['content']}") for n in range(12)]
    ((_, flag),) = flags_of(ToneOutlier(), rows + chatty)
    assert "12 of 112" in flag.message and "'sure' 12" in flag.message


def test_rows_without_a_system_prompt_are_counted():
    rows = [chat(system="Be kind.", user="Hi", assistant="Hello.") for _ in range(45)]
    ((_, flag),) = flags_of(SystemPromptMissing(), [*rows, *(told(n) for n in range(5))])
    assert flag.evidence == {"without": 5, "of": 50}
    assert flag.related == (46, 47, 48, 49)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the sample data is not beside the repository")
@pytest.mark.parametrize(
    "name", ["gsm8k/test.jsonl", "llamafactory/alpaca_en_demo.json", "self_instruct/seed_tasks.jsonl"]
)
def test_sets_of_one_voice_are_left_alone(name, tmp_path):
    report = lint(
        [SHARED / name], load_config(tmp_path, overrides={"select": ("STY", "ROL009", "DUP005")}), cache=False
    )
    assert list(report.findings) == []

"""Rules that are data: what a rule file may say, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import packs
from curator.errors import ConfigError
from curator.harness import batch_of, flags_of
from curator.packs import loading
from curator.packs.entries import OPENING
from curator.packs.kinds import PhraseRule
from curator.packs.phrases import finder, literals_of
from curator.rule import RULES, RowRule, all_rules, chat

COMMON = {
    "severity": '"warning"',
    "summary": '"The answer is odd."',
    "why": '"An odd answer teaches the model to be odd, which nobody wants."',
    "message": '"odd: {found}"',
}


@pytest.fixture(autouse=True)
def _as_before():
    """Rules of a test are gone after it, all others are there."""
    before = all_rules()
    yield
    RULES.clear()
    RULES.update(before)
    loading._sources.clear()


def rule_file(folder: Path, file: str = "mine.toml", **keys: str) -> Path:
    """A file with one rule; the values are TOML. A value of "" leaves the key out."""
    entry = {"code": '"MY001"', "name": '"odd-answer"', **COMMON, **keys}
    path = folder / file
    path.write_text("[[rule]]\n" + "".join(f"{key} = {value}\n" for key, value in entry.items() if value), "utf-8")
    return path


def flagged(rule: type[Any], answer: str, asked: str = "Say something.", **options: Any) -> list[str]:
    return [flag.message for _, flag in flags_of(rule(**options), chat(user=asked, assistant=answer))]


PHRASES = {
    "kind": '"phrases"',
    "phrases": '["{never|not} ever", "i can\'t say"]',
    "good": '[{ user = "a", assistant = "for ever" }]',
    "bad": '[{ user = "a", assistant = "never ever" }]',
}


# ---------------------------------------------------------------------- the shipped rules


def test_the_shipped_rules_are_registered_once():
    packs.load()
    first = RULES["ANS001"]
    packs.load()
    assert RULES["ANS001"] is first
    assert first.slug() == "refusal"
    assert issubclass(first, RowRule)
    assert first.summary() == "The answer opens by declining."


def test_the_folder_of_the_rules_holds_them():
    assert (packs.rules_dir() / "answers.toml").is_file()


# ---------------------------------------------------------------------- the kinds


def test_phrases_are_found_as_whole_words_in_any_case_and_with_any_apostrophe(tmp_path):
    rule = packs.load_file(rule_file(tmp_path, **PHRASES))["MY001"]
    assert flagged(rule, "NEVER ever, and I can’t say more") == ["odd: NEVER ever"]
    assert flagged(rule, "whenever never everything") == []
    assert flagged(rule, "`not ever`") == [], "code is no prose"
    assert flagged(rule, "not ever", allow=("not ever",)) == []


def test_phrases_may_be_wanted_at_the_start_in_the_opening_or_as_a_line(tmp_path):
    start = packs.load_file(rule_file(tmp_path, **PHRASES, where='"start"'))["MY001"]
    assert flagged(start, "  Not ever.") and not flagged(start, "Well, not ever.")
    opening = packs.load_file(rule_file(tmp_path, **PHRASES, where='"opening"'))["MY001"]
    assert flagged(opening, "Well, not ever.") and not flagged(opening, "x " * OPENING + "not ever")
    lines = packs.load_file(rule_file(tmp_path, **PHRASES, lines='["read on"]'))["MY001"]
    assert flagged(lines, "One.\n** Read on »\nTwo.") and not flagged(lines, "Read on, my friend.\n- Read on")


def test_a_phrase_may_be_cut_out(tmp_path):
    rule = packs.load_file(rule_file(tmp_path, **PHRASES, fix='"remove"'))["MY001"]
    [(_, flag)] = flags_of(rule(), chat(user="a", assistant="It is so. Not ever, they say."))
    assert flag.fix.safety == "unsafe"
    [edit] = flag.fix.changes
    text = "It is so. Not ever, they say."
    assert text[: edit.start] + edit.text + text[edit.end :] == "It is so. They say."
    [(_, flag)] = flags_of(rule(), chat(user="a", assistant="It is not ever so."))
    assert flag.fix is None, "the sentence would break"


def test_a_prompt_may_make_a_phrase_right(tmp_path):
    rule = packs.load_file(rule_file(tmp_path, **PHRASES, unless_prompt='["absolutes"]'))["MY001"]
    assert flagged(rule, "not ever", asked="Speak in absolutes.") == []
    assert flagged(rule, "not ever")


def test_pattern(tmp_path):
    keys = {
        "kind": '"pattern"',
        "pattern": r"'case\s+\d{3,}'",
        "literals": '["case "]',
        "good": '[{ user = "a", assistant = "case closed" }]',
        "bad": '[{ user = "a", assistant = "see case 1234" }]',
    }
    rule = packs.load_file(rule_file(tmp_path, **keys))["MY001"]
    assert flagged(rule, "x" * 5000 + " Case 999") == ["odd: Case 999"]
    assert flagged(rule, "https://a.b/case 12") == []


def test_substitute_offers_the_right_word_in_the_same_case(tmp_path):
    keys = {
        "kind": '"substitute"',
        "swap": '{ "utilise" = "use" }',
        "good": '[{ user = "a", assistant = "use it" }]',
        "bad": '[{ user = "a", assistant = "Utilise it", fixed = { user = "a", assistant = "Use it" } }]',
    }
    rule = packs.load_file(rule_file(tmp_path, **keys))["MY001"]
    [(_, flag)] = flags_of(rule(), chat(user="a", assistant="Utilise it."))
    assert (flag.fix.changes[0].text, flag.span) == ("Use", (0, 7))


def test_limit_and_its_options(tmp_path):
    keys = {
        "kind": '"limit"',
        "measure": '"words"',
        "at_most": "3",
        "good": '[{ user = "a", assistant = "one two three" }]',
        "bad": '[{ user = "a", assistant = "one two three four" }]',
    }
    rule = packs.load_file(rule_file(tmp_path, **keys))["MY001"]
    assert flagged(rule, "a b c d") == ["odd: 4 words"]
    assert flagged(rule, "a b c d", at_most=9) == []
    assert flagged(rule, "a b", at_least=3) == ["odd: 2 words"]


def test_ratio(tmp_path):
    keys = {
        "kind": '"ratio"',
        "of": '"upper-case"',
        "at_most": "0.5",
        "min_characters": "5",
        "roles": '["user"]',
        "good": '[{ user = "Hello there", assistant = "WHY SO LOUD" }]',
        "bad": '[{ user = "HELLO THERE", assistant = "b", at = "messages[0].content" }]',
    }
    rule = packs.load_file(rule_file(tmp_path, **keys))["MY001"]
    assert flagged(rule, "x", asked="ABCDE") == ["odd: 100% upper-case"]
    assert flagged(rule, "x", asked="ABC") == [], "too short to judge"


@pytest.mark.parametrize(
    ("must", "bad", "good"), [("true", "no end", "the end<END>"), ("false", "the end<END>", "no end")]
)
def test_starts_or_ends(tmp_path, must, bad, good):
    keys = {
        "kind": '"starts_or_ends"',
        "ends": '["<END>"]',
        "must": must,
        "good": f'[{{ user = "a", assistant = "{good}" }}]',
        "bad": f'[{{ user = "a", assistant = "{bad}" }}]',
    }
    rule = packs.load_file(rule_file(tmp_path, **keys))["MY001"]
    assert flagged(rule, bad) and not flagged(rule, good)


def test_one_of_demands_labels(tmp_path):
    keys = {
        "kind": '"one_of"',
        "values": '["positive", "negative"]',
        "good": '[{ user = "a", assistant = "Positive" }]',
        "bad": '[{ user = "a", assistant = "quite positive" }]',
    }
    rule = packs.load_file(rule_file(tmp_path, **keys))["MY001"]
    assert flagged(rule, "neutral") == ["odd: neutral"]


def test_an_answer_that_is_not_learnt_is_not_judged(tmp_path):
    rule = packs.load_file(rule_file(tmp_path, **PHRASES))["MY001"]
    pair = {"prompt": "Say something.", "chosen": "for ever", "rejected": "never ever"}
    assert flags_of(rule(), pair) == []
    weighed = chat(user="a", assistant="never ever")
    weighed["messages"][1]["weight"] = 0
    assert flags_of(rule(), weighed) == []


# ---------------------------------------------------------------------- what is refused

NO_GOOD = {**PHRASES, "good": ""}
REFUSED = {
    "unknown kind": ({**PHRASES, "kind": '"regexp"'}, r"unknown kind 'regexp'.*\n.*phrases, pattern"),
    "no kind": ({**PHRASES, "kind": ""}, "it has no `kind`"),
    "unknown key": ({**PHRASES, "phrase": '["x y"]'}, r"unknown key 'phrase'.*\n.*did you mean 'phrases'"),
    "key of another kind": ({**PHRASES, "measure": '"words"'}, "unknown key 'measure' for kind phrases"),
    "no good example": (NO_GOOD, "missing required field `good`"),
    "no bad example": ({**PHRASES, "bad": "[]"}, r"length >= 1 - at `\$.bad`"),
    "no why": ({**PHRASES, "why": ""}, "missing required field `why`"),
    "wrong severity": ({**PHRASES, "severity": '"fatal"'}, r"fatal.*\$.severity"),
    "bad code": ({**PHRASES, "code": '"odd"'}, r"\$.code"),
    "bad name": ({**PHRASES, "name": '"Odd Answer"'}, r"\$.name"),
    "built-in code": ({**PHRASES, "code": '"ANS001"'}, "the code is that of refusal"),
    "built-in name": ({**PHRASES, "name": '"refusal"'}, "the name is that of ANS001"),
    "good is flagged": ({**PHRASES, "good": '[{ user = "a", assistant = "not ever" }]'}, "good example 1 is flagged"),
    "bad is silent": (
        {**PHRASES, "bad": '[{ user = "a", assistant = "ever" }]'},
        "1 is flagged at nowhere",
    ),
    "bad is flagged elsewhere": (
        {**PHRASES, "bad": '[{ user = "a", assistant = "not ever", at = "messages[0].content" }]'},
        r"flagged at messages\[1\].content, not at messages\[0\].content",
    ),
    "strange example": (
        {**PHRASES, "good": '[{ question = "a" }]'},
        r"'question'.*\n.*write the turns by role",
    ),
    "unknown option": (
        {**PHRASES, "bad": '[{ user = "a", assistant = "not ever", options = { allows = [] } }]'},
        "options of bad example 1.*allows",
    ),
    "no limit": (
        {**PHRASES, "kind": '"limit"', "phrases": "", "measure": '"words"'},
        "it needs `at_least`, `at_most` or both",
    ),
    "tiny phrase": ({**PHRASES, "phrases": '["{a|b}"]'}, "no part of two characters"),
}


@pytest.mark.parametrize(("keys", "message"), REFUSED.values(), ids=REFUSED)
def test_a_fault_is_refused_with_the_file_the_rule_and_the_key(tmp_path, keys, message):
    path = rule_file(tmp_path, **keys)
    with pytest.raises(ConfigError, match=message) as refused:
        packs.load_file(path)
    assert str(path) in str(refused.value)
    assert "MY001" not in RULES


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"(a+)+b", "a repeat stands inside another"),
        (r"(?:x{2,}y?)*", "a repeat stands inside another"),
        (r"(\w)\1", "it refers back to a group"),
        (r"(?P<q>['\"])x(?P=q)", "it refers back to a group"),
        (r"a(", "no regular expression"),
    ],
)
def test_a_pattern_that_could_run_for_ever_is_refused(tmp_path, pattern, message):
    keys = {**PHRASES, "kind": '"pattern"', "phrases": "", "pattern": f"'''{pattern}'''", "literals": '["xx"]'}
    with pytest.raises(ConfigError, match=message):
        packs.load_file(rule_file(tmp_path, **keys))


def test_a_file_that_is_no_rule_file_is_refused(tmp_path):
    for text, message in [("x = [", "not TOML"), ("x = 1", "unknown key 'x'"), ("", r"no \[\[rule\]\]")]:
        (tmp_path / "odd.toml").write_text(text)
        with pytest.raises(ConfigError, match=message):
            packs.load_file(tmp_path / "odd.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        packs.load_file(tmp_path / "none.toml")


def test_two_files_may_not_share_a_code_but_one_may_be_read_again(tmp_path):
    first = rule_file(tmp_path, **PHRASES)
    packs.load_file(first)
    packs.load_file(first)
    with pytest.raises(ConfigError, match="the code is that of odd-answer"):
        packs.load_file(rule_file(tmp_path, "other.toml", **PHRASES))


# ---------------------------------------------------------------------- triggers

PIECES = st.sampled_from(
    ["never", "not", "ever", "i can't say", "I CAN’T SAY", " ", "\n", ".", "x", "ſ", "İ", "`", "i won't"]
)


@given(st.lists(PIECES, max_size=12).map("".join))
def test_literals_are_a_necessary_condition(text):
    phrases = ("{never|not} ever", "i {can't|won't} say", "{ever|} not{,| so}")
    if finder(phrases).search(text):
        folded = text.encode().lower()
        assert any(literal.lower().encode() in folded for literal in literals_of(phrases))


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_a_value_is_among_the_candidates_whatever_stands_around_it(around):
    packs.load()
    rule = RULES["ANS004"]()
    batch = batch_of(chat(user="Describe the sea.", assistant=f"{around}N/A{around}"), (rule,))
    found = any(True for line in batch.readable for _ in rule.check(batch.example(line)))
    assert not found or list(rule.candidates(batch)) == batch.readable


def test_every_shipped_pattern_compiles_and_every_phrase_has_literals():
    packs.load()
    for rule in RULES.values():
        if issubclass(rule, PhraseRule):
            assert rule.literals
            assert re.compile(finder(rule.entry.phrases).pattern)

"""Misspellings: what is one, what is none, and where it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator import extras
from curator.checks.spelling import KnownMisspelling, MixedSpellingVariants, RepeatedWord, UnknownWord
from curator.config import load_config
from curator.engine import lint
from curator.harness import batch_of, flags_of
from curator.rule import chat
from curator.text import dictionaries
from curator.text.vocabulary import Vocabulary, terms

SHARED = Path(__file__).parents[2] / "shared" / "data"
words_installed = pytest.mark.skipif(bool(extras.missing("words")), reason="the extra `words` is not installed")


def words_of(rule, *answers):
    rows = [chat(user="What do they say of it?", assistant=answer) for answer in answers]
    return [flag.evidence.get("word") for _, flag in flags_of(rule, rows)]


@words_installed
@pytest.mark.parametrize("word", ["recieve", "seperate", "occured", "untill", "teh", "accomodate", "alot"])
def test_a_listed_misspelling_is_found(word):
    assert words_of(KnownMisspelling(), f"We think that it is {word} for the people there.") == [word]


@words_installed
@pytest.mark.parametrize(
    "text",
    [
        "The programme's colour catalogue was organised by the centre.",
        "Patients received 5 mg of apixaban and 20 mg of atorvastatin daily; transferrin was normal.",
        "The mortgagee held an easement, and estoppel was pleaded by the bailee.",
        "Kubernetes, nginx and PostgreSQL are used in the deployment of it.",
        "The study was led by Nkechi Okonkwo and Thier Recieve of Lodz.",
        "Call `recieve()` and then read https://example.com/recieve for the rest of it.",
        'The word "recieve" is often found in letters to the editor.',
        "```python\nrecieve = untill + teh\n```",
        "Die Leute sind nicht hier gewesen, untill sie alle gegangen waren, und das war gut.",
    ],
)
def test_what_is_right_is_no_misspelling(text):
    assert words_of(KnownMisspelling(), text) == []
    assert words_of(UnknownWord(), text) == []


@words_installed
def test_the_letter_case_is_kept_and_a_row_is_told_once_for_a_word():
    row = chat(user="And?", assistant="Untill then we wait. They wait untill noon, untill night.")
    ((_, flag),) = flags_of(KnownMisspelling(), [row])
    assert flag.evidence == {"word": "Untill", "suggestion": "Until", "times": 3}
    assert [change.text for change in flag.fix.changes] == ["Until", "until", "until"]


@words_installed
def test_prompts_that_ask_for_mended_spelling_may_be_misspelt():
    row = chat(user="Correct the spelling: I recieve mail untill noon.", assistant="I receive mail until noon.")
    assert flags_of(KnownMisspelling(), [row]) == []


@words_installed
def test_words_the_set_is_used_to_are_no_slips():
    assert words_of(UnknownWord(), "The offqice opens at nine on working days.") == ["offqice"]
    assert words_of(UnknownWord(), *["The offqice opens at nine on working days."] * 5) == []


@words_installed
def test_a_frequent_misspelling_of_a_frequent_word_is_still_one():
    right = ["It is the end of the road and of the day for them, and the way is long."] * 200
    assert len(words_of(KnownMisspelling(), *right, *["It is teh end of it."] * 5)) == 5


@pytest.mark.parametrize("text", ["at the the end of it", "the number of of the people", "more than than the other"])
def test_a_doubled_word_is_found(text):
    assert len(words_of(RepeatedWord(), f"We are now {text}, and that is good.")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "It was all he had had, and that that is so is very very good for you. Bye bye, no no!",
        "In five years, Will will be older than the others are, and so will you.",
        "Sing: the the the the the drum is in the street and on the way to you.",
        "The band The The is from the city of London, and it is good.",
    ],
)
def test_what_may_be_meant_twice_is_left_alone(text):
    assert words_of(RepeatedWord(), text) == []


def test_a_vocabulary_counts_words_and_finds_their_lines_again():
    rows = [chat(user="Zorble glimp?", assistant="Zorble 4x4 x1y."), chat(user="glimp", assistant="漢字")]
    parts = [terms(batch_of([row])) for row in rows]
    whole = Vocabulary([part.__getitem__ for part in parts], [0, 1, 2])
    assert sorted(whole.words) == ["glimp", "zorble"]
    assert whole.count(["zorble", "glimp", "absent"]) == {"zorble": 2, "glimp": 2, "absent": 0}
    assert list(whole.lines(["glimp", "zorble"])) == [(0, ["glimp", "zorble"]), (1, ["glimp"])]
    joined = Vocabulary([terms(batch_of(rows)).__getitem__], [0, 2])
    assert (joined.words, joined.counts.tolist()) == (whole.words, whole.counts.tolist())


def test_the_lines_of_a_common_word_are_looked_through():
    rows = [chat(user="glimp " * 40, assistant="b"), chat(user="a", assistant="b")]
    whole = Vocabulary([terms(batch_of(rows)).__getitem__], [0, 2])
    assert list(whole.lines(["glimp"])) == [(0, ["glimp"]), (1, ["glimp"])]


@words_installed
def test_suggestions_are_the_nearest_common_words():
    known = {"information": 5.4, "important": 5.3, "receive": 4.8}
    found = dictionaries.suggest(["informtion", "improtant", "rceive", "zzzzzz"], known)
    assert {word: best.word for word, best in found.items()} == {
        "informtion": "information", "improtant": "important", "rceive": "receive",
    }  # fmt: skip
    assert {best.edits for best in found.values()} == {1}


def test_mixed_spellings_are_one_finding_a_set():
    uk = chat(
        user="Colour?", assistant="The colour of the theatre, the flavour, the humour, the odour and the harbour."
    )
    us = chat(user="Color?", assistant="The color of the theater, the flavor, humor, odor and the harbor.")
    assert len(flags_of(MixedSpellingVariants(min_words=5), [uk, us] * 4)) == 1
    assert flags_of(MixedSpellingVariants(min_words=5), [uk] * 4) == []


def test_what_is_not_installed_is_not_run_and_says_how_to_unlock_it(tmp_path, monkeypatch):
    monkeypatch.setattr(extras, "missing", lambda extra: ("typos",) if extra == "words" else ())
    file = tmp_path / "a.jsonl"
    file.write_text(json.dumps(chat(user="Hi", assistant="We recieve it.")) + "\n")
    report = lint([file], load_config(tmp_path, overrides={"select": ("SPL",)}), cache=False)
    (told,) = report.not_run
    assert told.codes == ("SPL001", "SPL002")
    assert told.unlock == 'pip install "finetune-curator[words]"'


@words_installed
@pytest.mark.parametrize(
    ("text", "flagged"),
    [
        ("We met at the informqation desk of the library.", True),
        ("The departnemt of the library opens at nine.", True),
        ("The chyme passes on, and the squabs grow in the dovecote.", False),
        ("The veins that he drew were called venae lactae at that time.", False),
        ("It is best to call it as shell('compgenq -c') from the library.", False),
    ],
)
def test_slips_are_told_from_rare_words_by_their_letters(text, flagged, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(chat(user="What happened?", assistant=text)) + "\n")
    report = lint([path], load_config(tmp_path, overrides={"select": ("SPL002",)}), cache=False)
    assert bool(report.findings) == flagged


@words_installed
@pytest.mark.parametrize(
    ("row", "flagged"),
    [
        (
            chat(user="I need a profile. username: johndoe, email: john@example.com", assistant="It is there now."),
            False,
        ),
        (chat(user="Please add the person johndoe with john@example.com to it.", assistant="It is there now."), False),
        (chat(user="Please find the posts of johndoe for me today.", assistant='{"author": "johndoe"}'), False),
        (chat(user="Which person is it that wrote this? It was johndoe yesterday.", assistant="johndoe"), False),
        (chat(user="The user name is johndoe and the rest is as before.", assistant="It is there now."), False),
        (chat(user="Please find the posts.", assistant="We met at the informqation desk of the library."), True),
        (chat(user="Mail it to a@example.com.", assistant="We met at the informqation desk of the library."), True),
        (chat(user="The user that was at the informqation desk is back.", assistant="It is there now."), True),
    ],
)
def test_a_word_that_a_row_has_as_a_value_is_no_slip(row, flagged, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row) + "\n")
    report = lint([path], load_config(tmp_path, overrides={"select": ("SPL002",)}), cache=False)
    assert bool(report.findings) == flagged


@words_installed
def test_a_name_in_the_arguments_of_a_call_is_no_slip(tmp_path):
    call = {"type": "function", "function": {"name": "find", "arguments": '{"author": "johndoe"}'}}
    turns = [
        {"role": "user", "content": "Please find the posts of johndoe for me today."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
    ]
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"messages": turns}) + "\n")
    report = lint([path], load_config(tmp_path, overrides={"select": ("SPL002",)}), cache=False)
    assert not report.findings


@words_installed
def test_a_name_after_a_title_is_no_misspelling(tmp_path):
    path = tmp_path / "a.jsonl"
    said = "Mr. Cleary teaches here. [A]fter the war it became a school. Let x represent teh number, 200 x 1.5."
    path.write_text(json.dumps(chat(user="Who?", assistant=said)) + "\n")
    report = lint([path], load_config(tmp_path, overrides={"select": ("SPL001",)}), cache=False)
    assert [finding.evidence["word"] for finding in report.findings] == ["teh"]


@words_installed
@pytest.mark.parametrize(("name", "most"), [("gsm8k/test.jsonl", 0.05), ("llamafactory/alpaca_en_demo.json", 0.1)])
def test_real_sets_are_hardly_ever_flagged(name, most, tmp_path):
    """Findings per 1,000 words, real misspellings among them."""
    path = SHARED / name
    if not path.is_file():
        pytest.skip("no shared data")
    report = lint([path], load_config(tmp_path, overrides={"select": ("SPL001", "SPL002")}), cache=False)
    assert len(report.findings) <= most * report.tokens.total / 1000


@words_installed
@pytest.mark.parametrize(
    ("code", "word", "offered"),
    [
        ("SPL001", "recieve", "receive"),
        ("SPL001", "constast", None),  # the list says "constants"; "contrast" and "constant" are nearer
        ("SPL002", "professonal", "professional"),
        ("SPL002", "globby", None),
    ],
)
def test_a_word_is_offered_only_where_it_is_close(code, word, offered, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(chat(user="What is it?", assistant=f"We think that it is the {word} that they have.")))
    (finding,) = lint([path], load_config(tmp_path, overrides={"select": (code,)}), cache=False).findings
    assert finding.evidence.get("suggestion") == offered
    assert (finding.fix is None) == (offered is None)


@words_installed
@pytest.mark.parametrize(
    ("code", "text", "word", "offered"),
    [
        (
            "SPL002",
            "The deriviatves of it are in the other book that they have.",
            "deriviatves",
            "derivatives",
        ),  # two edits
        (
            "SPL002",
            "They say that prefit errors are what they have seen here.",
            "prefit",
            "profit",
        ),  # no slip of a finger
        ("SPL001", "It is more thatn they have seen here in the last year.", "thatn", "that"),  # or "than"
    ],
)
def test_a_word_that_is_not_beyond_doubt_is_offered_and_never_written(code, text, word, offered, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(chat(user="What is it?", assistant=text)))
    (finding,) = lint([path], load_config(tmp_path, overrides={"select": (code,)}), cache=False).findings
    assert (finding.evidence["word"], finding.evidence["suggestion"], finding.fix) == (word, offered, None)


@words_installed
@pytest.mark.parametrize(
    "text",
    [
        "The treatise De divina proportione was printed in the year 1509.",
        "The Titan Arum (Amorphophallus titanum) is known for its smell.",
        "It was found by a merkhet, and some other merkhets are in the museum.",
        "The ghats, which they call chaskis, ran to the next town with the news.",
        "The people there speak of _chaskis_ that ran to the next town.",
        'The people there speak of "swift chaskis" in the songs of that time.',
        "The auditees and the conveyees are told of it on the same day.",
        "Beside the asaphids and the phacopids there are orthids in these beds.",
        "The gift was made to him ad opinionem by the lord of the land.",
    ],
)
def test_what_its_company_shows_to_be_meant_is_no_slip(text):
    assert words_of(UnknownWord(), text) == []


@words_installed
@pytest.mark.parametrize(
    "text",
    [
        "It is what they call the offqice of the state.",
        'They speak of the "offqice hours" in the letter.',
        "The offqice (or bureau) opens at nine on working days.",
        "In Latin countries, the offqice opens at nine on working days.",
    ],
)
def test_a_slip_beyond_doubt_is_found_in_any_company_and_not_written(text):
    ((_, flag),) = flags_of(UnknownWord(), [chat(user="What do they say of it?", assistant=text)])
    assert flag.evidence["suggestion"] == "office" and flag.fix is None


@words_installed
def test_a_term_in_letters_that_never_follow_each_other_is_a_slip(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(chat(user="What is it?", assistant="The hiqstogram divides the range of the data.")))
    (finding,) = lint([path], load_config(tmp_path, overrides={"select": ("SPL002",)}), cache=False).findings
    assert finding.evidence["suggestion"] == "histogram"


@words_installed
@pytest.mark.parametrize("word", ["bevelling", "phototroph"])
def test_forms_of_words_and_terms_of_science_are_no_slips(word, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(chat(user="What is it?", assistant=f"We think that it is the {word} that they have.")))
    assert not lint([path], load_config(tmp_path, overrides={"select": ("SPL002",)}), cache=False).findings


@words_installed
@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("The fermation of the dough takes a whole day in a cool place.", None),  # fermentation, formation
        ("We read the heightft and the heightin of each of them here.", None),  # the height, and its units
        ("They keep it all on minio in the same place as it was before.", None),
        ("The offqice opens at nine, and the offqice closes at five in the evening.", None),  # nobody slips twice alike
        ("The offqice opens at nine on working days of the week.", "office"),
    ],
)
def test_no_word_is_offered_where_another_may_be_meant(text, offered):
    found = [flag for _, flag in flags_of(UnknownWord(), [chat(user="What do they say of it?", assistant=text)])]
    assert found and {flag.evidence.get("suggestion") for flag in found} == {offered}
    assert all((flag.fix is not None) == bool(offered) for flag in found)


@words_installed
@pytest.mark.parametrize("word", ["meloncholly", "ridiculuous", "commmunal", "microprocesor", "delicatessan"])
def test_what_sounds_like_a_word_or_is_one_edit_from_a_rarer_one_is_a_slip(word):
    assert words_of(UnknownWord(), f"We think that it is {word} for the people there.") == [word]


@words_installed
@pytest.mark.parametrize("word", ["formmed", "onionss", "facilitys", "documenttion", "rallyy", "benchess"])
def test_an_ending_that_no_word_takes_makes_no_word(word):
    assert not dictionaries.derivable(word, dictionaries.frequencies("en"))


@words_installed
@pytest.mark.parametrize("word", ["refactorings", "unhappiest", "podcasters", "babysitting", "tweeted", "bevelling"])
def test_an_ending_that_a_word_takes_makes_a_word(word):
    assert dictionaries.derivable(word, dictionaries.frequencies("en"))


@words_installed
@pytest.mark.parametrize(
    "text", ["capittal letters are used for names in the text", "they are used for names and for the capittal"]
)
def test_a_prompt_without_capital_and_full_stop_is_read_to_its_ends(text):
    assert words_of(UnknownWord(), text) == ["capittal"]


@words_installed
def test_an_unsure_slip_that_a_row_repeats_is_meant():
    text = "The scrogging of the sheep is hard, since scrogging is what they have not met before."
    assert words_of(UnknownWord(), text) == []
    assert words_of(UnknownWord(), text.replace("since scrogging", "since this")) == ["scrogging"]

"""Dictionaries in the form of hunspell, and slips in other languages than English."""

from __future__ import annotations

import json

import pytest

from curator import extras
from curator.config import load_config
from curator.engine import lint
from curator.errors import CuratorError
from curator.rule import chat
from curator.text.hunspell import Dictionary, found_in

words_installed = pytest.mark.skipif(bool(extras.missing("words")), reason="the extra `words` is not installed")


@pytest.fixture
def made(tmp_path):
    def _made(aff: str, *words: str, encoding: str = "utf-8") -> Dictionary:
        (tmp_path / "xx.aff").write_bytes(aff.encode(encoding))
        (tmp_path / "xx.dic").write_bytes("\n".join([str(len(words)), *words]).encode(encoding))
        return Dictionary(tmp_path / "xx.dic")

    return _made


def test_suffixes_strip_and_add_where_the_condition_fits(made):
    words = made("SFX P Y 2\nSFX P y ies [^aeiou]y\nSFX P 0 s [aeiou]y\n", "berry/P", "key/P")
    assert [w for w in ("berry", "berries", "key", "keys", "berrys", "keies") if words.knows(w)] == [
        "berry",
        "berries",
        "key",
        "keys",
    ]


def test_prefix_and_suffix_cross_only_where_the_word_takes_both(made):
    aff = "PFX U Y 1\nPFX U 0 un .\nSFX D Y 1\nSFX D 0 ed [^e]\n"
    words = made(aff, "lock/UD", "walk/D", "fair/U")
    assert words.knows("unlocked") and words.knows("walked") and words.knows("unfair")
    assert not words.knows("unwalked") and not words.knows("faired")


def test_a_suffix_may_be_followed_by_another(made):
    words = made("SFX A Y 1\nSFX A 0 er/B .\nSFX B Y 1\nSFX B 0 s .\n", "work/A")
    assert words.knows("worker") and words.knows("workers") and not words.knows("works")


def test_flags_of_two_letters_numbers_and_aliases(made):
    assert made("FLAG long\nSFX Aa Y 1\nSFX Aa 0 s .\n", "cat/AaBb").knows("cats")
    assert made("FLAG num\nSFX 12 Y 1\nSFX 12 0 s .\n", "cat/7,12").knows("cats")
    assert made("AF 1\nAF A\nSFX A Y 1\nSFX A 0 s .\n", "cat/1").knows("cats")


def test_words_that_need_an_affix_or_are_forbidden(made):
    words = made("NEEDAFFIX N\nFORBIDDENWORD F\nSFX A Y 1\nSFX A 0 s .\n", "oat/NA", "cat/A", "cats/F")
    assert words.knows("oats") and not words.knows("oat") and not words.knows("cats")


def test_compounds_only_where_the_dictionary_has_them(made):
    assert made("COMPOUNDFLAG C\n", "Haus/C", "Tür/C").knows("haustür")
    assert not made("", "house", "door").knows("housedoor")


def test_the_encoding_that_the_file_names(made):
    assert made("SET ISO8859-1\n", "tür", encoding="latin-1").knows("tür")


def test_a_folder_without_a_dictionary_is_an_error_with_the_next_step(tmp_path):
    with pytest.raises(CuratorError, match="no dictionary here"):
        found_in(tmp_path)


def linted(tmp_path, answers, **rule):
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(json.dumps(chat(user=f"{n}?", assistant=answer)) + "\n" for n, answer in enumerate(answers))
    )
    overrides = {"select": ("SPL005",), "rules": {"SPL005": rule}} if rule else {"select": ("SPL005",)}
    return lint([path], load_config(tmp_path, overrides=overrides), cache=False)


@words_installed
def test_a_language_without_a_dictionary_abstains_and_says_so(tmp_path):
    report = linted(tmp_path, ["Bugün hava çok güzel, çünkü kimse bizim için bir şey yapmak zorunda değil."] * 30)
    assert list(report.findings) == []
    assert "no dictionary of Turkish" in [item.reason for item in report.not_run]


@words_installed
@pytest.mark.parametrize(
    ("right", "wrong", "word"),
    [
        ("Die Kinder kommen morgen, weil sie heute noch nicht arbeiten.", "arbeiten arbieten", "arbieten"),
        ("Les enfants veulent toujours savoir pourquoi nous avons attendu.", "toujours tuojours", "tuojours"),
        ("Wszystko jest gotowe, ponieważ wszyscy pracowali bardzo długo.", "wszyscy wszsycy", "wszsycy"),
        ("Сегодня никто не знает, почему человек должен был ждать так долго.", "человек чловек", "чловек"),
    ],
)  # fmt: skip
def test_a_slip_is_found_in_the_language_of_the_set(tmp_path, right, wrong, word):
    report = linted(tmp_path, [right] * 30 + [right.replace(*wrong.split())])
    assert [finding.evidence["word"] for finding in report.findings] == [word]
    assert report.not_run == ()


@words_installed
def test_english_sets_have_no_other_language(tmp_path):
    report = linted(tmp_path, ["Nobody knows why the people had to wait there for so long."] * 40)
    assert (list(report.findings), report.not_run) == ([], ())

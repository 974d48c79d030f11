"""Characters that went wrong on the way into a set: what is told apart, and what the fixes restore."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.checks.characters.escapes import LiteralEscape, written_escapes
from curator.checks.characters.invisible import InvisibleCharacter, purposeless
from curator.checks.characters.markup import HtmlLeft, markup_left
from curator.checks.characters.mojibake import Mojibake, ReplacementCharacter, mojibake
from curator.checks.characters.normal_form import NotNormalised
from curator.checks.characters.spacing import wide_gaps
from curator.harness import flags_of
from curator.rule import chat

SHARED = Path(__file__).parents[2] / "shared" / "data"


def mended(text: str, repairs: list) -> str:
    for start, end, new in reversed(repairs):
        text = text[:start] + (text[start:end] if new is None else new) + text[end:]
    return text


def misread(text: str, codec: str = "cp1252") -> str:
    """UTF-8 read as another encoding; bytes without a meaning there become C1 controls."""
    return "".join(bytes([byte]).decode(codec, "ignore") or chr(byte) for byte in text.encode())


# ---------------------------------------------------------------------- mojibake

SENTENCES = [
    "Ça coûte 20 € à l’hôtel – déjà vu ?",
    "“Straße”, sagte Müller, „Äpfel“ und Öl…",
    "São Paulo não é longe; amanhã às três.",
    "El niño comió jamón en España, ¿verdad?",
    "Zażółć gęślą jaźń.",
    "Dürüm şiş kebabı ve çay içtik.",
    "Příliš žluťoučký kůň úpěl.",
    "A hőmérséklet 20°C, ±2½ µm² ™ ©.",
    "Наш ответ: всё хорошо.",
    "Η ομάδα είναι εδώ.",
    "今天天气很好，我们去公园。",
    "Cười 😀 và đi 🚀.",
]


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("codec", ["cp1252", "latin-1"])
def test_utf8_read_as_a_western_encoding_is_restored(sentence, codec):
    assert mended(misread(sentence, codec), mojibake(misread(sentence, codec))) == sentence


@pytest.mark.parametrize("sentence", SENTENCES[:4])
def test_text_that_went_wrong_twice_is_restored(sentence):
    twice = misread(misread(sentence))
    assert mended(twice, mojibake(twice)) == sentence


@pytest.mark.parametrize(
    ("sentence", "codec"),
    [
        ("Привет, это проверка текста.", "cp1251"),
        ("It’s “fine” – really…", "mac_roman"),
        ("Zażółć gęślą", "iso8859_2"),
        ("Příští závod", "cp1250"),
    ],
)
def test_other_encodings_are_restored(sentence, codec):
    assert mended(misread(sentence, codec), mojibake(misread(sentence, codec))) == sentence


@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sound_sentence_is_left_alone(sentence):
    assert mojibake(sentence) == []


@pytest.mark.parametrize(
    "text",
    [
        "Ele gritou “AMANHÃ” e “NÃO”… depois “IRMÃ”.",
        "Das macht „Spaß“ und „groß“… 5 ß–Zeichen.",
        "« né…” dit-il, « voilà » et « Â ».",
        "Hâlâ…” dedi. CAFÉ™ É” À…",
        "Der Ø ist 5 ×½ Zoll, 20 °C ±3 %.",
        "Рёбра и Русь: «Рим» °, Р–С.",
        "La lettre Ã\u00a0: un a tilde.",
    ],
)
def test_letters_before_closing_signs_are_what_they_are(text):
    assert mojibake(text) == []


def test_a_lost_byte_is_told_but_not_guessed():
    assert [repair.text for repair in mojibake("He said noâ€ and left, 锟斤拷.")] == [None, None]


def test_a_talk_about_encodings_is_left_alone():
    row = chat(user="Why do I see Ã© on my page?", assistant="UTF-8 was read as Latin-1: Ã© is é.")
    assert flags_of(Mojibake(), row) == []


WORDS = ["café", "naïve", "São", "“ja”", "it’s", "20 °C", "Ð", "–", "…", "Ärger", "œuvre", "£5", "plain", "déjà", "½"]


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=8).map(" ".join))
def test_a_mended_text_needs_no_second_mending(text):
    assert mojibake(text) == []
    once = mended(misread(text), mojibake(misread(text)))
    assert mojibake(once) == []


@given(st.text(alphabet=st.characters(min_codepoint=0xA1, max_codepoint=0xFF, categories=["Ll"]), min_size=1))
def test_every_small_western_letter_is_restored_inside_a_word(letters):
    word = f"x{letters}x"
    assert mended(misread(word), mojibake(misread(word))) == word


# ---------------------------------------------------------------------- invisible characters


@pytest.mark.parametrize(
    "text",
    [
        "می‌خواهم بروم",  # Persian
        "क्\u200dष और क्\u200cष",  # Hindi
        "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 🏳\ufe0f\u200d🌈 🤷🏽\u200d♀\ufe0f 1\ufe0f\u20e3",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "שלום \u200fabc\u200e עולם \u2067x\u2069",
        "ខ្ញុំ\u200bទៅ",  # Khmer
        "葛\U000e0100城市",  # an ideograph and its variant
    ],
)
def test_what_a_script_or_an_emoji_needs_is_left_alone(text):
    assert purposeless(text) == []


@pytest.mark.parametrize(
    "text",
    ["a\u200bb", "a\u200db", "\ufeffa", "a\u202eb", "co\u00adop", "a\u2060b", "a\ufe0f", "x\U000e0041", "a\u200fb"],
)
def test_what_serves_nothing_is_found(text):
    (place,) = purposeless(text)
    assert not purposeless(text[:place] + text[place + 1 :])


@given(st.text(alphabet="a 👩💻\u200b\u200d\u200c\ufe0f\u202e\ufeffم\U000e0041", max_size=12))
def test_removal_leaves_nothing_more_to_remove(text):
    places = purposeless(text)
    rest = "".join(char for place, char in enumerate(text) if place not in places)
    assert purposeless(rest) == []


# ---------------------------------------------------------------------- markup and escapes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One<br>two", "One\ntwo"),
        ("Tom &amp; Jerry&nbsp;Ltd", "Tom & Jerry Ltd"),
        ("It&rsquo;s caf&eacute; &#8212; &#x27;ok&#x27;", "It’s café — 'ok'"),
        ("see &lt;b&gt;this&lt;/b&gt; now", "see this now"),
        ("R&amp;amp;D", "R&D"),
        ('a <a href="https://x.org" target=_blank>link</a>.', "a link."),
    ],
)
def test_markup_becomes_text(text, expected):
    assert mended(text, markup_left(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "AT&T and R&D; a&b;",
        "if a<b and c>d, p <q> r",
        "Dear <name>, at <address line>, <title>",
        "std::vector<int> and #include <string>",
        "<think>no</think> <answer>4</answer> <tool_call>",
        "use `<br>` here",
        "x<sub>1</sub>, H<sup>2</sup>",
        "he <b and more",
    ],
)
def test_what_only_looks_like_markup_is_left_alone(text):
    assert markup_left(text) == []


def test_escaped_code_is_markup_too():
    (repair,) = markup_left("```c\nif (a &lt; b) return;\n```")
    assert repair.text == "<"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear Sir,\\nThank you.\\n\\nYours", "Dear Sir,\nThank you.\n\nYours"),
        ("First.\\r\\nSecond.", "First.\nSecond."),
        ("第一句。\\n第二句。", "第一句。\n第二句。"),
        ("the caf\\u00e9", "the café"),
        ('he said \\"yes\\" to it', 'he said "yes" to it'),
    ],
)
def test_escapes_become_characters(text, expected):
    assert mended(text, written_escapes(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "It is. \\nabla f = 0, \\neq 1; \\text{a}: \\times, \\nu.",
        "Open C:\\notes\\new.txt. Then .\\new or ..\\tools.",
        "split on '\\n' or \"\\t\"",
        "file (content: 'One.\\nTwo.')",
        "join them with \\n in between",
        "the class [\\u4e00-\\u9fff]",
    ],
)
def test_escapes_that_are_meant_are_left_alone(text):
    assert written_escapes(text) == []


# ---------------------------------------------------------------------- spacing and form


@pytest.mark.parametrize(
    "text",
    [
        "One.  Two.   Three.",
        "Roses are red,  \nviolets are blue.",
        "Name:    Ada\nBorn:    1815",
        "    indented    text",
        "-   an item",
        "```\na      b\n```",
        "n    n^2\n1    1\n2    4\n10   100",
        "n    n^2\n1 1\n10 100",
        "Total:      $5\nTax:        $1",
        "total 8\n-rw-r--r--  1 anna  staff    12 Jan  3 10:00 a\n-rw-r--r--  1 anna  staff  1200 Jan  3 10:01 b",
        "yo       soy\ntú       eres\nél       es\nnosotros somos\nvosotros sois\nellos    son",
        "Mon    closed\nTue    open from nine\nWednesday open late",
        "left        right\n  x           y",
        "Milk      2.50",
        "Ada Lovelace        London, 1815",
        "Signed:                 Date:",
        "signed by     ____________",
        "chapter one ..........     page 5",
        "h e l l o     w o r l d",
        "苹果 iPhone 11     1    [价格]   [小计价格]\nWepulse智能手环   2    [价格]   [小计价格]",
    ],
)
def test_spacing_that_is_meant_is_left_alone(text):
    assert wide_gaps(text, 3) == []


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("He walked home     and slept.", "He walked home and slept."),
        ("It came to $70.              Therefore she earns 5 a day.", "It came to $70. Therefore she earns 5 a day."),
        ("He took     a bus.\nHe got off at the church.", "He took a bus.\nHe got off at the church."),
        ("- buy milk     and eggs at the shop\n- call mum", "- buy milk and eggs at the shop\n- call mum"),
        ("Dear Bo,\n\nI came     home.\nIt was late.", "Dear Bo,\n\nI came home.\nIt was late."),
    ],
)
def test_a_gap_in_a_sentence_is_closed(text, closed):
    assert mended(text, wide_gaps(text, 3)) == closed


@given(st.text(alphabet="ab,. \n:|1", max_size=60))
def test_closing_gaps_changes_white_space_alone(text):
    closed = mended(text, wide_gaps(text, 3))
    assert closed.split() == text.split()


@given(st.text(alphabet="aeé\u0301\u0308uA\u030a한\u1112\u1161\u11ab\u0327 n", max_size=20))
def test_composing_keeps_the_text_canonically_equal(text):
    row = chat(user="?", assistant=f"x{text}")
    for _, flag in flags_of(NotNormalised(), row):
        assert flag.fix is not None
        after = f"x{text}"
        for edit in sorted(flag.fix.changes, key=lambda edit: -edit.start):
            after = after[: edit.start] + edit.text + after[edit.end :]
        assert unicodedata.normalize("NFD", after) == unicodedata.normalize("NFD", f"x{text}")


# ---------------------------------------------------------------------- real text


def test_real_sentences_in_sixteen_languages_are_nearly_silent():
    folder = SHARED / "langid_lingua" / "sentences"
    if not folder.exists():
        pytest.skip("the shared data are not here")
    rules = (Mojibake(), ReplacementCharacter(), InvisibleCharacter(), HtmlLeft(), LiteralEscape(), NotNormalised())
    for file in sorted(folder.glob("*.txt")):
        sentences = [line for line in file.read_text(encoding="utf-8").split("\n") if line]
        rows = [chat(user="?", assistant=sentence) for sentence in sentences]
        for rule in rules:
            # The pages these come from hold real faults: entities, soft hyphens, decomposed accents.
            assert len(flags_of(rule, rows)) <= 0.02 * len(rows), (file.name, rule.slug())


def test_real_answers_are_nearly_silent():
    path = SHARED / "llamafactory" / "alpaca_en_demo.json"
    if not path.exists():
        pytest.skip("the shared data are not here")
    rows = [chat(user=row["instruction"], assistant=row["output"]) for row in json.loads(path.read_bytes())]
    for rule in (Mojibake(), ReplacementCharacter(), InvisibleCharacter(), HtmlLeft(), LiteralEscape()):
        assert len(flags_of(rule, rows)) <= 0.002 * len(rows), rule.slug()

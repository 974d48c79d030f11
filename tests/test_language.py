"""Languages: what proves one, and which rows are in the wrong one."""

from __future__ import annotations

import pytest

from curator import extras
from curator.checks.language import AnswerLanguageDiffers, LanguageSwitch, OffLanguageRow, ScriptMismatch
from curator.harness import flags_of
from curator.rule import chat
from curator.text.languages import language_of, prose_of

pytestmark = pytest.mark.skipif(bool(extras.missing("languages")), reason="the extra `languages` is not installed")

ENGLISH = [
    chat(user=f"What should we do with the {thing} that was left on the table?", assistant="You could give it to them.")
    for thing in ("bread", "cheese", "water", "letter", "lamp", "paper", "money", "ring")
]
SENTENCES = {
    "de": "Die richtige Antwort hängt davon ab, was man mit der Sache machen will und wie viel Zeit man hat.",
    "fr": "La réponse dépend de ce que vous voulez faire avec cette chose et du temps que vous avez.",
    "es": "La respuesta depende de lo que usted quiere hacer con la cosa y del tiempo que tiene para ello.",
    "pt": "A resposta depende do que você quer fazer com a coisa e do tempo que tem para isso, mas não só.",
    "it": "La risposta dipende da quello che si vuole fare con la cosa e dal tempo che abbiamo per questo.",
    "nl": "Het antwoord hangt af van wat je met het ding wilt doen en hoeveel tijd je daar voor hebt.",
    "pl": "Odpowiedź zależy od tego, co chcesz zrobić z tą rzeczą i ile masz na to czasu, ale nie tylko.",
    "tr": "Cevap, bu şey ile ne yapmak istediğinize ve bunun için ne kadar zamanınız olduğuna bağlı.",
    "ru": "Ответ зависит от того, что вы хотите сделать с этой вещью.",
    "zh": "答案取决于你想用它做什么。",
    "ja": "答えは何をしたいかによります。",
    "ko": "대답은 무엇을 하고 싶은지에 달려 있습니다.",
    "el": "Η απάντηση εξαρτάται από το τι θέλετε να κάνετε.",
}


def codes(*rows):
    found = []
    for rule in (OffLanguageRow, AnswerLanguageDiffers, LanguageSwitch, ScriptMismatch):
        found += [(rule.code, line) for line, _ in flags_of(rule(), [*ENGLISH, *rows])]
    return found


@pytest.mark.parametrize("language", SENTENCES)
def test_a_sentence_is_named(language):
    assert language_of(SENTENCES[language]).language == language


SHORT = {
    "de": "Neue Preise gelten erst später",
    "fr": "Trois livres abîmés jetés hier",
    "es": "Cambiar contraseña del usuario",
    "pt": "Caderno amarelo comprado ontem",
    "it": "Ritirata ieri mattina, consegna domani",
    "nl": "Twee gebroken ramen gemeld",
    "fi": "Lisää uusi käyttäjä luetteloon",
    "hu": "Elfelejtett jelszó pótlása",
    "tr": "Yarın sabah erken gelecek",
    "sl": "Prijavite napako uporabniku",
}


@pytest.mark.parametrize("language", SHORT)
@pytest.mark.skipif(bool(extras.missing("words")), reason="the extra `words` is not installed")
def test_a_short_sentence_without_function_words_is_named_by_how_common_its_words_are(language):
    assert language_of(SHORT[language]).language == language
    row = chat(user="Which of the two should we take, and what would you do with it?", assistant=SHORT[language])
    assert codes(row) == [("LNG002", len(ENGLISH))]


@pytest.mark.parametrize(
    "text",
    ["Paris", "Example object: { a: 3, b: 6, c: 1, d: 8, e: 5 }", "enqueue, dequeue, isEmpty", "Invalid locale: Babel.",
     "El Niño, La Niña", "Francesco Totti and Éric Cantona",
     "Los Angeles tomorrow weather", "Leonardo da Vinci, Vincent van Gogh", "x = [1, 2, 3]", "3.14", "",
     "Ragu alla Bolognese, Risotto, Spaghetti"],
)  # fmt: skip
def test_names_numbers_and_code_prove_nothing(text):
    assert language_of(prose_of(text)) is None


@pytest.mark.parametrize("language", SENTENCES)
def test_an_answer_in_another_language_than_its_prompt_is_found(language):
    row = chat(user="Which of the two should we take, and what would you do with it?", assistant=SENTENCES[language])
    code = "LNG004" if language in ("ru", "zh", "ja", "ko", "el") else "LNG002"
    assert codes(row) == [(code, 8)]


@pytest.mark.parametrize("language", SENTENCES)
def test_a_row_in_another_language_than_the_set_is_found(language):
    assert codes(chat(user=SENTENCES[language], assistant=SENTENCES[language])) == [("LNG001", 8)]


@pytest.mark.parametrize(
    "prompt",
    [
        "Translate it: the answer depends on what you want to do with the thing and on your time.",
        "How would you say in German that it depends on what we want to do with it?",
        "Schreib mir bitte, wovon die Antwort abhängt. What does the sentence that you have mean?",
    ],
)
def test_a_prompt_that_asks_for_the_language_exempts_the_answer(prompt):
    assert codes(chat(user=prompt, assistant=SENTENCES["de"])) == []


DE = "Wie heißt das Haus, das wir von hier aus sehen können, und wem gehört es?"
FR = "Quel temps fait-il aujourd'hui dans la ville où nous allons ?"
ES = "¿Cuál es la capital del país y cuántas personas viven en la ciudad?"
IT = "Qual è la capitale del paese e quante persone vivono nella città?"
PT = "Qual é a capital do país e quantas pessoas vivem na cidade?"
NL = "Wat is de hoofdstad van het land en hoeveel mensen wonen er in de stad?"
NAMED_ABROAD = [
    (f"{DE} Antworte auf Englisch.", "en"),
    ("Schreibe eine kurze englische E-Mail an meinen Chef, dass ich krank bin.", "en"),
    ("Wie lautet der berühmteste Satz aus dem Stück im Original?", "en"), (f"{FR} Réponds en anglais.", "en"),
    (f"{ES} Contesta en inglés, por favor.", "en"), (f"{IT} Rispondi in inglese.", "en"),
    (f"{PT} Responda em inglês.", "en"), (f"{NL} Antwoord in het Engels.", "en"),
    (f"{ES} Contesta en alemán.", "de"), (f"{DE} Antworte auf Französisch.", "fr"),
    (f"{FR} Réponds en espagnol.", "es"),
    (f"{NL} Antwoord in het Italiaans.", "it"), (f"{IT} Rispondi in tedesco.", "de"),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "language"), NAMED_ABROAD)
def test_a_prompt_may_name_the_language_in_its_own(prompt, language):
    answer = SENTENCES.get(language, "The answer to that is that we do not know what it was or where they have been.")
    assert "LNG002" not in {code for code, _ in codes(chat(user=prompt, assistant=answer))}


@pytest.mark.parametrize("prompt", [DE, FR, ES, IT, PT, NL])
def test_a_prompt_that_names_no_language_exempts_none(prompt):
    answer = "The answer to that is that we do not know what it was or where they have been."
    assert codes(chat(user=prompt, assistant=answer)) == [("LNG002", 8)]


def test_an_answer_that_changes_its_language_is_found_where_it_changes():
    text = f"You should first look at what it is and then decide. {SENTENCES['fr']}"
    row = chat(user="What should we do with the thing that they left here?", assistant=text)
    ((line, flag),) = flags_of(LanguageSwitch(), [*ENGLISH, row])
    assert line == 8
    assert text[flag.span[0] : flag.span[1]] == SENTENCES["fr"]


def test_quotations_and_code_do_not_count():
    text = f"They said to us: “{SENTENCES['fr']}” and that was the end of it.\n```\n{SENTENCES['de']}\n```"
    assert codes(chat(user="What did they say to you when you were there?", assistant=text)) == []


def test_a_set_in_two_languages_is_at_home_in_both():
    rows = [chat(user=SENTENCES["de"], assistant=SENTENCES["de"])] * 6
    assert codes(*rows) == []


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Conjugate 'ser' in the present", "yo soy, tú eres, él es, nosotros somos, vosotros sois, ellos son"),
        ("Old English sample", "Hwæt! We Gardena in geardagum, þeodcyninga, þrym gefrunon, hu ða æþelingas fremedon."),
        ("Chant of the fans", "Olé, olé, olé, olé, olé, olé, olé"),
    ],
)
def test_what_was_asked_for_and_chants_are_no_other_language(asked, answer):
    assert codes(chat(user=asked, assistant=answer)) == []


def test_a_task_in_another_language_is_what_is_odd_about_its_row():
    """A German prompt asks for Thai: the row is a German one."""
    row = chat(user="Übersetze das bitte für mich: 'good morning' auf Thai", assistant="สวัสดีตอนเช้า")
    flags = [flag for _, flag in flags_of(OffLanguageRow(), [*ENGLISH, row])]
    assert [flag.message for flag in flags] in ([], ["the row is in German, the set in English"])


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Сазнајте више о жичаном умрежавању у вашој кући.", "sr"),
        ("Кликните на дугме и видите да ли се показивач миша помера.", "sr"),
        ("Нажмите кнопку и подождите, пока она погаснет.", "ru"),
        ("Прозорецот се отвора кога ќе го притиснете копчето во средина.", "mk"),
        ("Прозорецът се отваря, когато натиснете бутона в средата.", "bg"),
        ("Klik op het venster om het paneel te openen.", "nl"),
        ("Ons het nie geweet hoekom hulle nie gekom het nie.", "af"),
        ("Kliknite na željeni raspored tipkovnice.", "hr"),
        ("Hvilke andre operativsystemer som allerede er installeret", "da"),
    ],
)
def test_neighbours_are_told_apart_by_their_common_words(text, language):
    claim = language_of(text)
    assert claim is not None and claim.language == language


def test_the_fiftieth_row_of_a_script_in_a_large_set_is_no_manner_of_it():
    english = [
        chat(user=f"What is number {n} in the long list of them?", assistant="It is one that we all know.")
        for n in range(3600)
    ]
    russian = [
        chat(user=f"Что стоит в этом списке под номером {n}?", assistant="Этого никто не знает.") for n in range(54)
    ]
    flagged = {line for line, _ in flags_of(OffLanguageRow(), [*english, *russian])}
    assert len(flagged) == 54

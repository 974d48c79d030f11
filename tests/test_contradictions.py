"""Contradictions: which answers to one prompt cannot both be right, and which merely differ."""

from __future__ import annotations

import json
import random
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curator.checks.contradictions import ConflictingAnswers, InconsistentLabel, OnePromptManyAnswers
from curator.checks.contradictions.amounts import rounds_to, same_amount, same_number
from curator.checks.contradictions.candidates import intent_keys
from curator.checks.contradictions.intent import intent
from curator.checks.contradictions.judge import judge
from curator.checks.contradictions.lexicon import lexicon, stem
from curator.checks.contradictions.prompts import Prompt
from curator.checks.contradictions.screen import REPEATED, Candidate, Shared, compare, outlines
from curator.checks.contradictions.text import Answer, plain_keys, sentences, tokens
from curator.checks.duplicates import NormalisedDuplicate
from curator.config import Config
from curator.engine import lint
from curator.harness import RowsOfBatch, batch_of, flags_of
from curator.rule import chat
from curator.spreading import here

DAYS = "How many days are in a leap year?"


PROMPTS = (
    "How far is it to the lake?",
    "What does it do?",
    "Write of the lake.",
    "Which?\nA. cat\nB. dog",
    "Solve it.",
)
SAYINGS = """It is 5 km.|It is 8 km.|It's about 3 miles away.|The lake is not deep.|The lake is deep.|Yes.|No, never.
The answer is 12.|The answer is 13.|#### 7|(A)|B. dog|So 3 + 4 = 7 boats lie there.|So 3 + 5 = 8 boats.
Heat increases the pressure in the closed vessel.|Heat decreases the pressure in the closed vessel.
It opens in May, and people from all around come to swim there in the sun.
It opens in June, and people from all around come to swim there in the sun.
I'm sorry, but I cannot say.|Paris|湖很深。|湖有五公里远。
It was built by Anna Berg in the last century, as the sign at its door says.
It was built by Max Stern in the last century, as the sign at its door says.""".replace("|", "\n").split("\n")
TEXTS = (
    *SAYINGS,
    *(" ".join((one, two)) for one, two in zip(SAYINGS, SAYINGS[7:], strict=False)),
    *(" ".join(SAYINGS[n : n + 9]) for n in range(0, 15, 2)),
)


def kind_of(prompt: str, one: str, two: str) -> str | None:
    clash = judge(Prompt(prompt), Answer(one), Answer(two))
    return clash.kind if clash else None


WORDS = """It it's don't cannot can't CEOs' one two twenty first second third 1 2.5 1,000 1,00 59th 5th. -3 (-4)
x-5 .5 C++ C# NFL+ $5 5 % 5% percent million 5k k °C c f
12:30 1/2 1.2.3 a_b __ - , ; dog's they're ’tis 湖 é e.g. U.S.""".split()


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.sampled_from((" ", "", "\n")))
def test_the_quick_way_to_the_words_of_a_sentence_is_that_of_its_tokens(words, gap):
    text = "so:" + gap.join(words)
    quick = plain_keys(text, 3, len(text))
    assert quick is None or quick == [token.key for token in tokens(text, 3, len(text))]


def flagged(rows, rule=None):
    return [index for index, _ in flags_of(rule or ConflictingAnswers(), rows)]


# ---------------------------------------------------------------------- what contradicts


@pytest.mark.parametrize(
    ("kind", "prompt", "one", "two"),
    [
        ("number", DAYS, "A leap year has 366 days.", "365"),
        ("number", DAYS, "366 days", "There are three hundred days in a leap year."),
        ("number", "What is 2 + 2?", "It is 4.", "5"),
        ("number", "How many apples?", "She has 3 + 4 = 7 apples.\n#### 7", "She has 3 + 4 = 8 apples.\n#### 8"),
        ("number", "How many are left?", "16 - 7 = 9 are left.\n9 * 2 = $18", "16 - 3 = 13\n13 * 2 = $26 a day"),
        ("number", "Solve.", r"So we get \boxed{12}", "The answer is 13."),
        ("choice", "Which?\nA. cat\nB. dog\nC. cow", "B", "The correct option is C: cow."),
        ("choice", "Which?\nA. cat\nB. dog\nC. cow", "dog", "(A)"),
        ("yes/no", "Is a whale a fish?", "Yes, it lives in water.", "No, it is a mammal."),
        ("yes/no", "True or false: iron rusts.", "True", "False."),
        ("number", "How fast may I drive?", "The limit is 50 km/h.", "The limit is 70 mph."),
        (
            "number",
            "What is the price?",
            "It is $12 for adults and $6 for children.",
            "It is $6 for adults and $12 for children.",
        ),
        ("number", "What does it cost?", "Tea: $2\nCoffee: $3\nWater: $1", "Tea: $3\nCoffee: $2\nWater: $1"),
        ("antonym", "How do I start it?", "1. Open the valve.\n2. Press it.", "1. Close the valve.\n2. Press it."),
        ("negation", "May I smoke?", "Smoking is allowed on the terrace.", "Smoking is not allowed anywhere."),
        ("negation", "What is the password policy?", "Passwords expire after 90 days.", "Passwords never expire."),
        ("name", "Who is the CEO of Acme?", "The CEO of Acme is Mary Jones.", "The CEO of Acme is Peter Brown."),
        ("name", "Who painted the Mona Lisa?", "Leonardo da Vinci", "Michelangelo"),
        ("name", "Who grows most coffee?", "Brazil is the largest grower.", "Vietnam is the largest grower."),
        ("negation", "Is it safe?", "The drug is safe in pregnancy.", "The drug isn't safe in pregnancy."),
        ("negation", "What does it do?", "Aspirin thins the blood.", "Aspirin does not thin the blood."),
        ("negation", "Put in the passive voice: He shut the tap.", "The tap was shut.", "The tap was not shut."),
        (
            "antonym",
            "What does heat do?",
            "Heat increases the pressure of a gas.",
            "Heat lowers the pressure of a gas.",
        ),
        ("antonym", "What tone?", "positive", "negative"),
        ("unit", "How long is it?", "The walk is 5 miles long.", "The walk is 5 kilometres long."),
        ("date", "When is it?", "The fair opens on May 3.", "The fair opens on June 3."),
        ("name", "What is the capital of France?", "The capital of France is Paris.", "The capital of France is Lyon."),
        ("final answer", "Who did it?", "The answer is the butler.", "The answer is the cook."),
        ("yes/no", "May I bring a dog?", "Dogs are welcome.", "Dogs are not allowed."),
        ("yes/no", "Is swimming permitted in the lake?", "You may swim in the lake.", "Swimming is forbidden."),
        ("yes/no", "Do I need a ticket?", "A ticket is required.", "No ticket is needed."),
        ("yes/no", "Is the pass open?", "The pass is open from 8 to 5.", "The pass is closed."),
        ("date", "When was it finished?", "It was finished on 3 May 1901.", "1902-05-03"),
        ("number", "When is the deadline for applications?", "The deadline is 15 May.", "They close on 1 June."),
        ("date", "When does the gate close?", "The gate closes at 10 pm.", "22:30"),
        ("date", "On which day is the class?", "It is on Tuesdays.", "The class is on Fridays."),
        ("number", "How often may it be taken?", "Every 6 to 8 hours.", "Every 2 to 3 hours."),
        ("number", "How often do I feed it?", "Once a day.", "Twice a day."),
        ("number", "How much is the monthly pass?", "The pass costs $45.", "It is $54 per month."),
        ("antonym", "How much do children pay?", "Children get in free.", "Children pay 5 euros."),
        ("unit", "How deep is the pool?", "The pool is 2 metres deep.", "2 feet"),
        ("unit", "How much does it pump?", "It pumps 12 l/min.", "It pumps 12 l/h."),
        ("name", "Which river flows through Vienna?", "The Danube.", "The Rhine."),
        ("name", "What is the capital of Canada?", "Ottawa", "The capital of Canada is Toronto."),
        ("name", "Who leads the team?", "The team is led by Nora Blum.", "Kai Brandt leads the team."),
        ("name", "What colour is the lamp?", "The lamp is green.", "It is red."),
        ("final answer", "Which flag makes grep ignore case?", "Use `-i`.", "`grep -v`"),
        ("order", "Which is larger?", "France is larger than Spain.", "Spain is larger than France."),
        ("choice", "Which is it? (a) 3 (b) 4 (c) 5", "(b)", "(c) 5"),
        (
            "negation",
            "How is a firing checked?",
            "After the glaze has dried, the kiln is closed for the whole night and opened at noon.",
            "The kiln is not closed for the whole night and opened at noon after the glaze has dried.",
        ),
        (
            "number",
            "How long is the kiln closed?",
            "During a glaze firing in winter, the kiln stays closed for 14 hours.",
            "The kiln stays closed for 17 hours during a glaze firing in winter.",
        ),
        (
            "antonym",
            "When is the kiln vented?",
            "In rooms without a window, the kiln is vented after the firing.",
            "The kiln is vented before the firing in rooms without a window.",
        ),
        (
            "negation",
            "What dries slowly?",
            "A thick vessel such as a bowl or a jar is also dried in the shade of the yard.",
            "A thick vessel like a bowl or a jar is not in addition dried in the shade of the yard.",
        ),
        (
            "negation",
            "Who may fire?",
            "You are not alone, so you can always ask the keeper of the kiln.",
            "You are not alone, so you can never ask the keeper of the kiln.",
        ),
        (
            "negation",
            "Are tickets refundable?",
            "Tickets are refundable until the day before the firing.",
            "Tickets are never refundable.",
        ),
        (
            "number",
            "List some things that a kiln needs.",
            "What a kiln needs before it is fired:\n1. Shelves of clay\n2. Type 3 cones\n3. A key",
            "What a kiln needs before it is fired:\n1. Shelves of clay\n2. Type 5 cones\n3. A key",
        ),
        (
            "number",
            "How many pots are there in the kiln?",
            "Two shelves hold the same number of pots, so 5n - 10 = 25\n5n = 35\nn = 7\n#### 7",
            "Two shelves hold the same number of pots, so 5n - 10 = 25\n5n = 37\nn = 7\n#### 7",
        ),
    ],
)
def test_it_contradicts(kind, prompt, one, two):
    assert kind_of(prompt, one, two) == kind
    assert kind_of(prompt, two, one) == kind


@pytest.mark.parametrize(
    ("prompt", "one", "two"),
    [
        (DAYS, "A leap year has 366 days, one more than the usual 365.", "366"),
        (DAYS, "366 days", "There are three hundred sixty-six days"),
        ("How far is it?", "It is 5 km away.", "It is 5,000 metres away."),
        ("How hot?", "Water boils at 100 °C.", "Water boils at 212 °F."),
        ("How fast is sound?", "Sound travels at 343 m/s.", "Sound travels at 1,235 km/h."),
        ("How fast is sound?", "343 metres per second", "1,235 km/h"),
        ("Wie hoch ist der Berg?", "Der Berg ist 1.500 m hoch.", "Der Berg ist 1500 m hoch."),
        ("What is the sum?", "3 apples and 4 apples make 7 apples.", "4 apples and 3 apples make 7 apples."),
        ("Which is larger?", "Jupiter is larger than Saturn.", "Saturn is smaller than Jupiter."),
        ("Which came first?", "The treaty came before the war ended.", "The war ended after the treaty came."),
        ("How long?", "A soft-boiled egg takes 6 minutes.", "A hard-boiled egg takes 10 minutes."),
        ("What if?", "If it is red: stop. If it is green: start.", "If it is green: start. If it is red: stop."),
        ("Who sings best?", "Adele", "Freddie Mercury"),
        ("What is the most beautiful city?", "Paris", "Rome"),
        ("Who was at the meeting?", "Anna", "Ben"),
        ("Who wrote it?", "Anna Berg", "Anna Berg and Ben Fox"),
        ("What is the name of a river in Spain?", "Ebro", "Tajo"),
        ("How much?", "About 1,000 people came.", "Around 1,050 people came."),
        ("What share?", "The answer is 0.5", "The answer is 50%"),
        ("What is pi?", "Pi is 3.14159.", "Pi is 3.14."),
        ("What is a 404?", "The page was not found on the server.", "A status code for pages a server cannot find."),
        ("Write a poem on rain.", "Rain is never loud,\nit falls from the cloud.", "Rain is always near,\na friend."),
        ("Name a country in Europe.", "France", "Spain"),
        ("Which countries border France?", "Spain borders France.", "Italy borders France."),
        ("Who ruled?", "It was none other than Anne of York who ruled.", "It was Anne of York who ruled."),
        ("Is it good?", "It is not bad at all.", "It is good."),
        ("Is it safe?", "It is safe for most people.", "It is safe for most people, but not for infants under one."),
        ("How do I sort?", "Call `sort(3)`.", "Call `sort(4)`."),
        ("Is it true?", "I'm sorry, I can't say.", "Yes."),
        ("Where is Bonn?", "Bonn is in Germany.", "Bonn is in Europe."),
        ("Who led it?", "It was led by NASA.", "It was led by the National Aeronautics and Space Administration."),
        ("What happened?", "The team did not score in May.", "The team scored 0 goals in May."),
        ("When?", "", "In 1990."),
        ("How far is the Moon?", "It is about 384,400 km away.", "It is about 238,855 miles away."),
        ("What share is that?", "It is one quarter.", "It is 25 percent."),
        ("When was the war?", "The war began in 1914.", "The war ended in 1918."),
        ("How big is it?", "The house has 3 bedrooms.", "The house has 2 bathrooms."),
        ("What was it worth?", "It was worth $2.6 million in 2020.", "It was worth $2.9 million in 2021."),
        ("How many people live in Berlin?", "3.7 million", "3,748,148"),
        ("When is the deadline?", "The deadline is March 5.", "The deadline is 5 March 2021."),
        ("Roll a die.", "You rolled a 4.", "You rolled a 2."),
        ("Write the first line of a novel.", "The house was empty in May.", "The house was not empty in May."),
        ("Write a line.", "Rain falls on the hill.", "Snow does not fall on the hill."),
        ("Write a question.", "Is it late in Rome?", "Is it not late in Rome?"),
        ("Give an example.", "A red cat.", "Not a cat."),
        ("What time is it?", "It is 3:15 pm.", "It is 9:40 am."),
        ("Pick a card.", "You picked the seven of spades.", "You picked the nine of hearts."),
        ("Argue for uniforms.", "Uniforms increase equality among pupils.", "Uniforms decrease equality among pupils."),
        ("Should I learn Latin or Greek?", "You should learn Latin.", "You should learn Greek."),
        ("Are dogs allowed?", "Dogs are allowed on weekends.", "Dogs are not allowed on weekdays."),
        ("May I feed the animals?", "You may feed the goats.", "You may not feed the lions."),
        ("May I eat in the lab?", "Food is not allowed in the lab.", "You may eat in the kitchen."),
        ("May I record it?", "You may record it if all agree.", "You may not record it unless all agree."),
        ("Are children allowed?", "Children are allowed with an adult.", "Children without an adult are not allowed."),
        ("Is a tie required?", "A tie is not required.", "Ties are optional."),
        ("Is the shop open?", "It is open until 6.", "It is closed on Mondays."),
        ("Is the glass full?", "It is half full.", "It is half empty."),
        ("Is sugar in it?", "There is no sugar in it.", "It is sugar-free."),
        ("When does the train leave?", "It leaves at 11:45 pm.", "It leaves at 23:45."),
        ("When does it depart?", "It departs at 14:00.", "It departs at 2 pm."),
        ("When was it signed?", "On 7 February 1992.", "It was signed on 1992-02-07."),
        ("When was she born?", "05/03/1980", "3 May 1980"),
        ("When does the concert begin?", "It begins at 8 pm.", "The doors open at 7 pm."),
        ("When does it open?", "It opens at 8 on weekdays.", "It opens at 10 on Saturdays."),
        ("What is the dose?", "5 mg for adults", "2.5 mg for children"),
        ("When do the shops close?", "At 8 pm on weekdays.", "At 6 pm on Saturdays."),
        ("How much is it?", "$10 per month", "$120 per year"),
        ("How many came?", "Twenty or so.", "18"),
        ("What is a leap year?", "A year with 366 days.", "A year in which February has 29 days."),
        ("How many rooms are there?", "There are 3 bedrooms.", "There are 5 rooms in all."),
        ("How heavy is it?", "2 t", "2000 kg"),
        ("Which city is the Big Apple?", "New York", "NYC"),
        ("Who opened the bridge?", "The Queen opened it.", "Elizabeth Windsor"),
        ("What is a good name for a cat?", "Mimi", "Felix"),
        ("Which actor played Batman?", "Christian Bale", "Michael Keaton"),
        ("What colour should I paint it?", "Paint it green.", "Paint it red."),
        ("Which option removes folders?", "rm -r", "rm --recursive"),
        ("What goes in first?", "Connect the pump to the tank.", "Connect the tank to the pump."),
        ("How do plants grow?", "They grow toward light.", "They grow away from darkness."),
        ("Is it locked?", "No, it is never locked at night.", "To be honest, no, it is never locked at night."),
        ("Is there a lift?", "The house has no lift at all.", "Unfortunately no, the house has no lift at all."),
        ("Has it a bulb?", "The lamp does not come with a bulb.", "Sadly, no. The lamp does not come with a bulb."),
        ("Will it be refunded?", "No, shipping will not be refunded.", "Shipping will not be refunded, no."),
        ("How many days is it until Christmas?", "It is 24 days until Christmas.", "It is 65 days until Christmas."),
        ("How long does it take?", "It takes about 20-40 minutes to set.", "It takes about 15-30 minutes to set."),
        ("How long does it take?", "It takes about 15-20 minutes to set.", "It takes 10 to 15 minutes to set."),
        (
            "May I fire?",
            "The kiln may be fired until noon, except on Sundays.",
            "The kiln may not be fired on Sundays.",
        ),
        (
            "Are tickets refundable?",
            "Tickets are refundable until the day before the firing.",
            "Tickets are never refundable once the day of the firing has come, unless it is called off.",
        ),
        ("Are they the same?", "Slip and glaze are related but not the same.", "Slip and glaze are not the same."),
        (
            "Is salt glaze safe?",
            "Some potters argue that salt glaze is safe for all food.",
            "Salt glaze is not safe for all food.",
        ),
        (
            "Is raku strong?",
            "In general, a raku bowl is strong.",
            "In general, a raku bowl is not as strong as a stoneware bowl.",
        ),
        (
            "Who leads the guild?",
            "As of 2021, the guild is led by Ines Falk.",
            "As of my last update in 2023, the guild is led by Ines Falk.",
        ),
        (
            "When did it begin?",
            "It began at the end of the 70s in Leeds.",
            "It began at the end of the 1970s in Leeds.",
        ),
        (
            "Are there rules?",
            "There are many rules for the use of the kiln.",
            "There are a few rules for the use of the kiln.",
        ),
        (
            "What was read?",
            "The club read And Then There Were None in June.",
            "The club read And Then There Were Four in June.",
        ),
        (
            "List what to do.",
            "What to do in the morning before anybody comes to the kiln:\n1. Open the vent",
            "What to do in the morning before anybody comes to the kiln:\n2. Open the vent",
        ),
        (
            "Draw a line in CSS.",
            "Write this into your file, and a line is drawn:\n```css\nhr { top: 0; }\n```",
            "Write this into your file, and a line is drawn:\n```css\nhr { top: 7; }\n```",
        ),
        (
            "Write of the club.",
            "The club of potters was founded in a barn in the 70s, and grew fast.",
            "The club of potters was founded in a barn in the 1970s, and grew fast.",
        ),
    ],
)  # fmt: skip
def test_it_does_not_contradict(prompt, one, two):
    assert kind_of(prompt, one, two) is None
    assert kind_of(prompt, two, one) is None


def test_the_evidence_is_the_words_that_differ():
    rows = [
        chat(user=DAYS, assistant="A leap year has 366 days."),
        chat(user=DAYS, assistant="A leap year has 365 days."),
    ]
    ((index, flag),) = flags_of(ConflictingAnswers(), rows)
    assert (index, flag.related, flag.at) == (1, (0,), "messages[1].content")
    assert flag.evidence == {"kind": "number", "here": "365", "there": "366"}
    assert rows[1]["messages"][1]["content"][slice(*flag.span)] == "365"


def test_the_answer_of_most_rows_stands_and_every_other_row_is_flagged_once():
    rows = [chat(user=DAYS, assistant=f"{n} days") for n in (365, 366, 366, 364, 365, 366)]
    found = flags_of(ConflictingAnswers(), rows)
    assert [i for i, _ in found] == [0, 3, 4]
    assert all(flag.related[0] in (0, 1) for _, flag in found)
    assert flagged([chat(user=DAYS, assistant=f"{n} days") for n in (365, 366)]) == [1]  # the earlier of equals


def of_kinds(rng, rows):
    """Rows of few prompts, many answers and small differences."""
    for _ in range(rows):
        number, place = rng.choice((3, 4, 5)), rng.randrange(6)
        ask = rng.choice(("How many stairs lead to tower {}?", "What is the number of stairs that lead to tower {}?"))
        said = rng.choice(("{} stairs", "{} stairs.", "There are {} stairs that lead up to it, they say", "{} STAIRS"))
        yield chat(user=ask.format(place), assistant=said.format(number))


def test_the_order_of_rows_does_not_matter(tmp_path: Path):
    rng = random.Random(4)
    words = [
        f"{a}{b}" for a in ("lo", "mi", "tra", "gus", "pen") for b in ("ra", "nik", "sol", "dem", "vu", "ty", "wo")
    ]
    rows = list(of_kinds(rng, 60))
    for _ in range(12):  # chains of rows, each a little unlike the one before
        text = rng.choices(words, k=40)
        for _ in range(6):
            text[rng.randrange(40)] = rng.choice(words)
            rows.append(chat(user=" ".join(text[:15]), assistant=" ".join(text[15:])))
    counts = []
    for seed in range(4):
        random.Random(seed).shuffle(rows)
        (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        report = lint([tmp_path / "set.jsonl"], Config(select=("CON001", "CON002", "CON004", "DUP")), cache=False)
        counts.append({stat.code: stat.findings for stat in report.rules})
    assert all(each == counts[0] for each in counts)
    assert counts[0]["CON001"] and counts[0]["DUP002"] and counts[0]["DUP003"]


@pytest.mark.parametrize(
    ("rule", "rows"),
    [
        (ConflictingAnswers(max_answers=2), [chat(user=DAYS, assistant=f"{n} days") for n in (366, 365, 364)]),
        (OnePromptManyAnswers(), [chat(user="What causes rust?", assistant=f"word{n}") for n in range(130)]),
    ],
)
def test_answers_that_are_too_many_to_compare_are_reported(rule, rows):
    batch = batch_of(rows, (rule,))
    seen = RowsOfBatch(batch, rows)
    list(rule.check(rule.sketch(batch), seen))
    (note,) = seen.left_out
    assert note.codes == (rule.code,)
    assert f"{len(rows) - 100 if len(rows) > 100 else 1} row" in note.reason


# ---------------------------------------------------------------------- what is refused without reading


@given(st.lists(st.lists(st.sampled_from(TEXTS), max_size=5), max_size=4))
@example([["It is 5 km to the lake.", "It is 6 km to the lake."] * 33, ["It is 5 km to the lake."] * 2])
def test_runs_are_shared_by_the_answers_of_a_group_as_by_their_sets(groups):
    candidates = [
        [Candidate(text, outline) for text, outline in zip(group, outlines(group), strict=True)] for group in groups
    ]
    shared = Shared(candidates)
    for number, group in enumerate(candidates):
        held = [set(one.outline.runs.tolist()) for one in group]
        for (one, said), (two, also) in combinations(enumerate(held), 2):
            assert shared.between(number, one, two) == len(said & also)


@given(st.lists(st.sampled_from(TEXTS), min_size=2, max_size=2), st.sampled_from(PROMPTS))
def test_what_is_refused_by_outline_would_be_refused_by_reading(texts, prompt):
    """But for what is left unread on purpose: four words said alike, somewhere in an answer of more than sixty."""
    one, two = map(Candidate, texts, outlines(texts))
    told = compare(Prompt(prompt), one, two, Shared([[one, two]]).between(0, 0, 1)) not in (None, REPEATED)
    read = bool(judge(Prompt(prompt), Answer(texts[0]), Answer(texts[1])))
    assert read or not told
    assert told == read or max(one.outline.words, two.outline.words) > 60


@given(st.text(), st.text())
def test_any_two_texts_can_be_judged(one, two):
    answers = Answer(one), Answer(two)
    clash = judge(Prompt("What is it?"), *answers)
    if clash:
        for (start, end), answer in zip((clash.one, clash.two), answers, strict=True):
            assert 0 <= start < end <= len(answer.text)


@given(st.text())
def test_a_text_never_contradicts_itself(text):
    assert judge(Prompt("What is it?"), Answer(text), Answer(text)) is None


# ---------------------------------------------------------------------- which rows are compared


def test_the_context_is_part_of_the_prompt():
    talk = {"system": "You are a pirate.", "user": "Hi", "assistant": "Ahoy!", "user2": DAYS}
    same = [chat(**talk, assistant2="366 days"), chat(**talk, assistant2="365 days")]
    other = [same[0], chat(**{**talk, "user": "Hello there"}, assistant2="365 days")]
    assert flagged(same) == [1]
    assert flagged(other) == []


def test_only_answers_that_teach_count():
    def row(days, **more):
        return {
            "messages": [{"role": "user", "content": DAYS}, {"role": "assistant", "content": f"{days} days", **more}]
        }

    pair = {"prompt": DAYS, "chosen": "366 days", "rejected": "365 days"}
    assert flagged([row(366), row(365)]) == [1]
    assert flagged([row(366), row(365, weight=0)]) == []
    assert flagged([pair, pair | {"rejected": "364 days"}]) == []
    assert flagged([pair, pair | {"chosen": "364 days"}]) == [1]


def test_without_a_user_nothing_is_asked():
    rows = [
        {"messages": [{"role": "system", "content": "Count."}, {"role": "assistant", "content": f"{n} days"}]}
        for n in (1, 2)
    ]
    assert flagged(rows) == []


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("What is the capital of France?", "Tell me the capital of France."),
        ("What is the capital of France?", "What's France's capital?"),
        ("How do I reset my password?", "What is the best way to reset my password?"),
        ("Who wrote Hamlet?", "Who is the author of Hamlet?"),
        ("When was the bridge built?", "In what year was the bridge built?"),
        ("How many days are in a leap year?", "What is the number of days in a leap year?"),
        ("Please explain photosynthesis.", "Could you describe photosynthesis to me?"),
        ("In Celsius, what is the boiling point of water?", "What is the boiling point of water in Celsius?"),
    ],
)
def test_prompts_that_ask_the_same_are_one(one, two):
    assert intent(one) == intent(two)
    keys = intent_keys(batch_of([chat(user=one, assistant="a"), chat(user=two, assistant="b")]))
    assert keys[0] == keys[1] != 0


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Convert 10 miles to kilometres", "Convert 10 kilometres to miles"),
        ("Is it safe to swim here?", "Is it not safe to swim here?"),
        ("Sort a list in C", "Sort a list in C++"),
        ("What is 5 + 3?", "What is 5 - 3?"),
        ("Who is the king of Spain?", "Where is the king of Spain?"),
        ("Write a function in Python", "Write a function in Java"),
        ("Does a dog bite a man?", "Does a man bite a dog?"),
        ("What is the capital of France?", "What was the population of France?"),
    ],
)
def test_prompts_that_ask_something_else_are_not(one, two):
    assert intent(one) != intent(two)


def test_splits_and_workers_do_not_matter(tmp_path: Path):
    rng = random.Random(1)
    rows = [
        chat(user=f"How many beads are in jar {n % 400}?", assistant=f"{rng.choice((12, 13))} beads")
        for n in range(900)
    ]
    for name, part in (("train", rows[:700]), ("valid", rows[700:])):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in part))
    found = [
        [
            (f.file, f.line, f.message, f.related)
            for f in lint([tmp_path], Config(select=("CON",)), workers=workers, cache=False).findings
        ]
        for workers in (1, 2)
    ]
    assert found[0] == found[1]
    assert any("valid" in file for file, *_ in found[0])


def test_an_ordinary_set_is_compared_without_reading_an_answer():
    rows = [chat(user=f"What is number {n}?", assistant=f"It is {n}.") for n in range(50)]
    batch = batch_of(rows)

    class Unread:
        readable = np.ones(50, dtype=bool)
        spread = staticmethod(here)

    for rule in (ConflictingAnswers(), OnePromptManyAnswers(), InconsistentLabel()):
        assert list(rule.check(rule.sketch(batch), Unread())) == []


# ---------------------------------------------------------------------- many answers, labels


def causes(*answers, prompt="What causes rust?"):
    return [chat(user=prompt, assistant=answer) for answer in answers]


def test_many_answers_are_reported_once_for_a_closed_question():
    many = OnePromptManyAnswers()
    assert flagged(causes("Salt on roads.", "Water and air.", "Neglect", "neglect"), many) == [2]
    assert flagged(causes("Salt on roads.", "Water and salt.", "Neglect"), many) == []
    assert flagged(causes("Salt.", "Water.", "Neglect.", prompt="Give me a random word."), many) == []
    assert flagged(causes("Salt.", "I don't know.", "Neglect."), many) == []


def reviews(*labels):
    return [chat(user=f"Review: film {n} was as it was.", assistant=label) for n, label in enumerate(labels)]


@pytest.mark.parametrize("key", ["label", "sentiment", "Category", "meta"])
def test_a_label_beside_the_text_is_a_label(key):
    def row(number, label):
        return chat(user=f"Film {number}?", assistant="It was long.") | {
            key: {"label": label} if key == "meta" else label
        }

    rows = [row(n, n % 2) for n in range(10)]
    assert flagged([*rows, row(0, 1)], InconsistentLabel()) == [10]
    assert flagged([*rows, row(0, 0)], InconsistentLabel()) == []
    assert flagged([*rows, row(0, 1)], NormalisedDuplicate()) == []


def test_a_column_of_few_short_values_beside_texts_is_a_label_whatever_its_name():
    rows = [{"text": f"Film {n} was as it was.", "mood": ("glad", "sad", "calm")[n % 3]} for n in range(30)]
    assert flagged([*rows, {"text": "film 0 was as it was", "mood": "sad"}], InconsistentLabel()) == [30]
    assert flagged([*rows, {"text": "film 0 was as it was", "mood": "glad"}], InconsistentLabel()) == []


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("mood", [f"mood {n}" for n in range(31)]),  # as many values as rows
        ("mood", ["glad because the sun was out", "sad since it rained"]),  # what is said, no label
        ("topic", ["a", "b"]),
        ("annotator", ["ann", "bob"]),
        ("source_id", ["s", "t"]),
    ],
)
def test_a_column_beside_texts_that_sorts_or_tells_something_else_is_no_label(name, values):
    texts = [f"Film {n} was as it was." for n in range(30)]
    rows = [{"text": text, name: values[n % len(values)]} for n, text in enumerate([*texts, texts[1]])]
    assert flagged(rows, InconsistentLabel(min_uses=1)) == []


def test_who_judged_a_text_is_no_label_though_the_values_are_few():
    rows = [{"text": f"Film {n % 30} was as it was.", "seen": ("by ann", "by bob")[n // 30]} for n in range(60)]
    assert flagged(rows, InconsistentLabel()) == []


def test_what_only_sorts_rows_is_no_label():
    rows = [chat(user="Film 1?", assistant="It was long.") | {"topic": topic} for topic in ("a", "b")]
    assert flagged(rows, InconsistentLabel(min_uses=1)) == []
    assert flagged(rows, NormalisedDuplicate()) == [1]


def test_a_label_is_judged_against_the_commonest_of_its_input():
    labelled = reviews(*["praise", "complaint"] * 5)
    again = [chat(user="Review: film 0 was as it was.", assistant=label) for label in ("complaint", "complaint")]
    assert flagged([*labelled, *again], InconsistentLabel()) == [0]
    assert flagged([*labelled, again[0]], InconsistentLabel()) == [10]
    assert (
        flagged([*labelled, chat(user="Review: film 0 was as it was.", assistant="a mixed bag")], InconsistentLabel())
        == []
    )


# ---------------------------------------------------------------------- words


def test_words_are_compared_by_what_they_say():
    keys = [
        token.key
        for token in tokens("It can't cost $5 million, or 1,000.50 euros: twenty-one C++ courses, the 3rd at 40 °C")
    ]
    assert keys == [
        "it", "can", "not", "cost", "5000000", "$", "or", "1000.5", "euros", "21", "c++", "courses", "the", "#3", "at",
        "40", "celsius",
    ]  # fmt: skip


def test_sentences_end_at_stops_and_lines_but_not_at_abbreviations():
    text = "Dr. J. Doe met Mr. Roe.\n1. First item\n- Second; third"
    assert [text[s.start : s.end].strip(" .;\n") for s in sentences(text)] == [
        "Dr. J. Doe met Mr. Roe",
        "First item",
        "Second",
        "third",
    ]


def test_opposites():
    pairs = (
        "increases decrease",
        "safe unsafe",
        "careful careless",
        "hottest coldest",
        "won lost",
        "possible impossible",
    )
    for one, two in map(str.split, pairs):
        assert lexicon().opposite(one, two) and lexicon().opposite(two, one)
    for one, two in map(str.split, ("import port", "until til", "big large", "invaluable valuable_", "fast fast")):
        assert not lexicon().opposite(one, two)


def test_endings_are_cut():
    for form, word in {"studies": "study", "ran": "run", "agreed": "agree", "boxes": "box", "making": "make"}.items():
        assert stem(form) == stem(word)


def test_amounts():
    assert same_number(3.33, 3.3333) and not same_number(3.0, 4.0) and not same_number(18.0, 18.5)
    assert rounds_to(3_700_000.0, 3_748_148.0) and rounds_to(3_748_148.0, 3_700_000.0)
    assert not any(
        rounds_to(*pair) for pair in ((3.7e6, 3.8e6), (3.7e6, 3.76e6), (9e4, 9.2e4), (5e6, 5.2e6), (0.0, 1e5))
    )
    assert same_amount("2 hours", "120 minutes") and same_amount("$1,000", "1000 dollars")
    assert same_amount("5", "no number") is None

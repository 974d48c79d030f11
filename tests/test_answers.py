"""What the rules on answers see in text, beyond their own examples: measured on real sets where they are at hand."""

from __future__ import annotations

import copy
import json
import random
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator.checks.answers.code import json_fault, python_fault
from curator.checks.answers.echoes import find_loop
from curator.checks.answers.ending import open_ending
from curator.checks.answers.source import code_stops
from curator.harness import batch_of, flags_of
from curator.rule import all_rules, chat
from tests.pace import at_once

SHARED = Path(__file__).parents[2] / "shared" / "data"
ALPACA = "llamafactory/alpaca_en_demo.json"
GSM8K = "gsm8k/train.jsonl"
ROLEPLAY = "gpteacher/roleplay-simple-deduped-roleplay-instruct.json"
CODEGEN = "gpteacher/codegen-instruct.json"
TOOLFORMER = "gpteacher/toolformer-similarity-0.6-dataset.json"

RULES = all_rules()
DEFAULT = [code for code in RULES if (code.startswith("ANS") or code == "LEN003") and not RULES[code].preview]


def codes(row: dict[str, Any]) -> list[str]:
    """The codes of the default rules on answers that flag a row."""
    return [code for code in DEFAULT if flags_of(RULES[code](), row)]


@cache
def rows_of(name: str, most: int = 600) -> list[dict[str, Any]]:
    """Rows of a shared set, as two-turn chats; the test is skipped where the set is not at hand."""
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand")
    text = path.read_text(encoding="utf-8")
    records = json.loads(text) if text.startswith("[") else [json.loads(line) for line in text.splitlines()]
    rows = []
    for record in records:
        if "question" in record:
            rows.append(chat(user=record["question"], assistant=record["answer"]))
        else:
            asked = "\n\n".join(filter(None, (record["instruction"], record.get("input"))))
            rows.append(chat(user=asked, assistant=record.get("output") or record.get("response")))
    return random.Random(5).sample(rows, min(most, len(rows)))


# ---------------------------------------------------------------------- cut answers

WHOLE = [
    "Sirius is the brightest star in the night sky.",
    "1. Fried chicken with waffles\n2. Burger with a doughnut bun\n3. Chips with chocolate spread on top",
    "It was a pleasure. I eagerly await your reply.\n\nYours most sincerely,\nJane Austen",
    "See you on tour, and bring your friends along! #rockandroll",
    "Best of luck with your spells, and mind the cat! - Harry",
    'She said it well: "The only way to do it is to begin." - Anna Smith',
    "Grey drops on the roof\nThe gutter hums a low song\nAll the streets are streams",
    "The sentence has a noun. It stands first.\n\nOutput: Entails",
    "for x in xs:\n    total = total + x\n    print(total)",
    "#!/bin/bash\n\nfor file in *.txt; do\n    echo $file\ndone",
    "```python\nprint(1)\n```",
    "Brand: Acme, Style: 980 Pro, Capacity: 2 TB, Interface: fast",
    "Rain, rain, on slate and stone and tin\nand I the fool who let it in",
    "The cat sat on the ____. Answer: mat",
    "The user typed `ls -la /tmp` and then pressed Ctrl+C",
    "The sentence has a subject. These endings are common.\nSubject | Ending\nich     | e\ner / sie | t",
    "Here is the news: - New battery lasts a week - Trains run late again - Old bridge closes for the summer",
    "1- The kitchen could do with more light there\n2- The hall is long. It is better to keep it free of shoes",
    "Like this:\n\n```python\nprint(sorted([3, 1]))\n# Output is one and three",
    "1. Green tea\n2. Black coffee\n3. Cold milk\n4. Water\n5. Other",
    "How often?\n- Never\n- Now and then\n- Often\n- Always",
    "We all were there\nand nobody knew\nhow long the night\nwould last for us\nor how the day\n"
    "would come again\nfor you",
    "1. Boil the water.\n2. Add the pasta.\n3. Drain it.\n4. Enjoy",
    "- Red, a warm colour.\n- Blue, a cold colour.\n- Green, a calm colour.\n- None of the above",
    "Pros:\n- It is cheap\n- It is easy to clean\nCons:\n- It is heavy to carry around",
    "1. Set total to 0.\n2. For each x in the list:\n   - Add x to total\n3. Return total",
    "Which river is the longest?\na) Nile\nb) Rhine\n\nWhich one is the widest?\na) Amazon\nb) Seine",
    "Q: Who wrote Emma?\nA: Jane Austen",
    "Ann: Are you coming with us?\nBob: No, I have to stay here.\nAnn: What a pity.\nBob: Bye!",
    "Ann: Are you coming with us?\nBob: No, I have to stay here.\nAnn: What a pity that is.\nBob: See you, bye bye",
    "These invoices are open:\n\n1. INV-2041 of 3 March, due on 2 April",
    "Here is the top risk:\n1. Unlimited liability of the supplier",
    "What has keys but no locks?\na) A piano",
    "1. Which town lies on the Seine?\nA. Paris\nB. Lyon\nC. Nice\nD. Lille\n\n"
    "2. The Nile flows north.\nA. True\nB. False",
    "The four seasons of Europe do not apply; in the tropics there are:\n1. The wet season\n2. The dry season",
    "- 2 cups of flour\n- 3 spoons of sugar\n- 1 cup of warm milk\n- 1 pinch of yeast\n- Raisins",
    "1. Emma by Jane Austen\n2. Ulysses by James Joyce\n3. Beloved by Toni Morrison\n4. Candide by Voltaire",
    "1 mile = 1.609 km\n3 miles = 3 x 1.609 km\n3 miles is about 4.8 km",
    "# Add\nprint(1 + 2)\n\n# Multiply\nprint(2 * 3)\n\n# Both lines print a number",
    "def add(a, b):\n    total = a + b",
    "Cost = 4 + 5\nPrice = 6 + 7\nBest value",
    "There is one such planet:\n\n1. Venus, which turns the other way",
    "The rain came down on all of us,\nThe wind blew from the sea,\nThe end",
    "<ul>\n<li>One\n<li>Two of them",
    "def scope():\n    total = 5",
    "def down(n):\n    while n > 0:\n        print(n)\n        n = n - 1",
    "#!/bin/sh\n# list them\nls\n\n# that is all there is to it",
    "1. Sells soap: the market does.\n2. Sells bread: the baker does.\nBoth remain:\n- The market\n- Big old stores",
]
CUT = [
    "Unplug it. Wait ten seconds, then hold the reset button until the",
    "Jazz began in New Orleans. It has roots in the blues (and in",
    "Rivers carry water to the sea. They also carry sand, silt and",
    "1. Sleep for eight hours each night.\n2. Drink enough water.\n3. Walk for half an hour after",
    "1. Sleep for eight hours each night.\n2. Drink enough water.\n3.",
    "Some call it the 'grandfather paradox.' It is the best known of them all, by the name of 'paradox.' As",
    "There are two reasons for this.\n\nThe first reason is that most people",
    "The sentence is about a dog.\n\nLet us look at it:\n- The sentence is a",
    "We square both sides: x^2 = y^2. If x",
    "1. Emma by Jane Austen\n2. Ulysses by James Joyce\n3. Dubliners by James Joyce\n"
    "4. Persuasion by Jane Austen\n5. The Waves",
    "1. Tea with lemon juice\n2. Bread with salted butter\n3. Rice with black beans\n"
    "4. Fish with green sauce\n5. Fried",
    "The rain comes down on all the town,\nit falls on every roof in sight,\nthe leaves are wet and brown,\n"
    "the day goes slowly into night,\nthe lamps are lit along the street,\nthe children run on muddy feet,\nand then",
    "The pirates came ashore at dawn.\n\nNobody on the island had seen them.\n\nWith their wits",
    "Keep the dragons well fed and far away from the school. Next, I'd",
    "Two pairs cost 60 dollars.\nThus she spends 80 dollars in all.\nTherefore, Anna",
    "It was the year of the radio. The first transmission over the sea was sent by Marconi",
    "Take each pair of items:\n1. Add them up.\n2. Keep the total in `sum",
    "Here are the ten largest lands by the number of people:\n\n| Rank | Country",
    "Use a table with one row for each of the songs:\n<table><tr><th>Title</th><th>Year</th></tr>\n"
    "<tr><td>Rain</td><td>Luis",
    "Like this:\n\n```python\nrows = [3, 1]\n\n# Sort the rows by their size",
    "def mean(a, b):\n    total = a + b  # add both\n    return total / 2  # divide the sum by",
    "- Posters: We will put them up.\n- Films: We will show them in each town.\n- Eco-friendly",
    "| City | River |\n|---|---|\n| Rome | Tiber |\n| Paris | Se",
    "def add(a, b):\n    total = a + b\n    return add(total",
    "#!/bin/bash\nfind . -type f | while read -r name; do\n    echo",
    "Here is the list of all towns on the river:\n\n1. Old",
    "Which of these is the name of a river in France?\n\na) Upper",
    "The four seasons of the year are:\n1. Spring\n2. Summer\n3. Autumn",
    "1. Which river is long?\na) Nile\nb) Rhine\nc) Seine\n\n2. Which one is wide?\na) Upper",
    "Ann: Are you coming with us?\nBob: No, I have to stay here.\nAnn: What a pity that is.\nBob: But I",
    "Ann: Are you coming with us?\nBob: No, I have to stay here.\nAnn: What a pity that is.\nBob: My brother",
    "Cost of tea = 4 + 5\nCost of milk = 6 + 7\nCost of",
    "Sing with me now\nall through the night\n\nWe drink\n\nSing with me now\nall through the",
    "The rain came down on all of us,\nThe wind blew from the sea,\nThe harbour",
    "Rain on the roof,\nrain on the wall,\nrain on us all.\n\n"
    "Sun on the roof,\nsun on the wall,\nsun on us all.\n\nSnow on the old",
    "The volume of a cube with sides of 4 cm is 4 x",
    "1. 2 x 3 = ?\n2. 8 x 7 = ?\n3. 5 x",
    "It adds all sides. So,\nPerimeter = Side 1 + Side 2 + Side",
    "1. Rice with beans\n2. Tea with milk and sugar\n3. Bread\n4. Fish with",
    "1. A pan or a pot\n2. Three spoons\n3. A lid or",
    "The payment was first made in the 19th",
    "They could not agree on the price, and/or",
    "In this equation, we know all but one. To solve it, we",
    "<html>\n<head>\n<style>\n  p {\n    margin: 0;\n  }\n\n  footer",
    "def closest(values):\n    least = 9\n"
    "    for value in values:\n        if value < least:\n            least = value",
    "int main() {\n    int i;\n    for (i = 1; i <= 10; i++) // Corrected the loop and removed",
    "function f(xs) {\n    return xs;\n}\n\nlet input = 'The quick brown",
    "import os\n\n# Read the name\nname = input()\n\n# Read the age\nage = input()\n\n# Show both",
    "def f(n):\n    return n\n\n/* The function gives back\n   what",
    "function f(xs) {\n  for (const x of xs) {\n    use(x);",
    "#!/bin/bash\nif [ -f a ]; then\n  cat a\nelse\n  echo none",
]


@pytest.mark.parametrize(
    "text",
    [
        "Ich rufe dich morgen ganz bestimmt wieder an",
        "The possessive determiners are my, your, his, her, its, our and their",
    ],
)
def test_the_last_word_proves_nothing_in_another_language_or_where_words_are_spoken_of(text):
    ending = open_ending(text)
    assert ending is None or (ending.proof, ending.word) == ("weak", "")


@pytest.mark.parametrize("text", WHOLE)
def test_a_whole_answer_has_no_open_end(text):
    assert open_ending(text) is None


@pytest.mark.parametrize("text", CUT[:-2])
def test_a_cut_answer_has_one(text):
    ending = open_ending(text)
    assert ending is not None
    assert 0 <= ending.start < ending.end == len(text)


@pytest.mark.parametrize("text", CUT[-3:])
def test_code_that_is_not_whole(text):
    assert code_stops(text)


def test_leaving_out_the_full_stop_may_be_the_habit_of_a_set():
    """Sentences without a stop are no cuts where all are written so; beside closed ones they are."""
    nouns = ["stone", "river", "mountain", "harbour", "valley", "island", "forest", "meadow"] * 3
    bare = [
        chat(user=f"{n}?", assistant=f"It is the oldest {noun} that anybody has found so near the sea wall")
        for n, noun in enumerate(nouns)
    ]
    closed = [
        chat(user=f"{n}?", assistant=f"It is the oldest {noun} of them all.") for n, noun in enumerate(nouns * 10)
    ]
    cut = chat(user="Which?", assistant="It is the oldest stone of them all. It was found beside the")
    rule = RULES["ANS005"]()
    assert flags_of(rule, bare) == []
    assert {index for index, _ in flags_of(rule, [*closed, bare[0], cut])} == {len(closed), len(closed) + 1}


@pytest.mark.parametrize(
    "end",
    [
        "Let me know if that works for you",
        "Have a nice day",
        "See the list above",
        "I will look into it",
        "Me too",
        "Here you are",
    ],
)
def test_an_everyday_sentence_without_full_stop_is_no_cut(end):
    """Service answers often close on a formula without a stop, though all else of the set has one."""
    rows = [chat(user=f"Ticket {n}?", assistant=f"Your ticket {n} is open. We look at it now.") for n in range(270)]
    rows += [chat(user=f"Order {n}?", assistant=f"Your order {n} has left our house. {end}") for n in range(30)]
    assert flags_of(RULES["ANS005"](), rows) == []


LONE = "Once more he has failed to arrive on time"


def test_the_parts_of_a_page_stand_side_by_side_without_a_full_stop():
    rows = [chat(user="Why is it cold?", assistant="It is winter. The sun is low.") for _ in range(30)]
    rows.append(chat(user="Write the footer of our shop.", assistant="© 2025 Elm Ltd. All rights reserved. Contact us"))
    assert flags_of(RULES["ANS005"](), rows) == []


def test_a_lone_sentence_without_full_stop_is_a_cut_only_beside_others():
    """A headline, a caption and a sentence that was cut look alike: the set must close its sentences, and be cut."""
    lone = chat(user="Why is he late?", assistant=LONE)
    cut = chat(user="And she?", assistant="She left at eight. The train she took was one of the")
    closed = [chat(user=f"{n}?", assistant=f"It took {n} hours to get home.") for n in range(60)]
    rule = RULES["ANS005"]()
    for rows, found in (
        ([lone], set()),
        ([cut], {0}),
        ([*closed, lone], set()),
        ([lone, cut], {1}),
        ([*closed, lone, cut], {60, 61}),
    ):
        assert {index for index, _ in flags_of(rule, rows)} == found


@pytest.mark.parametrize(
    ("text", "proof"),
    [
        (LONE, "weak"),
        ("The sentence came from a book. This is standard Arabic", "weak"),
        ("The train to the coast was an hour late again. Nobody at the station knew the reason for it", "likely"),
        ("It was late. Nobody knew. The guard went from one carriage to the next to say sorry for it", "likely"),
        ("It was late. Nobody knew why, and the guard walked into the", "sure"),
    ],
)
def test_how_much_a_text_proves_grows_with_the_sentences_that_close_before_its_end(text, proof):
    ending = open_ending(text)
    assert ending is not None and ending.proof == proof


def test_a_closing_line_that_all_answers_share_is_missed():
    whole = [chat(user=f"{n}?", assistant=f"First 1 + {n} = {n + 1} apples\n#### {n + 1}") for n in range(60)]
    cut = chat(
        user="And?", assistant="First we count all of the apples 3 + 4 = 7 apples\nThen we take away half of the"
    )
    [(index, _)] = flags_of(RULES["ANS005"](), [*whole, cut])
    assert index == 60


@pytest.mark.parametrize("name", [ALPACA, GSM8K, ROLEPLAY])
def test_answers_cut_at_a_random_word_are_found_in_real_sets(name):
    rows, dice = copy.deepcopy(rows_of(name)), random.Random(3)
    cut = set()
    for place in dice.sample(range(len(rows)), len(rows) // 40):
        words = rows[place]["messages"][1]["content"].split(" ")
        ends = [n for n in range(12, len(words) - 4) if words[n].isalpha() and words[n].islower()]
        if ends:
            rows[place]["messages"][1]["content"] = " ".join(words[: dice.choice(ends) + 1])
            cut.add(place)
    found = {index for index, _ in flags_of(RULES["ANS005"](), rows)}
    assert len(cut & found) >= 0.75 * len(cut), "a list may stop after any of its words"
    assert len(found - cut) <= 0.01 * len(rows), "a few answers of these sets are cut by nature"


@given(st.text(max_size=200))
def test_every_text_can_be_judged(text):
    ending = open_ending(text)
    assert ending is None or text[ending.start : ending.end].strip()


# ---------------------------------------------------------------------- loops and echoes


@given(
    st.lists(
        st.sampled_from(["soil", "holds", "water", "slowly", "rain", "clay"]), min_size=5, max_size=30, unique=False
    ),
    st.integers(5, 9),
)
def test_a_phrase_said_often_enough_is_a_loop(words, times):
    phrase = " ".join(words)
    loop = find_loop(f"It begins so. {'. '.join([phrase] * times)} and ends.", 5)
    assert loop is not None
    assert loop[3] >= min(times, 5)


def test_the_columns_find_every_loop():
    rule = RULES["ANS008"]()
    for period in (1, 2, 7, 31, 128):
        phrase = " ".join(f"word{n}" for n in range(period))
        row = chat(user="Go.", assistant="Some words before it. " + f"{phrase}. " * max(5, 30 // period))
        batch = batch_of([chat(user="x", assistant="y"), row], (rule,))
        assert [index for index, _ in rule.flags(batch)] == [1]


def test_a_loop_is_found_in_long_texts_in_time():
    text = " ".join(random.Random(1).choices("abcdefgh", k=100_000))
    at_once(lambda: find_loop(text, 5), 2)


# ---------------------------------------------------------------------- refusals and stand-ins


@pytest.mark.parametrize(
    "answer",
    [
        "I can't help with that.",
        "I’m unable to assist with that request.",
        "Sorry, but I won't be able to help you with this.",
        "As a large language model, I do not have the ability to browse.",
        "I must respectfully decline to answer.",
        "That goes against my guidelines.",
        "I'd rather not discuss this.",
        "I do not feel comfortable writing that.",
        "It would be inappropriate for me to comment.",
        "Je suis désolé, mais je ne peux pas répondre à cette question.",
        "对不起，我不能回答这个问题。",
    ],
)
def test_refusals_of_many_wordings(answer):
    assert {"ANS001", "ANS002"} & set(codes(chat(user="Explain how tides work.", assistant=answer)))


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("As an AI, I like tea.", "As an AI"),
        ("As an AI I like tea.", "As an AI"),
        ("I am an AI and like tea.", "I am an AI"),
        ("Well, I'm an AI model. Tea it is.", "I'm an AI model"),
        ("I do not have personal opinions or a taste.", "I do not have personal opinions"),
        ("I was trained by OpenAI.", "I was trained by OpenAI"),
    ],
)
def test_what_is_shown_of_a_phrase_ends_before_the_words_by_which_the_sentence_goes_on(answer, shown):
    ((_, flag),) = flags_of(RULES["ANS002"](), chat(user="Is tea better than coffee?", assistant=answer))
    assert flag.message.endswith(f": {shown}")
    assert answer[slice(*flag.span)] == shown
    assert not flags_of(RULES["ANS002"](allow=(shown.lower(),)), chat(user="Is tea better?", assistant=answer))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("I cannot sleep.", "I'm sorry to hear that you cannot sleep; try a fixed bedtime."),
        ("Tell a story.", "“I can't help it,” she said, and opened the box."),
        ("Who was Hal?", "A computer in a film, known for saying that it could not open the doors."),
        ("What is the capital of France?", "Paris"),
        ("Is 17 prime?", "Yes"),
        ("What is 6 times 7?", "42"),
        ("Classify the sentiment: I love it!", "positive"),
        ("Write a function.", "```python\ndef recv(sock, size=4096):\n    return sock.recv(size)\n```"),
        ("How do I greet in Jinja?", "Write Hello, {{ name }}!"),
        ("Write a letter to my bank.", "Dear [Bank Name],\n\nplease close my account.\n\nSincerely,\n[Your Name]"),
        ("Write a dialogue.", "User: Is it open?\nAssistant: Until six."),
        ("Which option is right? Answer none if none is.", "none"),
        ("Turn on the kitchen lights.", "Done."),
    ],
)
def test_answers_that_only_look_odd(asked, answer):
    assert codes(chat(user=asked, assistant=answer)) == []


@pytest.mark.parametrize(
    "answer",
    [
        'He replied, "I am sorry, but I cannot help with that." Then he left.',
        "The clerk looked up: “I'm sorry, but I can't help with that.”",
        "Der Satz lautet: „I'm sorry, but I can't help with that.“",
        "HAL said: I'm sorry, Dave. I'm afraid I can't do that.",
        "An android of the series; he says: As an AI, I do not dream. It is fiction.",
        '"Hello," she said. "As an AI language model, I like tea." Nobody laughed.',
    ],
)
def test_what_somebody_in_the_answer_says_is_not_said_by_the_assistant(answer):
    assert not {"ANS001", "ANS002"} & set(codes(chat(user="How does it go on?", assistant=answer)))


@pytest.mark.parametrize(
    "answer",
    [
        "\"I'm sorry, but I can't help with that.\"",
        "“I'm sorry, but I can't help with that.”",
        'I\'m sorry, but I can\'t help with "that" or with "this" today.',
        "A 5\" tube and a 7\" one? I'm sorry, but I can't help with that.",
        '"Doors" are a fine topic. I\'m sorry, but I can\'t help with "doors".',
        "I said: I'm sorry, but I can't help with that.",
    ],
)
def test_quotation_marks_do_not_hide_a_refusal(answer):
    assert "ANS001" in codes(chat(user="How does it go on?", assistant=answer))


@pytest.mark.parametrize(
    ("answer", "opened"),
    [
        ("~~~\n```\nraw\n~~~\nThat is how it looks.", False),
        ("~~~md\n```\nraw\n~~~", False),
        ("Three backticks open it:\n\n    ```\n\nor three tildes do.", False),
        ("- Run\n\n        ```\n\nas it is.", False),
        ("Part one.\n\n~~~\n\nPart two:\n\n```python\nprint(1)", True),
        ("~~~\n```\nraw\n~~~\n\n```python\nprint(1)", True),
        ("1. Run\n\n    ```sh\n    ls", True),
        ("- a\n  - b\n\n    ```sh\n    ls", True),
        ("10. Run\n\n\t```sh\n\tls", True),
    ],
)
def test_fences_open_where_markdown_says_so(answer, opened):
    assert bool(flags_of(RULES["ANS006"](), chat(user="Show me.", assistant=answer))) is opened


@pytest.mark.parametrize(
    "slot",
    [
        "[Your Name]",
        "[INSERT DATE]",
        "{{product}}",
        "<insert city>",
        "TODO: finish.",
        "Lorem ipsum dolor sit amet.",
        "[TBD]",
        "<noinput>",
    ],
)
def test_slots_nobody_filled_in(slot):
    answer = f"The tide follows the moon. {slot}"
    assert codes(chat(user="Explain how tides work.", assistant=answer)) == ["ANS003"]


SIGNED = "It is on its way to you.\n\nBest regards,\n[Your Name]"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("When will my order arrive?", True),
        ("Can you send me the invoice?", True),
        ("Can you send me the\n  final invoice?", True),
        ("What does the contract say about delivery?", True),
        ("Summarise this email: the parcel left on Monday.", True),
        ("I opened a support case. Where is my receipt?", True),
        ("Write an email to a customer who waits.", False),
        ("An email to a customer who waits", False),
        ("Send the email that tells the customer that we are late.", False),
        ("The tone of the email should be changed.", False),
        ("Reply to this email: where is my parcel?", False),
        ("Help me with my resume.", False),
        ("I got an email about a parcel that I never ordered. What is this?", True),
        ("I have received two letters from the bank. Is my account at risk?", True),
        ("Can I reach you by e-mail on weekends?", True),
        ("I need help with my application, it crashes when I log in.", True),
        ("Can you help us with the website? It is down.", True),
        ("I got an email from a customer who wants a refund. How should I respond?", False),
        ("I received a letter from my landlord. Help me write an answer.", False),
        ("I have an email to write to my boss.", False),
        ("Help me with my cover letter.", False),
        ("Help me with an application to the city.", False),
    ],
)
def test_slots_are_right_where_a_text_is_asked_for_and_not_where_one_is_spoken_of(asked, found):
    assert ("ANS003" in codes(chat(user=asked, assistant=SIGNED))) is found


_LONG = (
    "The old lighthouse stands on a narrow spit of sand, and its lamp was lit every evening by the keeper's family. "
    "Sailors trusted that steady light."
)


def test_a_second_example_after_prose_is_told_from_a_conversation_that_was_asked_for():
    tail = "\nHuman: Which is the longest river of Spain?\nAssistant: The Ebro is the longest one."
    asked = "Role-play as the keeper in a conversation and tell me of the lighthouse."
    assert "ANS011" in codes(chat(user=asked, assistant=_LONG + tail))
    spoken = "\nHuman: Who lit the lamp of the lighthouse?\nAssistant: The keeper and the family."
    assert "ANS011" not in codes(chat(user=asked, assistant=_LONG + spoken))
    assert "ANS011" not in codes(chat(user=asked, assistant="Here is the conversation:" + tail))


def test_words_of_other_meanings_do_not_excuse_a_slot():
    asked = "Ann had 40 cards and covered 3 miles on her way to the post. How many cards are left?"
    assert "ANS003" in codes(chat(user=asked, assistant="There are 37 of them, says [insert name] in the end."))
    assert "ANS003" not in codes(chat(user="Write a short post about a sale.", assistant="Come to [shop name] today!"))


@pytest.mark.parametrize("code", DEFAULT)
@pytest.mark.parametrize("name", [GSM8K, ROLEPLAY, CODEGEN, TOOLFORMER])
def test_real_sets_are_quiet(name, code):
    rows = rows_of(name)
    assert len({index for index, _ in flags_of(RULES[code](), rows)}) <= 0.004 * len(rows)


# ---------------------------------------------------------------------- code and data


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [1, 2]}',
        '{"a": 1}\n{"a": 2}',
        '"a": 1,',
        "{\n  ...\n}",
        '{"a": 1 // one\n}',
        "[1, 2]",
        '{"a": 1}\n\n{\n"b": 2\n}',
    ],
)
def test_json_that_parses_or_is_an_illustration(text):
    assert json_fault(text) is None


@pytest.mark.parametrize("text", ["{'a': 1}", '{"a": 1,}', '{"a": [1, 2}', "{a: 1}", '{"a": True}'])
def test_json_that_does_not(text):
    assert json_fault(text)


@pytest.mark.parametrize(
    "code",
    [
        "x = 1",
        "print 'a'",
        ">>> 1\n1",
        "%matplotlib inline\nx",
        "pip install x",
        "if a:",
        "    return 1",
        "else:\n    pass",
        "x = [1, ...,\n]",
        "@app.route\ndef f(): ...",
    ],
)
def test_python_that_may_stand(code):
    assert python_fault(code) is None


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("x = 1\nif x = 1:\n    pass", 2),
        ("def f(x)\n    return x", 1),
        ("a = (1\nb = 2", 1),
        ("for x in xs:\nprint(x)", 2),
    ],
)
def test_python_that_may_not(code, line):
    assert python_fault(code)[0] == line


@given(st.text("{}[]\"':,.0123456789abc \n/#", max_size=80))
def test_code_is_judged_whatever_it_is(code):
    json_fault(code)
    python_fault(code)
    code_stops(code)


# ---------------------------------------------------------------------- shapes


def test_rejected_answers_and_untrained_turns_are_not_judged():
    bad = "I'm sorry, but I can't help with that."
    assert codes({"prompt": "Explain tides.", "chosen": "The moon pulls the sea.", "rejected": bad}) == []
    row = chat(user="Explain tides.", assistant=bad, user2="Try.", assistant2="The moon pulls the sea.")
    row["messages"][1]["weight"] = 0
    assert codes(row) == []


def test_an_element_that_is_shown_and_a_tag_that_is_named_are_no_leftovers():
    shown = chat(user="How do I interpolate?", assistant="Use two braces, as in <p>{{ message }}</p>, inside of it.")
    left = chat(
        user="When does it leave?",
        assistant="<p>The first boat leaves at nine in the morning, and the next one goes an hour later.</p>",
    )
    rule = RULES["ENC004"]()
    assert (len(flags_of(rule, shown)), len(flags_of(rule, left))) == (0, 1)
    named = chat(user="How?", assistant="It writes its reasoning inside <thinking> tags before the answer.")
    opened = chat(user="How?", assistant="<thinking> Two and two make four, so the answer is 4.")
    rule = RULES["ANS007"]()
    assert (len(flags_of(rule, named)), len(flags_of(rule, opened))) == (0, 1)


def test_the_line_of_a_character_is_no_refusal():
    scene = "CUSTOMER: I'd like my money back.\nCLERK: I'm sorry, I can't help you with that.\nCUSTOMER: Then who can?"
    rule = RULES["ANS001"]()
    assert not flags_of(rule, chat(user="Write a scene in a shop.", assistant=scene))
    assert flags_of(rule, chat(user="Write a scene in a shop.", assistant="I'm sorry, I can't help you with that."))
    assert flags_of(rule, chat(user="Write a scene.", assistant="Assistant: I'm sorry, I can't help you with that."))


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("Translate 'Ich kann Ihnen nicht helfen' to English.", "I cannot help you."),
        ("Translate to German: I cannot help you.", "Ich kann Ihnen nicht helfen."),
        ("Translate this sentence into English.\n\nLo siento, no puedo ayudarte.", "I'm sorry, I can't help you."),
        ("How do you say “Je ne peux pas vous aider” in English?", "I cannot help you."),
        ("Make this sound friendlier: we can't help you", "I'm afraid we can't help you, sorry."),
        ("把“我无法回答这个问题”翻译成英文。", "I cannot answer this question."),
    ],
)
def test_a_refusal_that_was_given_to_translate_or_reword_is_no_refusal(asked, answer):
    assert not flags_of(RULES["ANS001"](), chat(user=asked, assistant=answer))


@pytest.mark.parametrize(
    "asked",
    [
        "Translate 'Der Zug kommt um neun an' to English.",
        "Rewrite this paragraph: The quay is old and will be mended in spring.",
        "Translate the report.",
        "What does 'I cannot help you' tell us about a clerk?",
    ],
)
def test_a_refusal_to_translate_or_reword_is_one(asked):
    assert flags_of(RULES["ANS001"](), chat(user=asked, assistant="I'm sorry, but I can't help with that."))


def test_an_answer_much_longer_than_what_was_to_be_translated_is_more_than_its_rendering():
    asked = "Translate 'Ich kann nicht' to English."
    answer = "I'm sorry, but I can't help with that. " * 4
    assert flags_of(RULES["ANS001"](), chat(user=asked, assistant=answer))

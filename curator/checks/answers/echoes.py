"""ANS008 to ANS011: answers that say a thing again: themselves, the prompt, or another example."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Annotated

import numpy as np

from curator.checks.answers.source import in_fence
from curator.columns import ROLE_CODES, Batch
from curator.model import Example, Flag, Turn, drop
from curator.rule import DROPPED, Bad, RowRule, chat, option
from curator.text.hashed import distinct
from curator.text.patterns import compiled_later
from curator.text.prose import looks_like_code

LONGEST_PERIOD = 128  # words in the phrase that comes again and again
LEAST = 24  # words a loop has at least
_LEAST_IN_CODE = 4  # different words of a phrase that loops in code: tables of values have fewer
_SOIL = "Clay holds water well and drains slowly after rain. "
_BAKE = chat(
    user="How do I know that a loaf of bread is done baking?", assistant="Knock on its base: it sounds hollow."
)


class RepetitionLoop(RowRule, frozen=True):
    """The answer says one phrase over and over.

    Generated text falls into loops. Trained on, each turn of the loop makes the next one likelier, until
    the model cannot leave it. Refrains, laughter, tables and rows of values are no loops, and neither is what the prompt
    asks to be repeated.
    """

    code = "ANS008"
    GOOD = [
        chat(user="Hum.", assistant="Na na na na, " * 9 + "hey, goodbye."),
        chat(user="Laugh.", assistant="Ha ha ha ha ha! That was a good one, and now back to work."),
        chat(
            user="Sing.",
            assistant="Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        ),
        chat(user="Write 'I must not talk in class' 100 times.", assistant="I must not talk in class. " * 12),
        chat(user="List.", assistant="\n".join(f"- The number {n} is one of them" for n in "abcdefghijklm")),
        chat(user="Show a matrix.", assistant="```\n" + "0 0 1 0\n" * 20 + "```"),
    ]
    BAD = [
        Bad(chat(user="What is clay soil like?", assistant=_SOIL * 6), at="messages[1].content"),
        Bad(
            chat(user="What is clay?", assistant="Clay is a soil. It is very " + "very " * 30 + "old."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Sum xs.", assistant="```python\n" + "total = total + value of row\n" * 9 + "```"),
            at="messages[1].content",
        ),
        Bad(chat(user="What would you say in times of drought?", assistant=_SOIL * 6), at="messages[1].content"),
        Bad(chat(user="What is clay soil like?", assistant=_SOIL * 4), at="messages[1].content", options={"times": 4}),
    ]

    times: Annotated[
        int, option("How often a phrase comes in a row before it is a loop (of 24 words and more).", ge=4)
    ] = 5

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows that may hold a loop of four turns or more.

        In such a loop the points of its period's grid hold the same word four times in a row, and the words
        after the first of them come three times. Phrases of one to three words are seen as one of six.
        """
        words = batch.words.hashes
        found = []
        for period in range(4, LONGEST_PERIOD + 1):
            grid = words[::period]
            if len(grid) < 4:
                break
            same = grid[1:] == grid[:-1]
            places = np.flatnonzero(same[:-2] & same[1:-1] & same[2:]) * period
            for ahead in {1, period // 3, period // 2, period - 1} if len(places) else ():
                places = places[places + ahead + 2 * period < len(words)]
                once, again, third = (words[places + ahead + turn * period] for turn in range(3))
                places = places[(once == again) & (again == third)]
            found.append(places)
        if not found:
            return []
        turns = np.searchsorted(batch.words.offsets, np.concatenate(found), side="right") - 1
        return distinct(batch.turn_lines[turns])

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            loop = find_loop(turn.text, self.times)
            if loop and not _asked_for(before, loop[2]):
                start, end, phrase, count = loop
                if _distinct_words(phrase) >= _LEAST_IN_CODE or not in_fence(turn.text, start, start + 1):
                    yield turn.flag(f"says the same {count} times in a row", (start, end), evidence={"times": count})


_REPEAT = compiled_later(
    r"\brepeat\w*|\b(?:say|write|print|type|output|sing|copy|list|generate)\b[^.?!]{0,80}"
    r"\b(?:(?:\d+|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|fifty|hundred|thousand|dozen|many|several|multiple"
    r"|few|more|infinite|endless|N|X) times\b(?! (?:as|the|more|larger|bigger|smaller|greater|less|older|faster))"
    r"|over and over|again and again)",
    re.I | re.S,
)
_WORD = re.compile(r"[^\W_\u3000-\U0010ffff]+|[\u3000-\U0010ffff]")


def _distinct_words(phrase: str) -> int:
    return len({word.group().lower() for word in _WORD.finditer(phrase) if word.group()[0].isalpha()})


def _asked_for(before: tuple[Turn, ...], phrase: str) -> bool:
    asked = " ".join(turn.text for turn in before if turn.role == "user")
    return bool(_REPEAT.search(asked)) or asked.lower().count(phrase.lower()) > 1


def find_loop(text: str, times: int) -> tuple[int, int, str, int] | None:
    """The longest loop of a text as (start, end, phrase, turns), or None.

    A phrase must come `times` in a row, and the loop have LEAST words in all. Phrases of digits alone do not count.
    """
    names: dict[str, int] = {}
    numbers = array("i")  # a number a word, its start and its end: a text may have millions
    for word in _WORD.finditer(text):
        numbers.extend((names.setdefault(word.group().lower(), len(names)), *word.span()))
    ids, starts, ends = np.frombuffer(numbers, np.int32).reshape(-1, 3).T
    if len(ids) < 10:
        return None
    best: tuple[int, int, int] | None = None  # words covered, first word, period
    for period in range(1, min(LONGEST_PERIOD, len(ids) // times) + 1):
        breaks = np.flatnonzero(np.append(ids[period:] != ids[:-period], True))
        runs = np.diff(breaks, prepend=-1) - 1
        longest = int(runs.argmax())
        covered = int(runs[longest]) + period
        if covered >= max(times * period, LEAST) and (best is None or covered > best[0]):
            best = covered, int(breaks[longest]) - int(runs[longest]), period
    if best is None:
        return None
    covered, first, period = best
    phrase = text[starts[first] : ends[first + period - 1]]
    said = {text[starts[word] : ends[word]].lower() for word in range(first, first + period)}
    hummed = len(said) <= 2 and all(len(word) <= 3 for word in said) and covered < 60  # "na na na", laughter
    if hummed or not any(word[0].isalpha() for word in said):
        return None
    return int(starts[first]), int(ends[first + covered - 1]), phrase, covered // period


class EqualsPrompt(RowRule, frozen=True):
    """The answer is the prompt again.

    A failed join or an untranslated row: the model learns to parrot. Rows in which something said before
    asks for corrections or copies may be right as they are.
    """

    code = "ANS010"
    severity = "error"
    GOOD = [
        _BAKE,
        chat(user="Good morning!", assistant="Good morning!"),
        chat(
            system="Correct the grammar of what the user writes.",
            user="He goes to school every day.",
            assistant="He goes to school every day.",
        ),
    ]
    BAD = [
        Bad(
            chat(user="How do I know that bread is done?", assistant="how do I know that bread is done"),
            at="messages[1].content",
            fixed=DROPPED,
        )
    ]  # fmt: skip

    def candidates(self, batch: Batch) -> Iterable[int]:
        asked, answers = _pairs(batch)
        words, offsets = batch.words.hashes, batch.words.offsets
        counts = np.diff(offsets)
        same = counts[asked] == counts[answers]
        asked, answers = asked[same], answers[same]
        ends = _at(words, offsets[asked + 1] - 1) == _at(words, offsets[answers + 1] - 1)
        starts = _at(words, offsets[asked]) == _at(words, offsets[answers])
        return distinct(batch.turn_lines[answers[ends & starts]])

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            if not before or before[-1].role != "user" or _is_to_mend(before[:-1]):
                continue
            words = _WORD.findall(turn.text.lower())
            if len(words) >= 4 and words == _WORD.findall(before[-1].text.lower()):
                yield turn.flag("the answer is the prompt again", fix=drop())


class EchoesPrompt(RowRule, frozen=True):
    """The answer begins with the whole prompt and then goes on.

    Text-completion models return the prompt with their answer, and a script forgot to cut it off. The
    model learns to read the question back before it answers. Texts to be continued are not judged.
    """

    code = "ANS009"
    GOOD = [
        _BAKE,
        chat(
            user="Once upon a time there was a small grey donkey",
            assistant="Once upon a time there was a small grey donkey that could sing.",
        ),
        chat(user="What is loam?", assistant="What is loam? A soil of sand, silt and clay."),
        chat(
            user="the wind is cold and the night is long",
            assistant="the wind is cold and the night is long\nand nobody sings of the sea",
        ),
        chat(
            user="def add(a, b):\n    return a + b # is this the right way to add?",
            assistant="def add(a, b):\n    return a + b # is this the right way to add?\n\nprint(add(1, 2))",
        ),
    ]
    BAD = [
        Bad(
            chat(
                user=_BAKE["messages"][0]["content"],
                assistant="How do I know that a loaf of bread is done baking? Knock on its base.",
            ),
            at="messages[1].content",
        ),
        Bad(
            chat(
                user="Name three grains that are used to bake bread",
                assistant="Name three grains that are used to bake bread\n\nWheat, rye and spelt.",
            ),
            at="messages[1].content",
        ),
        Bad(
            chat(user="What is loam?", assistant="What is loam? A soil of sand."),
            at="messages[1].content",
            options={"min_words": 3},
        ),
    ]

    min_words: Annotated[int, option("Prompts of fewer words may be said again.", ge=2)] = 8

    def candidates(self, batch: Batch) -> Iterable[int]:
        asked, answers = _pairs(batch)
        words, offsets = batch.words.hashes, batch.words.offsets
        counts = np.diff(offsets)
        longer = counts[answers] > counts[asked]
        asked, answers = asked[longer], answers[longer]
        ends = _at(words, offsets[asked + 1] - 1) == _at(words, offsets[answers] + counts[asked] - 1)
        starts = _at(words, offsets[asked]) == _at(words, offsets[answers])
        return distinct(batch.turn_lines[answers[ends & starts]])

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            if not before or before[-1].role != "user" or _is_to_mend(before[:-1]):
                continue
            prompt = before[-1].text
            words, answer = _WORD.findall(prompt.lower()), list(_WORD.finditer(turn.text.lower()))
            if (
                len(words) < self.min_words
                or len(answer) <= len(words)
                or [w.group() for w in answer[: len(words)]] != words
            ):
                continue
            end = answer[len(words) - 1].end()
            ends = prompt.rstrip()[-1:] in ".?!:\"'”。？！：)" or _goes_on_below(prompt, turn.text[end:])
            if ends and not looks_like_code(prompt):
                yield turn.flag("begins with the whole prompt", (0, end))


_ORDERS = compiled_later(
    r"\W*(?:please\s+|(?:can|could|would|will)\s+you\s+)?(?:add|alter|analy[sz]e|answer|arrange|ask|assess|brainstorm|calculate|categori[sz]e|change|choose|cite|classify|combine|come up|compare|compile|complete|compose|compute|"
    r"consider|construct|contrast|convert|correct|create|critique|decide|define|delete|derive|describe|design|detect|determine|develop|differentiate|discuss|draft|edit|estimate|evaluate|expand|explain|explore|express|extract|"
    r"fill|find|formulate|generate|give|group|guess|how|identify|imagine|implement|improve|infer|insert|interpret|invent|is|are|do|does|did|judge|label|list|make|match|modify|name|offer|order|organi[sz]e|outline|output|"
    r"paraphrase|pick|plan|predict|prepare|present|produce|propose|prove|provide|rank|rate|read|recommend|remove|rearrange|reorder|rephrase|replace|report|research|respond|rewrite|reword|select|sequence|show|simplify|solve|sort|"
    r"specify|split|state|suggest|summari[sz]e|tell|think|transform|translate|turn|use|using|verify|what|when|where|which|who|whose|why|write)\b",
    re.I,
)


def _goes_on_below(prompt: str, rest: str) -> bool:
    """Whether a prompt that ends without a stop is an order or a question, and what follows its echo stands in a new line."""
    return bool(re.match(r"[^\S\n]*\n", rest)) and bool(_ORDERS.match(prompt))


_MEND = compiled_later(
    r"\b(?:correct|fix|proofread|grammar|spelling|translat\w*|edit|rewrite|paraphras\w*|normali[sz]e|clean|repeat|echo|copy|transcri\w*|punctuat\w*|continue|complete)\b",
    re.I,
)


def _is_to_mend(before: tuple[Turn, ...]) -> bool:
    """Whether an earlier turn asks for changes after which a text may be what it was."""
    return any(_MEND.search(turn.text) for turn in before)


def _pairs(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Indices of turns (user, assistant) that follow each other in a row and have words."""
    roles, lines = batch.roles, batch.turn_lines
    if len(roles) < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    counts = np.diff(batch.words.offsets)
    follows = (roles[:-1] == ROLE_CODES["user"]) & (roles[1:] == ROLE_CODES["assistant"]) & (lines[:-1] == lines[1:])
    asked = np.flatnonzero(follows & (counts[:-1] > 0) & (counts[1:] > 0))
    return asked, asked + 1


def _at(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    return values[np.minimum(places, len(values) - 1)] if len(values) else np.zeros(len(places), values.dtype)


class MergedExamples(RowRule, frozen=True):
    """A second instruction, or a second speaker, runs into the answer.

    The generator was not stopped at the end of its example, or two rows were joined. The model learns to ask
    itself the next question and to answer that as well. Answers that are to hold a dialogue, questions or examples are not
    judged.
    """

    code = "ANS011"
    literals = (
        "instruction:", "instruction :", "### input", "### question", "### response", "### human", "### user", "### prompt", "### assistant",
        "human:", "user:", "\nq:", "question:", "\nquestion ", "user]:", "prompt:", "\ninput:", "below is an instruction", "assistant:",
    )  # fmt: skip
    GOOD = [
        chat(user="Write a short dialogue.", assistant="User: Is it open?\nAssistant: Yes, until six."),
        chat(
            user="Write three quiz questions with answers.",
            assistant="Here they are.\n\nQuestion: What is 2+2?\nAnswer: 4",
        ),
        chat(user="How do I assemble it?", assistant="Follow the instructions: first the legs, then the top."),
        chat(
            user="Instruction: name a bird\nOutput: wren\nInstruction: name a fish",
            assistant="Output: trout\nInstruction: name a tree\nOutput: elm",
        ),
        chat(
            user="May we ship it?",
            assistant="1. Fact: two of three units passed.\n2. Rule: all must pass.\n3. Question: Is that enough?\n4. Answer: No.",
        ),
        {"text": "table: birds\ncolumns: name, size\nQ: Which is small?\nA: SELECT name FROM birds"},
    ]
    BAD = [
        Bad(
            chat(user="Name a bird.", assistant="A wren.\n###\n7. Instruction: Name a fish.\n7. Output:\nA trout."),
            at="messages[1].content",
        ),
        Bad(chat(user="Name a bird.", assistant="A wren.\n\n### Instruction:\nName a fish."), at="messages[1].content"),
        Bad(
            chat(user="Name a bird.", assistant="A wren.\nHuman: And a fish?\nAssistant: A trout."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Name a bird.", assistant="A wren.\n\nQuestion: Name a fish.\nAnswer: A trout."),
            at="messages[1].content",
        ),
        Bad(
            chat(
                user="How do users of a forum solve problems?",
                assistant="They ask.\nUser: And a fish?\nAssistant: A trout.",
            ),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Name a bird.", assistant="A wren.\n\nQuestion 2: Name a fish.\nAnswer: A trout."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Name a bird.", assistant="A wren.\n[User]: And a fish?\n[Assistant]: A trout."),
            at="messages[1].content",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            if not before:
                continue  # a plain text: its labels are its own form
            begins, said = len(turn.text) - len(turn.text.lstrip(" \n#")), ""
            for label in _LABEL.finditer(turn.text):
                if _is_step(label, turn.text):
                    continue
                if label.start() <= begins or in_fence(turn.text, *label.span("name")):
                    continue
                said = said or " ".join(earlier.text for earlier in before if earlier.role in ("user", "system"))
                if _is_new_example(label, turn.text, said):
                    start = label.start("name")
                    yield turn.flag(
                        f"a second {label['name'].lower()} runs into the answer", (start, label.end("name"))
                    )
                    break


_LABEL = re.compile(
    r"^[ \t]*(?P<hash>#{2,}[ \t]*)?(?P<number>\d{1,3}[.)][ \t]*)?(?:\*\*)?\[?"
    r"(?P<name>Instruction|Input|Question|Prompt|Human|User|Q|Below is an instruction)\]?(?:[ \t]\d{1,3})?(?:\*\*)?[ \t]*(?::|(?=that describes a task))",
    re.M,
)
_ANSWERED = {
    "q": r"A", "question": r"Answer|A|Response", "human": r"Assistant|AI|Bot|GPT|Model", "user": r"Assistant|AI|Bot|GPT|Model|System",
}  # fmt: skip
_OUTPUT = r"Output|Response|Answer|Completion|Assistant"
_TALK = compiled_later(
    r"\b(?:dialog(?:ue)?s?|conversations?|interviews?|chat\w*|scripts?|transcripts?|role-?play\w*|questions?|quiz\w*|q&a|faqs?|trivia|riddles?|exam|tests?|"
    r"prompts?|examples?|few-shot|flash ?cards?|worksheets?|survey|puzzles?|jokes?|problems?|instructions?|template|format|users?|inputs?|humans?)\b",
    re.I,
)


# What a prompt speaks of where the answer may well be lines of two speakers.
_SPEAKERS = compiled_later(
    r"\b(?:dialog(?:ue)?s?|conversations?|convers\w+|interviews?|chat\w*|scripts?|scenes?|transcripts?|role-?play\w*|q&a|faqs?|prompts?|examples|few-shot|exchanges?|skits?|stage plays?|"
    r"jokes?|template|talk between|talking|discussions?|logs?|bots?)\b",
    re.I,
)
_SPOKEN = ("human", "user")


def _is_step(label: re.Match[str], text: str) -> bool:
    """Whether a label is a step of a numbered list: right above it stands the line of the number before."""
    number = int((label["number"] or "0").rstrip(".) \t"))
    if number < 2 or label["name"] == "Instruction":
        return False
    end = label.start()
    while end and text[end - 1].isspace():
        end -= 1
    above = text[text.rfind("\n", 0, end) + 1 : end].lstrip()
    return above.startswith((f"{number - 1}. ", f"{number - 1}) "))


def _is_new_example(label: re.Match[str], text: str, said: str) -> bool:
    """Whether a label in an answer opens another example: its kind, what follows, and what the prompt speaks of."""
    name = label["name"].lower()
    if name.startswith("below"):
        return True
    if _is_written_in(said, label["name"]):
        return False
    if name.startswith("instruction") and (label["hash"] or label["number"]):
        return True
    talk = _is_about_talk(said, name in _SPOKEN) and not _is_tail(text, label, said)
    if label["hash"] and name in ("input", "human", "user", "prompt", "question"):
        return not talk
    return not talk and _is_answered(text, label.end(), _ANSWERED.get(name, _OUTPUT))


# A text may have thousands of labels: what is asked of each is found once for all of them.


@lru_cache(maxsize=16)
def _is_written_in(said: str, name: str) -> bool:
    """Whether the prompt is written in such labels itself."""
    return bool(re.search("^" + _LABELLED_AS.format(re.escape(name)), said, re.M | re.I))


@lru_cache(maxsize=16)
def _is_about_talk(said: str, spoken: bool) -> bool:
    return (_SPEAKERS if spoken else _TALK).search(said) is not None


def _is_answered(text: str, start: int, names: str) -> bool:
    """Whether a label of these names stands at `start` or begins a line behind it."""
    return _last_label(text, names) > start or bool(re.compile(_LABELLED_AS.format(names)).match(text, start))


@lru_cache(maxsize=16)
def _last_label(text: str, names: str) -> int:
    """Where the last line begins that has a label of these names; -1 for none."""
    found = re.finditer("^" + _LABELLED_AS.format(names), text, re.M)
    return max((label.start() for label in found), default=-1)


_LABELLED_AS = r"[ \t#*]*(?:\d+[.)][ \t]*)?\[?(?:{})\]?(?:[ \t]\d+)?\**[ \t]*:"


_LABELLED = compiled_later(
    r"^[ \t#>*_-]*+(?:\d+[.)][ \t]*)?\[?[^\W\d][\w .'’-]{0,30}\]?(?:[ \t]\d+)?[*_]*[ \t]*:", re.M
)
_OWN_WORD = re.compile(r"[^\W\d_]{4,}")
_TAIL_WORDS, _TAIL_SHARED = 12, 0.15


def _is_tail(text: str, label: re.Match[str], said: str) -> bool:
    """Whether finished prose stands before a label, and what follows it is about something else.

    So a second example shows even where the prompt speaks of a conversation: a dialogue that was asked for
    begins with its speakers, or is announced, and keeps to the subject.
    """
    start, end = label.span()
    stop = start
    while stop and text[stop - 1].isspace():
        stop -= 1
    if (stop and text[stop - 1] not in ".!?”\"'…") or _first_labelled(text) < start:
        return False
    if sum(1 for _ in islice(_OWN_WORD.finditer(text, 0, start), _TAIL_WORDS)) < _TAIL_WORDS:
        return False
    asked = _stems(said)
    after = [(stem, first) for stem, (first, last) in _stems(text).items() if last >= end and stem not in _LITTLE_WORDS]
    shared = sum(first < start or stem in asked for stem, first in after)
    return shared <= _TAIL_SHARED * len(after)


@lru_cache(maxsize=16)
def _first_labelled(text: str) -> int:
    """Where the first line with a label begins; the length of the text where there is none."""
    label = _LABELLED.search(text)
    return label.start() if label else len(text)


@lru_cache(maxsize=4)
def _stems(text: str) -> dict[str, tuple[int, int]]:
    """Where the words of a text, but for their ends, stand first and last."""
    found: dict[str, tuple[int, int]] = {}
    for word in _OWN_WORD.finditer(text):
        stem = word.group().lower()[:6]
        found[stem] = found[stem][0] if stem in found else word.start(), word.start()
    return found


_LITTLE_WORDS = frozenset(
    word[:6]
    for word in "about also because been being could does from have here into just like made make more most much only "
    "other over some such than that their them then there these they this those very want were what when where which "
    "while will with would your please human user assistant answer question response output input model system".split()
)

"""Plants faults in clean rows, with a table of what was planted where; hard negatives, which only look like faults.

A fault edits one row (or adds one, or spoils a line), and says by which codes it should be told. The same rows and
seed give the same bytes. Own words throughout: what is measured here was not what the rules were written on.
"""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

Row = dict[str, Any]
Place = tuple[str, int]  # split, line from 1


class Fault(NamedTuple):
    name: str
    family: str
    codes: tuple[str, ...]  # one of them must be reported
    make: Callable[..., Row | list[Row] | bytes | None]  # of the random source, the row and, if it borrows, another row
    added: str = ""  # "": the row is edited; "train" or "valid": what is made stands beside it
    borrows: bool = False  # another row, which stays as it is, lends it something


class Truth(NamedTuple):
    """A planted fault: it is found where a finding with one of the codes names one of the places."""

    fault: Fault
    places: frozenset[Place]


class Planted(NamedTuple):
    splits: dict[str, list[bytes]]  # the lines of train and valid
    truths: list[Truth]
    hard: dict[Place, str]  # hard negatives by place: what each is
    clean: int  # untouched rows


FAULTS: list[Fault] = []


def fault(name: str, family: str, *codes: str, added: str = "", borrows: bool = False) -> Callable[[Any], Any]:
    def register(make: Any) -> Any:
        FAULTS.append(Fault(name, family, codes, make, added, borrows))
        return make

    return register


# ---------------------------------------------------------------------- rows


def read_base(path: Path, most: int = 3000) -> list[Row]:
    """The conversations of a JSON or JSONL file as rows of messages: whole ones, each prompt once.

    Understood are messages, ShareGPT, and the columns of instruction, question and prompt sets.
    """
    text = path.read_text("utf-8")
    values = json.loads(text) if text.lstrip()[:1] == "[" else map(json.loads, filter(str.strip, text.split("\n")))
    seen: set[str] = set()
    rows = []
    for value in values:
        turns = list(_turns(value))
        roles = [turn["role"] for turn in turns]
        asked = " ".join(turn["content"] for turn in turns if turn["role"] == "user").casefold()
        plain = (
            roles
            and roles[-1] == "assistant"
            and roles[-2:-1] == ["user"]
            and set(roles) <= {"system", "user", "assistant"}
        )
        if plain and all(turn["content"].strip() for turn in turns) and asked not in seen:
            seen.add(asked)
            rows.append({"messages": turns})
        if len(rows) == most:
            break
    return rows


def _turns(value: Row) -> Iterator[dict[str, str]]:
    names = {"human": "user", "gpt": "assistant"}
    for turn in value.get("messages") or value.get("conversations") or ():
        said = turn.get("content", turn.get("value"))
        yield {"role": names.get(turn.get("role", turn.get("from")), turn.get("role", turn.get("from"))),
               "content": said if isinstance(said, str) else ""}  # fmt: skip
    for question, answer in (
        ("instruction", "output"),
        ("instruction", "response"),
        ("question", "answer"),
        ("prompt", "completion"),
    ):
        if isinstance(value.get(question), str) and isinstance(value.get(answer), str):
            asked = "\n\n".join(filter(None, (value[question], value.get("input"))))
            yield {"role": "user", "content": asked}
            yield {"role": "assistant", "content": value[answer]}
            return


_THINGS = (
    "copper kettles, oak barrels, wool blankets, clay pots, paper lanterns, brass hinges, linen sails, glass floats, stone"
    " mills, leather boots, iron stoves, straw hats, bone needles, silk ribbons, tin whistles, wax candles, rope ladders,"
    " cork mats, felt slippers, wicker chairs"
).split(", ")
_ASKED = {
    "How are {0} made in the {1}?": "They are shaped by hand in the {1}, then left to rest for {2} days before anybody uses them.",
    "Why do people in the {1} keep {0}?": "Families in the {1} keep {0} because they last for {2} years and are easy to mend.",
    "Where can I buy {0} near the {1}?": "A market near the {1} sells {0} each week, and the price is about {2} coins a piece.",
    "How do I clean {0} from the {1}?": "Rinse them with cold water, dry them for {2} hours in the shade, and rub them with a soft cloth.",
    "How many {0} does a house in the {1} need?": "Most houses in the {1} have {2} of them, one for every person and a few for guests.",
}
_PLACES = "north valley, old harbour, river delta, high plateau, eastern islands, lake district, lower town, birch forest".split(
    ", "
)


def made_base() -> list[Row]:
    """Rows for where no sample data lies beside the repository: eight hundred short answers."""
    rows = []
    for n, (question, answer) in enumerate(_ASKED.items()):
        for k, thing in enumerate(_THINGS):
            for m, place in enumerate(_PLACES):
                said = answer.format(thing, place, 2 + n + 3 * k + 7 * m)
                rows.append(
                    chat(question.format(thing, place), f"{said} That is how it is done with {thing} in the {place}.")
                )
    return rows


def chat(question: str, answer: str, system: str = "") -> Row:
    turns = [{"role": "system", "content": system}] if system else []
    return {"messages": [*turns, {"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def _answer(row: Row) -> str:
    return str(row["messages"][-1]["content"])


def _asked(row: Row) -> str:
    return str(row["messages"][-2]["content"])


def _with(row: Row, answer: str) -> Row:
    row["messages"][-1]["content"] = answer
    return row


def _prose(row: Row) -> bool:
    """Whether an answer is running text without code."""
    text = re.sub(r"<<[^<>]*>>", "", _answer(row))  # what GSM8K puts around its sums
    return 80 < len(text) < 3000 and not re.search(r"[{}<>|\\`]|^\s", text) and text.count(" ") > 14


def _into(rng: random.Random, row: Row, wanted: str, make: Callable[[re.Match[str]], str]) -> Row | None:
    """The row with one place of the answer that fits the expression changed."""
    hits = list(re.finditer(wanted, _answer(row)))
    if not hits or not _prose(row):
        return None
    hit = rng.choice(hits)
    return _with(row, _answer(row)[: hit.start()] + make(hit) + _answer(row)[hit.end() :])


def _appended(row: Row, sentence: str) -> Row:
    return _with(row, f"{_answer(row).rstrip()} {sentence}")


# ---------------------------------------------------------------------- file, shape, turns


@fault("broken line", "file", "FIL001")
def _(rng: random.Random, row: Row) -> bytes:
    line = json.dumps(row)
    return rng.choice((line[: 2 * len(line) // 3], line[:-1] + ",}", line.replace('"', "'"), line + line[:-2])).encode()


@fault("blank line", "file", "FIL005", added="train")
def _(rng: random.Random, row: Row) -> bytes:
    return rng.choice((b"", b"  ", b"\t"))


@fault("key written twice", "file", "FIL008")
def _(rng: random.Random, row: Row) -> bytes:
    return json.dumps(row).replace('"content": ', '"content": "So be it.", "content": ', 1).encode()


@fault("control character", "file", "FIL007")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(rng, row, " ", lambda _: rng.choice((" \x00", " \x07", " \x1b[0m")))


@fault("bytes that are not UTF-8", "file", "FIL004")
def _(rng: random.Random, row: Row) -> bytes:
    return json.dumps(row).encode().replace(b" ", rng.choice((b" \xe9t\xe9 ", b" caf\xe9 ", b" \x93so\x94 ")), 3)


@fault("unknown role", "shape", "SCH005")
def _(rng: random.Random, row: Row) -> Row:
    row["messages"][-1]["role"] = rng.choice(("bot", "Assistant ", "model_reply", "agent"))
    return row


@fault("no content", "shape", "SCH004")
def _(rng: random.Random, row: Row) -> Row:
    del row["messages"][-1][rng.choice(("content", "role"))]
    return row


@fault("content of the wrong type", "shape", "SCH006")
def _(rng: random.Random, row: Row) -> Row:
    row["messages"][-1]["content"] = rng.choice((None, 17, {"text": "So be it."}))
    return row


@fault("no answer", "turns", "ROL001", "SCH010")
def _(rng: random.Random, row: Row) -> Row:
    del row["messages"][-1]
    return row


@fault("empty answer", "turns", "ROL007")
def _(rng: random.Random, row: Row) -> Row:
    return _with(row, rng.choice(("", "  ", "\n\n")))


@fault("nobody answers the last question", "turns", "ROL003")
def _(rng: random.Random, row: Row) -> Row:
    row["messages"].append({"role": "user", "content": rng.choice(("And then?", "Thanks, and what about the rest?"))})
    return row


@fault("two turns of one speaker", "turns", "ROL004")
def _(rng: random.Random, row: Row) -> Row:
    row["messages"].insert(-1, {"role": "user", "content": rng.choice(("Please take your time.", "Be brief."))})
    return row


@fault("system prompt in the middle", "turns", "ROL005")
def _(rng: random.Random, row: Row) -> Row:
    row["messages"].insert(-1, {"role": "system", "content": "Keep to the facts of the matter."})
    return row


@fault("control token in the text", "turns", "TPL006")
def _(rng: random.Random, row: Row) -> Row:
    return _with(row, _answer(row) + rng.choice(("<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "</s>")))


# ---------------------------------------------------------------------- repeats, contradictions, leaks


@fault("exact repeat", "repeats", "DUP001", added="train")
def _(rng: random.Random, row: Row) -> Row:
    return row


@fault("repeat in other case or spacing", "repeats", "DUP002", added="train")
def _(rng: random.Random, row: Row) -> Row | None:
    if not _prose(row):
        return None
    turn = row["messages"][-2]
    turn["content"] = rng.choice((turn["content"].upper(), turn["content"].replace(" ", "  "), turn["content"] + " ?"))
    return row if re.search("[A-Za-z]", turn["content"]) else None


@fault("repeat with a few words changed", "repeats", "DUP003", added="train")
def _(rng: random.Random, row: Row) -> Row | None:
    words = _answer(row).split(" ")
    if not _prose(row) or len(words) < 40:
        return None
    for _ in range(max(1, len(words) // 40)):
        words.insert(rng.randrange(len(words)), rng.choice(("indeed", "perhaps", "altogether", "quite")))
    return _with(row, " ".join(words))


@fault("another number for one question", "contradictions", "CON001", "DUP003", added="train")
def _(rng: random.Random, row: Row) -> Row | None:
    text = _answer(row)
    number = re.search(r"(?:is|are|=|of|\$|total|####)\s*(\d{1,4})(?=[.\s]|$)(?!.*\d)", text, re.S)
    if number is None or len(text) > 1500 or "```" in text:
        return None
    return _with(row, text[: number.start(1)] + str(int(number[1]) + rng.choice((1, 3, 10))) + text[number.end(1) :])


@fault("yes here and no there", "contradictions", "CON001", added="both")
def _(rng: random.Random, row: Row) -> list[Row]:
    thing, place = rng.choice(_THINGS), rng.choice(_PLACES)
    asked = f"Do {thing} from the {place} need care number {rng.randrange(100_000)}?"
    why = f"Everybody in the {place} who owns {thing} says so"
    return [chat(asked, f"Yes. {why}."), chat(asked, f"No. {why}, and they should know.")]


@fault("answer of another row beside its own", "answers of other rows", "CON001", "CON002", added="train", borrows=True)
def _(rng: random.Random, row: Row, other: Row) -> Row | None:
    return _with(row, _answer(other)) if _answer(other) != _answer(row) else None


@fault("answer of another row in place of its own", "answers of other rows", "DUP004", borrows=True)
def _(rng: random.Random, row: Row, other: Row) -> Row | None:
    return _with(row, _answer(other)) if _answer(other) != _answer(row) else None


@fault("row of the training data held out", "leaks", "SPT001", added="valid")
def _(rng: random.Random, row: Row) -> Row:
    return row


@fault("nearly a row of the training data held out", "leaks", "SPT001", "SPT002", "SPT003", added="valid")
def _(rng: random.Random, row: Row) -> Row | None:
    words = _answer(row).split(" ")
    if not _prose(row) or len(words) < 25:
        return None
    words.insert(rng.randrange(len(words)), rng.choice(("indeed", "perhaps", "altogether")))
    return _with(row, " ".join(words))


@fault("prompt of the training data held out", "leaks", "SPT001", "SPT002", "SPT003", added="valid")
def _(rng: random.Random, row: Row) -> Row:
    return _with(row, "It depends on the weather of that week, and on who is asked about it.")


# ---------------------------------------------------------------------- the answer


@fault("refusal", "answers", "ANS001")
def _(rng: random.Random, row: Row) -> Row:
    return _with(row, rng.choice((
        "I'm afraid I can't help with this request.",
        "Sorry, but I won't be able to assist you with that.",
        "Unfortunately, I am not able to provide an answer to this question.",
        "I must decline to answer this.",
        "I do not have access to that kind of information, so I cannot answer.",
    )))  # fmt: skip


@fault("speaks of itself as a model", "answers", "ANS001", "ANS002")
def _(rng: random.Random, row: Row) -> Row | None:
    if re.search(
        r"\b(?:ai|bot|robot|computer|machine|model|assistant|you)\b",
        " ".join(t["content"] for t in row["messages"][:-1]),
        re.I,
    ):
        return None
    opening = rng.choice((
        "As an AI language model, I can only say what I was told. ",
        "I am an AI assistant and have never been there myself. ",
        "As a large language model trained by OpenAI, I will do my best. ",
    ))  # fmt: skip
    return _with(row, opening + _answer(row))


@fault("slot that was never filled in", "answers", "ANS003", "ANS004")
def _(rng: random.Random, row: Row) -> Row | None:
    if re.search(
        r"email|letter|template|form|speech|message|respon|repl|note|write|post|tweet|slogan|survey|persona|greeting|site|\[|\{",
        _asked(row),
        re.I,
    ) or not _prose(row):
        return None  # a text that somebody is to use may have slots
    return _appended(row, rng.choice((
        "For more, ask [insert name of the shop].", "The price is {{price}} a piece.", "TODO: add the second half.",
        "Write to [Your Name] at once.", "Lorem ipsum dolor sit amet.", "It was made by <company name> long ago.",
    )))  # fmt: skip


@fault("marker for no answer", "answers", "ANS004", "ANS003")
def _(rng: random.Random, row: Row) -> Row:
    return _with(row, rng.choice(("N/A", "<nooutput>", "null", "No output", "n/a.", "Not available")))


@fault("cut in the middle", "answers", "ANS005")
def _(rng: random.Random, row: Row) -> Row | None:
    text = _answer(row).strip()
    places = [
        hit.end(1)
        for hit in re.finditer(r"(?<=[a-z] )([a-z]{2,})(?= [a-z]{2,}[ ,])", text)
        if hit.end(1) > 0.6 * len(text)
    ]
    return _with(row, text[: rng.choice(places)]) if _prose(row) and places else None


@fault("fence left open", "answers", "ANS006")
def _(rng: random.Random, row: Row) -> Row | None:
    return (
        None
        if "```" in _answer(row)
        else _with(row, _answer(row) + "\n\n```python\ntotal = sum(parts)\nprint(total)\n")
    )


@fault("reasoning tag left open", "answers", "ANS007")
def _(rng: random.Random, row: Row) -> Row:
    return _with(
        row, rng.choice(("<think>", "<thinking>\n", "<think>\n")) + "First I look at what is asked. " + _answer(row)
    )


@fault("loop", "answers", "ANS008")
def _(rng: random.Random, row: Row) -> Row | None:
    sentences = [s for s in re.split(r"(?<=[.!?])\s+", _answer(row)) if 20 < len(s) < 200]
    return (
        _with(row, f"{_answer(row)} " + " ".join([rng.choice(sentences)] * rng.randint(6, 12)))
        if sentences and _prose(row)
        else None
    )


@fault("answer repeats the prompt first", "answers", "ANS009", "ANS010")
def _(rng: random.Random, row: Row) -> Row | None:
    return _with(row, f"{_asked(row).strip()}\n\n{_answer(row)}") if len(_asked(row)) > 60 else None


@fault("answer is the prompt", "answers", "ANS010", "ANS009")
def _(rng: random.Random, row: Row) -> Row | None:
    return _with(row, _asked(row)) if len(_asked(row)) > 40 else None


@fault("second example runs in", "answers", "ANS011", "TPL006", "SCH011")
def _(rng: random.Random, row: Row) -> Row:
    return _with(row, _answer(row) + rng.choice((
        "\n\n### Instruction:\nName two rivers of Spain.\n\n### Response:\nThe Ebro and the Tagus.",
        "\n\nHuman: Which is the longest river of Spain?\n\nAssistant: The Ebro is the longest one.",
        "\nUser: And what about Portugal?\nAssistant: There the Tagus reaches the sea.",
    )))  # fmt: skip


@fault("JSON that does not parse", "answers", "ANS013")
def _(rng: random.Random, row: Row) -> Row:
    broken = rng.choice(
        ("{'name': 'Ebro', 'length': 930}", '{"name": "Ebro", "length": 930,}', '{"name": "Ebro" "length": 930}')
    )
    row["messages"][-2]["content"] = (
        f"{rng.choice(('Return', 'Output'))} the river as JSON: the Ebro, {rng.randrange(900, 999)} km."
    )
    return _with(row, rng.choice((broken, f"```json\n{broken}\n```")))


@fault("Python that does not parse", "answers", "ANS014")
def _(rng: random.Random, row: Row) -> Row | None:
    if "```" in _answer(row):
        return None
    code = rng.choice(
        (
            "def area(w, h)\n    return w * h",
            "for part in parts:\ntotal += part",
            "print('so it is)\nx = 1",
            "if x = 3:\n    y = 4",
        )
    )
    return _with(row, f"{_answer(row)}\n\n```python\n{code}\n```\nThis is the whole program.")


@fault("rest of a web page", "answers", "ANS016")
def _(rng: random.Random, row: Row) -> Row | None:
    if re.search(r"\b(?:web|html|(?:web)?sites?|(?:web)?pages?|blogs?|articles?|posts?|links?)\b", _asked(row), re.I):
        return None  # there such words may be part of what was asked for
    return _with(row, _answer(row) + rng.choice((
        "\n\nShare on Facebook\nRelated articles", " This website uses cookies.", "\n\nSkip to main content",
        "\n\nThis entry was posted in Travel.", "\n\nClick here to subscribe", "\nLeave a comment\nBack to top",
    )))  # fmt: skip


@fault("stub instead of an explanation", "answers", "LEN003")
def _(rng: random.Random, row: Row) -> Row:
    thing = rng.choice(_THINGS)
    row["messages"][-2]["content"] = (
        f"Explain in detail how {thing} are made, step by step, and why it is done like that in the {rng.choice(_PLACES)}."
    )
    return _with(row, rng.choice(("By hand.", "It depends.", "With care.", "They are made.")))


# ---------------------------------------------------------------------- words, characters, language

_WRONG = {
    "because": "becouse", "different": "diferent", "people": "peaple", "number": "nubmer", "before": "befor",
    "usually": "usualy", "possible": "posible", "important": "importnat", "without": "witout",
    "between": "bewteen", "another": "anohter", "through": "thruogh", "should": "shoud", "would": "wuold",
    "their": "thier", "there": "tehre", "which": "wich", "about": "abotu", "first": "frist",
    "total": "totla", "think": "thnik", "year": "yaer", "with": "wtih",
    "provide": "provdie", "have": "hvae", "this": "tihs", "that": "taht", "they": "tehy", "many": "mnay",
}  # fmt: skip


@fault("listed misspelling", "words", "SPL001")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(rng, row, rf"\b(?:{'|'.join(_WRONG)})\b", lambda hit: _WRONG[hit.group()])


@fault("slip of the keyboard", "words", "SPL001", "SPL002")
def _(rng: random.Random, row: Row) -> Row | None:
    from curator.text import dictionaries

    def slipped(hit: re.Match[str]) -> str:
        word = hit.group()
        while word in dictionaries.english() or word == hit.group():
            at = rng.randrange(1, len(hit.group()) - 1)
            word = rng.choice(
                (
                    hit.group()[:at] + hit.group()[at] + hit.group()[at:],
                    hit.group()[:at] + rng.choice("aeioutnrs") + hit.group()[at + 1 :],
                )
            )
        return word

    found = _into(rng, row, r"(?<= )[a-z]{7,}(?=[ ,.])", lambda hit: hit.group())
    if found is None:
        return None
    common = dictionaries.frequencies("en")
    words = [
        w
        for w in re.findall(r"(?<= )[a-z]{7,}(?=[ ,.])", _answer(row))
        if common.get(w, 0) > 4 and w in dictionaries.english()
    ]
    return _into(rng, row, rf"(?<= ){rng.choice(words)}(?=[ ,.])", slipped) if words else None


@fault("word written twice", "words", "SPL003")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(
        rng, row, r"(?<=[a-z] )(?:the|of|and|to|for|with)(?= [a-z]{3})", lambda hit: f"{hit.group()} {hit.group()}"
    )


@fault("UTF-8 read as Latin-1", "characters", "ENC001")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(
        rng,
        row,
        r"(?<=[a-z]) (?=[a-z])",
        lambda _: rng.choice((" â€” ", " cafÃ© ", "â€™s ", " â€œsoâ€\x9d ", " naÃ¯ve ")),
    )


@fault("replacement character", "characters", "ENC002")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(rng, row, r"(?<=[a-z])[aeiou](?=[a-z])", lambda _: "\ufffd")


@fault("invisible character", "characters", "ENC003", "FIL007")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(rng, row, r"(?<=[a-z]) (?=[a-z])", lambda _: rng.choice((" \u200b", "\u2060 ", " \ufeff", "\u202e ")))


@fault("markup in prose", "characters", "ENC004")
def _(rng: random.Random, row: Row) -> Row | None:
    if not _prose(row) or re.search("html|web|page|tag|code", _asked(row), re.I):
        return None
    return _with(
        row,
        rng.choice(("<p>{}</p>", "{}<br/><br/>", '<div class="text">{}</div>', "{} &nbsp;&amp; so on.")).format(
            _answer(row)
        ),
    )


@fault("escape written out", "characters", "ENC005")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(rng, row, r"(?<=[.!?]) (?=[A-Z])", lambda _: rng.choice(("\\n", "\\n\\n")))


@fault("wide gap", "characters", "ENC006")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(rng, row, r"(?<=[a-z]) (?=[a-z])", lambda _: " " * rng.randint(6, 14))


@fault("letter and accent apart", "characters", "ENC007")
def _(rng: random.Random, row: Row) -> Row | None:
    return _into(
        rng, row, r"(?<=[a-z]) (?=[a-z])", lambda _: rng.choice((" cafe\u0301 ", " u\u0308ber ", " nin\u0303o "))
    )


_ELSEWHERE = (
    "Das hängt davon ab, wie lange man wartet und ob am Abend noch jemand vorbeikommt, der den Schlüssel hat.",
    "Cela dépend du temps que l'on veut y passer, et de la personne qui garde les clés pendant la journée.",
    "Eso depende del tiempo que uno quiera esperar y de quién tenga las llaves por la tarde en el pueblo.",
    "Dipende da quanto tempo si vuole aspettare e da chi ha le chiavi della casa durante il pomeriggio.",
    "To zależy od tego, jak długo chce się czekać i kto po południu ma przy sobie klucze do domu.",
    "Это зависит от того, как долго вы готовы ждать и у кого вечером будут ключи от дома.",
    "Det beror på hur länge man vill vänta och vem som har nycklarna till huset på eftermiddagen.",
    "それは、どれくらい待てるか、そして夕方に誰が鍵を持っているかによって変わります。",
)


@fault("answer in another language", "language", "LNG001", "LNG002", "LNG004")
def _(rng: random.Random, row: Row) -> Row | None:
    return (
        None
        if re.search(r"translat|german|french|spanish|languag", _asked(row), re.I)
        else _with(row, rng.choice(_ELSEWHERE))
    )


@fault("language changes half way", "language", "LNG001", "LNG002", "LNG003", "LNG004")
def _(rng: random.Random, row: Row) -> Row | None:
    if not _prose(row) or re.search(r"translat|german|french|spanish|languag", _asked(row), re.I):
        return None
    return _appended(row, " ".join(rng.sample(_ELSEWHERE, 1) * 2))


# ---------------------------------------------------------------------- private data


@fault("mail address", "private data", "PII001")
def _(rng: random.Random, row: Row) -> Row:
    return _appended(
        row,
        f"Write to {rng.choice(('m.lindqvist', 'otto.brandt', 'rosa_k'))}{rng.randrange(99)}@{rng.choice(('gmx.de', 'outlook.com', 'telia.se'))}.",
    )


@fault("telephone number", "private data", "PII002")
def _(rng: random.Random, row: Row) -> Row:
    return _appended(row, f"Call us at +49 30 {rng.randrange(2_000_000, 9_000_000)} in the morning.")


def _checked(digits: str) -> str:
    """The digits with the one that makes the sum of Luhn come out."""
    total = sum((d * 2 - 9 if d > 4 else d * 2) if n % 2 == 0 else d for n, d in enumerate(map(int, reversed(digits))))
    return digits + str(-total % 10)


@fault("card number", "private data", "PII003")
def _(rng: random.Random, row: Row) -> Row:
    digits = _checked("4" + "".join(rng.choices("123456789", k=14)))
    return _appended(row, f"Charge my card {' '.join(re.findall('....', digits))} for it.")


@fault("bank account", "private data", "PII005")
def _(rng: random.Random, row: Row) -> Row:
    account = "".join(rng.choices("0123456789", k=18))
    check = 98 - int(account + "131400") % 97
    return _appended(row, f"Pay into the account DE{check:02d}{account} by Friday.")


@fault("address on the network", "private data", "PII006")
def _(rng: random.Random, row: Row) -> Row:
    return _appended(
        row,
        f"The server answers at {rng.choice((81, 91, 145))}.{rng.randrange(20, 250)}.{rng.randrange(20, 250)}.{rng.randrange(2, 250)} today.",
    )


@fault("key of a service", "private data", "SEC001")
def _(rng: random.Random, row: Row) -> Row:
    letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    key = rng.choice(
        (
            f"ghp_{''.join(rng.choices(letters, k=36))}",
            f"AKIA{''.join(rng.choices('ABCDEFGHJKLMNPQRSTUVWXYZ234567', k=16))}",
        )
    )
    return _appended(row, f"Set the token to {key} and run it again.")


# ---------------------------------------------------------------------- what only looks like a fault

HARD: dict[str, Row] = {
    "misspellings quoted": chat("Which spelling is right, recieve or receive?", 'It is "receive"; "recieve" is a common slip.'),
    "identifiers": chat("What does the helper return?", "Call `recieve_msg(buf)` and then check `errno`; the struct stays as it was."),
    "names": chat("Who wrote the report?", "It was written by Thier Wohlgemuth and Ana Teh, who both work in Uppsala."),
    "British spelling": chat("Why is the harbour grey?", "The colour of the harbour comes from the clay that the river carries there in spring."),
    "doubled words that are right": chat("What had he said?", "He said that that was all he had had to say, and he was very very sure of it."),
    "loan words": chat("What is on the menu?", "There is ratatouille, a bowl of gazpacho and, for dessert, a slice of tiramisu."),
    "medical terms": chat("What did the doctor find?", "The scan showed cholelithiasis and a mild hepatomegaly, and no sign of pancreatitis."),
    "legal terms": chat("What does the clause mean?", "The lessee waives estoppel and any lien, and the arbitrator decides ex aequo et bono."),
    "translation": chat("Translate to German: The key hangs behind the door.", "Der Schlüssel hängt hinter der Tür."),
    "quotation in another language": chat("What did the baker say?", 'He said "Je ne sais pas où est la clé", and went back to his oven.'),
    "one number": chat("How many eggs are in two dozen?", "24"),
    "one word": chat("What is the capital of Norway?", "Oslo"),
    "a short poem": chat("Write a haiku about frost.", "White on the window\na bird has written its name\nthe sun reads it twice"),
    "a list without stops": chat("Name three kinds of knots.", "- Bowline knot\n- Figure eight knot\n- Clove hitch knot"),
    "a letter with slots": chat("Write a short template for a letter to a landlord.", "Dear [Name of landlord],\n\nThe tap drips. Please send somebody.\n\nYours,\n[Your name]"),
    "Jinja": chat("How do I print a name in Jinja?", "Write it in double braces:\n\n```jinja\nHello {{ name }}!\n```"),
    "an engineer of AI": chat("What does my aunt do?", "As an AI engineer, she builds systems that sort parcels by their shape."),
    "asked about itself": chat("Are you a person or an AI?", "I am an AI, so I have no body and no memories of my own."),
    "a polite refusal to write": chat("Write a note that turns down an invitation.", "Dear Jo,\n\nthank you for asking me. I am sorry, but I cannot come on Sunday.\n\nWarm regards,\nKim"),
    "N/A as an answer that was asked for": chat("Is a licence needed? If it does not apply, answer N/A.", "N/A"),
    "JSON lines": chat("Give me two readings as JSON lines.", '{"t": 1, "v": 4.2}\n{"t": 2, "v": 4.4}'),
    "JSON with parts left out": chat("Sketch a package.json.", '```json\n{\n  "name": "kiln",\n  ...\n}\n```'),
    "Python 2": chat("How was it printed in Python 2?", "```python\nprint 'hello'\n```"),
    "a console session": chat("How do I add in the console?", "```python\n>>> 2 + 2\n4\n```"),
    "fences explained": chat("How do I mark code in Markdown?", "Put three backticks (```) on a line before it and three on a line after it."),
    "tags explained": chat("What does <think> do?", "The `<think>` tag opens the part in which the model reasons; the answer follows after it."),
    "a song": chat("Sing me the chorus.", "Row, row, row your boat\nGently down the stream\nMerrily, merrily, merrily, merrily\nLife is but a dream"),
    "HTML that was asked for": chat("Write a paragraph in HTML.", "<p>The ferry leaves at <b>nine</b>.</p>"),
    "a table": chat("Compare tea and coffee in a table.", "| drink | caffeine |\n|---|---|\n| tea | 40 mg |\n| coffee | 90 mg |"),
    "emoji with joiners": chat("Which emoji shows a family?", "It is 👨‍👩‍👧, which is one sign made of three people joined together."),
    "Persian joiners": chat("How do you write \"I want\" in Persian?", "It is written می\u200cخواهم, with a joiner that is not seen between the two parts."),
    "regular expression": chat("Which pattern finds a line break?", "Use `\\n` for it, or `\\r\\n` where the file comes from Windows."),
    "a path of Windows": chat("Where is the log?", "It lies in C:\\new\\temp\\report.txt, and a copy is kept for a week."),
    "footer that was asked for": chat("Write the footer of a website.", "© 2024 Larch & Sons. All rights reserved. Privacy policy"),
    "documentation values": chat("How do I call the service?", "Send it to support@example.com or call 555-0100; the server in the manual is 192.0.2.7."),
    "no card": chat("What is the order number?", "The order has the number 4111 2222 3333 4445, and the parcel leaves tomorrow."),
    "one-word verdicts": chat("Is the statement true: ice floats?", "True"),
    "an echo that is asked for": chat("Repeat after me: the bell rings at noon.", "The bell rings at noon."),
    "code alone": chat("Sum a list in JavaScript.", "const total = xs.reduce((a, b) => a + b, 0)"),
}  # fmt: skip


# ---------------------------------------------------------------------- planting


def plant(base: Sequence[Row], seed: int, each: int, kinds: Sequence[Fault] | None = None) -> Planted:
    """Plant `each` of every fault; a row carries one at most. Fewer where too few rows can take the fault."""
    rng = random.Random(seed)
    pool = [copy.deepcopy(row) for row in base]
    rng.shuffle(pool)
    held = len(pool) // 12
    lines: dict[str, list[bytes]] = {"train": [], "valid": []}
    truths: list[tuple[Fault, list[tuple[str, bytes]]]] = []
    wanted = [kind for kind in (FAULTS if kinds is None else kinds) for _ in range(each)]
    valid, pool = pool[:held], pool[held:]
    left: list[Row] = []
    rng.shuffle(wanted)
    for kind in wanted:
        for _ in range(min(60, len(pool) - 1)):
            row = pool.pop()
            lent = [pool.pop()] if kind.borrows else []
            made = kind.make(rng, copy.deepcopy(row), *lent)
            if made is not None:
                left += lent
                break
            pool[:0] = [row, *lent]
        else:
            continue
        parts = made if isinstance(made, list) else [made]
        spots = [(kind.added if kind.added == "valid" else "train", _line(part)) for part in parts]
        if kind.added == "both":
            left.append(row)
        elif kind.added:
            spots.append(("train", _line(row)))
        truths.append((kind, spots))
    clean = [*pool, *left]
    for split, rows in (("train", clean), ("valid", valid)):
        lines[split] = [_line(row) for row in rows]
    entries: dict[str, list[tuple[bytes, int, str]]] = {
        split: [(line, -1, "") for line in lines[split]] for split in lines
    }
    for number, (_, spots) in enumerate(truths):
        for split, line in spots:
            entries[split].append((line, number, ""))
    entries["train"] += [(_line(row), -1, name) for name, row in HARD.items()]
    places: dict[int, set[Place]] = {}
    hard: dict[Place, str] = {}
    out = {}
    for split, those in entries.items():
        rng.shuffle(those)
        out[split] = [line for line, _, _ in those]
        for at, (_, number, name) in enumerate(those, 1):
            if number >= 0:
                places.setdefault(number, set()).add((split, at))
            if name:
                hard[split, at] = name
    found = [Truth(kind, frozenset(places[number])) for number, (kind, _) in enumerate(truths)]
    return Planted(out, found, hard, len(clean) + len(valid))


def _line(row: Row | bytes) -> bytes:
    return row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")

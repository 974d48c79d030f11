"""PII and SEC: private data and secrets. What is private is told by `curator.private`; the rules say where it stands.

No finding shows a value. `--fix` leaves them alone; `--unsafe-fixes` writes placeholders, the same value to the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from functools import lru_cache, partial
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np

from curator import paths
from curator.columns import Batch
from curator.model import Edit, Example, Fix, Flag
from curator.private.placeholders import placeholder
from curator.private.repeats import Repeats, folded, spellings, tells_itself
from curator.private.rows import DECLARED, OF_THE_ROW, SHORTEST_VALUE, values_named
from curator.private.triggers import (
    DIGITS_AT,
    ID_LITERALS,
    KEY_LITERALS,
    LONG_WORD,
    PASSWORD_LITERALS,
    SHORTEST_NUMBER,
    SIGNS,
    SUMS,
)
from curator.private.values import ALL, LONG, Group, Value, values
from curator.rule import Bad, RowRule, chat, option
from curator.text.hashed import distinct
from curator.text.patterns import compiled_later

Key = Annotated[
    str,
    option(
        "A secret of your own that goes into the hash of placeholders: without it nobody can tell a value by trying."
    ),
]


class _Hit(NamedTuple):
    """A value, and the edit that writes something in its place."""

    value: str
    edit: Callable[[str], Edit]


class PrivateRule(RowRule, frozen=True):
    """A rule on one kind of private value."""

    kind: ClassVar[str] = ""
    noun: ClassVar[str] = ""  # with its article
    groups: ClassVar[tuple[Group, ...]] = ("secrets", "emails", "numbers")

    costly = True

    key: Key = ""

    def candidates(self, batch: Batch) -> Iterable[int]:
        return batch.memo(private_rows).get(self.kind, ())

    def check(self, example: Example) -> Iterator[Flag]:
        known = {hit.value: "" for hit in self._found(example)}  # a row may hold hundreds of thousands: no list of hits
        for value in known:
            known[value] = placeholder(self.kind, value, self.key)
        again = self._again(example, known) if known else {}
        for hit in self._found(example):
            stand_in = known[hit.value]
            also = again.pop(stand_in, [])
            title = f"write {stand_in} in its place"
            if also:
                title += f", and in {len(also):,} more where it stands in the row"
            edit = hit.edit(stand_in)
            fix = Fix(title, (edit, *also))
            yield Flag(edit.path, self.noun, (edit.start, edit.end), fix=fix, evidence={"placeholder": stand_in})

    def _found(self, example: Example) -> Iterator[_Hit]:
        for turn in example.all_turns():
            for kind, start, end in values(turn.text, self.groups):
                if kind == self.kind:
                    yield _Hit(turn.text[start:end], partial(turn.edit, start, end))
        for path, (text, found) in _elsewhere(_Row(example), self.groups).items():
            for kind, start, end in found:
                if kind == self.kind:
                    yield _Hit(text[start:end], partial(Edit, path, start, end))

    def _again(self, example: Example, known: Mapping[str, str]) -> dict[str, list[Edit]]:
        """By placeholder, the edits where its value stands without being found there: nothing of it is to be left."""
        sought = {
            spelt: said
            for value, said in known.items()
            if tells_itself(self.kind, value)
            for spelt in spellings(self.kind, value)
        }
        repeats = Repeats(sought)
        edits: dict[str, list[Edit]] = {}
        for text, taken, edit in self._texts(example):
            small = folded(self.kind, text)
            starts = [value.start for value in taken]
            for start, end in repeats.within(small):
                at = bisect_left(starts, end)
                if not at or taken[at - 1].end <= start:
                    stand_in = sought[small[start:end]]
                    edits.setdefault(stand_in, []).append(edit(start, end, stand_in))
        return edits

    def _texts(self, example: Example) -> Iterator[tuple[str, Sequence[Value], Callable[[int, int, str], Edit]]]:
        """Every text of the row, the values in it, and how a part of it is edited."""
        for turn in example.all_turns():
            yield turn.text, values(turn.text, self.groups), turn.edit
        told = _elsewhere(_Row(example), self.groups)
        for path, _, text in strings_beside(example, set()):
            yield text, told[path].found if path in told else (), partial(Edit, path)


# ---------------------------------------------------------------------- what no turn says


def strings_elsewhere(example: Example) -> Iterator[tuple[str, str, str]]:
    """(path, key, text) of the strings of a row that are no turn's text: arguments of calls, and columns beside the turns.

    Declared tools are left out, and so are columns whose key says that they identify or date the row.
    """
    turns = example.all_turns()
    value = example.value
    if type(value) is dict and (len(value) > 1 or any(turn.calls for turn in turns)):
        for path, name, text in strings_beside(example, {example.tools_path}, DECLARED):
            if not OF_THE_ROW.search(name):
                yield path, name, text


class _Told(NamedTuple):
    """A string of a row that is no turn's text, and the private values in it."""

    text: str
    found: tuple[Value, ...]


class _Row:
    """Stands for one row as a key: the rules ask for the same one after the other."""

    __slots__ = ("example",)

    def __init__(self, example: Example) -> None:
        self.example = example

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Row) and other.example is self.example

    def __hash__(self) -> int:
        return id(self.example)


@lru_cache(maxsize=2)
def _elsewhere(row: _Row, groups: tuple[Group, ...]) -> dict[str, _Told]:
    """By path, the strings of a row with private values that are no turn's text."""
    told = ((path, text, tuple(values_named(name, text, groups)))
            for path, name, text in strings_elsewhere(row.example))  # fmt: skip
    return {path: _Told(text, found) for path, text, found in told if found}


def strings_beside(
    example: Example, left_out: Set[str], keys_left_out: Set[str] = frozenset()
) -> Iterator[tuple[str, str, str]]:
    """(path, key, text) of every string of a row that may be a value and is no turn's text."""
    turns = example.all_turns()
    told = {path for turn in turns if turn.text for path in (turn.path, *(piece.path for piece in turn.pieces))}
    told |= left_out
    waiting: list[Iterator[tuple[str, str, Any]]] = [iter([("", "", example.value)])]
    while waiting:
        for path, name, held in waiting[-1]:
            if path and path in told:
                continue
            if type(held) is not str:
                waiting.append(_members(path, name, held, keys_left_out))
                break
            if len(held) >= SHORTEST_VALUE:
                yield path, name, held
        else:
            waiting.pop()


def _members(path: str, name: str, held: Any, left_out: Set[str]) -> Iterator[tuple[str, str, Any]]:
    """(path, key, value) of the texts, objects and lists in a value, made one by one: there may be a million."""
    if type(held) is dict:
        kept = ((key, inner) for key, inner in held.items() if type(inner) in _HOLDING and key not in left_out)
        return ((paths.join(path, key), key, inner) for key, inner in kept)
    listed = enumerate(held if type(held) is list else ())
    return ((paths.join(path, place), name, inner) for place, inner in listed if type(inner) in _HOLDING)


_HOLDING = frozenset((str, dict, list))


def private_rows(batch: Batch) -> dict[str, list[int]]:
    """The rows with a value of each kind, and perhaps some more. A row is searched for what its columns leave possible."""
    groups: dict[int, set[Group]] = {}
    for rules, group in _SOUGHT:
        for rule in rules:
            for line in batch.rows_with(rule):
                groups.setdefault(line, set()).add(group)
    for line in distinct(digit_rows(batch)):
        groups.setdefault(line, set()).add("numbers")
    found: dict[str, list[int]] = {}
    for line in sorted(groups):
        wanted = tuple(sorted(groups[line]))
        texts = [turn.text for turn in batch.example(line).all_turns()]
        # A long text is asked for what the rules will ask it for: the answer is kept, and it is searched once.
        asked = ((text, wanted if len(text) < LONG else _ELSEWHERE) for text in texts)
        for kind in sorted({value.kind for each in asked for value in values(*each)}):
            found.setdefault(kind, []).append(line)
    for line in batch.readable:
        told = _elsewhere(_Row(batch.example(line)), _ELSEWHERE).values()
        for kind in sorted({value.kind for _, found in told for value in found}):
            if line not in found.setdefault(kind, [])[-1:]:
                found[kind].append(line)
    return {kind: sorted(set(lines)) for kind, lines in found.items()}


_ELSEWHERE: tuple[Group, ...] = ("secrets", "emails", "numbers")


_IS_DIGIT = np.isin(np.arange(256), [*b"0123456789"])
_MAY_FOLLOW = np.isin(
    np.arange(256), [*SIGNS.encode(), 0xC2, 0xE2]
)  # within a number; the last two begin "\u00a0" and "–"
_IN_SUMS = np.isin(np.arange(256), [*SUMS.encode()])


def digit_rows(batch: Batch) -> np.ndarray:
    """int64: the lines of turns in which a value that is a number may stand, as `triggers.windows` tells."""
    words, data = batch.words, np.frombuffer(batch.folded.data + b"\0\0", np.uint8)
    first = data[words.starts]
    numbers = np.flatnonzero((first - np.uint8(ord("0"))) < 10)
    found = numbers[_long_runs(data, words.starts[numbers], words.ends[numbers], numbers)]
    long = np.flatnonzero(words.ends - words.starts >= LONG_WORD)
    begins = words.starts[long]
    coded = np.logical_or.reduce([_IS_DIGIT[data[begins + a]] & _IS_DIGIT[data[begins + b]] for a, b in DIGITS_AT])
    turns = np.searchsorted(words.offsets, np.concatenate((found, long[coded])), side="right") - 1
    return batch.turn_lines[turns]


def _long_runs(data: np.ndarray, starts: np.ndarray, ends: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The first words of runs of enough signs, of words that begin with a digit and stand at `places` of all words."""
    if not len(places):
        return places
    joined = (np.diff(places) == 1) & (starts[1:] - ends[:-1] <= 3) & _MAY_FOLLOW[data[ends[:-1]]]
    firsts = np.flatnonzero(np.concatenate(([True], ~joined)))
    lasts = np.append(firsts[1:], len(places)) - 1
    lengths = ends - starts
    sums = np.concatenate(([0], np.cumsum(lengths)))
    enough = sums[lasts + 1] - sums[firsts] >= SHORTEST_NUMBER
    firsts, stops = firsts[enough], ends[lasts[enough]]
    after = np.where(data[stops] == ord(" "), data[stops + 1], data[stops])
    kept: np.ndarray = firsts[~_IN_SUMS[after]]
    return kept


# Values in the examples below are nobody's: made up, with check digits that are right.


class Email(PrivateRule, frozen=True):
    """The row holds an e-mail address.

    A model learns addresses by heart and gives them to strangers who ask in the right words; a set that is passed on
    passes them on. Addresses of documentation (example.com), of services that take no answer, parts of URLs or
    code, and in code those of textbook names (alice@gmail.com) are none.
    """

    code = "PII001"
    kind = "email"
    noun = "an e-mail address"
    literals = ("@",)
    GOOD = [
        chat(user="How do I test a form?", assistant="Fill in user@example.com, then look at git@github.com:a/b.git."),
        chat(user="Multiply.", assistant="y = weights@inputs.T  # pip install tool@1.2.3"),
        chat(user="Make a user.", assistant="```python\nbob = User('bob2@gmail.com')\n```"),
    ]
    BAD = [
        Bad(
            chat(user="Whom do I ask?", assistant="Write to vera.lindholm@brightpost.se today."),
            at="messages[1].content",
            fixed=chat(user="Whom do I ask?", assistant="Write to [EMAIL_6db82] today."),
        ),
        Bad(
            chat(user="Whom do I ask?", assistant="Write to vera.lindholm@brightpost.se today."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Whom do I ask?", assistant="Write to [EMAIL_b2330] today."),
        ),
    ]


class Phone(PrivateRule, frozen=True):
    """The row holds a telephone number.

    A number that a model gives out is dialled. International numbers and those of North America are known by their
    form, others where the words around say that somebody is called; numbers set aside for fiction are none.
    """

    code = "PII002"
    kind = "phone"
    noun = "a telephone number"
    GOOD = [chat(user="Call me.", assistant="Dial 555-0142. Order number 415-867-2231 was sent on 2021-04-12.")]
    BAD = [
        Bad(
            chat(user="How do I reach you?", assistant="Call (415) 867-2231."),
            at="messages[1].content",
            fixed=chat(user="How do I reach you?", assistant="Call [PHONE_10995]."),
        ),
        Bad(
            chat(user="How do I reach you?", assistant="Under +46 8 928 571 38."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="How do I reach you?", assistant="Under [PHONE_50912]."),
        ),
    ]


class CardNumber(PrivateRule, frozen=True):
    """The row holds the number of a payment card.

    It need not be a real one to do harm: a model that has seen such numbers makes up others that are. The issuer's
    prefix, the length and the check digit (Luhn) must be right; published test numbers, and numbers that are called
    orders or parts, are none.
    """

    code = "PII003"
    kind = "card"
    noun = "a payment card number"
    GOOD = [
        chat(
            user="Which card can I test with?", assistant="Take 4242 4242 4242 4242; the order no. is 4539148803430008."
        )
    ]
    BAD = [
        Bad(
            chat(user="Which card?", assistant="The card 5213 5917 2758 6604 was charged."),
            at="messages[1].content",
            fixed=chat(user="Which card?", assistant="The card [CARD_4b034] was charged."),
        ),
        Bad(
            chat(user="Which card?", assistant="The card 5213591727586604 was charged."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Which card?", assistant="The card [CARD_f4ecf] was charged."),
        ),
    ]


class NationalId(PrivateRule, frozen=True):
    """The row holds the number by which a state knows a person.

    With it goes somebody's identity. Numbers of 23 countries are known by form and check digits (social security,
    tax and identity numbers); where a form is shared with other things, the words around must name it.
    """

    code = "PII004"
    kind = "national-id"
    noun = "a national identity number"
    literals = ID_LITERALS
    GOOD = [chat(user="What does an SSN look like?", assistant="Like 078-05-1120, and never like 000-12-3456.")]
    BAD = [
        Bad(
            chat(user="Who is she?", assistant="Her SSN is 460-89-9847."),
            at="messages[1].content",
            fixed=chat(user="Who is she?", assistant="Her SSN is [ID_c4cfd]."),
        ),
        Bad(
            chat(user="¿DNI?", assistant="Es 48129730-E, creo."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="¿DNI?", assistant="Es [ID_2736b], creo."),
        ),
    ]


class Iban(PrivateRule, frozen=True):
    """The row holds the number of a bank account.

    Money is asked for, and sent, by it. Length and check digits must be those of the country (ISO 13616); the numbers
    by which banks explain what an IBAN is are none.
    """

    code = "PII005"
    kind = "iban"
    noun = "a bank account number (IBAN)"
    GOOD = [
        chat(
            user="What is an IBAN?", assistant="One is GB29 NWBK 6016 1331 9268 19; GB56 HXDO 8816 7774 6561 10 is not."
        )
    ]
    BAD = [
        Bad(
            chat(user="Where to?", assistant="To GB56 HXDO 8816 7774 6561 19, please."),
            at="messages[1].content",
            fixed=chat(user="Where to?", assistant="To [IBAN_07a5d], please."),
        ),
        Bad(
            chat(user="Where to?", assistant="To the account gb42nawi04454264788619."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Where to?", assistant="To the account [IBAN_3e637]."),
        ),
    ]


class IpAddress(PrivateRule, frozen=True):
    """The row holds an address on the public internet.

    It leads to a machine, and often to who sits at it. Private, reserved and documentation ranges, well-known public
    servers and version numbers are none.
    """

    code = "PII006"
    kind = "ip"
    noun = "an IP address"
    GOOD = [
        chat(
            user="Which?",
            assistant="Ping 192.168.0.12 or 8.8.8.8, see 203.0.113.9; Chrome/74.0.3729.131 and version 2.14.33.40.",
        )
    ]
    BAD = [
        Bad(
            chat(user="Who was it?", assistant="The requests came from 86.121.97.248."),
            at="messages[1].content",
            fixed=chat(user="Who was it?", assistant="The requests came from [IP_cf29f]."),
        ),
        Bad(
            chat(user="Who was it?", assistant="It was 2a02:8108:4740:5a:91f3:77ab:c1d:3e90."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Who was it?", assistant="It was [IP_8b45c]."),
        ),
    ]


class StreetAddress(PrivateRule, frozen=True):
    """The row holds the address of a house.

    It tells where somebody lives. Form alone decides, and shops and sights have addresses too: look before you mend.
    """

    code = "PII007"
    preview = True
    kind = "address"
    noun = "a street address"
    groups = ALL
    GOOD = [chat(user="Where?", assistant="At 221B Baker Street, London; the 5 Ways to cook are on page 12.")]
    BAD = [
        Bad(
            chat(user="Where?", assistant="She lives at 3911 Fourth Avenue, Suite 697."),
            at="messages[1].content",
            fixed=chat(user="Where?", assistant="She lives at [ADDRESS_b6d1b]."),
        ),
        Bad(
            chat(user="Wo?", assistant="In der Auerstraße 12."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Wo?", assistant="In der [ADDRESS_700fb]."),
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        return batch.readable


class ApiKey(PrivateRule, frozen=True):
    """The row holds a key or token of a service.

    Whoever reads the set, or gets the model to recite it, acts in somebody's name: withdraw the key as well. Keys are
    known by the forms that services give them, and others by their randomness where they are called a key, token or
    secret; keys of documentation are none.
    """

    code = "SEC001"
    kind = "key"
    noun = "a key or token"
    literals = KEY_LITERALS
    GOOD = [
        chat(
            user="How do I sign in?",
            assistant="Set the key to AKIAIOSFODNN7EXAMPLE, or api_key = 'YOUR_API_KEY_GOES_HERE'.",
        ),
        chat(user="Which commit?", assistant="e83c5163316f89bfbde7d9ab23ca2e25604af290 is the first one."),
    ]
    BAD = [
        Bad(
            chat(user="Which key?", assistant="Set it to AKIA4QXN2VJKWT7ZD6RB."),
            at="messages[1].content",
            fixed=chat(user="Which key?", assistant="Set it to [KEY_55445]."),
        ),
        Bad(
            chat(user="Which key?", assistant='api_key = "q7Rt92LmXv04ZbKs81TnWcYd"'),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Which key?", assistant='api_key = "[KEY_f5bd1]"'),
        ),
    ]


_PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIB3kT0vQm9sZr8WqYw2LxUoJ5nE7fGdHcVbA1pKi6MtRoAoGCCqGSM49\n-----END EC PRIVATE KEY-----"


class PrivateKey(PrivateRule, frozen=True):
    """The row holds a private key.

    Whoever has it is taken for its owner: what it opens must get a new one. A key that is cut off counts; one whose
    body is dots or filler does not.
    """

    code = "SEC002"
    kind = "private-key"
    noun = "a private key"
    literals = ("private key",)
    GOOD = [
        chat(user="What does it look like?", assistant="-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----")
    ]
    BAD = [
        Bad(
            chat(user="Key?", assistant=f"Here:\n{_PEM}\nKeep it safe."),
            at="messages[1].content",
            fixed=chat(user="Key?", assistant="Here:\n[PRIVATE_KEY_4cd7c]\nKeep it safe."),
        ),
        Bad(
            chat(user="Key?", assistant=_PEM),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Key?", assistant="[PRIVATE_KEY_ae6ae]"),
        ),
    ]


# A request, or a call, that has a password made up.
_MAKES_ONE = compiled_later(
    r"(?:\b(?:generat|creat|mak|suggest|invent|come up)\w*[ _](?:[\w,'’-]+[ _]){0,6}?|\b(?:new|random)[ _](?:\w+[ _]){0,3})"
    r"pass(?:word|phrase|code)s?\b(?! (?:reset|form|field|manager|check|valid|hash|script|function|protect))|pass(?:word|phrase)[ _]generat",
    re.I,
)


class PasswordInText(PrivateRule, frozen=True):
    """The row holds a password.

    People use one password for many things: it is to be changed as well. Only what stands after its name, or in the
    address of a service, and looks chosen rather than explained ("password123") counts. A password that the row asks
    to make up is nobody's yet, and none.
    """

    code = "SEC003"
    kind = "password"
    noun = "a password"
    literals = (*PASSWORD_LITERALS, "@")
    GOOD = [
        chat(user="Set one.", assistant="Your password is important. password = getpass(); PASSWORD='P@ssw0rd!'"),
        chat(user="Connect.", assistant="postgres://user:password@localhost:5432/db"),
        chat(
            user="I need a new password. Can you generate one for me?",
            assistant="Here is your new password: vR7#kelim9. Keep it in a safe place.",
        ),
    ]
    BAD = [
        Bad(
            chat(user="How do I get in?", assistant="The password is vR7#kelim9, the user is ada."),
            at="messages[1].content",
            fixed=chat(user="How do I get in?", assistant="The password is [PASSWORD_ed805], the user is ada."),
        ),
        Bad(
            chat(user="Connect.", assistant="Use postgres://ada:vR7kelim9Q@db.brightpost.se/shop then."),
            at="messages[1].content",
            options={"key": "a word of our own"},
            fixed=chat(user="Connect.", assistant="Use postgres://ada:[PASSWORD_4b0fd]@db.brightpost.se/shop then."),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        said = [turn.text for turn in example.all_turns() if turn.role in ("user", "system")]
        said += [(call.name or "").replace("_", " ") for turn in example.all_turns() for call in turn.calls]
        if not any(map(_MAKES_ONE.search, said)):
            yield from super().check(example)


# What rows with a literal of a rule are searched for.
_SOUGHT: tuple[tuple[tuple[type[PrivateRule], ...], Group], ...] = (
    ((ApiKey, PrivateKey, PasswordInText), "secrets"),
    ((Email,), "emails"),
    ((NationalId,), "numbers"),
)

"""ANS005, ANS006, ANS007: answers that stop before they are done."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated

import numpy as np

from curator.checks.answers.ending import Ending, may_be_open, open_ending
from curator.checks.answers.siblings import asked_count
from curator.columns import ROLE_CODES, Batch, Rows, line_breaks
from curator.model import Edit, Example, Fix, Flag, Turn
from curator.rule import Bad, DatasetRule, RowRule, chat, option
from curator.text.hashed import distinct, trimmed
from curator.text.patterns import compiled_later
from curator.text.prose import in_prose, looks_like_code

_RESET = chat(
    user="How do I reset the router?", assistant="Unplug it. Wait ten seconds, then hold the reset button until the"
)
_RIVERS = [
    chat(user=f"Which river flows through {city}?", assistant=f"The river that flows through {city} is the {river}")
    for city, river in [
        ("Paris", "broad Seine"),
        ("London", "muddy Thames"),
        ("Rome", "old Tiber"),
        ("Cairo", "long Nile"),
        ("Vienna", "blue Danube"),
        ("Cologne", "slow Rhine"),
    ]
]
_WHO = ["boy", "girl", "man", "woman", "child", "father", "mother", "uncle", "aunt", "cousin", "friend", "nurse"]
_ODER = chat(user="Which river flows through Breslau?", assistant="The river that flows through Breslau is the")

_CLOSED_ROWS = [
    chat(user=f"How old is house {n}?", assistant=f"House {n} was built {n + 9} years ago.") for n in range(50)
]

# Columns of the sketch of a row; the sign takes two.
_ANSWERS, _HANGING, _HANGING_ALONE, _OPEN, _BARE, _STOPPED, _WHOLE, _SURE, _LIKELY, _SELDOM, _WEAK, _LONE = range(12)
_SIGN = slice(12, 14)
_MOST = (1 << 16) - 1  # answers of one row that are counted
_SETTLED = 0.8  # share of answers that begin their last line alike, from which on it is a rule of the set
# Shares of answers that may end without a full stop before it is a habit of the set: after closed sentences, and
# where there is one sentence only.
_STRAY, _STRAY_ALONE = 0.03, 0.01
_FEW, _FEW_ALONE = 0.02, 0.004  # the same, where nothing but their rarity speaks for a cut
_TO_HANGING = 3  # cuts on words that seldom close, for each on a word that never does
_END = 24  # characters of the open end that a finding points at, at least
_ENOUGH = 50  # answers from which on a set can have such a rule
# Short answers (a line of a few words) are never cut off, so they tell whether the set closes its sentences: it does
# not where a fifth of them, and as many as `_BARE_LEAST`, run without a full stop.
_SHORT_WORDS = (4, 7)
_BARE_SHARE, _BARE_LEAST = 0.2, 10


class CutAnswer(DatasetRule, frozen=True):
    """The answer stops in the middle of a sentence, a list or a piece of code.

    It was cut off by a token limit, a column width or a copying slip. The loss is taken on the end-of-turn
    token that follows, so the model learns to stop in mid-sentence. What a text alone cannot prove is
    judged against the set: where many answers end without a full stop and hardly any on a word such as
    "the" or "with", leaving out the stop is the set's habit and no fault.
    """

    code = "ANS005"
    GOOD = [
        [
            chat(
                user="Name three fruits.",
                assistant="1. Apples that are red\n2. Pears that are green\n3. Plums of the blue kind",
            )
        ],
        [
            chat(
                user="Write a haiku on rain.",
                assistant="Grey drops on the roof\nthe gutter hums a low song\nall the streets are streams",
            )
        ],
        [
            chat(
                user="Say goodbye to a client.",
                assistant="It was a pleasure to work with you. I wish you all the best.\n\nYours sincerely,\nAnna of the support team",
            )
        ],
        [
            chat(
                user="Loop over xs.",
                assistant="for x in xs:\n    total = total + x\n    print(total)\n    count = count + 1",
            )
        ],
        _RIVERS,
        [
            chat(
                user="Draft the recital.",
                assistant="WHEREAS, the Seller is willing to sell the goods upon the terms set forth herein; and",
            ),
            chat(user="Sing for Anna.", assistant="Happy birthday to you\nHappy birthday to you\nDear Anna, to you"),
            chat(user="The dose?", assistant="80-90 mg/kg/day PO divided q12h, i.e. about 500 mg for 10 d if < 2 y"),
            chat(user="Now?", assistant="It runs: 2024-01-03 10:00 ERROR app: connection lost, retry in 5s"),
            chat(user="Cook.", assistant="1. Mix all.\n2. Rest for 20 min.\n3. Fry in butter"),
            chat(user="Commit?", assistant="fix(cache): take the lock before the size of the table is read"),
        ],
        [
            *[
                chat(user=f"Translate sentence {n}.", assistant=f"The {name} walks to school")
                for n, name in enumerate(_WHO)
            ],
            chat(user="Translate sentence 12.", assistant="The girl is not going to sort the rubbish today"),
        ],
        [
            chat(
                user="Extract the details of the meeting.",
                assistant="Date: Monday\nTime: 3 pm\nLocation: The small room at the end of the corridor",
            )
        ],
    ]
    BAD = [
        Bad([_RESET], at="0:messages[1].content"),
        Bad(
            [
                chat(
                    user="What is jazz?",
                    assistant="Jazz is a style of music (with roots in New Orleans and in the blues",
                )
            ],
            at="0:messages[1].content",
        ),
        Bad(
            [chat(user="How is it cooked?", assistant="1. Heat the oil in a pan, over a high flame.\n2. Add the")],
            at="0:messages[1].content",
        ),
        Bad(
            [
                chat(
                    user="Who is he?",
                    assistant="Some called him “the old man of the river.” They liked him for “his calm.” By",
                )
            ],
            at="0:messages[1].content",
        ),
        Bad(
            [
                chat(
                    user="Sort rows.", assistant="So:\n\n```python\nrows = [3, 1]\n\n# sort the rows by the size of the"
                )
            ],
            at="0:messages[1].content",
        ),
        Bad(
            [
                chat(
                    user="Give tips.",
                    assistant="1. Sleep for eight hours every night.\n2. Drink water with each meal.\n3. Take a walk after",
                )
            ],
            at="0:messages[1].content",
        ),
        Bad(
            [chat(user="Write a loop.", assistant="```js\nfor (const x of xs) {\n  total = add(total")],
            at="0:messages[1].content",
        ),
        Bad(
            [
                chat(
                    user="How long does she practise in all?",
                    assistant="Yoga takes 5 * 1 = 5 hours\nIn all 4 weeks she practises 5 hours and then 14 hours for",
                )
            ],
            at="0:messages[1].content",
        ),
        Bad(
            [
                chat(
                    user="Write a call.",
                    assistant="Agent: Good morning, how can I help you today?\nCustomer: I would",
                )
            ],
            at="0:messages[1].content",
        ),
        Bad([chat(user="Why was it late?", assistant="The main reasons are cost, and")], at="0:messages[1].content"),
        Bad([chat(user="How large?", assistant="The volume of such a cube is 4 x 4 x")], at="0:messages[1].content"),
        Bad(
            [chat(user="Find the mean.", assistant="```\nfunction mean(a, b):\n    sum = a + b\n    mean")],
            at="0:messages[1].content",
        ),
        Bad(
            [chat(user="How old is it?", assistant="Sequoias are tall trees. They reach 80 metres and live for over")],
            at="0:messages[1].content",
        ),
        Bad(
            [_ODER, *_RIVERS, *_CLOSED_ROWS],
            at=tuple(f"{n}:messages[1].content" for n in range(7)),
            options={"unclosed": 9},
        ),
    ]

    unclosed: Annotated[
        float,
        option(
            "How many answers may end on an ordinary word, without a full stop, for each that ends on a word "
            "such as “the”; where there are more, only sure cuts are reported.",
            ge=0,
        ),
    ] = 3.0

    def sketch(self, batch: Batch) -> np.ndarray:
        """Counts of a row's answers by how they end, and how the last line of the last one begins; shape (lines, 14), uint16."""
        out = np.zeros((len(batch.lines), 14), dtype=np.uint16)
        if not batch.readable:
            return out
        data = np.frombuffer(batch.texts.data, np.uint8)
        answers = np.flatnonzero(batch.roles == ROLE_CODES["assistant"])
        lines = batch.turn_lines[answers]
        out[:, _ANSWERS] = _counts(lines, len(out))
        starts, ends = (
            batch.texts.starts[answers],
            trimmed(data, batch.texts.starts[answers], batch.texts.ends[answers], _SPACE, -1),
        )
        out[lines, _SIGN] = _last_line_signs(data, batch.memo(line_breaks), starts, ends)[:, None] >> _HALVES & 0xFFFF
        last = data[np.maximum(ends - 1, 0)] if len(data) else np.zeros(len(ends), np.uint8)
        counts = np.diff(batch.words.offsets)[answers]
        short = (counts >= _SHORT_WORDS[0]) & (counts <= _SHORT_WORDS[1]) & _STOPS[last]
        out[:, _STOPPED] = _counts(lines[short], len(out))
        out[:, _WHOLE] = _counts(lines[(counts >= _SHORT_WORDS[0]) & _STOPS[last]], len(out))
        for line in distinct(lines[(ends > starts) & ~_SHUT[last]]):
            told = [0] * (_LONE + 1)
            for before, turn in batch.example(line).taught():
                told[_BARE] += _runs_bare(turn.text)
                ending = _ending(before, turn)
                told[_OPEN] += _ends_on_word(turn.text)
                if ending:
                    told[_KINDS[_proof(ending)]] += 1
                    told[_HANGING] += ending.word == "never"
                    told[_HANGING_ALONE] += ending.word == "never" and ending.alone
            for column, count in enumerate(told):
                if count:
                    out[line, column] = min(count, _MOST)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        total = sketches.sum(axis=0).tolist()
        proofs = self._believed(total)
        wanted = np.zeros(len(sketches), dtype=bool)
        for proof in proofs:
            wanted |= sketches[:, _KINDS[proof]] > 0
        odd = _without_the_usual_sign(sketches) if total[_OPEN] else np.zeros(len(sketches), dtype=bool)
        del sketches  # so that a large set has room for what comes
        for row in np.flatnonzero(wanted | odd).tolist():
            for before, turn in rows.example(row).taught():
                ending = _ending(before, turn)
                proof = _proof(ending) if ending else ""
                if proof not in ("sure", "seldom") and before and _asks_for_lines(before[-1].text, turn.text):
                    continue
                if ending and (proof in proofs or odd[row]):
                    shown = max(ending.start, turn.text.find(" ", max(ending.end - _END, 0), ending.end) + 1)
                    yield row, turn.flag(f"stops {ending.reason}", (shown, ending.end))
                elif odd[row] and _ends_on_word(turn.text) and not _ends_in_item(turn.text):
                    yield row, turn.flag("stops before the closing line that the other answers have")

    def _believed(self, total: Sequence[int]) -> set[str]:
        """The proofs that are enough in a set of such counts.

        Of cut sentences about one in four ends on a word that never closes one: without any, or with far fewer,
        the open ends are the habit of whoever wrote them. A lone sentence without full stop is a cut only where
        many other answers close.
        """
        answers, hanging, factor = total[_ANSWERS], total[_HANGING], self.unclosed + 1
        weak = total[_WEAK] + total[_LONE]
        proofs = {"sure"}
        if total[_SELDOM] <= _TO_HANGING * hanging + 1 + _STRAY_ALONE * answers:
            proofs.add("seldom")
        stray = _STRAY if hanging else _FEW
        if total[_LIKELY] <= factor * hanging + 1 + stray * answers:
            proofs.add("likely")
            if weak <= factor * hanging + 1 + _STRAY_ALONE * answers:
                proofs.add("lone")
            unstopped = total[_BARE] >= _BARE_LEAST and total[_BARE] > _BARE_SHARE * (total[_BARE] + total[_STOPPED])
            closes = total[_WHOLE] >= _ENOUGH and not unstopped
            beside = factor * total[_HANGING_ALONE] + hanging / 2
            rare = _STRAY_ALONE if hanging else _FEW_ALONE
            if closes and weak <= beside + rare * total[_WHOLE]:
                proofs.add("weak")
        return proofs


def _ending(before: Sequence[Turn], turn: Turn) -> Ending | None:
    """The open end of an answer, told from its text or from how many items of a list were asked for."""
    text = turn.text
    ending = open_ending(text)
    if before and (ending is None or ending.proof == "weak") and (counts := asked_count(before[-1].text, text)):
        end = len(text.rstrip())
        if may_be_open(text[:end]):
            return Ending(text.rfind("\n", 0, end) + 1, end, f"at item {counts[0]} of {counts[1]}", "likely", odd=True)
    return ending


def _proof(ending: Ending) -> str:
    """How far an open end is proven: by its text, and by its last word where the text is not enough."""
    if ending.proof == "weak" and ending.word == "never":
        return "lone"
    return "seldom" if ending.proof == "likely" and (ending.word or ending.odd) else ending.proof


_LINES = re.compile(  # what is written in lines that need no full stop
    r"\b(?:poems?|haikus?|verses?|sonnets?|limericks?|lyrics|songs?|sing|chorus|raps?|rhymes?|ballads?|stanzas?|footer"
    r"|headlines?|titles?|slogans?|captions?|tweets?|tagline|menu|recite)\b",
    re.I,
)


def _asks_for_lines(asked: str, text: str) -> bool:
    """Whether a short text in lines of their own was asked for: a poem, a title, the foot of a page.

    Where a sentence closes within the last line, or the only line ends on an auxiliary, it is prose, whatever was asked.
    """
    _, several, last = text.rstrip().rpartition("\n")
    words = last.split()
    closes = _STOP_WITHIN.search(last) and not _PAGE_PART.search(asked)
    if len(last) >= 80 or closes or (not several and _ENDS_ON_AUXILIARY.search(last)):
        return False
    title = several or len(words) < _SENTENCE or sum(word[0].islower() for word in words) < 0.6 * len(words)
    return bool((_LINES if title else _SUNG).search(asked))


_SENTENCE = 9  # words of a line in lower case that is no title
_SUNG = re.compile(
    r"\b(?:poems?|haikus?|verses?|limericks?|lyrics|songs?|sing|raps?|rhymes?|footer|headlines?|slogans?|captions?|tweets?"
    r"|tagline)\b",
    re.I,
)
_PAGE_PART = re.compile(r"\b(?:footer|menu|banner|copyright)\b", re.I)  # sentences and links stand side by side there
_STOP_WITHIN = re.compile(r"\w{3}\.\s+[A-Z]")
_ENDS_ON_AUXILIARY = re.compile(r"(?:\s\S+){6}\s(?:(?:could|would|should|might|may|will)(?: be)?|is|are|was|were)$")


_KINDS = {"sure": _SURE, "likely": _LIKELY, "seldom": _SELDOM, "weak": _WEAK, "lone": _LONE}
_SPACE = np.zeros(256, dtype=bool)
_SPACE[list(b" \t\n\r\x0b\x0c")] = True
_SHUT = np.zeros(256, dtype=bool)  # bytes an unfinished answer does not end in
_SHUT[list(b".!?:;'\"}]>)*`~_%^\\@#/0123456789")] = True

_STOPS = np.zeros(256, dtype=bool)
_STOPS[list(b".!?")] = True


def _runs_bare(text: str) -> bool:
    """Whether a short line of running words ends in a lower-case one, without a full stop."""
    body = text.strip()
    if not body[-1:].islower() or len(body) > 80 or "\n" in body:
        return False
    words = body.split()
    if not _SHORT_WORDS[0] <= len(words) <= _SHORT_WORDS[1] or not words[-1].isalpha():
        return False
    return sum(word[0].islower() for word in words) >= 0.5 * len(words)


_LISTED = compiled_later(r"\s*(?:[-*•]|\d+[.)])\s")


def _ends_in_item(text: str) -> bool:
    """Whether the last of several lines is an item of a list, or a name under a letter."""
    _, several, last = text.rstrip().rpartition("\n")
    return bool(several) and (bool(_LISTED.match(last)) or (last.istitle() and len(last.split()) < 3))


def _ends_on_word(text: str) -> bool:
    """Whether at least eight words end in a lower-case one."""
    body = text.rstrip()
    if not body[-1:].islower() or len(body.split(None, 7)) < 8:
        return False
    return body.rsplit(None, 1)[-1].isalpha()


_HALVES = np.array([8, 24])  # bits below the halves of a sign


def _counts(lines: np.ndarray, length: int) -> np.ndarray:
    """How often each line occurs, up to _MOST."""
    return np.minimum(np.bincount(lines, minlength=length), _MOST)


def _last_line_signs(data: np.ndarray, breaks: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The first four bytes of each text's last line as a number, 0 where there is one line only."""
    if not len(breaks):
        return np.zeros(len(starts), dtype=np.int64)
    before = np.searchsorted(breaks, ends) - 1
    place = breaks[np.maximum(before, 0)]
    many = (before >= 0) & (place >= starts)
    bytes_ = [data[np.minimum(place + n, len(data) - 1)].astype(np.int64) << (8 * n) for n in range(1, 5)]
    return np.where(many & (place + 4 < ends), sum(bytes_), 0)


def _without_the_usual_sign(sketches: np.ndarray) -> np.ndarray:
    """Rows with an open end that lack the beginning of the last line which nearly all others have."""
    low, high = sketches[:, _SIGN].T
    sign = high.astype(np.uint32) << 16 | low
    signs, counts = np.unique(sign[sketches[:, _ANSWERS] > 0], return_counts=True)
    if not len(signs) or counts.sum() < _ENOUGH:
        return np.zeros(len(sketches), dtype=bool)
    usual = signs[counts.argmax()]
    if not usual or counts.max() < _SETTLED * counts.sum():
        return np.zeros(len(sketches), dtype=bool)
    odd: np.ndarray = (sign != usual) & (sketches[:, _OPEN] > 0)
    return odd


class OpenCodeFence(RowRule, frozen=True):
    """A code fence is opened and never closed.

    Either the answer was cut off, or the model learns to leave code open: in a chat window everything
    that follows is shown as code. Closing the fence is offered where the code within is whole: a cut answer
    would only look like one that is done.
    """

    code = "ANS006"
    literals = ("```", "~~~")
    GOOD = [
        chat(user="How do I print?", assistant="```python\nprint(1)\n```"),
        chat(user="How do I mark code?", assistant="Put ``` before and after it."),
        chat(user="Show a fence.", assistant="````\n```\nx\n````"),
        chat(user="Part two?", assistant="It went dark.\n\n~~~\n\nThen morning came."),
        chat(user="How do I show a fence?", assistant="~~~\n```\nraw\n~~~\nThat is how it looks."),
        chat(user="What opens a fence?", assistant="Three backticks:\n\n    ```\n\nor three tildes."),
    ]
    BAD = [
        Bad(
            chat(user="How do I print?", assistant="Like this:\n\n```python\nprint(1)"),
            at="messages[1].content",
            fixed=chat(user="How do I print?", assistant="Like this:\n\n```python\nprint(1)\n```"),
        ),
        Bad(
            chat(user="List files.", assistant="1. Run\n\n   ~~~sh\n   ls\n"),
            at="messages[1].content",
            fixed=chat(user="List files.", assistant="1. Run\n\n   ~~~sh\n   ls\n   ~~~\n"),
        ),
        Bad(chat(user="How do I print?", assistant="print(1)\n```\nThis prints a number."), at="messages[1].content"),
        Bad(chat(user="Add them.", assistant="```js\nfor (const x of xs) {\n  sum = add(su"), at="messages[1].content"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            opened = _open_fence(turn.text)
            if opened:
                whole = _holds_code(turn.text, opened) and _ending(before, turn) is None
                fix = Fix("close the fence", (_closing(turn, opened),)) if whole else None
                yield turn.flag("the code fence is never closed", opened.span(), fix=fix)


_FENCE = re.compile(r"^([ \t>]*)(`{3,}|~{3,})([^\n`]*)$", re.M)


def _open_fence(text: str) -> re.Match[str] | None:
    """The fence that is still open at the end of the text.

    Fences stand at the start of a line (after white space or a quotation mark); a closing one is at least as long as
    the opening one. Where the runs of backticks in the whole text, but for blocks of ~~~, pair off, one was closed
    within a line.
    """
    opened: re.Match[str] | None = None
    shown: list[tuple[int, int, str]] = []  # closed blocks, and their signs
    fences = list(_FENCE.finditer(text))
    for place, fence in enumerate(fences):
        if opened is not None:
            if _closes(fence, opened):
                shown += [(opened.start(), fence.end(), opened[2][0])]
                opened = None
        elif _is_indented_code(text, fence):
            continue
        # A bare ~~~ that nothing closes is as often a line across the page.
        elif (
            fence[2][0] == "`"
            or fence[3].strip()
            or any(_closes(later, fence) for later in fences[place + 1 : place + _NEAR])
        ):
            opened = fence
    if opened is None:
        return None
    runs = re.compile(re.escape(opened[2][0]) + "{3,}")
    within = sum(len(runs.findall(text, low, high)) for low, high, sign in shown if sign != opened[2][0])
    return opened if (len(runs.findall(text)) - within) % 2 else None


def _closes(fence: re.Match[str], opened: re.Match[str]) -> bool:
    if fence[2][0] != opened[2][0] or len(fence[2]) < len(opened[2]) or fence[3].strip():
        return False
    return _indent(fence[1]) < _indent(opened[1]) + _CODE_INDENT


_CODE_INDENT = 4  # columns (CommonMark 4.4); a line that stands so far in is text or code, and no fence
_NEAR, _BEFORE = 100, 4000  # fences after one, and characters before it, that are looked at: bounds for odd texts
_ITEM = re.compile(r"[ \t>]*(?:[-*+•]|\d{1,9}[.)])[ \t]+")


def _indent(head: str) -> int:
    """Columns of white space after the last quotation mark."""
    return len(head.rpartition(">")[2].expandtabs(_CODE_INDENT))


def _is_indented_code(text: str, fence: re.Match[str]) -> bool:
    """Whether a fence stands four columns or more further in than the text, or the list item, it belongs to."""
    indent = _indent(fence[1])
    if indent < _CODE_INDENT or ">" in fence[1]:
        return False
    for line in reversed(text[max(0, fence.start() - _BEFORE) : fence.start()].splitlines()):
        body = line.lstrip()
        at = _indent(line[: len(line) - len(body)])
        if body and at < indent:
            item = _ITEM.match(line)
            return indent >= (len(item[0].expandtabs(_CODE_INDENT)) if item else at) + _CODE_INDENT
    return True


def _holds_code(text: str, opened: re.Match[str]) -> bool:
    """Whether code follows the fence: else it is one that closes, and the opening one is missing."""
    rest = text[opened.end() :]
    return bool(rest.strip()) and (bool(opened[3].strip()) or looks_like_code(rest))


def _closing(turn: Turn, opened: re.Match[str]) -> Edit:
    body = turn.text.rstrip()
    return turn.edit(len(body), len(body), f"\n{opened[1]}{opened[2]}")


class OpenThinkTag(RowRule, frozen=True):
    """A reasoning tag is opened and never closed.

    Inference code cuts the reasoning away between the tags: without the closing one it swallows the whole
    answer, and a model trained on this never leaves its reasoning.
    """

    code = "ANS007"
    literals = (
        "<think",
        "<reason",
        "<thought",
        "<reflect",
        "<scratchpad",
        "<|begin_of_thought|>",
        "<seed:think",
        "[think]",
    )
    GOOD = [
        chat(user="2+2?", assistant="<think>Two and two.</think>4"),
        chat(user="What does the tag do?", assistant="The `<think>` tag opens the reasoning."),
        chat(user="2+2?", assistant="<think>\n</think>\n\n<think>Again.</think>4"),
        chat(user="What are they?", assistant="Some models write inside <thinking> tags before the answer."),
    ]
    BAD = [
        Bad(chat(user="2+2?", assistant="<think>Two and two make four. The answer is 4."), at="messages[1].content"),
        Bad(chat(user="2+2?", assistant="<think>a</think>b<Thinking>c"), at="messages[1].content"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        for _, turn in example.taught():
            opened: dict[str, tuple[int, int]] = {}
            for tag in _TAG.finditer(turn.text):
                name = (tag["name"] or tag["mark"] or "think").lower()
                if tag["close"] or tag["end"] or tag["stop"]:
                    opened.pop(name, None)
                elif _NAMED.match(turn.text, tag.end()):
                    continue  # spoken of: "inside <thinking> tags"
                elif tag.start() == 0 or in_prose(turn.text, *tag.span()):
                    opened.setdefault(name, tag.span())
            for name, span in opened.items():
                yield turn.flag(f"<{name}> is never closed", span)


_NAMED = compiled_later(r"[\"'”’`]?\s(?:tags?|elements?|blocks?|sections?|markers?|tokens?)\b")
_TAG = compiled_later(
    r"<(?P<close>/)?(?P<name>think(?:ing)?|reason(?:ing)?|thoughts?|reflect(?:ion)?|scratchpad|seed:think)>"
    r"|<\|(?:begin|(?P<end>end))_of_(?P<mark>thought)\|>|\[(?P<stop>/)?THINK\]",
    re.I,
)

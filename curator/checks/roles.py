"""ROL: who speaks, in which order, and whether anything is said."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
import numpy as np

from curator import paths
from curator.columns import ROLE_CODES, Batch, Rows
from curator.model import Cut, Example, Fix, Flag, Turn, drop
from curator.rule import DROPPED, Bad, DatasetRule, RowRule, chat, option
from curator.text.hashed import distinct, mix

# Rows of these shapes hold no answer, or no turns, by their very nature.
ANSWERLESS = frozenset({"openai-rft", "prompt-only", "text", "tokenized"})
# Segments of one text, trained or not, and message trees, whose branches end where they end.
UNORDERED = ANSWERLESS | {"input-output", "oasst"}

_HELP = "You are a helpful assistant."
_BRIEF = "Answer in one sentence."


def _role_place(turn: Turn) -> str:
    """Where a fault of the order is shown: the turn object, or the text of a turn that is none."""
    return turn.base or turn.path


def _merge(turns: list[Turn]) -> Fix | None:
    """The texts of `turns` in the first of them, blank lines between; None where more than text would go."""
    if any(turn.calls or turn.media or turn.reasoning or turn.name or not turn.content for turn in turns):
        return None
    first, *others = turns
    if not all(turn.base and turn.weight == first.weight for turn in others):
        return None
    end = len(first.text)
    joined = first.edit(end, end, "".join(f"\n\n{turn.text}" for turn in others))
    return Fix("merge the turns", (joined, *(Cut(turn.base) for turn in others)))


class NoAssistantTurn(RowRule, frozen=True):
    """No turn is the assistant's.

    The loss is taken on what the assistant says, so the row trains nothing; several trainers stop
    with an error at such a row, others count it as an example and skip it in silence.
    """

    code = "ROL001"
    severity = "error"
    exempt = ANSWERLESS
    structural = True
    GOOD = [chat(user="What is 2+2?", assistant="4")]
    BAD = [
        Bad(chat(user="What is 2+2?"), at=""),
        Bad(chat(system=_HELP, user="What is 2+2?", user2="Please."), at=""),
        Bad(
            {
                "chosen": [{"role": "user", "content": "2+2?"}],
                "rejected": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "5"}],
            },
            at="",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in self.exempt:
            return
        if _unanswered(example.all_turns()):
            yield Flag("", "no turn of the assistant: nothing to learn from")
            return
        split = any(turn.base.startswith("chosen") for turn in example.turns)  # the prompt stands in both sides
        for name, side, other in (
            ("chosen", example.chosen, example.rejected),
            ("rejected", example.rejected, example.chosen),
        ):
            if _unanswered(side) or (split and other and not side):
                yield Flag("", f"no turn of the assistant in the {name} answer: nothing to compare")


def _unanswered(turns: Iterable[Turn]) -> bool:
    """Whether there are turns, and none of them may be the assistant's.

    One whose role is unknown or missing may be the answer: that is the fault to report there.
    """
    roles = {turn.role for turn in turns}
    return bool(roles) and "assistant" not in roles and roles <= _KNOWN


_KNOWN = {*ROLE_CODES, "developer"}
_HEAD = ("system", "developer")


class AssistantFirst(RowRule, frozen=True):
    """The assistant speaks before any user does.

    Templates that want the turns to alternate from a user turn on (Gemma, Mistral, Command-R) refuse
    the row or drop the opening; the others train an answer to nothing, which the model will not meet
    when it is used. The head of a long conversation cut in parts often looks like this.
    """

    code = "ROL002"
    exempt = UNORDERED
    structural = True
    GOOD = [
        chat(user="Hi", assistant="Hello, what can I do for you?"),
        chat(system=_HELP, user="Hi", assistant="Hello."),
    ]
    BAD = [
        Bad(chat(assistant="Hello, I am Ada.", user="Hi", assistant2="How are you?"), at="messages[0]"),
        Bad(chat(system=_HELP, assistant="Hello.", user="Hi", assistant2="Hm?"), at="messages[1]"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in self.exempt:
            return
        paired = bool(example.chosen or example.rejected)  # a pair may do without a prompt
        for side in example.sides():
            first = next((turn for turn in side if turn.role not in _HEAD), None)
            if first is None or first.role != "assistant":
                continue
            if not paired or any(turn.role == "user" for turn in side):
                yield Flag(_role_place(first), "the assistant speaks first, before any user turn")
                return


class EndsWithUser(RowRule, frozen=True):
    """The last turn is the user's: nobody answers it.

    What stands after the last answer carries no loss, so it is dead weight at best. Trainers that
    mask all but the last turn train the user's words instead, and some services refuse the file.
    """

    code = "ROL003"
    severity = "error"
    exempt = UNORDERED
    structural = True
    GOOD = [
        chat(user="Hi", assistant="Hello."),
        {
            "prompt": [{"role": "user", "content": "Hi"}],
            "chosen": [{"role": "assistant", "content": "Hello."}],
            "rejected": [{"role": "assistant", "content": "What?"}],
        },
    ]
    BAD = [
        Bad(
            chat(user="Hi", assistant="Hello.", user2="Tell me more."),
            at="messages[2]",
            fixed=chat(user="Hi", assistant="Hello."),
        ),
        Bad(
            chat(user="Hi", assistant="Hello.", user2="Tell me more.", user3="Please."),
            at="messages[2]",
            fixed=chat(user="Hi", assistant="Hello."),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in self.exempt:
            return
        for side in example.sides():
            if not side or side[-1].role != "user" or all(turn.role != "assistant" for turn in side):
                continue
            start = len(side)
            while side[start - 1].role == "user":
                start -= 1
            tail = side[start:]
            fix = None
            if all(turn.base for turn in tail):
                fix = Fix("drop what follows the last answer", tuple(Cut(turn.base) for turn in tail))
            yield Flag(_role_place(tail[0]), "the conversation ends with the user: nothing answers", fix=fix)


class RepeatedRole(RowRule, frozen=True):
    """Two turns in a row have the same speaker.

    Templates that want the turns to alternate refuse the row or glue the turns together without a
    sign between them; the others teach the model that a second answer follows its own first one.
    Results of parallel tool calls, and what follows a tool call, are no such case.
    """

    code = "ROL004"
    exempt = UNORDERED
    structural = True
    GOOD = [
        chat(user="Hi", assistant="Hello.", user2="How are you?", assistant2="Well."),
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "name": "ada", "content": "Hello."},
                {"role": "assistant", "name": "bob", "content": "Hello from me too."},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Hi"},
                {"role": "assistant", "channel": "analysis", "content": "A greeting."},
                {"role": "assistant", "channel": "final", "content": "Hello."},
            ]
        },
    ]
    BAD = [
        Bad(
            chat(user="Hi", user2="How are you?", assistant="Well."),
            at="messages[1]",
            fixed=chat(user="Hi\n\nHow are you?", assistant="Well."),
        ),
        Bad(
            chat(user="Hi", assistant="Hello.", assistant2="I am Ada.", assistant3="And you?"),
            at="messages[2]",
            fixed=chat(user="Hi", assistant="Hello.\n\nI am Ada.\n\nAnd you?"),
        ),
        Bad(
            {
                "messages": [
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Hello.", "weight": 0},
                    {"role": "assistant", "content": "I am Ada.", "weight": 1},
                ]
            },
            at="messages[2]",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in self.exempt:
            return
        seen = set()
        paired = bool(example.chosen or example.rejected)
        for side in example.sides():
            for run in _runs(side):
                place = _role_place(run[1])
                # A prompt told twice, in a column and in the answers, is no case of this; and the
                # turns of an implicit prompt stand in both answers, so that one place mends nothing.
                if place in seen or (paired and len({turn.base.partition("[")[0] for turn in run}) > 1):
                    continue
                if run[0].role == "user" and all(turn.role != "assistant" for turn in side):
                    continue  # the missing answer is the fault
                if paths.get(example.value, f"{run[0].base}.channel"):
                    continue  # one answer in several messages, one a channel
                seen.add(place)
                fix = None if paired else _merge(run)
                yield Flag(place, f"{len(run)} turns of the {run[0].role} in a row", fix=fix)


def _runs(turns: tuple[Turn, ...]) -> Iterator[list[Turn]]:
    """Runs of two or more turns of one speaker, tool calls and named speakers left out."""
    run: list[Turn] = []
    for turn in turns:
        ends = not run or turn.role != run[-1].role
        if ends or turn.calls or turn.name or run[-1].calls or run[-1].name:
            if len(run) > 1:
                yield run
            run = []
            if turn.role not in ("user", "assistant"):
                continue
        run.append(turn)
    if len(run) > 1:
        yield run


class SystemNotFirst(RowRule, frozen=True):
    """A system turn stands after the conversation has begun.

    Of the common chat templates one in nine drops such a turn in silence and one in six refuses the
    row; some move it to the top, in the place of the first one.
    """

    code = "ROL005"
    structural = True
    GOOD = [chat(system=_HELP, user="Hi", assistant="Hello."), chat(user="Hi", assistant="Hello.")]
    BAD = [
        Bad(chat(user="Hi", system=_HELP, assistant="Hello."), at="messages[1]"),
        Bad(
            chat(system=_HELP, user="Hi", assistant="Hello.", system2=_BRIEF, user2="Hm?", assistant2="Yes."),
            at="messages[3]",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        begun = False
        for turn in example.all_turns():
            if turn.role == "system" and begun:
                yield Flag(_role_place(turn), "a system turn stands after the conversation has begun")
                return
            begun = begun or turn.role not in _HEAD


class SeveralSystemTurns(RowRule, frozen=True):
    """More than one system turn opens the conversation.

    Of the common chat templates one in seven keeps only one of them and one in six refuses the row.
    """

    code = "ROL006"
    structural = True
    GOOD = [chat(system=_HELP, user="Hi", assistant="Hello.")]
    BAD = [
        Bad(
            chat(system=_HELP, system2=_BRIEF, user="Hi", assistant="Hello."),
            at="messages[1]",
            fixed=chat(system=f"{_HELP}\n\n{_BRIEF}", user="Hi", assistant="Hello."),
        )
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        head: list[Turn] = []
        for turn in example.turns:
            if turn.role not in _HEAD:
                break
            if turn.role == "system":
                head.append(turn)
        if len(head) > 1:
            message = f"{len(head)} system turns: many templates keep one"
            yield Flag(_role_place(head[1]), message, fix=_merge(head))


class EmptyTurn(RowRule, frozen=True):
    """A turn of the user or the assistant says nothing.

    An empty answer teaches the model to stop at once; an answer to an empty question teaches it to
    talk of whatever it likes. Spaces, non-breaking spaces and characters without width say nothing.
    """

    code = "ROL007"
    severity = "error"
    GOOD = [
        chat(system="", user="What is 2+2?", assistant="4"),
        {
            "messages": [
                {"role": "user", "content": "Time?"},
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "now", "arguments": "{}"}}],
                },
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}],
                },
                {"role": "assistant", "content": "A cat."},
            ]
        },
        {
            "messages": [
                {"role": "user", "content": "Write malware."},
                {"role": "assistant", "content": None, "refusal": "I will not."},
            ]
        },
    ]
    BAD = [
        Bad(chat(user="What is 2+2?", assistant="  \n"), at="messages[1].content", fixed=DROPPED),
        Bad(chat(user="\u00a0\u200b", assistant="4"), at="messages[0].content", fixed=DROPPED),
        Bad(
            {"messages": [{"role": "user", "content": []}, {"role": "assistant", "content": "4"}]},
            at="messages[0].content",
            fixed=DROPPED,
        ),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows with a text that begins and ends with a blank, or is empty."""
        texts = batch.texts
        data = np.frombuffer(texts.data, np.uint8)
        empty = texts.starts == texts.ends
        suspect = empty.copy()
        full = np.flatnonzero(~empty)
        blank = _BLANK_LEAD[data[texts.starts[full]]] & _BLANK_TAIL[data[texts.ends[full] - 1]]
        suspect[full[blank]] = True
        suspect &= (batch.roles == ROLE_CODES["user"]) | (batch.roles == ROLE_CODES["assistant"])
        return distinct(batch.turn_lines[suspect])

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape == "tokenized":
            return
        for turn in example.all_turns():
            if turn.role not in ("user", "assistant") or turn.calls or turn.media or not turn.content:
                continue  # a text that is missing altogether is a fault of the row's shape
            if not turn.text.strip(_BLANKS) and not (turn.text == "" and _unread_parts(turn, example)):
                yield turn.flag(f"the {turn.role} says nothing", fix=drop())


# White space, and characters that draw nothing: soft hyphen, zero-width and joiners, blank letters.
def _unread_parts(turn: Turn, example: Example) -> bool:
    """Whether the turn has parts of a kind that holds no text (a tool's result, say)."""
    parts = paths.get(example.value, turn.path)
    return isinstance(parts, list) and bool(parts) and not turn.pieces


_SPACES = (*range(0x09, 0x0E), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x3000)
_WIDTHLESS = (0xAD, 0x034F, 0x061C, 0x180E, *range(0x200B, 0x2010), *range(0x2028, 0x2030), *range(0x205F, 0x2070))
_HOLLOW = (0x115F, 0x1160, 0x2800, 0x3164, 0xFEFF, 0xFFA0)
_BLANKS = "".join(map(chr, (*_SPACES, *_WIDTHLESS, *_HOLLOW)))
_BLANK_LEAD = np.zeros(256, dtype=bool)
_BLANK_LEAD[[blank.encode()[0] for blank in _BLANKS]] = True
_BLANK_TAIL = np.zeros(256, dtype=bool)
_BLANK_TAIL[[blank.encode()[-1] for blank in _BLANKS]] = True


class RepeatedTurn(RowRule, frozen=True):
    """One long text stands twice in the same conversation, said by the same speaker.

    It comes from a retry that was logged, or from a model that was stuck; trained on, the model
    learns to give the same answer again instead of going on.
    """

    code = "ROL008"
    GOOD = [
        chat(user="Ping?", assistant="Pong.", user2="Ping?", assistant2="Pong."),
        chat(user="Name a fruit that is red, sweet and grows on trees in the north.", assistant="The apple."),
    ]
    BAD = [
        Bad(
            chat(
                user="How do I reset the device?",
                assistant="Hold the power button for ten seconds until the light turns red, then let go, wait for the light to turn green, and sign in again.",
                user2="That did not work.",
                assistant2="Hold the power button for ten seconds until the light turns red, then let go, wait for the light to turn green, and sign in again.",
            ),
            at="messages[3].content",
        ),
        Bad(
            chat(user="Ping now?", assistant="Pong now.", user2="And?", assistant2="Pong now."),
            at="messages[3].content",
            options={"min_chars": 9},
        ),
    ]

    min_chars: Annotated[int, option("Shorter turns may be said twice.", ge=1)] = 120

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows in which two long turns of one role are of one size."""
        sizes = batch.texts.ends - batch.texts.starts
        long = np.flatnonzero(sizes >= self.min_chars)
        keys = np.stack((batch.turn_lines[long], batch.roles[long].astype(np.int64), sizes[long]))
        order = np.lexsort(keys)
        same = (keys[:, order[1:]] == keys[:, order[:-1]]).all(axis=0)
        return distinct(keys[0, order[1:][same]])

    def check(self, example: Example) -> Iterator[Flag]:
        seen = set()
        for turn in example.turns + example.chosen:
            if turn.role not in ("user", "assistant") or len(turn.text) < self.min_chars:
                continue
            if (turn.role, turn.text) in seen:
                yield turn.flag(f"the {turn.role} says word for word what was said before")
                return
            seen.add((turn.role, turn.text))


class SystemPromptVariants(DatasetRule, frozen=True):
    """Most rows have one system prompt, and some have it in slightly other words.

    The model learns that a comma more or less in the system prompt means nothing, or worse, that
    it means something. Prompts that are filled in row by row (a date, a name) are not meant.
    """

    code = "ROL009"
    severity = "info"
    GOOD = [
        [chat(system=_HELP, user=f"{n}+1?", assistant=str(n + 1)) for n in range(9)],
        [
            chat(system=f"You are a helpful assistant. Today is day {n}.", user="Hi", assistant="Hello.")
            for n in range(9)
        ],
        [
            chat(system=text, user="Hi", assistant="Hello.")
            for text in ("You translate to French.", "You grade essays.") * 4
        ],
    ]
    BAD = [
        Bad(
            [chat(system=_HELP, user=f"{n}+1?", assistant=str(n + 1)) for n in range(4)]
            + [chat(system="You are an helpful assistant", user="Hi", assistant="Hello.")],
            at="4:messages[0].content",
        ),
        Bad(
            [chat(system="Answer in French, please.", user=f"{n}+1?", assistant=str(n + 1)) for n in range(4)]
            + [chat(system="Answer in French, if you can.", user="Hi", assistant="Hello.")],
            at="4:messages[0].content",
            options={"similarity": 0.6},
        ),
    ]

    similarity: Annotated[float, option("Prompts at least this alike are variants (0 to 1).", gt=0, le=1)] = 0.9

    def sketch(self, batch: Batch) -> np.ndarray:
        """(hash of the system prompt, smallest word hashes under four mixings); shape (lines, 5), uint64."""
        out = np.zeros((len(batch.lines), 5), dtype=np.uint64)
        places = np.flatnonzero(batch.roles == ROLE_CODES["system"])
        places = places[np.diff(batch.turn_lines[places], prepend=-1) > 0]
        texts = [batch.turns[place].text for place in places.tolist()]
        worded = np.array([bool(text.strip()) for text in texts], dtype=bool)
        out[batch.turn_lines[places[worded]]] = _prompt_sketches(batch, places[worded], [t for t in texts if t.strip()])
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        have = np.flatnonzero(sketches[:, 0])
        _, firsts, counts = np.unique(sketches[have, 0], return_index=True, return_counts=True)
        firsts = have[firsts]
        rank = np.lexsort((firsts, -counts))
        firsts, counts = firsts[rank], counts[rank]
        for group in _alike(sketches[firsts, 1:]):
            yield from self._judged(group, firsts, counts, sketches[:, 0], rows)

    def _judged(
        self, group: list[int], firsts: np.ndarray, counts: np.ndarray, prompts: np.ndarray, rows: Rows
    ) -> Iterator[tuple[int, Flag]]:
        """One flag for a main prompt and its near twins, where the main one is clearly the main one."""
        from rapidfuzz.distance import Levenshtein

        main, *others = group
        texts = {number: _system_turn(rows.example(int(firsts[number]))) for number in group[:_MOST_VARIANTS]}
        wanted = texts[main].text
        variants = [
            number
            for number in others
            if number in texts
            and _unnumbered(texts[number].text) != _unnumbered(wanted)
            and Levenshtein.normalized_similarity(wanted, texts[number].text) >= self.similarity
        ]
        spread = int(counts[variants].sum())
        if not variants or counts[main] < 3 or counts[main] < spread or len(others) >= _MOST_VARIANTS:
            return
        turn = texts[min(variants, key=firsts.__getitem__)]
        ways = "another wording" if len(variants) == 1 else f"{len(variants)} other wordings"
        rows_with = f"{spread} row{'s' * (spread > 1)} in"
        message = f"{rows_with} {ways} of a system prompt that {counts[main]} rows have"
        evidence = {"main": int(counts[main]), "variants": [int(counts[number]) for number in variants]}
        first, *others = np.flatnonzero(np.isin(prompts, prompts[firsts[variants]])).tolist()
        flag = turn.flag(message, related=(int(firsts[main]), *others), evidence=evidence)
        yield first, msgspec.structs.replace(flag, about=f"{prompts[firsts[main]]:x}")


_MOST_VARIANTS = 40  # beyond, a prompt is a form that is filled in
_SALTS = tuple(np.uint64(salt) for salt in (0, 0x9E3779B97F4A7C15, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7))


def _prompt_sketches(batch: Batch, places: np.ndarray, texts: list[str]) -> np.ndarray:
    """uint64, shape (texts, 5): what `SystemPromptVariants.sketch` keeps of each of these turns."""
    exact = {
        text: int.from_bytes(hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big") or 1
        for text in set(texts)
    }
    out = np.repeat(np.array([exact[text] for text in texts], dtype=np.uint64)[:, None], 5, axis=1)
    hashes, offsets = batch.words.hashes, batch.words.offsets
    have = np.flatnonzero(offsets[places + 1] > offsets[places])
    if len(have):
        sizes = np.diff(offsets)[places[have]]
        starts = np.cumsum(sizes) - sizes
        within = np.arange(sizes.sum()) - np.repeat(starts, sizes)
        words = hashes[np.repeat(offsets[places[have]], sizes) + within]
        for slot, salt in enumerate(_SALTS, 1):
            out[have, slot] = np.minimum.reduceat(mix(words ^ salt), starts)
    return out


def _alike(sketches: np.ndarray) -> Iterator[list[int]]:
    """Groups of prompts that share a sketch value, each led by its first (most frequent) member.

    A prompt joins the first leader it meets, so no chain of likenesses links two that differ.
    """
    leaders: dict[tuple[int, int], int] = {}
    groups: dict[int, list[int]] = {}
    for number, slots in enumerate(sketches.tolist()):
        leader = next((leaders[key] for key in enumerate(slots) if key in leaders), number)
        groups.setdefault(leader, []).append(number)
        if leader == number:
            for key in enumerate(slots):
                leaders.setdefault(key, number)
    yield from (group for group in groups.values() if len(group) > 1)


def _system_turn(example: Example) -> Turn:
    return next(turn for turn in example.all_turns() if turn.role == "system")


def _unnumbered(text: str) -> str:
    """The text with every digit as 0: what is left when dates and numbers are filled in."""
    return "".join("0" if char.isdigit() else char for char in text)


class TooManyTurns(RowRule, frozen=True):
    """A conversation has an unusual number of turns.

    Its end will be cut off at the trainer's length limit, and one row weighs as much in the loss as
    dozens of others.
    """

    code = "ROL010"
    severity = "info"
    structural = True
    GOOD = [chat(user="Hi", assistant="Hello.")]
    BAD = [
        Bad(
            chat(user="Hi", assistant="Hello.", user2="How are you?", assistant2="Well."),
            at="",
            options={"most": 3},
        ),
    ]

    most: Annotated[int, option("Conversations with more turns are flagged.", ge=1)] = 100

    def check(self, example: Example) -> Iterator[Flag]:
        turns = max(map(len, example.sides()))
        if turns > self.most:
            yield Flag("", f"{turns} turns")

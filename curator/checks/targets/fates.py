"""What a trainer does with a row without an error: drops it, leaves an answer untrained, or misreads it.

The profile names the trainer's own rules in a closed set of words; each word is a function here. Lengths
are counted in the turns' own tokens, without the markers of a chat template: a row within a few tokens of
the limit may fall on its other side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np

from curator.checks.targets.refusals import Target, inside, often, profile_of
from curator.columns import Batch, Rows, distinct
from curator.content import definitions, turn_parts
from curator.model import Example, Flag, Turn
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.targets import Behaviour, Profile, Tokens, When
from curator.tokens import Tokenizer

Effect = Literal["dropped", "lost", "misread"]

_HELLO = chat(user="Hi", assistant="Hello.")
_CHATS = ("openai-chat", "sharegpt", "anthropic-bedrock")


# ---------------------------------------------------------------------- what trainers look at
# Each takes a row and gives the path of what the trainer stumbles over, None where it does not.


def _unpaired(example: Example) -> tuple[list[Turn], Turn | None]:
    """(the turns as LLaMA-Factory pairs them, the first that stands at a place of the other kind).

    A system prompt at the start stands apart. Tool results of one step count as one turn in
    openai-chat, and those at the very end are never added.
    """
    said = inside(example.turns)
    said = said[1:] if said and said[0].role == "system" else said
    merges = example.shape == "openai-chat"
    paired: list[Turn] = []
    for number, turn in enumerate(said):
        following = said[number + 1 : number + 2]
        if merges and turn.role == "tool" and (not following or following[0].role == "tool"):
            continue
        paired.append(turn)
    kinds = (("user", "tool"), ("assistant",))
    wrong = next((turn for n, turn in enumerate(paired) if turn.role not in kinds[n % 2]), None)
    return paired, wrong


def _not_alternating(example: Example) -> str | None:
    wrong = _unpaired(example)[1]
    return None if wrong is None else wrong.base or wrong.path


def _odd_number(example: Example) -> str | None:
    paired, wrong = _unpaired(example)
    return paired[-1].base or paired[-1].path if wrong is None and len(paired) % 2 else None


def _even_number(example: Example) -> str | None:
    if not _listed(example):
        return None
    paired, wrong = _unpaired(example)
    return (paired[-1].base if paired else "") if wrong is None and len(paired) % 2 == 0 else None


def _listed(example: Example) -> bool:
    """Whether a preference row holds a list of messages before its pair."""
    return any(type(example.value.get(key)) is list for key in ("messages", "conversations"))


def _pair_of_another_form(example: Example) -> str | None:
    """The side of a pair that is no single message beside a conversation, or no text beside an instruction."""
    wanted = dict if _listed(example) else str
    for key in ("chosen", "rejected"):
        if key in example.value and type(example.value[key]) is not wanted:
            return key
    return None


def _no_text(example: Example) -> str | None:
    answers = example.answers
    return None if any(turn.content for turn in answers) else answers[-1].path if answers else ""


def _no_answer(example: Example) -> str | None:
    return "" if example.shape in _CHATS and not example.answers else None


def _two_shapes(example: Example) -> str | None:
    return "" if example.shape == "openai-chat" and {"prompt", "completion"} <= example.value.keys() else None


def _messages_as_text(example: Example) -> str | None:
    value = example.value
    return next((key for key in ("prompt", "completion") if type(value.get(key)) is list), None)


def _foreign_roles(example: Example) -> str | None:
    for turn in example.turns:
        if turn.base.endswith("]") and turn.said not in ("system", "user", "assistant", "tool"):
            return f"{turn.base}.from"
    return None


def _earlier_answers(example: Example) -> str | None:
    answers = [turn for turn in example.turns if turn.role == "assistant"]
    return answers[0].path if len(answers) > 1 else None


def _earlier_answers_with_tools(example: Example) -> str | None:
    return _earlier_answers(example) if example.tools else None


_LOOKS: dict[When, Callable[[Example], str | None]] = {
    "answer-is-no-text": _no_text,
    "columns-of-two-shapes": _two_shapes,
    "earlier-answers-masked": _earlier_answers,
    "earlier-answers-masked-with-tools": _earlier_answers_with_tools,
    "even-number-of-turns": _even_number,
    "messages-as-text": _messages_as_text,
    "no-answer-trained": _no_answer,
    "odd-number-of-turns": _odd_number,
    "pair-of-another-form": _pair_of_another_form,
    "roles-kept-as-written": _foreign_roles,
    "turns-do-not-alternate": _not_alternating,
}


def struck(profile: Profile, effect: str, example: Example) -> tuple[int, str] | None:
    """(number of the first behaviour of that effect that strikes the row, path of what it strikes)."""
    if profile.reads(example):
        for number, behaviour in enumerate(profile.behaviour):
            look = _LOOKS.get(behaviour.when)
            if look is None or behaviour.effect != effect or not _of_shape(behaviour, example):
                continue
            if (at := look(example)) is not None:
                return number, at
    return None


def _of_shape(behaviour: Behaviour, example: Example) -> bool:
    return not behaviour.shapes or example.shape in behaviour.shapes


# ---------------------------------------------------------------------- length


class Cut(NamedTuple):
    """What a limit of tokens does to a row."""

    effect: Effect
    tokens: int  # of the row where it is dropped for its length, else before the answer
    turn: int  # number of the first answer that is lost, -1 where the row is dropped


def cut_row(profile: Profile, limit: Tokens, most: int, example: Example, tokenizer: Tokenizer) -> Cut | None:
    """What the target does to a row at `most` tokens; None where every answer keeps a trained token."""
    if example.chosen or example.rejected or example.shape == "tokenized":
        return None
    sizes = [sum(tokenizer.count(turn_parts([turn]))) for turn in example.turns]
    declared = sum(tokenizer.count(definitions(example)))
    total = declared + sum(sizes)
    if total <= most:
        return None
    if limit.over == "dropped":
        return Cut("dropped", total, -1)
    if limit.over == "shared":
        return _shared(example.turns, sizes, declared, most)
    if limit.over == "cut":
        return _cut_at_the_end(profile, example, sizes, declared, most)
    return None


def _cut_at_the_end(profile: Profile, example: Example, sizes: list[int], declared: int, most: int) -> Cut | None:
    """The first tokens are kept. Rows without a trained token are filtered where the prompt is masked."""
    before = declared
    for number, (turn, size) in enumerate(zip(example.turns, sizes, strict=True)):
        if turn.role == "assistant" and before >= most:
            masked = profile.loss == "completion" and example.shape == "prompt-completion"
            return Cut("dropped", before, -1) if masked else Cut("lost", before, number)
        before += size
    return None


def _shared(turns: Iterable[Turn], sizes: list[int], declared: int, most: int) -> Cut | None:
    """LLaMA-Factory: pairs of source and target, each cut to a share of what the pairs before it left."""
    used, source = 0, declared
    for number, (turn, target) in enumerate(zip(turns, sizes, strict=True)):
        if turn.role != "assistant":
            source += target
            continue
        left = most - used
        kept_source, kept_target = _shares(source, target, left)
        if left <= 0 or (target and not kept_target):
            return Cut("lost", used + source, number)
        used += kept_source + kept_target
        source = 0
    return None


def _shares(source: int, target: int, room: int) -> tuple[int, int]:
    """How many tokens of a pair are kept: the shorter half whole, where it takes less than half of the room."""
    if target * 2 < room:
        most = room
    elif source * 2 < room:
        most = room - source
    else:
        most = int(room * (target / (source + target)))
    kept = min(most, target)
    return min(max(room - kept, 0), source), kept


# ---------------------------------------------------------------------- the rules

_LENGTH = 255  # in a sketch: struck by the limit of tokens, not by a behaviour


class _Fate(DatasetRule, frozen=True):
    """A rule on one of the effects a target has on rows."""

    needs = "target"
    effect: ClassVar[Effect]
    verb: ClassVar[str]

    target: Target = ""

    def most(self, profile: Profile) -> int:
        """Tokens that a row may have."""
        return profile.tokens.most if profile.tokens else 0

    def sketch(self, batch: Batch) -> np.ndarray:
        """(1 + number of the behaviour or _LENGTH, tokens, turn, keys of a row that is read); shape (lines, 4), int32."""
        out = np.zeros((len(batch.lines), 4), dtype=np.int32)
        profile = profile_of(self.target)
        if profile is None:
            return out
        if any(behaviour.effect == self.effect for behaviour in profile.behaviour):
            for group in batch.structures.values():
                if hit := struck(profile, self.effect, batch.example(group[0])):
                    out[group, 0] = 1 + hit[0]
            read = [line for line in batch.readable if profile.reads(batch.example(line))]
            out[read, 3] = [len(batch.values[line]) for line in read]
        for line, cut in self._long(batch, profile):
            if cut.effect == self.effect and not out[line, 0]:
                out[line, :3] = _LENGTH, cut.tokens, cut.turn
        return out

    def _long(self, batch: Batch, profile: Profile) -> Iterator[tuple[int, Cut]]:
        """The rows over the limit that the limit strikes."""
        limit, most = profile.tokens, self.most(profile)
        if limit is None or not most or limit.over == "refused":
            return
        sizes = np.fromiter(map(len, batch.lines), np.int64, len(batch.lines))  # a token is a byte at least
        for line in np.flatnonzero(sizes > most).tolist():
            example = batch.examples[line]
            if example is None or not profile.reads(example):
                continue
            if batch.row_tokens[line] > most and (cut := cut_row(profile, limit, most, example, batch.tokenizer)):
                yield line, cut

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        if profile is None:
            return
        for line in np.flatnonzero(sketches[:, 0]).tolist():
            number, tokens, turn, _ = sketches[line].tolist()
            example = rows.example(line)
            if number == _LENGTH:
                at = "" if turn < 0 else example.turns[turn].path
                yield line, self._by_length(profile, at, tokens)
            elif hit := struck(profile, self.effect, example):
                yield line, self._flag(profile, profile.behaviour[hit[0]].by, hit[1])

    def _flag(self, profile: Profile, by: str, at: str = "") -> Flag:
        return Flag(at, f"{profile.title} {self.verb}: {by}", evidence={"effect": self.effect, "by": by})

    def _by_length(self, profile: Profile, at: str, tokens: int) -> Flag:
        limit = profile.tokens
        assert limit is not None, "only a limit of tokens strikes by length"
        most = self.most(profile)
        whole = limit.over == "dropped"
        what = f"{tokens:,} tokens" if whole else f"{tokens:,} tokens before the answer"
        named = f"{limit.setting} {most:,}" if limit.setting else f"limit {most:,}"
        message = f"{profile.title} {self.verb}: {what}, {named}; {limit.by}"
        return Flag(at, message, evidence={"effect": self.effect, "by": limit.by, "tokens": tokens, "limit": most})


_LONG = chat(user="Say it again and again. " * 8, assistant="It rains.")
_LONG_PAIR: Row = {"prompt": "Say it again and again. " * 8, "completion": "It rains."}
_MOST = "Tokens a row may have, in place of the target's; 0: as many as the target says."


class RowDroppedInSilence(_Fate, frozen=True):
    """The trainer leaves the row out, with a line in its log or none.

    The run goes on without it and nobody sees that it is gone: an epoch is shorter than the set, and what
    only such rows teach is not learned.
    """

    code = "TGT010"
    effect = "dropped"
    verb = "drops the row"
    GOOD = [[_HELLO]]
    BAD = [
        Bad(
            [
                {"conversations": [{"from": "gpt", "value": "Hello."}, {"from": "human", "value": "Hi"}]},
                {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]},
            ],
            at="0:conversations[0]",
            options={"target": "llama-factory"},
        ),
        Bad(
            [chat(user="Hi", assistant="Hello.", user2="Bye")], at="0:messages[2]", options={"target": "llama-factory"}
        ),
        Bad(
            [{"instruction": "Add 2 and 2.", "input": "", "output": 4}],
            at="0:output",
            options={"target": "llama-factory"},
        ),
        Bad(
            [
                {
                    "instruction": "Hi",
                    "chosen": {"from": "gpt", "value": "Hello."},
                    "rejected": {"from": "gpt", "value": "No."},
                }
            ],
            at="0:chosen",
            options={"target": "llama-factory"},
        ),
        Bad([_LONG_PAIR, {"prompt": "2+2?", "completion": "4"}], at="0:", options={"target": "trl", "max_tokens": 30}),
        Bad([_HELLO, _LONG], at="1:", options={"target": "axolotl", "max_tokens": 30}),
        Bad([_HELLO] * 5, at=("3:", "4:"), options={"target": "mlx", "batch": 3}),
    ]

    max_tokens: Annotated[int, option(_MOST, ge=0)] = 0
    batch: Annotated[int, option("Rows of a batch, in place of the target's; 0: as many as it says.", ge=0)] = 0

    def most(self, profile: Profile) -> int:
        return self.max_tokens or super().most(profile)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        told = set()
        for line, flag in super().check(sketches, rows):
            told.add(line)
            yield line, flag
        for behaviour in profile.behaviour if profile else ():
            if behaviour.when == "beyond-last-batch" and profile is not None:
                left = _left_over(sketches[:, 3], rows, self.batch or behaviour.batch)
                yield from ((line, self._flag(profile, behaviour.by)) for line in left if line not in told)


def _left_over(keys: np.ndarray, rows: Rows, batch: int) -> list[int]:
    """The training rows that fill no batch: mlx-lm sorts rows by their number of keys and takes whole batches."""
    lines = np.flatnonzero((keys > 0) & (rows.splits != 1) & (rows.splits != 2))
    if len(lines) < batch or not len(lines) % batch:
        return []
    ordered = lines[np.argsort(keys[lines], kind="stable")]
    return sorted(ordered[len(lines) - len(lines) % batch :].tolist())


class AnswerLostInSilence(_Fate, frozen=True):
    """An answer of the row is not trained: it lies beyond the limit of tokens, or under the mask.

    The row stays in the set and counts as trained. What the loss is taken on is its prompt, or nothing.
    """

    code = "TGT013"
    effect = "lost"
    verb = "loses an answer of the row"
    GOOD = [[_HELLO]]
    BAD = [
        Bad([_HELLO, _LONG], at="1:messages[1].content", options={"target": "trl", "max_tokens": 30}),
        Bad(
            [
                {
                    **chat(user="Hi", assistant="Hello.", user2="How warm is it?", assistant2="Ten degrees."),
                    "tools": [{"type": "function", "function": {"name": "warmth", "parameters": {"type": "object"}}}],
                }
            ],
            at="0:messages[1].content",
            options={"target": "mistral"},
        ),
    ]

    max_tokens: Annotated[int, option(_MOST, ge=0)] = 0

    def most(self, profile: Profile) -> int:
        return self.max_tokens or super().most(profile)


class RowMisread(_Fate, frozen=True):
    """The trainer reads the row as something else than it says.

    Other columns than the ones meant, roles that its template does not know, a list where it takes text:
    the run goes on and the model learns something nobody wrote.
    """

    code = "TGT014"
    effect = "misread"
    verb = "misreads the row"
    GOOD = [[_HELLO]]
    BAD = [
        Bad(
            [{"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]}] * 9,
            at="0:conversations[0].from",
            options={"target": "trl"},
        ),
        Bad(
            [{"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Yes"}]}],
            at="0:prompt",
            options={"target": "mlx"},
        ),
        Bad([{**_HELLO, "prompt": "2+2?", "completion": "4"}], at="0:", options={"target": "mlx"}),
    ]

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        """What half of the rows share is told once."""
        single = sketches.copy()
        alike: dict[int, np.ndarray] = {}  # the rows that share a fault, by the first of them
        for kind in distinct(sketches[sketches[:, 0] > 0, 0]):
            found = np.flatnonzero(sketches[:, 0] == kind)
            if often(len(found), rows):
                alike[int(found[0])] = found
                single[found[1:], 0] = 0
        for line, flag in super().check(single, rows):
            if (found := alike.get(line, _NONE)).size:
                message = f"{flag.message} ({len(found):,} rows alike)"
                evidence = {**flag.evidence, "rows": len(found)}
                yield line, Flag(flag.at, message, related=tuple(found[1:20].tolist()), evidence=evidence)
            else:
                yield line, flag


_NONE = np.empty(0, np.int64)

"""What a trainer does with a row without an error: drops it, leaves an answer untrained, or misreads it.

The profile names the trainer's own rules in a closed set of words; each word is a function here. Lengths are
those of the rendered row where a chat template is named. Where none is, they are those of its texts, and the
markers of the template come on top: some five tokens a turn, so that a row just below a limit is not told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, ClassVar, Literal, NamedTuple

import numpy as np

from curator.checks.fit import Look
from curator.checks.fit.sizes import of_strings, rendered_sides, sized
from curator.checks.length import Lengths
from curator.checks.targets.refusal import Target, often, profile_of
from curator.checks.targets.roles import inside
from curator.columns import Batch, Rows
from curator.model import Example, Flag, Turn
from curator.paths import get
from curator.rule import Bad, DatasetRule, Row, chat, option
from curator.targets import Behaviour, Profile, Tokens, When
from curator.text.content import definitions, token_ids, turn_parts
from curator.text.hashed import distinct
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
    if not paired and _listed(example):
        return ""
    return paired[-1].base or paired[-1].path if wrong is None and len(paired) % 2 else None


def _even_number(example: Example) -> str | None:
    if not _listed(example):
        return None
    paired, wrong = _unpaired(example)
    return (paired[-1].base if paired else "") if wrong is None and len(paired) % 2 == 0 else None


def _listed(example: Example) -> bool:
    """Whether a row holds a list of messages, as a preference row does before its pair."""
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
    """Nothing is said by a role that axolotl trains; rows without any turn stop it."""
    if example.shape not in _CHATS or not example.turns:
        return None
    return None if any(turn.said in _TRAINED and _says(example, turn) for turn in example.turns) else ""


_TRAINED = ("assistant", "gpt")  # the default for roles_to_train, and its other name


def _says(example: Example, turn: Turn) -> bool:
    """Whether anything of the turn is rendered; a number is."""
    if turn.text.strip() or turn.calls or turn.reasoning or turn.media:
        return True
    return not turn.content and get(example.value, turn.path, None) is not None


def _untrained_role(example: Example) -> str | None:
    """An answer by another name, in a row with one that is trained."""
    if example.shape not in _CHATS or _no_answer(example) is not None:
        return None
    others = (turn for turn in example.turns if turn.role == "assistant" and turn.said not in _TRAINED)
    return next((turn.base or turn.path for turn in others if _says(example, turn)), None)


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
    "untrained-role": _untrained_role,
}


def struck(profile: Profile, effect: str, example: Example) -> tuple[int, str] | None:
    """(number of the first behaviour of that effect that strikes the row, path of what it strikes)."""
    if profile.reads(example) and not _stops(profile, example):
        for number, behaviour in enumerate(profile.behaviour):
            look = _LOOKS.get(behaviour.when)
            if look is None or behaviour.effect != effect or not _of_shape(behaviour, example):
                continue
            if (at := look(example)) is not None:
                return number, at
    return None


def _stops(profile: Profile, example: Example) -> bool:
    """Whether the run stops at the row, so that nothing happens to it in silence."""
    roles = profile.roles_of(example.shape)
    return bool(roles) and any(turn.said not in roles for turn in inside(example.turns))


def _of_shape(behaviour: Behaviour, example: Example) -> bool:
    return not behaviour.shapes or example.shape in behaviour.shapes


# ---------------------------------------------------------------------- length


_NO_TURN = -1


class Cut(NamedTuple):
    """What a limit of tokens does to a row."""

    effect: Effect
    tokens: int  # of the row where it is dropped for its length, else before the answer
    turn: int  # number of the first answer that is lost, -1 where the row is dropped


class Answer(NamedTuple):
    """An answer of a row as it is trained: the number of its turn, tokens before it, and its own."""

    turn: int
    before: int
    size: int


class Measured(NamedTuple):
    """The lengths of a row in tokens; `prompt` is what stands before the first answer of the pair or the last one."""

    total: int
    prompt: int
    answers: tuple[Answer, ...]


def measured(profile: Profile, example: Example, tokenizer: Tokenizer, template: str) -> Measured:
    """The row as the trainer counts it: rendered where a template is named, else by its texts alone."""
    strings = _bare(profile, example)
    sides = [_rendered_side(look, tokenizer) for look in rendered_sides(example, "" if strings else template)]
    return max(sides or (_bare_side(example, turns, tokenizer) for turns in example.sides()), key=_total)


def _bare(profile: Profile, example: Example) -> bool:
    """Whether a row is of strings, around which the trainer puts no chat template."""
    return profile.templated == "messages" and of_strings(example)


def _total(found: Measured) -> int:
    return found.total


def _rendered_side(look: Look, tokenizer: Tokenizer) -> Measured:
    found = sized(look, tokenizer)
    spans = sorted(look.seen.trained)
    answers = tuple(Answer(_turn_at(look, span), found.within((0, span[0])), found.within(span)) for span in spans)
    return Measured(len(found.starts), _prompt(answers, look.example), answers)


def _turn_at(look: Look, span: tuple[int, int]) -> int:
    """The number of the turn whose text stands in the span."""
    within = [key[0] for key, (low, high) in look.seen.places.items() if span[0] <= low and high <= span[1]]
    return min(within, default=len(look.said.turns) - 1)


def _bare_side(example: Example, turns: Sequence[Turn], tokenizer: Tokenizer) -> Measured:
    if ids := token_ids(example):
        runs = tuple(Answer(_NO_TURN, start, end - start) for start, end, trained in ids.runs() if trained)
        return Measured(ids.tokens, _prompt(runs, example), runs)
    at = sum(tokenizer.count(definitions(example)))
    answers = []
    for number, turn in enumerate(turns):
        size = sum(tokenizer.count(turn_parts([turn])))
        if turn.role == "assistant":
            answers.append(Answer(number, at, size))
        at += size
    return Measured(at, _prompt(answers, example), tuple(answers))


def _prompt(answers: Sequence[Answer], example: Example) -> int:
    """Tokens before the first answer of a pair, else before the last answer."""
    pair = [answer.before for answer in answers if answer.turn >= len(example.turns)]
    return pair[0] if pair else answers[-1].before if answers else 0


def cut_row(
    profile: Profile, limit: Tokens, most: int, example: Example, tokenizer: Tokenizer, template: str = ""
) -> Cut | None:
    """What the target does to a row at `most` tokens; None where every answer keeps a trained token.

    Of pairs it is known where a limit names their shape.
    """
    paired = bool(example.chosen or example.rejected) and example.shape not in limit.shapes
    if paired or limit.over == "kept":
        return None
    found = measured(profile, example, tokenizer, template)
    if limit.end_token and _bare(profile, example):
        found = found._replace(total=found.total + 1)
    if found.total <= most:
        return None
    if limit.over == "dropped":
        return Cut("dropped", found.total, -1)
    if limit.over == "prompt":
        return Cut("dropped", found.prompt, -1) if found.prompt >= most else None
    if limit.over == "shared":
        return _shared(found, most)
    if limit.over == "cut":
        return _cut_at_the_end(profile, example, found, most)
    return None


def _cut_at_the_end(profile: Profile, example: Example, found: Measured, most: int) -> Cut | None:
    """The first tokens are kept. Rows without a trained token are filtered where the prompt is masked."""
    for answer in found.answers:
        if answer.before >= most:
            nothing = example.shape == "prompt-completion" or (token_ids(example) and answer is found.answers[0])
            masked = profile.loss == "completion" and nothing
            return Cut("dropped", answer.before, -1) if masked else Cut("lost", answer.before, answer.turn)
    return None


def _shared(found: Measured, most: int) -> Cut | None:
    """LLaMA-Factory: pairs of source and target, each cut to a share of what the pairs before it left."""
    used = at = 0
    for answer in found.answers:
        source = answer.before - at
        left = most - used
        kept_source, kept_target = _shares(source, answer.size, left)
        if left <= 0 or (answer.size and not kept_target):
            return Cut("lost", used + source, answer.turn)
        used += kept_source + kept_target
        at = answer.before + answer.size
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

    def most(self, limit: Tokens) -> int:
        """Tokens that a row may have."""
        return limit.most

    def rendered(self) -> str:
        """The chat template by which tokens are counted, "" for none."""
        return ""

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
        if profile.tokens is None or profile.tokens.over == "refused" or self.effect == "misread":
            return
        template = self.rendered()
        for line in self._near(batch, profile, template):
            example = batch.example(line)
            limit = profile.tokens_of(example.shape)
            if limit is None or not profile.reads(example):
                continue
            if cut := cut_row(profile, limit, self.most(limit), example, batch.tokenizer, template):
                yield line, cut

    def _near(self, batch: Batch, profile: Profile, template: str) -> list[int]:
        """The readable rows that may be longer than the least of the limits."""
        limits = [limit for limit in (*profile.limits, profile.tokens) if limit and limit.over != "kept"]
        if not limits:
            return []
        most = min(self.most(limit) - limit.end_token for limit in limits)
        if template:
            return Lengths(template).near(batch, most)
        return [line for line in np.flatnonzero(batch.row_tokens > most).tolist() if batch.examples[line] is not None]

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        if profile is None:
            return
        for line in np.flatnonzero(sketches[:, 0]).tolist():
            number, tokens, turn, _ = sketches[line].tolist()
            example = rows.example(line)
            if number == _LENGTH:
                at = "" if turn < 0 else example.turns[turn].path
                yield line, self._by_length(profile, example, at, tokens)
            elif hit := struck(profile, self.effect, example):
                yield line, self._flag(profile, profile.behaviour[hit[0]].by, hit[1])

    def _flag(self, profile: Profile, by: str, at: str = "") -> Flag:
        return Flag(at, f"{profile.title} {self.verb}: {by}", evidence={"effect": self.effect, "by": by})

    def _by_length(self, profile: Profile, example: Example, at: str, tokens: int) -> Flag:
        limit = profile.tokens_of(example.shape)
        assert limit is not None, "only a limit of tokens strikes by length"
        most = self.most(limit)
        whole = limit.over == "dropped"
        what = f"{tokens:,} tokens" if whole else f"{tokens:,} tokens before the answer"
        if not (self.rendered() or _bare(profile, example) or token_ids(example)):
            what += ", those of a chat template not counted"
        named = f"{limit.setting} {most:,}" if limit.setting else f"limit {most:,}"
        message = f"{limit.title or profile.title} {self.verb}: {what}, {named}; {limit.by}"
        return Flag(at, message, evidence={"effect": self.effect, "by": limit.by, "tokens": tokens, "limit": most})


_LONG = chat(user="Say it again and again. " * 8, assistant="It rains.")
_LONG_PAIR: Row = {"prompt": "Say it again and again. " * 8, "completion": "It rains."}
_Template = Annotated[str, option("The template by which tokens are counted; `--template` and `--model` set it.")]
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
        Bad([_HELLO, chat(user="Hi", assistant="")], at="1:", options={"target": "axolotl"}),
        Bad([_LONG_PAIR, {"prompt": "2+2?", "completion": "4"}], at="0:", options={"target": "trl", "max_tokens": 30}),
        Bad([_HELLO, _LONG], at="1:", options={"target": "axolotl", "max_tokens": 30}),
        Bad(
            [_HELLO, chat(user="It is late. " * 5, assistant="Yes.")],
            at="1:",
            options={"target": "axolotl", "max_tokens": 26, "template": "chatml"},
        ),
        Bad(
            [{"prompt": "Say it again and again. " * 8, "chosen": "It rains.", "rejected": "No."}],
            at="0:",
            options={"target": "trl", "max_tokens": 30},
        ),
        Bad([_HELLO] * 5, at=("3:", "4:"), options={"target": "mlx", "batch": 3}),
    ]

    max_tokens: Annotated[int, option(_MOST, ge=0)] = 0
    batch: Annotated[int, option("Rows of a batch, in place of the target's; 0: as many as it says.", ge=0)] = 0

    template: _Template = ""

    def most(self, limit: Tokens) -> int:
        return self.max_tokens or super().most(limit)

    def rendered(self) -> str:
        return self.template

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        profile = profile_of(self.target)
        told = set()
        for line, flag in super().check(sketches, rows):
            told.add(line)
            yield line, flag
        for behaviour in profile.behaviour if profile else ():
            if behaviour.when == "beyond-last-batch" and profile is not None:
                batch = self.batch or behaviour.batch
                by = behaviour.by.replace("{batch}", f"{batch:,}")
                left = _left_over(sketches[:, 3], rows, batch)
                yield from ((line, self._flag(profile, by)) for line in left if line not in told)


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
            [_HELLO, chat(user="It is late. " * 4, assistant="Yes.")],
            at="1:messages[1].content",
            options={"target": "trl", "max_tokens": 18, "template": "chatml"},
        ),
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
        Bad(
            [
                {
                    "conversations": [
                        {"from": "human", "value": "Hi"},
                        {"from": "gpt", "value": "Hello."},
                        {"from": "human", "value": "And?"},
                        {"from": "bot", "value": "Bye."},
                    ]
                }
            ],
            at="0:conversations[3]",
            options={"target": "axolotl"},
        ),
    ]

    max_tokens: Annotated[int, option(_MOST, ge=0)] = 0

    template: _Template = ""

    def most(self, limit: Tokens) -> int:
        return self.max_tokens or super().most(limit)

    def rendered(self) -> str:
        return self.template


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
                about = f"{self.target} {flag.message}"
                yield Flag.once(found.tolist(), flag.at, message, about=about, evidence=evidence)
            else:
                yield line, flag


_NONE = np.empty(0, np.int64)

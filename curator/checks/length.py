"""LEN: rows and answers that are too long, or all of one length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np

from curator import targets
from curator.checks.fit import Fit, Look, looks
from curator.checks.fit.sizes import of_strings, rendered_sides, sized, teaches, tokens_beside, trained_spans
from curator.columns import ROLE_CODES, Batch, Rows
from curator.model import Example, Flag, Turn
from curator.rule import Bad, DatasetRule, RowRule, chat, option
from curator.templates import load
from curator.text.content import definitions, says_more, token_ids, turn_parts
from curator.tokens import Estimate, Tokenizer, count_rendered

_TALL = chat(system="Be brief.", user="How tall is Ben Nevis?", assistant="1,345 metres.")
_RAIN = {"prompt": "Say it again and again.", "completion": "It rains. " * 12}
_LIMIT = Annotated[int, option("Tokens that the context holds; `--max-length` and `--model` set it.", ge=1)]
_TEMPLATE = Annotated[str, option("The template that rows are rendered with; `--template` and `--model` set it.")]
_STRINGS = Annotated[bool, option("Whether the template is put around rows of strings, too; `--target` sets it.")]


class OverContext(RowRule, frozen=True):
    """The row has more tokens than the context it is trained in.

    What stands behind the limit is cut off in silence, and that is the answer's end: the model learns to
    stop in the middle of a sentence, or the row teaches nothing at all. Of a preference pair the longer
    side counts. With a chat template the rendered row is counted; without one its texts, tool definitions,
    tool calls and reasoning are, and the template's own markers come on top.
    """

    code = "LEN001"
    GOOD = [chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")]
    BAD = [
        Bad(
            chat(user="Say it again and again.", assistant="It rains. " * 12),
            at="",
            options={"max_tokens": 20},
        ),
        Bad(_TALL, at="", options={"max_tokens": 50, "template": "gpt-oss"}),
        Bad(chat(user="Say it again.", assistant="It rains. " * 900), at="", options={"target": "trl"}),
        Bad({"prompt": "Say it again. " * 400}, at="", options={"target": "trl", "context": 1_100}),
        Bad(_RAIN, at="", options={"max_tokens": 20, "template": "gpt-oss", "strings": False}),
    ]

    max_tokens: _LIMIT = 8192
    target: Annotated[str, option("Whose limit counts instead, shape by shape; `--target` sets it.")] = ""
    context: Annotated[
        int, option("Tokens of the model's context, where the target has no limit of its own; `--model` sets it.", ge=0)
    ] = 0
    template: _TEMPLATE = ""
    strings: _STRINGS = True

    def candidates(self, batch: Batch) -> Iterable[int]:
        least = self._least()
        if self.template:
            return Lengths(self.template).near(batch, least, bare=not self.strings)
        sizes = np.fromiter(map(len, batch.lines), np.int64, len(batch.lines))  # a token is a byte at least
        return [
            index
            for index in np.flatnonzero(sizes > least).tolist()
            if batch.examples[index] and batch.row_tokens[index] > least
        ]

    def check(self, example: Example) -> Iterator[Flag]:
        """By an estimate of the tokens; `flags` counts with the tokenizer of the run."""
        yield from self._judge(example, Estimate())

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        for index in self.candidates(batch):
            for flag in self._judge(batch.example(index), batch.tokenizer):
                yield index, flag

    def _judge(self, example: Example, tokenizer: Tokenizer) -> Iterator[Flag]:
        most, template = self._most(example.shape), _template(self.template, self.strings, example)
        if most and (found := row_length(example, tokenizer, template)) > most:
            how = _counted(tokenizer, template, example)
            message = f"{found:,} tokens, the limit is {most:,} ({how})"
            yield Flag("", message, evidence={"tokens": found, "limit": most})

    def _least(self) -> int:
        """The least of the limits that rows of any shape have."""
        if not self.target:
            return self.max_tokens
        profile = targets.load(self.target)
        limits = [limit.most or self.context for limit in (profile.tokens, *profile.limits) if limit is not None]
        return min((most for most in limits if most), default=1 << 62)

    def _most(self, shape: str) -> int:
        """Tokens that rows of the shape may have, 0 for any number."""
        if not self.target:
            return self.max_tokens
        limit = targets.load(self.target).tokens_of(shape)
        return (limit.most or self.context) if limit else 0


def _template(named: str, strings: bool, example: Example) -> str:
    """The template that a row is rendered with, "" for none."""
    return named if strings or not of_strings(example) else ""


def _counted(tokenizer: Tokenizer, template: str, example: Example) -> str:
    """How tokens were counted, in words."""
    if token_ids(example):
        return "ids that the row holds"
    how = "" if tokenizer.exact or tokenizer.name == "estimate" else ", estimate"
    if not template:
        return f"{tokenizer.name}{how}"
    abridged = any(look.abridged for look in looks(example, template, renamed=True))
    tools = "; it leaves out tools, which are counted as they stand in the row" if abridged else ""
    return f"{tokenizer.name}{how}, rendered with {load(template).name}{tools}"


class Lengths(msgspec.Struct, frozen=True):
    """The column of the tokens of each row as it is trained, rendered where a template is named.

    Where the render is the texts of the row between words of the template, its tokens are those of the texts
    and of the words: a border that merges two tokens counts one too many. `near` allows for that.
    """

    template: str

    def __call__(self, batch: Batch) -> np.ndarray:
        """int64, shape (lines,): 0 where a line could not be read; of a preference pair the longer side."""
        lengths = _bare_lengths(batch)
        if self.template:
            self._render(batch, lengths)
        return lengths

    def exact(self, batch: Batch) -> np.ndarray:
        """The same with every render counted as a whole, as `row_length` counts it."""
        lengths = _bare_lengths(batch)
        if self.template and (found := list(self._renders(batch))):
            rows, texts, beside = (list(part) for part in zip(*found, strict=True))
            lengths[rows] = 0
            counts = count_rendered(batch.tokenizer, texts, load(self.template).token_pattern())
            np.maximum.at(lengths, rows, np.array(counts) + np.array(beside))
        return lengths

    def _renders(self, batch: Batch) -> Iterator[tuple[int, str, int]]:
        """(row, a side of it as it is rendered, tokens of what the template leaves out) of the rows that come to something."""
        fit = batch.memo(Fit(self.template))
        for known, lines in fit.plain:
            for index in lines:
                texts = {(n, "content", 0): turn.text for n, turn in enumerate(batch.example(index).turns)}
                yield index, "".join(known.layout.filled(texts)), 0
        for index, looked in fit.rows.items():
            for look in _renamed(looked, self.template):
                yield index, look.seen.text, tokens_beside(look, batch.tokenizer)

    def _render(self, batch: Batch, lengths: np.ndarray) -> None:
        control = load(self.template).token_pattern()
        counted: list[tuple[int, str]] = []
        beside: list[int] = []
        fit = batch.memo(Fit(self.template))
        laid = [(known.layout, lines) for known, lines in fit.plain]
        for index, found in fit.rows.items():
            seen = _renamed(found, self.template)
            if len(seen) == 1 and (layout := seen[0].seen.layout) and _is_whole(seen[0]):
                laid.append((layout, [index]))
            else:
                counted += [(index, look.seen.text) for look in seen]
                beside += [tokens_beside(look, batch.tokenizer) for look in seen]
        own: dict[int, int] = {}  # tokens of the template's words, by layout
        for layout, lines in laid:
            if id(layout) not in own:
                words = [piece for piece in layout.pieces if isinstance(piece, str)]
                own[id(layout)] = sum(count_rendered(batch.tokenizer, words, control))
            lengths[lines] += own[id(layout)]
        lengths[[index for index, _ in counted]] = 0
        counts = count_rendered(batch.tokenizer, [text for _, text in counted], control)
        for (index, _), count, more in zip(counted, counts, beside, strict=True):
            lengths[index] = max(lengths[index], count + more)

    def near(self, batch: Batch, limit: int, bare: bool = False) -> list[int]:
        """The readable rows that may be longer than the limit; with `bare` by their texts alone, too."""
        lengths = np.maximum(batch.memo(self), _bare_lengths(batch)) if bare else batch.memo(self)
        found: list[int] = np.flatnonzero(lengths * 1.1 + 32 > limit).tolist()
        return [index for index in found if batch.examples[index] is not None]


def _bare_lengths(batch: Batch) -> np.ndarray:
    """int64, shape (lines,): tokens of the texts of each row, of a preference pair of the longer side."""
    lengths: np.ndarray = batch.row_tokens.copy()
    for index in batch.preference_rows:
        lengths[index] = _bare_length(batch.example(index), batch.tokenizer)
    return lengths


def _is_whole(look: Look) -> bool:
    """Whether a render is the texts of the row, each once, between words of the template."""
    seen, example = look.seen, look.example
    if not seen.exact or seen.lost or seen.layout is None or says_more(example) or example.chosen or example.rejected:
        return False
    return len(seen.places) == sum(not isinstance(piece, str) for piece in seen.layout.pieces)


def _renamed(found: Sequence[Look], template: str) -> list[Look]:
    """The looks that came to something; of rows from human and gpt with those roles renamed."""
    if found and found[0].example.shape == "sharegpt":
        found = looks(found[0].example, template, renamed=True)
    return [look for look in found if look.seen.text]


def row_length(example: Example, tokenizer: Tokenizer, template: str = "") -> int:
    """Tokens of the row as trained: what the template renders, or its texts where none is named or fits."""
    seen = rendered_sides(example, template)
    if not seen:
        return _bare_length(example, tokenizer)
    counts = count_rendered(tokenizer, [look.seen.text for look in seen], load(template).token_pattern())
    return max(count + tokens_beside(look, tokenizer) for look, count in zip(seen, counts, strict=True))


def _bare_length(example: Example, tokenizer: Tokenizer) -> int:
    """Tokens of a row's turns, tool definitions and calls, or the ids that it holds; of a pair the longer side."""
    if ids := token_ids(example):
        return ids.tokens
    sides = [turn_parts(example.turns), turn_parts(example.chosen), turn_parts(example.rejected)]
    sides[0] += definitions(example)
    prompt, chosen, rejected = (sum(tokenizer.count(side)) if side else 0 for side in sides)
    return prompt + max(chosen, rejected)


class AnswerTruncated(RowRule, frozen=True):
    """The end of an answer stands behind the context's limit and is not trained on.

    Trainers keep the first tokens of a row and say nothing. The model learns answers without an end, and
    from a row whose whole answer stands behind the limit nothing at all.
    """

    code = "LEN002"
    severity = "error"
    needs = "max_length"
    GOOD = [chat(user="How tall is Ben Nevis?", assistant="1,345 metres.")]
    BAD = [
        Bad(
            chat(user="Say it again and again.", assistant="It rains. " * 12),
            at="messages[1].content",
            options={"max_tokens": 20},
        ),
        Bad(_TALL, at="messages[2].content", options={"max_tokens": 50, "template": "gpt-oss"}),
        Bad(
            chat(user="How tall is it? " * 9, assistant="1,345 metres.", user2="And then? " * 9, assistant2="Lower."),
            at="messages[1].content",
            options={"max_tokens": 30, "keep": "end"},
        ),
        Bad(_RAIN, at="completion", options={"max_tokens": 20, "template": "gpt-oss", "strings": False}),
        Bad(  # not trained on elsewhere: this trainer takes no notice of weights
            {
                "messages": [
                    {"role": "user", "content": "Say it again and again."},
                    {"role": "assistant", "content": "It rains. " * 12, "weight": 0},
                ]
            },
            at="messages[1].content",
            options={"max_tokens": 20, "target": "trl"},
        ),
    ]

    max_tokens: _LIMIT = 8192
    template: _TEMPLATE = ""
    target: Annotated[str, option("Whose loss counts: on answers, or on more; `--target` sets it.")] = ""
    keep: Annotated[Literal["start", "end"], option("The part of a longer row that the trainer keeps.")] = "start"
    strings: _STRINGS = True

    def candidates(self, batch: Batch) -> Iterable[int]:
        return Lengths(self.template).near(batch, self.max_tokens, bare=not self.strings)

    def check(self, example: Example) -> Iterator[Flag]:
        """By an estimate of the tokens; `flags` counts with the tokenizer of the run."""
        yield from self._judge(example, Estimate())

    def flags(self, batch: Batch) -> Iterator[tuple[int, Flag]]:
        for index in self.candidates(batch):
            for flag in self._judge(batch.example(index), batch.tokenizer):
                yield index, flag

    def _judge(self, example: Example, tokenizer: Tokenizer) -> Iterator[Flag]:
        worst = max((loss for loss in self._losses(example, tokenizer)), key=lambda loss: loss.lost, default=None)
        if worst is None or not worst.lost:
            return
        whole = (
            "the whole of what is trained"
            if worst.lost == worst.trained
            else f"{worst.lost:,} of {worst.trained:,} trained tokens"
        )
        side = "behind" if self.keep == "start" else "before"
        how = _counted(tokenizer, _template(self.template, self.strings, example), example)
        stands = "stands" if worst.lost == worst.trained else "stand"
        message = f"{whole} {stands} {side} the {self.max_tokens:,} tokens that are kept ({how})"
        evidence = {"lost": worst.lost, "trained": worst.trained, "tokens": worst.tokens, "limit": self.max_tokens}
        yield Flag(worst.at, message, evidence=evidence)

    def _losses(self, example: Example, tokenizer: Tokenizer) -> Iterator[Loss]:
        """What each side of the row loses, where that takes something from an answer."""
        taught = targets.taught(self.target, example.shape)
        answers = taught._replace(what="answers")
        seen = rendered_sides(example, _template(self.template, self.strings, example))
        for look in seen:
            found = sized(look, tokenizer, taught)
            starts, ahead = found.starts, found.beside  # as if what is left out all stood before the first turn
            inside = found.among(trained_spans(look, taught))
            kept = self._kept(found.total)
            cut = np.ones(len(starts), dtype=bool)
            cut[max(0, kept.start - ahead) : max(0, kept.stop - ahead)] = False
            gone = inside & cut & found.among(trained_spans(look, answers))
            first = starts[gone][0] if gone.any() else 0
            at = next((turn.path for turn, end in _answer_ends(look) if first < end), "") if gone.any() else ""
            yield Loss(at, int((inside & cut).sum()) if gone.any() else 0, int(inside.sum()), found.total)
        if not seen:
            yield from self._bare_losses(example, tokenizer, taught)

    def _bare_losses(self, example: Example, tokenizer: Tokenizer, taught: targets.Taught) -> Iterator[Loss]:
        """The same by the texts alone, the markers of a template left out; of token ids by their labels."""
        if ids := token_ids(example):
            if ids.labelled:
                kept = self._kept(ids.tokens)
                lost = ids.trained.sum() - ids.trained[kept.start : kept.stop].sum()
                yield Loss("labels", int(lost), int(ids.trained.sum()), ids.tokens)
            return
        for turns in example.sides():
            sizes = [sum(tokenizer.count(turn_parts([turn]))) for turn in turns]
            total = sum(sizes) + sum(tokenizer.count(definitions(example)))
            kept, at, trained, lost, first = self._kept(total), total - sum(sizes), 0, 0, ""
            for turn, size in zip(turns, sizes, strict=True):
                if teaches(example, turn, taught):
                    gone = size - len(range(max(at, kept.start), min(at + size, kept.stop)))
                    trained, lost = trained + size, lost + gone
                    first = first or (turn.path if gone and turn.role == "assistant" else "")
                at += size
            yield Loss(first, lost if first else 0, trained, total)

    def _kept(self, total: int) -> range:
        return range(self.max_tokens) if self.keep == "start" else range(max(0, total - self.max_tokens), total)


def _answer_ends(look: Look) -> list[tuple[Turn, int]]:
    """The answers of a render and where the text of each ends, in order."""
    turns = [(look.turn_of(key), high) for key, (_, high) in look.seen.places.items()]
    last = len(look.seen.text)
    answers = [(turn, high) for turn, high in turns if turn.role == "assistant"]
    return [*answers, (answers[-1][0], last)] if answers else []


class Loss(NamedTuple):
    """What truncation takes from one side of a row: where it begins, and tokens."""

    at: str
    lost: int
    trained: int
    tokens: int


_EVEN = [chat(user=f"What is {n} times {n}?", assistant="It is what one can count. " * 6) for n in range(2, 6)]


class PackingWaste(DatasetRule, frozen=True):
    """The rows fill the context badly when they are packed into it.

    A trainer that packs puts whole rows together until the next does not fit. Where many rows take a little
    more than a half or a third of the context, the rest of it is padding: it costs time and memory as text does.
    """

    code = "LEN006"
    severity = "info"
    needs = "max_length"
    GOOD = [[chat(user=f"What is {n} times {n}?", assistant=f"{n * n}.") for n in range(2, 6)]]
    BAD = [
        Bad(
            _EVEN,
            at="0:",
            options={"min_rows": 3, "max_tokens": 48, "share": 0.05},
        ),
        Bad(
            _EVEN,
            at="0:",
            options={"min_rows": 2, "max_tokens": 96, "template": "smollm2"},
        ),
    ]

    max_tokens: _LIMIT = 8192
    template: _TEMPLATE = ""
    share: Annotated[float, option("The share of padding from which it is told.", gt=0, lt=1)] = 0.15
    min_rows: Annotated[int, option("In a set with fewer rows none is told.", ge=1)] = 200

    def sketch(self, batch: Batch) -> np.ndarray:
        """The tokens of each row as LEN001 counts them; shape (lines,), int64."""
        return Lengths(self.template).exact(batch)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero(rows.readable & (sketches > 0))
        if len(judged) < self.min_rows:
            return
        packs, waste = packed(sketches[judged], self.max_tokens)
        if waste < self.share or packs < 2:
            return
        longer, less = min(
            ((limit, packed(sketches[judged], limit)[1]) for limit in (self.max_tokens * 2, self.max_tokens * 4)),
            key=lambda pair: pair[1],
        )
        message = (
            f"packed, the rows take {packs:,} times {self.max_tokens:,} tokens, and {waste:.0%} of that is padding"
            f" (of {longer:,} tokens it would be {less:.0%})"
        )
        evidence = {
            "packs": packs,
            "waste": round(waste, 4),
            "limit": self.max_tokens,
            "longer": longer,
            "less": round(less, 4),
        }
        yield int(judged[0]), Flag("", message, evidence=evidence)


def packed(lengths: np.ndarray, limit: int) -> tuple[int, float]:
    """(packs, share of padding) of rows packed by best fit, the longest first; rows over the limit are cut.

    Rows of one length are placed together, so that the cost grows with the limit and not with the rows.
    """
    counts = np.bincount(np.minimum(lengths, limit), minlength=limit + 1)
    room = np.zeros(limit + 1, dtype=np.int64)  # packs by the tokens that are free in them
    packs = 0
    for size in np.flatnonzero(counts)[::-1].tolist():
        left = int(counts[size])
        while left and len(fitting := np.flatnonzero(room[size:])):
            free = int(fitting[0]) + size
            placed = min(left, int(room[free]))
            room[free] -= placed
            room[free - size] += placed
            left -= placed
        each = limit // size
        full, rest = divmod(left, each)
        room[limit - each * size] += full
        room[limit - rest * size] += int(rest > 0)
        packs += full + int(rest > 0)
    total = packs * limit
    return packs, 1 - float(np.minimum(lengths, limit).sum()) / total if total else 0.0


_SHORT = [chat(user=f"What is {n} times {n}?", assistant=f"{n * n}.") for n in range(2, 6)]
_LONG = chat(user="What is 7 times 7?", assistant="It is 49, as one can count. " * 15)


class LengthOutlier(DatasetRule, frozen=True):
    """The row is many times longer than the rest of the set.

    Such a row is mostly a document, a log or several rows run together. It outweighs hundreds of others
    in the loss, and every batch it stands in is padded to its length.
    """

    code = "LEN004"
    severity = "info"
    GOOD = [_SHORT]
    BAD = [Bad([*_SHORT, _LONG], at="4:", options={"min_rows": 5, "times": 8.0})]

    times: Annotated[float, option("A row is long at this many times the median.", gt=1)] = 20.0
    min_rows: Annotated[int, option("In a set with fewer rows none is judged.", ge=1)] = 100

    def sketch(self, batch: Batch) -> np.ndarray:
        """Nothing: the tokens of the rows are known; shape (lines,), uint8."""
        return np.zeros(len(batch.lines), dtype=np.uint8)

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero(rows.readable & (rows.tokens > 0))
        if len(judged) < self.min_rows:
            return
        tokens = rows.tokens[judged]
        low, median, high = np.quantile(tokens, [0.25, 0.5, 0.75])
        # Lengths are spread evenly on a logarithmic scale: there the usual fence is three ranges wide.
        bar = max(self.times * median, high * (high / low) ** 3)
        for index, found in zip(judged[tokens > bar].tolist(), tokens[tokens > bar].tolist(), strict=True):
            message = f"{found:,} tokens, where half of the rows have no more than {median:,.0f}"
            yield index, Flag("", message, evidence={"tokens": found, "median": float(median)})


class _Cap(NamedTuple):
    """Answers that end at about one length, `low` to `high`, and how many of them are cut."""

    cut: int
    low: int
    high: int


_WIDTHS = (1.01, 1.05)  # one tokenizer's 512 tokens are another's 490 to 515
_LEAST = {"tokens": 64, "characters": 200}  # short labels are of one length by nature
_TALE = "The ferry left at nine and the whole crew, tired as they were, sang songs of home until the lights of the "


def _tale(start: int, size: int) -> str:
    return (_TALE * 8)[start : start + size]


class AnswersCapped(DatasetRule, frozen=True):
    """Many answers end at the same length, most of them in the middle of a sentence.

    They were generated with a limit on new tokens or cut to a size. The model learns to stop at that
    length, whatever it has left to say.
    """

    code = "LEN005"
    GOOD = [
        [chat(user=f"Tell tale {n}.", assistant=_tale(n, 300 + 60 * n) + "harbour rose.") for n in range(4)],
        [chat(user=f"Is {n} odd?", assistant="Yes" if n % 2 else "No") for n in range(4)],
    ]
    BAD = [
        Bad(
            [chat(user=f"Tell tale {n}.", assistant=_tale(9 * n, 400)) for n in range(4)] + _SHORT,
            at="0:messages[1].content",
            options={"min_answers": 4},
        )
    ]

    min_answers: Annotated[int, option("Fewer answers of one length are chance.", ge=2)] = 20

    def sketch(self, batch: Batch) -> np.ndarray:
        """(tokens, characters, 1 where it stops in mid-sentence) of each row's last answer, 0 where there
        is none; shape (lines, 3), int32."""
        out = np.zeros((len(batch.lines), 3), dtype=np.int32)
        answers = np.flatnonzero(batch.roles == ROLE_CODES["assistant"])
        if len(answers):
            lines = batch.turn_lines[answers]
            last = answers[np.append(np.diff(lines) != 0, True)]
            texts = [batch.turns[turn].text.rstrip() for turn in last.tolist()]
            signs = [text[-1:] for text in texts]
            goes_on = {sign for sign in set(signs) if sign.isalnum() or sign == ","}
            at = batch.turn_lines[last]
            out[at, 0] = batch.turn_tokens[last]
            out[at, 1] = np.fromiter(map(len, texts), np.int64, len(texts))
            out[at, 2] = np.fromiter(map(goes_on.__contains__, signs), bool, len(texts))
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        judged = np.flatnonzero(sketches[:, 0] > 0)
        cut = sketches[judged, 2] > 0
        counted = [_by_length(sketches[judged, column], cut) for column in range(2)]
        for width, (column, unit) in product(_WIDTHS, enumerate(("tokens", "characters"))):
            cap = self._cap(*counted[column], _LEAST[unit], width)
            if cap is None:
                continue
            lengths = sketches[judged, column]
            found = judged[(lengths >= cap.low) & (lengths <= cap.high)].tolist()
            size = f"{cap.low:,}" if cap.low == cap.high else f"{cap.low:,} to {cap.high:,}"
            message = (
                f"{len(found):,} of {len(judged):,} answers end at {size} {unit}, "
                f"{cap.cut:,} of them in the middle of a sentence"
            )
            evidence = {"answers": len(found), "cut": cap.cut, "low": cap.low, "high": cap.high, "unit": unit}
            at = rows.example(found[0]).answers[-1].path
            yield Flag.once(found, at, message, about=f"{size} {unit}", evidence=evidence)
            return

    def _cap(self, lengths: np.ndarray, answers: np.ndarray, cuts: np.ndarray, least: int, width: float) -> _Cap | None:
        """The narrow band of lengths in which cut answers crowd and above which hardly any answer ends.

        `lengths` are the different ones, rising; `answers` and `cuts` say how many answers, and cut ones, have each.
        """
        until, cut_until = (np.concatenate(([0], np.cumsum(each))) for each in (answers, cuts))
        total = until[-1]
        starts = np.searchsorted(lengths, lengths / width)  # the band that ends with each length
        inside = until[1:] - until[starts]
        stopped = cut_until[1:] - cut_until[starts]
        below = until[starts] - until[np.searchsorted(lengths, lengths / width**2)]  # in the band before
        crowded = (
            (lengths >= least)
            & (inside >= max(self.min_answers, 0.05 * total))
            & (stopped >= 0.7 * inside)
            & (total - until[1:] <= 0.02 * total)
            & (inside >= 4 * below)
        )
        if not crowded.any():
            return None
        best = int(np.argmax(np.where(crowded, stopped, -1)))
        return _Cap(int(stopped[best]), int(lengths[starts[best]]), int(lengths[best]))


def _by_length(lengths: np.ndarray, cut: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The different lengths, rising, and how many answers, and how many cut ones, have each."""
    values, answers = np.unique(lengths, return_counts=True)
    short, times = np.unique(lengths[cut], return_counts=True)
    cuts = np.zeros(len(values), np.int64)
    cuts[np.searchsorted(values, short)] = times
    return values, answers, cuts

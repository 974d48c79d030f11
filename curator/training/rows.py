"""From rows to token ids and the runs of tokens the loss is taken on.

A row is rendered with the chat template once; the renderer knows where every answer stands. The text is
tokenised as a whole, so that the ids are those the model meets in use, and the spans are carried over by the
place of each token, never by its id: an end-of-turn token that is also the padding token is still learnt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from curator import engine, templates
from curator.checks.fit import Look, looks
from curator.columns import UNSET, content_id, parse
from curator.errors import MissingExtraError, UsageError
from curator.formats import Reader
from curator.model import Example
from curator.provenance import said
from curator.sources import Source, cut, read

if TYPE_CHECKING:
    from curator.config import Config
    from curator.recipe import Recipe

Span = tuple[int, int, float]  # characters [start, end) of a render, and the weight of their loss
TokenRun = tuple[int, int, float]  # the same in tokens
Reason = Literal["unreadable", "refused", "nothing-trained", "over-length", "no-pair"]

_THOUGHT = re.compile(r"(?:<think(?:ing)?>)?(?:(?!<think).)*?</think(?:ing)?>\s*", re.DOTALL)
_SEARCH = 64  # characters looked through for the next one that a token holds
_TAGS = ("label", "source")
_BOM = b"\xef\xbb\xbf"

# What a template does to rows, counted for the gates.
DOUBLE_BOS, UNPREFIXED, END_UNTRAINED = "double-bos", "not-a-prefix", "end-untrained"
PAIRED = "pairs"  # rows of which the better side alone is learnt: told, and no gate


class Masked(NamedTuple):
    """A text to learn from: trained spans in order, and what is odd about it.

    `whole` says that each span is an answer, which its end closes, and not a part of one.
    """

    text: str
    spans: list[Span]
    facts: tuple[str, ...] = ()
    whole: bool = False


class TokenRow(NamedTuple):
    """A row as it is trained on: its ids, its trained runs, and where it came from.

    `whole` and `wanted` count its tokens and trained tokens before it was cut; `start` is where the last answer
    begins, of which a row that was cut may hold less.
    """

    ids: Sequence[int]
    runs: list[TokenRun]
    row: bytes
    line: int
    tag: str
    whole: int
    wanted: int


class Cut(msgspec.Struct, frozen=True):
    """A line of the ledger: a row that is not trained on as it is, and how many tokens it loses."""

    file: str
    line: int
    row: str
    reason: Reason
    tokens: int = 0
    kept: int = 0
    lost_trained: int = 0
    detail: str = ""


class Tally(msgspec.Struct):
    """What was seen on the way: rows by fact with the first places, and the ledger."""

    cuts: list[Cut]
    facts: Counter[str]
    places: dict[str, list[str]]

    def note(self, fact: str, place: str) -> None:
        self.facts[fact] += 1
        if self.facts[fact] <= 5:
            self.places.setdefault(fact, []).append(place)


def new_tally() -> Tally:
    return Tally([], Counter(), {})


# ---------------------------------------------------------------------- the text and its spans


def masked(example: Example, spec: str, recipe: Recipe, eos: str = "") -> Iterator[Masked | str]:
    """Each side of a row as text with its trained spans, or as text the reason why it cannot be rendered.

    A row of plain text is trained on as a whole and ends with `eos`; segments say themselves what is trained. What a
    row itself calls bad is not to be learnt.
    """
    if example.label is False:
        yield "its answer is labelled as a bad one: learning it would teach that"
    elif example.shape == "trl-stepwise" and not all(example.value["labels"]):
        yield "a step of its answer is labelled as wrong: learning it would teach that"
    elif example.shape == "text":
        body = example.turns[0].text
        yield Masked(body + eos, [(0, len(body) + len(eos), 1.0)]) if body.strip() else "the text is empty"
    elif example.shape == "input-output":
        yield _segments(example)
    elif example.shape == "tokenized":
        yield "rows of token ids have no text"
    else:
        found = looks(example, spec, renamed=True)
        if not found:
            yield "the row brings a template of its own"
        for look in found:
            seen = _of_look(look, recipe)
            if isinstance(seen, Masked) and (example.chosen or example.rejected):
                seen = seen._replace(facts=(*seen.facts, PAIRED))
            yield seen


def _segments(example: Example) -> Masked:
    text, spans = "", []
    for turn in example.turns:
        if turn.role == "assistant":
            spans.append((len(text), len(text) + len(turn.text), 1.0))
        text += turn.text
    return Masked(text, spans)


def _of_look(look: Look, recipe: Recipe) -> Masked | str:
    seen = look.seen
    if seen.error:
        return seen.error
    spans = [(low, high, weight) for low, high in seen.trained if (weight := _weight(look, low, high)) > 0]
    if recipe.train_on == "last":
        spans = [span for span in spans if span[1] >= max((high for _, high in seen.trained), default=0)]
    if recipe.reasoning == "masked":
        spans = [part for span in spans for part in _without_thoughts(look, span)]
    answers = sum(turn.role == "assistant" for turn in look.said.turns)
    whole = recipe.reasoning == "kept" and len(seen.trained) <= answers
    return Masked(seen.text, spans, tuple(_facts(look)), whole)


def _weight(look: Look, low: int, high: int) -> float:
    """The weight of the answer in a trained span; 1 where none is said."""
    for key, (start, end) in look.seen.places.items():
        if low <= start and end <= high:
            weight = look.turn_of(key).weight
            if weight is not None:
                return float(weight)
    if not any(low <= start and end <= high for start, end in look.seen.places.values()):
        answers = [turn for turn in look.said.turns if turn.role == "assistant"]  # a span of calls alone
        if len(answers) == 1 and answers[0].weight is not None:
            return float(answers[0].weight)
    return 1.0


def _without_thoughts(look: Look, span: Span) -> Iterator[Span]:
    """What is left of a trained span without reasoning."""
    low, high, weight = span
    gone = [place for key, place in look.seen.places.items() if key[1] == "reasoning_content"]
    gone += [found.span() for found in _THOUGHT.finditer(look.seen.text, low, high)]
    at = low
    for start, end in sorted(gone):
        if start >= high or end <= at:
            continue
        if start > at:
            yield at, start, weight
        at = max(at, end)
    if at < high:
        yield at, high, weight


def _facts(look: Look) -> Iterator[str]:
    bos, layout = look.template.bos, look.seen.layout
    if bos and look.seen.text.startswith(bos * 2):
        yield DOUBLE_BOS
    if layout is not None and layout.unprefixed:
        yield UNPREFIXED


# ---------------------------------------------------------------------- tokens


def load_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of a model folder, from its tokenizer.json.

    Raises:
        UsageError: there is none, and transformers cannot make one.
        MissingExtraError: the library is not installed.
    """
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise MissingExtraError("training", "train") from None
    file = Path(folder) / "tokenizer.json"
    try:
        if file.is_file():
            made = Tokenizer.from_file(str(file))
        else:
            from transformers import AutoTokenizer

            made = AutoTokenizer.from_pretrained(str(folder)).backend_tokenizer
    except Exception as error:  # tokenizers raises nothing more special
        said_ = " ".join(str(error).split())[:160]
        hint = "fetch the model again" if file.is_file() else "it needs a tokenizer.json"
        raise UsageError(f"no tokenizer: {said_}", where=str(folder), hint=hint) from None
    made.no_truncation()
    made.no_padding()
    return made


def runs_of(encoding: Any, text: str, spans: Sequence[Span]) -> list[TokenRun]:
    """The trained spans in tokens. A token belongs to a span in which it begins, outer white space aside."""
    size = len(encoding)
    runs = []
    for low, high, weight in spans:
        first = _first_at(encoding, text, low, size, lenient=True)
        last = _first_at(encoding, text, high, size, lenient=False) if high < len(text) else size
        if first < last:
            runs.append((first, last, weight))
    return runs


def _first_at(encoding: Any, text: str, place: int, size: int, *, lenient: bool) -> int:
    """The first token that begins at a character or behind it.

    With `lenient` a token that begins before it counts as well where only white space stands before: some
    tokenizers write the space before a word into the token of the word.
    """
    token = None
    for at in range(place, min(place + _SEARCH, len(text))):
        token = encoding.char_to_token(at)
        if token is not None:
            break
    if token is None:
        return next((n for n, (start, _) in enumerate(encoding.offsets) if start >= place), size)
    start = encoding.token_to_chars(token)[0]
    if start < place and lenient and text[start:place].isspace():
        return int(token)
    while token < size and encoding.token_to_chars(token)[0] < place:
        token += 1
    return int(token)


class Texts(NamedTuple):
    """A batch on its way to the tokenizer."""

    texts: list[str]
    about: list[tuple[bytes, int, str, Masked]]


class Tokeniser:
    """Rows of a source as ids and runs, in order; what cannot be trained on goes to the tally."""

    def __init__(self, config: Config, recipe: Recipe, spec: str, tokenizer: Any, limit: int) -> None:
        self.config, self.recipe, self.spec, self.limit = config, recipe, spec, limit
        self.tokenizer = tokenizer
        template = templates.load(spec)
        self.eos = template.eos
        self.special = {n for n, token in tokenizer.get_added_tokens_decoder().items() if token.special}
        self.special |= {n for token in template.control_tokens() if (n := tokenizer.token_to_id(token)) is not None}

    def rows(self, source: Source, tally: Tally) -> Iterator[list[TokenRow]]:
        """The rows of a source, span by span; the next span is rendered while one is tokenised."""
        with ThreadPoolExecutor(1) as pool:
            waiting = None
            for batch in self._rendered(source, tally):
                made = pool.submit(self.tokenizer.encode_batch, batch.texts, add_special_tokens=False)
                if waiting is not None:
                    yield self._finished(*waiting, source.path, tally)
                waiting = batch, made
            if waiting is not None:
                yield self._finished(*waiting, source.path, tally)

    def _rendered(self, source: Source, tally: Tally) -> Iterator[Texts]:
        reader = engine.reader_of(source, self.config)
        first = 0
        for span in cut(source):
            lines = read(source, span).removesuffix(b"\n").split(b"\n")
            numbers = source.lines(first, len(lines))
            first += len(lines)
            batch = Texts([], [])
            for number, raw in zip(numbers, lines, strict=False):
                self._render(source.path, number, raw.removeprefix(_BOM), reader, batch, tally)
                if len(batch.texts) >= 2000:
                    yield batch
                    batch = Texts([], [])
            if batch.texts:
                yield batch

    def _render(self, path: str, line: int, raw: bytes, reader: Reader, batch: Texts, tally: Tally) -> None:
        if not raw.strip():
            return
        value = parse(raw)
        example = reader.read(value) if isinstance(value, dict) else None
        row = content_id(value, raw)
        if example is None:
            why = "no JSON" if value is UNSET else "in no known shape"
            tally.cuts.append(Cut(path, line, row.hex(), "unreadable", detail=why))
            return
        for found in list(masked(example, self.spec, self.recipe, self.eos))[:1]:
            if isinstance(found, str):
                tally.cuts.append(Cut(path, line, row.hex(), "refused", detail=found))
                continue
            text = found.text if found.text.isascii() else found.text.encode("utf-8", "replace").decode()
            batch.texts.append(text)
            batch.about.append((row, line, _tag(value), found))

    def _finished(self, batch: Texts, made: Any, path: str, tally: Tally) -> list[TokenRow]:
        found = []
        for text, encoding, (row, line, tag, said_) in zip(batch.texts, made.result(), batch.about, strict=True):
            place = f"{path}:{line}"
            for fact in said_.facts:
                tally.note(fact, place)
            ids, runs = encoding.ids, runs_of(encoding, text, said_.spans)
            wanted = sum(stop - start for start, stop, _ in runs)
            if any(ids[stop - 1] not in self.special for _, stop, _ in (runs if said_.whole else runs[-1:])):
                tally.note(END_UNTRAINED, place)
            kept = [(start, min(stop, self.limit), weight) for start, stop, weight in runs if start < self.limit]
            left = sum(stop - start for start, stop, _ in kept)
            dropped = len(ids) > self.limit and self.recipe.overlong == "drop"
            if len(ids) > self.limit:
                told = Cut(path, line, row.hex(), "over-length", len(ids), 0 if dropped else self.limit,
                           wanted - (0 if dropped else left))  # fmt: skip
                tally.cuts.append(told)
            if not left and not dropped:
                tally.cuts.append(Cut(path, line, row.hex(), "nothing-trained", len(ids), 0, wanted))
            if left and not dropped:
                found.append(TokenRow(ids[: self.limit], kept, row, line, tag, len(ids), wanted))
        return found


def _tag(value: dict[str, Any]) -> str:
    """What a row says it is: its label, else its source."""
    if len(value) == 1:
        return ""
    told = {item.kind: item.value for item in said(value)}
    return next((told[kind] for kind in _TAGS if kind in told), "")

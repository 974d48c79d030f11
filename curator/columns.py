"""A batch of rows and its shared columns, each computed once and only when a rule asks for it.

A batch is the lines of one span. Rules narrow a batch to candidate rows through these columns (one
Aho-Corasick pass for the literals of all rules, one group per row structure, one word-hash column),
so that plain Python runs on the few rows that could be at fault.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import ahocorasick_rs
import msgspec
import numpy as np

from curator.model import Example, NotRun, Turn
from curator.text.brokenjson import DEEPEST, Heavy, is_heavy, nesting
from curator.text.content import beside_text, definitions, token_ids
from curator.text.hashed import Column, Words, column, distinct, fold_column, hash_words

if TYPE_CHECKING:
    from curator.formats import Reader
    from curator.neighbours.graph import Neighbours
    from curator.rule import RawRule, RowRule, Rule
    from curator.spreading import Spread
    from curator.text.vocabulary import Vocabulary
    from curator.tokens import Tokenizer

T = TypeVar("T")

BOM = b"\xef\xbb\xbf"
UNSET = msgspec.UNSET
ROLE_CODES = {"system": 0, "user": 1, "assistant": 2, "tool": 3}
OTHER_ROLE = 9

_decode = msgspec.json.Decoder().decode
_canonical = msgspec.json.Encoder(order="deterministic").encode


class Line(msgspec.Struct, frozen=True):
    """One physical line: `text` is None where it is not UTF-8, `value` is UNSET where it is not JSON.

    `heavy` says how many bytes a line has that is too heavy to be judged, and of which `raw` shows the beginning.
    """

    index: int
    raw: bytes
    text: str | None
    value: Any
    example: Example | None
    first: bool = False  # the first line of its file
    ended: bool = True  # a line break follows
    heavy: int = 0


class Rows(Protocol):
    """What a DatasetRule may know of the rows beside its sketches. Indices count the lines of the set."""

    @property
    def readable(self) -> np.ndarray:
        """Boolean array: the line holds a row that could be read."""

    @property
    def splits(self) -> np.ndarray:
        """Integer array: 0 where a line is trained on (train, and files whose name says nothing), 1 valid, 2 test."""

    @property
    def files(self) -> np.ndarray:
        """Integer array: the number of the file a line stands in."""

    @property
    def tokens(self) -> np.ndarray:
        """Integer array: tokens of the row, 0 where it could not be read."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The words of the set, for rules that set `vocabulary`."""

    def memo(self, key: str, make: Callable[[], T]) -> T:
        """What several rules need of the set: made once, for all that ask for the key."""

    def leave_out(self, note: NotRun) -> None:
        """Say in the report what a rule had to leave out, and how to have it looked at."""

    def example(self, index: int) -> Example:
        """The row, read again from its source."""

    @property
    def split_names(self) -> frozenset[str]:
        """The splits that the files stand for: train, valid, test, or a name that says nothing."""

    @property
    def in_folder(self) -> bool:
        """Whether a folder was named, so that what is not in it is missing."""

    def value_and_raw(self, index: int) -> tuple[Any, bytes]:
        """The JSON value (UNSET where broken) and the bytes of a line, read again from its source."""

    def examples(self, indices: Iterable[int]) -> list[Example]:
        """The rows at these indices in their order, each part of a source read once."""

    def neighbours(self, view: str) -> Neighbours:
        """The graph of rows alike in a view that the rule declares."""

    @property
    def spread(self) -> Spread:
        """Has costly work that is done part by part spread over the machines at hand; see `curator.spreading`."""


_LARGE = 1 << 20
_NO_HITS = np.empty((0, 3), np.int64)


class Scanner:
    """The literals of many rules in one automaton, matched without regard to ASCII case."""

    def __init__(self, wanted: Iterable[tuple[type[Rule], Sequence[bytes]]]) -> None:
        owners: dict[bytes, list[type[Rule]]] = {}
        for rule, literals in wanted:
            for literal in literals:
                owners.setdefault(literal.lower(), []).append(rule)
        self._owners = list(owners.values())
        self._literals = list(owners)

    @cached_property
    def _automaton(self) -> ahocorasick_rs.BytesAhoCorasick:
        return ahocorasick_rs.BytesAhoCorasick(self._literals)

    @cached_property
    def _fast_automaton(self) -> ahocorasick_rs.BytesAhoCorasick:
        """Twice as fast, and worth its making from about a megabyte on."""
        return ahocorasick_rs.BytesAhoCorasick(self._literals, implementation=ahocorasick_rs.Implementation.DFA)

    def scan(self, data: bytes, ends: np.ndarray) -> dict[type[Rule], np.ndarray]:
        """For each rule the sorted indices of the texts in which one of its literals occurs."""
        if not self._literals:
            return {}
        automaton = self._fast_automaton if len(data) > _LARGE else self._automaton
        table = np.concatenate([_NO_HITS, *self._hits(automaton, data)])
        if not len(table):
            return {}
        texts = np.searchsorted(ends, table[:, 1], side="right")
        found: dict[type[Rule], list[np.ndarray]] = {}
        order = np.argsort(table[:, 0], kind="stable")
        literals = table[order, 0]
        bounds = np.flatnonzero(np.diff(literals, prepend=-1))
        for literal, part in zip(literals[bounds], np.split(texts[order], bounds[1:]), strict=True):
            for rule in self._owners[literal]:
                found.setdefault(rule, []).append(part)
        return {rule: np.array(distinct(np.concatenate(parts))) for rule, parts in found.items()}

    def _hits(self, automaton: ahocorasick_rs.BytesAhoCorasick, data: bytes) -> Iterator[np.ndarray]:
        """int64, shape (hits, 3): literal, start and end, of a part of the data after the other.

        A hit is a tuple of three numbers first, of 200 bytes; parts overlap, so that some are told twice.
        """
        overlap = max(map(len, self._literals)) - 1
        for low in range(0, len(data), _LARGE):
            hits = automaton.find_matches_as_indexes(data[low : low + _LARGE + overlap].lower(), overlapping=True)
            if hits:
                yield np.array(hits, dtype=np.int64) + np.array((0, low, low))


class Literals(NamedTuple):
    """Scanners for the rules of a plan: over raw lines and over the texts of turns."""

    raw: Scanner
    text: Scanner

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Literals:
        from curator.rule import RawRule, RowRule

        rules = list(rules)
        return cls(
            Scanner((type(r), r.literals) for r in rules if isinstance(r, RawRule)),
            Scanner((type(r), [s.encode() for s in r.literals]) for r in rules if isinstance(r, RowRule)),
        )


class Batch:
    """The lines of one span, parsed and read once, with columns on demand.

    `values[i]` is UNSET and `examples[i]` None for a line that is broken; `examples[i]` alone is None
    for a value in no known shape. A line too heavy to be judged has a batch of its own, which shows its beginning.
    """

    def __init__(
        self,
        data: bytes | Heavy,
        reader: Reader,
        tokenizer: Tokenizer,
        literals: Literals,
        *,
        first: bool = True,
        numbers: Sequence[int] | None = None,
    ) -> None:
        self.heavy = data if isinstance(data, Heavy) else None
        self.data = data.opening if isinstance(data, Heavy) else data
        self.lines = self.data.split(b"\n")
        self.ended = self.lines[-1] == b""
        if self.ended:
            self.lines.pop()
        self.first = first
        self.at = -1  # the line that a rule is judging
        self.reader = reader
        self.tokenizer = tokenizer
        self._literals = literals
        self.values: list[Any] = [UNSET if self.heavy else parse(line) for line in self._bodies()]
        for index in self._too_deep():
            self.values[index] = UNSET
        read = reader.read
        self.examples: list[Example | None] = [read(value) if type(value) is dict else None for value in self.values]
        self.readable: list[int] = [i for i, example in enumerate(self.examples) if example is not None]
        self._memo: dict[Callable[[Batch], Any], Any] = {}

    def memo(self, column: Callable[[Batch], T]) -> T:
        """A column that another module computes from this batch: made once, for all rules that ask for it."""
        if column not in self._memo:
            self._memo[column] = column(self)
        return self._memo[column]  # type: ignore[no-any-return]

    def _bodies(self) -> list[bytes]:
        """The lines without byte order marks (before the first row, or where files were joined)."""
        if BOM[:1] not in self.data or BOM not in self.data:  # one byte is sought ten times as fast
            return self.lines
        return [line.removeprefix(BOM) for line in self.lines]

    def _too_deep(self) -> list[int]:
        """Lines nested deeper than parsers agree to read: no walk over a value needs to fear for its stack."""
        brackets = np.flatnonzero((self.octets | 0x20) == ord("{"))  # [ and {
        counts = np.diff(np.searchsorted(brackets, self.line_ends), prepend=0)
        crowded = np.flatnonzero(counts > DEEPEST).tolist()
        return [i for i in crowded if nesting(self.lines[i].decode("utf-8", "replace")) > DEEPEST]

    def line(self, index: int) -> Line:
        raw = self.lines[index]
        try:
            text: str | None = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = None
        return Line(
            index,
            raw,
            text,
            self.values[index],
            self.examples[index],
            self.first and index == 0,
            self.ended or index < len(self.lines) - 1,
            self.heavy.size if self.heavy else 0,
        )

    def example(self, index: int) -> Example:
        example = self.examples[index]
        assert example is not None, "candidates must be readable rows"
        return example

    @cached_property
    def blank(self) -> list[int]:
        """Lines that hold white space only."""
        if self.heavy:
            return []
        return [i for i, value in enumerate(self.values) if value is UNSET and not self.lines[i].strip()]

    @cached_property
    def broken(self) -> list[int]:
        """Lines that hold something, but not JSON in UTF-8."""
        if self.heavy:
            return [0]
        return [i for i, value in enumerate(self.values) if value is UNSET and self.lines[i].strip()]

    # ------------------------------------------------------------------ columns over the raw bytes

    @cached_property
    def octets(self) -> np.ndarray:
        """uint8, shape (bytes,): the span as it stands in the file."""
        return np.frombuffer(self.data, np.uint8)

    @cached_property
    def line_ends(self) -> np.ndarray:
        """int64, shape (lines,): where each line ends, before its line break."""
        ends: np.ndarray = np.flatnonzero(self.octets == ord("\n"))
        return ends if self.ended else np.append(ends, len(self.data))

    @cached_property
    def escapes(self) -> np.ndarray:
        """int64: places of the backslashes that begin an escape (not those that are escaped)."""
        places: np.ndarray = np.flatnonzero(self.octets == ord("\\"))
        if not len(places):
            return places
        order = np.arange(len(places))
        begins = np.diff(places, prepend=-2) != 1
        rank: np.ndarray = order - np.maximum.accumulate(np.where(begins, order, 0))  # within a run of backslashes
        starts: np.ndarray = places[rank % 2 == 0]
        return starts

    def lines_at(self, places: np.ndarray) -> list[int]:
        """The lines in which bytes at these places stand, each once."""
        return distinct(np.searchsorted(self.line_ends, places))

    @cached_property
    def content_ids(self) -> list[bytes]:
        """BLAKE2b-128 of the canonical row (keys sorted, no white space); of the raw bytes where broken."""
        if self.heavy:
            return [self.heavy.digest]
        return [content_id(value, line) for value, line in zip(self.values, self.lines, strict=True)]

    # ------------------------------------------------------------------ candidates

    def lines_with(self, rule: type[RawRule]) -> list[int]:
        """Lines in which one of the rule's literals occurs."""
        lines: list[int] = self._raw_hits.get(rule, _NONE).tolist()
        return lines

    def rows_with(self, rule: type[RowRule]) -> list[int]:
        """Readable rows in whose turns one of the rule's literals occurs."""
        texts = self._text_hits.get(rule)
        return [] if texts is None else distinct(self.turn_lines[texts])

    @cached_property
    def _raw_hits(self) -> dict[type[Rule], np.ndarray]:
        ends = np.cumsum(np.fromiter((len(line) + 1 for line in self.lines), np.int64, len(self.lines)))
        return self._literals.raw.scan(self.data, ends)

    @cached_property
    def _text_hits(self) -> dict[type[Rule], np.ndarray]:
        return self._literals.text.scan(self.texts.data, self.texts.ends)

    @cached_property
    def structures(self) -> dict[Any, list[int]]:
        """Readable rows grouped by structure: keys, roles, types and blankness, without wording."""
        groups: dict[Any, list[int]] = {}
        values = self.values
        for index in self.readable:
            value = values[index]
            outline = _plain_chat(value) if len(value) == 1 and "messages" in value else None
            groups.setdefault(outline or structure(value), []).append(index)
        return groups

    def rows_of_flagged_structure(self, rule: RowRule) -> list[int]:
        """Rows whose structure the rule flags, judged once for each structure."""
        found: list[int] = []
        for rows in self.structures.values():
            if next(iter(rule.check(self.example(rows[0]))), None) is not None:
                found += rows
        return sorted(found)

    @cached_property
    def tool_rows(self) -> list[int]:
        """Rows that declare, call or answer tools."""
        return [
            i
            for i in self.readable
            if self.example(i).tools or any(t.calls or t.role == "tool" for t in self.example(i).all_turns())
        ]

    @cached_property
    def preference_rows(self) -> list[int]:
        return [i for i in self.readable if self.example(i).chosen or self.example(i).rejected]

    # ------------------------------------------------------------------ columns over all turns

    @cached_property
    def turns(self) -> list[Turn]:
        """Every turn of every readable row, in order; the columns below run parallel to it."""
        return [turn for i in self.readable for turn in self.example(i).all_turns()]

    @cached_property
    def turn_lines(self) -> np.ndarray:
        """int64, shape (turns,): the line each turn stands in."""
        counts = [len(self.example(i).all_turns()) for i in self.readable]
        return np.repeat(np.array(self.readable, dtype=np.int64), counts)

    @cached_property
    def roles(self) -> np.ndarray:
        """int8, shape (turns,): ROLE_CODES, OTHER_ROLE for the rest."""
        code = ROLE_CODES.get
        return np.fromiter((code(t.role, OTHER_ROLE) for t in self.turns), np.int8, len(self.turns))

    @cached_property
    def texts(self) -> Column:
        """The texts of all turns as they are."""
        return column(list(map(_text, self.turns)))

    @cached_property
    def folded(self) -> Column:
        """The texts of all turns in NFKC and without case, for comparing."""
        return fold_column(self.texts)

    @cached_property
    def words(self) -> Words:
        """Hashes of the words of the folded texts (64-bit, the same in every process)."""
        return hash_words(self.folded)

    @cached_property
    def turn_tokens(self) -> np.ndarray:
        """int64, shape (turns,): tokens of each turn's text, reasoning and calls, no template markers."""
        counts = np.asarray(self.tokenizer.count(list(map(_text, self.turns))), dtype=np.int64)
        more = [n for n, turn in enumerate(self.turns) if turn.calls or turn.reasoning]
        beside = [beside_text(self.turns[n]) for n in more]
        tokens = self.tokenizer.count([part for parts in beside for part in parts])
        np.add.at(counts, np.repeat(more, list(map(len, beside))).astype(np.int64), tokens)
        return counts

    @cached_property
    def tool_tokens(self) -> np.ndarray:
        """int64, shape (lines,): tokens of the tools each row declares."""
        declared = {i: definitions(self.example(i)) for i in self.readable if self.example(i).tools}
        texts = list(dict.fromkeys(text for found in declared.values() for text in found))
        known = dict(zip(texts, self.tokenizer.count(texts), strict=True))
        counts = np.zeros(len(self.lines), dtype=np.int64)
        for line, found in declared.items():
            counts[line] = sum(known[text] for text in found)
        return counts

    @cached_property
    def given_tokens(self) -> np.ndarray:
        """int64, shape (lines,): the ids of each row that is tokenized already, 0 of any other."""
        counts = np.zeros(len(self.lines), dtype=np.int64)
        silent = np.bincount(self.turn_lines, minlength=len(self.lines)) == 0
        for line in self.readable:
            if silent[line] and (ids := token_ids(self.example(line))):
                counts[line] = ids.tokens
        return counts

    @cached_property
    def row_tokens(self) -> np.ndarray:
        """int64, shape (lines,): tokens of all turns of a row and its tools, or the ids that it holds; 0 where it
        could not be read."""
        counts: np.ndarray = self.tool_tokens + self.given_tokens
        np.add.at(counts, self.turn_lines, self.turn_tokens)
        return counts


def line_breaks(batch: Batch) -> np.ndarray:
    """int64: where the texts of the turns have line breaks."""
    return np.flatnonzero(np.frombuffer(batch.texts.data, np.uint8) == ord("\n"))


_NONE = np.empty(0, dtype=np.int64)


_text = attrgetter("text")


def parse(line: bytes) -> Any:
    """The JSON value of a line, or UNSET; also where it is too heavy to be judged, so that nothing takes it for a row.

    What strict parsers refuse but a value can be read from (NaN, lone surrogates, raw control
    characters in strings) is read: rules on the raw line report it.
    """
    if is_heavy(line):
        return UNSET
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return json.loads(line.decode("utf-8"), strict=False)
    except (ValueError, RecursionError):
        return UNSET


def content_id(value: Any, raw: bytes) -> bytes:
    """The identity of a row: BLAKE2b-128 of its canonical form (16 bytes)."""
    if value is UNSET:
        body = raw
    else:
        try:
            body = _canonical(value)
        except (UnicodeEncodeError, OverflowError, msgspec.EncodeError, ValueError):
            body = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(body, digest_size=16).digest()


# Keys whose values, not only their types, belong to a row's structure.
_SPELT = frozenset({"role", "from", "type", "weight", "loss_weight", "train", "label", "channel", "rank"})


def structure(value: Any, key: str = "") -> Any:
    """A hashable outline of a JSON value: keys, types, roles and weights, blank or not; no wording."""
    kind = type(value)
    if kind is str:
        return _outline(value, key)
    if kind is dict:
        return tuple(
            [
                (name, _outline(item, name) if type(item) is str else structure(item, name))
                for name, item in value.items()
            ]
        )
    if kind is list:
        return ("l", *(_shared(value, key) if len(value) > _LISTED else [structure(item, key) for item in value]))
    if key in _SPELT:
        return (kind.__name__, value)
    return kind.__name__


_LISTED = 64  # elements of a list whose outlines are made one by one


def _shared(value: list[Any], key: str) -> Iterator[Any]:
    """The outlines of the elements of a long list, one object for all that are equal."""
    known: dict[Any, Any] = {}
    return (known.setdefault(outline, outline) for item in value for outline in (structure(item, key),))


def _plain_chat(value: dict[str, Any]) -> Any:
    """The outline of the commonest rows, messages of a role and a text, at half the cost; None for others."""
    messages = value["messages"]
    if type(messages) is not list:
        return None
    outline: list[Any] = []
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return None
        role, content = message.get("role"), message.get("content")
        if type(role) is not str or type(content) is not str:
            return None
        outline.append((role, bool(content) and not content.isspace(), next(iter(message)) == "role"))
    return tuple(outline)


def _outline(text: str, key: str) -> str:
    if key in _SPELT and len(text) < 40:
        return text
    return "s" if text and not text.isspace() else ""

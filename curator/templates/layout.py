"""Where the turns of a conversation stand in its render, and which parts of it are trained on.

A template's own words are told from those of the row by rendering the same conversation with sentinels
in the place of its texts. That gives a layout: literal pieces and slots. A row of the same structure is
rendered for real all the same, once; where the layout filled with its texts equals that render, all
that is known of the layout holds for the row, exactly. Where it does not (a template that looks into
the texts), the texts are searched for in the render.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from curator.templates.changes import Change, changes, header_of, spoken_roles
from curator.templates.closing import Closing, closed, closing_of, past_space
from curator.templates.searching import Found, Key, Span, in_order, occurrences, out_of_order, traced
from curator.templates.sentinels import (
    BLANK,
    CORE,
    NUMBERS,
    SENTINEL,
    around,
    cells_of,
    is_told,
    moulds_of,
    padded_mark,
    sentinel,
    shape_of,
    text_of,
)
from curator.templates.template import Message, Template, is_plain, prepared
from curator.templates.texts import is_blank, texts_of, with_texts
from curator.templates.thinking import Mould

if TYPE_CHECKING:
    from curator.templates.tracing import Trace

_NONE: Mapping[Key, Span] = MappingProxyType({})
_MOST_LAYOUTS = 2000
_MOST_RENDERED = 200_000  # turns in the prompts that are rendered to see whether each is a prefix of the whole
_MOST_TRACED = 1 << 20  # characters of a render in which texts are followed
MOST_SKIPPED = 1 << 20  # characters of a conversation that need not be rendered: of longer ones steps are counted


class Slot(NamedTuple):
    """A place that takes a text of the row, or a core of one that is cut at its think tags.

    `left` and `right` say that its outer space is stripped there, `quoted` that it is written as in JSON.
    """

    key: Key
    left: bool
    right: bool
    quoted: bool


Place = tuple[int, int]  # (piece, characters into that literal; 0 for a slot's start)


class Moulded(NamedTuple):
    """What becomes of a text that is cut at its think tags: where it stands, if at all, and whether it is all there."""

    key: Key
    span: tuple[Place, Place] | None
    lost: bool
    stripped: bool


class Layout(msgspec.Struct, frozen=True):
    """What a template makes of a conversation of one structure.

    `pieces` are literals and slots in order; `trained` are spans of the render. `unprefixed` are assistant
    messages whose prompt, rendered by itself, is no prefix of the whole. `unclosed` says that nothing but white
    space follows the last answer, `unended` that what closes it is outside of the part that the template itself
    marks as trained; `opens` is what follows it and opens another turn. `blind` says that the template does not
    look into the texts: every conversation of the structure has this layout. `moved` are the texts that stand
    before one of an earlier turn. Of texts that are `moulded` the literals hold the tags. `changed` says what is
    made of texts though they are written.
    """

    pieces: tuple[str | Slot, ...]
    trained: tuple[tuple[Place, Place], ...] = ()
    unprefixed: tuple[int, ...] = ()
    unclosed: bool = False
    unended: bool = False
    opens: str = ""
    marked: bool = False
    blind: bool = False
    moved: tuple[Key, ...] = ()
    moulded: tuple[Moulded, ...] = ()
    changed: tuple[Change, ...] = ()

    def lacks(self, key: Key) -> bool:
        for told in self.moulded:
            if told.key == key:
                return told.lost
        return all(isinstance(piece, str) or piece.key != key for piece in self.pieces)

    def filled(self, texts: dict[Key, str]) -> list[str]:
        """The pieces with the texts in their slots."""
        return [piece if isinstance(piece, str) else _fitted(piece, texts[piece.key]) for piece in self.pieces]

    @property
    def literals(self) -> str:
        """All literal text, with a line break for each slot."""
        return "\n".join(piece for piece in self.pieces if isinstance(piece, str))

    @property
    def outline(self) -> str:
        """The render with a sign in place of each text: what is empty in it is empty in every row."""
        return "".join(piece if isinstance(piece, str) else "\ufffc" for piece in self.pieces)


def _fitted(slot: Slot, text: str) -> str:
    _, left, right, quoted = slot
    if quoted:
        return json.dumps(text, ensure_ascii=False)[1:-1]
    if left:
        text = text.strip() if right else text.lstrip()
    return text.rstrip() if right else text


class Rendered(msgspec.Struct, frozen=True):
    """A conversation as the template writes it.

    `text` is empty where `error` says why nothing came out. `places` are the spans of the row's texts,
    `lost` the texts that are not in the render, `stripped` those that lost outer white space, `moved` those that
    stand before one of an earlier turn, `changed` what is made of others. `trained` are the spans the loss is taken
    on, those with a weight of 0 included.
    """

    text: str
    error: str = ""
    layout: Layout | None = None
    places: dict[Key, Span] = {}
    lost: tuple[Key, ...] = ()
    stripped: tuple[Key, ...] = ()
    trained: tuple[Span, ...] = ()
    exact: bool = True
    moved: tuple[Key, ...] = ()
    changed: tuple[Change, ...] = ()


class Renderer:
    """Renders conversations with one template and remembers the layouts of plain ones."""

    def __init__(self, template: Template) -> None:
        self.template = template
        self._layouts: dict[Hashable, Layout | None] = {}
        self._refusals: dict[Hashable, bool] = {}

    @cached_property
    def closing(self) -> Closing:
        """What the template writes behind answers, and behind the last one besides."""
        return closing_of(self.template)

    @cached_property
    def header(self) -> str:
        """What the template writes to have the assistant go on."""
        return header_of(self.template)

    def render(self, messages: Sequence[Message], tools: Sequence[Any] = ()) -> Rendered:
        """The conversation with the places of its texts and of what is trained. Never fails."""
        plain = all(map(is_plain, messages))
        said = list(messages) if plain else prepared(messages)
        texts: dict[Key, str]
        texts = {(n, "content", 0): m["content"] for n, m in enumerate(said)} if plain else texts_of(said)
        layout, moulds = self._fitting(said, texts, tools)
        cells = cells_of(texts, moulds) if moulds else texts
        if layout is not None and layout.blind and sum(map(len, texts.values())) < MOST_SKIPPED:
            filled = layout.filled(cells)
            return _exact("".join(filled), layout, filled, texts, cells)
        try:
            text = self.template.render(said, tools)
        except Exception as error:  # a template may raise anything
            return Rendered("", error=reason(error))
        if layout is not None:
            filled = layout.filled(cells)
            if "".join(filled) == text:
                return _exact(text, layout, filled, texts, cells)
        return self._searched(text, layout, said, texts, tools)

    def layout(self, said: Sequence[Message], tools: Sequence[Any]) -> Layout | None:
        """The layout of conversations of this structure; None where the template refuses sentinels."""
        return self._fitting(said, texts_of(said), tools)[0]

    def _fitting(
        self, said: Sequence[Message], texts: dict[Key, str], tools: Sequence[Any]
    ) -> tuple[Layout | None, dict[Key, Mould]]:
        """The layout, and the answers that are cut at their think tags: none where the template does not look there."""
        moulds = moulds_of(said)
        if moulds:
            whole = self._layout(said, texts, {}, tools)
            if whole is not None and whole.blind:
                return whole, {}
        return self._layout(said, texts, moulds, tools), moulds

    def _layout(
        self, said: Sequence[Message], texts: dict[Key, str], moulds: dict[Key, Mould], tools: Sequence[Any]
    ) -> Layout | None:
        key = shape_of(said, texts, moulds, tools)
        if key not in self._layouts:
            if len(self._layouts) >= _MOST_LAYOUTS:
                self._layouts.clear()
            self._layouts[key] = self._made(said, texts, moulds, tools)
        return self._layouts[key]

    def refused(self, said: Sequence[Message], tools: Sequence[Any], error: str) -> Hashable | None:
        """What all conversations have in common that are of the shape of this one and are refused with this error; None
        where the same with sentinels in the place of its texts is not refused, or with another error."""
        texts = texts_of(said)
        key = "refused", shape_of(said, texts, {}, tools), error
        if key not in self._refusals:
            if len(self._refusals) >= _MOST_LAYOUTS:
                self._refusals.clear()
            self._refusals[key] = self._refuses(with_texts(said, _Marks(texts, {}).texts), tools) == error
        return key if self._refusals[key] else None

    def _refuses(self, said: Sequence[Message], tools: Sequence[Any]) -> str:
        try:
            self.template.render(said, tools)
        except Exception as error:  # a template may raise anything
            return reason(error)
        return ""

    def _made(
        self, said: Sequence[Message], texts: dict[Key, str], moulds: dict[Key, Mould], tools: Sequence[Any]
    ) -> Layout | None:
        if any(not text.strip() and text for text in texts.values()):
            return None  # white space alone: what becomes of it depends on the template's own tests
        marks = _Marks(texts, moulds)
        padded = {key: padded_mark(key, mark) for key, mark in marks.cells.items()}
        try:
            bare = self.template.render(with_texts(said, marks.texts), tools)
            wide = self.template.render(with_texts(said, _Marks.put(padded, moulds)), tools)
        except Exception:
            return None
        pieces: list[str | Slot] = []
        parts = re.split(f"({SENTINEL})", bare)
        for piece, around_it in zip(parts, around(parts, re.split(f"({SENTINEL})", wide)), strict=False):
            if piece in marks.owner:
                pieces.append(Slot(marks.owner[piece], *around_it))
            elif piece:
                pieces.append(piece)
        blind = not moulds and self._looks_away(said, marks.texts, tools, bare)
        order = [(n, n + 1, text_of(piece.key)) for n, piece in enumerate(pieces) if isinstance(piece, Slot)]
        moved = tuple(out_of_order(occurrences(order), said))
        layout = Layout(tuple(pieces), blind=blind, moved=moved)
        cut: dict[Key, Span] = {}
        if moulds:
            found = self._followed(bare, said, marks, tools)
            cut = {key: place for key, place in found.places.items() if key in moulds}
            place = _places(layout, marks.cells)
            layout = msgspec.structs.replace(
                layout,
                moulded=tuple(
                    Moulded(
                        key,
                        (place(cut[key][0]), place(cut[key][1])) if key in cut else None,
                        key in found.lost,
                        key in found.stripped,
                    )
                    for key in moulds
                ),
            )
        return self._with_training(layout, bare, said, marks, cut, tools)

    def _followed(self, bare: str, said: Sequence[Message], marks: _Marks, tools: Sequence[Any]) -> Found:
        """Where the texts stand in the render with sentinels."""
        shown = with_texts(said, marks.texts)
        trace = self._trace(bare, shown, marks.texts, tools)
        return in_order(bare, shown, marks.texts, None) if trace is None else traced(trace, shown, marks.texts)

    def _looks_away(self, said: Sequence[Message], marks: dict[Key, str], tools: Sequence[Any], bare: str) -> bool:
        """Whether all conversations of nothing but texts in these roles have this layout."""
        if not all(is_told(n, message, marks) for n, message in enumerate(said)):
            return False
        from curator.templates.proof import looks_away

        values = self.template.values(with_texts(said, marks), tools)
        return looks_away(self.template.text(bool(tools)), values, bare)

    def _with_training(
        self,
        layout: Layout,
        bare: str,
        said: Sequence[Message],
        marks: _Marks,
        cut: dict[Key, Span],
        tools: Sequence[Any],
    ) -> Layout:
        """The layout with its trained spans, found in the render with sentinels; `cut` are the places of texts
        that are cut at their think tags."""
        shown = with_texts(said, marks.texts)
        spots = _Spots((*_spots_of(bare, marks, cut), *self._blanks(bare, shown, tools)))
        starts, unprefixed = self._starts(bare, shown, spots, tools)
        spans: list[Span] = []
        marked = self.template.marks(bool(tools))
        if marked:
            spans = self.template.marked(shown, tools)[1]
        else:
            ends = self._ends(bare, shown, spots, marks, tools, starts)
            spans = [(start, ends[n]) for n, start in starts.items() if n in ends and start < ends[n]]
        last = max((n for n, message in enumerate(said) if message.get("role") == "assistant"), default=-1)
        stop = spots.end(last) if last == len(said) - 1 else None
        opens = self.closing.opens if stop is not None and not marked else ""
        opens = opens if opens and bare[stop:].rstrip().endswith(opens) else ""
        unclosed = stop is not None and not bare[stop:].strip().removesuffix(opens).strip()
        unended = stop is not None and marked and not unclosed and _unended(bare, stop, spans)
        place = _places(layout, marks.cells)
        trained = tuple((place(start), place(end)) for start, end in spans)
        layout = msgspec.structs.replace(
            layout,
            trained=trained,
            unprefixed=tuple(unprefixed),
            unclosed=unclosed,
            unended=unended,
            opens=opens,
            marked=marked,
        )
        return msgspec.structs.replace(layout, changed=tuple(self._changes(layout, bare, shown, tools)))

    def _changes(self, layout: Layout, bare: str, shown: Sequence[Message], tools: Sequence[Any]) -> Iterator[Change]:
        """What becomes of the texts that are written, `bare` being the render with sentinels."""
        closes = self.closing.closes
        spoken = spoken_roles(bare, layout, shown, tools, self.template, closes)
        return changes(layout, shown, self.template, header=self.header, spoken=spoken)

    def _starts(
        self, whole: str, shown: Sequence[Message], spots: _Spots, tools: Sequence[Any]
    ) -> tuple[dict[int, int], list[int]]:
        """(where each answer begins, by message; the messages whose prompt is no prefix of the whole)."""
        starts: dict[int, int] = {}
        unprefixed = []
        for n, prompt in self._prompts(shown, tools):
            if prompt is not None and whole.startswith(prompt):
                starts[n] = len(prompt)
                continue
            if prompt is not None:
                unprefixed.append(n)
            if (own := spots.start(n)) is not None:
                starts[n] = own
        return starts, unprefixed

    def _prompts(self, said: Sequence[Message], tools: Sequence[Any]) -> Iterator[tuple[int, str | None]]:
        """(message, the prompt before it) of each answer; None where the template refuses it or that is not tried.

        Rendering every prompt of a conversation costs the square of its turns: of very long ones the first
        prompts are rendered, and the last.
        """
        answers = [n for n, message in enumerate(said) if message.get("role") == "assistant"]
        rendered = 0
        for n in answers:
            rendered += n
            prompt = None
            if n and (rendered <= _MOST_RENDERED or n == answers[-1]):
                try:
                    prompt = self.template.render(said[:n], tools, generation=True)
                except Exception:  # a template may raise anything
                    prompt = None
            yield n, prompt

    def _ends(
        self,
        whole: str,
        shown: Sequence[Message],
        spots: _Spots,
        marks: _Marks,
        tools: Sequence[Any],
        starts: dict[int, int],
    ) -> dict[int, int]:
        """Where each answer ends: after its last text or call and the control tokens that close it."""
        ends: dict[int, int] = {}
        for n, message in enumerate(shown):
            if message.get("role") != "assistant":
                continue
            if message.get("tool_calls") and (said := self._upto(whole, shown[: n + 1], spots, marks, tools)):
                ends[n] = said
                continue
            stop = spots.end(n)
            if stop is None and n in starts:
                ends[n] = self._bare_end(whole, shown[: n + 1], starts[n], tools)
            elif stop is not None:
                ends[n] = self._closed(whole, spots, n, stop, last=n == len(shown) - 1)
        return ends

    def _closed(self, text: str, spots: _Spots, message: int, stop: int, *, last: bool) -> int:
        """Where an answer ends whose text ends at `stop`; all that stands behind the `last` message closes it, but for
        what opens another turn."""
        if last and spots.behind(stop):
            return max(stop, len(self._ended(text)))
        after = spots.next(message, stop)
        limit = len(text) if after is None else after
        return closed(text, stop, limit, self.template.token_pattern(), self.closing.closes, last=after is None)

    def _ended(self, text: str) -> str:
        """A render up to where its last turn ends: without what opens another turn."""
        return text.rstrip().removesuffix(self.closing.opens).rstrip()

    def _bare_end(self, whole: str, shown: Sequence[Message], start: int, tools: Sequence[Any]) -> int:
        """Where the last of these messages ends, an answer of which only the prompt is found; else its start."""
        try:
            alone = self._ended(self.template.render(shown, tools))
        except Exception:  # a template may raise anything
            return start
        return max(start, len(alone)) if whole.startswith(alone) else start

    def _blanks(self, whole: str, said: Sequence[Message], tools: Sequence[Any]) -> Iterator[tuple[int, int, int]]:
        """(message, start, end) of the answers that say nothing: where the render has a text in their place."""
        marks = {
            (n, "content", 0): sentinel(BLANK + n)
            for n, message in enumerate(said)
            if message.get("role") == "assistant" and not message.get("tool_calls") and is_blank(message)
        }
        if not marks:
            return
        try:
            parts = re.split(f"({SENTINEL})", self.template.render(with_texts(said, marks), tools))
        except Exception:  # a template may raise anything
            return
        owner = {mark: key[0] for key, mark in marks.items()}
        for stripped in (False, True):
            texts = {mark: "" if stripped else said[n]["content"] for mark, n in owner.items()}
            shown = [texts.get(part, part) for part in parts]
            if "".join(shown) == whole:
                ends = list(accumulate(map(len, shown)))
                found = zip(parts, shown, ends, strict=True)
                yield from ((owner[part], end - len(text), end) for part, text, end in found if part in owner)
                return

    def _upto(self, whole: str, shown: Sequence[Message], spots: _Spots, marks: _Marks, tools: Sequence[Any]) -> int:
        """Where the first messages end in the whole, 0 where that cannot be told.

        Some templates write the last turn of a conversation in another way than the same turn before others.
        Then what follows its last text is compared, not all that stands before it.
        """
        try:
            rendered = self.template.render(shown, tools)
        except Exception:
            return 0
        text = self._ended(rendered)
        if whole.startswith(text if self.closing.opens else rendered):
            return len(text)
        n = len(shown) - 1
        last, stop = _Spots(_spots_of(text, marks)).end(n), spots.end(n)
        tail = "" if last is None else text[last:]
        return stop + len(tail) if tail and stop is not None and whole.startswith(tail, stop) else 0

    def _searched(
        self,
        text: str,
        layout: Layout | None,
        said: Sequence[Message],
        texts: dict[Key, str],
        tools: Sequence[Any],
    ) -> Rendered:
        """As exact as can be told without a layout that holds."""
        found = in_order(text, said, texts, layout)
        if found.doubtful:
            trace = self._trace(text, said, texts, tools)
            found = found if trace is None else traced(trace, said, texts)
        trained = tuple(self._trained_of(text, said, found.places, tools))
        lost, stripped, moved = map(tuple, (found.lost, found.stripped, found.moved))
        changed = tuple(change for change in layout.changed if change.key not in lost) if layout is not None else ()
        return Rendered(
            text, "", layout, found.places, lost, stripped, trained, exact=False, moved=moved, changed=changed
        )

    def _trace(self, text: str, said: Sequence[Message], texts: dict[Key, str], tools: Sequence[Any]) -> Trace | None:
        if len(text) > _MOST_TRACED:
            return None
        from curator.templates.tracing import followed

        def put(marks: dict[Key, str]) -> list[Message]:
            return with_texts(said, marks)

        return followed(self.template.text(bool(tools)), self.template.values(said, tools), put, texts, text)

    def _trained_of(
        self, text: str, said: Sequence[Message], places: dict[Key, Span], tools: Sequence[Any]
    ) -> Iterator[Span]:
        if self.template.marks(bool(tools)):
            yield from self.template.marked(said, tools)[1]
            return
        placed = [(owner, *span) for (owner, _, _), span in places.items()]
        spots = _Spots((*placed, *self._blanks(text, said, tools)))
        for n, prompt in self._prompts(said, tools):
            start, end = spots.start(n), spots.end(n)
            start = len(prompt) if prompt and text.startswith(prompt) else start
            if start is None:
                continue
            after = spots.next(n, start if end is None else end)
            limit = len(text) if after is None else after
            calls = bool(prompt and said[n].get("tool_calls"))
            if calls and (stop := self._calls_end(text, said[: n + 1], tools, (start, limit))):
                yield start, stop
            elif end is not None:
                yield start, self._closed(text, spots, n, end, last=n == len(said) - 1)
            elif (stop := self._bare_end(text, said[: n + 1], start, tools)) > start:
                yield start, stop

    def _calls_end(self, text: str, said: Sequence[Message], tools: Sequence[Any], within: Span) -> int:
        """Where the last of these messages, which makes calls, ends in a part of the text; 0 where that is open."""
        try:
            alone = self._ended(self.template.render(said, tools))
        except Exception:
            return 0
        if text.startswith(alone):
            return len(alone)
        tokens = self.template.token_pattern().finditer(alone)
        closing = next((hit[0] for hit in tokens if hit.end() == len(alone)), self.closing.closes)
        place = text.find(closing, *within) if closing else -1
        return place + len(closing) if place >= 0 else 0


class _Spots:
    """Where the texts of each message stand in a render."""

    def __init__(self, spots: Iterable[tuple[int, int, int]]) -> None:
        """`spots` are (message, start, end) of each text."""
        self._spans: dict[int, Span] = {}
        self._begins: list[tuple[int, int]] = []  # (start, message), in order
        for message, start, end in spots:
            low, high = self._spans.get(message, (start, end))
            self._spans[message] = min(low, start), max(high, end)
            self._begins.append((start, message))
        self._begins.sort()

    def start(self, message: int) -> int | None:
        """Where the first text of a message begins."""
        span = self._spans.get(message)
        return span and span[0]

    def end(self, message: int) -> int | None:
        """Where the last text of a message ends."""
        span = self._spans.get(message)
        return span and span[1]

    def next(self, message: int, place: int) -> int | None:
        """Where the next text of a later message begins, from a place on."""
        first = bisect_left(self._begins, (place, -1))
        return next((start for start, owner in islice(self._begins, first, None) if owner > message), None)

    def behind(self, place: int) -> bool:
        """Whether a place is behind all texts."""
        return not self._begins or self._begins[-1][0] < place


class _Marks:
    """Sentinels in the place of texts: of each cell, and in the whole of each text."""

    def __init__(self, texts: dict[Key, str], moulds: dict[Key, Mould]) -> None:
        cells = cells_of(texts, moulds)
        self.moulds = moulds
        self.cells = {key: sentinel(n) for n, key in enumerate(cells) if cells[key].strip()}
        self.texts = self.put(self.cells, moulds)
        self.owner = {mark: key for key, mark in self.cells.items()}

    @staticmethod
    def put(cells: dict[Key, str], moulds: dict[Key, Mould]) -> dict[Key, str]:
        """The texts that have these cells."""
        texts = {key: cell for key, cell in cells.items() if key[1] != CORE}
        for key, cut in moulds.items():
            texts[key] = cut.filled(tuple(cells[key[0], CORE, k] for k in range(len(cut.cores))))
        return dict(sorted(texts.items(), key=lambda item: item[0][0])) if moulds else texts


def _spots_of(
    whole: str, marks: _Marks, cut: Mapping[Key, Span] = MappingProxyType({})
) -> Iterator[tuple[int, int, int]]:
    """(message, start of the first, end of the last) of the sentinels of each text in a render; of those that are
    `cut` the place is known."""
    found: dict[Key, Span] = {}
    for hit in re.finditer(SENTINEL, whole):
        if (cell := marks.owner.get(hit[0])) is not None:
            key = text_of(cell)
            found[key] = found.get(key, hit.span())[0], hit.end()
    for key, span in (found | dict(cut)).items():
        yield key[0], *span


def _exact(text: str, layout: Layout, filled: list[str], texts: dict[Key, str], cells: dict[Key, str]) -> Rendered:
    offsets, at = [], 0
    places: dict[Key, Span] = {}
    stripped = []
    for piece, part in zip(layout.pieces, filled, strict=True):
        offsets.append(at)
        end = at + len(part)
        if not isinstance(piece, str):
            key = piece.key
            places.setdefault(key, (at, end))
            if part != cells[key]:
                stripped.append(key)
        at = end
    offsets.append(at)
    trained = tuple([(offsets[a] + i, offsets[b] + j) for (a, i), (b, j) in layout.trained])
    lost: tuple[Key, ...] = ()
    if layout.moulded:
        places = {key: place for key, place in places.items() if key[1] != CORE}
        for told in layout.moulded:
            if told.span is not None:
                (a, i), (b, j) = told.span
                places[told.key] = offsets[a] + i, offsets[b] + j
        stripped += [told.key for told in layout.moulded if told.stripped]
        stripped = [key for key in texts if key in stripped]
        lost = tuple([told.key for told in layout.moulded if told.lost])
    if len(places) != len(texts):
        missing = [key for key in texts if key not in places and key[1] not in NUMBERS]
        gone = {*lost, *[key for key in missing if texts[key].strip()]}
        lost = tuple(key for key in texts if key in gone)
    return Rendered(
        text, "", layout, places, lost, tuple(stripped), trained, moved=layout.moved, changed=layout.changed
    )


def _places(layout: Layout, marks: dict[Key, str]) -> Callable[[int], tuple[int, int]]:
    """Turns an offset in the render with sentinels into (piece, characters into it); a slot counts from its start."""
    sizes = [len(piece) if isinstance(piece, str) else len(marks[piece.key]) for piece in layout.pieces]
    ends = list(accumulate(sizes))

    def place(offset: int) -> tuple[int, int]:
        n = bisect_right(ends, offset)
        if n == len(ends):
            return n, 0
        return n, offset - (ends[n] - sizes[n]) if isinstance(layout.pieces[n], str) else 0

    return place


def _unended(text: str, stop: int, trained: Iterable[Span]) -> bool:
    """Whether the trained part that holds the last answer, whose text ends at `stop`, ends before what closes it."""
    place = past_space(text, stop, len(text))
    return any(start < stop <= end <= place for start, end in trained)


def reason(error: Exception) -> str:
    """What a template's error says, in one line."""
    said = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    return said if kind in ("TemplateError", "Unbounded") and said else f"{kind}: {said}"

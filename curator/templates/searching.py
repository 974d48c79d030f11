"""Finds the texts of a conversation in a render: by a search, or by what is known of where each went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from curator.templates.template import Message

if TYPE_CHECKING:
    from curator.templates.layout import Layout
    from curator.templates.tracing import Trace

Key = tuple[int, str, int]  # (message, field, part): which text of a conversation; SPOKEN fields and others
Span = tuple[int, int]

SPOKEN = frozenset({"content", "reasoning_content"})  # the fields that hold what somebody says
_GATHERED = ("system", "developer")  # whose texts templates move to where the model looks for them
_SHORT = 12  # characters below which a text may stand anywhere by chance


class Found(NamedTuple):
    """Where the texts are: `doubtful` where a search alone may be wrong."""

    places: dict[Key, Span]
    lost: list[Key]
    stripped: list[Key]
    moved: Sequence[Key] = ()
    doubtful: bool = False


def in_order(text: str, said: Sequence[Message], texts: Mapping[Key, str], layout: Layout | None) -> Found:
    """As exact as a search can tell: the texts in order, each where it stands after the one before."""
    found = Found({}, [], [])
    cursor, doubtful = 0, False
    words = layout.literals if layout is not None else ""
    for key, whole in texts.items():
        wanted = whole.strip()
        if not wanted or key[1] not in SPOKEN:
            continue
        if layout is not None and layout.lacks(key):
            found.lost.append(key)
            doubtful = True  # the sentinel may be gone for another reason than the text
            continue
        gathered = said[key[0]].get("role") in _GATHERED
        place = _search(text, whole, cursor) or (_search(text, whole, 0) if gathered else None)
        doubtful |= place is None or wanted in words or (len(wanted) < _SHORT and _by_chance(wanted, text, texts))
        if place is None:
            found.lost.append(key)
            place = _search(text, after_thought(whole), cursor)
        if place is None:
            continue
        found.places[key] = place
        cursor = max(cursor, place[1])
        if text[slice(*place)] == wanted and whole != wanted:
            found.stripped.append(key)
    return found._replace(doubtful=doubtful)


def _by_chance(wanted: str, text: str, texts: Mapping[Key, str]) -> bool:
    """Whether a short text stands in a render more or less often than in all texts together."""
    return text.count(wanted) != sum(whole.count(wanted) for whole in texts.values())


def traced(trace: Trace, said: Sequence[Message], texts: Mapping[Key, str]) -> Found:
    """Where the texts are that were followed through the template."""
    spans = occurrences(trace.runs)
    found = Found({}, [], [], tuple(out_of_order(spans, said)))
    cursor = 0
    for key, whole in texts.items():
        wanted = whole.strip()
        if not wanted or key[1] not in SPOKEN:
            continue
        complete = [place for span in spans.get(key, ()) if (place := _around(trace.text, whole, span))]
        if not complete and key in trace.unfollowed:
            complete = [place] if (place := _search(trace.text, whole, cursor)) else []
        if not complete:
            found.lost.append(key)
        kept = complete or spans.get(key)
        if not kept:
            continue
        place = found.places[key] = next((span for span in kept if span[0] >= cursor), kept[0])
        cursor = max(cursor, place[1])
        if trace.text[slice(*place)] == wanted and whole != wanted:
            found.stripped.append(key)
    return found


def occurrences(runs: Iterable[tuple[int, int, Key]]) -> dict[Key, list[Span]]:
    """The spans of each text, in order; runs of one text with no other text between them are one."""
    found: dict[Key, list[Span]] = {}
    last: Key | None = None
    for start, end, key in runs:
        if key == last:
            found[key][-1] = found[key][-1][0], end
        else:
            found.setdefault(key, []).append((start, end))
        last = key
    return found


def out_of_order(spans: Mapping[Key, Sequence[Span]], said: Sequence[Message]) -> Iterator[Key]:
    """The first text of each turn that stands nowhere behind those of all earlier turns; system texts aside."""
    behind = -1  # the start of the last text of the turns so far
    turns: dict[int, list[Key]] = {}
    for key in sorted(spans):
        if key[1] == "content" and said[key[0]].get("role") not in _GATHERED:
            turns.setdefault(key[0], []).append(key)
    for keys in turns.values():
        starts = [next((start for start, _ in spans[key] if start > behind), -1) for key in keys]
        if min(starts) < 0:
            yield keys[starts.index(-1)]
        behind = max(behind, *starts)


def _around(text: str, whole: str, span: Span) -> Span | None:
    """The place of a whole text, in any form, of which a span is known to be a part."""
    if text[slice(*span)] in (whole, whole.strip()):
        return span
    for form in _forms(whole):
        start = text.find(form, max(0, span[0] - len(form) + 1), span[1] - 1 + len(form))
        if start >= 0:
            return start, start + len(form)
    return None


def _forms(text: str) -> Iterator[str]:
    """How a template may have written a text: as it is, stripped, or as a JSON string."""
    yield text
    yield text.strip()
    for ascii_only in (False, True):
        yield json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def _search(text: str, wanted: str, start: int) -> Span | None:
    """The first place of a text from `start` on, in any form a template may have given it."""
    for form in _forms(wanted) if wanted else ():
        if (found := text.find(form, start)) >= 0:
            return found, found + len(form)
    return None


def after_thought(text: str) -> str:
    """What follows the reasoning in an answer, "" where there is none."""
    return text.rpartition("</think")[2].partition(">")[2].strip() if "</think" in text else ""

"""What a row says of itself beside its text: document, conversation, source, licence, language, label.

Data sets write such things under many names, at the top of a row or one level down (`metadata`, `meta`).
Only names that say plainly what they hold are read; a value that could be the name of a whole corpus is no
document.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from curator import paths
from curator.columns import Batch
from curator.text.patterns import compiled_later

DOCUMENT, CONVERSATION, PLACE = "document", "conversation", "place"

# Names without case and punctuation.
_NAMES = {
    DOCUMENT: "documentid docid docuuid documentuuid documentname docname sourcedocument sourcedoc sourcefile "
    "sourcepath articleid pageid paperid passageid contextid",
    CONVERSATION: "conversation conversationid convid convoid conversationhash conversationuuid dialogueid dialogid "
    "thread threadid chatid sessionid messagetreeid treeid ticketid caseid",
    PLACE: "source url sourceurl documenturl docurl pageurl link file filename filepath document doc sourceid origin",
    "licence": "license licence licenses rights",
    "source": "source dataset datasetname datasource corpus origin subset",
    "language": "language lang locale languagecode",
    "label": "label category class intent topic domain task tasktype",
}
_NESTED = frozenset({"metadata", "meta", "info", "extra", "provenance"})
_PUNCTUATION = re.compile(r"[^a-z0-9]+")
_NOTHING = frozenset({"", "none", "null", "nan", "na", "n/a", "unknown", "-", "-1"})
# An address below the front page of a site, or the name of a written document.
_IS_DOCUMENT = compiled_later(
    r"(?i)[a-z][a-z0-9+.-]*://[^/\s]+/[^\s]*[^\s/]"
    r"|[^\n]*[^\n./\\]\.(pdf|docx?|odt|rtf|txt|md|rst|html?|pptx?|epub|tex|eml|srt|vtt)"
)


class Said(NamedTuple):
    """One thing a row says of itself: what it is, the keys that lead to it, and the value as text."""

    kind: str
    steps: tuple[str, ...]
    value: str

    @property
    def path(self) -> str:
        return paths.format(self.steps)


@lru_cache(maxsize=4096)
def _kinds(name: str) -> tuple[str, ...]:
    folded = _PUNCTUATION.sub("", name.lower())
    return tuple(kind for kind, names in _NAMES.items() if folded in names.split())


def said(value: dict[str, Any]) -> Iterator[Said]:
    """Everything a row says of itself, at its top and one level down."""
    for name, item in value.items():
        if kinds := _kinds(name):
            if (text := _text(item)) is not None:
                yield from (Said(kind, (name,), text) for kind in kinds)
        elif type(item) is dict and name.lower() in _NESTED:
            for inner, below in item.items():
                if (kinds := _kinds(inner)) and (text := _text(below)) is not None:
                    yield from (Said(kind, (name, inner), text) for kind in kinds)


def _text(item: Any) -> str | None:
    """The value as text; None where it says nothing."""
    if type(item) is str:
        text = item.strip()
        return text if text.lower() not in _NOTHING else None
    return str(item) if type(item) is int and item >= 0 else None


def steps_to(value: dict[str, Any], name: str) -> tuple[str, ...]:
    """The keys that lead to what a name or a dotted path names; a key that is written with dots goes first."""
    return (name,) if name in value else tuple(name.split("."))


def value_at(value: dict[str, Any], name: str) -> str | None:
    """The value a row has under a name or a dotted path ("metadata.lang"), as text; None where there is none."""
    item: Any = value
    for part in steps_to(value, name):
        item = item.get(part) if type(item) is dict else None
    if type(item) is bool:
        return str(item).lower()
    return str(item) if type(item) is float else _text(item)


# ---------------------------------------------------------------------- labels

# A label that is judged with the text: a row with another one is another row. Topics and tasks only sort rows.
_LABELS = frozenset("label labels labelname labeltext class category intent sentiment ktotag".split())
# Columns that hold what is to be told of a text, or how it was judged. Two rows that differ in one are two rows, but
# several judges may differ and be right: only labels are called contradictory.
_JUDGED = _LABELS | frozenset(
    "labelid classes classlabel classname categories intents target targets gold goldlabel groundtruth emotion "
    "emotions toxicity polarity stance verdict tag tags score rating stars grade".split()
)
_IS = re.compile(r"(?i)is[_-]|(?-i:is[A-Z])")  # is_spam, isToxic


@lru_cache(maxsize=4096)
def _is_label(name: str) -> bool:
    return _PUNCTUATION.sub("", name.lower()) in _LABELS


def label_of(value: Any) -> tuple[tuple[str, ...], str] | None:
    """(the keys that lead to it, the label as text) of a row that is labelled in a column of its own."""
    if type(value) is not dict or len(value) < 2:
        return None
    for name, item in value.items():
        if type(item) is dict and name.lower() in _NESTED:
            for inner, below in item.items():
                if _is_label(inner) and (text := _label(below)) is not None:
                    return (name, inner), text
        elif _is_label(name) and (text := _label(item)) is not None:
            return (name,), text
    return None


# Beside a text, what tells where it comes from, how it is counted or who judged it: no label, however few its values.
_NO_LABEL = frozenset(
    "id idx index row rowid number uuid guid key hash split fold part batch set date time timestamp day month year "
    "created createdat updated annotator annotatorid worker workerid rater reviewer user userid author speaker name "
    "title model modelname engine version length tokens words chars size score rating stars grade rank weight quality "
    "confidence difficulty level type format region country".split()
)
_SHORT_LABEL, _LABEL_WORDS = 40, 3  # characters and words of a value that may be a label


@lru_cache(maxsize=4096)
def _may_label(name: str) -> bool:
    folded = _PUNCTUATION.sub("", name.lower())
    return folded not in _NO_LABEL and not _kinds(name) and not folded.endswith(("id", "name", "date", "time", "count"))


def beside_text(value: Any) -> tuple[str, str] | None:
    """(name, value as text) of the one column beside a plain text that could hold a label by its name and form.

    None where there is no such column, or several: one row does not tell whether it is a label, the set does.
    """
    if type(value) is not dict or type(value.get("text", value.get("content"))) is not str:
        return None
    found = None
    for name, item in value.items():
        if name in ("text", "content") or not _may_label(name) or type(item) not in (str, bool):
            continue
        text = _label(item)
        if text is None:
            continue
        if found or len(text) > _SHORT_LABEL or len(text.split()) > _LABEL_WORDS:
            return None
        found = name, text
    return found


def judged_of(value: Any) -> tuple[tuple[str, str], ...]:
    """(name, value as text) of all columns of a row that hold what is to be told of its text, in order of names."""
    if type(value) is not dict or len(value) < 2:
        return ()
    found = []
    for name, item in value.items():
        if type(item) is dict and name.lower() in _NESTED:
            found += [(inner, text) for inner, below in item.items() if (text := _judged(inner, below)) is not None]
        elif (text := _judged(name, item)) is not None:
            found.append((name, text))
    return tuple(sorted(found))


@lru_cache(maxsize=4096)
def _is_judged(name: str) -> bool:
    return _PUNCTUATION.sub("", name.lower()) in _JUDGED


@lru_cache(maxsize=4096)
def _asks(name: str) -> bool:
    return bool(_IS.match(name))


def _judged(name: str, item: Any) -> str | None:
    if _is_judged(name):
        if type(item) is list and all(type(each) in (bool, int, str) for each in item):
            return "\n".join(sorted(str(each).lower() for each in item))
        return _label(item)
    return str(item).lower() if type(item) in (bool, int) and _asks(name) else None


def _label(item: Any) -> str | None:
    return str(item).lower() if type(item) in (bool, int) else _text(item)


def label_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): a key of the label that a row has beside its text; 0 for none."""
    out = np.zeros(len(batch.lines), dtype=np.uint64)
    values = batch.values
    for line in batch.readable:
        if len(values[line]) > 1 and (found := label_of(values[line])):
            out[line] = key_of("label", found[1])
    return out


def beside_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines, 2): keys of name and value of what `beside_text` finds; 0 for nothing."""
    out = np.zeros((len(batch.lines), 2), dtype=np.uint64)
    values = batch.values
    for line in batch.readable:
        if len(values[line]) > 1 and (found := beside_text(values[line])):
            out[line] = key_of("column", found[0]), key_of("label", found[1])
    return out


def judged_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines,): a key of all that a row has to tell of its text beside it; 0 for nothing."""
    out = np.zeros(len(batch.lines), dtype=np.uint64)
    values = batch.values
    for line in batch.readable:
        if len(values[line]) > 1 and (found := judged_of(values[line])):
            out[line] = key_of("judged", "\0".join(text for pair in found for text in pair))
    return out


# ---------------------------------------------------------------------- groups

GROUPS = (DOCUMENT, CONVERSATION, PLACE)


def group_keys(batch: Batch) -> np.ndarray:
    """uint64, shape (lines, 3): keys of the document, the conversation and the place a row is from; 0 for none.

    A place (`source`, `url`, `file`) counts where it is an address or the name of a document.
    """
    out = np.zeros((len(batch.lines), len(GROUPS)), dtype=np.uint64)
    for line in batch.readable:
        value = batch.values[line]
        if len(value) > 1:
            for kind, column in _of_row(value):
                out[line, GROUPS.index(kind)] = column
    return out


def _of_row(value: dict[str, Any]) -> Iterator[tuple[str, int]]:
    seen = set()
    for item in said(value):
        if item.kind in GROUPS and item.kind not in seen and is_group(item):
            seen.add(item.kind)
            yield item.kind, key_of(item.kind, item.value)


def is_group(item: Said) -> bool:
    """Whether rows with this value are from one document or conversation; a conversation's text is no name of it."""
    if item.kind == CONVERSATION:
        return len(item.value) <= _LONGEST_NAME and "\n" not in item.value
    return item.kind == DOCUMENT or (item.kind == PLACE and bool(_IS_DOCUMENT.fullmatch(item.value)))


_LONGEST_NAME = 200  # characters


def named_keys(batch: Batch, names: Sequence[str]) -> np.ndarray:
    """uint64, shape (lines, len(names)): keys of the values under the names; 0 where a row has none."""
    out = np.zeros((len(batch.lines), len(names)), dtype=np.uint64)
    for line in batch.readable if names else ():
        for column, name in enumerate(names):
            if (text := value_at(batch.values[line], name)) is not None:
                out[line, column] = key_of(name, text)
    return out


def key_of(kind: str, value: str) -> int:
    """A 64-bit key of a value; never 0."""
    digest = hashlib.blake2b(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") or 1

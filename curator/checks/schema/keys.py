"""Keys that no reader knows, and text that no trainer reads."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import numpy as np

from curator.checks.schema.rows import HELLO, PARTS, REFUSAL, TOOLS, answer, messages, said
from curator.columns import Batch, Rows
from curator.formats import SHAPES
from curator.formats.adapter import nearly
from curator.formats.detect import FAMILY
from curator.formats.writing import MESSAGE_KEYS, head
from curator.model import Cut, Example, Fix, Flag, Put
from curator.paths import format, get, join
from curator.rule import Bad, DatasetRule, Row, chat, option

# Shapes whose messages carry keys of their own: what they need is not role and content.
_OF_THEIR_OWN = frozenset({"gemini", "input-output", "oasst", "self-instruct", "tokenized"})


_MOST_KEYS = 4  # of a row that a sketch holds


def key_hash(key: str) -> int:
    """A 64-bit hash of a key, above 1 and the same in every process."""
    return int.from_bytes(hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little") | 2


def spread(sketches: np.ndarray) -> Counter[int]:
    """In how many rows each key hash of the sketches stands."""
    hashes, counts = np.unique(sketches[sketches > 1], return_counts=True)
    return Counter(dict(zip(hashes.tolist(), counts.tolist(), strict=True)))


class Stray(NamedTuple):
    """A key that no reader of its place reads: where it stands, and the key it is a misspelling of, if any."""

    path: str
    key: str
    meant: str = ""


class UnknownKey(DatasetRule, frozen=True):
    """A key that nobody reads, in a message or misspelt beside it, in a few rows only.

    What stands under a misspelt key is left out of training in silence, and services that check
    their files strictly refuse the upload. A key that most rows have is a column, and no finding.
    """

    code = "SCH007"
    severity = "info"
    GOOD = [[TOOLS, PARTS, REFUSAL], [answer(timestamp=3), HELLO, HELLO]]
    BAD = [
        Bad([HELLO, HELLO, answer(mood=3)], at="2:messages[1].mood", fixed=[HELLO, HELLO, HELLO]),
        Bad(
            [said({"role": "assistant", "contents": "Hello."})],
            at="0:messages[1].contents",
            fixed=[HELLO],
        ),
        Bad([{"mesages": HELLO["messages"]}], at="0:mesages", fixed=[HELLO]),
        Bad(
            [*[HELLO] * 9, *[answer(mood=3)] * 3],
            at=("9:messages[1].mood", "10:messages[1].mood", "11:messages[1].mood"),
            fixed=[HELLO] * 12,
            options={"share": 0.3},
        ),
    ]

    share: Annotated[
        float, option("A key in more than this share of the rows is a column, not a slip.", gt=0, le=1)
    ] = 0.02

    def sketch(self, batch: Batch) -> np.ndarray:
        """(1 where a key is misspelt, hashes of other unknown keys); shape (lines, 5), uint64."""
        out = np.zeros((len(batch.lines), 1 + _MOST_KEYS), dtype=np.uint64)
        for group in batch.structures.values():
            found = list(stray_keys(batch.example(group[0])))
            if found:
                hashes = sorted({key_hash(stray.key) for stray in found if not stray.meant})[:_MOST_KEYS]
                out[group, 0] = any(stray.meant for stray in found)
                out[group, 1 : 1 + len(hashes)] = np.array(hashes, dtype=np.uint64)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        total = int(rows.readable.sum())
        most = max(min(2, total // 2), self.share * total)
        rare = {key for key, count in spread(sketches[:, 1:]).items() if count <= most}
        hit = np.isin(sketches[:, 1:], np.array(sorted(rare), dtype=np.uint64)).any(axis=1)
        for index in np.flatnonzero(hit | (sketches[:, 0] > 0)).tolist():
            example = rows.example(index)
            for stray in stray_keys(example):
                if stray.meant or key_hash(stray.key) in rare:
                    yield index, _stray_flag(stray, example.value)


def _stray_flag(stray: Stray, value: Row) -> Flag:
    path = join(stray.path, stray.key)
    item = get(value, path)
    if stray.meant:
        changes = (Put(join(stray.path, stray.meant), item), Cut(path))
        fix = Fix(f"rename it to {stray.meant!r}", changes, safety="safe")
        return Flag(path, f"{stray.key!r} is read by nobody; {stray.meant!r} is meant", fix=fix)
    # A long text is for a person to throw away.
    trifle = type(item) is not str or len(item) < 30
    removal = Fix("remove the key", (Cut(path),), safety="safe") if trifle else None
    return Flag(path, f"no trainer reads the key {stray.key!r}, and few rows have it", fix=removal)


def stray_keys(example: Example) -> Iterator[Stray]:
    """Keys of messages that no reader knows, and misspelt keys of the row itself."""
    value = example.value
    for key in value:
        for name in _MAIN_KEYS.get(FAMILY.get(example.shape, example.shape), ()):
            if name in value or key in _known_columns(example.shape) or not nearly(key, name):
                continue
            if name != "tools" or type(value[key]) is list:
                yield Stray("", key, name)
    if example.shape in _OF_THEIR_OWN:
        return
    for _, message, base in messages(example):
        for key in message:
            if key in _MESSAGE_KEYS:
                continue
            meant = next((name for name in _SPELT_KEYS if name not in message and nearly(key, name)), "")
            if meant in _TEXT_KEYS and any(name in message for name in _TEXT_KEYS):
                meant = ""
            if meant or key.lower() not in _ABOUT:
                yield Stray(base, key, meant)


def _known_columns(shape: str) -> frozenset[str]:
    return SHAPES[shape].keys if shape in SHAPES else frozenset()


_MAIN_KEYS = {
    "openai-chat": ("messages", "tools"),
    "sharegpt": ("conversations", "tools"),
    "alpaca": ("instruction", "input", "output", "history"),
    "prompt-completion": ("prompt", "completion"),
    "prompt-only": ("completion",),
    "trl-preference": ("prompt", "chosen", "rejected"),
    "trl-kto": ("prompt", "completion"),
}
_TEXT_KEYS = ("content", "value")
_SPELT_KEYS = "role from content value weight tool_calls tool_call_id function_call reasoning_content".split()
# Keys that some trainer or template reads in a message.
_MESSAGE_KEYS = MESSAGE_KEYS.union(
    "audio audios image images video videos files annotations channel recipient train_detail prefix cache_control "
    "candidates preferenceLabel parts tool_results reasoning_details content_type end_turn thought task tools "
    "functions mask loss eos label".split()
)
# Keys that say something about a message and are nothing to train on.
_ABOUT = frozenset(
    "id uuid message_id msg_id parent_id parent conversation_id turn turn_id turn_idx turn_index turn_identifier "
    "index idx order step timestamp time date created created_at updated_at lang language locale model model_name "
    "provider source origin metadata meta extra info attributes tags tag category topic score scores rating rank "
    "feedback votes tokens token_count num_tokens length usage finish_reason stop_reason author speaker user user_id "
    "hash redacted toxic moderation country state header hashed_ip emotion intent status version type kind ip".split()
)


_LONG = "Delivery takes two days from Monday on."


class UnreadText(DatasetRule, frozen=True):
    """Text stands in a column that no trainer of this shape reads.

    A context, a system prompt or a chain of thought under a key of its own is left out in silence:
    the answer is trained without what it rests on, and the model learns to make such things up. Such columns
    are known by their names, in English.
    """

    code = "SCH008"
    GOOD = [
        [{"question": "How long?", "answer": "Two days.", "context": _LONG}],
        [{**chat(user=f"Tell me: {_LONG}", assistant="Two."), "prompt": _LONG}],
        [{**HELLO, "context": "short"}, {**HELLO, "description": _LONG}],
    ]
    BAD = [
        Bad([{**HELLO, "context": _LONG}], at="0:context"),
        Bad([{"prompt": "Hi", "completion": f"{n}", "rationale": _LONG} for n in range(30)], at="0:rationale"),
        Bad([{**HELLO, "context": "Two days."}], at="0:context", options={"min_chars": 9}),
    ]

    min_chars: Annotated[int, option("Shorter texts are labels or notes.", ge=1)] = 30

    def sketch(self, batch: Batch) -> np.ndarray:
        """Hashes of the unread columns of each row; shape (lines, 4), uint64."""
        out = np.zeros((len(batch.lines), _MOST_KEYS), dtype=np.uint64)
        for group in batch.structures.values():
            named = _unread_columns(batch.example(group[0]))
            for index in group if named else ():
                hashes = sorted({key_hash(key) for key in self._unread(batch.example(index), named)})[:_MOST_KEYS]
                out[index, : len(hashes)] = np.array(hashes, dtype=np.uint64)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        total = int(rows.readable.sum())
        counts = spread(sketches)
        # A column of the whole set is one fault, told once.
        often = {key for key, count in counts.items() if count > max(5, total // 2)}
        told: set[int] = set()
        for index in np.flatnonzero(sketches.any(axis=1)).tolist():
            if told.issuperset(sketches[index][sketches[index] > 0].tolist()):
                continue
            example = rows.example(index)
            for column in self._unread(example, _unread_columns(example)):
                key = key_hash(column)
                if key in told:
                    continue
                at, message = format((column,)), f"text that no trainer of {example.shape} rows reads"
                if key in often:
                    told.add(key)
                    alike = np.flatnonzero((sketches == np.uint64(key)).any(axis=1))
                    yield Flag.once(alike.tolist(), at, f"{message}, in {counts[key]:,} rows", about=at)
                else:
                    yield index, Flag(at, message)

    def _unread(self, example: Example, named: list[str]) -> list[str]:
        """Those of the columns `named` that hold text which no turn repeats."""
        return [key for key in named if self._counts(example.value[key], example)]

    def _counts(self, text: str, example: Example) -> bool:
        """Whether a text is long, of several words, and neither part of a turn nor a rendering of the turns."""
        if len(text) < self.min_chars or " " not in text.strip():
            return False
        wanted = text.strip()
        answers = [turn.text.strip() for turn in example.answers if turn.text.strip()]
        if any(wanted in turn.text for turn in example.all_turns()):
            return False
        return not answers or not all(answer in text for answer in answers)


def _unread_columns(example: Example) -> list[str]:
    """The columns with text whose names promise something to train on, and which no turn was read from."""
    if example.shape in _GRADED:
        return []
    named = [key for key, item in example.value.items() if type(item) is str and key.lower() in _UNREAD]
    if named:
        read = {head(turn.path) for turn in example.all_turns()}
        read |= {head(piece.path) for turn in example.all_turns() for piece in turn.pieces}
        named = [key for key in named if key not in read and example.value[key].strip()]
    return named


# Shapes whose other columns are for a grader.
_GRADED = frozenset({"openai-rft", "prompt-only", "tokenized", "oasst", "self-instruct"})
_UNREAD = frozenset(
    "context contexts background passage passages document documents article knowledge retrieved retrieved_context "
    "facts evidence justification transcript system system_prompt system_message sys_prompt "
    "input input_text instruction instructions prompt question query chain_of_thought cot rationale explanation "
    "reasoning thinking thought thoughts scratchpad solution response output completion answer text body content".split()
)

"""SCH: the shape of a row, its roles, contents, weights and keys."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Annotated, Any, NamedTuple

import numpy as np

from curator import formats
from curator.columns import Batch, Line, Rows, distinct
from curator.formats import SHAPES
from curator.formats.adapter import nearly
from curator.formats.chat import CONTAINERS, container, misspelt_container
from curator.formats.detect import FAMILY, stringified
from curator.formats.turns import is_messages, is_shared
from curator.formats.writing import MESSAGE_KEYS, head
from curator.model import Cut, Example, Fix, Flag, Put, Turn, drop
from curator.paths import format, get, join, parse
from curator.rule import DROPPED, Bad, DatasetRule, RawRule, Row, RowRule, chat, option

# Shapes whose messages carry keys of their own: what they need is not role and content.
_OF_THEIR_OWN = frozenset({"gemini", "input-output", "oasst", "self-instruct", "tokenized"})


def _said(*messages: Any) -> Row:
    """A row in which the user says "Hi" before the messages given."""
    return {"messages": [{"role": "user", "content": "Hi"}, *messages]}


def _answer(**keys: Any) -> Row:
    """A row whose answer is "Hello.", with more keys in its message or others in their place."""
    return _said({"role": "assistant", "content": "Hello.", **keys})


_HELLO = _answer()
_CALL = {"id": "call_1", "type": "function", "function": {"name": "time", "arguments": "{}"}}
_TOOL: Row = {"type": "function", "function": {"name": "time", "parameters": {"type": "object"}}}
_TOOLS = _said(
    {"role": "assistant", "content": None, "tool_calls": [_CALL], "weight": 0},
    {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
    {"role": "assistant", "reasoning_content": "It is noon.", "content": "Noon.", "weight": 1, "name": "ada"},
) | {"tools": [_TOOL], "id": 7, "source": "made up"}
_PIC = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}
_PARTS: Row = {
    "messages": [
        {"role": "user", "content": [_PIC, {"type": "text", "text": "What is this?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "A cat."}]},
    ]
}
_REFUSAL = _answer(content=None, refusal="I will not.")
_SHARED: Row = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello."}]}
_ASKED = {"from": "human", "value": "Hi"}


def messages(example: Example) -> Iterator[tuple[Turn, Row, str]]:
    """(turn, its message object, path of the object) for the turns that are message objects."""
    prefix, listed = None, None
    for turn in example.all_turns():
        base = turn.base
        if not base:
            continue
        message: Any
        if base.endswith("]"):
            above, _, index = base[:-1].rpartition("[")
            if above != prefix:
                prefix, listed = above, get(example.value, above)
            message = listed[int(index)] if type(listed) is list else None
        else:
            message = get(example.value, base)
        if type(message) is dict:
            yield turn, message, base


def columns(example: Example) -> Iterator[tuple[Turn, str, Any]]:
    """(turn, column, its value or MISSING) for the turns that are columns of the row itself."""
    for turn in example.all_turns():
        if not turn.base and len(steps := parse(turn.path)) == 1:
            yield turn, turn.path, example.value.get(steps[0], MISSING)


MISSING = object()


# ---------------------------------------------------------------------- rows of no shape, and of several


class UnknownShape(RawRule, frozen=True):
    """The row is a JSON object in no shape that a trainer reads.

    A trainer that does not find its columns stops, or reads the row as empty text and trains on
    nothing, without a word. Name the columns with `--map`, or rename them.
    """

    code = "SCH001"
    severity = "error"
    GOOD = [_HELLO, _SHARED, {"text": "Once upon a time."}]
    BAD = [
        Bad({"ticket": "It is broken.", "agent": "Restart it."}, at=""),
        Bad({"instrucion": "Add 2 and 2.", "outptu": "4"}, at=""),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        pairs = zip(batch.values, batch.examples, strict=True)
        return [i for i, (value, example) in enumerate(pairs) if example is None and type(value) is dict]

    def check(self, line: Line) -> Iterator[Flag]:
        if line.example is not None or type(line.value) is not dict or _quoted(line.value):
            return
        keys = list(islice(line.value, _MOST_KEYS))
        more = len(line.value) - 8
        shown = ", ".join(repr(key) for key in keys[:8]) + (f" and {more} more" if more > 0 else "")
        meant = [f"{name!r} for {key!r}" for key in keys for name in _COLUMNS if key != name and nearly(key, name)]
        message = f"in no known shape; its keys: {shown or 'none'}"
        if meant:
            message += f" (did you mean {meant[0]}?)"
        yield Flag("", message, evidence={"keys": keys})


_MOST_KEYS = 200  # that are looked at in a row
_COLUMNS = (
    *("messages", "conversations", "prompt", "completion", "instruction", "output", "response"),
    *("question", "answer", "chosen", "rejected", "contents"),
)


class MixedShapes(DatasetRule, frozen=True):
    """The row is of another shape than the rest of its file.

    MLX decides on the format of a file by its first row, TRL by the first message of it: a row of
    another shape stops the run hours later, or is read by the wrong keys and trained as nothing.
    """

    code = "SCH002"
    severity = "error"
    GOOD = [
        [_HELLO, _TOOLS, _PARTS],
        [{"prompt": "2+2?", "completion": "4"}, {"prompt": "3+3?", "completion": "6"}],
    ]
    BAD = [
        Bad(
            [_HELLO, {"instruction": "3+3?", "input": "", "output": "6", "id": 2}, _TOOLS],
            at="1:",
            fixed=[_HELLO, {**chat(user="3+3?", assistant="6"), "id": 2}, _TOOLS],
        ),
        Bad([{"text": "One."}, {"text": "Two."}, _HELLO], at="2:"),
    ]

    def sketch(self, batch: Batch) -> np.ndarray:
        """(number of the row's shape, of the shape its file was detected to have); 0 is none."""
        out = np.zeros((len(batch.lines), 2), dtype=np.uint8)
        number = _numbers()
        for index in batch.readable:
            out[index, 0] = number.get(batch.example(index).shape, 0)
        out[:, 1] = number.get(batch.reader.shape or "", 0)
        return out

    def check(self, sketches: np.ndarray, rows: Rows) -> Iterator[tuple[int, Flag]]:
        family = _families()
        for expected in distinct(sketches[:, 1]):
            here = np.flatnonzero((sketches[:, 1] == expected) & (sketches[:, 0] > 0) & rows.readable)
            if not len(here):
                continue
            shapes = family[sketches[here, 0]]
            counts = np.bincount(shapes, minlength=len(SHAPES) + 1)
            # A tie goes to the shape of the first row, as it does with trainers.
            most = counts == counts.max()
            main = int(family[expected])
            if not counts[main]:
                main = int(shapes[most[shapes]][0])
            told = _counted(counts)
            for index in here[shapes != main].tolist():
                yield index, self._flag(index, main, told, rows)

    def _flag(self, index: int, main: int, told: str, rows: Rows) -> Flag:
        names = list(SHAPES)
        example = rows.example(index)
        row, losses = formats.write(example, names[main - 1])
        fix = None
        if not losses:
            line = json.dumps(row, ensure_ascii=False)
            fix = Fix(f"write the row as {names[main - 1]}", lines=(line,), safety="safe")
        message = f"of shape {example.shape} among {names[main - 1]} rows ({told})"
        return Flag("", message, fix=fix, evidence={"shape": example.shape, "expected": names[main - 1]})


def _counted(counts: np.ndarray) -> str:
    """ "98 openai-chat, 2 alpaca": the rows of each shape, most first."""
    names = list(SHAPES)
    order = sorted(np.flatnonzero(counts).tolist(), key=lambda number: (-counts[number], number))
    return ", ".join(f"{counts[number]:,} {names[number - 1]}" for number in order)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    return {name: n for n, name in enumerate(SHAPES, 1)}


@lru_cache(maxsize=1)
def _families() -> np.ndarray:
    """The number of the family's main shape for the number of each shape."""
    number = _numbers()
    return np.array([0, *(number[FAMILY.get(name, name)] for name in SHAPES)], dtype=np.int64)


# ---------------------------------------------------------------------- what a conversation must have


class MissingMessages(RowRule, frozen=True):
    """The list of messages is missing, empty, or no list.

    There is nothing to render: most trainers fail on the row with an error that names a template
    line, others write an example of special tokens alone and train on it.
    """

    code = "SCH003"
    severity = "error"
    structural = True
    GOOD = [_HELLO, _SHARED]
    BAD = [
        Bad({"messages": []}, at="messages"),
        Bad({"messages": None, "id": 3}, at="messages"),
        Bad({"input": {"messages": []}, "preferred_output": [], "non_preferred_output": []}, at="input.messages"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        value = example.value
        if example.shape == "openai-preference":
            if not example.turns:
                yield Flag("input.messages", "there are no messages")
        elif FAMILY.get(example.shape, example.shape) in _LISTED and not example.rejected:
            key = container(value) or next((key for key in _LISTS if key in value), "")
            if not key:
                found, name = misspelt_container(value)
                yield Flag("", f"no {name!r}: {found!r} is read by no trainer")
            elif type(value[key]) is not list:
                yield Flag(key, f"{_kind(value[key])} where a list of messages belongs")
            elif not value[key]:
                yield Flag(key, "the list of messages is empty")


_LISTS = ("messages", "interactions", *CONTAINERS)
_LISTED = frozenset({"openai-chat", "sharegpt"})


class MissingRoleOrContent(RowRule, frozen=True):
    """A turn lacks its role, or its content, or a row one of its two columns.

    A template that looks up the missing key stops the run, or renders the word "None" and trains
    on it. Content may be missing beside tool calls or a refusal, nowhere else.
    """

    code = "SCH004"
    severity = "error"
    structural = True
    GOOD = [_HELLO, _TOOLS, _REFUSAL, _said({"role": "assistant", "tool_calls": [_CALL]})]
    BAD = [
        Bad(_said({"content": "Hello."}), at="messages[1].role"),
        Bad(_said({"role": "assistant"}), at="messages[1].content"),
        Bad({"conversations": [_ASKED, {"from": "gpt"}]}, at="conversations[1].value"),
        Bad({"instruction": "Add.", "input": "2, 2"}, at="output"),
        Bad(_said("Hello."), at="messages[1]"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in _OF_THEIR_OWN:
            return
        for turn, column, item in columns(example):
            if item is MISSING and turn.role in ("user", "assistant"):
                yield Flag(column, f"the column {column!r} is missing: the {turn.role} turn has no text")
        yield from self._strangers(example)
        spelling: tuple[str, str] | None = None
        for turn, message, base in messages(example):
            if "preferenceLabel" in message:
                continue
            if spelling is None or not base.endswith("]") or base.endswith("[0]"):
                spelling = ("from", "value") if is_shared([message]) else ("role", "content")
            yield from _lacks(turn, message, base, spelling)

    def _strangers(self, example: Example) -> Iterator[Flag]:
        for turn in example.all_turns():
            if turn.role == "" and turn.base in ("", turn.path) and turn.path.endswith("]"):
                yield Flag(turn.path, "a message is an object with a role and a content")


def _lacks(turn: Turn, message: Row, base: str, spelling: tuple[str, str]) -> Iterator[Flag]:
    """What one message lacks of the two keys its list is spelt with."""
    role, content = spelling
    if message.get(role) in (None, ""):
        other = "from" if role == "role" else "role"
        if other in message:
            yield Flag(f"{base}.{role}", f"{other!r} stands here where the other turns have {role!r}")
        else:
            yield Flag(f"{base}.{role}", "the turn does not say who speaks")
    if content not in message and "text" not in message and not _excused(message):
        yield Flag(f"{base}.{content}", f"the {turn.role or 'turn'} has no {content!r}")


def _excused(message: Row) -> bool:
    """Whether the message says what it says elsewhere, so that its content may be null or missing."""
    return any(message.get(key) for key in _ELSEWHERE)


_ELSEWHERE = (
    *("tool_calls", "function_call", "refusal", "audio", "parts", "candidates"),
    *("reasoning_content", "reasoning", "thinking"),
)


class UnknownRole(RowRule, frozen=True):
    """A role that no trainer knows.

    Of 128 real chat templates, 62 drop a turn with an unknown role without a word and 26 stop: a set
    in which the assistant is called "gpt" can train on the default system prompt alone.
    """

    code = "SCH005"
    severity = "error"
    structural = True
    GOOD = [chat(system="Be brief.", user="2+2?", assistant="4"), _SHARED, _TOOLS]
    BAD = [
        Bad(_answer(role="Assistant"), at="messages[1].role", fixed=_HELLO),
        Bad(chat(human="Hi", gpt="Hello."), at=("messages[0].role", "messages[1].role"), fixed=_HELLO),
        Bad(_answer(role="human"), at="messages[1].role"),
        Bad(_answer(role="narrator"), at="messages[1].role"),
        Bad(_answer(role="asistant"), at="messages[1].role", fixed=_HELLO),
        Bad(_answer(role=2), at="messages[1].role"),
        Bad(
            {"conversations": [_ASKED, {"from": "GPT ", "value": "Hello."}]},
            at="conversations[1].from",
            fixed=_SHARED,
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if all(turn.role in _CANONICAL for turn in example.all_turns()):
            return
        stands = [(turn, message, base) for turn, message, base in messages(example)]
        meant = [_meant(turn.role) or turn.role for turn, _, _ in stands]
        for i, (turn, message, base) in enumerate(stands):
            key = "role" if "role" in message else "from"
            said = message.get(key)
            if turn.role in _CANONICAL or said in (None, ""):
                continue
            place = f"{base}.{key}"
            if type(said) is not str:
                yield Flag(place, f"{_kind(said)} where a role belongs")
            else:
                yield _role_flag(place, key, said, meant[i], "" if i == 0 else meant[i - 1])


_CANONICAL = ("system", "user", "assistant", "tool", "developer")
_ALIASES = {
    "user": "user human prompter customer client person question questioner enduser input instruction",
    "assistant": "assistant gpt bot ai model chatgpt chatbot agent llm output answer response bard bing claude",
    "system": "system sys systemprompt systemmessage context",
    "tool": "tool observation toolresponse functionresponse toolresult",
}
_MEANT = {alias: role for role, aliases in _ALIASES.items() for alias in aliases.split()}
_SHARED_WORDS = {"user": "human", "assistant": "gpt", "system": "system", "tool": "observation"}


def _meant(said: str) -> str:
    """The canonical role a word stands for, whatever its case and signs; "" where nobody knows."""
    letters = re.sub(r"[\W_]+", "", said.lower())
    return _MEANT.get(letters) or next((role for role in _CANONICAL if nearly(letters, role)), "")


def _role_flag(place: str, key: str, said: str, meant: str, before: str) -> Flag:
    """The flag for a word that is no role, with a fix where the word and its place agree on one."""
    if meant not in _CANONICAL:
        return Flag(place, f"no trainer knows the role {said!r}")
    word = _SHARED_WORDS.get(meant, meant) if key == "from" else meant
    if meant == before and meant in ("user", "system"):
        return Flag(place, f"no trainer knows the role {said!r}, and a {meant} turn stands before it already")
    certain = re.sub(r"[\W_]+", "", said.lower()) in _MEANT
    fix = Fix(f"write {word!r}", (Put(place, word),), safety="safe" if certain else "unsafe")
    return Flag(place, f"no trainer knows the role {said!r}; {word!r} is meant", fix=fix)


class WrongContentType(RowRule, frozen=True):
    """A text is no text: null, a number, an object.

    Templates print what they find: "None", "True", or a Python dictionary with its braces, and the
    model learns to say it. Arrow readers refuse the file, or turn the whole column into strings.
    """

    code = "SCH006"
    severity = "error"
    structural = True
    GOOD = [_HELLO, _TOOLS, _PARTS, _REFUSAL]
    BAD = [
        Bad(_answer(content=4), at="messages[1].content", fixed=_answer(content="4")),
        Bad(_answer(content={"text": "Hello."}), at="messages[1].content", fixed=_HELLO),
        Bad(_answer(content=None), at="messages[1].content", fixed=DROPPED),
        Bad({"question": "2+2?", "answer": 4}, at="answer", fixed={"question": "2+2?", "answer": "4"}),
        Bad({"instruction": "Add.", "input": {"a": 2, "b": 2}, "output": "4"}, at="input", fixed=DROPPED),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape in _OF_THEIR_OWN:
            return
        for _, column, item in columns(example):
            if item is not MISSING and type(item) is not str and not _listed(item):
                yield _type_flag(column, item)
        if example.shape == "alpaca" and type(more := example.value.get("input")) not in (str, type(None)):
            yield _type_flag("input", more)
        for turn, message, base in messages(example):
            key = turn.path.rpartition(".")[2]
            if key not in message:
                continue
            item = message[key]
            if type(item) is str or (item is None and _excused(message)):
                continue
            if type(item) is list:
                yield from _part_flags(f"{base}.{key}", item)
            else:
                yield _type_flag(f"{base}.{key}", item)


def _listed(item: Any) -> bool:
    """Whether a column holds what may stand for a text: messages, one message, or a list of steps or parts."""
    if type(item) is list:
        return all(type(part) in (dict, str) for part in item)
    return type(item) is dict and (is_messages([item]) or "value" in item)


def _part_flags(path: str, parts: list[Any]) -> Iterator[Flag]:
    for j, part in enumerate(parts):
        if type(part) is str:
            fix = Fix("write a text part", (Put(f"{path}[{j}]", {"type": "text", "text": part}),))
            yield Flag(f"{path}[{j}]", "a string in a list of parts, which are objects", fix=fix)
        elif type(part) is not dict:
            yield _type_flag(f"{path}[{j}]", part, "where a part belongs")
        elif part.get("type") == "text":
            key = "text" if "text" in part else "value" if "value" in part else "content"
            if type(part.get(key)) is not str:
                yield _type_flag(f"{path}[{j}].{key}", part.get(key))


def _type_flag(path: str, item: Any, where: str = "where text belongs") -> Flag:
    """The flag for a value that is no text; numbers and objects of one text are mended, the rest dropped."""
    if type(item) in (int, float):
        fix = Fix("write it as text", (Put(path, json.dumps(item)),))
    elif type(item) is dict and len(texts := [text for text in item.values() if type(text) is str]) == 1 == len(item):
        fix = Fix("take the text out of the object", (Put(path, texts[0]),))
    else:
        fix = drop()
    return Flag(path, f"{_kind(item)} {where}", fix=fix)


def _kind(item: Any) -> str:
    """What a JSON value is, in words."""
    if item is None:
        return "null"
    if type(item) is str:
        return "a string"
    if type(item) in (int, float, bool):
        return json.dumps(item)
    return "an object" if type(item) is dict else "a list"


# ---------------------------------------------------------------------- keys

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
    GOOD = [[_TOOLS, _PARTS, _REFUSAL], [_answer(timestamp=3), _HELLO, _HELLO]]
    BAD = [
        Bad([_HELLO, _HELLO, _answer(mood=3)], at="2:messages[1].mood", fixed=[_HELLO, _HELLO, _HELLO]),
        Bad(
            [_said({"role": "assistant", "contents": "Hello."})],
            at="0:messages[1].contents",
            fixed=[_HELLO],
        ),
        Bad([{"mesages": _HELLO["messages"]}], at="0:mesages", fixed=[_HELLO]),
        Bad(
            [*[_HELLO] * 9, *[_answer(mood=3)] * 3],
            at=("9:messages[1].mood", "10:messages[1].mood", "11:messages[1].mood"),
            fixed=[_HELLO] * 12,
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
    the answer is trained without what it rests on, and the model learns to make such things up.
    """

    code = "SCH008"
    GOOD = [
        [{"question": "How long?", "answer": "Two days.", "context": _LONG}],
        [{**chat(user=f"Tell me: {_LONG}", assistant="Two."), "prompt": _LONG}],
        [{**_HELLO, "context": "short"}, {**_HELLO, "description": _LONG}],
    ]
    BAD = [
        Bad([{**_HELLO, "context": _LONG}], at="0:context"),
        Bad([{"prompt": "Hi", "completion": f"{n}", "rationale": _LONG} for n in range(30)], at="0:rationale"),
        Bad([{**_HELLO, "context": "Two days."}], at="0:context", options={"min_chars": 9}),
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
    "context contexts background passage document article knowledge system system_prompt system_message sys_prompt "
    "input input_text instruction instructions prompt question query chain_of_thought cot rationale explanation "
    "reasoning thinking thought thoughts scratchpad solution response output completion answer text body content".split()
)


# ---------------------------------------------------------------------- weights


class BadWeight(RowRule, frozen=True):
    """A loss weight that is none: neither 0 nor 1, of the wrong type, or negative.

    Weights choose what is trained: a service refuses the row, and a trainer that only tests for
    zero trains what was meant to be left out.
    """

    code = "SCH009"
    severity = "error"
    structural = True
    exempt = frozenset({"llama-factory-v1"})  # its weights are any amount
    GOOD = [_TOOLS, {**_HELLO, "weight": 0.5}, _answer(weight=None), _answer(loss_weight=0.5)]
    BAD = [
        Bad(_answer(weight=2), at="messages[1].weight"),
        Bad(_answer(weight="1"), at="messages[1].weight"),
        Bad(_answer(train="no", loss_weight=-1), at=("messages[1].loss_weight", "messages[1].train")),
        Bad({**_HELLO, "weight": -1}, at="weight"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape == "openai-chat" and (item := example.value.get("weight")) is not None and not _amount(item):
            yield Flag("weight", f"{_kind(item)} as the weight of the row: a number from 0 on belongs here")
        for _, message, base in messages(example):
            item = message.get("weight")
            if item is not None and (not _amount(item) or item not in (0, 1)):
                yield Flag(f"{base}.weight", f"{_kind(item)} as a weight: only 0 and 1 are known")
            item = message.get("loss_weight")
            if item is not None and not _amount(item):
                yield Flag(f"{base}.loss_weight", f"{_kind(item)} as a weight: a number from 0 on belongs here")
            item = message.get("train")
            if item is not None and type(item) is not bool:
                yield Flag(f"{base}.train", f"{_kind(item)} where true or false belongs")


def _amount(item: Any) -> bool:
    return type(item) in (int, float) and 0 <= item < float("inf")


class NothingTrained(RowRule, frozen=True):
    """The row has answers, and none of them is trained.

    With weight 0 on every answer the row costs time and memory and teaches nothing; where all rows
    of a batch are so, the loss is 0/0 and the run ends in "nan".
    """

    code = "SCH010"
    severity = "error"
    GOOD = [_TOOLS, {"input_ids": [1, 2, 3], "labels": [-100, 2, 3]}, _answer(content=""), chat(user="Hi")]
    BAD = [
        Bad(_answer(weight=0), at=""),
        Bad({"conversations": [_ASKED, {"from": "gpt", "value": "Hello.", "train": False}]}, at=""),
        Bad({**_HELLO, "weight": 0}, at="weight"),
        Bad({"input_ids": [1, 2, 3], "labels": [-100, -100, -100]}, at="labels"),
    ]

    def candidates(self, batch: Batch) -> Iterable[int]:
        """Rows of a structure that is flagged (weights are part of it), and rows of token ids."""
        found = batch.rows_of_flagged_structure(self)
        ids = [i for i in batch.readable if batch.example(i).shape == "tokenized"]
        return sorted({*found, *ids}) if ids else found

    def check(self, example: Example) -> Iterator[Flag]:
        value = example.value
        if example.shape == "tokenized":
            labels = value.get("labels")
            if type(labels) is list and labels and all(label == -100 for label in labels):
                yield Flag("labels", "every label is -100: no token is trained")
            return
        if example.shape == "openai-chat" and value.get("weight") in (0, 0.0) and type(value["weight"]) is not bool:
            yield Flag("weight", "the row has weight 0: nothing of it is trained")
            return
        answers = example.answers
        idle = [turn for turn in answers if turn.weight == 0]
        if idle and not any(turn.weight != 0 and _says(turn) for turn in answers):
            yield Flag("", "every answer has weight 0: nothing of the row is trained")


def _says(turn: Turn) -> bool:
    return bool(turn.text.strip() or turn.calls or turn.media or turn.reasoning)


# ---------------------------------------------------------------------- rendered and quoted conversations


class _Form(NamedTuple):
    """How a template opens a turn, and what else its texts hold."""

    name: str
    opens: re.Pattern[str]
    also: str


def _form(name: str, opens: str, also: str) -> _Form:
    return _Form(name, re.compile(rf"(?<!`){opens}", re.MULTILINE), also)


_FORMS = (
    _form("ChatML", r"<\|im_start\|>(?:system|user|assistant|tool|developer)", "<|im_end|>"),
    _form("Llama 3", r"<\|start_header_id\|>(?:system|user|assistant|ipython)", "<|end_header_id|>"),
    _form("Llama 4", r"<\|header_start\|>(?:system|user|assistant|ipython)", "<|header_end|>"),
    _form("Llama 2 or Mistral", r"\[INST\]", "[/INST]"),
    _form("Gemma", r"<start_of_turn>(?:user|model)", "<end_of_turn>"),
    _form("Gemma 4", r"<\|turn>(?:system|user|model)", "<turn|>"),
    _form("Phi or Zephyr", r"<\|(?:user|system)\|>", "<|assistant|>"),
    _form("Granite", r"<\|start_of_role\|>(?:system|user|assistant)", "<|end_of_role|>"),
    _form("DeepSeek", r"<｜User｜>", "<｜Assistant｜>"),
    _form("Command-R", r"<\|START_OF_TURN_TOKEN\|>", "<|END_OF_TURN_TOKEN|>"),
    _form("Harmony", r"<\|start\|>(?:system|developer|user|assistant)", "<|message|>"),
    _form("Alpaca", r"^### (?:Instruction|Input):", "### Response:"),
    _form("Guanaco", r"^### Human:", "### Assistant:"),
    _form("Vicuna", r"(?:\A|[\s>])USER: ", "ASSISTANT:"),
    _form("HH", r"(?:\A|\n\n)Human: ", "\n\nAssistant:"),
)


class PreRenderedTemplate(RowRule, frozen=True):
    """A plain text row already holds a rendered chat template.

    A trainer that applies its own template wraps it a second time, adds a second start token, and
    trains the user's words and the markers as if the model had said them. With another family's
    markers the model learns them as plain characters.
    """

    code = "SCH011"
    literals = (
        *("<|im_start|>", "<|start_header_id|>", "<|header_start|>", "[/INST]", "<start_of_turn>", "<|turn>"),
        *("<|assistant|>", "<|start_of_role|>", "<｜User｜>", "<|START_OF_TURN_TOKEN|>", "<|start|>"),
        *("### Response:", "### Assistant:", "ASSISTANT:"),
    )
    GOOD = [
        {"text": "Once upon a time there was a prince."},
        {"text": "Qwen opens a turn with `<|im_start|>user` and ends it with `<|im_end|>`."},
        _HELLO,
    ]
    BAD = [
        Bad({"text": "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello.<|im_end|>\n"}, at="text"),
        Bad({"text": "<s>[INST] Hi [/INST] Hello.</s>"}, at="text"),
        Bad({"text": "Below is a task.\n\n### Instruction:\nAdd 2 and 2.\n\n### Response:\n4"}, at="text"),
        Bad({"text": "A chat. USER: Hi ASSISTANT: Hello.</s>"}, at="text"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        if example.shape != "text":
            return
        for turn in example.turns:
            for form in _FORMS:
                if form.also in turn.text and (found := form.opens.search(turn.text)):
                    message = f"the text is a chat rendered with the {form.name} template"
                    yield turn.flag(message, found.span(), evidence={"template": form.name})
                    break


class StringifiedMessages(RawRule, frozen=True):
    """The messages stand in the row as one string that holds their JSON.

    So do CSV files and data frames write lists. A trainer finds a string where it wants messages
    and stops, or trains on the brackets and quotes as one long text.
    """

    code = "SCH012"
    severity = "error"
    literals = (
        b'{\\"role\\"',
        b'{\\"from\\"',
        b'{\\"content\\"',
        b'{\\"value\\"',
        b"{'role'",
        b"{'from'",
        b"{'content'",
    )
    GOOD = [
        _answer(content=json.dumps(_HELLO["messages"])),
        {"prompt": "Write a chat as JSON.", "completion": json.dumps(_HELLO["messages"])},
        {**_SHARED, "tools": json.dumps([_TOOL])},
    ]
    BAD = [
        Bad({"messages": json.dumps(_HELLO["messages"])}, at="messages", fixed=_HELLO),
        Bad({"conversations": str(_SHARED["conversations"])}, at="conversations", fixed=_SHARED),
        Bad(
            {"chosen": json.dumps(_HELLO["messages"]), "rejected": json.dumps(_REFUSAL["messages"])},
            at=("chosen", "rejected"),
            fixed={"chosen": _HELLO["messages"], "rejected": _REFUSAL["messages"]},
        ),
    ]

    def check(self, line: Line) -> Iterator[Flag]:
        if type(line.value) is not dict:
            return
        for key, messages in _quoted(line.value).items():
            fix = Fix("write the messages as a list", (Put(key, messages),), safety="safe")
            yield Flag(key, "a string that holds messages, where a list of them belongs", fix=fix)


def _quoted(value: Row) -> dict[str, list[Any]]:
    """The messages that stand as strings where a list of them belongs, by key."""
    found = {key: messages for key, item in value.items() if type(item) is str and (messages := stringified(item))}
    # One half of a pair may be an answer that happens to be a list of messages; both are not.
    places = (*((key,) for key in CONTAINERS if key != "text"), *_QUOTED_PAIRS)
    return {key: found[key] for keys in places if found.keys() >= set(keys) for key in keys}


_QUOTED_PAIRS = (
    ("prompt", "completion"),
    ("chosen", "rejected"),
    ("preferred_output", "non_preferred_output"),
    ("chosen_messages", "rejected_messages"),
)

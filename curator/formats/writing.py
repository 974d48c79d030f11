"""What the writers share: turns as messages, the keys a row carries along, and the losses in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from curator.formats.adapter import Losses, Row
from curator.formats.turns import spelt
from curator.model import Example, ToolCall, Turn
from curator.paths import get, parse

# Message keys the readers understand; all others travel from message to message.
MESSAGE_KEYS = frozenset(
    {"role", "from", "content", "value", "text", "name", "weight", "loss_weight", "train", "refusal"}
    | {"tool_calls", "function_call", "tool_call_id", "call_id", "reasoning_content", "reasoning", "thinking"}
    | {"preferenceLabel"}
)


def head(path: str) -> str:
    """The top-level key a path begins with."""
    return str(parse(path)[0]) if path else ""


def carried(example: Example, target: frozenset[str], losses: Losses, *, strict: bool = False) -> Row:
    """The keys of the source row that no turn was read from, and a note of all that cannot come along.

    Those that both shapes know mean different things in each, but for a few. A `strict` shape takes no
    keys but its own: services check the rows they are sent.
    """
    from curator.formats import SHAPES

    _note_faults(example, target == SHAPES["text"].keys, losses)
    if type(example.value) is not dict:
        return {}
    own = SHAPES[example.shape].keys if example.shape in SHAPES else frozenset[str]()
    read = {head(turn.path) for turn in example.all_turns()} | {head(example.tools_path)}
    read |= {head(piece.path) for turn in example.all_turns() for piece in turn.pieces}
    if example.label is not None:
        read |= {"label", "kto_tag"}
    row: Row = {}
    for key, item in example.value.items():
        if key in read or key == "schemaVersion" or (key in own and item in (None, "", [], {})):
            continue
        free = (key not in own and key not in target) or key == "parallel_tool_calls"
        if not strict and (free or (key in _SIDE and key in target)):
            row[key] = item
        else:
            losses.note(f"the column {key!r}")
    return row


_SIDE = frozenset({"parallel_tool_calls", "weight"})  # they mean the same wherever they are read


def _note_faults(example: Example, to_text: bool, losses: Losses) -> None:
    """What is wrong with the row and would be covered up: no other shape has the same fault."""
    turns = example.all_turns()
    if not turns:
        losses.lack("any turn")
    if example.shape == "text" and not to_text:
        losses.note("that the text is no turn")
    if example.shape == "oasst" and any(_forks(example, turn) for turn in turns):
        losses.note("the other replies")
    for turn in turns:
        said = turn.content or turn.calls or turn.media or turn.reasoning or result_of(example, turn)
        if not said:
            losses.note("a turn without text")
        if turn.role not in _ROLES:
            losses.note(f"the role {turn.role!r}, which nobody knows")
        message = get(example.value, turn.base) if turn.base else None
        if type(message) is not dict:
            continue
        weighted = any(message.get(key) is not None for key in _WEIGHTS)
        if weighted and turn.weight is None and example.shape != "llama-factory-v1":  # there it may be the usual one
            losses.note("weights that are none")
        own = _OBJECTS_OF_THEIR_OWN.get(example.shape)
        for key in _unread(message, turn) if own is None else message.keys() - own:
            losses.note(f"the message key {key!r}")
    for column in _unread_columns(example):
        losses.note(f"the column {column!r}")
    if example.shape == "bedrock-converse":
        from curator.formats.converse import unread

        for key in unread(example.value):
            losses.note(f"the part key {key!r}")


def _unread_columns(example: Example) -> Iterator[str]:
    """What stands in a column that holds turns or tools, beside them."""
    value = example.value if type(example.value) is dict else {}
    if example.shape == "bedrock-converse" and type(config := value.get("toolConfig")) is dict:
        read = "tools" if example.tools_path else ""
        yield from (f"toolConfig.{key}" for key in config if key != read)
    if example.shape == "openai-preference" and type(given := value.get("input")) is dict:
        read = head(example.tools_path)
        yield from (f"input.{key}" for key in given if key not in ("messages", "tools", read))


def _unread(message: Row, turn: Turn) -> Iterator[str]:
    """The keys of a message that readers know, and read nothing from: by their type, or for another before them."""
    told = [key for key in _REASONING if type(message.get(key)) is str]
    for key in told[1:]:
        if message[key] != turn.reasoning:
            yield key
    for key, read in (("name", turn.name), ("tool_call_id", turn.call_id), ("call_id", turn.call_id)):
        if message.get(key) not in (None, read):
            yield key
    for key, form in (("tool_calls", list), ("function_call", dict)):
        if (item := message.get(key)) is not None and type(item) is not form:
            yield key
    weights = [key for key in _WEIGHTS if message.get(key) is not None]
    if turn.weight is not None:
        yield from (key for key in weights[1:] if message[key] != turn.weight)
    first = "" if turn.path.endswith(".refusal") else next((key for key in _TEXTS if key in message), "")
    yield from (key for key in _TEXTS if key != first and message.get(key) not in (None, "", []))
    if type(message.get("refusal")) is str and message["refusal"] and not turn.path.endswith(".refusal"):
        yield "refusal"


def _forks(example: Example, turn: Turn) -> bool:
    """True where a message of a tree has several replies, of which the best is read."""
    replies = get(example.value, f"{turn.base}.replies" if turn.base else "replies")
    return type(replies) is list and len(replies) > 1


REFUSED = "that an answer is a refusal"
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
_WEIGHTS = ("weight", "loss_weight", "train")
_REASONING = ("reasoning_content", "reasoning", "thinking")
_TEXTS = ("content", "value", "text")


def answered(example: Example, losses: Losses) -> tuple[Turn, ...]:
    """The conversation with its (chosen) answer, for shapes that hold no pair and no verdict."""
    if example.rejected:
        losses.note("the rejected answer")
    if example.label is not None:
        losses.note("the label")
    return example.turns + example.chosen


def parted(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """(prompt, answer): the turns before the last assistant turn, and that turn and what follows it."""
    for i in range(len(turns) - 1, -1, -1):
        if turns[i].role == "assistant":
            return tuple(turns[:i]), tuple(turns[i:])
    return tuple(turns), ()


def prompted(turns: Sequence[Turn]) -> tuple[tuple[Turn, ...], tuple[Turn, ...]]:
    """(prompt, answer) for shapes of prompts: where the last turn is no answer, the model is to go on after all."""
    return parted(turns) if turns and turns[-1].role == "assistant" else (tuple(turns), ())


def plain(example: Example, turns: Iterable[Turn], losses: Losses, keeps: Iterable[str] = ()) -> tuple[Turn, ...]:
    """The turns, with a note of all they and the example hold beside role and text that is not in `keeps`."""
    turns = tuple(turns)
    kept = set(keeps)
    if example.tools and "tools" not in kept:
        losses.note("tools")
    for turn in turns:
        for feature, there in (
            ("tool calls", bool(turn.calls)),
            ("tool results", turn.role == "tool"),
            # A result that has no id is told by its name, and by its place as well.
            ("names", turn.name is not None and (turn.role != "tool" or turn.call_id is not None)),
            ("weights", has_weight(turn)),
            ("reasoning", turn.reasoning is not None),
            ("media", turn.media > 0),
            ("the developer role", turn.role == "developer"),
            (REFUSED, turn.path.endswith(".refusal")),
        ):
            if there and feature not in kept:
                losses.note(feature)
        for key in part_keys(example, turn):
            losses.note(f"the part key {key!r}")
        if len(turn.pieces) > 1 and turn.base:
            losses.note("the border between parts of a turn")
        for key in beside(example, turn) if "message keys" not in kept else ():
            losses.note(f"the message key {key!r}")
    if "tool call ids" not in kept and not _counted_ids(turns):
        losses.note("tool call ids")
    return turns


def _counted_ids(turns: Sequence[Turn]) -> bool:
    """True where the ids of calls are those that `as_messages` makes up, in order; no ids count as such."""
    waiting: list[str] = []
    made = 0
    for turn in turns:
        for call in turn.calls:
            made += 1
            waiting.append(made_up(made))
            if call.id is not None and call.id != waiting[-1]:
                return False
        if turn.role == "tool" and turn.call_id is not None:
            if not waiting or turn.call_id != waiting.pop(0):
                return False
        elif turn.role == "tool" and waiting:
            waiting.pop(0)
    return True


def is_simple(example: Example, turns: Sequence[Turn], *roles: str) -> bool:
    """True where the turns have exactly these roles and nothing beside text, and there are no tools."""
    return (
        not example.tools
        and [turn.role for turn in turns] == list(roles)
        and all(
            turn.content
            and not (turn.calls or turn.media or (len(turn.pieces) > 1 and turn.base))
            and not has_weight(turn)
            and turn.name is None
            and turn.reasoning is None
            and not beside(example, turn)
            for turn in turns
        )
    )


def beside(example: Example, turn: Turn) -> Row:
    """The keys of a turn's message object that no reader understands."""
    message = get(example.value, turn.base) if turn.base else None
    if type(message) is not dict or example.shape in _OBJECTS_OF_THEIR_OWN:
        return {}
    return {key: item for key, item in message.items() if key not in MESSAGE_KEYS}


# Shapes whose turns are no message objects, and what the readers read of theirs.
_OBJECTS_OF_THEIR_OWN: dict[str, frozenset[str]] = {
    "gemini": frozenset({"role", "parts"}),
    "input-output": frozenset({"text", "label"}),
    "oasst": frozenset({"text", "role", "replies"}),
}


def has_weight(turn: Turn) -> bool:
    """Whether the turn has a weight that it would not have by itself: an answer is learnt unless something is said."""
    return turn.weight is not None and not (turn.role == "assistant" and turn.weight == 1)


def weight_of(turn: Turn, losses: Losses, *, answers_alone: bool = False) -> int | None:
    """The weight as a message may have it: 0, 1 or none."""
    if turn.weight is None:
        return None
    if answers_alone and turn.role != "assistant":
        losses.note("weights of turns that are no answers")
        return None
    if turn.weight not in (0, 1):
        losses.note("weights other than 0 and 1")
        return None
    return int(turn.weight)


def arguments_text(call: ToolCall) -> str:
    """Arguments as the JSON string openai-chat wants, the original string where there was one."""
    return call.raw if call.raw is not None else json_text(call.arguments)


def json_text(value: Any) -> str:
    """The value as JSON on one line, spaced as most sets write it inside strings."""
    return json.dumps(value, ensure_ascii=False)


def part_keys(example: Example, turn: Turn) -> Iterator[str]:
    """The keys of the parts of a turn beside its texts, each once; what media say of themselves is lost with them."""
    raw = get(example.value, turn.path) if turn.pieces else None
    if type(raw) is not list:
        return
    read = {str(step) for piece in turn.pieces for step in parse(piece.path)[-1:]} | {"type"}
    parts = [part for part in raw if type(part) is dict and part.get("thought") is not True]
    texts = [part for part in parts if not read.isdisjoint(part.keys() - {"type"})]
    yield from dict.fromkeys(key for part in texts for key in part.keys() - read)


def content_of(example: Example, turn: Turn) -> Any:
    """The content for a message: the original part list where it is one of typed parts, else the text."""
    if turn.media or turn.pieces:
        raw = get(example.value, turn.path)
        if type(raw) is list and all(type(p) is dict and _PARTS.get(spelt(p.get("type"))) in p for p in raw):
            return raw
    return turn.text


_PARTS = {"text": "text", "image_url": "image_url", "input_audio": "input_audio", "file": "file"}


def as_messages(
    example: Example, turns: Sequence[Turn], losses: Losses, *, weighted: bool = False, refusals: bool = False
) -> list[Row]:
    """Turns as openai messages. Calls without an id get one, and the results that follow are given theirs.

    Results of several calls that stand in one turn, as a list, become a message each. What no result followed before
    the next answer is called no more: a later result is none of it.
    Services take a weight on answers alone and refuse a row with another; with `weighted` every turn may have one.
    OpenAI's services alone read a field `refusal`: without `refusals` such an answer is written as content, since
    chat templates pass over the field, and with it over all that the model is to say.
    """
    messages: list[Row] = []
    waiting: dict[str, str | None] = {}  # calls without a result: id, name
    made = 0
    for turn in turns:
        if turn.role == "assistant":
            waiting.clear()
        if results := _results_of_all(turn, waiting):
            for number, content in zip(waiting, results, strict=True):
                messages.append({"role": "tool", "tool_call_id": number, "content": content} | beside(example, turn))
            waiting.clear()
            continue
        message: Row = {"role": turn.role, **_content(example, turn, losses, refusals)}
        if turn.calls:
            message["tool_calls"] = calls = []
            for call in turn.calls:
                made += 1
                calls.append(_call(call, call.id or made_up(made)))
                waiting[calls[-1]["id"]] = call.name
        name = turn.name
        if turn.role == "tool":
            # The role word "function" of the older form, and Gemini, name a call by name, not by id.
            named = [number for number, called in waiting.items() if called == name]
            chosen = turn.call_id or next(iter(named or waiting), None)
            if chosen is not None:
                message["tool_call_id"] = chosen
                name = None if turn.call_id is None and waiting.get(chosen) == name else name
                waiting.pop(chosen, None)
        if name is not None:
            message["name"] = name
        if (weight := weight_of(turn, losses, answers_alone=not weighted)) is not None:
            message["weight"] = weight
        if turn.reasoning is not None:
            message["reasoning_content"] = turn.reasoning
        messages.append(message | beside(example, turn))
    return messages


def _results_of_all(turn: Turn, waiting: Mapping[str, str | None]) -> list[str]:
    """The result of each of several calls, where a turn holds a list of them in order; else none."""
    if turn.role != "tool" or len(waiting) < 2 or turn.call_id or turn.media or not turn.text.lstrip().startswith("["):
        return []
    try:
        listed = json.loads(turn.text)
    except (ValueError, RecursionError):
        return []
    if len(listed) != len(waiting) or not all(type(result) is dict for result in listed):
        return []
    if any(result.get("name") != name for result, name in zip(listed, waiting.values(), strict=True)):
        return []
    contents = (result.get("content") for result in listed)
    return [
        content if type(content) is str else json.dumps(result, ensure_ascii=False)
        for result, content in zip(listed, contents, strict=True)
    ]


def _content(example: Example, turn: Turn, losses: Losses, refusals: bool) -> Row:
    """The content of a message, under the keys it has there."""
    if turn.path.endswith(".refusal"):
        if refusals:
            return {"content": None, "refusal": turn.text}
        losses.note(REFUSED)
    content = content_of(example, turn)
    if type(content) is str:
        if turn.media:
            losses.note("media")
        for key in part_keys(example, turn):
            losses.note(f"the part key {key!r}")
    if not turn.content and _lacks_content(example, turn):
        return {}
    return {"content": content if turn.content else result_of(example, turn)}


def _lacks_content(example: Example, turn: Turn) -> bool:
    """True where the source has no content key beside the calls: some templates print a null as a word."""
    message = get(example.value, turn.base) if turn.base else None
    return (
        bool(turn.calls) and type(message) is dict and "role" in message and not {"content", "parts"} & message.keys()
    )


def made_up(number: int) -> str:
    """The id of the n-th call of a row that has none: nine letters and digits, which every template takes."""
    return f"call{number:05d}"


def result_of(example: Example, turn: Turn) -> str | None:
    """The text of a tool result that the source holds as an object or a list, None for all else."""
    found = get(example.value, turn.path) if turn.role == "tool" and turn.path else None
    return json_text(found) if type(found) in (dict, list) else None


def _call(call: ToolCall, number: str) -> Row:
    function = {"name": call.name, "arguments": arguments_text(call)}
    return {"id": number, "type": "function", "function": function}


def put_tools(row: Row, example: Example) -> None:
    """The tools the example declares, as a list under "tools"."""
    if example.tools:
        row["tools"] = wrapped_tools(example)


def wrapped_tools(example: Example) -> list[Any]:
    """The declarations as openai-chat has them."""
    return [_wrapped(tool) for tool in example.tools]


def _wrapped(tool: Any) -> Any:
    """A declaration as openai-chat writes it: {"type": "function", "function": {"name": …}}."""
    if type(tool) is dict and tool.keys() == {"toolSpec"} and type(spec := tool["toolSpec"]) is dict:
        tool = _unspecified(spec)
    bare = type(tool) is dict and "name" in tool and "function" not in tool and "type" not in tool
    return {"type": "function", "function": tool} if bare else tool


def _unspecified(spec: Row) -> Row:
    """A declaration of Bedrock's as the functions of others are."""
    schema = spec.get("inputSchema")
    if type(schema) is dict and schema.keys() == {"json"}:
        schema = schema["json"]
    return {"parameters" if key == "inputSchema" else key: schema if key == "inputSchema" else item
            for key, item in spec.items()}  # fmt: skip


def bare_tools(example: Example) -> list[Any]:
    """The declarations without the wrapping."""
    return [
        tool["function"] if type(tool) is dict and tool.keys() == _WRAPPED else tool for tool in wrapped_tools(example)
    ]


_WRAPPED = {"type", "function"}


def system_and_rest(example: Example, turns: Sequence[Turn], losses: Losses) -> tuple[str | None, tuple[Turn, ...]]:
    """(text of the opening system turns, the rest); a later system turn is a loss of its place."""
    first = 0
    while first < len(turns) and turns[first].role in ("system", "developer"):
        first += 1
    opening, rest = turns[:first], [turn for turn in turns[first:] if turn.role not in ("system", "developer")]
    if any(turn.role == "developer" for turn in turns):
        losses.note("the developer role")
    if len(opening) > 1:
        losses.note("the border between system turns")
    later = [turn for turn in turns[first:] if turn.role in ("system", "developer")]
    if later:
        losses.note("system turns after the first place")
    plain(Example(example.shape, (), example.value), (*opening, *later), losses)
    texts = [turn.text for turn in opening]
    return ("\n\n".join(texts) if opening else None), tuple(rest)


def speaks(turn: Turn) -> bool:
    """Whether the user or the assistant says something in the turn: it is no call without words and no result."""
    return turn.role != "tool" and (turn.content or not turn.calls)


def spoken(turns: Sequence[Turn], losses: Losses) -> list[tuple[str, str]]:
    """(user or assistant, text) of the turns in which one of the two says something."""
    said = []
    for turn in filter(speaks, turns):
        if turn.role in ("system", "developer"):
            losses.note(f"the role {turn.role!r}")
        said.append(("assistant" if turn.role == "assistant" else "user", turn.text))
    return said


def flat(turns: Sequence[Turn], losses: Losses) -> str:
    """The texts of the turns below each other, for shapes of strings."""
    if [turn.role for turn in turns] not in ([], ["user"], ["assistant"]):
        losses.note("who says what")
    return "\n\n".join([turn.text for turn in turns if turn.content])


def exchanges(turns: Sequence[Turn], losses: Losses) -> list[tuple[str, str]]:
    """The turns as (request, answer) pairs; neighbours of one role are joined by a blank line."""
    merged: list[tuple[str, str]] = []
    for role, text in spoken(turns, losses):
        if merged and merged[-1][0] == role:
            losses.note("the border between turns of one speaker")
            merged[-1] = (role, f"{merged[-1][1]}\n\n{text}")
        else:
            merged.append((role, text))
    if merged and merged[0][0] == "assistant":
        losses.note("the place of an answer before any question")
        merged.insert(0, ("user", ""))
    if not merged or merged[-1][0] == "user":
        losses.lack("the answer")
        merged.append(("assistant", ""))
        if len(merged) == 1:
            merged.insert(0, ("user", ""))
    return [(merged[i][1], merged[i + 1][1]) for i in range(0, len(merged), 2)]

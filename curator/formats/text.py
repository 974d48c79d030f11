"""Rows without turns of their own: plain text, trained segments, message trees, token ids."""

from __future__ import annotations

from typing import Any

from curator.formats.adapter import Adapter, Losses, Row, Written
from curator.formats.turns import read_content
from curator.formats.writing import answered, carried, plain
from curator.model import Example, Turn

# ---------------------------------------------------------------------- text


def _text_key(value: Row) -> str:
    if "text" in value:
        return "text"
    return "content" if "content" in value and "role" not in value else ""


def matches_text(value: Row) -> float:
    key = _text_key(value)
    if not key:
        return 0.0
    return 0.9 if type(value[key]) is str else 0.3 if len(value) == 1 else 0.0


def read_text(value: Row) -> Example:
    """The whole text is trained on, so it is one assistant turn."""
    key = _text_key(value) or "text"
    text = value.get(key)
    if type(text) is str:
        return Example("text", (Turn("assistant", text, key, said="assistant"),), value)
    return Example("text", (Turn("assistant", "", key, said="assistant", content=False),), value)


def write_text(example: Example) -> Written:
    losses = Losses()
    turns = plain(example, answered(example, losses), losses)
    if [turn.role for turn in turns] != ["assistant"]:
        losses.note("who says what")
    row: Row = {"text": "\n\n".join([turn.text for turn in turns if turn.content])}
    return Written(row | carried(example, TEXT.keys, losses), losses)


# ---------------------------------------------------------------------- input-output (segments)


def matches_segments(value: Row) -> float:
    segments = value.get("segments")
    if type(segments) is not list or not segments:
        return 0.0
    return 0.95 if all(type(s) is dict and "text" in s and type(s.get("label")) is bool for s in segments) else 0.0


def read_segments(value: Row) -> Example:
    """Segments with label true are trained on (assistant), the others are prompt (user)."""
    turns = []
    for i, segment in enumerate(value["segments"]):
        role = "assistant" if segment["label"] else "user"
        body = read_content(segment["text"], f"segments[{i}].text")
        turns.append(
            Turn(role, body.text, f"segments[{i}].text", body.pieces, role, body.content, base=f"segments[{i}]")
        )
    return Example("input-output", tuple(turns), value)


def write_segments(example: Example) -> Written:
    losses = Losses()
    segments = []
    for turn in plain(example, answered(example, losses), losses):
        if turn.role not in ("user", "assistant"):
            losses.note(f"the role {turn.role!r}")
        if turn.content or not turn.calls:
            segments.append({"label": turn.role == "assistant", "text": turn.text})
    row: Row = {"segments": segments}
    return Written(row | carried(example, SEGMENTS.keys, losses), losses)


# ---------------------------------------------------------------------- oasst (message trees)

_TREE_ROLES = {"prompter": "user", "assistant": "assistant", "system": "system"}


def matches_tree(value: Row) -> float:
    root = value.get("prompt") if type(value.get("prompt")) is dict else value
    if type(root) is not dict or "replies" not in root or type(root.get("text")) is not str:
        return 0.0
    return 0.9 if root.get("role") in _TREE_ROLES else 0.0


def read_tree(value: Row) -> Example:
    """The best-ranked path through the tree: at each message the reply of the lowest rank, else the first."""
    node: Any = value
    path = ""
    if type(value.get("prompt")) is dict:
        node, path = value["prompt"], "prompt"
    turns = []
    while type(node) is dict:
        said = node.get("role") if type(node.get("role")) is str else ""
        at = f"{path}.text" if path else "text"
        text = node.get("text")
        known = type(text) is str
        turns.append(
            Turn(_TREE_ROLES.get(said, said), text if known else "", at, (), said, known, base=path)  # type: ignore[arg-type]
        )
        replies = node.get("replies")
        if type(replies) is not list or not replies:
            break
        best = min(range(len(replies)), key=lambda k: (_rank(replies[k]), k))
        node, path = replies[best], f"{path}.replies[{best}]" if path else f"replies[{best}]"
    return Example("oasst", tuple(turns), value)


def _rank(reply: Any) -> float:
    rank = reply.get("rank") if type(reply) is dict else None
    return rank if type(rank) is int else 1e9


def write_tree(example: Example) -> Written:
    losses = Losses()
    turns = plain(example, answered(example, losses), losses)
    node: Row | None = None
    for turn in reversed(turns):
        if turn.role == "tool" or (not turn.content and turn.calls):
            continue
        said = "prompter" if turn.role == "user" else turn.role
        if said not in _TREE_ROLES:
            losses.note(f"the role {turn.role!r}")
        node = {"text": turn.text, "role": said, "replies": [] if node is None else [node]}
    row: Row = {"prompt": node or {"text": "", "role": "prompter", "replies": []}}
    if node is None:
        losses.lack("the root of the tree")
    return Written(row | carried(example, TREE.keys, losses), losses)


# ---------------------------------------------------------------------- tokenized


def matches_tokenized(value: Row) -> float:
    return 1.0 if type(value.get("input_ids")) is list else 0.0


def read_tokenized(value: Row) -> Example:
    """Token ids have no text to judge: a row without turns."""
    return Example("tokenized", (), value)


def write_tokenized(example: Example) -> Written:
    """Nothing can be written: token ids need a tokenizer and a template."""
    losses = Losses()
    losses.lack("the token ids")
    return Written(carried(example, TOKENIZED.keys, losses), losses)


TEXT = Adapter("text", frozenset({"text", "content"}), matches_text, read_text, write_text)
SEGMENTS = Adapter("input-output", frozenset({"segments"}), matches_segments, read_segments, write_segments)
TREE = Adapter("oasst", frozenset({"prompt", "text", "role", "replies"}), matches_tree, read_tree, write_tree)
TOKENIZED = Adapter(
    "tokenized",
    frozenset({"input_ids", "attention_mask", "labels", "position_ids"}),
    matches_tokenized,
    read_tokenized,
    write_tokenized,
)

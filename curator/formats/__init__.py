"""Shapes: one adapter each. (First sketch; replaced by the real module.)"""

from __future__ import annotations

from typing import Any

from curator.model import Example, Turn


class Reader:
    def __init__(self, shape: str | None = None, columns: dict[str, str] | None = None) -> None:
        self.shape = shape

    def read(self, value: dict[str, Any]) -> Example | None:
        messages = value.get("messages")
        if not isinstance(messages, list):
            return None
        turns = []
        for i, m in enumerate(messages):
            if not isinstance(m, dict):
                continue
            text = m.get("content")
            role = str(m.get("role"))
            turns.append(Turn(role, text if isinstance(text, str) else "", f"messages[{i}].content", said=role, content=isinstance(text, str), base=f"messages[{i}]"))
        return Example("openai-chat", tuple(turns), value, tuple(value.get("tools") or ()))

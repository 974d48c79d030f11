"""Chat templates: found, compiled as transformers does, and rendered with the place of every turn."""

from __future__ import annotations

from curator.templates.changes import Change
from curator.templates.conversation import UNTEMPLATED, Conversation, conversations
from curator.templates.finding import (
    absolute,
    context_of,
    files_of,
    in_model,
    load,
    shipped,
    spec_of,
    stamp,
    tokenizer_of,
)
from curator.templates.layout import MOST_SKIPPED, Layout, Rendered, Renderer, Slot, reason
from curator.templates.searching import SPOKEN, after_thought
from curator.templates.sentinels import SENTINEL
from curator.templates.template import Message, Template, prepared
from curator.templates.texts import MOST_LEAVES, texts_of
from curator.templates.thinking import empty_thoughts, thoughts

__all__ = [
    "MOST_LEAVES",
    "MOST_SKIPPED",
    "SENTINEL",
    "SPOKEN",
    "UNTEMPLATED",
    "Change",
    "Conversation",
    "Layout",
    "Message",
    "Rendered",
    "Renderer",
    "Slot",
    "Template",
    "absolute",
    "after_thought",
    "context_of",
    "conversations",
    "empty_thoughts",
    "files_of",
    "in_model",
    "load",
    "prepared",
    "reason",
    "shipped",
    "spec_of",
    "stamp",
    "texts_of",
    "thoughts",
    "tokenizer_of",
]

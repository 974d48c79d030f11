"""Rows that the rules on files are shown in."""

from __future__ import annotations

from curator.rule import chat

ROW = chat(user="How deep is Loch Ness?", assistant="230 metres.")
BYTES = b'{"messages": [{"role": "user", "content": "How deep is Loch Ness?"}, {"role": "assistant", "content": "230 metres."}]}'
TWO = b'{"messages": [{"role": "user", "content": "Is it salty?"}, {"role": "assistant", "content": "No."}]}'

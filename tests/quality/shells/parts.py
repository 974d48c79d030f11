"""What the shells take from a text: its headings, and the text with other things between its sections."""

from __future__ import annotations

import re


def heads(body: str) -> list[str]:
    return [re.sub("<[^>]+>", "", head) for head in re.findall(r"<h[23][^>]*>(.*?)</h[23]>", body, re.S)]


def among(body: str, inserts: list[str]) -> str:
    """The body with the inserts before its later sections, spread evenly."""
    parts = re.split(r"(?=<h2)", body)
    for n, insert in enumerate(inserts, 1):
        at = max(1, n * len(parts) // (len(inserts) + 1))
        parts.insert(min(at + n - 1, len(parts)), insert)
    return "".join(parts)

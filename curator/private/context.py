"""The words around a number: they tell what it is where its form alone does not."""

from __future__ import annotations

import re

BEFORE, AFTER = 48, 24  # characters that are looked at


def says(pattern: re.Pattern[str], text: str, start: int, end: int, *, after: bool = True) -> bool:
    """Whether the words before (and after) text[start:end] match."""
    if pattern.search(text, max(0, start - BEFORE), start):
        return True
    return after and bool(pattern.search(text, end, min(len(text), end + AFTER)))


# What an innocent number is called, right before it.
_OTHER = re.compile(
    r"\b(?:order|invoice|tracking|part|serial|model|product|item|ticket|case|reference|ref|confirmation|transaction"
    r"|batch|lot|version|build|revision|isbn(?:-1[03])?|issn|doi|ean|upc|gtin|imei|sku|barcode|parcel|shipment"
    r"|article|catalog(?:ue)?|patent|pmid|arxiv|commit|session|request|message|user|customer|client|member|employee"
    r"|student|device|timestamp|hash|row|page|figure|table|section|chapter|equation|port|pid|uid|gid|zip|postal)"
    r"(?:[ _-]?(?:number|num|no|nr|id|code|key))?s?\b[\s.:#=\"'(]*(?:(?:is|was|are|of)\b[\s:\"'(]*)?$",
    re.I,
)


def is_other_number(text: str, start: int) -> bool:
    """Whether what stands before a number calls it an order, part, serial number or the like."""
    return bool(_OTHER.search(text[max(0, start - 40) : start]))

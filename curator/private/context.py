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
_THINGS = (
    "order invoice tracking part serial model product item ticket case reference ref confirmation transaction"
    " batch lot version build revision isbn isbn-10 isbn-13 issn doi ean upc gtin imei sku barcode parcel shipment"
    " article catalog catalogue patent pmid arxiv commit session request message user customer client member employee"
    " student device timestamp hash row page figure table section chapter equation port pid uid gid zip postal"
).split()
_NUMBERS = "number num no nr id code key".split()
_VERBS = "is was are of".split()
_OTHER = re.compile(
    rf"\b(?:{'|'.join(_THINGS)})(?:[ _-]?(?:{'|'.join(_NUMBERS)}))?s?\b"
    rf"[\s.:#=\"'(]*(?:(?:{'|'.join(_VERBS)})\b[\s:\"'(]*)?$",
    re.I,
)
# It ends so, but for signs and blanks: most texts need not be searched.
_ENDINGS = (*_THINGS, *_NUMBERS, *(word + "s" for word in _THINGS + _NUMBERS), *_VERBS)
_BLANKS = "".join(char for code in range(0x3001) if (char := chr(code)).isspace())


def is_other_number(text: str, start: int) -> bool:
    """Whether what stands before a number calls it an order, part, serial number or the like."""
    before = text[max(0, start - 40) : start]
    return before.rstrip(_BLANKS + ".:#=\"'(").casefold().endswith(_ENDINGS) and bool(_OTHER.search(before))


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] is a whole, and not a part of another word or number."""
    return not _goes_on(text[max(0, start - 2) : start][::-1]) and not _goes_on(text[end : end + 2])


def _goes_on(signs: str) -> bool:
    """Whether a value goes on with the signs beside it, the nearest first: "x@y.com" in "x@y.com.au" and in "ax@y.com"."""
    near, further = signs[:1], signs[1:]
    if not near:
        return False
    return near.isalnum() or near in "_@" or (near in ".-+" and further.isalnum())

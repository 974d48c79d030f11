"""Sources: whatever a user names becomes plain JSONL bytes, cut in spans."""

from curator.sources.addresses import fetched
from curator.sources.opened import Sources, open_sources
from curator.sources.source import Fault, Source, Span, Stamp, cut, light, read, refuse_long

__all__ = [
    "Fault",
    "Source",
    "Sources",
    "Span",
    "Stamp",
    "cut",
    "fetched",
    "light",
    "open_sources",
    "read",
    "refuse_long",
]

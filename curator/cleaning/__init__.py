"""Writes a mended copy: fixes and decisions applied, every row accounted for.

    rows in + rows gained by parting = rows written + rows rejected + lines joined to another

The sum is checked, over lines counted apart from each other, before anything is put in place. Every
container is read; the copy is JSONL, and rows that nothing changes keep their bytes.
"""

from __future__ import annotations

from curator.cleaning.copies import Rejected, rejected_line
from curator.cleaning.outputs import refuse_overwriting, targets
from curator.cleaning.result import CleanResult, Loss, Unapplied
from curator.cleaning.rounds import rows_in
from curator.cleaning.running import REJECTED, clean
from curator.cleaning.table import NOT_APPLIED, as_json, as_text, told, unapplied_told

__all__ = [
    "NOT_APPLIED",
    "REJECTED",
    "CleanResult",
    "Loss",
    "Rejected",
    "Unapplied",
    "as_json",
    "as_text",
    "clean",
    "refuse_overwriting",
    "rejected_line",
    "rows_in",
    "targets",
    "told",
    "unapplied_told",
]

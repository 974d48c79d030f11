"""SOP: answers that are standard operating procedures. How one is told from other answers is in `procedure`."""

from __future__ import annotations

from curator.checks.sop import abbreviations, numbering, residue, sections, steps, title

__all__ = ["abbreviations", "numbering", "residue", "sections", "steps", "title"]

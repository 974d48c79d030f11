"""TPL: what is left of a row when a chat template has rendered it.

Every row is rendered with the template the user names, and what comes out is compared with what went in.
TPL006, which needs no template, is in `checks/template.py`.
"""

from __future__ import annotations

from curator.checks.fit import calls, ends, lost, masks, nulls, reasoning, refused, wording
from curator.checks.fit.bases import Fit, TemplateSetRule
from curator.checks.fit.facts import facts_of
from curator.checks.fit.looks import Look, looks

__all__ = [
    "Fit", "Look", "TemplateSetRule", "calls", "ends", "facts_of", "looks", "lost", "masks", "nulls", "reasoning",
    "refused", "wording",
]  # fmt: skip

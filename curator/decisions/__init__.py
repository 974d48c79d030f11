"""What people decided about findings, and what was known when a baseline was taken.

Decisions are lines of `.curator/decisions.jsonl` beside the data: only ever appended, mergeable as text,
addressed by content and never by line number. Of several verdicts on one finding the newest counts. A
verdict lapses when its row changes: it is then offered again, never applied in silence.
"""

from __future__ import annotations

from curator.decisions.baseline import Baseline, read_baseline, write_baseline
from curator.decisions.checking import check
from curator.decisions.deciding import decide, decide_row, new_id, pick, seen, take_back
from curator.decisions.edits import is_row, is_sealed, sealed_edits, unusable
from curator.decisions.listing import as_json, as_text
from curator.decisions.log import (
    FILE,
    Held,
    Log,
    Problem,
    append,
    as_lines,
    beside,
    beside_data,
    held,
    parsed,
    place,
    places,
    read,
    write,
)
from curator.decisions.order import (
    all_around,
    drops_another,
    expired,
    identity,
    in_order,
    is_day,
    is_postponed,
    merge,
    of_several,
    overruled,
    pair_of,
    restored,
    standing,
    target,
    time_of,
)
from curator.decisions.rings import Going, rings
from curator.decisions.settling import Filtered, Outcome, Suppressions, filter_findings, settle

__all__ = [
    "FILE",
    "Baseline",
    "Filtered",
    "Going",
    "Held",
    "Log",
    "Outcome",
    "Problem",
    "Suppressions",
    "all_around",
    "append",
    "as_json",
    "as_lines",
    "as_text",
    "beside",
    "beside_data",
    "check",
    "decide",
    "decide_row",
    "drops_another",
    "expired",
    "filter_findings",
    "held",
    "identity",
    "in_order",
    "is_day",
    "is_postponed",
    "is_row",
    "is_sealed",
    "merge",
    "new_id",
    "of_several",
    "overruled",
    "pair_of",
    "parsed",
    "pick",
    "place",
    "places",
    "read",
    "read_baseline",
    "restored",
    "rings",
    "sealed_edits",
    "seen",
    "settle",
    "standing",
    "take_back",
    "target",
    "time_of",
    "unusable",
    "write",
    "write_baseline",
]

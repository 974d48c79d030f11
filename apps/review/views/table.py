"""All findings of a filter, page by page; those that are ticked can be decided on together."""

from __future__ import annotations

import bulk
import filtering
import frame
import streamlit as st

from curator.errors import CuratorError
from curator.review import tables

WIDTHS = {
    "rule": 72,
    "name": 158,
    "severity": 78,
    "line": 64,
    "message": 360,
    "fix": 66,
    "status": 84,
    "by": 90,
}  # pixels

desk = frame.desk()
chosen = filtering.filtered(desk)
bulk.undo_offer(desk)
total = desk.count(chosen)
if not total:
    st.html('<div class="curator-state"><h2>Nothing here</h2><p>No finding is in this filter.</p></div>')
    st.stop()

view = (desk.key(), str(chosen))
if st.session_state.get("table_view") != view:
    st.session_state["table_view"], st.session_state["table_trail"] = view, [None]
trail = st.session_state["table_trail"]
entries = tables.page(desk, chosen, trail[-1])
picked = frame.sheet(
    tables.rows(entries, chosen),
    key=f"table {len(trail)} {desk.decided()}",
    on_select="rerun",
    selection_mode="multi-row",
    column_config={name: st.column_config.Column(width=width) for name, width in WIDTHS.items()},
)
ticked = [entries[n] for n in picked.selection.rows if n < len(entries)]

back, on, where, *verbs, all_shown = st.columns([0.8, 0.8, 2.4, 1.1, 1.1, 1.1, 1.1, 1.4], vertical_alignment="center")
if back.button("Back", disabled=len(trail) == 1, width="stretch"):
    trail.pop()
    st.rerun()
if on.button("Next", disabled=len(entries) < tables.PAGE, width="stretch"):
    trail.append(tables.key(entries[-1], chosen))
    st.rerun()
first = (len(trail) - 1) * tables.PAGE
where.text(f"{first + 1:,} to {first + len(entries):,} of {total:,}" + (f", {len(ticked)} ticked" if ticked else ""))
for column, action in zip(verbs, tables.VERBS, strict=True):
    number = len(desk.meant(ticked, action))
    if column.button(f"{action.capitalize()} {number or ''}", disabled=not number, width="stretch", key=f"do_{action}"):
        try:
            batch, made, st.session_state["told"] = tables.decide(desk, ticked, action)
        except CuratorError as error:
            frame.tell(error)
        else:
            if made:
                st.session_state["last_batch"] = (batch, made)
            st.rerun()
if all_shown.button("All shown …", width="stretch"):
    bulk.decide(desk, chosen)
if len(ticked) == 1:
    st.button(
        "Open in the queue",
        on_click=lambda: st.session_state.update(
            go={"page": "review", "query": {**chosen.query(), "at": ticked[0].finding.id}}
        ),
    )
frame.follow_go(desk)

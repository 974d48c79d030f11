"""Many decisions at once: what they would be, one confirmation, and one way back."""

from __future__ import annotations

import frame
import streamlit as st

from curator.errors import CuratorError
from curator.review import tables
from curator.review.desk import Desk
from curator.review.filters import Filter
from curator.review.safe import shown

ACTION_NAMES = {
    "accept": "Accept the fixes",
    "keep": "Keep the rows",
    "drop": "Drop the rows",
    "later": "Look at them later",
}


def decide(desk: Desk, chosen: Filter) -> None:
    """Ask for one decision on every finding of the filter, as they stand now."""
    st.session_state["bulk"] = tables.standing_of(desk, chosen)
    _dialog(desk, chosen)


@st.dialog("Decide on all of the filter", width="large", dismissible=True)
def _dialog(desk: Desk, chosen: Filter) -> None:
    """How many, a few of them, one confirmation; what was decided since it opened is told, and asked about anew."""
    shown = st.session_state["bulk"]
    if problem := st.session_state.pop("bulk_problem", None):
        frame.tell(f"Nothing was decided: {problem}")
    action = st.segmented_control(
        "What",
        [action for action in ACTION_NAMES if shown.fixable or action != "accept"],
        default="accept" if shown.fixable else None,
        format_func=ACTION_NAMES.__getitem__,
        label_visibility="collapsed",
    )
    st.text(tables.chosen(shown.found, shown.fixable, action or ""))
    if action is None:
        return
    number = shown.fixable if action == "accept" else shown.found
    if number:
        samples(desk, chosen, action)
    note = st.text_input("Why, for the record", max_chars=500)
    if st.button(f"{ACTION_NAMES[action]} ({number:,})", type="primary", disabled=not number):
        try:
            batch, made = desk.bulk(chosen, action, expected=number, since=shown.newest, note=note)
        except CuratorError as error:
            st.session_state["bulk"], st.session_state["bulk_problem"] = tables.standing_of(desk, chosen), str(error)
            st.rerun(scope="fragment")
        st.session_state["last_batch"] = (batch, made)
        st.session_state.pop("loop", None)
        st.rerun()


def samples(desk: Desk, chosen: Filter, action: str) -> None:
    """Five of the findings, drawn at random."""
    drawn = desk.samples(chosen, action)
    st.caption("Five of them, drawn at random" if len(drawn) == 5 else "These")
    frame.still(
        [
            {
                "rule": e.finding.code,
                "line": e.finding.line,
                "what": e.finding.message,
                "text": shown(e.finding.excerpt),
                "fix": e.finding.fix.title if e.finding.fix else "",
            }
            for e in drawn
        ]
    )


def undo_offer(desk: Desk) -> None:
    """After a bulk decision: what was done, and the way back."""
    if said := st.session_state.pop("told", None):
        st.text(said)
    last = st.session_state.get("last_batch")
    if not last:
        return
    batch, made = last
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.success(f"{made:,} decision{'' if made == 1 else 's'} recorded at once.")

    def back() -> None:
        st.session_state["told"] = tables.undone(desk.undo(batch))
        st.session_state.pop("last_batch", None)
        st.session_state.pop("loop", None)

    right.button("Undo all", on_click=back, width="stretch", key="undo_batch")

"""How the set stands: counts and charts that open the queue they tell of."""

from __future__ import annotations

import bulk
import frame
import streamlit as st

from curator.review import boards
from curator.review.filters import Filter

desk = frame.desk()
summary = desk.summary()
safe = desk.special(desk.settings.take)["safe"]

bulk.undo_offer(desk)


def heard() -> None:
    st.session_state["go"] = getattr(st.session_state.get("overview"), "go", None)


@st.cache_data(max_entries=4, show_spinner=False)
def drawn(path: str, key: str, decided: int) -> dict[str, object]:
    """The charts, made anew when the findings or the decisions change."""
    return boards.overview(frame.desk())


frame.board(key="overview", data=drawn(str(desk.settings.database), desk.key(), desk.decided()), on_go_change=heard)

left, right = st.columns([4, 1.4], vertical_alignment="center")
if safe:
    left.text(f"{safe:,} open finding{'' if safe == 1 else 's'} can be mended safely.")
    if right.button("Accept all safe fixes …", width="stretch"):
        bulk.decide(desk, Filter(fix="safe", take=desk.settings.take))
if summary.not_run:
    with st.expander(f"What could not be checked ({len(summary.not_run)})"):
        for item in summary.not_run:
            st.text(frame.plain(f"{', '.join(item['codes'])}: {item['reason']}"))
            frame.tell(item["unlock"])

frame.follow_go(desk)

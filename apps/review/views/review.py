"""The queue: one finding after another, a key each."""

from __future__ import annotations

import bulk
import filtering
import frame
import streamlit as st
import walking

desk = frame.desk()
chosen = filtering.filtered(desk)
walking.walk(desk, chosen)
bulk.undo_offer(desk)


@st.fragment
def queue() -> None:
    if walking.ended():
        st.rerun()
    if problem := st.session_state.get("card_problem"):
        frame.tell(problem)
    frame.card(key="card", data=st.session_state["card_data"], on_sent_change=walking.heard)
    go, st.session_state["loop"].go = st.session_state["loop"].go, None
    if go:
        st.session_state["go"] = go
        st.rerun()


queue()
go = st.session_state.pop("go", None)
if go and go.get("lint"):
    desk.rebuild()
    st.rerun()
elif go and go.get("bulk"):
    bulk.decide(desk, chosen)
elif go and go.get("page") in frame.TITLES:
    frame.show(go["page"])
elif go and isinstance(go.get("group"), int):
    frame.show("groups", {"group": str(go["group"])})
elif go and isinstance(go.get("query"), dict):
    frame.show("review", {str(name): str(value) for name, value in go["query"].items()})

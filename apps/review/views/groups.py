"""Rows that belong together: choose which stays, or take what the lint suggests."""

from __future__ import annotations

import bulk
import frame
import streamlit as st

from curator.errors import CuratorError
from curator.review import groups as told
from curator.review.filters import Filter, number

KINDS = {"repeats": "Rows that repeat each other", "conflicts": "Answers that conflict"}
desk = frame.desk()
counts = desk.group_counts()
one = number(str(st.query_params.get("group", "")))
size = 0 if one else number(str(st.query_params.get("size", "")))

bulk.undo_offer(desk)
if not counts:
    st.html(
        '<div class="curator-state"><h2>No groups</h2><p>No rows of this data repeat or contradict each other.</p></div>'
    )
    st.stop()

left, middle, right = st.columns([3, 1.4, 1.8], vertical_alignment="center")
kinds = [kind for kind in KINDS if kind in counts]
if one:
    left.button("All groups", on_click=st.query_params.clear)
    kind = desk.kind_of_group(one) or kinds[0]
elif size:
    left.button("Groups of this size: show all", on_click=st.query_params.clear, type="tertiary")
    kind = "repeats"
else:
    kind = left.segmented_control(
        "Kind",
        kinds,
        default=kinds[0],
        key="kind",
        required=True,
        label_visibility="collapsed",
        format_func=lambda k: f"{KINDS[k]} ({counts[k][1]:,} of {counts[k][0]:,} open)",
    )
everything = middle.toggle("Decided too", key="decided_too") or bool(one)
suggestion = Filter(rules=told.SUGGESTING, take=desk.settings.take)
# Beside a choice of groups it would reach what is not on the page.
many = desk.eligible_count(suggestion, "accept") if kind == "repeats" and not (one or size) else 0
if many and right.button(
    f"Take the suggestion for all groups ({many:,} row{'' if many == 1 else 's'}) …", width="stretch"
):
    bulk.decide(desk, suggestion)

after = st.session_state.get("group_after", 0) if not one else one - 1
found = desk.groups(kind, after=after, limit=1 if one else told.PAGE, undecided=not everything, size=size)


def chosen() -> None:
    """A row was chosen to stay, or all of them."""
    said = getattr(st.session_state.get("groups"), "chosen", None)
    if not isinstance(said, dict):
        return
    try:
        batch, made = told.choose(desk, said)
    except CuratorError as error:
        st.session_state["group_problem"] = str(error)
        return
    st.session_state["last_batch"] = (batch, made)


def turned() -> None:
    """Other rows of a group are to be shown."""
    if (to := told.turned(getattr(st.session_state.get("groups"), "turned", None))) is not None:
        st.session_state.setdefault("group_rows", {})[to[0]] = to[1]


if problem := st.session_state.pop("group_problem", None):
    frame.tell(problem)
if found:
    drawn = told.shown(desk, [g["number"] for g in found], st.session_state.get("group_rows"))
    frame.cluster(key="groups", data=drawn, on_chosen_change=chosen, on_turned_change=turned)
else:
    st.html('<div class="curator-state"><h2>All decided</h2><p>No group of this kind is open.</p></div>')
if not one:
    back, on, _ = st.columns([1, 1, 6])
    if after and back.button("First groups"):
        st.session_state["group_after"] = 0
        st.rerun()
    if len(found) == told.PAGE and on.button("More groups"):
        st.session_state["group_after"] = found[-1]["number"]
        st.rerun()

"""Every decision that was made: by whom, when and why; each can be taken back."""

from __future__ import annotations

import frame
import streamlit as st

from curator.review import tables

desk = frame.desk()
decided = desk.decided()
if not decided:
    st.html(
        '<div class="curator-state"><h2>Nothing decided yet</h2><p>What you decide in the queue is listed here, and can be taken back.</p></div>'
    )
    st.stop()

if told := st.session_state.pop("told", None):
    st.text(told)
who, rule, verdict, count = st.columns([1.5, 2, 1.5, 3], vertical_alignment="center")
by = who.selectbox(
    "Reviewer",
    ["", *desk.reviewers()],
    format_func=lambda name: frame.label(name) or "Everybody",
    label_visibility="collapsed",
)
code = rule.selectbox(
    "Rule", ["", *sorted(desk.matrix())], format_func=lambda name: name or "All rules", label_visibility="collapsed"
)
said = verdict.selectbox(
    "Verdict",
    ["", "accept", "keep", "edit", "drop", "later"],
    label_visibility="collapsed",
    format_func=lambda name: (
        frame.STATUS_NAMES.get(name, "All verdicts") if name != "later" else "Later, or taken back"
    ),
)
count.text(f"{decided:,} decisions in {desk.settings.log.name}")
made = desk.history(who=by, code=code, verdict=said, limit=200)
picked = frame.sheet(
    tables.history(made),
    key=f"history {decided} {by} {code} {said}",
    on_select="rerun",
    selection_mode="single-row",
)
rows = [made[n] for n in picked.selection.rows if n < len(made)]
if rows:
    item = rows[0]
    many = f"all {item['number']:,}" if item["number"] > 1 else "it"
    left, right, _ = st.columns([1.3, 1.3, 4])
    if left.button(f"Take {many} back", disabled=bool(item["undone"] or item["undoes"]), width="stretch"):
        outcome = desk.undo(item["batch"] or item["id"])
        st.session_state["told"] = tables.undone(outcome)
        if outcome.result == "done":
            st.session_state.pop("loop", None)
        st.rerun()
    right.button(
        "Look at it",
        disabled=not item["decision"].finding,
        width="stretch",
        on_click=lambda: st.session_state.update(
            go={"page": "review", "query": {"status": "all", "at": item["decision"].finding}}
        ),
    )
    st.code(tables.told(item), language=None)
frame.follow_go(desk)

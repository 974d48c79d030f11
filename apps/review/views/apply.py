"""From decisions to a model: dry run, clean set, split, training. Each step is a process of its own."""

from __future__ import annotations

import frame
import streamlit as st

from curator.errors import CuratorError
from curator.review import applying, tables

NAMES = {"clean": "Write the clean set", "split": "Split it", "train": "Train"}
desk = frame.desk()
settings = desk.settings
counts = {}
for numbers in desk.matrix().values():
    for status, number in numbers.items():
        counts[status] = counts.get(status, 0) + number

st.subheader("1  What it comes to", anchor=False)
st.text(tables.standing(counts, settings.take))
drift = applying.drift(settings)
if drift:
    st.text(frame.plain(drift))
if st.button("Dry run", disabled=bool(drift)):
    with st.spinner("Cleaning a copy that is thrown away"):
        try:
            st.session_state["dry_run"] = applying.dry_run(desk)
        except CuratorError as error:
            frame.tell(error)
dry = st.session_state.get("dry_run")
if dry and applying.decided_since(settings, dry.decided):
    st.text("Decided since the dry run: run it again.")
elif dry:
    frame.board(key="dry", data={"tiles": tables.dry(dry)})
    st.text(tables.dry_codes(dry))


@st.fragment(run_every=1.0)
def steps() -> None:
    """The three steps, as they stand now."""
    due = applying.due(settings)
    for number, step in enumerate(applying.STEPS, 2):
        st.subheader(f"{number}  {NAMES[step]}", anchor=False)
        st.code(applying.shown(settings, step), language=None, wrap_lines=True)
        why = tables.hindrance(settings, step)
        job = applying.state(settings, step)
        begin, end, state = st.columns([1.1, 1, 5], vertical_alignment="center")
        busy = job is not None and job.status is None
        label = "Resume" if step == "train" and applying.trained(settings) in ("running", "interrupted") else "Start"
        if begin.button(
            label,
            key=f"start_{step}",
            disabled=busy or bool(why),
            width="stretch",
            type="primary" if step == due else "secondary",
        ):
            applying.start(settings, step)
            st.rerun(scope="fragment")
        if end.button("Stop", key=f"stop_{step}", disabled=not busy, width="stretch"):
            applying.stop(settings, step)
        state.text(why or tables.job(job))
        said = applying.said(settings, step) if job is not None else ""
        if step == "clean" and (left := tables.unapplied(said)):
            st.text(left)
        if step == "split" and (proof := applying.proof(settings)):
            st.text(tables.proof(proof))
        if step == "train" and (curve := applying.curve(settings)):
            frame.board(
                key="curve", data={"panels": [{"kind": "curve", "title": "Loss", "note": "By step", "lines": curve}]}
            )
        if job is not None and said:
            with st.expander("What it says", expanded=job.status not in (0, None)):
                st.code(frame.plain(said[-6000:]), language=None, wrap_lines=True)


steps()

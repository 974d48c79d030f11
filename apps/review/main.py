"""Which page is shown, and what stands above all of them."""

from __future__ import annotations

import frame
import streamlit as st

frame.page()
desk = frame.desk()
chosen = st.navigation(frame.pages(), position="top")
frame.arrive(chosen)
frame.heading(desk)
if frame.ready(desk):
    chosen.run()

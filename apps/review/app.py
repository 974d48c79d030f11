"""The app as the server runs it: the pages behind the guard."""

from __future__ import annotations

import streamlit as st
from starlette.middleware import Middleware

from curator.review import launch

app = st.App("main.py", middleware=[Middleware(launch.guarded)], lifespan=launch.lifespan)

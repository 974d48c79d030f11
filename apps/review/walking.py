"""The walk through a filter: one for each tab, which the card asks for what comes next."""

from __future__ import annotations

import streamlit as st

from curator.errors import CuratorError
from curator.review.desk import Desk
from curator.review.filters import Filter
from curator.review.loop import Loop


def walk(desk: Desk, chosen: Filter) -> Loop:
    """The walk through the filter: the one under way, or a new one."""
    held, at = st.session_state.get("loop"), str(st.query_params.get("at", ""))
    if held is None or held.chosen != chosen or held.desk is not desk or st.session_state.get("walked") != held.view:
        held = Loop(desk, chosen, at=at, after=held if held is not None and held.desk is desk else None)
        st.session_state["loop"], st.session_state["walked"] = held, held.view
        st.session_state["card_data"] = held.start()
    elif st.session_state.get("arrived"):
        st.session_state["card_data"] = held.back(at)
    return held


def ended() -> bool:
    """Whether the filter was changed, or the walk ended, by what came in the same message as what the card says.

    The browser sends what happens at one moment as one message; where the card has a part in it the message is about
    the card alone, and the page around it is not run.
    """
    return st.session_state.get("loop") is None or bool(st.session_state.get("filter_told"))


def heard() -> None:
    """A message of the card has come."""
    loop: Loop | None = st.session_state.get("loop")
    message = getattr(st.session_state.get("card"), "sent", None)
    if message is None or loop is None:  # where the walk has ended, the card asks again, and the next one answers
        return
    try:
        st.session_state["card_data"] = loop.answer(message)
    except CuratorError as error:
        st.session_state["card_problem"] = str(error)
        return
    st.session_state.pop("card_problem", None)

"""The filter of a page: it lives in the address, and the widgets are drawn from it."""

from __future__ import annotations

from typing import Any

import frame
import streamlit as st

from curator.review.desk import Desk
from curator.review.filters import SHOWN, STATUSES, Filter

_ORDER_NAMES = {"rule": "By rule", "file": "By line", "sample": "Drawn"}


def filtered(desk: Desk) -> Filter:
    """The filter that the address holds, with the widgets that change it."""
    st.session_state.pop("filter_told", None)
    chosen = Filter.from_query(_query(desk), desk.settings.take)
    counts = {code: sum(numbers.values()) for code, numbers in desk.matrix(desk.settings.take).items()}
    held: dict[str, Any] = {
        "f_rule": [code for code in chosen.rules if code in counts],
        "f_severity": list(chosen.severities),
        "f_status": chosen.status,
        "f_search": chosen.search,
        "f_line": str(chosen.line or ""),
        "f_order": chosen.order,
    }
    for name, value in held.items():
        if st.session_state.get(name) != value:  # set again, it would undo a click that is on its way
            st.session_state[name] = value
    columns = st.columns([3, 2, 1.5, 2.2, 0.8, 1.3], vertical_alignment="center", gap="small")
    with columns[0]:
        _rules(desk, counts)
    _widgets(columns[1:])
    if chosen.group or chosen.fix:
        said = f"Group {chosen.group} alone" if chosen.group else f"Findings with a {chosen.fix} fix alone"
        st.button(f"{said}: show all", on_click=_show_all, type="tertiary")
    return chosen


def _query(desk: Desk) -> dict[str, str]:
    """What the address says; at first, with the rules that the command line named."""
    query = {name: str(value) for name, value in st.query_params.items()}
    if desk.settings.rules and not st.session_state.get("begun"):
        query.setdefault("rule", ",".join(desk.settings.rules))
        st.query_params["rule"] = query["rule"]
    st.session_state["begun"] = True
    return query


def _rules(desk: Desk, counts: dict[str, int]) -> None:
    rules = desk.summary().rules
    st.multiselect(
        "Rules",
        sorted(counts),
        key="f_rule",
        on_change=_to_address,
        placeholder="All rules",
        label_visibility="collapsed",
        format_func=lambda code: f"{code}  {rules.get(code, {}).get('name', '')}  ({counts[code]:,})",
    )


def _widgets(columns: list[Any]) -> None:
    plain: dict[str, Any] = {"on_change": _to_address, "label_visibility": "collapsed"}
    columns[0].segmented_control(
        "Severity",
        ["error", "warning", "info"],
        key="f_severity",
        selection_mode="multi",
        format_func=str.capitalize,
        width="stretch",
        **plain,
    )
    columns[1].selectbox(
        "Status",
        [*SHOWN, *(s for s in STATUSES if s not in SHOWN)],
        key="f_status",
        format_func=frame.STATUS_NAMES.__getitem__,
        **plain,
    )
    columns[2].text_input("Search", key="f_search", placeholder="Search", **plain)
    columns[3].text_input("Line", key="f_line", placeholder="Line", **plain)
    columns[4].selectbox("Order", list(_ORDER_NAMES), key="f_order", format_func=_ORDER_NAMES.get, **plain)


def _to_address() -> None:
    """Put what the widgets say into the address."""
    state = st.session_state
    line, was = state.f_line.strip(), Filter.from_query(dict(st.query_params))
    told = Filter(
        rules=tuple(state.f_rule),
        severities=tuple(state.f_severity),
        status=state.f_status or "open",
        search=state.f_search.strip(),
        line=int(line) if line.isascii() and line.isdigit() else 0,
        order=state.get("f_order") or "rule",
        group=was.group,
        fix=was.fix,
    )
    st.query_params.from_dict(told.query())
    st.session_state["filter_told"] = True


def _show_all() -> None:
    st.query_params.clear()
    st.session_state["filter_told"] = True

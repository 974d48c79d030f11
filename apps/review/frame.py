"""What all pages share: the frame, the filter, the card and the charts."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from curator.errors import CuratorError
from curator.review import launch
from curator.review.desk import Desk
from curator.review.filters import SHOWN, STATUSES, Filter
from curator.review.loop import Loop
from curator.review.safe import plain, vis

HERE = Path(__file__).parent
TITLES = {
    "overview": "Overview",
    "review": "Review",
    "groups": "Groups",
    "table": "Table",
    "history": "History",
    "apply": "Apply",
}
STATUS_NAMES = {
    "open": "Open",
    "later": "For later",
    "decided": "Decided",
    "disputed": "Disputed",
    "changed": "Row changed since",
    "all": "All",
    "accept": "Accepted",
    "keep": "Kept",
    "edit": "Edited",
    "drop": "Dropped",
}


def _static(name: str) -> str:
    return (HERE / "static" / name).read_text("utf-8")


card = st.components.v2.component(
    "curator_card", html=_static("card.html"), css=_static("card.css"), js=_static("card.js")
)
cluster = st.components.v2.component(
    "curator_groups",
    html='<div class="groups"></div>',
    css=_static("card.css") + _static("groups.css"),
    js=_static("groups.js"),
)
board = st.components.v2.component(
    "curator_board", html='<div class="board"></div>', css=_static("board.css"), js=_static("board.js")
)


# ---------------------------------------------------------------------- the frame


def page() -> None:
    st.set_page_config(
        page_title="curator review",
        page_icon=str(HERE / "static" / "icon.png"),
        layout="wide",
        initial_sidebar_state="collapsed",
    )
    st.html(HERE / "static" / "page.css")


def pages() -> list[Any]:
    """The pages, in the order of the navigation. The queue is where one begins."""
    return [
        st.Page(HERE / "views" / f"{name}.py", title=title, url_path=name, default=name == "review")
        for name, title in TITLES.items()
    ]


def show(name: str, query: dict[str, str] | None = None) -> None:
    """Turn to a page."""
    st.switch_page(HERE / "views" / f"{name}.py", query_params=query or {})


def desk() -> Desk:
    return launch.desk()


def heading(desk: Desk) -> None:
    """The set and the reviewer; what changed since the lint."""
    settings = desk.settings
    part = f", part {settings.take[0]} of {settings.take[1]}" if settings.take[1] > 1 else ""
    st.html(
        f'<p class="curator-set"><b>{vis(settings.name)}</b><span>{vis(settings.reviewer or getpass.getuser())}{part}</span></p>'
    )


def ready(desk: Desk) -> bool:
    """Whether there are findings to show; where there are none yet, says how far the lint is."""
    try:
        if desk.ready():
            desk.follow()
            if desk.stale:
                _stale(desk)
            return True
    except CuratorError as error:
        problem("The findings cannot be read", error)
        return False
    _waiting(desk)
    return False


def _stale(desk: Desk) -> None:
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.info("The data or its configuration changed since it was linted: what is shown may not be there any more.")
    right.button("Lint again", on_click=desk.rebuild, width="stretch")


@st.fragment(run_every=0.5)
def _waiting(desk: Desk) -> None:
    """The lint under way, or what ended it."""
    if desk.ready():
        st.rerun()
    building = desk.building
    if building is not None and building.error:
        st.html(f'<div class="curator-state"><h2>The data cannot be linted</h2><pre>{vis(building.error)}</pre></div>')
        st.button("Try again", on_click=desk.rebuild)
        return
    done, size = (building.done, building.size) if building else (0, 0)
    st.html('<div class="curator-state"><h2>Linting the data</h2><p>The queue opens as soon as it is done.</p></div>')
    st.progress(
        min(1.0, done / size) if size else 0.0,
        text=f"{done / 1e6:,.0f} of {size / 1e6:,.0f} MB read" if size else "Reading",
    )


def problem(title: str, error: CuratorError) -> None:
    """An error a person can act on."""
    st.html(f'<div class="curator-state"><h2>{vis(title)}</h2><pre>{vis(str(error))}</pre></div>')


# ---------------------------------------------------------------------- the filter


def filtered(desk: Desk, *, order: bool = True) -> Filter:
    """The filter that the address holds, with the widgets that change it."""
    query = {name: str(value) for name, value in st.query_params.items()}
    if desk.settings.rules and not st.session_state.get("begun"):
        query.setdefault("rule", ",".join(desk.settings.rules))
        st.query_params["rule"] = query["rule"]
    st.session_state["begun"] = True
    chosen = Filter.from_query(query, desk.settings.take)
    counts = {code: sum(numbers.values()) for code, numbers in desk.matrix(desk.settings.take).items()}
    rules = desk.summary().rules
    held: dict[str, Any] = {
        "f_rule": [code for code in chosen.rules if code in counts],
        "f_severity": list(chosen.severities),
        "f_status": chosen.status,
        "f_search": chosen.search,
        "f_line": str(chosen.line or ""),
        "f_order": chosen.order,
    }
    for name, value in held.items():
        st.session_state[name] = value
    columns = st.columns([3, 2.2, 1.5, 2, 0.8, 1.3], vertical_alignment="center", gap="small")
    columns[0].multiselect(
        "Rules",
        sorted(counts),
        key="f_rule",
        on_change=_to_address,
        placeholder="All rules",
        label_visibility="collapsed",
        format_func=lambda code: f"{code}  {rules.get(code, {}).get('name', '')}  ({counts[code]:,})",
    )
    columns[1].segmented_control(
        "Severity",
        ["error", "warning", "info"],
        key="f_severity",
        selection_mode="multi",
        on_change=_to_address,
        label_visibility="collapsed",
        format_func=str.capitalize,
    )
    columns[2].selectbox(
        "Status",
        [*SHOWN, *(s for s in STATUSES if s not in SHOWN)],
        key="f_status",
        on_change=_to_address,
        format_func=lambda status: STATUS_NAMES[status],
        label_visibility="collapsed",
    )
    columns[3].text_input(
        "Search", key="f_search", on_change=_to_address, placeholder="Search", label_visibility="collapsed"
    )
    columns[4].text_input("Line", key="f_line", on_change=_to_address, placeholder="Line", label_visibility="collapsed")
    if order:
        columns[5].selectbox(
            "Order",
            ["rule", "file", "sample"],
            key="f_order",
            on_change=_to_address,
            label_visibility="collapsed",
            format_func={"rule": "By rule", "file": "By line", "sample": "Drawn"}.get,
        )
    if chosen.group or chosen.fix:
        said = f"Group {chosen.group} alone" if chosen.group else f"Findings with a {chosen.fix} fix alone"
        st.button(f"{said}: show all", on_click=st.query_params.clear, type="tertiary")
    return chosen


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


# ---------------------------------------------------------------------- the loop


def walk(desk: Desk, chosen: Filter) -> Loop:
    """The walk through the filter: the one under way, or a new one."""
    held = st.session_state.get("loop")
    if held is None or held.chosen != chosen or held.desk is not desk or st.session_state.get("walked") != held.view:
        held = Loop(desk, chosen, at=str(st.query_params.get("at", "")))
        st.session_state["loop"], st.session_state["walked"] = held, held.view
        st.session_state["card_data"] = held.start()
    return held


def heard() -> None:
    """A message of the card has come."""
    loop: Loop = st.session_state["loop"]
    message = getattr(st.session_state.get("card"), "sent", None)
    if message is None:
        return
    try:
        st.session_state["card_data"] = loop.answer(message)
    except CuratorError as error:
        st.session_state["card_problem"] = str(error)
        return
    st.session_state.pop("card_problem", None)
    if loop.at:
        st.query_params["at"] = loop.at


# ---------------------------------------------------------------------- many at once

ACTION_NAMES = {
    "accept": "Accept the fixes",
    "keep": "Keep the rows",
    "drop": "Drop the rows",
    "later": "Look at them later",
}


@st.dialog("Decide on all that is shown", width="large", dismissible=True)
def bulk(desk: Desk, chosen: Filter) -> None:
    """One decision on every finding of the filter: how many, a few of them, one confirmation."""
    action = st.segmented_control(
        "What", list(ACTION_NAMES), default="accept", format_func=ACTION_NAMES.__getitem__, label_visibility="collapsed"
    )
    if action is None:
        return
    number = desk.eligible_count(chosen, action)
    rest = desk.count(chosen) - number
    st.text(
        f"{number:,} finding{'' if number == 1 else 's'}"
        + (f"; {rest:,} more offer no fix and stay as they are" if rest else "")
    )
    if number:
        samples(desk, chosen, action)
    note = st.text_input("Why, for the record", max_chars=500)
    if st.button(f"{ACTION_NAMES[action]} ({number:,})", type="primary", disabled=not number):
        try:
            batch, made = desk.bulk(chosen, action, expected=number, note=note)
        except CuratorError as error:
            st.code(str(error), language=None)
            return
        st.session_state["last_batch"] = (batch, made)
        st.session_state.pop("loop", None)
        st.rerun()


def samples(desk: Desk, chosen: Filter, action: str) -> None:
    """Five of the findings, drawn at random."""
    drawn = desk.samples(chosen, action)
    st.caption("Five of them, drawn at random" if len(drawn) == 5 else "These")
    table(
        [
            {
                "rule": e.finding.code,
                "line": e.finding.line,
                "what": plain(e.finding.message),
                "text": plain(e.finding.excerpt.text if e.finding.excerpt else ""),
                "fix": plain(e.finding.fix.title) if e.finding.fix else "",
            }
            for e in drawn
        ]
    )


def table(rows: Sequence[dict[str, Any]], **options: Any) -> Any:
    """Rows of text as a table that shows them as they are."""
    import pandas as pd

    return st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", **options)


def undo_offer(desk: Desk) -> None:
    """After a bulk decision: what was done, and the way back."""
    last = st.session_state.get("last_batch")
    if not last:
        return
    batch, made = last
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.success(f"{made:,} decision{'' if made == 1 else 's'} recorded at once.")

    def back() -> None:
        desk.undo(batch)
        st.session_state.pop("last_batch", None)
        st.session_state.pop("loop", None)

    right.button("Undo all", on_click=back, width="stretch", key="undo_batch")


def label(text: str) -> str:
    """A name as it can stand in a list: on one line, nothing hidden, no sign that means something."""
    return "".join(char if char.isalnum() or char in " .-@'" else "_" for char in plain(text))[:60]


def follow_go(desk: Desk) -> None:
    """Turn to where a click on a chart or a button leads."""
    go = st.session_state.pop("go", None)
    if go and go.get("page") in TITLES:
        query = go.get("query")
        show(go["page"], {str(k): str(v) for k, v in query.items()} if isinstance(query, dict) else {})

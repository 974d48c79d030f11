"""What all pages share: the frame, the scripts of the card and the charts, tables."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st

from curator.errors import CuratorError, WriteError
from curator.review import launch
from curator.review.desk import Desk
from curator.review.opened import Building
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
FILTERED = ("review", "table")  # the pages with a filter in their address
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


def _static(*names: str) -> str:
    return "\n".join((HERE / "static" / name).read_text("utf-8") for name in names)


def _component(*names: Any, **parts: str) -> Callable[..., Any]:
    """A component that is handed its data in a list: of what stands in a dict, streamlit asks pandas whether it is a
    table, at every message, and loading pandas is most of what a first page takes."""
    mount = st.components.v2.component(*names, **parts)
    return lambda *, data, **options: mount(data=[data], **options)


card = _component(
    "curator_card",
    html=_static("card.html"),
    css=_static("card.css"),
    js=_static("nodes.js", "drawing.js", "editing.js", "card.js"),
)
cluster = _component(
    "curator_groups",
    html='<div class="groups"></div>',
    css=_static("card.css", "groups.css"),
    js=_static("nodes.js", "groups.js"),
)
board = _component(
    "curator_board",
    html='<div class="board"></div>',
    css=_static("board.css"),
    js=_static("nodes.js", "board.js"),
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


def arrive(page: Any) -> None:
    """Take note of which page is shown; one that is left and turned to again has its filter back."""
    state, name = st.session_state, page.url_path or "review"
    state["arrived"], sent = state.get("page") != name, state.pop("sent", False)
    state["page"] = name
    kept = state.setdefault("filters", {})
    if state["arrived"] and not sent and not st.query_params and kept.get(name):
        st.query_params.from_dict(kept[name])
    if name in FILTERED:
        kept[name] = {key: value for key, value in st.query_params.items() if key != "at"}


def show(name: str, query: dict[str, str] | None = None) -> None:
    """Turn to a page; to a finding, where the query names one."""
    if query and "at" in query:
        st.session_state.pop("loop", None)
    st.session_state["sent"] = True
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
            _follow(desk)
            if desk.stale:
                _stale(desk)
            return True
    except CuratorError as error:
        problem("The findings cannot be read", error)
        return False
    _waiting(desk)
    return False


def _follow(desk: Desk) -> None:
    """Take in what was decided; where that cannot be written, what is shown stays, and so does what is not saved."""
    try:
        desk.follow()
    except WriteError as error:
        tell(error)


def _stale(desk: Desk) -> None:
    if desk.building is not None:
        _linting_again(desk)
        return
    left, right = st.columns([5, 1], vertical_alignment="center")
    left.info("The data or its configuration changed since it was linted: what is shown may not be there any more.")
    right.button("Lint again", on_click=desk.rebuild, width="stretch")


@st.fragment(run_every=0.5)
def _linting_again(desk: Desk) -> None:
    """The lint that a click began, above what the last one found; the page is drawn anew when it is over."""
    building = desk.building
    if building is None:
        st.rerun()
    if building.error:
        problem("The data cannot be linted", building.error)
        st.button("Try again", on_click=desk.rebuild)
        return
    _progress(building)


def _progress(building: Building | None) -> None:
    done, size = (building.done, building.size) if building else (0, 0)
    st.progress(
        min(1.0, done / size) if size else 0.0,
        text=f"Linting: {done / 1e6:,.1f} of {size / 1e6:,.1f} MB read" if size else "Linting the data",
    )


@st.fragment(run_every=0.5)
def _waiting(desk: Desk) -> None:
    """The lint under way, or what ended it."""
    if desk.ready():
        st.rerun()
    building = desk.building
    if building is not None and building.error:
        st.html(f'<div class="curator-state"><h2>The data cannot be linted</h2><pre>{vis(building.error)}</pre></div>')
        with st.container(horizontal_alignment="center"):
            st.button("Try again", on_click=desk.rebuild)
        return
    st.html('<div class="curator-state"><h2>Linting the data</h2><p>The queue opens as soon as it is done.</p></div>')
    _progress(building)


def tell(error: CuratorError | str) -> None:
    """What went wrong, beside what is shown."""
    st.code(plain(str(error)), language=None)


def problem(title: str, error: CuratorError | str) -> None:
    """An error a person can act on."""
    st.html(f'<div class="curator-state"><h2>{vis(title)}</h2><pre>{vis(str(error))}</pre></div>')


# ---------------------------------------------------------------------- tables and ways


_ROW = 33  # pixels of a row of a table, and of its head


def sheet(rows: Sequence[dict[str, Any]], **options: Any) -> Any:
    """A table as high as its rows, or as what the window leaves it: page.css holds it to that."""
    with st.container(key="sheet", height=_ROW * (len(rows) + 1) + 3, border=False):
        return table(rows, height="stretch", **options)


def table(rows: Sequence[dict[str, Any]], **options: Any) -> Any:
    """Rows of text as a table that shows them as they are."""
    import pandas as pd

    return st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", **options)


def still(rows: Sequence[dict[str, Any]]) -> None:
    """A few rows of text to be read alone, whole as far as they have room: Tab passes them by, as it does no table."""
    st.html(
        '<table class="curator-still"><tr>'
        + "".join(f"<th>{vis(name)}</th>" for name in rows[0])
        + "</tr>"
        + "".join(
            "<tr>" + "".join(f"<td><div>{vis(str(said))}</div></td>" for said in row.values()) + "</tr>" for row in rows
        )
        + "</table>"
    )


def label(text: str) -> str:
    """A name as it can stand in a list: on one line, nothing hidden, no sign that means something."""
    return "".join(char if char.isalnum() or char in " .-@'" else "_" for char in plain(text))[:60]


def follow_go(desk: Desk) -> None:
    """Turn to where a click on a chart or a button leads."""
    go = st.session_state.pop("go", None)
    if go and go.get("page") in TITLES:
        query = go.get("query")
        show(go["page"], {str(k): str(v) for k, v in query.items()} if isinstance(query, dict) else {})

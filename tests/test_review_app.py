"""The pages of the review app: each renders in every state, and none shows data as markup."""

from __future__ import annotations

import ast
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curator import decisions
from curator.config import load_config
from curator.review import index, launch
from curator.review.entries import Wish
from curator.review.filters import Filter
from curator.review.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "apps" / "review"
PAGES = ["overview", "review", "groups", "table", "history", "apply"]

EVIL = "<script>window.__xss = 1</script> ![beacon](http://evil.example/x.png) $x^2$ **bold** \u202eevil\u202c :red[no]"


def row(user: str, assistant: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]}


CLEAN = [row(f"How many ports has the L{n}?", f"It has {n} ports, all on the back of it.") for n in range(3)]
FEW = [*CLEAN, row(EVIL, ""), row(EVIL, ""), row("Where is the key?", "It isnâ€™t here, it is below.")]
MANY = [row(f"Question {n} of many?", "") for n in range(10_000)]


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    pytest.importorskip("streamlit", reason="the extra review is not installed")
    from streamlit.testing.v1 import AppTest

    monkeypatch.syspath_prepend(str(APP))
    path = tmp_path / "data.jsonl"

    def _app(rows: list[Any], page: str, query: dict[str, str] | None = None, **settings: Any) -> Any:
        path.write_text("".join(json.dumps(each) + "\n" for each in rows))
        config = load_config(path)
        told = Settings((str(path),), config, "ana", tmp_path / "out", **settings)
        if index.key_in(told.database) != index.key_of(told.paths, config):
            index.build(told.paths, config, told.database)
        launch.begin(told, token="t" * 43, port=8765)
        test = AppTest.from_file(str(APP / "main.py"), default_timeout=60)
        for name, value in (query or {}).items():
            test.query_params[name] = value
        test.run()
        if page != "review":
            test.switch_page(str(APP / "views" / f"{page}.py")).run()
        return test

    yield _app
    launch.desk().close()
    monkeypatch.setattr(launch, "_session", None)
    for name in ("frame", "filtering", "walking", "bulk"):
        sys.modules.pop(name, None)


def test_a_set_that_is_linted_again_shows_how_far_and_then_what_is_found_now(app: Any, tmp_path: Path) -> None:
    test = app(FEW, "overview")
    with (tmp_path / "data.jsonl").open("a") as file:
        file.write(json.dumps(row("And this one?", "")) + "\n")
    time.sleep(1.1)  # the data are looked at once a second
    test.run()
    (again,) = [button for button in test.button if button.label == "Lint again"]
    again.click().run()
    assert not test.exception and not [button for button in test.button if button.label == "Lint again"]
    until = time.monotonic() + 60
    while launch.desk().building is not None and time.monotonic() < until:
        time.sleep(0.1)
    test.run()
    assert not test.exception and not test.info and launch.desk().count(Filter(rules=("ROL007",))) == 2


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    "rows", [CLEAN, [row("Is it empty?", "")], FEW], ids=["nothing found", "one finding", "hostile"]
)
def test_every_page_renders(app: Any, page: str, rows: list[Any]) -> None:
    assert not app(rows, page).exception


@pytest.mark.slow
@pytest.mark.parametrize("name", ["group", "size"])
@pytest.mark.parametrize("told", ["9" * 20, "-1", "\u00b2", "x"])
def test_a_number_in_the_address_that_no_group_has_is_passed_over(app: Any, name: str, told: str) -> None:
    test = app(FEW, "review")
    test.query_params[name] = told
    assert not test.switch_page(str(APP / "views" / "groups.py")).run().exception


def test_pages_render_with_ten_thousand_findings(app: Any) -> None:
    test = app(MANY, "review")
    for page in PAGES:
        assert not test.switch_page(str(APP / "views" / f"{page}.py")).run().exception, page


@pytest.mark.parametrize("damage", [b"", b"no database", b"SQLite format 3\0" + bytes(5000)], ids=len)
def test_a_damaged_index_is_made_anew(app: Any, damage: bytes) -> None:
    test = app(FEW, "review")
    desk = launch.desk()
    desk.close()
    for file in desk.settings.database.parent.glob("findings.db*"):
        file.unlink()
    desk.settings.database.write_bytes(damage)
    launch.begin(desk.settings, token="t" * 43, port=8765)
    assert not test.run().exception
    for _ in range(400):
        if launch.desk().ready():
            break
        time.sleep(0.1)
    assert not test.run().exception and launch.desk().count(Filter()) >= 3


def test_a_missing_index_is_made_while_the_page_says_so(app: Any) -> None:
    test = app(FEW, "review")
    desk = launch.desk()
    desk.close()
    desk.settings.database.unlink()
    launch.begin(desk.settings, token="t" * 43, port=8765)
    test.run()
    assert not test.exception
    for _ in range(400):
        if launch.desk().ready():
            break
        time.sleep(0.1)
    assert launch.desk().ready() and not test.run().exception


def test_data_that_cannot_be_linted_is_said_with_the_way_on(app: Any) -> None:
    app(FEW, "review")
    desk = launch.desk()
    desk.close()
    desk.settings.database.unlink()
    Path(desk.settings.paths[0]).unlink()
    launch.begin(desk.settings, token="t" * 43, port=8765)
    from streamlit.testing.v1 import AppTest

    launch.desk().ready()
    until = time.time() + 60
    while time.time() < until and not (launch.desk().building and launch.desk().building.error):
        time.sleep(0.1)
    test = AppTest.from_file(str(APP / "main.py"), default_timeout=60).run()
    assert not test.exception
    (said,) = [html.proto.body for html in test.get("html") if "cannot be linted" in html.proto.body]
    assert "data.jsonl: cannot be read: No such file" in said and "put it back" in said


def test_filters_live_in_the_address(app: Any) -> None:
    test = app(FEW, "review", {"rule": "ROL007", "status": "all"})
    assert test.multiselect(key="f_rule").value == ["ROL007"] and test.selectbox(key="f_status").value == "all"
    test.selectbox(key="f_status").set_value("keep").run()
    assert test.query_params["status"] in ("keep", ["keep"])
    assert test.query_params["rule"] in ("ROL007", ["ROL007"])
    assert not test.exception


def test_the_rules_named_at_the_start_are_chosen(app: Any) -> None:
    assert app(FEW, "review", rules=("ENC001",)).multiselect(key="f_rule").value == ["ENC001"]


def test_all_shown_are_decided_after_one_confirmation_and_undone_by_one(app: Any) -> None:
    test = app(FEW, "review")
    test.session_state["go"] = {"bulk": True}
    test.run()
    assert not test.exception
    inside = [*test.button, *(button for dialog in test.get("dialog") for button in dialog.button)]
    confirm = [button for button in inside if button.label.startswith("Accept the fixes")]
    assert confirm and not decisions.read(launch.desk().settings.log).decisions
    test.session_state["go"] = {"bulk": True}  # a dialog is gone after a run, unless it is asked for again
    confirm[0].click().run()
    assert not test.exception
    made = decisions.read(launch.desk().settings.log).decisions
    assert made and len({decision.batch for decision in made}) == 1
    test.button(key="undo_batch").click().run()
    assert launch.desk().count(Filter(status="decided")) == 0


def test_history_tells_and_takes_back(app: Any) -> None:
    test = app(FEW, "history")
    desk = launch.desk()
    entry = desk.entries(Filter(rules=("ROL007",)))[0]
    desk.decide([Wish(decisions.new_id(), "drop", entry.finding.id, note=EVIL)])
    test.run()
    assert not test.exception and len(test.dataframe) == 1
    assert "‹U+202E›" in test.dataframe[0].value["why"][0]


def test_apply_shows_the_dry_run(app: Any) -> None:
    test = app(FEW, "apply")
    next(button for button in test.button if button.label == "Dry run").click().run()
    assert not test.exception
    assert any(text.value.startswith("findings mended: ") for text in test.text)
    desk = launch.desk()
    desk.decide([Wish(decisions.new_id(), "drop", desk.entries(Filter(rules=("ROL007",)))[0].finding.id)])
    test.run()
    assert not any(text.value.startswith("findings mended: ") for text in test.text)
    assert any(text.value.startswith("Decided since the dry run") for text in test.text)


# ---------------------------------------------------------------------- the gate

MARKDOWN = {
    "markdown",
    "write",
    "caption",
    "title",
    "header",
    "subheader",
    "toast",
    "metric",
    "info",
    "success",
    "warning",
    "error",
    "latex",
    "badge",
    "table",
    "write_stream",
    "image",
    "video",
    "audio",
    "link_button",
    "page_link",
}
PLAIN_LABELS = {
    "button",
    "pills",
    "segmented_control",
    "selectbox",
    "multiselect",
    "toggle",
    "expander",
    "tabs",
    "checkbox",
    "radio",
}
# Labels that are made of numbers and of our own words.
ALLOWED = {
    "made",
    "number",
    "rest",
    "label",
    "name",
    "value",
    "NAMES",
    "ACTION_NAMES",
    "safe",
    "many",
    "ticked",
    "said",
    "summary",
    "step",
    "action",
    "drawn",
}


def sources() -> list[Path]:
    return sorted(APP.rglob("*.py"))


def names_in(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)} - {"len", "str", "sum"}


@pytest.mark.parametrize("file", sources(), ids=lambda file: file.stem)
def test_no_text_of_the_data_reaches_a_widget_that_reads_markdown(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        assert not [k.arg for k in node.keywords if (k.arg or "").startswith("unsafe_allow")], ast.unparse(node)
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in MARKDOWN | PLAIN_LABELS or not node.args:
            continue
        if ast.unparse(node.func.value) in ("frame", "filtering", "bulk", "self"):
            continue  # what the frame makes of it is judged there
        strange = names_in(node.args[0]) - ALLOWED
        assert not strange, f"{file.name}:{node.lineno} {ast.unparse(node)[:80]}: {strange}"


@pytest.mark.parametrize("file", sorted((APP / "static").glob("*.js")), ids=lambda file: file.stem)
def test_scripts_parse_no_markup_and_load_nothing(file: Path) -> None:
    text = file.read_text("utf-8")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "import(",
        "fetch(",
        "XMLHttpRequest",
        "DOMParser",
    ):
        assert word not in text, word
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


def test_pages_hold_no_logic_of_their_own() -> None:
    assert all(len(file.read_text("utf-8").splitlines()) < 110 for file in (APP / "views").glob("*.py"))


def test_html_is_ours_or_escaped() -> None:
    for file in sources():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "html":
                for value in ast.walk(node.args[0]):
                    if isinstance(value, ast.FormattedValue) and ast.unparse(value.value) != "part":
                        assert ast.unparse(value.value).startswith("vis("), f"{file.name}:{node.lineno}"

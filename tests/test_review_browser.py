"""The review app in a real browser: keys, several tabs, a killed server, hostile data, and how fast it is.

Skipped where there is no Chromium, unless CURATOR_E2E is set: then its lack is a failure. Screenshots of every
page are left in tests/artifacts (or CURATOR_ARTIFACTS).
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from curator.columns import content_id
from tests.browsing import CHROMIUM, CHROMIUM_FLAGS, DESK, WATCH, Server, now, press, saved, type_at

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ARTIFACTS = Path(os.environ.get("CURATOR_ARTIFACTS") or Path(__file__).parent / "artifacts")
VERDICTS = {"k": "keep", "x": "drop", "f": "later"}

ANSWERS = ["", "Port 4. <br/><br/>&nbsp; It is yellow.", "Sorry, but I can't help with that."]
FILTER = f"""() => {{  // what the address, the buttons and the card say is chosen
  const named = (list) => String([...list].map((b) => b.textContent.toLowerCase()).filter((s) => /^(error|warning)$/.test(s)));
  const card = {DESK}?.querySelector('.card'), address = new URL(location.href).searchParams;
  return {{
    address: (address.get('severity') || '').split(',').sort().join(), at: address.get('at') === card?.dataset.id,
    pressed: named(document.querySelectorAll('button[aria-pressed=true]')), kind: card?.querySelector('.kind')?.textContent,
  }};
}}"""
SHOWS = f"""(chosen) => {{
  const is = ({FILTER})();
  return is.address === chosen && is.pressed === chosen && is.at && (!chosen || chosen.includes(is.kind));
}}"""

DIALOG = "[role='dialog'][aria-modal='true'], .stDialog"

EVIL = [
    "<script>window.__xss = 1</script><img src=x onerror='window.__xss = 2'>",
    "![beacon](http://evil.example/a.png) [link](javascript:alert(1)) **bold** $x^2$ :red[no]",
    "<svg onload=window.__xss=3></svg><iframe src=http://evil.example></iframe>",
    "safe\u202egnp.exe\u202c and \u2066hidden\u2069 \u200b\ufeff\x1b[31m",
    "<style>*{display:none}</style></div></textarea><b>",
]


def slow() -> float:
    """What targets of wall time are multiplied by: 2, and more where others are at work on the machine.

    Processor time is held to its target as it is.
    """
    told = os.environ.get("CURATOR_SLOW_MACHINE")
    return float(told) if told else 2 * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def chat(user: str, assistant: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]}


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CURATOR_E2E"):
            pytest.fail("no Chromium: apt-get install chromium")
        pytest.skip("no Chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    pytest.importorskip("streamlit", reason="the extra review is not installed")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def _serve(rows: list[Any] | None, *options: str, port: int | None = None) -> Server:
        data = tmp_path / "data" / "data.jsonl"
        if rows is not None:
            data.parent.mkdir(exist_ok=True)
            with data.open("wb") as file:
                file.writelines(
                    json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n" for row in rows
                )
        server = Server(data, tmp_path / "home", *options, port=port)
        started.append(server)
        return server

    yield _serve
    for server in started:
        server.stop()


@pytest.fixture
def visit(browser: Any) -> Iterator[Callable[..., Any]]:
    contexts: list[Any] = []

    def _visit(
        server: Server, width: int = 1280, scheme: str = "light", context: Any = None, sign: str = ".card[data-id]"
    ) -> Any:
        size = {"width": width, "height": 800 if width < 1600 else 1080}
        context = context or browser.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.set_default_navigation_timeout(120_000)
        page.goto(server.url)
        page.wait_for_selector(sign, timeout=420_000)  # it is linted first, and others may be at work on the machine
        return page

    yield _visit
    for context in contexts:
        context.close()


def empties(number: int) -> list[Any]:
    return [chat(f"Question {n} of many?", "") for n in range(number)]


@pytest.mark.parametrize(("number", "rate"), [(60, 5), (300, 10), (100, 20), (100, 30)])
def test_no_key_is_lost_doubled_or_meant_for_another_finding(serve: Any, visit: Any, number: int, rate: int) -> None:
    number = int(os.environ.get("CURATOR_KEYS") or number)
    server = serve(empties(number + 200), "--select", "ROL007")
    page = visit(server)
    page.evaluate(WATCH % DESK)
    keys = random.Random(rate).choices("kxf", k=number)
    type_at(page, keys, 1 / rate)
    saved(page)
    shown = [(finding, VERDICTS[key]) for finding, key in page.evaluate("window.seen") if finding]
    made = [(decision["finding"], decision["verdict"]) for decision in server.decisions()]
    assert made == shown
    assert len({finding for finding, _ in made}) == len(made)
    if rate <= 10:
        assert len(made) == number, "the next finding was there before its key"
        assert statistics.median(page.evaluate("window.times")) <= 30 * slow()


def test_a_whole_session_by_keyboard_is_what_the_command_line_does(serve: Any, visit: Any) -> None:
    rows = [
        chat("Where is the key?", "It isnâ€™t here, it is below the mat of the front door."),
        chat("What does the amber light mean?", ""),
        chat("Does it need a licence?", ""),
        chat("How long is the warranty?", "Two years from the day of purchase, in every country."),
        chat("How LONG is the warranty", "Two years from the day of purchase, in every country."),
        chat("Can I return it?", "Yes, within thirty days, with the receipt that came with it."),
    ]
    server = serve(rows)
    page = visit(server)
    codes = []
    for _ in range(4):
        head = page.locator(".head .code").text_content()
        codes.append(head)
        if head == "ROL007" and codes.count("ROL007") == 1:
            page.keyboard.press("e")
            page.wait_for_selector(".editor textarea")
            page.keyboard.press("Tab")
            page.locator(".editor textarea").nth(1).focus()
            page.keyboard.type("It is axkf charging.")
            page.wait_for_selector(".check p")
            page.keyboard.press("Control+Enter")
        elif head == "ROL007":
            page.keyboard.press("n")
            page.keyboard.type("nothing to say, akx")
            page.keyboard.press("Enter")
            page.keyboard.press("x")
        elif head == "DUP002":
            page.keyboard.press("1")
        else:
            page.keyboard.press("a")
        page.wait_for_timeout(400)
    saved(page)
    page.wait_for_function(f"() => /All decided/.test({DESK}.textContent)", timeout=20_000)
    assert sorted(codes) == ["DUP002", "ENC001", "ROL007", "ROL007"]
    page.screenshot(path=_artifact("finished.png"))
    page.keyboard.press("u")
    page.wait_for_function(f"() => {DESK}.querySelector('.card').dataset.id !== ''", timeout=20_000)
    saved(page)
    again = page.locator(".head .code").text_content()
    assert again == codes[-1]
    page.keyboard.press({"DUP002": "1", "ENC001": "a"}.get(str(again), "x"))
    saved(page)
    server.stop()
    clean = server.data.parent / "clean.jsonl"
    subprocess.run(
        [sys.executable, "-m", "curator", "clean", server.data, "-o", clean], check=True, capture_output=True
    )
    kept = [json.loads(line) for line in clean.read_text().splitlines()]
    assert kept == [
        chat("Where is the key?", "It isn’t here, it is below the mat of the front door."),
        chat("What does the amber light mean?", "It is axkf charging."),
        rows[4],
        rows[5],
    ]
    reasons = {decision["why"] for decision in server.decisions() if decision.get("why")}
    assert reasons == {"nothing to say, akx"}


def test_decisions_outlast_a_reload_and_the_loss_of_the_index(serve: Any, visit: Any) -> None:
    server = serve(empties(30), "--select", "ROL007")
    page = visit(server)
    first = now(page)
    press(page, "k")
    press(page, "x")
    saved(page)
    third = now(page)
    page.reload()
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    assert now(page) == third
    server.stop()
    (server.data.parent / ".curator" / "findings.db").unlink()
    page = visit(serve(None, "--select", "ROL007"))
    assert now(page) == third
    assert "2 of 30 decided" in str(page.locator(".pace").text_content())
    page.keyboard.press("u")
    saved(page)
    page.keyboard.press("u")
    saved(page)
    page.wait_for_function(f"(id) => {DESK}.querySelector('.card').dataset.id === id", arg=first, timeout=20_000)
    assert "0 of 30 decided" in str(page.locator(".pace").text_content())


def test_a_thousand_decisions_outlast_a_killed_server_beside_another_tab(serve: Any, visit: Any, browser: Any) -> None:
    """At ten keys a second; the server is killed and started again on the way, and another tab decides meanwhile."""
    number = int(os.environ.get("CURATOR_KEYS") or 80)
    server = serve(empties(2 * number + 200), "--select", "ROL007")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page, other = visit(server, context=context), visit(server, context=context)
    for tab in (page, other):
        tab.wait_for_function(f"() => {DESK}.dataset.held > 100")
        tab.evaluate(WATCH % DESK)
    keys = random.Random(7).choices("kxf", k=number)
    type_at(page, keys[: number // 2], 0.1)
    type_at(other, ["k"] * 5, 0.1)  # findings that the first tab has decided on: none of these may count
    other.wait_for_selector(".banner:not([hidden])")
    server.kill()
    type_at(page, keys[number // 2 :][:20], 0.1)
    again = serve(None, "--select", "ROL007", port=server.port)
    page.wait_for_function(f"() => !document.querySelector({DIALOG!r})", timeout=60_000)
    type_at(page, keys[number // 2 + 20 :], 0.1)
    for tab in (page, other):
        saved(tab)
    made = [(decision["finding"], decision["verdict"]) for decision in again.decisions()]
    shown = [(finding, VERDICTS[key]) for finding, key in page.evaluate("window.seen") if finding]
    assert len(shown) >= number - 20, "while Streamlit says that it is not connected, a dialog takes the keys"
    assert made == shown and len({finding for finding, _ in made}) == len(made)


def test_two_tabs_do_not_overwrite_each_other(serve: Any, visit: Any, browser: Any) -> None:
    server = serve(empties(10), "--select", "ROL007")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    one, two = visit(server, context=context), visit(server, context=context)
    assert now(one) == now(two)
    press(one, "k")
    saved(one)
    press(two, "x")
    two.wait_for_selector(".banner:not([hidden])")
    saved(two)
    first = server.decisions()[0]
    assert [decision["verdict"] for decision in server.decisions()] == ["keep"]
    assert now(two) != first["finding"]
    said = str(two.locator(".banner span").text_content())
    assert said == "Not recorded. ROL007 empty-turn, line 1: ana, in another tab or place, kept the row meanwhile"
    two.locator(".banner button:has-text('Look at it')").click()
    assert now(two) == first["finding"] and two.locator(".banner").is_hidden()
    two.keyboard.press("u")
    two.wait_for_selector(".banner:has-text('That key was not recorded')")
    saved(two)
    assert len(server.decisions()) == 1
    two.keyboard.press("u")
    two.wait_for_selector(".banner:has-text('Taken back: your last decision')")
    assert [decision["verdict"] for decision in server.decisions()] == ["keep", "later"]


def test_all_that_is_shown_is_not_decided_over_what_another_tab_decides_meanwhile(
    serve: Any, visit: Any, browser: Any
) -> None:
    """It is told, and asked about anew, with what stands now."""
    server = serve(empties(10), "--select", "ROL007")
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    one, two = visit(server, context=context), visit(server, context=context)
    one.goto(server.page("review?status=all"))
    one.wait_for_selector(".card[data-id]:not([data-id=''])")
    one.keyboard.press("b")
    dialog = one.locator(DIALOG).last
    dialog.get_by_role("radio", name="Drop the rows").or_(dialog.get_by_text("Drop the rows", exact=True)).first.click()
    dialog.get_by_role("button", name="Drop the rows (10)").wait_for()
    press(two, "k")
    saved(two)
    dialog.get_by_role("button", name="Drop the rows (10)").click()
    dialog.get_by_text("ROL007, line 1: ana, in another tab or place, kept the row meanwhile").wait_for()
    assert [decision["verdict"] for decision in server.decisions()] == ["keep"]
    one.screenshot(path=_artifact("bulk-meanwhile.png"))
    dialog.get_by_role("button", name="Drop the rows (10)").click()
    one.get_by_role("button", name="Undo all").wait_for()
    assert {decision["verdict"] for decision in server.decisions()[1:]} == {"drop"}


def test_the_card_of_a_pair_knows_at_once_what_another_card_dropped(serve: Any, visit: Any) -> None:
    answer = "Two years from the day of purchase, in every country."
    asked = ("How long is the warranty?", "How LONG is the warranty", "How long is the Warranty ?")
    server = serve([chat(question, answer) for question in asked], "--select", "DUP002")
    page = visit(server)
    page.wait_for_function(f"() => {DESK}.dataset.held === '2'")

    def shown() -> tuple[list[str], str, int]:
        titles = [text.partition(":")[0] for text in page.locator(".pane h3").all_text_contents()]
        main = page.locator(".verbs .main").get_attribute("data-verb")
        return titles, str(main), page.locator(".verbs [data-verb='accept']").count()

    assert shown() == (["line 2", "line 1"], "right", 1)
    press(page, "1")
    assert shown() == (["line 3", "line 1, dropped already"], "left", 0), "before the server has said so"
    page.screenshot(path=_artifact("pair-dropped.png"))
    saved(page)
    assert shown() == (["line 3", "line 1, dropped already"], "left", 0)
    page.keyboard.press("a")
    page.wait_for_selector(".banner:has-text('1 keeps this one, X drops both')")
    press(page, "ArrowLeft")
    page.keyboard.press("u")
    page.wait_for_selector(".pane h3:text-is('line 1')")
    press(page, "ArrowRight")
    assert shown() == (["line 3", "line 1"], "right", 1)
    assert [decision["verdict"] for decision in server.decisions()] == ["drop", "later"]


def _turn_to(page: Any, name: str, sign: str) -> None:
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_selector(sign, timeout=60_000)


def test_who_turns_to_another_page_comes_back_to_the_card_that_was_left(serve: Any, visit: Any) -> None:
    """By the navigation and by the browser's Back, with its filter; those before are reached again, none is skipped."""
    server = serve([*empties(60), *CONFLICTS], "--select", "ROL007,ENC,CON")
    page, card = visit(server), ".card[data-id]:not([data-id=''])"
    passed = []
    for n in range(30):
        passed.append(now(page))
        press(page, "kl"[n % 3 == 2])
    left = now(page)
    _turn_to(page, "Overview", ".tile:has-text('Decided') b")
    assert len(server.decisions()) == 20, "what is decided is saved before another page shows what it came to"
    assert page.locator(".tile:has-text('Decided') b").text_content() == "20"
    _turn_to(page, "Review", card)
    page.wait_for_function(f"(id) => {DESK}?.querySelector('.card').dataset.id === id", arg=left)
    for name in reversed(passed):
        press(page, "ArrowLeft")
        assert now(page) == name
    for name in [*passed[1:], left]:
        press(page, "ArrowRight")
        assert now(page) == name
    saved(page)
    page.get_by_role("button", name="Warning", exact=True).click()
    page.wait_for_function(f"() => {DESK}.querySelector('.card .kind')?.textContent === 'warning'")
    press(page, "l")
    left = now(page)
    for way in (lambda: _turn_to(page, "Review", card), page.go_back):
        _turn_to(page, "History", ".stDataFrame")
        way()
        page.wait_for_selector(card)
        page.wait_for_function(f"(id) => {DESK}?.querySelector('.card').dataset.id === id", arg=left)
        assert "severity=warning" in page.url


def test_a_page_that_fits_the_window_does_not_scroll_and_leaves_none_of_it_unused(serve: Any, visit: Any) -> None:
    server = serve(empties(60), "--select", "ROL007")
    page = visit(server)
    for key in "kxf" * 12:
        press(page, key)
    saved(page)
    room = "(() => { const e = document.querySelector('.stMain'); return [e.scrollHeight, e.clientHeight]; })()"
    for width, height in ((1280, 800), (1280, 900), (1920, 1080)):
        page.set_viewport_size({"width": width, "height": height})
        for name, sign in (("review", ".card .pane"), ("table", ".stDataFrame"), ("history", ".stDataFrame")):
            page.goto(server.page(name))
            _settled(page, sign)
            tall, window = page.evaluate(room)
            assert tall <= window, f"{name} at {width} × {height}"
            last = ".verbs" if name == "review" else "[data-testid=stMainBlockContainer]"
            box = page.locator(last).bounding_box()
            assert box["y"] + box["height"] > height - 24, f"{name} at {width} × {height}"


def test_an_error_is_kept_with_a_reason_where_that_is_asked_for(serve: Any, visit: Any) -> None:
    server = serve(empties(3), "--select", "ROL007", "--require-reason")
    page = visit(server)
    one = now(page)
    page.keyboard.press("k")
    page.wait_for_selector(".banner:has-text('An error is kept with a reason')")
    assert now(page) == one and not server.decisions()
    page.keyboard.type("silence is meant")
    page.keyboard.press("Enter")
    press(page, "k")
    press(page, "x")
    saved(page)
    assert [(made["verdict"], made.get("why", "")) for made in server.decisions()] == [
        ("keep", "silence is meant"),
        ("drop", ""),
    ]


def test_a_killed_server_loses_nothing_and_doubles_nothing(serve: Any, visit: Any) -> None:
    server = serve(empties(60), "--select", "ROL007")
    page = visit(server)
    page.evaluate(WATCH % DESK)
    for _ in range(3):
        press(page, "k")
    saved(page)
    server.kill()
    for _ in range(5):
        press(page, "x")
    page.wait_for_selector(".saved.waiting", timeout=15_000)
    assert "unsaved 5" in str(page.locator(".saved").text_content())
    page.screenshot(path=_artifact("unsaved.png"))
    again = serve(None, "--select", "ROL007", port=server.port)
    saved(page)
    shown = [(finding, VERDICTS[key]) for finding, key in page.evaluate("window.seen")]
    assert [(d["finding"], d["verdict"]) for d in again.decisions()] == shown and len(shown) == 8


def test_no_key_is_lost_while_the_server_does_not_answer(serve: Any, visit: Any) -> None:
    """Every finding that is shown can be decided on; past the last that is held, the page says that it waits."""
    server = serve(empties(400), "--select", "ROL007")
    page = visit(server)
    page.wait_for_function(f"() => {DESK}.dataset.held > 100")
    page.evaluate(WATCH % DESK)
    os.killpg(server.process.pid, signal.SIGSTOP)
    try:
        type_at(page, ["k"] * 230, 0.02)
        page.wait_for_selector(".card .state:has-text('on their way')")
        page.wait_for_selector(".banner:has-text('decided nothing')")
        page.screenshot(path=_artifact("waiting-1280-light.png"))
        assert not server.decisions()
    finally:
        os.killpg(server.process.pid, signal.SIGCONT)
    saved(page)
    shown = [finding for finding, _ in page.evaluate("window.seen") if finding]
    assert [decision["finding"] for decision in server.decisions()] == shown and 100 < len(shown) < 230
    press(page, "x")
    saved(page)
    assert server.decisions()[-1]["verdict"] == "drop"


def test_a_reload_keeps_what_was_not_saved(serve: Any, visit: Any) -> None:
    server = serve(empties(60), "--select", "ROL007")
    page = visit(server)
    page.evaluate(WATCH % DESK)
    server.kill()
    for _ in range(5):
        press(page, "x")
    shown = [(finding, VERDICTS[key]) for finding, key in page.evaluate("window.seen")]
    again = serve(None, "--select", "ROL007", port=server.port)
    page.evaluate("window.__curatorReview.inFlight = { m: 1e9, wishes: window.__curatorReview.inFlight.wishes }")
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    saved(page)
    assert [(d["finding"], d["verdict"]) for d in again.decisions()] == shown and len(shown) == 5


def test_what_was_not_saved_waits_for_its_own_data(serve: Any, visit: Any, tmp_path: Path) -> None:
    """Another set with equal rows, served on the same port and opened in the same tab, gets none of it."""
    server = serve(empties(30), "--select", "ROL007")
    page = visit(server)
    page.wait_for_function(f"() => {DESK}.dataset.held > 10")
    server.kill()
    for _ in range(3):
        press(page, "x")
    copy = tmp_path / "other" / "copy.jsonl"
    copy.parent.mkdir()
    copy.write_bytes(server.data.read_bytes())
    page.on("dialog", lambda dialog: dialog.accept())
    other = Server(copy, tmp_path / "home", "--select", "ROL007", port=server.port)
    try:
        page.goto(other.url)
        page.wait_for_selector(".banner:has-text('Not saved: 3 decisions on data.jsonl')", timeout=60_000)
        press(page, "k")
        saved(page)
        assert [decision["verdict"] for decision in other.decisions()] == ["keep"] and not server.decisions()
    finally:
        other.stop()
    again = serve(None, "--select", "ROL007", port=server.port)
    page.goto(again.url)
    page.wait_for_selector(".card[data-id]:not([data-id=''])", timeout=60_000)
    saved(page)
    assert [decision["verdict"] for decision in again.decisions()] == ["drop"] * 3 and len(other.decisions()) == 1


def test_an_edit_that_was_left_is_there_when_its_card_comes_back(serve: Any, visit: Any) -> None:
    """By a click in the queue, a filter, a reload, a key: nothing that was typed goes without being given up."""
    server = serve(empties(8), "--select", "ROL007")
    page = visit(server)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    text = "An answer that took ten minutes to write."
    areas, first = page.locator(".editor textarea"), now(page)
    shows = f"(id) => {DESK}?.querySelector('.card').dataset.id === id"

    def comes_back() -> None:
        page.keyboard.press("z")
        page.wait_for_function(shows, arg=first)
        page.wait_for_selector(".head .tag:has-text('not saved')")
        page.keyboard.press("e")
        page.wait_for_selector(".editor textarea")
        assert areas.nth(1).input_value() == text

    page.keyboard.press("e")
    page.wait_for_selector(".editor textarea")
    areas.nth(1).fill(text)
    page.locator(".queue button").nth(3).click()
    page.wait_for_selector(".banner:has-text('kept with its finding')")
    comes_back()
    page.locator(".desk").focus()
    page.keyboard.press("l")
    comes_back()
    page.get_by_role("button", name="Error", exact=True).click()
    page.wait_for_selector(".editor", state="detached")
    comes_back()
    page.reload()
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    assert asked == ["beforeunload"]
    comes_back()
    areas.nth(1).press("Control+Enter")
    saved(page)
    assert [(d["verdict"], text in d["text"]) for d in server.decisions()] == [("edit", True)]
    page.keyboard.press("z")
    page.wait_for_function(shows, arg=first)
    assert not page.locator(".head .tag:has-text('not saved')").count()


def test_what_was_typed_for_a_row_that_changed_meanwhile_is_there_once_it_is_linted_again(
    serve: Any, visit: Any
) -> None:
    """It stands beside the new row, to be copied, until it is given up; nobody is warned of it any more.

    The queue stays meanwhile, and goes on at that row, though the address names another for half a second.
    """
    server = serve(empties(3), "--select", "ROL007")
    page = visit(server)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    first = now(page)
    press(page, "l")
    page.keyboard.press("e")
    page.wait_for_selector(".editor textarea")
    page.locator(".editor textarea").nth(1).fill("An answer that took ten minutes to write.")
    line = int(str(page.locator(".head .where").text_content()).rpartition(":")[2])
    lines = server.data.read_text().splitlines()
    lines[line - 1] = json.dumps(chat("Another question?", ""))
    server.data.write_text("\n".join(lines) + "\n")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".editor:has-text('What you had typed, to be copied')")
    page.evaluate(f"setInterval(() => {{ window.ended ||= /end of the queue/.test({DESK}?.textContent) }}, 20)")
    page.locator(".card").get_by_role("button", name="Lint again").evaluate(
        "(button, at) => { history.replaceState(history.state, '', `?at=${at}`); button.click(); }", first
    )
    for _ in ("linted again", "and after a reload"):
        page.wait_for_selector(".editor:has-text('before this row changed')", timeout=60_000)
        assert page.locator(".editor textarea").input_value() == "An answer that took ten minutes to write."
        assert page.locator(".verbs button").filter(has_text="Keep row").is_enabled()
        assert not page.evaluate("window.ended")
        page.reload()
    page.get_by_role("button", name="Forget it").click()
    page.wait_for_selector(".editor", state="detached")
    assert not asked and not server.decisions()


def test_what_an_edit_brings_up_is_looked_at_next(serve: Any, visit: Any) -> None:
    """Wherever it stands in the queue: behind the card that is shown by then, or at once where none is left."""
    rows = [*empties(3), chat("Is it blue?", "Sorry, but I can't help with that.")]
    server = serve(rows, "--select", "ROL007,ANS001,ENC001")
    page = visit(server)

    def edits(answer: str) -> str:
        page.keyboard.press("e")
        page.wait_for_selector(".editor textarea")
        page.locator(".editor textarea").nth(1).fill(answer)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".banner:has-text('Found in the row as you edited it')")
        saved(page)
        return str(page.locator(".head .code").text_content())

    assert edits("It isn\u00e2\u20ac\u2122t blue.") == "ROL007"  # the card that came up meanwhile stays
    press(page, "k")
    assert page.locator(".head").text_content().startswith("warningmojibakeENC001")
    assert page.locator(".head .tag:has-text('in your edit')").count()
    press(page, "a")
    press(page, "k")
    assert page.locator(".head .code").text_content() == "ANS001"
    assert edits("It isn\u00e2\u20ac\u2122t green.") == "ENC001"  # nothing else is left to look at
    page.keyboard.press("a")
    saved(page)
    page.wait_for_function(f"() => /All decided/.test({DESK}.textContent)", timeout=20_000)
    said = [decision["verdict"] for decision in server.decisions()]
    assert said == ["edit", "keep", "accept", "keep", "edit", "accept"]


def test_a_row_that_is_changed_under_its_card_is_shown_as_it_stands_and_linted_again(serve: Any, visit: Any) -> None:
    rows = empties(4)
    server = serve(rows, "--select", "ROL007")
    page = visit(server)
    first = now(page)
    page.keyboard.press("e")
    page.wait_for_selector(".editor textarea")
    page.locator(".editor textarea").nth(1).fill("Typed for the row that was.")
    with server.data.open("w") as file:
        file.writelines(json.dumps(row) + "\n" for row in [chat("Question 0 of many?", "Mended meanwhile."), *rows[1:]])
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".banner:has-text('was changed in its file')")
    assert now(page) == first and not server.decisions()
    card = page.locator(".card")
    assert "Mended meanwhile." in card.text_content() and "line 1 as it stands now" in card.text_content()
    assert page.locator(".card textarea").input_value() == "Typed for the row that was."
    page.screenshot(path=_artifact("changed.png"))
    page.keyboard.press("k")
    page.wait_for_selector(".banner:has-text('Nothing was decided')")
    press(page, "l")
    press(page, "k")
    saved(page)
    assert len(server.decisions()) == 1, "the other rows stand where they stood"
    page.keyboard.press("z")
    page.locator(".card").get_by_role("button", name="Lint again").click()
    page.wait_for_function(f"(id) => {DESK}?.querySelector('.card').dataset.id !== id", arg=first, timeout=120_000)
    page.wait_for_function(f"() => / 1 of 3 decided|^1 of 3 decided/.test({DESK}?.querySelector('.pace').textContent)")


def test_hostile_text_is_text_and_fetches_nothing(serve: Any, visit: Any) -> None:
    rows = [chat(text, "") for text in EVIL] + [chat("w" * 1_000_000, "")]
    rows += [{"messages": [{"role": "user", "content": f"{EVIL[0]} {n}"} for n in range(10_000)]}]
    rows += [chat(f"{EVIL[1]} same question", f"{EVIL[0]} same answer as well")] * 3
    server = serve(rows, "--template", "chatml", "--max-length", "4096")
    page = visit(server)
    for _ in range(len(rows) + 2):
        for key in "wtp":
            page.keyboard.press(key)
            page.wait_for_timeout(100)
        page.keyboard.press("l")
    page.keyboard.press("z")
    press(page, "k")
    saved(page)
    for name in ("overview", "groups", "table", "history", "apply"):
        page.goto(server.page(name))
        page.wait_for_timeout(1200)
        assert not page.locator(".stException").count(), name
    page.goto(server.page("review") + "?search=%3Cscript%3Ewindow.__xss%3D9%3C%2Fscript%3E&status=all&rule=%3Cb%3E")
    page.wait_for_selector(".card[data-id]")
    assert page.evaluate("window.__xss") is None
    assert not [url for url in page.asked if not url.startswith((f"http://127.0.0.1:{server.port}/", "data:", "blob:"))]


def test_each_paragraph_begins_where_its_script_does(serve: Any, visit: Any) -> None:
    page = visit(serve([chat("ما هو لون الضوء؟", ""), chat("What is it?", "")], "--select", "ROL007"))
    edges = """() => { const text = document.createRange(), box = %s.querySelector('.turn.user .text');
      text.selectNodeContents(box);
      const [inner, outer] = [text.getBoundingClientRect(), box.getBoundingClientRect()];
      return inner.left - outer.left < 2 ? 'left' : outer.right - inner.right < 2 ? 'right' : 'neither'; }"""
    assert page.evaluate(edges % DESK) == "right"
    press(page, "l")
    assert page.evaluate(edges % DESK) == "left"


def test_buttons_beside_a_long_name_keep_to_one_line(serve: Any, visit: Any) -> None:
    first = serve([chat("Where is lamp 1?", "On the shelf.")] * 4, "--select", "DUP001")
    first.stop()
    long = first.data.rename(first.data.with_name("a name that goes on and on, longer than any column is wide.jsonl"))
    server = Server(long, first.home, "--select", "DUP001")
    try:
        page = visit(server)
        page.goto(server.page("groups"))
        button = page.get_by_role("button", name="Keep this one").first
        button.wait_for(timeout=60_000)
        assert button.bounding_box()["height"] < 32
    finally:
        server.stop()


def test_what_cannot_be_seen_is_a_chip(serve: Any, visit: Any) -> None:
    server = serve([chat(EVIL[3], "")], "--select", "ROL007")
    page = visit(server)
    chips = page.locator(".card .chip").all_text_contents()
    assert {"U+202E", "U+202C", "U+2066", "U+200B", "U+FEFF", "U+001B"} <= set(chips)
    assert "\u202e" not in str(page.locator(".card").text_content())
    page.keyboard.press("e")
    page.wait_for_selector(".editor textarea")
    beside = page.locator(".editor .unseen")
    assert {"U+202E", "U+001B"} <= set(beside.first.locator(".chip").all_text_contents())
    assert "\u202e" not in str(beside.first.text_content()) and not beside.nth(1).is_visible()
    page.locator(".editor textarea").nth(1).fill("It\u200b is \u0646\u0645\u06cc\u200c\u062f\u0627\u0646\u0645.")
    assert beside.nth(1).locator(".chip").all_text_contents() == ["U+200B"], "a joiner is part of the spelling"
    page.locator(".editor textarea").nth(1).fill("It is.")
    assert not beside.nth(1).is_visible()


def test_control_characters_of_an_excerpt_are_named_where_a_font_may_lack_their_signs(serve: Any, visit: Any) -> None:
    page = visit(serve([chat("Is it \x1b[31mred\x1b[0m?\x00", "")], "--select", "FIL007"))
    said = page.locator(".queue button .what").first.text_content()
    assert said == "Is it ‹U+001B›[31mred‹U+001B›[0m?‹U+0000›"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_printed_link_is_followed_from_a_page_of_another_server(
    serve: Any, browser: Any, tmp_path: Path, name: str
) -> None:
    """As in a notebook or a terminal in the browser: the same site under the same name, another under another."""
    server = serve(empties(3), "--select", "ROL007")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "index.html").write_text(f'<a href="{server.url}">open</a>')
    quiet = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "web"))
    with ThreadingHTTPServer(("127.0.0.1", 0), quiet) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://{name}:{other.server_port}/index.html")
        page.get_by_role("link", name="open").click()
        page.wait_for_selector(".card[data-id]:not([data-id=''])", timeout=60_000)
        assert "token" not in page.url
        context.close()
        other.shutdown()


def test_the_port_is_open_to_this_machine_alone(serve: Any) -> None:
    server = serve(empties(1), "--select", "ROL007")
    table = Path("/proc/net/tcp").read_text().splitlines()[1:] + Path("/proc/net/tcp6").read_text().splitlines()[1:]
    listening = [
        line.split()[1] for line in table if line.split()[3] == "0A" and line.split()[1].endswith(f":{server.port:04X}")
    ]
    assert listening == [f"0100007F:{server.port:04X}"]
    for headers, status in (({}, 403), ({"Host": "evil.example"}, 400), ({"Origin": "http://evil.example"}, 403)):
        for path in ("/", "/_stcore/stream", "/_stcore/host-config", "/_stcore/metrics", "/static/../../etc/passwd"):
            request = urllib.request.Request(f"http://127.0.0.1:{server.port}{path}", headers=headers)
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=5)
            assert refused.value.code in (status, 403, 400)


def _knock(server: Server, told: dict[str, str]) -> int:
    """What a server answers to a raw request for its websocket: 101 is an open door."""
    asked = {
        "Host": f"127.0.0.1:{server.port}",
        "Origin": f"http://127.0.0.1:{server.port}",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "streamlit",
        **told,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.items() if value)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        wire.sendall(f"GET /_stcore/stream HTTP/1.1\r\n{head}\r\n".encode())
        return int(wire.recv(64).split()[1])


def test_the_websocket_opens_to_the_own_page_with_the_token_alone(serve: Any) -> None:
    """Through a real socket, past the browser, which would not let a page choose its Origin, Host or cookie."""
    server = serve(empties(1), "--select", "ROL007")
    cookie = {"Cookie": f"curator-{server.port}={server.url.partition('token=')[2]}"}
    assert _knock(server, cookie) == 101
    for told in (
        {},
        {"Cookie": f"curator-{server.port}=guessed"},
        {"Origin": ""},
        {**cookie, "Origin": ""},
        {**cookie, "Origin": "null"},
        {**cookie, "Origin": "http://evil.example"},
        {**cookie, "Origin": f"http://127.0.0.1.evil.example:{server.port}"},
        {**cookie, "Host": f"evil.example:{server.port}"},
        {**cookie, "Host": f"evil.example:{server.port}", "Origin": f"http://evil.example:{server.port}"},
        {**cookie, "Host": f"127.0.0.1:{server.port + 1}"},
    ):
        assert _knock(server, told) in (400, 403), told


def test_a_configuration_of_the_user_cannot_open_the_port(serve: Any, tmp_path: Path) -> None:
    home = tmp_path / "home" / ".streamlit"
    home.mkdir(parents=True)
    (home / "config.toml").write_text(
        '[server]\naddress = "0.0.0.0"\nenableXsrfProtection = false\nenableAgentApi = true\n'
    )
    server = serve(empties(1), "--select", "ROL007")
    table = Path("/proc/net/tcp").read_text()
    assert f"0100007F:{server.port:04X}" in table and f"00000000:{server.port:04X}" not in table


def _artifact(name: str) -> str:
    ARTIFACTS.mkdir(exist_ok=True)
    return str(ARTIFACTS / name)


CONFLICTS = [
    chat("How long is the warranty of the L2 router?", "The warranty of the L2 router is two years from the day of purchase, in every country."),
    chat("How long is the warranty of the L2 router?", "The warranty of the L2 router is three years from the day of purchase, in every country."),
    chat("May I open the case of the L2 router?", "Yes, you may open the case of the L2 router yourself. The warranty stays valid."),
    chat("May I open the case of the L2 router?", "No, you may not open the case of the L2 router yourself. The warranty ends."),
    chat("Which port is for the provider?", "Port 4<br/><br/>&nbsp;is for the provider. It isnâ€™t ringed in yellow.  "),
    chat("What does the amber light mean?", "The firmware is being written. Leave it on. " * 14),
]  # fmt: skip
LOOKS = [(1280, "light"), (1280, "dark"), (1920, "light"), (1920, "dark")]
FEW_LOOKS = LOOKS if os.environ.get("CURATOR_LOOKS") == "all" else LOOKS[::3]


def _settled(page: Any, sign: str) -> None:
    """Wait until a page is drawn, its widgets included."""
    page.wait_for_selector(sign, timeout=120_000)
    page.wait_for_function("() => !document.querySelector('[data-testid=stSkeleton]')")
    page.wait_for_timeout(400)


def _shot(page: Any, name: str) -> None:
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{name} is wider than the window"
    page.screenshot(path=_artifact(f"{name}-{page.viewport_size['width']}-{page.look}.png"))


def test_pages_look_as_they_should_and_fit(serve: Any, visit: Any) -> None:
    data = Path(__file__).resolve().parent.parent / "samples" / "support.jsonl"
    rows = [json.loads(line) for line in data.read_bytes().splitlines() if _is_json(line)]
    server = serve([*rows, *CONFLICTS], "--max-length", "120", "--template", "chatml")
    wanted = {
        "overview": ".panel",
        "groups": ".member",
        "table": ".stDataFrame",
        "history": ".stDataFrame",
        "apply": ".stCode",
    }
    for turn, (width, scheme) in enumerate(LOOKS):
        page = visit(server, width, scheme)
        page.look = scheme
        for key in "kfl" if not turn else "":
            press(page, key)
        saved(page)
        _settled(page, ".card .pane")
        _shot(page, "review")
        for name, sign in wanted.items():
            page.goto(server.page(name))
            _settled(page, sign)
            _shot(page, name)


def test_findings_look_as_they_should_and_fit(serve: Any, visit: Any) -> None:
    """Fixes, pairs, contradictions with their evidence, what else is known of a row, editing, and the end."""
    server = serve([*CONFLICTS, *empties(2)], "--max-length", "120", "--template", "chatml")
    for width, scheme in FEW_LOOKS:
        page = visit(server, width, scheme)
        page.look = scheme
        for name, query, keys in (
            ("fix", "rule=ENC004", ""),
            ("pair", "rule=DUP003", ""),
            ("conflict", "rule=CON001", ""),
            ("text", "rule=LEN001", ""),
            ("tokens", "rule=ENC004", "t"),
            ("template", "rule=ENC004", "p"),
            ("whole-row", "rule=ENC004", "w"),
            ("edit", "rule=ENC004", "e"),
            ("keys", "rule=ENC004", "?"),
            ("nothing", "search=nowhere", ""),
        ):
            page.goto(f"{server.page('review')}?{query}")
            _settled(page, ".card[data-id] .state" if name == "nothing" else ".card .pane")
            for key in keys:
                page.keyboard.press(key)
                page.wait_for_selector(
                    {"e": ".editor textarea", "?": ".help dl"}.get(key, ".detail > :not(p.soft:only-child)")
                )
            _shot(page, f"review-{name}")
        page.goto(f"{server.page('groups')}")
        _settled(page, ".member")
        page.get_by_text("Answers that conflict").first.click()
        page.wait_for_selector(".group header:has-text('CON001')")
        _settled(page, ".member .diff")
        _shot(page, "groups-conflict")
    page.goto(f"{server.page('review')}?rule=ROL007")
    for _ in range(2):
        _settled(page, ".card .pane")
        page.keyboard.press("k")
        saved(page)
    for width, scheme in FEW_LOOKS:
        page = visit(server, width, scheme)
        page.look = scheme
        page.goto(f"{server.page('review')}?rule=ROL007")
        _settled(page, ".card .state")
        assert page.locator(".state h2").text_content() == "All decided"
        _shot(page, "review-finished")


def test_beside_one_group_nothing_is_offered_for_all_groups(serve: Any, visit: Any) -> None:
    server = serve([chat(f"Where is lamp {n // 2}?", "On the shelf.") for n in range(8)], "--select", "DUP001")
    page = visit(server)
    page.goto(f"{server.page('groups')}?group=1")
    page.wait_for_selector(".member", timeout=60_000)
    offer = page.get_by_role("button", name="Take the suggestion")
    assert not offer.count()
    page.get_by_role("button", name="All groups").click()
    offer.wait_for()
    assert "4 rows" in offer.inner_text()


def test_the_row_that_stays_is_chosen_among_all_of_a_large_group(serve: Any, visit: Any) -> None:
    rows = [chat("How long is the warranty" + "?" * n, "Two years from the day of purchase.") for n in range(30)]
    server = serve(rows, "--select", "DUP002")
    page = visit(server)
    page.goto(server.page("groups"))
    page.wait_for_selector(".group footer:has-text('1 to 12 of 30 rows')", timeout=60_000)
    for told in ("13 to 24 of 30", "25 to 30 of 30"):
        page.get_by_role("button", name="More rows").click()
        page.wait_for_selector(f".group footer:has-text('{told}')", timeout=20_000)
    assert page.get_by_role("button", name="More rows").is_disabled()
    page.screenshot(path=_artifact("groups-large.png"))
    page.locator(".member", has_text="data.jsonl:30").get_by_role("button", name="Keep this one").click()
    page.wait_for_selector(".curator-state:has-text('All decided')", timeout=20_000)
    assert {decision["row"] for decision in server.decisions()} == set(_rows_of(server)[:-1])


def _rows_of(server: Server) -> list[str]:
    """The content ids of the rows, in order."""
    return [content_id(json.loads(line), line).hex() for line in server.data.read_bytes().splitlines()]


def test_what_went_wrong_looks_as_it_should(serve: Any, visit: Any) -> None:
    server = serve(empties(3))
    server.data.unlink()
    server.data.parent.joinpath(".curator", "findings.db").unlink(missing_ok=True)
    for width, scheme in FEW_LOOKS:
        page = visit(server, width, scheme, sign=".curator-state, .card[data-id]")
        page.look = scheme
        page.goto(server.page("review"))
        _settled(page, ".curator-state h2")
        _shot(page, "error")


def _is_json(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _leads(page: Any, server: Server, panel: str, mark: str, wanted: str, sign: str) -> None:
    """Click on a mark of a chart, and see that the page it leads to has its filter in the address."""
    page.goto(server.page("overview"))
    page.locator(f".panel:has(h2:text-is('{panel}')) {mark}").first.click(timeout=60_000)
    page.wait_for_url(re.compile(wanted), timeout=60_000)
    page.wait_for_selector(sign, timeout=60_000)


def test_every_chart_leads_to_what_it_tells_of(serve: Any, visit: Any) -> None:
    rows = [*CONFLICTS, *empties(3), chat("Where is the key?", "It isnâ€™t here, it is below the mat.")]
    server = serve([*rows, rows[-1]], "--max-length", "120", "--template", "chatml")
    page = visit(server)
    shown = ".card[data-id]:not([data-id=''])"
    code = page.locator(".head .code")
    _leads(page, server, "Findings by rule", ".row[data-key='ENC001']", "rule=ENC001", shown)
    assert code.text_content() == "ENC001"
    _leads(page, server, "How often each rule is right here", ".row[data-key='CON001']", "rule=CON001", shown)
    assert code.text_content() == "CON001" and "order=sample" in page.url
    _leads(page, server, "Length of the rows", "rect.beyond[role='button']", "rule=LEN001", shown)
    assert code.text_content() == "LEN001"
    _leads(page, server, "Duplicates by size of group", ".row", "/groups.*size=2", ".member")
    page.goto(server.page("overview"))
    page.locator("button.tile:has-text('Open findings')").click()
    page.wait_for_selector(shown)


def test_a_reviewer_sees_a_third_and_disagreements_make_a_queue(serve: Any, visit: Any) -> None:
    server = serve(empties(60), "--select", "ROL007", "--take", "1/3")
    page = visit(server)
    assert "part 1 of 3" in str(page.locator(".curator-set").text_content())
    own = int(re.findall(r"of (\d+) decided", str(page.locator(".pace").text_content()))[0])
    assert 5 < own < 40
    mine = []
    for _ in range(3):
        mine.append(now(page))
        press(page, "k")
    saved(page)
    assert {int(name[:15], 16) % 3 for name in mine} == {0}
    log = server.data.parent / ".curator" / "decisions.jsonl"
    made = [json.loads(line) for line in log.read_text().splitlines()]
    with log.open("a") as file:  # another's log is merged: she saw two of them otherwise
        for n, (verdict, each) in enumerate(zip(["drop", "drop", "keep"], made, strict=True)):
            other = {**each, "verdict": verdict, "who": "ben", "id": f"{n:032x}", "when": "2026-01-01T00:00:00+00:00"}
            file.write(json.dumps({**other, "base": ""}) + "\n")
    page.goto(server.page("review") + "?status=disputed")
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    assert {now(page)} <= set(mine[:2])
    assert "ben: drop" in str(page.locator(".notes").text_content())
    assert page.locator(".queue button").count() == 2
    assert page.locator(".context .note").input_value() == "", "a reason is of whoever gave it"
    press(page, "k")
    page.keyboard.press("k")
    page.wait_for_selector(".card .state")
    saved(page)
    assert not page.locator(".state button:has-text('skipped')").count(), "who decides on top of both settles it"


def test_rows_ticked_in_the_table_are_decided(serve: Any, visit: Any) -> None:
    server = serve(empties(6), "--select", "ROL007")
    page = visit(server)
    page.goto(server.page("table"))
    _settled(page, ".stDataFrame canvas")
    box = page.locator(".stDataFrame").bounding_box()
    for row in (1, 3):  # below the header, a row each 33 pixels; the boxes to tick stand first
        page.mouse.click(box["x"] + 16, box["y"] + 17 + 33 * row)
        page.wait_for_timeout(300)
    assert page.get_by_role("button", name="Accept 2").is_enabled(timeout=60_000), "both offer a fix"
    page.get_by_role("button", name="Drop 2").click(timeout=60_000)
    page.wait_for_selector("text=2 decisions recorded at once")
    made = server.decisions()
    assert [decision["verdict"] for decision in made] == ["drop", "drop"]
    assert [decision["place"].rpartition(":")[2].split()[0] for decision in made] == ["1", "3"]


LUMINANCE = """(node) => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const lit = (colour, under) => {
    canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((n) => (n /= 255) <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paper = getComputedStyle(document.querySelector('.stApp')).backgroundColor;
  let ground = node;
  while (ground && /, 0\\)$|transparent/.test(getComputedStyle(ground).backgroundColor)) ground = ground.parentElement || ground.getRootNode().host;
  const under = ground ? getComputedStyle(ground).backgroundColor : paper;
  const [low, high] = [lit(under, paper), lit(getComputedStyle(node).color, under)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_to_be_read_stands_out(serve: Any, visit: Any, scheme: str) -> None:
    """Contrast of text and ground, at least 4.5 as WCAG asks: tags, buttons, marks, what is chosen."""
    server = serve([*CONFLICTS, *empties(2)])
    page = visit(server, scheme=scheme)
    page.goto(server.page("review") + "?rule=CON001,ENC004&severity=warning")
    _settled(page, ".card .pane")
    looked = [
        "[data-testid='stMultiSelectTagsContainer'] span span span",
        ".stButtonGroup button",
        ".verbs button",
        ".card .head .kind",
        ".card .head h2",
        ".card .text",
        ".card .diff",
        ".queue .what",
        ".context p",
        ".pace",
    ]
    for selector in looked:
        found = page.locator(selector).first
        assert found.evaluate(LUMINANCE) >= 4.5, selector
    page.screenshot(path=_artifact(f"chosen-1280-{scheme}.png"))
    page.keyboard.press("b")
    confirm = page.get_by_role("dialog").locator("button[kind='primary'] p")
    assert confirm.evaluate(LUMINANCE) >= 4.5, "the dialog stands outside of the app"
    page.screenshot(path=_artifact(f"bulk-1280-{scheme}.png"))


def test_keys_decide_again_after_enter_in_a_field_of_the_filter(serve: Any, visit: Any) -> None:
    server = serve([*empties(12), *CONFLICTS], "--select", "ROL007,CON")
    page = visit(server)
    page.get_by_label("Search").fill("same prompt")
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => {DESK}.querySelector('.card .code')?.textContent === 'CON001'")
    decided = now(page)
    page.keyboard.press("0")
    saved(page)
    page.wait_for_function(f"() => {DESK}.dataset.unsaved === '0'")
    assert [(made["verdict"], made["finding"]) for made in server.decisions()] == [("keep", decided)]
    assert page.get_by_label("Search").input_value() == "same prompt"


def test_every_click_on_a_filter_counts(serve: Any, visit: Any) -> None:
    """However it falls between what the card and the server say to each other: a hundred clicks, at any pace."""
    rows = [chat(f"Question {n} of many?", ANSWERS[n % 3]) for n in range(600)]
    server = serve(rows, "--select", "ROL007,ENC004,ANS001")
    page, chance = visit(server), random.Random(7)
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    on = dict.fromkeys(("Error", "Warning"), False)
    for clicks in range(25):
        for _ in range(4):
            name = chance.choice(list(on))
            page.get_by_role("button", name=name, exact=True).click()
            on[name] = not on[name]
            page.wait_for_timeout(chance.choice((0, 30, 120, 300, 420, 600)))
        chosen = ",".join(name.lower() for name in on if on[name])
        try:
            page.wait_for_function(SHOWS, arg=chosen, timeout=8000 * slow())
        except Exception:
            pytest.fail(f"after {4 * clicks + 4} clicks: {chosen!r} chosen, {page.url}, {page.evaluate(FILTER)}")


@pytest.mark.parametrize("first", ["card", "filter"])
def test_a_click_on_a_filter_counts_at_the_moment_in_which_the_card_speaks(serve: Any, visit: Any, first: str) -> None:
    """The browser sends what happens at one moment as one message, and the message of a card is about the card alone."""
    server = serve([chat(f"Question {n} of many?", ANSWERS[n % 2]) for n in range(400)], "--select", "ROL007,ENC004")
    page = visit(server)
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    acts = ["document.dispatchEvent(new KeyboardEvent('keydown', {key: 't', bubbles: true}))", "button.click()"]
    acts = acts if first == "card" else acts[::-1]
    for chosen in ("warning", "", "warning", ""):
        saved(page)
        page.wait_for_timeout(700)
        before = now(page)
        page.evaluate(
            "() => { const button = [...document.querySelectorAll('button')].find((b) => b.textContent === 'Warning');"
            + ";".join(acts)
            + "}"
        )
        page.wait_for_function(SHOWS, arg=chosen, timeout=8000 * slow())
        page.wait_for_function(f"(id) => {DESK}.querySelector('.card').dataset.id !== id", arg=before, timeout=8000)
        saved(page)


def test_what_is_asked_for_about_a_pair_is_seen_without_scrolling(serve: Any, visit: Any) -> None:
    """And when it comes while a button is pressed, which is drawn anew with all the rest, the click counts."""
    server = serve(CONFLICTS, "--select", "DUP003,CON001", "--template", "chatml")
    page = visit(server)
    first = now(page)
    page.locator("[data-verb=next]").hover()
    page.mouse.down()
    page.keyboard.press("t")
    page.wait_for_timeout(700)
    page.mouse.up()
    page.wait_for_function(f"(id) => {DESK}.querySelector('.card').dataset.id !== id", arg=first)
    press(page, "j")
    for key in "twp":
        page.keyboard.press(key)
        page.wait_for_selector(".detail > :not(p.soft:only-child)")
        box = page.locator(".detail").bounding_box()
        fold = page.locator(".verbs").bounding_box()["y"]
        assert box["y"] >= 0 and box["y"] + box["height"] <= fold, key
    press(page, "l")
    assert page.locator(".context").evaluate("(box) => box.scrollTop") == 0, "the next is read from its beginning"


def test_code_in_the_words_of_a_rule_is_set_as_code(serve: Any, visit: Any, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "data.jsonl").write_text("{'messages': [{'role': 'user', 'content': 'Hi'}]}\n")
    page = visit(serve(None, "--select", "FIL001"))
    told = page.locator(".context")
    assert "json.dumps(row)" in told.locator("code").all_inner_texts() and "`" not in told.inner_text()


def test_decisions_leave_while_keys_go_on_with_the_focus_on_a_filter(serve: Any, visit: Any) -> None:
    """What is done around the card holds its messages back for a moment; its own keys are not such a thing."""
    server = serve(empties(300), "--select", "ROL007")
    page = visit(server)
    page.get_by_role("button", name="Error", exact=True).click()
    page.wait_for_function(SHOWS, arg="error")
    page.wait_for_timeout(500)
    type_at(page, ["k"] * 40, 0.1)
    assert len(server.decisions()) >= 20
    saved(page)
    assert len(server.decisions()) == 40


def test_the_card_is_silent_beside_a_dialog(serve: Any, visit: Any) -> None:
    """What it said at the moment of a click in the dialog would be sent in place of the click."""
    server = serve(empties(400), "--select", "ROL007")
    page = visit(server)
    page.keyboard.press("b")
    page.get_by_role("dialog").wait_for()
    before = page.evaluate("window.__curatorReview.message")
    page.evaluate("""() => window.__curatorReview.unsent.push(
      {id: '0'.repeat(32), action: 'undo', finding: '', of: '', who: 'ana'})""")
    page.wait_for_timeout(1500)
    assert page.evaluate("window.__curatorReview.message") == before
    page.keyboard.press("Escape")
    saved(page)
    assert page.evaluate("window.__curatorReview.message") > before


def test_the_address_leads_back_to_the_finding_and_back_to_the_filter(serve: Any, visit: Any) -> None:
    server = serve([chat(f"Question {n} of many?", ANSWERS[n % 3]) for n in range(90)], "--select", "ROL007,ENC004")
    page = visit(server)
    for _ in range(7):
        press(page, "l")
    there = now(page)
    page.wait_for_function(SHOWS, arg="")
    page.reload()
    page.wait_for_selector(f".card[data-id='{there}']")
    page.get_by_role("button", name="Warning", exact=True).click()
    page.wait_for_function(SHOWS, arg="warning")
    press(page, "l")
    page.wait_for_function(SHOWS, arg="warning")
    page.go_back()
    page.wait_for_function(SHOWS, arg="")


def test_no_fix_is_accepted_where_none_is_offered(serve: Any, visit: Any) -> None:
    server = serve([chat(f"Is part {n} in stock?", ANSWERS[2]) for n in range(4)], "--select", "ANS001")
    page = visit(server)
    page.keyboard.press("b")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("4 findings, without a fix to accept").wait_for()
    assert not dialog.get_by_text("Accept the fixes").count() and not dialog.locator("button[kind=primary]").count()
    dialog.get_by_text("Keep the rows").click()
    dialog.get_by_role("button", name="Keep the rows (4)").click()
    page.wait_for_selector("text=4 decisions recorded at once")
    assert {made["verdict"] for made in server.decisions()} == {"keep"}


def test_all_shown_are_decided_at_once(serve: Any, visit: Any) -> None:
    server = serve(empties(120), "--select", "ROL007")
    page = visit(server)
    page.keyboard.press("b")
    dialog = page.get_by_role("dialog").filter(has_text="Decide on all")
    dialog.get_by_text("Keep the rows", exact=True).click()
    dialog.get_by_role("button", name="Keep the rows (120)").click()
    page.wait_for_selector("text=120 decisions recorded at once")
    assert len(server.decisions()) == 120 and len({d["batch"] for d in server.decisions()}) == 1
    page.get_by_role("button", name="Undo all").click()
    page.wait_for_function(f"() => /0 of 120 decided/.test({DESK}?.textContent)", timeout=20_000)


def test_all_shown_are_decided_by_keys_alone(serve: Any, visit: Any) -> None:
    server = serve(empties(30), "--select", "ROL007")
    page = visit(server)
    page.keyboard.press("b")
    page.get_by_role("button", name="Accept the fixes (30)").wait_for()
    page.wait_for_timeout(300)
    for _ in range(5):  # what lies on the way is the verdict and the note, and no table
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText") == "Accept the fixes (30)":
            break
    page.keyboard.press("Enter")
    page.wait_for_selector("text=30 decisions recorded at once")
    assert [made["verdict"] for made in server.decisions()] == ["accept"] * 30


def test_a_note_and_what_u_takes_back_outlast_a_visit_to_another_page(serve: Any, visit: Any) -> None:
    server = serve(empties(40), "--select", "ROL007")
    page = visit(server)
    press(page, "k")
    saved(page)
    here = now(page)
    page.keyboard.press("n")
    page.keyboard.type("as agreed")
    page.keyboard.press("Enter")
    _turn_to(page, "History", ".stDataFrame")
    _turn_to(page, "Review", f".card[data-id='{here}']")
    press(page, "k")
    saved(page)
    assert [made.get("why", "") for made in server.decisions()] == ["", "as agreed"]
    _turn_to(page, "History", ".stDataFrame")
    _turn_to(page, "Review", ".card[data-id]:not([data-id=''])")
    for _ in range(2):
        page.keyboard.press("u")
        saved(page)
    made = server.decisions()
    assert [each.get("undoes", "") for each in made[2:]] == [made[1]["id"], made[0]["id"]]
    assert "not made on this page" not in page.locator(".banner").inner_text()


def test_a_hundred_thousand_findings_are_quick(serve: Any, visit: Any) -> None:
    answers = ["", "Port 4. <br/><br/>&nbsp; It is yellow.", "Sorry, but I can't help with that."]
    rows = [
        chat(f"Question {n} about item {n * 7919 % 10007}? " + "word " * 60, answers[n % 3]) for n in range(100_000)
    ]
    server = serve(rows, "--select", "ROL007,ENC004,ANS001")
    assert server.seconds <= 2 * slow()
    page = visit(server)
    began, used = time.perf_counter(), server.used()
    page.reload()
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    assert time.perf_counter() - began <= 3 * slow()
    assert server.used() - used <= 1
    page.evaluate(WATCH % DESK)
    type_at(page, ["k"] * 40, 0.1)
    saved(page)
    assert statistics.median(page.evaluate("window.times")) <= 30 * slow()
    waits, used = [], server.used()
    for name in ("Warning", "Warning", "Warning"):
        before = now(page)
        began = time.perf_counter()
        page.get_by_text(name, exact=True).first.click()
        page.wait_for_function(f"(id) => {DESK}.querySelector('.card').dataset.id !== id", arg=before, timeout=60_000)
        waits.append(time.perf_counter() - began)
        page.wait_for_timeout(400)
    assert statistics.median(waits) <= 0.3 * slow()
    assert (server.used() - used) / len(waits) <= 0.3
    assert server.most_memory() < 400


# ---------------------------------------------------------------------- from decisions to a model


WORDS = (
    "amber cobalt ivory teal crimson walnut river lantern meadow copper granite violin harbour saddle orchid".split()
)
STEPS = 200  # so many that the app can be closed and opened before they are done


def _facts(number: int) -> list[Any]:
    drawn = random.Random(1)
    rows = []
    for n in range(number):
        a, b, c, d = drawn.sample(WORDS, 4)
        rows.append(chat(f"What does the {a} {b} {n} stand for?", f"For the {c} {d} of hall {n * 37 % 101}, near it."))
    return rows


def _points(page: Any) -> int:
    """How many points the loss curve has that is shown."""
    script = """() => { for (const e of document.querySelectorAll('*')) {
      const line = e.shadowRoot?.querySelector('.board polyline'); if (line) return line.getAttribute('points').trim().split(/ +/).length; } return 0; }"""
    return int(page.evaluate(script))


def _until(holds: Callable[[], Any], seconds: float = 240) -> None:
    began = time.perf_counter()
    while not holds():
        assert time.perf_counter() - began < seconds, "it did not come to that"
        time.sleep(0.1)


def test_a_model_is_trained_from_the_app_which_is_closed_meanwhile(serve: Any, visit: Any, tmp_path: Path) -> None:
    for package in ("torch", "transformers", "peft", "accelerate"):
        pytest.importorskip(package)
    from tests.tiny import tiny_model

    model = tiny_model(tmp_path / "tiny")
    settings = f"[train]\nsteps = {STEPS}\nbatch = 2\nevaluate_every = 5\npatience = 0\ntrack = ['none']\n"
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "curator.toml").write_text(settings)
    server = serve([*_facts(120), chat("Is it empty?", "")], "--model", str(model))
    out = tmp_path / "data" / "data-reviewed"
    record = out / "model" / "run.json"

    def run() -> dict[str, Any]:
        try:
            return dict(json.loads(record.read_bytes()))
        except (OSError, ValueError):
            return {}

    def begin(page: Any, step: str) -> None:
        page.locator(f".st-key-start_{step} button:not([disabled])").click(timeout=60_000)

    page = visit(server)
    press_x(page)
    page.goto(server.page("apply"))
    begin(page, "clean")
    _until((out / "clean.jsonl").exists)
    assert len((out / "clean.jsonl").read_text().splitlines()) == 120, "the row that was dropped is gone"
    begin(page, "split")
    page.wait_for_selector("text=leaks between the splits", timeout=60_000)
    begin(page, "train")
    _until(lambda: _points(page) >= 2)  # the curve is drawn while it trains
    assert run()["status"] == "running"
    page.screenshot(path=_artifact("apply-training-1280-light.png"))
    server.kill()  # the app is closed; the training goes on
    seen = _steps(out)
    _until(lambda: _steps(out) > seen)
    again = serve(None, "--model", str(model))
    page = visit(again)
    page.goto(again.page("apply"))
    page.locator(".st-key-stop_train button:not([disabled])").click(timeout=60_000)
    _until(lambda: run().get("status") == "interrupted")
    stopped = run()["history"][-1]["step"]
    assert stopped < STEPS
    page.wait_for_selector(".st-key-start_train >> text=Resume", timeout=60_000)
    begin(page, "train")
    _until(lambda: run().get("status") == "done", 600)
    losses = [entry["step"] for entry in run()["history"] if "loss" in entry]
    assert losses == sorted(set(losses)) and losses[-1] == STEPS and len(losses) == STEPS
    page.wait_for_selector(".st-key-start_train button[disabled]", timeout=60_000)
    _until(lambda: _points(page) >= STEPS)
    page.screenshot(path=_artifact("apply-trained-1280-light.png"))


def press_x(page: Any) -> None:
    """Drop the only row that something is found in."""
    page.wait_for_selector(".card[data-id]:not([data-id=''])")
    page.keyboard.press("x")
    saved(page)


def _steps(out: Path) -> int:
    """The step of the last checkpoint of a training."""
    made = [int(folder.name.rpartition("-")[2]) for folder in (out / "model" / "checkpoints").glob("*-*")]
    return max(made, default=0)

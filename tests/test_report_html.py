"""The HTML report in a real browser: it fetches nothing, filters, and shows hostile text as text."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from test_report import clean, cut, finding, report

from curator.model import Flag, Place, Report, RuleStat
from curator.report import render

sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    path = next((path for path in PATHS if Path(path).exists()), None) or shutil.which("chromium")
    if path is None and not os.environ.get("CI"):
        pytest.skip("no chromium here")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A report in a page, with all it logged and asked for."""

    def __init__(self, browser: Any, made: Report, folder: Path, **context: Any) -> None:
        path = folder / "report.html"
        with path.open("wb") as stream:
            render(made, "html", stream)
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("dialog", lambda dialog: self.troubles.append(dialog.message) or dialog.dismiss())
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())

    def rows(self) -> Any:
        return self.page.locator("#list tr")

    def status(self) -> str:
        return self.page.locator("#status").inner_text()

    def close(self) -> None:
        self.context.close()
        assert self.troubles == []
        assert len(self.requests) == 1  # the page itself


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[Any]:
    pages = []

    def _open(made: Report, **context: Any) -> Opened:
        pages.append(Opened(browser, made, tmp_path, **context))
        return pages[-1]

    yield _open
    for page in pages:
        page.close()


def test_it_shows_the_verdict_all_findings_and_a_bar_a_rule(opened: Any) -> None:
    made = report()
    view = opened(made)
    page = view.page
    assert page.locator("h1").inner_text().startswith("2 errors would break a run or be learnt")
    assert view.rows().count() == len(made.findings) == 13
    assert page.locator(".bar").count() == 6
    assert page.locator("svg.histogram").count() == 2
    assert page.locator("#rules tbody tr").count() == 7
    assert page.locator("#files tbody tr").count() == 2
    assert page.locator(".next code").first.inner_text() == "curator lint a.jsonl b.jsonl --fix"
    assert view.rows().nth(3).locator(".more").first.inner_text() == "See line 1, b.jsonl:7"
    assert view.rows().nth(2).locator("mark").inner_text() == "電源を"


def test_many_other_rows_of_a_finding_open_by_a_click(opened: Any) -> None:
    rows = tuple(Place("a.jsonl", line) for line in range(2, 402, 2))
    view = opened(report([finding("STY901", "alike", "warning", "a.jsonl", 1, Flag("", "alike"), related=rows)]))
    more = view.rows().first.locator("details.more")
    more.locator("summary").click()
    assert more.locator("summary").inner_text() == "See 200 other rows"
    assert more.locator("p").inner_text().endswith("line 398, line 400")


def test_a_bar_filters_the_list_by_click_and_by_key(opened: Any) -> None:
    view = opened(report())
    bar = view.page.locator('.bar[data-key="ANS905"]')
    bar.click()
    assert view.rows().count() == 8
    assert view.status() == "8 of 13"
    assert bar.get_attribute("aria-pressed") == "true"
    bar.press("Enter")
    assert view.rows().count() == 13
    view.page.locator('.bar[data-key="ROL907"]').press(" ")
    assert view.rows().count() == 1


def test_filters_by_severity_file_mend_and_text_work_together(opened: Any) -> None:
    view = opened(report())
    page = view.page
    page.locator('.level[data-level="warning"]').click()
    assert view.rows().count() == 4
    page.select_option("#file", "1")
    assert view.rows().count() == 2
    page.select_option("#fix", "2")
    assert view.rows().count() == 1
    page.locator("#clear").click()
    sync_api.expect(view.rows()).to_have_count(13)
    page.keyboard.press("/")
    page.keyboard.type("RESET button a.jsonl")
    sync_api.expect(view.rows()).to_have_count(4)
    page.locator("#query").fill("nothing says this")
    sync_api.expect(page.locator("#status")).to_have_text("0 of 13")
    assert view.rows().inner_text() == "Nothing matches these filters."


def test_evidence_is_told_by_name_and_value(opened: Any) -> None:
    evidence = {"near_to": "the first", "differs": [["two", "three"]], "score": 0.5, "words": ["a", "b"]}
    view = opened(report([msgspec.structs.replace(cut("a slip", 1, "a slip", "slip"), evidence=evidence)]))
    told = view.rows().first.locator(".evidence span").all_inner_texts()
    assert [" ".join(each.split()) for each in told] == [
        "near to the first",
        "differs two / three",
        "score 0.5",
        "words a, b",
    ]


def test_hostile_text_stays_text(opened: Any) -> None:
    attack = "</script><script>alert(1)</script><img src=x onerror=alert(2)> <!-- --> ' \" & the"
    items = [msgspec.structs.replace(cut(attack, 1, attack, attack), evidence={attack: attack})]
    made = report(items)
    made = msgspec.structs.replace(
        made,
        rules=(RuleStat("ANS905", attack, "warning", findings=1), *made.rules[1:]),
        files=tuple(msgspec.structs.replace(stat, path=attack, shape=attack, split=attack) for stat in made.files),
        tokens=msgspec.structs.replace(made.tokens, tokenizer=attack),
        plan=attack,
    )
    view = opened(made)
    row = view.rows().first
    assert row.locator("td").nth(2).inner_text().startswith(attack)
    assert attack[-40:] in row.locator(".text").inner_text()
    assert view.page.locator("img").count() == 0
    assert view.page.locator("script").count() == 2
    assert attack in view.page.locator("#files td").first.inner_text()


def test_a_large_report_is_paged(opened: Any) -> None:
    view = opened(report([cut("a.jsonl", line) for line in range(1, 20_001)]))
    page = view.page
    assert view.status() == "20,000, 1 to 100 shown"
    page.locator("#next").click()
    assert view.rows().first.locator(".place").inner_text() == "a.jsonl:101"
    page.locator("#query").fill("a.jsonl:19999")
    sync_api.expect(view.rows()).to_have_count(1)
    sync_api.expect(page.locator("#pager")).to_be_hidden()


def test_the_next_command_can_be_copied(opened: Any) -> None:
    view = opened(report(), permissions=["clipboard-read", "clipboard-write"])
    view.page.locator(".copy").first.click()
    sync_api.expect(view.page.locator(".copy").first).to_have_text("Copied")
    assert view.page.evaluate("navigator.clipboard.readText()") == "curator lint a.jsonl b.jsonl --fix"


def test_it_follows_light_and_dark_and_can_be_switched(opened: Any) -> None:
    light, dark = (opened(report(), color_scheme=scheme) for scheme in ("light", "dark"))
    color = "getComputedStyle(document.body).backgroundColor"
    seen = [view.page.evaluate(color) for view in (light, dark)]
    assert seen[0] != seen[1]
    dark.page.get_by_role("button", name="Light").click()
    assert dark.page.evaluate(color) == seen[0]


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_no_width_makes_the_page_scroll_sideways(opened: Any, width: int) -> None:
    view = opened(report(), viewport={"width": width, "height": 900})
    assert view.page.evaluate("document.documentElement.scrollWidth") <= width


def test_headings_tables_and_fields_have_names(opened: Any) -> None:
    page = opened(report()).page
    assert page.locator("h1").count() == 1
    assert page.locator("table").count() == page.locator("table > caption").count()
    unnamed = "[...document.querySelectorAll('input, select')].filter((field) => !field.labels.length).length"
    assert page.evaluate(unnamed) == 0
    for name in ("Findings by rule", "Findings", "Rules", "Files"):
        assert page.get_by_role("heading", name=name, exact=True).count() == 1


def test_a_clean_report_is_quiet(opened: Any) -> None:
    page = opened(clean()).page
    assert page.locator("h1").inner_text() == "Clean: 1 rule found nothing."
    assert page.locator("#findings, .bar, .next").count() == 0
    assert page.locator("svg.histogram").count() == 2

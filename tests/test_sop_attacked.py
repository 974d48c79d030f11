"""What an attacker found in `curator sop`: code in parts, warnings in asides, steps that sound like a site, struck text, pages of no use."""

from __future__ import annotations

import pytest

from curator.errors import SourceError
from curator.sop.convert import document_of
from curator.sop.document import Code, Step
from curator.sop.flatten import flatten
from tests.test_sop_pages import page

STEPS = "<li>Press STOP.</li><li>Lock the breaker.</li>"


def stopped(inner: str) -> str:
    return flatten(page(f"<main><h1>Stop the pump</h1><h2>Procedure</h2>{inner}<p>Fill in form B-3.</p></main>"))


@pytest.mark.parametrize(
    "code",
    [
        "cordon node-1<br>drain node-1",
        "<div>cordon node-1</div><div>drain node-1</div>",
        "<span style='display:block'>cordon node-1</span>\n<span style='display:block'>drain node-1</span>",
        "<div class=token-line>cordon node-1<br></div><div class=token-line>drain node-1<br></div>",
        "<code><span class=line>cordon node-1</span>\n<span class=line>drain node-1</span></code>",
    ],
)
def test_code_keeps_its_lines_however_they_are_set(code: str) -> None:
    document = page(f"<main><h1>Upgrade</h1><h2>Procedure</h2><ol><li>Cordon:<pre>{code}</pre></li>{STEPS}</ol></main>")
    step = document.sections[0].blocks[0]
    assert isinstance(step, Step)
    assert [child.text for child in step.children if isinstance(child, Code)] == ["cordon node-1\ndrain node-1"]


@pytest.mark.parametrize(
    "box",
    [
        "<aside aria-label=Danger class='starlight-aside starlight-aside--danger'><p class=starlight-aside__title>Danger</p><div class=starlight-aside__content><p>{0}</p></div></aside>",
        "<aside><p>Danger: {0}</p></aside>",
        "<div class=banner-warning><p>Danger: {0}</p></div>",
        "<div class=popup-warning><p>Danger: {0}</p></div>",
    ],
)
def test_a_labelled_warning_stays_whatever_its_box_is_called(box: str) -> None:
    told = box.format("The casing stays hot for two hours.")
    assert "Danger: The casing stays hot for two hours." in stopped(f"<ol>{STEPS}</ol>{told}")


@pytest.mark.parametrize("step", ["Print this page.", "Subscribe to the alarm channel.", "Leave a comment in the ticket.", "Next"])  # fmt: skip
def test_a_numbered_step_stays_though_it_sounds_like_a_site(step: str) -> None:
    assert f"1.2 {step}" in stopped(f"<ol><li>Press STOP.</li><li>{step}</li><li>Lock the breaker.</li></ol>")


def test_what_is_struck_through_is_no_order() -> None:
    struck = stopped("<ol><li><del>Close the valve first.</del> Press STOP.</li><li>Lock it.</li></ol>")
    assert "valve" not in struck and "1.1 Press STOP." in struck
    told = document_of(b"# Stop\n\n## Procedure\n\n1. ~~Close the valve first.~~ Press STOP.\n2. Lock it.\n", "a.md")
    assert "valve" not in flatten(told)


def test_a_list_beside_the_items_of_a_list_is_below_the_item_before() -> None:
    assert "1.1.2 Release it." in stopped("<ol><li>Press STOP.</li><ol><li>Hold it.</li><li>Release it.</li></ol><li>Lock it.</li></ol>")  # fmt: skip


@pytest.mark.parametrize(
    ("title", "cause"), [("Sign in to continue", "a login page"), ("Page not found", "a page that says there is none")]
)
def test_a_page_of_no_use_is_refused_though_it_has_a_list(title: str, cause: str) -> None:
    body = f"<h1>{title}</h1><ol><li>Enter your address.</li><li>Go back.</li></ol>"
    with pytest.raises(SourceError, match=cause):
        document_of(f"<html><head><title>{title}</title></head><body>{body}</body></html>".encode(), "page.html")


def test_steps_may_be_headings_alone() -> None:
    steps = "<h3>Step 1: Rinse the electrode</h3><p>Take it out.</p><h3>Step 2: Set the point</h3><p>Press CAL.</p>"
    assert "1.0 Step 1: Rinse the electrode:" in flatten(page(f"<main><h1>Calibrate the meter</h1>{steps}</main>"))


def test_the_name_of_a_blog_before_that_of_the_post_is_no_title() -> None:
    head = "<html><head><title>Plant Notes: Bottling line cleaning</title></head><body><div id=header><h1>Plant Notes</h1></div>"
    body = f"<div class=post><h3>Bottling line cleaning</h3><h4>Procedure</h4><ol>{STEPS}</ol></div></body></html>"
    document = document_of((head + body).encode(), "page.html")
    assert document.title == "Bottling line cleaning"
    assert "Plant Notes" not in flatten(document)


def test_a_widget_that_leads_nowhere_is_of_a_page_that_is_built_of_them() -> None:
    listed = f"<div class=widget-icon-list><ul>{STEPS}<li>Tag the valve.</li></ul></div>"
    told = flatten(page(f"<div><h1>Stop the pump</h1></div><div class=widget-heading><h2>Procedure</h2></div>{listed}"))
    assert "1.3 Tag the valve." in told

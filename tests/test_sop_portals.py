"""What portals of universities, hospitals and boroughs put around a procedure, and how their pages come out of a printer."""

from __future__ import annotations

import pytest

from tests.test_sop_found import PURPOSE, STEPS
from tests.test_sop_pages import page, texts
from tests.test_sop_sites import heads

TITLE = "<h1>Cleaning the pump</h1>"
TEXT = f"{PURPOSE}<h2>Procedure</h2>{STEPS}"


def test_a_heading_before_the_title_that_leads_elsewhere_is_the_sites() -> None:
    column = "<div class='c3'><h2><a href='/fs'>Facilities and Safety</a></h2></div>"
    document = page(f"<div>{column}<div class='c6'>{TITLE}{TEXT}</div></div>")
    assert document.title == "Cleaning the pump"
    assert heads(document)[-1] == "Procedure"
    assert "Facilities and Safety" not in heads(document)


def test_fields_beside_a_picture_at_the_head_of_a_policy_are_its_metadata() -> None:
    rows = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in (("Last Approved", "11/2025"), ("Next Review", "11/2027")))  # fmt: skip
    head = f"<table><tr><td rowspan=3><img alt='St. Alban'></td><td>Effective</td><td>12/2025</td></tr>{rows}</table>"
    document = page(f"<div>{head}{TITLE}{TEXT}</div>")
    assert document.metadata["effective_date"] == "12/2025"
    assert document.metadata["review_date"] == "11/2027"
    assert heads(document)[-1] == "Procedure"


def test_who_approved_a_policy_and_that_nothing_is_attached_are_no_sections_of_it() -> None:
    signed = "<h3>Approval Signatures</h3><table><tr><th>Step</th><th>Approver</th><th>Date</th></tr><tr><td>Owner</td><td>Dana K.</td><td>10/2025</td></tr></table>"
    document = page(f"<main>{TITLE}{TEXT}{signed}<h3>Attachments</h3><p>No Attachments</p></main>")
    assert heads(document)[-1] == "Procedure"
    assert {"signature", "boilerplate"} <= {dropped.reason for dropped in document.dropped}


def test_an_approval_that_is_told_in_sentences_is_a_section() -> None:
    document = page(f"<main>{TITLE}{TEXT}<h2>Approval</h2><p>The plant manager approves each change.</p></main>")
    assert heads(document)[-1] == "Approval"


def test_a_list_of_dates_and_changes_is_no_procedure() -> None:
    changes = "<ol><li><time>19 January 2026</time><p>Added the timetable.</p></li><li><time>4 June 2024</time><p>First published.</p></li></ol>"
    assert len(texts(page(f"<main>{TITLE}{TEXT}{changes}</main>"))) == len(texts(page(f"<main>{TITLE}{TEXT}</main>")))


@pytest.mark.parametrize(
    ("listed", "stays"),
    [
        ("<ul><li><span>Difficulty</span> <b>Moderate</b></li><li><span>Time Required</span> <b>40 minutes</b></li></ul>", 0),
        ("<ul><li>Take the key.</li><li>Open the valve.</li></ul>", 2),
    ],
)  # fmt: skip
def test_facts_about_a_page_below_its_title_are_no_steps(listed: str, stays: int) -> None:
    without = len(texts(page(f"<main>{TITLE}{TEXT}</main>")))
    assert len(texts(page(f"<main>{TITLE}{listed}{TEXT}</main>"))) == without + stays

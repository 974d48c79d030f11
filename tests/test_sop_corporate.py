"""Corporate sites, wikis of offices and stores of policies: a text set in parts, teasers, quotations, panels, fields of a head."""

from __future__ import annotations

import importlib

import pytest

from curator.sop.convert import document_of, read_document
from curator.sop.document import Document
from curator.sop.flatten import flatten
from tests.test_sop import quality
from tests.test_sop_found import PURPOSE, STEPS
from tests.test_sop_pages import page
from tests.test_sop_sites import heads

TITLE = "<h1>Cleaning the pump</h1>"
TEXT = f"{PURPOSE}<h2>Procedure</h2>{STEPS}"
FILM = "<h3>Our plants on film</h3><p>Three minutes on how our teams keep a pump clean.</p>"


def texts(document: Document) -> list[str]:
    """The lines of a document."""
    return [line for line in flatten(document).split("\n") if line]


WHOLE = texts(page(f"<main>{TITLE}{TEXT}</main>"))


def parts(*between: str) -> list[str]:
    """What is said where things of a site stand between the parts of a text."""
    halves = [f"<div class=rte>{half}</div>" for half in (PURPOSE, f"<h2>Procedure</h2>{STEPS}")]
    return texts(
        page(f"<div><div class=stage><p>Library</p>{TITLE}</div>{halves[0]}{''.join(between)}{halves[1]}</div>")
    )


def test_a_text_set_in_parts_comes_out_without_what_stands_beside_its_title() -> None:
    assert parts() == WHOLE


@pytest.mark.parametrize(
    ("box", "stays"),
    [
        (f"<div class=teaser>{FILM}<p><a href='/film'>Open the film</a></p></div>", False),
        (f"<div class=card><a href='/film'>{FILM}</a></div>", False),
        (f"<div class=box>{FILM}<p>Watch the pump until it stops.</p><a href='/film'>Open the film</a></div>", True),
        (f"<div class=box>{FILM}<p><a href='/f12.docx'>Open the sheet</a></p></div>", True),
        ("<div class=box><div class='alert alert-warning'><p>The pump starts without a sound.</p></div></div>", True),
        ("<figure><blockquote>Each of us can stop it.</blockquote><figcaption>Mara Sol, operator</figcaption></figure>", False),
        ("<figure><a href='/kit'>Welcome kit</a></figure>", False),
        ("<blockquote><p>The pump shall be cleaned daily.</p><footer>Rule 29, part 1910</footer></blockquote>", True),
        ("<blockquote><p>Never run the pump dry.</p><footer>Mara Sol, operator</footer></blockquote>", True),
    ],
)  # fmt: skip
def test_what_stands_between_the_parts_of_a_text(box: str, stays: bool) -> None:
    assert (len(parts(box)) > len(WHOLE)) is stays


def test_the_heading_of_a_panel_goes_with_what_stood_below_it() -> None:
    panel = "<div class=panel><h1>Applications</h1><div class=menu><ul><li><a href='/h'>Holiday planner</a></li></ul></div></div>"
    assert heads(page(f"<div><div class=text>{TITLE}{TEXT}</div>{panel}</div>"))[-1] == "Procedure"


def test_a_heading_beside_a_button_in_a_box_of_its_own_stays() -> None:
    head = "<div class=head><h2>Rinsing it</h2><button>Copy link</button></div>"
    assert "Rinsing it" in heads(page(f"<main>{TITLE}{TEXT}{head}<p>Rinse the pump with water.</p></main>"))


def test_a_heading_beside_a_link_that_has_its_text_in_the_headings_below_it_stays() -> None:
    head = "<div class=head><h{0}>{1}</h{0}><span class=editsection><a href='/e'>edit</a></span></div>"
    below = f"{head.format(2, 'Rinsing')}{head.format(3, 'By hand')}<p>Rinse the pump.</p>{head.format(2, 'Drying')}<p>Dry the pump.</p>"
    assert heads(page(f"<main>{TITLE}{TEXT}{below}</main>"))[-3:] == ["Rinsing", "By hand", "Drying"]


def test_names_and_values_right_below_the_title_are_fields_where_half_are_known() -> None:
    facts = "<dl><dt>Owner</dt><dd>Desk four</dd><dt>Last drill</dt><dd>February 2025</dd></dl>"
    document = page(f"<main>{TITLE}{facts}{TEXT}</main>")
    assert texts(document) == WHOLE
    assert document.metadata["owner"] == "Desk four"


def test_a_list_of_names_and_values_right_below_the_title_holds_fields_where_one_is_known() -> None:
    facts = ("Document code: OPS-447", "Lead: Dana Pugh, Estates", "Staff groups: All staff on all sites")
    listed = f"<ul>{''.join(f'<li>{fact}</li>' for fact in facts)}</ul>"
    assert texts(page(f"<main>{TITLE}{listed}{TEXT}</main>")) == WHOLE
    assert len(texts(page(f"<main>{TITLE}{listed.replace('Document code', 'Sealing')}{TEXT}</main>"))) > len(WHOLE)


def test_values_right_below_the_title_that_no_document_carries_are_its_text() -> None:
    said = "<p>Temperature: 37 °C</p><p>Pressure: 2 bar</p>"
    assert len(texts(page(f"<main>{TITLE}{said}{TEXT}</main>"))) == len(WHOLE) + 2


def test_a_section_that_repeats_a_field_lists_dates_or_says_that_there_is_nothing_is_none() -> None:
    head = "<table><tr><td>Owner</td><td>Dana: Manager</td></tr><tr><td>Applicability</td><td>All campuses</td></tr></table>"
    ends = "<h2>All Revision Dates</h2><p>03/2025, 03/2022</p><h2>Applicability</h2><p>All campuses</p><h2>Standards</h2><p>No standards are linked to it</p>"
    document = page(f"<div>{head}{TITLE}{TEXT}{ends}</div>")
    assert heads(document)[-1] == "Procedure"
    assert heads(page(f"<div>{TITLE}{TEXT}<h2>Applicability</h2><p>All campuses</p></div>"))[-1] == "Applicability"


def test_a_code_before_the_title_of_a_page_is_no_part_of_it() -> None:
    body = f"<div class=top><h1>Safe work</h1></div><main><h3>Cleaning the pump</h3>{TEXT}</main>"
    document = page(body, "<title>HIG-2: Cleaning the pump | School</title>")
    assert document.title == "Cleaning the pump"


# ---------------------------------------------------------------------- whole pages

files = importlib.import_module("shells.files")  # beside `quality`
PAGES = {"aem_corporate": "glucose-meter-control", "aem_plant": "archive-accession", "classic_sharepoint": "pool-water-test", "confluence_macros": "database-failover",
         "document_register": "suspicious-mail", "drupal_council": "pool-water-test", "gdocs_published": "allergen-handover", "hashed_comments": "archive-accession",
         "hospital_fr": "consignation-pompe", "mediawiki_timeless": "traction-battery-charging", "moodle_book_es": "recepcion-muestras", "notion_export": "allergen-handover",
         "policy_portal": "glucose-meter-control", "salesforce_knowledge": "suspicious-mail", "servicenow_portal": "traction-battery-charging",
         "sharepoint_saved_de": "eiswuerfelbereiter", "sitecore_hospital": "glucose-meter-control", "typo3_werk_de": "eiswuerfelbereiter", "vitepress_manual": "database-failover"}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), PAGES.items())
def test_no_line_of_a_text_is_lost_in_the_shell_of_a_site(name: str, text: str) -> None:
    path = quality.shells.HERE / "texts" / f"{text}.md"
    markdown = path.read_text(encoding="utf-8")
    reference, document = read_document(path), document_of(files.framed(name, markdown).encode(), "page.html")
    assert quality.shells.kept(reference, document) == (1, 1)
    assert files.lost(document, reference) == []
    assert document.title == quality.shells.title_and_body(markdown, titled=True)[0]

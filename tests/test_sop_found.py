"""What pages, files and documents edited by hand showed of `curator sop` when they were tried unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from curator.errors import SourceError
from curator.sop.document import Code, Para, from_json, to_json
from curator.sop.flatten import flatten
from curator.sop.pdf import of_page
from curator.sop.prompts import asked, asked_for_part, asked_for_section
from curator.sop.reading import Drops, Heading, Piece, Text
from curator.sop.verbs import is_order
from tests.conftest import Run
from tests.test_sop import all_steps, read
from tests.test_sop_pages import page, texts

STEPS = (
    "<ol><li>Open the lid of the pump.</li><li>Rinse the bowl of the pump.</li><li>Close the lid of the pump.</li></ol>"
)
PURPOSE = "<h2>Purpose</h2><p>The pump of the filling hall is rinsed after each batch.</p>"
BODY = f"<main><h1>Cleaning the pump</h1>{PURPOSE}<h2>Steps</h2>{STEPS}</main>"


# ---------------------------------------------------------------------- what a page has around its text


@pytest.mark.parametrize("sign", ["#", "¶", "§", "🔗"])
def test_a_link_of_a_heading_to_itself_is_no_word_of_it(sign: str) -> None:
    head = f"<h2 id=s><div class=x><a href='#s'>{sign}</a></div><div class=y>Steps</div></h2>"
    assert [s.heading for s in page(f"<main><h1>Cleaning the pump</h1>{head}{STEPS}</main>").sections] == ["Steps"]


def test_the_counts_of_steps_that_are_headings_and_the_names_of_languages_over_code_are_no_text() -> None:
    steps = "".join(
        f"<div class=f><div class=n>{n}</div><div><h3>{head}</h3><p>Press the button of the pump.</p><ol><li>Wait.</li></ol><div>shell</div><pre>pump --rinse {n}</pre></div></div>"
        for n, head in enumerate(("Open it", "Rinse it", "Close it"), 1)
    )
    document = page(f"<main><h1>Cleaning the pump</h1><h2>Procedure</h2>{steps}</main>")
    assert "\n1\n" not in flatten(document)
    assert [(b.lang, b.text) for s in document.sections for b in s.blocks if isinstance(b, Code)] == [("shell", f"pump --rinse {n}") for n in (1, 2, 3)]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        "(Redirected from Pumps)",
        "Version 7 · Edited by Ruth Adeyemi · 4 min read",
        "Was this clear?",
        "⚠️",
        "★ ★ ★",
    ],
)
def test_a_line_of_the_site_goes(line: str) -> None:
    document = page(BODY.replace("<h2>Steps", f"<p>{line}</p><h2>Steps"))
    assert line not in flatten(document)
    assert texts(document) == ["Open the lid of the pump.", "Rinse the bowl of the pump.", "Close the lid of the pump."]


def test_a_line_with_points_between_its_parts_that_is_content_stays() -> None:
    assert "Bowl · Lid · Seal" in flatten(page(BODY.replace("<h2>Steps", "<p>Bowl · Lid · Seal</p><h2>Steps")))


def test_what_readers_said_goes_where_only_its_count_heads_it() -> None:
    said = "<div class=a><div class=b>Discussion (2)</div><div class=c><div>Sven</div><div>The pump in bay 3 is rinsed too late!</div></div></div>"
    assert "bay 3" not in flatten(page(BODY.replace("</main>", f"{said}</main>")))


def test_a_button_by_its_role_says_nothing_of_the_text_but_the_head_of_an_accordion_does() -> None:
    assert "Save" not in flatten(page(BODY.replace("</main>", "<div role=button>Save</div></main>")))
    opened = "<div role=button aria-expanded=false aria-controls=x>Clean the seal</div><div id=x hidden><p>The seal of the pump is wiped.</p></div>"
    assert "The seal of the pump is wiped." in flatten(page(BODY.replace("</main>", f"{opened}</main>")))


FOOT = "<hr><font size=1><a href='#top'>Volver arriba</a> | <a href='i.htm'>Inicio</a><br>Optimizado para Netscape 4</font>"


def test_what_stands_below_the_last_rule_of_a_page_and_leads_home_is_its_foot() -> None:
    assert "Netscape" not in flatten(page(BODY.replace("</main>", f"{FOOT}</main>")))


def test_a_rule_inside_the_text_ends_nothing() -> None:
    document = page(BODY.replace("<h2>Steps", f"{FOOT}<h2>Steps"))
    assert texts(document)[-1] == "Close the lid of the pump."
    links = "<hr><p>The pump is described in <a href='a.htm'>the manual</a> and <a href='b.htm'>the drawing</a>.</p>"
    assert "the drawing" in flatten(page(BODY.replace("</main>", f"{links}</main>")))


def test_the_contents_that_a_word_processor_wrote_are_left_out() -> None:
    contents = "<p class=MsoToc1><a href='#_1'>1. Purpose<span style='display:none'>. </span>2</a></p><p class=MsoToc1><a href='#_2'>2. Steps. 2</a></p>"
    document = page(f"{contents}<h1>1. Purpose</h1><p>To clean the pump.</p><h1>2. Steps</h1>{STEPS}")
    assert [section.heading for section in document.sections] == ["Purpose", "Steps"]
    assert {dropped.reason for dropped in document.dropped} == {"toc"}


# ---------------------------------------------------------------------- titles


def test_the_title_stands_in_the_table_that_heads_an_office_document() -> None:
    table = "<table><tr><td rowspan=2>ACME Ltd</td><td colspan=2>Cleaning of the Bowl Pump</td></tr><tr><td>Document No.: SOP-17</td><td>Version: 3</td></tr></table>"
    document = page(f"{table}<h1>1. Purpose</h1><p>To clean.</p><h1>2. Steps</h1>{STEPS}", "<title>SOP-17</title>")
    assert document.title == "Cleaning of the Bowl Pump"


def test_a_label_in_that_table_names_the_title() -> None:
    table = "<table><tr><td>Title</td><td>Cleaning of the Pump</td></tr><tr><td>Version</td><td>3</td></tr><tr><td>Location</td><td>Hall two east</td></tr></table>"
    assert (
        page(f"{table}<h1>1. Purpose</h1><p>To clean.</p><h1>2. Steps</h1>{STEPS}", "").title == "Cleaning of the Pump"
    )


def test_the_name_of_the_space_before_the_title_is_the_sites() -> None:
    crumbs = "<div id=breadcrumb-section><ol id=breadcrumbs><li><a href=i>Operations</a></li></ol></div>"
    body = BODY.replace("<h1>", f"{crumbs}<h1>Operations : ")
    assert page(body, "<title>Operations : Cleaning the pump</title>").title == "Cleaning the pump"


def test_without_headings_the_only_bold_line_in_the_middle_is_the_title() -> None:
    rows = "".join(f"<font size=3><b>{n}. {head}</b></font><br>{text}<p>" for n, head, text in ((1, "Objetivo", "Determinar el cloro."), (2, "Procedimiento", "2.1 Llenar la cubeta.<br>2.2 Leer el valor.")))  # fmt: skip
    body = f"<table><tr><td><font size=5><b>Laboratorio</b></font></td></tr><tr><td><center><b>Cloro libre en agua</b></center><p>{rows}</td></tr></table>"
    assert page(body, "<title>Laboratorio - Procedimientos</title>", "es").title == "Cloro libre en agua"


# ---------------------------------------------------------------------- Markdown and text


def test_marks_of_contents_and_badges_are_no_text_of_markdown() -> None:
    text = "# Pump\n\n[[_TOC_]]\n\n[![Build](https://img.shields.io/x.svg)](https://x)\n\n## Steps\n\n1. Open it.\n2. Rinse it.\n"
    assert flatten(read(text, "x.md")) == "Title: Pump\n\n1.0 Steps:\n1.1 Open it.\n1.2 Rinse it."


def test_lettered_lines_below_an_item_are_steps_below_it_but_not_in_code() -> None:
    text = "# Pump\n\n## Steps\n\n1. Agree on who takes\n   a. the lid\n   b. the bowl\n2. Rinse it.\n\n```\n  x\n  a. one\n  b. two\n```\n"
    document = read(text, "x.md")
    assert [(step.number, step.text) for step in all_steps(document)] == [
        ("1.1", "Agree on who takes"), ("1.1.1", "the lid"), ("1.1.2", "the bowl"), ("1.2", "Rinse it."),
    ]  # fmt: skip
    assert "  a. one\n  b. two" in flatten(document)


def test_the_number_of_a_document_beside_a_page_number_is_no_heading() -> None:
    text = "Title: Pipettes\nSOP No.: LAB-9\n\nPURPOSE\n\nTo calibrate.\n\nPROCEDURE\n\n1. Weigh ten drops.\n\nLAB-9              Page 2 of 2\n\n2. Compare the mean.\n"
    document = read(text, "x.txt")
    assert [section.heading for section in document.sections] == ["PURPOSE", "PROCEDURE"]
    assert texts(document) == ["Weigh ten drops.", "Compare the mean."]


def test_bulleted_examples_are_lines_and_no_steps() -> None:
    document = read(
        "# Naming\n\n## Procedure\n\n1. Take the date.\n2. Add the batch.\n\n## Examples\n\n- 2024 A7\n- 2024 B1\n",
        "x.md",
    )
    assert flatten(document).endswith("2.0 Examples:\n2024 A7\n2024 B1")


# ---------------------------------------------------------------------- documents edited by hand


def document() -> dict[str, object]:
    return json.loads(to_json(read("# Pump\n\n## Steps\n\n1. Open it.\n2. Rinse it.\n", "x.md")))


def test_an_edited_document_may_begin_with_a_byte_order_mark_and_have_lost_its_id(run: Run, tmp_path: Path) -> None:
    edited = document() | {"doc_id": ""}
    (tmp_path / "x.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(edited).encode())
    done = run("sop", "x.json", "-o", "o.jsonl")
    assert done.status == 0, done.err
    assert json.loads((tmp_path / "o.jsonl").read_text())["group"]


def test_a_line_break_put_into_a_paragraph_is_a_space() -> None:
    edited = document()
    edited["sections"][0]["blocks"].append({"type": "para", "text": "One.\n\nTwo."})  # type: ignore[index]
    section = from_json(json.dumps(edited).encode()).sections[0]
    assert section.blocks[-1] == Para("One. Two.")


def test_a_key_nobody_knows_is_refused_at_its_place() -> None:
    edited = document()
    edited["sections"][0]["blocks"][0]["childs"] = []  # type: ignore[index]
    with pytest.raises(SourceError, match=r"unknown field `childs` - at `\$\.sections\[0\]\.blocks\[0\]`"):
        from_json(json.dumps(edited).encode())


def test_what_is_no_json_is_told_with_its_place_and_a_document_of_nothing_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "cut.json").write_text('{"schema": "curator.sop/1", "title": "Pu')
    (tmp_path / "empty.json").write_text(json.dumps(document() | {"sections": []}))
    done = run("sop", "cut.json", "empty.json", "-o", "o.jsonl")
    assert done.status == 2
    assert "no JSON: Unterminated string" in done.out + done.err
    assert "without a section that says something" in done.out + done.err


def test_a_document_that_a_slip_made_unreadable_is_told_in_a_folder_too(run: Run, tmp_path: Path) -> None:
    (folder := tmp_path / "docs").mkdir()
    (folder / "whole.json").write_text(json.dumps(document()))
    (folder / "cut.json").write_text('{"schema": "curator.sop/1", "title": "Pu')
    (folder / "settings.json").write_text('{"a": 1}')
    done = run("sop", "docs", "-o", "o.jsonl")
    assert done.status == 1
    assert "cut.json: no JSON: Unterminated string" in done.out + done.err
    assert "settings.json" not in done.out + done.err


# ---------------------------------------------------------------------- prompts, and what is printed


@pytest.mark.parametrize(
    ("title", "about"),
    [
        ("Rotate the API key", "on how to rotate the API key"),
        ("How to Temper Chocolate", "on how to temper Chocolate"),
        ("Clean Room Entry", "for Clean Room Entry"),
        ("Change Control", "for Change Control"),
        ("Approving time off", "for approving time off"),
        ("How to: Rotating the keys", "for rotating the keys"),
        ("How to rotate keys", "on how to rotate keys"),
        ("Rotate API keys", "titled “Rotate API keys”"),
        ("What to do when the pump leaks", "titled “What to do when the pump leaks”"),
        ("Water sampling", "for Water sampling"),
        ("Drain cleaner", "titled “Drain cleaner”"),
    ],
)
def test_a_title_that_is_an_order_is_asked_for_as_one(title: str, about: str) -> None:
    made = read(f"# {title}\n\n## Steps\n\n1. Open it.\n2. Rinse it.\n", "x.md")
    assert f"Write an SOP {about}." in [prompt for _, prompt in asked(made, 5)]
    asks = about.removeprefix("on how ").replace("titled", "called")
    assert f"What is the procedure {asks}?" in [prompt for _, prompt in asked(made, 5)]
    assert asked_for_part(made, 1, 2) == f"Write part 1 of 2 of an SOP {about}."
    assert asked_for_section(made, "Steps") == f"Create the Steps section of an SOP {about}."


def test_the_summary_says_what_the_checks_found(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(
        "# Pump\n\n## Scope\n\nAll pumps.\n\n## Procedure\n\n1. Open it.\n2. Rinse it.\n3. Close it.\n"
    )
    done = run("sop", "x.md", "-o", "o.jsonl")
    assert "\n  SOP001 no section for objective and responsibility\n" in done.out + done.err


def test_a_device_without_an_end_is_not_read_for_ever(run: Run, tmp_path: Path) -> None:
    done = run("sop", "/dev/zero", "-o", "o.jsonl")
    assert done.status == 2
    assert "larger than" in done.out + done.err


@pytest.mark.parametrize("step", ["Walk the field in a W.", "Sweep the floor.", "Knead the dough for ten minutes."])
def test_steps_of_fields_and_kitchens_are_orders(step: str) -> None:
    assert is_order(step)


# ---------------------------------------------------------------------- eight more, tried after the first were mended


def test_the_button_of_a_section_takes_no_section_with_it() -> None:
    sections = "".join(
        f"<section><div class=r><h3>{head}</h3></div><div class=r><p>{text}</p></div>{more}</section>"
        for head, text, more in (
            ("Bowl", "The bowl of the pump is rinsed.", ""), ("Lid", "The lid of the pump is wiped.", ""),
            ("Hall", "The hall is swept after the pump.", "<div class=site-button><a class=site-button__label href=/x>Order a pump</a></div>"),
        )
    )  # fmt: skip
    said = flatten(page(f"<main><h1>Cleaning the pump</h1>{PURPOSE}<h2>Steps</h2>{STEPS}{sections}</main>"))
    assert "The hall is swept after the pump." in said
    assert "Order a pump" not in said


def test_a_box_named_as_a_warning_in_one_word_is_one() -> None:
    box = "<div class='box warningmessage'><span class=icon>Warning</span><div>Never open two of them at one time.</div></div>"
    assert "Never open two of them at one time." in flatten(page(BODY.replace("</main>", f"{box}</main>")))


def test_the_table_that_heads_a_document_goes_when_its_title_is_taken() -> None:
    table = "<table><tr><td>Titre</td><td>Nettoyage de la pompe</td></tr><tr><td>Référence</td><td>PRO-21</td></tr><tr><td>Version</td><td>2</td></tr></table>"
    document = page(f"{table}<h1>1. Objet</h1><p>Nettoyer.</p><h1>2. Déroulement</h1>{STEPS}", "", "fr")
    assert document.title == "Nettoyage de la pompe"
    assert "PRO-21" not in flatten(document)


def test_of_a_page_that_a_browser_printed_what_the_site_has_around_the_text_goes() -> None:
    pieces: list[Piece] = [
        Text("Tidewater Support"), Text("• Home"), Heading("Applications", 2), Heading("Cleaning the pump", 1), Text("Modified on: Mon, 4 Mar, 2024 at 9:12 AM"),
        Heading("Procedure", 2), Text("1. Open the lid."), Text("2. Rinse the bowl."), Text("Did you find it helpful? Yes No"), Text("Articles in this folder"), Text("• Opening the pump"),
    ]  # fmt: skip
    kept, title = of_page(pieces, "Cleaning the pump : Tidewater Support", Drops())
    assert title == "Cleaning the pump"
    assert [p.text for p in kept if isinstance(p, Heading | Text)] == ["Cleaning the pump", "Procedure", "1. Open the lid.", "2. Rinse the bowl."]  # fmt: skip


def test_a_printed_page_whose_first_headings_are_of_the_text_keeps_them() -> None:
    pieces: list[Piece] = [Heading("Purpose", 1), Text("To clean."), Heading("The pump", 2), Text("1. Open the lid.")]
    assert of_page(pieces, "The pump", Drops())[0] == pieces


REFERRING = """# Pump

## Scope

All pumps.

## Procedure

1. Open it as step 3 says, see section 2.
2. Rinse it, and repeat step 1 of SOP-QA-012.
3. Close it. Go back to step 9.
"""


def test_a_reference_to_a_step_by_its_number_in_the_source_is_told_and_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(REFERRING)
    done = run("sop", "x.md", "-o", "o.jsonl")
    assert "SOP006 “step 3” of the source is 2.3 here: write 2.3 in the answer" in done.out + done.err
    assert (done.out + done.err).count("of the source is") == 1
    assert "as step 3 says" in (tmp_path / "o.jsonl").read_text()

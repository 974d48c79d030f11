"""What pages of site builders, help desks, generators of manuals and mail showed of `curator sop` when they were tried unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from curator.sop import run as sop_run
from curator.sop.convert import document_of
from curator.sop.document import Document, Para, Step, Table
from curator.sop.flatten import flatten
from curator.sop.printed import of_page
from curator.sop.reading import Drops, Heading, Piece, Text
from tests.conftest import Run
from tests.test_sop_found import BODY, PURPOSE, STEPS
from tests.test_sop_pages import page, texts


def heads(document: Document) -> list[str]:
    return [section.heading for section in document.sections]


# ---------------------------------------------------------------------- headings


def test_a_box_inside_a_heading_is_the_heading_whatever_its_words_are() -> None:
    said = ("Who this is for", "Key roles", "Drills and training")
    body = "".join(f"<h2><div class='x'><div class='y'>{head}</div></div></h2><p>The pump of the hall, {n}.</p>" for n, head in enumerate(said))  # fmt: skip
    assert heads(page(f"<main><h1>Cleaning the pump</h1>{body}{PURPOSE}{STEPS * 4}</main>"))[:3] == list(said)


def test_headings_each_in_a_box_of_its_own_are_the_texts() -> None:
    said = ("Who this is for", "Key roles", "Drills and training")
    parts = "".join(
        f"<div class='h'><h2>{head}</h2></div><div class='t'><p>The pump of the filling hall is rinsed by the crew of shift {n}.</p>{STEPS}</div>"
        for n, head in enumerate(said)
    )
    assert heads(page(f"<main><h1>Cleaning the pump</h1>{parts}</main>")) == list(said)


def test_widgets_that_a_page_is_built_of_are_no_menus() -> None:
    def widget(kind: str, inner: str) -> str:
        return f"<div class='elementor-element elementor-widget elementor-widget-{kind}'><div class='elementor-widget-container'>{inner}</div></div>"

    built = "".join(widget("heading", f"<h2>{head}</h2>") + widget("text-editor", STEPS) for head in ("Prepare", "Procedure", "Finish"))  # fmt: skip
    document = page(f"<div>{widget('heading', '<h1>Cleaning the pump</h1>')}{built}</div>")
    assert heads(document) == ["Prepare", "Procedure", "Finish"]
    assert len(texts(document)) == 9


def test_a_short_section_of_a_manual_stays_whatever_it_speaks_of() -> None:
    sections = "".join(
        f"<section id='s{n}'><h2>{head}</h2>{text}</section>"
        for n, (head, text) in enumerate(
            [
                ("Before", STEPS),
                ("Procedure", STEPS),
                ("If all fails", "<p>Collect logs and open a ticket with category network.</p>"),
            ]
        )
    )
    document = page(f"<main><section><h1>Cleaning the pump</h1>{PURPOSE}{STEPS}{sections}</section></main>")
    assert "If all fails" in heads(document)
    assert "Collect logs and open a ticket with category network." in flatten(document)


def test_bold_lines_over_lists_are_headings_below_the_styled_ones() -> None:
    body = f"<h2>Procedure</h2><p><strong>Preparing the chamber</strong></p>{STEPS}<p><strong>Loading</strong></p>{STEPS}<h2>Records</h2><p>The log of the pump.</p>"
    document = page(f"<main><h1>Cleaning the pump</h1>{PURPOSE}{body}</main>")
    assert heads(document) == ["Purpose", "Procedure", "Preparing the chamber", "Loading", "Records"]
    assert [section.level for section in document.sections] == [1, 1, 2, 2, 1]


def test_the_title_of_the_page_is_the_one_that_a_heading_of_the_page_begins_with() -> None:
    head = "<header><h1>Brightwell Support</h1></header><h2 class=heading>Reset the pump <a href='#'>Print this article</a></h2><p>Modified on: Wed, 4 Mar, 2026</p>"
    shown = f"<html><head><title>Reset the pump : Brightwell Labs</title></head><body>{head}<article>{PURPOSE}<h2>Steps</h2>{STEPS * 3}</article></body></html>"
    document = document_of(shown.encode(), "page.html")
    assert document.title == "Reset the pump"


def test_the_title_of_the_page_is_the_heading_in_its_head_without_the_code_and_the_site() -> None:
    trail = "<nav class=breadcrumb><ol><li>IND-04</li><li>Working safely</li></ol></nav>"
    head = f"<header id=page-header>{trail}<h1>Reset the pump</h1></header>"
    named = "<title>IND-04: Reset the pump | Castleford Training</title>"
    shown = f"<html><head>{named}</head><body>{head}<main>{PURPOSE}<h2>Steps</h2>{STEPS * 3}</main></body></html>"
    assert document_of(shown.encode(), "page.html").title == "Reset the pump"


def test_a_document_is_in_force_from_the_date_that_says_so() -> None:
    rows = (
        ("Origination", "04/2016"),
        ("Policy No.", "CO-118.04"),
        ("Last Approved", "10/2022"),
        ("Effective", "11/2022"),
    )
    cells = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in rows)
    document = page(f"<main><h1>Cleaning the pump</h1><table>{cells}</table>{PURPOSE}<h2>Steps</h2>{STEPS * 3}</main>")
    assert document.metadata == {"effective_date": "11/2022", "doc_number": "CO-118.04"}


def test_the_number_of_a_chapter_is_no_part_of_the_title() -> None:
    assert page(BODY.replace("<h1>", "<h1>Chapter 7. ")).title == "Cleaning the pump"


# ---------------------------------------------------------------------- warnings, and lines that are text


@pytest.mark.parametrize(
    "said",
    [
        "Do not try to fight a fire that is larger than a basket.",
        "Never share a code with anybody.",
        "Ne mélangez jamais acide et cyanures.",
    ],
)
@pytest.mark.parametrize("box", ["<figure class='callout'><div>⚠️</div><div><p>{}</p></div></figure>", "<div class='fancy'><p>{}</p></div>"])  # fmt: skip
def test_what_must_not_be_done_stays_whatever_else_the_text_speaks_of(box: str, said: str) -> None:
    long = STEPS * 6 + "<p>" + " ".join(f"word{n}" for n in range(80)) + "</p>"
    body = f"<main><h1>Cleaning the pump</h1>{PURPOSE}<h2>Steps</h2>{long}{box.format(said)}{STEPS}</main>"
    assert said in flatten(page(body))


@pytest.mark.parametrize(
    "box",
    [
        "<div class='warning'><h3 class='title'>Warning</h3><p>The lid is hot.</p></div>",
        "<div class='awsdocs-note awsdocs-warning'><div><h6>Warning</h6></div><div><p>The lid is hot.</p></div></div>",
        "<div class='WARNING'><p>Warning</p><p>The lid is hot.</p></div>",
    ],
)
def test_the_head_of_a_warning_is_no_section(box: str) -> None:
    document = page(BODY.replace(STEPS, STEPS + box + STEPS))
    assert heads(document) == ["Purpose", "Steps"]
    assert any(
        isinstance(block, Para) and block.note == "warning" and block.text == "Warning: The lid is hot."
        for block in document.sections[1].blocks
    )


def test_a_name_with_the_word_hint_in_it_makes_no_note_of_a_whole_text() -> None:
    document = page(f"<main><h1>Cleaning the pump</h1><div class='slds-hint-parent'>{PURPOSE}{STEPS}</div></main>")
    assert not any(isinstance(block, Para | Step) and block.note for section in document.sections for block in section.blocks)  # fmt: skip


def test_a_name_of_a_hint_alone_keeps_no_words_of_the_site() -> None:
    swipe = "<div class='hint text-center'>Swipe for the next task</div><div class='ion-note'>Build 7.4.1</div>"
    assert flatten(page(BODY.replace("</main>", f"{swipe}</main>"))) == flatten(page(BODY))


def test_a_sentence_in_a_part_without_a_name_is_a_paragraph() -> None:
    said = "This sheet replaces the earlier sheet without any interruption."
    document = page(f"<main><h1>Cleaning the pump</h1><div>{said}</div><div><br></div>{PURPOSE}<h2>Steps</h2>{STEPS * 3}</main>")  # fmt: skip
    assert said in flatten(document)


# ---------------------------------------------------------------------- tables


def test_a_table_for_readers_aids_has_its_rows_in_groups() -> None:
    rows = "".join(f"<div role=row><div role=cell>{a}</div><div role=cell><p>{b}</p></div></div>" for a, b in (("Lid", "Hot"), ("Bowl", "Wet")))  # fmt: skip
    table = f"<div role=table><div role=rowgroup><div role=row><div role=columnheader>Part</div><div role=columnheader>State</div></div></div><div role=rowgroup>{rows}</div></div>"
    found = [b for s in page(BODY.replace(STEPS, STEPS + table)).sections for b in s.blocks if isinstance(b, Table)]
    assert [(table.header, table.rows) for table in found] == [(["Part", "State"], [["Lid", "Hot"], ["Bowl", "Wet"]])]


def test_rows_of_short_texts_are_a_table_whatever_its_role_says() -> None:
    table = "<table role=presentation><tr><td><b>Part</b></td><td><b>State</b></td></tr><tr><td>Lid</td><td>5 minutes</td></tr></table>"
    found = [b for s in page(BODY.replace(STEPS, STEPS + table)).sections for b in s.blocks if isinstance(b, Table)]
    assert [(table.header, table.rows) for table in found] == [(["Part", "State"], [["Lid", "5 minutes"]])]


def test_a_table_with_an_empty_caption_is_read(run: Run, tmp_path: Path) -> None:
    table = "<table><caption></caption><tr><th>Part</th></tr><tr><td>Lid</td></tr></table>"
    assert "Lid" in flatten(page(BODY.replace(STEPS, STEPS + table)))


# ---------------------------------------------------------------------- what is around the text


@pytest.mark.parametrize(
    "part",
    [
        "<dl class='article-info'><dt>Details</dt><dd>Written by: Lucy Ferrer</dd><dd><time>Published 12 March 2026</time></dd></dl>",
        "<dl class='postprofile'><dt><a href='/u'>ironmike</a></dt><dd>Senior member of the board</dd><dd>Posts: 812</dd></dl>",
        "<div title='header'><p>Hollis Works Manual, section 12</p></div>",
        "<div class='form-element'><span class='form-element__label'>Article Number</span><div><span>000391207</span></div></div>",
        "<div class='text-sm'><span>Bettina Krause</span><span>·</span><span>Updated 12 Feb 2026</span></div>",
        "<div class='p-6'><div class='x'>Was this page useful?</div><div class='y'>Your answer goes to the owner of the page.</div></div>",
        "<div class='navheader'><table><tr><td><a href='a'>Prev</a></td><th>Part II. Daily work</th><td><a href='b'>Next</a></td></tr></table></div>",
    ],
)
def test_what_a_site_tells_of_a_page_is_no_text(part: str) -> None:
    document = page(BODY.replace("<main>", f"<main>{part}").replace("</h1>", f"</h1>{part}"))
    assert flatten(document) == flatten(page(BODY))


def test_what_is_left_outside_is_recorded_from_the_edge_of_the_page_inwards() -> None:
    inner = f"<section><p>First beside.</p><main><h1>Cleaning the pump</h1>{PURPOSE}{STEPS * 6}</main></section>"
    for _ in range(9):  # an order by where things lie in memory would differ
        document = page(f"<div><p>Far off.</p><div><p>Nearer.</p><div>{inner}</div></div></div>")
        outside = [dropped.text for dropped in document.dropped if dropped.reason == "outside-content"]
        assert outside == ["Far off.", "Nearer.", "First beside."]


def test_how_a_page_is_cited_is_no_text() -> None:
    cite = "<div class='cite'><h4>Cite this protocol</h4><p>Ottilie Brandt, Ken Abe 2026. Cleaning the pump.</p></div>"
    assert flatten(page(BODY.replace("</main>", f"{cite}</main>"))) == flatten(page(BODY))


def test_a_mail_has_a_head_and_a_greeting_that_are_no_text() -> None:
    head = "<div><p><b>From:</b> Tola Adeyemi<br><b>Sent:</b> Thursday, March 5, 2026<br><b>To:</b> All shift leads<br><b>Subject:</b> Cleaning the pump</p></div>"
    foot = "<p>Kind regards,</p><p><b>Tola Adeyemi</b></p><p>Head of Site Services</p><p>This mail is meant for its addressee alone.</p>"
    document = page(f"<div>{head}<h1>Cleaning the pump</h1>{PURPOSE}<h2>Steps</h2>{STEPS}{foot}</div>")
    assert flatten(document) == flatten(page(BODY))


# ---------------------------------------------------------------------- faults


def test_a_fault_in_one_file_is_told_and_the_others_go_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.html").write_text(BODY, encoding="utf-8")
    (tmp_path / "odd.html").write_text(BODY, encoding="utf-8")
    read = sop_run.read_document

    def faulty(path: Path) -> Document:
        if path.name == "odd.html":
            raise IndexError("string index out of range")
        return read(path)

    monkeypatch.setattr(sop_run, "read_document", faulty)
    done = run("sop", tmp_path / "odd.html", tmp_path / "good.html", "-o", tmp_path / "rows.jsonl")
    assert "odd.html: a fault in curator: IndexError: string index out of range" in done.out + done.err
    assert (tmp_path / "rows.jsonl").read_text(encoding="utf-8").count("\n") == 1


# ---------------------------------------------------------------------- office documents, printed pages and plain text


def test_lettered_paragraphs_below_a_step_are_steps_below_it() -> None:
    cell = (
        "<p>Take the filling needles off.</p><p>a) Loosen the nuts by hand.</p><p>b) Put the needles into the bath.</p>"
    )
    rows = f"<tr><td><b>Step</b></td><td><b>Action</b></td></tr><tr><td>1</td><td>Switch the pump off at the wall.</td></tr><tr><td>2</td><td>{cell}</td></tr>"
    document = page(BODY.replace(STEPS, f"<table>{rows}</table>"))
    step = [block for block in document.sections[1].blocks if isinstance(block, Step)][1]
    assert [(child.number, child.text) for child in step.children if isinstance(child, Step)] == [
        ("2.2.1", "Loosen the nuts by hand."),
        ("2.2.2", "Put the needles into the bath."),
    ]


def test_in_plain_text_a_numbered_line_in_capitals_is_a_heading_and_an_amount_begins_no_step() -> None:
    text = """QUILLON WORKS
                    Cleaning of the Filling Pump

1. PURPOSE
~~~~~~~~~~

 The pump of the filling hall is rinsed after each batch of the week.

2. PROCEDURE
~~~~~~~~~~~~

2.1 PREPARING THE PUMP

  1. Open the lid of the pump with the key and wait until its speed is below
     0.1 % of the speed that the sheet tells.
  2. Rinse the bowl.

2.2 CLOSING

  1. Close the lid of the pump.
  2. Sign the log of the pump.
"""
    document = document_of(text.encode(), "pump.txt")
    assert document.title == "Cleaning of the Filling Pump"
    assert [(s.heading, s.level) for s in document.sections] == [("PURPOSE", 1), ("PROCEDURE", 1), ("PREPARING THE PUMP", 2), ("CLOSING", 2)]  # fmt: skip
    assert texts(document) == [
        "Open the lid of the pump with the key and wait until its speed is below 0.1 % of the speed that the sheet tells.",
        "Rinse the bowl.",
        "Close the lid of the pump.",
        "Sign the log of the pump.",
    ]


# ---------------------------------------------------------------------- what is named on the command line


def test_a_file_named_twice_is_read_once(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pump.html").write_text(BODY, encoding="utf-8")
    run("sop", tmp_path / "pump.html", tmp_path / "pump.html", tmp_path, "-o", tmp_path / "rows.jsonl")
    assert (tmp_path / "rows.jsonl").read_text(encoding="utf-8").count("\n") == 1


def test_a_role_that_no_rule_knows_is_told_with_its_section(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pump.html").write_text(BODY, encoding="utf-8")
    run("sop", tmp_path / "pump.html", "-o", tmp_path / "rows.jsonl", "--json", tmp_path / "json")
    edited = tmp_path / "json" / "pump.json"
    edited.write_text(edited.read_text(encoding="utf-8").replace('"objective"', '"wizardry"'), encoding="utf-8")
    done = run("sop", edited, "-o", tmp_path / "again.jsonl")
    assert done.status == 2
    assert "no role 'wizardry' (section 's1')" in done.out + done.err
    assert "objective" in done.out + done.err


def test_a_link_to_another_text_inside_a_printed_page_ends_nothing() -> None:
    drops = Drops()
    pieces: list[Piece] = [
        Heading("Cleaning the pump", 1), Heading("Prepare it", 2), Text("1. Open the lid of the pump."), Text("You may also like"),
        Heading("Rinse it", 2), Text("1. Rinse the bowl of the pump."), Heading("Related articles", 2), Text("Of other pumps"),
    ]  # fmt: skip
    kept, title = of_page(pieces, "Cleaning the pump - Crew Notes", drops)
    assert title == "Cleaning the pump"
    assert [piece.text for piece in kept if isinstance(piece, Heading | Text)] == ["Cleaning the pump", "Prepare it", "1. Open the lid of the pump.", "Rinse it", "1. Rinse the bowl of the pump."]  # fmt: skip


@pytest.mark.parametrize("head", ["Ziel", "Was zu tun ist"])
def test_a_page_of_nested_tables_in_another_language_keeps_its_lists(head: str) -> None:
    said = ("Legen Sie Ringe und Uhr ab.", "Befeuchten Sie die Hände mit Wasser.", "Verteilen Sie die Seife gut.", "Spülen Sie die Seife wieder ab.", "Trocknen Sie die Hände gut ab.")  # fmt: skip
    items = "".join(f"<li><font size=2>{item}</font>" for item in said)
    menu = "".join(f"<tr><td><a href='/{n}'>{name}</a></td></tr>" for n, name in enumerate(("Waste pickup request", "Training calendar", "Contact our office")))  # fmt: skip
    inner = f"<table><tr><td><h1><font>Hände waschen</font></h1><p><font><b>{head}</b></font></p><p><font>Keime sollen nicht in die Speisen.</font></p><p><font><b>Wie es geht</b></font></p><ol>{items}</ol></td></tr></table>"
    shown = f"<table><tr><td><table>{menu}</table></td><td>{inner}</td></tr><tr><td colspan=2>Maintained by the web team of the office.</td></tr></table>"
    assert texts(document_of(f"<html><body>{shown}</body></html>".encode(), "page.html")) == list(said)


def test_the_caption_of_a_title_is_no_word_of_it() -> None:
    title = "<h1>Cleaning the pump <span class='x-caption-l'><span> – </span>Filling hall</span></h1>"
    assert page(f"<main>{title}{PURPOSE}{STEPS}</main>", "<title>Cleaning the pump – Filling hall – Works</title>").title == "Cleaning the pump"  # fmt: skip
    named = "<h1><span class=caption>Cleaning the pump daily</span> PU 7</h1>"
    assert "Cleaning the pump daily" in page(f"<main>{named}{PURPOSE}{STEPS}</main>", "").title


def test_contents_that_an_exporter_wrote_in_paragraphs_are_taken_out() -> None:
    def lines(to: str, more: str = "") -> str:
        return "".join(f"<p class=k><span><a href='{to}{n}'>{text}</a></span>{more}</p>" for n, text in enumerate(("What it is about", "How it is done")))  # fmt: skip

    whole = page(f"<h1>Cleaning the pump</h1>{PURPOSE}{STEPS}")
    for contents in (lines("#h."), lines("#h.", " 4")):
        assert flatten(page(f"<h1>Cleaning the pump</h1>{contents}{PURPOSE}{STEPS}")) == flatten(whole)
    for text in (lines("page?"), lines("#h.", " is told below"), lines("#h.").partition("</p>")[0]):
        assert "What it is about" in flatten(page(f"<h1>Cleaning the pump</h1><h2>Scope</h2>{text}{PURPOSE}{STEPS}"))

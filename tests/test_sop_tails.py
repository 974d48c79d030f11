"""What others' shells showed of `curator sop`: lists of links at the end, fields in parts, cells beside a text, lines that invite."""

from __future__ import annotations

import pytest

from curator.sop.convert import document_of
from curator.sop.document import Code, Step
from curator.sop.furniture import speaks_of_page
from curator.sop.metadata import names_document
from tests.test_sop_apart import MORE
from tests.test_sop_corporate import TITLE, texts
from tests.test_sop_found import PURPOSE, STEPS
from tests.test_sop_pages import page

CARE = "".join(
    f"<p>{line}</p>"
    for line in (
        *MORE,
        "A cracked seal, a loose hose clamp or a worn bearing is written into the hall book before anybody leaves.",
        "Spare gaskets hang behind the compressor, sorted by diameter, and are counted each quarter.",
    )
)
TEXT = f"{PURPOSE}{CARE}<h2>Procedure</h2>{STEPS}"
WHOLE = texts(page(f"<main>{TITLE}{TEXT}</main>"))


def beyond(before: str = "", after: str = "") -> list[str]:
    """The lines that a page has with something before and after its text, and has not without."""
    lines = texts(page(f"<main>{TITLE}{before}{TEXT}{after}</main>"))
    assert [line for line in lines if line in WHOLE] == WHOLE
    return [line for line in lines if line not in WHOLE]


def links(*said: str, to: str = "/page") -> str:
    return "<ul>" + "".join(f"<li><a href='{to}'>{text}</a></li>" for text in said) + "</ul>"


@pytest.mark.parametrize(
    "after",
    [
        f"<h2>See also</h2>{links('Opening hours and keys', 'Fees of the workshop')}",
        f"<h2>See also</h2>{links('Opening hours')}<h2>Enlaces externos</h2>{links('Federation of workshops')}",
        f"<h4>Attachments</h4>{links('poster_A3.pdf (1.2 MB)')}",
        f"<div><h3>Gossip from upstairs</h3></div>{links('Holiday pictures', 'Menu of the canteen')}",
        links("Log in to post comments", "Printer-friendly version"),
        "<h2>Nothing found? Ask <a href='/ask'>your own question</a>.</h2>",
    ],
)
def test_links_to_other_pages_below_the_last_line_are_the_sites(after: str) -> None:
    assert beyond(after=after) == []


@pytest.mark.parametrize(
    "after",
    [
        f"<h2>See also</h2>{links('SOP of the dosing pump', 'Wear list')}",
        f"<h2>See also</h2>{links('Wear of the seal', to='#wear')}",
        f"<h2>References</h2>{links('Opening hours and keys')}",
        "<h2>See also</h2><ul><li>The <a href='/wear'>wear list</a> of the pump.</li></ul>",
        f"<h2>Spares</h2><p>These are in the store:</p>{links('Opening hours and keys')}",
        f"<h2>Rinsing the pump</h2>{links('Open the pump', 'Rinse the bowl of the pump')}",
    ],
)
def test_documents_references_and_what_a_text_announces_stay(after: str) -> None:
    assert beyond(after=after) != []


def test_fields_in_parts_of_parts_are_no_text() -> None:
    rows = "".join(
        f"<div class='field field--label-inline'><div class='field__label'>{name}</div><div class='field__item'>{value}</div></div>"
        for name, value in (("Document number", "EHS-P-0217"), ("Owner", "Office of Safety"))
    )
    assert beyond(before=f"<div>{rows}</div>") == []
    assert beyond(before="<div><div><div>Owner</div><div>Dana Kim</div></div></div>") == []


CELLS = "<table><tr><td>{0}</td><td>{1}</td></tr></table>"
RAIL = "<table><tr><td><font><b>Safety first!</b><br>Our pump hall had {0} days without harm.<br>Rinse, drain, and log each pump: every idea is read.</font></td></tr></table>"


def test_a_cell_beside_the_cell_of_a_text_is_the_sites_but_for_a_table() -> None:
    body = CELLS.format(f"{TITLE}{TEXT}{STEPS}", "{0}")
    alone = texts(page(body.format("")))
    assert texts(page(body.format(RAIL.format(212)))) == alone
    rows = "<table><tr><td>Seal</td><td>Worn</td></tr><tr><td>Bowl</td><td>New</td></tr></table>"
    assert texts(page(body.format(rows))) != alone


@pytest.mark.parametrize(
    ("line", "goes"),
    [
        ("<p><em>Still stuck? Our pump crew answers within a day: <a href='/t'>open the ticket</a>.</em></p>", True),
        ("<p><em>I rinse my pump daily, and so does this page: <a href='/t'>read on</a>.</em></p>", True),
        ("<p><em>Warning: our pump may start: <a href='/t'>ask the crew</a>. Is it off?</em></p>", False),
        ("<p>Our pump is rinsed by the crew after each batch.</p>", False),
    ],
)
def test_a_last_line_with_three_marks_of_a_site_goes_whatever_its_words_are(line: str, goes: bool) -> None:
    assert (beyond(after=line) == []) is goes


@pytest.mark.parametrize(
    ("line", "goes"),
    [
        ("<p class='badge'>Fiche pratique</p><p class='small'>Vérifié le 12 avril 2023 - Direction des services</p>", True),
        ("<p class='badge'>Pump hall</p>", False),
        ("<p>Tuesday crew</p>", False),
        ("<p class='badge'>Caution hot</p>", False),
    ],
)  # fmt: skip
def test_a_badge_below_the_title_goes_where_it_alone_is_named_so(line: str, goes: bool) -> None:
    assert (beyond(before=line) == []) is goes


def test_the_name_of_a_language_over_code_below_a_step_is_its_language() -> None:
    code = "<div class='head'><span>Azure CLI</span></div><pre><code class='lang-azurecli'>az login</code></pre>"
    document = page(f"<main>{TITLE}{TEXT}<ol start='4'><li>Log in to the host:{code}</li></ol></main>")
    step = [block for section in document.sections for block in section.blocks if isinstance(block, Step)][-1]
    assert [type(child) for child in step.children] == [Code]


def test_the_body_of_a_warning_stays_whatever_it_speaks_of() -> None:
    box = "<div class='message-warning macro-warning'><p class='title'>Advertencia</p><div class='message-body'><p>No pulverizar nunca agua.</p></div></div>"
    assert beyond(after=f"{box}<p>The pump is rinsed by the crew.</p>")[0] == "Advertencia: No pulverizar nunca agua."


def test_a_heading_below_the_title_with_a_text_in_bare_parts_stays() -> None:
    parts = "".join(f"<h2>{head}</h2><div class='rich'><span>{said}</span></div>" for head, said in (("When to run this", "The alarm sounds on Tuesdays."), ("Escalation", "Call somebody from upstairs.")))  # fmt: skip
    document = page(f"<main>{TITLE}{parts}<h2>Procedure</h2>{STEPS}</main>")
    assert texts(document)[1:3] == [
        "1.0 When to run this: The alarm sounds on Tuesdays.",
        "2.0 Escalation: Call somebody from upstairs.",
    ]


def test_logging_in_names_no_document() -> None:
    assert not names_document("Log in to post comments")
    assert names_document("Pump log")
    assert speaks_of_page("Let me know in the comments") and not speaks_of_page("Leave the site by the gate")


@pytest.mark.parametrize(
    "before",
    [
        "<div><a href='#end'>Go to the end of the facts</a></div>",
        "<table><tr><td>Wing</td><td>Central</td></tr><tr><td>Seen</td><td>318 times</td></tr><tr><td>Told by</td><td>R. Ahlers</td></tr></table>",
        "<div class='strip'><p>We are hiring guild members.</p></div>",
    ],
)
def test_jumps_facts_and_notices_below_the_title_are_the_sites(before: str) -> None:
    assert beyond(before=before) == []


@pytest.mark.parametrize(
    "before",
    [
        "<table><tr><td>Purpose</td><td>Central wing</td></tr><tr><td>Seen</td><td>weekly</td></tr></table>",
        "<table><tr><td>Pump</td><td>Seal, bowl and lid</td></tr><tr><td>Crew</td><td>Filling hall</td></tr></table>",
        "<div class='strip'><p>Wear gloves in spring.</p></div>",
    ],
)
def test_what_a_procedure_needs_below_its_title_stays(before: str) -> None:
    assert beyond(before=before) != []


@pytest.mark.parametrize(
    "after",
    [
        "<p><img src='x.jpg' alt=''><br><i>Western wing around harvest</i></p>",
        "<p align=center><small>Klinikum Nordheim, Redaktion Presse</small></p>",
        "<p><strong>Hear our gossip by mail every Thursday. <a href='/m'>Sign up</a></strong></p>",
        "<table><tr><td><a class='mcnButton' href='/all'>Browse all bulletins</a></td></tr></table>",
        "<table><tr><th>Wood</th><td><a href='/a'>Band saw</a> · <a href='/b'>Planer</a></td></tr></table>",
        "<p>Cette page vous a-t-elle été utile ?</p>",
        "<div class='l'><div>Gossip</div><ul><li><a href='/x'>Holiday pictures</a></li></ul></div>",
    ],
)
def test_captions_small_print_buttons_and_tables_of_links_are_the_sites(after: str) -> None:
    assert beyond(after=after) == []


@pytest.mark.parametrize(
    "after",
    [
        "<p><img src='x.jpg' alt=''><br><i>The seal of the pump in the bowl</i></p>",
        "<p><strong>Report worn seals of the pump to the crew of the hall.</strong></p>",
        "<table><tr><th>Form</th><td><a href='/a'>Record of the seals</a></td></tr></table>",
    ],
)
def test_captions_of_the_text_orders_and_tables_of_documents_stay(after: str) -> None:
    assert beyond(after=after) != []


def test_a_heading_over_cards_that_went_goes_with_them() -> None:
    cards = "".join(f"<div class='card'><h3><a href='/{n}'>{head}</a></h3><p>{said}</p></div>" for n, (head, said) in enumerate((("Lost keys", "Whom somebody may tell."), ("Gossip", "What others heard upstairs."))))  # fmt: skip
    assert beyond(after=f"<div><div><h2>Explore further</h2>{cards}</div></div>") == []
    assert beyond(after="<h2>Explore</h2><h3>Bowl</h3><p>Rinse the bowl of the pump.</p>") != []


def test_a_number_alone_is_a_count_of_the_site_but_not_among_others() -> None:
    votes = "<div class='v'><div>42</div></div>"
    assert beyond(before=votes) == []
    counted = "".join(f"<div>{n}</div><p>Rinse the bowl with {n} l of water.</p>" for n in (1, 2, 3))
    assert sum("Rinse the bowl with" in line for line in beyond(after=counted)) == 3


@pytest.mark.parametrize(
    ("box", "goes"),
    [
        ("<div class='note'><p>Note</p><p>Access to this page requires permission. Try changing folders.</p></div>", True),
        ("<div class='alert alert-info'><p>Note</p><p>This page of the hall book is for the crew of the pump.</p></div>", False),
        ("<p>Page maintained by Earl Jessup. Last updated 11/02/99.</p>", True),
    ],
)  # fmt: skip
def test_what_speaks_of_the_page_goes_where_the_text_does_not_know_it(box: str, goes: bool) -> None:
    assert (beyond(after=f"{box}<p>The pump is rinsed by the crew.</p>")[1:] == []) is goes


def test_words_on_a_reference_after_the_text_and_the_list_of_pages_below_it_are_the_sites() -> None:
    box = "<p class=admonition-title>See also</p><p>{}</p>"
    other = "<a href='b.html'>The compressor house</a> and <a href='c.html'>Lamps of the yard</a>, at the back."
    tree = "<div class='toctree-wrapper compound'><p class=caption role=heading><span>More of it</span></p><ul><li><a href='d.html'>Daily procedures</a></li><li><a href='e.html'>Lamps</a></li></ul></div>"
    assert beyond(after=f"<div class='admonition seealso'>{box.format(other)}</div>{tree}") == []
    form = "<a href='f.html'>Form QA-017</a>, which is kept for a year."
    assert len(beyond(after=f"<div class='admonition seealso'>{box.format(form)}</div>")) == 2
    warned = f"Never open the lid under pressure: {other}"
    assert len(beyond(after=f"<div class='admonition seealso'>{box.format(warned)}</div>")) == 2


@pytest.mark.parametrize(
    "line",
    [
        "Thank you for reading, and <a href='/tip'>tip the writer</a>. Another one is due in May.",
        "<em>If you enjoyed my tutorial, follow me here.</em>",
        "Merci pour votre lecture !",
        "Vielen Dank fürs Lesen. Bis bald!",
        "Questions? Drop us a line at pumps@hall.example or ask the porter.",
        "Noch Fragen? Schreiben Sie an halle@pumpe.example.",
    ],
)
def test_a_last_line_by_which_an_author_takes_leave_is_none_of_the_text(line: str) -> None:
    assert beyond(after=f"<p>{line}</p>") == []


@pytest.mark.parametrize(
    "after",
    [
        "<p>Any questions about a hot lid? Call the foreman.</p>",
        "<p>Any questions? Call the foreman before you open the lid.</p>",
        "<p>Thank you for reading. Never open the lid under pressure.</p>",
        "<p>Thank you for reading. Close the lid of the pump.</p>",
        "<h2>Contact</h2><p>Questions? Call the foreman of the filling hall.</p>",
    ],
)
def test_a_last_line_that_tells_more_than_that_stays(after: str) -> None:
    assert beyond(after=after)


def test_notes_of_an_editor_go_where_they_hold_no_step_and_no_warning() -> None:
    assert beyond(after="<h2>Note de la rédaction</h2>") == []
    assert beyond(after="<h2>Editor's note</h2><p>The pump had another name in the first edition.</p>") == []
    assert len(beyond(after="<h2>Editor's note</h2><p>Never rinse the pump while it runs.</p>")) == 1


MENU = "".join(f"<tr><td class=n><a href='/{n}'>{said}</a></td></tr>" for n, said in enumerate(("Bulletins", "Parts lists", "Jobs")))  # fmt: skip


def test_a_table_of_links_in_the_cell_beside_a_text_is_a_menu() -> None:
    body = f"<table><tr><td><table>{MENU}<tr><td>You are visitor number 18,274</td></tr></table></td><td>{TITLE}{TEXT}{STEPS}</td></tr></table>"
    assert not {"Bulletins", "Parts lists", "Jobs"} & set(texts(page(body)))


def test_links_that_a_site_announces_as_what_comes_next_are_its_own() -> None:
    assert beyond(after=f"<h4>What's Next</h4><p>Wire up your alerts:</p>{links('Sending alerts to chat')}") == []
    assert len(beyond(after=f"<h4>Records to keep</h4><p>File these forms:</p>{links('Form of the pump')}")) == 3


def test_an_invitation_to_comment_goes_also_before_a_line_of_facts_about_the_page() -> None:
    invited = "<p>Comments about this web page? Contact the editor on ext 4417.</p>"
    told = "<p>Version 4.2 | Author: Hall crew | Review date: 31 May 2016</p>"
    assert beyond(after=invited + told) == beyond(after=told)


def test_the_number_of_a_printed_page_and_the_head_of_a_form_are_no_rows() -> None:
    form = "<table><tr><th colspan=2><a href='/form'>HallForm</a> <span>edit</span></th></tr><tr><td>Bowl</td><td>New</td></tr></table>"
    numbered = "<table><tr><td>Seal</td><td>Worn</td></tr><tr><td>Page 1 of 6</td><td>Clean</td></tr></table>"
    said = " ".join(beyond(after=form + numbered))
    assert "Seal" in said and "Bowl" in said
    assert "HallForm" not in said and "Page 1" not in said


def test_a_numbered_caption_in_a_box_of_its_own_is_of_the_text_whatever_it_speaks_of() -> None:
    box = "<div class=bild><a href='/x.png'><img src='/x.png' alt=''></a><p class=bildunterschrift>Figure 1: Quince jelly, as grandmother cooked it.</p></div>"
    assert "Figure 1: Quince jelly, as grandmother cooked it." in beyond(after=f"{STEPS}{box}<h2>Close</h2>{STEPS}")


def test_a_rubric_that_leads_home_is_no_title() -> None:
    head = "<title>Hall procedures - Rinse the pump</title>"
    body = f"<div><h1><a href='/hall'>Hall procedures</a></h1><h2>Rinse the pump</h2></div><main>{TEXT}</main>"
    document = document_of(f"<html><head>{head}</head><body>{body}</body></html>".encode(), "page.html")
    assert document.title == "Rinse the pump"
    assert "Hall procedures" not in texts(document)


def test_a_label_that_is_named_hidden_is_seen_by_no_reader() -> None:
    assert beyond(before="<p><label class='ms-hidden'>Quick launch</label></p>") == []
    assert beyond(before="<p><span class='hidden md:inline'>The pump has two lids.</span></p>") != []
    assert beyond(before="<p><span class='overflow-hidden'>The pump has two lids.</span></p>") != []


def test_an_admonition_of_asciidoctor_is_a_note_with_its_kind() -> None:
    sign = "<td class=icon><i class='fa icon-warning' title=Warning></i></td>"
    box = f"<div class='admonitionblock warning'><table><tr>{sign}<td class=content><p>The lid of the pump is hot.</p></td></tr></table></div>"
    document = page(f"<main>{TITLE}{TEXT}{box}</main>")
    notes = [
        block.note
        for section in document.sections
        for block in section.blocks
        if "lid of the pump is hot" in str(block)
    ]
    assert notes == ["warning"]
    assert "The lid of the pump is hot." in texts(document)


def test_what_stands_before_the_first_heading_opens_the_text_whatever_its_box_is_called() -> None:
    said = (
        "For halls of up to 500 guests on the balcony. Anything larger is a case for the brigade and its alarm button."
    )
    for box in (f"<div id=preamble><p>{said}</p></div>", f"<div style='text-align: justify'>{said}</div>"):
        assert said in texts(
            page(f"<main>{TITLE}<div class=post-body>{box}<h2>Procedure</h2>{CARE}{STEPS}</div></main>")
        )


@pytest.mark.parametrize(
    ("title", "before"),
    [
        ("Rinse the pump - Halls - Works", "<h1>Halls and pools</h1>"),
        ("Hall notes: Rinse the pump", "<h2><span>mardi 14 mai 2019</span></h2>"),
        ("Hall notes", "<h1 class=tc-site-title>Hall notes</h1>"),
    ],
)
def test_the_title_is_neither_a_part_of_the_site_nor_a_date(title: str, before: str) -> None:
    head = "<h1>Rinse the pump</h1>" if "Halls" in title else "<h3 class=entry-title>Rinse the pump</h3>"
    shown = f"<html><head><title>{title}</title></head><body>{before}<div>{head}{TEXT}</div></body></html>"
    document = document_of(shown.encode(), "page.html")
    assert document.title == "Rinse the pump"
    assert not {"Halls and pools", "mardi 14 mai 2019"} & set(texts(document))

"""Pages as sites really write them: what of them is the procedure and what is the site's, and the form their steps have."""

from __future__ import annotations

import pytest

from curator.sop.document import Document
from curator.sop.flatten import flatten
from tests.test_sop import all_steps, read

SENTENCES = "The pump of the filling hall is cleaned after each batch, before each change of product and at the end of the week."


def page(body: str, head: str = "<title>Cleaning the pump</title>", lang: str = "en") -> Document:
    return read(f"<html lang='{lang}'><head>{head}</head><body>{body}</body></html>", "x.html")


def texts(document: Document) -> list[str]:
    return [step.text for step in all_steps(document)]


def test_a_paragraph_is_bold_line_by_line() -> None:
    document = page(
        "<center><font size=5><b>Cleaning the pump</b></font></center>"
        "<p><b>1.0 PURPOSE</b><br>To keep the pump clean.<p><b>2.0 PROCEDURE</b><br>2.1 Open the lid.<br>2.2 Rinse the bowl.<br>2.3 Close the lid."
    )
    assert [section.heading for section in document.sections] == ["PURPOSE", "PROCEDURE"]
    assert texts(document) == ["Open the lid.", "Rinse the bowl.", "Close the lid."]


def test_numbers_that_word_saved_in_parts_of_their_own_number_their_paragraphs() -> None:
    def item(number: str, text: str) -> str:
        return f"<p class=MsoListParagraph style='mso-list:l0 level2 lfo1'><![if !supportLists]><span><span style='mso-list:Ignore'>{number}<span>&nbsp;&nbsp; </span></span></span><![endif]>{text}<o:p></o:p></p>"

    steps = item("1.1", "Open the lid.") + item("1.1.1", "Mind the seal.") + item("1.2", "Rinse the bowl.")
    document = page(f"<h1>1.0 Procedure</h1>{steps}<h1>2.0 Records</h1><p>Note the time.</p>")
    assert [(step.number, step.text) for step in all_steps(document)] == [("1.1", "Open the lid."), ("1.1.1", "Mind the seal."), ("1.2", "Rinse the bowl.")]  # fmt: skip


def test_the_number_of_an_item_in_a_part_of_its_own_is_no_text_of_it() -> None:
    items = "".join(
        f"<li><div class='picture'><img alt='Step {n}'></div><div class='step_num'>{n}</div><div class='step'><b>{text}</b> Take care.</div></li>"
        for n, text in enumerate(("Open the lid.", "Rinse the bowl.", "Close the lid."), 1)
    )
    document = page(f"<h1>Cleaning the pump</h1><h2>Steps</h2><ol>{items}</ol>")
    assert texts(document) == ["Open the lid. Take care.", "Rinse the bowl. Take care.", "Close the lid. Take care."]


@pytest.mark.parametrize(
    "box",
    [
        "<div class='expand-container'><div class='expand-content expand-hidden'><ol><li>Seriennummer des Laptops prüfen.</li><li>Festplatte mit dem Werkzeug löschen.</li></ol></div></div>",
        "<div class='x7'><ol><li>Seriennummer des Laptops prüfen.</li><li>Festplatte mit dem Werkzeug löschen.</li></ol></div>",
    ],
)
def test_a_numbered_list_in_a_box_is_content_in_any_language(box: str) -> None:
    words = "Konten werden am letzten Arbeitstag gesperrt, Zugänge eingezogen und Postfächer archiviert. " * 3
    document = page(f"<main><h1>Austritt</h1><h2>Zweck</h2><p>{words}</p><h2>Ablauf</h2><ol><li>Konto sperren.</li><li>Karte einziehen.</li></ol>{box}<h2>Nachweise</h2><p>{words}</p></main>", "<title>Austritt</title>", "de")  # fmt: skip
    assert texts(document) == ["Konto sperren.", "Karte einziehen.", "Seriennummer des Laptops prüfen.", "Festplatte mit dem Werkzeug löschen."]  # fmt: skip


def test_tabs_inside_a_step_are_kept_and_their_names_are_no_steps() -> None:
    tabs = "<div><ul role='tablist'><li role='tab'>Shell</li><li role='tab'>Console</li></ul><div role='tabpanel'><pre>drain 7</pre></div><div role='tabpanel' hidden><p>Press Drain.</p></div></div>"
    document = page(
        f"<main><h1>Drain a node</h1><h2>Procedure</h2><ol><li><p>Drain the node:</p>{tabs}</li><li><p>Power it off.</p></li></ol><p>{SENTENCES}</p></main>"
    )
    assert texts(document) == ["Drain the node:", "Power it off."]
    assert "drain 7" in flatten(document) and "Press Drain." in flatten(document) and "Console" not in flatten(document)


def test_the_name_of_the_site_as_a_heading_is_not_the_title() -> None:
    document = page(
        f"<div id='header'><h1 class='logo'><a href='/'>Biolab Wiki</a></h1></div><div id='content'><h1>Autoclave use</h1><p>{SENTENCES}</p><h2>Loading</h2><ol><li>Check the water.</li><li>Load the basket.</li><li>Close the lid.</li></ol></div>",
        "<title>lab:autoclave [Biolab Wiki]</title>",
    )
    assert document.title == "Autoclave use"
    assert [(section.level, section.heading) for section in document.sections if section.heading] == [(1, "Loading")]


def test_marks_of_footnotes_are_no_words_of_a_step() -> None:
    document = page("<h1>Pump</h1><h2>Steps</h2><ol><li>Open the lid.<sup class='reference'><a href='#n'>[2]</a></sup></li><li>Raise it to 10<sup>5</sup> Pa.</li><li>Close it.</li></ol>")  # fmt: skip
    assert texts(document) == ["Open the lid.", "Raise it to 105 Pa.", "Close it."]


@pytest.mark.parametrize(
    "box",
    [
        "<div class='summary-block'><div class='heading'>You may also enjoy</div><div><a href='/x'>Sourdough for beginners</a></div></div>",
        "<div class='quickLinksWebPart'><div role='heading' aria-level='2'>Vínculos rápidos</div><ul><li><a href='/m'>Menú de la cafetería</a></li></ul></div>",
        "<div class='newsWebPart'><div role='heading' aria-level='2'>Noticias</div><div><a href='/f'>Fiesta de verano</a></div></div>",
        "<div class='dates'><h2>Updates to this page</h2><p>Published 3 April 2020<br>Last updated 9 June 2023</p></div>",
    ],
)
def test_what_a_site_adds_below_a_text_is_left_out(box: str) -> None:
    document = page(f"<main><h1>Cleaning the pump</h1><div class='text'><p>{SENTENCES}</p><h2>Procedure</h2><ol><li>Open the lid of the pump.</li><li>Rinse the bowl of the pump.</li><li>Close the lid.</li></ol></div>{box}</main>")  # fmt: skip
    assert [section.heading for section in document.sections if section.heading] == ["Procedure"]
    assert len(texts(document)) == 3


def test_what_no_reader_sees_does_not_make_a_procedure_look_lost() -> None:
    hidden = "<template><p>evil template words here</p></template><noscript><p>evil noscript please enable scripts</p></noscript><iframe>evil frame</iframe><textarea>evil area</textarea><p hidden>evil hidden words here</p>"
    document = page(f"<h1>Valve check</h1>{hidden}<h2>Procedure</h2><ol><li>Open the valve.</li><li>Close the valve.</li><li>Log it.</li></ol>{hidden}")  # fmt: skip
    assert texts(document) == ["Open the valve.", "Close the valve.", "Log it."] and "evil" not in flatten(document)


def test_a_short_warning_between_paragraphs_stays_whatever_its_words_are() -> None:
    document = page(f"<main><h1>Report a burst main</h1><div><h2>Scope</h2><p>{SENTENCES}</p><div class='help-notice'><p>Ring 999 first when somebody is in danger.</p></div><h2>Procedure</h2><ol><li>Ask for the street.</li><li>Record the time.</li><li>Call the crew.</li></ol><h2>Contact</h2><div class='contact'><div class='content'><p>Northern control room</p><p>Telephone: 01632 960 001</p></div></div></div></main>")  # fmt: skip
    assert "Ring 999 first" in flatten(document) and "01632 960 001" in flatten(document)


def test_the_bullet_of_an_item_in_a_part_of_its_own_is_no_text_of_it() -> None:
    document = page("<h1>Pump</h1><h2>Steps</h2><ul><li><div>•</div><div><p>Open the lid.</p></div></li><li><div>•</div><div><p>Close the lid.</p></div></li></ul>")  # fmt: skip
    assert texts(document) == ["Open the lid.", "Close the lid."]


def test_a_heading_that_is_named_as_its_own_anchor_stays() -> None:
    document = page("<h1>Pump</h1><h2 class='heading-anchor'>Prerequisites</h2><ul><li>A spare seal</li></ul><h2>Steps<a class='heading-anchor' href='#s'>#</a></h2><ol><li>Open it.</li><li>Close it.</li></ol>")  # fmt: skip
    assert [section.heading for section in document.sections] == ["Prerequisites", "Steps"]


def test_comments_and_bylines_of_other_languages_are_left_out() -> None:
    panels = "".join(f"<div class='panel'><div class='head'><h3>{head}</h3></div><div class='body'>{body}</div></div>" for head, body in (("Werkwijze", "<ol><li>Zet de fiets in de standaard.</li><li>Maak de ketting schoon.</li><li>Veeg de olie weg.</li></ol>"), ("Reacties (2)", "<p>Ik gebruik altijd slaolie, werkt prima!</p>")))  # fmt: skip
    document = page(f"<main><h1>Ketting smeren</h1><p class='muted'>Geplaatst door Kees op 3 mei 2020</p><p>Smeer elke fiets.</p>{panels}</main>", lang="nl")  # fmt: skip
    assert "slaolie" not in flatten(document) and "Kees" not in flatten(document) and len(texts(document)) == 3

"""Documents of offices: Word's styles, a text set in a table, plain text with a letterhead, Markdown of site generators."""

from __future__ import annotations

import pytest

from curator.sop.convert import document_of
from curator.sop.document import Document
from curator.sop.flatten import flatten
from tests.test_sop import all_steps, docx, read, word_paragraph
from tests.test_sop_hard import SPACE, relations, row
from tests.test_sop_pages import page, texts


def styled(text: str, style: str) -> str:
    return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'


def word(body: str, styles: str = "") -> Document:
    part = f"<w:styles {SPACE}>{styles}</w:styles>".encode()
    return document_of(docx(body, {"word/_rels/document.xml.rels": relations("styles", "styles.xml"), "word/styles.xml": part}), "x.docx")  # fmt: skip


def style(key: str, name: str, more: str = "") -> str:
    return f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/>{more}</w:style>'


def heads(document: Document) -> list[tuple[int, str]]:
    return [(section.level, section.heading) for section in document.sections if section.heading]


def test_a_style_is_a_heading_by_what_it_is_based_on_or_by_its_outline() -> None:
    styles = (
        style("h1", "heading 1") + style("T1", "Titre maison", '<w:basedOn w:val="h1"/>')
        + style("T2", "Sous-titre 2", '<w:pPr><w:outlineLvl w:val="1"/></w:pPr>') + style("T3", "Corps", '<w:basedOn w:val="T4"/>') + style("T4", "Normal", '<w:basedOn w:val="T3"/>')
    )  # fmt: skip
    body = styled("Objet", "T1") + styled("Définir le relevé des compteurs.", "T3") + styled("Déroulement", "T1") + styled("Préparation", "T2")  # fmt: skip
    body += "".join(
        styled(f"{mark}) {text}", "T3") for mark, text in (("a", "Imprimer la liste."), ("b", "Prendre la lampe."))
    )
    document = word(body + styled("Archivage", "T1") + styled("Conserver cinq ans.", "T3"), styles)
    assert heads(document) == [(1, "Objet"), (1, "Déroulement"), (2, "Préparation"), (1, "Archivage")]
    assert texts(document) == ["Imprimer la liste.", "Prendre la lampe."]


def test_list_styles_of_the_second_level_stand_below_the_item_before() -> None:
    styles = style("h1", "heading 1") + style("N", "List Number") + style("B2", "List Bullet 2")
    body = (
        styled("Purpose", "h1")
        + word_paragraph("To titrate.")
        + styled("Procedure", "h1")
        + word_paragraph("Weigh it.", 0)
    )
    document = word(
        body + styled("Do not touch it.", "B2") + styled("Wipe it.", "B2") + word_paragraph("Press Run.", 0), styles
    )
    assert [(step.number, step.text) for step in all_steps(document)] == [("2.1", "Weigh it."), ("2.1.1", "Do not touch it."), ("2.1.2", "Wipe it."), ("2.2", "Press Run.")]  # fmt: skip


ROWS = (("1.0", "Purpose"), ("", "To start the generator by hand."), ("2.0", "Procedure"), ("2.1", "Check the fuel."), ("2.2", "Press the button."), ("3.0", "Safety"), ("", "Wear ear defenders."))  # fmt: skip


def test_a_text_that_is_set_in_a_table_with_its_numbers_is_read_as_text() -> None:
    table = f"<w:tbl>{''.join(row(*map(word_paragraph, cells)) for cells in ROWS)}</w:tbl>"
    cells = "".join(f"<tr><td>{left}</td><td>{right}</td></tr>" for left, right in ROWS)
    for document in (
        document_of(docx(word_paragraph("Starting the Generator", bold=True) + table), "x.docx"),
        page(f"<h1>Starting the Generator</h1><table border=1>{cells}</table>"),
    ):
        assert [heading for _, heading in heads(document)] == ["Purpose", "Procedure", "Safety"]
        assert texts(document) == ["Check the fuel.", "Press the button."]
        assert "Wear ear defenders." in flatten(document)


def test_a_table_of_numbers_and_names_stays_a_table() -> None:
    document = page("<h1>Pump</h1><h2>Steps</h2><ol><li>Open it.</li><li>Close it.</li></ol><table><tr><td>1.0</td><td>Safety valve</td></tr><tr><td>1.5</td><td>Lid</td></tr><tr><td>2.5</td><td>Bowl</td></tr></table>")  # fmt: skip
    assert texts(document) == ["Open it.", "Close it."] and "1.5 | Lid" in flatten(document)


LETTERHEAD = """              CITY OF ELMWOOD FIRE DEPARTMENT
              STANDARD OPERATING GUIDELINE 4-12

Subject:   Hydrant Flow Testing

I.   PURPOSE

     To set out a uniform method.

II.  PROCEDURE

     1.  Read the static pressure.
     2.  Open the hydrant slowly.
         CAUTION: Stand to the side of the outlet.
     3.  Close the hydrant.

Prepared by: Anna Rossi        Approved by: G. Conti

                    -- END --
"""


def test_a_letterhead_a_subject_a_warning_line_and_the_end_of_a_text() -> None:
    document = read(LETTERHEAD, "x.txt")
    assert document.title == "Hydrant Flow Testing"
    assert [heading for _, heading in heads(document)] == ["PURPOSE", "PROCEDURE"]
    assert texts(document) == ["Read the static pressure.", "Open the hydrant slowly.", "Close the hydrant."]
    assert "CAUTION: Stand to the side" in flatten(document) and "Rossi" not in flatten(document)
    reasons = {dropped.text: dropped.reason for dropped in document.dropped}
    assert reasons["-- END --"] == "page-residue" and "metadata" in reasons.values()


def test_markdown_containers_tabs_and_footnotes() -> None:
    document = read(
        '# Calibrate\n\n## Procedure\n\n1. Switch it on[^1].\n\n    === "Linux"\n\n        Run `on`.\n\n    === "Mac"\n\n        Press *On*.\n\n2. Wait.\n\n'
        ":::warning Hot parts\nThe housing gets hot.\n:::\n\n3. Switch it off.\n\n```\n::: not a container [^1]\n```\n\n[^1]: Once a day.\n"
    )
    assert texts(document) == ["Switch it on.", "Wait.", "Switch it off."]
    text = flatten(document)
    assert all(part in text for part in ("Linux", "Run on.", "Press On.", "Hot parts:", "Once a day.", "::: not a container [^1]"))  # fmt: skip
    assert text.count(":::") == 1 and text.count("[^1]") == 1 and "===" not in text


def test_lists_that_a_word_processor_wrote_side_by_side_are_nested_by_their_class() -> None:
    document = page(
        "<h1>Fridge</h1><h2>Steps</h2><ol class='c7 lst-kix_ab-0 start' start='1'><li>Read the display.</li><li>Read the logger:</li></ol>"
        "<ol class='c7 lst-kix_ab-1 start'><li>Note the minimum.</li><li>Note the maximum.</li></ol><ol class='c7 lst-kix_ab-0' start='3'><li>Reset the logger.</li></ol>"
    )
    assert [(step.number, step.text) for step in all_steps(document)] == [("1.1", "Read the display."), ("1.2", "Read the logger:"), ("1.2.1", "Note the minimum."), ("1.2.2", "Note the maximum."), ("1.3", "Reset the logger.")]  # fmt: skip


@pytest.mark.parametrize(
    ("head", "site", "title"),
    [
        ("<h1>2.3. Vacuum chamber venting</h1>", "2.3. Vacuum chamber venting | Manual", "Vacuum chamber venting"),
        ("<h1>2.0 release checklist</h1>", "2.0 release checklist", "2.0 release checklist"),
        (
            "<center><font size=5><b>SOP 14: Washing of Glassware</b></font></center>",
            "SOP 14 Glassware washing",
            "SOP 14: Washing of Glassware",
        ),
    ],
)
def test_the_title_is_the_line_that_says_it_without_the_number_of_a_chapter(head: str, site: str, title: str) -> None:
    body = f"{head}<p><b>1. PURPOSE</b></p><p>To keep it clean.</p><p><b>2. PROCEDURE</b></p><p>2.1 Open it.</p><p>2.2 Rinse it.</p><p>2.3 Close it.</p>"
    assert page(body, f"<title>{site}</title>").title == title


def test_bold_lines_are_headings_where_a_site_adds_a_heading_of_its_own() -> None:
    parts = "".join(f"<p><b>{head}</b></p><p>{text}</p>" for head, text in (("Issue", "The phone is lost."), ("Environment", "All offices."), ("Resolution", "Call back first.")))  # fmt: skip
    document = page(f"<main><h1>Reset a token</h1>{parts}<p>1. Open the console.<br>2. Search for the user.<br>3. Reset the token.</p><h4>Files</h4><p>None so far for this page.</p></main>")  # fmt: skip
    assert [heading for _, heading in heads(document)] == ["Issue", "Environment", "Resolution", "Files"]


def test_a_table_before_the_title_does_not_hide_it() -> None:
    table = f"<w:tbl>{row(*map(word_paragraph, ('VA-07', 'Inbetriebnahme', 'Rev. 2')))}</w:tbl>"
    body = word_paragraph("Inbetriebnahme einer Leitung", bold=True) + word_paragraph("1 Zweck", bold=True) + word_paragraph("Sie wird in Betrieb genommen.")  # fmt: skip
    body += (
        word_paragraph("2 Ablauf", bold=True)
        + word_paragraph("Leitung entlüften.", 0)
        + word_paragraph("Druck halten.", 0)
    )
    document = document_of(docx(table + body), "va.docx")
    assert document.title == "Inbetriebnahme einer Leitung" and [heading for _, heading in heads(document)] == [
        "Zweck",
        "Ablauf",
    ]

"""Steps in all the forms that documents give them: tables, definition lists, letters, lone numbers, over pages."""

from __future__ import annotations

import pytest

from curator.sop.convert import document_of
from curator.sop.document import Document, Figure, Table
from curator.sop.flatten import flatten
from tests.test_sop import all_steps, docx, pdf, read, word_paragraph


def page(body: str) -> Document:
    return read(f"<html><body><h1>SOP: Pump</h1>{body}</body></html>", "x.html")


def lines(document: Document) -> list[str]:
    return flatten(document).split("\n\n", 1)[1].split("\n")


def html_table(*rows: tuple[str, ...]) -> str:
    head, *below = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table><tr>{head.replace('td>', 'th>')}</tr>{''.join(f'<tr>{cells}</tr>' for cells in below)}</table>"


STEPS = (("1", "Open the valve.", "Operator"), ("2", "Start the pump.", "Technician"))


@pytest.mark.parametrize(
    "head",
    [
        ("Step", "Action", "Responsible"), ("No.", "Activity", "Role"), ("S. No.", "Procedure", "Who"), ("#", "Description", "By"),
        ("Schritt", "Tätigkeit", "Verantwortlich"), ("Nr.", "Arbeitsschritt", "Zuständig"), ("Paso", "Actividad", "Responsable"),
        ("Étape", "Action à réaliser", "Responsable"), ("N°", "Tâches", "Qui"),
    ],
)  # fmt: skip
def test_the_rows_of_a_table_of_steps_are_steps(head: tuple[str, str, str]) -> None:
    document = page(f"<h2>Procedure</h2>{html_table(head, *STEPS)}")
    assert [(s.number, s.number_source, s.text) for s in all_steps(document)] == [
        ("1.1", "1", "Open the valve."),
        ("1.2", "2", "Start the pump."),
    ]
    assert lines(document)[2] == f"{head[2]}: Operator"
    assert [d.text for d in document.dropped if d.reason == "table-head"] == [" | ".join(head)]


def test_a_cell_keeps_its_list_and_a_row_of_one_cell_its_place() -> None:
    rows = [
        "<tr><th>Step</th><th>Action</th></tr>",
        "<tr><td>1</td><td><p>Open the valve.</p><ul><li>Slowly.</li><li>Fully.</li></ul></td></tr>",
        '<tr><td rowspan="2">2</td><td>Start the pump.</td></tr><tr><td>Wait a minute.</td></tr>',
        '<tr><td colspan="2">WARNING: Never run it dry.</td></tr>',
        '<tr><td colspan="2">At the end of the shift</td></tr>',
        "<tr><td>3</td><td>Stop the pump.</td></tr>",
    ]
    assert lines(page(f"<h2>Procedure</h2><table>{''.join(rows)}</table>")) == [
        "1.0 Procedure:", "1.1 Open the valve.", "1.1.1 Slowly.", "1.1.2 Fully.", "1.2 Start the pump.", "Wait a minute.",
        "WARNING: Never run it dry.", "At the end of the shift", "1.3 Stop the pump.",
    ]  # fmt: skip


def test_numbers_with_points_in_a_table_nest() -> None:
    table = html_table(("No", "Task"), ("1", "Open the valve."), ("1.1", "Turn it left."), ("2", "Close the valve."))
    assert [s.number for s in all_steps(page(table))] == ["1.1", "1.1.1", "1.2"]


@pytest.mark.parametrize(
    ("heading", "rows"),
    [
        ("Materials", [("No.", "Description", "Qty"), ("1", "Clean cloth, white", "3"), ("2", "Bucket of steel", "1")]),
        ("Acceptance", [("No.", "Parameter", "Limit"), ("1", "Conductivity", "1.3"), ("2", "Total carbon", "500")]),
        (
            "Revision history",
            [("No.", "Action", "Date"), ("1", "Change the title", "May"), ("2", "Add a step", "June")],
        ),
        ("Procedure", [("Mode", "Speed"), ("Slow", "10 rpm"), ("Fast", "90 rpm")]),
    ],
)
def test_other_tables_stay_tables(heading: str, rows: list[tuple[str, ...]]) -> None:
    document = page(f"<h2>{heading}</h2>{html_table(*rows)}<h2>Steps</h2><ol><li>Open it.</li><li>Close it.</li></ol>")
    assert [s.text for s in all_steps(document)] == ["Open it.", "Close it."]
    kept = [block for section in document.sections for block in section.blocks if isinstance(block, Table)]
    assert len(kept) == (0 if heading == "Revision history" else 1)


def test_tables_of_markdown_text_and_word_are_read_alike() -> None:
    wanted = ["Open the valve.", "Start the pump."]
    written = "\n".join(f"| {' | '.join(row)} |" for row in STEPS)
    markdown = read(f"# SOP: Pump\n\n## Procedure\n\n| Step | Action | Responsible |\n|---|---|---|\n{written}\n")
    text = read("SOP FOR THE PUMP\n\n1. PROCEDURE\n\nStep    Action    Responsible\n" + "\n".join("    ".join(row) for row in STEPS) + "\n\n2. RECORDS\n\nThe log.\n", "x.txt")  # fmt: skip
    cells = "".join(f"<w:tr>{''.join(f'<w:tc>{word_paragraph(c)}</w:tc>' for c in row)}</w:tr>" for row in (("Step", "Action", "Responsible"), *STEPS))  # fmt: skip
    word = document_of(docx(word_paragraph("SOP for the Pump", bold=True) + word_paragraph("Procedure", bold=True) + f"<w:tbl>{cells}</w:tbl>"), "x.docx")  # fmt: skip
    for document in (markdown, text, word):
        assert [step.text for step in all_steps(document)] == wanted
        assert [step.children[0].text for step in all_steps(document)] == ["Responsible: Operator", "Responsible: Technician"]  # fmt: skip


def test_definition_lists_of_steps_are_steps_and_keep_their_lists() -> None:
    document = page(
        "<h2>Procedure</h2><dl><dt>Step 1</dt><dd>Open it.</dd><dt>Step 2</dt><dd><p>Close it:</p><ol type='a'><li>left</li><li>right</li></ol></dd></dl>"
        "<h2>Then</h2><dl><dt>1.</dt><dd>Go.</dd><dt>2.</dt><dd>Stop.</dd></dl><h2>Definitions</h2><dl><dt>Valve</dt><dd>What opens.</dd></dl>"
    )
    assert [(s.number_source, s.text) for s in all_steps(document)] == [
        ("1", "Open it."), ("2", "Close it:"), ("a", "left"), ("b", "right"), ("1", "Go."), ("2", "Stop."),
    ]  # fmt: skip
    assert lines(document)[-1] == "3.0 Definitions: Valve: What opens."


def test_letters_and_roman_numbers_nest_below_one_another() -> None:
    text = "SOP FOR THE PUMP\n\n1. PROCEDURE\n\n1.1 Open:\n   a) the door\n      i) left\n      ii) right\n   b) the lid\nNOTE: Mind the edge.\n1.2 Close it.\n"
    assert lines(read(text, "x.txt")) == [
        "1.0 PROCEDURE:", "1.1 Open:", "1.1.1 the door", "1.1.1.1 left", "1.1.1.2 right", "1.1.2 the lid", "NOTE: Mind the edge.", "1.2 Close it.",
    ]  # fmt: skip


def test_the_ninth_letter_is_no_roman_number() -> None:
    text = "SOP FOR THE PUMP\n\n1. PROCEDURE\n\n1.1 Check:\n" + "".join(f"   {c}) part {c * 3}\n" for c in "abcdefghij") + "1.2 Close it.\n"  # fmt: skip
    assert [s.number for s in all_steps(read(text, "x.txt"))][1:-1] == [f"1.1.{n}" for n in range(1, 11)]


def test_numbers_in_parts_of_their_own_number_what_follows() -> None:
    document = page(
        "<h2>Procedure</h2><div><div>1.</div><div>Open it.</div></div><div><div>2.</div><div>Close it.</div></div><p><span>3</span><span>Lock it.</span></p>"
    )
    assert [(s.number_source, s.text) for s in all_steps(document)] == [
        ("1", "Open it."), ("2", "Close it."), ("3", "Lock it."),
    ]  # fmt: skip


def test_a_letter_set_large_stays_in_its_word() -> None:
    document = page(
        "<h2>Purpose</h2><p><span>T</span>his is why.</p><h2>Steps</h2><ol><li>Open it.</li><li>Go.</li></ol>"
    )
    assert lines(document)[0] == "1.0 Purpose: This is why."


def test_notes_between_steps_neither_break_nor_join_them() -> None:
    document = page(
        "<h2>Procedure</h2><ol><li>Open it.</li></ol><div class='alert alert-warning'><p>Hot.</p></div><ol start='2'><li>Close it.<p class='note'>Not too fast.</p></li></ol>"
        "<p><strong>Caution:</strong> It is heavy.</p><ol start='3'><li>Lift it.</li></ol>"
    )
    assert [(s.number, s.number_source) for s in all_steps(document)] == [("1.1", "1"), ("1.2", "2"), ("1.3", "3")]
    assert lines(document) == ["1.0 Procedure:", "1.1 Open it.", "Hot.", "1.2 Close it.", "Not too fast.", "Caution: It is heavy.", "1.3 Lift it."]  # fmt: skip


def test_a_step_goes_on_over_the_page() -> None:
    head = (9, "Acme Ltd - controlled copy")
    made = pdf(
        [
            [head, (20, "SOP for the Pump"), (14, "1. Procedure"), (10, "1.1 Open the valve of the feed line slowly and watch the gauge on the"), (9, "Page 1 of 2")],
            [head, (10, "panel until it stands still."), (10, "1.2 Close the valve."), (9, "Page 2 of 2")],
        ]
    )  # fmt: skip
    assert [s.text for s in all_steps(document_of(made, "x.pdf"))] == [
        "Open the valve of the feed line slowly and watch the gauge on the panel until it stands still.",
        "Close the valve.",
    ]


def test_a_picture_named_as_its_step_says_nothing_beside_it() -> None:
    picture = "<div><a href='#'><img alt='{}'></a></div>"
    steps = f"<ol><li>{picture.format('Étape 1')}<div>Open the lid.</div></li><li>{picture.format('The open lid')}<div>Rinse the bowl.</div></li><li>{picture.format('Step 3')}</li></ol>"
    document = page(f"<h2>Steps</h2>{steps}")
    figures = [child.alt for step in all_steps(document) for child in step.children if isinstance(child, Figure)]
    assert figures == ["The open lid", "Step 3"]

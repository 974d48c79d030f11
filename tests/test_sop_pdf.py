"""PDF files: bullets that are drawn, headings told by their numbers, short columns, what stands in the margins."""

from __future__ import annotations

from curator.sop.convert import document_of
from curator.sop.document import Document
from curator.sop.flatten import flatten
from tests.test_sop import all_steps
from tests.test_sop_hard import PURPOSE, SCOPE, column, placed_pdf

Placed = list[tuple[int, int, int, str]]
TITLE: Placed = [(50, 780, 20, "SOP for the Pump")]


def drawn_pdf(placed: Placed, drawing: str = "") -> Document:
    """The document of a page; `drawing` is in the language of PDF. Text of size 11 is bold, as from 14 on."""
    data = placed_pdf([(x, y, 15 if size == 11 else size, text) for x, y, size, text in placed])
    data = data.replace(b"/F2 15 Tf", b"/F2 10 Tf")
    return document_of(data.replace(b"\nendstream", f"\n{drawing}\nendstream".encode()), "x.pdf")


def disc(x: float, y: float) -> str:
    return f"{x} {y} m {x} {y + 4} l {x + 4} {y + 4} l {x + 4} {y} l {x + 2} {y - 0.1} l f"


def test_bullets_that_are_drawn_or_have_no_letter_make_items() -> None:
    listed = [(60, 730, 10, "Spanner"), (60, 716, 10, "Grease"), (60, 702, 10, "Rag")]
    document = drawn_pdf(
        [*TITLE, (50, 750, 14, "1. Materials"), *listed], "\n".join(disc(50, y + 1) for _, y, *_ in listed)
    )
    assert [step.text for step in all_steps(document)] == ["Spanner", "Grease", "Rag"]
    signs = [(50, y, 10, rf"\177 {text}") for _, y, _, text in listed]
    document = drawn_pdf([*TITLE, (50, 750, 14, "1. Materials"), *signs])
    assert [step.text for step in all_steps(document)] == ["Spanner", "Grease", "Rag"]


def test_letters_that_number_lines_are_items_however_they_go_on() -> None:
    said = ["1. Read the gauges:", "a. the inlet gauge", "b. the outlet gauge", "2. Close the lid."]
    document = drawn_pdf(
        [*TITLE, (50, 750, 14, "1. Procedure"), *((50, 730 - 13 * n, 10, text) for n, text in enumerate(said))]
    )
    assert [step.text for step in all_steps(document)] == ["Read the gauges:", "the inlet gauge", "the outlet gauge", "Close the lid."]  # fmt: skip


def test_a_bold_number_below_that_of_a_heading_is_a_heading_on_as_many_lines_as_it_takes() -> None:
    document = drawn_pdf(
        [
            *TITLE, (50, 750, 14, "4 Procedure"), (50, 730, 14, "4.1 Cleaning"),
            (50, 700, 11, "4.1.1 Wet cleaning of the bowl and of the lid with the warm detergent that was made"),
            (50, 687, 11, "the day before"),
            (50, 674, 10, "1. Rinse the bowl."), (50, 661, 10, "2. Brush the lid."),
            (50, 635, 11, "4.1.2 Dry cleaning"), (50, 622, 10, "1. Wipe the bowl."),
        ]
    )  # fmt: skip
    heads = [section.heading for section in document.sections]
    assert heads[-2:] == [
        "Wet cleaning of the bowl and of the lid with the warm detergent that was made the day before",
        "Dry cleaning",
    ]
    assert [step.text for step in all_steps(document)] == ["Rinse the bowl.", "Brush the lid.", "Wipe the bowl."]


def test_a_column_that_ends_early_is_read_after_the_other() -> None:
    first = column(50, [(14, "1. Purpose"), (10, PURPOSE), (14, "2. Scope"), (10, SCOPE)])
    steps = ["3.1 Switch the pump off at the wall now.", "3.2 Open the lid with both hands.", "3.3 Rinse the bowl until it runs clear.", "3.4 Close the lid again."]  # fmt: skip
    second = [
        (x, y - 5, size, text) for x, y, size, text in column(310, [(14, "3. Procedure"), *((10, s) for s in steps)])
    ]
    document = drawn_pdf([*TITLE, *first, *second])
    assert [section.heading for section in document.sections] == ["Purpose", "Scope", "Procedure"]
    assert document.sections[1].blocks[0].text == SCOPE
    assert [step.text for step in all_steps(document)] == [step[4:] for step in steps]


def test_small_letters_in_the_margins_of_a_lone_page_are_left_out_and_recorded() -> None:
    said = [(50, 730 - 13 * n, 10, f"1.{n} Rinse part {n} of the pump.") for n in range(1, 5)]
    edge = [(50, 800, 8, "Annals of Pumps 12"), (50, 20, 8, "Uncontrolled when printed 1")]
    document = drawn_pdf([*TITLE, (50, 750, 14, "1. Procedure"), *said, *edge])
    assert "Annals" not in flatten(document) and "Uncontrolled" not in flatten(document)
    assert [d.text for d in document.dropped if d.reason == "page-residue"] == ["Annals of Pumps 12", "Uncontrolled when printed 1"]  # fmt: skip


def test_a_table_that_goes_on_overleaf_is_no_running_head() -> None:
    """Its rows, numbers apart, are the same at the foot of a page and at the top of the next."""
    head = [(50, 760, 10, "Brightpost Ltd, controlled copy"), (50, 745, 10, "Pump care")]
    lines = [(50, 725 - 13 * n, 10, f"The pump of hall {n} is kept clean and dry at all times.") for n in range(6)]
    steps = [(50, 600, 10, "1. Open the lid."), (50, 587, 10, "2. Clean the bowl."), (50, 574, 10, "3. Shut it.")]
    table, ruled = grid(100, 5), grid(720, 9)
    data = placed_pdf(
        [*TITLE, *head, (50, 738, 14, "1. Purpose"), *lines, (50, 120, 14, "2. Parts"), *table[0]],
        [*head, *ruled[0], (50, 620, 14, "3. Procedure"), *steps],
        drawings=[table[1], ruled[1]],
    )
    said = flatten(document_of(data, "x.pdf"))
    assert [said.count(f"Valve {n}") for n in (5, 6, 9, 10)] == [1, 1, 1, 1] and "controlled copy" not in said


def grid(top: int, first: int) -> tuple[Placed, str]:
    """Two rows of a table with ruled cells, from a height down: what is written in them, and the rules."""
    rows = [(60 + 200 * column, top - 15 - 20 * n, 10, f"{word} {first + n}") for n in (0, 1) for column, word in enumerate(("Valve", "Seat"))]  # fmt: skip
    across = [f"50 {top - 20 * n} m 450 {top - 20 * n} l S" for n in (0, 1, 2)]
    down = [f"{x} {top} m {x} {top - 40} l S" for x in (50, 250, 450)]
    return rows, "\n".join([*across, *down])

"""What a printed page sets apart: slanting letters, boxes, rails, smaller letters; and what new shells of sites hold."""

from __future__ import annotations

import pytest

from curator.sop.apart import without_asides
from curator.sop.convert import document_of
from curator.sop.document import Table
from curator.sop.flatten import flatten
from curator.sop.reading import Drops, Heading, Piece, Text, said
from tests.test_sop import all_steps
from tests.test_sop_hard import DONE, PURPOSE, placed_pdf
from tests.test_sop_printed import CORE, TITLE

MORE = [
    "Stir thick soups and sauces every ten minutes, since their middle stays warm for hours.",
    "Slice joints of meat before chilling, or split them so that no piece weighs over two kilograms.",
    "Keep raw poultry, shellfish and eggs off shelves above cooked dishes, whatever their wrapping.",
    "Tell the head chef whenever a tray passed ninety minutes without reaching eight degrees.",
]
WHOLE: list[Piece] = [Heading(TITLE, 1), *CORE, *(Text(f"{n}. {line}") for n, line in enumerate(MORE, 6))]


def left(*more: Piece, at: int = 3) -> list[str]:
    pieces: list[Piece] = [*WHOLE[:at], *more, *WHOLE[at:]]
    kept = [said(piece) for piece in without_asides(pieces, Drops())]
    own = [said(piece) for piece in WHOLE]
    assert [line for line in kept if line in own] == own
    return [line for line in kept if line not in own]


@pytest.mark.parametrize(
    "aside",
    [
        [Heading("Brightstone Lamps", 3, box=1), Text("See what is before you. Ask your dealer for the spring list.", box=1)],
        [Text("Our county offices answered ninety thousand telephone calls last year.", box=2)],
        [Text("Lorna Whitfield, Extension Associate; Pavel Hruska, Professor Emeritus", apart=True)],
        [Heading("“Nobody ever thanked me for hurrying”", 2)],
        [Heading("Thanks to our treasurer", 3), Text("Mildred kept the books for eleven years and never lost a penny.")],
    ],
)  # fmt: skip
def test_what_is_set_apart_and_speaks_of_something_else_goes(aside: list[Piece]) -> None:
    assert left(*aside) == []


@pytest.mark.parametrize(
    "kept",
    [
        [Heading("Brightstone Lamps", 3, box=1), Text("Warning: glass may splinter when somebody drops lamps.", box=1)],
        [Text("Notruf: Feuerwehr und Rettungsdienst der Gemeinde Auenfurt", box=2)],
        [Heading("Materials", 3, box=1), Text("Seventeen lamps, borrowed from Brightstone dealers in springtime.", box=1)],
        [Text("Never invite telephone dealers into county offices.", apart=True)],
        [Table([], [["Lamp", "Watts"], ["Brightstone", "40"]]), Text("Watts as dealers declare them in springtime.", apart=True)],
        [Heading("Springtime dealers", 3), Text("Ask Brightstone dealers whether lamps arrived.")],
        [Heading("Springtime dealers", 3), Text("Brightstone dealers deliver 40 lamps every Thursday.")],
        [Text("Disinfect trays and chiller where the food has cooled.", apart=True)],
        [Text("Brightstone dealers deliver lamps every springtime.")],
    ],
)  # fmt: skip
def test_warnings_orders_numbers_and_notes_of_a_table_stay_wherever_they_are_set(kept: list[Piece]) -> None:
    assert left(*kept) == [said(piece) for piece in kept]


def page(drawing: str) -> bytes:
    """A page of a procedure, with a drawing in the language of PDF."""
    placed = [(50, 780, 20, "SOP for the Pump"), (50, 740, 14, "1. Purpose")]
    words = PURPOSE.split()
    placed += [(50, 722 - 13 * n, 10, " ".join(words[8 * n : 8 * n + 8])) for n in range(len(words) // 8 + 1)]
    placed += [(50, 620, 14, "2. Procedure")]
    placed += [
        (50, 600 - 13 * n, 10, f"{n + 1}. {text[:44].rpartition(' ')[0]}.") for n, text in enumerate([*DONE, *MORE])
    ]
    data = placed_pdf(placed)
    length = int(data.split(b"/Length ")[1].split()[0])
    data = data.replace(f"/Length {length}".encode(), f"/Length {length + len(drawing) + 1}".encode())
    return data.replace(b"\nendstream", f"\n{drawing}\nendstream".encode())


ALONE = flatten(document_of(page(""), "x.pdf"))


def test_letters_that_slant_across_a_page_are_no_word_of_it() -> None:
    document = document_of(page("BT /F1 60 Tf 0.8 0.6 -0.6 0.8 60 480 Tm (UNCONTROLLED) Tj ET"), "x.pdf")
    assert flatten(document) == ALONE
    assert "UNCONTROLLED" in {dropped.text for dropped in document.dropped}


def test_a_box_beside_the_text_breaks_no_line_of_it() -> None:
    facts = ["Quick fact", "Our county offices answered", "ninety thousand telephone", "calls in springtime."]
    lines = "\n".join(f"BT /F1 8 Tf 400 {600 - 11 * n} Td ({text}) Tj ET" for n, text in enumerate(facts))
    document = document_of(page(f"0.9 g 395 555 120 60 re f 0 g\n{lines}"), "x.pdf")
    assert [step.text for step in all_steps(document)] == [
        step.text for step in all_steps(document_of(page(""), "x.pdf"))
    ]
    assert "telephone" not in flatten(document)


QUIZ = """# Descaling the kettle

## Procedure

1. Fill the kettle with vinegar.
2. Wait for one hour.
3. Rinse it three times.

## Check what you know

1. {0}
    1. Vinegar
    2. Soap
2. How long do you wait?
"""


@pytest.mark.parametrize(("asked", "goes"), [("What goes into the kettle?", True), ("Is it clean? Rinse it again.", False)])  # fmt: skip
def test_questions_with_answers_to_choose_from_are_no_steps(asked: str, goes: bool) -> None:
    document = document_of(QUIZ.format(asked).encode(), "x.md")
    assert ("Check what you know" in flatten(document)) is not goes


PARTS = """# Descaling the kettle

## Procedure

1. Fill the kettle with vinegar.
2. Wait for one hour, and look at the seal of the lid.
3. Rinse it three times with cold water from the tap.
4. Dry the outside with the cloth that hangs beside the stove.
5. Write the day into the kitchen book, so that everybody sees when it was last free of scale and who did the work.
6. Report cracks in the handle, the cord or the base to whoever keeps the household shop, and leave it unplugged.
7. Empty the vinegar into the sink, open a window, and let the smell go before anybody boils water for breakfast again.
8. Look through the spout with a torch for grey crumbs, and begin anew while some still cling around the filter.

## Spare {0}

| Item | Part No. | Name | Qty |
| --- | --- | --- | --- |
| 1 | 7740-0113 | {1} | 2 |
| 2 | 7740-0288 | Gasket kit | 1 |
"""


@pytest.mark.parametrize(("head", "named", "goes"), [("parts to order", "Knob M6", True), ("parts", "Filter, lid, seal, spout, handle, cord, base", False)])  # fmt: skip
def test_a_list_of_parts_that_the_text_does_not_speak_of_goes(head: str, named: str, goes: bool) -> None:
    document = document_of(PARTS.format(head, named).encode(), "x.md")
    assert ("7740-0288" in flatten(document)) is not goes


def test_a_table_that_places_a_printed_page_is_read_as_its_text() -> None:
    facts = ["Our county offices", "answered telephone calls", "in springtime."]
    lines = "\n".join(f"BT /F1 8 Tf 400 {700 - 11 * n} Td ({text}) Tj ET" for n, text in enumerate(facts))
    cells = "45 400 310 400 re S 355 400 190 400 re S 45 800 310 30 re S 355 800 190 30 re S"
    document = document_of(page(f"{cells}\n{lines}"), "x.pdf")
    assert [step.text for step in all_steps(document)] == [step.text for step in all_steps(document_of(page(""), "x.pdf"))]  # fmt: skip
    assert not any(isinstance(block, Table) for section in document.sections for block in section.blocks)
    assert "telephone" not in flatten(document)

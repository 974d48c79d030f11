"""What pages that a browser printed show of the site, and tables that stand there without rules."""

from __future__ import annotations

import msgspec
import pytest

from curator.sop.printed import of_page
from curator.sop.reading import Drops, Heading, Piece, Text, said
from curator.sop.unruled import Word, table_at

TITLE = "Cooling of cooked food"
CORE: list[Piece] = [
    Heading("Purpose", 2),
    Text("Cooked food must pass the range in which bacteria grow within two hours."),
    Heading("Method", 2),
    Text("1. Pour the food into shallow trays within minutes of the end of cooking."),
    Text("2. Disinfect the probe of the thermometer with an alcohol wipe."),
    Text("3. Place the trays in the blast chiller and press the key for soft chilling."),
    Text("4. Measure the core temperature, and throw food above the limit away."),
    Text("5. Cover the trays, write the product and the date on a label, and move them to the cold room."),
    Heading("Cleaning", 2),
    Text("Wash the probe with hot water, and let it dry in its holder beside the chiller."),
]


def printed(before: list[Piece], after: list[Piece]) -> list[str]:
    pieces, title = of_page([*before, Heading(TITLE, 1), *CORE, *after], f"{TITLE} | Northmere", Drops())
    assert title == TITLE
    return [piece.text for piece in pieces if isinstance(piece, Heading | Text)]


WHOLE = [TITLE, *(piece.text for piece in CORE if isinstance(piece, Heading | Text))]
MENU: list[Piece] = [Text("• Current students"), Text("• Staff gateway"), Heading("Facilities and Safety", 2)]


def test_what_stands_before_the_title_goes_though_it_is_named_like_a_section() -> None:
    assert printed(MENU, []) == WHOLE


def test_sections_at_the_end_that_speak_of_something_else_go() -> None:
    bike: list[Piece] = [
        Heading("Bike week returns", 2),
        Text("Free tune-ups in the south quad."),
        Text("• Reserve your slot"),
    ]
    assert printed(MENU, bike) == WHOLE


def test_a_page_that_begins_with_its_title_keeps_its_last_section_whatever_it_speaks_of() -> None:
    about: list[Piece] = [Heading("About", 2), Text("A cooperative that rents a hall near Leeds.")]
    assert printed([], about) == [*WHOLE, "About", "A cooperative that rents a hall near Leeds."]


def test_lines_that_say_the_headings_below_them_are_contents() -> None:
    listed: list[Piece] = [Text("Purpose"), Text("Method"), Text("• Cleaning")]
    pieces, _ = of_page([Heading(TITLE, 1), *listed, *CORE], TITLE, Drops())
    assert [piece.text for piece in pieces if isinstance(piece, Heading | Text)] == WHOLE


def test_the_word_of_a_warning_set_as_a_heading_makes_a_note_of_the_line_below() -> None:
    warned: list[Piece] = [Heading("Warning", 3), Text("Do not heat the food again.")]
    pieces, _ = of_page([Heading(TITLE, 1), *CORE, *warned], TITLE, Drops())
    assert isinstance(pieces[-1], Text)
    assert (pieces[-1].note, pieces[-1].text) == ("warning", "Do not heat the food again.")


AWAY = [Text("A film about our bike week", away=True), Text("Ride along", away=True)]


def test_a_heading_and_sentences_over_a_link_to_another_page_are_the_sites_and_an_order_is_not() -> None:
    film: list[Piece] = [Heading("Be kind to yourself", 2), Text("Forty seats on a course in autumn."), Text("Save a seat", away=True)]  # fmt: skip
    order: list[Piece] = [Heading("Help", 2), Text("Call the kitchen office."), Text("Kitchen page", away=True)]
    pieces, _ = of_page([*MENU, Heading(TITLE, 1), *CORE[:2], *film, *CORE[2:8], *order, *CORE[8:]], TITLE, Drops())
    assert [said(piece) for piece in pieces] == [*WHOLE[:3], *WHOLE[3:9], *map(said, order), *WHOLE[9:]]


def test_links_below_the_last_section_of_a_text_go_without_it() -> None:
    last: list[Piece] = [Heading("Who to tell", 2), Text("Call the shift lead where a probe is broken.")]
    assert printed(MENU, [*last, *AWAY, Text("200 KB")]) == [*WHOLE, *map(said, last)]


def test_a_line_that_leads_away_goes_with_the_lines_before_it_and_no_item_does() -> None:
    item = Text("• Gloves and goggles for everybody")
    pieces, _ = of_page([*MENU, Heading(TITLE, 1), *CORE[:2], item, *AWAY, *CORE[2:]], TITLE, Drops())
    assert [said(piece) for piece in pieces] == [*WHOLE[:3], said(item), *WHOLE[3:]]


@pytest.mark.parametrize("head", [Heading(TITLE, 1), Text(TITLE)])
def test_the_title_may_stand_amid_the_title_of_the_page_and_in_small_letters(head: Piece) -> None:
    pieces, title = of_page([*MENU, head, *CORE], f"HYG-2: {TITLE} | Northmere", Drops())
    assert (title, [said(piece) for piece in pieces]) == (TITLE, WHOLE)


def test_a_page_that_is_one_link_tells_nothing_by_its_links() -> None:
    linked = [msgspec.structs.replace(piece, away=True) if isinstance(piece, Heading) else piece for piece in CORE]
    pieces, _ = of_page([*MENU, Heading(TITLE, 1), *linked], TITLE, Drops())
    assert [said(piece) for piece in pieces] == WHOLE


def line(*words: tuple[float, str]) -> list[Word]:
    return [Word(start, start + 5 * len(text), text) for start, text in words]


def test_lines_whose_words_begin_at_the_same_places_below_a_head_are_a_table() -> None:
    head = line((10, "Limit"), (90, "Action"))
    rows = [line((10, "Core"), (32, "10"), (80, "Discard")), line((10, "Room"), (80, "Tell"), (105, "him"))]
    found = table_at([head, *rows, line((10, "The"), (28, "log"))])
    assert found is not None
    assert found.lines == 3
    assert found.table.rows == [["Limit", "Action"], ["Core 10", "Discard"], ["Room", "Tell him"]]


def test_sentences_below_a_bold_line_and_lines_of_contents_are_no_table() -> None:
    assert (
        table_at([line((10, "Bold"), (35, "head")), line((10, "One"), (28, "two")), line((10, "Six"), (28, "ten"))])
        is None
    )
    led = [line((10, "Detect"), (50, "."), (60, "."), (70, "."), (200, "5"))] * 3
    assert table_at([line((10, "Protect"), (200, "4")), *led]) is None

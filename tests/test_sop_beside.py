"""Cards of persons, facts and other pages beside a text, lines that lead to it, headings left over; in pages and in print."""

from __future__ import annotations

import importlib

import pytest

from curator.sop.convert import document_of, read_document
from curator.sop.document import Document
from curator.sop.flatten import flatten
from curator.sop.printed import of_page
from curator.sop.reading import Drops, Heading, Piece, Text
from curator.sop.roles import role_of
from tests.test_sop import quality
from tests.test_sop_found import PURPOSE, STEPS
from tests.test_sop_pages import page
from tests.test_sop_printed import CORE, TITLE, WHOLE

HEAD = "<h1>Cleaning the pump</h1>"
TEXT = f"<div class=rte>{PURPOSE}<h2>Procedure</h2>{STEPS}</div>"
ROW = "<div class=card><h3><a href='/{0}'>{0}</a></h3><p>Whom to tell, and when.</p></div>"


def lines(markup: str) -> list[str]:
    document: Document = page(f"<main>{markup}</main>")
    return [line for line in flatten(document).split("\n") if line]


ALONE = lines(HEAD + TEXT)


@pytest.mark.parametrize(
    ("after", "stays"),
    [
        ("<div class=card><h3>Who to ask</h3><p>Mara Oyelaran</p><p>Site manager, north campus</p><p>Room N14</p></div>", False),
        ("<div class=person-card><p>Questions about the pump?</p><p>Mara Oyelaran</p><p><a href='mailto:m@x'>Write to Mara</a></p></div>", False),
        ("<div class=card><h3>Emergency contact</h3><p>Mara Oyelaran</p><p>Ext. 4471</p></div>", True),
        ("<h2>Contacts</h2><p>Pump desk: ext. 4471</p>", True),
        ("<div class=cards><h2>Others in the toolkit</h2>" + ROW.format("Lost keys") + ROW.format("Room changes") + "</div>", False),
        ("<div class=cards><h2>References</h2>" + ROW.format("Lost keys") + ROW.format("Room changes") + "</div>", True),
        ("<h2>Contributors</h2><div class=author-list><span>Yusuf Demir</span><span>Hanne Lykke</span></div>", False),
        ("<h2>Ratification</h2><table><tr><th>Committee</th><th>Chair</th><th>Date</th></tr><tr><td>Safe Work Group</td><td>I. Lunt</td><td>March 2025</td></tr></table>", False),
        ("<h2>Consultation</h2><p>None recorded</p>", False),
        ("<h2>Consultation</h2><p>Ask the night shift before the pump is moved.</p>", True),
        ("<p>Changed in version 2.3: Wording made shorter.</p>", False),
        ("<div class=hint><p>This space was moved from the old wiki in spring. Tell us if a picture is gone.</p></div>", False),
        ("<p>You have not confirmed that you read this document.</p>", False),
        ("<h3>Sign-off</h3><p>You signed version 11. Read the changes.</p>", False),
        ("<h3>Related topics</h3><table><tr><th>Topic<th>Replies</tr><tr><td><a href='/1'>The big clamp</a><td>11</tr><tr><td><a href='/2'>Open evening</a><td>5</tr></table>", False),
        ("<h3>Limits</h3><table><tr><th>Part<th>Grams</tr><tr><td>The big clamp<td>11</tr><tr><td>The hose<td>5</tr></table>", True),
        ("<div class=facts><div class=label>License</div><div>Open</div><div class=label>Created</div><div>8 May 2025</div><div class=label>Protocol ID</div><div>118204</div></div>", False),
    ],
)  # fmt: skip
def test_what_stands_after_a_text(after: str, stays: bool) -> None:
    assert (len(lines(HEAD + TEXT + after)) > len(ALONE)) is stays


@pytest.mark.parametrize(
    ("before", "stays"),
    [
        ("<div class=hero>{}<p class=lead>One of forty methods kept by the estates team.</p></div>", False),
        ("<div class=hero>{}<p class=lead>Warning: the estates team keeps forty methods.</p></div>", True),
        ("{}<p class=standfirst>One of forty methods kept by the estates team.</p>", False),
        ("{}<p class=standfirst>This procedure describes how a pump is cleaned.</p>", True),
        ("{}<ul><li>Page</li><li>Discussion</li></ul>", False),
        ("{}<table style='float: right'><tr><th>Keeper</th><td>Tom Reed</td></tr><tr><th>Shelf</th><td>Green folder</td></tr></table>", False),
        ("{}<table style='float: right'><tr><th>Keeper</th><td>Tom Reed</td></tr><tr><th>PPE</th><td>Gloves</td></tr></table>", True),
    ],
)  # fmt: skip
def test_what_stands_before_a_text(before: str, stays: bool) -> None:
    assert (len(lines(before.format(HEAD) + TEXT)) > len(ALONE)) is stays


def test_the_name_of_a_site_in_a_pruned_heading_is_no_title() -> None:
    site = "<header><h1>Larkspur Desk</h1></header>"
    document = page(
        f"<title>Pumps : Larkspur Desk</title>{site}<main><h2>Pumps<a href='javascript:print()'>Print</a></h2>{TEXT}</main>"
    )
    assert document.title == "Pumps"


def test_what_is_done_before_something_else_is_no_section() -> None:
    assert role_of("Watch the film before you start") == "other"
    assert role_of("Before you start") == role_of("Before you start the pump") == "prerequisites"


RECORDS: list[Piece] = [
    Heading("Records", 2),
    Text("Write product, weight, times and temperatures of each tray into the chilling log, and sign with initials."),
    Text(
        "The kitchen manager compares the log with the memory of the blast chiller every Friday, and keeps both for one year."
    ),
    Text("Report a broken probe, a failed compressor or a door that does not close to maintenance without delay."),
]
LONG = [*CORE, *RECORDS]
SAID = [*WHOLE, *(piece.text for piece in RECORDS if isinstance(piece, Heading | Text))]
LEAD, ASK, NAME = Text("One of forty ways kept by the estates team."), Heading("Who to ask", 3), Text("Mara Oyelaran")
TEASED = [
    Heading("Learn it by doing", 3),
    Text("Join a session on any second Tuesday."),
    Text("See the dates", away=True),
]


@pytest.mark.parametrize(
    ("place", "given", "stays"),
    [
        (0, [LEAD], False),
        (0, [Text("Never leave the estates team without a key.")], True),
        (2, TEASED, False),
        (2, [Text("“We never knew how cold it was until then.”"), Text("Kofi, caretaker since 2021")], False),
        (14, [ASK, NAME, Text("Room N14")], False),
        (8, [Heading("Contacts", 2), NAME, Text("Room N14")], True),
        (14, [Heading("More of our methods", 2), Heading("Lost keys", 3, away=True), Text("Whom to tell."), Heading("Rooms", 3, away=True)], False),
        (0, [Text("412 views"), Text("License"), Text("Open to all that ask"), Text("Created"), Text("Funders"), Text("Upland Council")], False),
        (9, [Text("Hollis Works, part 7")], True),
        (14, [Text("Odile_R March 15, 2025, 7:40am"), Text("Great write-up, thanks to all of you.")], False),
        (14, [Text("3 remarks"), Text("Noor Haddad Mar 14"), Text("Should that be written down?")], False),
    ],
)  # fmt: skip
def test_what_stands_beside_a_printed_text(place: int, given: list[Piece], stays: bool) -> None:
    menu: list[Piece] = [Text("• Current students"), Heading("Facilities", 2)]
    pieces, _ = of_page([*menu, Heading(TITLE, 1), *LONG[:place], *given, *LONG[place:]], f"{TITLE} | North", Drops())
    kept = [piece.text for piece in pieces if isinstance(piece, Heading | Text)]
    assert [line for line in kept if line in SAID] == SAID
    assert (len(kept) > len(SAID)) is stays


def test_a_first_section_of_unknown_purpose_stays_in_print() -> None:
    first: list[Piece] = [Heading("When an alarm fires", 2), Text("It names the host, fourteen days ahead.")]
    menu: list[Piece] = [Text("• Current students"), Heading("Facilities", 2)]
    pieces, _ = of_page([*menu, Heading(TITLE, 1), *first, *LONG], TITLE, Drops())
    kept = [piece.text for piece in pieces if isinstance(piece, Heading | Text)]
    assert kept == [TITLE, "When an alarm fires", "It names the host, fourteen days ahead.", *SAID[1:]]


def test_a_line_that_each_printed_page_repeats_goes() -> None:
    foot = Text("Hollis Works, issue 7")
    menu: list[Piece] = [Text("• Current students"), Heading("Facilities", 2)]
    pieces, _ = of_page([*menu, Heading(TITLE, 1), *LONG[:4], foot, *LONG[4:8], foot, *LONG[8:]], TITLE, Drops())
    assert [piece.text for piece in pieces if isinstance(piece, Heading | Text)] == SAID


@pytest.mark.parametrize("head", [f"{TITLE}Print", f"{TITLE} V.3", f"• {TITLE}"])
def test_what_a_site_sets_beside_a_printed_title_goes(head: str) -> None:
    site = [Heading("Larkspur Desk", 1), Text("Welcome, visitor"), Heading("How can we help you today?", 2)]
    pieces, title = of_page([*site, Heading(head, 1), *LONG], f"{TITLE} : Larkspur Desk", Drops())
    assert title == TITLE
    assert [piece.text for piece in pieces if isinstance(piece, Heading | Text)] == SAID


def test_the_name_of_a_site_is_no_title_where_another_heading_as_high_stands_below_it() -> None:
    pieces, title = of_page(
        [Heading("Uplands Lab", 1), Heading(TITLE, 1), *LONG], "sop:kitchen:cooling [Uplands Lab]", Drops()
    )
    assert title == TITLE
    assert pieces[0] == Heading(TITLE, 1)


files = importlib.import_module("shells.files")  # beside `quality`
PAGES = {"freshdesk_solutions": "lost-property", "gitbook_space": "certificate-renewal", "github_wiki": "plasmid-miniprep", "manual_reader": "espresso-descaling",
         "repair_guide": "espresso-descaling", "protocol_share": "plasmid-miniprep", "wiki_howto": "arranque-caldera", "forum_topic": "lost-property",
         "dokuwiki_lab": "plasmid-miniprep", "intercom_help": "arranque-caldera", "flare_webhelp": "chilled-goods-in", "procedure_saas": "chilled-goods-in",
         "squarespace_school": "fume-hood-check", "joomla_clinique_fr": "colis-stupefiants", "story_platform": "fume-hood-check",
         "wordpress_astra": "autoclave-loads", "readme_hub": "pod-eviction", "bayern_buergerservice": "hebebuehne-pruefung", "printer_vendor": "autoclave-loads",
         "tables_1999": "hebebuehne-pruefung", "shadow_react": "vaccins-froid", "campus_ehs": "autoclave-loads", "revista_es": "limpieza-quirofano"}  # fmt: skip


@pytest.mark.parametrize(("name", "text"), PAGES.items())
def test_a_text_comes_out_of_the_shell_of_a_site_whole_and_alone(name: str, text: str) -> None:
    path = quality.shells.HERE / "texts" / f"{text}.md"
    markdown = path.read_text(encoding="utf-8")
    reference, document = read_document(path), document_of(files.framed(name, markdown).encode(), "page.html")
    assert quality.shells.kept(reference, document) == (1, 1)
    assert files.lost(document, reference) == []
    assert files.leaked(name, document, markdown) == []
    assert document.title == quality.shells.title_and_body(markdown, titled=True)[0]

"""Threads of a forum as they are printed: whose name the title is, answers below a text, lines under a post."""

from __future__ import annotations

from curator.sop.document import Document
from curator.sop.flatten import flatten
from tests.test_sop_found import PURPOSE, STEPS
from tests.test_sop_pages import page

NAME = "Cleaning the pump at night"


def thread(*answers: str, first: str = "", boxed: bool = True) -> Document:
    """The page of a thread: a text, and answers below it."""

    def post(head: str, said: str) -> str:
        return f"<div class=post>{head}{said}</div>" if boxed else f"{head}{said}<hr>"

    below = "".join(post(f"<h3>Re: {NAME}</h3>", f"<div class=said>{answer}</div>") for answer in answers)
    text = post(f"<h3>{NAME}</h3>", f"<div class=said>{PURPOSE}{STEPS}{first}</div>")
    over = f"<div class=top><h1>The Pump House</h1><p>For those who pump</p><h2>{NAME}</h2></div>"
    return page(f"{over}<div class=body>{text}{below}</div>", f"<title>The Pump House :: {NAME}</title>")


def test_the_name_of_a_thread_is_the_title_and_not_that_of_its_board() -> None:
    assert (thread("So be it.").title, thread().title) == (NAME, NAME)
    parted = "<h1>Cleaning the pump</h1><h2>Night shift</h2>{}<h2>Steps</h2>{}<h2>Night shift</h2>{}"
    document = page(parted.format(PURPOSE, STEPS, PURPOSE), "<title>Cleaning the pump | Night shift</title>")
    assert document.title == "Cleaning the pump"


def test_answers_and_the_line_under_a_post_are_no_part_of_its_text() -> None:
    whole = flatten(thread())
    under = "<br><br>____________<br>All flows."
    for boxed in (True, False):
        assert flatten(thread("Nice one, mate.", "<blockquote>Nice one, mate.</blockquote>So it is.", first=under, boxed=boxed)) == whole  # fmt: skip
    assert "All flows." in flatten(thread(first=under))  # no thread: a line to be filled in may stand there


def test_an_answer_that_may_be_of_the_procedure_stays() -> None:
    for answer in ("<ol><li>The seal first.</li></ol>", "Warning: the lid is hot.", "Never rinse it hot.", "Close the valve too."):  # fmt: skip
        assert answer.removeprefix("<ol><li>").removesuffix("</li></ol>") in flatten(thread("Nice one.", answer))

"""What asks the reader of a page to click: boxes that end in a button, lines that are one, teasers, quotations of customers."""

from __future__ import annotations

import re
from itertools import islice
from typing import Any

from curator.sop.markup import BLOCKS, HEADINGS, is_bold, is_note, is_warning, own_words, siblings, text_of, upwards
from curator.sop.metadata import names_document
from curator.sop.reading import Drops, clean
from curator.sop.roles import role_of
from curator.sop.verbs import is_forbidding, is_order

_MOST_WORDS = 60


def prune_calls(root: Any, drops: Drops) -> None:
    """Take out what asks the reader to click: a box that ends in a button, a line that is one, a picture that is a link."""
    for table in list(root.iter("table")):
        links = list(islice(table.iter("a"), 2))
        if len(links) == 1 and _is_button(links[0]) and clean(links[0].text_content()) == clean(table.text_content()):
            drops.take(table)
    for element in list(root.iter("p", "div", "section", "figure", "blockquote")):
        if _is_call(element) or _is_teaser(element) or _is_quotation(element):
            drops.take(element)


def _is_quotation(element: Any) -> bool:
    """Whether a part is what somebody said, with a name below it: of a person, since a paragraph of a law has a number."""
    quote = element if element.tag == "blockquote" else next(element.iterchildren("blockquote"), None)
    if element.tag not in ("figure", "blockquote") or quote is None:
        return False
    names = [part for part in element.iter("figcaption", "footer", "cite") if clean(part.text_content())]
    said = clean(text_of(quote))
    return (
        len(names) == 1
        and len(names[0].text_content().split()) <= 10
        and not re.search(r"\d{2}|§", re.sub(r"\b(?:19|20)\d\d\b", "", names[0].text_content()))
        and next(element.iter("ol", "ul", "table", "pre", *HEADINGS), None) is None
        and not (is_warning(said) or is_forbidding(said) or is_order(said))
    )


def _is_teaser(element: Any) -> bool:
    """Whether a box is a heading of no known purpose, a sentence or two that order nothing, and at its end a link away in a
    line of its own; or such a heading and sentences that are all one link.
    """
    if element.tag not in ("div", "section") or not element.get("class") or len(element.text_content()) > 400:
        return False
    heads = list(element.iter(*HEADINGS))
    solid = next(element.iterdescendants("ol", "ul", "table", "pre", "h1", "li", "dl"), None)
    links = [link for link in element.iter("a") if clean(link.text_content())]
    if len(heads) != 1 or solid is not None or len(links) != 1 or is_note(element) or _is_one_of_many(element):
        return False
    head, link, said = clean(text_of(heads[0])), links[0], clean(text_of(element))
    if role_of(head) != "other" or not said.startswith(head) or not _leads_away(link) or _is_document(link):
        return False
    last = clean(link.text_content())
    between = said[len(head) :].removesuffix(clean(text_of(link)))
    alone = any(clean(part.text_content()) == last for part in (link, *upwards(link)) if part.tag in BLOCKS)
    closes = said.endswith(clean(text_of(link))) and (alone or not clean(link.tail or ""))
    if clean(text_of(link)) == said:
        closes, between = True, said[len(head) :]
    sentences = [part for part in re.split(r"(?<=[.!?])\s+", between.strip()) if part]
    return closes and not any(is_order(part) or is_warning(part) or is_forbidding(part) for part in sentences)


def _leads_away(link: Any) -> bool:
    href = link.get("href") or ""
    return bool(href) and not href.startswith(("#", "mailto:", "tel:", "javascript:"))


def _is_one_of_many(element: Any) -> bool:
    """Whether a box stands among others of its name, headed alike: one of a series that the text may be made of."""
    around = element.getparent()
    alike = [part for part in around if part.tag == element.tag and part.get("class") == element.get("class")]
    return len(alike) >= 3


def _is_call(element: Any) -> bool:
    if next(element.iterdescendants("ol", "ul", "table", "pre", "h1", "li", "dl"), None) is not None:
        return False
    said = clean(text_of(element))
    if element.tag == "p" and said and _is_byline(element, said):
        return True
    if any(above.tag in ("li", "td", "th") for above in upwards(element)) or is_note(element):
        return False
    if not said or len(said.split()) > _MOST_WORDS:
        return False
    links = [link for link in element.iter("a") if clean(link.text_content())]
    whole = " ".join(clean(link.text_content()) for link in links) == said
    if element.tag == "figure":
        bare = whole and len(links) == 1 and next(element.iter("img"), None) is None
        return bare or _is_linked_picture(element)
    if any(_is_document(link) for link in links) and not _PITCH.search(said):
        return False
    if element.tag == "p":
        return whole and len(links) == 1 and (_is_button(links[0]) or _is_button(element) or _shouts(links[0]))
    if any(role_of(clean(text_of(head))) != "other" for head in element.iter("h2", "h3", "h4", "h5", "h6")):
        return False
    if _is_section_of_many(element):
        return False
    return (
        any(map(_is_button, links))
        or _ends_in_call(element)
        or bool(links and _PITCH.search(said) and said.endswith(clean(links[-1].text_content())))
    )


def _is_section_of_many(element: Any) -> bool:
    """Whether a box is one of three or more sections side by side that begin with a heading: its button alone calls."""
    if element.tag != "section" or next(element.iter(*HEADINGS), None) is None:
        return False
    others = (part for part in siblings(element) if part.tag == "section")
    return len(list(islice((part for part in others if next(part.iter(*HEADINGS), None) is not None), 2))) == 2


def _ends_in_call(element: Any) -> bool:
    """Whether the last part of a box is a link that begins like an advertisement."""
    last = next((part for part in reversed(element) if isinstance(part.tag, str)), None)
    if last is None or len(element) < 2 or clean(last.tail or ""):
        return False
    link = last if last.tag == "a" else next(last.iter("a"), None)
    return (
        link is not None
        and clean(link.text_content()) == clean(last.text_content())
        and bool(_OFFER.match(clean(link.text_content())))
    )


def _is_byline(element: Any, said: str) -> bool:
    """Whether a line at the right edge, without a stop, says who keeps the page, or when."""
    right = "right" in (element.get("align") or "") or "text-align:right" in (element.get("style") or "").replace(
        " ", ""
    )
    return right and len(said.split()) <= 12 and said[-1] not in ".:;!?" and not is_bold(element)


def _is_button(element: Any) -> bool:
    return element.get("role") == "button" or bool(_BUTTON.search(own_words(element)))


def _shouts(link: Any) -> bool:
    """Whether a link that is a whole paragraph is bold or begins like an advertisement."""
    return is_bold(link) or link.getparent().tag in ("b", "strong") or bool(_OFFER.match(clean(link.text_content())))


def _is_linked_picture(figure: Any) -> bool:
    """Whether a picture without a description leads somewhere else than to itself."""
    links = [link for link in figure.iter("a") if next(link.iter("img"), None) is not None]
    return any(
        not any(image.get("alt") for image in link.iter("img"))
        and not re.search(r"\.(?:png|jpe?g|gif|svg|webp|avif|bmp)\b|(?:file|image|media|attachment)[:/]", link.get("href") or "", re.I)
        for link in links
    )  # fmt: skip


def _is_document(link: Any) -> bool:
    """Whether a link leads to a form, a record or another procedure: a file of an office, a document's number or kind."""
    said = clean(link.text_content())
    path = (link.get("href") or "").partition("?")[0]
    return bool(_FILE.search(path)) or names_document(said)


_BUTTON = re.compile(r"btn|button|(?<![a-z])cta(?![a-z])", re.I)
_FILE = re.compile(r"\.(?:docx?|dotx?|xlsx?|xltx?|pptx?|od[ts])$", re.I)
_PITCH = re.compile(
    r"(?<![\w-])(?:free (?:download|guide|checklist|template|course|sample|report|copy|of charge)s?|for free|special offer|offers?|discount|on sale|e-?book|webinar|(?:book|request) a demo|free trial|subscri\w+|sign up|"
    r"newsletter|membership|exclusive|coupon|voucher|limited (?:time|seats|offer)|best price|join (?:us|over|for free)|\d+ ?(?:%|percent) off|save \d+|"
    r"buy now|shop (?:now|all)|our (?:free|newsletter|guide|course|shop|store|app|partners|white ?paper|experts|e-?book|templates?|community)|"
    r"kostenlos\w*|gratis|jetzt (?:sichern|kaufen|anmelden)|angebote?|oferta|gratuit\w*|abonnez|suscríbete)\b",
    re.I,
)
_OFFER = re.compile(
    r"(?:download|get|try|read|watch|join|book|start|claim|see|request|order|shop|discover|explore) (?:our|your|the free|a free|free|a demo|now|today|more)\b|(?:sign|register|subscribe|learn more|buy|upgrade|become an?|(?:see|view|compare) (?:plans|pricing))\b",
    re.I,
)

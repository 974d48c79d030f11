"""ENC004: tags and entities of web pages."""

from __future__ import annotations

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from heapq import merge
from html.entities import name2codepoint

from curator.checks.characters.repairs import Repair, about, applied, edits, times
from curator.model import Example, Fix, Flag
from curator.rule import Bad, RowRule, chat
from curator.text.patterns import compiled_later
from curator.text.prose import mask_at

_BLOCK_TAGS = (
    "br|hr|p|div|li|ul|ol|dl|dt|dd|tr|td|th|table|tbody|thead|tfoot|h[1-6]|blockquote|pre|center|figure|figcaption"
    "|article|nav|noscript|iframe|script|style"
)
_INLINE_TAGS = "span|font|img|a|strong|wbr|abbr|acronym|small|strike"
_PAIRED_TAGS = "b|i|u|em"  # a lone one of these may be anything
_ATTRIBUTES = (
    r"""(?:\s+[\w:@.-]{1,40}\s*=\s*(?:"[^"<>]{0,500}"|'[^'<>]{0,500}'|&quot;[^<>&]{0,500}&quot;"""
    r"""|[^\s"'<>=]{1,300})){0,12}"""
)
_LESS = "(?:<|&(?:amp;)*lt;|&(?:amp;)*#0*60;|&(?:amp;)*#[xX]0*3[cC];)"
_MORE = "(?:>|&(?:amp;)*gt;|&(?:amp;)*#0*62;|&(?:amp;)*#[xX]0*3[eE];)"
_TAG = re.compile(
    rf"{_LESS}(?:/(?P<closes>{_BLOCK_TAGS}|{_INLINE_TAGS}|{_PAIRED_TAGS})"
    rf"|(?P<opens>{_BLOCK_TAGS}|{_INLINE_TAGS}){_ATTRIBUTES}"
    rf"|(?P<paired>{_PAIRED_TAGS}))\s*/?{_MORE}",
    re.I,
)
_CLOSED_PAIR = re.compile(rf"{_LESS}/({_PAIRED_TAGS}){_MORE}", re.I)
_PAIRED_WITHIN = 400  # characters of one line
_ENTITY = re.compile(
    r"&(?:amp;)*(?:#\d{2,6}|#[xX][0-9a-fA-F]{2,5}|"
    + "|".join(sorted((*name2codepoint, "apos"), key=len, reverse=True))
    + ");"
)
_BLOCK = re.compile(_BLOCK_TAGS, re.I)
_MARKUP_TALK = compiled_later(
    r"\b(?:x?html5?|xml|css|markup|jsx|svg|php|javascript|react\.?js|jinja2?|beautifulsoup|bbcode|ssml|wiki ?text"
    r"|(?:opening|closing|paragraph|br|line break) tags?|character entit(?:y|ies)|unescape)\b",
    re.I,
)
_WEB_TALK = compiled_later(
    r"\b(?:web ?(?:pages?|sites?)|front-?end|tags?|mark(?:ed)? up|buttons?|hyperlinks?|paragraph element)\b", re.I
)


def _without_markup(place: re.Match[str]) -> str:
    """What a tag or an entity stands for: a line break, nothing, or the character."""
    if place.re is _ENTITY:
        plain = re.sub(r"(?<=&)(?:amp;)+(?=[#\w]+;)", "", place.group())
        return html.unescape(plain).replace("\u00a0", " ")
    name = place["closes"] or place["opens"] or ""
    return "\n" if _BLOCK.fullmatch(name) else ""


def _has_place(text: str, found: re.Match[str]) -> bool:
    """Whether a tag or an entity stands in code, an address or a table that may well hold it."""
    mask = mask_at(text, found.start(), found.start() + 1)
    if mask is None:
        return False
    start, end, kind = mask
    if kind == "table":
        return found.group().lower().startswith(("<br", "&nbsp"))
    if kind == "code" and _is_prose_in_tags(text):
        return False
    if kind == "code" and _ESCAPED_CODE.match(found.group()):  # "if (a &lt; b)": the code itself was escaped
        return _holds_markup(text, start, end)
    return True


_LEADS_TO_CODE = re.compile(
    r"\b(?:as in|such as|e\.g\.|for example|for instance|written|write|type|insert)[,:]?\s$", re.I
)
_SLOT = re.compile(r"\s*(?:\{\{|\{%|<%|\$\{)")  # of a template engine


def _shown_until(text: str, found: re.Match[str]) -> int:
    """The end of the element that a tag opens where it is shown as code in a sentence ("as in <p>{{ name }}</p>"), or 0."""
    name = found.groupdict().get("opens") or found.groupdict().get("paired")
    if not name:
        return 0
    led = _LEADS_TO_CODE.search(text, max(0, found.start() - 20), found.start())
    if not led and not _SLOT.match(text, found.end()):
        return 0
    line = text.find("\n", found.end())
    closing = re.compile(rf"</{re.escape(name)}\s*>", re.I).search(text, found.end(), line if line >= 0 else len(text))
    return closing.end() if closing else found.end()


_ANY_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>")
_SIGNS_OF_CODE = re.compile(r"[{}=;`\\|]|\w\(|^\s*(?:#|//)")
_SENTENCE = re.compile(r"[^\W\d_]{2}[.!?](?:\s|$)")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_WORDS_A_TAG = 1
_WORDS = 4


@lru_cache(maxsize=4)  # each tag of a text asks
def _is_prose_in_tags(text: str) -> bool:
    """Whether a text taken for source code is sentences with tags around them, none of which makes more than text.

    So is an answer that a web page was cut out of.
    """
    tags = _ANY_TAG.findall(text)
    plain = _ANY_TAG.sub(" ", text)
    words = len(_WORD.findall(plain))
    if words < max(_WORDS, _WORDS_A_TAG * len(tags)) or _SIGNS_OF_CODE.search(plain):
        return False
    return bool(_SENTENCE.search(plain)) and all(_TAG.fullmatch(tag) for tag in tags)


_ESCAPED_CODE = re.compile(r"&(?:amp;)*(?:lt|gt|amp|quot|nbsp|apos|#0*3[49]);")
_HOLDS_MARKUP = re.compile(
    r"</[a-zA-Z]|/>|<(?:html|div|span|p|br|a|ul|li|table|h[1-6])\b[^\n]*>|```(?:html|xml|jsx|tsx|vue)", re.I
)


@lru_cache(maxsize=4)  # each entity of the code asks
def _holds_markup(text: str, start: int, end: int) -> bool:
    return _HOLDS_MARKUP.search(text, start, end) is not None


def markup_left(text: str) -> list[Repair]:
    """HTML tags and entities in the prose of a text, with what they stand for; neighbours are joined."""
    repairs: list[Repair] = []
    run: list[str] = []  # what the neighbours stand for that end where `end` is
    start = end = shown = closed = 0
    closing: dict[str, list[int]] = {}
    for place in _CLOSED_PAIR.finditer(text):
        closing.setdefault(place[1].lower(), []).append(place.start())
    tags = (tag for tag in _TAG.finditer(text) if not tag["paired"] or _is_closed(text, tag, closing))
    for place in merge(tags, _ENTITY.finditer(text), key=re.Match.start):
        if place.re is _TAG:
            closed = place.end()
        elif place.start() < closed:
            continue  # a part of the tag
        shown = max(shown, _shown_until(text, place))
        if place.start() < shown or _has_place(text, place):
            continue
        if run and place.start() > end:
            repairs.append(Repair(start, end, _plain(run)))
            run = []
        start, end = start if run else place.start(), place.end()
        run.append(_without_markup(place))
    return [*repairs, Repair(start, end, _plain(run))] if run else repairs


def _is_closed(text: str, tag: re.Match[str], closing: dict[str, list[int]]) -> bool:
    """Whether a tag that may be anything is closed near it on its line; `closing` are places by the name of the tag."""
    at = tag.end("paired")
    places = closing.get(tag["paired"].lower(), [])
    nearest = bisect_left(places, at)
    return nearest < len(places) and places[nearest] - at <= _PAIRED_WITHIN and "\n" not in text[at : places[nearest]]


def _plain(run: list[str]) -> str:
    """What neighbouring tags and entities stand for together, without needless breaks and spaces."""
    joined = "".join(run)
    if len(run) == 1:
        return joined
    single = re.sub(r" *\n *", "\n", re.sub(" {2,}", " ", joined))  # a space beside a break is nothing but layout
    return re.sub(r"\n{3,}", "\n\n", single)


_HEADINGS = "|".join(f"h{level}" for level in range(1, 7))
_OPENING = f"{_BLOCK_TAGS}|{_INLINE_TAGS}|{_PAIRED_TAGS}".replace("h[1-6]", _HEADINGS).split("|")


_FERRY = "The ferry's first boat leaves at nine, and the next one follows it an hour later."


class HtmlLeft(RowRule, frozen=True):
    """Tags or entities of a web page stand in the prose.

    Nobody who asks in a chat sees them as what they were: the model learns to strew its answers with
    markup that is shown as it stands.
    """

    code = "ENC004"
    literals = (
        *(f"<{name}{end}" for name in _OPENING for end in (">", " ", "/")),
        "</",
        "&#",
        *(f"&{name};" for name in (*name2codepoint, "apos")),
    )
    GOOD = [
        chat(user="How do I break a line in HTML?", assistant="Use <br/>; for a space, &nbsp;."),
        chat(
            user="Is AT&T in R&D; and a<b, p<q>r?",
            assistant="Yes. Write to <name> at <your address>, if a <b and c> d.",
        ),
        chat(
            user="Fetch it",
            assistant="Open https://example.com/?a=1&lt;=3&copy;=2 or `<div>`.\n\n```\n<p>&nbsp;</p>\n```",
        ),
        chat(user="Compare", assistant="| a | b |\n|---|---|\n| one<br>two | three |"),
        chat(user="Mark a heading up for a website.", assistant=f"<p>{_FERRY}</p>"),
        chat(user="How do I interpolate?", assistant="Use double braces, as in <p>{{ message }}</p>, inside it."),
        chat(user="Think", assistant="<think>Half of 8 is 4.</think><answer>4</answer>"),
    ]
    BAD = [
        Bad(
            chat(user="When does it leave?", assistant=f'<div class="text">{_FERRY}</div>'),
            at="messages[1].content",
            fixed=chat(user="When does it leave?", assistant=f"\n{_FERRY}\n"),
        ),
        Bad(
            chat(user="May I park here?", assistant="<p>Only at night.</p>\n<p>Ask at the quay.</p>"),
            at="messages[1].content",
            fixed=chat(user="May I park here?", assistant="\nOnly at night.\n\n\nAsk at the quay.\n"),
        ),
        Bad(
            chat(user="Sum up https://example.com/quay.html", assistant="The quay is old&lt;p&gt;and will be mended."),
            at="messages[1].content",
            fixed=chat(user="Sum up https://example.com/quay.html", assistant="The quay is old\nand will be mended."),
        ),
        Bad(
            chat(
                user="What is a quine?", assistant="A program<br/><br/>that prints itself&nbsp;&nbsp;&amp; no more.</p>"
            ),
            at="messages[1].content",
            fixed=chat(user="What is a quine?", assistant="A program\n\nthat prints itself & no more.\n"),
        ),
        Bad(
            chat(user="Which port?", assistant="Port 4.<br/><br/>&nbsp;Do not use it for anything else."),
            at="messages[1].content",
            fixed=chat(user="Which port?", assistant="Port 4.\n\nDo not use it for anything else."),
        ),
        Bad(
            chat(
                user="Who?", assistant='<div class="content">It&#39;s &lt;p&gt;Ada &amp;quot;A.&quot; <b>Lovelace</b>.'
            ),
            at="messages[1].content",
            fixed=chat(user="Who?", assistant='\nIt\'s \nAda "A." Lovelace.'),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        found = [(turn, markup_left(turn.text)) for turn in example.all_turns() if turn.role != "tool"]
        if not any(repairs for _, repairs in found) or about(example, _MARKUP_TALK):
            return
        web = about(example, _WEB_TALK)
        for turn, repairs in found:
            if repairs and not (web and _HOLDS_MARKUP.match(turn.text)):
                start, end, _ = repairs[0]
                mended = applied(turn.text, repairs)
                whole = not markup_left(mended) and not _HOLDS_MARKUP.search(mended)
                fix = Fix("turn markup into text", edits(turn, repairs)) if whole else None
                message = f"markup is left in the text: {turn.text[start:end]}{times(len(repairs))}"
                yield turn.flag(message, (start, end), fix=fix)

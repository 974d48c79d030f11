"""ANS003, ANS015 and LEN003: answers that hold a stand-in for what was asked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Annotated

import numpy as np

from curator.checks.answers.source import in_fence
from curator.columns import ROLE_CODES, Batch
from curator.model import Example, Flag, Turn
from curator.rule import Bad, RowRule, chat, option
from curator.text.hashed import distinct
from curator.text.patterns import compiled_later
from curator.text.prose import in_prose


def asked_before(before: Iterable[Turn]) -> str:
    """What the user and the system prompt said before an answer."""
    return "\n".join(turn.text for turn in before if turn.role in ("user", "system"))


class Placeholder(RowRule, frozen=True):
    """A slot that nobody filled in stands in the answer.

    The generator or the writer left "[Your Name]", "{{product}}" or "lorem ipsum" for somebody to replace. The model learns
    that a slot is an answer and prints slots to real users.

    Slots are right in code, where the prompt holds them itself, and in what somebody is to fill in and use: in every
    answer to a prompt that asks for a letter, an e-mail, a form, a post or a template, whatever the slot is. A prompt
    that merely speaks of such a text ("can you send me the invoice?") asks for none. Even there a slot has no part in
    the text where it is the only one and stands behind its last sentence, on the same line.
    """

    code = "ANS003"
    literals = (
        "[insert", "[your", "[my ", "[name", "[add ", "[enter", "[fill", "[company", "[date", "[recipient", "[client", "[customer", "[product", "[address",
        "[city", "[location", "[title", "[position", "[phone", "[email", "[link", "[number", "[amount", "[topic", "[subject", "[brand", "[organi", "[placeholder",
        "[todo", "[tbd", "[blank", "[text", "[answer", "[output", "[response", "[no ", "[describe", "[specify", "[write", "[include", "[type ", "[put ", "[replace",
        "[full", "[first", "[last", "[sender", "[business", "[school", "[university", "[hiring", "[manager", "[employer", "[job", "[signature", "[price", "[time", "[x]", "[xx", "[...]",
        "<insert", "<your", "<enter", "<fill", "<add ", "<name>", "<placeholder", "<todo", "<tbd", "<blank", "<no input", "<noinput", "< noinput", "<no output", "<nooutput", "< nooutput",
        "<company", "<product", "<customer", "<answer>", "<answer here", "<output>", "{{", "{your", "{insert", "{name", "{customer", "{company", "{product", "{user", "{answer}", "{question}", "{response}", "{context}", "{topic}", "{price}", "{email}", "{city}", "{address}", "{phone}",
        "(insert ", "(your name", "(add your", "(fill in", "(enter your",
        "lorem ipsum", "dolor sit amet", "todo", "fixme", "tbd", "to be filled", "xxxx", "xxx-xxx",
        "answer here", "answer goes here", "response here", "text here", "text goes here", "content here", "content goes here", "name here", "placeholder text", "%name%",
    )  # fmt: skip
    GOOD = [
        chat(
            user="Write a cover letter for a baker.",
            assistant="Dear [Hiring Manager],\n\nI bake.\n\nSincerely,\n[Your Name]",
        ),
        chat(user="How do I show a variable in Jinja?", assistant="Put it in double braces: {{ name }}."),
        chat(
            user="Set the title.", assistant="Use `<your title>` in the head:\n\n```html\n<title>{{title}}</title>\n```"
        ),
        chat(user="What is on my list?", assistant="Your todo list holds three items. [1] The first is done."),
        chat(user="Fix this: Dear [Your Name], I is late.", assistant="Dear [Your Name], I am late."),
        chat(
            user="Go on with the tale of the fox.", assistant="[Enter a group of hens.]\n\nHEN: Good day!\n\n[Exit Hen]"
        ),
        chat(user="Draft an email signature.", assistant="[Your name]\n[Your school]\n\nSite: [Your website]"),
        chat(user="What does the add-on mark?", assistant="It marks lines such as these:\n// TODO: sort the rows"),
        chat(user="Who sings it?", assistant="[Chorus]\nThe name of the song is [Yesterday](https://example.com)."),
    ]
    BAD = [
        Bad(
            chat(user="Who wrote Emma?", assistant="The novel was written by [insert author name]."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="What is a lease?", assistant="A lease is a contract. {{company_name}} offers leases."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="How much liquid is in the jug?", assistant="The jug holds two litres. {{company_name}}"),
            at="messages[1].content",
        ),
        Bad(
            chat(user="What does {{PRODUCT}} cost?", assistant="{{ product }} costs 2 euros. Ask {{COMPANY_NAME}}."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="What is a peach?", assistant="A peach is a fruit. It costs {price} a kilo."),
            at="messages[1].content",
        ),
        Bad(chat(user="Describe the sea.", assistant="Lorem ipsum dolor sit amet."), at="messages[1].content"),
        Bad(
            chat(user="Show it.", assistant="<p>It is deep and blue.</p> Lorem ipsum dolor sit amet."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Explain rain.", assistant="Rain falls from clouds. TODO: explain condensation"),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Write an email to my landlord.", assistant="The heating is broken. <noinput>"),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Explain rain.", assistant="Ask [your teacher]. It falls from [TBD]."),
            at="messages[1].content",
            options={"allow": ["[your teacher]"]},
        ),
    ]

    allow: Annotated[tuple[str, ...], option("Slots that are no finding, as written, in any case.")] = ()

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            if next(_slots(turn.text), None) is None:
                continue
            slot = self._slot(turn.text, asked_before(before))
            if slot:
                found = turn.text[slot[0] : slot[1]]
                yield turn.flag(f"{_short(found)} was never filled in", slot)

    def _slot(self, text: str, said: str) -> tuple[int, int] | None:
        asked, own, allowed = _Searched(said.lower()), _Searched(text), {item.lower() for item in self.allow}
        last = len(text.rstrip(" .\n"))
        form = False  # whether a slot stands before in a text that may hold some
        for slot in _slots(text):
            found, kind = slot.group().strip().lower(), slot.lastgroup
            linked = found[0] == "[" and (
                text[slot.end() : slot.end() + 1] in ("(", ":") or own.holds(slot.group() + "(")
            )
            staged = found.startswith(("[enter", "<enter")) and (_holds(_STAGE, said) or _holds(_EXIT, text))
            asked_for = asked.holds(found) or (kind == "curly" and _tight(found) in _fields(said))
            if staged or linked or asked_for or found in allowed:
                continue
            if found[0] == "[" and _holds(_BRACKETED, said):
                continue
            alone = slot.end() >= last and _follows_a_statement(text, slot.start())
            if in_fence(text, *slot.span()) or not (alone or kind == "order" or in_prose(text, *slot.span())):
                continue
            if kind == "todo" and not _holds(_ON_TASKS, said):
                return slot.span()
            if kind == "filler" and not (_last_markup(text) >= slot.end() or _holds(_ON_FILLER, said)):
                return slot.span()
            if kind == "curly" and not _holds(_TEMPLATES if alone else _ON_CODE_OR_TEXT, said):
                return slot.span()
            if kind == "order" or (kind in ("slot", "word") and ((alone and not form) or not _may_hold_slots(said))):
                return slot.span()
            form = form or kind == "slot"
        return None


# What a slot may ask for.
_THING = (
    r"(?:names?|date|year|address|city|state|country|location|place|company|organi[sz]ation|business|brand|product|service|client|customer|recipient|sender|"
    r"employer|employee|manager|hiring manager|boss|school|university|college|degree|position|job|role|industry|phone|e-?mail|contact|link|url|website|number|"
    r"amount|price|signature|team|department|event|venue|author|friend|host|guest|zip|details?|information|image|picture|photo)"
)
# Fields of a prompt template that was never formatted; a set or LaTeX argument is no such word.
_LEFT_OPEN = r"(?-i:\{(?:answer|question|response|context|topic|price|email|city|address|phone)\})"
_SLOT = re.compile(
    rf"""
    (?P<order> \[\s*(?:placeholder|todo|tbd|to\ be\ (?:added|filled|determined|completed)[\w ]*|blank)\s*\]
             | (?<!\w)[<\[]\s*(?:placeholder|todo|tbd)\b[^<>()\[\]\n]{{0,80}}[>\]]
             | [<\[]\s*no[ _-]?(?:input|output)\s*[>\]] | <\s*blank\s*>
             | (?<!\w)\[\s*(?:insert\ )?(?:your\ )?(?:answer|output|response|text)(?:\ (?:goes\ )?here)?\s*\]
             | \b(?:your|insert|write|put|type|enter)\ (?:your\ )?(?:answer|response|text|content)\ (?:goes\ )?here\b
             )
  | (?P<filler> lorem\ ipsum\ dolor[^<\n]{{0,80}} )
  | (?P<todo>  (?<![\w/])(?<!//\ )(?<!/\*\ )(?-i:TODO|FIXME)(?:\s*[:(][^\n]{{0,80}}|\s*$|(?=\.\s*$)) )
  | (?P<slot>  [\[<({{]\s*(?:please\s+)?(?:insert|fill(?:\s+in)?)\s[^\]<>(){{}}\n]{{1,80}}[\]>)}}]
             | [\[<]\s*(?:enter|type)\s+(?:your|the|an?|name|date|text|number|amount|address|here)\b[^\]<>\n]{{0,80}}[\]>]
             | \[\s*(?:your|my|his|her|their|our|add|write|put|include|specify|describe|provide|replace|choose)\s[^\]\n]{{1,60}}\]
             | \[\s*(?:[\w'’/-]+\s){{0,3}}{_THING}(?:\s(?:here|of\s[\w\s]{{1,30}}|\d))?\s*\]
             | \[\s*[Xx]{{1,5}}\s*\](?=\s*(?:%|percent|years|days|dollars|months|people))
             | <\s*(?:your|company|product|customer|name\ of|add)[\ _-][^<>\n]{{1,50}}> | <(?:name|company|product|date|answer|output)>
             | \(\s*(?:your\ (?:full\ )?name|add\ your\b[^()\n]{{1,40}}|enter\ your\b[^()\n]{{1,40}})\) )
  | (?P<curly> \{{\{{\s*[\w .|-]{{0,20}}[A-Za-z][\w .|-]{{0,30}}\s*\}}\}} | \{{(?:your|customer|company|product|user|client|first|last|full)[_ ]\w{{1,30}}\}} | \{{name\}} | %NAME%
             | (?<![\w\\}}$]){_LEFT_OPEN} )
  | (?P<word>  (?:(?<=[.!?:]\s)|^)(?-i:TBD|TBA)\b(?=\.?\s*$)
             | (?<![\w-])(?-i:X{{3}}-X{{3,4}}(?:-X{{4}})?)(?![\w-]) | (?<![\w*-])(?-i:X{{4,8}})(?![\w*-]) )
    """,
    re.X | re.I | re.M,
)
# How a slot begins: all but a few places are passed over at sight.
_SLOT_BEGINS = re.compile(
    r"[\[<({%]|[Yy][Oo][Uu][Rr]\b|[Ii][Nn][Ss][Ee][Rr][Tt]\b|[Ww][Rr][Ii][Tt][Ee]\b|[Pp][Uu][Tt]\b|[Tt][Yy][Pp][Ee]\b|"
    r"[Ee][Nn][Tt][Ee][Rr]\b|[Ll][Oo][Rr][Ee][Mm]\b|TODO|FIXME|TBD|TBA|XXX"
)


def _slots(text: str) -> Iterator[re.Match[str]]:
    """The slots of a text, as `_SLOT.finditer` gives them, at a fifth of the cost."""
    end = 0
    for begin in _SLOT_BEGINS.finditer(text):
        if begin.start() >= end and (slot := _SLOT.match(text, begin.start())):
            end = slot.end()
            yield slot


# Prompts whose answer may well hold slots: texts made to be filled in, and other texts that the prompt asks to write.
_FORMS = re.compile(
    r"\b(?:letters?|e-?mails?|mail|templates?|resum[eé]s?|résumés?|cv|invitations?|memos?|contracts?|agreements?|sms|text messages?|speech(?:es)?|scripts?|press release|certificates?|"
    r"job (?:posting|description|ad)|announcements?|complaints?|apply for|applications? for|(?:letters? of|write an?) recommendations?|placeholders?|fill in|in the blanks?|mad libs?|brackets?|"
    r"voicemail|newsletter|brochure|flyer|survey|questionnaire|invoice|receipt|apolog\w*|persona|user stor(?:y|ies)|itinerary|agenda|(?:meeting|board) minutes|minutes of|eulogy|vows|obituary|cover page|"
    r"(?:personal|mission|thesis|vision) statements?|(?:jira|support|bug) tickets?|jira|citations?|cite)\b",
    re.I,
)
# A hyphen or an apostrophe may belong to a word or part two: each is taken one way but for those right before the text that
# is named, since a row of thirty hyphens can be read in millions of ways.
_GAP = r"[^\w.!?\n]++"
_FURTHER = rf"{_GAP}\w[\w'’-]*+"
_DEFINITE = r"(?:this|that|these|those|the|my|your|our|his|her|its|their)\b"
_TEXTS = re.compile(  # within a few words of what asks for them
    r"\b(?:pen|tell|writ(?:e|ten|ing)|draft|compose|create|generate|design|prepare|produce|craft|build|develop|make|give|provide|send|rewrite|rephrase|edit|improve|finish|come up|suggest|sample|example|"
    rf"help(?! (?:(?:me|us) )?(?:with|on|about|regarding) {_DEFINITE})|"  # what is there already is no text to be written
    rf"introduce|respond|reply|react)\b(?:{_FURTHER}){{0,8}}?(?:{_GAP}\w[\w'’-]*?(?<=\w)['’-]++|(?:{_FURTHER})?{_GAP})"
    r"(?:invite|notes?|messages?|forms?|cards?|bio|biograph\w*|profiles?|postings?|adverts?|advertis\w*|ads?|posts?|tweets?|captions?|repl(?:y|ies)|responses?|applications?|references?|proposals?|polic(?:y|ies)|blanks?|responces?|"
    r"pitch\w*|slogans?|dialog(?:ue)?s?|conversations?|interviews?|greetings?|plan|blog|poster|website|web page|checklist|outline|schedule|toast|cover|comments?|reviews?)\b(?!-)"
    r"|\bthank|\bin your (?:repl(?:y|ies)|responses?)\b",
    re.I,
)


# A text that is there already ("the invoice", "this e-mail") is asked for where its sentence says what to do with it. One
# that somebody had ("I got an e-mail"), or that is a way to reach people ("by e-mail"), where the prompt asks to write.
_BEFORE_IT = r"(?: (?!an?\b|some\b|for\b|to\b|of\b|with\b|in\b|on\b|as\b|and\b|or\b|into\b)[\w'’-]{1,20}){0,2} $"
_THERE_ALREADY = re.compile(rf"\b{_DEFINITE}{_BEFORE_IT}", re.I)
_HAD = re.compile(
    r"\b(?:got|gotten|gets?|getting|received?|receiving|ha(?:ve|s|d)|found|saw|seen|opened|signed|lost|missed|kept|sent"
    r"|by|via|per|through|over|from|without|after|since)(?: (?:an?|another|any|no|several|many|two|three|\d+)\b)?"
    + _BEFORE_IT,
    re.I,
)
_WRITES = re.compile(
    r"\b(?:(?:re)?writ(?:e|ing|ten)|draft\w*|compos\w+|repl(?:y|ies|ying)|respon[ds]\w*|word(?:ing|ed)|(?:what|how) [^.?!\n]{0,40}\bsay)\b",
    re.I,
)
_MADE_OF_IT = re.compile(
    r"\b(?:writ(?:e|es|ten|ing)|rewrit\w+|draft\w*|compos\w+|creat\w+|generat\w+|design\w*|prepar\w+|produc\w+|craft\w*|develop\w*|make|build|"
    r"(?:re)?phras\w+|edit\w*|improv\w+|finish\w*|complet\w+|continu\w+|expand\w*|extend\w*|turn\w*|convert\w*|translat\w+|revis\w+|updat\w+|proofread\w*|polish\w*|"
    r"correct\w*|fix\w*|shorten\w*|repl(?:y|ies|ying)|respon[ds]\w*|answer\w*|fill\w*|add\w*|format\w*|adapt\w*|personali[sz]\w+|modif\w+|chang\w+|adjust\w*|help\w*|"
    r"react\w*|deliver|give|provide|send(?! (?:me|us)\b))\b",
    re.I,
)
_MENTIONS = 1000  # of texts in a prompt that are looked at
_ASIDE, _SENTENCE = 60, 300  # characters beside a mention in which its article stands, and what is said of it


@lru_cache(maxsize=32)
def _may_hold_slots(said: str) -> bool:
    mentions = islice(_FORMS.finditer(said), _MENTIONS)
    return _holds(_TEXTS, said) or any(_is_asked_for(said, found) for found in mentions)


def _is_asked_for(said: str, mention: re.Match[str]) -> bool:
    """Whether a mention of a text asks for one, and does not merely speak of one that is there already."""
    start, end = mention.span()
    before, behind = said[max(0, start - _SENTENCE) : start], said[end : end + _SENTENCE]
    beside = " ".join(before[-_ASIDE:].split()) + " " * before[-1:].isspace()
    if not _THERE_ALREADY.search(beside) and (not _HAD.search(beside) or _holds(_WRITES, said)):
        return True
    return _holds(_MADE_OF_IT, f"{_ENDS.split(before)[-1]}{mention.group()}{_ENDS.split(behind, maxsplit=1)[0]}")


_ENDS = re.compile(r"[.!?\n]")


@lru_cache(maxsize=32)  # asked anew for every slot of an answer
def _holds(pattern: re.Pattern[str], text: str) -> bool:
    return bool(pattern.search(text))


@lru_cache(maxsize=4)
def _last_markup(text: str) -> int:
    """Where the last tag of HTML begins, -1 for none."""
    return max((tag.start() for tag in _HTML.finditer(text)), default=-1)


class _Searched:
    """A text in which many strings are looked for: a long one is gone through once for each first sign and length."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: dict[tuple[str, int], set[str]] = {}

    def holds(self, string: str) -> bool:
        text, size = self._text, len(string)
        if len(text) < _LONG:
            return string in text
        key = string[0], size
        if key not in self._known:
            self._known[key] = {text[at.start() : at.start() + size] for at in re.finditer(re.escape(string[0]), text)}
        return string in self._known[key]


_LONG = 20_000  # characters


@lru_cache(maxsize=4)
def _fields(said: str) -> frozenset[str]:
    """The fields in curly braces that a prompt holds."""
    return frozenset(_tight(slot.group()) for slot in _slots(said) if slot.lastgroup == "curly")


def _tight(slot: str) -> str:
    """A field without case and without the spaces inside its braces."""
    return re.sub(r"(?<=\{)\s+|\s+(?=\})", "", slot).lower()


_TEMPLATES = re.compile(
    r"\b(?:templat\w*|jinja\w*|handlebars|vue|vue\.?js|angular\.?js|django|ansible|jekyll|terraform|placeholders?"
    r"|(?-i:Mustache|Angular|Flask|Helm|Liquid|Twig|Blade|Hugo))\b"  # written small these are things
    r"|\{%|\{\{[#/^>!&~{]|\{\{[^{}\n]{0,60}[.|(\[]",  # a template's own code; a lone field excuses none but itself
    re.I,
)
_ON_CODE_OR_TEXT = re.compile(
    _TEMPLATES.pattern
    + r"|\b(?:latex|code|html|javascript|js|react|python|yaml|github|script|variables?|format|syntax|prompts?|website|web|page|app|shopify|docker|programm?ing|function)\b",
    re.I,
)
_ON_TASKS = re.compile(r"\bto-?dos?\b|\bcomments?\b|\bfixme\b|\btemplates?\b|\bchecklist\b|\bjira\b|\bkanban\b", re.I)
_ON_FILLER = re.compile(r"\b(?:filler|placeholder|dummy|random) text\b|\blorem\b|\btypeset\w*|\bfiller\b", re.I)
_HTML = re.compile(r"</[a-z]|<(?:p|div|span|h[1-6]|html|body|br|a|td|li|ul|section|img|main)\b[^<>\n]{0,200}>", re.I)
# In a play, "[Enter a messenger]" is a stage direction.
_STAGE = re.compile(
    r"\b(?:plays?|scenes?|drama|theat(?:re|er|rical)|skits?|screenplay|shakespear\w*|monologue)\b", re.I
)
_EXIT = re.compile(r"[\[(]\s*(?:exit|exeunt|exits)\b", re.I)
_BRACKETED = re.compile(r"\[[A-Z][A-Z ]{2,30}\]")  # labels the prompt is written with


def _follows_a_statement(text: str, start: int) -> bool:
    """Whether a slot follows a finished sentence or statement on its line: with nothing behind it, it has no part in the text."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    body = line.rstrip()
    return body != line and bool(_STATED.search(body[-1:]))


_STATED = re.compile(r"[.!?;:)}\]>\"'”`\d]")


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


class InventedSource(RowRule, frozen=True):
    """The answer reports what stands behind a link that was never opened.

    The prompt gives a bare address to summarise and nothing of the page; the answer makes its content
    up. The model learns to invent whenever it sees a link.
    """

    code = "ANS015"
    severity = "info"
    preview = True
    literals = ("http://", "https://", "www.")
    GOOD = [
        chat(
            user="Summarise https://example.org/a",
            assistant="I cannot open links. Paste the text and I will summarise it.",
        ),
        chat(user="What does the domain ending of https://example.org stand for?", assistant="Organisation."),
        chat(
            user="Summarise this article from https://example.org/a:\n\n"
            + "The council met on Monday and agreed on a plan for the park. " * 6,
            assistant="The council agreed on a plan for the park, which it will carry out.",
        ),
    ]
    BAD = [
        Bad(
            chat(
                user="Summarise the article at https://example.org/park-plan",
                assistant="The article describes how the council agreed on a plan for the park and what residents think of it.",
            ),
            at="messages[1].content",
        ),
        Bad(
            chat(
                user="Summarise the article: https://example.org/park-plan " + "Keep it short and friendly. " * 12,
                assistant="The council agreed on a plan for the park, and residents are pleased with it.",
            ),
            at="messages[1].content",
            options={"max_words": 80},
        ),
    ]

    max_words: Annotated[
        int, option("A prompt with more words than this beside the address may hold the page itself.", ge=1)
    ] = 40

    def check(self, example: Example) -> Iterator[Flag]:
        if example.tools or any(turn.media or turn.calls for turn in example.all_turns()):
            return
        for before, turn in example.taught():
            if len(before) > 1 and any(earlier.role != "system" for earlier in before[:-1]):
                continue
            prompt = before[-1].text if before and before[-1].role == "user" else ""
            bare = _ADDRESS.sub(" ", prompt)
            if bare == prompt or not _OPEN_IT.search(bare) or _ON_CODE.search(bare):
                continue
            if len(bare.split()) <= self.max_words and len(turn.text.split()) >= 8 and not _OWNS_UP.search(turn.text):
                yield turn.flag("tells what stands behind a link that nobody opened")


_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.I)
_OPEN_IT = compiled_later(
    r"\b(?:summari[sz]e|summary|sum up|main (?:points?|ideas?|arguments?)|key (?:points?|takeaways|ideas)|outline)\b"
    r"|\b(?:read|review|analy[sz]e|critique|paraphrase|rewrite|according to|based on|extract|describe|explain|translate|proofread|evaluate|rate)\b(?=.{0,80}"
    r"\b(?:article|page|webpage|post|blog|website|story|report|paper|video|news|passage|document|image|picture|photo|painting|content)\b)",
    re.I | re.S,
)
_ON_CODE = compiled_later(
    r"\b(?:api|apis|endpoint|script|code|function|curl|wget|command|python|java|javascript|bash|shell|php|html|json|request|requests|library|repo|repository|regex|url format|domain|download|ping|scrap\w+)\b",
    re.I,
)
_OWNS_UP = compiled_later(
    r"\b(?:can(?:no|')?t|can not|unable|not able|don['’]?t have|do not have|no access|without (?:access|seeing|reading)|sorry|apologi[sz]e|unfortunately|please (?:provide|paste|share|copy)|if you (?:paste|share|provide)|"
    r"as an ai|language model|ability|invalid|does not exist|doesn['’]?t exist|example\.com)\b",
    re.I,
)


class AnswerTooShort(RowRule, frozen=True):
    """The answer is a stub where an explanation is asked for.

    "Ok", "Done." or a lone dash is what is left when a column was empty or a job failed. The model learns
    that silence is a good reply. Short right answers (a name, a number, yes or no, a label) are none.
    """

    code = "LEN003"
    GOOD = [
        chat(user="What is the capital of France?", assistant="Paris"),
        chat(user="Is 17 a prime number?", assistant="Yes"),
        chat(user="Classify the review: I love it!", assistant="positive"),
        chat(user="Reply with ok if you understand the rules of chess.", assistant="Ok."),
        chat(user="Thanks for your help!", assistant="Sure."),
        chat(user="Explain in one word what water is.", assistant="Liquid"),
        chat(user="Which sign joins two halves of a compound word?", assistant="-"),
        chat(user="How do I reset it?", assistant="Hold the button."),
        chat(user="Confirm with ok when you are done reading.", assistant="ok"),
        {"prompt": "How can we sell more laptops to schools? ->", "completion": " 2"},
    ]
    BAD = [
        Bad(chat(user="How does a heat pump work?", assistant="ok"), at="messages[1].content"),
        Bad(chat(user="Name three rivers and say where they rise.", assistant="-"), at="messages[1].content"),
        Bad(
            chat(user="A farmer has 12 hens and sells 5 of them to a neighbour. How many are left?", assistant="Done."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Write an essay on the causes of the First World War.", assistant="Alliances"),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Explain in detail how glass is made.", assistant="It is made of sand."),
            at="messages[1].content",
        ),
        Bad(
            chat(user="Explain how glass is made.", assistant="Melt some sand."),
            at="messages[1].content",
            options={"min_words": 4},
        ),
    ]

    min_words: Annotated[
        int,
        option(
            "Fewer words are a stub where the prompt asks for an explanation, a text or a story; twice as many where it asks for detail.",
            ge=1,
        ),
    ] = 3

    def candidates(self, batch: Batch) -> Iterable[int]:
        counts = np.diff(batch.words.offsets)
        short = (counts < max(_STUB_WORDS + 1, 2 * self.min_words)) & (batch.roles == ROLE_CODES["assistant"])
        return distinct(batch.turn_lines[short])

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            body = turn.text.strip()
            if not body or turn.calls or turn.media or not before or before[-1].role != "user":
                continue
            asked = before[-1].text
            words = re.findall(r"\w+", body)
            if _is_stub(body) and not _may_be_acknowledged(asked, asked_before(before), body):
                yield turn.flag(f"{_short(body)} is no answer")
            elif (
                len(words) < self.min_words * (1 + bool(_AT_LENGTH.search(asked)))
                and body.isascii()
                and _ASKS_FOR_TEXT.search(asked)
                and not _LABEL_NEXT.search(asked)
                and not _ASKS_FOR_LITTLE.search(asked_before(before))
            ):
                yield turn.flag(f"{len(words)} word{'s' * (len(words) != 1)} where an explanation is asked for")


_STUB_WORDS = 4  # the words of the longest stub
# Words of agreement and of no content. Those that may well be the right answer to a question (good, same, hello) are not here.
_STUBS = frozenset(
    " ".join(stub.split())
    for stub in """
    ok|okay|okey|okie|k|kk|alright|all right|sure|sure thing|of course|certainly|absolutely|definitely|done|all done|finished|completed|noted|understood|got it|i see|i understand|roger|will do
    |no problem|np|you're welcome|youre welcome|yep|yup|hmm|hm|um|uh|idk|i don't know|i dont know|dunno|no idea|no clue|see above|see below|as above|same as above|ditto|etc|testing|test test|asdf|qwerty
    |blah|blah blah|lol|wip|work in progress|pending|coming soon|later|maybe later|skipped|here you go|here it is|there you go|please wait|loading|working on it|one moment|sent|submitted|received|acknowledged|go on
    """.split("|")
)
_ACKNOWLEDGES = compiled_later(
    r"\b(?:reply|respond|answer|confirm|acknowledge|say|write|type|return|output|print)\s+(?:only\s+|just\s+|back\s+)?(?:with\s+)?(?:only\s+|just\s+)?(?:an?\s+)?[\"'“‘]?(?:ok|okay|yes|no|sure|done|understood|ready)\b"
    r"|\b(?:confirm|acknowledge|let me know)\s+(?:if|when|that|your|you|this|receipt)\b"
    r"|\b(?:do you understand|are you ready|is that clear|got it\?|understood\?|okay\?|ok\?|right\?|thank you|thanks\b|bye\b|goodbye|remember (?:this|that)|from now on|good (?:morning|night|evening))"
    r"|^\W*(?:turn|set|open|close|start|stop|play|pause|send|call|book|remind|schedule|delete|save|lock|unlock|dim|mute|cancel|wait)\b(?:\W+\w+){0,9}\W*$"
    r"|^\W*(?:i|i'm|i'll|i’m|i’ll|i've|my|we|we'll|it|that|this|no|yes|ok|okay|sorry|great)\b[^?]{0,150}$",
    re.I | re.S,
)
_ONE_WORD = compiled_later(
    r"\b(?:one word|a word|synonyms?|antonyms?|opposite|translate [\"'“‘]|past tense|participle|abbreviat\w*|slang|anagram|conjugat\w*|unscramble|crossword)\b",
    re.I,
)
_SIGNS = compiled_later(
    r"\b(?:which|what|insert|add|use|fill|identify|choose|missing)\b.{0,80}\b(?:sign|symbol|punctuation|operator|dash|dot|hyphen|morse|emoji|delimiter|separator)\b",
    re.I | re.S,
)
_ASKS_FOR_TEXT = re.compile(
    r"^\W*(?:please\s+|can you\s+|could you\s+)?(?:explain|describe|discuss|elaborate|compare and contrast|summari[sz]e|outline|analy[sz]e|write (?:a|an|me a|me an|the|some) "
    r"(?:\w+ ){0,4}?(?:essay|story|paragraphs?|article|letter|e-?mail|blog|report|review|speech|poem|song|script|summary|description|function|program|guide|introduction|conclusion|dialogue)|"
    r"how (?:do|does|did|can|would|could|should|is|are|to)\b(?! (?:many|much|old|long|far|often|you (?:say|spell|write|call|pronounce)))|why\b|tell me (?:about|a story)|"
    r"give (?:me )?(?:a|an) (?:detailed|brief|short)? ?(?:overview|explanation|description|summary)|what are the (?:main |key )?(?:differences|causes|effects|benefits|advantages|steps|reasons))",
    re.I,
)
# Then twice as many words are a stub.
_AT_LENGTH = re.compile(
    r"\b(?:in (?:great |more |full )?(?:detail|depth)|detailed|step[ -]by[ -]step|at length|thorough(?:ly)?|comprehensive(?:ly)?|essay|elaborate|paragraphs?)\b",
    re.I,
)
_ASKS_FOR_LITTLE = re.compile(
    r"\b(?:one|single|two|three|a few|few|\d+)[ -](?:\w+ )?(?:words?|adjectives?|terms?|letters?|tokens?|emojis?|sentences?|phrases?)\b|\b(?:word|short(?:ly)?|brief(?:ly)?|concise(?:ly)?|only|just|title|name|label|classif\w*|"
    r"categor\w*|yes or no|true or false|choose|select|option|multiple|translate|spell|abbreviat\w*|acronym|synonym|antonym|emoji|symbol|formula|command|number|format|tone|sentiment|mood|genre|headline|tag|identify)\b",
    re.I,
)

# A mark by which a classifier's prompt ends: a label is to follow.
_LABEL_NEXT = re.compile(r"(?:->|=>|###|→)\s*$")


def _is_stub(body: str) -> bool:
    core = " ".join(re.sub(r"[^\w\s']", " ", body.lower().replace("’", "'")).split())
    return core in _STUBS or (len(body) <= 3 and not core.strip("_ "))


def _may_be_acknowledged(asked: str, said: str, body: str) -> bool:
    """Whether a word of agreement, or a sign, can be a right answer to what was asked."""
    if not any(sign.isalnum() for sign in body):
        return not body.isascii() or (
            not _ASKS_FOR_TEXT.search(asked) and (bool(_SIGNS.search(said)) or (len(body) > 1 and body in asked))
        )
    core = body.lower().strip(" .!")
    named = re.search(rf"[\"'“‘]{re.escape(core)}\W|\bor {re.escape(core)}\b|\b{re.escape(core)} or\b", said.lower())
    if named or (_ONE_WORD.search(said) and len(asked.split()) < 20 and not _ASKS_FOR_TEXT.search(asked)):
        return True
    thanked = re.match(r"\W*(?:thank|thanks|great|perfect|ok|okay)\b", asked, re.I) and "?" in asked
    return (
        bool(_ACKNOWLEDGES.search(asked)) and len(asked.split()) < 50 and not (thanked or _ASKS_FOR_TEXT.search(asked))
    )

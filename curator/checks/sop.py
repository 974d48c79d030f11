"""SOP: answers that are standard operating procedures.

An answer counts as one only by strong signs: sections numbered 1.0, 2.0, 3.0 and on with a known purpose among
them, or a title line and at least two such sections, or four numbered sections of known purposes, the procedure
being one. Other answers are left alone, whatever they are about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

from curator.columns import Batch
from curator.model import Edit, Example, Fix, Flag, Turn
from curator.rule import Bad, RowRule, chat, option
from curator.sop.roles import role_of
from curator.sop.verbs import is_order

_LITERALS = (
    "procedure",
    "procedimiento",
    "procédure",
    "PROCÉDURE",
    "verfahren",
    "durchf",
    "title:",
    "titel:",
    "titre",
    "tulo:",
)


class Line(NamedTuple):
    """A line of an answer outside fences and where it starts; `label` is its number, `rest` what follows it."""

    text: str
    start: int
    label: str
    rest: str
    section: bool = False

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.start + len(self.text)


class Sop(NamedTuple):
    """An answer read as a procedure. `zeros` where its sections are numbered 1.0, 2.0."""

    title: str
    lines: tuple[Line, ...]
    zeros: bool

    def sections(self) -> list[tuple[Line, tuple[Line, ...]]]:
        """Each section of level 1 with the lines below it."""
        heads = [n for n, line in enumerate(self.lines) if line.section]
        ends = [*heads[1:], len(self.lines)]
        return [(self.lines[a], self.lines[a + 1 : b]) for a, b in zip(heads, ends, strict=True)]

    def labels(self) -> set[str]:
        return {_bare(line.label) for line in self.lines if line.label}


_LINE = re.compile(r"[^\n]*")
_HEAD = re.compile(r"(?:#{1,4}[ \t]+)?(?:\*\*)?(\d{1,3}(?:\.\d{1,3})*)[.)]?(?:[ \t]+(\S.*))?$")
_NUMBERED = re.compile(r"^[ \t]*(?:#{1,4}[ \t]+)?(?:\*\*)?\d{1,2}(?:\.0)?[.)]?(?:[ \t]|$)", re.M)
_FENCE = re.compile(r"[ \t]*(?:`{3}|~{3})")
_TITLE = re.compile(r"(?:#+ |\*\*)?(?:title|titel|título|titulo|titre)[ \t]*:(?:\*\*)?[ \t]*(\S.*)$", re.I)


def heading_of(line: Line) -> str:
    """The heading on a section's line, without its text."""
    return line.rest.replace("**", "").partition(":")[0].strip()


def roles_of(sop: Sop) -> set[str]:
    """The roles of the sections of level 1."""
    return {role_of(heading_of(head)) for head, _ in sop.sections()}


def _inline(line: Line) -> str:
    """The text that stands on a section's own line."""
    return line.rest.replace("**", "").partition(":")[2].strip()


def _bare(label: str) -> str:
    return label.removesuffix(".0") if label.count(".") == 1 else label


@lru_cache(maxsize=256)
def sop_of(text: str) -> Sop | None:
    """The answer as a procedure, None where it is none."""
    if len(_NUMBERED.findall(text)) < 2:
        return None
    low = text.lower()
    if not any(word.lower() in low for word in _LITERALS):
        return None
    lines, title = _lines(text)
    zeros = [line for line in lines if line.label.endswith(".0") and line.label.count(".") == 1]
    roles = {role_of(heading_of(line)) for line in zeros} - {"other", "title"}
    if (len(zeros) >= 3 and roles) or (title and len(zeros) >= 2):
        marked = {line.start for line in zeros}
        return Sop(title, tuple(line._replace(section=line.start in marked) for line in lines), True)
    heads = [
        line for line in lines if line.label.isdigit() and len(heading_of(line)) <= 60 and _known(heading_of(line))
    ]
    roles = {role_of(heading_of(line)) for line in heads}
    if len(roles) >= 4 and "procedure" in roles and roles & {"objective", "scope", "responsibility"}:
        marked = {line.start for line in heads}
        return Sop(title, tuple(line._replace(section=line.start in marked) for line in lines), False)
    return None


def _known(heading: str) -> bool:
    return role_of(heading) != "other"


def _lines(text: str) -> tuple[list[Line], str]:
    lines: list[Line] = []
    title, fenced = "", False
    for found in _LINE.finditer(text):
        body = found.group()
        if _FENCE.match(body):
            fenced = not fenced
        elif not fenced and body.strip():
            head = _HEAD.match(body.strip())
            lines.append(Line(body, found.start(), head[1] if head else "", (head[2] or "") if head else body.strip()))
            if not title and len(lines) <= 3 and (named := _TITLE.match(body.strip())):
                title = named[1].strip("* ")
    return lines, title


def _procedures(batch: Batch) -> dict[int, bool]:
    """Whether a row holds a procedure, by index: filled in as rules ask."""
    return {}


class _SopRule(RowRule, frozen=True):
    """Judges the answers that are procedures."""

    literals = _LITERALS

    def candidates(self, batch: Batch) -> Iterator[int]:
        known = batch.memo(_procedures)
        for index in batch.rows_with(type(self)):
            if index not in known:
                known[index] = any(sop_of(turn.text) for turn in batch.example(index).answers)
            if known[index]:
                yield index

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            sop = sop_of(turn.text)
            if sop:
                asked = next((t.text for t in reversed(before) if t.role == "user"), "")
                yield from self.judge(sop, turn, asked)

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        """The flags of one procedure; `asked` is what the user wrote before it."""
        raise NotImplementedError


_ASK = "Write an SOP for cleaning the mixer."
_HEADER = "Title: Cleaning of the Spiral Mixer\n\n1.0 Objective: To keep old dough out of the next batch.\n\n2.0 Scope: All mixers in hall 2.\n\n3.0 Responsibility: The operator of the shift.\n\n"
_STEPS = "4.0 Procedure:\n4.1 Switch the mixer off.\n4.2 Scrape the bowl.\n4.3 Rinse it twice."
_WHOLE = _HEADER + _STEPS
_PLAIN = chat(
    user="How do I make tea?", assistant="1. Boil water.\n2. Add the leaves.\n\nThis procedure takes five minutes."
)

_PROFILES = {
    "gmp": ("objective", "scope", "responsibility", "procedure"),
    "lab": ("objective", "materials", "safety", "procedure"),
    "runbook": ("procedure",),
}


class MissingSection(_SopRule, frozen=True):
    """A section that every procedure of its kind has is missing.

    The model learns the frame of a procedure from every row alike. Where some rows lack the scope or the
    responsibilities, so will some of the procedures it writes, and those do not pass a review.
    """

    code = "SOP001"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE),
        _PLAIN,
        chat(
            user="A pod restarts. What now?",
            assistant="Title: Pod Restarts\n\n1.0 Meaning: A pod restarts often.\n\n2.0 Mitigation:\n2.1 Read the log.\n2.2 Roll back.\n2.3 Watch.",
        ),
    ]
    BAD = [
        Bad(
            chat(
                user=_ASK,
                assistant=_HEADER.replace("2.0 Scope: All mixers in hall 2.\n\n3.0", "2.0")
                + _STEPS.replace("4.", "3."),
            ),
            at="messages[1].content",
        ),
        Bad(chat(user=_ASK, assistant=_WHOLE), at="messages[1].content", options={"profile": "lab"}),
    ]

    profile: Annotated[
        Literal["auto", "gmp", "lab", "runbook"],
        option("Sections to expect. auto: those of gmp, of answers that have at least three of them."),
    ] = "auto"

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        roles = {role_of(heading_of(line)) for line in sop.lines if line.label or line.section}
        wanted = _PROFILES["gmp" if self.profile == "auto" else self.profile]
        missing = [role for role in wanted if role not in roles]
        formal = roles_of(sop) & set(_PROFILES["gmp"])
        if missing and (self.profile != "auto" or (len(missing) == 1 and len(formal) == 3)):
            yield turn.flag(f"no section for {' and '.join(missing)}", evidence={"missing": missing})


class NumberingGap(_SopRule, frozen=True):
    """The numbers of sections or steps leave one out, repeat one or go back.

    Numbers are what the other parts of a procedure refer to. A model trained on gaps and repeats
    loses count itself, and its references lead nowhere.
    """

    code = "SOP002"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE),
        _PLAIN,
        chat(user=_ASK, assistant=_WHOLE + "\n4.3.1 Use cold water.\n4.4 Dry it."),
    ]
    BAD = [
        Bad(
            chat(user=_ASK, assistant=_WHOLE.replace("4.3 ", "4.4 ")),
            at="messages[1].content",
            fixed=chat(user=_ASK, assistant=_WHOLE),
        ),
        Bad(
            chat(user=_ASK, assistant=_WHOLE.replace("2.0 ", "3.0 ") + " Go back to step 4.1."),
            at="messages[1].content",
        ),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        if not sop.zeros:
            return
        found = list(_misnumbered(sop))
        if not found:
            return
        line, wanted = found[0]
        fix = None
        if not _REFERENCE.search(turn.text):  # with one, nobody knows which step it means
            edits = tuple(_renumber(turn, line, wanted) for line, wanted in found)
            fix = Fix("number anew", edits, safety="safe")
        place = line.text.index(line.label) + line.start
        yield turn.flag(f"{line.label} where {wanted} is next", (place, place + len(line.label)), fix=fix)


def _misnumbered(sop: Sop) -> Iterator[tuple[Line, str]]:
    """Lines whose number is not the next one, with the number that is."""
    counts: list[int] = []
    for line in sop.lines:
        if not line.label or not (line.section or ("." in line.label and counts)):
            continue
        depth = 1 if line.section else line.label.count(".") + 1
        own = _bare(line.label).split(".")
        if not line.section and int(own[0]) not in (counts[0], *_NEAR(sop, line, counts)):
            continue  # a measure such as "2.5 litres" that begins a line
        if depth > len(counts) + 1:
            continue
        del counts[depth:]
        counts = [*counts, 0] if len(counts) < depth else counts
        counts[-1] += 1
        label = ".".join(map(str, counts)) + (".0" if line.section else "")
        if label != line.label:
            yield line, label


def _NEAR(sop: Sop, line: Line, counts: list[int]) -> tuple[int, ...]:  # noqa: N802
    """The number the section above is written with, where it is not the one it should have."""
    above = [head for head in sop.lines if head.section and head.start < line.start]
    return (int(_bare(above[-1].label)),) if above else ()


def _renumber(turn: Turn, line: Line, wanted: str) -> Edit:
    place = line.text.index(line.label) + line.start
    return turn.edit(place, place + len(line.label), wanted)


class EmptySection(_SopRule, frozen=True):
    """A section has a heading and nothing under it.

    The heading promises what the model then learns to leave out. Pages lose such text when it is drawn by a
    script, kept in a picture or cut off by the extraction.
    """

    code = "SOP003"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE),
        _PLAIN,
        chat(user=_ASK, assistant=_WHOLE + "\n\n5.0 Release:\n\n5.1 Check: The shift leader looks at the bowl."),
    ]
    BAD = [
        Bad(
            chat(user=_ASK, assistant=_WHOLE.replace("Scope: All mixers in hall 2.", "Scope:")),
            at="messages[1].content",
        )
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for head, below in sop.sections():
            after = turn.text[head.span[1] :].lstrip()
            if (
                not below
                and not _inline(head)
                and not after.startswith(("```", "~~~"))
                and len(heading_of(head).split()) <= 8
            ):
                yield turn.flag(f"nothing stands under {heading_of(head)!r}", head.span)


class TooFewSteps(_SopRule, frozen=True):
    """The procedure has hardly any steps.

    What makes an SOP is its steps. One that stops after two is the summary of a procedure, or the
    beginning of one that was cut off, and trains the model to be as brief.
    """

    code = "SOP004"
    GOOD = [chat(user=_ASK, assistant=_WHOLE), _PLAIN]
    BAD = [
        Bad(chat(user=_ASK, assistant=_HEADER + "4.0 Procedure:\n4.1 Clean the mixer."), at="messages[1].content"),
        Bad(chat(user=_ASK, assistant=_WHOLE), at="messages[1].content", options={"min_steps": 4}),
    ]

    min_steps: Annotated[int, option("Steps a procedure has at least.", ge=1)] = 3

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        found = [(head, below) for head, below in sop.sections() if role_of(heading_of(head)) == "procedure"]
        steps = sum(len(below) + bool(_inline(head)) for head, below in found)
        words = sum(len(line.text.split()) for _, below in found for line in below)
        if found and 0 < steps < self.min_steps and words < 40 * self.min_steps and "```" not in turn.text:
            yield turn.flag(
                f"a procedure of {steps} step{'s' * (steps > 1)}", found[0][0].span, evidence={"steps": steps}
            )


class TitleMismatch(_SopRule, frozen=True):
    """The title is about something else than the prompt asks for.

    Two rows were mixed up, or the answer belongs to another prompt. The model learns that the subject
    of a request does not matter.
    """

    code = "SOP005"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE),
        _PLAIN,
        chat(user="Write an SOP for how we wash mixers.", assistant=_WHOLE),
        chat(user="Please go on.", assistant=_WHOLE),
    ]
    BAD = [Bad(chat(user="Write an SOP for handling customer complaints.", assistant=_WHOLE), at="messages[1].content")]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        wanted = _TOPIC.search(asked)
        if not sop.title or not wanted or len(asked) > 300:
            return
        ours, theirs = _stems(sop.title), _stems(wanted[1])
        if len(ours) >= 2 and len(theirs) >= 2 and not ours & theirs and not _stems(asked) & ours:
            start = turn.text.index(sop.title)
            yield turn.flag(f"the prompt asks for {wanted[1].strip(' .?')!r}", (start, start + len(sop.title)))


_TOPIC = re.compile(
    r"\b(?:SOP|(?:standard\s+)?(?:operating\s+)?procedure|protocol|runbook)\b[^.\n]*?\b(?:for|on|covering|about)\s+([^.?\n]{4,150})",
    re.I,
)
_COMMON = frozenset(
    "the a an and or of for in on to with from by at how we our your sop procedure standard operating process cleaning operation using use handling company".split()
)


def _stems(text: str) -> set[str]:
    return {word[:5] for word in re.findall(r"[^\W\d_]{3,}", text.lower()) if word not in _COMMON}


class DanglingReference(_SopRule, frozen=True):
    """A step refers to one that is not there.

    The procedure was cut, or numbered anew without its references. The model learns to send people to
    steps that do not exist.
    """

    code = "SOP006"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE + " See 4.1."),
        _PLAIN,
        chat(user=_ASK, assistant=_WHOLE + " See section 5.2 of SOP-QA-012."),
    ]
    BAD = [Bad(chat(user=_ASK, assistant=_WHOLE + " Then repeat step 4.9."), at="messages[1].content")]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        labels = sop.labels()
        for found in _REFERENCE.finditer(turn.text):
            label = _bare(found[1])
            inside = any(
                label.startswith(f"{head}.") or label == head for head in {known.partition(".")[0] for known in labels}
            )
            if label not in labels and (inside or "." in label) and not _ELSEWHERE.match(turn.text, found.end()):
                yield turn.flag(f"there is no {found[1]}", found.span(1))


_REFERENCE = re.compile(
    r"\b(?:see|refer to|repeat|in|to|from|as per|per|under|follow|go (?:back )?to|with)\s+(?:steps?|sections?|points?|clauses?)\s+(\d{1,2}(?:\.\d{1,2}){1,4})\b(?!\s*(?:%|[a-z]{1,3}\b(?<!of)(?<!in)))",
    re.I,
)
_ELSEWHERE = re.compile(r"\s*(?:of|in|,)\s+(?!this)\S", re.I)


class PageResidue(_SopRule, frozen=True):
    """A page number or a line of a table of contents was left in the answer.

    Extraction leaves such lines between the steps, where they mean nothing. The model repeats them in
    the procedures it writes.
    """

    code = "SOP007"
    GOOD = [chat(user=_ASK, assistant=_WHOLE), _PLAIN, chat(user=_ASK, assistant=_WHOLE + "\n4.4 Print page 3 of 9.")]
    BAD = [
        Bad(
            chat(user=_ASK, assistant=_WHOLE.replace("\n4.2", "\nPage 3 of 9\n4.2")),
            at="messages[1].content",
            fixed=chat(user=_ASK, assistant=_WHOLE),
        ),
        Bad(
            chat(user=_ASK, assistant=_WHOLE.replace("\n4.2", "\nProcedure .............. 4\n4.2")),
            at="messages[1].content",
            fixed=chat(user=_ASK, assistant=_WHOLE),
        ),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for line in sop.lines:
            if _RESIDUE.fullmatch(line.text.strip()):
                start, end = line.span
                end, start = (end + 1, start) if turn.text[end : end + 1] == "\n" else (end, max(0, start - 1))
                fix = Fix("drop the line", (turn.edit(start, end, ""),), safety="safe")
                yield turn.flag("left over from the pages", line.span, fix=fix)


_RESIDUE = re.compile(
    r"(?:page|página|seite)\s+\d{1,4}\s*(?:of|/|de|von|sur)\s*\d{1,4}|\S[^\n]{0,80}?\s?(?:\.{5,}|(?: \.){5,})\s*\d{1,4}",
    re.I,
)


class UnfilledSlot(_SopRule, frozen=True):
    """A slot of the template was never filled in.

    The blank for a name, a date or a number is for one organisation to fill. The model prints it into every
    procedure as if that were the text.
    """

    code = "SOP008"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE),
        _PLAIN,
        chat(user=_ASK, assistant=_WHOLE + "\n4.4 Name the file YYYYMMDD_XXXX."),
        chat(user="Write an SOP template with ____ for the names.", assistant=_WHOLE + "\n4.4 Signed: ____"),
    ]
    BAD = [
        Bad(chat(user=_ASK, assistant=_WHOLE + "\n4.4 Effective date: DD/MM/YYYY"), at="messages[1].content"),
        Bad(chat(user=_ASK, assistant=_WHOLE + "\n4.4 Call [Name of supervisor] and sign."), at="messages[1].content"),
        Bad(chat(user=_ASK, assistant=_WHOLE + "\n4.4 Document number: ________"), at="messages[1].content"),
        Bad(chat(user=_ASK, assistant=_WHOLE + "\n4.4 Write to {{COMPANY_EMAIL}}."), at="messages[1].content"),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        if re.search(r"template|placeholder|blank form|____", asked, re.I):
            return
        seen: set[str] = set()
        for line in sop.lines:
            for found in _SLOT.finditer(line.text):
                if found.group() not in asked and found.group() not in seen:
                    seen.add(found.group())
                    span = line.start + found.start(), line.start + found.end()
                    yield turn.flag(f"{found.group().strip()[:40]} was never filled in", span)


_SLOT = re.compile(
    r"(?<=: )(?:DD[/.-]MM[/.-]YYYY|MM[/.-]DD[/.-]YYYY|YYYY-MM-DD|TBD|TBA|XX+|N/N)\s*$|_{4,}|\{\{\s*[A-Z][A-Z0-9_ ]{2,40}\s*\}\}"
    r"|(?i:\[\s*(?:insert|enter|your|name|company|date|department|site|number|title|position|equipment|facility|organi[sz]ation|location|TBD)\b[^\]\n]{0,40}\])(?!\()"
)


class StepNotImperative(_SopRule, frozen=True):
    """A step among orders is none: it does not say what to do.

    Steps are learnt by their form. A heading, a remark or a scrap of another text that is numbered like a
    step teaches the model to number such things.
    """

    code = "SOP009"
    severity = "info"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE + "\n4.4 Wipe it dry.\n4.5 The bowl shall be covered."),
        _PLAIN,
        chat(user=_ASK, assistant=_WHOLE.replace("Switch the mixer off", "Der Mixer")),
    ]
    BAD = [
        Bad(
            chat(user=_ASK, assistant=_WHOLE + "\n4.4 Wipe it dry.\n4.5 Cover it.\n4.6 Lovely clean bowls everywhere."),
            at="messages[1].content",
        )
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for head, below in sop.sections():
            steps = [line for line in below if line.label.count(".") == 1]
            orders = [line for line in steps if is_order(line.rest)]
            if role_of(heading_of(head)) != "procedure" or len(steps) < 5 or len(orders) < 0.8 * len(steps):
                continue
            for line in steps:
                if (
                    line not in orders
                    and not _MODAL.search(line.rest)
                    and len(line.rest.split()) >= 3
                    and line.rest[-1] not in ":?"
                ):
                    yield turn.flag("does not say what to do", line.span)


_MODAL = re.compile(
    r"\b(?:shall|must|should|will|is|are|was|be|been|can|may|need(?:s|ed)?|has|have|to|if|when|after|before|until|while|for|not)\b|\w(?:s|ed)\b\s+(?:the|a|an|to|in|on|by)\b",
    re.I,
)


class StepTooLong(_SopRule, frozen=True):
    """A step is a long paragraph.

    A step that holds several actions cannot be checked off, and whoever follows it loses the place. The
    model learns to write the same walls of text.
    """

    code = "SOP010"
    severity = "info"
    GOOD = [chat(user=_ASK, assistant=_WHOLE), _PLAIN]
    BAD = [
        Bad(
            chat(
                user=_ASK,
                assistant=_WHOLE + "\n4.4 " + " ".join(["Wipe every part of the bowl with a dry cloth."] * 14),
            ),
            at="messages[1].content",
        ),
        Bad(chat(user=_ASK, assistant=_WHOLE), at="messages[1].content", options={"max_words": 3}),
    ]

    max_words: Annotated[int, option("Words a step may have.", ge=1)] = 120

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        for head, below in sop.sections():
            if role_of(heading_of(head)) == "procedure":
                for line in below:
                    count = len(line.rest.split())
                    if "." in line.label and count > self.max_words:
                        yield turn.flag(f"a step of {count} words", line.span, evidence={"words": count})
                        break


class UndefinedAbbreviation(_SopRule, frozen=True):
    """An abbreviation is used, and the list of abbreviations does not have it.

    A list that leaves some out teaches the model that its lists need not be complete. Judged only
    where the procedure has such a section.
    """

    code = "SOP011"
    severity = "info"
    GOOD = [
        chat(
            user=_ASK,
            assistant=_WHOLE
            + "\n4.4 Sign in the BMR.\n\n5.0 Abbreviations:\nBMR: Batch Manufacturing Record\nQA: Quality Assurance",
        ),
        _PLAIN,
        chat(user=_ASK, assistant=_WHOLE + "\n4.4 Sign in the BMR."),
    ]
    BAD = [
        Bad(
            chat(
                user=_ASK, assistant=_WHOLE + "\n4.4 Hand the BMR to QA.\n\n5.0 Abbreviations:\nQA: Quality Assurance"
            ),
            at="messages[1].content",
        ),
        Bad(
            chat(
                user=_ASK,
                assistant=_WHOLE + "\n4.4 Hand the BMR and ECN to QA.\n\n5.0 Abbreviations:\nQA: Quality Assurance",
            ),
            at="messages[1].content",
            options={"known": ["BMR"]},
        ),
    ]

    known: Annotated[tuple[str, ...], option("Abbreviations that need no definition.")] = ()

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        lists = [(head, below) for head, below in sop.sections() if role_of(heading_of(head)) == "abbreviations"]
        if not lists:
            return
        listed = " ".join([line.text for _, below in lists for line in below] + [_inline(head) for head, _ in lists])
        seen = {
            *re.findall(r"\b[A-Z][A-Za-z&/]{0,3}[A-Z]\w*\b", listed),
            *re.findall(r"\(([A-Z][A-Za-z]{1,7})\)", turn.text),
            *self.known,
            *_PLAIN_WORDS,
        }
        own = {line.start for head, below in lists for line in (head, *below)}
        for line in sop.lines:
            if line.start in own or line.rest.isupper() or _TITLE.match(line.text):
                continue
            behind = line.text.find(":") if line.section else 0
            for found in _SHORT.finditer(line.text, max(0, behind)) if behind >= 0 else ():
                word = found.group()
                if word not in seen and word.rstrip("s") not in seen:
                    seen.add(word)
                    yield turn.flag(
                        f"{word} is not in the list of abbreviations",
                        (line.start + found.start(), line.start + found.end()),
                    )


_SHORT = re.compile(r"(?<![\w'’\"‘“/.-])[A-Z]{3,6}(?![\w'’\"”/-])")
_PLAIN_WORDS = frozenset(
    "SOP SOPS OFF NOT AND MUST NEVER ALWAYS STOP START CLEAN NOTE ONLY ALL ANY YES PDF USB HTML XML CSV JSON URL WARNING DANGER TITLE OPEN CLOSE LOCK READY "
    "RESET ALARM AUTO RUN UP DOWN HIGH LOW PASS FAIL TEST DATE NAME THE FOR III VII VIII XII LED LCD PPE ISO HEPA".split()
)  # fmt: skip


class Spacing(_SopRule, frozen=True):
    """Sections and steps are not set apart as elsewhere: a blank line before a section, one break before a step.

    The blank lines are how the model tells where a section ends. Rows that put them elsewhere make it
    waver between two layouts.
    """

    code = "SOP012"
    severity = "info"
    GOOD = [
        chat(user=_ASK, assistant=_WHOLE),
        _PLAIN,
        chat(user=_ASK, assistant=_WHOLE + "\n\n5.0 Release:\n\n5.1 Check: The shift leader looks."),
    ]
    BAD = [
        Bad(
            chat(user=_ASK, assistant=_WHOLE.replace("\n\n2.0", "\n\n\n\n2.0")),
            at="messages[1].content",
            fixed=chat(user=_ASK, assistant=_WHOLE),
        ),
        Bad(
            chat(user=_ASK, assistant=_WHOLE.replace("\n\n3.0", "\n3.0")),
            at="messages[1].content",
            fixed=chat(user=_ASK, assistant=_WHOLE),
        ),
    ]

    def judge(self, sop: Sop, turn: Turn, asked: str) -> Iterator[Flag]:
        if not sop.zeros or "```" in turn.text or "~~~" in turn.text:
            return
        edits: list[Edit] = []
        spans: list[tuple[int, int]] = []
        for line in sop.lines[1:]:
            before = turn.text[max(0, line.start - 200) : line.start]  # a slice: a search in the whole is quadratic
            space = re.search(r"[ \t]*\n\s*$", before)
            if space is None:
                continue
            begin = line.start - len(space.group())
            breaks = space.group().count("\n")
            if breaks > 2 or (breaks == 1 and line.section):
                edits.append(turn.edit(begin, line.start, "\n\n"))
                spans.append((begin, line.start))
        if edits:
            yield turn.flag(
                "sections stand apart by one blank line",
                spans[0],
                fix=Fix("set the spacing", tuple(edits), safety="safe"),
            )

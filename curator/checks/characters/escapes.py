"""ENC005: escapes that were never undone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from curator.checks.characters.repairs import QUOTES, Repair, about, applied, edits, times
from curator.model import Example, Fix, Flag
from curator.rule import Bad, RowRule, chat
from curator.text.prose import Cover, in_prose

_ESCAPE = re.compile(r"""\\(?:r\\n|[nrt]|u[0-9a-fA-F]{4}|["'])""")
# Commands of LaTeX and words after a backslash that begin like an escape.
_LATEX = re.compile(
    r"\\(?:n(?:abla|atural|cong|ear(?:row)?|eg|eq?q?|ewline|ewcommand|ewpage|exists|geq?|i|oindent|olimits|onumber|ormalsize|"
    r"leq?|less|gtr|mid|ot(?:in)?|parallel|prec|rightarrow|Rightarrow|leftarrow|Leftarrow|sim|subseteq|succ|u|warrow)|"
    r"r(?:a|angle|aise|aisebox|angle|brace|brack|ceil|floor|ef|enewcommand|estriction|fbox|group|ho|ight\w*|isingdotseq|m|oot|times|u?le|vert|Vert)|"
    r"t(?:ableofcontents|ag|an|anh|au|b?inom|ext\w*|extbf|frac|herefore|heta|hinspace|hick\w*|ilde|imes|iny|itle|o|op|riangle\w*|t|woheadrightarrow))(?![A-Za-z])"
)
_ESCAPE_TALK = re.compile(
    r"\b(?:new ?lines?|line ?(?:break|feed)s?|escap(?:e|ed|es|ing) (?:sequence|character|code)s?|backslash(?:es)?|regex(?:es|p)?"
    r"|regular expressions?|carriage returns?|string literals?|raw strings?|code ?points?|tab characters?|printf|latex)\b|\bunicode\b",
    re.I,
)
# A string of code or data: quoted after a bracket, an equals sign or a colon.
_LITERAL = re.compile(r"""[(=:：{\[+]\s*(["'])(?:\\.|(?!\1)[^\\\n])*+(?:\1|$)""", re.M)
_WRITTENQUOTES = re.compile(
    r"""(?<=\w)\\'(?=[a-z]{1,2}\b)|(?<!\S)\\"(?=[^\W\d_][^"\\\n]*\\")|(?<=[\w.,!?])\\"(?=[\s.,;!?)]|$)"""
)
_WRITTEN = {"\\n": "\n", "\\r\\n": "\n", "\\r": "\n", "\\t": "\t", '\\"': '"', "\\'": "'"}


def written_escapes(text: str) -> list[Repair]:
    """Escapes written out in prose where the character itself is meant.

    A line break is meant where a sentence or a line of verse ends before it. Commands of LaTeX, paths,
    strings of code and mentions in quotation marks are none of it. Where one escape is sure, the others
    of the text are taken with it.
    """
    hits = [hit for hit in _ESCAPE.finditer(text) if in_prose(text, *hit.span())]
    if not hits:
        return []
    apart = Cover(sorted(match.span() for pattern in (_LATEX, _LITERAL) for match in pattern.finditer(text)))
    hits = [hit for hit in hits if not apart.touches(hit.start(), hit.start() + 1)]
    if not any(_are_sure(text, hits)):
        return []
    return [Repair(*hit.span(), _character(hit.group())) for hit in hits]


def _are_sure(text: str, hits: Iterable[re.Match[str]]) -> Iterator[bool]:
    run = 0  # the end of the last run of escapes: the next one may stand in its midst
    for hit in hits:
        if hit.group()[1] in "\"'":
            yield bool(_WRITTENQUOTES.match(text, hit.start()))
            continue
        if hit.end() > run:
            run = _BREAKS.match(text, hit.end()).end()  # type: ignore[union-attr]  # it matches nothing as well
        yield _is_sure(text, hit, run)


_BREAKS = re.compile(r" *+(?:\\[nrt] *+)*+")


def _is_sure(text: str, hit: re.Match[str], run: int) -> bool:
    """Whether a written line break, tab or code point is meant; `run` is where the line breaks and tabs behind it end."""
    start, end = hit.span()
    while start and text[start - 1] == " ":
        start -= 1
    while text[end : end + 1] == " ":
        end += 1
    before, after = text[max(0, start - 2) : start], text[end : end + 1]
    if before[-1:] in QUOTES and after in QUOTES and before and after:
        return False
    if hit.group()[1] == "u":
        return before[-1:] not in ("[", "-", "\\") and after != "-"
    after = text[run : run + 1]
    if before[-1:] in (".", "!", "?", "…", "。", "！", "？"):
        return before[-2:-1].isalnum() or before[-2:-1] in ")\"'”’*_"
    return before[-1:] in (",", ":", ";", ")", "：", "，") and not after.islower()


def _character(escape: str) -> str:
    return chr(int(escape[2:], 16)) if escape[1] == "u" else _WRITTEN[escape]


class LiteralEscape(RowRule, frozen=True):
    r"""A line break, a quotation mark or an accent is written out as an escape such as \n.

    The row was encoded twice. Shown to a reader, the answer has no line breaks, and the model learns to
    write a backslash and a letter instead of a new line.
    """

    code = "ENC005"
    literals = ("\\n", "\\r", "\\t", "\\u", '\\"', "\\'")
    GOOD = [
        chat(user="How do I split lines in Python?", assistant="Call text.split('\\n'). It cuts at every \\n."),
        chat(
            user="Where?", assistant="In C:\\new\\notes.txt, or .\\new. So $\\nabla f$, \\neq 0; \\text{so}. \\nu too."
        ),
        chat(user="Count the words: file (content: 'One.\\nTwo.')", assistant="```\nprint('a.\\nB')\n```"),
        chat(user="What is a line feed?", assistant="It ends a line.\\nThat is how it is written."),
    ]
    BAD = [
        Bad(
            chat(user="List two birds.", assistant='Two birds:\\n- owl\\n- wren\\n\\nBoth sing.\\nSo \\"they\\" say.'),
            at="messages[1].content",
            fixed=chat(user="List two birds.", assistant='Two birds:\n- owl\n- wren\n\nBoth sing.\nSo "they" say.'),
        ),
        Bad(
            chat(user='He said \\"no\\", didn\\\'t he?', assistant="At the caf\\u00e9."),
            at=("messages[0].content", "messages[1].content"),
            fixed=chat(user='He said "no", didn\'t he?', assistant="At the café."),
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        found = [(turn, written_escapes(turn.text)) for turn in example.all_turns() if turn.role != "tool"]
        if not any(repairs for _, repairs in found) or about(example, _ESCAPE_TALK):
            return
        for turn, repairs in found:
            if repairs:
                start, end, _ = repairs[0]
                # A surrogate pair is two escapes of one character; half of one would be no text.
                whole = not any("\ud800" <= (text or "") <= "\udfff" for *_, text in repairs)
                stable = whole and not written_escapes(applied(turn.text, repairs))
                fix = Fix("write the characters themselves", edits(turn, repairs)) if stable else None
                yield turn.flag(f"{turn.text[start:end]} is written out{times(len(repairs))}", (start, end), fix=fix)

"""ANS013 and ANS014: code and data in answers that a parser refuses."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import warnings
from collections.abc import Iterator
from typing import NamedTuple

from curator.model import Example, Flag
from curator.rule import Bad, RowRule, chat
from curator.text.patterns import compiled_later

_LONGEST = 100_000  # characters of a block that is parsed


class Block(NamedTuple):
    """A closed fenced block: its language in lower case, its text, and where the text starts."""

    language: str
    text: str
    start: int


_BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)(?P<fence>`{3,}+|~{3,}+)[ \t]*+(?P<language>[\w+-]*+)[^\n`]*+\n(?P<body>(?:(?![ \t]*(?P=fence))[^\n]*\n)*?)[ \t]*(?P=fence)[`~]*[ \t]*$",
    re.M,
)


def blocks(text: str) -> Iterator[Block]:
    """The closed fenced blocks of an answer, without the indentation of their fences."""
    for block in _BLOCK.finditer(text):
        body = block["body"]
        if len(body) <= _LONGEST:
            yield Block(
                block["language"].lower(), textwrap.dedent(body) if block["indent"] else body, block.start("body")
            )


class InvalidJsonAnswer(RowRule, frozen=True):
    """The answer is to be JSON and is none.

    Programs read such answers with a parser. A model trained on single quotes, trailing commas and lost
    brackets produces them, and every call that relies on it fails now and then. Blocks that leave parts out ("…") or
    carry comments are taken as illustrations.
    """

    code = "ANS013"
    literals = ("json",)
    GOOD = [
        chat(user="Give me the city as JSON.", assistant='{"city": "Rome"}'),
        chat(
            user="Give me the city as JSON.",
            assistant='Here it is:\n\n```json\n{"city": "Rome"}\n```\nTell me if you need more.',
        ),
        chat(user="Show a log in JSON lines.", assistant='```json\n{"a": 1}\n{"a": 2}\n```'),
        chat(user="Sketch a package.json.", assistant='```json\n{\n  "name": "x",\n  ...\n}\n```'),
        chat(user="How do I read JSON in Python?", assistant="Use json.load on an open file."),
        chat(user="Turn this JSON into a sentence: {'a': 1}", assistant="The value of a is 1."),
    ]
    BAD = [
        Bad(chat(user="Give me the city as JSON.", assistant="{'city': 'Rome'}"), at="messages[1].content"),
        Bad(chat(user="Show a config.", assistant='```json\n{"depth": 3,}\n```'), at="messages[1].content"),
        Bad(
            chat(user="Extract the city. Respond only with valid JSON.", assistant="The city is Rome."),
            at="messages[1].content",
        ),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        for before, turn in example.taught():
            fenced = [block for block in blocks(turn.text) if block.language in ("json", "geojson", "json-ld")]
            fault = next(((block, why) for block in fenced if (why := json_fault(block.text))), None)
            if fault:
                start = fault[0].start
                yield turn.flag(
                    f"the JSON block does not parse: {fault[1]}", (start, start + len(fault[0].text.rstrip()))
                )
                continue
            asked = before[-1].text if before and before[-1].role == "user" else ""
            system = " ".join(earlier.text for earlier in before if earlier.role == "system")
            only = _ONLY_JSON.search(f"{system} {asked}")
            if fenced or turn.calls or not (only or _WANTS_JSON.search(asked)):
                continue
            body = turn.text.strip()
            if body[:1] in ("{", "["):
                why = None if _SHAPED.match(body) is None else json_fault(body)
                if why:
                    yield turn.flag(f"the answer is to be JSON and does not parse: {why}")
            elif only and not re.search(r"[{\[]|```", body) and not _is_scalar(body):
                yield turn.flag("the answer is to be JSON and holds none")


_WANTS_JSON = re.compile(
    r"\b(?:as|in|into|to) (?:a |an |the |valid |well-formed |following |this |pretty |nested |simple )*json\b(?! (?:file|web token|schema|parser|library|server|api))"
    r"|\b(?:return|output|produce|generate|create|give me|respond with|reply with|answer with|write)\b.{0,30}\bjson (?:object|array|string|document|list|format|representation|output|response)\b",
    re.I | re.S,
)
_ONLY_JSON = re.compile(
    r"\b(?:respond|reply|answer|output|return|produce)\b(?:\s+\w+){0,4}?\s++(?:only|strictly|exclusively|just|solely)?\s*+(?:with|in|as)?\s*+(?:a |an )?(?:valid|strict|pure|raw|single)\s+json\b"
    r"|\b(?:respond|reply|answer|output|return)\b\s+(?:only|strictly|exclusively|just|solely)\s+(?:with |in |as |the |a |an |valid )*json\b|\bjson only\b|\bonly (?:valid )?json\b|\bnothing (?:else )?but (?:valid )?json\b",
    re.I,
)
_SHAPED = re.compile(r"\{\s*(?:[\"'\w}]|$)|\[\s*(?:[\"'{\[\d\]-]|true|false|null|$)")
_ELLIPSIS = compiled_later(r"\.\.\.|…|^[^\S\n]*(?://|#|/\*)|\s//\s|/\*|<[\w ]+>|\{\{|\[\w[\w ]*\]\s*[,}]", re.M)


def json_fault(text: str) -> str | None:
    """Why a text is no JSON, or None: it is, or is one value a line, or leaves parts out on purpose."""
    body = text.strip()
    if not body or _ELLIPSIS.search(body):
        return None
    try:
        json.loads(body, strict=False)
    except ValueError as fault:
        if all(_parses(line) for line in body.split("\n") if line.strip()) or _is_fragment(body):
            return None
        what, line = getattr(fault, "msg", "not JSON"), getattr(fault, "lineno", 1)
        return f"{what[:1].lower()}{what[1:]} (line {line})"
    except RecursionError:
        return None
    return None


def _parses(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _is_fragment(body: str) -> bool:
    """Whether a text is members of an object, or several values one after the other, without what is around them."""
    if body[0] == '"':
        return _parses("{" + body.rstrip(",") + "}")
    decoder, at = json.JSONDecoder(strict=False), 0
    try:
        while at < len(body):
            _, at = decoder.raw_decode(body, at)
            at += len(body[at:]) - len(body[at:].lstrip(" \t\r\n"))
    except (ValueError, RecursionError):
        return False
    return True


def _is_scalar(body: str) -> bool:
    return _parses(body) or len(body.split()) < 2


class CodeDoesNotParse(RowRule, frozen=True):
    """A Python block has a syntax error.

    Code that never ran teaches code that never runs. Snippets that begin or stop in the middle of a block, Python 2,
    console sessions, shell lines, notebook commands and parts left out ("...") are not errors.
    """

    code = "ANS014"
    literals = ("```py", "``` py", "~~~py", "```Python", "~~~ py")
    GOOD = [
        chat(user="Add.", assistant="```python\ndef add(a, b):\n    return a + b\n```"),
        chat(user="Add.", assistant="```python\n>>> 1 + 1\n2\n```"),
        chat(user="Old print?", assistant="```python\nprint 'hi'\n```"),
        chat(user="Install it.", assistant="```python\n!pip install x\nimport x\n```"),
        chat(
            user="Sketch.",
            assistant="```python\ndef f(x):\n    ...\n\nfor x in [1, 2, ...]:\n    <your code here>\n```",
        ),
        chat(user="The rest?", assistant="```python\n    else:\n        return 2\n```"),
        chat(user="Await.", assistant="```python\nresult = await fetch()\nreturn result\n```"),
    ]
    BAD = [
        Bad(chat(user="Add.", assistant="```python\ndef add(a, b)\n    return a + b\n```"), at="messages[1].content"),
        Bad(chat(user="Print.", assistant="Do this:\n```py\nprint('hello)\nx = 1\n```"), at="messages[1].content"),
    ]

    def check(self, example: Example) -> Iterator[Flag]:
        for _, turn in example.taught():
            for block in blocks(turn.text):
                if block.language not in ("python", "py", "python3"):
                    continue
                fault = python_fault(block.text)
                if fault:
                    line, what = fault
                    lines = turn.text[block.start :].split("\n")
                    start = block.start + sum(len(part) + 1 for part in lines[: line - 1])
                    yield turn.flag(f"the Python block does not parse: {what}", (start, start + len(lines[line - 1])))
                    break


_NOT_PLAIN = re.compile(
    r"^[^\S\n]*(?:>>>|\.\.\.(?:\s|$)|In \[\d+\]:|Out\[|[!%$](?!=)|(?:pip3?|python3?|conda|cd|git|sudo|apt|npm|mkdir|source|export)\s+[\w./-]+)|…|<[A-Za-z][\w ./'-]*>|\[\.\.\.\]|\.\.\.\s*[,)\]}\n]|\{\{|\{%|^[^\S\n]*(?:\.{2,}|\[.*\])\s*$|\?{2,}|(?<!_)_{3,}+(?!\w)"
    r"|^[^\S\n]*(?:print|exec)\s+[^(=\s]|^[^\S\n]*except\s+[\w.]+\s*,\s*\w+\s*:|\braise\s+\w+\s*,|<>|\b0[0-7]{2,}\b|\bur'|`[^`\n]+`|^[^\S\n]*\d+[.:]?\s{1,4}\w.*\n\s*\d+[.:]?\s{1,4}\w|^[-+]\s*\w.*\n[-+]\s|^[^\S\n]*(?:cdef|cpdef|func|var|let|const|function)\s",
    re.M,
)
_PART = re.compile(r"\s*(?:elif|else|except|finally|case|\)|\]|\}|[.,]\w)")
_OUTPUT = re.compile(r"^[^\S\n]*(?:#\s*)?(?:output|result|expected output)\b", re.I | re.M)


def python_fault(code: str) -> tuple[int, str] | None:
    """(line from 1, what is wrong) of a Python block that is meant to run as it stands, else None."""
    if _NOT_PLAIN.search(code) or _PART.match(code) or not code.strip():
        return None
    fault = _refused(code) and _refused(textwrap.dedent(code))
    if not fault or _OUTPUT.search(code):
        return None
    line, what = fault
    lines = code.rstrip().split("\n")
    if line > len(lines) or (line == len(lines) and lines[-1].rstrip().endswith(":")):
        return None  # a snippet that stops at the head of a block
    if re.match(r"expected an indented block", what) and lines[line - 2].lstrip().startswith("#"):
        return None  # a comment stands for the body
    if re.match(r"unindent does not match|unexpected indent", what) and re.match(r"\s", lines[0]):
        return None  # cut out of a deeper block
    return line, what


def _refused(code: str) -> tuple[int, str] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
    except SyntaxError as fault:
        return max(1, fault.lineno or 1), fault.msg
    except (ValueError, RecursionError, MemoryError):
        return None
    return None

"""What a linter for prose needs to know of source code: whether it is whole."""

from __future__ import annotations

import re
from functools import lru_cache

from curator.checks.answers.python import looks_like_python, python_stops
from curator.text.prose import Cover, masked

_OPENS = {"(": ")", "[": "]", "{": "}"}
_CLOSES = {")", "]", "}"}
# Strings and comments of the usual languages, skipped whole; what is left unclosed runs to the end of its line.
_SKIP = re.compile(
    r"""
      \"\"\"(?:[^\\]|\\.)*?(?:\"\"\"|\Z) | '''(?:[^\\]|\\.)*?(?:'''|\Z) | /\*(?:.|\n)*?(?:\*/|\Z) | <!--(?:.|\n)*?(?:-->|\Z)
    | "(?:[^"\\\n]|\\.)*(?:"|$) | (?<!\w)[fFrRbBuU]{0,2}'(?:[^'\\\n]|\\.)*(?:'|$) | `(?:[^`\\]|\\.)*(?:`|\Z)
    | (?:(?<=\s)|^)(?:\#(?!\{)|//)[^\n]* | ^[^\S\n]*--\s[^\n]* | [()\[\]{}]
    """,
    re.X | re.M | re.S,
)
_FENCE = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})[^\n]*\n?|\n[ \t>]*(?:`{3,}|~{3,})[ \t]*$|(?<!`)`{3,}[ \t]*$")
_DANGLING = re.compile(
    r"(?:(?:^|[\s(;{}])(?:if|elif|while|for|in|not|\}\s*catch|"
    r"and|or|import|from|def|class|new|const|let|var|lambda|with|except|await|yield|"
    r"public|private|protected|static|void|int|extends|implements|throw|function|func|return|SELECT|FROM|WHERE|JOIN|AND|OR|BY)"
    r"|(?:^|\s)(?:let|const|var)\s+\w+|(?<![-+=*])[=&,(\[{]|[^{}]\s\+|=>|->|::|:=)[ \t]*$"
)
_HALF = re.compile(  # in a block whose fence is missing: a condition without its end, and a name of which nothing is said
    r"\s*(?:if|elif|while|for|switch|until|unless)\s[^:;{}()]*$"
    r"|\s+(?!(?:end\w*|fi|done|esac|pass|break|continue|return|else|begin|do|then|loop|next|yield|retry|raise|exit|quit)$)"
    r"[a-z_]\w*$"
)
_LEADS_ON = re.compile(  # no comment ends on these
    r"\s(?:an|the|of|and|with|from|into|than|by|between|your|its|their|our)[ \t]*$"
)
_QUOTES = re.compile(r"\\.|'[^'\n]*'")  # what holds quotation marks that open nothing
_STRINGS = re.compile(r"\\.|'[^'\n]*'|\"[^\"\n]*\"")
_STRING_OPENS = re.compile(r"[=(,\[:]\s*'\w[^'\n]*$")
_REMARK_OPENS = re.compile(r"^[^\S\n]*/\*{1,2}(?=\s)", re.M)
_REMARK = re.compile(r"(?:^|\s)(?:#|//|--\s)\s?\w[^\n]*$|^\s*\*")  # a comment, at the end of a line
_ANNOUNCES = re.compile(  # a comment on a line of its own, which tells no result
    r"\s*(?:#|//)\s?(?!(?:outputs?|prints?|returns?|results?|expected"
    r"|notes?|this|that|these|you|see|usage|examples?|end|done|etc|and so on|more|the rest)\b)[A-Z][a-z]+(?:\s\w|$)",
    re.I,
)
_SHELL_OPEN = re.compile(r"(?:^[^\S\n]*|(?:;|\bthen\b|\bdo\b|\belse\b|\|)\s*)(if|case|for|while|until)\b(?=\s)", re.M)
_SHELL_CLOSE = re.compile(r"(?:^|[;\s])(fi|done|esac)(?=$|[\s;|)&>}])", re.M)


def code_stops(code: str) -> str | None:
    """How a piece of code ends before it is whole, or None where it seems whole.

    Seen are brackets still open, a last line that ends on a sign or keyword that needs more, and shell
    blocks without their end. The code may stand in a fence, closed or not.
    """
    body = _FENCE.sub("", _FENCE.sub("", code, count=1).rstrip()).rstrip()
    last = body.rpartition("\n")[2]
    if _REMARK.search(last) and _LEADS_ON.search(last):
        return f"at {last.split()[-1]!r} in a comment"
    if body and _ANNOUNCES.match(last) and (code.lstrip()[:3] in ("```", "~~~") or _announce(body)):
        return "at a comment, without the code that it announces"
    if _REMARK_OPENS.search(body) and body.rfind("*/") < body.rfind("/*"):
        return "in a comment that is still open"
    remark = _REMARK.search(last)
    if remark and remark[0].count("(") > remark[0].count(")"):
        return "in a comment, with a bracket still open"
    if not body or _is_comment(last):
        return None
    if tag := open_tag(body) or _open_block(body):
        return f"with <{tag}> still open"
    opened = open_brackets(body)
    if opened:
        return f"with {opened!r} still open"
    if not _REMARK.search(last) and (
        _QUOTES.sub("", last).count('"') % 2 or _STRING_OPENS.search(_STRINGS.sub("", last))
    ):
        return "in a string"
    if _DANGLING.search(last) or (_is_open(code) and _HALF.match(_last_line(body))):
        return f"at {last.split()[-1]!r}"
    if looks_like_python(body):
        return python_stops(body)
    if re.match(r"\s*#!.*sh\b", body) or re.search(r"^\s*(?:fi|done|esac)\b|;\s*(?:then|do)$", body, re.M):
        starts, ends = len(_SHELL_OPEN.findall(body)), len(_SHELL_CLOSE.findall(body))
        return "inside a block of the script" if starts > ends else None
    return None


_TITLE = 4  # words, with its sign, of a comment that stands above code


def _announce(code: str) -> bool:
    """Whether the comments of a code each stand on a line of their own, above code, but for the last one."""
    lines = code.split("\n")
    alone = [place for place, line in enumerate(lines[:-1]) if _is_comment(line) and line[:2] != "#!"]
    if lines[-1][:1].isspace():
        return True
    if len(lines[-1].split()) > _TITLE:
        return False
    return len(alone) > 1 and not lines[-2].strip() and all(lines[place + 1].strip() for place in alone[1:])


def _last_line(body: str) -> str:
    """The last line of a code, as far in as it stands against the lines that stand furthest out."""
    lines = [line.expandtabs() for line in body.split("\n") if line.strip()]
    return lines[-1][min(len(line) - len(line.lstrip()) for line in lines) :]


def _is_open(code: str) -> bool:
    """Whether code stands in a fence that nothing closes."""
    sign = code.lstrip()[:3]
    return sign in ("```", "~~~") and not _FENCE.search(code.rstrip(), code.index(sign) + 3)


_BLOCK = re.compile(r"<(/?)(html|head|body|style|script)\b(?![^<>]*/>)", re.I)


def _open_block(code: str) -> str:
    """The innermost part of an HTML page that is opened and not closed, or ""."""
    opened: list[str] = []
    for tag in _BLOCK.finditer(code) if code.lstrip()[:1] == "<" else ():
        name = tag[2].lower()
        if not tag[1]:
            opened.append(name)
        elif name in opened:
            del opened[opened.index(name) :]
    return opened[-1] if opened else ""


_TAG_OPENS = re.compile(r"<([a-z][a-z0-9]*)(?:\s[^<>\n]*)?>[^<>\n]*$")
_LOOSE = frozenset("p br hr li dt dd img input meta link option".split())  # elements that need no end


def open_tag(text: str) -> str:
    """The element of HTML that the last line opens and does not close, in a text that closes its elements; or ""."""
    tag = _TAG_OPENS.search(text, text.rfind("\n") + 1)
    closes = tag and (f"</{tag[1]}>" in text or (text.count("</") > 2 and tag[1] not in _LOOSE))
    return tag[1] if tag and closes else ""


def open_brackets(code: str) -> str:
    """The last bracket that is opened and never closed, or "" (also where the brackets do not match at all)."""
    stack: list[str] = []
    for hit in _SKIP.finditer(code):
        sign = hit.group()
        if sign in _OPENS:
            stack.append(sign)
        elif sign in _CLOSES and (not stack or _OPENS[stack.pop()] != sign):
            return ""
    return stack[-1] if stack else ""


def _is_comment(line: str) -> bool:
    return bool(re.match(r"\s*(?:#|//|\*|--\s)", line))


def in_fence(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] touches code that is marked as such, by a fence or backticks."""
    return _marked(text).touches(start, end)


@lru_cache(maxsize=16)  # a rule asks for many places of one text
def _marked(text: str) -> Cover:
    if "`" not in text and "~~~" not in text:
        return Cover(())
    spans = ((start, end) for start, end, kind in masked(text) if kind == "code")
    return Cover((start, end) for start, end in spans if text[start:end].lstrip(" \t>")[:1] in "`~")

"""Which parts of a text are prose, and which are code, addresses, tables, mathematics or markup.

Rules on wording ask this of their candidates alone, so clearness goes before speed here; every pass
is linear in the length of the text all the same.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

Span = tuple[int, int, str]  # start, end, kind: "code", "url", "table", "math" or "html"


def masked(text: str) -> list[Span]:
    """The parts of `text` that are no prose: sorted spans (start, end, kind) that do not overlap.

    kind is "code" (fenced, closed or not; indented; in backticks; bare source code), "url" (addresses,
    file paths, domain names), "table", "math" (LaTeX) or "html" (a document of markup).
    """
    return list(_masked(text))


def in_prose(text: str, start: int, end: int) -> bool:
    """Whether text[start:end] touches no masked part."""
    return mask_at(text, start, end) is None


def mask_at(text: str, start: int, end: int) -> Span | None:
    """The last masked part that text[start:end] touches."""
    spans = _masked(text)
    place = bisect_right(spans, (max(end, start + 1), -1, "")) - 1  # the last that starts before the end
    return spans[place] if place >= 0 and spans[place][1] > start else None


class Cover:
    """Parts of a text, in order of their beginnings: asked of place after place, it need not go through all of them."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        spans = list(spans)
        self._starts = [start for start, _ in spans]
        self._reached = list(accumulate((end for _, end in spans), max))

    def touches(self, start: int, end: int) -> bool:
        """Whether text[start:end] shares a character with one of the parts."""
        place = bisect_left(self._starts, end) - 1  # the last that starts before the end
        return place >= 0 and self._reached[place] > start


def looks_like_code(text: str) -> bool:
    """Whether a text is mostly bare source code, a query, markup or a data format.

    Fences do not count: an answer that explains a fenced block is prose.
    """
    text = _blanked(text, [(start, end, "code") for start, end in _fences(text)])
    return _is_code(text, _kinds(text))


# Without one of these a text is prose, unless a line of it begins as a line of source code does.
_SIGN = re.compile(
    r"[`|\\$<@/^\t\0]|~~~|\[\^?\w-\w|[\])][*+?{]|\(\?|\.\*|\.(?<=\w\.)(?=\w)|(?:^|\n)(?:[ ]|-\s)|\A\s*[{\[]"
)


def _masked(text: str) -> tuple[Span, ...]:
    if len(text) < _KEPT:
        return _known_parts(text)
    asked, parts = _latest[0]
    if asked is not text:  # a cache would compare the whole text with its twin from another row, hit after hit
        parts = _parts(text)
        _latest[0] = text, parts
    return parts


_KEPT = 8000  # characters: longer texts are not kept in memory to be known again, but for the last few
_latest: list[tuple[str, tuple[Span, ...]]] = [("", ())]  # the long text that was asked of last


@lru_cache(maxsize=4096)
def _known_parts(text: str) -> tuple[Span, ...]:
    return _parts(text)


@lru_cache(maxsize=16)
def _parts(text: str) -> tuple[Span, ...]:
    if not _SIGN.search(text) and not any(_STRONG.match(line.lstrip()[:400]) for line in text.split("\n")):
        return ()
    return _parted(text)


def _parted(text: str) -> tuple[Span, ...]:
    found: list[Span] = [(start, end, "code") for start, end in _fences(text)]
    rest = _blanked(text, found)
    kinds = _kinds(rest)
    if _is_code(rest, kinds):
        return (_between_prose(text, kinds),)
    for spans, kind in (
        (_documents, "html"),
        (lambda text: _bare_code(text, kinds), "code"),
        (_tables, "table"),
        (_inline_code, "code"),
        (_addresses, "url"),
        (_mathematics, "math"),
    ):
        new = [(start, end, kind) for start, end in spans(rest)]
        rest = _blanked(rest, new)
        found += new
    return tuple(sorted(found))


def _between_prose(text: str, kinds: list[str]) -> Span:
    """The whole text as code, but for lines of prose that lead up to it or follow it."""
    solid = [number for number, kind in enumerate(kinds) if kind not in ("prose", "")]
    if not solid:
        return 0, len(text), "code"
    lines = text.split("\n")
    start = sum(len(line) + 1 for line in lines[: solid[0]])
    return start, start + len("\n".join(lines[solid[0] : solid[-1] + 1])), "code"


def _blanked(text: str, spans: Sequence[Span]) -> str:
    """The text with every span replaced by as many NULs, line breaks kept: later passes see no sign of it."""
    if not spans:
        return text
    parts, at = [], 0
    for start, end, _ in spans:
        parts += [text[at:start], _NOT_BREAK.sub(_nuls, text[start:end])]
        at = end
    return "".join([*parts, text[at:]])


_NOT_BREAK = re.compile(r"[^\n]+")


def _nuls(line: re.Match[str]) -> str:
    return "\0" * len(line.group())


# ---------------------------------------------------------------------- fences and backticks

_FENCE = re.compile(r"`{3,}")
_ANY_FENCE = re.compile(r"`{3,}|^[ \t>]*~{3,}", re.M)
_INFO = re.compile(r"[ \t]*+[\w+#.{}=-]*+[^\S\n]*+$", re.M)
_TICKS = re.compile(r"`(?<!``)(?:[^`\n]+`|`(?!`)[^`\n]+(?:`[^`\n]+)*``)(?!`)")


def _fences(text: str) -> Iterator[tuple[int, int]]:
    """Fenced blocks; one that is never closed runs to the end.

    A fence may open or close in the middle of a line, as models often write; there it opens only
    where nothing but a language name follows, or where its like stands later on the line.
    """
    if "```" not in text and "~~~" not in text:
        return
    signs = _ANY_FENCE if "~~~" in text else _FENCE
    opened: tuple[int, str, int] | None = None  # start, sign, length
    for mark in signs.finditer(text):
        run = mark.group().lstrip(" \t>")
        if opened is None:
            if _INFO.match(text, mark.end()) or run in text[mark.end() : _line_end(text, mark.end())]:
                opened = (mark.start(), run[0], len(run))
        elif run[0] == opened[1] and len(run) >= opened[2] and not text[mark.end() : mark.end() + 1].isalnum():
            yield opened[0], mark.end()
            opened = None
    if opened:
        yield opened[0], len(text)


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end


def _inline_code(text: str) -> Iterator[tuple[int, int]]:
    if "`" in text:
        for code in _TICKS.finditer(text):
            yield code.span()


# ---------------------------------------------------------------------- bare source code

_DOCUMENT = re.compile(r"<(?:!doctype\s+html|html|svg)\b", re.I)
_DOCUMENT_END = re.compile(r"</(?:html|svg)\s*>", re.I)


def _documents(text: str) -> Iterator[tuple[int, int]]:
    """From the first sign of an HTML document to the last."""
    if start := _DOCUMENT.search(text):
        ends = [end.end() for end in _DOCUMENT_END.finditer(text, start.end())]
        if ends:
            yield start.start(), ends[-1]


# What only code begins a line with; matched at the first sign that is not white space.
_STRONG = re.compile(
    r"""
    # Python, Ruby, shell
      (?:async\s+)?def\s+\w+\s*\( | class\s+\w+\s*(?:\([^)\n]*\))?\s*[:{] | class\s+\w+\s+(?:extends|implements)\b
    | (?:from\s+[\w.]+\s+)?import\s+(?:
          [\w.*]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.]+(?:\s+as\s+\w+)?)*\s*;?\s*$ | [{*] | \w+\s+from\s+["'])
    | for\s+\w+(?:\s*,\s*\w+)*\s+in\s+[^:\n]+:\s*$ | for\s+\w+\s+in\s+.*;\s*do\s*$ | (?:try|else|finally):\s*$
    | (?:if|elif|while)\s+(?:\[ | [^:\n]*(?:[=<>()\[\]]|\bin\b|\bnot\b)[^:\n]*:\s*$)
    | except(?:\s+[\w.()]+(?:\s+as\s+\w+)?)?:\s*$ | with\s+.*\)\s+as\s+\w+:\s*$ | yield\s+\w+\s*$ | raise\s+\w+\(
    | \#!/ | \w+\s+::\s+[\w\[(] | main\s*=\s*do\b
    | return\s+(?:[^\s;]+;\s*$ | [\w.]*[(\[{"'].*[)\]}"';]\s*$ | \w+\s*[-+*/%<>=&|]+\s*[\w(].*)
    | (?:print|printf|println!?|console\.\w+|System\.out\.\w+|puts|echo|assert|cout|cin|std::\w+)\s*(?:[("'$]|<<|>>)
    # C, C++, C#, Java, JavaScript, PHP, Go
    | \#\s*(?:include\s*[<"]|define\s+\w+|ifndef\b|pragma\b) | using\s+[\w.]+(?:\s+\w+)?; | package\s+[\w.]+;?\s*$
    | <\?php | (?:const|let|var)\s+[\w{}\[\],\s$]+\s*(?:=|;\s*$)
    | (?:int|float|double|char|[sS]tring|bool|boolean|auto|long|unsigned|vector<\w+>|List<\w+>|[A-Z]\w*)(?:\[\])?
          \s+\w+(?:\[\w*\])?\s*=\s*[^=].*;\s*$
    | (?:public|private|protected|static|final|void|virtual|inline|abstract|export|extern)\s+[\w<>\[\],.\s*&]*[({=;]
    | (?:function|func|fn|sub|fun)\s*[\w$.]*\s*(?:<\w+>)?\([^)\n]*\) 
    | (?:interface|struct|enum|namespace|union)\s+\w+\s*\{
    | (?:int|void|float|double|char|bool|long|string)\s+\w+\s*\([^)\n]*\)\s*[{;]? | (?:try|else|finally|do)\s*\{
    | (?:if|while|for|switch|foreach|catch|else\s+if|\}\s*else(?:\s+if)?)\s*\(.*[{;)]\s*$
    # SQL
    | (?:SELECT|select)\s.{1,400}?\s(?:FROM|from)\s | SELECT\s+(?:DISTINCT\b|\*|[\w.]+\s*(?:,|\(|\s[aA][sS]\s|$))
    | INSERT\s+INTO\b | UPDATE\s+\S+\s+SET\b | DELETE\s+FROM\b | FROM\s+[\w.]+(?:\s+(?:AS\s+)?\w+)?\s*[;,]?$
    | (?:CREATE|ALTER|DROP)\s+(?:TABLE|DATABASE|INDEX|VIEW|TRIGGER|PROCEDURE|FUNCTION)\b
    | (?:GROUP\s+BY|ORDER\s+BY|(?:LEFT|RIGHT|INNER|OUTER|CROSS)\s+JOIN|HAVING|VALUES|UNION(?:\s+ALL)?$)\s*[\w.(]
    | (?:WHERE|AND|ON)\s+[\w.]+\s*(?:[<>=!]|IN\b|LIKE\b|BETWEEN\b|IS\b)
    | (?:insert\s+into|delete\s+from|create\s+table|alter\s+table)\s+\S+.*[;(]
    # command lines
    | (?:\$\s+|sudo\s+)?(?:
          git\s+(?:clone|add|commit|push|pull|checkout|init) | pip3?\s+install | npm\s+(?:install|run|init)
        | docker\s+(?:run|build|pull|ps) | apt(?:-get)?\s+install | kubectl\s+\w+
        | (?:curl|wget|grep|sed|awk|ls|cp|mv|rm|mkdir|chmod|chown|tar|ssh|find|cat|ps|netstat|python3?|java|gcc|node)
          \s+(?:-{1,2}\w|[/~."'$][^\s]*\s*(?:\||$)))(?:\s|$|[^.\w])
    # markup, styles, data
    | </?[a-zA-Z][\w:-]*+(?:\s+[\w:@.-]++(?:=(?:"[^"\n]*"|'[^'\n]*'|[^\s>]+))?)*\s*/?>(?:.*>)?\s*$
    | <!(?:--|doctype|DOCTYPE) | @(?:media|import|keyframes|Override|app\.|staticmethod|property)\b
    | "[^"\n]+"\s*:\s*(?:["\[{\d-]|true|false|null)
    | [.\#]?[\w-]++(?:[\s,>.:\#]++[\w-]++){0,6}\s*\{\s*(?:[\w-]+\s*:.*)?$
    # calls and assignments whose right side is no number
    | [\w.$>:*&-]*[\w$\])]\s?\(.*\)\s*(?:;|\{|=>\s*\{)\s*$
    | [A-Za-z_][\w.]*\((?:[^()\s]|,\s|\s?["'+=<>-]\s?|\([^()\n]*\))*\)\s*$
    | [\w.$\[\]"'*>-]+\s*(?:[-+*/|&%]?=|:=|<-)\s*(?:
          new\s+\w+ | await\s | lambda\b | function\b | [\[{] | ["'][^"'\n]*["']\s*;?\s*$
        | [\w.]+\(.*\)?[;,]?\s*$ | [^=\s].*;\s*$ | \w+\[)
    """,
    re.X,
)
# Lines that go with code but prove little: brackets, plain assignments, CSS properties, chained calls.
_WEAK = re.compile(
    r"""
      [\]})({\[;,]+(?:\s*[;,)]*)\s*$ | end(?:if|for|while)?;?\s*$ | [A-Za-z_][\w.\[\]]*\s*(?:[-+*/]?=|:=)\s*\S
    | [a-z-]+\s*:\s*[^;\n]{1,80};\s*$ | \.\w+\( | @\w+(?:\(.*\))?\s*$ | (?:return|break|continue|pass)\b.{0,40};?\s*$
    | (?:FROM|WHERE|GROUP\s+BY|ORDER\s+BY|HAVING|(?:LEFT|RIGHT|INNER|OUTER|FULL)?\s*JOIN|VALUES|LIMIT|SET|AND|ON)\b
    | .*[;{}]\s*$ | </ | \w+\s*\( | ["'][^"'\n]*["']\s*[,:]
    """,
    re.X,
)
_COMMENT = re.compile(r"\#(?!\#)|//|/\*|\*/|\*\s|--\s|<!--|\"\"\"|'''|%\s|REM\b")
_LETTER = r"[A-Za-z\u00aa-\u024f\u0370-\u1fff]"
_WORDS = re.compile(
    rf"\b(?:{_LETTER}++['’,;:]{{0,2}}{_LETTER}{{0,3}}\s++){{3}}{_LETTER}|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]{{4}}"
)
_SENTENCE = re.compile(r"""[A-Z"“(][\w'’",; -]*[.:!?]$""")  # a short one, such as "For example:"
_LIST_ITEM = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s")


def _kind(line: str) -> str:
    """One line as "strong" or "weak" code, "comment", "prose" or "other"; "" where it is blank."""
    body = line.lstrip()
    if not body or body[0] == "\0":
        return "other" if body else ""
    if _STRONG.match(body):
        return "strong"
    if _COMMENT.match(body) and not _LIST_ITEM.match(body):
        return "comment"
    if _LIST_ITEM.match(body) or _WORDS.search(body) or _SENTENCE.match(body):
        return "prose"
    return "weak" if _WEAK.match(body) else "other"


def _kinds(text: str) -> list[str]:
    return [_kind(line[:400]) for line in text.split("\n")]


def _is_code(text: str, kinds: list[str]) -> bool:
    return text.startswith("#!/") or _mostly_code(kinds) or _is_pattern(text) or _is_data(text)


def _mostly_code(kinds: list[str]) -> bool:
    if kinds and kinds[0] == "strong" and kinds.count("prose") == 0 and len(kinds) > 1:
        return True
    strong, weak, prose = kinds.count("strong"), kinds.count("weak"), kinds.count("prose")
    other = kinds.count("other")
    return bool(strong) and 4 * prose + other <= 2 * (strong + weak)


def _is_pattern(text: str) -> bool:
    """Whether a text of one line is a regular expression."""
    body = text.strip()
    if "\n" in body or len(body) > 300 or _WORDS.search(body):
        return False
    signs = len(re.findall(r"\\[dwsbDWSB.+]|\[\^?\w-\w|[\])][*+?{]|\(\?[:=!<P]|\.\*|[\^$]/?[gimsu]*$|^/?\^", body))
    return signs >= 2


def _is_data(text: str) -> bool:
    """Whether a text is JSON or YAML as a whole."""
    body = text.strip()
    if body[:1] in "{[" and body[-1:] in "}]" and len(body) > 2:
        return bool(re.search(r'"\s*:|\'\s*:|^\[\s*["\'{\[\d-]', body)) and body[:2] not in ("{{", "[[")
    lines = [line for line in body.split("\n") if line.strip()]
    keyed = sum(bool(re.match(r"\s*(?:- )?[a-z_][\w.-]*:(?:\s|$)", line)) for line in lines)
    return len(lines) > 2 and keyed > 0.7 * len(lines) and any(line[0] in " -" for line in lines)


def _bare_code(text: str, kinds: list[str]) -> Iterator[tuple[int, int]]:
    """Runs of lines of source code between the prose, and indented code blocks."""
    low = high = -1  # the run so far
    weight = at = 0
    after_blank, in_list, indented = True, False, False
    for line, kind in zip(text.split("\n"), kinds, strict=True):
        deep = kind != "" and line.startswith(("    ", "\t"))
        item = deep and bool(_LIST_ITEM.match(line.lstrip()))
        indented = deep and not item and (indented or (after_blank and not in_list))
        if kind == "strong" or indented or (kind == "weak" and low >= 0):
            low, high = (at if low < 0 else low), at + len(line)
            weight += 1 if kind == "weak" and not indented else 2
        elif (kind == "prose" and (item or not deep)) or line.startswith("\0"):
            if weight > 1:
                yield low, high
            low, weight = -1, 0
        if kind and not deep:
            in_list = bool(_LIST_ITEM.match(line))
        after_blank = not kind
        at += len(line) + 1
    if weight > 1:
        yield low, high


# ---------------------------------------------------------------------- tables

_RULER = re.compile(r"[ \t]*+\|?[ \t]*+:?-{2,}+:?[ \t]*+(?:\|[ \t]*+:?-{2,}+:?[ \t]*+)*+\|?[ \t]*+$")


def _tables(text: str) -> Iterator[tuple[int, int]]:
    """Two or more lines in a row parted by pipes (with a ruler or outer pipes) or by as many tabs."""
    if "|" not in text and "\t" not in text:
        return
    start, end, rows, sure, columns, at = 0, 0, 0, False, "", 0
    for line in [*text.split("\n"), ""]:
        body = line.strip()
        shape = "|" if "|" in body else "\t" * body.count("\t")
        if not shape or shape != columns:
            if rows > 1 and sure:
                yield start, end
            start, rows, sure, columns = at, 0, False, shape
        if shape:
            rows, end = rows + 1, at + len(line)
            sure = sure or "\t" in shape or bool(_RULER.match(body)) or (body[0] == body[-1] == "|")
        at += len(line) + 1


# ---------------------------------------------------------------------- addresses and mathematics

_TOP = "com|org|net|edu|gov|io|ai|dev|info|co|uk|de|fr|cn|jp|ru|eu|us|app"  # domains met in prose
_FILES = (
    "py|js|ts|json|html?|css|md|txt|csv|xml|ya?ml|toml|ini|cfg|sh|exe|dll|docx?|xlsx?|pdf|png|jpe?g|gif|svg"
    "|zip|gz|tar|cpp|java|php|sql|ipynb|log"
)
_ADDRESS = re.compile(
    rf"""
      (?<![\w.])(?:https?|ftps?|file|wss?|ssh|git|s3|mailto|data):/{{0,2}}[^\s<>"`\0]*[\w/=&%#~+-]
    | (?<![\w.])www\.[^\s<>"`\0]*[\w/=&%#~+-]
    | (?<![\w.+-])[\w.+-]{{1,64}}@[\w-]{{1,63}}(?:\.[\w-]{{1,63}}){{1,5}}
    | (?<![\w.@/-])(?:[A-Za-z0-9-]{{1,63}}\.){{1,4}}(?:{_TOP})\b(?![-\w])(?:/[^\s<>"`\0]*[\w/=&%#~+-])?
    | (?<![\w:])[A-Za-z]:\\[^\s"'<>|*?`\0]* | (?<!\S)\\\\[\w.-]{{1,80}}\\[^\s"'<>|*?`\0]*
    | (?<![\w./<~])(?:~|\.{{1,2}})?(?:/[\w.@+-]{{1,100}}){{2,40}}/?(?<=[\w/+-]) | (?<![\w./<])~/[\w.@+/-]{{1,200}}
    | (?<![\w./-])[\w-]{{1,60}}(?:/[\w.-]{{1,60}}){{1,20}}\.\w{{1,5}}\b
    | (?<![\w./-])[\w-]{{1,60}}(?:\.[\w-]{{1,20}}){{0,2}}\.(?:{_FILES})\b
    """,
    re.X,
)
_ADDRESS_SIGN = re.compile(r"@|/|\\|\.(?<=\w\.)(?=\w)")  # each begins with a plain character: fast to scan
_SPACE = re.compile(r"\s")
_MATH_MARK = re.compile(r"\n\s*\n|\\\\|\\\$|\$\$|\$|\\[()\[\]]|\\(?:begin|end)\{(\w{1,30}\*?)\}")
_MATH_SIGN = re.compile(r"[\\^_={}<>]|^[\w\s+*/().,|!'-]{1,12}$")
_MATH_AFTER_DIGIT = re.compile(r"[\\^_{}]|^[\d\s.,+*/()x-]+=[\d\s.,+*/()x-]+$|^\d*[a-z]$")
_CLOSES = {"$$": "$$", "\\(": "\\)", "\\[": "\\]"}


def _addresses(text: str) -> Iterator[tuple[int, int]]:
    """Addresses and paths; only the words that hold a sign of one are looked at."""
    done = 0
    for sign in _ADDRESS_SIGN.finditer(text):
        if sign.start() < done:
            continue
        start = max(done, *(text.rfind(space, done, sign.start()) + 1 for space in " \n\t"))
        gap = _SPACE.search(text, sign.end())
        done = gap.start() if gap else len(text)
        for address in _ADDRESS.finditer(text, start, done):
            yield address.start(), _within(text, *address.span())


def _within(text: str, start: int, end: int) -> int:
    """Where an address ends: one that a quotation mark or a bracket precedes ends where that is closed."""
    before = text[start - 1 : start]
    if before == "'":
        close = text.find("'", start, end)
        return end if close < 0 else close
    if before == "(" and ")" in text[start:end]:
        depth = 0
        for place in range(start, end):
            depth += (text[place] == "(") - (text[place] == ")")
            if depth < 0:
                return place
    return end


def _mathematics(text: str) -> Iterator[tuple[int, int]]:
    r"""LaTeX between $ $, $$ $$, \( \), \[ \] and \begin{…} \end{…}, within a paragraph."""
    opened: tuple[int, str] | None = None  # start, the sign that closes
    dollar = -1  # a single $ that may open; it reaches no further than its line
    if "$" not in text and "\\" not in text:
        return
    for mark in _MATH_MARK.finditer(text):
        sign = mark.group()
        if sign[0] == "\n":
            opened, dollar = None, -1
        elif opened and sign == opened[1]:
            yield opened[0], mark.end()
            opened = None
        elif opened:
            continue
        elif sign in _CLOSES or sign.startswith("\\begin"):
            opened, dollar = (mark.start(), _CLOSES.get(sign) or "\\end" + sign[6:]), -1
        elif sign == "$":
            body = text[dollar + 1 : mark.start()] if dollar >= 0 and mark.start() - dollar < 1000 else ""
            if body and not text[mark.end() : mark.end() + 1].isdigit() and _is_formula(body):
                yield dollar, mark.end()
                dollar = -1
            else:
                dollar = mark.start()


def _is_formula(body: str) -> bool:
    """Whether the text between two dollar signs is mathematics rather than what stands between two prices."""
    if body != body.strip() or "\n" in body:
        return False
    if body[-1] in "=+-*/(<" or body.startswith("<<"):
        return False
    pattern = _MATH_AFTER_DIGIT if body[0].isdigit() or body[0] == "." else _MATH_SIGN
    return bool(pattern.search(body))

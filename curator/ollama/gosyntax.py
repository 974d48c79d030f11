"""The syntax of Go's `text/template`, as far as chat templates use it: source text to a tree.

Source: https://pkg.go.dev/text/template. Left out are `block`, complex constants and
methods; a template that holds what is not known is refused, never read as something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from curator.errors import CuratorError
from curator.text.patterns import compiled_later


class TemplateError(CuratorError):
    """A Go template that cannot be read or executed."""


# ---------------------------------------------------------------------- the tree


class Text(NamedTuple):
    text: str


class Operand(NamedTuple):
    """What a command begins with or takes: `kind` is dot, variable, function, constant or pipeline.

    `fields` are the names that follow: `$m.ToolCalls` is a variable with one field.
    """

    kind: str
    value: Any = None
    fields: tuple[str, ...] = ()


class Pipe(NamedTuple):
    """Commands joined by `|`; the value is set to `variables` (declared with `:=`, or assigned with `=`)."""

    commands: tuple[tuple[Operand, ...], ...]
    variables: tuple[str, ...] = ()
    declares: bool = False


class Action(NamedTuple):
    pipe: Pipe


class Branch(NamedTuple):
    """`if`, `with` or `range`."""

    kind: str
    pipe: Pipe
    body: tuple[Any, ...]
    otherwise: tuple[Any, ...] = ()


class Leave(NamedTuple):
    """`break` or `continue`."""

    kind: str


class Include(NamedTuple):
    name: str
    pipe: Pipe | None


Node = Text | Action | Branch | Leave | Include
Nodes = tuple[Node, ...]

# ---------------------------------------------------------------------- tokens

_WHITE = " \t\r\n"
_SPACES = re.compile(r"\s*")
_COMMENT_END = re.compile(r"\s*([ \t\r\n]-)?\}\}")
_QUOTE_OR_END = re.compile(r"""["`']|\}\}""")
_STRING = compiled_later(r""""(?:[^"\\\n]|\\.)*+"|`[^`]*+`|'(?:[^'\\\n]|\\.)*+\'""", re.S)
_DEEPEST = 100  # brackets within brackets
_LONGEST = 40  # digits of a number
_NUMBER = (
    r"[-+]?(?:0[xX](?:[0-9a-fA-F_]+(?:\.[0-9a-fA-F_]*)?|\.[0-9a-fA-F_]+)(?:[pP][-+]?[0-9_]+)?|0[oO][0-7_]+|0[bB][01_]+"
    r"|(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9_]+)?)(?!\w)"
)
_TOKEN = compiled_later(
    rf"""(?P<space>\s+)|(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<rune>'(?:[^'\\\n]|\\.)*')|(?P<number>{_NUMBER})
      |(?P<name>\.?[^\W\d]\w*(?:\.[^\W\d]\w*)*)|(?P<variable>\$\w*(?:\.[^\W\d]\w*)*)|(?P<sign>:=|[=|(),.])""",
    re.X,
)


class Token(NamedTuple):
    kind: str
    text: str
    glued: bool  # nothing stands between this token and the one before


def _tokens(body: str) -> list[Token]:
    found, place, glued, depth = [], 0, False, 0
    while place < len(body):
        hit = _TOKEN.match(body, place)
        if hit is None:
            raise TemplateError(f"the Go template holds {body[place : place + 20]!r}, which is not understood")
        kind = hit.lastgroup or ""
        if kind != "space":
            found.append(Token(kind, hit.group(), glued))
            depth += {"(": 1, ")": -1}.get(hit.group(), 0)
        if depth > _DEEPEST or (kind == "number" and len(hit.group()) > _LONGEST):
            raise TemplateError(f"the Go template holds {body[place : place + 20]!r}, which goes too far")
        place, glued = hit.end(), kind != "space"
    return found


def _pieces(source: str, spot: list[int]) -> Iterator[str | list[Token]]:
    """Text and actions in turn, trim marks applied; `spot` is told where each action begins."""
    place, trim = 0, False
    while (at := source.find("{{", place)) >= 0:
        text = source[place:at]
        spot[0] = at
        trims = source[at + 2 : at + 3] == "-" and source[at + 3 : at + 4] in (*_WHITE,)
        text = text.lstrip(_WHITE) if trim else text
        yield text.rstrip(_WHITE) if trims else text
        begin = at + 4 if trims else at + 2
        if source.startswith("/*", _SPACES.match(source, begin).end()):  # type: ignore[union-attr]
            closed = source.find("*/", begin + 2)
            found = _COMMENT_END.match(source, closed + 2) if closed >= 0 else None
            if found is None:
                raise _not_closed(source[at:], "close the comment with */}}")
            place, trim = found.end(), bool(found[1])
            continue
        end = _end_of_action(source, begin)
        body = source[begin:end]
        trim = body[-1:] == "-" and body[-2:-1] in (*_WHITE,)
        yield _tokens((body[:-2] if trim else body).strip())
        place = end + 2
    yield source[place:].lstrip(_WHITE) if trim else source[place:]


def _end_of_action(source: str, at: int) -> int:
    """Where the braces that close an action stand: not in a quoted string."""
    begin = at
    while found := _QUOTE_OR_END.search(source, at):
        if found[0] == "}}":
            return found.start()
        string = _STRING.match(source, found.start())
        if string is None:
            raise _not_closed("{{" + source[begin:], f"close the quotation that begins with {found[0]} in its own line")
        at = string.end()
    raise _not_closed("{{" + source[begin:], "close it with }}")


def _not_closed(rest: str, hint: str) -> TemplateError:
    return TemplateError(f"an action is not closed: {rest[:40]!r}", hint=hint)


# ---------------------------------------------------------------------- parsing


class Parsed(NamedTuple):
    """A template: its own nodes, and those of the templates it defines."""

    nodes: Nodes
    defined: dict[str, Nodes]


def parse(source: str) -> Parsed:
    """The tree of a Go template.

    Raises:
        TemplateError: it is not closed, or holds what is not known; it names the line and column of the action.
    """
    parser = _Parser(source)
    try:
        nodes, end = parser.nodes()
        if end:
            raise TemplateError(f"{{{{ {end[0].text} }}}} closes nothing", hint="take it out, or open what it closes")
    except RecursionError:
        what, hint = "the Go template nests too deeply", "define its parts by themselves: {{ define NAME }}"
        raise TemplateError(what, where=_place(source, parser.spot[0]), hint=hint) from None
    except TemplateError as fault:
        raise TemplateError(fault.what, where=_place(source, parser.spot[0]), hint=fault.hint or _SYNTAX) from None
    return Parsed(nodes, parser.defined)


_SYNTAX = "write it as Go's text/template reads it: https://pkg.go.dev/text/template"


def _place(source: str, at: int) -> str:
    """Line and column, both from one, of a character of the template."""
    return f"TEMPLATE line {source.count(chr(10), 0, at) + 1}, column {at - source.rfind(chr(10), 0, at)}"


_ENDED = "write {{ end }} where its part ends"


class _Parser:
    def __init__(self, source: str) -> None:
        self.spot = [0]  # where the action begins that is read
        self.pieces = _pieces(source, self.spot)
        self.defined: dict[str, Nodes] = {}

    def nodes(self) -> tuple[Nodes, list[Token]]:
        """Nodes up to an `end` or `else` (whose tokens are returned) or the end of the template."""
        found: list[Node] = []
        for piece in self.pieces:
            if isinstance(piece, str):
                if piece:
                    found.append(Text(piece))
                continue
            if not piece:
                raise TemplateError("an action is empty")
            word = piece[0].text
            if word in ("end", "else"):
                return tuple(found), piece
            if (node := self.node(word, piece[1:], piece)) is not None:
                found.append(node)
        return tuple(found), []

    def node(self, word: str, rest: list[Token], whole: list[Token]) -> Node | None:
        if word in ("if", "with", "range"):
            return self.branch(word, rest)
        if word in ("break", "continue"):
            return Leave(word)
        if word in ("template", "define") and not rest:
            raise TemplateError(f"{{{{ {word} }}}} names no template")
        if word == "template":
            return Include(_string(rest[0]), _pipe(rest[1:]) if rest[1:] else None)
        if word == "define":
            self.defined[_string(rest[0])] = self.closed()
            return None
        if word == "block":
            raise TemplateError("{{ block }} is not understood", hint="use {{ define }} and {{ template }}")
        return Action(_pipe(whole))

    def closed(self) -> Nodes:
        begun = self.spot[0]
        nodes, end = self.nodes()
        if not end or end[0].text != "end":
            self.spot[0] = begun
            raise TemplateError("an {{ end }} is missing", hint=_ENDED)
        return nodes

    def branch(self, kind: str, rest: list[Token]) -> Branch:
        begun = self.spot[0]
        pipe = _pipe(rest, ranging=kind == "range")
        body, end = self.nodes()
        if not end:
            self.spot[0] = begun
            raise TemplateError(f"{{{{ {kind} }}}} has no {{{{ end }}}}", hint=_ENDED)
        if end[0].text == "end":
            return Branch(kind, pipe, body)
        if len(end) > 1:  # else if, else with: one more branch inside, closed by the same end
            return Branch(kind, pipe, body, (self.branch(end[1].text, end[2:]),))
        return Branch(kind, pipe, body, self.closed())


def _pipe(tokens: list[Token], *, ranging: bool = False) -> Pipe:
    variables: list[str] = []
    at = 0
    while at < len(tokens) and tokens[at].kind == "variable":
        after = tokens[at + 1].text if at + 1 < len(tokens) else ""
        if after in (":=", "=") or (ranging and after == ","):
            variables.append(tokens[at].text)
            at += 2
            if after != ",":
                return Pipe(_commands(tokens[at:]), tuple(variables), after == ":=")
        else:
            break
    return Pipe(_commands(tokens))


def _commands(tokens: list[Token]) -> tuple[tuple[Operand, ...], ...]:
    commands: list[tuple[Operand, ...]] = []
    operands: list[Operand] = []
    at = 0
    while at < len(tokens):
        if tokens[at].text == "|" and tokens[at].kind == "sign":
            commands.append(_command(operands))
            operands, at = [], at + 1
            continue
        operand, at = _operand(tokens, at)
        operands.append(operand)
    commands.append(_command(operands))
    return tuple(commands)


def _command(operands: list[Operand]) -> tuple[Operand, ...]:
    if not operands:
        raise TemplateError("a value is missing in a Go template action")
    return tuple(operands)


def _operand(tokens: list[Token], at: int) -> tuple[Operand, int]:
    token = tokens[at]
    if token.text == "(":
        depth, end = 1, at + 1
        while end < len(tokens) and depth:
            depth += {"(": 1, ")": -1}.get(tokens[end].text, 0) if tokens[end].kind == "sign" else 0
            end += 1
        if depth:
            raise TemplateError("a bracket is not closed in a Go template action", hint="close it with )")
        operand = Operand("pipeline", _pipe(tokens[at + 1 : end - 1]))
        if end < len(tokens) and tokens[end].glued and tokens[end].text[0] == "." and tokens[end].kind == "name":
            return operand._replace(fields=_fields(tokens[end].text)), end + 1
        return operand, end
    return _simple(token), at + 1


_CONSTANTS = {"true": True, "false": False, "nil": None}


def _simple(token: Token) -> Operand:
    text = token.text
    if token.kind == "variable":
        name, _, fields = text.partition(".")
        return Operand("variable", name, _fields(f".{fields}") if fields else ())
    if token.kind == "name" and text[0] == ".":
        return Operand("dot", None, _fields(text))
    if token.kind == "name":
        return Operand("constant", _CONSTANTS[text]) if text in _CONSTANTS else Operand("function", text)
    if token.kind == "string":
        return Operand("constant", _string(token))
    if token.kind == "number":
        return Operand("constant", _number(text))
    if token.kind == "rune":
        return Operand("constant", _rune(text))
    if text == ".":
        return Operand("dot")
    raise TemplateError(f"a Go template action holds {text!r} where a value is due")


def _fields(text: str) -> tuple[str, ...]:
    return tuple(text.split(".")[1:])


def _string(token: Token) -> str:
    if token.kind != "string":
        raise TemplateError(f"a Go template names {token.text!r} where a quoted name is due")
    if token.text[0] == "`":
        return token.text[1:-1].replace("\r", "")
    return _unescaped(token.text).decode("utf-8", "replace")


# ---------------------------------------------------------------------- constants

_ESCAPE = compiled_later(
    r"""\\(?:(?P<sign>[abfnrtv\\'"])|(?P<byte>x[0-9a-fA-F]{2}|[0-7]{3})|(?P<code>u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}))"""
)
_SIGNS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SEPARATED = re.compile(r"(?:0[xXoObB])?_?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*")  # where Go takes an underscore


def _unescaped(quoted: str) -> bytes:
    """The bytes of a quoted text, UTF-8 but for bytes that were written by their numbers."""
    found, place = bytearray(), 1
    while place < len(quoted) - 1:
        if quoted[place] != "\\":
            found += quoted[place].encode("utf-8", "surrogatepass")
            place += 1
            continue
        escape = _ESCAPE.match(quoted, place)
        sign, byte, code = escape.groups() if escape else ("", None, None)
        number = int(byte.lstrip("x"), 16 if byte[0] == "x" else 8) if byte else int(code[1:], 16) if code else 0
        other = "'" if quoted[0] == '"' else '"'  # a quotation mark of the other kind is not escaped
        if (
            escape is None
            or sign == other
            or (byte and number > 0xFF)
            or number > 0x10FFFF
            or 0xD800 <= number < 0xE000
        ):
            raise TemplateError(f"{quoted[:40]} is no constant of a Go template")
        found += bytes([number]) if byte else (chr(number) if code else _SIGNS.get(sign, sign)).encode()
        place = escape.end()
    return bytes(found)


def _rune(quoted: str) -> int:
    """The number of the one character in single quotation marks."""
    found = _unescaped(quoted)
    if len(found) == 1:
        return found[0]
    text = found.decode("utf-8", "replace")
    if len(text) != 1:
        raise TemplateError(f"{quoted[:40]} is not one character in a Go template")
    return ord(text)


def _number(text: str) -> int | float:
    """A number as Go reads it: with a point or an exponent it is a floating-point number, also where it is whole."""
    body = text.lstrip("+-").lower()
    whole = not set(body) & set(".p") and (body.startswith("0x") or "e" not in body)
    if "_" in body and not (whole and _SEPARATED.fullmatch(body)):
        raise TemplateError(f"{text} is no number of a Go template")
    body = body.replace("_", "")
    try:
        if not whole:
            value: int | float = float.fromhex(body) if body.startswith("0x") else float(body)
            if body.startswith("0x") and "p" not in body:
                raise ValueError
        elif body[0] == "0" and body.isdigit():
            value = int(body, 8)
        else:
            value = int(body, 0)
    except (ValueError, OverflowError):
        raise TemplateError(f"{text} is no number of a Go template") from None
    value = -value if text[0] == "-" else value
    if value in (float("inf"), float("-inf")) or (whole and not -(2**63) <= value < 2**63):
        raise TemplateError(f"{text} is too large a number for a Go template")
    return value

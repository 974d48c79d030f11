"""What a linter for prose needs to know of Python: whether a program is whole."""

from __future__ import annotations

import ast
import re
import textwrap

_PYTHON = re.compile(
    r"^[ \t]*(?:(?:async )?def \w+\(.*\).*:|class \w+(?:\(.*\))?:|(?:from [\w.]+ )?import [\w.*, ]+$|(?:if|elif|for|while|with|try|except|else)\b.*:[ \t]*(?:#.*)?$)",
    re.M,
)


def looks_like_python(code: str) -> bool:
    return bool(_PYTHON.search(code)) and not re.search(r"[;{][ \t]*$", code, re.M)


def python_stops(code: str) -> str | None:
    """How a Python program ends before it is whole, or None where it seems whole.

    Seen are a last line that is no statement, or a name that does nothing, and a function that throws away what it
    has worked out.
    """
    lines = code.rstrip().split("\n")
    try:
        tree = ast.parse(textwrap.dedent(code))
    except SyntaxError as fault:
        indent = lines[-1][: len(lines[-1]) - len(lines[-1].lstrip())]
        cut = _parses("\n".join([*lines[:-1], f"{indent}pass"])) and (fault.lineno or 0) >= len(lines)
        return "in an unfinished statement" if cut else None
    except (ValueError, RecursionError, MemoryError):
        return None
    path = _last_path(tree)
    if len(path) > 1 and _names_only(path[-1]):
        return "in an unfinished statement"
    return "in a function that throws away what it has worked out" if _is_thrown_away(path) else None


def _last_path(tree: ast.Module) -> list[ast.stmt]:
    """The last statement of a program, behind those in which it stands, from the outermost on."""
    path: list[ast.stmt] = []
    body: object = tree.body
    while isinstance(body, list) and body:
        path.append(body[-1])
        body = getattr(path[-1], "orelse", None) or getattr(path[-1], "body", None)
    return path


def _names_only(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    names = value.elts if isinstance(value, ast.Tuple) else [value]
    return isinstance(node, ast.Expr) and all(isinstance(name, (ast.Name, ast.Attribute)) for name in names)


def _is_thrown_away(path: list[ast.stmt]) -> bool:
    """Whether the last statement gives a local name a value, in a function that does nothing else to be seen."""
    function = next(
        (node for node in reversed(path) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))), None
    )
    last = path[-1]
    if (
        function is None
        or len(path) < 3
        or not isinstance(last, ast.Assign)
        or not isinstance(last.targets[0], ast.Name)
    ):
        return False
    if isinstance(last.value, ast.Constant):
        return False
    return not any(isinstance(node, _SEEN) or _is_act(node) for node in ast.walk(function))


_SEEN = (ast.Return, ast.Yield, ast.YieldFrom, ast.Raise, ast.Global, ast.Nonlocal, ast.With, ast.AsyncWith, ast.Await)


def _is_act(node: ast.AST) -> bool:
    """Whether a node does something that is seen outside of its function: a call for its own sake, a value set in an object."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)


def _parses(code: str) -> bool:
    try:
        ast.parse(textwrap.dedent(code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True

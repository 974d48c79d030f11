"""One self-contained HTML page: nothing is fetched, nothing but its own script and style may run."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

from curator.text.excerpt import visible

MARK = (
    '<svg class="mark" viewBox="0 0 20 20" aria-hidden="true"><path d="M3 5.5h14M3 10h8M3 14.5h5"/>'
    '<path class="tick-mark" d="m11.5 13.5 2.4 2.4 4.1-5"/></svg>'
)


@cache
def asset(name: str) -> str:
    """The text of a file that ships beside this module."""
    return files("curator.report").joinpath(name).read_text("utf-8")


def head(title: str, *, style: str, script: str) -> str:
    """From the doctype to <body>: the policy allows this style, this script and no request at all."""
    policy = (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy, quote=False)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
    )


def foot(script: str) -> str:
    return f"<script>{script}</script>\n</body>\n</html>\n"


def text(value: str) -> str:
    """Any string as HTML text: markup escaped, what cannot be seen made visible."""
    return escape(visible(value).encode("utf-8", "backslashreplace").decode())


def embedded(json: bytes) -> bytes:
    """JSON that can stand inside a script element: no "<" is left that could end it."""
    return json.replace(b"<", b"\\u003c")


def table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]], *, numbers: frozenset[int]) -> str:
    """A table of HTML cells; columns in `numbers` are set to the right."""
    side = [' class="number"' if place in numbers else "" for place in range(64)]
    heads = "".join(f'<th scope="col"{side[place]}>{cell}</th>' for place, cell in enumerate(head))
    body = "".join(
        "<tr>" + "".join(f"<td{side[place]}>{cell}</td>" for place, cell in enumerate(row)) + "</tr>\n" for row in rows
    )
    return (
        f'<div class="scroll"><table><caption class="unseen">{text(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _digest(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"

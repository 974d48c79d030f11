"""Reports: one Report, ten formats.

text      one block a finding with a caret, then counts, verdict and the next commands
concise   file:line: CODE message
json      one object: summary, findings, rules, files, tokens, what was not run
jsonl     one finding a line
sarif     SARIF 2.1.0, for code scanning
github    workflow commands that annotate a pull request
gitlab    Code Quality JSON
junit     one test case a rule
html      one self-contained page with plots and a list that can be filtered
parquet   one finding a row
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import IO, Any

import msgspec

from curator.errors import UsageError
from curator.model import Report

_MODULES = {
    "text": "text",
    "concise": "text",
    "json": "data",
    "jsonl": "data",
    "parquet": "data",
    "sarif": "ci",
    "github": "ci",
    "gitlab": "ci",
    "junit": "ci",
    "html": "html",
}
FORMATS = tuple(_MODULES)

Write = Callable[[bytes], Any]


class View(msgspec.Struct, frozen=True):
    """How a report is shown: `width` in terminal cells, `show` findings of one code in full (None: all).

    `command` is the lint command as it was typed, without options of form; the next steps build on it, and on
    the `options` that were typed and that another verb knows as well ({"explain": ("--target", "trl")}).
    `exit_zero`: the run ends with 0, whatever was found.
    """

    color: bool = False
    width: int = 80
    show: int | None = 10
    statistics: bool = False
    verbose: bool = False
    command: str = ""
    exit_zero: bool = False
    options: Mapping[str, Sequence[str]] = {}


def render(
    report: Report,
    format: str,
    stream: IO[Any],
    *,
    color: bool = False,
    width: int = 80,
    show: int | None = 10,
    statistics: bool = False,
    verbose: bool = False,
    command: str = "",
    exit_zero: bool = False,
    options: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> None:
    """Write `report` to `stream` (binary, or text that has room for UTF-8) in one of `FORMATS`.

    Every format names all rows it counts, but that text and concise name the first ones of a long list and say how
    many more; text names all of them where `show` is None. All but parquet are valid UTF-8 whatever the data holds.

    Raises:
        UsageError: no such format.
    """
    if format not in _MODULES:
        raise UsageError(f"no report format {format!r}", hint=f"choose one of {', '.join(FORMATS)}")
    view = View(color, max(width, 40), show, statistics, verbose, command, exit_zero, options)
    module = import_module(f"{__name__}.{_MODULES[format]}")
    module.WRITERS[format](report, _bytes_to(stream), view)


def _bytes_to(stream: IO[Any]) -> Write:
    """What writes UTF-8 bytes to a binary or a text stream."""
    if not isinstance(stream, io.TextIOBase):
        return stream.write
    if isinstance(stream, io.TextIOWrapper):
        stream.flush()
        return stream.buffer.write
    return lambda data: stream.write(data.decode("utf-8"))

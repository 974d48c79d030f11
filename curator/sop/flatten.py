"""A document as the text of an answer, and that text read back.

`Title: T`, a blank line, then the sections: `5.0 Heading: text` where a section is one paragraph, else
`5.0 Heading:` and one line a block; a blank line between sections and none inside, but in code.
`parse(flatten(document))` has the same numbers, headings and step texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from curator.sop.document import Block, Code, Document, Para, Section, Step, Table

_FENCE = re.compile(r"(`{3,})([^`\n]*)$")
_LABEL = re.compile(r"(\d+(?:\.\d+)+)(?: (.*))?$")


def flatten(document: Document) -> str:
    """The answer: title and sections."""
    shown = document.title and document.title_source != "file-name"
    head = [f"Title: {document.title}"] if shown else []
    return "\n\n".join(head + [section_text(section) for section in document.sections])


def section_text(section: Section) -> str:
    """One section, without the blank lines around it."""
    lines = [line for block in section.blocks for line in block_lines(block)]
    head = _head(section)
    if head is None:
        return "\n".join(lines)
    only = section.blocks[0] if len(section.blocks) == 1 else None
    if isinstance(only, Para) and head.endswith(":") and ": " not in head and not only.text.endswith(":"):
        return f"{head} {only.text}"
    return "\n".join([head, *lines])


def _head(section: Section) -> str | None:
    """The first line of a section; None for one without number and heading."""
    if not section.heading:
        return section.number or None
    closed = section.heading[-1] in "?!." and ": " not in section.heading
    return f"{section.number} {section.heading}{'' if closed else ':'}"


def block_lines(block: Block) -> Iterator[str]:
    """The lines of a block and of what stands below it. Pictures have none."""
    if isinstance(block, Para):
        yield block.text
    elif isinstance(block, Step):
        yield f"{block.number} {block.text}".rstrip()
        for child in block.children:
            yield from block_lines(child)
    elif isinstance(block, Table):
        for row in [block.header, *block.rows] if block.header else block.rows:
            yield " | ".join(row).strip()
    elif isinstance(block, Code):
        longest = max((len(run) for run in re.findall(r"`{3,}", block.text)), default=2)
        fence = "`" * (longest + 1)
        yield from [fence + block.lang, *block.text.split("\n"), fence]


# ---------------------------------------------------------------------- the inverse


def parse(text: str) -> Document:
    """The document that `flatten` wrote, but for roles, origins and table headers.

    A line counts as a step only where its number is the next one, so text that begins with a number stays text.
    """
    document = Document(title="")
    open_sections = [0]  # how many sections and steps each open level has
    for place, chunk in enumerate(_chunks(text)):
        if place == 0 and len(chunk) == 1 and chunk[0].startswith("Title: "):
            document.title = chunk[0].removeprefix("Title: ")
            continue
        document.sections.append(_section(chunk, open_sections))
    return document


def _chunks(text: str) -> Iterator[list[str]]:
    """The runs of lines between blank lines; a fence is never parted."""
    lines: list[str] = []
    fence = ""
    for line in text.split("\n"):
        mark = _FENCE.match(line)
        if fence:
            fence = "" if line == fence else fence
        elif mark:
            fence = mark[1]
        elif not line:
            if lines:
                yield lines
            lines = []
            continue
        lines.append(line)
    if lines:
        yield lines


def _section(lines: list[str], counts: list[int]) -> Section:
    label, rest = _section_label(lines[0], counts)
    if not label:
        return Section("", blocks=_blocks(lines, "", [0]))
    level = 1 if label.endswith(".0") else label.count(".") + 1
    prefix = label.removesuffix(".0") if level == 1 else label
    del counts[level:]
    counts[-1] += 1
    blocks: list[Block] = []
    heading = rest.removesuffix(":")
    if not rest.endswith(":") and ": " in rest:
        heading, _, only = rest.partition(": ")
        blocks.append(Para(only))
    below = [0]
    blocks += _blocks(lines[1:], prefix, below)
    counts.append(below[0])
    return Section(heading, number=label, level=level, id=f"s{prefix}", blocks=blocks)


def _section_label(line: str, counts: list[int]) -> tuple[str, str]:
    found = _LABEL.match(line)
    if found is None:
        return "", ""
    for depth in range(len(counts)):
        label = ".".join(map(str, [*counts[:depth], counts[depth] + 1]))
        if found[1] == (f"{label}.0" if depth == 0 else label):
            return found[1], found[2] or ""
    return "", ""


def _blocks(lines: Iterable[str], prefix: str, below: list[int]) -> list[Block]:
    """The blocks of a section; `below` takes the count of its steps."""
    found: list[Block] = []
    path: list[Step] = []
    pending = list(lines)
    while pending:
        line = pending.pop(0)
        home = path[-1].children if path else found
        fence = _FENCE.match(line)
        if fence and fence[1] in pending:
            end = pending.index(fence[1])
            home.append(Code("\n".join(pending[:end]), fence[2]))
            del pending[: end + 1]
        elif prefix and (step := _step(line, prefix, path, below)):
            (path[-1].children if path else found).append(step)
            path.append(step)
        else:
            home.append(Para(line))
    return found


def _step(line: str, prefix: str, path: list[Step], below: list[int]) -> Step | None:
    """The step that the line begins, where its number is the next; `path` is cut to its parents."""
    found = _LABEL.match(line)
    if found is None:
        return None
    label = found[1]
    for depth in range(len(path), -1, -1):
        parent = path[depth - 1].number if depth else prefix
        count = len([c for c in path[depth - 1].children if isinstance(c, Step)]) if depth else below[0]
        if label == f"{parent}.{count + 1}":
            del path[depth:]
            below[0] += depth == 0
            return Step(found[2] or "", label, label.count(".") + 1)
    return None

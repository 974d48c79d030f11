"""Procedures that are set as a table, a row a step: columns such as Step, Action and Responsible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from curator.sop.document import Block, Dropped, Origin, Para, Step, Table
from curator.sop.labels import is_known_head
from curator.sop.reading import Heading, Piece, Text
from curator.sop.roles import folded, role_of
from curator.sop.verbs import is_order

_COUNTS = frozenset((
    "", "step", "steps", "no", "nr", "num", "number", "item", "seq", "sequence", "s no", "sl no", "sr no", "step no", "step nr", "step number", "sequence no", "n",
    "schritt", "schritt nr", "lfd nr", "nummer", "paso", "paso no", "numero", "etape", "etape no", "numero d etape",
))  # fmt: skip
_ACTIONS = frozenset((
    "action", "actions", "activity", "activities", "activity description", "task", "tasks", "instruction", "instructions", "what to do", "procedure", "procedure step", "procedure steps",
    "step", "steps", "step description", "process", "process step", "operation", "operations", "action to take", "actions to take", "action required", "how", "work step", "method",
    "tatigkeit", "tatigkeiten", "aktivitat", "massnahme", "arbeitsschritt", "arbeitsschritte", "handlung", "anweisung", "vorgehen", "durchfuhrung",
    "accion", "acciones", "actividad", "actividades", "tarea", "tareas", "instruccion", "instrucciones", "paso", "descripcion de la actividad", "descripcion de actividades",
    "activite", "activites", "tache", "taches", "operation a effectuer", "consigne", "consignes", "action a realiser", "mode operatoire", "description de l activite",
))  # fmt: skip
_WEAK = frozenset(("description", "details", "what", "beschreibung", "descripcion", "detalle", "descriptif"))
_WHO = re.compile(
    r"respons\w*|who|role|owner|performed by|done by|by|person|verantwort\w*|zustandig\w*|wer|durch|quien|cargo|qui|executant"
)
_NO_STEPS = frozenset("definitions abbreviations materials references revision records scope accountability responsibility".split())  # fmt: skip
_LABEL = re.compile(r"(?:step|schritt|paso|étape)?\s*\(?((?:\d{1,3}(?:\.\d{1,3})*|[a-z]|[ivx]{1,5}))[.):]?", re.I)
NOTE = re.compile(r"(note|warning|caution|danger|important|tip|hinweis|warnung|achtung|vorsicht|nota|advertencia|precaución|remarque|attention|avertissement)\b\s*[:!.–-]", re.I)  # fmt: skip


class Columns(NamedTuple):
    """Which columns hold the number (-1: none) and the action, and whether the first row names them."""

    numbers: int
    action: int
    head: list[str]


def is_numbered_text(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table of two columns only places a text: its numbers on the left ("1.0", "1.1"), headings among the rest."""
    if len(rows) < 3 or any(len(row) != 2 for row in rows):
        return False
    labels = [row[0].strip() for row in rows if row[0].strip()]
    numbered = [label for label in labels if re.fullmatch(r"\d{1,2}(?:\.\d{1,2}){0,4}\.?", label)]
    headed = any(role_of(row[1]) != "other" and re.fullmatch(r"\d{1,2}(?:\.0)?\.?", row[0].strip()) for row in rows)
    plain = [label.rstrip(".").removesuffix(".0") for label in numbered]
    below = [(parent, int(last)) for label in plain for parent, _, last in [label.rpartition(".")] if parent]
    counted = all(parent in plain and (last == 1 or f"{parent}.{last - 1}" in plain) for parent, last in below)
    return headed and len(numbered) == len(labels) and bool(below) and counted


def columns(header: Sequence[str], rows: Sequence[Sequence[str]], role: str = "other") -> Columns | None:
    """The columns of a table whose rows are steps, None for any other table.

    `role` is that of the section. A header must name the action; its rows must count, or name who does it.
    """
    first = list(header or (rows[0] if rows else ()))
    below = rows if header else rows[1:]
    if role in _NO_STEPS or len(first) < 2 or len(below) < 2:
        return None
    names = [folded(cell) for cell in first]
    count = next((n for n, name in enumerate(names) if name in _COUNTS and _counting(below, n)), -1)
    action = next((n for n, name in enumerate(names) if n != count and name in _ACTIONS), -1)
    weak = action < 0
    if weak:
        action = next((n for n, name in enumerate(names) if n != count and name in _WEAK), -1)
    if action < 0:
        return None
    told = [row[action] for row in below if action < len(row) and row[action]]
    orders = sum(is_order(text) for text in told)
    wordy = sum(len(text.split()) >= 3 for text in told)
    who = any(_WHO.fullmatch(name) or _WHO.match(name) for n, name in enumerate(names) if n not in (count, action))
    if 2 * wordy < len(told) and 2 * orders < len(told):
        return None
    if weak and not (role == "procedure" or 2 * orders >= len(told)):
        return None
    if count < 0 and not (role == "procedure" or (who and 2 * orders >= len(told))):
        return None
    return Columns(count, action, first)


def _counting(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Whether a column counts: nearly all its cells are numbers, and rising."""
    whole_rows = [row for row in rows if sum(bool(cell.strip()) for cell in row) > 1]
    cells = [row[column].strip() for row in whole_rows if column < len(row) and row[column].strip()]
    labels = [found[1] for cell in cells if (found := _LABEL.fullmatch(cell))]
    whole = [int(label) for label in labels if label.isdigit()]
    return len(labels) >= 2 and len(labels) >= 0.7 * len(cells) and whole == sorted(whole)


Cell = Callable[[int, int], list[Block]]  # of a row and a column, both from 0: what stands in the cell


def steps_of(found: Columns, rows: Sequence[Sequence[str]], cell: Cell) -> list[Block]:
    """A step a row, what its other columns say below it ("Responsible: Operator"), and rows of one cell as paragraphs.

    A row without a number where others have one goes on with the step above it.
    """
    out: list[Block] = []
    stack: list[tuple[Step, int]] = []
    for place, row in enumerate(rows):
        label = _label(row, found.numbers)
        text = row[found.action].strip() if found.action < len(row) else ""
        filled = [n for n, value in enumerate(row) if value.strip()]
        if len(filled) == 1 and (filled[0] != found.action or found.numbers >= 0) and not label:
            below = stack and (NOTE.match(row[filled[0]]) or filled[0] == found.action)
            (stack[-1][0].children if below else out).extend(_noted(cell(place, filled[0]), row[filled[0]]))
            continue
        if not text and not label:
            out += [block for n in filled for block in cell(place, n)]
            continue
        made = _steps(label, cell(place, found.action) if text else [], text)
        step = made[-1]
        step.children += _others(found, row, place, cell)
        depth = _depth(label, stack, numbered=found.numbers >= 0)
        while stack and stack[-1][1] >= depth:
            stack.pop()
        (stack[-1][0].children if stack else out).extend(made)
        stack.append((step, depth))
    return out


def _label(row: Sequence[str], column: int) -> str:
    if not 0 <= column < len(row):
        return ""
    found = _LABEL.fullmatch(row[column].strip())
    return found[1] if found else ""


def _noted(blocks: list[Block], text: str) -> list[Block]:
    """The blocks of a row of one cell, known as a note where its text begins so."""
    if (note := NOTE.match(text)) and blocks and isinstance(blocks[0], Para):
        blocks[0].note = note[1].lower()
    return blocks


def _steps(label: str, blocks: list[Block], text: str) -> list[Step]:
    """The step of an action's cell: its first paragraph, the rest below it; of a cell that is a list, its items."""
    items = [block for block in blocks if isinstance(block, Step)]
    if items and len(items) == len(blocks):
        items[0].number_source = label or items[0].number_source
        return items
    return [_step(label, blocks, text)]


def _step(label: str, blocks: list[Block], text: str) -> Step:
    if blocks and isinstance(blocks[0], Para):
        return Step(
            blocks[0].text, number_source=label, note=blocks[0].note, origin=blocks[0].origin, children=blocks[1:]
        )
    return Step("" if blocks else text, number_source=label, children=blocks)


def _others(found: Columns, row: Sequence[str], place: int, cell: Cell) -> list[Block]:
    blocks: list[Block] = []
    for n, value in enumerate(row):
        if n in (found.action, found.numbers) or not value.strip():
            continue
        name = found.head[n].strip(" :") if n < len(found.head) else ""
        inside = cell(place, n)
        if len(inside) == 1 and isinstance(inside[0], Para) and name:
            blocks.append(Para(f"{name}: {inside[0].text}", None, inside[0].origin))
        else:
            blocks += [Para(f"{name}:"), *inside] if name else inside
    return blocks


def _depth(label: str, stack: list[tuple[Step, int]], *, numbered: bool) -> int:
    """1 for "3", 2 for "3.1", one more than the last number for "a" and for a row that goes on without a number."""
    if label.replace(".", "").isdigit():
        return label.count(".") + 1
    if not label and not numbered:
        return 1
    numbers = [depth for step, depth in stack if step.number_source.replace(".", "").isdigit()]
    return (numbers[-1] if numbers else 0) + 1


def untabled(pieces: list[Piece], drop: Callable[[Dropped], None]) -> Iterator[Piece]:
    """The pieces with the rows of tables of steps as steps."""
    role = "other"
    for piece in pieces:
        if isinstance(piece, Heading) or (isinstance(piece, Text) and is_known_head(piece.text)):
            role = role_of(piece.text)
        rows = [row for row in (piece.header, *piece.rows) if any(row)] if isinstance(piece, Table) else []
        if isinstance(piece, Table) and is_numbered_text(rows):
            yield from (Text(" ".join(filter(None, row)), origin=piece.origin) for row in rows)
            continue
        found = columns(rows[0], rows[1:], role) if len(rows) > 2 else None
        if found is None:
            yield piece
            continue
        drop(Dropped("table-head", " | ".join(filter(None, found.head))[:80], piece.origin))
        yield from steps_of(found, rows[1:], partial(_text_cell, rows[1:], piece.origin))


def _text_cell(rows: list[list[str]], origin: Origin, row: int, column: int) -> list[Block]:
    return [Para(rows[row][column], None, origin)]

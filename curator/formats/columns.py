"""Rows whose columns nobody knows: a map from column names to roles, and a guess at one."""

from __future__ import annotations

from collections.abc import Mapping

from curator.errors import UsageError
from curator.formats.adapter import Row
from curator.formats.turns import parsed, read_field, read_listed
from curator.model import Example, Turn

ROLES = ("system", "user", "assistant", "tool")
PARTS = ("messages", "chosen", "rejected", "label", "tools", "text")


class ColumnMap:
    """Reads rows by a map from column names to roles or parts of a row."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        for column, meaning in columns.items():
            if meaning not in (*ROLES, *PARTS):
                raise UsageError(
                    f"column {column!r} cannot be {meaning!r}",
                    hint=f"a column can be one of {', '.join((*ROLES, *PARTS))}",
                )
        self._columns = dict(columns)

    def read(self, value: Row) -> Example | None:
        """The mapped columns as turns in the order of the map; None where the row has none of them."""
        turns: list[Turn] = []
        sides: dict[str, tuple[Turn, ...]] = {"chosen": (), "rejected": ()}
        tools, tools_path, label, found = (), "", None, False
        for column, meaning in self._columns.items():
            found = found or column in value
            item = value.get(column)
            if meaning in ROLES:
                if item is not None or meaning in ("user", "assistant"):
                    turns += read_field(item, column, meaning)
            elif meaning == "text":
                turns += read_field(item, column, "assistant")
            elif meaning == "messages":
                turns += read_listed(item, column)
            elif meaning in sides:
                sides[meaning] = read_field(item, column, "assistant")
            elif meaning == "label":
                label = item if type(item) is bool else None
            else:
                listed = parsed(item)[0]
                tools, tools_path = (tuple(listed), column) if type(listed) is list else ((), "")
        if not found:
            return None
        return Example(
            "mapped", tuple(turns), value, tools, sides["chosen"], sides["rejected"], label, tools_path
        )

"""What a training run knew of every row: row_facts.parquet, by content id."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from curator.errors import UNREADABLE, SourceError

FACTS = "row_facts.parquet"
# What training made of a row, and how it is said.
NEVER, KNOWN, BY_HEART, LEARNT = "never", "known", "by heart", "learnt"
SAID = {NEVER: "never learnt", BY_HEART: "learnt by heart", KNOWN: "known before", LEARNT: "learnt"}
Columns = dict[str, list[Any]]


def facts_file(name: str | Path) -> Path:
    """The file of facts: that of a run's folder, or the one named."""
    return Path(name) / FACTS if Path(name).is_dir() else Path(name)


def read_facts(name: str | Path) -> Columns:
    """The facts of a run, column by column: its folder, its row_facts.parquet, or the same as JSON lines.

    Raises:
        SourceError: there are none, or they cannot be read.
    """
    file = facts_file(name)
    try:
        stat = file.stat()
        return _read(file, stat.st_mtime_ns, stat.st_size)
    except (OSError, *UNREADABLE, KeyError, TypeError) as error:
        missing = isinstance(error, FileNotFoundError)
        said = "no such file or folder" if missing else " ".join(str(error).split())[:120]
        hint = "name a run that measured its rows: curator train run … --facts on"
        raise SourceError(f"no facts of rows: {said}", where=str(file), hint=hint) from None


@lru_cache(maxsize=2)
def _read(file: Path, changed: int, size: int) -> Columns:
    if file.suffix == ".jsonl":
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
        return {name: [row[name] for row in rows] for name in rows[0]} if rows else {"row": []}
    import pyarrow.parquet as pq

    table = pq.read_table(file)
    return {name: table.column(name).to_pylist() for name in table.column_names}

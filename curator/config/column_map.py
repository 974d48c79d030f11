"""The column map as it is written into a configuration file."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from curator.config.reading import read_table
from curator.config.settings import Config, shown_path
from curator.errors import ConfigError
from curator.writing import write_whole

_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)


def map_file(config: Config, start: Path) -> Path:
    """Where a column map for data at `start` belongs: the file in use, else a new one here or by the data."""
    if config.source:
        return Path(config.source)
    folder = start if start.is_dir() else start.parent
    here = Path.cwd()
    return (here if folder.resolve().is_relative_to(here) else folder) / "curator.toml"


def saved_map(path: Path) -> dict[str, str]:
    """The column map of a configuration file; empty where there is none. Raises ConfigError."""
    found = read_table(path).get("map") if path.exists() else None
    return dict(found) if isinstance(found, dict) else {}


def save_map(path: Path, columns: Mapping[str, str]) -> bool:
    """Write the column map into a configuration file, new or existing; the rest of its text stays as it is.

    False where the file says the same already.

    Raises:
        ConfigError: the map is written in the file in a way that cannot be replaced line by line.
        WriteError: the file cannot be written.
    """
    if path.exists() and read_table(path).get("map") == columns:
        return False
    text = path.read_bytes().decode("utf-8") if path.exists() else ""
    name = "tool.curator.map" if path.name == "pyproject.toml" else "map"
    table = "".join(f"{_key(column)} = {_key(role, quoted=True)}\n" for column, role in columns.items())
    new = _with_table(text, name, table.replace("\n", "\r\n" if "\r\n" in text else "\n"))
    if not _same_but_for_map(text, new, name, dict(columns)):
        hint = f"write it there by hand:\n[{name}]\n{table}"
        raise ConfigError("cannot replace the column map in this file", where=shown_path(path), hint=hint)
    write_whole(path, new.encode())
    return True


def _with_table(text: str, name: str, body: str) -> str:
    """The text with the entries of the table [name] replaced, or with the table at its end."""
    end = "\r\n" if "\r\n" in text else "\n"
    header = re.compile(rf"^[ \t]*\[[ \t]*{re.escape(name)}[ \t]*\][^\n]*\n?", re.MULTILINE)
    found = header.search(text)
    if not found:
        head = text if not text or text.endswith("\n") else text + end
        return f"{head}{end if head else ''}[{name}]{end}{body}"
    following = _HEADER.search(text, found.end())
    stop = following.start() if following else len(text)
    kept = [line for line in text[found.end() : stop].splitlines(keepends=True) if not _is_entry(line)]
    start = text[: found.end()] if text[found.end() - 1] == "\n" else text[: found.end()] + end
    return start + body + "".join(kept) + text[stop:]


def _is_entry(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _key(word: str, quoted: bool = False) -> str:
    """A word as a TOML key or string."""
    if not quoted and re.fullmatch(r"[A-Za-z0-9_-]+", word):
        return word
    return json.dumps(word, ensure_ascii=False).replace("\x7f", "\\u007f")


def _same_but_for_map(old: str, new: str, name: str, columns: dict[str, str]) -> bool:
    """True where the new text says what the old one says, with the map replaced."""
    try:
        before, after = tomllib.loads(old.removeprefix("\ufeff")), tomllib.loads(new.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        return False
    table = before
    for part in name.split(".")[:-1]:
        table = table.setdefault(part, {})
    table["map"] = columns
    return before == after

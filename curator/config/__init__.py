"""Configuration: `curator.toml` or `[tool.curator]` in `pyproject.toml`, and the plan made from it.

A `Config` is what was asked for; a `Plan` is what will run: rule objects with their options and
severities, and a hash of all that findings depend on.
"""

from __future__ import annotations

from curator.config.column_map import map_file, save_map, saved_map
from curator.config.planning import Plan
from curator.config.reading import find_config, load_config, profiles, read_table, recipe
from curator.config.selectors import EXACT, Match, family, load_rules, match, unknown_rule
from curator.config.settings import Config, FailOn, Limit, Method, Selection, Settings
from curator.config.values import expected, nearest
from curator.config.waiting import unlock

__all__ = [
    "EXACT", "Config", "FailOn", "Limit", "Match", "Method", "Plan", "Selection", "Settings", "expected", "family",
    "find_config", "load_config", "load_rules", "map_file", "match", "nearest", "profiles", "read_table", "recipe",
    "save_map", "saved_map", "unknown_rule", "unlock",
]  # fmt: skip

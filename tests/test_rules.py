"""What holds for every rule, in Python and in TOML: the examples say what a rule does, and are executed.

A rule is tested by its own GOOD and BAD. A test that fails here names the rule and the example; nothing
in this file knows a single rule.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from curator import docs
from curator.model import Example, Flag
from curator.neighbours import shingles
from curator.proving import laws as proving
from curator.proving.laws import CHECKS, CROWD_CHECKS, Crowd
from curator.rule import Bad, RowRule, all_rules, chat

SHARED = Path(__file__).parents[2] / "shared" / "data"

RULES = all_rules()
every_rule = pytest.mark.parametrize("rule", RULES.values(), ids=RULES)


@every_rule
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_rule_is_what_it_says(rule: Any, check: Any) -> None:
    assert list(check(rule)) == []


@every_rule
def test_its_code_has_three_letters(rule: Any) -> None:
    assert re.fullmatch(r"[A-Z]{3}\d{3}", rule.code)
    assert docs.find(rule.slug()) is rule


def test_names_are_unique() -> None:
    names = [rule.slug() for rule in RULES.values()]
    assert sorted(names) == sorted(set(names))


# ---------------------------------------------------------------------- speed must not change the verdict


@cache
def crowd() -> Crowd:
    """Every example of every rule and some hundred real rows."""
    return proving.crowd(RULES.values(), real_lines())


@every_rule
@pytest.mark.parametrize("check", CROWD_CHECKS, ids=lambda check: check.__name__)
def test_narrowing_and_cutting_change_no_verdict(rule: Any, check: Any) -> None:
    assert list(check(rule, crowd())) == []


def real_lines() -> list[bytes]:
    """Up to fifteen rows of each of some real sets, where they are at hand."""
    lines: list[bytes] = []
    for file in sorted(SHARED.glob("*/*.json*")) if SHARED.is_dir() else []:
        if file.suffix == ".jsonl":
            with file.open("rb") as stream:
                lines += [line.rstrip(b"\n") for line, _ in zip(stream, range(15), strict=False)]
        elif file.suffix == ".json" and file.stat().st_size < 5_000_000:
            value = json.loads(file.read_bytes())
            lines += [msgspec.json.encode(row) for row in value[:15]] if isinstance(value, list) else []
    return [line for line in lines if b"\n" not in line]


@pytest.mark.parametrize("view", ["whole", "prompt", "answer"])
def test_the_arrays_of_a_view_depend_on_each_row_alone(view):
    """So that rows alike are the same wherever a file is cut."""
    batch, parted = crowd()
    whole = shingles.columns(batch, view)
    parts = [shingles.columns(part, view) for part in parted]
    for name, values in whole.items():
        assert np.array_equal(np.concatenate([part[name] for part in parts]), values), name
    assert whole[f"{view}.counts"].sum() == len(whole[f"{view}.words"])


def test_a_row_that_is_not_flagged_is_told_once_and_not_in_every_shape() -> None:
    class Deaf(RowRule, frozen=True):
        """Nothing is heard."""

        BAD = (Bad(chat(user="Hi", assistant="Hello."), at="messages[1].content"),)

        def check(self, example: Example) -> Iterator[Flag]:
            yield from ()

    class OfOneShape(Deaf, frozen=True):
        """Chats alone are heard."""

        def check(self, example: Example) -> Iterator[Flag]:
            if example.shape == "openai-chat":
                yield example.turns[1].flag("heard")

    assert len([*proving.bad_is_flagged(Deaf)]) == 1 and not [*proving.holds_in_every_shape(Deaf)]
    (told,) = proving.holds_in_every_shape(OfOneShape)
    assert "(and as " in told and told.count("the row is flagged 0 times") == 1

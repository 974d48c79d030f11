"""What a row is known by: its content, however it is written and wherever it stands; verdicts rest on it."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curator import decisions
from curator.columns import content_id, parse
from curator.config import Config
from curator.engine import lint


def row_id(line: str) -> str:
    raw = line.encode()
    return content_id(parse(raw), raw).hex()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('{"a":1,"b":2}', '{ "b" : 2,\t"a":1 }'),
        ('{"a":{"x":1,"y":[1,2]}}', '{"a":{"y":[1, 2],"x":1}}'),
        ('{"a":"é\\u200b"}', '{"a":"\\u00e9\\u200B"}'),
        ('{"a":1,"a":2}', '{"a":2}'),  # as every parser that is in use reads it
        ('{"a":NaN}', '{"a":null}'),  # what JSON cannot write is nothing
    ],
    ids=["key order and space", "nested", "escapes", "a key twice", "not a number"],
)
def test_the_same_content_is_the_same_row(one: str, other: str) -> None:
    assert row_id(one) == row_id(other)


def test_another_content_is_another_row() -> None:
    rows = [
        '{"a":1}', '{"a":1.0}', '{"a":true}', '{"a":"1"}', '{"a":null}', '{"a":[1,2]}', '{"a":[2,1]}', '{"b":1}',
        '{"a":"e\\u0301"}', '{"a":"\\u00e9"}', '{"a":"\\ud800"}', '{"a":"\\udc00"}', '{"a":"x "}', '{"a":"x"}',
        '{"a":123456789012345678901234567890}', '{"a":123456789012345678901234567891}', "no json", "no json ",
    ]  # fmt: skip
    assert len({row_id(row) for row in rows}) == len(rows)


words = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(words, values, max_size=4), st.randoms(use_true_random=False), st.booleans())
def test_a_row_is_known_however_it_is_written(row: dict[str, Any], drawn: random.Random, escaped: bool) -> None:
    def shuffled(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in drawn.sample(sorted(value), len(value))}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    other = json.dumps(shuffled(row), indent=1, ensure_ascii=escaped).replace("\n", " ")
    assert row_id(other) == row_id(json.dumps(row))


def chat(n: int, answer: str) -> dict[str, Any]:
    told = [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": answer}]
    return {"messages": told}


edits = st.lists(
    st.tuples(st.sampled_from(["insert", "drop", "swap", "empty", "answer"]), st.integers(0, 9)), max_size=6
)


@settings(max_examples=25)
@given(kept=st.sets(st.integers(0, 9), max_size=6), edits=edits)
def test_a_verdict_holds_whatever_is_done_to_other_rows(
    tmp_path_factory: pytest.TempPathFactory, kept: set[int], edits: list[tuple[str, int]]
) -> None:
    """After any edits a finding that was kept is never reported again, and every other one is."""
    data = Path(tmp_path_factory.mktemp("ids")) / "d.jsonl"
    config = Config(select=("ROL007",), fail_on="info")

    def found(rows: list[dict[str, Any]]) -> Any:
        data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return lint([data], config, cache=False)

    rows = [chat(n, "") for n in range(10)]
    verdicts = [
        decisions.decide(finding, "keep", who="ana", why="meant")
        for finding in found(rows).findings
        if finding.line - 1 in kept
    ]
    new = 100
    for what, at in edits:
        place = at % (len(rows) or 1)
        if what == "insert":
            rows.insert(place, chat(new, ""))
        elif what == "swap":
            rows.reverse()
        elif rows and what == "drop":
            rows.pop(place)
        elif rows:
            rows[place] = chat(new, "" if what == "empty" else "Yes, it is.")
        new += 1
    left = decisions.settle(found(rows), decisions.Log("d", tuple(verdicts), tuple(range(1, len(verdicts) + 1))))
    waived = {decision.row for decision in verdicts}
    empty = {n: row_id(json.dumps(row)) for n, row in enumerate(rows, 1) if not row["messages"][1]["content"]}
    open_rows = [n for n, row in empty.items() if row not in waived]
    assert [finding.line for finding in left.findings] == open_rows

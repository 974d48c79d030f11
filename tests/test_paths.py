"""Paths into a row."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curator import paths
from curator.errors import UsageError

TEXT = st.text(
    st.one_of(st.sampled_from('ab "\\/\n\t\u200b\u2028é漢😀\x00\x7f[]{}.,:'), st.characters(codec="utf-8")),
    max_size=8,
)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("", ()),
        ("messages[1].content[0].text", ("messages", 1, "content", 0, "text")),
        ('tools[0].function.parameters["a b"]', ("tools", 0, "function", "parameters", "a b")),
        ("[0].content", (0, "content")),
        ('["a.b"].c', ("a.b", "c")),
        ('a["[0]"]', ("a", "[0]")),
        ("a.0", ("a", "0")),
        ("质问.x-y", ("质问", "x-y")),
        ('a["\\"\\\\"]', ("a", '"\\')),
        ('a["\\u200b"]', ("a", "\u200b")),
        ('a[""]', ("a", "")),
    ],
)
def test_a_path_and_its_steps(path, steps):
    assert paths.parse(path) == steps
    assert paths.format(steps) == path


def test_an_odd_key_may_also_be_written_without_quotes():
    assert paths.parse("my key.x") == ("my key", "x")


@pytest.mark.parametrize("path", ["a..b", ".a", "a[", "a[x]", 'a["x]', "a[0]b", "a.", "[", "a[-1]"])
def test_a_malformed_path_is_an_error_that_shows_the_form(path):
    with pytest.raises(UsageError, match="no path in a row"):
        paths.parse(path)


@given(st.lists(st.one_of(st.integers(0, 99), TEXT), max_size=5))
def test_every_key_survives_the_round_trip(steps):
    assert paths.parse(paths.format(steps)) == tuple(steps)


def test_join_writes_what_lies_below():
    assert paths.join("messages[1]", "content", 0, "text") == "messages[1].content[0].text"
    assert paths.join("", "a") == "a"
    assert paths.join("a", "b c") == 'a["b c"]'
    assert paths.join("a") == "a"


def test_get_reads_what_is_there_and_the_default_elsewhere():
    row = {"a": [{"b": None}, "text"]}
    assert paths.get(row, "a[1]") == "text"
    assert paths.get(row, "a[0].b", 7) is None
    assert paths.get(row, "") == row
    for nowhere in ("a[2]", "a.b", "a[1].c", "b", "a[1][0]", "a[0][0]"):
        assert paths.get(row, nowhere, 7) == 7
